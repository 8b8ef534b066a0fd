"""Fit the variance components of `models.error_model` to past errors.

Sizes are fitted by non-negative least squares so that draws have, at the level of localities of three sizes,
planning areas and the authority, for year groups and for phase totals, the spread that `models.uncertainty` finds in
past errors of that level. So draws and tables tell the same story.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import lsq_linear, nnls
from scipy.sparse import csr_matrix
from scipy.stats import norm

from geodata.policy import Policy
from geodata.years import PHASES
from models.cohorts import FloatArray, IntArray
from models.error_model import LEAST_PUPILS, ErrorModel, PlanningAreas
from models.groups import grouped, membership
from models.uncertainty import PastForecasts, Spread, fit_spread, phase_members

THREADS = 2  # levels, and phases, at work at once
SIZES = 3  # localities are matched in three groups of equal number, by size
SMOOTHNESS = 1.0  # weight of being alike against matching a spread: few origins tell the levels apart badly
ROUNDS = 1  # of fitting components and then each locality's own scale
NO_ERROR = 1e-12  # sum of squares below which the errors of a year group are rounding
FADING = 0.5  # where no cohort was seen in two years of the same forecast


def fit_error_model(
    past: PastForecasts,
    policy: Policy,
    areas: PlanningAreas,
    mean: FloatArray,
    known_by: int | None = None,
    spreads: tuple[Spread, Spread] | None = None,
) -> ErrorModel:
    """Components for draws about `mean` (L, H, G); `known_by`: use only outturns of academic years that start by then.

    `spreads` of the localities' year groups and of their phase totals, where they are fitted already to the same past.
    Without past forecasts to test, the components are those of the stated default spread.
    """
    past = _seen(past, mean.shape[1], known_by)
    everybody = membership(np.zeros(len(mean), dtype=np.int64), 1)
    members = [None, everybody, *(areas.members(phase) for phase in range(len(areas.groups)))]
    with ThreadPoolExecutor(THREADS) as pool:  # numpy works without Python's lock
        made = pool.map(lambda of: _Level.of(past, mean, policy, of, spreads if of is None else None), members)
        locality, authority, *area = made
    levels = [(locality, of_area, authority) for of_area in area]
    scale = np.ones(len(mean))
    for _ in range(ROUNDS):
        variance = _all_cells(levels, areas, mean, scale)
        scale = _own_scale(locality.cells, mean, variance)
    variance = _all_cells(levels, areas, mean, scale)
    together = _all_together(levels, areas, mean, scale, variance, past.year_groups)
    errors = [[level.error for level in tree] for tree in levels]
    with ThreadPoolExecutor(THREADS) as pool:
        forecasts = [past.forecast] * len(errors)
        correlations = list(pool.map(_correlations, forecasts, errors, areas.of_locality, areas.groups))
    common, of_area, own = np.sqrt(variance[:3])
    return ErrorModel(
        common, of_area, own, variance[3], together, _fit_fading(np.concatenate(correlations, axis=2)), scale
    )


def _all_cells(
    levels: Sequence[tuple[_Level, _Level, _Level]], areas: PlanningAreas, mean: FloatArray, scale: FloatArray
) -> FloatArray:
    """Variances (4, H, G) of common, area, own and count, phase by phase."""
    variance = np.zeros((4, *mean.shape[1:]))
    for phase, (tree, groups) in enumerate(zip(levels, areas.groups, strict=True)):
        if groups.start < groups.stop:
            targets = [level.cells[..., groups] for level in tree]
            variance[..., groups] = _fit_cells(_Tree.of(areas.members(phase), mean[..., groups], scale), targets)
    return variance


def _own_scale(target: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """(L,) factor on own errors that gives each locality the spread (L, H, G) found for it, whatever its size."""
    own = mean**2 * variance[2] + mean * variance[3]
    asked = np.maximum(target - mean**2 * (variance[0] + variance[1]), 0.0)
    cells = (mean >= 1) & (own > 0)
    ratio = np.divide(asked, own, out=np.zeros_like(own), where=cells).sum(axis=(1, 2))
    count = cells.sum(axis=(1, 2))
    scale: FloatArray = np.sqrt(np.divide(ratio, count, out=np.ones(len(mean)), where=count > 0))
    return scale


def _all_together(
    levels: Sequence[tuple[_Level, _Level, _Level]],
    areas: PlanningAreas,
    mean: FloatArray,
    scale: FloatArray,
    variance: FloatArray,
    year_groups: Sequence[str],
) -> FloatArray:
    """Shares (3, H, G) that year groups have together; children below school age and sixth forms as their phase."""
    together = np.zeros((3, *mean.shape[1:]))
    counted = phase_members(year_groups)
    for phase, (name, tree, groups) in enumerate(zip(PHASES, levels, areas.groups, strict=True)):
        if name in counted:
            means = _Tree.of(areas.members(phase), mean[..., counted[name]], scale)
            targets = [level.phases[name] for level in tree]
            together[..., groups] = _fit_together(means, variance[..., counted[name]], targets)[..., None]
    return together


def _seen(past: PastForecasts, n_horizons: int, known_by: int | None) -> PastForecasts:
    """Past forecasts whose outturn was known by then, NaN elsewhere."""
    if known_by is None:
        return past
    target = past.origins[:, None] + np.arange(1, n_horizons + 1)
    known = (target <= known_by)[:, None, :, None] & np.isfinite(past.forecast) & np.isfinite(past.actual)
    forecast, actual = (np.where(known, cube, np.nan) for cube in (past.forecast, past.actual))
    return replace(past, forecast=forecast, actual=actual)


@dataclass(frozen=True, eq=False)
class _Level:
    """What past errors say of one level: K localities, planning areas, or the one authority.

    cells (K, H, G) and phases[name] (K, H) are variances in pupils² about the mean; error (O, K, H, G) is relative.
    """

    cells: FloatArray
    phases: dict[str, FloatArray]
    error: FloatArray

    @classmethod
    def of(
        cls,
        past: PastForecasts,
        mean: FloatArray,
        policy: Policy,
        members: csr_matrix | None = None,
        spreads: tuple[Spread, Spread] | None = None,
    ) -> _Level:
        if members is not None:
            past, mean = past.of_groups(members), grouped(members, mean)
        positions = phase_members(past.year_groups)
        by_phase = np.stack([mean[..., groups].sum(axis=-1) for groups in positions.values()], axis=-1)
        of_cells, of_phases = spreads or (fit_spread(past, policy), fit_spread(past.of_phases(), policy))
        phases = _variance(of_phases, policy, by_phase)
        error = np.full(past.forecast.shape, np.nan)
        np.divide(past.actual - past.forecast, past.forecast, out=error, where=past.forecast > 0)
        return cls(_variance(of_cells, policy, mean), {name: phases[..., p] for p, name in enumerate(positions)}, error)


def _variance(spread: Spread, policy: Policy, mean: FloatArray) -> FloatArray:
    """Variance at `mean` (…, H, G) of the normal curve whose interval is as wide as the one fitted to past errors."""
    z = float(norm.ppf(0.5 + policy.number("interval_level") / 2))
    _, high = spread.interval(mean)
    variance: FloatArray = ((high - mean) / z) ** 2
    return variance


@dataclass(frozen=True, eq=False)
class _Tree:
    """Means (L, H, G) and (A, H, G) of one phase's year groups, and localities in groups by size."""

    members: csr_matrix
    locality: FloatArray
    area: FloatArray
    scale: FloatArray  # (L, 1, 1) of own errors
    sizes: csr_matrix  # (SIZES, L) 1 ÷ pupils within each size; localities under one pupil a year group are left out

    @classmethod
    def of(cls, members: csr_matrix, mean: FloatArray, scale: FloatArray) -> _Tree:
        size = mean.mean(axis=(1, 2))
        order = np.argsort(size, kind="stable")
        order = order[size[order] >= 1] if (size >= 1).any() else order
        weights = np.zeros((SIZES, len(mean)))
        for row, chosen in zip(weights, np.array_split(order, SIZES), strict=True):
            row[chosen] = 1 / np.maximum(size[chosen], LEAST_PUPILS)
        return cls(members, mean, grouped(members, mean), scale[:, None, None], csr_matrix(weights))

    def rows(self, part: Sequence[FloatArray], target: Sequence[FloatArray]) -> FloatArray:
        """Ratios part ÷ target (SIZES + 2, …) of localities of each size, of areas and of the authority.

        Ratios of weighted sums, not means of ratios: those would be led by the localities with the least spread.
        """
        per_pupil = [_over(np.ones(len(self.area)), self.area.mean(axis=(1, 2)))[None], np.ones((1, 1))]
        weights = (self.sizes, *map(csr_matrix, per_pupil))
        sums = [_over(grouped(w, p), grouped(w, t)) for w, p, t in zip(weights, part, target, strict=True)]
        return np.concatenate(sums)


def _over(part: FloatArray, target: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, target, out=np.zeros(np.broadcast(part, target).shape), where=target > 0)
    return ratio


def _fit_cells(tree: _Tree, targets: list[FloatArray]) -> FloatArray:
    """Variances (4, H, G) of common, area, own and count, so that model ÷ target is near 1 at every level."""
    m, area = tree.locality, tree.area
    pupils = area.sum(axis=0, keepdims=True)
    own, count = tree.scale**2 * m**2, tree.scale**2 * m
    own_of_area, count_of_area = grouped(tree.members, own), grouped(tree.members, count)
    squares = (area**2).sum(axis=0, keepdims=True)
    parts = [
        (m**2, area**2, pupils**2),
        (m**2, area**2, squares),
        (own, own_of_area, own_of_area.sum(axis=0, keepdims=True)),
        (count, count_of_area, count_of_area.sum(axis=0, keepdims=True)),
    ]
    # A table gives an empty cell some spread; draws give it none.
    filled = [np.where(level > 0, target, 0.0) for level, target in zip((m, area, pupils), targets, strict=True)]
    ratios = np.stack([tree.rows(part, filled) for part in parts], axis=1)  # (levels, 4, H, G)
    if len(tree.area) == 1:
        ratios[:, 1] = 0.0  # the one area is the authority
    return _smooth_nnls(ratios)


def _smooth_nnls(ratios: FloatArray) -> FloatArray:
    """Parts (K, H, G) ≥ 0 with Σ ratios·part near 1 in every row of (R, K, H, G), and alike in neighbouring cells.

    What is alike is each part's share of what it could explain alone, so a cell keeps its own size. Neighbours are
    the next year group of the same year and the same cohort a year later.
    """
    rows, parts, n_years, n_groups = ratios.shape
    reach = ratios.max(axis=0)
    share = np.moveaxis(_over(ratios, reach[None]), (2, 3), (0, 1))  # (H, G, R, K)
    cells = n_years * n_groups
    at = np.arange(cells * parts).reshape(n_years, n_groups, parts)
    left = np.zeros((n_years, n_groups, rows, cells * parts))
    np.put_along_axis(left, np.broadcast_to(at[:, :, None], share.shape), share, axis=-1)
    ends = [(at[:, :-1], at[:, 1:]), (at[:-1, :-1], at[1:, 1:])]
    start, end = (np.concatenate([pair[side].ravel() for pair in ends]) for side in (0, 1))
    alike = np.zeros((len(start), cells * parts))
    alike[np.arange(len(start)), start] = SMOOTHNESS
    alike[np.arange(len(start)), end] = -SMOOTHNESS
    left = left.reshape(-1, cells * parts)
    right = np.concatenate([(left.sum(axis=1) > 0).astype(float), np.zeros(len(start))])
    fitted = nnls(np.concatenate([left, alike]), right)[0].reshape(n_years, n_groups, parts)
    return _over(np.moveaxis(fitted, -1, 0), reach)


def _fit_together(tree: _Tree, variance: FloatArray, targets: list[FloatArray]) -> FloatArray:
    """Shares (3, H) of common, area and own variance that year groups have together, from spreads of phase totals."""
    m, area = tree.locality, tree.area
    pupils = area.sum(axis=0, keepdims=True)
    deviation = np.sqrt(variance[:3])
    own = tree.scale * np.sqrt(m**2 * variance[2] + m * variance[3])

    def between(sd: FloatArray) -> FloatArray:
        """Covariance that year groups would add to their total if they went wholly together."""
        added: FloatArray = sd.sum(axis=-1) ** 2 - (sd**2).sum(axis=-1)
        return added

    of_area, of_own = between(area * deviation[1]), between(own)
    own_of_area = grouped(tree.members, of_own)
    parts = [
        [between(level * deviation[0]) for level in (m, area, pupils)],
        [between(m * deviation[1]), of_area, of_area.sum(axis=0, keepdims=True)],
        [of_own, own_of_area, own_of_area.sum(axis=0, keepdims=True)],
    ]
    alone = (own**2).sum(axis=-1)
    alone_of_area = grouped(tree.members, alone)
    apart = [
        (m**2 * (variance[0] + variance[1])).sum(axis=-1) + alone,
        (area**2 * (variance[0] + variance[1])).sum(axis=-1) + alone_of_area,
        (pupils**2 * variance[0] + (area**2).sum(axis=0) * variance[1]).sum(axis=-1)
        + alone_of_area.sum(axis=0, keepdims=True),
    ]
    ratios = np.stack([tree.rows(part, targets) for part in parts], axis=1)  # (levels, 3, H)
    missing = 1 - tree.rows(apart, targets)
    return _smooth_shares(ratios, missing)


def _smooth_shares(ratios: FloatArray, missing: FloatArray) -> FloatArray:
    """Shares (3, H) in 0 … 1 with Σ ratios·share near `missing` (R, H), ratios (R, 3, H), alike year after year."""
    rows, parts, n_years = ratios.shape
    left = np.zeros((n_years, rows, n_years, parts))
    left[np.arange(n_years), :, np.arange(n_years)] = np.moveaxis(ratios, 2, 0)
    steps = SMOOTHNESS * np.kron(np.diff(np.eye(n_years), axis=0), np.eye(parts))
    system = np.concatenate([left.reshape(n_years * rows, -1), steps])
    right = np.concatenate([missing.T.ravel(), np.zeros(len(steps))])
    found: FloatArray = np.clip(lsq_linear(system, right, bounds=(0, 1), method="bvls").x, 0, 1)  # it may end at −1e−17
    return found.reshape(n_years, parts).T


def _correlations(forecast: FloatArray, errors: list[FloatArray], area: IntArray, groups: slice) -> FloatArray:
    """Correlations (common, area, own; H − 1, G − 1) of a cohort's errors in two years running; NaN where unknown.

    One for each year group: where errors of one are far wider than of the next, a pooled one would say nothing.
    """
    shape = (3, errors[0].shape[2] - 1, max(groups.stop - groups.start - 1, 0))
    cross, first, second = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for pupils, *error in zip(forecast, *errors, strict=True):  # one origin at a time: localities are many
        locality, of_area, authority = (level[..., groups] for level in error)
        common = np.broadcast_to(authority, locality.shape)
        beside = of_area[area]
        for level, part in enumerate((common, beside - common, locality - beside)):
            now, then = part[:, :-1, :-1], part[:, 1:, 1:]
            known = ~(np.isnan(now) | np.isnan(then))
            weight = np.where(known, pupils[..., groups][:, :-1, :-1], 0.0)
            now, then = np.where(known, now, 0.0), np.where(known, then, 0.0)
            for total, a, b in ((cross, now, then), (first, now, now), (second, then, then)):
                total[level] += np.einsum("lhg,lhg,lhg->hg", weight, a, b)
    scale = np.sqrt(first * second)
    found: FloatArray = np.divide(cross, scale, out=np.full(shape, np.nan), where=scale > NO_ERROR)
    return found


def _fit_fading(correlations: FloatArray) -> FloatArray:
    """Exponents (3,) whose (h ÷ (h + 1))^fading are nearest to the correlations (3, H − 1, K) of past errors."""
    exponents = np.linspace(0, 3, 61)
    h = np.arange(1, correlations.shape[1] + 1)
    expected = (h / (h + 1)) ** exponents[:, None]
    fading = np.full(len(correlations), FADING)
    for level, found in enumerate(correlations):
        if not np.isnan(found).all():
            misfit = np.nansum((found - expected[:, :, None]) ** 2, axis=(1, 2))
            fading[level] = exponents[misfit.argmin()]
    return fading
