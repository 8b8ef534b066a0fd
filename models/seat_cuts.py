"""Rows that exclude closures which leave pupils without a seat in their own year group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geodata.years import COMPULSORY
from models.estate_build import Estate
from models.rules import Row
from models.seating import Ints, Shortage


def cuts(estate: Estate, chosen: Ints, short: Sequence[Shortage]) -> list[Row]:
    """Rows that exclude the closures that leave pupils unseated, unless a school within reach has more places.

    Stricter than need be: pupils of other schools might make room. Nothing that is proven may rest on them.
    """
    option_facility = estate.problem.option_facility[: len(estate.options)]
    places, admits = (np.array([getattr(option, of) for option in estate.options]) for of in ("places", "admits"))
    rows: dict[tuple[int, str], Row] = {}
    for one in short:
        t, column = one.year, COMPULSORY.index(one.year_group)
        staged = min(one.scenario, len(chosen) - 1)
        taken = chosen[staged, option_facility]
        shut = np.isin(option_facility, one.schools) & (places[:, t, column] <= 0)
        more = np.isin(option_facility, one.within) & ~np.isin(option_facility, one.schools)
        more &= ((places[:, t] > places[taken, t] + 1e-6) | (admits[:, t] > admits[taken, t] + 1e-6)).any(axis=1)
        at = np.flatnonzero(shut | more)
        values = np.where(shut[at], 1.0, -1.0)
        names = ", ".join(estate.facilities[f].name for f in one.schools)
        name = (
            f"{names}: closed in {estate.years[t]}, {one.pupils.sum():.0f} pupils of {one.year_group} have no place in "
            "their own year group"
        )
        rows[one.scenario, name] = Row(name, at, values, -np.inf, float(len(one.schools) - 1), "schools")
    return list(rows.values())
