"""What map pages of a study have in common: what they say of themselves, what lies behind, schools and journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from placeplan.geography import points
from placeplan.journeys import study_journeys
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.basemap import Basemap
    from maps.page import PageNotes

ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0. Contains OS data © Crown "
    "copyright and database right. Contains National Statistics data © Crown copyright and database right. Contains "
    "Royal Mail data © Royal Mail copyright. Roads © OpenStreetMap contributors (ODbL)."
)


def notes(study: Study, title: str, question: str, *links: tuple[str, str]) -> PageNotes:
    """What a page of this study says about itself; `links` are addresses relative to the page, and words."""
    from maps.page import Link, PageNotes

    own, leads = study.settings.attribution, [Link(href, words) for href, words in links]
    return PageNotes(title, study.settings.name, study.scenario, question, study.banners, own or ATTRIBUTION, leads)


def basemap(study: Study) -> Basemap:
    """Boundaries and, where they are given, main roads and the names of settlements."""
    from maps.basemap import Basemap, Tiles

    roads = study.roads.lines() if study.roads is not None else None
    places = None
    if "places" in study.tables:
        order = {kind: rank for rank, kind in enumerate(("city", "town", "village", "hamlet"))}
        named = study.tables["places"].sort_values("kind", key=lambda kinds: kinds.map(order), kind="stable")
        places = points(named[named["kind"] != "hamlet"])
    said = study.settings
    tiles = Tiles(said.map_tiles, said.map_tiles_credit) if said.map_tiles else None
    return Basemap(localities=study.tables["localities"], roads=roads, places=places, tiles=tiles)


def school_points(study: Study) -> gpd.GeoDataFrame:
    """Every school on the map, with places and pupils on roll in the base year."""
    schools = study.tables["schools"]
    rolls = study.tables["rolls"]
    rolls = rolls[rolls["academic_year"] == study.settings.base_year].groupby("urn")["pupils"].sum()
    return points(schools.assign(places=schools["capacity"], pupils=schools["urn"].map(rolls).fillna(0.0)))


def journey_lines(study: Study, allocation: pd.DataFrame) -> gpd.GeoDataFrame:
    """Lines from demand points to schools: demand_point, facility, pupils, distance_m, moved."""
    import geopandas as gpd

    from maps.geometry import straight_lines

    places = study_journeys(study)
    at_point = points(places.points).set_index("demand_point").geometry
    ends = pd.concat(
        [
            points(places.schools.assign(key=places.schools["urn"].astype(str)))[["key", "geometry"]],
            points(places.sites.assign(key=places.sites["site"].astype(str)))[["key", "geometry"]],
        ]
    ).set_index("key")["geometry"]
    drawn = allocation[allocation["demand_point"].isin(at_point.index) & allocation["facility"].isin(ends.index)]
    drawn = drawn.groupby(["demand_point", "facility", "moved"], as_index=False).agg(
        pupils=("pupils", "sum"), distance_m=("distance_m", "mean")
    )
    shape = straight_lines(at_point.loc[drawn["demand_point"]], ends.loc[drawn["facility"]])
    return gpd.GeoDataFrame(drawn, geometry=shape.to_numpy(), crs=shape.crs)
