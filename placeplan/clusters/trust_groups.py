"""Who is in which trust by a plan: every trust with village schools in it, and every cluster that is in none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.side_by_side import academy_trusts
from models.trusts import new_trust_name, unmistakable_name
from placeplan.clusters.case import ClusterCase

Index = NDArray[np.int64]
TODAY, NEW, OUTSIDE = "trust of today", "new trust", "no trust"


@dataclass(frozen=True, eq=False)
class Group:
    """A trust with village schools in it, or a cluster outside every trust; rows among all planned schools.

    `leads` are the lead schools of `clusters`, which are whole: one may have schools that are elsewhere; `joins` the
    clusters and single schools that come new, each its rows; `hub` is the row of the hub.
    """

    name: str
    kind: str
    rows: Index
    clusters: list[Index]
    leads: list[int]
    joins: list[Index]
    hub: int


def groups_of_plan(case: ClusterCase, school_lead: Index, trust: NDArray[np.object_]) -> list[Group]:
    """Every trust with a village school or cluster in it, then every cluster that is in none."""
    own = academy_trusts(case.everyone)
    planned = own.copy()
    planned[case.row] = trust
    lead = np.full(len(case.everyone), -1, dtype=np.int64)
    inside = school_lead >= 0
    lead[case.row[inside]] = case.row[school_lead[inside]]
    small = case.row[case.schools["small"].to_numpy(dtype=bool)]
    told = {str(name) for name in planned[small]} | {str(name) for name in planned[lead >= 0]}
    hubs = dict(zip(case.today["trust"].astype(str), case.today["hub"], strict=True))
    found = []
    for name in sorted(told - {""}):
        rows = np.flatnonzero(planned == name)
        clusters = _clusters(lead, rows)
        came = rows[own[rows] != name]
        joins = _parts(lead, came)
        new = name not in hubs
        hub = int(hubs[name]) if not new else _new_hub(case, name, joins, lead)
        leads = [int(lead[whole[0]]) for whole in clusters]
        found.append(Group(name, NEW if new else TODAY, rows, clusters, leads, joins, hub))
    for rows in _parts(lead, np.flatnonzero((planned == "") & (lead >= 0))):
        hub = int(lead[rows[0]])
        name = str(case.everyone["name"].iloc[hub])
        found.append(Group(name, OUTSIDE, rows, _clusters(lead, rows), [hub], [], hub))
    return found


def _clusters(lead: Index, rows: Index) -> list[Index]:
    """All of each cluster that has a school among the rows."""
    return [np.flatnonzero(lead == one) for one in np.unique(lead[rows]) if one >= 0]


def _parts(lead: Index, rows: Index) -> list[Index]:
    """What of each cluster is among the rows, and the single schools."""
    inside = [rows[lead[rows] == one] for one in np.unique(lead[rows]) if one >= 0]
    return [*inside, *rows[lead[rows] < 0][:, None]]


def _new_hub(case: ClusterCase, name: str, joins: list[Index], lead: Index) -> int:
    """The lead school that a new trust is named after, else that of its largest cluster."""
    leads = [int(lead[part[0]]) if lead[part[0]] >= 0 else int(part[0]) for part in joins]
    at = {int(row): k for k, row in enumerate(case.row)}
    for one in leads:
        if one in at and new_trust_name(unmistakable_name(case.schools, at[one])) == name:
            return one
    pupils = case.everyone["pupils"].to_numpy(dtype=float)
    return leads[int(np.argmax([pupils[part].sum() for part in joins]))]
