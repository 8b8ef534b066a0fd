"""How far forecasts have been out: rolling-origin errors, and intervals that hold the share asked for.

The chain is run again as if each past year were the latest, with only the births published by then, and compared
with what came. Squared errors are fitted by least squares, for each horizon h and kind of cell, as

    variance = a_h² · mean² + b_h · mean

(a: what large numbers do not average out; b: what they do), so that a small locality has the wider interval. One
factor per kind then widens or narrows all horizons together until the interval holds `interval_level` of the past
errors, which are heavier in the tails than the normal curve. Errors are measured about zero, so a past bias counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import norm

from geodata.policy import Policy
from geodata.years import PHASES, age_of
from models.cohorts import (
    BirthSeries,
    BoolArray,
    FloatArray,
    IntArray,
    PupilCube,
    birth_series,
    cube_frame,
    pupil_cube,
    year_labels,
)
from models.progression import History, project

ORIGINS_NEEDED = 2
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

    """

    forecast: FloatArray
    actual: FloatArray
    origins: IntArray
    year_groups: tuple[str, ...]

    def of_authority(self) -> PastForecasts:
        """Sums over the localities counted at both ends: (O, 1, H, G)."""
        return self.of_groups(np.ones((1, self.forecast.shape[1])))

    def of_groups(self, members: FloatArray) -> PastForecasts:
        """Sums over groups of localities: `members` (A, L) is 1 where the locality belongs; (O, A, H, G)."""
        known = np.isfinite(self.forecast)
        some = np.einsum("al,olhg->oahg", members, known.astype(float)) > 0
        forecast, actual = (
            np.where(some, np.einsum("al,olhg->oahg", members, np.where(known, cube, 0.0)), np.nan)
            for cube in (self.forecast, self.actual)
        )
        return PastForecasts(forecast, actual, self.origins, self.year_groups)

    def of_phases(self) -> PastForecasts:
        """Sums over the year groups of each phase of the chain, which stand in for year groups: (O, L, H, phases)."""
        members = phase_members(self.year_groups)
        forecast, actual = (
            np.stack([cube[..., groups].sum(axis=-1) for groups in members.values()], axis=-1)
            for cube in (self.forecast, self.actual)
        )
        return PastForecasts(forecast, actual, self.origins, tuple(members))


def phase_members(year_groups: Sequence[str]) -> dict[str, IntArray]:
    """Positions of each phase's year groups in the chain; phases without any are left out."""
    members = {phase: np.flatnonzero(np.isin(year_groups, groups)) for phase, groups in PHASES.items()}
    return {phase: positions for phase, positions in members.items() if len(positions)}


def past_forecasts(cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int) -> PastForecasts:
    """Run the chain from every past year that has as much history as the ratios ask for.

    Where that leaves fewer than two origins, years with a shorter history serve too. Births count as published by
    an origin if they were as old then as the newest are now, and ended by the August before its January count.
    """
    starts = cube.starts
    last = int(starts[-1])
    wanted = len(policy.numbers("ratio_weights"))
    origins = starts[wanted:-1]
    if len(origins) < ORIGINS_NEEDED:
        origins = starts[1:-1][-ORIGINS_NEEDED:]
    shape = (len(origins), len(cube.localities), horizon_years, len(cube.year_groups))
    forecast, actual = np.full(shape, np.nan), np.full(shape, np.nan)
    newest = int(births.last_month[-1]) if len(births.last_month) else 0
    history = History.of(cube, births, policy)
    for o, origin in enumerate(int(origin) for origin in origins):
        published = births.known_by(min(12 * origin + 8, newest - 12 * (last - origin)))
        then = cube.until(origin)
        reach = min(horizon_years, last - origin)
        counted: BoolArray = np.any(~np.isnan(then.pupils[:, -1]), axis=1)
        came = cube.pupils[:, then.pupils.shape[1] :][:, :reach]
        made = project(then, published, policy, reach, history).pupils
        scored: BoolArray = counted[:, None, None] & ~np.isnan(came)
        forecast[o, :, :reach] = np.where(scored, made, np.nan)
        actual[o, :, :reach] = np.where(scored, came, np.nan)
    return PastForecasts(forecast, actual, origins, cube.year_groups)


@dataclass(frozen=True, eq=False)
class Spread:
    """Half-width of an interval as a function of the mean: √(square · mean² + line · mean).

    Attributes
    ----------
    square, line : (H, G) for the year groups (or phases) fitted.
    fitted : (H, G) False where the stated default stands in for past errors.

    """

    square: FloatArray
    line: FloatArray
    fitted: BoolArray

    def interval(self, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends for means (…, H, G); never below 0."""
        half = np.sqrt(self.square * mean**2 + self.line * np.maximum(mean, 1.0))
        return np.maximum(mean - half, 0.0), mean + half


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
    spread = Spread(square, np.full(square.shape, z**2), np.zeros(square.shape, dtype=bool))
    if len(past.origins) == 0:
        return spread
    target = past.origins[:, None] + horizon
    in_time = (target <= known_by) if known_by is not None else np.ones(target.shape, dtype=bool)
    kinds = _kinds(past.year_groups, n_horizons)
    for kind in np.unique(kinds):
        cells = [_pairs(past, h, in_time[:, h], kinds[h] == kind) for h in range(n_horizons)]
        components = _fit_kind(cells, z, level)
        if components is not None:
            here = kinds == kind
            for fitted, part in zip((spread.square, spread.line), components, strict=True):
                fitted[here] = np.broadcast_to(part[:, None], here.shape)[here]
            spread.fitted[here] = True
    return spread


def _kinds(year_groups: Sequence[str], n_horizons: int) -> IntArray:
    """Kind of each cell (H, G), by what its cohort went through since the origin; each phase total is its own kind.

    0: moved up within its phase; 1: not yet on roll then; 2: changed from primary to secondary; 3: sixth form.
    """
    if set(year_groups) <= set(PHASES):
        return np.tile(np.arange(len(year_groups)), (n_horizons, 1))
    horizon = np.arange(1, n_horizons + 1)[:, None]
    age = np.array([age_of(group) for group in year_groups])
    changed = (age >= age_of("Y7")) & (age - horizon < age_of("Y7"))
    kind = np.where(np.arange(len(year_groups)) < horizon, 1, np.where(changed, 2, 0))
    return np.where(age >= age_of("Y12"), 3, kind).astype(np.int64)


def _pairs(past: PastForecasts, h: int, origins: BoolArray, groups: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Forecasts and squared errors at one horizon; none with fewer than two origins.

    Cells forecast empty are left out: where a locality has no such pupils nothing can be learnt from it.
    """
    forecast = past.forecast[origins][:, :, h][:, :, groups]
    squared = (past.actual[origins][:, :, h][:, :, groups] - forecast) ** 2
    known: BoolArray = ~np.isnan(squared) & (forecast > 0)
    if known.any(axis=(1, 2)).sum() < ORIGINS_NEEDED:
        return np.empty(0), np.empty(0)
    return forecast[known], squared[known]


def _fit_kind(
    cells: Sequence[tuple[FloatArray, FloatArray]], z: float, level: float
) -> tuple[FloatArray, FloatArray] | None:
    """Square and line component (H,) each, scaled so that the interval holds `level` of the errors."""
    fitted = [h for h, (forecast, _) in enumerate(cells) if len(forecast)]
    if not fitted:
        return None
    # Looking further ahead is never surer; few origins reach the long horizons and may have been lucky.
    variance = np.maximum.accumulate(np.array([_fit_variance(*cells[h]) for h in fitted]))
    relative = []
    for (square, line), h in zip(variance, fitted, strict=True):
        forecast, squared = cells[h]
        expected = square * forecast**2 + line * np.maximum(forecast, 1.0)
        relative.append(np.divide(squared, expected, out=np.zeros_like(squared), where=expected > 0))
    ratio = np.concatenate(relative)
    widening = float(np.quantile(ratio, level)) if len(ratio) >= ERRORS_NEEDED else z**2
    horizon = np.arange(len(cells))
    nearest = np.maximum(np.searchsorted(fitted, horizon, side="right") - 1, 0)
    reach = (horizon + 1) / (np.array(fitted)[nearest] + 1)
    return widening * variance[nearest, 0] * reach**2, widening * variance[nearest, 1] * reach


def _fit_variance(forecast: FloatArray, squared: FloatArray) -> tuple[float, float]:
    """a² and b of one horizon, from squared errors weighted by 1 ÷ mean², both at least 0."""
    mean = np.maximum(forecast, 1.0)
    (square, line), _ = nnls(np.stack([mean, np.ones_like(mean)], axis=1), squared / mean)
    return square, line


def backtest(
    pupils: pd.DataFrame,
    births: pd.DataFrame,
    localities: pd.DataFrame,
    *,
    base_year: str,
    horizon_years: int,
    policy: Policy,
) -> pd.DataFrame:
    """Past forecasts against outturns: the chain alone, without housing or adjustments.

    One row per locality × origin × horizon_years × year_group with forecast, p10, p90, actual and `interval_from`:
    intervals use only the errors known at the origin, or the stated default where too few were.
    """
    codes = localities["locality"].tolist()
    cube = pupil_cube(pupils, codes, base_year)
    past = past_forecasts(cube, birth_series(births, codes), policy, horizon_years)
    return backtest_table(past, codes, policy)


def backtest_table(past: PastForecasts, localities: Sequence[str], policy: Policy) -> pd.DataFrame:
    """The backtest as a long table; see `backtest`."""
    low, high = np.empty_like(past.forecast), np.empty_like(past.forecast)
    fitted = np.zeros(past.forecast.shape)
    for o, origin in enumerate(past.origins):
        spread = fit_spread(past, policy, known_by=int(origin))
        low[o], high[o] = spread.interval(past.forecast[o])
        fitted[o] = spread.fitted
    table = cube_frame(
        {
            "origin": year_labels(past.origins),
            "locality": localities,
            "horizon_years": range(1, past.forecast.shape[2] + 1),
            "year_group": past.year_groups,
        },
        forecast=past.forecast, p10=low, p90=high, actual=past.actual, fitted=fitted,
    ).dropna()  # fmt: skip
    table["interval_from"] = np.where(table.pop("fitted") > 0, FROM_ERRORS, FROM_DEFAULT)
    columns = ["locality", "origin", "horizon_years", "year_group", "forecast", "p10", "p90", "actual", "interval_from"]
    return table[columns].reset_index(drop=True)


def held_share(past: PastForecasts, spread: Spread) -> float:
    """Share of all past outturns inside the interval fitted to them; NaN without any."""
    low, high = spread.interval(past.forecast)
    known = ~np.isnan(past.actual)
    inside = (low <= past.actual) & (past.actual <= high)
    return float(inside[known].mean()) if known.any() else float("nan")
