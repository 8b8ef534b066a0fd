"""Streets as a graph: read once from OpenStreetMap or a table of edges, kept as arrays in projected metres.

Driving follows arcs in their direction; walking uses any walkable street both ways. Turn restrictions, gradients
and crossing delays are not modelled, so a walking distance here is the length of a street route, not proof of a
safe one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

Mode = Literal["walk", "drive"]
Weight = Literal["length_m", "drive_min"]

EDGE_COLUMNS = ("u", "v", "x_u", "y_u", "x_v", "y_v", "length_m", "drive_kmh", "walkable", "highway")

# scipy's csgraph takes an explicit zero for "no edge" in places; a micrometre is lost in rounding.
SHORTEST = 1e-6


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Streets of one area; N nodes and E directed edges.

    A street open to traffic both ways is two edges, a one-way street one. `geometry` runs from tail to head.
    """

    xy: NDArray[np.float64]  # (N, 2) easting and northing, metres in `crs`
    tail: NDArray[np.int64]  # (E,) node
    head: NDArray[np.int64]  # (E,) node
    length_m: NDArray[np.float64]  # (E,) along the street
    drive_kmh: NDArray[np.float64]  # (E,) 0 where nobody may drive from tail to head
    walkable: NDArray[np.bool_]  # (E,) on foot, either way
    highway: NDArray[np.object_]  # (E,) OpenStreetMap's class of street
    geometry: NDArray[np.object_]  # (E,) LineString
    crs: str = "EPSG:27700"

    @property
    def drive_min(self) -> NDArray[np.float64]:
        """(E,) minutes to drive each edge at its speed; inf where it cannot be driven."""
        with np.errstate(divide="ignore"):
            return np.where(self.drive_kmh > 0, self.length_m * 0.06 / self.drive_kmh, np.inf)

    def matrix(self, mode: Mode, weight: Weight = "length_m") -> csr_matrix:
        """(N, N) edge weights from row to column: metres, or minutes for driving.

        Of parallel edges the least counts (a sparse matrix built from repeated entries would add them up).
        """
        if mode == "walk" and weight == "drive_min":
            raise ValueError("walking has no drive_min: ask for length_m and divide by the walking speed")
        used = self.walkable if mode == "walk" else self.drive_kmh > 0
        tail, head = self.tail[used], self.head[used]
        value = np.maximum((self.length_m if weight == "length_m" else self.drive_min)[used], SHORTEST)
        if mode == "walk":
            tail, head, value = np.r_[tail, head], np.r_[head, tail], np.r_[value, value]
        order = np.lexsort((value, head, tail))
        tail, head, value = tail[order], head[order], value[order]
        first = np.ones(len(value), dtype=bool)
        first[1:] = (np.diff(tail) != 0) | (np.diff(head) != 0)
        first &= tail != head
        return csr_matrix((value[first], (tail[first], head[first])), shape=(len(self.xy), len(self.xy)))

    def usable(self, mode: Mode) -> NDArray[np.bool_]:
        """(N,) nodes of the largest part in which every node reaches every other, the only ones to snap to.

        A car park cut off by a gap in the map, or the end of a one-way street that leaves the area, would
        otherwise make its neighbours unreachable.
        """
        graph = self.matrix(mode)
        _, part = connected_components(graph, directed=True, connection="strong")
        touched = np.zeros(len(self.xy), dtype=bool)
        touched[np.r_[graph.nonzero()]] = True
        if not touched.any():
            return touched
        largest: NDArray[np.bool_] = part == np.bincount(part[touched]).argmax()
        return touched & largest

    def left_out(self, mode: Mode) -> int:
        """Nodes with streets for this mode that `usable` leaves out."""
        graph = self.matrix(mode)
        return len(np.unique(np.r_[graph.nonzero()])) - int(self.usable(mode).sum())

    def edges(self) -> gpd.GeoDataFrame:
        """One row an edge, with the columns of the edge table `read_roads` takes."""
        import geopandas as gpd

        table = pd.DataFrame({"u": self.tail, "v": self.head})
        table[["x_u", "y_u"]], table[["x_v", "y_v"]] = self.xy[self.tail], self.xy[self.head]
        table["length_m"], table["drive_kmh"] = self.length_m, self.drive_kmh
        table["walkable"], table["highway"] = self.walkable, self.highway
        return gpd.GeoDataFrame(table, geometry=self.geometry, crs=self.crs)

    def lines(self) -> gpd.GeoDataFrame:
        """Streets to draw: highway, geometry. Each once, whichever ways it is driven, pieces joined end to end."""
        import geopandas as gpd

        table = self.edges()
        table["geometry"] = shapely.normalize(table.geometry.to_numpy())
        table["wkb"] = shapely.to_wkb(table.geometry.to_numpy())
        once = table.drop_duplicates(["highway", "wkb"]).groupby("highway")["geometry"]
        joined = once.agg(lambda lines: shapely.line_merge(shapely.multilinestrings(lines.to_numpy())))
        drawn = gpd.GeoDataFrame(joined.reset_index(), geometry="geometry", crs=self.crs)
        return drawn.explode(ignore_index=True)

    def write(self, path: Path | str) -> None:
        """Write the edge table as GeoParquet, to be read again without OpenStreetMap's tools."""
        self.edges().to_parquet(path)

    @classmethod
    def read(cls, path: Path | str) -> RoadNetwork:
        """Read what `write` wrote."""
        import geopandas as gpd

        table = gpd.read_parquet(path)
        return cls.from_edges(table, crs=table.crs.to_string())

    @classmethod
    def from_edges(cls, table: pd.DataFrame, crs: str = "EPSG:27700") -> RoadNetwork:
        """Build from a table with EDGE_COLUMNS, x and y in metres of `crs`, and geometry (optional).

        A node's coordinates are those of its first mention; an edge without geometry is a straight line.
        """
        missing = [name for name in EDGE_COLUMNS if name not in table.columns]
        if missing:
            raise ValueError(f"edge table lacks {', '.join(missing)}; it needs {', '.join(EDGE_COLUMNS)}")
        unusable = {
            name: int((~np.isfinite(table[name].to_numpy(float)) | (table[name].to_numpy(float) < 0)).sum())
            for name in ("length_m", "drive_kmh")
        }
        if any(unusable.values()):
            raise ValueError(f"edge table has missing or negative numbers: {unusable}")
        ends = np.r_[table["u"].to_numpy(), table["v"].to_numpy()]
        _, first, node = np.unique(ends, return_index=True, return_inverse=True)
        tail, head = np.split(node.astype(np.int64), 2)
        x = np.r_[table["x_u"].to_numpy(float), table["x_v"].to_numpy(float)]
        y = np.r_[table["y_u"].to_numpy(float), table["y_v"].to_numpy(float)]
        xy = np.column_stack([x[first], y[first]])
        return cls(
            xy=xy,
            tail=tail,
            head=head,
            length_m=table["length_m"].to_numpy(float),
            drive_kmh=table["drive_kmh"].to_numpy(float),
            walkable=table["walkable"].to_numpy(bool),
            highway=table["highway"].to_numpy(object),
            geometry=_lines_of(table, xy[tail], xy[head]),
            crs=crs,
        )


def read_roads(path: Path | str, drive_kmh: Mapping[str, float], crs: str = "EPSG:27700") -> RoadNetwork:
    """Read streets from .osm, .osm.pbf, .graphml (OSMnx) or an edge table (.parquet, .csv).

    `drive_kmh` gives the speed by OpenStreetMap class where a street has no readable maxspeed; its key "other"
    serves every class it does not name. `crs` is the projection in metres to work in; an edge table is in it
    already. Raises FileNotFoundError, or ValueError naming the file and what would mend it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no roads at {path}")
    kind = path.suffix.lower()
    if kind in (".pbf", ".osm", ".graphml"):
        from geodata.osm import read_graphml, read_osm

        table = (read_graphml if kind == ".graphml" else read_osm)(path, drive_kmh, crs)
    elif kind == ".parquet":
        table = pd.read_parquet(path)
    elif kind == ".csv":
        table = pd.read_csv(path)
    else:
        raise ValueError(f"{path}: roads are read from .osm, .osm.pbf, .graphml, .parquet or .csv, not {kind!r}")
    if table.empty:
        raise ValueError(f"{path}: no street in it that a person can walk or drive")
    try:
        return RoadNetwork.from_edges(table, crs)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _lines_of(table: pd.DataFrame, start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.object_]:
    """(E,) LineStrings from geometry, WKB or WKT, straight where there is none."""
    lines = np.asarray(shapely.linestrings(np.stack([start, end], axis=1)), dtype=object)
    if "geometry" not in table.columns:
        return lines
    given = np.asarray(table["geometry"], dtype=object)
    has = ~pd.isna(given)
    if has.any() and not shapely.is_geometry(given[has]).all():
        kinds = {type(value) for value in given[has]}
        given = given.copy()
        given[has] = shapely.from_wkt(given[has]) if kinds == {str} else shapely.from_wkb(given[has])
    lines[has] = given[has]
    return lines
