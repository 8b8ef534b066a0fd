"""Levels that agree: what the authority, its areas and its localities weigh, and what a past origin may know."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.coherence import (
    Chains,
    Levels,
    Partition,
    Sureness,
    Weights,
    coherent_forecast,
    made_coherent,
    partitions,
)
from models.cohorts import BirthSeries, PupilCube
from models.groups import membership
from models.uncertainty import PastForecasts, Spread

YEARS = 9
POLICY = Policy({"ratio_choice": "3:2:1"})


def county(seed: int, size: int = 12, areas: int = 3, mean: float = 25.0, years: int = YEARS) -> PupilCube:
    """Localities in planning areas; counts scatter, areas differ, everything moves up."""
    rng = np.random.default_rng(seed)
    at = np.arange(size) % areas
    level = mean * rng.gamma(2, 0.5, (size, 1, 1)) * (1 + 0.2 * at[:, None, None])
    growth = np.exp(np.cumsum(rng.normal(0, 0.02, years)))[None, :, None]
    pupils = rng.poisson(level * growth * np.ones(len(COMPULSORY))).astype(float)
    groups = {"primary": at, "secondary": (at > 0).astype(np.int64)}
    return PupilCube(pupils, tuple(map(str, range(size))), 2010, COMPULSORY, groups=groups)


def born(cube: PupilCube, seed: int = 0) -> BirthSeries:
    months = 12 * np.arange(2003, 2020) + 8
    births = np.random.default_rng(seed).poisson(30, (len(cube.localities), len(months))).astype(float)
    return BirthSeries(births, months)


def spread(square: float, line: float, years: int, groups: int) -> Spread:
    shape = (years, groups)
    return Spread(np.full(shape, square), np.full(shape, line), np.ones(shape, dtype=bool), np.ones(1))


def test_the_level_that_has_been_surest_is_moved_least() -> None:
    """Two localities of 40 and 10, the authority alone says 60; both sums have had variance 25, then 25 against 0.

    Equally sure, the two meet at 55. The localities' variance is their number, so four fifths of the 5 go to the 40.
    """
    levels = Levels(np.array([40.0, 10.0]).reshape(2, 1, 1), (), np.array([[60.0]]))
    of_sum = spread(0, 25 / 50, 1, 1)
    weights = Weights(Sureness(spread(0, 1, 1, 1), of_sum), (), spread(0, 25 / 60, 1, 1))
    np.testing.assert_allclose(made_coherent(levels, (), weights)[:, 0, 0], [44, 11])
    certain = replace(weights, authority=spread(0, 0, 1, 1))
    np.testing.assert_allclose(made_coherent(levels, (), certain)[:, 0, 0], [48, 12])
    np.testing.assert_allclose(weights.of_authority(levels)[1], 0.5)
    np.testing.assert_allclose(made_coherent(levels, (), None)[:, 0, 0], [48, 12])  # nothing known: in proportion


def test_what_the_authority_has_never_been_tested_on_stands_as_it_says() -> None:
    levels = Levels(np.full((2, 1, 1), 20.0), (), np.array([[50.0]]))
    untested = replace(spread(0, 1, 1, 1), fitted=np.zeros((1, 1), dtype=bool))
    weights = Weights(Sureness(spread(0, 1, 1, 1), spread(0, 1, 1, 1)), (), untested)
    np.testing.assert_allclose(made_coherent(levels, (), weights).sum(), 50)


def test_errors_that_localities_share_do_not_average_out() -> None:
    """A hundred localities of 10, each ±√10, whose sum has been ±100: their variances add up to the sum's own."""
    mean = np.full((100, 1, 1), 10.0)
    sure = Sureness(spread(0, 1, 1, 1), spread(0.01, 0, 1, 1))
    assert sure.variance(mean).sum() == pytest.approx(0.01 * 1000**2)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), hidden=st.sampled_from([0.0, 0.1]))
def test_nobody_is_negative_and_without_areas_the_sum_lies_between_the_levels(seed: int, hidden: float) -> None:
    cube = county(seed)
    rng = np.random.default_rng(seed)
    pupils = np.where(rng.random(cube.pupils.shape) < hidden, np.nan, cube.pupils)
    pupils[0] = 0.0  # a locality in which nobody lives
    cube = replace(cube, pupils=pupils)
    with_areas, alone = cube, replace(cube, groups={})
    for each in (with_areas, alone):
        made = coherent_forecast(each, born(each), POLICY, 4)
        assert np.isfinite(made.pupils).all() and (made.pupils >= 0).all()
        np.testing.assert_array_equal(made.pupils[0, :, 1:], 0.0)
        assert ((made.authority_share >= 0) & (made.authority_share <= 1)).all()
    _, levels = Chains.of(alone, born(alone), POLICY).run(alone, born(alone), 4)
    said = np.stack([levels.locality.sum(axis=0), levels.authority])
    total = made.pupils.sum(axis=0)
    assert (total >= said.min(axis=0) - 1e-6).all() and (total <= said.max(axis=0) + 1e-6).all()


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), year=st.integers(3, YEARS - 2))
def test_a_past_origin_knows_nothing_that_came_after_it(seed: int, year: int) -> None:
    """Whatever later years say, the forecast from a past year, weights included, is the one made then."""
    cube = county(seed)
    other = cube.pupils.copy()
    other[:, year + 1 :] = np.random.default_rng(seed + 1).poisson(60, other[:, year + 1 :].shape)
    one, two = (
        coherent_forecast(each, born(cube), POLICY, 3).past.forecast[year - 1]
        for each in (cube, replace(cube, pupils=other))
    )
    np.testing.assert_allclose(one, two)


def test_an_area_that_has_been_sure_moves_its_own_localities_and_no_others() -> None:
    """Two areas of one locality pair each say 30 and 20 for 20 and 20; areas have never been out, localities have."""
    parts = (Partition(np.array([0, 0, 1, 1]), membership(np.array([0, 0, 1, 1]), 2), slice(0, 1)),)
    levels = Levels(np.full((4, 1, 1), 10.0), (np.array([30.0, 20.0]).reshape(2, 1, 1),), np.array([[50.0]]))
    own = Sureness(spread(0, 1, 1, 1), spread(0, 1, 1, 1))
    sure = Sureness(spread(0, 1e-6, 1, 1), spread(0, 1e-6, 1, 1))
    weights = Weights(own, (sure,), spread(0, 1, 1, 1))
    np.testing.assert_allclose(made_coherent(levels, parts, weights)[:, 0, 0], [15, 15, 10, 10], atol=1e-3)


@pytest.mark.parametrize("year", [4, 7])
def test_births_published_later_teach_a_past_origin_nothing(year: int) -> None:
    """Births that lag five years behind pupils lagged as much then: what came out since must change nothing."""
    cube = replace(county(3), groups={})
    births = born(cube).known_by(12 * 2013 + 8)
    published = 12 * (2010 + year) + 8 - 12 * (2018 - 2013)
    other = np.where(births.last_month > published, births.births * 3, births.births)
    one, two = (
        coherent_forecast(cube, BirthSeries(each, births.last_month), POLICY, 3).past.forecast[year - 1]
        for each in (births.births, other)
    )
    np.testing.assert_allclose(one, two)


def test_areas_count_only_where_they_divide_the_localities() -> None:
    cube = county(1, size=6, areas=3)
    primary, secondary = partitions(cube)
    assert primary.members.shape == (3, 6) and secondary.members.shape == (2, 6)
    assert COMPULSORY[primary.groups][-1] == "Y6" and COMPULSORY[secondary.groups][0] == "Y7"
    alike = {"primary": np.arange(6), "secondary": np.zeros(6, dtype=np.int64)}
    assert partitions(replace(cube, groups=alike)) == ()


def test_levels_together_are_out_no_further_than_the_worse_of_two() -> None:
    """Over twenty counties, the error of authority totals lies within reach of the better level."""
    out = {"coherent": 0.0, "localities": 0.0, "authority": 0.0}
    for seed in range(20):
        cube = county(seed, size=20, areas=4, years=12)
        series = born(cube)
        made = coherent_forecast(cube.until(2018), series, POLICY, 3)
        _, levels = Chains.of(cube.until(2018), series, POLICY).run(cube.until(2018), series, 3)
        came = cube.pupils[:, 9:].sum(axis=0)
        each = {
            "coherent": made.pupils.sum(axis=0),
            "localities": levels.locality.sum(axis=0),
            "authority": levels.authority,
        }
        for name, pupils in each.items():
            out[name] += float(np.abs(pupils - came).sum())
    assert out["coherent"] <= 1.02 * min(out["localities"], out["authority"])


def test_past_forecasts_score_the_same_localities_as_outturns() -> None:
    """A locality not counted in the target year is in neither the forecast nor the outturn."""
    cube = county(5)
    pupils = cube.pupils.copy()
    pupils[2, -1] = np.nan
    past: PastForecasts = coherent_forecast(replace(cube, pupils=pupils), born(cube), POLICY, 3).past
    np.testing.assert_array_equal(np.isnan(past.forecast), np.isnan(past.actual))
    assert np.isnan(past.actual[-1, 2, 0]).all() and np.isfinite(past.actual[-1, 3, 0]).all()
