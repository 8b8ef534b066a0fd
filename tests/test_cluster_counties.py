"""Plans of clusters and trusts over random counties and rules, against an independent checker.

PLACEPLAN_COUNTIES=100 asks for as many; by default three, which take a quarter of a minute.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cluster_checker import broken_rules

from models.locks import NO_LOCKS
from models.side_by_side import academy_trusts
from placeplan.cluster_case import study_case
from placeplan.cluster_verification import wrong_clusters
from placeplan.clusters import clusters_stage
from placeplan.county import make_county
from placeplan.evaluate import evaluate_plan
from placeplan.pipeline import run_stages
from placeplan.plan_file import school_leads
from placeplan.plan_trusts import trusts_cost
from placeplan.results import read_stage, read_summary, write_stage
from placeplan.study import Study
from placeplan.two_levels import case_trusts, least_of_any, solved

COUNTIES = int(os.environ.get("PLACEPLAN_COUNTIES", "3"))
CHOICES = {
    "cluster_contiguous": ("no", "yes"),
    "cluster_across_kinds": ("no", "yes"),
    "cluster_outcome": ("trusts", "trusts", "trusts", "federations"),
    "governance_model": ("mixed trust", "church-majority trust", "separate trusts"),
    "cluster_keep": ("yes", "yes", "no"),
    "cluster_max_schools": (3, 4, 6),
    "cluster_drive_max_min": (12, 20, 25),
    "cluster_pair_max_min": (20, 30),
    "cluster_lead_min_pupils": (40, 60),
    "trust_min_pupils": (600, 1000),
    "trust_max_clusters": (2, 8),
    "trust_drive_max_min": (30, 45),
    "trust_join_not_viable": ("yes", "no"),
}


@pytest.fixture(scope="module", params=range(COUNTIES), ids=lambda seed: f"county{seed}")
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A county with rules drawn at random, some consents refused, its clusters planned and stored."""
    seed = request.param
    rng = np.random.default_rng(seed)
    folder: Path = tmp_path_factory.mktemp("county") / "study"
    make_county(folder, seed=seed + 500)
    path = folder / "inputs/schools.csv"
    schools = pd.read_csv(path)
    schools["consent"] = np.where(rng.random(len(schools)) < 0.06, "refused", "unknown")
    schools["land_consent"] = np.where(rng.random(len(schools)) < 0.06, "refused", "unknown")
    if seed % 2:  # clusters of today that nobody's rules would make
        villages = schools.index[schools["urban_rural"] == "Rural village"]
        schools["cluster"] = None
        schools.loc[rng.choice(villages, 4, replace=False), "cluster"] = ["Two", "Two", "Other", "Other"]
    schools.to_csv(path, index=False)
    lines = []
    for key, values in CHOICES.items():
        value = values[rng.integers(len(values))]
        lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(text.replace("[policy]", "[policy]\ncluster_seconds = 20\n" + "\n".join(lines)))
    study = Study.open(folder)
    list(run_stages(study, ("forecast", "balance")))
    write_stage(study.results / "clusters", clusters_stage(study), {}, 0.0)
    return study


def test_no_rule_is_broken(planned: Study) -> None:
    assert list(broken_rules(planned)) == []


def test_the_verifier_agrees(planned: Study) -> None:
    assert wrong_clusters(planned) == []


def test_the_plan_reads_back_as_what_it_costs(planned: Study) -> None:
    """plan.csv through the door that a hand-drawn plan uses."""
    told = read_summary(planned.results / "clusters")
    assert told is not None
    found = evaluate_plan(planned, planned.results / "clusters/plan.csv")
    assert found.cost_gbp == pytest.approx(told["both_levels"]["objective"], rel=1e-9)
    assert found.breaches.empty and found.not_in_file == []


def test_scorecards_count_every_school_and_executive_head_once(planned: Study) -> None:
    table, cards = (read_stage(planned.results / "clusters", name) for name in ("clusters", "trusts"))
    cards = cards[cards["plan"] == "planned"]
    assert cards["executive_heads"].sum() == (table["role"] == "lead").sum()
    assert cards["heads_of_school"].sum() == (table["role"] != "alone").sum()


def test_the_bound_of_trusts_is_below_the_best_trusts_of_any_clusters(planned: Study) -> None:
    """The clusters of every other plan found, and none at all: none has trusts that cost less than is proven."""
    case, policy = study_case(planned), planned.policy
    villages = case.villages(policy)
    least = least_of_any(case, villages, policy)
    plans = read_stage(planned.results / "clusters", "cluster_plans")
    nodes = [np.full(villages.problem.n_nodes, -1)]
    for _, plan in plans.groupby("plan"):
        lead = villages.node_lead(school_leads(plan, case))
        nodes += [lead] if lead is not None else []
    for lead in nodes:
        made = villages.school_lead(lead)
        if policy.text("cluster_outcome") == "federations":
            none = academy_trusts(case.schools)
            assert least <= trusts_cost(case, policy, villages.standing, made, none) + 1e-6
            continue
        trusts = case_trusts(case, villages, made, NO_LOCKS, policy)
        assert least <= solved(trusts.problem, 10.0).objective + 1e-6


def test_every_village_school_is_in_the_plan_or_said_to_be_left_alone(planned: Study) -> None:
    table = read_stage(planned.results / "clusters", "clusters")
    alone = read_stage(planned.results / "clusters", "cluster_alone")
    assert set(alone["urn"]) == set(table.loc[(table["role"] == "alone") & table["small"], "urn"])
    assert (alone["why"].str.len() > 20).all()


def test_each_level_is_proven_and_both_together_have_a_bound(planned: Study) -> None:
    told = read_summary(planned.results / "clusters")
    assert told is not None
    assert told["gap"] <= 0.01 and told["trust_level"]["gap"] <= 0.01
    assert 0 <= told["both_levels"]["gap"] < 0.5
