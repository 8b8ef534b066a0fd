"""A school that does not stand yet, as a bid or a site proposes it: how it fills, and how it is funded.

Its building is kept up for all its places from the first day. What a new school is paid before it opens and for being
small at first is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geodata.years import COMPULSORY, PHASES, start_year
from models.funded_schools import FundedSchools

Array = NDArray[np.float64]
SECONDARY_ENTRY = COMPULSORY.index(PHASES["secondary"][0])


def filling_rolls(year_groups: Sequence[str], intake: float, opens: str, years: Sequence[str]) -> Array:
    """Rolls (Y, 12) in `years` of a school that takes `intake` pupils a year from `opens` on and fills from below.

    A school that teaches R and Y7 takes in both.
    """
    rows = [COMPULSORY.index(group) for group in year_groups]
    entries = {rows[0]} | ({SECONDARY_ENTRY} & set(rows) if rows[0] == 0 else set())
    rolls = np.zeros((len(years), len(COMPULSORY)))
    for t, year in enumerate(years):
        moved_up = start_year(year) - start_year(opens)
        for row in rows:
            entry = max(at for at in entries if at <= row)
            if row - entry <= moved_up:
                rolls[t, row] = intake
    return rolls


def proposed_school(
    key: object,
    phase: str,
    year_groups: Sequence[str],
    places: float,
    *,
    additional_gbp: float = np.nan,
    distance_m: float = np.nan,
) -> FundedSchools:
    """One school that is filling: funded as an academy, on estimates; without a `distance_m` it gets no sparsity."""
    return FundedSchools(
        key=[key],
        phase=[phase],
        serves=np.isin(COMPULSORY, year_groups)[None, :],
        places=np.array([places], dtype=float),
        september=np.array([True]),
        estimated=np.array([True]),
        additional_gbp=np.array([additional_gbp]),
        distance_m=np.array([distance_m]),
        lump_sums=np.ones(1),
        split_site=np.zeros(1),
    )
