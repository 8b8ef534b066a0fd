"""The plan in which every displaced pupil can have a place in his or her own year group: solved, tested, cut, again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.estate_build import Estate
from models.own_places import Shortage, cuts, shortages
from solvers import EstatePlan

ROUNDS = 5  # plans at most; what is still short after them is said


@dataclass(frozen=True, eq=False)
class Seated:
    """A plan, the estate with the rows it was found under, how often it was cut, and who is still without a seat."""

    estate: Estate
    plan: EstatePlan
    rounds: int
    short: list[Shortage]


def planned_with_seats(estate: Estate, solve: Callable[[Estate, EstatePlan | None], EstatePlan]) -> Seated:
    """The best plan by `solve` (of an estate, from a plan), cut where displaced pupils find no seat of their own."""
    plan, rounds = solve(estate, None), 0
    short = _short(estate, plan)
    while short and rounds < ROUNDS:
        assert plan.by_scenario is not None
        more = cuts(estate, plan.by_scenario, short)
        estate = estate.restated([*estate.rows, *more], estate.pupils)
        plan, rounds = solve(estate, plan), rounds + 1
        short = _short(estate, plan)
    return Seated(estate, plan, rounds, short)


def _short(estate: Estate, plan: EstatePlan) -> list[Shortage]:
    if plan.by_scenario is None or plan.flow is None or plan.unmet is None:
        return []
    return shortages(estate, plan.by_scenario, plan.flow, plan.unmet)
