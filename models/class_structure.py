"""How few classes a school can do with: the infant limit, mixed ages, and teaching groups of a secondary school.

Infants (R–Y2) sit at most 30 to a teacher by law; juniors (Y3–Y6) have a limit of practice. Classes may mix year groups
up to a stated number of them, but not infants with juniors. Filling classes from the youngest up, each as full as it
may be, leaves the fewest: a class that runs on from where another ends could only start later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY

Array = NDArray[np.float64]
INFANTS = slice(0, 3)
JUNIORS = slice(3, len(PRIMARY))
SECONDARY = slice(len(PRIMARY), len(COMPULSORY))


@dataclass(frozen=True, eq=False)
class Classes:
    """Classes of F schools in T years, each (F, T): infants R–Y2, juniors Y3–Y6, teaching groups Y7–Y11."""

    infant: Array
    junior: Array
    secondary: Array

    @property
    def primary(self) -> Array:
        """Classes R–Y6."""
        return self.infant + self.junior


def fewest_classes(rolls: Array, policy: Policy) -> Classes:
    """Fewest classes for rolls (F, T, 12); a forecast is rounded so that its sums stay what they are."""
    whole = whole_pupils(rolls)
    span = policy.integer("mixed_age_max_year_groups")
    groups = np.ceil(whole[..., SECONDARY] / policy.number("secondary_class_max"))
    return Classes(
        infant=_filled(whole[..., INFANTS], policy.number("infant_class_max"), span),
        junior=_filled(whole[..., JUNIORS], policy.number("junior_class_max"), span),
        secondary=groups.sum(axis=-1),
    )


def whole_pupils(rolls: Array) -> Array:
    """Rolls in whole pupils whose sums up to each year group are the rounded sums."""
    summed = np.rint(np.cumsum(rolls, axis=-1))
    return np.diff(summed, axis=-1, prepend=0.0)


def _filled(pupils: Array, most: float, span: int) -> Array:
    """Classes for pupils (…, G), filled from the youngest up, with at most `span` year groups in one."""
    classes = np.zeros(pupils.shape[:-1])
    room = np.zeros_like(classes)
    begun = np.zeros_like(classes)
    for group in range(pupils.shape[-1]):
        free = np.where(group - begun < span, room, 0.0)
        left = np.maximum(pupils[..., group] - free, 0.0)
        more = np.ceil(left / most)
        classes += more
        room = np.where(more > 0, more * most - left, np.maximum(free - pupils[..., group], 0.0))
        begun = np.where(more > 0, group, begun)
    return classes
