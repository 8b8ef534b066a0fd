"""Prices of belonging to a cluster, the bound they prove, and the arcs that no better plan can use.

Every node pays a price for standing in a cluster, so that clusters no longer compete for members: each lead is then a
knapsack of its own. With a price u[n] for every node, no plan costs less than

    L(u) = Σ_n u[n] + Σ_n min(0, alone_cost[n] − u[n]) + Σ_{l chosen} V_l(u),
    V_l(u) = lead_cost[l] + min Σ_{a of l} (arc_cost[a] − u[n(a)])·x[a]   within max_weight and max_members, l in it,

the leads chosen being those of the least V, n_clusters of them, or all of negative V where the number is free. What
else a cluster must keep to (min_weight, min_members, pairs apart, contiguity) is left out, which only lowers L. The
prices rise by a subgradient. Forcing an arc into the relaxation says how little a plan with it can cost: where that is
more than a plan at hand, the arc is in no better plan.

Weights are rounded down to whole units, RESOLUTION of them in the largest cluster at most, so a knapsack holds no less
than it may.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.clusters import ClusterProblem
from models.estate import FloatArray, IntArray

RESOLUTION = 1000  # units of weight in the largest cluster
CELLS = 40_000_000  # of a table of knapsacks at once, a byte each
STEP, LEAST_STEP = 1.0, 0.002  # of the distance to the target, at first and at last
PATIENCE = 15  # passes without a better bound, after which the step is halved
ABOVE = 1.02  # of the best bound: the target where no plan is at hand


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Prices (N,) and what they prove: `bound`, and `least` (A,) that a plan costs with each of the arcs given.

    `opened` are the leads that it chooses; with their members they are no plan.
    """

    price: FloatArray
    bound: float
    least: FloatArray
    opened: IntArray


class Knapsacks:
    """The leads' knapsacks over the arcs given, padded to the most arcs of a lead: (L, M)."""

    def __init__(self, problem: ClusterProblem, arc: IntArray) -> None:
        self.problem, self.arc = problem, arc
        lead, member = problem.arc_lead[arc], problem.arc_member[arc]
        self.leads, self.row = np.unique(lead, return_inverse=True)
        self.own = lead == member
        self.member = member
        self.cost = problem.arc_cost[arc] + np.where(self.own, problem.lead_cost[lead], 0.0)
        self.weighed = math.isfinite(problem.max_weight)
        unit = 1.0
        if self.weighed and (problem.max_weight > RESOLUTION or (problem.weight % 1 > 0).any()):
            unit = max(problem.max_weight / RESOLUTION, 1e-9)
        self.capacity = math.floor(problem.max_weight / unit + 1e-9) if self.weighed else 0
        self.weight = np.floor(problem.weight[member] / unit + 1e-9).astype(np.int64)
        self.most = problem.n_nodes if problem.max_members is None else problem.max_members
        self.room = np.full(len(self.leads), self.capacity)
        np.subtract.at(self.room, self.row[self.own], self.weight[self.own])

    def values(self, price: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """V (L,) at these prices, and (K,) which arcs are taken."""
        reduced = self.cost - price[self.member]
        base: FloatArray = np.bincount(self.row[self.own], reduced[self.own], minlength=len(self.leads)).astype(float)
        useful = np.flatnonzero(~self.own & (reduced < 0))
        taken = self.own.copy()
        best = np.zeros(len(self.leads))
        if not len(useful):
            return base, taken
        table = self._padded(useful, reduced[useful])
        gain = np.where(table >= 0, -reduced[useful[table]], 0.0)
        if not self.weighed:
            width = min(self.most - 1, table.shape[1])
            best = -gain[:, :width].sum(axis=1)
            chosen = table[:, :width][gain[:, :width] > 0]
            taken[useful[chosen]] = True
            return base + best, taken
        weight = np.where(table >= 0, self.weight[useful[table]], self.capacity + 1)
        chunk = max(1, CELLS // (table.shape[1] * (self.capacity + 1)))
        parts = [
            _knapsack(gain[rows], weight[rows], self.room[rows], self.capacity)
            for rows in np.split(np.arange(len(gain)), range(chunk, len(gain), chunk))
        ]
        picked, best = (np.concatenate(part) for part in zip(*parts, strict=True))
        # Who are too many gain no more than the most of them that may be.
        best = np.minimum(best, gain[:, : max(self.most - 1, 0)].sum(axis=1))
        taken[useful[table[picked]]] = True
        return base - best, taken

    def _padded(self, useful: IntArray, reduced: FloatArray) -> IntArray:
        """(L, M) positions in `useful` of each lead's arcs, those of the most gain first, -1 beyond."""
        order = np.lexsort((reduced, self.row[useful]))
        row = self.row[useful][order]
        count = np.bincount(row, minlength=len(self.leads))
        start = np.concatenate([[0], np.cumsum(count)[:-1]])
        table = np.full((len(self.leads), int(count.max())), -1)
        table[row, np.arange(len(order)) - start[row]] = order
        return table

    def forced(self, price: FloatArray) -> FloatArray:
        """(K,) V of the arc's lead with the arc in it, at these prices."""
        reduced = self.cost - price[self.member]
        base: FloatArray = np.bincount(self.row[self.own], reduced[self.own], minlength=len(self.leads)).astype(float)
        least = np.empty(len(self.arc))
        for number in range(len(self.leads)):
            mine = np.flatnonzero(self.row == number)
            least[mine] = base[number] + self._forced_at(mine, reduced, int(self.room[number]))
        return least

    def _forced_at(self, mine: IntArray, reduced: FloatArray, room: int) -> FloatArray:
        """What the other arcs of one lead come to at least beside each of its arcs, that one's own cost included."""
        own, gains = self.own[mine], np.where(self.own[mine], 0.0, -reduced[mine])
        useful = np.flatnonzero(gains > 0)
        if not self.weighed:
            ranked = np.sort(gains[useful])[::-1]
            whole = ranked[: self.most - 1].sum()
            without_last = ranked[: max(self.most - 2, 0)].sum()
            return np.asarray(np.where(own | (gains > 0), -whole, -without_last - gains))
        weight = self.weight[mine]
        before = np.zeros((len(useful) + 1, max(room, 0) + 1))
        for at, item in enumerate(useful):
            before[at + 1] = _with_item(before[at], gains[item], weight[item])
        after = np.zeros_like(before)
        for at in range(len(useful) - 1, -1, -1):
            after[at] = _with_item(after[at + 1], gains[useful[at]], weight[useful[at]])
        result = np.full(len(mine), np.inf)
        result[own] = -before[-1, room] if room >= 0 else np.inf
        others = np.flatnonzero(~own & (gains <= 0) & (weight <= room))
        result[others] = -gains[others] - before[-1, room - weight[others]]
        for at, item in enumerate(useful):
            left = room - weight[item]
            if left >= 0:
                result[item] = -gains[item] - (before[at, : left + 1] + after[at + 1, left::-1]).max()
        return result


def _with_item(best: FloatArray, gain: float, weight: int) -> FloatArray:
    """The best gain (Q + 1,) by capacity once another item may be taken."""
    if weight == 0:
        return best + max(gain, 0.0)
    after = best.copy()
    if weight < len(best):
        np.maximum(after[weight:], best[:-weight] + gain, out=after[weight:])
    return after


def _knapsack(
    gain: FloatArray, weight: IntArray, room: IntArray, capacity: int
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Items (L, M) of the best knapsacks within room (L,), and what they gain (L,)."""
    n, items = gain.shape
    best = np.zeros((n, capacity + 1))
    took = np.zeros((items, n, capacity + 1), dtype=bool)
    level = np.arange(capacity + 1)
    for at in range(items):
        here = np.flatnonzero(gain[:, at] > 0)
        if not len(here):
            break
        from_level = level[None, :] - weight[here, at][:, None]
        reach = from_level >= 0
        other = np.take_along_axis(best[here], np.maximum(from_level, 0), axis=1) + gain[here, at][:, None]
        better = reach & (other > best[here])
        best[here] = np.where(better, other, best[here])
        took[at, here] = better
    picked = np.zeros((n, items), dtype=bool)
    left = np.maximum(room, 0)
    value = np.where(room >= 0, best[np.arange(n), left], 0.0)
    rows = np.arange(n)
    for at in range(items - 1, -1, -1):
        taken = took[at, rows, left]
        picked[:, at] = taken
        left = left - np.where(taken, weight[:, at], 0)
    return picked, value


def relaxed(
    problem: ClusterProblem, arc: IntArray, upper: float, enough: Callable[[float], bool], passes: int
) -> Relaxed:
    """Prices by a subgradient over the arcs given (K,), begun where every node pays what it is cheapest at.

    `upper` is what a plan at hand costs, inf without one; `enough` is asked after every pass, with the best bound.
    """
    knapsacks = Knapsacks(problem, arc)
    price = np.zeros(problem.n_nodes)
    nearest = np.full(problem.n_nodes, np.inf)
    others = ~knapsacks.own
    np.minimum.at(nearest, knapsacks.member[others], knapsacks.cost[others])
    price = np.where(np.isfinite(nearest), nearest, 0.0)
    best, kept, step, stale = -math.inf, price.copy(), STEP, 0
    direction = np.zeros_like(price)
    for _ in range(passes):
        bound, slope = _lagrangian(knapsacks, price)
        if bound > best + 1e-9 * abs(best if math.isfinite(best) else 1.0):
            best, kept, stale = bound, price.copy(), 0
        else:
            stale += 1
        if stale >= PATIENCE:
            step, stale, price = step / 2, 0, kept.copy()
            direction[:] = 0.0
            bound, slope = _lagrangian(knapsacks, price)
        if step < LEAST_STEP or enough(best):
            break
        target = upper if math.isfinite(upper) else best + (ABOVE - 1) * abs(best) + 1e-9
        direction = slope + 0.7 * direction
        length = float(direction @ direction)
        if length < 1e-12:
            break
        price = price + step * max(target - bound, 1e-9 * abs(target)) / length * direction
    return _proven(knapsacks, kept, best)


def _lagrangian(knapsacks: Knapsacks, price: FloatArray) -> tuple[float, FloatArray]:
    """L and its slope (N,): 1 less the times that each node is taken."""
    problem = knapsacks.problem
    value, taken = knapsacks.values(price)
    chosen = _chosen(value, problem.n_clusters)
    bound, slope = float(price.sum() + value[chosen].sum()), np.ones(problem.n_nodes)
    open_lead = np.zeros(len(value), dtype=bool)
    open_lead[chosen] = True
    np.subtract.at(slope, knapsacks.member[taken & open_lead[knapsacks.row]], 1.0)
    if problem.alone_cost is not None:
        alone = problem.alone_cost - price
        bound += float(np.minimum(alone, 0.0).sum())
        slope -= alone < 0
    return bound, slope


def _chosen(value: FloatArray, n_clusters: int | None) -> IntArray:
    if n_clusters is None:
        return np.flatnonzero(value < 0)
    return np.argsort(value, kind="stable")[:n_clusters]


def _proven(knapsacks: Knapsacks, price: FloatArray, bound: float) -> Relaxed:
    """What a plan with each arc costs at least, at these prices."""
    problem = knapsacks.problem
    value, _ = knapsacks.values(price)
    chosen = _chosen(value, problem.n_clusters)
    opened = np.zeros(len(value), dtype=bool)
    opened[chosen] = True
    # Opening a lead that is not chosen replaces the dearest chosen one where the number is fixed.
    dearest = 0.0 if problem.n_clusters is None or not len(chosen) else float(value[chosen].max())
    more = np.where(opened, 0.0, value - dearest)
    least = bound + more[knapsacks.row] + np.maximum(knapsacks.forced(price) - value[knapsacks.row], 0.0)
    return Relaxed(price, bound, least, knapsacks.leads[chosen])
