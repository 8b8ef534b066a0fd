"""Checks of scores: within their scale, once by each assessor, and not by those who have declared an interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from geodata.competitions import DOES_NOT_SCORE, same_name
from geodata.problems import Problem, row_problems

Tables = Mapping[str, pd.DataFrame]


def score_problems(tables: Tables) -> list[Problem]:
    """Every problem of the scores that needs more than one cell."""
    if "scores" not in tables:
        return []
    found = [*_twice(tables["scores"])]
    if "bids" in tables and "criteria" in tables:
        found += _scale(tables)
    if "bids" in tables and "declarations" in tables:
        found += _recused(tables)
    return found


def _competition(tables: Tables) -> pd.Series:
    """Competition of each score, by its bid."""
    bids = tables["bids"].dropna(subset=["bid"]).drop_duplicates("bid")
    return tables["scores"]["bid"].map(bids.set_index("bid")["competition"])


def _twice(scores: pd.DataFrame) -> Iterable[Problem]:
    """One assessor written in two ways; the same row twice in one way is a repeated key and named as such."""
    key = scores[["bid", "criterion"]].assign(assessor=same_name(scores["assessor"]))
    again = key.duplicated() & ~scores.duplicated(["bid", "criterion", "assessor"])
    yield from row_problems(
        "scores",
        scores,
        again,
        lambda row: f"{row['assessor']} has scored {row['criterion']} of {row['bid']} already, written another way.",
        "Keep one score, and write each assessor in one way.",
        "assessor",
    )


def _scale(tables: Tables) -> Iterable[Problem]:
    """Scores above the scale of their criterion, and of criteria that their competition does not have."""
    scores, criteria = tables["scores"], tables["criteria"]
    competition = _competition(tables)
    known = criteria.drop_duplicates(["competition", "criterion"]).set_index(["competition", "criterion"])["scale"]
    at = pd.MultiIndex.from_arrays([competition, scores["criterion"]])
    scale = pd.Series(known.reindex(at).to_numpy(), index=scores.index)
    yield from row_problems(
        "scores",
        scores,
        scores["score"] > scale,
        lambda row: (
            f"{row['assessor']} gives {row['bid']} {row['score']:g} for {row['criterion']}; the scale is 0 to "
            f"{scale[row.name]:g}."
        ),
        "Correct the score, or give the criterion's scale in criteria.",
        "score",
    )
    elsewhere = scores["criterion"].isin(criteria["criterion"]) & competition.isin(criteria["competition"])
    yield from row_problems(
        "scores",
        scores,
        elsewhere & ~at.isin(known.index),
        lambda row: f"{row['criterion']} is no criterion of {competition[row.name]}, for which {row['bid']} is a bid.",
        "Correct the criterion or the bid.",
        "criterion",
    )


def _recused(tables: Tables) -> Iterable[Problem]:
    """Scores by an assessor who was not to score the bid."""
    scores, declarations = tables["scores"], tables["declarations"]
    barred = declarations[declarations["action"] == DOES_NOT_SCORE]
    one = barred[barred["bid"].notna()]
    every = barred[barred["bid"].isna()]
    assessor = same_name(scores["assessor"])
    of_bid = set(zip(same_name(one["assessor"]), one["bid"], strict=True))
    of_all = set(zip(same_name(every["assessor"]), every["competition"], strict=True))
    wrong = [
        (who, bid) in of_bid or (who, contest) in of_all
        for who, bid, contest in zip(assessor, scores["bid"], _competition(tables), strict=True)
    ]
    yield from row_problems(
        "scores",
        scores,
        pd.Series(wrong, index=scores.index, dtype=bool),
        lambda row: f"{row['assessor']} was not to score {row['bid']} after declaring an interest.",
        "Take the score out, or correct the declaration.",
        "assessor",
    )
