"""The maps stage: offline pages from the tables of the other stages, and the page that leads to them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from geodata.small_numbers import least_told
from models.options import FEDERATE
from placeplan.estate.planned_balance import planned_balance
from placeplan.exports import WORKBOOK
from placeplan.geography import planning_areas, points
from placeplan.likely import likely
from placeplan.pages.bids import bid_pages
from placeplan.pages.closures import closes_any, closures_page
from placeplan.pages.frontier import frontier_page
from placeplan.pages.parts import basemap, journey_lines, notes, school_points
from placeplan.pages.travel import travel_page
from placeplan.results import StageResult, read_stage, read_summary
from placeplan.study import Study

if TYPE_CHECKING:
    from maps.basemap import Basemap
    from maps.page import PageNotes

    Maker = Callable[[Study, Path, PageNotes, Basemap], str | None]

VILLAGE_PHASES = ("infant", "first", "junior", "primary")


def maps_stage(study: Study, results: Path, ran: Collection[str]) -> StageResult:
    """Pages demand.html, balance.html, estate.html, clusters.html as far as their stages `ran`, and index.html.

    So are travel.html, closures.html where a school closes, frontier.html where several plans were made, and a page for
    each competition with bids in place. The index leads to the pages of competitions too.
    """
    from maps.index import Entry, index_page

    if "geometry" not in study.tables["localities"]:
        return StageResult(summary={"status": "done", "warnings": ["Localities have no geometry: no maps."]})
    makers: dict[str, tuple[str, Maker]] = {
        "demand": ("forecast", demand_page),
        "balance": ("balance", balance_page),
        "commissioning": ("estate", commissioning_page),
        "estate": ("estate", estate_page),
        "travel": ("balance", partial(travel_page, planned="estate" in ran)),
        "clusters": ("clusters", clusters_page),
    }
    if closes_any(results):
        makers["closures"] = ("estate", closures_page)
    if (results / "estate" / "frontier_decisions.parquet").exists():
        makers["frontier"] = ("estate", frontier_page)
    pages: dict[str, str] = {}
    entries = []
    background = basemap(study)
    small = "schools" in study.tables and study.tables["schools"]["phase"].isin(VILLAGE_PHASES).any()
    on_map = "schools" in study.tables and study.tables["schools"]["easting"].notna().any()
    for name, (stage, make) in makers.items():
        if stage in ran and (on_map or stage == "forecast") and (stage != "clusters" or small):
            title, question = QUESTIONS[name]
            text = make(study, results, notes(study, title, question), background)
            if text is None:
                continue
            pages[f"{name}.html"] = text
            entries.append(Entry(f"{name}.html", title, question))
    if {"estate", "balance"} & set(ran):
        entries.append(Entry("../report/report.html", "Report", "Tables, reasons, policy values and data quality."))
    if "estate" in ran and len(read_stage(results / "estate", "decisions")):
        entries.append(
            Entry("../report/committee.html", "Paper for the committee", "What is asked for, why, and its cost.")
        )
    if "clusters" in ran and "measures" in (read_summary(results / "clusters") or {}):
        entries.append(Entry("../report/trusts.html", "Scorecards of trusts", "Money, choices, who could refuse."))
    if "tender" in ran:
        told = read_summary(results / "tender") or {}
        for kind, what in (("competitions", "Bids ranked, with reasons."), ("linked_awards", "Awarded together.")):
            entries += [Entry(f"../tender/{one['page']}", one["name"], what) for one in told.get(kind, {}).values()]
        for file, name, text in bid_pages(study, results, background):
            pages[file] = text
            entries.append(Entry(file, f"{name}: bids on maps", "Any two bids side by side: who would go there?"))
    entries.append(
        Entry(f"../export/{WORKBOOK}", "Data", "Every table in a workbook; layers for QGIS and CSV beside it.")
    )
    pages["index.html"] = index_page(entries, notes(study, study.settings.name, "Every page of this scenario."))
    return StageResult(
        pages=pages,
        summary={"status": "done", "pages": sorted(pages), "bytes": {k: len(v.encode()) for k, v in pages.items()}},
    )


ONE_HEAD = "The estate plan lets some of these schools share a head otherwise: a school can do one of the two."
QUESTIONS = {
    "demand": ("Demand", "How many pupils will need a place, where, and how will that change?"),
    "balance": ("Balance of places", "Where are places short and where are they spare?"),
    "commissioning": ("Commissioning", "Which schools and sites gain places, when, and who would come?"),
    "estate": ("Estate decisions", "Which schools change, and where do pupils go then?"),
    "closures": ("Closures", "Which schools would close, and where would their pupils go?"),
    "travel": ("Journeys to school", "How far is it to school, and for whom is it too far?"),
    "frontier": ("Plans side by side", "Where do the plans of the frontier differ?"),
    "clusters": ("Clusters and trusts", "Which village schools could share one executive head, and in which trust?"),
}


def demand_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Pupils by locality, phase and year."""
    from maps.demand import demand_map

    forecast = read_stage(results / "forecast", "forecast_phase")
    localities = study.tables["localities"]
    base = study.settings.base_year
    cohorts = read_stage(results / "forecast", "forecast")
    return demand_map(
        localities, forecast, about, base_year=base, cohorts=cohorts, counts=whom(study), basemap=background
    )


def whom(study: Study) -> str:
    """Whom the study's pupils count, in words for a legend."""
    if study.settings.pupils == "resident":
        return "Pupils living in each locality"
    shared = " by residents of their ages" if study.estimated else ""
    return f"Pupils on roll at the authority's schools, shared over localities{shared}"


def balance_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Need, spare and the probability of being short, by planning area, phase and year."""
    from maps.balance import balance_map

    return balance_map(
        planning_areas(study),
        read_stage(results / "balance", "balance"),
        school_points(study),
        about,
        deficits=read_stage(results / "balance", "deficits"),
        least=study.policy.number("deficit_counts_from"),
        basemap=background,
    )


def commissioning_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str | None:
    """What adds places, year by year, with the sites considered; none where there is nothing of the kind."""
    from maps.commissioning import ADDING, commissioning_map

    decisions = likely(read_stage(results / "estate", "decisions"))
    sites = study.tables.get("sites")
    if sites is None and not decisions["action"].isin(ADDING).any():
        return None
    allocation = read_stage(results / "estate", "allocation")
    last = str(allocation["academic_year"].max())
    balance = read_stage(results / "balance", "balance")
    areas = planning_areas(study)
    paths = read_stage(results / "estate", "plan_places")
    planned = planned_balance(study, balance, paths, allocation)
    named = areas[["planning_area", "phase", "name"]]
    known, then = (table.merge(named, on=["planning_area", "phase"]) for table in (balance, planned))
    return commissioning_map(
        school_points(study),
        decisions,
        likely(paths).rename(columns={"places_before": "places_today", "places_after": "places_plan"}),
        journey_lines(study, allocation[allocation["academic_year"] == last]),
        areas,
        known,
        about,
        sites=points(sites) if sites is not None else None,
        planned=then,
        without_place=float((read_summary(results / "estate") or {}).get("most_unplaced_in_a_year", 0.0)),
        journeys_year=last,
        least=float(least_told(study.policy)),
        basemap=background,
    )


def estate_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """What each school and site does, and the journeys of the last plan year."""
    from maps.estate import estate_map

    decisions = likely(read_stage(results / "estate", "decisions"))
    allocation = read_stage(results / "estate", "allocation")
    last = allocation[allocation["academic_year"] == allocation["academic_year"].max()]
    sites = study.tables.get("sites")
    return estate_map(
        school_points(study),
        decisions,
        journey_lines(study, last),
        planning_areas(study),
        about,
        journeys_year=str(allocation["academic_year"].max()),
        least=float(least_told(study.policy)),
        sites=points(sites) if sites is not None else None,
        basemap=background,
    )


def clusters_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """Clusters of village schools with the drive to each lead."""
    import geopandas as gpd

    from maps.clusters import clusters_map
    from maps.geometry import straight_lines

    clusters = read_stage(results / "clusters", "clusters")
    schools = school_points(study)
    at = schools.set_index("urn").geometry
    members = clusters[clusters["role"] == "member"]
    leads = clusters[clusters["role"] == "lead"].set_index("cluster")["urn"]
    drives = straight_lines(at.loc[members["urn"]], at.loc[leads.loc[members["cluster"]]])
    links = gpd.GeoDataFrame(members[["urn", "travel_min"]], geometry=drives.to_numpy(), crs=drives.crs)
    plan = clusters[["urn", "cluster", "trust", "role", "travel_min"]]
    told = read_summary(results / "clusters") or {}
    closing = pd.DataFrame({"urn": told.get("left_out_as_closing", []), "role": "closing"})
    plan = pd.concat([plan, closing.astype({"urn": plan["urn"].dtype})], ignore_index=True)
    shown = schools["phase"].isin(VILLAGE_PHASES) | schools["urn"].isin(plan["urn"])
    if "trust" in schools:
        shown |= schools["trust"].isin(plan["trust"].dropna())
    extra = {}
    if "measures" in told:
        trusts = read_stage(results / "clusters", "trusts")
        apart = read_stage(results / "clusters", "cluster_apart")
        apart = apart[apart["urn"].isin(at.index) & apart["other_urn"].isin(at.index)].reset_index(drop=True)
        pairs = straight_lines(at.loc[apart["urn"]], at.loc[apart["other_urn"]])
        extra = {
            "trusts": trusts[trusts["plan"] == "planned"],
            "savings": read_stage(results / "clusters", "cluster_savings").set_index("cluster")["leadership_saved_gbp"],
            "apart": gpd.GeoDataFrame(apart, geometry=pairs.to_numpy(), crs=pairs.crs),
        }
    if (results / "clusters" / "cluster_closing.parquet").exists():
        extra["instead"] = read_stage(results / "clusters", "cluster_closing")
    if (read_stage(results / "estate", "decisions")["action"] == FEDERATE).any():
        about = replace(about, banners=[*about.banners, ONE_HEAD])
    return clusters_map(schools[shown], plan, links, about, **extra, basemap=background)


def stage_summaries(results: Path, ran: Collection[str] | None = None) -> dict[str, dict[str, object]]:
    """Summaries by stage of those that `ran`, of all that have results where that is not said."""
    found = {path.name: read_summary(path) for path in sorted(results.iterdir()) if path.is_dir()}
    told = {name: summary for name, summary in found.items() if summary is not None}
    return told if ran is None else {name: summary for name, summary in told.items() if name in ran}
