"""Every pupil of a closing school in a place of his or her own year group, infants 30 to a teacher.

A plan counts the places of a band's upper years together, so it may count an empty place in Y6 for a pupil of Y2. Once
it is decided what closes, the pupils of closing schools are seated anew year group by year group, at least cost, in
what other schools have left there beside their own: a programme a scenario and year, in which as many as can keep the
school they had the year before. The plan's other pupils stay as
they are. Where not all find a seat, a row says what has to be otherwise: not all of these schools close, or a school
within their reach has more places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, vstack

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.class_structure import INFANTS
from models.closing import Closing, closing, home_of, own_groups, rolls_by_year_group
from models.estate_build import TINY, Estate
from models.infant_classes import infant_room
from models.rules import Row

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_SHORT = 0.5  # pupils from which a shortage counts
STAYING = 2.0  # times the dearest journey: nobody changes school again for a shorter way
WITHOUT_SEAT = 100.0  # times the dearest journey: seating one more is worth moving as many others


class Shortage(NamedTuple):
    """Pupils of closing schools, (C,) positions, who cannot be seated; `within` (R,) the schools within their reach."""

    scenario: int
    year: int
    year_group: str
    schools: Ints
    pupils: Array
    within: Ints


@dataclass(frozen=True, eq=False)
class Seats:
    """Where the P groups of pupils of closing schools sit, by own year group, and what that leaves of the plan's flows.

    Attributes
    ----------
    scenario, year, year_group, arc : (P,) where they sit; `arc` leads from the home to the school.
    pupils : (P,).
    without : (K, F, T, 12) pupils of each closing school who have no seat.
    own, rolls : (K, F, T, 12) pupils at each school who are of no closing one, and all of them.
    flow, unmet : (S, A), (S, D) shares of the whole plan with these seats.
    short : whom the best of all seatings leaves without.

    """

    scenario: Ints
    year: Ints
    year_group: Ints
    arc: Ints
    pupils: Array
    without: Array
    own: Array
    rolls: Array
    flow: Array
    unmet: Array
    short: list[Shortage]


class _Group(NamedTuple):
    """One year group of a slice: its column, and the pupils (D,) of closing schools in it."""

    slice: int
    column: int
    pupils: Array


class _Year(NamedTuple):
    """One scenario and year: what is gone (F, 12), and the pupils of closing schools to be seated."""

    scenario: int
    year: int
    gone: NDArray[np.bool_]
    nodes: Ints
    groups: list[_Group]


class _Room(NamedTuple):
    """What there is for them beside the others: by year group (F, 12), slice (S, F), and for infants (F,)."""

    groups: Array
    slices: Array
    infants: Array


def seated(estate: Estate, chosen: Ints, flow: Array, unmet: Array, policy: Policy) -> Seats:
    """Pupils of the schools that `chosen` (K, F) closes, seated at least cost beside those whom `flow` places.

    `flow` (S, A) and `unmet` (S, D) are shares of the plan.
    """
    problem, schools = estate.problem, len(estate.facilities)
    home = home_of(estate)[estate.moving]
    closes = closing(estate, chosen)
    years = _years(estate, closes, home)
    flow, unmet = flow.copy(), unmet.copy()
    for one in years:
        leaving = np.isin(problem.arc_node, one.nodes)
        for s in {group.slice for group in one.groups}:
            flow[s, leaving] = unmet[s, one.nodes] = 0.0
    own = rolls_by_year_group(estate, flow, closes)
    rolls, without = own.copy(), np.zeros_like(own)
    load, parts, short = _load(estate, flow), [], []
    last_year, latest = np.zeros((problem.n_arcs, len(COMPULSORY))), (-1, -1)  # who sat where, and when that was
    for one in years:
        k, t = one.scenario, one.year
        options = chosen[min(k, len(chosen) - 1), :schools]
        places, admits = (np.array([getattr(estate.options[o], of)[t] for o in options]) for of in ("places", "admits"))
        room = _Room(
            np.maximum(places - own[k, :, t], 0.0),
            np.maximum(problem.option_capacity[options].T - load, 0.0),
            infant_room(own[k, :, t], admits, policy),
        )
        went_up = np.roll(last_year, 1, axis=1) if (k, t - 1) == latest else np.zeros_like(last_year)
        went_up[:, 0] = 0.0
        group, arc, pupils, lost = _sit(estate, one, room, home, went_up)
        column = np.array([each.column for each in one.groups])[group]
        came, last_year = np.zeros((schools, len(COMPULSORY))), np.zeros_like(last_year)
        np.add.at(came, (problem.arc_facility[arc], column), pupils)
        np.add.at(last_year, (arc, column), pupils)
        latest = (k, t)
        short += _shortages(estate, one, lost, home)
        rolls[k, :, t] += came
        for j, each in enumerate(one.groups):
            mine, whole = group == j, problem.demand[each.slice]
            np.add.at(flow[each.slice], arc[mine], pupils[mine] / whole[problem.arc_node[arc[mine]]])
            np.add.at(without[k, :, t, each.column], home, lost[j] * one.gone[home, each.column])
        for s in {each.slice for each in one.groups}:
            placed = np.bincount(problem.arc_node, flow[s], minlength=problem.n_nodes)
            unmet[s, one.nodes] = np.clip(1.0 - placed[one.nodes], 0.0, 1.0)
        parts.append((np.full(len(arc), k), np.full(len(arc), t), column, arc, pupils))
    nothing = (*(np.empty(0, dtype=np.int64),) * 4, np.empty(0))
    where = [np.concatenate(part) for part in zip(nothing, *parts, strict=True)]
    return Seats(where[0], where[1], where[2], where[3], where[4], without, own, rolls, flow, unmet, short)


def cuts(estate: Estate, chosen: Ints, short: Sequence[Shortage]) -> list[Row]:
    """Rows that exclude the closures that leave pupils unseated, unless a school within reach has more places.

    Stricter than need be: pupils of other schools might make room. Nothing that is proven may rest on them.
    """
    option_facility = estate.problem.option_facility[: len(estate.options)]
    places, admits = (np.array([getattr(option, of) for option in estate.options]) for of in ("places", "admits"))
    rows: dict[tuple[int, str], Row] = {}
    for one in short:
        t, column = one.year, COMPULSORY.index(one.year_group)
        staged = min(one.scenario, len(chosen) - 1)
        taken = chosen[staged, option_facility]
        shut = np.isin(option_facility, one.schools) & (places[:, t, column] <= 0)
        more = np.isin(option_facility, one.within) & ~np.isin(option_facility, one.schools)
        more &= ((places[:, t] > places[taken, t] + 1e-6) | (admits[:, t] > admits[taken, t] + 1e-6)).any(axis=1)
        at = np.flatnonzero(shut | more)
        values = np.where(shut[at], 1.0, -1.0)
        names = ", ".join(estate.facilities[f].name for f in one.schools)
        name = (
            f"{names}: closed in {estate.years[t]}, {one.pupils.sum():.0f} pupils of {one.year_group} have no place in "
            "their own year group"
        )
        rows[one.scenario, name] = Row(name, at, values, -np.inf, float(len(one.schools) - 1), "schools")
    return list(rows.values())


def _years(estate: Estate, closes: Closing, home: Ints) -> list[_Year]:
    """Every scenario and year in which a year group of a closing school is gone, with that school's pupils."""
    found: dict[tuple[int, int], _Year] = {}
    for s, (k, t, columns, share, _) in enumerate(own_groups(estate, closes)):
        gone = closes.gone[min(k, len(closes.gone) - 1), :, t]
        nodes = np.flatnonzero(gone[home].any(axis=1))
        if not len(nodes):
            continue
        mine = np.isin(np.arange(len(home)), nodes)
        one = found.setdefault((k, t), _Year(k, t, gone, nodes, []))
        for row, column in enumerate(columns.tolist()):
            one.groups.append(_Group(s, column, estate.problem.demand[s] * share[row, estate.moving] * mine))
    return list(found.values())


def _load(estate: Estate, flow: Array) -> Array:
    """(S, F) pupils whom flows (S, A) place at each school."""
    problem, schools = estate.problem, len(estate.facilities)
    pupils = problem.demand[:, problem.arc_node] * flow
    return np.array([np.bincount(problem.arc_facility, of_slice, minlength=schools) for of_slice in pupils])


def _sit(estate: Estate, one: _Year, room: _Room, home: Ints, went_up: Array) -> tuple[Ints, Ints, Array, Array]:
    """Who sits where in one year, at least cost: (P,) groups, arcs and pupils, and (G, D) pupils without a seat.

    A year group that its school still has keeps its seats there. Infants count at a school that is not their own.
    `went_up` (A, 12) sat there the year before, a year group lower: as many as can keep their school.
    """
    problem, schools = estate.problem, len(estate.facilities)
    near = np.flatnonzero(np.isin(problem.arc_node, one.nodes))
    node, to = problem.arc_node[near], problem.arc_facility[near]
    at_home = home[node] == to
    parts = []
    for j, (s, column, pupils) in enumerate(one.groups):
        open_to = np.where(at_home, ~one.gone[to, column], room.groups[to, column] > TINY)
        here = np.flatnonzero((pupils[node] > TINY) & open_to)
        parts.append((np.full(len(here), j), near[here], problem.journey_costs(s)[near[here]]))
    group, arc, cost = (np.concatenate(part) for part in zip(*parts, strict=True))
    dearest = max(1.0, float(cost.max(initial=0.0)))
    before = went_up[arc, np.array([each.column for each in one.groups])[group]]
    stays = np.flatnonzero(before > TINY)  # once more, for those who keep their school
    most = np.concatenate([np.full(len(arc), np.inf), before[stays]])
    cost = np.concatenate([cost, cost[stays] - STAYING * dearest])
    group, arc = np.concatenate([group, group[stays]]), np.concatenate([arc, arc[stays]])
    to, column = problem.arc_facility[arc], np.array([each.column for each in one.groups])[group]
    of_slice = np.array([each.slice for each in one.groups])[group]
    away = home[problem.arc_node[arc]] != to
    pupils = np.array([each.pupils for each in one.groups])
    who = np.flatnonzero(pupils.ravel() > TINY)
    seat = _limit(to * len(COMPULSORY) + column, away, room.groups.ravel())
    whole = _limit(of_slice * schools + to, np.ones(len(arc), dtype=bool), room.slices[:, :schools].ravel())
    infants = _limit(to, away & np.isin(column, np.arange(len(COMPULSORY))[INFANTS]), room.infants)
    asked = np.searchsorted(who, group * problem.n_nodes + problem.arc_node[arc])
    ones = np.ones(len(arc) + len(who))
    shares = coo_matrix(
        (ones, (np.concatenate([asked, np.arange(len(who))]), np.arange(len(ones)))), (len(who), len(ones))
    )
    rows, levels = zip(seat, whole, infants, strict=True)
    upper = np.concatenate([most, np.full(len(who), np.inf)])
    limits = vstack([coo_matrix((row.data, (row.row, row.col)), (row.shape[0], len(ones))) for row in rows])
    found = linprog(
        np.concatenate([cost, np.full(len(who), WITHOUT_SEAT * dearest)]),
        A_ub=limits.tocsr(), b_ub=np.concatenate(levels), A_eq=shares.tocsr(), b_eq=pupils.ravel()[who],
        bounds=np.column_stack([np.zeros(len(ones)), upper]), method="highs",
    )  # fmt: skip
    if found.status:
        raise ArithmeticError(f"Displaced pupils could not be seated by year group: {found.message}")
    sitting = np.flatnonzero(found.x[: len(arc)] > TINY)
    lost = np.zeros(pupils.size)
    lost[who] = found.x[len(arc) :]
    return group[sitting], arc[sitting], found.x[sitting], lost.reshape(pupils.shape)


def _limit(cell: Ints, counts: NDArray[np.bool_], most: Array) -> tuple[coo_matrix, Array]:
    """Rows (R, P) over those that count, one for each cell they are in, and what each may come to (R,)."""
    at = np.flatnonzero(counts)
    cells, row = np.unique(cell[at], return_inverse=True)
    return coo_matrix((np.ones(len(at)), (row.ravel(), at)), (len(cells), len(cell))), most[cells]


def _shortages(estate: Estate, one: _Year, lost: Array, home: Ints) -> list[Shortage]:
    """Year groups in which half a pupil or more of gone ones have no seat; the schools that all who are gone reach."""
    problem, found = estate.problem, []
    for (_, column, _), without in zip(one.groups, lost, strict=True):
        gone = without * one.gone[home, column]
        by_school: Array = np.bincount(home, gone, minlength=len(estate.facilities)).astype(np.float64)
        if by_school.sum() >= LEAST_SHORT:
            schools = np.flatnonzero(by_school >= min(LEAST_SHORT, by_school.max()))
            within = np.unique(problem.arc_facility[np.isin(problem.arc_node, one.nodes)])
            found.append(Shortage(one.scenario, one.year, COMPULSORY[column], schools, by_school[schools], within))
    return found
