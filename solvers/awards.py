"""Which bids win: the programme of `models.awards` to CP-SAT, in whole numbers, in proven steps.

First the most points, then the least cost among the award sets that have them; between equals the seed draws lots, so
that a plan proven within the limit does not depend on threads or on the machine.

Points are read to a billionth and totals compared to a millionth, money to a penny, further rules to a millionth of
their unit. A rule whose entries are whole multiples of that is kept exactly, any other to within what rounding the
entries of the bids that win can have taken away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from ortools.sat.python import cp_model

from models.award_rules import MILLIONTHS, PENCE, AwardRule, award_rules
from models.awards import AwardProblem, BoolArray
from models.estate import IntArray
from solvers.highs import Clock
from solvers.plans import AwardPlan

ROUTE = "cp-sat"
BILLIONTHS = 1_000_000_000  # of a point: bids are read in these …
GRAINS = BILLIONTHS // MILLIONTHS  # … and totals compared in so many of them
MOST_DRAW = 2**31  # award sets of equal points and cost are told apart by the sum of their bids' draws
DIGITS = 1e-6  # of a part, by which a double may miss the whole number that it means
GRACE_S = 10.0  # to name the rules that clash once they are known to


def solve(problem: AwardProblem, *, time_limit_s: float | None, threads: int | None, seed: int) -> AwardPlan:
    """As `solvers.solve_awards`."""
    clock = Clock(time_limit_s)
    rules = award_rules(problem)
    plan = best_awards(problem, rules, clock, threads, seed)
    if plan.status != "infeasible":
        return plan
    return without_award(-math.inf, clock, _clash(problem, rules, clock, threads, seed))


def best_awards(
    problem: AwardProblem,
    rules: Iterable[AwardRule],
    clock: Clock,
    threads: int | None,
    seed: int,
    *,
    excluded: Sequence[BoolArray] = (),
    broken: AwardRule | None = None,
    least_points: float = -math.inf,
) -> AwardPlan:
    """The best award set (B,) that keeps the rules, is not excluded, breaks one rule and has so many points."""
    grains, pence = read_points(problem), read(problem.bid_cost, PENCE)
    programme = _Programme(problem, rules, threads, seed)
    for one in excluded:
        programme.exclude(one)
    if broken is not None:
        programme.add_broken(broken)
    if math.isfinite(least_points):
        programme.model.add(programme.total(grains.bid) >= grains.least(round(least_points * MILLIONTHS)))
    programme.model.maximize(programme.total(grains.bid) - grains.loss)
    status, awarded, bound = programme.solve(clock)
    if status == cp_model.INFEASIBLE:
        return without_award(-math.inf, clock)
    most = min(bound_by_lots(problem), math.inf if awarded is None else grains.total(bound))
    if awarded is None:
        return without_award(most / MILLIONTHS, clock)
    points, least = grains.of(awarded), 0
    if clock.left_s > 0:
        programme.model.add(programme.total(grains.bid) >= grains.least(points))
        awarded, least = programme.cheapest(pence, awarded, clock)
        points = grains.of(awarded)
    cost = int(pence[awarded].sum())
    proven = points == most and cost == least
    if proven and clock.left_s > 0:
        programme.model.add(programme.total(pence) <= cost)
        draw = np.random.default_rng(seed).integers(1, MOST_DRAW, problem.n_bids)
        awarded, _ = programme.cheapest(draw, awarded, clock)
    return AwardPlan(
        "optimal" if proven else "feasible",
        points / MILLIONTHS, most / MILLIONTHS, cost / PENCE, least / PENCE,
        float(problem.bid_quality[awarded].sum()), awarded, lots_taken(problem, awarded), (), clock.seconds, ROUTE,
    )  # fmt: skip


def without_award(points_bound: float, clock: Clock, clash: tuple[AwardRule, ...] = ()) -> AwardPlan:
    """The answer without an award set: infeasible where no points can be reached, else unknown."""
    infeasible = points_bound == -math.inf
    status, cost_bound = ("infeasible", math.inf) if infeasible else ("unknown", 0.0)
    return AwardPlan(
        status, -math.inf, points_bound, math.inf, cost_bound, 0.0, None, None, clash, clock.seconds, ROUTE
    )


def lots_taken(problem: AwardProblem, awarded: BoolArray) -> IntArray:
    """(L,) the bid that takes each lot, -1 where none does."""
    taken = np.full(problem.n_lots, -1)
    for bid in np.flatnonzero(awarded):
        taken[problem.bid_covers[bid]] = bid
    return taken


# -- whole numbers ---------------------------------------------------------------------------------------


def read(values: ArrayLike, parts: int) -> IntArray:
    """Values in whole parts of one, each to the nearest."""
    return np.asarray(np.rint(np.asarray(values) * parts), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Grains:
    """Points in grains, and totals in whole millionths of a point."""

    bid: IntArray  # (B,) a bid's points and the losses it spares
    loss: int  # of all lots, none awarded

    def of(self, awarded: BoolArray) -> int:
        return self.total(int(self.bid[awarded].sum()) - self.loss)

    def total(self, grains: int) -> int:
        return (grains + GRAINS // 2) // GRAINS

    def least(self, total: int) -> int:
        """The least sum of `bid` whose total is at least this."""
        return total * GRAINS - GRAINS // 2 + self.loss


def read_points(problem: AwardProblem) -> _Grains:
    """What an award set's points are made of."""
    loss = read(problem.lot_loss, BILLIONTHS)
    return _Grains(read(problem.points, BILLIONTHS) + problem.bid_covers @ loss, int(loss.sum()))


def bound_by_lots(problem: AwardProblem) -> int:
    """Points that no award set exceeds, in millionths, without a solver: every lot at its best bid's points a lot."""
    grains = read_points(problem)
    each = grains.bid / problem.bid_covers.sum(axis=1)
    best = np.where(problem.bid_covers, each[:, None], 0.0).max(axis=0, initial=0.0)
    return grains.total(math.ceil(best.sum()) - grains.loss) + 1


# -- the programme ---------------------------------------------------------------------------------------


class _Programme:
    """One CP-SAT model: a variable a bid, one bid a lot at most, the rules."""

    def __init__(self, problem: AwardProblem, rules: Iterable[AwardRule], threads: int | None, seed: int) -> None:
        self.model = cp_model.CpModel()
        self._most_bids = problem.n_lots  # that win at once
        self._wins = [self.model.new_bool_var(f"bid {b}") for b in range(problem.n_bids)]
        for lot in range(problem.n_lots):
            self.model.add_at_most_one(self._wins[b] for b in np.flatnonzero(problem.bid_covers[:, lot]))
        for rule in rules:
            entry, lower, upper = in_parts(rule, self._most_bids)
            self.model.add_linear_constraint(self.total(entry), lower, upper)
        self._solver = cp_model.CpSolver()
        self._solver.parameters.num_workers = threads or 0
        self._solver.parameters.random_seed = seed
        # With it OR-Tools 9.15 cuts off award sets that exist: on 4 of 600 small problems an optimum or a rule's cost
        # was wrong, on none without, and no slower (google/or-tools issues 5274 and 5293).
        self._solver.parameters.presolve_inclusion_work_limit = 0

    def exclude(self, awarded: BoolArray) -> None:
        """Leave out one award set."""
        pairs = zip(self._wins, awarded.tolist(), strict=True)
        self.model.add_bool_or(~win if won else win for win, won in pairs)

    def add_broken(self, rule: AwardRule) -> None:
        """Leave out every award set that keeps the rule."""
        entry, lower, upper = in_parts(rule, self._most_bids)
        kept = cp_model.Domain(lower, upper)
        self.model.add_linear_expression_in_domain(self.total(entry), kept.complement())

    def total(self, each: IntArray) -> cp_model.LinearExpr:
        """Σ each[b]·y[b]."""
        return cp_model.LinearExpr.weighted_sum(self._wins, each.tolist())

    def cheapest(self, each: IntArray, start: BoolArray, clock: Clock) -> tuple[BoolArray, int]:
        """(the award set of least Σ each[b]·y[b], not negative, a bound on that sum); the start without time."""
        self.model.minimize(self.total(each))
        self.hint(start)
        _, found, bound = self.solve(clock)
        return (start, 0) if found is None else (found, max(0, bound))

    def hint(self, start: BoolArray) -> None:
        """Begin the search at an award set."""
        self.model.clear_hints()
        for win, won in zip(self._wins, start.tolist(), strict=True):
            self.model.add_hint(win, won)

    def solve(self, clock: Clock) -> tuple[int, BoolArray | None, int]:
        """(status of CP-SAT, an award set (B,) if one was found, the bound on the objective).

        Objectives are whole numbers and so is their bound: as a double it may come back a digit beside it.
        """
        if math.isfinite(clock.limit_s):
            self._solver.parameters.max_time_in_seconds = clock.left_s
        status = self._solver.solve(self.model)
        if status == cp_model.MODEL_INVALID:
            raise AssertionError(self.model.validate())
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return status, None, 0
        won = np.array([self._solver.boolean_value(win) for win in self._wins], dtype=bool)
        return status, won, round(self._solver.best_objective_bound)


def in_parts(rule: AwardRule, most_bids: int) -> tuple[IntArray, int, int]:
    """(entries (B,), lower, upper) in whole parts; bounds give way by what rounding so many entries took at most."""
    entry = read(rule.entry, rule.parts)
    taken = float(np.sort(np.abs(rule.entry * rule.parts - entry))[-most_bids:].sum()) + DIGITS
    lower = math.ceil(rule.lower * rule.parts - taken) if math.isfinite(rule.lower) else cp_model.INT_MIN
    upper = math.floor(rule.upper * rule.parts + taken) if math.isfinite(rule.upper) else cp_model.INT_MAX
    return entry, lower, upper


def _clash(
    problem: AwardProblem, rules: tuple[AwardRule, ...], clock: Clock, threads: int | None, seed: int
) -> tuple[AwardRule, ...]:
    """Rules that clash, none of which can be left out (as far as the time suffices): deletion filtering."""
    extended = Clock(max(clock.left_s, GRACE_S))
    kept = list(rules)
    for rule in rules:
        others = [one for one in kept if one is not rule]
        status, _, _ = _Programme(problem, others, threads, seed).solve(extended)
        if status == cp_model.INFEASIBLE:
            kept = others
    return tuple(kept)
