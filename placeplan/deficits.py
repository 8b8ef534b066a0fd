"""The deficits of a study: made in the balance stage, and computed again from the draws stored beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from geodata.years import PHASES
from models.cohorts import FloatArray
from models.deficits import DECIMALS, INTAKE, KEY, KINDS, PERCENTILES, deficit_table, drawn_rolls
from placeplan.demand import study_draws
from placeplan.estate.demand import SEED
from placeplan.results import read_stage
from placeplan.study import Study

DRAWS = "deficit_draws.npz"
SERIES = ["planning_area", "phase", "kind"]
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Deficits:
    """The table of deficits and the draws (C, N) of pupils on roll that it is made of, in the balance's order."""

    table: pd.DataFrame
    drawn: FloatArray

    def save_draws(self, path: Path) -> None:
        """Write the draws, so that `verify` can compute the table again."""
        np.savez_compressed(path, pupils=self.drawn.astype(np.float32))


def study_deficits(study: Study, forecast: pd.DataFrame, balance: pd.DataFrame) -> Deficits:
    """Deficits of the plan years, from the same futures that the estate is planned for."""
    drawn = study_draws(study, forecast, study.policy.integer("estate_draws"), SEED)
    cells = plan_cells(study, balance)
    rolls = drawn_rolls(cells, drawn.draws, drawn.years, drawn.year_groups)
    return Deficits(deficit_table(cells, rolls, study.policy), rolls)


def plan_cells(study: Study, balance: pd.DataFrame) -> pd.DataFrame:
    """Cells of the balance after the base year."""
    return balance[balance["academic_year"] > study.settings.base_year].reset_index(drop=True)


def acted_on(table: pd.DataFrame) -> pd.DataFrame:
    """Planning areas, phases and kinds in which a deficit becomes likely, with the first year of it."""
    return table.dropna(subset="first_year").drop_duplicates(SERIES)[[*SERIES, "first_year"]].reset_index(drop=True)


def with_a_case(table: pd.DataFrame, least: float) -> pd.DataFrame:
    """Rows of the planning areas and phases that are short by `least` places in one draw of ten in some year."""
    high = table.groupby(["planning_area", "phase"])["deficit_p90"].transform("max")
    return table[high >= least]


def wrong_deficits(study: Study) -> list[str]:
    """What differs between the stored deficits and those added up again, row by row, from the balance and the draws."""
    folder = study.results / "balance"
    table, cells = read_stage(folder, "deficits"), plan_cells(study, read_stage(folder, "balance"))
    with np.load(folder / DRAWS) as saved:
        drawn = saved["pupils"].astype(float).round(DECIMALS)
    if len(drawn) != len(cells):
        return [f"{len(drawn)} cells were drawn, {len(cells)} are in the balance"]
    mean = drawn.mean(axis=1).sum()
    wrong = []
    if abs(mean - cells["pupils"].sum()) > 0.02 * cells["pupils"].sum():
        wrong.append(f"{mean:,.0f} pupil-years are drawn on average, {cells['pupils'].sum():,.0f} are in the balance")
    made = pd.DataFrame(_again(study, cells, drawn)).set_index([*KEY, "kind"])
    stored = table.set_index([*KEY, "kind"])
    if set(made.index) != set(stored.index) or stored.index.has_duplicates:
        return [*wrong, f"{len(stored)} rows are listed, {len(made)} planning areas, phases, years and kinds have any"]
    stored = stored.reindex(made.index)
    for column in made:
        said = stored[column].to_numpy(dtype=float)
        true = made[column].to_numpy(dtype=float)
        wrong += [
            f"{' '.join(map(str, made.index[row]))}: {column} is {true[row]:,.6g}, the table says {said[row]:,.6g}"
            for row in np.flatnonzero(~np.isclose(said, true, rtol=TOLERANCE, atol=TOLERANCE))
        ]
    return wrong + _wrong_years(table, study.policy.number("deficit_act_probability"))


def _again(study: Study, cells: pd.DataFrame, drawn: FloatArray) -> Iterator[dict[str, object]]:
    """Each row of the table from its own cells, one after the other."""
    least = study.policy.number("deficit_counts_from")
    entry = {phase: groups[0] for phase, groups in PHASES.items()}
    for kind in KINDS:
        kept = cells[cells["year_group"] == cells["phase"].map(entry)] if kind == INTAKE else cells
        for key, rows in kept.groupby(KEY):
            pupils = drawn[rows.index]
            places = rows["places"].to_numpy(dtype=float)
            short = np.array([np.clip(draw - places, 0.0, None).sum() for draw in pupils.T])
            row: dict[str, object] = dict(zip(KEY, key, strict=True)) | {"kind": kind, "places": places.sum()}
            for percentile in PERCENTILES:
                row[f"pupils_p{percentile}"] = np.percentile(pupils.sum(axis=0), percentile)
                row[f"deficit_p{percentile}"] = np.percentile(short, percentile)
            yield row | {
                "deficit_expected": short.mean(),
                "probability": float((short.round(DECIMALS) >= least).mean()),
            }


def _wrong_years(table: pd.DataFrame, least: float) -> list[str]:
    """Series whose first year is not the first with so high a probability."""
    wrong = []
    for key, rows in table.groupby(SERIES):
        reached = rows.loc[rows["probability"] >= least, "academic_year"]
        first = min(reached, default="none")
        if (rows["first_year"].fillna("none") != first).any():
            wrong.append(f"{' '.join(map(str, key))}: the first year is {first}")
    return wrong
