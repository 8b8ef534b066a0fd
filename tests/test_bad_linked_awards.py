"""Bad tables of linked awards: each fault is named with file, row, field and what would mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from linked_study import more, write_linked_study
from test_bad_input import edit, found

from geodata.competitions import bid_places, has_character
from placeplan.study import Study

Break = tuple[Callable[[Path], object], str, int | None, str, str]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_linked_study(tmp_path / "study")


def inputs(study: Path, table: str) -> Path:
    return study / f"inputs/{table}.csv"


def test_the_linked_competitions_are_sound(study: Path) -> None:
    """Otherwise every test below would pass for the wrong reason."""
    assert len(Study.open(study).tables["linked_awards"]) == 1


def limit(line: str) -> Callable[[Path], object]:
    return lambda s: more(inputs(s, "award_limits"), line)


BREAKS: dict[str, Break] = {
    "a package of bids from unlinked competitions": (
        lambda s: (
            more(inputs(s, "competitions"), "C3,Another,M,presumption,,,,,,"),
            more(inputs(s, "criteria"), "C3,overall,Overall,100,,100,paper,"),
            more(inputs(s, "bids"), "B8,C3,Ash Trust,1,2026/27,5000000,academy trust,,no,,passed"),
            more(inputs(s, "package_bids"), "P1,B8,,"),
        ),
        "package_bids.csv", 4, "bid", "that nothing links",
    ),
    "a package across two linked awards": (
        lambda s: (
            more(inputs(s, "linked_awards"), "L2,Others,2023-01-09"),
            more(inputs(s, "competitions"), "C3,Another,M,presumption,,,,L2,,"),
            more(inputs(s, "competitions"), "C4,Yet another,M,presumption,,,,L2,,"),
            more(inputs(s, "criteria"), "C3,overall,Overall,100,,100,paper,"),
            more(inputs(s, "bids"), "B8,C3,Ash Trust,1,2026/27,5000000,academy trust,,no,,passed"),
            more(inputs(s, "package_bids"), "P1,B8,,"),
        ),
        "package_bids.csv", 4, "bid", "is for L2, its first bid for L1",
    ),
    "a package of bids of different proposers": (
        lambda s: edit(inputs(s, "package_bids"), "P1,B6", "P1,B5"),
        "package_bids.csv", 3, "bid", "is of Birch Trust, its first bid of Ash Trust",
    ),
    "two bids of a package for one lot": (
        lambda s: (
            edit(inputs(s, "bids"), "B1,C1", "B1,C2"),
            edit(inputs(s, "scores"), "B1,quality,moderated", "B1,overall,moderated"),
        ),
        "package_bids.csv", 3, "bid", "holds two bids for C2",
    ),
    "a package of one bid": (
        lambda s: edit(inputs(s, "package_bids"), "P1,B6", "P2,B6"), "package_bids.csv", 3, "package", "holds one bid",
    ),
    "a package with the code of a bid": (
        lambda s: inputs(s, "package_bids").write_text("package,bid\nB7,B1\nB7,B6\n"),
        "package_bids.csv", 2, "package", "has the code of a bid",
    ),
    "a package of an unknown bid": (
        lambda s: edit(inputs(s, "package_bids"), "P1,B6", "P1,B66"), "package_bids.csv", 3, "bid", "B66 is not in",
    ),
    "points of a package above 100": (
        lambda s: edit(inputs(s, "package_bids"), "4900000,", "4900000,101"),
        "package_bids.csv", 2, "points", "above 100",
    ),
    "a condition on an unknown bid": (
        lambda s: edit(inputs(s, "bid_conditions"), "B7,B2", "B7,B22"), "bid_conditions.csv", 2, "needs", "B22",
    ),
    "a condition of an unknown bid": (
        lambda s: edit(inputs(s, "bid_conditions"), "B7,B2", "B77,B2"), "bid_conditions.csv", 2, "bid", "B77",
    ),
    "a condition on itself": (
        lambda s: edit(inputs(s, "bid_conditions"), "B7,B2", "B7,B7"), "bid_conditions.csv", 2, "needs", "wins itself",
    ),
    "a condition on a rival for the same lot": (
        lambda s: edit(inputs(s, "bid_conditions"), "B7,B2", "B7,B5"),
        "bid_conditions.csv", 2, "needs", "only one can win",
    ),
    "a condition on a competition that is not linked": (
        lambda s: (
            more(inputs(s, "competitions"), "C3,Another,M,presumption,,,,,,"),
            more(inputs(s, "criteria"), "C3,overall,Overall,100,,100,paper,"),
            more(inputs(s, "bids"), "B8,C3,Ash Trust,1,2026/27,5000000,academy trust,,no,,passed"),
            edit(inputs(s, "bid_conditions"), "B7,B2", "B7,B8"),
        ),
        "bid_conditions.csv", 2, "needs", "no one linked award holds",
    ),
    "a limit of an unknown proposer": (
        limit("L1,schools of a proposer,Burch Trust,,2"), "award_limits.csv", 4, "subject", "Did you mean Birch Trust?",
    ),
    "a limit of an unknown award": (
        limit("L9,capital,,,2"), "award_limits.csv", 4, "linked_award", "L9 is not in",
    ),
    "a negative limit": (limit("L1,capital,,2026/27,-1"), "award_limits.csv", 4, "limit", "below 0"),
    "half a school": (limit("L1,schools of a proposer,Ash Trust,,1.5"), "award_limits.csv", 4, "limit", "no number"),
    "a share in per cent": (limit("L1,most share of places,,,40"), "award_limits.csv", 4, "limit", "0.4 for 40 %"),
    "a share in a year": (
        limit("L1,most share of places,,2026/27,0.4"), "award_limits.csv", 4, "academic_year", "Leave",
    ),
    "a share of a character that nobody offers": (
        limit("L1,most share of places,Jedi,,0.4"), "award_limits.csv", 4, "subject", "No bid",
    ),
    "a capital limit with a subject": (
        limit("L1,capital,Ash Trust,2026/27,5000000"), "award_limits.csv", 4, "subject", "no subject",
    ),
    "one limit written twice": (
        limit("L1,schools of a proposer,BIRCH TRUST,,2"), "award_limits.csv", 4, "subject", "written another way",
    ),
    "a kind of limit that is not known": (limit("L1,lots,,,2"), "award_limits.csv", 4, "kind", "most share of places"),
    "rules published after the first receipt": (
        lambda s: edit(inputs(s, "linked_awards"), "2023-01-09", "2023-03-25"),
        "linked_awards.csv", 2, "published", "a bid was received on 2023-03-20",
    ),
    "rules published on the day of the first receipt": (
        lambda s: edit(inputs(s, "linked_awards"), "2023-01-09", "2023-03-20"),
        "linked_awards.csv", 2, "published", "a bid was received on 2023-03-20",
    ),
    "a competition of an unknown linked award": (
        lambda s: edit(inputs(s, "competitions"), "L1,no,10", "L2,no,10"), "competitions.csv", 3, "linked_award", "L2",
    ),
    "an award that links one competition": (
        lambda s: edit(inputs(s, "competitions"), "L1,no,10", ",no,"),
        "linked_awards.csv", 2, "linked_award", "links 1 competitions",
    ),
    "a must for a competition decided alone": (
        lambda s: edit(inputs(s, "competitions"), "L1,no,10", ",yes,"),
        "competitions.csv", 3, "must_award", "says nothing",
    ),
    "a loss for a competition decided alone": (
        lambda s: edit(inputs(s, "competitions"), "L1,no,10", ",no,10"),
        "competitions.csv", 3, "loss_without_award", "says nothing",
    ),
    "a linked bid without its capital": (
        lambda s: edit(inputs(s, "bids"), "4900000", ""), "bids.csv", 4, "capital_gbp", "its capital is not given",
    ),
    "a limit by year of bids that do not say when": (
        lambda s: (
            edit(inputs(s, "bids"), "2026/27,4900000", ",4900000"),
            more(inputs(s, "award_limits"), "L1,capital,,2026/27,9000000"),
        ),
        "bids.csv", 4, "opens", "has limits by year",
    ),
    "a share of places of bids that do not say how many": (
        lambda s: (
            edit(inputs(s, "bids"), "Cedar Trust,1,", "Cedar Trust,,"),
            more(inputs(s, "award_limits"), "L1,most share of places,,,0.5"),
        ),
        "bids.csv", 4, "fe", "limits a share of places",
    ),
    "a share of places at no site": (
        lambda s: (
            edit(inputs(s, "competitions"), "South field,M", "South field,"),
            more(inputs(s, "award_limits"), "L1,most share of places,,,0.5"),
        ),
        "competitions.csv", 3, "site", "are not known",
    ),
    "a price weight above one": (
        lambda s: inputs(s, "linked_awards").write_text("linked_award,name,price_weight\nL1,Two,30\n"),
        "linked_awards.csv", 2, "price_weight", "above 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS)
def test_each_break_is_named(study: Path, case: str) -> None:
    """A set of awards worked out from slips like these would be the wrong one, proven."""
    break_it, file, number, field, words = BREAKS[case]
    break_it(study)
    problems = found(study)
    hits = [p for p in problems if p.file == file and p.row == number and p.field == field and words in str(p)]
    assert hits, "\n".join(f"{p.file} | {p.row} | {p.field} | {p}" for p in problems)
    assert hits[0].mend


def test_every_fault_comes_at_once(study: Path) -> None:
    """A planner would otherwise mend one a run."""
    edit(inputs(study, "bid_conditions"), "B7,B2", "B7,B7")
    edit(inputs(study, "package_bids"), "P1,B6", "P1,B5")
    more(inputs(study, "award_limits"), "L1,schools of a proposer,Nobody,,1")
    edit(inputs(study, "linked_awards"), "2023-01-09", "2023-06-01")
    files = {p.file for p in found(study)}
    assert files == {"bid_conditions.csv", "package_bids.csv", "award_limits.csv", "linked_awards.csv"}


def test_tables_that_link_nothing_need_the_table_of_awards(study: Path) -> None:
    inputs(study, "linked_awards").unlink()
    said = {(p.file, p.field) for p in found(study)}
    assert {("competitions.csv", None), ("award_limits.csv", None)} <= said


def test_an_excluded_bid_need_not_say_its_capital(study: Path) -> None:
    edit(
        inputs(study, "bids"),
        "4900000,academy trust,2023-03-30 09:00,no,",
        ",academy trust,2023-03-30 09:00,yes,Withdrawn",
    )
    Study.open(study)


def test_places_follow_the_phase_of_the_site_or_the_ages_of_the_school(study: Path) -> None:
    """A share of places counted with seven year groups at an all-through school would be off by five."""
    edit(inputs(study, "sites"), "M,South field,primary", "M,South field,all-through")
    edit(inputs(study, "competitions"), "C1,A school for North field,N,", "C1,A school for North field,,")
    tables = dict(Study.open(study).tables)
    assert bid_places(tables, 30.0)["B5"] == 360
    assert bid_places(tables, 30.0).isna()["B1"]
    contests = tables["competitions"].assign(urn=tables["competitions"]["urn"].where([False, True], 100010))
    assert bid_places(tables | {"competitions": contests}, 30.0)["B1"] == 150  # 11 to 16


def test_no_religious_character_is_none() -> None:
    import pandas as pd

    offered = pd.Series(["none", "Does not apply", "Church of England", "church of  ENGLAND", "Roman Catholic", None])
    assert has_character(offered, None).tolist() == [False, False, True, True, True, False]
    assert has_character(offered, "Church of England").tolist() == [False, False, True, True, False, False]
