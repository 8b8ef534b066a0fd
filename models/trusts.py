"""Clusters into trusts around a hub: the same partition problem as that of schools into clusters.

Nodes are the trusts of today, each with its schools in the study, and what may join: clusters that are not all of one
trust, and single village schools. A trust of today always leads; a cluster may be the hub of a new trust, which then
has a centre to pay for and the fewest pupils that policy asks. What joins saves the office that it pools and pays for
the centre by the pupil. Trusts of today are seen as far as their schools are in the study: limits on new trusts are
not theirs, and their own balance is their own affair as long as what joins does not make it worse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.clusters import ClusterProblem, GroupRow, sharing_a_lead
from models.locks import NO_LOCKS, groups_of
from models.powers import ACADEMY
from models.side_by_side import Standing, faiths, kinds, refusing, text
from models.trust_finance import office_pooled_gbp

NEVER_GBP, LOCKED_GBP = 1e7, 1e8  # a year for standing outside, for who has to be in a trust, and is locked in one
FARTHEST_MIN = 180.0  # drive that is priced where there is no road
Array = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Joiners:
    """What may join a trust: J clusters and single schools.

    Attributes
    ----------
    members : schools (rows of the villages) of each that come: not those that are of the trust already.
    cluster : all schools of the cluster they come with, themselves where they are single.
    lead : (J,) the school (row) that speaks for it: its lead.
    name : (J,) that of its lead school.
    bound : (J,) the trust that it has to be in, because all its academies are, or one that may not leave; "" if free.
    must : (J,) whether it has to be in a trust: academies of several, who leave theirs for the cluster.

    """

    members: list[Index]
    cluster: list[Index]
    lead: Index
    name: list[str]
    bound: list[str]
    must: Flags


@dataclass(frozen=True, eq=False)
class Trusts:
    """The trust problem: nodes are the trusts of today by name, then the joiners."""

    today: list[str]
    joiners: Joiners
    problem: ClusterProblem
    drive_min: Array  # (nodes, nodes) from a node's lead school to another node's hub
    cost: Array  # (nodes, nodes) of a node in the trust of another, whether that may be or not
    names: list[str]  # of the trust that each node would lead
    apart_short: Array  # (nodes,) GBP a year by which a node falls short in one future of ten outside every trust
    outside_gbp: Array  # (nodes,) cost a year outside every trust, whether that may be or not

    def shortfall_gbp(self, lead: Index) -> float:
        """By how much what joins, and what stands outside, falls short in one future of ten, by the leads (nodes,)."""
        inside = sum(row.short(lead).sum() for row in self.problem.rows if row.short_price is not None)
        return float(inside + self.apart_short[lead < 0].sum())

    def cost_of(self, lead: Index) -> float:
        """What a plan costs by the leads of the nodes, rules apart; in GBP a year with its prices."""
        inside = np.flatnonzero(lead >= 0)
        leads = np.flatnonzero(lead == np.arange(len(lead)))
        alone = self.outside_gbp[lead < 0].sum()
        short = sum(row.short(lead).sum() * (row.short_price or 0.0) for row in self.problem.rows)
        return float(self.cost[inside, lead[inside]].sum() + self.problem.lead_cost[leads].sum() + alone + short)


def joiners_of(
    schools: pd.DataFrame,
    standing: Standing,
    school_lead: Index,
    policy: Policy,
    drawn: NDArray[np.object_] | None = None,
) -> Joiners:
    """Clusters that are not all of one trust today, and village schools alone without a trust that may join one.

    `school_lead` (N,) is the lead school of each of `schools`, -1 alone. `drawn` (N,) is the trust of each in a plan by
    hand, "" for none: whoever is drawn into another trust than today's joins it, whatever the rules say, and a cluster
    that is drawn apart joins in parts.
    """
    kind, refused = kinds(schools), refusing(schools, policy)
    moved = np.zeros(len(schools), dtype=bool) if drawn is None else (drawn != "") & (drawn != standing.trust)
    land = (text(schools, "land_consent") == "refused") & (kind != ACADEMY)
    small = schools["small"].to_numpy(dtype=bool)
    together = groups_of(schools, NO_LOCKS, policy)[0]
    members, clusters, lead, bound, must = [], [], [], [], []
    groups = [np.flatnonzero(school_lead == one) for one in np.unique(school_lead[school_lead >= 0])]
    single = np.flatnonzero((school_lead < 0) & ((small & (standing.trust == "")) | moved))
    parts = [(part, rows) for rows in groups for part in _drawn_apart(rows, drawn, moved)]
    for rows, whole in [*parts, *((row, row) for row in single[:, None])]:
        if (refused[rows] | land[rows]).any() and not moved[rows].any():
            continue
        stay = rows[~moved[rows]]
        kept = {str(name) for name in standing.trust[stay[~standing.free[stay]]]}
        of, home = set(standing.trust[rows]), {str(name) for name in standing.trust[stay]} - {""}
        if len(kept) > 1:
            continue  # together today across trusts that keep their schools
        if len(of) == 1 and "" not in of and not moved[rows].any():
            continue  # at home in its trust
        own = next(iter(kept or home)) if len(kept or home) == 1 else ""  # the others join where its academies are
        comes = rows[(standing.trust[rows] != own) | moved[rows]] if own else rows
        members.append(comes)
        clusters.append(whole)
        lead.append(int(school_lead[rows[0]]) if school_lead[rows[0]] >= 0 else int(rows[0]))
        bound.append(own)
        as_today = len(set(together[rows])) == 1 and (together == together[rows[0]]).sum() == len(rows)
        must.append(len(of - {""}) > 1 and not as_today)
    named = unmistakable_names(schools)
    names = [named[row] for row in lead]
    return Joiners(members, clusters, np.array(lead, dtype=np.int64), names, bound, np.array(must, dtype=bool))


def _drawn_apart(rows: Index, drawn: NDArray[np.object_] | None, moved: Flags) -> list[Index]:
    """The schools of a cluster that are drawn into each other trust, and the others; all where they stay together."""
    if drawn is None or not moved[rows].any() or len(set(drawn[rows])) == 1:
        return [rows]
    names = sorted(set(drawn[rows[moved[rows]]]))
    parts = [rows[moved[rows] & (drawn[rows] == name)] for name in names]
    return [*parts, rows[~moved[rows]]] if not moved[rows].all() else parts


def build_trusts(
    schools: pd.DataFrame,
    standing: Standing,
    joiners: Joiners,
    today: pd.DataFrame,
    drive_min: Array,
    balance_p10_gbp: Array,
    apart_p10_gbp: Array,
    policy: Policy,
    locked: Sequence[str] = (),
    closed: Collection[str] = (),
    below: bool = False,
    at_home_p10_gbp: Mapping[tuple[int, int], float] | None = None,
) -> Trusts:
    """State the problem; `locked` (J,) names the trust of a joiner that a plan locks, "" where it is free.

    Only who is locked there may join a trust of today that is `closed`. What is locked is let in whatever the limits
    say, which others keep to: they have the room that it leaves them. A new trust that is locked may have too few
    pupils where `below` says so.

    `today` has one row a trust: trust, pupils, articles, diocese, places_for_schools (nan: no limit). `drive_min` are
    minutes between hubs and lead schools (nodes in order: today, joiners). `balance_p10_gbp` (J,) is what each joiner
    adds to a trust's balance of a year in one future of ten, the fixed part of the centre left out; `apart_p10_gbp`
    (J,) is its balance outside every trust. A shortfall has its price wherever it is. `at_home_p10_gbp` is, by joiner
    and trust of today, what a cluster of academies of several trusts adds to one that has some of them already.
    """
    n_today, n = len(today), len(today) + len(joiners.members)
    pupils = schools["pupils"].to_numpy(dtype=float)
    count = np.array([len(rows) for rows in joiners.members], dtype=float)
    weight = np.concatenate([today["pupils"].to_numpy(dtype=float), [pupils[rows].sum() for rows in joiners.members]])
    may = _may_join(schools, standing, joiners, today, policy) & (drive_min <= policy.number("trust_drive_max_min"))
    free = np.array([not name for name in joiners.bound], dtype=bool)
    may[:, n_today:] &= (count >= 2) & free  # a cluster may be a hub, a school may not
    may[:n_today] = False
    for j, name in enumerate(joiners.bound):
        if name:
            row = n_today + j
            at = today.index[today["trust"] == name]
            allowed = may[row, at].copy()
            may[row] = False
            may[row, at] = allowed
    may[:, :n_today] &= ~today["trust"].isin(list(closed)).to_numpy(dtype=bool)[None, :]
    np.fill_diagonal(may, np.concatenate([np.ones(n_today, dtype=bool), (count >= 2) & free]))
    home = _lock(may, today["trust"].astype(str).tolist(), locked, joiners, weight)
    member, lead = np.nonzero(may)
    joining = inside_gbp(count, weight[n_today:], policy)
    own = np.concatenate([np.zeros(n_today), joining])
    away = np.minimum(drive_min, FARTHEST_MIN) * (1 - np.eye(n)) * policy.number("trust_drive_gbp_per_min")
    cost = own[:, None] + away
    for one in np.flatnonzero(joiners.must):  # of academies of several trusts those of the one they stand in are there
        trust, ours = standing.trust[joiners.members[one]], pupils[joiners.members[one]]
        for at in np.flatnonzero(today["trust"].isin(trust)):
            there = trust == today["trust"].iloc[at]
            cost[n_today + one, at] -= float(inside_gbp(there.sum(), ours[there].sum(), policy))
    short = np.concatenate([np.zeros(n_today), np.maximum(-apart_p10_gbp, 0.0)])
    apart = np.array([(standing.trust[rows] == "").sum() for rows in joiners.members], dtype=float)
    outside = np.concatenate([np.zeros(n_today), policy.number("trust_outside_gbp") * apart])
    outside = outside + policy.number("trust_shortfall_price") * short
    kept = np.where(home[n_today:] >= 0, LOCKED_GBP, NEVER_GBP * joiners.must)
    problem = ClusterProblem(
        weight=weight,
        arc_lead=lead.astype(np.int64),
        arc_member=member.astype(np.int64),
        arc_cost=cost[member, lead],
        lead_cost=np.where(np.arange(n) < n_today, 0.0, policy.number("trust_central_gbp")),
        alone_cost=outside + np.concatenate([np.zeros(n_today), kept]),
        apart=sharing_a_lead(
            _apart(schools, standing, joiners, n_today, policy) & ~_locked_together(home), lead, member
        ),
        rows=_at_home(
            _rows(today, weight, count, balance_p10_gbp, policy, home, below),
            _without_their_own(joiners, standing, today, pupils, at_home_p10_gbp or {}),
            today,
        ),
    )
    names = [*today["trust"].astype(str), *map(new_trust_name, joiners.name)]
    for j, name in enumerate(locked):
        if name:
            names[home[n_today + j]] = name
    return Trusts(today["trust"].astype(str).tolist(), joiners, problem, drive_min, cost, names, short, outside)


def inside_gbp(schools: Array, pupils: Array, policy: Policy) -> Array:
    """Cost a year of schools with so many pupils in a trust: joining and the centre by the pupil, less office saved."""
    once = policy.number("joining_gbp") / policy.integer("finance_years")
    cost: Array = (once - office_pooled_gbp(policy)) * schools + policy.number("trust_central_gbp_per_pupil") * pupils
    return cost


def _lock(may: Flags, today: Sequence[str], locked: Sequence[str], joiners: Joiners, weight: Array) -> Index:
    """Leave joiners that are locked to a trust that one only: of a new trust its hub, which leads.

    Returns (nodes,) the hub of who is locked so, -1 of the others.
    """
    home = np.full(len(may), -1, dtype=np.int64)
    for name in sorted(set(locked) - {""}):
        mine = np.array([j for j, given in enumerate(locked) if given == name], dtype=np.int64)
        if name in today:
            hub, members = today.index(name), len(today) + mine
        else:
            named = [j for j in _may_be_named(name, joiners) if locked[j] in ("", name)]
            hub = len(today) + (named[0] if named else hub_of(name, mine, joiners, weight))
            members = np.union1d(len(today) + mine, [hub])
        may[members] = False
        may[:, np.setdiff1d(members, [hub])] = False
        may[members, hub] = True
        home[members] = hub
    return home


def _may_be_named(name: str, joiners: Joiners) -> list[int]:
    """The cluster that a new trust of this name is named after, where it is free to be a hub."""
    free = [j for j, rows in enumerate(joiners.members) if len(rows) > 1 and not joiners.bound[j]]
    return [j for j in free if new_trust_name(joiners.name[j]) == name]


def _locked_together(home: Index) -> Flags:
    """(nodes, nodes) those that a plan locks into one trust, and its hub: what keeps them apart is told, not undone."""
    together: Flags = (home[:, None] == home[None, :]) & (home >= 0)[:, None]
    return together


def hub_of(trust: str, among: Index, joiners: Joiners, weight: Array) -> int:
    """The joiner that is the hub of a new trust: the one it is named after, else the one with the most pupils.

    `weight` are pupils of all nodes, of the joiners the last.
    """
    named = [int(j) for j in among if new_trust_name(joiners.name[int(j)]) == trust]
    pupils = weight[len(weight) - len(joiners.members) :]
    return named[0] if named else int(among[pupils[among].argmax()])


def _rows(
    today: pd.DataFrame, weight: Array, count: Array, balance_p10_gbp: Array, policy: Policy, home: Index, below: bool
) -> tuple[GroupRow, ...]:
    """Pupils, places for schools, number of clusters, and the balance that may fall short at a price."""
    n_today, n = len(today), len(weight)
    is_new = np.arange(n) >= n_today
    zeros, none, endless = np.zeros(n_today), np.full(n, -np.inf), np.full(n, np.inf)
    most, least = policy.number("trust_max_pupils"), np.where(is_new, policy.number("trust_min_pupils"), -np.inf)
    places = endless.copy()
    places[:n_today] = today["places_for_schools"].to_numpy(dtype=float, na_value=np.inf)
    centre = np.where(is_new, policy.number("trust_central_gbp"), 0.0)
    held = np.flatnonzero(home >= 0)
    if below:
        least[home[held]] = -np.inf

    def room(value: Array, limit: Array) -> Array:
        """(nodes,) the limit, or where what is locked is beyond it so much and no more."""
        locked = np.bincount(home[held], value[held], minlength=n)
        ours = np.isin(np.arange(n), home[held])
        return np.where(ours, np.maximum(limit, locked + np.where(home >= 0, 0.0, value)), limit)

    schools, clusters = np.concatenate([zeros, count]), np.concatenate([zeros, np.ones(n - n_today)])
    pupils = np.where(is_new, most, np.maximum(most, weight))
    return (
        GroupRow("pupils", weight, least, room(weight, pupils)),
        GroupRow("places for schools", schools, none, room(schools, places)),
        GroupRow("clusters", clusters, none, room(clusters, np.full(n, float(policy.integer("trust_max_clusters"))))),
        GroupRow(
            "balance", np.concatenate([zeros, balance_p10_gbp]), centre, endless,
            short_price=policy.number("trust_shortfall_price"),
        ),
    )  # fmt: skip


def _without_their_own(
    joiners: Joiners,
    standing: Standing,
    today: pd.DataFrame,
    pupils: Array,
    balance_p10_gbp: Mapping[tuple[int, int], float],
) -> dict[int, dict[int, Mapping[str, float]]]:
    """By trust of today and joiner what the joiner adds to it beside its academies that are there, by row."""
    added: dict[int, dict[int, Mapping[str, float]]] = {}
    for (j, t), balance in balance_p10_gbp.items():
        rows = joiners.members[j][standing.trust[joiners.members[j]] != today["trust"].iloc[t]]
        schools = float(len(rows))
        told = {"pupils": float(pupils[rows].sum()), "places for schools": schools, "balance": balance}
        added.setdefault(t, {})[len(today) + j] = told
    return added


def _at_home(
    rows: Sequence[GroupRow], added: Mapping[int, Mapping[int, Mapping[str, float]]], today: pd.DataFrame
) -> tuple[GroupRow, ...]:
    """The rows, and for trusts that have academies of a joiner already rows of their own in which they count once."""
    made: list[GroupRow] = []
    theirs = np.isin(np.arange(len(rows[0].value)), list(added))
    for row in rows:
        if not any(row.name in told for nodes in added.values() for told in nodes.values()):
            made.append(row)
            continue
        lower, upper = np.where(theirs, -np.inf, row.lower), np.where(theirs, np.inf, row.upper)
        made.append(replace(row, lower=lower, upper=upper))
        for t, nodes in added.items():
            value, only = row.value.copy(), np.arange(len(theirs)) == t
            for node, told in nodes.items():
                value[node] = told[row.name]
            lower, upper = np.where(only, row.lower, -np.inf), np.where(only, row.upper, np.inf)
            made.append(GroupRow(f"{row.name}, {today['trust'].iloc[t]}", value, lower, upper, row.short_price))
    return tuple(made)


def _may_join(
    schools: pd.DataFrame, standing: Standing, joiners: Joiners, today: pd.DataFrame, policy: Policy
) -> Flags:
    """(nodes, nodes) by faith, diocese and articles whether a joiner may be in the trust of the other node."""
    n_today, n = len(today), len(today) + len(joiners.members)
    suits = joint_articles(standing, joiners)
    own = np.array([[name == str(a) for name in standing.articles] for a in today["articles"]], dtype=bool)
    both = np.concatenate([own.reshape(n_today, len(standing.articles)), suits])
    may: Flags = both.astype(np.int8) @ both.T.astype(np.int8) > 0
    diocese = _dioceses(schools, joiners)
    across = policy.text("cluster_across_dioceses") == "yes"
    for j, named in enumerate(diocese):
        for t, held in enumerate(today["diocese"]):
            if not across and named and isinstance(held, str) and held and named != {held}:
                may[n_today + j, t] = False
    may &= ~_apart(schools, standing, joiners, n_today, policy)
    return may & (np.arange(n)[:, None] >= n_today)


def joint_articles(standing: Standing, joiners: Joiners) -> Flags:
    """(J, K) articles that suit every school of a joiner."""
    found = np.zeros((len(joiners.members), standing.suits.shape[1]), dtype=bool)
    for j, rows in enumerate(joiners.members):
        found[j] = standing.suits[rows].all(axis=0)
    return found


def _dioceses(schools: pd.DataFrame, joiners: Joiners) -> list[set[str]]:
    """(J,) dioceses of the church schools of each joiner."""
    named = np.where(faiths(schools) != "", text(schools, "diocese"), "")
    return [{str(diocese) for diocese in named[rows] if diocese} for rows in joiners.members]


def _apart(schools: pd.DataFrame, standing: Standing, joiners: Joiners, n_today: int, policy: Policy) -> Flags:
    """(nodes, nodes) joiners that no new trust may both have: by articles or diocese."""
    suits = joint_articles(standing, joiners).astype(np.int8)
    own = ~(suits @ suits.T > 0)
    if policy.text("cluster_across_dioceses") != "yes":
        named = _dioceses(schools, joiners)
        known = [j for j, found in enumerate(named) if found]
        for i in known:
            for j in known:
                own[i, j] |= named[i] != named[j]
    apart = np.zeros((n_today + len(own), n_today + len(own)), dtype=bool)
    apart[n_today:, n_today:] = own
    np.fill_diagonal(apart, False)
    return apart


def unmistakable_names(schools: pd.DataFrame) -> list[str]:
    """(N,) a school's name, with its URN where another of them has the same."""
    twice = schools["name"].duplicated(keep=False)
    return [
        f"{name} ({urn})" if shared else str(name)
        for name, urn, shared in zip(schools["name"], schools["urn"], twice, strict=True)
    ]


def unmistakable_name(schools: pd.DataFrame, row: int) -> str:
    """The name of one of the schools that no other has."""
    return unmistakable_names(schools)[row]


def trust_of(trusts: Trusts, lead: Index) -> list[str | None]:
    """(J,) the trust that each joiner is in by the plan's leads (nodes,): its name, None outside."""
    return [trusts.names[int(one)] if one >= 0 else None for one in lead[len(trusts.today) :]]


def new_trust_name(hub: str) -> str:
    """Name of a trust that is not there yet."""
    return f"New trust around {hub}"
