"""Reading and writing the tables of a study: CSV, Parquet, GeoPackage or GeoJSON, one file a table.

Every table comes back with all its fields in the order of the list, typed, with defaults filled in; whatever is
wrong comes back beside it as problems that name file, row and field.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from geodata.columns import coerce, fill
from geodata.delimited import read_delimited
from geodata.fields import Field, Table, tables
from geodata.problems import Problem, nearest

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".gpkg", ".geojson")
ROAD_SUFFIXES = (".parquet", ".osm.pbf", ".osm", ".graphml", ".csv")
SHOWN = 5


def find_tables(inputs: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Files of a study's inputs folder by table name, and files that are no table."""
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    known = [*tables(), "roads"]
    for path in sorted(inputs.iterdir()) if inputs.is_dir() else []:
        if path.name.startswith((".", "~")) or path.is_dir():
            continue
        stem, _, suffix = path.name.partition(".")
        allowed = ROAD_SUFFIXES if stem == "roads" else SUFFIXES
        if stem not in known:
            problems.append(Problem(path.name, "No table has this name.", nearest(stem, known)))
        elif f".{suffix}" not in allowed:
            problems.append(Problem(path.name, f"The format .{suffix} is not read.", f"Use {', '.join(allowed)}."))
        elif stem in found:
            problems.append(Problem(path.name, f"The table is also in {found[stem].name}.", "Keep one of the two."))
        else:
            found[stem] = path
    return found, problems


def read_table(path: Path, name: str, crs: str = "EPSG:27700") -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """One table, typed and complete; the problems found; and notes on columns that were not used.

    The frame is a GeoDataFrame in `crs` where the file has geometry. Where there are problems it serves only to find
    more of them; it is empty where the columns are wrong.
    """
    table = tables()[name]
    try:
        raw, problems = _read_raw(path, crs)
    except Exception as error:
        what = f"The file cannot be read: {type(error).__name__}: {error}."
        return pd.DataFrame(), [Problem(path.name, what, "Save it again, or replace it.")], []
    wrong_columns, notes = _column_problems(raw, table, path.name)
    problems += wrong_columns
    if raw.empty:
        problems.append(Problem(path.name, "The table has no rows.", "Add rows, or remove the file."))
    if wrong_columns or raw.empty:
        return pd.DataFrame(), problems, notes
    typed = {}
    for field in table.fields.values():
        if field.name in raw:
            typed[field.name], wrong = coerce(raw[field.name], field)
            problems += [Problem(path.name, *parts) for parts in wrong]
        elif field.type != "geometry":
            typed[field.name] = fill(field, raw.index)
    frame = pd.DataFrame(typed, index=raw.index)
    problems += _key_problems(frame, table, path.name) + _whole_number_problems(frame, table, path.name)
    if "geometry" in raw and "geometry" in table.fields:
        import geopandas as gpd

        frame = gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(raw["geometry"]), crs=crs)
    return frame, problems, notes


def _read_raw(path: Path, crs: str) -> tuple[pd.DataFrame, list[Problem]]:
    """What stands in the file, indexed by row less 2, and what keeps cells from standing under their heading."""
    if path.name.endswith((".csv", ".csv.gz")):
        frame, too_long = read_delimited(path)
        mend = "Put a cell that holds a comma in quotation marks; delete what stands after the last column."
        problems = [
            Problem(path.name, f"The row has {cells} cells, more than there are headings.", mend, row + 2)
            for row, cells in list(too_long.items())[:SHOWN]
        ]
        problems += _more(path.name, len(too_long), "rows with too many cells")
    else:
        frame, problems = _numbered(_read_geo(path, crs)), []
    if "geometry" in frame and type(frame) is pd.DataFrame:
        if frame["geometry"].fillna("").ne("").any():
            what, mend = "A boundary is no cell of text.", "Save the table as GeoPackage or GeoJSON."
            problems.append(Problem(path.name, what, mend, field="geometry"))
        frame = frame.drop(columns="geometry")
    elif "geometry" in frame and frame["geometry"].isna().all():
        frame = pd.DataFrame(frame.drop(columns="geometry"))
    return frame, problems


def _read_geo(path: Path, crs: str) -> pd.DataFrame:
    parquet = path.name.endswith(".parquet")
    if parquet:
        import pyarrow.parquet as pq

        if b"geo" not in (pq.read_schema(path).metadata or {}):
            return pd.read_parquet(path)
    import geopandas as gpd

    geo = gpd.read_parquet(path) if parquet else gpd.read_file(path)
    if not isinstance(geo, gpd.GeoDataFrame):
        return geo  # a GeoPackage of rows without geometry
    if geo.crs is None:
        raise ValueError("it has no coordinate reference system")
    if geo.geometry.name != "geometry":
        geo = geo.rename_geometry("geometry")
    return geo.to_crs(crs)


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows numbered from 0; an index that bears a name of its own becomes columns."""
    unnamed = all(name is None or name in frame for name in frame.index.names)
    return frame.reset_index(drop=unnamed)


def _column_problems(raw: pd.DataFrame, table: Table, file: str) -> tuple[list[Problem], list[str]]:
    known = list(table.fields)
    unknown = [str(column) for column in raw.columns if column not in known]
    problems, notes = [], []
    missing = [f.name for f in table.fields.values() if f.required and f.name not in raw]
    for field in missing:
        near = next((word for word in unknown if nearest(word, [field]).startswith("Did")), None)
        mend = f"Is it the column {near}? Rename it." if near else f"Add it: {table.fields[field].meaning}."
        problems.append(Problem(file, "The column is missing.", mend, field=field))
    for word in unknown:
        advice = nearest(word, known)
        if advice.startswith("Did") and not any(nearest(word, [field]).startswith("Did") for field in missing):
            problems.append(Problem(file, "There is no such column.", f"{advice} Otherwise remove it.", field=word))
        elif not advice.startswith("Did"):
            notes.append(f"{file}: column {word} is not used.")
    repeated = raw.columns[raw.columns.duplicated()]
    problems += [Problem(file, "The column stands twice.", "Keep one.", field=str(column)) for column in repeated]
    return problems, notes


def _key_problems(frame: pd.DataFrame, table: Table, file: str) -> list[Problem]:
    if not table.key:
        return []
    frame = frame[frame[[name for name in table.key if table.fields[name].required]].notna().all(axis=1)]
    again = frame.duplicated(table.key, keep="first")
    first = frame.drop_duplicates(table.key).reset_index(names="first_row").set_index(table.key)["first_row"]
    problems = []
    for row in frame.index[again][:SHOWN]:
        values = frame.loc[row, table.key]
        named = " ".join(str(value) for value in values if not pd.isna(value))
        at = first.loc[tuple(values)] if len(table.key) > 1 else first.loc[values.iloc[0]]
        earlier = int(at.iloc[0] if isinstance(at, pd.Series) else at) + 2
        problems.append(
            Problem(
                file,
                f"{named} stands in row {earlier} already.",
                "Keep one row.",
                int(row) + 2,
                ", ".join(table.key),
            )
        )
    return problems + _more(file, int(again.sum()), "duplicated rows")


def _whole_number_problems(frame: pd.DataFrame, table: Table, file: str) -> list[Problem]:
    problems: list[Problem] = []
    if "estimated" not in table.fields:
        return problems
    for field in table.fields.values():
        if field.type == "number" and field.unit in ("pupils", "births"):
            counted = ~frame["estimated"].fillna(False).astype(bool)
            broken = (frame[field.name] % 1 != 0) & frame[field.name].notna() & counted
            problems += [
                Problem(
                    file,
                    f"{frame.at[row, field.name]:g} is not a whole number.",
                    "Give a whole number, or say yes in the column estimated.",
                    int(row) + 2,
                    field.name,
                )
                for row in frame.index[broken][:SHOWN]
            ]
            problems += _more(file, int(broken.sum()), f"fractional {field.name}")
    return problems


def _more(file: str, count: int, what: str) -> list[Problem]:
    if count <= SHOWN:
        return []
    return [Problem(file, f"And {count - SHOWN} more {what}.", "")]


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as its suffix says: .csv, .parquet, .gpkg or .geojson."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".csv", ".csv.gz")):
        frame.to_csv(path, index=False, lineterminator="\n")
    elif path.name.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    else:
        frame.to_file(path)


def write_inputs(inputs: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write a study's tables: GeoPackage where one has geometry, else CSV; unused optional columns left out."""
    for name, frame in frames.items():
        required = {f.name for f in tables()[name].fields.values() if f.required}
        used = frame[[c for c in frame.columns if c in required or not frame[c].isna().all()]]
        write_table(used, inputs / f"{name}.{'gpkg' if 'geometry' in used else 'csv'}")


def data_dictionary() -> list[tuple[Table, list[Field]]]:
    """Tables and their fields in the order shown to people."""
    return [(table, list(table.fields.values())) for table in tables().values()]
