"""Age bands: the runs of year groups that no school of the study divides.

R–Y6 and Y7–Y11, cut further where infant, junior, first or middle schools start or end. A school serves whole bands,
so one node of demand needs one place in one band and never part of one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from geodata.years import COMPULSORY, PHASES, phase_of, year_groups_between


@dataclass(frozen=True)
class Band:
    """A run of year groups: R–Y6, say."""

    year_groups: tuple[str, ...]

    @property
    def name(self) -> str:
        """First and last year group: "R–Y6"."""
        first, last = self.year_groups[0], self.year_groups[-1]
        return first if first == last else f"{first}–{last}"

    @property
    def entry(self) -> str:
        """Year group in which the band is entered."""
        return self.year_groups[0]

    @property
    def phase(self) -> str:
        """Phase of its entry year group: primary or secondary."""
        phase = phase_of(self.entry)
        assert phase is not None  # bands are made of R–Y11 only
        return phase


def planned_year_groups(low_age: int, high_age: int) -> tuple[str, ...]:
    """Year groups R–Y11 of a school by its age range."""
    return tuple(group for group in year_groups_between(low_age, high_age) if group in COMPULSORY)


def age_bands(served: Iterable[Sequence[str]]) -> list[Band]:
    """Bands for schools that serve those year groups (one sequence a school, R–Y11 in order)."""
    cuts = {0, len(COMPULSORY), COMPULSORY.index(PHASES["secondary"][0])}
    for groups in served:
        if groups:
            cuts |= {COMPULSORY.index(groups[0]), COMPULSORY.index(groups[-1]) + 1}
    edges = sorted(cuts)
    return [Band(COMPULSORY[a:b]) for a, b in pairwise(edges)]


def school_year_groups(schools: pd.DataFrame) -> dict[int, tuple[str, ...]]:
    """Year groups R–Y11 by urn, from columns urn, low_age, high_age."""
    return {
        int(urn): planned_year_groups(int(low), int(high))
        for urn, low, high in zip(schools["urn"], schools["low_age"], schools["high_age"], strict=True)
    }
