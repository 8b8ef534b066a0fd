"""The stages of a study in order: what each needs, what it rests on, and running only what has changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from placeplan.results import (
    StageResult,
    add_csv,
    changed_files,
    code_digest,
    digest,
    file_digest,
    mend_interrupted,
    read_stage,
    read_summary,
    versions,
    write_manifest,
    write_stage,
)
from placeplan.study import Study

if TYPE_CHECKING:
    from solvers.plans import ProgressCallback

BASIC = ("localities", "pupils", "births")
PAST = (*BASIC, "locality_changes")
DEMAND = (*PAST, "housing", "adjustments")
PLACES = (*DEMAND, "schools", "rolls", "demand_points", "flows", "preferences", "planned_places", "roads")
MONEY = ("contributions", "school_sites", "funding_values")
ALL = (*PLACES, *MONEY, "sites", "trusts", "places", "send_need", "rural_factors", "amalgamations")
OFFERS = ("competitions", "bids")
TENDERS = (*OFFERS, "criteria", "scores")
TENDER_LOGS = ("declarations", "clarifications")
LINKED = ("linked_awards", "package_bids", "bid_conditions", "award_limits")


@dataclass(frozen=True)
class Stage:
    """One stage: tables it cannot do without, inputs and stages its results rest on, and how it is run.

    `alone`: it says what it can where stages that it rests on are left out.
    """

    name: str
    needs: tuple[str, ...]
    inputs: tuple[str, ...]
    after: tuple[str, ...]
    run: Callable[[Run], StageResult]
    alone: bool = False


@dataclass(frozen=True)
class Run:
    """What a stage is given: the study, how to report progress, the levers asked for and the stages that stand."""

    study: Study
    progress: ProgressCallback | None
    levers: tuple[str, ...]
    ran: frozenset[str]
    fix: Path | None = None  # a plan of clusters that is kept as far as it is locked

    def table(self, stage: str, name: str) -> pd.DataFrame:
        """A table of an earlier stage."""
        return read_stage(self.study.results / stage, name)


@dataclass(frozen=True)
class Step:
    """What became of one stage in a run: "done", "unchanged" or "left out", and why."""

    stage: str
    outcome: str
    why: str
    seconds: float
    summary: Mapping[str, Any]


def _forecast(run: Run) -> StageResult:
    from placeplan.demand import forecast_stage

    return forecast_stage(run.study)


def _backtest(run: Run) -> StageResult:
    from placeplan.demand import backtest_stage

    return backtest_stage(run.study)


def _balance(run: Run) -> StageResult:
    from placeplan.balance import balance_stage

    return balance_stage(run.study, run.table("forecast", "forecast"))


def _estate(run: Run) -> StageResult:
    from placeplan.estate.stage import estate_stage
    from placeplan.estate.upstream import Upstream

    return estate_stage(run.study, Upstream.read(run.study.results), run.levers, run.progress)


def _clusters(run: Run) -> StageResult:
    from placeplan.clusters.stage import closing_schools, clusters_stage

    return clusters_stage(run.study, closing_schools(run.table("estate", "decisions")), run.progress, run.fix)


def _finance(run: Run) -> StageResult:
    from placeplan.finance import finance_stage
    from placeplan.study_finances import within_places

    rolls = within_places(run.table("balance", "roll_forecast"), run.table("balance", "school_forecast"))
    return finance_stage(run.study, rolls, run.table("estate", "decisions"), run.table("estate", "allocation"))


def _tender(run: Run) -> StageResult:
    from placeplan.estate.upstream import Upstream
    from placeplan.tenders.stage import tender_stage

    planned = {"forecast", "balance"} <= run.ran
    return tender_stage(run.study, Upstream.read(run.study.results) if planned else None)


def _maps(run: Run) -> StageResult:
    from placeplan.pages.stage import maps_stage

    return maps_stage(run.study, run.study.results, run.ran)


def _report(run: Run) -> StageResult:
    from placeplan.report.stage import report_stage

    return report_stage(run.study, run.study.results, run.ran)


def _export(run: Run) -> StageResult:
    from placeplan.exports import export_stage

    return export_stage(run.study, run.study.results, run.ran, EXPORTED)


SCHOOLS = (*BASIC, "schools", "rolls")
WITH_TABLES = ("forecast", "backtest", "balance", "estate", "clusters", "finance", "tender")
EXPORTED = (*WITH_TABLES, "report")
STAGES = (
    Stage("forecast", BASIC, DEMAND, (), _forecast),
    Stage("backtest", BASIC, PAST, (), _backtest),
    Stage("balance", (*SCHOOLS, "demand_points"), PLACES, ("forecast",), _balance),
    Stage("estate", (*SCHOOLS, "demand_points"), (*ALL, *OFFERS, "unsafe_routes"), ("forecast", "balance"), _estate),
    Stage("clusters", (*SCHOOLS, "demand_points"), (*PLACES, *MONEY, "trusts"), ("balance", "estate"), _clusters),
    Stage("finance", (*SCHOOLS, "demand_points"), ALL, ("balance", "estate"), _finance),
    Stage("tender", TENDERS, (*ALL, *TENDERS, *TENDER_LOGS, *LINKED), ("forecast", "balance"), _tender, True),
    Stage("maps", BASIC, ALL, ("forecast", "balance", "estate", "clusters", "tender"), _maps, True),
    Stage("report", BASIC, (*ALL, *OFFERS, "capital_funding"), WITH_TABLES, _report, True),
    Stage("export", BASIC, (*ALL, *TENDERS), EXPORTED, _export, True),
)
NAMES = tuple(stage.name for stage in STAGES)
COMMISSION = ("lift_pan", "bulge", "expand", "new_school", "send_unit")
CLOSE = ("cut_pan", "cap_forms", "mothball", "share_space", "federate", "amalgamate", "close")  # least harm first
LEVERS = COMMISSION + CLOSE


def wanted_stages(goal: str) -> list[str]:
    """The stage and all it rests on, in order."""
    by_name = {stage.name: stage for stage in STAGES}
    wanted = {goal}
    for stage in reversed(STAGES):
        if stage.name in wanted:
            wanted |= set(by_name[stage.name].after)
    return [name for name in NAMES if name in wanted]


def run_stages(
    study: Study,
    names: Sequence[str] = NAMES,
    *,
    levers: Collection[str] | None = None,
    csv: bool = False,
    progress: Callable[[str], ProgressCallback | None] | None = None,
    starting: Callable[[str], None] | None = None,
    fix: Path | None = None,
) -> Iterator[Step]:
    """Run the stages in order, each only if what it rests on has changed; yields what became of each.

    A stage whose inputs are missing is left out, and so is one that rests on it; its old results go. `levers` None
    keeps those with which the estate was planned last, all of them at first. `csv` puts a CSV beside every table.
    `fix` is a plan that the clusters stage keeps. `progress` gives the callback for a stage's solver; `starting` is
    told before a stage is run.
    """
    for name in NAMES:
        mend_interrupted(study.results / name)
    prints = input_prints(study)
    done: dict[str, str] = {}
    try:
        for stage in STAGES:
            folder = study.results / stage.name
            if stage.name not in names:
                # A stage that is not asked for still counts as it stands.
                if (standing := _standing(folder)) is not None:
                    done[stage.name] = standing["fingerprint"]
                continue
            if why := _why_left_out(stage, study, done):
                shutil.rmtree(folder, ignore_errors=True)
                yield Step(stage.name, "left out", why, 0.0, {})
                continue
            own_levers = _levers(study, levers) if stage.name == "estate" else ()
            origin = made_from(study, stage, prints, done, own_levers) | _elsewhere(study, stage)
            if stage.name == "clusters" and fix is not None:
                origin["fix"] = file_digest(fix)
            told = progress(stage.name) if progress is not None else None
            run = Run(study, told, own_levers, frozenset(done), fix if stage.name == "clusters" else None)
            step = _run_stage(stage, run, origin, starting)
            if csv:
                add_csv(folder)
            done[stage.name] = str(step.summary["fingerprint"])
            yield step
    finally:
        # Of what stands after a stage that failed, too; nothing is written where no stage ever was.
        if study.results.is_dir():
            write_manifest(study.results, manifest(study))


def _elsewhere(study: Study, stage: Stage) -> dict[str, Any]:
    """What a stage rests on outside the study: the report shows what changed since last year's."""
    if stage.name != "report" or not study.settings.previous:
        return {}
    from placeplan.comparison.changed_since import previous_origin

    return {"previous": previous_origin(study)}


def _run_stage(stage: Stage, run: Run, origin: Mapping[str, Any], starting: Callable[[str], None] | None) -> Step:
    """Run a stage unless its results stand and were made from the same."""
    folder = run.study.results / stage.name
    known = _standing(folder)
    if known is not None and known["fingerprint"] == digest(stage.name, origin):
        return Step(stage.name, "unchanged", "", 0.0, known)
    if starting is not None:
        starting(stage.name)
    began, policy = time.perf_counter(), run.study.policy
    policy.read.clear()
    result = with_geography(run.study, stage.name, stage.run(run))
    seconds = time.perf_counter() - began
    result = replace(result, summary={**result.summary, "policy_read": sorted(policy.read)})
    write_stage(folder, result, origin, seconds)
    return Step(stage.name, "done", "", seconds, read_summary(folder) or {})


def with_geography(study: Study, stage: str, result: StageResult) -> StageResult:
    """The result of a stage with a GeoPackage of what can be drawn of it."""
    from placeplan.geography import stage_layers, write_layers

    layers = stage_layers(study, stage, result.tables)
    if not layers:
        return result
    return replace(result, files={**result.files, f"{stage}.gpkg": partial(write_layers, layers)})


def _standing(folder: Path) -> dict[str, Any] | None:
    """Summary of a stage whose files are all as they were written; None of any other."""
    summary = read_summary(folder)
    if summary is None or "fingerprint" not in summary or changed_files(folder, summary):
        return None
    return summary


def _why_left_out(stage: Stage, study: Study, done: Collection[str]) -> str:
    """Why a stage cannot be run; blank where it can."""
    if missing := [table for table in stage.needs if table not in study.tables]:
        return f"no {', '.join(missing)}"
    if "schools" in stage.needs and not planned(study.tables["schools"]).any():
        return "no mainstream school with year groups R–Y11"
    lost = [name for name in stage.after if name not in done and not stage.alone]
    return f"{', '.join(lost)} left out" if lost else ""


def planned(schools: pd.DataFrame) -> pd.Series:
    """Schools that are planned: mainstream, admitting before 16 and leaving after 4."""
    from geodata.fallbacks import is_mainstream

    ages = schools["low_age"].notna() & schools["high_age"].notna()
    return is_mainstream(schools) & ages & (schools["low_age"].fillna(99) < 16) & (schools["high_age"].fillna(0) > 4)


def _levers(study: Study, asked: Collection[str] | None) -> tuple[str, ...]:
    """Levers of the estate stage: those asked for, else those of the plan that stands, else all."""
    if asked is None:
        asked = (read_summary(study.results / "estate") or {}).get("levers", LEVERS)
    return tuple(lever for lever in LEVERS if lever in asked)


def input_prints(study: Study) -> dict[str, str]:
    """SHA-256 of the file of each input table."""
    return {name: file_digest(path) for name, path in study.files.items()}


def _table_print(table: pd.DataFrame) -> str:
    """Fingerprint of a table's values, geometry left out."""
    values = table.drop(columns="geometry", errors="ignore").astype(str)
    return digest(pd.util.hash_pandas_object(values, index=False).to_numpy().tolist())


def made_from(
    study: Study, stage: Stage, prints: Mapping[str, str], done: Mapping[str, str], levers: Sequence[str]
) -> dict[str, Any]:
    """All that the results of a stage rest on: inputs, settings, earlier stages, levers, program and libraries.

    `prints` are of the input tables, `done` the fingerprints of the stages that stand. What was filled into a table
    may come from another one, as a locality's planning area does from schools.
    """
    settings = study.settings
    filled = {fallback.table for fallback in study.fallbacks}
    return {
        "inputs": {name: prints[name] for name in stage.inputs if name in prints},
        "filled": {name: _table_print(study.tables[name]) for name in stage.inputs if name in filled},
        "settings": {
            "name": settings.name,
            "authority": settings.authority,
            "base_year": settings.base_year,
            "horizon_years": settings.horizon_years,
            "pupils": settings.pupils,
            "attribution": settings.attribution,
            **({"map_tiles": [settings.map_tiles, settings.map_tiles_credit]} if stage.name == "maps" else {}),
            "scenario": study.scenario,
            **{f"policy.{key}": value for key, value in sorted(study.policy.overrides.items())},
        },
        "stages": {name: done[name] for name in stage.after if name in done},
        "levers": list(levers),
        "code": code_digest(),
        "versions": versions(),
    }


def manifest(study: Study) -> dict[str, Any]:
    """From which inputs, versions and seed each stage of a scenario was made, and when, as the summaries tell."""
    stages = {}
    for name in NAMES:
        summary = read_summary(study.results / name)
        if summary is None or "made_from" not in summary:
            continue
        origin = summary["made_from"]
        stages[name] = {
            "fingerprint": summary["fingerprint"],
            "written": summary["written"],
            "seconds": summary["run_seconds"],
            "inputs": origin["inputs"],
            "code": origin["code"],
            "versions": origin["versions"],
        }
    return {
        "study": study.settings.name,
        "scenario": study.scenario,
        "files": {name: path.name for name, path in study.files.items()},
        "seed": 0,
        "stages": stages,
    }
