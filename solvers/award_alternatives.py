"""What other awards there are: the next-best award sets, and what each rule costs."""

from __future__ import annotations

from dataclasses import dataclass

from models.award_rules import AwardRule, award_rules
from models.awards import AwardProblem, BoolArray
from solvers.awards import best_awards
from solvers.highs import Clock
from solvers.plans import AwardPlan


@dataclass(frozen=True, eq=False)
class RuleCost:
    """What one rule costs: the best award set if the rule were not there."""

    rule: AwardRule
    plan: AwardPlan  # without the rule
    points: float  # that the rule costs, not negative where both plans are proven
    cost_gbp: float  # that the plan without the rule costs less, perhaps negative: it may buy its points


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
        following = best_awards(problem, rules, before, clock, threads, seed)
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
    """For every rule of the problem, the best award set without it; plans that the time did not suffice for say so.

    Raises ValueError where the plan is not proven.
    """
    start = _proven(plan)
    clock, rules = Clock(time_limit_s), award_rules(problem)
    costs = []
    for rule in rules:
        others = [one for one in rules if one is not rule]
        without = best_awards(problem, others, (), clock, threads, seed, start)
        costs.append(RuleCost(rule, without, without.points - plan.points, plan.cost_gbp - without.cost_gbp))
    return costs


def _proven(plan: AwardPlan) -> BoolArray:
    if plan.status != "optimal" or plan.awarded is None:
        raise ValueError(f"plan.status = {plan.status!r}: only a proven plan has a next best and rules that cost")
    return plan.awarded
