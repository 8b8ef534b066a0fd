"""Policy values that mattered, and what is said of the data, as the report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geodata.policy import policy_items, shown
from placeplan.report.proof import policy_read
from placeplan.study import Study

PolicyRows = list[dict[str, Any]]


def policy_parts(study: Study, summaries: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, PolicyRows, bool]]:
    """Policy values with unit, status and source: those that results rest on, those changed first; then the others."""
    read = policy_read(study, summaries)
    values = sorted(_policy_values(study), key=lambda item: not item["changed"])
    mattered = [item for item in values if item["key"] in read]
    others = [item for item in values if item["key"] not in read]
    parts = [("Values on which these results rest; those the study changed are marked and come first", mattered, False)]
    return [part for part in [*parts, ("Values that no result here rests on", others, True)] if part[1]]


def _policy_values(study: Study) -> PolicyRows:
    """Every policy value with its unit, status and source, and whether the study changed it."""
    return [
        {
            "key": key,
            "meaning": item.meaning,
            "value": shown(study.policy.value(key)),
            "unit": item.unit,
            "status": item.status,
            "source": item.source,
            "changed": key in study.policy.overrides,
        }
        for key, item in policy_items().items()
    ]


def quality(study: Study, summaries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Gaps, fallbacks and warnings of every stage, each once, then what was said when the files were imported."""
    said = []
    if "housing" not in study.tables:
        said.append("No housing is given: pupils of new homes are in the forecast only as far as past years held such.")
    if "flows" not in study.tables and "schools" in study.tables:
        said.append("No counted journeys are given: who attends which school is modelled from distance and rolls.")
    said += [str(fallback) for fallback in study.fallbacks] + list(study.notes)
    for summary in summaries.values():
        said += [*summary.get("fallbacks", []), *summary.get("warnings", [])]
    return list(dict.fromkeys([*said, *study.import_account]))
