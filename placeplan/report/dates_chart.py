"""Steps of decisions over time as inline SVG: a line a decision, a bar a step, the plan's own day marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from maps.palette import GREY, INK, PALE, PUPILS, WHITE
from placeplan.words import day

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 8, 12, 40, 8
ROW, BAR = 38, 12
BY_LAW, BY_POLICY = PUPILS[4], PUPILS[2]
PLAN_DAY = "day from which the plan can be acted on"
LONGEST = 100  # letters of a label


@dataclass(frozen=True)
class Bar:
    """One step: its latest days as 2022-12-20, and whether its time is assumed by policy rather than law."""

    step: str
    begin_by: str
    done_by: str
    assumed: bool


@dataclass(frozen=True)
class Line:
    """Decisions that share all their steps and days."""

    title: str
    who: str
    schools: tuple[str, ...]
    bars: tuple[Bar, ...]


def steps_over_time(lines: Sequence[Line], plan_date: str) -> Markup:
    """The chart; its data stand in the table beside it."""
    first = date.fromisoformat(min(plan_date, min(bar.begin_by for line in lines for bar in line.bars)))
    last = date.fromisoformat(max(bar.done_by for line in lines for bar in line.bars))
    days = max((last - first).days, 1)
    height = TOP + ROW * len(lines) + BOTTOM

    def at(on: str) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (date.fromisoformat(on) - first).days / days

    parts = [
        Markup('<svg class="dates" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH,
            height,
            f"Steps of {len(lines)} sets of decisions, {first:%B %Y} to {last:%B %Y}; a table follows",
        )
    ]
    for year in range(first.year + 1, last.year + 1):
        across = at(f"{year}-01-01")
        parts.append(_rule(across, TOP - 6, height - BOTTOM, PALE) + _text(across + 3, TOP - 10, str(year), GREY))
    for n, line in enumerate(lines):
        middle = TOP + ROW * n + 25
        label = f"{line.title}: {line.who}"
        short = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
        parts.append(_text(LEFT + 4, middle - 9, short, INK))
        parts += [_bar(bar, middle, at(bar.begin_by), at(bar.done_by)) for bar in line.bars]
    today = at(plan_date)
    parts.append(_rule(today, TOP - 26, height - BOTTOM, INK, "4 3") + _text(today + 3, TOP - 28, PLAN_DAY, INK))
    return Markup("").join([*parts, Markup("</svg>")])


def _bar(bar: Bar, middle: float, begin: float, end: float) -> Markup:
    """A step with its days as its title; one that takes no time is a narrow mark. Assumed ones are thinner."""
    high = BAR * 0.6 if bar.assumed else BAR
    colour = BY_POLICY if bar.assumed else BY_LAW
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}" stroke="{}" stroke-width=".5">'
        "<title>{}</title></rect>"
    ).format(
        begin, middle - high / 2, max(end - begin, 3), high, colour, INK,
        f"{bar.step}: {day(bar.begin_by)} to {day(bar.done_by)}",
    )  # fmt: skip


def _rule(across: float, top: float, bottom: float, colour: str, dashes: str = "none") -> Markup:
    return Markup(
        '<line x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}" stroke="{3}" stroke-dasharray="{4}"/>'
    ).format(across, top, bottom, colour, dashes)


def _text(across: float, down: float, words: str, colour: str) -> Markup:
    """Words on a white edge, so that rules behind them do not strike them through."""
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" font-size="12" fill="{}" stroke="{}" stroke-width="3" paint-order="stroke">'
        "{}</text>"
    ).format(across, down, colour, WHITE, words)
