"""From assessors' scores to the score of record: what was agreed and why, and how far assessors were apart.

The record is the moderated score with its reason. Assessors' own scores are internal: they show where the meeting had
something to settle, and enter no total. An assessor's score is pointed out where it lies further from the median of
the others' than a share of the scale (policy assessor_outlier_share).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.competitions import DOES_NOT_SCORE, is_moderated, same_name
from models.tenders import Contest

RECORD = ("bid", "criterion", "score", "scale", "threshold", "weight", "points", "reason", "scored_on")
SPREAD = (
    "bid",
    "criterion",
    "assessors",
    "lowest",
    "mean",
    "highest",
    "record",
    "record_less_mean",
    "outliers",
    "missing",
)


def scores_of_record(contest: Contest, scores: pd.DataFrame) -> pd.DataFrame:
    """One row a bid and criterion: the agreed score, its points out of 100 and its reason; NaN where there is none."""
    told = scores[is_moderated(scores["assessor"])].set_index(["bid", "criterion"])
    cells = pd.MultiIndex.from_product([contest.bids, contest.criteria], names=["bid", "criterion"])
    table = told[["score", "reason", "scored_on"]].reindex(cells).reset_index()
    for name, values in (("scale", contest.scale), ("threshold", contest.threshold), ("weight", contest.weight)):
        table[name] = np.tile(values, len(contest.bids))
    table["points"] = contest.points.ravel()
    return table[list(RECORD)]


def spread(contest: Contest, outlier_share: float, barred: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a bid and criterion: assessors' lowest, mean and highest score, outliers and who did not score, in words.

    Missing is who scored the criterion for another bid and not for this one, without having been taken off it:
    `barred` are declarations (assessor, bid, action).
    """
    off = _taken_off(contest, barred)
    odd = outliers(contest, outlier_share)
    given = ~np.isnan(contest.marks)
    panel = given.any(axis=1, keepdims=True)  # (A, 1, C): who scores the criterion at all
    missing = panel & ~given & ~off[:, :, None]
    rows = []
    for b, bid in enumerate(contest.bids):
        for c, criterion in enumerate(contest.criteria):
            marks = contest.marks[given[:, b, c], b, c]
            low, mean, high = (marks.min(), marks.mean(), marks.max()) if len(marks) else (np.nan,) * 3
            record = contest.record[b, c]
            apart = ", ".join(
                f"{contest.assessors[a]}: {contest.marks[a, b, c]:g}" for a in np.flatnonzero(odd[:, b, c])
            )
            absent = ", ".join(contest.assessors[a] for a in np.flatnonzero(missing[:, b, c]))
            rows.append((bid, criterion, len(marks), low, mean, high, record, record - mean, apart, absent))
    return pd.DataFrame(rows, columns=list(SPREAD))


def outliers(contest: Contest, outlier_share: float) -> NDArray[np.bool_]:
    """(A, B, C) scores further from the assessors' median than a share of the scale, where three or more scored."""
    enough = (~np.isnan(contest.marks)).sum(axis=0) >= 3
    if not enough.any():
        return np.zeros(contest.marks.shape, dtype=bool)
    median = np.nanmedian(np.where(enough, contest.marks, 0.0), axis=0)
    return np.asarray(enough & (np.abs(contest.marks - median) > outlier_share * contest.scale + 1e-9))


def _taken_off(contest: Contest, declarations: pd.DataFrame | None) -> NDArray[np.bool_]:
    """(A, B) assessors who were not to score a bid."""
    off = np.zeros((len(contest.assessors), len(contest.bids)), dtype=bool)
    if declarations is None:
        return off
    rows = declarations[
        (declarations["competition"] == contest.competition) & (declarations["action"] == DOES_NOT_SCORE)
    ]
    assessors = same_name(pd.Series(contest.assessors, dtype=object)).tolist()
    for who, bid in zip(same_name(rows["assessor"]), rows["bid"], strict=True):
        if who in assessors:
            off[assessors.index(who), slice(None) if bid is None else contest.bids.index(bid)] = True
    return off
