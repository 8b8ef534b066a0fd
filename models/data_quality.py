"""Data quality in a handful of sentences: what is not known, what looks odd, and on how little ratios rest.

A ratio looks odd where it lies outside the policy's bounds by more than its own sampling noise: three standard errors
of a Poisson count. The bare ratio would name every village.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geodata.policy import Policy
from geodata.years import PHASES, academic_year, phase_of
from models.cohorts import BirthSeries, BoolArray, FloatArray, PupilCube
from models.links import Links

NAMED = 3  # worst examples a sentence names
ERRORS = 3.0  # standard errors that chance is allowed
LEAST_BREAK = 0.1  # share of a locality's pupils below which a change is no break
MEDIAN_OF_SIZE = 0.6745  # of a standard normal variable


def quality_notes(
    cube: PupilCube, births: BirthSeries, links: Links, policy: Policy, places: Mapping[str, Sequence[str]]
) -> list[str]:
    """Sentences for the notes; `places` names what each of the L localities belongs to, by kind, and the locality."""
    names = places["locality"]
    notes = [*_unknown(cube, names), *_births_known(cube, births, names)]
    for kind, members in places.items():
        # Who enters and transfers in one locality depends on where schools stand: areas are judged by it, if given.
        everything = members is not names or len(places) == 1
        notes += _odd_ratios(cube, links, policy, kind, members, everything)
    return [*notes, *_breaks(cube, policy, names), *_few(cube, links, policy)]


def _unknown(cube: PupilCube, names: Sequence[str]) -> list[str]:
    """Cells that are not known although their locality and their year group are in the same year (suppressed)."""
    known: BoolArray = ~np.isnan(cube.pupils)
    lost = ~known & np.any(known, axis=2, keepdims=True) & np.any(known, axis=0, keepdims=True)
    notes = []
    if lost.any():
        by_place = lost.sum(axis=(1, 2))
        notes.append(
            f"{int(lost.sum()):,} of {int((lost | known).sum()):,} counts of pupils are suppressed or blank, in "
            f"{int((by_place > 0).sum()):,} localities; they teach nothing: {_worst(names, by_place, '{:,.0f}')}."
        )
    first = [cube.starts[np.any(known[:, :, g], axis=0)] for g in range(len(cube.year_groups))]
    late = [(group, int(years[0])) for group, years in zip(cube.year_groups, first, strict=True)
            if len(years) and years[0] > cube.starts[0]]  # fmt: skip
    if late:
        said = ", ".join(f"{group} from {academic_year(start)}" for group, start in late)
        notes.append(f"Year groups that are not counted in the first years are learnt from later ones: {said}.")
    there: BoolArray = np.any(known, axis=2)
    years_lost = (~there & np.any(there, axis=0) & np.any(there, axis=1, keepdims=True)).sum(axis=1)
    if years_lost.any():
        notes.append(
            f"{int((years_lost > 0).sum()):,} localities lack whole years of pupils that others have: "
            f"{_worst(names, years_lost, '{:.0f}')}."
        )
    return notes


def _births_known(cube: PupilCube, births: BirthSeries, names: Sequence[str]) -> list[str]:
    known: BoolArray = ~np.isnan(births.births)
    if not known.any():
        return []
    newest = int(births.last_month[np.flatnonzero(known.any(axis=0))[-1]])
    year, month = divmod(newest - 1, 12)
    born_until = year if month + 1 >= 8 else year - 1  # the August by which a whole cohort is counted
    last = academic_year(born_until + cube.entry_age)
    notes = [f"Births are known to {year}-{month + 1:02d}: whole cohorts that enter {cube.year_groups[0]} by {last}."]
    lost = (~known & known.any(axis=0) & known.any(axis=1, keepdims=True)).sum(axis=1)
    if lost.any():
        notes.append(
            f"{int(lost.sum()):,} counts of births are suppressed, blank or missing, in {int((lost > 0).sum()):,} "
            f"localities: {_worst(names, lost, '{:,.0f}')}."
        )
    return notes


def _odd_ratios(
    cube: PupilCube, links: Links, policy: Policy, kind: str, members: Sequence[str], everything: bool
) -> list[str]:
    """Ratios of the last years of one kind of place that neither the bounds nor chance allow.

    `everything`: those of entry and transfer too, not only those within a phase.
    """
    codes, at = np.unique(np.asarray(members, dtype=str), return_inverse=True)
    years = len(policy.numbers("ratio_weights"))
    shape = (len(codes), links.to.shape[2])
    from_, to = np.zeros(shape), np.zeros(shape)
    np.add.at(from_, at, np.nansum(links.from_[:, -years:], axis=1))
    np.add.at(to, at, np.nansum(links.to[:, -years:], axis=1))
    stated = [_bounds(cube.year_groups, g, policy, everything) for g in range(shape[1])]
    judged = np.array([bounds is not None for bounds in stated])
    low, high = np.array([bounds or (1.0, 1.0) for bounds in stated]).T
    # A ratio that nobody follows is no ratio: there is no such school in the place.
    real = (from_ > 0) & (to > 0) & judged
    allowed = ERRORS * np.sqrt(from_ * np.where(to < from_ * low, low, high))
    odd = np.where(real, np.maximum(from_ * low - to, to - from_ * high) / np.maximum(allowed, 1.0), 0.0)
    place, link = np.nonzero(odd > 1)
    if not len(place):
        return []
    worst = np.argsort(-odd[place, link], kind="stable")[:NAMED]
    said = [
        f"{codes[place[n]] or 'without one'} {_link(cube.year_groups, int(link[n]))} "
        f"{to[place[n], link[n]] / from_[place[n], link[n]]:.2f} on {from_[place[n], link[n]]:,.0f}"
        for n in worst
    ]
    more = f" and {len(place) - NAMED:,} more" if len(place) > NAMED else ""
    return [
        f"{len(place):,} of {int(real.sum()):,} ratios by {kind} lie outside what is usual by more than chance: check "
        f"the counts of {'; '.join(said)}{more}."
    ]


def _bounds(groups: Sequence[str], place: int, policy: Policy, everything: bool) -> tuple[float, float] | None:
    """Lowest and highest usual ratio of the link into a year group; None where it is not judged."""
    if _within_phase(groups, place):
        low, high = policy.numbers("ratio_bounds_within_phase")
    elif everything and place == 0:
        low, high = policy.numbers("ratio_bounds_entry")
    elif everything and groups[place] == PHASES["secondary"][0]:
        low, high = policy.numbers("ratio_bounds_transfer")
    else:
        return None
    return low, high


def _within_phase(groups: Sequence[str], place: int) -> bool:
    return place > 0 and phase_of(groups[place]) is not None and phase_of(groups[place]) == phase_of(groups[place - 1])


def _link(groups: Sequence[str], place: int) -> str:
    return f"{groups[place - 1] if place else 'births'}→{groups[place]}"


def _breaks(cube: PupilCube, policy: Policy, names: Sequence[str]) -> list[str]:
    """Totals that move by far more than they usually do, and than chance: an estate, a school, a miscount."""
    total: FloatArray = cube.pupils.sum(axis=2)  # NaN where a year group is not known
    change = np.diff(total, axis=1)
    known: BoolArray = ~np.isnan(change)
    if not known.any():
        return []
    size = np.sort(np.where(known, np.abs(change), np.inf), axis=1)
    count = known.sum(axis=1)
    usual = np.take_along_axis(size, np.maximum((count - 1) // 2, 0)[:, None], axis=1)[:, 0] / MEDIAN_OF_SIZE
    usual = np.where(np.isfinite(usual), usual, 0.0)[:, None]
    chance = np.sqrt(2 * np.nan_to_num(total[:, :-1]) / max(total.shape[1], 1) + 1)
    before = np.maximum(np.nan_to_num(total[:, :-1]), 1.0)
    limit = np.maximum(policy.number("series_break") * np.maximum(usual, chance), LEAST_BREAK * before)
    far = np.where(known, np.abs(np.nan_to_num(change)) / limit, 0.0)
    place, year = np.nonzero(far > 1)
    if not len(place):
        return []
    worst = np.argsort(-far[place, year], kind="stable")[:NAMED]
    said = [
        f"{names[place[n]]} {academic_year(int(cube.starts[year[n] + 1]))}: {total[place[n], year[n]]:,.0f} → "
        f"{total[place[n], year[n] + 1]:,.0f}"
        for n in worst
    ]
    more = f" and {len(place) - NAMED:,} more" if len(place) > NAMED else ""
    return [
        f"{len(place):,} breaks in the totals of localities, far beyond their usual change: {'; '.join(said)}{more}."
    ]


def _few(cube: PupilCube, links: Links, policy: Policy) -> list[str]:
    """Share of localities' ratios that rest on few pupils over the years weighed."""
    years = len(policy.numbers("ratio_weights"))
    pupils = np.nansum(links.from_[:, -years:], axis=1)
    some = pupils > 0
    if not some.any():
        return []
    fewest = policy.number("ratio_few_pupils")
    few = some & (pupils < fewest)
    if not few.any():
        return []
    return [
        f"{few.sum() / some.sum():.0%} of the {int(some.sum()):,} ratios of localities rest on fewer than {fewest:g} "
        "pupils: they follow the wider area's."
    ]


def _worst(names: Sequence[str], by_place: FloatArray | np.ndarray, how: str) -> str:
    """The places with most, each with its figure."""
    order = np.argsort(-np.asarray(by_place), kind="stable")[: NAMED + 1]
    held = [n for n in order if by_place[n] > 0]
    said = ", ".join(f"{names[n]} {how.format(by_place[n])}" for n in held[:NAMED])
    return said + (f" and {int((np.asarray(by_place) > 0).sum()) - NAMED:,} more" if len(held) > NAMED else "")
