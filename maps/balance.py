"""Where places are short and where they stand empty, by planning area and year; never one netted against the
other.
"""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geodata.years import age_of
from maps.basemap import Basemap
from maps.deficits import deficit_layers, deficit_table
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import NEED, PALE, SPARE
from maps.schools import schools_layer
from maps.tables import html_table, text, whole

SPARE_PERCENT: Final = np.array([5.0, 10.0, 20.0])
NEED_PUPILS: Final = np.array([15.0, 30.0])
"""Half a form and a form of entry."""
LEAST_NEED: Final = 0.5
"""Pupils in an area and year; less is rounding, not need."""
STYLES: Final = (
    Style("under 5 % of places spare", SPARE[0]),
    Style("5 to under 10 % spare", SPARE[1]),
    Style("10 to under 20 % spare", SPARE[2]),
    Style("20 % or more spare", SPARE[3]),
    Style("need of under 15 pupils", NEED[0], hatch=True, opacity=0.9),
    Style("need of 15 to under 30 pupils", NEED[1], hatch=True, opacity=0.9),
    Style("need of 30 pupils or more", NEED[2], hatch=True, opacity=0.9),
    Style("no places, no need", PALE, opacity=0.3),
)
NUMBERS: Final = ["pupils", "places", "need", "spare"]


def balance_map(
    areas: gpd.GeoDataFrame,
    balance: pd.DataFrame,
    schools: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    deficits: pd.DataFrame,
    least: float,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the balance map.

    ``areas``: planning_area, phase, name, geometry (polygons, EPSG:27700). ``balance``: planning_area, phase,
    year_group, academic_year, pupils, places, need, spare. ``schools``: urn, name, phase, places, pupils,
    religious_character, geometry (points). An area's colour is its need where any year group has need, else
    its spare places; the popup shows both by year group. ``deficits`` and ``least`` are those of
    maps.deficits.deficit_layers. ValueError if the balance has no row for any of the areas.
    """
    known = balance.merge(areas[["planning_area", "phase", "name"]], on=["planning_area", "phase"])
    if known.empty:
        raise ValueError("balance has no row for any planning area and phase in areas")
    years = sorted(known["academic_year"].unique())
    layers: list[Layer] = []
    chances: list[Layer] = []
    for phase in sorted(known["phase"].unique()):
        own = areas[areas["phase"] == phase].reset_index(drop=True)
        layers.append(balance_layer(own, known[known["phase"] == phase], phase, years, shown=not layers))
        chances += deficit_layers(layers[-1].shapes, own, deficits, phase, years, least)
    layers += [*chances, schools_layer(schools)]
    names = areas.set_index(["planning_area", "phase"])["name"]
    table = _sums_table(known) + _table(known) + deficit_table(deficits, names)
    return map_page(notes, layers, table, years=years, first_year=len(years) - 1, basemap=basemap)


def area_styles(
    need: npt.NDArray[np.float64], spare: npt.NDArray[np.float64], places: npt.NDArray[np.float64]
) -> npt.NDArray[np.int_]:
    """Index into STYLES of areas with these sums over year groups; need comes before spare, however much is
    spare.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        by_spare = np.digitize(100 * spare / places, SPARE_PERCENT)
    by_need = len(SPARE) + np.digitize(need, NEED_PUPILS)
    return np.select([need >= LEAST_NEED, places > 0], [by_need, by_spare], len(STYLES) - 1).astype(int)


def balance_layer(areas: gpd.GeoDataFrame, balance: pd.DataFrame, phase: str, years: list[str], shown: bool) -> Layer:
    """A phase's areas by need, and where there is none by spare places, year by year; tables as for balance_map, the
    areas and the balance of this phase only.
    """
    sums = balance.groupby(["academic_year", "planning_area"])[["need", "spare", "places"]].sum()
    wanted = pd.MultiIndex.from_product([years, areas["planning_area"]])
    by_year = sums.reindex(wanted).fillna(0).to_numpy().reshape(len(years), len(areas), 3)
    need, spare, places = np.moveaxis(by_year, 2, 0)
    style_of = area_styles(need, spare, places)
    styles = [*STYLES[:-1], STYLES[-1] if (style_of == len(STYLES) - 1).any() else replace(STYLES[-1], label="")]
    labels = [list(map(_label, *row)) for row in zip(need, spare, strict=True)]
    return Layer(
        key=f"balance-{phase}",
        name=f"{phase.capitalize()} places",
        shapes=_shapes(areas, balance, phase),
        styles=styles,
        style_of=style_of,
        legend="Need in pupils without a place, spare in per cent of places; each summed over year groups and never "
        "set off against each other. The table has both in numbers.",
        view=True,
        shown=shown,
        labels=np.array(labels),
    )


def _label(need: float, spare: float) -> str:
    """Where an area is short, by how much, and beside it what other year groups have to spare."""
    if need < LEAST_NEED:
        return ""
    return f"need {whole(need)}" + (f", spare {whole(spare)}" if spare >= LEAST_NEED else "")


def _shapes(areas: gpd.GeoDataFrame, balance: pd.DataFrame, phase: str) -> Shapes:
    rows = {
        area: [[row.academic_year, row.year_group, *(whole(getattr(row, name)) for name in NUMBERS)] for row in own]
        for area, own in (
            (area, _in_order(own).itertuples(index=False)) for area, own in balance.groupby("planning_area")
        )
    }
    return Shapes(
        key=f"{phase} areas",
        geometry=areas.geometry,
        titles=areas["name"].astype(str).tolist(),
        fields=[{"Planning area": text(area), "Phase": phase} for area in areas["planning_area"]],
        head=["Year", "Year group", *(name.capitalize() for name in NUMBERS)],
        rows=[rows.get(area, []) for area in areas["planning_area"]],
        rows_of_shown_year=True,
    )


def _in_order(balance: pd.DataFrame) -> pd.DataFrame:
    """Rows by area, year and year group, R first and Y10 after Y9."""
    return balance.assign(age=balance["year_group"].map(age_of)).sort_values(["phase", "name", "academic_year", "age"])


def _sums_table(balance: pd.DataFrame) -> str:
    """One row per area and year, need and spare as on the map."""
    keys = ["phase", "name", "academic_year"]
    sums = balance.groupby(keys)[NUMBERS].sum().reset_index()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * sums["spare"].to_numpy(float) / sums["places"].to_numpy(float)
    table = pd.DataFrame(
        {
            "Planning area": sums["name"],
            "Phase": sums["phase"],
            "Year": sums["academic_year"],
            **{name.capitalize(): sums[name].map(whole) for name in NUMBERS},
            "Spare (% of places)": [whole(value) for value in share],
        }
    )
    caption = "Need and spare places by planning area, as on the map: each summed over year groups, never set off"
    return html_table(table, caption, row_heads=3, numbers=list(table.columns[3:]))


def _table(balance: pd.DataFrame) -> str:
    """One row per area, year and year group."""
    ordered = _in_order(balance)
    columns = {
        "Planning area": ordered["name"],
        "Phase": ordered["phase"],
        "Year": ordered["academic_year"],
        "Year group": ordered["year_group"],
        **{name.capitalize(): ordered[name].map(whole) for name in NUMBERS},
    }
    caption = "Pupils, places, need and spare places; need and spare are never set off against each other"
    numbers = [name.capitalize() for name in NUMBERS]
    return html_table(pd.DataFrame(columns), caption, row_heads=4, numbers=numbers)
