"""An award plan checked from the arrays alone, as `solvers.verify` does for estates and clusters."""

from __future__ import annotations

import numpy as np

from models.awards import AwardProblem, BoolArray
from models.estate import FloatArray
from solvers.plans import STATUSES, AwardPlan
from solvers.verify import TOLERANCE

PENNY = 0.01  # to which every bid's money is read


def verify_awards(problem: AwardProblem, plan: AwardPlan) -> list[str]:
    """Sentences on what is wrong with the plan; [] where nothing is."""
    won = plan.awarded
    if won is None or plan.lot_bid is None:
        without = plan.status in ("infeasible", "unknown") and won is None and plan.lot_bid is None
        return [] if without else [f"the status is {plan.status} but there is no plan"]
    if won.shape != (problem.n_bids,) or won.dtype != bool or plan.lot_bid.shape != (problem.n_lots,):
        return [f"awarded and lot_bid have shapes {won.shape} and {plan.lot_bid.shape}"]
    wrong = _wrong_lots(problem, plan, won) + _wrong_proposers(problem, won) + _wrong_money(problem, won)
    return wrong + _wrong_terms(problem, won) + _wrong_rows(problem, won) + _wrong_claims(problem, plan, won)


def _wrong_lots(problem: AwardProblem, plan: AwardPlan, won: BoolArray) -> list[str]:
    wrong = []
    for lot in range(problem.n_lots):
        takers, said = np.flatnonzero(won & problem.bid_covers[:, lot]), plan.lot_bid
        name = problem.lot_name[lot]
        if len(takers) > 1:
            wrong.append(f"{name} goes to {len(takers)} bids")
        if not len(takers) and problem.lot_required[lot]:
            wrong.append(f"{name} must be awarded and is not")
        if said is not None and said[lot] not in (takers if len(takers) else [-1]):
            wrong.append(f"{name} is said to go to {said[lot]}, and the winning bids for it are {takers.tolist()}")
    return wrong


def _wrong_proposers(problem: AwardProblem, won: BoolArray) -> list[str]:
    wrong = []
    for p in range(problem.n_proposers):
        opened = problem.bid_covers[won & (problem.bid_proposer == p)].sum(axis=0)  # (L,)
        limits = [("in all", int(opened.sum()), problem.proposer_most[p])]
        if problem.lot_year is not None and problem.proposer_most_by_year is not None:
            by_year = enumerate(problem.proposer_most_by_year[p])
            limits += [
                (f"in {problem.year_name[t]}", int(opened[problem.lot_year == t].sum()), most) for t, most in by_year
            ]
        wrong += [
            f"{problem.proposer_name[p]} opens {count} schools {when}, more than {most:g}"
            for when, count, most in limits
            if count > most
        ]
    return wrong


def _wrong_money(problem: AwardProblem, won: BoolArray) -> list[str]:
    spent = problem.bid_capital[won].sum(axis=0)
    over = np.flatnonzero(spent > problem.envelope_limit + PENNY * max(1, int(won.sum())))
    return [
        f"{problem.envelope_name[e]} takes £{spent[e]:,.2f}, more than £{problem.envelope_limit[e]:,.2f}"
        for e in over.tolist()
    ]


def _wrong_terms(problem: AwardProblem, won: BoolArray) -> list[str]:
    return [
        f"the condition is not met: {problem.condition_name[k]}"
        for k, bid in enumerate(problem.condition_bid)
        if won[bid] and not (won & problem.condition_needs[k]).any()
    ]


def _wrong_rows(problem: AwardProblem, won: BoolArray) -> list[str]:
    entry: FloatArray = problem.row_matrix[:, won]
    level, slack = entry.sum(axis=1), TOLERANCE * np.maximum(1.0, np.abs(entry).sum(axis=1))
    outside = np.flatnonzero((level < problem.row_lower - slack) | (level > problem.row_upper + slack))
    return [
        f"{problem.row_name[r]} is {level[r]:,.6g}, outside {problem.row_lower[r]:,.6g} to {problem.row_upper[r]:,.6g}"
        for r in outside.tolist()
    ]


def _wrong_claims(problem: AwardProblem, plan: AwardPlan, won: BoolArray) -> list[str]:
    """What the plan says about itself against points and cost computed again."""
    left = ~problem.bid_covers[won].any(axis=0)
    points = float(problem.points[won].sum() - problem.lot_loss[left].sum())
    cost, quality = float(problem.bid_cost[won].sum()), float(problem.bid_quality[won].sum())
    wrong = [] if plan.status in STATUSES[:2] else [f"the status is {plan.status} but there is a plan"]
    slack, money = TOLERANCE * max(1.0, abs(points)), PENNY * max(1, int(won.sum()))
    for what, said, true, within in (
        ("points are", plan.points, points, slack),
        ("quality is", plan.quality, quality, slack),
        ("cost is", plan.cost_gbp, cost, money),
    ):
        if not abs(said - true) <= within:
            wrong.append(f"the {what} {true:,.6f}, not {said:,.6f} as the plan says")
    if not plan.points_bound >= points - slack:
        wrong.append(f"the bound on points {plan.points_bound:,.6f} is below the {points:,.6f} reached")
    if not plan.cost_bound <= cost + money:
        wrong.append(f"the bound on cost {plan.cost_bound:,.2f} is above the cost {cost:,.2f}")
    closed = plan.points_bound <= plan.points and plan.cost_bound >= plan.cost_gbp
    if (plan.status == "optimal") != closed:
        wrong.append(f"the status is {plan.status}, and the bounds say {'nothing better' if closed else 'otherwise'}")
    return wrong
