"""Sparsity by hand: the two factors and their tapers, whose second school counts, and what a closure changes."""

import numpy as np
import pytest
from funded import POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.years import COMPULSORY, PHASES
from models.sparsity import KINDS, Neighbours, sparsity_kind, sparsity_weight

PRIMARY = np.array([KINDS.index("primary")])
C, B = 3219.0, 21.4


def weight(distance: float, size: float, kind: str = "primary") -> float:
    at = np.array([KINDS.index(kind)])
    return float(sparsity_weight(np.array([distance]), np.array([size]), at, POLICY)[0])


@pytest.mark.parametrize(
    ("distance", "size", "expected"),
    [
        (C, 0.5 * B, 1.0),  # both in full
        (9 * C, 1.0, 1.0),  # no more than all
        (0.9 * C, 5.0, 0.5),  # half way from 80 % to 100 % of the distance
        (0.8 * C, 5.0, 0.0),  # above 80 %, not at it
        (0.79 * C, 5.0, 0.0),
        (C, 0.75 * B, 0.5),  # half way from half the size to all of it
        (C, B, 0.0),  # below the size, not at it
        (C, 1.5 * B, 0.0),
        (0.9 * C, 0.75 * B, 0.25),  # the product, not the smaller of the two
        (np.inf, 5.0, 1.0),  # no second school at all
        (np.nan, 5.0, 0.0),  # nobody's nearest
        (C, 0.0, 0.0),  # nobody there
    ],
)
def test_the_two_factors_and_their_tapers(distance: float, size: float, expected: float) -> None:
    assert weight(distance, size) == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "far", "small"), [("secondary", 4828, 120), ("middle", 3219, 69.2),
                                                    ("all-through", 3219, 62.5)])  # fmt: skip
def test_every_kind_has_its_own_thresholds(kind: str, far: float, small: float) -> None:
    assert weight(far, small / 2, kind) == 1.0
    assert weight(0.9 * far, 0.75 * small, kind) == pytest.approx(0.25)


def test_infant_junior_and_first_schools_count_as_primary() -> None:
    assert {KINDS[sparsity_kind(phase)] for phase in ("infant", "junior", "first", "primary")} == {"primary"}
    assert KINDS[sparsity_kind("middle")] == "middle"


@settings(deadline=None)
@given(st.floats(0, 30_000), st.floats(0, 60), st.floats(0, 5_000), st.floats(0, 20))
def test_farther_and_smaller_is_never_paid_less(distance: float, size: float, more: float, fewer: float) -> None:
    first = weight(distance, size)
    assert 0.0 <= first <= 1.0
    assert weight(distance + more, size) >= first - 1e-12
    if size - fewer > 0:
        assert weight(distance, size - fewer) >= first - 1e-12


def line(**more: object) -> Neighbours:
    """Three primaries at 0, 4 and 10 km; 10 pupils a year group at 0, 20 at 4 km, 6 at 10 km."""
    at, schools = np.array([0.0, 4_000.0, 10_000.0]), np.array([0.0, 4_000.0, 10_000.0])
    living = np.zeros((3, len(COMPULSORY)))
    living[:, :7] = np.array([10.0, 20.0, 6.0])[:, None]
    given = {
        "metres": np.abs(at[:, None] - schools[None, :]),
        "living": living,
        "serves": np.tile(np.isin(COMPULSORY, PHASES["primary"]), (3, 1)),
        "girls": np.ones(3, dtype=bool),
        "boys": np.ones(3, dtype=bool),
        "selective": np.zeros(3, dtype=bool),
    }
    return Neighbours(**(given | more))  # type: ignore[arg-type]


def test_the_second_school_counts_not_the_first() -> None:
    """From 0 the second is 4 km away, from 4 km that at 0, from 10 km that at 4 km."""
    assert line().second_nearest_m() == pytest.approx([4_000, 4_000, 6_000])


def test_the_mean_is_over_the_pupils_whose_nearest_it_is_by_how_many_they_are() -> None:
    """Points at 0 (10 pupils) and 1 km (30): both nearest to the school at 0, the second at 4 km is 4 and 3 km away."""
    near = line(metres=np.array([[0.0, 4_000, 10_000], [1_000, 3_000, 9_000], [10_000, 6_000, 0]]))
    living = near.living.copy()
    living[1] *= 1.5
    near = line(metres=near.metres, living=living)
    assert near.second_nearest_m()[0] == pytest.approx((10 * 4_000 + 30 * 3_000) / 40)
    assert np.isnan(near.second_nearest_m()[1]), "the school at 4 km is nobody's nearest"


def test_a_school_that_closes_moves_the_second_one_away() -> None:
    distances = line().second_nearest_m(np.array([True, False, True]))
    assert np.isnan(distances[1])
    assert distances[2] == pytest.approx(10_000)
    # 10 pupils at 0 have 10 km to the second, 20 at 4 km have 6 km.
    assert distances[0] == pytest.approx((10 * 10_000 + 20 * 6_000) / 30)


def test_a_school_of_other_year_groups_is_no_second_one() -> None:
    serves = line().serves.copy()
    serves[1] = np.isin(COMPULSORY, ("R", "Y1", "Y2"))
    infants, all_of_it = line(serves=serves).second_nearest_m()[[1, 0]]
    assert infants == pytest.approx(4_000)
    # Infants (3 year groups): 10 pupils with 4 km. Juniors (4): at 0 10 with 10 km, at 4 km 20 with 6 km.
    juniors = 4 * (10 * 10_000 + 20 * 6_000)
    assert all_of_it == pytest.approx((3 * 10 * 4_000 + juniors) / (3 * 10 + 4 * 30))


def test_selective_schools_and_those_for_the_other_gender_do_not_count() -> None:
    assert np.isnan(line(selective=np.array([False, True, False])).second_nearest_m()[1])
    # The school at 4 km takes girls only: boys there go to 0 and have 6 km to the third, those at 0 have 10 km.
    boys = line(boys=np.array([True, False, True])).second_nearest_m()
    assert boys[1] == pytest.approx(4_000)
    assert boys[0] == pytest.approx((5 * 4_000 + 5 * 10_000 + 10 * 6_000) / 20)


def test_out_of_reach_is_not_near() -> None:
    assert np.isposinf(line(metres=np.array([[0.0, np.inf, np.inf]] * 3)).second_nearest_m()[0])
    assert np.isnan(line(metres=np.full((3, 3), np.inf)).second_nearest_m()).all()
