"""Checking the tables of closures again: against the allocation, the longest journey and the decisions' own cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import PRIMARY, start_year
from models.estate_build import year_weights
from models.options import CLOSE
from models.pockets import COUNCIL, FAMILIES, JOURNEYS, POCKETS, TRANSPORT
from placeplan.closures.money import transport_by_year
from placeplan.journeys import study_journeys
from placeplan.results import read_stage
from placeplan.study import Study

TOLERANCE_PUPILS = 0.5
TOLERANCE_GBP = 1.0  # of a sum, for each row that it is made of
CERTAIN = 1 - 1e-6


def wrong_closures(study: Study) -> list[str]:
    """What does not hold of the stored tables of closures, a sentence each."""
    folder = study.results / "estate"
    names = ("displaced", "closure_effects", "decisions", "allocation", "pockets", "transport")
    table = {name: read_stage(folder, name) for name in names}
    return [
        *_closing(table),
        *_allocated(table),
        *_into_closing(table),
        *_shares(table["displaced"]),
        *_within_limit(study, table["displaced"]),
        *_effects(table),
        *_money(study, table),
    ]


def _closing(table: dict[str, pd.DataFrame]) -> list[str]:
    """Every closure decided is in the effects."""
    decided = table["decisions"]
    missing = set(decided.loc[decided["action"] == CLOSE, "facility"]) - set(table["closure_effects"]["facility"])
    return [f"{key} closes and its effects are not told" for key in sorted(missing)]


def _allocated(table: dict[str, pd.DataFrame]) -> list[str]:
    """Displaced pupils by closing and receiving school and year are those whom the allocation moves.

    Where a school closes in some futures only, or has not closed yet and admits nobody, others of its pupils may move
    too: then they are no more than those.
    """
    effects = table["closure_effects"].set_index("facility")
    by = ["facility", "academic_year", "receiving"]
    told = table["displaced"].groupby(by)["pupils"].sum()
    moved = table["allocation"][table["allocation"]["moved"].astype(bool)].drop(columns="moved")
    moved = moved.rename(columns={"facility": "receiving", "today": "facility"})
    moved = moved[moved["facility"].isin(effects.index)]
    found = moved.groupby(by)["pupils"].sum()
    cells = told.index.union(found.index)
    closing = cells.get_level_values("facility")
    since = effects["academic_year"].astype(object).reindex(closing).fillna("").to_numpy()
    gap = told.reindex(cells, fill_value=0.0) - found.reindex(cells, fill_value=0.0)
    years = cells.get_level_values("academic_year").to_numpy(dtype=object)
    certain = np.array([effects["probability"].get(key, 1.0) > CERTAIN for key in closing], dtype=bool)
    certain &= np.array([year >= first for year, first in zip(years, since, strict=True)], dtype=bool)
    off = np.where(certain, gap.abs(), gap) > TOLERANCE_PUPILS
    return [
        f"{key} to {to} in {year}: {one:+,.1f} displaced pupils over the allocation"
        for (key, year, to), one in gap[off].items()
    ]


def _into_closing(table: dict[str, pd.DataFrame]) -> list[str]:
    """Nobody is sent to a school in the year before it is certain to close."""
    effects = table["closure_effects"]
    if effects.empty:
        return []
    since = effects.loc[effects["probability"] > CERTAIN].set_index("facility")["academic_year"].map(start_year)
    moved = table["allocation"][table["allocation"]["moved"].astype(bool)]
    year = moved["academic_year"].map(start_year)
    wrong = moved[year == moved["facility"].map(since) - 1].groupby("facility")["pupils"].sum()
    return [
        f"{key}: {pupils:,.1f} pupils of other schools are sent there in the year before it closes"
        for key, pupils in wrong.items()
        if pupils > TOLERANCE_PUPILS
    ]


def _shares(displaced: pd.DataFrame) -> list[str]:
    """Nobody is entitled twice, and who is newly entitled is entitled."""
    counts = displaced[["pupils", "entitled_before", "entitled_after", "newly_entitled"]].astype(float)
    bad = (counts < 0).any(axis=1) | (counts.iloc[:, 1:].gt(counts["pupils"] + 1e-6, axis=0)).any(axis=1)
    bad |= counts["newly_entitled"] > counts["entitled_after"] + 1e-6
    return [f"{row.facility} to {row.receiving}: more are entitled than go" for row in displaced[bad].itertuples()]


def _within_limit(study: Study, displaced: pd.DataFrame) -> list[str]:
    """No displaced pupil's drive is longer than policy allows, measured again from the demand points."""
    if displaced.empty:
        return []
    journeys = study_journeys(study)
    points = pd.Index(journeys.points["demand_point"]).get_indexer(displaced["demand_point"])
    ends = [*journeys.schools["urn"].astype(str), *journeys.sites.get("site", pd.Series(dtype=str)).astype(str)]
    to = pd.Index(ends).get_indexer(displaced["receiving"])
    unknown = displaced[(to < 0)]
    wrong = [f"{key} is no school or site" for key in sorted(set(unknown["receiving"]))]
    known = np.flatnonzero((points >= 0) & (to >= 0))
    primary = displaced["year_group"].isin(PRIMARY).to_numpy()[known]
    most = {phase: study.policy.number(f"journey_max_{phase}_min") for phase in ("primary", "secondary")}
    limit = np.where(primary, most["primary"], most["secondary"])
    minutes = journeys.minutes[points[known], to[known]]
    far = known[minutes > limit + 1e-6]
    return wrong + [
        f"{row.demand_point} to {row.receiving}: farther than the longest journey"
        for row in displaced.iloc[far].drop_duplicates(["demand_point", "receiving"]).itertuples()
    ]


def _effects(table: dict[str, pd.DataFrame]) -> list[str]:
    """Figures of a closing school are those of its displaced pupils in the closing year."""
    wrong = []
    for row in table["closure_effects"].to_dict("records"):
        mine = table["displaced"].query("facility == @row['facility'] and cohort == 'on roll'")
        mine = mine[mine["academic_year"] == row["academic_year"]]
        true = {"pupils_displaced": "pupils", "newly_entitled": "newly_entitled", "entitled_after": "entitled_after"}
        for name, column in true.items():
            if abs(float(mine[column].sum()) - row[name]) > 1e-6 * (1 + row[name]):
                wrong.append(f"{row['facility']}: {name} is {mine[column].sum():,.2f}, the table says {row[name]:,.2f}")
    return wrong


def _money(study: Study, table: dict[str, pd.DataFrame]) -> list[str]:
    """Pockets add up: to the decision's own cost, to the routes, to the journeys, and to what the council is told."""
    pockets, decided = table["pockets"], table["decisions"]
    wrong = [f"{name} is no pocket" for name in sorted(set(pockets["pocket"]) - set(POCKETS))]
    years = sorted({*table["allocation"]["academic_year"]}, key=start_year)
    weight = year_weights(years, study.policy)[1] if years else np.zeros(0)
    price = study.policy.number("journey_cost_gbp_per_km")
    for row in table["closure_effects"].to_dict("records"):
        key = row["facility"]
        mine = pockets[pockets["facility"] == key]
        decision = decided[decided["facility"] == key]
        moved = table["displaced"][table["displaced"]["facility"] == key]
        km = (moved["distance_after_m"] - moved["distance_before_m"]).astype(float).fillna(0.0) / 1000
        standing = moved["receiving"].isin(study.tables["schools"]["urn"].astype(str))
        km = km.where((km >= 0) | ~standing, km * study.policy.number("nearer_journey_share"))
        travelled = (moved["pupils"] * km * price).groupby(moved["academic_year"]).sum().reindex(years, fill_value=0.0)
        carried = transport_by_year(table["transport"][table["transport"]["facility"] == key], years)
        council = mine["pocket"].isin(COUNCIL)
        pairs = {
            "its own cost": (mine.loc[mine["in_own_cost"].astype(bool)], _expected(decision)),
            "transport": (mine[mine["item"] == TRANSPORT], float(carried @ weight)),
            "journeys": (
                mine[(mine["item"] == JOURNEYS) & (mine["pocket"] == FAMILIES)],
                float(travelled.to_numpy() @ weight),
            ),
            "the council's pockets": (mine[council], row["council_discounted_gbp"]),
        }
        for what, (rows, true) in pairs.items():
            said = float(rows["discounted_gbp"].sum())
            if not abs(said - true) <= TOLERANCE_GBP * (1 + len(rows)):
                wrong.append(f"{key}: {what} is £{true:,.0f}, its pockets hold £{said:,.0f}")
        if (mine["council"].astype(bool) != council).any():
            wrong.append(f"{key}: another's money is counted as the council's")
    return wrong


def _expected(decision: pd.DataFrame) -> float:
    return float((decision["cost_gbp"] * decision["probability"]).sum())
