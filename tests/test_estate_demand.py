"""What an estate is planned for: the mean, several futures of it, or a service level."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import policy, write_small_study

from geodata.problems import BadInput
from models.estate import EstateProblem
from placeplan.balance import node_forecast, study_bands, who_is_where
from placeplan.estate.demand import estate_demand
from placeplan.journeys import study_journeys
from placeplan.pipeline import run_stages, wanted_stages
from placeplan.results import read_stage, read_summary
from placeplan.study import Study


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Three villages whose pupils went up and down, so that past forecasts were out."""
    folder = write_small_study(tmp_path / "study", years=9)
    table = pd.read_csv(folder / "inputs/pupils.csv")
    table["pupils"] = np.random.default_rng(0).poisson(table["pupils"])
    table.to_csv(folder / "inputs/pupils.csv", index=False)
    return folder


def nodes_and_mean(study: Study):
    journeys = study_journeys(study)
    bands, places = study_bands(journeys.schools), who_is_where(study, journeys)
    forecast = read_stage(study.results / "forecast", "forecast")
    nodes = read_stage(study.results / "balance", "nodes")
    rolls = read_stage(study.results / "balance", "roll_forecast")
    return forecast, nodes, node_forecast(study, nodes, bands, places, forecast, rolls).pupils[1:]


def test_futures_lie_round_the_forecast_and_a_service_level_above_it(sample: Path) -> None:
    # Demand that is not the forecast's own draws would prove a plan for other children.
    list(run_stages(Study.open(sample), wanted_stages("balance")))
    study = Study.open(sample)
    forecast, nodes, mean = nodes_and_mean(study)
    one = estate_demand(study, forecast, nodes, mean)
    assert one.pupils.shape == (1, *mean.shape) and np.array_equal(one.pupils[0], mean)
    policy(sample, 'estate_demand = "scenarios"', "estate_scenarios = 6", "estate_draws = 400")
    study = Study.open(sample)
    futures = estate_demand(study, forecast, nodes, mean)
    assert futures.pupils.shape == (6, *mean.shape) and futures.probability == pytest.approx(np.full(6, 1 / 6))
    totals = futures.pupils.sum(axis=(1, 2, 3))
    assert totals[0] < 0.99 * mean.sum() and totals[-1] > 1.01 * mean.sum()
    assert futures.probability @ totals == pytest.approx(mean.sum(), rel=0.05)
    again = estate_demand(study, forecast, nodes, mean)
    assert np.array_equal(futures.pupils, again.pupils)
    raised = {}
    for percentile in (60, 90):
        text = (sample / "study.toml").read_text().split("estate_demand")[0]
        (sample / "study.toml").write_text(text)
        policy(sample, 'estate_demand = "service level"', f"estate_service_percentile = {percentile}")
        raised[percentile] = estate_demand(Study.open(sample), forecast, nodes, mean).pupils
    assert raised[60].shape == (1, *mean.shape)
    assert raised[90].sum() > 1.02 * raised[60].sum() > 1.02 * mean.sum()


def test_a_plan_for_several_futures_is_one_plan_and_pays_its_expected_cost(sample: Path) -> None:
    policy(sample, 'estate_demand = "scenarios"', "estate_scenarios = 3", "estate_draws = 60")
    list(run_stages(Study.open(sample), wanted_stages("estate")))
    study = Study.open(sample)
    problem = EstateProblem.load(study.results / "estate" / "problem.npz")
    assert not problem.two_stage and problem.slice_scenario.max() == 2
    assert problem.scenario_weight == pytest.approx(np.full(3, 1 / 3))
    summary = read_summary(study.results / "estate")
    assert summary["demand"] == "3 futures drawn from the forecast, at expected cost"
    # Expected pupils: each future counts as a third, so that the table adds up to about the forecast.
    allocation = read_stage(study.results / "estate", "allocation")
    unplaced = read_stage(study.results / "estate", "unplaced")
    _, _, mean = nodes_and_mean(study)
    first = sorted(allocation["academic_year"].unique())[0]
    placed = allocation.loc[allocation["academic_year"] == first, "pupils"].sum()
    left = unplaced.loc[(unplaced["academic_year"] == first), "pupils"].sum()
    assert placed + left == pytest.approx(mean[0].sum(), rel=0.05)


def test_a_demand_that_does_not_exist_is_refused_with_everything_else(sample: Path) -> None:
    # Found only by the estate stage, it would leave new forecasts beside old plans.
    policy(sample, 'estate_demand = "median"', "estate_draws = 3")
    with pytest.raises(BadInput) as refused:
        Study.open(sample)
    told = [str(problem) for problem in refused.value.problems]
    assert len(told) == 2
    assert "'median' cannot be chosen. Use one of: mean, scenarios, service level." in told[0]


def test_the_report_says_what_was_planned_for_and_how_far_the_proof_goes(sample: Path) -> None:
    # A stress case that reads like the forecast would be taken for it.
    policy(sample, 'estate_demand = "service level"', "estate_draws = 40")
    list(run_stages(Study.open(sample)))
    page = (Study.open(sample).results / "report" / "report.html").read_text()
    assert "Planned for: 90th percentile of every planning area" in page
    assert "the proof does not settle the decision" in page
