"""What the report shows of the way from homes to schools: terms of the entry years, transfers, preferences."""

from pathlib import Path
from typing import Any

import pandas as pd

from geodata.years import PHASES, phase_of
from models.attendance import ON_ROLL
from models.planning_areas import INDEPENDENT, OUTSIDE
from models.transfers import LEAKAGE
from placeplan.results import read_stage

NO_SCHOOLING: dict[str, Any] = {"schooling": [], "transfers": [], "preferences": []}
LEAST = 0.5  # pupils; a term that is smaller everywhere is not shown
ENTRY = tuple(groups[0] for groups in PHASES.values())


def schooling_contents(folder: Path) -> dict[str, Any]:
    """Blocks of the section, from the tables of the balance stage."""
    terms = read_stage(folder, "attendance")
    asked = folder / "entry_preferences.parquet"
    return {
        "schooling": _terms(terms),
        "transfers": _transfers(read_stage(folder, "transfers")),
        "preferences": _preferences(pd.read_parquet(asked)) if asked.exists() else [],
    }


def _terms(terms: pd.DataFrame) -> list[dict[str, Any]]:
    """By planning area and phase: named terms of the entry year group in the base year, the next and the last."""
    years = sorted(set(terms["academic_year"]))
    years = list(dict.fromkeys([years[0], *years[1:2], years[-1]]))
    rows = terms[terms["year_group"].isin(ENTRY) & terms["academic_year"].isin(years)]
    blocks = []
    for (group, area), own in rows.groupby(["year_group", "planning_area"]):
        wide = own.pivot_table(index="term", columns="academic_year", values="pupils", aggfunc="sum", sort=False)
        wide = wide.reindex(columns=years).fillna(0.0)
        wide = wide[(wide.abs() >= LEAST).any(axis=1) | (wide.index == ON_ROLL)]
        shown = [{"term": term, "pupils": list(row)} for term, row in zip(wide.index, wide.to_numpy(), strict=True)]
        blocks.append({"area": area, "phase": phase_of(group), "year_group": group, "years": years, "rows": shown})
    return [block for block in blocks if len(block["rows"]) > 1]


def _transfers(transfers: pd.DataFrame) -> list[dict[str, Any]]:
    """For each transfer the pupils of the next year of entry, from area to area."""
    blocks = []
    for name, rows in transfers.groupby("transfer", sort=False):
        year = rows["academic_year"].min()
        own = rows[rows["academic_year"] == year]
        wide = own.pivot_table(index="from_area", columns="to_area", values="pupils", aggfunc="sum", fill_value=0.0)
        if len(wide) < 2:
            continue
        wide = wide[sorted(wide.columns, key=lambda to: (to == LEAKAGE, to.startswith(OUTSIDE), to == INDEPENDENT, to))]
        wide = wide.loc[sorted(wide.index, key=lambda of: (of.startswith(OUTSIDE), of))]
        shown = [
            {"area": _words(area), "pupils": list(row)} for area, row in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        blocks.append({"transfer": name, "year": year, "to": [_words(to) for to in wide.columns], "rows": shown})
    return blocks


def _words(area: str) -> str:
    """An end of a transfer as people say it."""
    said = {LEAKAGE: "in no school of the flows", INDEPENDENT: "independent schools"}
    return said.get(area, area.removeprefix(OUTSIDE))


def _preferences(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The latest year of entry that has preferences, the most wanted schools first."""
    latest = table[table["academic_year"] == table["academic_year"].max()]
    ordered = latest.sort_values(["preferences_above_pan", "name"], ascending=[False, True])
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in ordered.to_dict("records")
    ]
