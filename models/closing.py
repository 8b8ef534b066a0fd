"""What a plan closes, year group by year group, and the rolls of schools by year group.

The plan's flows are of slices, entry year or upper years of a band; pupils of the upper years are split into year
groups as those of their node are. A year group of a school is gone once it has no places left there that it has today,
so a school may close all at once or stop admitting first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.years import COMPULSORY
from models.estate_build import ENTRY, TINY, Estate
from models.options import CLOSING, Facility, Option

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


def with_vehicles(estate: Estate, vehicles_gbp: Array) -> Estate:
    """The estate in which options cost that much in vehicles, (O, T) a year; 0 but for what closes."""
    options = [
        replace(option, vehicles_gbp=gbp) if option.action in CLOSING else option
        for option, gbp in zip(estate.options, vehicles_gbp, strict=True)
    ]
    return estate.restated(estate.rows, estate.pupils, options)


def vehicles_of(estate: Estate) -> Array:
    """(O, T) what options cost in vehicles a year."""
    nothing = np.zeros(len(estate.years))
    return np.array([nothing if option.vehicles_gbp is None else option.vehicles_gbp for option in estate.options])


def gone_share(option: Option, columns: Sequence[int]) -> Array:
    """(T,) share of a school's year groups (columns) in which an option leaves no places."""
    return np.asarray((option.places[:, list(columns)] <= TINY).mean(axis=1))


class OwnGroups(NamedTuple):
    """One slice by year group: scenario, plan year and columns (G,) of its year groups.

    `moving` and `staying` (G, N) are each year group's share of a node's pupils who move and of those who stay.
    """

    scenario: int
    year: int
    columns: Ints
    moving: Array
    staying: Array


def own_groups(estate: Estate, closes: Closing | None = None) -> list[OwnGroups]:
    """Every slice by year group. Pupils of a year group that is gone move before any other of their school does."""
    year = {name: t for t, name in enumerate(estate.years)}
    found = []
    table, home = estate.slices, home_of(estate)
    of_slice = zip(table["scenario"], table["academic_year"], table["band"], table["kind"], strict=True)
    for s, (k, name, band, kind) in enumerate(of_slice):
        first, _, last = str(band).partition("–")
        columns = np.arange(COMPULSORY.index(first), COMPULSORY.index(last or first) + 1)
        columns = columns[:1] if kind == ENTRY else columns[1:]
        pupils = estate.pupils[k, year[name], columns]
        leaving = np.zeros_like(pupils)
        if closes is not None:
            gone = closes.gone[min(int(k), len(closes.gone) - 1), :, year[name]]
            leaving = pupils * gone[home][:, columns].T
        whole, first_out, stay = pupils.sum(axis=0), leaving.sum(axis=0), estate.staying[s]
        move = np.maximum(whole - stay, 0.0)
        out = leaving * _share(np.minimum(move, first_out), first_out)
        out = out + (pupils - leaving) * _share(np.maximum(move - first_out, 0.0), whole - first_out)
        found.append(OwnGroups(int(k), year[name], columns, _share(out, move), _share(pupils - out, stay)))
    return found


def _share(part: Array, whole: Array) -> Array:
    """Part of the whole (N,), 0 where there is none; never above 1."""
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=whole > TINY), 0.0, 1.0)


def rolls_by_year_group(estate: Estate, flow: Array, closes: Closing | None = None) -> Array:
    """(K, F, T, 12) pupils at each school in their own year group, by scenario; `flow` (S, A) shares."""
    problem, schools = estate.problem, len(estate.facilities)
    rolls = np.zeros((len(estate.pupils), schools, len(estate.years), len(COMPULSORY)))
    home = home_of(estate)
    for s, of in enumerate(own_groups(estate, closes)):
        moving = problem.demand[s, problem.arc_node] * flow[s]
        for row, column in enumerate(of.columns):
            of_arc = moving * of.moving[row, estate.moving[problem.arc_node]]
            here = rolls[of.scenario, :, of.year, column]
            here += np.bincount(problem.arc_facility, of_arc, minlength=schools)
            here += np.bincount(home, estate.staying[s] * of.staying[row], minlength=schools)
    return rolls


def home_of(estate: Estate) -> Ints:
    """(N,) position of each node's school of the base year."""
    key = {facility.key: f for f, facility in enumerate(estate.facilities)}
    return np.asarray(estate.all_nodes["urn"].astype(str).map(key), dtype=np.int64)


def first_column(facilities: Sequence[Facility]) -> Ints:
    """(F,) column of the youngest year group that each school teaches."""
    return np.array([facility.columns[0] for facility in facilities], dtype=np.int64)
