"""What a solver answers: a plan, how good it is, and the proof.

``gap`` is (objective − bound) / |objective| everywhere; this file is the one place that computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and scipy take a quarter of a second to import
    from models.estate import FloatArray, IntArray

STATUSES = ("optimal", "feasible", "infeasible", "unknown")


@dataclass(frozen=True)
class Progress:
    """Where a running solve stands: the best plan so far, the best bound so far, and the time since its start."""

    incumbent: float  # GBP; inf while there is no plan
    bound: float  # GBP
    gap: float
    seconds: float


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class EstatePlan:
    """An answer to an `EstateProblem`.

    Where a slice has no pupils at a node, the node's share is all unmet, which costs nothing.
    """

    status: str  # optimal: gap ≤ asked | feasible | infeasible | unknown: no plan in time, the bound still holds
    objective: float  # GBP; inf without a plan
    bound: float  # GBP; no plan costs less; inf where proven infeasible
    gap: float
    option: IntArray | None  # (F,) the option each facility follows
    flow: FloatArray | None  # (S, A) shares of a node's pupils
    unmet: FloatArray | None  # (S, D) shares of a node's pupils
    clash: tuple[int, ...]  # policy rows that clash: irreducible, empty unless infeasible
    seconds: float
    route: str
    scenario_option: IntArray | None = None  # (K, F) of two-stage problems; `option` is then the likeliest scenario's


@dataclass(frozen=True, eq=False)
class ClusterPlan:
    """An answer to a `ClusterProblem`."""

    status: str  # as of an EstatePlan
    objective: float
    bound: float
    gap: float
    lead: IntArray | None  # (N,) the lead of each node; -1 stands alone
    clash: tuple[int, ...]  # nodes that no cluster can take, where that is why nothing is feasible; else empty
    seconds: float
    route: str


def gap_between(objective: float, bound: float) -> float:
    """(objective − bound) / |objective|, 0 when both are 0, inf without a plan or a bound. No unit."""
    if not math.isfinite(objective) or not math.isfinite(bound):
        return math.inf
    if objective == bound:
        return 0.0
    return (objective - bound) / abs(objective) if objective else math.inf


def status_of(objective: float, bound: float, gap: float) -> str:
    """The status of a plan of this objective under this bound when `gap` was asked for.

    The comparison allows for the rounding of two sums of doubles: 1e-9 of the objective.
    """
    return "optimal" if gap_between(objective, bound) <= gap + 1e-9 else "feasible"
