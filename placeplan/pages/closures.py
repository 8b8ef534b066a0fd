"""The page of closures: which schools would close, and where their pupils would go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata.small_numbers import least_told
from geodata.years import COMPULSORY
from models.entitlement import walking_limit_m
from placeplan.closures.planned import ON_ROLL
from placeplan.estate.demand import SCENARIOS
from placeplan.geography import planning_areas, points
from placeplan.likely import is_likely
from placeplan.pages.bids import homes
from placeplan.pages.parts import school_points
from placeplan.results import read_stage
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.basemap import Basemap
    from maps.page import PageNotes


def closes_any(results: Path) -> bool:
    """Whether the plan closes a school in any future."""
    folder = results / "estate"
    return (folder / "closure_effects.parquet").exists() and len(read_stage(folder, "closure_effects")) > 0


def closures_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """HTML of before and after, for each closing school and for all of them together."""
    from maps.closure_words import ClosingTables
    from maps.closures import closures_map

    folder = results / "estate"
    effects, decisions = read_stage(folder, "closure_effects"), read_stage(folder, "decisions")
    told = is_likely(decisions) | decisions["facility"].isin(effects["facility"])
    policy = study.policy
    steady = read_stage(folder, "closure_stability") if (folder / "closure_stability.parquet").exists() else None
    return closures_map(
        ClosingTables(
            effects=with_certainty(effects, decisions, steady),
            going=going(study, folder),
            walking_m=(policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m")),
            approximate=study.roads is None,
            detour_factor=policy.number("detour_factor"),
            futures=policy.integer("estate_scenarios") if policy.text("estate_demand") == SCENARIOS else 1,
            noise=policy.number("closure_noise"),
            least=float(least_told(study.policy)),
        ),
        _facilities(study),
        homes(study),
        decisions[told],
        planning_areas(study),
        about,
        basemap=background,
    )


def going(study: Study, folder: Path) -> pd.DataFrame:
    """Pupils on roll in the year in which their school closes, by home, year group and receiving school.

    The columns of the table displaced, and beyond_before, beyond_after, newly_beyond: pupils beyond the statutory
    walking distance of their age; and receiving_name, same_religious_character.
    """
    table = read_stage(folder, "displaced")
    effects = read_stage(folder, "closure_effects").set_index("facility")
    year = table["facility"].map(effects["academic_year"])
    table = table[(table["cohort"] == ON_ROLL) & (table["academic_year"] == year)]
    group = table["year_group"].map(COMPULSORY.index).to_numpy(dtype=np.int64)
    limit = walking_limit_m(group, study.policy)
    before, after = (table[f"distance_{when}_m"].to_numpy(dtype=float) > limit for when in ("before", "after"))
    known = table[["distance_before_m", "distance_after_m"]].notna().all(axis=1).to_numpy()
    to = read_stage(folder, "closure_receiving").rename(columns={"name": "receiving_name"})
    named = table.merge(
        to[["facility", "receiving", "receiving_name", "same_religious_character"]],
        on=["facility", "receiving"],
        how="left",
    )
    pupils = named["pupils"].to_numpy(dtype=float)
    return named.assign(
        home_known=known,
        beyond_before=pupils * (before & known),
        beyond_after=pupils * (after & known),
        newly_beyond=pupils * (after & ~before & known),
    )


def with_certainty(effects: pd.DataFrame, decisions: pd.DataFrame, steady: pd.DataFrame | None) -> pd.DataFrame:
    """Effects with the action of each closing (close, or amalgamate) and how it fares in other forecasts.

    `stays` of `draws` forecasts with a little noise close the school too; nan where that was not tried.
    """
    closing = decisions.sort_values("places_after", kind="stable").drop_duplicates("facility").set_index("facility")
    told = effects.assign(action=effects["facility"].map(closing["action"]).fillna("close"))
    if steady is None:
        return told.assign(stays=np.nan, draws=np.nan)
    tried = steady.drop_duplicates("facility").set_index("facility")[["stays", "draws"]].astype(float)
    return told.join(tried, on="facility")


def _facilities(study: Study) -> gpd.GeoDataFrame:
    """Schools and candidate sites by key, as places to which pupils go: urn (the key), name, phase, and more."""
    schools = school_points(study).astype({"urn": str})
    if "sites" not in study.tables:
        return schools
    sites = points(study.tables["sites"].rename(columns={"site": "urn"}))[["urn", "name", "phase", "geometry"]]
    every: gpd.GeoDataFrame = pd.concat([schools, sites], ignore_index=True)
    return every
