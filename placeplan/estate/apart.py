"""What it is worth to decide on building and on closing together rather than one after the other.

Apart: first what to build, with nothing taken away; then, with that decided, what to take away. The plan of both
together costs no more; by how much less lies between two proven figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geodata.policy import Policy
from models.estate_build import Estate
from models.options import BULGE, EXPAND, LIFT, NEW, SEND_UNIT, STAY
from placeplan.estate.seated import planned_within
from solvers import EstatePlan

GROWTH = (LIFT, BULGE, EXPAND, NEW, SEND_UNIT)


def planned_apart(estate: Estate, policy: Policy) -> EstatePlan | None:
    """The plan that builds first and closes then, in the estate's own numbering; None where there is nothing to part.

    Its bound is that of the second step: no plan that builds the same costs less.
    """
    actions: np.ndarray = np.array([option.action for option in estate.options])
    sums = np.ones(estate.problem.n_options - len(actions), dtype=bool)  # contributions are nobody's decision
    stays = np.concatenate([actions == STAY, sums])
    grows = np.concatenate([np.isin(actions, GROWTH), ~sums])
    if policy.value("estate_apart") != "yes" or not grows.any() or (stays | grows).all():
        return None
    first = planned_within(estate, np.flatnonzero(stays | grows), None, policy)
    if first is None or first.by_scenario is None:
        return None
    chosen = first.by_scenario
    built: np.ndarray = np.any([grows[one] for one in chosen], axis=0)  # (F,)
    decided = np.isin(np.arange(estate.problem.n_options), chosen)
    facility = estate.problem.option_facility
    return planned_within(estate, np.flatnonzero(np.where(built[facility], decided, ~grows)), first, policy)


def apart_summary(plan: EstatePlan, apart: EstatePlan | None) -> dict[str, Any]:
    """What deciding together saves, in GBP: between `saves_least_gbp` and `saves_most_gbp`, both proven; or None."""
    if apart is None:
        return {"apart": None}
    return {
        "apart": {
            "objective": apart.objective,
            "bound": apart.bound,
            "saves_least_gbp": max(apart.bound - plan.objective, 0.0),
            "saves_most_gbp": max(apart.objective - plan.bound, 0.0),
        }
    }
