"""One trust beside what other plans have in its place: its scorecard, and who pays and receives in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

PLANNED, TODAY = "planned", "today"
NEW = "new trust"
CAUSES = {  # flags that put a joiner last, in words
    "balance": "short of money",
    "condition": "urgent repairs",
    "PFI": "a PFI contract",
    "intervention": "in intervention",
}
Scorecard = Sequence[tuple[str, Sequence[tuple[str, str, str]]]]


def compared(
    scorecard: Scorecard, cards: pd.DataFrame, plans: pd.DataFrame, own: pd.Series, made: Mapping[str, str]
) -> dict[str, Any]:
    """Columns and rows of a trust's scorecard, the planned figures first, and what stands in its place elsewhere.

    `cards` are those of all plans, `plans` the schools of each (plan, urn, trust), `own` the planned card, `made` the
    words of the other plans by name. A trust of today is itself in every plan; a new one is compared with the trust
    that has most of its schools.
    """
    names = {PLANNED: str(own["trust"])} | ({} if own["kind"] == NEW else {TODAY: str(own["trust"])})
    notes = []
    for plan, words in made.items():
        names[plan], shared, whole = _in_place(plans, own, plan)
        if own["kind"] == NEW and names[plan]:
            notes.append({"plan": words, "trust": names[plan], "shared": shared, "whole": whole})
    columns = [{"plan": plan, "words": made.get(plan, plan.capitalize())} for plan in names]
    by_plan = {plan: _card(cards, plan, name) for plan, name in names.items()}
    rows: list[dict[str, Any]] = []
    for heading, measures in scorecard:
        rows.append({"heading": heading})
        rows += [
            {"heading": "", "words": words, "form": form, "values": [_value(card, key) for card in by_plan.values()]}
            for key, words, form in measures
        ]
    return {"columns": columns, "card": rows, "in_place": notes}


def _in_place(plans: pd.DataFrame, own: pd.Series, plan: str) -> tuple[str, int, int]:
    """The trust that stands in another plan where this one stands here, the schools they share, and this one's own."""
    if own["kind"] != NEW:
        return str(own["trust"]), 0, 0
    mine = set(plans.loc[(plans["plan"] == PLANNED) & (plans["trust"] == own["trust"]), "urn"])
    other = plans[(plans["plan"] == plan) & plans["trust"].notna() & plans["urn"].isin(mine)]
    shared = other.groupby("trust")["urn"].count()
    if shared.empty:
        return "", 0, len(mine)
    best = min(shared.index, key=lambda name: (-shared[name], name))
    return str(best), int(shared[best]), len(mine)


def _card(cards: pd.DataFrame, plan: str, trust: str) -> pd.Series | None:
    found = cards[(cards["plan"] == plan) & (cards["trust"] == trust)]
    return None if found.empty else found.iloc[0]


def _value(card: pd.Series | None, key: str) -> Any:
    value = None if card is None else card[key]
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else value


def with_causes(joining: pd.DataFrame, flags: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a trust's order of joining, each with what is to be looked into first and at which schools."""
    rows: list[dict[str, Any]] = joining.to_dict("records")
    for row in rows:
        inside = flags[flags["name"].map(lambda name, joins=row["joins"]: f", {name}, " in f", {joins}, ")]
        named = {
            words: list(dict.fromkeys(inside.loc[inside["flag"] == flag, "name"])) for flag, words in CAUSES.items()
        }
        row["causes"] = "; ".join(
            f"{words}: {', '.join(schools) if len(schools) < row['schools'] or row['schools'] == 1 else 'all of them'}"
            for words, schools in named.items()
            if schools
        )
    return rows


def pooling_shown(table: pd.DataFrame, trust: str) -> dict[str, Any] | None:
    """Who pays and receives in a trust, who is short first; None where nothing is pooled."""
    mine = table[table["trust"] == trust]
    if mine.empty:
        return None
    return {
        "schools": mine.sort_values(["pooled_gbp", "left_gbp"], ascending=[False, True]).to_dict("records"),
        "left_gbp": float(mine["left_gbp"].sum()),
    }
