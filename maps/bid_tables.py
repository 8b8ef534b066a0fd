"""What is known of the bids for one site, bid by bid and year by year: the figures that their maps draw and list."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

NO_SCHOOL: Final = ""
"""Stands for the site without a school among the codes of bids: no bid has a blank code."""
BASES: Final = {"chosen": "as parents would choose", "planned": "as planned"}
SCHOOL: Final = ["facility", "name", "academic_year", "places", "roll_without"]


@dataclass(frozen=True, eq=False)
class BidTables:
    """What the tender stage says of the bids for one site.

    ``bids``: bid, proposer, opens, places. ``deficits``: bid, academic_year, phase, planning_area, kind,
    deficit_before, deficit_after. ``pupils``: bid, basis (a key of BASES), academic_year, demand_point, pupils,
    distance_today_m, distance_m. ``neighbours``: bid, facility, name, academic_year, places, roll_without,
    change_chosen, change_planned; a school that a bid changes by less than half a pupil in all years may be left out.
    Counts at one home below ``least`` pupils are not told.
    """

    bids: pd.DataFrame
    deficits: pd.DataFrame
    pupils: pd.DataFrame
    neighbours: pd.DataFrame
    least: float = 5.0

    def years(self) -> list[str]:
        """Plan years in order."""
        return sorted(self.deficits["academic_year"].unique())

    def of(self, bid: str) -> "BidTables":
        """The tables of one bid, with every school that any bid changes; of NO_SCHOOL nobody comes anywhere new."""
        bids, pupils, changes = (table[table["bid"] == bid] for table in (self.bids, self.pupils, self.neighbours))
        deficits = self.deficits[self.deficits["bid"] == (bid or self.bids["bid"].iloc[0])]
        if bid == NO_SCHOOL:
            deficits = deficits.assign(deficit_after=deficits["deficit_before"])
        columns = [f"change_{basis}" for basis in BASES]
        every = self.neighbours.drop_duplicates(["facility", "academic_year"])[SCHOOL]
        own = every.merge(
            changes[["facility", "academic_year", *columns]], on=["facility", "academic_year"], how="left"
        )
        return BidTables(bids, deficits, pupils, own.fillna(dict.fromkeys(columns, 0.0)), self.least)

    def pupils_by_year(self, keys: list[str]) -> pd.DataFrame:
        """Pupils at the new school by these columns of ``pupils``, a column a plan year, 0 where nobody comes."""
        sums = self.pupils.pivot_table(index=keys, columns="academic_year", values="pupils", aggfunc="sum")
        return sums.reindex(columns=self.years()).fillna(0.0)

    def mean_metres(self, keys: list[str]) -> pd.DataFrame:
        """Columns distance_m and distance_today_m by these columns of ``pupils``: means over pupils whose is known."""
        means = {}
        for column in ("distance_m", "distance_today_m"):
            known = self.pupils[np.isfinite(self.pupils[column].to_numpy(float))]
            sums = known.assign(metres=known[column] * known["pupils"]).groupby(keys)[["metres", "pupils"]].sum()
            means[column] = sums["metres"] / sums["pupils"]
        return pd.DataFrame(means)

    def based(self, basis: str) -> "BidTables":
        """The tables with the pupils of one basis only."""
        return BidTables(self.bids, self.deficits, self.pupils[self.pupils["basis"] == basis], self.neighbours)


def kilometres(metres: float) -> str:
    """1.2 km; a dash where there is no figure."""
    return "–" if np.isnan(metres) else f"{metres / 1000:.1f} km"
