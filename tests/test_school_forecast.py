"""School forecasts: by hand, exact sums, places, and better than today's shares on the sample county's own past."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import PRIMARY, SCHOOL_YEAR_GROUPS, add_years
from models.local_knowledge import adjusted_cells, entry_against_preferences
from models.places import school_places
from models.planning_areas import area_history
from models.school_forecast import FULL, NOT_TAUGHT, SchoolForecast, school_forecast
from placeplan.county import make_county
from placeplan.study import Study

POLICY = Policy({})
BASE = "2021/22"
SCHOOLS = pd.DataFrame(
    {
        "urn": [100001, 100002],
        "name": ["Ash", "Birch"],
        "phase": "primary",
        "planning_area": "North",
        "low_age": 4,
        "high_age": 11,
        "pan": [30, 60],
    }
)
CELL = ["planning_area", "academic_year", "year_group"]


def rolls(cells: Mapping[tuple[int, str, str], float]) -> pd.DataFrame:
    rows = [(urn, year, group, pupils) for (urn, year, group), pupils in cells.items()]
    return pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", "pupils"])


def area(cells: Mapping[tuple[str, str, str], float]) -> pd.DataFrame:
    return pd.DataFrame([(*key, pupils) for key, pupils in cells.items()], columns=[*CELL, "pupils"])


def by_cell(result: SchoolForecast, column: str = "pupils") -> pd.Series:
    return result.table.set_index(["urn", "academic_year", "year_group"])[column].sort_index()


TWO = rolls(
    {
        (100001, BASE, "R"): 20,
        (100002, BASE, "R"): 60,
        (100001, BASE, "Y1"): 30,
        (100002, BASE, "Y1"): 30,
        (100001, "2020/21", "R"): 30,
        (100002, "2020/21", "R"): 30,
        (100001, "2019/20", "R"): 54,
        (100002, "2019/20", "R"): 6,
    }
)
ENTERING = (3 * 20 / 80 + 2 * 30 / 60 + 1 * 54 / 60) / 6
NEXT = area({("North", "2022/23", "R"): 90, ("North", "2022/23", "Y1"): 88, ("North", "2022/23", "Y2"): 57})


def test_cohorts_keep_their_share_and_entry_is_that_of_lately() -> None:
    result = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY)
    found = by_cell(result)
    assert found[100001, "2022/23", "R"] == pytest.approx(90 * ENTERING)
    assert found[100001, "2022/23", "Y1"] == pytest.approx(88 * 20 / 80)
    assert found[100002, "2022/23", "Y2"] == pytest.approx(57 / 2)
    assert result.unplaced.empty and (result.table["pupils"] == result.table["unconstrained"]).all()


def test_first_preferences_stand_where_every_school_has_some() -> None:
    asked = pd.DataFrame({"urn": [100001, 100002], "academic_year": "2022/23", "first_preferences": [45, 15]})
    result = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY, preferences=asked)
    assert by_cell(result)[100001, "2022/23", "R"] == pytest.approx(90 * 0.75)
    later = pd.concat([asked, asked.assign(academic_year="2023/24", first_preferences=[0, 99])])
    again = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY, preferences=later)
    pd.testing.assert_frame_equal(again.table, result.table)  # nobody knows them yet
    one = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY, preferences=asked.head(1))
    assert by_cell(one)[100001, "2022/23", "R"] == pytest.approx(90 * ENTERING)
    assert any("First preferences are given for some schools only" in note for note in one.notes)


def places(**year_groups: tuple[float, float]) -> pd.DataFrame:
    rows = [
        (urn, year, group, count)
        for group, pair in year_groups.items()
        for year in ("2022/23", "2023/24")
        for urn, count in zip(SCHOOLS["urn"], pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", "places"])


def test_overflow_goes_to_schools_with_room_and_the_rest_is_reported() -> None:
    asked = pd.DataFrame({"urn": [100001, 100002], "academic_year": "2022/23", "first_preferences": [45, 15]})
    more = pd.concat([NEXT, area({("North", "2023/24", "R"): 100, ("North", "2023/24", "Y1"): 90})])
    room = places(R=(30, 60), Y1=(30, 60))
    result = school_forecast(more, TWO, SCHOOLS, base_year=BASE, policy=POLICY, preferences=asked, places=room)
    found, free = by_cell(result), by_cell(result, "unconstrained")
    assert free[100001, "2022/23", "R"] == pytest.approx(67.5) and found[100001, "2022/23", "R"] == pytest.approx(30)
    assert found[100002, "2022/23", "R"] == pytest.approx(60)  # its own 22.5 and 37.5 of the other's
    # A year on that cohort stays where it was placed, and 100 find 90 places.
    assert found[100002, "2023/24", "Y1"] == pytest.approx(60)
    lost = result.unplaced.set_index(["academic_year", "year_group"])
    assert lost.loc[("2023/24", "R"), "pupils"] == pytest.approx(10) and set(lost["reason"]) == {FULL}
    assert any("no room" in note for note in result.notes)


def test_nobody_on_roll_is_sent_away() -> None:
    """A bulge above the admission number stays at its school; places bind those who enter."""
    room = places(R=(30, 60), Y1=(15, 55))
    result = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY, places=room)
    found = by_cell(result)
    assert found[100001, "2022/23", "Y1"] == pytest.approx(20) and found[100002, "2022/23", "Y1"] == pytest.approx(60)
    assert result.unplaced["pupils"].sum() == pytest.approx(8)


INFANTS = pd.DataFrame(
    {
        "urn": [100001, 100002, 100003],
        "phase": ["infant", "junior", "primary"],
        "planning_area": "North",
        "low_age": [4, 7, 4],
        "high_age": [7, 11, 11],
    }
)


def test_juniors_take_what_the_infants_left() -> None:
    history = rolls(
        {
            (100001, "2020/21", "Y2"): 60,
            (100003, "2020/21", "Y2"): 60,
            (100002, BASE, "Y3"): 48,
            (100003, BASE, "Y3"): 72,
            (100001, BASE, "Y2"): 75,
            (100003, BASE, "Y2"): 25,
        }
    )
    wanted = area({("North", "2022/23", "Y3"): 110, ("North", "2022/23", "Y4"): 100})
    found = by_cell(school_forecast(wanted, history, INFANTS, base_year=BASE, policy=POLICY))
    # Last year infants had half of Y2 and juniors 0.4 of the next Y3: 0.8 for each share. Now infants have 0.75.
    assert found[100002, "2022/23", "Y3"] == pytest.approx(110 * 0.8 * 0.75)
    assert found[100003, "2022/23", "Y3"] == pytest.approx(110 * (1 - 0.8 * 0.75))
    assert found[100002, "2022/23", "Y4"] == pytest.approx(100 * 48 / 120)


def test_an_all_through_school_belongs_to_two_areas() -> None:
    schools = pd.DataFrame(
        {
            "urn": [100001, 100002],
            "phase": ["all-through", "secondary"],
            "planning_area": ["North", "Town"],
            "planning_area_secondary": ["Town", None],
            "low_age": [4, 11],
            "high_age": [16, 18],
        }
    )
    history = rolls(
        {(100001, BASE, "Y6"): 30, (100001, BASE, "Y7"): 60, (100002, BASE, "Y7"): 120, (100002, BASE, "Y11"): 99}
    )
    wanted = area({("Town", "2022/23", "Y7"): 150, ("Town", "2022/23", "Y12"): 40, ("North", "2022/23", "Y7"): 3})
    result = school_forecast(wanted, history, schools, base_year=BASE, policy=POLICY)
    found = by_cell(result)
    assert found[100001, "2022/23", "Y7"] == pytest.approx(50), "Y7 is entered in Town, whoever was in its Y6"
    assert found[100002, "2022/23", "Y12"] == pytest.approx(40)
    assert result.unplaced[[*CELL, "pupils", "reason"]].to_numpy().tolist() == [
        ["North", "2022/23", "Y7", 3, NOT_TAUGHT]
    ]
    history = area_history(history, schools).set_index(["planning_area", "year_group"])["pupils"]
    assert history["Town", "Y7"] == 180 and history["North", "Y6"] == 30


def test_what_nobody_knows_is_split_evenly_and_said() -> None:
    only = rolls({(100001, BASE, "Y4"): 20})
    result = school_forecast(NEXT, only, SCHOOLS, base_year=BASE, policy=POLICY)
    assert by_cell(result)[100002, "2022/23", "R"] == pytest.approx(45)
    assert any("split evenly" in note for note in result.notes)
    opened = school_forecast(NEXT, TWO[TWO["urn"] == 100001], SCHOOLS, base_year=BASE, policy=POLICY)
    assert by_cell(opened)[100002, "2022/23", "R"] == 0 and any("1 schools took no" in note for note in opened.notes)


def test_what_cannot_be_answered_is_said() -> None:
    with pytest.raises(ValueError, match="each year after"):
        school_forecast(NEXT.assign(academic_year="2024/25"), TWO, SCHOOLS, base_year=BASE, policy=POLICY)
    with pytest.raises(ValueError, match="999999"):
        school_forecast(NEXT, TWO.replace({"urn": {100002: 999999}}), SCHOOLS, base_year=BASE, policy=POLICY)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_schools_and_unplaced_sum_to_the_area(seed: int, limited: bool) -> None:
    """Whatever the ages, areas, gaps and places: nobody appears, nobody disappears, nobody is negative."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 8))
    kinds = np.array([(4, 7), (7, 11), (4, 11), (9, 13), (11, 16), (4, 16), (11, 18)])[rng.integers(0, 7, count)]
    schools = pd.DataFrame(
        {
            "urn": 100001 + np.arange(count),
            "planning_area": rng.choice(["P", "Q"], count),
            "planning_area_secondary": rng.choice(["S", "P", None], count),
            "low_age": kinds[:, 0],
            "high_age": kinds[:, 1],
        }
    )
    groups, years = np.array(SCHOOL_YEAR_GROUPS[:14]), [add_years(BASE, n) for n in range(-2, 6)]

    def table(name: str, labels: list[object], some: list[str]) -> pd.DataFrame:
        index = pd.MultiIndex.from_product([labels, some, groups], names=[name, "academic_year", "year_group"])
        values = rng.poisson(rng.choice([0, 0.5, 30], len(index)))
        return pd.Series(values.astype(float), index=index, name="pupils").reset_index()

    past = table("urn", schools["urn"].tolist(), years[:3])
    wanted = table("planning_area", ["P", "Q", "S", "T"], years[3:])
    room = table("urn", schools["urn"].tolist(), years[3:]).rename(columns={"pupils": "places"}) if limited else None
    result = school_forecast(wanted, past, schools, base_year=BASE, policy=POLICY, places=room)
    assert (result.table[["pupils", "unconstrained"]] >= 0).all(axis=None) and (result.unplaced["pupils"] > 0).all()
    assert np.isfinite(result.table[["pupils", "unconstrained"]]).all(axis=None)
    made = area_history(result.table, schools).set_index(CELL)["pupils"]
    total = made.add(result.unplaced.groupby(CELL)["pupils"].sum(), fill_value=0.0)
    np.testing.assert_allclose(total.reindex(wanted.set_index(CELL).index).fillna(0.0), wanted["pupils"], atol=1e-9)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pd.DataFrame]:
    folder: Path = tmp_path_factory.mktemp("county")
    make_county(folder)
    return Study.open(folder).tables


def test_rolls_come_back_from_areas_better_than_by_today_s_shares(county: Mapping[str, pd.DataFrame]) -> None:
    """Given what became of the areas, cohort shares must tell schools apart better than shares of each year group."""
    schools, past = county["schools"], county["rolls"]
    known = past[past["academic_year"] <= "2018/19"]
    came = past[past["academic_year"].isin(["2019/20", "2020/21", "2021/22"])]
    history = area_history(past, schools)
    wanted = history[history["academic_year"].isin(came["academic_year"])]
    result = school_forecast(wanted, known, schools, base_year="2018/19", policy=POLICY)
    assert result.unplaced.empty
    key = ["urn", "academic_year", "year_group"]
    both = came.merge(result.table, on=key, suffixes=("", "_forecast"))
    assert len(both) == len(came)
    area_of = schools.set_index("urn")["planning_area"]
    base = known[known["academic_year"] == "2018/19"].assign(area=lambda t: t["urn"].map(area_of))
    share = base["pupils"] / base.groupby(["area", "year_group"])["pupils"].transform("sum")
    by_share = base.assign(share=share)[["urn", "year_group", "share"]]
    both = both.merge(by_share, on=["urn", "year_group"]).assign(planning_area=lambda t: t["urn"].map(area_of))
    both = both.merge(wanted, on=CELL, suffixes=("", "_area"))
    error = (both["pupils_forecast"] - both["pupils"]).abs()
    naive = (both["share"] * both["pupils_area"] - both["pupils"]).abs()
    assert error.mean() < 0.8 * naive.mean()
    a_year_on = both["academic_year"] == "2019/20"
    assert error[a_year_on].mean() < 0.6 * naive[a_year_on].mean()
    juniors = both["urn"].isin(schools.loc[schools["phase"] == "junior", "urn"]) & both["year_group"].eq("Y3")
    assert error[juniors].mean() < naive[juniors].mean()


def test_eau_claire_s_schools_come_back_from_the_city(real_data: Path) -> None:
    """Real schools: given what became of the city, cohort shares must beat today's share of each year group."""
    table = pd.read_csv(real_data / "eau_claire" / "enrolment.csv").rename(columns={"students": "pupils"})
    table["urn"] = 100001 + pd.factorize(table["School"])[0]
    table["academic_year"] = [f"{year}/{(year + 1) % 100:02d}" for year in table["year"]]
    table["year_group"] = ["R" if grade == "K" else f"Y{grade}" for grade in table["grade"]]
    errors, naive = [], []
    for origin in range(2004, 2015):
        now = table[table["year"] == origin]
        later = table[table["year"].between(origin + 1, origin + 5) & table["urn"].isin(now["urn"])]
        schools = pd.DataFrame({"urn": sorted(set(now["urn"])), "planning_area": "city", "low_age": 4, "high_age": 10})
        past = table[(table["year"] <= origin) & table["urn"].isin(now["urn"])]
        base = now["academic_year"].iloc[0]
        wanted = area_history(later, schools)
        result = school_forecast(wanted, past, schools, base_year=base, policy=POLICY)
        total = wanted.set_index(["academic_year", "year_group"])["pupils"]
        share = now.set_index(["urn", "year_group"])["pupils"] / now["year_group"].map(
            now.groupby("year_group")["pupils"].sum()
        ).to_numpy(dtype=float)
        both = later.merge(result.table, on=["urn", "academic_year", "year_group"], suffixes=("", "_forecast"))
        assert len(both) == len(later)
        of_today = share.reindex(pd.MultiIndex.from_frame(both[["urn", "year_group"]])).to_numpy()
        in_city = total.reindex(pd.MultiIndex.from_frame(both[["academic_year", "year_group"]])).to_numpy()
        errors.append((both["pupils_forecast"] - both["pupils"]).abs())
        naive.append((pd.Series(of_today * in_city) - both["pupils"]).abs())
    assert pd.concat(errors).mean() < 0.9 * pd.concat(naive).mean()
    assert sum(a.mean() < b.mean() for a, b in zip(errors, naive, strict=True)) >= 10, "of eleven origins"


def test_the_county_s_schools_keep_within_their_places(county: Mapping[str, pd.DataFrame]) -> None:
    schools, past = county["schools"], county["rolls"]
    base = "2022/23"
    years = [add_years(base, n) for n in range(1, 5)]
    now = area_history(past[past["academic_year"] == base], schools)
    wanted = pd.concat([now.assign(academic_year=year, pupils=now["pupils"] * 1.06) for year in years])
    supply = school_places(schools, None, [base, *years])
    result = school_forecast(wanted, past, schools, base_year=base, policy=POLICY, places=supply)
    entry = result.table[result.table["year_group"] == "R"].merge(supply, on=["urn", "academic_year", "year_group"])
    assert (entry["pupils"] <= entry["places"] + 1e-9).all()
    assert (entry["unconstrained"] > entry["places"] + 1).any(), "nothing was tested: no school would overflow"
    total = area_history(result.table, schools).set_index(CELL)["pupils"]
    total = total.add(result.unplaced.groupby(CELL)["pupils"].sum(), fill_value=0.0)
    np.testing.assert_allclose(total.reindex(wanted.set_index(CELL).index), wanted["pupils"])
    assert set(PRIMARY) <= set(result.table["year_group"])


def test_adjusted_and_unadjusted_stand_side_by_side() -> None:
    forecast = pd.DataFrame(
        {
            "locality": ["a", "a", "b"],
            "academic_year": "2022/23",
            "year_group": ["R", "Y1", "R"],
            "unadjusted": [20.0, 21.0, 5.0],
            "mean": [25.0, 21.0, 0.0],
        }
    )
    logged = pd.DataFrame(
        {
            "locality": ["a", "a", "b", "a"],
            "year_group": ["R", "R", "R", "R"],
            "academic_year": ["2022/23", "2022/23", "2022/23", "2050/51"],
            "change": [8.0, -3.0, -9.0, 1.0],
            "reason": ["new nursery", "a family moved", "closure", "far ahead"],
            "author": "JB",
            "date": "2022-11-01",
        }
    )
    table, notes = adjusted_cells(forecast, logged)
    assert table["adjusted"].tolist() == [25, 25, 0] and table["unadjusted"].tolist() == [20, 20, 5]
    assert table["change"].tolist() == [8, -3, -9] and table["reason"].tolist()[1] == "a family moved"
    assert any("far ahead" in note for note in notes) and any("0 stands" in note for note in notes)
    assert adjusted_cells(forecast, None)[0].empty


def test_entrants_beside_first_preferences() -> None:
    asked = pd.DataFrame(
        {
            "urn": [100001, 100002, 100001],
            "academic_year": ["2022/23", "2022/23", BASE],
            "first_preferences": [45, 15, 28],
        }
    )
    forecast = school_forecast(NEXT, TWO, SCHOOLS, base_year=BASE, policy=POLICY).table
    both = pd.concat([TWO, forecast])
    table = entry_against_preferences(both, asked, SCHOOLS).set_index(["name", "academic_year"])
    assert table.loc[("Ash", "2022/23"), "pupils_less_preferences"] == pytest.approx(90 * ENTERING - 45)
    assert table.loc[("Ash", "2022/23"), "preferences_above_pan"] == 15
    assert table.loc[("Ash", BASE), "pupils"] == 20 and table.loc[("Birch", "2022/23"), "preferences_above_pan"] == 0
    assert len(table) == 3 and table["year_group"].eq("R").all()
