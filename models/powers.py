"""Who holds each lever: who proposes a change to a school, who decides it, and whom an authority would have to ask.

Two regimes. "current law" is England's in outline: the Education and Inspections Act 2006 with its regulations for
maintained schools, and funding agreements with the Secretary of State for academies. "commissioner" is that of the
2015 Blueprint: the authority makes the case for places, and an independent schools commissioner decides what opens,
grows or closes, whoever runs it.

An authority acts on its own power where it is both proposer and decider. Everything else is a request to the body that
is named, and a plan that rests on it needs that body's agreement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.routes import DIRECTOR, new_school_route

CURRENT_LAW, COMMISSIONER = REGIMES = ("current law", "commissioner")
ACADEMY, OWN_ADMISSIONS, MAINTAINED = "academy", "own admissions", "authority"

VARIATION = "variation"  # a policy's route to a smaller admission number

AUTHORITY = "Local authority"
GOVERNORS = "Governing body"
PROPOSERS = "Proposers whom the local authority invites"
TRUST = "Academy trust"
BLUEPRINT = "Schools commissioner"
ADJUDICATOR = "Schools adjudicator"

DECIDED_BY_COMMISSIONER = (
    "expand",
    "bulge class",
    "new school",
    "close",
    "amalgamate: closes",
    "amalgamate: takes in",
    "amalgamate: second site",
    "amalgamate: both sites",
)

ACADEMY_WORDS = ("academy", "free school", "studio school", "technical college", "technology college")
OWN_ADMISSIONS_WORDS = ("voluntary aided", "foundation school")

REVIEW_ONLY = "No appeal: judicial review only"
ADJUDICATED = (
    "The Church of England diocesan board and the Catholic bishop of a diocese in the area, and the governing body or "
    "foundation of a voluntary or foundation school, may take the decision to the schools adjudicator; everybody else "
    "judicial review only"
)
NO_OBJECTION = (
    "No objection to a larger intake but by the governing body of a community or voluntary controlled school (School "
    "Admissions Code 2021, 3.3); judicial review"
)
OBJECTION = "Objection to the schools adjudicator by 15 May after the arrangements are determined"


@dataclass(frozen=True)
class Power:
    """Who may do something to a school, on what authority, and who may challenge it."""

    proposer: str = ""
    decider: str = ""
    own: bool = True  # within the authority's own power
    authority: str = ""  # statute, regulation or agreement
    challenge: str = ""

    @property
    def asked_of(self) -> str:
        """The body whose agreement a request needs; "" where it is no request."""
        if self.own:
            return ""
        decides_itself = self.decider == AUTHORITY  # what it asks for then is a proposal
        return self.proposer if self.proposer not in (AUTHORITY, PROPOSERS) or decides_itself else self.decider


NOBODY = Power()


def holder(school_type: str | None) -> str:
    """Give who runs a school of that type: "academy", "own admissions" (voluntary aided, foundation) or "authority"."""
    words = (school_type or "").lower()
    if any(word in words for word in ACADEMY_WORDS):
        return ACADEMY
    if any(word in words for word in OWN_ADMISSIONS_WORDS):
        return OWN_ADMISSIONS
    return MAINTAINED


def power(
    school_type: str | None,
    action: str,
    regime: str = CURRENT_LAW,
    *,
    varied: bool = False,
    section_7_amended: bool = False,
) -> Power:
    """Who holds an action at a school of that type under a regime; KeyError for an action that is not known.

    Actions are those of `models.options`; that of staying as it is belongs to nobody. `varied`: an admission number is
    cut or capped by a variation of arrangements already determined, which the admission authority has to ask for.
    `section_7_amended` says whether a new school would be sought under section 7 as amended in 2026 rather than by the
    presumption.
    """
    if action == "stay":
        return NOBODY
    kind = holder(school_type)
    if regime == COMMISSIONER and action in DECIDED_BY_COMMISSIONER:
        return Power(
            PROPOSERS if action == "new school" else AUTHORITY,
            BLUEPRINT,
            False,
            "Proposal of the 2015 Blueprint, not law: the authority makes the case, the commissioner decides",
            REVIEW_ONLY,
        )
    if varied and action in ("cut PAN", "cap forms", "mothball"):
        return _VARIED[kind]
    return _opening(section_7_amended) if action == "new school" else _CURRENT[action][kind]


def _opening(section_7_amended: bool) -> Power:
    route = new_school_route(section_7_amended=section_7_amended)
    return Power(
        PROPOSERS,
        AUTHORITY if section_7_amended else DIRECTOR,
        False,
        route.law.rstrip("."),
        route.challenge.rstrip("."),
    )


_SIGNIFICANT_CHANGE = "Significant change to an academy, by its funding agreement"
_PRESCRIBED = "Prescribed alteration, Education and Inspections Act 2006, sections 18–24"
_ADMISSIONS = "Admission arrangements, School Standards and Framework Act 1998, section 88C, and the Admissions Code"
_VARIATION = "Variation of determined arrangements, School Standards and Framework Act 1998, section 88E"
_VARIATION_ACADEMY = "Variation of determined arrangements, by its funding agreement"
_DISCONTINUE = "Education and Inspections Act 2006, section 15"

_FEDERATION = "School Governance (Federations) (England) Regulations 2012"
_ONE_HEAD = "One head for two academies of a trust: its scheme of delegation"
_PREMISES = (
    "Admission arrangements, School Standards and Framework Act 1998, section 88C; that rooms out of use need no "
    "statutory proposals is unconfirmed"
)
_LETTING = "Control of premises, School Standards and Framework Act 1998, section 40 and Schedule 13; unconfirmed"
_LETTING_ACADEMY = "Letting under its funding agreement and lease; consent to a long lease is unconfirmed"

_GROWTH = {
    MAINTAINED: Power(AUTHORITY, AUTHORITY, True, _PRESCRIBED, ADJUDICATED),
    OWN_ADMISSIONS: Power(GOVERNORS, AUTHORITY, False, _PRESCRIBED, ADJUDICATED),
    ACADEMY: Power(TRUST, DIRECTOR, False, _SIGNIFICANT_CHANGE, REVIEW_ONLY),
}
_ADMIT = {
    MAINTAINED: Power(AUTHORITY, AUTHORITY, True, _ADMISSIONS, OBJECTION),
    OWN_ADMISSIONS: Power(GOVERNORS, GOVERNORS, False, _ADMISSIONS, OBJECTION),
    ACADEMY: Power(TRUST, TRUST, False, _ADMISSIONS, OBJECTION),
}
_ADMIT_MORE = {kind: replace(held, challenge=NO_OBJECTION) for kind, held in _ADMIT.items()}
_VARIED = {
    MAINTAINED: Power(AUTHORITY, ADJUDICATOR, False, _VARIATION, REVIEW_ONLY),
    OWN_ADMISSIONS: Power(GOVERNORS, ADJUDICATOR, False, _VARIATION, REVIEW_ONLY),
    ACADEMY: Power(TRUST, DIRECTOR, False, _VARIATION_ACADEMY, REVIEW_ONLY),
}
# Who holds the building: the authority of a community school; trustees of a church or foundation school often own the
# site and would be asked too, which is not told apart here.
_MOTHBALL = {kind: replace(held, authority=_PREMISES) for kind, held in _ADMIT.items()}
_SHARE = {
    MAINTAINED: Power(GOVERNORS, GOVERNORS, False, _LETTING, REVIEW_ONLY),
    OWN_ADMISSIONS: Power(GOVERNORS, GOVERNORS, False, _LETTING, REVIEW_ONLY),
    ACADEMY: Power(TRUST, TRUST, False, _LETTING_ACADEMY, REVIEW_ONLY),
}
_FEDERATE = {
    MAINTAINED: Power(GOVERNORS, GOVERNORS, False, _FEDERATION, REVIEW_ONLY),
    OWN_ADMISSIONS: Power(GOVERNORS, GOVERNORS, False, _FEDERATION, REVIEW_ONLY),
    ACADEMY: Power(TRUST, TRUST, False, _ONE_HEAD, REVIEW_ONLY),
}
_CLOSE = {
    MAINTAINED: Power(AUTHORITY, AUTHORITY, True, _DISCONTINUE, ADJUDICATED),
    OWN_ADMISSIONS: Power(AUTHORITY, AUTHORITY, True, _DISCONTINUE, ADJUDICATED),
    ACADEMY: Power(TRUST, DIRECTOR, False, "Agreement of the trust with the Secretary of State", REVIEW_ONLY),
}
_CURRENT = {
    "expand": _GROWTH,
    "SEND unit": _GROWTH,
    "bulge class": _ADMIT_MORE,
    "lift PAN": _ADMIT_MORE,
    "cut PAN": _ADMIT,
    "cap forms": _ADMIT,
    "mothball": _MOTHBALL,
    "share space": _SHARE,
    "federate": _FEDERATE,
    "amalgamate: closes": _CLOSE,
    "amalgamate: second site": _CLOSE,
    "amalgamate: takes in": _GROWTH,
    "amalgamate: both sites": _GROWTH,
    "close": _CLOSE,
}
