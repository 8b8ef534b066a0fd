"""The estate problem as it is built: slices, costs, arcs, and whose places come first – worked by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_estate_options import YEARS, site, village

from geodata.policy import Policy
from geodata.years import PRIMARY, SECONDARY
from models.bands import Band
from models.estate_build import ENTRY, UPPER, Estate, Reach, build_estate, option_costs, year_weights
from models.estate_read import allocation, decisions, unplaced
from models.facilities import may_move
from models.growth import expand, new_school
from models.options import CLOSE, EXPAND, STAY, Facility, Option, stay
from models.reductions import close
from solvers import EstatePlan, solve_estate

BANDS = (Band(PRIMARY), Band(SECONDARY))
NOTHING = Policy({"residual_years": 0, "discount_rate": 0.0})


def estate(
    facilities: list[Facility],
    options: list[Option],
    nodes: pd.DataFrame,
    km: list[list[float]],
    policy: Policy = NOTHING,
    minutes: np.ndarray | None = None,
) -> Estate:
    """Every node has its pupils in each primary year group and every year; km from nodes to facilities."""
    pupils = np.zeros((7, 12, len(nodes)))
    pupils[:, :7] = nodes["pupils"].to_numpy() / 7
    metres = np.array(km, dtype=float) * 1000
    reach = Reach(np.arange(len(nodes)), metres, metres / 1000 if minutes is None else minutes,
                  np.ones(metres.shape, dtype=bool))  # fmt: skip
    return build_estate(facilities, options, [], nodes, pupils[None], BANDS, YEARS, reach, policy)


def homes(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """Nodes: demand point, today's school, pupils of the band, distance in m."""
    table = pd.DataFrame(rows, columns=["demand_point", "urn", "pupils", "distance_m"])
    return table.assign(locality=table["demand_point"], band="R–Y6", node=range(len(table)))


def solved(problem: Estate) -> EstatePlan:
    plan = solve_estate(problem.problem, gap=1e-9)
    assert plan.status == "optimal"
    return plan


def two(pan_a: float = 30, pan_b: float = 30, **changes: object) -> list[Facility]:
    return [village(pan=pan_a, key="900001", name="A", **changes), village(pan=pan_b, key="900002", name="B")]


def stays(facilities: list[Facility]) -> list[Option]:
    return [option for facility in facilities for option in stay(facility, YEARS, NOTHING)]


def test_a_school_with_room_keeps_everybody_and_nothing_is_left_to_decide() -> None:
    both = two()
    made = estate(both, stays(both), homes(("a", "900001", 140, 500), ("b", "900002", 70, 500)), [[0.5, 5], [5, 0.5]])
    assert made.problem.n_nodes == 0 and made.staying[:2].sum() == 210
    assert len(made.slices) == 7 * 2 * 2


def test_the_nearest_keep_their_places_and_the_farthest_are_in_question() -> None:
    """140 and 70 pupils for 180 places in A: the 70 who live 4 km away hold 40 of them and 30 look elsewhere."""
    both = two(pan_a=180 / 7)
    nodes = homes(("far", "900001", 70, 4000), ("near", "900001", 140, 500), ("b", "900002", 35, 500))
    made = estate(both, stays(both), nodes, [[4, 6], [0.5, 5], [5, 0.5]])
    first = made.slices.index[(made.slices["academic_year"] == YEARS[0]) & (made.slices["band"] == "R–Y6")]
    assert made.slices.loc[first, "kind"].tolist() == [ENTRY, UPPER]
    assert made.staying[first[0]].tolist() == pytest.approx([40 / 7, 20, 5])
    assert made.staying[first[1]].tolist() == pytest.approx([240 / 7, 120, 30])
    assert made.nodes["demand_point"].tolist() == ["far"]
    plan = solved(made)
    placed = allocation(made, plan.flow).query("academic_year == '2023/24'")
    moved = placed[placed["moved"]]
    assert moved[["demand_point", "facility"]].to_numpy().tolist() == [["far", "900002"]]
    assert moved["pupils"].iloc[0] == pytest.approx(30)
    assert moved["distance_m"].iloc[0] == 6000


def test_nobody_is_moved_to_make_room_for_another() -> None:
    """A closes; B is full with children who could all go 100 m further to C. They stay: A's children go to C."""
    three = [*two(pan_b=20), village(key="900003", name="C")]
    options = stays(three) + close(replace(three[0], ground="surplus"), YEARS, NOTHING)
    nodes = homes(("a", "900001", 70, 500), ("b", "900002", 140, 100), ("c", "900003", 70, 500))
    made = estate(three, options, nodes, [[0.5, 1, 2], [1, 0.1, 0.2], [2, 0.2, 0.5]])
    plan = solved(made)
    placed = allocation(made, plan.flow)
    assert set(placed.loc[placed["moved"], "today"]) == {"900001"}
    assert set(placed.loc[placed["moved"], "facility"]) == {"900003"}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_a_school_that_stays_never_takes_and_sends_in_the_same_slice(seed: int) -> None:
    """Property over random estates: own pupils come first, whatever the prices say."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    schools = [village(pan=float(rng.integers(5, 30)), key=str(900_001 + k), name=str(k)) for k in range(n)]
    options = stays(schools) + expand(schools[0], YEARS, NOTHING)
    rows = [(f"p{k}", str(900_001 + int(rng.integers(n))), float(rng.integers(5, 120)), float(rng.integers(100, 3000)))
            for k in range(8)]  # fmt: skip
    made = estate(schools, options, homes(*rows), rng.uniform(0.1, 20, (8, n)).tolist())
    if made.problem.n_nodes == 0:
        return
    plan = solved(made)
    home = made.nodes["urn"].map({s.key: f for f, s in enumerate(schools)}).to_numpy()[made.problem.arc_node]
    pupils = made.problem.demand[:, made.problem.arc_node] * plan.flow
    away = made.problem.arc_facility != home
    for f in range(1, n):
        taken = pupils[:, away & (made.problem.arc_facility == f)].sum(axis=1)
        sent = pupils[:, away & (home == f)].sum(axis=1)
        assert np.minimum(taken, sent).max() < 1e-6


def test_journeys_disturbance_and_transport_are_priced_by_hand() -> None:
    """6 km: 6 × £360 to the family, £1,000 of disturbance, £1,250 of transport beyond two miles; 2 km: no transport."""
    both = two(pan_a=20)
    policy = Policy({"residual_years": 0, "discount_rate": 0.0})
    nodes = homes(("far", "900001", 210, 1000))
    for km, price in ((6, 6 * 360 + 1000 + 1250), (4, 4 * 360 + 1000 + 1250), (2, 2 * 360 + 1000)):
        made = estate(both, stays(both), nodes, [[1, km]], policy)
        arc = int(np.flatnonzero(made.problem.arc_facility == 1)[0])
        assert made.problem.arc_cost[:, arc] == pytest.approx(price)
        home = int(np.flatnonzero(made.problem.arc_facility == 0)[0])
        assert made.problem.arc_cost[:, home] == pytest.approx(360)


def test_the_last_year_stands_for_the_years_after_it() -> None:
    """3.5 % and ten years more: the weight of the last year is its own discount × (1 + annuity of ten years)."""
    discount, weight = year_weights(YEARS, Policy({}))
    assert discount[0] == pytest.approx(1 / 1.035) and discount[6] == pytest.approx(1.035**-7)
    assert weight[:6] == pytest.approx(discount[:6])
    assert weight[6] == pytest.approx(discount[6] * (1 + (1 - 1.035**-10) / 0.035))
    named = close(village(ground="surplus"), YEARS, Policy({}))
    cost = option_costs(named[:1], YEARS, Policy({}))[0]
    assert cost == pytest.approx(150_000 * discount[1] - (145_100 + 63_000) * weight[1:].sum() + 20_000)  # its harm


def test_arcs_keep_to_the_longest_journey_and_the_choices_but_sites_are_always_offered() -> None:
    """A child is not sent 50 minutes away, and a new school is not forgotten because twelve others are nearer."""
    schools = [village(pan=5, key="900001", name="A"), *(village(key=str(900_002 + k), name=str(k)) for k in range(4))]
    facilities = [*schools, site()]
    options = stays(facilities) + new_school(facilities[-1], YEARS, NOTHING)
    minutes = np.array([[1.0, 10, 20, 50, 30, 44]])
    policy = Policy({"journey_choices": 2, "residual_years": 0})
    made = estate(facilities, options, homes(("a", "900001", 210, 500)), [[0.5, 5, 8, 20, 12, 15]], policy, minutes)
    assert sorted(made.problem.arc_facility.tolist()) == [0, 1, 2, 5]
    late = estate(facilities, options, homes(("a", "900001", 210, 500)), [[0.5, 5, 8, 20, 12, 15]],
                  Policy({"journey_choices": 9, "journey_max_primary_min": 25}), minutes)  # fmt: skip
    assert sorted(late.problem.arc_facility.tolist()) == [0, 1, 2]


def test_who_may_go_where() -> None:
    """Girls' school, selective school, Catholic school: not for everybody; Church of England: for all."""
    schools = pd.DataFrame(
        {
            "gender": ["mixed", "girls", "mixed", "mixed", "mixed"],
            "admissions_policy": ["non-selective", "non-selective", "selective", "non-selective", "non-selective"],
            "religious_character": ["none", "none", "none", "Roman Catholic", "Church of England"],
        }
    )
    allowed = may_move(schools, n_sites=1)
    assert allowed[0].tolist() == [True, False, False, False, True, True]
    assert allowed[1].tolist() == [True, True, False, False, True, True]
    assert allowed[3].tolist() == [True, False, False, True, True, True]


def test_a_plan_is_read_back_as_it_was_decided() -> None:
    """Places before and after are admission places, in the last year; the chosen option's own figures stand beside."""
    both = two(pan_a=10)
    options = stays(both) + [o for o in expand(both[0], YEARS, NOTHING) if o.academic_year == "2025/26"]
    made = estate(both, options, homes(("a", "900001", 140, 500)), [[0.5, 40]])
    chosen = np.array([0, 1])
    chosen[0] = next(i for i, o in enumerate(options) if o.action == EXPAND and "1 FE" in o.reason)
    table = decisions(made, chosen)
    (row,) = table.to_dict("records")
    assert (row["action"], row["places_before"], row["places_after"]) == (EXPAND, 70, 70 + 5 * 30)
    assert row["capital_gbp"] == 210 * 21_014
    assert STAY not in set(table["action"]) and CLOSE not in set(table["action"])


def test_pupils_without_a_place_are_listed_to_the_pupil() -> None:
    both = two(pan_a=10, pan_b=10)
    made = estate(both, stays(both), homes(("a", "900001", 140, 500), ("b", "900002", 70, 500)), [[0.5, 5], [5, 0.5]])
    plan = solved(made)
    left = unplaced(made, plan.unmet)
    assert left.groupby("academic_year")["pupils"].sum().tolist() == pytest.approx([70] * 7)
    placed = allocation(made, plan.flow).groupby("academic_year")["pupils"].sum()
    assert placed.tolist() == pytest.approx([140] * 7)


def test_of_a_shorter_way_to_a_school_that_stands_a_tenth_is_a_gain() -> None:
    """P lives 4 km from A, 1 km from B and 1 km from a site; a farther school, at 6 km, costs all of its 2 km more."""
    policy = Policy({"residual_years": 0, "discount_rate": 0.0, "disturbance_gbp": 0, "transport_gbp": 0})
    schools = [*two(), village(key="900003", name="C"), site()]
    options = [*stays(schools), *close(replace(schools[0], ground="surplus"), YEARS, policy)]
    options += new_school(schools[3], YEARS, policy)[:1]
    made = estate(schools, options, homes(("p", "900001", 70, 4000)), [[4, 1, 6, 1]], policy)
    problem = made.problem
    late = (made.slices["academic_year"] == YEARS[-1]).to_numpy()
    per_km = {
        int(f): problem.arc_cost[late, a][0] / policy.number("journey_cost_gbp_per_km")
        for a, f in enumerate(problem.arc_facility)
    }
    assert per_km == pytest.approx({0: 4.0, 1: 4.0 - 0.1 * 3.0, 2: 6.0, 3: 1.0})
