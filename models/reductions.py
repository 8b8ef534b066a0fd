"""The least and the most of what takes places away: cut an admission number to what still fits, close.

Between them stand, in order of harm, `models.fewer_places`, `models.shared_space` and `models.joint_levers`. Each
generator is a small function with its reason in its docstring; it returns options for one facility.
"""

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.calendar import openings
from models.options import CLOSE, CUT, SECONDARY_FROM, Array, Facility, Option, make_option, moving_up
from models.schedule import Schedule

AT_ONCE, PHASED, BOTH = "at once", "phased", "both"


def cut_pan(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Admit a smaller class: the next lower admission number that makes whole classes and still fits every intake.

    Offered only where the median forecast and some headroom fit it in every year from then on. Larger cohorts leave by
    growing older. Only what an empty place costs is saved: no class is counted as saved that the pupils fill anyway.
    Not offered where the admission number is itself a guess.
    """
    opened = next(iter(openings(facility, CUT, years, policy)), None)
    if opened is None or facility.pan_estimated:
        return []
    start, schedule = opened
    pan = round(float(facility.places[start:, facility.columns[0]].min()))
    filling = moving_up(facility, len(years), start)
    largest = float((facility.pupils * filling).max())
    fits = largest * (1 + policy.number("pan_cut_headroom"))
    lower = [step for step in policy.numbers("pan_steps") if fits <= step < pan]
    if not lower:
        return []
    to = max(lower)
    cut = np.where(filling > 0, np.minimum(facility.places, to), facility.places)
    running = (cut - facility.places).sum(axis=1) * policy.number("place_gbp")
    reason = f"admission number from {pan} to {to:g}; largest intake forecast {largest:.0f}"
    return [
        make_option(
            facility, CUT, years[start], cut, np.zeros(len(years)), running, reason, policy=policy, schedule=schedule
        )
    ]


def close(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Close with all its bands at the start of an academic year; only where there is a ground (`Facility.ground`).

    Policy `closing` says how: at once, phased, or both are offered. Saves a school's fixed cost and that of its places
    a year, against a one-off closing cost; teaching follows the pupils.
    """
    if not facility.ground:
        return []
    how = policy.text("closing")
    later = policy.integer("closing_phase_years")
    options = []
    for start, schedule in openings(facility, CLOSE, years, policy):
        if how in (AT_ONCE, BOTH):
            options.append(_closing(facility, years, policy, start, start, schedule))
        if how in (PHASED, BOTH) and start + later < len(years):
            options.append(_closing(facility, years, policy, start, start + later, schedule))
    return options


def _closing(
    facility: Facility, years: Sequence[str], policy: Policy, last_intake: int, start: int, schedule: Schedule
) -> Option:
    """It admits nobody from plan year `last_intake` on, and is closed from plan year `start` on.

    In between the older year groups move up, no larger than the forecast has them, for nobody joins a school that runs
    out; each that is already empty costs what one of a filling school does.
    The year of the option is that of closing; what has to be done before is done before the first year without intake.
    """
    standing = np.arange(len(years)) < start
    running_out = moving_up(facility, len(years), last_intake)
    left = facility.places * (1 - running_out) * standing[:, None]
    since = (np.arange(len(years)) >= last_intake)[:, None]
    admits = np.where(since, np.minimum(left, facility.pupils), left)
    one_off = emptying_cost(facility, running_out * standing[:, None], policy)
    one_off[start] += policy.number("closing_cost_gbp")
    running = np.where(standing, 0.0, -policy.number("school_fixed_cost_gbp"))
    running = running + (left - facility.places).sum(axis=1) * policy.number("place_gbp")
    words = "" if start == last_intake else f"; no intake from {years[last_intake]} on, the year groups left move then"
    return make_option(
        facility,
        CLOSE,
        years[start],
        admits,
        np.zeros(len(years)),
        running,
        f"{facility.ground}{words}",
        policy=policy,
        one_off_gbp=one_off,
        standing=standing,
        schedule=schedule,
    )


def emptying_cost(facility: Facility, empty: Array, policy: Policy) -> Array:
    """(T,) GBP for the year groups of a school that are empty while it still stands; `empty` (T, 12) of 0 and 1."""
    each = np.array(
        [
            policy.number(
                "empty_year_group_secondary_gbp" if column >= SECONDARY_FROM else "empty_year_group_primary_gbp"
            )
            for column in facility.columns
        ]
    )
    return np.asarray(empty[:, facility.columns] @ each, dtype=float)
