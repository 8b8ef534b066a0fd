"""Pots of an estate: sums of money as the options of schools let them be.

Once every school's option is chosen, what a pot pays is a small linear programme of its own: the sums that save most
within the policy rows in which pots stand, each rounded down to a whole pound and written in its digits. It makes a
plan whole again after schools have changed. While they search, programmes may take any share of a digit, so that what
they prove holds for every sum, whole pounds or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Matrix, run_highs
from solvers.transport import eased_rows

SECONDS = 5.0  # at most, for the pots of one scenario
DIGITS_GBP = 1e-6  # by which a sum may miss a whole pound for want of digits


def in_shares(problem: EstateProblem, options: IntArray) -> NDArray[np.bool_]:
    """Whether programmes may take shares of an option: those of digits."""
    return np.asarray(problem.option_facility[options] >= problem.n_schools)


def settled(problem: EstateProblem, option: IntArray) -> IntArray:
    """Options (F,) or, by scenario, (K, F), with the sums that save most beside those of the schools.

    Rows that cannot be kept whatever the pots do, because of the schools, are left aside.
    """
    if problem.pot is None:
        return option.copy()
    money = _Money.of(problem)
    schools = np.atleast_2d(option)[:, : problem.n_schools]
    different, which = np.unique(schools, axis=0, return_inverse=True)
    digits = np.array([money.digits_beside(one) for one in different])[which.ravel()]
    return np.concatenate([schools, digits], axis=1).reshape(option.shape)


class _Money:
    """The pots of a problem as amounts y (P,) in GBP: cost and row entries of a pound, and what each holds at most."""

    def __init__(self, problem: EstateProblem, digits: IntArray) -> None:
        assert problem.pot is not None
        self._problem, self._digits = problem, digits  # (Q, 2) the options of each digit, 0 first
        pot = problem.pot
        self._first = np.flatnonzero(np.r_[True, pot[1:] != pot[:-1]])
        cost = problem.option_cost[digits[:, 1]]
        self._gbp = np.rint(cost / np.repeat(cost[self._first], np.diff(np.r_[self._first, len(pot)])))
        self._top = np.add.reduceat(self._gbp, self._first)
        self._saved = cost[self._first]
        of_a_pound = csr_matrix(problem.row_matrix[:, digits[self._first, 1]])
        self._rows = np.flatnonzero(np.diff(of_a_pound.indptr))
        self._pounds = of_a_pound[self._rows]

    @classmethod
    def of(cls, problem: EstateProblem) -> _Money:
        of_digit = np.flatnonzero(problem.option_facility >= problem.n_schools)
        order = np.lexsort((-problem.option_cost[of_digit], problem.option_facility[of_digit]))
        return cls(problem, of_digit[order].reshape(-1, 2))

    def digits_beside(self, schools: IntArray) -> IntArray:
        """(Q,) the option of each digit beside the options of the schools."""
        level = self._problem.row_matrix[self._rows][:, schools].sum(axis=1).A1
        lower, upper = (bound[self._rows] - level for bound in eased_rows(self._problem))
        pounds = self._pounds
        found = _most_saved(self._saved, pounds, lower, upper, self._top)
        if found is None:
            # What even no money at all, or all that may help, does not mend is the schools' doing.
            helps = pounds.multiply(self._top)
            least, most = helps.minimum(0).sum(axis=1).A1, helps.maximum(0).sum(axis=1).A1
            kept = np.flatnonzero((most >= lower) & (least <= upper))
            found = _most_saved(self._saved, pounds[kept], lower[kept], upper[kept], self._top)
        whole = np.zeros(len(self._top)) if found is None else np.floor(found + DIGITS_GBP)
        return np.take_along_axis(self._digits, self._written(whole)[:, None], axis=1).ravel()

    def _written(self, whole: FloatArray) -> IntArray:
        """(Q,) 1 where a digit is taken to write sums of whole pounds."""
        taken = np.zeros(len(self._gbp), dtype=np.int64)
        ends = np.r_[self._first[1:], len(self._gbp)]
        for pounds, begin, end in zip(whole.astype(np.int64).tolist(), self._first, ends, strict=True):
            doubled = end - begin - 1
            if pounds >= 2**doubled:
                taken[end - 1] = 1
                pounds -= int(self._gbp[end - 1])
            taken[begin : end - 1] = (pounds >> np.arange(doubled)) & 1
        return taken


def _most_saved(
    cost: FloatArray, rows: csr_matrix, lower: FloatArray, upper: FloatArray, top: FloatArray
) -> FloatArray | None:
    """(P,) GBP of each pot, at most `top`, that save most within the rows; None where there are none."""
    scaled = csc_matrix(rows.multiply(top))
    matrix = Matrix(
        cost=cost * top,
        rows=scaled,
        lower=lower,
        upper=upper,
        ceiling=np.ones(len(top)),
        whole=np.zeros(len(top), dtype=bool),
    )
    values = run_highs(matrix, time_limit_s=SECONDS).values
    return None if values is None else values * top
