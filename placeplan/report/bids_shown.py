"""Bids in place as the page of their competition shows them: a row a bid, deficits by year, neighbours, homes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from placeplan.pages.bids import bid_map_file
from placeplan.report.formats import per_cent, pounds
from placeplan.study import Study
from placeplan.tenders.bid_in_place import CHOSEN, PLANNED, InPlace
from placeplan.words import money

SHOWN = 12  # schools, and localities
BASES = (CHOSEN, PLANNED)
WORTH = "The whole plan, journeys of families included, against no school here"


def bids_shown(study: Study, competition: str, page: str, in_place: InPlace) -> dict[str, Any] | None:
    """What the template needs, None where no bid of the competition is in place; `page` is the name of its page."""
    if not in_place.tables:
        return None
    own = {name: table[table["competition"] == competition] for name, table in in_place.tables.items()}
    bids, deficits = own["bids_in_place"], own["bid_deficits"]
    if bids.empty:
        return None
    codes, last = bids["bid"].tolist(), str(deficits["academic_year"].max())
    neighbours, more = _neighbours(own["bid_neighbours"], codes, last)
    return {
        "codes": codes,
        "map": bid_map_file(study, page),
        "last_year": last,
        "figures": _figures(bids, " and ".join(deficits["planning_area"].unique())),
        "deficits": _deficits(deficits, codes),
        "neighbours": neighbours,
        "more_neighbours": more,
        "budgets": _budgets(own["bid_finances"], codes),
        "homes": _homes(study, own["bid_pupils"], codes, last),
    }


def _figures(bids: pd.DataFrame, areas: str) -> list[tuple[str, list[str]]]:
    """Line by line, in words, a figure of each bid."""
    lines: list[tuple[str, str, Callable[[Any], str]]] = [
        ("Opens", "opens", str),
        ("Places when full", "places", str),
        (f"Places short in {areas} over the plan years, no school on the site", "deficit_before", whole),
        ("… with the bid", "deficit_after", whole),
        ("Pupils planned", "pupils_planned", whole),
        ("Pupils chosen", "pupils_chosen", whole),
        ("… who would come if places were no limit", "pupils_wanting", whole),
        ("Newly within walking distance", "newly_within_chosen", whole),
        ("Newly beyond walking distance", "newly_beyond_chosen", whole),
        ("Other schools whose reserves would no longer last, as parents would choose", "not_viable_chosen", str),
        ("… as planned", "not_viable_planned", str),
        ("Capital a place", "capital_per_place_gbp", pounds),
        ("… of the benchmark", "of_benchmark", per_cent),
    ]
    worth = [_worth(row.more_least_gbp, row.more_most_gbp, row.clash) for row in bids.itertuples()]
    return [
        *((words, [say(value) or "none" for value in bids[column]]) for words, column, say in lines),
        (WORTH, worth),
    ]


def _worth(least_gbp: float, most_gbp: float, clash: str) -> str:
    """What the whole plan costs with the bid against none on the site, between proven figures."""
    if clash:
        return f"no plan with it keeps every rule: {clash}"
    if least_gbp != least_gbp or most_gbp != most_gbp:
        return "not known"
    if most_gbp <= 0:
        return f"saves {money(-most_gbp)} to {money(-least_gbp)}"
    if least_gbp >= 0:
        return f"costs {money(least_gbp)} to {money(most_gbp)} more"
    return f"not settled: from {money(-least_gbp)} less to {money(most_gbp)} more"


def whole(value: float) -> str:
    """A number of pupils or places; a dash where there is none."""
    return "–" if value != value else f"{value:,.0f}"


def _deficits(deficits: pd.DataFrame, codes: list[str]) -> list[dict[str, Any]]:
    """One table a phase and kind: by year what is short without the bids and with each."""
    tables = []
    for (phase, area, kind), rows in deficits.groupby(["phase", "planning_area", "kind"], sort=False):
        after = rows.pivot_table(index="academic_year", columns="bid", values="deficit_after")[codes]
        before = rows.groupby("academic_year")["deficit_before"].first()
        lines = [{"year": year, "before": before[year], "after": after.loc[year].tolist()} for year in after.index]
        tables.append({"phase": phase, "area": area, "kind": kind, "rows": lines})
    return tables


def _neighbours(table: pd.DataFrame, codes: list[str], last: str) -> tuple[list[dict[str, Any]], int]:
    """Schools that change most under any bid in the last plan year, and how many more there are."""
    rows = table[table["academic_year"] == last]
    most = rows[["change_chosen", "change_planned"]].abs().max(axis=1).groupby(rows["facility"]).max()
    most = most[most >= 0.5].sort_values(ascending=False, kind="stable")
    changes = _by_bid(rows, "facility", codes, ["change_chosen", "change_planned"])
    budgets = rows.assign(lost=rows["balance_chosen_gbp"] - rows["balance_without_gbp"])
    lost = budgets.pivot_table(index="facility", values="lost", aggfunc="min")["lost"]
    about = rows.drop_duplicates("facility").set_index("facility")
    shown = [
        {
            "name": about.loc[key, "name"],
            "places": about.loc[key, "places"],
            "roll": about.loc[key, "roll_without"],
            "balance": about.loc[key, "balance_without_gbp"],
            "lost": lost.get(key),
            "change": changes(key),
        }
        for key in most.index[:SHOWN]
    ]
    return shown, max(len(most) - SHOWN, 0)


def _budgets(table: pd.DataFrame, codes: list[str]) -> list[dict[str, Any]]:
    """Pupils and balance of each bid's school by year since opening, as chosen and as planned."""
    rows = table.assign(year=table.groupby(["bid", "basis"]).cumcount() + 1)
    lines = []
    for year, of_year in rows.groupby("year"):
        cells = of_year.set_index(["bid", "basis"])
        lines.append(
            {
                "year": year,
                "cells": [
                    [(cells.loc[(bid, basis), "pupils"], cells.loc[(bid, basis), "balance_gbp"]) for basis in BASES]
                    for bid in codes
                ],
            }
        )
    return lines


def _homes(study: Study, pupils: pd.DataFrame, codes: list[str], last: str) -> list[dict[str, Any]]:
    """Localities from which most would come in the last plan year; all others, and from outside, in the last line."""
    points = study.tables["demand_points"].set_index("demand_point")["locality"]
    names = study.tables["localities"].set_index("locality")["name"]
    rows = pupils[pupils["academic_year"] == last]
    home = rows["demand_point"].map(points).map(names).fillna("Outside the study")
    wide = rows.assign(home=home).pivot_table(
        index=["home", "bid"], columns="basis", values="pupils", aggfunc="sum", fill_value=0.0
    )
    wide = wide.reindex(columns=[CHOSEN, PLANNED], fill_value=0.0).reset_index()
    most = wide.groupby("home")[CHOSEN].max() + wide.groupby("home")[PLANNED].max()
    order = most.sort_values(ascending=False, kind="stable").index.tolist()
    if len(order) > SHOWN:
        wide["home"] = wide["home"].where(wide["home"].isin(order[:SHOWN]), "All others")
        wide = wide.groupby(["home", "bid"], as_index=False)[[CHOSEN, PLANNED]].sum()
        order = [*order[:SHOWN], "All others"]
    by_bid = _by_bid(wide, "home", codes, [CHOSEN, PLANNED])
    return [{"name": name, "pupils": by_bid(name)} for name in order]


def _by_bid(table: pd.DataFrame, key: str, codes: list[str], columns: list[str]) -> Any:
    """For a key, the columns' figures of each bid; 0 where the bid has no row."""
    indexed = table.set_index([key, "bid"])[columns]

    def of(name: str) -> list[tuple[float, ...]]:
        wide = indexed.reindex([(name, code) for code in codes]).fillna(0.0)
        return [tuple(row) for row in wide.itertuples(index=False)]

    return of
