"""Joint draws: the forecast is their mean, past errors their spread, and the seed all there is to remember."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.coherence import past_forecasts
from models.cohorts import birth_series, pupil_cube
from models.draws import TILE, Draws, area_scenarios
from models.error_fit import fit_error_model
from models.error_model import ErrorModel, PlanningAreas, planning_areas
from models.uncertainty import PastForecasts, fit_spread

H, G = 5, 12
AREA_OF = (np.arange(120) // 6, np.arange(120) // 30)
AREAS = PlanningAreas(
    tuple(tuple(f"{phase}{n}" for n in range(at.max() + 1)) for phase, at in zip("PS", AREA_OF, strict=True)),
    AREA_OF,
    (slice(0, 7), slice(7, 12)),
)
COMMON_SD, AREA_SD, OWN_SD, COUNT = 0.006, 0.010, 0.020, 0.6  # of one year's shock


def model(common=0.0, area=0.0, own=0.0, count=0.0, together=0.0, fading=0.5, localities=400):
    """The same components in every cell."""
    parts = [np.full((H, G), part) for part in (common, area, own, count)]
    return ErrorModel(*parts, np.full((3, H, G), together), np.full(3, fading), np.ones(localities))


def drawn(draws, block=TILE):
    """All draws (N, L, H, G)."""
    return np.concatenate([pupils for _, pupils in draws.blocks(block)], axis=1)


def means(n_localities=120, seed=0):
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(8), np.log(150), n_localities))
    return size[:, None, None] * rng.uniform(0.9, 1.1, (n_localities, 1, G)) * np.ones((1, H, 1))


def walk(rng, origins, n, year_sd, cohort_sd):
    """Relative errors (O, n, H, G) that every cohort carries on as it ages, and new ones added each year."""
    error = np.zeros((origins, n, H, G))
    for h in range(H):
        fresh = rng.normal(0, year_sd, (origins, n, 1)) + rng.normal(size=(origins, n, G)) * cohort_sd
        error[:, :, h] = fresh
        if h:
            error[:, :, h, 1:] += error[:, :, h - 1, :-1]
            error[:, :, h, 0] += error[:, :, h - 1, 0]
    return error


def simulated(seed, mean, origins=60):
    """Forecasts that were always `mean`, and what came: shocks of the authority, of areas and of localities."""
    rng = np.random.default_rng(seed)
    own_sd = np.sqrt(OWN_SD**2 + COUNT / mean.mean(axis=(1, 2)))
    primary = walk(rng, origins, 20, AREA_SD, AREA_SD)[:, AREA_OF[0]]
    secondary = walk(rng, origins, 4, AREA_SD, AREA_SD)[:, AREA_OF[1]]
    error = (
        walk(rng, origins, 1, COMMON_SD, COMMON_SD)
        + np.concatenate([primary[..., :7], secondary[..., 7:]], axis=-1)
        + walk(rng, origins, len(mean), 0.01, own_sd[None, :, None])
    )
    forecast = np.broadcast_to(mean, error.shape).copy()
    return PastForecasts(forecast, np.maximum(forecast * (1 + error), 0), np.arange(1900, 1900 + origins), COMPULSORY)


@cache
def fitted():
    mean = means()
    return mean, fit_error_model(simulated(1, mean), Policy({}), AREAS, mean)


def summed(cube, at):
    return np.einsum("al,olhg->oahg", np.eye(at.max() + 1)[:, at], cube)


def by_phase(cube):
    return np.stack([cube[..., :7].sum(axis=-1), cube[..., 7:].sum(axis=-1)], axis=-1)


LEVELS = {
    "locality": lambda cube: cube,
    "primary area": lambda cube: summed(cube, AREA_OF[0])[..., :7],
    "secondary area": lambda cube: summed(cube, AREA_OF[1])[..., 7:],
    "authority": lambda cube: cube.sum(axis=1, keepdims=True),
    "locality phase": by_phase,
    "area phase": lambda cube: by_phase(summed(cube, AREA_OF[0]))[..., :1],
    "authority phase": lambda cube: by_phase(cube).sum(axis=1, keepdims=True),
}


def test_the_components_of_a_known_history_are_found_again():
    _, found = fitted()
    growth = np.sqrt(np.arange(1, H + 1))[:, None]
    for part, true, within in (
        (found.common, COMMON_SD * 2**0.5, 0.25),
        (found.area[:, 7:], AREA_SD * 2**0.5, 0.4),  # four areas say little
        (found.area[:, :7], AREA_SD * 2**0.5, 0.4),
        (found.own, (OWN_SD**2 + 0.01**2) ** 0.5, 0.3),
    ):
        assert abs((part / growth).mean() / true - 1) < within
    assert abs((found.count / growth**2).mean() / COUNT - 1) < 0.1
    assert abs(found.together[0].mean() - 0.5) < 0.25
    assert (found.together[2] < 0.3).all()  # own errors are mostly a cohort's own
    np.testing.assert_allclose(found.fading, 0.5, atol=0.15)


@pytest.mark.parametrize("level", LEVELS)
def test_ten_to_ninety_per_cent_of_the_draws_hold_what_comes_next_at_every_level(level):
    mean, found = fitted()
    futures = LEVELS[level](simulated(2, mean).actual)
    low, high = np.quantile(LEVELS[level](drawn(Draws(mean, found, AREAS, 5, 400))), [0.1, 0.9], axis=0)
    held = ((low <= futures) & (futures <= high)).mean(axis=(0, 1, 3))
    assert 0.75 <= held.mean() <= 0.85
    assert (held > 0.68).all() and (held < 0.92).all()  # at every horizon


def test_the_spread_of_draws_is_the_spread_of_the_tables_at_every_level():
    mean, found = fitted()
    past = simulated(1, mean)
    cube = drawn(Draws(mean, found, AREAS, 6, 800))
    z = norm.ppf(0.9)
    for level, tested in (
        ("locality", past),
        ("authority", past.of_authority()),
        ("locality phase", past.of_phases()),
        ("authority phase", past.of_authority().of_phases()),
    ):
        middle = LEVELS[level](mean[None])[0]
        _, high = fit_spread(tested, Policy({})).interval(middle)
        ratio = LEVELS[level](cube).std(axis=0) / ((high - middle) / z)
        assert abs(ratio.mean() - 1) < 0.1, level


def test_a_locality_that_has_been_harder_to_forecast_than_others_of_its_size_has_wider_draws():
    mean = means()
    past = simulated(3, mean)
    hard = np.arange(120) % 10 == 0
    actual = past.forecast + (past.actual - past.forecast) * np.where(hard, 3, 1)[:, None, None]
    past = PastForecasts(past.forecast, np.maximum(actual, 0), past.origins, COMPULSORY)
    found = fit_error_model(past, Policy({}), AREAS, mean)
    assert 2 < found.scale[hard].mean() / found.scale[~hard].mean() < 4
    low, high = Draws(mean, found, AREAS).quantiles((0.1, 0.9))
    held = ((low <= past.actual) & (past.actual <= high)).mean(axis=(0, 2, 3))
    assert abs(held[hard].mean() - 0.8) < 0.06 and abs(held[~hard].mean() - 0.8) < 0.06


def test_a_phase_of_draws_is_wider_than_year_groups_that_err_alone():
    """Were errors independent the total's variance would be the sum; a planner would see half of the risk."""
    _, found = fitted()
    cube = drawn(Draws(means(), found, AREAS, 7, 400)).sum(axis=1)
    total, alone = cube[..., :7].sum(axis=-1).var(axis=0), cube[..., :7].var(axis=0).sum(axis=-1)
    assert (total > 2 * alone).all()


@pytest.mark.parametrize("fading", [0.0, 0.5])
def test_a_cohort_keeps_its_error_as_it_ages_and_others_do_not_share_it(fading):
    mean = np.full((1, H, G), 1000.0)
    areas = planning_areas(pd.DataFrame({"locality": ["a"]}), COMPULSORY)
    error = drawn(Draws(mean, model(own=0.02, fading=fading), areas, 1, 4000))[:, 0] - 1000
    between = np.corrcoef(error[:, 0, 2], error[:, 3, 5])[0, 1]
    assert between == pytest.approx((1 / 4) ** fading, abs=0.04)
    assert abs(np.corrcoef(error[:, 0, 2], error[:, 3, 6])[0, 1]) < 0.06


def test_what_a_year_does_to_all_year_groups_shows_in_all_of_them():
    areas = planning_areas(pd.DataFrame({"locality": ["a"]}), COMPULSORY)
    error = drawn(Draws(np.full((1, H, G), 1000.0), model(common=0.02, together=0.6), areas, 1, 4000))[:, 0] - 1000
    assert np.corrcoef(error[:, 1, 2], error[:, 1, 9])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert np.corrcoef(error[:, 1, 2], error[:, 3, 9])[0, 1] == pytest.approx(0.6 * (2 / 4) ** 0.5, abs=0.05)


def test_localities_of_an_area_err_together_and_those_of_two_areas_less():
    draws = Draws(np.full((120, H, G), 100.0), model(common=0.01, area=0.02, own=0.01), AREAS, 3, 4000)
    error = drawn(draws)[:, :, 2, 3] - 100
    assert np.corrcoef(error[:, 0], error[:, 5])[0, 1] == pytest.approx(5 / 6, abs=0.04)
    assert np.corrcoef(error[:, 0], error[:, 6])[0, 1] == pytest.approx(1 / 6, abs=0.06)
    in_secondary = drawn(draws)[:, :, 2, 9] - 100  # the same two localities share their secondary area
    assert np.corrcoef(in_secondary[:, 0], in_secondary[:, 6])[0, 1] == pytest.approx(5 / 6, abs=0.04)


def test_the_mean_of_the_draws_is_the_forecast_also_where_there_is_next_to_nobody():
    mean = np.tile(np.array([0.0, 0.05, 0.3, 2.0, 8.0, 40.0])[:, None, None], (50, H, G))
    areas = planning_areas(pd.DataFrame({"locality": range(300)}), COMPULSORY)
    cube = drawn(Draws(mean, model(common=0.02, own=0.05, count=1.5), areas, 1, 200))
    assert (cube >= 0).all() and np.isfinite(cube).all()
    by_size = cube.reshape(200, 50, 6, H, G).mean(axis=(0, 1, 3, 4))
    assert by_size[0] == 0
    np.testing.assert_allclose(by_size[1:], mean[1:6, 0, 0], rtol=0.03)
    spread = cube.reshape(200, 50, 6, H, G).std(axis=(0, 1))[2:].mean(axis=(1, 2))
    m = mean[2:6, 0, 0]
    np.testing.assert_allclose(spread, np.sqrt(m**2 * (0.02**2 + 0.05**2) + 1.5 * m), rtol=0.03)


def test_away_from_nobody_pairs_of_draws_make_the_forecast_exactly():
    cube = drawn(Draws(np.full((3, H, G), 500.0), model(common=0.01, own=0.01), small(3), 2, 50))
    np.testing.assert_allclose(cube.mean(axis=0), 500, rtol=1e-5)


def small(n):
    return planning_areas(
        pd.DataFrame({"locality": range(n), "planning_area_primary": ["a", *"b" * (n - 1)]}), COMPULSORY
    )


def test_quantiles_without_drawing_are_those_of_the_draws():
    mean = np.tile(np.array([0.4, 3.0, 30.0])[:, None, None], (1, H, G))
    draws = Draws(mean, model(common=0.02, area=0.02, own=0.03, count=1.0, localities=3), small(3), 1, 8000)
    exact, seen = draws.quantiles((0.1, 0.5, 0.9)), np.quantile(drawn(draws), [0.1, 0.5, 0.9], axis=0)
    np.testing.assert_allclose(seen.mean(axis=(2, 3)), exact.mean(axis=(2, 3)), rtol=0.02, atol=0.01)


def test_the_seed_gives_the_same_draws_in_blocks_of_any_size():
    mean, found = fitted()
    one = Draws(mean, found, AREAS, 11, 30)
    again = drawn(Draws(mean, found, AREAS, 11, 30), block=100_000)
    np.testing.assert_array_equal(drawn(one), again)
    np.testing.assert_array_equal(drawn(one), drawn(one, block=65))
    assert again.dtype == np.float32
    assert [here.stop - here.start for here, _ in one.blocks()] == [TILE, len(mean) - TILE]
    assert not np.array_equal(again, drawn(Draws(mean, found, AREAS, 12, 30)))


def test_area_draws_are_sums_of_locality_draws():
    mean, found = fitted()
    draws = Draws(mean, found, AREAS, 4, 31)
    cube = drawn(draws)
    primary, secondary = draws.area_sums()
    np.testing.assert_allclose(primary, summed(cube, AREA_OF[0])[..., :7], rtol=1e-4)
    np.testing.assert_allclose(secondary, summed(cube, AREA_OF[1])[..., 7:], rtol=1e-4)


def test_the_table_of_draws_has_a_row_for_each_area_year_year_group_and_draw():
    mean, found = fitted()
    draws = Draws(mean, found, AREAS, 4, 3)
    years = ["2022/23", "2023/24", "2024/25", "2025/26", "2026/27"]
    table = draws.area_table(years, COMPULSORY)
    assert list(table) == ["planning_area", "academic_year", "year_group", "draw", "pupils"]
    assert len(table) == (20 * 7 + 4 * 5) * H * 3 and not table.iloc[:, :-1].duplicated().any()
    row = table.query("planning_area == 'S2' and academic_year == '2024/25' and year_group == 'Y9' and draw == 1")
    assert row["pupils"].item() == pytest.approx(drawn(draws)[1, 60:90, 2, 9].sum(), rel=1e-5)


def test_scenarios_are_draws_at_even_quantiles_of_the_authority_total():
    mean, found = fitted()
    draws = Draws(mean, found, AREAS, 4, 99)
    made = area_scenarios(draws, 3)
    cube = drawn(draws)
    np.testing.assert_array_equal(made.pupils, cube[made.draw])
    rank = cube.sum(axis=(1, 2, 3)).argsort().argsort()[made.draw]
    np.testing.assert_array_equal(rank, [16, 49, 82])
    assert made.weight.sum() == pytest.approx(1)
    total = made.pupils.sum(axis=(1, 2, 3))
    assert total[0] < total[1] < total[2] and total[1] == pytest.approx(mean.sum(), rel=0.01)


def test_without_a_past_the_draws_have_the_stated_default_spread():
    mean = np.full((4, H, G), 100.0)
    empty = np.empty((0, 4, H, G))
    found = fit_error_model(PastForecasts(empty, empty, np.empty(0, dtype=int), COMPULSORY), Policy({}), small(4), mean)
    cube = drawn(Draws(mean, found, small(4), 1, 4000))
    expected = np.sqrt(100 + (0.02 * np.arange(1, H + 1) * 100) ** 2)
    np.testing.assert_allclose(cube.std(axis=0).mean(axis=(0, 2)), expected, rtol=0.05)
    np.testing.assert_array_equal(found.area[:, 7:], 0)  # the one secondary area is the authority


def test_one_year_group_that_errs_wildly_does_not_hide_how_long_errors_last():
    mean = means()
    past = simulated(4, mean)
    wild = np.where(np.arange(G) == 11, 30, 1)
    actual = past.forecast + (past.actual - past.forecast) * wild
    found = fit_error_model(PastForecasts(past.forecast, actual, past.origins, COMPULSORY), Policy({}), AREAS, mean)
    np.testing.assert_allclose(found.fading, 0.5, atol=0.15)


def test_draws_for_england_hold_four_in_five_phase_totals_of_its_authorities_without_seeing_the_future(real_data):
    pupils = pd.read_csv(real_data / "england" / "pupils_by_la_2011_2021.csv.gz").rename(
        columns={"la_code": "locality"}
    )
    births = pd.read_csv(real_data / "england" / "births_by_district_1992_2022.csv.gz")
    births = births.groupby(["la_code", "year_to_mid"], as_index=False)["births"].sum()
    births = births.rename(columns={"la_code": "locality"})
    births["year_ending"] = pd.to_datetime(births["year_to_mid"].astype(str) + "-06-30")
    codes = sorted(pupils["locality"].unique())
    past = past_forecasts(pupil_cube(pupils, codes, "2021/22"), birth_series(births, codes), Policy({}), 3)
    areas = planning_areas(pd.DataFrame({"locality": codes}), past.year_groups)
    held = np.zeros((len(past.origins), 3, 2))
    scored = np.zeros_like(held)
    for o in range(3, len(past.origins)):
        mean = np.nan_to_num(past.forecast[o])
        found = fit_error_model(past, Policy({}), areas, mean, known_by=int(past.origins[o]))
        low, high = np.quantile(by_phase(drawn(Draws(mean, found, areas, o))[..., :12]), [0.1, 0.9], axis=0)
        came = by_phase(past.actual[o][..., :12])
        held[o] = ((low <= came) & (came <= high)).sum(axis=0)
        scored[o] = (~np.isnan(came)).sum(axis=0)
    assert ((held.sum(axis=0) / scored.sum(axis=0)) > 0.72).all()
    assert ((held.sum(axis=0) / scored.sum(axis=0)) < 0.9).all()


def test_what_came_after_an_origin_does_not_change_its_draws():
    mean = means()
    past = simulated(1, mean, origins=20)
    later = past.origins[:, None] + np.arange(1, H + 1) > 1912
    changed = np.where(later[:, None, :, None], 9 * past.actual, past.actual)
    one, other = (
        fit_error_model(PastForecasts(past.forecast, actual, past.origins, COMPULSORY), Policy({}), AREAS, mean, 1912)
        for actual in (past.actual, changed)
    )
    np.testing.assert_array_equal(one.common, other.common)
    np.testing.assert_array_equal(one.together, other.together)
    np.testing.assert_array_equal(one.fading, other.fading)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 5),
    groups=st.sampled_from(
        [COMPULSORY, ("R",), COMPULSORY[:7], ("A2", "A3", *COMPULSORY), (*COMPULSORY, "Y12", "Y13")]
    ),
    years=st.sampled_from([1, 3]),
    origins=st.integers(0, 4),
    missing=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_never_missing_never_negative_whatever_the_past(seed, n, groups, years, origins, missing):
    rng = np.random.default_rng(seed)
    shape = (origins, n, years, len(groups))
    forecast = rng.choice([0.0, 0.4, 5.0, 80.0], shape) * rng.random(shape)
    actual = rng.poisson(forecast * rng.choice([1.0, 1.5])).astype(float)
    gone = rng.random(shape) < missing
    past = PastForecasts(
        np.where(gone, np.nan, forecast), np.where(gone, np.nan, actual), 2000 + np.arange(origins), groups
    )
    mean = rng.choice([0.0, 0.4, 5.0, 80.0], shape[1:])
    areas = planning_areas(pd.DataFrame({"locality": range(n), "planning_area_primary": rng.integers(0, 2, n)}), groups)
    found = fit_error_model(past, Policy({}), areas, mean)
    assert all(np.isfinite(part).all() and (part >= 0).all() for part in vars(found).values())
    draws = Draws(mean, found, areas, seed, 5)
    cube, (low, middle, high) = drawn(draws), draws.quantiles()
    assert cube.shape == (5, *mean.shape) and np.isfinite(cube).all() and (cube >= 0).all()
    assert (low >= 0).all() and (low <= middle).all() and (middle <= high).all() and np.isfinite(high).all()
    np.testing.assert_array_equal(cube[:, mean == 0], 0)


@pytest.mark.parametrize("threads", [1, 3])
def test_sums_are_the_same_to_the_last_bit_however_many_threads_draw(monkeypatch, threads):
    mean = means(n_localities=400)
    at = (np.arange(400) // 7, np.arange(400) // 30)  # areas that lie across tiles
    names = tuple(tuple(f"{n}" for n in range(part.max() + 1)) for part in at)
    areas = PlanningAreas(names, at, (slice(0, 7), slice(7, 12)))
    draws = Draws(mean, model(common=0.01, area=0.02, own=0.03, count=1.0), areas, 9, 20)
    usual = draws.area_sums()
    monkeypatch.setattr("models.draws.THREADS", threads)
    for sums, others in zip(usual, Draws(mean, draws.model, areas, 9, 20).area_sums(), strict=True):
        np.testing.assert_array_equal(sums, others)
    np.testing.assert_allclose(usual[0][:, 9], drawn(draws)[:, 63:70, :, :7].sum(axis=1), rtol=1e-5)
