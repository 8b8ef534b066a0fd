"""The case for places on a map: how likely each planning area is to be short, by year, of its intake and as a whole."""

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from maps.layers import Layer, Shapes, Style
from maps.palette import CHANCE, PALE
from maps.tables import between, html_table, text, whole

CHANCES: Final = np.array([0.1, 0.25, 0.5, 0.75])
STYLES: Final = (
    Style("under 10 %", CHANCE[0]),
    Style("10 to under 25 %", CHANCE[1]),
    Style("25 to under 50 %", CHANCE[2]),
    Style("50 to under 75 %", CHANCE[3], hatch=True),
    Style("75 % or more", CHANCE[4], hatch=True),
    Style("no figure", PALE, opacity=0.3),
)
"""Hatched from where a shortage is as likely as not."""
HEAD: Final = ["Year", "Counted in", "Places", "Pupils", "Short, expected", "Probability"]


def deficit_layers(
    shapes: Shapes, areas: gpd.GeoDataFrame, deficits: pd.DataFrame, phase: str, years: list[str], least: float
) -> list[Layer]:
    """A view for each kind of deficit of a phase; ``areas`` are those of the shapes, in their order.

    ``deficits``: planning_area, phase, kind, academic_year, places, pupils_p10, pupils_p90, deficit_expected,
    probability (of at least ``least`` places short). Areas and years without a row have no figure.
    """
    own = deficits[deficits["phase"] == phase]
    wanted = pd.MultiIndex.from_product([years, areas["planning_area"]])
    rows = {area: [_cells(row) for row in part.itertuples()] for area, part in own.groupby("planning_area")}
    layers = []
    for kind, part in own.groupby("kind", sort=True):
        chance = part.set_index(["academic_year", "planning_area"])["probability"].reindex(wanted)
        chance = chance.to_numpy(float).reshape(len(years), len(areas))
        style_of = np.where(np.isnan(chance), len(STYLES) - 1, np.digitize(chance, CHANCES))
        layers.append(
            Layer(
                key=f"chance-{phase}-{kind}".replace(" ", "-"),
                name=f"{phase.capitalize()}: probability of being short, {kind}",
                shapes=shapes,
                styles=STYLES,
                style_of=style_of.astype(int),
                legend=f"Share of draws of the forecast that are short by {whole(least)} places or more",
                view=True,
                shown=False,
                labels=np.array([[_label(value) for value in row] for row in chance]),
                head=HEAD,
                rows=[rows.get(area, []) for area in areas["planning_area"]],
            )
        )
    return layers


def deficit_table(deficits: pd.DataFrame, names: pd.Series) -> str:
    """One row per area, phase, year and kind; ``names`` by planning_area and phase."""
    ordered = deficits.sort_values(["phase", "planning_area", "academic_year", "kind"], kind="stable")
    keys = pd.MultiIndex.from_frame(ordered[["planning_area", "phase"]])
    table = pd.DataFrame([_cells(row) for row in ordered.itertuples()], columns=HEAD)
    table.insert(0, "Phase", ordered["phase"].to_numpy())
    table.insert(0, "Planning area", names.reindex(keys).map(text).to_numpy())
    return html_table(
        table, "Places short, expected and how likely, from draws of the forecast", row_heads=4, numbers=HEAD[2:]
    )


def _cells(row: Any) -> list[str]:
    return [
        row.academic_year,
        row.kind,
        whole(row.places),
        between(row.pupils_p10, row.pupils_p90),
        whole(row.deficit_expected),
        percent(row.probability),
    ]


def percent(share: float) -> str:
    """63 %; of what is neither impossible nor certain neither 0 nor 100; a dash where there is no figure."""
    if np.isnan(share):
        return "–"
    if 0 < share < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= share < 1 else f"{share:.0%}".replace("%", " %")


def _label(share: float) -> str:
    return percent(share) if share >= CHANCES[0] else ""
