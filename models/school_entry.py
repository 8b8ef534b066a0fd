"""How pupils come to schools: which year groups are entered, and what each school takes of those who enter.

A school is entered at its first year group, and where its planning area changes (Y7 of an all-through school). Its
share of entrants is that of its recent entrants (policy `share_weights`, latest first), or of first preferences where
every school that is entered has some. Where schools of the same phase are left the year before (infants at Y2, first
schools at Y4), the school entered takes what the schools nearest to it were left by, times what that made in past
years.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PRIMARY, SCHOOL_YEAR_GROUPS, SECONDARY, year_groups_between
from models.cohorts import BoolArray, FloatArray, IntArray
from models.planning_areas import area_of_school

GROUPS: tuple[str, ...] = SCHOOL_YEAR_GROUPS[:14]
LAST_OF_PHASE = (PRIMARY[-1], SECONDARY[-1])  # what follows is a transfer between planning areas, or staying on


@dataclass(frozen=True, eq=False)
class SchoolsByArea:
    """Schools (S) by year group (G): what is taught, where it counts, and how a year group is entered."""

    urns: tuple[int, ...]
    areas: tuple[str, ...]
    area: IntArray  # (S, G) position of the area; −1 where the school does not teach the year group
    enters: BoolArray  # (S, G) the school, or its part in this area, is entered here
    leaves: BoolArray  # (S, G) pupils leave after this year group for a school of the same phase
    feeds: IntArray  # (S, G) the nearest school of the area that they can enter; −1 where that is not known


def schools_by_area(schools: pd.DataFrame, rolls: pd.DataFrame, wanted: pd.DataFrame) -> SchoolsByArea:
    """Schools and the year groups of their age ranges; areas of the forecast without a school are kept."""
    if (strangers := sorted(set(rolls["urn"]) - set(schools["urn"]))) != []:
        raise ValueError(f"schools that are not in the list: {', '.join(map(str, strangers[:5]))}")
    ranges = zip(schools["low_age"], schools["high_age"], strict=True)
    taught = np.array(
        [
            np.isin(GROUPS, () if pd.isna(low) or pd.isna(high) else year_groups_between(int(low), int(high)))
            for low, high in ranges
        ]
    ).reshape(len(schools), len(GROUPS))
    urns = tuple(int(urn) for urn in schools["urn"])
    pairs = pd.DataFrame({"urn": np.repeat(urns, len(GROUPS)), "group": np.tile(GROUPS, len(urns))})
    named = area_of_school(schools, pairs["urn"], pairs["group"])
    areas = tuple(sorted({*named[taught.ravel()], *wanted["planning_area"]}))
    position = pd.Index(areas).get_indexer(named).reshape(taught.shape)
    area = np.where(taught, position, -1)
    before = np.concatenate([np.full((len(urns), 1), -1), area[:, :-1]], axis=1)
    after = np.concatenate([area[:, 1:], np.full((len(urns), 1), -1)], axis=1)
    enters, leaves = taught & (before != area), taught & (after != area) & ~np.isin(GROUPS, LAST_OF_PHASE)
    return SchoolsByArea(urns, areas, area, enters, leaves, _nearest_entered(schools, area, enters, leaves))


def _nearest_entered(schools: pd.DataFrame, area: IntArray, enters: BoolArray, leaves: BoolArray) -> IntArray:
    """For each school left (S, G), the nearest school of its area that is entered one year group up; else −1."""
    feeds = np.full(area.shape, -1)
    if not {"easting", "northing"} <= set(schools.columns):
        return feeds
    xy = schools[["easting", "northing"]].to_numpy(dtype=float)
    for group in range(len(GROUPS) - 1):
        left, entered = np.flatnonzero(leaves[:, group]), np.flatnonzero(enters[:, group + 1])
        distance_m = np.hypot(*(xy[left, None] - xy[None, entered]).transpose(2, 0, 1))
        apart = area[left, None, group] != area[None, entered, group + 1]
        distance_m = np.where(apart | np.isnan(distance_m), np.inf, distance_m)
        near = np.isfinite(distance_m).any(axis=1)
        if near.any():
            feeds[left[near], group] = entered[distance_m[near].argmin(axis=1)]
    return feeds


def area_sums(estate: SchoolsByArea, values: FloatArray) -> FloatArray:
    """Sums (A, G) of values (S, G) over the schools of each area."""
    summed = np.zeros((len(estate.areas) + 1, len(GROUPS)))
    np.add.at(summed, (estate.area, np.arange(len(GROUPS))[None, :]), np.where(estate.area >= 0, values, 0.0))
    return summed[:-1]


def spread_over_schools(estate: SchoolsByArea, values: FloatArray) -> FloatArray:
    """Each school's area value (S, G) of values (A, G); 0 where it does not teach the year group."""
    found: FloatArray = values[estate.area, np.arange(len(GROUPS))[None, :]]
    return np.where(estate.area >= 0, found, 0.0)


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, 0 where there is nothing to divide by."""
    quotient: FloatArray = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return quotient


@dataclass(frozen=True, eq=False)
class Entry:
    """What each school takes of its area's pupils of a year group in which it is entered; all (S, G).

    Attributes
    ----------
    shares : among the schools entered; they sum to 1.
    preferred : True where first preferences made them.
    outright : of all pupils of the year group, lately.
    for_each : of all pupils, for each share that those who left for it had the year before; 0 where nobody did.

    """

    shares: FloatArray
    preferred: BoolArray
    outright: FloatArray
    for_each: FloatArray


def recent_entry(estate: SchoolsByArea, past: FloatArray, policy: Policy) -> Entry:
    """Entry as the past years `past` (S, T, G), latest first, tell it. Years that were not counted are passed over."""
    outright, seen, for_each, fed = (np.zeros(estate.area.shape) for _ in range(4))
    weights = policy.numbers("share_weights")

    def taken(at: int) -> tuple[FloatArray, FloatArray]:
        everybody = spread_over_schools(estate, area_sums(estate, past[:, at]))
        return ratio(np.where(estate.enters, past[:, at], 0.0), everybody), (everybody > 0).astype(float)

    # Shares are averaged, not pupils: a large cohort says no more about where children go.
    for at, weight in enumerate(weights):
        share, counted = taken(at)
        outright += weight * share
        seen += weight * counted
    outright = ratio(outright, seen)
    shares = ratio(outright, spread_over_schools(estate, area_sums(estate, outright)))
    for at, weight in enumerate(weights):
        share, counted = taken(at)
        left = left_for(estate, past[:, at + 1], shares)
        for_each += weight * counted * ratio(share, left)
        fed += weight * counted * (left > 0)
    return Entry(shares, np.zeros(shares.shape, dtype=bool), outright, ratio(for_each, fed))


def left_for(estate: SchoolsByArea, pupils: FloatArray, shares: FloatArray) -> FloatArray:
    """Share (S, G) of the area's pupils one year group below who are left with this school as the next.

    Leavers of a school without a known next one are shared like entrants.
    """
    ending = ratio(np.where(estate.leaves, pupils, 0.0), spread_over_schools(estate, area_sums(estate, pupils)))
    left, group = np.nonzero(estate.feeds[:, :-1] >= 0)
    known = np.zeros(estate.area.shape)
    np.add.at(known, (estate.feeds[left, group], group + 1), ending[left, group])
    open_ = area_sums(estate, np.where(estate.feeds < 0, ending, 0.0))
    moved_up = np.concatenate([np.zeros((len(open_), 1)), open_[:, :-1]], axis=1)
    return known + shares * spread_over_schools(estate, moved_up)


def with_preferences(
    estate: SchoolsByArea, entry: Entry, preferences: pd.DataFrame, policy: Policy, notes: list[str]
) -> Entry:
    """Entry by first preferences in areas where every school that took entrants lately has some.

    Preferences are for the lowest year group that a school is entered in.
    """
    first = np.where(estate.enters.any(axis=1), estate.enters.argmax(axis=1), -1)
    years = sorted(set(preferences["academic_year"]), reverse=True)
    asked = np.zeros(estate.area.shape)
    for weight, year in zip(policy.numbers("share_weights"), years, strict=False):
        rows = preferences[preferences["academic_year"] == year]
        at = pd.Index(estate.urns).get_indexer(rows["urn"])
        kept = (at >= 0) & (first[at] >= 0)
        one_year = np.zeros(estate.area.shape)
        np.add.at(one_year, (at[kept], first[at[kept]]), rows["first_preferences"].to_numpy(dtype=float)[kept])
        asked += weight * ratio(one_year, spread_over_schools(estate, area_sums(estate, one_year)))
    silent = area_sums(estate, np.where((entry.shares > 0) & (asked <= 0), 1.0, 0.0))
    total = area_sums(estate, asked)
    use = (silent == 0) & (total > 0)
    if (total > 0).any() and not (use | (total <= 0)).all():
        short = int(((total > 0) & ~use).any(axis=1).sum())
        notes.append(f"First preferences are given for some schools only in {short} planning areas; rolls stand there.")
    preferred = spread_over_schools(estate, use.astype(float)) > 0
    shares = np.where(preferred, ratio(asked, spread_over_schools(estate, total)), entry.shares)
    return replace(entry, shares=shares, preferred=preferred)
