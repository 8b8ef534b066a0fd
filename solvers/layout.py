"""An estate problem laid out facility by facility, as the decomposed route reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.transport import eased_rows


@dataclass(frozen=True, eq=False)
class Layout:
    """Flows and options in the order of their facilities. K scenarios: 1 unless options may differ by scenario."""

    problem: EstateProblem
    option_order: IntArray  # (O,) the problem's options by facility and first-stage class
    flow_start: IntArray  # (F · S + 1,) first flow of every facility and slice; an arc is one in slices with pupils
    flow_node: NDArray[np.int32]  # (J,)
    flow_cost: FloatArray  # (J,) GBP per pupil; always below what having no place costs
    places: FloatArray  # (O, S)
    cost: FloatArray  # (K, O) GBP, weighted by scenario
    group_start: IntArray  # (G + 1,) first option of every class; a single class a facility where K is 1
    facility_group: IntArray  # (F + 1,) first class of every facility
    scenario: IntArray  # (S,) the scenario of a slice
    rows: csr_matrix  # (R, O) the policy rows over the options in this order

    @property
    def n_scenarios(self) -> int:
        """K."""
        return len(self.cost)


def lay_out(problem: EstateProblem) -> Layout:
    """The layout of a problem."""
    weight = problem.stage_weight
    group = problem.option_facility
    if problem.option_first is not None and len(weight) > 1:
        group = np.unique(np.column_stack([group, problem.option_first]), axis=0, return_inverse=True)[1].ravel()
    options = np.argsort(group, kind="stable")
    flow_start, flow_node, flow_cost = _flows(problem)
    group_start = np.searchsorted(group[options], np.arange(group.max() + 2))
    facility_of_group = problem.option_facility[options[group_start[:-1]]]
    facilities = np.arange(problem.n_facilities + 1)
    return Layout(
        problem,
        options,
        flow_start,
        flow_node,
        flow_cost,
        np.ascontiguousarray(problem.option_capacity[options]),
        weight[:, None] * problem.option_cost[options],
        group_start,
        np.searchsorted(facility_of_group, facilities),
        problem.stage_scenario,
        csr_matrix(problem.row_matrix[:, options]),
    )


def _flows(problem: EstateProblem) -> tuple[IntArray, NDArray[np.int32], FloatArray]:
    """Starts, nodes and costs of the flows that could ever be worth their journey, by facility and slice."""
    arcs = np.argsort(problem.arc_facility, kind="stable")
    node, facility = problem.arc_node[arcs], problem.arc_facility[arcs]
    keys, nodes, costs = [], [], []
    for s in range(problem.n_slices):
        cost = problem.journey_costs(s)[arcs]
        useful = np.flatnonzero((problem.demand[s, node] > 0) & (cost < problem.unmet_cost[s, node]))
        keys.append(facility[useful] * problem.n_slices + s)
        nodes.append(node[useful].astype(np.int32))
        costs.append(cost[useful])
    key = np.concatenate(keys)
    order = np.argsort(key, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=problem.n_facilities * problem.n_slices))])
    return start.astype(np.int64), np.concatenate(nodes)[order], np.concatenate(costs)[order]


def paid(problem: EstateProblem, row_price: FloatArray) -> FloatArray:
    """(K, R) GBP that row prices pay for the bound that they push towards: lower above 0, upper below."""
    lower, upper = eased_rows(problem)
    bound = np.where(row_price > 0, lower, np.where(row_price < 0, upper, 0.0))
    return np.asarray(row_price * bound)


def best_values(layout: Layout, value: FloatArray) -> FloatArray:
    """(F,) what every facility does best at, of options worth `value` (K, O): one class, the best in each scenario."""
    classes = np.array([np.minimum.reduceat(row, layout.group_start[:-1]) for row in value]).sum(axis=0)
    return np.asarray(np.minimum.reduceat(classes, layout.facility_group[:-1]))
