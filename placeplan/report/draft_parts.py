"""The parts of a draft paper: sections of sentences, lists and tables, with gaps that only an officer can fill."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from markupsafe import Markup, escape

from geodata.small_numbers import is_small
from models.schedule import opening_day
from placeplan.report.facts import Facts, Row
from placeplan.words import day

GAP = re.compile(r"(\[to be completed by the officer: [^\[\]]*\])")
CONSULTATION, NOTICE, INVITATION = "Consultation paper", "Statutory notice", "Invitation and specification"
JOINT = "Joint proposals of governing bodies"
NOT_DECIDED = "Nothing has been decided. This is a proposal on which views are sought before anybody decides."
NOT_YET = (
    "Not to be published before the consultation has been held and its outcome has been considered. It says nothing of "
    "that outcome because none is known."
)
ADDRESS = ("postal and e-mail address for answers",)


@dataclass(frozen=True)
class Grid:
    """A table: caption, column heads, rows of texts, and which columns are figures."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with sentences, then points, then a table."""

    heading: str
    lines: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    grid: Grid | None = None


@dataclass(frozen=True)
class Paper:
    """One document of a draft."""

    kind: str
    title: str
    opening: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Draft:
    """Papers for one proposal, or for those that one body consults on together.

    `covers` are the decisions by facility, action and academic year; `key` is given when all drafts are numbered.
    """

    title: str
    covers: tuple[tuple[str, str, str], ...]
    papers: tuple[Paper, ...]
    remarks: tuple[str, ...] = ()
    begin_by: str = ""
    key: str = ""


def gap(what: str) -> str:
    """A marked gap for what no table can give."""
    return f"[to be completed by the officer: {re.sub(r'[][]', '', what)}]"


def marked(text: str) -> Markup:
    """The text escaped, with its gaps marked so that none is overlooked."""
    parts = GAP.split(text)
    shown = [
        Markup('<mark class="gap">{}</mark>').format(part) if GAP.fullmatch(part) else escape(part) for part in parts
    ]
    return Markup("").join(shown)


def gaps(draft: Draft) -> list[str]:
    """Every gap of a draft, each once."""
    return list(dict.fromkeys(found for text in texts(draft) for found in GAP.findall(text)))


def texts(draft: Draft) -> Iterable[str]:
    """Every text of a draft."""
    yield from (draft.title, *draft.remarks)
    for paper in draft.papers:
        yield from (paper.kind, paper.title, paper.opening)
        for section in paper.sections:
            yield from (section.heading, *section.lines, *section.points)
            if section.grid is not None:
                yield from (section.grid.caption, *section.grid.heads)
                yield from (cell for row in section.grid.rows for cell in row)


def sections(*made: Section | None) -> tuple[Section, ...]:
    """Sections that have something to say."""
    return tuple(one for one in made if one is not None and (one.lines or one.points or one.grid is not None))


def about(gbp: float | None) -> str:
    """GBP to the nearest thousand, "about £606,000", "about −£355,000"; below ten thousand to the nearest hundred."""
    if gbp is None:
        return "an amount not given"
    size = 1000 if abs(gbp) >= 10_000 else 100
    told = round(abs(gbp) / size) * size
    return f"about {'−' if gbp < 0 and told else ''}£{told:,.0f}"


def between(least: float, most: float) -> str:
    """A range as `about` tells its ends; one figure where both are told alike."""
    return about(most) if about(least) == about(most) else f"between {about(least)} and {about(most)}"


def saves_or_costs(gbp: float) -> str:
    """What something changes for a budget: "saves about £606,000", "costs about £300", or nothing that can be told."""
    if about(gbp) == about(0.0):
        return "changes nothing that can be told"
    return f"{'costs' if gbp > 0 else 'saves'} {about(abs(gbp))}"


def pupils(count: float | None, least: int = 0) -> str:
    """A number of pupils as people: "no pupils", "1 pupil", "about 17 pupils" where it is a forecast.

    Where it is smaller than `least`: "fewer than 5 pupils".
    """
    if count is None:
        return "a number of pupils not given"
    if is_small(count, least):
        return f"fewer than {least} pupils"
    shown = round(count)
    about_so_many = "" if float(count).is_integer() else "about "
    return f"{about_so_many}{shown:,} pupil{'' if shown == 1 else 's'}" if shown else "no pupils"


def per_cent_words(share: float | None) -> str:
    """A share in words: "16 %"."""
    return "a share not given" if share is None else f"{100 * share:.0f} %"


def km_words(metres: float | None) -> str:
    """A distance in words: "7.2 km"."""
    return "a distance not known" if metres is None else f"{metres / 1000:.1f} km"


def closes_on(row: Mapping[str, Any]) -> str:
    """Last day of a school that ends in an academic year: 31 August before it begins."""
    return day((opening_day(str(row["academic_year"])) - timedelta(days=1)).isoformat())


def begins_on(row: Mapping[str, Any]) -> str:
    """First day of the academic year in which a decision takes effect."""
    return day(opening_day(str(row["academic_year"])).isoformat())


def ages(school: Mapping[str, Any]) -> str:
    """Age range of a school: "ages 4 to 11"."""
    low, high = school.get("low_age"), school.get("high_age")
    return gap("age range") if low is None or high is None else f"ages {low:.0f} to {high:.0f}"


def school_words(school: Mapping[str, Any], name: str) -> str:
    """A school with its kind, ages and sex: "X (Voluntary controlled school, ages 4 to 11, mixed)"."""
    told = [str(school.get("type") or "type not given"), ages(school), str(school.get("gender") or "")]
    return f"{name} ({', '.join(part for part in told if part)})"


def step_like(steps: Sequence[Row], beginning: str) -> Row:
    """The first step whose name begins so; {} where there is none."""
    return next((step for step in steps if str(step["step"]).startswith(beginning)), {})


def next_steps(steps: Sequence[Row], left_out: str = "") -> Section:
    """What would happen when: every step of the calendar with its latest days; `left_out` tells what is not in it."""
    rows = tuple((str(s["step"]), day(s["begin_by"]), day(s["done_by"]), str(s["basis"])) for s in steps)
    if not rows:
        return Section("What would happen next", (f"Dates: {gap('timetable, for the calendar has none')}.",))
    return Section(
        "What would happen next",
        (
            "Days are the latest by which each step can be begun and over for the change to take effect when proposed.",
            *([left_out] if left_out else []),
        ),
        grid=Grid("Timetable", ("Step", "Begin by", "Over by", "On what it rests"), rows),
    )


def answer_section(who: str, weeks: float, step: Mapping[str, Any]) -> Section:
    """How to answer a consultation, and by when at the latest."""
    begins = day(step["begin_by"]) if step else ""
    dates = f" It would have to begin by {begins} at the latest." if begins else ""
    return Section(
        "How to answer",
        (
            f"The consultation lasts at least {weeks:.0f} weeks.{dates} First and last day: {gap('both days')}.",
            f"Answers go to {who}: {gap(ADDRESS[0])}. Meetings: {gap('day, time and place of each meeting')}.",
            f"This paper in other languages and formats: {gap('who gives it, and how')}.",
        ),
    )


def objections(to: str, weeks: float) -> Section:
    """How to object to published proposals."""
    return Section(
        "Objections and comments",
        (
            f"Within {weeks:.0f} weeks from the date of publication any person may object to or comment on the "
            "proposal by "
            f"writing to {to}: {gap(ADDRESS[0])}. Last day: "
            f"{gap('the day ' + f'{weeks:.0f} weeks after publication')}.",
            f"Copies of the complete proposal may be had from {gap('name, address and web page')}.",
        ),
    )


def signature(who: str) -> Section:
    """Who signs a notice, and when it was published."""
    return Section(
        "Signed",
        (
            f"{gap('name and office of who signs')} for {who}. Publication: "
            f"{gap('date, newspaper and places of display')}.",
        ),
    )


def roll(facts: Facts, key: str) -> float | None:
    """Pupils on roll when last counted; None where no rolls are given."""
    rolls = facts.inputs.get("rolls")
    if rolls is None:
        return None
    mine = rolls[(rolls["urn"].astype(str) == key) & (rolls["academic_year"] == facts.base_year)]
    return float(mine["pupils"].sum()) if len(mine) else None


def rolls_over_time(facts: Facts, key: str, name: str) -> Section:
    """Pupils on roll as counted in the last five years and as forecast."""
    counted, forecast = facts.inputs.get("rolls"), facts.stored.get("roll_forecast")
    said: list[tuple[str, str, str]] = []
    if counted is not None:
        past = counted[counted["urn"].astype(str) == key].groupby("academic_year")["pupils"].sum()
        said += [(str(year), f"{count:,.0f}", "counted") for year, count in past.tail(5).items()]
    known = {year for year, _, _ in said}
    if forecast is not None and len(forecast):
        coming = forecast[forecast["urn"].astype(str) == key].groupby("academic_year")["pupils"].sum()
        said += [(str(year), f"{count:,.0f}", "forecast") for year, count in coming.items() if str(year) not in known]
    if not said:
        return Section("")
    heads = ("Academic year", "Pupils, sixth form apart", "Counted or forecast")
    grid = Grid(f"Pupils on roll at {name}; the forecast is of the school as it is today", heads, tuple(said), (1,))
    return Section("Pupils on roll", grid=grid)


def today_or(text: Any, otherwise: str) -> str:
    """A text of the tables, or what is said where they have none."""
    return str(text) if text not in (None, "") else otherwise


def first_sentence(reason: Any) -> str:
    """The plan's own words on a change: a reason up to its first full stop."""
    return str(reason or "").split(". ")[0].rstrip(".")
