"""Solving estates: against brute force, against an independent checker, within the time, under clashing rules."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent_checker import check_estate
from scipy.optimize import linprog
from scipy.sparse import csc_matrix, csr_matrix

from models.estate import EstateProblem
from solvers import estate_exact, gap_between, solve_estate
from solvers.clash import clashing_facilities, explain_clash, least_together
from solvers.estate_model import write_lp
from solvers.highs import Clock, Matrix, Reporter, run_highs
from solvers.verify import verify_estate


def random_problem(seed: int, n_facilities=3, n_nodes=4, n_slices=2, n_rows=1, **more) -> EstateProblem:
    """Two or three options a facility, arcs to some, rows on places; some nodes without pupils or arcs."""
    rng = np.random.default_rng(seed)
    option_facility = np.repeat(np.arange(n_facilities), rng.integers(2, 4, n_facilities))
    n_options = len(option_facility)
    demand = rng.integers(0, 40, (n_slices, n_nodes)) * (rng.random((n_slices, n_nodes)) < 0.85)
    node, facility = np.nonzero(rng.random((n_nodes, n_facilities)) < 0.8)
    capacity = rng.integers(0, 70, (n_options, n_slices)) * (rng.random((n_options, n_slices)) < 0.8)
    rows = np.where(rng.random((n_rows, n_options)) < 0.7, capacity.sum(axis=1), 0.0)
    lower = rows.sum(axis=1) * rng.uniform(0.2, 0.5, n_rows)
    return EstateProblem(
        option_facility=option_facility,
        option_cost=rng.uniform(-200, 2000, n_options),
        option_capacity=capacity,
        demand=demand,
        arc_node=node,
        arc_facility=facility,
        arc_cost=rng.uniform(1, 60, (rng.choice([1, n_slices]), len(node))),
        unmet_cost=rng.uniform(30, 150, (n_slices, n_nodes)),
        row_matrix=rows,
        row_lower=lower,
        row_upper=np.where(rng.random(n_rows) < 0.3, lower * 1.3 + 20, np.inf),
        **more,
    )


def every_choice(problem: EstateProblem):
    options = [np.flatnonzero(problem.option_facility == f) for f in range(problem.n_facilities)]
    return (np.array(choice) for choice in product(*options))


def keeps(problem: EstateProblem, option: np.ndarray, rows=slice(None), give=0.0) -> bool:
    level = problem.row_matrix.toarray()[rows][:, option].sum(axis=1)
    slack = 1e-6 + give
    return bool(np.all(level >= problem.row_lower[rows] - slack) and np.all(level <= problem.row_upper[rows] + slack))


def cheapest_flow_cost(problem: EstateProblem, option: np.ndarray) -> float:
    """By scipy's linear programme, whole or split, slice by slice."""
    total = problem.option_cost[option].sum()
    for s in range(problem.n_slices):
        demand = problem.demand[s]
        cost = problem.arc_cost[s % len(problem.arc_cost)] * demand[problem.arc_node]
        leave = np.equal.outer(np.arange(problem.n_nodes), problem.arc_node).astype(float)
        arrive = np.equal.outer(np.arange(problem.n_facilities), problem.arc_facility) * demand[problem.arc_node]
        found = linprog(
            np.r_[cost, demand * problem.unmet_cost[s]],
            A_ub=np.c_[arrive, np.zeros((problem.n_facilities, problem.n_nodes))],
            b_ub=problem.option_capacity[option, s],
            A_eq=np.c_[leave, np.eye(problem.n_nodes)],
            b_eq=np.ones(problem.n_nodes),
            bounds=(0, 1),
            integrality=int(problem.single_site),
        )
        total += found.fun
    return float(total)


def cheapest_of_all(problem: EstateProblem) -> float:
    choices = (option for option in every_choice(problem) if keeps(problem, option))
    return min((cheapest_flow_cost(problem, option) for option in choices), default=np.inf)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n_rows=st.integers(0, 2), single_site=st.booleans())
def test_the_plan_costs_what_the_cheapest_of_all_choices_costs(seed, n_rows, single_site):
    problem = random_problem(seed, n_rows=n_rows, single_site=single_site)
    plan, cheapest = solve_estate(problem, gap=1e-9), cheapest_of_all(problem)
    if cheapest == np.inf:
        assert plan.status == "infeasible" and plan.option is None and plan.bound == np.inf
    else:
        assert plan.status == "optimal"
        assert plan.objective == pytest.approx(cheapest, rel=1e-6, abs=1e-4)
        check_estate(problem, plan)
    assert verify_estate(problem, plan) == []


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), time_limit_s=st.sampled_from([0.0, 0.02, 10.0]), single_site=st.booleans())
def test_a_baseline_that_keeps_the_rows_is_never_beaten_by_the_plan(seed, time_limit_s, single_site):
    problem = random_problem(seed, n_rows=1, single_site=single_site)
    baseline = next(every_choice(problem))
    problem = replace(problem, baseline=baseline)
    plan = solve_estate(problem, time_limit_s=time_limit_s)
    if keeps(problem, baseline):
        check_estate(problem, plan)
        if not single_site or time_limit_s > 1:
            assert plan.objective <= cheapest_flow_cost(problem, baseline) * (1 + 1e-9) + 1e-6
    else:
        assert plan.status in ("unknown", "infeasible") or keeps(problem, plan.option)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_clash_is_true_irreducible_and_gives_way_by_its_amounts(seed):
    problem = random_problem(seed, n_rows=4)
    rng = np.random.default_rng(seed)
    lower = problem.row_matrix.toarray().sum(axis=1) * rng.uniform(0.3, 0.9, 4)  # more than most choices hold
    problem = replace(problem, row_lower=lower, row_upper=lower * 1.1, row_name=["north", "south", "east", "west"])
    choices = list(every_choice(problem))
    plan = solve_estate(problem)
    if any(keeps(problem, option) for option in choices):
        assert plan.status in ("optimal", "feasible") and plan.clash == ()
        return
    rows = list(plan.clash)
    assert plan.status == "infeasible" and rows
    assert not any(keeps(problem, option, rows) for option in choices)
    for told in explain_clash(problem, plan.clash):
        others = [r for r in rows if r != told.row]
        assert any(keeps(problem, option, others) for option in choices)
        free = [option for option in choices if keeps(problem, option, others)]
        assert any(keeps(problem, option, [told.row], told.alone) for option in free)
        assert not any(keeps(problem, option, [told.row], told.alone - 0.01) for option in free)
        assert told.name == problem.row_name[told.row]
    # Where several sets of rows clash, giving way in one is not enough; giving these together is.
    gives = least_together(problem)
    allowed = np.array([gives.get(row, 0.0) for row in range(4)])
    eased = replace(problem, row_lower=lower - allowed - 1e-6, row_upper=lower * 1.1 + allowed + 1e-6)
    assert any(keeps(eased, option) for option in choices)


def two_schools(**more) -> EstateProblem:
    """Two schools of 60, either may close to save 1,000; 50 pupils, all nearer to the first."""
    return EstateProblem(
        option_facility=[0, 0, 1, 1], option_cost=[0, 1000, 0, 1000], option_capacity=[[0], [60], [0], [60]],
        demand=[[50]], arc_node=[0, 0], arc_facility=[0, 1], arc_cost=[[1, 10]], unmet_cost=[[500]], **more,
    )  # fmt: skip


def test_a_hand_worked_estate():
    rows = {"row_matrix": csr_matrix((0, 4)), "row_lower": [], "row_upper": []}
    plan = solve_estate(two_schools(**rows))
    assert plan.option.tolist() == [1, 2] and plan.objective == 1050 and plan.flow.tolist() == [[1, 0]]
    retained = {"row_matrix": [[0, 60, 0, 60]], "row_lower": [61], "row_upper": [np.inf]}
    plan = solve_estate(two_schools(**retained))
    assert plan.option.tolist() == [1, 3] and plan.objective == 2050  # the places kept cost the second school


def test_rows_that_clash_say_by_how_much():
    rows = {
        "row_matrix": [[0, 60, 0, 60], [1, 0, 1, 0], [0, 1, 0, 0]],
        "row_lower": [100, 1, 0],
        "row_upper": [np.inf, 2, 1],
        "row_name": ["100 places kept in the vale", "at least one closure", "idle"],
    }
    problem = two_schools(**rows)
    plan = solve_estate(problem)
    assert plan.status == "infeasible" and plan.clash == (0, 1)
    places, closures = explain_clash(problem, plan.clash)
    assert (places.name, places.alone) == ("100 places kept in the vale", pytest.approx(40))
    assert (closures.name, closures.alone) == ("at least one closure", pytest.approx(1))
    assert least_together(problem) == {0: pytest.approx(40)}  # 40 % gives less than 100 %


def test_the_facilities_of_a_clash_are_those_pulled_both_ways():
    # Three schools: the vale must keep the first two, somebody must close one of them; the third has no part in it.
    problem = EstateProblem(
        option_facility=[0, 0, 1, 1, 2, 2], option_cost=np.zeros(6), option_capacity=np.tile([[0.0], [60.0]], (3, 1)),
        demand=[[0]], arc_node=[], arc_facility=[], arc_cost=np.empty((1, 0)), unmet_cost=[[1]],
        row_matrix=[[0, 60, 0, 60, 0, 0], [1, 0, 1, 0, 0, 0], [0, 60, 0, 60, 0, 60]],
        row_lower=[100, 1, 0], row_upper=[np.inf] * 3,
    )  # fmt: skip
    plan = solve_estate(problem)
    assert plan.clash == (0, 1)
    assert clashing_facilities(problem, plan.clash) == (0, 1)
    short = replace(problem, row_lower=[200, 0, 0])
    assert solve_estate(short).clash == (0,)
    assert clashing_facilities(short, (0,)) == ()  # more than there is, whatever anybody does


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_clash_needs_each_of_its_facilities(seed):
    problem = random_problem(seed, n_rows=3)
    rng = np.random.default_rng(seed)
    lower = problem.row_matrix.toarray().sum(axis=1) * rng.uniform(0.3, 0.9, 3)
    problem = replace(problem, row_lower=lower, row_upper=lower * 1.1)
    plan = solve_estate(problem)
    if plan.status != "infeasible":
        return
    rows, kept = list(plan.clash), clashing_facilities(problem, plan.clash)

    def clashes(bound) -> bool:
        # Facilities that are not bound do their best for each end of each row.
        matrix, low, high = problem.row_matrix.toarray()[rows], problem.row_lower[rows], problem.row_upper[rows]
        for f in range(problem.n_facilities):
            if f not in bound:
                own = matrix[:, problem.option_facility == f]
                low, high = low - own.max(axis=1), high - own.min(axis=1)
        chosen = [np.flatnonzero(problem.option_facility == f).tolist() for f in bound]
        levels = [matrix[:, list(choice)].sum(axis=1) for choice in product(*chosen)]
        return not any((level >= low - 1e-6).all() and (level <= high + 1e-6).all() for level in levels)

    assert clashes(kept)
    assert not any(clashes([f for f in kept if f != left]) for left in kept)


def test_a_row_that_cannot_hold_by_itself_clashes_alone():
    empty = {"row_matrix": csr_matrix((1, 4)), "row_lower": [1], "row_upper": [np.inf]}
    assert solve_estate(two_schools(**empty)).clash == (0,)
    crossed = {"row_matrix": [[1, 0, 1, 0]], "row_lower": [2], "row_upper": [1]}
    assert solve_estate(two_schools(**crossed)).clash == (0,)


def test_a_node_without_arcs_has_no_place():
    rows = {"row_matrix": csr_matrix((0, 4)), "row_lower": [], "row_upper": []}
    problem = replace(two_schools(**rows), demand=[[50, 7]], unmet_cost=[[500, 500]])
    plan = solve_estate(problem)
    assert plan.unmet.tolist() == [[0, 1]] and plan.objective == 1050 + 7 * 500


def test_without_pupils_or_arcs_only_the_options_count():
    problem = EstateProblem([0, 0], [5, 3], [[0], [9]], np.zeros((1, 2)), [], [], np.zeros((1, 0)), np.ones((1, 2)),
                            csr_matrix((0, 2)), [], [])  # fmt: skip
    plan = solve_estate(problem)
    assert (plan.status, plan.objective, plan.gap, plan.option.tolist()) == ("optimal", 3, 0, [1])
    check_estate(problem, plan)


def test_no_time_gives_a_stated_outcome_under_a_bound():
    problem = random_problem(11, n_facilities=5, n_nodes=9, n_rows=0)
    best = solve_estate(problem, gap=1e-9)
    plan = solve_estate(problem, time_limit_s=0)
    assert plan.status in ("feasible", "optimal") and plan.bound <= best.objective <= plan.objective
    check_estate(problem, plan)
    strict = replace(problem, row_matrix=problem.option_capacity.sum(axis=1)[None], row_lower=[0.0], row_upper=[1.0])
    plan = solve_estate(strict, time_limit_s=0)
    assert plan.status == "unknown" and plan.option is None and plan.bound <= best.objective + 1e-6


def moderately_hard(n_facilities=60, n_nodes=300) -> EstateProblem:
    """Schools in a square of 20 km, one fifth more places than pupils, whose best plan is not found at once."""
    rng = np.random.default_rng(0)
    schools, homes = rng.random((n_facilities, 2)) * 20, rng.random((n_nodes, 2)) * 20
    far = np.hypot(*(homes[:, None] - schools).transpose(2, 0, 1))
    near = np.argsort(far, axis=1)[:, :12]
    demand = rng.integers(5, 60, n_nodes)
    places = demand.sum() * 2 / n_facilities * rng.uniform(0.6, 1.4, n_facilities)
    return EstateProblem(
        option_facility=np.repeat(np.arange(n_facilities), 2),
        option_cost=np.tile([0, 1], n_facilities) * rng.uniform(3e5, 6e5, 2 * n_facilities),
        option_capacity=(np.tile([0, 1], n_facilities) * np.repeat(places, 2))[:, None],
        demand=demand[None],
        arc_node=np.repeat(np.arange(n_nodes), 12),
        arc_facility=near.ravel(),
        arc_cost=np.take_along_axis(far, near, axis=1).reshape(1, -1) * 900,
        unmet_cost=np.full((1, n_nodes), 25_000.0),
        row_matrix=csr_matrix((0, 2 * n_facilities)),
        row_lower=[],
        row_upper=[],
        baseline=np.arange(n_facilities) * 2 + 1,
    )


def test_progress_never_gets_worse_and_the_limit_holds():
    problem, seen = moderately_hard(), []
    plan = solve_estate(problem, time_limit_s=6, gap=1e-6, progress=seen.append)
    assert len(seen) >= 3 and plan.seconds < 6 * 1.1 + 5
    assert all(b.incumbent <= a.incumbent and b.bound >= a.bound and b.seconds >= a.seconds for a, b in pairwise(seen))
    assert seen[-1].incumbent == pytest.approx(plan.objective, rel=1e-6) and seen[-1].bound >= plan.bound
    check_estate(problem, plan)


def test_linking_as_needed_finds_what_all_linking_finds(monkeypatch):
    problem = moderately_hard(20, 80)
    whole = solve_estate(problem, gap=1e-7)
    monkeypatch.setattr("solvers.estate_exact.ALL_LINKING", 0)
    as_needed = solve_estate(problem, gap=1e-7)
    assert as_needed.objective == pytest.approx(whole.objective, rel=1e-6)
    assert as_needed.status == whole.status == "optimal"


def test_threads_and_seed_are_taken_and_the_same_seed_gives_the_same_plan():
    problem = moderately_hard(15, 60)
    one, two = (solve_estate(problem, threads=1, seed=7) for _ in range(2))
    assert np.array_equal(one.option, two.option) and one.objective == two.objective
    assert solve_estate(problem, threads=2).objective == pytest.approx(one.objective, rel=2e-4)


def test_whole_columns_are_solved_right_by_every_release_of_highs():
    """2x + 3z with x + z ≥ 4.5 and z whole costs 9; HiGHS 1.14.0 says 15 when left to its presolve."""
    matrix = Matrix(
        cost=np.array([2.0, 3.0]), rows=csc_matrix([[1.0, 1.0]]), lower=np.array([4.5]), upper=np.array([np.inf]),
        ceiling=np.array([10.0, 10.0]), whole=np.array([False, True]),
    )  # fmt: skip
    outcome = run_highs(matrix, time_limit_s=10)
    assert (outcome.proven, outcome.objective, outcome.bound) == (True, 9, 9)


def test_verification_notices_every_rule_that_a_plan_breaks():
    retained = {"row_matrix": [[0, 60, 0, 60]], "row_lower": [61], "row_upper": [np.inf], "row_name": ["61 kept"]}
    problem = two_schools(**retained)
    good = solve_estate(problem)
    assert verify_estate(problem, good) == []
    closed = replace(good, option=np.array([1, 2]), objective=1050.0, bound=1050.0)
    assert verify_estate(problem, closed) == ["61 kept is 60, outside 61 to inf"]
    full = replace(good, option=np.array([0, 3]), objective=1050.0, bound=1050.0)
    assert any("takes 50 pupils in slice 0 and has 0 places" in line for line in verify_estate(problem, full))
    lost = replace(good, flow=good.flow * 0.5)
    assert any("sum to 0.5" in line for line in verify_estate(problem, lost))
    cheap = replace(good, objective=good.objective - 1, bound=good.bound - 1)
    assert any("as it says" in line for line in verify_estate(problem, cheap))
    proud = replace(good, bound=good.objective + 10, gap=0.0)
    assert any("above the cost" in line for line in verify_estate(problem, proud))
    assert verify_estate(problem, replace(good, option=None)) == ["the status is optimal but there is no plan"]


def test_the_lp_file_states_every_family(tmp_path):
    rows = {"row_matrix": [[0, 60, 0, 60]], "row_lower": [61], "row_upper": [np.inf]}
    write_lp(two_schools(**rows), tmp_path / "estate.lp")
    text = (tmp_path / "estate.lp").read_text()
    for family in ("total_cost", "one_option(0)", "placed(0_0)", "places(0_1)", "strong_linking(1)", "policy_rows(0)"):
        assert family in text, family


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"route": "guess"}, "route 'guess' does not exist; there are auto, exact, decomposed"),
        ({"gap": -1.0}, "gap"),
        ({"time_limit_s": float("nan")}, "time_limit_s"),
        ({"threads": 0}, "threads"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        solve_estate(random_problem(0), **arguments)


@pytest.mark.parametrize(
    ("objective", "bound", "gap"), [(0, 0, 0), (100, 90, 0.1), (-100, -110, 0.1), (5, -np.inf, np.inf)]
)
def test_the_gap_is_relative_to_the_plan(objective, bound, gap):
    assert gap_between(objective, bound) == pytest.approx(gap)


def test_the_split_problem_bounds_the_single_site_one():
    # Where time ends before the whole programme is begun, this is the only bound that is worth anything.
    problem = replace(random_problem(11, n_rows=0), single_site=True)
    told = []
    reporter = Reporter(Clock(None), told.append)
    plan = estate_exact._from_split(problem, None, Clock(None), 1e-6, None, 0, reporter)
    split = solve_estate(replace(problem, single_site=False), gap=1e-7)
    assert reporter.bound == pytest.approx(split.objective, rel=1e-6)
    assert plan is not None and np.isin(plan[2], (0.0, 1.0)).all() and told[-1].incumbent == plan[0]


def test_a_baseline_in_the_last_digits_of_a_row_gives_a_true_bound_or_none():
    # 0.8e-6 and 0.95e-6 over: what plans may miss a row by must not be less than what programmes keep it to.
    for over in (0.8e-6, 0.95e-6):
        problem = replace(
            two_schools(row_matrix=[[0, 1 + over, 0, 1 + over]], row_lower=[-np.inf], row_upper=[1.0]),
            baseline=[1, 2],
        )
        for route in ("exact", "decomposed"):
            plan = solve_estate(problem, route=route, time_limit_s=5)
            assert verify_estate(problem, plan) == []
            assert plan.objective >= plan.bound


def test_a_clash_is_never_without_rows():
    # Both together are missed by less than digits tell.
    problem = replace(
        two_schools(row_matrix=[[0, 600, 0, 399.9993]], row_lower=[1000], row_upper=[np.inf]), baseline=[0, 2]
    )
    for route in ("exact", "decomposed"):
        plan = solve_estate(problem, route=route)
        assert plan.clash if plan.status == "infeasible" else verify_estate(problem, plan) == []
