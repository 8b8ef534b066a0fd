"""Named settlements from an OpenStreetMap extract: what a map is read by."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from geodata.importers.report import ImportReport, count
from geodata.importers.sources import Source

KINDS = ("city", "town", "village", "hamlet")
COLUMNS = ["place", "name", "kind", "easting", "northing"]


def read_settlements(roads: Sequence[Source], report: ImportReport) -> pd.DataFrame:
    """Table places from the first road file that is OpenStreetMap data; empty where none is or it cannot be read."""
    osm = [road for road in roads[:1] if road.path.name.endswith((".osm", ".osm.pbf"))]
    if not osm:
        return pd.DataFrame(columns=COLUMNS)
    import osmium
    from pyproj import Transformer

    try:
        nodes = osmium.FileProcessor(str(osm[0].path), osmium.osm.NODE).with_filter(osmium.filter.KeyFilter("place"))
        found = [
            (f"N{node.id}", node.tags["name"], node.tags["place"], node.location.lon, node.location.lat)
            for node in nodes
            if node.tags.get("place") in KINDS and node.tags.get("name")
        ]
    except RuntimeError as error:
        report.notes.append(f"{osm[0].label}: settlements cannot be read: {error}")
        return pd.DataFrame(columns=COLUMNS)
    table = pd.DataFrame(found, columns=["place", "name", "kind", "lon", "lat"])
    to_grid = Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
    table["easting"], table["northing"] = to_grid.transform(table.pop("lon").to_numpy(), table.pop("lat").to_numpy())
    report.joined.append(f"{count(len(table), 'settlement')} named on maps come from {osm[0].label}.")
    return table.round({"easting": 0, "northing": 0})[COLUMNS]
