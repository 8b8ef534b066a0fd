"""The forecast and backtest stages: how many pupils, where, and how far past forecasts were out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from geodata.fields import packaged_csv
from geodata.problems import BadInput, Problem, nearest
from geodata.years import start_year
from models.accuracy import AUTHORITY, accuracy, pooled
from models.baselines import past_baselines
from models.coherence import past_forecasts
from models.cohorts import BirthSeries, PupilCube, birth_series, locality_groups, pupil_cube
from models.draws import Draws
from models.error_fit import fit_error_model
from models.error_model import planning_areas
from models.forecast import forecast_pupils
from models.housing import housing_table, housing_terms
from models.local_knowledge import adjusted_cells
from models.uncertainty import PastForecasts, backtest_table
from placeplan.methodology import OWN, statement
from placeplan.results import StageResult, digest, read_stage, read_summary, write_stage
from placeplan.study import Study
from placeplan.words import counted


def forecast_stage(study: Study) -> StageResult:
    """Tables forecast, forecast_phase, forecast_area, forecast_authority, forecast_authority_phase; terms besides.

    `housing_terms` and `adjusted` stand there where the study has housing and adjustments: every pupil that was added
    or taken away has a name. The methodology statement is methodology.md.
    """
    settings, tables = study.settings, study.tables
    result = forecast_pupils(
        tables["pupils"],
        tables["births"],
        tables["localities"],
        base_year=settings.base_year,
        horizon_years=settings.horizon_years,
        policy=study.policy,
        housing=tables.get("housing"),
        adjustments=tables.get("adjustments"),
    )
    made = {
        "forecast": result.table,
        "forecast_phase": result.phase,
        "forecast_area": result.area,
        "forecast_authority": result.authority,
        "forecast_authority_phase": result.authority_phase,
    }
    notes = [*result.notes, *study.boundaries]
    if "adjustments" in tables:
        made["adjusted"], said = adjusted_cells(result.table, tables["adjustments"])
        notes += said
    if "housing" in tables:
        made["housing_terms"] = _housing(study, result.table)
    errors = pooled(_errors(study, result.tested.past))
    return StageResult(
        tables=made,
        pages={"methodology.md": statement(study, notes, errors)},
        summary={
            "status": "done",
            "interval_coverage": result.interval_coverage,
            "estimated": study.estimated,
            "fallbacks": list(dict.fromkeys(notes)),
            "warnings": [f"{counted(len(set(notes)), 'note')} on data, fallbacks and intervals: see methodology.md."],
        },
    )


def _housing(study: Study, forecast: pd.DataFrame) -> pd.DataFrame:
    """Pupils of new homes by term: as planned, not certain, already in the trend, moved within the study."""
    codes = study.tables["localities"]["locality"].tolist()
    base = start_year(study.settings.base_year)
    starts = base + 1 + np.arange(study.settings.horizon_years)
    groups = tuple(dict.fromkeys(forecast["year_group"]))
    terms, _ = housing_terms(study.tables["housing"], codes, base, starts, groups, study.policy)
    return housing_table(terms, codes, starts, groups)


def _past(study: Study) -> tuple[PupilCube, BirthSeries]:
    localities = study.tables["localities"]
    codes = localities["locality"].tolist()
    cube = pupil_cube(study.tables["pupils"], codes, study.settings.base_year)
    return replace(cube, groups=locality_groups(localities)), birth_series(study.tables["births"], codes)


def _errors(study: Study, past: PastForecasts) -> pd.DataFrame:
    """Errors by level of the forecast and, from the same origins, of naive, smoothed and 3:2:1 forecasts."""
    cube, series = _past(study)
    areas = planning_areas(study.tables["localities"], past.year_groups)
    others = past_baselines(cube, series, study.policy, past.forecast.shape[2])
    errors = [accuracy(past, areas, OWN, study.policy)]
    errors += [accuracy(other, areas, name) for name, other in others.items()]
    return pd.concat([rows for rows in errors if len(rows)] or errors[:1], ignore_index=True)


def backtest_stage(study: Study) -> StageResult:
    """Tables backtest (every cell), accuracy (by level, phase, method, origin and horizon) and published.

    `accuracy` sets the forecast beside naive, smoothed and 3:2:1 forecasts from the same origins; `published` is how
    far authorities' own published forecasts were out.
    """
    cube, series = _past(study)
    years = study.settings.horizon_years
    past = past_forecasts(cube, series, study.policy, years)
    tested = backtest_table(past, list(cube.localities), study.policy)
    published = packaged_csv("published_accuracy.csv")
    figures = [column for column in published.columns if column not in ("phase", "source")]
    warnings = [] if len(tested) else ["There are too few years of pupils to test a forecast against an outturn."]
    return StageResult(
        tables={
            "backtest": tested,
            "accuracy": _errors(study, past),
            "published": published.astype(dict.fromkeys(figures, float)),
        },
        summary={"status": "done", "estimated": study.estimated, "warnings": warnings},
    )


def draws_result(study: Study, forecast: pd.DataFrame, n_draws: int, seed: int = 0) -> StageResult:
    """Table draws (planning_area, academic_year, year_group, draw, pupils): joint draws round the forecast's means.

    Errors are shared between year groups, years and localities as past errors were. The seed gives the draws again.
    """
    drawn = study_draws(study, forecast, n_draws, seed)
    return StageResult(
        tables={"draws": drawn.draws.area_table(drawn.years, drawn.year_groups)},
        summary={"status": "done", "draws": n_draws, "seed": seed},
    )


@dataclass(frozen=True, eq=False)
class StudyDraws:
    """Joint draws of a study's forecast and what their axes stand for."""

    draws: Draws  # (N, localities, years, year_groups)
    localities: tuple[str, ...]
    years: tuple[str, ...]  # after the base year
    year_groups: tuple[str, ...]


def study_draws(study: Study, forecast: pd.DataFrame, n_draws: int, seed: int = 0) -> StudyDraws:
    """Draws round the means of the table `forecast`, with errors as large and as shared as past ones were."""
    cube, series = _past(study)
    past = past_forecasts(cube, series, study.policy, study.settings.horizon_years)
    labels = sorted(set(forecast["academic_year"]))[1:]
    mean = _means(forecast, list(cube.localities), labels, list(past.year_groups))
    areas = planning_areas(study.tables["localities"], past.year_groups)
    draws = Draws(mean, fit_error_model(past, study.policy, areas, mean), areas, seed, n_draws)
    return StudyDraws(draws, tuple(cube.localities), tuple(labels), tuple(past.year_groups))


def _means(
    forecast: pd.DataFrame, localities: Sequence[str], years: Sequence[str], groups: Sequence[str]
) -> np.ndarray:
    wide = forecast.set_index(["locality", "academic_year", "year_group"])["mean"]
    index = pd.MultiIndex.from_product([localities, years, groups])
    means = wide.reindex(index).fillna(0.0).to_numpy(dtype=float)
    return np.asarray(means).reshape(len(localities), len(years), len(groups))


def write_draws(folder: Path, scenario: str, n_draws: int, seed: int) -> Path:
    """Make the draws of a study whose forecast has been run and write them to results/SCENARIO/draws."""
    study = Study.open(folder, scenario)
    made_from = {"forecast": (read_summary(study.results / "forecast") or {}).get("fingerprint"), "seed": seed}
    forecast = read_stage(study.results / "forecast", "forecast")
    target = study.results / "draws"
    write_stage(target, draws_result(study, forecast, n_draws, seed), {"fingerprint": digest(made_from), **made_from})
    return target


def backtest_lines(folder: Path, scenario: str, origins: str, horizons: str) -> list[str]:
    """The stored backtest in lines: error, bias and coverage by phase, horizon and level, beside other methods.

    BadInput where an origin or a horizon is not in the backtest.
    """
    study = Study.open(folder, scenario)
    stage = study.results / "backtest"
    errors = read_stage(stage, "accuracy")
    published = read_stage(stage, "published").set_index(["phase", "horizon_years"])["mean_absolute_error"]
    wanted = _asked(origins, sorted(set(errors["origin"])), "--origins")
    ahead = [int(h) for h in _asked(horizons, [str(h) for h in sorted(set(errors["horizon_years"]))], "--horizons")]
    means = pooled(errors, wanted)
    means = means[means["horizon_years"].isin(ahead)]
    if means.empty:
        return []
    lines = ["", f"Forecasts from {', '.join(wanted)} against what came"]
    for (phase, years), rows in means.groupby(["phase", "horizon_years"]):
        lines += ["", f"{phase}, {counted(int(years), 'year')} ahead"]
        own = rows[rows["method"] == OWN]
        lines += [
            f"  {row.level:15} error {row.error:7.2%}   bias {row.bias:+7.2%}   {_held(row.coverage)}"
            for row in own.itertuples()
        ]
        others = rows[(rows["method"] != OWN) & (rows["level"] == AUTHORITY)].sort_values("error")
        beside = ", ".join(f"{row.method} {row.error:.2%}" for row in others.itertuples())
        lines.append(f"  {AUTHORITY} by    {beside}")
        if (phase, years) in published.index:
            lines.append(f"  England's authorities themselves, 2023–2025: {published[phase, years]:.2%} on average")
    return [
        *lines,
        "",
        "Error: sum of absolute errors ÷ pupils, of phase totals (last row: of single year groups). Bias above 0: too",
        "many were forecast. Held: outturns between p10 and p90 as known at the time. Authorities' own forecasts are",
        "of mainstream schools only and carry planning prudence.",
    ]


def _held(coverage: float) -> str:
    return "not judged: too little history" if np.isnan(coverage) else f"held {coverage:4.0%}"


def _asked(text: str, known: Sequence[str], option: str) -> list[str]:
    """The values asked for, all of them when blank; those not known are bad input."""
    asked = [part.strip() for part in text.split(",") if part.strip()]
    if option == "--horizons":
        asked = [part for part in asked if part in known or not part.isdigit()] or list(known)
    wrong = [part for part in asked if part not in known]
    if wrong:
        raise BadInput([Problem(option, f"{part} is not in the backtest.", nearest(part, known)) for part in wrong])
    return asked or list(known)
