"""Who holds each lever: who may propose a change to a school and who decides it.

Current law in outline (Education and Inspections Act 2006; academies by agreement with the Secretary of State). Later
work refines it by regime; until then these words stand beside every decision.
"""

AUTHORITY = "Local authority"
GOVERNORS = "Governing body"
PROPOSERS = "Proposers whom the local authority invites (presumption, section 6A)"
TRUST = "Academy trust"
DIRECTOR = "Regional Director for the Secretary of State"
ADJUDICATOR = "Local authority, or the schools adjudicator"

ACADEMY_WORDS = ("academy", "free school", "studio school", "technical college", "technology college")
OWN_ADMISSIONS_WORDS = ("voluntary aided", "foundation school")


def holder(school_type: str | None) -> str:
    """Give who runs a school of that type: "academy", "own admissions" (voluntary aided, foundation) or "authority"."""
    words = (school_type or "").lower()
    if any(word in words for word in ACADEMY_WORDS):
        return "academy"
    if any(word in words for word in OWN_ADMISSIONS_WORDS):
        return "own admissions"
    return "authority"


def who(school_type: str | None, action: str) -> tuple[str, str]:
    """Proposer and decider of an action at a school of that type.

    Actions: stay, expand, cut PAN, close, new school. An authority cannot expand or close an academy or cut the PAN
    of another admission authority: those are requests to the body named as proposer.
    """
    if action == "stay":
        return "", ""
    if action == "new school":
        return PROPOSERS, DIRECTOR
    kind = holder(school_type)
    if kind == "academy":
        return TRUST, TRUST if action == "cut PAN" else DIRECTOR
    if kind == "own admissions":
        return (GOVERNORS, GOVERNORS) if action == "cut PAN" else (GOVERNORS, ADJUDICATOR)
    return AUTHORITY, AUTHORITY
