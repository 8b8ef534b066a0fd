"""Drafts for closing a school: a consultation paper and, for a maintained school, the statutory notice of section 15.

What a proposal has to tell is read from Schedule 4 of the 2007 Regulations, which those of 2013 replaced: a legal
review has to check Schedule 2 of the Establishment and Discontinuance Regulations 2013. Sections 15(4) and 16 of the
Education and Inspections Act 2006 were read.
"""

from __future__ import annotations

from models.options import MERGE_SITE
from models.powers import ACADEMY
from placeplan.report.closing_alternatives import alternatives
from placeplan.report.closing_sections import (
    NO_CHARACTER,
    displaced,
    money,
    needs,
    reasons,
    religion,
    rural,
    school_today,
    travel,
)
from placeplan.report.council_time import meetings_words
from placeplan.report.draft_parts import (
    CONSULTATION,
    NOT_DECIDED,
    NOT_YET,
    NOTICE,
    Draft,
    Paper,
    Section,
    answer_section,
    closes_on,
    gap,
    next_steps,
    objections,
    rolls_over_time,
    school_words,
    sections,
    signature,
    step_like,
    today_or,
)
from placeplan.report.facts import Facts, Row, listed
from placeplan.report.law import voluntary_or_foundation


def closing_draft(facts: Facts, row: Row) -> Draft:
    """Papers for one closing of the table decisions, an amalgamation in which a school's number ends among them."""
    key, name = str(row["facility"]), str(row["name"])
    academy = facts.holder(key) == ACADEMY
    trust = today_or(facts.school(key).get("trust"), "the academy trust")
    who = trust if academy else facts.authority
    papers = [_consultation(facts, row, who, academy)]
    remarks = []
    if academy:
        remarks.append(
            "No statutory notice: sections 15 and 16 of the 2006 Act are not the law of academies. The trust asks the "
            f"Secretary of State to agree, by its funding agreement; the paper below is for {trust} to consult with."
        )
    else:
        papers.append(_notice(facts, row, who))
    what = "Ending as a school of its own:" if row["action"] == MERGE_SITE else "Closing"
    return Draft(
        f"{what} {name}", ((key, str(row["action"]), str(row["academic_year"])),), tuple(papers), tuple(remarks)
    )


def _consultation(facts: Facts, row: Row, who: str, academy: bool) -> Paper:
    key, name = str(row["facility"]), str(row["name"])
    steps = facts.steps(row)
    weeks = facts.policy.number("closure_consult_weeks")
    told = (
        _proposal(facts, row, who),
        reasons(facts, row),
        school_today(facts, row),
        rolls_over_time(facts, key, name),
        displaced(facts, row),
        travel(facts, row),
        rural(facts, key),
        religion(facts, row),
        needs(facts, row),
        alternatives(facts, row),
        money(facts, row),
        _staff(),
        next_steps(steps, meetings_words(facts.policy, steps)),
        _consulted(facts, key, academy),
        answer_section(who, weeks, step_like(steps, "consult on closing")),
    )
    asked = f"Should {name} close?"
    if row["action"] == MERGE_SITE:
        asked = f"Should {name} become one school with {_partner(facts, row)}?"
    return Paper(CONSULTATION, asked, NOT_DECIDED, sections(*told))


def _notice(facts: Facts, row: Row, who: str) -> Paper:
    key, name = str(row["facility"]), str(row["name"])
    notice = Section(
        "Notice",
        (
            f"Notice is given in accordance with section 15(1) of the Education and Inspections Act 2006 that {who} "
            f"intends to discontinue {school_words(facts.school(key), name)} with effect from {closes_on(row)}.",
            f"Address of the school: {gap('postal address')}. Contact for this proposal: {gap('name and address')}.",
        ),
    )
    consultation = Section(
        "Consultation before this notice",
        (
            gap("list of those consulted under section 16, copies of the papers, minutes of meetings, their views")
            + " "
            + gap("statement that the statutory requirements to consult were complied with, once they have been"),
        ),
    )
    related = row.get("partner")
    with_it = Section(
        "Related proposal",
        (
            f"This proposal is related to one for {_partner(facts, row)}: "
            "neither "
            "is to be carried out without the other.",
        )
        if related
        else (),
    )
    told = (
        notice,
        reasons(facts, row, notice=True),
        consultation,
        school_today(facts, row),
        displaced(facts, row),
        travel(facts, row),
        rural(facts, key),
        religion(facts, row),
        needs(facts, row),
        alternatives(facts, row),
        with_it,
        objections(facts.authority, facts.policy.number("representation_weeks")),
        signature(who),
    )
    return Paper(NOTICE, f"Proposal to discontinue {name}", NOT_YET, sections(*told))


def _proposal(facts: Facts, row: Row, who: str) -> Section:
    school = school_words(facts.school(str(row["facility"])), str(row["name"]))
    on = closes_on(row)
    said = f"{who} proposes to close {school}. It would close on {on}; no pupil would attend it after that day."
    if row["action"] == MERGE_SITE:
        said = (
            f"{who} proposes to end {school} as a school of its own on {on}. {_partner(facts, row)} would "
            "take in its pupils and its building: they would be one school in both buildings, and nobody changes "
            "building because of it."
        )
    return Section("What is proposed, and by whom", (said,))


def _partner(facts: Facts, row: Row) -> str:
    related = row.get("partner")
    return today_or(facts.school(str(related)).get("name"), str(related))


def _staff() -> Section:
    return Section(
        "Staff and buildings", (f"Staff: {gap('numbers, and how they would be placed')}. Site: {gap('its use')}.",)
    )


def _consulted(facts: Facts, key: str, academy: bool) -> Section:
    school = facts.school(key)
    if academy:
        return Section(
            "Who is asked",
            ("Parents, staff, the local authority, schools nearby and, for a church school, its diocese and "
             "trustees, as the "
             "Department's guidance on closing academies by agreement asks.",),
        )  # fmt: skip
    rural = bool(school.get("rural_designated"))
    bodies = ["the registered parents of registered pupils"] if rural else ["parents and pupils"]
    if rural:
        bodies += ["any district council for the area, where the authority is a county council", "any parish council"]
    bodies += ["governing body and staff", "schools to which pupils would go and their neighbours"]
    if school.get("religious_character") not in NO_CHARACTER:
        bodies.append(today_or(school.get("diocese"), "the diocese or faith body") + " and the trustees of the site")
    if voluntary_or_foundation(school.get("type")):
        bodies.append("the foundation")
    law = "section 16(1)" if rural else "section 16(2)"
    return Section(
        "Who is asked",
        (
            f"By {law} of the Education and Inspections Act 2006: {listed(bodies)}; and "
            f"{gap('others thought appropriate')}.",
        ),
    )
