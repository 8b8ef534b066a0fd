"""Pairs of schools that a study offers for amalgamation: what they may not be.

One school of two cannot have two religious characters, nor stand miles apart, nor serve ages with a gap between them.
Distances are straight lines, which no road undercuts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from geodata.competitions import NO_CHARACTER
from geodata.policy import Policy
from geodata.problems import Problem
from geodata.settings import Settings

TABLE = "amalgamations"


def character(religious_character: object) -> str:
    """Religious character as one word for all ways of having none: "" there."""
    said = "" if pd.isna(religious_character) else str(religious_character).strip().lower()
    return "" if said in NO_CHARACTER else said


def amalgamation_problems(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterable[Problem]:
    """Pairs that can never be one school; a number that is no school's is reported as a broken reference."""
    if TABLE not in tables or "schools" not in tables:
        return
    schools = tables["schools"].drop_duplicates("urn").set_index("urn")
    # Policy of the base scenario: the one distance by which a pair is judged when the study is opened.
    policy = Policy(settings.policy)
    for number, row in tables[TABLE].iterrows():
        ends, stays = row["urn"], row["with_urn"]
        if ends not in schools.index or stays not in schools.index:
            continue
        line = int(str(number)) + 2
        for what, mend, field in _faults(ends, stays, schools.loc[ends], schools.loc[stays], policy):
            yield Problem(TABLE, what, mend, line, field)


def _faults(
    ends: int, stays: int, one: Mapping[str, Any], other: Mapping[str, Any], policy: Policy
) -> Iterable[tuple[str, str, str]]:
    """(what, mend, field) of everything wrong with a pair."""
    names = f"{one['name']} ({ends}) and {other['name']} ({stays})"
    if ends == stays:
        yield f"{one['name']} ({ends}) is paired with itself.", "Name the school that takes it in.", "with_urn"
        return
    faiths = [character(school["religious_character"]) for school in (one, other)]
    if faiths[0] != faiths[1]:
        said = " and ".join(faith or "none" for faith in faiths)
        what = f"{names} are of different religious character: {said}."
        yield what, "Pair schools of one character, or correct religious_character in schools.", "with_urn"
    away = math.hypot(one["easting"] - other["easting"], one["northing"] - other["northing"])
    most = policy.number("amalgamate_max_m")
    if not away <= most:  # not known counts as too far
        far = f"{away:,.0f} m apart, further than {most:,.0f} m" if math.isfinite(away) else "not both on the map"
        yield f"{names} are {far}.", "Pair nearer schools, or raise amalgamate_max_m under [policy].", "with_urn"
    low, high = ([school[age] for school in (one, other)] for age in ("low_age", "high_age"))
    if pd.isna([*low, *high]).any():
        return
    within = low[1] <= low[0] and high[0] <= high[1]
    if not (within or high[0] == low[1] or high[1] == low[0]):
        what = f"{names} serve ages {low[0]}–{high[0]} and {low[1]}–{high[1]}, which make no one school."
        yield what, "Pair a school with one that serves all its ages, or the ages next to them.", "with_urn"
