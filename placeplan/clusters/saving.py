"""What the saving in leadership rests on: its prices, where it ends, what it costs once, and year by year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import years_from
from models.trust_finance import clusters_gain
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.measures import leadership_gbp
from placeplan.clusters.trust_groups import Group
from placeplan.clusters.trust_tables import joined_since

Index = NDArray[np.int64]
PRICES = (
    "head_gbp", "executive_head_gbp", "head_of_school_gbp", "senco_shared_saved_gbp", "head_ends_gbp",
    "head_teaches_below_pupils",
)  # fmt: skip


def saving_terms(case: ClusterCase, policy: Policy, school_lead: Index) -> dict[str, Any]:
    """What a plan saves a year in leadership, by its assumptions, in GBP.

    `prices` by name; `teaching_saved_gbp` by which a head who teaches costs less; `sites` with a head of school;
    `break_even_head_of_school_gbp`: the extra cost of a head of school at which these clusters save nothing, None
    without clusters; `heads_end` posts of heads that end, and `once_gbp` that this costs once.
    """
    sites = int((school_lead >= 0).sum())
    clusters = len(np.unique(school_lead[school_lead >= 0]))
    saved = float(case.schools["alone_gbp"].sum()) - leadership_gbp(case, policy, school_lead)
    area, price = policy.number("area_cost_factor"), policy.number("head_of_school_gbp")
    return {
        "saved_gbp": saved,
        "prices": {key: policy.number(key) for key in PRICES},
        "area_cost_factor": area,
        "teaching_saved_gbp": policy.number("head_teaching_share") * policy.number("teacher_gbp"),
        "sites": sites,
        "break_even_head_of_school_gbp": price + saved / (area * sites) if sites else None,
        "heads_end": sites - clusters,
        "once_gbp": policy.number("head_ends_gbp") * (sites - clusters),
    }


def saving_years(case: ClusterCase, policy: Policy, groups: Sequence[Group], looked: set[int]) -> pd.DataFrame:
    """Table cluster_saving_years: clusters that have begun, what they save, what ending heads' posts costs once.

    A cluster begins once all of its schools are in its trust, one that is at home in the first year.
    """
    begins: list[tuple[int, float, NDArray[np.float64], int]] = []  # year, share of a cluster, saving by year, posts
    last = len(case.years)
    for group in groups:
        since, told = joined_since(case, policy, group, looked)
        last = max(last, len(told))
        for whole, lead in zip(group.clusters, group.leads, strict=True):
            ours = np.isin(group.rows, whole)
            share = float(ours.sum() / len(whole))
            gain = clusters_gain(case.money, [whole], policy).mean(axis=1) * share
            posts = int(ours.sum()) - int(lead in group.rows)
            begins.append((max(int(since[ours].max()), 0), float(lead in group.rows), gain, posts))
    price, rows = policy.number("head_ends_gbp"), []
    for t, year in enumerate(years_from(case.years[0], last)):
        here = [one for one in begins if one[0] <= t]
        rows.append(
            {
                "academic_year": year,
                "clusters": int(sum(led for _, led, _, _ in here)),
                "saved_gbp": float(sum(gain[min(t, len(gain) - 1)] for _, _, gain, _ in here)),
                "once_gbp": price * sum(posts for began, _, _, posts in here if began == t),
            }
        )
    return pd.DataFrame(rows, columns=["academic_year", "clusters", "saved_gbp", "once_gbp"])
