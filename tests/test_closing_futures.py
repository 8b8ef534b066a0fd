"""Closures that some futures bring only, that run out, or that others would be sent into: by hand."""

import numpy as np
import pytest
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.closing import closing, home_of
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import option_table
from models.options import CLOSE
from models.reductions import close
from models.rules import Row
from models.seating import seated
from placeplan.closures.keeping import keeping_table
from placeplan.estate.seated import planned_with_seats, with_seats
from placeplan.estate.what_if import decided
from solvers import EstatePlan, solve_estate
from solvers.highs import Clock
from solvers.transport import place_pupils, plan_cost
from solvers.verify import verify_estate

PLAIN = {"residual_years": 0, "discount_rate": 0.0, "disturbance_gbp": 0, "transport_gbp": 0, "estate_gap": 1e-9}


def futures(a: tuple[float, float], c: tuple[float, float], staged: bool, policy: Policy) -> Estate:
    """A and C, 400 m apart, with so many pupils a year group in each of two futures; C may close."""
    pupils = np.zeros((2, 7, 12, 2))
    pupils[:, :, :7, 0], pupils[:, :, :7, 1] = np.array(a)[:, None, None], np.array(c)[:, None, None]
    schools = []
    for f, key in enumerate(("900001", "900003")):
        mean = pupils.mean(axis=0)[:, :, f]
        schools.append(village(key=key, name=key, pupils=mean, holds=0 * mean, ground="surplus" if f else ""))
    options = stays(schools) + close(schools[1], YEARS, policy)
    metres = np.array([[500.0, 900.0], [900.0, 500.0]])
    reach = Reach(np.arange(2), metres, metres / 1000, np.ones((2, 2), dtype=bool))
    nodes = homes(("a", "900001", 7 * max(a), 500), ("c", "900003", 7 * max(c), 500))
    return build_estate(
        schools, options, [], nodes, pupils, BANDS, YEARS, reach, policy, np.array([0.5, 0.5]), staged
    )  # fmt: skip


def test_keeping_is_set_against_the_plan_also_where_a_school_closes_in_one_future_only() -> None:
    """Set against closing in every future, keeping would seem to save what the plan never spends."""
    policy = Policy(PLAIN | {"school_fixed_cost_gbp": 200_000, "unmet_gbp": 30_000})
    estate = futures((20, 28), (6, 6), True, policy)
    found = planned_with_seats(estate, lambda one, _: solve_estate(one.problem, gap=1e-9), policy)
    chosen = found.plan.by_scenario
    actions = [estate.options[o].action for o in chosen[:, 1]]
    assert sorted(actions) == [CLOSE, "stay"]
    told = keeping_table(estate, found.plan, policy)[0].iloc[0]
    never = np.tile(estate.problem.baseline, (2, 1))
    truth = plan_cost(estate.problem, never, *place_pupils(estate.problem, never, Clock(None))) - found.plan.objective
    assert truth > 1e5 and told["closes_share"] == 0.5
    assert told["keeping_least_gbp"] <= truth + 0.01 and told["keeping_most_gbp"] >= truth - 0.01
    assert told["keeping_most_gbp"] - told["keeping_least_gbp"] <= 1 + 0.05 * truth
    mine, others = decided(option_table(estate), chosen[:, 1])
    assert set(chosen[:, 1]) <= set(mine) and [estate.options[o].action for o in others] == ["stay"]


def test_keeping_counts_the_seats_of_this_plan() -> None:
    """A has no place for four of C's Y2: they go to B, farther away, and keeping C saves that way too."""
    policy = Policy(PLAIN | {"school_fixed_cost_gbp": 60_000, "closure_keeping_seconds": 10, "closing_cost_gbp": 0})
    counts = ([20, 20, 28, 20, 20, 20, 20], [10] * 7, [3, 3, 6, 3, 3, 3, 3])
    pupils = np.zeros((1, 7, 12, 3))
    pupils[0, :, :7] = np.array(counts).T
    schools = [
        village(key=f"90000{f}", name="ABC"[f], pupils=pupils[0, :, :, f], holds=0 * pupils[0, :, :, f],
                ground="surplus" if f == 2 else "")
        for f in range(3)
    ]  # fmt: skip
    options = stays(schools) + close(schools[2], YEARS, policy)[:1]
    metres = np.array([[500.0, 5000, 900], [5000, 500, 900], [900, 4000, 500]])
    reach = Reach(np.arange(3), metres, metres / 1000, np.ones((3, 3), dtype=bool))
    nodes = homes(*((f"h{f}", schools[f].key, sum(counts[f]), 500) for f in range(3)))
    estate = build_estate(schools, options, [], nodes, pupils, BANDS, YEARS, reach, policy)
    found = planned_with_seats(estate, lambda one, _: solve_estate(one.problem, gap=1e-9), policy)
    assert not found.short and found.seating_gbp > 1_000 and found.plan.by_scenario[0, 2] == 3
    stays_open = estate.problem.baseline[None]
    truth = plan_cost(estate.problem, stays_open, *place_pupils(estate.problem, stays_open, Clock(None)))
    told = keeping_table(estate, found.plan, policy)[0].iloc[0]
    for name in ("keeping_least_gbp", "keeping_most_gbp"):
        assert told[name] == pytest.approx(truth - found.plan.objective, abs=1)


def test_a_school_that_runs_out_holds_its_own_year_groups_in_every_future() -> None:
    """Places for 7½ a year group would hold the six of a smaller future's Y1, which is gone, in those of Y2 and up."""
    policy = Policy(PLAIN | {"school_fixed_cost_gbp": 2_000_000, "closing": "phased", "closing_phase_years": 2})
    estate = futures((10, 10), (6, 9), False, policy)
    plan = solve_estate(estate.problem, gap=1e-9)
    closes = closing(estate, plan.by_scenario)
    since = int(closes.since[0, 1])
    assert since < 7
    found = seated(estate, plan.by_scenario, plan.flow, plan.unmet, policy)
    gone = np.broadcast_to(closes.gone[0, 1], found.rolls[:, 1].shape)
    assert gone[0, since - 1, :7].tolist() == [True, True, *[False] * 5]
    assert found.rolls[:, 1][gone].max() <= 0.01 and not found.short
    assert found.rolls[0, 1, since - 1, 2:7] == pytest.approx(np.full(5, 6))
    assert found.rolls[:, 0, since - 1, :2].min() >= 16 - 0.01  # ten of its own, and C's


def test_nobody_is_sent_to_a_school_in_its_last_year() -> None:
    """B is too small by eight a year group; C, nearer than A, closes. Its own pupils go to A for a shorter way."""
    policy = Policy(PLAIN | {"school_fixed_cost_gbp": 1_500_000, "unmet_gbp": 20_000, "nearer_journey_share": 1.0})
    rolls = {"900000": 10, "900001": 38, "900002": 8}
    pupils = np.zeros((1, 7, 12, 3))
    pupils[0, :, :7] = list(rolls.values())
    schools = [
        village(key=key, name=key, pupils=pupils[0, :, :, f], holds=0 * pupils[0, :, :, f],
                ground="surplus" if key == "900002" else "")
        for f, key in enumerate(rolls)
    ]  # fmt: skip
    closings = close(schools[2], YEARS, policy)
    options = stays(schools) + closings[:1] + closings[3:4]
    later = Row("not so early", np.array([3]), np.array([1.0]), -np.inf, 0.0, "schools")
    metres = np.array([[500.0, 9000, 9000], [9000, 500, 1500], [600, 9000, 9000]])
    reach = Reach(np.arange(3), metres, metres / 1000, np.ones((3, 3), dtype=bool))
    nodes = homes(("a", "900000", 70, 500), ("b", "900001", 266, 500), ("c", "900002", 56, 9000))
    estate = build_estate(schools, options, [later], nodes, pupils, BANDS, YEARS, reach, policy)
    plan: EstatePlan = solve_estate(estate.problem, gap=1e-9)
    since = int(closing(estate, plan.by_scenario).since[0, 2])
    assert since == YEARS.index(closings[3].academic_year) > 1
    told = with_seats(estate, plan, policy).plan
    assert verify_estate(estate.problem, told) == []
    home = home_of(estate)[estate.moving]
    into = (estate.problem.arc_facility == 2) & (home[estate.problem.arc_node] != 2)
    pupils_sent = (estate.problem.demand[:, estate.problem.arc_node[into]] * told.flow[:, into]).sum(axis=1)
    by_year = np.bincount([YEARS.index(y) for y in estate.slices["academic_year"]], pupils_sent)
    assert by_year[since - 2] > 10 and by_year[since - 1] == pytest.approx(0, abs=0.01)
