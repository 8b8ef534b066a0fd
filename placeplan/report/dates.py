"""The calendar of statutory and admissions dates: every step of every decision, month by month and as bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

from geodata.policy import policy_items
from models.powers import ACADEMY
from models.schedule import last_day, opening_day
from placeplan.report.award_and_plan import disagreements
from placeplan.report.council_time import begin_with_meetings
from placeplan.report.dates_chart import Bar, Line, steps_over_time
from placeplan.report.facts import Facts, Row
from placeplan.report.law import ASSUMPTION, CHECK, plain, status_of
from placeplan.words import counted, day

ADMISSIONS = "admissions"
BY_POLICY = "Time assumed by policy"
STEP = ["begin_by", "done_by", "step", "action", "academic_year", "basis"]


def calendar_contents(facts: Facts) -> dict[str, Any]:
    """Months with their steps, the earliest first; and the bars of decisions that share all their dates, as a chart.

    Steps of several schools that are one step of one kind of decision on the same days are one row with all the names.
    A step that should have been begun before the plan's own day is marked as past. The national days of admissions
    stand among the steps; the council's own meetings do not, so when to consult with them is told beside.
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
    rows += admissions_days(facts)
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
        "council_days": facts.policy.integer("council_decision_days"),
        "council": _with_meetings(facts, lines),
        "past": sum(row["past"] for row in rows),
        "plan_date": facts.plan_date,
        "warnings": [" ".join(said) for said in disagreements(facts).values()],
    }


def admissions_days(facts: Facts) -> list[Row]:
    """Last days to apply and days of offers for each September in which a decision takes effect, by phase; read only.

    Rows like those of the steps; nobody of the plan begins them, so none is past.
    """
    found = []
    wanted = {(str(row["phase"]), str(row["academic_year"])) for row in facts.rows("decisions")}
    for phase, year in sorted(wanted):
        for key, words in (("applications_close", "last day to apply for a {} place"), ("offers", "{} places offered")):
            item = policy_items().get(f"{key}_{phase}")
            if item is None:
                continue
            on = last_day(facts.policy.day(item.key), opening_day(year)).isoformat()
            found.append(
                {
                    "step": words.format(phase).capitalize(),
                    "begin_by": on,
                    "done_by": on,
                    "action": ADMISSIONS,
                    "academic_year": year,
                    "basis": item.source,
                    "what": "Admissions",
                    "schools": [f"every {phase} school, nationally"],
                    "past": False,
                    "certainty": item.status,
                }
            )
    return found


def _with_meetings(facts: Facts, lines: Sequence[Line]) -> list[Row]:
    """Of each line in which proposals are published: when its consultation begins if the council meets in between."""
    found = []
    for line in lines:
        on = begin_with_meetings(facts.policy, [(bar.step, bar.begin_by) for bar in line.bars])
        if on:
            found.append({"line": f"{line.title}: {line.who}", "on": on, "past": on < facts.plan_date})
    return found


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
