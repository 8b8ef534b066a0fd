"""The mosaics of a search, each of larger tiles than the one before; the last is the whole estate in one tile.

The first is solved by all cores and gives the first plan (`solvers.priced_tiles` says what a tile proves).
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.bounding import Bounding
from solvers.highs import Clock, Reporter
from solvers.layout import Layout
from solvers.neighbourhoods import Standing
from solvers.part import Efforts, PartPlan, solve_part
from solvers.plans import Proof
from solvers.priced_tiles import MARGIN, lay_mosaic
from solvers.prices import Prices
from solvers.tiles import Tiling

FIRST_SHARE, MOSAIC_SHARE = 0.55, 0.6  # of the time left: at most for the first and for each later mosaic
LEAST_TILE = 4000.0  # flows and options of the smallest tile
MOST_TILE = 500_000.0  # of the largest: HiGHS takes some 2 kB for each flow, and every core may hold a tile
TILE_GROWTH = 2.0  # from one mosaic to the next, where time allows
TILE_S, TILE_POWER = 12.0, 1.3  # seconds for a tile of LEAST_TILE, and how they grow with its size
LEAST_PACE = 0.02  # of those seconds, that tiles are taken to need where smaller ones needed less
FIRST_S = 12.0  # seconds for a tile of the first mosaic, at most
TILE_NODES = 200  # search nodes of a tile of LEAST_TILE where no time limits it
WIDEST_MARGIN = 1e3  # of a price: nothing is left out any more
TILE_GAP = 0.2  # of the gap asked for, shared among the tiles


class Mosaics:
    """Which tile to bound next, and what bounding has proven."""

    def __init__(
        self,
        problem: EstateProblem,
        layout: Layout,
        prices: Prices,
        tiling: Tiling,
        load: FloatArray,
        gap: float,
        efforts: Efforts,
        clock: Clock,
        reporter: Reporter,
        workers: int,
    ) -> None:
        """`load` (F,) is what facilities weigh."""
        self._problem, self._layout, self._prices, self._tiling = problem, layout, prices, tiling
        self._load, self._gap, self._efforts = load, gap, efforts
        self._clock, self._reporter, self._workers = clock, reporter, workers
        self._margin = MARGIN
        self._patience = 1.0  # of the search nodes where no time limits them: more, once tiles grow no larger
        self._latest: Bounding | None = None
        self._best: Bounding | None = None

    def first(self, pool: ThreadPoolExecutor, proof: Proof | None, standing: Standing | None) -> IntArray:
        """Solve the first mosaic, that of the proof if there is one; (K, F) the options of its tiles' plans.

        -1 where there is neither a tile's nor a standing plan.
        """
        total, limited = float(self._load.sum()), math.isfinite(self._clock.left_s)
        seconds = FIRST_SHARE * self._clock.left_s * self._workers / max(1.0, total / LEAST_TILE)
        seconds = min(seconds, FIRST_S) if limited else seconds
        if proof is None or proof.mosaic is None:
            mosaic = self._lay(LEAST_TILE, seconds)
        else:
            laid = replace(proof.mosaic, problem=self._problem)
            size = total / (laid.tile.max() + 1)
            mosaic = Bounding(laid, self._layout, self._prices.value, size, seconds, proof.tile_bound)
        self._reporter.report(bound=mosaic.bound)
        futures = [pool.submit(self.bound, mosaic, tile, standing) for tile in mosaic.waiting]
        for tile, future in zip(mosaic.waiting, futures, strict=True):
            mosaic.take(tile, future.result())
            self._reporter.report(bound=mosaic.bound)
        mosaic.waiting.clear()
        self._latest = self._best = mosaic
        otherwise = np.full((self._layout.n_scenarios, self._problem.n_facilities), -1)
        return mosaic.options(otherwise if standing is None else standing.option)

    def next(self) -> tuple[Bounding, int] | None:
        """A tile to bound; None where there is none now, or none that the time allows."""
        if self._latest is None or self._latest.complete:
            following = self._following()
            if following is None:
                return None
            self._latest = following
        mosaic = self._latest
        return (mosaic, mosaic.waiting.pop(0)) if mosaic.waiting else None

    def bound(self, mosaic: Bounding, tile: int, standing: Standing | None) -> PartPlan:
        """Bound a tile, beginning from the plan as it stands."""
        part = mosaic.mosaic.part(tile)
        start = None if standing is None else mosaic.mosaic.start(part, standing.option, standing.flow)
        share = len(part.flow_arc) / max(1.0, self._load.sum())
        nodes = int(min(self._patience * TILE_NODES * max(1.0, mosaic.size / LEAST_TILE), 2**31 - 1))
        gap_gbp = TILE_GAP * self._gap * abs(self._prices.bound) * share
        began = time.perf_counter()
        found = solve_part(self._problem, part, self._efforts.of(mosaic.seconds, nodes, gap_gbp), start)
        mosaic.taken_s.append(time.perf_counter() - began)
        return found

    @property
    def exhausted(self) -> bool:
        """Whether the whole estate has been solved in one tile that leaves nothing out: no more can be proven."""
        latest, total = self._latest, float(self._load.sum())
        return latest is not None and latest.size >= total and self._margin >= WIDEST_MARGIN and latest.closed

    def take(self, mosaic: Bounding, tile: int, found: PartPlan) -> None:
        """Take a tile's outcome."""
        mosaic.take(tile, found)
        if self._best is None or mosaic.bound > self._best.bound:
            self._best = mosaic
        self._reporter.report(bound=mosaic.bound)

    def proof(self) -> Proof:
        """What the bound rests on: the mosaic with the best bound, or prices alone."""
        if self._best is None:
            return Proof(self._prices.pupil, self._prices.row)
        laid = self._best.mosaic
        return Proof(laid.pupil_price, laid.row_price, laid, self._best.tiles)

    def _lay(self, size: float, seconds: float) -> Bounding:
        """A mosaic of tiles of about `size` load, with so many seconds for each."""
        tiles = self._tiling.cut(size)
        mosaic = lay_mosaic(self._problem, tiles, self._prices.pupil, self._prices.row, self._margin)
        return Bounding(mosaic, self._layout, self._prices.value, size, seconds)

    def _following(self) -> Bounding | None:
        """A mosaic of larger tiles, as large as the time allows; None where it does not allow any."""
        assert self._latest is not None
        total, last = float(self._load.sum()), self._latest.size
        most = min(1.1 * total, MOST_TILE)
        if last >= min(total, MOST_TILE):
            self._margin = min(4.0 * self._margin, WIDEST_MARGIN)
            self._patience *= 2.0
        size, seconds = min(last * TILE_GROWTH, most), math.inf
        if math.isfinite(self._clock.left_s):
            thread_s = MOSAIC_SHARE * self._clock.left_s * self._workers
            tile_s = TILE_S * self._pace()
            size = min(size, LEAST_TILE * (thread_s * LEAST_TILE / (tile_s * total)) ** (1 / (TILE_POWER - 1)))
            size = min(size, LEAST_TILE * (thread_s / tile_s) ** (1 / TILE_POWER)) if size > total else size
            if size < 1.4 * last and last < total:
                return None
            seconds = thread_s / max(1.0, total / size)
        return self._lay(size, seconds)

    def _pace(self) -> float:
        """How long the latest tiles took of what tiles of their size may; 1 where some were not solved in time."""
        latest = self._latest
        assert latest is not None
        if not latest.taken_s or not latest.closed:
            return 1.0
        usual = TILE_S * (max(latest.size, LEAST_TILE) / LEAST_TILE) ** TILE_POWER
        return float(np.clip(np.mean(latest.taken_s) / usual, LEAST_PACE, 1.0))
