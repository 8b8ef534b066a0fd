"""A connected plan out of an unconnected one, so that a contiguous problem has a plan before it is proven."""

from __future__ import annotations

import numpy as np

from models.clusters import ClusterProblem
from models.estate import IntArray
from solvers.clusters_model import ClusterModel, components


def reconnected(problem: ClusterProblem, clusters: ClusterModel, lead: IntArray) -> IntArray | None:
    """(N,) leads in which every member that was cut off joins the cheapest cluster beside it that has room.

    What finds none stands alone where that is allowed; None where it is not, or where a cluster would end up
    too small.
    """
    lead = lead.copy()
    for one in np.unique(lead[lead >= 0]):
        nodes = np.flatnonzero(lead == one)
        part = components(problem, nodes)
        lead[nodes[part != part[nodes == one][0]]] = -1
    beside = _neighbour_lists(problem)
    waiting = {n for n in np.flatnonzero(lead < 0).tolist() if problem.alone_cost is None or beside[n]}
    while True:
        offers = [
            (float(problem.arc_cost[clusters.arc[clusters.place[one, n]]]), n, one)
            for n in waiting
            for one in {int(lead[m]) for m in beside[n] if lead[m] >= 0}
            if (one, n) in clusters.place and _has_room(problem, lead, one, n)
        ]
        if problem.alone_cost is not None:
            offers = [offer for offer in offers if offer[0] < problem.alone_cost[offer[1]]]
        if not offers:
            break
        _, n, one = min(offers)
        lead[n] = one
        waiting.discard(n)
    if waiting and problem.alone_cost is None:
        return None
    return lead if _large_enough(problem, lead) else None


def _has_room(problem: ClusterProblem, lead: IntArray, one: int, n: int) -> bool:
    nodes = np.flatnonzero(lead == one)
    if problem.weight[nodes].sum() + problem.weight[n] > problem.max_weight:
        return False
    if problem.max_members is not None and len(nodes) >= problem.max_members:
        return False
    joined = lead.copy()
    joined[n] = one
    if any(row.over(joined)[one] > 0 for row in problem.rows):
        return False
    if problem.apart is None:
        return True
    rivals = problem.apart[(problem.apart == n).any(axis=1)]
    return not np.isin(nodes, rivals).any()


def _large_enough(problem: ClusterProblem, lead: IntArray) -> bool:
    leads, members = np.unique(lead[lead >= 0], return_counts=True)
    weight = np.bincount(lead[lead >= 0], problem.weight[lead >= 0], minlength=problem.n_nodes)[leads]
    hard = [row.short(lead).max(initial=0.0) for row in problem.rows if row.short_price is None]
    return bool(
        np.all(members >= problem.min_members) and np.all(weight >= problem.min_weight) and max(hard, default=0.0) <= 0
    )


def _neighbour_lists(problem: ClusterProblem) -> list[list[int]]:
    beside: list[list[int]] = [[] for _ in range(problem.n_nodes)]
    for a, b in [] if problem.neighbours is None else problem.neighbours.tolist():
        beside[a].append(b)
        beside[b].append(a)
    return beside
