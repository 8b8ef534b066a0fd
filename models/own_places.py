"""Whether every displaced pupil can be given a place in his or her own year group, whatever the plan's own flows say.

A plan counts the places of a band's upper years together. Once it is decided what closes, a flow by year group tells
whether the pupils of closing schools can all be seated within reach, in the places that schools have left in that year
group beside the pupils who are there anyhow. Where they cannot, a row says what has to be otherwise: not all of these
schools close, or a school within their reach has more places of that year group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow

from geodata.years import COMPULSORY
from models.displaced import closing, displaced, home_of, own_groups, rolls_by_year_group
from models.estate_build import Estate
from models.rules import Row

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
UNITS = 1000  # of a pupil
LEAST_SHORT = 0.5  # pupils from which a shortage counts


class Shortage(NamedTuple):
    """Pupils of closing schools, (C,) positions, who cannot be seated; `within` (R,) the schools within their reach."""

    scenario: int
    year: int
    year_group: str
    schools: Ints
    pupils: Array
    within: Ints


def shortages(estate: Estate, chosen: Ints, flow: Array, unmet: Array) -> list[Shortage]:
    """Every scenario, plan year and year group in which half a pupil or more cannot be seated."""
    closes = closing(estate, chosen)
    if not len(closes.facilities):
        return []
    moved = displaced(estate, closes, flow, unmet)
    own = rolls_by_year_group(estate, flow) - moved.received
    places = np.array([option.places for option in estate.options])[chosen[:, : len(estate.facilities)]]
    problem, home = estate.problem, home_of(estate)[estate.moving]
    found = []
    for s, (k, t, columns, share) in enumerate(own_groups(estate)):
        staged = min(k, len(closes.gone) - 1)
        for row, column in enumerate(columns.tolist()):
            gone = closes.gone[staged, :, t, column]
            pupils = problem.demand[s] * share[row, estate.moving] * gone[home]
            if pupils.sum() < LEAST_SHORT:
                continue
            left = np.maximum(places[staged, :, t, column] - own[k, :, t, column], 0.0)
            short, within = _unseated(estate, pupils, left)
            by_school: Array = np.bincount(home, short, minlength=len(left)).astype(np.float64)
            if by_school.sum() >= LEAST_SHORT:
                schools = np.flatnonzero(by_school >= min(LEAST_SHORT, by_school.max()))
                found.append(Shortage(k, t, COMPULSORY[column], schools, by_school[schools], within))
    return found


def cuts(estate: Estate, chosen: Ints, short: Sequence[Shortage]) -> list[Row]:
    """Rows that exclude the closures that leave pupils unseated, unless a school within reach has more places."""
    option_facility = estate.problem.option_facility[: len(estate.options)]
    places = np.array([option.places for option in estate.options])
    rows: dict[str, Row] = {}
    for one in short:
        t, column = one.year, COMPULSORY.index(one.year_group)
        staged = min(one.scenario, len(chosen) - 1)
        seats = places[:, t, column]
        shut = np.isin(option_facility, one.schools) & (seats <= 0)
        now = seats[chosen[staged, option_facility]]
        more = np.isin(option_facility, one.within) & ~np.isin(option_facility, one.schools) & (seats > now + 1e-6)
        at = np.flatnonzero(shut | more)
        values = np.where(shut[at], 1.0, -1.0)
        names = ", ".join(estate.facilities[f].name for f in one.schools)
        name = (
            f"{names}: closed in {estate.years[t]}, {one.pupils.sum():.0f} pupils of {one.year_group} have no place in "
            "their own year group"
        )
        rows[name] = Row(name, at, values, -np.inf, float(len(one.schools) - 1), "schools")
    return list(rows.values())


def _unseated(estate: Estate, pupils: Array, left: Array) -> tuple[Array, Ints]:
    """(D,) pupils of each node who find no seat, and the facilities within reach of any of them."""
    problem = estate.problem
    nodes = np.flatnonzero(pupils > 0)
    arcs = np.flatnonzero(np.isin(problem.arc_node, nodes))
    facilities = np.unique(problem.arc_facility[arcs])
    source, sink = len(nodes) + len(facilities), len(nodes) + len(facilities) + 1
    of_node, seats = np.rint(pupils[nodes] * UNITS), np.floor(left[facilities] * UNITS)
    tail = np.concatenate([
        np.full(len(nodes), source), np.searchsorted(nodes, problem.arc_node[arcs]),
        len(nodes) + np.arange(len(facilities)),
    ])  # fmt: skip
    head = np.concatenate([
        np.arange(len(nodes)), len(nodes) + np.searchsorted(facilities, problem.arc_facility[arcs]),
        np.full(len(facilities), sink),
    ])  # fmt: skip
    most = np.concatenate([of_node, of_node[np.searchsorted(nodes, problem.arc_node[arcs])], seats])
    size = sink + 1
    graph = csr_matrix((most.astype(np.int32), (tail, head)), shape=(size, size))
    seated = maximum_flow(graph, source, sink).flow[source].toarray().ravel()[: len(nodes)]
    short = np.zeros(len(pupils))
    short[nodes] = np.maximum(of_node - seated, 0.0) / UNITS
    return short, facilities
