"""Which drafts a plan needs, and why a decision needs none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.options import BULGE, ENDING, EXPAND, FEDERATE, LIFT, MERGE_ENLARGED, MERGE_KEEPS, NEW, SEND_UNIT
from models.powers import ACADEMY
from placeplan.report.draft_admissions import CHANGES, admission_authority, admissions_draft, federation_draft
from placeplan.report.draft_changes import change_draft
from placeplan.report.draft_closing import closing_draft
from placeplan.report.draft_opening import opening_draft
from placeplan.report.draft_parts import Draft, step_like
from placeplan.report.facts import Facts, Row
from placeplan.report.threshold import below_threshold, without_proposals

Key = tuple[str, str, str]
NOT_DECIDED_YET = "not decided yet: it is taken in some futures only, once it is known which one comes"
NO_CONSULTATION = (
    "a larger intake needs no consultation (School Admissions Code 2021); the schools and the co-ordinating "
    "authority agree"
)
TRUST_ALONE = "one head for two academies of a trust is for the trust's own scheme of delegation: no statutory paper"
LETTING = "letting rooms needs no statutory paper (assumed; check with the monitoring officer)"


@dataclass(frozen=True)
class Drafts:
    """The drafts, the earliest to begin first, and of every other decision why there is none."""

    drafts: tuple[Draft, ...]
    none: dict[Key, str]

    @property
    def by_decision(self) -> dict[Key, tuple[str, str]]:
        """Keys of the drafts and why there is none, by facility, action and academic year."""
        found: dict[Key, tuple[str, str]] = {key: ("", why) for key, why in self.none.items()}
        for draft in self.drafts:
            for key in draft.covers:
                before = found.get(key, ("", ""))[0]
                found[key] = (f"{before}, {draft.key}" if before else draft.key, "")
        return found


def all_drafts(facts: Facts) -> Drafts:
    """Drafts for the table decisions; admission numbers by admission authority and year, federations by pair."""
    made: list[Draft] = []
    none: dict[Key, str] = {}
    together: dict[tuple[str, str], list[Row]] = {}
    rows = facts.rows("decisions")
    for row in rows:
        key = decision_key(row)
        if why := _why_none(facts, row):
            none[key] = why
        elif row["action"] in ENDING:
            made.append(closing_draft(facts, row))
        elif row["action"] == NEW:
            made.append(opening_draft(facts, row))
        elif row["action"] == FEDERATE:
            if pair := _pair(rows, row):
                made.append(federation_draft(facts, pair))
        elif row["action"] in (EXPAND, SEND_UNIT, MERGE_ENLARGED, MERGE_KEEPS):
            made.append(change_draft(facts, row))
        if _new_arrangements(facts, row) and not why:
            together.setdefault((admission_authority(facts, row), str(row["academic_year"])), []).append(row)
    made += [admissions_draft(facts, who, held) for (who, _), held in together.items()]
    starts = {decision_key(row): str(row["start_by"] or "9999") for row in rows}
    begun = sorted(made, key=lambda draft: (min(starts[key] for key in draft.covers), draft.title))
    numbered = [
        replace(draft, key=f"D{n}", begin_by=min(starts[key] for key in draft.covers).replace("9999", ""))
        for n, draft in enumerate(begun, 1)
    ]
    return Drafts(tuple(numbered), none)


def decision_key(row: Row) -> Key:
    """Facility, action and academic year of a row of the table decisions."""
    return str(row["facility"]), str(row["action"]), str(row["academic_year"])


def _why_none(facts: Facts, row: Row) -> str:
    """Why a decision needs no draft; "" where it needs one."""
    action, academy = row["action"], facts.holder(str(row["facility"])) == ACADEMY
    if row["probability"] < 1 - 1e-9:
        return NOT_DECIDED_YET
    if action in (BULGE, LIFT):
        return NO_CONSULTATION
    if action == FEDERATE and academy:
        return TRUST_ALONE
    if without_proposals(facts, row):
        return below_threshold(facts, row)
    if action in (*ENDING, NEW, FEDERATE, EXPAND, SEND_UNIT, MERGE_ENLARGED, MERGE_KEEPS):
        return ""
    return "" if _new_arrangements(facts, row) else LETTING


def _new_arrangements(facts: Facts, row: Row) -> bool:
    """Whether admission arrangements are consulted on or varied for it, by the calendar."""
    steps = facts.steps(row)
    return bool(
        step_like(steps, CHANGES) or step_like(steps, "ask the schools adj") or step_like(steps, "ask the Secretary")
    )


def _pair(rows: Sequence[Row], row: Row) -> list[Row]:
    """A federation's rows, both schools' where both are there; [] at the second one, so that it is drafted once."""
    other = [one for one in rows if one["action"] == FEDERATE and one["facility"] == row["partner"]]
    other = [one for one in other if one["academic_year"] == row["academic_year"]]
    if other and rows.index(other[0]) < rows.index(row):
        return []
    return [row, *other[:1]]
