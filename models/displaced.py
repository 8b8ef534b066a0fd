"""Whom a plan displaces: pupils of closing schools by year, their own year group, home and receiving school.

Displaced are the cohorts that were on roll when the school closed; later cohorts are those of the same homes that would
have come after them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.closing import Closing, first_column, home_of
from models.estate_build import Estate
from models.seating import Seats

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Displaced:
    """P groups of displaced pupils, and what they come to at each receiving school.

    Attributes
    ----------
    scenario, arc, year, year_group : (P,) where they stand; `arc` leads from the home to the receiving school.
    later : (P,) a later cohort, which would have come to the school after it closed.
    pupils : (P,) in that scenario.
    received : (K, F, T, 12) pupils of closing schools at every other one.
    without_place : (K, F, T, 12) pupils of each closing school for whom there is no place.

    """

    scenario: Ints
    arc: Ints
    year: Ints
    year_group: Ints
    later: Flags
    pupils: Array
    received: Array
    without_place: Array


def displaced(estate: Estate, closes: Closing, seats: Seats) -> Displaced:
    """Pupils whose year group is gone at the school they attend, where `seats` has them."""
    problem = estate.problem
    from_school = home_of(estate)[estate.moving][problem.arc_node[seats.arc]]
    staged = np.minimum(seats.scenario, len(closes.gone) - 1)
    gone = np.flatnonzero(closes.gone[staged, from_school, seats.year, seats.year_group])
    scenario, year, group, arc = (of[gone] for of in (seats.scenario, seats.year, seats.year_group, seats.arc))
    from_school, pupils = from_school[gone], seats.pupils[gone]
    received = np.zeros_like(seats.without)
    np.add.at(received, (scenario, problem.arc_facility[arc], year, group), pupils)
    first = first_column(estate.facilities)[from_school]
    since = closes.since[staged[gone], from_school]
    later = (year < since) | (group <= first + year - since)
    return Displaced(scenario, arc, year, group, later, pupils, received, seats.without)
