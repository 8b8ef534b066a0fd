"""Village schools: which of them could share one executive head, stated as a ClusterProblem.

A cluster has an executive head at its lead school and a head of school on every site; a school that stands alone has a
head of its own, who also teaches where it is small. Village schools are brought together: standing alone has a price
beside its cost, and every minute of drive has one. A larger school may lead them as their hub, or stays out.

Schools that stand together today, or that a plan locks together, are one node of the problem. Such a node may stay as
it is: its price of standing in no new cluster is the cost of the one it is, led by whoever leads it best. Each other of
its schools that may lead those who join is a node more, without schools or pupils, that leads with all of them or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from geodata.policy import Policy
from models.clusters import ClusterProblem, GroupRow, sharing_a_lead
from models.locks import NO_LOCKS, Locks, groups_of
from models.side_by_side import Standing

Array = NDArray[np.float64]
Index = NDArray[np.int64]
PRIMARY_PHASES = ("infant", "first", "junior", "primary")
CROSS_PHASES = ("middle", "secondary", "all-through")
LOCKED_GBP = 1e7  # a year for standing alone, for who is locked in a cluster
FARTHEST_MIN = 180.0  # drive that is priced where there is no road between schools that are together today


@dataclass(frozen=True, eq=False)
class Villages:
    """The cluster problem of a study's village schools.

    Attributes
    ----------
    schools : one row a school (N), as the table of that name, with `pupils`, `small` and `alone_gbp`.
    drive_min : (N, N) from member to lead.
    node : (N,) node of the problem that each school belongs to; several where they stand together already.
    lead_school : (G,) school that leads where the node leads.
    locked : (G,) whether the node's cluster is locked.

    """

    schools: pd.DataFrame
    standing: Standing
    drive_min: Array
    problem: ClusterProblem
    node: Index
    lead_school: Index
    locked: NDArray[np.bool_]

    def school_lead(self, lead: Index) -> Index:
        """(N,) lead school of each school by the plan's leads (G,) of nodes; -1 for a school without a partner."""
        nodes = np.arange(len(lead))
        stays = np.bincount(self.node, minlength=len(lead)) > 1  # schools that are together anyhow
        led = np.where((lead < 0) & stays, nodes, lead)[self.node]
        return np.where(led < 0, -1, self.lead_school[led])

    def node_lead(self, school_lead: Index) -> Index | None:
        """(G,) leads of nodes that give these leads (N,) of schools; None where nodes do not allow it.

        Who is together anyhow and with nobody else stays as it is, whatever the limits.
        """
        n = self.problem.n_nodes
        leading = np.full(len(school_lead), -1, dtype=np.int64)  # by school the node that leads where it does
        leading[self.lead_school] = np.arange(n)
        lead = np.full(n, -1, dtype=np.int64)
        inside = np.flatnonzero(school_lead >= 0)
        lead[self.node[inside]] = leading[school_lead[inside]]
        used = np.unique(lead[lead >= 0])
        lead[used] = used
        as_it_is = (np.bincount(lead[lead >= 0], minlength=n) == 1) & (np.bincount(self.node, minlength=n) > 1)
        lead[as_it_is & (lead == np.arange(n))] = -1
        return lead if (self.school_lead(lead) == school_lead).all() else None


def village_schools(schools: pd.DataFrame, pupils: pd.Series, policy: Policy) -> pd.DataFrame:
    """Primary-phase schools on the map with few enough pupils R–Y6; `pupils` is by urn. Adds column pupils.

    The limit is for seven year groups; an infant or junior school has it in proportion, so that a full infant school of
    one form is not taken for a village school.
    """
    groups = schools["high_age"].clip(upper=11) - schools["low_age"].clip(lower=4)
    limit = policy.number("village_school_max_pupils") * groups.clip(1, 7) / 7
    small = schools.assign(pupils=schools["urn"].map(pupils).fillna(0.0))
    keep = small["phase"].isin(PRIMARY_PHASES) & small["easting"].notna() & (small["pupils"] > 0)
    keep &= small["pupils"] <= limit
    return small[keep].reset_index(drop=True)


def with_hubs(
    schools: pd.DataFrame, pupils: pd.Series, small: pd.DataFrame, drive_min: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """The village schools `small` and the larger ones that may lead some of them; column `small` tells them apart.

    `pupils` by urn of all year groups; `drive_min` has urns on both sides. A larger school that stands together with a
    village school today comes with it.
    """
    larger = schools.assign(pupils=schools["urn"].map(pupils).fillna(0.0))
    larger = larger[~larger["urn"].isin(small["urn"]) & larger["easting"].notna() & (larger["pupils"] > 0)]
    away = drive_min.loc[small["urn"], larger["urn"]].to_numpy()
    near = (away <= policy.number("cluster_drive_max_min")).any(axis=0) if len(small) else np.zeros(len(larger), bool)
    beside = np.zeros(len(larger), dtype=bool)
    for column in ("federation", "cluster"):
        if column in larger and policy.text("cluster_keep") == "yes":
            beside |= (larger[column].notna() & larger[column].isin(small[column].dropna())).to_numpy()
    kept = larger[(may_be_hub(larger, policy) & near) | beside]
    both = pd.concat([small.assign(small=True), kept.assign(small=False)])
    return both.sort_values("urn", kind="stable").reset_index(drop=True)


def may_be_hub(schools: pd.DataFrame, policy: Policy) -> NDArray[np.bool_]:
    """(N,) whether a larger school may lead village schools, by its phase and pupils."""
    phases = PRIMARY_PHASES + (CROSS_PHASES if policy.text("cluster_cross_phase") == "yes" else ())
    few = schools["pupils"].to_numpy(dtype=float) <= policy.number("cluster_hub_max_pupils")
    return np.asarray(schools["phase"].isin(phases).to_numpy(dtype=bool) & few)


def head_gbp_covered(pupils: Array, policy: Policy) -> Array:
    """Cost a year of a school's own head, less what a head teaches where there are few pupils; any shape.

    What the post costs more by the pupil is the same in a cluster and left out; without pupils it costs nothing.
    """
    taught = policy.number("head_teaching_share") * policy.number("teacher_gbp")
    few = pupils < policy.number("head_teaches_below_pupils")
    cost = policy.number("area_cost_factor") * (policy.number("head_gbp") - taught * few) * (pupils > 0)
    return np.asarray(cost, dtype=np.float64)


def site_gbp(policy: Policy) -> float:
    """Cost a year of a site of a cluster: its head of school, less what sharing a special needs coordinator saves."""
    area = policy.number("area_cost_factor")
    return area * (policy.number("head_of_school_gbp") - policy.number("senco_shared_saved_gbp"))


def build_villages(
    schools: pd.DataFrame, standing: Standing, drive_min: Array, policy: Policy, locks: Locks = NO_LOCKS
) -> Villages:
    """State the problem for `schools` (urn, pupils, small, alone_gbp and more) with drive minutes (N, N)."""
    node, locked, leads_of = groups_of(schools, locks, policy)
    pupils, small = schools["pupils"].to_numpy(dtype=float), schools["small"].to_numpy(dtype=bool)
    led = schools["urn"].isin(locks.members).to_numpy(dtype=bool)  # by another
    lead_school, may_lead = _leads(schools, drive_min, node, leads_of, led, policy)
    n, home = len(lead_school), node[lead_school]
    size, weight = np.bincount(node, minlength=n), np.bincount(node, pupils, minlength=n).astype(np.float64)
    locked = np.pad(locked, (0, n - len(locked)))
    given = np.isin(np.arange(n), list(leads_of))
    some_led = np.bincount(node, led, minlength=n) > 0
    set_up = locked & (given | ((size > 1) & ~some_led))  # has its lead, and joins nobody
    member, lead = _pairs(standing, drive_min, node, lead_school, may_lead, set_up, small, locks, schools, policy)
    away = np.minimum(drive_min, FARTHEST_MIN) * (1 - np.eye(len(schools)))
    site = site_gbp(policy) + away[:, lead_school] * policy.number("executive_drive_gbp_per_min")  # (N, G)
    cost = np.zeros((n, n))  # of a node with a lead
    np.add.at(cost, node, site)
    executive = policy.number("area_cost_factor") * policy.number("executive_head_gbp")
    price = policy.number("village_alone_gbp")
    single = schools["alone_gbp"].to_numpy(dtype=float) + price * small
    alone = np.where(size > 1, executive + cost[np.arange(n), np.arange(n)], np.bincount(node, single, minlength=n))
    alone = alone + LOCKED_GBP * (locked & (led[lead_school] | (size == 1)))
    least, most = policy.integer("cluster_min_schools"), policy.integer("cluster_max_schools")
    fewest = np.where(size == 0, np.maximum(size[home] + 1, least), least)  # who is together has others to lead
    schools_row = GroupRow("schools", size.astype(float), fewest.astype(float), np.full(n, float(most)))
    plain, more = bool((size == 1).all()), bool((size == 0).any())
    problem = ClusterProblem(
        weight=weight,
        arc_lead=lead,
        arc_member=member,
        arc_cost=cost[member, lead],
        lead_cost=np.full(n, executive),
        alone_cost=alone,
        max_weight=policy.number("cluster_max_pupils"),
        min_members=least if plain else 1,
        max_members=most + more,
        apart=_apart(standing, node, lead, member, locked),
        neighbours=_neighbours(schools, node, home) if policy.text("cluster_contiguous") == "yes" else None,
        rows=() if plain else (schools_row, *_with_their_own(size, home)),
    )
    return Villages(schools, standing, drive_min, problem, node, lead_school, locked)


def _leads(
    schools: pd.DataFrame,
    drive_min: Array,
    node: Index,
    leads_of: Mapping[int, int],
    led: NDArray[np.bool_],
    policy: Policy,
) -> tuple[Index, NDArray[np.bool_]]:
    """(G,) the school that leads where a node leads, and whether it may; nodes with schools come first.

    Of several together it is the one locked, or the one with the shortest drives, and any other of them instead; who
    is locked as `led` (N,) by another is not.
    """
    pupils, small = schools["pupils"].to_numpy(dtype=float), schools["small"].to_numpy(dtype=bool)
    may = pupils >= policy.number("cluster_lead_min_pupils")
    may &= small | may_be_hub(schools, policy)
    together = node[:, None] == node[None, :]
    drives = (np.minimum(drive_min, FARTHEST_MIN) * (together & ~np.eye(len(node), dtype=bool))).sum(axis=0)
    locked = np.array(sorted(leads_of.values()), dtype=np.int64)
    given = np.isin(np.arange(len(node)), locked)
    order = np.lexsort((-pupils, drives.round(6), led, ~given, node))
    first = np.unique(node[order], return_index=True)[1]
    lead_school = order[first].astype(np.int64)
    several = together.sum(axis=1) > 1
    others = np.setdiff1d(np.flatnonzero(several & ~led), lead_school)
    others = others[~np.isin(node[others], node[locked])]
    lead_school = np.concatenate([lead_school, others])
    return lead_school, ((may | several | given) & ~led)[lead_school]


def _with_their_own(size: Index, home: Index) -> list[GroupRow]:
    """For schools that are together a row that asks for all of them where another of them leads."""
    n, others = len(size), size == 0
    nodes, endless = np.arange(n), np.full(n, np.inf)
    return [
        GroupRow("together", (nodes == one).astype(float), np.where(others & (home == one), 1.0, -np.inf), endless)
        for one in np.unique(home[others])
    ]


def _pairs(
    standing: Standing,
    drive_min: Array,
    node: Index,
    lead_school: Index,
    may_lead: NDArray[np.bool_],
    set_up: NDArray[np.bool_],
    small: NDArray[np.bool_],
    locks: Locks,
    schools: pd.DataFrame,
    policy: Policy,
) -> tuple[Index, Index]:
    """Members and leads (nodes) that rules and roads let come together; the node itself where it may lead."""
    n, home = len(lead_school), node[lead_school]
    size = np.bincount(node, minlength=n)
    far = drive_min[:, lead_school] > policy.number("cluster_drive_max_min")
    blocked = np.zeros((n, n), dtype=bool)  # (member, lead)
    np.logical_or.at(blocked, node, far)
    between = np.zeros((n, len(schools)), dtype=bool)
    np.logical_or.at(between, node, standing.apart)
    together = np.zeros((n, n), dtype=bool)
    np.logical_or.at(together.T, node, between.T)
    blocked |= together[:, home]
    larger = np.zeros(n, dtype=bool)  # single larger schools lead or stay out
    np.logical_or.at(larger, node, ~small)
    blocked[larger & (size == 1)] = True
    torn = _of_two_trusts(standing, node, n)  # no trust could have them and whoever joins them
    blocked[torn & may_lead] = True
    blocked[:, torn[home]] = True
    blocked[set_up] = True
    for urn in locks.alone:
        at = np.flatnonzero(schools["urn"].to_numpy() == urn)
        blocked[node[at]] = True
        blocked[:, node[at]] = True
    blocked[size == 0] = True
    blocked[home, np.arange(n)] = False  # those who are together, under another of them
    np.fill_diagonal(blocked, np.isin(home, node[np.isin(schools["urn"], list(locks.alone))]))
    blocked[:, ~may_lead] = True
    member, lead = np.nonzero(~blocked)
    return member.astype(np.int64), lead.astype(np.int64)


def _of_two_trusts(standing: Standing, node: Index, n: int) -> NDArray[np.bool_]:
    """(n,) nodes with schools of several trusts, none of which lets its school go."""
    kept = {(int(node[row]), str(standing.trust[row])) for row in np.flatnonzero(~standing.free)}
    return np.bincount([one for one, _ in sorted(kept)], minlength=n) > 1


def _apart(standing: Standing, node: Index, lead: Index, member: Index, locked: NDArray[np.bool_]) -> Index:
    """(K, 2) pairs of nodes that must be apart and that some lead could have both; locked clusters stay two."""
    apart = locked[:, None] & locked[None, :]
    first, second = np.nonzero(standing.apart)
    apart[node[first], node[second]] = True
    np.fill_diagonal(apart, False)
    return sharing_a_lead(apart, lead, member)


def _neighbours(schools: pd.DataFrame, node: Index, home: Index) -> Index:
    """(E, 2) nodes with schools that are neighbours on the map: whose nearest ground touches.

    A node that leads for others is beside them, and beside all that they are.
    """
    edges = node[neighbouring(schools[["easting", "northing"]].to_numpy(dtype=float))]
    found = [edges]
    for one in np.flatnonzero(home != np.arange(len(home))):
        found += [np.where(edges == home[one], one, edges), np.array([[one, home[one]]])]
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def neighbouring(xy: Array) -> Index:
    """(E, 2) pairs of points whose areas of nearest ground touch; every pair of fewer than four or in one line."""
    everyone = np.argwhere(np.triu(np.ones((len(xy), len(xy)), dtype=bool), 1))
    if len(xy) < 4:
        return everyone.astype(np.int64)
    try:
        corners = Delaunay(xy).simplices
    except QhullError:
        return everyone.astype(np.int64)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    return np.unique(np.sort(edges, axis=1), axis=0).astype(np.int64)
