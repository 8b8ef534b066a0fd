"""The one list of tables and fields: it drives reading, checks, the data dictionary and the glossary."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import StringIO
from types import MappingProxyType

import pandas as pd


@dataclass(frozen=True)
class Field:
    """One column of a table: what it holds and how it is checked; `suppressed`: a publisher may have withheld it."""

    table: str
    name: str
    type: str
    unit: str
    key: bool
    required: bool
    suppressed: bool
    default: str
    minimum: float | None
    maximum: float | None
    allowed: tuple[str, ...]
    meaning: str
    source: str


@dataclass(frozen=True)
class Table:
    """One table of a study: its fields in order, and what needs it."""

    name: str
    needed_for: str
    meaning: str
    fields: Mapping[str, Field]

    @property
    def key(self) -> list[str]:
        """Columns that name a row."""
        return [field.name for field in self.fields.values() if field.key]


def packaged_csv(name: str) -> pd.DataFrame:
    """A CSV list shipped with the package, every cell as text."""
    text = files("geodata").joinpath(name).read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)


def _field(row: Mapping[str, str]) -> Field:
    def number(text: str) -> float | None:
        return float(text) if text else None

    return Field(
        table=row["table"],
        name=row["field"],
        type=row["type"],
        unit=row["unit"],
        key=row["key"] == "yes",
        required=row["required"] == "yes",
        suppressed=row["suppressed"] == "yes",
        default=row["default"],
        minimum=number(row["minimum"]),
        maximum=number(row["maximum"]),
        allowed=tuple(row["allowed"].split("|")) if row["allowed"] else (),
        meaning=row["meaning"],
        source=row["source"],
    )


@cache
def tables() -> Mapping[str, Table]:
    """Every table a study may hold, by name, in the order of the data dictionary."""
    fields = [_field(row) for row in packaged_csv("fields.csv").to_dict("records")]
    listed = packaged_csv("tables.csv").to_dict("records")
    return MappingProxyType(
        {
            row["table"]: Table(
                row["table"],
                row["needed_for"],
                row["meaning"],
                MappingProxyType({f.name: f for f in fields if f.table == row["table"]}),
            )
            for row in listed
        }
    )
