"""Transfers and attendance between planning areas: by hand, against the sample county's flows, and without any."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY, add_years
from models.attendance import FROM_OTHER, LIVING, ON_ROLL, TO_INDEPENDENT, TO_OTHER, area_rolls, attendance_terms
from models.bands import Band, age_bands, school_year_groups
from models.entering import entrants, net_transfers, transfer_table
from models.planning_areas import area_history, resident_areas
from models.transfers import LEAKAGE, flows_of, transfer_matrix, transfer_points
from placeplan.county import make_county
from placeplan.study import Study

POLICY = Policy({})
LOCALITIES = pd.DataFrame(
    {
        "locality": ["a", "b"],
        "planning_area_primary": ["North", "South"],
        "planning_area_secondary": ["East", "West"],
    }
)
SCHOOLS = pd.DataFrame(
    {
        "urn": [100001, 100002, 100003, 100004],
        "phase": ["primary", "primary", "secondary", "secondary"],
        "planning_area": ["North", "South", "East", "West"],
        "low_age": [4, 4, 11, 11],
        "high_age": [11, 11, 16, 16],
    }
)


def pupils(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["academic_year", "locality", "year_group", "pupils"])


def flows(*rows: tuple[str, str, str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["academic_year", "locality", "urn", "year_group", "pupils"])
    return table.assign(phase=None)


SIX = pupils(("2020/21", "a", "Y6", 100), ("2020/21", "b", "Y6", 50), ("2021/22", "a", "Y7", 98))
TO_SEVEN = flows(
    ("2021/22", "a", "100003", "Y7", 70),
    ("2021/22", "a", "100004", "Y7", 15),
    ("2021/22", "a", "outside:Thornshire", "Y7", 5),
    ("2021/22", "a", "independent", "Y7", 8),
    ("2021/22", "b", "100004", "Y7", 51),
    ("2021/22", "outside:Thornshire", "100003", "Y7", 6),
)


def shares(matrix: pd.DataFrame) -> dict[tuple[str, str], float]:
    return matrix.set_index(["from_area", "to_area"])["share"].to_dict()


def seven(**given: object) -> tuple[pd.DataFrame, list[str]]:
    options = {"base_year": "2021/22", "policy": POLICY, **given}
    return transfer_matrix("Y6", "Y7", options.pop("pupils", SIX), LOCALITIES, SCHOOLS, **options)  # type: ignore[arg-type]


def test_a_matrix_by_hand() -> None:
    resident = pd.concat([SIX, pupils(("2021/22", "b", "Y7", 51))])
    matrix, notes = seven(pupils=resident, flows=TO_SEVEN)
    expected = {
        ("North", "East"): 0.70,
        ("North", "West"): 0.15,
        ("North", "outside:Thornshire"): 0.05,
        ("North", "independent"): 0.08,
        ("North", LEAKAGE): 0.02,
        ("South", "West"): 1.02,
        ("South", LEAKAGE): -0.02,
        ("outside:Thornshire", "East"): 6 / 150,
    }
    assert shares(matrix) == pytest.approx(expected) and notes == []


def living(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["academic_year", "from_area", "home", "pupils"])


def leaving(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["academic_year", "from_area", "pupils"])


def test_next_years_transfers_by_hand() -> None:
    """200 leave in North and 50 in South; of those, the forecast says, 190 and 51 enter.

    North's row without leakage is 70, 15, 5, 8 of 98. Thornshire sends 6 for every 150 leavers: 10 for 250.
    """
    resident = pd.concat([SIX, pupils(("2021/22", "b", "Y7", 51))])
    matrix, _ = seven(pupils=resident, flows=TO_SEVEN)
    come = living(("2022/23", "North", "East", 190.0), ("2022/23", "South", "West", 51.0))
    left = leaving(("2021/22", "North", 200.0), ("2021/22", "South", 50.0))
    table = transfer_table("Y6→Y7", matrix, come, left, (True, True))
    found = table.set_index(["from_area", "to_area"])["pupils"].to_dict()
    assert found == pytest.approx(
        {
            ("North", "East"): 190 * 70 / 98,
            ("North", "West"): 190 * 15 / 98,
            ("North", "outside:Thornshire"): 190 * 5 / 98,
            ("North", "independent"): 190 * 8 / 98,
            ("North", LEAKAGE): 10,
            ("South", "West"): 51,
            ("South", LEAKAGE): -1,
            ("outside:Thornshire", "East"): 10,
        }
    )
    assert table.set_index(["from_area", "to_area"]).loc[("North", LEAKAGE), "share"] == pytest.approx(10 / 200)
    assert set(table["term"]) == {
        "transfer", "to schools outside", "to independent schools", LEAKAGE, "from outside"
    }  # fmt: skip
    # Where a census holds neither independent pupils nor those taught outside, those who enter are all taught here.
    inside = transfer_table("Y6→Y7", matrix, come, left, (False, False)).set_index(["from_area", "to_area"])["pupils"]
    assert inside["North", "East"] == pytest.approx(190 * 70 / 85) and ("North", "independent") not in inside


def test_attendance_takes_the_same_shares_as_the_transfers() -> None:
    """Two homes in East, one of each primary area: East's entrants are taught as both areas' leavers are."""
    resident = pd.concat([SIX, pupils(("2021/22", "b", "Y7", 51))])
    matrix, _ = seven(pupils=resident, flows=TO_SEVEN)
    come = living(("2022/23", "North", "East", 98.0), ("2022/23", "South", "East", 51.0))
    made = entrants(matrix, come, leaving(("2021/22", "North", 100.0), ("2021/22", "South", 50.0)), (True, True))
    shares = made.shares["2022/23"].loc["East"]
    assert shares["East"] * 149 == pytest.approx(70) and shares["West"] * 149 == pytest.approx(15 + 51)
    assert made.inflow["2022/23"].loc["outside:Thornshire", "East"] * 149 == pytest.approx(6)


def test_without_flows_transfers_are_the_entrants_on_roll_and_the_rest_has_leaked() -> None:
    six = pupils(("2021/22", "a", "Y6", 90), ("2021/22", "b", "Y6", 60))
    rolls = pd.DataFrame({"academic_year": "2021/22", "urn": [100003, 100004], "year_group": "Y7", "pupils": [80, 64]})
    matrix, _ = seven(pupils=six, rolls=rolls)
    on_roll = pd.DataFrame(
        {"planning_area": ["East", "West", "Far"], "academic_year": "2022/23", "pupils": [85.0, 50.0, 3.0]}
    )
    left = leaving(("2021/22", "North", 90.0), ("2021/22", "South", 60.0))
    table = net_transfers("Y6→Y7", matrix, left, on_roll)
    here = table[table["to_area"] != LEAKAGE].groupby("to_area")["pupils"].sum()
    assert here.to_dict() == pytest.approx({"East": 85.0, "West": 50.0, "Far": 3.0})
    gone = table[table["from_area"].isin(("North", "South"))].groupby("from_area")["pupils"].sum()
    assert gone.to_dict() == pytest.approx({"North": 90.0, "South": 60.0})
    assert table.loc[table["to_area"] == "Far", "term"].tolist() == ["from outside"]


def test_independent_pupils_that_the_pupils_table_does_not_hold_are_leakage() -> None:
    """A school census has no independent pupils: their flows must not make a row sum to more than everybody."""
    census = pd.concat([SIX[SIX["year_group"] == "Y6"], pupils(("2021/22", "a", "Y7", 90), ("2021/22", "b", "Y7", 51))])
    matrix, notes = seven(pupils=census, flows=TO_SEVEN)
    assert shares(matrix)["North", LEAKAGE] == pytest.approx(0.10)
    assert "independent" not in set(matrix["to_area"]) and any("leakage" in note for note in notes)


def test_recent_years_weigh_more() -> None:
    earlier = TO_SEVEN.assign(academic_year="2020/21")
    earlier.loc[0, "pupils"], earlier.loc[1, "pupils"] = 40.0, 45.0
    six = pd.concat([SIX, pupils(("2019/20", "a", "Y6", 100), ("2019/20", "b", "Y6", 50), ("2021/22", "b", "Y7", 51))])
    matrix, _ = seven(pupils=six, flows=pd.concat([earlier, TO_SEVEN], ignore_index=True))
    assert shares(matrix)["North", "East"] == pytest.approx((3 * 70 + 2 * 40) / (3 * 100 + 2 * 100))
    ahead = TO_SEVEN.assign(academic_year="2022/23", pupils=1.0)
    again, _ = seven(pupils=six, flows=pd.concat([ahead, earlier, TO_SEVEN], ignore_index=True))
    pd.testing.assert_frame_equal(again, matrix)  # what is not known yet changes nothing


def test_an_area_without_leavers_takes_the_average() -> None:
    empty = pd.concat([LOCALITIES, LOCALITIES.head(1).assign(locality="c", planning_area_primary="New")])
    matrix, notes = transfer_matrix("Y6", "Y7", SIX, empty, SCHOOLS, base_year="2021/22", policy=POLICY, flows=TO_SEVEN)
    new = matrix[matrix["from_area"] == "New"]
    assert new["share"].sum() == pytest.approx(1) and set(new["basis"]) == {"average of the study"}
    assert shares(matrix)["New", "East"] == pytest.approx(70 / 150) and any("1 areas" in note for note in notes)


def test_without_flows_rolls_and_the_areas_of_localities_stand() -> None:
    six = pupils(
        ("2020/21", "a", "Y6", 100), ("2020/21", "b", "Y6", 50), ("2021/22", "a", "Y6", 90), ("2021/22", "b", "Y6", 60)
    )
    rolls = pd.DataFrame({"academic_year": "2021/22", "urn": [100003, 100004], "year_group": "Y7", "pupils": [80, 64]})
    matrix, notes = seven(pupils=six, rolls=rolls)
    found = shares(matrix)
    assert found["North", LEAKAGE] == pytest.approx(1 - 144 / 150) and "0.960" in notes[0]
    # 90 and 60 leave; East is to have 80 parts of 144, less than North's 90: the rest of North goes West.
    assert found["North", "East"] == pytest.approx(0.96 * (80 / 144 * 150) / 90, rel=1e-3)
    assert found["South", "West"] == pytest.approx(0.96, rel=1e-3)
    left = matrix[matrix["to_area"] == LEAKAGE].set_index("from_area")["pupils"]
    assert left["North"] == pytest.approx(90 * (1 - 0.96)) and left["South"] == pytest.approx(60 * (1 - 0.96))
    only, notes = seven(pupils=six)  # no rolls: homes' own areas, and everybody enters
    assert shares(only)["North", "East"] == pytest.approx(1.0, rel=1e-4) and "1.000" in notes[0]


def test_what_cannot_be_answered_is_said() -> None:
    with pytest.raises(ValueError, match="no pupils of Y6"):
        seven(pupils=SIX[SIX["year_group"] == "Y7"])
    with pytest.raises(ValueError, match="not in the list: z"):
        seven(flows=TO_SEVEN.replace({"locality": {"b": "z"}}))
    with pytest.raises(ValueError, match="999999"):
        seven(flows=TO_SEVEN.replace({"urn": {"100003": "999999"}}))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 60), min_size=6, max_size=6), st.integers(1, 90), st.integers(0, 90), st.booleans())
def test_leavers_go_somewhere_to_the_last_pupil(counts: list[int], a: int, b: int, with_flows: bool) -> None:
    six = pupils(("2020/21", "a", "Y6", a), ("2020/21", "b", "Y6", b), ("2021/22", "a", "Y7", 1))
    given_flows = TO_SEVEN.assign(pupils=np.array(counts, dtype=float)) if with_flows else None
    matrix, _ = seven(pupils=six, flows=given_flows)
    inner = matrix[~matrix["from_area"].str.startswith("outside:")]
    np.testing.assert_allclose(inner.groupby("from_area")["share"].sum(), 1)
    assert (matrix.loc[matrix["to_area"] != LEAKAGE, "share"] >= 0).all() and np.isfinite(matrix["share"]).all()
    come = living(("2022/23", "North", "East", 30.0), ("2022/23", "South", "West", 18.0))
    table = transfer_table(
        "Y6→Y7", matrix, come, leaving(("2021/22", "North", 31.0), ("2021/22", "South", 17.0)), (True, False)
    )
    gone = table[table["term"] != "from outside"].groupby("from_area")["pupils"].sum()
    assert gone.to_dict() == pytest.approx({"North": 31.0, "South": 17.0})
    assert (table.loc[table["to_area"] != LEAKAGE, "pupils"] >= 0).all() and np.isfinite(table["pupils"]).all()


def test_flows_by_phase_stand_for_a_year_group() -> None:
    by_phase = TO_SEVEN.assign(year_group=None, phase="secondary", pupils=TO_SEVEN["pupils"] * 5)
    pd.testing.assert_frame_equal(
        flows_of(by_phase, "Y7").reset_index(drop=True), flows_of(TO_SEVEN, "Y7").reset_index(drop=True)
    )


BANDS = [Band(COMPULSORY[:7]), Band(COMPULSORY[7:])]


def residents(**pupils: list[float]) -> pd.DataFrame:
    """Y7 and Y8 in East and West; lists by year from 2021/22."""
    rows = [
        (area, add_years("2021/22", n), group, count)
        for name, counts in pupils.items()
        for area, group in [name.split("_")]
        for n, count in enumerate(counts)
    ]
    return pd.DataFrame(rows, columns=["planning_area", "academic_year", "year_group", "pupils"])


def test_attendance_by_hand() -> None:
    living = residents(East_Y7=[100, 80], West_Y7=[50, 50], East_Y8=[60, 90], West_Y8=[40, 50])
    eight = flows(
        ("2021/22", "a", "100003", "Y8", 30),
        ("2021/22", "a", "100004", "Y8", 30),
        ("2021/22", "b", "100004", "Y8", 40),
    )
    seven_now = TO_SEVEN.copy()
    seven_now.loc[3, "pupils"] = 10.0  # independent: 70 + 15 + 5 + 10 = 100 live in East
    seven_now.loc[4, "pupils"] = 50.0
    terms, notes = attendance_terms(
        living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY, flows=pd.concat([seven_now, eight])
    )
    found = terms.set_index(["year_group", "academic_year", "planning_area", "term"])["pupils"].sort_index()
    assert found["Y7", "2021/22", "East"].to_dict() == pytest.approx(
        {
            LIVING: 100,
            TO_INDEPENDENT: -10,
            "taught in Thornshire": -5,
            TO_OTHER: -15,
            FROM_OTHER: 0,
            "living in Thornshire": 6,
            ON_ROLL: 76,
        }
    )
    assert found["Y7", "2021/22", "West", FROM_OTHER] == 15 and found["Y7", "2021/22", "West", ON_ROLL] == 65
    # A year on, Y8 is that cohort: 90 still living in East, seven tenths of them at East's school.
    assert found["Y8", "2022/23", "East", ON_ROLL] == pytest.approx(0.70 * 90 + 6 / 150 * (90 + 50))
    # And the new Y7 does as this year's.
    assert found["Y7", "2022/23", "West", FROM_OTHER] == pytest.approx(0.15 * 80)
    assert notes == []


def test_attendance_without_flows_keeps_what_rolls_differ_by() -> None:
    living = residents(East_Y7=[100, 80], West_Y7=[50, 50], East_Y8=[60, 90], West_Y8=[0, 50])
    rolls = pd.DataFrame(
        [
            ("2021/22", 100003, "Y7", 110),
            ("2021/22", 100004, "Y7", 40),
            ("2021/22", 100003, "Y8", 60),
            ("2021/22", 100004, "Y8", 7),
        ],
        columns=["academic_year", "urn", "year_group", "pupils"],
    )
    terms, notes = attendance_terms(living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY, rolls=rolls)
    rolled = area_rolls(terms).set_index(["planning_area", "academic_year", "year_group"])["pupils"]
    assert rolled["East", "2021/22", "Y7"] == pytest.approx(110) and rolled["West", "2021/22", "Y8"] == pytest.approx(7)
    # 90 × 1.1 and 50 × 0.8 make 139; all 140 of the cohort were on roll and all 140 still are.
    assert rolled["East", "2022/23", "Y8"] == pytest.approx(99 * 140 / 139)
    assert rolled["West", "2022/23", "Y8"] == pytest.approx(40 * 140 / 139)
    assert any("No flows" in note for note in notes)
    with pytest.raises(ValueError, match="neither flows nor rolls"):
        attendance_terms(living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY)
    with pytest.raises(ValueError, match="base year"):
        attendance_terms(living, LOCALITIES, SCHOOLS, BANDS, base_year="2019/20", policy=POLICY, rolls=rolls)


def test_without_flows_nobody_is_booked_where_no_school_teaches() -> None:
    """A village area without a secondary school sends its children away; they must not be places needed there."""
    none_in_west = SCHOOLS[SCHOOLS["urn"] != 100004]
    living = residents(East_Y7=[100, 80], West_Y7=[50, 50], East_Y8=[60, 90], West_Y8=[40, 50])
    rolls = pd.DataFrame(
        {"academic_year": "2021/22", "urn": 100003, "year_group": ["Y7", "Y8"], "pupils": [150.0, 90.0]}
    )
    terms, _ = attendance_terms(
        living, LOCALITIES, none_in_west, BANDS, base_year="2021/22", policy=POLICY, rolls=rolls
    )
    rolled = area_rolls(terms).set_index(["planning_area", "academic_year", "year_group"])["pupils"]
    assert rolled["West"].eq(0).all()
    # All 150 of Y7 were at East's school: so are the 130 of next year, and the 140 of the cohort that moved up.
    assert rolled["East", "2022/23", "Y7"] == pytest.approx(130) and rolled["East", "2022/23", "Y8"] == pytest.approx(
        140
    )
    # A school that nobody is at this year is still one: its area keeps a part of the children living there.
    empty = pd.concat([rolls, rolls.assign(urn=100004, pupils=0.0)])
    terms, _ = attendance_terms(living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY, rolls=empty)
    rolled = area_rolls(terms).set_index(["planning_area", "academic_year", "year_group"])["pupils"]
    assert 0 < rolled["West", "2022/23", "Y7"] < 50


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_without_flows_the_study_keeps_every_cohort(seed: int) -> None:
    """However areas differ from their schools: nobody negative, and each cohort of the study moves as its homes do."""
    rng = np.random.default_rng(seed)
    living = residents(
        **{f"{area}_{group}": rng.poisson(rng.choice([0, 2, 60]), 4).astype(float)
           for area in ("East", "West", "Moor") for group in ("Y7", "Y8", "Y9")}
    )  # fmt: skip
    cells = [(urn, group) for urn in (100003, 100004) for group in ("Y7", "Y8", "Y9")]
    rolls = pd.DataFrame(cells, columns=["urn", "year_group"]).assign(
        academic_year="2021/22", pupils=rng.poisson(rng.choice([0.0, 1.0, 50.0], len(cells))).astype(float)
    )
    terms, _ = attendance_terms(living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY, rolls=rolls)
    made = area_rolls(terms)
    assert (made["pupils"] >= 0).all() and np.isfinite(terms["pupils"]).all()
    assert made.loc[made["planning_area"] == "Moor", "pupils"].sum() == 0
    homes, on_roll = (table.groupby(["year_group", "academic_year"])["pupils"].sum() for table in (living, made))
    counted = rolls.groupby("year_group")["pupils"].sum()
    for (group, year), pupils in on_roll.items():
        ahead = int(year[:4]) - 2021
        source = f"Y{max(int(group[1:]) - ahead, 7)}"
        then = homes[source, "2021/22"]
        if then > 0 and pupils > 0:
            assert pupils == pytest.approx(homes[group, year] * counted[source] / then)


def test_flows_that_miss_the_rolls_are_pointed_out() -> None:
    living = residents(East_Y7=[100], West_Y7=[50])
    rolls = pd.DataFrame({"academic_year": "2021/22", "urn": [100003, 100004], "year_group": "Y7", "pupils": [76, 99]})
    _, notes = attendance_terms(
        living, LOCALITIES, SCHOOLS, BANDS, base_year="2021/22", policy=POLICY, flows=TO_SEVEN, rolls=rolls
    )
    assert any("most in West" in note for note in notes)


# The sample county: one set of cohorts made its pupils, rolls and flows.

BASE = "2022/23"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pd.DataFrame]:
    folder: Path = tmp_path_factory.mktemp("county")
    make_county(folder)
    return Study.open(folder).tables


def county_bands(county: Mapping[str, pd.DataFrame]) -> list[Band]:
    return age_bands(list(school_year_groups(county["schools"]).values()))


@pytest.mark.parametrize(("leaving", "entering"), [("Y6", "Y7"), ("Y2", "Y3")])
def test_the_county_s_transfers_are_recovered(county: Mapping[str, pd.DataFrame], leaving: str, entering: str) -> None:
    """Last year's leavers by the matrix must give this year's rolls of every area, and every pupil who went away."""
    assert (leaving, entering) in transfer_points(county_bands(county))
    matrix, notes = transfer_matrix(
        leaving,
        entering,
        county["pupils"],
        county["localities"],
        county["schools"],
        base_year=BASE,
        policy=POLICY,
        flows=county["flows"],
    )
    assert notes == []
    counted = county["pupils"]
    homes = county["localities"].set_index("locality")
    by_phase = {"Y2": "primary", "Y3": "primary", "Y6": "primary", "Y7": "secondary"}
    before, after = (homes[f"planning_area_{by_phase[group]}"] for group in (leaving, entering))
    enter = counted[(counted["year_group"] == entering) & (counted["academic_year"] == BASE)]
    enter = enter.assign(from_area=enter["locality"].map(before), home=enter["locality"].map(after))
    come = enter.groupby(["academic_year", "from_area", "home"], as_index=False)["pupils"].sum()
    gone = counted[(counted["year_group"] == leaving) & (counted["academic_year"] == "2021/22")]
    gone = gone.assign(from_area=gone["locality"].map(before))
    left = gone.groupby(["academic_year", "from_area"], as_index=False)["pupils"].sum()
    moved = transfer_table(f"{leaving}→{entering}", matrix, come, left, (True, True))
    rolls = county["rolls"]
    rolls = area_history(rolls[(rolls["academic_year"] == BASE) & (rolls["year_group"] == entering)], county["schools"])
    made = moved[moved["term"].isin(("transfer", "from outside"))].groupby("to_area")["pupils"].sum()
    pd.testing.assert_series_equal(
        made, rolls.set_index("planning_area")["pupils"], check_names=False, check_dtype=False
    )
    flown = county["flows"][county["flows"]["year_group"] == entering]
    terms = moved.groupby("term")["pupils"].sum()
    assert terms["to independent schools"] == pytest.approx(flown.loc[flown["urn"] == "independent", "pupils"].sum())
    assert terms["from outside"] == pytest.approx(
        flown.loc[flown["locality"].str.startswith("outside:"), "pupils"].sum()
    )


def test_without_its_flows_the_county_s_rolls_are_reproduced(county: Mapping[str, pd.DataFrame]) -> None:
    matrix, _ = transfer_matrix(
        "Y6",
        "Y7",
        county["pupils"],
        county["localities"],
        county["schools"],
        base_year=BASE,
        policy=POLICY,
        rolls=county["rolls"],
    )
    made = matrix[matrix["to_area"] != LEAKAGE].groupby("to_area")["pupils"].sum()
    rolls = county["rolls"]
    rolls = area_history(rolls[(rolls["academic_year"] == BASE) & (rolls["year_group"] == "Y7")], county["schools"])
    rolls = rolls.set_index("planning_area")["pupils"]
    np.testing.assert_allclose(made / made.sum(), rolls.reindex(made.index) / rolls.sum(), rtol=1e-3)


def test_the_county_s_residents_lead_to_its_rolls(county: Mapping[str, pd.DataFrame]) -> None:
    now = county["pupils"][county["pupils"]["academic_year"] == BASE]
    later = pd.concat([now.assign(academic_year=add_years(BASE, n)) for n in range(3)])
    terms, notes = attendance_terms(
        resident_areas(later, county["localities"]),
        county["localities"],
        county["schools"],
        county_bands(county),
        base_year=BASE,
        policy=POLICY,
        flows=county["flows"],
        rolls=county["rolls"],
    )
    assert notes == []
    key = ["planning_area", "academic_year", "year_group"]
    made = area_rolls(terms)
    counted = area_history(county["rolls"][county["rolls"]["academic_year"] == BASE], county["schools"])
    both = made[made["academic_year"] == BASE].merge(counted, on=key, how="outer").fillna(0.0)
    np.testing.assert_allclose(both["pupils_x"], both["pupils_y"], atol=1e-9)
    parts = terms[terms["term"] != ON_ROLL].groupby(key)["pupils"].sum()
    np.testing.assert_allclose(parts, made.set_index(key)["pupils"].reindex(parts.index), atol=1e-9)
    between = terms[terms["term"].isin((TO_OTHER, FROM_OTHER))].groupby(["academic_year", "year_group"])["pupils"].sum()
    np.testing.assert_allclose(between, 0, atol=1e-9)  # who leaves one area comes to another
