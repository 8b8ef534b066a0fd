"""Pupils placed anew after a change of options: only where it matters, and as cheaply as from nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_solve_decomposed import county
from test_solve_estate import random_problem

from solvers import transport
from solvers.highs import Clock
from solvers.transport import place_changed, place_pupils, plan_cost


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_change_costs_what_it_costs_when_everybody_is_placed_from_nothing(seed, small):
    # A slice wrongly left as it was would credit a decision with journeys that it does not save.
    problem = random_problem(seed) if small else county(seed, 8, 20)
    rng = np.random.default_rng(seed)
    known, option = ([rng.choice(np.flatnonzero(problem.option_facility == f)) for f in range(problem.n_facilities)]
                     for _ in range(2))  # fmt: skip
    option = np.where(rng.random(len(known)) < 0.5, option, known)[None]
    begun = np.array(known)[None]
    flow, _ = place_pupils(problem, begun, Clock(None))
    changed = plan_cost(problem, option, *place_changed(problem, option, Clock(None), (begun, flow)))
    assert changed == pytest.approx(plan_cost(problem, option, *place_pupils(problem, option, Clock(None))), rel=1e-9)


def test_nobody_is_placed_anew_where_an_empty_school_goes(monkeypatch):
    # Placing a county anew for each of a hundred decisions took longer than finding them.
    problem = county(1)
    begun = problem.baseline[None].copy()
    flow, _ = place_pupils(problem, begun, Clock(None))
    load = np.zeros(problem.n_facilities)
    for s in range(problem.n_slices):
        load += np.bincount(problem.arc_facility, problem.demand[s, problem.arc_node] * flow[s], len(load))
    fullest, emptiest = int(load.argmax()), int(load.argmin())
    problem.demand[:, problem.arc_node[problem.arc_facility == emptiest]] *= load[emptiest] == 0
    flow, _ = place_pupils(problem, begun, Clock(None))
    placed = []
    place = transport.place_and_tell
    monkeypatch.setattr(
        transport, "place_and_tell", lambda *given, slices: (placed.extend(slices), place(*given, slices=slices))[1]
    )
    for f in (emptiest, fullest):
        option = begun.copy()
        option[:, f] = 2 * f  # closed
        place_changed(problem, option, Clock(None), (begun, flow))
        assert len(placed) == (0 if f == emptiest else problem.n_slices)
