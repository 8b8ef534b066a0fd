"""Plans of clusters and trusts over random counties and rules, against an independent checker.

PLACEPLAN_COUNTIES=100 asks for as many; by default three, which take a quarter of a minute.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cluster_checker import broken_rules

from models.locks import NO_LOCKS, groups_of
from models.side_by_side import academy_trusts
from placeplan.clusters.case import study_case
from placeplan.clusters.evaluate import evaluate_plan, plan_cost, plan_trusts
from placeplan.clusters.measures import clusters_cost
from placeplan.clusters.plan_file import COLUMNS, drawn_in, locks_of, not_kept, plan_table, read_plan, school_leads
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.plan_trusts import trusts_cost
from placeplan.clusters.stage import clusters_stage
from placeplan.clusters.two_levels import case_trusts, least_of_any, plan_case, solved
from placeplan.clusters.verification import wrong_clusters
from placeplan.county import make_county
from placeplan.journeys import planned_schools
from placeplan.pipeline import run_stages
from placeplan.results import read_stage, read_summary, write_stage
from placeplan.study import Study

CHANGED = 40  # plans of a county changed at random
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
    "trust_consent_unknown": ("no", "no", "yes"),
    "trust_leaving": ("consent", "consent or five years"),
    "trust_directed_moves": ("no", "yes"),
    "cluster_hub_max_pupils": (200, 420),
    "cluster_cross_phase": ("no", "yes"),
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
    trusts = pd.read_csv(folder / "inputs/trusts.csv")
    trusts["consent_to_leave"] = np.random.default_rng(seed).choice(
        ["unknown", "unknown", "given", "refused"], len(trusts)
    )
    trusts.to_csv(folder / "inputs/trusts.csv", index=False)
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
    rules = study_case(planned).standing(planned.policy)
    parted = bool((rules.free & (rules.trust != "")).any())  # clusters that no trust can take were planned again
    assert told["gap"] <= (0.05 if parted else 0.01) and told["trust_level"]["gap"] <= 0.01
    assert 0 <= told["both_levels"]["gap"] < 0.5


def test_no_plan_that_keeps_the_rules_costs_less_than_is_proven(planned: Study) -> None:
    """Other leads, schools moved, clusters left and trusts changed at random: whatever `breaches` lets pass is above
    the bounds, above all where another school leads a federation that others join."""
    told, case, policy = read_summary(planned.results / "clusters"), study_case(planned), planned.policy
    assert told is not None
    rules, rng = case.standing(policy), np.random.default_rng(0)
    tables = [plan for _, plan in read_stage(planned.results / "clusters", "cluster_plans").groupby("plan")]
    tables.append(read_stage(planned.results / "clusters", "clusters"))
    plans = [(school_leads(plan, case), plan_trusts(plan, case)) for plan in tables]
    together = np.bincount(groups_of(case.schools, NO_LOCKS, policy)[0], minlength=1)
    kept = together[groups_of(case.schools, NO_LOCKS, policy)[0]] > 1
    tried = [(np.where(lead == lead[row], row, lead), trust) for lead, trust in plans
             for row in np.flatnonzero(kept & (lead >= 0))]  # fmt: skip
    tried = list({(lead.tobytes(), *trust): (lead, trust) for lead, trust in tried}.values())
    tried += [_changed(*plans[rng.integers(len(plans))], rules.trust, rng) for _ in range(CHANGED)]
    legal = 0
    for lead, trust in tried:
        if breaches(case, policy, rules, lead, trust).empty:
            legal += 1
            assert clusters_cost(case, policy, lead) >= told["bound"] - 1.0
            assert plan_cost(case, policy, rules, lead, trust) >= told["both_levels"]["bound"] - 1.0
    assert legal > CHANGED / 10


def _changed(
    lead: np.ndarray, trust: np.ndarray, own: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A plan with another lead, a school that joins or leaves a cluster, or a cluster that leaves or parts."""
    lead, trust = lead.copy(), trust.copy()
    some = np.flatnonzero(lead == rng.choice(lead[lead >= 0])) if (lead >= 0).any() else np.zeros(0, dtype=int)
    row, what = int(rng.integers(len(lead))), rng.integers(4)
    if what == 0 and len(some):
        lead[some] = rng.choice(some)
    elif what == 1 and len(some) and lead[row] != row:
        lead[row], trust[row] = lead[some[0]], own[row] or trust[some[0]]
    elif what == 2 and lead[row] != row:
        lead[row] = -1
    elif len(some):
        trust[some] = own[some]
        lead[some] = -1 if what == 3 and rng.random() < 0.5 else lead[some]
    return lead, trust


def test_the_whole_plan_locked_comes_back(planned: Study) -> None:
    """At its own cost, every school in its cluster, trust and role."""
    told, case = read_summary(planned.results / "clusters"), study_case(planned)
    assert told is not None
    locks = locks_of(read_plan(planned.results / "clusters/plan.csv", planned_schools(planned)))
    again = plan_case(case, planned.policy, locks, seconds=20)
    assert again.objective == pytest.approx(told["both_levels"]["objective"], rel=1e-9)
    stored = read_stage(planned.results / "clusters", "clusters")[COLUMNS]
    pd.testing.assert_frame_equal(plan_table(case, again.school_lead, again.trust)[COLUMNS], stored, check_dtype=False)


def test_a_part_of_the_plan_locked_is_kept_and_breaks_no_rule(planned: Study) -> None:
    """Half of the rows: the others are free to be planned as they were, so it costs no more. Who connected two locked
    schools on the map may be planned elsewhere, which is told."""
    told, case, policy = read_summary(planned.results / "clusters"), study_case(planned), planned.policy
    assert told is not None
    plan = read_plan(planned.results / "clusters/plan.csv", planned_schools(planned)).sample(frac=0.5, random_state=1)
    again = plan_case(case, policy, locks_of(plan), seconds=20)
    table = plan_table(case, again.school_lead, again.trust)
    assert list(not_kept(plan, table, planned_schools(planned), "plan.csv")) == []
    broken = breaches(case, policy, case.standing(policy), again.school_lead, again.trust)
    assert set(broken["rule"]) <= {"cluster_contiguous"}
    assert again.clusters.objective <= told["objective"] * 1.0002 or told["gap"] > 1e-4


def test_locks_at_random_are_kept_or_refused_and_priced_as_they_are(planned: Study) -> None:
    """Half of the rows, three in other trusts, two schools more in a cluster: whatever that breaks."""
    policy, rng = planned.policy, np.random.default_rng(1)
    plan = read_plan(planned.results / "clusters/plan.csv", planned_schools(planned)).sample(frac=0.5, random_state=2)
    names = [*planned.tables["trusts"]["trust"][:2], "Brand New"]
    if policy.text("cluster_outcome") != "federations":
        plan.loc[rng.choice(plan.index, 3, replace=False), "trust"] = names
    more = planned.tables["schools"].sample(2, random_state=3)
    more = more[~more["urn"].isin(plan["urn"]) & more["urn"].isin(planned_schools(planned)["urn"])]
    if plan["cluster"].notna().any():
        added = {"urn": more["urn"], "cluster": plan["cluster"].dropna().iloc[0], "role": "member", "locked": True}
        plan = pd.concat([plan, pd.DataFrame(added)], ignore_index=True)
    case = study_case(planned, drawn=drawn_in(plan, planned_schools(planned)))
    again = plan_case(case, policy, locks_of(plan), seconds=20)
    table = plan_table(case, again.school_lead, again.trust)
    if refused := list(not_kept(plan, table, planned_schools(planned), "plan.csv")):
        assert {problem.field for problem in refused} <= {"cluster", "role"}  # nobody may lead them
        return
    same = study_case(planned, drawn=[int(urn) for urn in table["urn"]])
    lead, trust = school_leads(table, same), plan_trusts(table, same)
    assert plan_cost(same, policy, same.standing(policy), lead, trust) == pytest.approx(again.objective, rel=1e-9)
