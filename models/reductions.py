"""Options that take places away: cut an admission number, close.

Each generator is a small function with its reason in its docstring; it returns options for one facility.
"""

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.calendar import openings
from models.options import CLOSE, CUT, Facility, Option, make_option, moving_up


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


def close(facility: Facility, years: Sequence[str], policy: Policy, ground: str) -> list[Option]:
    """Close with all its bands, at once at the start of an academic year, on the `ground` given in words.

    Saves a school's fixed cost and that of its places a year, against a one-off closing cost; teaching follows the
    pupils.
    """
    options = []
    for start, schedule in openings(facility, CLOSE, years, policy):
        standing = np.arange(len(years)) < start
        one_off = np.zeros(len(years))
        one_off[start] = policy.number("closing_cost_gbp")
        admits = facility.places * standing[:, None]
        running = np.where(standing, 0.0, -policy.number("school_fixed_cost_gbp"))
        running = running + (admits - facility.places).sum(axis=1) * policy.number("place_gbp")
        options.append(
            make_option(
                facility,
                CLOSE,
                years[start],
                admits,
                np.zeros(len(years)),
                running,
                ground,
                policy=policy,
                one_off_gbp=one_off,
                standing=standing,
                schedule=schedule,
            )
        )
    return options
