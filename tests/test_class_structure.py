"""Fewest classes: against every way there is, on small rolls, and by hand."""

from functools import cache

import numpy as np
import pytest
from funded import POLICY, spread
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from models.class_structure import fewest_classes, whole_pupils


def classes(rolls: list[float], policy: Policy = POLICY) -> tuple[int, int, int]:
    made = np.zeros((1, 1, 12))
    made[0, 0, : len(rolls)] = rolls
    found = fewest_classes(made, policy)
    return int(found.infant[0, 0]), int(found.junior[0, 0]), int(found.secondary[0, 0])


def fewest(pupils: tuple[int, ...], most: int, span: int) -> int:
    """Fewest classes of at most `most` pupils of at most `span` neighbouring year groups: every class tried."""

    @cache
    def left(counts: tuple[int, ...]) -> int:
        if not any(counts):
            return 0
        youngest = next(g for g, n in enumerate(counts) if n)
        best = counts[youngest] + sum(counts)
        for taken in ways(counts[youngest : youngest + span], most):
            if not taken[0]:
                continue
            rest = list(counts)
            for g, n in enumerate(taken):
                rest[youngest + g] -= n
            best = min(best, 1 + left(tuple(rest)))
        return best

    return left(pupils)


def ways(counts: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    """Every way to take up to `most` pupils of these year groups."""
    if not counts:
        return [()]
    return [(n, *more) for n in range(min(counts[0], most) + 1) for more in ways(counts[1:], most - n)]


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 4)] * 4), st.integers(2, 4), st.integers(1, 4))
def test_no_other_way_of_making_classes_needs_fewer(juniors: tuple[int, ...], most: int, span: int) -> None:
    policy = Policy({"junior_class_max": most * 10, "mixed_age_max_year_groups": span})
    # Year groups in tens of pupils, so that a class of so many tens is tried against every other.
    assert classes([0, 0, 0, *(10 * n for n in juniors)], policy)[1] == fewest(juniors, most, span)


@pytest.mark.parametrize(
    ("rolls", "expected"),
    [
        ([30] * 7, (3, 4, 0)),  # 120 juniors fill four classes of 30 to 32
        ([31] * 7, (4, 4, 0)),  # one infant more than three classes hold
        ([10] * 7, (1, 2, 0)),  # 30 infants in one class, 40 juniors in two
        ([4] * 7, (1, 1, 0)),  # a village school of two classes
        ([0, 0, 0, 20, 20, 20, 20], (0, 3, 0)),  # a junior school: 80 in 32, 32, 16
        ([0] * 7 + [180] * 5, (0, 0, 40)),  # 180 in groups of 25: eight a year
        ([0] * 12, (0, 0, 0)),
    ],
)
def test_class_structures_by_hand(rolls: list[float], expected: tuple[int, int, int]) -> None:
    assert classes(rolls) == expected


def test_infants_and_juniors_are_not_mixed_and_few_year_groups_may_be() -> None:
    assert classes([0, 0, 5, 5, 0, 0, 0]) == (1, 1, 0)
    single = Policy({"mixed_age_max_year_groups": 1})
    assert classes([10] * 7, single) == (3, 4, 0)
    assert classes([33, 10, 10, 0, 0, 0, 0], Policy({"mixed_age_max_year_groups": 2})) == (3, 0, 0), "R, R–Y1, Y2"


def test_a_forecast_in_parts_of_pupils_makes_no_class_of_them() -> None:
    """29.6 + 30.2 + 30.2 are 90 pupils: three classes, not a fourth for what is left over."""
    assert classes([29.6, 30.2, 30.2, 0, 0, 0, 0]) == (3, 0, 0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 200), min_size=12, max_size=12))
def test_whole_pupils_keep_the_roll(rolls: list[float]) -> None:
    whole = whole_pupils(np.array(rolls))
    assert (whole >= 0).all() and (whole == np.rint(whole)).all()
    assert abs(whole.sum() - sum(rolls)) <= 0.5 + 1e-6


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 40))
def test_more_pupils_never_need_fewer_classes(pupils: int, more: int) -> None:
    few, many = (fewest_classes(spread([n])[None], POLICY).primary[0, 0] for n in (pupils, pupils + more))
    assert few <= many
