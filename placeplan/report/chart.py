"""A line chart as inline SVG: pupils with their p10–p90 band, against places."""

import pandas as pd
from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 92, 14, 34


def pupils_and_places(table: pd.DataFrame, phase: str) -> Markup:
    """Chart of columns academic_year, mean, p10, p90 and, where given, places; the axis does not start at zero."""
    lines = [name for name in ("mean", "places") if name in table and table[name].notna().any()]
    shown = table[[*lines, "p10", "p90"]]
    low, high = float(shown.min().min()), float(shown.max().max())
    margin = 0.08 * max(high - low, 1.0)
    low, high = max(low - margin, 0.0), high + margin
    years = table["academic_year"].tolist()
    step = (WIDTH - LEFT - RIGHT) / max(len(years) - 1, 1)

    def at(number: int, value: float) -> str:
        down = TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)
        return f"{LEFT + step * number:.1f},{down:.1f}"

    def path(name: str) -> str:
        return " ".join(at(n, value) for n, value in enumerate(table[name]))

    back = " ".join(at(n, v) for n, v in reversed(list(enumerate(table["p10"]))))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(phase)}: pupils with their p10 to p90 '
        'range, against places, by academic year">',
        *(_rule(value, at(0, value)) for value in _ticks(low, high)),
        f'<polygon class="range" points="{path("p90")} {back}"/>',
        *(f'<polyline class="{name}" points="{path(name)}"/>' for name in lines),
        *(_label(name, at(len(years) - 1, float(table[name].iloc[-1]))) for name in lines),
        *(
            f'<text class="tick" x="{LEFT + step * n:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(year)}</text>'
            for n, year in enumerate(years)
        ),
        "</svg>",
    ]
    return Markup("").join(Markup(part) for part in parts)


def _ticks(low: float, high: float) -> list[float]:
    size = 10 ** len(str(int(max(high - low, 1) / 4)))
    step = next(size * part for part in (0.1, 0.2, 0.25, 0.5, 1) if (high - low) / (size * part) <= 5)
    first = step * -(-low // step)
    return [first + step * n for n in range(int((high - first) // step) + 1)]


def _rule(value: float, at: str) -> str:
    down = at.split(",")[1]
    return (
        f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down}" y2="{down}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{down}" dy="4" text-anchor="end">{value:,.0f}</text>'
    )


def _label(name: str, at: str) -> str:
    across, down = at.split(",")
    word = "pupils" if name == "mean" else "places"
    return f'<text class="label {name}" x="{float(across) + 8:.1f}" y="{down}" dy="4">{word}</text>'
