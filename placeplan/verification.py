"""Checking results again from what lies on disk: files, what they were made from, plans and totals.

Nothing here asks a solver. Totals are added up from tables of different stages, so that a table that was cut or edited
does not agree with the others even where its hash was written anew. A bound is what the solver proved: it is not
recomputed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.problems import BadInput, Problem
from geodata.years import COMPULSORY, PHASES, start_year
from models.attendance import NOT_IN_FLOWS, ON_ROLL
from models.entering import FROM_OUTSIDE, TRANSFER
from models.estate import EstateProblem
from models.planning_areas import area_of_school
from models.send_units import unit_row
from placeplan.closures.verification import wrong_closures
from placeplan.clusters.verification import wrong_clusters
from placeplan.deficits import wrong_deficits
from placeplan.estate.contributions import wrong_contributions
from placeplan.estate.stored import stored_estate
from placeplan.exports.survey_verification import wrong_survey_tables
from placeplan.finance_verification import wrong_finances
from placeplan.pipeline import NAMES, STAGES, input_prints, made_from
from placeplan.results import changed_files, read_stage, read_summary
from placeplan.study import Study
from placeplan.tenders.award_verification import verify_linked_awards
from placeplan.tenders.bid_verification import verify_bids_in_place
from placeplan.tenders.verification import verify_tender
from solvers import gap_between
from solvers.verify import verify_estate

TOLERANCE_PUPILS = 0.5
TOLERANCE = 1e-6  # relative, of sums of money and of policy rows
ABOUT_THE_BOUND = (
    "Not checked: the bound. It is what the solver proved while it ran; here only the plan's cost, its rules and the "
    "gap between the two are computed again."
)
PARTS = {
    "inputs": "other inputs",
    "filled": "other values filled into",
    "settings": "other settings",
    "stages": "other results of",
}
Check = Callable[[], list[str]]


def verify_results(study: Study) -> dict[str, list[str]]:
    """What was checked, and for each what is wrong (nothing where it holds); BadInput where there are no results."""
    results = study.results
    stages = [name for name in NAMES if (results / name).is_dir()]
    if not stages:
        what = f"There are no results of the scenario {study.scenario}."
        raise BadInput([Problem(str(results), what, "`placeplan run` makes them.")])
    checks: dict[str, Check] = {}
    for name in stages:
        checks[f"{name}: files as they were written"] = partial(_files, results / name)
    checks["inputs and settings: those of today"] = partial(_origins, study, stages)
    if "forecast" in stages:
        checks["forecast: localities sum to the authority"] = partial(_forecast_sums, results / "forecast")
    if "balance" in stages:
        checks["balance: need and spare are never netted off"] = partial(_balance_cells, results / "balance")
        checks["balance: deficits from the stored draws"] = partial(wrong_deficits, study)
        checks["balance: homes, planning areas and schools have the same pupils"] = partial(_schooling, study)
    if "estate" in stages:
        folder = results / "estate"
        checks["estate plan: cost, places, rules and gap from the arrays"] = partial(_estate, folder)
        checks["estate summary: objective, bound and gap of the plan"] = partial(_summary_agrees, folder)
        checks["estate tables: every pupil is placed or listed as unplaced"] = partial(_pupils, results)
        checks["estate tables: a decision for every facility that changes"] = partial(_decisions, folder)
        checks["estate tables: every policy row as the plan has it"] = partial(_policy_rows, folder)
        checks["estate tables: every decision can still be begun"] = partial(_calendar, folder)
        checks["estate tables: SEND units as the plan has them"] = partial(_send_units, folder)
        checks["estate tables: contributions where and when they are due, and once"] = partial(
            wrong_contributions, study
        )
        checks["estate tables: closures from the allocation, journeys within the limit, pockets added up"] = partial(
            wrong_closures, study
        )
    if "clusters" in stages:
        checks["clusters: rules, costs and gaps from the table"] = partial(wrong_clusters, study)
        checks["clusters summary: objective, bound and gap of the plan"] = partial(
            _summary_agrees, results / "clusters"
        )
    if "finance" in stages:
        checks["finance: parts, totals and the reserves they lead to"] = partial(wrong_finances, results / "finance")
    if "tender" in stages:
        checks["tender: totals, ranks and shares from the scores of record"] = partial(verify_tender, study)
        checks["tender: bids in place from the balance, pupils added up"] = partial(verify_bids_in_place, study)
        if "linked_awards" in study.tables:
            checks["tender: sets of linked awards from the tables and the published rules"] = partial(
                verify_linked_awards, study
            )
    if "export" in stages and "forecast" in stages:
        checks["export: tables of the capacity survey from balance, rolls and plan"] = partial(
            wrong_survey_tables, study
        )
    return {what: _told(check) for what, check in checks.items()}


def _told(check: Check) -> list[str]:
    """What a check finds. Files that are gone, cut or of another make fail in many ways: each is a finding."""
    try:
        return check()
    except Exception as error:
        return [f"cannot be checked: {type(error).__name__}: {error}"]


def _files(folder: Path) -> list[str]:
    summary = read_summary(folder)
    return ["summary.json is missing or cannot be read"] if summary is None else changed_files(folder, summary)


def _origins(study: Study, stages: list[str]) -> list[str]:
    """For each stage, what it was made from that is different now.

    Another program or library is no fault in the results: the next run makes them again.
    """
    prints = input_prints(study)
    summaries = {name: read_summary(study.results / name) or {} for name in stages}
    standing = {name: str(summary.get("fingerprint")) for name, summary in summaries.items()}
    wrong = []
    for stage in STAGES:
        then = summaries.get(stage.name, {}).get("made_from")
        if then is None:
            continue
        now = made_from(study, stage, prints, standing, then["levers"])
        for part, said in PARTS.items():
            if differs := _different(then[part], now[part]):
                wrong.append(f"{stage.name} was made from {said}: {', '.join(differs)}")
    return wrong


def _different(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Keys that only one has or that have another value; a tuple is what JSON reads as a list."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in now.items()}
    missing = object()
    return [key for key in sorted({*then, *plain}) if then.get(key, missing) != plain.get(key, missing)]


def _forecast_sums(folder: Path) -> list[str]:
    cells = read_stage(folder, "forecast").groupby(["academic_year", "year_group"])["mean"].sum()
    whole = read_stage(folder, "forecast_authority").set_index(["academic_year", "year_group"])["mean"]
    off = (cells.reindex(whole.index.union(cells.index)) - whole).abs().fillna(np.inf)
    return [f"{year} {group} is {gap:.1f} pupils out" for (year, group), gap in off.items() if gap > TOLERANCE_PUPILS]


def _balance_cells(folder: Path) -> list[str]:
    balance = read_stage(folder, "balance")
    both = balance[(balance["need"] > 0) & (balance["spare"] > 0)]
    off = (balance["pupils"] - balance["places"] - balance["need"] + balance["spare"]).abs() > 1e-6
    return [
        f"{row.planning_area} {row.year_group} {row.academic_year}"
        for row in (*both.itertuples(), *balance[off].itertuples())
    ]


def _schooling(study: Study) -> list[str]:
    """Terms lead to the roll, transfers to the entrants, schools to their planning area, the balance to all of them."""
    folder, base = study.results / "balance", study.settings.base_year
    cell = ["planning_area", "academic_year", "year_group"]
    terms, transfers = read_stage(folder, "attendance"), read_stage(folder, "transfers")
    is_roll = terms["term"] == ON_ROLL
    on_roll = terms[is_roll].groupby(cell)["pupils"].sum()
    named = terms[~is_roll].groupby(cell)["pupils"].sum()
    wrong = _apart("terms of", named, on_roll)
    later = on_roll[on_roll.index.get_level_values(1) > base]
    made, unplaced = read_stage(folder, "school_forecast"), read_stage(folder, "school_unplaced")
    area = area_of_school(study.tables["schools"], made["urn"], made["year_group"])
    made = made.assign(planning_area=area)
    lost = unplaced.groupby(cell)["pupils"].sum()
    wrong += _apart("schools of", made.groupby(cell)["pupils"].sum().add(lost, fill_value=0.0), later)
    rolls = read_stage(folder, "roll_forecast")
    balance = read_stage(folder, "balance").groupby(cell)["pupils"].sum()
    area = area_of_school(study.tables["schools"], rolls["urn"], rolls["year_group"])
    at_schools = rolls.assign(planning_area=area).groupby(cell)["pupils"].sum()
    wrong += _apart("balance of", balance, at_schools)
    free = made[made["year_group"].isin(COMPULSORY)].groupby(cell)["unconstrained"].sum()
    wrong += _apart("rolls of", at_schools[at_schools.index.get_level_values(1) > base], free)
    for name, rows in transfers.groupby("transfer"):
        entered = str(name).split("→")[1]
        here = rows[rows["term"].isin((TRANSFER, FROM_OUTSIDE))]
        here = here.assign(planning_area=here["to_area"], year_group=entered).groupby(cell)["pupils"].sum()
        beyond = terms[(terms["term"] == NOT_IN_FLOWS) & (terms["year_group"] == entered)]
        expected = later[later.index.get_level_values(2) == entered]
        expected = expected.sub(beyond.groupby(cell)["pupils"].sum(), fill_value=0.0)
        wrong += _apart(f"transfers {name} to", here, expected[expected.index.get_level_values(1) > base])
    return wrong


def _apart(what: str, found: pd.Series, expected: pd.Series) -> list[str]:
    """Cells in which two counts of the same pupils differ."""
    cells = found.index.union(expected.index)
    off = found.reindex(cells, fill_value=0.0) - expected.reindex(cells, fill_value=0.0)
    return [f"{what} {' '.join(map(str, cell))}: {gap:+,.1f} pupils" for cell, gap in off.items() if abs(gap) > 0.01]


def _estate(folder: Path) -> list[str]:
    return verify_estate(*stored_estate(folder))


def _summary_agrees(folder: Path) -> list[str]:
    """What people read in summary.json against the arrays of the plan; a stage without a plan claims nothing."""
    summary = read_summary(folder) or {}
    if not (folder / "plan.npz").exists():
        claims = [name for name in ("objective", "bound", "gap") if summary.get(name) is not None]
        return [f"it states {', '.join(claims)} and there is no plan.npz"] if claims else []
    with np.load(folder / "plan.npz") as saved:
        proven = {name: float(saved[name]) for name in ("objective", "bound")}
    proven["gap"] = gap_between(proven["objective"], proven["bound"])
    wrong = []
    for name, value in proven.items():
        said = summary.get(name)
        # Where no bound was found in time, JSON says null.
        agrees = np.isclose(said, value, rtol=TOLERANCE, atol=1e-9) if said is not None else not np.isfinite(value)
        if not agrees:
            wrong.append(f"{name} is {value:,.6g} in the plan, {said} in summary.json")
    return wrong


def _pupils(results: Path) -> list[str]:
    """Placed and unplaced pupils of each plan year and phase are those forecast on roll."""
    folder = results / "estate"
    placed, left = read_stage(folder, "allocation"), read_stage(folder, "unplaced")
    if not np.isfinite(placed["pupils"].to_numpy()).all() or (placed["pupils"] < 0).any():
        return ["the allocation holds figures that are not numbers of pupils"]
    rolls = read_stage(results / "balance", "roll_forecast")
    phase_of = {group: phase for phase, groups in PHASES.items() for group in groups}
    rolls = rolls.assign(phase=rolls["year_group"].map(phase_of))
    rolls = rolls[rolls["academic_year"] > rolls["academic_year"].min()]
    by = ["academic_year", "phase"]
    found = pd.concat([placed, left]).groupby(by)["pupils"].sum()
    expected = rolls.groupby(by)["pupils"].sum()
    cells = expected.index.union(found.index)
    off = found.reindex(cells, fill_value=0.0) - expected.reindex(cells, fill_value=0.0)
    wrong = [
        f"{year} {phase}: {abs(gap):,.1f} pupils {'more' if gap > 0 else 'fewer'} than are forecast on roll"
        for (year, phase), gap in off.items()
        if abs(gap) > TOLERANCE_PUPILS
    ]
    return wrong + _unplaced(folder, left)


def _unplaced(folder: Path, left: pd.DataFrame) -> list[str]:
    """Pupils listed as unplaced are those whom the plan leaves without a place."""
    problem = EstateProblem.load(folder / "problem.npz")
    with np.load(folder / "plan.npz") as saved:
        pupils = (saved["unmet"] * problem.demand).sum(axis=1)
    if problem.slice_scenario is not None:  # listed are those to be expected
        n_scenarios = int(problem.slice_scenario.max()) + 1
        weight = (
            problem.scenario_weight if problem.scenario_weight is not None else np.full(n_scenarios, 1 / n_scenarios)
        )
        pupils = pupils * weight[problem.slice_scenario]
    unmet = float(pupils.sum())
    listed = float(left["pupils"].sum())
    if abs(listed - unmet) <= max(TOLERANCE_PUPILS, 0.01 * unmet):
        return []
    return [f"{listed:,.1f} pupil-years are listed as unplaced, {unmet:,.1f} in the plan"]


def _by_scenario(saved: Mapping[str, np.ndarray]) -> np.ndarray:
    """(K, F) the options of a stored plan."""
    return np.atleast_2d(saved.get("scenario_option", saved["option"]))


def _decisions(folder: Path) -> list[str]:
    """As many facilities are listed as leave today's estate in the plan."""
    problem = EstateProblem.load(folder / "problem.npz")
    assert problem.baseline is not None, "the problem has no baseline"
    with np.load(folder / "plan.npz") as saved:
        changes = int((_by_scenario(saved) != problem.baseline).any(axis=0)[: problem.n_schools].sum())
    listed = read_stage(folder, "decisions")
    twice = listed[listed.duplicated(["facility", "action", "academic_year", "reason"])]
    wrong = [f"{facility} is listed twice" for facility in twice["facility"]]
    probability = listed.groupby("facility")["probability"].sum()
    wrong += [f"{facility} is decided with {p:.0%}" for facility, p in probability[probability > 1 + 1e-6].items()]
    if len(probability) != changes:
        wrong.append(f"{len(probability)} facilities are listed, {changes} change in the plan")
    return wrong


def _policy_rows(folder: Path) -> list[str]:
    """Names, limits and values are those of the problem under the plan, and every value is within its limits."""
    problem = EstateProblem.load(folder / "problem.npz")
    with np.load(folder / "plan.npz") as saved:
        chosen = _by_scenario(saved)
    table = read_stage(folder, "policy_rows")
    if table["row"].tolist() != list(problem.row_name):
        return [f"{len(table)} rows are listed, {problem.n_rows} are in the problem, or their names differ"]
    levels = np.array([problem.row_matrix[:, one].sum(axis=1).A1 for one in chosen])
    nearest = np.argmin(np.minimum(levels - problem.row_lower, problem.row_upper - levels), axis=0)
    level = levels[nearest, np.arange(problem.n_rows)]
    true = {"lower": problem.row_lower, "value": level, "upper": problem.row_upper}
    slack = TOLERANCE * np.maximum(1.0, np.abs(level))
    wrong = []
    for column, values in true.items():
        said = table[column].to_numpy(dtype=float)
        same = np.isclose(said, values, rtol=TOLERANCE, atol=TOLERANCE)
        wrong += [
            f"{table['row'].iloc[r]}: {column} is {values[r]:,.6g}, the table says {said[r]:,.6g}"
            for r in np.flatnonzero(~same)
        ]
    value = table["value"].to_numpy(dtype=float)
    lower, upper = (table[name].to_numpy(dtype=float) for name in ("lower", "upper"))
    outside = (value < lower - slack) | (value > upper + slack)
    return wrong + [f"{table['row'].iloc[r]}: {value[r]:,.6g} is outside its limits" for r in np.flatnonzero(outside)]


def _calendar(folder: Path) -> list[str]:
    """Steps lie between the day of the plan and the opening, and a decision's first one is the calendar's."""
    today = str((read_summary(folder) or {})["plan_date"])
    steps = read_stage(folder, "calendar")
    wrong = []
    for row in steps.itertuples():
        opening = f"{start_year(row.academic_year)}-09-01"
        if not today <= row.begin_by <= row.done_by <= opening:
            wrong.append(f"{row.facility}: {row.step} from {row.begin_by} to {row.done_by} for {opening}")
    by = ["facility", "academic_year", "action"]
    first = steps.groupby(by)["begin_by"].min()
    listed = read_stage(folder, "decisions").groupby(by)["start_by"].min()
    both = first.index.union(listed.index)
    off = first.reindex(both) != listed.reindex(both)
    return wrong + [
        f"{key[0]}: {key[2]} from {key[1]} is begun on another day than the calendar's" for key in both[off]
    ]


def _send_units(folder: Path) -> list[str]:
    """Places in units are those of the policy rows, and nothing is asked without one."""
    rows = read_stage(folder, "policy_rows").set_index("row")
    listed = read_stage(folder, "send_units")
    wrong = []
    for unit in listed.itertuples():
        name = unit_row(unit.planning_area, unit.phase, unit.academic_year)
        ruled = (rows.loc[name, "lower"], rows.loc[name, "value"]) if name in rows.index else (0.0, unit.plan)
        if not np.allclose(ruled, (unit.asked, unit.plan)):
            wrong.append(f"{name}: the table says {unit.plan:g} for {unit.asked:g} asked")
    return wrong
