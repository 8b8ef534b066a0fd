"""Sufficiency: places against pupils, area by area and year group by year group.

    need = max(0, pupils − places)        spare = max(0, places − pupils)

A spare place in one area, or in one year group, is no place for a child in another: need and spare are never netted
off, and sums keep them apart, as the published tables of school-place planning do.

Each cell is red where at least half a pupil has no place, green where places ≥ pupils ÷ (1 − retained surplus), and
amber between the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geodata.fallbacks import is_mainstream
from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES, YEAR_GROUPS, phase_of

CELL = ["planning_area", "phase", "year_group", "academic_year"]
SHORT_PUPILS = 0.5  # forecasts are not whole numbers; less than half a pupil is nobody
NO_AREA = "no planning area"


def balance_places(
    roll_forecast: pd.DataFrame,
    school_places: pd.DataFrame,
    schools: pd.DataFrame,
    policy: Policy,
    area_places: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Balance of each planning area × phase × year group × academic year of the forecast.

    `roll_forecast` has urn, academic_year, year_group, pupils; `school_places` and `area_places` come from
    `models.places`; `schools` has urn, phase, planning_area and, where a school spans both phases,
    planning_area_secondary for Y7–Y11. Only mainstream schools and R–Y11 count.

    Columns: planning_area, phase, year_group, academic_year, pupils, places, physical_places, need, spare,
    spare_share (of places), rag. ValueError if the forecast names a school or a year that has no places listed.
    """
    rolls, places = _mainstream(roll_forecast, schools), _mainstream(school_places, schools)
    if (silent := sorted(set(rolls["academic_year"]) - set(places["academic_year"]))) != []:
        raise ValueError(f"no places are listed for {', '.join(silent)}")
    places = places[places["academic_year"].isin(rolls["academic_year"])]
    columns = ["places", "physical_places"]
    supply = places.groupby(CELL)[columns].sum()
    if area_places is not None:
        supply = supply.add(_of_areas(area_places, rolls).groupby(CELL)[columns].sum(), fill_value=0.0).clip(lower=0.0)
    table = supply.join(rolls.groupby(CELL)["pupils"].sum(), how="outer").fillna(0.0).astype(float).reset_index()
    gap = table["pupils"] - table["places"]
    table["need"], table["spare"] = gap.clip(lower=0.0), (-gap).clip(lower=0.0)
    table["spare_share"] = _share(table["spare"], table["places"])
    table["rag"] = _rag(table, policy.number("retained_surplus"))
    age = table["year_group"].map({group: age for age, group in enumerate(YEAR_GROUPS)})
    order = table.assign(age=age).sort_values(["planning_area", "age", "academic_year"]).index
    shown = [*CELL, "pupils", "places", "physical_places", "need", "spare", "spare_share", "rag"]
    return table.loc[order, shown].reset_index(drop=True)


def summarise_balance(balance: pd.DataFrame, by: Sequence[str] = ("phase", "academic_year")) -> pd.DataFrame:
    """Sums of a balance: the needs and the spares each on their own; both can be positive."""
    sums = ["pupils", "places", "physical_places", "need", "spare"]
    table = balance.groupby(list(by), as_index=False)[sums].sum()
    return table.assign(spare_share=_share(table["spare"], table["places"]))


def unfilled_places(roll_forecast: pd.DataFrame, school_places: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """Surplus as it is published: physical places less pupils, school by school, never below nothing.

    One row per planning_area × phase × academic_year with physical_places, unfilled and unfilled_share. A PAN cut does
    not change it.
    """
    key = ["planning_area", "phase", "academic_year"]
    rolls, places = _mainstream(roll_forecast, schools), _mainstream(school_places, schools)
    places = places[places["academic_year"].isin(rolls["academic_year"])]
    each = pd.DataFrame(places.groupby([*key, "urn"])["physical_places"].sum())
    each = each.join(rolls.groupby([*key, "urn"])["pupils"].sum(), how="left").fillna(0.0)
    each["unfilled"] = (each["physical_places"] - each["pupils"]).clip(lower=0.0)
    table = each.groupby(key)[["physical_places", "unfilled"]].sum().reset_index()
    return table.assign(unfilled_share=_share(table["unfilled"], table["physical_places"]))


def _mainstream(table: pd.DataFrame, schools: pd.DataFrame) -> pd.DataFrame:
    """Rows of mainstream schools in R–Y11, with the planning area and phase they count in."""
    if (strangers := sorted(set(table["urn"]) - set(schools["urn"]))) != []:
        raise ValueError(f"schools that are not in the list: {', '.join(map(str, strangers[:5]))}")
    planned = schools.loc[is_mainstream(schools), "urn"]
    rows = table[table["urn"].isin(planned) & table["year_group"].isin(COMPULSORY)]
    by_urn = schools.set_index("urn")
    area = rows["urn"].map(by_urn["planning_area"])
    if "planning_area_secondary" in schools:
        secondary = rows["urn"].map(by_urn["planning_area_secondary"])
        area = secondary.where(secondary.notna() & rows["year_group"].isin(PHASES["secondary"]), area)
    return rows.assign(planning_area=area.fillna(NO_AREA), phase=rows["year_group"].map(phase_of))


def _of_areas(area_places: pd.DataFrame, rolls: pd.DataFrame) -> pd.DataFrame:
    rows = area_places[area_places["academic_year"].isin(rolls["academic_year"])]
    built = rows["places"].clip(lower=0.0)
    return rows.assign(phase=rows["year_group"].map(phase_of), physical_places=built)


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Part ÷ whole, 0 where there is no whole."""
    return (part / whole.where(whole > 0)).fillna(0.0)


def _rag(table: pd.DataFrame, retained_surplus: float) -> np.typing.NDArray[np.str_]:
    short = table["need"] >= SHORT_PUPILS
    enough = table["places"] * (1 - retained_surplus) >= table["pupils"]
    return np.select([short, enough], ["red", "green"], default="amber")
