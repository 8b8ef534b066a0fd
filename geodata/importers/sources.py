"""A published file as it stands in a folder: its columns whatever their spelling, and its cells as text.

Publishers rename columns from year to year (`la_name`, `LA (name)`; `part time boys`, `part-time boys`), so columns
are known by their plain names: lower case letters and digits only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from geodata.problems import BadInput, Problem
from geodata.years import academic_year, parse_academic_year

if TYPE_CHECKING:
    import geopandas as gpd

CSV = (".csv", ".csv.gz")
BOUNDARIES = (".gpkg", ".geojson")
ROADS = (".osm.pbf", ".osm", ".graphml")
SUPPRESSED = frozenset({"c", "low"})
BLANK = frozenset({"", "z", "x", ":", ".", "..", "-", "~", "na", "n/a", "nan", "null", "<na>", "none"})

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_YEARS = re.compile(r"(?<!\d)((?:19|20)\d\d[-_]?\d\d)(?!\d)")


def plain(name: object) -> str:
    """Lower case letters and digits of a column's name: "LA (name)" → "laname"."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def plain_texts(texts: pd.Series) -> pd.Series:
    """Names as they compare: "Bristol, City of" and "BRISTOL CITY OF" are one."""
    lowered = texts.fillna("").astype(str).str.lower().str.replace("&", "and")
    return lowered.str.replace(r"[^a-z0-9]", "", regex=True)


@dataclass(frozen=True)
class Source:
    """One file of a folder.

    Attributes
    ----------
    path : where it stands.
    label : folder and file name, as messages show it.
    columns : plain name → name in the file; "geometry" included where it has one.

    """

    path: Path
    label: str
    columns: Mapping[str, str]

    @property
    def has_geometry(self) -> bool:
        """Whether the rows are shapes."""
        return "geometry" in self.columns

    def matching(self, pattern: str) -> list[str]:
        """Plain names of the columns that match the whole pattern, in the order of the file."""
        return [name for name in self.columns if re.fullmatch(pattern, name)]

    def first(self, *patterns: str) -> str | None:
        """Plain name of the first column that matches one of the patterns, the earlier pattern before the later."""
        return next((name for pattern in patterns for name in self.matching(pattern)), None)

    def read(self, names: Iterable[str], where: tuple[str, Collection[str]] | None = None) -> pd.DataFrame:
        """Cells of the columns of these plain names as text, "" where empty; columns the file lacks are absent.

        `where` = (plain name, plain texts) keeps the rows whose cell is one of the texts. BadInput where the file is
        damaged.
        """
        wanted = [name for name in dict.fromkeys(names) if name in self.columns]
        also = [where[0]] if where and where[0] not in wanted else []
        try:
            frame = self._cells([self.columns[name] for name in wanted + also])
        except Exception as error:
            raise self._damaged(error) from error
        frame.columns = pd.Index(wanted + also)
        if where:
            frame = frame[plain_texts(frame[where[0]]).isin(set(where[1]))]
        return _as_text(frame[wanted]).reset_index(drop=True)

    def _cells(self, columns: list[str]) -> pd.DataFrame:
        if self.path.name.endswith(CSV):
            return read_csv(self.path, columns)
        if self.path.name.endswith(".parquet"):
            import pyarrow.parquet as pq

            frame: pd.DataFrame = pq.read_table(self.path, columns=columns).to_pandas()
            return frame[columns]
        import geopandas as gpd

        return pd.DataFrame(gpd.read_file(self.path, ignore_geometry=True, columns=columns))[columns]

    def shapes(self, code: str, codes: Collection[str], crs: str) -> gpd.GeoSeries:
        """Valid shapes in `crs` by the text in column `code` (plain name), for these codes only."""
        try:
            geo = self._shapes(self.columns[code], codes)
            shape = geo.set_index(self.columns[code]).geometry.to_crs(crs)
        except Exception as error:
            raise self._damaged(error) from error
        broken = ~shape.is_valid
        shape[broken] = shape[broken].make_valid().buffer(0)
        return shape[~shape.index.duplicated()]

    def _shapes(self, column: str, codes: Collection[str]) -> gpd.GeoDataFrame:
        import geopandas as gpd

        if self.path.name.endswith(".parquet"):
            geo = gpd.read_parquet(self.path, filters=[(column, "in", sorted(codes))])
        else:
            geo = gpd.read_file(self.path)
            geo = geo[geo[column].isin(set(codes))]
        if geo.crs is None:
            raise ValueError("it has no coordinate reference system")
        return geo

    def _damaged(self, error: Exception) -> BadInput:
        what = f"The file cannot be read: {type(error).__name__}: {error}."
        return BadInput([Problem(self.label, what, "Download it again, or take it out of the folder.")])


def read_csv(path: Path, columns: list[str] | None = None, rows: int | None = None) -> pd.DataFrame:
    """Cells of a CSV as text; UTF-8, or the Windows code page (cp1252) that GIAS is published in."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=columns, nrows=rows, encoding=encoding)
        except UnicodeDecodeError:
            continue
        return frame if columns is None else frame[columns]
    raise ValueError("it is neither UTF-8 nor cp1252 text")


def open_source(path: Path) -> Source:
    """Columns of a file; raises whatever its reader raises where the file is damaged."""
    label = f"{path.parent.name}/{path.name}"
    if path.name.endswith(CSV):
        names = list(read_csv(path, rows=0).columns)
    elif path.name.endswith(".parquet"):
        import pyarrow.parquet as pq

        schema = pq.read_schema(path)
        names = [name for name in schema.names if name != "geometry" or b"geo" in (schema.metadata or {})]
    elif path.name.endswith(BOUNDARIES):
        import pyogrio

        names = [*pyogrio.read_info(path)["fields"], "geometry"]
    else:
        names = []
    columns: dict[str, str] = {}
    for name in names:
        columns.setdefault(plain(name), name)
    return Source(path, label, columns)


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: column.astype(object).where(column.notna(), "").astype(str).str.strip())


def numbers(texts: pd.Series) -> pd.Series:
    """Numbers of a column of text; missing where it holds a symbol (z, c, x, low, :) or nothing."""
    return pd.to_numeric(texts.str.replace(",", ""), errors="coerce").astype(float)


def suppressed(texts: pd.Series) -> pd.Series:
    """Which cells the publisher holds back to protect people (c, low)."""
    return texts.str.lower().isin(SUPPRESSED)


def words(texts: pd.Series) -> pd.Series:
    """Text, None where the cell is empty or holds the symbol for not applicable or not available."""
    return texts.astype(object).where(~texts.str.lower().isin(BLANK), None)


def codes(texts: pd.Series) -> pd.Series:
    """Codes as published, "8570001" where a spreadsheet made it "8570001.0"; None where empty."""
    return words(texts.str.replace(r"\.0+$", "", regex=True))


def year_in_name(path: Path) -> int | None:
    """The one calendar year in a file's name; None where there is none, or more than one."""
    found = set(_YEAR.findall(path.name))
    return int(found.pop()) if len(found) == 1 else None


def census_year_in_name(path: Path) -> str | None:
    """Academic year in a file's name: "_2022-23" as written, "_2023" as its January count; None without one."""
    written = {parse_academic_year(text.replace("_", "")) for text in _YEARS.findall(path.name)} - {None}
    if len(written) == 1:
        return written.pop()
    year = year_in_name(path)
    return None if year is None else academic_year(year - 1)
