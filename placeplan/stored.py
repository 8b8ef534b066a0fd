"""A plan of the estate as it lies on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.closing import with_vehicles
from models.estate import EstateProblem
from models.estate_build import Estate
from models.rules import Row
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


def as_stored(estate: Estate, stored: EstateProblem, folder: Path) -> Estate:
    """The estate with what planning it added: vehicles of closings as counted, and cuts beyond its own rows."""
    with np.load(folder / "plan.npz") as saved:
        vehicles = saved["vehicles_gbp"]
    if vehicles.any() and vehicles.shape == (len(estate.facilities), len(estate.years)):
        estate = with_vehicles(estate, vehicles)
    return with_stored_cuts(estate, stored)


def with_stored_cuts(estate: Estate, stored: EstateProblem) -> Estate:
    """The estate with the rows that the stored problem has beyond its own: cuts made after closures were tested."""
    more = range(len(estate.rows), stored.n_rows)
    if not more:
        return estate
    rows = []
    for number in more:
        row = stored.row_matrix[number].tocoo()
        limits = float(stored.row_lower[number]), float(stored.row_upper[number])
        rows.append(Row(stored.row_name[number], row.col.astype(np.int64), row.data, *limits, "schools"))
    return estate.restated([*estate.rows, *rows], estate.pupils)
