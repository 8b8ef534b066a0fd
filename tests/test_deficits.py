"""Deficits from draws: hand-worked ones, the same by a loop, those of the sample county and what is said of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import grow, policy, write_small_study

from geodata.policy import Policy
from models.deficits import INTAKE, KEY, WHOLE_PHASE, deficit_table, drawn_rolls
from models.draws import Draws
from models.error_model import ErrorModel, PlanningAreas
from placeplan.county import make_county
from placeplan.deficits import DRAWS, acted_on, study_deficits, wrong_deficits
from placeplan.explain import explanation
from placeplan.pipeline import run_stages, wanted_stages
from placeplan.report.stage import report_stage
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

SHOWN = ["planning_area", "phase", "kind", "academic_year"]


def cells(*rows: tuple[str, str, str, str, float, float]) -> pd.DataFrame:
    names = ["planning_area", "phase", "academic_year", "year_group", "pupils", "places"]
    return pd.DataFrame(rows, columns=names)


def test_a_spare_place_in_one_year_group_is_no_place_in_another() -> None:
    # Netted off, a full Reception would vanish behind an empty Y1.
    two = cells(("N", "primary", "2024/25", "R", 40.0, 30.0), ("N", "primary", "2024/25", "Y1", 20.0, 60.0))
    drawn = np.array([[30.0, 40, 50, 60, 45], [20, 20, 20, 20, 70]])
    made = deficit_table(two, drawn, Policy({"deficit_counts_from": 15})).set_index("kind")
    # Reception is short by 0, 10, 20, 30, 15; Y1 by 0, 0, 0, 0, 10; together by 0, 10, 20, 30, 25.
    intake, whole = made.loc[INTAKE], made.loc[WHOLE_PHASE]
    assert (intake["pupils_p50"], intake["places"], whole["places"]) == (45, 30, 90)
    assert (intake["deficit_p50"], whole["deficit_p50"]) == (15, 20)
    assert (intake["deficit_expected"], whole["deficit_expected"]) == (15, 17)
    assert (intake["deficit_p10"], intake["deficit_p90"]) == pytest.approx((4, 26))
    assert (intake["probability"], whole["probability"]) == (0.6, 0.6), "15 places count, 10 do not"
    assert whole["pupils_p50"] == 70, "the phase is short although it has more places than pupils"


def test_the_first_year_is_the_first_in_which_a_deficit_is_likely() -> None:
    # A case that starts in the wrong year is built too late, or for nobody.
    years = ["2024/25", "2025/26", "2026/27"]
    rows = cells(*[(area, "secondary", year, "Y7", 30.0, 30.0) for area in "NS" for year in years])
    share = {"N": (0.2, 0.5, 0.4), "S": (0.0, 0.1, 0.4)}
    likely = np.array([share[area][year] for area in "NS" for year in range(3)])
    drawn = np.where(np.arange(10) < 10 * likely[:, None], 50.0, 30.0)
    made = deficit_table(rows, drawn, Policy({}))
    assert made.loc[made["planning_area"] == "N", "first_year"].eq("2025/26").all()
    assert made.loc[made["planning_area"] == "S", "first_year"].isna().all()
    assert acted_on(made)["planning_area"].tolist() == ["N", "N"]
    made = deficit_table(rows, drawn, Policy({"deficit_act_probability": 0.4, "deficit_counts_from": 20}))
    assert made.loc[made["planning_area"] == "S", "first_year"].eq("2026/27").all()


@st.composite
def cases(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    taught = draw(st.lists(st.sampled_from(["R", "Y1", "Y6", "Y7", "Y11"]), min_size=1, max_size=5, unique=True))
    rows = [
        (area, "primary" if group in ("R", "Y1", "Y6") else "secondary", year, group, 1.0, float(places))
        for area in "NS"[: draw(st.integers(1, 2))]
        for year in ("2024/25", "2025/26")
        for group in taught
        for places in [draw(st.integers(0, 60))]
    ]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    order = rng.permutation(len(rows))
    return cells(*[rows[row] for row in order]), rng.integers(0, 90, (len(rows), draw(st.integers(1, 30)))).astype(
        float
    )


@given(cases())
@settings(max_examples=60, deadline=None)
def test_any_deficits_are_those_of_a_loop(case: tuple[pd.DataFrame, np.ndarray]) -> None:
    # Draws summed over the wrong cells would still look like deficits.
    table, drawn = case
    for row in deficit_table(table, drawn, Policy({})).itertuples():
        pupils, short, places = [0.0] * drawn.shape[1], [0.0] * drawn.shape[1], 0.0
        for at, cell in enumerate(table.itertuples()):
            mine = all(getattr(cell, name) == getattr(row, name) for name in KEY)
            if mine and (row.kind == WHOLE_PHASE or cell.year_group in ("R", "Y7")):
                places += cell.places
                for n in range(drawn.shape[1]):
                    pupils[n] += drawn[at, n]
                    short[n] += max(0.0, drawn[at, n] - cell.places)
        assert row.places == places
        assert row.probability == pytest.approx(sum(s >= 15 for s in short) / len(short))
        assert row.deficit_expected == pytest.approx(sum(short) / len(short))
        for name, values in (("pupils", pupils), ("deficit", short)):
            for share in (10, 50, 90):
                at_rank = share / 100 * (len(values) - 1)
                low, ranked = int(at_rank), sorted(values)
                high = ranked[min(low + 1, len(ranked) - 1)]
                expected = ranked[low] + (at_rank - low) * (high - ranked[low])
                assert getattr(row, f"{name}_p{share}") == pytest.approx(expected)


def test_a_draw_moves_the_rolls_of_an_area_as_it_moves_its_residents() -> None:
    # Draws of residents set against places at schools as they stand would count children who go elsewhere.
    groups = ("R", "Y1", "Y7")
    mean = np.array([[[20.0, 20, 30]], [[10, 10, 20]], [[40, 0, 40]]])  # localities a, b in N, c in S
    at = np.array([0, 0, 1])
    areas = PlanningAreas((("N", "S"), ("N", "S")), (at, at), (slice(0, 2), slice(2, 3)))
    sizes = [np.full((1, 3), sd) for sd in (0.02, 0.03, 0.05, 0.0)]
    spread = ErrorModel(*sizes, np.zeros((3, 1, 3)), np.full(3, 0.5), np.ones(3))
    draws = Draws(mean, spread, areas, seed=3, n_draws=40)
    pupils = np.concatenate([block for _, block in draws.blocks()], axis=1)  # (N, 3, 1, 3)
    rows = cells(
        ("N", "primary", "2024/25", "R", 60.0, 0.0),
        ("S", "primary", "2024/25", "Y1", 6.0, 0.0),
        ("Elsewhere", "secondary", "2024/25", "Y7", 90.0, 0.0),
    )
    rolls = drawn_rolls(rows, draws, ["2024/25"], groups)
    assert rolls[0] == pytest.approx(60 * (pupils[:, 0, 0, 0] + pupils[:, 1, 0, 0]) / 30, abs=0.02)
    # Nobody of Y1 is forecast to live in S, nobody at all in Elsewhere: both follow the whole study.
    assert rolls[1] == pytest.approx(6 * pupils[:, :, 0, 1].sum(axis=1) / 30, abs=0.02)
    assert rolls[2] == pytest.approx(pupils[:, :, 0, 2].sum(axis=1), abs=0.02)
    assert rolls.mean(axis=1) == pytest.approx([60, 6, 90], rel=1e-3)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deficits") / "county"
    make_county(folder)
    list(run_stages(Study.open(folder), wanted_stages("balance")))
    return folder


def test_the_growing_town_of_the_sample_county_has_a_case_and_it_is_told(county: Path) -> None:
    # The town that the county is made to outgrow must be the one whose case the report makes.
    study = Study.open(county)
    table, balance = (read_stage(study.results / "balance", name) for name in ("deficits", "balance"))
    summary = read_summary(study.results / "balance")
    case = acted_on(table)
    assert summary is not None and summary["deficits"] == len(case) > 0
    primary = case[case["phase"] == "primary"]
    assert primary["planning_area"].str.contains("Tarnebridge").all() and set(primary["kind"]) == {INTAKE, WHOLE_PHASE}
    # Medians of draws lie by the forecast's own balance, and need there is a deficit here.
    after = balance[balance["academic_year"] > study.settings.base_year]
    summed = after.groupby(["planning_area", "phase", "academic_year"])[["pupils", "places", "need"]].sum()
    whole = table[table["kind"] == WHOLE_PHASE].set_index(SHOWN[:2] + SHOWN[3:]).reindex(summed.index)
    assert whole["places"].to_numpy() == pytest.approx(summed["places"].to_numpy())
    assert whole["pupils_p50"].to_numpy() == pytest.approx(summed["pupils"].to_numpy(), rel=0.05)
    assert (whole["deficit_expected"] >= summed["need"] - 0.02 * summed["pupils"]).all()
    area = primary["planning_area"].iloc[0]
    told = explanation(study, area)[f"The case for places in {area}, from draws of the forecast"]
    assert any(f"first likely in {primary['first_year'].iloc[0]}" in line for line in told)
    page = report_stage(study, study.results).pages["report.html"]
    section = page.split('<h2 id="case">')[1].split("<h2")[0]
    assert f"{area}, primary; intake: likely from {primary['first_year'].iloc[0]}" in section
    assert not any(wrong_deficits(study))


def test_the_same_futures_come_again(county: Path) -> None:
    # A probability that changes from run to run cannot be quoted.
    study = Study.open(county)
    forecast = read_stage(study.results / "forecast", "forecast")
    balance, stored = (read_stage(study.results / "balance", name) for name in ("balance", "deficits"))
    pd.testing.assert_frame_equal(study_deficits(study, forecast, balance).table, stored)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three villages, of which one comes to have 75 children a year for a school of 30 places a year."""
    folder = write_small_study(tmp_path_factory.mktemp("deficits") / "study")
    grow(folder, "A", 75)
    policy(folder, "estate_draws = 40")
    list(run_stages(Study.open(folder), wanted_stages("balance")))
    return folder


FORGED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a probability talked up": (lambda t: t.assign(probability=1.0), "probability is"),
    "a deficit made smaller": (lambda t: t.assign(deficit_p50=t["deficit_p50"] / 2), "deficit_p50 is"),
    "places that are not there": (lambda t: t.assign(places=t["places"] + 30), "places is"),
    "a year put off": (lambda t: t.assign(first_year=t["academic_year"].max()), "the first year is 2023/24"),
    "an area left out": (lambda t: t[t["planning_area"] != "S"], "rows are listed"),
}


@pytest.mark.parametrize("how", FORGED)
def test_verify_finds_deficits_that_are_not_those_of_the_draws(short: Path, how: str) -> None:
    # The case for a school is quoted from this table alone.
    study, (forge, told) = Study.open(short), FORGED[how]
    path = study.results / "balance/deficits.parquet"
    before = path.read_bytes()
    assert wrong_deficits(study) == []
    try:
        forge(pd.read_parquet(path)).to_parquet(path, index=False)
        assert any(told in line for line in wrong_deficits(study)), wrong_deficits(study)
    finally:
        path.write_bytes(before)


def test_verify_finds_draws_of_other_pupils(short: Path) -> None:
    # Draws and table could be forged together; the balance they stand on is checked against rolls.
    study = Study.open(short)
    path = study.results / "balance" / DRAWS
    before = path.read_bytes()
    with np.load(path) as saved:
        pupils = saved["pupils"]
    try:
        np.savez_compressed(path, pupils=pupils * 1.1)
        assert any("drawn on average" in line for line in wrong_deficits(study))
        np.savez_compressed(path, pupils=pupils[1:])
        assert any("cells were drawn" in line for line in wrong_deficits(study))
    finally:
        path.write_bytes(before)
