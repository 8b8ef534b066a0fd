"""Not one answer: the frontier, plans nearly as good, and what each rule costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy, Value
from models.clusters import ClusterProblem
from models.locks import Locks
from models.villages import Villages
from placeplan.cluster_case import ClusterCase
from placeplan.cluster_measures import MEASURES, measured
from placeplan.two_levels import Change, TwoLevels, plan_case, with_clusters

Index = NDArray[np.int64]
PRICES = ("village_alone_gbp", "executive_drive_gbp_per_min", "trust_shortfall_price")
FRONTIER = (
    (0.25, 1.0, 1.0),
    (4.0, 1.0, 1.0),
    (1.0, 0.25, 1.0),
    (1.0, 4.0, 1.0),
    (0.25, 4.0, 1.0),
    (4.0, 0.25, 1.0),
    (1.0, 1.0, 0.0),
    (1.0, 1.0, 5.0),
    (4.0, 0.25, 5.0),
)
COMPARED = ("shortfall_p10_gbp", "drives_min", "village_alone")  # viability, travel, schools left alone: less is better
SWITCHES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("governance_model", ("mixed trust", "church-majority trust", "separate trusts")),
    ("cluster_across_kinds", ("yes", "no")),
    ("cluster_across_dioceses", ("yes", "no")),
    ("trust_consent_unknown", ("yes", "no")),
    ("trust_join_not_viable", ("yes", "no")),
    ("trust_leaving", ("consent", "consent or five years")),
    ("trust_directed_moves", ("yes", "no")),
    ("cluster_consent_unknown", ("ask", "no")),
    ("cluster_outcome", ("trusts", "federations")),
    ("cluster_contiguous", ("yes", "no")),
    ("cluster_keep", ("yes", "no")),
)
ALTERNATIVES = 3
SHARE_OF_TIME = 1 / 6  # of the time of the plan, for every other one


@dataclass(frozen=True, eq=False)
class Variant:
    """Another plan of the same case: how it was made, in words, and what is said of it."""

    name: str
    made: str
    levels: TwoLevels
    measures: dict[str, Any]
    cards: pd.DataFrame


def with_policy(policy: Policy, **values: Value) -> Policy:
    """The policy with other values laid over it."""
    return Policy({**dict(policy.overrides), **values})


def variant(
    case: ClusterCase, policy: Policy, locks: Locks, name: str, made: str, seconds: float, change: Change | None = None
) -> Variant:
    """Plan the case once more and measure the plan."""
    levels = plan_case(case, policy, locks, seconds=seconds, change=change)
    found, cards, _ = measured(case, policy, levels.villages.standing, levels.school_lead, levels.trust)
    return Variant(name, made, levels, found, cards)


def frontier(case: ClusterCase, policy: Policy, locks: Locks, seconds: float) -> Iterator[Variant]:
    """Plans at other prices of a school alone, of driving and of a trust's shortfall."""
    for number, times in enumerate(FRONTIER, start=1):
        values = {key: policy.number(key) * factor for key, factor in zip(PRICES, times, strict=True)}
        said = ", ".join(
            f"{words} × {factor:g}"
            for words, factor in zip(("a school alone", "driving", "a shortfall"), times, strict=True)
            if factor != 1
        )
        other = with_policy(policy, **values)
        yield variant(case, other, locks, f"frontier {number}", f"price of {said}", seconds * SHARE_OF_TIME)


def frontier_table(planned: dict[str, Any], variants: list[Variant]) -> pd.DataFrame:
    """A row a plan: plan, made, MEASURES, and whether another is no worse in all that is compared and better in one.

    Prices that make the same plan are one row.
    """
    rows = [{"plan": "planned", "made": "the study's prices", **planned}]
    rows += [{"plan": one.name, "made": one.made, **one.measures} for one in variants]
    table = pd.DataFrame(rows).drop_duplicates(list(MEASURES)).reset_index(drop=True)
    level = table[list(COMPARED)].to_numpy(dtype=float).round(6)
    no_worse = (level[None, :, :] <= level[:, None, :]).all(axis=2)
    better = (level[None, :, :] < level[:, None, :]).any(axis=2)
    return table.assign(dominated=(no_worse & better).any(axis=1))


def near_optimal(case: ClusterCase, planned: TwoLevels, locks: Locks, seconds: float) -> Iterator[Variant]:
    """Plans that differ and cost at most the policy's share more, by making pairs that were used dearer each time.

    They are among all plans within that share; there may be others.
    """
    policy = planned.policy
    share = policy.number("cluster_near_optimal_share")
    clusters = max(len(np.unique(planned.school_lead[planned.school_lead >= 0])), 1)
    used = np.zeros(planned.villages.problem.n_arcs)
    latest, number, seen = planned, 0, [_mates(planned.school_lead)]
    for _ in range(ALTERNATIVES):
        problem = planned.villages.problem
        assert latest.clusters.lead is not None
        used += latest.clusters.lead[problem.arc_member] == problem.arc_lead
        dearer = used * share * abs(planned.clusters.objective) / clusters

        def change(villages: Villages, dearer: NDArray[np.float64] = dearer) -> ClusterProblem:
            return replace(villages.problem, arc_cost=villages.problem.arc_cost + dearer)

        found = variant(case, policy, locks, f"near {number + 1}", "", seconds * SHARE_OF_TIME, change)
        latest = found.levels
        mates = _mates(latest.school_lead)
        over = latest.objective / planned.objective - 1 if planned.objective else 0.0
        if over > share or mates in seen:
            continue
        seen.append(mates)
        number += 1
        moved = sum(a != b for a, b in zip(mates, seen[0], strict=True))
        yield replace(found, made=f"{moved} schools with other partners, {100 * over:.1f} % dearer")


def _mates(school_lead: Index) -> tuple[frozenset[int], ...]:
    """For every school those it is with."""
    groups = {int(one): frozenset(np.flatnonzero(school_lead == one).tolist()) for one in np.unique(school_lead)}
    return tuple(groups[int(one)] if one >= 0 else frozenset([row]) for row, one in enumerate(school_lead))


NEEDS = {  # fields without which a switch changes nothing
    "cluster_across_dioceses": ("diocese",),
    "trust_leaving": ("trust_since",),
    "trust_directed_moves": ("in_intervention",),
    "cluster_keep": ("federation", "cluster"),
    "trust_consent_unknown": ("trust",),
}


def _silent(case: ClusterCase, key: str) -> str:
    """What would have to be known for a switch to change anything; "" where it is known."""
    fields = NEEDS.get(key, ())
    known = any(
        (case.schools[field] == True).any() if field == "in_intervention" else case.schools[field].notna().any()  # noqa: E712
        for field in fields
    )
    return "" if known or not fields else f"not known here: {' or '.join(f'schools.{field}' for field in fields)}"


def switches(case: ClusterCase, planned: TwoLevels, locks: Locks, seconds: float) -> tuple[pd.DataFrame, list[Variant]]:
    """Table switches: every rule that could be set otherwise, and what that changes."""
    policy = planned.policy
    rows, variants = [], []
    for key, choices in SWITCHES:
        for choice in choices:
            if policy.text(key) == choice:
                continue
            made = f"{key} = {choice}"
            other = variant(case, with_policy(policy, **{key: choice}), locks, made, made, seconds * SHARE_OF_TIME)
            variants.append(other)
            rows.append(
                {"policy": key, "set_to": choice, "instead_of": policy.text(key), "silent": _silent(case, key),
                 "cost_gbp": other.levels.objective, "gap": other.levels.clusters.gap, **other.measures}
            )  # fmt: skip
    columns = ["policy", "set_to", "instead_of", "silent", "cost_gbp", "gap", *MEASURES]
    return pd.DataFrame(rows, columns=columns), variants


def cheapest_in_all(
    case: ClusterCase, planned: TwoLevels, locks: Locks, variants: list[Variant], seconds: float
) -> TwoLevels:
    """Of the plan and the variants that keep its rules the one that costs least on both levels, at its own policy."""
    best = planned
    for one in variants:
        lead = planned.villages.node_lead(one.levels.school_lead)
        if lead is None:
            continue
        other = with_clusters(case, planned, locks, lead, seconds)
        if other is not None and other.objective < best.objective - 1e-6:
            best = other
    return best
