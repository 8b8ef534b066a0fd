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
from models.closing import NEVER, Closing, gone_share, home_of, vehicles_of, with_vehicles
from models.displaced import Displaced
from models.estate_build import TINY, Estate, year_weights
from models.options import CLOSING
from placeplan.closures.displaced import displaced_table, route_table
from placeplan.closures.money import above_seats
from placeplan.closures.planned import Closures, closures
from placeplan.estate.seated import Seated, planned_with_seats
from placeplan.study import Study
from solvers import EstatePlan

ROUNDS = 4  # plans at most after the first
UNKNOWN_M = 1e9  # in place of a way that is not known
GROUPS = len(COMPULSORY)


@dataclass(frozen=True, eq=False)
class Settled:
    """A plan, how often it was planned again, and by how much its closings are still counted wrongly in all.

    `vehicles_gbp` (O, T) is what was counted.
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
    counted, left = vehicles_of(estate), 0.0
    while found.plan.by_scenario is not None:
        actual, left = _as_planned(study, found, counted)
        if left < policy.number("vehicles_settled_gbp") or rounds == ROUNDS:
            break
        counted = actual

        def again(one: Estate, begin: EstatePlan | None, last: EstatePlan = found.plan) -> EstatePlan:
            return solve(one, last if begin is None else begin, True)

        found, rounds = planned_with_seats(with_vehicles(estate, counted), again, policy), rounds + 1
    return Settled(found, rounds, left, counted)


def _as_planned(study: Study, found: Seated, counted: np.ndarray) -> tuple[np.ndarray, float]:
    """(O, T) what is counted, for closings of the plan as the plan has them, and the differences in all, discounted.

    Years of a school that runs out are those of that option alone; once it is gone, what its pupils need is the same
    however it closed.
    """
    estate = found.estate
    assert found.seats is not None
    told = closures(study, estate, found.plan, found.seats)
    table = displaced_table(told)
    expected = above_seats(table, route_table(table, study), estate, study.policy)
    actual, weight, left = counted.copy(), year_weights(estate.years, study.policy)[1], 0.0
    stage, facility = estate.problem.stage_weight, estate.problem.option_facility[: len(estate.options)]
    for f in told.closes.facilities.tolist():
        closing = [o for o in np.flatnonzero(facility == f).tolist() if estate.options[o].action in CLOSING]
        share = {o: gone_share(estate.options[o], estate.facilities[f].columns) for o in closing}
        taken = told.chosen[:, f]
        closed = np.sum([p * share[o] for p, o in zip(stage, taken, strict=True) if o in share], axis=0)
        whole = np.divide(expected[f], closed, out=np.zeros_like(closed), where=closed > TINY)
        gone = np.all([share[o] > 1 - TINY for o in taken if o in share], axis=0)
        for o in closing:
            known = closed > TINY if o in taken else gone
            actual[o] = np.where(known, whole * share[o], counted[o])
        left += abs(
            float((expected[f] - stage @ np.where(np.isin(taken, closing)[:, None], counted[taken], 0.0)) @ weight)
        )
    return actual, left


def vehicles_alone(study: Study, estate: Estate) -> np.ndarray:
    """(O, T) GBP a year of options that close a school if all others stayed as they are, by the year groups gone."""
    closable = sorted({option.facility for option in estate.options if option.action in CLOSING})
    row = {facility.key: f for f, facility in enumerate(estate.facilities)}
    schools = np.array([row[key] for key in closable], dtype=np.int64)
    table = displaced_table(_as_if_alone(study, estate, schools))
    whole = above_seats(table, route_table(table, study), estate, study.policy)
    share = [gone_share(option, estate.facilities[row[option.facility]].columns) for option in estate.options]
    closes = np.array([option.action in CLOSING for option in estate.options])
    of_school = whole[[row[option.facility] for option in estate.options]]
    return np.asarray(np.array(share) * of_school * closes[:, None], dtype=float)


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
    metres = np.nan_to_num(estate.arc_metres[arcs], nan=UNKNOWN_M, posinf=UNKNOWN_M)
    order = arcs[np.lexsort((metres, problem.arc_node[arcs]))]
    node, to = problem.arc_node[order], problem.arc_facility[order]
    nodes, first = np.unique(node, return_index=True)
    parts = []
    for k, t, column in np.ndindex(len(estate.pupils), years, GROUPS):
        pupils = estate.pupils[k, t, column, estate.moving[nodes]]
        if not pupils.any():
            continue
        rank = np.where(room[k, to, t, column], np.arange(len(order)), len(order))
        nearest = np.minimum.reduceat(rank, first)
        arc = order[np.where(nearest < np.append(first[1:], len(order)), nearest, first)]
        here = np.flatnonzero(pupils > TINY)
        cell = (np.full(len(here), of) for of in (k, t, column))
        parts.append((*cell, arc[here], pupils[here]))
    nothing = (*(np.empty(0, dtype=np.int64),) * 4, np.empty(0))
    scenario, year, group, arc, pupils = (np.concatenate(part) for part in zip(nothing, *parts, strict=True))
    no_one = np.zeros_like(rolls)
    moved = Displaced(scenario, arc, year, group, np.zeros(len(arc), dtype=bool), pupils, no_one, no_one)
    assert problem.baseline is not None
    since = np.full((1, n), NEVER, dtype=np.int64)
    since[:, schools] = 0
    gone = np.zeros((1, n, years, GROUPS), dtype=bool)
    gone[:, schools] = True
    return Closures(study, estate, problem.baseline[None], Closing(gone, since), moved, rolls, places, places)
