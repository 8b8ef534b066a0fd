"""The capital programme: who pays what in which year, and what nobody pays."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.programme import (
    BASIC_NEED,
    BORROWING,
    FUNDING,
    GAP,
    HELD,
    HIGH_NEEDS,
    MAINSTREAM,
    RECOUPED,
    SECURED,
    SEND,
    WORKS,
    capital_programme,
)

YEARS = ["2023/24", "2024/25", "2025/26"]
GRANTED = [source for source in FUNDING if source != RECOUPED]
CAPITAL = ["academic_year", "facility", "phase", "source", "due_year", "capital_gbp"]


def paid(table: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    return table.set_index(["academic_year", "purpose", "source"])["gbp"].to_dict()


def test_worked_example() -> None:
    """Grants spent on the wrong purpose, or before they come, make a gap look closed.

    2023/24: £3m of places, of which £1m a contribution that is held; basic need of £1.5m pays, £0.5m is borrowed.
    2024/25: £1m of SEND places; high needs has only £0.4m, £0.5m of borrowing is left; gap £0.1m.
    2025/26: £2m of places, of which £0.5m contributions, £0.2m due only next year; basic need £1m; gap £0.7m,
    the £0.2m among it that nobody has yet. Rooms
    let to early years, £0.05m: neither grant may pay for them, though high needs has £9m.
    """
    capital = pd.DataFrame(
        [
            ("2023/24", "1", "primary", "H1", "2022/23", 1e6),
            ("2023/24", "1", "primary", "authority", None, 2e6),
            ("2024/25", "2", "other", "authority", None, 1e6),
            ("2025/26", "4", "other", "authority", None, 0.05e6),
            ("2025/26", "3", "secondary", "H2", "2026/27", 0.2e6),
            ("2025/26", "3", "secondary", "H3", "2025/26", 0.3e6),
            ("2025/26", "3", "secondary", "authority", None, 1.5e6),
        ],
        columns=CAPITAL,
    )
    funding = pd.DataFrame(
        [
            ("2022/23", BASIC_NEED, 0.5e6),
            ("2023/24", BASIC_NEED, 1e6),
            ("2023/24", BORROWING, 1e6),
            ("2024/25", HIGH_NEEDS, 0.4e6),
            ("2025/26", BASIC_NEED, 1e6),
            ("2025/26", HIGH_NEEDS, 9e6),
        ],
        columns=["academic_year", "source", "amount_gbp"],
    )
    assert paid(capital_programme(capital, funding, "2022/23", YEARS, ["2"])) == pytest.approx(
        {
            ("2023/24", MAINSTREAM, HELD): 1e6,
            ("2023/24", MAINSTREAM, BASIC_NEED): 1.5e6,
            ("2023/24", MAINSTREAM, BORROWING): 0.5e6,
            ("2024/25", SEND, HIGH_NEEDS): 0.4e6,
            ("2024/25", SEND, BORROWING): 0.5e6,
            ("2024/25", SEND, GAP): 0.1e6,
            ("2025/26", MAINSTREAM, SECURED): 0.3e6,
            ("2025/26", MAINSTREAM, BASIC_NEED): 1e6,
            ("2025/26", MAINSTREAM, GAP): 0.7e6,
            ("2025/26", WORKS, GAP): 0.05e6,
        }
    )


def test_money_paid_ahead_of_a_contribution_is_not_money_in_hand() -> None:
    """The programme is called funded while £6.9m of it waits for a developer; or the money never comes back.

    2023/24: £6.9m for a contribution due in 2025/26, £1m of borrowing: gap £5.9m. 2025/26: £2m, paid by what came back.
    """
    capital = pd.DataFrame(
        [
            ("2023/24", "1", "primary", "H1", "2025/26", 6.9e6),
            ("2025/26", "1", "primary", "authority", None, 2e6),
        ],
        columns=CAPITAL,
    )
    funding = pd.DataFrame([("2023/24", BORROWING, 1e6)], columns=["academic_year", "source", "amount_gbp"])
    assert paid(capital_programme(capital, funding, "2022/23", YEARS)) == pytest.approx(
        {
            ("2023/24", MAINSTREAM, BORROWING): 1e6,
            ("2023/24", MAINSTREAM, GAP): 5.9e6,
            ("2025/26", MAINSTREAM, RECOUPED): 2e6,
        }
    )


money = st.floats(0, 1e7, allow_nan=False).map(lambda gbp: round(gbp, 2))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(YEARS), st.sampled_from(["primary", "other"]), money), max_size=8),
    st.lists(st.tuples(st.sampled_from(YEARS), st.sampled_from(GRANTED), money), max_size=8),
    st.sampled_from([["1"], []]),
)
def test_every_pound_is_paid_once_and_no_purse_twice(
    spent: list[tuple[str, str, float]], granted: list[tuple[str, str, float]], units: list[str]
) -> None:
    """The programme does not add up to the plan's capital, or spends a grant that has not come or is spent already."""
    capital = pd.DataFrame([(y, "1", p, "authority", None, gbp) for y, p, gbp in spent], columns=CAPITAL)
    funding = pd.DataFrame(granted, columns=["academic_year", "source", "amount_gbp"])
    table = capital_programme(capital, funding, "2022/23", YEARS, units)
    for year in YEARS:
        due = capital.loc[capital["academic_year"] == year, "capital_gbp"].sum()
        assert table.loc[table["academic_year"] == year, "gbp"].sum() == pytest.approx(due)
        for source in GRANTED:
            until = table[(table["academic_year"] <= year) & (table["source"] == source)]["gbp"].sum()
            came = funding[(funding["academic_year"] <= year) & (funding["source"] == source)]["amount_gbp"].sum()
            assert until <= came + 1e-3
    assert set(table.loc[table["source"] == BASIC_NEED, "purpose"]) <= {MAINSTREAM}
    assert set(table.loc[table["source"] == HIGH_NEEDS, "purpose"]) <= {SEND}
    assert units or SEND not in set(table["purpose"])
