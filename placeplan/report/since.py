"""What changed since last year's study, as the report shows it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from placeplan.comparison.changed_since import STATUSES, since_last_year
from placeplan.study import Study


def since_contents(study: Study) -> dict[str, Any] | None:
    """Sentences, last year's forecast against what came, both forecasts, decisions; None without last year's study."""
    since = since_last_year(study)
    if since is None:
        return None
    return {
        "previous": since.previous,
        "base_year": since.base_year,
        "sentences": list(since.sentences),
        "outturn": since.outturn.to_dict("records"),
        "forecast": since.forecast.to_dict("records"),
        "decisions": [_decision(row) for row in since.decisions.to_dict("records")],
        "unchanged": since.unchanged,
    }


def _decision(row: dict[str, Any]) -> dict[str, str]:
    return {
        "name": str(row["name"]),
        "status": STATUSES[row["status"]],
        "before": _words(row, "a"),
        "now": _words(row, "b"),
    }


def _words(row: dict[str, Any], side: str) -> str:
    """A decision of one study in a few words; blank where it has none."""
    action = row.get(f"action_{side}")
    if action is None or pd.isna(action):
        return ""
    return f"{action}, {row[f'academic_year_{side}']}, to {row[f'places_after_{side}']:,.0f} places"
