"""The plan in which every displaced pupil has a place in his or her own year group: solved, seated, cut, again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from geodata.policy import Policy
from models.estate_build import Estate
from models.rules import Row
from models.seat_cuts import cuts
from models.seating import Seats, Shortage, seated
from solvers import EstatePlan, gap_between, solve_estate
from solvers.plans import status_of
from solvers.transport import plan_cost
from solvers.verify import verify_estate

ROUNDS = 5  # plans at most; what is still short after them is said
SOLVED_SHARE = 0.8  # of the gap asked for, to which plans are solved: seats cost a little more


@dataclass(frozen=True, eq=False)
class Seated:
    """A plan with its pupils seated, its estate, the rows it was cut by, a list a round, and who is short.

    The estate is the one without the cuts: nothing that is proven of the plan or of others may rest on them.

    `seats` are those of the plan's flows, None where there is no plan; `seating_gbp` is what they cost above the plan
    as it was solved; `solved` is whether the solver stopped at the gap it was asked for.
    """

    estate: Estate
    plan: EstatePlan
    cuts: list[list[Row]]
    short: list[Shortage]
    solved: bool
    seating_gbp: float = 0.0
    seats: Seats | None = None


def planned_with_seats(
    estate: Estate, solve: Callable[[Estate, EstatePlan | None], EstatePlan], policy: Policy
) -> Seated:
    """The best plan by `solve` (of an estate, from a plan), cut where displaced pupils find no seat of their own.

    A cut takes other pupils to stay where the plan had them, so it may exclude a plan that would do. The bound is that
    of the first plan, found without any: no plan that seats everybody costs less.
    """
    plan, made = solve(estate, None), list[list[Row]]()
    found, proven, cut = with_seats(estate, plan, policy), plan, estate
    while found.short and len(made) < ROUNDS:
        assert plan.by_scenario is not None
        made.append(cuts(estate, plan.by_scenario, found.short))
        cut = cut.restated([*cut.rows, *made[-1]], cut.pupils)
        plan = solve(cut, replace(plan, proof=None))  # a cut is a row without a price
        if plan.by_scenario is None:
            break
        found = with_seats(estate, _bounded(plan, proven, policy), policy)
    return replace(found, cuts=made)


def _bounded(plan: EstatePlan, proven: EstatePlan, policy: Policy) -> EstatePlan:
    """The plan under the bound and the prices of another."""
    bound = proven.bound
    status = status_of(plan.objective, bound, policy.number("estate_gap"))
    return replace(plan, status=status, bound=bound, gap=gap_between(plan.objective, bound), proof=proven.proof)


def with_seats(estate: Estate, plan: EstatePlan, policy: Policy) -> Seated:
    """The plan with the pupils of closing schools seated by year group, at the cost that this comes to."""
    chosen = plan.by_scenario
    solved = plan.status == "optimal"
    if chosen is None or plan.flow is None or plan.unmet is None:
        return Seated(estate, plan, [], [], solved)
    seats = seated(estate, chosen, plan.flow, plan.unmet, policy)
    if not len(seats.arc) and not seats.short:
        return Seated(estate, plan, [], [], solved, seats=seats)
    cost = plan_cost(estate.problem, chosen, seats.flow, seats.unmet)
    status = status_of(cost, plan.bound, policy.number("estate_gap"))
    gap = gap_between(cost, plan.bound)
    own = replace(plan, status=status, flow=seats.flow, unmet=seats.unmet, objective=cost, gap=gap)
    return Seated(estate, own, [], seats.short, solved, cost - plan.objective, seats)


def planned_within(estate: Estate, kept: np.ndarray, begin: EstatePlan | None, policy: Policy) -> EstatePlan | None:
    """The best plan that takes only the options `kept`, begun from a plan of them, with every pupil seated.

    It is in the estate's own numbering and verified; None where no plan is found.
    """

    def solved(one: Estate, before: EstatePlan | None) -> EstatePlan:
        start = begin if before is None or before.by_scenario is None else before
        begun = None
        if start is not None and start.by_scenario is not None:
            begun = replace(start.begun_with(start.by_scenario, kept), proof=start.proof)
        found = solve_estate(
            one.problem.with_options(kept),
            time_limit_s=policy.number("estate_time_limit_s"),
            gap=SOLVED_SHARE * policy.number("estate_gap"),
            start=begun,
        )
        return found.renumbered(kept)

    found = planned_with_seats(estate, solved, policy)
    if found.plan.option is None:
        return None
    if wrong := verify_estate(found.estate.problem, found.plan):
        raise AssertionError("A plan of fewer options fails its independent verification: " + "; ".join(wrong))
    return found.plan
