"""School forecasts that add up to those of their planning area, year group by year group.

The cohort on roll at a school keeps its share of the area as it ages; whoever enters is shared as `school_entry` says.
Schools that carry on (primaries at Y3 beside juniors) keep what those entered do not take.

Where places are given, nobody enters above them while another school of the area has room, and nobody on roll is sent
away; what fits nowhere in the area is reported, never dropped: schools and unplaced sum to the area exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import add_years
from models.cohorts import FloatArray, cube_frame
from models.school_entry import (
    GROUPS,
    Entry,
    SchoolsByArea,
    area_sums,
    left_for,
    ratio,
    recent_entry,
    schools_by_area,
    spread_over_schools,
    with_preferences,
)

NOT_TAUGHT, FULL = "no school of the area teaches it", "no room in the area"


@dataclass(frozen=True, eq=False)
class SchoolForecast:
    """Forecasts by school.

    Attributes
    ----------
    table : urn, academic_year, year_group, pupils, unconstrained (before places are respected).
    unplaced : planning_area, academic_year, year_group, pupils, reason.
    notes : fallbacks used.

    """

    table: pd.DataFrame
    unplaced: pd.DataFrame
    notes: list[str]


def school_forecast(
    area_forecast: pd.DataFrame,
    rolls: pd.DataFrame,
    schools: pd.DataFrame,
    *,
    base_year: str,
    policy: Policy,
    preferences: pd.DataFrame | None = None,
    places: pd.DataFrame | None = None,
) -> SchoolForecast:
    """Share the forecast of planning areas over their schools.

    `area_forecast` has planning_area, academic_year, year_group (R–Y13) and pupils, for consecutive years after
    `base_year` (rows up to it are left out); `rolls` holds the base year; `schools` has urn, low_age, high_age,
    planning_area and, where given, planning_area_secondary, easting and northing; `preferences` has urn, academic_year
    of entry (up to the year after the base year) and first_preferences; `places`, that of
    `models.places.school_places`, asks that they be respected. ValueError if the years are not consecutive, or a roll
    names a school that is not in the list.
    """
    wanted = area_forecast[(area_forecast["academic_year"] > base_year) & area_forecast["year_group"].isin(GROUPS)]
    years = sorted(wanted["academic_year"].unique())
    if years != [add_years(base_year, n + 1) for n in range(len(years))]:
        raise ValueError(f"the forecast does not give each year after {base_year}")
    estate = schools_by_area(schools, rolls, wanted)
    demand = _cube(wanted, "planning_area", estate.areas, years)
    past_years = [add_years(base_year, -n) for n in range(len(policy.numbers("share_weights")) + 1)]
    past = _cube(rolls, "urn", estate.urns, past_years)  # latest first
    notes: list[str] = []
    entry = recent_entry(estate, past, policy)
    if preferences is not None:
        known = preferences[preferences["academic_year"] <= add_years(base_year, 1)]
        entry = with_preferences(estate, entry, known, policy, notes)
    limits = None if places is None else _limits(estate, places, years)
    free, _ = _follow(estate, demand, past[:, 0], entry, None)
    kept, unplaced = (free, None) if limits is None else _follow(estate, demand, past[:, 0], entry, limits)
    axes = {"urn": estate.urns, "academic_year": years, "year_group": GROUPS}
    table = cube_frame(axes, pupils=kept, unconstrained=free)
    taught = np.broadcast_to((estate.area >= 0)[:, None], free.shape).ravel()
    lost = _unplaced(estate, demand, unplaced, years)
    notes += _silent(estate, demand, entry.shares)
    notes += [
        f"{rows['pupils'].sum():,.0f} pupil-years in {rows['planning_area'].nunique()} planning areas are at no school:"
        f" {reason}."
        for reason, rows in lost.groupby("reason")
    ]
    return SchoolForecast(table[taught].reset_index(drop=True), lost, notes)


def _cube(table: pd.DataFrame, row: str, labels: Sequence[object], years: Sequence[str]) -> FloatArray:
    """Pupils (labels, years, year groups) of a long table; 0 where it is silent."""
    cell = (
        pd.Index(labels).get_indexer(table[row]),
        pd.Index(years).get_indexer(table["academic_year"]),
        pd.Index(GROUPS).get_indexer(table["year_group"]),
    )
    kept = np.minimum.reduce(cell) >= 0
    cube = np.zeros((len(labels), len(years), len(GROUPS)))
    np.add.at(cube, tuple(axis[kept] for axis in cell), table["pupils"].to_numpy(dtype=float)[kept])
    return cube


def _limits(estate: SchoolsByArea, places: pd.DataFrame, years: Sequence[str]) -> FloatArray:
    """Places (S, Y, G); no limit where none are listed (sixth forms)."""
    listed = places[places["academic_year"].isin(years)]
    limits = _cube(listed.assign(pupils=listed["places"]), "urn", estate.urns, years)
    known = _cube(listed.assign(pupils=1.0), "urn", estate.urns, years) > 0
    return np.where(known, limits, np.inf)


def _follow(
    estate: SchoolsByArea,
    demand: FloatArray,
    base: FloatArray,
    entry: Entry,
    limits: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """Pupils (S, Y, G) year after year, and those without a place in their area (A, Y, G)."""
    years = demand.shape[1]
    pupils = np.zeros((len(estate.urns), years, len(GROUPS)))
    without = np.zeros(demand.shape)
    latest = base
    for year in range(years):
        cohort = np.zeros_like(latest)
        cohort[:, 1:] = latest[:, :-1]
        cohort = np.where(estate.enters | (estate.area < 0), 0.0, cohort)
        shared = spread_over_schools(estate, demand[:, year]) * _weights(estate, cohort, entry, latest)
        if limits is not None:
            shared, without[:, year] = _respect(estate, shared, np.maximum(limits[:, year], cohort))
        pupils[:, year] = latest = shared
    return pupils, without


def _weights(estate: SchoolsByArea, cohort: FloatArray, entry: Entry, latest: FloatArray) -> FloatArray:
    """Share (S, G) of each area's pupils at each of its schools; sums to 1 wherever a school teaches."""
    carried = area_sums(estate, cohort)
    left = left_for(estate, latest, entry.shares)
    entered = np.where((entry.for_each > 0) & (left > 0), entry.for_each * left, entry.outright)
    together = area_sums(estate, entered)
    among = np.where(entry.preferred, entry.shares, ratio(entered, spread_over_schools(estate, together)))
    # Nobody carries on: all enter.
    together = np.where(carried > 0, np.minimum(together, 1.0), 1.0)
    weights = spread_over_schools(estate, together) * among
    weights += spread_over_schools(estate, 1 - together) * ratio(cohort, spread_over_schools(estate, carried))
    even = (estate.area >= 0).astype(float)
    even = ratio(even, spread_over_schools(estate, area_sums(estate, even)))
    total = spread_over_schools(estate, area_sums(estate, weights))
    return np.where(total > 0, ratio(weights, total), even)


def _respect(estate: SchoolsByArea, pupils: FloatArray, limits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move what is above a limit to schools of the area with room, in proportion to the room; (S, G) and (A, G)."""
    above = np.maximum(pupils - limits, 0.0)
    # A school without a limit has room for everybody who looks for a place.
    looking = area_sums(estate, above)
    room = np.where(np.isinf(limits), spread_over_schools(estate, looking), np.maximum(limits - pupils, 0.0))
    room = np.where(estate.area >= 0, room, 0.0)
    found = np.minimum(looking, area_sums(estate, room))
    part = ratio(room, spread_over_schools(estate, area_sums(estate, room)))
    return pupils - above + spread_over_schools(estate, found) * part, looking - found


def _silent(estate: SchoolsByArea, demand: FloatArray, entry: FloatArray) -> list[str]:
    """Say where an even split stands for shares that nobody knows."""
    entered = area_sums(estate, estate.enters.astype(float)) > 0
    unknown = entered & (area_sums(estate, entry) <= 0) & (demand.sum(axis=1) > 0)
    carried = area_sums(estate, np.where(estate.enters, 0.0, (estate.area >= 0).astype(float))) > 0
    notes = []
    if (unknown & ~carried).any():
        areas = int((unknown & ~carried).any(axis=1).sum())
        notes.append(f"Nobody entered the schools of {areas} planning areas lately: their entrants are split evenly.")
    new = int((estate.enters.any(axis=1) & ~(np.where(estate.enters, entry, 0.0) > 0).any(axis=1)).sum())
    if new:
        notes.append(f"{new} schools took no entrants lately and have no first preferences: none are forecast there.")
    return notes


def _unplaced(
    estate: SchoolsByArea, demand: FloatArray, unplaced: FloatArray | None, years: Sequence[str]
) -> pd.DataFrame:
    """Pupils of each area who are at none of its schools, with the reason."""
    axes = {"planning_area": estate.areas, "academic_year": years, "year_group": GROUPS}
    served = area_sums(estate, (estate.area >= 0).astype(float)) > 0
    untaught = np.where(served[:, None], 0.0, demand)
    frames = [cube_frame(axes, pupils=untaught).assign(reason=NOT_TAUGHT)]
    if unplaced is not None:
        frames.append(cube_frame(axes, pupils=unplaced).assign(reason=FULL))
    table = pd.concat(frames, ignore_index=True)
    return table[table["pupils"] > 1e-9].reset_index(drop=True)
