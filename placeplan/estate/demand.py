"""The pupils that an estate is planned for: the forecast, several futures of it, or a high percentile.

Futures are joint draws of the forecast (`models.draws`): errors go together across year groups, years and places as
past ones did, so peaks do not fall everywhere in the same future. A plan for them has the least expected cost. A
service level plans for one future in which every planning area has, year by year, the pupils of a phase that so many
per cent of draws stay below; every area is high at once there, which nearly no draw is. Nothing compels places for
them: who is left without one is priced as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.draws import area_scenarios
from placeplan.demand import StudyDraws, study_draws
from placeplan.study import Study

Array = NDArray[np.float64]
MEAN, SCENARIOS, SERVICE_LEVEL = ("mean", "scenarios", "service level")
SEED = 0


@dataclass(frozen=True, eq=False)
class EstateDemand:
    """Pupils by scenario (K, T, 12, N): plan years, year groups R … Y11, nodes; and probabilities (K,)."""

    pupils: Array
    probability: Array


def estate_demand(study: Study, forecast: pd.DataFrame, nodes: pd.DataFrame, mean: Array) -> EstateDemand:
    """The nodes' pupils as policy asks; `mean` (T, 12, N) are those of the forecast.

    A node follows its locality, or its planning area for a service level; nodes from outside follow the whole study.
    """
    kind = study.policy.text("estate_demand")
    if kind == MEAN:
        return EstateDemand(mean[None], np.ones(1))
    drawn = study_draws(study, forecast, study.policy.integer("estate_draws"), SEED)
    if kind == SCENARIOS:
        futures = area_scenarios(drawn.draws, study.policy.integer("estate_scenarios"))
        ratio, probability = futures.pupils.astype(np.float64), futures.weight
    else:
        ratio, probability = _raised(drawn, study.policy.number("estate_service_percentile"))[None], np.ones(1)
    outside = ratio.sum(axis=1) / np.maximum(drawn.draws.mean.sum(axis=0), 1e-9)  # (K, T, G)
    ratio = np.divide(ratio, drawn.draws.mean, out=np.ones_like(ratio), where=drawn.draws.mean > 0)
    row = {locality: i for i, locality in enumerate(drawn.localities)}
    at = nodes["locality"].map(row).fillna(-1).to_numpy(dtype=int)
    columns = [drawn.year_groups.index(group) for group in COMPULSORY]
    of_node = np.concatenate([ratio, outside[:, None]], axis=1)[:, at][..., columns]  # (K, N, T, 12)
    return EstateDemand(mean * of_node.transpose(0, 2, 3, 1), probability)


def demand_words(policy: Policy) -> str:
    """What the estate is planned for, in words."""
    kind = policy.text("estate_demand")
    if kind == SCENARIOS:
        return f"{policy.integer('estate_scenarios')} futures drawn from the forecast, at expected cost"
    if kind == SERVICE_LEVEL:
        percentile = policy.number("estate_service_percentile")
        return f"{percentile:g}th percentile of every planning area's pupils, all at once"
    return "the forecast's mean"


def _raised(drawn: StudyDraws, percentile: float) -> Array:
    """(L, T, G) pupils raised to the percentile of the planning area's pupils of the phase, year by year."""
    areas, raised = drawn.draws.areas, drawn.draws.mean.copy()
    for at, groups, sums in zip(areas.of_locality, areas.groups, drawn.draws.area_sums(), strict=True):
        total = sums.sum(axis=3, dtype=np.float64)  # (N, A, T)
        usual = total.mean(axis=0)
        high = np.percentile(total, percentile, axis=0)
        ratio = np.divide(high, usual, out=np.ones_like(usual), where=usual > 0)
        raised[:, :, groups] *= ratio[at][:, :, None]
    return raised
