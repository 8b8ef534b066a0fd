"""The sample county from its seed to plans on maps: what `placeplan demo` shows to somebody who tries it."""

import html
import re
from pathlib import Path

import pandas as pd
import pyogrio
import pytest
from browser import DESKTOP, PHONE, check_map, open_page
from exported import differences, tables_of
from stored_plans import check_stored_plans

from maps.commissioning import ADDING
from models.options import BULGE
from placeplan.cli import main
from placeplan.county.last_year import FOLDER
from placeplan.exports import GEOPACKAGE, WORKBOOK
from placeplan.exports.layers import likely_decisions
from placeplan.exports.meanings import column_of, tables_listed
from placeplan.journeys import study_journeys
from placeplan.pages.stage import VILLAGE_PHASES, stage_summaries
from placeplan.pages.travel import travellers
from placeplan.pipeline import NAMES
from placeplan.report.dates import calendar_contents
from placeplan.report.facts import Facts
from placeplan.report.threshold import with_steps_needed
from placeplan.results import read_stage, read_summary
from placeplan.study import Study


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "county"
    with pytest.raises(SystemExit) as stop:
        main(["demo", str(folder)])
    assert stop.value.code in (0, None)
    return folder


@pytest.fixture(scope="module")
def results(county: Path) -> Path:
    return county / "results/base"


def test_every_stage_runs_and_every_plan_is_what_it_says(county: Path, results: Path) -> None:
    assert [name for name in NAMES if read_summary(results / name) is None] == []
    check_stored_plans(county)
    told = read_summary(results / "estate")
    assert told is not None and told["status"] == "optimal" and told["gap"] <= 0.001


def test_the_growing_town_gets_a_school_and_only_named_villages_lose_theirs(county: Path, results: Path) -> None:
    """The story the county is made to tell; a closure that the study does not name would be a scandal."""
    study = Study.open(county)
    decisions = read_stage(results / "estate", "decisions")
    named = {str(int(value)) for value in study.policy.numbers("closable_urns")}
    closing = decisions[decisions["action"] == "close"]
    assert 0 < len(closing) <= study.policy.integer("closures_max")
    assert set(closing["facility"]) <= named
    assert closing["proposer"].str.len().min() > 0 and closing["reason"].str.contains("pupils go to").all()
    opened = decisions[decisions["action"] == "new school"]
    assert opened["planning_area"].str.contains("Tarnebridge").any()
    balance = read_stage(results / "balance", "balance")
    short = balance[(balance["planning_area"] == opened["planning_area"].iloc[0]) & (balance["need"] > 10)]
    assert len(short), "the new school answers a need that the balance shows"


def test_moved_pupils_go_where_policy_lets_them(county: Path, results: Path) -> None:
    """No pupil of a village is sent to a Catholic school by a plan, nor beyond the longest journey."""
    study = Study.open(county)
    schools = study.tables["schools"].assign(key=lambda frame: frame["urn"].astype(str)).set_index("key")
    moved = read_stage(results / "estate", "allocation").query("moved")
    faith = schools["religious_character"].str.lower()
    to_closed_faith = moved["facility"].map(faith).eq("roman catholic") & moved["today"].map(faith).ne("roman catholic")
    assert not to_closed_faith.any()
    km_in_an_hour = 105
    assert moved["distance_m"].max() < 75 / 60 * km_in_an_hour * 1000


def test_last_years_study_lies_within_without_the_last_year(county: Path) -> None:
    """What changed since last year would be told of births and journeys that nobody had counted by then."""
    now, then = (
        {name: pd.read_csv(folder / f"inputs/{name}.csv") for name in ("pupils", "rolls", "births", "flows")}
        for folder in (county, county / FOLDER)
    )
    for name in ("pupils", "rolls"):
        assert then[name]["academic_year"].max() == "2021/22" and now[name]["academic_year"].max() == "2022/23"
    assert then["births"]["year_ending"].max() < now["births"]["year_ending"].max()
    assert len(then["births"]) == len(now["births"]) - now["births"]["locality"].nunique()
    assert set(then["flows"]["academic_year"]) == {"2021/22"} and len(then["flows"]) == len(now["flows"])


def test_clusters_are_of_village_schools(county: Path, results: Path) -> None:
    """A full infant school of a city must not be led by a village head because it has only three year groups."""
    schools = Study.open(county).tables["schools"].set_index("urn")
    clusters = read_stage(results / "clusters", "clusters").set_index("urn")
    per_year = clusters["pupils"] / (schools["high_age"] - schools["low_age"]).reindex(clusters.index)
    assert per_year[clusters["small"]].max() <= 150 / 7
    larger = clusters[~clusters["small"]]
    assert (larger["role"] == "lead").all() and larger["pupils"].max() <= 420  # a hub, or not in the table


def test_a_closing_school_stands_in_no_cluster(county: Path, results: Path) -> None:
    """A paper that closes a school and makes it the lead of a cluster would not survive its first reader."""
    decisions = read_stage(results / "estate", "decisions")
    closing = set(decisions.loc[decisions["action"] == "close", "urn"].astype(int))
    clusters = read_stage(results / "clusters", "clusters").set_index("urn")
    assert closing and not closing & set(clusters.index)
    schools = Study.open(county).tables["schools"].set_index("urn")
    academy = schools["trust"].notna()
    together = clusters[clusters["role"] != "alone"].groupby("cluster").groups
    assert all(len(set(academy[list(urns)])) == 1 for urns in together.values())
    assert clusters.loc[clusters["role"] == "lead", "pupils"].min() >= 50


def test_a_closure_says_what_stands_against_it(results: Path) -> None:
    decisions = read_stage(results / "estate", "decisions").query("action == 'close'")
    assert decisions["reason"].str.contains("presumption against closure").all()
    assert (decisions["journeys_gbp"] > 0).all(), "displaced pupils travel further: a closure that hides it misleads"
    assert (decisions["net_gbp"] > decisions["cost_gbp"]).all()


def test_nothing_is_estimated_or_old_in_the_sample(county: Path) -> None:
    study = Study.open(county)
    assert study.banners == [] and study.fallbacks == ()


def test_the_competition_has_a_winner_that_could_be_contested(results: Path) -> None:
    """A sample in which nobody fails a threshold or comes near the winner would show nothing."""
    ranked = read_stage(results / "tender", "bids_ranked").query("competition == 'C2023-1'").set_index("bid")
    assert ranked["rank"].fillna(0).tolist() == [1, 2, 3, 4, 0]
    assert ranked["why"].iloc[-1].startswith("below the threshold")
    shares = read_stage(results / "tender", "weight_shares").query("competition == 'C2023-1'")
    weighed = shares[shares["basis"] == "every weighting"].set_index("bid")["share"]
    assert 0.5 < weighed[ranked.index[0]] < 1


def test_published_rules_change_who_wins_the_linked_competitions(results: Path) -> None:
    """A sample in which the winners apart were the best set would not show what the rules are for."""
    told = (read_summary(results / "tender") or {})["linked_awards"]["L2023-1"]
    ranked = read_stage(results / "tender", "bids_ranked")
    apart = ranked[ranked["rank"] == 1].set_index("competition")["bid"].to_dict()
    assert told["outcome"] == "proven" and set(told["awards"]) == set(apart) and told["awards"] != apart
    assert len(told["binding_rules"]) >= 2 and told["sets"] == 6
    sets = read_stage(results / "tender", "award_sets")
    assert "P1" in set(sets["package"]), "the package is never among the best sets shown"


@pytest.mark.browser
def test_maps_draw_every_feature_and_ask_nobody(county: Path, results: Path) -> None:
    maps, study = results / "maps", Study.open(county)
    localities, schools = len(study.tables["localities"]), len(study.tables["schools"])
    areas = study.tables["localities"].groupby("planning_area_primary").ngroups
    clusters = read_stage(results / "clusters", "clusters")
    layers = ("pupils-primary", "pupils-secondary", "change-primary", "change-secondary")
    check_map(maps / "demand.html", dict.fromkeys(layers, localities))
    check_map(maps / "balance.html", {"balance-primary": areas, "balance-secondary": 3, "schools": schools})
    opened = (read_stage(results / "estate", "decisions")["action"] == "new school").sum()
    check_map(maps / "estate.html", {"decisions": schools + opened, "candidates": 3 - opened})
    adding = read_stage(results / "estate", "decisions")["action"].isin(ADDING).sum()
    check_map(maps / "commissioning.html", {"commissioned": adding, "candidates": 3 - opened, "balance-primary": areas})
    members = int((clusters["role"] == "member").sum())
    shown = study.tables["schools"]["phase"].isin(VILLAGE_PHASES) | study.tables["schools"]["trust"].isin(
        clusters["trust"]
    )
    check_map(maps / "clusters.html", {"drives": members, "schools": int(shown.sum())})
    with open_page(maps / "index.html") as page:
        assert page.problems() == []
        assert page.page.locator("main a").count() == 16


@pytest.mark.browser
def test_no_page_keeps_anybody_out(results: Path) -> None:
    """A control no keyboard reaches, a text too faint, a picture without words: what axe-core finds serious."""
    pages = sorted(results.glob("*/*.html"))
    assert len(pages) > 12
    for path in pages:
        with open_page(path) as opened:
            assert opened.barriers() == [], path.name


WIDTH = "() => document.documentElement.scrollWidth"


@pytest.mark.browser
def test_the_report_fits_on_paper(results: Path) -> None:
    """A table cut at the margin of a sheet, or a method that is printed as a heading without its text."""
    a4_px = 690  # between margins of 14 mm
    with open_page(results / "report/committee.html", (a4_px, 1000)) as opened:
        opened.page.emulate_media(media="print")
        assert opened.page.evaluate(WIDTH) <= a4_px + 10
    with open_page(results / "report/report.html", (a4_px, 1000)) as opened:
        opened.page.emulate_media(media="print")
        assert opened.page.evaluate(WIDTH) <= a4_px + 10
        tall = opened.page.locator("details").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().height)"
        )
        assert len(tall) >= 3 and min(tall) > 100


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_report_stands_alone(results: Path, size: tuple[int, int]) -> None:
    with open_page(results / "report/report.html", size) as opened:
        assert opened.problems() == []
        text = opened.page.inner_text("main")
        for heading in ("In short", "Demand", "What the plan changes", "Policy values", "Made from"):
            assert heading in text
        areas = 11  # a chart each; the other three are of both phases and of the calendar
        assert opened.page.locator("svg").count() == areas + 3
        assert opened.page.evaluate(WIDTH) <= size[0], "the page must not be wider than the screen"
    with open_page(results / "report/committee.html", size) as opened:
        assert opened.problems() == []
        assert opened.page.evaluate(WIDTH) <= size[0]


def test_the_register_has_every_decision_and_the_calendar_every_step(county: Path, results: Path) -> None:
    """A decision that nobody is named for, or a step that is in no calendar, would be missed by those who must act."""
    facts = Facts.read(Study.open(county), results, stage_summaries(results))
    decisions, register = (
        read_stage(results / "estate", "decisions"),
        read_stage(results / "report", "decision_register"),
    )
    key = ["facility", "action", "academic_year"]
    estate = register[register["stage"] == "estate"]
    assert sorted(map(tuple, estate[key].to_numpy())) == sorted(map(tuple, decisions[key].to_numpy()))
    assert set(register["stage"]) == {"estate", "tender", "clusters"} and register["number"].is_unique
    told = register[["what", "holds_power", "decides", "authority", "accountable_to", "challenge"]]
    assert (told.apply(lambda column: column.str.len()) > 0).all(axis=None) and not register.isna().any(axis=None)
    assert ((register["draft"] == "") != (register["why_no_draft"] == "")).all()
    needed = with_steps_needed(facts)  # what is below the threshold publishes no proposals
    calendar = needed.stored["calendar"]
    months = calendar_contents(needed)["months"]
    shown = [row for month in months for row in month["rows"] if row["what"] != "Admissions"]
    assert sum(len(row["schools"]) for row in shown) == len(calendar)
    steps = estate["steps"].str.split("; ").str.len().sum() - estate["steps"].str.count("; unconfirmed").sum()
    assert steps == len(calendar)


def test_the_papers_of_the_county_are_whole(results: Path) -> None:
    """Every draft that the register names is on the page, and none shows what is not there."""
    page = (results / "report/report.html").read_text(encoding="utf-8")
    papers = page[page.index('<h2 id="cabinet"') : page.index('<h2 id="clusters"')]
    assert re.findall(r"\b(?:None|nan|NaN|NaT)\b", papers) == []
    register = read_stage(results / "report", "decision_register")
    named = {key for keys in register["draft"] for key in keys.split(", ") if key}
    assert named == set(re.findall(r'class="paper draft" id="(D\d+)"', papers)) and len(named) >= 10
    assert "Statutory notice: Proposal to discontinue" in papers and "Invitation and specification" in papers


def test_the_short_paper_asks_for_every_decision_and_leads_into_the_report(results: Path) -> None:
    """A committee that is not asked for what the plan does, or is sent to a place that is not there."""
    page, report = (read_html(results / f"report/{name}.html") for name in ("committee", "report"))
    decisions = read_stage(results / "estate", "decisions")
    asked = page[page.index("Recommendations") : page.index("Legal implications")]
    assert [name for name in decisions["name"] if name not in asked] == []
    anchors = re.findall(r'href="report\.html#([^"]+)"', page)
    assert {"register", "drafts", "calendar", "policy"} <= set(anchors)
    assert all(f'id="{anchor}"' in report for anchor in anchors)
    words = [len(re.sub(r"<[^>]+>", " ", text).split()) for text in (page, report)]
    assert words[0] < 0.1 * words[1], "no committee reads that"


def read_html(path: Path) -> str:
    return html.unescape(path.read_text(encoding="utf-8"))


def test_links_of_the_index_lead_somewhere(results: Path) -> None:
    text = (results / "maps/index.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"#]+)"', text)
    assert links and all((results / "maps" / link).resolve().exists() for link in links)


def test_hostile_names_are_harmless_in_the_report(county: Path, tmp_path: Path) -> None:
    """A school's name is somebody's text: it must never run, in any page."""
    import shutil

    folder = tmp_path / "hostile"
    shutil.copytree(county, folder, ignore=shutil.ignore_patterns("results"))
    shutil.copytree(county / "results", folder / "results")
    table = folder / "results/base/estate/decisions.parquet"
    decisions = pd.read_parquet(table)
    decisions["name"] = '<img src=x onerror="alert(1)">'
    decisions.to_parquet(table)
    from placeplan.report.stage import report_stage

    pages = report_stage(Study.open(folder), folder / "results/base").pages
    for page in (pages["report.html"], pages["committee.html"]):
        assert "<img" not in page and "&lt;img" in page


def test_every_column_of_every_result_has_a_meaning_and_a_sheet(results: Path) -> None:
    """Every figure of the county is given back as data; of long tables the first thousand rows are compared."""
    tables = {name: table for (_, name), table in tables_of(results).items()}
    silent = [
        (name, column) for name, table in tables.items() for column in table if not column_of(name, column).meaning
    ]
    assert silent == [] and set(tables) <= set(tables_listed()) and len(tables) > 70
    assert differences(results / "export" / WORKBOOK, tables, most_rows=1000) == []


def test_the_geopackage_has_every_feature(county: Path, results: Path) -> None:
    study, path = Study.open(county), results / "export" / GEOPACKAGE
    localities, clusters = study.tables["localities"], read_stage(results / "clusters", "clusters")
    wanted = dict.fromkeys(("demand_primary", "demand_secondary"), len(localities))
    wanted |= {f"balance_{phase}": localities[f"planning_area_{phase}"].nunique() for phase in ("primary", "secondary")}
    wanted |= {"schools": len(study.tables["schools"]), "sites": len(study.tables["sites"])}
    wanted |= {"clusters": clusters["cluster"].nunique(), "trusts": clusters["trust"].nunique()}
    moved = read_stage(results / "estate", "allocation").query("moved and academic_year == academic_year.max()")
    wanted["moved_pupils"] = len(moved.drop_duplicates(["demand_point", "facility"]))
    found = {name: pyogrio.read_info(path, layer=name)["features"] for name in wanted}
    assert found == wanted and set(pyogrio.list_layers(path)[:, 0]) == {*wanted, "layer_styles"}


def test_the_capacity_survey_has_each_school_in_its_area_and_bulges_apart(county: Path, results: Path) -> None:
    """A return that gives one area's places to another, or counts a class for one cohort as places for good."""
    schools = Study.open(county).tables["schools"].set_index("urn")
    capacity = read_stage(results / "export", "scap_capacity")
    one_phase = capacity[capacity["urn"].map(schools["planning_area_secondary"]).isna()]
    assert len(one_phase) and (one_phase["planning_area"] == one_phase["urn"].map(schools["planning_area"])).all()
    planned = read_stage(results / "export", "scap_planned_places")
    bulge = planned["action"] == BULGE
    assert bulge.any() and (~bulge).any()
    assert ((planned["kind"] == "bulge") == bulge).all()


def test_only_who_could_walk_before_is_newly_too_far(county: Path, results: Path) -> None:
    """Pupils who are driven today anyway are told as harmed by the plan."""
    study = Study.open(county)
    rows = travellers(study, results, study_journeys(study), planned=True)
    nodes = read_stage(results / "balance", "nodes").assign(today=lambda table: table["urn"].astype(str))
    before = nodes.groupby(["demand_point", "today"])["distance_m"].first()
    was_m = before.reindex(pd.MultiIndex.from_frame(rows[["demand_point", "today"]])).to_numpy(dtype=float)
    limits = [study.policy.number(f"walking_limit_{of}_m") for of in ("under_8", "8_up")]
    limit = rows["from_8"].map({False: limits[0], True: limits[1]})
    moved = (rows["when"] == 1) & (rows["facility"] != rows["today"]) & (rows["beyond"] > 0)
    driven = moved & (was_m > limit)
    assert driven.any() and (rows.loc[driven, "newly_beyond"] == 0).all()
    assert rows["newly_beyond"].sum() == pytest.approx(rows.loc[moved & (was_m <= limit), "pupils"].sum())


def test_what_is_done_in_few_futures_is_on_no_layer(results: Path, tmp_path: Path) -> None:
    """A closure in one future of five is drawn as if it were decided."""
    decisions = read_stage(results / "estate", "decisions")
    closing = decisions["action"] == "close"
    (tmp_path / "estate").mkdir()
    rare = decisions.assign(probability=decisions["probability"].mask(closing, 0.2))
    rare.to_parquet(tmp_path / "estate/decisions.parquet")
    drawn = likely_decisions(tmp_path)
    assert closing.any() and set(drawn["facility"]) == set(decisions.loc[~closing, "facility"])
