"""The tables of a comparison as HTML, each folded under its caption."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pandas as pd

from placeplan.comparison.plans import ONLY_A, ONLY_B
from placeplan.comparison.words import number, with_unit
from placeplan.words import counted, money

if TYPE_CHECKING:
    from placeplan.comparison.stage import Comparison


def tables_html(told: Comparison) -> str:
    """Every table of the comparison that has something to say, as HTML with its texts escaped."""
    makers = (_measures, _decisions, _origins, _clusters, _finance, _balance, _areas, _retained)
    return "\n".join(_folded(*make(told), unfolded=make is _measures) for make in makers)


def _folded(caption: str, table: pd.DataFrame, heads: int, numbers: Collection[str], *, unfolded: bool = False) -> str:
    """The table to be unfolded at its caption; "" where it has no row."""
    from maps.tables import folded, html_table

    if table.empty:
        return ""
    return folded(
        html_table(table, caption, row_heads=heads, numbers=numbers),
        f"{caption.split(';')[0]} ({counted(len(table), 'row')})",
        unfolded=unfolded,
    )


Shown = tuple[str, pd.DataFrame, int, list[str]]


def _heads(told: Comparison) -> tuple[str, str]:
    return told.a.name, told.b.name


def _measures(told: Comparison) -> Shown:
    a, b = _heads(told)
    rows = []
    for row in told.tables["differences"].itertuples():
        figures = [with_unit(value, row.unit) for value in (row.a, row.b)]
        ranges = [(row.a_p10, row.a_p90), (row.b_p10, row.b_p90)]
        figures = [
            f"{figure} ({low:,.0f}–{high:,.0f})" if pd.notna(low) else figure
            for figure, (low, high) in zip(figures, ranges, strict=True)
        ]
        rows.append((row.measure, row.academic_year or "–", *figures, with_unit(row.difference, row.unit, signed=True)))
    table = pd.DataFrame(rows, columns=["Measure", "Year", a, b, "Difference"])
    caption = "The two side by side; in brackets the likely range, eight outcomes in ten; money is real GBP"
    return caption, table, 1, [a, b, "Difference"]


def _origins(told: Comparison) -> Shown:
    a, b = _heads(told)
    table = told.tables["origins"].rename(columns={"kind": "Kind", "name": "What", "unit": "Unit", "a": a, "b": b})
    return "What the two were made from, so far as it differs", table.replace("", "–"), 2, []


def _decisions(told: Comparison) -> Shown:
    a, b = _heads(told)
    rows = []
    for row in told.tables["decisions"].itertuples():
        lines = [_decision(told, *(getattr(row, f"{name}_{side}") for name in DECISION)) for side in "ab"]
        rows.append((f"{row.name} ({row.facility})", differs_words(told, row.differs), *lines))
    caption = "Schools and sites that are decided otherwise, with the reason"
    return caption, pd.DataFrame(rows, columns=["School or site", "Differs", a, b]), 1, []


DECISION = ("action", "academic_year", "partner", "places_before", "places_after", "cost_gbp", "probability", "reason")


def _decision(
    told: Comparison,
    action: object,
    year: object,
    partner: object,
    before: float,
    after: float,
    cost_gbp: float,
    probability: float,
    reason: object,
) -> str:
    if not isinstance(action, str):
        return "stays as it is"
    beside = f" with {told.called(partner)}" if isinstance(partner, str) and partner else ""
    some = "" if probability > 0.999 else f", in {100 * probability:.0f} % of futures"
    cost = "" if pd.isna(cost_gbp) else f", {'costs' if cost_gbp >= 0 else 'saves'} {money(abs(cost_gbp))}"
    why = f". {reason}." if isinstance(reason, str) and reason else ""
    return f"{action}{beside} from {year}: places {before:,.0f} → {after:,.0f}{cost}{some}{why}"


def differs_words(told: Comparison, differs: str) -> str:
    """How a row differs, with the names of the sides for first and second."""
    return {ONLY_A: f"only in {told.a.name}", ONLY_B: f"only in {told.b.name}"}.get(differs, differs)


def _clusters(told: Comparison) -> Shown:
    a, b = _heads(told)
    rows = [
        (
            f"{row.name} ({row.urn})",
            differs_words(told, row.differs),
            *(
                _place(getattr(row, f"role_{side}"), getattr(row, f"with_{side}"), getattr(row, f"trust_{side}"))
                for side in "ab"
            ),
        )
        for row in told.tables["clusters"].itertuples()
    ]
    return (
        "Schools that stand otherwise in clusters and trusts",
        pd.DataFrame(rows, columns=["School", "Differs", a, b]),
        1,
        [],
    )


def _place(role: object, beside: object, trust: object) -> str:
    if not isinstance(role, str):
        return "not in the plan"
    said = f"{role} with {beside}" if isinstance(beside, str) and beside else role
    return f"{said}; trust: {trust}" if isinstance(trust, str) and trust else f"{said}; no trust"


def _finance(told: Comparison) -> Shown:
    a, b = _heads(told)
    own = told.tables["finance"]
    table = pd.DataFrame(
        {
            "School": [f"{name} ({urn})" for name, urn in zip(own["name"], own["urn"], strict=True)],
            "Reckoned": own["basis"],
            f"First deficit, {a}": own["first_deficit_a"].replace("", "none"),
            f"First deficit, {b}": own["first_deficit_b"].replace("", "none"),
            f"Balance in the last year, {a}": [money(value) for value in own["balance_a_gbp"]],
            f"Balance in the last year, {b}": [money(value) for value in own["balance_b_gbp"]],
        }
    )
    return "Schools that are in deficit at some time in one only", table, 2, list(table.columns[4:])


def _balance(told: Comparison) -> Shown:
    a, b = _heads(told)
    own = told.tables["balance"]
    own = own[own[["need_difference", "spare_difference"]].any(axis=1)]
    table = pd.DataFrame({"Planning area": own["planning_area"], "Phase": own["phase"], "Year": own["academic_year"]})
    for cell, words in (("need", "Short"), ("spare", "Spare")):
        for side, name in (("a", a), ("b", b)):
            table[f"{words}, {name}"] = [number(value, "") for value in own[f"{cell}_{side}"]]
        table[f"{words}, difference"] = [number(value, "", signed=True) for value in own[f"{cell}_difference"]]
    return (
        "Places short and spare before any decision, where they differ; never set off against each other",
        table,
        3,
        list(table.columns[3:]),
    )


def _areas(told: Comparison) -> Shown:
    forecast = told.tables["forecast"]
    own = forecast[(forecast["level"] == "planning area") & (forecast["difference"] != 0)]
    own = own[own["academic_year"] == own["academic_year"].max()] if len(own) else own
    table = _forecast_rows(told, own, "Planning area")
    return (
        "Forecast pupils of planning areas in the last year of both, where they differ",
        table,
        3,
        list(table.columns[3:6]),
    )


def _forecast_rows(told: Comparison, own: pd.DataFrame, head: str) -> pd.DataFrame:
    a, b = _heads(told)
    table = pd.DataFrame({head: own["name"], "Phase": own["phase"], "Year": own["academic_year"]})
    for side, name in (("a", a), ("b", b)):
        spans = zip(own[f"mean_{side}"], own[f"p10_{side}"], own[f"p90_{side}"], strict=True)
        table[name] = [f"{mean:,.0f} ({low:,.0f}–{high:,.0f})" for mean, low, high in spans]
    table["Difference"] = [number(value, "", signed=True) for value in own["difference"]]
    table[f"Within the range of {a}"] = own["b_within_a"].map({True: "yes", False: "no"})
    return table


def _retained(told: Comparison) -> Shown:
    a, b = _heads(told)
    own = told.tables["retained"]
    own = own[own["difference"] != 0]
    table = pd.DataFrame(
        {
            "Planning area": own["planning_area"],
            "Phase": own["phase"],
            "Counted": own["kind"],
            "Year": own["academic_year"],
        }
    )
    for column, words in (("asked", "Asked"), ("plan", "Places")):
        for side, name in (("a", a), ("b", b)):
            table[f"{words}, {name}"] = [number(value, "") for value in own[f"{column}_{side}"]]
    table["Difference"] = [number(value, "", signed=True) for value in own["difference"]]
    return (
        "Places that policy asks for and that each plan keeps, where the plans differ",
        table,
        4,
        list(table.columns[4:]),
    )


def by_year_html(told: Comparison, *, with_balance: bool) -> str:
    """The numbers of the map of differences: localities by year where anything differs, and planning areas."""
    forecast = told.tables["forecast"]
    local = forecast[forecast["level"] == "locality"]
    local = local[local.groupby(["place", "phase"])["difference"].transform(lambda more: more.abs().max() > 0)]
    parts = []
    if len(local):
        said = [
            f"{a:,.0f} → {b:,.0f} ({number(more, '', signed=True)})"
            for a, b, more in zip(local["mean_a"], local["mean_b"], local["difference"], strict=True)
        ]
        by_place = local.assign(said=said)
        keys = ["place", "name", "phase"]
        wide = by_place.pivot_table(index=keys, columns="academic_year", values="said", aggfunc="first")
        wide = wide.fillna("–").reset_index().drop(columns="place")
        wide = wide.rename(columns={"name": "Locality", "phase": "Phase"})
        caption = f"Forecast pupils of localities, {told.a.name} → {told.b.name}, and the difference"
        parts.append(_folded(caption, wide, 2, list(wide.columns[2:]), unfolded=with_balance))
    if with_balance:
        parts.append(_folded(*_balance(told), unfolded=True))
    return "\n".join(parts)
