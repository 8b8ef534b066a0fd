"""How far forecasts have been out: rolling-origin errors, and intervals that hold the share asked for.

The chain is run again as if each past year were the latest, with only the births published by then, and compared
with what came. Squared errors are fitted by least squares, for each horizon h and kind of cell, as

    variance = scale² · (a_h² · mean² + b_h · mean)

(a: what large numbers do not average out; b: what they do), so that a small locality has the wider interval. A
locality that has been out further than others of its size again and again has a scale above 1. One factor per kind
then widens or narrows all horizons together until the interval holds `interval_level` of the past errors, which are
heavier in the tails than the normal curve. Errors are measured about zero, so a past bias counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.sparse import csr_matrix
from scipy.stats import norm

from geodata.policy import Policy
from geodata.years import PHASES, age_of
from models.cohorts import (
    BirthSeries,
    BoolArray,
    FloatArray,
    IntArray,
    PupilCube,
    cohort_births,
    cube_frame,
    year_labels,
)
from models.groups import grouped, membership

ORIGINS_NEEDED = 2
ON_THE_WAY, UNBORN = 1, 4  # kinds of cells whose cohorts were not yet on roll, see `_kinds`
LOCALITIES_NEEDED = 10  # below this many, one locality's errors are not told from another's
OUTLIER = 20.0  # squared errors count up to this many times the usual when localities are compared
SAMPLED_LOCALITIES = 4000  # widths are fitted to at most about twice so many, evenly spaced
ERRORS_NEEDED = 30  # below this many past errors the width is the normal curve's
FROM_ERRORS, FROM_DEFAULT = "errors known then", "default"


@dataclass(frozen=True, eq=False)
class PastForecasts:
    """Forecasts from past years and what came; NaN where either is not known.

    Attributes
    ----------
    forecast, actual : (O, L, H, G).
    origins : (O,) calendar years in which the origins' academic years start.
    year_groups : the G year groups.
    births_known : years ahead for which the births of entrants were known.

    """

    forecast: FloatArray
    actual: FloatArray
    origins: IntArray
    year_groups: tuple[str, ...]
    births_known: int = 99

    def of_authority(self) -> PastForecasts:
        """Sums over the localities counted at both ends: (O, 1, H, G)."""
        return self.of_groups(membership(np.zeros(self.forecast.shape[1], dtype=np.int64), 1))

    def of_groups(self, members: csr_matrix) -> PastForecasts:
        """Sums over groups of localities: `members` (A, L) is 1 where the locality belongs; (O, A, H, G)."""
        shape = (len(self.forecast), members.shape[0], *self.forecast.shape[2:])
        forecast, actual = np.full(shape, np.nan), np.full(shape, np.nan)
        for o, (made, came) in enumerate(zip(self.forecast, self.actual, strict=True)):
            known: BoolArray = np.isfinite(made)
            some = grouped(members, known.astype(float)) > 0
            forecast[o][some] = grouped(members, np.where(known, made, 0.0))[some]
            actual[o][some] = grouped(members, np.where(known, came, 0.0))[some]
        return replace(self, forecast=forecast, actual=actual)

    def of_phases(self) -> PastForecasts:
        """Sums over the year groups of each phase of the chain, which stand in for year groups: (O, L, H, phases)."""
        members = phase_members(self.year_groups)
        forecast, actual = (
            np.stack([cube[..., groups].sum(axis=-1) for groups in members.values()], axis=-1)
            for cube in (self.forecast, self.actual)
        )
        return replace(self, forecast=forecast, actual=actual, year_groups=tuple(members))


def phase_members(year_groups: Sequence[str]) -> dict[str, IntArray]:
    """Positions of each phase's year groups in the chain; phases without any are left out."""
    members = {phase: np.flatnonzero(np.isin(year_groups, groups)) for phase, groups in PHASES.items()}
    return {phase: positions for phase, positions in members.items() if len(positions)}


@dataclass(frozen=True, eq=False)
class Origin:
    """A past year taken as the latest: its place among the origins, what was known then, and what came.

    `came` is (L, reach, G), NaN where the locality was not counted at the origin or the cell has no outturn.
    """

    place: int
    start: int
    cube: PupilCube
    births: BirthSeries
    came: FloatArray


def past_origins(cube: PupilCube, births: BirthSeries, horizon_years: int) -> Iterator[Origin]:
    """Every past year but the first, with the years after it that have outturns.

    Births count as published by an origin if they were as old then as the newest are now, and ended by the August
    before its January count.
    """
    starts = cube.starts
    last = int(starts[-1])
    newest = int(births.last_month[-1]) if len(births.last_month) else 0
    for place, start in enumerate(int(start) for start in starts[1:-1]):
        published = births.known_by(min(12 * start + 8, newest - 12 * (last - start)))
        then = cube.until(start)
        counted: BoolArray = np.any(~np.isnan(then.pupils[:, -1]), axis=1)
        came = cube.pupils[:, then.pupils.shape[1] :][:, :horizon_years]
        yield Origin(place, start, then, published, np.where(counted[:, None, None], came, np.nan))


def collected(
    cube: PupilCube,
    births: BirthSeries,
    horizon_years: int,
    made: Iterable[tuple[Origin, FloatArray]],
    every: int = 1,
) -> PastForecasts:
    """Forecasts (L, reach, G) made at some origins, with their outturns; of every so many localities."""
    origins = cube.starts[1:-1]
    shape = (len(origins), -(-len(cube.localities) // every), horizon_years, len(cube.year_groups))
    forecast, actual = np.full(shape, np.nan), np.full(shape, np.nan)
    for origin, pupils in made:
        came = origin.came[::every]
        reach = came.shape[1]
        actual[origin.place, :, :reach] = came
        forecast[origin.place, :, :reach] = pupils[::every]
        forecast[origin.place, :, :reach][np.isnan(came)] = np.nan
    born, _ = cohort_births(births, int(cube.starts[-1]) + 1 + np.arange(horizon_years), cube.entry_age)
    births_known = int((~np.isnan(born)).any(axis=0).sum())
    return PastForecasts(forecast, actual, origins, cube.year_groups, births_known)


def rolling_origins(
    cube: PupilCube,
    births: BirthSeries,
    horizon_years: int,
    method: Callable[[PupilCube, BirthSeries, int], FloatArray],
) -> PastForecasts:
    """Run a method from every past year but the first: pupils (L, years, G) from what was known then, and years."""
    origins = past_origins(cube, births, horizon_years)
    made = ((origin, method(origin.cube, origin.births, origin.came.shape[1])) for origin in origins)
    return collected(cube, births, horizon_years, made)


def judged_origins(past: PastForecasts, policy: Policy) -> BoolArray:
    """(O,) origins with as much history as the policy's weights ask for; the last two where none has.

    Earlier ones serve to fit intervals: their errors are a little wider, and the only ones known at first.
    """
    wanted = len(policy.numbers("ratio_weights"))
    place = np.arange(len(past.origins))
    return np.greater_equal(place, min(wanted - 1, len(place) - ORIGINS_NEEDED))


@dataclass(frozen=True, eq=False)
class Spread:
    """Half-width of an interval as a function of the mean: scale · √(square · mean² + line · mean).

    Attributes
    ----------
    square, line : (H, G) for the year groups (or phases) fitted.
    fitted : (H, G) False where the stated default stands in for past errors.
    scale : (L,) how much further than others of its size each locality has been out; 1 where it is not known.

    """

    square: FloatArray
    line: FloatArray
    fitted: BoolArray
    scale: FloatArray

    def interval(self, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends for means ((L,) H, G); never below 0."""
        half = np.sqrt(self.square * mean**2 + self.line * np.maximum(mean, 1.0))
        if mean.ndim > 2:
            half = half * self.scale[:, None, None]
        return np.maximum(mean - half, 0.0), mean + half

    def relative(self, forecast: FloatArray, squared: FloatArray) -> FloatArray:
        """Squared errors (…, H, G) in units of what is usual for their size; NaN where that is not fitted."""
        expected = self.square * forecast**2 + self.line * np.maximum(forecast, 1.0)
        ratio = np.full(expected.shape, np.nan)
        np.divide(squared, expected, out=ratio, where=(expected > 0) & self.fitted)
        return ratio


def fit_spread(past: PastForecasts, policy: Policy, known_by: int | None = None) -> Spread:
    """Fit the interval widths; `known_by`: use only outturns of academic years that start by then.

    Horizons without two origins are extended from the last that has them, in proportion to the horizon. A kind of
    cell without any has the default: a Poisson count, and `interval_default_share` of the mean for each year ahead.
    """
    n_horizons, n_groups = past.forecast.shape[2:]
    horizon = np.arange(1, n_horizons + 1)
    level = policy.number("interval_level")
    z = float(norm.ppf(0.5 + level / 2))
    square = np.repeat((z * policy.number("interval_default_share") * horizon)[:, None] ** 2, n_groups, axis=1)
    ones = np.ones(past.forecast.shape[1])
    spread = Spread(square, np.full(square.shape, z**2), np.zeros(square.shape, dtype=bool), ones)
    if len(past.origins) == 0:
        return spread
    every = max(past.forecast.shape[1] // SAMPLED_LOCALITIES, 1)
    some = [_errors(past, o, known_by, slice(None, None, every)) for o in range(len(past.origins))]
    forecast, squared = (np.stack(part) for part in zip(*some, strict=True))
    kinds = _kinds(past.year_groups, n_horizons, past.births_known)
    sums = set(past.year_groups) <= set(PHASES)
    if (np.isnan(squared[:, :, kinds == UNBORN]).all(axis=(1, 2)) == 0).sum() < ORIGINS_NEEDED:
        kinds[kinds == UNBORN] = ON_THE_WAY
    for kind in np.unique(kinds):
        here = kinds == kind
        components = _fit_kind(forecast, squared, here, sums)
        if components is not None:
            for fitted, part in zip((spread.square, spread.line), components, strict=True):
                fitted[here] = np.broadcast_to(part[:, None], here.shape)[here]
            spread.fitted[here] = True
    scale = _scales(*_locality_errors(past, spread, known_by))
    relative = spread.relative(forecast, squared) / (scale[::every] ** 2)[:, None, None]
    for kind in np.unique(kinds[spread.fitted]):
        here = (kinds == kind) & spread.fitted
        ratio = relative[:, :, here]
        ratio = ratio[~np.isnan(ratio)]
        widening = float(np.quantile(ratio, level)) if len(ratio) >= ERRORS_NEEDED else z**2
        spread.square[here] *= widening
        spread.line[here] *= widening
    return replace(spread, scale=scale)


def _errors(
    past: PastForecasts, origin: int, known_by: int | None, localities: slice = slice(None)
) -> tuple[FloatArray, FloatArray]:
    """Forecasts and squared errors (L, H, G) of one origin, NaN where nothing can be learnt.

    Cells forecast empty are left out: where a locality has no such pupils nothing can be learnt from it.
    """
    forecast, actual = past.forecast[origin, localities], past.actual[origin, localities]
    known: BoolArray = ~np.isnan(actual) & (forecast > 0)
    if known_by is not None:
        known[:, max(known_by - int(past.origins[origin]), 0) :] = False
    return np.where(known, forecast, np.nan), np.where(known, (actual - forecast) ** 2, np.nan)


def _locality_errors(past: PastForecasts, spread: Spread, known_by: int | None) -> tuple[IntArray, FloatArray]:
    """Number and sum (O, L) of squared errors in units of what is usual for the size, origin by origin.

    One origin at a time: the whole would be as large as the past forecasts, several times over.
    """
    shape = past.forecast.shape[:2]
    count, total = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for o in range(shape[0]):
        relative = spread.relative(*_errors(past, o, known_by))
        known: BoolArray = ~np.isnan(relative)
        count[o] = known.sum(axis=(1, 2))
        total[o] = np.where(known, np.minimum(relative, OUTLIER), 0.0).sum(axis=(1, 2))
    return count, total


def _scales(count: IntArray, total: FloatArray) -> FloatArray:
    """(L,) root of each locality's mean squared error in units of what is usual for its size, from `_locality_errors`.

    Pulled towards 1 by what the means of its origins differ among themselves: one bad year proves little.
    """
    told = count > 0
    origins = told.sum(axis=0)
    if len(origins) < LOCALITIES_NEEDED or origins.max(initial=0) < ORIGINS_NEEDED:
        return np.ones(len(origins))
    usual = total.sum(axis=1, keepdims=True) / np.maximum(count.sum(axis=1, keepdims=True), 1)
    mean = np.where(told, total / np.maximum(count * np.where(usual > 0, usual, 1.0), 1e-12), 0.0)
    own = mean.sum(axis=0) / np.maximum(origins, 1)
    freedom = max(float((origins - 1).clip(min=0).sum()), 1.0)
    within = float((np.where(told, mean - own, 0.0) ** 2).sum()) / freedom
    tested = origins > 0
    among = float(((own[tested] - 1) ** 2).mean()) - within * float((1 / origins[tested]).mean())
    if among <= 0:
        return np.ones(len(origins))
    trust = among / (among + within / np.maximum(origins, 1))
    scale: FloatArray = np.sqrt(np.where(tested, 1 + trust * (own - 1), 1.0))
    return scale


def _kinds(year_groups: Sequence[str], n_horizons: int, births_known: int) -> IntArray:
    """Kind of each cell (H, G), by what its cohort went through since the origin; each phase total is its own kind.

    0: moved up within its phase; 1: not yet on roll then; 2: changed from primary to secondary; 3: sixth form;
    4: not yet born, or births not yet published.
    """
    if set(year_groups) <= set(PHASES):
        return np.tile(np.arange(len(year_groups)), (n_horizons, 1))
    horizon = np.arange(1, n_horizons + 1)[:, None]
    age = np.array([age_of(group) for group in year_groups])
    changed = (age >= age_of("Y7")) & (age - horizon < age_of("Y7"))
    place = np.arange(len(year_groups))
    kind = np.where(place < horizon, 1, np.where(changed, 2, 0))
    kind = np.where(horizon - place > births_known, UNBORN, kind)
    return np.where(age >= age_of("Y12"), 3, kind).astype(np.int64)


def _fit_kind(
    forecast: FloatArray, squared: FloatArray, here: BoolArray, sums: bool
) -> tuple[FloatArray, FloatArray] | None:
    """Square and line component (H,) each; None without a horizon that two origins have outturns for.

    Looking further ahead is never surer. At a horizon that fewer origins reach, half-widths grow in proportion to
    the horizon (only what chance did to single cells adds up as chance does), and a single origin may widen them
    but not narrow them.
    """
    square, line = np.zeros(len(here)), np.zeros(len(here))
    fitted = False
    for h in range(len(here)):
        mean, error = forecast[:, :, h][:, :, here[h]], squared[:, :, h][:, :, here[h]]
        known: BoolArray = ~np.isnan(error)
        origins = known.any(axis=(1, 2)).sum()
        mean, error = mean[known], error[known]
        if origins >= ORIGINS_NEEDED:
            square[h], line[h] = np.maximum(_fit_variance(mean, error), (square[h - 1], line[h - 1]) if h else 0.0)
            fitted = True
        elif fitted:
            reach = (h + 1) / h
            square[h], line[h] = square[h - 1] * reach**2, line[h - 1] * (reach**2 if sums else reach)
            if origins:
                usual = np.maximum(square[h] * mean**2 + line[h] * np.maximum(mean, 1.0), 1e-12)
                wider = max(float(np.minimum(error / usual, OUTLIER).mean()), 1.0)
                square[h], line[h] = square[h] * wider, line[h] * wider
    if not fitted:
        return None
    first = int(np.argmax(square + line > 0))  # nearer horizons of a kind that only later ones have cells of
    square[:first], line[:first] = square[first], line[first]
    return square, line


def _fit_variance(forecast: FloatArray, squared: FloatArray) -> tuple[float, float]:
    """a² and b of one horizon, from squared errors weighted by 1 ÷ mean², both at least 0."""
    mean = np.maximum(forecast, 1.0)
    relative = squared / mean
    # Least squares of two unknowns by its triangular factor: the same answer from two rows as from a million.
    q, r = np.linalg.qr(np.stack([mean, np.ones_like(mean)], axis=1))
    (square, line), _ = nnls(r, q.T @ relative)
    return square, line


def intervals_then(past: PastForecasts, policy: Policy) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Low and high (O, L, H, G) by the errors known at each origin, and where they are more than the stated default.

    NaN, and False, at origins with less history than the policy's weights ask for.
    """
    low, high = np.full_like(past.forecast, np.nan), np.full_like(past.forecast, np.nan)
    fitted = np.zeros(past.forecast.shape, dtype=bool)
    for o in np.flatnonzero(judged_origins(past, policy)):
        spread = fit_spread(past, policy, known_by=int(past.origins[o]))
        low[o], high[o] = spread.interval(past.forecast[o])
        fitted[o] = spread.fitted
    return low, high, fitted


def backtest_table(past: PastForecasts, localities: Sequence[str], policy: Policy) -> pd.DataFrame:
    """Past forecasts and outturns as a long table, a row for each cell that has both.

    Columns: locality, origin, horizon_years, year_group, forecast, p10, p90, actual, interval_from. Intervals use only
    the errors known at the origin, or the stated default where too few were.
    """
    low, high, fitted = intervals_then(past, policy)
    table = cube_frame(
        {
            "origin": year_labels(past.origins),
            "locality": localities,
            "horizon_years": range(1, past.forecast.shape[2] + 1),
            "year_group": past.year_groups,
        },
        forecast=past.forecast, p10=low, p90=high, actual=past.actual, fitted=fitted.astype(float),
    ).dropna()  # fmt: skip
    table["interval_from"] = np.where(table.pop("fitted") > 0, FROM_ERRORS, FROM_DEFAULT)
    columns = ["locality", "origin", "horizon_years", "year_group", "forecast", "p10", "p90", "actual", "interval_from"]
    return table[columns].reset_index(drop=True)


def held_share(past: PastForecasts, spread: Spread) -> float:
    """Share of past outturns inside the interval fitted to them, on a sample of many localities; NaN without any."""
    held, outturns = 0, 0
    every = max(past.forecast.shape[1] // SAMPLED_LOCALITIES, 1)
    some = replace(spread, scale=spread.scale[::every])
    for forecast, actual in zip(past.forecast[:, ::every], past.actual[:, ::every], strict=True):
        low, high = some.interval(forecast)
        held += int(((low <= actual) & (actual <= high)).sum())
        outturns += int((~np.isnan(actual)).sum())
    return held / outturns if outturns else float("nan")
