"""Who enters at a transfer, year by year: the transfer matrix laid over the forecast of residents.

    from area p to area a = residents who enter and whose home was in p × matrix[p → a] ÷ Σ matrix[p → …]

How many of a home area's leavers enter at all is the forecast's own answer, learnt and tested; where they go is the
matrix's. What is left of the leavers is leakage, so every leaver is somewhere, to the last pupil. Pupils from outside
the study come as shares of all leavers. Attendance (models.attendance) takes the same shares, so that transfers to an
area are its entrants on roll.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from geodata.years import add_years
from models.planning_areas import INDEPENDENT, OUTSIDE
from models.transfers import LEAKAGE

COLUMNS = ["transfer", "academic_year", "from_area", "to_area", "term", "pupils", "share", "basis"]
TRANSFER, FROM_OUTSIDE, OUTSIDE_SCHOOLS, INDEPENDENT_SCHOOLS = (
    "transfer",
    "from outside",
    "to schools outside",
    "to independent schools",
)
SOMEWHERE = "outside the leavers"  # entrants of an area that no leaver explains


@dataclass(frozen=True, eq=False)
class Entrants:
    """What attendance needs of the years of entry, by academic year.

    Attributes
    ----------
    shares : home area of the phase entered × where taught; rows sum to 1.
    inflow : "outside:NAME" × area, pupils for each resident of the study.

    """

    shares: Mapping[str, pd.DataFrame]
    inflow: Mapping[str, pd.DataFrame]


def entrants(matrix: pd.DataFrame, living: pd.DataFrame, leavers: pd.DataFrame, held: tuple[bool, bool]) -> Entrants:
    """Shares and inflow of each year of `living` (academic_year, from_area, home, pupils), residents who enter.

    `leavers` (academic_year, pupils) are those of the whole study a year before; `held` is whether a count of residents
    holds those taught (independently, outside the study).
    """
    moved = _moved(matrix, living, held)
    shares, inflow = {}, {}
    for year, rows in moved.groupby("academic_year"):
        table = rows.pivot_table(index="home", columns="to_area", values="pupils", aggfunc="sum", fill_value=0.0)
        total = table.sum(axis=1)
        shares[str(year)] = table.div(total.where(total > 0, 1.0), axis=0)
        resident = float(rows["pupils"].sum())
        left = float(leavers.loc[leavers["academic_year"] == add_years(str(year), -1), "pupils"].sum())
        coming = matrix[matrix["from_area"].str.startswith(OUTSIDE)]
        wide = coming.pivot_table(index="from_area", columns="to_area", values="share", aggfunc="sum", fill_value=0.0)
        inflow[str(year)] = wide.astype(float) * (left / resident if resident > 0 else 0.0)
    return Entrants(shares, inflow)


def _moved(matrix: pd.DataFrame, living: pd.DataFrame, held: tuple[bool, bool]) -> pd.DataFrame:
    """Residents who enter by where they go: academic_year, from_area, home, to_area, pupils, basis."""
    to = matrix["to_area"]
    dropped = to.eq(LEAKAGE) | (to.eq(INDEPENDENT) & (not held[0])) | (to.str.startswith(OUTSIDE) & (not held[1]))
    rows = matrix[~dropped & ~matrix["from_area"].str.startswith(OUTSIDE) & (matrix["share"] > 0)]
    part = rows.assign(part=rows["share"] / rows.groupby("from_area")["share"].transform("sum"))
    moved = living.merge(part[["from_area", "to_area", "part", "basis"]], on="from_area", how="left")
    # Nobody of this home area has been seen entering: they are taught where they live.
    moved["to_area"] = moved["to_area"].fillna(moved["home"])
    moved["basis"] = moved["basis"].fillna("where they live")
    moved["pupils"] = moved["pupils"] * moved.pop("part").fillna(1.0)
    return moved


def transfer_table(
    transfer: str, matrix: pd.DataFrame, living: pd.DataFrame, leavers: pd.DataFrame, held: tuple[bool, bool]
) -> pd.DataFrame:
    """Transfers by year of entry, with what leaks and who comes from outside; arguments as of `entrants`.

    `leavers` has from_area too. Columns: transfer, academic_year, from_area, to_area, term, pupils, share (of the
    area's leavers; from outside, of all), basis.
    """
    moved = _moved(matrix, living, held)
    key = ["academic_year", "from_area", "to_area", "basis"]
    inner = moved.groupby(key, as_index=False)["pupils"].sum()
    years = sorted(set(living["academic_year"]))
    total = leavers.groupby("academic_year")["pupils"].sum()
    outside = matrix[matrix["from_area"].str.startswith(OUTSIDE)]
    coming = [
        outside.assign(academic_year=year, pupils=outside["share"] * float(total.get(add_years(year, -1), 0.0)))
        for year in years
    ]
    return _with_leakage(transfer, pd.concat([inner, *coming], ignore_index=True), leavers, years)


def net_transfers(transfer: str, matrix: pd.DataFrame, leavers: pd.DataFrame, on_roll: pd.DataFrame) -> pd.DataFrame:
    """Transfers where no flows are given: the fitted matrix, scaled to the entrants on roll of each area and year.

    `on_roll` has planning_area, academic_year (of entry), pupils; columns as of `transfer_table`.
    """
    inner = matrix[(matrix["to_area"] != LEAKAGE) & (matrix["share"] > 0)]
    years = sorted(set(on_roll["academic_year"]))
    frames = []
    for year in years:
        left = leavers[leavers["academic_year"] == add_years(year, -1)].set_index("from_area")["pupils"]
        rows = inner.assign(academic_year=year, pupils=inner["share"] * inner["from_area"].map(left).fillna(0.0))
        wanted = on_roll[on_roll["academic_year"] == year].set_index("planning_area")["pupils"]
        made = rows.groupby("to_area")["pupils"].sum().reindex(wanted.index).fillna(0.0)
        factor = (wanted / made.where(made > 0)).fillna(0.0)
        rows["pupils"] *= rows["to_area"].map(factor).fillna(0.0)
        lost = wanted[(made <= 0) & (wanted > 0)]
        unexplained = pd.DataFrame(
            {"academic_year": year, "from_area": SOMEWHERE, "to_area": lost.index, "pupils": lost.to_numpy(),
             "basis": "rolls"}
        )  # fmt: skip
        frames += [rows[["academic_year", "from_area", "to_area", "pupils", "basis"]], unexplained]
    return _with_leakage(transfer, pd.concat(frames, ignore_index=True), leavers, years)


def _with_leakage(transfer: str, moved: pd.DataFrame, leavers: pd.DataFrame, years: list[str]) -> pd.DataFrame:
    """Add what is missing to each area's leavers, the terms' names and shares."""
    left = leavers.assign(academic_year=leavers["academic_year"].map(lambda year: add_years(year, 1)))
    left = left[left["academic_year"].isin(years)].groupby(["academic_year", "from_area"])["pupils"].sum()
    gone = moved.groupby(["academic_year", "from_area"])["pupils"].sum()
    areas = left.index.union(gone.index[~gone.index.get_level_values(1).str.startswith((OUTSIDE, SOMEWHERE))])
    missing = left.reindex(areas, fill_value=0.0) - gone.reindex(areas, fill_value=0.0)
    leak = missing.rename("pupils").reset_index().assign(to_area=LEAKAGE, basis="what is left")
    table = pd.concat([moved, leak], ignore_index=True)
    away = table["from_area"].str.startswith((OUTSIDE, SOMEWHERE))
    whole = table["academic_year"].map(left.groupby(level=0).sum()).fillna(0.0)
    own = left.reindex(pd.MultiIndex.from_frame(table[["academic_year", "from_area"]])).fillna(0.0).to_numpy()
    of = np.where(away, whole, own)
    to = table["to_area"]
    term = np.select(
        [away, to.str.startswith(OUTSIDE), to.eq(INDEPENDENT), to.eq(LEAKAGE)],
        [FROM_OUTSIDE, OUTSIDE_SCHOOLS, INDEPENDENT_SCHOOLS, LEAKAGE],
        default=TRANSFER,
    )
    share = np.divide(table["pupils"], of, out=np.zeros(len(table)), where=of > 0)
    table = table.assign(transfer=transfer, term=term, share=share)
    return table[COLUMNS].sort_values(["academic_year", "from_area", "to_area"], ignore_index=True)
