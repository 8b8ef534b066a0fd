"""The two sides of a comparison: each a name and the tables that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from geodata.problems import BadInput, Problem
from placeplan.results import read_stage, read_summary

TABLES: Final = {
    "forecast": ("forecast_phase", "forecast_area", "forecast_authority_phase"),
    "balance": ("balance", "school_places"),
    "estate": ("decisions", "retained", "capital", "frontier"),
    "clusters": ("clusters",),
    "finance": ("finance", "finance_plan", "finance_schools"),
}
"""What is compared of each stage, so far as it is there."""
STAGE_WORDS: Final = {
    "forecast": "pupils forecast",
    "balance": "places before any decision",
    "estate": "decisions on schools and sites",
    "clusters": "clusters and trusts",
    "finance": "schools' money",
}
COMMANDS: Final = {
    "forecast": "forecast",
    "balance": "sufficiency",
    "estate": "run",
    "clusters": "cluster",
    "finance": "finance",
}
"""The command that makes the results of each stage."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of two things that are compared: a scenario, a plan of a frontier, a plan of clusters, another study.

    Attributes
    ----------
    name : as readers know it; the two of a comparison differ.
    tables : result tables by name, as in TABLES; those of a stage that is missing are not there.
    summaries : summary.json by stage of the stages that are there.
    missing : why a stage is not there ("them"), as a sentence, by stage.

    """

    name: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Whether all of these tables are there."""
        return all(name in self.tables for name in names)

    def origin(self) -> dict[str, Any]:
        """Fingerprint of every stage that the side rests on, by stage."""
        return {stage: summary.get("fingerprint") for stage, summary in self.summaries.items()}

    def settings(self) -> dict[str, Any]:
        """Settings and policy overrides from which the latest stage was made, as in `made_from`."""
        made = [(str(s.get("written", "")), s["made_from"]) for s in self.summaries.values() if "made_from" in s]
        return dict(max(made, key=lambda item: item[0])[1].get("settings", {})) if made else {}

    @property
    def base_year(self) -> str:
        """The latest year with counted pupils; "" where no summary says."""
        return str(self.settings().get("base_year", ""))


def stored_side(name: str, results: Path) -> Side:
    """The side that lies in a scenario's results; a stage without a summary is missing."""
    tables: dict[str, pd.DataFrame] = {}
    summaries: dict[str, Mapping[str, Any]] = {}
    missing: dict[str, str] = {}
    for stage, names in TABLES.items():
        summary = read_summary(results / stage)
        if summary is None:
            missing[stage] = f"{name} has no results of them: `placeplan {COMMANDS[stage]}` makes them."
            continue
        summaries[stage] = summary
        try:
            tables |= {
                one: read_stage(results / stage, one) for one in names if (results / stage / f"{one}.parquet").exists()
            }
        except (OSError, ValueError) as error:
            what = f"The results of {name} cannot be read: {error}."
            mend = f"`placeplan {COMMANDS[stage]}` in that study makes them again."
            raise BadInput([Problem(str(results / stage), what, mend)]) from error
    return Side(name, tables, summaries, missing)


def common_years(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Academic years that are in both tables, in order."""
    return sorted(set(a["academic_year"]) & set(b["academic_year"]))


def side_by_side(
    a: pd.DataFrame, b: pd.DataFrame, keys: list[str], values: list[str], *, how: str = "inner"
) -> pd.DataFrame:
    """Rows of both with `keys`, and each of the `values` as value_a and value_b; keys are unique on each side."""
    left, right = (table.reindex(columns=[*keys, *values]) for table in (a, b))
    return left.merge(right, on=keys, how=how, suffixes=("_a", "_b"), validate="one_to_one")
