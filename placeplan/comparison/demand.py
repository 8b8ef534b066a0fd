"""Demand and places of two sides: forecasts with their ranges, need and spare, and what policy asks to be retained."""

from __future__ import annotations

from typing import Final

import pandas as pd

from placeplan.comparison.sides import Side, side_by_side

LEVELS: Final = {
    "authority": ("forecast_authority_phase", None),
    "planning area": ("forecast_area", "planning_area"),
    "locality": ("forecast_phase", "locality"),
}
"""Level, its table and the column of its places."""
RANGE: Final = ["mean", "p10", "p90"]
FORECAST: Final = [
    "level", "place", "phase", "academic_year", "mean_a", "p10_a", "p90_a", "mean_b", "p10_b", "p90_b",
    "difference", "b_within_a", "a_within_b",
]  # fmt: skip
CELLS: Final = ["pupils", "places", "need", "spare"]
BALANCE: Final = [
    "planning_area", "phase", "academic_year", *(f"{cell}_{side}" for cell in CELLS for side in "ab"),
    "need_difference", "spare_difference",
]  # fmt: skip
RETAINED: Final = [
    "planning_area", "phase", "kind", "academic_year", "asked_a", "asked_b", "plan_a", "plan_b", "difference",
]  # fmt: skip
UNMATCHED: Final = ["what", "key", "only_in"]
TOLERANCE: Final = 1e-6
"""Pupils and places: less is the last digit of a sum."""


def forecast_differences(a: Side, b: Side) -> pd.DataFrame:
    """Forecast pupils of both by level, place, phase and year, of years and places that both have.

    Columns as in FORECAST; `difference` is b less a; `b_within_a` says whether the mean of b lies from p10 to p90 of a.
    A year that one side has counted has no range there: within it lies only the same number.
    """
    frames = []
    for level, (name, column) in LEVELS.items():
        if not (a.has(name) and b.has(name)):
            continue
        keys = ["academic_year", "phase"] if column is None else [column, "academic_year", "phase"]
        both = side_by_side(a.tables[name], b.tables[name], keys, RANGE)
        both["place"] = "" if column is None else both[column].astype(str)
        frames.append(both.assign(level=level))
    if not frames:
        return pd.DataFrame(columns=FORECAST)
    table = pd.concat(frames, ignore_index=True)
    table["difference"] = _small_is_none(table["mean_b"] - table["mean_a"])
    for one, other in ("ba", "ab"):
        low, high = table[f"p10_{other}"] - TOLERANCE, table[f"p90_{other}"] + TOLERANCE
        table[f"{one}_within_{other}"] = table[f"mean_{one}"].between(low, high)
    return table[FORECAST]


def balance_differences(a: Side, b: Side) -> pd.DataFrame:
    """Need and spare of both by planning area, phase and year: sums over year groups, never one less the other.

    Columns as in BALANCE; a difference is b less a.
    """
    if not (a.has("balance") and b.has("balance")):
        return pd.DataFrame(columns=BALANCE)
    keys = ["planning_area", "phase", "academic_year"]
    sums = [side.tables["balance"].groupby(keys, as_index=False)[CELLS].sum() for side in (a, b)]
    table = side_by_side(sums[0], sums[1], keys, CELLS)
    for cell in ("need", "spare"):
        table[f"{cell}_difference"] = _small_is_none(table[f"{cell}_b"] - table[f"{cell}_a"])
    return table[BALANCE]


def retained_differences(a: Side, b: Side) -> pd.DataFrame:
    """Places that policy asks for and that each plan has, by planning area, phase, kind and year; RETAINED."""
    if not (a.has("retained") and b.has("retained")):
        return pd.DataFrame(columns=RETAINED)
    keys = ["planning_area", "phase", "kind", "academic_year"]
    table = side_by_side(a.tables["retained"], b.tables["retained"], keys, ["asked", "plan"])
    return table.assign(difference=_small_is_none(table["plan_b"] - table["plan_a"]))[RETAINED]


def unmatched(a: Side, b: Side) -> pd.DataFrame:
    """Schools, localities, planning areas and years that are on one side only: what, key, only_in (the side's name)."""
    rows: list[tuple[str, str, str]] = []
    for what, name, column in (
        ("school", "school_places", "urn"),
        ("locality", "forecast_phase", "locality"),
        ("planning area", "balance", "planning_area"),
        ("year", "forecast_authority_phase", "academic_year"),
    ):
        if not (a.has(name) and b.has(name)):
            continue
        keys = [set(side.tables[name][column].astype(str)) for side in (a, b)]
        rows += [(what, key, a.name) for key in sorted(keys[0] - keys[1])]
        rows += [(what, key, b.name) for key in sorted(keys[1] - keys[0])]
    return pd.DataFrame(rows, columns=UNMATCHED)


def _small_is_none(difference: pd.Series) -> pd.Series:
    return difference.where(difference.abs() > TOLERANCE, 0.0)
