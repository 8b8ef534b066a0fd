"""What a plan costs and why each of its decisions is in it: the same estate with and without the decision.

A plan's cost has three parts: what its options cost, what journeys, moves and vehicles cost, and the price of pupils
without a place. A decision's effect is the difference to the same plan with that one facility left as it is today,
pupils placed anew at least cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.estate_build import ENTRY, Estate
from solvers import EstatePlan
from solvers.highs import Clock
from solvers.pots import settled
from solvers.transport import place_changed, place_pupils

PARTS = ["options_gbp", "journeys_gbp", "without_place_gbp"]


@dataclass(frozen=True, eq=False)
class Placing:
    """Pupils placed under some choice of options: the parts of its cost in GBP, and pupils without a place."""

    options_gbp: float
    journeys_gbp: float
    without_place_gbp: float
    flow: np.ndarray  # (S, A) shares
    unmet: np.ndarray  # (S, D) shares
    most_without_place: float  # in any year, to be expected over the scenarios
    most_without_entry_place: float  # in any year's entry

    @property
    def total_gbp(self) -> float:
        """The plan's objective."""
        return self.options_gbp + self.journeys_gbp + self.without_place_gbp


def placing(estate: Estate, option: np.ndarray, flow: np.ndarray, unmet: np.ndarray) -> Placing:
    """Parts of the cost of options by scenario (K, F), flows (S, A) and unmet shares (S, D)."""
    problem = estate.problem
    pupils = problem.demand * unmet
    travel = problem.demand[:, problem.arc_node] * problem.arc_cost * flow
    expected = pupils.sum(axis=1) * estate.slices["probability"]
    vehicles = float(problem.stage_weight @ estate.vehicles_gbp[option].sum(axis=1))
    year, entry = estate.slices["academic_year"], estate.slices["kind"] == ENTRY
    return Placing(
        float(problem.stage_weight @ problem.option_cost[option].sum(axis=1)) - vehicles,
        float(travel.sum()) + vehicles,
        float((pupils * problem.unmet_cost).sum()),
        flow,
        unmet,
        float(expected.groupby(year).sum().max()),
        float(expected[entry].groupby(year[entry]).sum().max()),
    )


def placed_anew(estate: Estate, option: np.ndarray, known: tuple[np.ndarray, np.ndarray] | None = None) -> Placing:
    """Pupils placed at least cost under the options (F,) or, by scenario, (K, F), and contributions spent at best.

    With `known`, options and their cheapest flows, these are kept wherever the options differ in nothing that matters.
    """
    staged = np.broadcast_to(option, (len(estate.problem.stage_weight), estate.problem.n_facilities))
    staged = settled(estate.problem, staged)
    if known is None:
        flow, unmet = place_pupils(estate.problem, staged, Clock(None))
    else:
        flow, unmet = place_changed(estate.problem, staged, Clock(None), known)
    return placing(estate, staged, flow, unmet)


def decision_effects(estate: Estate, plan: EstatePlan) -> pd.DataFrame:
    """For every facility that changes: what the plan would be without that change, as differences.

    Columns: facility, options_gbp, journeys_gbp, without_place_gbp (with the decision less without it: negative is
    saved by it), net_gbp, pupils_without_place and entrants_without_place (most in any year, without the decision, over
    those of the plan).
    """
    chosen, baseline = plan.by_scenario, estate.problem.baseline
    assert chosen is not None and baseline is not None
    own = placed_anew(estate, chosen)  # as the others are: without seats by year group
    known = (chosen, own.flow)
    rows = []
    for f in np.flatnonzero((chosen != baseline).any(axis=0)[: estate.problem.n_schools]).tolist():
        option = chosen.copy()
        option[:, f] = baseline[f]
        other = placed_anew(estate, option, known)
        rows.append(
            {
                "facility": estate.facilities[f].key,
                **{part: getattr(own, part) - getattr(other, part) for part in PARTS},
                "net_gbp": own.total_gbp - other.total_gbp,
                "pupils_without_place": other.most_without_place - own.most_without_place,
                "entrants_without_place": other.most_without_entry_place - own.most_without_entry_place,
            }
        )
    columns = ["facility", *PARTS, "net_gbp", "pupils_without_place", "entrants_without_place"]
    return pd.DataFrame(rows, columns=columns)
