"""Results of a stage: written whole or not at all, with a summary and a fingerprint of all that it rests on."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_object_dtype

PACKAGES = ("geodata", "models", "solvers", "maps", "placeplan")
SUMMARY = "summary.json"
MANIFEST = "manifest.json"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
# Looking at a GeoPackage in QGIS leaves marks in the file and files beside it, and changes no data. The bytes are the
# journal's kind, the change counter, what it is valid for and the version: https://www.sqlite.org/fileformat.html
OPENED = (".gpkg-wal", ".gpkg-shm", ".gpkg-journal")
OPENING_MARKS = ((18, 20), (24, 28), (92, 100))


@dataclass(frozen=True)
class StageResult:
    """What a stage gives: tables, pages, writers of other files and a summary."""

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)


def write_stage(folder: Path, result: StageResult, made_from: Mapping[str, Any], run_seconds: float = 0.0) -> None:
    """Replace the results of a stage as a whole: everything is written beside them first, then swapped.

    The summary says what the stage was `made_from` and lists every other file with its SHA-256.
    """

    def write(staging: Path) -> None:
        for name, table in result.tables.items():
            table.to_parquet(staging / f"{name}.parquet", index=False)
        for name, text in result.pages.items():
            (staging / name).write_text(text, encoding="utf-8")
        for name, write_file in result.files.items():
            write_file(staging / name)
        summary = {
            "fingerprint": digest(folder.name, made_from),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "run_seconds": round(run_seconds, 2),
            "status": "done",
            "rows": {name: len(table) for name, table in result.tables.items()},
            "fallbacks": [],
            "warnings": [],
            **result.summary,
            "made_from": made_from,
        }
        _write_summary(staging, summary)

    _replace(folder, write)


def add_csv(folder: Path) -> None:
    """Put a CSV beside every Parquet table of a stage that has none; Excel reads its letters and runs nothing in it."""
    bare = [path for path in sorted(folder.glob("*.parquet")) if not path.with_suffix(".csv").exists()]

    def write(staging: Path) -> None:
        for path in bare:
            table = harmless(pd.read_parquet(path))
            table.to_csv(staging / f"{path.stem}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")

    if bare:
        add_files(folder, write)


def add_files(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` put files into a copy of a stage's folder and swap it in; without a summary it is left alone."""
    summary = read_summary(folder)
    if summary is None:
        return

    def copy_and_write(staging: Path) -> None:
        shutil.copytree(folder, staging, dirs_exist_ok=True)
        write(staging)
        _write_summary(staging, summary)

    _replace(folder, copy_and_write)


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would take for a formula."""
    texts = [name for name, kind in table.dtypes.items() if is_object_dtype(kind) or isinstance(kind, pd.StringDtype)]
    safe = {}
    for name in texts:
        risky = table[name].astype("string").str.startswith(FORMULA_SIGNS).fillna(False).astype(bool)
        safe[name] = table[name].where(~risky, "'" + table[name].astype("string"))
    return table.assign(**safe)


def _write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write summary.json of a stage with the SHA-256 of every file beside it."""
    listed = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != SUMMARY}
    text = json.dumps(_plain({**summary, "files": listed}), indent=2, ensure_ascii=False)
    (folder / SUMMARY).write_text(text, encoding="utf-8")


def _replace(folder: Path, write: Callable[[Path], None]) -> None:
    """Swap a folder for what `write` puts into an empty one beside it; a failure leaves the folder as it was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    mend_interrupted(folder)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(staging)
        staging.chmod(0o755)
        _swap(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, folder: Path) -> None:
    if not folder.exists():
        staging.rename(folder)
        return
    old = folder.with_name(f".{folder.name}-old-{os.getpid()}")
    folder.rename(old)
    try:
        staging.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def mend_interrupted(folder: Path) -> None:
    """Undo a writing that was cut off: old results that were set aside come back, half-written ones go."""
    set_aside = sorted(folder.parent.glob(f".{folder.name}-old-*"), key=lambda path: path.stat().st_mtime)
    if set_aside and not folder.exists():
        set_aside[-1].rename(folder)
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def read_stage(folder: Path, name: str) -> pd.DataFrame:
    """One table of a stage as it was written."""
    return pd.read_parquet(folder / f"{name}.parquet")


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Summary of a stage, None where it has not been run or its summary cannot be read."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def changed_files(folder: Path, summary: Mapping[str, Any]) -> list[str]:
    """How the files of a stage differ from those its summary lists, a sentence each."""
    listed: Mapping[str, str] = summary.get("files", {})
    there = {
        path.name for path in folder.iterdir() if not path.name.startswith((".", "~")) and path.suffix not in OPENED
    }
    wrong = [f"{name} is missing" for name in listed if name not in there]
    wrong += [f"{name} is not one of its files" for name in sorted(there - {*listed, SUMMARY})]
    kept = [name for name in listed if name in there]
    return wrong + [f"{name} has been changed" for name in kept if file_digest(folder / name) != listed[name]]


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write what a scenario's results were made from, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f".{MANIFEST}-*"):
        left.unlink()
    staging = folder / f".{MANIFEST}-{os.getpid()}"
    staging.write_text(json.dumps(_plain(manifest), indent=2, ensure_ascii=False), encoding="utf-8")
    staging.replace(folder / MANIFEST)


def file_digest(path: Path) -> str:
    """SHA-256 of a file; of a GeoPackage without what SQLite's header says about who opened it last."""
    if path.suffix == ".gpkg":
        content = bytearray(path.read_bytes())
        for first, end in OPENING_MARKS:
            content[first:end] = bytes(end - first)
        return hashlib.sha256(content).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(*parts: object) -> str:
    """One short fingerprint of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(_plain(parts), sort_keys=True).encode()).hexdigest()[:32]


@cache
def code_digest() -> str:
    """Fingerprint of the program itself: results made by other code are made again."""
    parts = hashlib.sha256()
    for package in PACKAGES:
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix in (".py", ".csv", ".js", ".css", ".html"):
                parts.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return parts.hexdigest()[:32]


def versions() -> dict[str, str]:
    """Versions of the program and of the libraries whose numbers results depend on."""
    names = ("placeplan", "numpy", "scipy", "pandas", "geopandas", "osmnx", "highspy", "ortools", "pyomo")
    return {name: version(name) for name in names}


def _plain(value: Any) -> Any:
    """The value as JSON can say it: NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
