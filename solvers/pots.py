"""Pots of an estate: sums of money as the options of schools let them be.

Once every school's option is chosen, which sum a pot follows is a small programme of its own: the cheapest that keep
the policy rows in which pots stand. It makes a plan whole again after schools have changed, and draws the last pound
out of a plan that was good enough for its gap without it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, vstack

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Matrix, choose, run_highs
from solvers.plans import EstatePlan, gap_between, status_of
from solvers.transport import eased_rows, keeps_rows, plan_cost

SECONDS = 5.0  # at most, for the pots of one scenario


def settled(problem: EstateProblem, option: IntArray) -> IntArray:
    """Options (F,) or, by scenario, (K, F), with the cheapest sums that pots can follow beside those of the schools.

    Rows that cannot be kept whatever the pots do, because of the schools, are left aside.
    """
    if not problem.pots:
        return option
    schools = np.atleast_2d(option)[:, : problem.n_schools]
    different, which = np.unique(schools, axis=0, return_inverse=True)
    sums = np.array([_sums(problem, one) for one in different])[which.ravel()]
    return np.concatenate([schools, sums], axis=1).reshape(option.shape)


def settled_plan(problem: EstateProblem, plan: EstatePlan, gap: float) -> EstatePlan:
    """The plan with its pots settled, where that is cheaper; `gap` was asked for."""
    chosen = plan.by_scenario
    if not problem.pots or chosen is None or plan.flow is None or plan.unmet is None:
        return plan
    better = settled(problem, chosen)
    cost = plan_cost(problem, better, plan.flow, plan.unmet)
    if cost >= plan.objective or not all(keeps_rows(problem, one) for one in better):
        return plan
    bound = min(plan.bound, cost)
    likeliest = int(np.argmax(problem.stage_weight))
    return replace(
        plan,
        status=status_of(cost, bound, gap),
        objective=cost,
        bound=bound,
        gap=gap_between(cost, bound),
        option=better[likeliest],
        scenario_option=better if plan.scenario_option is not None else None,
    )


def _sums(problem: EstateProblem, schools: IntArray) -> IntArray:
    """(pots,) the sum that each pot follows beside the options of the schools."""
    first = problem.n_schools
    free = np.flatnonzero(problem.option_facility >= first)
    pot = problem.option_facility[free] - first
    rows = np.flatnonzero(np.abs(problem.row_matrix[:, free]).sum(axis=1).A1)
    level = problem.row_matrix[rows][:, schools].sum(axis=1).A1
    lower, upper = (bound[rows] - level for bound in eased_rows(problem))
    sums = csr_matrix(problem.row_matrix[rows][:, free])
    found = _cheapest(problem.option_cost[free], pot, sums, lower, upper)
    if found is None:
        none = free[choose(problem.option_cost[free], pot, problem.pots)]
        spent = problem.row_matrix[rows][:, none].sum(axis=1).A1
        kept = np.flatnonzero((spent >= lower) & (spent <= upper))
        found = _cheapest(problem.option_cost[free], pot, sums[kept], lower[kept], upper[kept])
        return none if found is None else free[found]
    return free[found]


def _cheapest(
    cost: FloatArray, pot: IntArray, rows: csr_matrix, lower: FloatArray, upper: FloatArray
) -> IntArray | None:
    """(pots,) positions of the cheapest sums, one a pot, that keep the rows; None where none were found."""
    n_pots = int(pot.max()) + 1
    one = csr_matrix((np.ones(len(pot)), (pot, np.arange(len(pot)))), shape=(n_pots, len(pot)))
    ones = np.ones(n_pots)
    matrix = Matrix(
        cost=cost,
        rows=csc_matrix(vstack([one, rows], format="csc")),
        lower=np.concatenate([ones, lower]),
        upper=np.concatenate([ones, upper]),
        ceiling=np.ones(len(pot)),
        whole=np.ones(len(pot), dtype=bool),
    )
    values = run_highs(matrix, time_limit_s=SECONDS).values
    return None if values is None else choose(values, pot, n_pots)
