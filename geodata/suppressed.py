"""Suppressed counts of rolls and flows: what stands in for each, since a school or a journey must have a number.

Suppressed pupils and births of localities stay unknown: models/ follow the cohort instead (models.cohorts).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import age_of, start_years


def fill_rolls(rolls: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Rolls without unknown cells; how many were filled; of how many nothing at all was known, which count as 0.

    In turn: the cohort's own last count at the school, the year group's last count, the mean of the school's known
    year groups of that year.
    """
    unknown = rolls["pupils"].isna()
    if not unknown.any():
        return rolls, 0, 0
    start, age = start_years(rolls["academic_year"]), rolls["year_group"].map(age_of)
    at = pd.MultiIndex.from_arrays([rolls["urn"], start, age])
    known = pd.Series(rolls["pupils"].to_numpy(), index=at).dropna()
    wanted = rolls[unknown]
    urn, start, age = wanted["urn"], start[unknown], age[unknown]
    found = np.full(len(wanted), np.nan)
    for older in (1, 0):  # the cohort, then the year group
        for ago in range(1, int(start.max() - known.index.get_level_values(1).min()) + 1 if len(known) else 0):
            earlier = pd.MultiIndex.from_arrays([urn, start - ago, age - ago * older])
            found = np.where(np.isnan(found), known.reindex(earlier).to_numpy(), found)
    mean = known.groupby(level=[0, 1]).mean()
    found = np.where(np.isnan(found), mean.reindex(pd.MultiIndex.from_arrays([urn, start])).to_numpy(), found)
    pupils = rolls["pupils"].copy()
    pupils[unknown] = np.nan_to_num(found)
    nothing = int(np.isnan(found).sum())
    return rolls.assign(pupils=pupils), len(wanted) - nothing, nothing


def fill_flows(flows: pd.DataFrame, stand_in: float) -> tuple[pd.DataFrame, int]:
    """Flows without unknown cells, and how many were filled: the journey's mean of other years, else `stand_in`."""
    unknown = flows["pupils"].isna()
    if not unknown.any():
        return flows, 0
    journey = ["locality", "urn", "year_group", "phase"]
    usual = flows.groupby(journey, dropna=False)["pupils"].transform("mean")
    return flows.assign(pupils=flows["pupils"].fillna(usual).fillna(stand_in)), int(unknown.sum())
