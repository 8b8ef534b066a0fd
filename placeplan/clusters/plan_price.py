"""What any plan of clusters and trusts costs on both levels, and whether it keeps the rules, for many plans of a case.

Plans that differ by one school share nearly all that may join a trust: what the money of one comes to serves the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.locks import NO_LOCKS, Locks
from models.side_by_side import FEDERATIONS, academy_trusts
from models.trusts import Joiners
from models.villages import Villages
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.hosts import closed_trusts
from placeplan.clusters.measures import clusters_cost
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.plan_trusts import joiner_balances, trusts_cost
from placeplan.clusters.two_levels import TwoLevels, keeps_limits

Index = NDArray[np.int64]
Trusts = NDArray[np.object_]
Key = tuple[bytes, bytes]


@dataclass(frozen=True, eq=False)
class Prices:
    """Of a case under a policy; `villages` is its problem of clusters, with what is locked by `locks`."""

    case: ClusterCase
    policy: Policy
    villages: Villages
    locks: Locks = NO_LOCKS
    told: dict[Key, tuple[float, float]] = field(default_factory=dict)

    @cached_property
    def held(self) -> dict[int, str]:
        """By row of a school the trust that it is locked in; federations join none."""
        if self.policy.text("cluster_outcome") == FEDERATIONS:
            return {}
        urns = enumerate(self.case.schools["urn"])
        return {row: self.locks.trust[int(urn)] for row, urn in urns if int(urn) in self.locks.trust}

    @cached_property
    def closed(self) -> list[str]:
        """Trusts of today that nobody may join."""
        return closed_trusts(self.case, self.policy)

    def joined(self, trust: Trusts) -> Trusts:
        """(N,) trusts of a plan as this policy has them: where federations are asked for, nobody joins one."""
        return academy_trusts(self.case.schools) if self.policy.text("cluster_outcome") == FEDERATIONS else trust

    def cost(self, school_lead: Index, trust: Trusts) -> float:
        """GBP a year of both levels, whether the plan (N,) keeps the rules or not."""
        rules = self.villages.standing
        first = clusters_cost(self.case, self.policy, school_lead)
        return first + trusts_cost(self.case, self.policy, rules, school_lead, trust, self.balances)

    def broken(self, school_lead: Index, trust: Trusts) -> int:
        """How many rules the plan (N,) breaks."""
        rules = self.villages.standing
        return len(breaches(self.case, self.policy, rules, school_lead, trust, closed=self.closed))

    def keeps(self, school_lead: Index, trust: Trusts, allowed: int = 0) -> bool:
        """Whether the plan (N,) keeps locks, limits and rules, but for as many as are `allowed` to be broken."""
        locked = all(trust[row] == name for row, name in self.held.items())
        return locked and keeps_limits(self.villages, school_lead) and self.broken(school_lead, trust) <= allowed

    def balances(
        self, case: ClusterCase, joiners: Joiners, policy: Policy
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(J,) and (J,) as `joiner_balances`, worked out once for each joiner and the cluster it comes with."""
        keys = [(a.tobytes(), b.tobytes()) for a, b in zip(joiners.members, joiners.cluster, strict=True)]
        new = [j for j, key in enumerate(keys) if key not in self.told]
        if new:
            some = replace(
                joiners,
                members=[joiners.members[j] for j in new],
                cluster=[joiners.cluster[j] for j in new],
                lead=joiners.lead[new],
                name=[joiners.name[j] for j in new],
                bound=[joiners.bound[j] for j in new],
                must=joiners.must[new],
            )
            inside, apart = joiner_balances(case, some, policy)
            self.told.update(zip((keys[j] for j in new), zip(inside, apart, strict=True), strict=True))
        both = np.array([self.told[key] for key in keys], dtype=np.float64).reshape(len(keys), 2)
        return both[:, 0], both[:, 1]


def prices_of(case: ClusterCase, levels: TwoLevels, locks: Locks = NO_LOCKS) -> Prices:
    """Prices of the case at a plan's policy, with its locks."""
    return Prices(case, levels.policy, levels.villages, locks)
