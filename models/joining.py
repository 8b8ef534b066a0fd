"""In which year each cluster or school joins its trust.

Of all orders that policy lets there be, and of years of waiting between them, that is taken which needs the smallest
start-up grant for the trust to be viable, its reserves lasting in nine futures of ten; of those that need none the one
that is complete soonest, with the fewest years of waiting, and whatever is to be looked into late. Policy lets a trust
grow by so many schools a year (what is more than that by itself comes alone in a year of its own), asks for years of
consolidation once it has doubled, and begins a new trust with its hub.

What a joiner does to the reserves depends on its own year alone, so orders are sums of paths worked out once. Where
there are few orders all are gone through; else the best is looked for from the soonest ones on, by moving one joiner,
changing two for each other or pausing for a year, as long as that helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.trust_finance import LOW

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
ASSIGNED = 100_000  # ways to give each joiner a year, up to which all are gone through
ADMITTED = 4_000  # of which so many keep the limits
CHUNK = 500  # orders whose futures are held at a time


@dataclass(frozen=True, eq=False)
class Coming:
    """What J joiners bring to a trust in T years drawn and N futures, GBP.

    `adds` (J, T, N) to the running balance of a year; `brings` (J, T, N) reserves, where they join in that year;
    `once` (J,) cost of joining; `stands` (T, N) running balance of the schools there already, `saved` (N,) what those
    have saved; `fixed` the fixed cost of the centre a year, paid as soon as a school is there. `schools` and `flagged`
    (J,); `hub` is the joiner that a new trust begins with, None where it stands with `at_home` schools.
    """

    adds: Array
    brings: Array
    once: Array
    stands: Array
    saved: Array
    fixed: float
    schools: Index
    flagged: Flags
    hub: int | None
    at_home: int


@dataclass(frozen=True, eq=False)
class Order:
    """The year, from 0, in which each joiner joins (J,), and the years told.

    `grant_gbp` is the smallest start-up grant with which the trust is viable in this order, `at_once_gbp` that without
    a year of delay; `delay_years` how much later than it could be the trust is complete. `exact`: no order needs less.
    """

    joins: Index
    n_years: int
    grant_gbp: float
    at_once_gbp: float
    delay_years: int
    exact: bool


def best_order(coming: Coming, policy: Policy) -> Order:
    """The best order of joining that is found, the best there is where it is exact."""
    n_years, n = coming.adds.shape[1], len(coming.schools)
    first = policy.integer("trust_first_joining_years") - 1
    if n == 0:
        needed = _needs(coming, np.zeros((1, 0), dtype=np.int64), first, first, n_years)[0]
        return Order(np.zeros(0, dtype=np.int64), n_years, needed, needed, 0, True)
    starts = np.array([soonest(coming, order, policy) for order in _orders(coming)], dtype=np.int64)
    soon = int(starts.max(axis=1).min())
    latest = soon + policy.integer("trust_waiting_years")
    n_years = max(n_years, latest + 1)
    slots = latest - first + 1
    orders = None
    if slots**n <= ASSIGNED:
        every = np.stack(np.unravel_index(np.arange(slots**n), (slots,) * n), axis=1).astype(np.int64) + first
        admitted = every[allowed(every, coming, policy)]
        orders = admitted if len(admitted) <= ADMITTED else None
    if orders is not None:
        at_once, best, needed = _of_all(coming, orders, first, latest, n_years)
    else:
        at_once, best, needed = _by_exchange(coming, starts, soon, first, latest, n_years, policy)
    soon = int(orders.max(axis=1).min()) if orders is not None else soon
    return Order(best, n_years, needed, at_once, int(best.max()) - soon, orders is not None)


def soonest(coming: Coming, order: Sequence[int], policy: Policy) -> list[int]:
    """The year, from 0, of each joiner where they come one after the other as soon as they may."""
    cap, pause = policy.integer("trust_growth_schools"), policy.integer("trust_consolidation_years")
    year = policy.integer("trust_first_joining_years") - 1
    found = [0] * len(order)
    size, room = coming.at_home, cap
    began = size
    for j in order:
        schools = int(coming.schools[j])
        fits = schools <= room or room == cap  # a joiner above the cap comes alone in a year of its own
        if not fits:
            doubled = began > 0 and size >= 2 * began
            year += 1 + (pause if doubled else 0)
            room, began = cap, size if doubled else began
        found[j] = year
        size += schools
        room = max(room - schools, 0)
        if j == coming.hub:
            began = size
    return found


def allowed(orders: Index, coming: Coming, policy: Policy) -> Flags:
    """(S,) whether orders (S, J) of years keep the growth cap, the years of consolidation and the hub first."""
    cap, pause = policy.integer("trust_growth_schools"), policy.integer("trust_consolidation_years")
    good = np.ones(len(orders), dtype=bool)
    began = np.full(len(orders), coming.at_home)
    if coming.hub is not None:
        good &= orders[:, coming.hub] == orders.min(axis=1)
        began = began + int(coming.schools[coming.hub])
    size, before = np.full(len(orders), coming.at_home), np.full(len(orders), -1)
    for year in range(int(orders.min(initial=0)), int(orders.max(initial=0)) + 1):
        here = orders == year
        grows, count = here @ coming.schools, here.sum(axis=1)
        good &= (grows <= cap) | (count == 1)
        doubled = (before >= 0) & (began > 0) & (size >= 2 * began) & (count > 0)
        good &= ~doubled | (year > before + pause)
        began = np.where(doubled, size, began)
        size, before = size + grows, np.where(count > 0, year, before)
    return good


def _orders(coming: Coming) -> list[list[int]]:
    """The better balance first with whatever is flagged last; and whoever has most to bring in its first year first."""
    balance = coming.adds.mean(axis=(1, 2))
    brings = (coming.adds + coming.brings).mean(axis=(1, 2)) - coming.once
    every = range(len(coming.schools))
    return [
        sorted(every, key=lambda j: (j != coming.hub, bool(coming.flagged[j]), -float(balance[j]))),
        sorted(every, key=lambda j: (j != coming.hub, -float(brings[j]))),
    ]


def _needs(coming: Coming, orders: Index, first: int, latest: int, n_years: int) -> Array:
    """(S,) the smallest start-up grant of each order (S, J)."""
    drawn = coming.stands.shape[0]
    at = np.minimum(np.arange(n_years), drawn - 1)
    stands = coming.saved + np.cumsum(coming.stands[at] - coming.fixed * (coming.at_home > 0), axis=0)
    slots = np.arange(first, latest + 1)
    there = (np.arange(n_years)[None, :] >= slots[:, None])[None, :, :, None]  # (1, slots, n_years, 1)
    paths = np.cumsum(np.where(there, coming.adds[:, None, at], 0.0), axis=2)
    come = coming.brings[:, np.minimum(slots, drawn - 1)] - coming.once[:, None, None]
    paths = paths + np.where(there, come[:, :, None, :], 0.0)
    begins = coming.fixed * (coming.at_home == 0)
    found = np.empty(len(orders))
    for start in range(0, len(orders), CHUNK):
        some = orders[start : start + CHUNK] - first
        reserves = np.repeat(stands[None], len(some), axis=0)
        for j in range(some.shape[1]):
            reserves += paths[j, some[:, j]]
        if begins and some.shape[1]:
            years = np.arange(n_years)[None, :] - (some.min(axis=1)[:, None] + first) + 1
            reserves -= (begins * np.maximum(years, 0))[:, :, None]
        low = np.percentile(reserves, LOW, axis=2)
        found[start : start + CHUNK] = np.maximum(-low.min(axis=1), 0.0)
    return found


def _later(coming: Coming, orders: Index) -> tuple[Index, Index, Index]:
    """Of orders (S, J) the year in which all are there, school-years of waiting, and how early flagged ones come."""
    early = -(orders * coming.flagged).sum(axis=1)
    return orders.max(axis=1), orders @ coming.schools, early


def _of_all(coming: Coming, orders: Index, first: int, latest: int, n_years: int) -> tuple[float, Index, float]:
    """The grant at once, the best order and its grant, of all orders, soonest first."""
    last, waits, early = _later(coming, orders)
    by = np.lexsort((early, waits, last))
    orders, last = orders[by], last[by]
    soon = int((last == last[0]).sum())
    needed = _needs(coming, orders[:soon], first, latest, n_years)
    at_once = float(needed.min())
    if at_once > 0:
        needed = np.concatenate([needed, np.full(len(orders) - soon, np.inf)])
        for start in range(soon, len(orders), CHUNK):
            some = slice(start, start + CHUNK)
            needed[some] = _needs(coming, orders[some], first, latest, n_years)
            if (needed[some] == 0).any():
                break
    best = int(needed.round().argmin())  # the first of those that need as little, so the soonest
    return at_once, orders[best], float(needed[best])


def _by_exchange(
    coming: Coming, starts: Index, soon: int, first: int, latest: int, n_years: int, policy: Policy
) -> tuple[float, Index, float]:
    """The grant at once, the best order found and its grant, by moving one or changing two as long as it helps."""

    def key(order: Index, needed: float) -> tuple[float, ...]:
        return (round(needed), *(float(part[0]) for part in _later(coming, order[None])))

    def better(order: Index, until: int) -> tuple[Index, float]:
        needed, wide = float(_needs(coming, order[None], first, latest, n_years)[0]), False
        while True:
            others = _neighbours(order, first, until, wide)
            others = others[allowed(others, coming, policy)]
            needs = _needs(coming, others, first, latest, n_years)
            found = [key(one, float(need)) for one, need in zip(others, needs, strict=True)]
            at = min(range(len(found)), key=found.__getitem__, default=-1)
            if at >= 0 and found[at] < key(order, needed):
                order, needed, wide = others[at], float(needs[at]), False
            elif wide or needed == 0:
                return order, needed
            else:
                wide = True

    ending = [better(order, soon) for order in starts if order.max() <= soon]
    at_once = min(needed for _, needed in ending)
    if at_once > 0:
        begin = [*(order for order, _ in ending), *(order for order in starts if order.max() <= latest)]
        ending += [better(order, latest) for order in begin]
    best, needed = min(ending, key=lambda found: key(*found))
    return at_once, best, needed


def _neighbours(order: Index, first: int, until: int, wide: bool) -> Index:
    """Orders that differ in the year of one joiner, in those of two that change for each other, or by a year's pause.

    `wide`: that and a change of two at once.
    """
    swapped = [order]
    for i, j in combinations(range(len(order)), 2):
        other = order.copy()
        other[[i, j]] = order[[j, i]]
        swapped.append(other)
    found = list(swapped)
    for other in swapped if wide else [order]:
        for year in range(first, until + 1):
            found += [np.where(other >= year, other + by, other) for by in (-1, 1)]
            found += [np.where(np.arange(len(order)) == j, year, other) for j in range(len(order))]
    made: Index = np.unique(np.array(found, dtype=np.int64), axis=0)
    kept: Flags = ((made >= first) & (made <= until)).all(axis=1) & (made != order).any(axis=1)
    return made[kept]
