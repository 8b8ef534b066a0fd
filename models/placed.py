"""What a placing of pupils means: rolls, pupils without a place, pupils beyond walking distance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.estate_build import TINY, Estate

Array = NDArray[np.float64]


def rolls(estate: Estate, flow: Array) -> Array:
    """(F, T) pupils R–Y11 at each facility by plan year, to be expected over the scenarios; `flow` (S, A) shares."""
    problem, pupils = estate.problem, np.zeros((len(estate.facilities), len(estate.years)))
    key = {facility.key: f for f, facility in enumerate(estate.facilities)}
    home = estate.all_nodes["urn"].astype(str).map(key).to_numpy(dtype=np.int64)
    for s, year, probability in _years(estate):
        moving = problem.demand[s, problem.arc_node] * flow[s]
        pupils[:, year] += probability * np.bincount(problem.arc_facility, moving, minlength=len(pupils))
        pupils[:, year] += probability * np.bincount(home, estate.staying[s], minlength=len(pupils))
    return pupils


def beyond_walking(estate: Estate, flow: Array, policy: Policy) -> Array:
    """(T, D) pupils of each node whose school lies beyond the statutory walking distance, expected over scenarios.

    The limit under 8 is taken for primary pupils, that from 8 for secondary. Pupils whose school keeps them whatever
    is decided are not among the nodes.
    """
    problem = estate.problem
    phase = dict(zip(estate.slices["band"], estate.slices["phase"], strict=True))
    primary = estate.nodes["band"].map(phase).eq("primary").to_numpy()
    limit = np.where(primary, policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m"))
    far = np.isfinite(estate.arc_metres) & (estate.arc_metres > limit[problem.arc_node])
    pupils = np.zeros((len(estate.years), problem.n_nodes))
    for s, year, probability in _years(estate):
        share = np.bincount(problem.arc_node[far], flow[s, far], minlength=problem.n_nodes)
        pupils[year] += probability * problem.demand[s] * share
    return pupils


def without_place(estate: Estate, unmet: Array) -> pd.DataFrame:
    """Pupils without a place within reach by academic_year, phase and kind: column pupils; `unmet` (S, D) shares."""
    pupils = (unmet * estate.problem.demand).sum(axis=1) * estate.slices["probability"].to_numpy(dtype=float)
    by = ["academic_year", "phase", "kind"]
    pupils = np.where(pupils < TINY, 0.0, pupils)  # what is left of a flow's rounding is nobody
    return estate.slices[by].assign(pupils=pupils).groupby(by, as_index=False)["pupils"].sum()


def _years(estate: Estate) -> list[tuple[int, int, float]]:
    """(slice, plan year, probability of its scenario) of every slice."""
    year = {name: t for t, name in enumerate(estate.years)}
    table = estate.slices
    return [
        (s, year[name], float(probability))
        for s, (name, probability) in enumerate(zip(table["academic_year"], table["probability"], strict=True))
    ]
