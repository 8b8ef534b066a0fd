"""Options that leave a school standing with fewer places: cap it to fewer forms, mothball a part of its building.

Less harmful than what ends or joins schools, and in that order after cutting an admission number to what still fits
(`models.reductions.cut_pan`). Each generator is a small function with its reason in its docstring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.calendar import openings
from models.options import CAP, MOTHBALL, SECONDARY_FROM, Facility, Option, make_option, moving_up

Array = NDArray[np.float64]
CAPS = 2  # steps offered: the largest number of whole forms below the intake, and of half forms


def cap_forms(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Admit fewer whole or half forms although the largest intake forecast does not fit: some are turned away.

    Who has no place goes elsewhere, an entry cohort a year; cohorts admitted before grow older and leave, and what they
    leave free in their year groups takes none of those turned away back in a year group above their own. Offered to
    the largest number of whole forms and of half forms below the largest intake, where no more than a stated share of
    it is turned away, in the first year that the calendar allows. What an empty place costs is saved; no class is,
    for teaching follows the pupils. Not offered where the admission number is itself a guess.
    """
    opened = next(iter(openings(facility, CAP, years, policy)), None)
    if opened is None or facility.pan_estimated:
        return []
    start, schedule = opened
    pan = round(float(facility.places[start:, facility.columns[0]].min()))
    filling = moving_up(facility, len(years), start)
    largest = float((facility.pupils * filling).max())
    least = largest * (1 - policy.number("cap_turned_away_share"))
    options = []
    for to in _forms_below(min(largest, pan), policy):
        if to < least:
            continue
        capped = np.where(filling > 0, np.minimum(facility.places, to), facility.places)
        forms = to / policy.number("form_of_entry")
        reason = (
            f"capped at {forms:g} FE: admission number from {pan} to {to:g}; "
            f"of the largest intake forecast, {largest:.0f}, {largest - to:.0f} go elsewhere"
        )
        option = make_option(
            facility,
            CAP,
            years[start],
            capped,
            np.zeros(len(years)),
            (capped - facility.places).sum(axis=1) * policy.number("place_gbp"),
            reason,
            policy=policy,
            schedule=schedule,
        )
        # Upper year groups share their places in the plan: room in one that is still large would count for another.
        before = np.where(filling > 0, capped, np.minimum(capped, facility.pupils))
        since = (np.arange(len(years)) >= start)[:, None]
        usable = np.where(since, np.maximum(before, facility.holds), option.places)
        options.append(replace(option, places=usable))
    return options


def _forms_below(places: float, policy: Policy) -> list[float]:
    """Places of the most whole forms and of the most half forms strictly below so many places, fewest last."""
    form = policy.number("form_of_entry")
    below = {step * (np.ceil(places / step - 1e-9) - 1) for step in (form, form / 2)}
    return sorted((float(to) for to in below if to > 0), reverse=True)[:CAPS]


def mothball(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Take a part of the building out of use, in all year groups at once, where the forecast fits what is left.

    What is left makes whole classes and holds every year group of the median forecast from then on with some
    headroom. Saves what an empty place costs and a share of its premises, against a small one-off cost; the building
    stays and can be reopened, which no option of this plan does. Offered in the first year that the calendar allows
    and in the first in which most can be spared. Not offered where the admission number is itself a guess.
    """
    if facility.pan_estimated:
        return []
    groups = facility.columns
    largest = np.maximum.accumulate(facility.pupils[::-1, groups].max(axis=1))[::-1]  # year group from each year on
    needed = largest * (1 + policy.number("pan_cut_headroom"))
    standing = facility.places[:, groups]
    steps = policy.numbers("pan_steps")
    saved = policy.number("place_gbp") + policy.number("mothball_premises_share") * _premises_gbp(facility, policy)
    options: list[Option] = []
    lowest = np.inf
    for start, schedule in openings(facility, MOTHBALL, years, policy):
        left = [step for step in steps if needed[start] <= step < standing[start:].min()]
        if not left or min(left) >= lowest:
            continue
        lowest = min(left)
        kept = facility.places.copy()
        kept[start:, groups] = np.minimum(standing[start:], lowest)
        lost = (facility.places - kept).sum(axis=1)
        one_off = np.zeros(len(years))
        one_off[start] = lost.max() * policy.number("mothball_gbp_per_place")
        reason = (
            f"{lost.max():.0f} places out of use, {lowest:g} left in each year group; "
            f"largest year group forecast {largest[start]:.0f}; can be reopened"
        )
        options.append(
            make_option(
                facility,
                MOTHBALL,
                years[start],
                kept,
                np.zeros(len(years)),
                -lost * saved,
                reason,
                policy=policy,
                one_off_gbp=one_off,
                schedule=schedule,
            )
        )
    return options[:1] + options[1:][-1:]


def _premises_gbp(facility: Facility, policy: Policy) -> float:
    """GBP a year that the area of one place costs, of the phase the school ends in."""
    phase = "secondary" if facility.columns[-1] >= SECONDARY_FROM else "primary"
    area = policy.by_phase("area_per_place_{phase}_m2", phase)
    return area * policy.number("premises_gbp_per_m2")
