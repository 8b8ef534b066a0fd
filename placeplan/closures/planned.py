"""The closures of a plan, with the pupils they displace and the places there are for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.closing import Closing, closing, home_of
from models.displaced import Displaced, displaced
from models.estate_build import Estate
from models.seating import Seats
from placeplan.study import Study, counted_rolls
from solvers import EstatePlan

NO_FAITH = "none"
ON_ROLL, LATER = "on roll", "later"
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, eq=False)
class Closures:
    """A plan's closures and whom they displace.

    `rolls`, `places` and `admits` are (K, F, T, 12): pupils in their own year group, places and admission places.
    """

    study: Study
    estate: Estate
    chosen: np.ndarray
    closes: Closing
    moved: Displaced
    rolls: np.ndarray
    places: np.ndarray
    admits: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """(K,) of the scenarios."""
        table = self.estate.slices.drop_duplicates("scenario").sort_values("scenario")
        share: np.ndarray = table["probability"].to_numpy(dtype=float)
        return share

    @cached_property
    def at_home(self) -> np.ndarray:
        """(D,) position of the school of the base year of each node that may move."""
        return home_of(self.estate)[self.estate.moving]

    @cached_property
    def schools(self) -> pd.DataFrame:
        """The study's schools by facility key."""
        table = self.study.tables["schools"]
        return table.assign(key=table["urn"].astype(str)).set_index("key")

    def school(self, f: int) -> pd.Series:
        """The study's row of a school by position."""
        return self.schools.loc[self.every_key[f]]

    @cached_property
    def faith(self) -> np.ndarray:
        """(F,) religious character in small letters, "none" where there is none, as of sites."""
        given = self.schools["religious_character"].astype(str).str.lower()
        faith: np.ndarray = given.reindex(self.every_key).fillna(NO_FAITH).to_numpy(dtype=object)
        return faith

    @cached_property
    def base_roll(self) -> pd.Series:
        """Pupils on roll in the base year by facility key."""
        return counted_rolls(self.study)

    @cached_property
    def every_key(self) -> np.ndarray:
        """(F,) keys of the facilities."""
        return np.array([facility.key for facility in self.estate.facilities], dtype=object)

    def keys(self, rows: np.ndarray) -> np.ndarray:
        """Keys of facilities by position."""
        named: np.ndarray = self.every_key[rows]
        return named

    @property
    def first_years(self) -> dict[int, str]:
        """The first academic year of closing of each closing school, by its position, over the scenarios."""
        rows = self.closes.facilities
        since = self.closes.since[:, rows].min(axis=0)
        return {int(f): self.estate.years[t] for f, t in zip(rows, since, strict=True)}

    def shares(self, f: int) -> tuple[np.ndarray, np.ndarray]:
        """(T,) probability that a school is closed in each plan year, and that it closes in that year."""
        weight = self.estate.problem.stage_weight if len(self.closes.since) > 1 else np.ones(1)
        years, since = np.arange(len(self.estate.years)), self.closes.since[:, f][:, None]
        return weight @ (since <= years), weight @ (since == years)


def closures(study: Study, estate: Estate, plan: EstatePlan, seats: Seats) -> Closures:
    """Closures of a plan with the pupils they displace, where `seats` has them."""
    chosen = plan.by_scenario
    assert chosen is not None
    closes = closing(estate, chosen)
    staged = np.minimum(np.arange(len(estate.pupils)), len(chosen) - 1)
    taken = chosen[staged, : len(estate.facilities)]
    return Closures(
        study,
        estate,
        chosen,
        closes,
        displaced(estate, closes, seats),
        seats.rolls,
        np.array([option.places for option in estate.options])[taken],
        np.array([option.admits for option in estate.options])[taken],
    )
