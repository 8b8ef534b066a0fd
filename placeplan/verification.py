"""Checking results again from what lies on disk: plans from their arrays, tables from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.estate import EstateProblem
from placeplan.clusters import study_villages
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from solvers import ClusterPlan, EstatePlan, gap_between
from solvers.verify import verify_clusters, verify_estate

TOLERANCE_PUPILS = 0.5


def verify_results(study: Study) -> dict[str, list[str]]:
    """What was checked, and for each what is wrong (nothing where it holds)."""
    checks: dict[str, list[str]] = {}
    results = study.results
    if (results / "forecast").is_dir():
        checks["forecast: localities sum to the authority"] = _forecast_sums(results / "forecast")
    if (results / "balance").is_dir():
        checks["balance: need and spare are never netted off"] = _balance_cells(results / "balance")
    if (results / "estate").is_dir():
        checks["estate plan: cost, places, rules and gap from the arrays"] = _estate(results / "estate")
        checks["estate tables: every pupil is placed or listed as unplaced"] = _estate_tables(results / "estate")
    if (results / "clusters").is_dir():
        checks["clusters: members, limits and gap from the arrays"] = _clusters(study)
    return checks


def _forecast_sums(folder: Path) -> list[str]:
    cells = read_stage(folder, "forecast").groupby(["academic_year", "year_group"])["mean"].sum()
    whole = read_stage(folder, "forecast_authority").set_index(["academic_year", "year_group"])["mean"]
    off = (cells - whole.reindex(cells.index)).abs()
    return [f"{year} {group} is {gap:.1f} pupils out" for (year, group), gap in off.items() if gap > TOLERANCE_PUPILS]


def _balance_cells(folder: Path) -> list[str]:
    balance = read_stage(folder, "balance")
    both = balance[(balance["need"] > 0) & (balance["spare"] > 0)]
    off = (balance["pupils"] - balance["places"] - balance["need"] + balance["spare"]).abs() > 1e-6
    return [
        f"{row.planning_area} {row.year_group} {row.academic_year}"
        for row in (*both.itertuples(), *balance[off].itertuples())
    ]


def _estate(folder: Path) -> list[str]:
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
        )
    return verify_estate(problem, plan)


def _estate_tables(folder: Path) -> list[str]:
    problem = EstateProblem.load(folder / "problem.npz")
    placed = read_stage(folder, "allocation").groupby(["academic_year", "phase"])["pupils"].sum()
    if not np.isfinite(placed.to_numpy()).all() or (placed < 0).any():
        return ["the allocation holds figures that are not numbers of pupils"]
    left = read_stage(folder, "unplaced")["pupils"].sum()
    with np.load(folder / "plan.npz") as saved:
        unmet = float((saved["unmet"] * problem.demand).sum())
    return (
        []
        if abs(left - unmet) <= max(TOLERANCE_PUPILS, 0.01 * unmet)
        else [f"{left:.1f} unplaced, {unmet:.1f} in the plan"]
    )


def _clusters(study: Study) -> list[str]:
    folder = study.results / "clusters"
    table = read_stage(folder, "clusters")
    if table.empty:
        return []
    summary = read_summary(folder) or {}
    villages = study_villages(study, summary.get("left_out_as_closing", []))
    row = {urn: number for number, urn in enumerate(villages.schools["urn"])}
    if set(row) != set(table["urn"]):
        return ["the schools are not those of the study; run it again"]
    lead_of = {
        name: row[urn]
        for name, urn, role in zip(table["cluster"], table["urn"], table["role"], strict=True)
        if role == "lead"
    }
    lead = np.full(len(row), -1, dtype=np.int64)
    for urn, cluster, role in zip(table["urn"], table["cluster"], table["role"], strict=True):
        lead[row[urn]] = -1 if role == "alone" else lead_of[cluster]
    objective, bound = float(summary["objective"]), float(summary["bound"])
    gap = gap_between(objective, bound)
    plan = ClusterPlan(str(summary["status"]), objective, bound, gap, lead, (), 0.0, "exact")
    return verify_clusters(villages.problem, plan)
