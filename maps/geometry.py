"""Geometry fit for a page: simplified in metres, then longitude and latitude rounded to about a metre."""

import json
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

TOLERANCE_M: Final = 20.0
VERTICES: Final = 25_000
"""Of one set of shapes on one page: about half a megabyte of text."""
APART_M: Final = 60.0


def simplified(shapes: gpd.GeoSeries, vertices: int = VERTICES) -> gpd.GeoSeries:
    """Fewer vertices, to 20 m, or coarser by doubling until no more than ``vertices`` are left.

    Polygons that tile the ground keep their common borders. Where they do not quite meet (or were joined from
    such), cracks narrower than the tolerance are closed. Points are left alone.
    """
    values = np.asarray(shapes.array)
    polygonal = bool(np.isin(shapely.get_type_id(values), (-1, 3, 6)).all())
    tiles = polygonal and bool(shapely.coverage_is_valid(values))
    if polygonal and not tiles:
        values = _without_cracks(values)
    tolerance_m = TOLERANCE_M
    while True:
        fewer = shapely.coverage_simplify(values, tolerance_m) if tiles else shapely.simplify(values, tolerance_m)
        if shapely.get_num_coordinates(fewer).sum() <= vertices or tolerance_m > 1_000:
            return gpd.GeoSeries(fewer, index=shapes.index, crs=shapes.crs)
        tolerance_m *= 2


def _without_cracks(polygons: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Polygons widened and narrowed again by half the tolerance."""
    widened = shapely.buffer(polygons, TOLERANCE_M / 2, join_style="mitre")
    return np.asarray(shapely.buffer(widened, -TOLERANCE_M / 2, join_style="mitre"))


def straight_lines(start: gpd.GeoSeries, end: gpd.GeoSeries) -> gpd.GeoSeries:
    """A line from each point to the other of its place in the series, None where either is missing."""
    known = np.flatnonzero(~(start.isna().to_numpy() | end.isna().to_numpy()))
    lines = np.full(len(start), None, dtype=object)
    ends = [np.column_stack([side.iloc[known].x, side.iloc[known].y]) for side in (start, end)]
    lines[known] = shapely.linestrings(np.stack(ends, axis=1))
    return gpd.GeoSeries(lines, crs=start.crs)


def lonlat_geometries(shapes: gpd.GeoSeries) -> list[dict[str, Any] | None]:
    """GeoJSON geometries in EPSG:4326 to 5 decimals, None where there is nothing to draw."""
    values = np.asarray(shapes.to_crs(4326).array)
    nothing = shapely.is_missing(values) | shapely.is_empty(values)
    texts = shapely.to_geojson(shapely.transform(values, lambda lonlat: np.round(lonlat, 5)))
    return [None if absent else json.loads(text) for absent, text in zip(nothing, texts, strict=True)]


def lonlat_points(shapes: gpd.GeoSeries) -> list[list[float] | None]:
    """[latitude, longitude] of a point on each shape, of a line its middle; None where there is nothing to
    draw.
    """
    middle = np.asarray(shapes.representative_point().array)
    lines = shapes.geom_type.to_numpy() == "LineString"
    middle[lines] = shapely.line_interpolate_point(np.asarray(shapes.array)[lines], 0.5, normalized=True)
    points = np.asarray(gpd.GeoSeries(middle, crs=shapes.crs).to_crs(4326).array)
    x, y = shapely.get_x(points), shapely.get_y(points)
    return [
        None if np.isnan(lon) else [round(float(lat), 5), round(float(lon), 5)] for lon, lat in zip(x, y, strict=True)
    ]


def separated(points: gpd.GeoSeries) -> gpd.GeoSeries:
    """Points that share a spot (10 m) drawn 60 m apart in a row, so that each marker can be reached."""
    x, y = points.x, points.y
    spot = pd.DataFrame({"x": (x / 10).round(), "y": (y / 10).round()})
    in_row = spot.groupby(["x", "y"], dropna=False).cumcount()
    in_row = in_row.where(x.notna(), 0)
    apart = gpd.points_from_xy(x + APART_M * in_row, y)
    return gpd.GeoSeries(apart, index=points.index, crs=points.crs).where(x.notna(), None)
