"""Coherence: localities, planning areas and the authority, each forecast on its own counts, brought to one answer.

Every level is run through the same chain (models.progression). What they say differs; least squares (models.reconcile)
moves each by how far it has been out: an error variance by size, fitted to forecasts of that level from past years,
and scaled so that the level's sum over everything varies as that sum has been out – errors that localities share do
not average out. Until two past years have been tested, and wherever the authority's errors are not known, its own
forecast stands and localities share it in proportion.

Past forecasts are made coherent in the same way, with the errors known at their own origin only.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from geodata.policy import Policy
from geodata.years import PHASES, age_of
from models.cohorts import (
    BirthSeries,
    BoolArray,
    FloatArray,
    IntArray,
    PupilCube,
)
from models.groups import grouped, membership
from models.links import Links
from models.progression import History, Projection, known_links, project, roll_forward
from models.ratios import learn_ratios
from models.reconcile import Level, reconcile
from models.uncertainty import (
    ORIGINS_NEEDED,
    Origin,
    PastForecasts,
    Spread,
    collected,
    fit_spread,
    past_origins,
)

THREADS = 2  # past origins at work at once: each needs memory of its own
WEIGHED_LOCALITIES = 1000  # error variances of localities are fitted to at most so many


@dataclass(frozen=True, eq=False)
class Partition:
    """Planning areas of one phase that divide the localities: `members` (A, L) and their year groups."""

    at: IntArray
    members: csr_matrix
    groups: slice


def partitions(cube: PupilCube) -> tuple[Partition, ...]:
    """The planning areas of each phase that are more than one and fewer than the localities."""
    younger = sum(age_of(group) < age_of("Y7") for group in cube.year_groups)
    size = len(cube.localities)
    found = []
    for phase, groups in zip(PHASES, (slice(0, younger), slice(younger, len(cube.year_groups))), strict=True):
        if phase not in cube.groups or groups.start == groups.stop:
            continue
        names, at = np.unique(cube.groups[phase], return_inverse=True)
        if 1 < len(names) < size:
            found.append(Partition(at, membership(at, len(names)), groups))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Levels:
    """Forecasts of each level on its own counts: (L, H, G), (A, H, year groups of the phase) each, and (H, G)."""

    locality: FloatArray
    areas: tuple[FloatArray, ...]
    authority: FloatArray


@dataclass(frozen=True, eq=False)
class Chains:
    """The chains of every level of a study, from any of its years."""

    policy: Policy
    history: History
    partitions: tuple[Partition, ...]

    @staticmethod
    def of(cube: PupilCube, births: BirthSeries, policy: Policy) -> Chains:
        """Learn what all origins share."""
        history, parts = History.of(cube, births, policy), partitions(cube)
        return Chains(policy, history, parts)

    def run(self, cube: PupilCube, births: BirthSeries, years: int) -> tuple[Projection, Levels]:
        """Forecast `years` after the last of `cube`, by level."""
        own = project(cube, births, self.policy, years, self.history)
        links = known_links(self.history, cube, births) if self.partitions else None
        areas = [
            self._areas(part, links.of_groups(part.members), cube, own, years) for part in self.partitions if links
        ]
        return own, Levels(own.pupils, tuple(areas), own.authority)

    def _areas(self, part: Partition, links: Links, cube: PupilCube, own: Projection, years: int) -> FloatArray:
        """Pupils (A, H, year groups of the phase) by the areas' own ratios.

        Where births of a locality are not known, the area's entrants are those of its localities.
        """
        known = cube.pupils.shape[1]
        ratios = learn_ratios(links, self.history.errors.choose(known, self.policy), self.policy, years)
        base, _ = cube.filled_latest()
        entrants = (
            ratios.common[:, 0] * (part.members @ own.births) * ratios.departure[:, [0]] + ratios.arrivals[:, [0]]
        )
        entrants = np.where(np.isnan(entrants), part.members @ own.pupils[:, :, 0], entrants)
        chain = ratios.common[:, 1:], ratios.departure[:, 1:], ratios.arrivals[:, 1:]
        return roll_forward(part.members @ base, entrants, *chain)[..., part.groups]


@dataclass(frozen=True, eq=False)
class PastLevel:
    """Past forecasts of one level before they were made coherent: of some of its cells, and of their sum."""

    each: PastForecasts
    whole: PastForecasts

    @staticmethod
    def of(past: PastForecasts) -> PastLevel:
        """Sum, and an even sample."""
        every = max(-(-past.forecast.shape[1] // WEIGHED_LOCALITIES), 1)
        some = replace(past, forecast=past.forecast[:, ::every], actual=past.actual[:, ::every])
        return PastLevel(some, past.of_authority())


@dataclass(frozen=True, eq=False)
class PastLevels:
    """Past forecasts of each level before they were made coherent."""

    locality: PastLevel
    areas: tuple[PastLevel, ...]
    authority: PastForecasts


@dataclass(frozen=True, eq=False)
class Sureness:
    """Error variance of one level by size: of its cells, and of their sum over everything."""

    each: Spread
    whole: Spread

    @staticmethod
    def of(past: PastLevel, policy: Policy, known_by: int | None) -> Sureness:
        """Fitted to the errors known by then."""
        return Sureness(fit_spread(past.each, policy, known_by), fit_spread(past.whole, policy, known_by))

    def variance(self, mean: FloatArray) -> FloatArray:
        """Variances of means (K, H, G), up to one factor that all levels share; 0 where there is nobody."""
        each = np.where(mean > 0, _square(self.each, mean), 0.0)
        wanted, made = _square(self.whole, mean.sum(axis=0)), each.sum(axis=0)
        scaled: FloatArray = each * np.divide(wanted, made, out=np.zeros_like(made), where=made > 0)
        return scaled


def _square(spread: Spread, mean: FloatArray) -> FloatArray:
    h = mean.shape[-2]
    square: FloatArray = spread.square[:h] * mean**2 + spread.line[:h] * np.maximum(mean, 1.0)
    return square


@dataclass(frozen=True, eq=False)
class Weights:
    """How sure each level has been."""

    locality: Sureness
    areas: tuple[Sureness, ...]
    authority: Spread

    @staticmethod
    def of(past: PastLevels, policy: Policy, known_by: int | None = None) -> Weights | None:
        """Fitted to the errors known by then; None before two origins have any."""
        tested = past.authority.origins < (np.inf if known_by is None else known_by)
        some = np.isfinite(past.authority.forecast).any(axis=(1, 2, 3))
        if (tested & some).sum() < ORIGINS_NEEDED:
            return None
        areas = tuple(Sureness.of(part, policy, known_by) for part in past.areas)
        locality = Sureness.of(past.locality, policy, known_by)
        return Weights(locality, areas, fit_spread(past.authority, policy, known_by))

    def of_authority(self, levels: Levels) -> tuple[FloatArray, FloatArray]:
        """Variance (H, G) of the authority's own forecast, and the part it has beside the sum of the localities."""
        years = len(levels.authority)
        own = np.where(self.authority.fitted[:years], _square(self.authority, levels.authority), 0.0)
        below = self.locality.variance(levels.locality).sum(axis=0)
        return own, np.divide(below, own + below, out=np.ones_like(own), where=own > 0)


def made_coherent(levels: Levels, parts: Sequence[Partition], weights: Weights | None) -> FloatArray:
    """Localities (L, H, G) that agree with areas and authority; see the module."""
    if weights is None:
        total = levels.locality.sum(axis=0)
        pupils: FloatArray = levels.locality * np.divide(
            levels.authority, total, out=np.ones_like(total), where=total > 0
        )
        return pupils
    made = np.empty_like(levels.locality)
    of_cells, (of_authority, _) = weights.locality.variance(levels.locality), weights.of_authority(levels)
    for groups, place in _blocks(parts, made.shape[2]):
        locality = Level(levels.locality[..., groups], of_cells[..., groups])
        authority = Level(levels.authority[:, groups], of_authority[:, groups])
        if place is None:
            at = np.zeros(len(made), dtype=np.int64)
            none = np.zeros((1, *authority.mean.shape))
            area = Level(none, np.full(none.shape, np.inf))
        else:
            at = parts[place].at
            mean = levels.areas[place]
            area = Level(mean, np.where(mean > 0, weights.areas[place].variance(mean), np.inf))
        made[..., groups] = reconcile(locality, area, authority, at).locality
    return made


def _blocks(parts: Sequence[Partition], n_groups: int) -> list[tuple[slice, int | None]]:
    """Year groups of each partition, and the runs of those that have none."""
    blocks: list[tuple[slice, int | None]] = []
    done = 0
    for place, part in enumerate(parts):
        if part.groups.start > done:
            blocks.append((slice(done, part.groups.start), None))
        blocks.append((part.groups, place))
        done = part.groups.stop
    return [*blocks, (slice(done, n_groups), None)] if done < n_groups else blocks


@dataclass(frozen=True, eq=False)
class Coherent:
    """A forecast whose levels agree, with those from past years.

    Attributes
    ----------
    pupils : (L, H, G) of localities; areas and the authority are their sums.
    projection : the chain of the localities behind it.
    links : what came of every cohort so far.
    authority_share : (H, G) what the authority's own forecast counted beside the sum of the localities; 1: alone.
    past : forecasts from past years, coherent with what was known then.

    """

    pupils: FloatArray
    projection: Projection
    links: Links
    authority_share: FloatArray
    past: PastForecasts


def coherent_forecast(cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int) -> Coherent:
    """Forecast the years after the last of `cube`, and again from every past year with at least one ratio behind it."""
    chains = Chains.of(cube, births, policy)
    levels, past = _from_past_years(chains, cube, births, horizon_years)
    own, now = chains.run(cube, births, horizon_years)
    weights = Weights.of(levels, policy)
    share = np.ones_like(now.authority) if weights is None else weights.of_authority(now)[1]
    return Coherent(made_coherent(now, chains.partitions, weights), own, chains.history.links, share, past)


def past_forecasts(cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int) -> PastForecasts:
    """Coherent forecasts from every past year with at least one ratio behind it, and what came."""
    return _from_past_years(Chains.of(cube, births, policy), cube, births, horizon_years)[1]


def _from_past_years(
    chains: Chains, cube: PupilCube, births: BirthSeries, horizon_years: int
) -> tuple[PastLevels, PastForecasts]:
    origins = list(past_origins(cube, births, horizon_years))

    def run(origin: Origin) -> Levels:
        return chains.run(origin.cube, origin.births, origin.came.shape[1])[1]

    with ThreadPoolExecutor(THREADS) as pool:  # numpy works without Python's lock
        made = list(zip(origins, pool.map(run, origins), strict=True))
        levels = _past_levels(chains.partitions, cube, births, horizon_years, made)

        def agree(then: tuple[Origin, Levels]) -> FloatArray:
            return made_coherent(then[1], chains.partitions, Weights.of(levels, chains.policy, then[0].start))

        coherent = zip(origins, pool.map(agree, made), strict=True)
        return levels, collected(cube, births, horizon_years, coherent)


def _past_levels(
    parts: Sequence[Partition],
    cube: PupilCube,
    births: BirthSeries,
    horizon_years: int,
    made: Sequence[tuple[Origin, Levels]],
) -> PastLevels:
    """Past forecasts by level; of areas and the authority, the part for localities that were counted at both ends."""
    every = max(-(-len(cube.localities) // WEIGHED_LOCALITIES), 1)
    some = collected(cube, births, horizon_years, ((origin, levels.locality) for origin, levels in made), every)
    everybody = membership(np.zeros(len(cube.localities), dtype=np.int64), 1)
    whole = [(origin, levels.authority[None], levels.locality) for origin, levels in made]
    authority, below = _summed(some, everybody, slice(None), whole)
    areas = [
        _summed(some, part.members, part.groups, [(o, levels.areas[p], levels.locality) for o, levels in made])[0]
        for p, part in enumerate(parts)
    ]
    return PastLevels(PastLevel(some, below), tuple(map(PastLevel.of, areas)), authority)


def _summed(
    like: PastForecasts,
    members: csr_matrix,
    groups: slice,
    made: Sequence[tuple[Origin, FloatArray, FloatArray]],
) -> tuple[PastForecasts, PastForecasts]:
    """A level's own past forecasts, and the sums of localities beside them; origins and years are those of `like`."""
    shape = (len(like.origins), members.shape[0], like.forecast.shape[2], len(like.year_groups[groups]))
    forecast, below_it, actual = (np.full(shape, np.nan) for _ in range(3))
    for origin, pupils, below in made:
        came, below = origin.came[..., groups], below[..., groups]
        known: BoolArray = ~np.isnan(came)
        counted, whole, outturn = (
            grouped(members, part) for part in (np.where(known, below, 0.0), below, np.where(known, came, 0.0))
        )
        share = np.divide(counted, whole, out=np.zeros_like(whole), where=whole > 0)
        some = grouped(members, known.astype(float)) > 0
        reach = came.shape[1]
        forecast[origin.place, :, :reach] = np.where(some, pupils * share, np.nan)
        below_it[origin.place, :, :reach] = np.where(some, counted, np.nan)
        actual[origin.place, :, :reach] = np.where(some, outturn, np.nan)
    own = PastForecasts(forecast, actual, like.origins, like.year_groups[groups], like.births_known)
    return own, replace(own, forecast=below_it)
