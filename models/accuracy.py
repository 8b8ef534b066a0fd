"""How accurate past forecasts were, measured as the published scorecards measure it."""

from __future__ import annotations

import pandas as pd

from geodata.years import PHASES
from models.uncertainty import FROM_ERRORS


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
