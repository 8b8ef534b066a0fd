"""The tender stage from tables to pages: what it writes, what verification finds, and that pages harm nobody."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from browser import DESKTOP, PHONE, open_page
from tender_study import write_tender_study
from test_bad_input import edit
from test_verify import summary_of

from models.firmness import NOT_USED
from placeplan.cli import main
from placeplan.explain import explanation
from placeplan.pipeline import Step, run_stages
from placeplan.results import file_digest, read_stage, read_summary
from placeplan.study import Study
from placeplan.tenders.stage import page_names
from placeplan.verification import verify_results

CHECK = "tender: totals, ranks and shares from the scores of record"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tender_study(tmp_path_factory.mktemp("tender") / "study")
    run(folder)
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "study"))


def run(folder: Path) -> Step:
    (step,) = run_stages(Study.open(folder), ["tender"])
    return step


def results(folder: Path) -> Path:
    return folder / "results/base/tender"


def page(folder: Path, name: str = "C1.html") -> str:
    return (results(folder) / name).read_text(encoding="utf-8")


def test_tables_are_those_that_programs_read(made: Path) -> None:
    ranked = read_stage(results(made), "bids_ranked")
    assert list(ranked.columns) == ["competition", "bid", "proposer", "rank", "total", "passed", "why"]
    assert ranked["bid"].tolist() == ["B2", "B1", "B3", "B4"]
    assert ranked["total"].tolist() == pytest.approx([74, 70, 66, 60])
    assert ranked["rank"].fillna(0).tolist() == [1, 2, 3, 0]
    firm = read_stage(results(made), "firmness").set_index("bid")
    assert firm.loc["B1", "largest_change"] == pytest.approx(20 / 3) and "B2" not in firm.index
    shares = read_stage(results(made), "weight_shares")
    assert shares.groupby("basis")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    assert read_stage(results(made), "dominance")[["bid", "beats"]].to_numpy().tolist() == [["B1", "B3"]]


def test_every_sensitivity_is_stamped(made: Path) -> None:
    """A share of weightings read out as a score would bring an award down."""
    for name in ("firmness", "firmness_weights", "weight_shares", "dominance"):
        assert set(read_stage(results(made), name)["stamp"]) == {NOT_USED}, name
    text = page(made)
    appendix = text.index('<section class="appendix">')
    assert NOT_USED in text[appendix:]
    assert "standard error" not in text[:appendix] and "Smallest change" not in text[:appendix]


def test_the_summary_says_who_is_first_and_who_decides(made: Path) -> None:
    summary = read_summary(results(made))
    assert summary is not None and summary["warnings"] == []
    told = summary["competitions"]["C1"]
    assert told["outcome"] == "ranked" and told["first"] == ["B2"] and told["award"] == "recommendation"
    assert "Regional Director" in told["decides"]


def test_the_page_holds_result_reasons_and_the_trail(made: Path) -> None:
    text = page(made)
    assert "Recommendation: Birch Trust (B2), 74.0 of 100, 4.0 ahead of Ash Trust (B1)." in text
    assert "Agreed at the meeting" in text and "below the threshold of Quality of education" in text
    assert "31 March 2023, 11:59" in text and "Bid B2 of Birch Trust received" in text
    assert "Former colleague of its chair" in text and "Is the 5 million net of fees?" in text
    for table in ("competitions", "bids", "criteria", "scores", "declarations", "clarifications"):
        assert file_digest(made / f"inputs/{table}.csv") in text
    assert "://" not in text and "<script" not in text


def test_single_assessors_scores_stay_inside(made: Path) -> None:
    """A bidder who reads what one assessor gave challenges that assessor."""
    assert "Internal: not for publication" in page(made, "C1-internal.html")
    assert ">3.5<" not in page(made) and ">3.5<" in page(made, "C1-internal.html")


def test_nobody_passing_leads_to_another_competition(study: Path) -> None:
    edit(study / "inputs/criteria.csv", "50,2,5", "50,5,5")
    run(study)
    told = (read_summary(results(study)) or {})["competitions"]["C1"]
    assert told["outcome"] == "no award: re-run the competition" and told["first"] == []
    assert "No award: no bid passes. Re-run the competition." in page(study)
    assert read_stage(results(study), "weight_shares").empty
    assert verify_results(Study.open(study))[CHECK] == []


def test_nobody_reaching_the_pass_mark_leads_to_another_competition(study: Path) -> None:
    edit(study / "inputs/competitions.csv", "weights_published\n", "weights_published,pass_mark\n")
    edit(study / "inputs/competitions.csv", "31,2023-01-09", "31,2023-01-09,72")
    run(study)
    assert read_stage(results(study), "bids_ranked")["rank"].fillna(0).tolist() == [1, 0, 0, 0]
    assert "Overall pass mark: 72.0 of 100" in page(study) and verify_results(Study.open(study))[CHECK] == []
    edit(study / "inputs/competitions.csv", "2023-01-09,72", "2023-01-09,74.5")
    run(study)
    told = (read_summary(results(study)) or {})["competitions"]["C1"]
    assert told["outcome"] == "no award: re-run the competition"
    assert "below the pass mark (74 of 100, at least 74.5)" in page(study)
    assert verify_results(Study.open(study))[CHECK] == []


def test_a_missing_agreed_score_is_reported_and_ranks_nobody(study: Path) -> None:
    edit(study / "inputs/scores.csv", "B1,finance,moderated,3,Agreed at the meeting,2023-04-19\n", "")
    edit(study / "inputs/scores.csv", "B2,finance,moderated,5,Agreed at the meeting", "B2,finance,moderated,5,")
    step = run(study)
    assert any("no score of record: B1 finance" in line for line in step.summary["warnings"])
    assert any("no reason beside the score of record: B2 finance" in line for line in step.summary["warnings"])
    assert read_stage(results(study), "bids_ranked")["rank"].isna().all()
    assert "No result yet" in page(study) and "no reason recorded" in page(study)
    assert verify_results(Study.open(study))[CHECK] == []


def test_what_is_late_or_open_is_said(study: Path) -> None:
    edit(study / "inputs/bids.csv", "2023-03-31 11:59", "2023-04-01 00:10")
    edit(study / "inputs/bids.csv", "2023-03-20 10:15,no,,passed", ",no,,outstanding")
    edit(study / "inputs/scores.csv", "B3,quality,X,4.5,,2023-04-12\n", "")
    said = "\n".join(run(study).summary["warnings"])
    assert "C1: B2: received after the last day, 2023-03-31: decide whether it may stand" in said
    assert "Before any award: received after the last day" in page(study), "the public page says so beside the result"
    assert "no receipt is logged of B1" in said and "due diligence is outstanding on B1" in said
    assert "not scored by every assessor of the criterion: B3 quality" in said


def test_what_a_site_cannot_carry_stands_beside_the_rank(study: Path) -> None:
    """3 FE on a site for 1, from a year before the site is there; and no time to build it by the calendar of policy."""
    edit(study / "inputs/bids.csv", "B2,C1,Birch Trust,1,2026/27", "B2,C1,Birch Trust,3,2024/25")
    edit(study / "inputs/sites.csv", "available_from\nN,North field,primary,401000,300000,2025/26",
         "available_from,max_fe,transfer_date\nN,North field,primary,401000,300000,2025/26,1,2024-06-01")  # fmt: skip
    said = "\n".join(run(study).summary["warnings"])
    assert "offers 3 FE, the site takes at most 1" in said and "the site is available from 2025/26" in said
    # 65 weeks of building from the transfer on 1 June 2024.
    assert "opens in 2024/25, but by the calendar of policy is not built before 2025-08-30" in said
    assert "Before any award: offers 3 FE, the site takes at most 1" in page(study)


def test_trusts_for_a_school_in_intervention(study: Path) -> None:
    """The same tables: a school, trusts, and the day on which the choice is looked at again."""
    edit(study / "inputs/bids.csv", "free school proposer", "academy trust")
    (study / "inputs/competitions.csv").write_text(
        "competition,name,kind,urn,review_date,weights_published\n"
        "C1,A trust for A Primary,school in intervention,100001,2025-09-01,2023-01-09\n"
    )
    said = run(study).summary["warnings"]
    assert said == ["C1: A Primary School is not marked as in intervention."]
    text = page(study)
    assert "A Primary School (100001)" in text and "looked at again on 1 September 2025" in text
    assert "Academies Act 2010" in text


def test_a_bid_is_explained(made: Path) -> None:
    """Rank, lead and criteria as worked out by hand; B1 overtakes B2 where quality gains what finance loses."""
    told = explanation(Study.open(made), "B2")
    result = " ".join(told["Result, from the scores of record alone"])
    assert "Rank 1 with 74.0 of 100" in result and "4.0 points ahead of B1, Ash Trust." in result
    assert "Better on finance (+8.0), strength (+6.0)." in result and "Weaker on quality (-10.0)." in result
    firm = told[f"How firm: {NOT_USED}"]
    assert firm[0].startswith("For B1 to be first instead: some weights must move by 6.7 percentage points")
    below = explanation(Study.open(made), "B4")
    assert "below the threshold of Quality" in below["Result, from the scores of record alone"][0]
    assert not any(heading.startswith("How firm") for heading in below)


def test_without_competitions_the_stage_is_left_out(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("competitions", "bids", "criteria", "scores", "declarations", "clarifications"):
        (study / f"inputs/{name}.csv").unlink()
    with pytest.raises(SystemExit):
        main(["tender", str(study), "--json"])
    *_, step = json.loads(capsys.readouterr().out)["steps"]
    assert (step["outcome"], step["why"]) == ("left out", "no competitions, bids, criteria, scores")
    assert not results(study).exists()


def test_the_command_says_where_the_page_is(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            main(["tender", str(study)])
    assert stop.value.code in (0, None)
    said = capsys.readouterr().out
    assert "tender     unchanged" in said and str(results(study) / "C1.html") in said


def test_pages_have_names_of_their_own() -> None:
    """Two competitions must not overwrite each other, nor leave the folder."""
    assert page_names(["../../x", "A/B", "A B", "a-b", "é"]) == ["x", "A-B", "A-B-2", "a-b-3", "competition"]


EDITS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a total raised": ("bids_ranked", lambda t: t.assign(total=t["total"] + 5.0), "the total is 70.00"),
    "ranks swapped": ("bids_ranked", lambda t: t.assign(rank=t["rank"].replace({1: 2, 2: 1})), "do not follow totals"),
    "a bid lost": ("bids_ranked", lambda t: t.tail(-1), "not those of the study"),
    "a failed bid passed": ("bids_ranked", lambda t: t.assign(passed=True), "B4: it does not pass"),
    "a score of record changed": (
        "scores_of_record",
        lambda t: t.assign(score=t["score"].where(t.index > 0, 5.0)),
        "B1 quality: score is 4",
    ),
    "a weight changed": ("scores_of_record", lambda t: t.assign(weight=t["weight"] + 1), "weight is 50"),
    "shares lost": ("weight_shares", lambda t: t[t["bid"] != "B2"], "sum to"),
}


def test_results_as_made_hold(made: Path) -> None:
    assert {what: said for what, said in verify_results(Study.open(made)).items() if said} == {}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_table_is_named(study: Path, case: str) -> None:
    """The ranking that people read must be the one that the agreed scores give."""
    name, change, words = EDITS[case]
    path = results(study) / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    summary_of(study, "tender")
    found = verify_results(Study.open(study))
    assert any(words in said for said in found[CHECK]), found


def test_another_winner_in_the_summary_is_named(study: Path) -> None:
    told = (read_summary(results(study)) or {})["competitions"]
    told["C1"]["first"] = ["B1"]
    summary_of(study, "tender", competitions=told)
    assert verify_results(Study.open(study))[CHECK] == ["C1: summary.json names B1 first"]


HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.browser
def test_the_pages_stand_alone_and_fit(study: Path) -> None:
    """Names, reasons and questions are somebody's text: none of it may run, ask the net or burst the page."""
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    edit(study / "inputs/bids.csv", "Birch Trust", quoted)
    edit(study / "inputs/criteria.csv", "Quality of education", quoted)
    edit(study / "inputs/scores.csv", "Agreed at the meeting", quoted)
    edit(study / "inputs/clarifications.csv", "Is the 5 million net of fees?", "unbroken" * 40)
    edit(study / "inputs/declarations.csv", "Former colleague of its chair", quoted)
    run(study)
    for name, size in (("C1.html", DESKTOP), ("C1.html", PHONE), ("C1-internal.html", PHONE)):
        assert "<img" not in page(study, name)
        with open_page(results(study) / name, size) as opened:
            assert opened.problems() == []
            assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
            if name == "C1.html":
                told = opened.page.inner_text("main")
                assert HOSTILE in told and opened.page.locator("svg rect").count() == 4 * 3
                assert all(part in told for part in ("Who decides", "Weighted scores", "Audit trail", "how firm"))
