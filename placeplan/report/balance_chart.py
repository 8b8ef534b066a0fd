"""A small chart of a trust's balance by year: mean, and the band from p10 to p90."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 190, 76, 12, 14, 26


def balance_chart(years: pd.DataFrame) -> Markup:
    """SVG of rows academic_year, balance_gbp, balance_p10_gbp, balance_p90_gbp."""
    low, high = float(years["balance_p10_gbp"].min()), float(years["balance_p90_gbp"].max())
    low, high = min(low, 0.0), max(high, 0.0)
    span = max(high - low, 1.0)
    step = (WIDTH - LEFT - RIGHT) / max(len(years) - 1, 1)

    def x(number: int) -> float:
        return LEFT + step * number

    def y(value: float) -> float:
        return TOP + (high - value) / span * (HEIGHT - TOP - BOTTOM)

    upper = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_p90_gbp"])]
    lower = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_p10_gbp"])]
    mean = [f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(years["balance_gbp"])]
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
    )
    title = f"Balance a year: mean and, shaded, eight futures of ten, {_short(low)} to {_short(high)}"
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{ticks}'
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="#9ecae1" opacity=".6"/>'
        f'<polyline points="{" ".join(mean)}" fill="none" stroke="#0b5394" stroke-width="2.5"/>{labels}</svg>'
    )


def _anchor(number: int, count: int) -> str:
    return "start" if number == 0 else "end" if number == count - 1 else "middle"


def _short(value: float) -> str:
    sign = "−" if value < 0 else ""
    size = abs(value)
    return f"{sign}£{size / 1e6:.1f}m" if size >= 1e6 else f"{sign}£{size / 1e3:.0f}k"
