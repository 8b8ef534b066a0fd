"""Who pays for the plan: contributions only where and when they may be spent, the authority the rest."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_estate_options import YEARS, site, village

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.funding import AUTHORITY, capital_spent, fund
from models.growth import expand, new_school
from models.options import cost_per_place
from placeplan.estate.contributions import payer

SCHOOLS = [
    village(key="900001", planning_area={"primary": "North"}),
    village(key="900002", planning_area={"primary": "South"}),
]


def given_by(*rows: tuple[str, float, str, str | None, str | None]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["site", "amount_gbp", "due_year", "spend_by", "spend_where"])
    return table.assign(phase="primary")


def capital(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["facility", "academic_year", "capital_gbp"]).assign(phase="primary")


def test_a_contribution_pays_only_where_and_when_it_may() -> None:
    """Due in the South, lapsed, or not yet due: none of it may be counted against a school in the North."""
    spent = capital(("900001", "2025/26", 1_000_000.0))
    contributions = given_by(
        ("Mill", 300_000, "2024/25", "2027/28", "North"),
        ("Quay", 300_000, "2024/25", "2027/28", "South"),
        ("Late", 300_000, "2026/27", None, "North"),
        ("Gone", 300_000, "2020/21", "2024/25", "900001"),
        ("Any", 200_000, "2025/26", None, None),
    )
    table, left = fund(spent, contributions, SCHOOLS)
    assert dict(zip(table["source"], table["capital_gbp"], strict=True)) == pytest.approx(
        {"Mill": 300_000, "Any": 200_000, AUTHORITY: 500_000}
    )
    assert left.set_index("site")["unspent_gbp"].to_dict() == pytest.approx(
        {"Mill": 0, "Quay": 300_000, "Late": 300_000, "Gone": 300_000, "Any": 0}
    )


def test_the_authority_may_build_first_and_recoup() -> None:
    spent = capital(("900001", "2025/26", 1_000_000.0))
    contributions = given_by(("Soon", 300_000, "2027/28", None, "North"), ("Far", 300_000, "2028/29", None, "North"))
    table, _ = fund(spent, contributions, SCHOOLS, forward_years=2)
    assert set(table["source"]) == {"Soon", AUTHORITY}


def test_one_contribution_leaves_to_another_what_only_that_may_pay() -> None:
    """The free one goes South, as only the tied one may pay for the North: first come would waste it."""
    spent = capital(("900001", "2025/26", 100_000.0), ("900002", "2025/26", 100_000.0))
    contributions = given_by(("Free", 100_000, "2024/25", "2026/27", None), ("Tied", 100_000, "2024/25", None, "North"))
    table, left = fund(spent, contributions, SCHOOLS)
    assert AUTHORITY not in set(table["source"]) and left["unspent_gbp"].abs().max() < 1
    assert table.set_index("source").loc["Free", "facility"] == "900002"


def test_what_lapses_first_is_spent_first() -> None:
    spent = capital(("900001", "2025/26", 100_000.0))
    contributions = given_by(
        ("Long", 100_000, "2024/25", "2030/31", None), ("Short", 100_000, "2024/25", "2026/27", None)
    )
    table, _ = fund(spent, contributions, SCHOOLS)
    assert table["source"].tolist() == ["Short"]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_every_pound_is_met_once_and_no_contribution_is_overspent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = [option for school in SCHOOLS for option in expand(school, YEARS, Policy({}))]
    taken = {int(o): float(rng.uniform(0.1, 1)) for o in rng.choice(len(options), 3, replace=False)}
    spent = capital_spent(options, YEARS, taken)
    n = int(rng.integers(1, 5))
    contributions = given_by(
        *(
            (
                f"C{k}",
                float(rng.uniform(1e5, 3e6)),
                str(rng.choice(YEARS)),
                None,
                rng.choice(["North", "South", "900001"]),
            )
            for k in range(n)
        )
    )
    table, left = fund(spent, contributions, SCHOOLS)
    met = table.groupby(["facility", "academic_year"])["capital_gbp"].sum().to_numpy()
    assert met == pytest.approx(spent["capital_gbp"].to_numpy(), abs=2)
    assert (left["unspent_gbp"] > -1).all() and spent["capital_gbp"].sum() > 0
    total = sum(share * options[o].capital_gbp.sum() for o, share in taken.items())
    assert table["capital_gbp"].sum() == pytest.approx(total, abs=5)


def test_what_saves_most_comes_before_what_pays_most() -> None:
    """£1m may go to A now or to B, which Late alone could pay for in three years: Late's pounds are worth less."""
    spent = capital(("900001", "2023/24", 1e6), ("900002", "2026/27", 1e6))
    contributions = given_by(("Any", 1e6, "2023/24", None, None), ("Late", 1e6, "2026/27", None, None))
    _, left = fund(spent, contributions, SCHOOLS, 3, 0.035, "2022/23")
    assert left["saved_gbp"].tolist() == pytest.approx([1e6 / 1.035, 1e6 / 1.035**4], rel=1e-6)


def test_on_equal_saving_nothing_is_spent_before_it_is_due() -> None:
    """Due 2025/26: spent the year before or then, a pound is worth as much, and then nobody has to find it first."""
    spent = capital(("900001", "2024/25", 1e6), ("900001", "2025/26", 1e6))
    table, _ = fund(spent, given_by(("Mill", 1e6, "2025/26", None, None)), SCHOOLS, 2, 0.035, "2022/23")
    assert table.set_index("academic_year")["source"].to_dict() == {"2024/25": AUTHORITY, "2025/26": "Mill"}


def test_money_of_a_phase_pays_for_that_phase_alone() -> None:
    """A school for both phases: £20m, of which primary places are £10.5m; primary money pays no more than those."""
    areas = {"primary": "N", "secondary": "S"}
    through = site(key="S1", phase="all-through", year_groups=COMPULSORY, planning_area=areas)
    (option,) = [o for o in new_school(through, YEARS, Policy({})) if o.reason.startswith("2 FE, one")][:1]
    places = {"primary": 420, "secondary": 300}
    each = {p: n * cost_per_place(Policy({}), "new", p) for p, n in places.items()}
    assert option.capital_share["primary"] == pytest.approx(each["primary"] / sum(each.values()))
    spent = capital_spent([option], YEARS, {0: 1.0})
    _, left = fund(spent, given_by(("Mill", 99e6, "2020/21", None, None)), [through])
    assert left["spent_gbp"].sum() == pytest.approx(option.capital_share["primary"] * option.capital_gbp.sum())


def test_nothing_is_paid_beyond_what_a_plan_counts_on() -> None:
    spent = capital(("900001", "2025/26", 3e6), ("900001", "2026/27", 3e6))
    most = [(np.array([True]), 2025, 1e6), (np.array([True]), 2026, 0.5e6)]
    table, left = fund(spent, given_by(("Mill", 5e6, "2025/26", None, None)), SCHOOLS, most=most)
    assert left["spent_gbp"].sum() == pytest.approx(1.5e6)
    by_year = table[table["source"] == "Mill"].set_index("academic_year")["capital_gbp"]
    assert by_year.to_dict() == pytest.approx({"2025/26": 1e6, "2026/27": 0.5e6})


def test_without_contributions_all_is_the_authoritys() -> None:
    table, left = fund(capital(("900001", "2025/26", 5.0)), None, SCHOOLS)
    assert table["source"].tolist() == [AUTHORITY] and left.empty


def test_what_is_spent_before_a_contribution_is_due_is_the_authoritys_to_find() -> None:
    """Cash of 2024/25 against a contribution due in 2025/26: whoever reads it as the developer's is short of it.

    A site's contributions for two phases are due in different years, each of which has to be told.
    """
    both = given_by(("HS-01", 5e6, "2025/26", None, "North"), ("HS-01", 5e6, "2028/29", None, "South"))
    spent = capital(("900001", "2024/25", 2e6), ("900002", "2026/27", 3e6), ("900001", "2026/27", 1e6))
    table, _ = fund(spent, both, SCHOOLS, forward_years=2)
    assert [payer(row.source, row.due_year, row.academic_year) for row in table.itertuples()] == [
        "the authority, to be recouped from the contribution of HS-01, due in 2025/26",
        "the contribution of HS-01",
        "the authority, to be recouped from the contribution of HS-01, due in 2028/29",
    ]
    assert payer(AUTHORITY, None, "2024/25") == "the authority"
