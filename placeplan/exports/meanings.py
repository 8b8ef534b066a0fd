"""What every result table and each of its columns means, and in which unit: the lists beside this file, read once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Units that a column's name tells, the longest ending first.
ENDINGS = {
    "gbp_per_year": "GBP a year",
    "_gbp": "GBP",
    "_km": "km",
    "_min": "min",
    "_m": "m",
    "_share": "share",
    "pupils": "pupils",
    "places": "places",
}
BEGINNINGS = {"pupils_": "pupils", "places_": "places"}
DATE, SHARE, GBP = "date", "share", "GBP"


@dataclass(frozen=True)
class Column:
    """One column of a result table; `unit` is blank where it has none, `meaning` where the list is silent."""

    name: str
    unit: str
    meaning: str


def column_of(table: str, name: str) -> Column:
    """What a column of a table means: its own line in the list, else the line that stands for every table."""
    unit, meaning = _columns().get((table, name)) or _columns().get(("", name)) or ("", "")
    return Column(name, unit or unit_told(name), meaning)


def unit_told(name: str) -> str:
    """Unit that the name of a column tells; blank where it tells none."""
    for ending, unit in ENDINGS.items():
        if name.endswith(ending):
            return unit
    return next((unit for beginning, unit in BEGINNINGS.items() if name.startswith(beginning)), "")


def table_meaning(table: str) -> str:
    """What a result table holds, in a sentence; blank where the list is silent."""
    return tables_listed().get(table, ("", ""))[1]


@cache
def tables_listed() -> Mapping[str, tuple[str, str]]:
    """Stage and meaning of every table, in the order in which they are shown."""
    return {row["table"]: (row["stage"], row["meaning"]) for row in _rows("tables.csv")}


@cache
def _columns() -> Mapping[tuple[str, str], tuple[str, str]]:
    """Unit and meaning by table and column; the table is blank where the line stands for every table."""
    return {
        (table, row["column"]): (row["unit"], row["meaning"])
        for row in _rows("columns.csv")
        for table in row["tables"].split() or [""]
    }


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("placeplan.exports").joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
