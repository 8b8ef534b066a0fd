"""Whose study it is: the authority's codes, its districts and its LSOAs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

from geodata.importers.recognise import DISTRICT, LSOA
from geodata.importers.report import some
from geodata.importers.sources import Source, codes, plain, plain_texts, words
from geodata.problems import BadInput, Problem

CODE = r"newlacode|gsslacodename|lacode"
NAMED_BY = ("year_group_rolls", "census", "compiled", "gias", "place_planning", "capacity")
PLACED_BY = ("points", "districts", "boundaries")
ONS_CODE = r"E\d{8}"


@dataclass(frozen=True)
class Authority:
    """A local authority.

    Attributes
    ----------
    name : as published.
    plain : the name as it compares.
    codes : its ONS codes; more than one where files are on codes of different years.
    districts : ONS codes of its districts, its own codes included (a unitary authority is its own district).
    district_names : plain names of those districts.

    """

    name: str
    plain: str
    codes: frozenset[str]
    districts: frozenset[str]
    district_names: frozenset[str]


def find_authority(sources: Mapping[str, Sequence[Source]], name: str) -> Authority:
    """The authority of that name, whatever its capitals; BadInput with near names where there is none."""
    listed = [_names(source) for kind in NAMED_BY for source in sources.get(kind, ()) if source.first("laname")]
    if not listed:
        what = "No file names an authority."
        raise BadInput([Problem("import", what, "Add the school census, or pupils by authority and year group.")])
    known = pd.concat(listed).dropna(subset=["name"]).drop_duplicates()
    known["plain"] = plain_texts(known["name"])
    mine = known[known["plain"] == plain(name.replace("&", "and"))]
    if mine.empty:
        names = list(dict.fromkeys(known["name"]))
        near = get_close_matches(name.title(), names, n=5, cutoff=0.5)
        mend = f"Near names: {', '.join(near)}." if near else f"Known are: {some(sorted(names), 12)}."
        raise BadInput([Problem("import", f"No authority is called {name!r}.", mend, field="authority")])
    own = set(mine["code"].dropna())
    districts, district_names = _districts(sources.get("births", ()), own)
    first = str(mine["name"].iloc[0])
    return Authority(
        name=first,
        plain=str(mine["plain"].iloc[0]),
        codes=frozenset(own),
        districts=frozenset(own | districts),
        district_names=frozenset(district_names | {plain(first)}),
    )


def _names(source: Source) -> pd.DataFrame:
    code = source.first(*CODE.split("|"))
    frame = source.read(["laname", *([code] if code else [])]).drop_duplicates()
    ons = codes(frame[code]) if code else pd.Series(None, index=frame.index, dtype=object)
    return pd.DataFrame(
        {"name": words(frame["laname"]), "code": ons.where(ons.fillna("").str.fullmatch(ONS_CODE), None)}
    )


def _districts(births: Sequence[Source], own: set[str]) -> tuple[set[str], set[str]]:
    found: set[str] = set()
    names: set[str] = set()
    for source in births:
        district, upper = source.first(DISTRICT), source.first("lacode")
        if district and upper:
            frame = source.read([district, upper, "districtname"]).drop_duplicates()
            mine = frame[frame[upper].isin(own)]
            found |= set(mine[district])
            names |= set(plain_texts(mine["districtname"])) if "districtname" in mine else set()
    return found, names


def lsoas_of(authority: Authority, sources: Mapping[str, Sequence[Source]]) -> list[str]:
    """Codes of the authority's LSOAs: those a file places in one of its districts, else those named after one."""
    found: set[str] = set()
    for source in (source for kind in PLACED_BY for source in sources.get(kind, ())):
        lsoa, district = source.first(LSOA), source.first(DISTRICT)
        if lsoa and district:
            frame = source.read([lsoa, district])
            found |= set(frame.loc[frame[district].isin(authority.districts), lsoa])
    if not found:
        found = _named_after(authority, sources)
    if not found:
        what = f"No file says which LSOAs are {authority.name}'s."
        raise BadInput([Problem("import", what, "Add a lookup from LSOA to district, or LSOA points with one.")])
    return sorted(found)


def _named_after(authority: Authority, sources: Mapping[str, Sequence[Source]]) -> set[str]:
    """LSOAs are named after their district: "Rutland 005A" is Rutland's."""
    found: set[str] = set()
    for source in (source for kind in (*PLACED_BY, "population") for source in sources.get(kind, ())):
        lsoa, name = source.first(LSOA), source.first(r"lsoa(\d\d)?(nm|name)")
        if lsoa and name:
            frame = source.read([lsoa, name])
            district = plain_texts(frame[name].str.replace(r"\s+\S+$", "", regex=True))
            found |= set(frame.loc[district.isin(authority.district_names), lsoa])
    return found
