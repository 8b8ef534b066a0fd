"""Checking a ranking of bids again: from the scores, weights and thresholds of the study, without the models' code."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placeplan.results import read_stage, read_summary
from placeplan.study import Study

TOLERANCE = 1e-6  # points, and shares


def verify_tender(study: Study) -> list[str]:
    """What the tables of the tender stage say that does not follow from the study's tables."""
    folder = study.results / "tender"
    ranked = read_stage(folder, "bids_ranked")
    points = _points(study)
    wrong = _record(read_stage(folder, "scores_of_record"), points)
    wrong += _bids(study, ranked, points)
    for competition, rows in ranked.groupby("competition"):
        wrong += _ranks(str(competition), rows)
    shares = read_stage(folder, "weight_shares").groupby(["competition", "basis"])["share"].sum()
    wrong += [
        f"{name}: shares of {basis} sum to {found:.4f}"
        for (name, basis), found in shares.items()
        if abs(found - 1) > TOLERANCE
    ]
    told = (read_summary(folder) or {}).get("competitions", {})
    first = ranked[ranked["rank"] == 1].groupby("competition")["bid"].agg(set).to_dict()
    for name, said in told.items():
        if set(said["first"]) != first.get(name, set()):
            wrong.append(f"{name}: summary.json names {', '.join(said['first']) or 'nobody'} first")
    return wrong


def _points(study: Study) -> pd.DataFrame:
    """One row a bid and criterion of its competition: agreed score, points of 100, a threshold missed or not."""
    tables = study.tables
    scores = tables["scores"]
    agreed = scores[scores["assessor"].str.lower() == "moderated"][["bid", "criterion", "score"]]
    cells = tables["bids"][["bid", "competition"]].merge(tables["criteria"], on="competition")
    cells = cells.merge(agreed, on=["bid", "criterion"], how="left")
    cells["points"] = cells["score"] * cells["weight"] / cells["scale"]
    return cells.assign(missed=cells["score"] < cells["threshold"])


def _record(record: pd.DataFrame, points: pd.DataFrame) -> list[str]:
    keys = ["competition", "bid", "criterion"]
    both = record.merge(points, on=keys, how="outer", suffixes=("", "_study"), indicator=True)
    alone = both[both["_merge"] != "both"]
    wrong = [f"{' '.join(row)}: in the table or in the study alone" for row in alone[keys].itertuples(index=False)]
    for column in ("score", "points", "weight"):
        off = ~np.isclose(both[column], both[f"{column}_study"], atol=TOLERANCE, equal_nan=True)
        wrong += [
            f"{row['bid']} {row['criterion']}: {column} is {row[f'{column}_study']:g}, the table says {row[column]:g}"
            for _, row in both[off & both["_merge"].eq("both")].iterrows()
        ]
    return wrong


def judged_bids(study: Study, points: pd.DataFrame | None = None) -> pd.DataFrame:
    """By bid: total of its points (blank where an agreed score is missing), and whether nothing stands against it."""
    by = (_points(study) if points is None else points).groupby("bid")
    table = pd.DataFrame({"total": by["points"].sum(min_count=1), "missed": by["missed"].any()})
    open_ = by["score"].agg(lambda s: s.isna().any()).astype(bool)
    table["total"] = table["total"].where(~open_)
    bids = study.tables["bids"].set_index("bid").reindex(table.index)
    mark = bids["competition"].map(study.tables["competitions"].set_index("competition")["pass_mark"])
    barred = bids["excluded"].astype(bool) | bids["due_diligence"].eq("failed")
    table["passes"] = ~(barred | table["missed"] | open_ | (table["total"] < mark - TOLERANCE))
    return table


def _bids(study: Study, ranked: pd.DataFrame, points: pd.DataFrame) -> list[str]:
    """Every bid once, with the total of its points; passed only where nothing stands against it."""
    judged = judged_bids(study, points)
    wrong = [] if sorted(ranked["bid"]) == sorted(judged.index) else ["the bids are not those of the study"]
    for row in ranked[ranked["bid"].isin(judged.index)].itertuples():
        expected, passes = judged.loc[row.bid, ["total", "passes"]]
        if not np.isclose(row.total, expected, atol=TOLERANCE, equal_nan=True):
            wrong.append(f"{row.bid}: the total is {expected:.2f}, the table says {row.total:.2f}")
        if bool(row.passed) != passes:
            wrong.append(f"{row.bid}: it {'passes' if passes else 'does not pass'}, the table says otherwise")
    return wrong


def _ranks(competition: str, rows: pd.DataFrame) -> list[str]:
    """Ranks follow totals, ties share one, and nobody is ranked who does not pass."""
    given = rows[rows["rank"].notna()]
    if not given["passed"].all():
        return [f"{competition}: a bid is ranked that does not pass"]
    expected = [1 + int((given["total"] > total + TOLERANCE).sum()) for total in given["total"]]
    if given["rank"].tolist() != expected:
        return [f"{competition}: ranks do not follow totals"]
    return []
