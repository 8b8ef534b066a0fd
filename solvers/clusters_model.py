"""The cluster programme in Pyomo, one function per constraint family; symbols as in `models.clusters`.

    min  Σ_l lead_cost[l]·y[l] + Σ_a arc_cost[a]·x[a] + Σ_n alone_cost[n]·w[n]          total_cost

    s.t. Σ_{a to n} x[a] + w[n] = 1                                                      one_cluster
         x[a] ≤ y[l(a)],  y[l] = x[(l, l)]                                               led
         min_weight·y[l] ≤ Σ_{a of l} weight[n(a)]·x[a] ≤ max_weight·y[l]                weights
         min_members·y[l] ≤ Σ_{a of l} x[a] ≤ max_members·y[l]                           members
         Σ_l y[l] = n_clusters                                                           cluster_count
         x[(l, i)] + x[(l, j)] ≤ y[l]                                                    kept_apart
         lower[r, l]·y[l] − s[r, l] ≤ Σ_{a of l} value[r, n(a)]·x[a] ≤ upper[r, l]·y[l]   group_rows, s at its price
         x[(l, n)] ≤ Σ_{m in M} x[(l, m)]   every set M of nodes that separates n from l     separators

Contiguity is the last family. It is exponential, so only each member's own neighbours are written at first;
`solvers.clusters_exact` adds the separators that a solution breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from models.clusters import ClusterProblem
from models.estate import IntArray

Separator = tuple[int, int, tuple[int, ...]]  # lead, member, the nodes between


@dataclass(frozen=True, eq=False)
class ClusterModel:
    """A Pyomo model over the arcs that a cluster can use: columns x (K), then w (N or none), then s (by `short`)."""

    model: Any
    columns: list[Any]
    arc: IntArray  # (K,) the problem's arcs
    place: dict[tuple[int, int], int]  # position among the K of (lead, member)
    short: list[tuple[int, int]]  # (row, lead) that may fall short at a price


def possible_arcs(problem: ClusterProblem) -> IntArray:
    """The arcs that some cluster can use, judged by pairs, by weight and by what the lead can reach."""
    lead, member = problem.arc_lead, problem.arc_member
    own = lead == member
    together = np.where(own, problem.weight[lead], problem.weight[lead] + problem.weight[member])
    possible = together <= problem.max_weight
    if problem.apart is not None:
        kept_apart = {(a, b) for pair in problem.apart.tolist() for a, b in (pair, pair[::-1])}
        possible &= np.array([pair not in kept_apart for pair in _pairs(lead, member)], dtype=bool)
    if problem.max_members is not None and problem.max_members < 2:
        possible &= own & (problem.max_members == 1)
    if problem.neighbours is not None:
        possible &= _reachable(problem, possible)
    able = np.zeros(problem.n_nodes, dtype=bool)
    able[lead[own & possible]] = True
    weight = np.bincount(lead, problem.weight[member] * possible, minlength=problem.n_nodes)
    able &= weight >= problem.min_weight
    able &= np.bincount(lead, possible, minlength=problem.n_nodes) >= problem.min_members
    return np.flatnonzero(possible & able[lead])


def _reachable(problem: ClusterProblem, possible: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
    """(A,) whether the member can be reached from the lead through nodes that the lead may have."""
    reached = np.zeros(problem.n_arcs, dtype=bool)
    order = np.argsort(problem.arc_lead, kind="stable")
    first = np.unique(problem.arc_lead[order], return_index=True)[1]
    for arcs in np.split(order, first[1:]) if problem.n_arcs else ():
        usable = arcs[possible[arcs]]
        lead = problem.arc_lead[arcs[0]]
        part = components(problem, problem.arc_member[usable])
        at_lead = part[problem.arc_member[usable] == lead]
        if len(at_lead):
            reached[usable] = part == at_lead[0]
    return reached


def components(problem: ClusterProblem, nodes: IntArray) -> IntArray:
    """The connected part that each of the nodes belongs to when only these nodes stand."""
    assert problem.neighbours is not None
    position = np.full(problem.n_nodes, -1)
    position[nodes] = np.arange(len(nodes))
    ends = position[problem.neighbours]
    ends = ends[(ends >= 0).all(axis=1)]
    graph = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def build_model(problem: ClusterProblem, arc: IntArray) -> ClusterModel:
    """The programme over these arcs, each member's own neighbours standing for contiguity."""
    model = pyo.ConcreteModel("clusters")
    lead, member = problem.arc_lead[arc], problem.arc_member[arc]
    model.x = pyo.Var(range(len(arc)), domain=pyo.Binary)
    model.w = pyo.Var(range(problem.n_nodes if problem.alone_cost is not None else 0), domain=pyo.Binary)
    place = {pair: k for k, pair in enumerate(_pairs(lead, member))}
    of_lead, of_member = _positions(lead), _positions(member)
    short = [
        (r, one)
        for r, row in enumerate(problem.rows)
        for one in of_lead
        if row.short_price is not None and row.lower[one] > -np.inf
    ]
    model.s = pyo.Var(range(len(short)), domain=pyo.NonNegativeReals)
    clusters = ClusterModel(model, [*model.x.values(), *model.w.values(), *model.s.values()], arc, place, short)
    total_cost(clusters, problem)
    one_cluster(clusters, problem, of_member)
    led(clusters)
    weights(clusters, problem, of_lead)
    members(clusters, problem, of_lead)
    cluster_count(clusters, problem, of_lead)
    kept_apart(clusters, problem, of_lead)
    group_rows(clusters, problem, of_lead)
    if problem.neighbours is not None:
        model.separators = separators(clusters, _own_neighbours(clusters, problem))
    return clusters


def total_cost(clusters: ClusterModel, problem: ClusterProblem) -> None:
    """Leads, members, nodes alone and what falls short."""
    lead, member = problem.arc_lead[clusters.arc], problem.arc_member[clusters.arc]
    cost = problem.arc_cost[clusters.arc] + np.where(lead == member, problem.lead_cost[lead], 0.0)
    alone = np.empty(0) if problem.alone_cost is None else problem.alone_cost
    short = [problem.rows[r].short_price for r, _ in clusters.short]
    total = pyo.quicksum(c * v for c, v in zip([*cost, *alone, *short], clusters.columns, strict=True))
    clusters.model.total_cost = pyo.Objective(expr=total)


def one_cluster(clusters: ClusterModel, problem: ClusterProblem, of_member: dict[int, list[int]]) -> None:
    """Every node is in one cluster, or alone where that has a price."""

    def rule(model: Any, n: int) -> Any:
        alone = model.w[n] if problem.alone_cost is not None else 0
        return pyo.quicksum(model.x[k] for k in of_member.get(n, [])) + alone == 1

    clusters.model.one_cluster = pyo.Constraint(range(problem.n_nodes), rule=rule)


def led(clusters: ClusterModel) -> None:
    """Members only where the lead leads."""

    def rule(model: Any, lead: int, member: int) -> Any:
        return model.x[clusters.place[lead, member]] <= model.x[clusters.place[lead, lead]]

    others = [(lead, member) for lead, member in clusters.place if lead != member]
    clusters.model.led = pyo.Constraint(others, rule=rule)


def weights(clusters: ClusterModel, problem: ClusterProblem, of_lead: dict[int, list[int]]) -> None:
    """Pupils of a cluster, its lead's included."""
    weight = problem.weight[problem.arc_member[clusters.arc]]
    rows = {lead: [(weight[k], k) for k in positions] for lead, positions in of_lead.items()}
    _between(clusters, "weights", rows, problem.min_weight, problem.max_weight)


def members(clusters: ClusterModel, problem: ClusterProblem, of_lead: dict[int, list[int]]) -> None:
    """Members of a cluster, its lead included."""
    most = np.inf if problem.max_members is None else problem.max_members
    rows = {lead: [(1.0, k) for k in positions] for lead, positions in of_lead.items()}
    _between(clusters, "members", rows, problem.min_members if problem.min_members > 1 else 0, most)


def cluster_count(clusters: ClusterModel, problem: ClusterProblem, of_lead: dict[int, list[int]]) -> None:
    """As many clusters as asked."""
    if problem.n_clusters is None or not of_lead:
        return  # without anybody who may lead there is no cluster to count
    model = clusters.model
    leading = pyo.quicksum(model.x[clusters.place[lead, lead]] for lead in of_lead)
    model.cluster_count = pyo.Constraint(expr=leading == problem.n_clusters)


def kept_apart(clusters: ClusterModel, problem: ClusterProblem, of_lead: dict[int, list[int]]) -> None:
    """Two who must not stand together never share a lead."""
    if problem.apart is None:
        return
    place, member = clusters.place, problem.arc_member[clusters.arc]
    n = problem.n_nodes
    ends = np.concatenate([problem.apart, problem.apart[:, ::-1]])
    apart = csr_matrix((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    both = []
    for lead, positions in of_lead.items():
        mine = np.sort(member[positions])
        first, second = apart[mine][:, mine].nonzero()
        both += [(lead, int(mine[i]), int(mine[j])) for i, j in zip(first, second, strict=True) if i < j]

    def rule(model: Any, r: int) -> Any:
        lead, i, j = both[r]
        return model.x[place[lead, i]] + model.x[place[lead, j]] <= model.x[place[lead, lead]]

    clusters.model.kept_apart = pyo.Constraint(range(len(both)), rule=rule)


def group_rows(clusters: ClusterModel, problem: ClusterProblem, of_lead: dict[int, list[int]]) -> None:
    """What the members of a cluster add up to, between what its lead asks and allows."""
    model, place = clusters.model, clusters.place
    short = {pair: k for k, pair in enumerate(clusters.short)}
    member = problem.arc_member[clusters.arc]
    pairs = [(r, one) for r in range(len(problem.rows)) for one in of_lead]

    def added(model: Any, r: int, one: int) -> Any:
        return pyo.quicksum(float(problem.rows[r].value[member[k]]) * model.x[k] for k in of_lead[one])

    def at_least(model: Any, r: int, one: int) -> Any:
        slack = model.s[short[r, one]] if (r, one) in short else 0.0
        return added(model, r, one) + slack - float(problem.rows[r].lower[one]) * model.x[place[one, one]] >= 0

    def at_most(model: Any, r: int, one: int) -> Any:
        return added(model, r, one) - float(problem.rows[r].upper[one]) * model.x[place[one, one]] <= 0

    asked = [(r, one) for r, one in pairs if problem.rows[r].lower[one] > -np.inf]
    allowed = [(r, one) for r, one in pairs if problem.rows[r].upper[one] < np.inf]
    model.rows_at_least = pyo.Constraint(asked, rule=at_least)
    model.rows_at_most = pyo.Constraint(allowed, rule=at_most)


def separators(clusters: ClusterModel, wanted: list[Separator]) -> Any:
    """A block of contiguity rows: a member only with one of the nodes that stand between it and its lead."""
    block, place = pyo.Block(concrete=True), clusters.place

    def rule(block: Any, r: int) -> Any:
        lead, member, between = wanted[r]
        x = clusters.model.x
        return x[place[lead, member]] - pyo.quicksum(x[place[lead, m]] for m in between) <= 0

    block.separators = pyo.Constraint(range(len(wanted)), rule=rule)
    return block


def broken_separators(clusters: ClusterModel, problem: ClusterProblem, lead: IntArray) -> list[Separator]:
    """A separator for every member that the leads (N,) leave unconnected to its lead; [] where all are."""
    broken: list[Separator] = []
    if problem.neighbours is None:
        return broken
    for one in np.unique(lead[lead >= 0]):
        nodes = np.flatnonzero(lead == one)
        part = components(problem, nodes)
        home = part[nodes == one][0]
        near = _beside(problem, nodes[part == home])
        for cut_off in np.setdiff1d(part, home):
            # Of what lies beside the lead's part, only what the cut-off members reach without crossing it.
            allowed = np.array(sorted(m for lead_m, m in clusters.place if lead_m == one and m not in near))
            parts = components(problem, allowed)
            stranded = nodes[part == cut_off]
            side = allowed[parts == parts[allowed == stranded[0]][0]]
            between = tuple(sorted(m for m in near & _beside(problem, side) if (int(one), m) in clusters.place))
            broken += [(int(one), int(n), between) for n in stranded]
    return broken


def _beside(problem: ClusterProblem, nodes: IntArray) -> set[int]:
    """The neighbours of the nodes that are not among them."""
    assert problem.neighbours is not None
    inside = np.isin(problem.neighbours, nodes)
    crossing = problem.neighbours[inside[:, 0] ^ inside[:, 1]]
    return set(crossing[~np.isin(crossing, nodes)].tolist())


def _own_neighbours(clusters: ClusterModel, problem: ClusterProblem) -> list[Separator]:
    """For every member that is not beside its lead: the neighbours of the member that the lead may have."""
    assert problem.neighbours is not None
    beside: dict[int, set[int]] = {n: set() for n in range(problem.n_nodes)}
    for a, b in problem.neighbours.tolist():
        beside[a].add(b)
        beside[b].add(a)
    return [
        (lead, member, tuple(m for m in sorted(beside[member]) if (lead, m) in clusters.place))
        for lead, member in clusters.place
        if lead != member and lead not in beside[member]
    ]


def _between(
    clusters: ClusterModel, name: str, rows: dict[int, list[tuple[float, int]]], least: float, most: float
) -> None:
    """least·y[l] ≤ Σ coefficient·x ≤ most·y[l] for every lead, each side where it binds at all."""
    model, place = clusters.model, clusters.place

    def at_least(model: Any, lead: int) -> Any:
        return pyo.quicksum(c * model.x[k] for c, k in rows[lead]) - least * model.x[place[lead, lead]] >= 0

    def at_most(model: Any, lead: int) -> Any:
        return pyo.quicksum(c * model.x[k] for c, k in rows[lead]) - most * model.x[place[lead, lead]] <= 0

    if least > 0:
        model.add_component(f"{name}_at_least", pyo.Constraint(list(rows), rule=at_least))
    if np.isfinite(most):
        model.add_component(f"{name}_at_most", pyo.Constraint(list(rows), rule=at_most))


def _pairs(first: IntArray, second: IntArray) -> list[tuple[int, int]]:
    return list(zip(first.tolist(), second.tolist(), strict=True))


def _positions(key: IntArray) -> dict[int, list[int]]:
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    groups = np.split(order, first[1:]) if len(keys) else []
    return {int(k): group.tolist() for k, group in zip(keys, groups, strict=True)}
