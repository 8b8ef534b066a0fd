"""Plans as they lie on disk, checked by the independent checker."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from independent_checker import check_clusters, check_estate

from models.estate import EstateProblem
from placeplan.clusters.case import study_case
from placeplan.results import read_stage, read_summary
from placeplan.study import Study


def check_stored_plans(folder: Path, scenario: str = "base") -> None:
    """Feasibility, cost and gap of a study's estate and cluster plans, from arrays and tables alone."""
    results = folder / "results" / scenario
    summary = read_summary(results / "estate")
    assert summary is not None
    with np.load(results / "estate/plan.npz") as saved:
        plan = SimpleNamespace(**{name: saved[name] for name in ("option", "flow", "unmet")}, gap=summary["gap"],
                               objective=float(saved["objective"]), bound=float(saved["bound"]))  # fmt: skip
    check_estate(EstateProblem.load(results / "estate/problem.npz"), plan)
    check_stored_clusters(folder, scenario)


def check_stored_clusters(folder: Path, scenario: str) -> None:
    results = folder / "results" / scenario
    table, summary = read_stage(results / "clusters", "clusters"), read_summary(results / "clusters")
    assert summary is not None
    if table.empty:
        return
    study = Study.open(folder, scenario)
    case = study_case(study, summary["left_out_as_closing"], [int(urn) for urn in table["urn"]])
    villages = case.villages(study.policy)
    with np.load(results / "clusters/plan.npz") as saved:
        lead = saved["lead"]
    told = {name: summary[name] for name in ("objective", "bound", "gap")}
    check_clusters(villages.problem, SimpleNamespace(lead=lead, **told))
    urn = villages.schools["urn"].to_numpy()
    school_lead = villages.school_lead(lead)
    lead_of = {row.cluster: row.urn for row in table.itertuples() if row.role == "lead"}
    said = {row.urn: lead_of.get(row.cluster, -1) for row in table.itertuples()}
    planned = {int(u): int(urn[one]) if one >= 0 else -1 for u, one in zip(urn, school_lead, strict=True)}
    assert {u: planned[u] for u in said} == said
