"""The forecast and its uncertainty: hand-worked chains, properties, and England's own history."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY, academic_year, phase_of
from models.accuracy import accuracy, pooled
from models.coherence import past_forecasts
from models.cohorts import birth_series, pupil_cube
from models.error_model import planning_areas
from models.forecast import forecast_pupils
from models.uncertainty import FROM_DEFAULT, FROM_ERRORS, PastForecasts, backtest_table, fit_spread

SOME = settings(deadline=None, max_examples=25)
PLAIN = Policy({"ratio_choice": "3:2:1", "ratio_prior_pupils": 0})


def localities(*codes):
    return pd.DataFrame({"locality": list(codes)})


def steady(n_localities=3, years=6, groups=COMPULSORY, pupils=40.0, births=50.0, last=2021):
    """Localities in which every year is like the last."""
    codes = [f"L{n}" for n in range(n_localities)]
    starts = range(last - years + 1, last + 1)
    rows = [(code, academic_year(start), group, pupils) for code in codes for start in starts for group in groups]
    born = [(code, f"{year}-08-31", births) for code in codes for year in range(last - years - 5, last + 1)]
    return (
        pd.DataFrame(rows, columns=["locality", "academic_year", "year_group", "pupils"]),
        pd.DataFrame(born, columns=["locality", "year_ending", "births"]),
        localities(*codes),
    )


def backtest(pupils, births, places, *, base_year, horizon_years, policy):
    """The backtest table of three tables, without planning areas."""
    codes = places["locality"].tolist()
    past = past_forecasts(pupil_cube(pupils, codes, base_year), birth_series(births, codes), policy, horizon_years)
    return backtest_table(past, codes, policy)


def cell(table, **where):
    found = table
    for column, value in where.items():
        found = found[found[column] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_a_steady_county_stays_as_it_is():
    result = forecast_pupils(*steady(), base_year="2021/22", horizon_years=7, policy=Policy({}))
    assert len(result.table) == 3 * 8 * 12
    np.testing.assert_allclose(result.table["mean"], 40)
    np.testing.assert_allclose(result.authority["mean"], 120)
    np.testing.assert_allclose(result.phase.loc[result.phase["phase"] == "primary", "mean"], 280)


def test_births_enter_reception_and_move_up():
    pupils, births, places = steady(1)
    births.loc[births["year_ending"] == "2019-08-31", "births"] = 100.0  # R of 2023/24
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=4, policy=Policy({}))
    for year, group in (("2023/24", "R"), ("2024/25", "Y1"), ("2025/26", "Y2")):
        assert cell(result.table, academic_year=year, year_group=group)["mean"] == pytest.approx(80)
    assert cell(result.table, academic_year="2024/25", year_group="R")["mean"] == pytest.approx(40)


def test_the_base_year_stands_as_counted():
    result = forecast_pupils(*steady(), base_year="2021/22", horizon_years=2, policy=Policy({}))
    base = result.table[result.table["academic_year"] == "2021/22"]
    for column in ("mean", "p10", "p50", "p90", "unadjusted"):
        np.testing.assert_array_equal(base[column], 40)


def test_one_year_of_history_moves_year_groups_up_unchanged_and_says_so():
    pupils, births, places = steady(2, years=1)
    pupils["pupils"] = 30 + np.arange(len(pupils)) % 12
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=1, policy=Policy({}))
    assert cell(result.table, locality="L0", academic_year="2022/23", year_group="Y3")["mean"] == pytest.approx(32)
    assert any("ratio 1" in note for note in result.notes)
    assert any("default" in note for note in result.notes)
    assert np.isnan(result.interval_coverage)


def test_the_default_interval_is_a_poisson_count_and_two_per_cent_a_year():
    pupils, births, places = steady(1, years=1, pupils=100.0, births=100.0)
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=3, policy=Policy({}))
    row = cell(result.table, academic_year="2024/25", year_group="Y5")
    assert row["p90"] - row["mean"] == pytest.approx(1.2815516 * np.sqrt(100 + (0.06 * 100) ** 2), rel=1e-6)


def test_cohorts_not_yet_born_take_the_mean_of_the_last_years_of_births():
    pupils, births, places = steady(1)
    births.loc[births["year_ending"].isin(["2019-08-31", "2020-08-31", "2021-08-31"]), "births"] = [20, 50, 80]
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=7, policy=Policy({}))
    assert cell(result.table, academic_year="2027/28", year_group="R")["mean"] == pytest.approx(50 * 0.8)
    assert any("not yet born" in note and "2026/27" in note for note in result.notes)


def test_a_locality_without_births_repeats_its_own_entry():
    pupils, births, places = steady(2)
    births = births[births["locality"] == "L0"]
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=5, policy=Policy({}))
    np.testing.assert_allclose(result.table.loc[result.table["locality"] == "L1", "mean"], 40)
    assert any(note.startswith("1 localities have no usable births") for note in result.notes)


def test_without_past_years_to_test_localities_add_up_to_the_authoritys_own_chain():
    rng = np.random.default_rng(3)
    pupils, births, places = steady(8, years=3)
    pupils["pupils"] = rng.poisson(30, len(pupils))
    births["births"] = rng.poisson(40, len(births))
    shrunk = Policy({"ratio_choice": "3:2:1", "ratio_prior_pupils": 60})
    result = forecast_pupils(pupils, births, places, base_year="2021/22", horizon_years=5, policy=shrunk)
    one = pupils.assign(locality="all").groupby(["locality", "academic_year", "year_group"], as_index=False).sum()
    born = births.assign(locality="all").groupby(["locality", "year_ending"], as_index=False).sum()
    whole = forecast_pupils(one, born, localities("all"), base_year="2021/22", horizon_years=5, policy=PLAIN)
    key = ["academic_year", "year_group"]
    summed = result.table.groupby(key)["mean"].sum()
    np.testing.assert_allclose(summed, whole.table.set_index(key)["mean"].reindex(summed.index))
    np.testing.assert_allclose(summed, result.authority.set_index(key)["mean"].reindex(summed.index))
    by_phase = result.table.assign(phase=result.table["year_group"].map(phase_of))
    by_phase = by_phase.groupby(["locality", "phase", "academic_year"])["mean"].sum()
    np.testing.assert_allclose(by_phase, result.phase.set_index(by_phase.index.names)["mean"].reindex(by_phase.index))


def test_homes_finished_long_ago_add_nothing():
    homes = pd.DataFrame({"locality": ["L1"], "academic_year": ["2005/06"], "dwellings": [500.0]})
    result = forecast_pupils(*steady(), base_year="2021/22", horizon_years=5, policy=Policy({}), housing=homes)
    np.testing.assert_allclose(result.table["mean"], 40)


def test_local_intelligence_changes_its_own_cell_only_and_never_below_nobody():
    changes = pd.DataFrame(
        {"locality": ["L0", "L1"], "year_group": ["Y3", "R"], "academic_year": "2023/24", "change": [12.0, -99.0]}
    )
    result = forecast_pupils(*steady(), base_year="2021/22", horizon_years=4, policy=Policy({}), adjustments=changes)
    moved = result.table[result.table["mean"] != result.table["unadjusted"]]
    assert moved[["locality", "year_group", "academic_year"]].to_numpy().tolist() == [
        ["L0", "Y3", "2023/24"],
        ["L1", "R", "2023/24"],
    ]
    assert moved["mean"].tolist() == pytest.approx([52, 0])
    assert cell(result.authority, academic_year="2023/24", year_group="Y3")["mean"] == pytest.approx(132)


@SOME
@given(
    seed=st.integers(0, 10**6),
    years=st.integers(1, 8),
    mean=st.sampled_from([0.3, 3.0, 60.0]),
    missing=st.floats(0, 0.6),
    prior=st.sampled_from([0, 60]),
)
def test_never_missing_never_negative_and_in_order(seed, years, mean, missing, prior):
    rng = np.random.default_rng(seed)
    pupils, births, places = steady(5, years=years)
    pupils["pupils"] = rng.poisson(mean, len(pupils))
    births["births"] = rng.poisson(mean, len(births))
    gone = rng.random(len(pupils)) < missing
    gone &= ~((pupils["academic_year"] == "2021/22") & (pupils["locality"] == "L0")).to_numpy()
    births = births[rng.random(len(births)) >= missing]
    result = forecast_pupils(
        pupils[~gone],
        births,
        places,
        base_year="2021/22",
        horizon_years=6,
        policy=Policy({"ratio_prior_pupils": prior}),
    )
    for table in (result.table, result.authority, result.phase, result.authority_phase):
        numbers = table[["p10", "p50", "p90", "mean", "unadjusted"]].to_numpy()
        assert np.isfinite(numbers).all() and (numbers >= 0).all()
        assert (table["p10"] <= table["p50"]).all() and (table["p50"] <= table["p90"]).all()


def simulated(seed, n_localities=60, years=12):
    """Localities of very different size whose cohorts change by chance, and by a shock all share each year."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(8), np.log(300), n_localities))
    births = rng.poisson(size[:, None] * 1.2, (n_localities, years + 12)).astype(float)
    codes = [f"L{n}" for n in range(n_localities)]
    first = 2021 - years + 1
    state = rng.poisson(size[:, None], (n_localities, 12))
    rows = []
    for start in range(first, 2022):
        shock = rng.normal(1, 0.01)
        stay = rng.poisson(state[:, :-1] * 1.0 * shock)
        entry = rng.binomial(births[:, start - first + 7].astype(int), 0.8)
        state = np.concatenate([entry[:, None], stay], axis=1)
        rows += [
            (code, academic_year(start), group, state[n, g])
            for n, code in enumerate(codes)
            for g, group in enumerate(COMPULSORY)
        ]
    born = [(code, f"{first + y - 11}-08-31", births[n, y]) for n, code in enumerate(codes) for y in range(years + 12)]
    return (
        pd.DataFrame(rows, columns=["locality", "academic_year", "year_group", "pupils"]),
        pd.DataFrame(born, columns=["locality", "year_ending", "births"]).query("year_ending <= '2021-08-31'"),
        localities(*codes),
    )


def test_intervals_hold_the_share_asked_for_in_small_and_large_localities_alike():
    tables = simulated(5)
    tested = backtest(*tables, base_year="2021/22", horizon_years=5, policy=Policy({}))
    judged = tested[tested["interval_from"] == FROM_ERRORS]
    inside = judged["actual"].between(judged["p10"], judged["p90"])
    assert abs(inside.mean() - 0.8) < 0.05
    small = judged["forecast"] < judged["forecast"].median()
    assert abs(inside[small].mean() - inside[~small].mean()) < 0.12
    width = (judged["p90"] - judged["p10"]) / judged["forecast"]
    assert width[small].median() > 1.5 * width[~small].median()


def test_a_wider_interval_is_asked_for_and_given():
    tables = simulated(6, n_localities=20)
    wide = Policy({"interval_level": 0.95})
    narrow = forecast_pupils(*tables, base_year="2021/22", horizon_years=3, policy=Policy({}))
    result = forecast_pupils(*tables, base_year="2021/22", horizon_years=3, policy=wide)
    assert abs(result.interval_coverage - 0.95) < 0.02 and abs(narrow.interval_coverage - 0.8) < 0.02
    later = result.table["academic_year"] > "2021/22"
    assert (result.table["p90"] > narrow.table["p90"])[later].mean() > 0.99


def test_a_phase_total_is_surer_than_its_year_groups_together():
    result = forecast_pupils(*simulated(7), base_year="2021/22", horizon_years=3, policy=Policy({}))
    cells = result.table[result.table["year_group"].isin(PRIMARY)]
    together = cells.assign(w=cells["p90"] - cells["p10"]).groupby(["locality", "academic_year"])["w"].sum()
    phase = result.phase[result.phase["phase"] == "primary"].set_index(["locality", "academic_year"])
    later = phase.index.get_level_values("academic_year") > "2021/22"
    assert ((phase["p90"] - phase["p10"])[later] < together[phase.index][later]).mean() > 0.9


def test_intervals_of_phase_totals_hold_what_comes_next():
    pupils, births, places = simulated(11)
    result = forecast_pupils(pupils, births, places, base_year="2018/19", horizon_years=3, policy=Policy({}))
    came = pupils.assign(phase=pupils["year_group"].map(phase_of))
    came = came.groupby(["locality", "phase", "academic_year"], as_index=False)["pupils"].sum()
    judged = result.phase[result.phase["academic_year"] > "2018/19"].merge(came)
    assert len(judged) == 60 * 2 * 3
    assert 0.68 < judged["pupils"].between(judged["p10"], judged["p90"]).mean() < 0.9


def test_beyond_the_longest_horizon_tested_the_interval_widens_in_proportion():
    rng = np.random.default_rng(1)
    forecast = np.full((4, 500, 4, 1), 1e6)
    actual = forecast * (1 + rng.normal(0, 0.01, forecast.shape) * np.arange(1, 5)[:, None])
    actual[:, :, 2:] = np.nan
    past = PastForecasts(forecast, actual, np.arange(2010, 2014), ("primary",))
    low, high = fit_spread(past, Policy({})).interval(forecast[0, 0])
    half = (high - low)[:, 0] / 2e6
    np.testing.assert_allclose(half, 1.2816 * 0.01 * np.arange(1, 5), rtol=0.05)


def test_a_backtest_does_not_see_the_future():
    pupils, births, places = simulated(8, n_localities=10)
    late = pupils["academic_year"] >= "2016/17"
    later_births = births["year_ending"] > "2015-08-31"
    changed = (
        pupils.assign(pupils=np.where(late, 3 * pupils["pupils"], pupils["pupils"])),
        births.assign(births=np.where(later_births, 9 * births["births"], births["births"])),
    )
    before, after = (
        backtest(*tables, places, base_year="2021/22", horizon_years=6, policy=Policy({}))
        for tables in ((pupils, births), changed)
    )
    early = before["origin"] <= "2015/16"
    assert early.sum() > 100
    columns = ["locality", "origin", "horizon_years", "year_group", "forecast", "p10", "p90"]
    pd.testing.assert_frame_equal(before.loc[early, columns], after.loc[early, columns])


def test_the_first_origins_say_that_their_intervals_are_a_default():
    tested = backtest(*simulated(9, n_localities=6, years=5), base_year="2021/22", horizon_years=2, policy=Policy({}))
    source = tested.groupby("origin")["interval_from"].agg(set)
    assert source.iloc[0] == {FROM_DEFAULT}
    assert source.iloc[-1] == {FROM_ERRORS}


@pytest.fixture(scope="module")
def england(real_data):
    folder = real_data / "england"
    pupils = pd.read_csv(folder / "pupils_by_la_2011_2021.csv.gz").rename(columns={"la_code": "locality"})
    births = pd.read_csv(folder / "births_by_district_1992_2022.csv.gz")
    births = births.groupby(["la_code", "year_to_mid"], as_index=False)["births"].sum()
    births = births.rename(columns={"la_code": "locality"})
    births["year_ending"] = pd.to_datetime(births["year_to_mid"].astype(str) + "-06-30")
    return pupils, births, localities(*sorted(pupils["locality"].unique()))


def test_plain_cohort_survival_reproduces_its_known_accuracy_for_england(england):
    tested = backtest(*england, base_year="2018/19", horizon_years=3, policy=PLAIN)
    tested = tested.assign(phase=tested["year_group"].map(phase_of)).dropna(subset="phase")
    totals = tested.groupby(["phase", "origin", "horizon_years", "locality"])[["forecast", "actual"]].sum()
    error = (totals["forecast"] / totals["actual"] - 1).abs().groupby(level=[0, 1, 2]).mean()
    assert error["primary", "2017/18", 1] <= 0.0050
    assert error["secondary", "2017/18", 1] <= 0.0056
    assert error["primary", "2015/16", 3] <= 0.0170
    assert error["secondary", "2015/16", 3] <= 0.0210


def test_intervals_for_england_hold_four_in_five_at_every_horizon_without_seeing_the_future(england):
    pupils, births, places = england
    codes = places["locality"].tolist()
    cube = pupil_cube(pupils, codes, "2021/22")
    past = past_forecasts(cube, birth_series(births, codes), Policy({}), 5)
    judged = pooled(accuracy(past, planning_areas(places, past.year_groups), "own", Policy({})))
    for level, least, most in (("localities", 0.66, 0.9), ("year groups", 0.72, 0.88)):
        held = judged[judged["level"] == level].set_index(["phase", "horizon_years"])["coverage"]
        assert len(held) == 10
        assert held.between(least, most).all()


def test_england_adds_up_and_notes_what_was_missing(england):
    result = forecast_pupils(*england, base_year="2021/22", horizon_years=7, policy=Policy({}))
    assert abs(result.interval_coverage - 0.8) < 0.02
    assert any("Y14" in note for note in result.notes)
    assert any("births" in note for note in result.notes)
    assert result.table["mean"].notna().all()


def test_planning_areas_sum_their_localities_and_have_their_own_spread() -> None:
    """Retained surplus is kept for an area under its own high forecast: not that of one village, nor of the county."""
    rng = np.random.default_rng(3)
    codes = [f"L{n}" for n in range(6)]
    localities = pd.DataFrame(
        {"locality": codes, "planning_area_primary": ["N", "N", "N", "N", "S", "S"], "planning_area_secondary": "all"}
    )
    years = [f"{y}/{(y + 1) % 100:02d}" for y in range(2010, 2023)]
    pupils = pd.DataFrame(
        [(year, code, g, float(rng.poisson(30))) for year in years for code in codes for g in COMPULSORY],
        columns=["academic_year", "locality", "year_group", "pupils"],
    )
    births = pd.DataFrame(
        [(code, pd.Timestamp(y, 8, 31), 30.0) for code in codes for y in range(2000, 2023)],
        columns=["locality", "year_ending", "births"],
    )
    made = forecast_pupils(pupils, births, localities, base_year="2022/23", horizon_years=4, policy=Policy({}))
    area = made.area.set_index(["phase", "planning_area", "academic_year"])
    villages = made.phase.merge(localities, on="locality").query("phase == 'primary'")
    sums = villages.groupby(["planning_area_primary", "academic_year"])[["mean", "p90"]].sum()
    north = area.loc[("primary", "N", "2026/27")]
    assert north["mean"] == pytest.approx(sums.loc[("N", "2026/27"), "mean"])
    assert north["mean"] < north["p90"] < sums.loc[("N", "2026/27"), "p90"]
    whole = area.loc[("secondary", "all")]["p90"]
    authority = made.authority_phase.query("phase == 'secondary'").set_index("academic_year")["p90"]
    assert whole.to_numpy() == pytest.approx(authority.loc[whole.index].to_numpy())
