"""Whom a plan displaces, by own year group – worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_estate_build import BANDS, NOTHING, estate, homes, solved, stays, two
from test_estate_options import YEARS

from geodata.policy import Policy
from models.closing import NEVER, Closing, closing, rolls_by_year_group
from models.displaced import Displaced, displaced
from models.estate_build import Estate, Reach, build_estate
from models.options import CLOSE, Option
from models.placed import rolls
from models.reductions import close
from models.seating import Seats, seated
from solvers.highs import Clock
from solvers.transport import place_pupils


def placed(made: Estate, chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return place_pupils(made.problem, np.array([chosen]), Clock(None))


def seats(made: Estate, chosen: list[int]) -> Seats:
    return seated(made, np.array([chosen]), *placed(made, chosen), Policy({}))


def moved_by(made: Estate, chosen: list[int]) -> tuple[Closing, Displaced]:
    closes = closing(made, np.array([chosen]))
    return closes, displaced(made, closes, seats(made, chosen))


def uneven(pupils: list[float], room: list[float], closes: list[Option] | None = None) -> tuple[Estate, int]:
    """A's pupils by year group, R … Y6, live 4 km from B, which has so much room; and the option that closes A."""
    own = np.zeros((7, 12))
    own[:, :7] = 30.0 - np.array(room)
    a, b = two()
    b = replace(b, pupils=own)
    shutting = Policy({"residual_years": 0, "discount_rate": 0.0, "plan_date": "2022-09-01"})
    options = [*stays([a, b]), *(closes or close(replace(a, ground="surplus"), YEARS, shutting)[:1])]
    nodes = homes(("a", "900001", 1, 500), ("b", "900002", 1, 500))
    cube = np.zeros((7, 12, 2))
    cube[:, :7, 0], cube[:, :7, 1] = pupils, own[0, :7]
    metres = np.array([[500.0, 4000.0], [4000.0, 500.0]])
    reach = Reach(np.arange(2), metres, metres / 1000, np.ones((2, 2), dtype=bool))
    return build_estate([a, b], options, [], nodes, cube[None], BANDS, YEARS, reach, NOTHING), 2


def test_an_empty_place_in_y6_does_not_take_a_pupil_of_y2() -> None:
    """Ten of Y2 and B with ten places left in Y6: the plan places them as upper years; by year group none fits."""
    made, shut = uneven([0, 0, 10, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 10])
    _, unmet = placed(made, [shut, 1])
    closes, moved = moved_by(made, [shut, 1])
    since = int(closes.since[0, 0])
    assert closes.since[0, 1] == NEVER and closes.facilities.tolist() == [0]
    assert not (unmet * made.problem.demand).any() and not len(moved.arc) and not moved.received.any()
    assert moved.without_place[0, 0, since:, 2] == pytest.approx(10)
    assert moved.without_place.sum() == pytest.approx(10 * (7 - since))


def test_who_was_on_roll_and_who_would_have_come_later() -> None:
    made, shut = uneven([4] * 7, [30] * 7)
    closes, moved = moved_by(made, [shut, 1])
    since = int(closes.since[0, 0])
    assert (moved.year >= since).all() and moved.pupils == pytest.approx(4)
    for year in range(since, 7):
        later = moved.year_group[(moved.year == year) & moved.later]
        assert sorted(later.tolist()) == list(range(min(year - since + 1, 7)))


def test_pupils_without_a_place_are_told() -> None:
    made, shut = uneven([5] * 7, [1] * 7)
    _, moved = moved_by(made, [shut, 1])
    last = moved.without_place[0, 0, -1]
    assert last.sum() == pytest.approx(28) and moved.received[0, 1, -1].sum() == pytest.approx(7)
    assert last[0] == pytest.approx(4)


def test_a_school_that_stops_admitting_first_is_gone_year_group_by_year_group() -> None:
    """No Reception from the second year on: the whole school is gone when its last cohort has left, in the eighth."""
    a = two()[0]
    standing = np.zeros((7, 12))
    standing[:, :7] = np.arange(7)[None, :] >= np.arange(7)[:, None]
    nothing = np.zeros(7)
    phased = Option("900001", CLOSE, YEARS[1], a.places * standing, a.places * standing, nothing, nothing, nothing)
    made, shut = uneven([4] * 7, [30] * 7, [phased])
    closes = closing(made, np.array([[shut, 1]]))
    assert closes.since[0, 0] == NEVER and not closes.gone.any()  # Y6 stands in the last plan year: it does not close
    standing[5:] = 0
    phased = Option("900001", CLOSE, YEARS[1], a.places * standing, a.places * standing, nothing, nothing, nothing)
    made, shut = uneven([4] * 7, [30] * 7, [phased])
    closes = closing(made, np.array([[shut, 1]]))
    assert closes.since[0, 0] == 5
    assert closes.gone[0, 0, 2, :7].tolist() == [True, True, *[False] * 5]
    closes, moved = moved_by(made, [shut, 1])
    assert (moved.year_group[moved.year == 5][~moved.later[moved.year == 5]] > 0).all()
    assert moved.later[moved.year < 5].all()
    by_group = seats(made, [shut, 1]).rolls[0, 0, 2, :7]
    assert by_group == pytest.approx([0, 0, *[4] * 5])  # empty places of Y2–Y6 are none for Y1
    running_out = replace(a, ground="surplus", pupils=a.places * 4 / 30)
    real = close(running_out, YEARS, Policy({"closing": "phased", "closing_phase_years": 3}))[:1]
    made, shut = uneven([4] * 7, [30] * 7, real)
    t = list(YEARS).index(real[0].academic_year) - 2
    at_a, at_b = seats(made, [shut, 1]).rolls[0, :, t, :7]
    assert at_a == pytest.approx([0, 0, *[4] * 5]) and at_b == pytest.approx([4, 4, *[0] * 5])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_year_groups_add_up_to_the_rolls_of_the_plan(seed: int) -> None:
    """Split into year groups or not, the same pupils are at the same schools; who leaves a closing one is displaced."""
    rng = np.random.default_rng(seed)
    schools = two(pan_a=float(rng.integers(5, 30)), pan_b=float(rng.integers(5, 60)))
    shutting = Policy({"residual_years": 0, "discount_rate": 0.0})
    options = [*stays(schools), *close(replace(schools[0], ground="surplus"), YEARS, shutting)]
    rows = [(f"p{k}", str(900_001 + int(rng.integers(2))), float(rng.integers(5, 60)), float(rng.integers(100, 3000)))
            for k in range(6)]  # fmt: skip
    made = estate(schools, options, homes(*rows), rng.uniform(0.1, 20, (6, 2)).tolist())
    if made.problem.n_nodes == 0:
        return
    plan = solved(made)
    chosen = plan.by_scenario
    assert chosen is not None and plan.flow is not None and plan.unmet is not None
    found = seated(made, chosen, plan.flow, plan.unmet, Policy({}))
    by_group = rolls_by_year_group(made, found.flow)
    assert by_group.sum(axis=3) == pytest.approx(found.rolls.sum(axis=3))
    assert by_group.sum(axis=(0, 3)) == pytest.approx(rolls(made, found.flow))
    closes = closing(made, chosen)
    moved = displaced(made, closes, found)
    assert moved.received.sum() == pytest.approx(moved.pupils.sum())
    if len(closes.facilities):
        gone = slice(int(closes.since[0, 0]), None)
        assert by_group[0, 0, gone].sum() == pytest.approx(0, abs=1e-6)
        whole = made.pupils[0, gone, :, :][:, :, made.all_nodes["urn"].eq("900001").to_numpy()].sum()
        assert moved.pupils.sum() + moved.without_place.sum() == pytest.approx(whole, abs=0.01)
