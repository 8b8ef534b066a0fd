"""Plans of clusters and trusts over random counties and rules, against an independent checker.

PLACEPLAN_COUNTIES=100 asks for as many; by default three, which take a quarter of a minute.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cluster_checker import broken_rules

from placeplan.cluster_verification import wrong_clusters
from placeplan.clusters import clusters_stage
from placeplan.county import make_county
from placeplan.pipeline import run_stages
from placeplan.results import read_stage, read_summary, write_stage
from placeplan.study import Study

COUNTIES = int(os.environ.get("PLACEPLAN_COUNTIES", "3"))
CHOICES = {
    "cluster_contiguous": ("no", "yes"),
    "cluster_across_kinds": ("no", "no", "no"),
    "governance_model": ("mixed trust", "church-majority trust", "separate trusts"),
    "cluster_keep": ("yes", "yes", "no"),
    "cluster_max_schools": (3, 4, 6),
    "cluster_drive_max_min": (12, 20, 25),
    "cluster_pair_max_min": (20, 30),
    "cluster_lead_min_pupils": (40, 60),
    "trust_min_pupils": (600, 1000),
    "trust_max_clusters": (2, 8),
    "trust_drive_max_min": (30, 45),
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
