"""Not one answer: the frontier, plans nearly as good, and the cheapest of all plans found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.clusters import ClusterProblem
from models.locks import Locks
from models.villages import Villages
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.measures import MEASURES, measured
from placeplan.clusters.rule_costs import with_policy
from placeplan.clusters.second_homes import Home, cheaper_of, moved_while_cheaper, second_homes
from placeplan.clusters.two_levels import Change, TwoLevels, plan_case
from placeplan.words import counted

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


def variant(
    case: ClusterCase, policy: Policy, locks: Locks, name: str, made: str, seconds: float, change: Change | None = None
) -> Variant:
    """Plan the case once more and measure the plan."""
    return as_variant(case, name, made, plan_case(case, policy, locks, seconds=seconds, change=change))


def as_variant(case: ClusterCase, name: str, made: str, levels: TwoLevels) -> Variant:
    """Measure a plan at its own policy."""
    found, cards, _ = measured(case, levels.policy, levels.villages.standing, levels.school_lead, levels.trust)
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
        yield variant(case, other, locks, f"frontier {number}", f"Price of {said}", seconds * SHARE_OF_TIME)


def frontier_table(planned: dict[str, Any], variants: list[Variant]) -> pd.DataFrame:
    """A row a plan: plan, made, MEASURES, and whether another is no worse in all that is compared and better in one.

    Prices that make the same plan are one row.
    """
    rows = [{"plan": "planned", "made": "As planned", **planned}]
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
        yield replace(found, made=_moved_words(number, moved, over))


def _moved_words(number: int, moved: int, over: float) -> str:
    dearer = f"{100 * over:.1f} % dearer" if over >= 0 else f"{-100 * over:.1f} % cheaper in both levels"
    return f"Nearly as good, {number}: {counted(moved, 'school')} with other partners, {dearer}"


def _mates(school_lead: Index) -> tuple[frozenset[int], ...]:
    """For every school those it is with."""
    groups = {int(one): frozenset(np.flatnonzero(school_lead == one).tolist()) for one in np.unique(school_lead)}
    return tuple(groups[int(one)] if one >= 0 else frozenset([row]) for row, one in enumerate(school_lead))


def cheapest_in_all(
    case: ClusterCase,
    planned: TwoLevels,
    cheaper: Sequence[Home],
    locks: Locks,
    found: Sequence[TwoLevels],
    seconds: float,
) -> TwoLevels:
    """The cheapest plan on both levels at the plan's own rules: of the clusters of all plans found, the best trusts.

    From the plan, whose second homes that cost less are `cheaper`, and from the best of those found, schools move on to
    homes where both levels cost less.
    """
    moved = moved_while_cheaper(case, planned, cheaper, locks, seconds)
    best, seen = planned, {planned.school_lead.tobytes()}
    for one in found:
        if one.school_lead.tobytes() not in seen:
            seen.add(one.school_lead.tobytes())
            best = cheaper_of(case, best, locks, one.school_lead, seconds)
    if best is not planned:
        best = moved_while_cheaper(case, best, second_homes(case, best, locks)[1], locks, seconds)
    return min(moved, best, key=lambda levels: levels.objective)
