"""What the report's papers are written from: a study's words and the tables of its stages, as they were written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.policy import Policy
from geodata.years import add_years, start_year
from models.powers import holder
from placeplan.results import read_stage
from placeplan.study import Study

Row = dict[str, Any]
STORED = {
    "forecast": ("forecast_authority_phase",),
    "backtest": ("accuracy",),
    "balance": ("roll_forecast", "balance", "deficits"),
    "estate": (
        "decisions", "decisions_alone", "calendar", "capital", "contributions_left", "options", "allocation",
        "unplaced", "retained", "send_units", "grounds", "closure_effects", "closure_receiving", "closure_keeping",
        "closure_stability", "pockets", "transport", "displaced", "does_not_fit", "frontier",
    ),
    "tender": ("bids_ranked", "award_sets"),
    "clusters": ("clusters", "trusts", "cluster_closing"),
}  # fmt: skip
NAMED = 3  # schools named before the rest are counted
DECISION = ("facility", "action", "academic_year")
INPUTS = ("schools", "sites", "competitions", "bids", "rural_factors", "rolls")


@dataclass(frozen=True)
class Facts:
    """One scenario as the papers see it.

    Attributes
    ----------
    plan_date : day from which the plan can be acted on, as 2022-09-01.
    stored : tables of the stages by name; a table that is not there counts as one without rows.
    inputs : the study's own tables, `INPUTS`.
    summaries : by stage.
    modelled : distances are straight lines × a detour factor.

    """

    authority: str
    base_year: str
    horizon_years: int
    plan_date: str
    policy: Policy
    stored: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    inputs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    modelled: bool = False

    @classmethod
    def read(cls, study: Study, results: Path, summaries: Mapping[str, Mapping[str, Any]]) -> Facts:
        """The tables of the stages in `summaries`, as far as they are there."""
        stored = {
            name: read_stage(results / stage, name)
            for stage, names in STORED.items()
            if stage in summaries
            for name in names
            if (results / stage / f"{name}.parquet").exists()
        }
        first = f"{start_year(study.settings.base_year)}-09-01"
        return cls(
            study.settings.authority or study.settings.name,
            study.settings.base_year,
            study.settings.horizon_years,
            str(summaries.get("estate", {}).get("plan_date") or first),
            study.policy,
            stored,
            {name: study.tables[name] for name in INPUTS if name in study.tables},
            summaries,
            study.approximate,
        )

    @property
    def last_year(self) -> str:
        """The last plan year."""
        return add_years(self.base_year, self.horizon_years)

    def rows(self, name: str, **where: object) -> list[Row]:
        """Rows of a stored table whose columns equal `where`, with None for what is not there."""
        if name not in self._known:
            self._known[name] = rows_of(self.stored.get(name), {})
        return [row for row in self._known[name] if all(row[column] == value for column, value in where.items())]

    def one(self, name: str, **where: object) -> Row:
        """The first of such rows; {} where there is none."""
        return next(iter(self.rows(name, **where)), {})

    def school(self, key: str) -> Row:
        """A school's row of the inputs by its URN as text; {} for a site."""
        return self._schools.get(key, {})

    def site(self, key: str) -> Row:
        """A candidate site's row of the inputs by its code; {} where there is none."""
        return next(iter(rows_of(self.inputs.get("sites"), {"site": key})), {})

    def steps(self, row: Mapping[str, Any]) -> list[Row]:
        """Steps of a decision in the statutory and admissions calendar, the earliest first."""
        return self._steps.get(tuple(row[name] for name in DECISION), [])

    @cached_property
    def _known(self) -> dict[str, list[Row]]:
        return {}

    @cached_property
    def _schools(self) -> dict[str, Row]:
        return {str(row["urn"]): row for row in rows_of(self.inputs.get("schools"), {})}

    @cached_property
    def _steps(self) -> dict[tuple[Any, ...], list[Row]]:
        found: dict[tuple[Any, ...], list[Row]] = {}
        for step in self.rows("calendar"):
            found.setdefault(tuple(step[name] for name in DECISION), []).append(step)
        return found

    def holder(self, key: str) -> str:
        """Who runs a school, as `models.powers.holder` says."""
        return holder(self.school(key).get("type"))


def rows_of(table: pd.DataFrame | None, where: Mapping[str, object]) -> list[Row]:
    """Rows of a table as dicts, with None for NaN, NaT and NA."""
    if table is None or not len(table):
        return []
    for name, value in where.items():
        table = table[table[name] == value]
    whole = table.drop(columns="geometry", errors="ignore").astype(object)
    whole = whole.where(whole.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in whole.to_dict("records")]


def names(rows: Collection[Mapping[str, Any]]) -> str:
    """Names of some rows: "A", "A and B", "A, B and C"."""
    return listed([str(row["name"]) for row in rows])


def listed(words: Collection[str]) -> str:
    """Words as a sentence lists them."""
    said = list(words)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else ""


def short_names(words: Collection[str]) -> str:
    """A few names, and how many more there are."""
    said = list(words)
    more = len(said) - NAMED
    return listed(said) if more <= 0 else f"{', '.join(said[:NAMED])} and {more} more"
