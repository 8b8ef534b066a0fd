"""What in the register excludes or contradicts something else in it: shared heads, trusts, and schools that bids offer.

Clusters and trusts are planned beside the estate, each by its own rules: what they would do with a school may not be
done together with what the estate's plan does.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.options import FEDERATE, NEW
from placeplan.report.award_and_plan import disagreements
from placeplan.report.draft_parts import about
from placeplan.report.facts import Facts, Row, listed
from placeplan.report.other_decisions import AWARD, HEAD, JOIN, Entry
from placeplan.words import counted

CLUSTERS = "clusters"


def with_cautions(facts: Facts, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, numbered before, each with `recommended` and `caution`: what it cannot be done together with."""
    rows = [row for row, _ in entries]
    said: dict[int, list[str]] = {row["number"]: [] for row in rows}
    excludes: dict[int, list[int]] = {}
    for row in rows:
        if row["action"] == JOIN and (trust := _not_viable(facts, row)):
            said[row["number"]].append(trust)
    apart = disagreements(facts)
    for row in rows:
        if row["action"] in (AWARD, NEW):
            said[row["number"]] += apart.get(str(row["facility"]), [])
    for federation, possible, parted in _meeting(facts, rows):
        beside = f"row {federation['number']} ({federation['name']}: {_lower(str(federation['what']))})"
        if parted:
            said[possible["number"]].append(f"Not together with {beside}.")
            excludes.setdefault(federation["number"], []).append(possible["number"])
        else:
            why = "its saving is not on top of that" if possible["action"] == HEAD else "that federation would end"
            said[possible["number"]].append(f"In place of {beside}: {why}.")
    for number, others in excludes.items():
        rows_said = f"row{'' if len(others) == 1 else 's'} {listed([str(other) for other in others])}"
        said[number].append(f"Rules out what is possible in {rows_said}.")
    return [
        (row | {"recommended": row["stage"] != CLUSTERS, "caution": " ".join(said[row["number"]])}, law)
        for row, law in entries
    ]


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _meeting(facts: Facts, rows: Sequence[Row]) -> list[tuple[Row, Row, bool]]:
    """Federations of the estate's plan, each with a shared head or move to a trust of a school in it.

    The third tells whether that would part the two: the partner is not in the same cluster, or trust.
    """
    federated = {str(row["facility"]): row for row in rows if row["action"] == FEDERATE}
    partner = {str(row["facility"]): str(row["partner"]) for row in facts.rows("decisions", action=FEDERATE)}
    planned = {str(row["urn"]): row for row in facts.rows(CLUSTERS)}
    found = []
    for row in rows:
        if row["action"] not in (HEAD, JOIN):
            continue
        of = "cluster" if row["action"] == HEAD else "trust"
        mine = planned[str(row["facility"])][of]
        together = {key for key, one in planned.items() if one[of] == mine}
        schools = together if row["action"] == HEAD else {str(row["facility"])}
        found += [
            (federated[key], row, partner[key] not in together) for key in planned if key in schools & set(federated)
        ]
    return found


def _not_viable(facts: Facts, joining: Row) -> str:
    """What the modelled budgets say of the trust that a school would join; "" where it is viable by them."""
    of = next((row for row in facts.rows("clusters") if str(row["urn"]) == joining["facility"]), {})
    trust = next((row for row in facts.rows("trusts", trust=of.get("trust")) if row.get("plan") == "planned"), {})
    if trust.get("viable") is None or trust["viable"]:
        return ""
    since = f" from {trust['stops_in']}" if trust.get("stops_in") else ""
    return f"Modelled, no accounts: the trust's reserves would not last{since} in one future of ten."


def one_saving(facts: Facts) -> str:
    """Savings of the estate's federations beside those of clusters, of which only one can be had; "" without both."""
    estate = -sum(row["running_gbp_per_year"] for row in facts.rows("decisions", action=FEDERATE))
    clusters = facts.summaries.get(CLUSTERS, {}).get("measures", {}).get("leadership_saved_gbp")
    schools = len(facts.rows("decisions", action=FEDERATE))
    if not schools or clusters is None:
        return ""
    return (
        f"The plan counts {about(estate)} a year less for the shared heads of {counted(schools, 'school')} that it "
        f"recommends. All clusters below would come to {about(clusters)} a year instead of that where they take in the "
        "same schools: the two are not added, and only the first is in the plan's cost."
    )
