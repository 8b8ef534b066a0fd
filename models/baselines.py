"""Simple forecasts that any other has to beat, run from the same past years with the same knowledge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geodata.policy import Policy
from models.cohorts import BirthSeries, BoolArray, FloatArray, PupilCube
from models.progression import History, project
from models.uncertainty import PastForecasts, rolling_origins

SMOOTHING = 0.5  # weight of the latest year in exponential smoothing


def past_baselines(
    cube: PupilCube, births: BirthSeries, policy: Policy, horizon_years: int
) -> dict[str, PastForecasts]:
    """Rolling-origin forecasts of each baseline.

    "naive": every year group stays as it is. "exponential smoothing": it stays at its smoothed level. "3:2:1"
    cohort survival, named after the policy's weights: every locality's own ratios, unshrunk.
    """
    name = ":".join(f"{weight:g}" for weight in policy.numbers("ratio_weights"))
    plain = Policy({**policy.overrides, "ratio_choice": name, "ratio_prior_pupils": 0.0})
    history = History.of(cube, births, plain)

    def naive(then: PupilCube, _: BirthSeries, years: int) -> FloatArray:
        return _repeated(then.filled_latest()[0], years)

    def smoothed(then: PupilCube, _: BirthSeries, years: int) -> FloatArray:
        return _repeated(_level(then.pupils), years)

    def survival(then: PupilCube, published: BirthSeries, years: int) -> FloatArray:
        return project(then, published, plain, years, history).pupils

    methods: dict[str, Callable[[PupilCube, BirthSeries, int], FloatArray]] = {
        "naive": naive,
        "exponential smoothing": smoothed,
        f"{name} cohort survival": survival,
    }
    return {label: rolling_origins(cube, births, horizon_years, method) for label, method in methods.items()}


def _repeated(pupils: FloatArray, years: int) -> FloatArray:
    return np.repeat(pupils[:, None], years, axis=1)


def _level(pupils: FloatArray) -> FloatArray:
    """Smoothed level (L, G) of (L, T, G); years that were not counted change nothing."""
    level = np.full((pupils.shape[0], pupils.shape[2]), np.nan)
    for year in range(pupils.shape[1]):
        now = pupils[:, year]
        fresh: BoolArray = np.isnan(level)
        moved = np.where(fresh, now, level + SMOOTHING * (now - level))
        level = np.where(np.isnan(now), level, moved)
    smoothed: FloatArray = np.nan_to_num(level)
    return smoothed
