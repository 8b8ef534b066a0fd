"""Free home-to-school transport, case by case as Schedule 35B of the Education Act 1996 has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.entitlement import GROUNDS, Entitled, Journey, entitlement, nearer_open

MILE = 1609.344
POLICY = Policy({})
NO_WAY, UNSAFE = 0.0, 1.0


def one(
    miles: float,
    group: str,
    *,
    nearer: int = 0,
    of_faith: int = 0,
    by_faith: bool = False,
    unsafe: float = NO_WAY,
    poor: float = 0.0,
) -> Entitled:
    journey = Journey(
        np.array([miles * MILE]),
        np.array([COMPULSORY.index(group)]),
        np.array([nearer]),
        np.array([of_faith]),
        np.array([by_faith]),
        np.array([unsafe]),
    )
    return entitlement(journey, np.array([poor]), POLICY)


def grounds(told: Entitled) -> tuple[str, str]:
    return GROUNDS[told.ground[0]], GROUNDS[told.low_income_ground[0]]


CASES = {
    # paragraph 6 with s.444(5): 2 miles under 8 (R–Y3), 3 miles from 8 (Y4)
    "1.9 miles under 8": ((1.9, "R", {}), ("", "")),
    "2.1 miles under 8": ((2.1, "Y3", {}), ("distance", "distance")),
    "2.1 miles at 8": ((2.1, "Y4", {}), ("", "low income")),  # paragraph 9
    "3.1 miles at 8": ((3.1, "Y4", {}), ("distance", "distance")),
    "3.1 miles at 11": ((3.1, "Y7", {}), ("distance", "distance")),
    # the nearest suitable school with places, whatever the distance
    "9 miles past a nearer school with places": ((9, "R", {"nearer": 1}), ("", "")),
    # paragraph 4: within walking distance and no safe way; not past a nearer school
    "1 mile on an unsafe road": ((1, "Y2", {"unsafe": UNSAFE}), ("unsafe route", "unsafe route")),
    "1 mile on an unsafe road past a nearer school": ((1, "Y2", {"unsafe": UNSAFE, "nearer": 1}), ("", "")),
    "2.5 miles on an unsafe road under 8": ((2.5, "Y2", {"unsafe": UNSAFE}), ("distance", "distance")),
    # paragraph 9: low income, 8 to 10 (Y4–Y6), beyond 2 miles, the nearest
    "1.9 miles, low income at 10": ((1.9, "Y6", {}), ("", "")),
    "2.5 miles, low income at 10": ((2.5, "Y6", {}), ("", "low income")),
    "2.5 miles, low income at 10, past a nearer": ((2.5, "Y6", {"nearer": 1}), ("", "")),
    # paragraph 11: low income from 11, 2 to 6 miles, one of the three nearest
    "5.9 miles, the third nearest": ((5.9, "Y7", {"nearer": 2}), ("", "three nearest")),
    "5.9 miles, the fourth nearest": ((5.9, "Y7", {"nearer": 3}), ("", "")),
    "6.1 miles, the third nearest": ((6.1, "Y7", {"nearer": 2}), ("", "")),
    "1.9 miles, the nearest at 11": ((1.9, "Y11", {}), ("", "")),
    "2.5 miles, the nearest at 11": ((2.5, "Y11", {}), ("", "three nearest")),
    # paragraph 12: low income from 11, 2 to 15 miles, the nearest of the faith
    "14.9 miles on grounds of faith": ((14.9, "Y8", {"nearer": 5, "by_faith": True}), ("", "religion")),
    "15.1 miles on grounds of faith": ((15.1, "Y8", {"nearer": 5, "by_faith": True}), ("", "")),
    "past a nearer one of the faith": ((9, "Y8", {"nearer": 5, "by_faith": True, "of_faith": 1}), ("", "")),
    "on grounds of faith before 11": ((9, "Y5", {"nearer": 5, "by_faith": True}), ("", "")),
    "no faith, far past nearer ones": ((9, "Y8", {"nearer": 5}), ("", "")),
}


@pytest.mark.parametrize("case", CASES)
def test_each_paragraph(case: str) -> None:
    (miles, group, given_), expected = CASES[case]
    assert grounds(one(miles, group, **given_)) == expected


def test_shares_of_pupils() -> None:
    """A quarter are poor, a fifth of the way is unsafe: a fifth by right, and a quarter of the other four fifths."""
    assert one(2.5, "Y5", poor=0.25, unsafe=0.2).share[0] == pytest.approx(0.2 + 0.8 * 0.25)
    assert one(2.5, "Y5", poor=0.25).share[0] == pytest.approx(0.25)
    assert one(1.5, "Y5", poor=0.25, unsafe=0.2).share[0] == pytest.approx(0.2)
    assert one(4, "Y5", poor=0.25, unsafe=0.2).share[0] == 1
    assert one(4, "Y5", nearer=1, poor=0.25, unsafe=1.0).share[0] == 0


def test_nobody_is_entitled_whose_home_is_not_known() -> None:
    told = one(np.nan, "Y8", by_faith=True, unsafe=UNSAFE, poor=1.0)
    assert grounds(told) == ("", "") and told.share[0] == 0


@given(
    miles=st.floats(0, 30),
    group=st.sampled_from(COMPULSORY),
    nearer=st.integers(0, 5),
    unsafe=st.floats(0, 1),
    poor=st.floats(0, 1),
)
def test_shares_are_shares_and_a_nearer_school_never_helps(
    miles: float, group: str, nearer: int, unsafe: float, poor: float
) -> None:
    share = one(miles, group, nearer=nearer, unsafe=unsafe, poor=poor).share[0]
    fewer = one(miles, group, nearer=max(nearer - 1, 0), unsafe=unsafe, poor=poor).share[0]
    assert 0 <= share <= fewer + 1e-12 and fewer <= 1 + 1e-12


@given(st.data())
def test_nearer_open_counts_what_a_loop_counts(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    node = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    metres = np.array(data.draw(st.lists(st.sampled_from([1.0, 2.0, 2.5, np.inf]), min_size=n, max_size=n)))
    is_open = np.array(data.draw(st.lists(st.booleans(), min_size=2 * n, max_size=2 * n))).reshape(n, 2)
    expected = [
        [sum(is_open[b, c] and node[b] == node[a] and metres[b] < metres[a] for b in range(n)) for c in range(2)]
        for a in range(n)
    ]
    assert nearer_open(node, metres, is_open).tolist() == expected
