"""What may happen to each school and site: option generators.

Every facility follows exactly one option: a path of places by year and year group, what it costs over today, and who
may propose and decide it. Each generator is a small function with its reason in its docstring; it returns options
for one facility. Places are places usable in that year group and academic year.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, start_year
from models.powers import who

Array = NDArray[np.float64]
STAY, EXPAND, NEW, CUT, CLOSE = "stay", "expand", "new school", "cut PAN", "close"


@dataclass(frozen=True)
class Facility:
    """An existing school or a candidate site.

    Attributes
    ----------
    key : urn or site code as text.
    year_groups : R–Y11 year groups served (or, for a site, to be served).
    places : (T, 12) places today's estate will have by plan year and year group R … Y11.
    pupils : (T, 12) forecast roll, median.
    holds : (T, 12) pupils of cohorts already on roll in the base year: they keep their places while the school stands.
    planning_area : by phase.
    pan_estimated : the admission number is a fallback, not a published figure.

    """

    key: str
    name: str
    phase: str
    year_groups: tuple[str, ...]
    places: Array
    pupils: Array
    holds: Array
    planning_area: dict[str, str]
    type: str | None = None
    site: bool = False
    pan_estimated: bool = False
    min_fe: float = 0.0
    max_fe: float = 0.0
    available_from: str = ""
    land_cost_gbp: float = 0.0

    @property
    def columns(self) -> list[int]:
        """Columns of its year groups among R … Y11."""
        return [COMPULSORY.index(group) for group in self.year_groups]


@dataclass(frozen=True)
class Option:
    """One thing a facility may do: where its places go and what that costs over doing nothing.

    `admits` (T, 12) are places by admission number within net capacity; `places` (T, 12) are those usable, where
    pupils already on roll above the admission number keep theirs. Money is by plan year, (T,).
    """

    facility: str
    action: str
    academic_year: str
    admits: Array
    places: Array
    capital_gbp: Array
    running_gbp: Array  # a year over today; negative is a saving
    one_off_gbp: Array  # once, not capital
    proposer: str = ""
    decider: str = ""
    reason: str = ""


def _option(
    facility: Facility,
    action: str,
    year: str,
    admits: Array,
    capital_gbp: Array,
    running_gbp: Array,
    reason: str,
    *,
    one_off_gbp: Array | None = None,
    standing: NDArray[np.bool_] | None = None,
) -> Option:
    """Option of a facility; while it stands (T,), pupils on roll in the base year keep their places."""
    places = np.maximum(admits, facility.holds if standing is None else facility.holds * standing[:, None])
    proposer, decider = who(facility.type, action)
    once = np.zeros(len(admits)) if one_off_gbp is None else one_off_gbp
    return Option(facility.key, action, year, admits, places, capital_gbp, running_gbp, once, proposer, decider, reason)


def stay(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Today's estate with the places already planned; for a site, that nothing is built."""
    nothing = np.zeros(len(years))
    return [_option(facility, STAY, "", facility.places, nothing, nothing, "")]


def expand(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Grow by half or whole forms: entry cohorts from the opening year on are larger and move up.

    Capital falls in the year before opening at the permanent-expansion cost per place; each place held ready costs a
    little a year. Teaching costs nothing more: it follows the pupils, wherever they are. Opening is possible from the
    lead time after the base year, in any year, and the school grows no further than its site can take.
    """
    options = []
    standing_fe = facility.places[-1, facility.columns[0]] / policy.number("form_of_entry")
    fe_places = policy.number("form_of_entry")
    for fe in policy.numbers("expand_fe"):
        if standing_fe + fe > facility.max_fe + 1e-9:
            continue
        added = round(fe * fe_places)
        for start in range(max(policy.integer("expand_lead_years") - 1, 0), len(years)):
            filling = _moving_up(facility, len(years), start) * added
            capital = np.zeros(len(years))
            for phase in facility.planning_area:
                groups = sum(1 for g in facility.year_groups if (COMPULSORY.index(g) < 7) == (phase == "primary"))
                capital[max(start - 1, 0)] += added * groups * _cost_per_place(policy, "expand", phase)
            running = filling.sum(axis=1) * policy.number("place_gbp")
            options.append(
                _option(
                    facility,
                    EXPAND,
                    years[start],
                    facility.places + filling,
                    capital,
                    running,
                    f"{fe:g} FE more from the entry year up",
                )
            )
    return options


def new_school(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Open a school on a candidate site: one year group a year from its entry year upwards.

    Sizes are whole and half forms between the site's limits; the whole capital and the land fall in the year before
    opening; a school's fixed cost runs from opening, and the cost of places held ready.
    """
    options = []
    fe_places = policy.number("form_of_entry")
    earliest = max(policy.integer("new_school_lead_years") - 1, 0, _index_from(facility.available_from, years))
    sizes = [fe for fe in (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8) if facility.min_fe <= fe <= facility.max_fe]
    for fe in sizes:
        intake = round(fe * fe_places)
        for start in range(earliest, len(years)):
            filling = _moving_up(facility, len(years), start) * intake
            capital = np.zeros(len(years))
            cost = intake * len(facility.year_groups) * _cost_per_place(policy, "new", facility.phase)
            capital[max(start - 1, 0)] = cost + facility.land_cost_gbp
            open_years = (np.arange(len(years)) >= start).astype(float)
            running = open_years * policy.number("school_fixed_cost_gbp")
            running = running + filling.sum(axis=1) * policy.number("place_gbp")
            options.append(
                _option(facility, NEW, years[start], filling, capital, running, f"{fe:g} FE, one year group a year")
            )
    return options


def cut_pan(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Admit a smaller class: the next lower admission number that makes whole classes and still fits every intake.

    Offered only where the median forecast and some headroom fit it in every year from then on. Larger cohorts leave by
    growing older. Only what an empty place costs is saved: no class is counted as saved that the pupils fill anyway.
    Not offered where the admission number is itself a guess.
    """
    start = policy.integer("pan_cut_lead_years") - 1
    if start >= len(years) or facility.pan_estimated:
        return []
    pan = round(float(facility.places[start:, facility.columns[0]].min()))
    filling = _moving_up(facility, len(years), start)
    largest = float((facility.pupils * filling).max())
    fits = largest * (1 + policy.number("pan_cut_headroom"))
    lower = [step for step in policy.numbers("pan_steps") if fits <= step < pan]
    if not lower:
        return []
    to = max(lower)
    cut = np.where(filling > 0, np.minimum(facility.places, to), facility.places)
    running = (cut - facility.places).sum(axis=1) * policy.number("place_gbp")
    reason = f"admission number from {pan} to {to:g}; largest intake forecast {largest:.0f}"
    return [_option(facility, CUT, years[start], cut, np.zeros(len(years)), running, reason)]


def close(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Close with all its bands, at once at the start of an academic year; only for schools the study names.

    Saves a school's fixed cost and that of its places a year, against a one-off closing cost; teaching follows the
    pupils.
    """
    named = {f"{value:.0f}" if isinstance(value, float) else str(value) for value in _closable(policy)}
    if facility.key not in named:
        return []
    options = []
    for start in range(policy.integer("close_lead_years") - 1, len(years)):
        standing = np.arange(len(years)) < start
        one_off = np.zeros(len(years))
        one_off[start] = policy.number("closing_cost_gbp")
        admits = facility.places * standing[:, None]
        running = np.where(standing, 0.0, -policy.number("school_fixed_cost_gbp"))
        running = running + (admits - facility.places).sum(axis=1) * policy.number("place_gbp")
        options.append(
            _option(
                facility,
                CLOSE,
                years[start],
                admits,
                np.zeros(len(years)),
                running,
                "named by the study",
                one_off_gbp=one_off,
                standing=standing,
            )
        )
    return options


def _closable(policy: Policy) -> tuple[float | str, ...]:
    value = policy.value("closable_urns")
    return value if isinstance(value, tuple) else ()


def _moving_up(facility: Facility, years: int, start: int) -> Array:
    """(T, 12): 1 where a cohort that entered in plan year `start` or later has reached the year group."""
    columns = np.array(facility.columns, dtype=int)
    reached = np.zeros((years, len(COMPULSORY)))
    since = np.arange(years)[:, None] - start
    reached[:, columns] = since >= np.arange(len(columns))[None, :]
    return reached


def _cost_per_place(policy: Policy, kind: str, phase: str) -> float:
    return policy.number(f"cost_per_place_{kind}_{phase}_gbp") * policy.number("location_factor")


def _index_from(year: str, years: Sequence[str]) -> int:
    """Index of the first plan year that is not before `year`."""
    return max(start_year(year) - start_year(years[0]), 0) if year else 0
