"""Ranking bids: the hand-worked competition of `tender_study`, and what happens at its edges."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tender_study import CRITERIA, RECORD, write_tender_study

from geodata.competitions import may_bid
from models.moderation import outliers, scores_of_record, spread
from models.routes import route_words
from models.tenders import INCOMPLETE, NO_AWARD, RANKED, TIE, Contest, contests, dominance, ranked
from placeplan.study import Study


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return dict(Study.open(write_tender_study(tmp_path_factory.mktemp("tenders") / "study")).tables)


@pytest.fixture
def contest(tables: dict[str, pd.DataFrame]) -> Contest:
    return contests(tables)[0]


def made(record: list[list[float]], weight: list[float] | None = None, **other: object) -> Contest:
    """A competition of so many bids and criteria on a scale of 5, without thresholds or assessors."""
    scores = np.array(record, dtype=float)
    n, m = scores.shape
    names = tuple(f"criterion {c}" for c in range(m))
    plain = Contest(
        "C",
        tuple(f"B{b}" for b in range(n)),
        tuple(f"Proposer {b}" for b in range(n)),
        ("",) * n,
        ("",) * n,
        names,
        names,
        np.array(weight or [100 / m] * m),
        np.full(m, 5.0),
        np.full(m, np.nan),
        scores,
        (),
        np.zeros((0, n, m)),
    )
    return replace(plain, **other)  # type: ignore[arg-type]


def test_a_bid_below_the_overall_pass_mark_is_not_ranked(contest: Contest) -> None:
    """70, 74 and 66: with a mark of 70 the bid of 70 wins still and the one of 66 is out; with 75 nobody wins."""
    result = ranked(replace(contest, pass_mark=70.0))
    assert result.rank.tolist() == [2, 1, 0, 0] and result.passed.tolist() == [True, True, False, False]
    assert result.why[2] == "below the pass mark (66 of 100, at least 70)"
    assert result.why[3].startswith("below the threshold"), "the first reason is the one that is published"
    nobody = ranked(replace(contest, pass_mark=75.0))
    assert nobody.outcome == NO_AWARD and nobody.first == ()


def test_the_pass_mark_leaves_open_what_is_not_moderated(contest: Contest) -> None:
    """A bid without its scores of record is not below any mark, and while it stands nobody is ranked."""
    record = contest.record.copy()
    record[1, 0] = np.nan
    result = ranked(replace(contest, record=record, pass_mark=68.0))
    assert result.outcome == INCOMPLETE and not result.rank.any()


def test_totals_and_ranks_are_those_worked_by_hand(contest: Contest) -> None:
    """70, 74 and 66 out of 100; the fourth has 1 of 5 for quality, below its threshold of 2, though its total is 60."""
    result = ranked(contest)
    assert result.total == pytest.approx([70, 74, 66, 60])
    assert result.rank.tolist() == [2, 1, 3, 0]
    assert result.outcome == RANKED and result.first == (1,)
    assert result.why[3] == "below the threshold of Quality of education (1 of 5, at least 2)"


def test_a_score_counts_by_its_own_scale(contest: Contest) -> None:
    """A criterion scored out of 10 must not weigh double."""
    doubled = replace(contest, record=contest.record * [1, 1, 2], scale=contest.scale * [1, 1, 2])
    assert ranked(doubled).total == pytest.approx(ranked(contest).total)


def test_a_failed_proposer_is_not_ranked_however_good(contest: Contest) -> None:
    """Due diligence and exclusions come before scores."""
    barred = replace(contest, barred=("", "due diligence failed: accounts not filed", "", ""))
    result = ranked(barred)
    assert result.rank.tolist() == [1, 0, 2, 0]
    assert result.why[1] == "due diligence failed: accounts not filed"


def test_outstanding_due_diligence_is_said_and_does_not_bar(contest: Contest) -> None:
    result = ranked(replace(contest, pending=("", "due diligence is outstanding", "", "")))
    assert result.first == (1,) and result.why[1].endswith("due diligence is outstanding")


def test_nobody_passing_is_a_result(contest: Contest) -> None:
    result = ranked(replace(contest, threshold=np.array([4.5, np.nan, np.nan])))
    assert result.outcome == NO_AWARD and not result.rank.any() and result.first == ()


def test_equal_totals_share_a_rank(contest: Contest) -> None:
    """3 × 30 + 5 × 20 = 190 and 5 × 30 + 2 × 20 = 190: picking one of them would be an award by the order of rows."""
    level = replace(contest, record=np.array([[3, 3, 5], [3, 5, 2], [3, 1, 1], [1, 5, 5]], dtype=float))
    result = ranked(level)
    assert result.rank.tolist() == [1, 1, 3, 0] and result.outcome == TIE and result.first == (0, 1)


def test_rounding_makes_no_winner() -> None:
    """0.1 + 0.2 is not 0.3 in a computer; a ranking must not turn on that."""
    even = made([[1, 2, 0], [0, 0, 3]], [100 / 3, 100 / 3, 100 / 3])
    assert ranked(even).outcome == TIE


def test_without_a_score_of_record_nobody_is_ranked(contest: Contest) -> None:
    """An assessors' mean in its place would be a decision that nobody took."""
    record = contest.record.copy()
    record[2, 2] = np.nan
    result = ranked(replace(contest, record=record))
    assert result.outcome == INCOMPLETE and not result.rank.any()
    assert result.why[2] == "no score of record yet for Finance" and np.isnan(result.total[2])


def test_a_bid_that_is_out_anyway_may_lack_scores(contest: Contest) -> None:
    """Interview scores of a bid below a paper threshold are never given."""
    record = contest.record.copy()
    record[3, 1:] = np.nan
    assert ranked(replace(contest, record=record)).rank.tolist() == [2, 1, 3, 0]


def test_dominance_is_as_good_everywhere_and_better_once(contest: Contest) -> None:
    assert dominance(contest) == [(0, 2)]
    twins = made([[3, 3], [3, 3]])
    assert dominance(twins) == []


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=6), st.integers(0, 20))
def test_a_better_bid_never_ranks_below_a_worse_one(record: list[list[int]], seed: int) -> None:
    weight = np.random.default_rng(seed).dirichlet(np.ones(3)) * 100
    own = made([[float(score) for score in row] for row in record], weight.tolist())
    rank = ranked(own).rank
    assert all(rank[better] <= rank[worse] for better, worse in dominance(own))
    assert rank.min() == 1 and (np.sort(rank)[1:] <= np.arange(2, len(rank) + 1)).all()


def test_record_holds_agreed_scores_and_reasons_only(contest: Contest, tables: dict[str, pd.DataFrame]) -> None:
    table = scores_of_record(contest, tables["scores"]).set_index(["bid", "criterion"])
    assert len(table) == len(RECORD) * len(CRITERIA)
    assert table.loc[("B2", "strength"), "score"] == 4 and table.loc[("B2", "strength"), "points"] == pytest.approx(24)
    assert (table["reason"] == "Agreed at the meeting").all()


def test_spread_says_who_was_apart_and_who_is_missing(contest: Contest) -> None:
    """Marks 4.5 and 3.5 against a record of 4; with a third at 2 the median is 3.5, and 1.5 is over 1.25."""
    table = spread(contest, 0.25).set_index(["bid", "criterion"])
    first = table.loc[("B1", "quality")]
    assert (first["lowest"], first["mean"], first["highest"], first["record_less_mean"]) == (3.5, 4.0, 4.5, 0.0)
    third = np.full((1, *contest.record.shape), np.nan)
    third[0, 0] = [2, 3, 3]
    wide = replace(contest, assessors=("X", "Y", "Z"), marks=np.vstack([contest.marks, third]))
    assert np.argwhere(outliers(wide, 0.25)).tolist() == [[2, 0, 0]]
    told = spread(wide, 0.25).set_index(["bid", "criterion"])
    assert told.loc[("B1", "quality"), "outliers"] == "Z: 2" and told.loc[("B1", "quality"), "missing"] == ""
    assert told.loc[("B2", "quality"), "missing"] == "Z"


def test_who_was_not_to_score_is_not_missing(contest: Contest) -> None:
    marks = contest.marks.copy()
    marks[0, 1] = np.nan
    off = pd.DataFrame({"competition": ["C1"], "assessor": ["x"], "bid": ["B2"], "action": ["does not score"]})
    without = replace(contest, marks=marks)
    assert (spread(without, 0.25, off)["missing"] == "").all()
    assert (spread(without, 0.25)["missing"] == "X").sum() == 3


def test_the_decider_follows_the_route() -> None:
    """An authority that awards where it may only recommend acts beyond its powers."""
    by = {
        route: route_words("new school", route, ("academy trust",), section_7_amended=True)
        for route in ("presumption", "invitation", "outside a competition")
    }
    assert by["presumption"].award == "recommendation" and "Regional Director" in by["presumption"].decides
    assert by["invitation"].award == "award" and by["invitation"].decides == "The local authority."
    assert any("funding agreement" in note for note in by["invitation"].notes)
    own = route_words("new school", "invitation", ("local authority",), section_7_amended=True)
    assert own.award == "recommendation" and "Regional Director" in own.decides and "itself" in own.decides
    outside = route_words("new school", "outside a competition", ("local authority",), section_7_amended=False)
    assert outside.decides.startswith("The schools adjudicator")
    taken_on = route_words("school in intervention", None, ("academy trust",), section_7_amended=False)
    assert "academy order" in taken_on.decides


def test_who_may_bid_follows_the_route() -> None:
    assert may_bid("school in intervention", "invitation", section_7_amended=True) == ("academy trust",)
    assert "local authority" not in may_bid("new school", "invitation", section_7_amended=False)
    assert "local authority" in may_bid("new school", "invitation", section_7_amended=True)
    assert set(may_bid("new school", "presumption", section_7_amended=False)) == {
        "academy trust",
        "free school proposer",
    }


def test_two_competitions_are_judged_apart(tmp_path: Path) -> None:
    """One criterion code in two competitions has two weights."""
    folder = write_tender_study(tmp_path / "study")
    for table, line in {
        "competitions": "C2,Another,N,presumption,2023-01-09,2023-03-31,2023-01-09",
        "criteria": "C2,quality,Quality,100,,10,paper,",
        "bids": "B8,C2,Ash Trust,1,2026/27,,academy trust,2023-03-01 08:00,no,,passed",
        "scores": "B8,quality,moderated,8,Agreed,2023-04-19",
    }.items():
        path = folder / f"inputs/{table}.csv"
        path.write_text(path.read_text() + line + "\n")
    first, second = contests(Study.open(folder).tables)
    assert ranked(first).total == pytest.approx([70, 74, 66, 60])
    assert ranked(second).total == pytest.approx([80])
