"""Which enlargements need statutory proposals; the steps of one below the threshold, told alike by every paper.

The threshold is read from the School Organisation (Prescribed Alterations) Regulations 2013, Schedule 2, paragraph 1.
"""

from __future__ import annotations

from dataclasses import replace

from models.options import EXPAND, MERGE_ENLARGED, MERGE_KEEPS, SEND_UNIT
from models.powers import ACADEMY
from placeplan.report.facts import DECISION, Facts, Row

BELOW = "Prescribed Alterations Regulations 2013, Schedule 2, paragraph 1: no proposals below the threshold"
PUBLISHED, DECIDED = "publish proposals", "decide on the proposals"
WITHOUT = "decide on the change, without statutory proposals"


def needs_notice(facts: Facts, row: Row) -> bool:
    """Whether a change is a prescribed alteration: a SEND unit, or an enlargement beyond the threshold."""
    if row["action"] == SEND_UNIT:
        return True
    policy = facts.policy
    school = facts.school(str(row["facility"]))
    today = float(school.get("capacity") or row["places_before"])
    added = float(row["places_after"]) - min(today, float(row["places_before"]))
    most = min(policy.number("enlargement_counts_from_share") * today, policy.number("enlargement_counts_from_places"))
    return added > policy.number("enlargement_counts_above_places") and added >= most


def below_threshold(facts: Facts, row: Row) -> str:
    """Why an enlargement needs no statutory proposals."""
    policy = facts.policy
    return (
        f"it adds {row['places_after'] - row['places_before']:,.0f} places: statutory proposals are for more than "
        f"{policy.number('enlargement_counts_above_places'):.0f} that are also "
        f"{100 * policy.number('enlargement_counts_from_share'):.0f} % or "
        f"{policy.number('enlargement_counts_from_places'):.0f} more (Prescribed Alterations Regulations 2013, "
        "Schedule 2)"
    )


def without_proposals(facts: Facts, row: Row) -> bool:
    """Whether a decision enlarges a maintained school by too little for statutory proposals."""
    enlarges = row["action"] in (EXPAND, MERGE_ENLARGED, MERGE_KEEPS)
    return enlarges and facts.holder(str(row["facility"])) != ACADEMY and not needs_notice(facts, row)


def with_steps_needed(facts: Facts) -> Facts:
    """The facts with a calendar that publishes no proposals for what is below the threshold.

    Other days stand as planned: the time for proposals becomes time in hand.
    """
    calendar = facts.stored.get("calendar")
    below = {tuple(row[name] for name in DECISION) for row in facts.rows("decisions") if without_proposals(facts, row)}
    if calendar is None or not len(calendar) or not below:
        return facts
    mine = calendar[list(DECISION)].apply(tuple, axis=1).isin(below)
    kept = calendar[~(mine & calendar["step"].str.startswith(PUBLISHED))].copy()
    decided = mine.reindex(kept.index) & kept["step"].str.startswith(DECIDED)
    kept.loc[decided, ["step", "basis"]] = [WITHOUT, BELOW]
    return replace(facts, stored={**facts.stored, "calendar": kept})
