"""Space of a school that it does not need, let to early years; SEND units are in `models.send_units`.

How many more places of early years are wanted where is not known here: policy says how many schools of an area may
let space at most. The rent is the school's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.calendar import Calendar
from models.options import SECONDARY_FROM, SHARE, Facility, Option, make_option
from models.rules import Row


def share_space(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Let rooms that a primary school does not need to a provider of early years, in the first year that is possible.

    Rooms beyond the admission number's come first; for what they lack the school's places fall in all year groups
    alike, which takes the calendar of a smaller admission number, is offered only where what is left fits the median
    forecast in every year group with some headroom in the whole school, and never by cutting a number that is a guess.
    Brings a rent a year and what the places lost would cost empty, against the capital to adapt the rooms.
    """
    if facility.columns[0] >= SECONDARY_FROM:
        return []
    total = facility.places.sum(axis=1)
    spare = np.zeros(len(years)) if facility.physical is None else facility.physical.sum(axis=1) - total
    whole = facility.pupils.sum(axis=1) * (1 + policy.number("pan_cut_headroom"))
    calendar = Calendar.of(years, policy)
    options = []
    for size in policy.numbers("share_space_places"):
        for start, year in enumerate(years):
            standing = np.arange(len(years)) >= start
            lost = standing * np.maximum(size * policy.number("share_space_room_places") - np.maximum(spare, 0.0), 0.0)
            admits = facility.places * (1 - lost / np.maximum(total, 1e-9))[:, None]
            fits = (facility.pupils <= admits + 1e-9).all(axis=1) & (whole <= admits.sum(axis=1) + 1e-9)
            if lost.any() and (facility.pan_estimated or not fits[lost > 0].all()):
                continue
            schedule = calendar.schedule(facility, SHARE, year, extra=bool(lost.any()))
            if schedule is None:
                continue
            capital = np.zeros(len(years))
            capital[max(start - 1, 0)] = size * policy.number("share_space_adapt_gbp")
            reason = f"rooms let to {size:g} early years places"
            if lost.any():
                reason += f", with {round(float(lost.max()))} school places fewer"
            running = -size * standing * policy.number("share_space_rent_gbp") - lost * policy.number("place_gbp")
            options.append(
                make_option(facility, SHARE, year, admits, capital, running, reason, policy=policy, schedule=schedule)
            )
            break
    return options


def lettings_max(facilities: Sequence[Facility], options: Sequence[Option], policy: Policy) -> list[Row]:
    """In every planning area at most so many schools let space to early years."""
    area_of = {facility.key: facility.planning_area.get("primary", "") for facility in facilities}
    by_area: dict[str, list[int]] = {}
    for o, option in enumerate(options):
        if option.action == SHARE:
            by_area.setdefault(area_of[option.facility], []).append(o)
    most = policy.number("share_space_schools_max")
    return [
        Row(f"{area}: schools that let space to early years", np.array(at), np.ones(len(at)), -np.inf, most, "schools")
        for area, at in sorted(by_area.items())
        if len({options[o].facility for o in at}) > most
    ]
