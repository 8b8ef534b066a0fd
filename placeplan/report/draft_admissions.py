"""Drafts on admission arrangements, one for each admission authority and year; and joint proposals to federate.

Whom to consult is read from regulation 12 of the Admission Arrangements Regulations 2012; what proposals to federate
contain from regulation 9 of the Federations Regulations 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from geodata.policy import Policy
from geodata.years import COMPULSORY, year_groups_between
from models.options import CAP, CUT, SEND_UNIT, SHARE
from models.powers import ACADEMY, GOVERNORS, VARIATION
from placeplan.report.closing_sections import NO_CHARACTER
from placeplan.report.draft_parts import (
    CONSULTATION,
    JOINT,
    NOT_DECIDED,
    Draft,
    Grid,
    Paper,
    Section,
    answer_section,
    begins_on,
    first_sentence,
    gap,
    next_steps,
    roll,
    sections,
    step_like,
    today_or,
)
from placeplan.report.facts import Facts, Row, listed, names, short_names

CHANGES = "consult on the admission arrangements"


def admission_authority(facts: Facts, row: Row) -> str:
    """Who determines a school's admission arrangements, by name."""
    key = str(row["facility"])
    school, run_by = facts.school(key), facts.holder(key)
    if run_by == ACADEMY:
        return today_or(school.get("trust"), f"the academy trust of {row['name']}")
    return facts.authority if run_by == "authority" else f"the governing body of {row['name']}"


def admissions_draft(facts: Facts, who: str, rows: Sequence[Row]) -> Draft:
    """The consultation on admission numbers that one authority proposes for one academic year."""
    year = str(rows[0]["academic_year"])
    policy = facts.policy
    step = step_like(facts.steps(rows[0]), CHANGES)
    covers = tuple((str(r["facility"]), str(r["action"]), year) for r in rows)
    if policy.text("pan_cut_route") == VARIATION:
        return _variation(facts, who, rows, covers)
    told = (
        Section(
            "What is proposed, and by whom",
            (
                f"{who[:1].upper()}{who[1:]}, as admission authority, proposes smaller intakes from "
                f"{begins_on(rows[0])}. "
                "Children already at these schools keep their places.",
            ),
            tuple(_change(facts, row) for row in rows),
            _numbers(facts, rows),
        ),
        Section("Why", tuple(dict.fromkeys(_why(row) for row in rows))),
        Section(
            "What does not change",
            (f"Other admission arrangements: {gap('whether anything else is proposed, and where they can be read')}.",),
        ),
        Section("Who is asked", (_consultees(facts, rows),)),
        _dates(policy, year, step.get("begin_by")),
        answer_section(who, policy.number("arrangements_consult_weeks"), step),
        Section(
            "After the arrangements are determined",
            (
                f"Objections go to the schools adjudicator by {_on(policy, 'objections_by')} of the year in which "
                "they are "
                "determined.",
            ),
        ),
        _rooms(rows),
    )
    paper = Paper(CONSULTATION, f"Admission numbers for {year}", NOT_DECIDED, sections(*told))
    return Draft(f"Admission arrangements of {who} for {year}: {_named(rows)}", covers, (paper,))


def _variation(facts: Facts, who: str, rows: Sequence[Row], covers: tuple[tuple[str, str, str], ...]) -> Draft:
    decider = "Secretary of State" if facts.holder(str(rows[0]["facility"])) == ACADEMY else "schools adjudicator"
    year = str(rows[0]["academic_year"])
    told = (
        Section(
            "What is asked",
            (
                f"{who[:1].upper()}{who[1:]} asks the {decider} to vary its determined admission arrangements for "
                f"{year}: a "
                "variation needs a major change in circumstances (School Admissions Code 2021).",
            ),
            tuple(_change(facts, row) for row in rows),
            _numbers(facts, rows),
        ),
        Section("The change in circumstances", (gap("what has changed since the arrangements were determined"),)),
        Section(
            "Who is told", (f"{_consultees(facts, rows)} They are told of the proposed variation (assumed; check).",)
        ),
        next_steps(facts.steps(rows[0])),
    )
    paper = Paper("Request for a variation", f"Admission numbers for {year}", NOT_DECIDED, sections(*told))
    return Draft(f"Varying the admission arrangements of {who} for {year}: {_named(rows)}", covers, (paper,))


def _named(rows: Sequence[Row]) -> str:
    return short_names([str(row["name"]) for row in rows])


def _change(facts: Facts, row: Row) -> str:
    """What is proposed for one school, with the admission number that its places come to where the plan names none."""
    said = f"{row['name']}: {first_sentence(row['reason'])}"
    school = facts.school(str(row["facility"]))
    low, high = school.get("low_age"), school.get("high_age")
    if row["action"] in (CUT, CAP) or low is None or high is None:
        return f"{said}."
    groups = len(set(year_groups_between(int(low), int(high))) & set(COMPULSORY))
    if not groups:
        return f"{said}."
    number = int(row["places_after"] // groups)
    return (
        f"{said}. Admission number {number}: {row['places_after']:,.0f} places over {groups} year groups, rounded down."
    )


def _numbers(facts: Facts, rows: Sequence[Row]) -> Grid:
    def one(row: Row) -> tuple[str, ...]:
        school = facts.school(str(row["facility"]))
        counted = roll(facts, str(row["facility"]))
        return (
            str(row["name"]),
            "not given" if school.get("pan") is None else f"{school['pan']:,.0f}",
            "not given" if counted is None else f"{counted:,.0f}",
            f"{row['places_before']:,.0f} → {row['places_after']:,.0f}",
        )

    heads = ("School", "Admission number", f"On roll {facts.base_year}", f"Places {facts.last_year}")
    return Grid(
        "Schools as they are, and places in the last plan year as they are and as proposed",
        heads,
        tuple(one(row) for row in rows),
        (1, 2, 3),
    )


def _why(row: Row) -> str:
    if row["action"] == SEND_UNIT:
        return "Rooms are needed for a unit for special educational needs."
    if row["action"] == SHARE:
        return "Rooms that school pupils do not need would serve early years."
    return "Fewer children are forecast than there are places, and empty places cost a school money."


def _consultees(facts: Facts, rows: Sequence[Row]) -> str:
    """Whom regulation 12 names."""
    runs = {facts.holder(str(row["facility"])) for row in rows}
    asked = [
        "parents of children between two and eighteen who live in the relevant area",
        "the governing body" if runs == {"authority"} else f"{facts.authority} as local authority",
        "the admission authorities of the other schools of the relevant area",
        "others who in the admission authority's opinion have an interest",
    ]
    if runs == {"authority"}:
        asked.append("neighbouring local authorities")
    elif any(facts.school(str(row["facility"])).get("religious_character") not in NO_CHARACTER for row in rows):
        asked.append("the body that represents the school's religion or denomination")
    return f"By regulation 12 of the Admission Arrangements Regulations 2012: {listed(asked)}."


def _dates(policy: Policy, year: str, begins: str | None) -> Section:
    first, last = _on(policy, "arrangements_consulted_from"), _on(policy, "arrangements_consulted_by")
    return Section(
        "Dates",
        (
            f"The consultation for {year} lies between {first} and {last} and lasts at least "
            f"{policy.number('arrangements_consult_weeks'):.0f} weeks; the arrangements are determined by "
            f"{_on(policy, 'arrangements_determined_by')} after it.",
        )
        if begins
        else (),
    )


def _on(policy: Policy, key: str) -> str:
    month, of_month = policy.day(key)
    return f"{of_month} {date(2001, month, 1):%B}"


def _rooms(rows: Sequence[Row]) -> Section:
    if not any(row["action"] == "mothball" for row in rows):
        return Section("")
    return Section(
        "Rooms out of use",
        ("That taking rooms out of use needs no statutory proposals is assumed; check with the monitoring officer.",),
    )


def federation_draft(facts: Facts, rows: Sequence[Row]) -> Draft:
    """Joint proposals of the governing bodies of two maintained schools to federate under one head."""
    year = str(rows[0]["academic_year"])
    weeks = facts.policy.number("federation_representation_weeks")
    bodies = [f"{GOVERNORS} of {row['name']}" for row in rows]
    told = (
        Section(
            "The proposal",
            (
                f"{listed(bodies)} would jointly propose to federate on {begins_on(rows[0])}: one governing body and "
                "one head, "
                "both schools stay with their own names, numbers and admission arrangements.",
                f"Confirmation that each governing body agrees with the proposal: {gap('once both have resolved so')}.",
            ),
        ),
        Section(
            "The governing body of the federation",
            (f"Size, and governors of each category: {gap('size and categories')}. Staffing: {gap('arrangements')}.",),
        ),
        Section(
            "Admission authorities",
            tuple(f"{row['name']}: {admission_authority(facts, row)}." for row in rows),
        ),
        Section("Why", tuple(f"{row['name']}: {first_sentence(row['reason'])}." for row in rows)),
        Section(
            "Money",
            (
                f"The plan counts £{-sum(row['running_gbp_per_year'] for row in rows):,.0f} a year less for "
                "leadership in "
                f"{facts.last_year}, in the two schools' budgets; no money of the council.",
            ),
        ),
        Section(
            "Representations",
            (
                f"In writing to either governing body, at least {weeks:.0f} weeks after publication: "
                f"{gap('last day, address')}. Sent to the Secretary of State, the local authority, both heads, "
                "foundation "
                "governors, trustees and religious bodies where there are any, staff, parents and others (regulation "
                "9).",
            ),
        ),
        next_steps(facts.steps(rows[0])),
    )
    paper = Paper(JOINT, f"Proposal to federate {names(rows)}", NOT_DECIDED, sections(*told))
    covers = tuple((str(row["facility"]), str(row["action"]), year) for row in rows)
    remark = f"For the governing bodies to publish; {facts.authority} can only ask them to."
    return Draft(f"Federating {names(rows)}", covers, (paper,), (remark,))
