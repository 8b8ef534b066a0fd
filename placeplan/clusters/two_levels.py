"""Both levels planned: schools into clusters, then clusters into trusts, each with its bound, and one for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.clusters import ClusterProblem
from models.locks import NO_LOCKS, Locks
from models.side_by_side import FEDERATIONS, academy_trusts, refusing
from models.trust_finance import office_pooled_gbp
from models.trusts import LOCKED_GBP, Joiners, Trusts, build_trusts, inside_gbp, joiners_of, trust_of
from models.villages import Villages, site_gbp
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.hosts import closed_trusts
from placeplan.clusters.plan_trusts import at_home_balances, joiner_balances, trusts_cost
from solvers import ClusterPlan, solve_clusters
from solvers.clusters_exact import plan_cost
from solvers.plans import ProgressCallback, gap_between, status_of
from solvers.verify import verify_clusters

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Change = Callable[[Villages], ClusterProblem]
TURNS = 2  # in which clusters that no trust can take are parted one by one, before all of two trusts are
NOTHING = ClusterPlan("optimal", 0.0, 0.0, 0.0, np.zeros(0, dtype=np.int64), (), 0.0, "nothing to plan")


@dataclass(frozen=True, eq=False)
class TwoLevels:
    """Clusters and trusts of a case under a policy.

    `school_lead` (N,) is the lead school of each school, -1 alone; `trust` (N,) the trust it is in by the plan, "" for
    none. `objective` and `bound` are of both levels together: `bound` holds for every plan of clusters and trusts.
    """

    policy: Policy
    villages: Villages
    clusters: ClusterPlan
    trusts: Trusts | None
    homes: ClusterPlan
    school_lead: Index
    trust: NDArray[np.object_]
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """Of both levels together."""
        return gap_between(self.objective, self.bound)


def plan_case(
    case: ClusterCase,
    policy: Policy,
    locks: Locks = NO_LOCKS,
    *,
    seconds: float,
    change: Change | None = None,
    progress: ProgressCallback | None = None,
) -> TwoLevels:
    """Plan both levels; `change` lays other costs over the problem of clusters, and the objective is without them.

    Academies of two trusts share a head where one trust can take them all: a cluster of theirs that none takes is
    parted, and clusters are planned again. What was proven before then holds for all of them.

    Raises TimeoutError where there is no plan in time, AssertionError for a plan that does not pass verification.
    """
    villages = case.villages(policy, locks)
    asked = villages.problem if change is None else change(villages)
    asked = _apart_too(asked, _no_trust_takes(case, villages, policy, locks))
    bound = -np.inf
    for turn in range(TURNS + 2):
        clusters = solved(asked, seconds, progress)
        if change is None:
            bound = clusters.bound if turn == 0 else bound
        assert clusters.lead is not None
        clusters = _costing(clusters, plan_cost(villages.problem, clusters.lead), bound)
        planned = _with_trusts(case, villages, clusters, locks, seconds, policy)
        parted = homeless(planned)
        if not len(parted):
            break
        if turn == TURNS:
            parted = _of_two_trusts(villages, np.arange(len(villages.node)))
        asked = _apart_too(asked, parted)
    return planned


def _apart_too(problem: ClusterProblem, pairs: Index) -> ClusterProblem:
    return replace(problem, apart=pairs if problem.apart is None else np.concatenate([problem.apart, pairs]))


def _no_trust_takes(case: ClusterCase, villages: Villages, policy: Policy, locks: Locks) -> Index:
    """(K, 2) nodes that no trust takes together: one may not leave a trust that nobody may join, one is of another."""
    trust, locked = villages.standing.trust, case.schools["urn"].isin(locks.trust).to_numpy(dtype=bool)
    shut = np.isin(trust.astype(str), closed_trusts(case, policy)) & ~villages.standing.free & ~locked
    if policy.text("cluster_outcome") == FEDERATIONS or not shut.any():
        return np.zeros((0, 2), dtype=np.int64)
    elsewhere = (trust != "") & ~locked
    differ = shut[:, None] & elsewhere[None, :] & (trust[:, None] != trust[None, :])
    first, second = (villages.node[rows] for rows in np.nonzero(differ))
    pairs = np.stack([first, second], axis=1)[first != second]
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64)


def homeless(planned: TwoLevels) -> Index:
    """(K, 2) nodes that are together in a cluster of academies of several trusts which is in none, and need not be."""
    if planned.trusts is None or planned.homes.lead is None:
        return np.zeros((0, 2), dtype=np.int64)
    joiners, outside = planned.trusts.joiners, planned.homes.lead[len(planned.trusts.today) :] < 0
    found = [_of_two_trusts(planned.villages, joiners.cluster[j]) for j in np.flatnonzero(joiners.must & outside)]
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)


def _of_two_trusts(villages: Villages, rows: Index) -> Index:
    """(K, 2) different nodes of the schools `rows` that have academies of different trusts, or one such and another."""
    trust, node = villages.standing.trust[rows], villages.node[rows]
    academy = trust != ""
    differ = (trust[:, None] != trust[None, :]) & academy[:, None] & academy[None, :]
    torn = np.isin(node, node[(differ & (node[:, None] == node[None, :])).any(axis=1)])
    differ |= torn[:, None] | torn[None, :]
    first, second = np.nonzero(differ & (node[:, None] < node[None, :]))
    return np.unique(np.stack([node[first], node[second]], axis=1), axis=0).astype(np.int64)


def keeps_limits(villages: Villages, school_lead: Index) -> bool:
    """Whether clusters by the leads of schools (N,) keep the locks and every limit of the problem of clusters."""
    lead = villages.node_lead(school_lead)
    if lead is None:
        return False
    cost = plan_cost(villages.problem, lead)
    return not verify_clusters(villages.problem, ClusterPlan("feasible", cost, cost, 0.0, lead, (), 0.0, "drawn"))


def with_clusters(case: ClusterCase, planned: TwoLevels, locks: Locks, lead: Index, seconds: float) -> TwoLevels | None:
    """The plan with other clusters, by the leads of nodes, and the best trusts of them; None where a rule is broken."""
    problem = planned.villages.problem
    found = replace(planned.clusters, lead=lead, seconds=0.0, route="found on the way")
    clusters = _costing(found, plan_cost(problem, lead), planned.clusters.bound)
    if verify_clusters(problem, clusters):
        return None
    other = _with_trusts(case, planned.villages, clusters, locks, seconds, planned.policy)
    return None if len(homeless(other)) else other


def _with_trusts(
    case: ClusterCase, villages: Villages, clusters: ClusterPlan, locks: Locks, seconds: float, policy: Policy
) -> TwoLevels:
    """The best trusts of given clusters."""
    leads = clusters.lead
    assert leads is not None
    school_lead = villages.school_lead(leads)
    if policy.text("cluster_outcome") == FEDERATIONS:
        return _federations(case, villages, clusters, locks, policy)
    trusts = case_trusts(case, villages, school_lead, locks, policy)
    homes = solved(trusts.problem, seconds) if trusts.problem.n_nodes else NOTHING
    if homes.objective >= LOCKED_GBP:  # what is locked is too little for a new trust, and is kept
        trusts = case_trusts(case, villages, school_lead, locks, policy, below=True)
        homes = solved(trusts.problem, seconds)
    assert homes.lead is not None
    named = trust_of(trusts, homes.lead)
    trust = school_trusts(case, trusts.joiners, named)
    if trusts.joiners.must.any() or locks.trust:  # a plan of these is read another way than it was asked for
        homes = _costing(homes, trusts_cost(case, policy, villages.standing, school_lead, trust), homes.bound)
    return TwoLevels(
        policy,
        villages,
        clusters,
        trusts,
        homes,
        school_lead,
        trust,
        clusters.objective + homes.objective,
        clusters.bound + least_of_any(case, villages, policy, locks),
    )


def _federations(
    case: ClusterCase, villages: Villages, clusters: ClusterPlan, locks: Locks, policy: Policy
) -> TwoLevels:
    """Federations in no trust: nothing joins, and standing outside is priced as in any plan, so that they compare."""
    assert clusters.lead is not None
    school_lead, own = villages.school_lead(clusters.lead), academy_trusts(case.schools)
    cost = trusts_cost(case, policy, villages.standing, school_lead, own)
    homes = replace(NOTHING, objective=cost, bound=cost)
    bound = clusters.bound + least_of_any(case, villages, policy, locks)
    return TwoLevels(
        policy, villages, clusters, None, homes, school_lead, own, clusters.objective + cost, bound
    )  # fmt: skip


def solved(problem: ClusterProblem, seconds: float, progress: ProgressCallback | None = None) -> ClusterPlan:
    """A verified plan of one level."""
    plan = solve_clusters(problem, time_limit_s=seconds, progress=progress)
    if plan.lead is None:
        raise TimeoutError(f"No clusters in {plan.seconds:.0f} s.")
    if wrong := verify_clusters(problem, plan):
        raise AssertionError("The clusters fail their independent verification: " + "; ".join(wrong))
    return plan


def _costing(plan: ClusterPlan, cost: float, bound: float) -> ClusterPlan:
    """A plan made at other costs or within other limits, at its own cost and bound; -inf where none is known."""
    bound = min(bound, cost)
    return replace(plan, status=status_of(cost, bound, 1e-4), objective=cost, bound=bound, gap=gap_between(cost, bound))


def case_trusts(
    case: ClusterCase, villages: Villages, school_lead: Index, locks: Locks, policy: Policy, *, below: bool = False
) -> Trusts:
    """The problem of trusts once clusters stand; `below` as of `build_trusts`."""
    own, drawn = villages.standing.trust, _with_locked(case, villages, school_lead, locks, policy)
    stays = np.array([locks.trust.get(int(urn)) == own[row] for row, urn in enumerate(case.schools["urn"])], dtype=bool)
    rules = replace(villages.standing, free=villages.standing.free & ~stays)
    joiners = joiners_of(case.schools, rules, school_lead, policy, drawn)
    hubs = np.concatenate([case.today["hub"].to_numpy(dtype=np.int64), case.row[joiners.lead]])
    drive = case.drive_min[np.ix_(hubs, hubs)]
    inside, apart = joiner_balances(case, joiners, policy)
    locked = [str(drawn[rows[0]]) if (drawn[rows] != own[rows]).any() else "" for rows in joiners.members]
    closed = closed_trusts(case, policy)
    return build_trusts(
        case.schools, rules, joiners, case.today, drive, inside, apart, policy, locked, closed, below,
        at_home_balances(case, joiners, policy),
    )  # fmt: skip


def locked_trusts(case: ClusterCase, villages: Villages, locks: Locks) -> NDArray[np.object_]:
    """(N,) the trust that a plan locks each school in, that of today of the others."""
    trust = villages.standing.trust.copy()
    for row, urn in enumerate(case.schools["urn"]):
        trust[row] = locks.trust.get(int(urn), trust[row])
    return trust


def _with_locked(
    case: ClusterCase, villages: Villages, school_lead: Index, locks: Locks, policy: Policy
) -> NDArray[np.object_]:
    """(N,) as `locked_trusts`; who shares a head with schools locked into one other trust, and is free, comes along."""
    trust, rules, schools = locked_trusts(case, villages, locks), villages.standing, case.schools
    moved = trust != rules.trust
    land = (schools["land_consent"] == "refused").to_numpy(dtype=bool) & (rules.trust == "")
    comes = rules.free & ~refusing(schools, policy) & ~land & ~schools["urn"].isin(locks.trust).to_numpy(dtype=bool)
    for one in np.unique(school_lead[moved & (school_lead >= 0)]):
        rows = np.flatnonzero(school_lead == one)
        names = set(trust[rows[moved[rows]]])
        if len(names) == 1:
            trust[rows[comes[rows]]] = next(iter(names))
    return trust


def school_trusts(case: ClusterCase, joiners: Joiners, named: list[str | None]) -> NDArray[np.object_]:
    """(N,) trust by the plan of each school; of who joins nowhere its own of today."""
    trust = academy_trusts(case.schools).copy()
    for members, name in zip(joiners.members, named, strict=True):
        if name is not None:
            trust[members] = name
    return trust


def least_of_any(case: ClusterCase, villages: Villages, policy: Policy, locks: Locks = NO_LOCKS) -> float:
    """What trusts cost at least whatever the clusters: each school in the cheapest place there is for it.

    A village school without a trust joins one or pays for standing outside; another may be left as it is. Federations
    join none. What joins adds no more to a trust's balance in one future of ten than its schools' means and a third of
    their deviations, each with the largest cluster's saving, and what stands outside has no better a balance than that
    either; a shortfall is at least any share of what is lacking, up to its price.
    """
    schools, money, rules = case.schools, case.money, villages.standing
    size = np.bincount(villages.node)
    pupils = schools["pupils"].to_numpy(dtype=float)
    inside = inside_gbp(np.ones(len(schools)), pupils, policy)
    # A share of a cluster's saving is at most that of a site of the largest one whose heads cost as much as any.
    largest = max(policy.integer("cluster_max_schools"), int(size.max(initial=1)))
    area = policy.number("area_cost_factor")
    gain = area * (policy.number("head_gbp") - policy.number("executive_head_gbp") / largest) - site_gbp(policy)
    apart = money.balance[case.row] + max(gain, 0.0)
    each = apart + office_pooled_gbp(policy) - policy.number("trust_central_gbp_per_pupil") * money.pupils[case.row]
    # The tenth percentile is at most a third of a standard deviation above the mean (Cantelli), and those add up.
    adds, stays = ((one.mean(axis=2) + one.std(axis=2) / 3).mean(axis=1) for one in (each, apart))
    may_join = rules.free | (locked_trusts(case, villages, locks) != rules.trust)
    must = schools["small"].to_numpy(dtype=bool) & (rules.trust == "") & (size[villages.node] == 1)
    land = (schools["land_consent"] == "refused").to_numpy(dtype=bool) & (rules.trust == "")
    beside = (~rules.apart & land[None, :]).any(axis=1)  # it could be in a cluster that may join no trust
    must &= ~refusing(schools, policy) & ~land & ~beside
    outside = np.where(must, policy.number("trust_outside_gbp"), 0.0)
    inside, adds, stays = (np.where(may_join, one, 0.0) for one in (inside, adds, stays))
    joins = policy.text("cluster_outcome") != FEDERATIONS
    prices = np.linspace(0.0, policy.number("trust_shortfall_price"), 21)
    return max(float(_least(inside - price * adds, outside - price * stays, must, joins).sum()) for price in prices)


def _least(inside: Array, outside: Array, must: NDArray[np.bool_], joins: bool) -> Array:
    """(N,) the cheapest of joining, standing outside, and for who need do neither, of staying as it is."""
    least = np.minimum(inside, outside) if joins else outside
    return np.where(must, least, np.minimum(least, 0.0))
