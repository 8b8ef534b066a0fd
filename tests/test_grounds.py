"""On what ground a school may be closed: each with its figures, and nothing that is protected, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.grounds import NO_ROLL, QUALITY, SURPLUS, SUSTAINABILITY, grounds
from models.rules import places_asked

HEALTHY = {"score": 80.0, "lowest_reserves_gbp": 50_000.0, "first_deficit_year": None}
QUIET = {"sen_places": 0, "rural_designated": False, "in_intervention": False, "concern": None}


def told(
    intake: float = 20,
    money: dict = HEALTHY,
    school: dict = QUIET,
    written_up: tuple = (),
    counted: tuple = ("900001", "900002"),
    **policy: object,
) -> pd.Series:
    """What is said of one school of 30 a year with `intake` pupils a year; its neighbour has as many and 40 places."""
    mine, other = village(intake=intake), village(key="900002", name="Other", pan=40, intake=intake)
    schools = pd.DataFrame([{"urn": 900001, **school}, {"urn": 900002, **QUIET}])
    given_money = pd.DataFrame([{"urn": 900001, **money}, {"urn": 900002, **HEALTHY}])
    given = Policy(policy)
    asked = places_asked([mine, other], YEARS, {}, given)
    found = grounds([mine, other], schools, asked, given_money, set(written_up), set(counted), given)
    return found.set_index("urn").loc["900001"]


def test_a_quarter_of_places_empty_is_a_ground_where_the_area_holds_what_policy_asks() -> None:
    """22 of 30: 27 %. 23 of 30: 23 %. Nor is it one where the area itself is short: those places are needed there."""
    held = told(22)
    assert (
        held[SURPLUS] and held["eligible"] and held["ground"].startswith("surplus: 27% of 210 places empty, roll 154")
    )
    assert not told(23)[SURPLUS] and told(23)["ground"] == "" and not told(23)["eligible"]
    assert not told(22, retained_surplus=0.45)[SURPLUS]


def test_surplus_has_to_last() -> None:
    """Empty now, full from the fourth year on: closing it would be undone."""
    mine = village(intake=15)
    filling = replace(mine, pupils=np.where(np.arange(7)[:, None] >= 3, mine.pupils * 2, mine.pupils))
    schools = pd.DataFrame([{"urn": 900001, **QUIET}])
    money = pd.DataFrame([{"urn": 900001, **HEALTHY}])
    asked = places_asked([filling], YEARS, {}, Policy({"retained_surplus": 0.0, "retained_surplus_intake": 0.0}))
    (row,) = grounds([filling], schools, asked, money, set(), {"900001"}, Policy({})).to_dict("records")
    assert not row[SURPLUS] and row["spare_share"] == pytest.approx(0.0)


def test_a_low_score_is_a_ground_and_says_what_the_budget_comes_to() -> None:
    poor = {"score": 41.0, "lowest_reserves_gbp": -160_000.0, "first_deficit_year": "2024/25"}
    held = told(29, poor)
    assert held[SUSTAINABILITY] and held["eligible"]
    assert held["ground"] == "sustainability: scores 41 of 100, reserves fall to −£160,000, in deficit from 2024/25"
    assert told(29, HEALTHY | {"score": 41.0})["ground"] == "sustainability: scores 41 of 100"
    assert not told(29, poor | {"score": 50.0})[SUSTAINABILITY]  # a debt alone is none: half of all schools have one
    assert not told(29, poor | {"score": np.nan})["eligible"]  # no capacity, no score, no ground


def test_quality_names_its_evidence() -> None:
    found = QUIET | {
        "concern": "special measures", "concern_framework": "EIF 2019", "concern_date": pd.Timestamp("2022-05-04"),
    }  # fmt: skip
    assert told(29, school=found)["ground"] == "quality: special measures, EIF 2019, 4 May 2022"
    assert told(29, school=QUIET | {"in_intervention": True})[QUALITY]
    assert told(29)["ground"] == ""


def test_rural_schools_and_send_units_are_protected() -> None:
    """A designated rural primary needs the study's leave and the four factors in words, whatever the ground."""
    rural = QUIET | {"rural_designated": True}
    assert told(20)["eligible"]
    assert not told(20, school=QUIET | {"sen_places": 10})["eligible"]
    assert told(20, school=rural)["protected"] == "designated rural primary (close_rural)"
    allowed = {"close_rural": "yes"}
    assert "not written up" in told(20, school=rural, **allowed)["protected"]
    assert told(20, school=rural, written_up=("900001",), **allowed)["eligible"]
    assert not told(20, school=rural, written_up=("900001",))["eligible"]


def test_nothing_follows_from_what_is_not_known() -> None:
    """A school without a roll looks empty; a guessed capacity is no evidence of empty places."""
    silent = told(3, counted=("900002",))
    assert silent[SURPLUS] and not silent["eligible"] and silent["protected"] == NO_ROLL
    guessed = told(3, school=QUIET | {"capacity_estimated": True})
    assert not guessed[SURPLUS] and not guessed["eligible"] and guessed["ground"] == ""
    assert told(3, HEALTHY | {"score": 20.0}, QUIET | {"capacity_estimated": True})["eligible"]
