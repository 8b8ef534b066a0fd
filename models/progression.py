"""The chain of cohorts: births → entry → … → the last year group, each link a learnt ratio (models.ratios).

    pupils of a year group = cohort below it × common ratio of the year × departure of the locality (+ arrivals)

Every level is run on its own counts: localities, planning areas, and the authority with what all localities do
together. Bringing them to one answer is models.coherence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodata.policy import Policy
from models.cohorts import BirthSeries, BoolArray, FloatArray, PupilCube, cohort_births
from models.links import Links, chain_links
from models.ratios import Ratios, RecipeErrors, learn_ratios, recipe_errors, year_weights


@dataclass(frozen=True, eq=False)
class Projection:
    """What the chain says of the years after the base year, before housing and local intelligence.

    Attributes
    ----------
    pupils : (L, H, G) of localities by their own ratios.
    authority : (H, G) of all localities together by the common ratios.
    births : (L, H) behind the entrants of each year; NaN where entrants repeat past ones.
    ratios : behind them; the first link is from births to entry, unused where `uptake_years` is 0.
    uptake_years : past years behind the ratio of births to entrants; 0: births were not used.
    without_births : localities whose entrants repeat their own past entrants.
    births_scaled, births_assumed : entry years whose births are known in part, and not at all (not yet born).
    filled_localities : localities whose earlier counts stand in for the base year.

    """

    pupils: FloatArray
    authority: FloatArray
    births: FloatArray
    ratios: Ratios
    uptake_years: int
    without_births: int
    births_scaled: tuple[int, ...]
    births_assumed: tuple[int, ...]
    filled_localities: int


@dataclass(frozen=True, eq=False)
class History:
    """The links of a study and the errors of recipes on them: what projections from any of its years share."""

    links: Links
    errors: RecipeErrors

    @staticmethod
    def of(cube: PupilCube, births: BirthSeries, policy: Policy) -> History:
        """Run every recipe from every past year of `cube`."""
        links = chain_links(cube, births)
        return History(links, recipe_errors(links, policy))


def project(
    cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int, history: History | None = None
) -> Projection:
    """Run the chain for `horizon_years` after the last year of `cube`.

    `history`, where given, belongs to the same study and may reach beyond that year; nothing beyond it is used.
    """
    if history is None:
        history = History.of(cube, births, policy)
    years = cube.pupils.shape[1]
    links = known_links(history, cube, births)
    ratios = learn_ratios(links, history.errors.choose(years, policy), policy, horizon_years)
    base, filled = cube.filled_latest()
    entry = _entrants(cube, births, ratios, policy, horizon_years)
    common, departure = ratios.common[:, 1:], ratios.departure[:, 1:]
    localities = roll_forward(base, entry.locality, common, departure, ratios.arrivals[:, 1:])
    everywhere, alone = base.sum(axis=0, keepdims=True), np.zeros((1, common.shape[1]))
    authority = roll_forward(everywhere, entry.authority[None], common, alone + 1, alone)
    return Projection(
        pupils=localities,
        authority=authority[0],
        births=entry.births,
        ratios=ratios,
        uptake_years=entry.uptake_years,
        without_births=entry.without_births,
        births_scaled=entry.births_scaled,
        births_assumed=entry.births_assumed,
        filled_localities=filled,
    )


def known_links(history: History, cube: PupilCube, births: BirthSeries) -> Links:
    """Links up to the last year of `cube`, the entry link from `births` alone."""
    born, _ = cohort_births(births, cube.starts, cube.entry_age)
    return history.links.until(cube.pupils.shape[1]).with_births(born)


def roll_forward(
    base: FloatArray, entrants: FloatArray, common: FloatArray, departure: FloatArray, arrivals: FloatArray
) -> FloatArray:
    """Pupils (L, H, G) of the years after `base` (L, G).

    Entrants are (L, H), common ratios (H, G − 1) and departures and arrivals (L, G − 1), a link each.
    """
    years = np.empty((base.shape[0], entrants.shape[1], base.shape[1]))
    latest = base
    for h in range(entrants.shape[1]):
        years[:, h, 0] = entrants[:, h]
        years[:, h, 1:] = latest[:, :-1] * common[h] * departure + arrivals
        latest = years[:, h]
    return years


@dataclass(frozen=True, eq=False)
class _Entrants:
    locality: FloatArray  # (L, H)
    births: FloatArray  # (L, H)
    authority: FloatArray  # (H,)
    uptake_years: int
    without_births: int
    births_scaled: tuple[int, ...]
    births_assumed: tuple[int, ...]


def _entrants(cube: PupilCube, series: BirthSeries, ratios: Ratios, policy: Policy, horizon_years: int) -> _Entrants:
    """Pupils of the youngest year group in the years to come: births × uptake, else as many as lately."""
    future = cube.starts[-1] + 1 + np.arange(horizon_years)
    born, covered = cohort_births(series, future, cube.entry_age)
    unborn = np.isnan(born)
    births = np.where(unborn, series.recent_mean(policy.integer("births_beyond_years"))[:, None], born)
    uptake_years = int(ratios.years_used[0])
    # Nobody was ever counted there: births alone make no school year.
    counted: BoolArray = np.any(~np.isnan(cube.pupils), axis=(1, 2))
    usable: BoolArray = ~np.isnan(births) & (uptake_years > 0) & counted[:, None]
    as_lately = _recent_mean(cube.pupils[:, :, 0], policy)[:, None]
    common = ratios.common[:, 0] * np.nan_to_num(births)
    with_births: BoolArray = np.any(usable, axis=1)
    scaled = with_births[:, None] & (covered < 1 - 1e-9) & ~unborn
    return _Entrants(
        births=np.where(usable, births, np.nan),
        locality=np.where(usable, common * ratios.departure[:, [0]] + ratios.arrivals[:, [0]], as_lately),
        authority=np.where(usable, common, as_lately).sum(axis=0),
        uptake_years=uptake_years,
        without_births=int((~with_births).sum()),
        births_scaled=tuple(int(year) for year in future[scaled.any(axis=0)]),
        births_assumed=tuple(int(year) for year in future[(unborn & usable).any(axis=0)]),
    )


def _recent_mean(past: FloatArray, policy: Policy) -> FloatArray:
    """(L,) mean of each locality's latest known years (L, T) by the policy's weights; 0 where nothing is known."""
    known: BoolArray = ~np.isnan(past)
    weight = year_weights(known.T, policy.numbers("ratio_weights")).T
    total, weights = (np.nan_to_num(past) * weight).sum(axis=1), weight.sum(axis=1)
    mean: FloatArray = np.divide(total, weights, out=np.zeros(len(past)), where=weights > 0)
    return mean
