"""Shadow budgets: paid on whose roll, what a school of a size costs, where it breaks even, how long it lasts."""

import numpy as np
import pandas as pd
import pytest
from funded import POLICY, VALUES, primaries, secondary, spread, values

from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES, years_from
from models.budgets import COST, INCOME, breaks_even_at, falling_roll, shadow_budget, steady_balance, viable
from models.funded_schools import joined
from models.proposed_school import filling_rolls, proposed_school
from models.school_costs import PARTS, school_costs

YEARS = ["2025/26", "2026/27", "2027/28"]
LEVEL, LEVEL_VALUES = values({"funding_price_growth": 0})


def rolls(*pupils: float) -> np.ndarray:
    """(1, T, 12) of a primary."""
    return spread(list(pupils))[None]


def test_an_academy_is_paid_on_last_years_roll_and_a_maintained_school_on_both() -> None:
    """Rolls 70, 84, 98, 98: an academy gets 70 pupils' money in the first year, the other 7/12 of 70 and 5/12 of 84."""
    both = joined([primaries(september=np.array([True])), primaries()])
    table = shadow_budget(both, np.repeat(rolls(70, 84, 98, 98), 2, axis=0), YEARS, LEVEL_VALUES, LEVEL)
    academy, maintained = (table["funded_pupils"].to_numpy()[at : at + 3] for at in (0, 3))
    assert academy == pytest.approx([70, 84, 98])
    assert maintained == pytest.approx([(7 * 70 + 5 * 84) / 12, (7 * 84 + 5 * 98) / 12, 98])
    assert table["income_basic_gbp"].to_numpy()[0] == pytest.approx(70 * 3_847)
    assert table["pupils"].to_numpy()[:3] == pytest.approx([84, 98, 98]), "who is taught costs, whoever is paid for"


def test_a_maintained_school_has_five_months_of_the_next_funding_year() -> None:
    table = shadow_budget(primaries(additional_gbp=np.zeros(1)), rolls(700, 700, 700, 700), YEARS, VALUES, POLICY)
    expected = 700 * (7 * 4_955 + 5 * 5_115 / 1.03) / 12
    assert table["income_gbp"].iloc[0] == pytest.approx(expected), "the minimum level rises in April 2026"


def test_a_falling_roll_is_felt_a_year_later_in_income_than_in_cost() -> None:
    academy = primaries(september=np.array([True]))
    table = shadow_budget(academy, rolls(210, 140, 140, 140), YEARS, LEVEL_VALUES, LEVEL)
    balance = table["balance_gbp"].to_numpy()
    assert balance[0] - balance[1] == pytest.approx(70 * 3_847)


def test_parts_add_up_and_a_closed_school_has_neither_income_nor_cost() -> None:
    table = shadow_budget(primaries(distance_m=4_000.0), rolls(60, 60, 0, 0), YEARS, VALUES, POLICY)
    for parts, whole in ((INCOME, "income_gbp"), (COST, "cost_gbp")):
        assert table[list(parts)].sum(axis=1).to_numpy() == pytest.approx(table[whole].to_numpy())
    assert (table["income_gbp"] - table["cost_gbp"]).to_numpy() == pytest.approx(table["balance_gbp"].to_numpy())
    assert table[["income_gbp", "cost_gbp"]].to_numpy()[1:] == pytest.approx(0)
    assert np.isnan(table["balance_share"].iloc[2])


def test_income_of_pupils_gone_is_protected_no_further_than_per_pupil() -> None:
    """The roll halves and so does what is paid by the pupil: the guarantee is of funding per pupil."""
    table = shadow_budget(primaries(), rolls(200, 100, 100, 100), YEARS, LEVEL_VALUES, LEVEL)
    assert table["income_floor_gbp"].to_numpy() == pytest.approx(0, abs=1e-6)


# Cost


def cost(pupils: float, **more: object) -> dict[str, float]:
    made = school_costs(rolls(pupils), np.zeros((1, 1)), primaries(**more), POLICY)
    return {name: float(part[0, 0]) for name, part in made.items()}


def test_a_school_of_one_form_costs_what_its_classes_do() -> None:
    """90 infants in three classes, 120 juniors in four; ÷ 0.9 for planning time; no deputy below 315."""
    made = cost(210)
    assert made["classes"] == 7 and made["teacher_posts"] == pytest.approx(7 / 0.9)
    assert made["teachers"] == pytest.approx(7 / 0.9 * 60_000)
    assert made["leadership"] == pytest.approx(80_000 + 210 * 40)
    assert made["support"] == pytest.approx(7 * 0.6 * 24_000 + 35_000 + 210 * 230)
    assert made["premises"] == pytest.approx(10_000 + 60 * (350 + 4.1 * 210))
    assert made["supplies"] == pytest.approx(210 * 450)


def test_a_small_head_teaches_and_a_large_school_has_deputies() -> None:
    assert cost(104)["teacher_posts"] == pytest.approx(cost(104)["classes"] / 0.9 - 0.5)
    assert cost(105)["teacher_posts"] == pytest.approx(cost(105)["classes"] / 0.9)
    deputies = [(cost(n)["leadership"] - 80_000 - 40 * n) / 75_000 for n in (314, 315, 614, 615)]
    assert deputies == pytest.approx([0, 1, 1, 2])


def test_a_building_is_kept_up_for_its_places_not_its_pupils() -> None:
    assert cost(60)["premises"] == cost(200)["premises"]
    assert cost(60, places=420)["premises"] - cost(60)["premises"] == pytest.approx(60 * 4.1 * 210)


def test_a_secondary_school_by_its_groups() -> None:
    made = school_costs(spread([900], slice(7, 12))[None], np.zeros((1, 1)), secondary(places=900.0), POLICY)
    assert made["classes"][0, 0] == 40 and made["teacher_posts"][0, 0] == pytest.approx(40 / 0.78)
    assert made["premises"][0, 0] == pytest.approx(10_000 + 60 * (1_050 + 6.3 * 900)), "6,720 m² for 900"


def test_unit_costs_rise_steeply_below_ninety_pupils() -> None:
    """The Audit Commission's finding of 1990: a pupil fewer raises the cost of the others more than twice as much."""

    def unit(pupils: int) -> float:
        made = cost(pupils, places=pupils)
        return sum(made[name] for name in PARTS) / pupils

    above, below, least = ((unit(few) - unit(many)) / (many - few) for few, many in ((90, 210), (45, 90), (25, 45)))
    assert 0 < 2 * above < below and 2 * below < least


# Break-even


def scanned(places: int, distance: float, policy: Policy) -> tuple[float, float]:
    """First roll that covers its cost and the one after the last that does not, one roll at a time."""
    school = primaries(distance_m=distance, places=places)
    covered = [float(steady_balance(school, rolls(n), VALUES, policy)[0, 0]) >= 0 for n in range(1, places + 1)]
    first = covered.index(True) + 1 if any(covered) else np.nan
    short = max((n for n, enough in enumerate(covered, start=1) if not enough), default=0)
    return first, short + 1 if short < places else np.nan


@pytest.mark.parametrize("places", [49, 50, 51, 120, 210, 420])
@pytest.mark.parametrize("distance", [np.nan, 2_900.0, 9_000.0])
def test_the_break_even_roll_is_that_of_a_scan(places: int, distance: float) -> None:
    for policy in (POLICY, Policy({"teacher_gbp": 40_000}), Policy({"teacher_gbp": 90_000})):
        school = joined([primaries(distance_m=distance, places=places), primaries(distance_m=distance, places=630)])
        shape = np.repeat(spread([1]), 2, axis=0)
        first, steady = breaks_even_at(school, shape, VALUES, policy, school.places)
        assert (first[0], steady[0]) == pytest.approx(scanned(places, distance, policy), nan_ok=True)


def test_a_falling_roll_costs_more_than_it_saves_until_a_class_goes() -> None:
    """From 210 to 189 (81 + 108 in 3 + 4 classes) none goes; from 63 (27 + 36) to 56 (24 + 32) the third of three."""
    change = falling_roll(primaries(), spread([210]), VALUES, POLICY)
    by_pupil = 3_847 - 450 - 230 - 40
    assert change[0] == pytest.approx(-21 * by_pupil)
    fewer = falling_roll(primaries(), spread([63]), VALUES, Policy({"falling_roll_share": 1 / 9}))
    saved = 1 / 0.9 * 60_000 + 0.6 * 24_000
    assert fewer[0] == pytest.approx(-7 * by_pupil + saved)


# Sufficiency


def told(*balances: float) -> pd.DataFrame:
    years = [f"20{25 + n}/{26 + n}" for n in range(len(balances))]
    frame = pd.DataFrame({"urn": 1, "academic_year": years, "income_gbp": 1_000_000.0, "balance_gbp": balances})
    return frame.assign(cost_gbp=frame["income_gbp"] - frame["balance_gbp"])


@pytest.mark.parametrize(
    ("balances", "lasts", "lowest", "first"),
    [
        ((0, 0, 0), True, 50_000, None),
        ((-30_000, -20_000), True, 0, "2025/26"),  # to the last pound
        ((-30_000, -20_001), False, -1, "2025/26"),
        ((10_000, -60_000), True, 0, "2026/27"),  # what was saved before counts
        ((-60_000, 90_000), False, -10_000, "2025/26"),  # what comes after does not
    ],
)
def test_reserves_of_five_per_cent_must_last(balances: tuple, lasts: bool, lowest: float, first: str | None) -> None:
    row = viable(told(*balances), POLICY).iloc[0]
    assert bool(row["viable"]) is lasts and row["lowest_reserves_gbp"] == pytest.approx(lowest)
    assert (row["first_deficit_year"] == first) if first else pd.isna(row["first_deficit_year"])


def test_a_school_that_is_closed_is_not_tested() -> None:
    empty = told(-1, -1).assign(income_gbp=0.0)
    assert viable(empty, POLICY).empty


# A school that does not stand yet


def test_a_new_school_fills_from_below_and_an_all_through_one_from_two_ends() -> None:
    years = ["2025/26", "2026/27", "2027/28"]
    made = filling_rolls(PHASES["primary"], 60, "2026/27", years)
    assert made.sum(axis=1).tolist() == [0, 60, 120] and made[2, :2].tolist() == [60, 60]
    both = filling_rolls(COMPULSORY, 30, "2026/27", years)
    assert np.flatnonzero(both[2]).tolist() == [0, 1, 7, 8]
    middle = filling_rolls(("Y5", "Y6", "Y7", "Y8"), 30, "2026/27", years)
    assert np.flatnonzero(middle[1]).tolist() == [5], "nobody enters a middle school in Y7"
    assert filling_rolls(PHASES["primary"], 60, "2019/20", years)[0].sum() == 420


def test_a_bid_is_funded_on_its_own_roll_from_the_first_year() -> None:
    years = years_from("2026/27", 5)
    school = proposed_school("bid A", "primary", PHASES["primary"], 420)

    def budget(intake: float) -> pd.DataFrame:
        rolls = filling_rolls(PHASES["primary"], intake, "2026/27", ["2025/26", *years])
        return shadow_budget(school, rolls[None], years, LEVEL_VALUES, LEVEL)

    table = budget(60)
    assert table["pupils"].tolist() == [60, 120, 180, 240, 300]
    assert table["funded_pupils"].tolist() == table["pupils"].tolist()
    assert table["income_basic_gbp"].to_numpy() == pytest.approx(table["pupils"].to_numpy() * 3_847)
    assert table["income_lump_sum_gbp"].to_numpy() == pytest.approx(145_100)
    assert table["cost_premises_gbp"].to_numpy() == pytest.approx(10_000 + 60 * (350 + 4.1 * 420))
    half = budget(30)
    assert half["pupils"].tolist() == [30, 60, 90, 120, 150]
