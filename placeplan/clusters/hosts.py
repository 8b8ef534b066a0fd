"""Trusts of today as hosts: what of their centre schools elsewhere bear, and whether they are viable as they are."""

from __future__ import annotations

import numpy as np

from geodata.policy import Policy
from models.locks import NO_LOCKS, groups_of
from models.side_by_side import academy_trusts
from models.trust_finance import TrustMoney, trust_money
from placeplan.clusters.case import ClusterCase


def centre_share(case: ClusterCase, policy: Policy, trust: str) -> float:
    """The share of the fixed cost of its centre that a trust's schools here bear: all of it, unless it has others."""
    known = case.today[case.today["trust"] == trust]
    elsewhere = bool(len(known)) and float(known["schools_elsewhere"].iloc[0]) > 0
    return 1.0 - policy.number("trust_centre_elsewhere_share") * elsewhere


def today_money(case: ClusterCase, policy: Policy, trust: str) -> TrustMoney:
    """The money of a trust of today with the schools and shared heads that it has, nobody joining."""
    rows = np.flatnonzero(academy_trusts(case.everyone) == trust)
    node = groups_of(case.schools, NO_LOCKS, policy)[0]
    together = [case.row[node == one] for one in np.flatnonzero(np.bincount(node) > 1)]
    clusters = [whole for whole in together if np.isin(whole, rows).any()]
    share = centre_share(case, policy, trust)
    return trust_money(case.money, rows, clusters, case.reserves_gbp, policy, centre=share)


def not_viable_today(case: ClusterCase, policy: Policy) -> list[str]:
    """Trusts of today whose reserves would not last as they are."""
    return [name for name in case.today["trust"].astype(str) if not today_money(case, policy, name).viable]


def closed_trusts(case: ClusterCase, policy: Policy) -> list[str]:
    """Trusts of today that nobody may join: where policy asks for it, those that are not viable as they are."""
    return not_viable_today(case, policy) if policy.text("trust_join_not_viable") == "no" else []
