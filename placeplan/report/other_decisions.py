"""Recommended actions beyond the estate: awards of competitions, shared heads of clusters, moves to a trust."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from geodata.competitions import amended, day
from models.options import NEW
from models.powers import ACADEMY, AUTHORITY, GOVERNORS, TRUST
from models.routes import DIRECTOR, Route, route_words
from placeplan.report.facts import Facts, Row, listed, rows_of
from placeplan.report.law import (
    ACADEMIES_ACT,
    ACCOUNTABLE,
    CONSENTS,
    FEDERATING_RULES,
    FEDERATION,
    GUIDANCE,
    NO_APPEAL,
    OMBUDSMAN,
    PRACTICE,
    REVIEW,
    TO_MINISTER,
    TO_TRUST,
    Law,
    Said,
    accountable,
    of_route,
)
from placeplan.words import day as day_words

AWARD, HEAD, JOIN = "award of a competition", "share an executive head", "join a trust"
POSSIBLE = "a possibility for governing bodies and trusts, whom nobody has asked"
NO_DRAFT = {
    AWARD: "the bids, their scores and the recommendation are on the competition's own page",
    HEAD: f"{POSSIBLE}; a federation would be proposed by the governing bodies themselves",
    JOIN: f"{POSSIBLE}; a governing body consults on becoming an academy itself",
}
Entry = tuple[Row, Law]


def other_decisions(facts: Facts) -> list[Entry]:
    """Rows of the register with their law, as far as the stages have run; days are blank where no calendar has them."""
    return [*_awards(facts), *_heads(facts), *_joining(facts)]


def _blank(action: str, **known: Any) -> Row:
    days = dict.fromkeys(("academic_year", "steps", "first_step", "begin_by", "decide_by", "challenge_until"), "")
    blank = days | {"effective_on": "", "planning_area": "", "phase": "", "asked_of": "", "draft": ""}
    return blank | {
        "action": action,
        "probability": 1.0,
        "start_now": False,
        "begin_is_past": False,
        "own_power": False,
        "why_no_draft": NO_DRAFT[action],
        **known,
    }


def _awards(facts: Facts) -> Iterator[Entry]:
    """One a competition that was judged; where bidders are linked, the set taken together stands beside it."""
    told = facts.summaries.get("tender", {})
    together = {code: bid for one in told.get("linked_awards", {}).values() for code, bid in one["awards"].items()}
    for code, found in told.get("competitions", {}).items():
        row = next(iter(rows_of(facts.inputs.get("competitions"), {"competition": code})), {})
        route = competition_route(facts, row)
        first = [_bid(facts, code, bid) for bid in found["first"]]
        set_apart = [] if together.get(code) in (None, "", *found["first"]) else [_bid(facts, code, together[code])]
        what = f"{listed(first)} stands first by the published criteria" if first else "No bid can be awarded"
        if found["outcome"] != "ranked" and first:
            what += f" ({found['outcome']})"
        if set_apart:
            what = (
                f"{set_apart[0]}, by the published rules that link this competition with another; judged alone, {what}"
            )
        if facts.rows("decisions") and row.get("site") and not facts.one("decisions", facility=row["site"], action=NEW):
            what = f"Only if a school is to open there at all, which the plan does not have: {what}"
        own = route.award == "award" and route.decides.startswith("The local authority")
        yield (
            _blank(
                AWARD,
                stage="tender",
                facility=row.get("site") or row.get("urn") or code,
                name=found["name"],
                what=what,
                holds_power=route.recommends.rstrip("."),
                decides=route.decides.rstrip("."),
                own_power=own,
                asked_of="" if own else DIRECTOR,
                first_step=_closing_day(row),
            ),
            award_law(route),
        )


def competition_route(facts: Facts, row: Row) -> Route:
    """The legal route of a competition, by its opening day and who has bid in it."""
    mine = rows_of(facts.inputs.get("bids"), {"competition": row.get("competition")})
    kinds = {str(bid["proposer_kind"]) for bid in mine if bid.get("proposer_kind") and not bid.get("excluded")}
    new = amended(day(row.get("opened")), facts.policy)
    return route_words(str(row.get("kind") or ""), row.get("route"), kinds, section_7_amended=new)


def award_law(route: Route) -> Law:
    """The law of an award by its route."""
    by_council = route.decides.startswith("The local authority")
    council = (OMBUDSMAN,) if by_council else ()
    return Law(
        (Said(route.law.rstrip(".")), *(Said(note.rstrip("."), GUIDANCE) for note in route.notes)),
        accountable(AUTHORITY if by_council else DIRECTOR),
        (of_route(route.challenge), REVIEW, *council),
    )


def _bid(facts: Facts, competition: str, bid: str) -> str:
    row = facts.one("bids_ranked", competition=competition, bid=bid)
    return f"{row.get('proposer') or 'the bidder'} ({bid})"


def _closing_day(row: Row) -> str:
    closes = day(row.get("closes"))
    return f"bids close on {day_words(closes.isoformat())}" if closes else ""


def _heads(facts: Facts) -> Iterator[Entry]:
    """One a cluster of more than one school: its lead, with the schools whose head it would lend."""
    for lead in facts.rows("clusters", role="lead"):
        members = [row for row in facts.rows("clusters", role="member") if row["cluster"] == lead["cluster"]]
        if not members:
            continue
        key = str(lead["urn"])
        schools = [facts.school(str(row["urn"])) for row in (lead, *members)]
        academy = facts.holder(key) == ACADEMY
        bodies = dict.fromkeys(
            str(one.get("trust")) if one.get("trust") else f"{GOVERNORS} of {one.get('name')}" for one in schools
        )
        who = listed(list(bodies))
        law = Law(
            (Said("The trust's scheme of delegation", PRACTICE),) if academy else (FEDERATION, FEDERATING_RULES),
            ACCOUNTABLE[TRUST if academy else GOVERNORS],
            (NO_APPEAL, REVIEW, TO_TRUST if academy else TO_MINISTER),
        )
        yield (
            _blank(
                HEAD,
                stage="clusters",
                facility=key,
                name=lead["name"],
                what=f"One executive head with {listed([str(row['name']) for row in members])}",
                holds_power=who,
                decides=who,
                asked_of=who,
            ),
            law,
        )


def _joining(facts: Facts) -> Iterator[Entry]:
    """One a school that the plan of clusters puts into another trust than today's."""
    for row in facts.rows("clusters"):
        key = str(row["urn"])
        school, trust = facts.school(key), row.get("trust")
        if not trust or trust == school.get("trust"):
            continue
        today = school.get("trust")
        holds = str(today) if today else f"{GOVERNORS} of {row['name']}"
        church = facts.school(key).get("religious_character") not in (None, "none", "Does not apply")
        yield (
            _blank(
                JOIN,
                stage="clusters",
                facility=key,
                name=row["name"],
                what=f"Join {trust}" + (f", leaving {today}" if today else ", becoming an academy"),
                holds_power=holds,
                decides=DIRECTOR,
                asked_of=holds,
            ),
            Law(
                (ACADEMIES_ACT, CONSENTS) if church else (ACADEMIES_ACT,),
                accountable(DIRECTOR),
                (NO_APPEAL, REVIEW, TO_TRUST if today else TO_MINISTER),
            ),
        )
