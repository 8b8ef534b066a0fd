"""How far everywhere is from the nearest of several places, and the bands of ground that lie equally far.

Everywhere is the centres of square cells. A cell's way is that of `geodata.travel`: straight to the nearest street,
along streets to the street nearest to a destination, and straight on; without streets straight line × detour factor.
So a home and the cell it stands in tell the same story, and a band is as exact as its cells are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import bmat, csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from geodata.travel import snap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.roads import Mode, RoadNetwork, Weight

CELLS = 35_000
"""Of one study: a county's come to a few hundred metres, and to a second or two of work."""
CELL_STEP_M = 50.0
CRACK_M = 100.0
SMOOTH = 1.3


@dataclass(frozen=True, eq=False)
class Nearest:
    """From P points to the nearest destination: `metres` (P,) along streets, the shorter of the ways on foot and by
    car, and `minutes` (P,) by car, each to the destination nearest by it; inf where there is no way.
    """

    metres: NDArray[np.float64]
    minutes: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Square cells, `cell_m` wide, with centres `xy` (P, 2) in metres, that cover `outline`."""

    xy: NDArray[np.float64]
    cell_m: float
    outline: shapely.Geometry


def nearest(
    points_xy: NDArray[np.float64],
    destinations_xy: NDArray[np.float64],
    network: RoadNetwork | None,
    *,
    detour_factor: float,
    straight_line_kmh: float,
) -> Nearest:
    """Ways from (P, 2) points to the nearest of (D, 2) destinations, in metres of the network's projection.

    The least over D of what `geodata.travel.travel_table` says of each, found by one search a measure from all
    destinations together. ValueError without a destination.
    """
    if not len(destinations_xy):
        raise ValueError("there is no destination to be nearest to")
    straight_m = detour_factor * KDTree(destinations_xy).query(points_xy)[0]
    slow = 0.06 / straight_line_kmh
    if network is None:
        return Nearest(straight_m, straight_m * slow)

    def along(mode: Mode, weight: Weight, slope: float) -> NDArray[np.float64]:
        graph = network.matrix(mode, weight)
        return _along(points_xy, destinations_xy, network, mode, graph, straight_m, detour_factor, slope)

    walk_m, drive_m = along("walk", "length_m", 1.0), along("drive", "length_m", 1.0)
    drive_min = along("drive", "drive_min", slow)
    return Nearest(np.minimum(walk_m, drive_m), drive_min)


def _along(
    points: NDArray[np.float64],
    destinations: NDArray[np.float64],
    network: RoadNetwork,
    mode: Mode,
    graph: csr_matrix,
    straight_m: NDArray[np.float64],
    detour_factor: float,
    slope: float,
) -> NDArray[np.float64]:
    """(P,) least weight of `graph` to a destination; `slope` is that of a metre off the streets."""
    (at, leg_m), (end, end_leg_m) = (snap(xy, network, mode) for xy in (points, destinations))
    least = np.full(len(points), np.inf)
    on_street = end >= 0
    if on_street.any():
        reach = _reach(graph, end[on_street], end_leg_m[on_street] * slope)
        least[at >= 0] = reach[at[at >= 0]] + leg_m[at >= 0] * slope
    if not on_street.all():
        off_m = detour_factor * KDTree(destinations[~on_street]).query(points)[0]
        least = np.minimum(least, off_m * slope)
    return np.where(at >= 0, least, straight_m * slope)


def _reach(graph: csr_matrix, ends: NDArray[np.int64], leg: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) least weight from every node to an end and on over its leg: one search from beyond all ends."""
    order = np.argsort(leg, kind="stable")
    node, first = np.unique(ends[order], return_index=True)
    legs = np.maximum(leg[order][first], 1e-6)  # an explicit zero would be no edge
    beyond = csr_matrix((legs, (np.zeros(len(node), dtype=int), node)), shape=(1, graph.shape[0]))
    backwards = bmat([[graph.T, None], [beyond, csr_matrix((1, 1))]], format="csr")
    reached: NDArray[np.float64] = dijkstra(backwards, directed=True, indices=graph.shape[0])
    return reached[:-1]


def grid(outline: shapely.Geometry, cells: int = CELLS) -> Grid:
    """About `cells` squares at most over a polygon in metres, their width a multiple of 50 m."""
    cell_m = CELL_STEP_M * np.ceil(max(np.sqrt(outline.area / cells), 1.0) / CELL_STEP_M)
    west, south, east, north = outline.bounds
    x, y = (
        np.arange(np.floor(low / cell_m) + 0.5, np.ceil(high / cell_m)) * cell_m
        for low, high in ((west, east), (south, north))
    )
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    outline = _without_cracks(outline)
    shapely.prepare(outline)
    inside = shapely.intersects(outline, _squares(xy, cell_m))
    return Grid(xy[inside], float(cell_m), outline)


def bands(ground: Grid, values: NDArray[np.float64], breaks: NDArray[np.float64]) -> NDArray[np.object_]:
    """(len(breaks) + 1,) polygons, cells up to each rising break together and those beyond the last; None: no cell.

    Cells without a way are in the last.
    """
    band = band_of(values, breaks)
    squares = _squares(ground.xy, ground.cell_m)
    numbers = range(len(breaks) + 1)
    joined = [shapely.coverage_union_all(squares[band == b]) if (band == b).any() else None for b in numbers]
    return np.array(joined, dtype=object)


def band_of(values: NDArray[np.float64], breaks: NDArray[np.float64]) -> NDArray[np.int64]:
    """Band of each value: one on a break is in the nearer band, as a limit that is not exceeded."""
    return np.searchsorted(breaks, values, side="left")


def smoothed(ground: Grid, polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Bands without their stairs, clipped to the outline; borders move by less than a cell."""
    real = np.array([polygon is not None for polygon in polygons])
    drawn = polygons.copy()
    fewer = shapely.coverage_simplify(polygons[real], SMOOTH * ground.cell_m, simplify_boundary=False)
    drawn[real] = shapely.intersection(fewer, ground.outline)
    return drawn


def _without_cracks(outline: shapely.Geometry) -> shapely.Geometry:
    """The outline without the thousands of cracks that localities which do not quite meet leave in it, and simpler."""
    widened = shapely.simplify(shapely.buffer(outline, CRACK_M, join_style="mitre"), CRACK_M)
    return shapely.simplify(shapely.buffer(widened, -CRACK_M, join_style="mitre"), CRACK_M)


def _squares(xy: NDArray[np.float64], cell_m: float) -> NDArray[np.object_]:
    half = cell_m / 2
    squares: NDArray[np.object_] = shapely.box(xy[:, 0] - half, xy[:, 1] - half, xy[:, 0] + half, xy[:, 1] + half)
    return squares
