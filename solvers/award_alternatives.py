"""What other awards there are: the next-best award sets, and what each rule costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.award_rules import AwardRule, award_rules
from models.awards import AwardProblem, BoolArray
from solvers.awards import best_awards
from solvers.highs import Clock
from solvers.plans import AwardPlan


@dataclass(frozen=True, eq=False)
class RuleCost:
    """What one rule costs: against the best award set if the rule were not there."""

    rule: AwardRule
    plan: AwardPlan  # without the rule
    points: float  # that are lost by the rule; at least so many where the plan without it is not proven
    cost_gbp: float  # that are paid more because of the rule; negative where what it loses in points saves money


def next_best(
    problem: AwardProblem,
    plan: AwardPlan,
    k: int = 5,
    *,
    time_limit_s: float | None = 60.0,
    threads: int | None = 2,
    seed: int = 0,
) -> list[AwardPlan]:
    """The `k` award sets that follow a proven plan, in the same order of points and cost, each proven.

    Each differs from all before it in which bids win. Where fewer come and all are optimal, there are no more; a last
    one that is not optimal says that the time ended. Raises ValueError where the plan is not proven or k is negative.
    """
    if k < 0:
        raise ValueError(f"k = {k}: a number of award sets, not negative")
    before = [_proven(plan)]
    clock, rules = Clock(time_limit_s), award_rules(problem)
    found: list[AwardPlan] = []
    while len(found) < k and (not found or found[-1].status == "optimal"):
        following = best_awards(problem, rules, clock, threads, seed, excluded=before)
        if following.status == "infeasible":
            break
        found.append(following)
        if following.awarded is not None:
            before.append(following.awarded)
    return found


def cost_of_rules(
    problem: AwardProblem,
    plan: AwardPlan,
    *,
    time_limit_s: float | None = 60.0,
    threads: int | None = 2,
    seed: int = 0,
) -> list[RuleCost]:
    """For every rule of the problem, in its order, the best award set without it and what that changes.

    Where the time did not suffice, the status of the plan without the rule says so. Raises ValueError where the plan
    itself is not proven.
    """
    _proven(plan)
    clock, rules = Clock(time_limit_s), award_rules(problem)
    costs = []
    for rule in rules:
        others = [one for one in rules if one is not rule]
        # Only a set that breaks the rule can be better than the plan. That is a far smaller question.
        rival = best_awards(problem, others, clock, threads, seed, broken=rule, least_points=plan.points)
        without = _better(plan, rival)
        costs.append(RuleCost(rule, without, without.points - plan.points, plan.cost_gbp - without.cost_gbp))
    return costs


def _better(plan: AwardPlan, rival: AwardPlan) -> AwardPlan:
    """The plan or its rival, whichever comes first, as far as is proven."""
    if (rival.points, -rival.cost_gbp) > (plan.points, -plan.cost_gbp):
        return rival
    if rival.points_bound <= plan.points and rival.cost_bound >= plan.cost_gbp:
        return plan
    return replace(
        plan, status="feasible", points_bound=max(plan.points, rival.points_bound),
        cost_bound=min(plan.cost_gbp, rival.cost_bound),
    )  # fmt: skip


def _proven(plan: AwardPlan) -> BoolArray:
    if plan.status != "optimal" or plan.awarded is None:
        raise ValueError(f"plan.status = {plan.status!r}: only a proven plan has a next best and rules that cost")
    return plan.awarded
