"""The maps stage: four offline pages from the tables of the other stages, and the page that leads to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from placeplan.geography import planning_areas, points
from placeplan.journeys import study_journeys
from placeplan.results import StageResult, read_stage, read_summary
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.basemap import Basemap
    from maps.page import PageNotes

VILLAGE_PHASES = ("infant", "first", "junior", "primary")
ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0. Contains OS data © Crown "
    "copyright and database right. Contains National Statistics data © Crown copyright and database right. Contains "
    "Royal Mail data © Royal Mail copyright. Roads © OpenStreetMap contributors (ODbL)."
)


def maps_stage(study: Study, results: Path, ran: Collection[str]) -> StageResult:
    """Pages demand.html, balance.html, estate.html, clusters.html as far as their stages `ran`, and index.html.

    The index leads to the pages of competitions too.
    """
    from maps.index import Entry, index_page

    if "geometry" not in study.tables["localities"]:
        return StageResult(summary={"status": "done", "warnings": ["Localities have no geometry: no maps."]})
    makers = {"demand": ("forecast", demand_page), "balance": ("balance", balance_page)}
    makers |= {"estate": ("estate", estate_page), "clusters": ("clusters", clusters_page)}
    pages: dict[str, str] = {}
    entries = []
    background = basemap(study)
    small = "schools" in study.tables and study.tables["schools"]["phase"].isin(VILLAGE_PHASES).any()
    on_map = "schools" in study.tables and study.tables["schools"]["easting"].notna().any()
    for name, (stage, make) in makers.items():
        if stage in ran and (on_map or stage == "forecast") and (stage != "clusters" or small):
            title, question = QUESTIONS[name]
            pages[f"{name}.html"] = make(study, results, notes(study, title, question), background)
            entries.append(Entry(f"{name}.html", title, question))
    if {"estate", "balance"} & set(ran):
        entries.append(Entry("../report/report.html", "Report", "Tables, reasons, policy values and data quality."))
    if "tender" in ran:
        told = read_summary(results / "tender") or {}
        for kind, what in (("competitions", "Bids ranked, with reasons."), ("linked_awards", "Awarded together.")):
            entries += [Entry(f"../tender/{one['page']}", one["name"], what) for one in told.get(kind, {}).values()]
    pages["index.html"] = index_page(entries, notes(study, study.settings.name, "Every page of this scenario."))
    return StageResult(
        pages=pages,
        summary={"status": "done", "pages": sorted(pages), "bytes": {k: len(v.encode()) for k, v in pages.items()}},
    )


QUESTIONS = {
    "demand": ("Demand", "How many pupils will need a place, where, and how will that change?"),
    "balance": ("Balance of places", "Where are places short and where are they spare?"),
    "estate": ("Estate decisions", "Which schools change, and where do pupils go then?"),
    "clusters": ("Clusters of village schools", "Which village schools could share one executive head?"),
}


def notes(study: Study, title: str, question: str) -> PageNotes:
    """What a page of this study says about itself."""
    from maps.page import PageNotes

    own = study.settings.attribution
    return PageNotes(title, study.settings.name, study.scenario, question, study.banners, own or ATTRIBUTION)


def basemap(study: Study) -> Basemap:
    """Boundaries and, where they are given, main roads and the names of settlements."""
    from maps.basemap import Basemap

    roads = study.roads.lines() if study.roads is not None else None
    places = None
    if "places" in study.tables:
        order = {kind: rank for rank, kind in enumerate(("city", "town", "village", "hamlet"))}
        named = study.tables["places"].sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable")
        places = points(named[named["kind"] != "hamlet"])
    return Basemap(localities=study.tables["localities"], roads=roads, places=places)


def demand_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Pupils by locality, phase and year."""
    from maps.demand import demand_map

    forecast = read_stage(results / "forecast", "forecast_phase")
    localities = study.tables["localities"]
    base = study.settings.base_year
    return demand_map(localities, forecast, about, base_year=base, counts=whom(study), basemap=background)


def whom(study: Study) -> str:
    """Whom the study's pupils count, in words for a legend."""
    if study.settings.pupils == "resident":
        return "Pupils living in each locality"
    shared = " by residents of their ages" if study.estimated else ""
    return f"Pupils on roll at the authority's schools, shared over localities{shared}"


def balance_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Need and spare by planning area, phase and year."""
    from maps.balance import balance_map

    balance = read_stage(results / "balance", "balance")
    return balance_map(planning_areas(study), balance, school_points(study), about, basemap=background)


def estate_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """What each school and site does, and the journeys of the last plan year."""
    from maps.estate import estate_map

    decisions = read_stage(results / "estate", "decisions")
    decisions = decisions[decisions["probability"] >= 0.5]  # the report has what is done in few futures
    allocation = read_stage(results / "estate", "allocation")
    last = allocation[allocation["academic_year"] == allocation["academic_year"].max()]
    sites = study.tables.get("sites")
    return estate_map(
        school_points(study),
        decisions,
        journey_lines(study, last),
        planning_areas(study),
        about,
        journeys_year=str(allocation["academic_year"].max()),
        sites=points(sites) if sites is not None else None,
        basemap=background,
    )


def clusters_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Clusters of village schools with the drive to each lead."""
    from maps.clusters import clusters_map

    clusters = read_stage(results / "clusters", "clusters")
    schools = school_points(study)
    at = schools.set_index("urn").geometry
    members = clusters[clusters["role"] == "member"]
    leads = clusters[clusters["role"] == "lead"].set_index("cluster")["urn"]
    links = lines(at.loc[members["urn"]], at.loc[leads.loc[members["cluster"]]])
    links = links.assign(urn=members["urn"].to_numpy(), travel_min=members["travel_min"].to_numpy())
    plan = clusters[["urn", "cluster", "trust", "role", "travel_min"]]
    shown = schools[schools["phase"].isin(VILLAGE_PHASES)]
    return clusters_map(shown.drop(columns="trust"), plan, links, about, basemap=background)


def school_points(study: Study) -> gpd.GeoDataFrame:
    """Every school on the map, with places and pupils on roll in the base year."""
    schools = study.tables["schools"]
    rolls = study.tables["rolls"]
    rolls = rolls[rolls["academic_year"] == study.settings.base_year].groupby("urn")["pupils"].sum()
    return points(schools.assign(places=schools["capacity"], pupils=schools["urn"].map(rolls).fillna(0.0)))


def lines(start: gpd.GeoSeries, end: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Straight lines from each start to each end point."""
    import geopandas as gpd
    import shapely

    ends = [np.column_stack([side.x, side.y]) for side in (start, end)]
    return gpd.GeoDataFrame(geometry=shapely.linestrings(np.stack(ends, axis=1)), crs="EPSG:27700")


def journey_lines(study: Study, allocation: pd.DataFrame) -> gpd.GeoDataFrame:
    """Lines from demand points to schools: demand_point, facility, pupils, distance_m, moved."""
    places = study_journeys(study)
    at_point = points(places.points).set_index("demand_point").geometry
    ends = pd.concat(
        [
            points(places.schools.assign(key=places.schools["urn"].astype(str)))[["key", "geometry"]],
            points(places.sites.assign(key=places.sites["site"].astype(str)))[["key", "geometry"]],
        ]
    ).set_index("key")["geometry"]
    known: Mapping[str, bool] = {str(key): True for key in ends.index}
    drawn = allocation[allocation["demand_point"].isin(at_point.index) & allocation["facility"].map(known).eq(True)]
    drawn = drawn.groupby(["demand_point", "facility", "moved"], as_index=False).agg(
        pupils=("pupils", "sum"), distance_m=("distance_m", "mean")
    )
    shape = lines(at_point.loc[drawn["demand_point"]], ends.loc[drawn["facility"]])
    return shape.assign(**{name: drawn[name].to_numpy() for name in drawn.columns})


def stage_summaries(results: Path, ran: Collection[str] | None = None) -> dict[str, dict[str, object]]:
    """Summaries by stage of those that `ran`, of all that have results where that is not said."""
    found = {path.name: read_summary(path) for path in sorted(results.iterdir()) if path.is_dir()}
    told = {name: summary for name, summary in found.items() if summary is not None}
    return told if ran is None else {name: summary for name, summary in told.items() if name in ran}
