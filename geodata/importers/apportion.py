"""Sharing the authority's figures over its localities, where nobody publishes them by small area.

The share of a locality in a year group is its share of the residents of the same cohort. Resident estimates are by
age at 30 June and year groups by age at 31 August, two months later: of the children aged a at 31 August, those born
in July and August – two twelfths – were still a − 1 at 30 June, the other ten twelfths were a already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
OLDER_SHARE = 10 / 12
UNITS = 1000  # figures are kept to three decimals


def residents_in(mid_years: Sequence[int], residents: Array, wanted: Sequence[int]) -> Array:
    """Residents at the wanted mid-years, (years, localities, ages): straight lines between, constant outside."""
    given = np.eye(len(mid_years))
    weight = np.column_stack([np.interp(wanted, mid_years, row) for row in given])
    moved: Array = np.tensordot(weight, residents, axes=1)
    return moved


def cohort_residents(residents: Array, ages: Sequence[int]) -> Array:
    """Residents who will be of these ages at 31 August: (…, localities, ages asked) from (…, localities, age 0 …)."""
    at = np.asarray(ages)
    cohort: Array = OLDER_SHARE * residents[..., at] + (1 - OLDER_SHARE) * residents[..., at - 1]
    return cohort


def apportion(totals: Array, weights: Array) -> Array:
    """Shares of each total in proportion to the weights, to three decimals, summing to the total exactly.

    `totals` is (rows,) and `weights` (rows, localities), neither negative; a row of zero weights is shared equally.
    The result is (rows, localities); thousandths left by rounding down go to the largest remainders.
    """
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, 1.0)
    units = np.rint(totals * UNITS)
    exact = units[:, None] * (weights / weights.sum(axis=1, keepdims=True))
    whole = np.floor(exact)
    left = units - whole.sum(axis=1)
    order = np.argsort(-(exact - whole), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    shares: Array = np.round((whole + (rank < left[:, None])) / UNITS, 3)
    return shares
