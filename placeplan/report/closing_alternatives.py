"""What a draft on closing a school says of the other ways: every one that a table prices, and where texts differ."""

from __future__ import annotations

from models.options import FEDERATE, STAY
from placeplan.closures.words import FACTOR_NAMES, factor_words
from placeplan.report.draft_parts import Section, about, between, gap, saves_or_costs, today_or
from placeplan.report.facts import Facts, Row, listed
from placeplan.report.modelled import counted_ground


def alternatives(facts: Facts, row: Row) -> Section:
    """Every other option of the plan for the school with its price, what keeping it would cost, and what clusters say.

    A warning follows where the authority's own account of alternatives leaves out a school that a table prices.
    """
    key = str(row["facility"])
    offered = [one for one in facts.rows("options", facility=key) if one["action"] not in (STAY, row["action"])]
    points = [_option(one) for one in _first_of_each(offered)]
    points += [cluster_words(one) for one in _clusters(facts, key)]
    lines = [*_keeping(facts, key), *_council(facts, key)]
    if not any(one["action"] == FEDERATE for one in offered):
        lines.append("No school within reach was found with which it could federate by the study's rules.")
    lines += _left_out(facts, key, offered)
    lines.append(
        "Weighed beside closing:"
        if points
        else "No other way was open to the plan for this school by the study's rules."
    )
    return Section("Alternatives considered", tuple(lines), tuple(points))


def _first_of_each(offered: list[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for one in offered:
        first.setdefault(str(one["action"]), one)
    return list(first.values())


def _option(one: Row) -> str:
    said = f"{str(one['action']).capitalize()} from {one['academic_year']}: {counted_ground(one['reason'])}"
    cost = one.get("cost_gbp")
    if cost is None:
        return said
    change = "less" if cost < 0 else "more"
    return f"{said}. By itself, without journeys, {about(abs(cost))} {change} over the years counted than as it is."


def _clusters(facts: Facts, key: str) -> list[Row]:
    return [one for one in facts.rows("cluster_closing") if str(one["urn"]) == key]


def cluster_words(one: Row) -> str:
    """What a row of the table cluster_closing says: the shared head that a closing school could have had instead."""
    if not one["cluster"]:
        return f"Kept, with a shared head: no cluster could have it. {one['why']}"
    extra, saved = one["extra_gbp"], one["leadership_saved_gbp"]
    return (
        f"Kept, under one executive head with {one['cluster']}: {about(abs(extra))} a year "
        f"{'more' if extra > 0 else 'less'} than kept and alone, at the study's prices. For heads that "
        f"{saves_or_costs(-saved)} a year in money; the rest is what the study puts on "
        "standing alone and on driving."
    )


def _keeping(facts: Facts, key: str) -> list[str]:
    keeping = facts.one("closure_keeping", facility=key)
    least, most = keeping.get("keeping_least_gbp"), keeping.get("keeping_most_gbp")
    if least is not None and least == float("inf"):
        return ["No plan that keeps the school open keeps every rule of the study."]
    if most is None or most == float("inf"):
        return []
    dearer = about(most) if least is None else between(least, most)
    return [
        f"Keeping the school open ({today_or(keeping.get('instead'), 'as it is')}) would make the plan of all schools "
        f"dearer by {dearer} over the years counted, families' journeys and money of the schools block included."
    ]


def _council(facts: Facts, key: str) -> list[str]:
    council = facts.one("closure_effects", facility=key).get("council_discounted_gbp")
    if council is None:
        return []
    said = f"By the council's own money alone, closing {saves_or_costs(council)} over the years counted"
    if about(council) == about(0.0):
        return [f"{said}."]
    return [f"{said}; keeping the school open {'avoids that cost' if council > 0 else 'forgoes that saving'}."]


def _left_out(facts: Facts, key: str, offered: list[Row]) -> list[str]:
    """Schools that a table prices as partners and that the authority's own account of alternatives does not name."""
    own = dict(factor_words(facts.inputs.get("rural_factors"), key)).get(FACTOR_NAMES["alternatives"])
    if not own:
        return []
    partners = [str(one["partner"]) for one in _first_of_each(offered) if one.get("partner")]
    priced = [str(facts.school(partner).get("name") or partner) for partner in partners]
    priced += [str(one["cluster"]) for one in _clusters(facts, key) if one["cluster"]]
    unnamed = [name for name in dict.fromkeys(priced) if name.lower() not in own.lower()]
    if not unnamed:
        return []
    return [
        f"Not yet consistent: the authority's own account of alternatives (“{own}”) does not name {listed(unnamed)}, "
        "with which the tables of this study price a way to keep the school open. "
        f"{gap('with whom each way was explored, who declined and why; or amend the account')}."
    ]
