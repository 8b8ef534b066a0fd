"""The estate problem type: what it refuses, what it fills in, what survives a file."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from models.estate import EstateProblem

GOOD = {
    "option_facility": [0, 0, 1],
    "option_cost": [0.0, 100.0, 50.0],
    "option_capacity": [[0, 0], [30, 30], [60, 60]],
    "demand": [[20, 10], [25, 0]],
    "arc_node": [0, 0, 1],
    "arc_facility": [0, 1, 1],
    "arc_cost": [[1.0, 2.0, 3.0]],
    "unmet_cost": [[1000, 1000], [1000, 1000]],
    "row_matrix": [[0, 1, 1]],
    "row_lower": [1],
    "row_upper": [np.inf],
}


def test_lists_become_arrays_of_one_kind_and_are_counted():
    problem = EstateProblem(**GOOD)
    assert problem.option_facility.dtype == np.int64 and problem.demand.dtype == np.float64
    assert isinstance(problem.row_matrix, csr_matrix)
    counts = (
        problem.n_options,
        problem.n_facilities,
        problem.n_slices,
        problem.n_nodes,
        problem.n_arcs,
        problem.n_rows,
    )
    assert counts == (3, 2, 2, 2, 3, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"option_facility": []}, "option_facility is empty"),
        ({"option_facility": [0, 0, 2]}, r"option_facility: facility 1 has no option \(facilities are 0 … 2\)"),
        ({"option_facility": [0, -1, 1]}, r"option_facility\[1\] = -1"),
        ({"option_facility": [0, 0.5, 1]}, r"option_facility\[1\] = 0.5: not a whole number"),
        ({"option_facility": ["a", "b", "c"]}, "option_facility holds"),
        ({"option_cost": [0.0, np.nan, 1.0]}, r"option_cost\[1\] = nan"),
        ({"option_cost": [0.0, 1.0]}, r"option_cost has shape \(2,\), expected \(3,\)"),
        ({"option_capacity": [[0], [1], [2]]}, r"option_capacity has shape \(3, 1\), expected \(3, 2\)"),
        ({"option_capacity": [[0, 0], [30, -1], [60, 60]]}, r"option_capacity\[1, 1\] = -1"),
        ({"demand": [[20, -1], [25, 0]]}, r"demand\[0, 1\] = -1"),
        ({"demand": [20, 10]}, "demand has shape"),
        ({"unmet_cost": [[1000, np.inf], [1, 1]]}, r"unmet_cost\[0, 1\] = inf"),
        ({"arc_node": [0, 0, 2]}, r"arc_node\[2\] = 2: nodes are 0 … 1"),
        ({"arc_facility": [0, 5, 1]}, r"arc_facility\[1\] = 5"),
        ({"arc_cost": [[1.0, 2.0]]}, "arc_cost has shape"),
        ({"row_matrix": [[0, 1]]}, "row_matrix has shape"),
        ({"row_matrix": [[0, np.nan, 1]]}, r"row_matrix\[0\]"),
        ({"row_lower": [np.nan]}, r"row_lower\[0\] = nan"),
        ({"row_lower": [np.inf]}, r"row_lower\[0\] = inf"),
        ({"row_upper": [1, 2]}, r"row_upper has shape \(2,\), expected \(1,\)"),
        ({"row_name": ["a", "b"]}, "row_name has 2 names for 1 rows"),
        ({"demand": np.empty((0, 2)), "unmet_cost": np.empty((0, 2))}, "demand has shape .* at least one slice"),
        ({"demand": [[20, 10], [1e16, 0]]}, r"demand\[1, 0\] = 1e\+16: above 1e\+12"),
        ({"demand": [[20, 10], [25]]}, "demand has rows of different lengths"),
        ({"option_capacity": [[0, 0], [30, 1e16], [60, 60]]}, r"option_capacity\[1, 1\] = 1e\+16: above 1e\+12"),
        ({"row_matrix": [[0, 1e16, 1]]}, r"row_matrix\[0\] holds a value that is not finite, or above 1e\+12"),
        ({"row_lower": ["x"]}, "row_lower holds <U1, expected numbers"),
        ({"arc_node": [0, 1e30, 1]}, r"arc_node\[1\] = 1e\+30: not a whole number"),
        ({"baseline": [1]}, r"baseline has shape \(1,\), expected \(2,\)"),
        ({"baseline": [2, 2]}, r"baseline\[0\] = 2: an option of another facility"),
        ({"baseline": [0, 3]}, r"baseline\[1\] = 3: not an option"),
    ],
)
def test_wrong_arrays_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        EstateProblem(**{**GOOD, **change})


@pytest.mark.parametrize("more", [{}, {"row_name": ("one open",), "single_site": True, "baseline": [1, 2]}])
def test_a_file_gives_back_what_was_saved(tmp_path, more):
    problem = EstateProblem(**{**GOOD, **more})
    problem.save(tmp_path / "estate.npz")
    again = EstateProblem.load(tmp_path / "estate.npz")
    for name in GOOD:
        ours, theirs = getattr(problem, name), getattr(again, name)
        assert (ours != theirs).sum() == 0, name
    assert (again.row_name, again.single_site) == (problem.row_name, problem.single_site)
    assert np.array_equal(again.baseline, problem.baseline) if more else again.baseline is None


def test_a_file_without_rows_has_none_and_one_without_demand_is_refused(tmp_path):
    arrays = {name: np.array(value) for name, value in GOOD.items() if not name.startswith("row")}
    np.savez(tmp_path / "bare.npz", **arrays)
    assert EstateProblem.load(tmp_path / "bare.npz").n_rows == 0
    del arrays["demand"]
    np.savez(tmp_path / "poor.npz", **arrays)
    with pytest.raises(ValueError, match=r"poor\.npz has no array demand"):
        EstateProblem.load(tmp_path / "poor.npz")


def test_rows_of_a_file_that_point_nowhere_are_refused(tmp_path):
    arrays = {name: np.array(value) for name, value in GOOD.items() if name != "row_matrix"}
    np.savez(tmp_path / "rows.npz", **arrays, row=[0], row_option=[3], row_value=[1.0])
    with pytest.raises(ValueError, match=r"row_option\[0\] = 3: options are 0 … 2"):
        EstateProblem.load(tmp_path / "rows.npz")


def test_the_published_benchmarks_open(real_data):
    problem = EstateProblem.load(real_data / "benchmarks" / "estate_500x3000x5.npz")
    assert (problem.n_facilities, problem.n_nodes, problem.n_slices, problem.n_rows) == (500, 3000, 5, 20)
    assert np.array_equal(problem.option_facility[problem.baseline], np.arange(500))
