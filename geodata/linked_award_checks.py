"""Checks of competitions that published rules link: packages, conditions and limits on a set of awards.

A frame's index is the row of its file less 2. What refers to no bid or no set of competitions at all is named by the
checks of references.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from geodata.competitions import CAPITAL, SCHOOLS, SHARES, bid_places, day, first_receipts, has_character, same_name
from geodata.problems import Problem, nearest, row_problems

Tables = Mapping[str, pd.DataFrame]
ONE = 1.0  # a form of entry of one place: here it matters only whether places can be counted


def linked_award_problems(tables: Tables) -> list[Problem]:
    """Every problem of linked awards that needs more than one cell."""
    if "competitions" not in tables:
        return []
    found = [*_unlinked(tables["competitions"])]
    if "linked_awards" in tables:
        found += [*_too_few(tables), *_published(tables)]
    if "bids" not in tables:
        return found
    found += _silent_bids(tables)
    if "package_bids" in tables:
        found += _packages(tables)
    if "bid_conditions" in tables:
        found += _conditions(tables)
    if "award_limits" in tables:
        found += [*_limits(tables["award_limits"]), *_subjects(tables), *_countable(tables)]
    return found


def _facts(tables: Tables) -> pd.DataFrame:
    """Table by bid: competition, proposer as one name, the set of competitions it is in (blank: none)."""
    bids = tables["bids"].dropna(subset=["bid"]).drop_duplicates("bid").set_index("bid")
    competitions = tables["competitions"].dropna(subset=["competition"]).drop_duplicates("competition")
    linked = bids["competition"].map(competitions.set_index("competition")["linked_award"])
    return bids.assign(linked=linked, who=same_name(bids["proposer"]))


def _unlinked(competitions: pd.DataFrame) -> Iterable[Problem]:
    alone = competitions["linked_award"].isna()
    for field, given in (
        ("must_award", competitions["must_award"].fillna(False).astype(bool)),
        ("loss_without_award", competitions["loss_without_award"].gt(0)),
    ):
        yield from row_problems(
            "competitions",
            competitions,
            alone & given,
            lambda row: f"{row['competition']} is in no linked award, so {field} says nothing.",  # noqa: B023
            "Name the linked_award, or leave the cell empty.",
            field,
        )


def _too_few(tables: Tables) -> Iterable[Problem]:
    awards = tables["linked_awards"]
    count = awards["linked_award"].map(tables["competitions"]["linked_award"].value_counts()).fillna(0)
    yield from row_problems(
        "linked_awards",
        awards,
        awards["linked_award"].notna() & count.lt(2),
        lambda row: f"{row['linked_award']} links {count[row.name]:.0f} competitions: it takes two.",
        "Name it in competitions, field linked_award, for each of its competitions, or take it out.",
        "linked_award",
    )


def _published(tables: Tables) -> Iterable[Problem]:
    """Rules that link competitions are published before the first bid for any of them is received."""
    if "bids" not in tables:
        return
    awards, competitions = tables["linked_awards"], tables["competitions"]
    received = competitions["competition"].map(first_receipts(tables))
    first = received.groupby(competitions["linked_award"]).min()
    receipt = awards["linked_award"].map(first)
    yield from row_problems(
        "linked_awards",
        awards,
        awards["published"] >= pd.to_datetime(receipt).dt.normalize(),
        lambda row: (
            f"The rules of {row['linked_award']} were published on {day(row['published'])}, and a bid was received on "
            f"{day(receipt[row.name])}."
        ),
        "Rules that link competitions are fixed before bids are in: correct the day, or decide each one alone.",
        "published",
    )


def _silent_bids(tables: Tables) -> Iterable[Problem]:
    """Bids of linked competitions whose capital is not known cannot be compared by cost."""
    bids = tables["bids"]
    linked = bids["bid"].map(_facts(tables)["linked"]).notna()
    yield from row_problems(
        "bids",
        bids,
        linked & ~bids["excluded"].fillna(False).astype(bool) & bids["capital_gbp"].isna(),
        lambda row: f"{row['bid']} is for a linked competition and its capital is not given.",
        "Give the capital asked for, 0 where there is none.",
        "capital_gbp",
    )


def _packages(tables: Tables) -> Iterable[Problem]:
    packages, facts = tables["package_bids"], _facts(tables)
    of = {name: packages["bid"].map(facts[name]) for name in ("competition", "linked", "who", "proposer")}
    known = packages["package"].notna() & packages["bid"].isin(facts.index)
    named = packages["package"]
    first = {name: values.where(known).groupby(named).transform("first") for name, values in of.items()}
    once = packages.drop_duplicates("package").index
    size = packages["bid"].groupby(named).transform("nunique")
    taken = {str(bid) for bid in tables["bids"]["bid"].dropna()}
    for bad, what, mend, field in (
        (
            named.notna() & size.lt(2) & packages.index.isin(once),
            lambda row: f"The package {row['package']} holds one bid.",
            "A package holds at least two bids: add the others, or take it out.",
            "package",
        ),
        (
            named.isin(taken) & packages.index.isin(once),
            lambda row: f"The package {row['package']} has the code of a bid.",
            "Give the package a code of its own.",
            "package",
        ),
        (
            known & of["linked"].isna(),
            lambda row: f"{row['bid']} of the package {row['package']} is for a competition that nothing links.",
            "Name the linked_award of its competition, or take the bid out of the package.",
            "bid",
        ),
        (
            known & of["linked"].notna() & first["linked"].notna() & of["linked"].ne(first["linked"]),
            lambda row: (
                f"{row['bid']} of the package {row['package']} is for {of['linked'][row.name]}, its first bid for "
                f"{first['linked'][row.name]}."
            ),
            "A package holds bids for competitions of one linked award.",
            "bid",
        ),
        (
            known & of["who"].notna() & of["who"].ne(first["who"]),
            lambda row: (
                f"{row['bid']} of the package {row['package']} is of {of['proposer'][row.name]}, its first bid of "
                f"{first['proposer'][row.name]}."
            ),
            "A package holds bids of one proposer: correct the bid or the proposer.",
            "bid",
        ),
        (
            known & pd.DataFrame({"package": named, "lot": of["competition"]})[known].duplicated().reindex(
                packages.index, fill_value=False
            ) & ~packages.duplicated(["package", "bid"]),
            lambda row: f"The package {row['package']} holds two bids for {of['competition'][row.name]}.",
            "A package holds one bid for each competition.",
            "bid",
        ),
    ):  # fmt: skip
        yield from row_problems("package_bids", packages, bad.astype(bool), what, mend, field)


def _conditions(tables: Tables) -> Iterable[Problem]:
    conditions, facts = tables["bid_conditions"], _facts(tables)
    linked = {name: conditions[name].map(facts["linked"]) for name in ("bid", "needs")}
    lot = {name: conditions[name].map(facts["competition"]) for name in ("bid", "needs")}
    known = conditions["bid"].isin(facts.index) & conditions["needs"].isin(facts.index)
    itself = conditions["bid"].notna() & conditions["bid"].eq(conditions["needs"])
    apart = known & ~itself & (linked["bid"].isna() | linked["bid"].ne(linked["needs"]))
    for bad, what, mend in (
        (
            itself,
            lambda row: f"{row['bid']} is to stand only if it wins itself.",
            "Name the other bid, or take the row out.",
        ),
        (
            apart,
            lambda row: f"{row['bid']} and {row['needs']} are for competitions that no one linked award holds.",
            "A bid may hang on one for a competition of the same linked award: correct it, or link the competitions.",
        ),
        (
            known & ~itself & ~apart & lot["bid"].eq(lot["needs"]),
            lambda row: f"{row['bid']} and {row['needs']} are both for {lot['bid'][row.name]}: only one can win.",
            "Name a bid for another competition.",
        ),
    ):
        yield from row_problems("bid_conditions", conditions, bad.astype(bool), what, mend, "needs")


def _limits(limits: pd.DataFrame) -> Iterable[Problem]:
    """Limits that their kind cannot have."""
    share = limits["kind"].isin(SHARES)
    names = ["linked_award", "kind", "subject", "academic_year"]
    again = limits[names].assign(subject=same_name(limits["subject"])).duplicated() & ~limits.duplicated(names)
    for bad, what, mend, field in (
        (
            share & limits["limit"].gt(1),
            lambda row: f"The {row['kind']} is {row['limit']:g}.",
            "Give a share from 0 to 1: 0.4 for 40 %.",
            "limit",
        ),
        (
            limits["kind"].eq(SCHOOLS) & limits["limit"].mod(1).gt(0),
            lambda row: f"{row['limit']:g} is no number of schools.",
            "Give a whole number.",
            "limit",
        ),
        (
            share & limits["academic_year"].notna(),
            lambda row: f"The {row['kind']} is of all places awarded, not of those of {row['academic_year']}.",
            "Leave academic_year empty.",
            "academic_year",
        ),
        (
            again,
            lambda row: f"{row['subject']} has this limit already, written another way.",
            "Keep one row.",
            "subject",
        ),
        (
            limits["kind"].eq(CAPITAL) & limits["subject"].notna(),
            lambda row: f"A limit on capital has no subject, and {row['subject']!r} is given.",
            "Leave subject empty.",
            "subject",
        ),
    ):
        yield from row_problems("award_limits", limits, bad.astype(bool), what, mend, field)


def _subjects(tables: Tables) -> Iterable[Problem]:
    """Proposers and religious characters that no bid of the linked award has."""
    limits, facts = tables["award_limits"], _facts(tables)
    for number, row in limits[limits["subject"].notna()].iterrows():
        own = facts[facts["linked"] == row["linked_award"]]
        if own.empty or row["kind"] == CAPITAL:
            continue
        of_proposer = row["kind"] == SCHOOLS
        asked = same_name(pd.Series([row["subject"]])).iloc[0]
        there = own["who"].eq(asked).any() if of_proposer else has_character(own["religious_character"], asked).any()
        if not there:
            words = own["proposer" if of_proposer else "religious_character"].dropna().unique().tolist()
            what = f"No bid for a competition of {row['linked_award']} is of {row['subject']}."
            yield Problem("award_limits", what, nearest(row["subject"], words), int(number) + 2, "subject")


def _countable(tables: Tables) -> Iterable[Problem]:
    """Bids of which a limit asks what they do not say: the opening year, or the places."""
    limits, bids, facts = tables["award_limits"], tables["bids"], _facts(tables)
    linked = bids["bid"].map(facts["linked"])
    standing = ~bids["excluded"].fillna(False).astype(bool)
    by_year = set(limits.loc[limits["academic_year"].notna(), "linked_award"])
    yield from row_problems(
        "bids",
        bids,
        linked.isin(by_year) & standing & bids["opens"].isna(),
        lambda row: f"{row['bid']} says no opening year, and {linked[row.name]} has limits by year.",
        "Give the academic year in which the school would open.",
        "opens",
    )
    shared = linked.isin(set(limits.loc[limits["kind"].isin(SHARES), "linked_award"])) & standing
    yield from row_problems(
        "bids",
        bids,
        shared & bids["fe"].isna(),
        lambda row: f"{row['bid']} says no forms of entry, and {linked[row.name]} limits a share of places.",
        "Give the forms of entry.",
        "fe",
    )
    uncounted = bids["bid"].map(bid_places(tables, ONE)).isna()
    nowhere = set(bids.loc[shared & bids["fe"].notna() & uncounted, "competition"])
    competitions = tables["competitions"]
    yield from row_problems(
        "competitions",
        competitions,
        competitions["competition"].isin(nowhere),
        lambda row: f"{row['linked_award']} limits a share of places, and those of {row['competition']} are not known.",
        "Name its site, or the school with its ages.",
        "site",
    )
