"""A bound from tiles: every tile solved exactly, with prices only where tiles meet.

The Lagrangian bound of `solvers.prices` prices every pupil and every row. Here a node whose useful arcs all lie in
one tile is placed there, at its true cost, and a policy row over one tile alone is kept as it is; only nodes and rows
that several tiles share are priced. Each tile is then a mixed-integer programme of its own (`solvers.part`), and

    bound = Σ_tiles (proven bound of the tile) + Σ_shared nodes price·demand + Σ_shared rows price·(lower or upper)

is proven for the whole, because a shared node or row may break its rule at its price. It is at least as good as the
Lagrangian bound, and the better the more lies within the tiles. An arc dearer than its node's price is of no use to
a shared node. At home, arcs much dearer than the price are replaced by one outlet at the price of the cheapest of
them, with room for everybody: that can only lower the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.layout import paid
from solvers.part import Part
from solvers.transport import eased_rows

MARGIN = 0.25  # the default of Mosaic.margin


@dataclass(frozen=True, eq=False)
class Mosaic:
    """One cut into tiles with the prices at its seams."""

    problem: EstateProblem
    tile: IntArray  # (F,)
    pupil_price: FloatArray  # (S, D)
    row_price: FloatArray  # (K, R)
    home: IntArray  # (S, D) the tile in which a node is placed; -1 where tiles share it
    row_home: IntArray  # (R,) the same of a policy row
    margin: float  # of a node's price: arcs so much dearer than it are left to the outlet
    seams: float  # GBP: what shared nodes and rows are worth at their prices

    def part(self, number: int) -> Part:
        """The programme of one tile."""
        problem = self.problem
        in_tile = self.tile == number
        options = np.flatnonzero(in_tile[problem.option_facility])
        rows = np.flatnonzero(self.row_home == number)
        row_price = self.row_price.copy()
        row_price[:, rows] = 0.0
        cost = problem.stage_weight[:, None] * problem.option_cost[options]
        if problem.n_rows:
            cost = cost - row_price @ problem.row_matrix[:, options]
        arcs = np.flatnonzero(in_tile[problem.arc_facility])
        at_home = self.home == number
        s, k = np.nonzero(self._useful(arcs, at_home[:, problem.arc_node[arcs]]))
        arc = arcs[k]
        node = problem.arc_node[arc]
        journey = problem.journey_costs(s, arc)
        journey = np.where(at_home[s, node], journey, journey - self.pupil_price[s, node])
        outlet_slice, outlet_node = np.nonzero(at_home & (problem.demand > 0))
        outlet = self._outlets(s, arc)[outlet_slice, outlet_node]
        bounds, (lower, upper) = np.ones((len(cost), 1)), eased_rows(problem)
        return Part(
            options, cost,
            s, arc, journey * problem.demand[s, node],
            outlet_slice, outlet_node, outlet * problem.demand[outlet_slice, outlet_node],
            np.zeros((problem.n_slices, problem.n_facilities)),
            problem.row_matrix[rows][:, options], bounds * lower[rows], bounds * upper[rows],
        )  # fmt: skip

    def start(self, part: Part, option: IntArray, flow: FloatArray) -> FloatArray:
        """Values of the part's columns of a plan's options (K, F) and flows (S, A)."""
        problem = self.problem
        follows = (option[:, problem.option_facility[part.options]] == part.options).astype(np.float64)
        x = flow[part.flow_slice, part.flow_arc]
        placed = np.zeros(problem.demand.shape)
        np.add.at(placed, (part.flow_slice, problem.arc_node[part.flow_arc]), x)
        y = np.clip(1.0 - placed[part.outlet_slice, part.outlet_node], 0.0, 1.0)
        return np.concatenate([follows.ravel(), x, y])

    def _useful(self, arcs: IntArray, at_home: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(S, len(arcs)) arcs that a tile cannot do without."""
        problem = self.problem
        node = problem.arc_node[arcs]
        price = self.pupil_price[:, node]
        cost = problem.arc_cost[:, arcs]
        useful = np.where(at_home, cost <= price + self.margin * np.abs(price), cost < price)
        return useful & (problem.demand[:, node] > 0) & (cost <= problem.unmet_cost[:, node])

    def _outlets(self, flow_slice: IntArray, flow_arc: IntArray) -> FloatArray:
        """(S, D) GBP per pupil of the cheapest way to be placed outside the given flows, as if it had room."""
        problem = self.problem
        outlet = problem.unmet_cost.copy()
        for s in range(problem.n_slices):
            other = np.ones(problem.n_arcs, dtype=bool)
            other[flow_arc[flow_slice == s]] = False
            cost = problem.journey_costs(s)
            np.minimum.at(outlet[s], problem.arc_node[other], cost[other])
        return outlet


def lay_mosaic(
    problem: EstateProblem,
    tiles: list[IntArray],
    pupil_price: FloatArray,
    row_price: FloatArray,
    margin: float = MARGIN,
) -> Mosaic:
    """The tiles with every node and row that lies within one of them at home there."""
    tile = np.empty(problem.n_facilities, dtype=np.int64)
    for number, facilities in enumerate(tiles):
        tile[facilities] = number
    arc_tile = tile[problem.arc_facility]
    home = np.empty(problem.demand.shape, dtype=np.int64)
    for s in range(problem.n_slices):
        cost = problem.journey_costs(s)
        useful = np.flatnonzero(cost < pupil_price[s, problem.arc_node])
        home[s] = _only(problem.arc_node[useful], arc_tile[useful], problem.n_nodes)
    entries = problem.row_matrix.tocoo()
    row_home = _only(entries.row, tile[problem.option_facility[entries.col]], problem.n_rows)
    seams = (problem.demand * pupil_price)[home < 0].sum() + paid(problem, row_price)[:, row_home < 0].sum()
    return Mosaic(problem, tile, pupil_price, row_price, home, row_home, margin, float(seams))


def _only(key: IntArray, tile: IntArray, n_keys: int) -> IntArray:
    """(n_keys,) the one tile of a key; -1 where it has several; 0 where it has none."""
    least, greatest = np.full(n_keys, np.iinfo(np.int64).max), np.full(n_keys, -1)
    np.minimum.at(least, key, tile)
    np.maximum.at(greatest, key, tile)
    return np.where(greatest < 0, 0, np.where(least == greatest, greatest, -1))
