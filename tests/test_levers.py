"""Levers in order of harm: what each takes away, what it saves by year, who holds it – worked by hand."""

import numpy as np
import pytest
from test_estate_options import YEARS, village

from geodata.policy import Policy, policy_items
from models.calendar import Calendar
from models.estate_build import option_costs
from models.fewer_places import cap_forms, mothball
from models.options import CAP, CUT, FEDERATE, HARM, MERGE_CLOSES, MERGE_ENLARGED, MOTHBALL, SHARE, Facility
from models.powers import COMMISSIONER, power
from models.reductions import close, cut_pan
from models.shared_space import lettings_max, share_space
from placeplan.pipeline import CLOSE as LEVERS_THAT_TAKE

PLAIN = Policy({})


def building(places: float) -> np.ndarray:
    held = np.zeros((7, 12))
    held[:, :7] = places
    return held


def falling(early: float, late: float, year: int, **changes: object) -> Facility:
    """A primary of 30 a year whose year groups all shrink from one plan year on."""
    school = village(**changes)
    school.pupils[:, :7] = np.where(np.arange(7)[:, None] < year, early, late)
    return school


def test_a_cap_turns_some_away_and_moves_up_a_year_group_a_year() -> None:
    """An intake of 32 in a school of 60: one form holds 30 of them, and two pupils a cohort go elsewhere."""
    (option,) = cap_forms(village(pan=60, intake=32), YEARS, PLAIN)
    assert (option.action, option.academic_year) == (CAP, "2024/25")
    assert option.admits[0].tolist()[:3] == [60, 60, 60]
    assert option.admits[1, :3].tolist() == [30, 60, 60] and option.admits[3, :4].tolist() == [30, 30, 30, 60]
    assert option.running_gbp.tolist() == [0, -9_000, -18_000, -27_000, -36_000, -45_000, -54_000]
    assert not option.capital_gbp.any() and not option.one_off_gbp.any()
    assert "from 60 to 30" in option.reason and "2 go elsewhere" in option.reason
    # Cohorts above are no larger than forecast: 2 of each of five capped ones are still elsewhere in the last year.
    assert option.places[1, :3].tolist() == [30, 32, 32] and option.places[6, 1:7].sum() == 5 * 30 + 32


def test_a_cap_goes_to_half_forms_too_and_turns_no_more_away_than_policy_says() -> None:
    """46 in 60: 45 turns one away; 30 would turn sixteen away, more than 15 % of 46, and policy may allow that."""
    (half,) = cap_forms(village(pan=60, intake=46), YEARS, PLAIN)
    assert half.admits[1, 0] == 45 and "1.5 FE" in half.reason
    allowed = cap_forms(village(pan=60, intake=46), YEARS, Policy({"cap_turned_away_share": 0.4}))
    assert [option.admits[1, 0] for option in allowed] == [45, 30]
    assert cap_forms(village(pan=60, intake=40), YEARS, PLAIN) == []  # 30 would turn a quarter away
    assert cap_forms(village(pan=60, intake=32, pan_estimated=True), YEARS, PLAIN) == []


def test_mothballing_takes_places_out_of_every_year_group_at_once() -> None:
    """Twelve a year and a tenth fit 15: 105 places out of use save £300 and a quarter of 4.1 m² at £60 each."""
    (option,) = mothball(village(), YEARS, PLAIN)
    assert (option.action, option.academic_year) == (MOTHBALL, "2024/25")
    assert option.admits[0].sum() == 210 and option.admits[1:].sum(axis=1).tolist() == [105] * 6
    assert option.running_gbp.tolist() == pytest.approx([0, *[-105 * (300 + 0.25 * 4.1 * 60)] * 6])
    assert option.one_off_gbp.tolist() == [0, 105 * 150, 0, 0, 0, 0, 0] and not option.capital_gbp.any()
    assert "can be reopened" in option.reason and "105 places" in option.reason


def test_mothballing_waits_where_more_can_be_spared_later_and_never_turns_anybody_away() -> None:
    """Of 26 a year nothing fits 20; from 2027/28 twelve a year fit 15. One that fits two sizes offers both."""
    (late,) = mothball(falling(28, 12, 4), YEARS, PLAIN)
    assert late.academic_year == "2027/28" and late.admits[4, 0] == 15
    both = mothball(falling(16, 12, 4), YEARS, PLAIN)
    assert [(o.academic_year, o.admits[-1, 0]) for o in both] == [("2024/25", 20), ("2027/28", 15)]
    assert mothball(village(intake=28), YEARS, PLAIN) == [] == mothball(village(pan_estimated=True), YEARS, PLAIN)


def test_space_is_let_from_rooms_to_spare_first() -> None:
    """Building for 238, places for 210: 28 to spare hold 26 early years places at a rent of £300, adapted at £2,000."""
    school = village(physical=building(34))
    (option,) = share_space(school, YEARS, PLAIN)
    assert (option.action, option.academic_year) == (SHARE, "2023/24")
    assert option.admits.tolist() == school.places.tolist(), "not one school place goes"
    assert option.running_gbp.tolist() == [-7_800] * 7 and option.capital_gbp.tolist() == [52_000, 0, 0, 0, 0, 0, 0]
    assert share_space(village(pan_estimated=True, physical=building(34)), YEARS, PLAIN) != []


def test_space_let_from_places_in_use_costs_those_places() -> None:
    (option,) = share_space(village(), YEARS, PLAIN)
    assert option.academic_year == "2024/25", "a smaller intake is consulted on by the January before last"
    assert option.admits.sum(axis=1) == pytest.approx([210, *[184] * 6])
    assert option.running_gbp == pytest.approx([0, *[-15_600] * 6]) and "26 school places fewer" in option.reason
    assert share_space(village(intake=25), YEARS, PLAIN) == []  # 175 and a tenth do not fit 184
    assert share_space(village(pan_estimated=True), YEARS, PLAIN) == []


def test_one_school_of_an_area_lets_space() -> None:
    schools = [village(key=key, physical=building(34)) for key in ("900001", "900002")]
    options = [option for school in schools for option in share_space(school, YEARS, PLAIN)]
    (row,) = lettings_max(schools, options, PLAIN)
    assert (row.options.tolist(), row.values.tolist(), row.upper) == ([0, 1], [1, 1], 1)
    assert lettings_max(schools[:1], options[:1], PLAIN) == []
    assert lettings_max(schools, options, Policy({"share_space_schools_max": 2})) == []


def test_a_phased_closure_stops_admitting_first() -> None:
    """No Reception from 2024/25, no R–Y2 in 2026/27, closed from 2027/28: the year groups left move then, and
    nobody joins them before."""
    options = close(village(ground="surplus"), YEARS, Policy({"closing": "phased"}))
    assert [option.academic_year for option in options] == ["2027/28", "2028/29", "2029/30"]
    first = options[0]
    assert first.admits[0, :7].tolist() == [30] * 7 and first.admits[1, :3].tolist() == [0, 12, 12]
    assert first.admits[3, :4].tolist() == [0, 0, 0, 12] and not first.admits[4:].any()
    assert first.running_gbp.tolist() == [0, -9_000, -18_000, -27_000, *[-145_100 - 63_000] * 3]
    assert first.one_off_gbp.tolist() == [0, 13_500, 27_000, 40_500, 150_000, 0, 0]
    at_once = close(village(ground="surplus"), YEARS, Policy({}))[0]
    assert first.schedule == at_once.schedule, "what has to be done is done before the first year without intake"
    assert "no intake from 2024/25" in first.reason


def test_policy_says_how_a_school_closes() -> None:
    empty = village(ground="surplus")
    count = {how: len(close(empty, YEARS, Policy({"closing": how}))) for how in ("at once", "phased", "both")}
    assert count == {"at once": 6, "phased": 3, "both": 9}
    shorter = close(empty, YEARS, Policy({"closing": "phased", "closing_phase_years": 1}))
    assert [option.academic_year for option in shorter] == YEARS[2:]


def test_at_equal_money_the_less_harmful_lever_costs_less() -> None:
    """Harm rises along the levers as they are listed, and never counts as money of the option."""
    by_lever = {"cut_pan": CUT, "cap_forms": CAP, "mothball": MOTHBALL, "share_space": SHARE, "federate": FEDERATE,
                "amalgamate": MERGE_CLOSES, "close": "close"}  # fmt: skip
    assert tuple(by_lever) == LEVERS_THAT_TAKE
    prices = [PLAIN.number(HARM[action]) for action in by_lever.values()]
    assert prices == sorted(prices) and len(set(prices)) == len(prices)
    assert all(policy_items()[key].source == "judgement" for key in HARM.values())
    (cut,), (out,) = cut_pan(village(), YEARS, PLAIN), mothball(village(), YEARS, PLAIN)
    assert (cut.harm_gbp, out.harm_gbp) == (0, 1_000)
    (priced,) = mothball(village(), YEARS, Policy({"harm_gbp_mothball": 51_000}))
    assert option_costs([priced], YEARS, PLAIN)[0] - option_costs([out], YEARS, PLAIN)[0] == pytest.approx(50_000)
    assert priced.one_off_gbp.tolist() == out.one_off_gbp.tolist()


@pytest.mark.parametrize(
    ("kind", "action", "body", "law"),
    [
        ("Voluntary aided school", CAP, "Governing body", "88C"),
        ("Academy converter", MOTHBALL, "Academy trust", "unconfirmed"),
        ("Community school", SHARE, "Governing body", "unconfirmed"),
        ("Academy converter", SHARE, "Academy trust", "funding agreement"),
        ("Community school", FEDERATE, "Governing body", "Federations"),
        ("Academy converter", FEDERATE, "Academy trust", "trust"),
        ("Academy converter", MERGE_CLOSES, "Academy trust", "Secretary of State"),
        ("Foundation school", MERGE_ENLARGED, "Governing body", "sections 18"),
    ],
)
def test_who_holds_each_lever(kind: str, action: str, body: str, law: str) -> None:
    held = power(kind, action)
    assert not held.own and held.asked_of == body and law in held.authority and held.challenge


def test_what_is_the_authoritys_own_and_what_the_blueprint_gives_a_commissioner() -> None:
    for action in (CAP, MOTHBALL, MERGE_CLOSES, MERGE_ENLARGED):
        assert power("Community school", action).own
    for action in (MERGE_CLOSES, MERGE_ENLARGED):
        assert power("Community school", action, COMMISSIONER).decider == "Schools commissioner"
    assert power("Community school", FEDERATE, COMMISSIONER) == power("Community school", FEDERATE)
    assert power("Community school", CAP, varied=True).decider == "Schools adjudicator"


def days(facility: Facility, action: str, year: str, *, extra: bool = False) -> list[str] | None:
    schedule = Calendar.of(YEARS, PLAIN).schedule(facility, action, year, extra=extra)
    return None if schedule is None else [step.begin_by.isoformat() for step in schedule.steps]


def test_each_lever_has_its_calendar() -> None:
    """A cap and a mothballing go with the admission arrangements; thirty weeks make a federation, 26 a letting."""
    assert days(village(), CAP, "2024/25") == days(village(), CUT, "2024/25") == ["2022-12-20", "2023-02-28"]
    assert days(village(), MOTHBALL, "2024/25") == ["2022-12-20", "2023-02-28", "2024-06-09"]
    assert days(village(), MOTHBALL, "2023/24") is None
    assert days(village(), FEDERATE, "2023/24") == ["2023-02-03", "2023-04-28", "2023-06-09"]
    assert days(village(type="Academy converter"), FEDERATE, "2023/24") == ["2023-03-17", "2023-06-09"]
    assert days(village(), SHARE, "2023/24") == ["2023-03-03"] and days(village(), SHARE, "2023/24", extra=True) is None
    assert days(village(), MERGE_CLOSES, "2024/25") == days(village(), "close", "2024/25")
    assert days(village(), MERGE_ENLARGED, "2024/25", extra=True) == days(village(), "expand", "2024/25")
    assert days(village(), MERGE_ENLARGED, "2023/24") is not None and days(village(), "expand", "2023/24") is None
