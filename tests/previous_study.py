"""The same study as it would have been made a year before: without the last academic year of every table."""

import shutil
from pathlib import Path

import pandas as pd

from geodata.settings import FILE
from geodata.years import add_years

OF_A_YEAR = ("pupils", "rolls", "preferences")


def write_previous_study(study: Path, folder: Path, base_year: str) -> Path:
    """Copy a study whose base year this is, less that year; births end a year earlier, counted journeys are gone."""
    before = add_years(base_year, -1)
    shutil.copytree(study / "inputs", folder / "inputs")
    text = (study / FILE).read_text()
    (folder / FILE).write_text(text.replace(f'base_year = "{base_year}"', f'base_year = "{before}"'))
    for name in OF_A_YEAR:
        path = folder / "inputs" / f"{name}.csv"
        if path.exists():
            table = pd.read_csv(path)
            earlier = table[table["academic_year"] < base_year]
            # A table of one year only is taken as it stands for the year before.
            (earlier if len(earlier) else table.assign(academic_year=before)).to_csv(path, index=False)
    births = pd.read_csv(folder / "inputs/births.csv")
    last = births["year_ending"].max()
    births[births["year_ending"] < last].to_csv(folder / "inputs/births.csv", index=False)
    (folder / "inputs/flows.csv").unlink(missing_ok=True)
    return folder
