"""One year of seats: displaced pupils, and others who would take a seat of theirs, at least cost.

Who is displaced has to sit in the own year group, infants 30 to a teacher, or is without a seat. Others whom the plan
has at another school than their own need not: the plan counts the places of upper years together. They give way where
they can, though, for whoever has sat at a school the year before keeps a seat there before anybody new comes in. A
seat that will be there as the cohort moves up is worth a longer journey than one that will not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, vstack

from geodata.years import COMPULSORY
from models.class_structure import INFANTS
from models.estate_build import TINY, Estate

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
GROUPS = len(COMPULSORY)
STAYING = 2.0  # times the dearest journey: nobody changes school again for a shorter way
ABOVE = 10.0  # times the dearest journey: others make room in a year group where they can go elsewhere
WITHOUT_SEAT = 100.0  # times the dearest journey: seating one more is worth moving as many others
LEAST_ABOVE = 0.01  # pupils


class Group(NamedTuple):
    """One year group of a slice: its column, and the pupils (D,) who look for a seat in it."""

    slice: int
    column: int
    pupils: Array


class Year(NamedTuple):
    """One scenario and year: what is gone (F, 12), whose school is closing (D,), and who is to be seated."""

    scenario: int
    year: int
    gone: NDArray[np.bool_]
    displaced: NDArray[np.bool_]
    groups: list[Group]


class Room(NamedTuple):
    """What there is beside all others: by year group (F, 12), slice (S, F), and for infants (F,).

    `lasting` (F, 12) is what stays free as the cohort moves up, by the last year group (a column) that it is to reach.
    """

    groups: Array
    slices: Array
    infants: Array
    lasting: dict[int, Array]


class Sitting(NamedTuple):
    """Who sits where: (P,) positions of groups, arcs and pupils, and (G, D) displaced pupils without a seat."""

    group: Ints
    arc: Ints
    pupils: Array
    lost: Array


class _Seats(NamedTuple):
    """Kinds of seat, (V,) each: group, arc and cost, the most who take it, and whether it is above the places."""

    group: Ints
    arc: Ints
    cost: Array
    most: Array
    above: NDArray[np.bool_]
    lasting: Ints  # the last year group for which it stays free, -1 where that is not asked


def sit(estate: Estate, one: Year, room: Room, home: Ints, as_planned: Array, went_up: Array, apart: Array) -> Sitting:
    """Seats of one year at least cost.

    `as_planned` (A, 12) has the other movers as the plan has them; `went_up` (A, 12) sat there the year before, a year
    group lower. `home` (D,) is each node's school; `apart` (A, 12) the price of a seat apart from the year group.
    """
    if not any((group.pupils > TINY).any() for group in one.groups):
        nobody = np.empty(0, dtype=np.int64)
        return Sitting(nobody, nobody, np.empty(0), np.array([0.0 * group.pupils for group in one.groups]))
    closed_to = np.zeros((len(estate.facilities), GROUPS), dtype=bool)
    while True:
        seats = _seats(estate, one, room, home, as_planned, went_up, apart, closed_to)
        found, above = _least_cost(estate, one, room, home, seats)
        both = _overfull(estate, one, home, found, above)
        if not both.any():
            return found
        closed_to |= both


def _seats(
    estate: Estate,
    one: Year,
    room: Room,
    home: Ints,
    as_planned: Array,
    went_up: Array,
    apart: Array,
    closed_to: NDArray[np.bool_],
) -> _Seats:
    """Every seat that somebody might take. A year group that its school still has keeps its seats there."""
    problem = estate.problem
    parts = []
    last_column = np.array([facility.columns[-1] for facility in estate.facilities])
    anybody = np.any([group.pupils > TINY for group in one.groups], axis=0)
    near = np.flatnonzero(anybody[problem.arc_node])
    node, to = problem.arc_node[near], problem.arc_facility[near]
    owed, at_home = one.displaced[node], home[node] == to
    end = last_column[home[node]]
    stays_free = np.zeros((len(near), GROUPS))
    for column_reached, free_then in room.lasting.items():
        mine = end == column_reached
        stays_free[mine] = free_then[to[mine]]
    for j, (s, column, pupils) in enumerate(one.groups):
        free = room.groups[to, column] > TINY
        open_to = np.where(owed, np.where(at_home, ~one.gone[to, column], free & ~closed_to[to, column]), free)
        who = pupils[node] > TINY
        cost = problem.journey_costs(s)[near] + apart[near, column]
        planned = as_planned[near, column] * ~owed
        nobody, everybody = np.full(len(near), -1), np.full(len(near), np.inf)
        lasts = owed & ~at_home & (stays_free[:, column] < room.groups[to, column] - TINY)
        for here, most, over, until, passing in (
            (who & open_to & ~lasts, everybody, False, nobody, False),
            (who & open_to & lasts & (stays_free[:, column] > TINY), everybody, False, end, False),
            (who & open_to & lasts, everybody, False, nobody, True),
            (who & (planned > TINY), planned, True, nobody, False),
        ):
            at = np.flatnonzero(here)
            flags = (np.full(len(at), over), until[at], np.full(len(at), passing))
            parts.append((np.full(len(at), j), near[at], cost[at], most[at], *flags))
    group, arc, cost, most, above, lasting, passes = (np.concatenate(part) for part in zip(*parts, strict=True))
    dearest = _dearest(cost)
    cost = cost + above * ABOVE * dearest
    before = went_up[arc, np.array([each.column for each in one.groups])[group]]
    stays = np.flatnonzero((before > TINY) & ~above & (lasting < 0))  # once more, for those who keep their school
    kept = cost[stays] - STAYING * dearest
    cost = cost + passes * STAYING * dearest
    return _Seats(
        np.concatenate([group, group[stays]]),
        np.concatenate([arc, arc[stays]]),
        np.concatenate([cost, kept]),
        np.concatenate([most, before[stays]]),
        np.concatenate([above, above[stays]]),
        np.concatenate([lasting, np.full(len(stays), -1)]),
    )


def _dearest(cost: Array) -> float:
    return max(1.0, float(cost.max(initial=0.0)))


def _least_cost(estate: Estate, one: Year, room: Room, home: Ints, seats: _Seats) -> tuple[Sitting, NDArray[np.bool_]]:
    """The programme: who sits where, and (P,) which of them above the places."""
    problem, schools = estate.problem, len(estate.facilities)
    to, node = problem.arc_facility[seats.arc], problem.arc_node[seats.arc]
    column = np.array([each.column for each in one.groups])[seats.group]
    of_slice = np.array([each.slice for each in one.groups])[seats.group]
    counts = ~seats.above & ~(one.displaced[node] & (home[node] == to))  # the others at home are no part of it
    pupils = np.array([each.pupils for each in one.groups])
    who = np.flatnonzero(pupils.ravel() > TINY)
    owed = np.flatnonzero(one.displaced[who % problem.n_nodes])
    infants = np.isin(column, np.arange(GROUPS)[INFANTS])
    free_then = np.array([room.lasting[end] for end in sorted(room.lasting)]).ravel()
    number = np.searchsorted(sorted(room.lasting), np.maximum(seats.lasting, 0))
    rows, levels = zip(
        _limit(to * GROUPS + column, counts, room.groups.ravel()),
        _limit(of_slice * schools + to, np.ones(len(to), dtype=bool), room.slices[:, :schools].ravel()),
        _limit(to, counts & infants, room.infants),
        _limit((number * schools + to) * GROUPS + column, counts & (seats.lasting >= 0), free_then),
        strict=True,
    )
    asked = np.searchsorted(who, seats.group * problem.n_nodes + node)
    variables = len(to) + len(owed)
    shares = coo_matrix(
        (np.ones(variables), (np.concatenate([asked, owed]), np.arange(variables))), (len(who), variables)
    )
    limits = vstack([coo_matrix((row.data, (row.row, row.col)), (row.shape[0], variables)) for row in rows])
    dearest = _dearest(seats.cost[~seats.above])
    found = linprog(
        np.concatenate([seats.cost, np.full(len(owed), WITHOUT_SEAT * dearest)]),
        A_ub=limits.tocsr(), b_ub=np.concatenate(levels), A_eq=shares.tocsr(), b_eq=pupils.ravel()[who],
        bounds=np.column_stack([np.zeros(variables), np.concatenate([seats.most, np.full(len(owed), np.inf)])]),
        method="highs",
    )  # fmt: skip
    if found.status:
        raise ArithmeticError(f"Displaced pupils could not be seated by year group: {found.message}")
    sitting = np.flatnonzero(found.x[: len(to)] > TINY)
    lost = np.zeros(pupils.size)
    lost[who[owed]] = found.x[len(to) :]
    found_seats = Sitting(seats.group[sitting], seats.arc[sitting], found.x[sitting], lost.reshape(pupils.shape))
    return found_seats, seats.above[sitting]


def _limit(cell: Ints, counts: NDArray[np.bool_], most: Array) -> tuple[coo_matrix, Array]:
    """Rows (R, P) over those that count, one for each cell they are in, and what each may come to (R,)."""
    at = np.flatnonzero(counts)
    cells, row = np.unique(cell[at], return_inverse=True)
    return coo_matrix((np.ones(len(at)), (row.ravel(), at)), (len(cells), len(cell))), most[cells]


def _overfull(estate: Estate, one: Year, home: Ints, found: Sitting, above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(F, 12) where displaced pupils sit beside others above the places; an infant's classes are those of R–Y2."""
    problem = estate.problem
    to, node = problem.arc_facility[found.arc], problem.arc_node[found.arc]
    column = np.array([each.column for each in one.groups])[found.group]
    full, came = np.zeros((2, len(estate.facilities), GROUPS))
    np.add.at(full, (to[above], column[above]), found.pupils[above])
    owed = one.displaced[node] & (home[node] != to)
    np.add.at(came, (to[owed], column[owed]), found.pupils[owed])
    for cells in (full, came):
        cells[:, INFANTS] = cells[:, INFANTS].sum(axis=1, keepdims=True)
    return (full > LEAST_ABOVE) & (came > TINY)
