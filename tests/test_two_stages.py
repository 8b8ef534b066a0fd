"""Deciding now only what must be begun now, and what the authority may decide alone: worked by hand and on a study."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from small_study import PRIMARIES, grow, policy, write_small_study
from stored_plans import check_stored_plans
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import decisions
from models.growth import expand
from placeplan.estate.frontier import frontier
from placeplan.estate.requests import planned_alone, request_summary, requests_in
from placeplan.estate.waiting import planned_at_once, waiting_summary
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.verification import verify_results
from solvers import solve_estate

CHEAP_VALUES = {
    "residual_years": 0, "discount_rate": 0.0, "estate_gap": 0.0, "expand_fe": (0.5,), "unmet_gbp": 12_000,
}  # fmt: skip
CHEAP = Policy(CHEAP_VALUES)


def two_futures(kind: str = "Community school", staged: bool = True, policy: Policy = CHEAP) -> Estate:
    """One school of 20 a year: as many come in one future, 35 a year from Reception up in the other, both as likely."""
    school = village(pan=20, type=kind)
    pupils = np.zeros((2, 7, 12, 1))
    pupils[:, :, :7] = 20.0
    for t in range(7):
        pupils[1, t, : min(t + 1, 7)] = 35.0
    reach = Reach(np.zeros(1, dtype=int), np.array([[500.0]]), np.array([[1.0]]), np.ones((1, 1), dtype=bool))
    options = stays([school]) + expand(school, YEARS, CHEAP)
    nodes = homes(("a", "900001", 140, 500))
    return build_estate([school], options, [], nodes, pupils, BANDS, YEARS, reach, policy, np.array([0.5, 0.5]), staged)


def test_a_plan_to_begin_from_is_left_as_it_is() -> None:
    """What is planned again from it, under other rules, must not rewrite what was decided."""
    estate = two_futures()
    plan = solve_estate(estate.problem, gap=1e-9)
    before = plan.by_scenario.copy()
    assert len(np.unique(before)) > 1
    tight = replace(  # nothing but today's estate is left
        estate.problem,
        row_matrix=csr_matrix((estate.problem.option_cost[None] > 0).astype(float)),
        row_lower=np.array([-np.inf]),
        row_upper=np.array([0.0]),
        row_name=("nothing is built",),
    )
    anew = solve_estate(tight, gap=1e-9, start=replace(plan, proof=None))
    assert (anew.by_scenario == estate.problem.baseline).all()
    assert (plan.by_scenario == before).all()


def test_what_can_wait_follows_the_future_that_comes() -> None:
    """Half a form, £2.2m: begun now, in both futures, it saves £1.9m; later, in one of them, £1.35m for £1.1m."""
    estate = two_futures()
    plan = solve_estate(estate.problem, gap=1e-9)
    table = decisions(estate, plan.by_scenario)
    # From 2024/25 it must be begun now, in both futures; a year later it may wait, and is built in one of them.
    assert table[["action", "academic_year", "probability"]].to_numpy().tolist() == [["expand", "2025/26", 0.5]]
    whole = planned_at_once(estate, CHEAP)
    told = waiting_summary(plan, whole)["waiting"]
    least = whole.objective - plan.objective
    assert least > 0 and told["saves_least_gbp"] <= least + 1 and told["saves_most_gbp"] >= least - 1
    # Had it to be the same in both, it would be worth its money for one of two futures, or not at all.
    assert len(np.unique(whole.by_scenario, axis=0)) == 1


def test_what_must_be_begun_now_is_the_same_in_every_future() -> None:
    estate = two_futures()
    first = estate.problem.option_first
    now = [option.start_now for option in estate.options]
    assert first is not None and (first > 0).tolist() == now and len(set(first[first > 0])) == sum(now)
    assert two_futures(staged=False).problem.option_first is None


@pytest.mark.parametrize("staged", [True, False])
def test_without_requests_the_estate_is_planned_by_the_authority_alone(staged: bool) -> None:
    """The trust says no: then every pupil over its admission number is without a place."""
    dear = Policy({**CHEAP_VALUES, "unmet_gbp": 25_000})
    estate = two_futures("Academy converter", staged, dear)
    plan = solve_estate(estate.problem, gap=1e-9)
    assert requests_in(estate, plan) == 1
    alone = planned_alone(estate, plan, dear)
    assert decisions(estate, alone.by_scenario).empty
    told = request_summary(estate, plan, alone)
    assert told["asked_of"] == ["Academy trust"] and told["count"] == 1
    truth = alone.objective - plan.objective
    assert truth > 0 and told["worth_least_gbp"] <= truth + 1 <= told["worth_most_gbp"] + 2
    own = two_futures(staged=staged, policy=dear)
    assert requests_in(own, solve_estate(own.problem, gap=1e-9)) == 0


def test_a_request_names_the_trust_where_it_is_known() -> None:
    """The words academy trust alone send an officer looking for whom to write to."""
    estate = two_futures("Academy converter", False, Policy({**CHEAP_VALUES, "unmet_gbp": 25_000}))
    estate = replace(estate, facilities=[replace(estate.facilities[0], trust="Vale Learning Trust")])
    table = decisions(estate, solve_estate(estate.problem, gap=1e-9).by_scenario)
    assert table["asked_of"].tolist() == ["Vale Learning Trust"]


def test_a_study_in_two_stages_stands_up_to_its_checks(tmp_path: Path) -> None:
    """From tables to a verified plan, with what is decided now certain and what can wait in some futures only."""
    folder = write_small_study(tmp_path / "study", years=9)
    grow(folder, "A", 95)
    policy(
        folder, 'estate_demand = "scenarios"', "estate_scenarios = 3", 'estate_two_stages = "yes"', "estate_draws = 30"
    )
    policy(folder, "estate_time_limit_s = 10")
    list(run_stages(Study.open(folder)))
    study = Study.open(folder)
    summary = json.loads((study.results / "estate/summary.json").read_text())
    assert summary["waiting"]["saves_least_gbp"] <= summary["waiting"]["saves_most_gbp"]
    table = read_stage(study.results / "estate", "decisions")
    assert len(table) and (table.loc[table["start_now"], "probability"] > 0.999).all()
    assert table["probability"].between(0, 1).all() and str(PRIMARIES["A"]) in set(table["facility"])
    assert not any(verify_results(study).values())
    check_stored_plans(folder)
    page = (study.results / "report/report.html").read_text()
    assert "Decided now is only what has to be begun now" in page


def test_the_frontier_trades_money_for_places() -> None:
    """The dearer a pupil without a place, the more is built and the fewer are left; each plan is measured alike."""
    estate = two_futures(staged=False, policy=Policy({**CHEAP_VALUES, "unmet_gbp": 9_000}))
    plan = solve_estate(estate.problem, gap=1e-9)
    told = frontier(estate, plan, Policy({**CHEAP_VALUES, "frontier_prices": (0.5, 3)}))
    table = told["frontier"].set_index("plan")
    own, today = table.loc["the plan"], table.loc["today's estate"]
    # Nothing is built at £9,000: in one future of two 15 more stay out in 1, 2 … 7 year groups of the seven years.
    assert own["changes"] == today["changes"] == 0
    assert own["pupil_years_without_place"] == pytest.approx(0.5 * 15 * 28) == today["pupil_years_without_place"]
    dear = table.loc["price of a pupil without a place × 3"]
    assert dear["changes"] == dear["differs"] == 1 and dear["schools_gbp"] > 2_000_000
    assert dear["pupil_years_without_place"] < own["pupil_years_without_place"]
    assert table.loc["price of a pupil without a place × 0.5", "changes"] == 0
    assert (table["beaten_by"] == "").all()
    placed = own["pupil_years_without_place"] - dear["pupil_years_without_place"]
    decided = told["frontier_decisions"]
    assert decided[["plan", "action", "probability"]].to_numpy().tolist() == [[dear.name, "expand", 1.0]]
    assert own["journey_km"] == 0 and dear["journey_km"] == pytest.approx(0.5 * placed)  # half a kilometre each


def test_two_stages_without_futures_are_said_to_do_nothing(tmp_path: Path) -> None:
    """Who asks for two stages and plans for one future would take the plan for one that leaves things open."""
    folder = write_small_study(tmp_path / "study")
    policy(folder, 'estate_two_stages = "yes"')
    list(run_stages(Study.open(folder)))
    results = Study.open(folder).results
    summary = json.loads((results / "estate/summary.json").read_text())
    assert any("estate_two_stages does nothing" in warning for warning in summary["warnings"])
    assert "estate_two_stages does nothing" in (results / "report/report.html").read_text()
