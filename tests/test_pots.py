"""Contributions in the plan: they steer it where they are due, are never counted twice, and agree with enumeration."""

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from independent_checker import check_estate
from scipy.optimize import linprog
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, site, village
from test_funding import given_by

from geodata.policy import Policy
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import decisions, option_table
from models.funding import capital_spent, fund
from models.growth import bulge, expand, new_school
from models.options import Facility, Option
from models.pots import _unions, contribution_pots, paid_by_pots
from models.rules import Row, capital_budget
from placeplan.estate.effects import decision_effects, placed_anew
from placeplan.estate.frontier import frontier
from placeplan.estate.requests import planned_alone, requests_in
from solvers import EstatePlan, alternatives, cost_of, rivals, solve_estate
from solvers.answers import settled_plan
from solvers.highs import Clock
from solvers.pots import settled
from solvers.transport import keeps_rows, place_pupils, plan_cost
from solvers.verify import verify_estate

CHEAP = {"residual_years": 0, "discount_rate": 0.035, "estate_gap": 0.0, "contributions_forward_years": 0}
A, B = "900001", "900002"
HALF_FORM = 15 * 7 * 21_014  # GBP


def stated(
    facilities: list[Facility],
    options: list[Option],
    nodes: pd.DataFrame,
    pupils: np.ndarray,
    metres: np.ndarray,
    contributions: pd.DataFrame | None,
    values: dict[str, object],
    probability: np.ndarray | None = None,
    staged: bool = False,
) -> Estate:
    """An estate with its contributions and, where `values` have one, its budget; `pupils` (K, T, 12, N)."""
    policy = Policy({**CHEAP, **values})
    pots = contribution_pots(contributions, facilities, options, YEARS, policy)
    rows: list[Row] = capital_budget(options, YEARS, policy, pots.due_by(len(YEARS))) + list(pots.rows)
    reach = Reach(np.arange(len(nodes)), metres, metres / 1000, np.ones(metres.shape, dtype=bool))
    return build_estate(
        facilities, options, rows, nodes, pupils, BANDS, YEARS, reach, policy, probability, staged, pots
    )  # fmt: skip


def between_two(contributions: pd.DataFrame | None, **values: object) -> Estate:
    """From 2024/25 ten more enter A a year than it has room for; A and B, half a kilometre on, could grow."""
    schools = [village(pan=20, key=A, name="A", planning_area={"primary": "North"}),
               village(pan=20, key=B, name="B", planning_area={"primary": "South"})]  # fmt: skip
    options = stays(schools) + [o for s in schools for o in expand(s, YEARS, Policy({"expand_fe": (0.5,)}))]
    pupils = growing((10.0, 0.0))
    metres = np.array([[1000.0, 1500.0], [9000.0, 500.0]])
    return stated(schools, options, homes(("a", A, 210, 1000), ("b", B, 140, 500)), pupils, metres, contributions,
                  {"unmet_gbp": 60_000, "disturbance_gbp": 0, **values})  # fmt: skip


def growing(more: tuple[float, ...]) -> np.ndarray:
    """(1, T, 12, N) twenty in each primary year group, and so many more in cohorts that enter from 2024/25 on."""
    pupils = np.zeros((1, 7, 12, len(more)))
    pupils[0, :, :7] = 20.0
    late = np.arange(7)[:, None] - np.arange(7) >= 1
    pupils[0, :, :7] += late[:, :, None] * np.array(more)
    return pupils


def solved(estate: Estate, **how: Any) -> EstatePlan:
    plan = solve_estate(estate.problem, **{"gap": 1e-9, **how})
    assert plan.objective - plan.bound <= 12 and verify_estate(estate.problem, plan) == []  # a pound for each sum
    if plan.scenario_option is None:
        check_estate(estate.problem, plan)
    return plan


def counted(estate: Estate, plan: EstatePlan) -> pd.DataFrame:
    """What a plan counts on, expected over futures: contributions, academic_year, counted_gbp; those that pay."""
    pots = estate.pots
    paid = [paid_by_pots(pots, one[estate.problem.n_schools :]) for one in plan.by_scenario]
    table = pd.DataFrame(
        {
            "contributions": [", ".join(pots.purses[m].sites) for m in pots.purse],
            "academic_year": [YEARS[t] for t in pots.year],
            "counted_gbp": estate.problem.stage_weight @ np.array(paid),
        }
    )
    return table[table["counted_gbp"] > 0]


def cost_of_digits(estate: Estate, plan: EstatePlan) -> float:
    """GBP, discounted; what contributions save is below 0."""
    return float(estate.problem.option_cost[plan.option[estate.problem.n_schools :]].sum())


def changed(estate: Estate, plan: EstatePlan) -> set[str]:
    return set(decisions(estate, plan.by_scenario)["facility"])


def test_a_contribution_tips_the_choice_between_two_schools() -> None:
    """The school next door costs half a kilometre more a pupil; with £1m due there it is the cheaper one to expand."""
    alone = between_two(None)
    plan = solved(alone)
    assert changed(alone, plan) == {A} and alone.problem.pot is None
    paid = between_two(given_by(("Mill", 1_000_000, "2023/24", None, "South")))
    with_it = solved(paid)
    assert changed(paid, with_it) == {B}
    told = counted(paid, with_it)
    assert told[["contributions", "academic_year", "counted_gbp"]].to_numpy().tolist() == [["Mill", "2023/24", 1e6]]
    assert -cost_of_digits(paid, with_it) == pytest.approx(1e6 / 1.035)
    # The same decision without the money costs so much more.
    unpaid = placed_anew(alone, with_it.option[:2]).total_gbp
    assert with_it.objective == pytest.approx(unpaid - 1e6 / 1.035) and unpaid > plan.objective
    here = solved(between_two(given_by(("Mill", 1_000_000, "2023/24", None, "North"))))
    assert here.objective == pytest.approx(plan.objective - 1e6 / 1.035)


@pytest.mark.parametrize(
    "lapsed",
    [("Mill", 1e6, "2020/21", "2022/23", "South"), ("Mill", 1e6, "2031/32", None, "South"),
     ("Mill", 1e6, "2023/24", None, "Elsewhere")],
)  # fmt: skip
def test_money_that_lapses_before_a_school_can_be_built_steers_nothing(lapsed: tuple) -> None:
    estate = between_two(given_by(lapsed))
    assert estate.problem.pot is None and changed(estate, solved(estate)) == {A}


def test_money_that_lapses_between_is_worth_building_in_time_for() -> None:
    """Capital falls in the year before opening. Due 2024/25 and lapsing then, £1m pays only for opening 2025/26."""
    estate = between_two(given_by(("Mill", 1_000_000, "2024/25", "2024/25", "South")), unmet_gbp=15_000)
    assert decisions(between_two(None, unmet_gbp=15_000), solved(between_two(None, unmet_gbp=15_000)).by_scenario)[
        ["facility", "academic_year"]].to_numpy().tolist() == [[A, "2024/25"]]  # fmt: skip
    told = decisions(estate, solved(estate).by_scenario)
    assert told[["facility", "academic_year"]].to_numpy().tolist() == [[B, "2025/26"]]


def test_the_authority_builds_before_money_is_due_and_waits_for_it() -> None:
    """Due two years after it is spent, a pound is worth its discount when it comes, not when the school is built."""
    given = given_by(("Mill", 1_000_000, "2025/26", None, "South"))
    estate = between_two(given, contributions_forward_years=2)
    plan = solved(estate)
    told = counted(estate, plan)
    assert changed(estate, plan) == {B} and told["academic_year"].tolist() == ["2023/24"]
    assert -cost_of_digits(estate, plan) == pytest.approx(1e6 / 1.035**3, rel=1e-5)


def test_policy_may_keep_contributions_out_of_the_plan() -> None:
    estate = between_two(given_by(("Mill", 1_000_000, "2023/24", None, "South")), contributions_in_plan="no")
    assert estate.problem.pot is None and changed(estate, solved(estate)) == {A}


def both_full(contributions: pd.DataFrame, **values: object) -> Estate:
    """Two schools far apart, each of which needs half a form at once."""
    estate = between_two(contributions, **values)
    return stated(list(estate.facilities), list(estate.options), estate.all_nodes, growing((15.0, 15.0)),
                  np.array([[1000.0, 90_000.0], [90_000.0, 500.0]]), contributions,
                  {"unmet_gbp": 60_000, **values})  # fmt: skip


def test_one_contribution_is_not_spent_twice() -> None:
    """£3m for two half forms of £2.2m: both are built, £3m are counted, not £4.4m."""
    estate = both_full(given_by(("Mill", 3_000_000, "2023/24", None, None)))
    plan = solved(estate)
    told = counted(estate, plan)
    assert changed(estate, plan) == {A, B} and told["counted_gbp"].sum() == pytest.approx(3e6)
    # And two contributions to one school pay no more than it costs.
    twice = between_two(given_by(("Mill", 2e6, "2023/24", None, "South"), ("Quay", 2e6, "2023/24", "2024/25", "South")))
    plan = solved(twice)
    told = counted(twice, plan)
    assert told["counted_gbp"].sum() == pytest.approx(HALF_FORM, abs=2)


def test_a_budget_is_of_the_authoritys_own_money() -> None:
    """£1.5m a year does not build a half form of £2.2m; with £1m due it does, but not where it is due only later."""
    poor = {"capital_budget_gbp_per_year": 1.5e6}
    assert changed(between_two(None, **poor), solved(between_two(None, **poor))) == set()
    rich = between_two(given_by(("Mill", 1_000_000, "2023/24", None, "North")), **poor)
    assert changed(rich, solved(rich)) == {A}
    later = given_by(("Mill", 1_000_000, "2025/26", None, "North"))
    estate = between_two(later, **poor, contributions_forward_years=2)
    assert decisions(estate, solved(estate).by_scenario)["academic_year"].tolist() == ["2026/27"]


def random_estate(seed: int, **values: object) -> tuple[Estate, pd.DataFrame]:
    """Two schools and a site in one or two areas, four to six options each, and one to three contributions."""
    rng = np.random.default_rng(seed)
    areas = rng.choice(["North", "South"], 3)
    made = [
        village(pan=20, key=A, name="A"),
        village(pan=20, key=B, name="B"),
        site(key="S1", available_from="2024/25"),
    ]
    facilities = [replace(one, planning_area={"primary": str(area)}) for one, area in zip(made, areas, strict=True)]
    policy = Policy({**CHEAP, **values})
    options = stays(facilities)
    for one in facilities:
        grown = (
            new_school(one, YEARS, policy) if one.site else [*expand(one, YEARS, policy), *bulge(one, YEARS, policy)]
        )
        options += [grown[i] for i in sorted(rng.choice(len(grown), 4, replace=False))]
    wheres = [None, "North", "South", A, B, "S1"]
    rows = []
    for k in range(int(rng.integers(1, 4))):
        due = int(rng.integers(0, 5))
        until = None if rng.random() < 0.5 else YEARS[min(due + int(rng.integers(0, 4)), 6)]
        amount = float(rng.choice([rng.integers(200, 6000) * 1000, rng.uniform(2e5, 6e6)]))
        rows.append((f"C{k}", amount, YEARS[due], until, wheres[int(rng.integers(6))]))
    given = given_by(*rows)
    pupils = growing(tuple(rng.uniform(0, 25, 2)))
    metres = np.abs(np.subtract.outer(rng.uniform(0, 8000, 2), rng.uniform(0, 8000, 3))) + 100
    nodes = homes(("a", A, 140, float(metres[0, 0])), ("b", B, 140, float(metres[1, 1])))
    cost = {"unmet_gbp": float(rng.choice([8_000, 15_000, 60_000])), **values}
    return stated(facilities, options, nodes, pupils, metres, given, cost), given


def most_saved(estate: Estate, chosen: np.ndarray, given: pd.DataFrame, forward: int) -> float:
    """GBP, discounted, that contributions can save beside these options: one transport, written from the definition."""
    by_key = {facility.key: facility for facility in estate.facilities}
    pairs, worth = [], []
    items = [(o, t) for o in chosen[: len(estate.facilities)] for t in range(7) if estate.options[o].capital_gbp[t] > 0]
    for c, row in enumerate(given.to_dict("records")):
        due = YEARS.index(row["due_year"])
        last = YEARS.index(row["spend_by"]) if isinstance(row["spend_by"], str) else 99
        for i, (o, t) in enumerate(items):
            facility = by_key[estate.options[o].facility]
            where = row["spend_where"]
            if due - forward <= t <= last and (
                not isinstance(where, str) or where in (facility.planning_area["primary"], facility.key)
            ):
                pairs.append((c, i))
                worth.append(1.035 ** -(max(due, t) + 1))
    if not pairs:
        return 0.0
    limits = np.zeros((len(given) + len(items), len(pairs)))
    for p, (c, i) in enumerate(pairs):
        limits[c, p] = limits[len(given) + i, p] = 1
    most = [*given["amount_gbp"], *(estate.options[o].capital_gbp[t] for o, t in items)]
    return -float(linprog(-np.array(worth), A_ub=limits, b_ub=most, method="highs").fun)


def enumerated(estate: Estate, given: pd.DataFrame, forward: int) -> float:
    """The least cost over every choice of options, contributions laid out exactly beside each."""
    problem = estate.problem
    best = np.inf
    mine = [np.flatnonzero(problem.option_facility == f) for f in range(problem.n_schools)]
    for choice in product(*mine):
        option = np.array([*choice, *problem.baseline[problem.n_schools :]])
        flow, unmet = place_pupils(problem, option, Clock(None))
        best = min(best, plan_cost(problem, option, flow, unmet) - most_saved(estate, option, given, forward))
    return best


@pytest.mark.parametrize("seed", range(24))
def test_the_programme_agrees_with_every_choice_and_an_exact_layout(seed: int) -> None:
    """Never better than the truth, which would count money twice, nor dearer than a pound for each sum."""
    forward = int(np.random.default_rng(seed).integers(3))
    estate, given = random_estate(seed, contributions_forward_years=forward)
    plan = solved(estate)
    truth = enumerated(estate, given, forward)
    assert truth - 0.1 <= plan.objective <= truth + 12 + 1e-5 * given["amount_gbp"].sum()
    assert plan.bound <= truth + 1e-5 * given["amount_gbp"].sum()
    tiled = solve_estate(estate.problem, gap=1e-7, route="decomposed", time_limit_s=20)
    assert verify_estate(estate.problem, tiled) == [] and tiled.bound <= truth + 1e-5 * given["amount_gbp"].sum()
    assert tiled.objective == pytest.approx(plan.objective, abs=12 + 1e-6 * abs(plan.objective))
    taken = {int(o): 1.0 for o in plan.option[: estate.problem.n_schools]}
    _, left = fund(capital_spent(estate.options, YEARS, taken), given, estate.facilities, forward, 0.035, "2022/23")
    told = counted(estate, plan)
    assert told["counted_gbp"].sum() <= left["spent_gbp"].sum() + 0.01
    assert -cost_of_digits(estate, plan) == pytest.approx(left["saved_gbp"].sum(), abs=40)


def test_a_decision_taken_back_gives_its_money_back() -> None:
    """The plan without the school has neither its capital nor its contribution, and no decision is a sum of money."""
    estate = both_full(given_by(("Mill", 3_000_000, "2023/24", None, None)))
    plan = solved(estate)
    effects = decision_effects(estate, plan).set_index("facility")
    assert set(effects.index) == {A, B} and len(option_table(estate)) == len(estate.options)
    own = estate.problem.option_cost[plan.option[0]]
    # £3m cover all of the other's half form; what they cover of this one, £0.8m, falls away with it.
    paid = (3_000_000 - HALF_FORM) / 1.035
    assert effects.loc[A, "options_gbp"] == pytest.approx(own - paid, abs=2)
    without = plan.option.copy()
    without[0] = estate.problem.baseline[0]
    assert not keeps_rows(estate.problem, without) and keeps_rows(estate.problem, settled(estate.problem, without))


def test_questions_about_a_plan_keep_to_its_money() -> None:
    """Another decision, other plans, other prices and the plan without requests: rules hold, no sum is a decision."""
    estate, _ = random_estate(28)
    problem = estate.problem
    plan = solved(estate)
    first = int(problem.baseline[int(np.flatnonzero(plan.option[:3] != problem.baseline[:3])[0])])
    forced = cost_of(problem, plan, int(problem.option_facility[first]), first, time_limit_s=10)
    assert verify_estate(problem, forced.plan) == [] and forced.extra_gbp >= -1e-3
    for other in alternatives(problem, plan, within=0.5, k=2, time_limit_s=10):
        assert verify_estate(problem, other.plan) == [] and not other.changed[problem.n_schools :].any()
        assert other.differs <= problem.n_schools
    policy = Policy({**CHEAP, "frontier_prices": (0.5, 2), "estate_time_limit_s": 20})
    table = frontier(estate, plan, policy)["frontier"]
    assert table["changes"].max() <= problem.n_schools and table.loc[1, "schools_gbp"] == 0
    assert requests_in(estate, plan) >= 1  # the site is nobody's but the proposer's
    alone = planned_alone(estate, plan, policy)
    assert alone.objective >= plan.objective - 1e-3


@pytest.mark.parametrize("seed", range(10))
def test_a_runner_up_is_compared_with_its_money(seed: int) -> None:
    """What another decision costs more, out of the part that hangs together by money too, and by the whole problem."""
    estate, _ = random_estate(seed)
    problem, plan = estate.problem, solved(estate)
    for facility in range(problem.n_schools):
        taken = plan.option[[facility]]
        kept = np.flatnonzero(np.arange(problem.n_options) != taken)
        other = solve_estate(problem.with_options(kept), gap=1e-9)
        asked = partial(rivals, problem, facility, taken, np.atleast_2d(plan.option), gap_gbp=1.0, sharp=True)
        told = asked(time_limit_s=20)
        least, most = told.more_gbp
        truth = other.objective - plan.objective
        assert least - 1 <= truth <= most + 1 and most - least <= 3 + 0.05 * truth
        # Without time there is a plan still: the decision taken back, and its money with it.
        assert truth - 1 <= asked(time_limit_s=0.0).more_gbp[1] < np.inf


def test_in_two_stages_money_is_spent_once_in_every_future() -> None:
    """Half a form where children come, in one future of two: its contribution is spent in that future alone."""
    school = village(pan=20)
    options = stays([school]) + expand(school, YEARS, Policy({"expand_fe": (0.5,)}))
    pupils = np.concatenate([growing((0.0,)), growing((15.0,))])
    given = given_by(("Mill", 1_000_000, "2023/24", None, "North"))
    estate = stated([school], options, homes(("a", A, 140, 500)), pupils, np.array([[500.0]]), given,
                    {"unmet_gbp": 9_000}, np.array([0.5, 0.5]), True)  # fmt: skip
    plan = solved(estate)
    assert estate.problem.two_stage and plan.scenario_option is not None
    told = counted(estate, plan)
    builds = [estate.options[o].capital_gbp.any() for o in plan.by_scenario[:, 0]]
    assert builds == [False, True] and told["counted_gbp"].sum() == pytest.approx(500_000)


def test_what_overlaps_too_much_is_left_out_and_not_counted_wrongly() -> None:
    """Sixteen contributions to rings of three schools each chain to hundreds of unions: the smallest are left out."""
    given = given_by(("Mill", 1_000_000, "2023/24", None, None))
    purse = between_two(given).pots.purses[0]
    rings = [replace(purse, keys=frozenset({f"{k}", f"{(k + 1) % 16}", f"{(k + 5) % 16}"}), amount_gbp=1e6 - k)
             for k in range(16)]  # fmt: skip
    unions = _unions(rings)
    left_out = {i for i, one in enumerate(rings) if one.keys not in unions}
    assert left_out and 0 not in left_out
    for one in unions:
        assert all(one | other in unions for other in unions if one & other)


def test_a_plan_that_is_good_enough_has_all_its_money() -> None:
    """Half a form started from and a gap of all there is: nothing is searched, and what is due is still counted."""
    estate = between_two(given_by(("Mill", 1_000_000, "2023/24", None, "South")))
    best = solved(estate)
    poor = best.option.copy()
    poor[estate.problem.n_schools :] = estate.problem.baseline[estate.problem.n_schools :]
    short = replace(best, option=poor, objective=best.objective + 1e6 / 1.035, bound=0.0, gap=1.0)
    whole = settled_plan(estate.problem, short, 1e-9)
    assert whole.objective == pytest.approx(best.objective) and whole.option.tolist() == best.option.tolist()
    assert verify_estate(estate.problem, whole) == []
    # A plan to begin from whose sums are more than is built is mended, not thrown away.
    poor = best.option.copy()
    poor[estate.problem.n_schools :] = [
        np.flatnonzero(estate.problem.option_facility == f)[-1]
        for f in range(estate.problem.n_schools, estate.problem.n_facilities)
    ]
    assert not keeps_rows(estate.problem, poor)
    begun = solve_estate(estate.problem, gap=10.0, start=replace(best, option=poor))
    assert begun.objective == pytest.approx(best.objective)
