"""Every table as CSV in one ZIP file: what a spreadsheet or a statistics program reads without this one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pandas as pd

from placeplan.exports.gathered import Gathered
from placeplan.exports.workbook import Listing
from placeplan.results import harmless

MARK = "\ufeff"  # without it Excel garbles letters such as ë
LEVEL = 6


def write_csv_zip(path: Path, listings: Sequence[Listing], tables: Sequence[Gathered]) -> None:
    """Write STAGE/TABLE.csv for every table, and a CSV for each listing, always with the same bytes.

    Text that a spreadsheet would take for a formula has an apostrophe before it: a CSV cannot say that a cell is text.
    """
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for listing in listings:
            frame = pd.DataFrame([list(row) for row in listing.rows], columns=list(listing.headings)).convert_dtypes()
            archive.writestr(_member(f"{listing.name.lower()}.csv"), _text(frame))
        for table in tables:
            archive.writestr(_member(f"{table.stage}/{table.name}.csv"), _text(table.frame))


def _member(name: str) -> ZipInfo:
    """A member made on the first day that ZIP knows, readable by everybody."""
    member = ZipInfo(name)
    member.compress_type = ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def _text(frame: pd.DataFrame) -> bytes:
    text = io.StringIO()
    harmless(frame).to_csv(text, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    return (MARK + text.getvalue()).encode()
