"""What differs between two scenarios, plans or studies: tables, sentences and a page of maps.

Tables are made by pure functions of two sides (`demand`, `plans`, `measures`); a stage
that one side lacks is said and leaves its table empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from placeplan.comparison.demand import balance_differences, forecast_differences, retained_differences, unmatched
from placeplan.comparison.measures import measure_differences, origin_differences, why_not_comparable
from placeplan.comparison.names import folder_name, named, sides_of
from placeplan.comparison.plans import cluster_differences, decision_differences, finance_differences
from placeplan.comparison.sides import STAGE_WORDS, Side
from placeplan.comparison.words import measure_lines, sentences
from placeplan.results import StageResult, add_csv, write_stage
from placeplan.study import Study

COMPARE = "compare"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sides and the tables that tell them apart.

    Attributes
    ----------
    tables : differences (headline measures), origins, decisions, balance, forecast, retained, clusters, finance and
        unmatched; differences are `b` less `a`. Of decisions, clusters, finance and origins there are only rows that
        differ.
    missing : what one side has no results of, in sentences.
    names : of schools, sites and localities by their identifier as text.

    """

    a: Side
    b: Side
    tables: Mapping[str, pd.DataFrame]
    missing: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing at all differs, in whatever both have."""
        differing = [
            self.tables[name]["difference"].fillna(0.0).any() for name in ("forecast", "retained", "differences")
        ]
        differing += [len(self.tables[name]) > 0 for name in ("decisions", "clusters", "finance", "unmatched")]
        balance = self.tables["balance"]
        return not any([*differing, balance[["need_difference", "spare_difference"]].any(axis=None)])

    @property
    def sentences(self) -> list[str]:
        """What differs in plain words."""
        return sentences(self)

    def called(self, key: str) -> str:
        """The name of a school, site or locality; its identifier where the study knows none."""
        return self.names.get(key, key)

    def as_json(self) -> dict[str, Any]:
        """For machines: names, sentences and every row of the tables that are about differences."""
        shown = ("differences", "origins", "decisions", "clusters", "finance", "unmatched")
        records = {name: _records(self.tables[name]) for name in shown}
        return {"a": self.a.name, "b": self.b.name, "same": self.same, "sentences": self.sentences, **records}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def compared(a: Side, b: Side, names: Mapping[str, str] | None = None) -> Comparison:
    """Everything in which two sides differ."""
    called = dict(names or {})
    forecast = forecast_differences(a, b)
    local = forecast["level"] == "locality"
    forecast["name"] = forecast["place"].where(~local, forecast["place"].map(lambda key: called.get(key, key)))
    origins = origin_differences(a, b)
    tables = {
        "differences": measure_differences(a, b, costs_compare=not why_not_comparable(a, b, origins)),
        "origins": origins,
        "decisions": decision_differences(a, b),
        "balance": balance_differences(a, b),
        "forecast": forecast,
        "retained": retained_differences(a, b),
        "clusters": cluster_differences(a, b, called),
        "finance": finance_differences(a, b),
        "unmatched": unmatched(a, b),
    }
    return Comparison(a, b, tables, stages_not_compared(a, b), called)


def stages_not_compared(a: Side, b: Side) -> list[str]:
    """What is not compared for want of results, the stages together that lack them for one reason."""
    reasons: dict[str, list[str]] = {}
    for stage, words in STAGE_WORDS.items():
        lacking = [side for side in (a, b) if stage not in side.summaries]
        if len(lacking) == 2:
            reasons.setdefault("neither has results of them.", []).append(words)
        elif lacking:
            reasons.setdefault(lacking[0].missing.get(stage, "there are no results of them."), []).append(words)
    return [f"Not compared: {', '.join(words)}: {why}" for why, words in reasons.items()]


def study_names(study: Study) -> dict[str, str]:
    """Names of a study's localities, sites and schools by their identifier as text."""
    names: dict[str, str] = {}
    for table, key in (("localities", "locality"), ("sites", "site"), ("schools", "urn")):
        if table in study.tables:
            own = study.tables[table]
            names |= dict(zip(own[key].astype(str), own["name"].astype(str), strict=True))
    return names


def compare(study: Study, given: Sequence[str], *, csv: bool = False) -> tuple[Comparison, Path]:
    """Compare two named things of a study and write results/compare/A--B; BadInput before anything is written."""
    from placeplan.comparison.page import PAGE, comparison_pages

    a, b = sides_of(study, named(study, given))
    told = compared(a, b, study_names(study))
    folder = study.folder / "results" / COMPARE / folder_name(given)
    result = StageResult(
        tables=dict(told.tables),
        pages=comparison_pages(study, told),
        summary={"status": "done", "a": a.name, "b": b.name, "same": told.same, "sentences": told.sentences,
                 "warnings": list(told.missing)},
    )  # fmt: skip
    write_stage(folder, result, {"a": {"given": given[0], **a.origin()}, "b": {"given": given[1], **b.origin()}})
    if csv:
        add_csv(folder)
    return told, folder / PAGE


def comparison_lines(told: Comparison, page: Path) -> list[str]:
    """The comparison as it is read on a screen."""
    return [
        *told.sentences,
        "",
        *measure_lines(told.tables["differences"], told.a.name, told.b.name),
        "",
        f"Page: {page}",
    ]
