"""Money against what is published for England: how much hangs on the lump sum, and how many schools are in deficit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from funded import values

from geodata.years import COMPULSORY
from models.budgets import steady_balance
from models.funded_schools import FundedSchools
from models.funding_formula import formula

PUBLISHED = {0.1: 7_128, 0.2: 2_057, 0.3: 696, 0.4: 217, 0.5: 51}  # mainstream schools 2024/25 by share, written answer


@pytest.fixture(scope="module")
def england(real_data: Path) -> tuple[FundedSchools, np.ndarray]:
    """Every mainstream school of January 2023, each on its own roll; without sparsity."""
    table = pd.read_csv(real_data / "england/schools_2023.csv.gz", low_memory=False)
    table = table[table["phase_type_grouping"].isin(["State-funded primary", "State-funded secondary"])]
    rolls = table[[group.lower() for group in COMPULSORY]].fillna(0).to_numpy(dtype=float)
    kept = rolls.sum(axis=1) > 0
    table, rolls = table[kept], rolls[kept]
    serves, n = rolls > 0, int(kept.sum())
    junior, senior = serves[:, :7].any(axis=1), serves[:, 7:].any(axis=1)
    both = np.where(serves[:, 0], "all-through", "middle")
    phase = np.where(junior & senior, both, np.where(senior, "secondary", "primary"))
    schools = FundedSchools(
        key=list(table["urn"]),
        phase=phase.tolist(),
        serves=serves,
        places=np.maximum(rolls.sum(axis=1), table["net_capacity_2015"].fillna(0).to_numpy(dtype=float)),
        september=np.zeros(n, dtype=bool),
        estimated=np.zeros(n, dtype=bool),
        additional_gbp=np.full(n, np.nan),
        distance_m=np.full(n, np.nan),
        lump_sums=np.ones(n),
        split_site=np.zeros(n),
    )
    return schools, rolls[:, None]


def test_as_many_schools_hang_on_their_lump_sum_as_is_published(england: tuple[FundedSchools, np.ndarray]) -> None:
    """Within 15 % in every band to 50 %; above it are schools that were filling, which are funded on estimates."""
    schools, rolls = england
    policy, of_year = values({"finance_price_year": "2024/25"})
    parts = formula(rolls, schools, of_year, np.array([2024]), policy)
    share = parts["lump_sum"] / np.sum(list(parts.values()), axis=0)
    counted = np.histogram(share, [*PUBLISHED, 1.01])[0] * 20_150 / len(share)
    for found, (band, published) in list(zip(counted, PUBLISHED.items(), strict=True))[:-1]:
        assert found == pytest.approx(published, rel=0.15), f"from {band:.0%}"
    assert counted[:3].sum() == pytest.approx(9_881, rel=0.03)


def test_shares_of_the_parts_are_the_published_ones(england: tuple[FundedSchools, np.ndarray]) -> None:
    """Basic entitlement 74.2 % and additional needs 17.8 % of funding in 2025/26."""
    schools, rolls = england
    policy, of_year = values({})
    parts = formula(rolls, schools, of_year, np.array([2025]), policy)
    whole = sum(part.sum() for part in parts.values())
    assert parts["basic"].sum() / whole == pytest.approx(0.742, abs=0.02)
    assert parts["additional"].sum() / whole == pytest.approx(0.178, abs=0.01)


def test_england_as_a_whole_breaks_even_and_half_of_its_schools_do_not(
    england: tuple[FundedSchools, np.ndarray],
) -> None:
    """Prices were set so; 58 % of trusts were in deficit, and the smallest schools are the furthest in it."""
    schools, rolls = england
    policy, of_year = values({})
    parts = formula(rolls, schools, of_year, np.array([2025]), policy)
    income = np.sum(list(parts.values()), axis=0)[:, 0]
    balance = steady_balance(schools, rolls, of_year, policy)[:, 0]
    assert abs(balance.sum() / income.sum()) < 0.01
    assert 0.45 < (balance < 0).mean() < 0.65
    pupils, primary = rolls[:, 0].sum(axis=1), np.array(schools.phase) == "primary"
    share = balance / income
    medians = [
        np.median(share[primary & (pupils > low) & (pupils <= high)]) for low, high in ((0, 50), (80, 150), (150, 210))
    ]
    assert medians[0] < medians[1] < medians[2]
