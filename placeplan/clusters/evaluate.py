"""Score a plan of clusters and trusts drawn by hand: the same measures, the rules it breaks, how far from the best."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.problems import BadInput
from models.locks import NO_LOCKS
from models.side_by_side import Standing, academy_trusts, text
from placeplan.clusters.case import ClusterCase, study_case
from placeplan.clusters.measures import MEASURES, clusters_cost, measured
from placeplan.clusters.plan_file import (
    cluster_names,
    drawn_in,
    misspelt_lines,
    misspelt_trusts,
    nothing_to_cluster,
    plan_table,
    read_plan,
    school_leads,
)
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.plan_trusts import trusts_cost
from placeplan.clusters.stage import TOGETHER, closing_schools, planned_with_choices
from placeplan.clusters.two_levels import plan_case
from placeplan.journeys import planned_schools
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.words import counted
from solvers.plans import gap_between

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A plan by hand on the measures of the program's own.

    `cost_gbp` is what the plan costs at the study's prices, `planned_gbp` what the program's plan costs, made in the
    `order` of policy cluster_order, and `bound_gbp` what every plan that keeps the rules costs at least; one that
    breaks rules may cost less. `misspelt` are trusts of the file that are taken as new ones, with the known one that is
    written nearly so.
    """

    measures: dict[str, Any]
    planned: dict[str, Any]
    cost_gbp: float
    planned_gbp: float
    bound_gbp: float
    order: str
    breaches: pd.DataFrame
    trusts: pd.DataFrame
    not_in_file: list[str]
    misspelt: dict[str, str]

    @property
    def behind(self) -> float:
        """Share by which the plan is dearer than the program's; a minus where it is cheaper."""
        return self.cost_gbp / self.planned_gbp - 1 if self.planned_gbp else 0.0

    @property
    def gap(self) -> float:
        """Proven: no plan that keeps the rules costs less by more than this share."""
        return gap_between(self.cost_gbp, self.bound_gbp)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "cost_gbp": self.cost_gbp,
            "planned_gbp": self.planned_gbp,
            "order": self.order,
            "bound_gbp": self.bound_gbp,
            "behind": self.behind,
            "gap": self.gap,
            "measures": self.measures,
            "planned": self.planned,
            "not_in_file": self.not_in_file,
            "misspelt": self.misspelt,
            "breaches": self.breaches.to_dict("records"),
            "trusts": self.trusts.to_dict("records"),
        }


def evaluated(study: Study, path: Path) -> Evaluation:
    """Score the plan in the file against a study whose estate stands: schools that it closes are in no plan."""
    closing = closing_schools(read_stage(study.results / "estate", "decisions"))
    return evaluate_plan(study, path, closing)


def evaluate_plan(study: Study, path: Path, closing: Collection[int] = ()) -> Evaluation:
    """Score the plan in the file; BadInput where it cannot be read. The study's balance must stand."""
    plan = read_plan(path, planned_schools(study), closing)
    case, policy = study_case(study, closing, drawn=drawn_in(plan, planned_schools(study))), study.policy
    if not case.schools["small"].any():
        raise BadInput([nothing_to_cluster(policy)])
    seconds = policy.number("cluster_seconds")
    order = policy.text("cluster_order")
    if order == TOGETHER:
        own = planned_with_choices(case, policy, NO_LOCKS, seconds)[0]
    else:
        own = plan_case(case, policy, seconds=seconds)
    own_measures = measured(case, policy, own.villages.standing, own.school_lead, own.trust)[0]
    scored = score(case, policy, plan)
    return Evaluation(
        measures=scored.measures,
        planned=own_measures,
        cost_gbp=scored.cost_gbp,
        planned_gbp=own.objective,
        bound_gbp=own.bound,
        order=order,
        breaches=scored.breaches,
        trusts=scored.trusts,
        not_in_file=scored.not_in_file,
        misspelt=misspelt_trusts(plan, case),
    )


@dataclass(frozen=True, eq=False)
class Score:
    """One plan on its own: measures as in MEASURES, cost at the study's prices, rules it breaks, where schools stand.

    `table` is that of `placeplan.clusters.plan_file.plan_table`.
    """

    measures: dict[str, Any]
    cost_gbp: float
    breaches: pd.DataFrame
    trusts: pd.DataFrame
    not_in_file: list[str]
    table: pd.DataFrame


def score(case: ClusterCase, policy: Policy, plan: pd.DataFrame) -> Score:
    """Score a plan of `read_plan` on a case that has its schools."""
    rules = case.standing(policy)
    lead, trust = school_leads(plan, case), plan_trusts(plan, case)
    found, cards, _ = measured(case, policy, rules, lead, trust)
    small = case.schools["small"].to_numpy(dtype=bool)
    return Score(
        measures=found,
        cost_gbp=plan_cost(case, policy, rules, lead, trust),
        breaches=breaches(case, policy, rules, lead, trust, cluster_names(plan, case)),
        trusts=cards,
        not_in_file=sorted(case.schools.loc[small & ~case.schools["urn"].isin(plan["urn"]), "name"]),
        table=plan_table(case, lead, trust),
    )


def plan_trusts(plan: pd.DataFrame, case: ClusterCase) -> NDArray[np.object_]:
    """(N,) trust of each school by a plan; of schools that are not in it that of today."""
    trust = academy_trusts(case.schools).copy()
    given = dict(zip((int(urn) for urn in plan["urn"]), text(plan, "trust"), strict=True))
    for row, urn in enumerate(case.schools["urn"]):
        if int(urn) in given:
            trust[row] = given[int(urn)]
    return trust


def plan_cost(
    case: ClusterCase, policy: Policy, rules: Standing, school_lead: Index, trust: NDArray[np.object_]
) -> float:
    """What any plan costs at the study's prices, both levels, whether it keeps the rules or not."""
    return clusters_cost(case, policy, school_lead) + trusts_cost(case, policy, rules, school_lead, trust)


def evaluation_lines(told: Evaluation) -> list[str]:
    """The evaluation as it is read on a screen."""
    column = f"plan, {told.order}"
    lines = [f"{'':44}{'this plan':>16}{column:>24}"]
    for key, words in MEASURES.items():
        lines.append(f"{words:44}{_shown(told.measures[key]):>16}{_shown(told.planned[key]):>24}")
    lines.append(f"{'Cost at the prices of the study, GBP a year':44}{told.cost_gbp:>16,.0f}{told.planned_gbp:>24,.0f}")
    lines.append("")
    for row in told.trusts.itertuples():
        said = "viable" if row.viable else f"not viable: reserves run out in {row.stops_in}"
        lines.append(f"  {row.trust} ({row.kind}): {counted(row.schools, 'school')}, {row.pupils:,.0f} pupils, {said}")
    if told.not_in_file:
        missing = ", ".join(told.not_in_file)
        lines.append(f"Not in the file and taken as alone: {counted(len(told.not_in_file), 'school')}: {missing}.")
    lines += misspelt_lines(told.misspelt)
    lines.append(_behind_words(told))
    lines.append(
        f"No plan that keeps the rules costs less than £{told.bound_gbp:,.0f} a year: proven, "
        f"{100 * told.gap:.1f} % below this one."
    )
    if told.breaches.empty:
        lines.append("It breaks no rule.")
    else:
        lines.append(f"It breaks rules in {counted(len(told.breaches), 'place')}:")
        lines += [
            f"  {row.level} {row.name}: {row.what} ({row.rule}): {row.schools}"
            for row in told.breaches.itertuples(index=False)
        ]
    return lines


def _behind_words(told: Evaluation) -> str:
    """How far the plan is from the program's own."""
    own = f"the program's plan, {told.order}"
    if abs(told.cost_gbp - told.planned_gbp) < 1.0:
        return f"It costs as much as {own}."
    if told.behind >= 0:
        return f"It costs {100 * told.behind:.1f} % more than {own}."
    less = f"It costs £{told.planned_gbp - told.cost_gbp:,.0f} a year less ({-100 * told.behind:.1f} %) than {own}"
    if not told.breaches.empty:
        return f"{less}, and breaks rules."
    if told.order == TOGETHER:
        return f"{less}: no search looks everywhere, and a bound says how much is left."
    return f"{less}: what costs more in clusters can save more in trusts. See policy cluster_order."


def _shown(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)
