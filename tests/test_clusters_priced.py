"""Prices of clusters: what they prove of all plans and of every arc, against every assignment of small problems."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_clusters_solver import is_feasible, random_problem

from models.clusters import ClusterProblem
from solvers import clusters_exact, solve_clusters
from solvers.clusters_exact import plan_cost
from solvers.clusters_model import possible_arcs
from solvers.clusters_priced import relaxed

LIMITS = {
    "contiguous": st.booleans(),
    "alone": st.booleans(),
    "rows": st.booleans(),
    "min_weight": st.sampled_from([0.0, 90.0]),
    "max_weight": st.sampled_from([np.inf, 180.0, 150.5, 5000.0]),
    "max_members": st.sampled_from([None, 2, 3]),
    "n_clusters": st.sampled_from([None, 1, 2]),
}


def every_plan(problem: ClusterProblem) -> list[tuple[np.ndarray, float]]:
    """Every assignment that keeps all limits, with its cost."""
    choices = [[*problem.arc_lead[problem.arc_member == n].tolist()] for n in range(problem.n_nodes)]
    if problem.alone_cost is not None:
        choices = [[*one, -1] for one in choices]
    leads = (np.array(lead) for lead in product(*choices))
    return [(lead, plan_cost(problem, lead)) for lead in leads if is_feasible(problem, lead)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 5), passes=st.integers(1, 60), **LIMITS)
def test_no_plan_and_no_plan_with_an_arc_costs_less_than_is_proven(seed, n, passes, contiguous, alone, rows, **limits):
    """A bound too high, or an arc ruled out that a better plan uses, would be a false proof."""
    problem = random_problem(seed, n, contiguous, alone, rows, **limits)
    arc, plans = possible_arcs(problem), every_plan(problem)
    if not len(arc) or not plans:
        return
    found = relaxed(problem, arc, np.inf, lambda _: False, passes)
    slack = 1e-6 * (1 + abs(found.bound))
    assert found.bound <= min(cost for _, cost in plans) + slack
    for a, least in zip(arc, found.least, strict=True):
        lead, member = problem.arc_lead[a], problem.arc_member[a]
        costs = [cost for plan, cost in plans if plan[member] == lead]
        assert least <= min(costs, default=np.inf) + slack
        assert least >= found.bound - slack


def weighted(n: int, p: int, seed: int) -> ClusterProblem:
    """Towns of whole weights in a square, p clusters."""
    rng = np.random.default_rng(seed)
    xy, weight = rng.random((n, 2)) * 100, rng.integers(1, 20, n).astype(float)
    lead, member = np.divmod(np.arange(n * n), n)
    cost = np.floor(np.hypot(*(xy[lead] - xy[member]).T))
    return ClusterProblem(weight, lead, member, cost, np.zeros(n), max_weight=1.15 * weight.sum() / p, n_clusters=p)


@pytest.mark.parametrize("seed", range(3))
def test_arcs_that_are_left_out_change_no_answer(seed, monkeypatch):
    """The same optimum over all arcs at once and over those that prices leave."""
    problem = weighted(24, 4, seed)
    priced = solve_clusters(problem, time_limit_s=60, gap=0.0)
    monkeypatch.setattr(clusters_exact, "FEW_ARCS", problem.n_arcs)
    whole = solve_clusters(problem, time_limit_s=60, gap=0.0)
    assert priced.status == whole.status == "optimal"
    assert priced.objective == pytest.approx(whole.objective, rel=1e-9)


def test_prices_alone_come_near_the_optimum():
    """Knapsacks hold whole members: their bound is far above one that splits them."""
    problem = weighted(40, 5, 7)
    plan = solve_clusters(problem, time_limit_s=60, gap=0.0)
    found = relaxed(problem, possible_arcs(problem), plan.objective, lambda _: False, 400)
    assert plan.status == "optimal" and found.bound >= 0.97 * plan.objective
    assert (found.least > plan.objective).mean() > 0.5
