"""Two scenarios, plans or studies next to each other: a difference that is missed, made up or of the wrong sign."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import DESKTOP, PHONE, open_page
from small_study import grow, policy, write_small_study
from test_maps_questions import HOSTILE

from geodata.problems import BadInput
from geodata.settings import read_settings
from placeplan.cli import main
from placeplan.comparison.changed_since import CARRIED_OUT, CHANGED, DROPPED, DUE, NEW, changed, since_last_year
from placeplan.comparison.names import folder_name, named, sides_of
from placeplan.comparison.page import comparison_pages
from placeplan.comparison.plans import DECISIONS, ONLY_A, ONLY_B, cluster_differences, decision_differences
from placeplan.comparison.sides import TABLES, Side
from placeplan.comparison.stage import compare, compared
from placeplan.county.last_year import write_last_year
from placeplan.pipeline import run_stages
from placeplan.results import StageResult, add_csv, read_stage, read_summary, write_stage
from placeplan.study import Study

STAGES = ["forecast", "balance", "estate", "clusters", "finance"]


def decisions(*rows: tuple[str, str, str, str | None, float, float]) -> pd.DataFrame:
    """Rows facility, action, academic_year, partner, places_before, places_after."""
    columns = ["facility", "action", "academic_year", "partner", "places_before", "places_after"]
    table = pd.DataFrame(rows, columns=columns)
    named = table["facility"].map(lambda key: f"School {key}")
    reason = table["facility"].map(lambda key: f"why {key}")
    return table.assign(name=named, phase="primary", cost_gbp=1000.0, probability=1.0, reason=reason)


def clusters(*rows: tuple[str, str | None, str | None, str]) -> pd.DataFrame:
    """Rows urn, cluster, trust, role."""
    table = pd.DataFrame(rows, columns=["urn", "cluster", "trust", "role"])
    return table.assign(name=table["urn"].map(lambda urn: f"School {urn}"))


def forecast(mean: float, spread: float, years: tuple[str, ...] = ("2023/24", "2024/25")) -> dict[str, pd.DataFrame]:
    """One locality in one planning area is the authority: pupils grow by one a year."""
    rows = [(year, "primary", mean + n, mean + n - spread, mean + n + spread) for n, year in enumerate(years)]
    whole = pd.DataFrame(rows, columns=["academic_year", "phase", "mean", "p10", "p90"])
    return {"forecast_authority_phase": whole, "forecast_area": whole.assign(planning_area="P"),
            "forecast_phase": whole.assign(locality="L")}  # fmt: skip


def balance(need: float, spare: float, years: tuple[str, ...] = ("2023/24", "2024/25")) -> pd.DataFrame:
    """Two year groups of one planning area: one is short, the other has spare places."""
    rows = [("P", "primary", group, year, 30.0, 30.0, *cells) for year in years
            for group, cells in (("R", (need, 0.0)), ("Y1", (0.0, spare)))]  # fmt: skip
    columns = ["planning_area", "phase", "year_group", "academic_year", "pupils", "places", "need", "spare"]
    return pd.DataFrame(rows, columns=columns)


def side(name: str, base_year: str = "2022/23", over: dict[str, object] | None = None, **tables: pd.DataFrame) -> Side:
    """A side whose stages are those of its tables, with the policy values in `over`."""
    settings = {"base_year": base_year, "horizon_years": 2, "pupils": "resident", "authority": "X", "name": "X"}
    settings |= {f"policy.{key}": value for key, value in (over or {}).items()}
    made = {"settings": settings, "inputs": {"pupils": "1"}, "code": "c"}
    stages = {stage for stage, names in TABLES.items() if set(names) & set(tables)}
    return Side(name, tables, {stage: {"fingerprint": stage, "written": "2024", "made_from": made} for stage in stages})


def with_cost(one: Side, objective: float, bound: float) -> Side:
    costs = {"plan": {"options_gbp": objective, "journeys_gbp": 0.0, "without_place_gbp": 0.0}}
    told = {"objective": objective, "bound": bound, "gap": (objective - bound) / objective, "costs": costs}
    return replace(one, summaries={**one.summaries, "estate": {**one.summaries["estate"], **told, "levers": []}})


PLAN_A = decisions(
    ("1", "expand", "2024/25", None, 210, 420),  # the same in both
    ("2", "expand", "2024/25", None, 210, 420),  # a year later
    ("3", "expand", "2024/25", None, 210, 420),  # smaller
    ("4", "close", "2024/25", None, 105, 0),  # only here
    ("5", "federate", "2024/25", "1", 105, 105),  # with another
    ("6", "bulge class", "2023/24", None, 210, 210),  # an expansion instead
    ("7", "bulge class", "2023/24", None, 210, 210),  # the first of two is the same
    ("7", "bulge class", "2024/25", None, 210, 210),
)
PLAN_B = decisions(
    ("1", "expand", "2024/25", None, 210, 420),
    ("2", "expand", "2025/26", None, 210, 420),
    ("3", "expand", "2024/25", None, 210, 315),
    ("5", "federate", "2024/25", "2", 105, 105),
    ("6", "expand", "2023/24", None, 210, 420),
    ("7", "bulge class", "2023/24", None, 210, 210),
    ("8", "new school", "2025/26", None, 0, 210),  # only here
)
SAID = {
    "2": "another year",
    "3": "another size",
    "4": ONLY_A,
    "5": "another partner",
    "6": "another action",
    "7": ONLY_A,
    "8": ONLY_B,
}


def test_every_kind_of_difference_between_decisions_is_named() -> None:
    """A plan that closes a school, or builds it a year later, would pass for the same."""
    table = decision_differences(side("a", decisions=PLAN_A), side("b", decisions=PLAN_B))
    assert dict(zip(table["facility"], table["differs"], strict=True)) == SAID
    own = table.set_index("facility")
    assert own.loc["2", ["academic_year_a", "academic_year_b"]].tolist() == ["2024/25", "2025/26"]
    assert own.loc["6", ["action_a", "action_b"]].tolist() == ["bulge class", "expand"]
    assert own.loc["7", "academic_year_a"] == "2024/25" and pd.isna(own.loc["7", "academic_year_b"])
    assert own.loc["4", "reason_a"] == "why 4" and pd.isna(own.loc["4", "reason_b"])
    assert own.loc["8", "name"] == "School 8"


def test_turned_round_every_difference_turns_its_sign() -> None:
    """The same pair said to be dearer and cheaper, or a school lost on the way."""
    a = side("a", **forecast(100, 5), balance=balance(4, 9), decisions=PLAN_A)
    b = side("b", **forecast(103, 5), balance=balance(1, 12), decisions=PLAN_B)
    one, other = compared(a, b), compared(b, a)
    turned = {ONLY_A: ONLY_B, ONLY_B: ONLY_A}
    back = dict(zip(other.tables["decisions"]["facility"], other.tables["decisions"]["differs"], strict=True))
    assert back == {key: turned.get(differs, differs) for key, differs in SAID.items()}
    for name, column in (("forecast", "difference"), ("balance", "need_difference"), ("balance", "spare_difference")):
        first, second = (told.tables[name][column] for told in (one, other))
        assert first.abs().sum() > 0 and first.tolist() == [-value for value in second]
    measures = [t.tables["differences"].set_index("measure")["difference"] for t in (one, other)]
    np.testing.assert_allclose(measures[0], -measures[1].loc[measures[0].index])
    assert measures[0]["Primary pupils (R–Y6)"] == 3 and measures[0]["Schools that close"] == -1


def test_forecasts_are_told_apart_with_both_ranges() -> None:
    """A change within what was always likely would be sold as news, or a real one hidden."""
    a, wide = side("a", **forecast(100, 5)), side("b", **forecast(107, 10))
    table = compared(a, wide).tables["forecast"]
    assert set(table["level"]) == {"authority", "planning area", "locality"} and set(table["difference"]) == {7.0}
    assert not table["b_within_a"].any() and table["a_within_b"].all()
    low = compared(a, side("b", **forecast(93, 10))).tables["forecast"]
    assert not low["b_within_a"].any() and low["a_within_b"].all()
    said = " ".join(compared(a, wide).sentences)
    assert "101 in a, 108 in b: 7 more, outside the likely range of a (96 to 106" in said


def test_need_is_never_set_off_against_spare_places() -> None:
    """Four short and nine spare are not five spare."""
    table = compared(side("a", balance=balance(4, 9)), side("b", balance=balance(0, 5))).tables["balance"]
    assert table[["need_a", "need_b", "need_difference"]].to_numpy().tolist() == [[4, 0, -4]] * 2
    assert table[["spare_a", "spare_b", "spare_difference"]].to_numpy().tolist() == [[9, 5, -4]] * 2


def test_clusters_are_sets_and_not_names() -> None:
    """A cluster that is only called otherwise is no news; one school more in it is, for each of its schools."""
    plan = clusters(("1", "Red", "T", "lead"), ("2", "Red", "T", "member"), ("3", "Blue", "T", "lead"),
                    ("4", "Blue", "T", "member"), ("5", None, None, "alone"))  # fmt: skip
    renamed = plan.assign(cluster=plan["cluster"].replace("Red", "Green"), trust=plan["trust"].replace("T", "New"))
    assert cluster_differences(side("a", clusters=plan), side("b", clusters=renamed)).empty
    grown = clusters(("1", "Red", "T", "member"), ("2", "Red", "T", "lead"), ("3", "Blue", "T", "lead"),
                     ("4", "Blue", "T", "member"), ("5", "Blue", "T", "member"))  # fmt: skip
    table = cluster_differences(side("a", clusters=plan), side("b", clusters=grown)).set_index("urn")
    assert table["differs"].to_dict() == {
        "1": "another role", "2": "another role", "3": "another cluster", "4": "another cluster",
        "5": "another cluster and trust",
    }  # fmt: skip
    assert table.loc["3", ["with_a", "with_b"]].tolist() == ["School 4", "School 4; School 5"]
    less = plan[plan["urn"] != "5"]
    assert cluster_differences(side("a", clusters=plan), side("b", clusters=less))["differs"].tolist() == [ONLY_A]


def test_schools_in_deficit_on_one_side_only_are_found() -> None:
    """School 1 slides into deficit on the second side, 2 out of it, 5 from nothing; 3 is in on both, 4 has closed."""

    def money(first: list[float], last: list[float]) -> pd.DataFrame:
        by_year = {"2023/24": first, "2024/25": last}
        rows = [
            (urn, year, 0.0 if urn == "4" else 1.0, value)
            for year, values in by_year.items()
            for urn, value in zip("12345", values, strict=True)
        ]
        return pd.DataFrame(rows, columns=["facility", "academic_year", "income_gbp", "balance_gbp"])

    a, b = money([5, 5, -1, -9, 0], [5, -5, -1, -9, 0]), money([5, 5, -1, 9, 0], [-2, 5, -1, 9, -1])
    table = compared(side("a", finance_plan=a), side("b", finance_plan=b)).tables["finance"].set_index("urn")
    assert table["differs"].to_dict() == {"1": ONLY_B, "2": ONLY_A, "5": ONLY_B} and set(table["basis"]) == {
        "under the plan"
    }
    assert table.loc["1", ["first_deficit_a", "first_deficit_b"]].tolist() == ["", "2024/25"]
    assert table.loc["2", ["balance_a_gbp", "balance_b_gbp"]].tolist() == [-5, 5]


def test_costs_at_other_prices_are_not_set_against_each_other() -> None:
    """A plan would seem cheaper because what it lacks was priced lower."""
    a = with_cost(side("a", **forecast(100, 5), decisions=PLAN_A), 10e6, 9.9e6)
    b = side("b", **forecast(100, 5), decisions=PLAN_B)
    cost = "Cost of the plan at its own prices"
    same = compared(a, with_cost(b, 12e6, 11.9e6))
    assert same.tables["differences"].set_index("measure").loc[cost, "difference"] == pytest.approx(2e6)
    assert any("The plan of a costs £2.00m less than that of b" in line for line in same.sentences)
    close = compared(a, with_cost(b, 10.1e6, 10e6))
    assert any("£100.00k apart, less than the proofs of both leave open (£200.00k)" in line for line in close.sentences)
    dear = with_cost(side("b", over={"unmet_gbp": 1000}, **forecast(100, 5), decisions=PLAN_B), 12e6, 11.9e6)
    other = compared(a, dear)
    assert np.isnan(other.tables["differences"].set_index("measure").loc[cost, "difference"])
    assert any("against each other: they were made at other prices (unmet_gbp)" in line for line in other.sentences)
    origin = other.tables["origins"].iloc[0]
    assert origin[["kind", "name", "a", "b"]].tolist() == ["policy value", "unmet_gbp", "25000", "1000"]
    ruled = side("b", over={"closures_max": 0}, **forecast(100, 5), decisions=PLAN_B)
    rule = compared(a, with_cost(ruled, 12e6, 11e6))
    assert not any("cannot be set" in line for line in rule.sentences), "a rule is no price"
    more = compared(a, with_cost(side("b", **forecast(104, 5), decisions=PLAN_B), 12e6, 11.9e6))
    assert any("they place other pupils" in line for line in more.sentences)


def test_what_is_missing_or_cannot_be_matched_is_said() -> None:
    """Silence about a stage, a closed school or another year would read as agreement."""
    supply = pd.DataFrame({"urn": [1, 2], "academic_year": "2023/24", "year_group": "R", "places": 30.0})
    a = side("a", **forecast(100, 5), balance=balance(0, 0), school_places=supply, decisions=PLAN_A)
    b = side("b", **forecast(100, 5, ("2024/25", "2025/26")), balance=balance(0, 0), school_places=supply[:1])
    told = compared(a, replace(b, missing={"estate": "b has no plan."}), {"2": "Hill School"})
    assert told.missing == [
        "Not compared: decisions on schools and sites: b has no plan.",
        "Not compared: clusters and trusts, schools' money: neither has results of them.",
    ]
    assert told.tables["unmatched"].to_numpy().tolist() == [
        ["school", "2", "a"], ["year", "2023/24", "a"], ["year", "2025/26", "b"],
    ]  # fmt: skip
    assert "1 school only in a, not compared: Hill School." in told.sentences
    assert told.tables["decisions"].empty and list(told.tables["decisions"].columns) == DECISIONS


def test_two_of_the_same_do_not_differ() -> None:
    """A difference out of nothing."""
    a = with_cost(side("a", **forecast(100, 5), balance=balance(4, 9), decisions=PLAN_A), 10e6, 9e6)
    told = compared(a, replace(a, name="b"))
    assert told.same and told.sentences[0].startswith("Nothing differs between a and b")
    assert told.tables["decisions"].empty and told.tables["origins"].empty
    assert not told.tables["differences"]["difference"].any()


# --- last year's study ---


def since(before: pd.DataFrame, now: pd.DataFrame, places: dict[str, float], years: tuple[str, ...]) -> dict[str, str]:
    """Status by facility where last year's schools had 210 places each and this year's have `places`."""

    def supply(by_urn: dict[str, float]) -> pd.DataFrame:
        rows = [(urn, year, "R", count) for urn, count in by_urn.items() for year in years]
        return pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", "places"])

    was = {str(key): 210.0 for key in before["facility"] if str(key).isdigit()}
    told = changed(side("last", "2021/22", decisions=before, school_places=supply(was)),
                   side("now", "2022/23", decisions=now, school_places=supply(places)), {})  # fmt: skip
    return dict(zip(told.decisions["facility"], told.decisions["status"], strict=True)) | {"same": str(told.unchanged)}


def test_last_years_decisions_are_carried_out_due_dropped_or_stand() -> None:
    """A closure that has happened would be reported as dropped, or one that lapsed as done."""
    before = decisions(
        ("1", "expand", "2022/23", None, 210, 420),  # has 420 places now
        ("2", "close", "2022/23", None, 210, 0),  # is gone
        ("3", "expand", "2022/23", None, 210, 420),  # was due, still 210
        ("4", "federate", "2022/23", "1", 210, 210),  # was due, places tell nothing
        ("5", "expand", "2024/25", None, 210, 420),  # not due, not planned any more
        ("6", "expand", "2024/25", None, 210, 420),  # stands
        ("7", "expand", "2024/25", None, 210, 420),  # put off
        ("F", "new school", "2022/23", None, 0, 210),  # a site: no school to look at
    )
    now = decisions(("6", "expand", "2024/25", None, 210, 420), ("7", "expand", "2025/26", None, 210, 420),
                    ("9", "cap forms", "2024/25", None, 210, 105))  # fmt: skip
    places = {"1": 420.0, "3": 210.0, "4": 210.0, "5": 210.0, "6": 210.0, "7": 210.0, "9": 210.0}
    status = {"1": CARRIED_OUT, "2": CARRIED_OUT, "3": DUE, "4": DUE, "F": DUE, "5": DROPPED, "7": CHANGED, "9": NEW}
    assert since(before, now, places, ("2022/23", "2023/24")) == {**status, "same": "1"}


def test_what_came_is_set_against_last_years_forecast_of_it() -> None:
    """The forecast would be praised or blamed for another year."""
    before = forecast(100, 2, ("2021/22", "2022/23", "2023/24"))
    last = side("the study of 2021/22", "2021/22", **before, balance=balance(0, 5))
    now = side("now", "2022/23", **forecast(104, 0, ("2022/23", "2023/24")), balance=balance(3, 0))
    told = changed(last, now, {})
    whole = told.outturn.set_index("level").loc["authority"]
    assert whole[["academic_year", "forecast", "p10", "p90", "actual", "difference"]].tolist() == [
        "2022/23", 101.0, 99.0, 103.0, 104.0, 3.0,
    ]  # fmt: skip
    assert not whole["within"]
    columns = ["academic_year", "before", "now", "difference"]
    assert told.forecast[columns].to_numpy().tolist() == [["2023/24", 102, 105, 3]]
    assert any("104 came, 3 more than forecast" in line and "outside" in line for line in told.sentences)
    assert "Places are now forecast to run short, as they were not before, in P (primary)." in told.sentences
    assert told.balance[["need_before", "need_now"]].to_numpy().tolist() == [[0, 3]] * 2


# --- a study that has been run ---


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three villages, of which A grows: base with a frontier, `cheap`, `unrun`, and last year's study beside it."""
    folder = write_small_study(tmp_path_factory.mktemp("studies") / "2023")
    grow(folder, "A", 60)
    policy(folder, 'estate_frontier = "yes"', "frontier_prices = [0.02]", "estate_time_limit_s = 10")
    policy(folder, "[scenario.cheap]", "unmet_gbp = 1000", "[scenario.unrun]", "unmet_gbp = 2000")
    policy(folder, "[scenario.yield]", "housing_yield_primary = 0.5")
    (folder / "inputs/housing.csv").write_text("site,locality,academic_year,dwellings\nMill Lane,B,2023/24,40\n")
    before = write_last_year(folder, folder.parent / "2022")
    edited = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(edited.replace("[study]\n", '[study]\nprevious = "../2022"\n'))
    for where, scenario, stages in (
        (folder, "base", STAGES), (folder, "cheap", STAGES), (before, "base", STAGES), (folder, "yield", STAGES[:2]),
    ):  # fmt: skip
        list(run_stages(Study.open(where, scenario), stages))
    return folder


def run_cli(*arguments: object) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert stopped.value.code == 0


def page_data(page: Path) -> dict[str, object]:
    found = re.findall(r'id="map-data">(.*?)</script>', page.read_text(), re.S)
    data: dict[str, object] = json.loads(found[0])
    return data


@pytest.mark.parametrize("other", ["cheap", "price of a pupil without a place × 0.02", "today's estate"])
def test_tables_of_a_pair_agree_with_the_plans_on_disk(study: Path, other: str) -> None:
    """Counted by another route, from the decisions as sets: nothing missed, nothing made up."""
    opened = Study.open(study)
    told, page = compare(opened, ("base", other))
    own = read_stage(opened.results / "estate", "decisions")
    if other == "cheap":
        theirs = read_stage(study / "results/cheap/estate", "decisions")
    else:
        plans = read_stage(opened.results / "estate", "frontier_decisions")
        theirs = plans[plans["plan"] == other]

    def said(table: pd.DataFrame) -> dict[str, list[object]]:
        columns = ["action", "academic_year", "places_after"]
        by = table.assign(partner=table["partner"].fillna("")).sort_values(["facility", *columns])
        return {str(key): rows[[*columns, "partner"]].to_numpy().tolist() for key, rows in by.groupby("facility")}

    one, two = said(own), said(theirs)
    differing = {key for key in {*one, *two} if one.get(key) != two.get(key)}
    assert differing and set(told.tables["decisions"]["facility"]) == differing
    # The rings of the page are drawn where the table says that decisions differ.
    layers = [next(layer for layer in s["layers"] if layer["key"] == "differing") for s in page_data(page)["sides"]]  # type: ignore[attr-defined]
    titles = page_data(page)["sides"][0]["shapes"]["schools and sites"]["titles"]  # type: ignore[index]
    ringed = {title for title, a, b in zip(titles, *(layer["codes"] for layer in layers), strict=True) if a != b}
    assert ringed == set(told.tables["decisions"]["name"])
    frontier = read_stage(opened.results / "estate", "frontier").set_index("plan")
    if other != "cheap":
        assert len(differing) == frontier.loc[other, "differs"]


def test_the_results_are_written_whole_and_read_back(study: Path) -> None:
    told, page = compare(Study.open(study), ("base", "yield"), csv=True)
    folder = page.parent
    assert folder == study / "results/compare/base--yield"
    summary = read_summary(folder)
    assert summary is not None and summary["sentences"] == told.sentences
    for which, scenario in (("a", "base"), ("b", "yield")):
        forecast = read_summary(study / "results" / scenario / "forecast") or {}
        assert summary["made_from"][which]["forecast"] == forecast["fingerprint"]
    for name, table in told.tables.items():
        pd.testing.assert_frame_equal(read_stage(folder, name), table, check_dtype=False)
        assert (folder / f"{name}.csv").exists()
    local = told.tables["forecast"].query("level == 'locality' and difference != 0")
    assert set(local["place"]) == {"B"} and (local["difference"] > 0).all()
    assert any(line.startswith("Not compared: decisions on schools and sites") for line in told.sentences)
    assert not list((study / "results/compare").glob(".*"))


@pytest.mark.browser
@pytest.mark.parametrize("other", ["cheap", "yield", "base", "plan.csv"])
def test_the_page_opens_offline_and_says_what_differs(study: Path, other: str) -> None:
    """Decisions, clusters and demand on maps, and a page without one where nothing differs."""
    given = other
    if other == "plan.csv":
        given = str(study.parent / other)
        plan = pd.read_csv(study / "results/base/clusters/plan.csv")
        plan.assign(cluster=None, role="alone").to_csv(given, index=False)
    told, page = compare(Study.open(study), ("base", given))
    with open_page(page) as opened:
        shown = opened.page.locator(".findings li").all_inner_texts()
        assert shown == told.sentences and opened.problems() == []
        for width, height in (DESKTOP, PHONE):
            opened.page.set_viewport_size({"width": width, "height": height})
            assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert opened.page.locator("table").first.locator("tbody tr").count() == len(told.tables["differences"])
        maps = {"cheap": 2, "plan.csv": 2, "yield": 1, "base": 0}[other]
        assert opened.page.locator(".folium-map").count() == maps
        if other == "yield":
            layer = next(key for key in opened.counts() if key.startswith("forecast-"))
            assert opened.drawn(layer) == opened.counts()[layer] == 3
        if other == "plan.csv":
            assert len(told.tables["clusters"]) > 0 and opened.page.locator(".layer-differing").count() > 0


@pytest.mark.browser
def test_hostile_names_are_harmless_and_legible(study: Path, tmp_path: Path) -> None:
    """A school, a reason or a file name that is markup would run in a councillor's browser."""
    schools = study / "inputs/schools.csv"
    kept = schools.read_text()
    long = f"=HYPERLINK {'n' * 180} \u202eabc"
    try:
        schools.write_text(kept.replace("A Primary School", HOSTILE).replace("B Primary School", long))
        plan = tmp_path / "<img src=x onerror=alert(3)>.csv"
        plan.write_text((study / "results/base/clusters/plan.csv").read_text())
        opened = Study.open(study)
        told, _ = compare(opened, ("base", "cheap"))
        spoilt = told.a.tables["decisions"].assign(name=HOSTILE, reason=f"=cmd {HOSTILE}")
        hostile = replace(told.a, name=HOSTILE, tables={**told.a.tables, "decisions": spoilt})
        again = compared(hostile, told.b, told.names)
        result = StageResult(tables=dict(again.tables), pages=comparison_pages(opened, again))
        _, other = compare(opened, ("base", str(plan)))
        assert re.fullmatch(r"base--[A-Za-z0-9_-]+", other.parent.name)
    finally:
        schools.write_text(kept)
    write_stage(tmp_path / "hostile", result, {})
    add_csv(tmp_path / "hostile")
    for file in (tmp_path / "hostile/compare.html", other):
        with open_page(file) as shown:
            shown.page.evaluate("() => document.querySelectorAll('details').forEach(part => { part.open = true; })")
            assert shown.problems() == [] and shown.page.locator("img").count() == 0
            assert shown.page.evaluate("() => document.documentElement.scrollWidth") <= DESKTOP[0]
            if file != other:
                assert f"=cmd {HOSTILE}" in shown.page.inner_text("body")
    cells = pd.read_csv(tmp_path / "hostile/decisions.csv")
    assert cells["reason_a"].dropna().str.startswith("'=cmd").all() and cells["reason_a"].notna().any()


def test_the_command_says_it_in_words_and_for_machines(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_cli("compare", study, "base", "cheap")
    said = capsys.readouterr().out
    assert "decided otherwise" in said and "Schools and sites that change" in said
    assert str(study / "results/compare/base--cheap/compare.html") in said
    run_cli("compare", study, "base", "cheap", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["a"] == "base" and told["same"] is False and {"decisions", "origins"} <= set(told)
    assert [row["name"] for row in told["origins"]] == ["unmet_gbp"]


def test_two_plans_of_clusters_are_scored_on_the_same_schools(study: Path, tmp_path: Path) -> None:
    """Each plan on a case of its own would be measured with another yardstick."""
    own = study / "results/base/clusters/plan.csv"
    renamed = tmp_path / "renamed.csv"
    text = pd.read_csv(own)
    text.assign(cluster=text["cluster"].map(lambda name: f"{name}!", na_action="ignore")).to_csv(renamed, index=False)
    opened = Study.open(study)
    a, b = sides_of(opened, named(opened, [str(own), str(renamed)]))
    told = compared(a, b)
    assert told.tables["clusters"].empty and not told.tables["differences"]["difference"].fillna(0).any()
    a, b = sides_of(opened, named(opened, ["base", str(renamed)]))
    summary = read_summary(opened.results / "clusters") or {}
    for name, value in summary["measures"].items():
        assert a.summaries["clusters"]["measures"][name] == pytest.approx(value), name
    assert b.summaries["clusters"]["both_levels"]["objective"] == pytest.approx(summary["both_levels"]["objective"])


def test_bad_names_come_all_at_once_and_nothing_is_written(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(study.rglob("*"))
    for first, second, words in (
        ("bse", "no.csv", ["Did you mean base?", "There is no such file"]),
        ("unrun", str(study / "inputs"), ["--scenario unrun` makes them", "The folder is no study"]),
        ("n" * 400, HOSTILE, ["Known are: base", "Known are: base"]),
        ("price of a pupil without a place × 0.2", "base", ["Did you mean price of a pupil without a place × 0.02?"]),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["compare", str(study), first, second])
        told = capsys.readouterr().err
        assert stopped.value.code == 2 and all(word in told for word in words), told
    plan = study.parent / "bad.csv"
    plan.write_text("urn,cluster,trust,role\n1,X,,lead\n")
    for pair in (("base", str(plan)), (str(plan), str(plan))):
        with pytest.raises(BadInput, match="no mainstream school"):
            compare(Study.open(study), pair)
    assert sorted(study.rglob("*")) == before


def test_folders_of_comparisons_are_safe_and_apart() -> None:
    assert folder_name(("base", "no_closures")) == "base--no_closures"
    names = [
        folder_name(("base", name)) for name in ("../2022", "2022", "price × 2", "price - 2", "a b.csv", "a_b.csv")
    ]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in names)


def test_last_years_study_is_read_from_study_toml(study: Path) -> None:
    """As the report asks for it; and compared as a folder it has the same differences."""
    opened = Study.open(study)
    told = since_last_year(opened)
    assert told is not None and told.previous == "the study of 2021/22" and told.base_year == "2022/23"
    came = told.outturn[told.outturn["level"] == "authority"].set_index("phase")
    assert (
        came.loc["primary", "actual"]
        == pd.read_csv(study / "inputs/pupils.csv")
        .query("academic_year == '2022/23' and year_group in ['R', 'Y1', 'Y2', 'Y3', 'Y4', 'Y5', 'Y6']")["pupils"]
        .sum()
    )
    pair, _ = compare(opened, (str(study.parent / "2022"), "base"))
    last = pair.tables["forecast"].query("level == 'authority' and academic_year > '2022/23'")
    assert told.forecast["difference"].tolist() == last.sort_values(["phase", "academic_year"])["difference"].tolist()
    assert len(told.decisions) + told.unchanged >= len(pair.tables["decisions"]) > 0
    assert any("Decisions on schools and sites since the study of 2021/22" in line for line in told.sentences)
    empty = replace(opened, settings=replace(opened.settings, previous=""))
    assert since_last_year(empty) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [('"../none"', "there is no study in"), ('"."', "this study itself"), ("3", "is not a folder"),
     ('"/tmp"', "begins at the root"), (f'"{"n" * 400}"', "there is no study in")],
)  # fmt: skip
def test_a_wrong_folder_of_last_years_study_is_bad_input(tmp_path: Path, given: str, words: str) -> None:
    folder = write_small_study(tmp_path / "study")
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(text.replace("[study]", f"[study]\nprevious = {given}"))
    settings, problems = read_settings(folder / "study.toml")
    assert settings is None and [p.field for p in problems] == ["previous"] and words in problems[0].what


def test_last_years_study_without_results_is_said(study: Path, tmp_path: Path) -> None:
    write_small_study(tmp_path / "2022")
    opened = Study.open(study)
    settings = replace(opened.settings, previous="../2022")
    there = replace(opened, settings=settings, folder=tmp_path / "here")
    write_stage(there.results / "forecast", StageResult(), {"settings": {"base_year": "2022/23"}})
    told = since_last_year(there)
    assert told is not None and "has no results to compare with" in told.sentences[0]
