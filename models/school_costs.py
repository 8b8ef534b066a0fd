"""What a school of a given roll costs to run: classes and their teachers, leaders, support, premises, supplies.

A school that is led, housed and staffed as policy says, not one that is in the accounts: few schools are as lean as
their class structure would let them be, and few pay the prices assumed here. Sixth forms, nurseries, catering, rates
and what grants outside the formula pay for are left out on both sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import PRIMARY
from models.class_structure import Classes, fewest_classes
from models.funded_schools import FundedSchools

Array = NDArray[np.float64]
N_PRIMARY = len(PRIMARY)
PARTS = ("teachers", "leadership", "support", "premises", "supplies", "needs")


def school_costs(rolls: Array, additional_gbp: Array, schools: FundedSchools, policy: Policy) -> dict[str, Array]:
    """Cost (F, T) by part in GBP of the price year, with `classes` and `teacher_posts`, for rolls (F, T, 12).

    `additional_gbp` (F, T) is the funding for additional needs, of which policy says how much meeting them costs. A
    school without pupils costs nothing.
    """
    pupils, junior = rolls.sum(axis=2), rolls[:, :, :N_PRIMARY].sum(axis=2)
    there, senior = pupils > 0, pupils - junior
    area = policy.number("area_cost_factor")
    classes = fewest_classes(rolls, policy)
    posts = teachers(classes, pupils, policy)
    support = (
        policy.number("assistants_per_class") * policy.number("assistant_gbp") * classes.primary
        + policy.number("support_secondary_gbp") * senior
        + policy.number("office_gbp_per_pupil") * pupils
        + policy.number("office_gbp") * there
    )
    costs = {
        "teachers": area * policy.number("teacher_gbp") * posts,
        "leadership": area * leadership(pupils, policy),
        "support": area * support,
        "premises": premises(schools, policy)[:, None] * there,
        "supplies": policy.number("supplies_primary_gbp") * junior + policy.number("supplies_secondary_gbp") * senior,
        "needs": policy.number("additional_needs_spent_share") * additional_gbp,
    }
    return {**costs, "classes": classes.primary + classes.secondary, "teacher_posts": posts}


def teachers(classes: Classes, pupils: Array, policy: Policy) -> Array:
    """Teaching posts (F, T): classes over the share of a teacher's time with one, less what a teaching head covers."""
    posts = classes.primary / policy.number("contact_share_primary")
    posts = posts + classes.secondary / policy.number("contact_share_secondary")
    covered = policy.number("head_teaching_share") * (pupils < policy.number("head_teaches_below_pupils"))
    return np.maximum(posts - covered, 0.0)


def leadership(pupils: Array, policy: Policy) -> Array:
    """Cost (F, T) of a head, dearer in a larger school, and of a deputy from a given roll and for each so many more."""
    beyond = pupils - policy.number("deputy_from_pupils")
    deputies = np.where(beyond >= 0, 1.0 + np.floor(np.maximum(beyond, 0.0) / policy.number("deputy_every_pupils")), 0)
    head = policy.number("head_gbp") + policy.number("head_gbp_per_pupil") * pupils
    cost: Array = (head + policy.number("deputy_gbp") * deputies) * (pupils > 0)
    return cost


def premises(schools: FundedSchools, policy: Policy) -> Array:
    """Cost (F,) of keeping the building up, by its area, for the places it has and not for the pupils in it."""
    taught = schools.serves.sum(axis=1)
    secondary = np.divide(
        schools.serves[:, N_PRIMARY:].sum(axis=1), taught, out=np.zeros(len(taught)), where=taught > 0
    )
    shares = {"primary": 1.0 - secondary, "secondary": secondary}
    by_phase = {
        "primary": policy.number("area_primary_m2") + policy.number("area_per_place_primary_m2") * schools.places,
        "secondary": policy.number("area_secondary_m2") + policy.number("area_per_place_secondary_m2") * schools.places,
    }
    area = sum((shares[phase] * by_phase[phase] for phase in shares), np.zeros(len(taught)))
    cost: Array = policy.number("premises_gbp") + policy.number("premises_gbp_per_m2") * area
    return cost
