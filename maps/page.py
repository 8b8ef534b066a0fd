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
from typing import Any, Final

import folium
import shapely
from jinja2 import Environment, PackageLoader

from maps.basemap import Basemap, Tiles
from maps.layers import Layer
from maps.vendored import asset_text, leaflet_script, leaflet_style

SCRIPTS: Final = (
    "symbols.js",
    "charts.js",
    "popup.js",
    "view.js",
    "labels.js",
    "legend.js",
    "controls.js",
    "print.js",
    "page.js",
)
"""The page's own scripts in the order in which they are run."""


@dataclass(frozen=True)
class Link:
    """A way to another page: ``href`` relative to this one, and its words. ValueError on any other address."""

    href: str
    words: str

    def __post_init__(self) -> None:
        if ":" in self.href or self.href.startswith(("/", "\\")):
            raise ValueError(f"{self.href!r} is not a path relative to the page")


@dataclass(frozen=True)
class PageNotes:
    """What every page says about itself.

    ``question`` is the one sentence the page answers; ``banners`` are warnings that stand above the map, such
    as "Demonstration on old data: nobody's proposal"; ``links`` lead to pages on the same matter; ``findings``
    are the answer in sentences, where a page has one: they stand above the map, and its tables stand open.
    """

    title: str
    study: str
    scenario: str
    question: str
    banners: Sequence[str]
    attribution: str
    links: Sequence[Link] = ()
    findings: Sequence[str] = ()


def map_page(
    notes: PageNotes,
    layers: Sequence[Layer],
    table: str,
    *,
    years: Sequence[str] = (),
    first_year: int = 0,
    variants: Sequence[str] = (),
    basemap: Basemap | None = None,
) -> str:
    """HTML of a map with controls, legend and the table below it.

    ``table`` is HTML whose texts are escaped already (maps.tables); ``years`` the academic years of the
    slider, the rows of every ``style_of`` by year; ``first_year`` the index shown first; ``variants`` the words
    of what figures are shown, the first at first. ValueError if there is nothing to draw.
    """
    data = map_data(layers, years, first_year, basemap, bounds_of(layers)) | {"variants": list(variants)}
    name, drawing, script = leaflet_map("main", data["bounds"])
    return controlled_page(
        "map.html",
        notes,
        layers,
        table,
        years=years,
        first_year=first_year,
        data=data,
        scripts=[leaflet_script(), *map(asset_text, SCRIPTS), f"{script}\nplaceplan.start({name});"],
        banners=missing_banners(layers),
        tiles=basemap.tiles if basemap else None,
        map=drawing,
        variants=variants,
    )


def leaflet_map(name: str, bounds: Sequence[Sequence[float]], **options: Any) -> tuple[str, str, str]:
    """The variable, HTML and script of one Leaflet map by Folium; ``options`` are Leaflet's."""
    (south, west), (north, east) = bounds
    leaflet = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        control_scale=True,
        zoom_control="bottomright",  # where no popup covers it on a phone
        attributionControl=False,
        zoomSnap=0.25,
        fadeAnimation=False,
        **options,
    )
    leaflet._id = name  # Folium's random name would make two runs of one study differ
    leaflet.render()
    root = leaflet.get_root()  # its header, with the links to content networks, is left out
    return leaflet.get_name(), root.html.render(), root.script.render()


def controlled_page(
    template: str,
    notes: PageNotes,
    layers: Sequence[Layer],
    table: str,
    *,
    years: Sequence[str],
    first_year: int,
    data: dict[str, Any],
    scripts: Sequence[str],
    banners: Sequence[str],
    **parts: Any,
) -> str:
    """HTML of a page with controls for these layers, legend and table; ``parts`` are the template's own."""
    return page(
        template,
        notes,
        styles=[leaflet_style(), asset_text("page.css")],
        scripts=scripts,
        banners=[*notes.banners, *banners],
        period=f"{years[0]} to {years[-1]}" if len(years) > 1 else "".join(years),
        years=years,
        first_year=first_year,
        views=[layer for layer in layers if layer.view],
        overlays=[layer for layer in reversed(layers) if not layer.view],
        data=embedded_json(data),
        table=table,
        **parts,
    )


def page(
    template: str,
    notes: PageNotes,
    *,
    styles: Sequence[str],
    scripts: Sequence[str],
    tiles: Tiles | None = None,
    **parts: Any,
) -> str:
    """HTML of a page of maps/assets: the frame (title, headings, banners, footer) round the parts it
    names. Images may come from where ``tiles`` do.
    """
    environment = Environment(
        loader=PackageLoader("maps", "assets"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    parts = {"banners": notes.banners, "period": "", **parts}
    policy = content_policy(styles, scripts, tiles)
    return environment.get_template(template).render(
        notes=notes, styles=styles, scripts=scripts, policy=policy, tiles=tiles, **parts
    )


def map_data(
    layers: Sequence[Layer],
    years: Sequence[str],
    first_year: int,
    basemap: Basemap | None,
    bounds: list[list[float]],
) -> dict[str, Any]:
    """What the page's script reads; its keys are the script's."""
    return {
        "bounds": bounds,
        "years": list(years),
        "first_year": first_year,
        **drawn(layers),
        "variants": [],
        "sides": [],
        "basemap": (basemap or Basemap()).as_json(),
    }


def drawn(layers: Sequence[Layer]) -> dict[str, Any]:
    """Layers, and their shapes by key, as the page's script reads them."""
    shapes = {layer.shapes.key: layer.shapes for layer in layers}
    return {
        "shapes": {key: found.as_json() for key, found in shapes.items()},
        "layers": [layer.as_json() for layer in layers],
    }


def embedded_json(data: dict[str, Any]) -> str:
    """JSON that may stand inside a script element: no <, > or & to end it, no line separators."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def content_policy(styles: Sequence[str], scripts: Sequence[str], tiles: Tiles | None = None) -> str:
    """Content-Security-Policy under which only these styles and scripts work and nothing but tiles is fetched."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; "
        f"img-src data:{f' {tiles.origin}' if tiles else ''}; base-uri 'none'; form-action 'none'"
    )


def bounds_of(layers: Sequence[Layer]) -> list[list[float]]:
    """[[south, west], [north, east]] of everything the layers draw, in degrees."""
    drawn = [shape for layer in layers for shape in layer.shapes.geometry.to_crs(4326) if shape is not None]
    west, south, east, north = shapely.total_bounds(drawn) if drawn else [float("nan")] * 4
    if not west <= east:
        raise ValueError("nothing to draw: no row of any table has a place on the map")
    return [[float(south), float(west)], [float(north), float(east)]]


def missing_banners(layers: Iterable[Layer]) -> list[str]:
    """A banner for each kind of thing the map cannot place."""
    shapes = {layer.shapes.key: layer.shapes for layer in layers}
    counts = ((found.key, found.missing()) for found in shapes.values())
    return [f"Not drawn, for want of coordinates: {count} {noun}" for noun, count in counts if count]
