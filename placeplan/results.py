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

PACKAGES = ("geodata", "models", "solvers", "maps", "placeplan")
SUMMARY = "summary.json"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StageResult:
    """What a stage gives: tables (with geometry in EPSG:27700), pages, writers of other files and a summary."""

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)


def write_stage(folder: Path, result: StageResult, fingerprint: str) -> None:
    """Replace the results of a stage as a whole: everything is written beside them first, then swapped."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, table in result.tables.items():
            if "geometry" in table:
                table.to_file(staging / f"{name}.gpkg", layer=name)
                table = pd.DataFrame(table.drop(columns="geometry"))
            table.to_parquet(staging / f"{name}.parquet", index=False)
        for name, text in result.pages.items():
            (staging / name).write_text(text, encoding="utf-8")
        for name, write in result.files.items():
            write(staging / name)
        summary = {
            "fingerprint": fingerprint,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": {name: len(table) for name, table in result.tables.items()},
            **result.summary,
        }
        (staging / SUMMARY).write_text(json.dumps(_plain(summary), indent=2, ensure_ascii=False), encoding="utf-8")
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
    shutil.rmtree(old)


def read_stage(folder: Path, name: str) -> pd.DataFrame:
    """One table of a stage as it was written, without its geometry."""
    return pd.read_parquet(folder / f"{name}.parquet")


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Summary of a stage, None where it has not been run."""
    path = folder / SUMMARY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write what a scenario's results were made from, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / f".{MANIFEST}-{os.getpid()}"
    staging.write_text(json.dumps(_plain(manifest), indent=2, ensure_ascii=False), encoding="utf-8")
    staging.replace(folder / MANIFEST)


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
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
    names = ("placeplan", "numpy", "scipy", "pandas", "geopandas", "osmnx", "highspy", "pyomo")
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
