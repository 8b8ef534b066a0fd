"""Winner determination at the size of a large authority's programme, beside HiGHS: python -m benchmarks.awards

12 lots, 80 bids on one lot each and 200 packages of two to four lots, from a seed: nine weighted criteria scored 0 to 5
in halves, capital over four years, each proposer's capacity in all and by year, conditions, two denominational shares.
The peer gets the same programme twice, as one would by hand: points first, then cost with the points held.
"""

import argparse
import time
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from models.award_rules import award_rules
from models.awards import AwardProblem, share_rows
from solvers import cost_of_rules, next_best, solve_awards
from solvers.verify_awards import verify_awards

N_LOTS, N_BIDS, N_PACKAGES, N_PROPOSERS, N_YEARS = 12, 80, 200, 16, 4
WEIGHTS = np.array([25, 15, 15, 10, 10, 10, 5, 5, 5])


def make(seed: int, short: bool = False) -> AwardProblem:
    """A problem in which the rules bind; harder where it is `short` of capital and no lot has to be awarded."""
    rng = np.random.default_rng(seed)
    places = rng.choice([210, 420, 630, 900], N_LOTS, p=[0.2, 0.5, 0.2, 0.1])
    lot_year = rng.integers(0, N_YEARS, N_LOTS)
    covers = np.zeros((N_BIDS + N_PACKAGES, N_LOTS), dtype=bool)
    covers[np.arange(N_BIDS), np.concatenate([np.arange(N_LOTS), rng.integers(0, N_LOTS, N_BIDS - N_LOTS)])] = True
    for b in range(N_BIDS, len(covers)):
        covers[b, rng.choice(N_LOTS, rng.integers(2, 5), replace=False)] = True
    proposer = rng.integers(0, N_PROPOSERS, len(covers))
    skill = rng.normal(0, 6, N_PROPOSERS)[proposer]
    scores = np.clip(np.round((3.2 + rng.normal(0, 0.8, (len(covers), len(WEIGHTS)))) * 2) / 2, 0, 5)
    quality = np.clip(scores @ WEIGHTS / 5 + skill, 0, 100).round(2) * covers.sum(axis=1)
    size = covers @ places
    saving = 1 - 0.03 * (covers.sum(axis=1) - 1)
    cost = (size * rng.normal(25_089, 3_000, len(covers)) * saving).round(-3)
    faith = rng.random(N_PROPOSERS)[proposer] < 0.4
    by_year = np.stack([covers[:, lot_year == t] @ places[lot_year == t] / size for t in range(N_YEARS)], axis=1)
    needed = np.array([places[lot_year == t].sum() for t in range(N_YEARS)]) * 25_089
    condition_bid = rng.choice(N_BIDS, 12, replace=False)
    needs = np.zeros((len(condition_bid), len(covers)), dtype=bool)
    for k, b in enumerate(condition_bid):
        lot = rng.choice(np.flatnonzero(~covers[b]))
        needs[k] = covers[:, lot] & (proposer == proposer[b])
    matrix, lower, upper = share_rows(np.where(faith, size, 0), size, 0.25, 0.4, there=(900.0, 3_000.0))
    return AwardProblem(
        bid_covers=covers, bid_proposer=proposer, bid_quality=quality, bid_cost=cost,
        lot_required=(rng.random(N_LOTS) < 0.5) & (not short), lot_loss=np.full(N_LOTS, 60.0 if short else 20.0),
        proposer_most=rng.integers(1, 4, N_PROPOSERS), lot_year=lot_year,
        proposer_most_by_year=rng.integers(1, 3, (N_PROPOSERS, N_YEARS)),
        bid_capital=(cost[:, None] * by_year).round(2), envelope_limit=(needed * (0.8 if short else 0.97)).round(-3),
        condition_bid=condition_bid, condition_needs=needs, row_matrix=matrix, row_lower=lower, row_upper=upper,
        row_name=("faith places at least 25 %", "faith places at most 40 %"),
    )  # fmt: skip


def by_highs(problem: AwardProblem, time_s: float) -> tuple[float, float, bool]:
    """(points, cost in GBP, whether both are proven) as scipy.optimize.milp finds them."""
    rules = award_rules(problem)
    one_a_lot = LinearConstraint(problem.bid_covers.T.astype(float), -np.inf, 1)
    rows = LinearConstraint(
        np.stack([r.entry for r in rules]), np.array([r.lower for r in rules]), np.array([r.upper for r in rules])
    )
    worth = problem.points + problem.bid_covers @ problem.lot_loss
    whole = {"integrality": np.ones(problem.n_bids), "bounds": Bounds(0, 1)}
    options = {"time_limit": time_s, "mip_rel_gap": 0.0}
    first = milp(-worth, constraints=[one_a_lot, rows], options=options, **whole)
    if first.x is None:
        return -np.inf, np.inf, first.status == 2
    held = LinearConstraint(worth, -first.fun - 1e-6, np.inf)
    second = milp(problem.bid_cost, constraints=[one_a_lot, rows, held], options=options, **whole)
    won = (first if second.x is None else second).x > 0.5
    points = float(worth[won].sum() - problem.lot_loss.sum())
    return points, float(problem.bid_cost[won].sum()), first.status == second.status == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print("seed  capital   status    points        cost £ CP-SAT s  HiGHS s  HiGHS finds   5 next s  rules s (number)")
    for seed, short in product(range(options.seeds), (False, True)):
        problem = make(seed, short)
        plan = solve_awards(problem, time_limit_s=60, threads=options.threads)
        assert not verify_awards(problem, plan)
        began = time.perf_counter()
        points, cost, proven = by_highs(problem, 60)
        peer = time.perf_counter() - began
        same = proven and abs(points - plan.points) < 1e-5 and abs(cost - plan.cost_gbp) < 1
        print(f"{seed:4} {'short' if short else 'enough':>8} {plan.status:>8} {plan.points:9.2f}", end=" ")
        print(f"{plan.cost_gbp:13,.0f} {plan.seconds:8.2f} {peer:8.2f}", end="  ")
        print("the same   " if same else f"{points:.2f} {cost:,.0f}", end=" ")
        if plan.status == "optimal":
            began = time.perf_counter()
            following = next_best(problem, plan, threads=options.threads)
            nexts = time.perf_counter() - began
            costs = cost_of_rules(problem, plan, threads=options.threads)
            rules = time.perf_counter() - began - nexts
            assert all(one.status == "optimal" for one in following)
            assert all(one.plan.status == "optimal" for one in costs)
            print(f" {nexts:9.2f} {rules:9.2f} ({len(costs)})", end="")
        elif plan.clash:
            print("  " + "; ".join(rule.name for rule in plan.clash), end="")
        print(flush=True)


if __name__ == "__main__":
    main()
