"""Money of clusters and trusts by hand: leadership, pooling, the centre, reserves, joining, and drawn rolls."""

from dataclasses import replace

import numpy as np
import pytest
from funded import VALUES, primaries
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import years_from
from models.budgets import shadow_budget
from models.drawn_money import DrawnMoney, drawn_money, drawn_rolls
from models.trust_finance import clusters_gain, mean_p10, trust_money

YEARS = years_from("2023/24", 3)
POLICY = Policy({})


def money(balance: list[list[float]], pupils: float = 120.0, income: float = 500_000.0) -> DrawnMoney:
    """Schools with balances (F, N) in every one of three years."""
    array = np.repeat(np.array(balance, dtype=float)[:, None, :], 3, axis=1)
    head = 80_000.0 - 30_000.0 * (pupils < 105)
    return DrawnMoney(np.full_like(array, pupils), np.full_like(array, income), array, np.full_like(array, head))


def test_a_cluster_saves_heads_and_pays_for_an_executive_head_and_its_sites() -> None:
    """Three heads of 80,000 against 95,000 and three sites of 15,000 less 5,000 each: 115,000 a year."""
    gain = clusters_gain(money([[0.0], [0.0], [0.0]]), [np.arange(3)], POLICY)
    assert gain.ravel().tolist() == [3 * 80_000 - 95_000 - 3 * 10_000] * 3
    small = clusters_gain(money([[0.0], [0.0]], pupils=60.0), [np.arange(2)], POLICY)
    assert small[0, 0] == 2 * 50_000 - 95_000 - 2 * 10_000  # heads who teach are dear to replace


def test_a_trust_by_hand() -> None:
    """Two schools short by 10,000 each: 35,000 pooled, a centre of 180,000 + 60 a pupil, 70,000 of joining once."""
    told = trust_money(
        money([[-10_000.0], [-10_000.0]]),
        np.arange(2),
        [],
        np.array([np.nan, 5_000.0]),
        POLICY,
        joins=np.zeros(2, dtype=int),
    )
    centre = 180_000 + 60 * 240
    assert told.centre.ravel().tolist() == [centre] * 3
    assert told.balance.ravel().tolist() == [-20_000 + 35_000 - centre - 70_000, *[-20_000 + 35_000 - centre] * 2]
    start = 0.05 * 500_000 + 5_000
    assert told.reserves[:, 0].tolist() == pytest.approx((start + np.cumsum(told.balance[:, 0])).tolist())
    assert not told.viable and told.stops(YEARS) == "2023/24"
    assert told.top_slice_needed() == pytest.approx(centre / 1_000_000)


def test_a_federation_has_separate_budgets_and_no_centre() -> None:
    told = trust_money(money([[1_000.0], [2_000.0]]), np.arange(2), [np.arange(2)], np.zeros(2), POLICY, pooled=False)
    assert told.centre.sum() == 0
    assert told.balance[0, 0] == 3_000 + 2 * 80_000 - 95_000 - 2 * 10_000


def test_viable_is_what_nine_futures_of_ten_carry() -> None:
    """Of ten futures one or two are ruinous: p10 stands on the second lowest, and a reserve may last for a while."""
    one = [[-1e6, *[20_000.0] * 19]]
    two = [[-1e6, -1e6, -1e6, *[20_000.0] * 17]]
    zero = np.zeros(1)
    assert trust_money(money(one), np.arange(1), [], zero, POLICY, pooled=False).viable
    assert not trust_money(money(two), np.arange(1), [], zero, POLICY, pooled=False).viable
    slow = trust_money(money([[-10_000.0] * 10]), np.arange(1), [], np.array([25_000.0]), POLICY, pooled=False)
    assert slow.stops(YEARS) == "2025/26"


def test_schools_that_rise_and_fall_apart_are_safer_together() -> None:
    """The p10 of a sum is no lower than the sum of p10s, by hand: +100 and −100 in turn are nothing together."""
    apart = money([[100.0, -100.0] * 10, [-100.0, 100.0] * 10])
    pooled = Policy({"pooled_office_share": 0, "trust_central_gbp_per_pupil": 0})
    each = [np.array([0]), np.array([1])]
    singly = mean_p10(apart, each, each, pooled, pooled=True)
    assert singly.tolist() == [-100.0, -100.0]
    both = trust_money(apart, np.arange(2), [], np.zeros(2), pooled, centre=0.0)
    assert both.balance_p10.tolist() == [0.0] * 3


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), roll=st.integers(3, 30))
def test_drawn_rolls_keep_the_forecast_and_who_is_on_roll(seed: int, roll: int) -> None:
    """Means over draws are the forecast's within four errors; a cohort on roll in the base year has no luck."""
    mean = np.zeros((1, 4, 12))
    mean[0, :, :7] = roll
    serves = np.arange(12)[None, :] < 7
    drawn = drawn_rolls(mean, np.ones((1, 3, 12, 4000)), serves, seed)
    assert (drawn[0, 0, :7] == roll).all() and (drawn[0, :, 7:] == 0).all()
    assert (drawn[0, 3, 3:7] == roll).all()  # Y3 of the third year was in R in the base year
    entering = drawn[0, 3, 0]
    assert abs(entering.mean() - roll) < 4 * np.sqrt(roll / 4000)
    assert entering.std() == pytest.approx(np.sqrt(roll), rel=0.1)
    assert (drawn[0, 3, 1] == drawn[0, 2, 0]).all()  # luck stays as the cohort ages


def test_drawn_money_of_the_forecast_itself_is_the_shadow_budget() -> None:
    """Two routes: futures that are all the forecast, and the finance stage's own table."""
    school = primaries(places=105)
    rolls = np.zeros((1, 4, 12))
    rolls[0, :, :7] = [[9, 10, 11, 12, 8, 9, 10]] * 4
    same = np.repeat(rolls[..., None], 25, axis=3)
    told = drawn_money(school, same, YEARS, VALUES, POLICY)
    budget = shadow_budget(school, rolls, YEARS, VALUES, POLICY)
    assert told.balance[0].std(axis=1).max() < 1e-6
    assert told.balance[0, :, 0].tolist() == pytest.approx(budget["balance_gbp"].tolist())
    assert told.income[0, :, 7].tolist() == pytest.approx(budget["income_gbp"].tolist())
    assert told.head_gbp[0, 0, 0] == 50_000


def test_a_trust_grows_year_by_year() -> None:
    """Nobody in the first year; one school in the second with its reserves, at 35,000; a second in the fourth, when the
    two become a cluster. The centre is whole at once; schools elsewhere may bear a share of it. Joining costs once."""
    drawn, reserves = money([[100_000.0], [50_000.0]]), np.array([7_000.0, 9_000.0])
    joins = np.array([1, 3])
    made = trust_money(drawn, np.arange(2), [np.arange(2)], reserves, POLICY, joins=joins, n_years=5)
    one = 100_000 + 17_500 - 180_000 - 60 * 120
    both = 150_000 + 35_000 - 180_000 - 60 * 240 + (2 * 80_000 - 95_000 - 2 * 10_000)
    assert made.balance[:, 0].tolist() == [0, one - 35_000, one, both - 35_000, both]
    assert made.reserves[:, 0].tolist() == pytest.approx(
        np.cumsum([0, 7_000 + one - 35_000, one, 9_000 + both - 35_000, both]).tolist()
    )
    assert made.centre[0, 0] == 0
    assert made.once.tolist() == [0, 35_000, 0, 35_000, 0]
    assert made.running[:, 0].tolist() == [0, one, one, both, both] == made.running_p10.tolist()
    assert made.grant_gbp == pytest.approx(-made.reserves.min())
    today = trust_money(drawn, np.arange(2), [], reserves, POLICY, joins=np.array([-1, 2]), n_years=3, centre=0.25)
    assert today.centre[:, 0].tolist() == pytest.approx([45_000 + 7_200] * 2 + [45_000 + 14_400])


def test_a_school_without_pupils_is_no_site_of_a_cluster() -> None:
    gone = money([[0.0], [0.0], [0.0]])
    pupils = gone.pupils.copy()
    pupils[2] = 0.0
    head = np.where(pupils > 0, gone.head_gbp, 0.0)
    gain = clusters_gain(replace(gone, pupils=pupils, head_gbp=head), [np.arange(3)], POLICY)
    assert gain[0, 0] == 2 * 80_000 - 95_000 - 2 * 10_000


def test_heads_cost_what_the_area_costs_and_areas_rise_together() -> None:
    dear = Policy({"area_cost_factor": 1.1})
    drawn = money([[0.0], [0.0]])
    gain = clusters_gain(replace(drawn, head_gbp=drawn.head_gbp * 1.1), [np.arange(2)], dear)
    assert gain[0, 0] == pytest.approx(1.1 * (2 * 80_000 - 95_000 - 2 * 10_000))
    mean, serves = np.full((1, 2, 12), 10.0), np.ones((1, 12), dtype=bool)
    doubled = drawn_rolls(mean, np.full((1, 1, 12, 3), 2.0), serves, 0)
    assert (doubled[0, 1, 1:] == 20.0).all() and (doubled[0, 0] == 10.0).all()


def test_a_part_of_a_cluster_has_its_part_of_what_the_cluster_saves() -> None:
    """Of 115,000 that three schools save together, two have two thirds and one a third; it begins with all of them."""
    drawn, whole = money([[0.0], [0.0], [0.0]]), [np.arange(3)]
    two, one = (
        trust_money(drawn, rows, whole, np.zeros(3), POLICY, pooled=False) for rows in (np.arange(2), np.array([2]))
    )
    assert two.balance[0, 0] == pytest.approx(115_000 * 2 / 3) and one.balance[0, 0] == pytest.approx(115_000 / 3)
    later = trust_money(drawn, np.arange(2), whole, np.zeros(3), POLICY, pooled=False, joins=np.array([-1, 1]))
    assert later.balance[0, 0] == 0 and later.balance[1, 0] == pytest.approx(115_000 * 2 / 3)
