"""Facilities of an estate: the schools that are planned and the candidate sites, with their places and pupils."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.sites import planning_status
from geodata.years import ALL_THROUGH, COMPULSORY, PHASES, start_year
from models.options import Facility

Array = NDArray[np.float64]
CLOSED_FAITHS = ("roman catholic", "catholic", "jewish", "muslim", "islam", "sikh", "hindu")


def school_facilities(
    schools: pd.DataFrame,
    year_groups: Mapping[int, tuple[str, ...]],
    places: pd.DataFrame,
    roll_forecast: pd.DataFrame,
    years: Sequence[str],
    base_year: str,
    policy: Policy,
) -> list[Facility]:
    """One facility a planned school, over the plan years.

    `places` (urn, academic_year, year_group, places) and `roll_forecast` (urn, academic_year, year_group, pupils), the
    base year among its years. Pupils on roll in the base year hold their places: they were admitted, whatever the
    admission number says. Who joins a cohort later holds none.
    """
    place_cube = _cube(places, "places", schools["urn"], years)
    physical_cube = _cube(places, "physical_places", schools["urn"], years) if "physical_places" in places else None
    roll_cube = _cube(roll_forecast, "pupils", schools["urn"], years)
    counted = _cube(roll_forecast, "pupils", schools["urn"], [base_year])[:, 0]
    facilities = []
    for row, school in enumerate(schools.itertuples()):
        groups = year_groups[int(school.urn)]
        first = COMPULSORY.index(groups[0])
        holds = np.zeros_like(roll_cube[row])
        for t, year in enumerate(years):
            since = start_year(year) - start_year(base_year)
            here = np.flatnonzero(np.arange(len(COMPULSORY)) - since >= first)
            holds[t, here] = np.minimum(roll_cube[row, t, here], counted[row, here - since])
        facilities.append(
            Facility(
                key=str(school.urn),
                name=school.name,
                phase=school.phase,
                year_groups=groups,
                places=place_cube[row],
                pupils=roll_cube[row],
                holds=holds,
                planning_area=_areas(groups, school.planning_area, school.planning_area_secondary),
                type=school.type,
                pan_estimated=bool(school.pan_estimated),
                max_fe=_largest(school.max_fe, groups, policy),
                physical=None if physical_cube is None else physical_cube[row],
                trust=str(school.trust) if isinstance(getattr(school, "trust", None), str) else "",
            )
        )
    return facilities


def _largest(given: float, groups: Sequence[str], policy: Policy) -> float:
    """Forms of entry the site can take: the study's own figure, else policy by the phase the school ends in."""
    phase = "secondary" if groups[-1] in PHASES["secondary"] else "primary"
    return policy.by_phase("expand_max_fe_{phase}", phase) if pd.isna(given) else float(given)


def _areas(groups: Sequence[str], area: str, secondary: str | None) -> dict[str, str]:
    """Planning area by phase: one school may count in two."""
    areas = {}
    for phase, of_phase in PHASES.items():
        if set(groups) & set(of_phase):
            areas[phase] = secondary if phase == "secondary" and isinstance(secondary, str) else area
    return areas


def site_facilities(sites: pd.DataFrame, schools: pd.DataFrame, years: Sequence[str], policy: Policy) -> list[Facility]:
    """One facility a candidate site; its planning area is its own or that of the nearest school of its phase.

    Its area limits the forms of entry where it is known.
    """
    nothing = np.zeros((len(years), len(COMPULSORY)))
    return [
        Facility(
            key=str(site["site"]),
            name=site["name"],
            phase=site["phase"],
            year_groups=COMPULSORY if site["phase"] == ALL_THROUGH else PHASES[site["phase"]],
            places=nothing,
            pupils=nothing,
            holds=nothing,
            planning_area=_site_areas(site, schools),
            site=True,
            min_fe=_smallest(site, policy)[0],
            min_stage_fe=_smallest(site, policy)[1],
            planning_status=planning_status(site.get("planning_status")),
            transfer_date=_day(site.get("transfer_date")),
            max_fe=_site_fe(site, policy),
            available_from=site["available_from"],
            land_cost_gbp=float(site["land_cost_gbp"]),
            standing=_standing(site),
        )
        for site in sites.to_dict("records")
    ]


def _site_areas(site: Mapping[str, Any], schools: pd.DataFrame) -> dict[str, str]:
    phases = tuple(PHASES) if site["phase"] == ALL_THROUGH else (site["phase"],)
    own = [site.get("planning_area"), site.get("planning_area_secondary") if len(phases) > 1 else None]
    return {
        phase: given if isinstance(given, str) else _nearest_area(site, phase, schools)
        for phase, given in zip(phases, own, strict=False)
    }


def _nearest_area(site: Mapping[str, Any], phase: str, schools: pd.DataFrame) -> str:
    junior = schools["phase"].isin(("infant", "first", "junior", "primary"))
    near = schools[(junior if phase == "primary" else ~junior) & schools["easting"].notna()]
    away = np.hypot(near["easting"] - site["easting"], near["northing"] - site["northing"])
    return str(near["planning_area"].to_numpy()[int(np.argmin(away))]) if len(near) else str(site["name"])


def _site_fe(site: Mapping[str, Any], policy: Policy) -> float:
    """Forms of entry that the site can take: its own limit, and what fits on its area, in half forms."""
    area = site.get("area_ha")
    if area is None or pd.isna(area):
        return float(site["max_fe"])
    phases = ("primary", "secondary") if site["phase"] == ALL_THROUGH else (site["phase"],)
    each = sum(policy.number(f"site_ha_per_fe_{phase}") for phase in phases)
    return min(float(site["max_fe"]), math.floor(2 * float(area) / each + 1e-9) / 2)


def _smallest(site: Mapping[str, Any], policy: Policy) -> tuple[float, float]:
    """Smallest size and smallest first stage: the site's own; else a viable school, half of it at first."""
    given = site.get("min_fe")
    if given is not None and not pd.isna(given):
        return float(given), float(given)
    phases = ("primary", "secondary") if site["phase"] == ALL_THROUGH else (site["phase"],)
    viable = max(policy.number(f"viable_fe_{phase}") for phase in phases)
    return viable, viable / 2


def _day(given: object) -> date | None:
    return given.date() if isinstance(given, pd.Timestamp) else None


def _standing(site: Mapping[str, Any]) -> str:
    """Who owns the site and how far its planning permission is, in words."""
    words = {"owner": "site owned by {}", "planning_status": "planning: {}"}
    return ", ".join(text.format(site[name]) for name, text in words.items() if isinstance(site.get(name), str))


def may_move(schools: pd.DataFrame, n_sites: int) -> NDArray[np.bool_]:
    """(F, F) whether a pupil of one facility may be offered another; schools first, then sites.

    A pupil of a mixed school is offered mixed schools, of a girls' school girls' or mixed ones; a selective school
    only where today's is; a school of a faith that gives it preference (Roman Catholic and non-Christian faiths) only
    where today's school is of the same. Church of England schools are open to all. New schools are open to all.
    """
    gender = schools["gender"].to_numpy(dtype=object)
    selective = schools["admissions_policy"].eq("selective").to_numpy(dtype=bool)
    faith = schools["religious_character"].astype(str).str.lower().to_numpy(dtype=object)
    closed = np.isin(faith, CLOSED_FAITHS)
    allowed = (gender[None, :] == "mixed") | (gender[:, None] == gender[None, :])
    allowed &= ~selective[None, :] | selective[:, None]
    allowed &= ~closed[None, :] | (faith[:, None] == faith[None, :])
    size = len(schools) + n_sites
    full = np.ones((size, size), dtype=bool)
    full[: len(schools), : len(schools)] = allowed
    return full


def may_receive(schools: pd.DataFrame, n_sites: int, closable: Collection[str], policy: Policy) -> NDArray[np.bool_]:
    """As `may_move`; pupils of a school that may close are not planned into one in a formal category of concern.

    Unless policy `close_receiving_concern` lets them.
    """
    allowed = may_move(schools, n_sites)
    if policy.value("close_receiving_concern") != "yes":
        leaving = schools["urn"].astype(str).isin(closable).to_numpy()
        weak = schools["concern"].notna().to_numpy() | schools["in_intervention"].fillna(False).astype(bool).to_numpy()
        n = len(schools)
        allowed[:n, :n] &= ~(leaving[:, None] & weak[None, :]) | np.eye(n, dtype=bool)
    return allowed


def faiths(schools: pd.DataFrame) -> dict[str, str]:
    """Religious character by school, in lower case; "" for none."""
    named = schools["religious_character"].astype(object).fillna("").astype(str).str.strip().str.lower()
    named = named.where(~named.isin(("none", "does not apply")), "")
    return dict(zip(schools["urn"].astype(str), named, strict=True))


def _cube(table: pd.DataFrame, value: str, urns: pd.Series, years: Sequence[str]) -> Array:
    """(F, T, 12) of a long table by urn, academic_year and year_group."""
    wide = table.pivot_table(index=["urn", "academic_year"], columns="year_group", values=value, aggfunc="sum")
    index = pd.MultiIndex.from_product([urns, years])
    cube = wide.reindex(index=index, columns=list(COMPULSORY)).fillna(0.0).to_numpy(dtype=float)
    return np.asarray(cube).reshape(len(urns), len(years), len(COMPULSORY))
