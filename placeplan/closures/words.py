"""What is said of a closing alike in the report and in `explain`: the four factors, faith, disadvantage and needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geodata.small_numbers import told_count

FACTOR_NAMES = {
    "community": "effect on the local community",
    "transport": "transport to other schools and its cost",
    "motor_vehicles": "increase in the use of motor vehicles",
    "alternatives": "alternatives to closing",
}
NEEDS = (
    ("fsm_pupils", "eligible for free school meals"),
    ("ehcp_pupils", "with an education, health and care plan"),
    ("sen_support_pupils", "with special educational needs without one"),
)


def factor_words(factors: pd.DataFrame | None, key: str) -> list[tuple[str, str]]:
    """What the authority writes of each of the four factors of a school, under its name; [] where it writes nothing."""
    if factors is None:
        return []
    mine = factors[factors["urn"].astype(str) == key]
    return [(words, str(mine[name].iloc[0])) for name, words in FACTOR_NAMES.items()] if len(mine) else []


def by_need(row: Mapping[str, Any], least: int = 0) -> list[str]:
    """Pupils of the closing school by disadvantage and special educational needs, in words; "not given" where so.

    `row` is one of the table closure_effects; counts below `least` are not told.
    """
    return [f"{words}: {told_count(row[name], least)}" for name, words in NEEDS]


def by_faith(receiving: pd.DataFrame) -> list[tuple[str, float]]:
    """Share of the displaced pupils by the religious character of the school they would go to, of closure_receiving."""
    shares = receiving.groupby("religious_character")["share"].sum().sort_values(ascending=False)
    return [("no religious character" if faith == "none" else str(faith), float(s)) for faith, s in shares.items()]
