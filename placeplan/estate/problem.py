"""The estate problem of a study: what is known, what is offered at every school and site, and what policy asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, PHASES, years_from
from models import fewer_places, growth, joint_levers, reductions
from models.bands import Band
from models.closing import with_vehicles
from models.closure_rows import closures_a_year, faith_shares, nothing_undone, retained_near
from models.estate_build import Estate, build_estate, reach_of
from models.facilities import faiths, may_receive, school_facilities, site_facilities
from models.journeys import Places
from models.options import Facility, Option, stay
from models.pair_rows import pair_rows
from models.partners import with_partners
from models.pots import contribution_pots
from models.rules import Kept, capital_budget, closures_max, places_asked, retained_surplus
from models.send_units import UnitNeed, send_unit, unit_need, unit_rows
from models.shared_space import lettings_max, share_space
from placeplan.balance import node_forecast, study_bands, who_is_where
from placeplan.closures.grounds import study_grounds
from placeplan.closures.vehicles import vehicles_alone
from placeplan.estate.demand import estate_demand
from placeplan.estate.upstream import Upstream
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.pipeline import COMMISSION
from placeplan.study import Study, counted_rolls

GENERATORS: dict[str, Callable[..., list[Option]]] = {
    "lift_pan": growth.lift_pan,
    "bulge": growth.bulge,
    "expand": growth.expand,
    "send_unit": send_unit,
    "new_school": growth.new_school,
    "cut_pan": reductions.cut_pan,
    "cap_forms": fewer_places.cap_forms,
    "mothball": fewer_places.mothball,
    "share_space": share_space,
    "federate": joint_levers.federate,
    "amalgamate": joint_levers.amalgamate,
    "close": reductions.close,
}
CLOSING = ("amalgamate", "close")  # levers that need a ground


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a study before anything is decided: journeys, bands, places, plan years, pupils of nodes.

    `pupils` is (T, 12, N): plan years, year groups R … Y11, nodes, the mean of the forecast.
    """

    journeys: StudyJourneys
    bands: list[Band]
    places: Places
    years: list[str]
    pupils: np.ndarray


class Stated(NamedTuple):
    """The problem; what policy asks of each area; SEND units asked for; grounds for closing, where that is a lever."""

    estate: Estate
    asked: list[Kept]
    units: list[UnitNeed]
    grounds: pd.DataFrame | None


def what_is_known(study: Study, upstream: Upstream) -> Known:
    """Journeys and pupils of a study, read once for every problem that is stated of it."""
    journeys = study_journeys(study)
    bands = study_bands(journeys.schools)
    places = who_is_where(study, journeys)
    years = years_from(study.settings.base_year, study.settings.horizon_years + 1)[1:]
    nodes = node_forecast(study, upstream.nodes, bands, places, upstream.forecast, upstream.roll_forecast)
    return Known(journeys, bands, places, years, nodes.pupils[1:])


def state_problem(
    study: Study,
    upstream: Upstream,
    allow: Collection[str],
    known: Known | None = None,
    bids: Mapping[str, Callable[[Facility], list[Option]]] | None = None,
) -> Stated:
    """The estate problem of a study.

    `bids` gives the options of the sites for which there are bids, by site, instead of every school that fits there.
    """
    known = what_is_known(study, upstream) if known is None else known
    journeys, bands, years = known.journeys, known.bands, known.years
    facilities = school_facilities(
        journeys.schools,
        known.places.year_groups,
        upstream.school_places,
        upstream.roll_forecast,
        years,
        study.settings.base_year,
        study.policy,
    )
    high = high_forecast(facilities, years, upstream.forecast_area)
    asked = places_asked(facilities, years, high, study.policy)
    grounds = None
    if set(allow) & set(CLOSING):
        rolls = (upstream.roll_forecast, upstream.school_forecast)
        grounds = study_grounds(study, journeys, facilities, asked, *rolls, high)
    closable = {} if grounds is None else grounds[grounds["offered"]].set_index("urn")["ground"].to_dict()
    facilities = with_partners(
        [replace(facility, ground=closable.get(facility.key, "")) for facility in facilities],
        journeys.schools, journeys.between_schools, study.policy, study.tables.get("amalgamations"),
        _known(study, journeys.schools),
    )  # fmt: skip
    if "site" in journeys.sites and "new_school" in allow:
        facilities += site_facilities(journeys.sites, journeys.schools, years, study.policy)
    need = unit_need(study.tables.get("send_need") if "send_unit" in allow else None, years)
    options = offered(facilities, years, upstream.balance, journeys, study, allow, need, bids)
    rows = retained_surplus(facilities, options, years, asked)
    pots = contribution_pots(study.tables.get("contributions"), facilities, options, years, study.policy)
    rows += capital_budget(options, years, study.policy, pots.due_by(len(years)))
    rows += closures_max(options, study.policy) + closures_a_year(options, study.policy)
    rows += faith_shares(facilities, options, years, faiths(journeys.schools), study.policy)
    rows += nothing_undone(facilities, options)
    from_points = journeys.minutes[: len(journeys.points), : len(facilities)]
    rows += retained_near(facilities, options, years, from_points, study.policy)
    rows += pair_rows(facilities, options, study.policy) + lettings_max(facilities, options, study.policy)
    for_units, units = unit_rows(facilities, options, years, need, rows)
    rows += for_units + list(pots.rows)
    nodes = upstream.nodes
    demand = estate_demand(study, upstream.forecast, nodes, known.pupils)
    keys = {facility.key: row for row, facility in enumerate(facilities)}
    columns = list(range(len(facilities)))
    reach = reach_of(
        nodes,
        {point: row for row, point in enumerate(journeys.points["demand_point"])},
        keys,
        journeys.metres[:, columns],
        journeys.minutes[:, columns],
        facilities,
        bands,
        may_receive(journeys.schools, len(facilities) - len(journeys.schools), closable, study.policy),
    )
    estate = build_estate(
        facilities,
        options,
        rows,
        nodes,
        demand.pupils,
        bands,
        years,
        reach,
        study.policy,
        demand.probability,
        staged=study.policy.value("estate_two_stages") == "yes",
        pots=pots,
    )
    if set(allow) & set(CLOSING):
        estate = with_vehicles(estate, vehicles_alone(study, estate))
    return Stated(estate, asked, units, grounds)


def _known(study: Study, schools: pd.DataFrame) -> np.ndarray:
    """(N,) whether pupils of the base year and the capacity of a school are given."""
    counted = counted_rolls(study).reindex(schools["urn"].astype(str)).fillna(0.0).to_numpy(dtype=float) > 0
    return np.asarray(counted & ~schools["capacity_estimated"].to_numpy(dtype=bool))


def offered(
    facilities: Sequence[Facility],
    years: Sequence[str],
    balance: pd.DataFrame,
    journeys: StudyJourneys,
    study: Study,
    allow: Collection[str],
    need: Collection[tuple[str, str]] = (),
    bids: Mapping[str, Callable[[Facility], list[Option]]] | None = None,
) -> list[Option]:
    """Options of every facility, today's estate first; of a site for which there are bids, those of the bids.

    A school without coordinates keeps to today's estate. Growth is offered where its planning area and phase is
    short of places in some year group and plan year, a SEND unit where its area and phase is among `need`.
    """
    placed = {str(urn) for urn in journeys.schools["urn"][journeys.schools["easting"].notna()]}
    in_plan = balance[balance["academic_year"].isin(years) & (balance["need"] > 0.5)]
    needy = set(zip(in_plan["planning_area"], in_plan["phase"], strict=True))
    options: list[Option] = []
    for facility in facilities:
        options += stay(facility, years, study.policy)
        if facility.site:
            make = (bids or {}).get(facility.key)
            options += GENERATORS["new_school"](facility, years, study.policy) if make is None else make(facility)
            continue
        if facility.key not in placed:
            continue
        short = any((area, phase) in needy for phase, area in facility.planning_area.items())
        for name in allow:
            if name == "send_unit":
                options += GENERATORS[name](facility, years, study.policy, need)
            elif name != "new_school" and (short or name not in COMMISSION):
                options += GENERATORS[name](facility, years, study.policy)
    return options


def high_forecast(
    facilities: Sequence[Facility], years: Sequence[str], forecast_area: pd.DataFrame
) -> dict[tuple[str, str], np.ndarray]:
    """p90 of pupils on roll by planning area and phase, (T,): the roll forecast raised as the area's p90 is."""
    index = forecast_area.set_index(["planning_area", "phase", "academic_year"])
    ratio = (index["p90"] / index["mean"].where(index["mean"] > 0)).fillna(1.0)
    usual = ratio.groupby(["phase", "academic_year"]).median()
    high = {}
    for area, phase in sorted({(a, p) for f in facilities for p, a in f.planning_area.items()}):
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        rolls = [f.pupils[:, columns].sum(axis=1) for f in facilities if f.planning_area.get(phase) == area]
        raised = [ratio.get((area, phase, year), usual[(phase, year)]) for year in years]
        high[area, phase] = np.sum(rolls, axis=0) * np.array(raised, dtype=float)
    return high
