"""Tiles: an estate cut into neighbourhoods that can be solved one by one.

Facilities that share nodes worth competing for, or a policy row, belong near each other. The arrays know no map, so
a few coordinates are made from the problem itself: random numbers on the facilities, averaged again and again over
those that share a node or a row, until only the smooth ones are left (subspace iteration for the first eigenvectors
of the graph). Cutting those coordinates in half again and again gives compact tiles. Facilities under one policy row
stay together where the row is not larger than a tile.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from models.estate import EstateProblem, FloatArray, IntArray

AXES = 6  # smooth coordinates
SMOOTHINGS = 60
LARGER = 1.3  # how much larger a tile may become to keep facilities under one row together
ROW_PULL = 0.6  # of a shared row, against 1 of shared nodes


class Tiling:
    """Cuts one problem into tiles; `wanted` (A,) are the arcs that matter. `axes` (F, AXES) are the coordinates."""

    def __init__(self, problem: EstateProblem, wanted: NDArray[np.bool_], load: FloatArray, seed: int) -> None:
        """`load` (F,) is what each facility weighs in the size of a tile."""
        self._random = np.random.default_rng(seed)
        self._problem = problem
        self._load = load
        self._rows = facility_rows(problem)
        self.axes = self._smooth(wanted)

    def cut(self, size: float) -> list[IntArray]:
        """Disjoint tiles of at most about `size` load that cover all facilities."""
        atom = self._atoms(size)
        n_atoms = int(atom.max()) + 1
        load = np.bincount(atom, self._load, minlength=n_atoms)
        count = np.bincount(atom, minlength=n_atoms)
        axes = np.column_stack([np.bincount(atom, axis, minlength=n_atoms) / count for axis in self.axes.T])
        tiles = []
        waiting = [np.arange(n_atoms)]
        while waiting:
            atoms = waiting.pop()
            n_parts = int(np.ceil(load[atoms].sum() / size - 0.3))
            if n_parts <= 1 or len(atoms) == 1:
                tiles.append(np.flatnonzero(np.isin(atom, atoms)))
                continue
            along = _longest(axes[atoms] - axes[atoms].mean(axis=0))
            order = np.argsort(along, kind="stable")
            filled = np.cumsum(load[atoms[order]])
            half = int(np.argmin(np.abs(filled - filled[-1] * (n_parts // 2) / n_parts))) + 1
            half = min(max(half, 1), len(atoms) - 1)
            waiting += [atoms[order[half:]], atoms[order[:half]]]
        return tiles

    def _atoms(self, size: float) -> IntArray:
        """(F,) facilities that have to stay together: those under rows no larger than a tile."""
        small = np.flatnonzero(self._rows.T @ self._load <= LARGER * size)
        n_facilities = self._problem.n_facilities
        within = self._rows[:, small]
        _, part = connected_components(within @ within.T, directed=False)
        too_large = np.bincount(part, self._load) > LARGER * size
        alone = too_large[part]
        part[alone] = len(too_large) + np.arange(n_facilities)[alone]
        return np.asarray(np.unique(part, return_inverse=True)[1], dtype=np.int64)

    def _smooth(self, wanted: NDArray[np.bool_]) -> FloatArray:
        """(F, AXES) smooth coordinates."""
        problem = self._problem
        arcs = (problem.arc_facility[wanted], problem.arc_node[wanted])
        shared = csr_matrix((np.ones(len(arcs[0])), arcs), shape=(problem.n_facilities, problem.n_nodes))
        axes = self._random.normal(size=(problem.n_facilities, AXES))
        for _ in range(SMOOTHINGS):
            axes = _averaged(shared, axes) + ROW_PULL * _averaged(self._rows, axes)
            axes -= axes.mean(axis=0)
            axes = np.linalg.qr(axes)[0] * np.sqrt(problem.n_facilities)
        return axes


def _longest(axes: FloatArray) -> FloatArray:
    """(n,) the coordinate along the longest axis of the cloud."""
    return np.asarray(axes @ np.linalg.svd(axes.T @ axes)[2][0])


def _averaged(shares: csr_matrix, axes: FloatArray) -> FloatArray:
    """Coordinates averaged over the columns that facilities share; 0 for a facility that shares none."""
    columns = np.maximum(np.asarray(shares.sum(axis=0))[0], 1e-9)
    rows = np.maximum(np.asarray(shares.sum(axis=1)), 1e-9)
    return np.asarray(shares @ ((shares.T @ axes) / columns[:, None]) / rows)


def facility_rows(problem: EstateProblem) -> csr_matrix:
    """(F, R) 1 where a policy row names an option of the facility."""
    entries = problem.row_matrix.tocoo()
    named = (problem.option_facility[entries.col], entries.row)
    rows = csr_matrix((np.ones(len(named[0])), named), shape=(problem.n_facilities, problem.n_rows))
    rows.data[:] = 1.0
    return rows
