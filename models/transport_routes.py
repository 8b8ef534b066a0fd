"""What it costs to carry entitled pupils to school: whole vehicles by route.

A route leads from the homes of one locality to one school. It runs the cheapest whole vehicles that seat everybody:
taxis, minibuses and buses, each at a cost a year whoever sits in it. An empty seat is paid for, so nine pupils of one
village cost a minibus, and nine pupils of nine villages nine taxis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
VEHICLES = ("taxi", "minibus", "bus")


@dataclass(frozen=True, eq=False)
class Fleet:
    """Seats and GBP a year of one vehicle of each kind in VEHICLES, (3,)."""

    seats: Ints
    gbp_per_year: Array

    @classmethod
    def of(cls, policy: Policy) -> Fleet:
        """The vehicles of policy."""
        seats = [policy.integer(key) for key in ("taxi_seats", "minibus_seats", "bus_seats")]
        gbp = [policy.number(key) for key in ("taxi_gbp_per_year", "minibus_gbp_per_year", "bus_gbp_per_year")]
        return cls(np.array(seats, dtype=np.int64), np.array(gbp))


@dataclass(frozen=True, eq=False)
class Run:
    """Vehicles (R, 3) of each kind in VEHICLES on R routes and what they cost a year, (R,) GBP."""

    vehicles: Ints
    gbp_per_year: Array


def cheapest_run(pupils: Ints, fleet: Fleet) -> Run:
    """Cheapest whole vehicles for whole numbers of pupils (R,): the best for one more builds on that for fewer."""
    most = int(pupils.max(initial=0))
    cost = np.zeros(most + 1)
    vehicles = np.zeros((most + 1, len(fleet.seats)), dtype=np.int64)
    for seated in range(1, most + 1):
        before = np.maximum(seated - fleet.seats, 0)
        total = cost[before] + fleet.gbp_per_year
        last = int(np.argmin(total))
        cost[seated] = total[last]
        vehicles[seated] = vehicles[before[last]]
        vehicles[seated, last] += 1
    return Run(vehicles[pupils], cost[pupils])


def whole_by_group(pupils: Array, group: Ints) -> Ints:
    """Expected pupils (R,) as whole ones whose sums by group are the rounded sums; the largest remainders go up.

    A third of a pupil in each of many villages is a few pupils somewhere, and no taxi from every village.
    """
    low = np.floor(pupils + 1e-9)
    n_groups = int(group.max(initial=-1)) + 1
    more = np.rint(np.bincount(group, pupils, n_groups) - np.bincount(group, low, n_groups)).astype(np.int64)
    order = np.lexsort((low - pupils, group))
    ordered = group[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    whole = low.astype(np.int64)
    whole[order] += rank < more[ordered]
    return whole
