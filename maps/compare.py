"""Two maps next to each other that move, zoom and change together: any two of several sides of one question.

Two linked Leaflet maps, since Leaflet's side-by-side control takes layers of tiles only. What all sides share is drawn
on both maps; a side's own layers follow the reader's choice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maps.basemap import Basemap
from maps.layers import Layer
from maps.page import (
    SCRIPTS,
    PageNotes,
    bounds_of,
    controlled_page,
    drawn,
    leaflet_map,
    map_data,
    missing_banners,
)
from maps.vendored import asset_text, leaflet_script

FRAMES: Final = ("first", "second")


@dataclass(frozen=True)
class Side:
    """One of the things compared: a bid, a plan.

    ``facts`` are label and value of the list below its map, one mapping a year, or one for all years. Layers of the
    same key on several sides are one line of the controls and of the legend: they have the same name and styles, and
    searchable shapes of the same key the same features. Both maps go to what ``focus`` draws when the side is chosen.
    """

    key: str
    name: str
    layers: Sequence[Layer]
    facts: Sequence[Mapping[str, str]]
    focus: Sequence[Layer] = ()

    def as_json(self) -> dict[str, Any]:
        """The side as the page's script reads it."""
        facts = [list(fact.items()) for fact in self.facts]
        focus = _bounds_if_any(self.focus)
        return {"key": self.key, "name": self.name, **drawn(self.layers), "facts": facts, "focus": focus}


def compare_page(
    notes: PageNotes,
    sides: Sequence[Side],
    common: Sequence[Layer],
    table: str,
    *,
    years: Sequence[str] = (),
    first_year: int = 0,
    left: str,
    right: str,
    focus: Sequence[Layer] = (),
    basemap: Basemap | None = None,
) -> str:
    """HTML of two linked maps with controls, legend, facts and the table below.

    ``common`` layers lie below those of the sides; ``left`` and ``right`` are the keys of the sides shown first. The
    maps open on what ``focus`` draws, on everything where that is nothing. The other arguments are those of
    maps.page.map_page. ValueError if there is nothing to draw, a key is not a side's, or sides
    do not agree on what they share.
    """
    _agree(sides, years)
    known = [side.key for side in sides]
    if wrong := [key for key in (left, right) if key not in known]:
        raise ValueError(f"no side is called {' or '.join(wrong)}; there are {', '.join(known)}")
    everything = [*common, *(layer for side in sides for layer in side.layers)]
    data = map_data(common, years, first_year, basemap, bounds_of(everything))
    data["focus"] = _bounds_if_any(focus)
    data["sides"] = [side.as_json() for side in sides]
    # Without the animation of a zoom, which Leaflet plays on one map only, both maps are the same at every moment.
    maps = [leaflet_map(frame, data["bounds"], zoomAnimation=False) for frame in FRAMES]
    names = ", ".join(name for name, _, _ in maps)
    script = "\n".join([*(own for _, _, own in maps), f"placeplan.compare([{names}]);"])
    return controlled_page(
        "compare.html",
        notes,
        _once(everything),
        table,
        years=years,
        first_year=first_year,
        data=data,
        scripts=[leaflet_script(), *map(asset_text, (*SCRIPTS, "compare.js")), script],
        banners=missing_banners(everything),
        tiles=basemap.tiles if basemap else None,
        sides=sides,
        maps=[(side, html) for side, (_, html, _) in zip((left, right), maps, strict=True)],
    )


def _bounds_if_any(layers: Sequence[Layer]) -> list[list[float]] | None:
    """Bounds of what the layers draw, None where that is nothing."""
    return bounds_of(layers) if any(layer.shapes.missing() < len(layer.shapes.titles) for layer in layers) else None


def _once(layers: Iterable[Layer]) -> list[Layer]:
    """The first layer of each key."""
    found: dict[str, Layer] = {}
    for layer in layers:
        found.setdefault(layer.key, layer)
    return list(found.values())


def _agree(sides: Sequence[Side], years: Sequence[str]) -> None:
    """ValueError if one line of the controls or of the legend would mean two things, or a year lacks its facts."""
    names: dict[str, Layer] = {}
    titles: dict[str, list[str]] = {}
    for side in sides:
        if len(side.facts) not in (1, len(years)):
            raise ValueError(f"{side.key} has facts of {len(side.facts)} years, not of {len(years)}")
        for layer in side.layers:
            first, shapes = names.setdefault(layer.key, layer), layer.shapes
            if (first.name, list(first.styles)) != (layer.name, list(layer.styles)):
                raise ValueError(
                    f"layer {layer.key} of {side.key} has another name or other styles than of other sides"
                )
            if shapes.searchable and titles.setdefault(shapes.key, list(shapes.titles)) != list(shapes.titles):
                raise ValueError(f"{shapes.key} of {side.key} are others than those of other sides")
