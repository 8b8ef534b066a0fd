"""The estate stage: the plan with its proof, and its decisions in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models.calendar import plan_day
from models.estate_build import Estate
from models.estate_read import allocation, calendar_table, decisions, option_table, places_by_year_group, unplaced
from models.rules import Kept, Row
from models.send_units import UnitNeed, unit_table
from placeplan.closures.displaced import closure_tables
from placeplan.closures.fragility import closure_stability, with_stability
from placeplan.closures.grounds import closing_notes
from placeplan.closures.keeping import keeping_table
from placeplan.closures.vehicles import planned_with_vehicles
from placeplan.estate.apart import apart_summary, planned_apart
from placeplan.estate.contributions import laid_out
from placeplan.estate.demand import demand_words
from placeplan.estate.effects import PARTS, Placing, decision_effects, placed_anew, placing
from placeplan.estate.frontier import frontier
from placeplan.estate.infeasible import Infeasible
from placeplan.estate.problem import state_problem
from placeplan.estate.reasons import with_competitions, with_council_money, with_reasons
from placeplan.estate.requests import planned_alone, request_summary, requests_in
from placeplan.estate.seated import SOLVED_SHARE
from placeplan.estate.upstream import Upstream
from placeplan.estate.waiting import planned_at_once, waiting_summary
from placeplan.pipeline import LEVERS
from placeplan.results import StageResult
from placeplan.study import Study
from placeplan.words import counted
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate

if TYPE_CHECKING:
    from solvers.plans import ProgressCallback

AGAIN_SHARE = 0.25  # of the time limit, for planning again once a plan's vehicles are known


def estate_stage(
    study: Study, upstream: Upstream, allow: Collection[str] = LEVERS, progress: ProgressCallback | None = None
) -> StageResult:
    """Tables decisions (and those without requests), allocation, unplaced, policy_rows, retained; problem and plan.

    Infeasible is raised with the rules that clash; a plan that does not pass verification is never returned.
    """
    estate, short, units, grounds = state_problem(study, upstream, allow)
    whole = planned_at_once(estate, study.policy) if estate.problem.two_stage else None
    apart = planned_apart(estate, study.policy)
    first = apart if whole is None or (apart is not None and apart.objective < whole.objective) else whole

    def solved(one: Estate, begin: EstatePlan | None, again: bool) -> EstatePlan:
        return solve_estate(
            one.problem,
            time_limit_s=study.policy.number("estate_time_limit_s") * (AGAIN_SHARE if again else 1.0),
            gap=SOLVED_SHARE * study.policy.number("estate_gap"),
            progress=progress,
            start=first if begin is None else begin,
        )

    settled = planned_with_vehicles(study, estate, solved)
    seated = settled.seated
    estate, plan = seated.estate, seated.plan
    if settled.rounds:  # every way of deciding is told at the same costs
        apart = planned_apart(estate, study.policy)
        whole = planned_at_once(estate, study.policy) if estate.problem.two_stage else None
    if plan.status == "infeasible":
        pots = [estate.pots.purses[m].name for m in estate.pots.purse[estate.pots.pot]]
        names = [*(facility.name for facility in estate.facilities), *pots]
        raise Infeasible.from_clash(estate.problem, plan.clash, estate.rows, names)
    chosen = plan.by_scenario
    if chosen is None or plan.flow is None or plan.unmet is None or seated.seats is None:
        raise TimeoutError(f"No plan in {plan.seconds:.0f} s; raise estate_time_limit_s under [policy].")
    wrong = verify_estate(estate.problem, plan)
    if wrong:
        raise AssertionError("The plan fails its independent verification: " + "; ".join(wrong))
    alone = planned_alone(estate, plan, study.policy) if requests_in(estate, plan) else None
    steady = closure_stability(estate, plan, short, study.policy)
    keeping, beside = keeping_table(estate, plan, study.policy)
    placed, left = allocation(estate, plan.flow), unplaced(estate, plan.unmet)
    paid = laid_out(study, estate, chosen)
    told = with_reasons(
        decisions(estate, chosen), decision_effects(estate, plan), estate.facilities, study.tables["schools"], placed
    )
    told = with_competitions(told, study.tables.get("competitions"), study.tables.get("bids"))
    closed = closure_tables(study, upstream, estate, plan, seated.seats)
    told = with_council_money(with_stability(told, steady, study.policy), closed["closure_effects"])
    return StageResult(
        tables={
            "decisions": told,
            "allocation": placed,
            "unplaced": left,
            "decisions_alone": decisions(estate, chosen if alone is None else alone.by_scenario),
            "options": option_table(estate),
            "policy_rows": row_table(estate.rows, chosen),
            "retained": retained_table(estate.rows, chosen, short),
            "send_units": unit_table(estate.facilities, estate.options, chosen, units),
            "calendar": calendar_table(estate, chosen),
            "plan_places": places_by_year_group(estate, chosen),
        }
        | ({} if grounds is None else {"grounds": grounds, "closure_stability": steady, "closure_keeping": keeping})
        | paid.tables
        | closed
        | (frontier(estate, plan, study.policy) if study.policy.value("estate_frontier") == "yes" else {}),
        files={"problem.npz": estate.problem.save, "plan.npz": partial(save_plan, plan, settled.vehicles_gbp, beside)},
        summary=_summary(study, estate, plan, short, units, left, allow, grounds)
        | paid.summary
        | {"requests": request_summary(estate, plan, alone)}
        | waiting_summary(plan, whole)
        | apart_summary(plan, apart)
        | {
            "stopped_by": "gap" if seated.solved else "time limit",
            "closures_cut": len(seated.cuts),
            "closures_cut_by": [row.name for round_of in seated.cuts for row in round_of],
            "vehicles_rounds": settled.rounds,
            "vehicles_left_gbp": settled.left_gbp,
            "seating_gbp": seated.seating_gbp,
            "without_own_place": float(sum(one.pupils.sum() for one in seated.short)),
        },
    )


def retained_table(rows: Sequence[Row], chosen: np.ndarray, asked: Sequence[Kept]) -> pd.DataFrame:
    """Places by planning area, phase and year: pupils, asked by policy, today, and under the plan."""
    table = pd.DataFrame(asked, columns=list(Kept.__dataclass_fields__))
    values = row_table(rows, chosen).set_index("row")["value"]
    table["plan"] = [values[k.row] for k in asked]
    return table


def row_table(rows: Sequence[Row], chosen: np.ndarray) -> pd.DataFrame:
    """Every policy row with the value the plan gives it: row, lower, value, upper, binding.

    `chosen` is (F,) or, by scenario, (K, F): the value is then that of the scenario in which it is nearest a limit.
    """
    values = []
    for row in rows:
        levels = [row.values[np.isin(row.options, one)].sum() for one in np.atleast_2d(chosen)]
        values.append(min(levels, key=lambda level: min(level - row.lower, row.upper - level)))
    table = pd.DataFrame(
        {
            "row": [row.name for row in rows],
            "lower": [row.lower for row in rows],
            "value": np.array(values, dtype=float),
            "upper": [row.upper for row in rows],
        }
    )
    near = 1e-6 * np.maximum(1.0, table["value"].abs())
    table["binding"] = ((table["value"] - table["lower"]) <= near) | ((table["upper"] - table["value"]) <= near)
    table["binding"] &= table["lower"] < table["upper"]  # one that ties options together limits nothing
    return table


def _summary(
    study: Study,
    estate: Estate,
    plan: EstatePlan,
    short: Sequence[Kept],
    units: Sequence[UnitNeed],
    left: pd.DataFrame,
    allow: Collection[str],
    grounds: pd.DataFrame | None,
) -> dict[str, Any]:
    problem = estate.problem
    warnings = [] if grounds is None else closing_notes(grounds)
    lacks: dict[str, float] = {}
    for k in short:
        where = f"{k.planning_area} ({k.phase})"
        lacks[where] = max(lacks.get(where, 0.0), k.asked - k.today)
    areas = [f"{where} {short_by:,.0f}" for where, short_by in sorted(lacks.items(), key=_most) if short_by > 0]
    if areas:
        warnings.append(
            f"Today's estate keeps less spare than policy asks in {counted(len(areas), 'planning area')}, and the plan "
            "may not lower it there; places short in the worst year: "
            f"{', '.join(areas[:6])}{' …' if len(areas) > 6 else ''} (table retained)."
        )
    lacking = sorted({f"{k.planning_area} ({k.phase})" for k in units if k.asked < k.needed - 1e-6})
    if lacking:
        warnings.append(
            "Fewer places in SEND units than are needed could be asked of the plan, for want of rooms to spare or of "
            f"time: {', '.join(lacking[:6])}{' …' if len(lacking) > 6 else ''}."
        )
    if study.policy.value("estate_two_stages") == "yes" and not problem.two_stage:
        warnings.append('estate_two_stages does nothing here: it needs estate_demand = "scenarios".')
    return {
        "status": plan.status,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "seconds": round(plan.seconds, 2),
        "route": plan.route,
        "demand": demand_words(study.policy),
        "levers": list(allow),
        "most_unplaced_in_a_year": float(left.groupby("academic_year")["pupils"].sum().max()) if len(left) else 0,
        "plan_date": plan_day(estate.years, study.policy).isoformat(),
        "plan_date_given": study.policy.value("plan_date") is not None,
        "problem": {
            "facilities": problem.n_schools,
            "options": len(estate.options),
            "pots": len(estate.pots.purse),
            "slices": problem.n_slices,
            "nodes": problem.n_nodes,
            "nodes_that_stay": len(estate.all_nodes) - problem.n_nodes,
            "arcs": problem.n_arcs,
            "policy_rows": problem.n_rows,
        },
        "costs": {name: {part: getattr(own, part) for part in PARTS} for name, own in _both(estate, plan).items()},
        "warnings": warnings,
        "approximate": study.approximate,
    }


def _most(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def _both(estate: Estate, plan: EstatePlan) -> dict[str, Placing]:
    """What the plan and today's estate each cost, pupils placed at least cost in both."""
    chosen = plan.by_scenario
    assert chosen is not None and plan.flow is not None and plan.unmet is not None
    assert estate.problem.baseline is not None
    return {
        "plan": placing(estate, chosen, plan.flow, plan.unmet),
        "today": placed_anew(estate, estate.problem.baseline),
    }


def save_plan(plan: EstatePlan, vehicles_gbp: np.ndarray, beside: Sequence[np.ndarray], path: Path) -> None:
    """Write the arrays of a plan, so that `verify` can check it again, and what questions begin from.

    That is the prices of its proof, what vehicles of options were counted at, (O, T) a year, and the plans (K, F)
    `beside` it, each without one of its closings.
    """
    if plan.option is None or plan.flow is None or plan.unmet is None:
        raise ValueError("there is no plan to save")
    arrays = {"option": plan.option, "flow": plan.flow, "unmet": plan.unmet, "vehicles_gbp": vehicles_gbp}
    if plan.scenario_option is not None:
        arrays["scenario_option"] = plan.scenario_option
    if beside:
        arrays["beside"] = np.array(beside)
    if plan.proof is not None:
        arrays |= {"price_pupil": plan.proof.pupil, "price_row": plan.proof.row}
    with path.open("wb") as file:
        np.savez_compressed(file, objective=plan.objective, bound=plan.bound, **arrays)  # type: ignore[arg-type]
