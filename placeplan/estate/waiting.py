"""What it is worth to decide now only what must be begun now.

Two stages: what has to be begun at once is the same in every future, what can wait is decided when it is known which
future comes. The estate is planned a first time with everything decided at once; the difference is the value of
waiting. A future is known whole once the first year is over, which flatters waiting: it is a ceiling.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from geodata.policy import Policy
from models.estate_build import Estate
from solvers import EstatePlan, solve_estate


def planned_at_once(estate: Estate, policy: Policy) -> EstatePlan:
    """The plan that decides everything now, in the shape of one of two stages: the same options in every scenario."""
    plan = solve_estate(
        replace(estate.problem, option_first=None),
        time_limit_s=policy.number("estate_time_limit_s"),
        gap=policy.number("estate_gap"),
    )
    if plan.option is None:
        return replace(plan, proof=None)
    scenarios = len(estate.problem.stage_weight)
    return replace(plan, scenario_option=np.tile(plan.option, (scenarios, 1)), proof=None)


def waiting_summary(plan: EstatePlan, whole: EstatePlan | None) -> dict[str, Any]:
    """What waiting saves, in GBP: between `saves_least_gbp` and `saves_most_gbp`, both proven; None in one stage."""
    if whole is None:
        return {"waiting": None}
    return {
        "waiting": {
            "at_once": {"objective": whole.objective, "bound": whole.bound, "gap": whole.gap},
            "saves_least_gbp": max(whole.bound - plan.objective, 0.0),
            "saves_most_gbp": max(whole.objective - plan.bound, 0.0),
        }
    }
