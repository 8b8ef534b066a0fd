"""CSV files as people save them: in any usual encoding, with blank lines, with a cell too many in a row."""

from __future__ import annotations

import codecs
import csv
import gzip
from io import StringIO
from pathlib import Path

import pandas as pd

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_delimited(path: Path) -> tuple[pd.DataFrame, dict[int, int]]:
    """Every cell as text, and the number of cells of each row that has more of them than there are headings.

    A row keeps its place in the file: its index is the line as a spreadsheet numbers it, less 2; blank lines are left
    out. Raises what the decoder or pandas raises where the file is no CSV.
    """
    content = path.read_bytes()
    text = decoded(gzip.decompress(content) if path.name.endswith(".gz") else content).lstrip("\r\n")
    records = csv.reader(StringIO(text, newline=""), delimiter=(separator := _separator(text)))
    width = len(next(records, []))
    too_long = {row: len(cells) for row, cells in enumerate(records) if len(cells) > width}
    frame = pd.read_csv(
        StringIO(text, newline=""),
        sep=separator,
        dtype=str,
        keep_default_na=False,
        index_col=False,  # else a comma at the end of every row makes the first column the index
        usecols=range(width) if width else None,
        skip_blank_lines=False,
    ).fillna("")
    used = [name for name in frame if not str(name).startswith("Unnamed: ") or frame[name].ne("").any()]
    return frame.loc[frame.ne("").any(axis=1), used], too_long


def decoded(content: bytes) -> str:
    """The text of a file: by its byte-order mark, else UTF-8, else the encoding of Windows in western Europe.

    ValueError where it is no text.
    """
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        if encoding:
            raise
        text = content.decode("cp1252")
    if "\0" in text:
        raise ValueError("it holds NUL characters, so it is no text in a known encoding; save it as CSV UTF-8")
    return text


def _separator(text: str) -> str:
    """A comma, or the tab of what Excel calls Unicode text."""
    heading = text.partition("\n")[0]
    return "\t" if "\t" in heading and "," not in heading else ","
