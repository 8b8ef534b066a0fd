"""A part of an estate as a mixed-integer programme for HiGHS, straight from arrays.

The same programme as `solvers.estate_model` states for the whole, for some of the facilities and nodes: facilities
are free (their options are columns) or have a fixed room; nodes must be placed (by an arc or an outlet at a price)
or may be. `solvers.estate_decomposed` uses it twice: with prices at the seams it gives a bound, with the surroundings
as they are it gives a better plan.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import NamedTuple

import highspy
import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Clock, choose
from solvers.pots import in_shares

# Parts are small and mostly begin from a good plan: HiGHS's searches in sub-programmes cost more than they find
# (measured: the same bound in half the time, five times as many neighbourhoods).
SLOW_HEURISTICS = ("mip_heuristic_run_rins", "mip_heuristic_run_rens", "mip_heuristic_run_root_reduced_cost")


@dataclass(frozen=True, eq=False)
class Part:
    """What is free in a part of the estate: n options, K scenarios, J flows, Y outlets, P policy rows.

    Columns are z (K·n, scenario by scenario), then x (J), then y (Y).
    """

    options: IntArray  # (n,) of the free facilities
    option_cost: FloatArray  # (K, n) GBP
    flow_slice: IntArray  # (J,)
    flow_arc: IntArray  # (J,)
    flow_cost: FloatArray  # (J,) GBP for the whole node
    outlet_slice: IntArray  # (Y,) nodes that must be placed
    outlet_node: IntArray  # (Y,)
    outlet_cost: FloatArray  # (Y,) GBP for the whole node where no arc takes it
    room: FloatArray  # (S, F) places that a facility which is not free can give
    rows: csr_matrix  # (P, n)
    row_lower: FloatArray  # (K, P)
    row_upper: FloatArray  # (K, P)


@dataclass(frozen=True, eq=False)
class PartPlan:
    """The answer: `option` and `flow` are None where nothing was found."""

    objective: float
    bound: float
    option: IntArray | None  # (K, free facilities in rising order) the option of each
    flow: FloatArray | None  # (J,)
    closed: bool  # proven to the gap that was asked for


@dataclass(frozen=True)
class Effort:
    """How hard to try: seconds, nodes of the search tree and the gap in GBP at which to stop."""

    seconds: float
    nodes: int | None
    gap_gbp: float
    seed: int = 0
    stop: threading.Event | None = None  # ends the work early where it is set


@dataclass(frozen=True, eq=False)
class Efforts:
    """The efforts of one search: by time where there is a limit, else by nodes of the search tree."""

    clock: Clock
    seed: int
    stop: threading.Event

    def of(self, seconds: float, nodes: int, gap_gbp: float) -> Effort:
        """So many seconds, within what is left, or so many nodes."""
        if math.isfinite(self.clock.limit_s):
            return Effort(min(seconds, self.clock.left_s), None, gap_gbp, self.seed, self.stop)
        return Effort(math.inf, nodes, gap_gbp, self.seed, self.stop)


def solve_part(problem: EstateProblem, part: Part, effort: Effort, start: FloatArray | None = None) -> PartPlan:
    """The part's best plan and a proven bound; `start` are feasible values of all columns."""
    highs = _open(problem, part)
    highs.setOptionValue("time_limit", max(0.0, min(effort.seconds, 1e30)))
    if effort.nodes is not None:
        highs.setOptionValue("mip_max_nodes", effort.nodes)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", effort.gap_gbp)
    highs.setOptionValue("mip_feasibility_tolerance", 1e-7)
    highs.setOptionValue("random_seed", effort.seed % 2**31)
    for heuristic in SLOW_HEURISTICS:
        highs.setOptionValue(heuristic, False)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start
        solution.value_valid = True
        highs.setSolution(solution)
    stop = effort.stop
    if stop is not None:
        highs.cbMipInterrupt.subscribe(lambda event: event.interrupt() if stop.is_set() else None)
    if highs.run() == highspy.HighsStatus.kError:
        # A thread that has solved with another number of threads before keeps that pool and HiGHS refuses ours.
        highspy.Highs.resetGlobalScheduler(True)
        if highs.run() == highspy.HighsStatus.kError:
            raise RuntimeError("HiGHS could not run a part of the estate: its bound would mean nothing")
    return _read(problem, part, highs)


def _read(problem: EstateProblem, part: Part, highs: highspy.Highs) -> PartPlan:
    kinds, status, info = highspy.HighsModelStatus, highs.getModelStatus(), highs.getInfo()
    if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
        return PartPlan(np.inf, np.inf, None, None, True)
    bound = info.mip_dual_bound if abs(info.mip_dual_bound) < 1e30 else -np.inf
    if info.primal_solution_status != 2:
        return PartPlan(np.inf, bound, None, None, False)
    values = np.array(highs.getSolution().col_value)
    n_scenarios, n = part.option_cost.shape
    n_flows = len(part.flow_arc)
    keys, place = np.unique(problem.option_facility[part.options], return_inverse=True)
    z = values[: n_scenarios * n].reshape(n_scenarios, n)
    option = np.array([part.options[choose(z[k], place, len(keys))] for k in range(n_scenarios)])
    flow = np.clip(values[n_scenarios * n : n_scenarios * n + n_flows], 0.0, 1.0)
    flow = np.round(flow) if problem.single_site else flow
    closed = status == kinds.kOptimal
    return PartPlan(info.objective_function_value, bound, option, flow, closed)


def _open(problem: EstateProblem, part: Part) -> highspy.Highs:
    """A quiet HiGHS on one thread that holds the part's programme."""
    n_z, n_flows, n_outlets = part.option_cost.size, len(part.flow_arc), len(part.outlet_node)
    n_columns = n_z + n_flows + n_outlets
    blocks = [
        _one_option(problem, part),
        _placed(problem, part),
        _places(problem, part),
        _linking(problem, part),
        _policy_rows(part),
    ]
    if problem.option_first is not None and len(part.option_cost) > 1:
        blocks.append(_one_class(problem, part, problem.option_first))
    below = np.cumsum([0, *(len(block.lower) for block in blocks)])
    row = np.concatenate([block.row + height for block, height in zip(blocks, below, strict=False)])
    column = np.concatenate([block.column for block in blocks])
    value = np.concatenate([block.value for block in blocks])
    matrix = csc_matrix((value, (row, column)), shape=(below[-1], n_columns))
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = np.concatenate([part.option_cost.ravel(), part.flow_cost, part.outlet_cost])
    lp.col_lower_, lp.col_upper_ = np.zeros(n_columns), np.ones(n_columns)
    lp.row_lower_ = np.concatenate([block.lower for block in blocks])
    lp.row_upper_ = np.concatenate([block.upper for block in blocks])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = matrix.data
    whole, shares = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    z_kinds = [shares if share else whole for share in in_shares(problem, part.options)] * len(part.option_cost)
    lp.integrality_ = z_kinds + [whole if problem.single_site else shares] * (n_flows + n_outlets)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.passModel(lp)
    return highs


class Block(NamedTuple):
    """Rows of one family: entries, and the bounds of each row."""

    row: IntArray
    column: IntArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray


def _one_option(problem: EstateProblem, part: Part) -> Block:
    """Σ_{o of f} z[o] = 1, in every scenario."""
    n_scenarios, n = part.option_cost.shape
    keys, place = np.unique(problem.option_facility[part.options], return_inverse=True)
    row = (np.arange(n_scenarios)[:, None] * len(keys) + place).ravel()
    ones = np.ones(n_scenarios * len(keys))
    return Block(row, np.arange(n_scenarios * n), np.ones(n_scenarios * n), ones, ones)


def _placed(problem: EstateProblem, part: Part) -> Block:
    """Σ x + y = 1 where a node must be placed; Σ x ≤ 1 where it may be, and more than one arc could."""
    x0, y0 = part.option_cost.size, part.option_cost.size + len(part.flow_arc)
    must = part.outlet_slice * problem.n_nodes + part.outlet_node
    node = part.flow_slice * problem.n_nodes + problem.arc_node[part.flow_arc]
    keys, row, count = np.unique(np.concatenate([node, must]), return_inverse=True, return_counts=True)
    equal = np.isin(keys, must)
    kept = equal | (count > 1)
    used = kept[row]
    column = np.concatenate([x0 + np.arange(len(node)), y0 + np.arange(len(must))])[used]
    lower = np.where(equal[kept], 1.0, -np.inf)
    return Block((np.cumsum(kept) - 1)[row[used]], column, np.ones(len(column)), lower, np.ones(len(lower)))


def _places(problem: EstateProblem, part: Part) -> Block:
    """Σ demand·x − Σ places·z ≤ 0 into a free facility, ≤ its room into another."""
    n_facilities, n, x0 = problem.n_facilities, len(part.options), part.option_cost.size
    facility = problem.arc_facility[part.flow_arc]
    keys, row = np.unique(part.flow_slice * n_facilities + facility, return_inverse=True)
    pupils = problem.demand[part.flow_slice, problem.arc_node[part.flow_arc]]
    entries = [(row, x0 + np.arange(len(row)), pupils)]
    of_option, scenario = problem.option_facility[part.options], problem.stage_scenario
    position = np.full((problem.n_slices, n_facilities), -1)
    position[keys // n_facilities, keys % n_facilities] = np.arange(len(keys))
    for s in range(problem.n_slices):
        places = problem.option_capacity[part.options, s]
        there = np.flatnonzero((position[s, of_option] >= 0) & (places > 0))
        entries.append((position[s, of_option[there]], scenario[s] * n + there, -places[there]))
    free = np.zeros(n_facilities, dtype=bool)
    free[of_option] = True
    upper = np.where(free[keys % n_facilities], 0.0, part.room[keys // n_facilities, keys % n_facilities])
    rows, columns, values = (np.concatenate(stack) for stack in zip(*entries, strict=True))
    return Block(rows, columns, values, np.full(len(keys), -np.inf), upper)


def _linking(problem: EstateProblem, part: Part) -> Block:
    """Nobody goes where nothing is: x ≤ Σ z over the options with places, if a facility has one without."""
    n_facilities, n, x0 = problem.n_facilities, len(part.options), part.option_cost.size
    of_option, scenario = problem.option_facility[part.options], problem.stage_scenario
    facility = problem.arc_facility[part.flow_arc]
    entries, n_rows = [], 0
    for s in range(problem.n_slices):
        usable = problem.option_capacity[part.options, s] > 0
        without = np.zeros(n_facilities, dtype=bool)
        without[of_option[~usable]] = True
        flows = np.flatnonzero((part.flow_slice == s) & without[facility])
        some = np.flatnonzero(usable)
        of_facility = csr_matrix((np.ones(len(some)), (of_option[some], some)), shape=(n_facilities, n))
        options = of_facility[facility[flows]].tocoo()
        entries += [
            (n_rows + np.arange(len(flows)), x0 + flows, np.ones(len(flows))),
            (n_rows + options.row, scenario[s] * n + options.col, -options.data),
        ]
        n_rows += len(flows)
    rows, columns, values = (np.concatenate(stack) for stack in zip(*entries, strict=True))
    return Block(rows, columns, values, np.full(n_rows, -np.inf), np.zeros(n_rows))


def _policy_rows(part: Part) -> Block:
    """Every policy row: lower ≤ Σ row·z ≤ upper, in every scenario."""
    n_scenarios, n = part.option_cost.shape
    entries, n_rows = part.rows.tocoo(), part.rows.shape[0]
    scenario = np.repeat(np.arange(n_scenarios), entries.nnz)
    row = scenario * n_rows + np.tile(entries.row, n_scenarios)
    column = scenario * n + np.tile(entries.col, n_scenarios)
    return Block(row, column, np.tile(entries.data, n_scenarios), part.row_lower.ravel(), part.row_upper.ravel())


def _one_class(problem: EstateProblem, part: Part, first: IntArray) -> Block:
    """Σ z over a first-stage class is the same in every scenario as in the first."""
    n_scenarios, n = part.option_cost.shape
    pairs = np.column_stack([problem.option_facility[part.options], first[part.options]])
    keys, place = np.unique(pairs, axis=0, return_inverse=True)
    later = np.repeat(np.arange(1, n_scenarios), n)
    row = (later - 1) * len(keys) + np.tile(place.ravel(), n_scenarios - 1)
    here = np.tile(np.arange(n), n_scenarios - 1)
    columns, ones = np.concatenate([here, later * n + here]), np.ones(len(row))
    zeros = np.zeros((n_scenarios - 1) * len(keys))
    return Block(np.tile(row, 2), columns, np.concatenate([ones, -ones]), zeros, zeros)
