"""How firm a ranking is: linear programmes against a grid of weights, drawn shares against closed forms."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.firmness import EXACT, overtaking
from models.weight_space import uncertain_shares, weight_shares

HAND = np.array([[4, 3, 3], [3, 4, 5], [4, 3, 2]]) / 5
WEIGHT = np.array([50.0, 30.0, 20.0])
GRID = np.array([(a, b, 100 - a - b) for a in range(101) for b in range(101 - a)], dtype=float)


def test_the_change_worked_by_hand() -> None:
    """B1 trails B2 by 4 points. A percentage point from finance (−0.4) to quality (+0.2) gains 0.6: 6⅔ of them.

    With three quarters on quality and one on finance it is 5 points ahead of B2 and of B3.
    """
    found = overtaking(HAND, WEIGHT, 0)
    assert found.largest_change == pytest.approx(20 / 3)
    assert found.total_change == pytest.approx(40 / 3)
    assert found.total_weights == pytest.approx([50 + 20 / 3, 30, 20 - 20 / 3])
    assert found.lead == pytest.approx(5) and found.verdict == "wins under some weights"


def test_a_bid_that_another_equals_everywhere_is_level_at_best() -> None:
    """B3 is as good as B1 but in finance: only without its 20 per cent are both level, and never is B3 in front."""
    found = overtaking(HAND, WEIGHT, 2)
    assert found.largest_change == pytest.approx(20) and found.lead == pytest.approx(0, abs=1e-7)
    assert found.verdict == "level at best, never alone in front"


def test_largest_change_may_need_more_weights_moved() -> None:
    """Spread over both others, less of each is needed: x to the first from two of equal loss."""
    share = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    found = overtaking(share, np.array([40.0, 30.0, 30.0]), 0)
    assert found.largest_change == pytest.approx(10) and found.total_change == pytest.approx(20)


def test_a_dominated_bid_never_wins() -> None:
    found = overtaking(np.array([[3, 3], [4, 4]]) / 5, np.array([50.0, 50.0]), 0)
    assert np.isinf(found.largest_change) and np.isinf(found.total_change) and found.lead == pytest.approx(-20)
    assert found.verdict == "never wins, whatever the weights" and np.isnan(found.largest_weights).all()


def test_the_leader_needs_no_change() -> None:
    assert overtaking(HAND, WEIGHT, 1).largest_change == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=5),
    st.sampled_from(range(0, len(GRID), 97)),
)
def test_no_weights_on_a_grid_do_better_and_the_optimum_is_near_one(record: list[list[int]], at: int) -> None:
    """Weights of whole per cent, tried one by one: none may beat the programme, and its own must let the rival win."""
    share, weight = np.array(record) / 5, GRID[at]
    totals = GRID @ share.T
    for rival in range(len(share)):
        found = overtaking(share, weight, rival)
        wins = totals[:, rival] >= totals.max(axis=1) - 1e-9
        change = np.abs(GRID - weight)
        if np.isinf(found.largest_change):
            assert not wins.any() and found.lead < -EXACT
            continue
        for least, weights, tried in (
            (found.largest_change, found.largest_weights, change.max(axis=1)),
            (found.total_change, found.total_weights, change.sum(axis=1)),
        ):
            own = share @ weights
            assert own[rival] >= own.max() - 1e-6 and weights.sum() == pytest.approx(100)
            if wins.any():
                assert least <= tried[wins].min() + 1e-6
        moved = np.abs(found.largest_weights - weight)
        assert moved.max() == pytest.approx(found.largest_change, abs=1e-6)
        assert np.abs(found.total_weights - weight).sum() == pytest.approx(found.total_change, abs=1e-6)
        margin = totals[:, rival] - np.delete(totals, rival, axis=1).max(axis=1)
        assert margin.max() <= found.lead + 1e-6
        if found.lead > 3:  # a step of one per cent moves a lead by no more than that
            assert wins.any() and least <= tried[wins].min() + 1e-6


def test_a_fine_grid_comes_close_to_the_programme() -> None:
    """The bound from below: on steps of one per cent the least change found is at most two steps above the optimum."""
    share = np.array([[4, 1, 3], [2, 5, 3], [3, 3, 4]]) / 5
    totals = GRID @ share.T
    for rival in range(3):
        wins = totals[:, rival] >= totals.max(axis=1)
        best = np.abs(GRID - WEIGHT).max(axis=1)[wins].min()
        assert best - 2 <= overtaking(share, WEIGHT, rival).largest_change <= best + 1e-9


def test_shares_of_weightings_have_their_closed_form() -> None:
    """Two criteria, uniform weight w on the first: 4w + 1(1 − w) > 2w + 3(1 − w) where w > ½; C wins nowhere."""
    shares = weight_shares(np.array([[4, 1], [2, 3], [1, 1]]) / 5, 100_000, seed=3)
    assert shares.share == pytest.approx([0.5, 0.5, 0.0], abs=4 * float(shares.standard_error[0]))
    assert shares.standard_error[0] == pytest.approx(0.5 / np.sqrt(100_000), rel=1e-3)
    third = weight_shares(np.eye(3), 100_000, seed=3)
    assert third.share == pytest.approx([1 / 3] * 3, abs=0.006)


def test_weightings_are_uniform_and_not_only_symmetric() -> None:
    """A wins where w₁ > ⅔ of three weights: (1 − ⅔)² = 1/9 of the simplex; normalised uniforms would give less."""
    share = np.array([[1.0, 0.0, 0.0], [2 / 3, 2 / 3, 2 / 3]])
    assert weight_shares(share, 200_000, seed=1).share[0] == pytest.approx(1 / 9, abs=0.003)


def test_ties_are_shared_and_shares_sum_to_one() -> None:
    twins = weight_shares(np.array([[3, 4], [3, 4], [5, 1]]) / 5, 20_000, seed=0)
    assert twins.share[0] == pytest.approx(twins.share[1]) and twins.share.sum() == pytest.approx(1)


def test_the_same_seed_gives_the_same_shares() -> None:
    one, other, third = (weight_shares(HAND, 10_000, seed=seed).share for seed in (5, 5, 6))
    assert (one == other).all() and (one != third).any()


def test_a_strict_assessor_alone_changes_nothing() -> None:
    """Half a point less to every bid is no doubt about which is better."""
    marks = np.array([HAND, HAND - 0.1])
    certain = weight_shares(HAND, 50_000, seed=2)
    doubtful = uncertain_shares(HAND, marks, 50_000, seed=2)
    assert doubtful.share == pytest.approx(certain.share, abs=0.01)


def test_disagreement_about_who_is_better_is_seen() -> None:
    """One of two assessors has A ahead, the other B, on the one criterion there is: half each."""
    marks = np.array([[[0.8], [0.6]], [[0.6], [0.8]]])
    record = np.array([[0.7], [0.65]])
    found = uncertain_shares(record, marks, 40_000, seed=4, weight=np.array([100.0]))
    assert found.share == pytest.approx([0.5, 0.5], abs=0.01)
    assert weight_shares(record, 1_000, seed=4).share.tolist() == [1.0, 0.0]


def test_scores_not_given_are_those_of_record() -> None:
    marks = np.full((2, 3, 3), np.nan)
    found = uncertain_shares(HAND, marks, 5_000, seed=0, weight=WEIGHT)
    assert found.share.tolist() == [0.0, 1.0, 0.0]


def test_ten_bids_nine_criteria_a_hundred_thousand_draws_in_a_second() -> None:
    """A page that takes minutes is not looked at; three times the time measured is allowed for a busy machine."""
    share = np.random.default_rng(0).random((10, 9))
    began = time.perf_counter()
    weight_shares(share, 100_000, seed=0)
    assert time.perf_counter() - began < 1.0
