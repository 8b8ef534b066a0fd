"""What is proposed for each school and site, and whose journey changes."""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from maps.basemap import Basemap
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import ADDS, ADDS_LIGHT, GREY, INK, TAKES, TAKES_LIGHT, WHITE
from maps.tables import html_table, pounds, text, whole

ACTIONS: Final = {
    "stay": Style("stays as it is", WHITE, line=GREY, line_px=2, opacity=1, shape="circle", size_px=12),
    "lift PAN": Style("admission number lifted", ADDS_LIGHT, line=INK, opacity=1, shape="diamond", size_px=18),
    "bulge class": Style("bulge class", ADDS_LIGHT, line=INK, opacity=1, shape="square", size_px=18),
    "expand": Style("expands", ADDS_LIGHT, line=INK, opacity=1, shape="triangle", size_px=20),
    "SEND unit": Style("SEND unit", ADDS_LIGHT, line=INK, opacity=1, shape="circle", size_px=18),
    "new school": Style("new school", ADDS, line=INK, opacity=1, shape="star", size_px=24),
    "cut PAN": Style("admission number cut", TAKES_LIGHT, line=INK, opacity=1, shape="triangle-down", size_px=20),
    "close": Style("closes", TAKES, line=INK, opacity=1, shape="cross", size_px=20),
}
"""Least drastic first within each colour; of several decisions for one facility the later in this list is
drawn."""
NOT_CHOSEN: Final = Style(
    "candidate site, not chosen", WHITE, line=INK, opacity=0, shape="star", size_px=20, line_px=1.5
)
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
    sites: gpd.GeoDataFrame | None = None,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the estate map. All geometry in EPSG:27700.

    ``schools``: urn, name, phase, geometry (points). ``sites``: site, name, geometry (points). ``decisions``:
    facility, urn, site (one of the two), action (a key of ACTIONS), academic_year, places_before,
    places_after, cost_gbp, proposer, decider, reason; one row or more per facility; a school without a row
    stays. ``journeys``: demand_point, facility, pupils, distance_m, moved, geometry (lines), all of
    ``journeys_year``. ``areas``: planning_area, phase, name, geometry (polygons). ValueError on an action that is not
    known.
    """
    unknown = set(decisions["action"]) - set(ACTIONS)
    if unknown:
        raise ValueError(f"unknown action {', '.join(sorted(map(str, unknown)))}; known are {', '.join(ACTIONS)}")
    facilities = _facilities(schools, decisions, sites)
    layers = [*_area_layers(areas), *_journey_layers(journeys, facilities, journeys_year)]
    idle = facilities["action"].isna() & facilities["candidate"]
    if idle.any():
        layers.append(_idle_layer(facilities[idle]))
    layers.append(_decision_layer(facilities, decisions))
    return map_page(notes, layers, _table(facilities, decisions), basemap=basemap)


def _facilities(schools: gpd.GeoDataFrame, decisions: pd.DataFrame, sites: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Schools, then sites, then whatever decisions name besides: key, name, phase, candidate, action,
    geometry.
    """
    frames = [schools.assign(key=_keys(schools["urn"]), candidate=False)]
    if sites is not None:
        frames.append(sites.assign(key=_keys(sites["site"]), candidate=True))
    columns = ["key", "name", "phase", "candidate", "geometry"]
    known = pd.concat([frame.reindex(columns=columns) for frame in frames], ignore_index=True)
    decided = _decided(decisions)
    rest = decided.loc[~decided["key"].isin(known["key"]), ["key"]].drop_duplicates()
    rest = rest.assign(name=rest["key"], candidate=False)
    found = pd.concat([known, rest], ignore_index=True) if len(rest) else known
    rank = decided["action"].map(list(ACTIONS).index)
    drastic = decided.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("key", keep="last")
    found["action"] = found["key"].map(drastic.set_index("key")["action"]).astype(object)
    found.loc[found["candidate"] & (found["action"] == "stay"), "action"] = None
    return gpd.GeoDataFrame(found, geometry="geometry", crs=schools.crs)


def _decided(decisions: pd.DataFrame) -> pd.DataFrame:
    """Decisions with ``key``: the urn, else the site, else the facility, as text."""
    keys = [_keys(decisions[column]) for column in ("urn", "site", "facility") if column in decisions]
    return decisions.assign(key=pd.concat(keys, axis=1).bfill(axis=1).iloc[:, 0])


def _keys(values: pd.Series) -> pd.Series:
    """Identifiers as text, whether they came as 101, 101.0 or "101"; None where there is none."""
    return values.map(lambda value: None if pd.isna(value) else str(value).removesuffix(".0")).astype(object)


def _decision_layer(facilities: gpd.GeoDataFrame, decisions: pd.DataFrame) -> Layer:
    drawn = facilities[~facilities["candidate"] | facilities["action"].notna()]
    own = dict(iter(_decided(decisions).groupby("key")))
    shapes = Shapes(
        key="schools and sites",
        geometry=separated(drawn.geometry),
        titles=drawn["name"].astype(str).tolist(),
        fields=[
            {"Identifier": key, "Phase": text(phase), **_fields(own.get(key))}
            for key, phase in zip(drawn["key"], drawn["phase"], strict=True)
        ],
    )
    action = drawn["action"].fillna("stay").map(list(ACTIONS).index).to_numpy(int)
    return Layer("decisions", "What is proposed", shapes, list(ACTIONS.values()), action)


def _fields(decisions: pd.DataFrame | None) -> dict[str, str]:
    """What is proposed for one facility; several decisions are numbered."""
    if decisions is None:
        return {"Proposal": "none: stays as it is"}
    fields: dict[str, str] = {}
    for number, row in enumerate(decisions.sort_values("academic_year").itertuples(), start=1):
        many = f" {number}" if len(decisions) > 1 else ""
        fields |= {
            f"Proposal{many}": f"{row.action}, {text(row.academic_year)}",
            **({f"Begin by{many}": text(row.start_by)} if getattr(row, "start_by", "") else {}),
            f"Places{many}": f"{whole(row.places_before)} before, {whole(row.places_after)} after",
            f"Cost{many}": pounds(row.cost_gbp),
            f"Proposer{many}": text(row.proposer),
            f"Decider{many}": text(row.decider),
            f"Reason{many}": text(row.reason),
        }
    return fields


def _idle_layer(idle: gpd.GeoDataFrame) -> Layer:
    shapes = Shapes(
        key="candidate sites",
        geometry=separated(idle.geometry),
        titles=idle["name"].astype(str).tolist(),
        fields=[{"Identifier": key, "Proposal": "not chosen"} for key in idle["key"]],
    )
    return Layer("candidates", "Candidate sites not chosen", shapes, [NOT_CHOSEN], np.zeros(len(idle), int))


def _area_layers(areas: gpd.GeoDataFrame) -> list[Layer]:
    """Outlines of planning areas, one layer a phase; the first is shown."""
    style = Style("planning area", WHITE, line=GREY, line_px=1.2, opacity=0.05)
    layers: list[Layer] = []
    for phase, own in areas.groupby("phase"):
        shapes = Shapes(
            key=f"{phase} planning areas",
            geometry=own.geometry,
            titles=own["name"].astype(str).tolist(),
            fields=[{"Planning area": text(area), "Phase": str(phase)} for area in own["planning_area"]],
        )
        name = f"{str(phase).capitalize()} planning areas"
        layers.append(Layer(f"areas-{phase}", name, shapes, [style], np.zeros(len(own), int), shown=not layers))
    return layers


def _journey_layers(journeys: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, year: str) -> list[Layer]:
    """Journeys that move, and those that stay: hidden at first, since in a whole county they cover all else."""
    moved = journeys["moved"].astype(bool)
    when = f", {year}" if year else ""
    parts = [
        ("staying", f"Journeys that stay{when}", STAYING, journeys[~moved]),
        ("moved", f"Journeys that move{when}", MOVED, journeys[moved]),
    ]
    names = facilities.drop_duplicates("key").set_index("key")["name"]
    lines = [_lines(key, name, style, part, names) for key, name, style, part in parts if len(part)]
    return [replace(layer, shown=layer.key == "journeys-moved") for layer in lines]


def _lines(key: str, name: str, style: Style, journeys: gpd.GeoDataFrame, names: pd.Series) -> Layer:
    """One layer of lines, 1 to 8 pixels wide by the square root of pupils, the largest first."""
    drawn = journeys.sort_values("pupils", ascending=False, kind="stable").head(MOST_LINES)
    if len(drawn) < len(journeys):
        share = drawn["pupils"].sum() / journeys["pupils"].sum()
        name = f"{name} (the largest {len(drawn):,} of {len(journeys):,}: {share:.0%} of their pupils)"
    facility = _keys(drawn["facility"])
    to = facility.map(names).fillna(facility)
    shapes = Shapes(
        key=f"journeys {key}",
        geometry=drawn.geometry,
        titles=[f"{start} to {end}" for start, end in zip(drawn["demand_point"], to, strict=True)],
        fields=[
            {"Pupils": f"{pupils:,.1f}", "Distance": f"{distance_m / 1000:.1f} km"}
            for pupils, distance_m in zip(drawn["pupils"], drawn["distance_m"], strict=True)
        ],
        searchable=False,
    )
    width = 1 + 7 * np.sqrt(drawn["pupils"].to_numpy(float) / max(journeys["pupils"].max(), 1))
    return Layer(f"journeys-{key}", name, shapes, [style], np.zeros(len(drawn), int), line_px=width)


def _table(facilities: gpd.GeoDataFrame, decisions: pd.DataFrame) -> str:
    """One row per decision, then one per school and site without any."""
    names = facilities.drop_duplicates("key").set_index("key")["name"]
    decided = _decided(decisions)
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
