"""What keeping a closing school open costs, and the prices at which it would stay: against plans made anew."""

import numpy as np
import pytest
from test_estate_build import BANDS, homes
from test_estate_options import YEARS
from test_fragility import VALUES, two
from test_joint_levers import joint_estate, plain_but

from geodata.policy import Policy
from models.estate_build import Reach, build_estate
from models.estate_read import option_table
from models.options import CLOSING, FEDERATE, STAY
from placeplan.closures.keeping import keeping_table, keeping_words, left_out_words
from placeplan.estate.shared_heads import ANEW, SHARED, others_as_planned
from placeplan.words import money
from solvers import solve_estate


def closes(**values: object) -> bool:
    estate, _ = two(Policy(VALUES | values))
    plan = solve_estate(estate.problem, gap=1e-9)
    return any(estate.options[o].action in CLOSING for o in plan.option)


@pytest.mark.parametrize("fixed", [60_000, 145_100, 400_000])
def test_keeping_costs_what_the_best_plan_without_closing_costs_more(fixed: int) -> None:
    policy = Policy(VALUES | {"school_fixed_cost_gbp": fixed})
    estate, _ = two(policy)
    plan = solve_estate(estate.problem, gap=1e-9)
    told = keeping_table(estate, plan, policy)[0].set_index("facility").loc["900003"]
    shut = np.array([option.action in CLOSING for option in estate.options])
    other = solve_estate(estate.problem.with_options(np.flatnonzero(~shut)), gap=1e-9)
    truth = other.objective - plan.objective
    assert told["keeping_least_gbp"] <= truth + 0.01 and told["keeping_most_gbp"] >= truth - 0.01
    assert told["keeping_most_gbp"] - told["keeping_least_gbp"] <= 1 + 0.05 * truth
    assert told["instead"] == "as it is today" and told["otherwise"].startswith("In that plan all other")


def test_at_the_prices_told_the_closure_goes_and_just_before_them_it_stands() -> None:
    """A price of harm or a fixed cost beyond what is told takes it out of the plan; short of it, it stays."""
    dear = {"disturbance_gbp": 3_000}  # 42 pupils a year who move
    policy = Policy(VALUES | dear)
    estate, _ = two(policy)
    row = keeping_table(estate, solve_estate(estate.problem, gap=1e-9), policy)[0].iloc[0].to_dict()
    least, most, years = row["keeping_least_gbp"], row["keeping_most_gbp"], row["fixed_cost_years"]
    assert years == len(estate.years) - estate.years.index("2024/25")  # nothing discounted, nothing after the horizon
    harm, fixed = policy.number("harm_gbp_close"), policy.number("school_fixed_cost_gbp")
    assert closes(harm_gbp_close=harm + least - 1, **dear)
    assert not closes(harm_gbp_close=harm + most + 1, **dear)
    assert closes(school_fixed_cost_gbp=fixed - (least - 1) / years, **dear)
    assert not closes(school_fixed_cost_gbp=fixed - (most + 1) / years, **dear)
    kept, others, reversed_by = keeping_words(row, policy)
    assert f"a price of harm of {money(harm + most)} instead of {money(harm)}" in reversed_by
    assert f"a fixed cost of {money(fixed - most / years)} a year instead of {money(fixed)}" in reversed_by
    assert kept.startswith("Keeping it open costs £") and "all other schools and sites do as here" in others


def test_what_is_not_proven_is_not_said_to_stand() -> None:
    row = {"keeping_least_gbp": 0.0, "keeping_most_gbp": 2e6, "instead": "as it is today", "otherwise": "",
           "closes_share": 1.0, "fixed_cost_years": 10.0}  # fmt: skip
    *_, said = keeping_words(row, Policy({}))
    assert said.startswith("It is not proven that it stands; if") and "less than nothing" in said
    assert keeping_words(row | {"keeping_most_gbp": np.inf}, Policy({}))[0].endswith("found in the time.")
    assert keeping_words(row | {"keeping_least_gbp": np.inf}, Policy({})) == [
        f"No plan that keeps it open, {ANEW}, keeps every rule."
    ]


def test_shared_heads_stay_as_they_are_planned_and_all_else_is_open() -> None:
    policy = plain_but(closable_urns=(900001, 900003))
    schools, options = joint_estate(policy, (12, 14, 10))
    metres = np.full((3, 3), 900.0)
    pupils = np.zeros((1, 7, 12, 3))
    pupils[0, :, :7] = [12.0, 14.0, 10.0]
    nodes = homes(*((f"h{k}", school.key, 84, 500) for k, school in enumerate(schools)))
    reach = Reach(np.arange(3), metres, metres / 1000, np.ones((3, 3), dtype=bool))
    estate = build_estate(schools, options, [], nodes, pupils, BANDS, YEARS, reach, policy)
    stay = {o.facility: k for k, o in enumerate(options) if o.action == STAY}
    joint = {(o.facility, o.partner): k for k, o in enumerate(options) if o.action == FEDERATE}
    chosen = np.array([[joint["900001", "900002"], joint["900002", "900001"], stay["900003"]]])
    kept = [options[o] for o in others_as_planned(estate.problem, option_table(estate), chosen)]
    assert [o.action for o in kept if o.facility != "900003"] == [FEDERATE, FEDERATE]
    third = {o.action for o in kept if o.facility == "900003"}
    assert third == {o.action for o in options if o.facility == "900003"} - set(SHARED) and set(CLOSING) & third
    # Asked about the first, its partner is free too, and so is whom the first might share with instead.
    might = {o.partner for o in options if o.facility == "900001" and o.action in SHARED}
    assert "900002" in might
    free = others_as_planned(estate.problem, option_table(estate), chosen, 0).tolist()
    pairs = [o.action not in SHARED or {o.facility, o.partner} <= {"900001"} | might for o in options]
    assert free == np.flatnonzero(pairs).tolist()
    # Who shares nothing in the plan may share in another: with whom it might, both halves or none.
    apart = np.array([[stay["900001"], stay["900002"], stay["900003"]]])
    may = others_as_planned(estate.problem, option_table(estate), apart, 0)
    assert {joint["900001", "900002"], joint["900002", "900001"]} <= set(may.tolist())
    none = [options[o] for o in others_as_planned(estate.problem, option_table(estate), apart)]
    assert not {o.action for o in none} & set(SHARED)
    alone = [options[o] for o in others_as_planned(estate.problem, option_table(estate), chosen, 2)]
    assert [o.action for o in alone if o.facility != "900003"] == [FEDERATE, FEDERATE]


@pytest.mark.parametrize(
    ("by_route", "formula", "end"),
    [
        (0.0, -5e4, "counted, the closure stands all the same."),
        (9e4, 0.0, "counted, the closure stands all the same."),
        (1.5e5, 0.0, "counted, whether it stands is not proven."),
        (3e5, 0.0, "counted, it would not stand."),
        (3e5, -9e5, "counted, it would not stand; with the formula's money too, the closure stands all the same."),
    ],
)
def test_what_the_plan_leaves_out_is_set_beside_what_keeping_costs(by_route: float, formula: float, end: str) -> None:
    """The formula's money is nobody's who decides: vehicles alone are judged, and both together."""
    row = {"keeping_least_gbp": 1e5, "keeping_most_gbp": 2e5}
    left_out, verdict = left_out_words(row, by_route, formula)
    assert (
        verdict.endswith(end) and ("less" in left_out) == (formula < 0) and ("vehicles" in left_out) == (by_route > 0)
    )
    assert left_out_words(row, 0.0, 0.0) == []
    assert left_out_words(row | {"keeping_least_gbp": 0.0}, by_route, formula) == [left_out]
