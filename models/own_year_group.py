"""Whether displaced pupils fit where a plan sends them: in their own year group, and infants 30 a teacher.

A plan shares the upper years of a band among its places as a whole, so it may count an empty place in Y6 for a pupil of
Y2. Here every year group is looked at by itself, after solving. A receiving school's own pupils come first; what is
left of its places is for those who come.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.class_structure import INFANTS, fewest_classes, whole_pupils

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def over_in_year_group(own: Array, received: Array, places: Array) -> Array:
    """Displaced pupils beyond the places left in their own year group; all (…, 12), own pupils first."""
    return np.clip(received - np.maximum(places - own, 0.0), 0.0, received)


def left_behind(rolls: Array, gone: Flags) -> Array:
    """Pupils (…, 12) whom a plan leaves in year groups that their school no longer has: it stops admitting first.

    Their places in the plan are those of older year groups that are still there.
    """
    return np.where(gone, rolls, 0.0)


def over_in_infant_classes(own: Array, received: Array, admits: Array, policy: Policy) -> Array:
    """Displaced infants (…,) who would put more than 30 in a class of R–Y2, of (…, 12) arrays.

    The teachers are those for a full intake by the admission number, `admits`, or those the school's own infants need
    if they are more: who was admitted above the number is no reason to admit another. Classes are as few as they can
    be, of mixed ages where policy allows; a displaced pupil is no excepted one.
    """
    no_more = np.zeros_like(own)
    no_more[..., INFANTS] = np.maximum(admits[..., INFANTS], 0.0)
    teachers = np.maximum(fewest_classes(no_more, policy).infant, fewest_classes(own, policy).infant)
    together = whole_pupils(own + received)[..., INFANTS]
    seated = _seated(together, teachers, policy.number("infant_class_max"), policy.integer("mixed_age_max_year_groups"))
    coming = received[..., INFANTS].sum(axis=-1)
    return np.asarray(np.minimum(together.sum(axis=-1) - seated, coming), dtype=float)


def _seated(pupils: Array, classes: Array, most: float, span: int) -> Array:
    """Most pupils of (…, G) whom so many classes (…,) seat, filled from the youngest up as `fewest_classes` does."""
    left, seated = classes.copy(), np.zeros_like(classes)
    room, begun = np.zeros_like(classes), np.zeros_like(classes)
    for group in range(pupils.shape[-1]):
        free = np.where(group - begun < span, room, 0.0)
        opened = np.minimum(np.ceil(np.maximum(pupils[..., group] - free, 0.0) / most), left)
        sit = np.minimum(pupils[..., group], free + opened * most)
        seated += sit
        left -= opened
        room = free + opened * most - sit
        begun = np.where(opened > 0, group, begun)
    return seated
