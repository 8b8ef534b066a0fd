"""Facts of LSOAs: names, points, rural-urban class, boundaries and residents by age."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.importers.recognise import LSOA
from geodata.importers.report import ImportReport, count
from geodata.importers.sources import Source, numbers, plain_texts, words, year_in_name

if TYPE_CHECKING:
    import geopandas as gpd

NAME = r"lsoa(\d\d)?(nm|name)"
NAMED_BY = ("points", "boundaries", "population", "districts", "msoas")
RURAL_WORDS = ("classification", r"ruc\d+(nm|name)", r"ruc\d*")
OLDEST = 19


def read_facts(sources: Mapping[str, Sequence[Source]], lsoas: Sequence[str], report: ImportReport) -> pd.DataFrame:
    """Indexed by LSOA: name, rural_urban, easting, northing (m); None or missing where no file has them."""
    facts = pd.DataFrame(index=pd.Index(lsoas, name="locality"))
    facts["name"] = _first(sources, NAMED_BY, lsoas, (NAME,)).fillna(pd.Series(lsoas, index=lsoas))
    facts["rural_urban"] = _first(sources, ("points", "rural"), lsoas, RURAL_WORDS)
    points = sources.get("points", ())
    for column in ("easting", "northing"):
        facts[column] = numbers(_first(sources, ("points",), lsoas, (column,)).fillna(""))
    used = _contributing([(s.label, _codes_in(s, lsoas)) for s in points], "points of LSOAs", report)
    without = int(facts["easting"].isna().sum())
    if used and without:
        report.notes.append(f"{count(without, 'locality', 'localities')} without a point.")
    return facts


def _codes_in(source: Source, lsoas: Sequence[str]) -> set[str]:
    lsoa = source.first(LSOA)
    return set(source.read([lsoa])[lsoa]) & set(lsoas) if lsoa else set()


def _first(
    sources: Mapping[str, Sequence[Source]], kinds: Collection[str], lsoas: Sequence[str], patterns: Sequence[str]
) -> pd.Series:
    """A column by LSOA from the first file, in the order of `kinds`, that has it."""
    found = pd.Series(None, index=pd.Index(lsoas), dtype=object)
    for source in (source for kind in kinds for source in sources.get(kind, ())):
        lsoa, column = source.first(LSOA), source.first(*patterns)
        if lsoa and column and found.isna().any():
            frame = source.read([lsoa, column]).drop_duplicates(lsoa).set_index(lsoa)[column]
            found = found.where(found.notna(), words(frame).reindex(lsoas))
    return found


def _contributing(found: Sequence[tuple[str, set[str]]], what: str, report: ImportReport) -> list[str]:
    """Files that bring something the earlier ones lack; the others are said to be passed over."""
    seen: set[str] = set()
    used: list[str] = []
    for label, keys in found:
        if keys - seen:
            used.append(label)
        elif keys:
            report.joined.append(f"{what[0].upper()}{what[1:]} come from {used[0]}, given before {label}.")
        else:
            report.left_out.append(f"{label}: no {what} of this authority.")
        seen |= keys
    return used


def read_shapes(
    sources: Sequence[Source], lsoas: Sequence[str], crs: str, report: ImportReport
) -> gpd.GeoSeries | None:
    """Boundary of each LSOA in `crs`, from the folder given first; None without any."""
    import geopandas as gpd
    from shapely import get_num_coordinates

    found: list[tuple[str, gpd.GeoSeries]] = []
    for source in sources:
        code = source.first(LSOA)
        if code:
            found.append((source.label, source.shapes(code, lsoas, crs)))
    used = _contributing([(label, set(shape.index)) for label, shape in found], "boundaries of LSOAs", report)
    if not used:
        return None
    corners = {label: int(get_num_coordinates(shape.to_numpy()).sum()) for label, shape in found}
    finer = [label for label in corners if corners[label] > 2 * corners[used[0]]]
    if finer:
        report.notes.append(f"{finer[0]} has finer boundaries than {used[0]}: give its folder first to use them.")
    parts = gpd.GeoSeries(pd.concat([shape for label, shape in found if label in used]), crs=crs)
    return parts[~parts.index.duplicated()].reindex(lsoas)


def read_population(
    sources: Sequence[Source], lsoas: Sequence[str], report: ImportReport
) -> tuple[list[int], NDArray[np.float64]]:
    """Mid-years in order, and residents as an array (years, LSOAs, ages 0 to 19)."""
    by_year: dict[int, tuple[str, NDArray[np.float64]]] = {}
    for source in sources:
        lsoa, ages = source.first(LSOA), [source.first(rf"(age)?{age}") for age in range(OLDEST + 1)]
        if lsoa is None:
            continue
        keys = set(plain_texts(pd.Series(list(lsoas))))
        frame = source.read([lsoa, "year", "midyear", *(a for a in ages if a)], where=(lsoa, keys))
        for year, part in _by_year(frame, source):
            if year is None:
                report.left_out.append(
                    f"{source.label}: nothing tells the year; rename it with its mid-year, such as residents_2020."
                )
            elif year in by_year:
                report.joined.append(
                    f"Residents at mid-{year} come from {by_year[year][0]}, given before {source.label}."
                )
            elif len(part):
                table = part.drop_duplicates(lsoa).set_index(lsoa).reindex(lsoas)
                columns = [numbers(table[a].fillna("")) if a else pd.Series(0.0, index=table.index) for a in ages]
                by_year[year] = (source.label, np.column_stack([c.fillna(0.0) for c in columns]))
                empty = int(table.isna().all(axis=1).sum())
                if empty:
                    report.notes.append(f"{source.label}: no residents for {count(empty, 'LSOA')}; counted as none.")
            else:
                report.left_out.append(f"{source.label}: no residents of this authority.")
    years = sorted(by_year)
    shape = (0, len(lsoas), OLDEST + 1)
    return years, np.stack([by_year[year][1] for year in years]) if years else np.zeros(shape)


def _by_year(frame: pd.DataFrame, source: Source) -> list[tuple[int | None, pd.DataFrame]]:
    column = next((c for c in ("year", "midyear") if c in frame), None)
    if column is None:
        return [(year_in_name(source.path), frame)]
    years = numbers(frame[column])
    return [(int(year), part) for year, part in frame.groupby(years) if year == int(year)]
