"""One pass over all facilities at given prices: what every facility would then best do.

With a price on every pupil (`solvers.prices`) the estate falls apart into its facilities. A facility with so many
places in a slice takes the pupils worth most to it, price less journey, until it is full: a knapsack that may cut
its last piece. An option is worth the sum of its slices, and the facility follows the best. The pass is compiled,
because it runs thousands of times over every flow.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

GAPS = (8858, 3937, 1750, 701, 301, 132, 57, 23, 10, 4, 1)  # M. Ciura's strides, 2001


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def best_options(
    price: NDArray[np.float64],  # (S, D) GBP per pupil placed
    option_cost: NDArray[np.float64],  # (K, O) GBP, weighted and with the prices of policy rows in it; inf: not allowed
    demand: NDArray[np.float64],  # (S, D)
    flow_node: NDArray[np.int32],  # (J,) by facility and slice
    flow_cost: NDArray[np.float64],  # (J,)
    flow_start: NDArray[np.int64],  # (F · S + 1,)
    places: NDArray[np.float64],  # (O, S) by facility and class
    group_start: NDArray[np.int64],  # (G + 1,) first option of every class
    facility_group: NDArray[np.int64],  # (F + 1,) first class of every facility
    scenario: NDArray[np.int64],  # (S,) the scenario of a slice
    placed: NDArray[np.float64],  # (S, D) out, zeros: shares of the nodes that the facilities take
    followed: NDArray[np.int64],  # (K, F) out: the option of every facility
    value: NDArray[np.float64],  # (K, O) out: the cost of every option less what its pupils are worth
    first_facility: int,
    last_facility: int,
) -> float:
    """The cost at their best of the facilities from the first to before the last; fills their part of three arrays."""
    n_slices, n_scenarios = demand.shape[0], option_cost.shape[0]
    longest = 0
    for i in range(first_facility * n_slices, last_facility * n_slices):
        longest = max(longest, flow_start[i + 1] - flow_start[i])
    by_worth = np.empty((n_slices, longest), np.int32)  # nodes
    worth = np.empty(longest)
    count = np.zeros(n_slices, np.int64)
    best, candidate = np.zeros(n_scenarios, np.int64), np.zeros(n_scenarios, np.int64)
    total = 0.0
    for f in range(first_facility, last_facility):
        first, last = group_start[facility_group[f]], group_start[facility_group[f + 1]]
        value[:, first:last] = option_cost[:, first:last]
        for s in range(n_slices):
            k = scenario[s]
            n = 0
            open_to_any = False
            for o in range(first, last):
                open_to_any = open_to_any or (places[o, s] > 0.0 and option_cost[k, o] < np.inf)
            if not open_to_any:
                count[s] = 0
                continue
            for j in range(flow_start[f * n_slices + s], flow_start[f * n_slices + s + 1]):
                v = price[s, flow_node[j]] - flow_cost[j]
                if v > 0.0:
                    worth[n] = v
                    by_worth[s, n] = flow_node[j]
                    n += 1
            _sort_down(worth, by_worth[s], n)
            count[s] = n
            last_places, last_value = -1.0, 0.0
            for o in range(first, last):
                if places[o, s] <= 0.0 or option_cost[k, o] == np.inf:
                    continue
                if places[o, s] != last_places:
                    last_places = places[o, s]
                    last_value = 0.0
                    room = last_places
                    for i in range(n):
                        pupils = demand[s, by_worth[s, i]]
                        if pupils > room:
                            last_value += worth[i] * room
                            break
                        last_value += worth[i] * pupils
                        room -= pupils
                value[k, o] -= last_value
        best_cost = np.inf
        for g in range(facility_group[f], facility_group[f + 1]):
            cost = 0.0
            for k in range(n_scenarios):
                candidate[k] = group_start[g]
                for o in range(group_start[g] + 1, group_start[g + 1]):
                    if value[k, o] < value[k, candidate[k]]:
                        candidate[k] = o
                cost += value[k, candidate[k]]
            if cost < best_cost:
                best_cost = cost
                best[:] = candidate
        total += best_cost
        followed[:, f] = best
        for s in range(n_slices):
            room = places[best[scenario[s]], s]
            if room <= 0.0:
                continue
            for i in range(count[s]):
                d = by_worth[s, i]
                if demand[s, d] > room:
                    placed[s, d] += room / demand[s, d]
                    break
                placed[s, d] += 1.0
                room -= demand[s, d]
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sort_down(worth: NDArray[np.float64], node: NDArray[np.int32], n: int) -> None:
    """Sort the first n nodes by falling worth, in place: Shell's sort, as it compiles in half the time of numpy's."""
    for gap in GAPS:
        for i in range(gap, n):
            v, d = worth[i], node[i]
            j = i - gap
            while j >= 0 and worth[j] < v:
                worth[j + gap] = worth[j]
                node[j + gap] = node[j]
                j -= gap
            worth[j + gap] = v
            node[j + gap] = d
