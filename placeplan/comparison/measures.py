"""Headline measures of two sides, what the sides were made from, and whether their costs may be compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import pandas as pd

from geodata.policy import policy_items, shown
from models.funding import AUTHORITY
from models.options import CLOSING, NEW
from placeplan.clusters.measures import MEASURES as CLUSTER_MEASURES
from placeplan.comparison.sides import Side, common_years

MEASURES: Final = [
    "about", "measure", "academic_year", "unit", "a", "a_p10", "a_p90", "b", "b_p10", "b_p90", "difference",
]  # fmt: skip
ORIGINS: Final = ["kind", "name", "unit", "a", "b"]
PHASE_WORDS: Final = {"primary": "Primary pupils (R–Y6)", "secondary": "Secondary pupils (Y7–Y11)"}
BALANCE_WORDS: Final = {
    "places": ("Places before any decision", "places"),
    "need": ("Pupils without a place, before any decision", "pupils"),
    "spare": ("Spare places, before any decision", "places"),
}
COST_WORDS: Final = {
    "options_gbp": "of it schools and sites, less today's",
    "journeys_gbp": "of it journeys and moves",
    "without_place_gbp": "of it pupils without a place",
}
COST, CLUSTER_COST = "Cost of the plan at its own prices", "Cost of clusters and trusts"
BOUND, CLUSTER_BOUND = (
    "… proven: no plan of the estate costs less than",
    "… proven: no clusters and trusts cost less than",
)
COSTS: Final = (COST, BOUND, CLUSTER_COST, CLUSTER_BOUND, *(f"… {words}" for words in COST_WORDS.values()))
FRONTIER_WORDS: Final = {
    "schools_gbp": ("Cost of schools, over today", "GBP"),
    "pupil_years_without_place": ("Pupil-years without a place", "pupil-years"),
    "journey_km": ("Pupil-km of one journey, over the plan years", "pupil-km"),
    "gap": ("Proven at its own prices: no plan costs less by more than", "per cent"),
}
CLUSTER_UNITS: Final = {"drives_min": "minutes", "longest_drive_min": "minutes"}
NOT_IN_GBP: Final = ("discount_rate", "residual_years", "location_factor", "price_index", "area_cost_factor")
"""Policy values without GBP in their unit by which the price of the same thing differs."""
SETTINGS: Final = {
    "authority": "authority",
    "base_year": "latest year with counted pupils",
    "horizon_years": "years planned",
    "pupils": "whom the pupils count",
}


def measure_differences(a: Side, b: Side, *, costs_compare: bool = True) -> pd.DataFrame:
    """A row a measure of the stages that both sides have: MEASURES.

    `difference` is b less a, missing where a side has no such figure, and of the costs of plans where they may not be
    set against each other (`why_not_comparable`).

    Pupils, places and deficits are of the last academic year that both sides tell; need and spare are sums over areas
    and year groups, never one less the other.
    """
    years = _last_years(a, b)
    told = [{row[:4]: row[4:] for row in _measures(side, years)} for side in (a, b)]
    rows = []
    shared = set(a.summaries) & set(b.summaries)
    for key in [one for one in dict.fromkeys([*told[0], *told[1]]) if one[0] in shared]:
        one, other = (own.get(key, (None, None, None)) for own in told)
        rows.append((*key, *one, *other))
    table = pd.DataFrame(rows, columns=MEASURES[:-1])
    for name in ("a", "a_p10", "a_p90", "b", "b_p10", "b_p90"):
        table[name] = table[name].astype(float)
    difference = table["b"] - table["a"]
    if not costs_compare:
        difference = difference.mask(table["measure"].isin(COSTS) & (difference != 0))
    return table.assign(difference=difference.where(difference.isna() | (difference.abs() > 1e-9), 0.0))


Row = tuple[str, str, str, str, float, float | None, float | None]


def _last_years(a: Side, b: Side) -> dict[str, str]:
    """The last academic year that is on both sides of each table, by its name; tables without one are not in it."""
    last = {}
    for name in ("forecast_authority_phase", "balance", "retained", "finance", "finance_plan"):
        there = [side.tables[name] for side in (a, b) if side.has(name)]
        years = common_years(there[0], there[-1]) if there else []
        if years:
            last[name] = years[-1]
    return last


def _measures(side: Side, last: Mapping[str, str]) -> Iterator[Row]:
    yield from _of_demand(side, last)
    yield from _of_estate(side, last)
    yield from _of_clusters(side)
    for name, words in (
        ("finance", "Schools in deficit, as forecast"),
        ("finance_plan", "Schools in deficit, under the plan"),
    ):
        if side.has(name) and name in last:
            told = side.tables[name]
            told = told[(told["academic_year"] == last[name]) & (told["income_gbp"] > 0)]
            yield "finance", words, last[name], "schools", float((told["balance_gbp"] < 0).sum()), None, None


def _of_demand(side: Side, last: Mapping[str, str]) -> Iterator[Row]:
    if side.has("forecast_authority_phase") and (year := last.get("forecast_authority_phase")):
        table = side.tables["forecast_authority_phase"]
        for row in table[table["academic_year"] == year].itertuples():
            yield "forecast", PHASE_WORDS.get(row.phase, row.phase), year, "pupils", row.mean, row.p10, row.p90
    if side.has("balance") and (year := last.get("balance")):
        table = side.tables["balance"]
        sums = table[table["academic_year"] == year].groupby("phase")[list(BALANCE_WORDS)].sum()
        for phase, row in sums.iterrows():
            for cell, (words, unit) in BALANCE_WORDS.items():
                yield "balance", f"{words}, {phase}", year, unit, float(row[cell]), None, None


def _of_estate(side: Side, last: Mapping[str, str]) -> Iterator[Row]:
    if side.has("decisions"):
        decided = side.tables["decisions"]
        yield "estate", "Schools and sites that change", "", "schools", float(decided["facility"].nunique()), None, None
        closing = decided[decided["action"].isin(CLOSING)]["facility"].nunique()
        yield "estate", "Schools that close", "", "schools", float(closing), None, None
        opening = decided[decided["action"] == NEW]["facility"].nunique()
        yield "estate", "New schools", "", "schools", float(opening), None, None
    if side.has("retained") and (year := last.get("retained")):
        table = side.tables["retained"]
        table = table[(table["academic_year"] == year) & (table["kind"] == "total")]
        for phase, places in table.groupby("phase")["plan"].sum().items():
            yield "estate", f"Places under the plan, {phase}", year, "places", float(places), None, None
    if side.has("capital"):
        own = side.tables["capital"]["source"] == AUTHORITY
        for words, mine in (("Capital: the authority's own", own), ("Capital: developer contributions", ~own)):
            yield "estate", words, "", "GBP", float(side.tables["capital"].loc[mine, "capital_gbp"].sum()), None, None
    summary = side.summaries.get("estate", {})
    if "objective" in summary:
        yield "estate", COST, "", "GBP", float(summary["objective"]), None, None
        for part, words in COST_WORDS.items():
            yield "estate", f"… {words}", "", "GBP", float(summary["costs"]["plan"][part]), None, None
        yield "estate", BOUND, "", "GBP", float(summary["bound"]), None, None
        yield "estate", "… gap between the two", "", "per cent", 100 * float(summary["gap"]), None, None
        most = float(summary.get("most_unplaced_in_a_year", 0))
        yield "estate", "Pupils without a place under the plan, worst year", "", "pupils", most, None, None
    if side.has("frontier"):
        own = side.tables["frontier"].iloc[0]  # of a scenario its plan, which stands first
        for name, (words, unit) in FRONTIER_WORDS.items():
            value = float(own[name]) * (100 if unit == "per cent" else 1)
            if value == value and not ("objective" in summary and name == "gap"):
                yield "estate", words, "", unit, value, None, None


def _of_clusters(side: Side) -> Iterator[Row]:
    summary = side.summaries.get("clusters", {})
    for name, words in CLUSTER_MEASURES.items():
        if (value := summary.get("measures", {}).get(name)) is not None:
            unit = CLUSTER_UNITS.get(name, "GBP a year" if name.endswith("_gbp") else "")
            yield (
                "clusters",
                words.removesuffix(", GBP a year").replace(", minutes", ""),
                "",
                unit,
                float(value),
                None,
                None,
            )
    both = summary.get("both_levels", {})
    for name, words in (("objective", CLUSTER_COST), ("bound", CLUSTER_BOUND)):
        if name in both:
            yield "clusters", words, "", "GBP a year", float(both[name]), None, None
    if "breaches" in summary:
        yield "clusters", "Rules broken", "", "places", float(summary["breaches"]), None, None


def origin_differences(a: Side, b: Side) -> pd.DataFrame:
    """What the sides were made from differently: ORIGINS.

    Kinds: policy value (as each was, defaults too), setting, input table ("differs" where the file is another, "none"
    where a side has none), levers, program.
    """
    rows: list[tuple[str, str, str, str, str]] = []
    settings = [side.settings() for side in (a, b)]
    if not all(settings):
        return pd.DataFrame(rows, columns=ORIGINS)
    for key in sorted({key for own in settings for key in own if key.startswith("policy.")}):
        rows += _policy_row(key.removeprefix("policy."), *(own.get(key, _NOTHING) for own in settings))
    for key, words in SETTINGS.items():
        one, other = (str(own.get(key, "")) for own in settings)
        rows += [("setting", words, "", one, other)] if one != other else []
    stages = set(a.summaries) & set(b.summaries)
    inputs = [_inputs(side, stages) for side in (a, b)]
    for name in sorted({*inputs[0], *inputs[1]}):
        if inputs[0].get(name) != inputs[1].get(name):
            said = ["none" if name not in own else "differs" for own in inputs]
            rows.append(("input table", name, "", said[0], said[1]))
    rows += _levers_row(a, b)
    code = [
        next((s["made_from"].get("code") for s in side.summaries.values() if "made_from" in s), None) for side in (a, b)
    ]
    if code[0] != code[1]:
        rows.append(("program", "version of the program: default policy values may differ", "", "one", "another"))
    return pd.DataFrame(rows, columns=ORIGINS)


_NOTHING: Final = object()


def _policy_row(key: str, one: Any, other: Any) -> list[tuple[str, str, str, str, str]]:
    item = policy_items().get(key)
    default = item.default if item is not None else None
    said = [shown(_as_value(default if own is _NOTHING else own)) for own in (one, other)]
    return (
        [] if said[0] == said[1] else [("policy value", key, item.unit if item is not None else "", said[0], said[1])]
    )


def _as_value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _inputs(side: Side, stages: Collection[str]) -> dict[str, str]:
    """Hashes of the input tables from which these stages of a side were made."""
    found: dict[str, str] = {}
    for stage in sorted(stages):
        found |= side.summaries[stage].get("made_from", {}).get("inputs", {})
    return found


def _levers_row(a: Side, b: Side) -> list[tuple[str, str, str, str, str]]:
    one, other = (side.summaries.get("estate", {}).get("levers") for side in (a, b))
    if one is None or other is None or one == other:
        return []
    return [("levers", "what the plan of the estate could use", "", ", ".join(one), ", ".join(other))]


def why_not_comparable(a: Side, b: Side, origins: pd.DataFrame) -> list[str]:
    """Why the costs of the two plans may not be set against each other, in words; [] where they may."""
    reasons = []
    policies = origins.loc[origins["kind"] == "policy value", ["name", "unit"]].itertuples(index=False)
    prices = [row.name for row in policies if "GBP" in row.unit or row.name in NOT_IN_GBP]
    if prices:
        reasons.append(f"they were made at other prices ({', '.join(prices)})")
    plan_years = [(side.base_year, side.settings().get("horizon_years")) for side in (a, b)]
    if plan_years[0] != plan_years[1] and all(year for year, _ in plan_years):
        reasons.append("they count other years")
    if (origins["kind"] == "program").any():
        reasons.append("other versions of the program made them")
    name = "forecast_phase"
    if a.has(name) and b.has(name) and _other_pupils(a.tables[name], b.tables[name]):
        reasons.append("they place other pupils")
    return reasons


def _other_pupils(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether the means of any locality differ in a year of both."""
    keys, years = ["locality", "academic_year", "phase"], common_years(a, b)
    one, other = (table.loc[table["academic_year"].isin(years), [*keys, "mean"]] for table in (a, b))
    both = one.merge(other, on=keys, how="outer", suffixes=("_a", "_b"))
    return bool(((both["mean_a"] - both["mean_b"]).abs().fillna(1.0) > 1e-6).any())
