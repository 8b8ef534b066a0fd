"""The exact route for estates: the whole programme of `solvers.estate_model` to HiGHS.

1. A first plan: the baseline, or the choice nearest to it that keeps the policy rows, with its cheapest flows.
   If no choice keeps them, the clash is the answer.
2. Strong linking, where some option of a facility has no places: all of it in small models. In large ones the linear
   relaxation is solved first and the rows it breaks join until it breaks none (or its share of the time is gone); its
   cost is a proven bound.
3. The mixed-integer programme from the first plan.
4. Flows once more, for the options found, so that they are clean of the solver's tolerances; the better of the
   first and the last plan is the answer.

Where nodes may not be split, the problem in which they may comes first: it is much easier, its bound holds, and its
options with whole nodes placed on them as well as possible are mostly the best plan or next to it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import highspy
import numpy as np
from scipy.sparse import csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.answers import bound_by_parts, estate_answer, first_options, started, without_plan
from solvers.clash import OptionSpace
from solvers.estate_model import EstateModel, build_model, strong_linking
from solvers.highs import Clock, Matrix, Reporter, choose, compile_model, compile_rows, open_highs, run_highs
from solvers.plans import EstatePlan, ProgressCallback, gap_between
from solvers.pots import settled
from solvers.transport import keeps_rows, place_pupils, plan_cost, unmet_shares

ROUTE = "exact"
ALL_LINKING = 60_000  # rows up to which all linking is written at once
GRACE_S = 3.0  # what a first plan or a clash may take beyond the limit
BUILD_S_PER_FLOW = 2.5e-5  # measured, Pyomo and its compiler; a model that cannot be built in time is not begun
LINKING_SHARE = 0.5  # of the time, for the linear relaxation of large models
SPLIT_SHARE, WHOLE_SHARE = 0.3, 0.2  # of the time, where nodes are not split: for split ones, for their whole places
EASED_GAP = 0.95  # HiGHS stops a little before the gap, so that cleaning the flows does not lift the plan over it

Plan = tuple[float, IntArray, FloatArray]  # cost, option (F,), flow (S, A)


def solve_exact(
    problem: EstateProblem,
    *,
    time_limit_s: float | None,
    gap: float,
    threads: int | None,
    seed: int,
    progress: ProgressCallback | None,
    start: EstatePlan | None = None,
) -> EstatePlan:
    """As `solvers.solve_estate`, by this route."""
    clock = Clock(time_limit_s)
    reporter = Reporter(clock, progress)
    reporter.report(bound=bound_by_parts(problem))
    infeasible, option = first_options(problem, clock, seed)
    if infeasible:
        return without_plan(math.inf, OptionSpace(problem, clock, seed).clash(GRACE_S), clock, ROUTE)
    best = None if option is None else _plan(problem, option, clock, GRACE_S)
    placing_s = clock.seconds
    given = started(problem, start)
    if given is not None and keeps_rows(problem, given[0]):
        best = min(
            [plan for plan in (best, _plan(problem, given[0], clock, GRACE_S)) if plan is not None],
            key=lambda plan: plan[0],
        )
    if best is not None:
        reporter.report(incumbent=best[0])
    if problem.single_site and clock.left_s > 0 and not _good_enough(best, reporter, gap):
        best = _from_split(problem, best, clock, gap, threads, seed, reporter)
    n_flows = int((problem.demand[:, problem.arc_node] > 0).sum())
    if clock.left_s > n_flows * BUILD_S_PER_FLOW and not _good_enough(best, reporter, gap):
        spare_s = min(placing_s, 0.2 * clock.limit_s)  # for the flows of the last plan
        found = _solve_programme(problem, best, clock, spare_s, gap, threads, seed, reporter)
        if isinstance(found, str):
            return without_plan(math.inf, OptionSpace(problem, clock, seed).clash(GRACE_S), clock, ROUTE)
        best = min([plan for plan in (found, best) if plan is not None], key=lambda plan: plan[0], default=None)
    if best is None:
        return without_plan(reporter.bound, (), clock, ROUTE)
    reporter.report(incumbent=best[0])
    return estate_answer(problem, best[1][None, :], best[2], reporter.bound, gap, clock, ROUTE)


def _from_split(
    problem: EstateProblem,
    best: Plan | None,
    clock: Clock,
    gap: float,
    threads: int | None,
    seed: int,
    reporter: Reporter,
) -> Plan | None:
    """The better of a plan and of whole nodes on the options that are best for split ones, whose bound is reported."""
    split = solve_exact(
        replace(problem, single_site=False),
        time_limit_s=None if math.isinf(clock.left_s) else SPLIT_SHARE * clock.left_s,
        gap=0.1 * gap, threads=threads, seed=seed, progress=None,
    )  # fmt: skip
    if split.option is None:
        return best
    reporter.report(bound=split.bound)
    whole = _plan(problem, split.option, clock, GRACE_S)
    if best is not None and best[0] <= whole[0]:
        return best
    reporter.report(incumbent=whole[0])
    return whole


def _solve_programme(
    problem: EstateProblem,
    start: Plan | None,
    clock: Clock,
    spare_s: float,
    gap: float,
    threads: int | None,
    seed: int,
    reporter: Reporter,
) -> Plan | str | None:
    """The best plan of the whole programme, None if there was none in time, "infeasible" if there is none."""
    estate = build_model(problem)
    matrix = compile_model(estate.model, estate.columns)
    linked = linked_flows(problem, estate)
    if len(linked) <= ALL_LINKING:
        matrix = _with_linking(matrix, estate, problem, linked)
    else:
        matrix = _tightened(matrix, estate, problem, clock, threads, seed, reporter)
    if problem.single_site and start is not None:
        start = _improved_whole(problem, estate, matrix, start, clock, seed)
        reporter.report(incumbent=start[0])
    left_s = clock.left_s - spare_s
    if left_s <= 0:
        return start
    outcome = run_highs(
        matrix,
        time_limit_s=left_s,
        gap=EASED_GAP * gap,
        threads=threads,
        seed=seed,
        start=None if start is None else estate.column_values(problem, start[1], start[2]),
        reporter=reporter,
    )
    if outcome.infeasible:
        return start or "infeasible"
    reporter.report(bound=outcome.bound)
    return start if outcome.values is None else _read(problem, estate, outcome.values, clock)


def _tightened(
    matrix: Matrix,
    estate: EstateModel,
    problem: EstateProblem,
    clock: Clock,
    threads: int | None,
    seed: int,
    reporter: Reporter,
) -> Matrix:
    """The matrix with the linking rows that its linear relaxation breaks; reports the relaxation's bound."""
    until_s = clock.seconds + LINKING_SHARE * clock.left_s
    while True:
        highs = open_highs(matrix, relaxed=True, threads=threads, seed=seed)
        highs.setOptionValue("time_limit", min(max(0.0, until_s - clock.seconds), 1e30))
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return matrix
        reporter.report(bound=highs.getInfo().objective_function_value)
        broken = broken_linking(problem, estate, np.array(highs.getSolution().col_value))
        if not len(broken):
            return matrix
        matrix = _with_linking(matrix, estate, problem, broken)


def linked_flows(problem: EstateProblem, estate: EstateModel) -> IntArray:
    """The flows (positions among the K) to a facility that has an option without places in the slice.

    Where every option has places, Σ z over them is 1 and the linking row says nothing.
    """
    without = np.zeros((problem.n_facilities, problem.n_slices), dtype=bool)
    np.logical_or.at(without, problem.option_facility, problem.option_capacity <= 0)
    return np.flatnonzero(without[problem.arc_facility[estate.flow_arc], estate.flow_slice])


def broken_linking(problem: EstateProblem, estate: EstateModel, values: FloatArray) -> IntArray:
    """The flows (positions among the K) whose strong linking the values of a relaxation break."""
    z = values[: problem.n_options]
    usable = (problem.option_capacity > 0) * z[:, None]
    open_share = np.zeros((problem.n_facilities, problem.n_slices))
    np.add.at(open_share, problem.option_facility, usable)
    x = values[problem.n_options : problem.n_options + len(estate.flow_arc)]
    return np.flatnonzero(x > open_share[problem.arc_facility[estate.flow_arc], estate.flow_slice] + 1e-5)


def _with_linking(matrix: Matrix, estate: EstateModel, problem: EstateProblem, wanted: IntArray) -> Matrix:
    if not len(wanted):
        return matrix
    _, rows, lower, upper = compile_rows(strong_linking(estate, problem, wanted), estate.columns)
    return matrix.with_rows(rows, lower, upper)


def _improved_whole(
    problem: EstateProblem, estate: EstateModel, matrix: Matrix, start: Plan, clock: Clock, seed: int
) -> Plan:
    """The start of a single-site problem with its nodes placed better, for the same options."""
    values = estate.column_values(problem, start[1], start[2])
    fixed = np.flatnonzero(values[: problem.n_options] == 0)
    ceiling = matrix.ceiling.copy()
    ceiling[fixed] = 0.0
    same_options = Matrix(matrix.cost, matrix.rows, matrix.lower, matrix.upper, ceiling, matrix.whole)
    outcome = run_highs(same_options, time_limit_s=WHOLE_SHARE * clock.left_s, seed=seed, start=values)
    found = None if outcome.values is None else _read(problem, estate, outcome.values, clock)
    return found if found is not None and found[0] < start[0] else start


def _read(problem: EstateProblem, estate: EstateModel, values: FloatArray, clock: Clock) -> Plan | None:
    """The plan in the solver's values, its flows cleaned; None where rounding them breaks a rule."""
    z, flow = estate.split(problem, values)
    option = settled(problem, choose(z, problem.option_facility, problem.n_facilities))
    if not keeps_rows(problem, option):
        return None
    if not problem.single_site:
        return _plan(problem, option, clock, GRACE_S)
    flow = np.round(flow)
    load = (
        csr_matrix(
            (np.ones(problem.n_arcs), (problem.arc_facility, np.arange(problem.n_arcs))),
            shape=(problem.n_facilities, problem.n_arcs),
        )
        @ (problem.demand[:, problem.arc_node] * flow).T
    )
    if np.any(load > problem.option_capacity[option] * (1 + 1e-9) + 1e-9):
        return _plan(problem, option, clock, GRACE_S)
    return plan_cost(problem, option, flow, unmet_shares(problem, flow)), option, flow


def _plan(problem: EstateProblem, option: IntArray, clock: Clock, grace_s: float) -> Plan:
    flow, unmet = place_pupils(problem, option, clock, grace_s)
    return plan_cost(problem, option, flow, unmet), option, flow


def _good_enough(best: Plan | None, reporter: Reporter, gap: float) -> bool:
    return best is not None and gap_between(best[0], reporter.bound) <= gap
