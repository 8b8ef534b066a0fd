"""What another decision would cost, and other plans nearly as good: against every choice of small problems."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent_checker import check_estate
from test_solve_decomposed import county
from test_solve_estate import cheapest_flow_cost, every_choice, keeps, random_problem

from solvers import alternatives, cost_of, mosaics, solve_estate
from solvers.forced import _without_tile
from solvers.verify import verify_estate


def costs(problem):
    """Every choice that keeps the rows, with its cost."""
    return [(o, cheapest_flow_cost(problem, o)) for o in every_choice(problem) if keeps(problem, o)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2), st.sampled_from(["exact", "decomposed"]))
def test_what_a_decision_costs_lies_between_its_bounds(seed, n_rows, route):
    # Told too low, a bad decision looks harmless; told too high, a good one looks absurd.
    problem = random_problem(seed, n_rows=n_rows)
    every = costs(problem)
    if not every:
        return
    plan = solve_estate(problem, route=route, time_limit_s=10, gap=1e-6)
    rng = np.random.default_rng(seed)
    option = int(rng.integers(problem.n_options))
    facility = int(problem.option_facility[option])
    forced = cost_of(problem, plan, facility, option, time_limit_s=10, gap=1e-6)
    with_it = [cost for chosen, cost in every if chosen[facility] == option]
    if not with_it:
        assert forced.plan.status == "infeasible" and forced.at_least_gbp == np.inf and forced.plan.clash
        return
    check_estate(problem, forced.plan)
    assert verify_estate(problem, forced.plan) == []
    assert forced.plan.option[facility] == option
    truth, slack = min(with_it) - min(cost for _, cost in every), 1e-4 * max(1.0, abs(min(with_it)))
    assert forced.at_least_gbp - slack <= truth <= forced.at_most_gbp + slack
    assert forced.extra_gbp == pytest.approx(truth, abs=slack)


def test_a_forced_decision_solves_only_the_tile_that_it_is_in(monkeypatch):
    # The proofs of the other tiles hold as they are; using them where they do not would be a false bound.
    monkeypatch.setattr(mosaics, "LEAST_TILE", 80.0)
    monkeypatch.setattr(mosaics.Mosaics, "_following", lambda own: None)  # no larger tiles
    problem = county(1)
    plan = solve_estate(problem, route="decomposed", time_limit_s=5, gap=1e-5)
    assert plan.proof.mosaic.tile.max() > 2
    laid = []
    monkeypatch.setattr(mosaics, "lay_mosaic", lambda *given: laid.append(1))
    bounded = []
    bound = mosaics.Mosaics.bound
    monkeypatch.setattr(
        mosaics.Mosaics,
        "bound",
        lambda own, mosaic, tile, standing: bounded.append(tile) or bound(own, mosaic, tile, standing),
    )
    for facility in (3, 29):
        other = int(2 * facility + (plan.option[facility] == 2 * facility))
        bounded.clear()
        forced = cost_of(problem, plan, facility, other, time_limit_s=2, gap=1e-5)
        assert bounded == [plan.proof.mosaic.tile[facility]] and not laid
        without = problem.option_facility != facility
        without[other] = True
        exact = replace(problem, option_cost=np.where(without, problem.option_cost, 1e9))
        truth = solve_estate(exact, route="exact", time_limit_s=60, gap=1e-6)
        assert forced.plan.bound <= truth.objective * (1 + 1e-6)
        assert forced.plan.objective >= truth.bound * (1 - 1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2), st.sampled_from([0.02, 0.3]), st.booleans())
def test_no_plan_within_the_budget_differs_by_more_than_is_told(seed, n_rows, within, with_today):
    problem = random_problem(seed, n_rows=n_rows)
    every = costs(problem)
    if not every:
        return
    plan = solve_estate(problem, time_limit_s=10, gap=1e-6)
    problem = replace(problem, baseline=every[0][0] if with_today else None)
    budget = plan.objective + within * abs(plan.objective)
    today = problem.baseline if with_today else plan.option
    before = [plan.option != today]
    for found in alternatives(problem, plan, within, 3, time_limit_s=20):
        check_estate(problem, found.plan)
        assert verify_estate(problem, found.plan) == []
        assert found.plan.objective <= budget + 1e-6 * abs(budget)
        assert found.extra_gbp == pytest.approx(found.plan.objective - plan.objective)
        assert np.array_equal(found.changed, found.plan.option != today)
        assert found.differs == min((found.changed != other).sum() for other in before) > 0
        within_budget = [chosen for chosen, cost in every if cost <= budget]
        most = max(min(((chosen != today) != other).sum() for other in before) for chosen in within_budget)
        assert found.differs <= most <= found.differs_at_most
        before.append(found.changed)


def test_alternatives_of_a_county_differ_in_many_facilities():
    problem = county(2)
    plan = solve_estate(problem, route="decomposed", time_limit_s=15, gap=1e-4)
    found = alternatives(problem, plan, 0.02, 3, time_limit_s=30)
    assert len(found) == 3 and found[0].differs >= 10
    assert all(one.differs >= 3 for one in found)
    assert all(one.differs <= one.differs_at_most <= 40 for one in found)


def test_a_start_is_never_made_worse_and_one_that_does_not_fit_is_refused():
    problem = county(3, 20, 60)
    good = solve_estate(problem, time_limit_s=20, gap=1e-4)
    for route in ("exact", "decomposed"):
        again = solve_estate(problem, route=route, time_limit_s=0, start=good)
        assert again.objective <= good.objective * (1 + 1e-9)
    with pytest.raises(ValueError, match="option has shape"):
        solve_estate(problem, start=replace(good, option=good.option[:-1]))
    with pytest.raises(ValueError, match="an option of another"):
        solve_estate(problem, start=replace(good, option=good.option[::-1]))


def test_a_start_of_a_dearer_problem_proves_nothing_of_a_cheaper_one():
    # What is known of tiles holds at the costs that they were solved with.
    problem = county(1)
    plan = solve_estate(problem, route="decomposed", time_limit_s=4)
    other = np.setdiff1d(np.arange(problem.n_options), plan.option)
    cost = problem.option_cost.copy()
    cost[other] -= 6000
    cheaper = replace(problem, option_cost=cost)
    exact = solve_estate(cheaper, route="exact", time_limit_s=60, gap=1e-3)
    again = solve_estate(cheaper, route="decomposed", time_limit_s=4, gap=1e-2, start=plan)
    assert again.bound <= exact.objective * (1 + 1e-6)
    assert _without_tile(problem, plan.proof, 0).mosaic is not None
    assert _without_tile(cheaper, plan.proof, 0).mosaic is None


def test_whole_nodes_stay_whole_in_a_county():
    problem = replace(county(0, 30, 90), single_site=True)
    plan = solve_estate(problem, route="decomposed", time_limit_s=4)
    check_estate(problem, plan)
    assert verify_estate(problem, plan) == []


def test_questions_about_no_plan_and_nonsense_are_refused():
    problem = random_problem(1)
    plan = solve_estate(problem, time_limit_s=5)
    nothing = replace(plan, option=None, status="unknown")
    with pytest.raises(ValueError, match="status 'unknown'"):
        cost_of(problem, nothing, 0, 0)
    with pytest.raises(ValueError, match="status 'unknown'"):
        alternatives(problem, nothing)
    with pytest.raises(ValueError, match="facility = 99: facilities are 0"):
        cost_of(problem, plan, 99, 0)
    last = problem.n_options - 1
    with pytest.raises(ValueError, match=f"option = {last}: facility 0 has option 0"):
        cost_of(problem, plan, 0, last)
    with pytest.raises(ValueError, match=r"within = -0\.1"):
        alternatives(problem, plan, -0.1)
    with pytest.raises(ValueError, match="k = -1"):
        alternatives(problem, plan, k=-1)
