"""The tables of schools and of rolls, from every file that knows something about a school."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.capacity import FACTS as CAPACITY_FACTS
from geodata.importers.capacity import read_capacity
from geodata.importers.census import SchoolFile, read_census, year_of_sibling
from geodata.importers.gias import read_gias
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
from geodata.importers.sources import Source, plain_texts
from geodata.years import SCHOOL_YEAR_GROUPS, age_of

MAINSTREAM_PRIMARY = ("infant", "junior", "first", "primary")
BOTH = ("all-through", "middle")
UNPLANNED = ("special", "alternative provision", "nursery")
WHOLE = ("low_age", "high_age", "capacity", "sen_places")
COPIED = ("name", "type", "trust", "federation", "diocese", "postcode", "locality", "sen_places")


def read_school_files(
    sources: Mapping[str, Sequence[Source]], authority: Authority, report: ImportReport
) -> list[SchoolFile]:
    """Files of the authority's schools in the order given; each census with its year, files without one left out."""
    files: list[SchoolFile] = []
    listed = [(kind, s) for kind in ("census", "compiled", "gias") for s in sources.get(kind, ())]
    for kind, source in sorted(listed, key=lambda pair: _order(pair[1], sources)):
        read = [read_gias(source, authority)] if kind == "gias" else read_census(source, authority)
        if not any(len(file.facts) for file in read):
            report.left_out.append(f"{source.label}: no schools of this authority.")
        files += [file for file in read if len(file.facts)]
    dated = [file for file in files if file.year]
    for file in files:
        report.left_out += file.notes
        if file.year is None and not file.rolls.columns.empty:
            sibling = year_of_sibling(file, dated)
            if sibling:
                file.year = sibling.year
                report.joined.append(
                    f"{file.label} names no year; its rolls are those of {sibling.label}: {file.year}."
                )
            else:
                report.left_out.append(
                    f"{file.label}: nothing tells the year of its rolls; rename it with the year of the January"
                    " count, such as schools_2023.csv."
                )
    return [file for file in files if file.year or file.rolls.columns.empty]


def _order(source: Source, sources: Mapping[str, Sequence[Source]]) -> tuple[int, str]:
    folders = list(dict.fromkeys(s.path.parent for kind in sources.values() for s in kind))
    return folders.index(source.path.parent), source.path.name


def build_rolls(files: Sequence[SchoolFile], report: ImportReport) -> tuple[pd.DataFrame, list[SchoolFile]]:
    """Rolls by academic year, urn and year group, and one census a year: the file given first wins."""
    censuses: dict[str, SchoolFile] = {}
    for file in files:
        if file.year is None:
            continue
        first = censuses.get(file.year)
        if first is None:
            censuses[file.year] = file
            continue
        mine, theirs = first.rolls.align(file.rolls, join="inner")
        differ = int(((mine != theirs) & mine.notna() & theirs.notna()).to_numpy().sum())
        report.joined.append(
            f"Rolls of {file.year} come from {first.label}, given before {file.label};"
            f" {count(differ, 'figure')} of theirs differ."
        )
    tables = [_long(census) for census in censuses.values()]
    columns = ["academic_year", "urn", "year_group", "pupils"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns), list(censuses.values())


def _long(census: SchoolFile) -> pd.DataFrame:
    """One row a school and year group, from its youngest year group with pupils to its oldest."""
    groups = [group for group in SCHOOL_YEAR_GROUPS if group in census.rolls and group != "Y14"]
    taught = census.rolls[groups]
    ages = np.array([age_of(group) for group in groups], dtype=float)
    present = taught.gt(0).to_numpy()
    low = np.where(present, ages, np.inf).min(axis=1, initial=np.inf)[:, None]
    high = np.where(present, ages, -np.inf).max(axis=1, initial=-np.inf)[:, None]
    within = (ages >= low) & (ages <= high) & taught.notna().to_numpy()
    row, column = np.nonzero(within)
    return pd.DataFrame(
        {
            "academic_year": census.year,
            "urn": taught.index.to_numpy()[row],
            "year_group": np.array(groups, dtype=object)[column],
            "pupils": taught.to_numpy()[row, column].astype(int),
        }
    )


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
    found = youngest_and_oldest(rolls).reindex(facts.index)
    low, high = (pd.to_numeric(facts[age]) if age in facts else np.nan for age in ("low_age", "high_age"))
    found["youngest"] = found["youngest"].fillna(pd.Series(low, index=facts.index).clip(lower=4))
    found["oldest"] = found["oldest"].fillna(pd.Series(high, index=facts.index) - 1)
    facts["phase"] = phase_of_school(facts, found["youngest"], found["oldest"])
    ages = ages_of_school(facts["phase"], found)
    schools = facts[[c for c in ("phase", *COPIED) if c in facts]].copy()
    schools["low_age"] = ages["low_age"] if "low_age" not in facts else facts["low_age"].fillna(ages["low_age"])
    schools["high_age"] = ages["high_age"] if "high_age" not in facts else facts["high_age"].fillna(ages["high_age"])
    for name, words in (
        ("gender", gender_of_entry),
        ("admissions_policy", admissions),
        ("religious_character", religious_character),
        ("urban_rural", rural_urban),
    ):
        if name in facts:
            schools[name] = words(facts[name])
    for name in ("trust", "federation", "diocese"):
        if name in schools:
            schools[name] = schools[name].where(~schools[name].isin(["Not applicable", "Does not apply"]), None)
    _place(schools, facts, sources, report)
    _capacity(schools, facts, sources, authority, rolls, report)
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
    for later in used[1:]:
        before = pd.concat([f.facts for f in used[: used.index(later)]])
        columns = [c for c in later.facts if later.facts[c].notna().any() and c not in before]
        if columns:
            report.joined.append(f"{some(columns, 20)} of schools from {later.label}, joined by URN.")
    return facts


def _place(
    schools: pd.DataFrame, facts: pd.DataFrame, sources: Mapping[str, Sequence[Source]], report: ImportReport
) -> None:
    """Coordinates from the files, else from the postcode."""
    for axis in ("easting", "northing"):
        given = pd.to_numeric(facts[axis], errors="coerce") if axis in facts else pd.Series(np.nan, index=facts.index)
        schools[axis] = given.astype(float).where(given > 0)
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
    for source in sorted(listed, key=lambda s: _order(s, sources)):
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
    if "capacity" in facts:
        schools["capacity"] = schools["capacity"].fillna(facts["capacity"].astype(float))
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
