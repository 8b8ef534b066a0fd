"""A plan of the estate as it lies on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.estate import EstateProblem
from placeplan.results import read_summary
from solvers import EstatePlan, gap_between


def stored_estate(folder: Path) -> tuple[EstateProblem, EstatePlan]:
    """The problem and the plan of an estate stage's results; the plan has no proof but its bound."""
    problem = EstateProblem.load(folder / "problem.npz")
    summary = read_summary(folder) or {}
    with np.load(folder / "plan.npz") as saved:
        objective, bound = float(saved["objective"]), float(saved["bound"])
        plan = EstatePlan(
            status=str(summary["status"]),
            objective=objective,
            bound=bound,
            gap=gap_between(objective, bound),
            option=saved["option"],
            flow=saved["flow"],
            unmet=saved["unmet"],
            clash=(),
            seconds=0.0,
            route=str(summary["route"]),
            scenario_option=saved.get("scenario_option"),
        )
    return problem, plan
