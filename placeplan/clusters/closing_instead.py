"""Schools that the estate plan closes: which cluster each could have joined instead, and what that would come to.

Before a rural primary school is closed the alternatives have to be considered (section 15(4) of the Education and
Inspections Act 2006); the statutory guidance names federation among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.locks import NO_LOCKS, Locks
from models.side_by_side import academy_trusts
from placeplan.clusters.case import ClusterCase, study_case
from placeplan.clusters.left_alone import why_alone
from placeplan.clusters.measures import leadership_gbp
from placeplan.clusters.plan_price import Prices
from placeplan.clusters.second_homes import Drawn
from placeplan.clusters.two_levels import TwoLevels

Index = NDArray[np.int64]
COLUMNS = [
    "urn", "name", "pupils", "rural_designated", "cluster", "trust", "extra_gbp", "leadership_saved_gbp", "why",
]  # fmt: skip


def closing_instead(
    case: ClusterCase, planned: TwoLevels, closing: Sequence[int], locks: Locks = NO_LOCKS
) -> pd.DataFrame:
    """A row for each school that closes, each by itself beside the plan: the cluster that would cost least with it.

    Columns urn, name, pupils, rural_designated, cluster (its lead, or the school it would stand with; "" where none may
    have it), trust, extra_gbp (of both levels a year against standing alone, prices of standing alone, of driving and
    of shortfalls among it; a minus is less), leadership_saved_gbp (of that the money for heads), why there is none.
    """
    if not len(closing):
        return pd.DataFrame(columns=COLUMNS)
    drawn_in = [int(urn) for urn in case.schools["urn"]]
    rows = [_row(study_case(case.study, _others(closing, urn), drawn_in), planned, case, urn, locks) for urn in closing]
    return pd.DataFrame(rows, columns=COLUMNS)


def _others(closing: Sequence[int], urn: int) -> list[int]:
    return [one for one in closing if one != urn]


def _row(with_it: ClusterCase, planned: TwoLevels, case: ClusterCase, urn: int, locks: Locks) -> tuple[object, ...]:
    """One closing school in the plan of the others: alone, and in the cluster that costs least."""
    everyone = with_it.everyone.set_index("urn").loc[urn]
    told = (urn, str(everyone["name"]), float(everyone["pupils"]), bool(everyone.get("rural_designated", False)))
    at = np.flatnonzero(with_it.schools["urn"].to_numpy() == urn)
    if not len(at) or not bool(with_it.schools["small"].iloc[int(at[0])]):
        limit = planned.policy.integer("village_school_max_pupils")
        return (*told, "", "", np.nan, np.nan, f"It is no village school: those have up to {limit} pupils R–Y6.")
    row = int(at[0])
    drawn = _beside(with_it, planned, case, locks)
    homes = (home for home in drawn.homes(row) if home.words != "alone")
    found = next((one for one in homes if drawn.prices.keeps(one.school_lead, one.trust, drawn.broken)), None)
    if found is None:
        why = why_alone(with_it, planned.policy, drawn.prices.villages, drawn.school_lead, row)[2]
        return (*told, "", "", np.nan, np.nan, why)
    before = leadership_gbp(with_it, planned.policy, drawn.school_lead)
    saved = before - leadership_gbp(with_it, planned.policy, found.school_lead)
    return (*told, found.words.removeprefix("with "), str(found.trust[row]), found.gbp, saved, "")


def _beside(with_it: ClusterCase, planned: TwoLevels, case: ClusterCase, locks: Locks) -> Drawn:
    """The plan with one school more, which stands alone in its trust of today."""
    place = {int(urn): k for k, urn in enumerate(with_it.schools["urn"])}
    at = np.array([place[int(urn)] for urn in case.schools["urn"]], dtype=np.int64)
    lead = np.full(len(place), -1, dtype=np.int64)
    inside = planned.school_lead >= 0
    lead[at[inside]] = at[planned.school_lead[inside]]
    trust = academy_trusts(with_it.schools).copy()
    trust[at] = planned.trust
    villages = with_it.villages(planned.policy, locks)
    return Drawn(Prices(with_it, planned.policy, villages, locks), lead, trust)
