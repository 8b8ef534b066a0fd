"""What past errors have in common: the variance components that joint draws are made of.

Relative error of locality l, h years ahead, in year group g:

    e = common[h,g]·Z + area[h,g]·Z_area + scale[l]·√(own[h,g]² + count[h,g] ÷ mean)·Z_own

with a standard normal Z for the whole authority, one for each planning area and one for each locality. Every Z is

    Z[h,g] = √together · Y[h]  +  √(1 − together) · C[h,g]

Y shared by all year groups of a year (families move in), C by one cohort as it ages; both keep from year h to year k
the correlation (h ÷ k)^fading: 0 where a wrong ratio goes on being wrong, ½ where fresh errors are added every year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from geodata.years import PHASES, age_of
from models.cohorts import FloatArray, IntArray
from models.groups import membership

LEAST_PUPILS = 1e-6  # a count below this has the relative error of this


@dataclass(frozen=True, eq=False)
class PlanningAreas:
    """Planning areas of the localities; there is one set for each phase.

    Attributes
    ----------
    names : names of the areas, phase by phase (primary, secondary).
    of_locality : (L,) position in `names`, phase by phase.
    groups : year groups of each phase: up to Y6, from Y7 on.

    """

    names: tuple[tuple[str, ...], ...]
    of_locality: tuple[IntArray, ...]
    groups: tuple[slice, ...]

    def members(self, phase: int) -> csr_matrix:
        """(A, L) 1 where the locality belongs to the area."""
        return membership(self.of_locality[phase], len(self.names[phase]))


def planning_areas(localities: pd.DataFrame, year_groups: tuple[str, ...]) -> PlanningAreas:
    """Areas from columns planning_area_primary and planning_area_secondary; localities without one share ""."""
    names, of_locality = [], []
    for phase in PHASES:
        column = f"planning_area_{phase}"
        named = localities[column] if column in localities else pd.Series("", index=localities.index)
        found, at = np.unique(named.fillna("").astype(str), return_inverse=True)
        names.append(tuple(found.tolist()))
        of_locality.append(at.astype(np.int64))
    younger = sum(age_of(group) < age_of("Y7") for group in year_groups)
    return PlanningAreas(tuple(names), tuple(of_locality), (slice(0, younger), slice(younger, len(year_groups))))


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """Variance components of relative errors; see the module.

    Attributes
    ----------
    common, area, own : (H, G) relative standard deviations.
    count : (H, G) variance in pupils for each pupil forecast.
    together : (3, H, G) share of the variance of common, area and own that all year groups of a year have together.
    fading : (3,) exponents for common, area and own.
    scale : (L,) how much further than others of its size a locality's own error goes.

    """

    common: FloatArray
    area: FloatArray
    own: FloatArray
    count: FloatArray
    together: FloatArray
    fading: FloatArray
    scale: FloatArray

    def relative_sd(self, mean: FloatArray, here: slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Standard deviations (localities, H, G) of a locality's own error and of its whole error, ÷ its mean.

        `mean` (localities, H, G) are the forecasts of the localities `here`.
        """
        own = self.scale[here, None, None] * np.sqrt(self.own**2 + self.count / np.maximum(mean, LEAST_PUPILS))
        return own, np.sqrt(self.common**2 + self.area**2 + own**2)
