"""A better plan from a neighbourhood: some facilities decide anew, everything around them stays as it is.

The facilities of the neighbourhood are free. Every node that could use one of them, or does, is placed anew over all
its useful arcs; into the facilities around only as far as they have room beside the nodes that stay. Policy rows
keep their levels with what the other facilities contribute. The present plan is feasible and is the start, so the
answer (`solvers.part`) is never worse, and a better one can be written into the plan as it stands.

Several neighbourhoods of one plan can be worked on at once: what one of them may change is shut to the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.part import Part, PartPlan
from solvers.pots import settled
from solvers.transport import keeps_rows, places_at, plan_cost, unmet_shares


@dataclass(frozen=True, eq=False)
class Standing:
    """A feasible plan: options by scenario, flows and their cost."""

    option: IntArray  # (K, F)
    flow: FloatArray  # (S, A)
    cost: float  # GBP


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """A part of a standing plan that may be decided anew."""

    facilities: IntArray  # free
    part: Part
    start: FloatArray  # the standing plan as values of the part's columns
    cost: float  # GBP of the start
    touched: IntArray  # facilities whose pupils may change
    rows: IntArray  # policy rows that name a free facility


def neighbourhood(
    problem: EstateProblem,
    pupil_price: FloatArray,
    standing: Standing,
    load: FloatArray,
    facilities: IntArray,
    shut: NDArray[np.bool_],
    margin: float,
    rings: int,
) -> Neighbourhood | None:
    """The neighbourhood of some facilities in a standing plan whose facilities carry `load` (S, F) pupils.

    Nothing is changed at the facilities that are `shut` (F,); None where that leaves nothing. Arcs that are not in
    use and dearer than their node's price by more than a share `margin` are left out. Pupils of so many `rings` of
    facilities around may be moved to make room.
    """
    free = np.zeros(problem.n_facilities, dtype=bool)
    free[facilities] = True
    held = _held(problem, standing, shut)
    free |= _paying(problem, free)
    free &= ~shut & ~_taking(problem, standing, held)
    facilities = np.flatnonzero(free)
    if not facilities.size:
        return None
    flow_slice, flow_arc = _flows(problem, pupil_price, standing, free, shut, held, margin, rings)
    node = problem.arc_node[flow_arc]
    moving = np.zeros(problem.demand.shape, dtype=bool)
    moving[flow_slice, node] = True
    x = standing.flow[flow_slice, flow_arc]
    moved = np.zeros(load.shape)
    np.add.at(moved, (flow_slice, problem.arc_facility[flow_arc]), problem.demand[flow_slice, node] * x)
    places = places_at(problem, standing.option)
    room = np.maximum(places - np.maximum(load - moved, 0.0), moved)  # moved: whatever rounding says, the plan stands
    outlet_slice, outlet_node = np.nonzero(moving)
    options = np.flatnonzero(free[problem.option_facility])
    rows = np.unique(problem.row_matrix[:, options].tocoo().row)
    followed = _follows(problem, standing.option)
    fixed = np.where(free[problem.option_facility], 0.0, followed)
    around = (problem.row_matrix[rows] @ fixed.T).T
    level = (problem.row_matrix[rows] @ followed.T).T
    journey = problem.journey_costs(flow_slice, flow_arc)
    part = Part(
        options,
        problem.stage_weight[:, None] * problem.option_cost[options],
        flow_slice, flow_arc, journey * problem.demand[flow_slice, node],
        outlet_slice, outlet_node, (problem.demand * problem.unmet_cost)[outlet_slice, outlet_node],
        room,
        problem.row_matrix[rows][:, options],
        np.minimum(problem.row_lower[rows], level) - around, np.maximum(problem.row_upper[rows], level) - around,
    )  # fmt: skip
    unmet = np.clip(1.0 - _sums(problem, flow_slice, flow_arc, x), 0.0, 1.0)[outlet_slice, outlet_node]
    z = followed[:, options]
    cost = (z * part.option_cost).sum() + x @ part.flow_cost + unmet @ part.outlet_cost
    touched = np.unique(np.concatenate([facilities, problem.arc_facility[flow_arc]]))
    return Neighbourhood(facilities, part, np.concatenate([z.ravel(), x, unmet]), float(cost), touched, rows)


def write_into(problem: EstateProblem, standing: Standing, place: Neighbourhood, found: PartPlan) -> Standing:
    """The standing plan with the neighbourhood's answer in it.

    The same plan where the answer is no better, or where what another neighbourhood has done to a policy row in the
    meantime does not go with it.
    """
    if found.option is None or found.flow is None or found.objective >= place.cost - 1e-9 * abs(standing.cost):
        return standing
    option, flow = standing.option.copy(), standing.flow.copy()
    option[:, place.facilities] = found.option
    option = settled(problem, option)
    if len(place.rows) and not all(keeps_rows(problem, one) for one in option):
        return standing
    flow[place.part.flow_slice, place.part.flow_arc] = np.where(found.flow < 1e-9, 0.0, found.flow)
    if problem.pot is None:
        return Standing(option, flow, standing.cost + found.objective - place.cost)
    cost = plan_cost(problem, option, flow, unmet_shares(problem, flow))
    return Standing(option, flow, cost) if cost < standing.cost else standing


def loads(problem: EstateProblem, flow: FloatArray) -> FloatArray:
    """(S, F) pupils at each facility."""
    pupils = problem.demand[:, problem.arc_node] * flow
    return np.array([np.bincount(problem.arc_facility, row, minlength=problem.n_facilities) for row in pupils])


def tidy(problem: EstateProblem, standing: Standing) -> Standing:
    """The plan clean of tolerances: nobody where nothing is, nobody over the places, no node more than whole."""
    places = places_at(problem, standing.option)
    flow = np.where(places[:, problem.arc_facility] > 0, np.clip(standing.flow, 0.0, 1.0), 0.0)
    load = loads(problem, flow)
    if not problem.single_site:  # whole nodes fit to the last digit or they do not
        scale = np.where(load > places, places / np.maximum(load, 1e-12), 1.0)
        flow = flow * scale[:, problem.arc_facility]
    total = np.array([np.bincount(problem.arc_node, row, minlength=problem.n_nodes) for row in flow])
    flow = flow / np.maximum(total, 1.0)[:, problem.arc_node]
    return Standing(standing.option, flow, plan_cost(problem, standing.option, flow, unmet_shares(problem, flow)))


def _paying(problem: EstateProblem, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(F,) the digits that stand in a policy row with an option of the free facilities."""
    paying = np.zeros(problem.n_facilities, dtype=bool)
    if problem.pot is not None:
        rows = np.unique(problem.row_matrix[:, np.flatnonzero(free[problem.option_facility])].tocoo().row)
        paying[problem.option_facility[np.unique(problem.row_matrix[rows].indices)]] = True
        paying[: problem.n_schools] = False
    return paying


def _flows(
    problem: EstateProblem,
    pupil_price: FloatArray,
    standing: Standing,
    free: NDArray[np.bool_],
    shut: NDArray[np.bool_],
    held: NDArray[np.bool_],
    margin: float,
    rings: int,
) -> tuple[IntArray, IntArray]:
    """(slices, arcs) over which the nodes near the free facilities may be placed."""
    slices, arcs = [], []
    for s in range(problem.n_slices):
        cost = problem.journey_costs(s)
        price = pupil_price[s, problem.arc_node]
        used = standing.flow[s] > 0
        near = np.zeros(problem.n_nodes, dtype=bool)
        near[problem.arc_node[free[problem.arc_facility] & ((cost < price) | used)]] = True
        useful = (cost <= price + margin * np.maximum(np.abs(price), 1.0)) & (
            cost <= problem.unmet_cost[s, problem.arc_node]
        )
        for _ in range(rings):
            reached = np.zeros(problem.n_facilities, dtype=bool)
            reached[problem.arc_facility[near[problem.arc_node] & ((cost < price) | used)]] = True
            near[problem.arc_node[reached[problem.arc_facility] & used]] = True
        near &= (problem.demand[s] > 0) & ~held[s]
        chosen = np.flatnonzero(near[problem.arc_node] & (useful | used) & ~shut[problem.arc_facility])
        slices.append(np.full(len(chosen), s))
        arcs.append(chosen)
    return np.concatenate(slices), np.concatenate(arcs)


def _held(problem: EstateProblem, standing: Standing, shut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S, D) nodes with pupils at a facility that is shut."""
    held = np.zeros(problem.demand.shape, dtype=bool)
    there = np.flatnonzero(shut[problem.arc_facility])
    s, arc = np.nonzero(standing.flow[:, there] > 0)
    held[s, problem.arc_node[there[arc]]] = True
    return held


def _taking(problem: EstateProblem, standing: Standing, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(F,) facilities at which a held node has pupils."""
    taking = np.zeros(problem.n_facilities, dtype=bool)
    arc = np.nonzero((standing.flow > 0) & held[:, problem.arc_node])[1]
    taking[problem.arc_facility[arc]] = True
    return taking


def _follows(problem: EstateProblem, option: IntArray) -> FloatArray:
    """(K, O) 1 where an option is followed."""
    followed = np.zeros((len(option), problem.n_options))
    followed[np.arange(len(option))[:, None], option] = 1.0
    return followed


def _sums(problem: EstateProblem, flow_slice: IntArray, flow_arc: IntArray, flow: FloatArray) -> FloatArray:
    """(S, D) sums of flows at the nodes."""
    key = flow_slice * problem.n_nodes + problem.arc_node[flow_arc]
    return np.asarray(
        np.bincount(key, flow, minlength=problem.demand.size).reshape(problem.demand.shape), dtype=np.float64
    )
