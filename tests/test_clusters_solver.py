"""Clusters: against every assignment of small problems, against an independent checker, on what cannot be."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from independent_checker import check_clusters

from models.clusters import ClusterProblem, GroupRow
from solvers import clusters_enumerated, clusters_exact, solve_clusters
from solvers.clusters_enumerated import listed_clusters
from solvers.clusters_exact import plan_cost
from solvers.clusters_model import build_model
from solvers.clusters_repair import reconnected
from solvers.highs import Clock
from solvers.plans import ClusterPlan
from solvers.verify import verify_clusters


def random_problem(seed: int, n: int, contiguous: bool, alone: bool, rows: bool = False, **limits) -> ClusterProblem:
    """Nodes in a square, half of them may lead, all pairs but a few."""
    rng = np.random.default_rng(seed)
    xy = rng.random((n, 2))
    may_lead = rng.random(n) < 0.6
    may_lead[0] = True
    lead, member = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    keep = may_lead[lead] & ((rng.random((n, n)) < 0.9) | (lead == member))
    cost = np.hypot(*(xy[lead] - xy[member]).transpose(2, 0, 1)) * 100
    neighbours = rng.integers(0, n, (n + 1, 2)) if contiguous else None
    return ClusterProblem(
        weight=rng.integers(20, 100, n),
        arc_lead=lead[keep],
        arc_member=member[keep],
        arc_cost=cost[keep],
        lead_cost=rng.integers(10, 60, n),
        alone_cost=rng.integers(20, 90, n) if alone else None,
        neighbours=None if neighbours is None else neighbours[neighbours[:, 0] != neighbours[:, 1]],
        apart=rng.permutation(n)[:2][None] if n > 2 and seed % 2 else None,
        rows=random_rows(rng, n) if rows else (),
        **limits,
    )


def random_rows(rng: np.random.Generator, n: int) -> tuple[GroupRow, ...]:
    """A hard limit for some leads, and one that may be fallen short of at a price."""
    hard = GroupRow(
        "schools",
        rng.integers(1, 3, n).astype(float),
        np.where(rng.random(n) < 0.5, 2.0, -np.inf),
        np.where(rng.random(n) < 0.5, 4.0, np.inf),
    )
    soft = GroupRow("balance", rng.normal(0, 20, n), np.full(n, 5.0), np.full(n, np.inf), short_price=1.5)
    return hard, soft


def is_feasible(problem: ClusterProblem, lead: np.ndarray) -> bool:
    plan = ClusterPlan("feasible", cost := plan_cost(problem, lead), cost, 0.0, lead, (), 0.0, "brute force")
    try:
        check_clusters(problem, plan)
    except AssertionError:
        return False
    return True


def cheapest_of_all(problem: ClusterProblem) -> float:
    choices = [[*problem.arc_lead[problem.arc_member == n].tolist()] for n in range(problem.n_nodes)]
    if problem.alone_cost is not None:
        choices = [[*one, -1] for one in choices]
    leads = (np.array(lead) for lead in product(*choices))
    return min((plan_cost(problem, lead) for lead in leads if is_feasible(problem, lead)), default=np.inf)


@example(  # a node for which prices alone would have left no pair in the programme
    seed=100,
    n=5,
    contiguous=False,
    alone=False,
    rows=False,
    min_weight=0.0,
    max_weight=180.0,
    min_members=0,
    max_members=None,
    n_clusters=2,
)
@pytest.mark.parametrize(("few", "most"), [(0, 0), (300, 0), (300, 150_000)])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 5),
    contiguous=st.booleans(),
    alone=st.booleans(),
    rows=st.booleans(),
    min_weight=st.sampled_from([0.0, 90.0]),
    max_weight=st.sampled_from([np.inf, 180.0]),
    min_members=st.integers(0, 2),
    max_members=st.sampled_from([None, 2, 3]),
    n_clusters=st.sampled_from([None, 1, 2]),
)
def test_the_plan_costs_what_the_cheapest_of_all_assignments_costs(
    monkeypatch, few, most, seed, n, contiguous, alone, rows, **limits
):
    monkeypatch.setattr(clusters_exact, "FEW_ARCS", few)  # with prices, and without
    monkeypatch.setattr(clusters_exact, "MOST_LISTED", most)  # over arcs, and of a list of all clusters
    problem = random_problem(seed, n, contiguous, alone, rows, **limits)
    plan, cheapest = solve_clusters(problem, gap=0.0), cheapest_of_all(problem)
    if cheapest == np.inf:
        assert plan.status == "infeasible" and plan.lead is None and plan.bound == np.inf
    else:
        assert plan.status == "optimal"
        assert plan.objective == pytest.approx(cheapest, rel=1e-6)
        check_clusters(problem, plan)
        assert verify_clusters(problem, plan) == []


def chain_of(n: int, **limits) -> ClusterProblem:
    """A chain 0 – 1 – 2 … in which the lead 0 would rather take the far end than what lies between."""
    node = np.arange(n)
    lead, member = np.repeat([0, n // 2], n), np.tile(node, 2)
    cost = np.where(lead == 0, np.where(node == n - 1, 0.0, 10.0)[member], np.where(node == n - 1, 50.0, 1.0)[member])
    return ClusterProblem(
        np.ones(n), lead, member, cost, np.zeros(n), neighbours=np.c_[node[:-1], node[1:]], n_clusters=2, **limits
    )


def grid_of(side: int, n_leads: int, seed: int) -> ClusterProblem:
    """Nodes on a grid, neighbours along its edges, crooked distances to the leads."""
    rng = np.random.default_rng(seed)
    grid = np.arange(side * side).reshape(side, side)
    along, across = np.c_[grid[:, :-1].ravel(), grid[:, 1:].ravel()], np.c_[grid[:-1].ravel(), grid[1:].ravel()]
    leads = rng.choice(side * side, n_leads, replace=False)
    lead, member = np.repeat(leads, side * side), np.tile(np.arange(side * side), n_leads)
    far = np.hypot(lead // side - member // side, lead % side - member % side)
    return ClusterProblem(
        weight=rng.integers(20, 100, side * side),
        arc_lead=lead,
        arc_member=member,
        arc_cost=np.where(lead == member, 0, far * rng.uniform(5, 20, len(lead))),
        lead_cost=np.full(side * side, 60.0),
        max_weight=20 * side * side,
        neighbours=np.r_[along, across],
    )


def test_contiguity_costs_what_the_shortest_connected_way_costs():
    problem = chain_of(6)
    free = solve_clusters(replace(problem, neighbours=None))
    assert free.lead.tolist() == [0, 3, 3, 3, 3, 0] and free.objective == 14  # 10 + 4 × 1 + 0
    plan = solve_clusters(problem)
    assert plan.lead.tolist() == [0, 3, 3, 3, 3, 3] and plan.objective == 64  # the far end belongs to 3


@pytest.mark.parametrize("seed", range(3))
def test_larger_contiguous_plans_are_connected_and_never_below_the_free_ones(seed):
    problem = grid_of(7, 8, seed)
    plan, free = solve_clusters(problem, time_limit_s=20), solve_clusters(replace(problem, neighbours=None))
    assert plan.status == "optimal" and plan.objective >= free.bound - 1e-6
    check_clusters(problem, plan)
    assert verify_clusters(problem, plan) == []


@pytest.mark.parametrize(("seed", "alone"), [(3, True), (9, True), (1, False), (6, False)])
def test_clusters_left_out_at_first_are_in_the_proof(seed, alone, monkeypatch):
    """Of the clusters at the relaxation's own prices there is a dearer choice, or none: no bound and no end for all."""
    problem = random_problem(seed, 13, False, alone, max_members=3, min_members=2, max_weight=200.0)
    plans = []
    for first in (1, 4_000):
        monkeypatch.setattr(clusters_enumerated, "FIRST", first)
        plans.append(solve_clusters(problem, gap=1e-6))
        check_clusters(problem, plans[-1])
    assert [plan.status for plan in plans] == ["optimal"] * 2
    assert plans[0].objective == pytest.approx(plans[1].objective, rel=1e-6)
    assert plans[0].bound <= plans[1].objective * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_list_of_all_clusters_and_the_programme_over_arcs_agree(seed, monkeypatch):
    """Two routes to one optimum on problems too large to try everything."""
    limits = {"max_members": 4, "min_members": 2, "max_weight": 260.0, "min_weight": 60.0 * (seed % 2)}
    problem = random_problem(seed, 14, bool(seed % 2), seed != 2, rows=seed != 2, **limits)
    plans = []
    for most in (150_000, 0):
        monkeypatch.setattr(clusters_exact, "MOST_LISTED", most)
        plans.append(solve_clusters(problem, gap=1e-6, time_limit_s=30.0))
        check_clusters(problem, plans[-1])
    listed, over_arcs = plans
    assert [plan.status for plan in plans] == ["optimal"] * 2
    assert listed.objective == pytest.approx(over_arcs.objective, rel=1e-5)
    assert listed.bound <= over_arcs.objective * (1 + 1e-9) and over_arcs.bound <= listed.objective * (1 + 1e-9)


def test_the_list_has_each_set_once_and_is_given_up_where_it_is_too_long():
    """Around the end of a path of four there are four sets that hang together, of any three others eight."""
    node = np.arange(4)
    path = ClusterProblem(np.ones(4), np.zeros(4), node, node, np.zeros(4), neighbours=np.c_[node[:-1], node[1:]])
    for problem, sets in ((path, 4), (replace(path, neighbours=None), 8)):
        found = listed_clusters(problem, node, Clock(None), 100)
        members = [tuple(found.holds.indices[a:b]) for a, b in pairwise(found.holds.indptr)]
        assert len(set(members)) == len(members) == sets and all(0 in one for one in members)
        assert sorted(found.cost) == sorted(float(sum(one)) for one in members)
        assert listed_clusters(problem, node, Clock(None), sets - 1) is None
        assert listed_clusters(problem, node, Clock(0.0), 100) is None


def test_a_plan_that_is_cut_off_and_too_small_is_given_up_not_thrown_away():
    """Without it a plan at hand stays the one in which everybody stands alone until the very end."""
    lead, member = np.array([0, 0, 0, 0, 4, 4]), np.array([0, 1, 2, 3, 1, 4])
    node = np.arange(5)
    problem = ClusterProblem(np.ones(5), lead, member, np.ones(6), np.zeros(5), alone_cost=np.full(5, 9.0),
                             min_members=2, max_members=3, neighbours=np.c_[node[:-1], node[1:]])  # fmt: skip
    clusters = build_model(problem, np.arange(6))
    apart = np.array([0, 4, 0, 0, 4])  # 1 and 4 are not beside each other, and 4 finds nobody else
    assert reconnected(problem, clusters, apart).tolist() == [0, 0, 0, -1, -1]
    assert reconnected(replace(problem, n_clusters=2), clusters, apart) is None


def test_a_hard_contiguous_problem_has_a_connected_plan_and_a_bound_in_time():
    problem = replace(grid_of(9, 12, seed=5), arc_cost=np.random.default_rng(5).integers(1, 200, 9 * 9 * 12))
    seen = []
    plan = solve_clusters(problem, time_limit_s=3, progress=seen.append)
    check_clusters(problem, plan)
    assert plan.seconds < 3 * 1.1 + 5 and 0 < plan.bound <= plan.objective
    assert all(b.incumbent <= a.incumbent and b.bound >= a.bound for a, b in pairwise(seen))


def test_nodes_that_no_cluster_can_take_are_named():
    problem = ClusterProblem(
        weight=[100, 50, 300, 40], arc_lead=[0, 0, 0, 1], arc_member=[0, 1, 2, 1],
        arc_cost=[0, 1, 1, 0], lead_cost=[1, 1, 1, 1], max_weight=350,
    )  # fmt: skip
    plan = solve_clusters(problem)
    assert plan.status == "infeasible" and plan.clash == (2, 3)  # 100 + 300 is over 350; nobody may lead 3


def test_with_no_time_everybody_stands_alone_under_a_bound():
    problem = random_problem(3, 6, contiguous=True, alone=True)
    plan = solve_clusters(problem, time_limit_s=0)
    assert plan.status == "feasible" and np.all(plan.lead == -1)
    assert plan.bound <= solve_clusters(problem).objective <= plan.objective
    nobody_alone = solve_clusters(chain_of(6), time_limit_s=0)
    assert nobody_alone.status == "unknown" and np.isfinite(nobody_alone.bound)


def test_verification_notices_every_rule_that_a_plan_breaks():
    problem = chain_of(6, max_members=5)
    good = solve_clusters(problem)
    assert verify_clusters(problem, good) == []
    split = replace(good, lead=np.array([0, 3, 3, 3, 3, 0]), objective=14.0, bound=14.0)
    assert verify_clusters(problem, split) == ["the cluster of 0 is not connected"]
    assert "there are 1 clusters, not 2" in verify_clusters(problem, replace(good, lead=np.full(6, 3)))
    assert any("costs 64" in line for line in verify_clusters(problem, replace(good, objective=60.0, bound=60.0)))
    assert any(
        "may not lead" in line for line in verify_clusters(problem, replace(good, lead=np.array([0, 3, 3, 3, 3, 2])))
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": [1.0, np.nan]}, r"weight\[1\] = nan"),
        ({"weight": [1.0, -2.0]}, r"weight\[1\] = -2"),
        ({"arc_member": [0, 1, 2]}, r"arc_member\[2\] = 2"),
        ({"arc_lead": [0, 0, 0]}, "a lead needs|the same lead"),
        ({"arc_lead": [0, 1, 1], "arc_member": [0, 0, 0]}, r"arc_lead\[1\] = 1: a lead needs"),
        ({"lead_cost": [1.0]}, r"lead_cost has shape \(1,\), expected \(2,\)"),
        ({"alone_cost": [1.0, np.inf]}, r"alone_cost\[1\]"),
        ({"apart": [[0, 0]]}, r"apart\[0, 0\] = 0: a node apart from itself"),
        ({"neighbours": [[0, 2]]}, r"neighbours\[0, 1\] = 2"),
        ({"n_clusters": -1}, "n_clusters = -1"),
    ],
)
def test_wrong_arrays_are_refused_by_name(change, words):
    good = {
        "weight": [1.0, 2.0], "arc_lead": [0, 1, 0], "arc_member": [0, 1, 1],
        "arc_cost": [0.0, 0.0, 1.0], "lead_cost": [1.0, 1.0],
    }  # fmt: skip
    ClusterProblem(**good)
    with pytest.raises(ValueError, match=words):
        ClusterProblem(**{**good, **change})
