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
from models.pots import counted
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

EXPECTED = ("spent_gbp", "saved_gbp", "unspent_gbp")
TOLERANCE_GBP = 1.0  # of a sum of money, for each row that it is made of


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Tables capital (by year, facility and source), contributions_left, contributions_counted; and the summary."""

    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]


def laid_out(study: Study, estate: Estate, chosen: np.ndarray) -> LaidOut:
    """Who pays for the options `chosen` (K, F); sums are those to be expected over the scenarios.

    What contributions pay is laid out for every scenario by itself: money that is due does not wait for the mean.
    """
    weight = estate.problem.stage_weight
    contributions, forward = study.tables.get("contributions"), study.policy.integer("contributions_forward_years")
    rate = study.policy.number("discount_rate")
    capital, left = [], []
    for options, share in zip(chosen, weight, strict=True):
        taken = dict.fromkeys(options[: len(estate.facilities)].tolist(), 1.0)
        spent = capital_spent(estate.options, estate.years, taken)
        paid, rest = fund(spent, contributions, estate.facilities, forward, rate, study.settings.base_year)
        capital.append(paid.assign(capital_gbp=share * paid["capital_gbp"]))
        left.append(rest.assign(**{name: share * rest[name] for name in EXPECTED}))
    table = pd.concat(capital).groupby(PAID, as_index=False, dropna=False)["capital_gbp"].sum()
    remains = left[0].assign(**{name: sum(one[name] for one in left) for name in EXPECTED})
    in_plan = counted(estate.pots, chosen, weight, estate.years)
    return LaidOut(
        {"capital": table[SPENT], "contributions_left": remains[LEFT], "contributions_counted": in_plan},
        {
            "contributions_in_plan": study.policy.value("contributions_in_plan") == "yes",
            "contributions_counted_gbp": float(in_plan["counted_gbp"].sum()),
            "contributions_saved_gbp": float(in_plan["saved_gbp"].sum()),
            "contributions_spent_gbp": float(remains["spent_gbp"].sum()),
            "contributions_spent_saved_gbp": float(remains["saved_gbp"].sum()),
            "contributions_left_out": list(estate.pots.left_out),
        },
    )


def payer(source: str, due_year: str | None, academic_year: str) -> str:
    """Who pays, in words: who pays first where a contribution is not due yet."""
    if source == AUTHORITY:
        return "the authority"
    assert due_year is not None
    if start_year(due_year) > start_year(academic_year):
        return f"the authority, to be recouped from the contribution of {source}, due in {due_year}"
    return f"the contribution of {source}"


def wrong_contributions(study: Study) -> list[str]:
    """What does not hold of the stored tables: money spent twice, elsewhere or at another time, or counted too high."""
    folder = study.results / "estate"
    wrong = _wrong_payments(study, folder)
    left, in_plan = read_stage(folder, "contributions_left"), read_stage(folder, "contributions_counted")
    spent, count = float(left["spent_gbp"].sum()), float(in_plan["counted_gbp"].sum())
    if count > spent + TOLERANCE_GBP * (1 + len(in_plan)):
        wrong.append(f"the plan counts £{count:,.0f} of contributions and £{spent:,.0f} can be spent")
    problem = EstateProblem.load(folder / "problem.npz")
    with np.load(folder / "plan.npz") as saved:
        chosen = np.atleast_2d(saved.get("scenario_option", saved["option"]))
    of_pots = float(problem.stage_weight @ -problem.option_cost[chosen[:, problem.n_schools :]].sum(axis=1))
    summary = read_summary(folder) or {}
    told = {
        "contributions_counted_gbp": count,
        "contributions_saved_gbp": of_pots,
        "contributions_spent_gbp": spent,
        "contributions_spent_saved_gbp": float(left["saved_gbp"].sum()),
    }
    for name, value in told.items():
        if abs(float(summary.get(name, np.nan)) - value) > TOLERANCE_GBP or name not in summary:
            wrong.append(f"{name} is {value:,.0f} in the plan and its tables, {summary.get(name)} in summary.json")
    return wrong


def _wrong_payments(study: Study, folder: Path) -> list[str]:
    """Of the table of capital: who pays for what, against the contributions and the decisions."""
    capital, decisions = read_stage(folder, "capital"), read_stage(folder, "decisions")
    asked = (decisions["capital_gbp"] * decisions["probability"]).groupby(decisions["facility"]).sum()
    paid = capital.groupby("facility")["capital_gbp"].sum()
    off = paid.reindex(asked.index.union(paid.index), fill_value=0.0).sub(asked, fill_value=0.0)
    rows = 1 + len(capital)
    wrong = [f"{key}: £{gap:+,.0f} of capital over its decisions" for key, gap in off.items() if abs(gap) > rows]
    given = study.tables.get("contributions", pd.DataFrame(columns=["site", "amount_gbp"]))
    by_site = capital[capital["source"] != AUTHORITY].groupby("source")["capital_gbp"].sum()
    amount = given.groupby(given["site"].astype(str))["amount_gbp"].sum()
    wrong += [
        f"£{gbp:,.0f} of {site} are spent, £{amount.get(site, 0.0):,.0f} are due"
        for site, gbp in by_site.items()
        if gbp > amount.get(site, 0.0) + TOLERANCE_GBP * rows
    ]
    areas = decisions.drop_duplicates("facility").set_index("facility")["planning_area"]
    forward = study.policy.integer("contributions_forward_years")
    for row in capital[capital["source"] != AUTHORITY].itertuples():
        year, area = start_year(row.academic_year), str(areas.get(row.facility, ""))
        may = [
            one["due_year"] == row.due_year
            and start_year(row.due_year) - forward <= year
            and (not isinstance(one.get("spend_by"), str) or year <= start_year(one["spend_by"]))
            and (not isinstance(one.get("spend_where"), str) or one["spend_where"] in (row.facility, *area.split(", ")))
            for one in given[given["site"].astype(str) == row.source].to_dict("records")
        ]
        if not any(may):
            wrong.append(f"{row.source} may not pay for {row.facility} in {row.academic_year}")
    return wrong
