"""The forecast and backtest stages: how many pupils, where, and how far past forecasts were out."""

from __future__ import annotations

from models.accuracy import accuracy
from models.forecast import forecast_pupils
from models.uncertainty import backtest
from placeplan.results import StageResult
from placeplan.study import Study


def forecast_stage(study: Study) -> StageResult:
    """Tables forecast, forecast_phase, forecast_area, forecast_authority, forecast_authority_phase."""
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
    return StageResult(
        tables={
            "forecast": result.table,
            "forecast_phase": result.phase,
            "forecast_area": result.area,
            "forecast_authority": result.authority,
            "forecast_authority_phase": result.authority_phase,
        },
        summary={
            "status": "done",
            "interval_coverage": result.interval_coverage,
            "estimated": study.estimated,
            "fallbacks": result.notes,
        },
    )


def backtest_stage(study: Study) -> StageResult:
    """Tables backtest (every cell) and accuracy (by phase and horizon)."""
    settings, tables = study.settings, study.tables
    tested = backtest(
        tables["pupils"],
        tables["births"],
        tables["localities"],
        base_year=settings.base_year,
        horizon_years=settings.horizon_years,
        policy=study.policy,
    )
    warnings = [] if len(tested) else ["There are too few years of pupils to test a forecast against an outturn."]
    return StageResult(
        tables={"backtest": tested, "accuracy": accuracy(tested)},
        summary={"status": "done", "estimated": study.estimated, "warnings": warnings},
    )
