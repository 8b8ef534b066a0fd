"""What the authority can do alone, and what it would have to ask of others.

A plan takes whatever is cheapest, whoever holds the lever. Options that are not within the authority's own power are
requests to a named body; the plan is therefore solved a second time without them, and both costs are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geodata.policy import Policy
from models.estate_build import Estate
from models.estate_read import decisions
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate


@dataclass(frozen=True, eq=False)
class Alone:
    """The best plan of the authority's own powers; `option` (K, F) in the estate's own numbering."""

    plan: EstatePlan
    option: np.ndarray | None


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


def planned_alone(estate: Estate, plan: EstatePlan, policy: Policy) -> Alone:
    """The estate planned anew without requests, which begins from the plan less its requests."""
    problem, chosen = estate.problem, plan.by_scenario
    assert chosen is not None and problem.baseline is not None
    own = _own(estate)
    kept = np.flatnonzero(own)
    begun = np.where(own[chosen].all(axis=0), chosen, problem.baseline)
    without = problem.with_options(kept)
    found = solve_estate(
        without,
        time_limit_s=policy.number("estate_time_limit_s"),
        gap=policy.number("estate_gap"),
        start=plan.begun_with(begun, kept),
    )
    if wrong := verify_estate(without, found):
        raise AssertionError("The plan without requests fails its independent verification: " + "; ".join(wrong))
    return Alone(found, None if found.by_scenario is None else kept[found.by_scenario])


def request_summary(estate: Estate, plan: EstatePlan, alone: Alone | None) -> dict[str, Any]:
    """Both plans' costs, in GBP, and what the requests are worth: between `least_gbp` and `most_gbp`, both proven."""
    asked = decisions(estate, plan.by_scenario)
    bodies = sorted(set(asked.loc[~asked["own_power"].astype(bool), "asked_of"]))
    told: dict[str, Any] = {"count": requests_in(estate, plan), "asked_of": bodies}
    if alone is None:
        return told | {"without": None}
    other = alone.plan
    return told | {
        "without": {"objective": other.objective, "bound": other.bound, "gap": other.gap, "status": other.status},
        "worth_least_gbp": max(other.bound - plan.objective, 0.0),
        "worth_most_gbp": other.objective - plan.bound,
    }
