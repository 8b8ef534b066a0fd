"""The sustainability score by hand and by its properties."""

import numpy as np
import pytest
from funded import POLICY, VALUES, primaries, secondary, spread, values

from geodata.policy import Policy
from models.sustainability import reachable_balance_share, sustainability


def test_a_score_by_hand() -> None:
    """56 pupils in 100 places: two classes, 24 infants and 32 juniors.

    Income 145,100 + 56 × 3,847 = 360,532. Teachers (2 ÷ 0.9 − 0.5) × 60,000 = 103,333, head 82,240, assistants 28,800,
    office 47,880, premises 10,000 + 60 × (350 + 410) = 55,600, supplies 25,200: 343,053. Balance 4.848 % of income.
    """
    policy, of_year = values({"sustainability_roll_range": 0, "sustainability_balance_share": (-0.2, 0.1)})
    found = sustainability(primaries(places=100, additional_gbp=np.zeros(1)), spread([56]), of_year, policy)
    assert found.balance_share[0] == pytest.approx(17_478.67 / 360_532, abs=1e-6)
    assert found.money[0] == pytest.approx(0.24848 / 0.3, abs=1e-4)
    assert found.filled[0] == pytest.approx((0.56 - 0.5) / 0.45)
    assert found.size[0] == pytest.approx(8 / 30)
    assert found.score[0] == pytest.approx(100 * (2 * 0.82827 + 0.13333 + 0.26667) / 4, abs=0.01)


def test_the_usual_balance_is_a_mean_over_rolls_a_tenth_either_way() -> None:
    """With ten pupils: of 9, 10 and 11, each as steady; no smaller roll does better."""
    alone = Policy({"sustainability_roll_range": 0})
    each = reachable_balance_share(primaries(3), spread([9, 10, 11]), VALUES, alone)
    assert reachable_balance_share(primaries(), spread([10]), VALUES, POLICY)[0] == pytest.approx(each.mean())


@pytest.mark.parametrize("places", [56, 105, 210, 420])
@pytest.mark.parametrize("distance_m", [np.nan, 4_000.0])
def test_fewer_pupils_in_the_same_building_never_score_better(places: int, distance_m: float) -> None:
    """Although at a single roll they may: the 57th pupil of a school makes a third class necessary."""
    pupils = np.arange(1.0, places + 1)
    schools = primaries(places, places=places, distance_m=distance_m)
    score = sustainability(schools, spread(list(pupils)), VALUES, POLICY).score
    assert np.diff(score).min() > -1e-9
    assert score.max() <= 100 and score.min() >= 0


def test_more_empty_places_never_score_better() -> None:
    places = np.arange(60.0, 500.0, 20.0)
    schools = primaries(len(places), places=1.0)
    schools.places[:] = places
    score = sustainability(schools, spread([60] * len(places)), VALUES, POLICY).score
    assert np.diff(score).max() <= 1e-9 and score[0] > score[-1] + 30


def test_a_full_school_of_two_forms_is_near_the_top_and_a_hamlets_half_empty_one_near_the_bottom() -> None:
    two_forms = sustainability(primaries(places=420), spread([420]), VALUES, POLICY).score[0]
    hamlet = sustainability(primaries(places=50), spread([24]), VALUES, POLICY).score[0]
    assert two_forms > 90 and hamlet < 10


def test_size_of_a_secondary_is_measured_against_its_own_year_groups() -> None:
    school = secondary(places=600.0)
    found = sustainability(school, spread([300], slice(7, 12)), VALUES, POLICY)
    assert found.size[0] == pytest.approx(60 / 120) and found.year_group[0] == pytest.approx(60)


def test_no_pupils_score_nothing_and_unknown_places_are_not_scored() -> None:
    schools = primaries(2)
    schools.places[1] = np.nan
    found = sustainability(schools, spread([0, 100]), VALUES, POLICY)
    assert found.score[0] == 0 and np.isnan(found.score[1])


def test_weights_of_money_alone_make_the_score_its_money() -> None:
    policy, of_year = values({"sustainability_weights": (1, 0, 0)})
    found = sustainability(primaries(), spread([100]), of_year, policy)
    assert found.score[0] == pytest.approx(100 * found.money[0])
