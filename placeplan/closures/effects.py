"""What a closure comes to, a row a closing school: journeys, transport, who stays together, by whom it is felt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, start_year
from models.estate_build import year_weights
from placeplan.closures.money import above_seats, transport_by_year
from placeplan.closures.planned import LATER, NO_FAITH, ON_ROLL, Closures

MILES_M = {"2": 3219, "3": 4828}
ENTITLED = ["entitled_before", "entitled_after", "newly_entitled"]
COUNTS = ("fsm_pupils", "ehcp_pupils", "sen_support_pupils")
TOGETHER = ["facility", "year_group", "pupils", "receiving", "together_in_plan", "could_stay_together", "could_go_to"]
RECEIVING = ["facility", "receiving", "name", "religious_character", "pupils", "share", "same_religious_character"]
EFFECTS = [
    "facility",
    "name",
    "academic_year",
    "probability",
    "pupils_displaced",
    "later_entrants_per_year",
    "without_place",
    "moved_again",
    "homes_outside",
    "median_before_m",
    "worst_before_m",
    "median_after_m",
    "worst_after_m",
    "cross_2_miles",
    "cross_3_miles",
    *ENTITLED,
    "transport_first_year_gbp",
    "transport_last_year_gbp",
    "transport_discounted_gbp",
    "vehicles_not_counted_gbp",
    "together_in_plan",
    "could_stay_together",
    "religious_character",
    "same_religious_character",
    "fsm_pupils",
    "fsm_share",
    "receiving_fsm_share",
    "ehcp_pupils",
    "sen_support_pupils",
    "council_discounted_gbp",
]


def in_closing_year(found: Closures, table: pd.DataFrame) -> pd.DataFrame:
    """Pupils on roll in the first year in which their school is closed."""
    year = {found.estate.facilities[f].key: name for f, name in found.first_years.items()}
    return table[(table["cohort"] == ON_ROLL) & (table["academic_year"] == table["facility"].map(year))]


def together_table(found: Closures, table: pd.DataFrame) -> pd.DataFrame:
    """By closing school and year group: the share the plan sends to one school, and the share that could go to one.

    A school could take as many of a year group as live within reach of it and as it has places for beside its own.
    """
    going = in_closing_year(found, table)
    rows = []
    for f, year in found.first_years.items():
        key, t = found.estate.facilities[f].key, found.estate.years.index(year)
        mine = going[going["facility"] == key]
        for group, pupils in mine.groupby("year_group", sort=False):
            to = pupils.groupby("receiving")["pupils"].sum()
            room = within_reach(found, f, t, COMPULSORY.index(str(group)))
            total = float(to.sum())
            best = max(float(room.max(initial=0.0)), float(to.max()))
            could_go_to = found.every_key[room.argmax()] if room.max(initial=0.0) >= to.max() else to.idxmax()
            rows.append((key, group, total, to.idxmax(), to.max() / total, min(best / total, 1.0), could_go_to))
    return pd.DataFrame(rows, columns=TOGETHER)


def within_reach(found: Closures, f: int, t: int, group: int) -> np.ndarray:
    """(F,) pupils of a closing school's year group whom each other school could take, expected over the scenarios."""
    estate, problem = found.estate, found.estate.problem
    at_home = found.at_home
    arcs = np.flatnonzero((at_home[problem.arc_node] == f) & (problem.arc_facility != f))
    room = np.zeros(len(estate.facilities))
    for k, probability in enumerate(found.probability):
        closed = found.closes.since[min(k, len(found.closes.since) - 1), f] <= t
        of_node = estate.pupils[k, t, group, estate.moving]
        near = np.bincount(problem.arc_facility[arcs], of_node[problem.arc_node[arcs]], minlength=len(room))
        own = found.rolls[k, :, t, group] - found.moved.received[k, :, t, group]
        spare = np.maximum(found.places[k, :, t, group] - own, 0.0)
        room += probability * closed * np.minimum(near, spare)
    return room


def receiving_table(found: Closures, table: pd.DataFrame) -> pd.DataFrame:
    """Where pupils on roll go in the closing year: receiving school, its religious character, pupils, their share."""
    going = in_closing_year(found, table).groupby(["facility", "receiving"], as_index=False)["pupils"].sum()
    if going.empty:
        return pd.DataFrame(columns=RECEIVING)
    name = {facility.key: facility.name for facility in found.estate.facilities}
    character = found.schools["religious_character"].astype(str)
    faith_of = dict(zip(name, found.faith, strict=True))
    going = going.assign(
        name=going["receiving"].map(name),
        religious_character=going["receiving"].map(character).fillna(NO_FAITH),
        share=going["pupils"] / going.groupby("facility")["pupils"].transform("sum"),
        same_religious_character=going["receiving"].map(faith_of) == going["facility"].map(faith_of),
    )
    return going.sort_values(["facility", "pupils"], ascending=[True, False])[RECEIVING].reset_index(drop=True)


def effects_table(
    found: Closures,
    table: pd.DataFrame,
    routes: pd.DataFrame,
    together: pd.DataFrame,
    receiving: pd.DataFrame,
    pockets: pd.DataFrame,
) -> pd.DataFrame:
    """One row a closing school: see the column names; nan and None where the study does not say."""
    rows = []
    going = in_closing_year(found, table)
    for f, year in found.first_years.items():
        facility = found.estate.facilities[f]
        mine, all_years = going[going["facility"] == facility.key], table[table["facility"] == facility.key]
        money = pockets[pockets["facility"] == facility.key]
        driven = routes[routes["facility"] == facility.key]
        rows.append(
            {
                "facility": facility.key,
                "name": facility.name,
                "academic_year": year,
                "probability": float(found.shares(f)[0][-1]),
                "pupils_displaced": float(mine["pupils"].sum()),
                "later_entrants_per_year": _entrants(found, all_years, f),
                "without_place": _without(found, f, year),
                "moved_again": moved_again(all_years),
                **_distances(mine),
                **{name: float(mine[name].sum()) for name in ENTITLED},
                **_transport(found, driven, money, year),
                "vehicles_not_counted_gbp": _not_counted(found, all_years, driven, f),
                **_kept_together(together[together["facility"] == facility.key]),
                **_kinds(found, facility.key, receiving[receiving["facility"] == facility.key]),
                "council_discounted_gbp": float(money.loc[money["council"], "discounted_gbp"].sum()),
            }
        )
    return pd.DataFrame(rows, columns=EFFECTS)


def _not_counted(found: Closures, rows: pd.DataFrame, routes: pd.DataFrame, f: int) -> float:
    """What vehicles come to above the price of seats and what the plan counts for them, discounted."""
    estate, policy = found.estate, found.study.policy
    by_year = above_seats(rows, routes, estate, policy)[f]
    counted = estate.problem.stage_weight @ estate.vehicles_gbp[found.chosen[:, f]]
    return float(by_year @ year_weights(estate.years, policy)[1] - counted)


def _entrants(found: Closures, rows: pd.DataFrame, f: int) -> float:
    """Pupils a year who would have entered the closing school, on average over the years in which it is closed."""
    facility = found.estate.facilities[f]
    entering = rows[(rows["cohort"] == LATER) & (rows["year_group"] == facility.year_groups[0])]
    years = len(found.estate.years) - int(found.closes.since[:, f].min())
    return float(entering["pupils"].sum()) / years


def _without(found: Closures, f: int, year: str) -> float:
    """Pupils of the closing school without a place in the closing year, expected over the scenarios."""
    lost = found.moved.without_place[:, f, found.estate.years.index(year)].sum(axis=-1)
    return float(found.probability @ lost)


def moved_again(rows: pd.DataFrame) -> float:
    """Pupils on roll when their school closed who later change receiving school once more, summed over the years.

    `rows` are those of a closing school in the table displaced. A smaller cohort is no move.
    """
    mine = rows[rows["cohort"] == ON_ROLL]
    if mine.empty:
        return 0.0
    entered = mine["academic_year"].map(start_year) - mine["year_group"].map(COMPULSORY.index)
    counts = mine.assign(entered=entered).pivot_table(
        index=["demand_point", "entered", "receiving"], columns="academic_year", values="pupils", aggfunc="sum"
    )
    counts = counts.fillna(0.0)
    whole = counts.groupby(["demand_point", "entered"]).transform("sum")
    moved = 0.0
    for year, then in pairwise(counts.columns):
        ratio = np.divide(whole[then], whole[year], out=np.zeros(len(whole)), where=whole[year].to_numpy() > 0)
        moved += float(np.maximum(counts[year] * np.minimum(ratio, 1.0) - counts[then], 0.0).sum())
    return moved


def _distances(rows: pd.DataFrame) -> dict[str, float]:
    """Median and worst journey before and after, and how many come to lie beyond 2 and 3 miles; by known homes."""
    outside = float(rows.loc[rows["distance_before_m"].isna(), "pupils"].sum())
    known = rows[rows["distance_before_m"].notna() & rows["distance_after_m"].notna()]
    told = {"homes_outside": outside}
    for name in ("before", "after"):
        metres = known[f"distance_{name}_m"]
        told[f"median_{name}_m"] = weighted_median(metres.to_numpy(), known["pupils"].to_numpy())
        told[f"worst_{name}_m"] = float(metres.max()) if len(known) else np.nan
    for miles, limit in MILES_M.items():
        crossing = (known["distance_before_m"] <= limit) & (known["distance_after_m"] > limit)
        told[f"cross_{miles}_miles"] = float(known.loc[crossing, "pupils"].sum())
    return told


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value that half of the weight does not exceed; nan without any."""
    if not len(values):
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(reached, reached[-1] / 2 - 1e-9))])


def _transport(found: Closures, routes: pd.DataFrame, money: pd.DataFrame, year: str) -> dict[str, float]:
    by_year = transport_by_year(routes, found.estate.years)
    return {
        "transport_first_year_gbp": float(by_year[found.estate.years.index(year)]),
        "transport_last_year_gbp": float(by_year[-1]),
        "transport_discounted_gbp": float(money.loc[money["item"] == "transport", "discounted_gbp"].sum()),
    }


def _kept_together(rows: pd.DataFrame) -> dict[str, float]:
    """Share of the pupils who are, and who could be, with most of their year group at one school."""
    total = float(rows["pupils"].sum())
    return {
        name: float((rows["pupils"] * rows[name]).sum()) / total if total else float("nan")
        for name in ("together_in_plan", "could_stay_together")
    }


def _kinds(found: Closures, key: str, receiving: pd.DataFrame) -> dict[str, object]:
    """By faith, disadvantage and special educational needs, as far as the study says."""
    school, roll = found.schools.loc[key], found.base_roll
    share = found.schools["fsm_pupils"].astype(float) / roll.reindex(found.schools.index)
    at = receiving["receiving"].map(share)
    known = receiving[at.notna()]
    met = float((at[known.index] * known["pupils"]).sum() / known["pupils"].sum()) if len(known) else float("nan")
    same = receiving.loc[receiving["same_religious_character"].astype(bool), "share"].sum()
    return {
        "religious_character": str(school["religious_character"]),
        "same_religious_character": float(same),
        "fsm_share": float(share[key]),
        "receiving_fsm_share": met,
        **{name: float(school[name]) if pd.notna(school[name]) else float("nan") for name in COUNTS},
    }
