"""Comparing one school's decision with heads and numbers that other schools share left as planned.

They move no pupil, and there are many ways to pair the schools of a county: to compare every one of them anew would
cost the proof. Such a school does nothing else in the comparison, and what is told says so. The school that is asked
about, and those it shares with or might share with, stay free.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.estate import EstateProblem
from models.options import FEDERATE, MERGE_KEEPS, MERGE_SITE

ANEW = "all else but other schools that share a head planned anew"  # what is compared, in words
SHARED = (FEDERATE, MERGE_KEEPS, MERGE_SITE)  # levers of two schools that leave every place where it is


def others_as_planned(
    problem: EstateProblem, options: pd.DataFrame, chosen: np.ndarray, asked: int | None = None
) -> np.ndarray:
    """(O',) the options that are left once shared heads and numbers stay as they are planned.

    `options` is the table of that name, of the first options of the problem; `chosen` (K, F) the plan. `asked` is the
    position of the school that is free to do otherwise: with its partner in the plan, and with any school it may share
    with that shares nothing in the plan.
    """
    n = len(options)
    shared, partner = np.zeros(problem.n_options, dtype=bool), np.full(problem.n_options, -1)
    shared[:n] = options["action"].isin(SHARED)
    facility = problem.option_facility
    row = dict(zip(options["facility"], facility[:n].tolist(), strict=True))
    partner[:n] = options["partner"].map(row).fillna(-1).astype(int)
    planned = np.isin(np.arange(problem.n_options), chosen)
    shares = np.isin(np.arange(problem.n_facilities), facility[shared & planned])
    free = np.zeros(problem.n_facilities, dtype=bool)
    if asked is not None:
        own = shared & (facility == asked)
        with_it = np.zeros(problem.n_facilities, dtype=bool)
        with_it[partner[own & planned & (partner >= 0)]] = True
        may = np.zeros(problem.n_facilities, dtype=bool)
        may[partner[own & (partner >= 0)]] = True
        free = with_it | (may & ~shares)
        free[asked] = True
    among_free = free[facility] & (~shared | ((partner >= 0) & free[partner]))
    return np.flatnonzero(planned | among_free | (~shared & ~shares[facility]))
