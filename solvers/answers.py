"""What the routes for estates have in common: a first choice of options, a bound without a solver, the answer."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.clash import OptionSpace
from solvers.highs import Clock, choose
from solvers.plans import EstatePlan, Proof, gap_between, status_of
from solvers.pots import settled
from solvers.transport import ROW_EASING, keeps_rows, plan_cost, unmet_shares

ROUNDING = 1e-6  # share of the cost by which a bound may lie above it for want of digits


def bound_by_parts(problem: EstateProblem) -> float:
    """A bound that needs no solver: every facility its cheapest option, every pupil the cheapest arc."""
    cheapest = np.full(problem.n_facilities, np.inf)
    np.minimum.at(cheapest, problem.option_facility, problem.option_cost)
    pupil = problem.unmet_cost.copy()
    for s in range(problem.n_slices):
        cost = problem.journey_costs(s)
        np.minimum.at(pupil[s], problem.arc_node, cost)
    return float(cheapest.sum() + (problem.demand * pupil).sum())


def started(problem: EstateProblem, start: EstatePlan | None) -> IntArray | None:
    """(K, F) the options of a plan to begin from, if there are any; its pots as the options of schools let them be."""
    options = None if start is None else start.by_scenario
    return None if options is None else settled(problem, options)


def first_options(problem: EstateProblem, clock: Clock, seed: int) -> tuple[bool, IntArray | None]:
    """(whether the policy rows clash, options (F,) that keep them if found): the baseline or what is near it."""
    reference = problem.baseline
    if reference is None:
        size = problem.option_capacity.sum(axis=1)
        reference = choose(size, problem.option_facility, problem.n_facilities)
    if keeps_rows(problem, reference, ROW_EASING):  # as programmes do, so that their bounds hold for it
        return False, reference
    if clock.left_s == 0:
        return False, None
    infeasible, option = OptionSpace(problem, clock, seed).nearest(reference, 0.5 * clock.left_s)
    return infeasible, option if option is not None and keeps_rows(problem, option) else None


def estate_answer(
    problem: EstateProblem,
    option: IntArray,
    flow: FloatArray,
    bound: float,
    gap: float,
    clock: Clock,
    route: str,
    proof: Proof | None = None,
) -> EstatePlan:
    """The plan of options (K, F) and flows (S, A) under a bound."""
    unmet = unmet_shares(problem, flow)
    cost = plan_cost(problem, option, flow, unmet)
    if not _credible(bound, cost):
        bound, proof = bound_by_parts(problem), None
    bound = min(bound, cost)
    return EstatePlan(
        status_of(cost, bound, gap), cost, bound, gap_between(cost, bound),
        option[int(np.argmax(problem.stage_weight))], flow, unmet, (), clock.seconds, route,
        option if problem.two_stage else None, proof,
    )  # fmt: skip


def without_plan(bound: float, clash: tuple[int, ...], clock: Clock, route: str) -> EstatePlan:
    """The answer without a plan: infeasible where the bound is infinite, else unknown."""
    status = "infeasible" if bound == math.inf else "unknown"
    return EstatePlan(status, math.inf, bound, math.inf, None, None, None, clash, clock.seconds, route)


def settled_plan(problem: EstateProblem, plan: EstatePlan, gap: float) -> EstatePlan:
    """The plan with its pots settled, where that is cheaper; `gap` was asked for."""
    chosen = plan.by_scenario
    if problem.pot is None or chosen is None or plan.flow is None or plan.unmet is None:
        return plan
    better = settled(problem, chosen)
    cost = plan_cost(problem, better, plan.flow, plan.unmet)
    if cost >= plan.objective or not all(keeps_rows(problem, one) for one in better):
        return plan
    bound = min(plan.bound if _credible(plan.bound, cost) else bound_by_parts(problem), cost)
    return replace(
        plan,
        status=status_of(cost, bound, gap),
        objective=cost,
        bound=bound,
        gap=gap_between(cost, bound),
        option=better[int(np.argmax(problem.stage_weight))],
        scenario_option=better if plan.scenario_option is not None else None,
    )


def _credible(bound: float, cost: float) -> bool:
    """Whether a bound is not above the cost of a plan; a warning is given where it is."""
    if bound <= cost + ROUNDING * max(1.0, abs(cost)):
        return True
    warnings.warn(
        f"The bound {bound:,.0f} is above the plan's cost {cost:,.0f}, so it cannot be true. "
        "One that needs no solver is given instead; please report this problem.",
        RuntimeWarning,
        stacklevel=3,
    )
    return False
