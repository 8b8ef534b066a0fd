"""Suppressed cells, missing years, redrawn boundaries and strange histories: a stated fallback or a clear error."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_study import PER_YEAR_GROUP, write_small_study

from geodata.policy import Policy
from geodata.problems import BadInput
from geodata.suppressed import fill_rolls
from geodata.years import COMPULSORY, academic_year
from models.cohorts import birth_series, pupil_cube
from models.forecast import forecast_pupils
from placeplan.cli import main
from placeplan.results import read_stage
from placeplan.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def edit(folder: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a table, every cell as text."""
    path = folder / f"inputs/{name}.csv"
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def set_where(count: str, value: str, **where: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Write a value into the cells of the rows that match."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        rows = np.logical_and.reduce([table[column] == word for column, word in where.items()])
        assert rows.any()
        table.loc[rows, count] = value
        return table

    return change


def without(**where: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Leave out the rows that match."""
    return lambda table: table[~np.logical_and.reduce([table[column] == word for column, word in where.items()])]


def sound(folder: Path) -> tuple[pd.DataFrame, str]:
    """Forecast and notes of a study, both stages run from the command line: whole, never missing, never negative."""
    for command in ("forecast", "backtest"):
        main_returns(command, folder)
    forecast = read_stage(folder / "results/base/forecast", "forecast")
    figures = forecast[["mean", "p10", "p50", "p90", "unadjusted"]]
    assert np.isfinite(figures).all(axis=None) and (figures >= 0).all(axis=None)
    localities = Study.open(folder).tables["localities"]["locality"]
    wanted = len(localities) * forecast["academic_year"].nunique() * forecast["year_group"].nunique()
    assert len(forecast) == wanted and set(forecast["locality"]) == set(localities), "somebody was dropped"
    said = (folder / "results/base/forecast/methodology.md").read_text(encoding="utf-8")
    return forecast, said


def main_returns(command: str, folder: Path) -> None:
    try:
        main([command, str(folder)])
    except SystemExit as stop:
        assert not stop.code, f"{command} ended with {stop.code}"


def mean(forecast: pd.DataFrame, locality: str, year: str, group: str) -> float:
    return float(forecast.set_index(["locality", "academic_year", "year_group"])["mean"][locality, year, group])


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["forecast", str(folder)])
    assert stop.value.code == 2
    assert not (folder / "results").exists()
    return " ".join(capsys.readouterr().err.split())


# Suppressed cells


@pytest.mark.parametrize("symbol", ["c", "x", "z", "low", "LOW", "*", ":", "", " C "])
def test_a_suppressed_count_is_unknown_and_not_nought(folder: Path, symbol: str) -> None:
    """A village's 20 pupils read as 0 would halve its ratio and empty a class for seven years."""
    edit(folder, "pupils", set_where("pupils", symbol, locality="A", academic_year="2022/23", year_group="Y3"))
    edit(folder, "pupils", set_where("pupils", symbol, locality="B", academic_year="2019/20", year_group="Y5"))
    forecast, said = sound(folder)
    assert mean(forecast, "A", "2022/23", "Y3") == 20, "the cohort's own last count, moved up"
    assert mean(forecast, "A", "2023/24", "Y4") == pytest.approx(20)
    assert mean(forecast, "B", "2024/25", "Y6") == pytest.approx(25)
    assert "2 of 216 counts of pupils are suppressed or blank, in 2 localities" in said
    study = Study.open(folder)
    assert {(f.table, f.count) for f in study.fallbacks if f.field == "pupils"} == {("pupils", 2)}


def test_only_counts_may_be_suppressed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any other word in a count, and a symbol in any other column, is a mistake as before."""
    edit(folder, "pupils", set_where("pupils", "few", locality="A", academic_year="2022/23", year_group="Y3"))
    edit(folder, "schools", lambda schools: schools.assign(capacity="c"))
    said = refused(folder, capsys)
    assert "'few' is not a number" in said and "'c' is not a whole number" in said


def test_a_whole_base_year_of_a_locality_is_suppressed(folder: Path) -> None:
    """Its cohorts stand as last counted; 0 would close its school."""
    edit(folder, "pupils", set_where("pupils", "c", locality="C", academic_year="2022/23"))
    forecast, said = sound(folder)
    assert mean(forecast, "C", "2023/24", "Y2") == pytest.approx(12)
    assert "1 localities were counted in earlier years and not in the base year" in said


@pytest.mark.parametrize(("table", "where"), [("pupils", {"academic_year": "2022/23"}), ("rolls", {}), ("births", {})])
def test_everything_suppressed_is_an_error(
    folder: Path, table: str, where: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    count = "births" if table == "births" else "pupils"
    edit(folder, table, lambda frame: set_where(count, "c", **where)(frame) if where else frame.assign(**{count: "c"}))
    said = refused(folder, capsys)
    assert f"{table}.csv" in said and "suppressed or blank" in said and "Ask its publisher" in said


def test_suppressed_births_scale_or_stand_for_their_cohort(folder: Path) -> None:
    """Births to August: a suppressed year is a cohort not known; the mean of the latest years stands, here the same."""
    edit(folder, "births", set_where("births", "*", locality="A", year_ending="2020-08-31"))
    forecast, said = sound(folder)
    assert mean(forecast, "A", "2024/25", "R") == pytest.approx(20)
    assert "1 counts of births are suppressed, blank or missing, in 1 localities: Village A (A) 1" in said


def test_suppressed_rolls_take_the_cohort_then_the_year_group_then_the_school() -> None:
    """By hand: Y2 from last year's Y1 (18); R has no cohort and takes last year's R (21); school 2 knows only Y1."""
    rolls = pd.DataFrame(
        [
            ("2021/22", 1, "R", 21.0), ("2021/22", 1, "Y1", 18.0),
            ("2022/23", 1, "R", np.nan), ("2022/23", 1, "Y1", 22.0), ("2022/23", 1, "Y2", np.nan),
            ("2022/23", 2, "Y1", 9.0), ("2022/23", 2, "Y2", np.nan), ("2022/23", 3, "R", np.nan),
        ],
        columns=["academic_year", "urn", "year_group", "pupils"],
    )  # fmt: skip
    done, filled, nothing = fill_rolls(rolls)
    assert done["pupils"].tolist() == [21, 18, 21, 22, 18, 9, 9, 0]
    assert (filled, nothing) == (3, 1)


def test_school_stages_stand_on_suppressed_rolls_and_flows(folder: Path) -> None:
    """A suppressed class must not empty a school or stop its stage."""
    edit(folder, "rolls", set_where("pupils", "c", urn="100001", year_group="Y3"))
    edit(folder, "pupils", set_where("pupils", "c", locality="A", academic_year="2022/23", year_group="Y3"))
    (folder / "inputs/flows.csv").write_text(
        "academic_year,locality,urn,year_group,phase,pupils\n2022/23,A,100001,,primary,137\n2022/23,A,100002,,primary,c\n"
    )
    main_returns("sufficiency", folder)
    balance = read_stage(folder / "results/base/balance", "balance")
    base = balance[(balance["academic_year"] == "2022/23") & (balance["year_group"] == "Y3")]
    assert base["pupils"].sum() == pytest.approx(sum(PER_YEAR_GROUP.values()), abs=0.5)
    said = [str(fallback) for fallback in Study.open(folder).fallbacks]
    assert any(line.startswith("rolls.pupils: 1 suppressed or blank") for line in said)
    assert any(line.startswith("flows.pupils: 1 suppressed or blank") and "2.5" in line for line in said)


# Missing years


def test_a_missing_year_teaches_nothing(folder: Path) -> None:
    """Two years' change must not be taken for one: what lies between is not known, and said."""
    edit(folder, "pupils", without(academic_year="2020/21"))
    forecast, said = sound(folder)
    assert mean(forecast, "B", "2027/28", "Y9") == pytest.approx(25)
    assert "No pupils are given for 2020/21" in said
    assert any("no rows for 2020/21" in note for note in Study.open(folder).notes)
    cube = pupil_cube(Study.open(folder).tables["pupils"], ["A", "B", "C"], "2022/23")
    assert np.isnan(cube.pupils[:, 3]).all() and np.isfinite(cube.pupils[:, [0, 1, 2, 4, 5]]).all()


def test_only_every_other_year(folder: Path) -> None:
    """No ratio at all is known: year groups move up unchanged, and the interval is the stated default."""
    for year in ("2017/18", "2019/20", "2021/22"):
        edit(folder, "pupils", without(academic_year=year))
    forecast, said = sound(folder)
    assert mean(forecast, "B", "2027/28", "Y9") == pytest.approx(25)
    assert "year groups are moved up unchanged" in said and "stated default" in said and "nan" not in said


def test_missing_births_in_the_middle(folder: Path) -> None:
    edit(folder, "births", lambda births: births[~births["year_ending"].str.startswith("2020")])
    forecast, said = sound(folder)
    assert mean(forecast, "A", "2024/25", "R") == pytest.approx(20)
    assert any("births: no rows for years ending in 2020" in note for note in Study.open(folder).notes)
    assert "Cohorts entering in 2024/25" in said


def test_the_base_year_is_required(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "pupils", without(academic_year="2022/23"))
    said = refused(folder, capsys)
    assert "no rows for the base year 2022/23; the latest is 2021/22" in said


# Strange histories: each a result whose notes say what stands


def _births_without_pupils(folder: Path) -> None:
    edit(folder, "pupils", without(locality="C"))


def _pupils_without_births(folder: Path) -> None:
    edit(folder, "births", without(locality="C"))


def _a_year_group_half_way(folder: Path) -> None:
    edit(folder, "pupils", lambda p: p[(p["year_group"] != "Y11") | (p["academic_year"] >= "2021/22")])


def _a_new_school_in_one_place(folder: Path) -> None:
    new = ["Y7", "Y8", "Y9", "Y10", "Y11"]
    edit(folder, "pupils", lambda p: p[~((p["locality"] == "C") & p["year_group"].isin(new)
                                         & (p["academic_year"] < "2020/21"))])  # fmt: skip


def _nobody_in_one_place(folder: Path) -> None:
    edit(folder, "pupils", set_where("pupils", "0", locality="C"))


def _one_year(folder: Path) -> None:
    edit(folder, "pupils", lambda p: p[p["academic_year"] == "2022/23"])


def _births_of_one_year(folder: Path) -> None:
    edit(folder, "births", lambda b: b[b["year_ending"] == "2022-08-31"])


def _sixth_form_in_some_years(folder: Path) -> None:
    def change(pupils: pd.DataFrame) -> pd.DataFrame:
        late = pupils[(pupils["year_group"] == "Y11") & (pupils["academic_year"] >= "2021/22")]
        return pd.concat([pupils, late.assign(year_group="Y12", pupils="9"), late.assign(year_group="Y13", pupils="7")])

    edit(folder, "pupils", change)


def _under_school_age_in_some_years(folder: Path) -> None:
    def change(pupils: pd.DataFrame) -> pd.DataFrame:
        late = pupils[(pupils["year_group"] == "R") & pupils["academic_year"].isin(["2020/21", "2022/23"])]
        return pd.concat([pupils, *[late.assign(year_group=f"A{age}") for age in range(4)]])

    edit(folder, "pupils", change)


def _adjustments_outside(folder: Path) -> None:
    (folder / "inputs/adjustments.csv").write_text(
        "locality,year_group,academic_year,change,reason,author,date\n"
        "A,R,2031/32,5,estate,planner,2023-01-01\nA,Y13,2024/25,5,estate,planner,2023-01-01\n"
        "A,R,2024/25,-500,estate,planner,2023-01-01\n"
    )


STRANGE: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "births without pupils": (_births_without_pupils, ("1 localities were never counted and have no pupils",)),
    "pupils without births": (_pupils_without_births, ("1 localities have no usable births; R repeats past entry",)),
    "a year group from half-way on": (
        _a_year_group_half_way, ("learnt from later ones: Y11 from 2021/22", "rest on 2 past"),
    ),
    "a new school in one place": (
        _a_new_school_in_one_place, ("1 breaks in", "Village C (C) 2020/21"),
    ),
    "nobody in one place": (_nobody_in_one_place, ()),
    "one year of history": (_one_year, ("Only one year of pupils", "stated default")),
    "births of one year": (_births_of_one_year, ("no usable births",)),
    "a sixth form in some years": (_sixth_form_in_some_years, ("Y12 from 2021/22, Y13 from 2021/22",)),
    "children below school age in some years": (_under_school_age_in_some_years, ()),
    "adjustments outside the forecast": (
        _adjustments_outside,
        ("2 adjustments change nothing", "A R 2031/32, A Y13 2024/25", "more pupils than are forecast; 0 stands"),
    ),
    "two localities of one name": (
        lambda folder: edit_names(folder), ("Village A (A)", "Village A (B)"),
    ),
}  # fmt: skip


def edit_names(folder: Path) -> None:
    import geopandas as gpd

    path = folder / "inputs/localities.gpkg"
    gpd.read_file(path).assign(name="Village A").to_file(path)
    for place in "AB":
        edit(folder, "pupils", set_where("pupils", "c", locality=place, academic_year="2019/20", year_group="R"))


@pytest.mark.parametrize("case", STRANGE)
def test_strange_histories_are_forecast_and_said(folder: Path, case: str) -> None:
    change, words = STRANGE[case]
    change(folder)
    _, said = sound(folder)
    for word in words:
        assert word in said, said


BAD: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "a year twice": (
        lambda f: edit(f, "pupils", lambda p: pd.concat([p, p[p["academic_year"] == "2020/21"]])),
        ("pupils.csv", "row 218", "2020/21 A R stands in row 110 already", "academic_year, locality, year_group"),
    ),
    "an adjustment to nowhere": (
        lambda f: (f / "inputs/adjustments.csv").write_text(
            "locality,year_group,academic_year,change,reason,author,date\nQ,R,2024/25,5,a,b,2023-01-01\n"
        ) and None,
        ("adjustments.csv", "row 2", "locality", "Q is not in localities"),
    ),
    "a base year that is not the latest": (
        lambda f: (f / "study.toml").write_text((f / "study.toml").read_text().replace("2022/23", "2021/22")) and None,
        ("pupils.csv", "pupils after the base year 2021/22: 2022/23", "Set base_year to 2022/23"),
    ),
    "negative births": (
        lambda f: edit(f, "births", set_where("births", "-3", locality="A", year_ending="2015-08-31")),
        ("births.csv", "row 7", "'-3' is below 0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_histories_are_refused_with_the_row(folder: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = BAD[case]
    change(folder)
    said = refused(folder, capsys)
    for word in words:
        assert word in said, said


@st.composite
def histories(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pupils, births and localities with suppressed cells, missing rows, years and localities, and zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    places = [f"L{n}" for n in range(draw(st.integers(1, 4)))]
    years = [academic_year(start) for start in range(2023 - draw(st.integers(1, 7)), 2023)]
    groups = ["A3", *COMPULSORY, "Y12"] if draw(st.booleans()) else list(COMPULSORY)
    size = draw(st.sampled_from([0.3, 4.0, 40.0]))
    rows = pd.MultiIndex.from_product([years, places, groups], names=["academic_year", "locality", "year_group"])
    pupils = rows.to_frame(index=False).assign(pupils=rng.poisson(size, len(rows)).astype(float))
    pupils.loc[rng.random(len(pupils)) < draw(st.sampled_from([0.0, 0.1, 0.6])), "pupils"] = np.nan
    base = pupils["academic_year"] == "2022/23"
    kept = rng.random(len(pupils)) >= draw(st.sampled_from([0.0, 0.3]))
    lost_year = pupils["academic_year"].isin(draw(st.sets(st.sampled_from(years)))) & ~base
    pupils = pupils[(kept | (base & (pupils["locality"] == "L0"))) & ~lost_year]
    ends = pd.MultiIndex.from_product([places, pd.date_range("2012-06-30", periods=11, freq="YE-JUN")])
    births = pd.DataFrame({"locality": ends.get_level_values(0), "year_ending": ends.get_level_values(1)})
    births["births"] = np.where(rng.random(len(births)) < 0.2, np.nan, rng.poisson(size, len(births)))
    births = births[rng.random(len(births)) >= draw(st.sampled_from([0.0, 0.3]))]
    return pupils, births, pd.DataFrame({"locality": places, "name": places})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_whatever_is_missing_nobody_is_lost(history: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
    """Never missing, never negative, every locality × year × year group there; notes without a broken figure."""
    pupils, births, localities = history
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = forecast_pupils(
            pupils, births, localities, base_year="2022/23", horizon_years=4, policy=Policy({})
        )  # fmt: skip
    for table in (result.table, result.phase, result.area, result.authority, result.authority_phase):
        figures = table[["mean", "p10", "p50", "p90", "unadjusted"]]
        assert np.isfinite(figures).all(axis=None) and (figures >= 0).all(axis=None)
    groups = result.table["year_group"].nunique()
    assert set(COMPULSORY) <= set(result.table["year_group"])
    assert (
        len(result.table.drop_duplicates(["locality", "academic_year", "year_group"])) == len(localities) * 5 * groups
    )
    assert not any("nan" in note or "inf%" in note for note in result.notes), result.notes


def test_suppressed_cells_reach_the_arrays_as_unknown() -> None:
    """A cell summed from a known and an unknown row is unknown."""
    pupils = pd.DataFrame(
        {
            "academic_year": "2022/23",
            "locality": ["A", "A", "B"],
            "year_group": ["R", "Y1", "R"],
            "pupils": [3, None, 4],
        }
    )
    assert np.isnan(pupil_cube(pupils, ["A", "B"], "2022/23").pupils[0, 0]).tolist() == [False, True]
    births = pd.DataFrame({"locality": ["A"], "year_ending": ["2020-08-31"], "births": [np.nan]})
    assert np.isnan(birth_series(births, ["A"]).births).all()


def test_check_counts_suppressed_cells_by_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "births", set_where("births", ":", locality="A", year_ending="2015-08-31"))
    edit(folder, "pupils", set_where("pupils", "c", locality="A", academic_year="2019/20"))
    main_returns_json(folder)
    told = json.loads(capsys.readouterr().out)
    assert [line.split(":")[0] for line in told["fallbacks"] if "suppressed" in line] == [
        "pupils.pupils",
        "births.births",
    ]
    assert any("12 suppressed or blank" in line for line in told["fallbacks"])


def main_returns_json(folder: Path) -> None:
    try:
        main(["check", str(folder), "--json"])
    except SystemExit as stop:
        assert not stop.code


def test_bad_input_still_comes_all_at_once(folder: Path) -> None:
    """A suppressed cell beside a broken one must not hide it."""
    edit(folder, "pupils", set_where("pupils", "c", locality="A", academic_year="2019/20"))
    edit(folder, "pupils", set_where("pupils", "-1", locality="B", academic_year="2019/20"))
    with pytest.raises(BadInput) as error:
        Study.open(folder)
    assert "'-1' is below 0" in str(error.value) and "'c'" not in str(error.value)
