"""Published optima: all 37 of OR-Library's capacitated problems, and single-source ones of Holmberg et al."""

from pathlib import Path

import pytest
from independent_checker import check_estate

from benchmarks.published import best_known as read_best_known
from benchmarks.published import read_holmberg, read_orlib
from solvers import solve_estate
from solvers.verify import verify_estate

INSTANCES = [
    f"cap{n}" for n in (*range(41, 45), 51, *range(61, 65), *range(71, 75), *range(81, 85), *range(91, 95))
] + [f"cap{n}{k}" for n in (10, 11, 12, 13) for k in range(1, 5)]


@pytest.fixture(scope="session")
def best_known(real_data: Path) -> dict[str, float]:
    return read_best_known(real_data / "benchmarks")


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


@pytest.mark.parametrize("instance", ["p32"])
def test_the_hardest_single_site_problem_is_near_the_published_optimum(real_data, best_known, instance):
    # From today's estate alone it was 1.0 % above it after half a minute; benchmarks/published.py has the others.
    problem = read_holmberg(real_data / "benchmarks" / "holmberg" / instance)
    plan = solve_estate(problem, gap=0.005, time_limit_s=120)
    assert plan.status == "optimal"
    assert plan.bound <= best_known[instance] <= plan.objective <= best_known[instance] * 1.002
    check_estate(problem, plan)
