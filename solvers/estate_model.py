"""The estate programme in Pyomo, one function per constraint family; symbols as in `models.estate`.

    min  Σ_o cost[o]·z[o] + Σ_s,a demand[s,d(a)]·arc_cost[s,a]·x[s,a]
                          + Σ_s,d demand[s,d]·unmet_cost[s,d]·u[s,d]                       total_cost

    s.t. Σ_{o of f} z[o] = 1                                                               one_option
         Σ_{a of d} x[s,a] + u[s,d] = 1                                                    placed
         Σ_{a into f} demand[s,d(a)]·x[s,a] ≤ Σ_{o of f} places[o,s]·z[o]                  places
         x[s,a] ≤ Σ_{o of f(a), places[o,s] > 0} z[o]                                      strong_linking
         lower[r] ≤ Σ_o row[r,o]·z[o] ≤ upper[r]                                           policy_rows

Only slices in which a node has pupils have variables: elsewhere u = 1 at no cost. Strong linking follows from
``places`` once z is whole, so any part of it leaves the programme the same; it is what makes its linear
relaxation tight.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.core.expr import LinearExpression

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.pots import in_shares
from solvers.transport import eased_rows, unmet_shares


@dataclass(frozen=True, eq=False)
class EstateModel:
    """A Pyomo model and the arrays that say which column is which: z (O), then x (K), then u (U)."""

    model: Any
    columns: NDArray[np.object_]  # (O + K + U,) Pyomo variables
    flow_slice: IntArray  # (K,) slices and arcs with pupils
    flow_arc: IntArray  # (K,)
    unmet_slice: IntArray  # (U,) slices and nodes with pupils
    unmet_node: IntArray  # (U,)

    def column_values(self, problem: EstateProblem, option: IntArray, flow: FloatArray) -> FloatArray:
        """(O + K + U,) the plan of these options (F,) and flows (S, A) as the model's variables."""
        follows = np.zeros(problem.n_options)
        follows[option] = 1.0
        travelling = flow[self.flow_slice, self.flow_arc]
        unmet = unmet_shares(problem, flow)[self.unmet_slice, self.unmet_node]
        return np.concatenate([follows, travelling, unmet])

    def split(self, problem: EstateProblem, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(z (O,), flow (S, A)) of the variables' values."""
        flow = np.zeros((problem.n_slices, problem.n_arcs))
        n_options = problem.n_options
        flow[self.flow_slice, self.flow_arc] = values[n_options : n_options + len(self.flow_arc)]
        return values[:n_options], flow


def build_model(problem: EstateProblem) -> EstateModel:
    """The programme without strong linking, which `strong_linking` adds where it is wanted."""
    model = pyo.ConcreteModel("estate")
    flow_slice, flow_arc = np.nonzero(problem.demand[:, problem.arc_node] > 0)
    unmet_slice, unmet_node = np.nonzero(problem.demand > 0)
    shares = pyo.Binary if problem.single_site else pyo.UnitInterval
    of_digits = in_shares(problem, np.arange(problem.n_options))
    model.z = pyo.Var(range(problem.n_options), domain=lambda _, o: pyo.UnitInterval if of_digits[o] else pyo.Binary)
    model.x = pyo.Var(_pairs(flow_slice, flow_arc), domain=shares)
    model.u = pyo.Var(_pairs(unmet_slice, unmet_node), domain=shares)
    columns = np.array([*model.z.values(), *model.x.values(), *model.u.values()], dtype=object)
    estate = EstateModel(model, columns, flow_slice, flow_arc, unmet_slice, unmet_node)
    total_cost(estate, problem)
    one_option(model, problem)
    placed(estate, problem)
    places(estate, problem)
    policy_rows(model, problem)
    return estate


def total_cost(estate: EstateModel, problem: EstateProblem) -> None:
    """Options, journeys and pupils without a place, in GBP."""
    s, arc = estate.flow_slice, estate.flow_arc
    journey = problem.demand[s, problem.arc_node[arc]] * problem.journey_costs(s, arc)
    without = (problem.demand * problem.unmet_cost)[estate.unmet_slice, estate.unmet_node]
    costs = np.concatenate([problem.option_cost, journey, without])
    estate.model.total_cost = pyo.Objective(expr=_sum(costs, estate.columns))


def one_option(model: Any, problem: EstateProblem) -> None:
    """Every facility follows exactly one of its options."""
    options = _grouped(problem.option_facility)

    def rule(model: Any, f: int) -> Any:
        return _sum(np.ones(len(options[f])), [model.z[o] for o in options[f].tolist()]) == 1

    model.one_option = pyo.Constraint(range(problem.n_facilities), rule=rule)


def placed(estate: EstateModel, problem: EstateProblem) -> None:
    """A node's pupils all travel somewhere or have no place, in every slice in which it has any."""
    model, x = estate.model, estate.columns[problem.n_options :]
    leaving = _grouped(estate.flow_slice * problem.n_nodes + problem.arc_node[estate.flow_arc])

    def rule(model: Any, s: int, d: int) -> Any:
        arcs = leaving.get(s * problem.n_nodes + d, _NOBODY)
        return _sum(np.ones(len(arcs) + 1), [*x[arcs], model.u[s, d]]) == 1

    model.placed = pyo.Constraint(_pairs(estate.unmet_slice, estate.unmet_node), rule=rule)


def places(estate: EstateModel, problem: EstateProblem) -> None:
    """No facility takes more pupils in a slice than its option has places."""
    model, x = estate.model, estate.columns[problem.n_options :]
    demand = problem.demand[estate.flow_slice, problem.arc_node[estate.flow_arc]]
    arriving = _grouped(estate.flow_slice * problem.n_facilities + problem.arc_facility[estate.flow_arc])
    options = _grouped(problem.option_facility)

    def rule(model: Any, s: int, f: int) -> Any:
        arcs = arriving.get(s * problem.n_facilities + f, _NOBODY)
        if not len(arcs):
            return pyo.Constraint.Skip
        coefficients = np.concatenate([demand[arcs], -problem.option_capacity[options[f], s]])
        return _sum(coefficients, [*x[arcs], *(model.z[o] for o in options[f].tolist())]) <= 0

    model.places = pyo.Constraint(range(problem.n_slices), range(problem.n_facilities), rule=rule)


def strong_linking(estate: EstateModel, problem: EstateProblem, wanted: IntArray) -> Any:
    """A block of the linking rows of the flows `wanted` (positions among the K): nobody goes where nothing is."""
    x, options = estate.columns[problem.n_options :], _grouped(problem.option_facility)
    block = pyo.Block(concrete=True)

    def rule(block: Any, k: int) -> Any:
        s, arc = estate.flow_slice[k], estate.flow_arc[k]
        of_facility = options[int(problem.arc_facility[arc])]
        usable = of_facility[problem.option_capacity[of_facility, s] > 0]
        coefficients = np.concatenate([[1.0], -np.ones(len(usable))])
        return _sum(coefficients, [x[k], *(estate.model.z[o] for o in usable.tolist())]) <= 0

    block.strong_linking = pyo.Constraint(wanted.tolist(), rule=rule)
    return block


def policy_rows(model: Any, problem: EstateProblem) -> None:
    """Every policy row over the options; a row without options binds nothing here and `clash` judges it."""
    matrix = problem.row_matrix
    lower, upper = eased_rows(problem)

    def rule(model: Any, r: int) -> Any:
        entries = slice(matrix.indptr[r], matrix.indptr[r + 1])
        options = matrix.indices[entries].tolist()
        if not options or not np.isfinite([lower[r], upper[r]]).any():
            return pyo.Constraint.Skip
        level = _sum(matrix.data[entries], [model.z[o] for o in options])
        return pyo.inequality(_bound(lower[r]), level, _bound(upper[r]))

    model.policy_rows = pyo.Constraint(range(problem.n_rows), rule=rule)


def write_lp(problem: EstateProblem, path: str | Path) -> None:
    """Write the whole programme, strong linking included, as an LP file that any solver reads."""
    estate = build_model(problem)
    estate.model.linking = strong_linking(estate, problem, np.arange(len(estate.flow_arc)))
    estate.model.write(str(path), format="lp", io_options={"symbolic_solver_labels": True})


_NOBODY = np.empty(0, dtype=np.int64)


def _sum(coefficients: FloatArray, variables: Any) -> Any:
    return LinearExpression(linear_coefs=coefficients.tolist(), linear_vars=list(variables))


def _pairs(first: IntArray, second: IntArray) -> list[tuple[int, int]]:
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _bound(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _grouped(key: IntArray) -> dict[int, IntArray]:
    """The positions of every key."""
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    return dict(zip(keys.tolist(), np.split(order, first[1:]), strict=True)) if len(key) else {}
