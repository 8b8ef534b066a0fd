"""Any two plans of a frontier next to each other: what each decides for schools and sites, and where they differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from maps.areas import area_layers
from maps.basemap import Basemap
from maps.compare import Side, compare_page
from maps.decisions import ACTIONS, NOT_CHOSEN, decision_fields, drastic_actions, facilities_of, with_keys
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes
from maps.palette import GROUPS, WHITE
from maps.tables import html_table, pounds, text, whole

DIFFERS: Final = Style("decided otherwise on the other map", WHITE, line=GROUPS[1], line_px=3, opacity=0, size_px=40)
MOST_NAMES: Final = 8
LEAST_PROBABLE: Final = 0.5
"""Share of futures from which a decision is drawn; the table has those of fewer."""


def frontier_map(
    plans: pd.DataFrame,
    decisions: pd.DataFrame,
    schools: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame | None,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of two linked maps of plans. All geometry in EPSG:27700.

    ``plans``: plan, schools_gbp, pupil_years_without_place, journey_km, changes, differs, gap, beaten_by; the first is
    the one that the others are told apart from. ``decisions``: plan and the columns of maps.estate.estate_map, with
    probability, the share of futures in which it is taken; one row or more per plan and facility that changes.
    ``schools``, ``sites`` and ``areas`` as of the estate map. ValueError with fewer than two plans, or on an action
    that is not known.
    """
    if len(plans) < 2:
        raise ValueError("a frontier needs two plans or more")
    facilities = facilities_of(schools, decisions, sites)
    told = decided_otherwise(facilities, decisions, plans["plan"])
    main = told[plans["plan"].iloc[0]]
    sides = [
        Side(str(number), row["plan"], own.layers, [_facts(row, facilities.loc[own.code != main.code, "name"])])
        for number, (row, own) in enumerate(zip(plans.to_dict("records"), told.values(), strict=True))
    ]
    others = [number for number in range(1, len(plans)) if plans["differs"].iloc[number]]
    changing = [number for number in others if plans["changes"].iloc[number]]  # today's estate is on the other maps
    right = str([*changing, *others, 1][0])
    table = decided_table(facilities, told, "Every school and site that any of the plans changes")
    return compare_page(notes, sides, area_layers(areas), table, left="0", right=right, basemap=basemap)


@dataclass(frozen=True, eq=False)
class PlanDrawn:
    """A plan on a map: what it decides for each facility in a line, ``code`` (facilities,) equal where two plans decide
    the same, and its layers.
    """

    said: Sequence[str]
    code: npt.NDArray[np.int_]
    layers: Sequence[Layer]


def decided_otherwise(
    facilities: gpd.GeoDataFrame, decisions: pd.DataFrame, plans: Iterable[str]
) -> dict[str, PlanDrawn]:
    """Each plan of ``decisions`` (column plan) on the facilities of maps.decisions.facilities_of."""
    decided = with_keys(decisions)
    said = {plan: _said(decided[decided["plan"] == plan], facilities["key"]) for plan in plans}
    codes = np.unique(list(said.values()), return_inverse=True)[1].reshape(len(said), -1)
    return {
        plan: PlanDrawn(lines, code, _layers(facilities, decided[decided["plan"] == plan], code))
        for (plan, lines), code in zip(said.items(), codes, strict=True)
    }


def _said(decided: pd.DataFrame, keys: pd.Series) -> list[str]:
    """What a plan decides for each facility in a line; blank where nothing."""
    lines = {
        key: "; ".join(_line(row) for row in own.sort_values("academic_year").itertuples())
        for key, own in decided.groupby("key")
    }
    return [lines.get(key, "") for key in keys]


def _line(row: Any) -> str:
    some = "" if row.probability > 0.999 else f", in {row.probability:.0%} of futures".replace("%", " %")
    partner = getattr(row, "partner", None)
    beside = f" with {partner}" if isinstance(partner, str) and partner else ""
    return f"{row.action} {text(row.academic_year)}{beside}, {whole(row.places_after)} places{some}"


def _layers(facilities: gpd.GeoDataFrame, decided: pd.DataFrame, code: np.ndarray) -> list[Layer]:
    """Each facility by its most drastic action, and a ring that is drawn where the other map's plan differs."""
    styles = [*ACTIONS.values(), NOT_CHOSEN]
    decided = decided[decided["probability"] >= LEAST_PROBABLE]
    action = facilities["key"].map(drastic_actions(decided))
    usual = np.where(facilities["candidate"], len(ACTIONS), list(ACTIONS).index("stay"))
    style_of = action.map(list(ACTIONS).index, na_action="ignore").fillna(pd.Series(usual, action.index))
    own = dict(iter(decided.groupby("key")))
    shapes = Shapes(
        key="schools and sites",
        geometry=separated(facilities.geometry),
        titles=facilities["name"].astype(str).tolist(),
        fields=[
            {"Identifier": key, "Phase": text(phase), **decision_fields(own.get(key))}
            for key, phase in zip(facilities["key"], facilities["phase"], strict=True)
        ],
    )
    ring, none = "Decided otherwise on the other map", np.zeros(len(facilities), int)
    return [
        Layer("decisions", "What is proposed", shapes, styles, style_of.to_numpy(int)),
        Layer("differing", ring, shapes, [DIFFERS], none, codes=code),
    ]


def _facts(plan: dict[str, Any], differing: pd.Series) -> dict[str, str]:
    facts = {
        "Cost of schools, over today": pounds(plan["schools_gbp"]),
        "Pupil-years without a place": whole(plan["pupil_years_without_place"]),
        "Pupil-km of one journey": whole(plan["journey_km"]),
        "Decisions": whole(plan["changes"]),
        "Decided otherwise than in the plan": _names(differing),
    }
    if plan["beaten_by"]:
        facts["No better in anything than"] = str(plan["beaten_by"])
    return facts


def _names(names: pd.Series) -> str:
    if names.empty:
        return "nowhere"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)}: {'; '.join(map(str, names[:MOST_NAMES]))}{more}"


def decided_table(facilities: gpd.GeoDataFrame, told: Mapping[str, PlanDrawn], caption: str) -> str:
    """A row for each school and site that any plan changes, a column a plan."""
    said = {plan: own.said for plan, own in told.items()}
    table = pd.DataFrame(said, index=facilities.index, dtype=object)
    changed = (table != "").any(axis=1)
    table = table[changed].replace("", "–")
    table.insert(0, "Identifier", facilities["key"])
    table.insert(0, "School or site", facilities["name"])
    return html_table(table, caption)
