"""How figures are written on the pages of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from geodata.competitions import day as calendar_day
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


def number(value: float | None, digits: int = 1) -> str:
    """A figure with so many decimals; a dash where there is none."""
    return "–" if value is None or value != value else f"{round(value, digits) + 0.0:.{digits}f}"


def moment(value: Any) -> str:
    """A day in words, with the time where one is given; a dash where there is none."""
    if not isinstance(value, pd.Timestamp):
        return "–"
    at = "" if value == value.normalize() else f", {value:%H:%M}"
    return f"{calendar_day(value):%-d %B %Y}{at}"


FILTERS: dict[str, Callable[..., Any]] = {
    "whole": whole,
    "pounds": pounds,
    "per_cent": per_cent,
    "km": km,
    "day": day,
    "counted": counted,
    "number": number,
    "date": moment,
}
