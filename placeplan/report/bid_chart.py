"""Weighted scores as inline SVG: a bar for each bid, a part for each criterion, out of 100."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH, LEFT, RIGHT = 440, 8, 12
ROW, BAR, TOP, BOTTOM = 52, 22, 8, 26
# White letters can be read on each of these.
COLOURS = ("#0b5394", "#7f3b08", "#2d6a4f", "#6a3d9a", "#9b2226", "#34607a", "#5f5b00", "#7a3b69", "#3d405b")
CHARACTER = 9.0  # width of a letter of a label at most, nearly


def colour(number: int) -> str:
    """Colour of a criterion by its place in the list."""
    return COLOURS[number % len(COLOURS)]


def weighted_scores(
    labels: Sequence[str], totals: Sequence[str], points: NDArray[np.float64], names: Sequence[str]
) -> Markup:
    """Chart of `points` (bids, criteria) out of 100; `labels` and `totals` name the bars, `names` the criteria.

    A score of record that is missing leaves its part out.
    """
    height = TOP + ROW * len(labels) + BOTTOM
    across = (WIDTH - LEFT - RIGHT) / 100
    foot = height - BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Weighted scores of each bid by criterion, out of '
        '100; the table beside gives the figures">'
    ]
    for tick in (0, 25, 50, 75, 100):
        x = LEFT + across * tick
        parts.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{foot}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick}</text>')
    for row, (label, total) in enumerate(zip(labels, totals, strict=True)):
        top = TOP + ROW * row
        room = int((WIDTH - LEFT - RIGHT) / CHARACTER) - len(total) - 2
        shown = label if len(label) <= room else label[: room - 1] + "…"
        parts.append(f'<text class="label" x="{LEFT}" y="{top + 16}">{escape(shown)}</text>')
        parts.append(f'<text class="label" x="{WIDTH - RIGHT}" y="{top + 16}" text-anchor="end">{escape(total)}</text>')
        parts += _bar(points[row], names, top + 22, across)
    return Markup("").join(Markup(part) for part in [*parts, "</svg>"])


def _bar(points: NDArray[np.float64], names: Sequence[str], top: float, across: float) -> list[str]:
    parts, x = [], float(LEFT)
    for number, (value, name) in enumerate(zip(np.nan_to_num(points), names, strict=True)):
        width = across * value
        parts.append(
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour(number)}" stroke="#fff">'
            f"<title>{escape(name)}: {value:.1f}</title></rect>"
        )
        if width >= 26:
            parts.append(
                f'<text class="inside" x="{x + width / 2:.1f}" y="{top + 15}" text-anchor="middle">{value:.1f}</text>'
            )
        x += width
    return parts
