"""A competition judged: ranking, record, spread and firmness as tables, and what in it is not in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from geodata.competitions import INTERVENTION, OUTSTANDING, amended, criteria_digest, day
from models.firmness import NOT_USED, overtaking
from models.moderation import scores_of_record, spread
from models.routes import Route, route_words
from models.tenders import Contest, Ranking, dominance, ranked
from models.weight_space import uncertain_shares, weight_shares
from placeplan.study import Study
from placeplan.tenders.bid_remarks import remarks

SEED = 0
BASES = {
    "weights": "every weighting",
    "both": "every weighting, scores drawn from the assessors'",
    "scores": "published weights, scores drawn from the assessors'",
}


@dataclass(frozen=True)
class Judged:
    """One competition: its row, bids and criteria of the study, what the models say, and warnings."""

    row: pd.Series
    bids: pd.DataFrame
    criteria: pd.DataFrame
    contest: Contest
    ranking: Ranking
    route: Route
    tables: dict[str, pd.DataFrame]
    digest: str
    warnings: tuple[str, ...]


def judge(study: Study, contest: Contest) -> Judged:
    """Everything the stage and the pages show of one competition."""
    tables = study.tables
    competitions = tables["competitions"]
    row = competitions[competitions["competition"] == contest.competition].iloc[0]
    bids = tables["bids"][tables["bids"]["competition"] == contest.competition].reset_index(drop=True)
    criteria = tables["criteria"][tables["criteria"]["competition"] == contest.competition].reset_index(drop=True)
    settle = remarks(study, row, bids)
    waiting = zip(contest.bids, contest.pending, strict=True)
    contest = replace(contest, pending=tuple("; ".join(filter(None, (p, settle.get(bid, "")))) for bid, p in waiting))
    ranking = ranked(contest)
    kinds = set(bids.loc[~bids["excluded"].astype(bool), "proposer_kind"].dropna())
    route = route_words(row["kind"], row["route"], kinds, section_7_amended=amended(day(row["opened"]), study.policy))
    outlier = study.policy.number("assessor_outlier_share")
    made = {
        "bids_ranked": bids_ranked(contest, ranking),
        "scores_of_record": scores_of_record(contest, tables["scores"]),
        "spread": spread(contest, outlier, tables.get("declarations")),
        "dominance": _dominance(contest),
        **_firmness(contest, ranking),
        "weight_shares": _shares(contest, ranking, study.policy.integer("weight_draws")),
    }
    for table in made.values():
        table.insert(0, "competition", contest.competition)
    said = (
        *_warnings(study, row, bids, contest, made),
        *(f"{contest.competition}: {bid}: {words}." for bid, words in settle.items()),
    )
    digest = criteria_digest(criteria, row["pass_mark"])
    return Judged(row, bids, criteria, contest, ranking, route, made, digest, said)


def bids_ranked(contest: Contest, ranking: Ranking) -> pd.DataFrame:
    """Table bid, proposer, rank, total, passed, why: ranked bids in order, then the others; rank blank where none."""
    table = pd.DataFrame(
        {
            "bid": contest.bids,
            "proposer": contest.proposers,
            "rank": pd.array([rank or None for rank in ranking.rank.tolist()], dtype="Int64"),
            "total": ranking.total,
            "passed": ranking.passed,
            "why": ranking.why,
        }
    )
    return table.iloc[np.argsort(np.where(ranking.rank > 0, ranking.rank, len(table) + 1), kind="stable")].reset_index(
        drop=True
    )


def _dominance(contest: Contest) -> pd.DataFrame:
    pairs = [(contest.bids[better], contest.bids[worse]) for better, worse in dominance(contest)]
    return pd.DataFrame(pairs, columns=["bid", "beats"], dtype=object).assign(stamp=NOT_USED)


def _rivals(contest: Contest, ranking: Ranking) -> np.ndarray:
    """Rows of the bids between which the ranking decided: none where it decided nothing."""
    rows = np.flatnonzero(ranking.rank > 0)
    return rows if len(rows) > 1 else rows[:0]


def _firmness(contest: Contest, ranking: Ranking) -> dict[str, pd.DataFrame]:
    """Smallest change of weights under which each bid but a sole first would win, and the weights at that point."""
    rows = _rivals(contest, ranking)
    told, weights = [], []
    for at, row in enumerate(rows):
        if ranking.first == (row,):
            continue
        found = overtaking(contest.share[rows], contest.weight, at)
        bid, possible = contest.bids[row], np.isfinite(found.total_change)
        changes = (found.largest_change, found.total_change) if possible else (np.nan, np.nan)
        told.append((bid, contest.proposers[row], *changes, found.lead, found.verdict, NOT_USED))
        for measure, then in (("largest", found.largest_weights), ("total", found.total_weights)):
            if possible:
                weights += [
                    (bid, measure, criterion, published, new, NOT_USED)
                    for criterion, published, new in zip(contest.criteria, contest.weight, then, strict=True)
                ]
    columns = ["bid", "proposer", "largest_change", "total_change", "largest_lead", "verdict", "stamp"]
    of_weights = ["bid", "measure", "criterion", "published", "weight", "stamp"]
    return {
        "firmness": pd.DataFrame(told, columns=columns),
        "firmness_weights": pd.DataFrame(weights, columns=of_weights),
    }


def _shares(contest: Contest, ranking: Ranking, draws: int) -> pd.DataFrame:
    """Share of weightings, and of draws of the assessors' scores, under which each ranked bid wins."""
    rows = _rivals(contest, ranking)
    columns = ["bid", "proposer", "basis", "share", "standard_error", "draws", "seed", "stamp"]
    if not len(rows):
        return pd.DataFrame(columns=columns)
    share, marks = contest.share[rows], (contest.marks / contest.scale)[:, rows]
    found = {"weights": weight_shares(share, draws, SEED)}
    if contest.assessors:
        found["both"] = uncertain_shares(share, marks, draws, SEED)
        found["scores"] = uncertain_shares(share, marks, draws, SEED, contest.weight)
    told = [
        (contest.bids[row], contest.proposers[row], BASES[basis], won, error, wins.draws, SEED, NOT_USED)
        for basis, wins in found.items()
        for row, won, error in zip(rows, wins.share, wins.standard_error, strict=True)
    ]
    return pd.DataFrame(told, columns=columns)


def _warnings(
    study: Study, row: pd.Series, bids: pd.DataFrame, contest: Contest, made: dict[str, pd.DataFrame]
) -> Iterator[str]:
    """What is missing or late: not wrong in the tables, and to be settled before the award."""
    name = contest.competition
    record, apart = made["scores_of_record"], made["spread"]
    barred = {bid for bid, reason in zip(contest.bids, contest.barred, strict=True) if reason}
    judged = record[~record["bid"].isin(barred)]
    for words, rows in (
        ("no score of record", judged[judged["score"].isna()]),
        ("no reason beside the score of record", judged[judged["score"].notna() & judged["reason"].isna()]),
        ("not scored by every assessor of the criterion", apart[apart["missing"].ne("") & ~apart["bid"].isin(barred)]),
    ):
        if len(rows):
            yield f"{name}: {words}: {_cells(rows)}."
    if row["weights_published"] is pd.NaT:
        yield f"{name}: no day is given on which weights were published: it cannot be shown that they came before bids."
    if bids["received_at"].isna().any():
        yield f"{name}: no receipt is logged of {', '.join(bids.loc[bids['received_at'].isna(), 'bid'])}."
    waiting = bids[bids["due_diligence"].eq(OUTSTANDING) & ~bids["bid"].isin(barred)]
    if len(waiting):
        yield f"{name}: due diligence is outstanding on {', '.join(waiting['bid'])}."
    if row["kind"] == INTERVENTION:
        yield from _of_intervention(study, row)
    elif row["route"] is None:
        yield f"{name}: the legal route is not stated, so nobody can say who decides."


def _of_intervention(study: Study, row: pd.Series) -> Iterator[str]:
    schools = study.tables["schools"]
    school = schools[schools["urn"] == row["urn"]].iloc[0]
    if row["review_date"] is pd.NaT:
        yield f"{row['competition']}: no review date is given for the choice of trust."
    if not school["in_intervention"]:
        yield f"{row['competition']}: {school['name']} is not marked as in intervention."


def _cells(rows: pd.DataFrame, shown: int = 5) -> str:
    named = [f"{bid} {criterion}" for bid, criterion in zip(rows["bid"], rows["criterion"], strict=True)]
    return ", ".join(named[:shown]) + (f" and {len(named) - shown} more" if len(named) > shown else "")
