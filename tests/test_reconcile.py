"""Forecasts that agree: hand-worked trees, properties, and dense least squares as a second opinion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from models.reconcile import Level, reconcile

SOME = settings(deadline=None, max_examples=40)


def level(mean, variance):
    mean = np.asarray(mean, dtype=float)
    return Level(mean, np.broadcast_to(np.asarray(variance, dtype=float), mean.shape).copy())


def cells(*values):
    """One cell: (K, 1)."""
    return np.array(values, dtype=float)[:, None]


def test_two_levels_by_hand():
    """60 + 30 and 100 all equally sure: each third of the missing 10 goes up by 10/3, the top comes down by 10/3."""
    made = reconcile(level(cells(60, 30), 4), level(cells(0), np.inf), level([100.0], 4), np.zeros(2, dtype=int))
    np.testing.assert_allclose(made.locality[:, 0], [60 + 10 / 3, 30 + 10 / 3])
    np.testing.assert_allclose(made.authority, 100 - 10 / 3)


def test_the_less_sure_forecast_gives_way_in_proportion_to_its_variance():
    made = reconcile(
        level(cells(60, 30), cells(3, 1)), level(cells(0), np.inf), level([100.0], 0), np.zeros(2, dtype=int)
    )
    np.testing.assert_allclose(made.locality[:, 0], [67.5, 32.5])


def test_three_levels_by_hand():
    """Areas of 10 + 10 and 20, variances 1; area forecasts 26 (variance 2) and none; the top knows 48 for certain.

    The first area's two estimates, 20 ± √2 and 26 ± √2, make 23 with variance 1; the second's is 20 with variance 1;
    the top's further 5 are shared alike.
    """
    made = reconcile(
        level(cells(10, 10, 20), 1), level(cells(26, 0), cells(2, np.inf)), level([48.0], 0), np.array([0, 0, 1])
    )
    np.testing.assert_allclose(made.area[:, 0], [25.5, 22.5])
    np.testing.assert_allclose(made.locality[:, 0], [12.75, 12.75, 22.5])


def test_a_locality_that_would_fall_below_nobody_has_nobody_and_the_others_give_more():
    """1 + 50 + 50 against a certain 80: a third of 21 each would leave −6; the two others give 10 each."""
    made = reconcile(level(cells(1, 50, 50), 1), level(cells(0), np.inf), level([80.0], 0), np.zeros(3, dtype=int))
    np.testing.assert_allclose(made.locality[:, 0], [0, 40, 40])


def tree(seed, n_cells=3, low=0.0):
    """A small tree with base forecasts that disagree; localities may be near 0."""
    rng = np.random.default_rng(seed)
    n_areas = int(rng.integers(1, 4))
    area_of = np.concatenate([np.arange(n_areas), rng.integers(0, n_areas, int(rng.integers(0, 6)))])
    rng.shuffle(area_of)
    sizes = rng.choice([low, 2.0, 20.0], (len(area_of), n_cells)) * rng.random((len(area_of), n_cells))
    sums = np.eye(n_areas)[:, area_of] @ sizes
    return (
        level(sizes, rng.uniform(0.5, 5, sizes.shape)),
        level(sums * rng.uniform(0, 2, sums.shape), rng.uniform(0.5, 9, sums.shape)),
        level(sums.sum(axis=0) * rng.uniform(0, 2, n_cells), rng.uniform(0.1, 9, n_cells)),
        area_of,
    )


@SOME
@given(st.integers(0, 10**6))
def test_the_same_as_dense_bounded_least_squares(seed):
    locality, area, authority, area_of = tree(seed)
    made = reconcile(locality, area, authority, area_of)
    design = np.vstack([np.eye(len(area_of)), np.eye(len(area.mean))[:, area_of], np.ones(len(area_of))])
    for cell in range(3):
        base = np.concatenate([locality.mean[:, cell], area.mean[:, cell], authority.mean[cell : cell + 1]])
        sd = np.sqrt(
            np.concatenate([locality.variance[:, cell], area.variance[:, cell], authority.variance[cell : cell + 1]])
        )
        dense = lsq_linear(design / sd[:, None], base / sd, bounds=(0, np.inf), method="bvls", tol=1e-12)
        np.testing.assert_allclose(made.locality[:, cell], dense.x, atol=1e-6)


@SOME
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_coherent_never_negative_and_exact_where_the_top_is_certain(seed, top_certain, areas_silent):
    locality, area, authority, area_of = tree(seed)
    if top_certain:
        authority = level(authority.mean, 0)
    if areas_silent:
        area = level(area.mean, np.inf)
    made = reconcile(locality, area, authority, area_of)
    assert (made.locality >= 0).all()
    np.testing.assert_allclose(made.area, np.eye(len(area.mean))[:, area_of] @ made.locality, atol=1e-9)
    np.testing.assert_allclose(made.authority, made.area.sum(axis=0), atol=1e-9)
    if top_certain:
        np.testing.assert_allclose(made.authority, authority.mean, atol=1e-9)


@SOME
@given(st.integers(0, 10**6))
def test_forecasts_that_agree_already_are_not_touched(seed):
    locality, area, authority, area_of = tree(seed)
    sums = np.eye(len(area.mean))[:, area_of] @ locality.mean
    made = reconcile(locality, Level(sums, area.variance), Level(sums.sum(axis=0), authority.variance), area_of)
    np.testing.assert_allclose(made.locality, locality.mean, atol=1e-9)


def test_reconciled_forecasts_are_nearer_the_truth_than_those_of_any_level():
    """What the weights are for: unbiased errors of known variance, and smaller squared errors at all three levels."""
    rng = np.random.default_rng(4)
    area_of = np.arange(12) // 4
    up = np.eye(3)[:, area_of]
    truth = rng.uniform(40, 60, (12, 4000))
    sd = (2.0, 3.0, 4.0)
    true = (truth, up @ truth, truth.sum(axis=0))
    base = [t + rng.normal(0, s, t.shape) for t, s in zip(true, sd, strict=True)]
    made = reconcile(*(level(b, s**2) for b, s in zip(base, sd, strict=True)), area_of)
    for after, before, t in zip((made.locality, made.area, made.authority), base, true, strict=True):
        assert ((after - t) ** 2).mean() < 0.97 * ((before - t) ** 2).mean()
        assert abs((after - t).mean()) < 0.15


def test_years_and_year_groups_keep_their_places():
    locality, area, authority, area_of = tree(11, n_cells=6)
    flat = reconcile(locality, area, authority, area_of)

    def folded(one):
        shape = (*one.mean.shape[:-1], 2, 3)
        return Level(one.mean.reshape(shape), one.variance.reshape(shape))

    made = reconcile(folded(locality), folded(area), folded(authority), area_of)
    np.testing.assert_array_equal(made.locality.reshape(flat.locality.shape), flat.locality)
    np.testing.assert_array_equal(made.authority.ravel(), flat.authority)


@pytest.mark.parametrize(
    ("mean", "variance", "words"),
    [([np.nan], [1.0], "missing or negative"), ([-1.0], [1.0], "base forecast"), ([1.0], [np.nan], "variance")],
)
def test_missing_and_negative_figures_are_refused(mean, variance, words):
    with pytest.raises(ValueError, match=words):
        Level(np.array(mean), np.array(variance))


def test_a_locality_without_a_forecast_is_refused():
    with pytest.raises(ValueError, match="forecast of its own"):
        reconcile(level(cells(1, 2), np.inf), level(cells(0), np.inf), level([3.0], 1), np.zeros(2, dtype=int))
