"""Which policy rows clash, and by how much they would have to give.

Pupils can always stay without a place, so a problem is infeasible exactly when no choice of one option per
facility keeps every policy row. That is a question about z alone. It is asked here of one elastic model, in
which every row may be missed by give_low or give_high:

    min  Σ_r price[r]·(give_low[r] + give_high[r])
    s.t. Σ_{o of f} z[o] = 1                                                 every facility
         lower[r] − give_low[r] ≤ Σ_o row[r,o]·z[o] ≤ upper[r] + give_high[r]     every policy row

A row is enforced by a ceiling of 0 on what it gives, left out by a price of 0. Rows are sought by elastic
filtering (rows that had to give are enforced until nothing is feasible) and then thinned by deletion
filtering: J. W. Chinneck, "Feasibility and Infeasibility in Optimization", Springer 2008, ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bmat, csr_matrix, diags, identity

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.highs import Clock, Matrix, Outcome, choose, run_highs
from solvers.pots import in_shares, settled
from solvers.transport import ROW_EASING, eased_rows

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class RowClash:
    """One row of a clash, in the row's own unit."""

    row: int
    name: str
    alone: float  # what this row would have to give if the others of the clash stand


class OptionSpace:
    """The elastic model of one problem's options: feasible choices, clashes and what rows must give."""

    def __init__(self, problem: EstateProblem, clock: Clock, seed: int = 0) -> None:
        self._problem = problem
        self._clock = clock
        self._seed = seed
        self._matrix = _elastic_matrix(problem)

    def nearest(
        self, reference: IntArray, time_limit_s: float, distance: FloatArray | None = None
    ) -> tuple[bool, IntArray | None]:
        """(whether no choice keeps every row, a choice (F,) that does and is near the reference, if found).

        `distance` (O,) is how far each option is from the facility's in the reference; 1 unless given.
        """
        differs = np.ones(self._problem.n_options) if distance is None else distance.copy()
        differs[reference] = 0.0
        every = np.ones(self._problem.n_rows, dtype=bool)
        found = self._solve(every, np.zeros(len(every)), differs, time_limit_s, gap=0.1)
        if found.values is None:
            return found.infeasible, None
        z = found.values[: self._problem.n_options]
        return False, settled(self._problem, choose(z, self._problem.option_facility, self._problem.n_facilities))

    def clash(self, grace_s: float = 0.0) -> tuple[int, ...]:
        """An irreducible set of rows that no choice keeps; () when the time did not suffice to find any.

        When the time ends while rows are being left out, the set still clashes but may not be irreducible.
        """
        deadline = max(self._clock.limit_s, self._clock.seconds + grace_s)
        enforced = np.zeros(self._problem.n_rows, dtype=bool)
        while True:
            found = self._solve(enforced, self._prices(), None, deadline - self._clock.seconds)
            if found.infeasible:
                break
            if found.values is None or enforced.all():
                return ()
            gives = self._gives(found) > ROW_EASING * self._scale()
            # Where none is seen to give, they miss by less than digits tell: all are enforced, and thinned below.
            enforced |= gives if (gives & ~enforced).any() else True
        for row in np.flatnonzero(enforced):
            without = enforced.copy()
            without[row] = False
            if self._solve(without, np.zeros(len(without)), None, deadline - self._clock.seconds).infeasible:
                enforced = without
        return tuple(int(row) for row in np.flatnonzero(enforced))

    def least_gives(self) -> FloatArray:
        """(R,) what the rows give, each in its own unit, where the sum of their shares is least; nan without time."""
        nobody = np.zeros(self._problem.n_rows, dtype=bool)
        return self._gives(self._solve(nobody, self._prices(), None, self._clock.left_s))

    def gives_alone(self, row: int, clash: tuple[int, ...]) -> float:
        """What `row` gives at least when the other rows of the clash stand and no further row is asked for.

        What is enough, where the time does not suffice to find the least; nan where nothing has been found.
        """
        enforced = np.zeros(self._problem.n_rows, dtype=bool)
        enforced[list(clash)] = True
        enforced[row] = False
        price = np.zeros(len(enforced))
        price[row] = 1.0
        return float(self._gives(self._solve(enforced, price, None, self._clock.left_s))[row])

    def infeasible(self, enforced: BoolArray) -> bool:
        """Whether no choice keeps the enforced rows (R,), proven in the time that is left."""
        return self._solve(enforced, np.zeros(len(enforced)), None, self._clock.left_s).infeasible

    def _solve(
        self,
        enforced: BoolArray,
        price: FloatArray,
        option_price: FloatArray | None,
        time_limit_s: float,
        gap: float = 0.0,
    ) -> Outcome:
        n_options = self._problem.n_options
        ceiling, cost = self._matrix.ceiling.copy(), np.zeros(len(self._matrix.cost))
        ceiling[n_options:] = np.tile(np.where(enforced, 0.0, np.inf), 2)
        cost[n_options:] = np.tile(price, 2)
        if option_price is not None:
            cost[:n_options] = option_price
        matrix = replace(self._matrix, ceiling=ceiling, cost=cost)
        return run_highs(matrix, time_limit_s=max(0.0, time_limit_s), gap=gap, seed=self._seed)

    def _scale(self) -> FloatArray:
        """(R,) the size of a row's bounds, so that places and pounds can be added."""
        bounds = np.abs(np.stack([self._problem.row_lower, self._problem.row_upper]))
        size = np.where(np.isfinite(bounds), bounds, 0.0).max(axis=0)
        return np.asarray(np.where(size > 0, size, 1.0))

    def _prices(self) -> FloatArray:
        return 1.0 / self._scale()

    def _gives(self, found: Outcome) -> FloatArray:
        """(R,) how far each row is missed."""
        if found.values is None:
            return np.full(self._problem.n_rows, np.nan)
        z = found.values[: self._problem.n_options]
        level = self._problem.row_matrix @ np.where(in_shares(self._problem, np.arange(len(z))), z, np.round(z))
        missed = np.maximum(self._problem.row_lower - level, level - self._problem.row_upper)
        return np.asarray(np.maximum(missed, 0.0))


def explain_clash(problem: EstateProblem, clash: tuple[int, ...], time_limit_s: float = 20.0) -> list[RowClash]:
    """For every row of a plan's `clash`: its name and by how much it would have to give."""
    space = OptionSpace(problem, Clock(time_limit_s))
    return [RowClash(row, row_words(problem, row), space.gives_alone(row, clash)) for row in clash]


def least_together(problem: EstateProblem, time_limit_s: float = 20.0) -> dict[int, float]:
    """Rows and what each gives, in its unit, where all rows give least, each in shares of its bound.

    A plan is possible where these give way, also where several sets of rows clash. Empty without time for an answer.
    """
    gives = OptionSpace(problem, Clock(time_limit_s)).least_gives()
    return {int(row): float(gives[row]) for row in np.flatnonzero(gives > 1e-9)}


def clashing_facilities(problem: EstateProblem, clash: tuple[int, ...], time_limit_s: float = 20.0) -> tuple[int, ...]:
    """An irreducible set of facilities of which the rows of a clash ask different things.

    If every other facility could do its best for each row separately, no choice of these would keep the rows; if one
    of these could as well, some choice would. Empty where even that of all would not be enough: then the rows ask for
    more than there is. What the time does not reach is left in.
    """
    clock = Clock(time_limit_s)
    rows = problem.row_matrix[list(clash)]
    most, least = _reach(problem, rows)
    kept = np.flatnonzero(np.asarray((most > least).any(axis=0)))
    size = len(kept)
    while size:
        for first in range(0, len(kept), size):
            fewer = np.delete(kept, slice(first, first + size))
            if clock.left_s > 0 and _clashes(problem, rows, clash, most, least, fewer, clock):
                kept = fewer
                break
        else:
            size //= 2
        size = min(size, len(kept))
    return tuple(kept.tolist())


def _clashes(
    problem: EstateProblem,
    rows: csr_matrix,
    clash: tuple[int, ...],
    most: FloatArray,
    least: FloatArray,
    kept: IntArray,
    clock: Clock,
) -> bool:
    """Whether the rows clash where only the facilities `kept` have to give every row the same option."""
    free = np.setdiff1d(np.arange(problem.n_facilities), kept)
    names = csr_matrix(rows @ diags(np.isin(problem.option_facility, kept).astype(float)))
    eased = replace(
        problem,
        row_matrix=names,
        row_lower=problem.row_lower[list(clash)] - most[:, free].sum(axis=1),
        row_upper=problem.row_upper[list(clash)] - least[:, free].sum(axis=1),
        row_name=(),
        baseline=None,
    )
    return OptionSpace(eased, clock).infeasible(np.ones(len(clash), dtype=bool))


def _reach(problem: EstateProblem, rows: csr_matrix) -> tuple[FloatArray, FloatArray]:
    """(rows, F) the most and the least that a facility can give each row; an option that is not named gives 0."""
    values = rows.toarray()
    most, least = (np.full((len(values), problem.n_facilities), sign * np.inf) for sign in (-1.0, 1.0))
    np.maximum.at(most.T, problem.option_facility, values.T)
    np.minimum.at(least.T, problem.option_facility, values.T)
    return most, least


def row_words(problem: EstateProblem, row: int) -> str:
    """The row's name, or its number where rows have none."""
    return problem.row_name[row] if problem.row_name else f"row {row}"


def _elastic_matrix(problem: EstateProblem) -> Matrix:
    """The programme's columns z (O), give_low (R), give_high (R), without prices and with every row free to give."""
    n_options, n_rows = problem.n_options, problem.n_rows
    lower, upper = eased_rows(problem)
    low, high = np.flatnonzero(np.isfinite(lower)), np.flatnonzero(np.isfinite(upper))
    choice = csr_matrix((np.ones(n_options), (problem.option_facility, np.arange(n_options))))
    give = identity(n_rows, format="csr")
    rows = bmat(
        [
            [choice, csr_matrix((problem.n_facilities, n_rows)), csr_matrix((problem.n_facilities, n_rows))],
            [problem.row_matrix[low], give[low], csr_matrix((len(low), n_rows))],
            [problem.row_matrix[high], csr_matrix((len(high), n_rows)), -give[high]],
        ],
        format="csc",
    )
    one, nothing = np.ones(problem.n_facilities), np.full(len(high), -np.inf)
    return Matrix(
        cost=np.zeros(n_options + 2 * n_rows),
        rows=rows,
        lower=np.concatenate([one, lower[low], nothing]),
        upper=np.concatenate([one, np.full(len(low), np.inf), upper[high]]),
        ceiling=np.concatenate([np.ones(n_options), np.full(2 * n_rows, np.inf)]),
        whole=np.concatenate([~in_shares(problem, np.arange(n_options)), np.zeros(2 * n_rows, dtype=bool)]),
    )
