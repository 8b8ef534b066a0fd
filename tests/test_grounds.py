"""On what ground a school may be closed: each with its figures, and nothing that is protected, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_estate_options import YEARS, village

from geodata.fallbacks import RURAL_CLASS, RURAL_UNKNOWN
from geodata.policy import Policy
from models.grounds import FACTORS, NO_ROLL, QUALITY, SURPLUS, SUSTAINABILITY, grounds, lacking_factors
from models.rules import places_asked

HEALTHY = {"score": 80.0, "lowest_reserves_gbp": 50_000.0, "first_deficit_year": None}
QUIET = {"sen_places": 0, "rural_designated": False, "in_intervention": False, "concern": None}


def told(
    intake: float = 20,
    money: dict = HEALTHY,
    school: dict = QUIET,
    written_up: tuple = (),
    counted: tuple = ("900001", "900002"),
    high: float = 1.0,
    roll: float = 150.0,
    **policy: object,
) -> pd.Series:
    """What is said of one school of 30 a year with `intake` pupils a year; its neighbour has as many and 40 places."""
    mine, other = village(intake=intake), village(key="900002", name="Other", pan=40, intake=intake)
    schools = pd.DataFrame([{"urn": 900001, **school}, {"urn": 900002, **QUIET}])
    given_money = pd.DataFrame([{"urn": 900001, **money}, {"urn": 900002, **HEALTHY}])
    given = Policy(policy)
    asked = places_asked([mine, other], YEARS, {}, given)
    factors, rolls = dict.fromkeys(written_up, ""), dict.fromkeys(counted, roll)
    raised = {("North", "primary"): np.full(len(YEARS), high)}
    found = grounds([mine, other], schools, asked, given_money, factors, rolls, given, raised)
    return found.set_index("urn").loc["900001"]


def test_a_quarter_of_places_empty_is_a_ground_where_the_area_holds_what_policy_asks() -> None:
    """22 of 30: 27 %. 23 of 30: 23 %. Nor is it one where the area itself is short: those places are needed there."""
    held = told(22)
    assert (
        held[SURPLUS]
        and held["eligible"]
        and held["ground"]
        == (
            "surplus: 150 on roll when last counted for 210 places; at least 27% of places empty from plan year 3 on, "
            "27% by the high forecast, with 154 on roll in the last plan year"
        )
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
    (row,) = grounds([filling], schools, asked, money, {}, {"900001": 105.0}, Policy({})).to_dict("records")
    assert not row[SURPLUS] and row["spare_share"] == pytest.approx(0.0)


def test_surplus_has_to_hold_by_the_high_forecast_too() -> None:
    """22 of 30 leave 27 %; a twentieth more pupils, 23 %."""
    assert told(22, high=1.02)[SURPLUS] and not told(22, high=1.05)[SURPLUS]
    assert told(22, high=1.05)["spare_high"] == pytest.approx(1 - 22 * 1.05 / 30)


def test_surplus_has_to_be_there_already() -> None:
    """157 of 210 leave 25.2 %, 158 leave 24.8 %, whatever the forecast."""
    assert told(15, roll=157.0)[SURPLUS] and not told(15, roll=158.0)[SURPLUS]


def test_of_a_school_that_may_be_rural_nothing_is_proposed() -> None:
    held = told(15, school=QUIET | {"rural_from": RURAL_UNKNOWN}, close_rural="yes")
    assert held[SURPLUS] and not held["eligible"] and "not known whether it is a designated rural" in held["protected"]
    by_class = told(15, school=QUIET | {"rural_designated": True, "rural_from": RURAL_CLASS})
    assert by_class["protected"].startswith("treated as a designated rural primary, by its rural-urban class")


def test_words_for_every_school_alike_are_no_write_up() -> None:
    own = {name: f"What {name} means at this very school." for name in FACTORS}
    rows = [(1, own), (2, own | {"transport": "A bus that only this one has."}), (3, own | {"community": "None."})]
    table = pd.DataFrame([{"urn": urn, **row} for urn, row in rows])
    wrong = lacking_factors(table)
    assert set(wrong["1"].split(":")[0].split(", ")) == set(FACTORS)
    assert wrong["2"].startswith("community, motor_vehicles, alternatives: words that stand elsewhere")
    copied = pd.DataFrame([{"urn": 1, **dict.fromkeys(FACTORS, "The same under every factor.")}])
    assert "elsewhere" in lacking_factors(copied)["1"]
    dotted = pd.DataFrame([{"urn": 1, **own}, {"urn": 2, **{k: v.upper() + " 2" for k, v in own.items()}}])
    assert all("elsewhere" in why for why in lacking_factors(dotted).values())
    assert wrong["3"].startswith("community: nothing, or a few letters; transport, ")
    assert lacking_factors(table.iloc[[0]]) == {"1": ""} and lacking_factors(None) == {}
    rural = QUIET | {"rural_designated": True}
    assert told(22, school=rural, written_up=("900001",), close_rural="yes")["protected"] == ""
    assert "(rural_factors: nothing)" in told(22, school=rural, close_rural="yes")["protected"]


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
    assert not silent[SURPLUS] and not silent["eligible"] and silent["protected"] == NO_ROLL
    guessed = told(3, school=QUIET | {"capacity_estimated": True})
    assert not guessed[SURPLUS] and not guessed["eligible"] and guessed["ground"] == ""
    assert told(3, HEALTHY | {"score": 20.0}, QUIET | {"capacity_estimated": True})["eligible"]
