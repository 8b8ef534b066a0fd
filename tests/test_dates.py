"""The calendar of the report: every step once, in order, with past days marked."""

import re

from paper_facts import CLOSING_STEPS, CONTROLLED, CUT_STEPS, HOSTILE, decision, facts, school

from placeplan.report.dates import admissions_days, calendar_contents, certainty
from placeplan.report.draft_parts import texts
from placeplan.report.drafts import all_drafts
from placeplan.report.facts import short_names

ONE, TWO, THREE = (school(100001 + n, name, CONTROLLED) for n, name in enumerate(("One", "Two", HOSTILE)))
ROWS = [decision(ONE, "cut PAN"), decision(TWO, "cut PAN"), decision(THREE, "close")]


def test_steps_of_several_schools_are_one_row_with_all_their_names() -> None:
    """Seven steps of the table: two shared by two schools, and three of a closing."""
    told = calendar_contents(facts([ONE, TWO, THREE], ROWS))
    rows = [row for month in told["months"] for row in month["rows"]]
    own = [row for row in rows if row["what"] != "Admissions"]
    assert told["steps"] == 2 * len(CUT_STEPS) + len(CLOSING_STEPS) == sum(len(row["schools"]) for row in own)
    assert rows[0]["schools"] == ["One", "Two"]
    assert [month["month"] for month in told["months"]] == [
        "December 2022", "February 2023", "September 2023", "October 2023", "November 2023", "January 2024",
        "April 2024",
    ]  # fmt: skip
    assert [line.who for line in told["lines"]] == ["2 schools", HOSTILE]


def test_the_chart_has_a_bar_a_step_and_no_markup_of_a_name() -> None:
    told = calendar_contents(facts([ONE, TWO, THREE], ROWS))
    chart = str(told["chart"])
    assert len(re.findall("<rect ", chart)) == len(CUT_STEPS) + len(CLOSING_STEPS)
    assert "<img" not in chart and "&lt;img" in chart
    across = [float(x) for x in re.findall(r'<rect x="([\d.]+)"', chart)]
    assert across[2:] == sorted(across[2:]) and min(across) >= 8, "bars of a line stand in the order of their days"


def test_a_step_before_the_plans_day_is_past() -> None:
    made = facts([ONE], [decision(ONE, "cut PAN")])
    assert calendar_contents(made)["past"] == 0
    later = facts([ONE], [decision(ONE, "cut PAN")])
    object.__setattr__(later, "plan_date", "2023-01-01")
    told = calendar_contents(later)
    assert told["past"] == 1 and [row["past"] for month in told["months"] for row in month["rows"]] == [
        True,
        False,
        False,
        False,
    ]


def test_what_a_step_rests_on_is_said_with_its_status() -> None:
    assert certainty({"basis": "School Admissions Code 2021"}) == "statute"
    assert certainty({"basis": "Federations Regulations 2012; unconfirmed"}).startswith("assumed")
    assert certainty({"basis": "Time assumed by policy"}) == ""


def test_no_decisions_no_calendar() -> None:
    assert calendar_contents(facts([ONE], []))["months"] == []
    assert short_names(["A", "B", "C", "D"]) == "A, B, C and 1 more" and short_names(["A", "B"]) == "A and B"


def test_national_days_of_admissions_stand_among_the_steps() -> None:
    """For September 2024: 15 January and 16 April 2024 for primary, 31 October 2023 and 1 March 2024 for secondary."""
    upper = school(100009, "Upper", CONTROLLED)
    made = facts([ONE, upper], [decision(ONE, "close"), decision(upper, "cut PAN", phase="secondary")])
    days = {row["step"]: row["begin_by"] for row in admissions_days(made)}
    assert days == {
        "Last day to apply for a primary place": "2024-01-15", "Primary places offered": "2024-04-16",
        "Last day to apply for a secondary place": "2023-10-31", "Secondary places offered": "2024-03-01",
    }  # fmt: skip
    assert {row["certainty"] for row in admissions_days(made)} == {"statute"}
    assert all("Co-ordination" in row["basis"] for row in admissions_days(made))


def test_a_consultation_begins_earlier_where_the_council_meets_before_it_publishes() -> None:
    """6 September 2023 less 42 days is 26 July: a consultation that ends on the day of publication is a sham."""
    made = facts([ONE, TWO], [decision(ONE, "close"), decision(TWO, "cut PAN")])
    told = calendar_contents(made)
    assert [row["on"] for row in told["council"]] == ["2023-07-26"], "nothing is published for an admission number"
    said = [text for draft in all_drafts(made).drafts for text in texts(draft) if "26 July 2023" in text]
    assert len(said) == 1 and "With 42 days for them (assumed)" in said[0]
