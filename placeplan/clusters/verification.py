"""The clusters stage checked again from what lies on disk: rules, costs and gaps of both levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.locks import NO_LOCKS
from placeplan.clusters.case import study_case
from placeplan.clusters.evaluate import plan_trusts
from placeplan.clusters.measures import clusters_cost
from placeplan.clusters.plan_file import locks_of, plan_table, read_plan, school_leads
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.plan_trusts import trusts_cost
from placeplan.clusters.stage import FIXED
from placeplan.clusters.two_levels import least_of_any
from placeplan.journeys import planned_schools
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from solvers.plans import ClusterPlan, gap_between
from solvers.verify import verify_clusters

TOLERANCE = 1e-6


def wrong_clusters(study: Study) -> list[str]:
    """What is wrong with the stored clusters and trusts; [] where nothing is."""
    folder, policy = study.results / "clusters", study.policy
    table, summary = read_stage(folder, "clusters"), read_summary(folder) or {}
    fixed = folder / FIXED
    closing = summary.get("left_out_as_closing", [])
    case = study_case(study, closing, [int(urn) for urn in table["urn"]])
    if "both_levels" not in summary:
        return [] if table.empty else ["there are schools but no plan"]
    small = set(case.schools.loc[case.schools["small"], "urn"])
    if not small <= set(table["urn"]):
        return ["a village school is not in the table"]
    rules = case.standing(policy)
    lead, trust = school_leads(table, case), plan_trusts(table, case)
    wrong = []
    again = plan_table(case, lead, trust).set_index("urn")["travel_min"].reindex(table["urn"])
    if not np.allclose(again, table["travel_min"], equal_nan=True, atol=1e-6):
        wrong.append("the drives to the leads are not those of the study's roads")
    broken = breaches(case, policy, rules, lead, trust)
    if len(broken) and not fixed.exists():
        wrong += [f"{row.name}: {row.what}" for row in broken.itertuples(index=False)]
    first, second = clusters_cost(case, policy, lead), trusts_cost(case, policy, rules, lead, trust)
    wrong += _claims("clusters", first, summary) + _claims("trusts", second, summary["trust_level"])
    locks = locks_of(read_plan(fixed, planned_schools(study))) if fixed.exists() else NO_LOCKS
    villages = case.villages(policy, locks)
    both = {"bound": float(summary["bound"]) + least_of_any(case, villages, policy, locks)}
    told = summary["both_levels"]
    if not np.isclose(told["bound"], both["bound"], rtol=TOLERANCE):
        wrong.append(f"both levels cost at least {both['bound']:,.2f}, the summary says {told['bound']:,.2f}")
    wrong += _claims("both levels", first + second, told)
    with np.load(folder / "plan.npz") as saved:
        stored = saved["lead"]
    if len(stored) != villages.problem.n_nodes:
        return [*wrong, "the stored leads are not of the study's schools"]
    if not (villages.school_lead(stored) == lead).all():
        wrong.append("the stored leads are not those of the table")
    objective, bound = float(summary["objective"]), float(summary["bound"])
    status = "optimal" if gap_between(objective, bound) <= 1e-4 else "feasible"
    plan = ClusterPlan(status, objective, bound, gap_between(objective, bound), stored, (), 0.0, "stored")
    return wrong + verify_clusters(villages.problem, plan)


def _claims(level: str, cost: float, told: dict[str, Any]) -> list[str]:
    """Cost, bound and gap that a summary tells against the cost added up again."""
    objective, bound, gap = (float(told[key]) for key in ("objective", "bound", "gap"))
    wrong = []
    if abs(objective - cost) > TOLERANCE * max(1.0, abs(cost)):
        wrong.append(f"{level}: the plan costs {cost:,.2f}, the summary says {objective:,.2f}")
    if bound > cost + TOLERANCE * max(1.0, abs(cost)):
        wrong.append(f"{level}: the bound {bound:,.2f} is above the cost")
    if abs(gap - gap_between(objective, bound)) > TOLERANCE:
        wrong.append(f"{level}: the gap is {gap_between(objective, bound):.6g}, not {gap:.6g} as it says")
    return wrong
