"""Not one answer: the frontier, plans nearly as good, what each rule costs, second-best homes, who could break what."""

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
from models.villages import Villages, site_gbp
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
                {"policy": key, "set_to": choice, "instead_of": policy.text(key),
                 "cost_gbp": other.levels.objective, "gap": other.levels.clusters.gap, **other.measures}
            )  # fmt: skip
    columns = ["policy", "set_to", "instead_of", "cost_gbp", "gap", *MEASURES]
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


def second_homes(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """For each school in a cluster the next-best place for it with all else as planned, and what it costs more.

    Columns urn, name, cluster, second_home ("alone", a lead's name, "" where it is together with others today),
    extra_gbp.
    """
    policy, villages, lead = planned.policy, planned.villages, planned.school_lead
    schools, drive = case.schools, villages.drive_min
    names, pupils = schools["name"].astype(str).to_numpy(), schools["pupils"].to_numpy(dtype=float)
    small, alone = schools["small"].to_numpy(dtype=bool), schools["alone_gbp"].to_numpy(dtype=float)
    per_min, leads = policy.number("executive_drive_gbp_per_min"), np.unique(lead[lead >= 0])
    members = {int(one): np.flatnonzero(lead == one) for one in leads}
    together = np.bincount(villages.node)[villages.node] > 1
    rows = []
    for row in np.flatnonzero((lead >= 0) & (lead != np.arange(len(lead)))):
        own = int(lead[row])
        left = _left_behind(case, planned, members[own], int(row))
        offers = [("alone", alone[row] + policy.number("village_alone_gbp") * small[row] - site_gbp(policy)
                   - per_min * drive[row, own] + left)]  # fmt: skip
        for one, there in members.items():
            fits = (
                one != own
                and len(there) < policy.integer("cluster_max_schools")
                and pupils[there].sum() + pupils[row] <= policy.number("cluster_max_pupils")
                and drive[row, one] <= policy.number("cluster_drive_max_min")
                and not villages.standing.apart[row, there].any()
                and small[row]
            )
            if fits:
                offers.append((names[one], per_min * (drive[row, one] - drive[row, own]) + left))
        best = min(offers, key=lambda offer: offer[1])
        home, extra = ("", np.nan) if together[row] else best
        rows.append((int(schools["urn"].iloc[row]), names[row], names[own], home, float(extra)))
    return pd.DataFrame(rows, columns=["urn", "name", "cluster", "second_home", "extra_gbp"])


def _left_behind(case: ClusterCase, planned: TwoLevels, members: Index, leaving: int) -> float:
    """What it costs more that the others of a cluster are too few to go on when one leaves; 0 where they go on."""
    policy, schools = planned.policy, case.schools
    rest = np.setdiff1d(members, [leaving])
    if len(rest) >= policy.integer("cluster_min_schools"):
        return 0.0
    small = schools["small"].to_numpy(dtype=bool)[rest]
    alone = schools["alone_gbp"].to_numpy(dtype=float)[rest] + policy.number("village_alone_gbp") * small
    lead = int(planned.school_lead[leaving])
    drive = planned.villages.drive_min[rest, lead].sum() * policy.number("executive_drive_gbp_per_min")
    executive = policy.number("area_cost_factor") * policy.number("executive_head_gbp")
    return float(alone.sum() - executive - site_gbp(policy) * len(rest) - drive)


def refusals(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """For each school in a cluster, what its refusal would do to the others.

    Columns urn, name, cluster, breaks (the cluster cannot go on without it), what, trust_falls (its new trust would
    then have fewer pupils than it needs).
    """
    policy, villages, lead = planned.policy, planned.villages, planned.school_lead
    schools, drive = case.schools, villages.drive_min
    names, pupils = schools["name"].astype(str).to_numpy(), schools["pupils"].to_numpy(dtype=float)
    least, today = policy.integer("cluster_min_schools"), set(case.today["trust"])
    rows = []
    for row in np.flatnonzero(lead >= 0):
        own = int(lead[row])
        rest = np.setdiff1d(np.flatnonzero(lead == own), [row])
        breaks, what = False, f"{len(rest)} go on together"
        if len(rest) < least:
            breaks, what = True, f"only {', '.join(names[rest])} would be left" if len(rest) else "nobody would be left"
        elif row == own:
            able = rest[pupils[rest] >= policy.number("cluster_lead_min_pupils")]
            far = drive[np.ix_(rest, able)].max(axis=0) <= policy.number("cluster_drive_max_min")
            if not far.any():
                breaks, what = True, "no other of them could lead the rest"
            else:
                what = f"{names[able[far][0]]} could lead the rest"
        trust, falls = str(planned.trust[row]), False
        if trust and trust not in today:
            lost = pupils[row] + (pupils[rest].sum() if breaks else 0.0)
            left = pupils[planned.trust == trust].sum() - lost
            falls = bool(left < policy.number("trust_min_pupils"))
        rows.append((int(schools["urn"].iloc[row]), names[row], names[own], breaks, what, falls))
    return pd.DataFrame(rows, columns=["urn", "name", "cluster", "breaks", "what", "trust_falls"])
