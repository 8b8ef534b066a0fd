"""OpenStreetMap's tags and files turned into the edge table of `geodata.roads`."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx as nx

# https://wiki.openstreetmap.org/wiki/Key:highway: values that are no street, or not yet, or no longer.
NO_STREET = frozenset(
    {"proposed", "construction", "planned", "abandoned", "disused", "razed", "demolished", "platform", "raceway"}
    | {"corridor", "elevator", "bus_guideway", "busway", "rest_area", "services", "bus_stop", "escape"}
    | {"via_ferrata", "traffic_island", "layby", "no", "none"}
)
NOT_DRIVEN = frozenset({"footway", "path", "bridleway", "cycleway", "steps", "pedestrian", "track"})
NOT_WALKED = frozenset({"motorway", "motorway_link"})
CLOSED = frozenset({"no", "private"})
OPEN_ON_FOOT = frozenset({"yes", "designated", "permissive", "official", "public"})

# Tags that say who may use a street and how fast: a street is cut where any of them changes.
RULES = ("highway", "maxspeed", "access", "foot", "vehicle", "motor_vehicle", "motorcar", "motorroad")

# Vertices are kept at least this often along a street, so that points snap to it between junctions.
KEEP_EVERY_M = 100.0
METRES_PER_DEGREE = 111_320.0

KMH_PER_MPH = 1.609344


def maxspeed_kmh(value: object) -> float:
    """Speed limit in km/h from a maxspeed tag, nan where it states none.

    "30 mph", "48", "48 km/h" and lists of them (their mean). A word such as "national" or "GB:nsl_single" says
    that no other sign stands, nothing of the speed driven in a lane, so the class of street decides.
    """
    if isinstance(value, list | tuple | set):
        speeds = np.array([maxspeed_kmh(item) for item in value], dtype=float)
        return float(np.nanmean(speeds)) if np.isfinite(speeds).any() else float("nan")
    if not isinstance(value, str):
        return float(value) if isinstance(value, int | float) and value > 0 else float("nan")
    if ";" in value or "|" in value:
        return maxspeed_kmh(re.split(r"[;|]", value))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/?h|kph)?", value.strip().lower())
    if match is None or float(match[1]) <= 0:
        return float("nan")
    return float(match[1]) * (KMH_PER_MPH if match[2] == "mph" else 1.0)


def read_osm(path: Path, drive_kmh: Mapping[str, float], crs: str) -> pd.DataFrame:
    """Edge table from OpenStreetMap XML or PBF, streets cut at junctions and about every 100 m.

    Streets are first copied with pyosmium into a small XML file, which OSMnx reads.
    """
    import osmnx

    with tempfile.TemporaryDirectory() as folder, _tags_kept(osmnx):
        streets = Path(folder) / "streets.osm"
        try:
            ways = _copy_streets(path, streets)
        except RuntimeError as error:
            raise ValueError(
                f"{path}: not readable as OpenStreetMap data ({error}). Download it again, or make a new extract "
                "with `osmium extract --strategy complete_ways`; `osmium fileinfo --extended FILE` shows "
                "whether a file is whole."
            ) from error
        if not ways:
            raise ValueError(
                f"{path}: no streets with their nodes in it. Make the extract from a full OpenStreetMap "
                "file, with `osmium extract --strategy complete_ways`."
            )
        graph = osmnx.graph_from_xml(streets, simplify=False, retain_all=True)
    _mark_vertices_to_keep(graph)
    graph = osmnx.simplify_graph(graph, node_attrs_include=["keep"], edge_attrs_differ=RULES, remove_rings=False)
    return _edge_table(graph, drive_kmh, crs)


def read_graphml(path: Path, drive_kmh: Mapping[str, float], crs: str) -> pd.DataFrame:
    """Edge table from a graph that OSMnx saved, its edges as they are.

    Driving both ways or one way is as in the graph: one made with network_type="walk" has no one-way streets.
    """
    import osmnx

    try:
        graph = osmnx.load_graphml(path)
    except Exception as error:  # the XML parser, networkx and osmnx each raise their own
        raise ValueError(
            f"{path}: not a graph saved by OSMnx ({type(error).__name__}: {error}). Save it again with "
            "osmnx.save_graphml, or give the .osm or .osm.pbf file it came from."
        ) from error
    return _edge_table(graph, drive_kmh, crs)


def _copy_streets(source: Path, target: Path) -> int:
    """Write the streets of `source` and their nodes to `target`; return how many ways were written.

    Where an extract was cut through a way, its longest stretch with nodes is kept.
    """
    import osmium

    keys = osmium.filter.KeyFilter("highway")
    wanted = osmium.IdTracker()
    for way in osmium.FileProcessor(source, osmium.osm.WAY).with_filter(keys):
        if _is_street(way.tags):
            wanted.add_references(way)
    written, found = 0, set()
    with osmium.SimpleWriter(target, overwrite=True) as writer:
        for node in osmium.FileProcessor(source, osmium.osm.NODE).with_filter(wanted.id_filter()):
            found.add(node.id)
            writer.add_node(node.replace(tags={}))
        for way in osmium.FileProcessor(source, osmium.osm.WAY).with_filter(keys):
            if _is_street(way.tags):
                runs = groupby((node.ref for node in way.nodes), key=found.__contains__)
                stretch = max(([*refs] for there, refs in runs if there), key=len, default=[])
                if len(stretch) > 1:
                    writer.add_way(way.replace(nodes=stretch))
                    written += 1
    return written


def _is_street(tags: Any) -> bool:
    return tags.get("highway") not in NO_STREET and tags.get("area") != "yes"


@contextmanager
def _tags_kept(osmnx: Any) -> Iterator[None]:
    """Ask OSMnx to keep the tags that the rules need, and put its settings back."""
    before = osmnx.settings.useful_tags_way
    osmnx.settings.useful_tags_way = [*RULES, "oneway", "junction"]
    try:
        yield
    finally:
        osmnx.settings.useful_tags_way = before


def _mark_vertices_to_keep(graph: nx.MultiDiGraph) -> None:
    """Flag one node in each square of a KEEP_EVERY_M grid."""
    nodes = pd.DataFrame.from_dict(dict(graph.nodes(data=True)), orient="index", columns=["x", "y"])
    east = nodes["x"] * METRES_PER_DEGREE * np.cos(np.radians(nodes["y"].mean()))
    cell = pd.DataFrame({"east": east // KEEP_EVERY_M, "north": nodes["y"] * METRES_PER_DEGREE // KEEP_EVERY_M})
    for node in cell.drop_duplicates().index:
        graph.nodes[node]["keep"] = True


def _edge_table(graph: nx.MultiDiGraph, drive_kmh: Mapping[str, float], crs: str) -> pd.DataFrame:
    """The edge table of an OSMnx graph, projected."""
    import osmnx

    nodes, edges = osmnx.graph_to_gdfs(osmnx.project_graph(graph, to_crs=crs))
    tag = edges.reindex(columns=list(RULES)).astype(object)
    highway = tag["highway"].map(lambda value: value[0] if isinstance(value, list) else value).astype(object)
    closed = tag["access"].isin(CLOSED)
    driven = ~highway.isin(NOT_DRIVEN | NO_STREET)
    # The narrower tag overrides the wider one: motorcar before motor_vehicle, vehicle and access.
    stated = tag["motorcar"].fillna(tag["motor_vehicle"]).fillna(tag["vehicle"]).fillna(tag["access"])
    driven &= ~stated.isin(CLOSED)
    walked = ~highway.isin(NOT_WALKED | NO_STREET) & ~closed & ~tag["motorroad"].eq("yes")
    walked = (walked & ~tag["foot"].isin(CLOSED)) | (tag["foot"].isin(OPEN_ON_FOOT) & ~highway.isin(NO_STREET))
    of_class = highway.map(dict(drive_kmh)).fillna(highway.str.removesuffix("_link").map(dict(drive_kmh)))
    by_class = of_class.astype(float).fillna(drive_kmh["other"])
    speed = tag["maxspeed"].map(maxspeed_kmh).astype(float).fillna(by_class)
    u, v = edges.index.get_level_values("u"), edges.index.get_level_values("v")
    table = pd.DataFrame(
        {
            "u": u,
            "v": v,
            "x_u": nodes["x"].loc[u].to_numpy(),
            "y_u": nodes["y"].loc[u].to_numpy(),
            "x_v": nodes["x"].loc[v].to_numpy(),
            "y_v": nodes["y"].loc[v].to_numpy(),
            "length_m": edges["length"].to_numpy(float),
            "drive_kmh": np.where(driven, speed, 0.0),
            "walkable": walked.to_numpy(bool),
            "highway": highway.to_numpy(object),
            "geometry": edges.geometry.to_numpy(),
        }
    )
    return table[table["walkable"] | (table["drive_kmh"] > 0)].reset_index(drop=True)
