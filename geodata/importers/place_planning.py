"""School place planning estimates by planning area: the places already planned.

The layout is taken from the publisher's description of its columns and has not yet been seen on a published file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.report import ImportReport, count, some
from geodata.importers.sources import Source, codes, numbers
from geodata.years import add_years, parse_academic_year, parse_year_group

ENTRY = ("R", "Y7")
COLUMNS = ("timeperiod", "planningareacode", "planningareaname", "ncyeargroup")
PLACES = ("laplannedplaces", "centralprogrammeplaces")


def read_planned_places(
    sources: Sequence[Source], authority: Authority, areas: Collection[str], report: ImportReport
) -> pd.DataFrame:
    """Rows of planned_places: from which year each planning area admits how many more, or fewer, a year.

    The estimates give, for every year and year group, the places planned beyond the capacity counted. Places move up
    with their cohort, so only the years of entry (R, Y7) say what is new: their change from one year to the next. A
    rise that is taken back a year later is a bulge class. Only areas with a school in the study are kept.
    """
    parts = [_planned(source, authority, areas, report) for source in sources]
    found = [part for part in parts if len(part)]
    if not found:
        return pd.DataFrame()
    keys = ["planning_area", "academic_year", "year_group"]
    return pd.concat(found, ignore_index=True).drop_duplicates(keys).sort_values(keys, ignore_index=True)


def _planned(source: Source, authority: Authority, areas: Collection[str], report: ImportReport) -> pd.DataFrame:
    frame = source.read([*COLUMNS, *PLACES], where=("laname", {authority.plain}))
    frame["planning_area"] = codes(frame["planningareacode"])
    frame["academic_year"] = frame["timeperiod"].map(parse_academic_year)
    frame["year_group"] = frame["ncyeargroup"].map(parse_year_group)
    frame["places"] = frame[[c for c in PLACES if c in frame]].apply(numbers).sum(axis=1, min_count=1)
    frame = frame.dropna(subset=["planning_area", "academic_year", "year_group", "places"])
    if "planningareaname" in frame and len(frame):
        named = frame.drop_duplicates("planning_area")
        pairs = [f"{code} {name}" for code, name in zip(named["planning_area"], named["planningareaname"], strict=True)]
        report.notes.append(f"{source.label}: {count(len(pairs), 'planning area')}: {some(pairs, 6)}.")
    entry = frame[frame["year_group"].isin(ENTRY)]
    keys = ["planning_area", "year_group", "academic_year"]
    places = entry.groupby(keys)["places"].first()
    earlier = places.rename(index=lambda year: add_years(year, 1), level="academic_year").reindex(places.index)
    change = (places - earlier.fillna(0.0)).rename("places").reset_index()
    change = change[change["places"] != 0]
    change["kind"] = "permanent"
    known = change["planning_area"].isin(set(areas))
    if (~known).any():
        strangers = sorted(set(change.loc[~known, "planning_area"]))
        report.left_out.append(
            f"{source.label}: planned places of {count(len(strangers), 'planning area')} without a school in this"
            f" study ({some(strangers)})."
        )
    report.notes.append(
        f"{source.label}: this layout has not yet been checked against a published file; compare the planned places."
    )
    return change[known]
