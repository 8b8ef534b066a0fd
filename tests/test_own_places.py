"""A place in each displaced pupil's own year group: by hand, against a programme, and cut until it holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.estate import EstateProblem
from models.estate_build import Estate, Reach, build_estate
from models.growth import expand
from models.options import CLOSE, Facility
from models.own_places import cuts, shortages
from models.reductions import close
from placeplan.seated import planned_with_seats
from placeplan.stored import with_stored_cuts
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate

PLAIN = {"residual_years": 0, "discount_rate": 0.0, "disturbance_gbp": 0, "transport_gbp": 0, "estate_gap": 1e-9}


def closing_beside(own: list[float], leaving: list[float], grows: bool = False, **values: object) -> Estate:
    """A of 30 a year has `own` pupils in R … Y6; C near it closes at a great saving, with `leaving` pupils."""
    policy = Policy(PLAIN | {"school_fixed_cost_gbp": 2_000_000} | values)
    schools: list[Facility] = []
    for key, counts in (("900001", own), ("900003", leaving)):
        pupils = np.zeros((7, 12))
        pupils[:, :7] = counts
        schools.append(village(key=key, name=key, pupils=pupils, holds=0 * pupils, ground="surplus"))
    options = stays(schools) + close(schools[1], YEARS, policy)[:1]
    if grows:
        options += expand(schools[0], YEARS, Policy({"expand_fe": (0.5,)}))[:1]
    pupils = np.zeros((1, 7, 12, 2))
    pupils[0, :, :7, 0], pupils[0, :, :7, 1] = own, leaving
    metres = np.array([[500.0, 900.0], [900.0, 500.0]])
    reach = Reach(np.arange(2), metres, metres / 1000, np.ones((2, 2), dtype=bool))
    nodes = homes(("a", "900001", sum(own), 500), ("c", "900003", sum(leaving), 500))
    return build_estate(schools, options, [], nodes, pupils, BANDS, YEARS, reach, policy)


def solved(estate: Estate, begin: EstatePlan | None = None) -> EstatePlan:
    start = None if begin is None else replace(begin, proof=None)
    return solve_estate(estate.problem, gap=1e-9, start=start)


def closed(estate: Estate, plan: EstatePlan) -> bool:
    return any(estate.options[o].action == CLOSE for o in plan.by_scenario[0, : len(estate.facilities)])


def test_room_in_y6_is_no_place_for_y2() -> None:
    """Upper years together have 6 × 30 places for 6 × 25 pupils and 12 more; Y2 has none left, and six come into it."""
    estate = closing_beside([20, 20, 30, 25, 25, 25, 25], [2, 2, 6, 1, 1, 1, 1])
    plan = solved(estate)
    assert closed(estate, plan) and verify_estate(estate.problem, plan) == []
    short = shortages(estate, plan.by_scenario, plan.flow, plan.unmet)
    assert {one.year_group for one in short} == {"Y2"} and len(short) == 6  # every year from 2024/25 on
    assert all(one.pupils.sum() == pytest.approx(6, abs=0.01) for one in short)
    seated = planned_with_seats(estate, solved)
    assert seated.rounds == 1 and not seated.short and not closed(seated.estate, seated.plan)
    assert any("6 pupils of Y2 have no place in their own year group" in row.name for row in seated.estate.rows)


def test_a_school_whose_pupils_all_find_a_seat_closes() -> None:
    estate = closing_beside([20] * 7, [6] * 7)
    seated = planned_with_seats(estate, solved)
    assert seated.rounds == 0 and closed(seated.estate, seated.plan) and not seated.short


def test_a_cut_leaves_the_way_open_where_a_school_in_reach_grows() -> None:
    """Reception is short by four: the closure stands with half a form more at A, and not without."""
    estate = closing_beside([28] * 7, [6] * 7, grows=True, unmet_gbp=1)
    plan = solved(estate)
    assert closed(estate, plan)
    short = shortages(estate, plan.by_scenario, plan.flow, plan.unmet)
    rows = cuts(estate, plan.by_scenario, short)
    grown = [o for o, option in enumerate(estate.options) if option.action == "expand"]
    shut = [o for o, option in enumerate(estate.options) if option.action == CLOSE]
    assert short and rows and all(row.upper == 0 for row in rows)
    for row in rows:
        value = dict(zip(row.options.tolist(), row.values.tolist(), strict=True))
        assert value[shut[0]] == 1 and all(weight == -1 for o, weight in value.items() if o in grown)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_who_is_short_agrees_with_a_programme(seed: int) -> None:
    """Seats of a year group by maximum flow and by linear programming, in one year of random villages."""
    rng = np.random.default_rng(seed)
    own, leaving = rng.uniform(15, 34, 7).round(1).tolist(), rng.uniform(0, 12, 7).round(1).tolist()
    estate = closing_beside(own, leaving, unmet_gbp=10)
    plan = solved(estate)
    if not closed(estate, plan):
        return
    told = {(one.year, one.year_group): one.pupils.sum() for one in
            shortages(estate, plan.by_scenario, plan.flow, plan.unmet)}  # fmt: skip
    places = estate.options[int(plan.option[0])].places
    for g in range(7):
        room = max(places[3, g] - own[g], 0.0)
        found = linprog([-1.0], A_ub=[[1.0]], b_ub=[room], bounds=(0, leaving[g]))
        short = leaving[g] + found.fun
        if abs(short - 0.5) > 0.01:  # half a pupil counts, and a thousandth is what flows are counted in
            assert told.get((3, COMPULSORY[g]), 0.0) == pytest.approx(short if short >= 0.5 else 0.0, abs=0.02)


def test_cuts_come_back_from_disk(tmp_path: Path) -> None:
    """Questions asked of a stored plan are of the problem that it was found under, cuts and all."""
    estate = closing_beside([20, 20, 30, 25, 25, 25, 25], [2, 2, 6, 1, 1, 1, 1])
    seated = planned_with_seats(estate, solved)
    seated.estate.problem.save(tmp_path / "problem.npz")
    stored = EstateProblem.load(tmp_path / "problem.npz")
    again = with_stored_cuts(estate, stored)
    assert len(again.rows) == len(seated.estate.rows) > len(estate.rows)
    assert (again.problem.row_matrix != stored.row_matrix).nnz == 0
    assert (again.problem.row_upper == stored.row_upper).all()
    assert again.problem.row_name == stored.row_name
    assert with_stored_cuts(again, stored) is again
