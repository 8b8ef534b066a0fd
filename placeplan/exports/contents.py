"""What the workbook and the ZIP of CSV say of themselves: whose figures these are, what each table and column means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geodata.small_numbers import least_told
from geodata.years import add_years
from placeplan.exports.cells import Value
from placeplan.exports.gathered import Arrays, Gathered
from placeplan.exports.workbook import Listing
from placeplan.pages.parts import ATTRIBUTION
from placeplan.results import versions
from placeplan.study import Study

README, CONTENTS, COLUMNS = "Read me", "Contents", "Columns"
FOR_PROGRAMS = "numbers for the program itself, in no table; it stands in the stage's folder"
CONTENTS_HEADINGS = ("sheet", "stage", "table", "what it holds", "rows", "columns", "where it is")
COLUMNS_HEADINGS = ("stage", "table", "column", "unit", "what it means")
ALL_FORMS = "Sheet, CSV and Parquet"
HOW_TO_READ = (
    "“Contents” lists every sheet, “Columns” says what each column means. Above each heading stands its unit. Shares "
    "are shown as per cents. A blank cell is a figure that is not known or does not apply; “Columns” says which. "
    "Forecasts are not whole numbers: they are means of what may come. Need and spare places are never set off against "
    "each other, between areas or year groups: add up each by itself."
)
SAFE = (
    "No cell holds a formula or a link. Signs that a workbook cannot hold are shown as �. Tables are exactly those of "
    "the results folder, where they stand as Parquet too; a program should read those or the CSV."
)


def about(study: Study) -> list[tuple[str, str]]:
    """Lines of the sheet “Read me”: a word and a sentence each."""
    settings = study.settings
    approximate = study.approximate and "schools" in study.tables
    return [
        ("Study", settings.name),
        *([("Authority", settings.authority)] if settings.authority else []),
        ("Scenario", study.scenario),
        ("Base year", f"{settings.base_year}: the latest year with pupils counted"),
        ("Years ahead", f"to {add_years(settings.base_year, settings.horizon_years)}"),
        ("Money", f"GBP in real terms; building prices are {study.policy.number('price_index'):g} × those of Q1 2026"),
        *[("Please note", banner) for banner in study.banners],
        (
            "Distances",
            "Approximate: straight lines × a detour factor, for want of roads"
            if approximate
            else "Along roads and paths where journeys are told",
        ),
        ("How to read it", HOW_TO_READ),
        ("What is safe", SAFE),
        (
            "Before you pass it on",
            f"Every figure is here, counts of fewer than {least_told(study.policy)} pupils too, which maps and papers "
            "do not tell: for use within the authority.",
        ),
        ("Status", "Figures for planning. Nothing here is a decision or a proposal of an authority."),
        ("Made by", f"placeplan {versions()['placeplan']}"),
        ("Licence and sources", settings.attribution or ATTRIBUTION),
    ]


def contents(tables: Sequence[Gathered], others: Sequence[Arrays]) -> Listing:
    """The sheet “Contents”: every table with its sheet, or why it has none, and every file that is no table."""
    rows: list[Sequence[Value]] = [
        (
            "" if table.why_no_sheet else table.sheet,
            table.stage,
            table.name,
            table.meaning,
            len(table.frame),
            len(table.columns),
            f"CSV and Parquet only: {table.why_no_sheet}" if table.why_no_sheet else ALL_FORMS,
        )
        for table in tables
    ]
    rows += [("", one.stage, one.name, "Arrays", None, None, FOR_PROGRAMS) for one in others]
    return Listing(CONTENTS, CONTENTS_HEADINGS, (28, 11, 28, 70, 11, 11, 50), rows)


def columns(tables: Sequence[Gathered]) -> Listing:
    """The sheet “Columns”: every column of every table with its unit and meaning."""
    rows = [
        (table.stage, table.name, column.name, column.unit, column.meaning)
        for table in tables
        for column in table.columns
    ]
    return Listing(COLUMNS, COLUMNS_HEADINGS, (11, 28, 32, 18, 90), rows)


def left_out(tables: Sequence[Gathered]) -> Mapping[str, str]:
    """Tables without a sheet, and why."""
    return {f"{table.stage}/{table.name}": table.why_no_sheet for table in tables if table.why_no_sheet}
