"""The decision register: for each recommended action who holds the power, who decides, and who may challenge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from models.options import (
    BULGE,
    CAP,
    CLOSE,
    CUT,
    EXPAND,
    FEDERATE,
    LIFT,
    MERGE_CLOSES,
    MERGE_ENLARGED,
    MERGE_KEEPS,
    MERGE_SITE,
    MOTHBALL,
    NEW,
    SEND_UNIT,
    SHARE,
)
from models.powers import ACADEMY, ADJUDICATOR, AUTHORITY, GOVERNORS, TRUST
from models.schedule import earlier, opening_day
from placeplan.report.cautions import with_cautions
from placeplan.report.facts import Facts, Row
from placeplan.report.law import (
    ALTERING,
    ASSUMPTION,
    CHECK,
    CLOSING,
    KIND_OF,
    PLAIN,
    Law,
    by_trust,
    law_of,
    plain,
    status_together,
)
from placeplan.report.other_decisions import Entry, other_decisions
from placeplan.report.threshold import WITHOUT, without_proposals
from placeplan.words import day

COLUMNS = [
    "number", "stage", "facility", "name", "planning_area", "phase", "action", "academic_year", "what", "probability",
    "start_now", "holds_power", "decides", "own_power", "asked_of", "authority", "authority_status", "accountable_to",
    "challenge", "challenge_status", "check", "steps", "first_step", "begin_by", "decide_by", "challenge_until",
    "effective_on", "begin_is_past", "draft", "why_no_draft", "recommended", "caution",
]  # fmt: skip
WHAT = {  # of a closing only the consultation is recommended: more would be decided before anybody was heard
    CLOSE: "Begin consultation on a proposal to close the school on {eve}",
    MERGE_CLOSES: "Begin consultation on a proposal to close the school on {eve}; its pupils would join {partner}",
    MERGE_SITE: (
        "Begin consultation on a proposal to end the school as a school of its own on {eve}; its building would become "
        "a site of {partner}"
    ),
    MERGE_ENLARGED: "Take in the pupils of {partner} from {year}",
    MERGE_KEEPS: "Become one school with {partner}, in both buildings, from {year}",
    EXPAND: "Enlarge the school from {year}: {before} places become {after} by {last}",
    SEND_UNIT: "Open a unit for special educational needs from {year}: {before} mainstream places become {after}",
    BULGE: "Admit one class more in {year} alone",
    LIFT: "Raise the admission number from {year}: {before} places become {after} by {last}",
    CUT: "Lower the admission number from {year}: {before} places become {after} by {last}",
    CAP: "Cap the intake from {year}: {before} places become {after} by {last}",
    MOTHBALL: "Take rooms out of use from {year}: {before} places become {after}",
    SHARE: "Let rooms to early years from {year}: {before} places become {after}",
    FEDERATE: "Federate with {partner} from {year}: one governing body and one head for both schools, which stay",
    NEW: "Open a new school from {year}: {after} places by {last}",
}
HEAD_IN_TRUST = "Share one head with {partner} from {year}, within their trust; both schools stay"
PROPOSALS, ARRANGEMENTS, OTHERS = "proposals", "arrangements", "others"
DECIDING = (  # how the steps of the calendar begin in which somebody decides, and what is decided in them
    ("decide on the proposals", PROPOSALS),
    (WITHOUT, OTHERS),
    ("determine the arrangements", ARRANGEMENTS),
    ("ask the schools adjudicator", OTHERS),
    ("ask the Secretary of State", OTHERS),
    ("the trust applies to the Regional Director, who decides", OTHERS),
    ("the trust and the Secretary of State agree", OTHERS),
    ("decision on the proposer", OTHERS),
    ("agree the larger intake", OTHERS),
    ("publish the proposal, representations", OTHERS),
    ("the trust decides on one head", OTHERS),
)


def register_entries(facts: Facts, drafts: Mapping[tuple[str, str, str], tuple[str, str]]) -> list[Entry]:
    """One entry a recommended action, a row of `COLUMNS` with its law, in the order in which they must be begun.

    Every row of the table decisions is in it; then contract awards of competitions; then shared heads and moves to a
    trust, which are possibilities and not recommended, as far as their stages have run. `drafts` gives by facility,
    action and academic year the key of a draft, or "", and why there is none. Days are as 2022-12-20, each the latest;
    `steps` tells all of them.
    """
    own = [_estate_entry(facts, row, drafts) for row in facts.rows("decisions")]
    own.sort(key=lambda one: [one[0][name] for name in ("begin_by", "academic_year", "action", "name", "facility")])
    numbered = [
        (row | {"number": n} | law_columns(law), law) for n, (row, law) in enumerate([*own, *other_decisions(facts)], 1)
    ]
    return with_cautions(facts, numbered)


def register_table(entries: Sequence[Entry]) -> pd.DataFrame:
    """The table decision_register."""
    return pd.DataFrame([row for row, _ in entries], columns=COLUMNS)


def _estate_entry(facts: Facts, row: Row, drafts: Mapping[tuple[str, str, str], tuple[str, str]]) -> Entry:
    key, action, year = str(row["facility"]), str(row["action"]), str(row["academic_year"])
    school = facts.school(key)
    law = decision_law(facts, row)
    steps = facts.steps(row)
    decided = deciding_days(steps)
    draft, why_none = drafts.get((key, action, year), ("", ""))
    told = {
        "stage": "estate",
        **{name: row[name] for name in ("facility", "name", "phase", "action", "academic_year", "probability")},
        "planning_area": row.get("planning_area") or "",
        "what": what_words(facts, row),
        "start_now": bool(row["start_now"]),
        "holds_power": body(facts, str(row["proposer"]), row, school),
        "decides": body(facts, str(row["decider"]), row, school),
        "own_power": bool(row["own_power"]),
        "asked_of": row["asked_of"] or "",
        "steps": "; ".join(
            f"{step['begin_by']} to {step['done_by']}: {step['step']} ({step['basis']})" for step in steps
        ),
        "first_step": row["first_step"] or "",
        "begin_by": row["start_by"] or "",
        "decide_by": max((on for _, on in decided), default=""),
        "challenge_until": challenge_until(facts, KIND_OF[action], decided),
        "effective_on": opening_day(year).isoformat(),
        "begin_is_past": bool(row["start_by"]) and str(row["start_by"]) < facts.plan_date,
        "draft": draft,
        "why_no_draft": why_none,
    }
    return told, law


def decision_law(facts: Facts, row: Mapping[str, Any]) -> Law:
    """The law of one row of the table decisions."""
    key = str(row["facility"])
    return law_of(
        row,
        facts.school(key).get("type"),
        facts.holder(key),
        route=facts.policy.text("pan_cut_route"),
        arrangements=any(kind == ARRANGEMENTS for kind, _ in deciding_days(facts.steps(row))),
        proposals=not without_proposals(facts, dict(row)),
    )


def law_columns(law: Law) -> Row:
    """Columns of the register that tell of the law."""
    every = (*law.authority, law.accountable, *law.challenge)
    return {
        "authority": "; ".join(map(str, law.authority)),
        "authority_status": status_together(law.authority),
        "accountable_to": str(law.accountable),
        "challenge": ". ".join(map(str, law.challenge)),
        "challenge_status": status_together(law.challenge),
        "check": CHECK if any(one.status == ASSUMPTION for one in every) else "",
    }


def what_words(facts: Facts, row: Mapping[str, Any]) -> str:
    """What is recommended, in one sentence with its years and places."""
    opening = opening_day(str(row["academic_year"]))
    partner = row.get("partner") or ""
    trust = row["action"] == FEDERATE and facts.holder(str(row["facility"])) == ACADEMY
    return (HEAD_IN_TRUST if trust else WHAT[str(row["action"])]).format(
        eve=day((opening - timedelta(days=1)).isoformat()),
        year=f"September {opening.year}",
        before=f"{row['places_before']:,.0f}",
        after=f"{row['places_after']:,.0f}",
        last=facts.last_year,
        partner=facts.school(str(partner)).get("name") or partner or "its partner",
    )


def body(facts: Facts, generic: str, row: Mapping[str, Any], school: Mapping[str, Any]) -> str:
    """A body by its own name where it is known: the authority's, the trust's, the school's governing body."""
    if generic == AUTHORITY:
        return f"{facts.authority} (local authority)"
    if generic == GOVERNORS:
        return f"{GOVERNORS} of {row['name']}"
    trust = school.get("trust")
    return f"{trust} (academy trust)" if generic == TRUST and trust else generic


def deciding_days(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What is decided by when: kind and latest day of the steps in which somebody decides."""
    return [
        (kind, str(step["done_by"]))
        for step in steps
        for beginning, kind in DECIDING
        if str(step["step"]).startswith(beginning)
    ]


def challenge_until(facts: Facts, kind: str, decided: Sequence[tuple[str, str]]) -> str:
    """Last days of a challenge if it is decided on the latest day; "" where the calendar has no day of deciding."""
    policy = facts.policy
    if not decided:
        return ""
    said = []
    for what, on in decided:
        given = date.fromisoformat(on)
        if what == PROPOSALS and kind in (CLOSING, ALTERING):
            until = given + timedelta(days=round(7 * policy.number("referral_weeks")))
            said.append(f"{ADJUDICATOR}, of the proposals: {day(until.isoformat())}")
        if what == ARRANGEMENTS:
            until = date(given.year, *policy.day("objections_by"))
            until = until if until >= given else until.replace(year=given.year + 1)
            said.append(f"{ADJUDICATOR}, of the admission arrangements: {day(until.isoformat())}")
    last = date.fromisoformat(max(on for _, on in decided))
    until = earlier(last, -policy.integer("judicial_review_months"))
    said.append(f"judicial review: at the latest {day(until.isoformat())}")
    return "; ".join(said)


def routes(entries: Sequence[Entry]) -> list[Row]:
    """Entries by the law they share, so that a page says it once: law, title, whether recommended, and the rows."""
    found: dict[Law, list[Row]] = {}
    for row, law in entries:
        found.setdefault(law, []).append(row)
    return [
        {
            "law": law,
            "title": _title(rows),
            "check": rows[0]["check"],
            "recommended": rows[0]["recommended"],
            "rows": rows,
        }
        for law, rows in found.items()
    ]


def _title(rows: Sequence[Row]) -> str:
    """What is recommended by some rows, and what kind of body decides it."""
    what = dict.fromkeys(_plain(row) for row in rows)
    deciders = {_kind_of_body(str(row["decides"])) for row in rows}
    who = deciders.pop() if len(deciders) == 1 else "each school's governing body or trust"
    return f"{'; '.join(what)} – decided by {who}"


def _plain(row: Row) -> str:
    action = str(row["action"])
    if action in PLAIN:
        return plain(action, in_trust=by_trust(str(row["decides"])))
    return f"{action[:1].upper()}{action[1:]}"


def _kind_of_body(decides: str) -> str:
    if by_trust(decides):
        return "the academy trust"
    if decides.startswith(GOVERNORS):
        return "the governing body"
    who = "council" if decides.endswith("(local authority)") else decides.split(",")[0].removeprefix("The ")
    return f"the {who}"
