"""Competitions between bids: thresholds first, then the weighted scores of record, ranked with ties shown as ties.

A bid's total is the sum over criteria of score of record ÷ scale × weight, out of 100. A bid that is excluded, has
failed due diligence, lies below a threshold or has a total below the overall pass mark is not ranked. Nothing
stands in for a score of record that is missing: until every standing bid has them all there is no ranking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.competitions import FAILED, OUTSTANDING, is_moderated

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
RANKED, TIE, NO_AWARD, INCOMPLETE = "ranked", "tie", "no award", "moderation incomplete"
LEVEL = 1e-9  # points; totals nearer than this are a tie


@dataclass(frozen=True)
class Contest:
    """One competition: B bids, C criteria, A assessors.

    Attributes
    ----------
    barred : (B,) why a bid is out before any score is looked at; blank where it is not.
    pending : (B,) what is still to come before an award; blank where nothing is.
    weight : (C,) per cent. scale, threshold : (C,) highest score, and lowest that passes (NaN where there is none).
    record : (B, C) scores of record, NaN where there is none yet.
    marks : (A, B, C) scores of each assessor, NaN where not given.
    pass_mark : lowest total of 100 with which a bid can win; NaN where there is none.

    """

    competition: str
    bids: tuple[str, ...]
    proposers: tuple[str, ...]
    barred: tuple[str, ...]
    pending: tuple[str, ...]
    criteria: tuple[str, ...]
    names: tuple[str, ...]
    weight: Array
    scale: Array
    threshold: Array
    record: Array
    assessors: tuple[str, ...]
    marks: Array
    pass_mark: float = np.nan

    @property
    def share(self) -> Array:
        """(B, C) scores of record as shares of their scale."""
        return np.asarray(self.record / self.scale)

    @property
    def points(self) -> Array:
        """(B, C) what each criterion adds to a total out of 100."""
        return np.asarray(self.share * self.weight)


@dataclass(frozen=True)
class Ranking:
    """What became of the bids.

    Attributes
    ----------
    outcome : "ranked", "tie" (for first place), "no award" (nobody passes) or "moderation incomplete".
    total : (B,) out of 100, NaN where a score of record is missing.
    passed : (B,) not barred, every score of record there, no threshold missed and the pass mark reached.
    rank : (B,) from 1; bids of equal totals share a rank, and 0 is not ranked.
    why : (B,) the reason in words.

    """

    outcome: str
    total: Array
    passed: Flags
    rank: Ints
    why: tuple[str, ...]

    @property
    def first(self) -> tuple[int, ...]:
        """Rows of the bids ranked first: one, several where they tie, none."""
        return tuple(int(row) for row in np.flatnonzero(self.rank == 1))


def contests(tables: Mapping[str, pd.DataFrame]) -> list[Contest]:
    """Every competition that has bids and criteria, in the order of the table."""
    bids, criteria = tables["bids"], tables["criteria"]
    known = tables["competitions"][["competition", "pass_mark"]]
    judged = set(bids["competition"]) & set(criteria["competition"])
    return [
        _contest(
            name, bids[bids["competition"] == name], criteria[criteria["competition"] == name], tables["scores"], mark
        )
        for name, mark in known.itertuples(index=False)
        if name in judged
    ]


def _contest(name: str, bids: pd.DataFrame, criteria: pd.DataFrame, scores: pd.DataFrame, pass_mark: float) -> Contest:
    codes, columns = tuple(bids["bid"]), tuple(criteria["criterion"])
    own = scores[scores["bid"].isin(codes)]
    moderated = is_moderated(own["assessor"])
    assessors = tuple(sorted(set(own.loc[~moderated, "assessor"])))
    return Contest(
        competition=name,
        bids=codes,
        proposers=tuple(bids["proposer"]),
        barred=tuple(_barred(row) for _, row in bids.iterrows()),
        pending=tuple("due diligence is outstanding" if d == OUTSTANDING else "" for d in bids["due_diligence"]),
        criteria=columns,
        names=tuple(criteria["name"]),
        weight=criteria["weight"].to_numpy(dtype=float),
        scale=criteria["scale"].to_numpy(dtype=float),
        threshold=criteria["threshold"].to_numpy(dtype=float),
        record=_grid(own[moderated], codes, columns),
        assessors=assessors,
        marks=np.array([_grid(own[~moderated & own["assessor"].eq(who)], codes, columns) for who in assessors]).reshape(
            len(assessors), len(codes), len(columns)
        ),
        pass_mark=float(pass_mark),
    )


def _barred(bid: pd.Series) -> str:
    if bid["excluded"]:
        return f"excluded: {bid['exclusion_reason']}"
    if bid["due_diligence"] == FAILED:
        return "due diligence failed" + (f": {bid['due_diligence_note']}" if bid["due_diligence_note"] else "")
    return ""


def _grid(scores: pd.DataFrame, bids: tuple[str, ...], criteria: tuple[str, ...]) -> Array:
    """(B, C) scores, NaN where there is no row."""
    wide = scores.pivot_table(index="bid", columns="criterion", values="score", aggfunc="first")
    return np.asarray(wide.reindex(index=list(bids), columns=list(criteria)), dtype=float)


def below(contest: Contest) -> Flags:
    """(B, C) scores of record below their threshold; a missing score is not."""
    return np.asarray(contest.record < contest.threshold)


def ranked(contest: Contest) -> Ranking:
    """Rank the bids that pass; see the module for the order in which that is done."""
    missing, short = np.isnan(contest.record), below(contest)
    barred = np.array([bool(reason) for reason in contest.barred], dtype=bool)
    total = contest.points.sum(axis=1)
    standing = ~barred & ~short.any(axis=1) & ~(total < contest.pass_mark - LEVEL)
    complete = ~missing.any(axis=1)
    passed = standing & complete
    rank = np.zeros(len(contest.bids), dtype=np.int64)
    if passed.any() and (standing == passed).all():
        ahead = total[passed][None, :] > total[passed][:, None] + LEVEL
        rank[passed] = 1 + ahead.sum(axis=1)
    if (standing & ~complete).any():
        outcome = INCOMPLETE
    elif not passed.any():
        outcome = NO_AWARD
    else:
        outcome = RANKED if (rank == 1).sum() == 1 else TIE
    why = tuple(_why(contest, row, missing[row], short[row], total[row]) for row in range(len(contest.bids)))
    return Ranking(outcome, total, passed, rank, why)


def _why(contest: Contest, row: int, missing: Flags, short: Flags, total: float) -> str:
    if contest.barred[row]:
        return contest.barred[row]
    if short.any():
        told = [
            f"{contest.names[c]} ({contest.record[row, c]:g} of {contest.scale[c]:g}, at least "
            f"{contest.threshold[c]:g})"
            for c in np.flatnonzero(short)
        ]
        return f"below the threshold of {', '.join(told)}"
    if missing.any():
        return f"no score of record yet for {', '.join(contest.names[c] for c in np.flatnonzero(missing))}"
    if total < contest.pass_mark - LEVEL:
        return f"below the pass mark ({total:.6g} of 100, at least {contest.pass_mark:g})"
    return "passes every threshold" + (f"; {contest.pending[row]}" if contest.pending[row] else "")


def dominance(contest: Contest) -> list[tuple[int, int]]:
    """Pairs (better, worse) of bids not barred: at least as good on every criterion, and better on one."""
    share, judged = contest.share, [r for r, reason in enumerate(contest.barred) if not reason]
    judged = [row for row in judged if not np.isnan(share[row]).any()]
    return [
        (one, other)
        for one in judged
        for other in judged
        if (share[one] >= share[other]).all() and (share[one] > share[other]).any()
    ]
