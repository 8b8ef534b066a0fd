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
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.answers import estate_answer, first_options, started, without_plan
from solvers.attention import Attention
from solvers.bounding import Bounding
from solvers.branching import Branch, Branching, Split
from solvers.clash import OptionSpace
from solvers.highs import Clock, Reporter
from solvers.improving import NODES, SECONDS, Improving
from solvers.layout import Layout, lay_out
from solvers.neighbourhoods import Neighbourhood, Standing, tidy, write_into
from solvers.part import Effort, PartPlan, solve_part
from solvers.plans import EstatePlan, ProgressCallback, Proof, gap_between
from solvers.priced_tiles import MARGIN, lay_mosaic
from solvers.prices import Prices
from solvers.tiles import Tiling
from solvers.transport import keeps_rows, place_and_tell, place_pupils, plan_cost

ROUTE = "decomposed"
GRACE_S = 3.0  # what a first plan or a clash may take beyond the limit
PRICE_SHARE = 0.25  # of the time, for prices
PRICE_PASSES = 4000  # at most
FIRST_SHARE, MOSAIC_SHARE = 0.55, 0.6  # of the time left: at most for the first and for each later mosaic
LEAST_TILE = 4000.0  # flows and options of the smallest tile
TILE_GROWTH = 2.0  # from one mosaic to the next, where time allows
TILE_S, TILE_POWER = 12.0, 1.3  # seconds for a tile of LEAST_TILE, and how they grow with its size
FIRST_S = 12.0  # seconds for a tile of the first mosaic, at most
TILE_NODES = 200  # search nodes of a tile of LEAST_TILE where no time limits it
TILE_GAP = 0.2  # of the gap asked for, shared among the tiles
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
    standing = search.run(first, started(start), None if start is None else start.proof)
    if standing is None:
        return without_plan(reporter.bound, (), clock, ROUTE)
    reporter.report(incumbent=standing.cost)
    return estate_answer(problem, standing.option, standing.flow, reporter.bound, gap, clock, ROUTE, search.proof())


@dataclass(eq=False)
class Task:
    """Work that a core is on: a tile of a mosaic to bound, or a neighbourhood to improve."""

    kind: str  # "bound" or "improve"
    began: float
    tile: int = -1
    mosaic: Bounding | None = None
    branch: Branch | None = None
    hood: Neighbourhood | None = None
    overlaps: bool = False  # whether another may change the same pupils
    changes: int = 0  # of the plan before the neighbourhood was cut from it
    adopted: int = 0  # those that placed everybody anew


class Search:
    """The state of one search."""

    def __init__(
        self, problem: EstateProblem, clock: Clock, reporter: Reporter, gap: float, seed: int, workers: int
    ) -> None:
        self.problem, self.clock, self.reporter = problem, clock, reporter
        self.gap, self.seed, self.workers = gap, seed, workers
        self.timed = math.isfinite(clock.limit_s)
        self.layout: Layout = lay_out(problem)
        self.standing: Standing | None = None
        self.prices: Prices
        self.tiling: Tiling
        self.attention: Attention
        self.improving: Improving
        self.load: FloatArray  # (F,) flows worth a thought and options
        self._changes = self._adopted = 0  # of the plan: in all, and those that placed everybody anew
        self._mosaic: Bounding | None = None
        self._best: Bounding | None = None  # the mosaic with the best bound
        self._branching: Branching | None = None
        self._tried: set[bytes] = set()  # options of branches that have been placed
        self._placing_s = 0.0  # spent on placing everybody anew
        self._spent = {"bound": 0.0, "improve": 0.0}
        self._margin = MARGIN
        self._stop = threading.Event()

    # -- the course of a search ---------------------------------------------------------------------------

    def run(self, option: IntArray | None, start: IntArray | None, proof: Proof | None) -> Standing | None:
        """The best plan found; `option` (K, F) are options that keep the policy rows, if known.

        `start` (K, F) are options thought to be good and `proof` is that of a problem like this one.
        """
        if option is not None and self.problem.baseline is not None:
            self._adopt(option)
        self._find_prices(proof)
        if start is not None:
            self._adopt(start)
        keep_s = LAST_SHARE * self.clock.limit_s if self.timed else 0.0
        with ThreadPoolExecutor(self.workers) as pool:
            if self.clock.left_s > keep_s:
                self._begin_branching()
                if self._branching is None:
                    self._first_mosaic(pool, proof)
            if option is not None and self.standing is None:
                self._adopt(option)
            if self.standing is None:
                return None
            running: dict[Future[Any], Task] = {}
            while not self._done(keep_s):
                self._fill(pool, running)
                if not running:
                    break
                finished, _ = wait(running, self._until(keep_s), FIRST_COMPLETED if self.timed else ALL_COMPLETED)
                for future in [future for future in running if future in finished]:
                    self._take(running.pop(future), future.result())
            self._stop.set()
            for future, task in running.items():
                self._take(task, future.result())
        self._place_again()
        return self.standing

    def _done(self, keep_s: float) -> bool:
        return self.clock.left_s <= keep_s or self._closed

    @property
    def _closed(self) -> bool:
        return self.standing is not None and gap_between(self.standing.cost, self.reporter.bound) <= self.gap + 1e-9

    def _until(self, keep_s: float) -> float | None:
        left_s = self.clock.left_s - keep_s
        return max(0.0, left_s) if math.isfinite(left_s) else None

    def _find_prices(self, proof: Proof | None) -> None:
        problem, clock = self.problem, self.clock
        pupil, row = (None, None) if proof is None else (proof.pupil, proof.row)
        self.prices = Prices(self.layout, pupil, row, cores=self.workers)
        if proof is None or proof.mosaic is None:  # tiles are proven at the prices that they were laid with
            until_s = clock.seconds + PRICE_SHARE * clock.left_s
            self.prices.ascend(PRICE_PASSES, lambda: clock.seconds > until_s)
        self.reporter.report(bound=self.prices.bound)
        useful = problem.arc_cost < self.prices.pupil[:, problem.arc_node]
        useful &= problem.demand[:, problem.arc_node] > 0
        flows = np.bincount(problem.arc_facility, useful.sum(axis=0), minlength=problem.n_facilities)
        self.load = (flows + np.bincount(problem.option_facility)).astype(np.float64)
        wanted = np.asarray(useful.any(axis=0))
        self.tiling = Tiling(problem, wanted, self.load, self.seed)
        self.attention = Attention(self.layout, self.prices, wanted, self.load, self.seed)
        self.improving = Improving(problem, self.prices, self.attention, self.tiling, self.load, self.timed)

    def _begin_branching(self) -> None:
        """Branch where facilities are few and each is wanted by many nodes (`solvers.branching`)."""
        problem = self.problem
        wanted = self.load.sum() / problem.n_slices / problem.n_facilities
        if problem.two_stage or problem.single_site or problem.n_facilities > MOST_FACILITIES or wanted < MUCH_WANTED:
            return
        branching = Branching(self.layout, self.prices)
        self._adopt(branching.first_option()[None, :])
        if self.standing is not None:
            self._branching = branching

    def _first_mosaic(self, pool: ThreadPoolExecutor, proof: Proof | None) -> None:
        """All cores on the first mosaic: that of the proof, if there is one."""
        seconds = FIRST_SHARE * self.clock.left_s * self.workers / max(1.0, self.load.sum() / LEAST_TILE)
        seconds = min(seconds, FIRST_S) if math.isfinite(self.clock.left_s) else seconds
        if proof is None or proof.mosaic is None:
            mosaic = self._lay(LEAST_TILE, seconds)
        else:
            laid = replace(proof.mosaic, problem=self.problem)
            size = float(self.load.sum()) / (laid.tile.max() + 1)
            mosaic = Bounding(laid, self.layout, self.prices.value, size, seconds, proof.tile_bound)
        self.reporter.report(bound=mosaic.bound)
        futures = [pool.submit(self._bound_tile, mosaic, tile) for tile in mosaic.waiting]
        for tile, future in zip(mosaic.waiting, futures, strict=True):
            mosaic.take(tile, future.result())
            self.reporter.report(bound=mosaic.bound)
        mosaic.waiting.clear()
        self._mosaic = self._best = mosaic
        self.reporter.report(bound=mosaic.bound)
        otherwise = np.full((self.layout.n_scenarios, self.problem.n_facilities), -1)
        self._adopt(mosaic.options(otherwise if self.standing is None else self.standing.option))

    def _fill(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> None:
        """Give every free core work: of the kind that has had less time, if there is any."""
        while len(running) < self.workers:
            spent = dict(self._spent)
            for task in running.values():
                spent[task.kind] += max(self.clock.seconds - task.began, 1.0) if self.timed else 1.0
            kinds = sorted(spent, key=lambda kind: spent[kind])
            if self.improving.idle:
                kinds = ["bound", "improve"]
            for kind in kinds:
                if kind == "bound" and (self._submit_branch(pool, running) or self._submit_tile(pool, running)):
                    break
                if kind == "improve" and self._submit_hood(pool, running):
                    break
            else:
                return

    def _take(self, task: Task, found: Any) -> None:
        """Take the outcome of a task into the plan and the bound."""
        seconds = self.clock.seconds - task.began
        self._spent[task.kind] += seconds if self.timed else 1.0
        if task.branch is not None:
            self._take_split(task.branch, found)
        elif task.mosaic is not None:
            mosaic = task.mosaic
            mosaic.take(task.tile, found)
            if self._best is None or mosaic.bound > self._best.bound:
                self._best = mosaic
            self.reporter.report(bound=mosaic.bound)
            if mosaic.complete and self.standing is not None:
                self._adopt(mosaic.options(self.standing.option))
        elif task.hood is not None and self.standing is not None:
            before = self._changes
            if found.option is not None and found.objective < task.hood.cost:
                self._write(task, task.hood, found)
            gained = self._changes > before
            if gained and self._placing_s <= PLACING_SHARE * self._spent["improve"]:
                self._adopt(self.standing.option)
            self.improving.tell(task.hood, found.closed, seconds, gained)

    def _take_split(self, branch: Branch, split: Split) -> None:
        """Take the halves of a branch, and try the plans that suggest themselves."""
        assert self._branching is not None and self.standing is not None
        exact = True
        for option in split.option:
            if option.tobytes() in self._tried or not keeps_rows(self.problem, option):
                continue
            if split.leaf or self._placing_s <= TRYING_SHARE * self._spent["bound"]:
                exact = self._adopt(option[None, :])
                if exact:
                    self._tried.add(option.tobytes())
        self._branching.give(branch, split, self.standing.cost, self.gap, exact)
        self.reporter.report(bound=min(self._branching.bound, self.standing.cost))

    def _write(self, task: Task, hood: Neighbourhood, found: PartPlan) -> None:
        """A better neighbourhood into the plan; placed anew where the plan is no longer what it was cut from."""
        assert self.standing is not None and found.option is not None
        if task.changes == self._changes or not (task.overlaps or task.adopted != self._adopted):
            better = write_into(self.problem, self.standing, hood, found)
            if better is not self.standing:
                self.standing = better
                self._changes += 1
                self._adopted += task.overlaps  # what it overlaps no longer fits the plan as it is
                self.reporter.report(incumbent=better.cost)
        else:
            option = self.standing.option.copy()
            option[:, hood.facilities] = found.option
            if all(keeps_rows(self.problem, one) for one in option):
                self._adopt(option)

    def proof(self) -> Proof:
        """What the bound rests on: the mosaic with the best bound, or prices alone."""
        if self._best is None:
            return Proof(self.prices.pupil, self.prices.row)
        laid = self._best.mosaic
        return Proof(laid.pupil_price, laid.row_price, laid, self._best.tiles)

    # -- plans ------------------------------------------------------------------------------------------

    def _adopt(self, option: IntArray) -> bool:
        """Try options (K, F), mended where they break policy rows, as a plan; take it where it is the best.

        Tells whether pupils have been placed at least cost.
        """
        problem = self.problem
        mended = option.copy()
        for k in range(len(option)):
            if option[k].min() < 0:
                return False
            if not keeps_rows(problem, option[k]):
                space = OptionSpace(problem, self.clock, self.seed)
                _, near = space.nearest(option[k], min(0.2 * self.clock.left_s, 60.0), self._distance(k, option[k]))
                if near is None or not keeps_rows(problem, near):
                    return False
                mended[k] = near
        began = self.clock.seconds
        flow, unmet, exact = place_and_tell(problem, mended, self.clock, GRACE_S)
        self._placing_s += self.clock.seconds - began if self.timed else 0.0
        cost = plan_cost(problem, mended, flow, unmet)
        if self.standing is None or cost < self.standing.cost:
            self.standing = Standing(mended, flow, cost)
            self._changes += 1
            self._adopted += 1
            self.reporter.report(incumbent=cost)
        return exact

    def _distance(self, scenario: int, option: IntArray) -> FloatArray:
        """(O,) how far other options seem to be from these (F,) at the prices; 0 for these alone."""
        worse = np.maximum(self.attention.regret(scenario, option), 0.0)
        scale = max(float(worse.mean()), 1e-9)
        return np.where(np.isin(np.arange(len(worse)), option), 0.0, np.maximum(worse / scale, 1e-3))

    def _submit_hood(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> bool:
        """Put a neighbourhood to work."""
        if self.standing is None:
            return False
        busy = [task.hood for task in running.values() if task.hood is not None]
        chosen = None
        for _ in range(LOOKED_FOR):
            if chosen is None:
                chosen = self.improving.next(self.standing, busy)
        if chosen is None:
            return False
        effort = self._effort(SECONDS, NODES, chosen.gain_gbp)
        future = pool.submit(solve_part, self.problem, chosen.hood.part, effort, chosen.hood.start)
        running[future] = Task(
            "improve", self.clock.seconds, hood=chosen.hood, overlaps=chosen.overlaps,
            changes=self._changes, adopted=self._adopted,
        )  # fmt: skip
        return True

    def _place_again(self) -> None:
        """Pupils placed at least cost for the options found; the plan tidied where time does not allow that."""
        if self.standing is None:
            return
        self.standing = tidy(self.problem, self.standing)
        flow, unmet = place_pupils(self.problem, self.standing.option, self.clock, GRACE_S)
        cost = plan_cost(self.problem, self.standing.option, flow, unmet)
        if cost < self.standing.cost:
            self.standing = Standing(self.standing.option, flow, cost)

    # -- bounds -----------------------------------------------------------------------------------------

    def _lay(self, size: float, seconds: float) -> Bounding:
        """A mosaic of tiles of about `size` load, with so many seconds for each."""
        tiles = self.tiling.cut(size)
        mosaic = lay_mosaic(self.problem, tiles, self.prices.pupil, self.prices.row, self._margin)
        return Bounding(mosaic, self.layout, self.prices.value, size, seconds)

    def _submit_branch(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> bool:
        branch = self._branching.take() if self._branching is not None and self.standing is not None else None
        if branch is None or self._branching is None or self.standing is None:
            return False
        future = pool.submit(self._branching.split, branch, self.standing.cost)
        running[future] = Task("bound", self.clock.seconds, branch=branch)
        return True

    def _submit_tile(self, pool: ThreadPoolExecutor, running: dict[Future[Any], Task]) -> bool:
        if self._branching is not None:
            return False
        if self._mosaic is None or self._mosaic.complete:
            following = self._next_mosaic()
            if following is None:
                return False
            self._mosaic = following
        mosaic = self._mosaic
        if not mosaic.waiting:
            return False
        tile = mosaic.waiting.pop(0)
        future = pool.submit(self._bound_tile, mosaic, tile)
        running[future] = Task("bound", self.clock.seconds, tile=tile, mosaic=mosaic)
        return True

    def _next_mosaic(self) -> Bounding | None:
        """A mosaic of larger tiles, as large as the time allows; None where it does not allow any."""
        assert self._mosaic is not None
        total, last = float(self.load.sum()), self._mosaic.size
        if last >= total:
            self._margin *= 2.0
        size, seconds = min(last * TILE_GROWTH, 1.1 * total), math.inf
        if math.isfinite(self.clock.left_s):
            thread_s = MOSAIC_SHARE * self.clock.left_s * self.workers
            size = min(size, LEAST_TILE * (thread_s * LEAST_TILE / (TILE_S * total)) ** (1 / (TILE_POWER - 1)))
            size = min(size, LEAST_TILE * (thread_s / TILE_S) ** (1 / TILE_POWER)) if size > total else size
            if size < 1.4 * last and last < total:
                return None
            seconds = thread_s / max(1.0, total / size)
        return self._lay(size, seconds)

    def _bound_tile(self, mosaic: Bounding, tile: int) -> PartPlan:
        part = mosaic.mosaic.part(tile)
        standing, start = self.standing, None
        if standing is not None:
            start = mosaic.mosaic.start(part, standing.option, standing.flow)
        share = len(part.flow_arc) / max(1.0, self.load.sum())
        nodes = int(TILE_NODES * mosaic.size / LEAST_TILE)
        effort = self._effort(mosaic.seconds, nodes, TILE_GAP * self.gap * abs(self.prices.bound) * share)
        return solve_part(self.problem, part, effort, start)

    def _effort(self, seconds: float, nodes: int, gap_gbp: float) -> Effort:
        return Effort(
            min(seconds, self.clock.left_s) if self.timed else math.inf,
            None if self.timed else nodes,
            gap_gbp,
            seed=self.seed,
            stop=self._stop,
        )
