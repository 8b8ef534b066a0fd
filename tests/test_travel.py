"""Journeys are no shorter than the straight line, and agree with sums by hand and with another library."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from geodata.roads import RoadNetwork, read_roads
from geodata.travel import TravelMatrix, detour_factor, travel_table

KMH = {"motorway": 100.0, "trunk": 80.0, "primary": 65.0, "secondary": 60.0, "tertiary": 50.0}
KMH |= {"unclassified": 40.0, "residential": 30.0, "service": 20.0, "other": 40.0}


def network_of(xy: np.ndarray, edges: list[tuple[int, int, float, float, bool]]) -> RoadNetwork:
    """Network from node coordinates and (tail, head, length_m, drive_kmh, walkable)."""
    table = pd.DataFrame(edges, columns=["u", "v", "length_m", "drive_kmh", "walkable"])
    table[["x_u", "y_u"]], table[["x_v", "y_v"]] = xy[table["u"]], xy[table["v"]]
    return RoadNetwork.from_edges(table.assign(highway="unclassified"))


def random_network(seed: int, n_nodes: int = 40) -> RoadNetwork:
    """Towns on a ring with chords, each street at least as long as the straight line, some one-way or on foot."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 10_000, (n_nodes, 2)).round(1)
    ring = [(k, (k + 1) % n_nodes) for k in range(n_nodes)]
    chords = [(int(a), int(b)) for a, b in rng.integers(0, n_nodes, (2 * n_nodes, 2)) if a != b]
    edges = []
    for k, (a, b) in enumerate(ring + chords):
        length = float(np.hypot(*(xy[a] - xy[b])) * rng.uniform(1, 1.6))
        speed = float(rng.choice([30, 48, 60, 96])) if k < n_nodes or rng.random() < 0.7 else 0.0
        edges.append((a, b, length, speed, bool(k < n_nodes or rng.random() < 0.8)))
        if k < n_nodes or rng.random() < 0.6:
            edges.append((b, a, length, speed, True))
    return network_of(xy, edges)


# A square of 1 km: 0→1 one-way, 1-2 both ways, 2-3 both ways and quick, 3-0 both ways, 0-2 footpath.
SQUARE = network_of(
    np.array([[0.0, 0], [1000, 0], [1000, 1000], [0, 1000]]),
    [
        (0, 1, 1000, 30, True),
        (1, 2, 1000, 30, True),
        (2, 1, 1000, 30, True),
        (1, 2, 1500, 90, False),
        (2, 1, 1500, 90, False),
        (2, 3, 1000, 60, True),
        (3, 2, 1000, 60, True),
        (3, 0, 1000, 60, True),
        (0, 3, 1000, 60, True),
        (0, 2, 1415, 0, True),
    ],
)


def test_square_by_hand() -> None:
    home, school = np.array([[0.0, -100], [1000, 0]]), np.array([[1050.0, 0], [1000, 1000], [0, 0]])
    table = travel_table(home, school, SQUARE)
    # From home 0, 100 m below corner 0: to the school 50 m beyond corner 1, to corner 2, to corner 0.
    np.testing.assert_allclose(table.walk_m[0], [1150, 1515, 100], atol=0.01)
    np.testing.assert_allclose(table.drive_m[0], [1150, 2100, 100], atol=0.01)
    leg = 100 * 0.06 / 40
    # To corner 2 the quickest is not by the one-way street: 2 × 1 min, against 2 min + 1 min.
    np.testing.assert_allclose(table.drive_min[0], [2 + leg + leg / 2, 2 + leg, leg], atol=1e-4)
    # From corner 1 a driver to corner 0 goes round three sides, the first by the longer and quicker lane.
    np.testing.assert_allclose(table.walk_m[1], [50, 1000, 1000], atol=0.01)
    np.testing.assert_allclose(table.drive_m[1], [50, 1000, 3000], atol=0.01)
    np.testing.assert_allclose(table.drive_min[1], [leg / 2, 1, 3], atol=1e-4)
    np.testing.assert_allclose(table.walk_min[1], [0.625, 12.5, 12.5], atol=1e-4)  # 4.8 km/h = 80 m a minute
    assert not table.approximate
    np.testing.assert_allclose(table.origin_snap_m, [[100, 100], [0, 0]])


def test_one_way_street_is_kept_when_searching_from_either_side() -> None:
    corners = np.array([[0.0, 0], [1000, 0], [1000, 1000], [0, 1000]])
    one = corners[:1]
    assert travel_table(corners, one, SQUARE).drive_m[1, 0] == pytest.approx(3000)
    assert travel_table(one, corners, SQUARE).drive_m[0, 1] == pytest.approx(1000)


def test_without_roads_it_is_the_straight_line_with_detour_at_40_kmh_and_says_so() -> None:
    table = travel_table(np.array([[0.0, 0]]), np.array([[3000.0, 4000]]), None, detour_factor=1.3)
    assert table.approximate
    assert table.walk_m[0, 0] == table.drive_m[0, 0] == pytest.approx(6500)
    assert table.drive_min[0, 0] == pytest.approx(9.75)
    assert table.walk_min[0, 0] == pytest.approx(81.25)
    assert table.origins_off_road == table.destinations_off_road == 0


def test_point_off_the_map_takes_the_straight_line_and_is_counted() -> None:
    far, near = [9000.0, 0], [0.0, 0]
    table = travel_table(np.array([near, far]), np.array([near, [1000, 1000]]), SQUARE, detour_factor=1.25)
    assert (table.origins_off_road, table.destinations_off_road) == (1, 0)
    assert not table.approximate
    assert table.drive_m[1, 0] == table.walk_m[1, 0] == pytest.approx(11_250)
    assert table.drive_min[1, 0] == pytest.approx(11.25 * 60 / 40)
    assert table.walk_m[0, 1] == pytest.approx(1415)  # the other is not touched


def test_island_is_not_snapped_to_though_it_is_nearest() -> None:
    xy = np.vstack([SQUARE.xy, [[1900.0, 0], [2000, 0]]])
    edges = [
        *zip(SQUARE.tail, SQUARE.head, SQUARE.length_m, SQUARE.drive_kmh, SQUARE.walkable, strict=True),
        (4, 5, 100, 30, True),
        (5, 4, 100, 30, True),
    ]
    table = travel_table(np.array([[1900.0, 0]]), np.array([[1000.0, 1000]]), network_of(xy, edges))
    assert table.origin_snap_m[0].tolist() == [900, 900]
    assert table.walk_m[0, 0] == pytest.approx(1900)


def test_journey_longer_than_the_limit_is_infinite() -> None:
    corners = np.array([[0.0, 0], [1000, 0], [1000, 1000], [0, 1000]])
    table = travel_table(corners, corners, SQUARE, limit_m=1450)
    assert table.walk_m[0, 2] == pytest.approx(1415)
    assert np.isinf(table.drive_m[0, 2]) and np.isinf(table.drive_min[0, 2])
    assert np.isinf(travel_table(corners, corners, None, limit_m=1200).walk_m[0, 2])


def test_network_nobody_may_drive_still_walks() -> None:
    lane = network_of(np.array([[0.0, 0], [600, 0]]), [(0, 1, 700, 0, True)])
    table = travel_table(np.array([[0.0, 0]]), np.array([[600.0, 0]]), lane, detour_factor=1.5)
    assert table.walk_m[0, 0] == pytest.approx(700)
    assert table.drive_m[0, 0] == pytest.approx(900)
    assert table.origins_off_road == 1


def test_points_without_coordinates_are_counted_in_the_error() -> None:
    with pytest.raises(ValueError, match="2 of the origins"):
        travel_table(np.array([[0.0, np.nan], [1, 1], [np.nan, 2]]), np.array([[0.0, 0]]), None)
    with pytest.raises(ValueError, match="destinations have shape"):
        travel_table(np.array([[0.0, 0]]), np.array([0.0, 0]), None)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_no_road_is_shorter_than_the_straight_line_and_no_detour_by_a_third_place_helps(seed: int) -> None:
    network = random_network(seed)
    table = travel_table(network.xy, network.xy, network)
    straight = cdist(network.xy, network.xy)
    for metres in (table.walk_m, table.drive_m):
        assert (metres >= straight - 0.01).all()
        through = (metres[:, :, None] + metres[None, :, :]).min(axis=1)
        assert (metres <= through + 0.1).all()
    np.testing.assert_allclose(table.walk_m, table.walk_m.T, rtol=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_networkx_finds_the_same_journeys(seed: int) -> None:
    network = random_network(seed)
    walk, drive = nx.MultiGraph(), nx.MultiDiGraph()
    for k in range(len(network.tail)):
        ends = int(network.tail[k]), int(network.head[k])
        if network.walkable[k]:
            walk.add_edge(*ends, metres=network.length_m[k])
        if network.drive_kmh[k] > 0:
            drive.add_edge(*ends, metres=network.length_m[k], minutes=network.drive_min[k])
    few = np.arange(5)
    table = travel_table(network.xy, network.xy[few], network)
    for matrix, graph, weight in (
        (table.walk_m, walk, "metres"),
        (table.drive_m, drive, "metres"),
        (table.drive_min, drive, "minutes"),
    ):
        lengths = dict(nx.all_pairs_dijkstra_path_length(graph, weight=weight))
        expected = [[lengths[a][b] for b in few] for a in range(len(network.xy))]
        np.testing.assert_allclose(matrix, expected, rtol=1e-5, atol=1e-3)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.floats(2_000, 12_000))
def test_limit_takes_away_long_journeys_and_changes_no_other(seed: int, limit_m: float) -> None:
    network = random_network(seed)
    full, bounded = (travel_table(network.xy[:9], network.xy, network, limit_m=limit) for limit in (np.inf, limit_m))
    for name in ("walk_m", "drive_m"):
        metres = getattr(full, name)
        np.testing.assert_array_equal(getattr(bounded, name), np.where(metres > limit_m, np.inf, metres))
    np.testing.assert_array_equal(bounded.drive_min, np.where(full.drive_m > limit_m, np.inf, full.drive_min))


@pytest.fixture(scope="module")
def rutland(real_data: Path) -> tuple[RoadNetwork, np.ndarray, np.ndarray]:
    folder = real_data / "rutland"
    places = ["easting", "northing"]
    homes = pd.read_csv(folder / "lsoa11_demand_points.csv")[places].to_numpy()
    schools = pd.read_csv(folder / "state_schools.csv")[places].to_numpy()
    return read_roads(folder / "rutland-180227.osm.pbf", KMH), homes, schools


def journeys(rutland: tuple[RoadNetwork, np.ndarray, np.ndarray]) -> TravelMatrix:
    network, homes, schools = rutland
    return travel_table(homes, schools, network)


def test_rutland_schools_stand_beside_streets(rutland: tuple[RoadNetwork, np.ndarray, np.ndarray]) -> None:
    table = journeys(rutland)
    assert table.destination_snap_m.max() < 75
    assert table.origins_off_road == table.destinations_off_road == 0
    assert np.isfinite(table.drive_min).all() and np.isfinite(table.walk_m).all()


def test_rutland_detour_is_near_the_median_of_1_24_measured_elsewhere(
    rutland: tuple[RoadNetwork, np.ndarray, np.ndarray],
) -> None:
    network, homes, schools = rutland
    table, straight = journeys(rutland), cdist(homes, schools)
    for metres in (table.walk_m, table.drive_m):
        ratio = metres / straight
        assert np.median(ratio) == pytest.approx(1.24, abs=0.05)
        assert 1.10 < np.percentile(ratio, 10) < 1.16
        assert 1.43 < np.percentile(ratio, 90) < 1.63
    points = np.vstack([homes, schools])
    assert detour_factor(network, points, "walk") < detour_factor(network, points, "drive") < 1.3


def test_rutland_is_walked_by_paths_and_driven_by_its_809_km_of_roads(
    rutland: tuple[RoadNetwork, np.ndarray, np.ndarray],
) -> None:
    network = rutland[0]
    drawn = network.lines().assign(km=lambda lines: lines.length / 1000).groupby("highway")["km"].sum()
    paths = drawn.index.isin(["footway", "path", "bridleway", "cycleway", "steps", "pedestrian", "track"])
    assert drawn[~paths].sum() == pytest.approx(809, rel=0.03)
    assert network.drive_kmh[np.isin(network.highway, ["footway", "bridleway", "track"])].max() == 0
    assert network.usable("drive").mean() > 0.6
    assert network.left_out("drive") < 0.06 * network.usable("drive").sum()
