"""Links of the chain: for every year group, the pupils who were counted and the cohort they come from.

The first link runs from births to the youngest year group; every other one from the year group below, a year
earlier. Links that live through the same things share a block: what a locality gains or loses in a year by people
moving house shows in all its primary year groups at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from geodata.years import AGE_OF_RECEPTION, PHASES, age_of
from models.cohorts import BirthSeries, BoolArray, FloatArray, IntArray, PupilCube, cohort_births
from models.groups import grouped


@dataclass(frozen=True, eq=False)
class Links:
    """What came of each cohort.

    Attributes
    ----------
    from_, to : (L, T, G) the cohort and what became of it, by the year and year group arrived in; NaN where either
        was not counted, in both.
    blocks : the links of each block, as positions of year groups.
    levels : for each block the groups a locality belongs to, (L,) codes each, widest first.

    """

    from_: FloatArray
    to: FloatArray
    blocks: tuple[IntArray, ...]
    levels: tuple[tuple[IntArray, ...], ...]

    def until(self, years: int) -> Links:
        """Only the first `years` years."""
        return replace(self, from_=self.from_[:, :years], to=self.to[:, :years])

    def with_births(self, born: FloatArray) -> Links:
        """The entry link from other births (L, T): those published by some past year."""
        from_, to = self.from_.copy(), self.to.copy()
        known: BoolArray = ~(np.isnan(born) | np.isnan(to[:, :, 0]))
        from_[:, :, 0], to[:, :, 0] = np.where(known, born, np.nan), np.where(known, to[:, :, 0], np.nan)
        return replace(self, from_=from_, to=to)

    def of_groups(self, members: csr_matrix) -> Links:
        """Links of groups of localities, `members` (A, L); what is not known of one is left out at both ends."""
        known: BoolArray = ~np.isnan(self.to)

        some = grouped(members, known.astype(float)) > 0
        from_, to = (np.where(some, grouped(members, np.where(known, c, 0.0)), np.nan) for c in (self.from_, self.to))
        return Links(from_, to, self.blocks, ((),) * len(self.blocks))

    def sample(self, most: int) -> Links:
        """At most that many localities, evenly spaced."""
        if len(self.to) <= most:
            return self
        rows = np.linspace(0, len(self.to) - 1, most).astype(np.int64)
        levels = tuple(tuple(codes[rows] for codes in level) for level in self.levels)
        return replace(self, from_=self.from_[rows], to=self.to[rows], levels=levels)


def chain_links(cube: PupilCube, births: BirthSeries) -> Links:
    """Links of every year group of `cube`."""
    born, _ = cohort_births(births, cube.starts, cube.entry_age)
    from_ = np.full(cube.pupils.shape, np.nan)
    from_[:, :, 0] = born
    from_[:, 1:, 1:] = cube.pupils[:, :-1, :-1]
    known = ~(np.isnan(from_) | np.isnan(cube.pupils))
    names = [_block(n, group) for n, group in enumerate(cube.year_groups)]
    blocks = [np.flatnonzero([name == other for other in names]) for name in dict.fromkeys(names)]
    first_secondary = age_of(PHASES["secondary"][0])
    phases = ["secondary" if age_of(cube.year_groups[block[0]]) >= first_secondary else "primary" for block in blocks]
    levels = tuple(tuple(cube.groups[key] for key in ("authority", phase) if key in cube.groups) for phase in phases)
    return Links(np.where(known, from_, np.nan), np.where(known, cube.pupils, np.nan), tuple(blocks), levels)


def _block(place: int, group: str) -> str:
    """Name of the block of the link that arrives in `group`; changes of phase stand alone."""
    if place == 0:
        return "entry"
    if age_of(group) < AGE_OF_RECEPTION:
        return "below school age"
    for phase, groups in PHASES.items():
        if group in groups[1:]:
            return phase
    return group
