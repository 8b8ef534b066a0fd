"""Ratios that learn: for each block of links, the recipe that would have served best so far.

A recipe weighs the past years. "3:2:1" and its like weigh the years of each link alone. "norm and swing" takes each
link's ratio over many years, and beside it what the latest years did to all links of the block together, to the
localities in common (models.shocks) and to each locality. A locality's ratio is shrunk towards its parents
(models.shrinkage) under every recipe but one: a few years of large localities may tell noise from drift so badly that
their own ratios serve better.

Recipes are chosen by running them again from every past year and comparing what they said of the next years with
what came, pooled over localities. A block keeps its stated recipe unless another was better by `ratio_switch_gain`:
with few years the best of many is mostly luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geodata.policy import Policy
from models.cohorts import BoolArray, FloatArray, IntArray
from models.links import Links
from models.shocks import common_ratios
from models.shrinkage import departures, dispersion

LONGEST = 30  # past years that any weighting looks back
TESTED_YEARS = 3  # years ahead at which recipes are compared
SAMPLED_LOCALITIES = 1000  # recipes and noise are judged on at most so many localities
SWING = "norm and swing"
SWING_OWN = "norm and swing unshrunk"


@dataclass(frozen=True)
class Recipe:
    """How past years are weighed.

    Attributes
    ----------
    norm : weights of the years of each link, latest first.
    swing : weights of the years in which a locality's block departs from the norm; empty: no swing.
    shrunk : whether localities are pulled towards their parents.

    """

    name: str
    norm: tuple[float, ...]
    swing: tuple[float, ...] = ()
    shrunk: bool = True


def recipes(policy: Policy) -> dict[str, Recipe]:
    """Every recipe by name: the policy's own weights, means, exponential weights, norm and swing."""
    given = policy.numbers("ratio_weights")
    weights = {":".join(f"{w:g}" for w in given): tuple(w / given[0] for w in given)}
    weights |= {f"mean of {years}": (1.0,) * years for years in (3, 5)}
    weights |= {f"exponential {factor:g}": _fading(factor) for factor in (0.5, 0.7)}
    long, short = policy.number("norm_memory"), policy.number("swing_memory")
    split = [Recipe(SWING, _fading(long), _fading(short)), Recipe(SWING_OWN, _fading(long), _fading(short), False)]
    return {name: Recipe(name, w) for name, w in weights.items()} | {recipe.name: recipe for recipe in split}


def _fading(factor: float) -> tuple[float, ...]:
    return tuple(float(w) for w in factor ** np.arange(LONGEST))


@dataclass(frozen=True, eq=False)
class Ratios:
    """Ratios of the links of a chain of G year groups, by the year group arrived in.

    Attributes
    ----------
    common : (H, G) of all localities together; 1 where nothing was counted at both ends.
    departure : (L, G) of each locality from it; 0 where it has no ratio.
    arrivals : (L, G) pupils a year who come from nowhere in the locality.
    years_used : (G,) past years behind each link.
    recipes : name of the recipe of each block.

    """

    common: FloatArray
    departure: FloatArray
    arrivals: FloatArray
    years_used: IntArray
    recipes: tuple[str, ...]


def learn_ratios(links: Links, chosen: Sequence[Recipe], policy: Policy, horizon_years: int) -> Ratios:
    """Ratios of every link from the years of `links`, a recipe for each block.

    Two kinds of locality have no ratio: where at least `ratio_never_pupils` came up to a year group and never one
    was in it (no secondary school there), none will be; where pupils are in a year group and none below it (no
    primary school there), as many arrive as lately.
    """
    size, n_groups = len(links.to), links.to.shape[2]
    ratios = Ratios(
        common=np.ones((horizon_years, n_groups)),
        departure=np.ones((size, n_groups)),
        arrivals=np.zeros((size, n_groups)),
        years_used=np.zeros(n_groups, dtype=np.int64),
        recipes=tuple(recipe.name for recipe in chosen),
    )
    for block, levels, recipe in zip(links.blocks, links.levels, chosen, strict=True):
        from_, to = links.from_[:, :, block], links.to[:, :, block]
        known: BoolArray = ~np.isnan(to)
        from_, to = np.where(known, from_, 0.0), np.where(known, to, 0.0)
        weight = year_weights(np.any(known, axis=0, keepdims=True)[0], recipe.norm)
        never = (to.sum(axis=1) == 0) & (from_.sum(axis=1) >= policy.number("ratio_never_pupils"))
        recent = np.einsum("ltk,tk->lk", to, weight)
        alone = (np.einsum("ltk,tk->lk", from_, weight) == 0) & (recent > 0)
        counted = np.einsum("ltk,tk->lk", known.astype(float), weight)
        common, departure = _block(from_, to, weight, levels, recipe, policy, horizon_years)
        ratios.common[:, block] = common
        ratios.departure[:, block] = np.where(never | alone, 0.0, departure)
        ratios.arrivals[:, block] = np.divide(recent, counted, out=np.zeros_like(recent), where=alone)
        ratios.years_used[block] = (weight > 0).sum(axis=0)
    return ratios


def _block(
    from_: FloatArray,
    to: FloatArray,
    weight: FloatArray,
    levels: Sequence[IntArray],
    recipe: Recipe,
    policy: Policy,
    horizon_years: int,
) -> tuple[FloatArray, FloatArray]:
    """Common ratios (H, K) and departures (L, K) of one block; counts (L, T, K), 0 where not known."""
    all_from, all_to = from_.sum(axis=0), to.sum(axis=0)
    norm = _quotient((all_to * weight).sum(axis=0), (all_from * weight).sum(axis=0), np.ones(weight.shape[1]))
    level = np.broadcast_to(norm, all_to.shape)
    if recipe.swing:
        level = _quotient(all_to, all_from, level)
    expected = from_ * level
    every = max(len(to) // SAMPLED_LOCALITIES, 1)
    noise = dispersion(to[::every], expected[::every])
    given = policy.optional_number("ratio_prior_pupils") if recipe.shrunk else 0.0
    prior = None if given is None else given * norm
    if not recipe.swing:
        common = np.broadcast_to(norm, (horizon_years, len(norm)))
        return common, departures(to, expected, weight, noise, prior, levels)
    common = common_ratios(all_from, all_to, norm, noise, policy, horizon_years)
    whole = None if given is None else np.array([given * len(norm)])
    together = to.sum(axis=2, keepdims=True)
    counted: BoolArray = np.any(all_from > 0, axis=1, keepdims=True)
    long, short = year_weights(counted, recipe.norm), year_weights(counted, recipe.swing)
    departure = departures(together, expected.sum(axis=2, keepdims=True), long, noise, whole, levels)
    if len(norm) > 1:
        departure = departure * departures(to, expected * departure[:, None], weight, noise, prior)
    awaited = (expected * departure[:, None]).sum(axis=2, keepdims=True)
    return common, departure * departures(together, awaited, short, noise, whole, levels, fitted=long)


def year_weights(counted: BoolArray, weights: Sequence[float]) -> FloatArray:
    """Weight of each past year and link (T, K): the latest counted year gets the first, old ones 0."""
    scaled = np.append(np.asarray(weights, dtype=float), 0.0)
    place = np.cumsum(counted[::-1], axis=0)[::-1] - 1
    return np.where(counted, scaled[np.minimum(place, len(weights))], 0.0)


def _quotient(numerator: FloatArray, denominator: FloatArray, otherwise: FloatArray) -> FloatArray:
    quotient: FloatArray = np.divide(numerator, denominator, out=otherwise.astype(float), where=denominator > 0)
    return quotient


@dataclass(frozen=True, eq=False)
class RecipeErrors:
    """What each recipe, run from past years, got wrong.

    Attributes
    ----------
    error : (T, R, B, 3) from each year that could be the latest, by recipe, block and years ahead; NaN where there
        is no outturn. Absolute errors of a block's pupils ÷ the root of their cohorts, summed over localities.

    """

    error: FloatArray
    candidates: tuple[Recipe, ...]
    stated: int

    def choose(self, years: int, policy: Policy) -> list[Recipe]:
        """Recipe of each block by what was known when only the first `years` years were."""
        named = str(policy.value("ratio_choice"))
        if named != "backtest":
            by_name = {recipe.name: recipe for recipe in self.candidates}
            if named not in by_name:
                raise ValueError(f"ratio_choice {named!r} is none of: backtest, {', '.join(by_name)}")
            return [by_name[named]] * self.error.shape[2]
        origin, ahead = np.indices(self.error.shape[::3])
        in_time: BoolArray = np.less(origin + ahead + 1, years)
        seen = np.where(in_time[:, None, None, :], self.error, np.nan)
        total = np.nansum(seen, axis=(0, 3))  # (R, B)
        best = total.argmin(axis=0)
        gain = 1 - policy.number("ratio_switch_gain")
        return [
            self.candidates[best[b] if total[best[b], b] < gain * total[self.stated, b] else self.stated]
            for b in range(len(best))
        ]


def recipe_errors(links: Links, policy: Policy) -> RecipeErrors:
    """Errors of every recipe from every past year; each is learnt from the years up to it alone."""
    few = links.sample(SAMPLED_LOCALITIES)
    candidates = tuple(recipes(policy).values())
    stated = [recipe.name for recipe in candidates].index(SWING)
    n_years = few.to.shape[1]
    error = np.full((n_years, len(candidates), len(links.blocks), TESTED_YEARS), np.nan)
    if policy.value("ratio_choice") != "backtest":
        return RecipeErrors(error, candidates, stated)
    for year in range(1, n_years - 1):
        then = few.until(year + 1)
        reach = min(TESTED_YEARS, n_years - 1 - year)
        from_, to = (np.swapaxes(part[:, year + 1 : year + 1 + reach], 0, 1) for part in (few.from_, few.to))
        for r, recipe in enumerate(candidates):
            ratios = learn_ratios(then, [recipe] * len(links.blocks), policy, reach)
            missed = to - (from_ * ratios.common[:, None] * ratios.departure + ratios.arrivals)  # (reach, L, G)
            for b, block in enumerate(links.blocks):
                out = np.abs(np.nansum(missed[:, :, block], axis=2))
                size = np.sqrt(np.maximum(np.nansum(from_[:, :, block], axis=2), 1.0))
                error[year, r, b, :reach] = (out / size).sum(axis=1)
    return RecipeErrors(error, candidates, stated)
