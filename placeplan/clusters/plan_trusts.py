"""The second level of any plan, however it was made: who is in which trust, what that costs and what falls short."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.side_by_side import FEDERATIONS, Standing, academy_trusts
from models.trust_finance import mean_p10
from models.trusts import Joiners, Trusts, build_trusts, hub_of, joiners_of
from placeplan.clusters.case import ClusterCase

Index = NDArray[np.int64]
Array = NDArray[np.float64]
Balances = Callable[[ClusterCase, Joiners, Policy], tuple[Array, Array]]


def joiner_balances(
    case: ClusterCase, joiners: Joiners, policy: Policy
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,) balances in one future of ten of what may join: in a trust without its centre's fixed part, and in none.

    Academies that do not join stay in a trust of their own, whose affair their balance is.
    """
    own = academy_trusts(case.schools)
    clusters = [case.row[rows] for rows in joiners.cluster]
    inside = mean_p10(case.money, [case.row[rows] for rows in joiners.members], clusters, policy, pooled=True)
    apart = [case.row[rows[own[rows] == ""]] for rows in joiners.members]
    return inside, mean_p10(case.money, apart, clusters, policy, pooled=False)


def at_home_balances(case: ClusterCase, joiners: Joiners, policy: Policy) -> dict[tuple[int, int], float]:
    """By joiner of academies of several trusts, and each of these: what its other schools add there, as `inside`."""
    own, found = academy_trusts(case.schools), {}
    for j in np.flatnonzero(joiners.must):
        for t, name in enumerate(case.today["trust"]):
            rows = joiners.members[j][own[joiners.members[j]] != name]
            if len(rows) < len(joiners.members[j]):
                members, whole = [case.row[rows]], [case.row[joiners.cluster[j]]]
                found[int(j), t] = float(mean_p10(case.money, members, whole, policy, pooled=True)[0])
    return found


def drawn_trusts(
    case: ClusterCase,
    policy: Policy,
    rules: Standing,
    school_lead: Index,
    trust: NDArray[np.object_],
    balances: Balances = joiner_balances,
) -> tuple[Trusts, Index]:
    """The problem of trusts of a plan's clusters, and the leads of its nodes that give each school its `trust` (N,).

    Whoever is drawn into another trust than today's is a joiner, whatever the rules say. Where federations are asked
    for, nothing joins a trust: all stands outside. `balances` may remember what it has worked out.
    """
    federations = policy.text("cluster_outcome") == FEDERATIONS
    joiners = joiners_of(case.schools, rules, school_lead, policy, None if federations else trust)
    hubs = np.concatenate([case.today["hub"].to_numpy(dtype=np.int64), case.row[joiners.lead]])
    drive = case.drive_min[np.ix_(hubs, hubs)]
    inside, apart = balances(case, joiners, policy)
    problem = build_trusts(case.schools, rules, joiners, case.today, drive, inside, apart, policy)
    n_today = len(problem.today)
    lead = np.concatenate([np.arange(n_today), np.full(len(joiners.members), -1)]).astype(np.int64)
    stays = trust == rules.trust
    named = [
        "" if federations or stays[rows].all() or len(set(trust[rows])) > 1 else str(trust[rows[0]])
        for rows in joiners.members
    ]
    for name in sorted(set(named) - {""}):
        mine = np.array([j for j, given in enumerate(named) if given == name], dtype=np.int64)
        if name in problem.today:
            lead[n_today + mine] = problem.today.index(name)
        else:
            lead[n_today + mine] = n_today + hub_of(name, mine, joiners, problem.problem.weight)
    return problem, lead


def trusts_cost(
    case: ClusterCase,
    policy: Policy,
    rules: Standing,
    school_lead: Index,
    trust: NDArray[np.object_],
    balances: Balances = joiner_balances,
) -> float:
    """What the second level of a plan costs a year at the study's prices, rules apart.

    Of federations that is the price of standing outside every trust, and of what falls short there.
    """
    problem, lead = drawn_trusts(case, policy, rules, school_lead, trust, balances)
    return problem.cost_of(lead)
