"""Where pupils go: a doubly constrained gravity model.

    T[i, j] = a[i] · O[i] · b[j] · D[j] · f(d[i, j])        f(d) = exp(−decay · d)

O are the pupils of each origin, D the roll of each school, d the road distance in km; a and b are balancing factors
found by iterative proportional fitting, so that rows sum to O and columns to D (Wilson 1967). Pairs below a
threshold are dropped and the rest fitted again, so that few nodes carry every roll.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def fit(seed: Array, origins: Array, rolls: Array, iterations: int = 500, tolerance: float = 1e-7) -> Array:
    """Scale `seed` (I, J) so that rows sum to `origins` (I,) and columns to `rolls` (J,).

    Columns are met exactly wherever the column has any seed; rows as well as the support of the seed allows. The
    two totals must agree. Rows or columns with a total of zero become zero.
    """
    flows = np.asarray(seed, dtype=np.float64).copy()
    for _ in range(iterations):
        flows *= _ratio(origins, flows.sum(axis=1))[:, None]
        columns = _ratio(rolls, flows.sum(axis=0))
        flows *= columns[None, :]
        if np.abs(columns[rolls > 0] - 1).max(initial=0.0) < tolerance:
            break
    return flows


def _ratio(wanted: Array, have: Array) -> Array:
    return np.divide(wanted, have, out=np.zeros_like(wanted), where=have > 0)


def journeys(
    distance_km: Array, origins: Array, rolls: Array, decay_per_km: float, known: Array | None = None
) -> Array:
    """Pupils from each origin (I,) to each school (J,): (I, J), columns summing to `rolls`.

    `distance_km` (I, J) may hold inf where there is no way; `known` (I, J) are pupils counted on the pair, which
    then replace distance as the seed for every origin that has any.
    """
    seed = np.exp(-decay_per_km * np.where(np.isfinite(distance_km), distance_km, 1e3))
    # Somebody attends even the farthest school: a floor keeps each fit feasible without moving near pupils.
    seed = np.maximum(seed, 1e-12) * origins[:, None]
    if known is not None:
        counted = known.sum(axis=1) > 0
        seed[counted] = known[counted] + 1e-9 * seed[counted]
    return fit(seed, origins, rolls)


def prune(flows: Array, origins: Array, rolls: Array, smallest: float) -> Array:
    """Drop pairs below `smallest` pupils and fit the rest again; every school and origin keeps its largest pair."""
    keep = flows >= smallest
    used_rows, used_columns = flows.sum(axis=1) > 0, flows.sum(axis=0) > 0
    keep[np.flatnonzero(used_rows), flows[used_rows].argmax(axis=1)] = True
    keep[flows[:, used_columns].argmax(axis=0), np.flatnonzero(used_columns)] = True
    return fit(np.where(keep, flows, 0.0), origins, rolls)
