"""Tables of earlier stages that the estate rests on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from placeplan.results import read_stage


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
