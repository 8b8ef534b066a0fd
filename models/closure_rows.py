"""Policy rows about closing: how many a year, what choice of faith is left, and that nothing is closed and built again.

Each function gives rows for one rule, over the options of the estate; none where the rule is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES, start_year
from models.options import CLOSE, Facility, Option
from models.rules import Row

Array = NDArray[np.float64]
NAMED = 3  # schools in the name of a row


def closures_a_year(options: Sequence[Option], policy: Policy) -> list[Row]:
    """Close at most so many schools in any one year; no row where the policy is blank."""
    most = policy.optional_number("closures_max_per_year")
    closing = [o for o, option in enumerate(options) if option.action == CLOSE]
    if most is None:
        return []
    rows = []
    for year in sorted({options[o].academic_year for o in closing}):
        at = np.array([o for o in closing if options[o].academic_year == year], dtype=np.int64)
        rows.append(Row(f"closures in {year}", at, np.ones(len(at)), -np.inf, most, "closures"))
    return rows


def faith_shares(
    facilities: Sequence[Facility],
    options: Sequence[Option],
    years: Sequence[str],
    faith: Mapping[str, str],
    policy: Policy,
) -> list[Row]:
    """Keep the balance of denominations: of today's places that stay, each faith's share changes by at most so much.

    By planning area, phase and plan year, `faith` by facility (schools of none are one too). New places count for
    nobody: what is asked is that taking places away does not take one faith's above all. Only areas in which an option
    takes places away have rows; none where policy `faith_share_range` is blank.
    """
    most = policy.optional_number("faith_share_range")
    if most is None:
        return []
    by_key = {facility.key: facility for facility in facilities if facility.key in faith}
    rows: list[Row] = []
    for area, phase in sorted({(a, p) for f in by_key.values() for p, a in f.planning_area.items()}):
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        keys = [key for key, facility in by_key.items() if facility.planning_area.get(phase) == area]
        at = np.array([o for o, option in enumerate(options) if option.facility in set(keys)], dtype=np.int64)
        today = np.array([by_key[options[o].facility].places[:, columns].sum(axis=1) for o in at])
        left = np.minimum(np.array([options[o].admits[:, columns].sum(axis=1) for o in at]), today)
        if not (left < today).any():
            continue
        each = np.array([by_key[key].places[:, columns].sum(axis=1) for key in keys])
        of_key, of_option = np.array([faith[key] for key in keys]), np.array([faith[options[o].facility] for o in at])
        for name in sorted(set(of_key)):
            share = each[of_key == name].sum(axis=0) / np.maximum(each.sum(axis=0), 1e-9)
            mine = (of_option == name)[:, None]
            for t, year in enumerate(years):
                for limit, side in ((share[t] - most, 1.0), (share[t] + most, -1.0)):
                    if 0 < limit < 1:
                        values = side * (mine[:, 0] - limit) * left[:, t]
                        words = "at least" if side > 0 else "at most"
                        said = f"{area}, {phase}, {year}: {name or 'no religious character'}, {words} {limit:.0%}"
                        rows.append(Row(f"{said} of places that stay", at, values, 0.0, np.inf, "places"))
    return rows


def retained_near(
    facilities: Sequence[Facility], options: Sequence[Option], years: Sequence[str], minutes: Array, policy: Policy
) -> list[Row]:
    """Keep spare places near every village: of the primary schools within so many minutes' drive, as of an area.

    `minutes` (points, F) from every demand point. Points with the same schools in reach share a row; each asks for the
    forecast roll of these schools ÷ (1 − retained surplus), no more than today's places. None where policy
    `retained_within_min` is blank.
    """
    most = policy.optional_number("retained_within_min")
    if most is None:
        return []
    columns = [COMPULSORY.index(group) for group in PHASES["primary"]]
    pupils, places = (
        np.array([array[:, columns].sum(axis=1) for array in arrays])
        for arrays in ([f.pupils for f in facilities], [f.places for f in facilities])
    )
    of_option = np.array([{f.key: i for i, f in enumerate(facilities)}[option.facility] for option in options])
    admits = np.array([option.admits[:, columns].sum(axis=1) for option in options])
    near = np.unique((minutes <= most) & (places > 0).any(axis=1), axis=0)
    rows = []
    for number, here in enumerate(near[near.any(axis=1)]):
        at = np.flatnonzero(here[of_option])
        names = ", ".join(facilities[i].name for i in np.flatnonzero(here)[:NAMED])
        for t, year in enumerate(years):
            today = float(places[here, t].sum())
            asked = float(pupils[here, t].sum()) / (1 - policy.number("retained_surplus"))
            name = f"within {most:g} minutes, primary, {year}: places at {names} ({number + 1})"
            rows.append(Row(name, at, admits[at, t], min(asked, today), np.inf, "places"))
    return rows


def nothing_undone(facilities: Sequence[Facility], options: Sequence[Option]) -> list[Row]:
    """No school closes in a planning area and phase where places are built for good in a later year.

    In the same year they may replace it. A bulge class or a lifted admission number builds nothing. Each closure has
    one row against all such building.
    """
    by_key = {facility.key: facility for facility in facilities}
    building = [
        (o, start_year(option.academic_year)) for o, option in enumerate(options)
        if option.capital_gbp.any() and option.academic_year and _adds(option, by_key[option.facility])
    ]  # fmt: skip
    rows = []
    for c, option in enumerate(options):
        if option.action != CLOSE:
            continue
        areas = set(by_key[option.facility].planning_area.items())
        later = [
            o for o, year in building
            if year > start_year(option.academic_year) and options[o].facility != option.facility
            and areas & set(by_key[options[o].facility].planning_area.items())
        ]  # fmt: skip
        n = len({options[o].facility for o in later})
        if n:
            at = np.array([c, *later], dtype=np.int64)
            values = np.concatenate([[float(n)], np.ones(len(later))])
            where = ", ".join(sorted({area for _, area in areas}))
            name = f"{option.facility} closing in {option.academic_year} is not undone by building in {where}"
            rows.append(Row(name, at, values, -np.inf, float(n), "decisions"))
    return rows


def _adds(option: Option, facility: Facility) -> bool:
    """Whether places are more than today's in the last plan year."""
    return float(option.admits[-1].sum()) > float(facility.places[-1].sum()) + 0.5
