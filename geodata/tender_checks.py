"""Checks of competitions, bids and criteria: routes, proposers, offers, and weights that are fixed before bids come.

Checks of the scores are in `geodata.score_checks`. A frame's index is the row of its file less 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from geodata.competitions import (
    INTERVENTION,
    PRESUMPTION,
    amended,
    criteria_digest,
    day,
    first_receipts,
    may_bid,
    same_name,
)
from geodata.linked_award_checks import linked_award_problems
from geodata.policy import Policy
from geodata.problems import Problem, row_problems
from geodata.score_checks import score_problems
from geodata.settings import Settings
from geodata.years import ALL_THROUGH, PHASES, parse_academic_year, start_year

Tables = Mapping[str, pd.DataFrame]


def tender_problems(tables: Tables, settings: Settings) -> list[Problem]:
    """Every problem of the tender tables that needs more than one cell."""
    policy = settings.policy_for()
    found: list[Problem] = []
    if "competitions" in tables:
        found += _routes(tables["competitions"], policy)
    if "criteria" in tables:
        found += _weights(tables)
    if "bids" in tables:
        found += [*_against_itself(tables["bids"]), *_exclusions(tables["bids"]), *_opening(tables["bids"], settings)]
    if "bids" in tables and "competitions" in tables:
        found += [*_kinds(tables, policy), *_capital(tables, policy), *_locked(tables)]
    if "clarifications" in tables:
        found += _clarifications(tables["clarifications"])
    return [*found, *score_problems(tables), *linked_award_problems(tables)]


def _routes(competitions: pd.DataFrame, policy: Policy) -> Iterable[Problem]:
    """The presumption ends where section 7 as amended begins; a school to be taken on has a URN."""
    since = policy.optional_date("section_7_amended_from")
    late = competitions["opened"].map(lambda moment: since is not None and (day(moment) or since) >= since)
    yield from row_problems(
        "competitions",
        competitions,
        competitions["route"].eq(PRESUMPTION) & late.astype(bool) & competitions["opened"].notna(),
        lambda row: f"{row['competition']} was opened on {day(row['opened'])} by the presumption, gone from {since}.",
        "Use the route invitation, or correct opened or the policy section_7_amended_from.",
        "route",
    )
    yield from row_problems(
        "competitions",
        competitions,
        competitions["kind"].eq(INTERVENTION) & competitions["urn"].isna(),
        lambda row: f"{row['competition']} is for a school in intervention and names none.",
        "Give its URN.",
        "urn",
    )


def _weights(tables: Tables) -> Iterable[Problem]:
    """Weights that do not sum to 100, of every competition; bids that nothing says how to judge."""
    criteria = tables["criteria"]
    for competition, rows in criteria.groupby("competition"):
        total = rows["weight"].sum()
        if abs(total - 100) > 1e-6:
            mend = f"Published weights sum to 100: correct them ({total - 100:+g})."
            what = f"The weights of {competition} sum to {total:g}."
            yield Problem("criteria", what, mend, int(rows.index[0]) + 2, "weight")
    yield from row_problems(
        "criteria",
        criteria,
        criteria["threshold"] > criteria["scale"],
        lambda row: f"The threshold {row['threshold']:g} of {row['criterion']} is above its scale of {row['scale']:g}.",
        "Correct the threshold or the scale.",
        "threshold",
    )
    if "bids" in tables:
        judged = set(criteria["competition"])
        for competition in sorted(set(tables["bids"]["competition"].dropna()) - judged):
            what = f"{competition} has bids and no criteria."
            yield Problem("criteria", what, "Add its criteria with their weights.", field="competition")


def _against_itself(bids: pd.DataFrame) -> Iterable[Problem]:
    """A proposer with two bids that stand in one competition."""
    standing = bids[~bids["excluded"].fillna(False).astype(bool) & bids["proposer"].notna()]
    keys = pd.DataFrame({"competition": standing["competition"], "proposer": same_name(standing["proposer"])})
    again = keys.duplicated()
    first = {key: row for row, key in reversed(list(zip(keys.index, keys.itertuples(index=False), strict=True)))}
    earlier = keys[again].apply(lambda row: first[tuple(row)] + 2, axis=1) if again.any() else {}
    yield from row_problems(
        "bids",
        standing,
        again,
        lambda row: (
            f"{row['proposer']} bids against itself in {row['competition']}: it has a bid in row {earlier[row.name]}."
        ),
        "Keep one bid, or mark the one that was withdrawn as excluded with the reason.",
        "proposer",
    )


def _exclusions(bids: pd.DataFrame) -> Iterable[Problem]:
    yield from row_problems(
        "bids",
        bids,
        bids["excluded"].fillna(False).astype(bool) & bids["exclusion_reason"].isna(),
        lambda row: f"{row['bid']} is excluded without a reason.",
        "Say why in exclusion_reason.",
        "exclusion_reason",
    )


def _opening(bids: pd.DataFrame, settings: Settings) -> Iterable[Problem]:
    base = start_year(settings.base_year)
    past = bids["opens"].map(lambda year: parse_academic_year(year) is not None and start_year(year) < base)
    yield from row_problems(
        "bids",
        bids,
        past.astype(bool),
        lambda row: f"{row['bid']} would open in {row['opens']}, before the base year {settings.base_year}.",
        "Correct the opening year.",
        "opens",
    )


def _of_competition(tables: Tables, column: str) -> pd.Series:
    """A column of the competition of each bid."""
    known = tables["competitions"].dropna(subset=["competition"]).drop_duplicates("competition")
    bids = tables["bids"]
    return known.set_index("competition")[column].reindex(bids["competition"]).set_axis(bids.index)


def _kinds(tables: Tables, policy: Policy) -> Iterable[Problem]:
    """Proposers of a kind that may not bid by the competition's route."""
    bids = tables["bids"]
    columns = {name: _of_competition(tables, name) for name in ("kind", "route", "opened")}
    asked = bids.assign(**{f"_{name}": values for name, values in columns.items()})
    asked = asked[asked["proposer_kind"].notna() & asked["_kind"].notna()]

    def allowed(row: pd.Series) -> tuple[str, ...]:
        return may_bid(row["_kind"], row["_route"], section_7_amended=amended(day(row["_opened"]), policy))

    wrong = pd.Series([row["proposer_kind"] not in allowed(row) for _, row in asked.iterrows()], asked.index, bool)
    for number, row in asked[wrong].iterrows():
        by = "for a school in intervention" if row["_kind"] == INTERVENTION else f"by the route {row['_route']}"
        what = f"{row['proposer']}, a {row['proposer_kind']}, may not bid {by}."
        mend = f"Correct proposer_kind or the route; open to: {', '.join(allowed(row))}."
        if row["proposer_kind"] == "local authority":
            mend += " An authority may bid by invitation from the day in policy section_7_amended_from."
        yield Problem("bids", what, mend, int(number) + 2, "proposer_kind")


def _capital(tables: Tables, policy: Policy) -> Iterable[Problem]:
    """Capital per place far from what a new school costs: most often thousands written for pounds.

    Where no site says of which phase the school is, only what is far from all is named.
    """
    bids = tables["bids"]
    phase = pd.Series(None, index=bids.index, dtype=object)
    if "sites" in tables:
        sites = tables["sites"].dropna(subset=["site"]).drop_duplicates("site").set_index("site")["phase"]
        phase = _of_competition(tables, "site").map(sites)
    low, high = policy.numbers("bid_capital_range")
    share = pd.DataFrame(index=bids.index)
    per_place = pd.DataFrame(index=bids.index)
    for name, parts in ({one: (one,) for one in PHASES} | {ALL_THROUGH: tuple(PHASES)}).items():
        places = pd.DataFrame({one: bids["fe"] * policy.number("form_of_entry") * len(PHASES[one]) for one in parts})
        cost = {one: policy.by_phase("cost_per_place_new_{phase}_gbp", one) for one in parts}
        benchmark = (places * pd.Series(cost)).sum(axis=1, min_count=1) * policy.number("location_factor")
        here = phase.isna() | phase.eq(name)
        per_place[name] = (bids["capital_gbp"] / places.sum(axis=1, min_count=1)).where(here)
        share[name] = (bids["capital_gbp"] / benchmark).where(here)
    asked = bids["capital_gbp"].gt(0) & share.notna().any(axis=1)
    outside = asked & ~(share.ge(low) & share.le(high)).any(axis=1)
    shown = per_place.bfill(axis=1).iloc[:, 0]
    yield from row_problems(
        "bids",
        bids,
        outside,
        lambda row: (
            f"{row['capital_gbp']:,.0f} for {row['fe']:g} FE is £{shown[row.name]:,.0f} a place, outside "
            f"{low:g} to {high:g} times the cost of a new school."
        ),
        "Is it in thousands? Give pounds; otherwise correct it, or widen the policy bid_capital_range.",
        "capital_gbp",
    )


def _locked(tables: Tables) -> Iterable[Problem]:
    """Weights are published before the first bid is received and do not change after it."""
    competitions = tables["competitions"]
    first = first_receipts(tables)
    receipt = _receipt(first, competitions["competition"])
    yield from row_problems(
        "competitions",
        competitions,
        competitions["weights_published"] >= receipt.dt.normalize(),
        lambda row: (
            f"The weights of {row['competition']} were published on {day(row['weights_published'])}, and a bid was "
            f"received on {day(first[row['competition']])}."
        ),
        "Weights are fixed before bids are in: correct the day, or run the competition again.",
        "weights_published",
    )
    if "criteria" not in tables:
        return
    criteria = tables["criteria"]
    yield from row_problems(
        "criteria",
        criteria,
        criteria["changed"] >= _receipt(first, criteria["competition"]).dt.normalize(),
        lambda row: (
            f"{row['criterion']} of {row['competition']} was changed on {day(row['changed'])}, and a bid was received "
            f"on {day(first[row['competition']])}."
        ),
        "Once bids are in, criteria are locked: restore what was published.",
        "changed",
    )
    mark = competitions.drop_duplicates("competition").set_index("competition")["pass_mark"]
    own = criteria.groupby("competition")
    found = competitions["competition"].map({name: criteria_digest(rows, mark.get(name)) for name, rows in own})
    said = competitions["criteria_digest"].astype("string").str.lower()
    yield from row_problems(
        "competitions",
        competitions,
        (said.notna() & found.notna() & said.ne(found)).fillna(False).astype(bool),
        lambda row: f"The criteria of {row['competition']} are not those published: their digest is {found[row.name]}.",
        "Restore the criteria, or give the digest of what was published.",
        "criteria_digest",
    )


def _receipt(first: pd.Series, competition: pd.Series) -> pd.Series:
    """When the first bid was received, for each row; blank throughout where no receipt is logged."""
    return first.reindex(competition).set_axis(competition.index)


def _clarifications(clarifications: pd.DataFrame) -> Iterable[Problem]:
    yield from row_problems(
        "clarifications",
        clarifications,
        clarifications["answered"] < clarifications["asked"],
        lambda row: f"{row['clarification']} was answered on {day(row['answered'])}, before it was asked.",
        "Correct asked or answered.",
        "answered",
    )
