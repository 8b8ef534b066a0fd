"""Births on academic-year cohorts, pupils as cubes, ratios and the chain."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from models.cohorts import PupilCube, birth_series, cohort_births, pupil_cube
from models.links import Links
from models.progression import roll_forward
from models.ratios import learn_ratios, recipes

SOME = settings(deadline=None, max_examples=25)


def births_table(rows):
    return pd.DataFrame(rows, columns=["locality", "year_ending", "births"])


def test_years_to_june_give_ten_twelfths_and_two_twelfths():
    table = births_table([("a", "2018-06-30", 1200), ("a", "2019-06-30", 600)])
    born, covered = cohort_births(birth_series(table, ["a"]), np.array([2022]), age=4)
    assert born[0, 0] == pytest.approx(1200 * 10 / 12 + 600 * 2 / 12)
    assert covered[0, 0] == pytest.approx(1.0)


def test_years_to_august_are_the_cohort_itself():
    table = births_table([("a", "2018-08-31", 77), ("a", "2019-08-31", 55)])
    born, _ = cohort_births(birth_series(table, ["a"]), np.array([2022, 2023]), age=4)
    np.testing.assert_allclose(born, [[77, 55]])


def test_a_cohort_known_in_part_is_scaled_up_and_one_hardly_known_is_not_known():
    table = births_table([("a", "2018-06-30", 120)])
    born, covered = cohort_births(birth_series(table, ["a"]), np.array([2021, 2022, 2023]), age=4)
    assert born[0, 1] == pytest.approx(120)
    np.testing.assert_allclose(covered[0], [2 / 12, 10 / 12, 0])
    assert np.isnan(born[0, [0, 2]]).all()


def test_the_age_of_entry_moves_the_cohort():
    table = births_table([("a", "2018-08-31", 77)])
    series = birth_series(table, ["a"])
    assert cohort_births(series, np.array([2018]), age=0)[0][0, 0] == 77
    assert cohort_births(series, np.array([2029]), age=11)[0][0, 0] == 77


@SOME
@given(month=st.integers(1, 12), level=st.floats(0, 500))
def test_steady_births_give_the_same_cohorts_whatever_the_month_they_end_in(month, level):
    endings = [pd.Timestamp(year, month, 28) for year in range(2010, 2022)]
    series = birth_series(births_table([("a", day, level) for day in endings]), ["a"])
    born, _ = cohort_births(series, np.arange(2016, 2024), age=4)
    np.testing.assert_allclose(born, level, atol=1e-9)


def test_recent_mean_takes_each_localitys_own_latest_years():
    rows = [("a", f"{year}-06-30", year - 2000) for year in range(2010, 2020)] + [("b", "2012-06-30", 5)]
    np.testing.assert_allclose(birth_series(births_table(rows), ["a", "b", "c"]).recent_mean(3), [18, 5, np.nan])


def pupils_table(rows):
    return pd.DataFrame(rows, columns=["locality", "academic_year", "year_group", "pupils"])


def test_a_locality_without_rows_is_unknown_and_a_missing_year_group_is_empty():
    table = pupils_table(
        [
            ("a", "2020/21", "R", 4),
            ("a", "2021/22", "R", 5),
            ("a", "2021/22", "Y1", 3),
            ("b", "2021/22", "Y1", 9),
            ("c", "2020/21", "Y1", 1),
        ]
    )
    cube = pupil_cube(table, ["a", "b", "c"], "2021/22")
    np.testing.assert_array_equal(cube.pupils[:, 0], [[4, 0], [np.nan, np.nan], [0, 1]])
    np.testing.assert_array_equal(cube.pupils[:, 1], [[5, 3], [0, 9], [np.nan, np.nan]])
    latest, filled = cube.filled_latest()
    np.testing.assert_array_equal(latest, [[5, 3], [0, 9], [0, 0]])  # c: its R was empty and moved up
    assert filled == 1


def test_year_groups_beyond_a_gap_are_left_out_and_said():
    table = pupils_table([("a", "2021/22", group, 1) for group in ("R", "Y1", "Y2", "Y7")])
    cube = pupil_cube(table, ["a"], "2021/22")
    assert cube.year_groups == ("R", "Y1", "Y2")
    assert "Y7" in cube.notes[0]


def test_a_base_year_without_pupils_is_refused():
    with pytest.raises(ValueError, match="2022/23"):
        pupil_cube(pupils_table([("a", "2021/22", "R", 1)]), ["a"], "2022/23")


def learnt(from_, to, prior, recipe="3:2:1"):
    """Ratios of links that form one block."""
    policy = Policy({"ratio_prior_pupils": prior})
    known = ~(np.isnan(from_) | np.isnan(to))
    links = Links(np.where(known, from_, np.nan), np.where(known, to, np.nan), (np.arange(to.shape[2]),), ((),))
    return learn_ratios(links, [recipes(policy)[recipe]], policy, 3)


def locality(ratios):
    """Ratio (L, K) of the year after the latest."""
    return ratios.common[0] * ratios.departure


def test_ratio_by_hand():
    # One link over three years, latest last: 100→90, 100→95, 100→110, weighted 1 : 2 : 3.
    from_, to = np.full((1, 3, 1), 100.0), np.array([90.0, 95.0, 110.0]).reshape(1, 3, 1)
    plain = learnt(from_, to, 0.0)
    np.testing.assert_allclose(plain.common, (90 + 2 * 95 + 3 * 110) / 600)
    assert plain.years_used[0] == 3


def test_a_small_locality_takes_the_authoritys_ratio_and_a_large_one_its_own():
    from_ = np.array([[[6.0]], [[6000.0]]])
    to = np.array([[[9.0]], [[5400.0]]])
    ratios = learnt(from_, to, 60.0)
    authority = 5409 / 6006
    assert ratios.common[0, 0] == pytest.approx(authority)
    assert locality(ratios)[0, 0] == pytest.approx((9 + 60 * authority) / 66)
    assert abs(locality(ratios)[1, 0] - 0.9) < 0.001


def test_a_year_that_was_not_counted_passes_its_weight_to_the_year_before():
    from_ = np.array([100.0, 100.0, np.nan, 100.0]).reshape(1, 4, 1)
    to = np.array([80.0, 90.0, 70.0, 110.0]).reshape(1, 4, 1)
    assert locality(learnt(from_, to, 0.0))[0, 0] == pytest.approx((3 * 110 + 2 * 90 + 80) / 600)


def test_nothing_counted_keeps_the_cohort():
    ratios = learnt(np.full((2, 1, 3), np.nan), np.ones((2, 1, 3)), None, "norm and swing")
    np.testing.assert_array_equal(locality(ratios), 1.0)


def test_a_locality_without_a_secondary_school_gains_none_and_one_without_primary_pupils_keeps_its_own():
    from_ = np.array([[[80.0]], [[0.0]], [[500.0]]])
    to = np.array([[[0.0]], [[150.0]], [[450.0]]])
    ratios = learnt(from_, to, 60.0)
    np.testing.assert_allclose(ratios.departure[:2, 0], 0.0)
    np.testing.assert_allclose(ratios.arrivals[:, 0], [0.0, 150.0, 0.0])


def test_rolling_forward_by_hand():
    base, entrants = np.array([[10.0, 20.0, 30.0]]), np.array([[12.0, 14.0]])
    common = np.array([[0.5, 2.0], [0.25, 1.0]])  # another ratio in the second year
    years = roll_forward(base, entrants, common, np.array([[1.0, 0.5]]), np.zeros((1, 2)))
    np.testing.assert_allclose(years[0], [[12, 5, 20], [14, 3, 2.5]])


def test_an_unknown_year_group_takes_its_own_last_count_where_a_phase_begins() -> None:
    """Not everybody in Y11 stays on: 40 moved up would make a sixth form of 24 look like 40."""
    pupils = np.full((1, 2, 3), 40.0)
    pupils[0, 0, 2], pupils[0, 1, 2] = 24.0, np.nan
    cube = PupilCube(pupils, ("L",), 2020, ("Y10", "Y11", "Y12"))
    assert cube.filled_latest()[0].tolist() == [[40.0, 40.0, 24.0]]
    pupils[0, 0, 0], pupils[0, 1, 1] = 35.0, np.nan
    assert PupilCube(pupils, ("L",), 2020, ("Y10", "Y11", "Y12")).filled_latest()[0].tolist() == [[40.0, 35.0, 24.0]]
