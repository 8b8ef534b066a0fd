"""The share of all weightings under which each bid wins, by drawing them; read-only, as `models.firmness` is.

Weightings are uniform on the simplex: independent exponentials divided by their sum. Which bid wins does not change
when all weights are multiplied by one number, so that division is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLOCK = 50_000  # draws held at once
LEVEL = 1e-12  # relative; totals nearer than this are a tie


@dataclass(frozen=True)
class WinShares:
    """Share (B,) of draws that each bid wins, a tie shared among those that tie; they sum to 1."""

    share: Array
    draws: int

    @property
    def standard_error(self) -> Array:
        """(B,) of each share, for the number of draws."""
        return np.asarray(np.sqrt(self.share * (1 - self.share) / self.draws))


def weight_shares(share: Array, draws: int, seed: int) -> WinShares:
    """Share of all weightings under which each bid wins; `share` (B, C) scores of the bids that pass."""
    rng = np.random.default_rng(seed)
    wins = np.zeros(len(share))
    for size in _blocks(draws):
        wins += _wins(rng.standard_exponential((size, share.shape[1])) @ share.T)
    return WinShares(wins / draws, draws)


def uncertain_shares(share: Array, marks: Array, draws: int, seed: int, weight: Array | None = None) -> WinShares:
    """The same with scores drawn from the assessors' own.

    In each draw and for each criterion one assessor is drawn, whose scores stand for every bid: a strict or a kind
    assessor is so to all. `marks` (A, B, C) are shares of the scale; where that assessor has not scored a bid, or
    nobody the criterion, the score of record `share` (B, C) stands. `weight` (C,) keeps the published weights instead
    of drawing them.
    """
    rng = np.random.default_rng(seed)
    n_bids, n_criteria = share.shape
    given = ~np.isnan(marks)
    filled = np.where(given, marks, share)
    panels = [np.flatnonzero(given[:, :, c].any(axis=1)) for c in range(n_criteria)]
    wins = np.zeros(n_bids)
    for size in _blocks(draws):
        weights = np.tile(weight, (size, 1)) if weight is not None else rng.standard_exponential((size, n_criteria))
        totals = np.zeros((size, n_bids))
        for c, panel in enumerate(panels):
            scores = filled[rng.choice(panel, size), :, c] if len(panel) else share[None, :, c]
            totals += weights[:, c, None] * scores
        wins += _wins(totals)
    return WinShares(wins / draws, draws)


def _blocks(draws: int) -> Iterator[int]:
    for start in range(0, draws, BLOCK):
        yield min(BLOCK, draws - start)


def _wins(totals: Array) -> Array:
    """(B,) draws won, of totals (draws, B)."""
    best = totals.max(axis=1, keepdims=True)
    level = totals >= best - LEVEL * np.abs(best)
    return np.asarray((level / level.sum(axis=1, keepdims=True)).sum(axis=0))
