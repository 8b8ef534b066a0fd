"""Who is born, who moves, who goes where: every cohort followed from birth to Y11.

A cohort is a table of homes by destinations. Each year some leave and others come; the rest stay at their school. So
pupils by locality, rolls by school and flows between them are sums of one table, and agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placeplan.county import names

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BASE = 2022  # academic year 2022/23
FIRST = 2011
BIRTHS_FROM = 1996
OUTSIDE_PRIMARY, OUTSIDE_SECONDARY = 9.0, 34.0  # pupils a cohort from each neighbour
INDEPENDENT = {"primary": 0.022, "secondary": 0.045}
HOUSES_A_YEAR, HOUSES_FROM = 330, 2015
BIRTHS_PER_HOUSE, PUPILS_PER_HOUSE = 0.050, 0.022  # a year; a year group, on moving in
PRIMARY_PANS, SENIOR_PANS = (15, 20, 30, 45, 60), (120, 150, 180, 210, 240, 270, 300)
# Births relative to the turn of the century, as in England: a trough in 2002, a peak in 2012, a fall since.
TIDE = ((1996, 0.96), (2002, 0.86), (2007, 0.96), (2012, 1.05), (2016, 1.00), (2019, 0.91), (2022, 0.87))


@dataclass(frozen=True)
class Reach:
    """How strongly each home is drawn to each school; H homes are localities and then the neighbours outside."""

    distance_m: NDArray[np.float64]  # (H, S)
    primary: NDArray[np.float64]  # (H, S)
    secondary: NDArray[np.float64]  # (H, S)
    leaving_county: NDArray[np.float64]  # (L, 2) share taught by each neighbour


@dataclass(frozen=True)
class People:
    """Counts by year: births (L, years from BIRTHS_FROM), pupils (L, 12, T), rolls (S, 12, T), flows (12, H, S+3).

    T academic years from FIRST to BASE; the last three destinations of `flows` (in BASE) are independent schools
    and the two neighbours.
    """

    births: NDArray[np.int64]
    pupils: NDArray[np.int64]
    rolls: NDArray[np.int64]
    flows: NDArray[np.int64]


def reach(
    rng: np.random.Generator, schools: pd.DataFrame, distance_m: NDArray[np.float64], exit_m: NDArray[np.float64]
) -> Reach:
    """Pull of schools on homes from (H, S) road distance; `exit_m` (L, 2) is the way to each neighbour."""
    km = distance_m / 1_000
    phase, faith = schools["phase"].to_numpy(), schools["religious_character"].to_numpy()
    liked = rng.lognormal(0, 0.15, len(schools))
    catholic = faith == "Roman Catholic"
    senior = phase == "secondary"
    village = (schools["urban_rural"] == "Rural village").to_numpy()
    fall = np.where(senior, np.where(catholic, 0.12, 0.28), np.where(catholic, 0.30, np.where(village, 0.75, 0.95)))
    pull = liked * np.where(catholic, 0.22, 1.0) * np.exp(-fall * km)
    leaving = 0.22 * np.exp(-exit_m / 7_000)
    return Reach(distance_m, pull * ~senior, pull * senior, leaving)


def births(rng: np.random.Generator, settlements: pd.DataFrame) -> NDArray[np.int64]:
    """(L, years) births in the twelve months to 30 June of BIRTHS_FROM … BASE."""
    years = np.arange(BIRTHS_FROM, BASE + 1)
    tide = np.interp(years, [year for year, _ in TIDE], [level for _, level in TIDE])
    trend = settlements["trend"].to_numpy()[:, None]
    since = np.maximum(years - 2004, 0)
    change = np.where(trend == "decline", np.exp(-0.08 * since), 1.0)
    change = np.where((settlements["kind"] == "village").to_numpy()[:, None], change * np.exp(-0.006 * since), change)
    mean = settlements["births_a_year"].to_numpy()[:, None] * tide * change
    mean = mean + np.where(trend == "growth", BIRTHS_PER_HOUSE * HOUSES_A_YEAR * _years_of_building(years - 1), 0.0)
    return np.asarray(rng.poisson(mean))


def _years_of_building(year: NDArray[np.int64] | int) -> NDArray[np.int64]:
    return np.asarray(np.maximum(np.asarray(year) - HOUSES_FROM + 1, 0))


def admission_numbers(rng: np.random.Generator, schools: pd.DataFrame, born: NDArray[np.int64], drawn: Reach) -> None:
    """Add pan and capacity: whole classes that held the largest cohorts, a little tight where the town grows."""
    n_localities = len(born)
    growing = schools["planning_area"].isin([f"{names.GROWING_TOWN} East", names.GROWING_TOWN])
    first = 2010 - BIRTHS_FROM
    peak = born[:, first : first + 4].mean(axis=1)
    phase = schools["phase"].to_numpy()
    pans = np.zeros(len(schools), dtype=int)
    for senior, pull, classes in ((False, drawn.primary, PRIMARY_PANS), (True, drawn.secondary, SENIOR_PANS)):
        entry = (phase == "secondary") if senior else np.isin(phase, ("infant", "primary"))
        share = pull[:n_localities] * entry
        expected = peak @ (share / share.sum(axis=1, keepdims=True)) * 0.95
        wanted = expected * np.where(growing, 0.86, 1.12 if senior else 0.96)
        chosen = np.array(classes)[np.minimum(np.searchsorted(classes, wanted), len(classes) - 1)]
        pans[entry] = chosen[entry]
    linked = schools["linked"].to_numpy()
    pans[linked[linked >= 0]] = pans[linked >= 0]
    groups = schools["high_age"] - schools["low_age"]
    schools["pan"] = pans
    spare_room = rng.choice([0, 0, 0, 7, 12], len(schools)) * np.where(phase == "secondary", 4, 1)
    schools["capacity"] = pans * groups + spare_room
    cut = schools.index[(schools["pan"] == 45) & (schools["phase"] == "primary")][:2]
    schools.loc[cut, "capacity"] = 420  # admission number cut from 60, the building as it was
    schools["capacity_year"] = f"{BASE}/{(BASE + 1) % 100}"


def follow_cohorts(
    rng: np.random.Generator, schools: pd.DataFrame, settlements: pd.DataFrame, born: NDArray[np.int64], drawn: Reach
) -> People:
    """Follow every cohort that is in school between FIRST and BASE."""
    n_years, n_schools, n_localities = BASE - FIRST + 1, len(schools), len(born)
    pupils = np.zeros((n_localities, 12, n_years), dtype=np.int64)
    rolls = np.zeros((n_schools, 12, n_years), dtype=np.int64)
    flows = np.zeros((12, len(drawn.distance_m), n_schools + 3), dtype=np.int64)
    for entry in range(FIRST - 11, BASE + 1):
        cohort = _Cohort(rng, schools, settlements, drawn)
        for age in range(min(12, BASE - entry + 1)):
            year = entry + age
            cohort.step(age, year, born[:, entry - 4 - BIRTHS_FROM])
            if year >= FIRST:
                pupils[:, age, year - FIRST] = cohort.at[:n_localities].sum(axis=1)
                rolls[:, age, year - FIRST] = cohort.at[:, :n_schools].sum(axis=0)
        if entry + age == BASE:
            flows[age] = cohort.at
    return People(born, pupils, rolls, flows)


class _Cohort:
    """Children of one year of birth: `at` (H, S + 3) counts them by home and destination."""

    def __init__(
        self, rng: np.random.Generator, schools: pd.DataFrame, settlements: pd.DataFrame, drawn: Reach
    ) -> None:
        self.rng, self.drawn = rng, drawn
        self.n_localities = len(settlements)
        self.growth = (settlements["trend"] == "growth").to_numpy()
        net = {"city": -0.002, "village": 0.005, "hamlet": 0.004}
        self.net = settlements["kind"].map(net).fillna(0.002).to_numpy() - 0.02 * (settlements["trend"] == "decline")
        self.low = schools["low_age"].to_numpy() - 4
        self.high = schools["high_age"].to_numpy() - 4
        self.linked = schools["linked"].to_numpy()
        self.pan = schools["pan"].to_numpy()
        self.at = np.zeros((len(drawn.distance_m), len(schools) + 3), dtype=np.int64)

    def step(self, age: int, year: int, born: NDArray[np.int64]) -> None:
        """Come to the January of `year` at `age` year groups above Reception."""
        houses = np.where(self.growth & (year >= HOUSES_FROM), HOUSES_A_YEAR * PUPILS_PER_HOUSE, 0.0)
        if age == 0:
            stayed = born - self.rng.binomial(born, 0.13)
            self._enter("primary", age, stayed + self.rng.poisson(born * (0.12 + 4 * self.net) + 2.5 * houses))
            return
        leaving = 0.035 if age < 7 else 0.018
        self.at -= self.rng.binomial(self.at, leaving)
        here = self.at[: self.n_localities].sum(axis=1)
        arrivals = self.rng.poisson(here * np.maximum(leaving + self.net, 0) + houses)
        if age == 7:
            self._enter("secondary", age, here + arrivals)
            return
        movers = np.zeros(len(self.at), dtype=np.int64)
        movers[: self.n_localities] = arrivals
        for infant in np.flatnonzero((self.linked >= 0) & (self.high == age)):
            on = self.rng.binomial(self.at[:, infant], 0.95)
            movers += self.at[:, infant] - on
            self.at[:, self.linked[infant]] += on
            self.at[:, infant] = 0
        self._place(age, movers, slack=1 + self.pan // 20)

    def _enter(self, phase: str, age: int, count: NDArray[np.int64]) -> None:
        """Everybody chooses anew: independent schools, the neighbours' schools, then the county's."""
        self.at[:] = 0
        independent = self.rng.binomial(count, INDEPENDENT[phase])
        left = count - independent
        n_schools = len(self.pan)
        self.at[: self.n_localities, n_schools] = independent
        for k in range(2):
            out = self.rng.binomial(left, self.drawn.leaving_county[:, k])
            self.at[: self.n_localities, n_schools + 1 + k] = out
            left = left - out
        coming = self.rng.poisson(OUTSIDE_PRIMARY if phase == "primary" else OUTSIDE_SECONDARY, 2)
        self._place(age, np.r_[left, coming], slack=np.zeros(n_schools, dtype=int))

    def _place(self, age: int, count: NDArray[np.int64], slack: NDArray[np.int64]) -> None:
        """Share `count` pupils a home over the schools with room; where too many ask, the nearest are admitted."""
        pull = (self.drawn.primary if age < 7 else self.drawn.secondary) * ((self.low <= age) & (age < self.high))
        n_schools = len(self.pan)
        waiting = count
        for _ in range(12):
            room = self.pan + slack - self.at[:, :n_schools].sum(axis=0)
            open_pull = pull * (room > 0)
            if not waiting.any() or not open_pull.any():
                break
            asked = self.rng.multinomial(waiting, open_pull / open_pull.sum(axis=1, keepdims=True))
            for school in np.flatnonzero(asked.sum(axis=0) > room):
                nearest = np.argsort(self.drawn.distance_m[:, school], kind="stable")
                before = np.cumsum(asked[nearest, school]) - asked[nearest, school]
                asked[nearest, school] = np.clip(room[school] - before, 0, asked[nearest, school])
            self.at[:, :n_schools] += asked
            waiting = waiting - asked.sum(axis=1)
        self.at[np.arange(len(self.at)), pull.argmax(axis=1)] += waiting
