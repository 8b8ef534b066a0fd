"""How many pupils will live where: one choropleth per phase, and its change since the base year."""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from maps.basemap import Basemap
from maps.classes import break_labels, change_labels, classed, round_breaks, symmetric_breaks
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import CHANGE, PALE, PUPILS
from maps.tables import between, html_table, text, whole

PHASES: Final = {"primary": "Primary pupils (R–Y6)", "secondary": "Secondary pupils (Y7–Y11)"}


def demand_map(
    localities: gpd.GeoDataFrame,
    phase_forecast: pd.DataFrame,
    notes: PageNotes,
    *,
    base_year: str,
    counts: str = "Pupils living in each locality",
    basemap: Basemap | None = None,
) -> str:
    """HTML of the demand map; ``counts`` says whom the figures count.

    ``localities``: locality, name, planning_area_primary, planning_area_secondary, geometry (EPSG:27700,
    polygons, or points drawn as circles). ``phase_forecast``: locality, phase ("primary" or "secondary"),
    academic_year, mean, p10, p50, p90 in pupils, the quantiles those of the phase's sum. The base year has
    its rows too (ranges may be missing): changes are counted from it. ValueError if it has none.
    """
    forecast = phase_forecast[phase_forecast["locality"].isin(localities["locality"])]
    years = sorted(forecast["academic_year"].unique())
    if base_year not in years:
        raise ValueError(f"phase_forecast has no rows for the base year {base_year}; it has {', '.join(years)}")
    phases = [phase for phase in PHASES if (forecast["phase"] == phase).any()]
    pupils = {phase: _by_year(forecast, phase, "mean", localities, years) for phase in phases}
    shapes = _shapes(localities, forecast, phases, years)
    layers = [_pupils_layer(shapes, phase, pupils[phase], counts) for phase in phases]
    layers += [_change_layer(shapes, phase, pupils[phase], years.index(base_year), base_year) for phase in phases]
    layers = [replace(layer, shown=number == 0) for number, layer in enumerate(layers)]
    table = _table(localities, forecast, phases, years, counts)
    return map_page(notes, layers, table, years=years, first_year=len(years) - 1, basemap=basemap)


def _by_year(
    forecast: pd.DataFrame, phase: str, column: str, localities: gpd.GeoDataFrame, years: list[str]
) -> npt.NDArray[np.float64]:
    """(years, localities) of one column, NaN where the forecast has no row."""
    values = forecast[forecast["phase"] == phase].set_index(["academic_year", "locality"])[column]
    wanted = pd.MultiIndex.from_product([years, localities["locality"]])
    return np.asarray(values.reindex(wanted), float).reshape(len(years), len(localities))


def _pupils_layer(shapes: Shapes, phase: str, pupils: npt.NDArray[np.float64], counts: str) -> Layer:
    breaks = round_breaks(pupils, len(PUPILS))
    styles = [Style(label, fill) for label, fill in zip(break_labels(breaks), PUPILS, strict=False)]
    return Layer(
        key=f"pupils-{phase}",
        name=PHASES[phase],
        shapes=shapes,
        styles=[*styles, _no_figure(pupils)],
        style_of=classed(pupils, breaks),
        legend=f"{counts} (mean forecast), same classes in every year",
        view=True,
    )


def _change_layer(shapes: Shapes, phase: str, pupils: npt.NDArray[np.float64], base: int, base_year: str) -> Layer:
    change = pupils - pupils[base]
    breaks = symmetric_breaks(change)
    styles = [Style(label, fill) for label, fill in zip(change_labels(breaks), CHANGE, strict=True)]
    return Layer(
        key=f"change-{phase}",
        name=f"Change in {PHASES[phase][0].lower()}{PHASES[phase][1:]} since {base_year}",
        shapes=shapes,
        styles=[*styles, _no_figure(change)],
        style_of=classed(change, breaks),
        legend=f"Pupils more or fewer than in {base_year} (mean forecast)",
        view=True,
    )


def _no_figure(values: npt.NDArray[np.float64]) -> Style:
    """Style of localities without a figure; in the legend only if there are any."""
    return Style("no figure" if np.isnan(values).any() else "", PALE, opacity=0.3)


def _shapes(localities: gpd.GeoDataFrame, forecast: pd.DataFrame, phases: list[str], years: list[str]) -> Shapes:
    head, columns = ["Year"], []
    for phase in phases:
        head += [phase.capitalize(), "likely range"]
        columns += list(_texts(forecast, phase, localities, years))
    areas = zip(localities["planning_area_primary"], localities["planning_area_secondary"], strict=True)
    return Shapes(
        key="localities",
        geometry=localities.geometry,
        titles=localities["name"].astype(str).tolist(),
        fields=[
            {"Primary area": text(primary), "Secondary area": text(secondary), "Likely range": "8 in 10 outcomes"}
            for primary, secondary in areas
        ],
        head=head,
        rows=[
            [[year, *(column[row][place] for column in columns)] for row, year in enumerate(years)]
            for place in range(len(localities))
        ],
    )


def _texts(
    forecast: pd.DataFrame, phase: str, localities: gpd.GeoDataFrame, years: list[str]
) -> tuple[list[list[str]], list[list[str]]]:
    """Mean and range from p10 to p90 as text, each by year and locality."""
    mean, low, high = (_by_year(forecast, phase, name, localities, years) for name in ("mean", "p10", "p90"))
    means = [[whole(value) for value in row] for row in mean]
    return means, [list(map(between, *rows)) for rows in zip(low, high, strict=True)]


def _table(
    localities: gpd.GeoDataFrame, forecast: pd.DataFrame, phases: list[str], years: list[str], counts: str
) -> str:
    """One row per locality and phase, one column per year: the mean and the range from p10 to p90."""
    blocks = []
    for phase in phases:
        block = pd.DataFrame({"Locality": localities["name"].to_numpy(), "Phase": phase})
        for year, means, ranges in zip(years, *_texts(forecast, phase, localities, years), strict=True):
            block[year] = [
                mean if span == "–" else f"{mean} ({span})" for mean, span in zip(means, ranges, strict=True)
            ]
        blocks.append(block)
    caption = f"{counts}: mean forecast and, in brackets, the range of 8 in 10 outcomes"
    return html_table(pd.concat(blocks), caption, row_heads=2, numbers=years)
