"""What people on the spot know, beside what the forecast says: logged adjustments, first preferences and offers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import age_of

CELL = ["locality", "academic_year", "year_group"]
ADJUSTED = [*CELL, "unadjusted", "change", "adjusted", "reason", "author", "date"]


def adjusted_cells(forecast: pd.DataFrame, adjustments: pd.DataFrame | None) -> tuple[pd.DataFrame, list[str]]:
    """Adjusted cells only, the adjusted figure beside the unadjusted one; and notes.

    `forecast` has locality, academic_year, year_group, mean and unadjusted; `adjustments` the same key with change,
    reason, author and date. One row an entry: where several change one cell, each stands with its own change and
    reason beside the figures of the cell. Entries outside the forecast are named in the notes.
    """
    if adjustments is None or adjustments.empty:
        return pd.DataFrame(columns=ADJUSTED), []
    cells = forecast[[*CELL, "unadjusted", "mean"]].rename(columns={"mean": "adjusted"})
    rows = adjustments.merge(cells, on=CELL, how="left", indicator=True)
    found = rows["_merge"] == "both"
    notes = [
        f"The adjustment of {row.locality}, {row.year_group} in {row.academic_year} ({row.reason}) is outside the "
        "forecast and changes nothing."
        for row in rows[~found].itertuples()
    ]
    rows = rows[found]
    cut = rows.groupby(CELL)["change"].transform("sum") + rows["unadjusted"] < 0
    if cut.any():
        notes.append(
            f"Adjustments of {rows[cut].drop_duplicates(CELL).shape[0]} cells take away more pupils than are forecast; "
            "0 stands."
        )
    return rows[ADJUSTED].reset_index(drop=True), notes


def entry_against_preferences(
    school_pupils: pd.DataFrame, preferences: pd.DataFrame, schools: pd.DataFrame
) -> pd.DataFrame:
    """Entrants on roll or forecast beside first preferences and offers of the same school and year.

    `school_pupils` has urn, academic_year, year_group and pupils (rolls, school forecasts, or both); the lowest year
    group a school has in it is its entry. Columns: urn, name, academic_year, year_group, pupils, first_preferences,
    offers, pan, pupils_less_preferences, preferences_above_pan (0 where they are not above, or no PAN is given). Years
    for which either side is silent are left out; offers are blank where the table has none.
    """
    age = school_pupils["year_group"].map(age_of)
    entry = school_pupils[age == age.groupby(school_pupils["urn"]).transform("min")]
    wanted = ["urn", "academic_year", "first_preferences"]
    asked = preferences[[*wanted, "offers"]] if "offers" in preferences else preferences[wanted].assign(offers=pd.NA)
    table = entry[["urn", "academic_year", "year_group", "pupils"]].merge(asked, on=["urn", "academic_year"])
    by_urn = schools.set_index("urn")
    table["name"] = table["urn"].map(by_urn["name"])
    table["pan"] = table["urn"].map(by_urn["pan"]) if "pan" in by_urn else pd.NA
    first = table["first_preferences"].astype(float)
    table["pupils_less_preferences"] = table["pupils"] - first
    pan = table["pan"].astype("Float64").fillna(np.inf).to_numpy(dtype=float)
    table["preferences_above_pan"] = np.maximum(first.to_numpy() - pan, 0.0)
    shown = ["urn", "name", "academic_year", "year_group", "pupils", "first_preferences", "offers", "pan"]
    shown += ["pupils_less_preferences", "preferences_above_pan"]
    return table[shown].sort_values(["urn", "academic_year"], ignore_index=True)
