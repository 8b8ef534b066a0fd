"""Steps towards an opening, dated backwards from it: when each must be begun at the latest.

A process is a few branches that run side by side and end with the opening on 1 September; within a branch one step
follows another. A step takes so many weeks or months, and may have to be over by a fixed day of the year.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from geodata.years import start_year

Day = tuple[int, int]  # month and day, as in (2, 28)


@dataclass(frozen=True)
class Step:
    """One step of a branch.

    Attributes
    ----------
    basis : statute, guidance or policy that it rests on.
    weeks, months : how long it takes; both are added up.
    by : a day of the year by which it is over, the last one before the opening, `years_earlier` years before that.
    not_before : a day before which it cannot be begun.

    """

    name: str
    basis: str
    weeks: float = 0.0
    months: int = 0
    by: Day | None = None
    years_earlier: int = 0
    not_before: date | None = None


@dataclass(frozen=True)
class DatedStep:
    """A step with the latest days on which it is begun and over."""

    name: str
    begin_by: date
    done_by: date
    basis: str


@dataclass(frozen=True)
class Schedule:
    """Steps of an opening in order of their latest beginning; `now`: another year's wait would miss the opening."""

    steps: tuple[DatedStep, ...] = ()
    now: bool = False

    @property
    def start_by(self) -> str:
        """Latest day of the first step, as 2022-12-20; "" where there is none."""
        return self.steps[0].begin_by.isoformat() if self.steps else ""

    @property
    def first_step(self) -> str:
        """Name of the first step; "" where there is none."""
        return self.steps[0].name if self.steps else ""


UNSCHEDULED = Schedule()


def joined(one: Schedule, other: Schedule) -> Schedule:
    """Steps of two processes that end on one day, each step once; one that cannot wait holds for both."""
    steps = {(step.begin_by, step.done_by, step.name): step for step in (*one.steps, *other.steps)}
    return Schedule(tuple(steps[key] for key in sorted(steps)), one.now or other.now)


def opening_day(academic_year: str) -> date:
    """1 September with which an academic year begins."""
    return date(start_year(academic_year), 9, 1)


def dated(branches: Sequence[Sequence[Step]], opening: date, today: date) -> Schedule | None:
    """Every step at its latest; None where some step would have had to be begun before `today` or its own day."""
    steps: list[DatedStep] = []
    for branch in branches:
        end = opening
        for step in reversed(branch):
            if step.by is not None:
                end = min(end, last_day(step.by, opening, step.years_earlier))
            begin = earlier(end, step.months) - timedelta(days=round(7 * step.weeks))
            if begin < max(today, step.not_before or today):
                return None
            steps.append(DatedStep(step.name, begin, end, step.basis))
            end = begin
    if not steps:
        return UNSCHEDULED
    # Steps of one branch that take no time share a day: they stand in the order in which they are done.
    steps.sort(key=lambda step: (step.begin_by, step.done_by))
    return Schedule(tuple(steps), steps[0].begin_by < later_by_a_year(today))


def last_day(day: Day, opening: date, years_earlier: int = 0) -> date:
    """The last such day of the year before an opening, or so many years before that one."""
    in_year = date(opening.year, *day)
    return date(opening.year - years_earlier - (in_year >= opening), *day)


def earlier(day: date, months: int) -> date:
    """The day so many months earlier; the last of the month where it has no such day."""
    year, month = divmod(12 * day.year + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def later_by_a_year(day: date) -> date:
    """The same day of the next year."""
    return earlier(day, -12)
