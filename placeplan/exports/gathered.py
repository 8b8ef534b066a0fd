"""The tables of all stages that stand, and whatever of their files is no table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from placeplan.exports.meanings import Column, column_of, table_meaning, tables_listed

SHEET_ROWS = 1_048_576  # of an Excel sheet: https://support.microsoft.com, "Excel specifications and limits"
HEADING_ROWS = 2
LONGEST_NAME = 31  # of a sheet
MOST_ROWS = 60_000
"""Rows beyond which a table is left to the CSV: such a sheet takes long to open, and nobody reads it."""
RESERVED = ("history", "read me", "contents", "columns")
TOO_LONG = "more rows than an Excel sheet can hold"
TECHNICAL = "a long technical table that would make the workbook slow to open"


@dataclass(frozen=True, eq=False)
class Gathered:
    """One result table: its stage, its name, its rows, and the sheet it has in the workbook."""

    stage: str
    name: str
    frame: pd.DataFrame
    sheet: str

    @cached_property
    def columns(self) -> list[Column]:
        """What its columns mean, in their order."""
        return [column_of(self.name, str(column)) for column in self.frame.columns]

    @property
    def meaning(self) -> str:
        """What it holds, in a sentence."""
        return table_meaning(self.name)

    @property
    def why_no_sheet(self) -> str:
        """Why it has no sheet in the workbook; blank where it has one."""
        if len(self.frame) > SHEET_ROWS - HEADING_ROWS:
            return TOO_LONG
        return TECHNICAL if len(self.frame) > MOST_ROWS else ""


@dataclass(frozen=True)
class Arrays:
    """A file of numbers for the program itself, in no table."""

    stage: str
    name: str


def gather(results: Path, stages: Sequence[str], made: dict[str, pd.DataFrame], own: str) -> list[Gathered]:
    """Tables of the `stages`, in their order and within each in that of the list, and those `made` by the stage `own`.

    Sheets have the tables' names; where two stages have a table of the same name, the stage's before it.
    """
    found = [(stage, path.stem, pd.read_parquet(path)) for stage in stages for path in _listed(results / stage)]
    found += [(own, name, table) for name, table in made.items()]
    names = sheet_names([(stage, name) for stage, name, _ in found])
    return [Gathered(*one, sheet) for one, sheet in zip(found, names, strict=True)]


def arrays(results: Path, stages: Collection[str]) -> list[Arrays]:
    """Files of arrays of the stages."""
    return [Arrays(stage, path.name) for stage in stages for path in sorted((results / stage).glob("*.npz"))]


def _listed(folder: Path) -> list[Path]:
    order = {name: number for number, name in enumerate(tables_listed())}
    return sorted(folder.glob("*.parquet"), key=lambda path: (order.get(path.stem, len(order)), path.stem))


def sheet_names(tables: Sequence[tuple[str, str]]) -> list[str]:
    """A name of at most 31 characters for each pair of stage and table, no two alike in any letter case."""
    often = Counter(name.lower() for _, name in tables)
    taken: set[str] = set(RESERVED)
    names = []
    for stage, name in tables:
        wanted = name if often[name.lower()] == 1 else f"{stage} {name}"
        sheet, number = wanted[:LONGEST_NAME], 2
        while sheet.lower() in taken:
            sheet, number = f"{wanted[: LONGEST_NAME - len(str(number)) - 1]} {number}", number + 1
        taken.add(sheet.lower())
        names.append(sheet)
    return names
