"""Choices beside the plan on the sample county: second homes, refusals, what each rule costs, and closing schools."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.locks import NO_LOCKS, Locks
from placeplan.clusters.case import ClusterCase, study_case
from placeplan.clusters.closing_instead import closing_instead
from placeplan.clusters.costs import Costs
from placeplan.clusters.evaluate import evaluate_plan, plan_cost, plan_trusts
from placeplan.clusters.plan_file import COLUMNS, plan_table, read_plan, school_leads
from placeplan.clusters.plan_price import Prices, prices_of
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.refusals import OWN, refusals
from placeplan.clusters.rule_costs import SWITCHES, with_policy
from placeplan.clusters.second_homes import Drawn, second_homes
from placeplan.clusters.stage import planned_with_choices
from placeplan.clusters.two_levels import TwoLevels, keeps_limits, plan_case
from placeplan.clusters.words import school_lines
from placeplan.results import read_stage, read_summary
from placeplan.study import Study


@dataclass(frozen=True)
class County:
    """The sample county, its case and the plan of it, clusters first."""

    folder: Path
    study: Study
    case: ClusterCase
    planned: TwoLevels

    def told(self, name: str) -> pd.DataFrame:
        return read_stage(self.study.results / "clusters", name)

    def by_file(self, table: pd.DataFrame, path: Path) -> tuple[float, int]:
        """Cost and broken rules of a plan that goes through a file, as `evaluate` has them."""
        table[COLUMNS].to_csv(path, index=False)
        plan = read_plan(path, self.study.tables["schools"])
        lead, trust, rules = school_leads(plan, self.case), plan_trusts(plan, self.case), self.planned.villages.standing
        cost = plan_cost(self.case, self.study.policy, rules, lead, trust)
        return cost, len(breaches(self.case, self.study.policy, rules, lead, trust))


@pytest.fixture(scope="module")
def county(clustered_county: Path) -> County:
    study = Study.open(clustered_county)
    case = study_case(study)
    return County(clustered_county, study, case, plan_case(case, study.policy, seconds=20))


def test_second_homes_cost_what_the_edited_plan_does(county: County, tmp_path: Path) -> None:
    """Two routes: as the table prices a home, and as the plan with that home, written and read back, is scored. A home
    priced on clusters alone would be off by what its trusts gain or lose."""
    homes = county.told("cluster_homes").set_index("urn")
    drawn = Drawn(prices_of(county.case, county.planned), county.planned.school_lead, county.planned.trust)
    checked = 0
    for row in np.flatnonzero(county.planned.school_lead >= 0).tolist():
        home = drawn.second(row)
        urn = int(county.case.schools["urn"].iloc[row])
        assert home is not None and homes.at[urn, "second_home"] == home.words
        cost, broken = county.by_file(plan_table(county.case, home.school_lead, home.trust), tmp_path / "home.csv")
        assert cost - county.planned.objective == pytest.approx(homes.at[urn, "extra_gbp"], abs=0.01)
        assert broken == 0
        checked += 1
    assert checked == len(homes) > 20


def test_no_move_by_hand_beats_the_second_home(county: County, tmp_path: Path) -> None:
    """A member written into every other cluster in a spreadsheet, leads and trusts left: what keeps the rules is no
    cheaper than the table says."""
    plan = pd.read_csv(county.study.results / "clusters/plan.csv")
    homes, tried = county.told("cluster_homes").set_index("urn"), 0
    for urn in plan.loc[plan["role"] == "member", "urn"].iloc[::3]:
        if homes.at[urn, "moves"] > 1:
            continue
        for name, rows in plan[plan["cluster"].notna()].groupby("cluster"):
            edited = plan.set_index("urn")
            if edited.at[urn, "cluster"] == name:
                continue
            edited.loc[urn, ["cluster", "trust"]] = [name, rows["trust"].iloc[0]]
            cost, broken = county.by_file(edited.reset_index(), tmp_path / "hand.csv")
            if not broken:
                assert cost - county.planned.objective >= homes.at[urn, "extra_gbp"] - 0.01
                tried += 1
    assert tried


def test_who_is_together_today_moves_as_one_and_may_be_joined(county: County) -> None:
    homes = county.told("cluster_homes")
    together = homes[homes["moves"] > 1]
    assert len(together) == 2 and np.ptp(together["extra_gbp"]) == 0 and (together["second_home"] != "").all()
    rows = np.flatnonzero(county.case.schools["urn"].isin(together["urn"]))
    wide = with_policy(county.study.policy, cluster_drive_max_min=60, cluster_pair_max_min=90, cluster_max_schools=9)
    prices = Prices(county.case, wide, county.case.villages(wide))
    drawn = Drawn(prices, county.planned.school_lead, county.planned.trust)
    beside = [row for row in np.flatnonzero(county.planned.school_lead >= 0) if row not in rows][::4]
    offered = [(row, home.school_lead) for row in beside for home in drawn.homes(int(row))]
    assert all(lead[rows[0]] == lead[rows[1]] >= 0 for _, lead in offered)
    assert any(lead[row] == lead[rows[0]] for row, lead in offered)


def test_second_homes_have_the_locks_and_leads_that_the_plan_has(county: County) -> None:
    """A school locked into a trust would be offered homes in others, a larger one of no cluster would fall out of it,
    and a federation would take others in under one of its schools only."""
    schools, policy = county.case.schools, county.study.policy
    member = int(np.flatnonzero(county.planned.trust != county.planned.villages.standing.trust)[0])
    larger = int(np.flatnonzero(~schools["small"].to_numpy(bool) & (county.planned.school_lead < 0))[0])
    urns = [int(schools["urn"].iloc[row]) for row in (member, larger)]
    locks = Locks(trust=dict.fromkeys(urns, str(county.planned.trust[member])))
    planned = plan_case(county.case, policy, locks, seconds=20)
    prices = prices_of(county.case, planned, locks)
    drawn = Drawn(prices, planned.school_lead, planned.trust)
    found = [drawn.second(row) for row in np.flatnonzero(planned.school_lead >= 0).tolist()[::3]]
    homes = [home for home in found if home is not None]
    assert homes and all((home.trust[[member, larger]] == locks.trust[urns[0]]).all() for home in homes)
    assert not prices.keeps(county.planned.school_lead, planned.villages.standing.trust, allowed=99)

    kept = np.flatnonzero(np.bincount(planned.villages.node)[planned.villages.node] > 1)
    wide = with_policy(policy, cluster_drive_max_min=60, cluster_pair_max_min=90)
    costs = Costs(county.case, wide, county.case.villages(wide))
    beside = np.flatnonzero(~costs.villages.standing.apart[kept].any(axis=0) & schools["small"].to_numpy(bool))
    leads = {lead for row in beside if row not in kept for lead in costs.heads(np.append(kept, row), int(kept[0]))}
    leads |= {lead for row in beside if row not in kept for lead in costs.heads(np.append(kept, row), int(kept[1]))}
    assert len(kept) == 2 and set(kept.tolist()) <= leads


def test_who_may_not_be_a_hub_leads_nobody(county: County) -> None:
    """Priced as the rules have it: the same limit on both sides."""
    lead = county.planned.school_lead
    hub = next(one for one in np.unique(lead[lead >= 0]) if not county.case.schools["small"].iloc[int(one)])
    rows, rules = np.flatnonzero(lead == hub), county.planned.villages
    strict = with_policy(county.study.policy, cluster_hub_max_pupils=150)
    assert np.isfinite(Costs(county.case, county.study.policy, rules).led(rows, int(hub)))
    assert np.isinf(Costs(county.case, strict, rules).led(rows, int(hub)))


def test_clusters_of_a_plan_with_trusts_are_tried_where_federations_are_asked_for(county: County) -> None:
    """Nobody joins a trust there: its clusters count, its trusts do not."""
    policy = with_policy(county.study.policy, cluster_outcome="federations")
    federated = plan_case(county.case, policy, seconds=20)
    prices = prices_of(county.case, federated)
    own = prices.joined(county.planned.trust)
    assert (own == federated.trust).all() and (county.planned.trust != own).any()
    assert prices.keeps(federated.school_lead, own) and not prices.keeps(federated.school_lead, county.planned.trust)
    other = prices_of(county.case, county.planned)
    assert other.joined(county.planned.trust) is county.planned.trust


def test_cheaper_second_homes_are_in_the_cheapest_of_all(county: County) -> None:
    """A home that costs less than the plan and a cheapest plan that knows nothing of it."""
    cheaper = second_homes(county.case, county.planned)[1]
    rows = county.told("cluster_switches")
    base = rows[rows["policy"].isin(["", "cluster_order"])]["cost_gbp"].min()
    assert cheaper and base <= county.planned.objective + min(home.gbp for home in cheaper) + 1.0
    lines = [line for home in cheaper for line in _lines(county, home.school_lead)]
    assert any("a year less in clusters and trusts" in line for line in lines)


def _lines(county: County, school_lead: np.ndarray) -> list[str]:
    moved = np.flatnonzero(school_lead != county.planned.school_lead)
    return [line for row in moved for line in school_lines(county.study.results / "clusters",
                                                           int(county.case.schools["urn"].iloc[row]))]  # fmt: skip


def test_every_rule_is_tried_and_has_a_bound_of_both_levels(county: County) -> None:
    rows, summary = county.told("cluster_switches"), read_summary(county.study.results / "clusters")
    assert summary is not None
    tried = rows[rows["policy"].isin(list(SWITCHES))]
    assert len(tried) >= 2 + 9  # two other models of governance, nine flags
    assert (rows["bound_gbp"] <= rows["cost_gbp"] + 0.01).all() and rows["words"].str.len().gt(10).all()
    assert (rows["gap"] == 1 - rows["bound_gbp"] / rows["cost_gbp"]).all() or np.allclose(
        rows["gap"], 1 - rows["bound_gbp"] / rows["cost_gbp"], atol=1e-9
    )
    assert rows["bound_gbp"].iloc[0] == pytest.approx(summary["both_levels"]["bound"])
    assert (rows["least_gbp"] <= rows["more_gbp"] + 0.01).all() and (rows["more_gbp"] <= rows["most_gbp"] + 0.01).all()


def test_a_looser_rule_is_never_dearer(county: County) -> None:
    """No plan in the table that keeps the rules of another row costs less than that row says; nested rules by name."""
    rows, plans = county.told("cluster_switches"), county.told("cluster_plans")
    ruled = rows[rows["policy"].isin(list(SWITCHES))]
    found = {name: plan for name, plan in plans.groupby("plan") if " = " in str(name)}
    carried = 0
    for row in ruled.itertuples():
        policy = with_policy(county.study.policy, **{row.policy: row.set_to})
        villages = county.case.villages(policy)
        for name, plan in found.items():
            lead, trust = school_leads(plan, county.case), plan_trusts(plan, county.case)
            sound = keeps_limits(villages, lead)
            if sound and breaches(county.case, policy, villages.standing, lead, trust).empty:
                cost = plan_cost(county.case, policy, villages.standing, lead, trust)
                assert row.cost_gbp <= cost + 1.0, (row.policy, row.set_to, name)
                carried += name != f"{row.policy} = {row.set_to}"
    assert carried > len(ruled)
    cost = ruled.set_index(["policy", "set_to"])["cost_gbp"]
    base = rows[rows["policy"].isin(["", "cluster_order"])]["cost_gbp"].min()
    for stricter in (("governance_model", "separate trusts"), ("cluster_contiguous", "yes"),
                     ("cluster_consent_unknown", "no")):  # fmt: skip
        assert cost[stricter] >= base - 1.0
    for looser in (("cluster_across_kinds", "yes"), ("cluster_across_dioceses", "yes")):
        assert cost[looser] <= base + 1.0
    assert cost["governance_model", "church-majority trust"] <= cost["governance_model", "separate trusts"] + 1.0


def test_both_levels_together_cost_no_more_than_any_plan_found_that_keeps_the_rules(county: County) -> None:
    """A stricter rule can cost less only where clusters are decided first: asked for both, the plan is the cheapest."""
    policy = with_policy(county.study.policy, cluster_order="both together")
    planned, others, tables = planned_with_choices(county.case, policy, NO_LOCKS, 20.0)
    summary = read_summary(county.study.results / "clusters")
    assert summary is not None and planned.objective <= summary["both_levels"]["objective"] + 1e-6
    rules = planned.villages.standing
    assert breaches(county.case, policy, rules, planned.school_lead, planned.trust).empty
    for one in others:
        lead, trust = one.levels.school_lead, one.levels.trust
        if breaches(county.case, policy, rules, lead, trust).empty and "near" not in one.name:
            assert planned.objective <= plan_cost(county.case, policy, rules, lead, trust) + 1.0
    assert planned.gap < summary["both_levels"]["gap"]
    assert not (tables["cluster_switches"]["policy"] == "cluster_order").any()
    assert (tables["cluster_homes"]["extra_gbp"].dropna() >= -1.0).all()  # nothing is left to move


def test_refusals_are_those_of_who_decides(county: County) -> None:
    """A federation's governing body takes both its schools; a trust all its academies of the cluster."""
    found, plan = county.told("cluster_refusals"), county.told("clusters").set_index("urn")
    schools = county.case.schools.set_index("urn")
    federated = found[found["decider"].str.startswith("the governing body of")]
    assert len(federated) == 2 and (federated["takes"] == 2).all() and len(set(federated["what"])) == 1
    academies = found[found["decider"].str.startswith("its trust")]
    for row in academies.itertuples():
        same = plan.index[(plan["cluster"] == plan.at[row.urn, "cluster"])]
        assert row.takes == (schools.loc[same, "trust"] == schools.at[row.urn, "trust"]).sum()
        assert row.decider == f"its trust, {schools.at[row.urn, 'trust']}"
        assert row.breaks or row.takes < len(same)
    own = found[found["decider"] == OWN]
    assert len(academies) and len(own) and (own["takes"] == 1).all()
    size = plan.groupby("cluster")["role"].count()
    pairs = found[found["urn"].map(plan["cluster"]).map(size) == 2]
    assert len(pairs) and pairs["breaks"].all()
    told = " ".join(school_lines(county.study.results / "clusters", int(federated["urn"].iloc[0])))
    assert "If the governing body of" in told and "2 go together" in told


def test_a_refusal_that_leaves_a_new_trust_too_small_is_told(county: County) -> None:
    case, planned = county.case, county.planned
    new = np.flatnonzero([str(name).startswith("New trust") for name in planned.trust])
    pupils = float(case.schools["pupils"].to_numpy()[new].sum())
    exact = replace(planned, policy=with_policy(county.study.policy, trust_min_pupils=pupils))
    inside = set(case.schools["urn"].iloc[new])
    found = refusals(case, exact).set_index("urn")["trust_falls"]
    assert len(new) > 5 and set(found[found].index) == inside & set(found.index)
    assert refusals(case, planned)["trust_falls"].sum() < len(new)


def test_a_closing_school_is_told_what_a_cluster_would_have_offered(county: County, tmp_path: Path) -> None:
    """Two routes: the table, and the plan of the others scored by `evaluate` with the school alone and in the cluster
    that is named. A secondary school is said to be no village school."""
    schools = county.study.tables["schools"].set_index("urn")
    urn = int(county.case.schools.loc[county.case.schools["name"].str.startswith("Watherham"), "urn"].iloc[0])
    secondary = int(schools.index[schools["phase"] == "secondary"][0])
    case = study_case(county.study, [urn, secondary])
    planned = plan_case(case, county.study.policy, seconds=20)
    table = closing_instead(case, planned, [urn, secondary]).set_index("urn")
    row = table.loc[urn]
    assert row["rural_designated"] and row["cluster"] and row["why"] == ""
    assert table.at[secondary, "cluster"] == "" and "no village school" in table.at[secondary, "why"]
    plan = plan_table(case, planned.school_lead, planned.trust)[COLUMNS]
    name = str(schools.at[urn, "name"])
    alone = pd.DataFrame([{"urn": urn, "name": name, "cluster": None, "trust": None, "role": "alone"}])
    member = alone.assign(cluster=row["cluster"], trust=row["trust"], role="member")
    costs = []
    for added in (alone, member):
        pd.concat([plan, added]).to_csv(tmp_path / "plan.csv", index=False)
        costs.append(evaluate_plan(county.study, tmp_path / "plan.csv", [secondary]).cost_gbp)
    assert costs[1] - costs[0] == pytest.approx(row["extra_gbp"], abs=0.01)
