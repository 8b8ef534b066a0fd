"""Draft of the specification with which an authority seeks proposals for a new school, by the regime that applies.

Section 6A: academies only, the Secretary of State decides. Section 7 as amended in 2026: also voluntary and foundation
schools and the authority's own proposal. Headings of the presumption's model specification were read: evidence of
need, area, timetable, how proposals are assessed.
"""

from __future__ import annotations

from datetime import date

from geodata.competitions import amended, day
from models.routes import Route, new_school_route
from placeplan.report.award_and_plan import disagreements
from placeplan.report.draft_changes import effect_on_others, how_paid
from placeplan.report.draft_parts import (
    INVITATION,
    Draft,
    Grid,
    Paper,
    Section,
    begins_on,
    first_sentence,
    gap,
    next_steps,
    sections,
)
from placeplan.report.facts import Facts, Row, listed, rows_of
from placeplan.report.register import what_words
from placeplan.words import day as day_words

LEAST_PROBABILITY = 0.005  # below it a deficit is not told
DESCRIBED = "It invites nobody until it is published."


def opening_draft(facts: Facts, row: Row) -> Draft:
    """The invitation with its specification for one new school of the table decisions."""
    key, name = str(row["facility"]), str(row["name"])
    route = opening_route(facts, row)
    told = (
        _invitation(facts, row, route),
        _need(facts, row),
        _site(facts, row),
        _provision(facts, row),
        effect_on_others(facts, row),
        how_paid(facts, row),
        _assessment(),
        Section(
            "Impact and equalities",
            (
                "Assessment under section 149 of the Equality Act 2010: "
                f"{gap('the assessment, before this is published')}.",
            ),
        ),
        next_steps(facts.steps(row)),
        Section("How to propose", (f"Proposals go to {facts.authority}: {gap('address, form and last day')}.",)),
    )
    paper = Paper(INVITATION, f"A new school: {name}", DESCRIBED, sections(*told))
    covers = ((key, str(row["action"]), str(row["academic_year"])),)
    return Draft(f"Inviting proposals for a new school: {name}", covers, (paper,), tuple(_running(facts, key)))


def opening_route(facts: Facts, row: Row) -> Route:
    """The route in force on the day on which the first step has to be begun."""
    begins = row.get("start_by")
    new = amended(date.fromisoformat(str(begins)) if begins else None, facts.policy)
    return new_school_route(section_7_amended=new)


def _running(facts: Facts, key: str) -> list[str]:
    """Competitions of the study for the same site, which a new invitation must not cross."""
    said = []
    for one in rows_of(facts.inputs.get("competitions"), {"site": key}):
        opened = day(one.get("opened"))
        since = f", opened {day_words(opened.isoformat())}" if opened else ""
        said.append(
            f"The study holds a competition for this site already: {one['competition']} ({one['name']}{since}). If its "
            "published specification stands, this draft is not needed; compare the two before anything is published."
        )
    return said + disagreements(facts).get(key, [])


def _invitation(facts: Facts, row: Row, route: Route) -> Section:
    return Section(
        "Invitation",
        (
            f"{facts.authority} thinks that a new school is needed and invites proposals. {route.law}",
            f"{what_words(facts, row)}. {route.recommends} Decided by: {route.decides}",
        ),
        route.notes,
    )


def _need(facts: Facts, row: Row) -> Section:
    areas = {area.strip() for area in str(row.get("planning_area") or "").split(",")}
    held = [one for one in facts.rows("retained") if one["planning_area"] in areas and one["kind"] != "intake"]
    ends = {min((one["academic_year"] for one in held), default=""), facts.last_year}
    grid = Grid(
        "Pupils of the planning area's schools by the forecast, and places as they are and under the plan",
        ("Planning area", "Phase", "Year", "Pupils", "Places today", "Places under the plan"),
        tuple(
            (o["planning_area"], o["phase"], o["academic_year"], *(f"{o[n]:,.0f}" for n in ("pupils", "today", "plan")))
            for o in held
            if o["academic_year"] in ends
        ),
        (3, 4, 5),
    )
    lines = [line for area in sorted(areas) for line in _short(facts, area, str(row["phase"]))]
    without = row.get("pupils_without_place") or 0
    if without >= 0.5:
        lines.append(
            f"Without it, all else as planned, up to {without:,.0f} pupils would have no place within reach in any one "
            "year: the others would go to schools farther away that have room. That is no measure of the need."
        )
    elif lines:
        lines.append("Without it, all else as planned, the others would go to schools farther away that have room.")
    return Section("Evidence of need", tuple(lines), grid=grid if held else None)


def _short(facts: Facts, area: str, phase: str) -> list[str]:
    """Places that the planning area lacks by the balance in the last plan year, and how likely a deficit is."""
    cells = facts.rows("balance", planning_area=area, phase=phase, academic_year=facts.last_year)
    if not cells:
        return []
    need, spare = (sum(one[name] for one in cells) for name in ("need", "spare"))
    lines = [
        f"By the balance, schools of {area} as they are would be {need:,.0f} {phase} places short in "
        f"{facts.last_year}: the sum over year groups of pupils on roll beyond places."
        + (f" {spare:,.0f} places would be empty in other year groups; they are not set off." if spare >= 0.5 else "")
    ]
    kinds = {"intake": "in the intake", "whole phase": "over the whole phase"}
    said = [
        f"{kinds.get(one['kind'], one['kind'])} with a probability of {100 * one['probability']:.0f} %"
        + (f", first in {one['first_year']}" if one.get("first_year") else "")
        for one in facts.rows("deficits", planning_area=area, phase=phase, academic_year=facts.last_year)
        if one["probability"] >= LEAST_PROBABILITY
    ]
    if said:
        lines.append(f"A deficit in {facts.last_year} is expected {listed(said)}.")
    return lines


def _site(facts: Facts, row: Row) -> Section:
    site = facts.site(str(row["facility"]))
    said = []
    if site.get("owner"):
        said.append(f"Owner: {site['owner']}")
    if site.get("planning_status"):
        said.append(f"planning permission: {site['planning_status']}")
    passed = day(site.get("transfer_date"))
    if passed:
        said.append(f"the site passes over on {day_words(passed.isoformat())}")
    if site.get("land_cost_gbp") is not None:
        said.append(f"land cost £{site['land_cost_gbp']:,.0f}")
    lines = ["; ".join(said) + "."] if said else []
    return Section("The site", (*lines, f"Address, tenure and access: {gap('address, freehold or lease, access')}."))


def _provision(facts: Facts, row: Row) -> Section:
    site = facts.site(str(row["facility"]))
    return Section(
        "What is sought",
        (
            f"{first_sentence(row['reason'])}. Phase: {row['phase']}. Opening: {begins_on(row)}.",
            f"Sex, nursery and special educational needs provision: {gap('what is sought')}."
            if not site.get("gender")
            else f"Sex: {site['gender']}.",
        ),
    )


def _assessment() -> Section:
    said = [
        "education plan",
        "leadership, governance and record",
        "need and engagement",
        "inclusion",
        "finance",
        "opening",
    ]
    return Section(
        "How proposals are assessed",
        (
            "Criteria, weights and thresholds are published with this invitation and do not change afterwards, on "
            f"{listed(said)}"
            f": {gap('criteria, weights, thresholds; keep them in the tables criteria and competitions')}.",
        ),
    )
