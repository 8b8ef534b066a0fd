"""A study: a folder with study.toml and inputs, opened, checked and completed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from geodata.checks import check_tables
from geodata.fallbacks import OLD_DATA, Fallback, complete, old_data
from geodata.importers.report import IMPORT_ACCOUNT
from geodata.locality_changes import carry_history, change_notes
from geodata.notices import notices
from geodata.policy import Policy
from geodata.problems import BadInput, Problem, nearest
from geodata.redrawn import set_aside, undeclared
from geodata.settings import BASE_SCENARIO, FILE, Settings, read_settings
from geodata.tables import find_tables, read_table
from placeplan.words import counted

if TYPE_CHECKING:
    from geodata.roads import RoadNetwork

# Read and checked; no stage uses them yet.
UNUSED_TABLES = ("catchments", "cluster_plan")
ALWAYS_NEEDED = ("localities", "pupils", "births")
FALLBACKS_SHOWN = {"capacity": "capacity", "pan": "admission number"}


@dataclass(frozen=True, eq=False)
class Study:
    """One scenario of a study, ready for its stages.

    Attributes
    ----------
    tables : complete tables by name (`geodata.fallbacks.complete`).
    files : the file of each table, roads included.
    fallbacks : what files left silent and how it was filled.
    notes : columns that were not used, and what in the tables should be looked at twice.
    boundaries : those of the notes that tell of changed boundaries.

    """

    folder: Path
    settings: Settings
    scenario: str
    policy: Policy
    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, Path]
    fallbacks: tuple[Fallback, ...]
    notes: tuple[str, ...]
    boundaries: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path | str, scenario: str = BASE_SCENARIO) -> Study:
        """Read and check a study; BadInput with every problem found."""
        folder = Path(folder)
        if not folder.is_dir():
            raise BadInput([Problem(str(folder), "There is no such folder.", "`placeplan new DIR` makes one.")])
        settings, problems = read_settings(folder / FILE)
        files, more = find_tables(folder / "inputs")
        problems += more
        problems += [
            Problem(f"{name}.csv", "The file is missing.", f"Put {name} into inputs/.")
            for name in ALWAYS_NEEDED
            if name not in files
        ]
        if settings is not None and scenario != BASE_SCENARIO and scenario not in settings.scenarios:
            mend = nearest(scenario, [BASE_SCENARIO, *settings.scenarios])
            problems.append(Problem(FILE, f"There is no scenario {scenario}.", mend))
        tables, more, notes = _read_tables(files)
        problems += more
        if settings is not None:
            # Tables with broken cells are checked together too, so that every problem comes at once.
            problems += check_tables(tables, settings, {name: path.name for name, path in files.items()})
            policy = settings.policy_for(scenario if not problems else BASE_SCENARIO)
            problems += _road_problems(folder, files, policy)
        if problems or settings is None:
            raise BadInput(problems)
        # Until here the index told the row of the file, blank lines counted.
        carried = carry_history({name: frame.reset_index(drop=True) for name, frame in tables.items()})
        redrawn = undeclared(carried["pupils"])
        boundaries = [*change_notes(tables), *map(str, redrawn)]
        notes += [*notices(carried, settings), *boundaries]
        filled, fallbacks = complete(set_aside(carried, redrawn), settings, policy)
        return cls(folder, settings, scenario, policy, filled, files, tuple(fallbacks), tuple(notes), tuple(boundaries))

    @property
    def results(self) -> Path:
        """Folder of this scenario's results."""
        return self.folder / "results" / self.scenario

    @property
    def import_account(self) -> list[str]:
        """What was joined, estimated, left out and noticed when published files were made into this study."""
        path = self.folder / IMPORT_ACCOUNT
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def unused_tables(self) -> tuple[str, ...]:
        """Tables that were read and checked, and that no stage uses yet."""
        return tuple(name for name in UNUSED_TABLES if name in self.tables)

    @property
    def estimated(self) -> bool:
        """Whether pupils or births are apportioned rather than counted."""
        return any(bool(self.tables[name]["estimated"].any()) for name in ("pupils", "births") if name in self.tables)

    @property
    def approximate(self) -> bool:
        """Whether distances are straight lines × a detour factor for want of roads."""
        return "roads" not in self.files

    @property
    def banners(self) -> list[str]:
        """What every page must say about this study's data."""
        said = []
        if old_data(self.tables, self.settings, self.policy):
            said.append(OLD_DATA)
            dates = sorted(set(self.tables["schools"]["capacity_year"].dropna())) if "schools" in self.tables else []
            if dates and dates[0] < self.settings.base_year:
                said.append(f"Capacities are of {dates[0]}, pupils of {self.settings.base_year}.")
        if self.estimated:
            said.append("Estimated: pupils and births of small areas are apportioned from the authority's totals.")
        if self.approximate and "schools" in self.tables:
            factor = self.policy.number("detour_factor")
            said.append(f"Approximate: distances are straight lines × {factor:g}; there is no road network.")
        guessed: dict[str, int] = {}
        for fallback in self.fallbacks:
            if fallback.table == "schools" and fallback.field in FALLBACKS_SHOWN:
                guessed[fallback.field] = guessed.get(fallback.field, 0) + fallback.count
        if guessed:
            parts = [f"{FALLBACKS_SHOWN[field]} of {counted(count, 'school')}" for field, count in guessed.items()]
            said.append(f"Estimated: {' and '.join(parts)}; the report says how.")
        return said

    @cached_property
    def roads(self) -> RoadNetwork | None:
        """The road network, from the cache where the file has been read before; None without roads."""
        return _cached_roads(self.folder, self.files, self.policy) if "roads" in self.files else None


def _read_tables(files: Mapping[str, Path]) -> tuple[dict[str, pd.DataFrame], list[Problem], list[str]]:
    tables, problems, notes = {}, [], []
    for name, path in files.items():
        if name == "roads":
            continue
        frame, wrong, said = read_table(path, name)
        problems += wrong
        notes += said
        if len(frame):
            tables[name] = frame
    return tables, problems, notes


def _road_problems(folder: Path, files: Mapping[str, Path], policy: Policy) -> list[Problem]:
    if "roads" not in files:
        return []
    try:
        _cached_roads(folder, files, policy)
    except (ValueError, OSError) as error:
        return [Problem(files["roads"].name, f"The roads cannot be read: {error}", "Download the extract again.")]
    return []


def _cached_roads(folder: Path, files: Mapping[str, Path], policy: Policy) -> RoadNetwork:
    from geodata.roads import RoadNetwork, read_roads

    speeds = policy.drive_kmh()
    key = hashlib.sha256(files["roads"].read_bytes() + json.dumps(speeds, sort_keys=True).encode()).hexdigest()
    cached = folder / ".cache" / f"roads-{key[:16]}.parquet"
    if cached.exists():
        return RoadNetwork.read(cached)
    network = read_roads(files["roads"], speeds)
    cached.parent.mkdir(exist_ok=True)
    network.write(cached)
    return network


def counted_rolls(study: Study) -> pd.Series:
    """Pupils on roll in the base year by urn, as text."""
    rolls = study.tables["rolls"]
    rolls = rolls[rolls["academic_year"] == study.settings.base_year]
    return rolls.groupby(rolls["urn"].astype(str))["pupils"].sum()
