"""Need and spare places under the plan: its places in the balance's areas, beside the pupils of the balance."""

from __future__ import annotations

import pandas as pd

from geodata.years import PHASES, phase_of
from models.facilities import site_facilities
from placeplan.journeys import study_journeys
from placeplan.likely import likely
from placeplan.study import Study

CELL = ["planning_area", "phase", "academic_year", "year_group"]


def planned_balance(study: Study, balance: pd.DataFrame, paths: pd.DataFrame, allocation: pd.DataFrame) -> pd.DataFrame:
    """The balance with the places of what is done in most futures, and need and spare by them.

    Pupils are those of the balance, counted where they are on roll if nothing changes; `placed` (one figure an area,
    phase and year, repeated in each year group) are those whom the plan gives a place in the area.
    """
    area = facility_areas(study, paths["academic_year"].unique().tolist())
    done = likely(paths)
    changed = done.assign(phase=done["year_group"].map(phase_of), more=done["places_after"] - done["places_before"])
    changed["planning_area"] = pd.MultiIndex.from_frame(changed[["facility", "phase"]]).map(area)
    more = changed.groupby(CELL)["more"].sum()
    placed = allocation.assign(
        planning_area=pd.MultiIndex.from_frame(allocation[["facility", "phase"]].astype(str)).map(area)
    )
    sums = placed.groupby(CELL[:3], as_index=False)["pupils"].sum().rename(columns={"pupils": "placed"})
    table = balance.set_index(CELL)
    # An area without a school in a year group may gain one on a site.
    table = table.reindex(table.index.union(more.index.rename(CELL)))
    places = (table["places"].fillna(0.0) + more.reindex(table.index).fillna(0.0)).clip(lower=0.0)
    pupils = table["pupils"].fillna(0.0)
    told = pd.DataFrame({"pupils": pupils, "places": places, "need": (pupils - places).clip(lower=0.0)})
    return told.assign(spare=(places - pupils).clip(lower=0.0)).reset_index().merge(sums, on=CELL[:3], how="left")


def facility_areas(study: Study, years: list[str]) -> dict[tuple[str, str], str]:
    """Planning area by facility and phase: a school's own, a site's or that of the nearest school."""
    journeys = study_journeys(study)
    schools = journeys.schools
    areas = {(str(urn), phase): area for phase in PHASES for urn, area in schools[["urn", "planning_area"]].values}
    if "planning_area_secondary" in schools:
        second = schools[schools["planning_area_secondary"].notna()]
        areas |= {(str(urn), "secondary"): area for urn, area in second[["urn", "planning_area_secondary"]].values}
    for site in site_facilities(journeys.sites, schools, years, study.policy):
        areas |= {(site.key, phase): area for phase, area in site.planning_area.items()}
    return areas
