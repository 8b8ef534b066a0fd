"""Prices of pupils and policy rows: they settle whatever unit a row is counted in."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from test_solve_decomposed import county

from models.estate import EstateProblem
from solvers import solve_estate
from solvers.layout import lay_out
from solvers.prices import Prices

PASSES = 400


def with_budget(problem: EstateProblem, gbp: float) -> EstateProblem:
    """Open no more than 40 % of the schools by their cost, counted in units of `gbp`."""
    return replace(
        problem,
        row_matrix=csr_matrix(problem.option_cost[None, :] / gbp),
        row_lower=np.array([-np.inf]),
        row_upper=np.array([0.4 * problem.option_cost.sum() / gbp]),
        baseline=None,
    )


@pytest.mark.parametrize("seed", range(1, 4))
def test_prices_settle_whatever_a_row_is_counted_in(seed: int) -> None:
    """Steps made for prices of thousands overshoot a pound a pound: pounds, pence or thousands must not matter."""
    problem = county(seed)
    exact = solve_estate(with_budget(problem, 1.0), gap=1e-6, route="exact").objective
    bounds = []
    for gbp in (0.01, 1.0, 1_000.0):
        prices = Prices(lay_out(with_budget(problem, gbp)))
        prices.ascend(PASSES)
        bounds.append(prices.bound)
    assert max(bounds) <= exact * (1 + 1e-6)
    assert max(bounds) - min(bounds) <= 0.02 * exact  # 5 to 28 % where steps know nothing of the unit
