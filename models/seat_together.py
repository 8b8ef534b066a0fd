"""Keeping displaced year groups together: to which few schools the pupils of a closing one are offered places first.

Seats at least cost scatter a year group over every school that is nearest to somebody. Families are offered the same
few schools instead: those that can take most of whom the closing school has, in their own year groups and for as long
as they are at school. A seat at the second of them costs `apart_gbp` a pupil-year more than one at the first, and so
on; what the plan counts is the journeys that follow, not that price.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.closing import NEVER
from models.estate_build import TINY, Estate
from models.seats_of_a_year import GROUPS, Room, Year

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_OFFERED = 5  # schools whose order counts; all others are as far apart as the next
LEAST_SHARE = 0.1  # of the pupils that a further school has to take
USED = 1.5  # times as good as the nearest is a school to which another year group goes
KM_HALVES = 3.0  # kilometres farther on average that make a school half as good


class Together:
    """The order of receiving schools by closing school and year group, made when its pupils are first displaced."""

    def __init__(self, estate: Estate, since: Ints, home: Ints, apart_gbp: float) -> None:
        """`since` (K, F) is the plan year of closing, `home` (D,) each node's school."""
        self._estate, self._since, self._home, self._apart_gbp = estate, since, home, apart_gbp
        self._rank: dict[tuple[int, int], Ints] = {}  # (F, 12) by scenario and closing school, by the year of closing
        self._weight = estate.slices["weight"].to_numpy(dtype=float)

    def prices(self, one: Year, room: Room) -> Array:
        """(A, 12) GBP a pupil of a seat apart from the others, for those on roll when their school closed."""
        problem, prices = self._estate.problem, np.zeros((self._estate.problem.n_arcs, GROUPS))
        weight = np.zeros(GROUPS)
        for s, column, _ in one.groups:
            weight[column] = self._weight[s]
        for f in np.unique(self._home[one.displaced]).tolist():
            arcs = np.flatnonzero((self._home[problem.arc_node] == f) & (problem.arc_facility != f))
            closes = int(self._since[min(one.scenario, len(self._since) - 1), f])
            if (one.scenario, f) not in self._rank:
                self._rank[one.scenario, f] = self._ordered(one, room, f, arcs)
            later = max(one.year - closes, 0) if closes < NEVER else 0
            rank = np.zeros((len(arcs), GROUPS))  # of the year group in which they were when their school closed
            rank[:, later:] = self._rank[one.scenario, f][problem.arc_facility[arcs], : GROUPS - later]
            on_roll = np.arange(GROUPS) >= self._estate.facilities[f].columns[0] + later
            prices[arcs] = rank * self._apart_gbp * weight * on_roll
        return prices

    def _ordered(self, one: Year, room: Room, f: int, arcs: Ints) -> Ints:
        """(F, 12) rank of the schools by how many of a year group they take, of those who are left."""
        problem, own = self._estate.problem, self._estate.facilities[f]
        to, node = problem.arc_facility[arcs], problem.arc_node[arcs]
        pupils = np.zeros((problem.n_nodes, GROUPS))
        for _, column, of_group in one.groups:
            pupils[:, column] += of_group * (self._home == f)
        fits = np.zeros((len(self._estate.facilities), GROUPS))
        np.add.at(fits, to, pupils[node])
        fits = np.minimum(fits, room.lasting[own.columns[-1]])
        km = np.nan_to_num(self._estate.arc_metres[arcs], nan=0.0, posinf=0.0) / 1000
        count = np.bincount(to, minlength=len(fits))
        mean_km = np.bincount(to, km, minlength=len(fits)) / np.maximum(count, 1)
        good = 0.5 ** (np.maximum(mean_km - mean_km[count > 0].min(initial=np.inf), 0.0) / KM_HALVES)
        rank = np.full((len(fits), GROUPS), MOST_OFFERED)
        for column in sorted(own.columns, key=lambda of: -float(pupils[:, of].sum())):
            whole = left = float(pupils[:, column].sum())
            for place in range(MOST_OFFERED):
                takes = np.where(rank[:, column] == MOST_OFFERED, np.minimum(fits[:, column], left), 0.0)
                best = int((takes * good).argmax())
                if left <= TINY or takes[best] < LEAST_SHARE * whole:
                    break
                rank[best, column] = place
                left -= takes[best]
                good[best] = max(good[best], USED)  # brothers and sisters
        return rank
