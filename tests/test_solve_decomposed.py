"""The decomposed route: bounds that are true, plans that hold, against brute force and the exact route."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from independent_checker import check_estate
from scipy.sparse import csr_matrix
from test_solve_estate import cheapest_flow_cost, cheapest_of_all, every_choice, keeps, random_problem

from models.estate import EstateProblem
from solvers import attention, best_plan, branching, estate_decomposed, improving, mosaics, solve_estate
from solvers import prices as prices_of
from solvers.answers import bound_by_parts, estate_answer
from solvers.best_plan import BestPlan
from solvers.branching import Branching
from solvers.highs import Clock, Reporter
from solvers.layout import lay_out
from solvers.neighbourhoods import loads, neighbourhood
from solvers.part import Effort, Efforts, PartPlan, solve_part
from solvers.plans import Proof
from solvers.priced_tiles import lay_mosaic
from solvers.prices import Prices
from solvers.tiles import Tiling
from solvers.transport import keeps_rows, place_pupils, places_at, plan_cost, unmet_shares
from solvers.verify import verify_estate


def county(seed: int, n_facilities: int = 40, n_nodes: int = 120, n_slices: int = 2) -> EstateProblem:
    """Schools and villages on a square map, each school open or closed, a quarter's places kept above a level."""
    rng = np.random.default_rng(seed)
    schools, villages = rng.random((n_facilities, 2)), rng.random((n_nodes, 2))
    distance = np.linalg.norm(villages[:, None] - schools[None], axis=2)
    near = np.argsort(distance, axis=1)[:, :8]
    demand = rng.integers(5, 40, (n_slices, n_nodes)).astype(float)
    size = rng.integers(60, 260, n_facilities).astype(float)
    capacity = np.zeros((2 * n_facilities, n_slices))
    capacity[1::2] = size[:, None]
    quarter = (schools > 0.5) @ [1, 2]
    rows = np.zeros((4, 2 * n_facilities))
    rows[quarter, 2 * np.arange(n_facilities) + 1] = size
    cost = np.zeros(2 * n_facilities)
    cost[1::2] = 4000 + 30 * size
    return EstateProblem(
        option_facility=np.repeat(np.arange(n_facilities), 2),
        option_cost=cost,
        option_capacity=capacity,
        demand=demand,
        arc_node=np.repeat(np.arange(n_nodes), 8),
        arc_facility=near.ravel(),
        arc_cost=800 * np.take_along_axis(distance, near, axis=1).reshape(1, -1) + 5,
        unmet_cost=np.full((n_slices, n_nodes), 3000.0),
        row_matrix=csr_matrix(rows),
        row_lower=rows.sum(axis=1) * 0.5,
        row_upper=np.full(4, np.inf),
        baseline=2 * np.arange(n_facilities) + 1,
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_bounds_at_any_prices_and_any_tiles_lie_below_the_cheapest_choice(seed, n_rows):
    # A bound that were not one would let a dear plan pass as proven.
    problem = random_problem(seed, n_rows=n_rows)
    choices = [option for option in every_choice(problem) if keeps(problem, option)]
    if not choices:
        return
    cheapest = min(cheapest_flow_cost(problem, option) for option in choices)
    rng = np.random.default_rng(seed)
    prices = Prices(lay_out(problem), rng.uniform(0, 150, problem.demand.shape), rng.normal(0, 5, (1, n_rows)))
    slack = 1e-6 * max(1.0, abs(cheapest))
    assert prices.bound <= cheapest + slack
    first = prices.bound
    prices.ascend(300)
    assert first <= prices.bound <= cheapest + slack
    tiles = [np.array([0]), np.arange(1, problem.n_facilities)]
    mosaic = lay_mosaic(problem, tiles, prices.pupil, prices.row)
    found = [solve_part(problem, mosaic.part(tile), Effort(10.0, None, 0.0)) for tile in range(2)]
    bound = sum(part.bound for part in found) + mosaic.seams
    assert prices.bound - slack <= bound <= cheapest + slack


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3), st.booleans())
def test_the_plan_costs_what_the_cheapest_of_all_choices_costs(seed, n_rows, single_site):
    problem = random_problem(seed, n_rows=n_rows, single_site=single_site)
    plan = solve_estate(problem, route="decomposed", time_limit_s=10, gap=1e-6)
    cheapest = cheapest_of_all(problem)
    if cheapest == np.inf:
        assert plan.status == "infeasible" and plan.clash
        return
    check_estate(problem, plan)
    assert verify_estate(problem, plan) == []
    assert plan.objective == pytest.approx(cheapest, rel=1e-5, abs=1e-3)
    assert plan.bound <= cheapest + 1e-6 * abs(cheapest)


@pytest.mark.parametrize("seed", [1, 2])
def test_both_routes_agree_on_a_county(seed):
    # Each proves its own bound: neither may lie above the other's plan.
    problem = county(seed)
    exact = solve_estate(problem, route="exact", time_limit_s=60, gap=1e-4)
    plan = solve_estate(problem, route="decomposed", time_limit_s=15, gap=1e-4)
    check_estate(problem, plan)
    assert plan.route == "decomposed" and plan.gap < 0.003
    assert plan.bound <= exact.objective * (1 + 1e-6) and exact.bound <= plan.objective * (1 + 1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_search_over_many_tiles_tells_a_true_bound_and_plan(seed, monkeypatch):
    # A county fits one tile of the usual size: with small ones, nodes and rows lie on seams.
    monkeypatch.setattr(mosaics, "LEAST_TILE", 80.0)
    monkeypatch.setattr(mosaics, "TILE_GROWTH", 1.5)
    monkeypatch.setattr(improving, "SIZE", 60.0)
    monkeypatch.setattr(improving, "LEAST_SIZE", 30.0)
    problem = county(seed)
    exact = solve_estate(problem, route="exact", time_limit_s=60, gap=1e-5)
    seams, told = [], []
    lay = mosaics.lay_mosaic
    monkeypatch.setattr(mosaics, "lay_mosaic", lambda *given: seams.append(lay(*given)) or seams[-1])
    plan = solve_estate(problem, route="decomposed", time_limit_s=8, gap=1e-5, progress=told.append)
    assert seams[0].tile.max() > 2 and (seams[0].home < 0).any()
    check_estate(problem, plan)
    assert plan.objective >= exact.bound * (1 - 1e-6)
    assert all(now.bound <= exact.objective * (1 + 1e-6) for now in told)


def test_the_same_seed_gives_the_same_plan_where_no_time_limits_it():
    problem = county(3, 16, 50)
    plans = [solve_estate(problem, route="decomposed", time_limit_s=None, gap=2e-3, seed=7) for _ in range(2)]
    assert plans[0].status == "optimal"
    assert np.array_equal(plans[0].option, plans[1].option) and plans[0].bound == plans[1].bound


def test_a_baseline_that_breaks_rows_is_mended_and_one_that_keeps_them_is_never_beaten():
    problem = county(4)
    closed = replace(problem, baseline=2 * np.arange(problem.n_facilities))
    plan = solve_estate(closed, route="decomposed", time_limit_s=5)
    check_estate(closed, plan)
    for limit_s in (0, 0.2, 2):
        plan = solve_estate(problem, route="decomposed", time_limit_s=limit_s)
        check_estate(problem, plan)
        assert plan.objective <= cheapest_flow_cost(problem, problem.baseline) * (1 + 1e-9)


def test_progress_never_gets_worse_and_the_limit_holds():
    told = []
    plan = solve_estate(
        county(5, 120, 400), route="decomposed", time_limit_s=6, gap=0, progress=lambda now: told.append(now)
    )
    assert plan.seconds <= 6 * 1.1 + 5
    assert all(a.incumbent >= b.incumbent and a.bound <= b.bound for a, b in pairwise(told))
    assert told[-1].bound <= plan.objective and told[-1].incumbent >= plan.objective - 1e-6


def test_tiles_cover_every_facility_once_and_keep_small_rows_together():
    problem = county(6)
    wanted, load = np.ones(problem.n_arcs, dtype=bool), np.ones(problem.n_facilities)
    tiles = Tiling(problem, wanted, load, 0).cut(14.0)
    assert np.array_equal(np.sort(np.concatenate(tiles)), np.arange(problem.n_facilities))
    tile = np.empty(problem.n_facilities, dtype=int)
    for number, facilities in enumerate(tiles):
        tile[facilities] = number
    for row in problem.row_matrix:
        facilities = problem.option_facility[row.indices]
        if len(facilities) <= 14:
            assert len(set(tile[facilities])) == 1


def two_stage(seed: int) -> EstateProblem:
    """Random problems of two scenarios, one slice each; the first two options of a facility share a class."""
    problem = random_problem(seed, n_rows=1)
    place = np.arange(problem.n_options) - np.searchsorted(problem.option_facility, problem.option_facility)
    return replace(
        problem,
        row_upper=np.full(1, np.inf),
        slice_scenario=np.arange(2),
        scenario_weight=np.array([0.3, 0.7]),
        option_first=np.maximum(place - 1, 0),
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_two_stages_cost_what_the_cheapest_of_all_pairs_of_choices_costs(seed):
    # Options may differ by scenario within a class; classes may not.
    problem = two_stage(seed)
    cheapest = np.inf
    choices = [option for option in every_choice(problem) if keeps(problem, option)]
    part = []
    for s in range(2):
        one = replace(
            problem,
            option_capacity=problem.option_capacity[:, [s]],
            demand=problem.demand[[s]],
            arc_cost=problem.arc_cost[[s % len(problem.arc_cost)]],
            unmet_cost=problem.unmet_cost[[s]],
            slice_scenario=None,
            scenario_weight=None,
            option_first=None,
            option_cost=problem.option_cost * problem.scenario_weight[s],
        )
        part.append([cheapest_flow_cost(one, option) for option in choices])
    for (i, a), (j, b) in product(enumerate(choices), repeat=2):
        if np.array_equal(problem.option_first[a], problem.option_first[b]):
            cheapest = min(cheapest, part[0][i] + part[1][j])
    plan = solve_estate(problem, time_limit_s=10, gap=1e-6)
    if not choices:
        assert plan.status == "infeasible"
        return
    assert verify_estate(problem, plan) == []
    assert plan.objective == pytest.approx(cheapest, rel=1e-5, abs=1e-3)
    assert plan.bound <= cheapest + 1e-6 * max(1.0, abs(cheapest))


def test_verification_notices_stages_that_do_not_agree():
    problem = two_stage(11)
    plan = solve_estate(problem, time_limit_s=10)
    assert verify_estate(problem, plan) == []
    staged = plan.scenario_option.copy()
    f = int(np.flatnonzero(np.bincount(problem.option_facility) == 3)[0])
    of = np.flatnonzero(problem.option_facility == f)
    staged[0, f], staged[1, f] = of[0], of[2]
    wrong = verify_estate(problem, replace(plan, scenario_option=staged, option=staged[1]))
    assert any("different first-stage classes" in line for line in wrong)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"slice_scenario": [0, 2]}, "scenario 1 has no slice"),
        ({"slice_scenario": [0, -1]}, r"slice_scenario\[1\] = -1"),
        ({"slice_scenario": [0]}, "slice_scenario has shape"),
        ({"slice_scenario": [0, 1], "scenario_weight": [0.5, 0.6]}, "sums to 1.1"),
        ({"slice_scenario": [0, 1], "scenario_weight": [1.0, 0.0]}, r"scenario_weight\[1\] = 0"),
        ({"scenario_weight": [1.0]}, "without slice_scenario"),
        ({"option_first": [0]}, "option_first has shape"),
    ],
)
def test_bad_scenarios_are_named(fields, words):
    with pytest.raises(ValueError, match=words):
        replace(random_problem(0), **{name: np.array(value) for name, value in fields.items()})


def test_two_stage_problems_survive_a_file_and_are_refused_by_the_exact_route(tmp_path):
    problem = two_stage(3)
    problem.save(tmp_path / "p.npz")
    again = EstateProblem.load(tmp_path / "p.npz")
    assert again.two_stage and np.array_equal(again.option_first, problem.option_first)
    assert np.array_equal(again.scenario_weight, problem.scenario_weight)
    with pytest.raises(ValueError, match="one stage"):
        solve_estate(problem, route="exact")


def test_a_part_is_solved_right_where_this_thread_has_used_another_number_of_threads():
    # HiGHS refuses to run then, and a bound read off it would be false.
    problem = county(8, 10, 30)
    solve_estate(problem, route="exact", threads=2, time_limit_s=20)
    everything = [np.arange(problem.n_facilities)]
    prices = Prices(lay_out(problem))
    mosaic = lay_mosaic(problem, everything, prices.pupil, prices.row, margin=100.0)
    found = solve_part(problem, mosaic.part(0), Effort(20.0, None, 0.0))
    exact = solve_estate(problem, route="exact", gap=1e-6, time_limit_s=20)
    assert found.bound + mosaic.seams == pytest.approx(exact.objective, rel=1e-5)


ODD = {
    "a node without arcs": lambda p: replace(
        p, demand=np.column_stack([p.demand, np.full(p.n_slices, 9.0)]),
        unmet_cost=np.column_stack([p.unmet_cost, np.full(p.n_slices, 70.0)]),
    ),
    "demand far above capacity": lambda p: replace(p, demand=p.demand * 1000),
    "nobody": lambda p: replace(p, demand=p.demand * 0),
    "no places": lambda p: replace(p, option_capacity=p.option_capacity * 0),
    "no arcs": lambda p: replace(
        p, arc_node=p.arc_node[:0], arc_facility=p.arc_facility[:0], arc_cost=p.arc_cost[:, :0]
    ),
    "free of charge": lambda p: replace(
        p, option_cost=p.option_cost * 0, arc_cost=p.arc_cost * 0, unmet_cost=p.unmet_cost * 0
    ),
    "costs below nothing": lambda p: replace(p, option_cost=-p.option_cost, unmet_cost=-p.unmet_cost),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("route", ["exact", "decomposed"])
@pytest.mark.parametrize("limit_s", [0, 20])
def test_odd_problems_have_a_stated_and_verified_outcome(odd, route, limit_s):
    problem = ODD[odd](random_problem(17, n_rows=1))
    plan = solve_estate(problem, route=route, time_limit_s=limit_s, gap=1e-6)
    assert plan.seconds <= 1.1 * limit_s + 5
    assert verify_estate(problem, plan) == []
    assert plan.status in (("optimal",) if limit_s else ("optimal", "feasible", "unknown"))
    if plan.option is not None:
        check_estate(problem, plan)
    if limit_s:
        assert plan.objective == pytest.approx(cheapest_of_all(problem), rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("route", ["exact", "decomposed"])
def test_rows_that_contradict_each_other_are_named(route):
    problem = random_problem(17)
    both = csr_matrix(np.ones((2, problem.n_options)))
    rows = replace(
        problem, row_matrix=both, row_lower=[problem.n_facilities + 1, -np.inf], row_upper=[np.inf, np.inf],
        row_name=("more options than facilities", "anything"),
    )  # fmt: skip
    plan = solve_estate(rows, route=route, time_limit_s=10)
    assert plan.status == "infeasible" and plan.clash == (0,) and plan.bound == np.inf
    assert verify_estate(rows, plan) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_branch_loses_a_plan_that_is_cheap_enough_or_tells_a_bound_above_one(seed, monkeypatch):
    monkeypatch.setattr(branching, "PASSES", 2)  # so that little is closed by bounds alone
    problem = county(seed, 8, 24, 1)
    problem = replace(problem, row_lower=np.full(4, -np.inf))
    layout = lay_out(problem)
    choices = [option for option in every_choice(problem) if keeps(problem, option)]
    costs = np.array([cheapest_flow_cost(problem, option) for option in choices])
    chosen = np.zeros((len(choices), problem.n_options), dtype=bool)
    np.put_along_axis(chosen, np.array(choices), True, axis=1)
    chosen = chosen[:, layout.option_order]
    cutoff = float(np.quantile(costs, 0.08))

    def within(branch):
        return (costs < cutoff) & ~(chosen & ~branch.allowed).any(axis=1)

    prices = Prices(layout)
    prices.ascend(300)
    tree = Branching(layout, prices)
    splits = 0
    while (branch := tree.take()) is not None:
        assert not within(branch).any() or branch.bound <= costs[within(branch)].min() + 1e-6
        split = tree.split(branch, cutoff)
        halves = np.sum([within(branch) & False, *(within(half) for half in split.halves)], axis=0)
        assert split.leaf or np.array_equal(halves, within(branch))  # each in one half and no other
        tree.give(branch, split, cutoff, 0.0, exact=True)
        splits += 1
    assert splits > 1


def test_the_plan_in_hand_is_always_what_it_is_said_to_cost(monkeypatch):
    # Neighbourhoods that overlap are written into a plan that is no longer what they were cut from.
    monkeypatch.setattr(improving, "MOSTLY_SHUT", 0.0)
    monkeypatch.setattr(improving, "SIZE", 40.0)
    monkeypatch.setattr(improving, "LEAST_SIZE", 20.0)
    monkeypatch.setattr(improving, "SWEEPS", 0)
    monkeypatch.setattr(attention, "LEAST", 4)
    monkeypatch.setattr(estate_decomposed, "PLACING_SHARE", -1.0)
    take, seen = estate_decomposed.Search._take, []

    def checked(search, task, found):
        take(search, task, found)
        problem, standing = search.problem, search.best.standing
        cost = plan_cost(problem, standing.option, standing.flow, unmet_shares(problem, standing.flow))
        assert standing.cost == pytest.approx(cost, rel=1e-6)
        assert np.all(loads(problem, standing.flow) <= places_at(problem, standing.option) + 1e-3)
        total = np.array([np.bincount(problem.arc_node, row, minlength=problem.n_nodes) for row in standing.flow])
        assert total.max() <= 1 + 1e-6
        assert all(keeps_rows(problem, option) for option in standing.option)
        seen.append(task.chosen is not None and task.chosen.overlaps)

    monkeypatch.setattr(estate_decomposed.Search, "_take", checked)
    monkeypatch.setattr(mosaics, "LEAST_TILE", 150.0)
    monkeypatch.setattr(mosaics, "TILE_GROWTH", 1.0)
    plan = solve_estate(county(5, 120, 400), route="decomposed", time_limit_s=6, gap=0, threads=3)
    assert sum(seen) > 3
    check_estate(county(5, 120, 400), plan)


def test_an_overlapping_neighbourhood_makes_those_begun_before_it_be_placed_anew():
    # Both close the same schools; written twice, the saving would count twice.
    problem = county(6)
    clock = Clock(30.0)
    plan = BestPlan(problem, clock, Reporter(clock, None), 0)
    plan.adopt(problem.baseline[None, :])
    first, seen = plan.standing.cost, plan.seen
    prices = Prices(lay_out(problem))
    prices.ascend(500)
    load = loads(problem, plan.standing.flow)
    shut = np.zeros(problem.n_facilities, dtype=bool)
    hoods = [neighbourhood(problem, prices.pupil, plan.standing, load, np.arange(n), shut, 0.25, 1) for n in (12, 15)]
    found = [solve_part(problem, hood.part, Effort(10.0, None, 1.0), hood.start) for hood in hoods]
    plan.write(hoods[0], found[0], seen, overlaps=True)
    assert plan.standing.cost < first
    plan.write(hoods[1], found[1], seen, overlaps=False)
    standing = plan.standing
    cost = plan_cost(problem, standing.option, standing.flow, unmet_shares(problem, standing.flow))
    assert standing.cost == pytest.approx(cost, rel=1e-7)


def test_rows_met_within_tolerance_leave_a_bound():
    # The baseline misses a row by less than plans may; HiGHS takes tiles for infeasible there.
    problem = county(1, 16, 50)
    level = problem.row_matrix[:, problem.baseline].sum(axis=1).A1
    problem = replace(problem, row_lower=level * (1 + 5e-7))
    told = []
    solve_estate(problem, route="decomposed", time_limit_s=4, progress=told.append)
    assert all(now.bound < np.inf for now in told)


@pytest.mark.parametrize("seed", range(4))
def test_branching_proves_what_the_exact_route_proves(seed, monkeypatch):
    # A half pruned wrongly would make the bound of the rest a false proof.
    rng = np.random.default_rng(seed)
    n, m = 60, 12
    demand = rng.integers(10, 90, n).astype(float)
    node, facility = np.divmod(np.arange(n * m), m)
    opened = np.tile([0.0, 1.0], m)
    problem = EstateProblem(
        option_facility=np.repeat(np.arange(m), 2),
        option_cost=opened * np.repeat(rng.uniform(60_000, 100_000, m), 2),
        option_capacity=(opened * demand.sum() / 3.3)[:, None],
        demand=demand[None],
        arc_node=node,
        arc_facility=facility,
        arc_cost=rng.uniform(60, 400, n * m)[None],
        unmet_cost=np.full((1, n), 4000.0),
        row_matrix=csr_matrix(np.tile([0.0, 1.0], m)[None]),
        row_lower=[4.0 if seed % 2 else -np.inf],
        row_upper=[np.inf],
    )
    splits = []
    take_split = estate_decomposed.Search._take_split
    monkeypatch.setattr(estate_decomposed, "MUCH_WANTED", 0.0)
    monkeypatch.setattr(estate_decomposed.Search, "_take_split", lambda *given: splits.append(1) or take_split(*given))
    plan = solve_estate(problem, route="decomposed", time_limit_s=30, gap=1e-5)
    exact = solve_estate(problem, route="exact", time_limit_s=30, gap=1e-6)
    check_estate(problem, plan)
    assert splits and plan.status == "optimal"
    assert plan.objective == pytest.approx(exact.objective, rel=2e-5)
    assert plan.bound <= exact.objective * (1 + 1e-7)


def test_todays_estate_is_told_before_any_tile_is_solved(monkeypatch):
    # Somebody who watches would else see no plan for a quarter of the time although one is known.
    told, known = [], []
    bound_tile = mosaics.Mosaics.bound
    monkeypatch.setattr(mosaics.Mosaics, "bound", lambda *args: (known.append(len(told)), bound_tile(*args))[1])
    problem = county(3)
    solve_estate(problem, route="decomposed", time_limit_s=5, progress=told.append)
    assert known and min(known) > 0
    assert np.isfinite(told[0].incumbent)


def test_a_bound_above_the_cost_is_said_to_be_wrong_and_leaves_no_proof():
    # It can only come from a mistake of ours: nobody may be shown it, or the prices and tiles that it rests on.
    problem = county(2, 12, 20)
    option = problem.baseline[None, :]
    flow, unmet = place_pupils(problem, option, Clock(None))
    cost = plan_cost(problem, option, flow, unmet)
    proof = Proof(np.zeros(problem.demand.shape), np.zeros((1, problem.n_rows)))
    with pytest.warns(RuntimeWarning, match="above the plan's cost"):
        plan = estate_answer(problem, option, flow, 1.01 * cost, 1e-4, Clock(None), "decomposed", proof)
    assert plan.proof is None and plan.bound == bound_by_parts(problem) < cost
    assert verify_estate(problem, plan) == []


@pytest.mark.parametrize("cores", [2, 3])
def test_a_pass_is_the_same_on_several_cores(monkeypatch, cores):
    # Parts that overlapped or were left out would make a bound of nothing.
    monkeypatch.setattr(prices_of, "SHARED_FLOWS", 0)
    problem = county(4)
    layout = lay_out(problem)
    alone, shared = Prices(layout), Prices(layout, cores=cores)
    rng = np.random.default_rng(4)
    pupil, row = rng.uniform(0, 400, problem.demand.shape), rng.uniform(0, 5, (1, problem.n_rows))
    with ThreadPoolExecutor(cores) as pool:
        one, other = alone.evaluate(pupil, row), shared.evaluate(pupil, row, pool)
    assert len(shared._parts) == cores + 1
    assert other.bound == pytest.approx(one.bound, rel=1e-12)
    assert np.allclose(other.placed, one.placed) and np.array_equal(other.followed, one.followed)
    assert np.array_equal(other.value, one.value) and np.array_equal(other.level, one.level)


@pytest.mark.parametrize("seed", range(3))
def test_prices_of_slices_that_cost_thousands_of_times_more_are_found_as_well(seed, monkeypatch):
    # An entry year with a nominal journey beside a last year that stands for ten: one step for both crawls.
    factor = np.array([[1.0], [1000.0]])
    problem = county(seed)
    problem = replace(
        problem,
        arc_cost=problem.arc_cost * factor,
        unmet_cost=problem.unmet_cost * factor,
        option_cost=problem.option_cost * 300,
    )
    least = solve_estate(problem, route="exact", gap=1e-4).bound
    own = Prices(lay_out(problem))
    own.ascend(200)
    monkeypatch.setattr(prices_of, "_scales", lambda layout: np.ones(layout.problem.n_slices))
    same = Prices(lay_out(problem))
    same.ascend(200)
    assert least - own.bound < 0.8 * (least - same.bound)


def test_the_proof_is_that_of_the_mosaic_with_the_best_bound():
    # A later mosaic may prove less; questions about the plan would then rest on the weaker one.
    problem = county(7)
    layout, clock = lay_out(problem), Clock(20.0)
    prices = Prices(layout)
    prices.ascend(300)
    load = np.full(problem.n_facilities, 10.0)
    tiling = Tiling(problem, np.ones(problem.n_arcs, dtype=bool), load, 0)
    efforts = Efforts(clock, 0, threading.Event())
    reporter = Reporter(clock, None)
    own = mosaics.Mosaics(problem, layout, prices, tiling, load, 1e-4, efforts, clock, reporter, 1)
    good, poor = own._lay(100.0, 5.0), own._lay(100.0, 5.0)
    own.take(good, 0, own.bound(good, 0, None))
    own.take(poor, 0, PartPlan(np.inf, -np.inf, None, None, False))
    assert good.bound > poor.bound
    assert np.array_equal(own.proof().tile_bound, good.tiles)


def test_without_a_limit_tiles_are_given_more_nodes_until_the_whole_estate_is_proven(monkeypatch):
    # So few nodes that no tile can be closed at first: once it searched on for ever.
    monkeypatch.setattr(mosaics, "TILE_NODES", 1)
    laid = []
    following = mosaics.Mosaics._following

    def counted(own):
        laid.append(1)
        assert len(laid) < 40
        return following(own)

    monkeypatch.setattr(mosaics.Mosaics, "_following", counted)
    problem = replace(county(0, 12, 40), single_site=True)
    plan = solve_estate(problem, route="decomposed", time_limit_s=None, gap=1e-3)
    assert plan.status == "optimal"


def test_no_time_at_all_costs_one_placing_and_not_two(monkeypatch):
    placed = []
    place = best_plan.place_and_tell
    monkeypatch.setattr(best_plan, "place_and_tell", lambda *given: placed.append(1) or place(*given))
    monkeypatch.setattr(best_plan, "place_pupils", lambda *given: pytest.fail("placed a second time"))
    plan = solve_estate(county(1), route="decomposed", time_limit_s=0)
    assert plan.option is not None and len(placed) == 1
    check_estate(county(1), plan)
