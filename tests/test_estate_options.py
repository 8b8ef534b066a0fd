"""Options and policy rows: what may happen to a school, what it costs, and what a plan must keep."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY, SECONDARY, years_from
from models.facilities import site_facilities
from models.growth import bulge, expand, lift_pan, new_school
from models.options import Facility, stay
from models.powers import COMMISSIONER, power
from models.reductions import close, cut_pan
from models.routes import new_school_route, route_words
from models.rules import capital_budget, closures_max, places_asked, retained_surplus

YEARS = years_from("2023/24", 7)


def village(pan: float = 30, intake: float = 12, **changes: object) -> Facility:
    """A one-form primary with the same intake every year; nobody on roll above its admission number."""
    groups = PRIMARY
    places, pupils = np.zeros((7, 12)), np.zeros((7, 12))
    places[:, :7], pupils[:, :7] = pan, intake
    known = {"key": "900001", "name": "Village", "phase": "primary", "year_groups": groups, "places": places,
             "pupils": pupils, "holds": np.zeros((7, 12)), "planning_area": {"primary": "North"},
             "type": "Community school", "max_fe": 3.0}  # fmt: skip
    return Facility(**{**known, **changes})  # type: ignore[arg-type]


def site(**changes: object) -> Facility:
    nothing = np.zeros((7, 12))
    known = {"key": "S1", "name": "Mill Field", "phase": "primary", "year_groups": PRIMARY, "places": nothing,
             "pupils": nothing, "holds": nothing, "planning_area": {"primary": "North"}, "site": True,
             "min_fe": 1.0, "max_fe": 2.0, "available_from": "2026/27", "land_cost_gbp": 500_000.0}  # fmt: skip
    return Facility(**{**known, **changes})  # type: ignore[arg-type]


def test_staying_keeps_places_of_pupils_already_admitted() -> None:
    """A cohort of 34 admitted over a PAN of 30 has 34 places until it leaves: nobody is sent away by arithmetic."""
    holds = np.zeros((7, 12))
    holds[0, 1], holds[1, 2] = 34.0, 34.0
    (option,) = stay(village(holds=holds), YEARS, Policy({}))
    assert option.places[0, 1] == option.places[1, 2] == 34
    assert option.admits.max() == 30
    assert not option.capital_gbp.any() and not option.running_gbp.any()


def test_half_a_form_fills_from_the_entry_year_up() -> None:
    options = [o for o in expand(village(), YEARS, Policy({})) if o.academic_year == "2025/26" and "0.5 FE" in o.reason]
    (option,) = options
    assert option.admits[1, 0] == 30  # 2024/25: not yet
    assert option.admits[2, :3].tolist() == [45, 30, 30]
    assert option.admits[4, :4].tolist() == [45, 45, 45, 30]
    assert option.capital_gbp.tolist() == [0, 15 * 7 * 21_014, 0, 0, 0, 0, 0]
    # £300 a year for each of 15, 30 … 75 places more; teaching follows the pupils
    assert option.running_gbp.tolist() == [0, 0, 4_500, 9_000, 13_500, 18_000, 22_500]


def test_an_expansion_opens_no_earlier_than_its_lead_time() -> None:
    assert min(o.academic_year for o in expand(village(), YEARS, Policy({}))) == "2024/25"
    assert min(o.academic_year for o in expand(village(), YEARS, Policy({"expand_lead_years": 4}))) == "2026/27"


def test_no_expansion_beyond_what_the_site_takes() -> None:
    """A hemmed-in school cannot grow, whatever the arithmetic likes."""
    assert expand(village(max_fe=1.0), YEARS, Policy({})) == []
    assert {o.reason[:6] for o in expand(village(max_fe=1.5), YEARS, Policy({}))} == {"0.5 FE"}


def test_a_new_school_opens_when_its_site_is_there_and_fills_a_year_group_a_year() -> None:
    options = new_school(site(), YEARS, Policy({}))
    assert {o.academic_year for o in options} == {"2026/27", "2027/28", "2028/29", "2029/30"}
    (one,) = [o for o in options if o.academic_year == "2026/27" and o.reason.startswith("1 FE,")]
    assert one.admits[2].sum() == 0
    assert [one.admits[t].sum() for t in range(3, 7)] == [30, 60, 90, 120]
    assert one.capital_gbp[2] == 210 * 25_089 + 500_000
    assert one.running_gbp[3] == 145_100 + 30 * 300
    assert one.power == power(None, "new school") and not one.power.own


def test_a_cut_goes_to_the_next_class_size_that_still_fits() -> None:
    """An intake of 12 and a tenth of headroom fit 15 and 20: the smaller cut is taken."""
    (option,) = cut_pan(village(), YEARS, Policy({}))
    assert option.academic_year == "2024/25"
    assert option.admits[1, :3].tolist() == [20, 30, 30]
    assert option.running_gbp.tolist() == [0, -3_000, -6_000, -9_000, -12_000, -15_000, -18_000]


def test_a_cut_saves_no_class_that_pupils_fill_and_is_never_made_from_a_guess() -> None:
    """Twelve pupils are a class of twelve under any admission number, and a guessed number is nobody's to cut."""
    (option,) = cut_pan(village(pan=60, intake=20), YEARS, Policy({}))
    assert option.running_gbp.min() > -75_000
    assert cut_pan(village(pan_estimated=True), YEARS, Policy({})) == []


def test_no_cut_where_the_forecast_would_not_fit() -> None:
    assert cut_pan(village(intake=19), YEARS, Policy({})) == []  # 19 and a tenth is more than 20
    assert len(cut_pan(village(intake=18), YEARS, Policy({}))) == 1
    assert cut_pan(village(intake=19), YEARS, Policy({"pan_cut_headroom": 0.0})) != []


def test_a_closed_school_has_no_places_and_saves_its_fixed_cost() -> None:
    named = close(village(ground="surplus"), YEARS, Policy({}))
    assert [o.academic_year for o in named] == YEARS[1:]
    assert named[0].places[0].sum() == 210 and named[0].places[1:].sum() == 0
    assert named[0].one_off_gbp[1] == 150_000 and named[0].running_gbp[1] == -145_100 - 210 * 300


def test_who_holds_each_lever() -> None:
    """An authority that closes an academy or cuts a voluntary aided school's PAN acts beyond its power."""
    assert power("Community school", "close").own and power("Voluntary controlled school", "expand").own
    assert power("Voluntary aided school", "close").own  # section 15(1): with a right of referral
    assert "schools adjudicator" in power("Voluntary aided school", "close").challenge
    for kind, action, body in (
        ("Voluntary aided school", "cut PAN", "Governing body"),
        ("Foundation school", "expand", "Governing body"),
        ("Academy converter", "close", "Academy trust"),
        ("Free school", "lift PAN", "Academy trust"),
        (None, "new school", "Regional Director for the Secretary of State"),
    ):
        held = power(kind, action)
        assert not held.own and held.asked_of == body and held.authority and held.challenge


def test_the_words_for_a_new_school_follow_the_commencement_of_section_7() -> None:
    """A plan that names the presumption after its repeal, or lets the authority decide before, is not lawful."""
    before, after = power(None, "new school"), power(None, "new school", section_7_amended=True)
    assert before.decider.startswith("Regional Director") and "section 6A" in before.authority
    assert after.decider == "Local authority" and "section 7" in after.authority and "6A" not in after.authority
    assert not after.own and after.asked_of == "Proposers whom the local authority invites"
    for amended, held in ((False, before), (True, after)):
        route = new_school_route(section_7_amended=amended)
        assert (held.authority, held.challenge) == (route.law.rstrip("."), route.challenge.rstrip("."))
        kinds = {"academy trust"}
        said = route_words("new school", "invitation" if amended else "presumption", kinds, section_7_amended=amended)
        assert said.law == route.law, "the plan and the page of the competition must name one law"
    # The law is that of the day on which the first step is begun at the latest.
    opening = [option for option in new_school(site(), YEARS, Policy({})) if option.academic_year == "2026/27"]
    begun = opening[0].schedule.steps[0].begin_by
    for day, decider in (
        (begun, "Local authority"),
        (begun + timedelta(days=1), before.decider),
        (None, before.decider),
    ):
        since = None if day is None else day.isoformat()
        options = new_school(site(), YEARS, Policy({"section_7_amended_from": since}))
        first = [option for option in options if option.academic_year == "2026/27"]
        assert first and {option.power.decider for option in first} == {decider}
        law = {step.basis for step in first[0].schedule.steps[:4]}
        assert len(law) == 1 and ("section 7" in law.pop()) == (decider == "Local authority")


def test_under_the_blueprint_a_commissioner_decides_what_opens_grows_or_closes() -> None:
    """A plan under it must not be read as what an authority may do today."""
    for kind in ("Community school", "Academy converter", "Voluntary aided school"):
        for action in ("expand", "new school", "close"):
            held = power(kind, action, COMMISSIONER)
            assert held.decider == "Schools commissioner" == held.asked_of and not held.own
    assert power("Community school", "cut PAN", COMMISSIONER) == power("Community school", "cut PAN")
    (option, *_) = expand(village(), YEARS, Policy({"regime": "commissioner"}))
    assert option.power.decider == "Schools commissioner"


def test_an_admission_number_is_lifted_as_far_as_the_buildings_hold() -> None:
    """Twenty admitted where the building holds thirty: ten places a year at no capital, before anything is built."""
    building = np.zeros((7, 12))
    building[:, :7] = 30
    (option,) = lift_pan(village(pan=20, physical=building), YEARS, Policy({}))
    assert option.academic_year == YEARS[0] and option.start_now
    assert option.admits[0, :3].tolist() == [30, 20, 20] and option.admits[2, :4].tolist() == [30, 30, 30, 20]
    assert not option.capital_gbp.any() and option.running_gbp[:2].tolist() == [3_000, 6_000]
    assert lift_pan(village(pan=30, physical=building), YEARS, Policy({})) == []
    assert lift_pan(village(pan=20, physical=building, pan_estimated=True), YEARS, Policy({})) == []
    assert lift_pan(village(pan=20), YEARS, Policy({})) == []  # nobody knows what the building holds


def test_a_bulge_is_one_cohort_that_moves_up_and_never_a_permanent_answer() -> None:
    """Counted in the last year, which stands for ten more, a classroom on loan would beat every school."""
    options = bulge(village(), YEARS, Policy({}))
    assert [o.academic_year for o in options] == YEARS[:-1]
    first = options[0]
    more = first.admits - village().places
    assert more[0, :2].tolist() == [30, 0] and more[1, :3].tolist() == [0, 30, 0] and more[5, 5] == 30
    assert not more[-1].any()
    assert first.capital_gbp.tolist() == [30 * 9_935, 0, 0, 0, 0, 0, 0]
    assert first.running_gbp.tolist() == [9_000] * 6 + [0]
    roomy = np.zeros((7, 12))
    roomy[:, :7] = 36
    assert not bulge(village(physical=roomy), YEARS, Policy({}))[0].capital_gbp.any()  # 42 places stand empty


def test_a_school_may_open_at_half_its_size_with_the_core_of_the_whole() -> None:
    """2 FE cost 420 places; of the second 210, 30 % at opening and the rest the year before they open."""
    staged = [o for o in new_school(site(), YEARS, Policy({})) if "with the core" in o.reason]
    (option,) = [o for o in staged if o.academic_year == "2026/27"]
    assert [option.admits[t, 0] for t in range(7)] == [0, 0, 0, 30, 30, 30, 60]
    assert option.capital_gbp[2] == pytest.approx(210 * 25_089 * 1.3 + 500_000)
    assert option.capital_gbp[5] == pytest.approx(210 * 25_089 * 0.7)
    assert {o.academic_year for o in staged} == {"2026/27"}  # later ones would not reach their second stage


def test_an_all_through_school_admits_to_both_phases() -> None:
    """Filled from Reception alone it would have no secondary pupil for seven years."""
    through = site(phase="all-through", year_groups=COMPULSORY, planning_area={"primary": "N", "secondary": "S"})
    (one,) = [
        o for o in new_school(through, YEARS, Policy({})) if o.academic_year == "2026/27" and o.reason[:5] == "1 FE,"
    ]
    assert np.flatnonzero(one.admits[3]).tolist() == [0, 7] and np.flatnonzero(one.admits[4]).tolist() == [0, 1, 7, 8]
    assert one.capital_gbp[2] == pytest.approx(210 * 25_089 + 150 * 30_394 + 500_000)


def test_a_site_takes_no_more_forms_than_its_area_holds() -> None:
    sites = pd.DataFrame(
        {
            "site": ["A", "B"], "name": ["A", "B"], "phase": ["primary", "all-through"], "easting": [0.0, 0.0],
            "northing": [0.0, 0.0], "min_fe": [1.0, 1.0], "max_fe": [3.0, 4.0], "available_from": [YEARS[0]] * 2,
            "land_cost_gbp": [0.0, 0.0], "planning_area": ["N", "N"], "planning_area_secondary": [None, "S"],
            "area_ha": [2.3, 5.0], "owner": ["Council", None], "planning_status": ["outline", None],
        }
    )  # fmt: skip
    one, through = site_facilities(sites, pd.DataFrame(), YEARS, Policy({}))
    assert (one.max_fe, through.max_fe) == (2.0, 2.0)  # 2.3 ha at 1.0; 5 ha at 1.0 + 1.2
    assert through.planning_area == {"primary": "N", "secondary": "S"}
    assert one.standing == "site owned by Council, planning: outline" and through.standing == ""


def area_rows(facility: Facility, policy: Policy, high: dict[tuple[str, str], np.ndarray] | None = None):
    options = stay(facility, YEARS, policy) + close(replace(facility, ground="surplus"), YEARS, policy)
    asked = places_asked([facility], YEARS, high or {}, policy)
    return options, retained_surplus([facility], options, YEARS, asked), asked


def test_retained_surplus_by_hand() -> None:
    """190 pupils and 5 % kept empty ask for 200 of the 210 places; 27.1 entrants and 2 % for 27.7 of 30."""
    _, rows, kept = area_rows(village(intake=190 / 7), Policy({}))
    assert [row.lower for row in rows] == pytest.approx([200.0] * 7 + [190 / 7 / 0.98] * 7)
    assert rows[0].name == "North, primary, 2023/24: retained surplus"
    assert rows[7].name == "North, primary, 2023/24: retained surplus at intake"
    assert (kept[0].pupils, kept[0].asked, kept[0].today) == pytest.approx((190, 200, 210))
    assert (kept[7].pupils, kept[7].today) == pytest.approx((190 / 7, 30))


def test_intake_is_kept_apart_from_the_whole_phase() -> None:
    """A cut of the admission number leaves the whole phase full of places for years, and Reception short at once."""
    facility = village(intake=19)
    options = stay(facility, YEARS, Policy({})) + cut_pan(facility, YEARS, Policy({"pan_cut_headroom": 0.0}))
    policy = Policy({"retained_surplus": 0.0, "retained_surplus_intake": 0.1})
    rows = retained_surplus([facility], options, YEARS, places_asked([facility], YEARS, {}, policy))
    held = [all(row.values[row.options == 1] >= row.lower - 1e-9) for row in rows]
    assert all(held[:7]) and not all(held[7:])


def test_where_today_falls_short_the_row_asks_for_no_less_than_today() -> None:
    """Otherwise every plan of a crowded county would be called infeasible."""
    _, rows, kept = area_rows(village(intake=30), Policy({}))
    assert [row.lower for row in rows] == [210.0] * 7 + [30.0] * 7
    assert len(kept) == 14 and kept[0].asked == pytest.approx(210 / 0.95) and kept[0].today == 210


def test_the_high_forecast_binds_where_it_asks_for_more() -> None:
    high = {("North", "primary"): np.full(7, 205.0)}
    _, rows, _ = area_rows(village(intake=190 / 7), Policy({}), high)
    assert rows[0].lower == pytest.approx(205.0)


def test_pupils_above_the_admission_number_do_not_make_spare_places() -> None:
    """A crowded school lends no retained surplus to its neighbours."""
    facility = village(holds=np.pad(np.full((7, 7), 40.0), ((0, 0), (0, 5))))
    options, rows, _ = area_rows(facility, Policy({}))
    assert options[0].places.sum() > options[0].admits.sum()
    assert rows[0].values[0] == 210


def test_budget_and_closure_rows() -> None:
    policy = Policy({"capital_budget_gbp_per_year": 1e6, "closable_urns": ("900001",), "closures_max": 0})
    options = expand(village(), YEARS, policy) + close(village(ground="surplus"), YEARS, policy)
    budget = capital_budget(options, YEARS, policy)
    assert len(budget) == 7 and budget[0].upper == 1e6
    assert budget[0].values.max() == pytest.approx(7 * 30 * 21_014)
    (closures,) = closures_max(options, policy)
    assert closures.upper == 0 and len(closures.options) == 6
    assert capital_budget(options, YEARS, Policy({})) == []


def test_a_secondary_is_priced_as_one() -> None:
    school = village(max_fe=10.0, year_groups=SECONDARY, planning_area={"secondary": "South"}, phase="secondary")
    option = expand(school, YEARS, Policy({}))[0]
    assert option.capital_gbp.sum() == 15 * 5 * 28_902
    assert option.admits[6, :7].tolist() == [30] * 7  # primary columns untouched
