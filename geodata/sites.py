"""Candidate sites: what the words of their planning status mean, and what to look at twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from geodata.policy import Policy

PLANNING = ("none", "applied", "outline", "full")
NAMED = 5


def planning_status(words: object) -> str:
    """Planning status of a site: one of `PLANNING`; any other words, or none, count as none."""
    word = words.strip().lower() if isinstance(words, str) else ""
    return word if word in PLANNING else PLANNING[0]


def site_notices(tables: Mapping[str, pd.DataFrame], policy: Policy) -> Iterator[str]:
    """Planning status in other words than those that count, and sites too small for a viable school."""
    if "sites" not in tables:
        return
    sites = tables["sites"]
    words = sites["planning_status"].dropna().astype(str)
    other = words[~words.str.strip().str.lower().isin(PLANNING)]
    if len(other):
        named = _some([f"{sites.loc[at, 'site']} ({word})" for at, word in other.items()])
        yield (
            f"sites: planning_status in other words than {', '.join(PLANNING)} is shown and counts as none:"
            f" all of planning_weeks_none is still ahead: {named}."
        )
    viable = {
        phase: policy.number(f"viable_fe_{'primary' if phase == 'primary' else 'secondary'}")
        for phase in ("primary", "secondary", "all-through")
    }
    least = sites["phase"].map(viable).astype(float)
    small = sites[sites["min_fe"].isna() & (sites["max_fe"] < least)]
    if len(small):
        named = _some([f"{site} ({phase})" for site, phase in zip(small["site"], small["phase"], strict=True)])
        yield (
            "sites: no school is offered where max_fe is below the smallest viable size (viable_fe_primary,"
            f" viable_fe_secondary) unless the site gives its own min_fe: {named}."
        )


def _some(words: list[str]) -> str:
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED:,} more" if len(words) > NAMED else "")
