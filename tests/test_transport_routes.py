"""Routes and whole vehicles: the cheapest that seat everybody."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from models.transport_routes import Fleet, cheapest_run, whole_by_group

FLEET = Fleet.of(Policy({}))


@pytest.mark.parametrize(
    ("pupils", "vehicles", "gbp"),
    [
        (0, [0, 0, 0], 0),
        (1, [1, 0, 0], 19_000),
        (4, [1, 0, 0], 19_000),
        (5, [0, 1, 0], 36_000),  # two taxis would be £38,000
        (9, [0, 1, 0], 36_000),
        (20, [1, 1, 0], 55_000),
        (33, [0, 0, 1], 66_250),  # two minibuses and a taxi: £91,000
    ],
)
def test_whole_vehicles_by_hand(pupils: int, vehicles: list[int], gbp: float) -> None:
    run = cheapest_run(np.array([pupils]), FLEET)
    assert run.vehicles[0].tolist() == vehicles and run.gbp_per_year[0] == gbp


@settings(max_examples=30, deadline=None)
@given(
    pupils=st.integers(0, 20),
    seats=st.tuples(*[st.integers(1, 12)] * 3),
    gbp=st.tuples(*[st.integers(1, 50)] * 3),
)
def test_no_other_mix_is_cheaper(pupils: int, seats: tuple[int, ...], gbp: tuple[int, ...]) -> None:
    run = cheapest_run(np.array([pupils]), Fleet(np.array(seats), np.array(gbp, dtype=float)))
    enough = [range(-(-pupils // each) + 1) for each in seats]
    best = min(np.dot(mix, gbp) for mix in product(*enough) if np.dot(mix, seats) >= pupils)
    assert run.gbp_per_year[0] == best
    assert np.dot(run.vehicles[0], seats) >= pupils and np.dot(run.vehicles[0], gbp) == best


def test_fractions_of_pupils_are_a_few_pupils_somewhere() -> None:
    """Ten villages with a third of a pupil each are three pupils and no taxi from every village."""
    whole = whole_by_group(np.full(10, 1 / 3), np.zeros(10, dtype=np.int64))
    assert whole.sum() == 3 and whole.max() == 1


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3)), max_size=20))
def test_whole_pupils_add_up_by_group(rows: list[tuple[float, int]]) -> None:
    pupils, group = np.array([p for p, _ in rows]), np.array([g for _, g in rows], dtype=np.int64)
    whole = whole_by_group(pupils, group)
    assert (np.abs(whole - pupils) < 1 + 1e-6).all() and (whole >= 0).all()
    for g in set(group.tolist()):
        assert abs(whole[group == g].sum() - pupils[group == g].sum()) <= 0.5 + 1e-6
