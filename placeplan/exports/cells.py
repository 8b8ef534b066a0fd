"""What stands in the cells of a sheet: numbers as numbers, text as inert text, days as days, and how they are shown.

In a workbook a cell says itself whether it is text or a formula. Text is always written as text, so the apostrophe of
`results.harmless` is not needed here: Excel would show it. Text that looks like a formula carries the mark that typing
an apostrophe sets (quotePrefix): it stays text when somebody edits the cell and leaves it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_integer_dtype, is_numeric_dtype

from placeplan.exports.meanings import DATE, GBP, SHARE, Column
from placeplan.results import FORMULA_SIGNS

LONGEST_TEXT = 32_767  # of a cell
CUT = " … (cut: the CSV has it whole)"
# What XML 1.0 cannot hold, lone surrogates among it: https://www.w3.org/TR/xml/#charsets
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
REPLACEMENT = "\ufffd"
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
INFINITE = {math.inf: "∞", -math.inf: "−∞"}
WIDEST, NARROWEST, LOOKED_AT = 60, 9, 500

Value = str | float | int | bool | datetime | None


@dataclass(frozen=True, eq=False)
class Cells:
    """A column's values as a sheet holds them: blanks are None, infinities signs, days datetimes; and their format."""

    values: list[Value]
    number_format: str
    width: int


def cells_of(values: pd.Series, column: Column) -> Cells:
    """A column of a table, ready for a sheet."""
    held = values_of(values, column)
    shown = number_format(values, column)
    return Cells(held, shown, _width(column, held, shown))


def values_of(values: pd.Series, column: Column) -> list[Value]:
    """The values of a column as a sheet holds them."""
    missing = values.isna().to_numpy()
    if is_datetime64_any_dtype(values):
        held: list[Any] = [None if gone else one.to_pydatetime() for one, gone in zip(values, missing, strict=True)]
        return held
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iub":
        return list(values.tolist())
    plain: Sequence[Any] = values.astype(object).tolist()
    if column.unit == DATE and all(gone or _is_day(one) for one, gone in zip(plain, missing, strict=True)):
        return [
            datetime.fromisoformat(one) if one and not gone else None for one, gone in zip(plain, missing, strict=True)
        ]
    return [None if gone else _value(one) for one, gone in zip(plain, missing, strict=True)]


def _is_day(value: object) -> bool:
    return value == "" or (isinstance(value, str) and ISO_DAY.fullmatch(value) is not None)


def _value(value: Any) -> Value:
    if isinstance(value, float):
        return INFINITE.get(value, float(value))
    if isinstance(value, str):
        return legible(value)
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, bool | int) else legible(str(value))


def legible(text: str) -> str:
    """Text that a workbook can hold: what XML cannot hold is shown as �, line ends are one sign, too long is cut."""
    text = NOT_IN_XML.sub(REPLACEMENT, text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(CUT)] + CUT


def looks_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula, were it typed."""
    return text.startswith(FORMULA_SIGNS)


def number_format(values: pd.Series, column: Column) -> str:
    """How numbers of the column are shown; "" for text."""
    if column.unit == DATE or is_datetime64_any_dtype(values):
        return "d mmm yyyy"
    if is_bool_dtype(values) or not is_numeric_dtype(values):
        return ""
    if column.unit.startswith(GBP):
        return "£#,##0;-£#,##0"
    if column.unit == SHARE:
        return "0.0%"
    whole = is_integer_dtype(values)
    if not column.unit:
        return "0" if whole else "#,##0.00"
    return "#,##0" if whole or column.unit == "m" else "#,##0.0"


def _width(column: Column, values: Sequence[Value], shown: str) -> int:
    """Width in letters that shows the heading, its unit and most of the first values."""
    heading = max(len(column.name) + 3, len(column.unit) + 1, NARROWEST)
    if shown:
        return max(heading, 13)
    longest = max((len(value) for value in values[:LOOKED_AT] if isinstance(value, str)), default=0)
    return min(max(heading, longest + 1), WIDEST)
