"""Coherence: forecasts of localities, planning areas and the authority that add up, and schools within their area.

For each year group and year, with a base forecast x̂ and an error variance σ² at every node of the tree,

    min Σ (x − x̂)² ÷ σ²    s.t.  area = Σ its localities,  authority = Σ its areas,  x ≥ 0

Variances come from backtests of each level, so the level that has been surest is moved least. The tree gives the
answer in closed form: upwards, every sum is averaged with its own forecast by precision; downwards, the difference is
shared out by variance. Localities that would fall below nobody are held at nobody and the rest is solved again: sums
only fall by this, so a locality once held stays held, and the last round is the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from models.cohorts import BoolArray, FloatArray, IntArray

HALVINGS = 60  # of the interval that holds the pupils each unit of variance takes; far below rounding


@dataclass(frozen=True, eq=False)
class Level:
    """Base forecasts of one level and how sure they are.

    Attributes
    ----------
    mean : (K, …) pupils of K localities or areas; without the first axis for the authority.
    variance : the same shape, pupils²; 0 keeps the mean, inf says that the level has no forecast of its own.

    """

    mean: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        if self.mean.shape != self.variance.shape:
            raise ValueError(f"means have shape {self.mean.shape}, their variances {self.variance.shape}")
        if not (np.isfinite(self.mean).all() and (self.mean >= 0).all()):
            raise ValueError("a base forecast is missing or negative")
        if not (self.variance >= 0).all():  # NaN too
            raise ValueError("an error variance is missing or negative")

    def flat(self) -> Level:
        """Every year and year group as one cell: (K, C)."""
        return Level(self.mean.reshape(len(self.mean), -1), self.variance.reshape(len(self.mean), -1))

    def only(self, cells: IntArray) -> Level:
        """Some of the cells of a flat level."""
        return Level(self.mean[..., cells], self.variance[..., cells])


@dataclass(frozen=True, eq=False)
class Coherent:
    """Forecasts that agree: `area` (A, …) sums `locality` (L, …), `authority` (…) sums `area`; none is negative."""

    locality: FloatArray
    area: FloatArray
    authority: FloatArray


def reconcile(locality: Level, area: Level, authority: Level, area_of: IntArray) -> Coherent:
    """Nearest coherent forecasts; `area_of` (L,) is each locality's area.

    Areas differ by phase: call it for the year groups of one phase at a time. A variance of 0 at the authority keeps
    its forecast exactly, unless localities that may not move (variance 0) already add up to something else.
    """
    if np.isinf(locality.variance).any():
        raise ValueError("a locality has no forecast of its own")
    shape = authority.mean.shape
    n_areas = len(area.mean)
    members = csr_matrix((np.ones(len(area_of)), (area_of, np.arange(len(area_of)))), shape=(n_areas, len(area_of)))
    levels = (locality.flat(), area.flat(), Level(authority.mean.ravel(), authority.variance.ravel()))
    solved = _solve(levels, members, area_of, np.zeros(levels[0].mean.shape, dtype=bool))
    held = solved < 0
    cells = np.flatnonzero(held.any(axis=0))
    while len(cells):
        among = (levels[0].only(cells), levels[1].only(cells), levels[2].only(cells))
        again = _solve(among, members, area_of, held[:, cells])
        solved[:, cells] = again
        held[:, cells] |= again < 0
        cells = cells[(again < 0).any(axis=0)]
    sums: FloatArray = np.asarray(members @ solved)
    return Coherent(solved.reshape(locality.mean.shape), sums.reshape(area.mean.shape), sums.sum(axis=0).reshape(shape))


def _solve(levels: tuple[Level, Level, Level], members: csr_matrix, area_of: IntArray, held: BoolArray) -> FloatArray:
    """Localities (L, C) of the least squares with those `held` at 0 and nothing else kept from below 0."""
    locality, area, authority = levels
    mean, variance = np.where(held, 0.0, locality.mean), np.where(held, 0.0, locality.variance)
    below, spread = np.asarray(members @ mean), np.asarray(members @ variance)
    taken = _share(spread, area.variance)
    up, left = below + taken * (area.mean - below), spread * (1 - taken)
    whole, whole_spread = up.sum(axis=0), left.sum(axis=0)
    top = whole + _share(whole_spread, authority.variance) * (authority.mean - whole)
    areas = up + _part(left, whole_spread) * (top - whole)
    localities: FloatArray = mean + _part(variance, spread[area_of]) * (areas - below)[area_of]
    return localities


def _share(own: FloatArray, other: FloatArray) -> FloatArray:
    """Weight own ÷ (own + other) of the other estimate; 0 where it is certain itself or the other says nothing."""
    weight: FloatArray = np.divide(own, own + other, out=np.zeros_like(own), where=(own > 0) & np.isfinite(other))
    return weight


def _part(own: FloatArray, whole: FloatArray) -> FloatArray:
    part: FloatArray = np.divide(own, whole, out=np.zeros_like(own), where=whole > 0)
    return part


@dataclass(frozen=True, eq=False)
class SchoolForecast:
    """Pupils (S, …) of schools and `unplaced` (A, …): pupils of an area that no school of it has room for."""

    pupils: FloatArray
    unplaced: FloatArray


def schools_in_areas(
    schools: Level, area: FloatArray, area_of: IntArray, places: FloatArray | None = None
) -> SchoolForecast:
    """School forecasts nearest to `schools` (S, …) that add up to their planning area's (A, …).

    `places` (S, …): most pupils a school takes, its PAN for the year group, inf where that is not asked. What one
    school has no room for goes to schools of its area that have, in proportion to variance; the rest is unplaced, so
    that Σ pupils + unplaced = area, always. A school with variance 0 does not teach the year group and gets nobody.
    """
    if not (np.isfinite(area).all() and (area >= 0).all()):
        raise ValueError("an area's forecast is missing or negative")
    if ((schools.variance == 0) & (schools.mean > 0)).any():
        raise ValueError("a school with pupils has an error variance of 0")
    n = len(area_of)
    members = csr_matrix((np.ones(n), (area_of, np.arange(n))), shape=(len(area), n))
    mean, variance = schools.mean.reshape(n, -1), schools.variance.reshape(n, -1)
    open_places = np.inf if places is None else places
    most = np.where(variance > 0, np.broadcast_to(open_places, schools.mean.shape).reshape(n, -1), 0.0)
    target = area.reshape(len(area), -1)
    pupils = _fill(mean, variance, most, target, members, area_of)
    unplaced = target - np.asarray(members @ pupils)
    unplaced = np.where(unplaced > 1e-9 * target, unplaced, 0.0)
    return SchoolForecast(pupils.reshape(schools.mean.shape), unplaced.reshape(area.shape))


def _fill(
    mean: FloatArray, variance: FloatArray, most: FloatArray, target: FloatArray, members: csr_matrix, area_of: IntArray
) -> FloatArray:
    """Pupils (S, C) = mean + variance·λ, cut off at 0 and `most`, with the λ of each area whose sum is `target`."""
    free = variance > 0
    emptied = np.divide(-mean, variance, out=np.full(mean.shape, np.inf), where=free)
    filled = np.divide(np.minimum(most, target[area_of]) - mean, variance, out=np.full(mean.shape, -np.inf), where=free)
    low, high = np.full(target.shape, np.inf), np.full(target.shape, -np.inf)
    np.minimum.at(low, area_of, emptied)
    np.maximum.at(high, area_of, filled)
    low, high = np.nan_to_num(low, posinf=0.0), np.nan_to_num(high, neginf=0.0)

    def pupils(level: FloatArray) -> FloatArray:
        cut: FloatArray = np.clip(mean + variance * level[area_of], 0.0, most)
        return cut

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        over = np.asarray(members @ pupils(middle)) > target
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return pupils((low + high) / 2)
