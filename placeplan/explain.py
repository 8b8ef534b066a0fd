"""What the results hold for one school, site, planning area or bid, in sentences."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from geodata.problems import BadInput, Problem, nearest
from geodata.years import COMPULSORY
from placeplan.closures.explained import closure_told
from placeplan.closures.keeping import stands_with_shared_heads
from placeplan.deficits import acted_on, with_a_case
from placeplan.estate.contributions import payer
from placeplan.estate.flip import forecast_flips
from placeplan.estate.what_if import runner_up, why
from placeplan.finance import money_told
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.tenders.explained import bid_explanation
from placeplan.words import counted, day, money

Told = dict[str, list[str]]
WHY_SHARE, TODAY_SHARE, CLOSED_SHARE = 0.35, 0.1, 0.2  # of the time, at most; the rest is for other forecasts


def explanation(study: Study, key: str) -> Told:
    """Headings and sentences for a URN, a site, a planning area or a bid; BadInput where the study has none such."""
    schools = study.tables.get("schools", pd.DataFrame(columns=["urn", "name", "planning_area"]))
    if key in set(schools["urn"].astype(str)):
        return _school(study, schools[schools["urn"].astype(str) == key].iloc[0])
    sites = study.tables.get("sites", pd.DataFrame(columns=["site", "name"]))
    if key in set(sites["site"].astype(str)):
        site = sites[sites["site"].astype(str) == key].iloc[0]
        head = {f"{site['name']} ({key})": [f"Candidate site for a {site['phase']} school."]}
        return head | _decision(study, key) | _money(study, key)
    of_school = schools.reindex(columns=["planning_area", "planning_area_secondary"])
    areas = sorted({area for area in of_school.to_numpy(dtype=object).ravel() if isinstance(area, str)})
    if key in areas:
        count = int(of_school.eq(key).any(axis=1).sum())
        return {f"Planning area {key}": [f"{counted(count, 'school')}."], **_area(study, key)}
    bids = study.tables.get("bids", pd.DataFrame(columns=["bid"]))
    if key in set(bids["bid"]):
        return bid_explanation(study, bids[bids["bid"] == key].iloc[0])
    known = [*schools["urn"].astype(str), *sites["site"].astype(str), *areas, *bids["bid"]]
    raise BadInput([Problem(str(study.folder), f"{key} is no school, site, planning area or bid.", _near(key, known))])


def _near(key: str, known: list[str]) -> str:
    near = nearest(key, known)
    return near if near.startswith("Did") else "Give a URN, or the code of a site, of a planning area or of a bid."


def _school(study: Study, school: pd.Series) -> Told:
    key = str(school["urn"])
    faith = "no religious character" if school["religious_character"] == "none" else school["religious_character"]
    estimated = " (estimated)" if bool(school.get("capacity_estimated", False)) else ""
    told: Told = {
        f"{school['name']} ({key})": [
            f"{school['type'] or school['phase']}, ages {school['low_age']} to {school['high_age']}, "
            f"{faith}, planning area {school['planning_area']}.",
            f"Capacity {school['capacity']}{estimated}, admission number {school['pan']}.",
        ]
    }
    folder = study.results / "balance"
    if folder.is_dir():
        told |= _forecast_roll(folder, int(school["urn"]))
    told |= _decision(study, key) | _money(study, key) | _cluster(study, int(school["urn"]))
    return told | _area(study, school["planning_area"])


def _money(study: Study, key: str) -> Told:
    folder = study.results / "finance"
    return money_told(folder, key, study.policy.number("falling_roll_share")) if folder.is_dir() else {}


def _forecast_roll(folder: Path, urn: int) -> Told:
    """Roll of a school by year, within its places and without regard to them; and its entrants beside preferences."""
    rolls = read_stage(folder, "roll_forecast")
    free = rolls[rolls["urn"] == urn].groupby("academic_year")["pupils"].sum()
    made = read_stage(folder, "school_forecast")
    kept = made[(made["urn"] == urn) & made["year_group"].isin(COMPULSORY)].groupby("academic_year")["pupils"].sum()
    told: Told = {}
    if len(free):
        told["Forecast roll R–Y11 if nothing changes"] = [
            f"{year}: {pupils:.0f}" + _within(kept.get(year, pupils), pupils) for year, pupils in free.items()
        ]
    if (folder / "entry_preferences.parquet").exists():
        asked = read_stage(folder, "entry_preferences")
        told["Entry against first preferences"] = [
            f"{row.academic_year} {row.year_group}: {row.pupils:.0f} pupils, {row.first_preferences:.0f} put it first"
            + (f", admission number {row.pan:.0f}" if pd.notna(row.pan) else "")
            for row in asked[asked["urn"] == urn].itertuples()
        ]
    return told


def _within(kept: float, free: float) -> str:
    """How many have room, where that is not everybody or pupils of full schools come too."""
    return f", {kept:.0f} within places" if abs(kept - free) >= 0.5 else ""


def _decision(study: Study, key: str) -> Told:
    folder = study.results / "estate"
    if not folder.is_dir():
        return {}
    decisions = read_stage(folder, "decisions")
    mine = decisions[decisions["facility"] == key]
    told: Told = {"Decision": ["Stays as it is in this plan."]}
    if len(mine):
        row = mine.sort_values("probability", ascending=False).iloc[0]
        others = [
            f"Or {other.action} from {other.academic_year} in {other.probability:.0%} of the futures."
            for other in mine.itertuples()
            if other.Index != row.name
        ]
        told["Decision"] = [
            f"{row['action']} from {row['academic_year']}: {row['reason']}.",
            *others,
            f"Places R–Y11 in the last plan year: {row['places_before']} → {row['places_after']}.",
            f"Own cost over today, discounted, whoever pays: {money(row['cost_gbp'])}.",
            *_paid(folder, key),
            f"Net of journeys and moves, all else as planned: {money(row['net_gbp'])}; "
            "with its neighbours planned anew the difference is smaller.",
            f"Proposed by: {row['proposer']}. Decided by: {row['decider']}.",
            *([] if row["own_power"] else [f"A request to: {row['asked_of']}."]),
            f"On the authority of: {row['authority']}. Challenge: {row['challenge']}.",
        ]
        told |= _calendar(folder, key, row)
    seconds = study.policy.number("explain_seconds")
    until = time.perf_counter() + seconds
    found = runner_up(folder, key, WHY_SHARE * seconds)
    told["Decision"] += why(folder, key, found, TODAY_SHARE * seconds)
    prices, factors = None if found is None else found.prices, study.tables.get("rural_factors")
    told |= closure_told(folder, key, CLOSED_SHARE * seconds, prices, study.policy, factors)
    if found is not None:
        proven = found.stands or stands_with_shared_heads(folder, key)
        told["What change of the forecast would flip it"] = forecast_flips(study, key, found, until, proven=proven)
    moved = read_stage(folder, "allocation")
    moved = moved[moved["moved"] & ((moved["today"] == key) | (moved["facility"] == key))]
    if len(moved):
        last = moved[moved["academic_year"] == moved["academic_year"].max()]
        going = last[last["today"] == key].groupby("facility")["pupils"].sum()
        coming = last[last["facility"] == key].groupby("today")["pupils"].sum()
        names = _names(study)
        told[f"Journeys in {last['academic_year'].iloc[0]}"] = [
            *(f"{pupils:.0f} pupils go to {names.get(to, to)}" for to, pupils in going.items() if pupils >= 0.5),
            *(f"{pupils:.0f} pupils come from {names.get(of, of)}" for of, pupils in coming.items() if pupils >= 0.5),
        ]
    return told


def _paid(folder: Path, key: str) -> list[str]:
    """Who pays for its capital, by year."""
    capital = read_stage(folder, "capital")
    mine = capital[capital["facility"] == key]
    paid = [
        f"{money(row.capital_gbp)} in {row.academic_year} by {payer(row.source, row.due_year, row.academic_year)}"
        for row in mine.itertuples()
    ]
    return [f"Capital at the study's price base: {'; '.join(paid)}."] if paid else []


def _calendar(folder: Path, key: str, decision: pd.Series) -> Told:
    """Steps of a decision with the latest day of each."""
    steps = read_stage(folder, "calendar")
    mine = steps[(steps["facility"] == key) & (steps["action"] == decision["action"])]
    mine = mine[mine["academic_year"] == decision["academic_year"]]
    lines = [f"By {day(row.begin_by)}: {row.step} ({row.basis})." for row in mine.itertuples()]
    return {f"Calendar, the latest days for {decision['academic_year']}": lines} if lines else {}


def _cluster(study: Study, urn: int) -> Told:
    from placeplan.clusters.words import school_lines

    lines = school_lines(study.results / "clusters", urn)
    return {"Cluster and trust": lines} if lines else {}


def _area(study: Study, area: str) -> Told:
    told: Told = {}
    folder = study.results / "balance"
    if folder.is_dir():
        balance = read_stage(folder, "balance")
        mine = balance[balance["planning_area"] == area]
        summed = mine.groupby(["phase", "academic_year"])[["pupils", "places", "need", "spare"]].sum()
        told[f"Need and spare in {area}, never netted off"] = [
            f"{phase} {year}: {row.pupils:.0f} pupils, {row.places:.0f} places, "
            f"need {row.need:.0f}, spare {row.spare:.0f}"
            for (phase, year), row in summed.iterrows()
        ]
        told |= _deficits(study, area)
        terms = read_stage(folder, "attendance")
        last = terms[(terms["planning_area"] == area) & (terms["academic_year"] == terms["academic_year"].max())]
        last = last[last["year_group"].isin(COMPULSORY)].groupby("term", sort=False)["pupils"].sum()
        told[f"From homes to rolls in {terms['academic_year'].max()}, R–Y11"] = [
            f"{term}: {pupils:+.0f}" for term, pupils in last.items() if abs(pupils) >= 0.5
        ]
    folder = study.results / "estate"
    if folder.is_dir():
        rows = read_stage(folder, "policy_rows")
        binding = rows[rows["binding"] & rows["row"].str.startswith(f"{area},")]
        if len(binding):
            told["Rules that bind"] = [
                f"{row.row}: at least {row.lower:.0f}, plan {row.value:.0f}" for row in binding.itertuples()
            ]
    return told


def _deficits(study: Study, area: str) -> Told:
    """Deficits of an area by phase, kind and year, where a draw in ten is short enough to count in some year."""
    least = study.policy.number("deficit_counts_from")
    table = with_a_case(read_stage(study.results / "balance", "deficits"), least)
    mine = table[table["planning_area"] == area]
    if mine.empty:
        return {}
    lines = [
        f"{row.phase}, {row.kind}, {row.academic_year}: {row.deficit_p50:.0f} places short ({row.deficit_p10:.0f} to "
        f"{row.deficit_p90:.0f}), probability of {least:g} or more {row.probability:.0%}"
        for row in mine.itertuples()
    ]
    lines += [
        f"{row.phase}, {row.kind}: first likely in {row.first_year}" for row in acted_on(mine).itertuples(index=False)
    ]
    return {f"The case for places in {area}, from draws of the forecast": lines}


def _names(study: Study) -> dict[str, str]:
    names = dict(zip(study.tables["schools"]["urn"].astype(str), study.tables["schools"]["name"], strict=True))
    if "sites" in study.tables:
        sites = study.tables["sites"]
        names |= dict(zip(sites["site"].astype(str), sites["name"], strict=True))
    return names
