"""How firm a ranking is: the smallest change of weights under which another bid would win.

Read-only: published weights are locked, and nothing here enters a decision. For rival r among the bids that pass, with
s (B, C) scores as shares of their scale and w (C,) the published weights, in per cent:

    w'  weights under which r is level with or ahead of every other bid    w' ≥ 0, Σ w' = 100, (s_b − s_r) · w' ≤ 0
    d   change of each weight                                              d ≥ |w' − w|
    t   largest change                                                     t ≥ d

Two linear programmes: least t (no weight has to move by more) and least Σ d (moved weight, counted where it goes and
where it comes from). A third asks for the largest lead of r under any weights: below 0 it never wins, at 0 it is level
at best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Array = NDArray[np.float64]
NOT_USED = "Read-only appendix: not used in the decision"
EXACT = 1e-7  # points; the tolerance of the linear programmes


@dataclass(frozen=True)
class Overtaking:
    """What it would take for a rival to win.

    Attributes
    ----------
    largest_change, total_change : percentage points: of the weight that moves most, and of all weights together;
        each the least possible, infinite where no weights let the rival win.
    largest_weights, total_weights : (C,) weights at which they are reached; NaN where there are none.
    lead : points by which the rival is ahead of every other bid under the weights that suit it best.

    """

    largest_change: float
    largest_weights: Array
    total_change: float
    total_weights: Array
    lead: float

    @property
    def verdict(self) -> str:
        """Whether the rival can win at all, in words."""
        if self.lead < -EXACT:
            return "never wins, whatever the weights"
        return "level at best, never alone in front" if self.lead <= EXACT else "wins under some weights"


def overtaking(share: Array, weight: Array, rival: int) -> Overtaking:
    """Smallest changes of `weight` (C,) under which `rival` wins; `share` (B, C) of the bids that pass."""
    n = len(weight)
    behind = np.delete(share, rival, axis=0) - share[rival]  # others less the rival
    one, none = np.eye(n), np.zeros((n, n))
    column = np.ones((n, 1))
    rows = np.vstack(
        [
            np.hstack([behind, np.zeros((len(behind), n + 1))]),
            np.hstack([one, -one, 0 * column]),
            np.hstack([-one, -one, 0 * column]),
            np.hstack([none, one, -column]),
        ]
    )
    limit = np.concatenate([np.zeros(len(behind)), weight, -weight, np.zeros(n)])
    sums = np.concatenate([np.ones(n), np.zeros(n + 1)])[None, :]
    found = []
    for objective in (np.r_[np.zeros(2 * n), 1.0], np.r_[np.zeros(n), np.ones(n), 0.0]):
        solved = linprog(objective, A_ub=rows, b_ub=limit, A_eq=sums, b_eq=[100.0], method="highs")
        if solved.status not in (0, 2):
            raise ArithmeticError(f"the smallest change of weights was not found: {solved.message}")
        found.append((float(solved.fun), solved.x[:n]) if solved.status == 0 else (np.inf, np.full(n, np.nan)))
    (largest, at_largest), (total, at_total) = found
    return Overtaking(largest, at_largest, total, at_total, largest_lead(share, rival))


def largest_lead(share: Array, rival: int) -> float:
    """Points by which a bid is ahead of every other under the weights that suit it best; infinite without others."""
    behind = np.delete(share, rival, axis=0) - share[rival]
    if not len(behind):
        return np.inf
    n = share.shape[1]
    solved = linprog(
        np.r_[np.zeros(n), -1.0],
        A_ub=np.hstack([behind, np.ones((len(behind), 1))]),
        b_ub=np.zeros(len(behind)),
        A_eq=np.r_[np.ones(n), 0.0][None, :],
        b_eq=[100.0],
        bounds=[(0, None)] * n + [(None, None)],
        method="highs",
    )
    if solved.status != 0:
        raise ArithmeticError(f"the largest lead was not found: {solved.message}")
    return float(-solved.fun)
