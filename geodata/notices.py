"""What a study may well mean, and what a planner should look at twice: read as it stands, and said.

Each notice is a sentence with the count and the first few by name. Unlike `geodata.checks` none of them stops a study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from geodata.fallbacks import is_mainstream
from geodata.settings import Settings
from geodata.sites import site_notices
from geodata.years import SCHOOL_YEAR_GROUPS, academic_year, in_order, start_year, year_groups_between

NAMED = 5


def notices(tables: Mapping[str, pd.DataFrame], settings: Settings) -> list[str]:
    """Every notice on tables that have passed their checks, as they stand in the files."""
    said = [*_missing_years(tables), *_missing_rows(tables, settings), *_never_counted(tables)]
    if "schools" in tables and "rolls" in tables:
        said += [*_without_return(tables, settings), *_outside_ages(tables, settings)]
    said += site_notices(tables, settings.policy_for())
    return said


def _missing_years(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Years without any row between years that have some."""
    starts = {start_year(year) for year in tables["pupils"]["academic_year"].unique()}
    if gaps := sorted(set(range(min(starts), max(starts))) - starts):
        named = ", ".join(academic_year(gap) for gap in gaps)
        yield f"pupils: no rows for {named}: ratios into and out of {_those(gaps)} are unknown and teach nothing."
    ends = tables["births"]["year_ending"]
    years = set(ends.dt.year)
    if len(set(ends.dt.month)) == 1 and (gaps := sorted(set(range(min(years), max(years))) - years)):
        yield (
            f"births: no rows for years ending in {', '.join(map(str, gaps))}: cohorts with fewer than half of their"
            " months known are taken as the mean of the latest years."
        )


def _those(gaps: list[int]) -> str:
    return "that year" if len(gaps) == 1 else "those years"


def _missing_rows(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[str]:
    """Rows of the base year that some localities lack and others have; localities that have none at all."""
    pupils = tables["pupils"]
    base = pupils[pupils["academic_year"] == settings.base_year]
    there = set(base["locality"].astype(str))
    earlier = set(pupils["locality"].astype(str)) - there
    codes = tables["localities"]["locality"].astype(str)
    if lost := [code for code in codes if code in earlier]:
        yield (
            f"pupils: {len(lost):,} localit{'y has' if len(lost) == 1 else 'ies have'} rows in earlier years and none"
            f" in {settings.base_year}; the latest count, moved up, stands: {_some(lost)}."
        )
    groups = in_order(list(base["year_group"]))
    whole = pd.MultiIndex.from_product([[code for code in codes if code in there], groups])
    given = pd.MultiIndex.from_arrays([base["locality"].astype(str), base["year_group"]])
    missing = whole.difference(given, sort=False)
    if len(missing):
        named = _some(f"{locality} {group}" for locality, group in missing)
        yield (
            f"pupils: {len(missing):,} of {len(whole):,} rows by locality and year group are missing in"
            f" {settings.base_year} and read as 0 pupils: {named}."
        )


def _never_counted(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Localities without pupils in any year, and those without births."""
    for name, count, what in (("pupils", "pupils", "0 stands"), ("births", "births", "entry repeats the latest years")):
        table = tables[name]
        known = set(table.loc[~(table[count] <= 0), "locality"].astype(str))
        if never := [code for code in tables["localities"]["locality"].astype(str) if code not in known]:
            ies = "y" if len(never) == 1 else "ies"
            yield f"{name}: {len(never):,} localit{ies} without any; {what}: {_some(never)}."


def _without_return(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[str]:
    """Schools with pupils in earlier years and none in the base year."""
    schools, rolls = tables["schools"], tables["rolls"]
    base = rolls["academic_year"] == settings.base_year
    earlier = set(rolls.loc[(rolls["academic_year"] < settings.base_year) & (rolls["pupils"] > 0), "urn"])
    gone = schools[schools["urn"].isin(earlier - set(rolls.loc[base & ~(rolls["pupils"] <= 0), "urn"]))]
    if len(gone):
        yield (
            f"rolls: {len(gone):,} school{_s(len(gone))} with pupils in earlier years and none in {settings.base_year},"
            f" closed or not returned? {_some(_named(gone))}."
        )


def _outside_ages(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[str]:
    """Pupils of the base year in year groups outside the ages that the file gives for their school."""
    schools, rolls = tables["schools"], tables["rolls"]
    aged = schools[is_mainstream(schools) & schools["low_age"].notna() & schools["high_age"].notna()]
    ages = zip(aged["urn"], aged["low_age"], aged["high_age"], strict=True)
    own = {(urn, group) for urn, low, high in ages for group in year_groups_between(int(low), int(high))}
    base = rolls[(rolls["academic_year"] == settings.base_year) & (rolls["pupils"] > 0)]
    base = base[base["urn"].isin(aged["urn"]) & base["year_group"].isin(SCHOOL_YEAR_GROUPS[:14])]
    inside = np.array([pair in own for pair in zip(base["urn"], base["year_group"], strict=True)], dtype=bool)
    odd = base[~inside]
    if len(odd):
        name = dict(zip(aged["urn"], _named(aged), strict=True))
        rows = zip(odd["urn"], odd["year_group"], odd["pupils"], strict=True)
        named = _some(f"{name[urn]} {group}: {pupils:g}" for urn, group, pupils in rows)
        yield (
            f"rolls: {odd['pupils'].sum():,g} pupils of {odd['urn'].nunique():,} school{_s(odd['urn'].nunique())} are"
            f" in year groups outside the school's ages in {settings.base_year}: {named}."
        )


def _named(schools: pd.DataFrame) -> list[str]:
    return [f"{name} ({urn})" for urn, name in zip(schools["urn"], schools["name"], strict=True)]


def _some(words: Iterable[str]) -> str:
    words = list(words)
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED:,} more" if len(words) > NAMED else "")


def _s(count: int) -> str:
    return "" if count == 1 else "s"
