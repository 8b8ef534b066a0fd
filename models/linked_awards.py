"""Competitions that published rules link, as an award problem: from the tables of a study to `models.awards`.

A lot is a competition, an offer a bid alone or a package. An offer is in the problem where every bid of it passes in
its own competition: not excluded, due diligence not failed, no threshold missed, the pass mark reached. Points are the
totals of the competitions, of 100 a lot, or those agreed for a package; cost is the capital asked for. With a published
`price_weight` each lot has price points too: 100 × lowest capital asked for the lot ÷ capital asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from geodata.competitions import CAPITAL, SCHOOLS, bid_places, same_name
from geodata.policy import Policy
from models.award_rules import AwardRule, award_rules
from models.awards import AwardProblem, BoolArray
from models.estate import FloatArray
from models.linked_rules import MUST, Parts, RuleKey, envelopes, limits_of, most_schools, rule_rows
from models.tenders import INCOMPLETE, Contest, Ranking

Judged = Mapping[str, tuple[Contest, Ranking]]
COLUMNS = ("competition", "bid", "proposer", "points", "capital_gbp", "opens", "places", "religious_character")


@dataclass(frozen=True)
class Offer:
    """A bid alone, or a package of several: `code` is the bid's or the package's."""

    code: str
    bids: tuple[str, ...]
    proposer: str

    @property
    def package(self) -> str:
        """Code of the package; "" of a bid alone."""
        return self.code if self.bids != (self.code,) else ""


@dataclass(frozen=True, eq=False)
class LinkedAward:
    """One set of linked competitions: L lots, B offers.

    Attributes
    ----------
    lots, names : (L,) codes and names of the competitions.
    waits : why no set can be determined yet, a sentence each; problem is None then, and only then.
    bid, points, capital_gbp : (B, L) of each offer in each lot: its bid ("" where none), points that rank, GBP.
    keys : the published rule behind each rule of the problem, by its kind and index.

    """

    linked_award: str
    name: str
    lots: tuple[str, ...]
    names: tuple[str, ...]
    waits: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    bid: np.ndarray[Any, Any] = field(default_factory=lambda: np.empty((0, 0), dtype=object))
    points: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    capital_gbp: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    problem: AwardProblem | None = None
    keys: Mapping[tuple[str, tuple[int, ...]], RuleKey] = field(default_factory=dict)

    def key(self, rule: AwardRule) -> RuleKey:
        """The published rule behind a rule of the problem."""
        return self.keys[rule.kind, rule.index]


def linked_awards(tables: Mapping[str, pd.DataFrame], judged: Judged, policy: Policy) -> list[LinkedAward]:
    """Every set of linked competitions, in the order of the table; `judged` holds competitions that could be ranked."""
    if "linked_awards" not in tables:
        return []
    competitions = tables["competitions"]
    found = []
    for row in tables["linked_awards"].itertuples():
        own = competitions[competitions["linked_award"] == row.linked_award]
        waits = tuple(line for lot in own["competition"] for line in _waits(lot, judged))
        if waits:
            lots, names = tuple(own["competition"]), tuple(own["name"])
            found.append(LinkedAward(row.linked_award, row.name, lots, names, waits))
        else:
            entering = _entering(tables, [judged[lot] for lot in own["competition"]], policy)
            found.append(_award(tables, row, own, entering))
    return found


def _waits(lot: str, judged: Judged) -> list[str]:
    if lot not in judged:
        return [f"{lot} has no bids or no criteria yet."]
    return [f"Moderation of {lot} is not finished."] if judged[lot][1].outcome == INCOMPLETE else []


def _entering(
    tables: Mapping[str, pd.DataFrame], judged: Sequence[tuple[Contest, Ranking]], policy: Policy
) -> pd.DataFrame:
    """One row an offer and bid of it: the columns above and the offer; bids alone first, then packages."""
    passing = {
        bid: total
        for contest, ranking in judged
        for bid, total, passed in zip(contest.bids, ranking.total, ranking.passed, strict=True)
        if passed
    }
    alone = tables["bids"][tables["bids"]["bid"].isin(passing)]
    places = alone["bid"].map(bid_places(tables, policy.number("form_of_entry")))
    alone = alone.assign(points=alone["bid"].map(passing), places=places, offer=alone["bid"])[[*COLUMNS, "offer"]]
    if "package_bids" not in tables:
        return alone.reset_index(drop=True)
    given = tables["package_bids"]
    stands = given["bid"].isin(passing).groupby(given["package"]).transform("all").astype(bool)
    packed = given[stands].merge(alone.drop(columns="offer"), on="bid", suffixes=("_given", ""))
    for name in ("points", "capital_gbp"):
        packed[name] = packed[f"{name}_given"].fillna(packed[name])
    packed = packed.rename(columns={"package": "offer"})[[*COLUMNS, "offer"]]
    return pd.concat([part for part in (alone, packed) if len(part)] or [alone], ignore_index=True)


def _award(
    tables: Mapping[str, pd.DataFrame], row: Any, competitions: pd.DataFrame, table: pd.DataFrame
) -> LinkedAward:
    """The problem of one set: `row` of linked_awards, its competitions and the offers that enter."""
    lots = tuple(competitions["competition"])
    own = table.groupby("offer", sort=False)
    offers = tuple(Offer(str(code), tuple(rows["bid"]), rows["proposer"].iloc[0]) for code, rows in own)
    parts = _parts(table, own.ngroup().to_numpy(dtype=np.int64), offers, tables["bids"], lots)
    lot = table["competition"].map({code: n for n, code in enumerate(lots)}).to_numpy(dtype=np.int64)

    def grid(values: Any, empty: Any) -> np.ndarray[Any, Any]:
        filled = np.full((len(offers), len(lots)), empty, dtype=object if empty == "" else float)
        filled[parts.offer, lot] = values
        return filled

    bid, quality, capital = grid(table["bid"], ""), grid(table["points"], 0.0), grid(table["capital_gbp"], 0.0)
    price_points, weight = grid(_price_points(table), 0.0), float(row.price_weight)
    limits = limits_of(tables, row.linked_award)
    years, in_years, envelope = envelopes(limits, parts)
    rows = rule_rows(tables, lots, limits, parts)
    problem = AwardProblem(
        bid_covers=bid != "",
        bid_proposer=parts.of,
        bid_quality=quality.sum(axis=1),
        bid_cost=capital.sum(axis=1),
        lot_required=competitions["must_award"].to_numpy(dtype=bool),
        lot_loss=competitions["loss_without_award"].to_numpy(dtype=float),
        proposer_most=most_schools(limits, parts),
        bid_capital=in_years,
        envelope_limit=envelope,
        row_matrix=np.array([one.entry for one in rows]),
        row_lower=np.array([one.lower for one in rows]),
        row_upper=np.array([one.upper for one in rows]),
        bid_price_points=price_points.sum(axis=1) if weight else None,
        price_weight=weight,
        bid_name=tuple(f"{offer.proposer} ({offer.code})" for offer in offers),
        lot_name=tuple(competitions["name"]),
        proposer_name=parts.spelt,
        envelope_name=tuple(f"Capital of schools that open in {year}" if year else "Capital in all" for year in years),
        row_name=tuple(one.name for one in rows),
    )
    keys: dict[tuple[str, tuple[int, ...]], RuleKey] = {
        ("lot", (n,)): RuleKey(MUST, code) for n, code in enumerate(lots)
    }
    keys |= {("proposer", (n,)): RuleKey(SCHOOLS, who) for n, who in enumerate(parts.spelt)}
    keys |= {("envelope", (n,)): RuleKey(CAPITAL, "", year) for n, year in enumerate(years)}
    keys |= {("row", (n,)): one.key for n, one in enumerate(rows)}
    points = (1 - weight) * quality + weight * price_points
    names = tuple(competitions["name"])
    return LinkedAward(row.linked_award, row.name, lots, names, (), offers, bid, points, capital, problem, keys)


def _parts(
    table: pd.DataFrame, offer: np.ndarray[Any, Any], offers: Sequence[Offer], bids: pd.DataFrame, lots: Sequence[str]
) -> Parts:
    """The offers with their proposers: everybody who bids for one of the lots, whether the bid stands or not."""
    written = bids.loc[bids["competition"].isin(lots), "proposer"]
    spelt = dict(zip(same_name(written)[::-1], written[::-1], strict=True))
    proposers = tuple(dict.fromkeys(same_name(written)))
    place = {one: n for n, one in enumerate(proposers)}
    whose = same_name(pd.Series([one.proposer for one in offers], dtype=object)).map(place)
    held = tuple(one.bids for one in offers)
    return Parts(table, offer, held, proposers, tuple(spelt[one] for one in proposers), whose.to_numpy(dtype=np.int64))


def _price_points(table: pd.DataFrame) -> FloatArray:
    """100 × lowest capital asked for the lot ÷ capital asked; where nothing is asked, all of them."""
    asked = table["capital_gbp"].to_numpy(dtype=float)
    lowest = table.groupby("competition")["capital_gbp"].transform("min").to_numpy(dtype=float)
    return np.asarray(100.0 * np.divide(lowest, asked, out=np.ones(len(table)), where=asked > 0))


def broken_rules(problem: AwardProblem, awarded: BoolArray) -> list[AwardRule]:
    """Rules that an award set (B,) breaks; half a part is what rounding can hide."""
    broken = []
    for rule in award_rules(problem):
        level, slack = float(rule.entry[awarded].sum()), 0.5 / rule.parts
        if not rule.lower - slack <= level <= rule.upper + slack:
            broken.append(rule)
    return broken


def firsts(award: LinkedAward, judged: Judged) -> BoolArray | None:
    """(B,) the first of each competition as if it were decided alone; None where a competition has a tie for first."""
    won = np.zeros(len(award.offers), dtype=bool)
    place = {offer.code: n for n, offer in enumerate(award.offers)}
    for lot in award.lots:
        contest, ranking = judged[lot]
        if len(ranking.first) > 1:
            return None
        for row in ranking.first:
            won[place[contest.bids[row]]] = True
    return won
