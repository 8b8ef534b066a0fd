"""A small chart of a trust by year: its balance, mean and the band from p10 to p90, and its reserves at p10."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup, escape

from maps.palette import GROUPS, TAKES

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 230, 76, 12, 34, 26
MOST_LABELS = 6  # years that have room side by side; of more every second is named
BAND, BALANCE, RESERVES = GROUPS[0], GROUPS[1], TAKES


def balance_chart(years: pd.DataFrame) -> Markup:
    """SVG of rows academic_year, balance_gbp, balance_p10_gbp, balance_p90_gbp, reserves_p10_gbp."""
    shown = years[["balance_p10_gbp", "balance_p90_gbp", "reserves_p10_gbp"]]
    low, high = min(float(shown.min().min()), 0.0), max(float(shown.max().max()), 0.0)
    span = max(high - low, 1.0)
    step = (WIDTH - LEFT - RIGHT) / max(len(years) - 1, 1)

    def x(number: int) -> float:
        return LEFT + step * number

    def y(value: float) -> float:
        return TOP + (high - value) / span * (HEIGHT - TOP - BOTTOM)

    upper = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_p90_gbp"])]
    lower = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_p10_gbp"])]
    mean = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_gbp"])]
    saved = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["reserves_p10_gbp"])]
    ticks = "".join(
        f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end" class="tick">{_short(value)}</text>'
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="rule"/>'
        for value in sorted({low, 0.0, high})
        if value == 0.0 or abs(value) > 0.12 * span
    )
    labels = "".join(
        f'<text x="{x(k):.1f}" y="{HEIGHT - 6}" text-anchor="{_anchor(k, len(years))}" class="tick">'
        f"{escape(year)}</text>"
        for k, year in enumerate(years["academic_year"])
        if len(years) <= MOST_LABELS or (len(years) - 1 - k) % 2 == 0
    )
    title = (
        f"Balance a year: mean and, shaded, eight futures of ten; reserves at each year's end in one future of ten or "
        f"worse; from {_short(low)} to {_short(high)}"
    )
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{ticks}'
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="{BAND}" opacity=".6"/>'
        f'<polyline points="{" ".join(mean)}" fill="none" stroke="{BALANCE}" stroke-width="2.5"/>'
        f'<polyline points="{" ".join(saved)}" fill="none" stroke="{RESERVES}" stroke-width="3" '
        f'stroke-dasharray="7 4"/>{labels}{_legend()}</svg>'
    )


def _legend() -> str:
    """What each line is, above the chart."""
    return (
        f'<line x1="{LEFT}" x2="{LEFT + 26}" y1="12" y2="12" stroke="{BALANCE}" stroke-width="2.5"/>'
        f'<text x="{LEFT + 32}" y="16" class="tick">balance of the year</text>'
        f'<line x1="{LEFT + 180}" x2="{LEFT + 206}" y1="12" y2="12" stroke="{RESERVES}" stroke-width="3" '
        f'stroke-dasharray="7 4"/><text x="{LEFT + 212}" y="16" class="tick">reserves at its end, p10</text>'
    )


def _anchor(number: int, count: int) -> str:
    return "start" if number == 0 else "end" if number == count - 1 else "middle"


def _short(value: float) -> str:
    sign = "−" if value < 0 else ""
    size = abs(value)
    return f"{sign}£{size / 1e6:.1f}m" if size >= 1e6 else f"{sign}£{size / 1e3:.0f}k"
