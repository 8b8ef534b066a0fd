"""Streets are read alike from every kind of file, and drive and walk as the signs say."""

import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import osmium
import pandas as pd
import pyproj
import pytest
import shapely

from geodata.osm import maxspeed_kmh
from geodata.roads import RoadNetwork, read_roads

KMH = {"residential": 30.0, "primary": 60.0, "other": 40.0}

# One kilometre square with a diagonal footpath, a one-way side, a quicker parallel lane and an island.
#   4 --- 3
#   |   / |      1->2 one-way, 2-3 twice (1000 m and a 1400 m bend), 1-3 footpath, 3-4 primary at 30 mph, 4-1
#   1 --> 2   5 - 6 (island)
PLACE = {
    1: (486000.0, 308000.0),
    2: (487000.0, 308000.0),
    3: (487000.0, 309000.0),
    4: (486000.0, 309000.0),
    5: (492000.0, 308000.0),
    6: (492500.0, 308000.0),
    7: (487489.9, 308500.0),  # the bend, √(500² + 489.9²) = 700 m from both 2 and 3
}
WAYS: list[tuple[list[int], dict[str, str]]] = [
    ([1, 2], {"highway": "residential", "oneway": "yes"}),
    ([2, 3], {"highway": "residential"}),
    ([2, 7, 3], {"highway": "primary"}),
    ([1, 3], {"highway": "footway"}),
    ([3, 4], {"highway": "primary", "maxspeed": "30 mph"}),
    ([4, 1], {"highway": "unclassified"}),
    ([5, 6], {"highway": "residential"}),
    ([2, 4], {"highway": "construction"}),
    ([2, 4], {"highway": "residential", "access": "private"}),
]


def edge_table() -> pd.DataFrame:
    """The square by hand: what reading its OpenStreetMap file should amount to."""
    streets = [
        (1, 2, 1000, 30, True, "residential"),
        (2, 1, 1000, 0, True, "residential"),
        (2, 3, 1000, 30, True, "residential"),
        (3, 2, 1000, 30, True, "residential"),
        (2, 3, 1400, 60, True, "primary"),
        (3, 2, 1400, 60, True, "primary"),
        (1, 3, 1000 * 2**0.5, 0, True, "footway"),
        (3, 4, 1000, 48.28032, True, "primary"),
        (4, 3, 1000, 48.28032, True, "primary"),
        (4, 1, 1000, 40, True, "unclassified"),
        (1, 4, 1000, 40, True, "unclassified"),
        (5, 6, 500, 30, True, "residential"),
        (6, 5, 500, 30, True, "residential"),
    ]
    table = pd.DataFrame(streets, columns=["u", "v", "length_m", "drive_kmh", "walkable", "highway"])
    for end in ("u", "v"):
        table[f"x_{end}"] = [PLACE[node][0] for node in table[end]]
        table[f"y_{end}"] = [PLACE[node][1] for node in table[end]]
    return table


def write_osm(path: Path) -> Path:
    to_degrees = pyproj.Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    lines = ['<osm version="0.6" generator="test">']
    for node, (x, y) in PLACE.items():
        lon, lat = to_degrees.transform(x, y)
        lines.append(f'<node id="{node}" version="1" lat="{lat:.8f}" lon="{lon:.8f}"/>')
    for way, (nodes, tags) in enumerate(WAYS, start=1):
        refs = "".join(f'<nd ref="{node}"/>' for node in nodes)
        marks = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())
        lines.append(f'<way id="{way}" version="1">{refs}{marks}</way>')
    path.write_text("\n".join([*lines, "</osm>"]))
    return path


def write_pbf(source: Path, target: Path) -> Path:
    with osmium.SimpleWriter(target) as writer:
        for thing in osmium.FileProcessor(source):
            writer.add(thing)
    return target


@pytest.fixture
def square() -> RoadNetwork:
    return RoadNetwork.from_edges(edge_table())


def at(network: RoadNetwork, place: int) -> int:
    """Node of a place of the square."""
    return int(np.hypot(*(network.xy - PLACE[place]).T).argmin())


def test_parallel_streets_count_by_the_better_one_not_by_their_sum(square: RoadNetwork) -> None:
    two, three = at(square, 2), at(square, 3)
    assert square.matrix("drive")[two, three] == 1000
    assert square.matrix("drive", "drive_min")[two, three] == pytest.approx(1.4)  # 1400 m at 60 beats 1000 at 30
    assert square.matrix("walk")[two, three] == 1000


def test_one_way_street_is_driven_one_way_and_walked_both(square: RoadNetwork) -> None:
    one, two = at(square, 1), at(square, 2)
    assert square.matrix("drive")[one, two] == 1000
    assert square.matrix("drive")[two, one] == 0
    assert square.matrix("walk")[two, one] == square.matrix("walk")[one, two] == 1000


def test_footpath_is_walked_both_ways_and_never_driven(square: RoadNetwork) -> None:
    one, three = at(square, 1), at(square, 3)
    assert square.matrix("drive")[one, three] == 0
    assert square.matrix("walk")[three, one] == pytest.approx(1414.2, abs=0.1)


def test_island_is_left_out_of_snapping_and_counted(square: RoadNetwork) -> None:
    island = [at(square, 5), at(square, 6)]
    for mode in ("walk", "drive"):
        assert not square.usable(mode)[island].any()
        assert square.usable(mode).sum() == 4
        assert square.left_out(mode) == 2


def test_street_one_cannot_leave_by_car_is_not_snapped_to(square: RoadNetwork) -> None:
    table = edge_table()
    trap = table.iloc[[0]].assign(u=2, v=8, x_u=PLACE[2][0], x_v=488000.0, walkable=False)
    network = RoadNetwork.from_edges(pd.concat([table, trap], ignore_index=True))
    dead_end = int(network.xy[:, 0].argsort()[-3])
    assert network.xy[dead_end, 0] == 488000
    assert not network.usable("drive")[dead_end]
    assert network.left_out("drive") == square.left_out("drive") + 1


def test_street_without_length_still_connects() -> None:
    table = edge_table()
    table.loc[table["highway"] == "unclassified", "length_m"] = 0.0
    network = RoadNetwork.from_edges(table)
    assert network.usable("drive").sum() == 4
    assert 0 < network.matrix("walk")[at(network, 4), at(network, 1)] < 0.001


def test_loop_back_to_its_own_end_is_no_edge() -> None:
    table = edge_table()
    loop = table.iloc[[2]].assign(v=2, x_v=PLACE[2][0], y_v=PLACE[2][1])
    network = RoadNetwork.from_edges(pd.concat([table, loop], ignore_index=True))
    assert network.matrix("drive").diagonal().sum() == 0


def test_walking_has_no_driving_time(square: RoadNetwork) -> None:
    with pytest.raises(ValueError, match="length_m"):
        square.matrix("walk", "drive_min")


@pytest.mark.parametrize(
    ("tag", "kmh"),
    [
        ("30 mph", 48.28),
        ("30mph", 48.28),
        ("60", 60),
        ("60 km/h", 60),
        (50, 50),
        (["30 mph", "50 mph"], 64.37),
        ("20 mph;40 mph", 48.28),
        (["national", "30 mph"], 48.28),
    ],
)
def test_speed_limits_are_read_in_their_unit(tag: object, kmh: float) -> None:
    assert maxspeed_kmh(tag) == pytest.approx(kmh, abs=0.01)


@pytest.mark.parametrize(
    "tag", ["national", "GB:nsl_single", "none", "walk", "", "0", "-30", None, float("nan"), [], ["signals"]]
)
def test_limit_without_a_number_leaves_the_class_to_decide(tag: object) -> None:
    assert np.isnan(maxspeed_kmh(tag))


def weights(network: RoadNetwork) -> np.ndarray:
    """(3, 6, 6) walking metres, driving metres and minutes between the places of the square and its island."""
    from scipy.sparse.csgraph import dijkstra

    nodes = [at(network, place) for place in range(1, 7)]
    graphs = [network.matrix("walk"), network.matrix("drive"), network.matrix("drive", "drive_min")]
    return np.array([dijkstra(graph, indices=nodes)[:, nodes] for graph in graphs])


@pytest.mark.parametrize("kind", ["osm", "pbf", "graphml", "parquet", "csv", "cache"])
def test_every_kind_of_file_gives_the_distances_of_the_table_made_by_hand(tmp_path: Path, kind: str) -> None:
    expected = weights(RoadNetwork.from_edges(edge_table()))
    osm = write_osm(tmp_path / "streets.osm")
    path = tmp_path / f"roads.{kind}"
    if kind == "osm":
        path = osm
    elif kind == "pbf":
        path = write_pbf(osm, tmp_path / "streets.osm.pbf")
    elif kind == "graphml":
        import osmnx

        osmnx.save_graphml(osmnx.graph_from_xml(osm, retain_all=True), path)
    elif kind == "parquet":
        edge_table().to_parquet(path)
    elif kind == "csv":
        edge_table().to_csv(path, index=False)
    if kind == "cache":
        read_roads(osm, KMH).write(path)
        network = RoadNetwork.read(path)
        assert network.crs == "EPSG:27700"
    else:
        network = read_roads(path, KMH)
    # OSMnx measures on a sphere: within 0.5 % of the ellipsoid's projection.
    np.testing.assert_allclose(weights(network), expected, rtol=5e-3)


def test_streets_are_drawn_once_and_whole(tmp_path: Path) -> None:
    lines = read_roads(write_osm(tmp_path / "streets.osm"), KMH).lines()
    assert set(lines["highway"]) == {"residential", "primary", "footway", "unclassified"}
    assert lines.length.sum() == pytest.approx(1000 * 4 + 1400 + 1414.2 + 500, rel=1e-3)
    primary = lines[lines["highway"] == "primary"]
    assert len(primary) == 1  # the bend and 3-4 joined end to end


def test_geometry_may_be_text_or_missing(tmp_path: Path) -> None:
    table = edge_table()
    table["geometry"] = None
    bend = shapely.LineString([PLACE[2], PLACE[7], PLACE[3]])
    table.loc[4, "geometry"] = bend.wkt
    table.to_csv(tmp_path / "roads.csv", index=False)
    network = read_roads(tmp_path / "roads.csv", KMH)
    assert network.geometry[4].equals(bend)
    assert network.geometry[0].length == 1000


def test_way_cut_by_the_edge_of_an_extract_keeps_its_part_inside(tmp_path: Path) -> None:
    osm = write_osm(tmp_path / "streets.osm")
    lines = [line for line in osm.read_text().splitlines() if '<node id="7"' not in line]
    text = "\n".join(lines).replace('<nd ref="5"/><nd ref="6"/>', '<nd ref="5"/><nd ref="6"/><nd ref="77"/>')
    osm.write_text(text)
    network = read_roads(osm, KMH)
    assert len(network.xy) == 6  # the bend by 7 has no stretch left, the island keeps 5-6 without 77
    assert network.left_out("walk") == 2
    assert network.matrix("drive", "drive_min")[at(network, 2), at(network, 3)] == pytest.approx(2.0, rel=5e-3)


@pytest.mark.parametrize("name", ["broken.osm.pbf", "broken.osm", "broken.graphml"])
def test_broken_file_is_named_with_what_would_mend_it(tmp_path: Path, name: str) -> None:
    osm = write_osm(tmp_path / "whole.osm")
    whole = write_pbf(osm, tmp_path / "whole.osm.pbf").read_bytes() if name.endswith("pbf") else osm.read_bytes()
    broken = tmp_path / name
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=name) as error:
        read_roads(broken, KMH)
    assert "again" in str(error.value)


def test_file_without_streets_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.osm"
    empty.write_text('<osm version="0.6"><node id="1" version="1" lat="52.6" lon="-0.7"/></osm>')
    with pytest.raises(ValueError, match="no streets"):
        read_roads(empty, KMH)
    (tmp_path / "roads.shp").touch()
    with pytest.raises(ValueError, match="graphml"):
        read_roads(tmp_path / "roads.shp", KMH)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_roads(tmp_path / "nowhere.osm", KMH)


def test_edge_table_must_have_its_columns_and_numbers(tmp_path: Path) -> None:
    edge_table().drop(columns="drive_kmh").to_csv(tmp_path / "roads.csv", index=False)
    with pytest.raises(ValueError, match="drive_kmh"):
        read_roads(tmp_path / "roads.csv", KMH)
    with pytest.raises(ValueError, match="negative"):
        RoadNetwork.from_edges(edge_table().assign(length_m=-1.0))


def test_osmnx_settings_stay_as_they_were(tmp_path: Path) -> None:
    import osmnx

    before = list(osmnx.settings.useful_tags_way)
    read_roads(write_osm(tmp_path / "streets.osm"), KMH)
    assert osmnx.settings.useful_tags_way == before


def test_importing_roads_does_not_load_osmnx_or_geopandas() -> None:
    code = "import sys, geodata.roads, geodata.travel; print({'osmnx', 'geopandas', 'networkx'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
