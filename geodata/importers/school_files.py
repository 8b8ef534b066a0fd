"""Every file that knows the authority's schools: whose year it is, and the rolls they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.census import SchoolFile, read_census, year_of_sibling
from geodata.importers.gias import read_gias
from geodata.importers.report import ImportReport, count
from geodata.importers.sources import Source
from geodata.years import SCHOOL_YEAR_GROUPS, age_of


def read_school_files(
    sources: Mapping[str, Sequence[Source]], authority: Authority, report: ImportReport
) -> list[SchoolFile]:
    """Files of the authority's schools in the order given; each census with its year, files without one left out."""
    files: list[SchoolFile] = []
    listed = [(kind, s) for kind in ("census", "compiled", "gias") for s in sources.get(kind, ())]
    for kind, source in sorted(listed, key=lambda pair: in_order_given(pair[1], sources)):
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


def in_order_given(source: Source, sources: Mapping[str, Sequence[Source]]) -> tuple[int, str]:
    """Where a file stands among all: by its folder in the order given, then by its name."""
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
