"""The clusters stage on the sample county: round trips, locks, evaluation, choices, and bad plans."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import PRIMARIES, write_small_study
from small_study import policy as small_policy

from geodata.problems import BadInput
from models.locks import NO_LOCKS, Locks
from placeplan.cli import main
from placeplan.clusters.case import study_case
from placeplan.clusters.evaluate import Evaluation, evaluate_plan, evaluation_lines, plan_cost, plan_trusts
from placeplan.clusters.hosts import centre_share, today_money
from placeplan.clusters.measures import MEASURES
from placeplan.clusters.plan_file import joins_no_trust, not_kept, read_plan, school_leads
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.plan_trusts import drawn_trusts
from placeplan.clusters.rule_costs import with_policy
from placeplan.clusters.saving import saving_terms
from placeplan.clusters.two_levels import case_trusts, least_of_any, plan_case, solved
from placeplan.clusters.verification import wrong_clusters
from placeplan.pipeline import run_stages
from placeplan.report.balance_chart import BOTTOM, HEIGHT, balance_chart
from placeplan.report.trusts import trusts_page
from placeplan.results import read_stage, read_summary, write_stage
from placeplan.study import Study


@pytest.fixture(scope="module")
def county(clustered_county: Path) -> Path:
    """The sample county, planned."""
    return clustered_county


def told(county: Path, name: str) -> pd.DataFrame:
    return read_stage(county / "results/base/clusters", name)


def plan_of(county: Path) -> pd.DataFrame:
    return pd.read_csv(county / "results/base/clusters/plan.csv")


def evaluated(county: Path, plan: pd.DataFrame, tmp_path: Path) -> Evaluation:
    plan.to_csv(tmp_path / "plan.csv", index=False)
    return evaluate_plan(Study.open(county), tmp_path / "plan.csv")


def test_the_planned_plan_reads_back_as_what_it_costs_and_breaks_no_rule(county: Path, tmp_path: Path) -> None:
    found = evaluated(county, plan_of(county), tmp_path)
    summary = read_summary(county / "results/base/clusters")
    assert summary is not None
    assert found.cost_gbp == pytest.approx(summary["both_levels"]["objective"], rel=1e-9)
    assert found.behind == pytest.approx(0.0, abs=1e-6) and found.breaches.empty
    assert found.measures == pytest.approx(summary["measures"])
    assert found.gap == pytest.approx(summary["both_levels"]["gap"], abs=1e-6)


def test_a_plan_that_is_worse_says_by_how_much(county: Path, tmp_path: Path) -> None:
    """Everybody alone: as many heads as schools, the price of each, no drive."""
    alone = plan_of(county).assign(cluster=None, role="alone", trust=None)
    schools = pd.read_csv(county / "inputs/schools.csv").set_index("urn")
    academy = alone["urn"].map(schools["type"]).str.contains("cademy")
    alone["trust"] = alone["urn"].map(schools["trust"]).where(academy)
    found = evaluated(county, alone, tmp_path)
    assert found.measures["clusters"] == 0 and found.measures["drives_min"] == 0
    assert found.behind > 0.2 and found.gap >= found.behind / (1 + found.behind)
    federated = found.breaches[found.breaches["rule"] == "cluster_keep"]
    assert len(federated) == 1 and "Kelver Water Federation" in federated["what"].iloc[0]
    assert len(found.breaches) == 1


def test_every_rule_that_a_hand_drawn_plan_breaks_is_named_with_the_schools(county: Path, tmp_path: Path) -> None:
    """One huge cluster of the first ten schools and a tiny new trust: limits, drives, pairs, pupils of a trust."""
    plan = plan_of(county)
    plan.loc[:9, "cluster"] = "All of them"
    plan.loc[:9, "role"] = ["lead", *["member"] * 9]
    plan.loc[:9, "trust"] = "A trust of our own"
    found = evaluated(county, plan, tmp_path).breaches
    ours = found[found["name"].isin(["All of them", "A trust of our own"])]
    rules = " ".join(ours["rule"])
    for rule in ("cluster_max_schools", "cluster_drive_max_min", "cluster_pair_max_min"):
        assert rule in rules
    assert (ours["schools"].str.len() > 0).all() and (ours["what"].str.len() > 10).all()
    counted = ours.loc[ours["rule"] == "cluster_max_schools", "what"].iloc[0]
    pair = ours.loc[ours["rule"].str.contains("cluster_pair_max_min"), "what"].iloc[0]
    assert "minutes (" in pair and pair.endswith("pairs)")
    assert counted == "10 schools, and 2 to 6 are allowed"
    articles = ours[ours["rule"].str.contains("governance_model") & (ours["level"] == "trust")].iloc[0]
    catholic = plan.loc[:9, "name"][plan.loc[:9, "name"].str.contains("Catholic")]
    assert "do not suit" in articles["what"] and 0 < len(articles["schools"].split(", ")) < 10
    assert all(name in articles["schools"] for name in catholic)


def test_a_cluster_across_trusts_is_a_breach_and_no_bad_file(county: Path, tmp_path: Path) -> None:
    """Moving an academy to another cluster and forgetting its trust: scored all the same."""
    plan = plan_of(county)
    name = plan.loc[plan["trust"].fillna("").str.startswith("New trust"), "cluster"].iloc[0]
    member = plan.index[(plan["cluster"] == name) & (plan["role"] == "member")][0]
    plan.loc[member, "trust"] = "Another trust"
    found = evaluated(county, plan, tmp_path).breaches
    assert found["what"].str.contains("more than one trust: Another trust, New trust").any()


def test_locks_of_trusts_and_their_names_are_kept(county: Path, tmp_path: Path) -> None:
    """An academy locked into another trust goes there; clusters locked into a trust by name make one of that name,
    a voluntary aided school among them or not."""
    from placeplan.clusters.stage import clusters_stage

    study, plan = Study.open(county), plan_of(county)
    schools = pd.read_csv(county / "inputs/schools.csv").set_index("urn")
    academy = plan[plan["urn"].map(schools["type"]).str.contains("cademy") & (plan["role"] == "alone")].iloc[:1]
    rows = plan[plan["trust"].fillna("").str.startswith("New trust")].assign(trust="Villages Together")
    other = schools["trust"].dropna()[schools["trust"].dropna() != academy["trust"].iloc[0]].iloc[0]
    fixed = pd.concat([rows, academy.assign(trust=other)])
    fixed.to_csv(tmp_path / "fix.csv", index=False)
    result = clusters_stage(study, fix=tmp_path / "fix.csv")
    table = result.tables["clusters"].set_index("urn")
    assert (table.loc[rows["urn"], "trust"] == "Villages Together").all()
    assert (table.loc[academy["urn"], "trust"] == other).all()
    assert any("without its consent" in line for line in result.summary["warnings"])
    copy = tmp_path / "county"
    shutil.copytree(county, copy)
    write_stage(copy / "results/base/clusters", result, {}, 0.0)
    assert wrong_clusters(Study.open(copy)) == []


def test_a_larger_school_named_alone_changes_nothing(county: Path, tmp_path: Path) -> None:
    schools = pd.read_csv(county / "inputs/schools.csv")
    secondary = schools.loc[schools["phase"] == "secondary"].iloc[0]
    row = {"urn": secondary["urn"], "name": secondary["name"], "role": "alone", "trust": secondary["trust"]}
    plan = pd.concat([plan_of(county), pd.DataFrame([row])])
    assert evaluated(county, plan, tmp_path).behind == pytest.approx(0.0, abs=1e-9)


def test_two_trusts_locked_in_one_cluster_are_both_kept_and_told(county: Path) -> None:
    study = Study.open(county)
    case, policy = study_case(study), study.policy
    pair = [900061, 900064]
    locks = Locks(cluster=dict.fromkeys(pair, "X"), trust=dict(zip(pair, ("One", "Two"), strict=True)))
    planned = plan_case(case, policy, locks, seconds=20)
    rules, lead, trust = planned.villages.standing, planned.school_lead, planned.trust
    rows = np.flatnonzero(case.schools["urn"].isin(pair))
    assert trust[rows].tolist() == ["One", "Two"] and len(set(lead[rows])) == 1
    assert breaches(case, policy, rules, lead, trust)["what"].str.contains("more than one trust: One, Two").any()
    assert plan_cost(case, policy, rules, lead, trust) == pytest.approx(planned.objective)
    apart = Locks(trust=dict(zip([900061, 900060], ("One", "Two"), strict=True)))  # in no cluster of the file
    planned = plan_case(case, policy, apart, seconds=20)
    found = breaches(case, policy, planned.villages.standing, planned.school_lead, planned.trust)
    assert not found["what"].str.contains("more than one trust").any()


def test_locks_that_no_plan_can_keep_are_refused_by_row() -> None:
    """Read off what was planned, whatever the reason."""
    schools = pd.DataFrame({"urn": [1, 2, 3, 4], "trust": ["T", None, None, None], "name": list("abcd"),
                            "type": ["Academy converter", *["Community school"] * 3]})  # fmt: skip
    fixed = pd.DataFrame({"urn": [1, 2, 3, 4], "cluster": ["X", "X", "Y", None], "trust": ["T", None, None, "T"],
                          "role": ["lead", "member", "member", "alone"], "locked": True})  # fmt: skip
    made = {"urn": [1, 2, 3, 4], "cluster": ["a", "a", "d", "d"], "trust": ["T", None, None, "T"],
            "role": ["lead", "member", "member", "lead"]}  # fmt: skip
    found = list(not_kept(fixed, pd.DataFrame(made), schools, "fix.csv"))
    assert [(one.row, one.field) for one in found] == [(5, "role")]
    made |= {"cluster": ["a", None, "a", None], "trust": ["U", None, None, None], "role": ["lead", *["alone"] * 3]}
    found = list(not_kept(fixed, pd.DataFrame(made), schools, "fix.csv"))
    assert [(one.row, one.field) for one in found] == [(2, "trust"), (3, "cluster"), (4, "cluster"), (5, "trust")]
    assert list(not_kept(fixed.assign(locked=False), pd.DataFrame(made), schools, "fix.csv")) == []
    found = list(joins_no_trust(fixed, schools, "fix.csv"))
    assert [(one.row, one.field) for one in found] == [(5, "trust")]


def test_larger_schools_locked_into_a_trust_are_in_the_plan(county: Path, tmp_path: Path) -> None:
    """A possible hub and a secondary school, neither in a cluster: priced, listed, read back and verified."""
    from placeplan.clusters.stage import clusters_stage

    schools = pd.read_csv(county / "inputs/schools.csv").set_index("urn")
    larger = [900044, 900080]
    trust = next(name for name in schools["trust"].dropna() if name not in set(schools.loc[larger, "trust"]))
    fixed = pd.DataFrame({"urn": larger, "trust": trust, "role": "alone"})
    fixed.to_csv(tmp_path / "fix.csv", index=False)
    copy = tmp_path / "county"
    shutil.copytree(county, copy)
    study = Study.open(copy)
    result = clusters_stage(study, fix=tmp_path / "fix.csv")
    table = result.tables["clusters"].set_index("urn")
    assert (table.loc[larger, "trust"] == trust).all() and (table.loc[larger, "role"] == "alone").all()
    write_stage(study.results / "clusters", result, {}, 0.0)
    assert wrong_clusters(study) == []
    again = evaluate_plan(study, study.results / "clusters/plan.csv")
    assert again.cost_gbp == pytest.approx(result.summary["both_levels"]["objective"], rel=1e-9)


def test_locked_rows_are_kept_and_the_rest_is_planned_again(county: Path, tmp_path: Path) -> None:
    from placeplan.clusters.stage import clusters_stage

    plan = plan_of(county)
    first = plan[plan["role"] == "member"].iloc[0]
    lead = plan[(plan["cluster"] == first["cluster"]) & (plan["role"] == "lead")].iloc[0]
    other = plan[(plan["role"] == "alone") | (plan["cluster"] != first["cluster"])].iloc[0]
    fixed = pd.DataFrame(
        {"urn": [first["urn"], lead["urn"], other["urn"]], "cluster": ["Ours", "Ours", None],
         "trust": None, "role": ["lead", "member", "alone"]}
    )  # fmt: skip
    fixed.to_csv(tmp_path / "fix.csv", index=False)
    study = Study.open(county)
    result = clusters_stage(study, fix=tmp_path / "fix.csv")
    table = result.tables["clusters"].set_index("urn")
    assert table.at[first["urn"], "role"] == "lead"
    assert table.at[lead["urn"], "cluster"] == table.at[first["urn"], "cluster"]
    if other["urn"] in table.index:
        assert table.at[other["urn"], "role"] == "alone"
    assert result.summary["fixed"] and (table["role"] == "lead").sum() > 3
    free = read_summary(county / "results/base/clusters")
    assert free is not None and result.summary["objective"] >= free["bound"] - 1e-6


def test_a_locked_plan_that_breaks_a_rule_is_kept_and_told(county: Path, tmp_path: Path) -> None:
    from placeplan.clusters.stage import clusters_stage

    plan = plan_of(county)
    leads = plan[plan["role"] == "lead"]["urn"].tolist()[:2]
    fixed = pd.DataFrame({"urn": leads, "cluster": "Far apart", "role": ["lead", "member"]})
    fixed.to_csv(tmp_path / "fix.csv", index=False)
    result = clusters_stage(Study.open(county), fix=tmp_path / "fix.csv")
    table = result.tables["clusters"].set_index("urn")
    assert table.at[leads[0], "cluster"] == table.at[leads[1], "cluster"]
    broken = result.tables["cluster_breaches"]
    assert len(broken) and any("locked plan breaks a rule" in line for line in result.summary["warnings"])


def test_locked_trusts_stay_and_the_whole_plan_can_be_locked(county: Path) -> None:
    """Locking every row of the plan as written gives the plan as written, at its own cost."""
    from placeplan.clusters.stage import clusters_stage

    path = county / "results/base/clusters/plan.csv"
    result = clusters_stage(Study.open(county), fix=path)
    again, before = result.tables["clusters"], told(county, "clusters")
    assert again[["urn", "cluster", "trust", "role"]].equals(before[["urn", "cluster", "trust", "role"]])


def test_the_frontier_and_near_plans_are_what_they_say(county: Path) -> None:
    frontier = told(county, "cluster_frontier")
    level = frontier[["shortfall_p10_gbp", "drives_min", "village_alone"]].to_numpy()
    for row, dominated in enumerate(frontier["dominated"]):
        worse = ((level <= level[row] + 1e-9).all(axis=1) & (level < level[row] - 1e-6).any(axis=1)).any()
        assert bool(dominated) == bool(worse)
    assert {"planned"} < set(frontier["plan"]) and (~frontier["dominated"]).sum() >= 2
    near = frontier[frontier["plan"].str.startswith("near")]
    assert len(near) and near["made"].str.contains("dearer").all()
    plans = told(county, "cluster_plans")
    planned = told(county, "clusters")
    for name in near["plan"]:
        other = plans[plans["plan"] == name].merge(planned, on="urn", suffixes=("", "_planned"))
        assert (other["cluster"] != other["cluster_planned"]).any()


def test_federations_cost_in_the_table_of_rules_what_they_cost_by_hand(county: Path, tmp_path: Path) -> None:
    """Two routes to one plan: with the second level left out, federations would look cheaper than any trusts."""
    plans, made = told(county, "cluster_plans"), "cluster_outcome = federations"
    row = told(county, "cluster_switches").set_index("set_to").loc["federations"]
    found = evaluated(county, plans[plans["plan"] == made].drop(columns="plan"), tmp_path)
    assert row["cost_gbp"] == pytest.approx(found.cost_gbp, rel=1e-9)
    assert row[list(MEASURES)].to_dict() == pytest.approx(found.measures)
    cards = told(county, "trusts")
    mine = cards[(cards["plan"] == made) & (cards["kind"] == "trust of today")].set_index("trust")
    today = cards[cards["plan"] == "today"].set_index("trust")
    assert len(mine) and (mine["centre_gbp"] == today["centre_gbp"].reindex(mine.index)).all()  # they keep their centre
    assert (cards.loc[cards["kind"] == "no trust", "centre_gbp"] == 0).all()


def test_scorecards_add_up_and_are_comparable_across_plans(county: Path) -> None:
    cards, years = told(county, "trusts"), told(county, "trust_finance")
    planned = cards[cards["plan"] == "planned"]
    assert {"today", "planned"} < set(cards["plan"])
    assert (planned["executive_heads"] == planned["clusters"]).all()
    assert (planned["heads"] + planned["heads_of_school"] == planned["schools"]).all()
    worst = years.groupby("trust")["balance_p10_gbp"].min()
    assert planned.set_index("trust")["balance_p10_gbp"].to_dict() == pytest.approx(worst.to_dict())
    for row in planned.itertuples():
        mine = years[years["trust"] == row.trust]
        assert bool(row.viable) == bool((mine["reserves_p10_gbp"] >= 0).all())
        short = mine[mine["reserves_p10_gbp"] < 0]["academic_year"]
        assert (row.stops_in if pd.notna(row.stops_in) else None) == (short.iloc[0] if len(short) else None)


def test_money_that_is_paid_once_is_told_apart_and_what_a_trust_lacks_with_it(county: Path) -> None:
    cards, years = told(county, "trusts"), told(county, "trust_finance")
    assert years["balance_gbp"].to_numpy() == pytest.approx((years["running_gbp"] - years["once_gbp"]).to_numpy())
    new = years.groupby("trust")["joined"].diff().fillna(0)
    assert years["once_gbp"].to_numpy() == pytest.approx((35_000 * new).to_numpy())
    planned = cards[cards["plan"] == "planned"].set_index("trust")
    lowest = years.groupby("trust")["reserves_p10_gbp"].min()
    assert planned["grant_gbp"].to_dict() == pytest.approx((-lowest).clip(lower=0).to_dict())
    assert (planned["grant_gbp"] <= planned["grant_at_once_gbp"] + 1).all()
    standing = planned[planned["kind"] == "trust of today"]
    today = cards[cards["plan"] == "today"].set_index("trust")["viable"].reindex(standing.index)
    assert len(standing) and (standing["viable_today"].astype(bool) == today.astype(bool)).all()
    assert planned.loc[planned["kind"] == "new trust", "viable_today"].isna().all()
    order = told(county, "joining").merge(standing[["viable_today"]], left_on="trust", right_index=True)
    assert len(order) and (order["host_viable_today"] == order["viable_today"]).all()


def test_nobody_joins_a_trust_that_is_not_viable_where_policy_says_so(county: Path) -> None:
    """As the sample stands some do: the switch has to send them elsewhere, and to say what that costs."""
    switches = told(county, "cluster_switches").set_index("policy")
    assert switches.at["", "joining_not_viable"] > 0 == switches.at["trust_join_not_viable", "joining_not_viable"]
    plans = told(county, "cluster_plans")
    study = Study.open(county)
    case, made = study_case(study), plans[plans["plan"] == "trust_join_not_viable = no"]
    policy = with_policy(study.policy, trust_join_not_viable="no")
    lead, trust = school_leads(made, case), plan_trusts(made, case)
    assert breaches(case, policy, case.standing(policy), lead, trust).empty


def test_a_centre_is_borne_in_full_unless_a_trust_has_schools_elsewhere(county: Path) -> None:
    study = Study.open(county)
    case = study_case(study)
    name = str(case.today["trust"].iloc[0])
    assert case.today["schools_elsewhere"].eq(0).all() and centre_share(case, study.policy, name) == 1
    wide = replace(case, today=case.today.assign(schools_elsewhere=[4.0, *[0.0] * (len(case.today) - 1)]))
    whole, part = (today_money(one, study.policy, name).centre for one in (case, wide))
    assert (whole - part) == pytest.approx(np.full_like(whole, 0.5 * 180_000))


def test_the_saving_ends_at_its_break_even_and_comes_as_clusters_begin(county: Path) -> None:
    study = Study.open(county)
    case, planned = study_case(study), told(county, "clusters")
    lead, summary = school_leads(planned, case), read_summary(county / "results/base/clusters")
    assert summary is not None
    saved = summary["saving"]
    assert saved["saved_gbp"] == summary["measures"]["leadership_saved_gbp"] > 0
    dear = with_policy(study.policy, head_of_school_gbp=saved["break_even_head_of_school_gbp"])
    assert saving_terms(case, dear, lead)["saved_gbp"] == pytest.approx(0.0, abs=0.01)
    years = told(county, "cluster_saving_years")
    assert years["clusters"].is_monotonic_increasing and years["clusters"].iloc[-1] == summary["measures"]["clusters"]
    heads = (planned["role"] == "member").sum()
    assert saved["heads_end"] == heads and years["once_gbp"].sum() == saved["once_gbp"] == 20_000 * heads


def test_the_chart_draws_the_reserves_by_which_a_trust_is_judged() -> None:
    """A dashed line from the zero line to the lowest value of all, where the reserves go."""
    years = pd.DataFrame({"academic_year": ["2023/24", "2024/25"], "balance_gbp": [0.0, 5e3],
                          "balance_p10_gbp": [-1e3, 1e3], "balance_p90_gbp": [1e3, 9e3],
                          "reserves_p10_gbp": [0.0, -50e3]})  # fmt: skip
    chart = str(balance_chart(years))
    dashed = re.search(r'points="([^"]*)" fill="none" stroke="[^"]*" stroke-width="3"', chart)
    assert dashed is not None and "stroke-dasharray" in chart and "−£50k" in chart
    first, last = (float(point.split(",")[1]) for point in dashed.group(1).split())
    assert first < last == pytest.approx(HEIGHT - BOTTOM)


def test_the_joining_order_takes_everybody_once_within_the_cap(county: Path) -> None:
    order, planned = told(county, "joining"), told(county, "trusts").query("plan == 'planned'")
    cap = Study.open(county).policy.integer("trust_growth_schools")
    for trust, rows in order.groupby("trust"):
        assert rows["schools"].sum() == planned.set_index("trust").at[trust, "joining"]
        by_year = rows.groupby("academic_year")["schools"].agg(["sum", "count"])
        assert ((by_year["sum"] <= cap) | (by_year["count"] == 1)).all()
    years = told(county, "trust_finance").groupby("trust")["joined"].agg(["first", "max"])
    growing = years.loc[sorted(set(order["trust"]))]
    assert (growing["first"] == 0).all()  # nobody joins in the first year
    assert growing["max"].to_dict() == planned.set_index("trust")["joining"].loc[growing.index].to_dict()


def test_the_page_is_offline_escaped_and_says_every_trust(county: Path) -> None:
    study = Study.open(county)
    summary = read_summary(study.results / "clusters")
    assert summary is not None
    page = trusts_page(study, study.results, summary | {"written": "today"})
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    for name in told(county, "trusts").query("plan == 'planned'")["trust"]:
        assert name in page
    assert ">nan<" not in page and "None" not in page


BAD = {
    "urn,cluster,role\n900001,X,lead\n123456,X,member\n": "no mainstream school of the study",
    "urn,cluster,role\n900001,X,lead\n900002,X,lead\n": "has a lead in row 2 already",
    "urn,cluster,role\n900001,X,alone\n": "stands alone and is in X",
    "urn,cluster,role\n900001,,member\n": "is a member of no cluster",
    "urn,cluster,role\n900001,X,boss\n": "boss",
    "urn,cluster\n900001,X\n900001,Y\n": "stands in row 2 already",
    "cluster,role\nX,lead\n": "column is missing",
}


@pytest.mark.parametrize("text", BAD, ids=[words[:24] for words in BAD.values()])
def test_bad_plans_are_refused_with_row_and_mend(county: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_plan(path, Study.open(county).tables["schools"])
    assert any(BAD[text] in str(problem) for problem in refused.value.problems)


def test_a_school_that_closes_is_said_to_close(county: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("urn,cluster,role\n900047,A,lead\n")
    with pytest.raises(BadInput) as refused:
        read_plan(path, Study.open(county).tables["schools"], closing=[900047])
    assert [str(problem) for problem in refused.value.problems] == [
        "row 2, field urn: 900047 closes by the plan of the estate. Take the row out, or plan the estate without "
        "closing it."
    ]


def test_the_commands_say_what_a_planner_can_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cluster`, `cluster --fix` and `evaluate` on three villages: of 84, 140 and 175 pupils, 5 km apart."""
    folder = write_small_study(tmp_path / "study")
    kept = tmp_path / "kept.csv"

    def said(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as stop:
            main([*arguments])
        assert (stop.value.code or 0) == code
        read = capsys.readouterr()
        return read.out + read.err

    free = said("cluster", str(folder))
    assert "2 of 2 village schools stand in 1 cluster" in free and "plan.csv" in free
    kept.write_text(f"urn,role\n{PRIMARIES['C']},alone\n")
    fixed = said("cluster", str(folder), "--fix", str(kept))
    assert "1 of 2 village schools" in fixed and "C Primary School" in fixed
    plan = folder / "results/base/clusters/plan.csv"
    found = json.loads(said("evaluate", str(folder), str(plan), "--json"))
    assert found["cost_gbp"] >= found["bound_gbp"] and found["behind"] > 0 and found["breaches"] == []
    words = said("evaluate", str(folder), str(plan))
    assert "more than the program's plan, clusters first" in words and "plan, clusters first" in words.splitlines()[0]
    assert "no such file" in said("evaluate", str(folder), str(tmp_path / "nowhere.csv"), code=2)
    before = plan.read_bytes()
    others = "".join(f"{urn},,alone\n" for name, urn in PRIMARIES.items() if name != "C")
    kept.write_text(f"urn,cluster,role\n{PRIMARIES['C']},X,member\n{others}")
    assert "row 2, field cluster" in said("cluster", str(folder), "--fix", str(kept), code=2)
    kept.write_text("urn,cluster,role\n999999,X,lead\n")
    assert "row 2, field urn" in said("cluster", str(folder), "--fix", str(kept), code=2)
    assert plan.read_bytes() == before


STRICTER: dict[str, dict[str, object]] = {
    "trust_max_pupils": {"trust_max_pupils": 100},
    "trust_min_pupils": {"trust_min_pupils": 40_000},
    "trust_max_clusters": {"trust_max_clusters": 1},
    "trust_drive_max_min": {"trust_drive_max_min": 5},
    "cluster_lead_min_pupils": {"cluster_lead_min_pupils": 1000},
    "cluster_max_pupils": {"cluster_max_pupils": 50},
    "cluster_max_schools": {"cluster_max_schools": 2},
    "cluster_min_schools": {"cluster_min_schools": 5},
    "cluster_drive_max_min": {"cluster_drive_max_min": 6},
    "cluster_hub_max_pupils": {"cluster_hub_max_pupils": 150},
    "cluster_pair_max_min": {"cluster_pair_max_min": 6},
    "governance_model": {"governance_model": "separate trusts"},
    "trust_join_not_viable": {"trust_join_not_viable": "no", "trust_central_gbp": 1_000_000},
    "consent": {"cluster_consent_unknown": "no"},
}


@pytest.mark.parametrize("rule", STRICTER)
def test_a_plan_breaks_each_rule_that_is_made_stricter_afterwards(county: Path, rule: str) -> None:
    """The reader of rules, rule by rule: blind to one, it would call a plan by hand sound."""
    study = Study.open(county)
    case, planned = study_case(study), told(county, "clusters")
    lead, trust = school_leads(planned, case), plan_trusts(planned, case)
    assert breaches(case, study.policy, case.standing(study.policy), lead, trust).empty
    policy = with_policy(study.policy, **STRICTER[rule])
    found = breaches(case, policy, case.standing(policy), lead, trust)
    assert found["rule"].str.contains(rule).any()


@pytest.mark.parametrize("kinds", ["no", "yes"])
def test_academies_free_to_leave_stand_in_one_trust_with_their_cluster(county: Path, kinds: str) -> None:
    """Trusts that let their schools go, and hardly a trust within reach: clusters that none can take are parted, or
    academies would share a head across trusts."""
    study = Study.open(county)
    far = {"trust_consent_unknown": "yes", "trust_drive_max_min": 20, "trust_min_pupils": 3000}
    case, policy = study_case(study), with_policy(study.policy, cluster_across_kinds=kinds, **far)
    planned = plan_case(case, policy, seconds=20)
    rules, lead, trust = planned.villages.standing, planned.school_lead, planned.trust
    assert breaches(case, policy, rules, lead, trust).empty
    assert plan_cost(case, policy, rules, lead, trust) == pytest.approx(planned.objective)
    assert planned.clusters.bound <= planned.clusters.objective and planned.clusters.gap < 0.1
    assert len({str(name) for name in trust} - {""}) > 1 and (lead >= 0).sum() > 20
    unbound = trust.copy()
    unbound[np.flatnonzero(rules.trust != "")[0]] = ""
    assert breaches(case, policy, rules, lead, unbound)["what"].str.contains("has to be in a trust").any()


@pytest.mark.parametrize("leaving", ["no", "yes"])
def test_a_federation_across_two_trusts_takes_nobody_in_that_no_trust_could_have(county: Path, leaving: str) -> None:
    study = Study.open(county)
    case = study_case(study)
    schools = case.schools.copy()
    schools.loc[schools["urn"].isin([900049, 900069]), "federation"] = "Across"
    case = replace(case, schools=schools)
    policy = with_policy(study.policy, cluster_across_kinds="yes", trust_consent_unknown=leaving)
    planned = plan_case(case, policy, seconds=20)
    rules, lead, trust = planned.villages.standing, planned.school_lead, planned.trust
    assert breaches(case, policy, rules, lead, trust).empty
    assert plan_cost(case, policy, rules, lead, trust) == pytest.approx(planned.objective)


def test_nobody_joins_where_every_school_stays_in_its_trust(county: Path) -> None:
    """A federation of today across two trusts, one of which lets its school go: in its own trust it joins nothing."""
    study = Study.open(county)
    case = study_case(study)
    schools, pair = case.schools.copy(), case.schools["urn"].isin([900049, 900069]).to_numpy(bool)
    schools.loc[pair, "federation"] = "Across"
    case = replace(case, schools=schools)
    rules = case.standing(study.policy)
    free = rules.free.copy()
    free[np.flatnonzero(pair)[0]] = True
    lead = np.where(pair, np.flatnonzero(pair)[0], -1)
    trusts, leads = drawn_trusts(case, study.policy, replace(rules, free=free), lead, rules.trust)
    assert len(set(rules.trust[pair])) == 2 and any(pair[rows].all() for rows in trusts.joiners.members)
    assert (leads[len(trusts.today) :] == -1).all()


def test_a_secondary_school_leads_only_across_phases_and_federations_join_no_trust(county: Path) -> None:
    study, planned = Study.open(county), told(county, "clusters")
    schools = study.tables["schools"]
    other = int(schools.loc[schools["phase"] == "secondary", "urn"].iloc[0])
    case = study_case(study, drawn=[other])
    lead, trust = school_leads(planned, case), plan_trusts(planned, case)
    row = int(np.flatnonzero(case.schools["urn"] == other)[0])
    lead[[row, *np.flatnonzero(lead < 0)[:1]]] = row

    def rules(**values: object) -> set[str]:
        policy = with_policy(study.policy, cluster_hub_max_pupils=5000, **values)
        return set(breaches(case, policy, case.standing(policy), lead, trust)["rule"])

    assert "cluster_cross_phase" in rules() and "cluster_cross_phase" not in rules(cluster_cross_phase="yes")
    assert "cluster_hub_max_pupils" not in rules() and "cluster_outcome" not in rules()
    assert "cluster_outcome" in rules(cluster_outcome="federations")  # the plan has new trusts


def test_places_and_land_are_read_from_the_tables(county: Path) -> None:
    study = Study.open(county)
    case, planned = study_case(study), told(county, "clusters")
    lead, trust = school_leads(planned, case), plan_trusts(planned, case)
    full = replace(case, today=case.today.assign(places_for_schools=pd.array([0] * len(case.today), dtype="Float64")))
    rules = case.standing(study.policy)
    assert "trusts.places_for_schools" in set(breaches(full, study.policy, rules, lead, trust)["rule"])
    refused = replace(case, schools=case.schools.assign(land_consent="refused"))
    found = breaches(refused, study.policy, refused.standing(study.policy), lead, trust)
    assert (found["rule"].str.contains("land_consent") & (found["level"] == "trust")).any()


def test_the_bound_of_trusts_by_hand(tmp_path: Path) -> None:
    """Villages of 140 and 84 pupils each join at 7,000 less 17,500 and 60 a pupil, or cost 20,000 outside; the larger
    school of 175 gains nothing."""
    folder = write_small_study(tmp_path / "study")
    small_policy(folder, "trust_shortfall_price = 0")
    study = Study.open(folder)
    list(run_stages(study, ("forecast", "balance")))
    case = study_case(study)
    least = least_of_any(case, case.villages(study.policy), study.policy)
    assert least == pytest.approx(2 * (7_000 - 17_500) + 60 * (140 + 84))


def test_the_bound_of_trusts_holds_where_most_futures_are_better_than_the_mean(tmp_path: Path) -> None:
    """One future of twenty in ruin, which the tenth percentile does not see: schools that are short on average add
    money to their trust all the same."""
    folder = write_small_study(tmp_path / "study")
    small_policy(folder, "trust_min_pupils = 0", "trust_central_gbp = 0", "trust_outside_gbp = 500000")
    study = Study.open(folder)
    list(run_stages(study, ("forecast", "balance")))
    case = study_case(study)
    ruin = np.where(np.arange(case.money.balance.shape[2]) % 20 == 0, -2e7, 50_000.0)
    case = replace(case, money=replace(case.money, balance=np.zeros_like(case.money.balance) + ruin))
    villages = case.villages(study.policy)
    least = least_of_any(case, villages, study.policy)
    together = villages.node_lead(np.where(case.schools["small"], np.flatnonzero(case.schools["small"])[0], -1))
    assert together is not None
    trusts = case_trusts(case, villages, villages.school_lead(together), NO_LOCKS, study.policy)
    plan = solved(trusts.problem, 10.0)
    assert plan.lead is not None and (plan.lead >= 0).any()
    assert least <= plan.objective + 1e-6 and ruin.mean() < 0


def test_a_mixed_trust_has_its_safeguard_and_a_formula_no_bite(county: Path, tmp_path: Path) -> None:
    cards = told(county, "trusts").query("plan == 'planned' and kind == 'new trust'")
    mixed = cards[(cards["church_share"] > 0) & (cards["church_share"] < 1)]
    assert len(mixed) and (mixed["safeguard"] == "addendum on religious character").all()
    path = tmp_path / "plan.csv"
    path.write_text("urn,cluster,trust,role\n900001,'=1+1,'@T,lead\n900002,'=1+1,'@T,member\n")
    plan = read_plan(path, Study.open(county).tables["schools"])
    assert set(plan["cluster"]) == {"=1+1"} and set(plan["trust"]) == {"@T"}


def test_a_trust_that_is_written_nearly_like_a_known_one_is_asked_about(county: Path, tmp_path: Path) -> None:
    """One letter wrong makes a new trust: said, with the name that may be meant; a name of its own is not."""
    plan = plan_of(county)
    known = plan["trust"].dropna()[~plan["trust"].dropna().str.startswith("New trust")].iloc[0]
    wrong = known.replace("T", "t", 1)[:-1]
    plan.loc[plan["trust"] == known, "trust"] = wrong
    plan.loc[plan["trust"].fillna("").str.startswith("New trust"), "trust"] = "Villages Together"
    told_of = evaluated(county, plan, tmp_path)
    assert told_of.misspelt == {wrong: known}
    assert any(f"Is {known}, a trust of today, meant?" in line for line in evaluation_lines(told_of))
