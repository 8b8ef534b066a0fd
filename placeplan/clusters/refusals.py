"""What one refusal would do to a cluster and its trust: whoever decides for a school decides for all it decides for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.side_by_side import academy_trusts, text
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.costs import Costs
from placeplan.clusters.trust_groups import NEW, Group, groups_of_plan
from placeplan.clusters.trust_tables import group_money, joined_since
from placeplan.clusters.two_levels import TwoLevels

Index = NDArray[np.int64]
OWN = "its governing body"
COLUMNS = ["urn", "name", "cluster", "decider", "takes", "breaks", "what", "trust_falls", "trust_fails"]


def deciders(schools: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) who decides for each school: an academy's trust, the one governing body of a federation, or its own.

    Schools that share a head without a federation have a governing body each.
    """
    trust, federation = academy_trusts(schools), text(schools, "federation")
    return np.array(
        [
            f"its trust, {own}" if own else f"the governing body of {one}" if one else OWN
            for own, one in zip(trust, federation, strict=True)
        ],
        dtype=object,
    )


def refusals(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """For each school in a cluster, what the refusal of who decides for it would do to the others and to the trust.

    Columns urn, name, cluster, decider, takes (schools of the cluster that go with it, itself among them), breaks (the
    cluster cannot go on), what, trust_falls (its new trust would have fewer pupils than it needs), trust_fails (its
    trust would no longer stay viable and does with it). A refusal of a trust leaves its schools in that trust.
    """
    costs, lead, schools = Costs(case, planned.policy, planned.villages), planned.school_lead, case.schools
    names, decider = schools["name"].astype(str).to_numpy(), deciders(schools)
    groups = {group.name: group for group in groups_of_plan(case, lead, planned.trust)}
    viable = {name: _viable(case, planned, group, group.rows) for name, group in groups.items()}
    rows = []
    for row in np.flatnonzero(lead >= 0):
        own = int(lead[row])
        inside = np.flatnonzero(lead == own)
        leaving = np.array([row]) if decider[row] == OWN else inside[decider[inside] == decider[row]]
        rest = np.setdiff1d(inside, leaving)
        breaks, what = _without(costs, rest, own, leaving)
        trust, falls, fails = str(planned.trust[row]), False, False
        if trust in groups:
            kept = _left(case, groups[trust], inside if breaks else leaving)
            fails = viable[trust] and not _viable(case, planned, groups[trust], kept)
            if groups[trust].kind == NEW:
                pupils = float(case.everyone["pupils"].to_numpy(dtype=float)[kept].sum())
                falls = pupils < planned.policy.number("trust_min_pupils")
        urn = int(schools["urn"].iloc[row])
        rows.append((urn, names[row], names[own], decider[row], len(leaving), breaks, what, falls, fails))
    return pd.DataFrame(rows, columns=COLUMNS)


def _without(costs: Costs, rest: Index, lead: int, leaving: Index) -> tuple[bool, str]:
    """Whether the others of a cluster cannot go on, and what they would do."""
    names = costs.case.schools["name"].astype(str).to_numpy()
    goes = f"{len(leaving)} go together, and " if len(leaving) > 1 else ""
    if not len(rest):
        return True, f"it decides for {'both' if len(leaving) == 2 else f'all {len(leaving)}'} of them"
    if len(rest) < costs.policy.integer("cluster_min_schools"):
        return True, f"{goes}only {', '.join(names[rest])} would be left"
    if lead not in leaving:
        others = "the other goes on" if len(rest) == 1 else f"the other {len(rest)} go on together"
        return False, f"{goes}{others}"
    _, led = costs.best(rest)
    if led < 0:
        return True, f"{goes}no other of them could lead the rest"
    return False, f"{goes}{names[led]} could lead the rest"


def _left(case: ClusterCase, group: Group, gone: Index) -> Index:
    """Rows of the trust without those of the `gone` (rows of the case's schools) that would come new."""
    new = {int(one) for part in group.joins for one in part}
    leaves = np.array([one for one in case.row[gone] if int(one) in new], dtype=np.int64)
    return np.setdiff1d(group.rows, leaves)


def _viable(case: ClusterCase, planned: TwoLevels, group: Group, rows: Index) -> bool:
    """Whether a trust stays viable with these of its schools, joining when they would."""
    since, told = joined_since(case, planned.policy, group, set())
    keep = np.isin(group.rows, rows)
    clusters = [np.setdiff1d(whole, np.setdiff1d(group.rows, rows)) for whole in group.clusters]
    smaller = Group(group.name, group.kind, group.rows[keep], clusters, group.leads, group.joins, group.hub)
    return group_money(case, planned.policy, smaller, since[keep], len(told)).viable
