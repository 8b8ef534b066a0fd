"""Other plans that are nearly as good and differ as much as possible in which facilities change.

A facility changes where its option is not the one of today (or, where today is not given, not the one of the best
plan); pots do not count. Plans differ by the number of facilities that change in one of them only. The next
alternative is sought so that the least of its differences from the plans before is greatest:

    max  min_i |changed Δ changed_i|   s.t.  cost ≤ budget

With shares w_i on the plans before and a worth in GBP of every difference this is an estate problem with other option
costs, because a facility's part in the differences depends on its option alone:

    min  cost − worth · Σ_f [f changes]·Σ_i w_i·(1 − 2·[f changed in i])

The worth is raised while plans stay within the budget and lowered when they do not; shares move to the nearest plan.
Whatever worth and shares are, the bound of that problem proves that no plan within the budget differs by more than

    Σ_f Σ_i w_i·[f changed in i]  +  (budget − bound) / worth

(the idea of differing from what has been seen is that of E. D. Brill, "The use of optimization models in public-sector
planning", Management Science 25, 1979).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Clock
from solvers.plans import EstatePlan, gap_between
from solvers.transport import plan_cost

TRIES = 6  # at each alternative
WORTH_STEP = 2.5  # by which the worth of a difference goes up while it is not yet enough, or down
SHARE_STEP = 3.0  # by which the nearest plan's share goes up
ROUNDING = 1e-4  # facilities
LOOSE_GAP = 1e-3  # to which each try is solved

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Alternative:
    """A plan within the budget, and how it differs from the best plan and the alternatives before it."""

    plan: EstatePlan  # of the problem itself, under the best plan's bound
    changed: BoolArray  # (F,) facilities that change
    extra_gbp: float  # over the best plan
    differs: int  # facilities, from the nearest of the plans before
    differs_at_most: int  # proven: no plan within the budget differs by more from all plans before


def alternatives(
    problem: EstateProblem,
    plan: EstatePlan,
    within: float = 0.02,
    k: int = 5,
    *,
    time_limit_s: float | None = 120.0,
    threads: int | None = None,
    seed: int = 0,
) -> list[Alternative]:
    """At most `k` plans that cost at most a share `within` more than `plan`, each as different as can be found.

    Fewer where no further plan within the budget was found. Raises ValueError where the plan has no options, the
    problem has two stages, or `within` or `k` is out of range.
    """
    if plan.by_scenario is None or plan.flow is None:
        raise ValueError(f"plan.option is None: a plan of status {plan.status!r} has no alternatives")
    if problem.two_stage:
        raise ValueError(
            "alternatives are of problems of one stage: in two, a facility may change in some scenarios only"
        )
    if not within >= 0:
        raise ValueError(f"within = {within}: a share of the plan's cost, not negative")
    if k < 0:
        raise ValueError(f"k = {k}: a number of plans, not negative")
    clock = Clock(time_limit_s)
    search = _Search(problem, plan, plan.objective + within * abs(plan.objective), clock, threads, seed)
    found: list[Alternative] = []
    for left in range(k, 0, -1):
        following = search.next(math.inf if time_limit_s is None else clock.left_s / left)
        if following is None:
            break
        found.append(following)
    return found


class _Search:
    """The plans so far and the prices of the last try."""

    def __init__(
        self, problem: EstateProblem, plan: EstatePlan, budget: float, clock: Clock, threads: int | None, seed: int
    ) -> None:
        assert plan.option is not None
        self._problem, self._plan, self._budget, self._clock = problem, plan, budget, clock
        self._threads, self._seed = threads, seed
        self._today = plan.option if problem.baseline is None else problem.baseline
        self._before = [self._changed(plan)]  # (F,) of each plan so far
        self._seen: list[EstatePlan] = []  # plans within the budget
        self._latest = plan
        slack, facilities = budget - plan.objective, problem.n_facilities
        self._worth = max(slack, 1e-6 * abs(plan.objective), 1e-9) / max(1.0, 0.1 * facilities)

    def next(self, seconds: float) -> Alternative | None:
        """The plan within the budget that differs most from all before; None where none differs."""
        shares = np.full(len(self._before), 1.0 / len(self._before))
        at_most = float(self._problem.n_facilities)
        too_little, too_much = 0.0, math.inf
        for number in range(TRIES):
            if number and self._clock.left_s == 0:
                break
            found, bound = self._try(shares, self._worth, seconds / TRIES)
            changed_before = (np.array(self._before) * shares[:, None]).sum()
            at_most = min(at_most, changed_before + (self._budget - bound) / self._worth)
            if found is None:
                break
            own = self._as_own(found)
            if own.objective <= self._budget * (1 + 1e-12):
                too_little = max(too_little, self._worth)
                differs = self._differs(own)
                self._seen.append(own)
                shares = np.where(differs == differs.min(), SHARE_STEP, 1.0) * shares
                shares /= shares.sum()
            else:
                too_much = min(too_much, self._worth)
            self._worth = _between(too_little, too_much)
        best = max(self._seen, key=lambda one: (self._differs(one).min(), -one.objective), default=None)
        if best is None or (least := int(self._differs(best).min())) == 0:
            return None
        changed = self._changed(best)
        self._before.append(changed)
        most = math.floor(at_most + ROUNDING)
        return Alternative(best, changed, best.objective - self._plan.objective, least, most)

    def _differs(self, plan: EstatePlan) -> IntArray:
        """(plans before,) facilities that change in one of the two only."""
        return np.asarray((np.array(self._before) != self._changed(plan)).sum(axis=1))

    def _try(self, shares: FloatArray, worth: float, seconds: float) -> tuple[EstatePlan | None, float]:
        """(a plan at this worth of differences, a bound on cost less what differences are worth)."""
        from solvers import solve_estate

        problem = self._problem
        each = (shares[:, None] * (1.0 - 2.0 * np.array(self._before))).sum(axis=0)  # (F,)
        changes = np.ones(problem.n_options, dtype=bool)
        changes[self._today] = False
        changes[problem.option_facility >= problem.n_schools] = False
        cost = problem.option_cost - worth * np.where(changes, each[problem.option_facility], 0.0)
        limit_s = None if math.isinf(seconds) else seconds
        found = solve_estate(
            replace(problem, option_cost=cost),
            time_limit_s=limit_s, gap=LOOSE_GAP, threads=self._threads, seed=self._seed,
            route=self._plan.route, start=self._latest,
        )  # fmt: skip
        if found.option is None:
            return None, found.bound
        self._latest = found
        return found, found.bound

    def _as_own(self, found: EstatePlan) -> EstatePlan:
        """The plan found as one of the problem itself: its own cost, under the best plan's bound."""
        assert found.flow is not None and found.unmet is not None
        option = found.by_scenario
        assert option is not None
        cost = plan_cost(self._problem, option, found.flow, found.unmet)
        bound = min(self._plan.bound, cost)
        return replace(found, status="feasible", objective=cost, bound=bound, gap=gap_between(cost, bound), proof=None)

    def _changed(self, plan: EstatePlan) -> BoolArray:
        assert plan.option is not None
        schools = np.arange(self._problem.n_facilities) < self._problem.n_schools
        return np.asarray((plan.option != self._today) & schools)


def _between(too_little: float, too_much: float) -> float:
    """A worth to try next."""
    if too_little == 0.0:
        return too_much / WORTH_STEP
    if math.isinf(too_much):
        return too_little * WORTH_STEP
    return math.sqrt(too_little * too_much)
