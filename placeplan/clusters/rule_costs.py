"""What each rule costs: the same study with one rule set otherwise, every row the cheapest plan found that keeps it.

A plan found under one rule may keep another too. Each is tried under every rule, so that a rule that allows more is
never dearer than one that allows less; what is not proven is told with each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy, Value
from models.locks import Locks
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.plan_price import Prices, prices_of
from placeplan.clusters.second_homes import LEAST_GBP, cheaper_of
from placeplan.clusters.two_levels import TwoLevels, plan_case

Index = NDArray[np.int64]
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "governance_model": {
        "mixed trust": "Mixed trusts: community schools beside voluntary controlled ones",
        "church-majority trust": "Church-majority trusts that also take community schools",
        "separate trusts": "Church and community schools in separate trusts",
    },
    "cluster_across_kinds": {
        "yes": "Academies and maintained schools may share a head",
        "no": "Academies and maintained schools may not share a head",
    },
    "cluster_across_dioceses": {
        "yes": "Church of England schools of two dioceses may stand together",
        "no": "Church of England schools of two dioceses may not stand together",
    },
    "trust_consent_unknown": {
        "yes": "A trust that has not been asked is taken to let its schools leave",
        "no": "A trust that has not been asked is taken to keep its schools",
    },
    "trust_join_not_viable": {
        "yes": "Schools may join a trust that is not viable as it is",
        "no": "Nobody joins a trust that is not viable as it is",
    },
    "trust_leaving": {
        "consent": "Academies leave a trust with its consent only",
        "consent or five years": "Academies may leave by their own wish once in five years (a proposal, not law)",
    },
    "trust_directed_moves": {
        "yes": "Schools in intervention may be moved without consent (a proposal, not law)",
        "no": "Schools in intervention are not moved without consent",
    },
    "cluster_consent_unknown": {
        "ask": "Schools that have not been asked are planned with",
        "no": "Schools that have not agreed stay out",
    },
    "cluster_outcome": {
        "trusts": "Clusters stand in trusts",
        "federations": "Hard federations of maintained schools instead of trusts",
    },
    "cluster_contiguous": {
        "yes": "Every cluster in one piece on the map",
        "no": "Clusters need not be in one piece on the map",
    },
    "cluster_keep": {
        "yes": "Federations and clusters of today are kept",
        "no": "Federations and clusters of today may be parted",
    },
}
NEEDS = {  # fields without which a switch changes nothing
    "cluster_across_dioceses": ("diocese",),
    "trust_leaving": ("trust_since",),
    "trust_directed_moves": ("in_intervention",),
    "cluster_keep": ("federation", "cluster"),
    "trust_consent_unknown": ("trust",),
}
ROUNDS = 3  # in which plans are tried under the other rules


@dataclass(frozen=True, eq=False)
class Ruled:
    """The cheapest plan found with one rule set otherwise; `key` "" for the study's own rules."""

    key: str
    choice: str
    levels: TwoLevels

    @property
    def name(self) -> str:
        """As the plan is called in tables."""
        return f"{self.key} = {self.choice}"

    @property
    def words(self) -> str:
        """What the rule says."""
        return SWITCHES[self.key][self.choice]


def with_policy(policy: Policy, **values: Value) -> Policy:
    """The policy with other values laid over it."""
    return Policy({**dict(policy.overrides), **values})


def ruled_otherwise(case: ClusterCase, policy: Policy, locks: Locks, seconds: float) -> list[Ruled]:
    """A plan for every rule that could be set otherwise, each in `seconds`."""
    return [
        Ruled(key, choice, plan_case(case, with_policy(policy, **{key: choice}), locks, seconds=seconds))
        for key, choices in SWITCHES.items()
        for choice in choices
        if policy.text(key) != choice
    ]


def tried_under_every_rule(
    case: ClusterCase, ruled: Sequence[Ruled], locks: Locks, found: Sequence[TwoLevels], seconds: float
) -> list[Ruled]:
    """Each row with the cheapest of its own plan, those of the other rows and those `found` elsewhere.

    A plan counts where it keeps the row's rules as far as the row's own does; its trusts are then the best of its
    clusters under them.
    """
    rows = list(ruled)
    prices = [prices_of(case, row.levels, locks) for row in rows]
    tried: list[set[tuple[bytes, tuple[object, ...]]]] = [set() for _ in rows]
    for _ in range(ROUNDS):
        began = [row.levels for row in rows]
        for at, row in enumerate(rows):
            plans = {_key(one): one for one in (*found, *(other.levels for other in rows))}
            new = [one for key, one in plans.items() if key not in tried[at] and one is not row.levels]
            tried[at] |= set(plans)
            rows[at] = Ruled(row.key, row.choice, _cheapest(prices[at], row.levels, locks, new, seconds))
        if all(row.levels is levels for row, levels in zip(rows, began, strict=True)):
            break
    return rows


def _key(levels: TwoLevels) -> tuple[bytes, tuple[object, ...]]:
    return levels.school_lead.tobytes(), tuple(levels.trust)


def _cheapest(prices: Prices, levels: TwoLevels, locks: Locks, found: Sequence[TwoLevels], seconds: float) -> TwoLevels:
    priced = [(prices.cost(one.school_lead, prices.joined(one.trust)), one) for one in found]
    cheaper = sorted(
        ((cost, one) for cost, one in priced if cost < levels.objective - LEAST_GBP), key=lambda item: item[0]
    )
    broken = prices.broken(levels.school_lead, levels.trust) if cheaper else 0
    for _, one in cheaper:
        if prices.keeps(one.school_lead, prices.joined(one.trust), broken):
            return cheaper_of(prices.case, levels, locks, one.school_lead, seconds)
    return levels


def silent(case: ClusterCase, key: str) -> str:
    """What would have to be known for a switch to change anything; "" where it is known."""
    fields = NEEDS.get(key, ())
    known = any(
        (case.schools[field] == True).any() if field == "in_intervention" else case.schools[field].notna().any()  # noqa: E712
        for field in fields
    )
    return "" if known or not fields else f"not known here: {' or '.join(f'schools.{field}' for field in fields)}"


def priced(levels: TwoLevels, base: TwoLevels) -> dict[str, float]:
    """Cost and proven bound of both levels, the gap between, and what the rule costs against the base plan.

    `more_gbp` is the difference of the two plans found; what the rule itself costs lies between `least_gbp` and
    `most_gbp`: each plan may be as much above the best of its rules as is not proven.
    """
    return {
        "cost_gbp": levels.objective,
        "bound_gbp": levels.bound,
        "gap": levels.gap,
        "more_gbp": levels.objective - base.objective,
        "least_gbp": levels.bound - base.objective,
        "most_gbp": levels.objective - base.bound,
    }


def rule_rows(ruled: Sequence[Ruled], case: ClusterCase, policy: Policy, base: TwoLevels) -> pd.DataFrame:
    """Rows of the table cluster_switches, measures apart: policy, set_to, instead_of, words, silent and prices."""
    return pd.DataFrame(
        [
            {"policy": one.key, "set_to": one.choice, "instead_of": policy.text(one.key), "words": one.words,
             "silent": silent(case, one.key), **priced(one.levels, base)}
            for one in ruled
        ]
    )  # fmt: skip
