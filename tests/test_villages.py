"""Village schools as a cluster problem: who is small, who may lead, what it costs, what is kept together."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Voronoi

from geodata.policy import Policy
from models.locks import NO_LOCKS, Locks, groups_of
from models.side_by_side import standing
from models.villages import Villages, build_villages, head_gbp_covered, neighbouring, village_schools, with_hubs
from solvers import solve_clusters

ALONE, SITE, EXECUTIVE, MINUTE, PRICE = 80_000, 15_000 - 5_000, 95_000, 600, 60_000


def schools(*rows: Mapping[str, object]) -> pd.DataFrame:
    usual = {"phase": "primary", "low_age": 4, "high_age": 11, "religious_character": "none", "trust": None,
             "type": "Community school", "pupils": 120.0, "small": True, "alone_gbp": float(ALONE)}  # fmt: skip
    made = [{**usual, "urn": 100_001 + k, "name": f"School {k + 1}", "easting": 1000.0 * (k % 5) + k,
             "northing": 1000.0 * (k // 5) + 0.3 * k * k, **row} for k, row in enumerate(rows)]  # fmt: skip
    return pd.DataFrame(made)


def villages(table: pd.DataFrame, drive: np.ndarray, locks: Locks = NO_LOCKS, **policy: object) -> Villages:
    laid = Policy(policy)
    rules = standing(table, None, table, drive, "2022/23", laid)
    return build_villages(table, rules, drive, laid, locks)


def line(*at: float) -> np.ndarray:
    """Drive minutes between places on a road, by their minute marks."""
    return np.abs(np.subtract.outer(at, at))


def planned(made: Villages) -> list[int]:
    return made.school_lead(solve_clusters(made.problem, gap=0.0).lead).tolist()


def test_a_full_infant_school_is_no_village_school() -> None:
    """90 pupils in three year groups is a full form; 60 in seven is a village."""
    table = schools({}, {"phase": "infant", "high_age": 7}, {"phase": "infant", "high_age": 7}, {"phase": "secondary"})
    pupils = pd.Series(dict(zip(table["urn"], (60.0, 90.0, 60.0, 60.0), strict=True)))
    assert village_schools(table, pupils, Policy({}))["urn"].tolist() == [100_001, 100_003]
    assert village_schools(table, pupils, Policy({"village_school_max_pupils": 50}))["urn"].tolist() == []


def test_costs_by_hand() -> None:
    """One executive head, two sites and eight minutes of drive, against two heads and the price of standing alone."""
    made = villages(schools({}, {}), line(0, 8))
    plan = solve_clusters(made.problem)
    assert plan.objective == pytest.approx(EXECUTIVE + 2 * SITE + 8 * MINUTE)
    assert made.problem.alone_cost is not None
    assert made.problem.alone_cost.tolist() == [ALONE + PRICE] * 2
    assert planned(villages(schools({}, {}), line(0, 19), executive_drive_gbp_per_min=9_000)) == [-1, -1]


def test_a_head_of_few_pupils_teaches_half_a_week() -> None:
    """Half of a teacher's 60,000 is taught below 105 pupils; nobody is paid where nobody is taught."""
    assert head_gbp_covered(np.array([104.0, 105.0, 0.0]), Policy({})).tolist() == [50_000, 80_000, 0]


def test_a_very_small_school_leads_nobody_and_a_far_one_joins_nobody() -> None:
    made = villages(schools({"pupils": 20.0}, {"pupils": 80.0}, {"pupils": 90.0}), line(0, 8, 48))
    assert set(made.problem.arc_lead.tolist()) == {1, 2}
    assert planned(made) == [1, 1, -1]


def test_no_two_of_a_cluster_are_too_far_apart() -> None:
    """15 minutes either side of the lead are 30 apart: allowed at 30, not at 29."""
    table = schools({"pupils": 30.0}, {}, {"pupils": 30.0})
    assert planned(villages(table, line(0, 15, 30))) == [1, 1, 1]
    apart = planned(villages(table, line(0, 15, 30), cluster_pair_max_min=29))
    assert sorted(apart) in ([-1, 1, 1], [-1, -1, 1]) and apart.count(1) == 2


def test_larger_schools_lead_or_stay_out() -> None:
    """A school of 300 may lead two villages; it joins nobody, and one of 500 is not even asked."""
    table = schools({"pupils": 40.0}, {"pupils": 40.0}, {"pupils": 300.0, "small": False})
    made = villages(table, line(0, 3, 6))
    assert planned(made) == [2, 2, 2]
    members = made.problem.arc_member[made.problem.arc_lead != made.problem.arc_member]
    assert 2 not in members.tolist()
    every = schools({}, {"pupils": 300.0}, {"pupils": 500.0}, {"pupils": 300.0, "phase": "secondary"})
    pupils = pd.Series(every["pupils"].to_numpy(), index=every["urn"])
    small = village_schools(every, pupils, Policy({}))
    drive = pd.DataFrame(line(0, 5, 5, 5), index=every["urn"], columns=every["urn"])
    found = with_hubs(every.drop(columns="pupils"), pupils, small, drive, Policy({}))
    assert dict(zip(found["urn"], found["small"], strict=True)) == {100_001: True, 100_002: False}
    crossing = with_hubs(every.drop(columns="pupils"), pupils, small, drive, Policy({"cluster_cross_phase": "yes"}))
    assert 100_004 in set(crossing["urn"])


def test_who_is_together_today_stays_together_or_takes_others_in() -> None:
    """A federation of two is one node, and one more for its other lead: left as it is it costs what it does today, and
    a third may join it, under the one of them that is nearer."""
    table = schools({"federation": "F"}, {"federation": "F"}, {"pupils": 40.0})
    made = villages(table, line(0, 25, 60))  # beyond the longest drive, yet together
    assert made.problem.n_nodes == 3 and planned(made) == [0, 0, -1]
    assert made.problem.alone_cost is not None
    assert made.problem.alone_cost[0] == pytest.approx(EXECUTIVE + 2 * SITE + 25 * MINUTE)
    joined = villages(table, line(0, 5, 8))
    assert planned(joined) == [1, 1, 1]
    plan = solve_clusters(joined.problem, gap=0.0)
    assert plan.objective == pytest.approx(EXECUTIVE + 3 * SITE + 8 * MINUTE)
    for leads in ([0, 0, -1], [1, 1, 1], [0, 0, 0]):
        back = joined.node_lead(np.array(leads))
        assert back is not None and joined.school_lead(back).tolist() == leads
    assert joined.node_lead(np.array([-1, 1, 1])) is None  # parted
    parted = villages(table, line(0, 25, 30), cluster_keep="no")
    assert planned(parted) == [-1, 1, 1]


def test_no_more_schools_than_one_head_can_lead_where_some_are_together_today() -> None:
    """A federation counts for two: of four others within reach three may join at a limit of five."""
    table = schools({"federation": "F", "pupils": 50.0}, {"federation": "F", "pupils": 50.0},
                    *({"pupils": 40.0} for _ in range(4)))  # fmt: skip
    made = villages(table, line(0, 1, 2, 3, 4, 5), cluster_max_schools=5, cluster_lead_min_pupils=45)
    found = planned(made)
    assert found.count(found[0]) == 5 and found[0] in (0, 1) and found.count(-1) == 1


def test_nobody_is_led_by_a_school_that_leaves_its_federation_for_it() -> None:
    """The second of a federation would be the best lead of the others, if only the first were not so far from them:
    it leads with all of its own or not at all."""
    table = schools({"federation": "F"}, {"federation": "F"}, {"pupils": 30.0}, {"pupils": 30.0})
    drive = line(-40, 0, 3, 6)
    assert planned(villages(table, drive, cluster_contiguous="yes")) == [0, 0, -1, -1]
    assert planned(villages(table, drive, cluster_pair_max_min=60, cluster_contiguous="yes")) == [1, 1, 1, 1]


def test_a_larger_school_leads_up_to_its_limit() -> None:
    table = schools({"pupils": 40.0}, {"pupils": 40.0}, {"pupils": 300.0, "small": False})
    assert planned(villages(table, line(0, 3, 6), cluster_hub_max_pupils=300)) == [2, 2, 2]
    assert planned(villages(table, line(0, 3, 6), cluster_hub_max_pupils=299)) == [-1, -1, -1]


def test_locks_are_kept_and_the_rest_is_planned() -> None:
    table = schools({}, {}, {}, {})
    drive = line(0, 2, 4, 6)
    locks = Locks(cluster={100_001: "X", 100_004: "X"}, leads=frozenset({100_004}), alone=frozenset({100_002}))
    made = villages(table, drive, locks)
    assert planned(made) == [3, -1, 3, 3]
    weak = Locks(cluster={100_001: "X", 100_003: "X"})
    table.loc[[0, 1], "federation"] = "F"
    assert len(set(planned(villages(table, drive, weak))[:3])) == 1  # who is federated with a locked one comes along


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 14))
def test_neighbours_are_those_whose_nearest_ground_touches(seed: int, n: int) -> None:
    """Two routes: corners of Delaunay triangles, and ridges of Voronoi cells."""
    xy = np.random.default_rng(seed).random((n, 2)) * 10_000
    ridges = {tuple(sorted(pair)) for pair in Voronoi(xy).ridge_points.tolist()}
    assert {tuple(pair) for pair in neighbouring(xy).tolist()} == ridges


def test_a_contiguous_cluster_does_not_jump_over_a_school() -> None:
    """Four on a road, the second refusing: the first reaches the others only across it."""
    table = schools(*({"easting": 1000.0 * k, "northing": 0.0} for k in range(4)), {"easting": 1500.0, "northing": 9e5})
    table["consent"] = [None, "refused", None, None, "refused"]
    drive = line(0, 4, 8, 12, 900)
    free = planned(villages(table, drive))
    assert free[0] >= 0 and free[0] == free[2]
    xy = table[["easting", "northing"]].to_numpy()
    assert (0, 2) not in {tuple(pair) for pair in neighbouring(xy).tolist()}
    assert planned(villages(table, drive, cluster_contiguous="yes"))[0] == -1


def test_a_problem_without_larger_nodes_has_plain_limits() -> None:
    """Limits on members, not rows, where nobody is together: prices use those."""
    made = villages(schools({}, {}, {}), line(0, 2, 4))
    assert made.problem.rows == () and made.problem.min_members == 2 and made.problem.max_members == 6
    assert replace(made.problem, max_members=None).max_members is None


def test_a_cluster_across_two_federations_makes_one_of_them() -> None:
    """A–B and C–D federated, B and C in one cluster today: four who are together, whoever is listed first."""
    table = schools({"federation": "F"}, {"federation": "F", "cluster": "X"}, {"federation": "G", "cluster": "X"},
                    {"federation": "G"}, {})  # fmt: skip
    assert groups_of(table, NO_LOCKS, Policy({}))[0].tolist() == [0, 0, 0, 0, 1]
    locks = Locks(cluster={100_001: "L"}, alone=frozenset({100_004}))
    node, locked, _ = groups_of(table, locks, Policy({}))
    assert node.tolist() == [0, 0, 0, 1, 2] and locked.tolist() == [True, False, False]


def test_nobody_joins_a_federation_across_two_trusts_that_keep_their_schools() -> None:
    """No trust could have all of them: the federation stays as it is today, the third school without it."""
    across = [{"type": "Academy converter", "trust": name, "federation": "F"} for name in ("T", "U")]
    made = villages(schools(*across, {}), line(0, 2, 4), cluster_across_kinds="yes")
    assert planned(made) == [0, 0, -1]
    free = villages(schools(*across, {}), line(0, 2, 4), cluster_across_kinds="yes", trust_consent_unknown="yes")
    assert len(set(planned(free))) == 1 and -1 not in planned(free)


def test_who_is_locked_as_a_member_is_led_by_another_and_locked_clusters_stay_two() -> None:
    """A part of a plan's rows names a cluster without its lead, or its lead without the others."""
    table, drive = schools({}, {}, {}, {}), line(0, 2, 4, 6)
    dear = {"executive_drive_gbp_per_min": 36_000, "village_alone_gbp": 0}
    assert planned(villages(table, drive, **dear)) == [-1] * 4
    member = Locks(cluster={100_001: "X"}, members=frozenset({100_001}))
    assert planned(villages(table, drive, member, **dear)) == [1, 1, -1, -1]
    both = Locks(cluster={100_001: "X", 100_002: "X"}, members=frozenset({100_001, 100_002}))
    assert planned(villages(table, drive, both, **dear)) == [2, 2, 2, -1]
    lead = Locks(cluster={100_001: "X"}, leads=frozenset({100_001}))
    assert planned(villages(table, drive, lead, **dear)) == [0, 0, -1, -1]
    two = Locks(cluster={100_001: "X", 100_002: "Y"}, members=frozenset({100_001, 100_002}))
    found = planned(villages(table, drive, two))
    assert found[0] != found[1] and -1 not in found and not {0, 1} & set(found)


def test_a_federation_may_be_led_from_outside_where_one_of_it_is_locked_as_led_by_another() -> None:
    """Its lead stands in no locked row: it may be the larger school, or its own partner."""
    table = schools({"federation": "F"}, {"federation": "F"}, {"small": False, "pupils": 200.0})
    locks = Locks(cluster={100_002: "Hub"}, members=frozenset({100_002}))
    made = villages(table, line(0, 18, 10), locks, cluster_hub_max_pupils=300)
    leads = set(made.lead_school[made.problem.arc_lead[made.problem.arc_member == made.node[1]]].tolist())
    assert leads == {0, 2}
    whole = villages(table, line(0, 18, 10), Locks(cluster={100_001: "X", 100_002: "X"}), cluster_hub_max_pupils=300)
    led = whole.problem.arc_lead[whole.problem.arc_member == whole.node[1]]
    assert not np.isin(2, whole.lead_school[led])
