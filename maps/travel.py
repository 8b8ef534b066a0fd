"""How far school is: bands of ground round the nearest school, and pupils beyond the limits, by home and by area."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from maps.basemap import Basemap
from maps.classes import break_labels, round_breaks
from maps.geometry import separated
from maps.layers import Layer, Shape, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import ADDS, CHANCE, GREY, INK, PUPILS, TAKES, WHITE
from maps.schools import PHASE_STYLES, school_shapes
from maps.tables import text, whole
from maps.travel_tables import travel_tables
from maps.travel_words import Travel, band_words, briefly, few, kilometres, limit_words, measured, per_cent

LEAST: Final = 0.5
"""Pupils below which nobody is said to be beyond a limit: figures are expected numbers, fractions of a pupil."""
SHAPES: Final[tuple[Shape, ...]] = ("triangle", "square", "diamond", "star")
HOME_SIGNS: Final = tuple(zip(CHANCE[1:], SHAPES, (12, 14, 16, 17), strict=True))
ENTRY: Final = {"primary": "Reception", "secondary": "Year 7"}
COUNTED: Final = {
    phase: f"a school that takes girls and boys into {group} and does not select; of any religious character"
    for phase, group in ENTRY.items()
}


def travel_map(
    travel: Travel,
    surfaces: gpd.GeoDataFrame,
    homes: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    schools: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the map of journeys. All geometry in EPSG:27700.

    ``surfaces``: phase, measure ("metres", "minutes"), when, same_as, band, breaks, km2, pupils, cell_m, geometry
    (polygons, None where ``same_as`` is another time or no ground is in the band). ``homes``: demand_point, name,
    geometry (points). ``areas``: planning_area, phase, name, geometry (polygons). ``schools``: urn, name, phase,
    religious_character, places, pupils, open_0, open_1 …, one for each time, geometry (points).
    """
    views = [
        _surface_layer(travel, str(phase), measure, own[own["phase"] == phase])
        for measure, own in surfaces.groupby("measure", sort=False)
        for phase in dict.fromkeys(own["phase"])
    ]
    phases = list(dict.fromkeys(travel.homes["phase"]))
    views += [_area_layer(travel, phase, areas) for phase in phases]
    views += [_home_layer(travel, phase, homes, "beyond") for phase in phases]
    far = [p for p in phases if travel.homes.loc[travel.homes["phase"] == p, "beyond_longest"].sum() >= LEAST]
    views += [_home_layer(travel, phase, homes, "beyond_longest") for phase in far]
    layers = [replace(view, shown=place == 0) for place, view in enumerate(views)]
    layers.append(_school_layer(travel, schools))
    table = travel_tables(travel, surfaces, homes, areas)
    return map_page(notes, layers, table, years=_slider(travel), basemap=basemap)


def _slider(travel: Travel) -> Sequence[str]:
    """Times of the slider; none where there is but one."""
    return travel.whens if len(travel.whens) > 1 else ()


def _by_time(travel: Travel, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(times, features), or (features,) where there is one time and no slider."""
    return values if len(travel.whens) > 1 else values[0]


def _named(travel: Travel, words: str) -> str:
    """A layer's name, with the year where no slider says it."""
    return words if len(travel.whens) > 1 else f"{words}, {travel.whens[0]}"


def _surface_layer(travel: Travel, phase: str, measure: str, own: gpd.GeoDataFrame) -> Layer:
    """Bands of ground by the way to the nearest school; those of a later time only where its schools are others."""
    drawn = own[(own["same_as"] == own["when"]) & ~(own.geometry.isna() | own.geometry.is_empty)]
    labels = band_words(measure, own["breaks"].iloc[0])
    times = range(len(travel.whens))
    told = own.set_index(["when", "band"])[["km2", "pupils"]]
    of_time = own.drop_duplicates("when").set_index("when")["same_as"]

    def rows(source: int, band: int) -> list[list[str]]:
        return [
            [travel.whens[t], whole(told.loc[t, band]["km2"]), whole(told.loc[t, band]["pupils"])]
            for t in times
            if of_time.get(t) == source
        ]

    keys = list(zip(drawn["when"], drawn["band"], strict=True))
    cell = f"in squares of {own['cell_m'].iloc[0]:,.0f} m, edges smoothed"
    how = "on the way" if measure == "metres" else "by car"
    shapes = Shapes(
        key=f"{phase} {measure}",
        geometry=gpd.GeoSeries(drawn.geometry.reset_index(drop=True), crs=own.crs),
        titles=[f"{labels[band]} {how} to the nearest {phase} school" for _, band in keys],
        fields=[{"Measured": measured(travel), "Nearest": COUNTED[phase], "Drawn": cell} for _ in keys],
        head=["Year", "km²", "Pupils living there"],
        rows=[rows(when, band) for when, band in keys],
        searchable=False,
    )
    styles = [
        Style(label, colour, line=WHITE, line_px=0.6, opacity=0.7, hatch=band == len(labels) - 1)
        for band, (label, colour) in enumerate(zip(labels, PUPILS, strict=False))
    ]
    style_of = np.array([[band if of_time.get(t) == when else -1 for when, band in keys] for t in times])
    name = f"Nearest {phase} school: {'distance' if measure == 'metres' else 'drive time'}"
    return Layer(
        f"{measure}-{phase}",
        _named(travel, name),
        shapes,
        styles,
        _by_time(travel, style_of),
        legend=f"To the nearest school that takes any child into {ENTRY[phase]}. {briefly(travel)}",
        view=True,
    )


def _home_layer(travel: Travel, phase: str, homes: gpd.GeoDataFrame, column: str) -> Layer:
    """A sign at each home by how many of its pupils are beyond a limit."""
    own = travel.homes[travel.homes["phase"] == phase]
    at = homes[homes["demand_point"].isin(own["demand_point"])].reset_index(drop=True)
    figures = _figures(travel, own, at["demand_point"], "demand_point")
    shapes = Shapes(
        key=f"homes of {phase} pupils",
        geometry=at.geometry,
        titles=[text(name) for name in at["name"]],
        fields=[{"Home": str(point), "Phase": phase} for point in at["demand_point"]],
        head=ROW_HEAD,
        rows=_rows(travel, figures, travel.least),
        searchable=False,
    )
    count = figures[column]
    told = count[count >= travel.least]
    breaks = np.unique([travel.least, *round_breaks(told, len(HOME_SIGNS) - 1)])
    labels = [f"{words} pupils" for words in break_labels(breaks)]
    some = [
        Style(label, colour, line=INK, opacity=1, shape=shape, size_px=size_px)
        for label, (colour, shape, size_px) in zip(labels, HOME_SIGNS[-len(labels) :], strict=True)
    ]
    styles = [Style("nobody, or half a pupil at most", GREY, line=GREY, opacity=1, size_px=7), *some]
    kind = np.where(count >= LEAST, 1 + np.digitize(count, breaks), 0)
    kind = np.where(figures["pupils"] > 0, kind, -1)
    what = "too far to walk" if column == "beyond" else "longest journey"
    return Layer(
        f"{column.replace('_', '-')}-home-{phase}",
        _named(travel, f"{phase.capitalize()}: {what}, by home"),
        shapes,
        styles,
        _by_time(travel, kind.astype(int)),
        legend=f"Pupils whose journey to their own school is {limit_words(travel, phase, column)}. {briefly(travel)}",
        view=True,
    )


def _area_layer(travel: Travel, phase: str, areas: gpd.GeoDataFrame) -> Layer:
    """Planning areas by the share of the pupils living there who are beyond the walking distance."""
    own = travel.areas[travel.areas["phase"] == phase]
    at = areas[(areas["phase"] == phase) & areas["planning_area"].isin(own["planning_area"])].reset_index(drop=True)
    figures = _figures(travel, own, at["planning_area"], "planning_area")
    shapes = Shapes(
        key=f"{phase} planning areas",
        geometry=at.geometry,
        titles=at["name"].astype(str).tolist(),
        fields=[{"Planning area": text(area), "Phase": phase} for area in at["planning_area"]],
        head=ROW_HEAD,
        rows=_rows(travel, figures, travel.least),
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * figures["beyond"] / figures["pupils"]
    breaks = round_breaks(share, 4)
    styles = [
        Style(f"{words} of pupils", colour, line=GREY, opacity=0.75, hatch=band == len(breaks) > 0)
        for band, (words, colour) in enumerate(zip(break_labels(breaks, " %"), CHANCE, strict=False))
    ]
    kind = np.where(figures["pupils"] > 0, np.digitize(np.nan_to_num(share), breaks), -1)
    return Layer(
        f"beyond-area-{phase}",
        _named(travel, f"{phase.capitalize()}: too far to walk, by area"),
        shapes,
        styles,
        _by_time(travel, kind.astype(int)),
        legend="Pupils living there whose journey to their own school is "
        f"{limit_words(travel, phase, 'beyond')}: number, and share of all as colour. {briefly(travel)}",
        view=True,
        labels=_by_time(travel, np.array([[_label(travel, n) for n in row] for row in figures["beyond"]])),
    )


def _label(travel: Travel, pupils: float) -> str:
    """A number on the map: nothing where there is none, "<5" where it is too small to tell."""
    if pupils < LEAST:
        return ""
    return f"<{travel.least:g}" if pupils < travel.least else whole(pupils)


ROW_HEAD: Final = ["Year", "Pupils", "Beyond walking", "Median km", "Longest km"]


def _figures(travel: Travel, own: pd.DataFrame, keys: pd.Series, key: str) -> dict[str, npt.NDArray[np.float64]]:
    """(times, features) of each figure, 0 pupils and nan metres where there is no row."""
    wanted = pd.MultiIndex.from_product([range(len(travel.whens)), keys])
    table = own.set_index(["when", key]).reindex(wanted)
    shape = (len(travel.whens), len(keys))
    counts = {name: table[name].fillna(0.0) for name in ("pupils", "beyond", "newly_beyond", "beyond_longest")}
    values = counts | {name: table[name] for name in ("median_m", "worst_m", "worst_min")}
    return {name: column.to_numpy(dtype=float).reshape(shape) for name, column in values.items()}


def _rows(travel: Travel, figures: dict[str, npt.NDArray[np.float64]], least: float) -> list[list[list[str]]]:
    """A popup's row a time for each feature; counts below ``least`` are not told."""
    return [
        [
            [
                travel.whens[t],
                few(figures["pupils"][t, i], least),
                _beyond(figures["beyond"][t, i], figures["pupils"][t, i], least),
                kilometres(figures["median_m"][t, i], unit=""),
                kilometres(figures["worst_m"][t, i], unit=""),
            ]
            for t in range(len(travel.whens))
        ]
        for i in range(figures["pupils"].shape[1])
    ]


def _beyond(beyond: float, pupils: float, least: float) -> str:
    """Number and share, which would tell the number."""
    said = few(beyond, least)
    return said if 0.05 <= beyond < least or pupils < least else f"{said} ({per_cent(beyond, pupils)})"


def _school_layer(travel: Travel, schools: gpd.GeoDataFrame) -> Layer:
    """Schools that count as nearest; those that the plan closes or opens stand out."""
    phase = schools["phase"].astype(str).str.lower().to_numpy()
    kind = np.select([phase == "primary", phase == "secondary"], [0, 1], 2)
    is_open = np.array([schools[f"open_{when}"].to_numpy(dtype=bool) for when in range(len(travel.whens))])
    styles = [
        *PHASE_STYLES,
        Style("closes under the plan", TAKES, line=INK, opacity=1, shape="cross", size_px=20),
        Style("new school", ADDS, line=INK, opacity=1, shape="star", size_px=24),
    ]
    now = np.where(is_open & ~is_open[0], 4, kind)
    drawn = np.where(is_open, now, np.where(is_open[0], 3, -1))
    return Layer("schools", "Schools", school_shapes(schools.assign(geometry=separated(schools.geometry))), styles,
                 _by_time(travel, drawn.astype(int)))  # fmt: skip
