"""Every pupil of a closing school in a place of his or her own year group, infants 30 to a teacher.

A plan counts the places of a band's upper years together, so it may count an empty place in Y6 for a pupil of Y2. Once
it is decided what closes, the pupils of closing schools are seated anew year group by year group, at least cost, one
year after the other. Where a later year of the plan has others come to a school in place of pupils who were seated
there before, they are seated together, those first who were there first; all other pupils stay as the plan has them.
Where not all find a seat, `models.seat_cuts` says what has to be otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.closing import Closing, closing, rolls_by_year_group
from models.estate_build import Estate
from models.infant_classes import infant_room
from models.seat_claims import Planned, claimed, gone_up, joined_by
from models.seat_together import Together
from models.seats_of_a_year import GROUPS, Group, Room, Year, sit

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_SHORT = 0.5  # pupils from which a shortage counts


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


class _Rolls:
    """The plan while its pupils are seated: flows (S, A), unmet (S, D), pupils by slice and by own year group."""

    def __init__(self, plan: Planned, closes: Closing, years: list[Year], flow: Array, unmet: Array) -> None:
        """Without the pupils of schools that close; all others as the plan has them."""
        estate = plan.estate
        self.estate, self.problem, self.schools = estate, estate.problem, len(estate.facilities)
        self.flow, self.unmet = flow.copy(), unmet.copy()
        for one in years:
            for s in {group.slice for group in one.groups}:
                self.flow[s, one.displaced[self.problem.arc_node]] = self.unmet[s, one.displaced] = 0.0
        self.home = plan.home
        self.own = rolls_by_year_group(estate, self.flow, closes)
        self.rolls, self.at_home = self.own.copy(), self.own.copy()  # and of these those at their own school
        for k, t in plan.groups:
            gone = next((one.displaced for one in years if (one.scenario, one.year) == (k, t)), None)
            others = plan.away if gone is None else plan.away & ~gone[self.problem.arc_node]
            self.at_home[k, :, t] -= plan.at_schools(plan.pupils(k, t, others))
        pupils = self.problem.demand[:, self.problem.arc_node] * self.flow
        self.load = np.array([self._at_schools(of_slice) for of_slice in pupils])

    def _at_schools(self, pupils: Array) -> Array:
        """(F,) sums of pupils (A,)."""
        return np.bincount(self.problem.arc_facility, pupils, minlength=self.schools).astype(np.float64)

    def add(self, one: Year, pupils: Array, displaced: bool = False) -> None:
        """Put pupils (A, 12) of one year where they sit; a minus takes them away."""
        problem = self.problem
        for s, column, _ in one.groups:
            mine = pupils[:, column] * (problem.demand[s, problem.arc_node] > 0)
            at = np.flatnonzero(mine)
            if not len(at):
                continue
            self.flow[s, at] = np.maximum(self.flow[s, at] + mine[at] / problem.demand[s, problem.arc_node[at]], 0.0)
            came = self._at_schools(mine)
            self.load[s] += came
            self.rolls[one.scenario, :, one.year, column] += came
            if not displaced:
                self.own[one.scenario, :, one.year, column] += came

    def room(self, one: Year, options: Ints, policy: Policy) -> Room:
        """What there is beside all others, under the options (F,) taken."""
        own, taken = self.own[one.scenario, :, one.year], [self.estate.options[o] for o in options]
        places = np.array([option.places for option in taken])
        admits = np.array([option.admits[one.year] for option in taken])
        left = self.problem.option_capacity[options].T - self.load
        free = np.maximum(places - self.at_home[one.scenario], 0.0)[:, one.year :]
        homes = np.unique(self.home[one.displaced])
        ends = {self.estate.facilities[f].columns[-1] for f in homes.tolist()}
        lasting = {end: _lasting(free, end) for end in ends}
        return Room(
            np.maximum(places[:, one.year] - own, 0.0), np.maximum(left, 0.0), infant_room(own, admits, policy), lasting
        )

    def without_place(self, one: Year) -> None:
        """Who of closing schools is not seated has no place."""
        for s in {group.slice for group in one.groups}:
            placed = np.bincount(self.problem.arc_node, self.flow[s], minlength=self.problem.n_nodes)
            self.unmet[s, one.displaced] = np.clip(1.0 - placed[one.displaced], 0.0, 1.0)


def seated(estate: Estate, chosen: Ints, flow: Array, unmet: Array, policy: Policy) -> Seats:
    """Pupils of the schools that `chosen` (K, F) closes, seated at least cost beside those whom `flow` places.

    `flow` (S, A) and `unmet` (S, D) are shares of the plan.
    """
    problem, schools = estate.problem, len(estate.facilities)
    closes = closing(estate, chosen)
    plan = Planned.of(estate, closes, flow)
    years = _years(plan, closes)
    now = _Rolls(plan, closes, years, flow, unmet)
    without, parts, short = np.zeros_like(now.own), [], []
    together = Together(estate, closes.since, plan.home, policy.number("apart_gbp"))
    latest, sat = (-1, -1), np.zeros((problem.n_arcs, GROUPS))
    for one in years:
        k, t = one.scenario, one.year
        went_up = gone_up(sat if (k, t - 1) == latest else plan.pupils(k, t - 1, plan.away))
        options = chosen[min(k, len(chosen) - 1), :schools]
        owed = one.displaced[problem.arc_node]
        others = plan.pupils(k, t, plan.away & ~owed)
        held = plan.at_schools(went_up * (plan.away & owed)[:, None])
        closing_next = closes.since[min(k, len(chosen) - 1)] == t + 1
        yields = claimed(one, now.room(one, options, policy), held) | closing_next[:, None]
        yielding = others * yields[problem.arc_facility]
        now.add(one, -yielding)
        room = now.room(one, options, policy)
        room.groups[closing_next] = 0.0  # nobody comes to a school in its last year
        apart = together.prices(one, room)
        found = sit(estate, joined_by(one, yielding, estate), room, plan.home, yielding, went_up, apart)
        column = np.array([each.column for each in one.groups])[found.group]
        seats = np.zeros_like(sat)
        np.add.at(seats, (found.arc, column), found.pupils)
        now.add(one, seats * owed[:, None], displaced=True)
        now.add(one, seats * ~owed[:, None])
        now.without_place(one)
        latest, sat = (k, t), others - yielding + seats
        short += _shortages(estate, one, found.lost, plan.home)
        for (_, at, _), lost in zip(one.groups, found.lost, strict=True):
            np.add.at(without[k, :, t, at], plan.home, lost * one.gone[plan.home, at])
        mine = owed[found.arc]
        parts.append(
            (np.full(mine.sum(), k), np.full(mine.sum(), t), column[mine], found.arc[mine], found.pupils[mine])
        )
    nothing = (*(np.empty(0, dtype=np.int64),) * 4, np.empty(0))
    scenario, year, group, arc, pupils = (np.concatenate(part) for part in zip(nothing, *parts, strict=True))
    return Seats(scenario, year, group, arc, pupils, without, now.own, now.rolls, now.flow, now.unmet, short)


def _lasting(free: Array, end: int) -> Array:
    """(F, 12) seats that stay free as the cohort moves up to the column `end`, of those of each year (F, T, 12)."""
    least: Array = free[:, 0].copy()
    for later in range(1, free.shape[1]):
        of_now = np.arange(max(end - later + 1, 0))  # those who are at school still
        least[:, of_now] = np.minimum(least[:, of_now], free[:, later, of_now + later])
    return least


def _years(plan: Planned, closes: Closing) -> list[Year]:
    """Every scenario and year in which a year group of a closing school is gone or goes next, with the displaced."""
    years = []
    for (k, t), groups in plan.groups.items():
        gone = closes.gone[min(k, len(closes.gone) - 1), :, t]
        displaced = np.asarray(gone[plan.home].any(axis=1))
        closing_next = (closes.since[min(k, len(closes.since) - 1)] == t + 1).any()
        if displaced.any() or closing_next:
            demand = plan.estate.problem.demand
            mine = [Group(s, column, demand[s] * share * displaced) for s, column, share in groups]
            years.append(Year(k, t, gone, displaced, mine))
    return years


def _shortages(estate: Estate, one: Year, lost: Array, home: Ints) -> list[Shortage]:
    """Year groups in which half a pupil or more of gone ones have no seat; the schools that all who are gone reach."""
    problem, found = estate.problem, []
    for (_, column, _), without in zip(one.groups, lost, strict=True):
        gone = without * one.gone[home, column]
        by_school: Array = np.bincount(home, gone, minlength=len(estate.facilities)).astype(np.float64)
        if by_school.sum() >= LEAST_SHORT:
            schools = np.flatnonzero(by_school >= min(LEAST_SHORT, by_school.max()))
            within = np.unique(problem.arc_facility[np.isin(problem.arc_node, np.flatnonzero(one.displaced))])
            found.append(Shortage(one.scenario, one.year, COMPULSORY[column], schools, by_school[schools], within))
    return found
