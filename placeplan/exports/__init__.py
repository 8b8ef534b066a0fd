"""The export stage: every result as a workbook, a GeoPackage with styles and CSV, and tables as the survey asks."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from placeplan.exports.contents import README, about, columns, contents, left_out
from placeplan.exports.csv_zip import write_csv_zip
from placeplan.exports.gathered import Gathered, arrays, gather
from placeplan.exports.geopackage import write_geopackage
from placeplan.exports.layers import export_layers
from placeplan.exports.scap import scap_tables
from placeplan.exports.workbook import Book, Listing
from placeplan.results import StageResult
from placeplan.study import Study
from placeplan.words import counted

STAGE = "export"
WORKBOOK, GEOPACKAGE, CSV = "placeplan.xlsx", "placeplan.gpkg", "placeplan-csv.zip"


def export_stage(study: Study, results: Path, ran: Collection[str], stages: Collection[str]) -> StageResult:
    """Tables scap_capacity, scap_forecast and scap_planned_places; the workbook, the GeoPackage and the ZIP of CSV.

    They hold the tables of the stages that `ran`, in the order of `stages`.
    """
    own = scap_tables(study, results, ran)
    standing = [name for name in stages if name in ran]
    tables = gather(results, standing, own, STAGE)
    listings = [contents(tables, arrays(results, standing)), columns(tables)]
    layers = export_layers(study, results, ran)
    without_sheet = left_out(tables)
    said = [f"{counted(len(without_sheet), 'long table')} stand in the CSV only: see “Contents” of the workbook."]
    return StageResult(
        tables=own,
        files={
            WORKBOOK: partial(write_workbook, study, listings, tables),
            CSV: partial(write_csv_zip, listings=listings, tables=tables),
            **({GEOPACKAGE: partial(write_geopackage, layers)} if layers else {}),
        },
        summary={
            "status": "done",
            "sheets": sum(not table.why_no_sheet for table in tables),
            "without_sheet": dict(without_sheet),
            "layers": [layer.name for layer in layers],
            "warnings": said if without_sheet else [],
        },
    )


def write_workbook(study: Study, listings: list[Listing], tables: list[Gathered], path: Path) -> None:
    """Write the workbook: what it is, what it holds, what columns mean, and the tables."""
    title = f"{study.settings.name}: results of placeplan"
    with Book(path, title, f"{study.settings.name}, scenario {study.scenario}") as book:
        book.about(README, title, about(study))
        for listing in listings:
            book.listing(listing)
        for table in tables:
            if not table.why_no_sheet:
                book.table(table)
