"""The methodology statements that a capacity return asks for, written from the settings and data actually used."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from geodata.fields import packaged_csv
from geodata.policy import policy_items, shown
from models.accuracy import AREAS, AUTHORITY, LOCALITIES, YEAR_GROUPS
from placeplan.study import Study
from placeplan.words import counted

OF_FORECAST = ("ratio_", "norm_memory", "swing_", "births_beyond_years", "interval_", "series_break")
OF_HOUSING = "housing_"
OF_SCHOOLS = ("share_weights", "node_min_pupils", "gravity_decay_")
SHOWN_AHEAD = (1, 3, 5)
LEVELS_TOLD = (AUTHORITY, AREAS, LOCALITIES, YEAR_GROUPS)
OWN = "placeplan"  # as this forecast is called among methods
FLOWS_USED = (
    "Counted flows say which part of each area's pupils is taught where; what rolls differ from them is a term of its "
    "own. Where one school ends and the next begins, entrants follow the transfer matrix between planning areas."
)
FLOWS_NOT_GIVEN = (
    "No flows were given: what rolls of an area differ from the pupils living in it is one net term. Transfers between "
    "planning areas are fitted to homes and rolls."
)


def statement(study: Study, notes: Sequence[str], errors: pd.DataFrame) -> str:
    """Markdown: data, method, accuracy of past forecasts, housing, local intelligence, data quality, policy values.

    `errors` are those of `models.accuracy.pooled`.
    """
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
        "chance could have moved it. A swing that all localities shared in a year is taken to fade. Localities, "
        "planning areas and the authority are each forecast and then brought to one answer.",
        "",
        *_planned(study),
        "",
        "## Accuracy of previous forecasts",
        "",
        *_accuracy(errors),
        "",
        "## Uncertainty and data quality",
        "",
        "p10 and p90 come from how far the same method was out in past years, by years ahead and size.",
        "",
        *(f"- {note}" for note in notes),
        "",
        *_policy_table(study, (*OF_FORECAST, OF_HOUSING) if "housing" in study.tables else OF_FORECAST),
    ]
    return "\n".join(lines)


def taught_statement(study: Study, transfers: pd.DataFrame, notes: Sequence[str]) -> str:
    """Markdown: how pupils by home became pupils by school; `transfers` is the table of the balance stage."""
    asked = "preferences" in study.tables
    lines = [
        f"# Where pupils are taught: {study.settings.name}",
        "",
        "Pupils living in a planning area become pupils on roll of its schools by named terms, which sum exactly; the "
        "schools of an area and pupils without a place in it sum to its pupils on roll. A cohort on roll keeps its "
        "school and its difference from its homes while it moves up.",
        "",
        FLOWS_USED if "flows" in study.tables else FLOWS_NOT_GIVEN,
        "",
        *(f"- {name} {_transferred(rows)}" for name, rows in transfers.groupby("transfer", sort=False)),
        "",
        "Entrants are shared over schools by first preferences in areas where every school has some, else as in recent "
        "years."
        if asked
        else "No first preferences were given: entrants are shared over schools as in recent years.",
        "",
        *(f"- {note}" for note in notes),
        "",
        *_policy_table(study, OF_SCHOOLS),
    ]
    return "\n".join(lines)


def _transferred(transfers: pd.DataFrame) -> str:
    """Pupils of the next year of entry by term."""
    first = transfers[transfers["academic_year"] == transfers["academic_year"].min()]
    by_term = first.groupby("term")["pupils"].sum()
    told = ", ".join(f"{term} {pupils:,.0f}" for term, pupils in by_term.items() if abs(pupils) >= 0.5)
    return f"in {first['academic_year'].iloc[0]}: {told} (by {', '.join(sorted(set(first['basis'])))})."


def _accuracy(errors: pd.DataFrame) -> list[str]:
    """Error and bias of totals by phase, level and years ahead, beside what authorities publish."""
    told = errors["level"].eq(AUTHORITY) | (errors["level"].isin(LEVELS_TOLD) & errors["method"].eq(OWN))
    rows = errors[errors["horizon_years"].isin(SHOWN_AHEAD) & told]
    if rows.empty:
        return ["Too few years of pupils are given to test a forecast against what came."]
    published = packaged_csv("published_accuracy.csv").set_index(["phase", "horizon_years"])["mean_absolute_error"]
    lines = [
        "The same chain, without housing and local intelligence, run from past years with what was known then. Error: "
        "sum of absolute errors ÷ pupils; bias above 0: too many; held: outturns between p10 and p90 as known at the "
        "time (asked: four in five). Authorities' own published figures are of 2023–2025.",
        "",
        "| Phase | Level | Years ahead | Method | Error | Bias | Held | Authorities' own |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows.sort_values(["phase", "level", "horizon_years", "error"]).itertuples():
        theirs = published.get((row.phase, str(row.horizon_years))) if row.level == AUTHORITY else None
        beside = "" if theirs is None else f"{float(theirs):.2%}"
        held = "" if pd.isna(row.coverage) else f"{row.coverage:.0%}"
        lines.append(
            f"| {row.phase} | {row.level} | {row.horizon_years} | {row.method} | {row.error:.2%} | {row.bias:+.2%} | "
            f"{held} | {beside} |"
        )
    return [*lines, "", *_in_words(rows)]


def _in_words(rows: pd.DataFrame) -> list[str]:
    """Where a simpler method was nearer for the authority, and where errors lean one way."""
    whole = rows[rows["level"] == AUTHORITY]
    said = []
    for (phase, years), same in whole.groupby(["phase", "horizon_years"]):
        own = same[same["method"] == OWN].iloc[0]
        better = same[(same["method"] != OWN) & (same["error"] < own["error"])].sort_values("error")
        ahead = f"{phase}, {counted(int(years), 'year')} ahead"
        if len(better):
            said.append(f"- {ahead}: nearer was {', '.join(better['method'])}.")
        if own["origins"] > 1 and abs(own["bias"]) > 0.9 * own["error"] > 0.0:
            said.append(f"- {ahead}: nearly every origin forecast too {'many' if own['bias'] > 0 else 'few'}.")
    return said


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
            "date; every table shows the unadjusted figure beside. Each changes its own cell only and does not move up "
            "with its cohort."
        )
    return said


def _policy_table(study: Study, prefixes: Sequence[str]) -> list[str]:
    """Every policy value of these names as it was used."""
    used = [key for key in policy_items() if key.startswith(tuple(prefixes))]
    return [
        "## Policy values",
        "",
        "| Value | Setting | Unit | Status | Source |",
        "|---|---|---|---|---|",
        *(_policy_row(study, key) for key in used),
        "",
    ]


def _policy_row(study: Study, key: str) -> str:
    item = policy_items()[key]
    value = shown(study.policy.value(key))
    return f"| {item.meaning} | {value} | {item.unit} | {item.status} | {item.source} |"
