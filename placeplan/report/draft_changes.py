"""Drafts for enlarging a school or giving it a SEND unit, and for a school that takes another one in.

For a maintained school a consultation paper and the statutory notice of a prescribed alteration, where it is one: the
threshold and the representation period are read from the Prescribed Alterations Regulations 2013, what else a notice
must tell is an outline that a legal review has to complete. For an academy a paper for its trust to consult with.
"""

from __future__ import annotations

from geodata.small_numbers import least_told, told_parts
from models.options import MERGE_ENLARGED, MERGE_KEEPS, SEND_UNIT
from models.powers import ACADEMY
from placeplan.estate.contributions import payer
from placeplan.report.council_time import meetings_words
from placeplan.report.draft_parts import (
    CONSULTATION,
    NOT_DECIDED,
    NOT_YET,
    NOTICE,
    Draft,
    Grid,
    Paper,
    Section,
    answer_section,
    begins_on,
    first_sentence,
    gap,
    next_steps,
    objections,
    pupils,
    rolls_over_time,
    school_words,
    sections,
    signature,
    step_like,
    today_or,
)
from placeplan.report.facts import Facts, Row
from placeplan.report.register import what_words

DONORS = 5  # schools named of those from which pupils would come


def change_draft(facts: Facts, row: Row) -> Draft:
    """Papers for one change of the table decisions that `needs_notice`, or that an academy trust applies for."""
    key, name = str(row["facility"]), str(row["name"])
    academy = facts.holder(key) == ACADEMY
    who = today_or(facts.school(key).get("trust"), "the academy trust") if academy else facts.authority
    if row["proposer"] == "Governing body":
        who = f"the governing body of {name}"
    papers = [_consultation(facts, row, who)]
    remarks = []
    if academy:
        remarks.append(
            "No statutory notice: a significant change to an academy is applied for to the Regional Director, with a "
            "report "
            f"of the consultation and the authority's view. The paper is for {who} to consult with."
        )
    else:
        papers.append(_notice(facts, row, who))
    what = {SEND_UNIT: "A SEND unit at", MERGE_KEEPS: "One school with another:"}.get(str(row["action"]), "Enlarging")
    return Draft(
        f"{what} {name}", ((key, str(row["action"]), str(row["academic_year"])),), tuple(papers), tuple(remarks)
    )


def _consultation(facts: Facts, row: Row, who: str) -> Paper:
    name = str(row["name"])
    steps = facts.steps(row)
    proposed = Section(
        "What is proposed, and by whom",
        (
            f"{who[:1].upper()}{who[1:]} proposes for {school_words(facts.school(str(row['facility'])), name)}:",
            _what(facts, row),
        ),
    )
    told = (
        proposed,
        _reasons(row),
        rolls_over_time(facts, str(row["facility"]), name),
        effect_on_others(facts, row),
        unit_need(facts, row),
        how_paid(facts, row),
        Section("Travel and the site", (f"{gap('safe routes, parking, and how car use is kept down')}.",)),
        next_steps(steps, meetings_words(facts.policy, steps)),
        Section(
            "Who is asked",
            (
                "Parents, staff and governors of the school, schools nearby, dioceses, and "
                f"{gap('others thought appropriate')}.",
            ),
        ),
        answer_section(who, facts.policy.number("consult_changes_weeks"), step_like(steps, "consult on the change")),
    )
    return Paper(CONSULTATION, f"{name}: a proposal to change the school", NOT_DECIDED, sections(*told))


def _notice(facts: Facts, row: Row, who: str) -> Paper:
    key, name = str(row["facility"]), str(row["name"])
    school = school_words(facts.school(key), name)
    told = (
        Section(
            "Notice",
            (
                "Notice is given in accordance with section 19 of the Education and Inspections Act 2006 and the "
                "School "
                f"Organisation (Prescribed Alterations to Maintained Schools) (England) Regulations 2013 that {who} "
                "intends "
                f"to make a prescribed alteration to {school} from {begins_on(row)}.",
                f"Address of the school: {gap('postal address')}. Contact for this proposal: "
                f"{gap('name and address')}.",
            ),
        ),
        Section("The alteration", (_what(facts, row),)),
        _capacity(facts, row),
        _reasons(row),
        effect_on_others(facts, row),
        unit_need(facts, row),
        how_paid(facts, row),
        Section("Consultation before this notice", (f"{gap('who was consulted and how, once that has been done')}.",)),
        objections(facts.authority, facts.policy.number("representation_weeks")),
        signature(who),
    )
    return Paper(NOTICE, f"Proposal to alter {name}", NOT_YET, sections(*told))


def _what(facts: Facts, row: Row) -> str:
    return f"{what_words(facts, row)}. In the plan's words: {first_sentence(row['reason'])}."


def _capacity(facts: Facts, row: Row) -> Section:
    school = facts.school(str(row["facility"]))
    number = f"The admission number is {school['pan']:,.0f} today" if school.get("pan") is not None else ""
    lines = [
        f"Places in {facts.last_year}, sixth form apart: {row['places_before']:,.0f} as the school is, "
        f"{row['places_after']:,.0f} as proposed.",
        f"{number}; as proposed: {gap('admission number, by year of entry')}." if number else "",
    ]
    return Section("Places", tuple(line for line in lines if line))


def _reasons(row: Row) -> Section:
    lines = []
    if (row.get("pupils_without_place") or 0) >= 0.5:
        lines.append(
            f"Without it {pupils(row['pupils_without_place'])} would have no place within reach, all else as planned."
        )
    if (row.get("journeys_gbp") or 0) < -500:
        lines.append(
            "It shortens journeys: priced as the plan prices families' time, fares and transport they would cost "
            f"£{-row['journeys_gbp']:,.0f} less over the years counted."
        )
    if row["action"] == SEND_UNIT:
        lines.append("It answers the need for places for special educational needs in the planning area.")
    if row["action"] == MERGE_ENLARGED:
        lines.append("It makes room for the pupils of the school that is to close with it.")
    if row["action"] == MERGE_KEEPS:
        lines.append("It keeps both buildings in use, under one governing body and one head.")
    if not lines:
        lines.append("All else as planned, the plan of all schools costs less with it than without it.")
    return Section("Why", tuple(lines))


def effect_on_others(facts: Facts, row: Row) -> Section:
    """Which other schools' pupils the plan places here in the last plan year."""
    moved = facts.stored.get("allocation")
    if moved is None or not len(moved):
        return Section("")
    key = str(row["facility"])
    mine = moved[(moved["facility"] == key) & (moved["academic_year"] == facts.last_year) & (moved["today"] != key)]
    come = mine.groupby("today")["pupils"].sum().sort_values(ascending=False)
    come = come[come >= 0.5]
    if come.empty:
        return Section("Effect on other schools", ("The plan moves no pupils of other schools here.",))
    told = told_parts(list(come.head(DONORS)), least_told(facts.policy))
    named = [
        f"{facts.school(str(other)).get('name') or other} {count}"
        for other, count in zip(come.head(DONORS).index, told, strict=True)
    ]
    rest = come.iloc[DONORS:].sum()
    more = f"; {rest:,.0f} from others" if rest >= 0.5 else ""
    return Section(
        "Effect on other schools",
        (
            f"In {facts.last_year} the plan places {pupils(float(come.sum()))} here who by today's choices would be "
            "at other "
            f"schools: {', '.join(named)}{more}. It is a model of where families live, not a count of their choices.",
        ),
    )


def unit_need(facts: Facts, row: Row) -> Section:
    """Places in SEND units that the planning area needs, and that the plan gives it, by year."""
    if row["action"] != SEND_UNIT:
        return Section("")
    areas = [area.strip() for area in str(row.get("planning_area") or "").split(",")]
    need = [one for one in facts.rows("send_units") if one["planning_area"] in areas]
    grid = Grid(
        "Places in new SEND units in the planning area: needed, and under the plan",
        ("Planning area", "Year", "Needed", "Plan"),
        tuple(
            (str(n["planning_area"]), str(n["academic_year"]), f"{n['needed']:,.0f}", f"{n['plan']:,.0f}") for n in need
        ),
        (2, 3),
    )
    lines = (
        f"Type of need, numbers by age, staffing and premises: {gap('the provision that is recognised as reserved')}.",
    )
    return Section("Special educational needs", lines, grid=grid if need else None)


def how_paid(facts: Facts, row: Row) -> Section:
    """Capital of the change and who pays it, by year."""
    held = facts.rows("capital", facility=str(row["facility"]))
    if not held:
        return Section("Cost", ("No capital is planned for it." if not row["capital_gbp"] else _estimate(row),))
    grid = Grid(
        "Capital, GBP at the study's price base; an estimate before tender",
        ("Academic year", "Paid by", "GBP"),
        tuple(
            (
                str(c["academic_year"]),
                payer(c["source"], c["due_year"], c["academic_year"]),
                f"£{c['capital_gbp']:,.0f}",
            )
            for c in held
        ),
        (2,),
    )
    return Section("Cost", (_estimate(row),), grid=grid)


def _estimate(row: Row) -> str:
    return f"Estimated capital: £{row['capital_gbp']:,.0f} at the study's price base, from standard costs a place."
