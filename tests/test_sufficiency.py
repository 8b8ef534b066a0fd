"""Places and their balance with pupils: hand-worked schools, and what must hold for any."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY, SECONDARY, phase_of, years_from
from models.places import area_places, raise_to_cohorts, school_places
from models.sufficiency import balance_places, summarise_balance, unfilled_places

SOME = settings(deadline=None, max_examples=40)
YEARS = years_from("2022/23", 4)
POLICY = Policy({})


def school(urn=100001, phase="primary", ages=(4, 11), capacity=210, pan=30, **more):
    row = {"urn": urn, "phase": phase, "low_age": ages[0], "high_age": ages[1], "capacity": capacity, "pan": pan}
    return {**row, "capacity_sixth_form": 0, "planning_area": "P1", **more}


def schools(*rows):
    return pd.DataFrame(rows)


def planned(*rows):
    columns = ["urn", "planning_area", "academic_year", "year_group", "phase", "places", "kind"]
    return pd.DataFrame([{**dict.fromkeys(columns), **row} for row in rows], columns=columns)


def grid(table, column="places", years=YEARS, **where):
    """The column as a table of academic years × year groups."""
    for field, value in where.items():
        table = table[table[field] == value]
    return table.pivot_table(index="academic_year", columns="year_group", values=column, aggfunc="sum").loc[list(years)]


@pytest.mark.parametrize(
    ("phase", "ages", "expected"),
    [
        ("primary", (5, 11), PRIMARY),
        ("primary", (2, 11), PRIMARY),
        ("infant", (4, 7), ("R", "Y1", "Y2")),
        ("junior", (7, 11), ("Y3", "Y4", "Y5", "Y6")),
        ("middle", (9, 13), ("Y5", "Y6", "Y7", "Y8")),
        ("secondary", (11, 18), SECONDARY),
        ("all-through", (4, 16), COMPULSORY),
        ("special", (4, 16), ()),
        ("16 plus", (16, 19), ()),
    ],
)
def test_a_school_has_places_in_the_year_groups_it_teaches_up_to_y11(phase, ages, expected):
    table = school_places(schools(school(phase=phase, ages=ages, capacity=9999)), None, YEARS)
    assert set(table["year_group"]) == set(expected)


def test_the_sixth_form_is_out_and_net_capacity_caps_the_admission_numbers():
    table = school_places(
        schools(school(phase="secondary", ages=(11, 18), capacity=1000, capacity_sixth_form=250, pan=180)), None, YEARS
    )
    np.testing.assert_allclose(grid(table), 150)  # 5 × 180 = 900 is more than the 750 places below the sixth form
    np.testing.assert_allclose(grid(table, "physical_places"), 150)


def test_a_smaller_pan_moves_up_with_its_cohort_and_leaves_the_building():
    cut = planned({"urn": 100001, "academic_year": "2023/24", "year_group": "R", "places": -10, "kind": "removed"})
    table = school_places(schools(school()), cut, YEARS)
    places = grid(table)
    assert places.loc["2022/23"].tolist() == [30] * 7
    assert places.loc["2023/24", ["R", "Y1"]].tolist() == [20, 30]
    assert places.loc["2025/26", ["R", "Y1", "Y2", "Y3"]].tolist() == [20, 20, 20, 30]
    assert grid(table, "physical_places").sum(axis=1).tolist() == [210] * 4


def test_a_removal_may_be_written_as_a_positive_number():
    rows = [{"urn": 100001, "academic_year": "2023/24", "phase": "primary", "kind": "removed"}]
    either = [school_places(schools(school()), planned({**rows[0], "places": n}), YEARS) for n in (10, -10)]
    pd.testing.assert_frame_equal(*either)


def test_a_bulge_is_one_cohort_and_keeps_moving_if_it_entered_before():
    bulges = planned(
        {"urn": 100001, "academic_year": "2023/24", "year_group": "R", "places": 30, "kind": "bulge"},
        {"urn": 100001, "academic_year": "2019/20", "year_group": "R", "places": 15, "kind": "bulge"},
    )
    more = grid(school_places(schools(school()), bulges, YEARS)) - 30
    assert more.loc["2023/24"].to_dict() == {"R": 30, "Y1": 0, "Y2": 0, "Y3": 0, "Y4": 15, "Y5": 0, "Y6": 0}
    assert more.loc["2025/26"].to_dict() == {"R": 0, "Y1": 0, "Y2": 30, "Y3": 0, "Y4": 0, "Y5": 0, "Y6": 15}


def test_planned_places_use_the_room_there_is_before_they_are_built():
    more = planned({"urn": 100001, "academic_year": "2022/23", "phase": "primary", "places": 15, "kind": "permanent"})
    table = school_places(schools(school(capacity=240)), more, YEARS)
    assert grid(table).sum(axis=1).tolist() == [225, 240, 255, 270]
    assert grid(table, "physical_places").sum(axis=1).tolist() == pytest.approx([240, 240, 255, 270])


def test_permanent_changes_of_the_past_are_in_todays_pan():
    more = planned({"urn": 100001, "academic_year": "2020/21", "year_group": "R", "places": 15, "kind": "permanent"})
    assert (grid(school_places(schools(school()), more, YEARS)) == 30).all(axis=None)


def test_a_junior_school_expands_from_its_own_entry_year():
    more = planned({"urn": 100001, "academic_year": "2023/24", "phase": "primary", "places": 30, "kind": "permanent"})
    junior = schools(school(phase="junior", ages=(7, 11), capacity=240, pan=60))
    places = grid(school_places(junior, more, YEARS))
    assert places.loc["2024/25"].tolist() == [90, 90, 60, 60]


def test_area_places_move_up_to_the_end_of_their_phase():
    more = planned(
        {"planning_area": "P1", "academic_year": "2022/23", "year_group": "Y5", "places": 30, "kind": "permanent"},
        {"urn": 100001, "academic_year": "2022/23", "year_group": "R", "places": 15, "kind": "permanent"},
    )
    table = area_places(more, YEARS)
    assert set(table["planning_area"]) == {"P1"}
    assert table.groupby("academic_year")["year_group"].agg(list).tolist() == [["Y5"]] + [["Y5", "Y6"]] * 3


def test_a_school_without_a_figure_is_named():
    with pytest.raises(ValueError, match="pan: 100001"):
        school_places(schools(school(pan=None)), None, YEARS)
    with pytest.raises(ValueError, match="100009"):
        school_places(schools(school()), planned({"urn": 100009, "academic_year": "2022/23", "places": 1}), YEARS)


def rolls(*rows):
    return pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", "pupils"])


def two_areas():
    """Two infant schools of one area and one of another: R is short in P1 and spare in P2."""
    known = schools(
        school(100001, "infant", (4, 7), 90, 30),
        school(100002, "infant", (4, 7), 45, 15),
        school(100003, "infant", (4, 7), 90, 30, planning_area="P2"),
    )
    pupils = rolls(
        (100001, "2022/23", "R", 34.0),
        (100002, "2022/23", "R", 15.0),
        (100003, "2022/23", "R", 20.0),
        (100001, "2022/23", "Y1", 29.0),
        (100002, "2022/23", "Y1", 14.0),
        (100003, "2022/23", "Y1", 29.0),
        (100001, "2022/23", "Y2", 20.0),
        (100002, "2022/23", "Y2", 10.0),
    )
    return known, pupils


def test_balance_by_hand():
    known, pupils = two_areas()
    table = balance_places(pupils, school_places(known, None, YEARS), known, POLICY)
    shown = table.set_index(["planning_area", "year_group"])[["pupils", "places", "need", "spare", "rag"]]
    assert shown.loc[("P1", "R")].tolist() == [49, 45, 4, 0, "red"]
    assert shown.loc[("P1", "Y1")].tolist() == [43, 45, 0, 2, "amber"]  # 43 ÷ 0.95 = 45.3 places
    assert shown.loc[("P1", "Y2")].tolist() == [30, 45, 0, 15, "green"]
    assert shown.loc[("P2", "R")].tolist() == [20, 30, 0, 10, "green"]
    assert shown.loc[("P2", "Y2")].tolist() == [0, 30, 0, 30, "green"]
    assert table["year_group"].tolist() == ["R", "Y1", "Y2"] * 2


def test_sums_show_need_and_spare_together():
    known, pupils = two_areas()
    table = balance_places(pupils, school_places(known, None, YEARS), known, POLICY)
    total = summarise_balance(table).iloc[0]
    assert (total["need"], total["spare"], total["places"]) == (4, 2 + 15 + 10 + 1 + 30, 225)
    assert total["spare_share"] == pytest.approx(58 / 225)


def test_published_surplus_is_counted_school_by_school_and_ignores_a_pan_cut():
    known, pupils = two_areas()
    cut = planned({"urn": 100001, "academic_year": "2022/23", "year_group": "R", "places": 15, "kind": "removed"})
    plain, less = (school_places(known, change, YEARS) for change in (None, cut))
    surplus = unfilled_places(pupils, less, known)
    assert surplus.set_index("planning_area")["unfilled"].to_dict() == pytest.approx({"P1": 7 + 6, "P2": 41})
    pd.testing.assert_frame_equal(surplus, unfilled_places(pupils, plain, known))
    need = balance_places(pupils, less, known, POLICY).set_index(["planning_area", "year_group"])["need"]
    assert need["P1", "R"] == pytest.approx(19)


def test_the_secondary_years_of_an_all_through_school_count_in_their_own_area():
    known = schools(school(phase="all-through", ages=(4, 16), capacity=720, pan=60, planning_area_secondary="S1"))
    pupils = rolls(*((100001, "2022/23", group, 50.0) for group in COMPULSORY))
    table = balance_places(pupils, school_places(known, None, YEARS), known, POLICY)
    assert table.groupby("planning_area")["phase"].agg(set).to_dict() == {"P1": {"primary"}, "S1": {"secondary"}}


def test_places_planned_for_an_area_count_in_its_balance():
    known, pupils = two_areas()
    row = {"planning_area": "P1", "academic_year": "2022/23", "year_group": "R", "places": 3, "kind": "bulge"}
    for_area = area_places(planned(row), YEARS)
    table = balance_places(pupils, school_places(known, None, YEARS), known, POLICY, for_area)
    assert table.set_index(["planning_area", "year_group"])["need"]["P1", "R"] == pytest.approx(1)
    assert set(table["academic_year"]) == {"2022/23"}


def test_special_schools_and_sixth_forms_stay_out():
    known, pupils = two_areas()
    wider = pd.concat([known, schools(school(100009, "special", (4, 19), 60, 5))])
    more = rolls((100009, "2022/23", "R", 5.0), (100001, "2022/23", "Y12", 5.0))
    plain = balance_places(pupils, school_places(known, None, YEARS), known, POLICY)
    table = balance_places(pd.concat([pupils, more]), school_places(wider, None, YEARS), wider, POLICY)
    pd.testing.assert_frame_equal(table, plain)


def test_a_forecast_beyond_the_places_or_of_an_unknown_school_is_refused():
    known, pupils = two_areas()
    places = school_places(known, None, YEARS)
    with pytest.raises(ValueError, match="2031/32"):
        balance_places(pupils.assign(academic_year="2031/32"), places, known, POLICY)
    with pytest.raises(ValueError, match="999999"):
        balance_places(pupils.assign(urn=999999), places, known, POLICY)


AGES = {"infant": (4, 7), "junior": (7, 11), "primary": (3, 11), "middle": (9, 13), "secondary": (11, 18)}


@st.composite
def estates(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = []
    for n in range(draw(st.integers(1, 6))):
        phase = str(rng.choice(list(AGES)))
        pan = int(rng.integers(0, 100))
        rows.append(
            school(
                100001 + n,
                phase,
                AGES[phase],
                capacity=int(rng.integers(0, 900)),
                pan=pan,
                planning_area=f"P{rng.integers(0, 3)}",
            )
        )
    changes = [
        {
            "urn": int(100001 + rng.integers(0, len(rows))),
            "academic_year": str(rng.choice(YEARS)),
            "year_group": str(rng.choice(COMPULSORY)),
            "places": int(rng.integers(-40, 60)),
            "kind": str(rng.choice(["permanent", "bulge", "removed"])),
        }
        for _ in range(draw(st.integers(0, 5)))
    ]
    pupils = rolls(
        *(
            (row["urn"], year, group, float(rng.integers(0, 80)))
            for row in rows
            for year in YEARS
            for group in COMPULSORY
        )
    )
    return schools(*rows), planned(*changes), pupils


@SOME
@given(estates())
def test_need_and_spare_never_meet_and_never_net(estate):
    known, changes, pupils = estate
    table = balance_places(pupils, school_places(known, changes, YEARS), known, POLICY)
    np.testing.assert_allclose(table["need"] * table["spare"], 0)
    np.testing.assert_allclose(table["spare"] - table["need"], table["places"] - table["pupils"], atol=1e-9)
    assert table["pupils"].sum() == pytest.approx(pupils["pupils"].sum())
    total = summarise_balance(table)
    assert total["need"].sum() == pytest.approx(table["need"].sum())
    assert (total["need"] >= (total["pupils"] - total["places"]).clip(lower=0) - 1e-9).all()
    assert (table["rag"] == "red").equals(table["need"] >= 0.5)


@SOME
@given(estates())
def test_places_stay_within_the_building(estate):
    known, changes, _ = estate
    table = school_places(known, changes, YEARS)
    sums = table.groupby(["urn", "academic_year"])[["places", "physical_places"]].sum()
    assert (table[["places", "physical_places"]] >= 0).all(axis=None)
    assert (sums["places"] <= sums["physical_places"] + 1e-6).all()
    unplanned = school_places(known, None, YEARS).groupby(["urn", "academic_year"])[["places", "physical_places"]].sum()
    capacity = known.set_index("urn")["capacity"].reindex(unplanned.index.get_level_values("urn")).to_numpy()
    assert (unplanned["places"] <= capacity + 1e-6).all()
    np.testing.assert_allclose(unplanned["physical_places"], capacity)
    assert (sums["physical_places"] >= unplanned["physical_places"] - 1e-6).all()


@SOME
@given(change=st.integers(-30, 60), year=st.sampled_from(YEARS), group=st.sampled_from(PRIMARY))
def test_a_change_follows_its_cohort_year_by_year(change, year, group):
    row = {"urn": 100001, "academic_year": year, "year_group": group, "places": change, "kind": "permanent"}
    moved = grid(school_places(schools(school(capacity=9999)), planned(row), YEARS)) - 30
    for now, then in pairwise(YEARS):
        for lower, upper in pairwise(PRIMARY):
            if upper != group:
                assert moved.loc[then, upper] == moved.loc[now, lower]
    assert moved.loc[year, group] == change


def test_every_school_of_a_real_county_finds_its_balance(real_data):
    raw = pd.read_csv(real_data / "rutland" / "state_schools.csv")
    raw = raw[raw["phase_type_grouping"].isin(["State-funded primary", "State-funded secondary"])]
    primary = raw["phase_type_grouping"] == "State-funded primary"
    groups = {group: raw[group.lower()] for group in COMPULSORY}
    largest = pd.DataFrame(groups).max(axis=1)
    raw = raw[largest > 0]
    known = pd.DataFrame(
        {
            "urn": raw["urn"],
            "phase": np.where(primary[raw.index], "primary", "secondary"),
            "low_age": np.where(primary[raw.index], 4, 11),
            "high_age": np.where(primary[raw.index], 11, 16),
            "pan": (np.ceil(largest[raw.index] / 15) * 15),
            "planning_area": np.where(primary[raw.index], "P", "S"),
        }
    )
    known["capacity"] = raw["net_capacity_2015"].fillna(known["pan"] * 7)
    pupils = raw.melt("urn", [g.lower() for g in COMPULSORY], var_name="year_group", value_name="pupils")
    pupils["year_group"] = pupils["year_group"].str.upper()
    pupils["academic_year"] = "2022/23"
    table = balance_places(pupils, school_places(known, None, ["2022/23"]), known, POLICY)
    assert table["pupils"].sum() == pytest.approx(pupils["pupils"].sum())
    assert set(table["phase"]) == {"primary", "secondary"}
    assert (table["phase"] == table["year_group"].map(phase_of)).all()
    share = unfilled_places(pupils, school_places(known, None, ["2022/23"]), known)["unfilled_share"]
    assert share.between(0.05, 0.2).all()  # 9–11 % of the 2015 places are unfilled on these rolls


def test_a_guessed_admission_number_is_no_fewer_than_the_cohort_that_was_admitted():
    """A class of 34 sits there: to call four of its pupils a need would be arithmetic against the facts."""
    places = pd.DataFrame(
        [(1, year, group, 30.0, 30.0) for year in ("2022/23", "2023/24") for group in ("R", "Y1", "Y2")],
        columns=["urn", "academic_year", "year_group", "places", "physical_places"],
    )
    rolls = pd.DataFrame(
        [("2022/23", 1, "R", 25.0), ("2022/23", 1, "Y1", 34.0), ("2021/22", 1, "R", 50.0)],
        columns=["academic_year", "urn", "year_group", "pupils"],
    )
    raised = raise_to_cohorts(places, rolls, [1], "2022/23")["places"].tolist()
    assert raised == [30, 34, 30, 30, 30, 34]
    assert raise_to_cohorts(places, rolls, [], "2022/23")["places"].tolist() == [30] * 6
