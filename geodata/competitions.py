"""What the words of the tender tables mean: the score of record, who may bid by which route, criteria as published."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

import pandas as pd

from geodata.policy import Policy
from geodata.years import ALL_THROUGH, COMPULSORY, PHASES, year_groups_between

MODERATED = "moderated"
PRESUMPTION, INVITATION, OUTSIDE = "presumption", "invitation", "outside a competition"
NEW_SCHOOL, INTERVENTION = "new school", "school in intervention"
ACADEMY_TRUST, FREE_SCHOOL, AUTHORITY = "academy trust", "free school proposer", "local authority"
VOLUNTARY, FOUNDATION = "voluntary school proposer", "foundation school proposer"
ACADEMIES = (ACADEMY_TRUST, FREE_SCHOOL)
PASSED, FAILED, OUTSTANDING = "passed", "failed", "outstanding"
DOES_NOT_SCORE = "does not score"
SCHOOLS, CAPITAL = "schools of a proposer", "capital"
LEAST_SHARE, MOST_SHARE = "least share of places", "most share of places"
SHARES = (LEAST_SHARE, MOST_SHARE)
NO_CHARACTER = ("none", "does not apply")
LOCKED = ("criterion", "name", "weight", "scale", "threshold", "stage")  # what may not change once bids are in


def is_moderated(assessor: pd.Series) -> pd.Series:
    """Rows that are the agreed score rather than one assessor's."""
    return assessor.astype("string").str.casefold().eq(MODERATED).fillna(False).astype(bool)


def amended(opened: date | None, policy: Policy) -> bool:
    """Whether section 7 as amended in 2026 applies to a competition opened on that day (None: not known)."""
    since = policy.optional_date("section_7_amended_from")
    return since is not None and (opened is None or opened >= since)


def may_bid(kind: str, route: str | None, *, section_7_amended: bool) -> tuple[str, ...]:
    """Kinds of proposer that the route is open to; all of them where the route is not stated.

    Only academies by the presumption (section 6A) and for a school in intervention. By invitation (section 7) also
    voluntary and foundation schools and, as amended in 2026, the authority itself. Outside a competition (sections
    10–11) maintained schools only.
    """
    if kind == INTERVENTION:
        return (ACADEMY_TRUST,)
    if route == PRESUMPTION:
        return ACADEMIES
    if route == OUTSIDE:
        return (VOLUNTARY, FOUNDATION, AUTHORITY)
    every = (*ACADEMIES, VOLUNTARY, FOUNDATION, AUTHORITY)
    return every[:-1] if route == INVITATION and not section_7_amended else every


def criteria_digest(criteria: pd.DataFrame, pass_mark: float | None = None) -> str:
    """First 16 digits of the SHA-256 of a competition's criteria: code, words, weight, scale, threshold and stage.

    An overall pass mark, where there is one, is part of what was published.
    """
    rows = [tuple(row) for row in criteria.sort_values("criterion")[list(LOCKED)].itertuples(index=False)]
    if pass_mark is not None and pass_mark == pass_mark:
        rows.append(("pass mark", float(pass_mark)))
    lines = "\n".join("\t".join(_plain(value) for value in row) for row in rows)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _plain(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def first_receipts(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """When the first bid of each competition was received, by competition; those without a logged receipt left out."""
    bids = tables["bids"]
    return bids.dropna(subset=["received_at"]).groupby("competition")["received_at"].min()


def bid_places(tables: Mapping[str, pd.DataFrame], form_of_entry: float) -> pd.Series:
    """Places offered by each bid, by its code: forms of entry over the year groups of its site or school.

    Blank where the bid gives no forms of entry or its competition neither site nor school with ages.
    """
    competitions = tables["competitions"].dropna(subset=["competition"]).drop_duplicates("competition")
    groups = pd.Series(float("nan"), index=competitions["competition"])
    if "sites" in tables:
        phases = {**PHASES, ALL_THROUGH: COMPULSORY}
        sites = tables["sites"].dropna(subset=["site", "phase"]).drop_duplicates("site").set_index("site")["phase"]
        groups = groups.fillna(_by(competitions, "site").map(sites.map(lambda phase: len(phases[phase]))).astype(float))
    if "schools" in tables:
        schools = tables["schools"].dropna(subset=["urn", "low_age", "high_age"]).drop_duplicates("urn")
        ages = zip(schools["low_age"], schools["high_age"], strict=True)
        taught = [len(set(year_groups_between(int(low), int(high))) & set(COMPULSORY)) for low, high in ages]
        groups = groups.fillna(
            _by(competitions, "urn").map(dict(zip(schools["urn"], taught, strict=True))).astype(float)
        )
    bids = tables["bids"].dropna(subset=["bid"]).drop_duplicates("bid").set_index("bid")
    return (bids["fe"] * form_of_entry * bids["competition"].map(groups)).astype(float)


def _by(competitions: pd.DataFrame, column: str) -> pd.Series:
    return competitions.set_index("competition")[column]


def has_character(offered: pd.Series, wanted: str | None) -> pd.Series:
    """Bids that offer a religious character: that one, or any where none is named."""
    named = same_name(offered)
    is_any = named.notna() & ~named.isin(NO_CHARACTER)
    return is_any if wanted is None else is_any & named.eq(same_name(pd.Series([wanted])).iloc[0]).fillna(False)


def day(moment: object) -> date | None:
    """Calendar day of a cell; None where it is blank."""
    return moment.date() if isinstance(moment, pd.Timestamp) else None


def same_name(names: pd.Series) -> pd.Series:
    """Names without regard to capitals and spaces, so that one body or person is one name."""
    return names.astype("string").str.casefold().str.split().str.join(" ")
