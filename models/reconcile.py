"""Forecasts of localities, planning areas and the authority that add up, moved as little as they have been sure.

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
class Reconciled:
    """Forecasts that agree: `area` (A, …) sums `locality` (L, …), `authority` (…) sums `area`; none is negative."""

    locality: FloatArray
    area: FloatArray
    authority: FloatArray


def reconcile(locality: Level, area: Level, authority: Level, area_of: IntArray) -> Reconciled:
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
    return Reconciled(
        solved.reshape(locality.mean.shape), sums.reshape(area.mean.shape), sums.sum(axis=0).reshape(shape)
    )


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
