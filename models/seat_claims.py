"""Who yields to displaced pupils that were seated at a school the year before.

A plan places every year anew, so in a later year it may send others to a school in place of pupils who came there when
their own school closed. Those hold their seats; whoever comes later looks for another. A school's own pupils come
before both, newcomers to a cohort too: the plan does not place them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.class_structure import INFANTS
from models.closing import Closing, home_of, own_groups
from models.estate_build import TINY, Estate
from models.seats_of_a_year import GROUPS, Group, Room, Year

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Moving(NamedTuple):
    """One year group of a slice, and the share (D,) of its movers who are of that year group."""

    slice: int
    column: int
    share: Array


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan by own year group before anybody is seated anew.

    Attributes
    ----------
    groups : year groups of every scenario and plan year.
    flow : (S, A) shares.
    home, away : (D,) the school of each node, and (A,) whether an arc leads to another.

    """

    estate: Estate
    groups: dict[tuple[int, int], list[Moving]]
    flow: Array
    home: Ints
    away: Flags

    @classmethod
    def of(cls, estate: Estate, closes: Closing, flow: Array) -> Planned:
        """Flows of a plan with those closures."""
        problem = estate.problem
        home = home_of(estate)[estate.moving]
        found: dict[tuple[int, int], list[Moving]] = {}
        if len(closes.facilities):
            for s, (k, t, columns, share, _) in enumerate(own_groups(estate, closes)):
                groups = found.setdefault((k, t), [])
                groups += [Moving(s, column, share[row, estate.moving]) for row, column in enumerate(columns.tolist())]
        return cls(estate, found, flow, home, home[problem.arc_node] != problem.arc_facility)

    def pupils(self, k: int, t: int, arcs: Flags) -> Array:
        """(A, 12) pupils on those arcs (A,) in one scenario and year; nobody before the first."""
        problem = self.estate.problem
        found = np.zeros((problem.n_arcs, GROUPS))
        at = np.flatnonzero(arcs)
        node = problem.arc_node[at]
        for s, column, share in self.groups.get((k, t), []):
            found[at, column] += problem.demand[s, node] * self.flow[s, at] * share[node]
        return found

    def at_schools(self, pupils: Array) -> Array:
        """(F, 12) sums of pupils (A, 12)."""
        found = np.zeros((len(self.estate.facilities), GROUPS))
        np.add.at(found, self.estate.problem.arc_facility, pupils)
        return found


def gone_up(pupils: Array) -> Array:
    """(…, 12) of the year before, a year group on; nobody has gone up into Reception."""
    after: Array = np.roll(pupils, 1, axis=-1)
    after[..., 0] = 0.0
    return after


def claimed(one: Year, room: Room, held: Array) -> Flags:
    """(F, 12) year groups in which displaced pupils (F, 12) have held seats for which there is no room any more."""
    lost = held > room.groups + TINY
    for s in {group.slice for group in one.groups}:
        columns = [group.column for group in one.groups if group.slice == s]
        lost[:, columns] |= (held[:, columns].sum(axis=1) > room.slices[s] + TINY)[:, None]
    lost[:, INFANTS] |= (held[:, INFANTS].sum(axis=1) > room.infants + TINY)[:, None]
    return np.asarray(lost & (held.sum(axis=1) > TINY)[:, None])


def joined_by(one: Year, yielding: Array, estate: Estate) -> Year:
    """The year in which those who yield (A, 12) are seated too."""
    problem, groups = estate.problem, []
    for s, column, pupils in one.groups:
        other = np.bincount(problem.arc_node, yielding[:, column], minlength=problem.n_nodes)
        groups.append(Group(s, column, np.where(one.displaced, pupils, other * (problem.demand[s] > 0))))
    return one._replace(groups=groups)
