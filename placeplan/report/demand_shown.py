"""Forecast, balance and past errors as the report shows them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.years import phase_of
from models.accuracy import AUTHORITY, pooled
from models.housing import TERMS
from placeplan.methodology import OWN
from placeplan.report.chart import pupils_and_places
from placeplan.results import read_stage
from placeplan.study import Study

SHOWN_AHEAD = (1, 3, 5)


def phases(forecast: pd.DataFrame, supply: pd.DataFrame) -> list[dict[str, Any]]:
    """By phase: the forecast of the authority beside its places, with a chart."""
    if forecast.empty:
        return []
    shown = []
    for phase, rows in forecast.groupby("phase", sort=False):
        rows = rows.sort_values("academic_year")
        table = rows[["academic_year", "mean", "p10", "p90", "unadjusted"]]
        if len(supply):
            own = supply[supply["phase"] == phase].rename(columns={"pupils": "roll"})
            own = own[["academic_year", "roll", "places", "need", "spare"]]
            table = table.merge(own, on="academic_year", how="left")
        shown.append({"phase": phase, "rows": table.to_dict("records"), "chart": pupils_and_places(table, str(phase))})
    return shown


def on_top(study: Study, results: Path, ran: set[str]) -> dict[str, Any]:
    """What was added to past ratios: new homes by phase and term, and local intelligence entry by entry."""
    shown: dict[str, Any] = {"housing": [], "housing_years": [], "adjusted": []}
    if "forecast" not in ran:
        return shown
    if "adjustments" in study.tables:
        shown["adjusted"] = read_stage(results / "forecast", "adjusted").to_dict("records")
    if "housing" in study.tables:
        terms = read_stage(results / "forecast", "housing_terms")
        terms["phase"] = terms["year_group"].map(phase_of)
        terms["term"] = pd.Categorical(terms["term"], TERMS, ordered=True)
        wide = terms.pivot_table(
            index=["phase", "term"], columns="academic_year", values="pupils", aggfunc="sum", observed=True
        )
        shown["housing_years"] = list(wide.columns)
        shown["housing"] = [
            {"phase": phase, "term": term, "pupils": list(row)}
            for (phase, term), row in zip(wide.index, wide.to_numpy(), strict=True)
        ]
    return shown


def ends_of_balance(study: Study, results: Path) -> list[dict[str, Any]]:
    """Need and spare by planning area in the base year and the last year: cells summed, never netted off."""
    balance = read_stage(results / "balance", "balance")
    first, last = balance["academic_year"].min(), balance["academic_year"].max()
    ends = balance[balance["academic_year"].isin((first, last))]
    summed = ends.groupby(["planning_area", "phase", "academic_year"], as_index=False)[
        ["pupils", "places", "need", "spare"]
    ].sum()
    return summed.sort_values(["phase", "planning_area", "academic_year"]).to_dict("records")  # type: ignore[no-any-return]


def accuracy(results: Path) -> list[dict[str, Any]]:
    """Error, bias and coverage of the forecast by phase, level and years ahead, over all origins."""
    table = pooled(read_stage(results / "backtest", "accuracy"))
    own = table[(table["method"] == OWN) & table["horizon_years"].isin(SHOWN_AHEAD)]
    return [row for _, rows in own.groupby("phase") for row in rows.to_dict("records")]


def methods(results: Path) -> list[dict[str, Any]]:
    """Mean error of the authority's totals one, three and five years ahead, by method and phase."""
    table = pooled(read_stage(results / "backtest", "accuracy"))
    table = table[(table["level"] == AUTHORITY) & table["horizon_years"].isin(SHOWN_AHEAD)]
    wide = table.pivot_table(index=["phase", "method"], columns="horizon_years", values="error")
    wide = wide.reindex(columns=SHOWN_AHEAD)
    order = sorted(wide.index, key=lambda at: (at[0], at[1] != OWN, at[1]))
    return [
        {"phase": at[0], "method": at[1], "errors": [None if pd.isna(v) else float(v) for v in wide.loc[at]]}
        for at in order
    ]


def methods_told(results: Path, ran: Collection[str]) -> list[tuple[str, list[str]]]:
    """The methodology statements as paragraphs."""
    told = (("forecast", "How pupils were forecast"), ("balance", "How pupils on roll and places were counted"))
    found = []
    for stage, title in told:
        path = results / stage / "methodology.md"
        if stage in ran and path.exists():
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
            found.append(
                (title, [line.lstrip("#-* ").replace("**", "").replace("`", "") for line in lines if line][1:])
            )
    return found
