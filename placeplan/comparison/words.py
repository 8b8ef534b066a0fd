"""A comparison in a few plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from geodata.policy import policy_items
from placeplan.comparison.measures import CLUSTER_COST, PHASE_WORDS, why_not_comparable
from placeplan.comparison.plans import ONLY_A, ONLY_B
from placeplan.words import counted, money

if TYPE_CHECKING:
    from placeplan.comparison.stage import Comparison

NAMED = 4  # schools, sites or areas named in a sentence
UNITS = {"per cent": "%", "km": "km", "minutes": "min"}
SAME = "= "  # before what is said of what does not differ
LEAST_SHOWN = 0.5  # pupils or places: less rounds to nothing


def sentences(told: Comparison) -> list[str]:
    """What differs, the most general first; what cannot be compared last."""
    parts = (_decisions(told), _demand(told), _balance(told), _costs(told), _clusters(told), _finance(told))
    lines = [line for part in parts for line in part]
    said = [line for line in lines if not line.startswith(SAME)]
    same = [line.removeprefix(SAME) for line in lines if line.startswith(SAME)]
    if told.same:
        said = [
            f"Nothing differs between {told.a.name} and {told.b.name} in anything that both have results of.",
            *said,
        ]
    if same:
        said.append(f"The same in both: {'; '.join(same)}.")
    return [*said, *_origins(told), *_unmatched(told), *told.missing]


def _demand(told: Comparison) -> Iterator[str]:
    table = told.tables["forecast"]
    if table.empty:
        return
    if not table["difference"].any():
        yield f"{SAME}pupils expected in every place and year of both"
        return
    whole = table[table["level"] == "authority"]
    for row in whole[whole["academic_year"] == whole["academic_year"].max()].itertuples():
        words = PHASE_WORDS.get(row.phase, row.phase)
        if abs(row.difference) < LEAST_SHOWN:
            yield f"{words} in {row.academic_year}: {row.mean_a:,.0f} in both."
            continue
        inside = "within" if row.b_within_a else "outside"
        yield (
            f"{words} in {row.academic_year}: {row.mean_a:,.0f} in {told.a.name}, {row.mean_b:,.0f} in {told.b.name}: "
            f"{more_or_fewer(row.difference)}, {inside} the likely range of {told.a.name} ({row.p10_a:,.0f} to "
            f"{row.p90_a:,.0f}, eight outcomes in ten)."
        )


def _balance(told: Comparison) -> Iterator[str]:
    table = told.tables["balance"]
    if table.empty:
        return
    changed = table[(table[["need_difference", "spare_difference"]].abs() >= LEAST_SHOWN).any(axis=1)]
    if changed.empty:
        yield f"{SAME}places short and spare in every planning area, before any decision"
        return
    last = changed[changed["academic_year"] == changed["academic_year"].max()]
    areas = counted(last["planning_area"].nunique(), "planning area")
    words = [f"Before any decision, places short or spare in {last['academic_year'].iloc[0]} differ in {areas}"]
    most = last.loc[last["need_difference"].abs().idxmax()]
    if abs(most["need_difference"]) >= LEAST_SHOWN:
        words.append(
            f"places short most in {most['planning_area']} ({most['phase']}): "
            f"{most['need_a']:,.0f} in {told.a.name}, {most['need_b']:,.0f} in {told.b.name}"
        )
    yield "; ".join(words) + "."


def _decisions(told: Comparison) -> Iterator[str]:
    if not (told.a.has("decisions") and told.b.has("decisions")):
        return
    table = told.tables["decisions"]
    if table.empty:
        count = told.a.tables["decisions"]["facility"].nunique()
        changing = f" ({count} change)" if count else " (none changes)"
        yield f"{SAME}what is decided for every school and site{changing}"
        return
    kinds = table.groupby("facility")["differs"].agg(lambda ways: ways.iloc[0] if len(set(ways)) == 1 else "otherwise")
    only_a, only_b = int((kinds == ONLY_A).sum()), int((kinds == ONLY_B).sum())
    parts = [
        f"{count} {words}"
        for count, words in (
            (only_a, f"decided only in {told.a.name}"),
            (only_b, f"decided only in {told.b.name}"),
            (len(kinds) - only_a - only_b, "in both but otherwise"),
        )
        if count
    ]
    names = table.drop_duplicates("facility")["name"].astype(str).tolist()
    sites = "school or site is" if len(kinds) == 1 else "schools and sites are"
    yield f"{len(kinds)} {sites} decided otherwise ({'; '.join(parts)}): {some(names)}."


def _costs(told: Comparison) -> Iterator[str]:
    summaries = [side.summaries.get("estate", {}) for side in (told.a, told.b)]
    if not all("objective" in summary for summary in summaries):
        return
    if reasons := why_not_comparable(told.a, told.b, told.tables["origins"]):
        yield f"The costs of the two plans of the estate cannot be set against each other: {'; '.join(reasons)}."
        return
    one, other = (float(summary["objective"]) for summary in summaries)
    if abs(other - one) < 1:
        yield f"{SAME}cost of the plan of the estate"
        return
    left_open = sum(float(summary["objective"]) - float(summary["bound"]) for summary in summaries)
    if abs(other - one) <= left_open:
        yield f"The costs of the two plans of the estate are {_unsettled(other - one, left_open)}"
        return
    cheaper, dearer = (told.a, told.b) if one < other else (told.b, told.a)
    yield (
        f"The plan of {cheaper.name} costs {money(abs(other - one))} less than that of {dearer.name}, at the same "
        "prices and for the same pupils; journeys of families are part of it, so it is not the council's money alone."
    )


def _clusters(told: Comparison) -> Iterator[str]:
    if not (told.a.has("clusters") and told.b.has("clusters")):
        return
    table = told.tables["clusters"]
    if table.empty:
        yield f"{SAME}clusters and trusts"
        return
    measures = told.tables["differences"].set_index("measure")["difference"]
    more = measures.get(CLUSTER_COST, float("nan"))
    broken = [side.summaries.get("clusters", {}).get("breaches", 0) for side in (told.a, told.b)]
    yield (
        f"{counted(len(table), 'school')} {'stands' if len(table) == 1 else 'stand'} otherwise in clusters or trusts: "
        f"{some(table['name'].astype(str).tolist())}."
    )
    proofs = [side.summaries.get("clusters", {}).get("both_levels", {}) for side in (told.a, told.b)]
    left_open = sum(own["objective"] - own["bound"] for own in proofs) if all("bound" in own for own in proofs) else 0.0
    if 1 <= abs(more) <= left_open:
        yield f"The costs of clusters and trusts are {_unsettled(more, left_open)}"
    elif abs(more) >= 1:
        side, other = (told.b, told.a) if more > 0 else (told.a, told.b)
        yield f"Clusters and trusts cost {money(abs(more))} a year more in {side.name} than in {other.name}."
    for side, count in zip((told.a, told.b), broken, strict=True):
        if count:
            yield f"{side.name} breaks rules of clusters and trusts in {counted(count, 'place')}."


def _unsettled(apart_gbp: float, left_open_gbp: float) -> str:
    return (
        f"{money(abs(apart_gbp))} apart, less than the proofs of both leave open ({money(left_open_gbp)}): better "
        "plans than these may turn it round."
    )


def _finance(told: Comparison) -> Iterator[str]:
    for name, basis in (("finance", "as forecast"), ("finance_plan", "under the plan")):
        if not (told.a.has(name) and told.b.has(name)):
            continue
        table = told.tables["finance"]
        own = table[table["basis"] == basis]
        if own.empty:
            yield f"{SAME}schools in deficit in some year, {basis}"
            continue
        only_a, only_b = int((own["differs"] == ONLY_A).sum()), int((own["differs"] == ONLY_B).sum())
        parts = [
            f"{counted(count, 'school')} only in {side.name}"
            for count, side in ((only_a, told.a), (only_b, told.b))
            if count
        ]
        yield f"In deficit in some year, {basis}: {', '.join(parts)}."


def _origins(told: Comparison) -> Iterator[str]:
    table = told.tables["origins"]
    rows = [
        f"{_meaning(row.name)} ({row.a}{_unit(row)} in {told.a.name}, {row.b}{_unit(row)} in {told.b.name})"
        for row in table[table["kind"].isin(("policy value", "setting"))].itertuples()
    ]
    if rows:
        yield f"They were made with different settings: {'; '.join(rows)}."
    inputs = table.loc[table["kind"] == "input table", "name"].tolist()
    if inputs:
        yield f"They rest on different files of {', '.join(inputs)}."
    if (table["kind"] == "levers").any():
        yield "Their plans could use different levers."
    if (table["kind"] == "program").any():
        yield "Different versions of the program made them: run both again to be sure that nothing else differs."


def _meaning(name: str) -> str:
    """A policy value in words, with its key; a setting as it is."""
    item = policy_items().get(name)
    if item is None:
        return name
    words = item.meaning.split(";")[0].split(":")[0].strip()
    return f"{words[:1].lower()}{words[1:]} [{name}]"


def _unit(row: Any) -> str:
    return f" {row.unit}" if row.unit else ""


def _unmatched(told: Comparison) -> Iterator[str]:
    table = told.tables["unmatched"]
    for (what, side), rows in table.groupby(["what", "only_in"], sort=False):
        noun = counted(len(rows), str(what)).replace("localitys", "localities")
        yield f"{noun} only in {side}, not compared: {some([told.called(str(key)) for key in rows['key']])}."


def more_or_fewer(difference: float) -> str:
    """A difference of pupils in words: "12 more", "12 fewer"."""
    return f"{abs(difference):,.0f} {'more' if difference > 0 else 'fewer'}"


def some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{'; '.join(names[:NAMED])}{more}"


def measure_lines(table: pd.DataFrame, a: str, b: str) -> Iterator[str]:
    """The measures as they are read on a screen."""
    yield f"{'':66}{_cut(a):>20}{_cut(b):>20}{'difference':>20}"
    for row in table.itertuples():
        year = f", {row.academic_year}" if row.academic_year else ""
        figures = [
            with_unit(row.a, row.unit),
            with_unit(row.b, row.unit),
            with_unit(row.difference, row.unit, signed=True),
        ]
        yield f"{row.measure + year:66}" + "".join(f"{figure:>20}" for figure in figures)


def _cut(name: str) -> str:
    return name if len(name) <= 19 else name[:18] + "…"


def number(value: float, unit: str, *, signed: bool = False) -> str:
    """A measure without its unit: whole, per cent with two decimals; "–" where there is none."""
    if pd.isna(value):
        return "–"
    text = f"{abs(value):,.2f}" if unit == "per cent" else f"{abs(value):,.0f}"
    if not text.strip("0."):
        return text
    return f"{'−' if value < 0 else '+' if signed else ''}{text}"


def with_unit(value: float, unit: str, *, signed: bool = False) -> str:
    """A measure as it is read; schools, pupils and places are named by the measure itself."""
    text = number(value, unit, signed=signed)
    if text == "–":
        return text
    if unit.startswith("GBP"):
        sign = text[0] if text[0] in "+−" else ""
        return f"{sign}£{text[len(sign) :]}{unit.removeprefix('GBP')}"
    return f"{text} {UNITS[unit]}" if unit in UNITS else text
