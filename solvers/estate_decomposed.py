"""The decomposed route for estates that are too large, or have too many slices, for one programme.

1. Prices (`solvers.prices`) give a bound, and say which journeys matter.
2. A mosaic of tiles (`solvers.tiles`, `solvers.priced_tiles`), each a small programme of its own, gives a better
   bound; the tiles' choices together, with pupils placed by exact transport, give the first plan.
3. From then on two kinds of work share the cores: larger tiles for the bound, whose choices are tried as a plan as
   well, and neighbourhoods of the plan (`solvers.neighbourhoods`) decided anew. The last mosaic is the whole
   estate in one tile.
4. Pupils are placed once more for the options found, so that flows are clean and cheapest.

HiGHS works outside Python's lock, so the cores are shared by threads and the arrays are held once. With a time limit
work is taken up as cores become free. Without one it is done in rounds, tiles stop at a number of search nodes and
not at a time, and the same seed gives the same plan.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.answers import estate_answer, first_options, started, without_plan
from solvers.attention import Attention
from solvers.best_plan import GRACE_S, BestPlan, Seen
from solvers.bounding import Bounding
from solvers.branching import Branch, Branching, Split
from solvers.clash import OptionSpace
from solvers.highs import Clock, Reporter
from solvers.improving import NODES, SECONDS, Chosen, Improving
from solvers.layout import Layout, lay_out
from solvers.mosaics import Mosaics
from solvers.neighbourhoods import Standing
from solvers.part import Efforts, PartPlan, solve_part
from solvers.plans import EstatePlan, ProgressCallback, Proof, gap_between
from solvers.prices import Prices
from solvers.tiles import Tiling
from solvers.transport import keeps_rows

ROUTE = "decomposed"
PRICE_SHARE = 0.25  # of the time, for prices
PRICE_PASSES = 4000  # at most
PRICE_ROUND, FIRST_ROUNDS = 100, 3  # passes between two looks at what they gain; rounds that are not asked
PRICE_GAIN = 0.02  # of the gap asked for, that a round of passes must gain
LOOKED_FOR = 20  # times that a neighbourhood is sought before a core waits
MOST_FACILITIES, MUCH_WANTED = 400, 60.0  # facilities up to which, flows a slice from which there is branching
TRYING_SHARE = 0.3  # of the time for bounds: at most, for placing the plans that branches suggest
PLACING_SHARE = 0.05  # of the time for neighbourhoods: at most, for placing everybody anew after gains
LAST_SHARE = 0.04  # of the time, kept for placing pupils at the end


def solve_decomposed(
    problem: EstateProblem,
    *,
    time_limit_s: float | None,
    gap: float,
    threads: int | None,
    seed: int,
    progress: ProgressCallback | None,
    start: EstatePlan | None = None,
) -> EstatePlan:
    """As `solvers.solve_estate`, by this route."""
    clock = Clock(time_limit_s)
    reporter = Reporter(clock, progress)
    infeasible, option = first_options(problem, clock, seed)
    if infeasible:
        return without_plan(math.inf, OptionSpace(problem, clock, seed).clash(GRACE_S), clock, ROUTE)
    search = Search(problem, clock, reporter, gap, seed, threads or os.cpu_count() or 1)
    first = None if option is None else np.tile(option, (search.layout.n_scenarios, 1))
    standing = search.run(first, started(problem, start), None if start is None else start.proof)
    if standing is None:
        return without_plan(reporter.bound, (), clock, ROUTE)
    reporter.report(incumbent=standing.cost)
    return estate_answer(
        problem, standing.option, standing.flow, reporter.bound, gap, clock, ROUTE, search.mosaics.proof()
    )


@dataclass(eq=False)
class Task:
    """Work that a core is on: a branch or a tile of a mosaic to bound, or a neighbourhood to improve."""

    kind: str  # "bound" or "improve"
    began: float
    branch: Branch | None = None
    tile: tuple[Bounding, int] | None = None
    chosen: Chosen | None = None
    seen: Seen | None = None  # the plan before the neighbourhood was cut from it


class Search:
    """The course of one search: prices, then bounds and neighbourhoods side by side."""

    def __init__(
        self, problem: EstateProblem, clock: Clock, reporter: Reporter, gap: float, seed: int, workers: int
    ) -> None:
        self.problem, self.clock, self.reporter = problem, clock, reporter
        self.gap, self.seed, self.workers = gap, seed, workers
        self.timed = math.isfinite(clock.limit_s)
        self.layout: Layout = lay_out(problem)
        self.best = BestPlan(problem, clock, reporter, seed)
        self.mosaics: Mosaics
        self.improving: Improving
        self.branching: Branching | None = None
        self._tried: set[bytes] = set()  # options of branches that have been placed
        self._spent = {"bound": 0.0, "improve": 0.0}
        self._stop = threading.Event()
        self._efforts = Efforts(clock, seed, self._stop)

    def run(self, option: IntArray | None, start: IntArray | None, proof: Proof | None) -> Standing | None:
        """The best plan found; `option` (K, F) are options that keep the policy rows, if known.

        `start` (K, F) are options thought to be good and `proof` is that of a problem like this one.
        """
        if option is not None and self.problem.baseline is not None:
            self.best.adopt(option)
        prices, load = self._find_prices(proof)
        if start is not None:
            self.best.adopt(start)
        keep_s = LAST_SHARE * self.clock.limit_s if self.timed else 0.0
        with ThreadPoolExecutor(self.workers) as pool:
            if self.clock.left_s > keep_s:
                self._begin_branching(prices, load)
                if self.branching is None:
                    self.best.adopt(self.mosaics.first(pool, proof, self.best.standing))
            if option is not None and self.best.standing is None:
                self.best.adopt(option)
            if self.best.standing is None:
                return None
            self._share_cores(pool, keep_s)
        self.best.place_again()
        return self.best.standing

    def _find_prices(self, proof: Proof | None) -> tuple[Prices, FloatArray]:
        """The prices, and (F,) flows worth a thought and options; what rests on both is made ready."""
        problem, clock = self.problem, self.clock
        pupil, row = (None, None) if proof is None else (proof.pupil, proof.row)
        prices = Prices(self.layout, pupil, row, cores=self.workers)
        if proof is None or proof.mosaic is None:  # tiles are proven at the prices that they were laid with
            prices.ascend(PRICE_PASSES, self._priced_enough(prices, warm=proof is not None))
        self.reporter.report(bound=prices.bound)
        useful = problem.arc_cost < prices.pupil[:, problem.arc_node]
        useful &= problem.demand[:, problem.arc_node] > 0
        flows = np.bincount(problem.arc_facility, useful.sum(axis=0), minlength=problem.n_facilities)
        load = (flows + np.bincount(problem.option_facility)).astype(np.float64)
        wanted = np.asarray(useful.any(axis=0))
        tiling = Tiling(problem, wanted, load, self.seed)
        attention = self.best.attention = Attention(self.layout, prices, wanted, load, self.seed)
        self.improving = Improving(problem, prices, attention, tiling, load, self.timed)
        self.mosaics = Mosaics(
            problem, self.layout, prices, tiling, load, self.gap, self._efforts, clock, self.reporter, self.workers
        )
        return prices, load

    def _priced_enough(self, prices: Prices, warm: bool) -> Callable[[], bool]:
        """Whether the time for prices is up, or passes gain little beside the gap asked for where they began `warm`."""
        until_s, seen = self.clock.seconds + PRICE_SHARE * self.clock.left_s, [prices.bound]

        def enough() -> bool:
            if warm and prices.passes % PRICE_ROUND == 0:
                seen.append(prices.bound)
                gained = seen[-1] - seen[-2]
                if len(seen) > FIRST_ROUNDS and gained < PRICE_GAIN * self.gap * abs(prices.bound):
                    return True
            return self.clock.seconds > until_s

        return enough

    def _begin_branching(self, prices: Prices, load: FloatArray) -> None:
        """Branch where facilities are few and each is wanted by many nodes (`solvers.branching`)."""
        problem = self.problem
        wanted = load.sum() / problem.n_slices / problem.n_schools
        if problem.two_stage or problem.single_site or problem.pot is not None:
            return
        if problem.n_schools > MOST_FACILITIES or wanted < MUCH_WANTED:
            return
        branching = Branching(self.layout, prices)
        self.best.adopt(branching.first_option()[None, :])
        if self.best.standing is not None:
            self.branching = branching

    def _share_cores(self, pool: ThreadPoolExecutor, keep_s: float) -> None:
        """Work on bounds and neighbourhoods until the gap is closed or the time is up but for `keep_s`."""
        running: dict[Future[Any], Task] = {}
        while self.clock.left_s > keep_s and not self._closed and not self.mosaics.exhausted:
            self._fill(pool, running)
            if not running:
                break
            left_s = self.clock.left_s - keep_s
            until_s = max(0.0, left_s) if self.timed else None
            finished, _ = wait(running, until_s, FIRST_COMPLETED if self.timed else ALL_COMPLETED)
            for future in [future for future in running if future in finished]:
                self._take(running.pop(future), future.result())
        self._stop.set()
        for future, task in running.items():
            self._take(task, future.result())

    @property
    def _closed(self) -> bool:
        standing = self.best.standing
        return standing is not None and gap_between(standing.cost, self.reporter.bound) <= self.gap + 1e-9

    def _fill(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> None:
        """Give every free core work: of the kind that has had less time, if there is any."""
        while len(running) < self.workers:
            spent = dict(self._spent)
            for task in running.values():
                spent[task.kind] += max(self.clock.seconds - task.began, 1.0) if self.timed else 1.0
            kinds = ["bound", "improve"] if self.improving.idle else sorted(spent, key=lambda kind: spent[kind])
            submit = {"bound": self._submit_bound, "improve": self._submit_hood}
            if not any(submit[kind](pool, running) for kind in kinds):
                return

    def _submit_bound(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> bool:
        """Put a branch or a tile to work."""
        standing = self.best.standing
        assert standing is not None
        if self.branching is not None:
            branch = self.branching.take()
            if branch is None:
                return False
            future: Future[Any] = pool.submit(self.branching.split, branch, standing.cost)
            running[future] = Task("bound", self.clock.seconds, branch=branch)
            return True
        tile = self.mosaics.next()
        if tile is None:
            return False
        future = pool.submit(self.mosaics.bound, *tile, standing)
        running[future] = Task("bound", self.clock.seconds, tile=tile)
        return True

    def _submit_hood(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> bool:
        """Put a neighbourhood to work."""
        assert self.best.standing is not None
        busy = [task.chosen.hood for task in running.values() if task.chosen is not None]
        chosen = None
        for _ in range(LOOKED_FOR):
            if chosen is None:
                chosen = self.improving.next(self.best.standing, busy)
        if chosen is None:
            return False
        effort = self._efforts.of(SECONDS, NODES, chosen.gain_gbp)
        future = pool.submit(solve_part, self.problem, chosen.hood.part, effort, chosen.hood.start)
        running[future] = Task("improve", self.clock.seconds, chosen=chosen, seen=self.best.seen)
        return True

    def _take(self, task: Task, found: Any) -> None:
        """Take the outcome of a task into the plan and the bound."""
        seconds = self.clock.seconds - task.began
        self._spent[task.kind] += seconds if self.timed else 1.0
        if task.branch is not None:
            self._take_split(task.branch, found)
        elif task.tile is not None:
            mosaic, number = task.tile
            self.mosaics.take(mosaic, number, found)
            if mosaic.complete and self.best.standing is not None:
                self.best.adopt(mosaic.options(self.best.standing.option))
        elif task.chosen is not None and task.seen is not None:
            self._take_hood(task.chosen, task.seen, found, seconds)

    def _take_hood(self, chosen: Chosen, seen: Seen, found: PartPlan, seconds: float) -> None:
        """Take a neighbourhood's answer into the plan, where it is better."""
        before = self.best.seen
        if found.option is not None and found.objective < chosen.hood.cost:
            self.best.write(chosen.hood, found, seen, chosen.overlaps)
        gained = self.best.seen != before
        if gained and self.best.standing and self.best.placing_s <= PLACING_SHARE * self._spent["improve"]:
            self.best.adopt(self.best.standing.option)
        self.improving.tell(chosen.hood, found.closed, seconds, gained)

    def _take_split(self, branch: Branch, split: Split) -> None:
        """Take the halves of a branch, and try the plans that suggest themselves."""
        assert self.branching is not None and self.best.standing is not None
        exact = True
        for option in split.option:
            if option.tobytes() in self._tried or not keeps_rows(self.problem, option):
                continue
            if split.leaf or self.best.placing_s <= TRYING_SHARE * self._spent["bound"]:
                exact = self.best.adopt(option[None, :])
                if exact:
                    self._tried.add(option.tobytes())
        self.branching.give(branch, split, self.best.standing.cost, self.gap, exact)
        self.reporter.report(bound=min(self.branching.bound, self.best.standing.cost))
