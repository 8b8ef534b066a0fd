"""A county with one place where a school is plainly needed, and five where it is not: the plan must find it."""

import numpy as np
import pandas as pd
import pytest
from test_estate_build import BANDS, stays
from test_estate_options import YEARS, site, village

from geodata.policy import Policy
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import decisions
from models.growth import bulge, expand, lift_pan, new_school
from models.options import Facility
from solvers import solve_estate

POLICY = Policy({})
NEW_FE = {1: 30.0, 2: 60.0, 3: 90.0}


def planted(seed: int, spare: bool = False) -> tuple[Estate, int, int]:
    """(estate, first year with new homes, forms of entry that they need).

    Ten villages whose schools are just full or, with `spare`, nine have up to seven places in every year group; on the
    edge of the map new homes send so many children to Reception a year from some year on, too far from every village to
    go there daily. Six sites, one of them there and five beside villages. Every school may grow by half or a whole
    form, lift its admission number or take a bulge class.
    """
    rng = np.random.default_rng(seed)
    fe, first = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    homes_at = rng.uniform(5_000, 25_000, (10, 2))
    new_homes = np.array([45_000.0, rng.uniform(10_000, 20_000)])
    # The first village's school is that of the new homes' children today, however far: it has no place to spare.
    taken = [30, *(30 - spare * rng.integers(0, 8, 9))]
    schools = [
        village(pan=30, intake=float(n), key=str(900_001 + k), name=f"Village {k}", max_fe=2.0)
        for k, n in enumerate(taken)
    ]
    beside = rng.choice(10, 5, replace=False)
    places = np.vstack([homes_at, new_homes + rng.uniform(-500, 500, 2), homes_at[beside] + 300])
    order = rng.permutation(6)
    sites = [
        site(key=f"S{number}", name=f"Site {number}", max_fe=3.0, available_from=YEARS[0], land_cost_gbp=300_000.0)
        for number in range(6)
    ]
    facilities: list[Facility] = [*schools, *sites]
    at = np.vstack([places[:10], places[10:][np.argsort(order)]])
    nodes = pd.DataFrame(
        {
            "demand_point": [*(f"v{k}" for k in range(10)), "new homes"],
            "urn": [school.key for school in schools] + [schools[0].key],
            "pupils": 0.0,
            "distance_m": 400.0,
        }
    ).assign(locality="x", band="R–Y6", node=range(11))
    pupils = np.zeros((7, 12, 11))
    for k, school in enumerate(schools):
        pupils[:, :7, k] = school.pupils[:, :7]
    for t in range(first, 7):
        pupils[t, : min(t - first + 1, 7), 10] = NEW_FE[fe]
    origins = np.vstack([homes_at, new_homes])
    metres = 1.3 * np.linalg.norm(origins[:, None] - at[None], axis=2)
    nodes.loc[10, "distance_m"] = metres[10, 0]
    reach = Reach(np.arange(11), metres, metres / 500, np.ones(metres.shape, dtype=bool))
    options = stays(facilities)
    for school in schools:
        for lever in (lift_pan, bulge, expand):
            options += lever(school, YEARS, POLICY)
    for one in sites:
        options += new_school(one, YEARS, POLICY)
    estate = build_estate(facilities, options, [], nodes, pupils[None], BANDS, YEARS, reach, POLICY)
    return estate, first, fe


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_plan_builds_where_when_and_as_large_as_is_plainly_needed(seed: int, spare: bool) -> None:
    estate, first, fe = planted(seed, spare)
    plan = solve_estate(estate.problem, gap=1e-3, time_limit_s=60)
    assert plan.status == "optimal"
    table = decisions(estate, plan.by_scenario)
    built = table[table["action"] == "new school"]
    assert len(built) == 1, "a school and no other"
    node = estate.nodes.index[estate.nodes["demand_point"] == "new homes"][0]
    arcs = np.flatnonzero(estate.problem.arc_node == node)
    nearest = estate.problem.arc_facility[arcs[np.argmin(estate.arc_metres[arcs])]]
    assert built["facility"].iloc[0] == estate.facilities[nearest].key, "where the homes are"
    assert built["academic_year"].iloc[0] == YEARS[first], "when they are there"
    assert built["places_after"].iloc[0] == fe * 30 * (7 - first), "as large as they need"
