"""What a study may well mean, and what a planner should look at twice: read as it stands, and said.

Each notice is a sentence with the count and the first few by name. Unlike `geodata.checks` none of them stops a study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from geodata.fallbacks import is_mainstream
from geodata.settings import Settings
from geodata.years import SCHOOL_YEAR_GROUPS, in_order, year_groups_between

NAMED = 5


def notices(tables: Mapping[str, pd.DataFrame], settings: Settings) -> list[str]:
    """Every notice on tables that have passed their checks, as they stand in the files."""
    said = list(_missing_rows(tables, settings))
    if "schools" in tables and "rolls" in tables:
        said += [*_without_return(tables, settings), *_outside_ages(tables, settings)]
    return said


def _missing_rows(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[str]:
    """Rows of the base year that some localities lack and others have: read as no pupils."""
    pupils = tables["pupils"]
    base = pupils[pupils["academic_year"] == settings.base_year]
    groups = in_order(list(base["year_group"]))
    whole = pd.MultiIndex.from_product([tables["localities"]["locality"].astype(str), groups])
    given = pd.MultiIndex.from_arrays([base["locality"].astype(str), base["year_group"]])
    missing = whole.difference(given, sort=False)
    if len(missing):
        named = _some(f"{locality} {group}" for locality, group in missing)
        yield (
            f"pupils: {len(missing):,} of {len(whole):,} rows by locality and year group are missing in"
            f" {settings.base_year} and read as 0 pupils: {named}."
        )


def _without_return(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[str]:
    """Schools with pupils in earlier years and none in the base year."""
    schools, rolls = tables["schools"], tables["rolls"]
    base = rolls["academic_year"] == settings.base_year
    earlier = set(rolls.loc[(rolls["academic_year"] < settings.base_year) & (rolls["pupils"] > 0), "urn"])
    gone = schools[schools["urn"].isin(earlier - set(rolls.loc[base & (rolls["pupils"] > 0), "urn"]))]
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
