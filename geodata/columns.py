"""One column: from what stands in a file to typed values, with what is wrong row by row."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from geodata.fields import Field
from geodata.years import parse_academic_year, parse_year_group

SHOWN = 5
TRUE = frozenset({"yes", "true", "1", "y", "1.0"})
FALSE = frozenset({"no", "false", "0", "n", "0.0"})
SUPPRESSED = frozenset({"c", "x", "z", "low", "*", ":"})  # how published tables mark a number they withhold
# What turns the direction of text: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
TURNS = re.compile("[\u202a\u202b\u202d\u202e\u2066\u2067\u2068]")
ISOLATES, END_ISOLATE, END_TURN = "\u2066\u2067\u2068", "\u2069", "\u202c"
Wrong = tuple[str, str, int | None, str]  # what, mend, row, field


def _in_a_sentence(words: str) -> str:
    """Words that stood alone, for the middle of a sentence: names such as R and ONS keep their capitals."""
    return words[0].lower() + words[1:] if words[1:2].islower() else words


def coerce(raw: pd.Series, field: Field) -> tuple[pd.Series, list[Wrong]]:
    """Typed values of a column and what is wrong: (what, mend, row as a spreadsheet shows it, field).

    Blank cells take the field's default; a blank cell of a required field is wrong, unless it may be suppressed: then
    it is not known (NaN), as are the symbols that stand for a suppressed number.
    """
    if field.type == "geometry":
        return raw, _shapes(raw, field)
    text = _text(raw, "%Y-%m-%d %H:%M:%S" if field.type == "date_time" else "%Y-%m-%d")
    if field.suppressed:
        text = text.where(~text.str.lower().isin(SUPPRESSED), None) if text.notna().any() else text
    blank = text.isna()
    values, bad = _PARSERS[field.type](text)
    wrong: list[Wrong] = _rows(text, bad & ~blank, field, *_EXPECTED[field.type])
    if field.required and not field.suppressed:
        wrong += _rows(text, blank, field, "The cell is empty.", f"Give {_in_a_sentence(field.meaning)}.")
    if field.allowed:
        values, outside = _choice(values, field)
        wrong += _rows(text, outside & ~blank, field, "{} is not known.", f"Use one of: {', '.join(field.allowed)}.")
    if field.minimum is not None:
        low = pd.to_numeric(values) < field.minimum
        wrong += _rows(text, low, field, f"{{}} is below {field.minimum:g}.", "Correct it.")
    if field.maximum is not None:
        high = pd.to_numeric(values) > field.maximum
        wrong += _rows(text, high, field, f"{{}} is above {field.maximum:g}.", "Correct it.")
    if field.default and blank.any():
        values = values.where(~blank, fill(field, raw.index))
    return _finish(values, field), wrong


def fill(field: Field, index: pd.Index) -> pd.Series:
    """A whole column of a field's default, or of missing values where it has none."""
    text = pd.Series([field.default or None] * len(index), index=index, dtype=object)
    return _finish(_PARSERS[field.type](text)[0], field)


def _shapes(shapes: pd.Series, field: Field) -> list[Wrong]:
    """What is wrong with a GeoSeries: not drawn, of a kind that is no boundary, or crossing itself."""
    none = shapes.isna() | shapes.is_empty
    kind = shapes.geom_type
    other = ~none & ~kind.isin(field.allowed)
    broken = ~none & ~other & ~shapes.is_valid
    reason = shapes.is_valid_reason()
    one_of = f"Use one of: {', '.join(field.allowed)}."
    redraw = "Redraw it, or mend it in a map program (QGIS: Fix geometries)."
    return [
        *_rows(shapes, none, field, "There is no boundary.", "Draw it, or take the row out."),
        *_rows(kind, other, field, "A {} is no boundary.", one_of),
        *_rows(reason, broken, field, "The boundary crosses itself or is broken: {}.", redraw),
    ]


def _text(raw: pd.Series, moment: str) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(raw):
        raw = raw.dt.strftime(moment)
    elif pd.api.types.is_float_dtype(raw) and (raw.dropna() % 1 == 0).all():
        raw = raw.astype("Int64")  # codes beside an empty cell: 7, not 7.0
    text = raw.astype(object).where(raw.notna(), None)
    text = text.map(lambda cell: _closed(str(cell).strip()), na_action="ignore")
    return text.where(text.ne(""), None)


def _closed(text: str) -> str:
    """The text with what turns its direction closed, so that it turns no word or figure that is written after it."""
    if not TURNS.search(text):
        return text
    left: list[str] = []
    for sign in text:
        if TURNS.match(sign):
            left.append(END_ISOLATE if sign in ISOLATES else END_TURN)
        elif left and sign == left[-1]:
            left.pop()
    return text + "".join(reversed(left))


def _rows(text: pd.Series, bad: pd.Series, field: Field, what: str, mend: str) -> list[Wrong]:
    rows = text.index[bad.fillna(False).astype(bool)]
    wrong: list[Wrong] = [(what.format(repr(text[row])), mend, int(row) + 2, field.name) for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        wrong.append((f"And {len(rows) - SHOWN} more rows like these.", "", None, field.name))
    return wrong


def _choice(values: pd.Series, field: Field) -> tuple[pd.Series, pd.Series]:
    canonical = {word.lower(): word for word in field.allowed}
    known = values.map(lambda word: canonical.get(str(word).lower()), na_action="ignore")
    return known, known.isna()


def _number(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    values = pd.to_numeric(text, errors="coerce").astype(float)
    return values, ~np.isfinite(values)


def _integer(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    values, bad = _number(text)
    return values, bad | (values % 1 != 0)


def _words(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    return text, pd.Series(False, index=text.index)


def _flag(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    word = text.str.lower() if text.notna().any() else text
    values = pd.Series(pd.NA, index=text.index, dtype="boolean")
    values[word.isin(TRUE)] = True
    values[word.isin(FALSE)] = False
    return values, values.isna()


def _date(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    values = pd.to_datetime(text, errors="coerce", format="%Y-%m-%d")
    return values, values.isna()


def _date_time(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    moments = text.str.replace("T", " ") if text.notna().any() else text
    values = pd.to_datetime(moments, errors="coerce", format="%Y-%m-%d %H:%M")
    for other in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        values = values.fillna(pd.to_datetime(moments, errors="coerce", format=other))
    return values, values.isna()


def _parsed(parse: Callable[[object], str | None]) -> Callable[[pd.Series], tuple[pd.Series, pd.Series]]:
    def column(text: pd.Series) -> tuple[pd.Series, pd.Series]:
        known = {word: parse(word) for word in text.dropna().unique()}
        values = text.map(known)
        return values, values.isna()

    return column


_PARSERS: dict[str, Callable[[pd.Series], tuple[pd.Series, pd.Series]]] = {
    "text": _words,
    "number": _number,
    "integer": _integer,
    "urn": _integer,
    "flag": _flag,
    "date": _date,
    "date_time": _date_time,
    "academic_year": _parsed(parse_academic_year),
    "year_group": _parsed(parse_year_group),
}
_EXPECTED: dict[str, tuple[str, str]] = {
    "text": ("{} is not text.", "Give text."),
    "number": ("{} is not a number.", "Give a number without unit or thousands comma."),
    "integer": ("{} is not a whole number.", "Give a whole number."),
    "urn": ("{} is not a URN.", "Give the six-digit number from GIAS."),
    "flag": ("{} is neither yes nor no.", "Give yes or no."),
    "date": ("{} is not a date.", "Write it as 2015-06-30."),
    "date_time": ("{} is not a date with a time.", "Write it as 2015-06-30 14:05."),
    "academic_year": ("{} is not an academic year.", "Write it as 2022/23."),
    "year_group": ("{} is not a year group.", "Use R, Y1 … Y13, or A0 … A3 below school age."),
}


def _finish(values: pd.Series, field: Field) -> pd.Series:
    if field.type in ("integer", "urn"):
        numbers = pd.to_numeric(values)
        whole = numbers.where(numbers % 1 == 0)
        return whole.astype("int64" if not whole.isna().any() else "Int64")
    if field.type == "flag":
        flags = values.astype("boolean")
        return flags.astype(bool) if not flags.isna().any() else flags
    if field.type == "number":
        return values.astype(float)
    if field.type in ("date", "date_time"):
        return pd.to_datetime(values)
    return values.astype(object).where(values.notna(), None)
