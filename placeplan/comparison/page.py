"""The pages of a comparison: what differs in sentences, on maps and in tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from placeplan.comparison.measures import CLUSTER_COST, COST
from placeplan.comparison.tables import by_year_html, tables_html
from placeplan.comparison.words import sentences, with_unit
from placeplan.geography import planning_areas, points
from placeplan.pages.parts import basemap, notes, school_points
from placeplan.study import Study

if TYPE_CHECKING:
    from maps.differences import Facts
    from maps.page import PageNotes
    from placeplan.comparison.stage import Comparison

PAGE, DEMAND_PAGE = "compare.html", "differences.html"
QUESTION = "What differs between {a} and {b}? Differences are {b} less {a}."
FACTS = {
    "estate": ("Schools and sites that change", "Schools that close", "New schools", "Capital: the authority's own",
               COST, "Cost of schools, over today", "Pupil-years without a place"),
    "clusters": ("Clusters", "Village schools left alone", "Longest drive to a lead", "Saved in leadership",
                 "Trusts that do not stay viable", CLUSTER_COST, "Rules broken"),
}  # fmt: skip
"""Measures below each map; the table has all."""


def comparison_pages(study: Study, told: Comparison) -> dict[str, str]:
    """Page compare.html, and differences.html where pupils or places differ beside the decisions.

    The map of compare.html is of what matters most of what differs: decisions, else clusters, else pupils and places;
    it has none where nothing can be drawn.
    """
    from maps.differences import tables_page

    about = _notes(study, told)
    drawable = "geometry" in study.tables["localities"]
    decided, clustered = len(told.tables["decisions"]) > 0, len(told.tables["clusters"]) > 0
    demand = drawable and _demand_differs(told)
    pages = {}
    if drawable and (decided or clustered) and "schools" in study.tables:
        if demand:
            own = replace(about, findings=(), title=f"{about.title}: pupils and places")
            own = _with_link(own, PAGE, "Everything that differs")
            pages[DEMAND_PAGE] = _difference_page(study, told, own)
            about = _with_link(about, DEMAND_PAGE, "Where pupils and places differ, on a map")
        draw = _decisions_page if decided else _clusters_page
        pages[PAGE] = draw(study, told, about)
    elif demand:
        pages[PAGE] = _difference_page(study, told, about)
    else:
        pages[PAGE] = tables_page(about, tables_html(told))
    return pages


def _notes(study: Study, told: Comparison) -> PageNotes:
    a, b = told.a.name, told.b.name
    own = notes(study, f"Compared: {a} and {b}", QUESTION.format(a=f"“{a}”", b=f"“{b}”"))
    return replace(own, scenario=f"{a} and {b}", findings=sentences(told))


def _with_link(about: PageNotes, href: str, words: str) -> PageNotes:
    from maps.page import Link

    return replace(about, links=[*about.links, Link(href, words)])


def _demand_differs(told: Comparison) -> bool:
    forecast, balance = told.tables["forecast"], told.tables["balance"]
    local = forecast.loc[forecast["level"] == "locality", "difference"]
    return bool(local.any() or balance[["need_difference", "spare_difference"]].any(axis=None))


def _decisions_page(study: Study, told: Comparison, about: PageNotes) -> str:
    from maps.differences import Sided, decisions_map

    names = (told.a.name, told.b.name)
    decisions = pd.concat(
        [side.tables["decisions"].assign(plan=side.name) for side in (told.a, told.b)], ignore_index=True
    )
    sites = study.tables.get("sites")
    return decisions_map(
        Sided(names, _facts(told, "estate")),
        decisions,
        school_points(study),
        points(sites) if sites is not None else None,
        planning_areas(study),
        about,
        tables_html(told),
        basemap=basemap(study),
    )


def _clusters_page(study: Study, told: Comparison, about: PageNotes) -> str:
    from maps.differences import Sided, clusters_compared_map

    plans = [side.tables["clusters"].assign(urn=lambda t: t["urn"].astype(str)) for side in (told.a, told.b)]
    schools = school_points(study)
    return clusters_compared_map(
        Sided((told.a.name, told.b.name), _facts(told, "clusters")),
        (plans[0], plans[1]),
        told.tables["clusters"]["urn"].tolist(),
        schools.assign(urn=schools["urn"].astype(str))[["urn", "name", "phase", "geometry"]],
        planning_areas(study),
        about,
        tables_html(told),
        basemap=basemap(study),
    )


def _difference_page(study: Study, told: Comparison, about: PageNotes) -> str:
    from maps.differences import difference_map

    forecast = told.tables["forecast"]
    local = forecast[forecast["level"] == "locality"]
    text = tables_html(told) if about.findings else ""
    return difference_map(
        (told.a.name, told.b.name),
        study.tables["localities"],
        local,
        planning_areas(study),
        told.tables["balance"],
        about,
        text + by_year_html(told, with_balance=not text),
        basemap=basemap(study),
    )


def _facts(told: Comparison, about: str) -> tuple[Facts, Facts]:
    """The measures of one part, as a list below each map."""
    table = told.tables["differences"]
    own = table[(table["about"] == about) & table["measure"].isin(FACTS[about])]
    one, other = (
        {
            row.measure: with_unit(getattr(row, side), row.unit)
            for row in own.itertuples()
            if pd.notna(getattr(row, side))
        }
        for side in "ab"
    )
    return one, other
