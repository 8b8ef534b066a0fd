"""The calendar behind earliest years: dates worked by hand, and that nothing opens before it allows."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import grow, policy, write_small_study
from test_estate_options import YEARS, site, village

from geodata.policy import Policy, read_policy
from geodata.problems import BadInput
from geodata.sites import site_notices
from geodata.years import SECONDARY, add_years
from models.calendar import Calendar, plan_day
from models.facilities import site_facilities
from models.growth import bulge, expand, filling_cost, lift_pan, new_school
from models.options import BULGE, CLOSE, CUT, EXPAND, LIFT, NEW, SEND_UNIT, Facility, Option
from models.powers import ADJUDICATOR, DIRECTOR
from models.reductions import close, cut_pan
from models.schedule import Step, dated, earlier, last_day, opening_day
from models.send_units import send_unit
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study

PLAIN = Policy({})
SECONDARY_SCHOOL = {"year_groups": SECONDARY, "phase": "secondary", "planning_area": {"secondary": "South"}}


def days(
    facility: Facility, action: str, year: str, policy: Policy = PLAIN, *, extra: bool = False
) -> list[str] | None:
    """Latest days on which the steps of an action are begun."""
    schedule = Calendar.of(YEARS, policy).schedule(facility, action, year, extra=extra)
    return None if schedule is None else [step.begin_by.isoformat() for step in schedule.steps]


def earliest(facility: Facility, action: str, policy: Policy = PLAIN) -> str | None:
    return next((year for year in YEARS if days(facility, action, year, policy) is not None), None)


def test_the_plan_is_acted_on_from_the_day_given_else_from_the_start_of_the_base_year() -> None:
    assert plan_day(YEARS, PLAIN) == date(2022, 9, 1)  # the plan years begin in 2023/24
    assert plan_day(YEARS, Policy({"plan_date": "2023-06-15"})) == date(2023, 6, 15)


def test_a_smaller_admission_number_is_consulted_on_by_january_for_the_september_after_next() -> None:
    """Six weeks to 31 January 2023, determined by 28 February 2023, for September 2024."""
    schedule = Calendar.of(YEARS, PLAIN).schedule(village(), CUT, "2024/25")
    assert schedule is not None
    assert [(str(s.begin_by), str(s.done_by)) for s in schedule.steps] == [
        ("2022-12-20", "2023-01-31"),
        ("2023-02-28", "2023-02-28"),
    ]
    assert "1 October" in schedule.first_step and "31 January" in schedule.first_step
    assert earliest(village(), CUT, Policy({"plan_date": "2022-12-20"})) == "2024/25"
    assert earliest(village(), CUT, Policy({"plan_date": "2022-12-21"})) == "2025/26"


def test_an_expansion_takes_the_path_of_its_kind_of_school() -> None:
    """Backwards from 1 September 2024: 52 weeks, 26 weeks, two months, four weeks, six weeks; a trust's 13 and six."""
    assert days(village(), EXPAND, "2024/25") == ["2022-10-27", "2022-12-08", "2023-01-05", "2023-03-05", "2023-09-03"]
    academy = village(type="Academy converter")
    assert days(academy, EXPAND, "2024/25") == ["2022-10-23", "2022-12-04", "2023-03-05", "2023-09-03"]
    assert earliest(village(), EXPAND) == earliest(academy, EXPAND) == "2024/25"
    basis = Calendar.of(YEARS, PLAIN).schedule(academy, EXPAND, "2024/25")
    assert basis is not None and "Significant change" in basis.steps[1].basis


def test_a_larger_intake_is_known_before_offers_are_made() -> None:
    """Six weeks before 16 April for a primary, before 1 March for a secondary; a temporary room takes longer."""
    assert days(village(), LIFT, "2023/24") == ["2023-03-05", "2023-04-16"]
    assert days(village(**SECONDARY_SCHOOL), LIFT, "2023/24") == ["2023-01-18", "2023-03-01"]
    assert days(village(), BULGE, "2023/24") == ["2023-03-05", "2023-04-16"]
    assert days(village(), BULGE, "2023/24", extra=True) == ["2023-01-20", "2023-03-03", "2023-03-03"]


def test_a_new_school_waits_for_its_competition_its_permission_and_its_site() -> None:
    """65 weeks of building before 1 September 2025, 39 of permission, 12, 8, 12 and 12 of competition."""
    expected = ["2022-10-31", "2023-01-23", "2023-04-17", "2023-06-12", "2023-09-04", "2024-06-03"]
    assert days(site(), NEW, "2025/26") == expected
    assert earliest(site(), NEW) == "2025/26"
    assert earliest(site(transfer_date=date(2024, 6, 3)), NEW) == "2025/26"
    assert earliest(site(transfer_date=date(2024, 6, 4)), NEW) == "2026/27"
    # Full permission leaves 109 weeks: a year is won only where the plan can be acted on a little earlier.
    sooner = Policy({"plan_date": "2022-07-31"})
    assert earliest(site(planning_status="full"), NEW) == "2025/26"
    assert earliest(site(planning_status="full"), NEW, sooner) == "2024/25"
    assert earliest(site(planning_status="outline"), NEW, sooner) == "2025/26"
    assert earliest(site(**SECONDARY_SCHOOL), NEW) == "2026/27"


def test_a_site_that_comes_late_need_not_be_begun_now() -> None:
    """Its opening is years off whatever is done this year: two stages must be free to wait for it."""
    now = new_school(site(available_from="2023/24"), YEARS, PLAIN)
    late = new_school(site(available_from="2023/24", transfer_date=date(2026, 1, 1)), YEARS, PLAIN)
    assert {o.academic_year for o in now if o.start_now} == {"2025/26"}
    assert min(o.academic_year for o in late) == "2027/28" and not any(o.start_now for o in late)


def test_a_closure_is_decided_before_parents_apply_elsewhere() -> None:
    """Primary places are applied for by 15 January: two months, four weeks, six and twelve before it."""
    assert days(village(), CLOSE, "2024/25") == ["2023-06-14", "2023-09-06", "2023-10-18", "2023-11-15"]
    # An academy's by agreement: 26 weeks before that, then six and twelve; a secondary's before 31 October.
    assert days(village(type="Free school"), CLOSE, "2024/25") == ["2023-03-13", "2023-06-05", "2023-07-17"]
    assert earliest(village(), CLOSE) == "2024/25"
    assert days(village(**SECONDARY_SCHOOL), CLOSE, "2024/25")[-1] == "2023-08-31"


def test_a_variation_is_quicker_and_somebody_elses_to_grant() -> None:
    policy = Policy({"pan_cut_route": "variation"})
    (option,) = cut_pan(village(), YEARS, policy)
    assert (option.academic_year, option.schedule.start_by) == ("2023/24", "2022-10-23")
    assert option.power.decider == option.power.asked_of == ADJUDICATOR and not option.power.own
    (academy,) = cut_pan(village(type="Academy converter"), YEARS, policy)
    assert academy.power.decider == DIRECTOR and "Secretary of State" in academy.schedule.first_step


def test_a_unit_is_a_prescribed_alteration_and_a_smaller_intake_where_it_takes_places() -> None:
    assert days(village(), SEND_UNIT, "2023/24") == ["2022-10-25", "2022-12-06", "2023-01-03", "2023-03-03"]
    assert earliest(village(), SEND_UNIT) == "2023/24"
    assert days(village(), SEND_UNIT, "2023/24", extra=True) is None
    with_cut = days(village(), SEND_UNIT, "2024/25", extra=True)
    assert with_cut is not None and with_cut[0] == "2022-12-20" and len(with_cut) == 6


def test_a_studys_own_lead_time_lengthens_the_calendar_and_never_shortens_it() -> None:
    """Who says four years means that it is begun four years before, not that it can be left for two."""
    slow = Policy({"expand_lead_years": 4})
    options = expand(village(), YEARS, slow)
    assert min(o.academic_year for o in options) == "2026/27"
    assert {o.academic_year for o in options if o.start_now} == {"2026/27"}
    assert options[0].schedule.start_by == "2022-09-01" and options[0].schedule.first_step == "prepare"
    assert earliest(village(), EXPAND, Policy({"expand_lead_years": 0})) == "2024/25"


def test_section_7_stands_in_the_calendar_from_its_day() -> None:
    amended = Policy({"section_7_amended_from": "2022-09-01"})
    later = Policy({"section_7_amended_from": "2024-01-01"})
    for given_policy, section in ((PLAIN, "6A"), (amended, "section 7"), (later, "6A")):
        schedule = Calendar.of(YEARS, given_policy).schedule(site(), NEW, "2026/27")
        assert schedule is not None and section in schedule.steps[0].basis


def test_days_are_counted_back_by_hand() -> None:
    assert earlier(date(2024, 3, 31), 1) == date(2024, 2, 29) and earlier(date(2023, 1, 15), 2) == date(2022, 11, 15)
    assert last_day((10, 31), date(2024, 9, 1)) == date(2023, 10, 31)
    assert last_day((2, 28), date(2024, 9, 1), years_earlier=1) == date(2023, 2, 28)
    two = [(Step("a", "", weeks=2), Step("b", "", by=(8, 1))), (Step("c", "", months=3),)]
    schedule = dated(two, date(2024, 9, 1), date(2024, 1, 1))
    assert schedule is not None
    assert [(s.name, str(s.begin_by)) for s in schedule.steps] == [
        ("c", "2024-06-01"),
        ("a", "2024-07-18"),
        ("b", "2024-08-01"),
    ]
    assert dated(two, date(2024, 9, 1), date(2024, 6, 2)) is None


ACTED = st.dates(date(2021, 9, 1), date(2030, 9, 1))
LENGTHS = ("agree_intake_weeks", "consult_changes_weeks", "build_expansion_weeks", "build_temporary_weeks",
           "closure_case_weeks", "specification_weeks", "planning_weeks_outline", "adapt_unit_weeks")  # fmt: skip


def offered_by(policy: Policy, kind: str, given_transfer: date | None) -> list[Option]:
    """Options of every lever at one school with room and one site."""
    building = np.zeros((7, 12))
    building[:, :7] = 45
    school = village(pan=30, physical=building, type=kind)
    field = site(available_from="2023/24", planning_status="outline", transfer_date=given_transfer)
    found = [lever(school, YEARS, policy) for lever in (lift_pan, bulge, expand, cut_pan)]
    found.append(close(replace(school, ground="surplus"), YEARS, policy))
    found += [new_school(field, YEARS, policy), send_unit(school, YEARS, policy, {("North", "primary")})]
    return [option for options in found for option in options]


@settings(max_examples=60, deadline=None)
@given(
    today=ACTED,
    kind=st.sampled_from(["Community school", "Voluntary aided school", "Academy converter"]),
    weeks=st.lists(st.integers(0, 80), min_size=len(LENGTHS), max_size=len(LENGTHS)),
    lead=st.none() | st.integers(0, 5),
    transfer=st.none() | ACTED,
    route=st.sampled_from(["arrangements", "variation"]),
)
def test_nothing_opens_before_its_calendar_allows(
    today: date, kind: str, weeks: list[int], lead: int | None, transfer: date | None, route: str
) -> None:
    """Neither a step before the day of the plan or after the opening, nor an option to be begun now that could wait."""
    values = {**dict(zip(LENGTHS, weeks, strict=True)), "pan_cut_route": route,
              **({} if lead is None else {"expand_lead_years": lead, "close_lead_years": lead})}  # fmt: skip
    options = offered_by(Policy({**values, "plan_date": today.isoformat()}), kind, transfer)
    next_year = earlier(today, -12)
    later = offered_by(Policy({**values, "plan_date": next_year.isoformat()}), kind, transfer)
    still = {(o.facility, o.action, o.academic_year, o.reason) for o in later}
    single = (LIFT, CUT)  # offered in their earliest year alone
    for option in options:
        opening = opening_day(option.academic_year)
        begins = [step.begin_by for step in option.schedule.steps]
        assert begins == sorted(begins) and today <= begins[0] and option.schedule.start_by == str(begins[0])
        assert all(step.begin_by <= step.done_by <= opening for step in option.schedule.steps)
        key = (option.facility, option.action, option.academic_year, option.reason)
        if option.action not in single:
            assert option.start_now == (key not in still), "another year's wait misses the opening, or it does not"
        if option.action == NEW and transfer is not None:
            (build,) = [step for step in option.schedule.steps if step.name == "tender and build"]
            assert build.begin_by >= transfer


@settings(max_examples=40, deadline=None)
@given(today=ACTED, action=st.sampled_from([LIFT, BULGE, EXPAND, CUT, CLOSE, SEND_UNIT]))
def test_what_can_open_in_one_year_can_open_in_the_next(today: date, action: str) -> None:
    """And an opening's steps a year later are the same steps a year later, to the day or two that weeks leave."""
    calendar = Calendar(today, PLAIN)
    found = [calendar.schedule(village(), action, add_years("2020/21", n)) for n in range(14)]
    known = [schedule is not None for schedule in found]
    assert known == sorted(known)
    first = known.index(True)
    one, two = found[first], found[first + 1]
    assert one is not None and two is not None and one.now and not two.now
    assert abs((two.steps[0].begin_by - one.steps[0].begin_by).days - 365) <= 2


def test_filling_costs_by_hand() -> None:
    """Six, five … one empty year groups at £13,500; what falls after the horizon is added to its last year, once."""
    cost = filling_cost(site(), 7, 3, PLAIN)
    later = 13_500 * (2 / 1.035 + 1 / 1.035**2)
    assert cost == pytest.approx([0, 0, 0, 6 * 13_500, 5 * 13_500, 4 * 13_500, 3 * 13_500 + later])
    whole = filling_cost(site(), 7, 0, Policy({"discount_rate": 0.0}))
    assert whole.sum() == 21 * 13_500 and whole[-1] == 0
    (one,) = [o for o in new_school(site(), YEARS, PLAIN) if o.academic_year == "2026/27" and o.reason[:5] == "1 FE,"]
    assert one.one_off_gbp == pytest.approx(cost) and one.running_gbp[3] == 145_100 + 30 * 300
    secondary = filling_cost(site(**SECONDARY_SCHOOL), 7, 0, PLAIN)
    assert secondary[:5] == pytest.approx(31_250 * np.array([4, 3, 2, 1, 0]))


def sites(**changes: object) -> pd.DataFrame:
    known = {"site": "A", "name": "A", "phase": "primary", "easting": 0.0, "northing": 0.0, "min_fe": np.nan,
             "max_fe": 3.0, "available_from": YEARS[0], "land_cost_gbp": 0.0, "planning_area": "N",
             "planning_status": None, "transfer_date": pd.NaT}  # fmt: skip
    return pd.DataFrame([{**known, **changes}])


def test_no_school_below_the_viable_size_unless_the_site_says_so() -> None:
    def offers(**changes: object) -> set[str]:
        (facility,) = site_facilities(sites(**changes), pd.DataFrame(), YEARS, PLAIN)
        return {o.reason.split(", one year")[0] for o in new_school(facility, YEARS, PLAIN)}

    own = offers()
    assert "2 FE" in own and "1 FE" not in own and "1.5 FE" not in own
    assert any(words.startswith("1 FE with the core of 2 FE") for words in own), "a viable school may begin by half"
    assert "1 FE" in offers(min_fe=1.0) and "1.5 FE" in offers(min_fe=1.0)
    (facility,) = site_facilities(sites(min_fe=1.0), pd.DataFrame(), YEARS, PLAIN)
    found = new_school(facility, YEARS, PLAIN)
    marked = {
        o.reason.split(", one year")[0] for o in found if "smaller than the 2 FE that count as viable" in o.reason
    }
    assert marked == {"1 FE", "1.5 FE"}
    assert offers(phase="secondary", max_fe=3.0) == set()
    assert "4 FE" in offers(phase="all-through", max_fe=4.0, planning_area_secondary="S")


def test_planning_words_that_count_and_those_that_are_only_shown() -> None:
    words = {"A": "Outline", "B": "Allocated in the local plan", "C": None, "D": "full"}
    table = pd.concat([sites(site=code, planning_status=status) for code, status in words.items()])
    table = table.reset_index(drop=True)
    found = site_facilities(table.assign(transfer_date=pd.Timestamp("2025-03-01")), pd.DataFrame(), YEARS, PLAIN)
    assert [facility.planning_status for facility in found] == ["outline", "none", "none", "full"]
    assert {facility.transfer_date for facility in found} == {date(2025, 3, 1)}
    assert found[1].standing == "planning: Allocated in the local plan"
    (said,) = site_notices({"sites": table}, PLAIN)
    assert "counts as none" in said and "B (Allocated in the local plan)" in said and "A (" not in said
    (small,) = site_notices({"sites": sites(phase="secondary")}, PLAIN)
    assert (
        "max_fe is below" in small and list(site_notices({"sites": sites(phase="secondary", min_fe=1.0)}, PLAIN)) == []
    )


def test_a_day_of_the_year_is_read_and_a_slip_in_it_is_told() -> None:
    assert read_policy({"offers_primary": "04-18"}, "policy")[1] == []
    assert Policy({"offers_primary": "04-18"}).day("offers_primary") == (4, 18)
    for slip in ("16 April", "13-01", "02-29", 416, "4-16"):
        _, (problem,) = read_policy({"offers_primary": slip}, "policy")
        assert "not a day of the year" in problem.what and "02-28" in problem.mend


@pytest.mark.parametrize("day", ["2015-06-01", "2049-01-01"])
def test_a_day_far_from_the_study_is_a_slip(tmp_path: Path, day: str) -> None:
    """A plan that could be acted on only after its last year would change nothing, and nobody would know why."""
    folder = write_small_study(tmp_path / "study")
    policy(folder, f'plan_date = "{day}"')
    with pytest.raises(BadInput) as caught:
        Study.open(folder)
    (problem,) = caught.value.problems
    assert problem.field == "plan_date" and "Give a day from" in problem.mend


def test_a_later_day_moves_every_opening(tmp_path: Path) -> None:
    """From tables to decisions: nothing is begun before the day, and the report says which day that is."""
    folder = write_small_study(tmp_path / "study")
    grow(folder, "A", 75)
    policy(folder, 'plan_date = "2024-05-01"')
    list(run_stages(Study.open(folder)))
    study = Study.open(folder)
    table = read_stage(study.results / "estate", "decisions")
    assert len(table) and (table["start_by"] >= "2024-05-01").all()
    options = read_stage(study.results / "estate", "options")
    first = options[options["academic_year"] != ""].groupby("action")["academic_year"].min()
    assert first["expand"] == "2026/27" and first["bulge class"] == "2025/26"
    page = (study.results / "report/report.html").read_text()
    assert "No step is begun before 1 May 2024." in page and "in study.toml gives the day" not in page
