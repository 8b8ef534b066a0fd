"""The funding formula against worked figures, by hand, and in what must hold whatever the roll."""

import numpy as np
import pandas as pd
import pytest
from funded import POLICY, VALUES, Y2025, primaries, secondary, spread, values
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.funding_values import FundingValues, funding_values, national_values
from geodata.policy import Policy
from models.funded_schools import FundedSchools
from models.funding_formula import (
    PARTS,
    amalgamation_lump_sums,
    floor_top_up,
    formula,
    rolls_array,
    split_site_share,
)


def paid(schools: FundedSchools, rolls: np.ndarray, policy: Policy = POLICY) -> dict[str, float]:
    """Parts of one school in 2025/26."""
    values = funding_values(None, policy)
    return {name: float(part[0, 0]) for name, part in formula(rolls[None], schools, values, Y2025, policy).items()}


def test_a_school_of_sixty_is_the_worked_identity() -> None:
    """145,100 + 60 × 3,847 = 375,920, and up to 57,400 of sparsity."""
    parts = paid(primaries(distance_m=4_000.0), spread([60]))
    assert parts["lump_sum"] == 145_100
    assert parts["lump_sum"] + parts["basic"] == pytest.approx(375_920)
    assert parts["sparsity"] == pytest.approx(57_400), "60 ÷ 7 = 8.6 a year group, below half of 21.4"


def test_key_stages_and_the_sparsity_of_a_secondary() -> None:
    rolls = np.zeros((1, 12))
    rolls[0, 7:] = [50, 50, 50, 40, 40]
    parts = paid(secondary(distance_m=5_000.0), rolls)
    assert parts["basic"] == pytest.approx(150 * 5_422 + 80 * 6_113)
    assert parts["sparsity"] == pytest.approx(83_400)


def test_additional_needs_are_the_national_share_or_the_schools_own() -> None:
    assert paid(primaries(), spread([100]))["additional"] == pytest.approx(0.24 * 384_700)
    own = primaries(additional_gbp=np.array([512.0]))
    assert paid(own, spread([100]))["additional"] == pytest.approx(51_200)


def test_national_shares_of_basic_entitlement_and_additional_needs_are_the_published_ones() -> None:
    """74.2 % and 17.8 % of the total in 2025/26: the default share of additional needs is their ratio."""
    assert POLICY.number("additional_needs_share") == pytest.approx(17.8 / 74.2, abs=0.0005)


def test_the_minimum_per_pupil_level_lifts_a_large_school_and_counts_the_lump_sum() -> None:
    """700 pupils without additional needs: 2,692,900 + 145,100 against 700 × 4,955 = 3,468,500."""
    parts = paid(primaries(additional_gbp=np.zeros(1)), spread([700]))
    assert parts["minimum"] == pytest.approx(3_468_500 - 2_692_900 - 145_100)
    assert paid(primaries(additional_gbp=np.zeros(1)), spread([60]))["minimum"] == 0


def test_the_minimum_counts_sparsity_too() -> None:
    """300 in Y7–Y11: 975,960 + 733,560 + 145,100 + 83,400 of sparsity against 300 × 6,465."""
    parts = paid(secondary(additional_gbp=np.zeros(1), distance_m=9_000.0), spread([300], slice(7, 12)))
    assert parts["minimum"] == pytest.approx(1_939_500 - 1_938_020)


def test_the_area_cost_adjustment_raises_factors_and_not_the_minimum() -> None:
    dear, base = Policy({"area_cost_factor": 1.1}), paid(primaries(distance_m=9e9), spread([60]))
    raised = paid(primaries(distance_m=9e9), spread([60]), dear)
    for name in ("basic", "additional", "lump_sum", "sparsity"):
        assert raised[name] == pytest.approx(1.1 * base[name]), name
    large = {"additional_gbp": np.zeros(1)}
    lifted = paid(primaries(**large), spread([700]), dear)
    assert sum(lifted.values()) == pytest.approx(3_468_500)


def test_no_pupils_no_money() -> None:
    parts = paid(primaries(distance_m=9e9, split_site=np.ones(1)), spread([0]))
    assert parts == dict.fromkeys(parts, 0.0)


@settings(deadline=None)
@given(st.integers(1, 600), st.floats(0, 9_000), st.floats(0, 2_000))
def test_nobody_is_paid_less_than_the_minimum_and_basic_rises_with_the_roll(
    pupils: int, distance: float, own: float
) -> None:
    school = primaries(distance_m=distance, additional_gbp=np.array([own]))
    parts, more = paid(school, spread([pupils])), paid(school, spread([pupils + 1]))
    assert sum(parts.values()) >= pupils * 4_955 - 1e-6
    assert more["basic"] + more["additional"] > parts["basic"] + parts["additional"]
    assert more["sparsity"] <= parts["sparsity"] + 1e-9
    # What a pupil brings outweighs the sparsity that is lost: income rises with every roll.
    assert sum(more.values()) > sum(parts.values())


# The floor


def budget_parts(per_pupil: list[float], pupils: list[float], lump: float = 145_100) -> dict[str, np.ndarray]:
    n = np.array([pupils])
    nothing = np.zeros_like(n)
    parts = {name: nothing for name in PARTS if name != "floor"}
    return parts | {"basic": n * np.array([per_pupil]), "lump_sum": lump * (n > 0)}


def test_the_floor_is_last_years_funding_per_pupil_itself_topped_up() -> None:
    """4,000, 3,900, 3,990, 4,200, 4,100 with a floor of −1 %: the second is raised to 3,960, the last to 4,158."""
    pupils = [100.0, 80.0, 100.0, 100.0, 50.0]
    parts = budget_parts([4_000, 3_900, 3_990, 4_200, 4_100], pupils)
    top_up = floor_top_up(parts, np.array([pupils]), np.full(5, -0.01))
    assert top_up[0] == pytest.approx([0, 80 * 60, 0, 0, 50 * 58])
    chained = floor_top_up(budget_parts([4_000, 3_000, 3_000], [10, 10, 10]), np.full((1, 3), 10.0), np.zeros(3))
    assert chained[0] == pytest.approx([0, 10_000, 10_000]), (
        "the second year is protected at what the first was raised to"
    )


def test_the_floor_protects_neither_lump_sum_nor_sparsity_nor_a_school_that_opens() -> None:
    parts = budget_parts([4_000, 4_000], [100, 50])
    parts["sparsity"] = np.array([[50_000.0, 0.0]])
    assert floor_top_up(parts, np.array([[100.0, 50.0]]), np.zeros(2)) == pytest.approx(np.zeros((1, 2)))
    opened = floor_top_up(budget_parts([0, 3_000], [0, 30]), np.array([[0.0, 30.0]]), np.zeros(2))
    assert opened == pytest.approx(np.zeros((1, 2)))


@settings(deadline=None)
@given(
    st.lists(st.floats(3_000, 7_000), min_size=4, max_size=4),
    st.lists(st.integers(1, 500), min_size=4, max_size=4),
    st.floats(-0.05, 0.02),
)
def test_the_floor_holds_in_every_year(per_pupil: list[float], pupils: list[int], change: float) -> None:
    n = np.array([pupils], dtype=float)
    parts = budget_parts(per_pupil, list(map(float, pupils)))
    top_up = floor_top_up(parts, n, np.full(4, change))
    funded = (parts["basic"] + top_up)[0] / n[0]
    assert (top_up >= -1e-6).all()
    assert (funded[1:] >= (1 + change) * funded[:-1] - 1e-6).all()
    raised = np.flatnonzero(top_up[0] > 1e-6)
    assert funded[raised] == pytest.approx((1 + change) * funded[raised - 1]), "no more than the floor asks"


# Lump sums and sites


def test_an_amalgamation_keeps_85_per_cent_of_both_lump_sums_for_a_year_and_then_loses_one() -> None:
    assert amalgamation_lump_sums(2, 4, POLICY).tolist() == pytest.approx([2, 1.7, 1, 1])
    assert amalgamation_lump_sums(3, 3, POLICY).tolist() == pytest.approx([3, 2.55, 1])
    assert amalgamation_lump_sums(1, 3, POLICY).tolist() == [1, 1, 1]
    merged = primaries(lump_sums=amalgamation_lump_sums(2, 3, POLICY)[None])
    rolls = np.repeat(spread([200])[None], 3, axis=1)
    parts = formula(rolls, merged, VALUES, np.array([2025] * 3), POLICY)
    assert parts["lump_sum"][0] == pytest.approx([290_200, 246_670, 145_100])


def test_split_sites_by_number_and_distance() -> None:
    assert split_site_share([50.0], POLICY) == pytest.approx(0.4)
    assert split_site_share([300.0], POLICY) == pytest.approx(0.5), "half way from 100 to 500 m"
    assert split_site_share([900.0, 50.0], POLICY) == pytest.approx(1.0)
    assert split_site_share([50.0, 900.0, 900.0, 900.0], POLICY) == pytest.approx(1.8), "three at most, the farthest"
    assert split_site_share([], POLICY) == 0
    assert paid(primaries(split_site=np.array([0.5])), spread([60]))["split_site"] == pytest.approx(72_550)


# Values by year


def test_years_up_to_the_price_year_have_its_values_and_later_ones_their_own() -> None:
    at = VALUES.at("minimum_primary_gbp", np.array([2022, 2025, 2026, 2030]))
    assert at[:2].tolist() == [4_955, 4_955]
    assert at[2] == pytest.approx(5_115 / 1.03) and at[3] == pytest.approx(at[2])
    assert VALUES.at("lump_sum_gbp", np.array([2022, 2029])).tolist() == [145_100, 145_100]


def test_funding_may_grow_in_real_terms_after_the_last_known_year() -> None:
    _, growing = values({"funding_real_growth": 0.01})
    assert growing.at("lump_sum_gbp", np.array([2025, 2027])).tolist() == pytest.approx([145_100, 145_100 * 1.01**2])
    assert growing.at("minimum_primary_gbp", np.array([2028]))[0] == pytest.approx(5_115 / 1.03 * 1.01**2)


def test_an_earlier_price_year_has_its_own_formula() -> None:
    _, earlier = values({"finance_price_year": "2024/25"})
    assert earlier.at("minimum_primary_gbp", np.array([2024, 2025])).tolist() == pytest.approx([4_610, 4_955 / 1.03])
    assert earlier.at("sparsity_primary_gbp", np.array([2024]))[0] == pytest.approx(57_400 / 1.03), "the first known"


def test_a_frozen_floor_falls_in_real_terms() -> None:
    assert VALUES.at("floor_change", np.array([2026]))[0] == pytest.approx(1 / 1.03 - 1)


def test_a_factor_that_is_given_locally_is_local_throughout() -> None:
    table = pd.DataFrame({"funding_year": ["2025/26", "2026/27"], **{f: [np.nan] * 2 for f in national_values()}})
    table["lump_sum_gbp"] = [140_000, 150_000]
    table.loc[0, "minimum_primary_gbp"] = 5_000
    local: FundingValues = funding_values(table, POLICY)
    assert set(local.local) == {"lump_sum_gbp", "minimum_primary_gbp"}
    assert local.at("lump_sum_gbp", np.array([2025, 2026])).tolist() == pytest.approx([140_000, 150_000 / 1.03])
    assert local.at("minimum_primary_gbp", np.array([2026]))[0] == 5_000, "not the national value of a later year"
    assert local.at("basic_primary_gbp", np.array([2025]))[0] == 3_847


def test_rolls_are_read_into_their_cells() -> None:
    rows = [(1, "2022/23", "R", 5.0), (1, "2022/23", "R", 2.0), (2, "2023/24", "Y11", 3.0), (3, "2022/23", "R", 9.0),
            (1, "2022/23", "Y12", 4.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", "pupils"])
    cube = rolls_array(table, [1, 2], ["2022/23", "2023/24"])
    assert cube[0, 0, 0] == 7 and cube[1, 1, 11] == 3 and cube.sum() == 10


def test_a_value_older_than_the_price_year_is_held_and_not_inflated() -> None:
    _, later = values({"finance_price_year": "2026/27"})
    assert later.at("basic_primary_gbp", np.array([2026, 2028])).tolist() == pytest.approx([3_847, 3_847])
