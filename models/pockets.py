"""Whose money a closure is: what it costs or saves each pocket, item by item.

A plan weighs what a decision costs everybody. A council's budget is another matter: the lump sum of a closed school
stays in the schools block, which is ring-fenced, until the block is next reckoned by the national formula from the
schools there are, and then it is no longer paid; only what the council pays or receives itself is its saving. A
minus is a saving. Amounts are at the study's price base: once, a year in the last plan year, and discounted with the
years after the horizon as the plan counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.estate_build import year_weights
from models.powers import ACADEMY, MAINTAINED, holder

Array = NDArray[np.float64]
REVENUE, CAPITAL = COUNCIL = ("council revenue", "council capital")
SCHOOLS_BLOCK, TRUST, TRUSTEES, FAMILIES = "schools block", "trust", "diocese or trustees", "families"
POCKETS = (REVENUE, CAPITAL, SCHOOLS_BLOCK, TRUST, TRUSTEES, FAMILIES)

CLOSING, FIXED, PLACES = "closing cost", "fixed cost of the school", "places no longer held"
BUILDING = "building"
OWN_COST = (CLOSING, FIXED, PLACES, BUILDING)  # these are what the plan counts as the decision's own cost
LUMP, SPARSITY, NEIGHBOURS = "lump sum beyond the fixed cost", "sparsity of the school", "sparsity of its neighbours"
LEFT_IN_BLOCK = "set at the lump sum; in the schools block until the national formula is next reckoned"
BALANCE, CONTRACT, SITE = "balance of the school", "PFI or lease charges that go on", "site"
TRANSPORT, JOURNEYS = "transport", "journeys"


@dataclass(frozen=True, eq=False)
class Item:
    """One amount in one pocket; money by plan year, (T,). `known`: False where the study does not give the amount."""

    pocket: str
    item: str
    once_gbp: Array
    running_gbp: Array
    note: str = ""
    known: bool = True
    extra_gbp: float = 0.0  # discounted, beyond what the years told and the residual years make of the two


def amounts(item: Item, years: Sequence[str], policy: Policy) -> tuple[float, float, float]:
    """One-off, a year in the last plan year, and discounted: nan where the study does not give it."""
    if not item.known:
        return np.nan, np.nan, np.nan
    discount, weight = year_weights(years, policy)
    total = item.once_gbp @ discount + item.running_gbp @ weight + item.extra_gbp
    return float(item.once_gbp.sum()), float(item.running_gbp[-1]), float(total)


def charges(gbp_per_year: float, closed: Array, until: float, first_year: int, policy: Policy) -> tuple[Array, float]:
    """Charges of a contract that go on after closing: (T,) a plan year, and what lies beyond the horizon, discounted.

    `closed` (T,) is the share of futures in which the school is closed; `until` the contract's end in academic years,
    counted as calendar years from 1 September (2031.5 is the end of February 2032); the plan's first year starts in
    `first_year`. Of the years beyond the horizon only those before the end count, and of `Item.running_gbp`, which
    would go on, nothing: the second figure takes back what weighing the last year for good would add.
    """
    at = first_year + np.arange(len(closed))
    running = gbp_per_year * closed * np.clip(until - at, 0.0, 1.0)
    rate = policy.number("discount_rate")
    ahead = np.arange(1, policy.integer("residual_years") + 1)
    last = (1 + rate) ** -float(len(closed))
    beyond = gbp_per_year * closed[-1] * np.clip(until - at[-1] - ahead, 0.0, 1.0)
    return running, float(last * ((beyond - running[-1]) @ (1 + rate) ** -ahead.astype(float)))


def own_cost_items(school_type: str | None, money: Mapping[str, Array]) -> list[Item]:
    """Items of the decision's own cost: `money` has one_off, fixed, places and capital, each (T,) GBP.

    An academy's closing cost is its trust's; what a school's building and fixed posts cost was paid from its budget,
    which comes from the schools block.
    """
    trust = holder(school_type) == ACADEMY
    nothing = np.zeros_like(money["one_off"])
    items = [
        Item(TRUST if trust else REVENUE, CLOSING, money["one_off"], nothing, "redundancy, transfer, making safe"),
        Item(
            SCHOOLS_BLOCK,
            FIXED,
            nothing,
            money["fixed"],
            LEFT_IN_BLOCK,
        ),
        Item(SCHOOLS_BLOCK, PLACES, nothing, money["places"], "premises, paid from the school's budget"),
    ]
    if money["capital"].any():
        items.append(Item(TRUST if trust else CAPITAL, BUILDING, money["capital"], nothing, ""))
    return items


def balance_item(school_type: str | None, reserves_gbp: float, closes: Array) -> Item:
    """What the school has saved or owes, at closing; `closes` (T,) is the probability of closing in the year.

    The balance of a maintained school reverts to the authority, a deficit as a cost; that of an academy is its trust's.
    """
    trust = holder(school_type) == ACADEMY
    known = bool(np.isfinite(reserves_gbp))
    once = -np.nan_to_num(reserves_gbp) * closes
    said = "a deficit falls to" if known and reserves_gbp < 0 else "reverts to"
    note = f"{said} {'its trust' if trust else 'the authority'}" if known else "reserves_gbp of the school is not given"
    return Item(TRUST if trust else REVENUE, BALANCE, once, np.zeros_like(closes), note, known)


def site_item(school_type: str | None, owner: str, value_gbp: float, council: str, closes: Array) -> Item:
    """What the site would fetch, and whose it is; `owner` as the study gives it, "" where it does not.

    Where it does not, a community school's site is taken as the council's, one of a voluntary or foundation school as
    its trustees', and an academy's as leased from the council.
    """
    own = is_council(owner, council) if owner else _usually_council(school_type)
    academy = owner and "trust" in owner.lower() and holder(school_type) == ACADEMY
    pocket = CAPITAL if own else TRUST if academy else TRUSTEES
    known = bool(np.isfinite(value_gbp))
    said = [f"owner: {owner}" if owner else "owner not given, taken from the type of school"]
    said += [] if own else ["its consent is needed"]
    said += ["disposal of school land needs the Secretary of State's consent"]
    said += [] if known else ["site_value_gbp is not given"]
    return Item(pocket, SITE, -np.nan_to_num(value_gbp) * closes, np.zeros_like(closes), "; ".join(said), known)


def is_council(owner: str, council: str) -> bool:
    """Whether the owner of a site is the council, by its name or by the words for one."""
    words = owner.lower()
    return words == council.lower() or any(word in words for word in ("council", "local authority"))


def _usually_council(school_type: str | None) -> bool:
    return holder(school_type) in (MAINTAINED, ACADEMY) and "voluntary" not in (school_type or "").lower()
