"""The workbook: what it is, what it holds, what each column means, and a sheet for every result table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from placeplan.exports.cells import Value, cells_of, legible, looks_like_a_formula
from placeplan.exports.gathered import HEADING_ROWS, Gathered

# The same day in every file, so that the same results make the same bytes; that of the members of any ZIP file.
MADE = datetime(1980, 1, 1)
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
LONGEST_FOOTER = 100  # letters of each part; Excel takes 255 in all
A4 = 9


@dataclass(frozen=True)
class Listing:
    """A sheet about the workbook: headings, column widths and rows of text and numbers."""

    name: str
    headings: Sequence[str]
    widths: Sequence[int]
    rows: Sequence[Sequence[Value]]


class Book:
    """A workbook that is being written; every text in it is inert."""

    def __init__(self, path: Path, title: str, footer: str) -> None:
        from xlsxwriter import Workbook

        self._book = Workbook(str(path), OPTIONS)
        self._book.set_properties({"title": legible(title)[:250], "author": "placeplan", "created": MADE})
        self._footer = f"&L{legible(footer)[:LONGEST_FOOTER].replace('&', '&&')}&R&A, page &P of &N"
        self._formats: dict[tuple[str, bool], Any] = {}
        self._heading = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._unit = self._book.add_format({"italic": True, "align": "left"})
        self._large = self._book.add_format({"bold": True, "font_size": 14})

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def about(self, name: str, title: str, lines: Sequence[tuple[str, str]]) -> None:
        """A sheet of labelled sentences, the first of the workbook."""
        sheet = self._sheet(name, [24, 100])
        wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        label = self._book.add_format({"bold": True, "valign": "top"})
        sheet.write_string(0, 0, legible(title), self._large)
        for row, (what, said) in enumerate(lines, start=2):
            sheet.write_string(row, 0, legible(what), label)
            sheet.write_string(row, 1, legible(said), wrapped)

    def listing(self, listing: Listing) -> None:
        """A sheet about the workbook, its headings frozen and with a filter."""
        sheet = self._sheet(listing.name, listing.widths)
        for column, heading in enumerate(listing.headings):
            sheet.write_string(0, column, heading, self._heading)
        for row, values in enumerate(listing.rows, start=1):
            for column, value in enumerate(values):
                shown = "#,##0" if isinstance(value, int) else ""
                self._writer(sheet, shown, wrap=True)(row, column, legible(value) if isinstance(value, str) else value)
        self._frozen(sheet, 1, len(listing.rows), len(listing.headings))

    def table(self, table: Gathered) -> None:
        """The sheet of a result table: units above, headings beneath them, then its rows as they are."""
        columns = [cells_of(table.frame.iloc[:, k], column) for k, column in enumerate(table.columns)]
        sheet = self._sheet(table.sheet, [cells.width for cells in columns])
        for k, column in enumerate(table.columns):
            if column.unit:
                sheet.write_string(0, k, column.unit, self._unit)
        for k, column in enumerate(table.columns):
            sheet.write_string(1, k, legible(column.name), self._heading)
        writers = [(k, self._writer(sheet, cells.number_format), cells.values) for k, cells in enumerate(columns)]
        for row in range(len(table.frame)):
            for k, write, values in writers:
                write(row + HEADING_ROWS, k, values[row])
        self._frozen(sheet, HEADING_ROWS, len(table.frame), len(columns))

    def _sheet(self, name: str, widths: Sequence[int]) -> Any:
        sheet = self._book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(self._footer)
        return sheet

    @staticmethod
    def _frozen(sheet: Any, headings: int, rows: int, columns: int) -> None:
        """Headings that stay in sight and on every printed page, with a filter."""
        sheet.freeze_panes(headings, 1)
        sheet.repeat_rows(0, headings - 1)
        if columns:
            sheet.autofilter(headings - 1, 0, headings - 1 + max(rows, 1), columns - 1)

    def _writer(self, sheet: Any, shown: str, wrap: bool = False) -> Callable[[int, int, Value], None]:
        """Write a value by its kind, and never anything that a spreadsheet would work out."""
        plain, risky = self._format(shown, False, wrap), self._format("", True, wrap)

        def write(row: int, column: int, value: Value) -> None:
            if isinstance(value, float):
                sheet.write_number(row, column, value, plain)
            elif isinstance(value, str):
                if value:
                    sheet.write_string(row, column, value, risky if looks_like_a_formula(value) else plain)
            elif isinstance(value, bool):
                sheet.write_boolean(row, column, value, plain)
            elif isinstance(value, datetime):
                sheet.write_datetime(row, column, value, plain)
            elif value is not None:
                sheet.write_number(row, column, value, plain)

        return write

    def _format(self, shown: str, quoted: bool, wrap: bool) -> Any:
        key = (f"{shown}{wrap}", quoted)
        if key not in self._formats:
            look: dict[str, Any] = {"num_format": shown} if shown else {}
            look |= {"quote_prefix": True} if quoted else {}
            look |= {"text_wrap": True, "valign": "top"} if wrap else {}
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]
