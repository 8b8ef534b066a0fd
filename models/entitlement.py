"""Who is entitled to free home-to-school transport: Education Act 1996, section 508B, Schedule 35B and section 444(5).

A child of compulsory school age is eligible who attends a qualifying school and for whom no arrangements have been made
at a suitable one nearer to home. A nearer school counts as far as it has places: who is offered a place farther away
because the nearer school is full is treated as attending the nearest. So a pupil at a school farther than the nearest
suitable one with places is not entitled, whatever the distance. Then one of these has to hold:

==============  =====================================================================  ==========================
ground          what it asks                                                           Schedule 35B
==============  =====================================================================  ==========================
distance        beyond walking distance: 2 miles under 8, 3 miles from 8               paragraph 6; s.444(5)
unsafe route    within it, and the child cannot reasonably be expected to walk         paragraph 4
low income      aged 8 to 10: beyond 2 miles                                           paragraph 9
three nearest   low income, from 11: 2 to 6 miles, and fewer than three suitable       paragraph 11
                schools with places are nearer (the nearest it need not be)
religion        low income, from 11: 2 to 15 miles, the nearest suitable one on        paragraph 12
                grounds of religion or belief
==============  =====================================================================  ==========================

Ages are taken by year group as the children are on the first day of the academic year, for the whole of it: R–Y3 are
under 8 then, Y4–Y6 are 8 to 10, and Y7–Y11 are 11 and over. A pupil of Y3 who turns 8 in the year keeps the limit with
which transport was arranged in September, and one of Y6 who turns 11 that of 8 to 10. Reception is treated as of
compulsory school age, as most policies do.

Special educational needs, disability and mobility (paragraphs 2 and 3) are a matter of each child and not told here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

FROM_8, FROM_11 = COMPULSORY.index("Y4"), COMPULSORY.index("Y7")
GROUNDS = ("", "distance", "unsafe route", "low income", "three nearest", "religion")
NONE, DISTANCE, UNSAFE, LOW_INCOME, THREE_NEAREST, RELIGION = range(len(GROUNDS))


@dataclass(frozen=True, eq=False)
class Journey:
    """P groups of pupils of one home, year group and school.

    Attributes
    ----------
    metres : (P,) from home to the school; nan where the home is not known.
    year_group : (P,) position among R … Y11.
    nearer : (P,) suitable schools with places that are nearer to home than this one.
    nearer_of_faith : (P,) those of them that are of this school's religious character.
    by_faith : (P,) whether the school is attended on grounds of religion or belief.
    unsafe : (P,) share of the pupils who could not be expected to walk though the school is near: 1 where the route is
        known to be unsafe.

    """

    metres: Array
    year_group: Ints
    nearer: Ints
    nearer_of_faith: Ints
    by_faith: Flags
    unsafe: Array


@dataclass(frozen=True, eq=False)
class Entitled:
    """Grounds (P,) as positions in GROUNDS: of anybody, and of a pupil from a home with low income.

    `share` is that of the pupils who are entitled.
    """

    ground: Ints
    low_income_ground: Ints
    share: Array


def walking_limit_m(year_group: Ints, policy: Policy) -> Array:
    """Statutory walking distance (P,) by year group: that under 8 for R–Y3, that from 8 for the others."""
    under, over = policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m")
    return np.where(year_group < FROM_8, under, over)


def entitlement(journey: Journey, low_income_share: Array, policy: Policy) -> Entitled:
    """Who is entitled, and on what ground; `low_income_share` (P,) of the pupils are from homes with low income."""
    known = np.isfinite(journey.metres)
    nearest = known & (journey.nearer == 0)
    beyond = nearest & (journey.metres > walking_limit_m(journey.year_group, policy))
    dangerous = nearest & ~beyond & (journey.unsafe >= 1.0)
    ground = np.select([beyond, dangerous], [DISTANCE, UNSAFE], NONE)
    poor = np.where(ground > NONE, ground, _low_income(journey, nearest, policy))
    by_right = np.where(beyond, 1.0, nearest * np.clip(journey.unsafe, 0.0, 1.0))
    share = by_right + (1.0 - by_right) * np.where(poor > NONE, low_income_share, 0.0)
    return Entitled(ground.astype(np.int64), poor.astype(np.int64), np.where(ground > NONE, 1.0, share))


def _low_income(journey: Journey, nearest: Flags, policy: Policy) -> Ints:
    """Ground (P,) of a pupil from a home with low income, where there is no other: paragraphs 9, 11 and 12."""
    metres, group = journey.metres, journey.year_group
    with np.errstate(invalid="ignore"):
        far = metres > policy.number("low_income_limit_m")
        within_six = far & (metres <= policy.number("low_income_most_m"))
        within_fifteen = far & (metres <= policy.number("low_income_faith_most_m"))
    few_nearer = journey.nearer < policy.integer("low_income_nearest_schools")
    eight = (group >= FROM_8) & (group < FROM_11) & far & nearest
    three = (group >= FROM_11) & within_six & few_nearer
    faith = (group >= FROM_11) & within_fifteen & journey.by_faith & (journey.nearer_of_faith == 0)
    return np.select([eight, three, faith], [LOW_INCOME, THREE_NEAREST, RELIGION], NONE).astype(np.int64)


def nearer_open(node: Ints, metres: Array, is_open: Flags) -> Ints:
    """How many open arcs of the same node are nearer, (A, C): from `node`, `metres` (A,), `is_open` (A, C).

    Arcs of the same length are not nearer than each other.
    """
    order = np.lexsort((metres, node))
    counted = np.cumsum(is_open[order], axis=0, dtype=np.int64) - is_open[order]
    at_node, at_length = node[order], metres[order]
    step = np.ones(len(order), dtype=bool)
    step[1:] = at_node[1:] != at_node[:-1]
    first = np.maximum.accumulate(np.where(step, np.arange(len(order)), 0))
    step[1:] |= at_length[1:] != at_length[:-1]
    tied = np.maximum.accumulate(np.where(step, np.arange(len(order)), 0))
    nearer = np.zeros(is_open.shape, dtype=np.int64)
    nearer[order] = counted[tied] - counted[first]
    return nearer
