"""A benchmark estate under several futures, taken from the joint draws of one forecast."""

from dataclasses import replace

import numpy as np

from benchmarks.draws import england_sized
from geodata.policy import Policy
from models.draws import Draws, area_scenarios
from models.error_fit import fit_error_model
from models.estate import EstateProblem

LOCALITIES, DRAWS = 300, 200


def with_scenarios(problem: EstateProblem, n: int) -> EstateProblem:
    """The problem with `n` times its slices: each future's demand, each at a share 1/n of the costs.

    Its slices are taken for the years of a forecast, its nodes for those of localities with neighbouring schools.
    """
    past, mean, areas = england_sized(LOCALITIES)
    draws = Draws(mean, fit_error_model(past, Policy({}), areas, mean), areas, seed=1, n_draws=DRAWS)
    futures = area_scenarios(draws, n)
    pupils = futures.pupils[:, :, : problem.n_slices].sum(axis=3, dtype=float)
    ratio = pupils / mean[:, : problem.n_slices].sum(axis=2)  # (n, localities, slices)
    nearest = np.lexsort((problem.arc_cost[0], problem.arc_node))
    first = nearest[np.searchsorted(problem.arc_node[nearest], np.arange(problem.n_nodes))]
    locality = np.empty(problem.n_nodes, dtype=int)
    locality[np.argsort(problem.arc_facility[first], kind="stable")] = (
        np.arange(problem.n_nodes) * LOCALITIES // problem.n_nodes
    )
    demand = problem.demand * ratio[:, locality].transpose(0, 2, 1)  # (n, S, D)
    return replace(
        problem,
        demand=demand.reshape(-1, problem.n_nodes),
        option_capacity=np.tile(problem.option_capacity, n),
        arc_cost=np.tile(problem.arc_cost, (1 if len(problem.arc_cost) == 1 else n, 1)) / n,
        unmet_cost=np.tile(problem.unmet_cost, (n, 1)) / n,
        slice_scenario=np.repeat(np.arange(n), problem.n_slices),
        scenario_weight=futures.weight,
    )
