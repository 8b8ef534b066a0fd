"""Why a school or site is decided as it is: what the next best plan costs, and which rules leave no choice.

The estate is planned anew, around the plan as it stands, without what it decides for the school or site: what it does
instead is the runner-up. What that costs more lies between two proven figures. Heads and numbers that other schools
share stay as planned (`placeplan.estate.shared_heads`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from models.estate import EstateProblem
from models.options import CLOSING, ENDING, STAY
from placeplan.estate.shared_heads import ANEW, others_as_planned
from placeplan.estate.stored import stored_estate
from placeplan.results import read_stage
from placeplan.words import money
from solvers import RivalPrices, Rivals, rivals, solve_estate

SHOWN = 5  # binding rules named
MUCH_MORE = 5.0  # times the least that a difference is proven to be, from which the most says nothing
CLASH_S = 3.0  # to find which rules leave no other choice


def runner_up(folder: Path, key: str, seconds: float) -> Rivals | None:
    """The plan beside the best one without what is planned for a school or site; None where nothing else was open.

    `folder` is that of the estate stage's results, `seconds` may be spent.
    """
    options = read_stage(folder, "options")
    mine = options.loc[options["facility"] == key, "option"].to_numpy(dtype=int)
    if not len(mine):
        return None
    problem, plan = stored_estate(folder)
    chosen = plan.by_scenario
    assert chosen is not None
    facility = int(problem.option_facility[mine[0]])
    taken, others = decided(options, chosen[:, facility])
    if not len(others):
        return None
    known = None if plan.proof is None else RivalPrices(plan.proof.pupil, plan.proof.row)
    return rivals(
        problem, facility, taken, chosen,
        time_limit_s=seconds, instead=others, prices=known, gap_gbp=plan.objective - plan.bound, sharp=True,
        within=others_as_planned(problem, options, chosen, facility),
    )  # fmt: skip


def decided(options: pd.DataFrame, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The options that make the decision that is asked about, of those `taken` (K,), and those that would be another.

    Any closing is closing: where a school closes in some future, the other decision is that it closes in none.
    `options` is the table of that name, in its own order.
    """
    mine, rows = np.unique(taken), options.iloc[np.unique(taken)]
    same = np.flatnonzero(options["facility"] == rows["facility"].iloc[0])
    closing = same[options["action"].iloc[same].isin(CLOSING)]
    if not len(np.intersect1d(mine, closing)):
        return mine, np.setdiff1d(same, mine)
    return np.union1d(closing, mine), np.setdiff1d(same, closing)


def why(folder: Path, key: str, found: Rivals | None, seconds: float) -> list[str]:
    """Sentences on the runner-up, on leaving it as it is today, and on binding rules; [] for what is not planned.

    `found` is what `runner_up` gives, `seconds` may be spent. Of a closing school only the rules are told.
    """
    options = read_stage(folder, "options")
    mine = options[options["facility"] == key]
    if mine.empty:
        return []
    problem, plan = stored_estate(folder)
    chosen = plan.by_scenario
    assert chosen is not None
    facility = int(problem.option_facility[int(mine["option"].iloc[0])])
    taken = np.unique(chosen[:, facility])
    if found is None:
        return ["Nothing else was open to it.", *_binding(folder, problem, taken)]
    if options.iloc[taken]["action"].isin(CLOSING).any():  # what keeping it would cost is told apart
        return _binding(folder, problem, taken)
    within = others_as_planned(problem, options, chosen, facility)
    instead = set() if found.instead is None else set(found.instead.tolist())
    said = [_runner_up(problem, found, options, np.setdiff1d(within, taken))]
    if found.instead is not None:
        said += otherwise(options, chosen, found.kept_without(chosen), facility)
    today = int(mine.loc[mine["action"] == STAY, "option"].iloc[0])
    if today not in {*taken.tolist(), *instead}:
        left = rivals(
            problem, facility, taken, chosen,
            time_limit_s=seconds, instead=np.array([today]), prices=found.prices,
            gap_gbp=plan.objective - plan.bound, sharp=True, within=within,
        )  # fmt: skip
        others = np.setdiff1d(np.flatnonzero(problem.option_facility == facility), [today])
        clash = clashing(problem, np.setdiff1d(within, others)) if left.clash else ""
        said.append(f"Left as it is today, {ANEW}: {_more(*left.more_gbp)}{clash}.")
    return [*said, *_binding(folder, problem, taken)]


def _runner_up(problem: EstateProblem, found: Rivals, options: pd.DataFrame, others: np.ndarray) -> str:
    """The sentence on the best plan without what was decided for the facility, of the options `others`."""
    if found.instead is None and not found.clash:
        return "No other plan was found in the time."
    if found.instead is None:
        return f"Without what is planned for it there is no plan{clashing(problem, others)}."
    words = sorted({words_of(options.iloc[o]) for o in found.instead.tolist()})
    return f"Runner-up: {' or '.join(words)}, {ANEW}: {_more(*found.more_gbp)}."


def otherwise(options: pd.DataFrame, chosen: np.ndarray, other: np.ndarray, asked: int) -> list[str]:
    """What other schools and sites than the one asked about do in another plan (K, F); those that close first.

    `options` is the table of that name, `chosen` (K, F) the plan. Of several futures the first is told.
    """
    table = options.set_index("option")
    before, then = (plan[0, : table["facility"].nunique()] for plan in (chosen, other))
    changed = np.array([f for f in np.flatnonzero(before != then) if f != asked], dtype=int)
    closes = np.array([table["action"][[before[f], then[f]]].isin(ENDING).any() for f in changed], dtype=bool)
    if not len(changed):
        return ["In that plan all other schools and sites do as here."]
    said = [
        f"{table['name'][then[f]]}: {short_words(table.loc[then[f]])} instead of {short_words(table.loc[before[f]])}"
        for f in [*changed[closes], *changed[~closes]]
    ]
    more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    none = "" if closes.any() else ", no other school closing or staying open for it"
    return [f"In that plan otherwise{none}: {'; '.join(said[:SHOWN])}{more}."]


def short_words(option: pd.Series) -> str:
    """What an option is, without its reason."""
    return "as it is today" if option["action"] == STAY else f"{option['action']} from {option['academic_year']}"


def words_of(option: pd.Series) -> str:
    """What an option is, in words; a row of the table options."""
    return short_words(option) + ("" if option["action"] == STAY else f" ({option['reason']})")


def _more(least_gbp: float, most_gbp: float) -> str:
    """What the best plan with another decision costs more than the best of all."""
    if not np.isfinite(least_gbp):
        return "no plan keeps the rules"
    if most_gbp < 1.0:
        return "costs no more"
    return f"costs {least_most(max(least_gbp, 0.0), most_gbp)}"


def least_most(least_gbp: float, most_gbp: float) -> str:
    """Two proven figures between which a difference lies; where one of them says nothing, that is said instead."""
    least, most = money(least_gbp), money(most_gbp)
    if least_gbp >= 1.0 and most_gbp > MUCH_MORE * least_gbp:
        return f"at least {least} more, proven"
    if least_gbp < 1.0:
        return f"at most {most} more, and in the time it is not proven to cost more at all"
    return f"{most} more, proven" if least == most else f"between {least} and {most} more, both proven"


def clashing(problem: EstateProblem, kept: np.ndarray) -> str:
    """The rules that are broken where no plan with the options `kept` keeps them all, as the end of a sentence."""
    clash = solve_estate(problem.with_options(kept), time_limit_s=CLASH_S).clash
    names = [problem.row_name[row] for row in clash]
    return f": {'; '.join(names)} would be broken" if names else ""


def _binding(folder: Path, problem: EstateProblem, taken: np.ndarray) -> list[str]:
    """Rules that the plan keeps to the last place or pound, and in which what is planned counts."""
    rows = read_stage(folder, "policy_rows")
    counts: Sequence[bool] = np.abs(problem.row_matrix[:, taken]).sum(axis=1).A1 > 0
    names = rows.loc[rows["binding"].to_numpy(dtype=bool) & counts, "row"].tolist()
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"Rules kept with nothing to spare: {'; '.join(names[:SHOWN])}{more}."]
