"""The enumerated route for clusters: every cluster there may be, and the cheapest choice that has each node once.

    min  Σ_s cost[s]·z[s] + Σ_n alone_cost[n]·w[n]
    s.t. Σ_{s holding n} z[s] + w[n] = 1    every node n;     Σ_s z[s] = n_clusters    where asked

Each limit of a cluster, contiguity too, is settled while clusters are listed, so this programme is far tighter than
that of `solvers.clusters_model`. It is for clusters of few members: where there are too many, the list is given up.

Prices of its relaxation prove a bound and what a plan with each cluster costs at least; clusters beyond the best plan
are left out, and whatever HiGHS proves holds up to the least of those.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csc_matrix, eye, hstack, vstack

from models.clusters import ClusterProblem
from models.estate import FloatArray, IntArray
from solvers.highs import Clock, Matrix, Reporter, open_highs, run_highs
from solvers.plans import status_of

FIRST = 4_000  # clusters that the programme has at first, those that cost least above their prices
ROUNDING = 1e-9  # of the bound: what is left in although it seems to be beyond the best plan


@dataclass(frozen=True, eq=False)
class Listed:
    """Every cluster that keeps the limits: `lead` (S,) of the cheapest for its members, `cost` (S,), `holds` (N, S)."""

    lead: IntArray
    cost: FloatArray
    holds: csc_matrix


def listed_clusters(problem: ClusterProblem, arc: IntArray, clock: Clock, most: int) -> Listed | None:
    """All clusters over the arcs, each set of members once; None where `most` looks or the time are too few for it."""
    lead, member, cost = problem.arc_lead[arc], problem.arc_member[arc], problem.arc_cost[arc]
    count = np.bincount(lead, minlength=problem.n_nodes)
    limit = problem.n_nodes if problem.max_members is None else problem.max_members
    sets = sum(math.comb(int(k) - 1, j) for k in count[count > 0] for j in range(min(limit, int(k))))
    if sets > most * (100 if problem.neighbours is not None else 2):  # of sets that hang together there are far fewer
        return None
    best: dict[int, tuple[float, int]] = {}
    left = most
    for one in np.unique(lead).tolist():
        own = lead == one
        around = _Around(problem, one, dict(zip(member[own].tolist(), cost[own].tolist(), strict=True)))
        left = around.look(best, left)
        if left < 0 or clock.left_s == 0:
            return None
    rows = [_members(mask) for mask in best]
    first = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    inside = np.array([n for row in rows for n in row], dtype=np.int64)
    holds = csc_matrix((np.ones(len(inside)), inside, first), shape=(problem.n_nodes, len(rows)))
    costs, leads = (np.array(column) for column in zip(*best.values(), strict=True)) if best else (np.zeros(0),) * 2
    return Listed(leads.astype(np.int64), costs.astype(np.float64), holds)


def _members(mask: int) -> list[int]:
    """The nodes whose bits are set, in order."""
    found = []
    while mask:
        bit = mask & -mask
        found.append(bit.bit_length() - 1)
        mask ^= bit
    return found


class _Around:
    """The clusters around one lead, each met once: nodes are bits, taken in only from beside those inside."""

    def __init__(self, problem: ClusterProblem, lead: int, cost: dict[int, float]) -> None:
        """`cost` by node that the lead may have, itself included."""
        self._problem, self._lead, self._cost = problem, lead, cost
        self._weight = problem.weight.tolist()
        self._apart = _linked(cost, problem.apart)
        if problem.neighbours is None:
            everybody = sum(1 << n for n in cost)
            self._beside = {n: everybody if n == lead else 0 for n in cost}
        else:
            self._beside = _linked(cost, problem.neighbours)
        self._rows = [
            (row.value.tolist(), float(row.lower[lead]), float(row.upper[lead]), row.short_price)
            for row in problem.rows
            if row.lower[lead] > -math.inf or row.upper[lead] < math.inf
        ]

    def look(self, best: dict[int, tuple[float, int]], left: int) -> int:
        """Put clusters into `best` where they are the cheapest of their members; how many looks of `left` remain."""
        lead, most = self._lead, self._problem.max_members or self._problem.n_nodes
        own = 1 << lead
        stack = [(own, 1, self._weight[lead], self._cost[lead], self._apart[lead], self._beside[lead] & ~own, own)]
        while stack and left >= 0:
            inside, size, weight, cost, apart, edge, seen = stack.pop()
            left -= 1
            price = self._price(inside, size, weight, cost)
            if price < best.get(inside, (math.inf, 0))[0]:
                best[inside] = (price, lead)
            if size >= most:
                continue
            seen |= edge
            while edge:
                bit = edge & -edge
                edge ^= bit
                n = bit.bit_length() - 1
                if bit & apart or weight + self._weight[n] > self._problem.max_weight:
                    continue  # nor with more of them inside
                more = (edge | self._beside[n]) & ~seen | edge
                stack.append(
                    (inside | bit, size + 1, weight + self._weight[n], cost + self._cost[n], apart | self._apart[n],
                     more, seen)
                )  # fmt: skip
        return left

    def _price(self, inside: int, size: int, weight: float, cost: float) -> float:
        """What a cluster costs with its lead and what it falls short; inf where it breaks a limit."""
        if size < self._problem.min_members or weight < self._problem.min_weight:
            return math.inf
        price = cost + float(self._problem.lead_cost[self._lead])
        members = _members(inside) if self._rows else []
        for value, lower, upper, short_price in self._rows:
            total = sum(value[n] for n in members)
            if total > upper or (total < lower and short_price is None):
                return math.inf
            price += max(lower - total, 0.0) * (short_price or 0.0)
        return price


def _linked(nodes: Collection[int], pairs: IntArray | None) -> dict[int, int]:
    """By node the bits of those it makes a pair with, among the nodes."""
    linked = dict.fromkeys(nodes, 0)
    for a, b in [] if pairs is None else pairs.tolist():
        if a in linked and b in linked:
            linked[a] |= 1 << b
            linked[b] |= 1 << a
    return linked


def choose(
    problem: ClusterProblem,
    listed: Listed,
    best: IntArray | None,
    clock: Clock,
    reporter: Reporter,
    gap: float,
    threads: int | None,
    seed: int,
) -> tuple[IntArray | None, bool]:
    """The cheapest choice of clusters found, and whether there is none at all; bounds and plans are reported.

    `best` is a plan at hand.
    """
    whole = _programme(problem, listed)
    over, bound = _above_prices(whole, clock)
    if over is None:
        return best, bound == math.inf
    reporter.report(bound=bound)
    n_sets = len(listed.cost)
    width = float(np.sort(over[:n_sets])[min(FIRST, n_sets) - 1]) if n_sets else math.inf
    while clock.left_s > 0:
        kept = np.flatnonzero((over <= width) | (np.arange(len(over)) >= n_sets))
        outside = bound + float(np.delete(over, kept).min(initial=math.inf))
        part = Matrix(
            whole.cost[kept], whole.rows[:, kept], whole.lower, whole.upper, whole.ceiling[kept], whole.whole[kept]
        )
        outcome = run_highs(part, time_limit_s=clock.left_s, gap=gap, threads=threads, seed=seed)
        reporter.report(bound=min(outcome.bound, outside))
        if outcome.values is not None:
            lead = _leads(problem, listed, kept[outcome.values > 0.5])
            cost = float(part.cost @ (outcome.values > 0.5))
            if cost < reporter.incumbent:
                best = lead
                reporter.report(incumbent=cost)
        if len(kept) == len(over) or status_of(reporter.incumbent, reporter.bound, gap) == "optimal":
            return best, outcome.infeasible and len(kept) == len(over)
        beyond = reporter.incumbent - bound + ROUNDING * abs(bound)
        width = beyond if beyond > width else math.inf
    return best, False


def _programme(problem: ClusterProblem, listed: Listed) -> Matrix:
    """Each node once, in a cluster or alone, and as many clusters as asked."""
    n, sets = problem.n_nodes, len(listed.cost)
    alone = np.zeros(0) if problem.alone_cost is None else problem.alone_cost
    rows = csc_matrix(hstack([listed.holds, eye(n, len(alone), format="csc")], format="csc"))
    limit = np.ones(n)
    if problem.n_clusters is not None:
        count = np.concatenate([np.ones(sets), np.zeros(len(alone))])
        rows = csc_matrix(vstack([rows, csc_matrix(count)], format="csc"))
        limit = np.append(limit, float(problem.n_clusters))
    cost = np.concatenate([listed.cost, alone])
    return Matrix(cost, rows, limit, limit, np.ones(len(cost)), np.ones(len(cost), dtype=bool))


def _above_prices(programme: Matrix, clock: Clock) -> tuple[FloatArray | None, float]:
    """(C,) by how much at least a plan with each column is above the bound that the relaxation's prices prove; both.

    None and inf where not even fractions of clusters have every node once; None and -inf where the time is up.
    """
    highs = open_highs(programme, relaxed=True)
    highs.setOptionValue("time_limit", min(clock.left_s, 1e30))
    highs.run()
    status, kinds = highs.getModelStatus(), highspy.HighsModelStatus
    if status != kinds.kOptimal:
        return None, math.inf if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible) else -math.inf
    price = np.array(highs.getSolution().row_dual)
    reduced = programme.cost - programme.rows.T @ price
    bound = float(price @ programme.lower + np.minimum(reduced, 0.0).sum())  # proven whatever the prices are
    return np.maximum(reduced, 0.0), bound


def _leads(problem: ClusterProblem, listed: Listed, chosen: IntArray) -> IntArray:
    """(N,) leads by the columns chosen."""
    lead = np.full(problem.n_nodes, -1, dtype=np.int64)
    for one in chosen[chosen < len(listed.cost)]:
        lead[listed.holds.indices[listed.holds.indptr[one] : listed.holds.indptr[one + 1]]] = listed.lead[one]
    return lead
