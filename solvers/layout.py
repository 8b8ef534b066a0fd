"""An estate problem laid out facility by facility, as the decomposed route reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.transport import eased_rows


@dataclass(frozen=True, eq=False)
class Layout:
    """Arcs and options in the order of their facilities. K scenarios: 1 unless options may differ by scenario."""

    problem: EstateProblem
    option_order: IntArray  # (O,) the problem's options by facility and first-stage class
    arc_start: IntArray  # (F + 1,) first arc of every facility
    arc_node: IntArray  # (A,)
    arc_cost: FloatArray  # (S or 1, A)
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
    arcs = np.argsort(problem.arc_facility, kind="stable")
    group_start = np.searchsorted(group[options], np.arange(group.max() + 2))
    facility_of_group = problem.option_facility[options[group_start[:-1]]]
    facilities = np.arange(problem.n_facilities + 1)
    return Layout(
        problem,
        options,
        np.searchsorted(problem.arc_facility[arcs], facilities),
        problem.arc_node[arcs],
        np.ascontiguousarray(problem.arc_cost[:, arcs]),
        np.ascontiguousarray(problem.option_capacity[options]),
        weight[:, None] * problem.option_cost[options],
        group_start,
        np.searchsorted(facility_of_group, facilities),
        problem.stage_scenario,
        csr_matrix(problem.row_matrix[:, options]),
    )


def paid(problem: EstateProblem, row_price: FloatArray) -> FloatArray:
    """(K, R) GBP that row prices pay for the bound that they push towards: lower above 0, upper below."""
    lower, upper = eased_rows(problem)
    bound = np.where(row_price > 0, lower, np.where(row_price < 0, upper, 0.0))
    return np.asarray(row_price * bound)


def best_values(layout: Layout, value: FloatArray) -> FloatArray:
    """(F,) what every facility does best at, of options worth `value` (K, O): one class, the best in each scenario."""
    classes = np.array([np.minimum.reduceat(row, layout.group_start[:-1]) for row in value]).sum(axis=0)
    return np.asarray(np.minimum.reduceat(classes, layout.facility_group[:-1]))
