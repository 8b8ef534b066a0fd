"""What stands behind the data: boundaries, main roads, place names; online tiles only where a study asks for them."""

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import shapely

from maps.geometry import lonlat_geometries, lonlat_points, simplified

ROAD_PX: Final = {"motorway": 3.0, "trunk": 2.2, "primary": 1.8, "secondary": 1.2, "tertiary": 0.7}
"""Width by OpenStreetMap's highway class; other classes are not drawn."""

BORDER_VERTICES: Final = 10_000


@dataclass(frozen=True)
class Tiles:
    """An online background, fetched only after the reader ticks it: ``url`` as Leaflet takes it, with {z}, {x}, {y},
    and ``credit``, whose map it is.
    """

    url: str
    credit: str

    @property
    def origin(self) -> str:
        """Scheme and host, the only address the page may ask for images."""
        return "/".join(self.url.split("/")[:3])


@dataclass(frozen=True)
class Basemap:
    """Each optional, in EPSG:27700: polygons; lines with column ``highway``; points with column ``name``; tiles."""

    localities: gpd.GeoDataFrame | None = None
    roads: gpd.GeoDataFrame | None = None
    places: gpd.GeoDataFrame | None = None
    tiles: Tiles | None = None

    def as_json(self) -> dict[str, Any]:
        """The basemap as the page's script reads it, simplified and in EPSG:4326."""
        return {
            "boundaries": [] if self.localities is None else _borders(self.localities),
            "roads": [] if self.roads is None else _roads(self.roads),
            "places": [] if self.places is None else _places(self.places),
            "tiles": None if self.tiles is None else {"url": self.tiles.url, "credit": self.tiles.credit},
        }


def _borders(localities: gpd.GeoDataFrame) -> list[Any]:
    """One geometry of all borders, coarser than areas that carry figures."""
    borders = shapely.get_parts(simplified(localities.geometry, BORDER_VERTICES).boundary.to_numpy())
    return lonlat_geometries(gpd.GeoSeries([shapely.multilinestrings(borders)], crs=localities.crs))


def _roads(roads: gpd.GeoDataFrame) -> list[tuple[Any, float]]:
    """One geometry per class, slip roads with their class, widest last so that it lies on top."""
    main = roads["highway"].astype(str).str.replace("_link", "")
    drawn = []
    for highway, width in reversed(ROAD_PX.items()):
        lines = roads.geometry[main == highway].to_numpy()
        if len(lines):
            merged = shapely.line_merge(shapely.union_all(lines))
            geometry = lonlat_geometries(simplified(gpd.GeoSeries([merged], crs=roads.crs)))
            drawn.append((geometry[0], width))
    return drawn


def _places(places: gpd.GeoDataFrame) -> list[tuple[Any, str]]:
    points = lonlat_points(places.geometry)
    return [(point, str(name)) for point, name in zip(points, places["name"], strict=True) if point]
