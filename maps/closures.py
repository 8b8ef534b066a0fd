"""Which schools would close and where their pupils would go: before and after on two maps that move together.

Two maps next to each other, since the question is what changes: a reader of one map with a switch has to remember the
other half. Each side is one closing school, or all of them, before or after; its figures stand below its map.
"""

from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from maps.areas import area_layers
from maps.basemap import Basemap
from maps.closure_tables import closure_tables
from maps.closure_words import AFTER, BEFORE, ClosingTables, certainty, facts, kept
from maps.compare import Side, compare_page
from maps.decisions import ACTIONS, decision_fields, drastic_actions, with_keys
from maps.geometry import separated, straight_lines
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes
from maps.palette import ADDS, ADDS_LIGHT, GREY, GROUPS, INK, TAKES, TAKES_LIGHT, WHITE
from maps.schools import school_shapes
from maps.tables import text, whole
from maps.travel_words import kilometres

ALL: Final = "all"
MOST_LINES: Final = 300
"""Journeys drawn of one side, those of most pupils: a page must stay small enough to mail."""
SOME: Final = 0.01
"""Share of a home's pupils from which it is said that some of them are concerned."""
DRAWN: Final = 0.5
"""Pupils from which a receiving school is marked; the table has all of them."""
JOURNEYS: Final = (
    Style("to the closing school; wider: more pupils", INK, line=INK, opacity=0.55),
    Style("to the receiving school", ADDS, line=ADDS, opacity=0.75),
    Style("to one of another religious character", ADDS, line=ADDS, opacity=0.75, dash="6 5"),
)
WALKING: Final = (
    Style("all within walking distance", WHITE, line=INK, line_px=1.5, opacity=1, size_px=11),
    Style("some too far to walk, as before", TAKES_LIGHT, line=INK, opacity=1, shape="square", size_px=15),
    Style("some newly too far to walk", TAKES, line=INK, opacity=1, shape="triangle", size_px=18),
)
TRANSPORT: Final = (
    Style("nobody entitled to free transport", WHITE, line=INK, line_px=1.5, opacity=1, size_px=11),
    Style("some entitled, as before", GROUPS[0], line=INK, opacity=1, shape="square", size_px=15),
    Style("some newly entitled", GROUPS[1], line=INK, opacity=1, shape="triangle", size_px=18),
)
SCHOOLS: Final = (
    Style("closes", TAKES, line=INK, opacity=1, shape="cross", size_px=24),
    Style("open now, would close", TAKES_LIGHT, line=INK, opacity=1, shape="square", size_px=22),
    Style("receives pupils (number)", ADDS_LIGHT, line=INK, opacity=1, shape="diamond", size_px=20),
)
OTHER: Final = Style("other school", WHITE, line=GREY, line_px=1.5, opacity=1, size_px=10)
TAKEN_AWAY: Final = tuple(
    action for action in ACTIONS if action.startswith(("amalgamate", "cut", "cap", "mothball", "share"))
)
"""Changes beside closings that take places away or join schools."""


def closures_map(
    tables: ClosingTables,
    schools: gpd.GeoDataFrame,
    homes: gpd.GeoDataFrame,
    decisions: pd.DataFrame,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the map of closures. All geometry in EPSG:27700.

    ``schools``: urn (text, as facility and receiving), name, phase, religious_character, places, pupils, geometry
    (points), candidate sites among them. ``homes``: demand_point, name, geometry (points). ``decisions`` and ``areas``
    as for maps.estate. ValueError if nothing closes.
    """
    if tables.effects.empty:
        raise ValueError("no school closes: there is nothing to show")
    schools = schools.assign(geometry=separated(schools.geometry))
    parts = {ALL: tables} | {str(key): tables.of(key) for key in tables.effects["facility"]}
    if len(tables.effects) == 1:
        del parts[ALL]
    most = _by_home(tables)["pupils"].max()
    changes = _change_layer(schools, decisions, tables)
    sides = []
    for key, own in parts.items():
        pair = {when: _layers(own, when, schools, homes, most, changes) for when in (BEFORE, AFTER)}
        focus = [layer for layers in pair.values() for layer in layers if layer.key in ("closing", "journeys")]
        sides += [
            Side(f"{key}-{when}", f"{when.capitalize()}: {_name(own)}", layers, [facts(own, when)], focus)
            for when, layers in pair.items()
        ]
    first = next(iter(parts))
    outlines = [replace(layer, shown=False) for layer in area_layers(areas)]
    return compare_page(
        notes,
        sides,
        [*outlines, _every_school(schools, decisions)],
        closure_tables(tables, homes, decisions[decisions["action"].isin(TAKEN_AWAY)]),
        left=f"{first}-{BEFORE}",
        right=f"{first}-{AFTER}",
        focus=sides[0].focus,
        basemap=basemap,
    )


def _name(own: ClosingTables) -> str:
    """The closing school and its year, or how many there are."""
    if len(own.effects) > 1:
        return f"all {len(own.effects)} closing schools"
    return f"{own.effects['name'].iloc[0]} ({own.years()})"


def _layers(
    own: ClosingTables,
    when: str,
    schools: gpd.GeoDataFrame,
    homes: gpd.GeoDataFrame,
    most: float,
    changes: Layer | None,
) -> list[Layer]:
    layers = [_journeys(own, when, schools, homes, most), *_home_layers(own, when, homes)]
    if when == AFTER and changes is not None:
        layers.append(changes)
    return [*layers, _closing(own, when, schools)]


def _by_home(own: ClosingTables) -> pd.DataFrame:
    """Pupils by closing school, home and receiving school, those of most pupils first."""
    sums = ["pupils", "beyond_before", "beyond_after", "newly_beyond", "entitled_before", "entitled_after"]
    keys = ["facility", "demand_point", "receiving", "receiving_name", "same_religious_character"]
    by = own.going[own.going["home_known"].astype(bool)].groupby(keys, as_index=False, dropna=False)
    table = by[[*sums, "newly_entitled"]].sum()
    far = by[["distance_before_m", "distance_after_m"]].first()
    return table.merge(far, on=keys).sort_values("pupils", ascending=False, kind="stable").reset_index(drop=True)


def _journeys(own: ClosingTables, when: str, schools: gpd.GeoDataFrame, homes: gpd.GeoDataFrame, most: float) -> Layer:
    """Desire lines from homes, 1 to 8 pixels wide by the square root of pupils."""
    every = _by_home(own)
    if when == BEFORE:  # one line a home, wherever they go
        far = every.groupby(["facility", "demand_point"], as_index=False)["distance_before_m"].first()
        every = every.groupby(["facility", "demand_point"], as_index=False)["pupils"].sum().merge(far)
        every = every.sort_values("pupils", ascending=False, kind="stable")
    drawn = every.head(MOST_LINES)
    end = drawn["facility"] if when == BEFORE else drawn["receiving"]
    place = homes.drop_duplicates("demand_point").set_index("demand_point").reindex(drawn["demand_point"])
    at = schools.drop_duplicates("urn").set_index("urn").reindex(end)
    shapes = Shapes(
        key=f"journeys {when}",
        geometry=straight_lines(place.geometry, at.geometry),
        titles=[f"{text(home)} to {text(name)}" for home, name in zip(place["name"], at["name"], strict=True)],
        fields=[
            {"Home": str(point), "Pupils": own.few(pupils), "Journey": f"{_far(own, pupils, far)}, {own.measured()}"}
            for point, pupils, far in drawn[["demand_point", "pupils", f"distance_{when}_m"]].itertuples(index=False)
        ],
        searchable=False,
    )
    cut = f"{_name(own)}: the {len(drawn):,} largest of {len(every):,} journeys" if len(drawn) < len(every) else ""
    same = np.ones(len(drawn), bool) if when == BEFORE else drawn["same_religious_character"].eq(True).to_numpy()
    kind = np.zeros(len(drawn), int) if when == BEFORE else np.where(same, 1, 2)
    width = 1 + 7 * np.sqrt(drawn["pupils"].to_numpy(float) / most)
    return Layer("journeys", "Journeys of displaced pupils", shapes, JOURNEYS, kind, legend=cut, line_px=width)


def _home_layers(own: ClosingTables, when: str, homes: gpd.GeoDataFrame) -> list[Layer]:
    """A sign at each home by walking distance, and another view by free transport."""
    by = _by_home(own)
    names = ["pupils", "beyond_before", "beyond_after", "newly_beyond", "entitled_before", "entitled_after"]
    sums = by.groupby("demand_point")[[*names, "newly_entitled"]].sum()
    at = homes[homes["demand_point"].isin(sums.index)].drop_duplicates("demand_point").reset_index(drop=True)
    figures = sums.reindex(at["demand_point"])
    to = dict(iter(by.groupby("demand_point")))
    shapes = Shapes(
        key=f"homes {when}",
        geometry=at.geometry,
        titles=[text(name) for name in at["name"]],
        fields=[
            {
                "Home": str(row.Index),
                "Pupils": f"{own.few(row.pupils)} ({own.years()}, expected)",
                "Too far to walk": f"{own.few(row.beyond_before)} before, {own.few(row.beyond_after)} after",
                "Free transport": f"{own.few(row.entitled_before)} before, {own.few(row.entitled_after)} after",
                "Distances": own.measured(),
            }
            for row in figures.itertuples()
        ],
        head=["Goes to", "Pupils", "km before", "km after"],
        rows=[
            [[text(one.receiving_name), own.few(one.pupils), *_both_km(own, one)] for one in to[point].itertuples()]
            for point in at["demand_point"]
        ],
        searchable=False,
    )

    def kind(new: str, of_time: str) -> np.ndarray:
        share = figures[[new, of_time]].div(figures["pupils"], axis=0).to_numpy(float)
        newly = (share[:, 0] >= SOME) & (when == AFTER)
        return np.select([newly, share[:, 1] >= SOME], [2, 1], 0)

    return [
        Layer(
            "walking",
            "Homes: walking distance",
            shapes,
            WALKING,
            kind("newly_beyond", f"beyond_{when}"),
            legend=f"Statutory limit: {own.limits()}.",
            view=True,
        ),
        Layer(
            "transport",
            "Homes: free transport",
            shapes,
            TRANSPORT,
            kind("newly_entitled", f"entitled_{when}"),
            legend="Entitled only where no suitable school with places is nearer.",
            view=True,
            shown=False,
        ),
    ]


def _both_km(own: ClosingTables, row: Any) -> tuple[str, str]:
    """Kilometres before and after; dashes for pupils who are too few to be told."""
    if row.pupils < own.least:
        return "–", "–"
    return kilometres(row.distance_before_m, unit=""), kilometres(row.distance_after_m, unit="")


def _far(own: ClosingTables, pupils: float, metres: float) -> str:
    return kilometres(metres) if pupils >= own.least else "not told"


def _closing(own: ClosingTables, when: str, schools: gpd.GeoDataFrame) -> Layer:
    """Closing schools, and afterwards those that receive their pupils, with how many."""
    at = schools.drop_duplicates("urn").set_index("urn")
    rows = [(key, 0 if when == AFTER else 1, "") for key in own.effects["facility"]]
    to = own.going.groupby("receiving")["pupils"].sum().sort_values(ascending=False)
    to = to[to >= DRAWN] if when == AFTER else to.iloc[:0]
    rows += [(key, 2, _label(own.few(pupils))) for key, pupils in to.items() if key not in set(own.effects["facility"])]
    keys = [key for key, _, _ in rows]
    place = at.reindex(keys)
    shapes = Shapes(
        key=f"closing and receiving schools {when}",
        geometry=gpd.GeoSeries(place.geometry, crs=schools.crs),
        titles=[text(name) for name in place["name"]],
        fields=[
            _closing_fields(own.of(key)) if kind < 2 else _receiving_fields(own, key, place.loc[key])
            for key, kind, _ in rows
        ],
        searchable=False,
    )
    return Layer(
        "closing",
        "Schools that close or receive",
        shapes,
        SCHOOLS,
        np.array([kind for _, kind, _ in rows]),
        labels=np.array([said for _, _, said in rows]),
    )


def _label(told: str) -> str:
    """A number of pupils who come, on the map: "+12", "about +15", "fewer than 5"."""
    if told.startswith("fewer"):
        return told
    return f"about +{told.removeprefix('about ')}" if told.startswith("about") else f"+{told}"


def _closing_fields(own: ClosingTables) -> dict[str, str]:
    row = own.effects.iloc[0]
    return {
        "URN": str(row["facility"]),
        "Proposal": f"{ACTIONS[row['action']].label}, {row['academic_year']}",
        "Pupils displaced": own.displaced(),
        "Character": text(row["religious_character"]),
        "Certainty": certainty(own),
    }


def _receiving_fields(own: ClosingTables, key: str, school: pd.Series) -> dict[str, str]:
    mine = own.going[own.going["receiving"] == key]
    years = ", ".join(sorted(set(mine["academic_year"].astype(str))))
    return {
        "URN or site": key,
        "Receives": f"{own.few(mine['pupils'].sum())} pupils, {years}",
        "Year groups": ", ".join(dict.fromkeys(mine["year_group"].astype(str))),
        "Character": f"{text(school['religious_character'])}; kept for {kept(mine)} of them",
        "Newly too far to walk": own.few(mine["newly_beyond"].sum()),
        "Newly entitled": f"{own.few(mine['newly_entitled'].sum())} to free transport",
        "Places": whole(school["places"]),
    }


def _change_layer(schools: gpd.GeoDataFrame, decisions: pd.DataFrame, tables: ClosingTables) -> Layer | None:
    """Other schools that lose places, are joined or let space; None where there are none."""
    decided = with_keys(decisions)
    decided = decided[decided["action"].isin(TAKEN_AWAY) & ~decided["key"].isin(tables.effects["facility"])]
    own = dict(iter(decided.groupby("key")))
    drawn = schools[schools["urn"].isin(own)].reset_index(drop=True)
    if drawn.empty:
        return None
    shapes = Shapes(
        key="other changes",
        geometry=drawn.geometry,
        titles=drawn["name"].astype(str).tolist(),
        fields=[{"URN": key, **decision_fields(own[key])} for key in drawn["urn"]],
        searchable=False,
    )
    action = drawn["urn"].map(drastic_actions(decided)).map(list(ACTIONS).index).to_numpy(int)
    return Layer("changes", "Other places taken away or shared", shapes, list(ACTIONS.values()), action, shown=False)


def _every_school(schools: gpd.GeoDataFrame, decisions: pd.DataFrame) -> Layer:
    """Every school, to be found by name, with what is proposed for it."""
    own = dict(iter(with_keys(decisions).groupby("key")))
    told = school_shapes(schools)
    fields = [
        {**field, **decision_fields(own.get(key))} for field, key in zip(told.fields, schools["urn"], strict=True)
    ]
    shapes = Shapes(told.key, told.geometry, told.titles, fields)
    return Layer("schools", "Other schools and sites", shapes, [OTHER], np.zeros(len(schools), int))
