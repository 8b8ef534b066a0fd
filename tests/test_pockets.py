"""Whose money a closure is – worked by hand."""

import numpy as np
import pytest

from geodata.policy import Policy
from models.pockets import (
    CAPITAL,
    REVENUE,
    SCHOOLS_BLOCK,
    TRUST,
    TRUSTEES,
    Item,
    amounts,
    balance_item,
    charges,
    is_council,
    own_cost_items,
    site_item,
)

YEARS = ["2023/24", "2024/25", "2025/26"]
PLAIN = Policy({"discount_rate": 0.0, "residual_years": 2})
NOW = np.array([0.0, 1.0, 0.0])
MONEY = {
    "one_off": np.array([0.0, 150_000.0, 0.0]),
    "fixed": np.array([0.0, -145_100.0, -145_100.0]),
    "places": np.array([0.0, -30_000.0, -30_000.0]),
    "capital": np.zeros(3),
}


def by_item(items: list[Item]) -> dict[str, tuple[str, float]]:
    return {item.item: (item.pocket, amounts(item, YEARS, PLAIN)[2]) for item in items}


def test_the_lump_sum_is_the_schools_blocks_and_redundancies_are_the_councils() -> None:
    found = by_item(own_cost_items("Community school", MONEY))
    assert found["closing cost"] == (REVENUE, 150_000)
    assert found["fixed cost of the school"] == (SCHOOLS_BLOCK, -4 * 145_100)  # two plan years and two after them
    assert found["places no longer held"] == (SCHOOLS_BLOCK, -4 * 30_000)
    assert len(found) == 3


def test_an_academys_closing_cost_is_its_trusts() -> None:
    assert by_item(own_cost_items("Academy converter", MONEY))["closing cost"][0] == TRUST


def test_a_deficit_reverts_to_the_council_of_a_maintained_school_only() -> None:
    deficit = balance_item("Voluntary aided school", -80_000, NOW)
    assert deficit.pocket == REVENUE and amounts(deficit, YEARS, PLAIN)[::2] == (80_000, 80_000)
    assert "deficit" in deficit.note
    assert balance_item("Academy sponsor led", -80_000, NOW).pocket == TRUST
    assert amounts(balance_item("Community school", 50_000, NOW), YEARS, PLAIN)[0] == -50_000
    unknown = balance_item("Community school", np.nan, NOW)
    assert np.isnan(amounts(unknown, YEARS, PLAIN)).all() and "not given" in unknown.note


@pytest.mark.parametrize(
    ("kind", "owner", "pocket"),
    [
        ("Community school", "", CAPITAL),
        ("Community school", "Aldershire Council", CAPITAL),
        ("Community school", "aldershire", CAPITAL),
        ("Voluntary controlled school", "", TRUSTEES),
        ("Voluntary aided school", "Church trustees", TRUSTEES),
        ("Foundation school", "", TRUSTEES),
        ("Academy converter", "Hill Academy Trust", TRUST),
        ("Academy converter", "Leased to the trust by the council", CAPITAL),
    ],
)
def test_whose_the_site_is(kind: str, owner: str, pocket: str) -> None:
    item = site_item(kind, owner, 900_000, "Aldershire", NOW)
    assert item.pocket == pocket and amounts(item, YEARS, PLAIN)[0] == -900_000
    assert ("its consent is needed" in item.note) == (pocket != CAPITAL)
    assert "Secretary of State" in item.note
    assert is_council("Local authority", "Aldershire") and not is_council("Diocese", "Aldershire")


def test_charges_go_on_until_the_contract_ends() -> None:
    """£100 a year, closed from 2024, until the end of February 2027: 2024, 2025 whole, and half of 2026."""
    closed = np.array([0.0, 1.0, 1.0])
    running, beyond = charges(100.0, closed, 2026.5, 2023, PLAIN)
    assert running.tolist() == [0, 100, 100]
    assert amounts(Item(REVENUE, "", np.zeros(3), running, extra_gbp=beyond), YEARS, PLAIN)[2] == pytest.approx(250)
    rate = Policy({"discount_rate": 0.1, "residual_years": 2})
    running, beyond = charges(100.0, closed, 2026.5, 2023, rate)
    total = amounts(Item(REVENUE, "", np.zeros(3), running, extra_gbp=beyond), YEARS, rate)[2]
    assert total == pytest.approx(100 / 1.1**2 + 100 / 1.1**3 + 50 / 1.1**4)
