"""The page of clusters and trusts: a balanced scorecard for each trust beside other plans, and the choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.policy import policy_items, shown
from placeplan.clusters.choices import COMPARED as AXES
from placeplan.clusters.measures import MEASURES
from placeplan.clusters.words import closing_words, proven_words
from placeplan.report.balance_chart import balance_chart
from placeplan.report.templates import environment
from placeplan.report.trusts_compared import compared, pooling_shown, with_causes
from placeplan.results import read_stage
from placeplan.study import Study

PAGE = "trusts.html"
COMPARED = (
    "village_alone", "drives_min", "leadership_saved_gbp", "not_viable", "apart_not_viable", "shortfall_p10_gbp",
    "outside",
)  # fmt: skip
LIMITS = (
    "village_school_max_pupils", "cluster_lead_min_pupils", "cluster_max_schools", "cluster_max_pupils",
    "cluster_drive_max_min", "trust_min_pupils", "trust_drive_max_min", "trust_growth_schools",
)  # fmt: skip
BESIDE = 3  # other plans shown beside today's and the one planned
SCORECARD: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Pupils", (
        ("schools", "Schools in the study", "whole"), ("village_schools", "Village schools", "whole"),
        ("joining", "Schools that would join", "whole"), ("pupils", "Pupils R–Y11 on roll", "whole"),
    )),
    ("Journeys", (
        ("longest_drive_min", "Longest drive to a lead, min", "whole"),
        ("drives_min", "Drives to leads in all, min", "whole"),
        ("hub_drive_min", "Longest drive from a lead to the hub, min", "whole"),
    )),
    ("Finance, a year", (
        ("income_gbp", "Income, last year", "pounds"), ("centre_gbp", "Cost of the centre, last year", "pounds"),
        ("centre_fixed_gbp", "Fixed cost of the centre in full", "pounds"),
        ("centre_elsewhere_share", "Of that borne by its schools elsewhere", "share"),
        ("running_gbp", "Running balance, last year, mean", "pounds"),
        ("running_p10_gbp", "Running balance, last year, p10", "pounds"),
        ("once_gbp", "Cost of joining, once, all years", "pounds"),
        ("balance_p10_gbp", "Balance of the worst year with it, p10", "pounds"),
        ("never_short_p10", "In balance every year at p10", "flag"),
        ("reserves_p10_gbp", "Reserves at the end, p10", "pounds"),
        ("reserves_share_p10", "Lowest reserves as a share of income, p10", "share"),
        ("reserves_known", "Schools whose reserves are known", "whole"),
        ("viable", "Viable: reserves last in nine futures of ten", "flag"),
        ("stops_in", "Reserves run out first in", "text"),
        ("grant_gbp", "Grant at the start that would make it viable", "pounds"),
        ("viable_today", "Viable as it is, nobody joining", "flag"),
        ("top_slice_needed", "Top slice that pays the centre, dearest year", "share"),
        ("top_slice_to_balance", "Top slice at which it balances, all having joined", "share"),
        ("schools_short", "Schools short after clusters and top slice", "whole"),
        ("pooled_gbp", "What pooling would move to them", "pounds"),
        ("unmet_gbp", "What they lack that the others do not have", "pounds"),
    )),
    ("Leadership", (
        ("clusters", "Clusters, each with an executive head", "whole"), ("heads", "Heads of single schools", "whole"),
        ("heads_of_school", "Heads of school", "whole"),
        ("schools_per_executive_head", "Schools to an executive head", "one"),
        ("most_pupils_per_executive_head", "Most pupils to an executive head", "whole"),
        ("leadership_saved_gbp", "Saved in leadership", "pounds"), ("teacher_posts", "Teaching posts needed", "one"),
    )),
    ("Places", (("places", "Places R–Y11", "whole"), ("filled_share", "Filled", "share"))),
    ("Faith balance", (
        ("church_schools", "Church schools", "whole"), ("church_share", "Share of church schools", "share"),
        ("articles", "Articles", "text"), ("safeguard", "What protects the other schools' character", "text"),
    )),
    ("Isolation", (
        ("isolated", "Schools far from every other", "whole"), ("village_alone", "Village schools alone", "whole"),
    )),
)  # fmt: skip


def trusts_page(study: Study, results: Path, summary: Mapping[str, Any]) -> str:
    """HTML of the page, from the tables of the clusters stage; "" where it planned nothing."""
    if "measures" not in summary:
        return ""
    return environment().get_template(PAGE).render(study=study, **trusts_contents(study, results / "clusters", summary))


def trusts_contents(study: Study, folder: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the page shows, by name."""
    cards, frontier = read_stage(folder, "trusts"), read_stage(folder, "cluster_frontier")
    clusters = read_stage(folder, "clusters")
    kept = frontier[~frontier["dominated"].astype(bool) & (frontier["plan"] != "planned")].head(BESIDE)
    made = dict(zip(kept["plan"], kept["made"], strict=True))
    plans = pd.concat([clusters.assign(plan="planned"), read_stage(folder, "cluster_plans")], ignore_index=True)
    pooling = read_stage(folder, "trust_pooling")
    years, joining = read_stage(folder, "trust_finance"), read_stage(folder, "joining")
    flags, today = read_stage(folder, "due_diligence"), cards[cards["plan"] == "today"].set_index("trust")
    planned = cards[cards["plan"] == "planned"]
    order = planned.sort_values(["kind", "pupils"], ascending=[True, False])
    return {
        "summary": summary,
        "measures": MEASURES,
        "compared": COMPARED,
        "banners": study.banners,
        "saving": summary["saving"],
        "saving_years": _saving_years(read_stage(folder, "cluster_saving_years")),
        "clusters": _clusters(clusters, read_stage(folder, "cluster_savings")),
        "trusts": [
            {
                "name": row.trust,
                "kind": row.kind,
                "hub": row.hub,
                "viable": bool(row.viable),
                "stops_in": row.stops_in,
                **compared(SCORECARD, cards, plans, planned.loc[row.Index], made),
                "pooling": pooling_shown(pooling, row.trust),
                "slice": float(row.top_slice_to_balance),
                "short": row.schools_short,
                "moved": row.pooled_gbp,
                "unmet": row.unmet_gbp,
                "joins": int(row.joining),
                "grant_gbp": float(row.grant_gbp),
                "grant_at_once_gbp": float(row.grant_at_once_gbp),
                "delay_years": int(row.delay_years),
                "best_order_proven": bool(row.best_order_proven),
                "viable_today": None if row.viable_today is None else bool(row.viable_today),
                "chart": balance_chart(years[years["trust"] == row.trust]),
                "joining": with_causes(joining[joining["trust"] == row.trust], flags[flags["trust"] == row.trust]),
                "way": years[years["trust"] == row.trust].to_dict("records"),
                "today": None if row.trust not in today.index else bool(today.at[row.trust, "viable"]),
                "flags": _flags(flags[flags["trust"] == row.trust]),
                "members": clusters[clusters["trust"] == row.trust]["name"].tolist(),
            }
            for row in order.itertuples()
        ],
        "frontier": frontier.to_dict("records"),
        "axes": AXES,
        "switches": read_stage(folder, "cluster_switches").to_dict("records"),
        "proven": proven_words(summary),
        "closing": [
            {**row._asdict(), "told": closing_words(row)} for row in read_stage(folder, "cluster_closing").itertuples()
        ],
        "homes": _homes(folder),
        "alone": read_stage(folder, "cluster_alone").to_dict("records"),
        "outside": read_stage(folder, "trusts_outside").to_dict("records"),
        "rules": _rules(study, summary["rules"]),
        "limits": _items(study, LIMITS),
        "assumed": int(planned["reserves_known"].sum()) == 0,
        "beaten": bool(frontier.loc[frontier["plan"] == "planned", "dominated"].any()),
        "breaches": read_stage(folder, "cluster_breaches").to_dict("records"),
        "policy": {key: study.policy.value(key) for key in ("cluster_isolated_min", "viable_reserves_share")},
    }


def _clusters(table: pd.DataFrame, savings: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a cluster, its lead first."""
    found = []
    for name, part in table[table["cluster"].notna()].groupby("cluster"):
        part = part.assign(rank=part["role"] != "lead").sort_values(["rank", "name"])
        found.append(
            {
                "name": name,
                "trust": part["trust"].iloc[0] if pd.notna(part["trust"].iloc[0]) else "none",
                "schools": ", ".join(part["name"]),
                "count": len(part),
                "pupils": float(part["pupils"].sum()),
                "longest": float(part["travel_min"].max()),
                "saved_gbp": float(savings.loc[savings["cluster"] == name, "leadership_saved_gbp"].sum()),
            }
        )
    return found


def _saving_years(years: pd.DataFrame) -> list[dict[str, Any]]:
    """The years in which the saving grows, with what it is from then on."""
    begins = years[years["clusters"].diff().fillna(years["clusters"]) > 0]
    rows: list[dict[str, Any]] = begins.to_dict("records")
    return rows


def _flags(flags: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a school, what is to be looked into in one sentence."""
    return [
        {"name": part["name"].iloc[0], "urn": int(urn), "what": "; ".join(part["what"])}
        for urn, part in flags.groupby("urn", sort=False)
    ]


def _homes(folder: Path) -> list[dict[str, Any]]:
    """Second-best home and refusal of every school in a cluster."""
    homes, refused = read_stage(folder, "cluster_homes"), read_stage(folder, "cluster_refusals")
    both = refused.merge(homes[["urn", "second_home", "moves", "extra_gbp"]], on="urn", how="left")
    both["second_home"] = both["second_home"].fillna("")
    rows: list[dict[str, Any]] = both.sort_values(["cluster", "name"]).to_dict("records")
    return rows


def _rules(study: Study, rules: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every rule with the policy values that settle it, their status and source."""
    found = []
    for rule in rules.values():
        keys = [key for key in policy_items() if key in rule["settled_by"].replace(",", " ").replace(";", " ").split()]
        items = _items(study, keys)
        found.append({**rule, "items": items})
    return found


def _items(study: Study, keys: Iterable[str]) -> list[dict[str, str]]:
    """Policy values with what they mean, their status and source."""
    known = policy_items()
    return [
        {"key": key, "value": shown(study.policy.value(key)), "unit": known[key].unit, "meaning": known[key].meaning,
         "status": known[key].status, "source": known[key].source}
        for key in keys
    ]  # fmt: skip
