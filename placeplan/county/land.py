"""The lie of the land: an outline, a river, a city, two market towns, villages, and localities that tile it.

The county lies in the North Sea, so that no real place is drawn wrongly. Coordinates are EPSG:27700 metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from placeplan.county import names

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE = np.array([628_000.0, 413_000.0])
RADIUS_M = 23_000.0
CITY = np.add(CENTRE, [-1_500.0, 900.0])
GROWING_TOWN = np.add(CENTRE, [13_500.0, 6_800.0])
OTHER_TOWN = np.add(CENTRE, [-10_500.0, -11_500.0])
NEW_EDGE = np.add(GROWING_TOWN, [3_000.0, 2_200.0])
CITY_RADIUS_M, TOWN_RADIUS_M = 3_600.0, 1_700.0
N_CITY, N_TOWN, N_VILLAGES, N_HAMLETS = 40, 12, 26, 20
BRIDGES_X = CENTRE[0] + np.array([-19_500, -11_000, -3_100, -1_500, 300, 7_500, 13_300, 19_500.0])


@dataclass(frozen=True)
class Land:
    """Outline and river, and one row a settlement: kind, name, x, y, births_a_year, polygon."""

    outline: shapely.Polygon
    river: shapely.LineString
    bridges: NDArray[np.float64]  # (B, 2)
    settlements: pd.DataFrame


def lie_of_the_land(rng: np.random.Generator) -> Land:
    """Draw the county."""
    outline = _outline(rng)
    river = _river()
    bridges = np.column_stack([BRIDGES_X, _river_y(BRIDGES_X)])
    city = _spread(rng, _disc(rng, CITY, CITY_RADIUS_M), N_CITY, river, 120.0)
    towns = [_spread(rng, _disc(rng, at, TOWN_RADIUS_M), N_TOWN, river, 120.0) for at in (GROWING_TOWN, OTHER_TOWN)]
    towns[0][0] = NEW_EDGE  # where the houses go: beyond the old town, as yet without a school
    countryside = _countryside(rng, outline)
    villages = _spread(rng, countryside, N_VILLAGES + N_HAMLETS, river, 600.0)
    xy = np.vstack([city, *towns, villages])
    kind = np.repeat(
        ["city", "growing town", "other town", "village", "hamlet"], [N_CITY, N_TOWN, N_TOWN, N_VILLAGES, N_HAMLETS]
    )
    settlements = pd.DataFrame({"kind": kind, "x": xy[:, 0], "y": xy[:, 1]})
    quarters = names.place_names(rng, N_CITY + 2 * N_TOWN, urban=True)
    settlements["name"] = quarters + names.place_names(rng, N_VILLAGES + N_HAMLETS, urban=False)
    settlements["locality"] = [f"AL{k + 1:03d}" for k in range(len(settlements))]
    settlements["births_a_year"] = _births_a_year(rng, kind)
    settlements["polygon"] = _tiles(xy, outline)
    _mark_growth_and_decline(settlements)
    return Land(outline, river, bridges, settlements)


def _outline(rng: np.random.Generator) -> shapely.Polygon:
    angle = np.linspace(0, 2 * np.pi, 144, endpoint=False)
    radius = np.full_like(angle, RADIUS_M)
    for wave in range(2, 9):
        radius += RADIUS_M * rng.normal(0, 0.20 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    drawn = shapely.Polygon(CENTRE + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]))
    return _around_towns(drawn)


def _around_towns(outline: shapely.Polygon) -> shapely.Polygon:
    """The outline, let out where a border drawn at random would cut a town off."""
    radii = (CITY_RADIUS_M, TOWN_RADIUS_M, TOWN_RADIUS_M, TOWN_RADIUS_M)
    towns = [
        shapely.Point(*centre).buffer(radius + 2_000)
        for centre, radius in zip((CITY, GROWING_TOWN, OTHER_TOWN, NEW_EDGE), radii, strict=True)
    ]
    cut_off = [town for town in towns if not outline.contains(town.buffer(-1_900))]
    return shapely.union_all([outline, *cut_off]).buffer(0) if cut_off else outline


def _river_y(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The river winds from west to east past the city and the growing town."""
    along = (x - CENTRE[0]) / 1_000
    course = 0.25 * along + 2.4 * np.sin(along / 6.5) + 0.5 * np.sin(along / 1.7)
    at_city = (CITY[0] - CENTRE[0]) / 1_000
    here = 0.25 * at_city + 2.4 * np.sin(at_city / 6.5) + 0.5 * np.sin(at_city / 1.7)
    return np.asarray(CITY[1] - 500.0 + 1_000 * (course - here))


def _river() -> shapely.LineString:
    x = np.arange(CENTRE[0] - 32_000, CENTRE[0] + 32_001, 200.0)
    return shapely.LineString(np.column_stack([x, _river_y(x)]))


def _disc(rng: np.random.Generator, centre: NDArray[np.float64], radius_m: float) -> NDArray[np.float64]:
    radius, angle = radius_m * np.sqrt(rng.random(600)), rng.uniform(0, 2 * np.pi, 600)
    return np.asarray(centre + np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))


def _countryside(rng: np.random.Generator, outline: shapely.Polygon) -> NDArray[np.float64]:
    inside = outline.buffer(-900)
    west, south, east, north = inside.bounds
    points = rng.uniform([west, south], [east, north], (3_000, 2))
    keep = shapely.contains_xy(inside, points)
    keep &= np.hypot(*(points - CITY).T) > CITY_RADIUS_M + 1_900
    for town in (GROWING_TOWN, OTHER_TOWN, NEW_EDGE):
        keep &= np.hypot(*(points - town).T) > TOWN_RADIUS_M + 1_900
    return np.asarray(points[keep])


def _spread(
    rng: np.random.Generator, points: NDArray[np.float64], count: int, river: shapely.LineString, bank_m: float
) -> NDArray[np.float64]:
    """Choose points off the river one by one, each the furthest from those chosen among a few at random."""
    points = points[shapely.distance(river, shapely.points(points)) > bank_m]
    chosen = [points[0]]
    for _ in range(count - 1):
        few = points[rng.integers(0, len(points), 14)]
        nearest, _ = KDTree(np.array(chosen)).query(few)
        chosen.append(few[nearest.argmax()])
    return np.array(chosen)


def _births_a_year(rng: np.random.Generator, kind: NDArray[np.str_]) -> NDArray[np.float64]:
    """Births a year around the turn of the century, which the years then scale."""
    typical = {"city": 27.0, "growing town": 17.0, "other town": 17.0, "village": 14.0, "hamlet": 5.0}
    return np.array([typical[k] for k in kind]) * rng.lognormal(0, 0.22, len(kind))


def _tiles(xy: NDArray[np.float64], outline: shapely.Polygon) -> NDArray[np.object_]:
    """Voronoi polygon of each settlement, clipped to the outline."""
    cells = np.array(shapely.voronoi_polygons(shapely.multipoints(xy), extend_to=outline).geoms, dtype=object)
    of_cell, of_point = shapely.STRtree(shapely.points(xy)).query(cells, predicate="contains")
    ordered = np.empty(len(xy), dtype=object)
    ordered[of_point] = cells[of_cell]
    return np.asarray(shapely.intersection(ordered, outline))


def _mark_growth_and_decline(settlements: pd.DataFrame) -> None:
    """Add the column trend: the growing town's edge grows; remote villages and their hamlets decline."""
    settlements["trend"] = "steady"
    xy = settlements[["x", "y"]].to_numpy()
    village = np.flatnonzero(settlements["kind"] == "village")
    to_next, _ = KDTree(xy[village]).query(xy[village], k=2)
    centres = np.array([CITY, GROWING_TOWN, OTHER_TOWN])
    remote = np.hypot(*(xy[village][:, None] - centres).transpose(2, 0, 1)).min(axis=1) > 6_500
    remote &= np.hypot(*(xy[village] - NEW_EDGE).T) > 13_000  # its overflow would fill them
    order = np.argsort(np.where(remote, to_next[:, 1], np.inf), kind="stable")
    declining: list[int] = []
    for k in village[order]:  # no two next to each other, so that each has a neighbour to turn to
        if all(np.hypot(*(xy[k] - xy[other])) > 6_000 for other in declining):
            declining.append(int(k))
    edge = settlements.index[np.hypot(*(xy - NEW_EDGE).T).argmin()]
    settlements.loc[edge, ["trend", "births_a_year"]] = ["growth", 6.0]
    falling = settlements.index[declining[:5]]
    settlements.loc[falling, "births_a_year"] = 10.0
    hamlet = settlements.index[settlements["kind"] == "hamlet"]
    _, nearest = KDTree(xy[village]).query(xy[hamlet])
    round_about = hamlet[np.isin(village[nearest], declining[:5])]
    settlements.loc[falling.append(round_about), "trend"] = "decline"
