"""Pages of a competition: the award or recommendation report, and the internal page of the panel's own scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geodata.competitions import INTERVENTION, is_moderated
from models.firmness import NOT_USED
from models.tenders import INCOMPLETE, NO_AWARD, RANKED
from placeplan.report.bid_chart import colour, weighted_scores
from placeplan.report.bids_shown import bids_shown
from placeplan.report.templates import environment
from placeplan.results import file_digest, versions
from placeplan.study import Study
from placeplan.tenders.bid_in_place import InPlace
from placeplan.tenders.judging import Judged

AUDITED = ("competitions", "bids", "criteria", "scores", "declarations", "clarifications")


def tender_page(
    study: Study, judged: Judged, in_place: InPlace, name: str, linked: Mapping[str, str] | None = None
) -> str:
    """The report for the decision: result, route, scores of record with reasons, audit trail, read-only appendices.

    `name` is that of its file, without the ending. `linked` leads to the page of the linked award that the competition
    is in: name, page, result, stamp.
    """
    return _render(
        "tender.html",
        study,
        judged,
        place=bids_shown(study, judged.contest.competition, name, in_place),
        linked=linked,
        **_scores(judged),
        **_audit(study, judged),
        **_appendix(judged),
    )


def internal_page(study: Study, judged: Judged) -> str:
    """What stays with the panel: each assessor's scores, how far apart they were, who did not score, open points."""
    contest = judged.contest
    marks = [
        {
            "bid": bid,
            "criterion": contest.names[c],
            "marks": [None if mark != mark else float(mark) for mark in contest.marks[:, b, c]],
            "record": float(contest.record[b, c]),
        }
        for b, bid in enumerate(contest.bids)
        for c in range(len(contest.criteria))
    ]
    return _render(
        "tender_internal.html",
        study,
        judged,
        marks=marks,
        assessors=contest.assessors,
        spread=[{**row, "criterion": _words(judged)[row["criterion"]]} for row in _records(judged.tables["spread"])],
        outlier_share=study.policy.number("assessor_outlier_share"),
    )


def _render(template: str, study: Study, judged: Judged, **more: Any) -> str:
    return (
        environment()
        .get_template(template)
        .render(
            study=study,
            competition=judged.row.to_dict(),
            intervention=judged.row["kind"] == INTERVENTION,
            school=_school(study, judged),
            route=judged.route,
            warnings=judged.warnings,
            not_used=NOT_USED,
            versions=versions(),
            **more,
        )
    )


def _school(study: Study, judged: Judged) -> str:
    if judged.row["kind"] != INTERVENTION:
        return ""
    schools = study.tables["schools"]
    return f"{schools.loc[schools['urn'] == judged.row['urn'], 'name'].iloc[0]} ({judged.row['urn']})"


def _words(judged: Judged) -> dict[str, str]:
    return dict(zip(judged.contest.criteria, judged.contest.names, strict=True))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for every blank cell."""
    return table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[no-any-return]


def _scores(judged: Judged) -> dict[str, Any]:
    """Result in a sentence, bids in order with their points, the chart, and each score of record with its reason."""
    contest, ranking = judged.contest, judged.ranking
    order = [contest.bids.index(bid) for bid in judged.tables["bids_ranked"]["bid"]]
    shown = [row for row in order if not contest.barred[row]]
    labels = [f"{contest.bids[row]} {contest.proposers[row]}" for row in shown]
    totals = [_total(judged, row) for row in shown]
    record = judged.tables["scores_of_record"].assign(criterion=lambda table: table["criterion"].map(_words(judged)))
    offers = judged.bids.set_index("bid").loc[list(judged.tables["bids_ranked"]["bid"])].reset_index()
    return {
        "result": _result(judged),
        "ranked": _records(judged.tables["bids_ranked"]),
        "chart": weighted_scores(labels, totals, contest.points[shown], contest.names),
        "columns": [contest.bids[row] for row in shown],
        "points": [
            {
                "name": name,
                "weight": float(contest.weight[c]),
                "colour": colour(c),
                "values": [float(contest.points[row, c]) for row in shown],
            }
            for c, name in enumerate(contest.names)
        ],
        "totals": [float(ranking.total[row]) for row in shown],
        "offers": _records(offers),
        "record": [
            {"bid": bid, "proposer": proposer, "rows": _records(record[record["bid"] == bid])}
            for bid, proposer in zip(offers["bid"], offers["proposer"], strict=True)
        ],
        "criteria": _records(judged.criteria),
        "digest": judged.digest,
    }


def _total(judged: Judged, row: int) -> str:
    rank, total = judged.ranking.rank[row], judged.ranking.total[row]
    said = f"{total:.1f}" if total == total else "incomplete"
    return f"{said}, rank {rank}" if rank else f"{said}, not ranked"


def _result(judged: Judged) -> str:
    """The result as one sentence or two; who decides stands beside it."""
    contest, ranking = judged.contest, judged.ranking
    named = [f"{contest.proposers[row]} ({contest.bids[row]})" for row in ranking.first]
    if ranking.outcome == NO_AWARD:
        return "No award: no bid passes. Re-run the competition."
    if ranking.outcome == INCOMPLETE:
        return "No result yet: moderation is not finished, and nothing stands in for a score that was not agreed."
    total = ranking.total[ranking.first[0]]
    if ranking.outcome != RANKED:
        return (
            f"A tie for first place at {total:.1f} of 100: {' and '.join(named)}. How a tie is decided is for the "
            "published rules; it is not decided here."
        )
    said = f"{judged.route.award.capitalize()}: {named[0]}, {total:.1f} of 100"
    behind = [row for row in range(len(contest.bids)) if ranking.rank[row] > 1]
    if behind:
        second = max(behind, key=lambda row: float(ranking.total[row]))
        next_one = f"{contest.proposers[second]} ({contest.bids[second]})"
        said += f", {total - ranking.total[second]:.1f} ahead of {next_one}"
    pending = contest.pending[ranking.first[0]]
    return f"{said}." + (f" Before any award: {pending}." if pending else "")


def _audit(study: Study, judged: Judged) -> dict[str, Any]:
    """What happened when, who scored what when, and which files all of it comes from."""
    tables, name = study.tables, judged.contest.competition
    events: list[tuple[pd.Timestamp, str]] = []

    def note(when: Any, what: str) -> None:
        if isinstance(when, pd.Timestamp):
            events.append((when, what))

    note(judged.row["weights_published"], "Criteria and weights published")
    note(judged.row["opened"], "Invitation opened")
    note(judged.row["closes"], "Last day for bids")
    for bid in judged.bids.itertuples():
        note(bid.received_at, f"Bid {bid.bid} of {bid.proposer} received")
    asked = _own(tables.get("clarifications"), name)
    for row in asked:
        note(row["asked"], f"Clarification {row['clarification']} asked: {row['question']}")
        shared = ", sent to every proposer" if row["shared"] else ""
        note(row["answered"], f"Clarification {row['clarification']} answered{shared}: {row['answer'] or ''}")
    declared = _own(tables.get("declarations"), name)
    for row in declared:
        note(row["declared_on"], f"{row['assessor']} declared: {row['interest']} ({row['action']})")
    scored = tables["scores"][tables["scores"]["bid"].isin(judged.bids["bid"])]
    who = scored["assessor"].where(~is_moderated(scored["assessor"]), "moderated (score of record)")
    by = scored.assign(assessor=who).groupby(["assessor", "bid"], sort=False)
    return {
        "events": [(when, what) for when, what in sorted(events, key=lambda event: event[0])],
        "declarations": declared,
        "clarifications": asked,
        "excluded": _records(judged.bids[judged.bids["excluded"].astype(bool)]),
        "scored": [
            (assessor, bid, len(rows), rows["scored_on"].min(), rows["scored_on"].max()) for (assessor, bid), rows in by
        ],
        "sources": [
            (table, study.files[table].name, file_digest(study.files[table]))
            for table in AUDITED
            if table in study.files
        ],
    }


def _own(table: pd.DataFrame | None, competition: str) -> list[dict[str, Any]]:
    return [] if table is None else _records(table[table["competition"] == competition])


def _appendix(judged: Judged) -> dict[str, Any]:
    """How firm the ranking is: smallest changes of weights, shares of weightings, dominance."""
    words, shares = _words(judged), judged.tables["weight_shares"]
    weights = judged.tables["firmness_weights"]
    return {
        "firmness": _records(judged.tables["firmness"]),
        "moved": list(dict.fromkeys(zip(weights["bid"], weights["measure"], strict=True))),
        "new_weights": [
            (words[criterion], rows["published"].iloc[0], list(rows["weight"]))
            for criterion, rows in weights.groupby("criterion", sort=False)
        ],
        "bases": list(dict.fromkeys(shares["basis"])),
        "shares": [
            {
                "bid": bid,
                "proposer": rows["proposer"].iloc[0],
                "values": list(zip(rows["share"], rows["standard_error"], strict=True)),
            }
            for bid, rows in shares.groupby("bid", sort=False)
        ],
        "draws": int(shares["draws"].iloc[0]) if len(shares) else 0,
        "seed": int(shares["seed"].iloc[0]) if len(shares) else 0,
        "dominance": _records(judged.tables["dominance"]),
    }
