"""The exact route for clusters: prices, then the programme of `solvers.clusters_model` over ever more arcs to HiGHS.

Where clusters have few members, `solvers.clusters_enumerated` lists them all instead.

Prices (`solvers.clusters_priced`) prove a bound and say of every arc what a plan with it costs at least. The programme
is first solved over the arcs of the cheapest plans. Whatever it proves holds for all plans up to the least that an arc
left out may cost; arcs are added until that is beyond the best plan.

Contiguity is asked for as it is broken: solve, look for members that their cluster does not reach, add the
nodes that stand between as rows, solve again. Every round is a relaxation of the whole problem, so every
round's bound is a bound of the whole problem; connected plans are kept as they are found.
"""

from __future__ import annotations

import math

import numpy as np

from models.clusters import ClusterProblem
from models.estate import FloatArray, IntArray
from solvers.clusters_enumerated import choose, listed_clusters
from solvers.clusters_model import (
    ClusterModel,
    Separator,
    broken_separators,
    build_model,
    possible_arcs,
    separators,
)
from solvers.clusters_priced import relaxed
from solvers.clusters_repair import reconnected
from solvers.highs import Clock, Reporter, compile_model, compile_rows, run_highs
from solvers.plans import ClusterPlan, ProgressCallback, gap_between, status_of

ROUTE = "exact"
MOST_LISTED = 150_000  # clusters; more take longer to list and choose from than the programme over arcs
PRICE_SHARE, PRICE_PASSES = 0.35, 600  # of the time, for prices; passes at most
FEW_ARCS = 300  # arcs up to which nothing is left out
FIRST_WIDTH, WIDER = 0.004, 3.0  # of the bound: arcs of plans so much dearer are in at first, and how that grows
SEARCH_SHARE = 0.5  # of the time left, for a programme that leaves arcs out
BUILD_S_PER_ARC = 1e-4  # measured; a model that cannot be built in time is not begun


def solve_exact(
    problem: ClusterProblem,
    *,
    time_limit_s: float | None,
    gap: float,
    threads: int | None,
    seed: int,
    progress: ProgressCallback | None,
) -> ClusterPlan:
    """As `solvers.solve_clusters`, by this route."""
    clock = Clock(time_limit_s)
    reporter = Reporter(clock, progress)
    reporter.report(bound=bound_by_nodes(problem))
    arc = possible_arcs(problem)
    if clash := _stranded(problem, arc):
        return _answer(problem, None, math.inf, gap, clock, clash)
    if problem.n_clusters is not None and len(np.unique(problem.arc_lead[arc])) < problem.n_clusters:
        return _answer(problem, None, math.inf, gap, clock, ())  # fewer nodes can lead than clusters are asked for
    best = _everybody_alone(problem)
    if best is not None:
        reporter.report(incumbent=plan_cost(problem, best))
    if (listed := listed_clusters(problem, arc, clock, MOST_LISTED)) is not None:
        plan, infeasible = choose(problem, listed, best, clock, reporter, gap, threads, seed)
    else:
        plan, infeasible = _widening(problem, arc, best, clock, reporter, gap, threads, seed)
    if plan is None:
        return _answer(problem, None, math.inf if infeasible else reporter.bound, gap, clock, ())
    return _answer(problem, plan, reporter.bound, gap, clock, ())


def _widening(
    problem: ClusterProblem,
    arc: IntArray,
    best: IntArray | None,
    clock: Clock,
    reporter: Reporter,
    gap: float,
    threads: int | None,
    seed: int,
) -> tuple[IntArray | None, bool]:
    """The best plan found over ever more arcs, and whether there is none at all."""
    least, grain = np.full(len(arc), -math.inf), grain_of(problem)
    if len(arc) > FEW_ARCS:
        until_s = PRICE_SHARE * clock.left_s if math.isfinite(clock.limit_s) else math.inf
        priced = relaxed(problem, arc, reporter.incumbent, lambda _: clock.seconds > until_s, PRICE_PASSES)
        least = rounded(priced.least, grain)
        reporter.report(bound=float(rounded(priced.bound, grain)))
    width, needed = FIRST_WIDTH, _needed(problem, arc, least)
    while True:
        kept = np.flatnonzero(least <= max(reporter.bound + width * abs(reporter.bound), needed))
        outside = float(np.delete(least, kept).min(initial=math.inf))
        if clock.left_s <= len(kept) * BUILD_S_PER_ARC:
            return best, False
        search = _Search(problem, build_model(problem, arc[kept]), best, reporter, outside, grain)
        whole = len(kept) == len(arc)
        share = 1.0 if whole else SEARCH_SHARE
        infeasible = search.run(clock, share * clock.left_s, gap, threads, seed)
        best = search.best
        if infeasible and whole:
            return best, best is None
        if whole or clock.left_s == 0 or status_of(reporter.incumbent, reporter.bound, gap) == "optimal":
            return best, False
        width *= WIDER
        if math.isfinite(reporter.incumbent):  # no better plan has an arc beyond
            better = reporter.incumbent - grain
            width = max(width, better / reporter.bound - 1 + 1e-9) if reporter.bound > 0 else math.inf


def _needed(problem: ClusterProblem, arc: IntArray, least: FloatArray) -> float:
    """Up to where arcs have to be in for every node that may not stand alone to have one."""
    if problem.alone_cost is not None:
        return -math.inf
    cheapest = np.full(problem.n_nodes, math.inf)
    np.minimum.at(cheapest, problem.arc_member[arc], least)
    return float(cheapest.max(initial=-math.inf))


class _Search:
    """The rounds of one solve and the best connected plan they have seen."""

    def __init__(
        self,
        problem: ClusterProblem,
        clusters: ClusterModel,
        best: IntArray | None,
        reporter: Reporter,
        outside: float = math.inf,
        grain: float = 0.0,
    ) -> None:
        """`outside` is what a plan with an arc that is not in the programme costs at least; costs come in `grain`."""
        self.best, self._outside, self._grain = best, outside, grain
        self._problem = problem
        self._clusters = clusters
        self._reporter = reporter
        self._matrix = compile_model(clusters.model, clusters.columns)
        self._broken: set[Separator] = set()

    def report(self, *, incumbent: float = math.inf, bound: float = -math.inf) -> None:
        """What HiGHS proves holds for the arcs in the programme only."""
        self._reporter.report(incumbent=incumbent, bound=min(float(rounded(bound, self._grain)), self._outside))

    def run(self, clock: Clock, seconds: float, gap: float, threads: int | None, seed: int) -> bool:
        """Solve until the gap or the limit; whether the programme proved infeasible."""
        until_s = clock.seconds + seconds
        while True:
            self._broken.clear()
            outcome = run_highs(
                self._matrix,
                time_limit_s=max(until_s - clock.seconds, 0.0),
                gap=gap,
                threads=threads,
                seed=seed,
                start=None if self.best is None else self._values(self.best),
                reporter=self,
                on_solution=self._look_at,
            )
            if outcome.infeasible:
                self.report(bound=math.inf)
                return True
            self.report(bound=outcome.bound)
            if outcome.values is not None:
                self._look_at(outcome.values)
            done = status_of(self._reporter.incumbent, self._reporter.bound, gap) == "optimal"
            if done or not outcome.proven or not self._broken or clock.seconds >= until_s:
                return False
            wanted = sorted(self._broken)
            _, rows, lower, upper = compile_rows(separators(self._clusters, wanted), self._clusters.columns)
            self._matrix = self._matrix.with_rows(rows, lower, upper)

    def _look_at(self, values: FloatArray) -> None:
        """Keep the plan if it is better, reconnected where need be; note the separators that it breaks."""
        lead = np.full(self._problem.n_nodes, -1)
        chosen = self._clusters.arc[np.flatnonzero(values[: len(self._clusters.arc)] > 0.5)]
        lead[self._problem.arc_member[chosen]] = self._problem.arc_lead[chosen]
        broken = broken_separators(self._clusters, self._problem, lead)
        self._broken.update(broken)
        if broken:
            repaired = reconnected(self._problem, self._clusters, lead)
            if repaired is None:
                return
            lead = repaired
        cost = plan_cost(self._problem, lead)
        if cost < self._reporter.incumbent:
            self.best = lead
            self._reporter.report(incumbent=cost)

    def _values(self, lead: IntArray) -> FloatArray | None:
        """The variables' values of the leads (N,); None where an arc of theirs is not in the programme."""
        values = np.zeros(len(self._clusters.columns))
        member = np.flatnonzero(lead >= 0)
        if any((int(lead[n]), int(n)) not in self._clusters.place for n in member):
            return None
        values[[self._clusters.place[int(lead[n]), int(n)] for n in member]] = 1.0
        first = len(self._clusters.arc)
        if self._problem.alone_cost is not None:
            values[first : first + self._problem.n_nodes] = lead < 0
        short = [row.short(lead) for row in self._problem.rows]
        values[len(values) - len(self._clusters.short) :] = [short[r][one] for r, one in self._clusters.short]
        return values


def plan_cost(problem: ClusterProblem, lead: IntArray) -> float:
    """The objective of the leads (N,): leads, members, nodes alone, and what falls short."""
    chosen = lead[problem.arc_member] == problem.arc_lead
    leads = np.flatnonzero(lead == np.arange(problem.n_nodes))
    alone = 0.0 if problem.alone_cost is None else problem.alone_cost[lead < 0].sum()
    short = sum(row.short(lead).sum() * row.short_price for row in problem.rows if row.short_price is not None)
    return float(problem.lead_cost[leads].sum() + problem.arc_cost[chosen].sum() + alone + short)


def grain_of(problem: ClusterProblem) -> float:
    """1 where every plan costs a whole number, so that none costs a little less than another; 0 elsewhere."""
    if any(row.short_price for row in problem.rows):
        return 0.0
    costs = [problem.arc_cost, problem.lead_cost, *([] if problem.alone_cost is None else [problem.alone_cost])]
    return float(all((cost == np.rint(cost)).all() for cost in costs))


def rounded(bound: float | FloatArray, grain: float) -> FloatArray:
    """What plans that cost whole numbers cost at least, where they do."""
    return np.asarray(np.ceil(np.asarray(bound) - 1e-6) if grain else bound, dtype=np.float64)


def bound_by_nodes(problem: ClusterProblem) -> float:
    """A bound that needs no solver: every node stands where it is cheapest for it; inf where it can stand nowhere."""
    cheapest = np.full(problem.n_nodes, np.inf) if problem.alone_cost is None else problem.alone_cost.copy()
    own = problem.arc_lead == problem.arc_member
    cost = problem.arc_cost + np.where(own, problem.lead_cost[problem.arc_lead], 0.0)
    np.minimum.at(cheapest, problem.arc_member, cost)
    return float(cheapest.sum())


def _stranded(problem: ClusterProblem, arc: IntArray) -> tuple[int, ...]:
    """The nodes that must be in a cluster but that no cluster can take."""
    if problem.alone_cost is not None:
        return ()
    return tuple(np.setdiff1d(np.arange(problem.n_nodes), problem.arc_member[arc]).tolist())


def _everybody_alone(problem: ClusterProblem) -> IntArray | None:
    """The plan without clusters, where that is allowed."""
    allowed = problem.alone_cost is not None and not problem.n_clusters
    return np.full(problem.n_nodes, -1) if allowed else None


def _answer(
    problem: ClusterProblem, lead: IntArray | None, bound: float, gap: float, clock: Clock, clash: tuple[int, ...]
) -> ClusterPlan:
    if lead is None:
        status = "infeasible" if bound == math.inf else "unknown"
        return ClusterPlan(status, math.inf, bound, math.inf, None, clash, clock.seconds, ROUTE)
    cost = plan_cost(problem, lead)
    bound = min(bound, cost)  # a bound above a plan's cost is the solver's rounding
    return ClusterPlan(
        status_of(cost, bound, gap), cost, bound, gap_between(cost, bound), lead, clash, clock.seconds, ROUTE
    )
