"""Who would choose a new school: the gravity model asked about a school that is not there yet.

Schools draw on each origin in proportion to W[j] · exp(−decay · d[i, j]). The attractions W are those with which
today's rolls come out. The new school's, per pupil of its size, is that of the schools which children around it attend,
the nearest counting most. (A median over all schools would not do: where villages lie apart, W is hardly determined.)
Of those who would have gone elsewhere it takes from origin i

    p[i] = W* · f(d*[i]) / (Σ_j W[j] · f(d[i, j]) + W* · f(d*[i]))

and from every school alike in proportion to its own pupils of that origin, so whoever lives near today's school and
far from the new one is hardly drawn. Only cohorts that enter from its opening on can choose it. Whom today's schools
turn away does not enter: rolls are compared with places afterwards.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDS, TOLERANCE = 500, 1e-9


def attractions(distance_km: Array, origins: Array, rolls: Array, decay_per_km: float) -> Array:
    """(J,) attractions with which `origins` (I,), spread by distance (I, J; inf: no way), give `rolls` (J,).

    Origins are scaled to the rolls' total. A school without a roll attracts nobody; the largest attraction is 1.
    """
    nearness = np.where(np.isfinite(distance_km), np.exp(-decay_per_km * distance_km), 0.0)
    pupils = origins * (rolls.sum() / origins.sum()) if origins.sum() > 0 else origins
    own = rolls.astype(np.float64).copy()
    for _ in range(ROUNDS):
        drawn = own * (nearness.T @ _ratio(pupils, nearness @ own))
        step = _ratio(rolls, drawn)
        own *= step
        own /= own.max() if own.max() > 0 else 1.0
        if np.abs(step[drawn > 0] - 1.0).max(initial=0.0) < TOLERANCE:
            break
    return own


def drawn_shares(
    distance_km: Array, origins: Array, rolls: Array, new_km: Array, size: float, decay_per_km: float
) -> Array:
    """(I,) share of each origin's pupils who would choose a school of `size` pupils at `new_km` (I,) instead.

    Other arguments as of `attractions`. An origin from which no school is reached is not drawn.
    """
    own = attractions(distance_km, origins, rolls, decay_per_km)
    used = (rolls > 0) & (own > 0)
    if not used.any():
        return np.zeros(len(origins))
    each = np.where(np.isfinite(distance_km), np.exp(-decay_per_km * distance_km), 0.0) * own
    near = each.sum(axis=1)
    around = np.where(np.isfinite(new_km), np.exp(-decay_per_km * new_km), 0.0)
    attended = (around * _ratio(origins, near)) @ each  # (J,) pupils of each school, those near the new one counting
    if not attended[used].any():
        return np.zeros(len(origins))
    new = size * math.exp(np.average(np.log(own[used] / rolls[used]), weights=attended[used]))
    pull = new * around
    return np.where(near > 0, _ratio(pull, near + pull), 0.0)


def _ratio(wanted: Array, have: Array) -> Array:
    return np.divide(wanted, have, out=np.zeros_like(wanted, dtype=np.float64), where=have > 0)
