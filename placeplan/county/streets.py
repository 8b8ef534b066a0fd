"""Roads that wind: the cheapest ways over hills between settlements, few bridges, streets and footpaths in places.

Ways are found on a grid of jittered points, dearer on hills, cheaper along a road already there, so that later
roads join earlier ones as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import Delaunay, KDTree

from placeplan.county import land

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from placeplan.county.land import Land

CELL_M = 300.0
JITTER = 0.30
ROAD_DISCOUNT = 0.55
CLASSES = ("primary", "secondary", "tertiary", "unclassified", "residential", "footway")


@dataclass(frozen=True)
class Grid:
    """Points and the undirected links between neighbours that stay out of the river; `street` where 4-connected."""

    xy: NDArray[np.float64]  # (N, 2)
    link: NDArray[np.int64]  # (E, 2)
    length_m: NDArray[np.float64]  # (E,)
    hill: NDArray[np.float64]  # (E,) cost of a metre
    straight: NDArray[np.bool_]  # (E,) along a row or column


def build_streets(rng: np.random.Generator, ground: Land, drive_kmh: Mapping[str, float]) -> pd.DataFrame:
    """Edge table of `geodata.roads` for the county, driven at the policy's speeds."""
    grid = _grid(rng, ground)
    settlements = ground.settlements
    _, at = KDTree(grid.xy).query(settlements[["x", "y"]].to_numpy())
    highway = np.full(len(grid.link), -1)
    number = {frozenset(ends): k for k, ends in enumerate(grid.link.tolist())}
    for name, pairs in _routes(rng, ground, grid, at).items():
        _lay(grid, highway, CLASSES.index(name), pairs, number)
    _lay_streets(rng, grid, highway, ground)
    _keep_connected(grid, highway)
    return _edges(grid, highway, drive_kmh)


def exits(ground: Land) -> NDArray[np.float64]:
    """(4, 2) where the main roads leave the county: west, east, north, south."""
    out = []
    for direction in ([-1.0, -0.2], [1.0, -0.3], [0.2, 1.0], [0.3, -1.0]):
        ray = shapely.LineString([land.CENTRE, land.CENTRE + 40_000 * np.array(direction)])
        border = shapely.intersection(ray, ground.outline.boundary)
        out.append(np.array(shapely.get_coordinates(border)[-1]) - 500 * np.array(direction))
    return np.array(out)


def _grid(rng: np.random.Generator, ground: Land) -> Grid:
    west, south, east, north = ground.outline.bounds
    columns, rows = int((east - west) / CELL_M) + 1, int((north - south) / CELL_M) + 1
    x, y = np.meshgrid(west + CELL_M * np.arange(columns), south + CELL_M * np.arange(rows), indexing="ij")
    xy = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-JITTER, JITTER, (columns * rows, 2)) * CELL_M
    field = gaussian_filter(rng.normal(size=(columns, rows)), 5.0)
    height = np.exp(0.7 * field / field.std()).ravel()
    number = np.arange(columns * rows).reshape(columns, rows)
    pairs = [
        (number[:-1], number[1:], True),
        (number[:, :-1], number[:, 1:], True),
        (number[:-1, :-1], number[1:, 1:], False),
        (number[1:, :-1], number[:-1, 1:], False),
    ]
    link = np.vstack([np.column_stack([a.ravel(), b.ravel()]) for a, b, _ in pairs])
    straight = np.concatenate([np.full(a.size, flag) for a, _, flag in pairs])
    inside = shapely.contains_xy(ground.outline, xy)
    line = shapely.linestrings(xy[link])
    shapely.prepare(ground.river)
    wet = shapely.intersects(ground.river, line)
    at_bridge, _ = KDTree(ground.bridges).query(xy[link].mean(axis=1))
    keep = inside[link].all(axis=1) & (~wet | (at_bridge < 0.7 * CELL_M))
    link, straight = link[keep], straight[keep]
    length_m = np.hypot(*(xy[link[:, 0]] - xy[link[:, 1]]).T).round(1)
    return Grid(xy, link, length_m, height[link].mean(axis=1), straight)


def _routes(
    rng: np.random.Generator, ground: Land, grid: Grid, at: NDArray[np.int64]
) -> dict[str, list[tuple[int, int]]]:
    """Pairs of grid points to be joined, by class of road: A roads first, lanes last, then footpaths."""
    settlements = ground.settlements
    _, main = KDTree(grid.xy).query(np.array([land.CITY, land.GROWING_TOWN, land.OTHER_TOWN]))
    _, out = KDTree(grid.xy).query(exits(ground))
    city, growing, other = (int(node) for node in main)
    a_roads = [(city, growing), (city, other), (growing, int(out[1])), (other, int(out[0])), (city, int(out[2]))]
    a_roads += [(other, int(out[3]))]
    rural = np.flatnonzero(settlements["kind"].isin(["village", "hamlet"]))
    points = np.vstack([grid.xy[at[rural]], grid.xy[main]])
    node = np.r_[at[rural], main]
    village = np.r_[(settlements["kind"] == "village").to_numpy()[rural], True, True, True]
    neighbours = _gabriel(points)
    both = village[neighbours].all(axis=1)
    lot = rng.random(len(neighbours))
    kinds = np.select([both & (lot < 0.40), both & (lot < 0.75), lot < 0.75], CLASSES[1:4], default=CLASSES[5])
    routes: dict[str, list[tuple[int, int]]] = {"primary": a_roads}
    for name in ("secondary", "tertiary", "unclassified", "footway"):
        routes[name] = [(int(node[a]), int(node[b])) for a, b in neighbours[kinds == name]]
    _, town = KDTree(grid.xy[main]).query(grid.xy[at])
    routes["tertiary"] += [(int(at[k]), int(main[town[k]])) for k in range(len(at)) if k not in set(rural)][::3]
    _, edge = KDTree(grid.xy).query(land.NEW_EDGE)
    routes["tertiary"].append((int(edge), growing))
    nearest = KDTree(grid.xy[at[rural]]).query(grid.xy[at[rural]], k=2)[1][:, 1]
    routes["unclassified"] += [(int(at[rural[k]]), int(at[rural[n]])) for k, n in enumerate(nearest)]
    return routes


def _gabriel(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pairs of neighbours with no third point in the circle between them."""
    triangles = Delaunay(points).simplices
    pairs = np.unique(np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])), axis=0)
    middle = points[pairs].mean(axis=1)
    nearest, _ = KDTree(points).query(middle)
    radius = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T) / 2
    return np.asarray(pairs[nearest >= radius - 1e-6])


def _lay(
    grid: Grid,
    highway: NDArray[np.int64],
    kind: int,
    pairs: Sequence[tuple[int, int]],
    number: Mapping[frozenset[int], int],
) -> None:
    """Lay the cheapest way between each pair; what is there already keeps its class."""
    footpath = kind == CLASSES.index("footway")
    for start in sorted({a for a, _ in pairs}):
        discount = np.where((highway >= 0) & (not footpath), ROAD_DISCOUNT, 1.0)
        cost = grid.length_m * np.sqrt(grid.hill) if footpath else grid.length_m * grid.hill * discount
        graph = csr_matrix((cost, grid.link.T), shape=(len(grid.xy), len(grid.xy)))
        _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
        for here in [b for a, b in pairs if a == start]:
            while here != start and before[here] >= 0:
                link = number[frozenset((here, int(before[here])))]
                highway[link] = kind if highway[link] < 0 else highway[link]
                here = int(before[here])


def _lay_streets(rng: np.random.Generator, grid: Grid, highway: NDArray[np.int64], ground: Land) -> None:
    """Streets in the city, the towns and round each village green; footpaths through some of the gaps."""
    middle = grid.xy[grid.link].mean(axis=1)
    built_up = np.hypot(*(middle - land.CITY).T) < land.CITY_RADIUS_M + 300
    for town in (land.GROWING_TOWN, land.OTHER_TOWN):
        built_up |= np.hypot(*(middle - town).T) < land.TOWN_RADIUS_M + 300
    built_up |= np.hypot(*(middle - land.NEW_EDGE).T) < 800
    rural = ground.settlements["kind"].isin(["village", "hamlet"])
    to_green, _ = KDTree(ground.settlements.loc[rural, ["x", "y"]].to_numpy()).query(middle)
    lot = rng.random(len(grid.link))
    free = (highway < 0) & grid.straight
    highway[free & built_up & (lot < 0.78)] = CLASSES.index("residential")
    highway[free & (to_green < 500) & (lot < 0.70)] = CLASSES.index("residential")
    highway[(highway < 0) & built_up & grid.straight & (lot < 0.88)] = CLASSES.index("footway")


def _keep_connected(grid: Grid, highway: NDArray[np.int64]) -> None:
    """Take away streets that no road reaches, and footpaths that nothing reaches."""
    for used in ((highway >= 0) & (highway < CLASSES.index("footway")), highway >= 0):
        ends = grid.link[used]
        graph = csr_matrix((np.ones(len(ends)), ends.T), shape=(len(grid.xy), len(grid.xy)))
        _, part = connected_components(graph, directed=False)
        largest = np.bincount(part[ends[:, 0]]).argmax()
        highway[np.flatnonzero(used)[part[ends[:, 0]] != largest]] = -1


def _edges(grid: Grid, highway: NDArray[np.int64], drive_kmh: Mapping[str, float]) -> pd.DataFrame:
    """Directed edge table; streets of the city's centre that run along a row are one-way, alternately."""
    used = np.flatnonzero(highway >= 0)
    u, v = grid.link[used].T
    kind = np.array(CLASSES)[highway[used]]
    speed = np.array([0.0 if name == "footway" else drive_kmh.get(name, drive_kmh["other"]) for name in kind])
    middle = grid.xy[grid.link[used]].mean(axis=1)
    centre = np.hypot(*(middle - land.CITY).T) < 900
    level = np.abs(grid.xy[u, 1] - grid.xy[v, 1]) < np.abs(grid.xy[u, 0] - grid.xy[v, 0])
    one_way = centre & level & (kind == "residential")
    row = np.round(middle[:, 1] / CELL_M).astype(int) % 2 == 0
    there = pd.DataFrame({"u": u, "v": v, "length_m": grid.length_m[used], "highway": kind})
    there["drive_kmh"] = np.where(one_way & row, 0.0, speed)
    back = there.rename(columns={"u": "v", "v": "u"}).assign(drive_kmh=np.where(one_way & ~row, 0.0, speed))
    table = pd.concat([there, back], ignore_index=True)
    table["walkable"] = True
    xy = grid.xy.round(1)
    table[["x_u", "y_u"]], table[["x_v", "y_v"]] = xy[table["u"]], xy[table["v"]]
    return table[["u", "v", "x_u", "y_u", "x_v", "y_v", "length_m", "drive_kmh", "walkable", "highway"]]
