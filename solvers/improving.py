"""How neighbourhoods are chosen, and how large, how exact and how wide they are.

First the plan that the tiles made is swept over twice, the schools most in doubt of every tile at a time. From then on
neighbourhoods are drawn (`solvers.attention`). They are short as long as short ones bring something. Where many have
brought nothing they may take longer, and at last look for smaller gains and use dearer arcs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.estate import EstateProblem, FloatArray
from solvers.attention import Attention
from solvers.neighbourhoods import Neighbourhood, Standing, loads, neighbourhood
from solvers.prices import Prices
from solvers.tiles import Tiling

SIZE, LEAST_SIZE = 500.0, 100.0  # load, to begin with and at least
SECONDS, NODES = 5.0, 100  # at most, with and without a time limit
QUICK_S = 0.4  # that one should take, to begin with
GROWTH, SHRINK = 1.05, 0.9  # of the load after one that took no longer, and after another
RINGS = 2  # further rounds of facilities whose pupils may be moved to make room
SWEEPS, SWEPT_SIZE, SWEPT_TILE, SWEPT_MARGIN = 2, 800.0, 3200.0, 0.25  # of the quick ones over a plan made of tiles
MARGIN = 0.01  # of a node's price: arcs so much dearer that are not in use are left out, to begin with
GAIN, LEAST_GAIN = 1e-5, 1e-7  # of the cost: what is left unsought, to begin with and at least
EASED = 4.0  # by which gain and margin are eased where nothing is gained any more
IDLE = 0.3  # neighbourhoods without gain, in shares of those of the whole estate, after which they are
MOSTLY_SHUT = 0.3  # share that others have shut above which a neighbourhood overlaps them instead


@dataclass(frozen=True, eq=False)
class Chosen:
    """A neighbourhood to work on."""

    hood: Neighbourhood
    overlaps: bool  # whether another in work may change the same pupils
    gain_gbp: float  # that is left unsought


class Improving:
    """The neighbourhoods of one search."""

    def __init__(
        self,
        problem: EstateProblem,
        prices: Prices,
        attention: Attention,
        tiling: Tiling,
        load: FloatArray,
        timed: bool,
    ) -> None:
        self._problem, self._prices, self._attention = problem, prices, attention
        self._total, self._timed = float(load.sum()), timed
        self._size, self._gain, self._quick_s = SIZE, GAIN, QUICK_S
        self._margin = math.inf if problem.single_site else MARGIN
        self._swept = [tile for _ in range(SWEEPS) for tile in tiling.cut(SWEPT_TILE)]
        self._in_vain = 0  # neighbourhoods one after the other

    @property
    def idle(self) -> bool:
        """Whether many have brought nothing."""
        return self._in_vain > 0.5 * IDLE * self._all

    def next(self, standing: Standing, busy: list[Neighbourhood]) -> Chosen | None:
        """A neighbourhood of the plan beside those in work; None where there was none this time."""
        shut = np.zeros(self._problem.n_facilities, dtype=bool)
        for other in busy:
            shut[other.touched] = True
        self._size = float(np.clip(self._size, LEAST_SIZE, max(LEAST_SIZE, 0.6 * self._total)))
        swept = bool(self._swept)
        if swept:
            free = [shut[tile].mean() for tile in self._swept]
            tile = self._swept.pop(int(np.argmin(free)))
            facilities = self._attention.doubtful(standing, tile, SWEPT_SIZE)
        else:
            facilities = self._attention.choose(standing, self._size, shut)
        overlaps = bool(shut[facilities].mean() > MOSTLY_SHUT)
        margin, rings = (max(SWEPT_MARGIN, self._margin), 0) if swept else (self._margin, RINGS)
        load = loads(self._problem, standing.flow)
        hood = neighbourhood(
            self._problem, self._prices.pupil, standing, load, facilities, shut & (not overlaps), margin, rings
        )
        if hood is None:
            self._attention.tell(facilities, facilities, gained=False)
            return None
        return Chosen(hood, overlaps, self._gain * abs(standing.cost))

    def tell(self, hood: Neighbourhood, closed: bool, seconds: float, gained: bool) -> None:
        """What became of a neighbourhood; `closed`: solved as far as was asked."""
        self._attention.tell(hood.facilities, hood.touched, gained)
        self._size *= GROWTH if closed and not (self._timed and seconds > self._quick_s) else SHRINK
        self._in_vain = 0 if gained else self._in_vain + 1
        if self._in_vain > IDLE * self._all:
            self._in_vain = 0
            if self._timed and self._quick_s < 0.5 * SECONDS:
                self._quick_s *= 2.0
                self._size *= 1.5
            else:
                self._gain = max(self._gain / EASED, LEAST_GAIN)
                self._margin *= EASED

    @property
    def _all(self) -> float:
        """Neighbourhoods that the whole estate would make."""
        return max(1.0, self._total / self._size)
