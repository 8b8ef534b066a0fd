"""The law of each kind of decision in outline: on what authority, to whom accountable, and who may challenge it.

For a register and drafts that a monitoring officer reads before anybody relies on them; not advice. Read in the source:
Education and Inspections Act 2006, sections 15 and 16; Establishment and Discontinuance Regulations 2013, regulations
13 and 14; Prescribed Alterations Regulations 2013, Schedule 2, paragraph 1, and Schedule 3, paragraph 2; School
Governance (Federations) Regulations 2012, regulation 9; Admission Arrangements Regulations 2012, regulation 12; the
Office of the Schools Adjudicator on opening, closing and changing schools. What was not read is an assumption and says
so. Who holds a power and who decides is `models.powers`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.options import (
    BULGE,
    CAP,
    CLOSE,
    CUT,
    ENDING,
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
from models.powers import (
    ACADEMY,
    ADJUDICATOR,
    AUTHORITY,
    BLUEPRINT,
    GOVERNORS,
    NO_OBJECTION,
    PROPOSERS,
    TRUST,
    VARIATION,
)
from models.routes import DIRECTOR

STATUTE, GUIDANCE, PRACTICE, ASSUMPTION, PROPOSAL = "statute", "guidance", "practice", "assumption", "proposal"
CHECK = "assumed; check with the monitoring officer"

CLOSING, ALTERING, LARGER, SMALLER = "closing", "altering", "larger intake", "smaller intake"
LETTING, FEDERATING, OPENING, JOINING = "letting", "federating", "opening", "joining a trust"
KIND_OF = (
    dict.fromkeys(ENDING, CLOSING)
    | dict.fromkeys((EXPAND, SEND_UNIT, MERGE_ENLARGED, MERGE_KEEPS), ALTERING)
    | dict.fromkeys((LIFT, BULGE), LARGER)
    | dict.fromkeys((CUT, CAP, MOTHBALL), SMALLER)
    | {SHARE: LETTING, FEDERATE: FEDERATING, NEW: OPENING}
)


PLAIN = {
    CLOSE: "Consult on a proposal to close",
    MERGE_CLOSES: "Consult on a proposal to close, with another that would take its pupils in",
    MERGE_SITE: "Consult on a proposal to end the school as one of its own; its building would be another's site",
    MERGE_ENLARGED: "Take another school's pupils in",
    MERGE_KEEPS: "Become one school with another, in both buildings",
    EXPAND: "Enlarge the school",
    SEND_UNIT: "Open a SEND unit",
    BULGE: "Admit one class more for one year",
    LIFT: "Raise the admission number",
    CUT: "Lower the admission number",
    CAP: "Cap the intake",
    MOTHBALL: "Take rooms out of use",
    SHARE: "Let rooms to early years",
    FEDERATE: "Federate: one governing body and one head",
    NEW: "Open a new school",
}
"""What is recommended, in words that need no explanation."""
ONE_TRUST = "Share one head within an academy trust"


@dataclass(frozen=True)
class Said:
    """A sentence of law with its status: statute, guidance, practice, proposal or assumption."""

    words: str
    status: str = STATUTE

    def __str__(self) -> str:
        return f"{self.words} ({CHECK if self.status == ASSUMPTION else self.status})"


@dataclass(frozen=True)
class Law:
    """What is said of one kind of decision at one kind of school."""

    authority: tuple[Said, ...]
    accountable: Said
    challenge: tuple[Said, ...]


ACCOUNTABLE = {
    AUTHORITY: Said("The council's scrutiny committee and full council, and through them the electors", PRACTICE),
    ADJUDICATOR: Said("Independent of council and government; only the courts review a decision", ASSUMPTION),
    DIRECTOR: Said("The Secretary of State, for whom the Regional Director acts, and through him or her Parliament"),
    GOVERNORS: Said("Those who elect or appoint governors: parents, staff, the authority, a foundation", ASSUMPTION),
    TRUST: Said("The Secretary of State by its funding agreement, and its own members", GUIDANCE),
    BLUEPRINT: Said("Parliament, as the 2015 Blueprint proposes; no such commissioner exists", PROPOSAL),
    PROPOSERS: Said("Whoever founds the proposer; it holds no public power before it is chosen", ASSUMPTION),
}

REVIEW = Said(
    "Anybody with a sufficient interest may ask the High Court for judicial review, promptly and in any event within "
    "three months of the decision: it asks whether the decision was lawful, not whether it was right (Civil Procedure "
    "Rules, rule 54.5)"
)
NO_APPEAL = Said("No appeal on the merits lies to anybody", ASSUMPTION)
OMBUDSMAN = Said(
    "A complaint to the council, then to the Local Government and Social Care Ombudsman: of fault in how it was "
    "decided, not of the decision itself",
    ASSUMPTION,
)
TO_MINISTER = Said(
    "A complaint to the Secretary of State that a governing body or authority acts unreasonably or fails in a duty "
    "(Education Act 1996, sections 496 and 497)",
    ASSUMPTION,
)
TO_TRUST = Said("A complaint to the trust by its own procedure, then to the Department for Education", ASSUMPTION)
DIOCESES = Said(
    "The Church of England diocesan board and the Roman Catholic bishop of any diocese in the authority's area may "
    "have the authority's decision taken to the schools adjudicator"
)
FOUNDATION = Said("So may the governing body, foundation or trustees of this voluntary or foundation school")
WITHIN = Said("They ask within four weeks of the decision (2007 Regulations; the 2013 ones not read)", ASSUMPTION)
TOO_LATE = Said(
    "If the authority has not decided within two months of the end of representations, the schools adjudicator decides"
)
OBJECT = Said(
    "Objection to the schools adjudicator by 15 May after the arrangements are determined (School Admissions Code 2021)"
)
WHO_OBJECTS = Said("Who may object by the Admissions Code: parents, other schools, the authority, dioceses", ASSUMPTION)
SET_NUMBER = Said(
    "If it upholds an objection the adjudicator may set the number (Children's Wellbeing and Schools Act 2026, section "
    "64; whether it is in force was not confirmed)",
    ASSUMPTION,
)
VARIED = Said("The admission authority may ask again; others are heard only as the adjudicator sees fit", ASSUMPTION)
LARGER_INTAKE = Said(NO_OBJECTION.rstrip("."), GUIDANCE)

BELOW_THRESHOLD = Said(
    "No statutory proposals are needed for so small an enlargement (Prescribed Alterations Regulations 2013, Schedule "
    "2, paragraph 1)"
)
WHO_ENLARGES = Said("Below the threshold the enlargement is decided as any other building work", ASSUMPTION)
NOTHING_REFERRED = Said("Without proposals there is nothing to refer to the schools adjudicator", ASSUMPTION)

CLOSING_GUIDANCE = Said("Opening and closing maintained schools, Department for Education", GUIDANCE)
ALTERING_GUIDANCE = Said("Making significant changes ('prescribed alterations') to maintained schools", GUIDANCE)
ACADEMY_GUIDANCE = Said("Academies: making significant changes or closure by agreement, in force April 2024", GUIDANCE)
CODE = Said("School Admissions Code 2021; Admission Arrangements Regulations 2012, regulation 12")
CLOSING_RULES = Said("Establishment and Discontinuance Regulations 2013, regulations 13 and 14")
ALTERING_RULES = Said("School Organisation (Prescribed Alterations) Regulations 2013, Schedules 2 and 3")
FEDERATION = Said("School Governance (Federations) (England) Regulations 2012")
FEDERATING_RULES = Said("Its regulation 9: joint proposals of the governing bodies; six weeks or more to answer")
ACADEMIES_ACT = Said("Academies Act 2010, sections 1 and 3 to 5", ASSUMPTION)
CONSENTS = Said("Consent of who holds the site and who appoints the foundation governors: section 3(4)")


def law_of(
    decision: Mapping[str, Any],
    school_type: str | None,
    run_by: str,
    *,
    route: str = "",
    arrangements: bool = False,
    proposals: bool = True,
) -> Law:
    """What is said of a decision (columns action, decider, authority, challenge) at a school of that type.

    `run_by` is `models.powers.holder` of the type; `route` the policy's to a smaller admission number. `arrangements`:
    new admission arrangements have to be determined for it. `proposals`: statutory ones are published, False for an
    enlargement below the threshold.
    """
    kind, decider = KIND_OF[str(decision["action"])], str(decision["decider"])
    own = Said(str(decision["authority"]).rstrip("."), status_of(str(decision["authority"])))
    if decider == BLUEPRINT:
        return Law((own,), ACCOUNTABLE[BLUEPRINT], (Said("No appeal is proposed", PROPOSAL), REVIEW))
    if not proposals:
        complaint = OMBUDSMAN if decider == AUTHORITY else TO_MINISTER
        return Law((BELOW_THRESHOLD, WHO_ENLARGES), accountable(decider), (NOTHING_REFERRED, REVIEW, complaint))
    challenge = _challenge(kind, decider, run_by, school_type, route, decision)
    beside = _beside(kind, run_by)
    if arrangements and kind != SMALLER:
        beside, challenge = (*beside, CODE), (OBJECT, WHO_OBJECTS, *challenge)
    return Law((own, *beside), accountable(decider), challenge)


def plain(action: str, *, in_trust: bool) -> str:
    """What is recommended in plain words; academies of one trust have one governing body already."""
    return ONE_TRUST if in_trust and action == FEDERATE else PLAIN[action]


def by_trust(decides: str) -> bool:
    """Whether who decides, as the register names it, is an academy trust."""
    return decides.endswith("(academy trust)") or decides == TRUST


def status_of(authority: str) -> str:
    """Status of a power's authority by its words."""
    lower = authority.lower()
    if "unconfirmed" in lower:
        return ASSUMPTION
    if "blueprint" in lower:
        return PROPOSAL
    if "scheme of delegation" in lower:
        return PRACTICE
    return GUIDANCE if "agreement" in lower else STATUTE


def of_route(challenge: str) -> Said:
    """What a route to a new school says of its challenge; where it sends for advice, the law is not settled."""
    return Said(challenge.rstrip("."), ASSUMPTION if "advice" in challenge else STATUTE)


def accountable(decider: str) -> Said:
    """To whom a body answers for what it decides."""
    return ACCOUNTABLE.get(decider, ACCOUNTABLE[AUTHORITY])


def status_together(said: Sequence[Said]) -> str:
    """The statuses of several sentences, each once."""
    return ", ".join(dict.fromkeys(one.status for one in said))


def voluntary_or_foundation(school_type: str | None) -> bool:
    """Whether a school of that type is a voluntary or foundation school."""
    words = (school_type or "").lower()
    return "voluntary" in words or "foundation" in words


def _beside(kind: str, run_by: str) -> tuple[Said, ...]:
    if kind in (SMALLER, LARGER):
        return (CODE,)
    if kind == FEDERATING:
        return () if run_by == ACADEMY else (FEDERATING_RULES,)
    if kind in (CLOSING, ALTERING):
        if run_by == ACADEMY:
            return (ACADEMY_GUIDANCE,)
        return (CLOSING_RULES, CLOSING_GUIDANCE) if kind == CLOSING else (ALTERING_RULES, ALTERING_GUIDANCE)
    return ()


def _challenge(
    kind: str, decider: str, run_by: str, school_type: str | None, route: str, decision: Mapping[str, Any]
) -> tuple[Said, ...]:
    complaint = TO_TRUST if run_by == ACADEMY else OMBUDSMAN if decider == AUTHORITY else TO_MINISTER
    if kind == SMALLER:
        if route == VARIATION:
            return (VARIED, REVIEW)
        return (OBJECT, WHO_OBJECTS, SET_NUMBER, REVIEW, complaint)
    if kind == LARGER:
        return (LARGER_INTAKE, REVIEW, complaint)
    if kind in (CLOSING, ALTERING) and run_by != ACADEMY:
        asks = (DIOCESES, FOUNDATION) if voluntary_or_foundation(school_type) else (DIOCESES,)
        return (*asks, WITHIN, TOO_LATE, REVIEW, complaint)
    if kind == OPENING:
        return (of_route(str(decision["challenge"])), REVIEW)
    return (NO_APPEAL, REVIEW, complaint)
