"""From the names that are given to `compare` to its two sides: scenarios, plans and other studies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from geodata.problems import BadInput, Problem, nearest
from geodata.settings import BASE_SCENARIO, FILE
from placeplan.clusters.stage import closing_schools
from placeplan.comparison.sides import TABLES, Side, stored_side
from placeplan.results import file_digest, read_stage, read_summary
from placeplan.study import Study

SCENARIO, FRONTIER, CLUSTER_PLAN, STUDY = "scenario", "plan of the frontier", "plan of clusters", "study"
CSV = ".csv"
LONGEST = 256  # of a name that may be a folder's


@dataclass(frozen=True)
class Named:
    """What a name given by the user means: one of the four kinds, and where its results or its file lie."""

    given: str
    kind: str
    path: Path


def named(study: Study, given: Sequence[str]) -> list[Named]:
    """What each name means; BadInput with everything that is wrong with them.

    A scenario comes first, then a plan of the frontier of the study's scenario, a file of clusters, a folder.
    """
    scenarios = [BASE_SCENARIO, *study.settings.scenarios]
    plans = frontier_plans(study.results)
    found, problems = [], []
    for name in given:
        path = Path(name)
        if name in scenarios:
            one = Named(name, SCENARIO, study.folder / "results" / name)
        elif name in plans:
            one = Named(name, FRONTIER, study.results)
        elif path.suffix.lower() == CSV and _is_file(path):
            one = Named(name, CLUSTER_PLAN, path)
        elif _is_file(path / FILE):
            one = Named(name, STUDY, path / "results" / BASE_SCENARIO)
        else:
            problems.append(_unknown(name, [*scenarios, *plans]))
            continue
        found.append(one)
        problems += _without_results(study, one)
    if not problems and any(one.kind == CLUSTER_PLAN for one in found):
        problems += _no_context(study, scenario_to_score_in(study, found))
    if problems:
        raise BadInput(problems)
    return found


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name that is too long for any is of none."""
    try:
        return path.is_file()
    except OSError:
        return False


def frontier_plans(results: Path) -> list[str]:
    """Names of the plans of a scenario's frontier; [] where there is none."""
    if not (results / "estate" / "frontier.parquet").exists() or read_summary(results / "estate") is None:
        return []
    return [str(name) for name in read_stage(results / "estate", "frontier")["plan"]]


def _unknown(name: str, known: list[str]) -> Problem:
    path = Path(name)
    if path.suffix.lower() == CSV:
        return Problem(name, "There is no such file.", "Name a CSV with urn, cluster, trust, role.")
    if len(name) < LONGEST and path.is_dir():
        return Problem(name, f"The folder is no study: it has no {FILE}.", "Name the folder of a study.")
    what = f"{name!r} is neither a scenario, nor a plan of the frontier, nor a file or folder."
    return Problem(FILE, what, nearest(name, known))


def _without_results(study: Study, one: Named) -> list[Problem]:
    if one.kind not in (SCENARIO, STUDY):
        return []
    if any(read_summary(one.path / stage) is not None for stage in TABLES):
        return []
    command = f"placeplan run {study.folder} --scenario {one.given}"
    if one.kind == STUDY:
        command = f"placeplan run {one.given}"
    elif one.given == BASE_SCENARIO:
        command = f"placeplan run {study.folder}"
    return [Problem(str(one.path), f"{one.given} has no results.", f"`{command}` makes them.")]


def scenario_to_score_in(study: Study, found: Sequence[Named]) -> str:
    """The scenario in which plans of clusters are scored: that of the other side, else that of the study."""
    return next((one.given for one in found if one.kind == SCENARIO), study.scenario)


def _no_context(study: Study, scenario: str) -> list[Problem]:
    results = study.folder / "results" / scenario
    if all(read_summary(results / stage) is not None for stage in ("balance", "estate")):
        return []
    what = f"A plan of clusters is scored on the results of {scenario}, which has none of the estate."
    option = "" if scenario == BASE_SCENARIO else f" --scenario {scenario}"
    return [Problem(str(results), what, f"`placeplan cluster {study.folder}{option}` makes them.")]


def sides_of(study: Study, found: Sequence[Named]) -> tuple[Side, Side]:
    """The two sides with their tables; where one is a plan of clusters both are scored alike. Names are told apart."""
    sides = [_side(study, one) for one in found]
    if any(one.kind == CLUSTER_PLAN for one in found):
        sides = _scored(study, found, sides)
    a, b = sides
    if a.name == b.name:
        a, b = (replace(side, name=f"{side.name} ({place})") for side, place in ((a, "first"), (b, "second")))
    return a, b


def _side(study: Study, one: Named) -> Side:
    if one.kind == SCENARIO:
        return stored_side(one.given, one.path)
    if one.kind == STUDY:
        return study_side(one.path.parents[1], study.settings.name)
    if one.kind == FRONTIER:
        return frontier_side(one.given, one.path)
    called = one.path.name
    why = f"{called} is a plan of clusters, which says nothing of them."
    return Side(called, missing=dict.fromkeys([stage for stage in TABLES if stage != "clusters"], why))


def study_side(folder: Path, beside: str) -> Side:
    """The base scenario of another study, called by its base year, and by its name where `beside` is another."""
    results = folder / "results" / BASE_SCENARIO
    settings = stored_side("", results).settings()
    if not settings:
        return stored_side(str(folder), results)
    own = settings["name"] == beside
    return stored_side(f"{'the study of' if own else settings['name'] + ','} {settings['base_year']}", results)


def frontier_side(plan: str, results: Path) -> Side:
    """A plan of a frontier: demand and balance of its scenario, its own decisions and what the frontier measures."""
    side = stored_side(plan, results)
    decided = read_stage(results / "estate", "frontier_decisions")
    frontier = side.tables["frontier"]
    tables = {name: table for name, table in side.tables.items() if name in (*TABLES["forecast"], *TABLES["balance"])}
    tables["decisions"] = decided[decided["plan"] == plan].drop(columns="plan").reset_index(drop=True)
    tables["frontier"] = frontier[frontier["plan"] == plan]
    kept = ("fingerprint", "written", "made_from", "levers")
    estate = {name: value for name, value in side.summaries["estate"].items() if name in kept}
    summaries = {stage: summary for stage, summary in side.summaries.items() if stage in ("forecast", "balance")}
    why = f"{plan} is a plan of a frontier, which says nothing of them."
    missing = {stage: why for stage in TABLES if stage not in ("forecast", "balance", "estate")}
    return Side(plan, tables, {**summaries, "estate": estate}, missing)


def _scored(study: Study, found: Sequence[Named], sides: Sequence[Side]) -> list[Side]:
    """The sides with their plans of clusters scored on one case, so that the same schools count in both."""
    from placeplan.clusters.case import study_case
    from placeplan.clusters.evaluate import score
    from placeplan.clusters.plan_file import drawn_in, read_plan
    from placeplan.journeys import planned_schools

    scenario = scenario_to_score_in(study, found)
    own = study if scenario == study.scenario else Study.open(study.folder, scenario)
    closing = closing_schools(read_stage(own.results / "estate", "decisions"))
    files = [_plan_file(own, one) for one in found]
    schools = planned_schools(own)
    plans: list[pd.DataFrame | None] = []
    problems: list[Problem] = []
    for path in files:
        try:
            plans.append(None if path is None else read_plan(path, schools, closing))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    drawn = sorted({urn for plan in plans if plan is not None for urn in drawn_in(plan, schools)})
    case = study_case(own, closing, drawn=drawn)
    scored = []
    for side, path, plan in zip(sides, files, plans, strict=True):
        if path is None or plan is None:
            scored.append(side)
            continue
        told = score(case, own.policy, plan)
        summary = dict(side.summaries.get("clusters", {"fingerprint": file_digest(path)}))
        summary |= {"measures": told.measures, "breaches": len(told.breaches)}
        summary["both_levels"] = {**summary.get("both_levels", {}), "objective": told.cost_gbp}
        summaries = {**side.summaries, "clusters": summary}
        scored.append(replace(side, tables={**side.tables, "clusters": told.table}, summaries=summaries))
    return scored


def _plan_file(study: Study, one: Named) -> Path | None:
    """The file of a side's plan of clusters; None where it has none, or one of another study."""
    if one.kind == CLUSTER_PLAN:
        return one.path
    own = study.folder / "results" / one.given / "clusters" / "plan.csv"
    return own if one.kind == SCENARIO and own.exists() else None


def folder_name(given: Sequence[str]) -> str:
    """The folder of a comparison: both names as files may have them; one that had to change has a mark of its own."""
    return "--".join(_safe(name) for name in given)


def _safe(name: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", Path(name).name or name).strip("-")[:60]
    return safe if safe == name else f"{safe or 'plan'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
