"""The clusters stage: village schools that could share one executive head."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata.years import PRIMARY
from models.options import ENDING
from models.villages import Villages, build_villages, cluster_table, village_schools
from placeplan.journeys import study_journeys
from placeplan.results import StageResult
from placeplan.study import Study
from solvers import ClusterPlan, solve_clusters
from solvers.verify import verify_clusters

if TYPE_CHECKING:
    from solvers.plans import ProgressCallback


def study_villages(study: Study, closing: Collection[int] = ()) -> Villages:
    """The cluster problem of a study's village schools on its roads, without those that the estate plan closes."""
    journeys = study_journeys(study)
    rolls = study.tables["rolls"]
    rolls = rolls[(rolls["academic_year"] == study.settings.base_year) & rolls["year_group"].isin(PRIMARY)]
    standing = journeys.schools[~journeys.schools["urn"].isin(closing)]
    schools = village_schools(standing, rolls.groupby("urn")["pupils"].sum(), study.policy)
    rows = pd.Series(np.arange(len(journeys.schools)), index=journeys.schools["urn"])[schools["urn"]].to_numpy()
    return build_villages(schools, journeys.between_schools[np.ix_(rows, rows)], study.policy)


def closing_schools(decisions: pd.DataFrame) -> list[int]:
    """Schools that end by an estate plan, from its decisions: in most futures, where it decides by future."""
    closing = decisions[decisions["action"].isin(ENDING) & (decisions["probability"] >= 0.5)]
    return [int(urn) for urn in closing["urn"]]


def clusters_stage(study: Study, closing: Sequence[int] = (), progress: ProgressCallback | None = None) -> StageResult:
    """Table clusters: urn, name, cluster, trust, role, travel_min, pupils; the leads as an array.

    Schools that are `closing` stand in no cluster. A plan that does not pass verification is never returned.
    """
    villages = study_villages(study, closing)
    if villages.schools.empty:
        limit = study.policy.integer("village_school_max_pupils")
        return StageResult(
            tables={"clusters": cluster_table(villages, [])},
            summary={"status": "done", "warnings": [f"No school has {limit} pupils or fewer in R–Y6."]},
        )
    plan = solve_clusters(villages.problem, progress=progress)
    if plan.lead is None:
        raise TimeoutError(f"No clusters in {plan.seconds:.0f} s.")
    wrong = verify_clusters(villages.problem, plan)
    if wrong:
        raise AssertionError("The clusters fail their independent verification: " + "; ".join(wrong))
    alone = float(villages.problem.alone_cost.sum()) if villages.problem.alone_cost is not None else np.nan
    return StageResult(
        tables={"clusters": cluster_table(villages, plan.lead.tolist())},
        files={"plan.npz": partial(save_plan, plan)},
        summary={
            "status": plan.status,
            "objective": plan.objective,
            "bound": plan.bound,
            "gap": plan.gap,
            "stopped_by": "gap" if plan.status == "optimal" else "time limit",
            "seconds": round(plan.seconds, 2),
            "every_school_alone_gbp": alone,
            "left_out_as_closing": list(closing),
            "approximate": study.approximate,
        },
    )


def save_plan(plan: ClusterPlan, path: Path) -> None:
    """Write the lead of each school and what was proven, so that `verify` can check it again."""
    if plan.lead is None:
        raise ValueError("there is no plan to save")
    np.savez_compressed(path, lead=plan.lead, objective=plan.objective, bound=plan.bound)
