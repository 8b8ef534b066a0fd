"""Reading a workbook back and setting it beside the tables it was made of; the workbook's own code is not asked."""

import math
import zipfile
from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pandas as pd

UNITS, HEADINGS = 1, 2  # rows above the table
ABOUT = ("Read me", "Contents", "Columns")
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def tables_of(results: Path) -> dict[tuple[str, str], pd.DataFrame]:
    """Every Parquet table of every stage that has a summary of its own."""
    stages = [path.name for path in sorted(results.iterdir()) if path.is_dir() and path.name != "draws"]
    return {
        (stage, path.stem): pd.read_parquet(path)
        for stage in stages
        for path in sorted((results / stage).glob("*.parquet"))
    }


def differences(workbook: Path, tables: dict[str, pd.DataFrame], most_rows: int | None = None) -> list[str]:
    """Cells of the tables' sheets that do not hold what the table holds; of longer tables the first `most_rows`."""
    book = openpyxl.load_workbook(workbook, read_only=True)
    wrong: list[str] = []
    for name, table in tables.items():
        shown = table if most_rows is None else table.head(most_rows)
        rows = list(book[name].iter_rows(min_row=HEADINGS, max_row=HEADINGS + len(shown), values_only=True))
        # A row of blanks at the end of a sheet is not written.
        rows += [()] * (len(shown) + 1 - len(rows))
        if list(rows[0]) != list(table.columns):
            wrong.append(f"{name}: headings {rows[0]}")
            continue
        for number, (row, cells) in enumerate(zip(shown.itertuples(index=False, name=None), rows[1:], strict=True)):
            cells = (*cells, *[None] * (len(row) - len(cells)))
            pairs = zip(table.columns, row, cells, strict=True)
            wrong += [
                f"{name} row {number} {column}: {value!r} is {cell!r}"
                for column, value, cell in pairs
                if not same(value, cell)
            ]
        full = book[name].max_row
        if full is not None and len(table) and full > HEADINGS + len(table):
            wrong.append(f"{name}: {full} rows in the sheet, {len(table)} in the table")
    book.close()
    return wrong


def same(value: object, cell: object) -> bool:
    """Whether a cell holds a value of a table, in a type that a spreadsheet reckons with."""
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or value == ""
        or (isinstance(value, float) and value != value)
    ):
        return cell is None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return cell is value
    if isinstance(value, float) and math.isinf(value):
        return cell == ("∞" if value > 0 else "−∞")
    if isinstance(value, int | float):
        return type(cell) in (int, float) and math.isclose(cell, value, rel_tol=1e-14, abs_tol=0)  # type: ignore[arg-type]
    if isinstance(cell, datetime):
        day = value if isinstance(value, datetime | date) else datetime.fromisoformat(str(value))
        return cell == day
    return cell == value


def what_could_run(workbook: Path) -> list[str]:
    """Formulas, links, macros and anything else of a workbook's parts that is not plain data; parts are all XML."""
    found = []
    with zipfile.ZipFile(workbook) as parts:
        for name in parts.namelist():
            root = ET.fromstring(parts.read(name))
            if not name.endswith((".xml", ".rels")) or "vba" in name or "externalLink" in name:
                found.append(name)
            if name.startswith("xl/worksheets"):
                tags = {element.tag for element in root.iter()}
                found += [f"{name}: {tag}" for tag in (f"{SHEET}f", f"{SHEET}hyperlink") if tag in tags]
            if name.endswith(".rels") and b'TargetMode="External"' in parts.read(name):
                found.append(f"{name}: a link to the outside")
    return found
