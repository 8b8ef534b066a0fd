"""Clusters into trusts: by hand, on pupils, places, articles, drives, bound schools and balances."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from test_villages import line, schools

from geodata.policy import Policy
from models.side_by_side import standing
from models.trusts import Trusts, build_trusts, joiners_of, new_trust_name, trust_of
from solvers import solve_clusters
from solvers.verify import verify_clusters

COFE = "Church of England"
VA = {"type": "Voluntary aided school", "religious_character": COFE, "diocese": "D"}
OFFICE, JOINING, CENTRE, PER_PUPIL = 35_000 * 0.5, 35_000 / 5, 180_000, 60


def trusts(
    table: pd.DataFrame,
    lead: Sequence[int],
    at_min: Sequence[float],
    today: Sequence[Mapping[str, object]] = (),
    balance: Sequence[float] | None = None,
    locked: Sequence[str] = (),
    apart: float = 0.0,
    closed: Sequence[str] = (),
    below: bool = False,
    at_home: Mapping[tuple[int, int], float] | None = None,
    **policy: object,
) -> Trusts:
    """Trusts of today stand at their own `at_min`, joiners where their lead school stands."""
    laid = Policy(policy)
    rules = standing(table, None, table, np.zeros((len(table), len(table))), "2022/23", laid)
    joiners = joiners_of(table, rules, np.array(lead), laid)
    columns = ["trust", "pupils", "schools", "articles", "diocese", "places_for_schools", "hub"]
    usual = {"pupils": 500.0, "schools": 2, "articles": "none", "diocese": "", "places_for_schools": np.nan, "hub": 0}
    known = pd.DataFrame([{**usual, **row} for row in today], columns=[*columns, "at"])
    known = known.astype({"places_for_schools": "Float64"})
    at = [*known["at"], *(at_min[int(row)] for row in joiners.lead)]
    given = np.full(len(joiners.members), 1e6) if balance is None else np.array(balance, dtype=float)
    outside = np.full(len(given), float(apart))
    return build_trusts(table, rules, joiners, known, line(*at), given, outside, laid, locked, closed, below, at_home)


def homes(made: Trusts) -> list[str | None]:
    plan = solve_clusters(made.problem, gap=0.0)
    assert plan.lead is not None and verify_clusters(made.problem, plan) == []
    assert made.cost_of(plan.lead) == pytest.approx(plan.objective)
    return trust_of(made, plan.lead)


def pairs(count: int, pupils: float, **more: object) -> tuple[pd.DataFrame, list[int]]:
    """Clusters of two schools each, led by the first."""
    table = schools(*({"pupils": pupils, **more} for _ in range(2 * count)))
    return table, [2 * (k // 2) for k in range(2 * count)]


def test_a_new_trust_costs_its_centre_and_needs_its_pupils() -> None:
    """Three clusters of 400: two of them are 800, too few; three are enough, and cost what is worked out here."""
    table, lead = pairs(2, 200.0)
    assert homes(trusts(table, lead, (0, 0, 10, 10), trust_outside_gbp=500_000)) == [None, None]
    table, lead = pairs(3, 200.0)
    made = trusts(table, lead, (0, 0, 10, 10, 25, 25), trust_outside_gbp=500_000)
    assert homes(made) == [new_trust_name("School 3")] * 3  # the middle one is the hub
    plan = solve_clusters(made.problem, gap=0.0)
    assert plan.objective == pytest.approx(CENTRE + 6 * (JOINING - OFFICE) + 1200 * PER_PUPIL + 300 * (10 + 15))
    few = trusts(table, lead, (0, 0, 10, 10, 25, 25), trust_outside_gbp=0, trust_central_gbp=1e6)
    assert homes(few) == [None] * 3  # nothing to gain


def test_a_trust_of_today_takes_what_it_has_places_for() -> None:
    table, lead = pairs(2, 100.0)
    where = (0, 0, 10, 10)
    assert homes(trusts(table, lead, where, [{"trust": "T", "at": 5}])) == ["T", "T"]
    one = trusts(table, lead, where, [{"trust": "T", "at": 2, "places_for_schools": 3}])
    assert homes(one) == ["T", None]
    assert homes(trusts(table, lead, where, [{"trust": "T", "at": 60}])) == [None, None]  # beyond 45 minutes
    large = [{"trust": "T", "at": 5, "pupils": 7_450.0}]
    assert homes(trusts(table, lead, where, large)) == [None, None]
    busy = trusts(table, lead, where, [{"trust": "T", "at": 5}], trust_max_clusters=1)
    assert sorted(map(str, homes(busy))) == ["None", "T"]


def test_nobody_joins_a_trust_that_is_closed_unless_a_plan_locks_it_there() -> None:
    table, lead = pairs(2, 100.0)
    today = [{"trust": "T", "at": 0}, {"trust": "U", "at": 30}]
    assert homes(trusts(table, lead, (0, 0, 5, 5), today, closed=["T"])) == ["U", "U"]
    assert homes(trusts(table, lead, (0, 0, 5, 5), today, closed=["T", "U"])) == [None, None]
    assert homes(trusts(table, lead, (0, 0, 5, 5), today, closed=["T"], locked=["T", ""])) == ["T", "U"]


def test_articles_and_dioceses_decide_which_trust() -> None:
    table, lead = pairs(1, 100.0, **VA)
    where = (0, 0)
    kinds = [{"trust": "None", "at": 1}, {"trust": "Minority", "at": 2, "articles": "church minority", "diocese": "D"}]
    assert homes(trusts(table, lead, where, kinds)) == [None]
    major = {"trust": "Majority", "at": 30, "articles": "church majority", "diocese": "D"}
    assert homes(trusts(table, lead, where, [*kinds, major])) == ["Majority"]
    other = [*kinds, major | {"diocese": "E"}]
    assert homes(trusts(table, lead, where, other)) == [None]
    assert homes(trusts(table, lead, where, other, cluster_across_dioceses="yes")) == ["Majority"]


def test_community_and_aided_clusters_share_no_new_trust_but_a_church_majority_one() -> None:
    plain, lead = pairs(2, 300.0)
    for column, value in VA.items():
        plain.loc[[2, 3], column] = value
    settings = {"trust_outside_gbp": 500_000, "trust_min_pupils": 1000}
    assert homes(trusts(plain, lead, (0, 0, 5, 5), **settings)) == [None, None]
    both = homes(trusts(plain, lead, (0, 0, 5, 5), governance_model="church-majority trust", **settings))
    assert both[0] is not None and both[0] == both[1]


def test_a_school_that_may_not_leave_binds_its_cluster_to_its_trust() -> None:
    table = schools({"type": "Academy converter", "trust": "T"}, {}, {})
    lead = [0, 0, -1]
    today = [{"trust": "T", "at": 30}, {"trust": "U", "at": 1}]
    made = trusts(table, lead, (0, 0, 0), today, cluster_across_kinds="yes")
    assert made.joiners.bound == ["T", ""]
    assert homes(made) == ["T", "U"]


def test_a_cluster_of_one_trust_is_at_home_and_who_refuses_joins_nothing() -> None:
    academy = {"type": "Academy converter", "trust": "T"}
    table = schools(academy, academy, {"consent": "refused"}, {"land_consent": "refused"}, {})
    made = trusts(table, [0, 0, -1, -1, -1], (0,) * 5, [{"trust": "T", "at": 0}])
    assert [rows.tolist() for rows in made.joiners.members] == [[4]]


def test_what_joins_at_a_loss_pays_for_it() -> None:
    """20,000 a school outside against a shortfall of 50,000 at one pound a pound, less what pooling saves."""
    table, lead = pairs(1, 100.0)
    today = [{"trust": "T", "at": 0}]
    gain = 2 * (OFFICE - JOINING) - 200 * PER_PUPIL
    at_loss = trusts(table, lead, (0, 0), today, [-(40_000 + gain) - 1])
    assert homes(at_loss) == [None]
    assert homes(trusts(table, lead, (0, 0), today, [-(40_000 + gain) + 1])) == ["T"]
    assert homes(trusts(table, lead, (0, 0), today, [-1e6], trust_shortfall_price=0)) == ["T"]


def test_locked_trusts_are_kept() -> None:
    table, lead = pairs(3, 200.0)
    today = [{"trust": "T", "at": 0}]
    where = (0, 0, 1, 1, 2, 2)
    assert homes(trusts(table, lead, where, today)) == ["T"] * 3
    new = new_trust_name("School 3")
    made = trusts(table, lead, where, today, locked=[new, new, ""], trust_min_pupils=0, trust_outside_gbp=500_000)
    assert homes(made)[:2] == [new, new]
    assert homes(trusts(table, lead, where, today, locked=["", "", "T"], trust_min_pupils=5000)) == ["T"] * 3


def test_a_shortfall_has_its_price_wherever_it_is() -> None:
    """Outside, a cluster that is short by 60,000 pays for that too: joining at a loss of as much is then cheaper."""
    table, lead = pairs(1, 100.0)
    today = [{"trust": "T", "at": 0}]
    made = trusts(table, lead, (0, 0), today, [-60_000.0], apart=-60_000.0)
    assert homes(made) == ["T"]
    assert homes(trusts(table, lead, (0, 0), today, [-90_000.0], apart=-10_000.0)) == [None]
    assert made.shortfall_gbp(np.array([0, -1])) == 60_000 == made.shortfall_gbp(np.array([0, 0]))


def test_two_new_trusts_around_schools_of_one_name_are_two() -> None:
    """Named alike they would be taken for one trust, and its pupils added up."""
    table, lead = pairs(2, 300.0, name="St Mary's")
    table["urn"] = [100_001, 100_002, 100_003, 100_004]
    found = homes(trusts(table, lead, (0, 0, 80, 80), trust_outside_gbp=500_000, trust_min_pupils=500))
    assert found == [f"New trust around St Mary's ({urn})" for urn in (100_001, 100_003)]


def test_two_dioceses_share_no_new_trust() -> None:
    controlled = {"type": "Voluntary controlled school", "religious_character": COFE}
    table, lead = pairs(2, 300.0, **controlled)
    table["diocese"] = ["D", "D", "E", "E"]
    settings = {"trust_outside_gbp": 500_000, "trust_min_pupils": 1000}
    assert homes(trusts(table, lead, (0, 0, 5, 5), **settings)) == [None, None]
    both = homes(trusts(table, lead, (0, 0, 5, 5), cluster_across_dioceses="yes", **settings))
    assert both[0] is not None and both[0] == both[1]


def test_only_who_is_not_of_the_trust_already_comes_with_a_cluster() -> None:
    """An academy of T and two community schools share a head: two schools and 200 pupils join, and two places do."""
    table = schools({"type": "Academy converter", "trust": "T", "pupils": 300.0}, {"pupils": 120.0}, {"pupils": 80.0})
    today = {"trust": "T", "at": 0, "pupils": 300.0}
    made = trusts(table, [0, 0, 0], (0, 0, 0), [today | {"places_for_schools": 2}], cluster_across_kinds="yes")
    assert [rows.tolist() for rows in made.joiners.members] == [[1, 2]]
    assert [rows.tolist() for rows in made.joiners.cluster] == [[0, 1, 2]]
    assert made.problem.weight.tolist() == [300.0, 200.0] and homes(made) == ["T"]
    assert made.cost[1, 0] == pytest.approx(2 * (JOINING - OFFICE) + 200 * PER_PUPIL)
    full = trusts(table, [0, 0, 0], (0, 0, 0), [today | {"places_for_schools": 1}], cluster_across_kinds="yes")
    assert homes(full) == [None]


ACADEMIES = ({"type": "Academy converter", "trust": "T"}, {"type": "Academy converter", "trust": "U"})


def test_academies_that_leave_two_trusts_for_a_cluster_stand_in_one() -> None:
    """Free to leave, they would save nothing by joining: left outside, each would be in its old trust still."""
    today = [{"trust": "T", "at": 10}, {"trust": "U", "at": 90}]
    dear = {"trust_consent_unknown": "yes", "trust_outside_gbp": 0, "trust_central_gbp_per_pupil": 5000}
    made = trusts(schools(*ACADEMIES), [0, 0], (0, 0), today, **dear)
    assert made.joiners.must.tolist() == [True] and homes(made) == ["T"]
    federated = schools(*({**one, "federation": "F"} for one in ACADEMIES))
    assert homes(trusts(federated, [0, 0], (0, 0), today, **dear)) == [None]  # as they are today
    assert trusts(federated, [0, 0], (0, 0), today).joiners.members == []  # kept by both, they join neither


def test_academies_of_a_cluster_that_are_in_its_trust_already_count_there_once() -> None:
    """Two academies bring one school to the trust of either: its room, its pupils and its balance."""
    today = [{"trust": "T", "at": 10, "places_for_schools": 1}, {"trust": "U", "at": 20, "places_for_schools": 1}]
    dear, falls = {"trust_consent_unknown": "yes", "trust_outside_gbp": 0}, {(0, 0): -50_000.0, (0, 1): -60_000.0}
    made = trusts(schools(*ACADEMIES), [0, 0], (0, 0), today, balance=[-900_000.0], at_home=falls, **dear)
    assert homes(made) == ["T"]
    lead = np.array([0, 1, 0])
    assert made.shortfall_gbp(lead) == 50_000 and made.cost_of(lead) == pytest.approx(made.cost[2, 0] + 50_000)
    full = [today[0] | {"places_for_schools": 0}, today[1]]
    elsewhere = trusts(schools(*ACADEMIES), [0, 0], (0, 0), full, balance=[-900_000.0], at_home=falls, **dear)
    assert homes(elsewhere) == ["U"]


def test_the_drive_that_is_priced_is_from_the_lead_to_the_hub() -> None:
    """Minutes there and back differ: ten to the hub, twenty from it."""
    table, laid = schools({}, {}), Policy({})
    rules = standing(table, None, table, np.zeros((2, 2)), "2022/23", laid)
    joiners = joiners_of(table, rules, np.zeros(2, dtype=int), laid)
    today = pd.DataFrame([{"trust": "T", "pupils": 500.0, "articles": "none", "diocese": "",
                           "places_for_schools": None}]).astype({"places_for_schools": "Float64"})  # fmt: skip
    drive = np.array([[0.0, 20.0], [10.0, 0.0]])  # nodes: the trust, the cluster
    made = build_trusts(table, rules, joiners, today, drive, np.full(1, 1e6), np.zeros(1), laid)
    assert made.cost[1, 0] == pytest.approx(2 * (JOINING - OFFICE) + 240 * PER_PUPIL + 10 * 300)


def test_a_cluster_drawn_into_two_trusts_is_priced_in_parts() -> None:
    """Two schools into T, one into a new trust, one left out: who is listed first does not settle it for all."""
    table, laid = schools({}, {}, {}, {}), Policy({})
    rules = standing(table, None, table, np.zeros((4, 4)), "2022/23", laid)
    drawn = np.array(["T", "", "Ours", "T"], dtype=object)
    parts = joiners_of(table, rules, np.zeros(4, dtype=int), laid, drawn)
    assert [rows.tolist() for rows in parts.members] == [[2], [0, 3], [1]]
    assert [rows.tolist() for rows in parts.cluster] == [[0, 1, 2, 3]] * 3


def test_one_lock_lifts_no_limit_for_the_others() -> None:
    """A trust with room for three schools, two of them locked in: of four more, one cluster is too many."""
    table, lead = pairs(3, 100.0)
    where, full = (0, 0, 1, 1, 2, 2), [{"trust": "T", "at": 0, "places_for_schools": 3}]
    assert homes(trusts(table, lead, where, full, locked=["", "", "T"])) == [None, None, "T"]
    assert sorted(map(str, homes(trusts(table, lead, where, full, locked=["T", "T", ""])))) == ["None", "T", "T"]
    busy = [{"trust": "T", "at": 0}]
    assert homes(trusts(table, lead, where, busy, locked=["", "", "T"], trust_max_clusters=1)) == [None, None, "T"]
    large = [{"trust": "T", "at": 0, "pupils": 7_300.0}]
    assert homes(trusts(table, lead, where, large, locked=["", "", "T"])) == [None, None, "T"]
    assert homes(trusts(table, lead, where, large, locked=["", "", "T"], trust_outside_gbp=0))[2] == "T"


def test_a_locked_new_trust_has_its_pupils_where_others_can_bring_them() -> None:
    """One cluster of 400 is locked into a new trust of 1,000: the two others come, or it is kept with too few."""
    table, lead = pairs(3, 200.0)
    where, new = (0, 0, 10, 10, 25, 25), new_trust_name("School 3")
    assert homes(trusts(table, lead, where, locked=[new, "", ""])) == [new] * 3  # around School 3, as it says
    alone, lead = pairs(1, 200.0)
    assert homes(trusts(alone, lead, (0, 0), locked=[new], below=True)) == [new]


def test_who_is_locked_into_a_trust_is_let_in_beside_a_hub_that_is_not() -> None:
    """A Catholic pair locked into the new trust around a community school, of which nothing is locked."""
    table, lead = pairs(2, 300.0)
    table.loc[[0, 1], "religious_character"] = "Roman Catholic"
    name = new_trust_name("School 3")
    assert homes(trusts(table, lead, (0, 0, 5, 5), trust_min_pupils=500)) == [None, None]
    assert homes(trusts(table, lead, (0, 0, 5, 5), trust_min_pupils=500, locked=[name, ""])) == [name, name]
