"""The stages of a study in order: what each needs, what it rests on, and running only what has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geodata.settings import FILE
from placeplan.results import (
    StageResult,
    code_digest,
    digest,
    file_digest,
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
DEMAND = (*BASIC, "housing", "adjustments")
PLACES = (*DEMAND, "schools", "rolls", "demand_points", "flows", "planned_places", "roads")
ALL = (*PLACES, "sites", "trusts", "places")


@dataclass(frozen=True)
class Stage:
    """One stage: tables it cannot do without, inputs and stages its results rest on, and how it is run."""

    name: str
    needs: tuple[str, ...]
    inputs: tuple[str, ...]
    after: tuple[str, ...]
    run: Callable[[Run], StageResult]


@dataclass(frozen=True)
class Run:
    """What a stage is given: the study, where results lie, how to report progress and which levers are asked for."""

    study: Study
    progress: ProgressCallback | None
    levers: tuple[str, ...]

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
    from placeplan.estate import Upstream, estate_stage

    upstream = Upstream(
        forecast=run.table("forecast", "forecast"),
        forecast_area=run.table("forecast", "forecast_area"),
        balance=run.table("balance", "balance"),
        nodes=run.table("balance", "nodes"),
        roll_forecast=run.table("balance", "roll_forecast"),
        school_places=run.table("balance", "school_places"),
    )
    return estate_stage(run.study, upstream, run.levers, run.progress)


def _clusters(run: Run) -> StageResult:
    from placeplan.clusters import clusters_stage

    return clusters_stage(run.study, run.progress)


def _maps(run: Run) -> StageResult:
    from placeplan.pages import maps_stage

    return maps_stage(run.study, run.study.results)


def _report(run: Run) -> StageResult:
    from placeplan.report import report_stage

    return report_stage(run.study, run.study.results)


SCHOOLS = (*BASIC, "schools", "rolls")
STAGES = (
    Stage("forecast", BASIC, DEMAND, (), _forecast),
    Stage("backtest", BASIC, BASIC, (), _backtest),
    Stage("balance", (*SCHOOLS, "demand_points"), PLACES, ("forecast",), _balance),
    Stage("estate", (*SCHOOLS, "demand_points"), ALL, ("forecast", "balance"), _estate),
    Stage("clusters", (*SCHOOLS, "demand_points"), PLACES, ("estate",), _clusters),
    Stage("maps", BASIC, ALL, ("forecast", "balance", "estate", "clusters"), _maps),
    Stage("report", BASIC, ALL, ("forecast", "backtest", "balance", "estate", "clusters"), _report),
)
NAMES = tuple(stage.name for stage in STAGES)
LEVERS = ("expand", "new_school", "cut_pan", "close")


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
    progress: Callable[[str], ProgressCallback | None] | None = None,
    starting: Callable[[str], None] | None = None,
) -> Iterator[Step]:
    """Run the stages in order, each only if what it rests on has changed; yields what became of each.

    A stage whose inputs are missing is left out, and so is one that rests on it. `levers` None keeps those with which
    the estate was planned last, all of them at first. `progress` gives the callback for a
    stage's solver; `starting` is told before a stage is run.
    """
    prints = input_prints(study)
    done: dict[str, str] = {}
    for stage in STAGES:
        if stage.name not in names:
            # A stage that is not asked for still counts as it stands.
            summary = read_summary(study.results / stage.name)
            if summary is not None:
                done[stage.name] = str(summary["fingerprint"])
            continue
        missing = [table for table in stage.needs if table not in study.tables]
        lost = [name for name in stage.after if name not in done and stage.name not in ("maps", "report")]
        if missing or lost:
            why = f"no {', '.join(missing)}" if missing else f"{', '.join(lost)} left out"
            yield Step(stage.name, "left out", why, 0.0, {})
            continue
        own_levers = _levers(study, levers) if stage.name == "estate" else ()
        fingerprint = digest(
            stage.name,
            code_digest(),
            prints["settings"],
            {name: prints.get(name) for name in stage.inputs},
            {name: done.get(name) for name in stage.after},
            own_levers,
        )
        folder = study.results / stage.name
        known = read_summary(folder)
        if known is not None and known.get("fingerprint") == fingerprint:
            done[stage.name] = fingerprint
            yield Step(stage.name, "unchanged", "", 0.0, known)
            continue
        if starting is not None:
            starting(stage.name)
        began = time.perf_counter()
        run = Run(study, progress(stage.name) if progress is not None else None, own_levers)
        write_stage(folder, stage.run(run), fingerprint)
        done[stage.name] = fingerprint
        yield Step(stage.name, "done", "", time.perf_counter() - began, read_summary(folder) or {})
    write_manifest(study.results, manifest(study, prints, done))


def _levers(study: Study, asked: Collection[str] | None) -> tuple[str, ...]:
    """Levers of the estate stage: those asked for, else those of the plan that stands, else all."""
    if asked is None:
        asked = (read_summary(study.results / "estate") or {}).get("levers", LEVERS)
    return tuple(lever for lever in LEVERS if lever in asked)


def input_prints(study: Study) -> dict[str, str]:
    """Fingerprints of the inputs by table, and of the settings of the scenario."""
    prints = {name: file_digest(path) for name, path in study.files.items()}
    settings = study.settings
    prints["settings"] = digest(
        settings.name, settings.authority, settings.base_year, settings.horizon_years, settings.pupils,
        settings.attribution, study.scenario, study.policy.overrides,
    )  # fmt: skip
    return prints


def manifest(study: Study, prints: Mapping[str, str], done: Mapping[str, str]) -> dict[str, Any]:
    """From which inputs, versions and seed the results of a scenario were made."""
    return {
        "study": study.settings.name,
        "scenario": study.scenario,
        "inputs": {name: {"file": path.name, "sha256": prints[name]} for name, path in study.files.items()},
        "study_toml": file_digest(study.folder / FILE),
        "versions": versions(),
        "code": code_digest(),
        "seed": 0,
        "stages": dict(done),
    }
