"""Parts of the report: planning areas, policy values that mattered, what was proven, the PDF, last year's study."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from browser import open_page
from small_study import write_small_study

from geodata.policy import policy_items
from models.programme import GAP
from placeplan.cli import main
from placeplan.county.last_year import write_last_year
from placeplan.pipeline import run_stages
from placeplan.report.areas import _anchor, areas_contents
from placeplan.report.contents import sections
from placeplan.report.pdf import browser
from placeplan.report.plan_shown import headline
from placeplan.report.programme import _ahead, _expected
from placeplan.report.proof import licence_contents
from placeplan.results import changed_files, read_stage, read_summary
from placeplan.study import Study

NEEDED = ("forecast", "balance", "estate", "report")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Three villages with first preferences and offers, and the study of the year before, both with results."""
    folder = write_small_study(tmp_path_factory.mktemp("report") / "2023")
    schools = folder / "inputs/schools.csv"
    schools.write_text(schools.read_text().replace("B Primary School", HOSTILE))
    rows = ["urn,academic_year,first_preferences,offers", "100001,2022/23,33,30", "100002,2022/23,21,25"]
    (folder / "inputs/preferences.csv").write_text("\n".join(rows) + "\n")
    before = write_last_year(folder, folder.parent / "2022")
    list(run_stages(Study.open(before), ("forecast", "balance", "estate")))
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(text.replace("[study]", '[study]\nprevious = "../2022"'))
    opened = Study.open(folder)
    list(run_stages(opened, NEEDED))
    return opened


def test_an_area_has_births_living_pupils_places_preferences_and_offers(study: Study) -> None:
    """Figures of another area, year or year group stand in a paper on this one."""
    areas = {(one["area"], one["phase"]): one for one in areas_contents(study, study.results, NEEDED)}
    assert set(areas) == {("P", "primary"), ("S", "secondary")}
    first = areas["P", "primary"]["entry"][0]
    assert first["academic_year"] == "2022/23" and first["births"] == pytest.approx(20 + 25 + 12)
    assert first["pupils"] == pytest.approx(57) and first["living"] == pytest.approx(57) and first["places"] == 90
    assert (first["first_preferences"], first["offers"]) == (33 + 21, 30 + 25)
    whole = areas["P", "primary"]["rows"]
    balance = read_stage(study.results / "balance", "balance").query("phase == 'primary'")
    by_year = balance.groupby("academic_year")[["pupils", "places", "need", "spare"]].sum()
    for row in whole:
        told = [row["mean"], row["places"], row["need"], row["spare"]]
        assert told == pytest.approx(by_year.loc[row["academic_year"]].tolist())
        assert row["p10"] <= row["mean"] + 1e-6 <= row["p90"] + 2e-6
    schools = {row["urn"]: row for row in areas["P", "primary"]["schools"]}
    assert set(schools) == {100001, 100002, 100003}
    assert schools[100001]["first_preferences"] == 33 and schools[100003]["first_preferences"] is None
    assert schools[100003]["first_roll"] == pytest.approx(7 * 12)


def test_births_of_an_area_are_blank_where_a_part_is_not_known(study: Study) -> None:
    """A cohort too small by a whole village looks like falling demand."""
    entry = {row["academic_year"]: row for one in areas_contents(study, study.results, NEEDED) for row in one["entry"]
             if one["phase"] == "primary"}  # fmt: skip
    assert entry["2026/27"]["births"] == pytest.approx(57), "born to August 2022"
    assert pd.isna(entry["2027/28"]["births"]), "not born yet when the births were counted"


def test_anchors_of_areas_are_addresses_and_no_two_alike() -> None:
    names = ["A B", "A-B", "A/B", "Ärea", "<b>", "a b", "A  B"]
    anchors = [_anchor(name) for name in names]
    assert len(set(anchors)) == len(names) and all(re.fullmatch(r"[A-Za-z0-9-]+", one) for one in anchors)


def test_values_that_mattered_are_those_the_stages_asked_for(study: Study) -> None:
    """A value that moved the plan is folded away as one that did not."""
    read = set((read_summary(study.results / "forecast") or {})["policy_read"])
    assert {"ratio_window_years", "interval_level"} & read or any(key.startswith("ratio_") for key in read)
    assert not any(key.startswith("cluster_") for key in read), "the forecast knows nothing of clusters"
    text = (study.results / "report/report.html").read_text()
    mattered, _, others = text.partition("Values that no result here rests on")
    assert "<code>estate_gap</code>" in mattered and "<code>cluster_seconds</code>" in others
    assert "<code>detour_factor</code> (changed)" in mattered
    assert all(f"<code>{key}</code>" in text for key in policy_items()), "a value is in neither table"


def test_the_proof_is_that_of_the_plan(study: Study) -> None:
    told = read_summary(study.results / "estate") or {}
    text = (study.results / "report/report.html").read_text()
    proof = text[text.index('id="proof"') : text.index('id="made"')]
    assert told["status"] in proof and f"£{abs(told['bound']):,.0f}" in proof
    assert ("numpy", "see its own file") not in [(name, licence) for name, _, licence in licence_contents()]


def test_last_years_study_is_in_the_report_and_a_new_result_of_it_renews_it(study: Study) -> None:
    """A committee is told that nothing changed, by a report made before last year's study was corrected."""
    text = (study.results / "report/report.html").read_text()
    assert 'id="since"' in text and "the study of 2021/22" in text
    summary = read_summary(study.results / "report") or {}
    assert summary["made_from"]["previous"]["forecast"]


@pytest.mark.browser
def test_the_report_opens_offline_names_are_text_and_nobody_is_kept_out(study: Study) -> None:
    with open_page(study.results / "report/report.html") as opened:
        assert opened.problems() == [] and opened.barriers() == []
        assert opened.page.locator("img").count() == 0
        assert opened.page.get_by_text(HOSTILE).count() > 0
        hrefs = opened.page.locator("nav a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
        assert len(hrefs) > 8
        assert all(opened.page.locator(f"[id='{href[1:]}']").count() == 1 for href in hrefs), "a link leads nowhere"


@pytest.mark.browser
def test_pdf_is_printed_listed_and_replaced(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A PDF that verification takes for a foreign file, or an old one beside a new report."""
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium is installed")
    with pytest.raises(SystemExit) as stop:
        main(["report", str(study.folder), "--pdf"])
    assert not stop.value.code
    folder = study.results / "report"
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "committee.pdf").read_bytes().startswith(b"%PDF-")
    assert "report.pdf" in capsys.readouterr().out
    assert changed_files(folder, read_summary(folder) or {}) == []


def test_without_a_browser_the_pdf_is_refused_before_anything_is_written(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    before = (study.results / "report/summary.json").stat().st_mtime_ns
    with pytest.raises(SystemExit) as stop:
        main(["report", str(study.folder), "--pdf"])
    assert stop.value.code == 2 and "Install Chromium" in capsys.readouterr().err
    assert (study.results / "report/summary.json").stat().st_mtime_ns == before
    with pytest.raises(Exception, match="No browser"):
        browser()


def test_money_found_ahead_of_a_contribution_is_that_of_earlier_years_alone(tmp_path: Path) -> None:
    """What is due in the year it pays for has not to be found by anybody."""
    (tmp_path / "estate").mkdir()
    columns = ["academic_year", "source", "due_year", "capital_gbp"]
    rows = [
        ("2023/24", "S1", "2023/24", 1.0),
        ("2023/24", "S1", "2024/25", 20.0),
        ("2023/24", "authority", None, 300.0),
    ]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "estate/capital.parquet")
    assert _ahead(tmp_path) == 20.0


def test_the_short_paper_tells_the_same_need_and_spare_as_the_report(study: Study) -> None:
    paper, report = ((study.results / f"report/{name}.html").read_text() for name in ("committee", "report"))
    last = read_stage(study.results / "balance", "balance_summary")
    last = last[last["academic_year"] == last["academic_year"].max()]
    for row in last.itertuples():
        told = "".join(f'<td class="n">{round(value):,}</td>' for value in (row.places, row.need, row.spare))
        assert told in paper and told in report


def test_a_list_of_contents_leads_to_no_drafts_where_there_are_none() -> None:
    told = {"papers": {"drafts": []}}
    assert ("drafts", "Draft consultation papers and notices") not in sections(told)
    assert ("register", "Decision register") in sections(told)


def test_headline_counts_what_gains_gives_up_closes_and_joins(tmp_path: Path) -> None:
    """A councillor reads of no closure where there is one, or of one that is done in few futures."""
    rows = [
        ("new school", 0, 60, 1.0),
        ("bulge class", 210, 210, 1.0),
        ("SEND unit", 210, 200, 1.0),
        ("close", 105, 0, 1.0),
        ("amalgamate: closes", 90, 0, 1.0),
        ("amalgamate: takes in", 210, 300, 1.0),
        ("federate", 60, 60, 1.0),
        ("cap forms", 315, 225, 0.7),
        ("close", 50, 0, 0.2),
    ]
    (tmp_path / "estate").mkdir()
    columns = ["action", "places_before", "places_after", "probability"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "estate/decisions.parquet")
    assert headline(tmp_path) == {"adding": 4, "taking": 3, "closing": 2, "joint": 3}


def test_money_expected_is_only_what_the_programme_spends_of_it(study: Study) -> None:
    """Borrowing planned for 2040 is told as a risk of this programme, or what is not confirmed as if it were."""
    funding = pd.DataFrame(
        [
            ("2023/24", "basic need", 100.0, "confirmed"),
            ("2024/25", "basic need", 50.0, "expected"),
            ("2040/41", "borrowing", 5e7, "expected"),
            ("2023/24", "high needs", 500.0, "confirmed"),
        ],
        columns=["academic_year", "source", "amount_gbp", "certainty"],
    )
    spent = pd.DataFrame({"source": ["basic need", "basic need", "high needs", GAP], "gbp": [90.0, 40.0, 10.0, 10.0]})
    told = replace(study, tables={**study.tables, "capital_funding": funding})
    assert _expected(told, spent) == pytest.approx(30.0)
    assert _expected(replace(study, tables=dict(study.tables)), spent) == 0.0
