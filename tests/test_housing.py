"""Pupils from new homes: by hand, as cohorts, and against what England's new homes gave."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.fields import packaged_csv
from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY, SECONDARY, academic_year
from models.housing import TERMS, housing_pupils, housing_table, housing_terms, yield_pattern

BASE = 2021
GROUPS = ("A2", "A3", *COMPULSORY, "Y12", "Y13")


def homes(**columns: object) -> pd.DataFrame:
    """A hundred homes in L0 finished in 2022/23, but for what is given; lists make rows."""
    given = {"locality": "L0", "academic_year": "2022/23", "dwellings": 100.0, **columns}
    length = max(len(value) if isinstance(value, list) else 1 for value in given.values())
    return pd.DataFrame(given, index=range(length))


def added(table: pd.DataFrame, horizon: int = 20, groups: tuple[str, ...] = COMPULSORY, **policy: float) -> np.ndarray:
    starts = BASE + 1 + np.arange(horizon)
    pupils, _ = housing_pupils(table, ["L0", "L1"], BASE, starts, groups, Policy(policy))
    return pupils


def test_one_cell_by_hand() -> None:
    """Year-group, ramp, certainty or trend taken wrongly would show here."""
    result = added(homes(certainty=[0.8]))
    # Finished in 2022/23, lived in from 2023/24: by 2025/26 Y4 (8) were 6 then, five years more than 1, the oldest of
    # whom the settled number is there. Half of the building is in past ratios.
    assert result[0, 3, 4] == pytest.approx(100 * 0.8 * 0.5 * 0.253 / 7 * (1 - 5 * 0.05))
    assert result[0, 0].sum() == 0, "nobody lives in homes that are being finished"
    assert result[1].sum() == 0
    # Y9 (13) of the same year were 11; five year groups share the secondary yield.
    assert result[0, 3, 9] == pytest.approx(100 * 0.8 * 0.5 * 0.125 / 5 * (1 - 10 * 0.05))


def test_full_yields_come_when_policy_says() -> None:
    share = {"housing_in_trend": 0.0}
    result = added(homes(), **share)[0] / 100
    primary, secondary = result[:, :7].sum(axis=1), result[:, 7:].sum(axis=1)
    assert primary[10] == pytest.approx(0.253) and primary[9] < 0.2529  # ten years after 2022/23
    assert secondary[15] == pytest.approx(0.125) and secondary[14] < 0.1249
    assert (np.diff(primary) >= -1e-12).all() and (np.diff(secondary) >= -1e-12).all()
    # Young families first: early on, Reception is fuller than Y6, and primary is nearer to its yield than secondary.
    assert result[1, 0] > 1.3 * result[1, 6]
    assert primary[1] / 0.253 > 1.3 * secondary[1] / 0.125
    slower = added(homes(), housing_ramp_years=14, **share)[0]
    assert slower[13, :7].sum() < 25.29 and slower[14, :7].sum() == pytest.approx(25.3)


def test_children_of_new_homes_are_cohorts() -> None:
    """Those in Y3 this year are in Y4 next year, as long as nothing more is built."""
    result = added(homes(dwellings=[70.0, 30.0], academic_year=["2022/23", "2023/24"]))[0]
    settled_in = result[2:]
    for phase in (PRIMARY, SECONDARY):
        at = [COMPULSORY.index(group) for group in phase]
        np.testing.assert_allclose(settled_in[1:, at[1:]], settled_in[:-1, at[:-1]])


def test_england_s_new_homes_filled_about_as_fast() -> None:
    """DfE: 0.18 primary pupils a home finished from 2007/08 on by 2011/12, 0.24 by 2016/17, on the way to 0.25."""
    years = range(2007, 2017)
    table = homes(academic_year=[academic_year(year) for year in years], dwellings=1.0)
    starts = np.arange(2007, 2017)
    pupils, _ = housing_pupils(table, ["L0"], 2006, starts, PRIMARY, Policy({"housing_in_trend": 0.0}))
    per_home = pupils[0].sum(axis=1) / (np.arange(10) + 0.5)  # half of a year's homes are finished by the census
    assert per_home[2011 - 2007] == pytest.approx(0.18, abs=0.035)
    assert per_home[2016 - 2007] == pytest.approx(0.24, abs=0.035)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, 0.253),
        ({"type": "house"}, 0.356),
        ({"bedrooms": 2}, 0.200),
        ({"type": "house", "bedrooms": 3}, 0.38),
        ({"type": "flat", "bedrooms": 1}, 0.03),
        ({"type": "flat", "bedrooms": 6}, 0.22),
        ({"tenure": "affordable"}, 0.34),
        ({"type": "house", "bedrooms": 3, "tenure": "market"}, 0.38 * 0.23 / 0.253),
    ],
)
def test_the_matching_yield_is_used(row: dict[str, object], expected: float) -> None:
    table = homes(**{name: [value] for name, value in row.items()})
    assert yield_pattern(table, "primary")[0] * 0.253 == pytest.approx(expected)
    blank = homes(type=[None], tenure=[None], bedrooms=[pd.NA])
    assert yield_pattern(blank, "primary")[0] == 1


def test_a_study_s_own_yield_scales_every_row() -> None:
    table = homes(type=["house"], bedrooms=[3])
    own = added(table, housing_yield_primary=0.18)[:, :, :7]
    np.testing.assert_allclose(own, added(table)[:, :, :7] * 0.18 / 0.253)
    assert added(table, groups=GROUPS, housing_yield_secondary=0.0)[..., 9:14].sum() == 0


def test_the_list_of_yields_says_where_each_comes_from() -> None:
    """A yield without a source cannot be defended; its overall row and the policy must be the same number."""
    listed = packaged_csv("housing_yields.csv")
    assert listed["unit"].eq("pupils per dwelling").all() and listed["source"].ne("").all()
    assert set(listed["status"]) <= {"published", "practice", "assumption"}
    overall = (
        listed[listed[["type", "tenure", "bedrooms"]].eq("").all(axis=1)].set_index("phase")["yield"].astype(float)
    )
    assert overall.to_dict() == {phase: Policy({}).number(f"housing_yield_{phase}") for phase in overall.index}


def test_younger_and_older_year_groups_come_too() -> None:
    result = added(homes(), groups=GROUPS, housing_in_trend=0.0)[0, -1]
    assert result[:2] == pytest.approx([100 * 0.253 / 7] * 2)  # A2 and A3: as many a year as in primary school
    assert result[-2:].sum() == pytest.approx(100 * 0.06, rel=0.01)


def test_homes_lived_in_before_the_base_year() -> None:
    """Whoever is on roll or in the births is carried by the chain; small children who moved in are still to come."""
    np.testing.assert_array_equal(added(homes(academic_year=["2005/06"], dwellings=[500.0])), 0)
    recent = added(homes(academic_year=["2019/20"]))[0]  # lived in from 2020/21, one year before the base year
    # In 2022/23 Reception (4) was 2 then and not yet at school in the base year; Y1 was in Reception: on roll.
    assert recent[0, 0] == pytest.approx(100 * 0.5 * 0.253 / 7 * 0.95)
    np.testing.assert_array_equal(recent[0, 1:], 0)
    assert recent[1, 1] == recent[0, 0] and recent[1, 0] == pytest.approx(100 * 0.5 * 0.253 / 7)  # 1 then
    assert recent[2, 0] > 0 and recent[3, 0] == 0  # born there: in the births
    known_from_birth = added(homes(academic_year=["2019/20"]), groups=("A0", "A1", "A2", "A3", "R", "Y1"))
    np.testing.assert_array_equal(known_from_birth, 0)


def test_what_past_ratios_carry_is_read_from_past_completions() -> None:
    years = ["2019/20", "2020/21", "2021/22", "2023/24"]
    past = homes(academic_year=years, dwellings=[10.0, 20.0, 30.0, 80.0])
    starts = BASE + 1 + np.arange(9)
    terms, notes = housing_terms(past, ["L0"], BASE, starts, COMPULSORY, Policy({}))
    planned, carried = (terms[TERMS[k]][0, -1, 0] for k in (0, 2))
    assert any("last 3 years" in note for note in notes)
    stopped = past.assign(dwellings=[10.0, 20.0, 30.0, 0.0])
    alone, _ = housing_terms(stopped, ["L0"], BASE, starts, COMPULSORY, Policy({}))
    # 20 a year lately: 20 of the 80 homes of 2023/24 are nothing new.
    assert planned - alone[TERMS[0]][0, -1, 0] == pytest.approx(80 * 0.253 / 7)
    assert carried - alone[TERMS[2]][0, -1, 0] == pytest.approx(-20 * 0.253 / 7)
    two_years = past.iloc[1:]
    terms, notes = housing_terms(two_years, ["L0"], BASE, starts, COMPULSORY, Policy({}))
    assert any("50%" in note for note in notes)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(2015, 2030), st.floats(0, 500), st.floats(0, 1), st.sampled_from(["L0", "L1", "XX"])),
        min_size=1,
        max_size=8,
    ),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_terms_add_up_and_nobody_is_negative(
    rows: list[tuple[int, float, float, str]], trend: float, moves: float
) -> None:
    years, dwellings, certainty, places = zip(*rows, strict=True)
    table = homes(
        academic_year=[academic_year(year) for year in years],
        dwellings=list(dwellings),
        certainty=list(certainty),
        locality=list(places),
    )
    policy = Policy({"housing_in_trend": trend, "housing_local_movers": moves})
    starts = BASE + 1 + np.arange(6)
    pupils, notes = housing_pupils(table, ["L0", "L1"], BASE, starts, COMPULSORY, policy)
    terms, _ = housing_terms(table, ["L0", "L1"], BASE, starts, COMPULSORY, policy)
    assert (pupils >= 0).all() and np.isfinite(pupils).all()
    assert (terms[TERMS[0]] >= 0).all() and all((terms[name] <= 0).all() for name in TERMS[1:])
    np.testing.assert_allclose(sum(terms.values()), pupils, atol=1e-9)
    long = housing_table(terms, ["L0", "L1"], starts, COMPULSORY)
    assert long["pupils"].sum() == pytest.approx(pupils.sum(), abs=1e-6)
    assert set(long["term"]) <= set(TERMS)
    assert any("not in the list" in note for note in notes) == ("XX" in places)


def test_discounts_by_hand() -> None:
    terms, notes = housing_terms(
        homes(certainty=[0.9]),
        ["L0"],
        BASE,
        np.array([2040]),
        ("R",),
        Policy({"housing_in_trend": 0.2, "housing_local_movers": 0.25}),
    )
    settled = 100 * 0.253 / 7
    shares = [1, -0.1, -0.9 * 0.2, -0.9 * 0.8 * 0.25]
    assert [terms[name][0, 0, 0] for name in TERMS] == pytest.approx([settled * share for share in shares])
    assert any("25%" in note for note in notes)
