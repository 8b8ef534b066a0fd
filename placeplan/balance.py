"""The balance stage: where pupils go, and places against pupils, never netted off."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, years_from
from models.bands import Band, age_bands, school_year_groups
from models.cohorts import pupil_cube
from models.journeys import NodeForecast, Places, base_nodes, forecast_nodes, with_newcomers
from models.places import area_places, raise_to_cohorts, school_places
from models.sufficiency import balance_places, summarise_balance
from placeplan.deficits import DRAWS, acted_on, study_deficits
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.methodology import taught_statement
from placeplan.results import StageResult
from placeplan.schooling import study_schooling
from placeplan.study import Study


def study_years(study: Study) -> list[str]:
    """The base year and the plan years after it."""
    return years_from(study.settings.base_year, study.settings.horizon_years + 1)


def study_bands(schools: pd.DataFrame) -> list[Band]:
    """Age bands of the planned schools."""
    return age_bands(list(school_year_groups(schools).values()))


def who_is_where(study: Study, journeys: StudyJourneys) -> Places:
    """Who lives where and who is taught where in the base year."""
    base = study.settings.base_year
    codes = study.tables["localities"]["locality"]

    cube = pupil_cube(study.tables["pupils"], list(codes), base)  # unknown cells as in the forecast's base year
    living = pd.DataFrame(cube.filled_latest()[0], index=list(codes), columns=list(cube.year_groups))
    rolls = study.tables["rolls"]
    rolls = rolls[rolls["academic_year"] == base]
    taught = rolls.pivot_table(index="urn", columns="year_group", values="pupils", aggfunc="sum", fill_value=0.0)
    urns = journeys.schools["urn"].to_list()
    flows = study.tables.get("flows")
    return Places(
        points=journeys.points,
        urns=[int(urn) for urn in journeys.schools["urn"]],
        year_groups=school_year_groups(journeys.schools),
        distance_m=journeys.to_schools,
        pupils=living.reindex(columns=list(COMPULSORY), fill_value=0.0),
        rolls=taught.reindex(index=urns, columns=list(COMPULSORY), fill_value=0.0).astype(float),
        flows=flows[flows["academic_year"] == base] if flows is not None else None,
    )


def balance_stage(study: Study, forecast: pd.DataFrame) -> StageResult:
    """Tables balance, balance_summary, deficits, nodes, roll_forecast, school_places and those of schooling.

    Need and spare stand on what schools would have on roll if places were no limit: what fits nowhere is need.
    """
    journeys = study_journeys(study)
    places = who_is_where(study, journeys)
    bands = study_bands(journeys.schools)
    nodes, notes = base_nodes(places, bands, study.policy)
    years = study_years(study)
    supply = school_places(journeys.schools, study.tables.get("planned_places"), years)
    guessed = journeys.schools.loc[journeys.schools["pan_estimated"], "urn"].tolist()
    supply = raise_to_cohorts(supply, study.tables["rolls"], guessed, study.settings.base_year)
    schooling = study_schooling(study, forecast, bands, supply)
    rolls = schooling.rolls
    planned = study.tables.get("planned_places")
    for_areas = area_places(planned, years) if planned is not None else None
    balance = balance_places(rolls, supply, journeys.schools, study.policy, for_areas)
    deficits = study_deficits(study, forecast, balance)
    return StageResult(
        tables={
            "balance": balance,
            "balance_summary": summarise_balance(balance, by=("phase", "academic_year")),
            "deficits": deficits.table,
            "nodes": with_newcomers(nodes, rolls, bands),
            "roll_forecast": rolls,
            "school_places": supply,
            **schooling.tables,
        },
        pages={"methodology.md": taught_statement(study, schooling.tables["transfers"], notes + schooling.notes)},
        files={DRAWS: deficits.save_draws},
        summary={
            "status": "done",
            "deficits": len(acted_on(deficits.table)),
            "bands": [band.name for band in bands],
            "rolls_reproduced": rolls_reproduced(nodes, bands, places),
            "fallbacks": [str(fallback) for fallback in study.fallbacks],
            "warnings": notes + schooling.notes + _without_coordinates(journeys) + _other_years(study),
            "approximate": study.approximate,
        },
    )


def node_forecast(
    study: Study,
    nodes: pd.DataFrame,
    bands: list[Band],
    places: Places,
    forecast: pd.DataFrame,
    rolls: pd.DataFrame,
) -> NodeForecast:
    """Nodes over the base year and the plan years; `rolls` is the table roll_forecast."""
    return forecast_nodes(nodes, bands, places, forecast, rolls, study_years(study))


def rolls_reproduced(nodes: pd.DataFrame, bands: list[Band], places: Places) -> dict[str, float]:
    """How well base-year nodes give every school's roll: schools, worst share of large and worst pupils of small."""
    made = nodes.groupby("urn")["pupils"].sum().reindex(places.urns).fillna(0.0).to_numpy(dtype=float)
    served = [
        sum(places.rolls.loc[urn, list(b.year_groups)].sum() for b in bands if set(b.year_groups) <= set(groups))
        for urn, groups in ((urn, places.year_groups[urn]) for urn in places.urns)
    ]
    roll = np.array(served, dtype=float)
    off = np.abs(made - roll)
    large = roll >= 100
    return {
        "schools": len(roll),
        "worst_share_of_100_and_more": float((off[large] / roll[large]).max(initial=0.0)),
        "worst_pupils_below_100": float(off[~large].max(initial=0.0)),
    }


def _without_coordinates(journeys: StudyJourneys) -> list[str]:
    lost = journeys.schools[journeys.schools["easting"].isna()]
    if lost.empty:
        return []
    return [f"{len(lost)} schools have no coordinates and are left out of travel: {', '.join(lost['name'])}."]


def _other_years(study: Study) -> list[str]:
    """Counted journeys that are of other years than the base year serve planning areas only."""
    flows = study.tables.get("flows")
    if flows is None or (flows["academic_year"] == study.settings.base_year).any():
        return []
    return [
        f"Counted journeys are of {max(flows['academic_year'])}, not of the base year: who attends which school is "
        "modelled from distance and rolls instead."
    ]
