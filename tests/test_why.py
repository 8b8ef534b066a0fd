"""Why it is decided as it is: the runner-up and what it costs, against solving it another way."""

import re
from pathlib import Path

import numpy as np
import pytest
from small_study import PRIMARIES, grow, policy, write_small_study

from placeplan.estate.stored import stored_estate
from placeplan.estate.what_if import runner_up, why
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from solvers import solve_estate


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Village A has three times as many children as its school was built for."""
    folder = write_small_study(tmp_path_factory.mktemp("why") / "study", years=9)
    grow(folder, "A", 95)
    policy(folder, "estate_gap = 0.0")
    list(run_stages(Study.open(folder)))
    return Study.open(folder)


def test_the_runner_up_is_the_best_plan_without_what_was_decided(growing: Study) -> None:
    folder = growing.results / "estate"
    key = str(PRIMARIES["A"])
    decided = read_stage(folder, "decisions").set_index("facility")
    assert key in decided.index
    problem, plan = stored_estate(folder)
    taken = int(plan.option[int(problem.option_facility[_first(folder, key)])])
    kept = np.setdiff1d(np.arange(problem.n_options), [taken])
    best = solve_estate(problem.with_options(kept), gap=0.0)
    said = why(folder, key, runner_up(folder, key, 20.0), 20.0)
    (line,) = [line for line in said if line.startswith("Runner-up")]
    told = [_pounds(text) for text in re.findall(r"£[\d.]+[kmbn]*", line.split("planned anew")[1])]
    least, most = told[0], told[-1]
    truth = best.objective - plan.objective
    assert least * 0.99 - 10 <= truth <= most * 1.01 + 10  # the figures in words have three digits
    instead = read_stage(folder, "options").iloc[int(kept[best.option[problem.option_facility[taken]]])]
    assert str(instead["action"] if instead["action"] != "stay" else "as it is today") in line


def test_what_has_no_other_option_and_what_is_not_planned_are_said_to_be_so(growing: Study) -> None:
    folder = growing.results / "estate"
    assert why(folder, "100099", runner_up(folder, "100099", 5.0), 5.0) == []
    options = read_stage(folder, "options")
    alone = options.groupby("facility").size()
    for key in alone.index[alone == 1]:
        assert why(folder, str(key), runner_up(folder, str(key), 5.0), 5.0)[0] == "Nothing else was open to it."


def _first(folder: Path, key: str) -> int:
    options = read_stage(folder, "options")
    return int(options.loc[options["facility"] == key, "option"].iloc[0])


def _pounds(text: str) -> float:
    size = {"k": 1e3, "m": 1e6, "bn": 1e9}
    number, unit = re.fullmatch(r"£([\d.]+)([a-z]*)", text).groups()  # type: ignore[union-attr]
    return float(number) * size.get(unit, 1.0)
