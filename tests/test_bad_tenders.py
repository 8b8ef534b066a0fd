"""Bad tender tables: each fault is named with file, row, field and what would mend it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tender_study import write_tender_study
from test_bad_input import edit, found

from placeplan.study import Study
from placeplan.tenders.stage import tender_stage

Break = tuple[Callable[[Path], None], str, int | None, str, str]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_tender_study(tmp_path / "study")


def test_the_competition_is_sound(study: Path) -> None:
    """Otherwise every test below would pass for the wrong reason."""
    opened = Study.open(study)
    assert not any("tender" in note or "bid" in note for note in opened.notes)
    assert opened.tables["bids"]["received_at"].iloc[1].hour == 11


def more(study: Path, table: str, line: str) -> None:
    path = study / f"inputs/{table}.csv"
    path.write_text(path.read_text() + line + "\n")


def policy(study: Path, line: str) -> None:
    edit(study / "study.toml", "[policy]", f"[policy]\n{line}")


PUBLISHED = "fc7d272641347cac"  # digest of the criteria of `tender_study`

BREAKS: dict[str, Break] = {
    "weights that sum to 90": (
        lambda s: edit(s / "inputs/criteria.csv", "Finance,20", "Finance,10"), "criteria.csv", 2, "weight", "sum to 90",
    ),
    "a score above its scale": (
        lambda s: edit(s / "inputs/scores.csv", "B1,quality,X,4.5", "B1,quality,X,45"),
        "scores.csv", 2, "score", "the scale is 0 to 5",
    ),
    "a score below its scale": (
        lambda s: edit(s / "inputs/scores.csv", "B1,quality,X,4.5", "B1,quality,X,-1"),
        "scores.csv", 2, "score", "below 0",
    ),
    "a bid for a competition that does not exist": (
        lambda s: edit(s / "inputs/bids.csv", "B2,C1", "B2,C7"), "bids.csv", 3, "competition", "C7 is not in",
    ),
    "a score of a bid that does not exist": (
        lambda s: edit(s / "inputs/scores.csv", "B1,quality,X", "B9,quality,X"), "scores.csv", 2, "bid", "B9",
    ),
    "a competition for a site that does not exist": (
        lambda s: edit(s / "inputs/competitions.csv", "field,N", "field,Q"), "competitions.csv", 2, "site", "Q",
    ),
    "an assessor scoring twice": (
        lambda s: edit(s / "inputs/scores.csv", "B1,quality,Y,3.5", "B1,quality,X,3.5"),
        "scores.csv", 3, "bid, criterion, assessor", "row 2 already",
    ),
    "an assessor scoring twice under two spellings": (
        lambda s: edit(s / "inputs/scores.csv", "B1,quality,Y,3.5", "B1,quality,x,3.5"),
        "scores.csv", 3, "assessor", "written another way",
    ),
    "a proposer bidding against itself": (
        lambda s: edit(s / "inputs/bids.csv", "Cedar Trust", "ash  trust"),
        "bids.csv", 4, "proposer", "it has a bid in row 2",
    ),
    "capital in thousands": (
        lambda s: edit(s / "inputs/bids.csv", "5000000", "5000"), "bids.csv", 3, "capital_gbp", "thousands",
    ),
    "capital of a town hall": (
        lambda s: edit(s / "inputs/bids.csv", "5000000", "50000000"), "bids.csv", 3, "capital_gbp", "0.2 to 5 times",
    ),
    "capital of an all-through school in thousands": (
        lambda s: (
            edit(s / "inputs/sites.csv", "primary", "all-through"),
            edit(s / "inputs/bids.csv", "5000000", "9000"),
        )[0],
        "bids.csv", 3, "capital_gbp", "thousands",
    ),
    "a pass mark that was not published": (
        lambda s: (
            edit(s / "inputs/competitions.csv", "weights_published\n", "weights_published,criteria_digest,pass_mark\n"),
            edit(s / "inputs/competitions.csv", "31,2023-01-09", f"31,2023-01-09,{PUBLISHED},60"),
        )[0],
        "competitions.csv", 2, "criteria_digest", "not those published",
    ),
    "a pass mark above every total": (
        lambda s: (
            edit(s / "inputs/competitions.csv", "weights_published\n", "weights_published,pass_mark\n"),
            edit(s / "inputs/competitions.csv", "31,2023-01-09", "31,2023-01-09,101"),
        )[0],
        "competitions.csv", 2, "pass_mark", "above 100",
    ),
    "an opening year in the past": (
        lambda s: edit(s / "inputs/bids.csv", "2026/27,5000000", "2016/17,5000000"),
        "bids.csv", 3, "opens", "before the base year 2022/23",
    ),
    "weights published on the day of the first bid": (
        lambda s: edit(s / "inputs/competitions.csv", "31,2023-01-09", "31,2023-03-20"),
        "competitions.csv", 2, "weights_published", "2023-03-20",
    ),
    "a weight changed when bids were in": (
        lambda s: edit(s / "inputs/criteria.csv", "20,,5,paper,", "20,,5,paper,2023-04-01"),
        "criteria.csv", 4, "changed", "locked",
    ),
    "criteria other than those published": (
        lambda s: (
            edit(s / "inputs/competitions.csv", "weights_published\n", "weights_published,criteria_digest\n"),
            edit(s / "inputs/competitions.csv", "31,2023-01-09", "31,2023-01-09,0123456789abcdef"),
        )[0],
        "competitions.csv", 2, "criteria_digest", "not those published",
    ),
    "an excluded bid without a reason": (
        lambda s: edit(s / "inputs/bids.csv", "09:00,no", "09:00,yes"), "bids.csv", 4, "exclusion_reason", "without",
    ),
    "an authority bidding by the presumption": (
        lambda s: edit(s / "inputs/bids.csv", "academy trust", "local authority"),
        "bids.csv", 2, "proposer_kind", "open to: academy trust, free school proposer",
    ),
    "an authority bidding by an invitation that has not commenced": (
        lambda s: (
            edit(s / "inputs/competitions.csv", "presumption", "invitation"),
            edit(s / "inputs/bids.csv", "academy trust", "local authority"),
        )[0],
        "bids.csv", 2, "proposer_kind", "section_7_amended_from",
    ),
    "an academy outside a competition": (
        lambda s: edit(s / "inputs/competitions.csv", "presumption", "outside a competition"),
        "bids.csv", 2, "proposer_kind", "voluntary school proposer",
    ),
    "the presumption after it has gone": (
        lambda s: policy(s, 'section_7_amended_from = "2022-09-01"'), "competitions.csv", 2, "route", "invitation",
    ),
    "a commencement on no day": (
        lambda s: policy(s, 'section_7_amended_from = "autumn"'),
        "study.toml", None, "section_7_amended_from", "2015-06-30",
    ),
    "a school in intervention without a name": (
        lambda s: (
            edit(s / "inputs/competitions.csv", "weights_published\n", "weights_published,kind\n"),
            edit(s / "inputs/competitions.csv", "31,2023-01-09", "31,2023-01-09,school in intervention"),
        )[0],
        "competitions.csv", 2, "urn", "URN",
    ),
    "a threshold above the scale": (
        lambda s: edit(s / "inputs/criteria.csv", "50,2,5", "50,6,5"), "criteria.csv", 2, "threshold", "above its",
    ),
    "a score of another competition's criterion": (
        lambda s: (
            more(s, "competitions", "C2,Another,N,presumption,,,"),
            more(s, "criteria", "C2,ethos,Ethos,100,,5,paper,"),
            edit(s / "inputs/scores.csv", "B1,quality,X", "B1,ethos,X"),
        )[0],
        "scores.csv", 2, "criterion", "no criterion of C1",
    ),
    "bids without criteria": (
        lambda s: (
            more(s, "competitions", "C2,Another,N,presumption,,,"),
            more(s, "bids", "B9,C2,Elm Trust,1,2026/27,,academy trust,,no,,passed"),
        )[0],
        "criteria.csv", None, "competition", "C2 has bids and no criteria",
    ),
    "a score by an assessor who was not to score": (
        lambda s: edit(s / "inputs/declarations.csv", "chair,noted", "chair,does not score"),
        "scores.csv", 21, "assessor", "was not to score B3",
    ),
    "an answer before its question": (
        lambda s: edit(s / "inputs/clarifications.csv", "fees?,2023-04-06", "fees?,2023-04-01"),
        "clarifications.csv", 2, "answered", "before it was asked",
    ),
    "a competition without a code": (
        lambda s: edit(s / "inputs/competitions.csv", "\nC1,", "\n,"), "competitions.csv", 2, "competition", "empty",
    ),
    "a receipt at no time": (
        lambda s: edit(s / "inputs/bids.csv", "2023-03-20 10:15", "half past ten"),
        "bids.csv", 2, "received_at", "2015-06-30 14:05",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS)
def test_each_break_is_named(study: Path, case: str) -> None:
    """An award on a slip like these would fall at the first challenge."""
    break_it, file, number, field, words = BREAKS[case]
    break_it(study)
    problems = found(study)
    hits = [p for p in problems if p.file == file and p.row == number and p.field == field and words in str(p)]
    assert hits, "\n".join(f"{p.file} | {p.row} | {p.field} | {p}" for p in problems)
    assert hits[0].mend


def test_capital_of_an_all_through_school_is_measured_against_both_phases(study: Path) -> None:
    """1 FE all-through costs 210 × £25,089 + 150 × £30,394 = £9.8m: £5m to £5.3m is half of it, and no slip.

    £1.9m is a fifth of that less a little; a fifth of the primary alone is £1.05m.
    """
    edit(study / "inputs/sites.csv", "primary", "all-through")
    Study.open(study)
    edit(study / "inputs/bids.csv", "5000000", "1900000")
    (one,) = found(study)
    assert (one.file, one.row, one.field) == ("bids.csv", 3, "capital_gbp") and "£5,278 a place" in one.what


def test_wrong_weights_of_every_competition_come_at_once(study: Path) -> None:
    """A planner with ten competitions would otherwise mend one a run."""
    edit(study / "inputs/criteria.csv", "Finance,20", "Finance,10")
    more(study, "competitions", "C2,Another,N,presumption,,,")
    more(study, "criteria", "C2,ethos,Ethos,101,,5,paper,")
    told = {(p.row, p.what) for p in found(study) if p.field == "weight" and p.file == "criteria.csv"}
    assert {(2, "The weights of C1 sum to 90."), (5, "The weights of C2 sum to 101.")} <= told


def test_the_shortest_tables_are_enough(study: Path) -> None:
    """Whoever has logged no dates, kinds or receipts can still check and rank what there is."""
    for table, text in {
        "competitions": "competition,name\nC1,A school\n",
        "bids": "bid,competition,proposer\nB1,C1,Ash\nB2,C1,Birch\nB3,C1,Cedar\nB4,C1,Dell\n",
        "criteria": "competition,criterion,name,weight\nC1,quality,Q,50\nC1,strength,S,30\nC1,finance,F,20\n",
    }.items():
        (study / f"inputs/{table}.csv").write_text(text)
    for table in ("declarations", "clarifications"):
        (study / f"inputs/{table}.csv").unlink()
    told = tender_stage(Study.open(study))
    assert told.tables["bids_ranked"]["total"].tolist() == pytest.approx([74, 70, 66, 60])
    assert any("nobody can say who decides" in line for line in told.summary["warnings"])


def test_receipt_times_survive_parquet(study: Path) -> None:
    """A bid received a minute late must not be read as received on the day."""
    first = Study.open(study).tables["bids"]
    pd.read_csv(study / "inputs/bids.csv", parse_dates=["received_at"]).to_parquet(study / "inputs/bids.parquet")
    (study / "inputs/bids.csv").unlink()
    again = Study.open(study).tables["bids"]
    assert (first["received_at"] == again["received_at"]).all() and again["received_at"].iloc[1].minute == 59


def test_a_withdrawn_bid_may_be_replaced(study: Path) -> None:
    """A proposer that withdrew its first bid does not bid against itself."""
    edit(study / "inputs/bids.csv", "Cedar Trust", "Ash Trust")
    edit(study / "inputs/bids.csv", "09:00,no,", "09:00,yes,Withdrawn for the later bid")
    Study.open(study)


def test_an_authority_may_bid_once_section_7_is_amended(study: Path) -> None:
    policy(study, 'section_7_amended_from = "2022-09-01"')
    edit(study / "inputs/competitions.csv", "presumption", "invitation")
    edit(study / "inputs/bids.csv", "academy trust", "local authority")
    Study.open(study)


def test_the_digest_of_the_published_criteria_holds_while_they_stand(study: Path) -> None:
    """The lock must not go off by itself: the order of rows and other columns are no change."""
    from geodata.competitions import criteria_digest

    digest = criteria_digest(Study.open(study).tables["criteria"])
    edit(study / "inputs/competitions.csv", "weights_published\n", "weights_published,criteria_digest\n")
    edit(study / "inputs/competitions.csv", "31,2023-01-09", f"31,2023-01-09,{digest}")
    head, *rows = (study / "inputs/criteria.csv").read_text().splitlines()
    (study / "inputs/criteria.csv").write_text("\n".join([head, *reversed(rows)]) + "\n")
    Study.open(study)
    edit(study / "inputs/criteria.csv", "Finance,20", "Finance,19")
    edit(study / "inputs/criteria.csv", "proposer,30", "proposer,31")
    assert any(p.field == "criteria_digest" for p in found(study))
