"""In which year each cluster or school joins its trust, and what the trust's balance is on the way.

The hub of a new trust comes first, in the first year that policy gives. Each year takes as many schools as policy
lets a trust grow by, those with the better balance first and those with something to be looked into last; a trust that
has doubled then waits the consolidation years. As the better balance goes first, no other order of joiners of one size
has a better balance in any year on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import add_years

Array = NDArray[np.float64]


def joining_years(
    balance_gbp: Sequence[float],
    schools: Sequence[int],
    flagged: Sequence[bool],
    *,
    hub: int | None,
    at_home: int,
    base_year: str,
    policy: Policy,
) -> list[str]:
    """The academic year in which each joiner joins.

    `balance_gbp` a year, `schools` and `flagged` are of the joiners; `hub` is the one a new trust begins with, None
    where the trust stands with `at_home` schools.
    """
    cap, pause = policy.integer("trust_growth_schools"), policy.integer("trust_consolidation_years")
    order = sorted(range(len(schools)), key=lambda j: (j != hub, flagged[j], -balance_gbp[j]))
    year = policy.integer("trust_first_joining_years")
    found = [""] * len(schools)
    size, room = at_home, cap
    began = size
    for j in order:
        fits = schools[j] <= room or room == cap  # a joiner above the cap comes alone in a year of its own
        if not fits:
            doubled = began > 0 and size >= 2 * began
            year += 1 + (pause if doubled else 0)
            room, began = cap, size if doubled else began
        found[j] = add_years(base_year, year)
        size += schools[j]
        room = max(room - schools[j], 0)
        if j == hub:
            began = size
    return found


def balance_on_the_way(
    contribution: Array, joins: Sequence[str], home: Array, centre_gbp: float, years: Sequence[str], one_off: Array
) -> pd.DataFrame:
    """Rows academic_year, joined, balance_p10_gbp, balance_gbp of a trust as it grows.

    `contribution` (J, T, N) and `home` (T, N) are balances a year without the fixed centre; after the last year of
    `years` the last is repeated. `one_off` (J,) falls in the year of joining. The centre is paid from the first on.
    """
    last = max([*joins, *years])
    told, n_years = [], len(years)
    year = years[0]
    while year <= last:
        told.append(year)
        year = add_years(year, 1)
    rows = []
    for number, year in enumerate(told):
        t = min(number, n_years - 1)
        here = np.array([join <= year for join in joins], dtype=bool)
        now = np.array([join == year for join in joins], dtype=bool)
        stands = bool(here.any()) or bool(np.abs(home).sum() > 0)
        total = home[t] + contribution[here, t].sum(axis=0) - one_off[now].sum() - centre_gbp * stands
        rows.append((year, int(here.sum()), float(np.percentile(total, 10)), float(total.mean())))
    return pd.DataFrame(rows, columns=["academic_year", "joined", "balance_p10_gbp", "balance_gbp"])
