"""Sparsity: what the formula pays a small school whose pupils would have far to go to another.

Two factors. D is the mean road distance from home to the *second*-nearest compatible school, over the pupils for whom
this is the nearest one, whether they attend it or not; A is the mean size of its year groups. With the thresholds C
of distance and B of size, a school is eligible where D > 0.8 C and A < B, and receives

    most × min(1, 1 − (C − D) / 0.2 C) × min(1, 1 − (A − 0.5 B) / 0.5 B)

(SI 2022/27 sch. 3 para 14, SI 2023/59 reg. 22, SI 2024/66 reg. 21; that the two weights are multiplied is read from the
national formula and unconfirmed). Both factors hang on the neighbours: where one closes, D grows, and A with the pupils
who come.

Compatible is who teaches the pupil's year group and gender without selecting. Faith does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = ("primary", "secondary", "middle", "all-through")
KIND_OF_PHASE = {"infant": "primary", "junior": "primary", "first": "primary"}
DISTANCES = (
    "sparsity_distance_primary_m",
    "sparsity_distance_secondary_m",
    "sparsity_distance_middle_m",
    "sparsity_distance_all_through_m",
)
SIZES = ("sparsity_size_primary", "sparsity_size_secondary", "sparsity_size_middle", "sparsity_size_all_through")


def sparsity_kind(phase: str) -> int:
    """Position in KINDS of a school's phase."""
    return KINDS.index(KIND_OF_PHASE.get(phase, phase))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Who lives where and which schools are near, for F schools, P demand points and the 12 year groups R–Y11.

    Attributes
    ----------
    metres : (P, F) road distance, inf where a school is out of reach or without coordinates.
    living : (P, 12) pupils.
    serves : (F, 12) whether the school teaches the year group.
    girls, boys : (F,) whether the school takes them.
    selective : (F,) selective schools count neither as nearest nor as second-nearest, and are paid no sparsity.

    """

    metres: Array
    living: Array
    serves: Flags
    girls: Flags
    boys: Flags
    selective: Flags

    def second_nearest_m(self, is_open: Flags | None = None) -> Array:
        """D (F,) in metres; nan where a school is nobody's nearest, inf where there is no second one at all."""
        standing = ~self.selective if is_open is None else is_open & ~self.selective
        metres_pupils = np.zeros(len(self.serves))
        pupils = np.zeros(len(self.serves))
        patterns, of_group = np.unique(self.serves, axis=1, return_inverse=True)
        for pattern in range(patterns.shape[1]):  # year groups that the same schools teach are one
            living = self.living[:, np.ravel(of_group) == pattern].sum(axis=1)
            for takes in (self.girls, self.boys):
                compatible = np.flatnonzero(patterns[:, pattern] & standing & takes)
                if not len(compatible):
                    continue
                nearest, second = _two_nearest(self.metres[:, compatible])
                there = (nearest >= 0) & (living > 0)
                school = compatible[nearest[there]]
                weight = living[there] / 2  # half of the pupils are girls
                np.add.at(pupils, school, weight)
                np.add.at(metres_pupils, school, weight * second[there])
        return np.divide(metres_pupils, pupils, out=np.full_like(pupils, np.nan), where=pupils > 0)


def _two_nearest(metres: Array) -> tuple[NDArray[np.int64], Array]:
    """Column of the nearest school of each point (P,), −1 where none can be reached; metres to the second (P,)."""
    second = np.partition(metres, 1, axis=1)[:, 1] if metres.shape[1] > 1 else np.full(len(metres), np.inf)
    nearest = metres.argmin(axis=1)
    within = np.isfinite(metres[np.arange(len(metres)), nearest])
    return np.where(within, nearest, -1).astype(np.int64), second


def sparsity_weight(distance_m: Array, size: Array, kind: NDArray[np.int64], policy: Policy) -> Array:
    """Product of the two weights, 0 to 1: (F, …) from D and A of the same shape, `kind` (F,) as of `sparsity_kind`.

    A D of nan (nobody's nearest school) gives 0, and so does a school without pupils.
    """
    shape = (-1, *([1] * (np.ndim(size) - 1)))
    far = np.array([policy.number(key) for key in DISTANCES])[kind].reshape(shape)
    small = np.array([policy.number(key) for key in SIZES])[kind].reshape(shape)
    by_distance = 1.0 - (far - distance_m) / (policy.number("sparsity_distance_taper") * far)
    tapered = policy.number("sparsity_size_taper") * small
    by_size = 1.0 - (size - (small - tapered)) / tapered
    weight: Array = np.clip(np.nan_to_num(by_distance, nan=0.0, posinf=1.0), 0.0, 1.0) * np.clip(by_size, 0.0, 1.0)
    return np.where(size > 0, weight, 0.0)
