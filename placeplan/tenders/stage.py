"""The tender stage: bids of every competition ranked, how firm that is, and a page for each competition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from models.firmness import NOT_USED
from models.tenders import NO_AWARD, contests
from placeplan.estate.upstream import Upstream
from placeplan.results import StageResult
from placeplan.study import Study
from placeplan.tenders.bid_in_place import bids_in_place
from placeplan.tenders.judging import SEED, Judged, judge
from placeplan.tenders.linked_awards import judge_together, outcome, tables_together, warnings_together

TABLES = (
    "bids_ranked",
    "scores_of_record",
    "spread",
    "firmness",
    "firmness_weights",
    "weight_shares",
    "dominance",
)


def tender_stage(study: Study, upstream: Upstream | None = None) -> StageResult:
    """Tables of every competition together, a page each to decide on and an internal one, and the outcome in short.

    With `upstream`, what the earlier stages know of pupils and places, each bid is put in place in the estate too.
    Competitions that published rules link have a page of their own as well, with the best set of awards.
    """
    from placeplan.report.linked_award import linked_award_page, links_of
    from placeplan.report.tender import internal_page, tender_page

    judged = [judge(study, contest) for contest in contests(study.tables)]
    in_place = bids_in_place(study, upstream)
    names = page_names(one.contest.competition for one in judged)
    linked = judge_together(study, judged)
    linked_names = page_names([*names, *(f"linked-{one.award.linked_award}" for one in linked)])[len(names) :]
    links = links_of(judged, names, linked, linked_names)
    pages = {}
    for one, name in zip(judged, names, strict=True):
        pages[f"{name}.html"] = tender_page(study, one, in_place, name, links.get(one.contest.competition))
        pages[f"{name}-internal.html"] = internal_page(study, one)
    pages |= {
        f"{name}.html": linked_award_page(study, one, judged, names)
        for one, name in zip(linked, linked_names, strict=True)
    }
    return StageResult(
        tables={name: _together(judged, name) for name in TABLES} | in_place.tables | tables_together(linked),
        pages=pages,
        summary={
            "status": "done",
            "competitions": {
                one.contest.competition: _outcome(one, name) for one, name in zip(judged, names, strict=True)
            },
            "linked_awards": {
                one.award.linked_award: outcome(one, name) for one, name in zip(linked, linked_names, strict=True)
            },
            "seed": SEED,
            "draws": study.policy.integer("weight_draws"),
            "firmness": NOT_USED,
            "warnings": [
                *_without_bids(study, judged),
                *(line for one in judged for line in one.warnings),
                *in_place.notes,
                *warnings_together(study, linked),
            ],
        },
    )


def _together(judged: list[Judged], name: str) -> pd.DataFrame:
    """One table of all competitions; an empty one is kept only where all are, so that columns keep their kind."""
    parts = [one.tables[name] for one in judged]
    return pd.concat([part for part in parts if len(part)] or parts[:1] or [pd.DataFrame()], ignore_index=True)


def _outcome(one: Judged, page: str) -> dict[str, object]:
    first = [one.contest.bids[row] for row in one.ranking.first]
    return {
        "name": one.row["name"],
        "outcome": "no award: re-run the competition" if one.ranking.outcome == NO_AWARD else one.ranking.outcome,
        "first": first,
        "award": one.route.award,
        "decides": one.route.decides,
        "criteria_digest": one.digest,
        "page": f"{page}.html",
    }


def _without_bids(study: Study, judged: list[Judged]) -> Iterator[str]:
    """Competitions that cannot be judged yet, and those that are for the same site."""
    known = {one.contest.competition for one in judged}
    sites = study.tables["competitions"].dropna(subset=["site"]).groupby("site")["competition"].agg(list)
    for site, names in sites.items():
        if len(names) > 1:
            yield f"{', '.join(names)}: on one site, {site}. Each is put in place as if it were the only one."
    for name in study.tables["competitions"]["competition"]:
        if name not in known:
            yield f"{name}: no bids or no criteria are given."


def page_names(competitions: Iterable[str]) -> list[str]:
    """A file name for each competition from its code; no two differ only in their capitals."""
    names: list[str] = []
    for code in competitions:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", code)[:60].strip("-") or "competition"
        taken = {name.casefold() for name in names}
        options = (plain, *(f"{plain}-{n}" for n in range(2, len(names) + 3)))
        names.append(next(name for name in options if name.casefold() not in taken))
    return names
