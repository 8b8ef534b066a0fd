"""How many pupils will live where: one choropleth per phase, and its change since the base year."""

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geodata.years import in_order
from maps.basemap import Basemap
from maps.charts import Band, Bars
from maps.classes import break_labels, change_labels, classed, round_breaks, symmetric_breaks
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import CHANGE, PALE, PUPILS
from maps.tables import between, html_table, text, whole

PHASES: Final = {"primary": "Primary pupils (R–Y6)", "secondary": "Secondary pupils (Y7–Y11)"}
VARIANTS: Final = {
    "mean": "Mean",
    "p10": "Low (p10)",
    "p90": "High (p90)",
}
ONE_IN_TEN: Final = "One outcome in ten is below p10, one above p90."


def demand_map(
    localities: gpd.GeoDataFrame,
    phase_forecast: pd.DataFrame,
    notes: PageNotes,
    *,
    base_year: str,
    cohorts: pd.DataFrame | None = None,
    counts: str = "Pupils living in each locality",
    basemap: Basemap | None = None,
) -> str:
    """HTML of the demand map; ``counts`` says whom the figures count.

    ``localities``: locality, name, planning_area_primary, planning_area_secondary, geometry (EPSG:27700,
    polygons, or points drawn as circles). ``phase_forecast``: locality, phase ("primary" or "secondary"),
    academic_year, mean, p10, p50, p90 in pupils, the quantiles those of the phase's sum. The base year has
    its rows too (ranges may be missing): changes are counted from it. ``cohorts``: locality, academic_year,
    year_group, mean, for a chart of each locality's cohorts. ValueError if the base year has no row.
    """
    forecast = phase_forecast[phase_forecast["locality"].isin(localities["locality"])]
    years = sorted(forecast["academic_year"].unique())
    if base_year not in years:
        raise ValueError(f"phase_forecast has no rows for the base year {base_year}; it has {', '.join(years)}")
    phases = [phase for phase in PHASES if (forecast["phase"] == phase).any()]
    figures = {phase: _figures(forecast, phase, localities, years) for phase in phases}
    shapes = _shapes(localities, figures, _charts(figures, cohorts, localities, years), years)
    layers = [_pupils_layer(shapes, phase, figures[phase], counts) for phase in phases]
    layers += [_change_layer(shapes, phase, figures[phase], years.index(base_year), base_year) for phase in phases]
    layers = [replace(layer, shown=number == 0) for number, layer in enumerate(layers)]
    table = _table(localities, figures, years, counts)
    return map_page(
        notes,
        layers,
        table,
        years=years,
        first_year=len(years) - 1,
        variants=tuple(VARIANTS.values()),
        basemap=basemap,
    )


def _figures(
    forecast: pd.DataFrame, phase: str, localities: gpd.GeoDataFrame, years: list[str]
) -> npt.NDArray[np.float64]:
    """(variants, years, localities) of a phase's pupils."""
    return np.stack([_by_year(forecast, phase, column, localities, years) for column in VARIANTS])


def _by_year(
    forecast: pd.DataFrame, phase: str, column: str, localities: gpd.GeoDataFrame, years: list[str]
) -> npt.NDArray[np.float64]:
    """(years, localities) of one column, NaN where the forecast has no row."""
    values = forecast[forecast["phase"] == phase].set_index(["academic_year", "locality"])[column]
    wanted = pd.MultiIndex.from_product([years, localities["locality"]])
    return np.asarray(values.reindex(wanted), float).reshape(len(years), len(localities))


def _or_mean(figures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The figures, the mean (or count) where there is no range: that of the base year is counted."""
    return np.where(np.isfinite(figures), figures, figures[0])


def _pupils_layer(shapes: Shapes, phase: str, figures: npt.NDArray[np.float64], counts: str) -> Layer:
    breaks, pupils = round_breaks(figures[0], len(PUPILS)), _or_mean(figures)
    styles = [Style(label, fill) for label, fill in zip(break_labels(breaks), PUPILS, strict=False)]
    return Layer(
        key=f"pupils-{phase}",
        name=PHASES[phase],
        shapes=shapes,
        styles=[*styles, _no_figure(pupils)],
        style_of=classed(pupils, breaks),
        legend=f"{counts}, same classes in every year. {ONE_IN_TEN}",
        view=True,
    )


def _change_layer(shapes: Shapes, phase: str, figures: npt.NDArray[np.float64], base: int, base_year: str) -> Layer:
    change = _or_mean(figures) - figures[0, base]
    breaks = symmetric_breaks(change[0])
    styles = [Style(label, fill) for label, fill in zip(change_labels(breaks), CHANGE, strict=True)]
    return Layer(
        key=f"change-{phase}",
        name=f"Change in {PHASES[phase][0].lower()}{PHASES[phase][1:]} since {base_year}",
        shapes=shapes,
        styles=[*styles, _no_figure(change)],
        style_of=classed(change, breaks),
        legend=f"Pupils more or fewer than in {base_year}. {ONE_IN_TEN}",
        view=True,
    )


def _no_figure(values: npt.NDArray[np.float64]) -> Style:
    """Style of localities without a figure; in the legend only if there are any."""
    return Style("no figure" if np.isnan(values).any() else "", PALE, opacity=0.3)


def _charts(
    figures: dict[str, npt.NDArray[np.float64]],
    cohorts: pd.DataFrame | None,
    localities: gpd.GeoDataFrame,
    years: list[str],
) -> list[Band | Bars]:
    """Pupils of each phase by year, and the shown year's cohorts by year group."""
    drawn: list[Band | Bars] = [
        Band(f"{PHASES[phase]}, p10 to p90 shaded", *np.moveaxis(own, 1, 2)) for phase, own in figures.items()
    ]
    if cohorts is None:
        return drawn
    groups = in_order(cohorts["year_group"].unique().tolist())
    wanted = pd.MultiIndex.from_product([localities["locality"], years, groups])
    by_cohort = cohorts.set_index(["locality", "academic_year", "year_group"])["mean"].reindex(wanted)
    values = by_cohort.to_numpy(float).reshape(len(localities), len(years), len(groups))
    return [Bars(f"Pupils by year group (stroke: {years[0]})", groups, values), *drawn]


def _shapes(
    localities: gpd.GeoDataFrame,
    figures: dict[str, npt.NDArray[np.float64]],
    charts: list[Band | Bars],
    years: list[str],
) -> Shapes:
    head, columns = ["Year"], []
    for phase, own in figures.items():
        head += [phase.capitalize(), "likely range"]
        columns += list(_texts(own))
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
        charts=charts,
    )


def _texts(figures: npt.NDArray[np.float64]) -> tuple[list[list[str]], list[list[str]]]:
    """Mean and range from p10 to p90 as text, each by year and locality."""
    mean, low, high = figures
    means = [[whole(value) for value in row] for row in mean]
    return means, [list(map(between, *rows)) for rows in zip(low, high, strict=True)]


def _table(
    localities: gpd.GeoDataFrame, figures: dict[str, npt.NDArray[np.float64]], years: list[str], counts: str
) -> str:
    """One row per locality and phase, one column per year: the mean and the range from p10 to p90."""
    blocks = []
    for phase, own in figures.items():
        block = pd.DataFrame({"Locality": localities["name"].to_numpy(), "Phase": phase})
        for year, means, ranges in zip(years, *_texts(own), strict=True):
            block[year] = [
                mean if span == "–" else f"{mean} ({span})" for mean, span in zip(means, ranges, strict=True)
            ]
        blocks.append(block)
    caption = f"{counts}: mean forecast and, in brackets, the range of 8 in 10 outcomes"
    return html_table(pd.concat(blocks), caption, row_heads=2, numbers=years)
