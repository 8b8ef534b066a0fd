"""What the map of journeys tells: its figures, and distances, limits and bands in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pandas as pd

from maps.tables import whole

METRES_A_MILE: Final = 1609.344


@dataclass(frozen=True)
class Travel:
    """Figures of the page.

    ``whens`` are the times in words, today first; ``when`` in the tables is a position among them. ``homes``, ``areas``
    and ``totals`` are by demand_point, planning_area and nothing more, each with phase, when, pupils, beyond,
    newly_beyond, beyond_longest, median_m, worst_m, worst_min; ``unknown`` has pupils by phase and when whose home is
    not known. ``walking_m`` are the statutory distances under 8 and from 8, ``longest_min`` the longest journey of
    policy by phase. Counts at one home below ``least`` pupils are not told.
    """

    whens: Sequence[str]
    homes: pd.DataFrame
    areas: pd.DataFrame
    totals: pd.DataFrame
    unknown: pd.DataFrame
    walking_m: tuple[float, float]
    longest_min: Mapping[str, float]
    approximate: bool
    detour_factor: float
    least: float = 5.0


def measured(travel: Travel) -> str:
    """How distances are measured, for legends and captions."""
    if travel.approximate:
        return f"Approximate: straight lines × {travel.detour_factor:g}, as there is no road network."
    return "Along roads and paths, the shorter of the ways on foot and by car."


def briefly(travel: Travel) -> str:
    """The same where there is little room."""
    return (
        f"Approximate: straight lines × {travel.detour_factor:g}." if travel.approximate else "Along roads and paths."
    )


def limit_words(travel: Travel, phase: str, column: str) -> str:
    """The limit of a count in words."""
    if column == "beyond_longest":
        return f"longer than {travel.longest_min[phase]:g} min by car, the longest the plan may give a moved pupil"
    near, far = (f"{miles(limit)} ({kilometres(limit)})" for limit in travel.walking_m)
    return f"over {far}" if phase == "secondary" else f"over {near} under 8 (R–Y3), over {far} from 8"


def band_words(measure: str, breaks: Sequence[float]) -> list[str]:
    """Words of the bands between the breaks: up to each of them, a break itself included, and beyond the last."""
    said = [miles(value) if measure == "metres" else f"{value:g} min" for value in breaks]
    metric = [f" ({kilometres(value)})" if measure == "metres" else "" for value in breaks]
    spans = (f" ({a / 1000:.1f}–{kilometres(b)})" if measure == "metres" else "" for a, b in pairwise(breaks))
    inner = [f"{low.split()[0]} to {high}{span}" for (low, high), span in zip(pairwise(said), spans, strict=True)]
    return [f"up to {said[0]}{metric[0]}", *inner, f"over {said[-1]}{metric[-1]}"]


def kilometres(metres: float, unit: str = " km") -> str:
    """1.6 km; a dash where there is no figure."""
    return "–" if pd.isna(metres) else f"{metres / 1000:,.1f}{unit}"


def miles(metres: float) -> str:
    """2 miles, 1 mile, 2.5 miles: to a tenth."""
    told = f"{metres / METRES_A_MILE:.1f}".removesuffix(".0")
    return f"{told} mile{'' if told == '1' else 's'}"


def fewer(pupils: float) -> str:
    """Pupils to one decimal below 10, as expected numbers at one home are fractions."""
    return f"{pupils:.1f}" if 0.05 <= pupils < 9.95 else whole(pupils)


def few(pupils: float, least: float) -> str:
    """Whole pupils, and of less than ``least``, who could be known by name, only that they are fewer."""
    if least <= 0:
        return fewer(pupils)
    return f"fewer than {least:g}" if 0.05 <= pupils < least else whole(pupils)


def per_cent(part: float, all_of_it: float) -> str:
    """12 %, of nobody a dash."""
    return f"{100 * part / all_of_it:.0f} %" if all_of_it > 0 else "–"
