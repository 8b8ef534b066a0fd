"""A bid as an option of its site: the school that is offered, opening when and at the size that is offered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.growth import filling_cost, school_running
from models.options import NEW, Facility, Option, cost_per_place, make_option, moving_up, places_by_phase
from models.schedule import Schedule

DECIDED_NOW = Schedule(now=True)  # a competition is decided once, whatever the future brings


def bid_option(
    facility: Facility, bid: str, fe: float, opens: str, capital_gbp: float | None, years: Sequence[str], policy: Policy
) -> Option:
    """The school of a bid on its site: `fe` forms of entry from `opens`, one year group a year.

    Capital is what the bid asks for, the benchmark where it asks for none (None); the land is the authority's to pay
    either way. Both fall in the year before opening. ValueError where it opens outside the plan years.
    """
    if opens not in years:
        raise ValueError(f"bid {bid} opens in {opens}, outside the plan years {years[0]} to {years[-1]}")
    start = list(years).index(opens)
    intake = fe * policy.number("form_of_entry")
    filling = moving_up(facility, len(years), start) * intake
    asked = benchmark_gbp(facility, intake, policy) if capital_gbp is None else capital_gbp
    capital = np.zeros(len(years))
    capital[max(start - 1, 0)] = asked + facility.land_cost_gbp
    return make_option(
        facility,
        NEW,
        opens,
        filling,
        capital,
        school_running(filling, start, policy),
        f"bid {bid}: {fe:g} FE, one year group a year",
        policy=policy,
        one_off_gbp=filling_cost(facility, len(years), start, policy),
        schedule=DECIDED_NOW,
    )


def benchmark_gbp(facility: Facility, intake: float, policy: Policy) -> float:
    """What a new school with that intake costs by the published cost per place, GBP without the land."""
    return sum(n * cost_per_place(policy, "new", phase) for phase, n in places_by_phase(facility, intake).items())
