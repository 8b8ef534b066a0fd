"""Building and closing decided together or one after the other: worked by hand, and never dearer together."""

from dataclasses import replace

import numpy as np
import pytest
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import decisions
from models.growth import expand
from models.reductions import close
from placeplan.estate.apart import apart_summary, planned_apart
from solvers import solve_estate

VALUES = {"residual_years": 0, "discount_rate": 0.0, "estate_gap": 0.0, "expand_fe": (0.5,), "unmet_gbp": 30_000,
          "disturbance_gbp": 0, "transport_gbp": 0}  # fmt: skip


def crowded_and_empty(policy: Policy) -> Estate:
    """A of 20 a year has 26 and may grow by half a form, from the entry year up; C of 30 has 6, and may close."""
    schools = [village(pan=20, key="900001", name="A"), village(pan=30, key="900003", name="C", ground="surplus")]
    options = stays(schools) + expand(schools[0], YEARS, policy) + close(schools[1], YEARS, policy)
    pupils = np.zeros((1, 7, 12, 2))
    pupils[0, :, :7] = [26.0, 6.0]
    metres = np.array([[500.0, 900.0], [900.0, 500.0]])
    reach = Reach(np.arange(2), metres, metres / 1000, np.ones((2, 2), dtype=bool))
    nodes = homes(("a", "900001", 182, 500), ("c", "900003", 42, 500))
    return build_estate(schools, options, [], nodes, pupils, BANDS, YEARS, reach, policy)


@pytest.mark.parametrize("fixed", [0, 100_000, 400_000, 900_000])
def test_together_costs_no_more_than_apart(fixed: int) -> None:
    policy = Policy(VALUES | {"school_fixed_cost_gbp": fixed})
    estate = crowded_and_empty(policy)
    apart = planned_apart(estate, policy)
    plan = solve_estate(estate.problem, gap=1e-9, start=apart)
    told = apart_summary(plan, apart)["apart"]
    assert plan.objective <= apart.objective + 0.01
    saved = apart.objective - plan.objective
    assert told["saves_least_gbp"] <= saved + 1 and told["saves_most_gbp"] >= saved - 1


def test_what_is_built_first_stays_built() -> None:
    """Apart, C has room for A's children, nothing is built, and then C closes on them. Together A grows as C closes."""
    policy = Policy(VALUES | {"school_fixed_cost_gbp": 900_000, "unmet_gbp": 10_000})
    estate = crowded_and_empty(policy)
    apart = planned_apart(estate, policy)
    first = set(decisions(estate, apart.by_scenario)["action"])
    plan = solve_estate(estate.problem, gap=1e-9)
    both = set(decisions(estate, plan.by_scenario)["action"])
    assert both == {"expand", "close"} and first != both
    assert apart.objective > plan.objective + 1_000


def test_nothing_is_told_where_there_is_nothing_to_part() -> None:
    policy = Policy(VALUES)
    estate = crowded_and_empty(policy)
    only = [o for o in estate.options if o.action != "close"]
    schools = list(estate.facilities)
    reach = Reach(np.arange(2), np.full((2, 2), 500.0), np.full((2, 2), 1.0), np.ones((2, 2), dtype=bool))
    nodes = homes(("a", "900001", 182, 500), ("c", "900003", 42, 500))
    growth = build_estate(schools, only, [], nodes, estate.pupils, BANDS, YEARS, reach, policy)
    assert planned_apart(growth, policy) is None
    assert planned_apart(estate, Policy(VALUES | {"estate_apart": "no"})) is None
    assert apart_summary(replace(solve_estate(growth.problem)), None) == {"apart": None}
