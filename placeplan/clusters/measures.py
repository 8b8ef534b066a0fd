"""What is said of every plan of clusters and trusts, however it was made, so that plans can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.side_by_side import Standing
from models.villages import site_gbp
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.plan_trusts import drawn_trusts
from placeplan.clusters.trust_groups import OUTSIDE, groups_of_plan
from placeplan.clusters.trust_tables import scorecards

Index = NDArray[np.int64]
MEASURES = {
    "clusters": "Clusters",
    "village_alone": "Village schools left alone",
    "drives_min": "Drive to the leads, minutes in all",
    "longest_drive_min": "Longest drive to a lead, minutes",
    "leadership_saved_gbp": "Saved in leadership, GBP a year",
    "trusts": "Trusts with village schools",
    "new_trusts": "New trusts",
    "not_viable": "Trusts that do not stay viable",
    "short_some_year": "Trusts short in some year, p10",
    "below_guide": "Trusts below the guide's reserves, p10",
    "grant_gbp": "Start-up grants to make them viable, GBP",
    "joining_not_viable": "Schools joining a trust not viable today",
    "apart_not_viable": "Clusters in no trust that do not",
    "shortfall_p10_gbp": "Short in one future of ten, GBP a year",
    "outside": "Village schools in no trust",
}


def measured(
    case: ClusterCase, policy: Policy, rules: Standing, school_lead: Index, trust: NDArray[np.object_]
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Measures by name as in MEASURES, and the tables trusts and trust_finance of the plan.

    What falls short is what joins a trust beyond what it adds to it, and clusters and schools outside every trust; the
    balances of today's trusts without it are theirs.
    """
    groups = groups_of_plan(case, school_lead, trust)
    cards, years = scorecards(case, policy, rules, groups)
    small = case.schools["small"].to_numpy(dtype=bool)
    inside = np.flatnonzero(school_lead >= 0)
    drives = case.drive_min[case.row[inside], case.row[school_lead[inside]]]
    standing = cards[cards["kind"] != OUTSIDE] if len(cards) else cards
    apart = cards[cards["kind"] == OUTSIDE] if len(cards) else cards
    problem, homes = drawn_trusts(case, policy, rules, school_lead, trust)
    guide = policy.number("viable_reserves_share")
    failing = standing[standing["viable_today"].eq(False)] if len(standing) else standing
    everyone = float(case.schools["alone_gbp"].sum())
    found = {
        "clusters": len(np.unique(school_lead[inside])),
        "village_alone": int((small & (school_lead < 0)).sum()),
        "drives_min": float(drives.sum()),
        "longest_drive_min": float(drives.max(initial=0.0)),
        "leadership_saved_gbp": everyone - leadership_gbp(case, policy, school_lead),
        "trusts": len(standing),
        "new_trusts": int((standing["kind"] == "new trust").sum()) if len(standing) else 0,
        "not_viable": int((~standing["viable"].astype(bool)).sum()) if len(standing) else 0,
        "short_some_year": int((~standing["never_short_p10"].astype(bool)).sum()) if len(standing) else 0,
        "below_guide": int((standing["reserves_share_p10"] < guide).sum()) if len(standing) else 0,
        "grant_gbp": float(standing["grant_gbp"].sum()) if len(standing) else 0.0,
        "joining_not_viable": int(failing["joining"].sum()) if len(failing) else 0,
        "apart_not_viable": int((~apart["viable"].astype(bool)).sum()) if len(apart) else 0,
        "shortfall_p10_gbp": problem.shortfall_gbp(homes),
        "outside": int((small & (trust == "")).sum()),
    }
    return found, cards, years


def leadership_gbp(case: ClusterCase, policy: Policy, school_lead: Index) -> float:
    """Heads, executive heads and heads of school a year, without prices of driving and of standing alone."""
    alone = case.schools["alone_gbp"].to_numpy(dtype=float)[school_lead < 0].sum()
    clusters = len(np.unique(school_lead[school_lead >= 0]))
    executive = policy.number("area_cost_factor") * policy.number("executive_head_gbp") * clusters
    return float(alone + executive + site_gbp(policy) * (school_lead >= 0).sum())


def clusters_cost(case: ClusterCase, policy: Policy, school_lead: Index) -> float:
    """What any clusters cost at the study's prices, in GBP a year: the objective of the first level."""
    small = case.schools["small"].to_numpy(dtype=bool)
    inside = np.flatnonzero(school_lead >= 0)
    drives = case.drive_min[case.row[inside], case.row[school_lead[inside]]].clip(max=180.0)
    priced = policy.number("executive_drive_gbp_per_min") * drives.sum()
    priced += policy.number("village_alone_gbp") * (small & (school_lead < 0)).sum()
    return leadership_gbp(case, policy, school_lead) + float(priced)


def cluster_savings(case: ClusterCase, policy: Policy, table: pd.DataFrame) -> pd.DataFrame:
    """What each cluster of a plan's table saves a year in leadership against heads of their own; a loss is a minus."""
    alone = case.schools.set_index("urn")["alone_gbp"]
    executive = policy.number("area_cost_factor") * policy.number("executive_head_gbp")
    rows = [
        (name, float(alone.loc[part["urn"]].sum() - executive - site_gbp(policy) * len(part)))
        for name, part in table[table["cluster"].notna()].groupby("cluster")
    ]
    return pd.DataFrame(rows, columns=["cluster", "leadership_saved_gbp"])
