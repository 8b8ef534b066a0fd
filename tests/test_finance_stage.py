"""The finance stage on the small study: by hand, under a plan that closes a school or opens one, told and checked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import PRIMARIES, SECONDARY, policy, write_small_study

from geodata.years import PHASES
from placeplan.cli import main
from placeplan.explain import explanation
from placeplan.journeys import study_journeys
from placeplan.pipeline import run_stages, wanted_stages
from placeplan.report.contents import contents
from placeplan.results import file_digest, read_stage, read_summary
from placeplan.study import Study
from placeplan.study_finances import Finances, planned_finances, study_finances
from placeplan.verification import verify_results

A, B, C = PRIMARIES.values()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_study(tmp_path_factory.mktemp("finance") / "study")
    policy(folder, "pan_cut_lead_years = 5")
    list(run_stages(Study.open(folder)))
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def stage(folder: Path, name: str) -> pd.DataFrame:
    return read_stage(folder / "results/base/finance", name)


def test_a_village_school_by_hand(made: Path) -> None:
    """84 pupils, 12 a year group, 5 km to the second school: 57,400 less what 12 is above half of 21.4."""
    row = stage(made, "finance").set_index(["urn", "academic_year"]).loc[(C, "2023/24")]
    assert row["income_basic_gbp"] == pytest.approx(84 * 3_847)
    assert row["income_additional_gbp"] == pytest.approx(0.24 * 84 * 3_847)
    assert row["income_lump_sum_gbp"] == 145_100
    assert row["income_sparsity_gbp"] == pytest.approx(57_400 * (1 - (12 - 10.7) / 10.7))
    assert row["classes"] == 4 and row["teacher_posts"] == pytest.approx(4 / 0.9 - 0.5)
    assert row["cost_premises_gbp"] == pytest.approx(10_000 + 60 * (350 + 4.1 * 210))
    assert row["balance_gbp"] == pytest.approx(row["income_gbp"] - row["cost_gbp"])


def test_the_years_told_are_policys_and_none_beyond_the_horizon(study: Path) -> None:
    policy(study, "finance_years = 3")
    list(run_stages(Study.open(study), wanted_stages("finance")))
    assert sorted(set(stage(study, "finance")["academic_year"])) == ["2023/24", "2024/25", "2025/26"]
    summary = read_summary(study / "results/base/finance")
    assert summary is not None and summary["years"] == ["2023/24", "2024/25", "2025/26"]
    assert "horizon" not in summary and not (study / "results/base/clusters").exists()


def test_a_study_that_stays_as_it_is_has_the_same_money_under_its_plan(made: Path) -> None:
    today, plan = stage(made, "finance"), stage(made, "finance_plan")
    assert plan["facility"].tolist() == today["urn"].astype(str).tolist()
    for name in ("income_gbp", "cost_gbp", "pupils"):
        assert plan[name].to_numpy() == pytest.approx(today[name].to_numpy()), name


def test_schools_in_one_row_each(made: Path) -> None:
    schools = stage(made, "finance_schools").set_index("urn")
    budget = stage(made, "finance").set_index(["urn", "academic_year"])
    assert schools.loc[C, "second_nearest_m"] == pytest.approx(5_000)
    assert np.isnan(schools.loc[SECONDARY, "second_nearest_m"]), "there is no second secondary school"
    assert schools.loc[A, "lump_sum_share"] == pytest.approx(145_100 / budget.loc[(A, "2023/24"), "income_gbp"])
    deficits = budget["balance_gbp"].groupby("urn").sum()
    start = 0.05 * budget["income_gbp"].groupby("urn").first()
    steady = (deficits + start)[deficits < 0]
    assert schools.loc[steady.index, "lowest_reserves_gbp"].to_numpy() == pytest.approx(steady.to_numpy())


def test_a_school_that_is_nobodys_nearest_is_measured_from_its_gate(study: Path) -> None:
    """C's pupils move to 402 km east: A and B are their nearest, and C's distance is the 5 km from its gate to B."""
    points = "demand_point,locality,easting,northing\nA,A,400000,300000\nB,B,405000,300000\nC,C,402000,300000\n"
    (study / "inputs/demand_points.csv").write_text(points)
    _, today = finances(study)
    assert today.at_the_gate == 1
    assert today.schools.distance_m[2] == pytest.approx(5_000)
    assert today.schools.distance_m[1] == pytest.approx(5_000, abs=0.1), "gates count for nothing beside homes"


def test_a_localitys_pupils_stand_at_its_points_by_their_weights(study: Path) -> None:
    """Three quarters of B's pupils at B, a quarter 1 km nearer to C: 5 and 4 km to the second school."""
    rows = ("A,A,400000,1", "B1,B,405000,3", "B2,B,406000,1", "C,C,410000,1")
    points = [f"{row.rpartition(',')[0]},300000,{row[-1]},1" for row in rows]
    heads = "demand_point,locality,easting,northing,weight_primary,weight_secondary"
    (study / "inputs/demand_points.csv").write_text("\n".join([heads, *points]) + "\n")
    _, today = finances(study)
    assert today.schools.distance_m[1] == pytest.approx(4_750, abs=0.1)


# Under a plan


def finances(folder: Path) -> tuple[Study, Finances]:
    opened = Study.open(folder)
    rolls = pd.DataFrame(
        [(urn, f"20{22 + t}/{23 + t}", group, 10.0 + 2 * at) for at, urn in enumerate((A, B, C)) for t in range(6)
         for group in PHASES["primary"]],
        columns=["urn", "academic_year", "year_group", "pupils"],
    )  # fmt: skip
    return opened, study_finances(opened, study_journeys(opened), rolls)


def allocated(rows: dict[tuple[str, str], float], phase: str = "primary") -> pd.DataFrame:
    """Pupils by (facility, academic year)."""
    return pd.DataFrame(
        [(facility, phase, year, pupils) for (facility, year), pupils in rows.items()],
        columns=["facility", "phase", "academic_year", "pupils"],
    )


NO_DECISIONS = pd.DataFrame(columns=["facility", "action", "academic_year", "places_after", "probability"])
LATER = ["2023/24", "2024/25", "2025/26", "2026/27", "2027/28"]


def test_a_school_that_closes_leaves_its_neighbour_larger_and_farther_from_the_next(study: Path) -> None:
    """B closes in 2025/26: from then on A and C are 10 km apart, and A has 5 km more to its second school."""
    opened, today = finances(study)
    rows = {(str(urn), year): 70.0 for urn in (A, C) for year in LATER}
    rows |= {(str(B), year): 70.0 for year in LATER[:2]} | {(str(A), year): 140.0 for year in LATER[2:]}
    plan = planned_finances(study_journeys(opened), today, NO_DECISIONS, allocated(rows))
    distance = plan.schools.distance_m
    assert distance[0, :3] == pytest.approx(5_000) and np.isnan(distance[1, 3:]).all()
    # A is then nearest for its own 20 a year (10 km to C) and, at 5 km as C is, for B's 25.
    assert distance[0, 3:] == pytest.approx((20 * 10_000 + 25 * 5_000) / 45)
    assert distance[2, 3:] == pytest.approx(10_000)
    assert plan.rolls[0, 3, :7] == pytest.approx(20) and plan.rolls[1, 3:].sum() == 0
    assert plan.rolls[:3, 0] == pytest.approx(today.rolls[:3, 0]), "the base year is as counted"


def test_the_plans_pupils_keep_the_shape_of_the_forecast(study: Path) -> None:
    opened, today = finances(study)
    today.rolls[0, 1:, 0] = 30.0  # a bulge in Reception: 30 and six times 10
    plan = planned_finances(study_journeys(opened), today, NO_DECISIONS, allocated({(str(A), "2023/24"): 180.0}))
    assert plan.rolls[0, 1, :7] == pytest.approx([60, 20, 20, 20, 20, 20, 20])


def test_a_site_that_opens_fills_and_is_funded_on_its_own_roll(study: Path) -> None:
    site = "site,name,phase,easting,northing,available_from\nS1,Field,primary,407000,300000,2024/25\n"
    (study / "inputs/sites.csv").write_text(site)
    opened, today = finances(study)
    rows = {(str(urn), year): 70.0 for urn in (A, B, C) for year in LATER}
    rows |= {("S1", "2024/25"): 30.0, ("S1", "2025/26"): 50.0, ("S1", "2026/27"): 75.0}
    decisions = pd.DataFrame([("S1", "new school", "2024/25", 210, 1.0)], columns=NO_DECISIONS.columns)
    plan = planned_finances(study_journeys(opened), today, decisions, allocated(rows))
    assert plan.schools.key[-1] == "S1" and plan.schools.estimated[-1] and plan.schools.places[-1] == 210
    assert np.flatnonzero(plan.rolls[-1, 2]).tolist() == [0]
    assert plan.rolls[-1, 3, :3] == pytest.approx([25, 25, 0])
    assert plan.rolls[-1, 4, :4] == pytest.approx([25, 25, 25, 0])
    # It takes a place between B and C, so that C's second school is 3 km away and no longer 5.
    assert plan.schools.distance_m[2, 1] == pytest.approx(5_000)
    assert plan.schools.distance_m[2, 2] == pytest.approx(3_000)


# Local values and inputs


def test_local_values_and_a_schools_own_figures_are_used_and_said(study: Path) -> None:
    (study / "inputs/funding_values.csv").write_text("funding_year,lump_sum_gbp\n2025/26,120000\n")
    sites = f"urn,site,easting,northing,places\n{A},1,400000,300000,100\n{A},2,401000,300000,110\n"
    (study / "inputs/school_sites.csv").write_text(sites)
    schools = pd.read_csv(study / "inputs/schools.csv")
    schools["additional_needs_gbp_per_pupil"] = [1_500.0, None, None, None]
    schools["type"] = ["Academy converter", *schools["type"][1:]]
    schools.to_csv(study / "inputs/schools.csv", index=False)
    opened, today = finances(study)
    assert today.schools.september.tolist() == [True, False, False, False]
    assert today.schools.split_site.tolist() == pytest.approx([0.6, 0, 0, 0])
    list(run_stages(opened, wanted_stages("finance")))
    row = stage(study, "finance").set_index("urn").loc[A].iloc[0]
    assert row["income_lump_sum_gbp"] == 120_000
    assert row["income_split_site_gbp"] == pytest.approx(72_000)
    assert row["income_additional_gbp"] == pytest.approx(140 * 1_500)
    said = " ".join(read_summary(study / "results/base/finance")["fallbacks"])  # type: ignore[index]
    assert "basic primary" in said and "lump sum" not in said.split("national ones")[0]
    assert "additional_needs_gbp_per_pupil: 3 filled" in said and opened.unused_tables == ()


def test_national_values_are_said_where_there_are_no_local_ones(made: Path) -> None:
    summary = read_summary(made / "results/base/finance")
    assert summary is not None
    said = " ".join(summary["fallbacks"])
    assert "No local values of the funding formula" in said and "4 filled" in said
    assert "beyond the study's border" in said and summary["approximate"]


def test_funding_values_that_cannot_be_are_refused_all_at_once(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "funding_year,lump_sum_gbp,floor_change\n2025/26,-5,0\n2025/26,9,0.5\nsoon,9,0\n"
    (study / "inputs/funding_values.csv").write_text(lines)
    with pytest.raises(SystemExit) as stop:
        main(["check", str(study)])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert "lump_sum_gbp" in said and "floor_change" in said and "funding_year" in said and "soon" in said


# Told and checked


def test_the_command_writes_the_table_that_others_read(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["finance", str(study), "--json", "--csv"])
    assert stop.value.code == 0
    steps = {step["stage"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    assert steps["finance"]["outcome"] == "done" and "clusters" not in steps
    table = pd.read_csv(study / "results/base/finance/finance.csv")
    assert {"urn", "academic_year", "income_gbp", "cost_gbp", "balance_gbp"} <= set(table.columns)
    assert len(table) == 4 * 5


def test_money_is_explained_for_one_school(made: Path) -> None:
    told = explanation(Study.open(made), str(C))["Money, if nothing changes"]
    assert told[0].startswith("2023/24: 84 pupils in 4 classes, income £")
    said = " ".join(told)
    assert "Breaks even" in said and "lump sum is 24 %" in said and "Sparsity: 88%" in said and "10% lower" in said
    assert "Money with the plan" not in explanation(Study.open(made), str(C)), "nothing is different under it"


def test_the_report_shows_who_is_in_deficit(made: Path) -> None:
    summary = read_summary(made / "results/base/finance")
    assert summary is not None
    shown = contents(Study.open(made), made / "results/base", {"finance": summary})["money"]
    budget = stage(made, "finance")
    first = budget[budget["academic_year"] == "2023/24"]
    row = shown["years"][0]
    assert (row["year"], row["schools"], row["short"]) == ("2023/24", 4, int((first["balance_gbp"] < 0).sum()))
    assert row["deficits"] == pytest.approx(first["balance_gbp"].clip(upper=0).sum())
    assert sum(count for _, count in shown["bands"]) == 4
    page = (made / "results/base/report/report.html").read_text()
    before, heading, _ = page.partition('<h2 id="money">Money</h2>')
    assert heading and "lump sum" in page and "£145,100" not in before


EDITS = {
    "a balance": ("finance", lambda t: t.assign(balance_gbp=t["balance_gbp"] + 1_000), "do not add up"),
    "a part": ("finance", lambda t: t.assign(income_floor_gbp=t["income_floor_gbp"] + 7), "do not add up"),
    "a plan's cost": ("finance_plan", lambda t: t.assign(cost_gbp=t["cost_gbp"] - 5_000), "do not add up"),
    "a year": ("finance", lambda t: t.drop(index=3), "other years"),
    "a verdict": ("finance_schools", lambda t: t.assign(viable=t["viable"] == False), "viable is"),  # noqa: E712
    "a school": ("finance_schools", lambda t: t.tail(-1), "other schools"),
    "first deficits": ("finance_schools", lambda t: t.assign(first_deficit_year=None), "first deficit"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_verify_finds_money_that_was_edited(made: Path, tmp_path: Path, edit: str) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "study"))
    name, change, expected = EDITS[edit]
    path = folder / f"results/base/finance/{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    summary = folder / "results/base/finance/summary.json"
    told = json.loads(summary.read_text())
    told["files"] = {one.name: file_digest(one) for one in path.parent.iterdir() if one != summary}
    summary.write_text(json.dumps(told))
    found = {what: said for what, said in verify_results(Study.open(folder)).items() if said}
    assert list(found) == ["finance: parts, totals and the reserves they lead to"]
    assert expected in "; ".join(found["finance: parts, totals and the reserves they lead to"])
