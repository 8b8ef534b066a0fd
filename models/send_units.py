"""SEND places on a mainstream site: units in rooms that a school does not need, and how many an area asks for.

A unit's pupils have plans of their own and are placed by the authority: they are no pupils of the estate problem, and
take no journeys in it. What the plan decides is where the rooms are, by policy rows: units of an area ≥ its need.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import start_year
from models.calendar import Calendar
from models.options import SEND_UNIT, STAY, Facility, Option, cost_per_place, make_option
from models.rules import Row, row_matrix

Array = NDArray[np.float64]
Key = tuple[str, str]  # planning area and phase


@dataclass(frozen=True)
class UnitNeed:
    """Places in units that an area needs in a year, and how many the plan is `asked` for: as many as it surely can."""

    planning_area: str
    phase: str
    academic_year: str
    needed: float
    asked: float


def unit_need(table: pd.DataFrame | None, years: Sequence[str]) -> dict[Key, Array]:
    """(T,) places needed by planning area and phase; a figure stands until the next one, nothing before the first."""
    need: dict[Key, Array] = {}
    if table is None:
        return need
    for (area, phase), rows in table.sort_values("academic_year").groupby(["planning_area", "phase"]):
        starts = rows["academic_year"].map(start_year).to_numpy()
        at = np.searchsorted(starts, [start_year(year) for year in years], side="right") - 1
        need[str(area), str(phase)] = np.where(at >= 0, rows["places"].to_numpy(dtype=float)[at], 0.0)
    return need


def send_unit(facility: Facility, years: Sequence[str], policy: Policy, needy: Collection[Key]) -> list[Option]:
    """Open a unit in rooms the school does not need, where its planning area needs one (`needy`).

    Rooms beyond the admission number's come first; for what they lack the school's mainstream places fall in all year
    groups alike, which takes the calendar of a smaller admission number. Offered only where what is left still fits
    the median forecast in every year group and year from then on, with some headroom in the whole school, and never by
    cutting a number that is a guess.
    """
    phase = next((phase for phase, area in facility.planning_area.items() if (area, phase) in needy), None)
    if phase is None or facility.site:
        return []
    total = facility.places.sum(axis=1)
    spare = np.zeros(len(years)) if facility.physical is None else facility.physical.sum(axis=1) - total
    calendar = Calendar.of(years, policy)
    whole = facility.pupils.sum(axis=1) * (1 + policy.number("pan_cut_headroom"))
    each = policy.number("send_place_multiple") * cost_per_place(policy, "expand", phase)
    options = []
    for size in policy.numbers("send_unit_places"):
        for start, year in enumerate(years):
            standing = np.arange(len(years)) >= start
            lost = standing * np.maximum(size * policy.number("send_room_places") - np.maximum(spare, 0.0), 0.0)
            admits = facility.places * (1 - lost / np.maximum(total, 1e-9))[:, None]
            fits = ((facility.pupils <= admits + 1e-9).all(axis=1) & (whole <= admits.sum(axis=1) + 1e-9))[
                lost > 0
            ].all()
            if (lost.any() and facility.pan_estimated) or not fits:
                continue
            schedule = calendar.schedule(facility, SEND_UNIT, year, extra=bool(lost.any()))
            if schedule is None:
                continue
            capital = np.zeros(len(years))
            capital[max(start - 1, 0)] = size * each
            reason = f"unit of {size:g} SEND places in rooms the school does not need"
            if lost.any():
                reason += f", with {round(float(lost.max()))} mainstream places fewer"
            options.append(
                make_option(
                    facility,
                    SEND_UNIT,
                    year,
                    admits,
                    capital,
                    (size * standing - lost) * policy.number("place_gbp"),
                    reason,
                    policy=policy,
                    schedule=schedule,
                    unit=(phase, size * standing.astype(float)),
                )
            )
    return options


def unit_row(planning_area: str, phase: str, academic_year: str) -> str:
    """Name of a policy row for SEND units."""
    return f"{planning_area}, {phase}, {academic_year}: places in SEND units"


def unit_rows(
    facilities: Sequence[Facility],
    options: Sequence[Option],
    years: Sequence[str],
    need: Mapping[Key, Array],
    others: Sequence[Row],
) -> tuple[list[Row], list[UnitNeed]]:
    """In every planning area and phase with a need, and every year: places in units ≥ need.

    Where the schools of an area cannot give so many, the row asks for what some plan that keeps all `others` surely
    gives: units opened one by one beside today's estate, those first that cost fewest mainstream places; a larger one
    replaces a smaller, or a later an earlier, where more of the need is met over the years.
    """
    attained = _attained(facilities, options, need, others)
    opened, key_of = units_of(facilities, options)
    rows, asked = [], []
    for (area, phase), places in sorted(need.items()):
        at = [o for o in opened if key_of[o] == (area, phase)]
        units = np.array([_units(options[o]) for o in at]).reshape(len(at), len(years))
        for t, year in enumerate(years):
            lower = float(min(places[t], attained[area, phase][t]))
            asked.append(UnitNeed(area, phase, year, float(places[t]), lower))
            if lower > 0:
                name = unit_row(area, phase, year)
                rows.append(Row(name, np.array(at, dtype=np.int64), units[:, t], lower, np.inf, "places"))
    return rows, asked


def _attained(
    facilities: Sequence[Facility], options: Sequence[Option], need: Mapping[Key, Array], others: Sequence[Row]
) -> dict[Key, Array]:
    """(T,) places of units by area and phase in one plan that keeps the other rows."""
    # Sums of contributions, which follow the options, stay 0: no unit is promised for their sake.
    n_columns = 1 + max([len(options) - 1, *(int(row.options.max(initial=0)) for row in others)])
    matrix = row_matrix(others, n_columns).tocsc()
    lower, upper = np.array([row.lower for row in others]), np.array([row.upper for row in others])
    standing = {option.facility: o for o, option in enumerate(options) if option.action == STAY}
    places = {key: float(options[o].admits[-1].sum()) for key, o in standing.items()}
    level = np.asarray(matrix[:, list(standing.values())].sum(axis=1)).ravel()
    attained = {key: np.zeros_like(asked) for key, asked in need.items()}

    def lost(o: int) -> tuple[float, str, int]:
        option = options[o]
        return places[option.facility] - float(option.admits[-1].sum()), option.academic_year, o

    at, key_of = units_of(facilities, options)
    for o in sorted((o for o in at if key_of[o] in need), key=lost):
        before = standing[options[o].facility]  # today's estate, or the smaller unit already taken
        more = _units(options[o]) - _units(options[before])
        asked, had = need[key_of[o]], attained[key_of[o]]
        if np.minimum(had + more, asked).sum() <= np.minimum(had, asked).sum():
            continue
        change = (matrix[:, [o]] - matrix[:, [before]]).toarray().ravel()
        if ((level + change < lower - 1e-6) | (level + change > upper + 1e-6)).any():
            continue
        level, attained[key_of[o]] = level + change, attained[key_of[o]] + more
        standing[options[o].facility] = o
    return attained


def unit_table(
    facilities: Sequence[Facility], options: Sequence[Option], chosen: NDArray[np.int64], needs: Sequence[UnitNeed]
) -> pd.DataFrame:
    """Places by planning area, phase and year: needed, asked of the plan, and under it, in the future with fewest.

    `chosen` is (K, F), the options taken in each scenario.
    """
    _, key_of = units_of(facilities, options)
    years = sorted({need.academic_year for need in needs})
    table = pd.DataFrame(needs, columns=list(UnitNeed.__dataclass_fields__))
    table["plan"] = [
        min(
            sum(
                float(_units(options[o])[years.index(need.academic_year)])
                for o in row
                if key_of.get(o) == (need.planning_area, need.phase)
            )
            for row in chosen.tolist()
        )
        for need in needs
    ]
    return table


def units_of(facilities: Sequence[Facility], options: Sequence[Option]) -> tuple[list[int], dict[int, Key]]:
    """Options that open a unit, and the planning area and phase in which each counts."""
    area = {facility.key: facility.planning_area for facility in facilities}
    at = [o for o, option in enumerate(options) if option.unit_phase]
    return at, {o: (area[options[o].facility][options[o].unit_phase], options[o].unit_phase) for o in at}


def _units(option: Option) -> Array:
    return np.zeros(len(option.admits)) if option.unit_places is None else option.unit_places
