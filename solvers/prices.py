"""Prices at which every facility may decide for itself, and the proven bound that they give.

Every pupil is worth a price to the facility that takes him or her, every policy row has a price a unit. Whatever the
prices, the best that all facilities together could do at them (`solvers.knapsacks`), with the pupils' prices added
back, costs no more than any plan: the Lagrangian bound of

    placed            Σ_a x[s,a] + u[s,d] = 1                  price[s,d] ≤ unmet_cost[s,d]
    policy_rows       lower[r] ≤ Σ_o row[r,o]·z[o] ≤ upper[r]   row_price[k,r], > 0 pays towards lower, < 0 upper

Good prices are sought by the volume algorithm (F. Barahona and R. Anbil, "The volume algorithm: producing primal
solutions with a subgradient method", Mathematical Programming 87, 2000): steps along an average of what the
facilities did, from the best prices so far. Steps are measured in pupils, so that they do not depend on the
size of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.knapsacks import best_options
from solvers.layout import Layout, paid

FIRST_STEP = 0.1  # share of STEP_SCALE
STEP_SCALE = 0.02  # of the bound: the first guess of what is still to be gained
GREEN, RED, PATIENCE = 1.1, 0.75, 15  # the step grows with a better bound, shrinks after so many worse ones
LEAST_STEP = 1e-8
WEIGHT, LEAST_WEIGHT, WEIGHT_FADE = 0.1, 1e-3, 0.7  # of the latest pass in the average
ROUND = 100  # passes between two looks at what has been gained
ROW_UNIT = 0.15  # of what a row can move by; between 0.1 and 0.3 is best on the benchmark problems
LEAST_SCALE = 1e-4  # of the mean slice's, so that no price stands still
SHARED_FLOWS = 50_000  # from which a pass is worth sharing among cores
STALLED = 1e-5  # share of the bound that a round has to gain for the average to stay as quick as it is


@dataclass(frozen=True, eq=False)
class Pass:
    """What the facilities do at some prices."""

    bound: float  # GBP
    placed: FloatArray  # (S, D) shares of the nodes that they take
    level: FloatArray  # (K, R) of the policy rows
    followed: IntArray  # (K, F) the option of every facility, in the layout's order
    value: FloatArray  # (K, O) GBP; an option's cost less what its pupils are worth


class Prices:
    """The best prices found so far; `ascend` improves them."""

    def __init__(
        self,
        layout: Layout,
        pupil: FloatArray | None = None,
        row: FloatArray | None = None,
        step: float = FIRST_STEP,
        cores: int = 1,
    ) -> None:
        """Begin from the prices `pupil` (S, D) and `row` (K, R), if there are any, with steps of `step`."""
        problem = layout.problem
        self._parts = _parts(layout, cores if len(layout.flow_node) >= SHARED_FLOWS else 1)
        self._layout = layout
        self.pupil = _first_prices(layout) if pupil is None else np.minimum(pupil, problem.unmet_cost)
        self.row = self._allowed(np.zeros((layout.n_scenarios, problem.n_rows)) if row is None else row)
        self._row_size = _row_sizes(problem)
        self._scale = _scales(layout)
        self._row_scale = _row_scales(problem)
        latest = self.evaluate(self.pupil, self.row)
        self.bound, self.value = latest.bound, latest.value
        self._placed, self._level = latest.placed, latest.level
        self.share = np.zeros(layout.cost.shape)  # (K, O) of the facilities' choice on average, in the layout's order
        np.put_along_axis(self.share, latest.followed, 1.0, axis=1)
        self._step, self._weight, self._size = step, WEIGHT, 1e-9
        self.passes = 1

    def evaluate(self, pupil: FloatArray, row: FloatArray, pool: ThreadPoolExecutor | None = None) -> Pass:
        """The pass at the prices pupil (S, D) and row (K, R), its parts on the pool's cores; its bound is proven."""
        layout, problem = self._layout, self._layout.problem
        cost = np.ascontiguousarray(layout.cost - row @ layout.rows if problem.n_rows else layout.cost)
        followed = np.zeros((layout.n_scenarios, problem.n_facilities), dtype=np.int64)
        value = np.empty(layout.cost.shape)

        def part(first: int, last: int) -> tuple[float, FloatArray]:
            placed = np.zeros(problem.demand.shape)
            cost_of_part = best_options(
                pupil, cost, problem.demand, layout.flow_node, layout.flow_cost, layout.flow_start, layout.places,
                layout.group_start, layout.facility_group, layout.scenario, placed, followed, value, first, last,
            )  # fmt: skip
            return cost_of_part, placed

        costs, shares = zip(*(map if pool is None else pool.map)(part, self._parts[:-1], self._parts[1:]), strict=True)
        placed = shares[0] if len(shares) == 1 else np.sum(shares, axis=0)
        level = np.array([layout.rows[:, options].sum(axis=1).A1 for options in followed])
        bound = float(sum(costs)) + float((pupil * problem.demand).sum() + paid(problem, row).sum())
        return Pass(bound, placed, level.reshape(row.shape), followed, value)

    def ascend(self, passes: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Improve the prices by at most so many passes; whether more passes promise more.

        `stop` is asked after each pass.
        """
        if len(self._parts) == 2:
            return self._ascend(passes, stop, None)
        with ThreadPoolExecutor(len(self._parts) - 1) as pool:
            return self._ascend(passes, stop, pool)

    def _ascend(self, passes: int, stop: Callable[[], bool], pool: ThreadPoolExecutor | None) -> bool:
        problem = self._layout.problem
        room, weight = self._row_size, self._scale[:, None] * problem.demand
        moves = self._row_scale
        failed, began = 0, self.bound
        for count in range(1, passes + 1):
            missing = self._missing()
            broken = self._broken() / room
            norm = float((weight * missing**2).sum() + (moves * room * broken**2).sum())
            if norm <= 1e-12:
                return False
            self._size = max(self._size, abs(self.bound))  # bounds that begin below 0 pass it on their way
            step = self._step * STEP_SCALE * self._size / norm
            pupil = np.minimum(self.pupil + step * self._scale[:, None] * missing, problem.unmet_cost)
            row = self._allowed(self.row + step * moves * broken)
            latest = self.evaluate(pupil, row, pool)
            self.passes += 1
            self._average(latest, room, weight)
            if latest.bound > self.bound:
                onwards = (weight * (1.0 - latest.placed) * missing).sum()
                onwards += (moves * self._distance(latest.level, row) * broken).sum()
                self.bound, self.pupil, self.row, self.value = latest.bound, pupil, row, latest.value
                failed = 0
                if onwards >= 0:
                    self._step = min(self._step * GREEN, 2.0)
            else:
                failed += 1
                if failed >= PATIENCE:
                    self._step, failed = self._step * RED, 0
                    if self._step < LEAST_STEP:
                        return False
            if count % ROUND == 0:
                if self.bound - began < STALLED * abs(self.bound):
                    if self._weight <= LEAST_WEIGHT:
                        return False
                    self._weight = max(self._weight * WEIGHT_FADE, LEAST_WEIGHT)
                began = self.bound
            if stop():
                return True
        return True

    def _average(self, latest: Pass, room: FloatArray, weight: FloatArray) -> None:
        """Take the latest pass into the average, by the share that leaves least missing."""
        change = self._placed - latest.placed
        row_change = (self._level - latest.level) / room
        length = float((weight * change**2).sum() + (self._row_scale * room * row_change**2).sum())
        against = float((weight * (1.0 - self._placed) * change).sum())
        against += float((self._row_scale * self._broken() * row_change).sum())
        best = -against / length if length > 0 else 0.0
        share = min(max(best, self._weight / 10), self._weight)
        self._placed -= share * change
        self.share *= 1.0 - share
        np.put_along_axis(
            self.share, latest.followed, np.take_along_axis(self.share, latest.followed, axis=1) + share, axis=1
        )
        self._level -= share * (self._level - latest.level)

    def _missing(self) -> FloatArray:
        """(S, D) shares not yet placed, on average; none where the price is at its ceiling already."""
        missing = 1.0 - self._placed
        return np.asarray(np.where((self.pupil >= self._layout.problem.unmet_cost) & (missing > 0), 0.0, missing))

    def _broken(self) -> FloatArray:
        """(K, R) by how much the rows are missed on average: above 0 below the lower bound."""
        return self._distance(self._level, self.row)

    def _distance(self, level: FloatArray, row: FloatArray) -> FloatArray:
        """(K, R) from the level to the bound that the price pays towards; at a price of 0 to the bound it breaks."""
        problem = self._layout.problem
        short, over = problem.row_lower - level, problem.row_upper - level
        either = np.where(short > 0, short, np.where(over < 0, over, 0.0))
        distance = np.where(row > 0, short, np.where(row < 0, over, either))
        return np.where(np.isfinite(distance), distance, 0.0)

    def _allowed(self, row: FloatArray) -> FloatArray:
        """Row prices, 0 where they would pay towards a bound that is not there."""
        problem = self._layout.problem
        row = np.where(np.isfinite(problem.row_lower), row, np.minimum(row, 0.0))
        return np.where(np.isfinite(problem.row_upper), row, np.maximum(row, 0.0))


def _first_prices(layout: Layout) -> FloatArray:
    """(S, D) the cheapest journey and what a place costs where a pupil needs one, to begin with."""
    problem = layout.problem
    cheapest = problem.unmet_cost.copy()
    for s in range(problem.n_slices):
        np.minimum.at(cheapest[s], problem.arc_node, problem.journey_costs(s))
    places = problem.option_capacity.sum(axis=1)
    dearest = np.zeros(problem.n_facilities)
    np.maximum.at(dearest, problem.option_facility, problem.option_cost)
    a_place = dearest.sum() / max(places.sum(), 1.0)
    return np.asarray(np.minimum(cheapest + a_place, problem.unmet_cost))


def _parts(layout: Layout, cores: int) -> list[int]:
    """The facilities at which the parts of a pass begin, of about as many flows each, and their end."""
    n_facilities, flows = layout.problem.n_facilities, len(layout.flow_node)
    starts = layout.flow_start[:: layout.problem.n_slices]  # (F + 1,)
    inner = np.searchsorted(starts, flows * np.arange(1, cores) / cores)
    return [int(f) for f in np.unique(np.concatenate([[0], inner, [n_facilities]]))]


def _scales(layout: Layout) -> FloatArray:
    """(S,) how far prices move in a slice, against the mean pupil: as the cost of a node's third nearest place.

    Entry years with a nominal journey, or a last year that stands for ten, differ by a factor of thousands.
    """
    problem = layout.problem
    slice_of = np.repeat(np.tile(np.arange(problem.n_slices), problem.n_facilities), np.diff(layout.flow_start))
    key = slice_of * problem.n_nodes + layout.flow_node
    order = np.lexsort((layout.flow_cost, key))
    rank = np.arange(len(order)) - np.searchsorted(key[order], key[order])
    third = order[rank == 2]
    pupils = problem.demand[slice_of[third], layout.flow_node[third]]
    cost = np.bincount(slice_of[third], pupils * layout.flow_cost[third], minlength=problem.n_slices)
    counted = np.bincount(slice_of[third], pupils, minlength=problem.n_slices)
    scale = cost / np.maximum(counted, 1e-12)
    demand = problem.demand.sum(axis=1)
    mean = float((scale * demand).sum() / max(demand.sum(), 1e-12))
    return np.asarray(
        np.where(counted > 0, np.maximum(scale / mean, LEAST_SCALE), 1.0) if mean > 0 else np.ones(len(scale))
    )


def _row_moves(problem: EstateProblem) -> tuple[IntArray, IntArray, FloatArray]:
    """(row, facility, by how much the facility's options can move the row) of every pair that a row names."""
    entries = problem.row_matrix.tocoo()
    key, group = np.unique(
        entries.row.astype(np.int64) * problem.n_facilities + problem.option_facility[entries.col], return_inverse=True
    )
    highest, lowest = np.zeros(len(key)), np.zeros(len(key))  # an option that a row does not name counts 0
    np.maximum.at(highest, group, entries.data)
    np.minimum.at(lowest, group, entries.data)
    return key // problem.n_facilities, key % problem.n_facilities, highest - lowest


def _row_sizes(problem: EstateProblem) -> FloatArray:
    """(R,) a share of how far all facilities together can move a row: the unit in which rows are stepped along."""
    row, _, moved = _row_moves(problem)
    reach = np.bincount(row, moved, minlength=problem.n_rows)
    return np.asarray(np.where(reach > 0, ROW_UNIT * reach, 1.0))


def _row_scales(problem: EstateProblem) -> FloatArray:
    """(R,) how far prices of rows move, against those of pupils: by what a unit of the row costs, at most as far.

    A row in pounds has prices of a pound or so, where those of pupils are thousands.
    """
    row, facility, moved = _row_moves(problem)
    cost = _between(problem.option_cost, problem)
    a_place = cost.sum() / max(_between(problem.option_capacity.sum(axis=1), problem).sum(), 1.0)
    moved_gbp = np.bincount(row, np.where(moved > 0, cost[facility], 0.0), minlength=problem.n_rows)
    reach = np.bincount(row, moved, minlength=problem.n_rows)
    known = (moved_gbp > 0) & (reach > 0) & (a_place > 0)
    return np.asarray(np.where(known, np.minimum(1.0, moved_gbp / np.where(known, reach * a_place, 1.0)), 1.0))


def _between(values: FloatArray, problem: EstateProblem) -> FloatArray:
    """(F,) the difference between the highest and the lowest of a facility's options."""
    highest, lowest = np.full(problem.n_facilities, -np.inf), np.full(problem.n_facilities, np.inf)
    np.maximum.at(highest, problem.option_facility, values)
    np.minimum.at(lowest, problem.option_facility, values)
    return np.asarray(highest - lowest)
