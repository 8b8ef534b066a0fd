"""Demand: pupils by locality, year group and academic year, with p10, p50 and p90.

births → R → Y1 → … → Y11 (→ Y12 → Y13)   models.progression, level by level; made coherent by models.coherence
+ pupils from new homes                    models.housing
+ logged local intelligence                one cell each, as it was written down
± how far past forecasts were out          models.uncertainty
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PHASES, academic_year, start_year
from models.coherence import THREADS, Coherent, coherent_forecast
from models.cohorts import (
    BirthSeries,
    FloatArray,
    IntArray,
    PupilCube,
    birth_series,
    cube_frame,
    locality_groups,
    pupil_cube,
    year_labels,
)
from models.data_quality import quality_notes
from models.groups import grouped, membership
from models.housing import housing_pupils
from models.progression import Projection
from models.uncertainty import ORIGINS_NEEDED, PastForecasts, Spread, fit_spread, held_share, phase_members

NAMED = 5  # adjustments named that change nothing


@dataclass(frozen=True, eq=False)
class Tested:
    """What joint draws are made from: nothing of it has to be run again.

    Attributes
    ----------
    mean : (L, H, G) the forecast of the tables.
    past : forecasts from past years, and what came.
    spreads : of the localities' year groups and of their phase totals, fitted to `past`.

    """

    mean: FloatArray
    past: PastForecasts
    spreads: tuple[Spread, Spread]


@dataclass(frozen=True, eq=False)
class ForecastResult:
    """A forecast; every table has mean, p10, p50, p90 and `unadjusted`, the mean before local intelligence.

    The base year stands first in each, as counted: its p10 and p90 are the count. Quantiles of a sum come from the
    past errors of that sum and are not sums of quantiles; means do add up.

    Attributes
    ----------
    table : locality, academic_year, year_group.
    authority : academic_year, year_group.
    phase : locality, phase, academic_year.
    authority_phase : phase, academic_year.
    area : planning_area, phase, academic_year; localities without an area of the phase count in "".
    notes : fallbacks used, with counts, and how well the intervals held in the past.
    interval_coverage : share of past outturns inside the intervals fitted to them; NaN where the default is used.
    tested : arrays behind the tables, for draws in the same process.

    """

    table: pd.DataFrame
    authority: pd.DataFrame
    phase: pd.DataFrame
    authority_phase: pd.DataFrame
    area: pd.DataFrame
    notes: list[str]
    interval_coverage: float
    tested: Tested


def forecast_pupils(
    pupils: pd.DataFrame,
    births: pd.DataFrame,
    localities: pd.DataFrame,
    *,
    base_year: str,
    horizon_years: int,
    policy: Policy,
    housing: pd.DataFrame | None = None,
    adjustments: pd.DataFrame | None = None,
) -> ForecastResult:
    """Forecast the `horizon_years` after `base_year` from the tables of a study.

    Localities are taken in their order; a mean is never negative and never missing. ValueError if there are no
    pupils in the base year, or none from R to Y11.
    """
    codes = localities["locality"].tolist()
    cube, series = pupil_cube(pupils, codes, base_year), birth_series(births, codes)
    cube = replace(cube, groups=locality_groups(localities))
    made = coherent_forecast(cube, series, policy, horizon_years)
    notes = [*cube.notes, *_notes(cube, series, made.projection, policy), *_agreed(made)]
    if series.strangers:
        notes.append(f"{series.strangers} rows of births name a locality that is not in the list; they are left out.")
    notes += quality_notes(cube, series, made.links, policy, _places(localities))
    base = start_year(base_year)
    starts = base + 1 + np.arange(horizon_years)
    unadjusted = made.pupils
    if housing is not None and len(housing):
        added, said = housing_pupils(housing, codes, base, starts, cube.year_groups, policy)
        unadjusted = unadjusted + added
        notes += said
    mean = unadjusted
    if adjustments is not None and len(adjustments):
        change, said = _changes(adjustments, cube, starts)
        mean = np.maximum(unadjusted + change, 0.0)
        notes += said
        if (below := int((unadjusted + change < 0).sum())) > 0:
            notes.append(f"{below} adjustments take away more pupils than are forecast; 0 stands.")
    past, totals = made.past, made.past.of_phases()
    with ThreadPoolExecutor(THREADS) as pool:
        of_cells, of_totals = pool.map(lambda tested: fit_spread(tested, policy), (past, totals))
    tested = Tested(mean, past, (of_cells, of_totals))
    coverage, said = _held(past, tested.spreads[0], policy)
    tables = _tables(cube, starts, unadjusted, tested, totals, policy, localities)
    return ForecastResult(*tables, notes=[*notes, *said], interval_coverage=coverage, tested=tested)


def _places(localities: pd.DataFrame) -> dict[str, list[str]]:
    """Names of each locality and of what it belongs to, by kind of place."""
    codes = localities["locality"].astype(str)
    names = localities.get("name", codes)
    named = [code if code == name else f"{name} ({code})" for code, name in zip(codes, names, strict=True)]
    columns = {"authority": "authority"} | {f"planning area ({phase})": f"planning_area_{phase}" for phase in PHASES}
    held = {kind: column for kind, column in columns.items() if column in localities}
    return {kind: localities[column].fillna("").astype(str).tolist() for kind, column in held.items()} | {
        "locality": named
    }


def _changes(adjustments: pd.DataFrame, cube: PupilCube, starts: IntArray) -> tuple[FloatArray, list[str]]:
    """Local intelligence (L, H, G): each entry changes its own cell and nothing else."""
    cell = (
        pd.Index(cube.localities).get_indexer(adjustments["locality"]),
        pd.Index(starts).get_indexer(adjustments["academic_year"].map(start_year)),
        pd.Index(cube.year_groups).get_indexer(adjustments["year_group"]),
    )
    kept = np.minimum.reduce(cell) >= 0
    change = np.zeros((len(cube.localities), len(starts), len(cube.year_groups)))
    np.add.at(change, tuple(axis[kept] for axis in cell), adjustments["change"].to_numpy(dtype=float)[kept])
    if kept.all():
        return change, []
    outside = adjustments[~kept]
    named = [f"{r.locality} {r.year_group} {r.academic_year}" for r in outside.head(NAMED).itertuples()]
    more = f" and {len(outside) - NAMED} more" if len(outside) > NAMED else ""
    return change, [
        f"{len(outside)} adjustments change nothing, outside the localities, years or year groups forecast: "
        f"{', '.join(named)}{more}."
    ]


def _tables(
    cube: PupilCube,
    starts: IntArray,
    unadjusted: FloatArray,
    tested: Tested,
    totals: PastForecasts,
    policy: Policy,
    localities: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tables of `ForecastResult`; `totals` are past forecasts by phase."""
    base, _ = cube.filled_latest()
    years = year_labels([int(starts[0]) - 1, *starts])
    members = phase_members(cube.year_groups)

    def by_phase(pupils: FloatArray) -> FloatArray:
        return np.stack([pupils[..., groups].sum(axis=-1) for groups in members.values()], axis=-1)

    def whole(pupils: FloatArray) -> FloatArray:
        total: FloatArray = pupils.sum(axis=0)
        return total

    mean, (of_cell, of_total) = tested.mean, tested.spreads
    everywhere = tested.past.of_authority()
    places = {"locality": cube.localities}
    cells = {"academic_year": years, "year_group": cube.year_groups}
    phases = {"academic_year": years, "phase": tuple(members)}
    of_cells = _rows(base, unadjusted, mean, of_cell)
    of_authority = _rows(whole(base), whole(unadjusted), whole(mean), fit_spread(everywhere, policy))
    table = cube_frame({**places, **cells}, **of_cells)
    authority = cube_frame(cells, **of_authority)
    base, unadjusted, mean = by_phase(base), by_phase(unadjusted), by_phase(mean)
    of_phases = _rows(base, unadjusted, mean, of_total)
    of_sums = _rows(whole(base), whole(unadjusted), whole(mean), fit_spread(everywhere.of_phases(), policy))
    areas = _area_table(localities, (base, unadjusted, mean), totals, years, policy)
    return table, authority, cube_frame({**places, **phases}, **of_phases), cube_frame(phases, **of_sums), areas


def _rows(now: FloatArray, before: FloatArray, after: FloatArray, spread: Spread) -> dict[str, FloatArray]:
    """Columns (…, 1 + H, G): the count of the base year, then the forecast."""
    low, high = spread.interval(after)
    columns = {"mean": after, "p10": low, "p50": after, "p90": high, "unadjusted": before}
    return {name: np.concatenate([now[..., None, :], c], axis=-2) for name, c in columns.items()}


def _area_table(
    localities: pd.DataFrame,
    by_phase: tuple[FloatArray, FloatArray, FloatArray],
    past: PastForecasts,
    years: Sequence[str],
    policy: Policy,
) -> pd.DataFrame:
    """Sums over planning areas with quantiles from the past errors of those sums.

    `by_phase` are (now, before, after) of localities: (L, P), (L, H, P), (L, H, P); `past` is by phase too.
    """
    frames = []
    for p, phase in enumerate(past.year_groups):
        column = f"planning_area_{phase}"
        named = localities[column] if column in localities else pd.Series("", index=localities.index)
        areas, at = np.unique(named.fillna("").astype(str), return_inverse=True)
        members = membership(at, len(areas))
        one = replace(past, forecast=past.forecast[..., [p]], actual=past.actual[..., [p]], year_groups=(phase,))
        own = one.of_groups(members)
        now, before, after = (grouped(members, part[..., [p]]) for part in by_phase)
        axes = {"planning_area": areas.tolist(), "academic_year": years, "phase": (phase,)}
        frames.append(cube_frame(axes, **_rows(now, before, after, fit_spread(own, policy))))
    return pd.concat(frames, ignore_index=True)


def _notes(cube: PupilCube, series: BirthSeries, projection: Projection, policy: Policy) -> list[str]:
    """Fallbacks the chain used, in sentences."""
    groups, ratios = cube.year_groups, projection.ratios
    wanted = len(policy.numbers("ratio_weights"))
    notes = [f"Past years are weighed by: {_named(projection)}."]
    if projection.filled_localities:
        notes.append(
            f"{projection.filled_localities} localities were counted in earlier years and not in the base year; "
            "their latest count, moved up, stands."
        )
    if len(groups) > 1 and (fewest := int(ratios.years_used[1:].min())) < wanted:
        notes.append(
            f"Ratios between year groups rest on {fewest} past years, not {wanted}."
            if fewest
            else "Only one year of pupils: year groups are moved up unchanged (ratio 1)."
        )
    if (never := int(np.isnan(cube.pupils).all(axis=(1, 2)).sum())) > 0:
        notes.append(f"{never} localities were never counted and have no pupils.")
    if projection.without_births:
        notes.append(f"{projection.without_births} localities have no usable births; {groups[0]} repeats past entry.")
    elif projection.uptake_years < wanted:
        notes.append(f"The ratio of births to {groups[0]} rests on {projection.uptake_years} past years, not {wanted}.")
    if projection.births_scaled:
        years = ", ".join(academic_year(start) for start in projection.births_scaled)
        notes.append(f"Births of the cohorts entering in {years} are known in part and scaled up.")
    if projection.births_assumed:
        years = ", ".join(academic_year(start) for start in projection.births_assumed)
        averaged = policy.integer("births_beyond_years")
        notes.append(
            f"Cohorts entering in {years} are not yet born or counted: mean of the last {averaged} years of births."
        )
        out = [series.projection_error(averaged, ahead) for ahead in (1, 3)]
        if not np.isnan(out).any():
            notes.append(f"Such means have been out by {out[0]:.1%} one year and {out[1]:.1%} three years on.")
    return notes


def _agreed(made: Coherent) -> list[str]:
    """How far the authority's own forecast moved the sum of its localities."""
    if len(made.pupils) == 1:
        return []
    if (made.authority_share == 1).all():
        return ["Fewer than two past years can be tested: localities share the authority's own forecast in proportion."]
    near, far = made.authority_share[0].mean(), made.authority_share[-1].mean()
    return [
        "Localities, planning areas and the authority are each forecast and then agree by least squares: beside the "
        f"sum of its localities, the authority's own forecast counts {near:.0%} one year and {far:.0%} "
        f"{len(made.authority_share)} years ahead."
    ]


def _named(projection: Projection) -> str:
    """Recipes in use, most used first."""
    names = projection.ratios.recipes
    return "; ".join(sorted(set(names), key=lambda name: (-names.count(name), name)))


def _held(past: PastForecasts, spread: Spread, policy: Policy) -> tuple[float, list[str]]:
    """Share of past outturns the locality intervals hold, and where the intervals come from."""
    level, share = policy.number("interval_level"), policy.number("interval_default_share")
    if _tested(past) == 0:
        return float("nan"), [
            "Fewer than two past years can be tested: p10 and p90 are a stated default, a Poisson count and "
            f"{share:.0%} of the mean for each year ahead."
        ]
    held = held_share(past, spread)
    labels = year_labels(past.origins)
    notes = [
        f"Intervals are fitted to the errors of forecasts from {labels[0]} to {labels[-1]}: p10 to p90 of a year group "
        f"in a locality hold {held:.0%} of those same outturns (asked: {level:.0%}); how many they held as known at "
        "the time, the backtest says."
    ]
    if (tested := _tested(past)) < past.forecast.shape[2]:
        notes.append(f"More than {tested} years ahead, widths are extended in proportion: fewer than two outturns.")
    return held, notes


def _tested(past: PastForecasts) -> int:
    """Longest horizon that at least two origins have outturns for."""
    origins = (~np.isnan(past.actual)).any(axis=(1, 3)).sum(axis=0)
    return int((origins >= ORIGINS_NEEDED).sum())
