"""Options that add places, dearest last: lift an admission number, a bulge class, expand, build.

Using spare places nearby is no option of a school: it is what pupils do in every plan. Each generator is a small
function with its reason in its docstring; it returns options for one facility.
"""

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.calendar import Calendar, openings
from models.options import (
    BULGE,
    EXPAND,
    LIFT,
    NEW,
    SECONDARY_FROM,
    Array,
    Facility,
    Option,
    cost_per_place,
    index_from,
    make_option,
    moving_up,
    places_by_phase,
    viable_fe,
)
from models.schedule import Schedule

SIZES_FE = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8)


def lift_pan(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Admit more within the buildings there are: the largest admission number of whole classes that they hold.

    No capital; each place held ready costs a little a year. Not offered where the admission number is itself a guess,
    or where capacity is.
    """
    opened = next(iter(openings(facility, LIFT, years, policy)), None)
    if facility.physical is None or facility.pan_estimated or opened is None:
        return []
    start, schedule = opened
    entry = facility.columns[0]
    pan = round(float(facility.places[start:, entry].max()))
    holds = float(facility.physical[start:, facility.columns].min())
    higher = [step for step in policy.numbers("pan_steps") if pan < step <= holds + 1e-9]
    if not higher:
        return []
    added = max(higher) - pan
    filling = moving_up(facility, len(years), start) * added
    running = filling.sum(axis=1) * policy.number("place_gbp")
    reason = f"admission number from {pan} to {max(higher):g}, within the buildings"
    return [
        make_option(
            facility,
            LIFT,
            years[start],
            facility.places + filling,
            np.zeros(len(years)),
            running,
            reason,
            policy=policy,
            schedule=schedule,
        )
    ]


def bulge(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Take one larger cohort: a class more in one entry year, which moves up and leaves with its pupils.

    It needs one more room for as long as the cohort is there: nothing where the buildings hold it, else that of a
    temporary expansion. The last plan year stands for all that follow and a bulge does not last: it counts no places
    there, so it never stands in for a permanent answer.
    """
    added = policy.number("bulge_places")
    room = facility.places if facility.physical is None else facility.physical
    options = []
    calendar = Calendar.of(years, policy)
    for start in range(len(years) - 1):
        one = moving_up(facility, len(years), start) - moving_up(facility, len(years), start + 1)
        one[-1] = 0.0
        spare = (room - facility.places)[one.any(axis=1)].sum(axis=1).min()
        schedule = calendar.schedule(facility, BULGE, years[start], extra=bool(spare < added))
        if schedule is None:
            continue
        capital = np.zeros(len(years))
        if spare < added:
            phase = next(iter(places_by_phase(facility, 1.0)))
            capital[start] = added * cost_per_place(policy, "temporary", phase)
        running = (one * added).sum(axis=1) * policy.number("place_gbp")
        reason = f"one class of {added:g} more in the entry year {years[start]} alone"
        options.append(
            make_option(
                facility,
                BULGE,
                years[start],
                facility.places + one * added,
                capital,
                running,
                reason,
                policy=policy,
                schedule=schedule,
            )
        )
    return options


def expand(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Grow by half or whole forms: entry cohorts from the opening year on are larger and move up.

    Capital falls in the year before opening at the permanent-expansion cost per place; each place held ready costs a
    little a year. Teaching costs nothing more: it follows the pupils, wherever they are. Opening is possible in any
    September from the first that the calendar allows, and the school grows no further than its site can take.
    """
    options = []
    standing_fe = facility.places[-1, facility.columns[0]] / policy.number("form_of_entry")
    fe_places = policy.number("form_of_entry")
    for fe in policy.numbers("expand_fe"):
        if standing_fe + fe > facility.max_fe + 1e-9:
            continue
        added = round(fe * fe_places)
        for start, schedule in openings(facility, EXPAND, years, policy):
            filling = moving_up(facility, len(years), start) * added
            capital = np.zeros(len(years))
            for phase, places in places_by_phase(facility, added).items():
                capital[max(start - 1, 0)] += places * cost_per_place(policy, "expand", phase)
            running = filling.sum(axis=1) * policy.number("place_gbp")
            options.append(
                make_option(
                    facility,
                    EXPAND,
                    years[start],
                    facility.places + filling,
                    capital,
                    running,
                    f"{fe:g} FE more from the entry year up",
                    policy=policy,
                    schedule=schedule,
                )
            )
    return options


def new_school(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Open a school on a candidate site: one year group a year from its entry year upwards.

    Sizes are whole and half forms between the site's limits. It opens at its size, or in two stages: at half of it with
    the core of the whole (hall, kitchen, services), and at full size some years later. Capital falls in the year before
    each stage, the land with the first; a school's fixed cost runs from opening, and the cost of places held ready.
    While it fills, every year group that is still empty costs something of its own: heads, staff and rooms of a whole
    school for a part of its pupils.
    """
    earliest = index_from(facility.available_from, years)
    least = facility.min_fe if facility.min_stage_fe is None else facility.min_stage_fe
    options = []
    for fe in (size for size in SIZES_FE if facility.min_fe <= size <= facility.max_fe):
        for start, schedule in openings(facility, NEW, years, policy):
            if start < earliest:
                continue
            options.append(_opening(facility, years, policy, start, fe, None, schedule))
            second = start + policy.integer("new_school_stage_years")
            if fe / 2 in SIZES_FE and fe / 2 >= least and second < len(years):
                options.append(_opening(facility, years, policy, start, fe, second, schedule))
    return options


def _opening(
    facility: Facility,
    years: Sequence[str],
    policy: Policy,
    start: int,
    fe: float,
    second: int | None,
    schedule: Schedule,
) -> Option:
    """A school of so many forms from plan year `start`, half of them from plan year `second` where that is given."""
    intake = round(fe * policy.number("form_of_entry"))
    first = intake if second is None else intake / 2
    filling = moving_up(facility, len(years), start) * first
    cost = sum(n * cost_per_place(policy, "new", phase) for phase, n in places_by_phase(facility, intake).items())
    capital = np.zeros(len(years))
    capital[max(start - 1, 0)] = cost + facility.land_cost_gbp
    words = f"{fe:g} FE, one year group a year"
    if second is not None:
        later = cost / 2 * (1 - policy.number("new_school_core_share"))
        capital[max(start - 1, 0)] -= later
        capital[second - 1] += later
        filling = filling + moving_up(facility, len(years), second) * first
        words = f"{fe / 2:g} FE with the core of {fe:g} FE, {fe:g} FE from {years[second]}, one year group a year"
    running = school_running(filling, start, policy)
    least = viable_fe(facility, policy)
    small = f"smaller than the {least:g} FE that count as viable: the site's own smallest size" if fe < least else ""
    reason = "; ".join(part for part in (words, small, facility.standing) if part)
    return make_option(
        facility,
        NEW,
        years[start],
        filling,
        capital,
        running,
        reason,
        policy=policy,
        one_off_gbp=filling_cost(facility, len(years), start, policy),
        schedule=schedule,
    )


def school_running(filling: Array, start: int, policy: Policy) -> Array:
    """(T,) GBP a year of a school of (T, 12) places that opens in plan year `start`: its fixed cost and its places."""
    opened = (np.arange(len(filling)) >= start).astype(float)
    return np.asarray(
        opened * policy.number("school_fixed_cost_gbp") + filling.sum(axis=1) * policy.number("place_gbp")
    )


def filling_cost(facility: Facility, years: int, start: int, policy: Policy) -> Array:
    """(T,) GBP for the year groups that are still empty in each year from opening until the school is full.

    Years after the last plan year are added to it, discounted, for they are no running cost that stays.
    """
    later = len(facility.columns)  # full by then at the latest
    filled = moving_up(facility, years + later, start)[:, facility.columns] > 0
    standing = np.arange(years + later) >= start
    cost = np.zeros(years + later)
    for column, full in zip(facility.columns, filled.T, strict=True):
        phase = "secondary" if column >= SECONDARY_FROM else "primary"
        cost += (standing & ~full) * policy.number(f"empty_year_group_{phase}_gbp")
    within = cost[:years].copy()
    within[-1] += (cost[years:] * (1 + policy.number("discount_rate")) ** -np.arange(1, later + 1)).sum()
    return within
