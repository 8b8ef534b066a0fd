"""Boundaries that changed without a word: one locality's pupils stop or fall and another's jump by as many.

A change of boundaries moves whole cohorts at once. A locality's change in a year is what its year groups differ from
the cohorts below them a year before, leaving out entry and transfer, where numbers jump anyway. Where one locality
loses what another gains, cohort by cohort and far beyond what cohorts usually change, boundaries were redrawn (or a
school moved). Such a match is never acted on as if it were sure: it is told, and counts before it are set aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.years import COMPULSORY, PHASES, academic_year, start_years

FEWEST_PUPILS = 20  # gained or lost at once
SIGNAL = 20.0  # a change is a multiple of what chance does to its cohorts, in squares
DIFFERENCE = 0.02  # of two changes that match, in squares, beyond what chance does
LEAST_NOISE = 0.05  # variance of a cohort's change ÷ its pupils
MEDIAN_OF_SQUARE = 0.4549  # of a standard normal variable
MOST_PARTS, TRIED_PARTS = 3, 12  # localities that one was made from, of the largest candidates
WITHIN_PHASE = np.array([g for groups in PHASES.values() for g in map(COMPULSORY.index, groups[1:])])
Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Redrawing:
    """Localities that lost pupils to others in the year that starts in `start`.

    Attributes
    ----------
    lost, gained : pupils, cohorts moved up from the year before, entry and transfer left out.
    share : of the pupils of `from_` that went.
    gone : whether all of `from_` have no pupils from that year on.

    """

    from_: tuple[str, ...]
    to: tuple[str, ...]
    start: int
    lost: float
    gained: float
    share: float
    gone: bool

    def __str__(self) -> str:
        year, before = academic_year(self.start), academic_year(self.start - 1)
        old, new = " and ".join(self.from_), " and ".join(self.to)
        kept = f"{old} {'have' if len(self.from_) > 1 else 'has'} no pupils" if self.gone else ""
        aside = f"counts of {new}{'' if self.gone else f' and {old}'} before {year} teach nothing"
        rows = "; ".join(
            f"{a},{b},{year},{'its share' if len(self.to) > 1 else f'{self.share:.2g}'}"
            for a in self.from_
            for b in self.to
        )
        return (
            f"pupils: from {before} to {year} {old} lost {self.lost:,.0f} pupils of cohorts on roll and {new} gained "
            f"{self.gained:,.0f}, cohort by cohort: merged, redrawn or recoded? Until locality_changes says so, {aside}"
            f"{f' and {kept}' if kept else ''}. If so, write there (from_locality,to_locality,academic_year,share): "
            f"{rows}."
        )


def undeclared(pupils: pd.DataFrame) -> list[Redrawing]:
    """Changes of boundaries that the counts tell of, by year, from the table `pupils` of a study."""
    codes, first, counts = _counts(pupils)
    given: Flags = np.any(~np.isnan(counts), axis=2)
    people: Array = np.nan_to_num(counts).sum(axis=2)
    ever_before = np.cumsum(people, axis=1) > 0
    ever_after = np.cumsum(people[:, ::-1], axis=1)[:, ::-1] > 0
    before, now = counts[:, :-1, WITHIN_PHASE - 1], counts[:, 1:, WITHIN_PHASE]
    noise = _usual_noise(before, now)
    some: Flags = np.any(given, axis=0)
    in_both = some[:-1] & some[1:]
    found = []
    for t in np.flatnonzero(in_both):
        stops, starts = ever_before[:, t] & ~ever_after[:, t + 1], ever_after[:, t + 1] & ~ever_before[:, t]
        seen: Flags = (given[:, t] & given[:, t + 1]) | stops | starts
        was = np.where(stops[:, None] | given[:, [t]], before[:, t], 0.0)
        is_ = np.where(starts[:, None] | given[:, [t + 1]], now[:, t], 0.0)
        change = np.where(seen[:, None], np.nan_to_num(np.where(stops[:, None], 0.0, is_) - was), 0.0)
        chance = noise * np.nan_to_num(np.maximum(was, is_)).sum(axis=1)
        lasting = ~_turned_back(change, before, now, int(t) + 1)
        large = (np.abs(change.sum(axis=1)) >= FEWEST_PUPILS) & ((change**2).sum(axis=1) >= SIGNAL * chance) & lasting
        for old, new in _matches(change, chance, large, stops | starts):
            lost, had = float(-change[old].sum()), float(np.nan_to_num(was[old]).sum())
            found.append(
                Redrawing(
                    from_=tuple(str(codes[c]) for c in old),
                    to=tuple(str(codes[c]) for c in new),
                    start=first + int(t) + 1,
                    lost=lost,
                    gained=float(change[new].sum()),
                    share=min(lost / had, 1.0) if had else 1.0,
                    gone=bool(stops[old].all()),
                )
            )
    return found


def _counts(pupils: pd.DataFrame) -> tuple[NDArray[np.object_], int, Array]:
    """Codes, first year, and pupils (codes, years, R … Y11): NaN where not known, 0 where a year has other rows."""
    pupils = pupils[pupils["year_group"].isin(COMPULSORY)]
    start = start_years(pupils["academic_year"]).to_numpy(dtype=np.int64)
    row, codes = pd.factorize(pupils["locality"])
    first, last = (int(start.min()), int(start.max())) if len(start) else (0, 0)
    counts = np.zeros((len(codes), last - first + 1, len(COMPULSORY)))
    given = np.zeros(counts.shape[:2], dtype=bool)
    given[row, start - first] = True
    group = pd.Index(COMPULSORY).get_indexer(pupils["year_group"])
    counts[row, start - first, group] = pupils["pupils"].to_numpy(dtype=float)
    return np.asarray(codes, dtype=object), first, np.where(given[:, :, None], counts, np.nan)


def _usual_noise(before: Array, now: Array) -> float:
    """Variance of a cohort's change ÷ its pupils, from the median: a few jumps do not count."""
    known: Flags = ~np.isnan(now - before) & (before >= 1)
    if not known.any():
        return LEAST_NOISE
    square = (now[known] - before[known]) ** 2 / before[known]
    return max(float(np.median(square)) / MEDIAN_OF_SQUARE, LEAST_NOISE)


def _turned_back(change: Array, before: Array, now: Array, t: int) -> Flags:
    """Changes that the next year takes back: a miscount, not a boundary."""
    if t >= before.shape[1]:
        return np.zeros(len(change), dtype=bool)
    total, after = change.sum(axis=1), np.nan_to_num(now[:, t] - before[:, t]).sum(axis=1)
    back: Flags = (np.sign(after) != np.sign(total)) & (np.abs(after) > 0.5 * np.abs(total))
    return back


def _matches(change: Array, chance: Array, large: Flags, codes_end: Flags) -> Iterator[tuple[list[int], list[int]]]:
    """Localities that lost and those that gained as much: pairs first, then one side made of several."""
    lost = np.flatnonzero(large & (change.sum(axis=1) < 0))
    gained = np.flatnonzero(large & (change.sum(axis=1) > 0))
    if not len(lost) or not len(gained):
        return
    out = ((change[gained][:, None] + change[lost][None]) ** 2).sum(axis=2)
    fits = out <= _allowed(change[lost], chance[lost], chance[gained][:, None])
    only = fits & (fits.sum(axis=0) == 1) & (fits.sum(axis=1, keepdims=True) == 1)
    for new, old in zip(*np.nonzero(only), strict=True):
        yield [int(lost[old])], [int(gained[new])]
    lost, gained = lost[~only.any(axis=0)], gained[~only.any(axis=1)]
    for whole, parts, swapped in ((gained, lost, False), (lost, gained, True)):
        free = [int(part) for part in parts]
        for one in whole:
            some = _made_of(int(one), free, change, chance, codes_end)
            if some:
                free = [part for part in free if part not in some]
                yield ([int(one)], some) if swapped else (some, [int(one)])


def _made_of(whole: int, parts: list[int], change: Array, chance: Array, codes_end: Flags) -> list[int]:
    """Several localities whose changes undo that of one; empty where none do. One side's codes begin or end."""
    size = np.abs(change.sum(axis=1))
    near = sorted((part for part in parts if size[part] <= 1.1 * size[whole]), key=lambda part: -size[part])
    for count in range(2, MOST_PARTS + 1):
        for some in combinations(near[:TRIED_PARTS], count):
            if not (codes_end[whole] or codes_end[list(some)].all()):
                continue
            out = ((change[whole] + change[list(some)].sum(axis=0)) ** 2).sum()
            if out <= _allowed(change[[whole]], chance[[whole]], chance[list(some)].sum())[0]:
                return list(some)
    return []


def _allowed(change: Array, chance: Array, others: Array | float) -> Array:
    allowed: Array = DIFFERENCE * (change**2).sum(axis=1) + 2 * (chance + others)
    return allowed


def set_aside(tables: Mapping[str, pd.DataFrame], found: list[Redrawing]) -> dict[str, pd.DataFrame]:
    """Tables without the counts that stand on other boundaries than today's, as far as `found` tells."""
    done = dict(tables)
    for one in found:
        concerned = {*one.to, *(() if one.gone else one.from_)}
        for name in ("pupils", "births"):
            table = done[name]
            if "year_ending" in table:
                before = table["year_ending"] < pd.Timestamp(one.start, 9, 1)
            else:
                before = start_years(table["academic_year"]) < one.start
            former = table["locality"].isin(one.from_) & one.gone
            done[name] = table[~(former | (before & table["locality"].isin(concerned)))].reset_index(drop=True)
    return done
