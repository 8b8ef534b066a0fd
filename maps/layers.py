"""What a map page draws: shapes on the ground, what to say about each, and how each looks in each year.

A layer is shown by a radio button (one of several views) or a checkbox. Its styles are at the same time its
legend, so the legend cannot disagree with the map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from maps.charts import Chart
from maps.geometry import lonlat_geometries, lonlat_points, simplified

Shape = Literal[
    "circle",
    "square",
    "diamond",
    "triangle",
    "triangle-down",
    "star",
    "cross",
    "plus",
    "bar",
    "half-square",
    "half-circle",
    "hexagon",
    "pentagon",
    "shield",
    "arrow",
    "hourglass",
]
"""The outlines of maps/assets/symbols.js."""


@dataclass(frozen=True)
class Style:
    """How a feature looks, and its line in the legend.

    ``label`` is empty where the legend says nothing. ``shape`` and ``size_px`` matter for points only.
    ``hatch`` draws dark stripes over the fill, for readers who cannot tell the colours apart.
    """

    label: str
    fill: str
    line: str = "#525252"
    line_px: float = 1.0
    opacity: float = 0.75
    hatch: bool = False
    dash: str = ""
    shape: Shape = "circle"
    size_px: int = 16


@dataclass(frozen=True)
class Shapes:
    """Features on the ground: n geometries in EPSG:27700 (None or empty: not drawn) and the popup of each.

    ``key`` is a plural noun, also the word for them in messages. ``fields`` are label and value of each
    popup's list; ``rows`` its table under ``head``. With ``rows_of_shown_year`` a popup shows only the rows
    whose first cell is the academic year on the slider. ``charts`` draw what the table says. ``hints`` is said
    beside the title when the pointer rests on a feature. Labels stand at the points of ``label_at``, where it is given.
    """

    key: str
    geometry: gpd.GeoSeries
    titles: Sequence[str]
    fields: Sequence[Mapping[str, str]]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Sequence[str]]] = ()
    rows_of_shown_year: bool = False
    searchable: bool = True
    charts: Sequence[Chart] = ()
    hints: Sequence[str] = ()
    label_at: gpd.GeoSeries | None = None

    def missing(self) -> int:
        """Number of features without a place on the ground."""
        return int((self.geometry.isna() | self.geometry.is_empty).sum())

    def as_json(self) -> dict[str, Any]:
        """The shapes as the page's script reads them, simplified and in EPSG:4326."""
        return {
            "geometry": lonlat_geometries(simplified(self.geometry)),
            "middle": lonlat_points(self.geometry if self.label_at is None else self.label_at),
            "titles": [str(title) for title in self.titles],
            "fields": [list(field.items()) for field in self.fields],
            "head": list(self.head),
            "rows": [list(map(list, rows)) for rows in self.rows],
            "rows_of_shown_year": self.rows_of_shown_year,
            "searchable": self.searchable,
            "charts": [chart.as_json() for chart in self.charts],
            "hints": list(self.hints),
        }


@dataclass(frozen=True)
class Layer:
    """One view or overlay of some shapes.

    ``style_of`` is an index into ``styles``, (features,), (years, features) or (variants, years, features), with
    −1 for what is not drawn in a year; the variants are the page's, such as a mean and its likely range. ``labels``
    is text drawn on the map, in either of the first forms; ``line_px``, likewise, overrides the width of lines.
    ``head`` and ``rows`` are the popup's table where it is not that of the shapes. Where two maps are compared, a
    layer with ``codes`` (features,) draws only what the other map codes otherwise. Of the layers with ``view`` the
    reader sees one at a time.
    """

    key: str
    name: str
    shapes: Shapes
    styles: Sequence[Style]
    style_of: npt.NDArray[np.int_]
    legend: str = ""
    view: bool = False
    shown: bool = True
    labels: npt.NDArray[np.str_] | None = None
    line_px: npt.NDArray[np.float64] | None = None
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Sequence[str]]] = ()
    codes: npt.NDArray[np.int_] | None = None

    def as_json(self) -> dict[str, Any]:
        """The layer as the page's script reads it; shapes by key."""
        return {
            "key": self.key,
            "name": self.name,
            "shapes": self.shapes.key,
            "styles": [asdict(style) for style in self.styles],
            "style_of": self.style_of.tolist(),
            "by_year": self.style_of.ndim > 1,
            "by_variant": self.style_of.ndim == 3,
            "legend": self.legend,
            "view": self.view,
            "shown": self.shown,
            "labels": None if self.labels is None else self.labels.tolist(),
            "line_px": None if self.line_px is None else np.round(self.line_px, 1).tolist(),
            "head": list(self.head),
            "rows": [list(map(list, rows)) for rows in self.rows] or None,
            "codes": None if self.codes is None else self.codes.tolist(),
        }
