"""What keeping a school that the plan closes would cost, proven, what would close or stay instead, what reverses it.

The estate is planned anew around the plan without closing that school; heads and numbers that other schools share stay
as planned (`placeplan.estate.shared_heads`). The difference lies between two proven figures. Because the costs of a
closure stand in the plan as they are, the same figures say at which yearly fixed cost of a school, or at which price of
harm, this closure would not be in the plan.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.policy import Policy
from models.estate_build import Estate, year_weights
from models.estate_read import option_table
from models.options import CLOSE, CLOSING
from models.pockets import SCHOOLS_BLOCK
from models.seating import seated
from placeplan.estate.shared_heads import ANEW, others_as_planned
from placeplan.estate.what_if import decided, otherwise, short_words
from placeplan.results import read_stage
from placeplan.words import money
from solvers import EstatePlan, Rivals, rivals
from solvers.highs import Clock
from solvers.transport import place_pupils, plan_cost

CROSSING = 1e-6  # share of a plan's cost by which two figures may cross: the solver's rounding
COLUMNS = [
    "facility",
    "keeping_least_gbp",
    "keeping_most_gbp",
    "instead",
    "otherwise",
    "closes",
    "closes_share",
    "fixed_cost_years",
]


def keeping_table(estate: Estate, plan: EstatePlan, policy: Policy) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """The table, and the plans (K, F) beside this one that it tells of.

    One row a school that the plan closes: what the best plan that does not close it costs more, least and most.

    `instead` is what becomes of it in the best plan found, `closes` names the schools that close in it, `otherwise`
    says what other schools do there that they do not in this plan; `closes_share` and `fixed_cost_years` are the share
    of futures in which it closes and the discounted years of a school's fixed cost that this saves, of closures that
    are no amalgamation.
    """
    chosen = plan.by_scenario
    assert chosen is not None
    options = option_table(estate)
    actions = options["action"].to_numpy(dtype=object)
    closing = np.flatnonzero(np.isin(actions[chosen[:, : len(estate.facilities)]], CLOSING).any(axis=0)).tolist()
    until = time.perf_counter() + policy.number("closure_keeping_seconds")
    placed = _placed_gbp(estate, chosen) if closing else plan.objective
    gap = max(placed - plan.bound, 0.0)  # plans are compared without their seats, and so is the bound

    def without(f: int) -> Rivals:
        seconds = max(min(share, until - time.perf_counter()), 0.0)
        with_it, without_it = decided(options, chosen[:, f])
        return rivals(
            estate.problem, f, with_it, chosen, time_limit_s=seconds, instead=without_it, gap_gbp=gap, sharp=True,
            within=others_as_planned(estate.problem, options, chosen, f),
        )  # fmt: skip

    share = (until - time.perf_counter()) / max(math.ceil(len(closing) / 2), 1)
    with ThreadPoolExecutor(2) as pool:  # HiGHS and the prices work outside Python's lock
        found = list(pool.map(without, closing))
    rows, plans = [], []
    for f, one in zip(closing, found, strict=True):
        least, most = one.more_gbp
        # Both are of this plan with its seats: a better one that closes it, found on the way, is another.
        best = one.kept_to(chosen)
        least -= plan.objective - (placed if (best == chosen).all() else min(placed, _placed_gbp(estate, best)))
        other = None if one.instead is None else one.kept_without(chosen)
        instead = "" if other is None else short_words(options.loc[other[0, f]])
        then = "" if other is None else " ".join(otherwise(options, chosen, other, f))
        if other is not None:
            plans.append(other)
            most = _seated_gbp(estate, other, policy) - plan.objective  # inf where not everybody finds a seat
        if most + CROSSING * max(1.0, abs(plan.objective)) < least < math.inf:
            raise AssertionError(
                f"{estate.facilities[f].name}: keeping it costs {most:,.0f}, proven at least {least:,.0f}."
            )
        least = min(max(least, 0.0), most) if most >= 0 else least
        closes = "" if other is None else ", ".join(_closing_names(estate, actions, other))
        rows.append((estate.facilities[f].key, least, most, instead, then, closes, *_closed(estate, chosen, f, policy)))
    return pd.DataFrame(rows, columns=COLUMNS), plans


def _placed_gbp(estate: Estate, chosen: np.ndarray) -> float:
    """What a plan costs with everybody placed at least cost, whatever the year group."""
    return plan_cost(estate.problem, chosen, *place_pupils(estate.problem, chosen, Clock(None)))


def _seated_gbp(estate: Estate, chosen: np.ndarray, policy: Policy) -> float:
    """What a plan costs once the displaced are seated by year group; inf where not all of them can be."""
    problem = estate.problem
    seats = seated(estate, chosen, *place_pupils(problem, chosen, Clock(None)), policy)
    return math.inf if seats.short else plan_cost(problem, chosen, seats.flow, seats.unmet)


def _closing_names(estate: Estate, actions: np.ndarray, chosen: np.ndarray) -> list[str]:
    """Names of the schools that a plan (K, F) closes."""
    shut = np.isin(actions[chosen[:, : len(estate.facilities)]], CLOSING).any(axis=0)
    return [estate.facilities[f].name for f in np.flatnonzero(shut).tolist()]


def _closed(estate: Estate, chosen: np.ndarray, f: int, policy: Policy) -> tuple[float, float]:
    """To be expected over the futures: the share in which it closes, and discounted years of fixed cost then saved."""
    _, weight = year_weights(estate.years, policy)
    closes, saved = 0.0, 0.0
    for share, option in zip(estate.problem.stage_weight, chosen[:, f], strict=True):
        one = estate.options[int(option)]
        if one.action == CLOSE:
            closes += share
            saved += share * float(weight[list(estate.years).index(one.academic_year) :].sum())
    return closes, saved


def kept_told(folder: Path, key: str, policy: Policy) -> list[str]:
    """What keeping a closing school open would cost, as the estate stage has proven it."""
    rows = read_stage(folder, "closure_keeping")
    pockets = read_stage(folder, "pockets")
    mine = pockets[(pockets["facility"] == key) & (pockets["pocket"] == SCHOOLS_BLOCK) & ~pockets["in_own_cost"]]
    formula = float(mine["discounted_gbp"].sum())
    effects = read_stage(folder, "closure_effects").set_index("facility")
    by_route = float(effects["vehicles_not_counted_gbp"].get(key, 0.0))
    council = float(effects["council_discounted_gbp"].get(key, 0.0))
    return [
        words
        for row in rows[rows["facility"] == key].to_dict("records")
        for words in [*keeping_words(row, policy), *left_out_words(row, by_route, formula), own_money_words(council)]
    ]


def own_money_words(council_gbp: float) -> str:
    """Whether the closure pays by the council's own money alone, which is not what the plan is chosen by."""
    if money(abs(council_gbp)) == money(0.0):
        paid = "changes nothing for it"
    else:
        paid = f"{'saves' if council_gbp < 0 else 'costs'} it {money(abs(council_gbp))}"
    stands = "it would stand" if council_gbp < 0 else "it would not stand"
    return (
        f"By the council's own money alone {stands}: closing {paid} over the years counted. The plan weighs what a "
        "school costs to run, priced at its lump sum, with journeys and moves of families, whoever pays."
    )


def stands_with_shared_heads(folder: Path, key: str) -> bool:
    """Whether a school is closed in the plan, proven against every plan with the same shared heads."""
    if not (folder / "closure_keeping.parquet").exists():
        return False
    rows = read_stage(folder, "closure_keeping")
    return bool((rows.loc[rows["facility"] == key, "keeping_least_gbp"] > 0).any())


def keeping_words(row: Mapping[str, Any], policy: Policy) -> list[str]:
    """What is said of one closure: what keeping it costs, what comes instead, and what would reverse it."""
    least, most = float(row["keeping_least_gbp"]), float(row["keeping_most_gbp"])
    if least == np.inf:
        return [f"No plan that keeps it open, {ANEW}, keeps every rule."]
    if most < 0:
        return [
            f"A plan that keeps it open costs at least {money(-most)} less: this plan is not the best, within its gap."
        ]
    if most == np.inf:
        return [f"Keeping it open costs at least {money(least)} more than this plan; none was found in the time."]
    both = f"{money(most)} more, proven" if most - least < 1 else f"{money(least)} to {money(most)} more, both proven"
    said = [
        f"Keeping it open costs {both}, {ANEW}; what becomes of it then: {row['instead']}.",
        row["otherwise"],
    ]
    return [*said, _reversed(least, most, row, policy)]


def left_out_words(row: Mapping[str, Any], by_route_gbp: float, formula_gbp: float) -> list[str]:
    """Whether the closure stands when what the plan does not count is counted too, each GBP over the years.

    `by_route_gbp` is what whole vehicles cost above what the plan counts for them, `formula_gbp` what sparsity and the
    lump sum change. Both follow from the plan; one that counted them would be this one as long as they come to less
    than what keeping the school open costs. The formula's money is not the council's, so both sums are judged.
    """
    said = [
        f"{what} {money(abs(gbp))} {'more' if gbp > 0 else 'less'}"
        for what, gbp in (
            ("vehicles, by route as planned, come to", by_route_gbp),
            ("sparsity of the school and its neighbours and the lump sum come to", formula_gbp),
        )
        if abs(gbp) >= 1.0
    ]
    if not said:
        return []
    left_out = f"Not counted in the plan: {'; '.join(said)}."
    if float(row["keeping_least_gbp"]) <= 0:
        return [left_out]
    with_route, with_both = _verdict(row, by_route_gbp), _verdict(row, by_route_gbp + formula_gbp)
    if with_route == with_both:
        return [left_out, f"With these counted, {with_both}."]
    return [left_out, f"With the vehicles counted, {with_route}; with the formula's money too, {with_both}."]


def _verdict(row: Mapping[str, Any], more_gbp: float) -> str:
    if more_gbp < float(row["keeping_least_gbp"]):
        return "the closure stands all the same"
    if more_gbp > float(row["keeping_most_gbp"]):
        return "it would not stand"
    return "whether it stands is not proven"


def _reversed(least: float, most: float, row: Mapping[str, Any], policy: Policy) -> str:
    """How much dearer this closure alone would have to be, and what that is in two policy values."""
    if most - least < 1:
        said = f"It stands as long as this closure alone costs no {money(most)} more than is assumed"
    elif least > 0:
        said = (
            f"It stands if this closure alone costs up to {money(least)} more than is assumed; from {money(most)} on "
            "keeping the school open is no dearer"
        )
    else:
        said = (
            "It is not proven that it stands; if this closure alone costs "
            f"{money(most)} more than is assumed, keeping the school open is no dearer"
        )
    share, years = float(row["closes_share"]), float(row["fixed_cost_years"])
    if not share or not years:
        return f"{said}."
    harm, fixed = policy.number("harm_gbp_close"), policy.number("school_fixed_cost_gbp")
    lower = fixed - most / years
    as_cost = f"{money(lower)} a year instead of {money(fixed)}" if lower > 0 else "less than nothing"
    return (
        f"{said}. For this school alone that is a price of harm of {money(harm + most / share)} instead of "
        f"{money(harm)}, or a fixed cost of {as_cost}."
    )
