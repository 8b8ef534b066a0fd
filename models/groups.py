"""Sums over groups of localities, for thousands of groups."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from models.cohorts import FloatArray, IntArray


def membership(at: IntArray, groups: int) -> csr_matrix:
    """(groups, L) 1 where a locality belongs to the group that `at` (L,) names."""
    return csr_matrix((np.ones(len(at)), (at, np.arange(len(at)))), shape=(groups, len(at)))


def grouped(members: csr_matrix, values: FloatArray) -> FloatArray:
    """Sums (A, …) over groups of localities (L, …)."""
    sums: FloatArray = np.asarray(members @ values.reshape(len(values), -1))
    return sums.reshape(members.shape[0], *values.shape[1:])
