"""What kind of school it is, in the study's words: phase, ages, gender, admissions, religious character.

Published phases are too coarse to plan by (an infant and a primary school are both "State-funded primary"), so the
phase comes from the year groups with pupils together with the published phase, the type and the name. Ages here are
ages in whole years at 31 August: R is 4, Y6 is 10, Y11 is 15.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import SCHOOL_YEAR_GROUPS, age_of

STRAY_SHARE = 0.02  # a pupil or two placed out of their year group do not make a school all-through
USUAL_AGES = {"infant": (4, 7), "junior": (7, 11), "first": (4, 9), "primary": (4, 11), "secondary": (11, 16)}
USUAL_AGES |= {"16 plus": (16, 18), "all-through": (4, 16)}
NO_RELIGION = ("no religious character", "does not apply", "none", "not applicable")


def youngest_and_oldest(rolls: pd.DataFrame) -> pd.DataFrame:
    """By URN, ages of the youngest and the oldest year group with pupils, with and without nursery classes.

    Columns: with_nursery, youngest, oldest; missing where a school has no pupils.
    """
    groups = sorted(rolls.columns, key=age_of)
    taught = rolls[groups].fillna(0).to_numpy()
    largest = taught.max(axis=1, keepdims=True, initial=0)
    present = taught > STRAY_SHARE * largest
    ages = np.array([age_of(group) for group in groups], dtype=float)
    school = present & np.isin(groups, SCHOOL_YEAR_GROUPS)
    low = np.where(present, ages, np.inf).min(axis=1, initial=np.inf)
    youngest = np.where(school, ages, np.inf).min(axis=1, initial=np.inf)
    oldest = np.where(school, ages, -np.inf).max(axis=1, initial=-np.inf)
    found = pd.DataFrame({"with_nursery": low, "youngest": youngest, "oldest": oldest}, index=rolls.index)
    return found.where(np.isfinite(found))


def phase_of_school(facts: pd.DataFrame, youngest: pd.Series, oldest: pd.Series) -> pd.Series:
    """Phase of each school, in the words of the schools table."""
    said = _lower(facts, "grouping")
    kind = said + " " + _lower(facts, "type")
    name = _lower(facts, "name")
    secondary = said.str.contains("secondary|all-through")
    middle = said.str.contains("middle") | _lower(facts, "middle").str.contains("middle")
    all_through = said.str.contains("all-through") | _lower(facts, "all_through").eq("yes")
    named_primary = name.str.contains("primary") & ~name.str.contains("infant|first school|lower school")
    whole_primary = named_primary | _lower(facts, "type").str.startswith("free school")  # may still be filling up
    choices = {
        "special": kind.str.contains("special"),
        "alternative provision": kind.str.contains(r"alternative provision|pupil referral|\bap\b"),
        "16 plus": kind.str.contains(r"16 plus|16 to 19|16-19") | youngest.ge(16),
        "nursery": kind.str.contains("nursery"),
        "middle": middle | (youngest.between(7, 10) & oldest.between(11, 13)),
        "all-through": all_through | (youngest.le(6) & (oldest.ge(12) | (secondary & oldest.ge(11)))),
    }
    choices["all-through "] = secondary & youngest.le(9) & oldest.ge(14)
    choices["secondary"] = secondary
    choices["junior"] = youngest.ge(7) & ~whole_primary
    choices["infant"] = oldest.le(6) & ~whole_primary
    choices["first"] = oldest.between(7, 8) & ~whole_primary
    return pd.Series(
        np.select([c.fillna(False) for c in choices.values()], [c.strip() for c in choices], "primary"),
        index=facts.index,
        dtype=object,
    )


def ages_of_school(phase: pd.Series, found: pd.DataFrame) -> pd.DataFrame:
    """low_age and high_age from the year groups with pupils; the phase's usual ages where a school is filling up.

    A primary school without a Y6 yet, or without a child in R this year, still admits from 4 and keeps to 11.
    """
    usual_low = phase.map(lambda word: USUAL_AGES.get(word, (np.nan, np.nan))[0]).astype(float)
    usual_high = phase.map(lambda word: USUAL_AGES.get(word, (np.nan, np.nan))[1]).astype(float)
    low, high = found["with_nursery"], found["oldest"] + 1
    from_reception = phase.isin(["infant", "first", "primary"])
    low = low.where(~(from_reception & low.gt(4)), 4.0).fillna(usual_low)
    filling = phase.isin(["primary", "secondary"]) & high.lt(usual_high)
    return pd.DataFrame({"low_age": low, "high_age": high.where(~filling, usual_high).fillna(usual_high)})


def gender_of_entry(texts: pd.Series) -> pd.Series:
    """Give mixed, girls or boys; None where unknown."""
    return texts.str.lower().map({"mixed": "mixed", "girls": "girls", "boys": "boys"}).astype(object)


def admissions(texts: pd.Series) -> pd.Series:
    """Give selective or non-selective; "Not applicable" and "Unknown" are schools that do not select."""
    return texts.map(lambda word: "selective" if str(word).lower() == "selective" else "non-selective")


def religious_character(texts: pd.Series) -> pd.Series:
    """Religious character as published; "none" where the publisher says there is none."""
    return texts.where(~texts.fillna("").str.lower().isin(NO_RELIGION), "none")


def rural_urban(texts: pd.Series) -> pd.Series:
    """Rural-urban class without the words "(England/Wales)"; None where unknown."""
    stripped = texts.str.replace(r"^\(England/Wales\)\s*", "", regex=True)
    return stripped.astype(object).where(stripped.notna() & stripped.ne("Unknown"), None)


def _lower(facts: pd.DataFrame, column: str) -> pd.Series:
    if column not in facts:
        return pd.Series("", index=facts.index)
    return facts[column].fillna("").astype(str).str.lower()
