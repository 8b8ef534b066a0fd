"""What differs between two plans or two forecasts: two linked maps of what is decided, or one map of the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from maps.areas import area_layers
from maps.basemap import Basemap
from maps.classes import change_labels, classed, symmetric_breaks
from maps.clusters import DRIVE, ROLES
from maps.compare import Side, compare_page
from maps.decisions import facilities_of
from maps.frontier import DIFFERS, decided_otherwise
from maps.geometry import separated, straight_lines
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page, page
from maps.palette import CHANGE, PALE
from maps.tables import between, signed, text, whole
from maps.vendored import asset_text

Facts = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Sided:
    """The names of the two sides, and what is listed below the map of each."""

    names: tuple[str, str]
    facts: tuple[Facts, Facts] = ({}, {})


def decisions_map(
    sided: Sided,
    decisions: pd.DataFrame,
    schools: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame | None,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    table: str,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of two linked maps of plans; arguments as those of maps.frontier.frontier_map, ``decisions`` with the
    names of the sides in its column plan. ``table`` is HTML.
    """
    facilities = facilities_of(schools, decisions, sites)
    told = decided_otherwise(facilities, decisions, sided.names)
    sides = [
        Side(key, name, told[name].layers, [facts])
        for key, name, facts in zip("ab", sided.names, sided.facts, strict=True)
    ]
    return compare_page(notes, sides, area_layers(areas), table, left="a", right="b", basemap=basemap)


def clusters_compared_map(
    sided: Sided,
    plans: tuple[pd.DataFrame, pd.DataFrame],
    differing: Sequence[str],
    schools: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    table: str,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of two linked maps of clusters.

    ``plans``: urn (text), cluster, trust, role ("lead", "member", "alone"); ``differing``: urns that stand otherwise.
    ``schools``: urn (text), name, phase, geometry (points); only those of either plan are drawn.
    """
    drawn = schools[schools["urn"].isin({*plans[0]["urn"], *plans[1]["urn"]})].reset_index(drop=True)
    sides = [
        Side(key, name, _cluster_layers(drawn, plan, differing, key == "b"), [facts])
        for key, name, facts, plan in zip("ab", sided.names, sided.facts, plans, strict=True)
    ]
    return compare_page(notes, sides, area_layers(areas), table, left="a", right="b", basemap=basemap)


def _cluster_layers(
    schools: gpd.GeoDataFrame, plan: pd.DataFrame, differing: Sequence[str], second: bool
) -> list[Layer]:
    placed = schools.merge(plan[["urn", "cluster", "trust", "role"]], on="urn", how="left")
    placed["role"] = placed["role"].fillna("alone")
    at = separated(placed.geometry)
    shapes = Shapes(
        key="schools",
        geometry=at,
        titles=placed["name"].astype(str).tolist(),
        fields=[
            {"URN": urn, "Role": ROLES[role].label, "Cluster": text(cluster), "Trust": text(trust)}
            for urn, role, cluster, trust in placed[["urn", "role", "cluster", "trust"]].itertuples(index=False)
        ],
    )
    where = at.set_axis(placed["urn"])
    leads = placed[placed["role"] == "lead"].set_index("cluster")["urn"]
    members = placed[(placed["role"] == "member") & placed["cluster"].isin(leads.index)]
    drives = straight_lines(where.loc[members["urn"]], where.loc[leads.loc[members["cluster"]]])
    titles = [f"{name} to its lead school" for name in members["name"]]
    links = Shapes("drives", drives, titles, [{} for _ in titles], searchable=False)
    # Codes that differ between the two maps exactly where the school stands otherwise.
    code = np.where(placed["urn"].isin(differing), int(second), 0)
    role = placed["role"].map(list(ROLES).index).to_numpy(int)
    none, ring = np.zeros(len(placed), int), replace(DIFFERS, label="stands otherwise on the other map")
    joined = Style("from a member to its lead school", DRIVE.fill, line=DRIVE.line, line_px=DRIVE.line_px, opacity=0.8)
    return [
        Layer("drives", "Who belongs to whom", links, [joined], np.zeros(len(titles), int)),
        Layer("schools", "Schools", shapes, list(ROLES.values()), role),
        Layer("differing", "Stands otherwise on the other map", shapes, [ring], none, codes=code),
    ]


BALANCE_VIEWS: Final = {"need": "places short", "spare": "spare places"}


def difference_map(
    names: tuple[str, str],
    localities: gpd.GeoDataFrame,
    forecast: pd.DataFrame,
    areas: gpd.GeoDataFrame,
    balance: pd.DataFrame,
    notes: PageNotes,
    table: str,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of one map of differences, the second side less the first; views without any are left out.

    ``localities``: locality, name, geometry. ``forecast``: place (locality), phase, academic_year, mean_a, p10_a,
    p90_a, mean_b, p10_b, p90_b, difference. ``areas``: planning_area, phase, name, geometry. ``balance``:
    planning_area, phase, academic_year, need_a, need_b, need_difference, and so for spare. All geometry is EPSG:27700
    polygons. ValueError where nothing differs.
    """
    years = sorted({*forecast["academic_year"], *balance["academic_year"]})
    layers: list[Layer] = []
    codes = localities["locality"].astype(str)
    shapes = _locality_shapes(names, localities, forecast)
    for phase, own in forecast.groupby("phase"):
        if own["difference"].any():
            values = _by_year(own, "place", "difference", codes, years)
            title = f"{str(phase).capitalize()} pupils"
            layers.append(_difference_layer(f"forecast-{phase}", title, shapes, values, names, "pupils"))
    for phase, own in balance.groupby("phase"):
        shown = areas[areas["phase"] == phase].reset_index(drop=True)
        layers += _balance_layers(names, shown, own, str(phase), years) if len(shown) else []
    if not layers:
        raise ValueError("nothing differs: there is no map of it")
    layers = [replace(layer, shown=number == 0) for number, layer in enumerate(layers)]
    return map_page(notes, layers, table, years=years, first_year=len(years) - 1, basemap=basemap)


def _locality_shapes(names: tuple[str, str], localities: gpd.GeoDataFrame, forecast: pd.DataFrame) -> Shapes:
    """Localities with both forecasts by phase and year, where they differ."""
    differing = forecast[forecast["difference"] != 0].sort_values(["phase", "academic_year"], kind="stable")
    rows = {
        key: [
            [
                row.academic_year,
                row.phase,
                f"{whole(row.mean_a)} ({between(row.p10_a, row.p90_a)})",
                f"{whole(row.mean_b)} ({between(row.p10_b, row.p90_b)})",
                signed(row.difference),
            ]
            for row in part.itertuples()
        ]
        for key, part in differing.groupby("place")
    }
    codes = localities["locality"].astype(str)
    words = {True: "in brackets the likely range, 8 in 10 outcomes", False: "the same pupils in both"}
    return Shapes(
        key="localities",
        geometry=localities.geometry,
        titles=localities["name"].astype(str).tolist(),
        fields=[{"Forecasts": words[code in rows]} for code in codes],
        head=["Year", "Phase", *names, "Difference"],
        rows=[rows.get(code, []) for code in codes],
    )


def _balance_layers(
    names: tuple[str, str], areas: gpd.GeoDataFrame, own: pd.DataFrame, phase: str, years: list[str]
) -> list[Layer]:
    """Layers of places short and of spare places, each where it differs anywhere."""
    head = ["Year"]
    columns = []
    for cell, words in BALANCE_VIEWS.items():
        head += [f"{words.capitalize()}, {name}" for name in names]
        columns += [f"{cell}_a", f"{cell}_b"]
    rows = {
        key: [[row[0], *map(whole, row[1:])] for row in part[["academic_year", *columns]].to_numpy()]
        for key, part in own.sort_values("academic_year", kind="stable").groupby("planning_area")
    }
    codes = areas["planning_area"].astype(str)
    shapes = Shapes(
        key=f"{phase} areas",
        geometry=areas.geometry,
        titles=areas["name"].astype(str).tolist(),
        fields=[{"Planning area": code, "Phase": phase, "Counted": "before any decision"} for code in codes],
        head=head,
        rows=[rows.get(code, []) for code in codes],
    )
    layers = []
    for cell, words in BALANCE_VIEWS.items():
        if own[f"{cell}_difference"].any():
            values = _by_year(own, "planning_area", f"{cell}_difference", codes, years)
            title = f"{phase.capitalize()} {words}"
            layers.append(_difference_layer(f"{cell}-{phase}", title, shapes, values, names, words))
    return layers


def _by_year(own: pd.DataFrame, key: str, column: str, codes: pd.Series, years: list[str]) -> npt.NDArray[np.float64]:
    """(years, places) of one column, NaN where a place has no row."""
    values = own.assign(key=own[key].astype(str)).set_index(["academic_year", "key"])[column]
    wanted = pd.MultiIndex.from_product([years, codes])
    return np.asarray(values.reindex(wanted), float).reshape(len(years), len(codes))


def _difference_layer(
    key: str, name: str, shapes: Shapes, values: npt.NDArray[np.float64], names: tuple[str, str], counted: str
) -> Layer:
    breaks = symmetric_breaks(values[values != 0])
    styles = [Style(label, fill) for label, fill in zip(change_labels(breaks), CHANGE, strict=True)]
    nothing = Style("no figure" if np.isnan(values).any() else "", PALE, opacity=0.3)
    return Layer(
        key=key,
        name=f"{name}: difference",
        shapes=shapes,
        styles=[*styles, nothing],
        style_of=classed(values, breaks),
        legend=f"More or fewer {counted} in {names[1]} than in {names[0]}, same classes in every year",
        view=True,
    )


def tables_page(notes: PageNotes, table: str) -> str:
    """HTML of a page without a map: findings and tables; ``table`` is HTML."""
    return page("tables.html", notes, styles=[asset_text("page.css")], scripts=[], table=table)
