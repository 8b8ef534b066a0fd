"""What a plan's closures cost or save each pocket; the council's own first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PRIMARY, start_year
from models.closing import NEVER
from models.estate_build import Estate, counted_m
from models.pockets import (
    CONTRACT,
    COUNCIL,
    FAMILIES,
    JOURNEYS,
    LUMP,
    NEIGHBOURS,
    OWN_COST,
    POCKETS,
    REVENUE,
    SCHOOLS_BLOCK,
    SPARSITY,
    TRANSPORT,
    Item,
    amounts,
    balance_item,
    charges,
    own_cost_items,
    site_item,
)
from models.sparsity import KINDS, sparsity_weight
from placeplan.closures.planned import AFTER, Closures
from placeplan.estate.upstream import Upstream
from placeplan.journeys import study_journeys
from placeplan.study_finances import Finances, study_finances, within_places
from placeplan.words import day

POCKET_COLUMNS = [
    "facility",
    "pocket",
    "item",
    "one_off_gbp",
    "per_year_gbp",
    "discounted_gbp",
    "council",
    "in_own_cost",
    "note",
]
WORTH_SAYING_GBP = 0.5
FROM_SEPTEMBER = 9  # month in which an academic year starts


def pocket_table(found: Closures, upstream: Upstream, table: pd.DataFrame, routes: pd.DataFrame) -> pd.DataFrame:
    """One row a closing school, pocket and item; money to be expected over the scenarios.

    `table` and `routes` are the tables displaced and transport. `council` marks its own pockets, `in_own_cost`
    what the decision's own cost is made of. What the study does not give is nan, with a note that says so.
    """
    if not len(found.closes.facilities):
        return pd.DataFrame(columns=POCKET_COLUMNS)
    study, estate = found.study, found.estate
    finances = study_finances(
        study, study_journeys(study), within_places(upstream.roll_forecast, upstream.school_forecast)
    )
    rows = []
    for f in found.first_years:
        key = estate.facilities[f].key
        items = [
            *_own_cost(found, f),
            *_of_the_school(found, f),
            *_schools_block(found, finances, f),
            _carried(routes[routes["facility"] == key], estate),
            _travelled(table[table["facility"] == key], estate, study.policy),
        ]
        rows += [_row(key, item, estate, study.policy) for item in items]
    money = pd.DataFrame(rows, columns=POCKET_COLUMNS)
    order = money["pocket"].map({pocket: at for at, pocket in enumerate(POCKETS)})
    return (
        money.assign(order=order)
        .sort_values(["facility", "order"], kind="stable")[POCKET_COLUMNS]
        .reset_index(drop=True)
    )


def _row(key: str, item: Item, estate: Estate, policy: Policy) -> tuple[object, ...]:
    money = amounts(item, estate.years, policy)
    return (key, item.pocket, item.item, *money, item.pocket in COUNCIL, item.item in OWN_COST, item.note)


def _own_cost(found: Closures, f: int) -> list[Item]:
    """The decision's own cost in parts: what the options of the closing school cost, expected over the scenarios."""
    estate, policy = found.estate, found.study.policy
    weight = estate.problem.stage_weight if len(found.chosen) > 1 else np.ones(1)
    taken = [estate.options[o] for o in found.chosen[:, f]]
    today = estate.facilities[f].places
    running = weight @ np.array([option.running_gbp for option in taken])
    places = weight @ np.array([(option.admits - today).sum(axis=1) for option in taken]) * policy.number("place_gbp")
    money = {
        "one_off": weight @ np.array([option.one_off_gbp for option in taken]),
        "capital": weight @ np.array([option.capital_gbp for option in taken]),
        "places": places,
        "fixed": running - places,
    }
    return own_cost_items(_text(found.school(f)["type"]), money)


def _of_the_school(found: Closures, f: int) -> list[Item]:
    """Balance, contract and site, as the study gives them."""
    school, study = found.school(f), found.study
    closed, now = found.shares(f)
    kind, council = _text(school["type"]), study.settings.authority or ""
    items = [
        balance_item(kind, float(school["reserves_gbp"]), now),
        site_item(kind, _text(school["site_owner"]), float(school["site_value_gbp"]), council, now),
    ]
    until = school["pfi_until"]
    if pd.isna(until):
        return items
    given = bool(pd.notna(school["pfi_gbp_per_year"]))
    gbp = float(school["pfi_gbp_per_year"]) if given else 0.0
    first = start_year(found.estate.years[0])
    running, beyond = charges(gbp, closed, ends_at(until), first, study.policy)
    note = f"until {day(f'{until:%Y-%m-%d}')}" + ("" if given else "; pfi_gbp_per_year is not given")
    return [*items, Item(REVENUE, CONTRACT, np.zeros_like(running), running, note, given, beyond)]


def ends_at(last: pd.Timestamp) -> float:
    """A day in academic years: 2031.0 is 1 September 2031, the end of August 2032 almost 2032."""
    start = last.year - (last.month < FROM_SEPTEMBER)
    first = pd.Timestamp(year=start, month=FROM_SEPTEMBER, day=1)
    length = (pd.Timestamp(year=start + 1, month=FROM_SEPTEMBER, day=1) - first).days
    return float(start + ((last - first).days + 1) / length)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# -- the schools block ---------------------------------------------------------------------------------------------


def _schools_block(found: Closures, finances: Finances, f: int) -> list[Item]:
    """Lump sum beyond what the plan counts as fixed cost, and sparsity of the school and of its neighbours."""
    policy, closed = found.study.policy, found.shares(f)[0]
    starts = np.array([start_year(year) for year in found.estate.years])
    lump = policy.number("area_cost_factor") * finances.values.at("lump_sum_gbp", starts)
    own, others = sparsity_changes(found, finances, f)
    said = (
        (LUMP, -(lump - policy.number("school_fixed_cost_gbp")) * closed, "no longer paid to the school"),
        (SPARSITY, own, "no longer paid to the school"),
        (NEIGHBOURS, others, "farther from a second school, larger by those who come; all else as planned"),
    )
    return [
        Item(SCHOOLS_BLOCK, name, np.zeros_like(change), change, note)
        for name, change, note in said
        if np.abs(change).max(initial=0.0) > WORTH_SAYING_GBP
    ]


def sparsity_changes(found: Closures, finances: Finances, f: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) and (T,): change of sparsity of a closing school and of all others, against the plan with it open.

    Each year on its own roll; sites that open are not seen.
    """
    estate, policy = found.estate, found.study.policy
    schools, values = finances.schools, finances.values
    n, starts = len(schools.key), np.array([start_year(year) for year in estate.years])
    primary = (schools.kind == KINDS.index("primary"))[:, None]
    most = np.where(primary, values.at("sparsity_primary_gbp", starts), values.at("sparsity_other_gbp", starts))
    most = policy.number("area_cost_factor") * most
    sent = _received_from(found, f)
    change = np.zeros((n, len(starts)))
    for k, weight in enumerate(found.probability):
        since = found.closes.since[min(k, len(found.closes.since) - 1), :n]
        if since[f] == NEVER:
            continue
        pupils = found.rolls[k, :n].sum(axis=-1)
        kept = pupils - sent[k, :n]
        kept[f] = estate.facilities[f].pupils.sum(axis=1)
        standing = since[:, None] > np.arange(len(starts))
        with_it = standing.copy()
        with_it[f] = True
        change += weight * (
            _paid(finances, standing, pupils, most, policy) - _paid(finances, with_it, kept, most, policy)
        )
    own = change[f].copy()
    change[f] = 0.0
    return own, change.sum(axis=0)


def _paid(finances: Finances, is_open: np.ndarray, pupils: np.ndarray, most: np.ndarray, policy: Policy) -> np.ndarray:
    """(F, T) sparsity with those schools open (F, T) and those rolls (F, T)."""
    patterns, of_year = np.unique(is_open, axis=1, return_inverse=True)
    by_pattern = np.stack([finances.neighbours.second_nearest_m(patterns[:, p]) for p in range(patterns.shape[1])], 1)
    distance = by_pattern[:, np.ravel(of_year)]
    size = np.where(is_open, pupils, 0.0) / np.maximum(finances.schools.year_groups, 1)[:, None]
    paid: np.ndarray = most * sparsity_weight(distance, size, finances.schools.kind, policy) * is_open
    return paid


def _received_from(found: Closures, f: int) -> np.ndarray:
    """(K, F, T) pupils who come to each school from one closing school."""
    estate, moved = found.estate, found.moved
    problem = estate.problem
    mine = found.at_home[problem.arc_node[moved.arc]] == f
    received = np.zeros((len(estate.pupils), len(estate.facilities), len(estate.years)))
    where = (moved.scenario[mine], problem.arc_facility[moved.arc[mine]], moved.year[mine])
    np.add.at(received, where, moved.pupils[mine])
    return received


# -- journeys ------------------------------------------------------------------------------------------------------


def transport_by_year(routes: pd.DataFrame, years: Sequence[str]) -> np.ndarray:
    """(T,) what the routes of a closing school cost a year over those to it as it is."""
    signed = routes["gbp_per_year"].astype(float) * np.where(routes["when"] == AFTER, 1.0, -1.0)
    by_year = signed.groupby(routes["academic_year"]).sum().reindex(list(years), fill_value=0.0)
    return np.asarray(by_year, dtype=float)


def _carried(routes: pd.DataFrame, estate: Estate) -> Item:
    """Transport of those entitled after, less that of those entitled before."""
    by_year = transport_by_year(routes, estate.years)
    note = "whole vehicles by route, less those to the school as it is"
    return Item(REVENUE, TRANSPORT, np.zeros_like(by_year), by_year, note)


def _travelled(table: pd.DataFrame, estate: Estate, policy: Policy) -> Item:
    """Longer journeys at the plan's price of a kilometre; no budget's money."""
    sites = {facility.key for facility in estate.facilities if facility.site}
    before, after = (table[f"distance_{when}_m"].to_numpy(dtype=float) for when in ("before", "after"))
    metres = np.nan_to_num(counted_m(after, before, table["receiving"].isin(sites).to_numpy(), policy) - before)
    gbp = table["pupils"].astype(float) * metres / 1000 * policy.number("journey_cost_gbp_per_km")
    by_year = np.asarray(
        gbp.groupby(table["academic_year"]).sum().reindex(list(estate.years), fill_value=0.0), dtype=float
    )
    note = (
        "time and fares, as the plan prices them, also where transport is free; of a shorter way to a school that "
        f"stands {policy.number('nearer_journey_share'):.0%} counts"
    )
    return Item(FAMILIES, JOURNEYS, np.zeros_like(by_year), by_year, note)


def above_seats(table: pd.DataFrame, routes: pd.DataFrame, estate: Estate, policy: Policy) -> np.ndarray:
    """(F, T) GBP a year that routes cost above the plan's price of a seat, of the tables displaced and transport."""
    signed = routes["gbp_per_year"].astype(float) * np.where(routes["when"] == AFTER, 1.0, -1.0)
    limit = np.where(
        table["year_group"].isin(PRIMARY),
        policy.number("walking_limit_under_8_m"),
        policy.number("walking_limit_8_up_m"),
    )
    far = table["distance_after_m"].astype(float) > limit
    seats = table["pupils"] * far * policy.number("transport_gbp")
    key = pd.Index([facility.key for facility in estate.facilities])
    total = np.zeros((len(key), len(estate.years)))
    for rows, gbp in ((routes, signed), (table, -seats)):
        at = key.get_indexer(rows["facility"]), pd.Index(estate.years).get_indexer(rows["academic_year"])
        np.add.at(total, at, gbp.to_numpy(dtype=float))
    return total
