"""What is proposed for each school and site, and whose journey changes."""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from maps.areas import area_layers
from maps.basemap import Basemap
from maps.decisions import ACTIONS, NOT_CHOSEN, decision_fields, facilities_of, keys_of, with_keys
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import GREY, TAKES
from maps.tables import html_table, pounds, text, whole
from maps.travel_words import few

STAYING: Final = Style("journey as today; wider: more pupils", GREY, line=GREY, opacity=0.45)
MOVED: Final = Style("journey to another school than today", TAKES, line=TAKES, opacity=0.8)
MOST_LINES: Final = 1_000
"""Journeys drawn in one layer, the largest first: more would be neither legible nor quick."""


def estate_map(
    schools: gpd.GeoDataFrame,
    decisions: pd.DataFrame,
    journeys: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    journeys_year: str = "",
    least: float = 5.0,
    sites: gpd.GeoDataFrame | None = None,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the estate map. All geometry in EPSG:27700.

    ``schools``: urn, name, phase, geometry (points). ``sites``: site, name, geometry (points). ``decisions``:
    facility, urn, site (one of the two), action (a key of ACTIONS), academic_year, places_before,
    places_after, cost_gbp, proposer, decider, reason; one row or more per facility; a school without a row
    stays. ``journeys``: demand_point, facility, pupils, distance_m, moved, geometry (lines), all of
    ``journeys_year``, told without their number below ``least`` pupils. ``areas``: planning_area, phase, name,
    geometry (polygons). ValueError on an action that is not known.
    """
    facilities = facilities_of(schools, decisions, sites)
    layers = [*area_layers(areas), *_journey_layers(journeys, facilities, journeys_year, least)]
    idle = facilities["action"].isna() & facilities["candidate"]
    if idle.any():
        layers.append(_idle_layer(facilities[idle]))
    layers.append(_decision_layer(facilities, decisions))
    return map_page(notes, layers, _table(facilities, decisions), basemap=basemap)


def _decision_layer(facilities: gpd.GeoDataFrame, decisions: pd.DataFrame) -> Layer:
    drawn = facilities[~facilities["candidate"] | facilities["action"].notna()]
    own = dict(iter(with_keys(decisions).groupby("key")))
    shapes = Shapes(
        key="schools and sites",
        geometry=separated(drawn.geometry),
        titles=drawn["name"].astype(str).tolist(),
        fields=[
            {"Identifier": key, "Phase": text(phase), **decision_fields(own.get(key))}
            for key, phase in zip(drawn["key"], drawn["phase"], strict=True)
        ],
    )
    action = drawn["action"].fillna("stay").map(list(ACTIONS).index).to_numpy(int)
    return Layer("decisions", "What is proposed", shapes, list(ACTIONS.values()), action)


def _idle_layer(idle: gpd.GeoDataFrame) -> Layer:
    shapes = Shapes(
        key="candidate sites",
        geometry=separated(idle.geometry),
        titles=idle["name"].astype(str).tolist(),
        fields=[{"Identifier": key, "Proposal": "not chosen"} for key in idle["key"]],
    )
    return Layer("candidates", "Candidate sites not chosen", shapes, [NOT_CHOSEN], np.zeros(len(idle), int))


def _journey_layers(journeys: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, year: str, least: float) -> list[Layer]:
    """Journeys that move, and those that stay, hidden at first: they cover the decisions that the page is about."""
    moved = journeys["moved"].astype(bool)
    when = f", {year}" if year else ""
    parts = [
        ("staying", f"Journeys that stay{when}", STAYING, journeys[~moved]),
        ("moved", f"Journeys that move{when}", MOVED, journeys[moved]),
    ]
    names = facilities.drop_duplicates("key").set_index("key")["name"]
    lines = [_lines(key, name, style, part, names, least) for key, name, style, part in parts if len(part)]
    return [replace(layer, shown=False) for layer in lines]


def _lines(key: str, name: str, style: Style, journeys: gpd.GeoDataFrame, names: pd.Series, least: float) -> Layer:
    """One layer of lines, 1 to 8 pixels wide by the square root of pupils, the largest first."""
    drawn = journeys.sort_values("pupils", ascending=False, kind="stable").head(MOST_LINES)
    if len(drawn) < len(journeys):
        share = drawn["pupils"].sum() / journeys["pupils"].sum()
        name = f"{name} (the largest {len(drawn):,} of {len(journeys):,}: {share:.0%} of their pupils)"
    facility = keys_of(drawn["facility"])
    to = facility.map(names).fillna(facility)
    shapes = Shapes(
        key=f"journeys {key}",
        geometry=drawn.geometry,
        titles=[f"{start} to {end}" for start, end in zip(drawn["demand_point"], to, strict=True)],
        fields=[
            {"Pupils": few(pupils, least), "Distance": f"{distance_m / 1000:.1f} km"}
            for pupils, distance_m in zip(drawn["pupils"], drawn["distance_m"], strict=True)
        ],
        searchable=False,
    )
    width = 1 + 7 * np.sqrt(drawn["pupils"].to_numpy(float) / max(journeys["pupils"].max(), 1))
    return Layer(f"journeys-{key}", name, shapes, [style], np.zeros(len(drawn), int), line_px=width)


def _table(facilities: gpd.GeoDataFrame, decisions: pd.DataFrame) -> str:
    """One row per decision, then one per school and site without any."""
    names = facilities.drop_duplicates("key").set_index("key")["name"]
    decided = with_keys(decisions)
    rows = pd.DataFrame(
        {
            "School or site": decided["key"].map(names),
            "Identifier": decided["key"],
            "Proposal": decided["action"],
            "Year": decided["academic_year"].map(text),
            "Places before": decided["places_before"].map(whole),
            "Places after": decided["places_after"].map(whole),
            "Cost": decided["cost_gbp"].map(pounds),
            "Proposer": decided["proposer"].map(text),
            "Decider": decided["decider"].map(text),
            "Reason": decided["reason"].map(text),
        }
    )
    rest = facilities[~facilities["key"].isin(decided["key"])]
    idle = pd.DataFrame(
        {
            "School or site": rest["name"],
            "Identifier": rest["key"],
            "Proposal": np.where(rest["candidate"], "not chosen", "stay"),
        }
    )
    table = pd.concat([rows, idle], ignore_index=True).astype(object).fillna("–")
    return html_table(
        table, "What is proposed for each school and site", numbers=["Places before", "Places after", "Cost"]
    )
