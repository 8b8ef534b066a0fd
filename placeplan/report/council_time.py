"""The council's own time between a consultation and what follows it, which the calendar of the plan leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from geodata.policy import Policy
from placeplan.words import day

CONSULTS, PUBLISHES = "consult on", "publish proposals"


def begin_with_meetings(policy: Policy, steps: Iterable[tuple[str, str]]) -> str:
    """Latest day to begin a consultation where the council meets before it publishes proposals; "" where it does not.

    `steps` are names with their latest beginning, as 2023-09-06, of one decision.
    """
    held = list(steps)
    consult = next((on for name, on in held if name.startswith(CONSULTS)), "")
    if not consult or not any(name.startswith(PUBLISHES) for name, _ in held):
        return ""
    return (date.fromisoformat(consult) - timedelta(days=policy.integer("council_decision_days"))).isoformat()


def meetings_words(policy: Policy, steps: Iterable[Mapping[str, Any]]) -> str:
    """What a draft's timetable leaves out; "" where no proposals are published."""
    begin = begin_with_meetings(policy, [(str(step["step"]), str(step["begin_by"])) for step in steps])
    if not begin:
        return ""
    return (
        "The council's own meetings are not in these days: notice of a key decision, the meeting that considers the "
        f"consultation, and call-in. With {policy.integer('council_decision_days')} days for them (assumed) the "
        f"consultation begins by {day(begin)}, and the case for it is ready earlier by as much."
    )
