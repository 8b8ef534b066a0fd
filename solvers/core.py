"""The part of an estate on which one facility's decision turns, cut out without loss.

Most of an estate has nothing to do with one school. Three things are true in every plan, whatever is decided:

* A facility whose least places in a slice, over all its options, hold everybody who could want to come has always
  room there. To a node that can reach it, it is an outlet at the price of the journey: dearer journeys are of no use,
  and which of the others are taken concerns the other facilities only. Where journeys fall away, more facilities have
  always room, so this is repeated until nothing changes.
* A policy row that every choice of options keeps says nothing, and in any row the facilities without a choice there
  are a constant.
* What hangs together neither by a journey nor by a row that is left is planned apart: the least cost of the whole is
  the sum of the parts'.

So the *difference* between the best plans with and without a decision is that of the part the facility is in. The part
is a problem of its own (`Core.problem`), of the same scenarios and slices, and its proofs hold for the whole estate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.transport import eased_rows

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Core:
    """The part of a problem around a facility; what it numbers anew is in the order of the whole.

    Its costs are those of the whole less what no plan changes, so only differences between its plans mean anything.
    Facilities that only have places in it, whatever they decide, stand in it with one option for all of theirs.
    """

    problem: EstateProblem
    facilities: IntArray  # of the whole
    decides: Mask  # (facilities here,) whether what it decides is part of it
    options: IntArray  # of the whole
    nodes: IntArray  # of the whole
    rows: IntArray  # of the whole
    facility: int  # the one asked about, among `facilities`

    def options_of(self, chosen: IntArray) -> IntArray:
        """(K, facilities here) options of the core, of options (K, F) of the whole."""
        own: IntArray = np.searchsorted(self.options, chosen[:, self.facilities])
        only = np.searchsorted(self.problem.option_facility, np.arange(len(self.facilities)))
        return np.where(self.decides, own, only)

    def has(self, chosen: IntArray) -> bool:
        """Whether the core has every option of a plan (K, F) of the whole that is decided in it."""
        return bool(np.isin(chosen[:, self.facilities[self.decides]], self.options).all())

    def within(self, chosen: IntArray, option: IntArray) -> IntArray:
        """(K, F) options of the whole: those `chosen`, with `option` (K, facilities here) of the core."""
        whole = chosen.copy()
        whole[:, self.facilities[self.decides]] = self.options[option[:, self.decides]]
        return whole


def core_around(problem: EstateProblem, facility: int) -> Core:
    """The part of the problem that the decision at a facility turns on."""
    outlet, needed = _outlets(problem)
    rows = _telling_rows(problem)
    decides, used = _hanging_together(problem, needed, rows.matrix, facility)
    inside = decides.copy()
    inside[problem.arc_facility[used.any(axis=0)]] = True
    facilities = np.flatnonzero(inside)
    own = decides[problem.option_facility]
    one_of_each = np.zeros(problem.n_options, dtype=bool)
    one_of_each[np.unique(problem.option_facility, return_index=True)[1]] = True
    options = np.flatnonzero(inside[problem.option_facility] & (own | one_of_each))
    matrix = rows.matrix[:, options] @ diags(own[options].astype(float))
    matrix.eliminate_zeros()
    arcs = np.flatnonzero(used.any(axis=0))
    placed = np.zeros(problem.demand.shape, dtype=bool)
    slices, arc = np.nonzero(used)
    placed[slices, problem.arc_node[arc]] = True
    nodes = np.flatnonzero(placed.any(axis=0))
    kept = np.flatnonzero(np.diff(matrix.indptr))
    renumbered = np.cumsum(inside) - 1
    part = EstateProblem(
        option_facility=renumbered[problem.option_facility[options]],
        option_cost=problem.option_cost[options],
        option_capacity=problem.option_capacity[options],
        demand=np.where(placed, problem.demand, 0.0)[:, nodes],
        arc_node=np.searchsorted(nodes, problem.arc_node[arcs]),
        arc_facility=renumbered[problem.arc_facility[arcs]],
        arc_cost=problem.arc_cost[:, arcs],
        unmet_cost=outlet[:, nodes],
        row_matrix=matrix[kept],
        row_lower=rows.lower[kept],
        row_upper=rows.upper[kept],
        row_name=tuple(problem.row_name[row] for row in rows.number[kept]) if problem.row_name else (),
        single_site=problem.single_site,
        baseline=None,
        slice_scenario=problem.slice_scenario,
        scenario_weight=problem.scenario_weight,
        option_first=None if problem.option_first is None else problem.option_first[options],
        pot=_pots(problem, facilities),
    )
    core = Core(part, facilities, decides[facilities], options, nodes, rows.number[kept], int(renumbered[facility]))
    if problem.baseline is None:
        return core
    return replace(core, problem=replace(part, baseline=core.options_of(problem.baseline[None, :])[0]))


def _pots(problem: EstateProblem, facilities: IntArray) -> IntArray | None:
    """The pots of the digits among the facilities, which hang together by their rows; None without any."""
    digits = facilities[facilities >= problem.n_schools] - problem.n_schools
    if problem.pot is None or not len(digits):
        return None
    return np.asarray(np.unique(problem.pot[digits], return_inverse=True)[1])


def _outlets(problem: EstateProblem) -> tuple[FloatArray, Mask]:
    """(S, D) GBP per pupil of the cheapest way that is always open, and (S, A) the journeys cheaper than it."""
    least = np.full((problem.n_facilities, problem.n_slices), np.inf)
    np.minimum.at(least, problem.option_facility, problem.option_capacity)
    most = np.zeros((problem.n_facilities, problem.n_slices))
    np.maximum.at(most, problem.option_facility, problem.option_capacity)
    outlet = problem.unmet_cost.copy()
    needed = np.zeros((problem.n_slices, problem.n_arcs), dtype=bool)
    node, facility = problem.arc_node, problem.arc_facility
    for s in range(problem.n_slices):
        cost, pupils = problem.journey_costs(s), problem.demand[s, node]
        useful = (pupils > 0) & (most[facility, s] > 0) & (cost < outlet[s, node])
        while True:
            wanted = np.bincount(facility[useful], pupils[useful], minlength=problem.n_facilities)
            open_to_all = useful & (wanted <= least[:, s])[facility]
            np.minimum.at(outlet[s], node[open_to_all], cost[open_to_all])
            left = useful & (cost < outlet[s, node])
            if (left == useful).all():
                break
            useful = left
        needed[s] = useful
    return outlet, needed


class _Rows(NamedTuple):
    """Policy rows without the facilities that have no choice in them."""

    matrix: csr_matrix  # (R', O)
    lower: FloatArray
    upper: FloatArray
    number: IntArray  # (R',) among the problem's


def _telling_rows(problem: EstateProblem) -> _Rows:
    """The policy rows that some choice of options breaks."""
    entries, n = problem.row_matrix.tocoo(), problem.n_facilities
    key, group, count = np.unique(
        entries.row.astype(np.int64) * n + problem.option_facility[entries.col], return_inverse=True, return_counts=True
    )
    of_row, of_facility = key // n, key % n
    # An option that a row does not name counts 0.
    some_left_out = count < np.bincount(problem.option_facility)[of_facility]
    highest = np.where(some_left_out, 0.0, -np.inf)
    lowest = np.where(some_left_out, 0.0, np.inf)
    np.maximum.at(highest, group, entries.data)
    np.minimum.at(lowest, group, entries.data)
    least, most, fixed = (
        np.bincount(of_row, values, minlength=problem.n_rows)
        for values in (lowest, highest, np.where(highest == lowest, lowest, 0.0))
    )
    lower, upper = eased_rows(problem)
    telling = np.flatnonzero((least < lower) | (most > upper))
    varies = (highest > lowest)[group]
    matrix = csr_matrix(
        (entries.data[varies], (entries.row[varies], entries.col[varies])), shape=problem.row_matrix.shape
    )
    return _Rows(matrix[telling], (problem.row_lower - fixed)[telling], (problem.row_upper - fixed)[telling], telling)


def _hanging_together(problem: EstateProblem, needed: Mask, rows: csr_matrix, facility: int) -> tuple[Mask, Mask]:
    """(F,) the facilities whose decisions hang together with one, and (S, A) the journeys by which they do.

    A facility ties the slices together in which its places depend on what is decided there; in any other slice its
    places tie together only those who want them.
    """
    n_facilities, n_slices, n_nodes = problem.n_facilities, problem.n_slices, problem.n_nodes
    least = np.full((n_facilities, n_slices), np.inf)
    most = np.full((n_facilities, n_slices), -np.inf)
    np.minimum.at(least, problem.option_facility, problem.option_capacity)
    np.maximum.at(most, problem.option_facility, problem.option_capacity)
    places0 = n_facilities  # corners of the graph: facilities, then their places in slices, then nodes, then rows
    nodes0 = places0 + n_facilities * n_slices
    rows0 = nodes0 + n_slices * n_nodes
    s, arc = np.nonzero(needed)
    journey = (nodes0 + s * n_nodes + problem.arc_node[arc], places0 + problem.arc_facility[arc] * n_slices + s)
    decided, at = np.nonzero(most > least)
    choice = (decided, places0 + decided * n_slices + at)
    entries = rows.tocoo()
    ruled = (problem.option_facility[entries.col], rows0 + entries.row)
    tail, head = (np.concatenate(ends) for ends in zip(journey, choice, ruled, strict=True))
    size = rows0 + rows.shape[0]
    label = connected_components(coo_matrix((np.ones(len(tail)), (tail, head)), shape=(size, size)), directed=False)[1]
    mine = label == label[facility]
    used = np.zeros_like(needed)
    used[s, arc] = mine[journey[0]]
    return mine[:n_facilities].copy(), used
