"""Pyomo states a model, HiGHS solves it: the few lines between the two.

Pyomo's own HiGHS interfaces (``appsi_highs`` and ``pyomo.contrib.solver``) offer neither a starting plan nor
progress while solving, and translate row by row. Here Pyomo's standard-form compiler writes the whole matrix
at once and HiGHS takes it as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import highspy
import numpy as np
from numpy.typing import NDArray
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy.sparse import csc_matrix, vstack

from models.estate import FloatArray, IntArray
from solvers.plans import Progress, ProgressCallback, gap_between

Variables = Sequence[Any] | NDArray[np.object_]  # of Pyomo, in the order of the matrix's columns


class Clock:
    """The time since a solve began and what is left of its limit."""

    def __init__(self, time_limit_s: float | None) -> None:
        self._began = time.perf_counter()
        self.limit_s = math.inf if time_limit_s is None else float(time_limit_s)

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._began

    @property
    def left_s(self) -> float:
        """Seconds left, 0 when none; inf without a limit."""
        return max(0.0, self.limit_s - self.seconds)


class Listener(Protocol):
    """Whoever is told of better plans and bounds."""

    def report(self, *, incumbent: float = math.inf, bound: float = -math.inf) -> None:
        """Take note of a plan's cost or of a bound."""


class Reporter:
    """Tells `callback` of every better plan and better bound, so that neither ever seems to get worse."""

    def __init__(self, clock: Clock, callback: ProgressCallback | None) -> None:
        self._clock = clock
        self._callback = callback
        self.incumbent = math.inf
        self.bound = -math.inf

    def report(self, *, incumbent: float = math.inf, bound: float = -math.inf) -> None:
        """Take note of a plan's cost or of a bound."""
        if incumbent >= self.incumbent and bound <= self.bound:
            return
        self.incumbent = min(self.incumbent, incumbent)
        self.bound = max(self.bound, bound)
        if self._callback is not None:
            gap = max(0.0, gap_between(self.incumbent, self.bound))
            self._callback(Progress(self.incumbent, self.bound, gap, self._clock.seconds))


@dataclass(frozen=True, eq=False)
class Matrix:
    """min cost·v with lower ≤ rows·v ≤ upper, 0 ≤ v ≤ 1, some v whole: M rows, C columns."""

    cost: FloatArray  # (C,)
    rows: csc_matrix  # (M, C)
    lower: FloatArray  # (M,)
    upper: FloatArray  # (M,)
    ceiling: FloatArray  # (C,) greatest value of a column; the least is 0
    whole: NDArray[np.bool_]  # (C,) integer columns

    def with_rows(self, rows: csc_matrix, lower: FloatArray, upper: FloatArray) -> Matrix:
        """The same programme with further rows below."""
        stacked = csc_matrix(vstack([self.rows, rows], format="csc"))
        lower, upper = np.concatenate([self.lower, lower]), np.concatenate([self.upper, upper])
        return Matrix(self.cost, stacked, lower, upper, self.ceiling, self.whole)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What HiGHS found: `values` None without a plan; `bound` is proven, -inf where there is none."""

    infeasible: bool
    proven: bool  # to the gap that was asked for
    values: FloatArray | None  # (C,)
    objective: float
    bound: float


def compile_rows(block: Any, columns: Variables) -> tuple[Any, csc_matrix, FloatArray, FloatArray]:
    """(Pyomo's standard form, rows, lower, upper) of a block's constraints over the given variables."""
    form = LinearStandardFormCompiler().write(block, mixed_form=True)
    place = {id(variable): column for column, variable in enumerate(columns)}
    column = np.array([place[id(variable)] for variable in form.columns], dtype=np.int64)
    entries = form.A.tocoo()
    rows = csc_matrix((entries.data, (entries.row, column[entries.col])), (len(form.rhs), len(columns)))
    sense = np.array([row.bound_type for row in form.rows])  # 1: ≤, -1: ≥, 0: =
    rhs = np.asarray(form.rhs, dtype=np.float64)
    return form, rows, np.where(sense == 1, -np.inf, rhs), np.where(sense == -1, np.inf, rhs)


def compile_model(model: Any, columns: Variables) -> Matrix:
    """The matrix of a Pyomo model; every variable must be listed in `columns` and start at 0."""
    form, rows, lower, upper = compile_rows(model, columns)
    cost = np.zeros(len(columns))
    place = {id(variable): column for column, variable in enumerate(columns)}
    cost[[place[id(variable)] for variable in form.columns]] = form.c.toarray()[0]
    ceiling = np.array([math.inf if v.ub is None else v.ub for v in columns], dtype=np.float64)
    whole = np.array([v.is_integer() or v.is_binary() for v in columns], dtype=bool)
    return Matrix(cost, rows, lower, upper, ceiling, whole)


def open_highs(matrix: Matrix, *, relaxed: bool = False, threads: int | None = None, seed: int = 0) -> Any:
    """A quiet HiGHS that holds the programme; `relaxed` forgets which columns are whole."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.rows.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = matrix.cost, np.zeros(lp.num_col_), matrix.ceiling
    lp.row_lower_, lp.row_upper_ = matrix.lower, matrix.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = matrix.rows.indptr.astype(np.int32)
    lp.a_matrix_.index_ = matrix.rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = matrix.rows.data
    if matrix.whole.any() and not relaxed:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in matrix.whole]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("random_seed", seed % 2**31)
    if threads is not None:
        # HiGHS keeps one pool of threads per process and refuses another size while it stands.
        highspy.Highs.resetGlobalScheduler(True)
        highs.setOptionValue("threads", threads)
    highs.passModel(lp)
    return highs


def run_highs(
    matrix: Matrix,
    *,
    time_limit_s: float,
    gap: float = 0.0,
    threads: int | None = None,
    seed: int = 0,
    start: FloatArray | None = None,
    reporter: Listener | None = None,
    on_solution: Callable[[FloatArray], None] | None = None,
) -> Outcome:
    """Solve to the gap or the limit from a feasible `start` (C,); `on_solution` sees each better plan."""
    highs = open_highs(matrix, threads=threads, seed=seed)
    highs.setOptionValue("time_limit", min(time_limit_s, 1e30))
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 0.0)
    highs.setOptionValue("mip_feasibility_tolerance", 1e-7)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start
        solution.value_valid = True
        highs.setSolution(solution)
    if reporter is not None:
        # Where `on_solution` judges plans, HiGHS's own are those of a relaxation.
        plans_count = on_solution is None
        highs.cbMipLogging.subscribe(lambda event: _report(event.data_out, reporter, plans_count))
    if on_solution is not None:
        highs.cbMipImprovingSolution.subscribe(lambda event: on_solution(np.array(event.data_out.mip_solution)))
    if highs.run() == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS could not run the programme: its bound would mean nothing")
    return _outcome(highs)


def _report(told: Any, reporter: Listener, plans_count: bool) -> None:
    has_plan = plans_count and abs(told.mip_primal_bound) < 1e30
    has_bound = abs(told.mip_dual_bound) < 1e30
    reporter.report(
        incumbent=told.mip_primal_bound if has_plan else math.inf,
        bound=told.mip_dual_bound if has_bound else -math.inf,
    )


def _outcome(highs: Any) -> Outcome:
    status, info = highs.getModelStatus(), highs.getInfo()
    kinds = highspy.HighsModelStatus
    # Every column is bounded, so what HiGHS calls "infeasible or unbounded" is infeasible.
    if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
        return Outcome(True, True, None, math.inf, math.inf)
    proven = status == kinds.kOptimal
    has_plan = info.primal_solution_status == 2
    values = np.array(highs.getSolution().col_value) if has_plan else None
    objective = info.objective_function_value if has_plan else math.inf
    is_mip = any(kind != highspy.HighsVarType.kContinuous for kind in highs.getLp().integrality_)
    bound = info.mip_dual_bound if is_mip else (objective if proven else -math.inf)
    return Outcome(False, proven, values, objective, bound if abs(bound) < 1e30 else -math.inf)


def choose(values: FloatArray, group: IntArray, n_groups: int) -> IntArray:
    """(n_groups,) the position of the greatest value in each group; `values` and `group` are (K,)."""
    order = np.lexsort((values, group))
    last = np.searchsorted(group[order], np.arange(n_groups), side="right") - 1
    return order[last]
