"""Cluster problems cut into regions: the plans and bounds of the parts are those of the whole."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_clusters_solver import random_problem

from models.clusters import ClusterProblem, GroupRow
from solvers import solve_clusters
from solvers.clusters_regions import joined, part_of, regions
from solvers.plans import ClusterPlan
from solvers.verify import verify_clusters

PARTS = ("value", "lower", "upper")


def side_by_side(first: ClusterProblem, second: ClusterProblem, shuffle: np.ndarray) -> ClusterProblem:
    """Two problems that do not touch as one, nodes shuffled; the limits are those of the first."""
    n = first.n_nodes
    place = np.argsort(shuffle)  # new number of each old node

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(first, name), getattr(second, name)])[shuffle]

    def pairs(one: np.ndarray | None, two: np.ndarray | None) -> np.ndarray | None:
        found = [np.empty((0, 2), int), *([] if one is None else [one]), *([] if two is None else [two + n])]
        return place[np.concatenate(found)]

    rows = []
    for a, b in zip(first.rows, second.rows, strict=True):
        value, lower, upper = (np.concatenate([getattr(a, k), getattr(b, k)])[shuffle] for k in PARTS)
        rows.append(GroupRow(a.name, value, lower, upper, a.short_price))
    return replace(
        first,
        weight=both("weight"),
        arc_lead=place[np.concatenate([first.arc_lead, second.arc_lead + n])],
        arc_member=place[np.concatenate([first.arc_member, second.arc_member + n])],
        arc_cost=np.concatenate([first.arc_cost, second.arc_cost]),
        lead_cost=both("lead_cost"),
        alone_cost=both("alone_cost"),
        apart=pairs(first.apart, second.apart),
        neighbours=None if first.neighbours is None else pairs(first.neighbours, second.neighbours),
        rows=tuple(rows),
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999), n=st.integers(2, 5), m=st.integers(2, 5), contiguous=st.booleans(), rows=st.booleans()
)
def test_regions_add_up_to_the_whole(seed: int, n: int, m: int, contiguous: bool, rows: bool) -> None:
    """Nodes, pairs, neighbours and rows follow their region; nothing touches, so costs and bounds just add up."""
    limits = {"max_weight": 180.0, "max_members": 3}
    whole = side_by_side(
        random_problem(seed, n, contiguous, True, rows, **limits),
        random_problem(seed + 1, m, contiguous, True, rows, **limits),
        np.random.default_rng(seed).permutation(n + m),
    )
    parts = regions(whole)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n + m)) and len(parts) >= 2
    plans = [solve_clusters(part_of(whole, nodes), gap=0.0) for nodes in parts]
    made, once = joined(whole, parts, plans, 1e-9), solve_clusters(whole, gap=0.0)
    assert made.objective == pytest.approx(once.objective, rel=1e-6)
    assert made.bound == pytest.approx(once.bound, rel=1e-6)
    assert verify_clusters(whole, made) == []


def test_a_fixed_number_of_clusters_ties_regions_together() -> None:
    with pytest.raises(ValueError, match="n_clusters"):
        regions(replace(random_problem(1, 4, False, True), n_clusters=2))


def test_a_region_without_a_plan_is_named_in_the_whole_problems_numbers() -> None:
    whole = ClusterProblem(
        weight=[10, 10, 500], arc_lead=[0, 0, 2], arc_member=[0, 1, 2], arc_cost=[0, 1, 0], lead_cost=[1, 1, 1],
        max_weight=100,
    )  # fmt: skip
    parts = regions(whole)
    plans = [solve_clusters(part_of(whole, nodes)) for nodes in parts]
    made = joined(whole, parts, plans, 1e-4)
    assert made.status == "infeasible" and made.clash == (2,) and made.lead is None


def test_the_bound_of_the_whole_is_the_sum_of_what_was_proven() -> None:
    whole = random_problem(3, 4, False, True)
    plan = ClusterPlan("feasible", 10.0, 8.0, 0.2, np.full(2, -1), (), 0.0, "x")
    made = joined(whole, [np.arange(2), np.arange(2, 4)], [plan, replace(plan, bound=9.0)], 1e-4)
    assert (made.objective, made.bound, made.status) == (20.0, 17.0, "feasible")
