"""Academic years and year groups: the calendar every table is written in.

An academic year is written "2022/23" and starts on 1 September 2022. A year group is R, Y1 … Y13, or A0 … A3
for children below school age, by age in whole years at 31 August before the academic year starts: R is 4, Y1 is 5.
"""

import re
from collections.abc import Sequence

import pandas as pd

AGE_OF_RECEPTION = 4
YEAR_GROUPS: tuple[str, ...] = ("A0", "A1", "A2", "A3", "R", *(f"Y{n}" for n in range(1, 15)))
SCHOOL_YEAR_GROUPS: tuple[str, ...] = YEAR_GROUPS[4:]
COMPULSORY: tuple[str, ...] = ("R", *(f"Y{n}" for n in range(1, 12)))
PRIMARY: tuple[str, ...] = COMPULSORY[:7]
SECONDARY: tuple[str, ...] = COMPULSORY[7:]
ALL_THROUGH = "all-through"
PHASES: dict[str, tuple[str, ...]] = {"primary": PRIMARY, "secondary": SECONDARY}

_AGE = {group: age for age, group in enumerate(YEAR_GROUPS)}
_ACADEMIC_YEAR = re.compile(r"^\s*(?:FY|AY)?\s*((?:19|20)\d\d)\s*[/_–-]?\s*((?:19|20)?\d\d)\s*$")
_YEAR_GROUP = re.compile(r"^\s*(?:(?:nc\s*)?year(?:\s*group)?|y|yr)?\s*\.?\s*0?(\d{1,2})\s*$", re.IGNORECASE)


def age_of(year_group: str) -> int:
    """Age in whole years at 31 August before the academic year: 4 for R, 15 for Y11."""
    return _AGE[year_group]


def year_group_of(age: int) -> str:
    """Year group of children of that age at 31 August."""
    return YEAR_GROUPS[age]


def academic_year(start: int) -> str:
    """The academic year that starts in September of `start`: 2022 → "2022/23"."""
    return f"{start}/{(start + 1) % 100:02d}"


def start_year(year: str) -> int:
    """Calendar year in which an academic year starts: "2022/23" → 2022. ValueError if it is not one."""
    found = parse_academic_year(year)
    if found is None:
        raise ValueError(f"{year!r} is not an academic year such as 2022/23")
    return int(found[:4])


def start_years(years: pd.Series) -> pd.Series:
    """`start_year` of every cell, none of them blank; each distinct year is read once."""
    code, names = pd.factorize(years)
    return pd.Series([start_year(name) for name in names], dtype="int64").take(code).set_axis(years.index)


def add_years(year: str, years: int) -> str:
    """The academic year `years` later."""
    return academic_year(start_year(year) + years)


def years_from(first: str, count: int) -> list[str]:
    """`count` academic years from `first` on."""
    return [add_years(first, n) for n in range(count)]


def parse_academic_year(text: object) -> str | None:
    """Canonical academic year from "2022/23", "202223", "2022-23" or "2022/2023"; None where it is not one."""
    match = _ACADEMIC_YEAR.match(str(text))
    if not match:
        return None
    start, end = int(match[1]), int(match[2][-2:])
    return academic_year(start) if (start + 1) % 100 == end else None


def parse_year_group(text: object) -> str | None:
    """Canonical year group from "R", "Reception", "Year 01", "Y1", "1", "A0"; None where it is not one."""
    word = str(text).strip()
    if word.upper() in _AGE:
        return word.upper()
    if word.lower() in ("reception", "year r", "yr", "rec"):
        return "R"
    match = _YEAR_GROUP.match(word)
    if match and 1 <= int(match[1]) <= 14:
        return f"Y{int(match[1])}"
    return None


def in_order(year_groups: Sequence[str]) -> list[str]:
    """Distinct year groups by age."""
    return sorted(set(year_groups), key=_AGE.__getitem__)


def phase_of(year_group: str) -> str | None:
    """Give "primary" for R–Y6, "secondary" for Y7–Y11, None below and above."""
    return next((phase for phase, groups in PHASES.items() if year_group in groups), None)


def year_groups_between(low_age: int, high_age: int) -> tuple[str, ...]:
    """Year groups R … Y13 of a school that admits from `low_age` and whose oldest pupils leave at `high_age`.

    5 to 11 is R–Y6 (Reception pupils turn five), 7 to 11 is Y3–Y6, 11 to 16 is Y7–Y11, 11 to 18 is Y7–Y13.
    """
    lowest = AGE_OF_RECEPTION if low_age <= AGE_OF_RECEPTION + 1 else low_age
    return tuple(group for group in SCHOOL_YEAR_GROUPS[:14] if lowest <= _AGE[group] < high_age)
