"""The chain of cohorts: births → entry → … → the last year group, each link a ratio of weighted past years.

    ratio of a locality  = (Σ w·N_to + k·r) / (Σ w·N_from + k),      r = Σ w·N_to / Σ w·N_from of the authority

over the latest years in which both ends were counted, w by the policy's weights (3 : 2 : 1, latest first, the
latest counting in full), k the policy's `ratio_prior_pupils`. A locality too small to have a ratio of its own
so takes the authority's. Two kinds of locality have no ratio: where at least k pupils came up to a year group and
never one was in it (no secondary school there), none will be; where pupils are in a year group and none below it
(no primary school there), as many arrive as lately. Localities are then scaled, year group by year group and year
by year, to the authority's own forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geodata.policy import Policy
from models.cohorts import BirthSeries, BoolArray, FloatArray, IntArray, PupilCube, cohort_births


@dataclass(frozen=True, eq=False)
class WeightedRatios:
    """Ratios of one or more links.

    Attributes
    ----------
    locality : (L, K).
    arrivals : (L, K) pupils a year who come from nowhere in the locality.
    authority : (K,); 1 where nothing was counted at both ends.
    years_used : (K,) past years behind each link.

    """

    locality: FloatArray
    arrivals: FloatArray
    authority: FloatArray
    years_used: IntArray


@dataclass(frozen=True, eq=False)
class Projection:
    """What the chain says of the years after the base year, before housing and local intelligence.

    Attributes
    ----------
    pupils : (L, H, G).
    links : ratios between neighbouring year groups, K = G − 1.
    uptake_years : past years behind the ratio of births to entrants; 0: births were not used.
    without_births : localities whose entrants repeat their own past entrants.
    births_scaled, births_assumed : entry years whose births are known in part, and not at all (not yet born).
    filled_localities : localities whose latest known year stands in for the base year.

    """

    pupils: FloatArray
    links: WeightedRatios
    uptake_years: int
    without_births: int
    births_scaled: tuple[int, ...]
    births_assumed: tuple[int, ...]
    filled_localities: int


def weighted_ratios(from_: FloatArray, to: FloatArray, weights: Sequence[float], prior_pupils: float) -> WeightedRatios:
    """Ratios to ÷ from of the arrays (L, T, K), years in order, NaN where not counted."""
    both: BoolArray = ~(np.isnan(from_) | np.isnan(to))
    counted: BoolArray = np.any(both, axis=0)
    weight = _year_weights(counted, weights)  # (T, K)
    numerator, denominator = np.where(both, to, 0.0), np.where(both, from_, 0.0)
    never = (numerator.sum(axis=1) == 0) & (denominator.sum(axis=1) >= max(prior_pupils, 1.0))
    pupils_to, pupils_from = (numerator * weight).sum(axis=1), (denominator * weight).sum(axis=1)  # (L, K)
    authority = _divide(pupils_to.sum(axis=0), pupils_from.sum(axis=0), otherwise=np.ones(to.shape[2]))
    locality = _divide(
        pupils_to + prior_pupils * authority,
        pupils_from + prior_pupils,
        otherwise=np.broadcast_to(authority, pupils_to.shape),
    )
    counted_weight = (both * weight).sum(axis=1)
    alone = (pupils_from == 0) & (pupils_to > 0)
    return WeightedRatios(
        locality=np.where(never | alone, 0.0, locality),
        arrivals=np.divide(pupils_to, counted_weight, out=np.zeros_like(pupils_to), where=alone),
        authority=authority,
        years_used=(weight > 0).sum(axis=0),
    )


def _year_weights(counted: BoolArray, weights: Sequence[float]) -> FloatArray:
    """Weight of each past year and link (T, K): the latest counted year gets 1, earlier ones less, old ones 0."""
    scaled = np.append(np.asarray(weights, dtype=float) / weights[0], 0.0)
    place = np.cumsum(counted[::-1], axis=0)[::-1] - 1
    return np.where(counted, scaled[np.minimum(place, len(weights))], 0.0)


def _divide(numerator: FloatArray, denominator: FloatArray, otherwise: FloatArray) -> FloatArray:
    quotient: FloatArray = np.divide(numerator, denominator, out=otherwise.astype(float), where=denominator > 0)
    return quotient


def project(cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int) -> Projection:
    """Run the chain for `horizon_years` after the last year of `cube`."""
    weights, prior = policy.numbers("ratio_weights"), policy.number("ratio_prior_pupils")
    base, filled = cube.filled_latest()
    links = weighted_ratios(cube.pupils[:, :-1, :-1], cube.pupils[:, 1:, 1:], weights, prior)
    entry = _entrants(cube, births, policy, horizon_years)
    localities = roll_forward(base, entry.locality, links.locality, links.arrivals)
    everywhere = base.sum(axis=0, keepdims=True)
    authority = roll_forward(everywhere, entry.authority[None], links.authority[None], np.zeros((1, 1)))
    total = localities.sum(axis=0, keepdims=True)
    return Projection(
        pupils=localities * _divide(authority, total, otherwise=np.ones(total.shape)),
        links=links,
        uptake_years=entry.uptake_years,
        without_births=entry.without_births,
        births_scaled=entry.births_scaled,
        births_assumed=entry.births_assumed,
        filled_localities=filled,
    )


def roll_forward(base: FloatArray, entrants: FloatArray, ratios: FloatArray, arrivals: FloatArray) -> FloatArray:
    """Pupils (L, H, G) of the years after `base` (L, G): entrants (L, H); ratios, arrivals (L, G − 1) a link."""
    years = np.empty((base.shape[0], entrants.shape[1], base.shape[1]))
    latest = base
    for h in range(entrants.shape[1]):
        years[:, h, 0] = entrants[:, h]
        years[:, h, 1:] = latest[:, :-1] * ratios + arrivals
        latest = years[:, h]
    return years


@dataclass(frozen=True, eq=False)
class _Entrants:
    locality: FloatArray  # (L, H)
    authority: FloatArray  # (H,)
    uptake_years: int
    without_births: int
    births_scaled: tuple[int, ...]
    births_assumed: tuple[int, ...]


def _entrants(cube: PupilCube, series: BirthSeries, policy: Policy, horizon_years: int) -> _Entrants:
    """Pupils of the youngest year group in the years to come: births × uptake, else as many as lately."""
    weights = policy.numbers("ratio_weights")
    past = cube.pupils[:, :, 0]
    future = cube.starts[-1] + 1 + np.arange(horizon_years)
    born_before, _ = cohort_births(series, cube.starts, cube.entry_age)
    born, covered = cohort_births(series, future, cube.entry_age)
    unborn = np.isnan(born)
    recent = series.recent_mean(policy.integer("births_beyond_years"))
    births = np.where(unborn, recent[:, None], born)
    uptake = weighted_ratios(born_before[:, :, None], past[:, :, None], weights, policy.number("ratio_prior_pupils"))
    uptake_years = int(uptake.years_used[0])
    usable: BoolArray = ~np.isnan(births) & (uptake_years > 0)
    as_lately = _weighted_mean(past, weights)[:, None]
    with_births: BoolArray = np.any(usable, axis=1)
    scaled = with_births[:, None] & (covered < 1 - 1e-9) & ~unborn
    return _Entrants(
        locality=np.where(usable, uptake.locality * np.nan_to_num(births) + uptake.arrivals, as_lately),
        authority=np.where(usable, uptake.authority * np.nan_to_num(births), as_lately).sum(axis=0),
        uptake_years=uptake_years,
        without_births=int((~with_births).sum()),
        births_scaled=tuple(int(year) for year in future[scaled.any(axis=0)]),
        births_assumed=tuple(int(year) for year in future[(unborn & usable).any(axis=0)]),
    )


def _weighted_mean(past: FloatArray, weights: Sequence[float]) -> FloatArray:
    """(L,) mean of each locality's latest known years (L, T); 0 where nothing is known."""
    known = ~np.isnan(past)
    weight = _year_weights(known.T, weights).T
    total = (np.nan_to_num(past) * weight).sum(axis=1)
    return _divide(total, weight.sum(axis=1), otherwise=np.zeros(len(past)))
