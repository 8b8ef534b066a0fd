"""Linked competitions from tables to pages: worked by hand, what clashes or is open, and what verification finds."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pandas as pd
import pytest
from browser import DESKTOP, PHONE, open_page
from linked_study import TABLES, more, write_linked_study
from small_study import policy
from test_bad_input import edit
from test_verify import summary_of

from placeplan.cli import main
from placeplan.pipeline import run_stages
from placeplan.results import file_digest, read_stage, read_summary, versions
from placeplan.study import Study
from placeplan.tenders.linked_awards import ADVISORY, judge_together
from placeplan.verification import verify_results

CHECK = "tender: sets of linked awards from the tables and the published rules"
PAGE = "linked-L1.html"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_linked_study(tmp_path_factory.mktemp("linked") / "study")
    run(folder)
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "study"))


def run(folder: Path) -> dict:
    (step,) = run_stages(Study.open(folder), ["tender"])
    return step.summary["linked_awards"]["L1"] | {"warnings": step.summary["warnings"]}


def results(folder: Path) -> Path:
    return folder / "results/base/tender"


def page(folder: Path, name: str = PAGE) -> str:
    return (results(folder) / name).read_text(encoding="utf-8")


def inputs(folder: Path, table: str) -> Path:
    return folder / f"inputs/{table}.csv"


def sets(folder: Path) -> list[tuple[str, float, float]]:
    """Bids that win, points and capital in millions of each set, best first."""
    rows = read_stage(results(folder), "award_sets").groupby("place")
    return [
        (" ".join(b for b in r["bid"] if b), r["set_points"].iloc[0], r["set_capital_gbp"].iloc[0] / 1e6)
        for _, r in rows
    ]


# If these failed, a proposer would be told that it is advised for a school that the published rules give to another.


def test_the_sets_are_those_worked_by_hand(made: Path) -> None:
    expected = [("B1 B6", 140, 9.9), ("B3 B5", 138, 10.0), ("B2 B7", 134, 9.8), ("B2", 64, 5.0), ("B1", 60, 5.2)]
    expected.append(("B3", 56, 4.9))
    for got, (bids, points, capital) in zip(sets(made), expected, strict=True):
        assert got == (bids, pytest.approx(points), pytest.approx(capital))
    table = read_stage(results(made), "award_sets")
    assert table["package"].tolist()[:2] == ["P1", "P1"] and set(table["stamp"]) == {ADVISORY}
    assert table["capital_gbp"].tolist()[:2] == [4_900_000, 5_000_000], "the package's capital, not that of the bids"
    assert table["less_points"].tolist()[:4] == [0, 0, 2, 2] and table["proven"].all()


def test_each_rule_has_its_cost(made: Path) -> None:
    """Only the envelope binds: without it B2 and B6 win, 4 points more for £0.4m more."""
    rules = read_stage(results(made), "award_rules").set_index("rule")
    assert rules["binds"].sum() == 1 and rules["proven"].all() and set(rules["stamp"]) == {ADVISORY}
    one = rules.loc["Capital in all is at most £10,000,000"]
    assert one["points_lost"] == pytest.approx(4) and one["more_capital_gbp"] == -400_000
    assert one["without"] == "C1 to Birch Trust (B2); C2 to Ash Trust (B6)"
    assert set(rules.index[~rules["binds"]]) == {
        "A school for North field must be awarded",
        "Birch Trust opens at most 1 school",
        "Elm Trust (B7) stands only if Birch Trust (B2) wins",
    }


def test_the_summary_says_what_is_advised_and_what_each_alone_would_give(made: Path) -> None:
    told = (read_summary(results(made)) or {})["linked_awards"]["L1"]
    assert told["outcome"] == "proven" and told["awards"] == {"C1": "B1", "C2": "B6"} and told["sets"] == 6
    assert (told["points"], told["points_bound"]) == (140, 140)
    assert (told["capital_gbp"], told["capital_bound_gbp"]) == (9_900_000, 9_900_000)
    assert "C1 to Birch Trust (B2); C2 to Birch Trust (B5) – 146.0 points, £10.10m" in told["comparison"]
    assert "breaks: Birch Trust opens at most 1 school; Capital in all is at most" in told["comparison"]
    assert told["stamp"] == ADVISORY and "ortools" in versions()


def test_each_competition_is_still_ranked_and_decided_alone(made: Path) -> None:
    """What is advised together must not move a rank."""
    ranked = read_stage(results(made), "bids_ranked")
    assert ranked[ranked["rank"] == 1].set_index("competition")["bid"].to_dict() == {"C1": "B2", "C2": "B5"}
    assert "Judged alone, before the rules that link it: Recommendation: Birch Trust (B2), 74.0 of 100" in page(
        made, "C1.html"
    )


def test_pages_lead_to_each_other_and_say_that_it_is_advice(made: Path) -> None:
    text = page(made)
    for lot in ("C1", "C2"):
        assert f'href="{lot}.html"' in text and f'href="{PAGE}"' in page(made, f"{lot}.html")
        assert ADVISORY in page(made, f"{lot}.html")
    assert ADVISORY in text and "Regional Director" in text and "B6 Ash Trust (package P1)" in text
    assert "Rules that bind" in text and "Published 9 January 2023" in text
    assert "below the threshold of Quality of education" in text, "who did not enter, and why"
    for table in (*TABLES, "competitions", "bids", "scores"):
        assert file_digest(inputs(made, table)) in text
    assert "://" not in text and "<script" not in text


def test_the_command_says_it_in_words(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tender", str(study)])
    said = capsys.readouterr().out
    assert str(results(study) / PAGE) in said and ADVISORY in said
    assert "Taken together: C1 to Ash Trust (B1, package P1); C2 to Ash Trust (B6, package P1) – 140.0 points" in said


def test_points_agreed_for_a_package_replace_the_totals_of_its_bids(study: Path) -> None:
    """67 + 70 for the package is less than the 138 of B3 and B5."""
    edit(inputs(study, "package_bids"), "4900000,", "4900000,67")
    assert run(study)["awards"] == {"C1": "B3", "C2": "B5"}
    assert sets(study)[1] == ("B1 B6", 137, 9.9)


def test_a_package_falls_with_one_of_its_bids(study: Path) -> None:
    edit(inputs(study, "bids"), "B6,C2,Ash Trust,1,2026/27,5300000,academy trust,2023-03-29 12:00,no,,passed",
         "B6,C2,Ash Trust,1,2026/27,5300000,academy trust,2023-03-29 12:00,no,,failed")  # fmt: skip
    assert run(study)["awards"] == {"C1": "B3", "C2": "B5"}
    assert "P1" not in {code for row in sets(study) for code in row[0].split()}
    assert verify_results(Study.open(study))[CHECK] == []


def test_a_condition_is_met_by_a_package_that_holds_the_bid(study: Path) -> None:
    """B3 stands only with B6, and B6 only with B1: B6 alone never helps B3, and B1 with B6 may win as a package."""
    more(inputs(study, "bid_conditions"), "B3,B6")
    more(inputs(study, "bid_conditions"), "B6,B1")
    told = run(study)
    assert told["awards"] == {"C1": "B1", "C2": "B6"}
    assert not any("B3" in row[0] for row in sets(study))
    assert verify_results(Study.open(study))[CHECK] == []


def test_limits_by_year_go_by_the_bids_own_opening_years(study: Path) -> None:
    """B5 opens a year later, so that Birch may open one school a year; the envelope of 2027/28 is then its 5.1m."""
    inputs(study, "award_limits").write_text(
        "linked_award,kind,subject,academic_year,limit\nL1,schools of a proposer,,2026/27,1\n"
    )
    assert run(study)["awards"] == {"C1": "B2", "C2": "B6"}
    edit(inputs(study, "bids"), "B5,C2,Birch Trust,1,2026/27", "B5,C2,Birch Trust,1,2027/28")
    assert run(study)["awards"] == {"C1": "B2", "C2": "B5"}
    more(inputs(study, "award_limits"), "L1,capital,,2027/28,5099999")
    told = run(study)
    assert told["awards"] == {"C1": "B2", "C2": "B6"}
    assert told["binding_rules"] == ["Capital of schools that open in 2027/28 is at most £5,099,999"]
    more(inputs(study, "award_limits"), "L1,schools of a proposer,Birch Trust,2026/27,0")  # its own, before that of all
    assert run(study)["awards"] == {"C1": "B3", "C2": "B6"}
    assert verify_results(Study.open(study))[CHECK] == []


def test_shares_of_places_bind(study: Path) -> None:
    """Birch offers a church school: of 420 places at most half, so that one is allowed and two are not."""
    edit(inputs(study, "bids"), "due_diligence\n", "due_diligence,religious_character\n")
    text = inputs(study, "bids").read_text().splitlines()
    inputs(study, "bids").write_text(
        "\n".join([text[0], *(line + (",Church of England" if "Birch" in line else ",none") for line in text[1:])])
        + "\n"
    )
    head = "linked_award,kind,subject,academic_year,limit\n"
    for line, awards in (
        ("L1,most share of places,,,0.5", {"C1": "B2", "C2": "B6"}),
        ("L1,most share of places,Church of England,,0.49", {"C1": "B1", "C2": "B6"}),
        ("L1,least share of places,Church of England,,0.51", {"C1": "B2", "C2": "B5"}),
    ):
        inputs(study, "award_limits").write_text(head + line + "\n")
        assert run(study)["awards"] == awards, line
        assert verify_results(Study.open(study))[CHECK] == []


def test_a_published_price_weight_counts_the_capital_asked(study: Path) -> None:
    """60 % quality, 40 % price; the lowest for C1 is 4.9m (B3, and B1 in P1), for C2 4.8m (B7).

    P1: 0.6 · 140 + 0.4 · (100 + 96) = 162.4; B3 + B5: 0.6 · 138 + 0.4 · (100 + 94.12) = 160.4;
    B2 + B7: 0.6 · 134 + 0.4 · (98 + 100) = 159.6.
    """
    inputs(study, "linked_awards").write_text("linked_award,name,price_weight\nL1,Two schools,0.4\n")
    told = run(study)
    assert [row[0] for row in sets(study)][:3] == ["B1 B6", "B3 B5", "B2 B7"]
    assert [row[1] for row in sets(study)][:3] == pytest.approx([162.4, 160.447059, 159.6], abs=1e-5)
    assert any("no day is given on which its rules were published" in line for line in told["warnings"])
    assert "adds price points to quality: 40 %" in page(study)
    assert verify_results(Study.open(study))[CHECK] == []


def test_cost_decides_between_sets_of_equal_points_and_a_tie_is_not_broken(study: Path) -> None:
    """B3 + B5 get the package's 140: dearer by 0.1m it is second; at the same capital nobody is named."""
    edit(inputs(study, "scores"), "B5,overall,moderated,72", "B5,overall,moderated,74")
    told = run(study)
    assert told["awards"] == {"C1": "B1", "C2": "B6"} and sets(study)[1] == ("B3 B5", 140, 10.0)
    edit(inputs(study, "package_bids"), "5000000", "5100000")
    told = run(study)
    assert told["outcome"] == "tie" and told["awards"] == {} and told["points"] == 140
    assert "A tie between 2 sets" in told["result"] and "not decided here" in page(study)
    assert "a tie" in page(study) and verify_results(Study.open(study))[CHECK] == []


# If these failed, a set would be shown where there is none to show.


def test_rules_that_clash_are_named(study: Path) -> None:
    edit(inputs(study, "award_limits"), "10000000", "4000000")
    told = run(study)
    names = ["A school for North field must be awarded", "Capital in all is at most £4,000,000"]
    assert told["outcome"] == "rules clash" and told["clash"] == names and told["points"] is None
    assert read_stage(results(study), "award_sets").empty
    assert all(name in page(study) for name in names) and "No set of awards keeps all" in page(study)
    assert any("These clash" in line for line in told["warnings"])
    assert read_stage(results(study), "bids_ranked")["rank"].eq(1).sum() == 2, "each is ranked alone as before"
    assert verify_results(Study.open(study))[CHECK] == []


def test_an_unfinished_moderation_leaves_the_set_open(study: Path) -> None:
    edit(inputs(study, "scores"), "B7,overall,moderated,60,Agreed at the meeting,2023-04-19\n", "")
    told = run(study)
    assert told["outcome"] == "not determined" and told["awards"] == {} and told["points"] is None
    assert "No set of awards is determined yet. Moderation of C2 is not finished." in page(study)
    assert "Moderation of C2 is not finished" in page(study, "C1.html")
    assert verify_results(Study.open(study))[CHECK] == []


def test_a_competition_without_bids_leaves_the_set_open(study: Path) -> None:
    more(inputs(study, "competitions"), "C3,Third,M,presumption,2023-01-09,,,L1,no,")
    told = run(study)
    assert told["outcome"] == "not determined" and "C3 has no bids or no criteria yet." in told["result"]
    assert "Third" in page(study) and verify_results(Study.open(study))[CHECK] == []


def test_a_lot_that_nobody_passes_stays_without_award(study: Path) -> None:
    edit(inputs(study, "competitions"), "weights_published,", "weights_published,pass_mark,")
    edit(inputs(study, "competitions"), "31,2023-01-09,L1,yes,", "31,2023-01-09,,L1,yes,")
    edit(inputs(study, "competitions"), "31,2023-01-09,L1,no,10", "31,2023-01-09,90,L1,no,10")
    told = run(study)
    assert told["awards"] == {"C1": "B2", "C2": None} and told["points"] == 64
    assert "C2 without award" in told["result"] and verify_results(Study.open(study))[CHECK] == []


def test_without_time_nothing_is_claimed_to_be_proven(study: Path) -> None:
    policy(study, "award_time_limit_s = 0")
    told = run(study)
    assert told["outcome"] == "not proven in time"
    assert "proven;" not in told["result"] and any("L1:" in line for line in told["warnings"])
    assert verify_results(Study.open(study))[CHECK] == []


def test_what_a_winner_still_waits_for_is_said(study: Path) -> None:
    edit(inputs(study, "bids"), "12:00,no,,passed", "12:00,no,,outstanding", count=3)
    run(study)
    assert "Before any award: B6 of Ash Trust: due diligence is outstanding." in page(study)


def test_competitions_that_nothing_links_work_as_before(study: Path) -> None:
    for name in TABLES:
        inputs(study, name).unlink()
    edit(inputs(study, "competitions"), ",L1,yes,", ",,,")
    edit(inputs(study, "competitions"), ",L1,no,10", ",,,")
    (step,) = run_stages(Study.open(study), ["tender"])
    assert step.summary["linked_awards"] == {} and not (results(study) / PAGE).exists()
    assert not (results(study) / "award_sets.parquet").exists() and ADVISORY not in page(study, "C1.html")
    assert CHECK not in verify_results(Study.open(study))


def test_one_package_is_enough_of_a_table(study: Path) -> None:
    """Packages, conditions and limits are each optional."""
    for name in ("package_bids", "bid_conditions", "award_limits"):
        inputs(study, name).unlink()
    assert run(study)["awards"] == {"C1": "B2", "C2": "B5"}
    assert "These are the bids ranked first in each competition." in page(study)
    assert verify_results(Study.open(study))[CHECK] == []


# If these failed, a table that somebody mended by hand would pass for what was proven.

Change = Callable[[pd.DataFrame], pd.DataFrame]
EDITS: dict[str, tuple[str, Change, str]] = {
    "another winner": (
        "award_sets", lambda t: t.assign(bid=t["bid"].where(t.index > 0, "B2"), package=""), "breaks a rule",
    ),
    "half a package": (
        "award_sets", lambda t: t.assign(bid=t["bid"].where(t.index != 1, "B5")), "a package is whole",
    ),
    "a bid that failed": (
        "award_sets",
        lambda t: t.assign(bid=t["bid"].where(t.index != 2, "B4")),
        "B4 did not enter",
    ),
    "points raised": (
        "award_sets", lambda t: t.assign(set_points=t["set_points"] + 1), "the table says 141.00",
    ),
    "capital lowered": (
        "award_sets", lambda t: t.assign(capital_gbp=t["capital_gbp"] * 0.9), "has capital_gbp 9,900,000.00",
    ),
    "sets swapped": (
        "award_sets", lambda t: t.assign(place=t["place"].replace({1: 2, 2: 1})).sort_values("place"), "order",
    ),
    "the best set left out": (
        "award_sets",
        lambda t: t[t["place"] > 1].assign(less_points=lambda r: r["less_points"] - 2,
                                           more_capital_gbp=lambda r: r["more_capital_gbp"] - 100_000),
        "summary.json",
    ),
    "a difference made small": ("award_sets", lambda t: t.assign(less_points=0.0), "less_points is not"),
    "a lot forgotten": ("award_sets", lambda t: t.drop(index=1), "each competition once"),
    "a set twice": (
        "award_sets",
        lambda t: pd.concat([t, t[t["place"] == 6].assign(place=7)]),
        "a set stands twice",
    ),
    "a rule hidden": ("award_rules", lambda t: t[t["kind"] != "capital"], "not those published: capital"),
    "a rule made cheap": ("award_rules", lambda t: t.assign(points_lost=0.0), "capital costs 4.00 points"),
}  # fmt: skip


def test_results_as_made_hold(made: Path) -> None:
    assert {what: said for what, said in verify_results(Study.open(made)).items() if said} == {}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_table_is_named(study: Path, case: str) -> None:
    name, change, words = EDITS[case]
    path = results(study) / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    summary_of(study, "tender")
    found = verify_results(Study.open(study))
    assert any(words in said for said in found[CHECK]), found[CHECK]


def test_a_worse_set_shown_as_the_best_is_named_even_where_all_tables_agree(study: Path) -> None:
    """Tables and summary forged together: only going through every set shows it."""
    path = results(study) / "award_sets.parquet"
    table = pd.read_parquet(path)
    table = table[table["place"] > 1]
    less, more_capital = table["less_points"] - 2, table["more_capital_gbp"] - 100_000
    table.assign(place=table["place"] - 1, less_points=less, more_capital_gbp=more_capital).to_parquet(
        path, index=False
    )
    told = (read_summary(results(study)) or {})["linked_awards"]
    told["L1"] |= {"awards": {"C1": "B3", "C2": "B5"}, "points": 138.0, "capital_gbp": 10e6, "sets": 5}
    summary_of(study, "tender", linked_awards=told)
    assert verify_results(Study.open(study))[CHECK] == ["L1: the sets shown are not the best ones that the rules allow"]


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({"awards": {"C1": "B2", "C2": "B6"}}, "does not name the winners"),
        ({"points": 150.0}, "says points 150"),
        ({"outcome": "tie"}, "sets are level"),
        ({"outcome": "not determined"}, "can be determined"),
        ({"outcome": "rules clash"}, "do not clash"),
        ({"sets": 3}, "counts 3 sets"),
    ],
)
def test_a_summary_that_claims_something_else_is_named(study: Path, claim: dict, words: str) -> None:
    told = (read_summary(results(study)) or {})["linked_awards"]
    told["L1"] |= claim
    summary_of(study, "tender", linked_awards=told)
    assert any(words in line for line in verify_results(Study.open(study))[CHECK])


def test_a_plan_that_fails_its_verification_is_never_shown(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.tenders import contests
    from placeplan.tenders.judging import judge

    opened = Study.open(made)
    judged = [judge(opened, contest) for contest in contests(opened.tables)]
    monkeypatch.setattr("solvers.verify_awards.verify_awards", lambda problem, plan: ["it is wrong"])
    with pytest.raises(AssertionError, match="fails its independent verification: it is wrong"):
        judge_together(opened, judged)


HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.browser
def test_the_page_stands_alone_and_fits(study: Path) -> None:
    """Names are somebody's text: none of it may run, ask the net or burst the page."""
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    edit(inputs(study, "bids"), "Ash Trust", quoted, count=2)
    edit(inputs(study, "competitions"), "A school for South field", quoted)
    edit(inputs(study, "linked_awards"), "Two schools for the north", quoted)
    run(study)
    for name, size in ((PAGE, DESKTOP), (PAGE, PHONE), ("C1.html", PHONE)):
        assert "<img" not in page(study, name)
        with open_page(results(study) / name, size) as opened:
            assert opened.problems() == []
            assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
            assert HOSTILE in opened.page.inner_text("main")
