"""The estate stage: options, policy rows, the plan with its proof, and its decisions in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, PHASES, years_from
from models import growth, reductions
from models.bands import Band
from models.calendar import plan_day
from models.estate_build import Estate, build_estate, reach_of
from models.estate_read import allocation, calendar_table, decisions, option_table, unplaced
from models.facilities import may_move, school_facilities, site_facilities
from models.journeys import Places
from models.options import Facility, Option, stay
from models.pots import contribution_pots
from models.rules import Kept, Row, capital_budget, closures_max, retained_row, retained_surplus
from models.send_units import UnitNeed, send_unit, unit_need, unit_rows, unit_table
from placeplan.balance import node_forecast, study_bands, who_is_where
from placeplan.contributions import laid_out
from placeplan.effects import PARTS, Placing, decision_effects, placed_anew, placing
from placeplan.estate_demand import demand_words, estate_demand
from placeplan.frontier import frontier
from placeplan.infeasible import Infeasible
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.pipeline import COMMISSION, LEVERS
from placeplan.reasons import with_competitions, with_reasons
from placeplan.requests import planned_alone, request_summary, requests_in
from placeplan.results import StageResult, read_stage
from placeplan.study import Study
from placeplan.waiting import planned_at_once, waiting_summary
from placeplan.words import counted
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate

if TYPE_CHECKING:
    from solvers.plans import ProgressCallback

GENERATORS: dict[str, Callable[..., list[Option]]] = {
    "lift_pan": growth.lift_pan,
    "bulge": growth.bulge,
    "expand": growth.expand,
    "send_unit": send_unit,
    "new_school": growth.new_school,
    "cut_pan": reductions.cut_pan,
    "close": reductions.close,
}


@dataclass(frozen=True)
class Upstream:
    """Tables of earlier stages that the estate rests on."""

    forecast: pd.DataFrame
    forecast_area: pd.DataFrame
    balance: pd.DataFrame
    nodes: pd.DataFrame
    roll_forecast: pd.DataFrame
    school_forecast: pd.DataFrame
    school_places: pd.DataFrame

    @classmethod
    def read(cls, results: Path) -> Upstream:
        """The tables as they stand in a scenario's results."""
        forecast, balance = results / "forecast", results / "balance"
        return cls(
            forecast=read_stage(forecast, "forecast"),
            forecast_area=read_stage(forecast, "forecast_area"),
            balance=read_stage(balance, "balance"),
            nodes=read_stage(balance, "nodes"),
            roll_forecast=read_stage(balance, "roll_forecast"),
            school_forecast=read_stage(balance, "school_forecast"),
            school_places=read_stage(balance, "school_places"),
        )


def estate_stage(
    study: Study, upstream: Upstream, allow: Collection[str] = LEVERS, progress: ProgressCallback | None = None
) -> StageResult:
    """Tables decisions (and those without requests), allocation, unplaced, policy_rows, retained; problem and plan.

    Infeasible is raised with the rules that clash; a plan that does not pass verification is never returned.
    """
    estate, short, units = state_problem(study, upstream, allow)
    whole = planned_at_once(estate, study.policy) if estate.problem.two_stage else None
    plan = solve_estate(
        estate.problem,
        time_limit_s=study.policy.number("estate_time_limit_s"),
        gap=study.policy.number("estate_gap"),
        progress=progress,
        start=whole,
    )
    if plan.status == "infeasible":
        pots = [estate.pots.purses[m].name for m in estate.pots.purse]
        names = [*(facility.name for facility in estate.facilities), *pots]
        raise Infeasible.from_clash(estate.problem, plan.clash, estate.rows, names)
    chosen = plan.by_scenario
    if chosen is None or plan.flow is None or plan.unmet is None:
        raise TimeoutError(f"No plan in {plan.seconds:.0f} s; raise estate_time_limit_s under [policy].")
    wrong = verify_estate(estate.problem, plan)
    if wrong:
        raise AssertionError("The plan fails its independent verification: " + "; ".join(wrong))
    alone = planned_alone(estate, plan, study.policy) if requests_in(estate, plan) else None
    placed, left = allocation(estate, plan.flow), unplaced(estate, plan.unmet)
    paid = laid_out(study, estate, chosen)
    return StageResult(
        tables={
            "decisions": with_competitions(
                with_reasons(
                    decisions(estate, chosen),
                    decision_effects(estate, plan),
                    estate.facilities,
                    study.tables["schools"],
                    placed,
                ),
                study.tables.get("competitions"),
                study.tables.get("bids"),
            ),
            "allocation": placed,
            "unplaced": left,
            "decisions_alone": decisions(estate, chosen if alone is None else alone.option),
            "options": option_table(estate),
            "policy_rows": row_table(estate.rows, chosen),
            "retained": retained_table(estate.rows, chosen, short),
            "send_units": unit_table(estate.facilities, estate.options, chosen, units),
            "calendar": calendar_table(estate, chosen),
        }
        | paid.tables
        | (frontier(estate, plan, study.policy) if study.policy.value("estate_frontier") == "yes" else {}),
        files={"problem.npz": estate.problem.save, "plan.npz": partial(save_plan, plan)},
        summary=_summary(study, estate, plan, short, units, left, allow)
        | paid.summary
        | {"requests": request_summary(estate, plan, alone)}
        | waiting_summary(plan, whole),
    )


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a study before anything is decided: journeys, bands, places, plan years, pupils of nodes.

    `pupils` is (T, 12, N): plan years, year groups R … Y11, nodes, the mean of the forecast.
    """

    journeys: StudyJourneys
    bands: list[Band]
    places: Places
    years: list[str]
    pupils: np.ndarray


def what_is_known(study: Study, upstream: Upstream) -> Known:
    """Journeys and pupils of a study, read once for every problem that is stated of it."""
    journeys = study_journeys(study)
    bands = study_bands(journeys.schools)
    places = who_is_where(study, journeys)
    years = years_from(study.settings.base_year, study.settings.horizon_years + 1)[1:]
    nodes = node_forecast(study, upstream.nodes, bands, places, upstream.forecast, upstream.roll_forecast)
    return Known(journeys, bands, places, years, nodes.pupils[1:])


def state_problem(
    study: Study,
    upstream: Upstream,
    allow: Collection[str],
    known: Known | None = None,
    bids: Mapping[str, Callable[[Facility], list[Option]]] | None = None,
) -> tuple[Estate, list[Kept], list[UnitNeed]]:
    """The estate problem of a study, what policy asks of each area, and the SEND units it is asked for.

    `bids` gives the options of the sites for which there are bids, by site, instead of every school that fits there.
    """
    known = what_is_known(study, upstream) if known is None else known
    journeys, bands, years = known.journeys, known.bands, known.years
    facilities = school_facilities(
        journeys.schools,
        known.places.year_groups,
        upstream.school_places,
        upstream.roll_forecast,
        years,
        study.settings.base_year,
        study.policy,
    )
    if "site" in journeys.sites and "new_school" in allow:
        facilities += site_facilities(journeys.sites, journeys.schools, years, study.policy)
    need = unit_need(study.tables.get("send_need") if "send_unit" in allow else None, years)
    options = offered(facilities, years, upstream.balance, journeys, study, allow, need, bids)
    high = high_forecast(facilities, years, upstream.forecast_area)
    rows, short = retained_surplus(facilities, options, years, high, study.policy)
    pots = contribution_pots(study.tables.get("contributions"), facilities, options, years, study.policy)
    rows += capital_budget(options, years, study.policy, pots.due_by(len(years)))
    rows += closures_max(options, study.policy)
    for_units, units = unit_rows(facilities, options, years, need, rows)
    rows += for_units + list(pots.rows)
    nodes = upstream.nodes
    demand = estate_demand(study, upstream.forecast, nodes, known.pupils)
    keys = {facility.key: row for row, facility in enumerate(facilities)}
    columns = list(range(len(facilities)))
    reach = reach_of(
        nodes,
        {point: row for row, point in enumerate(journeys.points["demand_point"])},
        keys,
        journeys.metres[:, columns],
        journeys.minutes[:, columns],
        facilities,
        bands,
        may_move(journeys.schools, len(facilities) - len(journeys.schools)),
    )
    return (
        build_estate(
            facilities,
            options,
            rows,
            nodes,
            demand.pupils,
            bands,
            years,
            reach,
            study.policy,
            demand.probability,
            staged=study.policy.value("estate_two_stages") == "yes",
            pots=pots,
        ),
        short,
        units,
    )


def offered(
    facilities: Sequence[Facility],
    years: Sequence[str],
    balance: pd.DataFrame,
    journeys: StudyJourneys,
    study: Study,
    allow: Collection[str],
    need: Collection[tuple[str, str]] = (),
    bids: Mapping[str, Callable[[Facility], list[Option]]] | None = None,
) -> list[Option]:
    """Options of every facility, today's estate first; of a site for which there are bids, those of the bids.

    A school without coordinates keeps to today's estate. Growth is offered where its planning area and phase is
    short of places in some year group and plan year, a SEND unit where its area and phase is among `need`.
    """
    placed = {str(urn) for urn in journeys.schools["urn"][journeys.schools["easting"].notna()]}
    in_plan = balance[balance["academic_year"].isin(years) & (balance["need"] > 0.5)]
    needy = set(zip(in_plan["planning_area"], in_plan["phase"], strict=True))
    options: list[Option] = []
    for facility in facilities:
        options += stay(facility, years, study.policy)
        if facility.site:
            make = (bids or {}).get(facility.key)
            options += GENERATORS["new_school"](facility, years, study.policy) if make is None else make(facility)
            continue
        if facility.key not in placed:
            continue
        short = any((area, phase) in needy for phase, area in facility.planning_area.items())
        for name in allow:
            if name == "send_unit":
                options += GENERATORS[name](facility, years, study.policy, need)
            elif name != "new_school" and (short or name not in COMMISSION):
                options += GENERATORS[name](facility, years, study.policy)
    return options


def high_forecast(
    facilities: Sequence[Facility], years: Sequence[str], forecast_area: pd.DataFrame
) -> dict[tuple[str, str], np.ndarray]:
    """p90 of pupils on roll by planning area and phase, (T,): the roll forecast raised as the area's p90 is."""
    index = forecast_area.set_index(["planning_area", "phase", "academic_year"])
    ratio = (index["p90"] / index["mean"].where(index["mean"] > 0)).fillna(1.0)
    usual = ratio.groupby(["phase", "academic_year"]).median()
    high = {}
    for area, phase in sorted({(a, p) for f in facilities for p, a in f.planning_area.items()}):
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        rolls = [f.pupils[:, columns].sum(axis=1) for f in facilities if f.planning_area.get(phase) == area]
        raised = [ratio.get((area, phase, year), usual[(phase, year)]) for year in years]
        high[area, phase] = np.sum(rolls, axis=0) * np.array(raised, dtype=float)
    return high


def retained_table(rows: Sequence[Row], chosen: np.ndarray, asked: Sequence[Kept]) -> pd.DataFrame:
    """Places by planning area, phase and year: pupils, asked by policy, today, and under the plan."""
    table = pd.DataFrame(asked, columns=list(Kept.__dataclass_fields__))
    values = row_table(rows, chosen).set_index("row")["value"]
    table["plan"] = [values[retained_row(k.planning_area, k.phase, k.academic_year)] for k in asked]
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
    return table


def _summary(
    study: Study,
    estate: Estate,
    plan: EstatePlan,
    short: Sequence[Kept],
    units: Sequence[UnitNeed],
    left: pd.DataFrame,
    allow: Collection[str],
) -> dict[str, Any]:
    problem = estate.problem
    warnings = []
    areas = sorted({f"{k.planning_area} ({k.phase})" for k in short if k.today < k.asked})
    if areas:
        warnings.append(
            f"Today's estate keeps less spare than policy asks in {counted(len(areas), 'planning area')}; there the "
            f"plan may not lower it: {', '.join(areas[:6])}{' …' if len(areas) > 6 else ''}."
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
        "stopped_by": "gap" if plan.status == "optimal" else "time limit",
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
            "pots": problem.pots,
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


def _both(estate: Estate, plan: EstatePlan) -> dict[str, Placing]:
    """What the plan and today's estate each cost, pupils placed at least cost in both."""
    chosen = plan.by_scenario
    assert chosen is not None and plan.flow is not None and plan.unmet is not None
    assert estate.problem.baseline is not None
    return {
        "plan": placing(estate, chosen, plan.flow, plan.unmet),
        "today": placed_anew(estate, estate.problem.baseline),
    }


def save_plan(plan: EstatePlan, path: Path) -> None:
    """Write the arrays of a plan, so that `verify` can check it again."""
    if plan.option is None or plan.flow is None or plan.unmet is None:
        raise ValueError("there is no plan to save")
    arrays = {"option": plan.option, "flow": plan.flow, "unmet": plan.unmet}
    if plan.scenario_option is not None:
        arrays["scenario_option"] = plan.scenario_option
    with path.open("wb") as file:
        np.savez_compressed(file, objective=plan.objective, bound=plan.bound, **arrays)  # type: ignore[arg-type]
