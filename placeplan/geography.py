"""What can be drawn of a stage's tables: GeoPackage layers for QGIS, in the study's coordinate reference system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from geodata.years import PHASES
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    Layers = dict[str, gpd.GeoDataFrame]
    Tables = Mapping[str, pd.DataFrame]


# Written as the day of the last change in every file, so that the same results make the same bytes.
LAST_CHANGE = "1980-01-01T00:00:00.000Z"


def stage_layers(study: Study, stage: str, tables: Tables) -> Layers:
    """Layers of a stage by name; none where the stage has nothing to draw or the study has no boundaries."""
    drawn: dict[str, Callable[[Study, Tables], Layers]] = {
        "forecast": forecast_layers,
        "balance": balance_layers,
        "estate": decision_layers,
        "clusters": cluster_layers,
    }
    return drawn[stage](study, tables) if stage in drawn else {}


def write_layers(layers: Layers, path: Path) -> None:
    """Write one GeoPackage with all layers; the same layers make the same bytes."""
    import pyogrio

    now = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": LAST_CHANGE})
    try:
        for name, layer in layers.items():
            layer.to_file(path, layer=name, driver="GPKG")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": now})


def forecast_layers(study: Study, tables: Tables) -> Layers:
    """A layer a phase: localities with their mean forecast, a column a year (`mean_2024_25`)."""
    localities = study.tables["localities"]
    if "geometry" not in localities:
        return {}
    shapes = localities[["locality", "name", "geometry"]]
    forecast = tables["forecast_phase"]
    return {
        str(phase): shapes.merge(by_year(rows, ["locality"], ["mean"]), on="locality", how="left")
        for phase, rows in forecast.groupby("phase", sort=False)
    }


def balance_layers(study: Study, tables: Tables) -> Layers:
    """A layer a phase: planning areas with pupils, places, need and spare by year, cells summed, never netted off."""
    if "geometry" not in study.tables["localities"]:
        return {}
    shapes = planning_areas(study)
    balance = tables["balance"]
    measures = ["pupils", "places", "need", "spare"]
    layers = {}
    for phase, rows in balance.groupby("phase", sort=False):
        own = shapes[shapes["phase"] == phase][["planning_area", "phase", "geometry"]]
        layers[str(phase)] = own.merge(by_year(rows, ["planning_area"], measures), on="planning_area", how="inner")
    return layers


def decision_layers(study: Study, tables: Tables) -> Layers:
    """Layer decisions: a point for each school or site that changes."""
    places = [study.tables["schools"].rename(columns={"urn": "facility"})]
    if "sites" in study.tables:
        places.append(study.tables["sites"].rename(columns={"site": "facility"}))
    at = pd.concat([frame[["facility", "easting", "northing"]].astype({"facility": str}) for frame in places])
    return {"decisions": points(tables["decisions"].merge(at, on="facility", how="left"))}


def cluster_layers(study: Study, tables: Tables) -> Layers:
    """Layer clusters: a point for each village school with its cluster and role."""
    at = study.tables["schools"][["urn", "easting", "northing"]]
    return {"clusters": points(tables["clusters"].merge(at, on="urn", how="left"))}


def by_year(rows: pd.DataFrame, keys: list[str], measures: list[str]) -> pd.DataFrame:
    """One row a key, a column for each measure and academic year: `need_2024_25`."""
    wide = rows.pivot_table(index=keys, columns="academic_year", values=measures, aggfunc="sum")[measures]
    wide.columns = [f"{measure}_{year.replace('/', '_')}" for measure, year in wide.columns]
    return wide.reset_index()


def planning_areas(study: Study) -> gpd.GeoDataFrame:
    """Planning areas as the union of their localities: planning_area, phase, name, geometry."""
    import geopandas as gpd

    localities = study.tables["localities"]
    frames = []
    for phase in PHASES:
        dissolved = localities[["geometry", f"planning_area_{phase}"]].dissolve(f"planning_area_{phase}")
        frame = dissolved.rename_axis("planning_area").reset_index().assign(phase=phase)
        frames.append(frame.assign(name=frame["planning_area"]))
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=localities.crs)


def points(table: pd.DataFrame) -> gpd.GeoDataFrame:
    """A table with easting and northing as points; rows without them are left out."""
    import geopandas as gpd

    placed = table[table["easting"].notna() & table["northing"].notna()]
    at = gpd.points_from_xy(placed["easting"], placed["northing"])
    return gpd.GeoDataFrame(placed, geometry=at, crs="EPSG:27700").reset_index(drop=True)
