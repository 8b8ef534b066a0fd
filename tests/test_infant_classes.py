"""Infants 30 a teacher – worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.policy import Policy
from models.class_structure import fewest_classes
from models.infant_classes import infant_room, over_in_infant_classes

POLICY = Policy({})


def groups(*primary: float) -> np.ndarray:
    return np.array([*primary, *[0.0] * (12 - len(primary))])


@pytest.mark.parametrize(
    ("own", "received", "over"),
    [
        ((30, 30, 28), (0, 0, 2), 0),  # 90 infants, three teachers
        ((30, 31, 28), (0, 0, 2), 1),  # 89 own infants sit in three classes; two more make 91
        ((30, 31, 30), (0, 0, 1), 0),  # 91 own infants need a fourth teacher anyway
        ((20, 20, 20), (10, 10, 10), 0),
        ((20, 20, 20), (10, 10, 14), 4),  # 94 infants beside three teachers for 90
    ],
)
def test_infants_thirty_a_teacher(own: tuple, received: tuple, over: float) -> None:
    """An admission number of 30: three teachers for R–Y2, or more where the school's own infants need them."""
    found = over_in_infant_classes(groups(*own), groups(*received), groups(30, 30, 30), POLICY)
    assert found == over


def test_without_mixed_ages_every_year_group_has_its_own_teacher() -> None:
    apart = Policy({"mixed_age_max_year_groups": 1})
    own, received = groups(30, 10, 10), groups(1, 0, 0)
    assert over_in_infant_classes(own, received, groups(30, 30, 30), apart) == 1
    assert over_in_infant_classes(own, received, groups(30, 30, 30), POLICY) == 0


@given(st.data())
def test_who_is_turned_away_is_as_few_as_can_be(data: st.DataObject) -> None:
    """With those over left out the classes do, whatever mix of year groups comes; nobody but displaced is over."""
    draw = lambda most: groups(*data.draw(st.tuples(*[st.integers(0, most)] * 3)))  # noqa: E731
    own, received, admits = draw(45), draw(20), groups(*[data.draw(st.sampled_from([15, 20, 30, 40, 45]))] * 3)
    over = float(over_in_infant_classes(own, received, admits, POLICY))
    teachers = max(fewest_classes(groups(*admits[:3]), POLICY).infant, fewest_classes(own, POLICY).infant)
    assert 0 <= over <= received.sum()
    together = (own + received).sum()
    assert over == max(together - 30 * teachers, 0)  # ages of three groups mix freely
    assert over == min(max(received.sum() - float(infant_room(own, admits, POLICY)), 0), received.sum())
