"""What past errors have in common: the variance components that joint draws are made of.

Relative error of locality l, h years ahead, in year group g:

    e = common[h,g]·Z + area[h,g]·Z_area + √(own[h,g]² + count[h,g] ÷ mean)·Z_own

with a standard normal Z for the whole authority, one for each planning area and one for each locality. Every Z is

    Z[h,g] = √together · Y[h]  +  √(1 − together) · C[h,g]

Y shared by all year groups of a year (families move in), C by one cohort as it ages; both keep from year h to year k
the correlation (h ÷ k)^fading: 0 where a wrong ratio goes on being wrong, ½ where fresh errors are added every year.

The sizes are fitted by non-negative least squares so that draws have, at the level of localities of three sizes,
planning areas and the authority, for year groups and for phase totals, the spread that `models.uncertainty` finds in
past errors of that level. So draws and tables tell the same story.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import lsq_linear, nnls
from scipy.sparse import csr_matrix
from scipy.stats import norm

from geodata.policy import Policy
from geodata.years import PHASES, age_of
from models.cohorts import FloatArray, IntArray
from models.uncertainty import PastForecasts, fit_spread, phase_members

SIZES = 3  # localities are matched in three groups of equal number, by size
SMOOTHNESS = 1.0  # weight of being alike against matching a spread: few origins tell the levels apart badly
FADING = 0.5  # where no cohort was seen in two years of the same forecast


@dataclass(frozen=True, eq=False)
class PlanningAreas:
    """Planning areas of the localities; there is one set for each phase.

    Attributes
    ----------
    names : names of the areas, phase by phase (primary, secondary).
    of_locality : (L,) position in `names`, phase by phase.
    groups : year groups of each phase: up to Y6, from Y7 on.

    """

    names: tuple[tuple[str, ...], ...]
    of_locality: tuple[IntArray, ...]
    groups: tuple[slice, ...]

    def members(self, phase: int) -> csr_matrix:
        """(A, L) 1 where the locality belongs to the area."""
        at = self.of_locality[phase]
        return csr_matrix((np.ones(len(at)), (at, np.arange(len(at)))), shape=(len(self.names[phase]), len(at)))


def planning_areas(localities: pd.DataFrame, year_groups: tuple[str, ...]) -> PlanningAreas:
    """Areas from columns planning_area_primary and planning_area_secondary; localities without one share ""."""
    names, of_locality = [], []
    for phase in PHASES:
        column = f"planning_area_{phase}"
        named = localities[column] if column in localities else pd.Series("", index=localities.index)
        found, at = np.unique(named.fillna("").astype(str), return_inverse=True)
        names.append(tuple(found.tolist()))
        of_locality.append(at.astype(np.int64))
    younger = sum(age_of(group) < age_of("Y7") for group in year_groups)
    return PlanningAreas(tuple(names), tuple(of_locality), (slice(0, younger), slice(younger, len(year_groups))))


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """Variance components of relative errors; see the module.

    Attributes
    ----------
    common, area, own : (H, G) relative standard deviations.
    count : (H, G) variance in pupils for each pupil forecast.
    together : (3, H, G) share of the variance of common, area and own that all year groups of a year have together.
    fading : (3,) exponents for common, area and own.

    """

    common: FloatArray
    area: FloatArray
    own: FloatArray
    count: FloatArray
    together: FloatArray
    fading: FloatArray

    def relative_sd(self, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standard deviations (L, H, G) of a locality's own error and of its whole error, relative to its mean."""
        own = np.sqrt(self.own**2 + self.count / np.maximum(mean, 1e-6))
        return own, np.sqrt(self.common**2 + self.area**2 + own**2)


def fit_error_model(
    past: PastForecasts, policy: Policy, areas: PlanningAreas, mean: FloatArray, known_by: int | None = None
) -> ErrorModel:
    """Components for draws about `mean` (L, H, G); `known_by`: use only outturns of academic years that start by then.

    Without past forecasts to test, the components are those of the stated default spread.
    """
    past = _seen(past, mean.shape[1], known_by)
    everywhere = csr_matrix(np.ones((1, len(mean))))
    locality, authority = _Level.of(past, mean, policy), _Level.of(past, mean, policy, everywhere)
    variance, together = np.zeros((4, *mean.shape[1:])), np.zeros((3, *mean.shape[1:]))
    products = np.zeros((3, 3, mean.shape[1] - 1))
    for phase, (name, groups) in enumerate(zip(PHASES, areas.groups, strict=True)):
        if groups.start == groups.stop:
            continue
        area = _Level.of(past, mean, policy, areas.members(phase))
        levels = (locality, area, authority)
        tree = _Tree.of(areas.members(phase), mean[..., groups])
        variance[..., groups] = _fit_cells(tree, [level.cells[..., groups] for level in levels])
        if name in authority.phases:
            counted = phase_members(past.year_groups)[name]  # without children below school age and sixth forms
            tree = _Tree.of(areas.members(phase), mean[..., counted])
            shared = _fit_together(tree, variance[..., counted], [level.phases[name] for level in levels])
            together[..., groups] = shared[..., None]
        products += _products(past.forecast, [level.error for level in levels], areas.of_locality[phase], groups)
    common, own_area, own = np.sqrt(variance[:3])
    return ErrorModel(common, own_area, own, variance[3], together, _fit_fading(products))


def _seen(past: PastForecasts, n_horizons: int, known_by: int | None) -> PastForecasts:
    """Past forecasts whose outturn was known by then, NaN elsewhere."""
    target = past.origins[:, None] + np.arange(1, n_horizons + 1)
    in_time = np.ones(target.shape, dtype=bool) if known_by is None else target <= known_by
    known = in_time[:, None, :, None] & np.isfinite(past.forecast) & np.isfinite(past.actual)
    forecast, actual = (np.where(known, cube, np.nan) for cube in (past.forecast, past.actual))
    return PastForecasts(forecast, actual, past.origins, past.year_groups)


def grouped(members: csr_matrix, values: FloatArray) -> FloatArray:
    """Sums (A, …) over groups of localities (L, …)."""
    sums: FloatArray = np.asarray(members @ values.reshape(len(values), -1))
    return sums.reshape(members.shape[0], *values.shape[1:])


def _of_groups(past: PastForecasts, members: csr_matrix) -> PastForecasts:
    """Sums over groups of localities, NaN where none of a group is known; sparse, for thousands of groups."""

    def total(cube: FloatArray) -> FloatArray:
        sums = np.empty((len(cube), members.shape[0], *cube.shape[2:]))
        for origin, values in enumerate(cube):
            sums[origin] = grouped(members, values)
        return sums

    known = ~np.isnan(past.forecast)
    some = total(known.astype(float)) > 0
    forecast, actual = (np.where(some, total(np.where(known, c, 0.0)), np.nan) for c in (past.forecast, past.actual))
    return PastForecasts(forecast, actual, past.origins, past.year_groups)


@dataclass(frozen=True, eq=False)
class _Level:
    """What past errors say of one level: K localities, planning areas, or the one authority.

    cells (K, H, G) and phases[name] (K, H) are variances in pupils² about the mean; error (O, K, H, G) is relative.
    """

    cells: FloatArray
    phases: dict[str, FloatArray]
    error: FloatArray

    @classmethod
    def of(cls, past: PastForecasts, mean: FloatArray, policy: Policy, members: csr_matrix | None = None) -> _Level:
        if members is not None:
            past, mean = _of_groups(past, members), grouped(members, mean)
        positions = phase_members(past.year_groups)
        by_phase = np.stack([mean[..., groups].sum(axis=-1) for groups in positions.values()], axis=-1)
        phases = _variance(past.of_phases(), policy, by_phase)
        error = np.full(past.forecast.shape, np.nan)
        np.divide(past.actual - past.forecast, past.forecast, out=error, where=past.forecast > 0)
        return cls(_variance(past, policy, mean), {name: phases[..., p] for p, name in enumerate(positions)}, error)


def _variance(past: PastForecasts, policy: Policy, mean: FloatArray) -> FloatArray:
    """Variance at `mean` (…, H, G) of the normal curve whose interval is as wide as the one fitted to past errors."""
    z = float(norm.ppf(0.5 + policy.number("interval_level") / 2))
    _, high = fit_spread(past, policy).interval(mean)
    variance: FloatArray = ((high - mean) / z) ** 2
    return variance


@dataclass(frozen=True, eq=False)
class _Tree:
    """Means (L, H, G) and (A, H, G) of one phase's year groups, and localities in groups by size."""

    members: csr_matrix
    locality: FloatArray
    area: FloatArray
    sizes: csr_matrix  # (SIZES, L) equal weights within each size; localities under one pupil a year group are left out

    @classmethod
    def of(cls, members: csr_matrix, mean: FloatArray) -> _Tree:
        size = mean.mean(axis=(1, 2))
        order = np.argsort(size, kind="stable")
        order = order[size[order] >= 1] if (size >= 1).any() else order
        weights = np.zeros((SIZES, len(mean)))
        for row, chosen in zip(weights, np.array_split(order, SIZES), strict=True):
            row[chosen] = 1 / max(len(chosen), 1)
        return cls(members, mean, grouped(members, mean), csr_matrix(weights))

    def rows(self, localities: FloatArray, areas: FloatArray, authority: FloatArray) -> FloatArray:
        """Ratios model ÷ target of each level (…): means over localities of each size, over areas, and the one."""
        return np.concatenate([grouped(self.sizes, localities), areas.mean(axis=0)[None], authority[None]])


def _over(part: FloatArray, target: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, target, out=np.zeros(np.broadcast(part, target).shape), where=target > 0)
    return ratio


def _fit_cells(tree: _Tree, targets: list[FloatArray]) -> FloatArray:
    """Variances (4, H, G) of common, area, own and count, so that model ÷ target is near 1 at every level."""
    of_locality, of_area, of_authority = targets
    m, pupils = tree.locality, tree.area.sum(axis=0)
    squares = grouped(tree.members, m**2)
    localities = [m**2, m**2, m**2, m]
    area_parts = [tree.area**2, tree.area**2, squares, tree.area]
    authority = [pupils**2, (tree.area**2).sum(axis=0), squares.sum(axis=0), pupils]
    parts = zip(localities, area_parts, authority, strict=True)
    ratios = np.stack(
        [
            tree.rows(_over(one, of_locality), _over(two, of_area), _over(three, of_authority[0]))
            for one, two, three in parts
        ],
        axis=1,
    )  # (levels, 4, H, G)
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
    of_locality, of_area, of_authority = targets
    m, area, pupils = tree.locality, tree.area, tree.area.sum(axis=0)
    deviation = np.sqrt(variance[:3])
    own = m * np.sqrt(variance[2] + variance[3] / np.maximum(m, 1e-6))

    def between(sd: FloatArray) -> FloatArray:
        """Covariance that year groups would add to their total if they went wholly together."""
        added: FloatArray = sd.sum(axis=-1) ** 2 - (sd**2).sum(axis=-1)
        return added

    of_common = [between(level * deviation[0]) for level in (m, area, pupils)]
    area_added = between(area * deviation[1])
    of_areas = [between(m * deviation[1]), area_added, area_added.sum(axis=0)]
    own_added = between(own)
    of_own = [own_added, grouped(tree.members, own_added), own_added.sum(axis=0)]
    apart_own = (own**2).sum(axis=-1)
    apart = [
        (m**2 * (variance[0] + variance[1])).sum(axis=-1) + apart_own,
        (area**2 * (variance[0] + variance[1])).sum(axis=-1) + grouped(tree.members, apart_own),
        (pupils**2 * variance[0] + (area**2).sum(axis=0) * variance[1]).sum(axis=-1) + apart_own.sum(axis=0),
    ]
    scales = (of_locality, of_area, of_authority[0])
    ratios = np.stack(
        [
            tree.rows(*(_over(p, t) for p, t in zip(part, scales, strict=True)))
            for part in (of_common, of_areas, of_own)
        ],
        axis=1,
    )  # (levels, 3, H)
    missing = 1 - tree.rows(*(_over(p, t) for p, t in zip(apart, scales, strict=True)))
    return _smooth_shares(ratios, missing)


def _smooth_shares(ratios: FloatArray, missing: FloatArray) -> FloatArray:
    """Shares (3, H) in 0 … 1 with Σ ratios·share near `missing` (R, H), ratios (R, 3, H), alike year after year."""
    rows, parts, n_years = ratios.shape
    left = np.zeros((n_years, rows, n_years, parts))
    left[np.arange(n_years), :, np.arange(n_years)] = np.moveaxis(ratios, 2, 0)
    steps = SMOOTHNESS * np.kron(np.diff(np.eye(n_years), axis=0), np.eye(parts))
    system = np.concatenate([left.reshape(n_years * rows, -1), steps])
    right = np.concatenate([missing.T.ravel(), np.zeros(len(steps))])
    found: FloatArray = lsq_linear(system, right, bounds=(0, 1), method="bvls").x
    return found.reshape(n_years, parts).T


def _products(forecast: FloatArray, errors: list[FloatArray], area: IntArray, groups: slice) -> FloatArray:
    """Products of a cohort's errors in two years running: (common, area, own) × (e·f, e², f²) × horizon (H − 1)."""
    locality, of_area, authority = (error[..., groups] for error in errors)
    weight = np.where(np.isnan(locality), 0.0, forecast[..., groups])
    common = np.broadcast_to(authority, locality.shape)
    parts = (common, of_area[:, area] - common, locality - of_area[:, area])
    products = np.zeros((3, 3, forecast.shape[2] - 1))
    for part, row in zip(parts, products, strict=True):
        now, then = part[:, :, :-1, :-1], part[:, :, 1:, 1:]
        w = np.where(np.isnan(now) | np.isnan(then), 0.0, np.nan_to_num(weight[:, :, :-1, :-1]))
        now, then = np.nan_to_num(now), np.nan_to_num(then)
        row[:] = [(w * a * b).sum(axis=(0, 1, 3)) for a, b in ((now, then), (now, now), (then, then))]
    return products


def _fit_fading(products: FloatArray) -> FloatArray:
    """Exponents (3,) whose correlations (h ÷ (h + 1))^fading are nearest to those of past errors."""
    exponents = np.linspace(0, 3, 61)
    h = np.arange(1, products.shape[2] + 1)
    expected = (h / (h + 1)) ** exponents[:, None]
    fading = np.full(len(products), FADING)
    for level, (cross, now, then) in enumerate(products):
        scale = np.sqrt(now * then)
        known = scale > 1e-9 * max(float(scale.max(initial=0.0)), 1.0)
        if known.any():
            misfit = (cross[known] / scale[known] - expected[:, known]) ** 2
            fading[level] = exponents[misfit.sum(axis=1).argmin()]
    return fading
