"""Published optima: all 37 of OR-Library's capacitated problems, and single-source ones of Holmberg et al."""

import csv
from pathlib import Path

import numpy as np
import pytest
from independent_checker import check_estate
from scipy.sparse import csr_matrix

from models.estate import EstateProblem
from solvers import solve_estate
from solvers.verify import verify_estate

INSTANCES = [
    f"cap{n}" for n in (*range(41, 45), 51, *range(61, 65), *range(71, 75), *range(81, 85), *range(91, 95))
] + [f"cap{n}{k}" for n in (10, 11, 12, 13) for k in range(1, 5)]


def read_orlib(path: Path) -> EstateProblem:
    """m n; places and fixed cost of each facility; each customer's demand and cost of all of it from each."""
    words = path.read_text().split()
    m, n = int(words[0]), int(words[1])
    facilities = np.array(words[2 : 2 + 2 * m], float).reshape(m, 2)
    customers = np.array(words[2 + 2 * m :], float).reshape(n, 1 + m)
    return open_or_closed(facilities, customers[:, 0], customers[:, 1:], single_site=False)


def read_holmberg(path: Path) -> EstateProblem:
    """m n; places and fixed cost of each facility; all demands; all costs, facility by facility."""
    numbers = np.array(path.read_text().split(), float)
    m, n = int(numbers[0]), int(numbers[1])
    facilities, demand, cost = np.split(numbers[2:], [2 * m, 2 * m + n])
    return open_or_closed(facilities.reshape(m, 2), demand, cost.reshape(m, n).T, single_site=True)


def open_or_closed(
    facilities: np.ndarray, demand: np.ndarray, cost_of_all: np.ndarray, single_site: bool
) -> EstateProblem:
    """Each facility is closed or open; a customer without a place costs more than any journey."""
    (n, m), (places, fixed_cost) = cost_of_all.shape, facilities.T
    node, facility = np.divmod(np.arange(n * m), m)
    closed_or_open = np.tile([0.0, 1.0], m)
    return EstateProblem(
        option_facility=np.repeat(np.arange(m), 2),
        option_cost=closed_or_open * np.repeat(fixed_cost, 2),
        option_capacity=(closed_or_open * np.repeat(places, 2))[:, None],
        demand=demand[None],
        arc_node=node,
        arc_facility=facility,
        arc_cost=(cost_of_all / demand[:, None]).reshape(1, -1),
        unmet_cost=np.full((1, n), 10 * (cost_of_all / demand[:, None]).max()),
        row_matrix=csr_matrix((0, 2 * m)),
        row_lower=[],
        row_upper=[],
        single_site=single_site,
    )


@pytest.fixture(scope="session")
def best_known(real_data: Path) -> dict[str, float]:
    with (real_data / "benchmarks" / "best_known.csv").open(newline="") as file:
        return {r["instance"]: float(r["value"]) for r in csv.DictReader(file)}


def test_there_are_37_of_them():
    assert len(set(INSTANCES)) == 37


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_optimum_is_the_published_one(real_data, best_known, instance):
    problem = read_orlib(real_data / "benchmarks" / "orlib" / f"{instance}.txt")
    plan = solve_estate(problem, gap=1e-7)
    assert plan.status == "optimal" and plan.objective == pytest.approx(best_known[instance], rel=1e-6)
    check_estate(problem, plan)
    assert verify_estate(problem, plan) == []


@pytest.mark.parametrize("instance", ["p1", "p2", "p5", "p9", "p13"])
def test_the_single_site_optimum_is_the_published_one(real_data, best_known, instance):
    problem = read_holmberg(real_data / "benchmarks" / "holmberg" / instance)
    plan = solve_estate(problem, gap=1e-7)
    assert plan.status == "optimal" and plan.objective == pytest.approx(best_known[instance], rel=1e-6)
    check_estate(problem, plan)
    assert verify_estate(problem, plan) == []
