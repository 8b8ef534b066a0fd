"""The forecast and backtest stages: every pupil that is added has a name, and the method stands beside simpler ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import write_small_study

from models.forecast import forecast_pupils
from placeplan.cli import main
from placeplan.demand import backtest_stage, draws_result, forecast_stage
from placeplan.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study", years=8)


def test_a_steady_study_is_forecast_without_error_by_every_method(folder: Path) -> None:
    """Eight equal years: whoever is out at all here is wrong."""
    made = backtest_stage(Study.open(folder)).tables
    errors = made["accuracy"]
    assert set(errors["method"]) == {"placeplan", "naive", "exponential smoothing", "3:2:1 cohort survival"}
    assert errors["error"].max() == pytest.approx(0, abs=1e-6)
    published = made["published"].set_index(["phase", "horizon_years"])["mean_absolute_error"]
    assert published["primary", 3.0] == 0.0234


def test_housing_and_local_knowledge_are_named_terms(folder: Path) -> None:
    """An officer must be able to say where each added pupil comes from, and who said so."""
    (folder / "inputs/housing.csv").write_text("site,locality,academic_year,dwellings\nMill Lane,A,2023/24,200\n")
    (folder / "inputs/adjustments.csv").write_text(
        "locality,year_group,academic_year,change,reason,author,date\n"
        "B,R,2024/25,-5,Barracks closes,Officer,2023-05-01\n"
    )
    result = forecast_stage(Study.open(folder))
    terms = result.tables["housing_terms"]
    assert set(terms["locality"]) == {"A"} and terms["pupils"].sum() > 0
    forecast = result.tables["forecast"].set_index(["locality", "academic_year", "year_group"])
    last = terms[terms["academic_year"] == "2027/28"].groupby("year_group")["pupils"].sum()
    assert forecast.loc[("A", "2027/28", "Y1"), "mean"] == pytest.approx(20 + last["Y1"])
    adjusted = result.tables["adjusted"]
    assert adjusted[["locality", "year_group", "reason", "author"]].to_numpy().tolist() == [
        ["B", "R", "Barracks closes", "Officer"]
    ]
    cell = forecast.loc[("B", "2024/25", "R")]
    assert cell["mean"] == pytest.approx(cell["unadjusted"] - 5)


def test_the_methodology_says_what_was_used(folder: Path) -> None:
    text = forecast_stage(Study.open(folder)).pages["methodology.md"]
    for words in ("2015/16 to 2022/23", "3 small areas", "No housing was given", "3, 2, 1", "Hertfordshire"):
        assert words in text
    assert "housing_yield" not in text and "Primary pupils from a new dwelling" not in text


def test_draws_stand_round_the_forecast_and_come_again(folder: Path) -> None:
    """Demand scenarios that miss the forecast, or differ from run to run, would make every plan irreproducible."""
    study = Study.open(folder)
    forecast = forecast_stage(study).tables["forecast"]
    first, again = (draws_result(study, forecast, 40, seed=3).tables["draws"] for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    mean = first.groupby(["academic_year", "year_group"])["pupils"].sum() / 40
    table = forecast.groupby(["academic_year", "year_group"])["mean"].sum()
    assert mean.to_numpy() == pytest.approx(table.loc[mean.index].to_numpy(), rel=0.02)
    assert (first["pupils"] >= 0).all()


def test_draws_differ_by_seed_and_spread_as_past_errors_did(folder: Path) -> None:
    pupils = pd.read_csv(folder / "inputs/pupils.csv")
    rng = np.random.default_rng(1)
    pupils["pupils"] = rng.poisson(pupils["pupils"])
    pupils.to_csv(folder / "inputs/pupils.csv", index=False)
    study = Study.open(folder)
    made = forecast_stage(study).tables
    one, two = (draws_result(study, made["forecast"], 200, seed=seed).tables["draws"] for seed in (1, 2))
    assert not one["pupils"].equals(two["pupils"])
    area = made["forecast_area"].set_index(["planning_area", "academic_year"])
    sums = one[one["planning_area"] == "P"].pivot_table("pupils", "academic_year", "draw", aggfunc="sum")
    inside = [row.between(*area.loc[("P", year), ["p10", "p90"]]).mean() for year, row in sums.iterrows()]
    assert 0.6 < np.mean(inside) < 0.95, inside


def test_backtest_and_draws_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def done(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return int(stop.value.code or 0)

    assert done("backtest", str(folder), "--origins", "2019/20", "--horizons", "1,3") == 0
    said = capsys.readouterr().out
    assert "from 2019/20" in said and "3 years ahead" in said and "5 years ahead" not in said and "naive" in said
    assert done("backtest", str(folder), "--origins", "1999/00") == 2
    assert "1999/00 is not in the backtest" in capsys.readouterr().err
    assert done("forecast", str(folder), "--draws", "5") == 0
    draws = pd.read_parquet(folder / "results/base/draws/draws.parquet")
    assert draws["draw"].nunique() == 5
    assert done("verify", str(folder)) == 0


def test_the_report_shows_each_change_beside_the_figure_without_it(folder: Path) -> None:
    """A committee must see what was forecast before anybody's judgement, and whose judgement it was."""
    (folder / "inputs/housing.csv").write_text("site,locality,academic_year,dwellings\nMill Lane,A,2023/24,200\n")
    (folder / "inputs/adjustments.csv").write_text(
        "locality,year_group,academic_year,change,reason,author,date\n"
        "B,R,2024/25,-5,<b>Barracks</b> closes,A. Officer,2023-05-01\n"
    )
    with pytest.raises(SystemExit):
        main(["report", str(folder)])
    text = (folder / "results/base/report/report.html").read_text()
    assert "&lt;b&gt;Barracks&lt;/b&gt; closes" in text and "A. Officer, 01 May 2023" in text
    assert "Without local intelligence" in text
    assert "new homes as planned" in text and "already in past ratios" in text


def test_the_backtest_is_told_for_the_origins_and_years_asked_for(folder: Path, capsys) -> None:
    """Methods set beside each other on different years would flatter one of them."""
    with pytest.raises(SystemExit):
        main(["backtest", str(folder), "--origins", "2018/19", "--horizons", "1,3"])
    said = capsys.readouterr().out
    assert "Forecasts from 2018/19 against what came" in said
    assert "primary, 1 year ahead" in said and "secondary, 3 years ahead" in said
    assert "5 years ahead" not in said
    for words in ("authority", "localities", "year groups", "naive 0.00%", "2.34% on average", "bias"):
        assert words in said
    with pytest.raises(SystemExit) as stopped:
        main(["backtest", str(folder), "--origins", "2030/31"])
    assert stopped.value.code == 2


@pytest.mark.parametrize("years", [1, 2])
def test_a_short_history_with_planning_areas_is_forecast_and_says_that_nothing_could_be_tested(
    tmp_path: Path, years: int
) -> None:
    """A new authority with one or two counts is the first to need a forecast."""
    folder = write_small_study(tmp_path / "study", years=years)
    study = Study.open(folder)
    study.tables["localities"]["planning_area_primary"] = ["N", "N", "S"]
    result = forecast_stage(study)
    assert result.tables["forecast"]["mean"].notna().all()
    assert "Too few years of pupils" in result.pages["methodology.md"]
    assert backtest_stage(study).tables["accuracy"]["error"].notna().all()


def test_births_of_a_place_where_nobody_was_ever_counted_make_no_pupils(folder: Path) -> None:
    """Children invented from births alone would stand in a headline that the notes deny."""
    study = Study.open(folder)
    localities = pd.concat([study.tables["localities"], study.tables["localities"].head(1).assign(locality="E")])
    births = pd.concat(
        [study.tables["births"], study.tables["births"].query("locality == 'A'").assign(locality="E", births=30.0)]
    )
    made = forecast_pupils(
        study.tables["pupils"], births, localities, base_year="2022/23", horizon_years=5, policy=study.policy
    )
    assert (made.table.query("locality == 'E'")["mean"] == 0).all()
    np.testing.assert_allclose(made.authority.query("year_group == 'R'")["mean"], 20 + 25 + 12)


def test_the_statement_names_the_methods_that_were_nearer(folder: Path) -> None:
    """An inquiry will ask what naive forecasting would have said: the statement must not leave that to others."""
    pupils = folder / "inputs/pupils.csv"
    lines = pupils.read_text().splitlines()
    swing = {f"20{y}/{y + 1}": 40 + 8 * (-1) ** y for y in range(15, 23)}  # up and down: standing still is nearest
    rows = [
        ",".join([*(parts := line.split(","))[:3], str(swing[parts[0]])]) if line[0] != "a" else line for line in lines
    ]
    pupils.write_text("\n".join(rows) + "\n")
    text = forecast_stage(Study.open(folder)).pages["methodology.md"]
    assert "| naive |" in text and "| Held |" in text and "nearer was" in text
