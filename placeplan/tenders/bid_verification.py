"""Checking bids in place again: places short from the balance and the bids alone, pupils added up, bounds in order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY, PHASES, start_year
from placeplan.results import read_stage
from placeplan.study import Study

TOLERANCE = 1e-6


def verify_bids_in_place(study: Study) -> list[str]:
    """What the tables of bids in place say that does not follow from the study, the balance or one another."""
    folder = study.results / "tender"
    if not (folder / "bids_in_place.parquet").exists():
        return []
    told, deficits, pupils = (read_stage(folder, name) for name in ("bids_in_place", "bid_deficits", "bid_pupils"))
    wrong = []
    for row in told.itertuples():
        if not row.clash and row.more_least_gbp > row.more_most_gbp + TOLERANCE:
            wrong.append(f"{row.bid}: costs at least {row.more_least_gbp:,.0f} and at most {row.more_most_gbp:,.0f}")
        for basis, said in (("planned", row.pupils_planned), ("chosen", row.pupils_chosen)):
            mine = pupils[(pupils["bid"] == row.bid) & (pupils["basis"] == basis)]
            last = mine.loc[mine["academic_year"] == deficits["academic_year"].max(), "pupils"].sum()
            # Handfuls below a thousandth of a pupil are not listed.
            if abs(last - said) > max(1.0, 0.02 * said):
                wrong.append(f"{row.bid}: {said:,.1f} pupils {basis}, their homes add up to {last:,.1f}")
    return wrong + _deficits(study, deficits)


def _deficits(study: Study, deficits: pd.DataFrame) -> list[str]:
    """Each cohort that enters from the opening on has the bid's places in its planning area."""
    balance = read_stage(study.results / "balance", "balance")
    need = balance.set_index(["planning_area", "phase", "academic_year", "year_group"])["need"]
    bids = study.tables["bids"].set_index("bid")
    wrong = []
    for row in deficits.itertuples():
        intake = bids.loc[row.bid, "fe"] * study.policy.number("form_of_entry")
        groups = [group for group in PHASES[row.phase] if group in COMPULSORY]
        opened = start_year(row.academic_year) - start_year(bids.loc[row.bid, "opens"])
        before = np.array([need.get((row.planning_area, row.phase, row.academic_year, g), 0.0) for g in groups])
        places = np.where(np.arange(len(groups)) <= opened, intake, 0.0)
        if row.kind == "intake":
            before, places = before[:1], places[:1]
        for name, expected in (
            ("deficit_before", before.sum()),
            ("deficit_after", np.maximum(before - places, 0.0).sum()),
            ("places", places.sum()),
        ):
            if abs(getattr(row, name) - expected) > TOLERANCE:
                where = f"{row.bid}, {row.planning_area}, {row.academic_year}, {row.kind}"
                wrong.append(f"{where}: {name} is {expected:,.2f}, the table says {getattr(row, name):,.2f}")
    return wrong
