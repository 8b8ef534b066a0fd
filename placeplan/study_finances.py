"""From a study's tables to schools as the funding formula sees them: as forecast, and under the estate's plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.funding_values import FundingValues, funding_values
from geodata.years import COMPULSORY, PHASES, years_from
from models.bands import school_year_groups
from models.funded_schools import FundedSchools, joined
from models.funding_formula import rolls_array, split_site_share
from models.options import NEW
from models.powers import ACADEMY, holder
from models.proposed_school import filling_rolls, proposed_school
from models.sparsity import Neighbours
from placeplan.balance import who_is_where
from placeplan.journeys import StudyJourneys
from placeplan.study import Study

Array = NDArray[np.float64]
LEAST_PUPILS = 0.5
ALL_THROUGH = "all-through"
# Weight of a pupil at the gate beside one at home: it decides where a school is nobody's nearest, and nowhere else.
AT_THE_GATE = 1e-6
COLUMNS = {phase: [COMPULSORY.index(group) for group in groups] for phase, groups in PHASES.items()}


@dataclass(frozen=True, eq=False)
class Finances:
    """Schools with their rolls (F, 1 + T, 12) in the base year and the T plan years told, and their neighbours."""

    schools: FundedSchools
    neighbours: Neighbours
    rolls: Array
    years: list[str]
    values: FundingValues
    at_the_gate: int = 0  # schools that are the nearest of no demand point


def within_places(roll_forecast: pd.DataFrame, school_forecast: pd.DataFrame) -> pd.DataFrame:
    """Pupils that schools are paid for: the base year's as counted, later ones as far as there are places for them."""
    base = roll_forecast[roll_forecast["academic_year"] == roll_forecast["academic_year"].min()]
    columns = ["urn", "academic_year", "year_group", "pupils"]
    return pd.concat([base[columns], school_forecast[columns]], ignore_index=True)


def study_finances(study: Study, journeys: StudyJourneys, rolls_told: pd.DataFrame) -> Finances:
    """The schools of a study with the rolls told (urn, academic_year, year_group, pupils), base year and after."""
    table, policy = journeys.schools, study.policy
    told = min(policy.integer("finance_years"), study.settings.horizon_years)
    years = years_from(study.settings.base_year, 1 + told)
    groups = school_year_groups(table)
    serves = np.array([np.isin(COMPULSORY, groups[int(urn)]) for urn in table["urn"]]).reshape(-1, len(COMPULSORY))
    neighbours = _neighbours(study, journeys, serves)
    sixth = table["capacity_sixth_form"].to_numpy(dtype=float, na_value=0.0)
    schools = FundedSchools(
        key=[int(urn) for urn in table["urn"]],
        phase=list(table["phase"]),
        serves=serves,
        places=np.maximum(table["capacity"].to_numpy(dtype=float, na_value=0.0) - sixth, 0.0),
        september=np.array([holder(kind) == ACADEMY for kind in table["type"]], dtype=bool),
        estimated=np.zeros(len(table), dtype=bool),
        additional_gbp=table["additional_needs_gbp_per_pupil"].to_numpy(dtype=float, na_value=np.nan),
        distance_m=neighbours.second_nearest_m(),
        lump_sums=np.ones(len(table)),
        split_site=_split_sites(study, table),
    )
    values = funding_values(study.tables.get("funding_values"), policy)
    at_home = replace(neighbours, living=np.where(neighbours.living > AT_THE_GATE, neighbours.living, 0.0))
    at_the_gate = np.isnan(at_home.second_nearest_m()) & np.isfinite(schools.distance_m)
    rolls = rolls_array(rolls_told, schools.key, years)
    return Finances(schools, neighbours, rolls, years[1:], values, int(at_the_gate.sum()))


def _neighbours(study: Study, journeys: StudyJourneys, serves: NDArray[np.bool_]) -> Neighbours:
    """Schools seen from the demand points; the pupils of a locality stand at its points by their weights.

    Small areas are coarser than villages, and many a village school is the nearest of no demand point: so a few of a
    school's pupils live at its gate.
    """
    points, schools = journeys.points, journeys.schools
    living = (
        who_is_where(study, journeys).pupils.reindex(points["locality"]).fillna(0.0).to_numpy(dtype=float, copy=True)
    )
    for phase, columns in COLUMNS.items():
        weight = points[f"weight_{phase}"].astype(float)
        share = weight / weight.groupby(points["locality"]).transform("sum")
        living[:, columns] *= share.fillna(0.0).to_numpy()[:, None]
    return Neighbours(
        metres=journeys.metres[: len(points) + len(schools), : len(schools)],
        living=np.concatenate([living, AT_THE_GATE * serves]),
        serves=serves,
        girls=(schools["gender"] != "boys").to_numpy(dtype=bool),
        boys=(schools["gender"] != "girls").to_numpy(dtype=bool),
        selective=(schools["admissions_policy"] == "selective").to_numpy(dtype=bool),
    )


def _split_sites(study: Study, schools: pd.DataFrame) -> Array:
    """Split-site funding (F,) in lump sums; the site listed first is the main one, distances are approximate."""
    share = np.zeros(len(schools))
    if "school_sites" not in study.tables:
        return share
    factor = study.policy.number("detour_factor")
    for urn, sites in study.tables["school_sites"].groupby("urn", sort=False):
        at = sites[["easting", "northing"]].to_numpy(dtype=float)
        apart = factor * np.hypot(*(at[1:] - at[0]).T)
        share[(schools["urn"] == urn).to_numpy()] = split_site_share(apart.tolist(), study.policy)
    return share


def planned_finances(
    journeys: StudyJourneys, today: Finances, decisions: pd.DataFrame, allocation: pd.DataFrame
) -> Finances:
    """Schools and sites under a plan: its rolls, and sparsity anew for every year from the schools that then stand.

    The plan places pupils by phase. They are spread over a school's year groups as its forecast is, over those of a
    site evenly as it fills. Keys are facilities, as text.
    """
    keys = [str(key) for key in today.schools.key]
    opening = _openings(journeys, decisions)
    schools, neighbours = _with_sites(journeys, today, opening)
    placed = {
        phase: rows.pivot_table(
            index="facility", columns="academic_year", values="pupils", aggfunc="sum", fill_value=0.0
        )
        .reindex(index=[*keys, *opening["site"]], columns=today.years, fill_value=0.0)
        .to_numpy(dtype=float)
        for phase, rows in allocation.groupby("phase")
    }
    filling = [
        filling_rolls(_groups(phase), 1.0, opens, today.years)
        for phase, opens in zip(opening["phase"], opening["academic_year"], strict=True)
    ]
    shape = np.concatenate([today.rolls[:, 1:], np.array(filling).reshape(-1, len(today.years), len(COMPULSORY))])
    planned = np.zeros_like(shape)
    for phase, columns in COLUMNS.items():
        if phase not in placed:
            continue
        of_phase = shape[:, :, columns]
        even = np.broadcast_to(schools.serves[:, None, columns], of_phase.shape)
        of_phase = np.where(of_phase.sum(axis=2, keepdims=True) > 0, of_phase, even)
        whole = of_phase.sum(axis=2, keepdims=True)
        share = np.divide(of_phase, whole, out=np.zeros_like(shape[:, :, columns]), where=whole > 0)
        planned[:, :, columns] = share * placed[phase][:, :, None]
    planned[planned.sum(axis=2) < LEAST_PUPILS] = 0.0
    before = np.concatenate([today.rolls[:, :1], np.zeros((len(opening), 1, len(COMPULSORY)))])
    rolls = np.concatenate([before, planned], axis=1)
    standing = rolls.sum(axis=2) > 0
    standing[: len(keys)] |= today.rolls.sum(axis=2) <= 0  # a school whose pupils are not known is not closed for that
    distance = np.stack([neighbours.second_nearest_m(standing[:, t]) for t in range(standing.shape[1])], axis=1)
    most = np.maximum(schools.places, rolls.sum(axis=2).max(axis=1))  # a school that grows is kept up for more
    return replace(
        today,
        schools=replace(schools, key=[*keys, *opening["site"]], distance_m=distance, places=most),
        neighbours=neighbours,
        rolls=rolls,
    )


def _openings(journeys: StudyJourneys, decisions: pd.DataFrame) -> pd.DataFrame:
    """Sites that the plan opens: site, phase, academic_year, places (of the likeliest option where futures differ)."""
    opened = decisions[decisions["action"] == NEW].sort_values("probability", ascending=False)
    opened = opened.drop_duplicates("facility")[["facility", "academic_year", "places_after"]]
    sites = journeys.sites.reindex(columns=["site", "phase"]).astype({"site": str})
    opened = opened.astype({"facility": str}).rename(columns={"places_after": "places"})
    return opened.merge(sites, left_on="facility", right_on="site")[["site", "phase", "academic_year", "places"]]


def _with_sites(journeys: StudyJourneys, today: Finances, opening: pd.DataFrame) -> tuple[FundedSchools, Neighbours]:
    """Today's schools with the sites that open behind them."""
    schools, near = today.schools, today.neighbours
    proposed = [
        proposed_school(site, phase, _groups(phase), float(places))
        for site, phase, places in zip(opening["site"], opening["phase"], opening["places"], strict=True)
    ]
    together = joined([schools, *proposed])
    at = pd.Index(journeys.sites["site"].astype(str)).get_indexer(opening["site"]) + len(journeys.schools)
    columns = [*range(len(journeys.schools)), *at]
    more = np.ones(len(opening), dtype=bool)
    neighbours = Neighbours(
        metres=journeys.metres[np.ix_([*range(len(near.metres)), *(len(journeys.points) + at)], columns)],
        living=np.concatenate([near.living, AT_THE_GATE * together.serves[len(schools.key) :]]),
        serves=together.serves,
        girls=np.concatenate([near.girls, more]),
        boys=np.concatenate([near.boys, more]),
        selective=np.concatenate([near.selective, ~more]),
    )
    return together, neighbours


def _groups(phase: str) -> tuple[str, ...]:
    """Year groups of a new school by its phase."""
    return COMPULSORY if phase == ALL_THROUGH else PHASES[phase]
