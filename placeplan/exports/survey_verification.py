"""Checking the stored tables of the capacity survey against the tables that they were made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, years_from
from models.places import planned_changes
from placeplan.exports.scap import AT_SCHOOLS, CELL, FUNDED, OWN_TABLE, THE_PLAN
from placeplan.results import read_stage
from placeplan.study import Study

STAGE = "export"
TOLERANCE = 0.01  # pupils or places


def wrong_survey_tables(study: Study) -> list[str]:
    """Sums of the stored tables that are not those of the balance, the rolls and the plan's places."""
    results = study.results
    forecast = read_stage(results / STAGE, "scap_forecast")
    parts = forecast[FUNDED[0]] + forecast["other_pupils"] - forecast["pupils"]
    wrong = [f"scap_forecast: {n} rows do not add up" for n in [int((parts.abs() > TOLERANCE).sum())] if n]
    if not (forecast["counted"] == AT_SCHOOLS).all() or not (results / "balance").is_dir():
        return wrong
    told = forecast[forecast["year_group"].isin(COMPULSORY)].set_index(CELL)["pupils"]
    balance = read_stage(results / "balance", "balance").set_index(CELL)["pupils"]
    wrong += _apart("scap_forecast", told, balance.reindex(told.index))
    capacity = read_stage(results / STAGE, "scap_capacity")
    rolls = study.tables["rolls"]
    rolls = rolls[(rolls["academic_year"] == study.settings.base_year) & rolls["urn"].isin(capacity["urn"])]
    key = ["urn", "year_group"]
    roll = capacity.groupby(key)["number_on_roll"].sum()
    wrong += _apart("scap_capacity", roll, rolls.groupby(key)["pupils"].sum().reindex(roll.index, fill_value=0.0))
    planned = read_stage(results / STAGE, "scap_planned_places")
    wrong += _own_table(study, planned[planned["planned_by"] == OWN_TABLE])
    if (results / "estate").is_dir():
        places = read_stage(results / "estate", "plan_places")
        wrong += _of_plan(planned[planned["planned_by"] == THE_PLAN], places)
    return wrong


def _own_table(study: Study, rows: pd.DataFrame) -> list[str]:
    """Rows of the study's own table, by year, year group and kind."""
    key, given = ["academic_year", "year_group", "kind"], study.tables.get("planned_places")
    found = rows.groupby(key)["places"].sum()
    if given is None:
        return [f"scap_planned_places: {len(rows)} rows of a table that the study has not"] if len(rows) else []
    years = years_from(study.settings.base_year, study.settings.horizon_years + 1)
    changes = planned_changes(study.tables["schools"], given, years)
    return _apart("scap_planned_places", found, changes.groupby(key)["places"].sum().reindex(found.index))


def _of_plan(rows: pd.DataFrame, places: pd.DataFrame) -> list[str]:
    """Rows of the plan, by facility and year."""
    facility = rows["site"].fillna(rows["urn"].astype("string")).astype(object).rename("facility")
    found = rows["places"].groupby([facility, rows["academic_year"]]).sum()
    change = (places["places_after"] - places["places_before"]).groupby([places["facility"], places["academic_year"]])
    return _apart("scap_planned_places", found, change.sum().reindex(found.index))


def _apart(table: str, found: pd.Series, expected: pd.Series) -> list[str]:
    """Cells in which the table has another figure, or in which there should be none."""
    off = (found - expected).fillna(np.inf)
    return [f"{table}: {' '.join(map(str, cell))} {gap:+,.1f}" for cell, gap in off.items() if abs(gap) > TOLERANCE]
