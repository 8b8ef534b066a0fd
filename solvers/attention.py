"""Where to look next for a better plan.

The cost of a plan above the bound of `solvers.prices` is the sum of what every facility is away from its best at the
prices, and of what the policy rows have to spare:

    gap[f] = cost[o] − row prices − Σ pupils·(price − journey)  over the plan's option o and pupils,
             less the least of that over all of f's options and pupils

Neighbourhoods grow around facilities that are far from their best and in doubt, the second-best option being nearly as
good at the prices, or where pupils have no place; half of them keep to facilities under one policy row, so that one may
give what another takes. Where one has just been searched in vain interest fades, and comes back where the plan changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.layout import Layout, best_values
from solvers.neighbourhoods import Standing
from solvers.prices import Prices
from solvers.tiles import facility_rows

FADE, LEAST_INTEREST = 0.1, 1e-3
LEAST = 8  # facilities of a neighbourhood
ROW_PULL = 1.0  # of a shared policy row, against 1 of all homes shared
WIDEST_ROW = 300  # facilities; wider rows pull not
UNEVEN = 0.5  # luck in how neighbourhoods grow, so that no two neighbourhoods have one shape
FIRST_RANKS = 50.0  # the most doubtful so many are about equally likely to be the seed
WIDER = (2.0, 4.0, 8.0)  # a neighbourhood is the doubtful part of one so much larger
LUCK = 0.5  # in what counts as doubtful, so that no two take the same facilities


class Attention:
    """Chooses the facilities of neighbourhoods."""

    def __init__(self, layout: Layout, prices: Prices, wanted: NDArray[np.bool_], load: FloatArray, seed: int) -> None:
        """`wanted` (A,) are the arcs that matter, `load` (F,) is what facilities weigh."""
        self._layout, self._prices, self._load = layout, prices, load
        self._wanted = np.flatnonzero(wanted)
        self._near = _near(layout.problem, wanted)
        self._near_in_rows = csr_matrix(self._near + ROW_PULL * _under_one_row(layout.problem))
        self._random = np.random.default_rng(seed)
        self._interest = np.ones(len(load))
        self._least = best_values(layout, prices.value)

    def choose(self, standing: Standing, size: float, shut: NDArray[np.bool_]) -> IntArray:
        """Facilities of about `size` load, a few at least, around one that is not `shut` (F,) if there is any."""
        doubt = self._doubt(standing)
        rank = np.argsort(np.argsort(doubt, kind="stable"), kind="stable")
        weight = self._interest * np.sqrt(np.maximum(self.gaps(standing), 1e-9)) / (rank + FIRST_RANKS)
        if not shut.all():
            weight[shut] = 0.0
        seed = int(self._random.choice(len(weight), p=weight / weight.sum()))
        around = self._grown(seed, float(self._random.choice(WIDER)) * size)
        return self._first(around[np.argsort(doubt[around], kind="stable")], size)

    def doubtful(self, standing: Standing, tile: IntArray, size: float) -> IntArray:
        """The facilities of a tile that are most in doubt, of about `size` load."""
        doubt = self._doubt(standing)
        return self._first(tile[np.argsort(doubt[tile], kind="stable")], size)

    def tell(self, facilities: IntArray, touched: IntArray, gained: bool) -> None:
        """Whether a neighbourhood brought something."""
        if gained:
            self._interest[touched] = 1.0
        else:
            self._interest[facilities] = np.maximum(self._interest[facilities] * FADE, LEAST_INTEREST)

    def gaps(self, standing: Standing) -> FloatArray:
        """(F,) GBP that every facility is away from its best at the prices, and all homes that want it from a place."""
        problem, prices = self._layout.problem, self._prices
        cost = problem.stage_weight[:, None] * problem.option_cost - prices.row @ problem.row_matrix
        spent = np.take_along_axis(cost, standing.option, axis=1).sum(axis=0)
        worth, placed = problem.demand * prices.pupil, np.empty(problem.demand.shape)
        for s in range(problem.n_slices):
            used = np.flatnonzero(standing.flow[s])
            node = problem.arc_node[used]
            journey = problem.demand[s, node] * problem.journey_costs(s, used)
            placed[s] = np.bincount(node, standing.flow[s, used], minlength=problem.n_nodes)
            taken = standing.flow[s, used] * (worth[s, node] - journey)
            spent -= np.bincount(problem.arc_facility[used], taken, minlength=len(spent))
        homeless = np.maximum(1.0 - placed, 0.0) * problem.demand * (problem.unmet_cost - prices.pupil)
        waiting = homeless.sum(axis=0)[problem.arc_node[self._wanted]]
        spent += np.bincount(problem.arc_facility[self._wanted], waiting, minlength=len(spent))
        return np.asarray(spent - self._least)

    def regret(self, scenario: int, option: IntArray) -> FloatArray:
        """(O,) what following another option than these (F,) seems to cost at the prices, GBP."""
        problem, value = self._layout.problem, np.empty(self._layout.problem.n_options)
        value[self._layout.option_order] = self._prices.value[scenario]
        worse = value - value[option][problem.option_facility]
        worse[option] = 0.0
        return worse

    def _grown(self, seed: int, size: float) -> IntArray:
        """Facilities of about `size` load, each sharing much with those before it."""
        near = self._near if self._random.random() < 0.5 else self._near_in_rows
        luck = np.exp(self._random.normal(0.0, UNEVEN, len(self._load)))
        tie, taken, load = np.zeros(len(self._load)), [seed], float(self._load[seed])
        tie[seed] = -np.inf
        while (load < size or len(taken) < LEAST) and len(taken) < len(tie):
            last = slice(near.indptr[taken[-1]], near.indptr[taken[-1] + 1])
            tie[near.indices[last]] += near.data[last] * luck[near.indices[last]]
            following = int(np.argmax(tie))
            tie[following] = -np.inf
            load += float(self._load[following])
            taken.append(following)
        return np.sort(np.array(taken))

    def _doubt(self, standing: Standing) -> FloatArray:
        """(F,) what each facility would lose at the prices by its second-best option, with some luck in it."""
        doubt = np.full(len(self._load), np.inf)
        for k, option in enumerate(standing.option):
            worse = self.regret(k, option)
            worse[option] = np.inf
            np.minimum.at(doubt, self._layout.problem.option_facility, worse)
        return np.asarray(doubt * np.exp(self._random.normal(0.0, LUCK, len(doubt))))

    def _first(self, order: IntArray, size: float) -> IntArray:
        """As many facilities from the front as are of `size` load together, a few at least."""
        return np.sort(order[: max(LEAST, int(np.searchsorted(np.cumsum(self._load[order]), size, side="right")))])


def _near(problem: EstateProblem, wanted: NDArray[np.bool_]) -> csr_matrix:
    """(F, F) how much of what one facility is wanted by another is wanted by as well."""
    arcs = (problem.arc_facility[wanted], problem.arc_node[wanted])
    shared = csr_matrix((np.ones(len(arcs[0])), arcs), shape=(problem.n_facilities, problem.n_nodes))
    both = csr_matrix(shared @ shared.T)
    own = np.maximum(both.diagonal(), 1.0)
    both.data /= np.sqrt(own[both.indices] * np.repeat(own, np.diff(both.indptr)))
    return both


def _under_one_row(problem: EstateProblem) -> csr_matrix:
    """(F, F) how many policy rows, not too wide, name both facilities."""
    rows = facility_rows(problem)
    count = rows.getnnz(axis=0)
    narrow = rows[:, np.flatnonzero((count > 1) & (count <= WIDEST_ROW))]
    return csr_matrix(narrow @ narrow.T)
