"""What is done jointly stands jointly: rows that tie the two parts of a federation or an amalgamation together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geodata.policy import Policy
from models.options import FEDERATE, MERGE_CLOSES, MERGE_ENLARGED, MERGE_KEEPS, MERGE_SITE, Facility, Option
from models.rules import Row

FIRST = {MERGE_CLOSES: "amalgamate", MERGE_SITE: "amalgamate on both sites"}  # parts of the school that ends
SECOND = {MERGE_ENLARGED: "amalgamate", MERGE_KEEPS: "amalgamate on both sites"}  # parts of the one that stays


def pair_rows(facilities: Sequence[Facility], options: Sequence[Option], policy: Policy) -> list[Row]:
    """For every joint action, pair and year: parts taken by the one less parts taken by the other = 0.

    Each school follows one option, so whoever federates or amalgamates with one school neither closes nor does
    anything with a third. A part whose counterpart is not among the options is never taken. There are at most so many
    federations as policy says.
    """
    name = {facility.key: facility.name for facility in facilities}
    parts: dict[tuple[str, str, str, str], list[tuple[int, float]]] = {}
    for o, option in enumerate(options):
        if option.partner:
            key, sign = _part(option)
            parts.setdefault(key, []).append((o, sign))
    rows = [
        Row(
            f"{name[one]} with {name[other]}, {year}: {action} together or not at all",
            np.array([o for o, _ in taken], dtype=np.int64),
            np.array([sign for _, sign in taken]),
            0.0,
            0.0,
            "parts",
        )
        for (action, one, other, year), taken in sorted(parts.items())
    ]
    at = np.array([o for o, option in enumerate(options) if option.action == FEDERATE], dtype=np.int64)
    most = policy.optional_number("federations_max")
    if len(at) and most is not None:
        rows.append(Row("federations over the horizon", at, np.full(len(at), 0.5), -np.inf, most, "federations"))
    return rows


def _part(option: Option) -> tuple[tuple[str, str, str, str], float]:
    """(action, school, other school, year) that both parts share, and the sign of this one."""
    if option.action in FIRST:
        return (FIRST[option.action], option.facility, option.partner, option.academic_year), 1.0
    if option.action in SECOND:
        return (SECOND[option.action], option.partner, option.facility, option.academic_year), -1.0
    assert option.action == FEDERATE, option.action
    one, other = sorted((option.facility, option.partner))
    return (FEDERATE, one, other, option.academic_year), 1.0 if option.facility == one else -1.0
