"""The methodology statement that a capacity return asks for, written from the settings and data actually used."""

from __future__ import annotations

from collections.abc import Sequence

from geodata.policy import policy_items, shown
from placeplan.study import Study
from placeplan.words import counted

POLICY = (
    "ratio_choice",
    "ratio_weights",
    "ratio_prior_pupils",
    "births_beyond_years",
    "interval_level",
    "housing_yield_primary",
    "housing_yield_secondary",
    "housing_ramp_years",
    "housing_in_trend",
)
HOUSING = "housing_"


def statement(study: Study, notes: Sequence[str]) -> str:
    """Markdown: data, method, housing, local intelligence, uncertainty, data quality and the policy values used."""
    lines = [
        f"# How pupils were forecast: {study.settings.name}",
        "",
        f"Base year {study.settings.base_year}, {study.settings.horizon_years} years ahead, scenario {study.scenario}.",
        *(f"**{banner}**" for banner in study.banners),
        "",
        "## Data",
        "",
        *_data(study),
        "",
        "## Method",
        "",
        "Cohorts are followed from birth to Reception and from year group to year group. Every link is a ratio of "
        "weighted past years; which weights, is chosen by testing them on the years before, or fixed by policy. A "
        "small locality's ratio is drawn towards its planning area's, the authority's and everybody's, by as much as "
        "chance could have moved it. A swing that all localities shared in a year is taken to fade. Localities add up "
        "to the authority's own forecast.",
        "",
        *_planned(study),
        "",
        "## Uncertainty and data quality",
        "",
        "p10 and p90 come from how far the same method was out in past years, by years ahead and size.",
        "",
        *(f"- {note}" for note in notes),
        "",
        "## Policy values",
        "",
        "| Value | Setting | Unit | Status | Source |",
        "|---|---|---|---|---|",
        *(_policy_row(study, key) for key in POLICY if _used(study, key)),
        "",
    ]
    return "\n".join(lines)


def _data(study: Study) -> list[str]:
    pupils, births = study.tables["pupils"], study.tables["births"]
    kind = "on roll at its schools" if study.settings.pupils == "on_roll" else "resident in its localities"
    years = sorted(set(pupils["academic_year"]))
    shared = ", apportioned and not counted by locality" if study.estimated else ""
    ends = sorted(births["year_ending"])
    return [
        f"- Pupils {kind}: {years[0]} to {years[-1]}, {counted(pupils['locality'].nunique(), 'small area')}{shared}.",
        f"- Births: years ending {ends[0]:%d %B %Y} to {ends[-1]:%d %B %Y}, split into September to August cohorts.",
    ]


def _planned(study: Study) -> list[str]:
    housing, adjustments = study.tables.get("housing"), study.tables.get("adjustments")
    said = ["No housing was given: pupils of new homes count only as far as past years held such."]
    if housing is not None:
        said = [
            f"Housing: {housing['dwellings'].sum():,.0f} dwellings on {counted(housing['site'].nunique(), 'site')}, by "
            "yield, certainty and years since completion, less what past ratios already carry."
        ]
    if adjustments is not None:
        said.append(
            f"Local intelligence: {counted(len(adjustments), 'logged change')}, each with a reason, an author and a "
            "date; every table shows the unadjusted figure beside."
        )
    return said


def _used(study: Study, key: str) -> bool:
    return "housing" in study.tables or not key.startswith(HOUSING)


def _policy_row(study: Study, key: str) -> str:
    item = policy_items()[key]
    value = shown(study.policy.value(key))
    return f"| {item.meaning} | {value} | {item.unit} | {item.status} | {item.source} |"
