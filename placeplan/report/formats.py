"""How figures are written on the pages of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from placeplan.words import counted, day


def whole(value: float | None) -> str:
    """A figure without decimals; a dash where there is none."""
    return "–" if value is None or value != value else f"{round(value) + 0:,}"


def pounds(value: float | None) -> str:
    """GBP without pence; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{'−' if value < 0 else ''}£{abs(value):,.0f}"


def per_cent(value: float | None, digits: int = 1) -> str:
    """A share as per cent; a dash where there is none."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f} %"


def km(metres: float | None) -> str:
    """Kilometres with one decimal; a dash where there are none."""
    return "–" if metres is None or metres != metres else f"{metres / 1000:.1f}"


FILTERS: dict[str, Callable[..., Any]] = {
    "whole": whole,
    "pounds": pounds,
    "per_cent": per_cent,
    "km": km,
    "day": day,
    "counted": counted,
}
