"""The rules of an award problem, one by one: what each asks of the bids, in words and as a row.

That a lot goes to one bid at most is not a rule but what a lot is. Limits that are infinite are no rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.awards import AwardProblem
from models.estate import FloatArray

WHOLE, PENCE, MILLIONTHS = 1, 100, 1_000_000


@dataclass(frozen=True, eq=False)
class AwardRule:
    """lower ≤ Σ_b entry[b]·y[b] ≤ upper, read in so many whole `parts` of one."""

    kind: str  # lot | proposer | proposer_year | envelope | condition | row
    index: tuple[int, ...]  # into the problem's arrays of that kind
    name: str  # words a commissioner recognises
    entry: FloatArray  # (B,)
    lower: float
    upper: float
    parts: int


def award_rules(problem: AwardProblem) -> tuple[AwardRule, ...]:
    """Every rule that could bind, in the order of the problem's arrays."""
    return (*_lots(problem), *_proposers(problem), *_envelopes(problem), *_conditions(problem), *_rows(problem))


def _lots(problem: AwardProblem) -> list[AwardRule]:
    return [
        AwardRule(
            "lot", (lot,), f"{problem.lot_name[lot]} must be awarded",
            problem.bid_covers[:, lot].astype(float), 1.0, math.inf, WHOLE,
        )
        for lot in np.flatnonzero(problem.lot_required).tolist()
    ]  # fmt: skip


def _proposers(problem: AwardProblem) -> list[AwardRule]:
    own = problem.bid_proposer == np.arange(problem.n_proposers)[:, None]  # (P, B)
    schools = problem.bid_covers.sum(axis=1)
    rules = [
        AwardRule(
            "proposer", (p,), f"{problem.proposer_name[p]} opens at most {_count(most)}",
            np.where(own[p], schools, 0.0), -math.inf, most, WHOLE,
        )
        for p, most in enumerate(problem.proposer_most.tolist())
        if math.isfinite(most)
    ]  # fmt: skip
    if problem.lot_year is None or problem.proposer_most_by_year is None:
        return rules
    for p, t in np.argwhere(np.isfinite(problem.proposer_most_by_year)).tolist():
        opened = problem.bid_covers[:, problem.lot_year == t].sum(axis=1)
        most = float(problem.proposer_most_by_year[p, t])
        name = f"{problem.proposer_name[p]} opens at most {_count(most)} in {problem.year_name[t]}"
        entry = np.where(own[p], opened, 0.0)
        rules.append(AwardRule("proposer_year", (p, t), name, entry, -math.inf, most, WHOLE))
    return rules


def _envelopes(problem: AwardProblem) -> list[AwardRule]:
    return [
        AwardRule(
            "envelope", (e,), f"{problem.envelope_name[e]} is at most £{problem.envelope_limit[e]:,.0f}",
            problem.bid_capital[:, e], -math.inf, float(problem.envelope_limit[e]), PENCE,
        )
        for e in np.flatnonzero(np.isfinite(problem.envelope_limit)).tolist()
    ]  # fmt: skip


def _conditions(problem: AwardProblem) -> list[AwardRule]:
    rules = []
    for k, bid in enumerate(problem.condition_bid.tolist()):
        entry = -problem.condition_needs[k].astype(float)
        entry[bid] = 1.0
        rules.append(AwardRule("condition", (k,), problem.condition_name[k], entry, -math.inf, 0.0, WHOLE))
    return rules


def _rows(problem: AwardProblem) -> list[AwardRule]:
    bounds = zip(problem.row_lower.tolist(), problem.row_upper.tolist(), strict=True)
    return [
        AwardRule("row", (r,), problem.row_name[r], problem.row_matrix[r], lower, upper, MILLIONTHS)
        for r, (lower, upper) in enumerate(bounds)
        if math.isfinite(lower) or math.isfinite(upper)
    ]


def _count(schools: float) -> str:
    return "1 school" if schools == 1 else f"{schools:g} schools"
