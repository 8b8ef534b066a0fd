"""The study that was made a year before another: the same inputs without their last academic year."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

FOLDER = "last_year"


def write_last_year(study: Path, folder: Path) -> Path:
    """Write to `folder` the `study` as it stood a year before, and return it.

    Pupils, rolls, preferences and counted journeys of the base year are gone, births of the last year too. A table of
    one year only is taken as it stands for the year before.
    """
    import pandas as pd

    from geodata.settings import FILE, read_settings, write_settings
    from geodata.years import add_years

    settings, problems = read_settings(study / FILE)
    if settings is None:
        raise ValueError(f"{study} is no study: {problems[0]}")
    before = add_years(settings.base_year, -1)
    shutil.copytree(study / "inputs", folder / "inputs")
    write_settings(replace(settings, base_year=before, previous=""), folder / FILE)
    for name in ("pupils", "rolls", "preferences", "flows"):
        path = folder / "inputs" / f"{name}.csv"
        if path.exists():
            table = pd.read_csv(path)
            earlier = table[table["academic_year"] < settings.base_year]
            (earlier if len(earlier) else table.assign(academic_year=before)).to_csv(path, index=False)
    births = pd.read_csv(folder / "inputs/births.csv")
    births[births["year_ending"] < births["year_ending"].max()].to_csv(folder / "inputs/births.csv", index=False)
    return folder


def add_last_year(study: Path) -> Path:
    """Put last year's study into a study's own folder and name it in study.toml; where it is."""
    from geodata.settings import FILE, read_settings, write_settings

    folder = write_last_year(study, study / FOLDER)
    settings, _ = read_settings(study / FILE)
    assert settings is not None
    write_settings(replace(settings, previous=FOLDER), study / FILE)
    return folder
