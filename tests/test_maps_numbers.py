"""Class breaks, number texts and geometry of the maps."""

import json
import re
from typing import get_args

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon, box

from maps.basemap import Basemap
from maps.classes import break_labels, classed, round_breaks, symmetric_breaks
from maps.clusters import apart_colours
from maps.decisions import ACTIONS
from maps.geometry import lonlat_geometries, lonlat_points, separated, simplified
from maps.layers import Shape
from maps.tables import between, pounds, signed, whole
from maps.vendored import asset_text
from placeplan.exports.styles import MARKERS

VALUES = st.lists(st.floats(0, 5_000), min_size=1, max_size=60).map(np.array)


@settings(deadline=None, max_examples=60)
@given(VALUES)
def test_breaks_are_few_rising_and_cut_what_there_is(values: np.ndarray) -> None:
    """A legend line that no locality can have, or more classes than colours."""
    breaks = round_breaks(values, 5)
    assert len(breaks) <= 4 and (np.diff(breaks) > 0).all()
    classes = classed(values, breaks)
    assert len(break_labels(breaks)) == len(breaks) + 1
    for at, cut in enumerate(breaks):
        assert ((classes > at) == (values >= cut)).all()
    assert not len(breaks) or {classes.min(), classes.max()} == {0, len(breaks)}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-500, 500), min_size=1, max_size=40).map(np.array))
def test_change_classes_mirror_each_other(change: np.ndarray) -> None:
    """Growth would look more drastic than decline of the same size."""
    breaks = symmetric_breaks(change)
    assert breaks.tolist() == (-breaks[::-1]).tolist() and (np.diff(breaks) > 0).all()
    assert classed(np.array([0.0]), breaks)[0] == 2


def test_missing_figures_have_their_own_class() -> None:
    assert classed(np.array([np.nan, 5.0, 10.0]), np.array([10.0])).tolist() == [2, 0, 1]
    assert break_labels(np.array([10.0, 1500.0])) == ["under 10", "10 to under 1,500", "1,500 or more"]
    assert break_labels(np.array([8000.0, 10000.0]))[1] == "8,000 to under 10,000"


def test_numbers_as_readers_see_them() -> None:
    assert [whole(x) for x in (1234.4, -12, -0.2, float("nan"))] == ["1,234", "−12", "0", "–"]
    assert [signed(x) for x in (3, -3, 0.2)] == ["+3", "−3", "0"]
    assert between(9.6, 12.4) == "10–12" and between(float("nan"), 1) == "–"
    assert [pounds(x) for x in (350_000, 4_600_000, -1_200, 999_600, float("nan"))] == [
        "£350,000",
        "£4.6 million",
        "−£1,200",
        "£1.0 million",
        "–",
    ]


def test_neighbours_keep_their_common_border() -> None:
    """Slivers of background between localities that touch."""
    wiggle = [(1000 + 8 * np.sin(y), y) for y in range(0, 2001, 20)]
    west = Polygon([(0, 0), *wiggle, (0, 2000)])
    east = Polygon([(2000, 0), *wiggle, (2000, 2000)])
    fewer = simplified(gpd.GeoSeries([west, east], crs=27700))
    assert shapely.get_num_coordinates(fewer.array).sum() < 100  # of 208
    assert fewer[0].intersection(fewer[1]).area == 0 and fewer.union_all().interiors[:] == []
    assert fewer.union_all().area == pytest.approx(4e6, rel=1e-3)


def test_cracks_inside_joined_areas_are_closed() -> None:
    """Broken lines inside a planning area whose localities do not quite meet."""
    pieces = [box(0, 0, 1000, 1000), box(1004, 0, 2000, 1000), box(0, 1003, 2000, 2000), box(0, 990, 10, 1010)]
    area = shapely.union_all(pieces)
    overlapped = gpd.GeoSeries([area, box(1900, 1900, 2100, 2100)], crs=27700)
    drawn = simplified(overlapped)[0]
    assert drawn.symmetric_difference(box(0, 0, 2000, 2000)).area < 100
    assert shapely.get_num_coordinates(drawn) < 10 <= shapely.get_num_coordinates(area)


def test_too_many_vertices_are_thinned_until_they_fit() -> None:
    turn = np.linspace(0, 2 * np.pi, 60_000, endpoint=False)
    radius = 40_000 + 60 * np.sin(9_000 * turn)
    blob = gpd.GeoSeries([Polygon(np.c_[radius * np.cos(turn), radius * np.sin(turn)])], crs=27700)
    assert shapely.get_num_coordinates(simplified(blob).array).sum() <= 25_000


def test_places_are_in_degrees_to_five_decimals() -> None:
    """Ordnance Survey's worked example: the Caister water tower's metres land in Norfolk, latitude last in
    GeoJSON."""
    tower = gpd.GeoSeries([Point(651409.903, 313177.270), None], crs=27700)
    geometry, nothing = lonlat_geometries(tower)
    assert nothing is None and geometry is not None
    lon, lat = geometry["coordinates"]
    assert (lon, lat) == (pytest.approx(1.7160, abs=2e-4), pytest.approx(52.6579, abs=2e-4))
    assert lonlat_points(tower) == [[lat, lon], None]
    assert max(len(number.split(".")[1]) for number in json.dumps([lon, lat]).strip("[]").split(", ")) <= 5


def test_label_of_a_line_stands_at_its_middle() -> None:
    line = gpd.GeoSeries([LineString([(500000, 300000), (510000, 300000)])], crs=27700)
    middle = gpd.GeoSeries([Point(505000, 300000)], crs=27700).to_crs(4326)
    assert lonlat_points(line)[0] == pytest.approx([middle.y[0], middle.x[0]], abs=1e-4)


def test_schools_on_one_spot_are_drawn_apart() -> None:
    """The upper marker would hide the lower one for good."""
    points = gpd.GeoSeries([Point(0, 0), Point(1, 1), Point(500, 0), None, Point(0, 0)], crs=27700)
    apart = separated(points)
    assert [None if p is None else p.x for p in apart] == [0, 61, 500, None, 120]


def test_hulls_near_each_other_differ_in_colour() -> None:
    hulls = gpd.GeoSeries([box(x, 0, x + 1000, 1000) for x in (0, 500, 3000, 50_000)])
    colours = apart_colours(hulls, 4)
    assert len(set(colours[:3])) == 3 and colours[3] == 0


def test_basemap_draws_main_roads_only_each_class_once() -> None:
    """Every lane of a county on the page, or a slip road missing from its motorway."""
    lines = [LineString([(500000, y), (501000, y)]) for y in (300000, 300100, 300200, 300300)]
    classes = ["residential", "tertiary", "motorway", "motorway_link"]
    roads = gpd.GeoDataFrame({"highway": classes}, geometry=lines, crs=27700)
    drawn = Basemap(roads=roads).as_json()["roads"]
    assert [(len(geometry["coordinates"]), width) for geometry, width in drawn] == [(2, 0.7), (2, 3.0)]


def test_every_action_has_a_shape_of_its_own() -> None:
    """A circle means SEND unit, early years or federated, and only its colour says which."""
    shapes = [style.shape for style in ACTIONS.values()]
    assert len(set(shapes)) == len(shapes)
    outlines = re.search(r"const OUTLINES = {(.*?)};", asset_text("symbols.js"), re.S)
    assert outlines and set(re.findall(r'^  "?([\w-]+)"?:', outlines[1], re.M)) == set(get_args(Shape))
    assert set(MARKERS) == set(get_args(Shape)), "QGIS draws them too"
