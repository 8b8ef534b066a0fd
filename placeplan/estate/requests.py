"""What the authority can do alone, and what it would have to ask of others.

A plan takes whatever is cheapest, whoever holds the lever. Options that are not within the authority's own power are
requests to a named body; the plan is therefore solved a second time without them, and both costs are given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from geodata.policy import Policy
from models.estate_build import Estate
from models.estate_read import decisions
from placeplan.estate.seated import planned_within
from solvers import EstatePlan


def requests_in(estate: Estate, plan: EstatePlan) -> int:
    """How many schools and sites the plan asks somebody for, in any future."""
    chosen = plan.by_scenario
    assert chosen is not None
    return int((~_own(estate)[chosen]).any(axis=0).sum())


def _own(estate: Estate) -> np.ndarray:
    """(O,) whether an option is the authority's to take; what contributions pay is nobody's decision."""
    own = np.ones(estate.problem.n_options, dtype=bool)
    own[: len(estate.options)] = [option.power.own for option in estate.options]
    return own


def planned_alone(estate: Estate, plan: EstatePlan, policy: Policy) -> EstatePlan | None:
    """The estate planned anew without requests, which begins from the plan less its requests; None if none is found."""
    problem, chosen = estate.problem, plan.by_scenario
    assert chosen is not None and problem.baseline is not None
    own = _own(estate)
    begun = np.where(own[chosen].all(axis=0), chosen, problem.baseline)
    staged = None if plan.scenario_option is None else begun
    start = replace(plan, option=begun[0], scenario_option=staged)
    return planned_within(estate, np.flatnonzero(own), start, policy)


def request_summary(estate: Estate, plan: EstatePlan, alone: EstatePlan | None) -> dict[str, Any]:
    """Both plans' costs, in GBP, and what the requests are worth: between `least_gbp` and `most_gbp`, both proven."""
    asked = decisions(estate, plan.by_scenario)
    bodies = sorted(set(asked.loc[~asked["own_power"].astype(bool), "asked_of"]))
    told: dict[str, Any] = {"count": requests_in(estate, plan), "asked_of": bodies}
    if alone is None:
        return told | {"without": None}
    return told | {
        "without": {"objective": alone.objective, "bound": alone.bound, "gap": alone.gap, "status": alone.status},
        "worth_least_gbp": max(alone.bound - plan.objective, 0.0),
        "worth_most_gbp": max(alone.objective - plan.bound, 0.0),
    }
