"""Why a school or site is decided as it is: what the next best plan costs, and which rules leave no choice.

The estate is planned anew, around the plan as it stands, without what it decides for the school or site: what it does
instead is the runner-up. What that costs more lies between two proven figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from models.estate import EstateProblem
from placeplan.results import read_stage
from placeplan.stored import stored_estate
from placeplan.words import money
from solvers import EstatePlan, cost_of, solve_estate

SHOWN = 5  # binding rules named


def why(folder: Path, key: str, seconds: float) -> list[str]:
    """Sentences on the runner-up, on leaving it as it is today, and on binding rules; [] for what is not planned.

    `folder` is that of the estate stage's results, `seconds` may be spent on solving.
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
    said, instead = _runner_up(problem, plan, options, facility, taken, 0.5 * seconds)
    today = int(mine.loc[mine["action"] == "stay", "option"].iloc[0])
    if today not in {*taken.tolist(), *instead}:
        forced = cost_of(problem, plan, facility, today, time_limit_s=0.5 * seconds)
        left = f"Left as it is today, all else planned anew: {_more(forced.at_least_gbp, forced.at_most_gbp)}"
        said.append(f"{left}{_clash(problem, forced.plan)}.")
    return [*said, *_binding(folder, problem, taken)]


def _runner_up(
    problem: EstateProblem, plan: EstatePlan, options: pd.DataFrame, facility: int, taken: np.ndarray, seconds: float
) -> tuple[list[str], set[int]]:
    """Sentences, and the options that the runner-up takes for the facility."""
    kept = np.setdiff1d(np.arange(problem.n_options), taken)
    if not (problem.option_facility[kept] == facility).any():
        return ["Nothing else was open to it."], set()
    chosen = plan.by_scenario
    assert chosen is not None
    begun = chosen.copy()
    begun[:, facility] = kept[problem.option_facility[kept] == facility][0]
    found = solve_estate(
        problem.with_options(kept),
        time_limit_s=seconds,
        start=plan.begun_with(begun, kept),
    )
    instead = found.by_scenario
    if instead is None:
        return [f"Without what is planned for it there is no plan{_clash(problem, found)}."], set()
    own = set(kept[instead[:, facility]].tolist())
    words = sorted({_words(options.iloc[o]) for o in own})
    more = _more(max(found.bound - plan.objective, 0.0), found.objective - plan.bound)
    return [f"Runner-up: {' or '.join(words)}, all else planned anew: {more}."], own


def _words(option: pd.Series) -> str:
    if option["action"] == "stay":
        return "as it is today"
    return f"{option['action']} from {option['academic_year']} ({option['reason']})"


def _more(least_gbp: float, most_gbp: float) -> str:
    if not np.isfinite(least_gbp):
        return "no plan keeps the rules"
    if least_gbp < 1.0 and most_gbp < 1.0:
        return "costs no more"
    return f"costs between {money(least_gbp)} and {money(max(most_gbp, 0.0))} more, both proven"


def _clash(problem: EstateProblem, plan: EstatePlan) -> str:
    names = [problem.row_name[row] for row in plan.clash]
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
