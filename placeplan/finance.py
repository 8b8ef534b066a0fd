"""The finance stage: every school's shadow budget over the years to come, as forecast and under the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.years import academic_year
from models.budgets import breaks_even_at, falling_roll, shadow_budget, viable
from models.sparsity import sparsity_weight
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.results import StageResult, read_stage
from placeplan.study import Study
from placeplan.study_finances import Finances, planned_finances, study_finances
from placeplan.words import counted, money

LUMP_SUM_BANDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, np.inf)  # as they are published for England
SHARED = ("lump_sum", "sparsity")


def finance_stage(
    study: Study, roll_forecast: pd.DataFrame, decisions: pd.DataFrame, allocation: pd.DataFrame
) -> StageResult:
    """Tables finance, finance_plan and finance_schools.

    `finance` is as of `models.budgets.shadow_budget` with the rolls forecast; `finance_plan` the same with those under
    the plan, facility in place of urn and sites among them; `finance_schools` has one row a school.
    """
    journeys = study_journeys(study)
    today = study_finances(study, journeys, roll_forecast)
    budget = shadow_budget(today.schools, today.rolls, today.years, today.values, study.policy)
    planned = planned_finances(journeys, today, decisions, allocation)
    plan = shadow_budget(planned.schools, planned.rolls, planned.years, planned.values, study.policy)
    plan = plan[plan["pupils"] > 0].rename(columns={"urn": "facility"}).reset_index(drop=True)
    schools = school_table(study, journeys, today, budget)
    return StageResult(
        tables={"finance": budget, "finance_plan": plan, "finance_schools": schools},
        summary=_summary(study, today, budget, plan, schools),
    )


def school_table(study: Study, journeys: StudyJourneys, today: Finances, budget: pd.DataFrame) -> pd.DataFrame:
    """One row a school: urn, name, phase, pupils in the last year told, break_even_roll, falling_roll_gbp, and more.

    Within its places a school breaks even at break_even_roll first and never falls short from break_even_from on;
    lump_sum_share is of the formula's income in the first year told; second_nearest_m and sparsity_weight are of the
    base year's roll; viable, lowest_reserves_gbp and first_deficit_year as of `models.budgets.viable`,
    None without pupils.
    """
    schools, policy = today.schools, study.policy
    last = today.rolls[:, -1]
    size = today.rolls[:, 0].sum(axis=1) / np.maximum(schools.year_groups, 1)
    even = np.where(last.sum(axis=1, keepdims=True) > 0, last, schools.serves)
    most = np.maximum(schools.places, last.sum(axis=1))
    first_even, steady_even = breaks_even_at(schools, even, today.values, policy, most)
    first = budget[budget["academic_year"] == today.years[0]].set_index("urn")
    table = pd.DataFrame(
        {
            "urn": schools.key,
            "name": journeys.schools["name"].to_numpy(),
            "phase": schools.phase,
            "pupils": last.sum(axis=1),
            "break_even_roll": first_even,
            "break_even_from": steady_even,
            "falling_roll_gbp": falling_roll(schools, last, today.values, policy),
            "lump_sum_share": (first["income_lump_sum_gbp"] / first["income_gbp"]).reindex(schools.key).to_numpy(),
            "second_nearest_m": np.where(np.isfinite(schools.distance_m), schools.distance_m, np.nan),
            "sparsity_weight": sparsity_weight(schools.distance_m, size, schools.kind, policy),
        }
    )
    return table.merge(viable(budget, policy), on="urn", how="left")


def _summary(
    study: Study, today: Finances, budget: pd.DataFrame, plan: pd.DataFrame, schools: pd.DataFrame
) -> dict[str, Any]:
    told = budget[budget["income_gbp"] > 0]
    return {
        "status": "done",
        "price_year": academic_year(today.values.price_year),
        "years": today.years,
        "schools_in_deficit": _in_deficit(told),
        "schools_in_deficit_with_the_plan": _in_deficit(plan[plan["income_gbp"] > 0]),
        "schools_not_viable": int((schools["viable"] == False).sum()),  # noqa: E712 – None is neither
        "lump_sum_bands": lump_sum_bands(schools["lump_sum_share"]),
        "fallbacks": _fallbacks(study, today, schools),
        "approximate": study.approximate,
    }


def _in_deficit(table: pd.DataFrame) -> dict[str, int]:
    """Schools in deficit by year."""
    short: dict[str, int] = (table["balance_gbp"] < 0).groupby(table["academic_year"]).sum().astype(int).to_dict()
    return short


def lump_sum_bands(share: pd.Series) -> dict[str, int]:
    """Schools by the share of the lump sum in their formula income, in the bands published for England."""
    names = ["below 10 %", "10–20 %", "20–30 %", "30–40 %", "40–50 %", "50 % and above"]
    banded = pd.cut(share, LUMP_SUM_BANDS, right=False, labels=names).value_counts()
    return {name: int(banded[name]) for name in names}


def _fallbacks(study: Study, today: Finances, schools: pd.DataFrame) -> list[str]:
    policy, said = study.policy, []
    national = sorted(set(today.values.known) - set(today.values.local))
    if national:
        whose = (
            "No local values of the funding formula"
            if not today.values.local
            else "No local values of " + (", ".join(name.removesuffix("_gbp").replace("_", " ") for name in national))
        )
        said.append(f"{whose} (table funding_values): national ones of {academic_year(today.values.price_year)}.")
    unknown = int(np.isnan(today.schools.additional_gbp).sum())
    if unknown:
        share = policy.number("additional_needs_share")
        said.append(
            f"schools.additional_needs_gbp_per_pupil: {unknown:,} filled: {share:.0%} of the basic entitlement, the "
            "national share, however many pupils of the school have additional needs."
        )
    if today.at_the_gate:
        said.append(
            f"Sparsity: {counted(today.at_the_gate, 'school')} nearest to no demand point: from the school itself."
        )
    nowhere = int(schools["second_nearest_m"].isna().sum())
    if nowhere:
        said.append(
            f"Sparsity: {counted(nowhere, 'school')} without a distance: selective or without coordinates, "
            "which is paid none; or without a second in the study, which counts as far from any."
        )
    said.append("Sparsity: schools beyond the study's border are not seen, so distances near it are too long.")
    return said


def money_told(folder: Path, key: str, fall: float) -> dict[str, list[str]]:
    """Sentences on the money of a school or opened site, from the stage's tables; `fall` as in falling_roll_gbp."""
    budget, plan = read_stage(folder, "finance"), read_stage(folder, "finance_plan")
    mine = budget[(budget["urn"].astype(str) == key) & (budget["income_gbp"] > 0)]
    planned = plan[plan["facility"] == key]
    told = {}
    if len(mine):
        table = read_stage(folder, "finance_schools")
        row = table[table["urn"].astype(str) == key].iloc[0]
        told["Money, if nothing changes"] = [*_by_year(mine), *_of_school(row, fall)]
    under = planned.set_index("academic_year")["pupils"].sub(mine.set_index("academic_year")["pupils"], fill_value=0.0)
    if len(planned) and (under.abs() >= 1).any():
        told["Money with the plan"] = _by_year(planned)
    return told


def _by_year(rows: pd.DataFrame) -> list[str]:
    return [
        f"{row.academic_year}: {row.pupils:.0f} pupils in {row.classes:.0f} classes, income {money(row.income_gbp)}, "
        f"cost {money(row.cost_gbp)}, balance {money(row.balance_gbp)} ({100 * row.balance_share:+.1f} %)"
        for row in rows.itertuples()
    ]


def _even_words(first: float, steady: float) -> str:
    if pd.isna(first):
        return "Breaks even at no roll within its places."
    if pd.isna(steady):
        return f"Breaks even first at a roll of {first:.0f}, and falls short again when it is full."
    if first == steady:
        return f"Breaks even from a roll of {first:.0f} on."
    return f"Breaks even first at a roll of {first:.0f}, and at every one from {steady:.0f} on, within its places."


def _of_school(row: pd.Series, fall: float) -> list[str]:
    said = [
        _even_words(row["break_even_roll"], row["break_even_from"]),
        f"With a roll {fall:.0%} lower the balance changes by {money(row['falling_roll_gbp'])} a year.",
        f"The lump sum is {100 * row['lump_sum_share']:.0f} % of its income.",
    ]
    if row["sparsity_weight"] > 0:
        said.append(f"Sparsity: {row['sparsity_weight']:.0%} of the most there is.")
    said.append(
        "Sufficient: the reserves of the guide would last."
        if row["viable"]
        else f"Not sufficient: reserves of the guide would be overdrawn to {money(row['lowest_reserves_gbp'])}."
    )
    return said
