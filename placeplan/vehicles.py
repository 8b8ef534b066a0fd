"""What whole vehicles cost for the pupils of a closing school above the price of a seat, which a plan can count.

A plan prices journeys pupil by pupil. Vehicles are whole, so a village of three pupils pays for a taxi however few
they are. What that comes to is counted as a cost of the closing: first as if every school closed alone and its pupils
went to the nearest school with places, then, for the schools that the plan closes, as the plan has it, and the estate
is planned again until the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geodata.years import COMPULSORY
from models.closing import Closing, gone_share, home_of, with_vehicles
from models.displaced import Displaced
from models.estate_build import TINY, Estate, year_weights
from models.options import CLOSING
from placeplan.closure_money import above_seats
from placeplan.closures import Closures, closures
from placeplan.displaced import displaced_table, route_table
from placeplan.seated import Seated, planned_with_seats
from placeplan.study import Study
from solvers import EstatePlan

ROUNDS = 4  # plans at most after the first
NO_ROOM_M = 1e9  # added to the way to a school without places
GROUPS = len(COMPULSORY)


@dataclass(frozen=True, eq=False)
class Settled:
    """A plan, how often it was planned again, and by how much its closings are still counted wrongly in all.

    `vehicles_gbp` (F, T) is what was counted, were a school closed in that year.
    """

    seated: Seated
    rounds: int
    left_gbp: float
    vehicles_gbp: np.ndarray


def planned_with_vehicles(
    study: Study, estate: Estate, solve: Callable[[Estate, EstatePlan | None, bool], EstatePlan]
) -> Settled:
    """The best plan by `solve` (of an estate, from a plan, whether it is planned again), its vehicles counted."""
    policy = study.policy

    def first(one: Estate, begin: EstatePlan | None) -> EstatePlan:
        return solve(one, begin, False)

    found, rounds = planned_with_seats(estate, first, policy), 0
    counted, left = _as_counted(estate), 0.0
    while found.plan.by_scenario is not None:
        actual, left = _as_planned(study, found, counted)
        if left < policy.number("vehicles_settled_gbp") or rounds == ROUNDS:
            break
        counted = actual

        def again(one: Estate, begin: EstatePlan | None, last: EstatePlan = found.plan) -> EstatePlan:
            return solve(one, last if begin is None else begin, True)

        found, rounds = planned_with_seats(with_vehicles(estate, counted), again, policy), rounds + 1
    return Settled(found, rounds, left, counted)


def _as_counted(estate: Estate) -> np.ndarray:
    """(F, T) what the options of an estate count for vehicles, were the school closed."""
    row = {facility.key: f for f, facility in enumerate(estate.facilities)}
    counted = np.zeros((len(estate.facilities), len(estate.years)))
    for option in estate.options:
        if option.vehicles_gbp is not None:
            here, gone = counted[row[option.facility]], option.places.sum(axis=1) <= TINY
            here[:] = np.where(gone, option.vehicles_gbp, here)
    return counted


def _as_planned(study: Study, found: Seated, counted: np.ndarray) -> tuple[np.ndarray, float]:
    """(F, T) what is counted, for closings of the plan as the plan has them, and the differences in all, discounted.

    Of a school that runs out, years count by the share of its year groups that are gone.
    """
    estate = found.estate
    assert found.seats is not None
    told = closures(study, estate, found.plan, found.seats)
    table = displaced_table(told)
    expected = above_seats(table, route_table(table, study), estate, study.policy)
    actual, weight, left = counted.copy(), year_weights(estate.years, study.policy)[1], 0.0
    stage = estate.problem.stage_weight if len(told.chosen) > 1 else np.ones(1)
    for f in told.closes.facilities.tolist():
        columns = estate.facilities[f].columns
        gone = np.array([gone_share(estate.options[o], columns) for o in told.chosen[:, f]])
        closes = np.array([estate.options[o].action in CLOSING for o in told.chosen[:, f]])
        closed = stage @ (gone * closes[:, None])
        once = np.divide(expected[f], closed, out=counted[f].copy(), where=closed > TINY)
        left += abs(float((once - counted[f]) * closed @ weight))
        actual[f] = once
    return actual, left


def vehicles_alone(study: Study, estate: Estate) -> np.ndarray:
    """(F, T) GBP a year if a school were closed and all others stayed as they are; 0 where closing is no option."""
    closable = sorted({option.facility for option in estate.options if option.action in CLOSING})
    row = {facility.key: f for f, facility in enumerate(estate.facilities)}
    schools = np.array([row[key] for key in closable], dtype=np.int64)
    found = _as_if_alone(study, estate, schools)
    table = displaced_table(found)
    return above_seats(table, route_table(table, study), estate, study.policy)


def _as_if_alone(study: Study, estate: Estate, schools: np.ndarray) -> Closures:
    """Every school (C,) as if it alone closed in the first year, pupils at the nearest other one with places."""
    problem, n, years = estate.problem, len(estate.facilities), len(estate.years)
    home, every_home = home_of(estate)[estate.moving], home_of(estate)
    rolls = np.zeros((len(estate.pupils), n, years, GROUPS))
    for k, pupils in enumerate(estate.pupils):
        np.add.at(rolls[k], every_home, pupils.transpose(2, 0, 1))
    places = np.broadcast_to(np.array([facility.places for facility in estate.facilities]), rolls.shape)
    room = places - rolls >= study.policy.number("entitlement_places_left")
    arcs = np.flatnonzero(np.isin(home, schools)[problem.arc_node] & (home[problem.arc_node] != problem.arc_facility))
    metres = np.nan_to_num(estate.arc_metres[arcs], nan=NO_ROOM_M, posinf=NO_ROOM_M)
    order = arcs[np.lexsort((metres, problem.arc_node[arcs]))]
    node, to = problem.arc_node[order], problem.arc_facility[order]
    nodes, first = np.unique(node, return_index=True)
    last = len(order) + np.zeros(1, dtype=np.int64)
    parts = []
    for k, t, column in np.ndindex(len(estate.pupils), years, GROUPS):
        pupils = estate.pupils[k, t, column, estate.moving[nodes]]
        if not pupils.any():
            continue
        rank = np.where(room[k, to, t, column], np.arange(len(order)), len(order))
        nearest = np.minimum.reduceat(rank, first)
        arc = order[np.where(nearest < np.append(first[1:], last), nearest, first)]
        here = np.flatnonzero(pupils > TINY)
        cell = (np.full(len(here), of) for of in (k, t, column))
        parts.append((*cell, arc[here], pupils[here]))
    nothing = (*(np.empty(0, dtype=np.int64),) * 4, np.empty(0))
    scenario, year, group, arc, pupils = (np.concatenate(part) for part in zip(nothing, *parts, strict=True))
    no_one = np.zeros_like(rolls)
    moved = Displaced(scenario, arc, year, group, np.zeros(len(arc), dtype=bool), pupils, no_one, no_one)
    assert problem.baseline is not None
    since = np.full((1, n), years, dtype=np.int64)
    since[:, schools] = 0
    gone = np.zeros((1, n, years, GROUPS), dtype=bool)
    gone[:, schools] = True
    return Closures(study, estate, problem.baseline[None], Closing(gone, since), moved, rolls, places, places)
