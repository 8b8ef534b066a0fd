"""Awards of 200 small problems against every subset of their bids: the best, the next, the rules, the clashes."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.awards import by_highs, make
from models.awards import AwardProblem, share_rows
from solvers import cost_of_rules, next_best, solve_awards
from solvers.verify_awards import verify_awards

INF = np.inf


# If these failed, an award set called the best would not be, or what a rule costs would be made up.


def random_problem(seed: int) -> AwardProblem:
    """Up to four lots and nine bids with few different points, so that equals and tight rules are common."""
    rng = np.random.default_rng(seed)
    n_lots, n_bids, n_proposers = rng.integers(1, 5), rng.integers(1, 10), rng.integers(1, 4)
    covers = rng.random((n_bids, n_lots)) < rng.choice([0.2, 0.5])
    covers[np.arange(n_bids), rng.integers(0, n_lots, n_bids)] = True
    size = covers.sum(axis=1)
    places = covers @ rng.choice([100, 210, 420], n_lots)
    capital = rng.integers(1, 20, (n_bids, 2)) * rng.choice([0.1, 0.29, 1.0])
    condition_bid = rng.integers(0, n_bids, rng.integers(0, 3))
    needs = rng.random((len(condition_bid), n_bids)) < 0.3
    needs[np.arange(len(condition_bid)), condition_bid] = False
    share = rng.choice([0.25, 1 / 3, 0.5])
    lower, upper = (0.0, share) if rng.random() < 0.8 else (share, 1.0)
    matrix, low, high = share_rows(places * (rng.random(n_bids) < 0.4), places, lower, upper, there=(0, 210))
    return AwardProblem(
        bid_covers=covers,
        bid_proposer=rng.integers(0, n_proposers, n_bids),
        bid_quality=size * rng.integers(4, 8, n_bids) / 3,
        bid_cost=size * rng.integers(1, 5, n_bids) * 0.1,
        lot_required=rng.random(n_lots) < 0.2,
        lot_loss=rng.integers(0, 3, n_lots),
        proposer_most=rng.choice([1, 2, INF], n_proposers),
        lot_year=rng.integers(0, 2, n_lots),
        proposer_most_by_year=rng.choice([0, 1, INF, INF, INF], (n_proposers, 2)),
        bid_capital=capital,
        envelope_limit=[capital[:, 0].sum() * rng.choice([0.3, 0.6]), rng.choice([INF, capital[:, 1].max()])],
        condition_bid=condition_bid,
        condition_needs=needs,
        row_matrix=matrix,
        row_lower=low,
        row_upper=high,
        bid_price_points=rng.integers(0, 5, n_bids),
        price_weight=rng.choice([0.0, 0.0, 0.3]),
    )


class EverySubset:
    """Every set of bids, which rules each keeps, and how they rank."""

    def __init__(self, p: AwardProblem) -> None:
        n = p.n_bids
        won = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
        taken = won.astype(int) @ p.bid_covers
        won, taken = won[(taken <= 1).all(axis=1)], taken[(taken <= 1).all(axis=1)]
        self.won, self.keeps = won, {}
        for lot in np.flatnonzero(p.lot_required):
            self.keeps["lot", (lot,)] = taken[:, lot] == 1
        for one in range(p.n_proposers):
            own = won & (p.bid_proposer == one)
            self.keeps["proposer", (one,)] = own.astype(int) @ p.bid_covers.sum(axis=1) <= p.proposer_most[one]
            for t in range(2):
                opened = own.astype(int) @ p.bid_covers[:, p.lot_year == t].sum(axis=1)
                self.keeps["proposer_year", (one, t)] = opened <= p.proposer_most_by_year[one, t]
        for e, limit in enumerate(p.envelope_limit):
            self.keeps["envelope", (e,)] = won @ p.bid_capital[:, e] <= limit + 1e-6
        for k, bid in enumerate(p.condition_bid):
            self.keeps["condition", (k,)] = ~won[:, bid] | (won & p.condition_needs[k]).any(axis=1)
        for r in range(len(p.row_lower)):
            level = won @ p.row_matrix[r]
            self.keeps["row", (r,)] = (level >= p.row_lower[r] - 1e-4) & (level <= p.row_upper[r] + 1e-4)
        worth = (1 - p.price_weight) * p.bid_quality + p.price_weight * p.bid_price_points
        points = np.round(won @ worth - (taken == 0) @ p.lot_loss, 6)
        self.rank = [(-a, b) for a, b in zip(points.tolist(), np.round(won @ p.bid_cost, 2).tolist(), strict=True)]

    def feasible(self, rules) -> np.ndarray:
        """Whether each set keeps all these rules."""
        return np.logical_and.reduce([self.keeps[rule] for rule in rules] or [np.ones(len(self.won), dtype=bool)])

    def ranking(self, rules) -> list[tuple[float, float]]:
        """(-points, cost) of the sets that keep these rules, the best first."""
        return sorted(self.rank[i] for i in np.flatnonzero(self.feasible(rules)))


def close(found, expected) -> bool:
    return all(abs(a - b) < 2e-6 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("seed", range(200))
def test_equal_to_every_subset(seed: int) -> None:
    problem = random_problem(seed)
    every, plan = EverySubset(problem), solve_awards(problem, threads=1, seed=seed)
    ranking = every.ranking(every.keeps)
    assert verify_awards(problem, plan) == []
    if not ranking:
        assert plan.status == "infeasible" and plan.awarded is None
        clash = [(rule.kind, rule.index) for rule in plan.clash]
        assert not every.feasible(clash).any()
        assert all(every.feasible([one for one in clash if one != left]).any() for left in clash)
        return
    assert plan.status == "optimal" and close((-plan.points, plan.cost_gbp), ranking[0])
    if seed % 4:
        return
    following = next_best(problem, plan, k=4, threads=1)
    assert len(following) == min(4, len(ranking) - 1)
    for one, expected in zip(following, ranking[1:], strict=False):
        assert one.status == "optimal" and close((-one.points, one.cost_gbp), expected)
        assert verify_awards(problem, one) == []
    assert len({one.awarded.tobytes() for one in (plan, *following)}) == len(following) + 1
    costs = cost_of_rules(problem, plan, threads=1)
    assert {(one.rule.kind, one.rule.index) for one in costs} == finite_rules(problem)
    for one in costs:
        others = [rule for rule in every.keeps if rule != (one.rule.kind, one.rule.index)]
        best = every.ranking(others)[0]
        assert close((-one.plan.points, one.plan.cost_gbp), best)
        assert close((one.points, one.cost_gbp), (-best[0] - plan.points, plan.cost_gbp - best[1]))


def finite_rules(p: AwardProblem) -> set:
    found = {("lot", (lot,)) for lot in np.flatnonzero(p.lot_required)}
    found |= {("proposer", (one,)) for one in np.flatnonzero(np.isfinite(p.proposer_most))}
    found |= {("proposer_year", (a, b)) for a, b in np.argwhere(np.isfinite(p.proposer_most_by_year))}
    found |= {("envelope", (e,)) for e in np.flatnonzero(np.isfinite(p.envelope_limit))}
    found |= {("condition", (k,)) for k in range(len(p.condition_bid))}
    return found | {("row", (r,)) for r in range(len(p.row_lower))}


def test_random_problems_are_of_every_sort() -> None:
    """The comparison above would prove little if nothing were infeasible, tied, packaged or left without award."""
    infeasible = tied = 0
    costly = Counter()
    sets = Counter()
    for seed in range(200):
        problem = random_problem(seed)
        every = EverySubset(problem)
        ranking = every.ranking(every.keeps)
        if not ranking:
            infeasible += 1
            continue
        tied += len(ranking) > 1 and ranking[0][0] == ranking[1][0]
        for rule in every.keeps:
            costly[rule[0]] += every.ranking([one for one in every.keeps if one != rule])[0] < ranking[0]
        keeps = every.feasible(every.keeps)
        best = next(i for i in np.flatnonzero(keeps) if every.rank[i] == ranking[0])
        sets["package"] += bool((problem.bid_covers[every.won[best]].sum(axis=1) > 1).any())
        sets["no award"] += not problem.bid_covers[every.won[best]].any(axis=0).all()
    assert 20 <= infeasible <= 80 and tied >= 10 and min(sets.values()) >= 20
    kinds = ("lot", "proposer", "proposer_year", "envelope", "condition", "row")
    assert min(costly[kind] for kind in kinds) >= 5


def test_a_large_programme_is_proven_and_bounds_hold_when_time_is_short() -> None:
    """280 bids for 12 lots: a bound that is beaten by what another solver proves would be no bound."""
    problem = make(1)
    points, cost, proven = by_highs(problem, 60)
    plan = solve_awards(problem, threads=1)
    assert proven and plan.status == "optimal" and plan.seconds < 10
    assert close((-plan.points, plan.cost_gbp), (-points, cost))
    for time_limit_s in (0.0, 0.03, 0.06, 0.1, 0.15):
        hurried = solve_awards(problem, threads=1, time_limit_s=time_limit_s)
        assert verify_awards(problem, hurried) == []
        assert hurried.points_bound >= points - 1e-6
        assert hurried.cost_bound <= cost + 1e-6
        assert hurried.status in ("unknown", "feasible", "optimal")
        if hurried.status == "optimal":
            assert close((-hurried.points, hurried.cost_gbp), (-points, cost))
