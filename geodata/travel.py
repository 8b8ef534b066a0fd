"""Distances and times from every origin to every destination, along streets or, without them, approximate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from geodata.roads import Mode, RoadNetwork

# A point further than this from the nearest usable street is taken to be off the map that was read.
SNAP_LIMIT_M = 2_000.0

# The policy's default; measured in Rutland, 23 LSOA points by 22 schools: median 1.24, p10-p90 1.13-1.48.
DETOUR_FACTOR = 1.3

# Sources a call to Dijkstra: bounds memory at SOURCES × nodes × 8 bytes.
SOURCES = 64


@dataclass(frozen=True, eq=False)
class TravelMatrix:
    """Journeys of O origins to D destinations; inf where there is none within the limit.

    `walk_m` is the shortest route on foot, `drive_m` the shortest a car may take, `drive_min` the time of the
    quickest, which may be a longer one. Both include the straight line from a point to the street at either end.
    """

    walk_m: NDArray[np.float32]  # (O, D)
    drive_m: NDArray[np.float32]  # (O, D)
    drive_min: NDArray[np.float32]  # (O, D)
    walk_kmh: float
    approximate: bool  # no roads: everything is straight line × detour factor
    origin_snap_m: NDArray[np.float32]  # (O, 2) to the nearest street to walk, to drive; nan without roads
    destination_snap_m: NDArray[np.float32]  # (D, 2)

    @property
    def walk_min(self) -> NDArray[np.float32]:
        """(O, D) minutes on foot."""
        return (self.walk_m * np.float32(0.06 / self.walk_kmh)).astype(np.float32)

    @property
    def origins_off_road(self) -> int:
        """Origins too far from a street, whose journeys are straight line × detour factor."""
        return int((self.origin_snap_m > SNAP_LIMIT_M).any(axis=1).sum())

    @property
    def destinations_off_road(self) -> int:
        """Destinations too far from a street, whose journeys are straight line × detour factor."""
        return int((self.destination_snap_m > SNAP_LIMIT_M).any(axis=1).sum())


def travel_table(
    origins_xy: NDArray[np.float64],
    destinations_xy: NDArray[np.float64],
    network: RoadNetwork | None,
    *,
    walk_kmh: float = 4.8,
    detour_factor: float = DETOUR_FACTOR,
    straight_line_kmh: float = 40.0,
    limit_m: float = np.inf,
) -> TravelMatrix:
    """Journeys from (O, 2) origins to (D, 2) destinations, in metres of the network's projection.

    A journey longer than `limit_m` by its mode is inf, which also bounds the search. Points are joined to the
    nearest node that can reach the bulk of the network; one more than 2 km from it, and everything when `network`
    is None, is straight line × `detour_factor`, driven at `straight_line_kmh`, as is the way to the street.
    """
    origins, destinations = _points(origins_xy, "origins"), _points(destinations_xy, "destinations")
    straight_m = cdist(origins, destinations) * detour_factor
    straight_min = straight_m * 0.06 / straight_line_kmh
    origin_snap, destination_snap = np.full((len(origins), 2), np.nan), np.full((len(destinations), 2), np.nan)
    if network is None:
        walk_m = drive_m = straight_m
        drive_min = straight_min
    else:
        (foot_o, origin_snap[:, 0]), (foot_d, destination_snap[:, 0]) = (
            snap(points, network, "walk") for points in (origins, destinations)
        )
        (car_o, origin_snap[:, 1]), (car_d, destination_snap[:, 1]) = (
            snap(points, network, "drive") for points in (origins, destinations)
        )
        foot_leg, car_leg = (np.add.outer(origin_snap[:, k], destination_snap[:, k]) for k in (0, 1))
        on_foot = np.logical_and.outer(foot_o >= 0, foot_d >= 0)
        by_car = np.logical_and.outer(car_o >= 0, car_d >= 0)
        walk_m = _route(network.matrix("walk"), foot_o, foot_d, limit_m) + foot_leg
        walk_m = np.where(on_foot, walk_m, straight_m)
        drive_m = _route(network.matrix("drive"), car_o, car_d, limit_m) + car_leg
        drive_m = np.where(by_car, drive_m, straight_m)
        # No route within the limit takes longer than the limit at the slowest speed of any street.
        slowest_kmh = network.drive_kmh[network.drive_kmh > 0].min(initial=straight_line_kmh)
        minutes = network.matrix("drive", "drive_min")
        drive_min = _route(minutes, car_o, car_d, limit_m * 0.06 / slowest_kmh) + car_leg * 0.06 / straight_line_kmh
        drive_min = np.where(by_car, drive_min, straight_min)
    too_far = drive_m > limit_m
    return TravelMatrix(
        walk_m=np.where(walk_m > limit_m, np.inf, walk_m).astype(np.float32),
        drive_m=np.where(too_far, np.inf, drive_m).astype(np.float32),
        drive_min=np.where(too_far, np.inf, drive_min).astype(np.float32),
        walk_kmh=walk_kmh,
        approximate=network is None,
        origin_snap_m=origin_snap.astype(np.float32),
        destination_snap_m=destination_snap.astype(np.float32),
    )


def detour_factor(network: RoadNetwork, points_xy: NDArray[np.float64], mode: Mode = "drive") -> float:
    """Median of road over straight-line distance between all pairs of points at least 500 m apart.

    Nearer pairs say more about where a point was joined to its street than about the streets.
    """
    table = travel_table(points_xy, points_xy, network)
    straight = cdist(points_xy, points_xy)
    far = straight >= 500.0
    if not far.any():
        raise ValueError("a detour factor needs points at least 500 m apart")
    return float(np.median((table.drive_m if mode == "drive" else table.walk_m)[far] / straight[far]))


def _points(xy: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    points = np.asarray(xy, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} have shape {points.shape}; they need one row a point: easting, northing")
    if not np.isfinite(points).all():
        raise ValueError(f"{int((~np.isfinite(points)).any(axis=1).sum())} of the {name} have no coordinates")
    return points


def snap(
    points: NDArray[np.float64], network: RoadNetwork, mode: Mode
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nearest usable node of each of (P, 2) points, -1 where it is too far, and the distance in metres, (P,) both."""
    usable = np.flatnonzero(network.usable(mode))
    if not len(usable):
        return np.full(len(points), -1), np.full(len(points), np.inf)
    distance_m, nearest = KDTree(network.xy[usable]).query(points)
    return np.where(distance_m <= SNAP_LIMIT_M, usable[nearest], -1), distance_m


def _route(
    graph: csr_matrix, origin: NDArray[np.int64], destination: NDArray[np.int64], limit: float
) -> NDArray[np.float64]:
    """(O, D) least weight from node to node, searched from the fewer side; inf beyond the limit or for node -1."""
    starts, start = np.unique(origin, return_inverse=True)
    ends, end = np.unique(destination, return_inverse=True)
    if len(ends) < len(starts):
        return _least(graph.T.tocsr(), ends, starts, limit)[np.ix_(end, start)].T
    return _least(graph, starts, ends, limit)[np.ix_(start, end)]


def _least(
    graph: csr_matrix, sources: NDArray[np.int64], targets: NDArray[np.int64], limit: float
) -> NDArray[np.float64]:
    """(sources, targets) least weight, rows and columns of node -1 inf."""
    least = np.full((len(sources), len(targets)), np.inf)
    real, there = np.flatnonzero(sources >= 0), targets >= 0
    for first in range(0, len(real), SOURCES):
        rows = real[first : first + SOURCES]
        reached = dijkstra(graph, directed=True, indices=sources[rows], limit=limit)
        least[np.ix_(rows, np.flatnonzero(there))] = reached[:, targets[there]]
    return least
