"""The second-best home of each school with all else as planned, priced on both levels as a plan by hand would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.locks import NO_LOCKS, Locks
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.costs import Costs
from placeplan.clusters.plan_price import Prices, prices_of
from placeplan.clusters.two_levels import TwoLevels, with_clusters

Index = NDArray[np.int64]
Trusts = NDArray[np.object_]
COLUMNS = ["urn", "name", "cluster", "second_home", "trust", "moves", "extra_gbp"]
LEAST_GBP = 1.0  # by less no plan is called cheaper
ROUNDS = 4  # of schools moved to where they cost less, one after the other


@dataclass(frozen=True, eq=False)
class Home:
    """A plan in which one school, and those who move with it, stand elsewhere; `gbp` more a year than as planned."""

    words: str
    school_lead: Index
    trust: Trusts
    gbp: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """A plan of the case, (N,) leads of schools and (N,) trusts, with what it costs and how many rules it breaks."""

    prices: Prices
    school_lead: Index
    trust: Trusts

    def movers(self, row: int) -> Index:
        """Those who move with a school: who is together with it today, or by a lock."""
        return np.flatnonzero(self.prices.villages.node == self.prices.villages.node[row])

    @cached_property
    def cost(self) -> float:
        """GBP a year of both levels."""
        return self.prices.cost(self.school_lead, self.trust)

    @cached_property
    def broken(self) -> int:
        """Rules that it breaks: those of a locked plan."""
        return self.prices.broken(self.school_lead, self.trust)

    def homes(self, row: int) -> list[Home]:
        """Every other home of a school, whether it keeps the rules or not, the cheapest first."""
        rules, small = self.prices.villages.standing, self.prices.case.schools["small"].to_numpy(dtype=bool)
        larger = ~small & ~np.isin(np.arange(len(small)), list(self.prices.held))
        offers = {}
        for words, lead, trust in self._offers(self.movers(row)):
            placed = np.where(larger & (lead < 0), rules.trust, trust)  # a larger school alone is out of the plan
            offers[lead.tobytes(), tuple(placed)] = (words, lead, placed)
        found = [
            Home(words, lead, trust, self.prices.cost(lead, trust) - self.cost)
            for words, lead, trust in offers.values()
        ]
        return sorted(found, key=lambda home: home.gbp)

    def second(self, row: int) -> Home | None:
        """The cheapest other home that keeps the rules; None where there is none."""
        keeps = self.prices.keeps
        return next((home for home in self.homes(row) if keeps(home.school_lead, home.trust, self.broken)), None)

    def _offers(self, moving: Index) -> Iterator[tuple[str, Index, Trusts]]:
        """Other plans: on its own, in another cluster, with a school that stands alone, in the trusts they are in."""
        prices, lead = self.prices, self.school_lead
        costs = Costs(prices.case, prices.policy, prices.villages)
        names = prices.case.schools["name"].astype(str).to_numpy()
        own = int(lead[moving[0]])
        apart = np.asarray(prices.villages.standing.apart[moving].any(axis=0))
        for left in self._without(moving, costs):
            if not np.array_equal(left, lead):  # not on its own already
                words = "alone" if len(moving) == 1 else "on their own, as today"
                homes = self._trusts(moving, moving, today=True)
                yield from ((words, left, trust) for trust in homes)
            for one in np.unique(lead[(lead >= 0) & (lead != own)]):
                members = np.flatnonzero(lead == one)
                if not apart[members].any():
                    yield from self._joined(names[one], left, moving, members, costs)
            for other in np.flatnonzero((lead < 0) & ~apart & ~np.isin(np.arange(len(lead)), moving)):
                yield from self._joined(f"with {names[other]}", left, moving, np.array([other]), costs)

    def _joined(
        self, words: str, left: Index, moving: Index, members: Index, costs: Costs
    ) -> Iterator[tuple[str, Index, Trusts]]:
        rows = np.append(members, moving)
        for head in costs.heads(rows, int(left[members[0]])):
            joined = left.copy()
            joined[rows] = head
            for trust in self._trusts(moving, members):
                yield words, joined, trust
            if len(members) == 1:  # a school alone may come along into the trust of the other
                for trust in self._trusts(rows, moving):
                    yield words, joined, trust

    def _without(self, moving: Index, costs: Costs) -> Iterator[Index]:
        """Leads once some stand on their own: the others go on under the lead they have or the cheapest, or apart."""
        own = int(self.school_lead[moving[0]])
        alone = self.prices.villages.school_lead(np.full(self.prices.villages.problem.n_nodes, -1))
        left = self.school_lead.copy()
        left[moving] = alone[moving]
        if own < 0:
            yield left
            return
        rest = np.setdiff1d(np.flatnonzero(self.school_lead == own), moving)
        heads = costs.heads(rest, own) if len(rest) else []
        for head in heads or [-1]:
            gone = left.copy()
            gone[rest] = head if head >= 0 else alone[rest]
            yield gone

    def _trusts(self, moving: Index, home: Index, today: bool = False) -> Iterator[Trusts]:
        """Plans in which `moving` are in the trust of one of the `home`, or in `today`'s, all others as planned.

        Who may not leave its trust stays in it, and an academy in its own where those it joins are in none.
        """
        rules = self.prices.villages.standing
        names = {str(name) for name in self.trust[home]} | {str(name) for name in rules.trust[moving] if today}
        for name in sorted(names):
            trust = self.trust.copy()
            leaves = moving[rules.free[moving]]
            trust[leaves] = name or rules.trust[leaves]
            yield trust


def second_homes(case: ClusterCase, planned: TwoLevels, locks: Locks = NO_LOCKS) -> tuple[pd.DataFrame, list[Home]]:
    """For each school in a cluster its next-best home with all else as planned, and those homes that cost less.

    Columns urn, name, cluster, second_home ("alone", "with" a school that stands alone, a cluster's lead, "" where no
    other keeps the rules), trust (it would be in there), moves (schools that move as one: a federation or a cluster of
    today), extra_gbp (of both levels a year; a minus where clusters were decided first and the trusts gain by it).
    """
    drawn = Drawn(prices_of(case, planned, locks), planned.school_lead, planned.trust)
    schools, lead = case.schools, planned.school_lead
    names = schools["name"].astype(str).to_numpy()
    told: dict[int, Home | None] = {}
    rows = []
    for row in np.flatnonzero(lead >= 0).tolist():
        first = int(drawn.movers(row)[0])
        if first not in told:
            told[first] = drawn.second(row)
        home = told[first]
        words, trust, extra = ("", "", np.nan) if home is None else (home.words, str(home.trust[row]), home.gbp)
        moves = len(drawn.movers(row))
        rows.append((int(schools["urn"].iloc[row]), names[row], names[int(lead[row])], words, trust, moves, extra))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"extra_gbp": float})
    return table, [home for home in told.values() if home is not None and home.gbp < -LEAST_GBP]


def moved_while_cheaper(
    case: ClusterCase, planned: TwoLevels, cheaper: Sequence[Home], locks: Locks, seconds: float
) -> TwoLevels:
    """The plan after moving school upon school to second homes that cost less, those of the plan being `cheaper`.

    Every move is kept with the best trusts of its clusters, where both levels together then cost less.
    """
    for number in range(ROUNDS):
        began, homes = planned, second_homes(case, planned, locks)[1] if number else cheaper
        for home in sorted(homes, key=lambda home: home.gbp):
            planned = cheaper_of(case, planned, locks, home.school_lead, seconds)
        if planned is began:
            break
    return planned


def cheaper_of(case: ClusterCase, planned: TwoLevels, locks: Locks, school_lead: Index, seconds: float) -> TwoLevels:
    """The plan with other clusters by the leads of schools (N,), where they keep its rules and cost less in all."""
    lead = planned.villages.node_lead(school_lead)
    other = None if lead is None else with_clusters(case, planned, locks, lead, seconds)
    return planned if other is None or other.objective > planned.objective - LEAST_GBP else other
