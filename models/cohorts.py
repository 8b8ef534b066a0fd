"""Cohorts: pupils and births as arrays by locality, with births put on academic-year cohorts.

Pupils become a cube (locality, academic year, year group) that is NaN where nothing is known. Births are counted
over twelve months that end on a date; the cohort whose age is `a` on 31 August before academic year `t` was born
from September of t − a − 1 to August of t − a. Its births are the published figures weighted by the months they
share with it: with years to 30 June, R of t takes 10/12 of the year to June t − 4 and 2/12 of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.years import COMPULSORY, PHASES, YEAR_GROUPS, academic_year, age_of, start_year

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LAST_YEAR_GROUP = "Y13"
CHANGES = ("R", "Y7", "Y12")  # year groups in which many come or go: a count below is none of theirs
MONTHS_NEEDED = 6  # a cohort's births count as known when at least half of its months are


@dataclass(frozen=True, eq=False)
class PupilCube:
    """Pupils by locality, academic year and year group.

    Attributes
    ----------
    pupils : (L, T, G), NaN where not known.
    first_year : calendar year in which the first academic year starts; the T years are consecutive.
    year_groups : the G year groups of one unbroken chain, youngest first.
    notes : what was left out or read in a stated way.
    groups : (L,) codes of what localities belong to, for their ratios to be shrunk towards: "authority", and the
        planning areas by phase.

    """

    pupils: FloatArray
    localities: tuple[str, ...]
    first_year: int
    year_groups: tuple[str, ...]
    notes: tuple[str, ...] = ()
    groups: Mapping[str, IntArray] = field(default_factory=dict)

    @property
    def starts(self) -> IntArray:
        """(T,) calendar years in which the academic years start."""
        return self.first_year + np.arange(self.pupils.shape[1])

    @property
    def entry_age(self) -> int:
        """Age at 31 August of the youngest year group: 4 where the chain starts with R."""
        return age_of(self.year_groups[0])

    def until(self, start: int) -> PupilCube:
        """What was known when the academic year that starts in `start` was the latest."""
        return replace(self, pupils=self.pupils[:, : start - self.first_year + 1])

    def filled_latest(self) -> tuple[FloatArray, int]:
        """Pupils of the latest year (L, G), and the localities that were counted in earlier years only.

        A year group that was not counted takes the cohort's own latest count within the phase, moved up unchanged;
        failing that, the latest count of the year group. A locality that was never counted has no pupils.
        """
        latest = self.pupils[:, -1].copy()
        known: BoolArray = ~np.isnan(self.pupils)
        earlier_only: BoolArray = ~np.any(known[:, -1], axis=1) & np.any(known, axis=(1, 2))
        years, groups = self.pupils.shape[1:]
        phase = np.searchsorted([age_of(group) for group in CHANGES], [age_of(g) for g in self.year_groups], "right")
        for ago in range(1, years):
            if not np.isnan(latest).any():
                break
            moved = np.full_like(latest, np.nan)
            moved[:, ago:] = self.pupils[:, -1 - ago, : max(groups - ago, 0)]
            moved[:, phase != np.roll(phase, ago)] = np.nan
            latest = np.where(np.isnan(latest), moved, latest)
        for ago in range(1, years if np.isnan(latest).any() else 1):
            latest = np.where(np.isnan(latest), self.pupils[:, -1 - ago], latest)
        return np.nan_to_num(latest), int(earlier_only.sum())


def pupil_cube(pupils: pd.DataFrame, localities: Sequence[str], base_year: str) -> PupilCube:
    """Cube of the `pupils` table (academic_year, locality, year_group, pupils) up to `base_year`.

    A locality without any row in a year is not known there; in a year in which it has rows, a year group without
    one has no pupils. A row without a number (suppressed) makes its cell not known. ValueError if nobody was counted
    in the base year, or nobody from R to Y11.
    """
    base = start_year(base_year)
    year, names = pd.factorize(pupils["academic_year"])
    start = np.array([start_year(name) for name in names], dtype=np.int64)[year]
    row = _positions(pupils["locality"], localities)
    notes = []
    if (strangers := int((row < 0).sum())) > 0:
        notes.append(f"{strangers} rows of pupils name a locality that is not in the list; they are left out.")
    kept = (row >= 0) & (start <= base)
    if not (kept & (start == base)).any():
        raise ValueError(f"no pupils are given for the base year {base_year}")
    named, groups = pd.factorize(pupils["year_group"])
    chain = _longest_chain(groups[np.unique(named[kept])])
    if not set(chain) & set(COMPULSORY):
        raise ValueError("no year group from R to Y11 has pupils: there is nothing to forecast")
    group = pd.Index(chain).get_indexer(groups)[named]
    if (outside := sorted(set(groups[np.unique(named[kept & (group < 0)])]))) != []:
        notes.append(f"Year groups outside the chain {chain[0]}–{chain[-1]} are left out: {', '.join(outside)}.")
    kept &= group >= 0
    first = int(start[kept].min())
    shape = (len(localities), base - first + 1, len(chain))
    cell = np.ravel_multi_index((row[kept], start[kept] - first, group[kept]), shape)
    size = int(np.prod(shape))
    cube = np.bincount(cell, pupils["pupils"].to_numpy(dtype=float)[kept], minlength=size).reshape(shape)
    counted = np.zeros(size, dtype=bool)
    counted[cell] = True
    counted = counted.reshape(shape)
    known = counted.any(axis=2, keepdims=True) & counted.any(axis=0, keepdims=True)
    if missing := year_labels(first + np.flatnonzero(~np.any(counted, axis=(0, 2)))):
        notes.append(f"No pupils are given for {', '.join(missing)}: ratios into and out of such a year teach nothing.")
    if "estimated" in pupils and pupils["estimated"].to_numpy()[kept].astype(bool).any():
        notes.append("Some pupils are apportioned, not counted: ratios and spread are those of apportioned figures.")
    return PupilCube(np.where(known, cube, np.nan), tuple(localities), first, chain, tuple(notes))


def _positions(codes: pd.Series, localities: Sequence[str]) -> IntArray:
    """Position of each code in `localities`; −1 where it is not there. Each code is looked up once."""
    at, names = pd.factorize(codes)
    found: IntArray = np.append(pd.Index(localities).get_indexer(names), -1)[at]
    return found


def locality_groups(localities: pd.DataFrame) -> dict[str, IntArray]:
    """Codes (L,) of the authority and the planning areas that localities belong to, where the table says."""
    columns = {"authority": "authority"} | {phase: f"planning_area_{phase}" for phase in PHASES}
    return {
        key: np.unique(localities[column].fillna("").astype(str), return_inverse=True)[1]
        for key, column in columns.items()
        if column in localities
    }


def _longest_chain(year_groups: NDArray[np.object_]) -> tuple[str, ...]:
    """Longest run of year groups, up to Y13, that pupils can move up through without a gap."""
    present = set(year_groups)
    runs: list[list[str]] = [[]]
    for group in YEAR_GROUPS[: YEAR_GROUPS.index(LAST_YEAR_GROUP) + 1]:
        if group in present:
            runs[-1].append(group)
        elif runs[-1]:
            runs.append([])
    return max((tuple(run) for run in runs), key=len)


@dataclass(frozen=True, eq=False)
class BirthSeries:
    """Births of twelve months.

    Attributes
    ----------
    births : (L, P), NaN where not known.
    last_month : (P,) last month of each figure, as 12 × year + month, ascending.
    strangers : rows of localities that are not in the list.

    """

    births: FloatArray
    last_month: IntArray
    strangers: int = 0

    def known_by(self, month: int) -> BirthSeries:
        """Only the figures whose twelve months ended by then (12 × year + month)."""
        seen = self.last_month <= month
        return BirthSeries(self.births[:, seen], self.last_month[seen], self.strangers)

    def recent_mean(self, years: int) -> FloatArray:
        """(L,) mean of each locality's latest `years` known figures; NaN where it has none."""
        known = ~np.isnan(self.births)
        from_the_end = np.cumsum(known[:, ::-1], axis=1)[:, ::-1]
        recent = known & (from_the_end <= years)
        count = recent.sum(axis=1)
        total = np.where(recent, self.births, 0.0).sum(axis=1)
        mean: FloatArray = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        return mean

    def projection_error(self, years: int, ahead: int) -> float:
        """Root mean square error (share) of all births `ahead` years on, taken as the mean of the latest `years`.

        From every past year of the figures that all localities with any have; NaN where there are too few.
        """
        known: BoolArray = np.any(~np.isnan(self.births), axis=1)
        total = self.births[known].sum(axis=0)
        total = total[~np.isnan(total)]
        origins = np.arange(years - 1, len(total) - ahead)
        if len(origins) == 0 or not (total > 0).all():
            return float("nan")
        mean = np.array([total[origin - years + 1 : origin + 1].mean() for origin in origins])
        return float(np.sqrt(((mean / total[origins + ahead] - 1) ** 2).mean()))


def birth_series(births: pd.DataFrame, localities: Sequence[str]) -> BirthSeries:
    """Series of the `births` table (locality, year_ending, births); a row without a number is not known."""
    ending = pd.to_datetime(births["year_ending"])
    month = (12 * ending.dt.year + ending.dt.month).to_numpy(dtype=np.int64)
    row = _positions(births["locality"], localities)
    kept = row >= 0
    last_month, column = np.unique(month[kept], return_inverse=True)
    shape = (len(localities), len(last_month))
    total, counted = np.zeros(shape), np.zeros(shape, dtype=bool)
    np.add.at(total, (row[kept], column), births["births"].to_numpy(dtype=float)[kept])
    counted[row[kept], column] = True
    return BirthSeries(np.where(counted, total, np.nan), last_month, int((~kept).sum()))


def cohort_births(series: BirthSeries, starts: IntArray, age: int) -> tuple[FloatArray, FloatArray]:
    """Births (L, N) of the cohorts aged `age` at 31 August before the academic years that start in `starts` (N,).

    The second array (L, N) is the share of each cohort's months that published figures cover. A cohort covered in
    part is scaled up from that part; below half of its months it is NaN: not known.
    """
    first = 12 * (starts - age - 1) + 9  # September
    last_of_both = np.minimum(series.last_month[:, None], first + 11)
    first_of_both = np.maximum(series.last_month[:, None] - 11, first)
    share = np.maximum(last_of_both - first_of_both + 1, 0) / 12  # (P, N)
    known = ~np.isnan(series.births)
    covered = known @ share
    counted = np.nan_to_num(series.births) @ share
    enough = covered >= MONTHS_NEEDED / 12
    return np.divide(counted, covered, out=np.full(covered.shape, np.nan), where=enough), np.minimum(covered, 1.0)


def cube_frame(axes: Mapping[str, Sequence[object]], **values: FloatArray) -> pd.DataFrame:
    """Long table of arrays that share the axes, the last axis running fastest."""
    sizes = [len(labels) for labels in axes.values()]
    codes = np.indices(sizes).reshape(len(sizes), -1)
    columns = {
        name: pd.Series(list(labels)).take(code).reset_index(drop=True)
        for (name, labels), code in zip(axes.items(), codes, strict=True)
    }
    return pd.DataFrame({**columns, **{name: np.broadcast_to(v, sizes).ravel() for name, v in values.items()}})


def year_labels(starts: Sequence[int] | IntArray) -> list[str]:
    """Academic years from the calendar years in which they start."""
    return [academic_year(int(start)) for start in starts]
