"""Where files are silent: each stated fallback, worked by hand, counted, and never over what a file says."""

import pandas as pd
import pytest

from geodata.fallbacks import RURAL_CLASS, RURAL_UNKNOWN, complete, old_data
from geodata.fields import tables
from geodata.policy import Policy
from geodata.settings import Settings
from geodata.years import COMPULSORY

SETTINGS = Settings(name="Study", authority="Study", base_year="2022/23")
ALL = {field.name: None for field in tables()["schools"].fields.values()}


def schools(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ALL, "easting": 400_000.0, "northing": 300_000.0, **row} for row in rows])


def rolls(urn: int, **pupils: float) -> pd.DataFrame:
    rows = [("2022/23", urn, group, float(count)) for group, count in pupils.items()]
    return pd.DataFrame(rows, columns=["academic_year", "urn", "year_group", "pupils"])


def filled(frame: pd.DataFrame, *counts: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    localities = pd.DataFrame({"locality": ["L"], "name": ["L"], "planning_area_primary": None,
                               "planning_area_secondary": None})  # fmt: skip
    given = {"schools": frame, "localities": localities, "rolls": pd.concat(counts)}
    done, used = complete(given, SETTINGS, Policy({}))
    return done["schools"].set_index("urn"), {f"{u.table}.{u.field}": u.count for u in used}


def test_capacity_is_the_largest_year_group_up_to_half_forms() -> None:
    """26 in the largest of seven year groups: 30 × 7 = 210, and an admission number of 30."""
    pupils = dict.fromkeys(COMPULSORY[:7], 20) | {"R": 26}
    done, used = filled(schools({"urn": 1, "name": "A", "phase": "primary"}), rolls(1, **pupils))
    school = done.loc[1]
    assert (school["low_age"], school["high_age"], school["capacity"], school["pan"]) == (4, 11, 210, 30)
    assert bool(school["capacity_estimated"])
    assert used["schools.capacity"] == used["schools.pan"] == used["schools.low_age"] == 1


def test_an_old_capacity_below_the_roll_is_disproved() -> None:
    """A capacity of 2015 for 900 and 1,069 pupils on roll: the building has grown since."""
    row = {"urn": 1, "name": "A", "phase": "secondary", "low_age": 11, "high_age": 16, "capacity": 900}
    pupils = dict.fromkeys(("Y7", "Y8", "Y9", "Y10", "Y11"), 210)
    done, used = filled(schools({**row, "capacity_year": "2014/15"}), rolls(1, **pupils))
    assert (done.loc[1, "capacity"], done.loc[1, "pan"]) == (1050, 210)
    assert used["schools.capacity"] == 1
    today, _ = filled(schools({**row, "capacity_year": "2022/23"}), rolls(1, **pupils))
    assert today.loc[1, "capacity"] == 900, "a capacity of the same year is a fact: the school is over-full"


def test_what_a_file_says_stands() -> None:
    row = {"urn": 1, "name": "A", "phase": "primary", "low_age": 3, "high_age": 11, "capacity": 196, "pan": 25}
    done, used = filled(schools(row), rolls(1, **dict.fromkeys(COMPULSORY[:7], 40)))
    assert (done.loc[1, "capacity"], done.loc[1, "pan"], done.loc[1, "low_age"]) == (196, 25, 3)
    assert "schools.capacity" not in used and "schools.pan" not in used


def test_an_admission_number_is_capacity_over_year_groups() -> None:
    row = {"urn": 1, "name": "A", "phase": "secondary", "low_age": 11, "high_age": 16, "capacity": 915}
    done, _ = filled(schools(row), rolls(1, Y7=180, Y11=170))
    assert done.loc[1, "pan"] == 183


def test_a_sixth_form_takes_its_share_of_the_capacity() -> None:
    """Counting 200 sixth-form places as places for Y7–Y11 would hide a shortage."""
    row = {"urn": 1, "name": "A", "phase": "secondary", "low_age": 11, "high_age": 18, "capacity": 1200}
    pupils = dict.fromkeys(("Y7", "Y8", "Y9", "Y10", "Y11"), 180) | {"Y12": 100, "Y13": 80}
    done, used = filled(schools(row), rolls(1, **pupils))
    assert done.loc[1, "capacity_sixth_form"] == 200
    assert done.loc[1, "pan"] == 200
    assert used["schools.capacity_sixth_form"] == 1


def test_planning_areas_come_from_the_nearest_school_of_the_phase() -> None:
    frame = schools(
        {"urn": 1, "name": "Near primary", "phase": "primary", "planning_area": "P1", "easting": 401_000.0},
        {"urn": 2, "name": "Far primary", "phase": "primary", "planning_area": "P2", "easting": 409_000.0},
        {"urn": 3, "name": "Secondary", "phase": "secondary", "planning_area": "S", "easting": 400_100.0},
        {"urn": 4, "name": "Silent primary", "phase": "primary"},
        {"urn": 5, "name": "All-through", "phase": "all-through", "easting": 409_500.0},
    )
    every = [rolls(urn, **dict.fromkeys(COMPULSORY, 10)) for urn in range(1, 6)]
    done, used = filled(frame, *every)
    assert done.loc[4, "planning_area"] == "P1"
    assert (done.loc[5, "planning_area"], done.loc[5, "planning_area_secondary"]) == ("P2", "S")
    assert used["schools.planning_area"] == 2


def test_rural_designation_falls_back_to_the_rural_class_of_primaries() -> None:
    frame = schools(
        {"urn": 1, "name": "A", "phase": "primary", "urban_rural": "Rural village"},
        {"urn": 2, "name": "B", "phase": "secondary", "urban_rural": "Rural village"},
        {"urn": 3, "name": "C", "phase": "primary", "urban_rural": "Rural village", "rural_designated": False},
    )
    done, _ = filled(frame, *(rolls(urn, R=10) for urn in (1, 2, 3)))
    assert done["rural_designated"].to_dict() == {1: True, 2: False, 3: False}
    assert done["rural_from"].to_dict() == {1: RURAL_CLASS, 2: "", 3: ""}


def test_without_class_or_designation_it_is_not_known_whether_a_primary_is_rural() -> None:
    """To take it for urban would strip a village school of its protection."""
    frame = schools(
        {"urn": 1, "name": "A", "phase": "primary"},
        {"urn": 2, "name": "B", "phase": "secondary"},
        {"urn": 3, "name": "C", "phase": "primary", "rural_designated": False},
    )
    done, used = filled(frame, *(rolls(urn, R=10) for urn in (1, 2, 3)))
    assert done["rural_from"].to_dict() == {1: RURAL_UNKNOWN, 2: "", 3: ""} and used["schools.rural_designated"] == 1


@pytest.mark.parametrize(("capacity_year", "old"), [("2022/23", False), ("2021/22", False), ("2014/15", True)])
def test_inputs_of_different_dates_make_a_demonstration(capacity_year: str, old: bool) -> None:
    """A capacity of 2015 beside a roll of 2023 must never look like a proposal."""
    frame = schools({"urn": 1, "name": "A", "phase": "primary", "capacity_year": capacity_year})
    assert old_data({"schools": frame}, SETTINGS, Policy({})) is old
