"""Checks of developer contributions: when and where they may be spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from geodata.problems import Problem, row_problems
from geodata.settings import Settings
from geodata.years import PHASES, start_year

TABLE = "contributions"
BOTH = "all-through"


def contribution_problems(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterable[Problem]:
    """Money that lapses before it is due, and money for a place that is not in the study or not of its phase."""
    if TABLE not in tables:
        return
    given = tables[TABLE]
    known = given["spend_by"].notna() & given["due_year"].notna()
    early = [
        bool(k) and start_year(by) < start_year(due)
        for k, by, due in zip(known, given["spend_by"], given["due_year"], strict=True)
    ]
    yield from row_problems(
        TABLE,
        given,
        pd.Series(early, index=given.index, dtype=bool),
        lambda row: f"It is to be spent by {row['spend_by']} and is due only in {row['due_year']}.",
        "Correct one of the two.",
        "spend_by",
    )
    named = given["spend_where"].notna()
    where = {phase: _places_of(tables, phase) for phase in PHASES}
    elsewhere = [
        bool(n) and p in where and str(w) not in where[p]
        for n, w, p in zip(named, given["spend_where"], given["phase"], strict=True)
    ]
    yield from row_problems(
        TABLE,
        given,
        pd.Series(elsewhere, index=given.index, dtype=bool),
        lambda row: f"{row['spend_where']} is no planning area, school or site of the {row['phase']} phase.",
        "Give one that is, or leave it empty for any school of the phase.",
        "spend_where",
    )


def _places_of(tables: Mapping[str, pd.DataFrame], phase: str) -> set[str]:
    """Planning areas, urns and sites in which places of the phase can be made."""
    places: set[str] = set()
    for table, key in (("schools", "urn"), ("sites", "site")):
        if table not in tables:
            continue
        frame = tables[table]
        of_both = frame["phase"].isin((BOTH, "middle"))
        secondary = frame["phase"].eq("secondary") | of_both
        mine = secondary if phase == "secondary" else ~frame["phase"].eq("secondary")
        places |= set(frame.loc[mine, key].astype(str)) | set(frame.loc[mine, "planning_area"].dropna().astype(str))
        if phase == "secondary" and "planning_area_secondary" in frame:
            places |= set(frame.loc[of_both, "planning_area_secondary"].dropna().astype(str))
    return places
