"""Bands round the nearest of several places tell the ways that the travel tables tell."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from test_travel import random_network

from geodata.isochrones import band_of, bands, grid, nearest, smoothed
from geodata.roads import RoadNetwork
from geodata.travel import travel_table

BREAKS = np.array([1000.0, 2500.0, 5000.0])
SQUARE = shapely.box(0, 0, 10_000, 10_000)
WAYS = {"detour_factor": 1.3, "straight_line_kmh": 40.0}


def random_places(seed: int, count: int) -> np.ndarray:
    """Points over the network and up to 4 km around it, so that some are too far from any street."""
    return np.random.default_rng(seed).uniform(-4000, 14_000, (count, 2))


@given(seed=st.integers(0, 10_000), ends=st.integers(1, 6), with_roads=st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_way_to_the_nearest_is_the_least_of_the_ways_to_each(seed: int, ends: int, with_roads: bool) -> None:
    """A home in one band on the map and in another in the table: two searches must agree."""
    network = random_network(seed) if with_roads else None
    points, schools = random_places(seed, 50), random_places(seed + 1, ends)
    found = nearest(points, schools, network, **WAYS)
    each = travel_table(points, schools, network, **WAYS)
    assert found.metres == pytest.approx(np.minimum(each.walk_m, each.drive_m).min(axis=1), rel=1e-4)
    assert found.minutes == pytest.approx(each.drive_min.min(axis=1), rel=1e-4)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_who_is_nearer_along_streets_is_in_no_outer_band(seed: int) -> None:
    """A band drawn by another measure than the streets; bands that overlap, or leave ground out."""
    network = random_network(seed)
    schools = network.xy[[0, 7, 20]]
    ground = grid(SQUARE, cells=1_600)
    ways = nearest(ground.xy, schools, network, **WAYS).metres
    drawn = bands(ground, ways, BREAKS)
    inside = np.array(
        [polygon is not None and shapely.contains_xy(polygon, ground.xy) for polygon in drawn], dtype=object
    )
    band = np.stack([np.broadcast_to(row, len(ways)) for row in inside]).astype(bool)
    assert (band.sum(axis=0) == 1).all(), "every cell lies in one band"
    order = np.argsort(ways)
    assert (np.diff(band.argmax(axis=0)[order]) >= 0).all()
    away = travel_table(ground.xy, schools, network, **WAYS)
    metres = np.minimum(away.walk_m, away.drive_m).min(axis=1).astype(float)
    clear = np.abs(metres[:, None] - BREAKS).min(axis=1) > 1.0
    assert (band.argmax(axis=0)[clear] == np.searchsorted(BREAKS, metres[clear])).all()


def test_smoothing_moves_no_border_further_than_two_cells() -> None:
    """A smoother map that tells another story: ground well inside a band must stay in it."""
    ground = grid(SQUARE, cells=2_500)
    ways = nearest(ground.xy, np.array([[3000.0, 3000.0], [8000.0, 7000.0]]), None, **WAYS).metres
    exact = bands(ground, ways, BREAKS)
    drawn = smoothed(ground, exact)
    assert sum(shapely.area(drawn)) == pytest.approx(SQUARE.area, rel=0.001)
    for before, after in zip(exact, drawn, strict=True):
        deep = shapely.buffer(before, -2 * ground.cell_m)
        assert not deep.is_empty and shapely.difference(deep, after).area < 1.0
        assert shapely.get_num_coordinates(after) < shapely.get_num_coordinates(before)


def test_a_limit_itself_is_within_it() -> None:
    assert band_of(np.array([0.0, 1000.0, 1000.1, 5000.0, 9e9, np.inf]), BREAKS).tolist() == [0, 0, 1, 2, 3, 3]


def test_cracks_between_localities_are_no_outline() -> None:
    """Ten thousand cracks of a metre or two once made the map of a county take a minute."""
    cracked = shapely.union_all([shapely.box(0, 0, 5000, 10_000), shapely.box(5001, 0, 10_000, 10_000)])
    ground = grid(cracked, cells=400)
    assert ground.outline.geom_type == "Polygon" and len(ground.xy) == 400 and ground.cell_m == 500


def test_nowhere_to_go_is_an_error() -> None:
    network: RoadNetwork | None = None
    with pytest.raises(ValueError, match="no destination"):
        nearest(np.zeros((1, 2)), np.empty((0, 2)), network, **WAYS)
