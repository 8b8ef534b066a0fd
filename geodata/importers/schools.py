"""The table of schools: each fact from the first file that has it, joined by URN, LAESTAB or postcode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.capacity import FACTS as CAPACITY_FACTS
from geodata.importers.capacity import read_capacity
from geodata.importers.census import SchoolFile
from geodata.importers.phases import (
    admissions,
    ages_of_school,
    gender_of_entry,
    phase_of_school,
    religious_character,
    rural_urban,
    youngest_and_oldest,
)
from geodata.importers.postcodes import read_postcodes
from geodata.importers.report import ImportReport, count, some
from geodata.importers.school_files import in_order_given
from geodata.importers.sources import Source, plain_texts

MAINSTREAM_PRIMARY = ("infant", "junior", "first", "primary")
BOTH = ("all-through", "middle")
UNPLANNED = ("special", "alternative provision", "nursery")
WHOLE = ("low_age", "high_age", "capacity", "sen_places", "fsm_pupils")
WORDS = {
    "gender": gender_of_entry,
    "admissions_policy": admissions,
    "religious_character": religious_character,
    "urban_rural": rural_urban,
}
COPIED = ("name", "type", "trust", "federation", "diocese", "postcode", "locality", "sen_places")


def build_schools(
    files: Sequence[SchoolFile],
    sources: Mapping[str, Sequence[Source]],
    authority: Authority,
    report: ImportReport,
) -> pd.DataFrame:
    """The schools table: schools of the latest census (without one, of the register), each fact from the first file."""
    latest = max((file.year for file in files if file.year), default=None)
    facts = _facts(files, latest, report)
    if facts.empty:
        return pd.DataFrame()
    rolls = next((file.rolls for file in files if file.year == latest and latest), pd.DataFrame(index=facts.index))
    schools = _in_words(facts)
    found = _taught(facts, rolls)
    schools["phase"] = phase_of_school(facts, found["youngest"], found["oldest"])
    ages = ages_of_school(schools["phase"], found)
    for age in ("low_age", "high_age"):
        schools[age] = _number(facts, age).fillna(ages[age])
    _place(schools, facts, sources, report)
    _capacity(schools, facts, sources, authority, rolls, report)
    if "fsm_pupils" in facts:  # "c" where the publisher holds a small number back
        schools["fsm_pupils"] = np.fmin(
            _number(facts, "fsm_pupils"), rolls.sum(axis=1, min_count=1).reindex(schools.index)
        )
    empty = schools.index[found["oldest"].isna()]
    if len(empty):
        report.notes.append(f"{count(len(empty), 'school')} without pupils: {some(list(schools.loc[empty, 'name']))}.")
    report.estimated.append(
        "Phases (infant, junior, first, middle, all-through) and, where no file has them, ages of schools are taken"
        " from the year groups with pupils."
    )
    whole = [c for c in WHOLE if c in schools]
    schools[whole] = schools[whole].astype("Float64").round().astype("Int64")
    return schools.rename_axis("urn").reset_index()


def _taught(facts: pd.DataFrame, rolls: pd.DataFrame) -> pd.DataFrame:
    """Youngest and oldest year group by age: those with pupils, else those of the register's ages."""
    found = youngest_and_oldest(rolls).reindex(facts.index)
    found["youngest"] = found["youngest"].fillna(_number(facts, "low_age").clip(lower=4))
    found["oldest"] = found["oldest"].fillna(_number(facts, "high_age") - 1)
    return found


def _in_words(facts: pd.DataFrame) -> pd.DataFrame:
    """Facts that are words, in the study's words."""
    schools = facts[[c for c in COPIED if c in facts]].copy()
    for name, words in WORDS.items():
        if name in facts:
            schools[name] = words(facts[name])
    for name in ("trust", "federation", "diocese"):
        if name in schools:
            schools[name] = schools[name].where(~schools[name].isin(["Not applicable", "Does not apply"]), None)
    return schools


def _number(facts: pd.DataFrame, column: str) -> pd.Series:
    if column not in facts:
        return pd.Series(np.nan, index=facts.index)
    return pd.to_numeric(facts[column], errors="coerce").astype(float)


def _facts(files: Sequence[SchoolFile], latest: str | None, report: ImportReport) -> pd.DataFrame:
    """By URN, each fact from the first file that has it."""
    used = [file for file in files if file.year in (None, latest)]
    if not used:
        return pd.DataFrame()
    stacked = pd.concat([file.facts.astype(object) for file in used]).rename_axis("urn")
    facts = stacked.where(stacked.notna(), None).groupby("urn", sort=True).first()
    facts = facts.where(facts.notna(), None)
    if latest:
        counted = pd.Index(sorted({urn for file in used if file.year for urn in file.facts.index}))
        extra = facts.index.difference(counted)
        if len(extra):
            names = some(list(facts.loc[extra, "name"]))
            report.left_out.append(f"{count(len(extra), 'open school')} not in the census of {latest}: {names}.")
        facts = facts.loc[counted]
    known = set(used[0].facts)
    for later in used[1:]:
        columns = [c for c in later.facts if later.facts[c].notna().any() and c not in known]
        known |= set(later.facts)
        if columns:
            report.joined.append(f"{some(columns, 20)} of schools from {later.label}, joined by URN.")
    return facts


def _place(
    schools: pd.DataFrame, facts: pd.DataFrame, sources: Mapping[str, Sequence[Source]], report: ImportReport
) -> None:
    """Coordinates from the files, else from the postcode."""
    for axis in ("easting", "northing"):
        given = _number(facts, axis)
        schools[axis] = given.where(given > 0)
    without = schools["easting"].isna()
    if not without.any() or "postcode" not in schools:
        return
    keys = plain_texts(schools["postcode"])
    found = read_postcodes(sources.get("postcodes", ()), schools.loc[without, "postcode"])
    for axis in ("easting", "northing"):
        schools[axis] = schools[axis].fillna(keys.map(found[axis]))
    still = schools["easting"].isna()
    filled = int(without.sum() - still.sum())
    if filled:
        report.joined.append(f"{count(filled, 'school')} without coordinates placed by postcode.")
    if still.any():
        names = some([f"{n} ({p})" for n, p in schools.loc[still, ["name", "postcode"]].to_numpy()])
        report.notes.append(f"{count(int(still.sum()), 'school')} without coordinates, left out of travel: {names}.")


def _capacity(
    schools: pd.DataFrame,
    facts: pd.DataFrame,
    sources: Mapping[str, Sequence[Source]],
    authority: Authority,
    rolls: pd.DataFrame,
    report: ImportReport,
) -> None:
    """Capacity, its year and planning areas by LAESTAB; a capacity of nought with pupils on roll is no capacity."""
    listed = [s for kind in ("census", "compiled", "capacity") for s in sources.get(kind, ())]
    found = []
    for source in sorted(listed, key=lambda s: in_order_given(s, sources)):
        table = read_capacity(source, authority)
        if table is not None and len(table.dropna(how="all")):
            found.append((source.label, table.dropna(how="all")))
    empty = pd.DataFrame(columns=list(CAPACITY_FACTS), index=pd.Index([], name="laestab"), dtype=object)
    survey = pd.concat([table for _, table in found]) if found else empty
    survey = survey[~survey.index.duplicated()]
    joined = survey.reindex(facts["laestab"].to_numpy()).set_index(facts.index)
    for label, _ in found[1:]:
        report.joined.append(f"Capacities come from {found[0][0]}, given before {label}, where it has them.")
    schools["capacity"] = joined["capacity"].astype(float)
    schools["capacity_year"] = joined["capacity_year"].astype(object)
    schools["capacity"] = schools["capacity"].fillna(_number(facts, "capacity"))
    on_roll = rolls.sum(axis=1).reindex(schools.index).fillna(0)
    nought = schools["capacity"].eq(0) & on_roll.gt(0)
    if nought.any():
        report.notes.append(f"{count(int(nought.sum()), 'school')} with pupils and a capacity of 0: taken as unknown.")
    schools.loc[nought, ["capacity", "capacity_year"]] = [np.nan, None]
    primary = schools["phase"].isin([*MAINSTREAM_PRIMARY, *BOTH])
    schools["planning_area"] = joined["area_primary"].where(primary, joined["area_secondary"])
    schools["planning_area_secondary"] = joined["area_secondary"].where(schools["phase"].isin(BOTH))
    planned = ~schools["phase"].isin(UNPLANNED)
    without = schools[planned & schools["capacity"].isna()]
    if found:
        years = sorted(set(schools["capacity_year"].dropna()))
        report.joined.append(
            f"Capacity ({some(years)}) and planning areas joined by LAESTAB from {found[0][0]}:"
            f" {int(schools.loc[planned, 'capacity'].notna().sum())} of {int(planned.sum())} mainstream schools have a"
            " capacity."
        )
    if len(without):
        report.notes.append(
            f"{count(len(without), 'mainstream school')} without a capacity: {some(list(without['name']))}."
        )
