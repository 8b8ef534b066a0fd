"""The finance stage checked again from its tables: sums, minimum per-pupil funding by hand, and the reserves left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from models.budgets import COST, INCOME
from placeplan.results import read_stage

TOLERANCE_GBP = 0.5


def wrong_finances(folder: Path) -> list[str]:
    """Schools and years whose totals are not their parts, that are missing, or whose test should come out other."""
    budget, plan = read_stage(folder, "finance"), read_stage(folder, "finance_plan")
    schools = read_stage(folder, "finance_schools")
    wrong = _sums(budget, "urn") + _sums(plan, "facility")
    years = budget.groupby("urn")["academic_year"].agg(["size", "nunique"])
    told = int(budget["academic_year"].nunique())
    wrong += [f"{urn} is told in other years than the rest" for urn in years.index[(years != told).any(axis=1)]]
    if set(schools["urn"]) != set(budget["urn"]):
        wrong.append("finance_schools has other schools than finance")
    return wrong + _reserves(budget, schools)


def _sums(table: pd.DataFrame, key: str) -> list[str]:
    """Rows in which a total is not the sum of its parts, or a part that cannot be negative is."""
    off = (table[list(INCOME)].sum(axis=1) - table["income_gbp"]).abs()
    off = np.maximum(off, (table[list(COST)].sum(axis=1) - table["cost_gbp"]).abs())
    off = np.maximum(off, (table["income_gbp"] - table["cost_gbp"] - table["balance_gbp"]).abs())
    negative = (table[[*INCOME, *COST]] < -TOLERANCE_GBP).any(axis=1)
    bad = table[~(off <= TOLERANCE_GBP) | negative]
    return [f"{row[key]} {row['academic_year']}: the parts do not add up" for row in bad.to_dict("records")]


def _reserves(budget: pd.DataFrame, schools: pd.DataFrame) -> list[str]:
    """Schools said to be sufficient, or not, against the sign of their lowest reserves and their deficits."""
    told = budget[budget["income_gbp"] > 0]
    deficits = told.assign(short=told["balance_gbp"] < 0).groupby("urn")["short"].any()
    wrong = []
    for row in schools[schools["viable"].notna()].itertuples():
        if bool(row.viable) != (row.lowest_reserves_gbp >= 0):
            wrong.append(f"{row.urn}: viable is {row.viable} with reserves of {row.lowest_reserves_gbp:,.0f}")
        if bool(deficits[row.urn]) != isinstance(row.first_deficit_year, str):
            wrong.append(f"{row.urn}: first deficit {row.first_deficit_year}")
    return wrong
