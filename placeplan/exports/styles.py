"""Styles of map layers as QGIS reads them: a QML document made of rules, each with its words in the legend.

A rule is a filter in QGIS's expression language and a look. Looks are those of the map pages (`maps.layers.Style`), so
that a map in QGIS and a page show the same thing in the same colour and shape. QML is what QGIS saves by "Save Style":
https://docs.qgis.org/3.34/en/docs/user_manual/appendices/qgis_file_formats.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from maps.layers import Style

Kind = Literal["fill", "line", "marker"]
GEOMETRY_TYPE: Mapping[Kind, str] = {"marker": "0", "line": "1", "fill": "2"}
QGIS_VERSION = "3.22.0"  # whose way of writing properties is used
AROUND, WITHIN = "0", "4"  # Qgis::LabelPlacement: round a point, level within a polygon
NAMED_FROM = "150000"  # scale from which points have their names
PX_MM = 25.4 / 96
DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
MARKERS = {  # shape of the map pages: name in QGIS, degrees
    "circle": ("circle", 0),
    "square": ("square", 0),
    "diamond": ("diamond", 0),
    "triangle": ("triangle", 0),
    "triangle-down": ("triangle", 180),
    "plus": ("cross_fill", 0),
    "bar": ("half_square", 90),
    "half-square": ("diagonal_half_square", 0),
    "half-circle": ("semi_circle", 0),
    "hexagon": ("hexagon", 90),
    "pentagon": ("pentagon", 0),
    "shield": ("shield", 0),
    "arrow": ("triangle", 90),
    "hourglass": ("trapezoid", 180),
    "cross": ("cross_fill", 45),
    "star": ("star", 0),
}


@dataclass(frozen=True)
class Rule:
    """Features for which `where` holds look like `style`; `style.label` stands in the legend."""

    where: str
    style: Style


def field(name: str) -> str:
    """A column in an expression."""
    return '"' + name.replace('"', '""') + '"'


def words(text: str) -> str:
    """Text in an expression."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def between(name: str, breaks: Iterable[float]) -> list[str]:
    """Filters of the len(breaks) + 1 classes that rising breaks make; a value on a break is in the class above."""
    column, limits = field(name), [f"{value:.12g}" for value in breaks]
    if not limits:
        return [f"{column} IS NOT NULL"]
    inner = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(limits)]
    return [f"{column} < {limits[0]}", *inner, f"{column} >= {limits[-1]}"]


def qml(kind: Kind, rules: Sequence[Rule], label: str, ink: str, halo: str) -> str:
    """The style document: `rules` in the order of the legend; `label` is the column written at each feature, or ""."""
    about = {"version": QGIS_VERSION, "styleCategories": "Symbology|Labeling", "labelsEnabled": "1" if label else "0"}
    document = ET.Element("qgis", about)
    renderer = ET.SubElement(
        document, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0", enableorderby="0"
    )
    root = ET.SubElement(renderer, "rules", key="{root}")
    symbols = ET.SubElement(renderer, "symbols")
    for number, rule in enumerate(rules):
        named = {"key": f"{{rule{number}}}", "symbol": str(number), "label": rule.style.label}
        ET.SubElement(root, "rule", named | ({"filter": rule.where} if rule.where else {}))
        symbol = ET.SubElement(
            symbols, "symbol", name=str(number), type=kind, alpha="1", clip_to_extent="1", force_rhr="0"
        )
        for layer, properties in _looks(kind, rule.style):
            drawn = ET.SubElement(symbol, "layer", {"class": layer, "enabled": "1", "locked": "0", "pass": "0"})
            _properties(drawn, properties)
    if label:
        _labels(document, label, kind, ink, halo)
    ET.SubElement(document, "blendMode").text = "0"
    ET.SubElement(document, "featureBlendMode").text = "0"
    ET.SubElement(document, "layerOpacity").text = "1"
    ET.SubElement(document, "layerGeometryType").text = GEOMETRY_TYPE[kind]
    ET.indent(document, " ")
    return DOCTYPE + ET.tostring(document, encoding="unicode")


def _looks(kind: Kind, style: Style) -> list[tuple[str, dict[str, str]]]:
    """Symbol layers of a look, the lowest first."""
    line = {"outline_color": rgba(style.line), "outline_style": "solid", "outline_width": _mm(style.line_px)}
    if kind == "line":
        drawn = {"line_color": rgba(style.line, style.opacity), "line_style": "solid", "line_width": _mm(style.line_px)}
        return [("SimpleLine", drawn | {"line_width_unit": "MM", "capstyle": "round", "joinstyle": "round"})]
    if kind == "marker":
        name, angle = MARKERS[style.shape]
        size = {"name": name, "angle": str(angle), "size": _mm(style.size_px), "size_unit": "MM"}
        fill = {"color": rgba(style.fill, style.opacity)}
        return [("SimpleMarker", size | fill | line | {"outline_width_unit": "MM"})]
    plain = {"color": rgba(style.fill, style.opacity), "style": "solid"} | line | {"outline_width_unit": "MM"}
    stripes = {"color": rgba(style.line, 0.6), "style": "b_diagonal", "outline_style": "no"}
    return [("SimpleFill", plain), *([("SimpleFill", stripes)] if style.hatch else [])]


def _properties(layer: ET.Element, properties: Mapping[str, str]) -> None:
    held = ET.SubElement(layer, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(held, "Option", type="QString", name=name, value=value)


def _labels(document: ET.Element, label: str, kind: Kind, ink: str, halo: str) -> None:
    """Names in ink with a halo, of points only near by; where they would collide QGIS leaves some out."""
    labeling = ET.SubElement(document, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    text = ET.SubElement(
        settings,
        "text-style",
        fieldName=label,
        isExpression="0",
        fontFamily="Sans Serif",
        fontSize="8",
        fontSizeUnit="Point",
        textColor=rgba(ink),
        textOpacity="1",
    )
    buffer = {"bufferDraw": "1", "bufferSize": "0.8", "bufferSizeUnits": "MM", "bufferOpacity": "1"}
    ET.SubElement(text, "text-buffer", buffer | {"bufferColor": rgba(halo)})
    placement = {"placement": AROUND if kind == "marker" else WITHIN, "dist": "1", "distUnits": "MM"}
    ET.SubElement(settings, "placement", placement)
    near = {"scaleVisibility": "1", "scaleMin": NAMED_FROM, "scaleMax": "0"} if kind == "marker" else {}
    ET.SubElement(settings, "rendering", {"drawLabels": "1", "obstacle": "1"} | near)


def rgba(colour: str, opacity: float = 1.0) -> str:
    """#1f78b4 as QGIS writes it: 31,120,180,255."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return ",".join(map(str, [*parts, round(255 * opacity)]))


def _mm(px: float) -> str:
    return f"{px * PX_MM:.2f}"
