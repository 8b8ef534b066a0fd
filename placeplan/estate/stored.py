"""A plan of the estate as it lies on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.closing import with_vehicles
from models.estate import EstateProblem
from models.estate_build import Estate
from placeplan.results import read_summary
from solvers import EstatePlan, gap_between
from solvers.plans import Proof


def stored_estate(folder: Path) -> tuple[EstateProblem, EstatePlan]:
    """The problem and the plan of an estate stage's results; of its proof the prices, where it had any."""
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
            proof=Proof(saved["price_pupil"], saved["price_row"]) if "price_row" in saved else None,
        )
    return problem, plan


def as_stored(estate: Estate, folder: Path) -> Estate:
    """The estate in which closings cost the vehicles that the plan's estate was left with."""
    with np.load(folder / "plan.npz") as saved:
        vehicles = saved["vehicles_gbp"]
    if vehicles.any() and vehicles.shape == (len(estate.options), len(estate.years)):
        return with_vehicles(estate, vehicles)
    return estate


def plans_beside(folder: Path) -> list[np.ndarray]:
    """The plans (K, F) that were found beside the stored one, each without one of its closings."""
    with np.load(folder / "plan.npz") as saved:
        return list(saved["beside"]) if "beside" in saved else []
