"""The page of linked competitions: sets of awards, what each published rule costs, and who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from placeplan.report.templates import environment
from placeplan.results import file_digest, versions
from placeplan.study import Study
from placeplan.tenders.judging import Judged
from placeplan.tenders.linked_awards import ADVISORY, CLASH, NOBODY, TIE, Together, level_with_first, won_rows

AUDITED = (
    "linked_awards",
    "competitions",
    "bids",
    "criteria",
    "scores",
    "package_bids",
    "bid_conditions",
    "award_limits",
)


def links_of(
    judged: Sequence[Judged], names: Sequence[str], linked: Sequence[Together], linked_names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """What the page of each linked competition says of the set it is in, by competition."""
    own = {one.contest.competition for one in judged}
    return {
        lot: {"name": one.award.name, "page": f"{name}.html", "result": one.result, "stamp": ADVISORY}
        for one, name in zip(linked, linked_names, strict=True)
        for lot in one.award.lots
        if lot in own
    }


def linked_award_page(study: Study, one: Together, judged: Sequence[Judged], names: Sequence[str]) -> str:
    """The page; `names` are those of the pages of the competitions that were judged."""
    pages = {each.contest.competition: (each, f"{name}.html") for each, name in zip(judged, names, strict=True)}
    table = study.tables["linked_awards"]
    row = table[table["linked_award"] == one.award.linked_award].iloc[0]
    rules = one.tables["award_rules"]
    return environment().get_template("linked_award.html").render(
        study=study,
        award=row.to_dict(),
        stamp=ADVISORY,
        result=one.result,
        comparison=one.comparison,
        pending=_pending(one, pages),
        lots=_lots(study, one, pages),
        sets=_sets(one),
        rules=_records(rules[rules["binds"].astype(bool)]),
        idle=list(rules.loc[~rules["binds"].astype(bool) & ~rules["clashes"].astype(bool), "rule"]),
        clash=list(rules.loc[rules["clashes"].astype(bool), "rule"]) if one.outcome == CLASH else [],
        unproven=not rules["proven"].astype(bool).all(),
        offers=_offers(one),
        out=_out(one, pages),
        sources=[(name, path.name, file_digest(path)) for name in AUDITED if (path := study.files.get(name))],
        versions=versions(),
    )  # fmt: skip


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")  # type: ignore[no-any-return]


def _lots(study: Study, one: Together, pages: Mapping[str, tuple[Judged, str]]) -> list[dict[str, Any]]:
    """One row a competition: its page, who decides, who is first apart and who wins in the best set."""
    competitions = study.tables["competitions"].set_index("competition")
    best = {} if one.best is None else {row["competition"]: row for row in won_rows(one.award, one.best.awarded)}
    rows = []
    for code, name in zip(one.award.lots, one.award.names, strict=True):
        each, page = pages.get(code, (None, ""))
        row: dict[str, Any] = {"competition": code, "name": name, "page": page, "first": "–", "total": np.nan}
        together = "a tie" if one.outcome == TIE else "–"
        row |= {"law": "", "decides": "", "award": "", "together": together, "points": np.nan}
        row["must"] = bool(competitions.at[code, "must_award"])
        row["loss"] = float(competitions.at[code, "loss_without_award"])
        if each is not None:
            contest, ranking = each.contest, each.ranking
            row |= {"law": each.route.law, "decides": each.route.decides, "award": each.route.award}
            if ranking.first:
                row["first"] = " and ".join(f"{contest.bids[n]} {contest.proposers[n]}" for n in ranking.first)
                row["total"] = float(ranking.total[ranking.first[0]])
            else:
                row["first"] = ranking.outcome
        if code in best:
            row |= {"together": _winner(best[code]), "points": best[code]["points"]}
        rows.append(row)
    return rows


def _winner(row: Mapping[str, Any]) -> str:
    if not row["bid"]:
        return NOBODY
    return f"{row['bid']} {row['proposer']}" + (f" (package {row['package']})" if row["package"] else "")


def _sets(one: Together) -> list[dict[str, Any]]:
    """Award sets, best first: who wins each lot, points, capital and the difference from the best."""
    if not one.plans:
        return []
    best = one.plans[0]
    return [
        {
            "place": place,
            "winners": [_winner(row) for row in won_rows(one.award, plan.awarded)],
            "points": plan.points,
            "capital_gbp": plan.cost_gbp,
            "less_points": best.points - plan.points,
            "more_capital_gbp": plan.cost_gbp - best.cost_gbp,
            "proven": plan.status == "optimal",
        }
        for place, plan in enumerate(one.plans, start=1)
    ]


def _offers(one: Together) -> list[dict[str, Any]]:
    """Bids and packages that entered, with their points and capital over all their competitions."""
    return [
        {
            "code": offer.code,
            "bids": " + ".join(offer.bids) if offer.package else "",
            "lots": ", ".join(np.array(one.award.lots)[one.award.bid[b] != ""]),
            "proposer": offer.proposer,
            "points": float(one.award.points[b].sum()),
            "capital_gbp": float(one.award.capital_gbp[b].sum()),
        }
        for b, offer in enumerate(one.award.offers)
    ]


def _out(one: Together, pages: Mapping[str, tuple[Judged, str]]) -> list[tuple[str, str, str]]:
    """Bids that did not enter, and why."""
    judged = [pages[lot][0] for lot in one.award.lots if lot in pages]
    return [
        (bid, each.contest.competition, why)
        for each in judged
        for bid, passed, why in zip(each.contest.bids, each.ranking.passed, each.ranking.why, strict=True)
        if not passed
    ]


def _pending(one: Together, pages: Mapping[str, tuple[Judged, str]]) -> list[str]:
    """What is still to come before an award of the best set."""
    if not one.plans:
        return []
    said = []
    rows = [row for plan in one.plans[: level_with_first(one.plans)] for row in won_rows(one.award, plan.awarded)]
    for row in {row["bid"]: row for row in rows}.values():
        if row["bid"]:
            contest = pages[row["competition"]][0].contest
            if waits := contest.pending[contest.bids.index(row["bid"])]:
                said.append(f"{row['bid']} of {row['proposer']}: {waits}")
    return said
