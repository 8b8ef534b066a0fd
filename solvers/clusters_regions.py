"""A cluster problem cut where it falls apart: regions between which no lead reaches a member.

Nothing is lost: a plan of all regions is a plan of the whole, and bounds of the regions add up to one of the whole. A
problem with a fixed number of clusters does not fall apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from models.clusters import ClusterProblem
from models.estate import IntArray
from solvers.clusters_model import possible_arcs
from solvers.plans import ClusterPlan, gap_between, status_of


def regions(problem: ClusterProblem) -> list[IntArray]:
    """Nodes of each region, the one with the most arcs first. ValueError where the number of clusters is fixed."""
    if problem.n_clusters is not None:
        raise ValueError("n_clusters ties all regions together")
    arc = possible_arcs(problem)
    lead, member = problem.arc_lead[arc], problem.arc_member[arc]
    shape = (problem.n_nodes, problem.n_nodes)
    part = connected_components(csr_matrix((np.ones(len(arc)), (lead, member)), shape=shape), directed=False)[1]
    arcs = np.bincount(part[lead], minlength=part.max(initial=-1) + 1)
    order = np.argsort(part, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
    return sorted(groups, key=lambda nodes: -int(arcs[part[nodes[0]]]))


def part_of(problem: ClusterProblem, nodes: IntArray) -> ClusterProblem:
    """The problem of some nodes; arcs, pairs and neighbours that leave them are left out."""
    place = np.full(problem.n_nodes, -1)
    place[nodes] = np.arange(len(nodes))
    inside = (place[problem.arc_lead] >= 0) & (place[problem.arc_member] >= 0)

    def pairs(given: IntArray | None) -> IntArray | None:
        return None if given is None else place[given[(place[given] >= 0).all(axis=1)]]

    return replace(
        problem,
        weight=problem.weight[nodes],
        arc_lead=place[problem.arc_lead[inside]],
        arc_member=place[problem.arc_member[inside]],
        arc_cost=problem.arc_cost[inside],
        lead_cost=problem.lead_cost[nodes],
        alone_cost=None if problem.alone_cost is None else problem.alone_cost[nodes],
        apart=pairs(problem.apart),
        neighbours=pairs(problem.neighbours),
        rows=tuple(
            replace(row, value=row.value[nodes], lower=row.lower[nodes], upper=row.upper[nodes]) for row in problem.rows
        ),
    )


def joined(problem: ClusterProblem, parts: Sequence[IntArray], plans: Sequence[ClusterPlan], gap: float) -> ClusterPlan:
    """The plan of the whole from those of its regions; "unknown" or "infeasible" where that is what one of them is."""
    lead = np.full(problem.n_nodes, -1, dtype=np.int64)
    for nodes, plan in zip(parts, plans, strict=True):
        if plan.lead is None:
            return replace(plan, clash=tuple(int(nodes[n]) for n in plan.clash), route="regions")
        lead[nodes] = np.where(plan.lead >= 0, nodes[plan.lead], -1)
    objective = math.fsum(plan.objective for plan in plans)
    bound = min(math.fsum(plan.bound for plan in plans), objective)
    seconds = math.fsum(plan.seconds for plan in plans)
    status = status_of(objective, bound, gap)
    return ClusterPlan(status, objective, bound, gap_between(objective, bound), lead, (), seconds, "regions")
