"""What a solver answers: a plan, how good it is, and the proof.

``gap`` is (objective − bound) / |objective| everywhere; this file is the one place that computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and scipy take a quarter of a second to import
    from models.award_rules import AwardRule
    from models.awards import BoolArray
    from models.estate import EstateProblem, FloatArray, IntArray
    from solvers.priced_tiles import Mosaic

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
class Proof:
    """What a bound rests on, so that a question about the plan need not begin anew."""

    pupil: FloatArray  # (S, D) GBP per pupil placed
    row: FloatArray  # (K, R) GBP per unit of a policy row
    mosaic: Mosaic | None = None  # tiles at these prices, where any were solved
    tile_bound: FloatArray | None = None  # (tiles,) GBP; nan where a tile has to be solved again


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
    proof: Proof | None = None  # of the decomposed route

    @property
    def by_scenario(self) -> IntArray | None:
        """(K, F) the option of each facility in each scenario in which it may differ; None without a plan."""
        if self.option is None:
            return None
        return self.option[None, :] if self.scenario_option is None else self.scenario_option

    def begun_with(self, options: IntArray, kept: IntArray) -> EstatePlan:
        """The plan to begin from with these options (K, F) in a problem that keeps only those in `kept`, rising.

        Options are renumbered as in that problem; nothing proven goes with it.
        """
        own: IntArray = kept.searchsorted(options)
        return replace(
            self, option=own[0], scenario_option=None if self.scenario_option is None else own, proof=None
        )  # fmt: skip

    def renumbered(self, kept: IntArray) -> EstatePlan:
        """The plan of a problem that kept only these options, rising, in the whole problem's numbers."""
        return replace(
            self,
            option=None if self.option is None else kept[self.option],
            scenario_option=None if self.scenario_option is None else kept[self.scenario_option],
        )

    def without_tiles(self) -> EstatePlan:
        """The plan with the prices of its proof only."""
        return self if self.proof is None else replace(self, proof=Proof(self.proof.pupil, self.proof.row))


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


@dataclass(frozen=True, eq=False)
class AwardPlan:
    """An answer to an `AwardProblem`: most points first, least cost among those of most points."""

    status: str  # optimal: both proven | feasible | infeasible | unknown: nothing found in time, the bounds still hold
    points: float  # what ranks: of the winning bids, less the losses of lots without award; -inf without a plan
    points_bound: float  # no award set has more; -inf where proven infeasible
    cost_gbp: float  # of the winning bids; inf without a plan
    cost_bound: float  # GBP; no award set of at least these points costs less; inf where proven infeasible
    quality: float  # points for quality alone, of the winning bids
    awarded: BoolArray | None  # (B,) which bids win
    lot_bid: IntArray | None  # (L,) the bid that takes each lot; -1: no award
    clash: tuple[AwardRule, ...]  # rules that clash: irreducible, empty unless infeasible
    seconds: float
    route: str


def misfit(problem: EstateProblem, plan: EstatePlan) -> str:
    """Why a plan cannot be one of the problem, by the shapes of its arrays; "" where it can."""
    n_scenarios = len(problem.stage_weight)
    own: tuple[int, ...] = (problem.n_facilities,)
    for name, options, shape in (
        ("option", plan.option, own),
        ("scenario_option", plan.scenario_option, (n_scenarios, *own)),
    ):
        if options is None:
            continue
        if options.shape != shape:
            return f"{name} has shape {options.shape}, expected {shape}"
        if options.min() < 0 or options.max() >= problem.n_options:
            return f"{name} names an option that does not exist"
        if (problem.option_facility[options] != range(problem.n_facilities)).any():
            return f"{name} gives a facility an option of another"
    if plan.proof is not None:
        prices = [("pupil", plan.proof.pupil, problem.demand.shape)]
        prices += [("row", plan.proof.row, (n_scenarios, problem.n_rows))]
        for name, price, shape in prices:
            if price.shape != shape:
                return f"proof.{name} has shape {price.shape}, expected {shape}"
    return ""


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
