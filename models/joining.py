"""In which year each cluster or school joins its trust.

The hub of a new trust comes first, in the first year that policy gives. Each year takes as many schools as policy
lets a trust grow by, those with the better balance first and those with something to be looked into last; what is more
than that by itself comes alone in a year of its own. A trust that has doubled then waits the consolidation years. As
the better balance goes first, no other order of joiners of one size has a better balance in any year on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from geodata.policy import Policy
from geodata.years import add_years


def joining_years(
    balance_gbp: Sequence[float],
    schools: Sequence[int],
    flagged: Sequence[bool],
    *,
    hub: int | None,
    at_home: int,
    base_year: str,
    policy: Policy,
) -> list[str]:
    """The academic year in which each joiner joins.

    `balance_gbp` a year, `schools` and `flagged` are of the joiners; `hub` is the one a new trust begins with, None
    where the trust stands with `at_home` schools.
    """
    cap, pause = policy.integer("trust_growth_schools"), policy.integer("trust_consolidation_years")
    order = sorted(range(len(schools)), key=lambda j: (j != hub, flagged[j], -balance_gbp[j]))
    year = policy.integer("trust_first_joining_years")
    found = [""] * len(schools)
    size, room = at_home, cap
    began = size
    for j in order:
        fits = schools[j] <= room or room == cap  # a joiner above the cap comes alone in a year of its own
        if not fits:
            doubled = began > 0 and size >= 2 * began
            year += 1 + (pause if doubled else 0)
            room, began = cap, size if doubled else began
        found[j] = add_years(base_year, year)
        size += schools[j]
        room = max(room - schools[j], 0)
        if j == hub:
            began = size
    return found
