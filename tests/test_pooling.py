"""Top slice and pooling by hand: who pays, who receives, what is unmet, and the slice that makes a trust balance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pooling import pooled, slice_to_balance

SUMS = st.lists(st.tuples(st.floats(-200, 200), st.floats(50, 900)), min_size=1, max_size=6)


def test_a_school_that_is_short_receives_from_who_has_as_far_as_there_is() -> None:
    """Balances 30, 0, −10 on an income of 100 each, a centre of 12: a slice of 4 %, then 8 is needed by one, 4 by one,
    and 26 are there."""
    told = pooled(np.array([30.0, 0.0, -4.0]), np.full(3, 100.0), 12.0)
    assert told.share_for_centre == pytest.approx(0.04) and told.sliced.tolist() == [4.0, 4.0, 4.0]
    assert told.moved.tolist() == pytest.approx([-12.0, 4.0, 8.0]) and told.left.tolist() == pytest.approx([14, 0, 0])
    assert told.short == 2 and told.unmet_gbp == pytest.approx(0.0) and told.moved_gbp == pytest.approx(12.0)


def test_what_the_others_do_not_have_is_unmet_and_shared_by_what_is_lacking() -> None:
    """10 to give, 20 and 60 lacking: 2.5 and 7.5 are moved, 70 stays unmet, and no slice makes the trust balance."""
    told = pooled(np.array([10.0, -20.0, -60.0]), np.full(3, 100.0), 0.0)
    assert told.moved.tolist() == pytest.approx([-10.0, 2.5, 7.5]) and told.unmet_gbp == pytest.approx(70.0)
    assert np.isnan(told.share_to_balance)


def test_the_slice_that_makes_a_trust_balance_is_above_the_one_that_pays_its_centre() -> None:
    """A centre of 10 and a school short by 10: the other has to give 20 of its 100, so 20 % of each; the short one has
    its slice back, and so s · 200 = 10 + (s · 100 + 10)."""
    balance, income = np.array([50.0, -10.0]), np.array([100.0, 100.0])
    assert slice_to_balance(balance, income, 10.0) == pytest.approx(0.2)
    assert pooled(balance, income, 10.0).share_for_centre == pytest.approx(0.05)
    assert slice_to_balance(np.array([50.0, 40.0]), income, 10.0) == pytest.approx(0.05)  # nobody lacks anything
    assert np.isnan(slice_to_balance(np.array([15.0, -10.0]), income, 10.0))


@settings(deadline=None)
@given(SUMS, st.floats(0, 100))
def test_money_is_neither_made_nor_lost(schools: list[tuple[float, float]], centre: float) -> None:
    """What is paid is received; a slice that balances exists just where all together pay for the centre."""
    balance, income = (np.array(column) for column in zip(*schools, strict=True))
    told = pooled(balance, income, centre)
    assert told.moved.sum() == pytest.approx(0.0, abs=1e-6)
    assert told.left.sum() == pytest.approx(balance.sum() - centre, abs=1e-6)
    assert (np.abs(told.left[told.left < -1e-6]).sum()) == pytest.approx(told.unmet_gbp, abs=1e-5)
    if abs(balance.sum() - centre) > 1e-3:
        assert np.isnan(told.share_to_balance) == (balance.sum() < centre)
    if not np.isnan(told.share_to_balance):
        share = told.share_to_balance
        given_back = np.maximum(share * income - balance, 0.0).sum()
        assert share * income.sum() == pytest.approx(centre + given_back, rel=1e-6, abs=1e-5) or share == 0.0
