"""Who pays and who receives in a trust, school by school: before and after its cluster, its slice and pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.pooling import Pooled, pooled
from models.trust_finance import clusters_gain, office_pooled_gbp
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.trust_groups import OUTSIDE, Group

Array = NDArray[np.float64]
COLUMNS = [
    "trust", "urn", "name", "income_gbp", "as_it_is_gbp", "cluster_gbp", "office_gbp", "top_slice_gbp", "pooled_gbp",
    "left_gbp",
]  # fmt: skip


def pooled_group(case: ClusterCase, policy: Policy, group: Group, centre_gbp: float) -> Pooled:
    """Slice and pooling of a trust once all its schools are in it, on the mean of its years and futures."""
    income = case.money.income[group.rows].mean(axis=(1, 2))
    return pooled(_before(case, policy, group).sum(axis=1), income, centre_gbp)


def _before(case: ClusterCase, policy: Policy, group: Group) -> Array:
    """(rows, 3) each school's balance as it is, its even part of what its cluster saves, and its office pooled."""
    found = np.zeros((len(group.rows), 3))
    found[:, 0] = case.money.balance[group.rows].mean(axis=(1, 2))
    for whole in group.clusters:
        gain = float(clusters_gain(case.money, [whole], policy).mean()) / len(whole)
        found[np.isin(group.rows, whole), 1] = gain
    found[:, 2] = office_pooled_gbp(policy) * (case.money.pupils[group.rows] > 0).mean(axis=(1, 2))
    return found


def pooling_table(
    case: ClusterCase, policy: Policy, groups: Sequence[Group], centre_gbp: Mapping[str, float]
) -> pd.DataFrame:
    """Table trust_pooling: a row a school of each trust, GBP a year, mean of the years told, all having joined.

    `centre_gbp` is what the centre of each trust then costs.

    as_it_is_gbp + cluster_gbp + office_gbp − top_slice_gbp + pooled_gbp = left_gbp; the top slice pays the centre and
    no more, pooled_gbp is what the school then receives, a minus what it pays. One-off costs are not in it.
    """
    parts = []
    for group in groups:
        if group.kind == OUTSIDE:
            continue
        told, before = pooled_group(case, policy, group, centre_gbp[group.name]), _before(case, policy, group)
        schools = case.everyone.iloc[group.rows]
        parts.append(
            pd.DataFrame(
                {
                    "trust": group.name,
                    "urn": schools["urn"].to_numpy(),
                    "name": schools["name"].astype(str).to_numpy(),
                    "income_gbp": case.money.income[group.rows].mean(axis=(1, 2)),
                    "as_it_is_gbp": before[:, 0],
                    "cluster_gbp": before[:, 1],
                    "office_gbp": before[:, 2],
                    "top_slice_gbp": told.sliced,
                    "pooled_gbp": told.moved,
                    "left_gbp": told.left,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
