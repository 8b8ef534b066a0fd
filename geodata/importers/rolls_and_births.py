"""The authority's own totals: pupils by year group and academic year, births by year to 30 June."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.census import SchoolFile
from geodata.importers.recognise import DISTRICT
from geodata.importers.report import ImportReport, count
from geodata.importers.sources import Source, numbers, plain_texts, suppressed
from geodata.years import add_years, parse_academic_year, parse_year_group, phase_of, start_year, year_group_of

NOT_IN_SERIES = "special"
"""The published series counts mainstream schools and alternative provision. Measured over all authorities from 2021/22
to 2022/23: cohorts join up when special schools are left out (Y10 → Y11 within 0.02 % of earlier years, 2.2 % too
many with them) and authorities with more alternative provision fall short one for one when that is left out too."""
JUMP = 0.03
ENOUGH_PUPILS = 1000  # below, a cohort ratio moves that much by chance


def read_year_group_rolls(sources: Sequence[Source], authority: Authority, report: ImportReport) -> pd.Series:
    """Pupils of the authority, indexed by (academic_year, year_group); the file given first wins."""
    found: list[pd.Series] = []
    for source in sources:
        year, group = source.first("academicyear", "timeperiod"), source.first("yeargroup", "ncyeargroup")
        pupils = source.first("pupils", "headcount", "pupilcount")
        code = source.first("newlacode", "lacode")
        if not (year and group and pupils and code):
            continue
        frame = source.read([year, group, pupils, code, "laname"])
        named = plain_texts(frame["laname"]).eq(authority.plain) if "laname" in frame else False
        mine = frame[frame[code].isin(authority.codes) | named]
        hidden = int(suppressed(mine[pupils]).sum())
        if hidden:
            report.left_out.append(f"{source.label}: {count(hidden, 'figure')} suppressed by the publisher.")
        known = pd.DataFrame(
            {
                "academic_year": mine[year].map(parse_academic_year),
                "year_group": mine[group].map(parse_year_group),
                "pupils": numbers(mine[pupils]),
            }
        ).dropna()
        if len(known):
            found.append(known.groupby(["academic_year", "year_group"])["pupils"].sum())
        else:
            report.left_out.append(f"{source.label}: no pupils of this authority.")
    if not found:
        index = pd.MultiIndex.from_tuples([], names=["academic_year", "year_group"])
        return pd.Series(dtype=float, index=index, name="pupils")
    joined = pd.concat(found)
    again = int(joined.index.duplicated().sum())
    if again:
        report.joined.append(f"{count(again, 'total')} by year group in more than one file: the first is used.")
    return joined[~joined.index.duplicated()].sort_index()


def add_census_years(series: pd.Series, censuses: Sequence[SchoolFile], report: ImportReport) -> pd.Series:
    """The series with the years it lacks summed from the school census, over the kinds of schools it counts."""
    have = set(series.index.get_level_values(0))
    for census in sorted(censuses, key=lambda c: str(c.year)):
        if census.year is None or census.year in have:
            continue
        said = census.facts.get("grouping", pd.Series("", index=census.facts.index)).fillna("")
        counted = ~said.str.lower().str.contains(NOT_IN_SERIES)
        totals = census.rolls[counted.reindex(census.rolls.index)].sum()
        totals = totals[[group for group in totals.index if not group.startswith("A")]]
        totals.index = pd.MultiIndex.from_product([[census.year], totals.index], names=series.index.names)
        kinds = sorted({word.removeprefix("State-funded ").removesuffix(" school") for word in said[counted] if word})
        report.joined.append(
            f"Pupils of {census.year} are summed from {census.label} over {count(int(counted.sum()), 'school')}"
            f" ({', '.join(kinds)}); special schools are not counted, as in the authority series."
        )
        series = pd.concat([series, totals.rename("pupils")]).sort_index()
        have.add(census.year)
        report.notes += _continuity(series, census.year)
    return series


def _continuity(series: pd.Series, year: str) -> list[str]:
    """How the year joins the one before: a cohort compared with itself a year younger, Y1–Y11 against R–Y10."""
    now = _a_year_older(series, year)
    before = _a_year_older(series, add_years(year, -1))
    if now is None:
        return []
    text = f"Y1–Y11 in {year} are {now:.1%} of the same children a year before"
    if before is None:
        return [f"{text}."]
    text += f"; in {add_years(year, -1)} it was {before:.1%}."
    if abs(now - before) > JUMP and series.xs(year, level="academic_year").sum() > ENOUGH_PUPILS:
        text += " The two sources may not count the same schools: check before relying on the change."
    return [text]


def _a_year_older(series: pd.Series, year: str) -> float | None:
    younger = [year_group_of(age) for age in range(4, 15)]
    older = [year_group_of(age) for age in range(5, 16)]
    before = series.reindex([(add_years(year, -1), group) for group in younger])
    now = series.reindex([(year, group) for group in older])
    if before.isna().any() or now.isna().any() or not before.sum():
        return None
    return float(now.sum() / before.sum())


def read_births(sources: Sequence[Source], authority: Authority, report: ImportReport) -> pd.Series:
    """Births of the authority's districts together, by the last day of the year counted (2015-06-30)."""
    found: list[pd.Series] = []
    for source in sources:
        district, day = source.first(DISTRICT), source.first("yearending", "yeartomid")
        if not (district and day):
            continue
        frame = source.read([district, day, "births"])
        mine = frame[frame[district].isin(authority.districts)].drop_duplicates([district, day])
        if mine.empty:
            report.left_out.append(f"{source.label}: no births of this authority.")
            continue
        births = numbers(mine["births"])
        ending = mine[day] if day == "yearending" else mine[day].str.replace(r"\.0$", "", regex=True) + "-06-30"
        whole = births.groupby(ending).apply(lambda part: part.sum(min_count=len(part))).dropna()
        found.append(whole)
        districts = mine[district].nunique()
        if districts > 1:
            report.joined.append(f"Births are summed over {districts} districts ({source.label}).")
        if len(whole) < ending.nunique():
            lacking = count(ending.nunique() - len(whole), "year")
            report.left_out.append(f"{source.label}: {lacking} of births in which a district has no figure.")
    if not found:
        return pd.Series(dtype=float)
    joined = pd.concat(found)
    return joined[~joined.index.duplicated()].sort_index()


def residents_note(series: pd.Series, cohorts: pd.Series, mid_years: Sequence[int]) -> list[str]:
    """How far Y7–Y11 and R–Y6 on roll differ from residents of those ages, over the years with resident estimates."""
    notes = []
    both = pd.DataFrame({"pupils": series, "residents": cohorts}).dropna()
    starts = both.index.get_level_values("academic_year").map(start_year)
    both = both[(starts >= min(mid_years)) & (starts <= max(mid_years))]
    phases = both.index.get_level_values("year_group").map(phase_of)
    for phase, groups in (("primary", "R–Y6"), ("secondary", "Y7–Y11")):
        yearly = both[phases == phase].groupby("academic_year").sum()
        yearly = yearly[yearly["residents"] > 0]
        if yearly.empty:
            continue
        over = yearly["pupils"] / yearly["residents"] - 1
        when = f"{yearly.index[0]} to {yearly.index[-1]}" if len(yearly) > 1 else str(yearly.index[0])
        text = (
            f"{groups} on roll against residents of those ages, {when}: {_signed(over.min())} to {_signed(over.max())}."
        )
        if over.min() > 0:
            text += " More pupils are taught here than live here: pupils cross the authority's boundary."
        elif over.max() < 0:
            text += " The rest are at independent or special schools, taught at home, or cross the boundary."
        notes.append(text)
    return notes


def _signed(share: float) -> str:
    """A share as a signed percentage, nought without a sign: "+3 %", "0 %"."""
    whole = round(100 * share)
    return f"{whole:+d} %" if whole else "0 %"
