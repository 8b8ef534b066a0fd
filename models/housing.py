"""Pupils from new homes: dwellings × certainty × yield × ramp, less the share that past ratios already carry.

A dwelling reaches its full yield `housing_ramp_years` after completion, in equal yearly steps. What homes finished
before the base year had already given by then is on roll, so only the rise since the base year is added. The
pupils of a phase are spread evenly over its year groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PHASES, start_year
from models.cohorts import FloatArray, IntArray


def housing_pupils(
    housing: pd.DataFrame,
    localities: Sequence[str],
    base_start: int,
    starts: IntArray,
    year_groups: Sequence[str],
    policy: Policy,
) -> tuple[FloatArray, list[str]]:
    """Pupils added (L, H, G) in the academic years that start in `starts` (H,), and what was left out.

    `housing` has locality, academic_year of completion, dwellings and, optionally, certainty (a probability).
    """
    row = pd.Index(localities).get_indexer(housing["locality"])
    kept = row >= 0
    notes = []
    if not kept.all():
        notes.append(f"{int((~kept).sum())} housing rows name a locality that is not in the list; left out.")
    completed = housing["academic_year"].map(start_year).to_numpy(dtype=np.int64)[kept]
    expected = housing["dwellings"].to_numpy(dtype=float)[kept]
    if "certainty" in housing:
        expected = expected * housing["certainty"].fillna(1.0).to_numpy(dtype=float)[kept]
    risen = _ramp(starts[None, :] - completed[:, None], policy) - _ramp(base_start - completed[:, None], policy)
    settled = np.zeros((len(localities), len(starts)))  # dwellings at full yield
    np.add.at(settled, row[kept], expected[:, None] * risen)
    new = settled * (1 - policy.number("housing_in_trend"))
    yields = np.zeros(len(year_groups))
    for phase, groups in PHASES.items():
        in_phase = np.isin(year_groups, groups)
        yields[in_phase] = policy.by_phase("housing_yield_{phase}", phase) / len(groups)
    return new[:, :, None] * yields, notes


def _ramp(years_since_completion: IntArray, policy: Policy) -> FloatArray:
    return np.clip(years_since_completion / policy.number("housing_ramp_years"), 0.0, 1.0)
