"""Places by school, year group and academic year.

A year group's places are the admission number with which its cohort entered. Today's PAN stands for every year
group now; a planned change starts with one cohort and moves up with it, a bulge with that cohort alone. Together
they cannot exceed the net capacity for R–Y11: where they do, all are scaled down to it.

Usable places and physical places are kept apart. A PAN cut lowers usable places and leaves the building as it is;
planned places first use room the building still has, and what does not fit is taken as built. Sixth forms are out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geodata.fallbacks import is_mainstream
from geodata.years import COMPULSORY, PHASES, start_year
from models.bands import planned_year_groups
from models.cohorts import BoolArray, FloatArray, IntArray, cube_frame

NEEDED = ("low_age", "high_age", "capacity", "pan")
CHANGES = ["urn", "planning_area", "academic_year", "year_group", "kind", "places"]


def school_places(schools: pd.DataFrame, planned_places: pd.DataFrame | None, years: Sequence[str]) -> pd.DataFrame:
    """Places of every mainstream school: urn, academic_year, year_group, places, physical_places.

    `schools` has urn, phase, low_age, high_age, capacity, capacity_sixth_form and pan, all filled; `planned_places`
    has academic_year, places, kind and urn, with year_group or phase (then the school's entry to that phase).
    Permanent changes before the first of `years` are in today's PAN already; a bulge counts while its cohort is at
    school. Rows for a whole planning area are `area_places`. ValueError names schools without a figure, and planned
    places at schools that are not in the list.
    """
    mainstream = schools[is_mainstream(schools)]
    _require(mainstream)
    served = _served(mainstream)
    starts = np.array([start_year(year) for year in years])
    added, removed = _planned_at_schools(planned_places, schools, mainstream, served, starts)
    pan, capacity = mainstream["pan"].to_numpy(dtype=float), _capacity_to_y11(mainstream)
    today = served * pan[:, None]
    room = np.maximum(capacity[:, None], np.minimum(capacity, today.sum(axis=1))[:, None] + added.sum(axis=2))
    asked = np.maximum(today[:, None] + added - removed, 0.0)
    usable = asked * np.minimum(_ratio(room, asked.sum(axis=2)), 1.0)[:, :, None]
    shape = np.where((pan > 0)[:, None], today, served)[:, None] + added  # how the building is shared out
    physical = shape * _ratio(room, shape.sum(axis=2))[:, :, None]
    axes = {"urn": mainstream["urn"].astype("int64").tolist(), "academic_year": years, "year_group": COMPULSORY}
    table = cube_frame(axes, places=usable, physical_places=physical)
    return table[np.broadcast_to(served[:, None], usable.shape).ravel()].reset_index(drop=True)


def area_places(planned_places: pd.DataFrame, years: Sequence[str]) -> pd.DataFrame:
    """Places planned for an area and not yet for a school: planning_area, academic_year, year_group, places.

    They move up with their cohorts to the end of the phase. `planned_places` as for `school_places`, its rows with
    planning_area and no urn.
    """
    rows = planned_places[_column(planned_places, "urn").isna()]
    areas = sorted(set(rows["planning_area"].dropna()))
    row = pd.Index(areas).get_indexer(rows["planning_area"])
    entry = np.array([_area_entry(group, phase) for group, phase in _group_and_phase(rows)], dtype=np.int64)
    kept = (row >= 0) & (entry >= 0)
    starts = np.array([start_year(year) for year in years])
    change = _in_effect(rows[kept], entry[kept], starts)
    secondary = np.isin(COMPULSORY, PHASES["secondary"])
    change *= secondary == secondary[entry[kept]][:, None, None]
    places = np.zeros((len(areas), len(starts), len(COMPULSORY)))
    np.add.at(places, row[kept], change)
    table = cube_frame({"planning_area": areas, "academic_year": years, "year_group": COMPULSORY}, places=places)
    return table[table["places"] != 0].reset_index(drop=True)


def planned_changes(schools: pd.DataFrame, planned_places: pd.DataFrame, years: Sequence[str]) -> pd.DataFrame:
    """Planned places in effect: urn, planning_area, academic_year, year_group, kind, places; schools', then areas'.

    `kind` is "added", "bulge" or "removed"; of the last, and of a bulge of fewer, places are negative. They are as
    planned, before net capacity limits them. A row has a urn or, where a place is for no school yet, a planning_area.
    """
    mainstream = schools[is_mainstream(schools)]
    served, starts = _served(mainstream), np.array([start_year(year) for year in years])
    kinds = _column(planned_places, "kind").fillna("permanent").to_numpy(dtype=object)
    fewer = planned_places["places"].to_numpy(dtype=float) < 0
    parts = {
        "added": (kinds == "permanent") & ~fewer,
        "bulge": kinds == "bulge",
        "removed": (kinds == "removed") | ((kinds == "permanent") & fewer),
    }
    axes = {"urn": mainstream["urn"].astype("int64").tolist(), "academic_year": years, "year_group": COMPULSORY}
    frames = []
    for kind, rows in parts.items():
        added, removed = _planned_at_schools(planned_places[rows], schools, mainstream, served, starts)
        at_schools = cube_frame(axes, places=added - removed)
        frames += [at_schools.assign(kind=kind), area_places(planned_places[rows], years).assign(kind=kind)]
    table = pd.concat(frames, ignore_index=True).reindex(columns=CHANGES)
    return table[table["places"] != 0].astype({"urn": "Int64"}).reset_index(drop=True)


def _require(schools: pd.DataFrame) -> None:
    for field in NEEDED:
        if (silent := schools.loc[schools[field].isna(), "urn"]).size:
            raise ValueError(f"schools without {field}: {', '.join(map(str, silent.head(5)))}")


def _served(schools: pd.DataFrame) -> BoolArray:
    """Whether each school (S) teaches each year group R–Y11 (G)."""
    ranges = zip(schools["low_age"], schools["high_age"], strict=True)
    served = [np.isin(COMPULSORY, planned_year_groups(int(low), int(high))) for low, high in ranges]
    return np.array(served, dtype=bool).reshape(-1, len(COMPULSORY))


def _capacity_to_y11(schools: pd.DataFrame) -> FloatArray:
    sixth_form = _column(schools, "capacity_sixth_form").astype(float).fillna(0.0).to_numpy()
    capacity: FloatArray = np.maximum(schools["capacity"].to_numpy(dtype=float) - sixth_form, 0.0)
    return capacity


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, 1 where there is nothing to divide by."""
    quotient: FloatArray = np.divide(numerator, denominator, out=np.ones_like(denominator), where=denominator > 0)
    return quotient


def _planned_at_schools(
    planned: pd.DataFrame | None, schools: pd.DataFrame, mainstream: pd.DataFrame, served: BoolArray, starts: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Places added and taken away (S, Y, G), both as positive numbers."""
    added = np.zeros((len(mainstream), len(starts), len(COMPULSORY)))
    removed = np.zeros_like(added)
    if planned is None:
        return added, removed
    rows = planned[_column(planned, "urn").notna()]
    if (strangers := sorted(set(rows["urn"]) - set(schools["urn"]))) != []:
        raise ValueError(f"planned places at schools that are not in the list: {', '.join(map(str, strangers[:5]))}")
    school = pd.Index(mainstream["urn"]).get_indexer(rows["urn"])
    entry = np.array(
        [_school_entry(served[at], *cell) for at, cell in zip(school, _group_and_phase(rows), strict=True)],
        dtype=np.int64,
    )
    kept = (school >= 0) & (entry >= 0)
    change = _in_effect(rows[kept], entry[kept], starts) * served[school[kept]][:, None]
    np.add.at(added, school[kept], np.maximum(change, 0.0))
    np.add.at(removed, school[kept], np.maximum(-change, 0.0))
    return added, removed


def _in_effect(rows: pd.DataFrame, entry: IntArray, starts: IntArray) -> FloatArray:
    """Change (E, Y, G) that each row makes, from the position of its first year group among R–Y11 (E,)."""
    first = rows["academic_year"].map(start_year).to_numpy(dtype=np.int64)[:, None, None]
    kind = rows["kind"].fillna("permanent").to_numpy() if "kind" in rows else np.full(len(rows), "permanent")
    places = rows["places"].to_numpy(dtype=float)
    places = np.where(kind == "removed", -np.abs(places), places)[:, None, None]
    climbed = np.arange(len(COMPULSORY)) - entry[:, None, None]
    passed = starts[None, :, None] - first
    with_cohort = (climbed >= 0) & (climbed == passed)
    from_cohort_on = (climbed >= 0) & (climbed <= passed) & (first >= starts[0])
    in_effect: FloatArray = np.where((kind == "bulge")[:, None, None], with_cohort, from_cohort_on) * places
    return in_effect


def _school_entry(served: BoolArray, year_group: str | None, phase: str | None) -> int:
    """Position of the first year group a change reaches at a school; −1 where it teaches none of them."""
    if year_group is not None:
        return COMPULSORY.index(year_group) if year_group in COMPULSORY else -1
    wanted = served & np.isin(COMPULSORY, PHASES[phase]) if phase is not None else served
    return int(wanted.argmax()) if wanted.any() else -1


def _area_entry(year_group: str | None, phase: str | None) -> int:
    everywhere = np.ones(len(COMPULSORY), dtype=bool)
    return _school_entry(everywhere, year_group, phase)


def _group_and_phase(rows: pd.DataFrame) -> list[tuple[str | None, str | None]]:
    columns = (_column(rows, name).astype(object) for name in ("year_group", "phase"))
    group, phase = (column.where(column.notna(), None) for column in columns)
    return list(zip(group, phase, strict=True))


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """An optional column; all missing where the table has none."""
    return table[name] if name in table else pd.Series(np.nan, index=table.index)


def raise_to_cohorts(places: pd.DataFrame, rolls: pd.DataFrame, urns: Sequence[int], base_year: str) -> pd.DataFrame:
    """Places of schools whose admission number is a guess: no fewer than the cohorts they have admitted.

    `places` as of `school_places`, `rolls` (urn, academic_year, year_group, pupils) with the base year, `urns` the
    schools concerned. A cohort on roll in the base year shows with how many places it entered, better than any guess;
    it keeps them while it moves up.
    """
    base = rolls[(rolls["academic_year"] == base_year) & rolls["urn"].isin(urns)]
    admitted = base.groupby(["urn", "year_group"])["pupils"].sum()
    ahead = places["academic_year"].map(start_year) - start_year(base_year)
    column = {group: number for number, group in enumerate(COMPULSORY)}
    source = places["year_group"].map(column) - ahead
    entered = [COMPULSORY[number] if 0 <= number < len(COMPULSORY) else None for number in source]
    index = pd.MultiIndex.from_arrays([places["urn"], entered])
    known = admitted.reindex(index).fillna(0.0).to_numpy()
    known = np.where(ahead >= 0, known, 0.0)
    raised = places.copy()
    for name in ("places", "physical_places"):
        raised[name] = np.maximum(places[name], known)
    return raised
