"""Published rules on a set of linked competitions, as rows over its offers.

An offer is a bid alone or a package of bids. Each published rule is one row, so that what it costs can be told: that a
bid stands only with another, Σ of offers that hold the one ≤ Σ of offers that hold the other (at most one offer for a
lot wins, so both sums are 0 or 1); schools that a proposer opens in a year, by the opening years of its bids; shares
of places. A limit for every proposer is a rule of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.competitions import CAPITAL, LEAST_SHARE, SCHOOLS, SHARES, has_character, same_name
from models.awards import share_rows
from models.estate import FloatArray, IntArray

MUST, CONDITION = "must be awarded", "stands only with another"
LIMITS = ("linked_award", "kind", "subject", "academic_year", "limit")


@dataclass(frozen=True)
class RuleKey:
    """A published rule: its kind, what it is about, and the year or the bid it needs (blank where there is none)."""

    kind: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, eq=False)
class Parts:
    """What the offers of a set consist of.

    Attributes
    ----------
    table : one row an offer and bid of it: bid, proposer, capital_gbp, opens, places, religious_character.
    offer : (N,) the offer of each row; held : (B,) the bids of each offer.
    proposers : (P,) names without regard to capitals; spelt : (P,) as they are written first; of : (B,) whose an
    offer is.

    """

    table: pd.DataFrame
    offer: IntArray
    held: tuple[tuple[str, ...], ...]
    proposers: tuple[str, ...]
    spelt: tuple[str, ...]
    of: IntArray

    def total(self, values: pd.Series, year: str = "") -> FloatArray:
        """(B,) Σ of a value (N,) over the bids of each offer: of those that open in the year, or of all."""
        counted = values.where(self.table["opens"].eq(year), 0.0) if year else values
        return np.bincount(self.offer, counted.to_numpy(dtype=float), len(self.held)).astype(float)


@dataclass(frozen=True, eq=False)
class RuleRow:
    """lower ≤ Σ_b entry[b]·y[b] ≤ upper."""

    key: RuleKey
    name: str
    entry: NDArray[np.float64]  # (B,)
    lower: float
    upper: float


def limits_of(tables: Mapping[str, pd.DataFrame], linked_award: str) -> pd.DataFrame:
    """Rows of the table award_limits for one set of linked competitions; the year "" where the limit is of all."""
    limits = tables.get("award_limits", pd.DataFrame(columns=list(LIMITS)))
    own = limits[limits["linked_award"] == linked_award]
    return own.assign(academic_year=own["academic_year"].fillna("").astype(object))


def most_schools(limits: pd.DataFrame, parts: Parts, year: str = "") -> FloatArray:
    """(P,) schools that each proposer may open in a year, or in all; inf where nothing is said."""
    mine = limits[limits["kind"].eq(SCHOOLS) & limits["academic_year"].eq(year)]
    named = dict(zip(same_name(mine["subject"]), mine["limit"], strict=True))
    every = mine.loc[mine["subject"].isna(), "limit"]
    general = float(every.iloc[0]) if len(every) else np.inf
    return np.array([float(named.get(one, general)) for one in parts.proposers])


def envelopes(limits: pd.DataFrame, parts: Parts) -> tuple[list[str], FloatArray, FloatArray]:
    """(year (E,), "" for all; capital (B, E) of the schools of each offer that open then; limit (E,))."""
    mine = limits[limits["kind"] == CAPITAL]
    years = [str(year) for year in mine["academic_year"]]
    capital = [parts.total(parts.table["capital_gbp"], year) for year in years]
    shape = (len(years), len(parts.held))
    return years, np.array(capital).reshape(shape).T, mine["limit"].to_numpy(dtype=float)


def rule_rows(
    tables: Mapping[str, pd.DataFrame], lots: Sequence[str], limits: pd.DataFrame, parts: Parts
) -> list[RuleRow]:
    """Rules that are neither a lot that must be awarded nor a limit on schools or capital in all."""
    return [*_conditions(tables, lots, parts), *_schools_by_year(limits, parts), *_shares(limits, parts)]


def _conditions(tables: Mapping[str, pd.DataFrame], lots: Sequence[str], parts: Parts) -> list[RuleRow]:
    if "bid_conditions" not in tables:
        return []
    bids = tables["bids"].set_index("bid")
    words = {bid: f"{proposer} ({bid})" for bid, proposer in bids["proposer"].items()}
    rows = []
    for bid, needs in tables["bid_conditions"][["bid", "needs"]].itertuples(index=False):
        if bids.at[bid, "competition"] in lots:
            entry = np.array([float(bid in held) - float(needs in held) for held in parts.held])
            name = f"{words[bid]} stands only if {words[needs]} wins"
            rows.append(RuleRow(RuleKey(CONDITION, bid, needs), name, entry, -np.inf, 0.0))
    return rows


def _schools_by_year(limits: pd.DataFrame, parts: Parts) -> list[RuleRow]:
    years = limits.loc[limits["kind"].eq(SCHOOLS), "academic_year"]
    rows = []
    for year in sorted(set(years) - {""}):
        opened = parts.total(pd.Series(1.0, index=parts.table.index), year)
        most = most_schools(limits, parts, year)
        for p in np.flatnonzero(np.isfinite(most)).tolist():
            who, schools = parts.spelt[p], "school" if most[p] == 1 else "schools"
            name = f"{who} opens at most {most[p]:g} {schools} in {year}"
            entry = np.where(parts.of == p, opened, 0.0)
            rows.append(RuleRow(RuleKey(SCHOOLS, who, year), name, entry, -np.inf, float(most[p])))
    return rows


def _shares(limits: pd.DataFrame, parts: Parts) -> list[RuleRow]:
    rows, places = [], parts.table["places"].fillna(0.0)
    for kind, subject, limit in limits[["kind", "subject", "limit"]].itertuples(index=False):
        if kind not in SHARES:
            continue
        inside = has_character(parts.table["religious_character"], subject)
        at, bounds = (0, (limit, 1.0)) if kind == LEAST_SHARE else (1, (0.0, limit))
        matrix, lower, upper = share_rows(parts.total(places.where(inside, 0.0)), parts.total(places), *bounds)
        which = "least" if kind == LEAST_SHARE else "most"
        name = f"{subject or 'Schools of a religious character'}: at {which} {100 * limit:g} % of the places awarded"
        rows.append(RuleRow(RuleKey(kind, subject or ""), name, matrix[at], float(lower[at]), float(upper[at])))
    return rows
