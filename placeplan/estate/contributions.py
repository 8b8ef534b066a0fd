"""Developers' contributions of a plan: what it counts of them, and what they pay for once it is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.years import start_year
from models.estate import EstateProblem
from models.estate_build import Estate
from models.funding import AUTHORITY, LEFT, PAID, SPENT, capital_spent, fund
from models.pots import paid_by_pots
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

EXPECTED = ("spent_gbp", "saved_gbp", "unspent_gbp")
TOLERANCE_GBP = 1.0  # of a sum of money, for each row that it is made of
DIGITS = 1e-5  # share of a sum


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Tables capital (by year, facility, phase and source) and contributions_left; and the summary."""

    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]


def laid_out(study: Study, estate: Estate, chosen: np.ndarray) -> LaidOut:
    """Who pays for the options `chosen` (K, F); sums are those to be expected over the scenarios.

    What contributions pay is laid out for every scenario by itself: money that is due does not wait for the mean. Where
    the plan counts on them they pay, year by year, what it counts on, and so keep to its budgets.
    """
    weight, policy = estate.problem.stage_weight, study.policy
    contributions, forward = study.tables.get("contributions"), policy.integer("contributions_forward_years")
    rate, in_plan = policy.number("discount_rate"), policy.value("contributions_in_plan") == "yes"
    capital, left = [], []
    for options, share in zip(chosen, weight, strict=True):
        n_schools = len(estate.facilities)
        spent = capital_spent(estate.options, estate.years, dict.fromkeys(options[:n_schools].tolist(), 1.0))
        most = _counted_on(estate, options[n_schools:], contributions) if in_plan and contributions is not None else []
        paid, rest = fund(spent, contributions, estate.facilities, forward, rate, study.settings.base_year, most)
        capital.append(paid.assign(capital_gbp=share * paid["capital_gbp"]))
        left.append(rest.assign(**{name: share * rest[name] for name in EXPECTED}))
    table = pd.concat(capital).groupby(PAID, as_index=False, dropna=False)["capital_gbp"].sum()
    remains = left[0].assign(**{name: sum(one[name] for one in left) for name in EXPECTED})
    return LaidOut(
        {"capital": table[SPENT], "contributions_left": remains[LEFT]},
        {
            "contributions_in_plan": in_plan,
            "contributions_spent_gbp": float(remains["spent_gbp"].sum()),
            "contributions_saved_gbp": float(remains["saved_gbp"].sum()),
            "contributions_left_out": list(estate.pots.left_out),
        },
    )


def _counted_on(estate: Estate, digits: np.ndarray, contributions: pd.DataFrame) -> list[tuple[np.ndarray, int, float]]:
    """What each purse pays in each year in one scenario: (flags of its contributions, the year it starts, GBP)."""
    pots, first = estate.pots, start_year(estate.years[0])
    paid = np.zeros((len(pots.purses), len(estate.years)))
    np.add.at(paid, (pots.purse, pots.year), paid_by_pots(pots, digits))
    return [
        (np.isin(np.arange(len(contributions)), purse.rows), first + t, float(paid[m, t]))
        for m, purse in enumerate(pots.purses)
        for t in range(len(estate.years))
    ]


def payer(source: str, due_year: str | None, academic_year: str) -> str:
    """Who pays, in words: who pays first where a contribution is not due yet."""
    if source == AUTHORITY:
        return "the authority"
    assert due_year is not None
    if start_year(due_year) > start_year(academic_year):
        return f"the authority, to be recouped from the contribution of {source}, due in {due_year}"
    return f"the contribution of {source}"


def wrong_contributions(study: Study) -> list[str]:
    """What does not hold of the stored tables: money spent twice, elsewhere, at another time, or beyond a budget."""
    folder = study.results / "estate"
    wrong = _wrong_payments(study, folder) + _over_budget(study, read_stage(folder, "capital"))
    left, summary = read_stage(folder, "contributions_left"), read_summary(folder) or {}
    told = {"contributions_spent_gbp": left["spent_gbp"].sum(), "contributions_saved_gbp": left["saved_gbp"].sum()}
    for name, value in told.items():
        if not abs(float(summary.get(name, np.nan)) - value) <= TOLERANCE_GBP:
            wrong.append(f"{name} is {value:,.0f} in the tables, {summary.get(name)} in summary.json")
    if summary.get("contributions_in_plan"):
        problem = EstateProblem.load(folder / "problem.npz")
        with np.load(folder / "plan.npz") as saved:
            chosen = np.atleast_2d(saved.get("scenario_option", saved["option"]))
        counted = float(problem.stage_weight @ -problem.option_cost[chosen[:, problem.n_schools :]].sum(axis=1))
        off = counted - told["contributions_saved_gbp"]
        if abs(off) > TOLERANCE_GBP * (1 + len(left)) + DIGITS * abs(counted):
            wrong.append(f"the plan counts on £{counted:,.0f} of contributions, £{off:+,.0f} over what is laid out")
    return wrong


def _over_budget(study: Study, capital: pd.DataFrame) -> list[str]:
    """Years in which the authority finds more capital than its budget, what it recoups later among it."""
    budget = study.policy.optional_number("capital_budget_gbp_per_year")
    if budget is None:
        return []
    first = [
        source == AUTHORITY or start_year(due) > start_year(year)
        for source, due, year in capital[["source", "due_year", "academic_year"]].itertuples(index=False)
    ]
    spent = capital[first].groupby("academic_year")["capital_gbp"].sum()
    return [
        f"£{gbp:,.0f} of the authority's own capital in {year}, its budget is £{budget:,.0f}"
        for year, gbp in spent.items()
        if gbp > budget + TOLERANCE_GBP * (1 + len(capital))
    ]


def _wrong_payments(study: Study, folder: Path) -> list[str]:
    """Of the table of capital: who pays for what, against the contributions and the decisions."""
    capital, decisions = read_stage(folder, "capital"), read_stage(folder, "decisions")
    asked = (decisions["capital_gbp"] * decisions["probability"]).groupby(decisions["facility"]).sum()
    paid = capital.groupby("facility")["capital_gbp"].sum()
    off = paid.reindex(asked.index.union(paid.index), fill_value=0.0).sub(asked, fill_value=0.0)
    rows = 1 + len(capital)
    wrong = [f"{key}: £{gap:+,.0f} of capital over its decisions" for key, gap in off.items() if abs(gap) > rows]
    given = study.tables.get("contributions", pd.DataFrame(columns=["site", "phase", "due_year", "amount_gbp"]))
    which = ["source", "phase", "due_year"]
    by_source = capital[capital["source"] != AUTHORITY].groupby(which)["capital_gbp"].sum()
    amount = given.assign(source=given["site"].astype(str)).groupby(which)["amount_gbp"].sum()
    wrong += [
        f"£{gbp:,.0f} of {key[0]} ({key[1]}, due {key[2]}) are spent, £{amount.get(key, 0.0):,.0f} are due"
        for key, gbp in by_source.items()
        if gbp > amount.get(key, 0.0) + TOLERANCE_GBP * rows
    ]
    areas = decisions.drop_duplicates("facility").set_index("facility")["planning_area"]
    forward = study.policy.integer("contributions_forward_years")
    for row in capital[capital["source"] != AUTHORITY].itertuples():
        year, area = start_year(row.academic_year), str(areas.get(row.facility, ""))
        may = [
            one["due_year"] == row.due_year
            and one["phase"] == row.phase
            and start_year(row.due_year) - forward <= year
            and (not isinstance(one.get("spend_by"), str) or year <= start_year(one["spend_by"]))
            and (not isinstance(one.get("spend_where"), str) or one["spend_where"] in (row.facility, *area.split(", ")))
            for one in given[given["site"].astype(str) == row.source].to_dict("records")
        ]
        if not any(may):
            wrong.append(f"{row.source} may not pay for {row.facility} in {row.academic_year}")
    return wrong
