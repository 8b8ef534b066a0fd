"""Values of the school funding formula by year: national ones, a study's local ones laid over them.

A funding year is written like the academic year that starts in it: "2025/26" is April 2025 to March 2026 for a
maintained school and September 2025 to August 2026 for an academy. All values are told at the prices of one year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.fields import packaged_csv
from geodata.policy import Policy
from geodata.years import start_year

Array = NDArray[np.float64]
Known = Mapping[int, float]  # value by calendar year in which the funding year starts
FLOOR = "floor_change"


def national_values() -> dict[str, dict[int, float]]:
    """Every factor of geodata/funding_values.csv with its values by the year in which the funding year starts."""
    listed: dict[str, dict[int, float]] = {}
    for row in packaged_csv("funding_values.csv").to_dict("records"):
        listed.setdefault(row["factor"], {})[start_year(row["funding_year"])] = float(row["value"])
    return listed


@dataclass(frozen=True)
class FundingValues:
    """Factors of the formula and what they are worth in any year, in GBP of `price_year`.

    A year up to the price year has the price year's own values: earlier formulas lack grants that were rolled in since,
    and would read as a cut that never was. A later year has its own where they are known, brought to the price year by
    `price_growth`; beyond the last known year they change by `real_growth` a year.
    """

    known: Mapping[str, Known]
    local: tuple[str, ...]  # factors that are the study's own
    price_year: int
    price_growth: float
    real_growth: float

    def at(self, factor: str, starts: NDArray[np.int64]) -> Array:
        """Value (Y,) of a factor in the funding years that start in `starts`; the floor as a share in real terms."""
        own = self.known[factor]
        asked = np.maximum(starts, self.price_year)
        latest = np.array([max((year for year in own if year <= ask), default=min(own)) for ask in asked], dtype=int)
        nominal = np.array([own[year] for year in latest])
        if factor == FLOOR:
            real: Array = (1 + nominal) / (1 + self.price_growth) - 1
            return real
        # A value older than the price year is held, not inflated: nothing says that it grew.
        since = np.maximum(latest, self.price_year)
        at_price_year = nominal * (1.0 + self.price_growth) ** (self.price_year - since)
        worth: Array = at_price_year * (1.0 + self.real_growth) ** (asked - since)
        return worth


def funding_values(local: pd.DataFrame | None, policy: Policy) -> FundingValues:
    """Values that hold for a study: a factor that `local` (table funding_values) gives in any year is local throughout.

    National values of a later year do not follow a local one: nothing says that they would.
    """
    known: dict[str, Mapping[int, float]] = dict(national_values())
    given = _local(local, list(known))
    return FundingValues(
        known={**known, **given},
        local=tuple(given),
        price_year=start_year(policy.text("finance_price_year")),
        price_growth=policy.number("funding_price_growth"),
        real_growth=policy.number("funding_real_growth"),
    )


def _local(table: pd.DataFrame | None, factors: Sequence[str]) -> dict[str, dict[int, float]]:
    if table is None:
        return {}
    given = {}
    for factor in factors:
        rows = table[table[factor].notna()]
        if len(rows):
            starts = [start_year(year) for year in rows["funding_year"]]
            given[factor] = dict(zip(starts, rows[factor].astype(float), strict=True))
    return given
