"""Which schools may do something jointly: federate under one head, or amalgamate into one.

Both need schools that may share a head (`models.side_by_side.no_shared_head`): of one faith where one is of a faith
that runs its own schools, of one diocese, both maintained, or academies of one trust, and neither refusing. A school
looks no further than its nearest few. Distances are matrices over all schools; only the pairs found are looped over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.amalgamations import character
from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.options import SECONDARY_FROM, Facility, Partner
from models.side_by_side import no_shared_head

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def with_partners(
    facilities: Sequence[Facility],
    schools: pd.DataFrame,
    minutes: Array,
    policy: Policy,
    named: pd.DataFrame | None = None,
    known: Flags | None = None,
) -> list[Facility]:
    """Facilities with their partners; the first of them are the `schools` in order, the rest are sites without any.

    `minutes` (N, N) is the drive between schools; `named` the study's own pairs (urn, with_urn), which are partners
    whatever their kind: what they may not be is an error of the input already. `known` (N,) is whether a school's
    pupils and places are given; of one of which they are not nothing joint is proposed.
    """
    own = list(facilities[: len(schools)])
    metres = straight_m(schools)
    drive = np.maximum(minutes, minutes.T)
    together = ~no_shared_head(schools, policy)
    if known is not None:
        together &= known[:, None] & known[None, :]
    most = policy.integer("partners_max")
    federate = nearest_pairs(np.where(together & _may_federate(own, drive, policy), drive, np.inf), most)
    merge = nearest_pairs(np.where(together & _may_amalgamate(own, schools, metres, policy), metres, np.inf), most)
    ends = _named(own, named)
    pairs = sorted({*federate, *merge, *((min(pair), max(pair)) for pair in ends)})
    partners: list[list[Partner]] = [[] for _ in facilities]
    for pair in pairs:
        for a, b in (pair, pair[::-1]):
            said = "ends" if (b, a) in ends else "stays" if (a, b) in ends else ""
            both = (pair in federate, pair in merge or bool(said))
            partners[a].append(Partner(own[b], float(metres[a, b]), float(drive[a, b]), *both, said))
    return [
        replace(facility, partners=tuple(mine)) if mine else facility
        for facility, mine in zip(facilities, partners, strict=True)
    ]


def straight_m(schools: pd.DataFrame) -> Array:
    """(N, N) straight lines between schools in metres; inf to one without coordinates and to itself."""
    east, north = (schools[name].to_numpy(dtype=float) for name in ("easting", "northing"))
    metres = np.hypot(east[:, None] - east[None, :], north[:, None] - north[None, :])
    np.fill_diagonal(metres, np.inf)
    return np.asarray(np.where(np.isfinite(metres), metres, np.inf))


def nearest_pairs(away: Array, most: int) -> set[tuple[int, int]]:
    """Pairs (lower, higher row) by rising distance, each school in at most so many; `away` (N, N), inf: not at all."""
    first, second = np.nonzero(np.triu(np.isfinite(away), 1))
    order = np.lexsort((second, first, away[first, second]))
    count = np.zeros(len(away), dtype=np.int64)
    pairs = set()
    for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if count[a] < most and count[b] < most:
            pairs.add((a, b))
            count[[a, b]] += 1
    return pairs


def _may_federate(own: Sequence[Facility], drive: Array, policy: Policy) -> Flags:
    """(N, N) primary schools near each other of which one is a village school, not too large for one head together."""
    pupils = np.array([facility.pupils[0].sum() for facility in own])
    groups = np.array([len(facility.columns) for facility in own])
    primary = np.array([facility.columns[-1] < SECONDARY_FROM for facility in own], dtype=bool) & (pupils > 0)
    small = pupils <= policy.number("village_school_max_pupils") * groups / SECONDARY_FROM
    may = primary[:, None] & primary[None, :] & (small[:, None] | small[None, :])
    may &= pupils[:, None] + pupils[None, :] <= policy.number("cluster_max_pupils")
    return np.asarray(may & (drive <= policy.number("federate_max_min")))


def _may_amalgamate(own: Sequence[Facility], schools: pd.DataFrame, metres: Array, policy: Policy) -> Flags:
    """(N, N) schools close to each other, of one religious character, gender and admissions policy, that fit by age."""
    may = metres <= policy.number("amalgamate_max_m")
    faith = schools["religious_character"].map(character)
    for values in (faith, schools["gender"], schools["admissions_policy"]):
        words = values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
        may &= words[:, None] == words[None, :]
    served = np.zeros((len(own), len(COMPULSORY)), dtype=np.int64)
    for row, facility in enumerate(own):
        served[row, facility.columns] = 1
    size = served.sum(axis=1)
    shared = served @ served.T
    nested = (shared == size[:, None]) | (shared == size[None, :])
    first = np.array([facility.columns[0] for facility in own])
    last = np.array([facility.columns[-1] for facility in own])
    follows = (last[:, None] + 1 == first[None, :]) & (last[None, :] < SECONDARY_FROM)
    return np.asarray(may & (nested | follows | follows.T))


def _named(own: Sequence[Facility], named: pd.DataFrame | None) -> set[tuple[int, int]]:
    """The study's pairs as rows (the school whose number ends, the one that takes it in)."""
    if named is None:
        return set()
    row = {facility.key: number for number, facility in enumerate(own)}
    pairs = zip(named["urn"].astype(str), named["with_urn"].astype(str), strict=True)
    return {(row[a], row[b]) for a, b in pairs if a in row and b in row}
