"""How accurate past forecasts were, measured as the published scorecards measure it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import PHASES
from models.uncertainty import FROM_ERRORS, PastForecasts


def accuracy(backtested: pd.DataFrame) -> pd.DataFrame:
    """Errors of phase totals by phase and horizon, as the published scorecards measure them.

    Columns: phase, horizon_years, locality_error and authority_error (mean absolute, share of the outturn),
    authority_bias (signed: positive is too many), coverage (share of year-group outturns between p10 and p90, where
    the interval came from errors known then; NaN where none did), outturns.
    """
    phases = {group: phase for phase, groups in PHASES.items() for group in groups}
    rows = backtested.assign(phase=backtested["year_group"].map(phases)).dropna(subset="phase")
    key = ["phase", "horizon_years"]
    totals = rows.groupby([*key, "origin", "locality"])[["forecast", "actual"]].sum()
    whole = totals.groupby([*key, "origin"]).sum()

    def share(sums: pd.DataFrame) -> pd.Series:
        sums = sums[sums["actual"] > 0]
        return (sums["forecast"] - sums["actual"]) / sums["actual"]

    judged = rows[rows["interval_from"] == FROM_ERRORS]
    return pd.DataFrame(
        {
            "locality_error": share(totals).abs().groupby(key).mean(),
            "authority_error": share(whole).abs().groupby(key).mean(),
            "authority_bias": share(whole).groupby(key).mean(),
            "coverage": judged["actual"].between(judged["p10"], judged["p90"]).groupby(
                [judged["phase"], judged["horizon_years"]]
            ).mean(),
            "outturns": rows.groupby(key).size(),
        }
    ).reset_index()  # fmt: skip


def method_errors(past: PastForecasts, method: str) -> pd.DataFrame:
    """Errors of one method's phase totals from arrays alone, for methods side by side on the same origins.

    Columns: method, phase, horizon_years, authority_error, authority_bias, locality_error, origins. A cell counts where
    both its forecast and its outturn are known; a total of zero pupils is left out.
    """
    localities, whole = past.of_phases(), past.of_authority().of_phases()
    rows = []
    for p, phase in enumerate(localities.year_groups):
        for h in range(localities.forecast.shape[2]):
            error = _relative(whole, h, p)
            if not error.size:
                continue
            rows.append(
                {
                    "method": method,
                    "phase": phase,
                    "horizon_years": h + 1,
                    "authority_error": float(np.abs(error).mean()),
                    "authority_bias": float(error.mean()),
                    "locality_error": float(np.abs(_relative(localities, h, p)).mean()),
                    "origins": int(error.size),
                }
            )
    columns = ["method", "phase", "horizon_years", "authority_error", "authority_bias", "locality_error", "origins"]
    return pd.DataFrame(rows, columns=columns)


def _relative(past: PastForecasts, horizon: int, phase: int) -> np.ndarray:
    forecast, actual = past.forecast[:, :, horizon, phase], past.actual[:, :, horizon, phase]
    known = np.isfinite(forecast) & np.isfinite(actual) & (actual > 0)
    return np.asarray((forecast[known] - actual[known]) / actual[known])
