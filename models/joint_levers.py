"""Options of two schools together: federate under one head, amalgamate into one school.

Each part is an option of its own facility and names the other as its partner; `models.pair_rows` lets neither stand
without the other. Each generator is a small function with its reason in its docstring; it returns the parts of one
facility, for every partner it has.

Closing both and replacing them by a new school needs no option of its own: it is two closures and a new school on a
site, which a plan may decide together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.calendar import Calendar
from models.funding_formula import amalgamation_lump_sums, split_site_share
from models.options import (
    FEDERATE,
    MERGE_CLOSES,
    MERGE_ENLARGED,
    MERGE_KEEPS,
    MERGE_SITE,
    Facility,
    Option,
    Partner,
    cost_per_place,
    make_option,
    places_by_phase,
)
from models.schedule import Schedule, joined
from models.villages import head_gbp_covered, site_gbp

Array = NDArray[np.float64]


def federate(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Two schools under one governing body and one head, in the first year that both their calendars allow.

    Both keep their number, places, lump sum and sparsity funding. Saved are two heads, less what a head of a small
    school teaches, against an executive head, a head of school on each site and every minute of drive, as for clusters
    of villages; each school carries half, and its own one-off cost. Not offered where nothing is saved.
    """
    options = []
    area = policy.number("area_cost_factor")
    shared = area * policy.number("executive_head_gbp") + 2 * site_gbp(policy)
    for partner in facility.partners:
        both = np.array([facility.pupils[0].sum(), partner.school.pupils[0].sum()])
        heads = float(head_gbp_covered(both, policy).sum()) - shared
        saved = heads - partner.minutes * policy.number("executive_drive_gbp_per_min")
        opened = _first_joint(facility, partner.school, (FEDERATE, FEDERATE), years, policy)
        if not partner.federates or saved <= 0 or opened is None:
            continue
        start, schedule = opened
        standing = np.arange(len(years)) >= start
        one_off = np.zeros(len(years))
        one_off[start] = policy.number("federate_cost_gbp")
        reason = f"one head with {partner.school.name}, {partner.minutes:.0f} minutes' drive away; both schools stay"
        options.append(
            make_option(
                facility,
                FEDERATE,
                years[start],
                facility.places,
                np.zeros(len(years)),
                np.where(standing, -saved / 2, 0.0),
                reason,
                policy=policy,
                one_off_gbp=one_off,
                schedule=schedule,
                partner=partner.school.key,
            )
        )
    return options


def amalgamate(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Two schools become one: its part of every pair of which one may end (it has a ground, or is so named).

    Where one school serves all ages of the other, its building may close and this one take its pupils in; where they
    serve the same ages or ages next to each other, both buildings may stay under one number, that of the larger where
    ages are the same. For that a pair that the study names needs no ground; for a building to close it does.
    """
    options: list[Option] = []
    for partner in facility.partners:
        if not partner.amalgamates:
            continue
        for ends, stays in ((facility, partner.school), (partner.school, facility)):
            mine = facility is ends
            if partner.named != ("stays" if mine else "ends") and not ends.ground:
                continue
            nested, same = set(ends.columns) <= set(stays.columns), ends.columns == stays.columns
            beside = not set(ends.columns) & set(stays.columns)
            if same and not partner.named and stays.pupils[0].sum() < ends.pupils[0].sum():
                continue  # the larger school's number stays
            shuts = nested and ends.ground != ""  # no building closes without a ground, named or not
            makers = [*([_one_building] if shuts else []), *([_both_buildings] if same or beside else [])]
            for make in makers:
                options += [option for option in make(ends, stays, partner, years, policy) if _of(option, facility)]
    return options


def _of(option: Option, facility: Facility) -> bool:
    return option.facility == facility.key


def _one_building(
    ends: Facility, stays: Facility, partner: Partner, years: Sequence[str], policy: Policy
) -> Iterator[Option]:
    """Close one and enlarge the other, at once, in the first year possible, by what the displaced need there.

    The one that stays grows in all its year groups by half forms until it holds both schools' pupils, within what its
    site takes; nothing is built where its buildings hold it. A school's fixed cost is saved as its lump sum falls
    away; the amalgamated school keeps both in its first year and a protected share in the second.
    """
    found = _first_joint(ends, stays, (MERGE_CLOSES, MERGE_ENLARGED), years, policy, building=True)
    if found is None:
        return
    start, schedule = found
    standing = np.arange(len(years)) < start
    admits = ends.places * standing[:, None]
    running = np.where(standing, 0.0, -policy.number("school_fixed_cost_gbp"))
    running = running + (admits - ends.places).sum(axis=1) * policy.number("place_gbp")
    once = protected_lump_sums(start, len(years), policy)
    once[start] += policy.number("amalgamate_cost_gbp")
    yield make_option(
        ends,
        MERGE_CLOSES,
        years[start],
        admits,
        np.zeros(len(years)),
        running,
        f"becomes part of {stays.name}, {partner.metres:,.0f} m away, and leaves its building",
        policy=policy,
        one_off_gbp=once,
        standing=standing,
        schedule=schedule,
        partner=stays.key,
    )
    added = _needed(ends, stays, start, policy)
    filling = np.zeros_like(stays.places)
    filling[start:, stays.columns] = added
    grown = f", with {added:g} places more in each year group" if added else ", within the places it has"
    yield make_option(
        stays,
        MERGE_ENLARGED,
        years[start],
        stays.places + filling,
        _building_gbp(stays, added, start, len(years), policy),
        filling.sum(axis=1) * policy.number("place_gbp"),
        f"takes in {ends.name}, {partner.metres:,.0f} m away{grown}",
        policy=policy,
        schedule=schedule,
        partner=ends.key,
    )


def _both_buildings(
    ends: Facility, stays: Facility, partner: Partner, years: Sequence[str], policy: Policy
) -> Iterator[Option]:
    """One school on both sites, infant and junior or two of the same ages, in the first year possible.

    All places stay. A lump sum falls away after its protected year and split-site money comes instead: what is saved
    is the difference, about what one head costs.
    """
    share = 1 - split_site_share([partner.metres], policy)
    found = _first_joint(ends, stays, (MERGE_SITE, MERGE_KEEPS), years, policy)
    if found is None or share <= 0:
        return
    start, schedule = found
    standing = np.arange(len(years)) >= start
    once = protected_lump_sums(start, len(years), policy)
    once[start] += policy.number("amalgamate_cost_gbp")
    nothing = np.zeros(len(years))
    yield make_option(
        ends,
        MERGE_SITE,
        years[start],
        ends.places,
        nothing,
        np.where(standing, -share * policy.number("school_fixed_cost_gbp"), 0.0),
        f"becomes part of {stays.name}, {partner.metres:,.0f} m away, and stays in its building",
        policy=policy,
        one_off_gbp=once,
        schedule=schedule,
        partner=stays.key,
    )
    yield make_option(
        stays,
        MERGE_KEEPS,
        years[start],
        stays.places,
        nothing,
        nothing,
        f"one school with {ends.name}, {partner.metres:,.0f} m away, in both buildings",
        policy=policy,
        schedule=schedule,
        partner=ends.key,
    )


def protected_lump_sums(start: int, years: int, policy: Policy) -> Array:
    """(years,) GBP that two schools amalgamated from plan year `start` on still receive above one lump sum.

    A fixed cost stands for a lump sum. What falls after the last plan year is added to it, discounted.
    """
    sums = (amalgamation_lump_sums(2, 2, policy) - 1.0) * policy.number("school_fixed_cost_gbp")
    once = np.zeros(years)
    for later, gbp in enumerate(sums):
        beyond = max(start + later - (years - 1), 0)
        once[min(start + later, years - 1)] += gbp * (1 + policy.number("discount_rate")) ** -beyond
    return once


def _needed(ends: Facility, stays: Facility, start: int, policy: Policy) -> float:
    """Places more in each year group, in half forms, for both schools' pupils from `start` on; no more than fit."""
    half = policy.number("form_of_entry") / 2
    columns = ends.columns
    short = (ends.pupils + stays.pupils - stays.places)[start:, columns].max()
    room = stays.max_fe * policy.number("form_of_entry") - stays.places[-1, stays.columns[0]]
    wanted = np.ceil(max(float(short), 0.0) / half - 1e-9)
    return float(half * min(wanted, max(np.floor(room / half + 1e-9), 0.0)))


def _building_gbp(stays: Facility, added: float, start: int, years: int, policy: Policy) -> Array:
    """(years,) capital, in the year before, for places beyond those that the buildings hold."""
    capital = np.zeros(years)
    total = added * len(stays.columns)
    room = 0.0 if stays.physical is None else float((stays.physical - stays.places)[start:].sum(axis=1).min())
    share = max(total - max(room, 0.0), 0.0) / total if total else 0.0
    for phase, places in places_by_phase(stays, added).items():
        capital[max(start - 1, 0)] += share * places * cost_per_place(policy, "expand", phase)
    return capital


def _first_joint(
    one: Facility,
    other: Facility,
    actions: tuple[str, str],
    years: Sequence[str],
    policy: Policy,
    *,
    building: bool = False,
) -> tuple[int, Schedule] | None:
    """First plan year that the calendars of both parts allow, with the steps of both.

    `building`: the other part has to build where it lacks room.
    """
    calendar = Calendar.of(years, policy)
    for start, year in enumerate(years):
        extra = False
        if building:
            added = _needed(one, other, start, policy)
            extra = bool(_building_gbp(other, added, start, len(years), policy).any())
        mine = calendar.schedule(one, actions[0], year)
        theirs = calendar.schedule(other, actions[1], year, extra=extra)
        if mine is not None and theirs is not None:
            return start, joined(mine, theirs)
    return None
