"""The clusters stage: village schools under executive heads, and the trusts above them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geodata.policy import Policy
from models.locks import NO_LOCKS, Locks
from models.options import ENDING
from models.side_by_side import FEDERATIONS, RULES, academy_trusts
from placeplan.clusters.case import ClusterCase, study_case
from placeplan.clusters.choices import (
    SHARE_OF_TIME,
    Variant,
    as_variant,
    cheapest_in_all,
    frontier,
    frontier_table,
    near_optimal,
)
from placeplan.clusters.closing_instead import closing_instead
from placeplan.clusters.due_diligence import due_diligence, looked_into
from placeplan.clusters.kept_apart import kept_apart
from placeplan.clusters.left_alone import left_alone, left_outside
from placeplan.clusters.measures import MEASURES, cluster_savings, measured
from placeplan.clusters.plan_file import (
    COLUMNS,
    drawn_in,
    joins_no_trust,
    locks_of,
    misspelt_lines,
    misspelt_trusts,
    not_kept,
    nothing_to_cluster,
    plan_table,
    read_plan,
    refuse,
)
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.refusals import refusals
from placeplan.clusters.rule_costs import Ruled, priced, rule_rows, ruled_otherwise, tried_under_every_rule
from placeplan.clusters.saving import saving_terms, saving_years
from placeplan.clusters.second_homes import LEAST_GBP, second_homes
from placeplan.clusters.trust_groups import OUTSIDE, groups_of_plan
from placeplan.clusters.trust_pooling import pooling_table
from placeplan.clusters.trust_tables import joining_order
from placeplan.clusters.two_levels import TwoLevels, plan_case
from placeplan.journeys import planned_schools
from placeplan.likely import is_likely
from placeplan.results import StageResult, harmless
from placeplan.study import Study
from solvers import ClusterPlan
from solvers.plans import gap_between

if TYPE_CHECKING:
    from solvers.plans import ProgressCallback

FIXED = "fixed.csv"
PLANNED, TODAY, TOGETHER = "planned", "today", "both together"


def closing_schools(decisions: pd.DataFrame) -> list[int]:
    """Schools that end by an estate plan, from its decisions: in most futures, where it decides by future."""
    closing = decisions[decisions["action"].isin(ENDING) & is_likely(decisions)]
    return [int(urn) for urn in closing["urn"]]


def clusters_stage(
    study: Study,
    closing: Sequence[int] = (),
    progress: ProgressCallback | None = None,
    fix: Path | None = None,
) -> StageResult:
    """Plan clusters and trusts; schools that are `closing` are in neither, rows locked in the file `fix` are kept.

    Tables clusters (urn, name, cluster, trust, role, travel_min, pupils, small), cluster_savings,
    cluster_saving_years, cluster_alone, cluster_apart, cluster_closing (what each closing school could have joined),
    trusts_outside, cluster_breaches, cluster_frontier, cluster_switches, cluster_homes, cluster_refusals,
    cluster_plans (of the other plans), trusts (a scorecard a plan and trust), trust_finance, joining, due_diligence,
    trust_pooling (a row a trust's school). A plan that does not pass verification is never returned.
    """
    fixed = None if fix is None else read_plan(fix, planned_schools(study), closing)
    if fixed is not None and fix is not None and study.policy.text("cluster_outcome") == FEDERATIONS:
        refuse(joins_no_trust(fixed, planned_schools(study), fix.name))
    drawn = [] if fixed is None else drawn_in(fixed[fixed["locked"].astype(bool)], planned_schools(study))
    case = study_case(study, closing, drawn)
    locks = NO_LOCKS if fixed is None else locks_of(fixed)
    misspelt = {} if fixed is None else misspelt_trusts(fixed[fixed["locked"].astype(bool)], case)
    if not case.schools["small"].any():
        refuse([nothing_to_cluster(study.policy)] if fix is not None else [])
        return _nothing(study, case)
    seconds, policy = study.policy.number("cluster_seconds"), study.policy
    planned, others, tables = planned_with_choices(case, policy, locks, seconds, progress)
    rules = planned.villages.standing
    broken = breaches(case, policy, rules, planned.school_lead, planned.trust)
    if locks is NO_LOCKS and len(broken):
        raise AssertionError(f"The plan breaks rules: {broken.to_dict('records')}")
    found, cards, years = measured(case, policy, rules, planned.school_lead, planned.trust)
    groups = groups_of_plan(case, planned.school_lead, planned.trust)
    flags = due_diligence(case, groups)
    order, today = joining_order(case, policy, groups, flags), _today(case, planned)
    saved = saving_terms(case, policy, planned.school_lead)
    table = plan_table(case, planned.school_lead, planned.trust)
    if fixed is not None and fix is not None:
        refuse(not_kept(fixed, table, planned_schools(study), fix.name))
    result = {
        "clusters": table,
        "cluster_savings": cluster_savings(case, policy, table),
        "cluster_saving_years": saving_years(case, policy, groups, looked_into(flags)),
        "cluster_alone": left_alone(case, planned),
        "cluster_apart": kept_apart(planned),
        "cluster_closing": closing_instead(case, planned, closing, locks),
        "trusts_outside": left_outside(case, planned),
        "cluster_breaches": broken,
        **tables,
        "trusts": pd.concat([cards.assign(plan=PLANNED), today, *_cards(others)], ignore_index=True),
        "trust_finance": years,
        "joining": order,
        "due_diligence": flags,
        "trust_pooling": pooling_table(case, policy, groups, cards.set_index("trust")["centre_settled_gbp"].to_dict()),
    }
    files: dict[str, Callable[[Path], None]] = {
        "plan.npz": partial(save_plans, planned),
        "plan.csv": partial(_write_csv, table[COLUMNS]),
    }
    if fixed is not None:
        files[FIXED] = partial(_write_csv, fixed)
    return StageResult(
        tables=result,
        files=files,
        summary=_summary(study, case, planned, found, closing, broken, locks, _fail(today), misspelt, saved),
    )


def _nothing(study: Study, case: ClusterCase) -> StageResult:
    limit = study.policy.integer("village_school_max_pupils")
    nobody = np.full(len(case.schools), -1, dtype=np.int64)
    return StageResult(
        tables={"clusters": plan_table(case, nobody, academy_trusts(case.schools))},
        summary={"status": "done", "warnings": [f"No school has {limit} pupils or fewer in R–Y6."]},
    )


def planned_with_choices(
    case: ClusterCase,
    policy: Policy,
    locks: Locks,
    seconds: float,
    progress: ProgressCallback | None = None,
) -> tuple[TwoLevels, list[Variant], dict[str, pd.DataFrame]]:
    """The plan, the other plans, and the tables that compare them with it.

    Where policy asks for both levels together, the plan is the cheapest in all of those found on the way.
    """
    planned = plan_case(case, policy, locks, seconds=seconds, progress=progress)
    edge = list(frontier(case, policy, locks, seconds))
    ruled = ruled_otherwise(case, policy, locks, seconds * SHARE_OF_TIME)
    found = [planned, *(one.levels for one in edge), *(one.levels for one in ruled)]
    homes, cheaper = second_homes(case, planned, locks)
    own = Ruled("", "", cheapest_in_all(case, planned, cheaper, locks, found, seconds))
    own, *ruled = tried_under_every_rule(case, [own, *ruled], locks, found, seconds)
    if policy.text("cluster_order") == TOGETHER:
        planned = own.levels
        homes = second_homes(case, planned, locks)[0]
    near = list(near_optimal(case, planned, locks, seconds))
    others = [as_variant(case, one.name, one.words, one.levels) for one in ruled]
    measures = measured(case, policy, planned.villages.standing, planned.school_lead, planned.trust)[0]
    compared = frontier_table(measures, [*edge, *near])
    listed = [one for one in (*edge, *near) if one.name in set(compared["plan"])]
    plans = [
        plan_table(case, one.levels.school_lead, one.levels.trust)[COLUMNS].assign(plan=one.name)
        for one in (*listed, *others)
    ]
    return (
        planned,
        [*listed, *others],
        {
            "cluster_frontier": compared,
            "cluster_switches": _switches(case, policy, planned, own.levels, ruled, others),
            "cluster_plans": pd.concat(plans, ignore_index=True)[["plan", *COLUMNS]],
            "cluster_homes": homes,
            "cluster_refusals": refusals(case, planned),
        },
    )


def _switches(
    case: ClusterCase,
    policy: Policy,
    planned: TwoLevels,
    cheapest: TwoLevels,
    ruled: Sequence[Ruled],
    others: Sequence[Variant],
) -> pd.DataFrame:
    """Table cluster_switches: the plan, the cheapest found at its rules where that is another, and every rule."""
    cheaper = cheapest.objective < planned.objective - LEAST_GBP
    base = cheapest if cheaper else planned
    order = policy.text("cluster_order") if cheaper else ""
    first = {"policy": "", "set_to": "as planned", "instead_of": "", "silent": "", "words": "As planned"}
    first["words"] += f" ({order})" if order else ""
    rows = [pd.DataFrame([first | priced(planned, base) | _measures(case, planned)])]
    if cheaper:
        both = {"policy": "cluster_order", "set_to": TOGETHER, "instead_of": order, "silent": "",
                "words": "The same rules, clusters and trusts decided together"}  # fmt: skip
        rows.append(pd.DataFrame([both | priced(base, base) | _measures(case, base)]))
    told = pd.DataFrame([one.measures for one in others])
    return pd.concat([*rows, pd.concat([rule_rows(ruled, case, policy, base), told], axis=1)], ignore_index=True)


def _measures(case: ClusterCase, levels: TwoLevels) -> dict[str, Any]:
    return measured(case, levels.policy, levels.villages.standing, levels.school_lead, levels.trust)[0]


def _cards(variants: Sequence[Variant]) -> list[pd.DataFrame]:
    return [one.cards.assign(plan=one.name) for one in variants]


def _today(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """Scorecards of the trusts as they are, with the clusters and federations of today."""
    alone = planned.villages.school_lead(np.full(planned.villages.problem.n_nodes, -1, dtype=np.int64))
    own = academy_trusts(case.schools)
    return measured(case, planned.policy, planned.villages.standing, alone, own)[1].assign(plan=TODAY)


def _fail(cards: pd.DataFrame) -> int:
    """Trusts that do not stay viable."""
    return int((~cards.loc[cards["kind"] != OUTSIDE, "viable"].astype(bool)).sum()) if len(cards) else 0


def _summary(
    study: Study,
    case: ClusterCase,
    planned: TwoLevels,
    found: Mapping[str, Any],
    closing: Sequence[int],
    broken: pd.DataFrame,
    locks: Locks,
    today: int,
    misspelt: Mapping[str, str],
    saved: dict[str, Any],
) -> dict[str, Any]:
    small = case.schools["small"].to_numpy(dtype=bool)
    price = study.policy.number("village_alone_gbp")
    both = [planned.clusters.status, planned.homes.status]
    return {
        "status": "optimal" if both == ["optimal", "optimal"] else "feasible",
        "objective": planned.clusters.objective,
        "bound": planned.clusters.bound,
        "gap": planned.clusters.gap,
        "stopped_by": "gap" if both == ["optimal", "optimal"] else "time limit",
        "seconds": round(planned.clusters.seconds + planned.homes.seconds, 2),
        "trust_level": {
            "status": planned.homes.status,
            "objective": planned.homes.objective,
            "bound": planned.homes.bound,
            "gap": planned.homes.gap,
        },
        "both_levels": {"objective": planned.objective, "bound": planned.bound, "gap": planned.gap},
        "village_schools": int(small.sum()),
        "larger_schools": int((~small).sum()),
        "trusts_not_viable_today": int(today),
        "price_of_standing_alone_gbp": price,
        "saving": saved,
        "measures": dict(found),
        "measure_words": MEASURES,
        "rules": {name: {"words": words, "settled_by": by} for name, (words, by) in RULES.items()},
        "left_out_as_closing": list(closing),
        "fixed": locks is not NO_LOCKS,
        "approximate": study.approximate,
        "warnings": [
            *planned.villages.standing.notes,
            *_broken_words(broken, _locked_names(case, locks)),
            *misspelt_lines(misspelt),
        ],
    }


def _locked_names(case: ClusterCase, locks: Locks) -> list[str]:
    """Schools of which something is locked."""
    held = case.schools["urn"].isin({*locks.cluster, *locks.alone, *locks.trust})
    return [str(name) for name in case.schools.loc[held, "name"]]


def _broken_words(broken: pd.DataFrame, locked: Sequence[str]) -> list[str]:
    """Which rules a plan breaks that others are locked in, and whether by schools that are."""
    by_lock = "The locked plan breaks a rule"
    return [
        f"{by_lock if any(name in row.schools for name in locked) else 'Schools that are not locked break a rule'}: "
        f"{row.level} {row.name}: {row.what} ({row.rule}): {row.schools}."
        for row in broken.itertuples(index=False)
    ]


def save_plans(planned: TwoLevels, path: Path) -> None:
    """Write the leads of both levels and what was proven, so that `verify` can check them again."""
    np.savez_compressed(
        path,
        lead=_lead(planned.clusters),
        objective=planned.clusters.objective,
        bound=planned.clusters.bound,
        home=_lead(planned.homes),
        home_objective=planned.homes.objective,
        home_bound=planned.homes.bound,
        both_gap=gap_between(planned.objective, planned.bound),
    )


def _lead(plan: ClusterPlan) -> np.ndarray:
    if plan.lead is None:
        raise ValueError("there is no plan to save")
    return plan.lead


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    harmless(table).to_csv(path, index=False, lineterminator="\n")
