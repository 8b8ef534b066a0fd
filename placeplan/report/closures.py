"""What the report shows of each closure: the council's own money first, then pupils, pockets and who decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.small_numbers import is_small, least_told, told_count, told_parts, told_share
from placeplan.closures.keeping import kept_told
from placeplan.closures.words import by_faith, by_need, factor_words
from placeplan.report.modelled import counted_ground
from placeplan.results import read_stage

NO_CLOSURES: Mapping[str, Any] = {"closures": [], "does_not_fit": [], "other_plans": []}
LEAST_SHOWN = 0.5  # pupils


def closures_contents(folder: Path, factors: pd.DataFrame | None, policy: Policy) -> dict[str, Any]:
    """One entry a closing school, in the order of the table closure_effects; and what does not fit, by school.

    `factors` is the table rural_factors, which is shown beside what is counted here.
    """
    grounds = read_stage(folder, "grounds").set_index("urn")["ground"] if (folder / "grounds.parquet").exists() else {}
    least = least_told(policy)
    effects, decisions = read_stage(folder, "closure_effects"), read_stage(folder, "decisions")
    receiving, pockets = read_stage(folder, "closure_receiving"), read_stage(folder, "pockets")
    return {
        "closures": [
            {
                **row,
                "ground": counted_ground(grounds.get(row["facility"], "")),
                "factors": factor_words(factors, row["facility"]),
                "keeping": kept_told(folder, row["facility"], policy),
                "kinds": by_need(row, least),
                "fsm": told_share(row["fsm_share"], row["fsm_pupils"], least),
                "faith": by_faith(receiving[receiving["facility"] == row["facility"]]),
                "receiving": _receiving(receiving[receiving["facility"] == row["facility"]], least),
                "council_items": _council(pockets[pockets["facility"] == row["facility"]]),
                "pockets": pockets[pockets["facility"] == row["facility"]].to_dict("records"),
                "decision": decisions[decisions["facility"] == row["facility"]].to_dict("records")[0],
            }
            for row in effects.to_dict("records")
        ],
        "told_count": partial(told_count, least=least),
        "does_not_fit": _not_fitting(folder, decisions),
        "other_plans": _other_plans(folder, effects),
    }


def _other_plans(folder: Path, effects: pd.DataFrame) -> list[dict[str, Any]]:
    """The best plans found that keep one of the closing schools open, the nearest first."""
    if not len(effects):
        return []
    rows = read_stage(folder, "closure_keeping").sort_values("keeping_least_gbp")
    rows = rows[np.isfinite(rows["keeping_most_gbp"])]
    names = effects.set_index("facility")["name"]
    told: list[dict[str, Any]] = rows.assign(name=rows["facility"].map(names)).to_dict("records")
    return told


def _receiving(receiving: pd.DataFrame, least: int) -> list[dict[str, Any]]:
    """Receiving schools with `told`, the pupils in words; no share where it would give a small number away."""
    shown: list[dict[str, Any]] = receiving[receiving["pupils"] >= LEAST_SHOWN].to_dict("records")
    counts = [row["pupils"] for row in shown]
    exact = not any(is_small(count, least) for count in counts)
    return [
        row | {"told": told, "share": row["share"] if exact else None}
        for row, told in zip(shown, told_parts(counts, least), strict=True)
    ]


def _council(pockets: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pockets[pockets["council"].astype(bool)].to_dict("records")
    return rows


def _not_fitting(folder: Path, decisions: pd.DataFrame) -> list[dict[str, Any]]:
    """Pupils over by school, year and year group, with the school's name."""
    rows = read_stage(folder, "does_not_fit")
    names = read_stage(folder, "options").drop_duplicates("facility").set_index("facility")["name"]
    told: list[dict[str, Any]] = rows.assign(name=rows["facility"].map(names)).to_dict("records")
    return told
