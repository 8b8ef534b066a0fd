"""Tables in the shape of the School Capacity survey: capacity, forecasts and planned places by year group.

An authority returns them every summer: capacity and roll by school, site and year group; forecasts by planning area,
five years ahead for R–Y6 and seven from Y7 on, pupils in places that developers fund told apart; and places added,
removed or for one cohort, three years ahead. No published form of its headings was found: the columns here carry what
it asks for.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, PHASES, PRIMARY, phase_of, start_year, start_years, years_from
from models.housing import TERMS, housing_table, housing_terms
from models.options import BULGE
from models.places import planned_changes
from models.planning_areas import area_of_school, in_primary, resident_areas
from placeplan.results import read_stage
from placeplan.study import Study

AHEAD_PRIMARY, AHEAD_SECONDARY, AHEAD_PLANNED = 5, 7, 3  # academic years
SIXTH_FORM, SIXTH_FORM_GROUPS = "sixth form", ("Y12", "Y13")
AT_SCHOOLS, LIVING = "on roll at the area's schools", "living in the area"
NO_HOUSING = "not told: the study has no housing"
NO_CONTRIBUTIONS = "not told: the study has no developer contributions"
BY_CONTRIBUTION = "homes on sites with a contribution for the phase, counted where the homes are"
CAPPED = f"{BY_CONTRIBUTION}; more than are on roll there, and cut to them"
OWN_TABLE, THE_PLAN = "the study's planned places", "the plan"
CAPACITY = [
    "planning_area", "urn", "school", "site", "phase", "year_group", "capacity", "capacity_by_pan", "number_on_roll",
    "roll_apportioned",
]  # fmt: skip
FUNDED = ["developer_funded_pupils", "developer_funded_added"]
FORECAST = [
    "planning_area", "phase", "year_group", "academic_year", "pupils", *FUNDED, "other_pupils", "counted",
    "developer_basis",
]  # fmt: skip
PLANNED = [
    "planning_area", "urn", "site", "name", "academic_year", "phase", "year_group", "places", "kind", "planned_by",
    "action", "certainty", "probability",
]  # fmt: skip
CELL = ["planning_area", "academic_year", "year_group"]


def scap_tables(study: Study, results: Path, ran: Collection[str]) -> dict[str, pd.DataFrame]:
    """The tables as far as the stages that `ran` carry them: scap_capacity, scap_forecast, scap_planned_places."""
    tables = {}
    if "balance" in ran:
        tables["scap_capacity"] = scap_capacity(study, read_stage(results / "balance", "school_places"))
    if "forecast" in ran:
        tables["scap_forecast"] = scap_forecast(study, results, "balance" in ran)
    if "balance" in ran:
        tables["scap_planned_places"] = scap_planned_places(study, results, "estate" in ran)
    return tables


def phase_word(year_group: str) -> str:
    """Give "primary", "secondary" or "sixth form"."""
    return phase_of(year_group) or SIXTH_FORM


# -- capacity ------------------------------------------------------------------------------------------------------


def scap_capacity(study: Study, places: pd.DataFrame) -> pd.DataFrame:
    """Capacity and roll of the base year by school, site and year group; the columns are CAPACITY.

    `places` is the table school_places. Where the admission number is a guess its places are no fewer than the cohorts,
    and more than net capacity: they are brought back to it. Sixth-form capacity is halved over Y12 and Y13. Sites of a
    school share its capacity by their places; its roll is not known by site and is shared alike.
    """
    schools, base = study.tables["schools"], study.settings.base_year
    now = places[places["academic_year"] == base].rename(
        columns={"physical_places": "capacity", "places": "capacity_by_pan"}
    )
    now = now.assign(capacity=now["capacity"] * _back_to_net_capacity(schools, now))
    held = pd.concat([now[["urn", "year_group", "capacity", "capacity_by_pan"]], _sixth_forms(schools, now["urn"])])
    rolls = study.tables["rolls"]
    rolls = rolls[(rolls["academic_year"] == base) & rolls["urn"].isin(held["urn"])]
    roll = rolls.groupby(["urn", "year_group"], as_index=False)["pupils"].sum()
    table = held.merge(roll.rename(columns={"pupils": "number_on_roll"}), on=["urn", "year_group"], how="outer")
    table[["capacity", "number_on_roll"]] = table[["capacity", "number_on_roll"]].fillna(0.0)
    table["planning_area"] = area_of_school(schools, table["urn"], table["year_group"])
    table["school"] = table["urn"].map(schools.set_index("urn")["name"])
    table["phase"] = table["year_group"].map(phase_word)
    return _ordered(_by_site(table, study.tables.get("school_sites")), ["urn", "site"])[CAPACITY]


def _back_to_net_capacity(schools: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """By how much the capacity of each row counts: less than 1 where cohorts raised it above net capacity."""
    by_urn = schools.set_index("urn")
    net = by_urn["capacity"].astype(float) - by_urn["capacity_sixth_form"].astype(float).fillna(0.0)
    guessed = by_urn["pan_estimated"].astype(bool)
    share = now["urn"].map(net) / now.groupby("urn")["capacity"].transform("sum")
    return share.where(now["urn"].map(guessed) & share.lt(1.0), 1.0)


def _sixth_forms(schools: pd.DataFrame, urns: pd.Series) -> pd.DataFrame:
    """Rows of Y12 and Y13 of the schools among `urns` that have a sixth form."""
    capacity = schools.set_index("urn")["capacity_sixth_form"].astype(float)
    capacity = capacity[capacity.gt(0) & capacity.index.isin(urns)] / len(SIXTH_FORM_GROUPS)
    half = pd.DataFrame({"urn": capacity.index.astype("int64"), "capacity": capacity.to_numpy()})
    return half.merge(pd.DataFrame({"year_group": list(SIXTH_FORM_GROUPS)}), how="cross").assign(capacity_by_pan=np.nan)


def _by_site(table: pd.DataFrame, sites: pd.DataFrame | None) -> pd.DataFrame:
    """A row a site of split-site schools, what is counted by school shared by the sites' places."""
    whole = table.assign(site=None, roll_apportioned=False)
    if sites is None:
        return whole
    places = sites["places"].astype(float).fillna(0.0) if "places" in sites else pd.Series(0.0, index=sites.index)
    of_school = places.groupby(sites["urn"]).transform("sum")
    alike = 1 / sites.groupby("urn")["site"].transform("size")
    share = (places / of_school.where(of_school > 0)).fillna(alike)
    own = sites[["urn", "site"]].assign(share=share, own_area=sites.get("planning_area"))
    split = table.merge(own, on="urn")
    for name in ("capacity", "capacity_by_pan", "number_on_roll"):
        split[name] *= split["share"]
    split["planning_area"] = split["own_area"].fillna(split["planning_area"])
    split["roll_apportioned"] = own.groupby("urn").size().reindex(split["urn"]).gt(1).to_numpy()
    parts = [whole[~whole["urn"].isin(own["urn"])], split.drop(columns=["share", "own_area"])]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


# -- forecast ------------------------------------------------------------------------------------------------------


def scap_forecast(study: Study, results: Path, at_schools: bool) -> pd.DataFrame:
    """Forecast by planning area, year group and year, pupils of developer-funded homes apart; columns FORECAST.

    Pupils are those on roll at the area's schools; where no school has been planned, those living in the area. Which
    homes developers fund is told by the contributions: a site with one for the phase. Without housing or contributions
    it cannot be told and is left blank, not nought.
    """
    table = _at_schools(study, results) if at_schools else _residents(study, results)
    ahead = start_years(table["academic_year"]) - start_year(study.settings.base_year)
    most = np.where(table["year_group"].isin(PRIMARY), AHEAD_PRIMARY, AHEAD_SECONDARY)
    table = table[(ahead > 0) & (ahead <= most) & table["year_group"].isin((*COMPULSORY, *SIXTH_FORM_GROUPS))]
    table = table.assign(phase=table["year_group"].map(phase_word), counted=AT_SCHOOLS if at_schools else LIVING)
    return _ordered(_with_funded(study, table), ["planning_area", "academic_year"])[FORECAST]


def _at_schools(study: Study, results: Path) -> pd.DataFrame:
    """R–Y11 as the balance has them, Y12 and Y13 added up from the school forecast."""
    balance = read_stage(results / "balance", "balance")[[*CELL, "pupils"]]
    schools = read_stage(results / "balance", "school_forecast")
    upper = schools[schools["year_group"].isin(SIXTH_FORM_GROUPS)]
    if upper.empty:
        return balance
    area = area_of_school(study.tables["schools"], upper["urn"], upper["year_group"])
    rows = upper.assign(planning_area=area).groupby(CELL, as_index=False)["unconstrained"].sum()
    return pd.concat([balance, rows.rename(columns={"unconstrained": "pupils"})], ignore_index=True)


def _residents(study: Study, results: Path) -> pd.DataFrame:
    forecast = read_stage(results / "forecast", "forecast")
    return resident_areas(forecast, study.tables["localities"], "mean")


def _with_funded(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """The table with pupils of funded homes, all others, and what that rests on."""
    homes, given = study.tables.get("housing"), study.tables.get("contributions")
    if homes is None or given is None:
        why = NO_HOUSING if homes is None else NO_CONTRIBUTIONS
        return table.assign(**dict.fromkeys(FUNDED, np.nan), other_pupils=np.nan, developer_basis=why)
    table = table.merge(funded_pupils(study, homes, given), on=CELL, how="left")
    table[FUNDED] = table[FUNDED].fillna(0.0)
    over = table[FUNDED[0]] > table["pupils"]
    for name in FUNDED:
        table[name] = table[name].clip(upper=table["pupils"])
    table["other_pupils"] = table["pupils"] - table[FUNDED[0]]
    return table.assign(developer_basis=np.where(over, CAPPED, BY_CONTRIBUTION))


def funded_pupils(study: Study, homes: pd.DataFrame, contributions: pd.DataFrame) -> pd.DataFrame:
    """Pupils of homes that developers fund, by CELL, in the planning area of the homes; columns FUNDED besides.

    `developer_funded_pupils` are all who are to be expected there, certainty counted; `developer_funded_added` those
    whom past ratios and moves within the study do not bring anyway. Homes are those first lived in after the base
    year, and in older ones the children who are yet to come to school.
    """
    codes = study.tables["localities"]["locality"].tolist()
    base = start_year(study.settings.base_year)
    starts = base + 1 + np.arange(study.settings.horizon_years)
    frames = []
    for phase, groups in PHASES.items():
        paying = set(contributions.loc[contributions["phase"] == phase, "site"].astype(str))
        funded = homes["site"].astype(str).isin(paying).to_numpy()
        taught = groups if phase == "primary" else (*groups, *SIXTH_FORM_GROUPS)
        terms, _ = housing_terms(homes, codes, base, starts, taught, study.policy, only=funded)
        added = np.maximum(sum(terms.values()), 0.0)
        told = {FUNDED[0]: terms[TERMS[0]] + terms[TERMS[1]], FUNDED[1]: added}
        frames.append(housing_table(told, codes, starts, taught))
    rows = pd.concat(frames, ignore_index=True)
    by_name = {
        name: resident_areas(part, study.tables["localities"]).set_index(CELL)["pupils"]
        for name, part in ((name, rows[rows["term"] == name]) for name in FUNDED)
    }
    return pd.DataFrame(by_name).fillna(0.0).rename_axis(CELL).reset_index()


# -- planned places ------------------------------------------------------------------------------------------------


def scap_planned_places(study: Study, results: Path, planned: bool) -> pd.DataFrame:
    """Places above or below today's admission numbers, three years ahead, by who plans them; columns PLANNED.

    Those of the study's own table stand as they are given, before net capacity limits them; those of the plan are what
    it changes beyond them. The survey asks for places with a high degree of certainty only: a plan is a proposal.
    """
    ahead = min(AHEAD_PLANNED, study.settings.horizon_years)
    years = years_from(study.settings.base_year, ahead + 1)[1:]
    parts = [_own_table(study, years)]
    if planned:
        parts.append(_of_plan(study, results / "estate", years))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=KINDS.get(name, object)) for name in PLANNED})
    table = pd.concat([part.astype(KINDS) for part in parts], ignore_index=True)
    table["phase"] = table["year_group"].map(phase_word)
    return _ordered(table, ["planned_by", "planning_area", "urn", "site", "academic_year"])[PLANNED]


KINDS = {"urn": "Int64", "site": object, "name": object, "action": object, "places": float, "probability": float}


def _own_table(study: Study, years: list[str]) -> pd.DataFrame:
    given, schools = study.tables.get("planned_places"), study.tables["schools"]
    if given is None:
        return pd.DataFrame()
    rows = planned_changes(schools, given, [study.settings.base_year, *years])
    rows = rows[rows["academic_year"].isin(years)]
    told = {"site": None, "action": None, "planned_by": OWN_TABLE, "probability": np.nan}
    rows = rows.assign(**told, certainty="in the study's own table of planned places")
    return _named(rows, schools)


def _of_plan(study: Study, folder: Path, years: list[str]) -> pd.DataFrame:
    """What the plan changes, year group by year group; `decider` of the decision says how certain it is."""
    places, decisions = read_stage(folder, "plan_places"), read_stage(folder, "decisions")
    places = places.assign(places=places["places_after"] - places["places_before"])
    places = places[places["academic_year"].isin(years) & (places["places"] != 0)]
    if places.empty:
        return pd.DataFrame()
    urns = set(study.tables["schools"]["urn"].astype(str))
    is_school = places["facility"].isin(urns)
    decider = decisions.drop_duplicates("facility").set_index("facility")["decider"]
    more = np.where(places["places"] > 0, "added", "removed")
    rows = places.assign(
        urn=pd.to_numeric(places["facility"].where(is_school)).astype("Int64"),
        site=places["facility"].where(~is_school).astype(object),
        planning_area=None,
        kind=np.where(places["action"] == BULGE, "bulge", more),
        planned_by=THE_PLAN,
        certainty="proposed by this plan and not decided; decided by: " + places["facility"].map(decider),
    )
    return _named(rows, study.tables["schools"], study.tables.get("sites"))


def _named(rows: pd.DataFrame, schools: pd.DataFrame, sites: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows with the name of the school or site and the planning area in which the year group counts."""
    named, at_school = rows.assign(name=None).astype({"name": object}), rows["urn"].notna()
    urns = rows.loc[at_school, "urn"].astype("int64")
    named.loc[at_school, "name"] = urns.map(schools.set_index("urn")["name"])
    named.loc[at_school, "planning_area"] = area_of_school(schools, urns, rows.loc[at_school, "year_group"])
    on_site = rows["site"].notna()
    if sites is not None and on_site.any():
        known = sites.assign(site=sites["site"].astype(str)).set_index("site")
        code = rows.loc[on_site, "site"]
        area = code.map(known["planning_area"])
        if "planning_area_secondary" in known:
            upper = code.map(known["planning_area_secondary"])
            area = upper.where(upper.notna() & ~rows.loc[on_site, "year_group"].map(in_primary).astype(bool), area)
        named.loc[on_site, "name"], named.loc[on_site, "planning_area"] = code.map(known["name"]), area
    return named


def _ordered(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows by the columns and then from R up."""
    order = {group: number for number, group in enumerate((*COMPULSORY, *SIXTH_FORM_GROUPS))}
    ranked = table.assign(order=table["year_group"].map(order))
    return ranked.sort_values([*by, "order"], kind="stable").drop(columns="order").reset_index(drop=True)
