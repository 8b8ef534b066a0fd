"""Plans of two sides: decisions on schools and sites, clusters and trusts as sets of schools, schools in deficit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from placeplan.comparison.sides import Side, common_years

ONLY_A, ONLY_B = "only in the first", "only in the second"
OTHER: Final = {
    "action": "another action",
    "academic_year": "another year",
    "partner": "another partner",
    "places_after": "another size",
    "probability": "another share of futures",
}
"""How a decision that both take differs."""
LEAST: Final = {"places_after": 0.5, "probability": 1e-6}
SAID: Final = [
    "action",
    "academic_year",
    "partner",
    "places_before",
    "places_after",
    "cost_gbp",
    "probability",
    "reason",
]
DECISIONS: Final = ["facility", "name", "phase", "differs", *(f"{name}_{side}" for name in SAID for side in "ab")]
CLUSTERS: Final = [
    "urn", "name", "differs", *(f"{name}_{side}" for name in ("role", "cluster", "with", "trust") for side in "ab"),
]  # fmt: skip
FINANCE: Final = [
    "urn",
    "name",
    "basis",
    "differs",
    "first_deficit_a",
    "first_deficit_b",
    "balance_a_gbp",
    "balance_b_gbp",
]
BASES: Final = {"finance": ("as forecast", "urn"), "finance_plan": ("under the plan", "facility")}


def all_decisions(a: Side, b: Side) -> pd.DataFrame:
    """Every decision of either side, those that agree too with `differs` "": DECISIONS.

    Of one school or site the same actions are set against each other in the order of their years, what is left then
    as another action.
    """
    if not (a.has("decisions") and b.has("decisions")):
        return pd.DataFrame(columns=DECISIONS)
    left, right = _numbered(a.tables["decisions"]), _numbered(b.tables["decisions"])
    same = left.merge(right, on=["facility", "action", "n"], how="outer", suffixes=("_a", "_b"), indicator="where")
    matched = same[same["where"] == "both"].assign(action_a=lambda t: t["action"], action_b=lambda t: t["action"])
    # What has no counterpart of the same action: the first left over of one side beside the first of the other.
    rest = [
        own.merge(same.loc[same["where"] == where, ["facility", "action", "n"]], on=["facility", "action", "n"])
        for own, where in ((left, "left_only"), (right, "right_only"))
    ]
    turned = [own.assign(n=own.groupby("facility").cumcount()) for own in rest]
    others = turned[0].merge(turned[1], on=["facility", "n"], how="outer", suffixes=("_a", "_b"))
    parts = [part for part in (matched, others) if len(part)]
    if not parts:
        return pd.DataFrame(columns=DECISIONS)
    table = pd.concat(
        [part.drop(columns=["action", "where", "n"], errors="ignore") for part in parts], ignore_index=True
    )
    for name in ("name", "phase"):
        table[name] = table[f"{name}_b"].where(table[f"{name}_b"].notna(), table[f"{name}_a"])
    table["differs"] = _how(table)
    year = table["academic_year_b"].where(table["academic_year_b"].notna(), table["academic_year_a"])
    order = table.assign(year=year).sort_values(["year", "facility"], kind="stable").index
    return table.loc[order, DECISIONS].reset_index(drop=True)


def decision_differences(a: Side, b: Side) -> pd.DataFrame:
    """Decisions of which action, year, partner, places or share of futures differ; DECISIONS."""
    table = all_decisions(a, b)
    return table[table["differs"] != ""].reset_index(drop=True)


def _numbered(decisions: pd.DataFrame) -> pd.DataFrame:
    """The columns compared, with the number `n` of a decision among those of its facility and action."""
    table = decisions.reindex(columns=["facility", "name", "phase", *SAID])
    table = table.assign(facility=table["facility"].astype(str), partner=_texts(table["partner"]))
    table["probability"] = table["probability"].fillna(1.0).astype(float)
    table = table.sort_values(["facility", "action", "academic_year"], kind="stable")
    return table.assign(n=table.groupby(["facility", "action"]).cumcount())


def _how(table: pd.DataFrame) -> list[str]:
    """In words how each row differs: "another year, another size"; another action says all; "" where nothing does."""
    words = []
    for name, said in OTHER.items():
        one, other = table[f"{name}_a"], table[f"{name}_b"]
        if name in LEAST:
            differs = (one.astype(float) - other.astype(float)).abs() > LEAST[name]
        else:
            differs = one.fillna("") != other.fillna("")
        words.append(np.where(differs, said, ""))
    action = words.pop(0)
    rest = [", ".join(filter(None, row)) for row in zip(*words, strict=True)]
    only = [table["action_b"].isna(), table["action_a"].isna(), action != ""]
    return [str(way) for way in np.select(only, [ONLY_A, ONLY_B, action], np.array(rest, dtype=object))]


def cluster_differences(a: Side, b: Side, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Schools that stand in another cluster, trust or role: CLUSTERS; `with` names the others of the cluster.

    A cluster is the set of its schools, and so is a trust: one with the same schools under another name is the same.
    A trust of the same name is the same too, whoever joins or leaves it. A school that only one side places (the
    other's plan of the estate closes it, or leaves it out) differs.
    """
    if not (a.has("clusters") and b.has("clusters")):
        return pd.DataFrame(columns=CLUSTERS)
    called = dict(names or {})
    for side in (a, b):
        plan = side.tables["clusters"]
        if "name" in plan:
            called |= dict(zip(plan["urn"].astype(str), plan["name"], strict=True))
    one, other = _standing(a.tables["clusters"], called), _standing(b.tables["clusters"], called)
    table = one.merge(other, on="urn", how="outer", suffixes=("_a", "_b"), validate="one_to_one")
    role = table["role_a"] != table["role_b"]
    cluster = table["set_a"] != table["set_b"]
    trust = (table["trust_a"] != table["trust_b"]) & (table["trust_set_a"] != table["trust_set_b"])
    table["differs"] = np.select(
        [table["role_b"].isna(), table["role_a"].isna(), cluster & trust, cluster, trust, role],
        [ONLY_A, ONLY_B, "another cluster and trust", "another cluster", "another trust", "another role"],
        "",
    )
    table["name"] = [called.get(urn, urn) for urn in table["urn"]]
    return table.loc[table["differs"] != "", CLUSTERS].reset_index(drop=True)


def _standing(plan: pd.DataFrame, called: Mapping[str, str]) -> pd.DataFrame:
    """A row a school: urn, role, cluster, with, trust, and the schools of its cluster and trust as texts to compare."""
    table = pd.DataFrame({"urn": plan["urn"].astype(str), "role": _texts(plan["role"])})
    table["cluster"], table["trust"] = _texts(plan["cluster"]), _texts(plan["trust"])
    table.loc[(table["role"] == "") & (table["cluster"] == ""), "role"] = "alone"
    members = {key: sorted(own["urn"]) for key, own in table[table["cluster"] != ""].groupby("cluster")}
    together = {key: sorted(own["urn"]) for key, own in table[table["trust"] != ""].groupby("trust")}
    table["set"] = [" ".join(members.get(key, [])) for key in table["cluster"]]
    table["trust_set"] = [" ".join(together.get(key, [])) for key in table["trust"]]
    table["with"] = [
        "; ".join(str(called.get(one, one)) for one in members.get(key, []) if one != urn)
        for urn, key in zip(table["urn"], table["cluster"], strict=True)
    ]
    return table


def finance_differences(a: Side, b: Side) -> pd.DataFrame:
    """Schools that are ever in deficit on one side only, as forecast and under the plan: FINANCE.

    A deficit is a balance below nothing in a year that both sides tell; first_deficit is the first such year, and the
    balances are those of the last one.
    """
    frames = []
    called: dict[str, str] = {}
    for side in (a, b):
        if side.has("finance_schools"):
            own = side.tables["finance_schools"]
            called |= dict(zip(own["urn"].astype(str), own["name"], strict=True))
    for name, (basis, key) in BASES.items():
        if not (a.has(name) and b.has(name)):
            continue
        years = common_years(a.tables[name], b.tables[name])
        told = [_deficits(side.tables[name], key, years) for side in (a, b)]
        both = told[0].merge(told[1], on="urn", suffixes=("_a", "_b"))
        both = both[(both["first_a"] == "") != (both["first_b"] == "")]
        frames.append(both.assign(basis=basis, differs=np.where(both["first_a"] == "", ONLY_B, ONLY_A)))
    if not frames:
        return pd.DataFrame(columns=FINANCE)
    table = pd.concat(frames, ignore_index=True)
    table["name"] = [called.get(urn, urn) for urn in table["urn"]]
    new = {"first_a": "first_deficit_a", "first_b": "first_deficit_b"}
    new |= {"balance_a": "balance_a_gbp", "balance_b": "balance_b_gbp"}
    return table.rename(columns=new)[FINANCE]


def _deficits(table: pd.DataFrame, key: str, years: list[str]) -> pd.DataFrame:
    """A row a school with income in any of the years: urn, first year in deficit ("" without one), last balance."""
    told = table[table["academic_year"].isin(years) & (table["income_gbp"] > 0)]
    told = told.assign(urn=told[key].astype(str)).sort_values("academic_year", kind="stable")
    last = told.groupby("urn")["balance_gbp"].last()
    first = told[told["balance_gbp"] < 0].groupby("urn")["academic_year"].first()
    own = {"urn": last.index.to_numpy(), "balance": last.to_numpy()}
    return pd.DataFrame(own | {"first": first.reindex(last.index, fill_value="").to_numpy()})


def _texts(values: pd.Series) -> pd.Series:
    """Cells as text, "" where there is none."""
    return values.astype(object).where(values.notna(), "").astype(str)
