"""The calendar of the report: every step once, in order, with past days marked."""

import re

from paper_facts import CLOSING_STEPS, CONTROLLED, CUT_STEPS, HOSTILE, decision, facts, school

from placeplan.report.dates import calendar_contents, certainty
from placeplan.report.facts import short_names

ONE, TWO, THREE = (school(100001 + n, name, CONTROLLED) for n, name in enumerate(("One", "Two", HOSTILE)))
ROWS = [decision(ONE, "cut PAN"), decision(TWO, "cut PAN"), decision(THREE, "close")]


def test_steps_of_several_schools_are_one_row_with_all_their_names() -> None:
    """Seven steps of the table: two shared by two schools, and three of a closing."""
    told = calendar_contents(facts([ONE, TWO, THREE], ROWS))
    rows = [row for month in told["months"] for row in month["rows"]]
    assert told["steps"] == 2 * len(CUT_STEPS) + len(CLOSING_STEPS) == sum(len(row["schools"]) for row in rows)
    assert rows[0]["schools"] == ["One", "Two"]
    assert [month["month"] for month in told["months"]] == [
        "December 2022", "February 2023", "September 2023", "October 2023", "November 2023",
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
    assert told["past"] == 1 and [row["past"] for month in told["months"] for row in month["rows"]] == [True, False]


def test_what_a_step_rests_on_is_said_with_its_status() -> None:
    assert certainty({"basis": "School Admissions Code 2021"}) == "statute"
    assert certainty({"basis": "Federations Regulations 2012; unconfirmed"}).startswith("assumed")
    assert certainty({"basis": "Time assumed by policy"}) == ""


def test_no_decisions_no_calendar() -> None:
    assert calendar_contents(facts([ONE], []))["months"] == []
    assert short_names(["A", "B", "C", "D"]) == "A, B, C and 1 more" and short_names(["A", "B"]) == "A and B"
