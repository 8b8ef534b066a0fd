"""Infants 30 to a teacher: whom of those who come the classes of a receiving school have room for.

The teachers are those for a full intake by the admission number, or those the school's own infants need if they are
more: who was admitted above the number is no reason to admit another. Classes are as few as they can be, of mixed ages
where policy allows; a displaced pupil is no excepted one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.class_structure import INFANTS, fewest_classes, whole_pupils

Array = NDArray[np.float64]


def infant_teachers(own: Array, admits: Array, policy: Policy) -> Array:
    """(…,) teachers of R–Y2 for own pupils (…, 12) under admission places (…, 12)."""
    no_more = np.zeros_like(own)
    no_more[..., INFANTS] = np.maximum(admits[..., INFANTS], 0.0)
    return np.asarray(np.maximum(fewest_classes(no_more, policy).infant, fewest_classes(own, policy).infant))


def infant_room(own: Array, admits: Array, policy: Policy) -> Array:
    """(…,) infants who could come at most, if their ages mix well, of (…, 12) arrays."""
    seats = infant_teachers(own, admits, policy) * policy.number("infant_class_max")
    return np.asarray(np.maximum(seats - own[..., INFANTS].sum(axis=-1), 0.0))


def over_in_infant_classes(own: Array, received: Array, admits: Array, policy: Policy) -> Array:
    """Displaced infants (…,) who would put more than 30 in a class of R–Y2, of (…, 12) arrays."""
    teachers = infant_teachers(own, admits, policy)
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
