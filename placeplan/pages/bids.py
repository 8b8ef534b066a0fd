"""A page of maps for each competition: any two of its bids in place next to each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from geodata.small_numbers import least_told
from placeplan.geography import planning_areas, points
from placeplan.pages.parts import notes, school_points
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.basemap import Basemap

QUESTION = (
    "What would follow if the school of each bid were opened on the site: who would go there, from where, and what "
    "would other schools lose or gain? Not a criterion, not scored."
)


def bid_map_file(study: Study, page: str) -> str:
    """File of the maps of a competition, by the name of its page; blank where the study has no outlines to draw."""
    return f"bids-{page}.html" if "geometry" in study.tables["localities"] else ""


def bid_pages(study: Study, results: Path, background: Basemap) -> Iterator[tuple[str, str, str]]:
    """File, name of the competition and HTML of each page; a competition without a bid in place has none."""
    if not (results / "tender" / "bids_in_place.parquet").exists():
        return
    in_place = read_stage(results / "tender", "bids_in_place")
    told = (read_summary(results / "tender") or {"competitions": {}})["competitions"]
    for competition, outcome in told.items():
        if (in_place["competition"] == competition).any():
            page = outcome["page"].removesuffix(".html")
            yield bid_map_file(study, page), outcome["name"], _page(study, results, competition, outcome, background)


def _page(study: Study, results: Path, competition: str, outcome: dict[str, str], background: Basemap) -> str:
    from maps.bid_tables import BidTables
    from maps.bids import bids_map

    def own(name: str) -> pd.DataFrame:
        table = read_stage(results / "tender", name)
        return table[table["competition"] == competition]

    ranked = own("bids_ranked")[["bid"]]
    bids = ranked.merge(own("bids_in_place"), on="bid")
    least = float(least_told(study.policy))
    tables = BidTables(bids, own("bid_deficits"), own("bid_pupils"), own("bid_neighbours"), least)
    competitions = study.tables["competitions"].set_index("competition")
    sites = study.tables["sites"]
    areas = planning_areas(study)
    return bids_map(
        points(sites[sites["site"] == competitions.loc[competition, "site"]]),
        tables,
        homes(study),
        school_points(study),
        areas[areas["phase"].isin(tables.deficits["phase"])],
        notes(
            study,
            f"{outcome['name']}: bids on maps",
            QUESTION,
            (f"../tender/{outcome['page']}", "The report of the competition"),
        ),
        basemap=background,
    )


def homes(study: Study) -> gpd.GeoDataFrame:
    """Demand points by the name of their locality: demand_point, name, geometry."""
    names = study.tables["localities"].set_index("locality")["name"]
    table = study.tables["demand_points"]
    return points(table.assign(name=table["locality"].map(names)))[["demand_point", "name", "geometry"]]
