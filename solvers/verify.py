"""A plan checked from the arrays alone, before anybody is shown it.

Nothing here uses a solver or what it said about itself: cost, feasibility and gap are computed again.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from models.clusters import ClusterProblem
from models.estate import EstateProblem, FloatArray, IntArray
from solvers.plans import STATUSES, ClusterPlan, EstatePlan

TOLERANCE = 1e-6  # of a share; of a bound, a capacity or a cost relative to its size


def verify_estate(problem: EstateProblem, plan: EstatePlan) -> list[str]:
    """Sentences on what is wrong with the plan; [] where nothing is."""
    if plan.option is None or plan.flow is None or plan.unmet is None:
        return _wrong_without_plan(plan)
    if wrong := _wrong_shapes(problem, plan.option, plan.flow, plan.unmet):
        return wrong
    staged = plan.option[None, :] if plan.scenario_option is None else plan.scenario_option
    if wrong := _wrong_stages(problem, plan.option, staged):
        return wrong
    wrong = _wrong_shares(problem, plan.flow, plan.unmet) + _wrong_places(problem, staged, plan.flow)
    for option in staged:
        wrong += _wrong_options(problem, option)
    travel = (problem.demand[:, problem.arc_node] * problem.arc_cost * plan.flow).sum()
    without = (problem.demand * problem.unmet_cost * plan.unmet).sum()
    chosen = (problem.stage_weight[:, None] * problem.option_cost[staged]).sum()
    return wrong + _wrong_claims(plan, float(chosen + travel + without))


def verify_clusters(problem: ClusterProblem, plan: ClusterPlan) -> list[str]:
    """Sentences on what is wrong with the plan; [] where nothing is."""
    if plan.lead is None:
        return _wrong_without_plan(plan)
    lead = plan.lead
    if lead.shape != (problem.n_nodes,) or lead.min(initial=0) < -1 or lead.max(initial=0) >= problem.n_nodes:
        return ["the leads are not one node or -1 for each node"]
    chosen = lead[problem.arc_member] == problem.arc_lead
    unled = np.setdiff1d(np.flatnonzero(lead >= 0), problem.arc_member[chosen])
    wrong = [f"node {n} is led by {lead[n]}, which may not lead it" for n in unled]
    alone = np.flatnonzero(lead < 0)
    if problem.alone_cost is None:
        wrong += [f"node {n} is in no cluster" for n in alone]
    leads = np.unique(lead[lead >= 0])
    wrong += [f"lead {one} is not in its own cluster" for one in leads if lead[one] != one]
    if problem.n_clusters is not None and len(leads) != problem.n_clusters:
        wrong.append(f"there are {len(leads)} clusters, not {problem.n_clusters}")
    for one in leads:
        wrong += _wrong_cluster(problem, int(one), np.flatnonzero(lead == one))
    for a, b in [] if problem.apart is None else problem.apart.tolist():
        if lead[a] >= 0 and lead[a] == lead[b]:
            wrong.append(f"nodes {a} and {b} must be apart and are both led by {lead[a]}")
    cost = problem.lead_cost[leads].sum() + problem.arc_cost[chosen].sum()
    for one in leads:
        more, price = _wrong_rows(problem, int(one), np.flatnonzero(lead == one))
        wrong += more
        cost += price
    cost += 0.0 if problem.alone_cost is None else problem.alone_cost[alone].sum()
    return wrong + _wrong_claims(plan, float(cost))


def _wrong_without_plan(plan: EstatePlan | ClusterPlan) -> list[str]:
    if plan.status in ("infeasible", "unknown"):
        return []
    return [f"the status is {plan.status} but there is no plan"]


def _wrong_shapes(problem: EstateProblem, option: IntArray, flow: FloatArray, unmet: FloatArray) -> list[str]:
    expected = {
        "option": (option, (problem.n_facilities,)),
        "flow": (flow, (problem.n_slices, problem.n_arcs)),
        "unmet": (unmet, (problem.n_slices, problem.n_nodes)),
    }
    wrong = [
        f"{name} has shape {a.shape}, expected {shape}" for name, (a, shape) in expected.items() if a.shape != shape
    ]
    if not wrong and (option.min() < 0 or option.max() >= problem.n_options):
        wrong.append("a facility follows an option that does not exist")
    if not wrong and not (np.isfinite(flow).all() and np.isfinite(unmet).all()):
        wrong.append("a share is not a number")
    return wrong


def _wrong_stages(problem: EstateProblem, option: IntArray, staged: IntArray) -> list[str]:
    """What is wrong with options by scenario (K, F) as such."""
    expected = (len(problem.stage_weight), problem.n_facilities)
    if staged.shape != expected:
        return [f"the options by scenario have shape {staged.shape}, expected {expected}"]
    if staged.min() < 0 or staged.max() >= problem.n_options:
        return ["a facility follows an option that does not exist in some scenario"]
    if not (staged == option).all(axis=1).any():
        return ["the plan's options are those of no scenario"]
    if problem.option_first is None:
        return []
    first = problem.option_first[staged]
    return [
        f"facility {f} follows options of different first-stage classes in different scenarios"
        for f in np.flatnonzero((first != first[0]).any(axis=0))
    ]


def _wrong_options(problem: EstateProblem, option: IntArray) -> list[str]:
    strange = np.flatnonzero(problem.option_facility[option] != np.arange(problem.n_facilities))
    wrong = [f"facility {f} follows option {option[f]} of another facility" for f in strange]
    follows = np.zeros(problem.n_options)
    follows[option] = 1.0
    level = problem.row_matrix @ follows
    slack = TOLERANCE * np.maximum(1.0, np.abs(level))
    for r in np.flatnonzero((level < problem.row_lower - slack) | (level > problem.row_upper + slack)):
        name = problem.row_name[int(r)] if problem.row_name else f"row {r}"
        wrong.append(f"{name} is {level[r]:,.6g}, outside {problem.row_lower[r]:,.6g} to {problem.row_upper[r]:,.6g}")
    return wrong


def _wrong_shares(problem: EstateProblem, flow: FloatArray, unmet: FloatArray) -> list[str]:
    wrong = []
    if flow.min(initial=0.0) < -TOLERANCE or unmet.min(initial=0.0) < -TOLERANCE:
        wrong.append("a share is negative")
    leaving = _incidence(problem.arc_node, problem.n_nodes)
    total = (leaving @ flow.T).T + unmet
    for s, d in np.argwhere(np.abs(total - 1.0) > TOLERANCE)[:10]:
        wrong.append(f"the shares of node {d} in slice {s} sum to {total[s, d]:.6g}, not 1")
    if problem.single_site and not (np.isin(flow, (0, 1)).all() and np.isin(unmet, (0, 1)).all()):
        wrong.append("a node is split although all its pupils go to one facility")
    return wrong


def _wrong_places(problem: EstateProblem, staged: IntArray, flow: FloatArray) -> list[str]:
    pupils = problem.demand[:, problem.arc_node] * flow
    load = _incidence(problem.arc_facility, problem.n_facilities) @ pupils.T  # (F, S)
    places = problem.option_capacity[staged[problem.stage_scenario], np.arange(problem.n_slices)[:, None]].T  # (F, S)
    over = np.argwhere(load > places + TOLERANCE * np.maximum(1.0, places))
    return [
        f"facility {f} takes {load[f, s]:,.6g} pupils in slice {s} and has {places[f, s]:,.6g} places"
        for f, s in over[:10]
    ]


def _wrong_cluster(problem: ClusterProblem, lead: int, nodes: IntArray) -> list[str]:
    wrong, weight = [], problem.weight[nodes].sum()
    slack = TOLERANCE * max(1.0, weight)
    if not problem.min_weight - slack <= weight <= problem.max_weight + slack:
        limits = f"{problem.min_weight:,.6g} to {problem.max_weight:,.6g}"
        wrong.append(f"the cluster of {lead} has {weight:,.6g} pupils, outside {limits}")
    most = math.inf if problem.max_members is None else problem.max_members
    if not problem.min_members <= len(nodes) <= most:
        wrong.append(f"the cluster of {lead} has {len(nodes)} members, outside {problem.min_members} to {most}")
    if problem.neighbours is not None:
        inside = problem.neighbours[np.isin(problem.neighbours, nodes).all(axis=1)]
        shape = (problem.n_nodes, problem.n_nodes)
        graph = csr_matrix((np.ones(len(inside)), (inside[:, 0], inside[:, 1])), shape=shape)
        part = connected_components(graph, directed=False)[1][nodes]
        if np.any(part != part[0]):
            wrong.append(f"the cluster of {lead} is not connected")
    return wrong


def _wrong_rows(problem: ClusterProblem, lead: int, nodes: IntArray) -> tuple[list[str], float]:
    """What is wrong with a cluster by the further rows, and what it pays for falling short."""
    wrong, price = [], 0.0
    for row in problem.rows:
        total = float(row.value[nodes].sum())
        slack = TOLERANCE * max(1.0, float(np.abs(row.value[nodes]).sum()))
        short = row.lower[lead] - total
        if row.short_price is not None:
            price += row.short_price * max(short, 0.0)
        elif short > slack:
            wrong.append(f"the cluster of {lead} has {total:,.6g} of {row.name}, below {row.lower[lead]:,.6g}")
        if total > row.upper[lead] + slack:
            wrong.append(f"the cluster of {lead} has {total:,.6g} of {row.name}, above {row.upper[lead]:,.6g}")
    return wrong, price


def _wrong_claims(plan: EstatePlan | ClusterPlan, cost: float) -> list[str]:
    """What the plan says about itself against its cost computed again."""
    wrong, slack = [], TOLERANCE * max(1.0, abs(cost))
    if plan.status not in STATUSES[:2]:
        wrong.append(f"the status is {plan.status} but there is a plan")
    if abs(plan.objective - cost) > slack:
        wrong.append(f"the plan costs {cost:,.2f}, not {plan.objective:,.2f} as it says")
    if plan.bound > cost + slack:
        wrong.append(f"the bound {plan.bound:,.2f} is above the cost {cost:,.2f}")
    if plan.objective == plan.bound:
        gap = 0.0
    else:
        gap = (plan.objective - plan.bound) / abs(plan.objective) if plan.objective else math.inf
    if plan.gap != gap and abs(plan.gap - gap) > TOLERANCE:
        wrong.append(f"the gap is {gap:.6g}, not {plan.gap:.6g} as it says")
    return wrong


def _incidence(row: IntArray, n_rows: int) -> csr_matrix:
    """(n_rows, A) 1 where an arc belongs to the row."""
    return csr_matrix((np.ones(len(row)), (row, np.arange(len(row)))), shape=(n_rows, len(row)))
