"""The cheapest way to place pupils once every facility's option is chosen.

With z fixed the estate programme falls apart into one transport problem a slice. It is solved over the few
cheapest arcs of each node; arcs that would improve on that (negative reduced cost) join until none would.
"""

from __future__ import annotations

import math

import highspy
import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Clock

ROW_TOLERANCE = 1e-6  # of a policy row's level, and absolute below 1: what a plan may miss it by
ROW_EASING = 0.8e-6  # the same in programmes
FULL = 1e-6  # of its places: how near a facility is taken for full
FIRST_ARCS = 6  # of each node; pricing adds what is missing


def plan_cost(problem: EstateProblem, option: IntArray, flow: FloatArray, unmet: FloatArray) -> float:
    """The objective, in GBP, of options (F,) or, by scenario, (K, F), flows (S, A) and unmet shares (S, D)."""
    chosen = problem.stage_weight @ np.atleast_2d(problem.option_cost[option].sum(axis=-1)).ravel()
    travel = problem.demand[:, problem.arc_node] * problem.arc_cost * flow
    without = problem.demand * problem.unmet_cost * unmet
    return float(chosen + travel.sum() + without.sum())


def places_at(problem: EstateProblem, option: IntArray) -> FloatArray:
    """(S, F) places in every slice under options (F,) or, by scenario, (K, F)."""
    by_slice = np.atleast_2d(option)[problem.stage_scenario]
    return np.asarray(problem.option_capacity[by_slice, np.arange(problem.n_slices)[:, None]])


def eased_rows(problem: EstateProblem) -> tuple[FloatArray, FloatArray]:
    """(lower, upper) (R,) of the policy rows, eased by a little less than `keeps_rows` lets pass: for programmes.

    What rounding in the input alone breaks is then kept in the programmes too, and their own tolerance has room.
    """
    slack = [ROW_EASING * np.maximum(1.0, np.abs(bound)) for bound in (problem.row_lower, problem.row_upper)]
    return problem.row_lower - slack[0], problem.row_upper + slack[1]


def keeps_rows(problem: EstateProblem, option: IntArray, tolerance: float = ROW_TOLERANCE) -> bool:
    """Whether the options (F,) keep every policy row, to a tolerance relative to its level."""
    level = problem.row_matrix[:, option].sum(axis=1).A1 if problem.n_rows else np.empty(0)
    slack = tolerance * np.maximum(1.0, np.abs(level))
    return bool(np.all(level >= problem.row_lower - slack) and np.all(level <= problem.row_upper + slack))


def place_pupils(
    problem: EstateProblem, option: IntArray, clock: Clock, grace_s: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """(flow (S, A), unmet (S, D)): the cheapest shares, greedy ones for slices that the time does not reach.

    With `single_site` all shares are greedy, and whole. Unmet is 1 where a node has no pupils in a slice.
    `grace_s` seconds are allowed beyond the clock's limit.
    """
    flow, unmet, _ = place_and_tell(problem, option, clock, grace_s)
    return flow, unmet


def place_changed(
    problem: EstateProblem, option: IntArray, clock: Clock, known: tuple[IntArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """As `place_pupils`, from `known` options and their cheapest flows: only slices that the change touches are placed.

    A slice stays as it is where the flows fit the places now and no facility that gained places was full: a limit that
    did not bind can be moved without changing what is cheapest.
    """
    before, now = places_at(problem, known[0]), places_at(problem, option)
    touched = []
    for s in np.flatnonzero((before != now).any(axis=1)).tolist():
        pupils = problem.demand[s, problem.arc_node] * known[1][s]
        load = np.bincount(problem.arc_facility, pupils, minlength=problem.n_facilities)
        near = FULL * np.maximum(1.0, before[s])
        if np.any((load > now[s] + near) | ((now[s] > before[s]) & (load >= before[s] - near))):
            touched.append(s)
    flow = known[1].copy()
    flow[touched] = place_and_tell(problem, option, clock, slices=np.array(touched, dtype=np.int64))[0][touched]
    return flow, unmet_shares(problem, flow)


def place_and_tell(
    problem: EstateProblem, option: IntArray, clock: Clock, grace_s: float = 0.0, slices: IntArray | None = None
) -> tuple[FloatArray, FloatArray, bool]:
    """As `place_pupils`, and whether every slice has been placed at least cost; only of `slices` if given."""
    exact = not problem.single_site
    flow = np.zeros((problem.n_slices, problem.n_arcs))
    deadline = max(clock.limit_s, clock.seconds + grace_s)
    all_places = places_at(problem, option)
    for s in range(problem.n_slices) if slices is None else slices.tolist():
        places = all_places[s]
        cost = problem.journey_costs(s)
        useful = (problem.demand[s, problem.arc_node] > 0) & (places[problem.arc_facility] > 0)
        useful &= cost <= problem.unmet_cost[s, problem.arc_node]
        arcs = np.flatnonzero(useful)
        pupils = None
        if not problem.single_site:
            pupils = _cheapest_pupils(problem, s, arcs, cost[arcs], places, deadline - clock.seconds)
        if pupils is None:
            exact = False
            pupils = _greedy_pupils(problem, s, arcs, cost[arcs], places)
        flow[s, arcs] = pupils / problem.demand[s, problem.arc_node[arcs]]
    flow = np.clip(flow, 0.0, 1.0)
    return flow, unmet_shares(problem, flow), exact


def unmet_shares(problem: EstateProblem, flow: FloatArray) -> FloatArray:
    """(S, D) what the flows (S, A) leave without a place."""
    placed = np.zeros((problem.n_slices, problem.n_nodes))
    for s in range(problem.n_slices):
        placed[s] = np.bincount(problem.arc_node, flow[s], minlength=problem.n_nodes)
    return np.clip(1.0 - placed, 0.0, 1.0)


def _cheapest_pupils(
    problem: EstateProblem, s: int, arcs: IntArray, cost: FloatArray, places: FloatArray, left_s: float
) -> FloatArray | None:
    """(len(arcs),) pupils on each useful arc of slice s at least cost; None when the time runs out."""
    node, facility = problem.arc_node[arcs], problem.arc_facility[arcs]
    demand, unmet_cost = problem.demand[s], problem.unmet_cost[s]
    order = np.lexsort((cost, node))
    rank = np.arange(len(arcs)) - np.searchsorted(node[order], node[order])
    wishes = np.zeros(len(arcs))
    wishes[order[rank == 0]] = demand[node[order[rank == 0]]]
    if np.all(np.bincount(facility, wishes, minlength=len(places)) <= places):
        return wishes  # everybody gets the cheapest place
    if left_s <= 0:
        return None
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    n_nodes, n_facilities = problem.n_nodes, problem.n_facilities
    highs.addRows(
        n_nodes + n_facilities,
        np.concatenate([demand, np.full(n_facilities, -np.inf)]),
        np.concatenate([demand, places]),
        0, np.zeros(n_nodes + n_facilities, np.int32), np.empty(0, np.int32), np.empty(0),
    )  # fmt: skip
    # Unmet pupils first: one column a node. Costs relative to them keep the numbers small.
    _add_columns(highs, unmet_cost, np.arange(n_nodes)[:, None])
    began = Clock(left_s)
    chosen = np.empty(0, dtype=np.int64)
    joining = order[rank < FIRST_ARCS]
    while joining.size:
        _add_columns(highs, cost[joining], np.column_stack([node[joining], n_nodes + facility[joining]]))
        chosen = np.concatenate([chosen, joining])
        highs.setOptionValue("time_limit", min(highs.getRunTime() + began.left_s, 1e30))
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        price = np.array(highs.getSolution().row_dual)
        reduced = cost - price[node] - price[n_nodes + facility]
        reduced[chosen] = 0.0
        joining = np.flatnonzero(reduced < -1e-7 * max(1.0, float(np.abs(cost).max())))
    pupils = np.zeros(len(arcs))
    pupils[chosen] = np.array(highs.getSolution().col_value)[n_nodes:]
    return np.clip(pupils, 0.0, demand[node])


def _add_columns(highs: object, cost: FloatArray, rows: IntArray) -> None:
    """Columns of coefficient 1 in the given rows (K, entries a column), from 0 up."""
    n, entries = rows.shape
    highs.addCols(  # type: ignore[attr-defined]
        n, cost, np.zeros(n), np.full(n, np.inf),
        n * entries, np.arange(0, n * entries, entries, dtype=np.int32),
        rows.astype(np.int32).ravel(), np.ones(n * entries),
    )  # fmt: skip


def _greedy_pupils(problem: EstateProblem, s: int, arcs: IntArray, cost: FloatArray, places: FloatArray) -> FloatArray:
    """(len(arcs),) pupils on each useful arc: nodes in order of what they lose without their best arc.

    Whole nodes where the problem is single-site, else as many as fit.
    """
    node, facility = problem.arc_node[arcs], problem.arc_facility[arcs]
    pupils, room = np.zeros(len(arcs)), places.copy()
    order = np.lexsort((cost, node))
    start = np.searchsorted(node[order], np.arange(problem.n_nodes + 1))
    regret = np.full(problem.n_nodes, -math.inf)
    some = np.flatnonzero(np.diff(start))
    regret[some] = (problem.unmet_cost[s, some] - cost[order[start[some]]]) * problem.demand[s, some]
    for d in some[np.argsort(-regret[some], kind="stable")]:
        waiting = problem.demand[s, d]
        for k in order[start[d] : start[d + 1]]:
            fits = room[facility[k]]
            taken = min(waiting, fits) if not problem.single_site else waiting * (fits >= waiting)
            pupils[k] += taken
            room[facility[k]] -= taken
            waiting -= taken
            if waiting <= 0:
                break
    return pupils
