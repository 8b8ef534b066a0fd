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
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate

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
    first = _solved(estate, np.flatnonzero(stays | grows), None, policy)
    if first is None or first.by_scenario is None:
        return None
    chosen = first.by_scenario
    built: np.ndarray = np.any([grows[one] for one in chosen], axis=0)  # (F,)
    decided = np.isin(np.arange(estate.problem.n_options), chosen)
    facility = estate.problem.option_facility
    return _solved(estate, np.flatnonzero(np.where(built[facility], decided, ~grows)), first, policy)


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


def _solved(estate: Estate, kept: np.ndarray, begin: EstatePlan | None, policy: Policy) -> EstatePlan | None:
    """The best plan with the options `kept`, in the estate's numbering; begins from a plan of these options."""
    problem = estate.problem.with_options(kept)
    start = None if begin is None or begin.by_scenario is None else begin.begun_with(begin.by_scenario, kept)
    found = solve_estate(
        problem, time_limit_s=policy.number("estate_time_limit_s"), gap=policy.number("estate_gap"), start=start
    )
    if found.option is None:
        return None
    if wrong := verify_estate(problem, found):
        raise AssertionError("A plan of one step fails its independent verification: " + "; ".join(wrong))
    return found.renumbered(kept)
