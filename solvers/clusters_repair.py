"""A connected plan out of an unconnected one, so that a contiguous problem has a plan before it is proven."""

from __future__ import annotations

import numpy as np

from models.clusters import ClusterProblem
from models.estate import IntArray
from solvers.clusters_model import ClusterModel, components


def reconnected(problem: ClusterProblem, clusters: ClusterModel, lead: IntArray) -> IntArray | None:
    """(N,) leads in which every member that was cut off joins the cheapest cluster beside it that has room.

    A cluster that ends up too small is given up, unless so many are asked for, and its members are offered the others.
    Who finds none stands alone where that is allowed; None where it is not.
    """
    lead = lead.copy()
    for one in np.unique(lead[lead >= 0]):
        nodes = np.flatnonzero(lead == one)
        part = components(problem, nodes)
        lead[nodes[part != part[nodes == one][0]]] = -1
    beside = _neighbour_lists(problem)
    while True:
        _take_in(problem, clusters, lead, beside)
        small = _too_small(problem, lead)
        if not len(small):
            break
        if problem.n_clusters is not None:
            return None
        lead[np.isin(lead, small)] = -1
    return None if problem.alone_cost is None and (lead < 0).any() else lead


def _take_in(problem: ClusterProblem, clusters: ClusterModel, lead: IntArray, beside: list[list[int]]) -> None:
    """Let who stands alone join the cluster beside it, the cheapest of all first, as long as that is a gain."""
    waiting = {n for n in np.flatnonzero(lead < 0).tolist() if beside[n]}
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
            return
        _, n, one = min(offers)
        lead[n] = one
        waiting.discard(n)


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


def _too_small(problem: ClusterProblem, lead: IntArray) -> IntArray:
    """Leads whose cluster is smaller than it must be."""
    leads = np.unique(lead[lead >= 0])
    inside = lead >= 0
    members = np.bincount(lead[inside], minlength=problem.n_nodes)
    weight = np.bincount(lead[inside], problem.weight[inside], minlength=problem.n_nodes)
    small = (members < problem.min_members) | (weight < problem.min_weight)
    for row in problem.rows:
        if row.short_price is None:
            small |= row.short(lead) > 0
    return leads[small[leads]].astype(np.int64)


def _neighbour_lists(problem: ClusterProblem) -> list[list[int]]:
    beside: list[list[int]] = [[] for _ in range(problem.n_nodes)]
    for a, b in [] if problem.neighbours is None else problem.neighbours.tolist():
        beside[a].append(b)
        beside[b].append(a)
    return beside
