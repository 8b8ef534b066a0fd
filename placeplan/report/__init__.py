"""The report stage: one self-contained HTML page with the figures, the reasons and what they rest on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from geodata.policy import policy_items, shown
from geodata.years import add_years, phase_of, start_year
from models.accuracy import AUTHORITY, pooled
from models.housing import TERMS
from models.options import BULGE, ENDING, FEDERATE, SEND_UNIT
from models.rules import INTAKE
from placeplan.likely import likely
from placeplan.methodology import OWN
from placeplan.pages.parts import ATTRIBUTION
from placeplan.pages.stage import stage_summaries
from placeplan.report.areas import areas_contents
from placeplan.report.case import case_contents
from placeplan.report.chart import pupils_and_places
from placeplan.report.closures import NO_CLOSURES, closures_contents
from placeplan.report.formats import FILTERS
from placeplan.report.money import money_contents
from placeplan.report.papers import FILTERS as PAPER_FILTERS
from placeplan.report.papers import PARTIALS, Papers
from placeplan.report.programme import programme_contents, programme_table
from placeplan.report.proof import licence_contents, policy_read, proof_contents
from placeplan.report.schooling import NO_SCHOOLING, schooling_contents
from placeplan.report.since import since_contents
from placeplan.report.trusts import trusts_page
from placeplan.results import StageResult, file_digest, read_stage, versions
from placeplan.study import Study

SHOWN_AHEAD = (1, 3, 5)
PAGES = ("report.html", "closures.html", "areas.html", "since.html", *PARTIALS)


def report_stage(study: Study, results: Path, ran: Collection[str] | None = None) -> StageResult:
    """Pages report.html and trusts.html from the stages that `ran`, from all that are there where that is not said."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    parts = {name: files("placeplan.report").joinpath(name).read_text(encoding="utf-8") for name in PAGES}
    environment = Environment(
        loader=DictLoader(parts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS | PAPER_FILTERS)
    template = environment.get_template(PAGES[0])
    summaries = stage_summaries(results, ran)
    papers = Papers.read(study, results, summaries)
    shown = contents(study, results, summaries)
    told = papers.contents()
    text = template.render(study=study, sections=_sections(shown | told), **shown, **told)
    pages = {"report.html": text}
    if "clusters" in summaries and (page := trusts_page(study, results, summaries["clusters"])):
        pages["trusts.html"] = page
    tables = dict(papers.tables())
    if "estate" in summaries:
        tables["capital_programme"] = programme_table(study, results)
    return StageResult(tables, pages, summary={"status": "done", "bytes": len(text.encode())})


def contents(study: Study, results: Path, summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Everything the template shows, by name; an empty list or None where a stage has not run."""
    ran = set(summaries)
    phases = read_stage(results / "forecast", "forecast_authority_phase") if "forecast" in ran else pd.DataFrame()
    supply = read_stage(results / "balance", "balance_summary") if "balance" in ran else pd.DataFrame()
    return {
        "summaries": summaries,
        "banners": study.banners,
        "last_year": add_years(study.settings.base_year, study.settings.horizon_years),
        "phases": _phases(phases, supply),
        **_on_top(study, results, ran),
        "balance": _balance(study, results) if "balance" in ran else [],
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
        "contributions_left": _contributions(study, results) if "estate" in ran else [],
        "frontier": _frontier(results) if "estate" in ran else [],
        "frontier_map": "geometry" in study.tables["localities"],
        "send_units": _rows(results, "estate", "send_units", ran),
        "retained": _retained(results) if "estate" in ran else [],
        "below_policy": _below_policy(results) if "estate" in ran else [],
        "unplaced": _unplaced(results) if "estate" in ran else [],
        "clusters": _clusters(results) if "clusters" in ran else [],
        "money": money_contents(study, results / "finance", summaries["finance"]) if "finance" in ran else None,
        "accuracy": _accuracy(results) if "backtest" in ran else [],
        "methods": _methods(results) if "backtest" in ran else [],
        "published": _rows(results, "backtest", "published", ran),
        "policy": _policy(study, summaries),
        "proof": proof_contents(summaries),
        "licences": licence_contents(),
        "attribution": study.settings.attribution or ATTRIBUTION,
        "methods_told": _methods_told(results, ran),
        "since": since_contents(study),
        "headline": _headline(results) if "estate" in ran else None,
        "after": _after(results) if "estate" in ran else [],
        "years_valued": study.settings.horizon_years,
        "forward_years": study.policy.integer("contributions_forward_years"),
        "level": study.policy.number("interval_level"),
        "quality": _quality(study, summaries),
        "inputs": [(name, path.name, file_digest(path)[:16]) for name, path in study.files.items()],
        "versions": versions(),
    }


def _contributions(study: Study, results: Path) -> list[dict[str, Any]]:
    """Contributions with what becomes of the rest, in words."""
    first = start_year(study.settings.base_year) + 1
    last = first + study.settings.horizon_years - 1
    rows = read_stage(results / "estate", "contributions_left").to_dict("records")
    return [row | {"rest": _rest(row, first, last)} for row in rows]


def _rest(row: dict[str, Any], first: int, last: int) -> str:
    if row["unspent_gbp"] < 1:
        return ""
    until = row["spend_by"] if isinstance(row["spend_by"], str) else None
    if until is not None and start_year(until) < first:
        return "lapsed before the plan"
    if start_year(row["due_year"]) > last:
        return "due after the plan"
    return "no places it may pay for in this plan" + (f"; lapses after {until}" if until else "")


def _frontier(results: Path) -> list[dict[str, Any]]:
    """The frontier of plans, where the study asks for one."""
    if not (results / "estate" / "frontier.parquet").exists():
        return []
    rows: list[dict[str, Any]] = read_stage(results / "estate", "frontier").to_dict("records")
    return rows


def _phases(forecast: pd.DataFrame, supply: pd.DataFrame) -> list[dict[str, Any]]:
    """By phase: the forecast of the authority beside its places, with a chart."""
    if forecast.empty:
        return []
    shown = []
    for phase, rows in forecast.groupby("phase", sort=False):
        rows = rows.sort_values("academic_year")
        table = rows[["academic_year", "mean", "p10", "p90", "unadjusted"]]
        if len(supply):
            own = supply[supply["phase"] == phase].rename(columns={"pupils": "roll"})
            own = own[["academic_year", "roll", "places", "need", "spare"]]
            table = table.merge(own, on="academic_year", how="left")
        shown.append({"phase": phase, "rows": table.to_dict("records"), "chart": pupils_and_places(table, str(phase))})
    return shown


def _on_top(study: Study, results: Path, ran: set[str]) -> dict[str, Any]:
    """What was added to past ratios: new homes by phase and term, and local intelligence entry by entry."""
    shown: dict[str, Any] = {"housing": [], "housing_years": [], "adjusted": []}
    if "forecast" not in ran:
        return shown
    if "adjustments" in study.tables:
        shown["adjusted"] = read_stage(results / "forecast", "adjusted").to_dict("records")
    if "housing" in study.tables:
        terms = read_stage(results / "forecast", "housing_terms")
        terms["phase"] = terms["year_group"].map(phase_of)
        terms["term"] = pd.Categorical(terms["term"], TERMS, ordered=True)
        wide = terms.pivot_table(
            index=["phase", "term"], columns="academic_year", values="pupils", aggfunc="sum", observed=True
        )
        shown["housing_years"] = list(wide.columns)
        shown["housing"] = [
            {"phase": phase, "term": term, "pupils": list(row)}
            for (phase, term), row in zip(wide.index, wide.to_numpy(), strict=True)
        ]
    return shown


def _balance(study: Study, results: Path) -> list[dict[str, Any]]:
    """Need and spare by planning area in the base year and the last year: cells summed, never netted off."""
    balance = read_stage(results / "balance", "balance")
    first, last = balance["academic_year"].min(), balance["academic_year"].max()
    ends = balance[balance["academic_year"].isin((first, last))]
    summed = ends.groupby(["planning_area", "phase", "academic_year"], as_index=False)[
        ["pupils", "places", "need", "spare"]
    ].sum()
    return summed.sort_values(["phase", "planning_area", "academic_year"]).to_dict("records")  # type: ignore[no-any-return]


def _rows(results: Path, stage: str, name: str, ran: set[str]) -> list[dict[str, Any]]:
    return read_stage(results / stage, name).to_dict("records") if stage in ran else []


def _retained(results: Path) -> list[dict[str, Any]]:
    """Places of every planning area and phase in the first and last plan year: asked, today and under the plan."""
    table = read_stage(results / "estate", "retained")
    ends = table[table["academic_year"].isin((table["academic_year"].min(), table["academic_year"].max()))]
    return ends.sort_values(["phase", "planning_area", "academic_year"]).to_dict("records")  # type: ignore[no-any-return]


def _below_policy(results: Path) -> list[str]:
    """Where the plan leaves planning areas below the retained surplus that policy asks for in the last plan year."""
    table = read_stage(results / "estate", "retained")
    last = table[table["academic_year"] == table["academic_year"].max()]
    short = last[last["plan"] < last["asked"] - 0.5]
    of = {INTAKE: ", intake"}
    return [
        f"{row.planning_area} ({row.phase}{of.get(row.kind, '')}, {row.asked - row.plan:,.0f} places)"
        for row in short.sort_values(["phase", "planning_area", "kind"], ascending=[True, True, False]).itertuples()
    ]


def _unplaced(results: Path) -> list[dict[str, Any]]:
    table = read_stage(results / "estate", "unplaced")
    summed = table.groupby(["phase", "academic_year", "kind"], as_index=False)["pupils"].sum()
    return summed[summed["pupils"] >= 0.5].to_dict("records")  # type: ignore[no-any-return]


def _accuracy(results: Path) -> list[dict[str, Any]]:
    """Error, bias and coverage of the forecast by phase, level and years ahead, over all origins."""
    table = pooled(read_stage(results / "backtest", "accuracy"))
    own = table[(table["method"] == OWN) & table["horizon_years"].isin(SHOWN_AHEAD)]
    return [row for _, rows in own.groupby("phase") for row in rows.to_dict("records")]


def _methods(results: Path) -> list[dict[str, Any]]:
    """Mean error of the authority's totals one, three and five years ahead, by method and phase."""
    table = pooled(read_stage(results / "backtest", "accuracy"))
    table = table[(table["level"] == AUTHORITY) & table["horizon_years"].isin(SHOWN_AHEAD)]
    wide = table.pivot_table(index=["phase", "method"], columns="horizon_years", values="error")
    wide = wide.reindex(columns=SHOWN_AHEAD)
    order = sorted(wide.index, key=lambda at: (at[0], at[1] != OWN, at[1]))
    return [
        {"phase": at[0], "method": at[1], "errors": [None if pd.isna(v) else float(v) for v in wide.loc[at]]}
        for at in order
    ]


def _clusters(results: Path) -> list[dict[str, Any]]:
    table = read_stage(results / "clusters", "clusters")
    shown = []
    for name, members in table[table["role"] != "alone"].groupby("cluster"):
        led = members.sort_values(["role", "name"])
        shown.append(
            {
                "name": name,
                "schools": ", ".join(led["name"]),
                "pupils": float(led["pupils"].sum()),
                "longest": float(led["travel_min"].max()),
            }
        )
    alone = table[table["role"] == "alone"]["name"].tolist()
    if alone:
        shown.append({"name": "Alone", "schools": ", ".join(alone), "pupils": None, "longest": None})
    return shown


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
    ("drafts", "Draft consultation papers and notices", "papers"),
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


def _sections(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(anchor, words) for anchor, words, by in SECTIONS if by is None or shown.get(by)]


def _headline(results: Path) -> dict[str, int]:
    """Schools and sites that gain places, give places up, close, or do something together."""
    done = likely(read_stage(results / "estate", "decisions"))
    action, more = done["action"], done["places_after"] - done["places_before"]
    # A bulge class ends before the last plan year, and a SEND unit takes rooms of the mainstream.
    adds = action.isin((BULGE, SEND_UNIT))
    joint = action.eq(FEDERATE) | action.str.startswith("amalgamate")
    counts = {"adding": adds | (more > 0), "taking": ~adds & (more < 0), "closing": action.isin(ENDING), "joint": joint}
    return {name: int(which.sum()) for name, which in counts.items()}


def _after(results: Path) -> list[dict[str, Any]]:
    """By phase in the last plan year: places today and under the plan, pupils without one, pupils moved and how far."""
    retained = read_stage(results / "estate", "retained")
    unplaced = read_stage(results / "estate", "unplaced")
    placed = read_stage(results / "estate", "allocation")
    last = str(placed["academic_year"].max())
    rows = []
    for phase, own in placed[placed["academic_year"] == last].groupby("phase"):
        areas = retained[(retained["phase"] == phase) & (retained["academic_year"] == last)]
        areas = areas[areas["kind"] != INTAKE]
        left = unplaced[(unplaced["phase"] == phase) & (unplaced["academic_year"] == last)]
        moved = own[own["moved"].astype(bool)]
        pupils = float(moved["pupils"].sum())
        metres = float((moved["pupils"] * moved["distance_m"]).sum()) / pupils if pupils else float("nan")
        rows.append(
            {
                "phase": phase,
                "year": last,
                "today": float(areas["today"].sum()),
                "plan": float(areas["plan"].sum()),
                "without": float(left["pupils"].sum()),
                "moved": pupils,
                "moved_m": metres,
            }
        )
    return rows


def _methods_told(results: Path, ran: Collection[str]) -> list[tuple[str, list[str]]]:
    """The methodology statements as paragraphs."""
    told = (("forecast", "How pupils were forecast"), ("balance", "How pupils on roll and places were counted"))
    found = []
    for stage, title in told:
        path = results / stage / "methodology.md"
        if stage in ran and path.exists():
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
            found.append(
                (title, [line.lstrip("#-* ").replace("**", "").replace("`", "") for line in lines if line][1:])
            )
    return found


def _policy(study: Study, summaries: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[dict[str, Any]], bool]]:
    """Policy values with unit, status and source: those that results rest on, those changed first; then the others."""
    read = policy_read(study, summaries)
    values = sorted(_policy_values(study), key=lambda item: not item["changed"])
    mattered = [item for item in values if item["key"] in read]
    others = [item for item in values if item["key"] not in read]
    parts = [("Values on which these results rest; those the study changed are marked and come first", mattered, False)]
    return [part for part in [*parts, ("Values that no result here rests on", others, True)] if part[1]]


def _policy_values(study: Study) -> list[dict[str, Any]]:
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


def _quality(study: Study, summaries: Mapping[str, Mapping[str, Any]]) -> list[str]:
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
