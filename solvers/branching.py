"""A bound by branch and bound on prices, for estates of few facilities that are each wanted by many nodes.

Linear programmes are slow there and prices are quick (`solvers.prices`): one facility either follows an option or does
not, and a few passes from the prices of before give each half a better bound. The halves with the lowest bounds are
halved again; every tenth time one is followed down to the end, for the plan there. An option whose regret at the
prices is larger than what the best plan costs above the bound is in no better plan, and is left out.

After S. Görtz and A. Klose, "A simple but usually fast branch-and-bound algorithm for the capacitated facility location
problem", INFORMS Journal on Computing 24, 2012.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from models.estate import FloatArray, IntArray
from solvers.layout import Layout
from solvers.prices import Prices

PASSES, STEP = 40, 0.1  # at each half
DIVE = 10  # one in so many is followed down
PRUNED = 0.9  # of the gap asked for: halves that could gain less are left


@dataclass(frozen=True, eq=False)
class Branch:
    """A part of all plans: those of the allowed options."""

    bound: float  # GBP, at the prices; never below that of the branch it was split from, whose prices it began with
    allowed: NDArray[np.bool_]  # (O,) in the layout's order
    pupil: FloatArray  # (S, D) prices
    row: FloatArray  # (1, R)
    value: FloatArray  # (O,) of the options at the prices
    share: FloatArray  # (O,) of the facilities' choice on average


@dataclass(frozen=True, eq=False)
class Split:
    """What became of a branch: its halves, or, where nothing was left to decide, a single plan."""

    halves: list[Branch]
    option: list[IntArray]  # (F,) plans that suggest themselves, in the problem's order
    leaf: bool


class Branching:
    """The branches that are left, in work or waiting."""

    def __init__(self, layout: Layout, prices: Prices) -> None:
        self._layout = layout
        problem = layout.problem
        self._facility = problem.option_facility[layout.option_order]
        self._first = layout.group_start[layout.facility_group[:-1]]
        self._number, self._taken = count(), 0
        self._down: Branch | None = None
        whole = np.ones(problem.n_options, dtype=bool)
        root = Branch(prices.bound, whole, prices.pupil, prices.row, prices.value[0], prices.share[0])
        self._waiting: list[tuple[float, int, Branch]] = [(root.bound, next(self._number), root)]
        self._in_work: dict[int, float] = {}
        self._left = math.inf  # the lowest bound of those that could gain too little

    @property
    def bound(self) -> float:
        """Of all that is left; inf where nothing is."""
        waiting = self._waiting[0][0] if self._waiting else math.inf
        down = self._down.bound if self._down is not None else math.inf
        return min(waiting, down, self._left, *self._in_work.values(), math.inf)

    def first_option(self) -> IntArray:
        """(F,) the plan that the prices suggest before any branching, in the problem's order."""
        root = self._waiting[0][2]
        return self._rounded(root.share, root.allowed)

    def take(self) -> Branch | None:
        """A branch to split."""
        if self._down is not None:
            branch, self._down = self._down, None
        elif self._waiting:
            branch = heapq.heappop(self._waiting)[2]
            self._taken += 1
        else:
            return None
        self._in_work[id(branch)] = branch.bound
        return branch

    def give(self, branch: Branch, split: Split, cutoff: float, gap: float, exact: bool) -> None:
        """Take the halves back; `exact`: a single plan has been placed at least cost, so that nothing is left of it."""
        del self._in_work[id(branch)]
        if split.leaf and not exact:
            self._left = min(self._left, branch.bound)
        kept = []
        for half in split.halves:
            if half.bound < cutoff - PRUNED * gap * abs(cutoff):
                kept.append(half)
            elif half.bound < cutoff:
                self._left = min(self._left, half.bound)
        kept.sort(key=lambda half: half.bound)
        if kept and self._down is None and self._taken % DIVE == 1:
            self._down = kept.pop(0)
        for half in kept:
            heapq.heappush(self._waiting, (half.bound, next(self._number), half))

    def split(self, branch: Branch, cutoff: float) -> Split:
        """Both halves of a branch, without what cannot be in a plan cheaper than `cutoff`."""
        allowed = self._useful(branch, cutoff)
        undecided = self._counts(allowed) > 1
        if not undecided.any():
            return Split([], [self._rounded(branch.share, allowed)], True)
        most = np.maximum.reduceat(np.where(allowed, branch.share, 0.0), self._first)
        facility = int(np.argmax(np.where(undecided, np.minimum(most, 1.0 - most), -1.0)))
        options = np.flatnonzero((self._facility == facility) & allowed)
        chosen = options[np.argmax(branch.share[options])]
        without, only = allowed.copy(), allowed.copy()
        without[chosen] = False
        only[options] = False
        only[chosen] = True
        halves = [half for part in (only, without) if (half := self._half(branch, part, cutoff)).bound < cutoff]
        return Split(halves, [self._rounded(half.share, half.allowed) for half in halves], False)

    def _half(self, branch: Branch, allowed: NDArray[np.bool_], cutoff: float) -> Branch:
        layout = replace(self._layout, cost=np.where(allowed, self._layout.cost, np.inf))
        prices = Prices(layout, branch.pupil, branch.row, STEP)
        prices.ascend(PASSES, lambda: prices.bound >= cutoff)
        return Branch(prices.bound, allowed, prices.pupil, prices.row, prices.value[0], prices.share[0])

    def _useful(self, branch: Branch, cutoff: float) -> NDArray[np.bool_]:
        """(O,) the allowed options less those whose regret is above what is still to be gained."""
        least = np.minimum.reduceat(branch.value, self._first)
        regret = branch.value - least[self._facility]
        return np.asarray(branch.allowed & (branch.bound + regret <= cutoff))

    def _counts(self, allowed: NDArray[np.bool_]) -> IntArray:
        return np.bincount(self._facility, allowed, minlength=len(self._first)).astype(np.int64)

    def _rounded(self, share: FloatArray, allowed: NDArray[np.bool_]) -> IntArray:
        """(F,) the options with the largest shares, and more of them where slices are short of places."""
        places, demand = self._layout.places, self._layout.problem.demand.sum(axis=1)
        share = np.where(allowed, share, -1.0)
        best = np.lexsort((share, self._facility))
        option = best[np.searchsorted(self._facility[best], np.arange(len(self._first)), side="right") - 1]
        have = places[option].sum(axis=0)
        while (short := np.flatnonzero(have < demand)).size:
            more = places - places[option[self._facility]]
            adds = allowed & (np.minimum(more, 0.0).sum(axis=1) >= 0.0) & (more[:, short[0]] > 0.0)
            if not adds.any():
                break
            following = int(np.argmax(np.where(adds, share, -1.0)))
            have = have + more[following]
            option[self._facility[following]] = following
        return np.asarray(self._layout.option_order[option])
