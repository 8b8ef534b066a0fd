"""What published rules ask of a set of linked awards, read from the study's tables without the models' code.

One bid after another, in plain loops: slow, and another route to the same answer than the award problem's arrays. It
is what verification goes by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import pandas as pd

from geodata.competitions import bid_places
from placeplan.study import Study
from placeplan.tenders.verification import judged_bids

Rule = tuple[str, str, str]  # kind, subject, detail, as in the table award_rules
SLACK = 1e-6


@dataclass(frozen=True)
class Part:
    """One bid as part of an offer: what it brings to its lot."""

    bid: str
    lot: str
    proposer: str
    points: float
    capital_gbp: float
    opens: str
    places: float
    character: str


@dataclass(frozen=True)
class Offering:
    """A bid alone or a package."""

    code: str
    parts: tuple[Part, ...]


Chosen = tuple[Offering, ...]


@dataclass(frozen=True)
class Terms:
    """The lots of one linked award, what is offered for them and the published rules."""

    loss: dict[str, float]  # by lot, in order
    must: tuple[str, ...]
    price_weight: float
    offerings: tuple[Offering, ...]
    conditions: tuple[tuple[str, str], ...]
    limits: tuple[tuple[str, str, str, float], ...]  # kind, subject, year, limit
    proposers: tuple[str, ...]

    def points(self, chosen: Chosen) -> float:
        """Points that rank the set, less what is lost where a lot is left without award."""
        taken = [part for offering in chosen for part in offering.parts]
        left = set(self.loss) - {part.lot for part in taken}
        return sum(self.lot_points(part) for part in taken) - sum(self.loss[lot] for lot in left)

    def lot_points(self, part: Part) -> float:
        """Points that a bid brings to its lot."""
        asked = [other.capital_gbp for o in self.offerings for other in o.parts if other.lot == part.lot]
        price = 100 * min(asked) / part.capital_gbp if part.capital_gbp > 0 else 100.0
        return (1 - self.price_weight) * part.points + self.price_weight * price

    def rules(self) -> frozenset[Rule]:
        """Every published rule."""
        rules: set[Rule] = {("must be awarded", lot, "") for lot in self.must}
        rules |= {("stands only with another", bid, needs) for bid, needs in self.conditions}
        for kind, subject, year, _ in self._each_limit():
            rules.add((kind, subject, year))
        return frozenset(rules)

    def broken(self, chosen: Chosen) -> frozenset[Rule]:
        """The rules that a set breaks."""
        taken = [part for offering in chosen for part in offering.parts]
        won, lots = {part.bid for part in taken}, {part.lot for part in taken}
        found: set[Rule] = {("must be awarded", lot, "") for lot in self.must if lot not in lots}
        found |= {
            ("stands only with another", bid, needs)
            for bid, needs in self.conditions
            if bid in won and needs not in won
        }
        for kind, subject, year, limit in self._each_limit():
            then = [part for part in taken if not year or part.opens == year]
            if kind == "schools of a proposer":
                bad = sum(_same(part.proposer, subject) for part in then) > limit
            elif kind == "capital":
                bad = sum(part.capital_gbp for part in then) > limit + 0.005
            else:
                bad = _out_of_share(taken, kind, subject, limit)
            if bad:
                found.add((kind, subject, year))
        return frozenset(found)

    def _each_limit(self) -> Iterator[tuple[str, str, str, float]]:
        """Limits with those for every proposer told of each that has none of its own."""
        own = {(_plain(subject), year) for kind, subject, year, _ in self.limits if kind == "schools of a proposer"}
        for kind, subject, year, limit in self.limits:
            if kind != "schools of a proposer":
                yield kind, subject, year, limit
                continue
            for proposer in self.proposers:
                if _same(proposer, subject) or (not subject and (_plain(proposer), year) not in own):
                    yield kind, proposer, year, limit

    def count(self) -> float:
        """No more sets than this."""
        per_lot = [1 + sum(part.lot == lot for o in self.offerings for part in o.parts) for lot in self.loss]
        return float(prod(per_lot))

    def every_set(self) -> Iterator[Chosen]:
        """Every set of offers in which no lot goes to two."""
        yield from _extend((), self.offerings, frozenset())


def _extend(chosen: Chosen, left: tuple[Offering, ...], lots: frozenset[str]) -> Iterator[Chosen]:
    if not left:
        yield chosen
        return
    yield from _extend(chosen, left[1:], lots)
    own = {part.lot for part in left[0].parts}
    if not own & lots:
        yield from _extend((*chosen, left[0]), left[1:], lots | own)


def _out_of_share(taken: list[Part], kind: str, subject: str, limit: float) -> bool:
    whole = sum(part.places for part in taken)
    inside = sum(
        part.places
        for part in taken
        if _plain(part.character) not in ("", "none", "does not apply")
        and (not subject or _same(part.character, subject))
    )
    if kind == "least share of places":
        return inside < limit * whole - SLACK
    return inside > limit * whole + SLACK


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def terms_of(study: Study, linked_award: str) -> Terms:
    """The terms of one linked award."""
    tables = study.tables
    competitions = tables["competitions"]
    own = competitions[competitions["linked_award"] == linked_award]
    row = tables["linked_awards"].set_index("linked_award").loc[linked_award]
    bids = tables["bids"][tables["bids"]["competition"].isin(own["competition"])]
    alone = _parts(study, bids)
    offerings = [Offering(bid, (part,)) for bid, part in alone.items()]
    if "package_bids" in tables:
        for package, rows in tables["package_bids"].groupby("package", sort=False):
            if set(rows["bid"]) <= set(alone):
                parts = tuple(_in_package(alone[one.bid], one.points, one.capital_gbp) for one in rows.itertuples())
                offerings.append(Offering(str(package), parts))
    conditions: tuple[tuple[str, str], ...] = ()
    if "bid_conditions" in tables:
        pairs = tables["bid_conditions"][["bid", "needs"]].itertuples(index=False)
        conditions = tuple((bid, needs) for bid, needs in pairs if bid in set(bids["bid"]))
    limits: tuple[tuple[str, str, str, float], ...] = ()
    if "award_limits" in tables:
        table = tables["award_limits"]
        named = table[table["linked_award"] == linked_award].fillna({"subject": "", "academic_year": ""})
        columns = ["kind", "subject", "academic_year", "limit"]
        limits = tuple(named[columns].itertuples(index=False, name=None))
    written: dict[str, str] = {}
    for proposer in bids["proposer"]:
        written.setdefault(_plain(proposer), proposer)
    return Terms(
        dict(zip(own["competition"], own["loss_without_award"].astype(float), strict=True)),
        tuple(own.loc[own["must_award"].astype(bool), "competition"]),
        float(row["price_weight"]),
        tuple(offerings),
        conditions,
        limits,
        tuple(written.values()),
    )


def _parts(study: Study, bids: pd.DataFrame) -> dict[str, Part]:
    judged = judged_bids(study)
    places = bid_places(study.tables, study.policy.number("form_of_entry"))
    return {
        row.bid: Part(
            row.bid, row.competition, row.proposer, float(judged.at[row.bid, "total"]), float(row.capital_gbp),
            row.opens or "", float(places[row.bid]), row.religious_character,
        )
        for row in bids.itertuples()
        if bool(judged.at[row.bid, "passes"])
    }  # fmt: skip


def _in_package(part: Part, points: float, capital_gbp: float) -> Part:
    return Part(
        part.bid, part.lot, part.proposer, part.points if points != points else points,
        part.capital_gbp if capital_gbp != capital_gbp else capital_gbp, part.opens, part.places, part.character,
    )  # fmt: skip
