"""`placeplan verify` on results that somebody has cut, edited, mixed or made from other inputs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import PRIMARIES, grow, policy, write_small_study

from placeplan.cli import main
from placeplan.pipeline import run_stages, wanted_stages
from placeplan.results import file_digest
from placeplan.study import Study
from placeplan.verification import verify_results

FILES = "files as they were written"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose plan expands a school and leaves a few pupils without a place."""
    folder = write_small_study(tmp_path_factory.mktemp("verify") / "study")
    grow(folder, "A", 75)
    policy(folder, "bulge_lead_years = 4", "pan_lift_lead_years = 4")
    list(run_stages(Study.open(folder)))
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "study"))


def wrong(folder: Path) -> dict[str, str]:
    """What does not hold, by check."""
    return {what: "; ".join(said) for what, said in verify_results(Study.open(folder)).items() if said}


def summary_of(folder: Path, stage: str, **values: object) -> None:
    """Write values into a summary; the hashes of the files are made good, as a careful forger would."""
    path = folder / "results/base" / stage / "summary.json"
    summary = json.loads(path.read_text()) | values
    summary["files"] = {one.name: file_digest(one) for one in path.parent.iterdir() if one != path}
    path.write_text(json.dumps(summary))


def edit(folder: Path, stage: str, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / f"results/base/{stage}/{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def test_results_as_they_were_made_hold(study: Path) -> None:
    assert wrong(study) == {}


EDITS: dict[str, tuple[str, str, Callable[[pd.DataFrame], pd.DataFrame], str, str]] = {
    "allocation cut to three rows": ("estate", "allocation", lambda t: t.head(3), "every pupil", "fewer than are"),
    "a pupil more in the allocation": (
        "estate",
        "allocation",
        lambda t: t.assign(pupils=t["pupils"].where(t.index > 0, t["pupils"] + 1)),
        "every pupil",
        "1.0 pupils more than are forecast",
    ),
    "decisions emptied": (
        "estate",
        "decisions",
        lambda t: t.head(0),
        "a decision for every",
        "0 facilities are listed",
    ),
    "a decision twice": ("estate", "decisions", lambda t: pd.concat([t, t.head(1)]), "a decision for", "listed twice"),
    "policy values overwritten": (
        "estate",
        "policy_rows",
        lambda t: t.assign(value=t["value"] + 5),
        "every policy row",
        "the table says",
    ),
    "a policy row less": ("estate", "policy_rows", lambda t: t.tail(-1), "every policy row", "rows are listed"),
    "a limit relaxed": ("estate", "policy_rows", lambda t: t.assign(lower=0.0), "every policy row", "lower is"),
    "a decision that could still wait": (
        "estate",
        "decisions",
        lambda t: t.assign(start_by="2029-01-01"),
        "can still be begun",
        "on another day",
    ),
    "a step before the plan": (
        "estate",
        "calendar",
        lambda t: t.assign(begin_by="2019-09-01"),
        "can still be begun",
        "from 2019-09-01",
    ),
    "the calendar cut": ("estate", "calendar", lambda t: t.head(0), "can still be begun", "on another day"),
    "unplaced pupils hidden": ("estate", "unplaced", lambda t: t.head(0), "every pupil", "unplaced"),
    "a locality lost": (
        "forecast",
        "forecast",
        lambda t: t[t["locality"] != "C"],
        "localities sum",
        "12.0 pupils out",
    ),
    "need hidden": ("balance", "balance", lambda t: t.assign(need=0.0), "never netted off", "P R"),
    "a term taken away": (
        "balance",
        "attendance",
        lambda t: t[t["term"] != "living in the area"],
        "have the same pupils",
        "terms of P 2022/23 R",
    ),
    "a school's forecast raised": (
        "balance",
        "school_forecast",
        lambda t: t.assign(pupils=t["pupils"] + 1),
        "have the same pupils",
        "schools of P",
    ),
    "a transfer lost": (
        "balance",
        "transfers",
        lambda t: t[t["to_area"] != "S"],
        "have the same pupils",
        "transfers Y6→Y7 to S",
    ),
    "rolls of the balance cut": ("balance", "roll_forecast", lambda t: t.tail(-30), "every pupil", "more than are"),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_table_is_named_even_with_its_hash_made_good(study: Path, case: str) -> None:
    """The tables are what people read: a proven plan beside a wrong table is worth nothing."""
    stage, name, change, check, said = EDITS[case]
    edit(study, stage, name, change)
    assert wrong(study)[f"{stage}: {FILES}"] == f"{name}.parquet has been changed"
    summary_of(study, stage)
    found = wrong(study)
    assert f"{stage}: {FILES}" not in found
    assert any(check in what and said in text for what, text in found.items()), found


@pytest.mark.parametrize("stage", ["estate", "clusters"])
@pytest.mark.parametrize("name", ["objective", "bound", "gap"])
def test_a_summary_cannot_claim_what_the_plan_does_not_hold(study: Path, stage: str, name: str) -> None:
    summary_of(study, stage, **{name: 1.0})
    assert name in wrong(study)[f"{stage} summary: objective, bound and gap of the plan"]


def test_a_flipped_option_and_a_lower_bound_in_the_arrays_are_noticed(study: Path) -> None:
    path = study / "results/base/estate/plan.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    np.savez_compressed(path, **(arrays | {"bound": arrays["objective"] * 2}))
    assert "above the cost" in wrong(study)["estate plan: cost, places, rules and gap from the arrays"]
    with np.load(study / "results/base/estate/problem.npz") as problem:
        baseline = problem["baseline"]
    np.savez_compressed(path, **(arrays | {"option": baseline}))
    found = wrong(study)
    assert "the plan costs" in found["estate plan: cost, places, rules and gap from the arrays"]
    assert "0 change in the plan" in found["estate tables: a decision for every facility that changes"]


def test_another_cluster_than_the_proven_one_is_noticed(study: Path) -> None:
    edit(study, "clusters", "clusters", lambda t: t.assign(role="alone", cluster=None, travel_min=np.nan))
    summary_of(study, "clusters")
    said = wrong(study)["clusters: rules, costs and gaps from the table"]
    assert "the plan costs" in said and "the stored leads are not those of the table" in said


@pytest.mark.parametrize("stage", ["forecast", "balance", "estate", "clusters"])
def test_vanished_and_broken_files_are_reported_not_stumbled_over(study: Path, stage: str) -> None:
    """A check that crashes tells an officer nothing about the other stages."""
    folder = study / "results/base" / stage
    for path in folder.glob("*.parquet"):
        path.unlink()
    found = wrong(study)
    assert f"{stage}.parquet is missing" in found[f"{stage}: {FILES}"] or stage == "estate"
    assert any("cannot be checked" in said for said in found.values())
    for path in folder.iterdir():
        path.write_bytes(b"cut o")
    assert "summary.json is missing or cannot be read" in wrong(study)[f"{stage}: {FILES}"]
    shutil.rmtree(folder)
    folder.mkdir()
    assert wrong(study)[f"{stage}: {FILES}"] == "summary.json is missing or cannot be read"


def test_what_changed_since_is_named(study: Path) -> None:
    """A paper that rests on last term's rolls must not pass for one on this term's."""
    rolls = study / "inputs/rolls.csv"
    rolls.write_text(rolls.read_text().replace(f"{PRIMARIES['A']},Y1,20", f"{PRIMARIES['A']},Y1,21"))
    said = wrong(study)["inputs and settings: those of today"].split("; ")
    assert [line for line in said if "other inputs" in line] == [
        f"{stage} was made from other inputs: rolls"
        for stage in ("balance", "estate", "clusters", "finance", "maps", "report", "export")
    ]
    policy(study, "retained_surplus = 0.1")
    said = wrong(study)["inputs and settings: those of today"].split("; ")
    assert "forecast was made from other settings: policy.retained_surplus" in said


def test_a_forecast_newer_than_the_plan_on_it_is_noticed(study: Path) -> None:
    policy(study, "ratio_prior_pupils = 10")
    list(run_stages(Study.open(study), wanted_stages("forecast")))
    said = wrong(study)["inputs and settings: those of today"].split("; ")
    assert "estate was made from other results of: forecast" in said
    assert not any(line.startswith("forecast ") for line in said)


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code


def test_without_results_there_is_nothing_to_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence and exit 0 would read as: everything holds."""
    folder = write_small_study(tmp_path / "study")
    assert exit_code("verify", str(folder)) == 2
    assert "There are no results of the scenario base. `placeplan run` makes them." in capsys.readouterr().err


def test_the_program_says_what_it_did_not_check(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("verify", str(study)) in (0, None)
    assert "Not checked: the bound." in capsys.readouterr().out
    edit(study, "estate", "allocation", lambda t: t.head(3))
    assert exit_code("verify", str(study), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["checks"][f"estate: {FILES}"] == ["allocation.parquet has been changed"]
    assert "not" in told["note"].lower() and "bound" in told["note"]
