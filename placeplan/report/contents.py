"""All that the pages of the report show, by name, from the results of the stages that ran."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.years import add_years
from placeplan.pages.parts import ATTRIBUTION
from placeplan.report.areas import areas_contents
from placeplan.report.case import case_contents
from placeplan.report.closures import NO_CLOSURES, closures_contents
from placeplan.report.demand_shown import accuracy, ends_of_balance, methods, methods_told, on_top, phases
from placeplan.report.money import money_contents
from placeplan.report.plan_shown import (
    after,
    below_policy,
    clusters,
    contributions,
    frontier,
    headline,
    planned_areas,
    retained,
    unplaced,
)
from placeplan.report.policy_shown import policy_parts, quality
from placeplan.report.programme import programme_contents
from placeplan.report.proof import licence_contents, proof_contents
from placeplan.report.schooling import NO_SCHOOLING, schooling_contents
from placeplan.report.since import since_contents
from placeplan.results import file_digest, read_stage, versions
from placeplan.study import Study

SECTIONS = (
    ("short", "In short", None),
    ("since", "What changed since last year", "since"),
    ("cabinet", "For the cabinet", "papers"),
    ("demand", "Demand", "phases"),
    ("balance", "Need and spare by planning area", "balance"),
    ("case", "The case for places", "case"),
    ("plan", "What the plan changes", "headline"),
    ("programme", "Capital programme by source", "programme"),
    ("areas", "Planning area by planning area", "areas"),
    ("register", "Decision register", "papers"),
    ("calendar", "Calendar", "papers"),
    ("drafts", "Draft consultation papers and notices", "drafts"),
    ("clusters", "Clusters of village schools", "clusters"),
    ("money", "Money of schools", "money"),
    ("schooling", "From homes to schools", "schooling"),
    ("accuracy", "How far past forecasts were out", "accuracy"),
    ("quality", "Method and data quality", None),
    ("policy", "Policy values that mattered", "policy"),
    ("proof", "How good each plan is, proven", "proof"),
    ("made", "Inputs and licences", None),
)
"""Anchor and words of each part of the report, and by which of its contents it is there; None: always."""


def contents(study: Study, results: Path, summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Everything the template shows, by name; an empty list or None where a stage has not run."""
    ran = set(summaries)
    forecast = read_stage(results / "forecast", "forecast_authority_phase") if "forecast" in ran else pd.DataFrame()
    supply = read_stage(results / "balance", "balance_summary") if "balance" in ran else pd.DataFrame()
    return {
        "summaries": summaries,
        "banners": study.banners,
        "last_year": add_years(study.settings.base_year, study.settings.horizon_years),
        "phases": phases(forecast, supply),
        **on_top(study, results, ran),
        "balance": ends_of_balance(study, results) if "balance" in ran else [],
        "areas": areas_contents(study, results, ran) if "balance" in ran else [],
        **(schooling_contents(results / "balance") if "balance" in ran else NO_SCHOOLING),
        "case": case_contents(study, results / "balance") if "balance" in ran else None,
        "decisions": _rows(results, "estate", "decisions", ran),
        **(
            closures_contents(results / "estate", study.tables.get("rural_factors"), study.policy)
            if "estate" in ran
            else NO_CLOSURES
        ),
        "programme": programme_contents(study, results) if "estate" in ran else None,
        "contributions_left": contributions(study, results) if "estate" in ran else [],
        "frontier": frontier(results) if "estate" in ran else [],
        "frontier_map": "geometry" in study.tables["localities"],
        "send_units": _rows(results, "estate", "send_units", ran),
        "retained": retained(results) if "estate" in ran else [],
        "below_policy": below_policy(results) if "estate" in ran else [],
        "unplaced": unplaced(results) if "estate" in ran else [],
        "clusters": clusters(results) if "clusters" in ran else [],
        "money": money_contents(study, results / "finance", summaries["finance"]) if "finance" in ran else None,
        "accuracy": accuracy(results) if "backtest" in ran else [],
        "methods": methods(results) if "backtest" in ran else [],
        "published": _rows(results, "backtest", "published", ran),
        "policy": policy_parts(study, summaries),
        "proof": proof_contents(summaries),
        "licences": licence_contents(),
        "attribution": study.settings.attribution or ATTRIBUTION,
        "methods_told": methods_told(results, ran),
        "since": since_contents(study),
        "headline": headline(results) if "estate" in ran else None,
        "after": after(results, study.policy.number("walking_limit_8_up_m")) if "estate" in ran else [],
        "far_m": study.policy.number("walking_limit_8_up_m"),
        "longest_min": [study.policy.number(f"journey_max_{phase}_min") for phase in ("primary", "secondary")],
        "planned_areas": planned_areas(study, results) if "estate" in ran else [],
        "whom": "Pupils living here" if study.settings.pupils == "resident" else "Pupils of its schools",
        "years_valued": study.settings.horizon_years,
        "forward_years": study.policy.integer("contributions_forward_years"),
        "level": study.policy.number("interval_level"),
        "quality": quality(study, summaries),
        "inputs": [(name, path.name, file_digest(path)[:16]) for name, path in study.files.items()],
        "versions": versions(),
    }


def sections(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Anchor and words of the parts that are there, for the list of contents."""
    there = {**shown, "drafts": (shown.get("papers") or {}).get("drafts")}
    return [(anchor, words) for anchor, words, by in SECTIONS if by is None or there.get(by)]


def _rows(results: Path, stage: str, name: str, ran: set[str]) -> list[dict[str, Any]]:
    return read_stage(results / stage, name).to_dict("records") if stage in ran else []
