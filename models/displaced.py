"""Whom a plan displaces: pupils of closing schools by year, their own year group, home and receiving school.

The plan's flows are of slices, entry year or upper years of a band; pupils of the upper years are split into year
groups as those of their node are. A year group of a school is gone once it has no places left there that it has today,
so a school may close all at once or stop admitting first. Displaced are the cohorts that were on roll when it closed;
later cohorts are those of the same homes that would have come after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.years import COMPULSORY
from models.estate_build import ENTRY, TINY, Estate
from models.options import Facility

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEVER = 10_000


@dataclass(frozen=True, eq=False)
class Closing:
    """What closes, by scenario K: `gone` (K, F, T, 12) year groups without places, `since` (K, F) plan year.

    `since` is the first plan year in which the whole school is gone, NEVER where it stands; a school counts here only
    if it is gone in the end.
    """

    gone: Flags
    since: Ints

    @property
    def facilities(self) -> Ints:
        """Positions of those that close in some scenario."""
        return np.flatnonzero((self.since < NEVER).any(axis=0))


def closing(estate: Estate, chosen: Ints) -> Closing:
    """Schools that the options `chosen` (K, F) close."""
    schools = len(estate.facilities)
    places = np.array([option.places for option in estate.options])[chosen[:, :schools]]
    today = np.array([facility.places for facility in estate.facilities])
    gone = (places < TINY) & (today > TINY)
    whole = (gone | (today < TINY)).all(axis=-1) & (today > TINY).any(axis=-1)
    whole &= np.array([not facility.site for facility in estate.facilities])[:, None]
    to_the_end = np.flip(np.minimum.accumulate(np.flip(whole, axis=-1), axis=-1), axis=-1)
    since = np.where(to_the_end.any(axis=-1), to_the_end.argmax(axis=-1), NEVER)
    return Closing(gone & (since < NEVER)[:, :, None, None], since.astype(np.int64))


def own_groups(estate: Estate) -> list[tuple[int, int, Ints, Array]]:
    """Of each slice: scenario, plan year, columns of its year groups, (G, N) share of each in a node's pupils."""
    year = {name: t for t, name in enumerate(estate.years)}
    found = []
    table = estate.slices
    for k, name, band, kind in zip(
        table["scenario"], table["academic_year"], table["band"], table["kind"], strict=True
    ):
        first, _, last = str(band).partition("–")
        columns = np.arange(COMPULSORY.index(first), COMPULSORY.index(last or first) + 1)
        columns = columns[:1] if kind == ENTRY else columns[1:]
        pupils = estate.pupils[k, year[name], columns]
        whole = pupils.sum(axis=0)
        share = np.divide(pupils, whole, out=np.zeros_like(pupils), where=whole > 0)
        found.append((int(k), year[name], columns, share))
    return found


def rolls_by_year_group(estate: Estate, flow: Array) -> Array:
    """(K, F, T, 12) pupils at each school in their own year group, by scenario; `flow` (S, A) shares."""
    problem, schools = estate.problem, len(estate.facilities)
    rolls = np.zeros((len(estate.pupils), schools, len(estate.years), len(COMPULSORY)))
    home = home_of(estate)
    for s, (k, t, columns, share) in enumerate(own_groups(estate)):
        moving = problem.demand[s, problem.arc_node] * flow[s]
        for row, column in enumerate(columns):
            of_arc = moving * share[row, estate.moving[problem.arc_node]]
            rolls[k, :, t, column] += np.bincount(problem.arc_facility, of_arc, minlength=schools)
            rolls[k, :, t, column] += np.bincount(home, estate.staying[s] * share[row], minlength=schools)
    return rolls


def home_of(estate: Estate) -> Ints:
    """(N,) position of each node's school of the base year."""
    key = {facility.key: f for f, facility in enumerate(estate.facilities)}
    return np.asarray(estate.all_nodes["urn"].astype(str).map(key), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Displaced:
    """P groups of displaced pupils, and what they come to at each receiving school.

    Attributes
    ----------
    scenario, arc, year, year_group : (P,) where they stand; `arc` leads from the home to the receiving school.
    later : (P,) a later cohort, which would have come to the school after it closed.
    pupils : (P,) in that scenario.
    received : (K, F, T, 12) pupils of closing schools at every other one.
    without_place : (K, F, T, 12) pupils of each closing school for whom the plan has no place.

    """

    scenario: Ints
    arc: Ints
    year: Ints
    year_group: Ints
    later: Flags
    pupils: Array
    received: Array
    without_place: Array


def displaced(estate: Estate, closes: Closing, flow: Array, unmet: Array) -> Displaced:
    """Pupils whose year group is gone at the school they attend, as `flow` (S, A) and `unmet` (S, D) place them."""
    problem = estate.problem
    shape = (len(estate.pupils), len(estate.facilities), len(estate.years), len(COMPULSORY))
    received, lost = np.zeros(shape), np.zeros(shape)
    at_home = home_of(estate)[estate.moving]
    from_school = at_home[problem.arc_node]
    leaving = np.flatnonzero(from_school != problem.arc_facility)
    parts = []
    for s, (k, t, columns, share) in enumerate(own_groups(estate)):
        staged = min(k, len(closes.gone) - 1)
        for row, column in enumerate(columns):
            gone = closes.gone[staged, :, t, column]
            of_node = problem.demand[s] * share[row, estate.moving]
            pupils = of_node[problem.arc_node[leaving]] * flow[s, leaving] * gone[from_school[leaving]]
            used = pupils > TINY
            arc = leaving[used]
            np.add.at(received[k, :, t, column], problem.arc_facility[arc], pupils[used])
            np.add.at(lost[k, :, t, column], at_home, of_node * unmet[s] * gone[at_home])
            parts.append((np.full(len(arc), k), arc, np.full(len(arc), t), np.full(len(arc), column), pupils[used]))
    scenario, arc, year, group, pupils = (np.concatenate(part) for part in zip(*parts, strict=True))
    first = first_column(estate.facilities)[from_school[arc]]
    since = closes.since[np.minimum(scenario, len(closes.since) - 1), from_school[arc]]
    later = (year < since) | (group <= first + year - since)
    return Displaced(scenario, arc, year, group, later, pupils, received, lost)


def first_column(facilities: Sequence[Facility]) -> Ints:
    """(F,) column of the youngest year group that each school teaches."""
    return np.array([facility.columns[0] for facility in facilities], dtype=np.int64)
