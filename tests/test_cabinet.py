"""Cabinet headings: sentences from the tables, and nothing where the tables say nothing."""

import pandas as pd
from paper_facts import ACADEMY, COMMUNITY, CONTROLLED, decision, effects, facts, school

from placeplan.report.cabinet import _numbers
from placeplan.report.draft_parts import Section
from placeplan.report.papers import Papers

ABBOT = school(100001, "Abbot", CONTROLLED)
BROOK = school(100002, "Brook", COMMUNITY)
ACORN = school(100003, "Acorn", ACADEMY, trust="Acorn Trust")
CLOSE = decision(ABBOT, "close")
CUT = decision(ACORN, "cut PAN")
LATER = decision(BROOK, "mothball", start_now=False, start_by="2026-12-20")


def headings(**stored: object) -> dict[str, Section]:
    made = facts([ABBOT, BROOK, ACORN], [CLOSE, CUT, LATER], **stored)  # type: ignore[arg-type]
    told = Papers.write(made).contents()["papers"]["cabinet"]
    return {section.heading: section for section in told}


def said(section: Section) -> str:
    cells = [cell for row in section.grid.rows for cell in row] if section.grid else []
    return "\n".join([*section.lines, *section.points, *cells])


def test_own_powers_requests_and_what_can_wait_stand_apart() -> None:
    """A cabinet that agrees to what is a trust's to decide would act beyond its powers."""
    told = headings()
    by = {name: said(section) for name, section in told.items() if name.startswith("Recommended")}
    agree, ask, note = by.values()
    assert "Abbot" in agree and "Acorn" not in agree and "Acorn" in ask and "Brook" in note
    assert "Nothing is decided on Abbot" in said(told["Recommendations"])


def test_nothing_is_said_where_there_are_no_data() -> None:
    told = headings()
    assert not {"Finance: closings by pocket", "Finance: capital", "Climate and travel"} & set(told)
    assert "records no consultation" in said(told["Consultation"])


def test_papers_add_up_to_their_kinds() -> None:
    """A closing is one draft with two papers, the number one draft with one: two drafts, three papers."""
    told = said(headings(closure_effects=effects(ABBOT))["Consultation"])
    assert "3 drafts with 4 papers in all: consultation paper: 3; statutory notice: 1." in told


def test_money_by_pocket_by_hand() -> None:
    """The council pays 126,000 once and 36,000 a year; the schools block's saving is not the council's."""
    pockets = pd.DataFrame(
        [
            ("100001", "council revenue", "closing cost", 150_000.0, 0.0, 140_000.0, True),
            ("100001", "council revenue", "balance", -24_000.0, 0.0, -22_000.0, True),
            ("100001", "council revenue", "transport", 0.0, 36_000.0, 488_000.0, True),
            ("100001", "schools block", "fixed cost", 0.0, -145_100.0, -1_695_500.0, False),
            ("100001", "diocese or trustees", "site", None, None, None, False),
        ],
        columns=["facility", "pocket", "item", "one_off_gbp", "per_year_gbp", "discounted_gbp", "council"],
    ).assign(note="a note")
    section = headings(pockets=pockets, closure_effects=effects(ABBOT))["Finance: closings by pocket"]
    assert section.grid is not None
    assert [row[1:] for row in section.grid.rows] == [
        ("£126,000", "£36,000", "£606,000"),
        ("£0", "−£145,100", "−£1,695,500"),
        ("not given", "not given", "not given"),
    ]
    assert section.lines == ("To the council itself closing costs about £606,000 over the years counted, discounted.",)


def test_capital_by_who_pays() -> None:
    """A contribution due later is first paid by the authority."""
    capital = pd.DataFrame(
        [("100002", "2023/24", "authority", None, 1_000_000.0), ("100002", "2023/24", "HS-1", "2025/26", 500_000.0),
         ("100002", "2024/25", "HS-1", "2024/25", 250_000.0)],
        columns=["facility", "academic_year", "source", "due_year", "capital_gbp"],
    )  # fmt: skip
    section = headings(capital=capital)["Finance: capital"]
    assert section.grid is not None and section.grid.rows == (
        ("The authority", "£1,000,000"),
        ("The authority, to be recouped from the contribution of HS-1, due in 2025/26", "£500,000"),
        ("The contribution of HS-1", "£250,000"),
    )
    assert "about £1,750,000 of capital from 2023/24 to 2024/25" in said(section)


def test_equality_says_what_is_known_and_what_is_not() -> None:
    told = said(headings(closure_effects=effects(ABBOT, fsm_pupils=14.0))["Equality"])
    assert "section 149" in told and "16 % have free school meals, a share not given" in told
    assert "with an education plan: not given" in told and "25 % would go to a school of the same character" in told
    assert "Not in the data: sex, race" in told


def test_low_income_is_told_as_no_protected_characteristic() -> None:
    """The Equality Act does not protect low income: told among the others it would be advice that is wrong in law."""
    points = headings(closure_effects=effects(ABBOT))["Equality"].points
    assert [point.startswith("Low income, which is no protected characteristic") for point in points].count(True) == 1
    assert not any("free school meals" in point for point in points if not point.startswith("Low income"))


def test_small_numbers_of_pupils_are_not_told() -> None:
    """Three pupils with SEN support of 25 in a named village school are three children whom everybody knows."""
    told = said(headings(closure_effects=effects(ABBOT))["Equality"])
    assert "with SEN support: fewer than 5" in told and "a share not told (fewer than 5 pupils)" in told
    assert "16 %" not in told, "16 % of 25 pupils are four"


def test_risks_have_evidence() -> None:
    stability = pd.DataFrame({"facility": ["100001"], "draws": [3], "stays": [2], "fragile": [True]})
    forecast = pd.DataFrame(
        {"academic_year": ["2022/23", "2029/30"], "phase": "primary", "mean": 1000.0, "p10": 950.0, "p90": 1060.0}
    )
    told = said(headings(closure_stability=stability, forecast_authority_phase=forecast)["Risks"])
    assert "Abbot: stands in 2 of 3 changed forecasts, fragile" in told
    assert "primary −5.0 % to +6.0 %" in told
    assert "2 decisions cannot wait a year; the first, Abbot (close)" in told


def test_alternatives_with_their_costs() -> None:
    estate = {
        "objective": 100e6, "bound": 99e6, "costs": {"today": {"a": 120e6}, "plan": {"a": 100e6}},
        "requests": {"count": 1, "asked_of": ["Acorn Trust"], "without": {"objective": 110e6},
                     "worth_least_gbp": 9e6, "worth_most_gbp": 11e6},
        "apart": {"objective": 101e6, "saves_least_gbp": 0.5e6}, "waiting": None,
    }  # fmt: skip
    keeping = pd.DataFrame(
        {
            "facility": ["100001"],
            "keeping_least_gbp": [700e3],
            "keeping_most_gbp": [730e3],
            "instead": ["as it is today"],
        }
    )
    clusters = pd.DataFrame(
        {"urn": [100001], "name": ["Abbot"], "cluster": ["Pender"], "extra_gbp": [-165_720.0],
         "leadership_saved_gbp": [40_000.0], "why": [""]}
    )  # fmt: skip
    told = headings(
        summaries={"estate": estate},
        closure_keeping=keeping,
        closure_effects=effects(ABBOT),
        cluster_closing=clusters,
    )
    points = said(told["Alternatives considered"])
    assert "The council's own powers alone: about £110,000,000 instead of about £100,000,000" in points
    assert "Keeping Abbot open (as it is today): dearer by between about £700,000 and about £730,000" in points
    assert "closing costs about £606,000" in points
    assert "Abbot – Kept, under one executive head with Pender: about £166,000 a year less" in points
    assert "costs less by more than about £1,000,000" in said(told["Reasons"])


def test_plans_at_other_prices_stand_beside_this_one() -> None:
    plans = pd.DataFrame(
        {"plan": ["the plan", "today's estate"], "schools_gbp": [2.5e6, -1000.0],
         "pupil_years_without_place": [0.0, 1234.0],
         "journey_km": [50_000.0, 80_000.0], "differs": [0, 52]}
    )  # fmt: skip
    points = headings(frontier=plans)["Alternatives considered"].points
    assert points == (
        "Today's estate: schools and sites −£1,000 over today, 1,234 pupil-years without a place, 80,000 pupil-km a "
        "journey; 52 schools or sites decided otherwise.",
    )


def test_runs_of_numbers() -> None:
    assert _numbers([3, 4, 5, 10, 1]) == "1, 3–5, 10"
