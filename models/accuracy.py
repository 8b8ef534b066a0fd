"""How accurate past forecasts were: error, bias and coverage by level, phase, origin and years ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PHASES, academic_year
from models.cohorts import FloatArray
from models.error_model import PlanningAreas
from models.uncertainty import PastForecasts, intervals_then, phase_members

AUTHORITY, AREAS, LOCALITIES, YEAR_GROUPS = "authority", "planning areas", "localities", "year groups"
LEVELS = (AUTHORITY, AREAS, LOCALITIES, YEAR_GROUPS)
KEY = ["level", "phase", "method", "horizon_years"]
COLUMNS = ["level", "phase", "method", "origin", "horizon_years", "error", "bias", "inside", "judged", "outturns"]


def accuracy(past: PastForecasts, areas: PlanningAreas, method: str, policy: Policy | None = None) -> pd.DataFrame:
    """Errors of one method, a row for each level × phase × origin × years ahead.

    The first three levels are phase totals (R–Y6, Y7–Y11) of the authority, its planning areas and its localities; the
    last is the year groups of localities. `error` is the sum of absolute errors ÷ the sum of outturns, `bias` the same
    of signed errors (positive: too many) – of an authority's total the definition of the published scorecards.
    `inside` of the `judged` outturns lay between p10 and p90 where these came from errors known at the origin; nothing
    is judged without `policy`. Planning areas are left out where they do not divide the localities.
    """
    rows = [
        row
        for level, phase, cells in _levels(past, areas)
        for row in _rows(cells, {"level": level, "phase": phase, "method": method}, policy)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def pooled(errors: pd.DataFrame, origins: Sequence[str] | None = None) -> pd.DataFrame:
    """Means of `accuracy` over its origins, or those named, in the order of levels.

    Columns: level, phase, method, horizon_years, error, bias (every origin counts alike), coverage (of all outturns
    together; NaN where none was judged), outturns, origins.
    """
    rows = errors if origins is None else errors[errors["origin"].isin(origins)]
    rows = rows.assign(level=pd.Categorical(rows["level"], LEVELS, ordered=True))
    grouped = rows.groupby(KEY, observed=True, sort=True)
    table = grouped[["error", "bias"]].mean()
    judged = grouped["judged"].sum()
    table["coverage"] = grouped["inside"].sum() / judged.where(judged > 0)
    table["outturns"] = grouped["outturns"].sum()
    table["origins"] = grouped["origin"].nunique()
    return table.reset_index().astype({"level": str})


def _levels(past: PastForecasts, areas: PlanningAreas) -> Iterator[tuple[str, str, PastForecasts]]:
    """Past forecasts (O, K, H, 1 or the phase's year groups) of each level and phase."""
    members, totals = phase_members(past.year_groups), past.of_phases()
    for p, phase in enumerate(totals.year_groups):
        total = _only(totals, [p])
        yield AUTHORITY, phase, total.of_authority()
        place = list(PHASES).index(phase)
        if 1 < len(areas.names[place]) < total.forecast.shape[1]:
            yield AREAS, phase, total.of_groups(areas.members(place))
        yield LOCALITIES, phase, total
        yield YEAR_GROUPS, phase, _only(past, members[phase].tolist())


def _only(past: PastForecasts, groups: Sequence[int]) -> PastForecasts:
    names = tuple(past.year_groups[group] for group in groups)
    forecast, actual = past.forecast[..., groups], past.actual[..., groups]
    return replace(past, forecast=forecast, actual=actual, year_groups=names)


def _rows(past: PastForecasts, labels: dict[str, str], policy: Policy | None) -> Iterator[dict[str, object]]:
    known = np.isfinite(past.forecast) & np.isfinite(past.actual)
    came, out = (np.where(known, cube, 0.0) for cube in (past.actual, past.forecast - past.actual))
    whole, missed, signed = (_per_horizon(cube) for cube in (came, np.abs(out), out))
    inside, judged = np.zeros_like(whole), np.zeros_like(whole)
    if policy is not None:
        low, high, fitted = intervals_then(past, policy)
        told = known & fitted
        inside = _per_horizon((told & (low <= past.actual) & (past.actual <= high)).astype(float))
        judged = _per_horizon(told.astype(float))
    count = _per_horizon(known.astype(float))
    for o, h in np.argwhere(whole > 0):
        yield labels | {
            "origin": academic_year(int(past.origins[o])),
            "horizon_years": int(h) + 1,
            "error": missed[o, h] / whole[o, h],
            "bias": signed[o, h] / whole[o, h],
            "inside": int(inside[o, h]),
            "judged": int(judged[o, h]),
            "outturns": int(count[o, h]),
        }


def _per_horizon(cube: FloatArray) -> FloatArray:
    """Sums (O, H) of (O, K, H, G)."""
    total: FloatArray = cube.sum(axis=(1, 3))
    return total
