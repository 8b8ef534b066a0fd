"""Village schools as a cluster problem: who is small, who may lead, who may not stand together."""

import numpy as np
import pandas as pd
import pytest

from geodata.policy import Policy
from models.villages import apart_pairs, build_villages, cluster_table, village_schools
from solvers import solve_clusters

LEARNING, OTHER = "Learning Trust", "Other Trust"


def schools(*rows: dict[str, object]) -> pd.DataFrame:
    usual = {"phase": "primary", "low_age": 4, "high_age": 11, "easting": 400_000.0, "northing": 300_000.0,
             "religious_character": "none", "trust": None, "type": "Community school", "pupils": 100.0}  # fmt: skip
    return pd.DataFrame([{**usual, "urn": k + 1, "name": f"School {k + 1}", **row} for k, row in enumerate(rows)])


def academy(trust: str) -> dict[str, object]:
    return {"trust": trust, "type": "Academy converter"}


def test_a_full_infant_school_is_no_village_school() -> None:
    """90 pupils in three year groups is a full form; 60 in seven is a village."""
    table = schools({}, {"phase": "infant", "high_age": 7}, {"phase": "infant", "high_age": 7}, {"phase": "secondary"})
    pupils = pd.Series({1: 60.0, 2: 90.0, 3: 60.0, 4: 60.0})
    assert village_schools(table, pupils, Policy({}))["urn"].tolist() == [1, 3]
    assert village_schools(table, pupils, Policy({"village_school_max_pupils": 50}))["urn"].tolist() == []


def test_who_may_not_share_a_head() -> None:
    """Catholic with others; academies of different trusts; academies with maintained schools – each by its own rule."""
    table = schools({}, {"religious_character": "Church of England"}, {"religious_character": "Roman Catholic"},
                    academy(LEARNING), academy(LEARNING), academy(OTHER))  # fmt: skip

    def pairs(**policy: str) -> set[tuple[int, int]]:
        return {(int(a), int(b)) for a, b in apart_pairs(table, Policy(policy))}

    faith = {(0, 2), (1, 2), (2, 3), (2, 4), (2, 5)}
    kinds = {(0, 3), (0, 4), (0, 5), (1, 3), (1, 4), (1, 5)}
    trusts = {(3, 5), (4, 5)}
    assert pairs() == faith | kinds | trusts
    assert pairs(cluster_across_trusts="yes") == faith | kinds
    assert pairs(cluster_across_kinds="yes", cluster_across_trusts="yes") == faith


def test_a_very_small_school_leads_nobody_and_a_far_one_joins_nobody() -> None:
    table = schools({"pupils": 20.0}, {"pupils": 80.0}, {"pupils": 90.0})
    drive = np.array([[0.0, 8, 40], [8, 0, 40], [40, 40, 0]])
    villages = build_villages(table, drive, Policy({}))
    assert set(villages.problem.arc_lead.tolist()) == {1, 2}
    plan = solve_clusters(villages.problem)
    made = cluster_table(villages, plan.lead.tolist())
    assert made["role"].tolist() == ["member", "lead", "alone"]
    assert made["cluster"].tolist()[:2] == ["School 2", "School 2"]
    assert made["travel_min"].iloc[0] == 8


def test_costs_by_hand() -> None:
    """One executive head, two heads of school and eight minutes of drive, against two heads."""
    villages = build_villages(schools({}, {}), np.array([[0.0, 8], [8, 0]]), Policy({}))
    plan = solve_clusters(villages.problem)
    assert plan.objective == pytest.approx(95_000 + 2 * 15_000 + 8 * 600)
    assert villages.problem.alone_cost is not None and villages.problem.alone_cost.tolist() == [80_000, 80_000]
    far = build_villages(schools({}, {}), np.array([[0.0, 19], [19, 0]]), Policy({"executive_drive_gbp_per_min": 3000}))
    assert solve_clusters(far.problem).lead.tolist() == [-1, -1]
