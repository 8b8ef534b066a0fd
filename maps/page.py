"""The one kind of page: a Folium map with everything it needs inside the file.

Folium supplies the Leaflet map; scripts and styles come from maps/assets instead of ten content networks, and
the Content-Security-Policy names the hash of each, so that neither a request nor a script smuggled in by a
name can run.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import folium
import shapely
from jinja2 import Environment, PackageLoader

from maps.basemap import Basemap
from maps.layers import Layer, Shapes
from maps.vendored import asset_text, leaflet_script, leaflet_style


@dataclass(frozen=True)
class PageNotes:
    """What every page says about itself.

    ``question`` is the one sentence the page answers; ``banners`` are warnings that stand above the map, such
    as "Demonstration on old data: nobody's proposal".
    """

    title: str
    study: str
    scenario: str
    question: str
    banners: Sequence[str]
    attribution: str


def map_page(
    notes: PageNotes,
    layers: Sequence[Layer],
    table: str,
    *,
    years: Sequence[str] = (),
    first_year: int = 0,
    basemap: Basemap | None = None,
) -> str:
    """HTML of a map with controls, legend and the table below it.

    ``table`` is HTML whose texts are escaped already (maps.tables); ``years`` the academic years of the
    slider, the rows of every ``style_of`` by year; ``first_year`` the index shown first. ValueError if there
    is nothing to draw.
    """
    data = map_data(layers, years, first_year, basemap)
    (south, west), (north, east) = data["bounds"]
    leaflet = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        control_scale=True,
        zoom_control="bottomright",  # where no popup covers it on a phone
        attributionControl=False,
        zoomSnap=0.25,
        fadeAnimation=False,
    )
    leaflet._id = "main"  # Folium's random name would make two runs of one study differ
    leaflet.render()
    root = leaflet.get_root()  # its header, with the links to content networks, is left out
    script = f"{root.script.render()}\nplaceplan.start({leaflet.get_name()});"
    shapes = {layer.shapes.key: layer.shapes for layer in layers}
    return page(
        "map.html",
        notes,
        styles=[leaflet_style(), asset_text("page.css")],
        scripts=[leaflet_script(), asset_text("page.js"), script],
        banners=[*notes.banners, *_missing(shapes.values())],
        period=f"{years[0]} to {years[-1]}" if len(years) > 1 else "".join(years),
        years=years,
        first_year=first_year,
        views=[layer for layer in layers if layer.view],
        overlays=[layer for layer in reversed(layers) if not layer.view],
        map=root.html.render(),
        data=embedded_json(data),
        table=table,
    )


def page(template: str, notes: PageNotes, *, styles: Sequence[str], scripts: Sequence[str], **parts: Any) -> str:
    """HTML of a page of maps/assets: the frame (title, headings, banners, footer) round the parts it
    names.
    """
    environment = Environment(
        loader=PackageLoader("maps", "assets"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    parts = {"banners": notes.banners, "period": "", **parts}
    policy = content_policy(styles, scripts)
    return environment.get_template(template).render(
        notes=notes, styles=styles, scripts=scripts, policy=policy, **parts
    )


def map_data(layers: Sequence[Layer], years: Sequence[str], first_year: int, basemap: Basemap | None) -> dict[str, Any]:
    """What the page's script reads; its keys are the script's."""
    shapes = {layer.shapes.key: layer.shapes for layer in layers}
    return {
        "bounds": _bounds(layers),
        "years": list(years),
        "first_year": first_year,
        "shapes": {key: found.as_json() for key, found in shapes.items()},
        "layers": [layer.as_json() for layer in layers],
        "basemap": (basemap or Basemap()).as_json(),
    }


def embedded_json(data: dict[str, Any]) -> str:
    """JSON that may stand inside a script element: no <, > or & to end it, no line separators."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def content_policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Content-Security-Policy under which only these styles and scripts work and nothing is fetched."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _bounds(layers: Sequence[Layer]) -> list[list[float]]:
    """[[south, west], [north, east]] of everything the layers draw, in degrees."""
    drawn = [shape for layer in layers for shape in layer.shapes.geometry.to_crs(4326) if shape is not None]
    west, south, east, north = shapely.total_bounds(drawn) if drawn else [float("nan")] * 4
    if not west <= east:
        raise ValueError("nothing to draw: no row of any table has a place on the map")
    return [[float(south), float(west)], [float(north), float(east)]]


def _missing(shapes: Iterable[Shapes]) -> list[str]:
    """A banner for each kind of thing the map cannot place."""
    counts = ((found.key, found.missing()) for found in shapes)
    return [f"Not drawn, for want of coordinates: {count} {noun}" for noun, count in counts if count]
