"""One GeoPackage with every layer and, in the table `layer_styles`, the style in which QGIS opens it.

QGIS looks there for the default style of a layer (QgsOgrProviderMetadata; "Save Style" into the file makes the same
table): f_table_schema is '', f_table_name and f_geometry_column name the layer, useAsDefault is 1.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from placeplan.exports.styles import Kind, Rule, qml
from placeplan.geography import LAST_CHANGE, write_layers

if TYPE_CHECKING:
    import geopandas as gpd

LONGEST_NAME = 30
STYLES = """
CREATE TABLE "layer_styles" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "f_table_catalog" TEXT(256),
    "f_table_schema" TEXT(256),
    "f_table_name" TEXT(256),
    "f_geometry_column" TEXT(256),
    "styleName" TEXT(30),
    "styleQML" TEXT,
    "styleSLD" TEXT,
    "useAsDefault" BOOLEAN,
    "description" TEXT,
    "owner" TEXT(30),
    "ui" TEXT(30),
    "update_time" DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)
"""
LISTED = "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES (?, 'attributes', ?, ?)"
STYLE = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,
                          styleSLD, useAsDefault, description, owner, update_time)
VALUES ('', '', ?, ?, ?, ?, '', 1, ?, 'placeplan', ?)
"""


@dataclass(frozen=True, eq=False)
class MapLayer:
    """A layer: its features, what it shows in a sentence, how, and the column that is written at each feature."""

    name: str
    shows: str
    features: gpd.GeoDataFrame
    kind: Kind
    rules: Sequence[Rule]
    label: str = ""


def write_geopackage(layers: Sequence[MapLayer], path: Path) -> None:
    """Write the layers and their styles; the same layers make the same bytes."""
    write_layers({layer.name: layer.features for layer in layers}, path)
    with closing(sqlite3.connect(path)) as base, base:
        columns = dict(base.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        base.execute(STYLES)
        base.execute(LISTED, ("layer_styles", "layer_styles", LAST_CHANGE))
        for layer in layers:
            base.execute("UPDATE gpkg_contents SET description = ? WHERE table_name = ?", (layer.shows, layer.name))
            name = layer.name[:LONGEST_NAME]
            style = (layer.name, columns[layer.name], name, layer_style(layer), layer.shows, LAST_CHANGE)
            base.execute(STYLE, style)


def layer_style(layer: MapLayer) -> str:
    """The layer's style as QML."""
    from maps.palette import INK, WHITE

    return qml(layer.kind, layer.rules, layer.label, INK, WHITE)
