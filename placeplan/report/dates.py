"""The calendar of statutory and admissions dates: every step of every decision, month by month and as bars."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from models.powers import ACADEMY
from placeplan.report.award_and_plan import disagreements
from placeplan.report.dates_chart import Bar, Line, steps_over_time
from placeplan.report.facts import Facts, Row
from placeplan.report.law import ASSUMPTION, CHECK, plain, status_of
from placeplan.words import counted, day

BY_POLICY = "Time assumed by policy"
STEP = ["begin_by", "done_by", "step", "action", "academic_year", "basis"]


def calendar_contents(facts: Facts) -> dict[str, Any]:
    """Months with their steps, the earliest first; and the bars of decisions that share all their dates, as a chart.

    Steps of several schools that are one step of one kind of decision on the same days are one row with all the names.
    A step that should have been begun before the plan's own day is marked as past.
    """
    calendar = facts.stored.get("calendar", pd.DataFrame())
    if not len(calendar):
        return {"months": [], "chart": None, "lines": [], "steps": 0}
    called = _names(facts)
    rows = []
    for key, mine in calendar.groupby(STEP, sort=False):
        row: Row = dict(zip(STEP, map(str, key), strict=True))
        schools = list(dict.fromkeys(called[str(facility)] for facility in mine["facility"]))
        row["what"] = _what(facts, row["action"], mine["facility"])
        rows.append(row | {"schools": schools, "past": row["begin_by"] < facts.plan_date, "certainty": certainty(row)})
    rows.sort(key=lambda row: (row["begin_by"], row["done_by"], row["action"], row["schools"]))
    months: dict[str, list[Row]] = {}
    for row in rows:
        months.setdefault(f"{date.fromisoformat(row['begin_by']):%B %Y}", []).append(row)
    lines = _lines(facts, calendar, called)
    return {
        "months": [{"month": month, "rows": held} for month, held in months.items()],
        "lines": lines,
        "chart": steps_over_time(lines, facts.plan_date),
        "steps": len(calendar),
        "past": sum(row["past"] for row in rows),
        "plan_date": facts.plan_date,
        "warnings": [" ".join(said) for said in disagreements(facts).values()],
    }


def certainty(row: Row) -> str:
    """Status of what a step rests on; "" where its basis says that it is an assumption."""
    if row["basis"] == BY_POLICY:
        return ""
    status = status_of(row["basis"])
    return CHECK if status == ASSUMPTION else status


def _what(facts: Facts, action: str, schools: Iterable[Any]) -> str:
    return plain(action, in_trust=all(facts.holder(str(key)) == ACADEMY for key in schools))


def _names(facts: Facts) -> dict[str, str]:
    named = {str(row["facility"]): str(row["name"]) for row in facts.rows("decisions")}
    keys = facts.stored["calendar"]["facility"].astype(str).unique()
    return {key: named.get(key) or facts.school(key).get("name") or key for key in keys}


def _lines(facts: Facts, calendar: pd.DataFrame, called: dict[str, str]) -> list[Line]:
    """One line a set of decisions of one kind and year that share every step and day, the earliest first."""
    shared: dict[tuple[Any, ...], list[str]] = {}
    for (facility, action, year), mine in calendar.groupby(["facility", "action", "academic_year"], sort=False):
        steps = tuple(mine[["step", "begin_by", "done_by", "basis"]].itertuples(index=False, name=None))
        what = _what(facts, str(action), [facility])
        shared.setdefault((what, str(year), steps), []).append(called[str(facility)])
    lines = []
    for (what, year, steps), schools in shared.items():
        who = schools[0] if len(schools) == 1 else counted(len(schools), "school")
        bars = tuple(Bar(step, begin, done, basis == BY_POLICY) for step, begin, done, basis in steps)
        lines.append(Line(f"{what}, {year}", who, tuple(schools), bars))
    return sorted(lines, key=lambda line: (min(bar.begin_by for bar in line.bars), line.title, line.who))


def span(row: Row) -> str:
    """The days of a step in words: one where it begins and ends on the same."""
    begin, done = day(row["begin_by"]), day(row["done_by"])
    return begin if begin == done else f"{begin} to {done}"
