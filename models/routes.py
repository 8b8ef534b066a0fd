"""By which legal route a school is competed for: who recommends, who decides and what may be challenged.

In outline, for a page that a committee reads; not advice. Sources: Education and Inspections Act 2006 sections 6A, 7,
10 and 11; Children's Wellbeing and Schools Act 2026 section 65, which repeals section 6A and amends section 7 from a
day that policy section_7_amended_from gives; Office of the Schools Adjudicator on opening a school; Academies Act 2010.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from geodata.competitions import ACADEMIES, AUTHORITY, INTERVENTION, INVITATION, OUTSIDE, PRESUMPTION

DIRECTOR = "Regional Director for the Secretary of State"
COURT = "judicial review"


@dataclass(frozen=True)
class Route:
    """One route in words: `award` says whether the authority awards or recommends; `notes` what else must happen."""

    law: str
    award: str
    recommends: str
    decides: str
    challenge: str
    notes: tuple[str, ...] = ()


def new_school_route(*, section_7_amended: bool) -> Route:
    """The route by which an authority seeks proposers for a new school: the presumption, later the invitation."""
    return _invitation(()) if section_7_amended else _presumption()


def route_words(kind: str, route: str | None, proposers: Collection[str], *, section_7_amended: bool) -> Route:
    """Words for a competition of that kind and route, in which proposers of these kinds have bid."""
    if kind == INTERVENTION:
        return _intervention()
    if route == PRESUMPTION:
        return _presumption()
    if route == INVITATION:
        return _invitation(proposers) if section_7_amended else _old_invitation()
    if route == OUTSIDE:
        return _outside(proposers)
    unknown = "Not known: the route is not stated."
    return Route("The legal route is not stated.", "recommendation", unknown, unknown, unknown)


def _presumption() -> Route:
    return Route(
        "Presumption: section 6A of the Education and Inspections Act 2006. Only academies may be proposed.",
        "recommendation",
        "The local authority scores the bids and recommends.",
        f"The {DIRECTOR}, who may choose another proposer than the one recommended, or none.",
        f"There is no appeal to the schools adjudicator; the Secretary of State's decision is open to {COURT}.",
    )


def _invitation(proposers: Collection[str]) -> Route:
    own = AUTHORITY in proposers
    notes = []
    if set(ACADEMIES) & set(proposers):
        notes.append(
            "Academies are among the proposals: the Secretary of State must have confirmed that they are willing to "
            "negotiate a funding agreement."
        )
    if own:
        notes.append("The authority bids itself: those who wrote its bid take no part in the judging.")
    return Route(
        "Invitation: section 7 of the Education and Inspections Act 2006 as amended in 2026. Academies, voluntary and "
        "foundation schools may be proposed, and the authority may bid itself.",
        "recommendation" if own else "award",
        "The local authority scores the bids and reports on them."
        if own
        else "The panel scores the bids and recommends to the authority's decision-maker.",
        f"The {DIRECTOR}, because the authority bids itself." if own else "The local authority.",
        f"By {COURT}; whether the schools adjudicator can be asked is for regulations: take advice.",
        tuple(notes),
    )


def _old_invitation() -> Route:
    return Route(
        "Invitation: section 7 of the Education and Inspections Act 2006 as it stood before the 2026 Act, which needs "
        "the Secretary of State's consent. The authority may not bid.",
        "award",
        "The panel scores the bids and recommends to the authority's decision-maker.",
        f"The local authority for a voluntary or foundation school; the {DIRECTOR} for an academy.",
        f"By {COURT}; take advice on referral to the schools adjudicator.",
    )


def _outside(proposers: Collection[str]) -> Route:
    own = AUTHORITY in proposers
    decides = "The local authority, within two months of the end of representations; else the schools adjudicator."
    return Route(
        "Proposals outside a competition: sections 10 and 11 of the Education and Inspections Act 2006. Maintained "
        "schools only.",
        "recommendation" if own else "award",
        "Each proposer publishes its own proposals; officers report on them.",
        "The schools adjudicator, where the authority proposes under section 10 or is involved in the trust of a "
        "foundation school; otherwise the local authority."
        if own
        else decides,
        "The Church of England diocesan board, the Roman Catholic bishop and the proposers may take the authority's "
        f"decision to the schools adjudicator; otherwise {COURT}.",
        ("Scores here compare proposals; each is decided on its own merits.",),
    )


def _intervention() -> Route:
    return Route(
        "A school in intervention, to be taken on by a trust: Academies Act 2010.",
        "recommendation",
        "Views of the local authority and, for a church school, of the diocese or trustees are put to the Regional "
        "Director.",
        f"The {DIRECTOR}, by academy order and funding agreement.",
        f"By {COURT} of the Secretary of State's decision.",
        ("A church school needs the consents of its trustees and of who appoints its foundation governors.",),
    )
