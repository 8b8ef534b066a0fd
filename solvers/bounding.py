"""A mosaic whose tiles are bounded one after the other: its bound is proven at every moment."""

from __future__ import annotations

import numpy as np

from models.estate import FloatArray, IntArray
from solvers.layout import Layout, best_values, paid
from solvers.part import PartPlan
from solvers.priced_tiles import Mosaic


class Bounding:
    """The best bound known of every tile, from its Lagrangian value upwards, and the tiles still to do."""

    def __init__(
        self,
        mosaic: Mosaic,
        layout: Layout,
        value: FloatArray,
        size: float,
        seconds: float,
        known: FloatArray | None = None,
    ) -> None:
        """`value` (K, O) are the options at the mosaic's prices; a tile is of `size` load and has `seconds`.

        `known` (tiles,) are bounds proven before, for tiles that need not be solved again; nan for the others.
        """
        self.mosaic, self.size, self.seconds = mosaic, size, seconds
        self.tiles = _lagrangian(mosaic, layout, value)
        self.waiting = list(range(len(self.tiles)))
        if known is not None:
            self.tiles = np.where(np.isnan(known), self.tiles, np.maximum(self.tiles, known))
            self.waiting = np.flatnonzero(np.isnan(known)).tolist()
        self._done = len(self.tiles) - len(self.waiting)
        self._found: dict[int, PartPlan] = {}
        self.taken_s: list[float] = []  # by tiles solved

    @property
    def bound(self) -> float:
        """Proven for the whole problem, in GBP."""
        return float(self.tiles.sum() + self.mosaic.seams)

    @property
    def complete(self) -> bool:
        """Whether every tile has been solved, as far as its time went."""
        return self._done + len(self._found) == len(self.tiles)

    @property
    def closed(self) -> bool:
        """Whether every tile has been solved as far as was asked."""
        return self.complete and all(found.closed for found in self._found.values())

    def take(self, tile: int, found: PartPlan) -> None:
        """Take a tile's outcome."""
        self._found[tile] = found
        # The whole has a plan, so a tile that HiGHS calls infeasible is so by less than plans are allowed.
        if np.isfinite(found.bound):
            self.tiles[tile] = max(self.tiles[tile], found.bound)

    def options(self, otherwise: IntArray) -> IntArray:
        """(K, F) the options of the tiles' own plans; of `otherwise` where a tile has none."""
        option = otherwise.copy()
        for tile, found in self._found.items():
            if found.option is not None:
                option[:, self.mosaic.tile == tile] = found.option
        return option


def _lagrangian(mosaic: Mosaic, layout: Layout, value: FloatArray) -> FloatArray:
    """(tiles,) what the tiles are worth where all their nodes and rows are priced."""
    n_tiles = int(mosaic.tile.max()) + 1
    problem = mosaic.problem
    worth: FloatArray = np.bincount(mosaic.tile, best_values(layout, value), minlength=n_tiles).astype(np.float64)
    home = mosaic.home >= 0
    pupils = (problem.demand * mosaic.pupil_price)[home]
    worth += np.bincount(mosaic.home[home], pupils, minlength=n_tiles)
    within = mosaic.row_home >= 0
    of_rows = paid(problem, mosaic.row_price).sum(axis=0)
    worth += np.bincount(mosaic.row_home[within], of_rows[within], minlength=n_tiles)
    return worth
