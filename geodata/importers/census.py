"""The school census by school: the published layout, counts split by sex and hours, or one column a year group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.recognise import YEAR_GROUP_COUNT
from geodata.importers.report import count
from geodata.importers.sources import Source, census_year_in_name, codes, numbers, suppressed, words
from geodata.years import parse_academic_year

FACTS: dict[str, tuple[str, ...]] = {
    "laestab": ("laestab",),
    "name": ("schoolname",),
    "grouping": ("phasetypegrouping",),
    "type": ("typeofestablishmentname",),
    "trust": ("trust", "trustname"),
    "gender": ("sexofschooldescription",),
    "religious_character": ("denomination",),
    "admissions_policy": ("admissionspolicy",),
    "urban_rural": ("urbanrural",),
    "postcode": ("schoolpostcode", "postcode"),
    "middle": ("middleschool",),
    "all_through": ("allthroughschool",),
    "fsm_pupils": ("numberofpupilsknowntobeeligibleforfreeschoolmeals",),
    "easting": ("easting",),
    "northing": ("northing",),
}
NOT_STATE_FUNDED = ("Independent school", "Non-maintained special school")
BOARDERS = "totalboarders"
SAME_SHARE = 0.95


@dataclass
class SchoolFile:
    """Schools of one file and one census; or of the register, which has no rolls.

    Attributes
    ----------
    label : the file.
    year : academic year of the counts; None where nothing tells it.
    facts : indexed by URN as text; columns of FACTS and some more, None where unknown.
    rolls : indexed by URN; one column a year group (A0 … A3, R, Y1 … Y14); missing where not counted.
    notes : what was left out or held back.
    boarders : pupils boarding at the schools left out.

    """

    label: str
    year: str | None
    facts: pd.DataFrame
    rolls: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    boarders: int = 0


def read_census(source: Source, authority: Authority) -> list[SchoolFile]:
    """The authority's state-funded schools and their rolls, one a census in the file."""
    counted = _year_group_columns(source)
    aliases = {name: source.first(*spellings) for name, spellings in FACTS.items()}
    fact_columns = {plain: name for name, plain in aliases.items() if plain}
    columns = ["urn", "timeperiod", BOARDERS, *fact_columns, *(c for group in counted.values() for c in group)]
    frame = source.read(columns, where=("laname", {authority.plain}))
    frame["urn"] = codes(frame["urn"])
    period = frame.get("timeperiod", pd.Series("", index=frame.index))
    return [
        _school_file(source, part.drop_duplicates("urn").set_index("urn"), year, fact_columns, counted)
        for year, part in frame.dropna(subset=["urn"]).groupby(period.map(_period), dropna=False, sort=True)
    ]


def _period(text: str) -> str | None:
    return parse_academic_year(text) if text else None


def _year_group_columns(source: Source) -> dict[str, list[str]]:
    """Columns to add up, by year group."""
    groups: dict[str, list[str]] = {}
    for column in source.matching(rf"{YEAR_GROUP_COUNT}|n1|n2|r|y\d+"):
        word = re.sub(r"^(full|part)time(girls|boys)", "", column)
        kind, number = re.sub(r"\d", "", word), re.sub(r"\D", "", word)
        first_age = {"early": 0, "nursery": 2, "n": 2}.get(kind)
        if first_age is not None:
            group = f"A{first_age + int(number) - 1}"
        else:
            group = "R" if kind in ("reception", "r") else f"Y{number}"
        groups.setdefault(group, []).append(column)
    return groups


def _school_file(
    source: Source, part: pd.DataFrame, year: object, fact_columns: dict[str, str], counted: dict[str, list[str]]
) -> SchoolFile:
    notes = []
    boarders = 0
    facts = part[list(fact_columns)].rename(columns=fact_columns).apply(words)
    facts["laestab"] = codes(facts["laestab"].fillna("")) if "laestab" in facts else None
    if "grouping" in facts:
        outside = facts["grouping"].isin(NOT_STATE_FUNDED)
        if outside.any():
            kinds = count(int(outside.sum()), "independent or non-maintained school")
            notes.append(f"{source.label}: {kinds} left out; only state-funded schools are planned.")
            boarders = int(numbers(part.loc[outside, BOARDERS]).sum()) if BOARDERS in part else 0
        facts, part = facts[~outside], part[~outside]
    rolls = pd.DataFrame(index=part.index, dtype=float)
    held_back = 0
    for group, columns in counted.items():
        hidden = part[columns].apply(suppressed).any(axis=1)
        rolls[group] = part[columns].apply(numbers).sum(axis=1, min_count=1).mask(hidden)
        held_back += int(hidden.sum())
    if held_back:
        notes.append(f"{source.label}: {count(held_back, 'roll')} suppressed by the publisher and left out.")
    known = year if isinstance(year, str) else census_year_in_name(source.path)
    return SchoolFile(source.label, known, facts, rolls, notes, boarders)


def year_of_sibling(unknown: SchoolFile, dated: list[SchoolFile]) -> SchoolFile | None:
    """The dated file with the same schools and the same rolls, which tells the year of the one without."""
    best: tuple[float, SchoolFile | None] = (SAME_SHARE, None)
    for other in dated:
        if not unknown.facts.index.isin(other.facts.index).all():
            continue
        mine, theirs = unknown.rolls.align(other.rolls, join="inner")
        both = mine.notna() & theirs.notna()
        same = float(((mine == theirs) & both).to_numpy().sum() / max(1, both.to_numpy().sum()))
        if same >= best[0]:
            best = (same, other)
    return best[1]
