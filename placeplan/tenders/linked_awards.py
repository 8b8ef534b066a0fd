"""Linked competitions awarded together: the best set of awards, the next-best, what each rule costs, as tables.

All of it is advisory. A set is shown only after it was checked independently (`solvers.verify_awards`); where rules
clash, those that do are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geodata.competitions import day
from models.award_rules import AwardRule, award_rules
from models.awards import AwardProblem, BoolArray
from models.linked_awards import LinkedAward, broken_rules, firsts, linked_awards
from placeplan.study import Study
from placeplan.tenders.judging import SEED, Judged
from placeplan.words import counted, money
from solvers import solve_awards
from solvers.plans import AwardPlan

ADVISORY = "Advisory: each competition is still decided by its own route"
NEXT_BEST = 5
THREADS = 2
PROVEN, TIE, CLASH, WAITS = "proven", "tie", "rules clash", "not determined"
NOT_PROVEN = "not proven in time"
LEVEL_POINTS, LEVEL_GBP = 1e-6, 0.005
NOBODY = "no award"
SETS = (
    "linked_award", "place", "competition", "bid", "package", "proposer", "points", "capital_gbp", "set_points",
    "less_points", "set_capital_gbp", "more_capital_gbp", "proven", "stamp",
)  # fmt: skip
RULES = (
    "linked_award", "rule", "kind", "subject", "detail", "binds", "points_lost", "more_capital_gbp", "without",
    "proven", "clashes", "stamp",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Alone:
    """The first of each competition taken as they are ranked apart, read as one set."""

    awarded: BoolArray  # (B,)
    points: float
    capital_gbp: float
    breaks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Together:
    """One set of linked competitions, its best award set first, and what is said of it."""

    award: LinkedAward
    outcome: str
    plan: AwardPlan | None
    plans: tuple[AwardPlan, ...]  # best first; empty where rules clash or nothing is determined
    alone: Alone | None  # None where a competition has a tie for first place
    tables: Mapping[str, pd.DataFrame]

    @property
    def result(self) -> str:
        """The result in words that a commissioner reads."""
        if self.outcome == WAITS:
            return f"No set of awards is determined yet. {' '.join(self.award.waits)}"
        if self.outcome == CLASH:
            clash = self.tables["award_rules"].query("clashes")["rule"]
            return f"No set of awards keeps all of the published rules. These clash: {'; '.join(clash)}."
        if not self.plans:
            return "No set of awards was found in the time allowed (policy award_time_limit_s)."
        best = self.plans[0]
        points, cost = f"{best.points:.1f} points", money(best.cost_gbp)
        if self.outcome == TIE:
            level = level_with_first(self.plans)
            tied = " or ".join(won_words(self.award, plan.awarded) for plan in self.plans[:level])
            more = "at least " if level == len(self.plans) > NEXT_BEST else ""
            return (
                f"A tie between {more}{level} sets at {points} and {cost} of capital: {tied}. How a tie is decided is "
                "for the published rules; it is not decided here."
            )
        proof = "no set that keeps the published rules has more points, nor as many for less capital; proven"
        if self.outcome != PROVEN:
            proof = f"not proven in the time allowed: at most {best.points_bound:.1f} points are possible"
        return f"Taken together: {won_words(self.award, best.awarded)} – {points}, {cost} of capital; {proof}."

    @property
    def best(self) -> AwardPlan | None:
        """The one best set; None where there is none, or where several are level."""
        return None if not self.plans or self.outcome == TIE else self.plans[0]

    @property
    def comparison(self) -> str:
        """How the best set compares with the first of each competition; "" without either."""
        if not self.plans or self.plans[0].awarded is None:
            return ""
        if self.alone is None:
            return "A competition has a tie for first place, so there is no one set of firsts to compare with."
        if self.best is not None and (self.alone.awarded == self.best.awarded).all():
            return "These are the bids ranked first in each competition."
        points, cost = f"{self.alone.points:.1f} points", money(self.alone.capital_gbp)
        said = f"Each decided alone: {won_words(self.award, self.alone.awarded)} – {points}, {cost} of capital."
        if not self.alone.breaks:
            return f"{said} This keeps every published rule."
        return f"{said} As a set this breaks: {'; '.join(self.alone.breaks)}."


def judge_together(study: Study, judged: Sequence[Judged]) -> list[Together]:
    """Every set of linked competitions of a study, solved, checked and told."""
    known = {one.contest.competition: (one.contest, one.ranking) for one in judged}
    limit_s = study.policy.number("award_time_limit_s")
    found = []
    for award in linked_awards(study.tables, known, study.policy):
        alone = None if award.problem is None else _alone(award, award.problem, firsts(award, known))
        found.append(_solved(award, alone, limit_s))
    return found


def _solved(award: LinkedAward, alone: Alone | None, limit_s: float) -> Together:
    if award.problem is None:
        return Together(award, WAITS, None, (), None, _tables(award, (), []))
    from solvers import cost_of_rules, next_best

    plan = _checked(award.problem, solve_awards(award.problem, time_limit_s=limit_s, threads=THREADS, seed=SEED))
    if plan.status == "infeasible":
        rules = _clashing(award, plan)
        return Together(award, CLASH, plan, (), alone, _tables(award, (), rules))
    if plan.status != "optimal":
        plans: tuple[AwardPlan, ...] = (plan,) if plan.awarded is not None else ()
        return Together(award, NOT_PROVEN, plan, plans, alone, _tables(award, plans, []))
    options: dict[str, Any] = {"time_limit_s": limit_s, "threads": THREADS, "seed": SEED}
    others = [_checked(award.problem, one) for one in next_best(award.problem, plan, NEXT_BEST, **options)]
    plans = (plan, *(one for one in others if one.awarded is not None))
    told = PROVEN if level_with_first(plans) == 1 else TIE
    costs = [
        _rule_row(award, one.rule, one.points, one.cost_gbp, one.plan)
        for one in cost_of_rules(award.problem, plan, **options)
    ]
    return Together(award, told, plan, plans, alone, _tables(award, plans, costs))


def level_with_first(plans: Sequence[AwardPlan]) -> int:
    """How many of the sets, the first counted, have its points and its capital."""
    best = plans[0]
    return sum(
        abs(plan.points - best.points) < LEVEL_POINTS and abs(plan.cost_gbp - best.cost_gbp) < LEVEL_GBP
        for plan in plans
    )


def _checked(problem: AwardProblem, plan: AwardPlan) -> AwardPlan:
    from solvers.verify_awards import verify_awards

    if wrong := verify_awards(problem, plan):
        raise AssertionError("A set of awards fails its independent verification: " + "; ".join(wrong))
    return plan


def _alone(award: LinkedAward, problem: AwardProblem, awarded: BoolArray | None) -> Alone | None:
    if awarded is None:
        return None
    left = ~problem.bid_covers[awarded].any(axis=0)
    points = float(problem.points[awarded].sum() - problem.lot_loss[left].sum())
    breaks = tuple(rule.name for rule in broken_rules(problem, awarded))
    return Alone(awarded, points, float(problem.bid_cost[awarded].sum()), breaks)


def won_words(award: LinkedAward, awarded: BoolArray | None) -> str:
    """Which bid wins which competition, in the order of the competitions."""
    said = []
    for row in won_rows(award, awarded):
        package = f", package {row['package']}" if row["package"] else ""
        winner = f"to {row['proposer']} ({row['bid']}{package})" if row["bid"] else "without award"
        said.append(f"{row['competition']} {winner}")
    return "; ".join(said)


def won_rows(award: LinkedAward, awarded: BoolArray | None) -> list[dict[str, Any]]:
    """One row a competition: lot, competition, bid, package, proposer ("" without award), points, capital_gbp."""
    if award.problem is None or awarded is None:
        return []
    rows = []
    for lot, code in enumerate(award.lots):
        row: dict[str, Any] = {"lot": lot, "competition": code, "name": award.names[lot], "bid": "", "package": ""}
        row |= {"proposer": "", "points": 0.0 - float(award.problem.lot_loss[lot]), "capital_gbp": 0.0}
        for b in np.flatnonzero(awarded & award.problem.bid_covers[:, lot]).tolist():
            offer = award.offers[b]
            row |= {"bid": str(award.bid[b, lot]), "package": offer.package, "proposer": offer.proposer}
            row |= {"points": float(award.points[b, lot]), "capital_gbp": float(award.capital_gbp[b, lot])}
        rows.append(row)
    return rows


def _tables(award: LinkedAward, plans: Sequence[AwardPlan], rules: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    sets = [
        row
        | {
            "place": place,
            "set_points": plan.points,
            "less_points": plans[0].points - plan.points,
            "set_capital_gbp": plan.cost_gbp,
            "more_capital_gbp": plan.cost_gbp - plans[0].cost_gbp,
            "proven": plan.status == "optimal",
        }
        for place, plan in enumerate(plans, start=1)
        for row in won_rows(award, plan.awarded)
    ]
    own = {"linked_award": award.linked_award, "stamp": ADVISORY}
    return {
        "award_sets": pd.DataFrame([row | own for row in sets], columns=list(SETS)),
        "award_rules": pd.DataFrame([row | own for row in rules], columns=list(RULES)),
    }


def tables_together(found: Sequence[Together]) -> dict[str, pd.DataFrame]:
    """The tables of every set of linked competitions; none where no rules link any."""
    if not found:
        return {}
    names = ("award_sets", "award_rules")
    parts = {name: [one.tables[name] for one in found] for name in names}
    return {
        name: pd.concat([part for part in tables if len(part)] or tables[:1], ignore_index=True)
        for name, tables in parts.items()
    }


def _rule_row(
    award: LinkedAward,
    rule: AwardRule,
    points: float,
    cost_gbp: float,
    without: AwardPlan | None,
    clashes: bool = False,
) -> dict[str, Any]:
    """One published rule: whether it changes the best set, and what it costs in points and capital."""
    key = award.key(rule)
    binds = bool(points > 0 or cost_gbp != 0)
    return {
        "rule": rule.name,
        "kind": key.kind,
        "subject": key.subject,
        "detail": key.detail,
        "binds": binds,
        "points_lost": points,
        "more_capital_gbp": cost_gbp,
        "without": won_words(award, without.awarded) if without is not None and binds else "",
        "proven": without is not None and without.status == "optimal",
        "clashes": clashes,
    }


def _clashing(award: LinkedAward, plan: AwardPlan) -> list[dict[str, Any]]:
    """Every rule, with those marked that no set of awards can keep together."""
    assert award.problem is not None
    clash = {(rule.kind, rule.index) for rule in plan.clash}
    return [
        _rule_row(award, rule, np.nan, np.nan, None, (rule.kind, rule.index) in clash) | {"binds": False}
        for rule in award_rules(award.problem)
    ]


def outcome(one: Together, page: str) -> dict[str, Any]:
    """What the stage's summary says of a set of linked competitions."""
    best, first = one.best, one.plans[0] if one.plans else None
    rows = won_rows(one.award, best.awarded) if best is not None else []
    rules = one.tables["award_rules"]
    return {
        "name": one.award.name,
        "stamp": ADVISORY,
        "outcome": one.outcome,
        "competitions": list(one.award.lots),
        "awards": {row["competition"]: row["bid"] or None for row in rows},
        "points": None if first is None else first.points,
        "points_bound": None if one.plan is None else one.plan.points_bound,
        "capital_gbp": None if first is None else first.cost_gbp,
        "capital_bound_gbp": None if one.plan is None else one.plan.cost_bound,
        "sets": len(one.plans),
        "binding_rules": list(rules.loc[rules["binds"].astype(bool), "rule"]),
        "clash": list(rules.loc[rules["clashes"].astype(bool), "rule"]),
        "result": one.result,
        "comparison": one.comparison,
        "page": f"{page}.html",
    }


def warnings_together(study: Study, found: Sequence[Together]) -> list[str]:
    """What of linked competitions is missing, clashes or is not proven."""
    said = []
    published = study.tables["linked_awards"].set_index("linked_award")["published"] if found else {}
    for one in found:
        code = one.award.linked_award
        if day(published[code]) is None:
            said.append(f"{code}: no day is given on which its rules were published: were they there before bids?")
        if one.outcome not in (PROVEN, TIE):
            said.append(f"{code}: {one.result}")
        elif len(one.plans) and not all(plan.status == "optimal" for plan in one.plans):
            said.append(f"{code}: {counted(len(one.plans) - 1, 'next-best set')} found in the time allowed.")
    return said
