"""The whole way through the small study: stages, plans, verification, and running only what has changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import FREE_VEHICLES, PRIMARIES, grow, policy, write_small_study
from stored_plans import check_stored_plans

from models.clusters import ClusterProblem
from models.estate import EstateProblem
from models.options import Option
from models.rules import Row
from placeplan.cli import main
from placeplan.estate.problem import GENERATORS
from placeplan.pipeline import COMMISSION, LEVERS, NAMES, Step, run_stages
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.verification import verify_results
from solvers import ClusterPlan, EstatePlan, solve_clusters, solve_estate


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def ran(folder: Path, **options: object) -> dict[str, Step]:
    return {step.stage: step for step in run_stages(Study.open(folder), **options)}  # type: ignore[arg-type]


def test_a_steady_county_stays_as_it_is(study: Path) -> None:
    """20, 25 and 12 a year in three schools of 30: the forecast is flat, nothing is short, nothing is built."""
    steps = ran(study)
    assert outcomes(steps) == again(*NAMES)
    results = study / "results/base"
    forecast = read_stage(results / "forecast", "forecast")
    flat = forecast.groupby("locality")["mean"].agg(["min", "max"])
    assert flat.loc["A"].tolist() == pytest.approx([20, 20])
    assert flat.loc["C"].tolist() == pytest.approx([12, 12])
    balance = read_stage(results / "balance", "balance_summary")
    assert balance["need"].max() == pytest.approx(0)
    primary = balance[balance["phase"] == "primary"]
    assert primary["spare"].tolist() == pytest.approx([630 - 7 * 57] * 6)
    decisions = read_stage(results / "estate", "decisions")
    assert set(decisions["action"]) <= {"cut PAN", "mothball", "federate"}
    assert not read_stage(results / "estate", "allocation")["moved"].any()
    check_stored_plans(study)


def test_growth_beyond_the_places_leads_to_more_of_them(study: Path) -> None:
    """A village of 20 a year comes to have 75: its school of 30 grows, for its neighbours are 5 km away and small."""
    grow(study, "A", 75)
    ran(study)
    results = study / "results/base"
    balance = read_stage(results / "balance", "balance")
    reception = balance[(balance["year_group"] == "R") & (balance["academic_year"] == "2024/25")].iloc[0]
    assert reception["need"] > 20
    decisions = read_stage(results / "estate", "decisions").set_index("facility")
    grown = decisions[decisions["action"] == "expand"]
    assert str(PRIMARIES["A"]) in grown.index
    assert (grown["places_after"] > grown["places_before"]).all()
    assert read_stage(results / "estate", "unplaced")["pupils"].sum() < 30
    check_stored_plans(study)
    told = read_summary(results / "estate")
    assert told is not None and told["gap"] <= 0.001 and told["bound"] <= told["objective"]


def test_a_named_school_closes_only_as_far_as_the_surplus_allows(study: Path) -> None:
    """C's 84 pupils fit into A and B exactly while 5 % stays empty (399 ÷ 0.95 = 420); at 30 % C has to stay."""
    cheap = ("journey_cost_gbp_per_km = 50", "disturbance_gbp = 0", "transport_gbp = 0", *FREE_VEHICLES)
    policy(study, f"closable_urns = [{PRIMARIES['C']}]", *cheap)
    ran(study)
    results = study / "results/base"
    decisions = read_stage(results / "estate", "decisions").set_index("facility")
    assert decisions.loc[str(PRIMARIES["C"]), "action"] == "close"
    last = read_stage(results / "estate", "allocation").query("academic_year == '2027/28' and phase == 'primary'")
    moved = last[last["moved"]]
    by_school = moved.groupby("facility")["pupils"].sum().to_dict()
    assert by_school == pytest.approx({str(PRIMARIES["A"]): 49, str(PRIMARIES["B"]): 35}, abs=0.5)
    from_c = moved[moved["demand_point"] == "C"].set_index("facility")["distance_m"].to_dict()
    assert from_c == pytest.approx({str(PRIMARIES["A"]): 10_000, str(PRIMARIES["B"]): 5_000})
    rows = read_stage(results / "estate", "policy_rows")
    assert (rows["value"] >= rows["lower"] - 1e-6).all()
    check_stored_plans(study)
    policy(study, "retained_surplus = 0.3")
    ran(study)
    decisions = read_stage(results / "estate", "decisions")
    assert "close" not in set(decisions["action"])


def test_commissioning_alone_neither_cuts_nor_closes(study: Path) -> None:
    policy(study, f"closable_urns = [{PRIMARIES['C']}]")
    ran(study, levers=COMMISSION)
    assert set(read_stage(study / "results/base/estate", "decisions")["action"]) <= {"expand", "new school"}


def test_a_second_run_does_nothing_and_a_change_reruns_what_rests_on_it(study: Path) -> None:
    """Rerunning everything wastes a morning; rerunning too little leaves a stale plan on a fresh forecast."""
    ran(study)
    stamp = {path: path.stat().st_mtime_ns for path in (study / "results").rglob("*.parquet")}
    assert outcomes(ran(study)) == again()
    assert {path: path.stat().st_mtime_ns for path in (study / "results").rglob("*.parquet")} == stamp
    (study / "inputs/sites.csv").write_text(
        "site,name,phase,easting,northing,available_from\nS1,Mill Field,primary,401000,301000,2025/26\n"
    )
    assert outcomes(ran(study)) == again("estate", "clusters", "finance", "maps", "report", "export")
    policy(study, "ratio_prior_pupils = 10")
    assert outcomes(ran(study)) == again(*NAMES)


def test_a_stage_without_its_inputs_is_left_out_and_says_why(study: Path) -> None:
    """Localities, pupils and births alone forecast; nothing else may stop that."""
    for name in ("schools.csv", "rolls.csv"):
        (study / "inputs" / name).unlink()
    steps = ran(study)
    assert steps["forecast"].outcome == steps["backtest"].outcome == steps["maps"].outcome == "done"
    assert (steps["balance"].outcome, steps["balance"].why) == ("left out", "no schools, rolls")
    assert not (study / "results/base/estate").exists()
    assert (study / "results/base/maps/demand.html").exists()


def outcomes(steps: dict[str, Step]) -> dict[str, str]:
    return {name: step.outcome for name, step in steps.items()}


def again(*stages: str) -> dict[str, str]:
    """These stages are done again, the others unchanged; there is no competition to judge."""
    found = {name: "done" if name in stages else "unchanged" for name in NAMES}
    return found | {"tender": "left out"}


AFTER_FORECAST = ("forecast", "balance", "estate", "clusters", "finance", "maps", "report", "export")


def test_other_levers_rerun_the_estate_and_what_rests_on_it(study: Path) -> None:
    ran(study)
    assert outcomes(ran(study, levers=COMMISSION)) == again("estate", "clusters", "finance", "maps", "report", "export")
    assert outcomes(ran(study)) == again(), "no levers asked for: those of the plan that stands"
    assert outcomes(ran(study, levers=LEVERS)) == again("estate", "clusters", "finance", "maps", "report", "export")


@pytest.mark.parametrize("what", ["code_digest", "versions"])
def test_another_program_or_library_reruns_everything(study: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Another HiGHS may find another plan: the old one must not be shown as what this program finds."""
    ran(study)
    other = {"code_digest": "other", "versions": {"highspy": "9"}}[what]
    monkeypatch.setattr(f"placeplan.pipeline.{what}", lambda: other)
    assert outcomes(ran(study)) == again(*NAMES)
    assert outcomes(ran(study)) == again()


def test_a_changed_table_reruns_what_rests_on_it_and_no_more(study: Path) -> None:
    ran(study)
    births = study / "inputs/births.csv"
    text = births.read_text()
    births.write_text(text.replace("A,2022-08-31,20", "A,2022-08-31,21"))
    assert outcomes(ran(study)) == again(*NAMES)
    (study / "inputs/adjustments.csv").write_text(
        "locality,year_group,academic_year,change,reason,author,date\nA,R,2024/25,2,New homes,An Officer,2023-01-01\n"
    )
    assert outcomes(ran(study)) == again(*AFTER_FORECAST), "a backtest knows no adjustments"
    rolls = study / "inputs/rolls.csv"
    rolls.write_text(rolls.read_text().replace(f"{PRIMARIES['A']},Y1,20", f"{PRIMARIES['A']},Y1,21"))
    assert outcomes(ran(study)) == again("balance", "estate", "clusters", "finance", "maps", "report", "export")


def test_planning_areas_filled_from_schools_are_what_a_forecast_rests_on(study: Path) -> None:
    """The small study gives localities no areas: they are their schools', and the forecast sums to them."""
    ran(study)
    schools = study / "inputs/schools.csv"
    schools.write_text(schools.read_text().replace("Community school,P", "Community school,Q"))
    assert ran(study)["forecast"].outcome == "done"
    assert "Q" in set(read_stage(study / "results/base/forecast", "forecast_area")["planning_area"])


@pytest.mark.parametrize("damage", ["truncated summary", "missing table", "edited table"])
def test_a_damaged_stage_is_not_taken_for_one_that_has_run(study: Path, damage: str) -> None:
    ran(study)
    folder = study / "results/base/estate"
    if damage == "truncated summary":
        text = (folder / "summary.json").read_text()
        (folder / "summary.json").write_text(text[: len(text) // 2])
    elif damage == "missing table":
        (folder / "unplaced.parquet").unlink()
    else:
        read_stage(folder, "allocation").head(3).to_parquet(folder / "allocation.parquet")
    assert outcomes(ran(study)) == again("estate"), "the plan is made again as it was; what rests on it still stands"
    assert not any(verify_results(Study.open(study)).values())


def test_a_stage_left_out_takes_its_old_results_with_it(study: Path) -> None:
    """Yesterday's plan beside a forecast of schools that are no longer given would be believed."""
    ran(study)
    for name in ("schools.csv", "rolls.csv"):
        (study / "inputs" / name).unlink()
    found = outcomes(ran(study))
    assert {name for name, outcome in found.items() if outcome == "left out"} >= {"balance", "estate", "clusters"}
    results = study / "results/base"
    stages = {"forecast", "backtest", "maps", "report", "export"}
    assert {path.name for path in results.iterdir()} == {*stages, "manifest.json"}
    assert {path.name for path in (results / "maps").glob("*.html")} == {"demand.html", "index.html"}
    assert "What the plan changes" not in (results / "report/report.html").read_text(encoding="utf-8")
    assert set(json.loads((results / "manifest.json").read_text())["stages"]) == stages
    assert not any(verify_results(Study.open(study)).values())


def test_a_run_mends_what_an_interrupted_one_left(study: Path) -> None:
    ran(study)
    results = study / "results/base"
    (results / "estate").rename(results / ".estate-old-4711")
    (results / ".balance-x1y2").mkdir()
    (results / ".manifest.json-4711").write_text("{")
    assert outcomes(ran(study)) == again()
    assert [path.name for path in results.iterdir() if path.name.startswith(".")] == []


def test_a_failing_stage_leaves_the_last_results_whole(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of today's tables beside half of yesterday's would be worse than either."""
    ran(study)
    before = {p.name: p.read_bytes() for p in (study / "results/base/forecast").iterdir()}
    policy(study, "ratio_prior_pupils = 10")

    def break_off(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("placeplan.results.json.dumps", break_off)
    with pytest.raises(OSError, match="disk full"):
        ran(study)
    assert {p.name: p.read_bytes() for p in (study / "results/base/forecast").iterdir()} == before
    assert [p.name for p in (study / "results/base").iterdir() if p.name.startswith(".")] == []


def wrong_objective(problem: EstateProblem, plan: EstatePlan) -> EstatePlan:
    return replace(plan, objective=plan.objective - 1000.0, bound=plan.bound - 1000.0)


def flow_over_places(problem: EstateProblem, plan: EstatePlan) -> EstatePlan:
    """Everybody who may goes to the one facility that cannot take them."""
    assert plan.option is not None and plan.flow is not None and plan.unmet is not None
    flow, unmet = plan.flow.copy(), plan.unmet.copy()
    into = np.bincount(problem.arc_facility, minlength=problem.n_facilities).argmax()
    arcs = np.flatnonzero(problem.arc_facility == into)
    nodes = problem.arc_node[arcs]
    flow[:, np.isin(problem.arc_node, nodes)] = 0.0
    flow[:, arcs], unmet[:, nodes] = 1.0, 0.0
    load, places = problem.demand[:, nodes].sum(axis=1), problem.option_capacity[plan.option[into]]
    assert (load > places + 1).any(), "the study is too small for this sabotage"
    return replace(plan, flow=flow, unmet=unmet)


def flipped_option(problem: EstateProblem, plan: EstatePlan) -> EstatePlan:
    assert plan.option is not None and problem.baseline is not None
    changed = np.flatnonzero(plan.option != problem.baseline)
    option = plan.option.copy()
    option[changed[0]] = problem.baseline[changed[0]]
    return replace(plan, option=option)


@pytest.mark.parametrize("sabotage", [wrong_objective, flow_over_places, flipped_option])
def test_a_plan_that_is_not_what_it_says_never_reaches_the_disk(
    study: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Callable[[EstateProblem, EstatePlan], EstatePlan],
) -> None:
    """A solver may be wrong; what it says is checked again from the arrays before anybody is shown it."""
    grow(study, "A", 75)
    solve = solve_estate
    monkeypatch.setattr(
        "placeplan.estate.stage.solve_estate", lambda problem, **options: sabotage(problem, solve(problem, **options))
    )
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study)])
    assert stop.value.code == 1
    assert "fails its independent verification" in capsys.readouterr().err
    results = study / "results/base"
    assert {path.name for path in results.iterdir()} == {"forecast", "backtest", "balance", "manifest.json"}
    monkeypatch.undo()
    ran(study)
    before = {path: path.read_bytes() for path in (results / "estate").iterdir()}
    policy(study, "unmet_gbp = 12345")
    monkeypatch.setattr(
        "placeplan.estate.stage.solve_estate", lambda problem, **options: sabotage(problem, solve(problem, **options))
    )
    with pytest.raises(AssertionError, match="independent verification"):
        ran(study)
    assert {path: path.read_bytes() for path in (results / "estate").iterdir()} == before


@pytest.mark.parametrize("claim", ["objective", "bound", "lead"])
def test_clusters_that_are_not_what_they_say_never_reach_the_disk(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    def sabotaged(problem: ClusterProblem, **options: object) -> ClusterPlan:
        plan = solve_clusters(problem, **options)  # type: ignore[arg-type]
        assert plan.lead is not None and (plan.lead >= 0).any()
        if claim == "lead":
            return replace(plan, lead=np.where(plan.lead >= 0, -1, plan.lead))
        return replace(plan, **{claim: plan.objective + 1000.0})

    monkeypatch.setattr("placeplan.clusters.two_levels.solve_clusters", sabotaged)
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study)])
    assert stop.value.code == 1
    assert "fail their independent verification" in capsys.readouterr().err
    assert not (study / "results/base/clusters").exists() and (study / "results/base/estate").exists()


def test_rules_that_clash_are_named_and_the_program_says_infeasible(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3 with the clashing rules in the study's words, so that an officer knows which one to bend."""

    def two_rules(options: list[Option], *_: object) -> list[Row]:
        every = np.arange(len(options))
        schools = np.array([float(option.admits[-1].sum() > 0) for option in options])
        return [Row("at least five schools stay open", every, schools, 5.0, np.inf, "schools")]

    monkeypatch.setattr("placeplan.estate.problem.capital_budget", two_rules)
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study)])
    assert stop.value.code == 3
    said = capsys.readouterr().err
    assert "at least five schools stay open: would have to give 1 school\n" in said and "Traceback" not in said
    assert not (study / "results/base/estate").exists()
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study), "--json"])
    assert stop.value.code == 3
    told = json.loads(capsys.readouterr().out)
    rule = {"rule": "at least five schools stay open", "unit": "schools"}
    rule |= {"would_have_to_give": pytest.approx(1)}
    assert told == {"clash": [rule], "possible_if_all_of": [rule], "schools": []}


def test_verify_holds_and_notices_a_changed_plan(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan edited after it was proven must not pass for proven."""
    ran(study)
    assert not any(verify_results(Study.open(study)).values())
    path = study / "results/base/estate/plan.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    arrays["objective"] = arrays["objective"] + 1000.0
    np.savez_compressed(path, **arrays)
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(study)])
    assert stop.value.code == 1
    assert "estate plan" in capsys.readouterr().out


def test_the_command_line_speaks_to_machines_and_people(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main_exit(["run", str(study), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [step["stage"] for step in told["steps"]] == list(NAMES)
    main_exit(["explain", str(study), str(PRIMARIES["A"])])
    said = capsys.readouterr().out
    assert "A Primary School" in said and "Need and spare in P" in said
    main_exit(["check", str(study)])
    assert "No problem found." in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["explain", str(study), "100004"])
    assert stop.value.code == 2
    assert "Did you mean" in capsys.readouterr().err


def test_bad_input_is_json_where_json_is_asked_for(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that reads stdout must learn what is wrong, where, and what would mend it."""
    rolls = study / "inputs/rolls.csv"
    rolls.write_text(rolls.read_text().replace(f"{PRIMARIES['A']},R,20", f"{PRIMARIES['A']},R,many"))
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study), "--json"])
    assert stop.value.code == 2
    told = capsys.readouterr()
    (problem,) = json.loads(told.out)["problems"]
    assert (problem["file"], problem["row"], problem["field"]) == ("rolls.csv", 2, "pupils")
    assert "many" in problem["what"] and problem["mend"] and told.err == ""
    assert not (study / "results").exists()


def test_a_file_is_no_folder_for_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`placeplan demo notes.txt` is the user's slip, not our fault."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    for command in ("demo", "new"):
        with pytest.raises(SystemExit) as stop:
            main([command, str(path)])
        assert stop.value.code == 2
        assert "This is a file, not a folder." in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_a_new_study_speaks_to_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main_exit(["new", str(tmp_path / "mine"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["study"] == str(tmp_path / "mine") and "placeplan check" in told["lines"][-1]
    assert (tmp_path / "mine/study.toml").exists()


def test_check_names_tables_that_no_stage_reads(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who fills in a table for nothing should be told before, not after."""
    main_exit(["check", str(study)])
    assert "Read by no stage" not in capsys.readouterr().out
    (study / "inputs/cluster_plan.csv").write_text("urn\n100001\n")
    main_exit(["check", str(study)])
    assert "Read by no stage\n  cluster_plan\n" in capsys.readouterr().out
    main_exit(["check", str(study), "--json"])
    assert json.loads(capsys.readouterr().out)["unused_tables"] == ["cluster_plan"]


def test_csv_on_request_stands_beside_every_table(study: Path) -> None:
    """Asked for later it is added without planning anything again."""
    ran(study)
    plan = study / "results/base/clusters/plan.csv"  # to be changed by hand, so always there
    assert list((study / "results").rglob("*.csv")) == [plan]
    main_exit(["run", str(study), "--csv"])
    tables = {path.with_suffix("") for path in (study / "results").rglob("*.parquet")}
    assert {path.with_suffix("") for path in (study / "results").rglob("*.csv") if path != plan} == tables
    assert outcomes(ran(study)) == again()
    assert not any(verify_results(Study.open(study)).values())


def test_every_lever_has_its_options() -> None:
    """A lever that the command line offers and no generator knows would be asked for in vain."""
    assert set(GENERATORS) == set(LEVERS)


def test_help_loads_no_heavy_library() -> None:
    """Help that takes seconds is not asked for twice."""
    import subprocess
    import sys

    heavy = "{'numpy', 'pandas', 'scipy', 'geopandas', 'pyomo', 'highspy', 'ortools', 'osmnx', 'folium'}"
    code = (
        "import sys\nfrom placeplan.cli import main\n"
        f"try: main(['--help'])\nfinally: print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "commission" in done.stdout and done.stderr.strip() == "[]"


def main_exit(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code in (0, None)


def test_a_scenario_has_results_of_its_own(study: Path) -> None:
    policy(study, "[scenario.tight]", "retained_surplus = 0.2")
    list(run_stages(Study.open(study)))
    list(run_stages(Study.open(study, "tight")))
    base, tight = (
        read_stage(study / f"results/{name}/estate", "policy_rows")["lower"].max() for name in ("base", "tight")
    )
    assert tight == pytest.approx(base * 0.95 / 0.8)
    manifest = json.loads((study / "results/tight/manifest.json").read_text())
    assert manifest["scenario"] == "tight" and set(manifest["stages"]) == {*NAMES} - {"tender"}


def test_tables_can_be_opened_elsewhere(study: Path) -> None:
    """Column names of DESIGN's result tables are what other programs read."""
    ran(study)
    results = study / "results/base"
    promised = {
        "forecast/forecast": "locality academic_year year_group mean p10 p50 p90",
        "backtest/backtest": "locality origin horizon_years year_group forecast p10 p90 actual",
        "balance/balance": "planning_area phase year_group academic_year pupils places need spare",
        "estate/decisions": "facility urn site action academic_year places_before places_after cost_gbp proposer "
        "decider reason",
        "estate/allocation": "demand_point phase academic_year facility pupils distance_m",
        "estate/unplaced": "demand_point phase academic_year pupils",
        "clusters/clusters": "urn cluster trust role travel_min",
    }
    for table, columns in promised.items():
        found = pd.read_parquet(results / f"{table}.parquet")
        assert set(columns.split()) <= set(found.columns), table
        assert not found.select_dtypes("number").isin([np.inf, -np.inf]).any().any()
