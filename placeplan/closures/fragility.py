"""Whether closures that have to be begun now stand when the forecast is a little otherwise.

Every locality's pupils are changed by chance within a few per cent, each by itself and in every year alike, the estate
is stated anew and planned anew, beginning from the plan as it stands and its prices; heads and numbers that schools
share stay as they are planned. A closure that the new plans make in fewer than four draws of five is fragile. Plans are
proven to a gap each, and the widest is told: a closure worth less than that may come and go without meaning anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from geodata.policy import Policy
from models.changed_forecast import with_forecast
from models.estate_build import Estate
from models.estate_read import option_table
from models.options import CLOSING
from models.rules import Kept
from placeplan.estate.shared_heads import others_as_planned
from solvers import EstatePlan, solve_estate
from solvers.plans import Proof

SEED = 2023
STEADY = 0.8  # share of draws in which a closure has to stay
COLUMNS = ["facility", "academic_year", "draws", "stays", "widest_gap", "fragile"]


def closure_stability(estate: Estate, plan: EstatePlan, kept: Sequence[Kept], policy: Policy) -> pd.DataFrame:
    """One row a closure that has to be begun now: in how many draws it stays, the plans' widest gap, and fragile.

    A draw in which no plan is found counts as one in which nothing stays.
    """
    chosen, draws = plan.by_scenario, policy.integer("closure_noise_draws")
    assert chosen is not None
    closes = np.array([option.action in CLOSING and option.start_now for option in estate.options])
    closing = np.flatnonzero(closes[chosen[:, : len(estate.facilities)]].any(axis=0))
    if not len(closing) or not draws:
        return pd.DataFrame(columns=COLUMNS)
    kept_options = others_as_planned(estate.problem, option_table(estate), chosen)
    began = plan.begun_with(chosen, kept_options)
    stays, widest = np.zeros(len(closing), dtype=int), 0.0
    for times in noise(estate.all_nodes["locality"], policy.number("closure_noise"), draws):
        changed = with_forecast(estate, kept, times)
        limit, gap = policy.number("closure_noise_seconds"), policy.number("estate_gap")
        start = replace(began, proof=_prices(estate, plan, changed))
        found = solve_estate(changed.problem.with_options(kept_options), time_limit_s=limit, gap=gap, start=start)
        if found.by_scenario is not None:
            stays += closes[kept_options[found.by_scenario[:, closing]]].any(axis=0)
            widest = max(widest, found.gap)
    opening = [estate.options[int(one[closes[one]][0])].academic_year for one in chosen[:, closing].T]
    return pd.DataFrame(
        {
            "facility": [estate.facilities[f].key for f in closing.tolist()],
            "academic_year": opening,
            "draws": draws,
            "stays": stays,
            "widest_gap": widest,
            "fragile": stays < STEADY * draws,
        },
        columns=COLUMNS,
    )


def _prices(estate: Estate, plan: EstatePlan, changed: Estate) -> Proof | None:
    """The plan's prices by node of the changed estate, in which others may move; 0 where there is none."""
    if plan.proof is None:
        return None
    everywhere = np.zeros((len(plan.proof.pupil), len(estate.all_nodes)))
    everywhere[:, estate.moving] = plan.proof.pupil
    return Proof(everywhere[:, changed.moving], plan.proof.row)


def noise(locality: pd.Series, most: float, draws: int) -> np.ndarray:
    """(draws, N) times the forecast, between 1 − most and 1 + most; nodes of one locality are changed alike."""
    codes, names = pd.factorize(locality.astype(object).where(locality.notna(), "outside"))
    change = np.random.default_rng(SEED).uniform(-most, most, (draws, len(names)))
    return np.asarray(1.0 + change[:, codes])


def with_stability(decisions: pd.DataFrame, steady: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Reasons of closures, with how steady they are."""
    said = {row["facility"]: stability_words(row, policy.number("closure_noise")) for row in steady.to_dict("records")}
    reasons = [
        f"{reason}. {said[key]}" if action in CLOSING and key in said else reason
        for key, action, reason in decisions[["facility", "action", "reason"]].itertuples(index=False)
    ]
    return decisions.assign(reason=reasons)


def stability_words(row: Mapping[str, Any], most: float) -> str:
    """What is said of one closure."""
    begin = "Fragile: planned" if row["fragile"] else "Planned"
    return (
        f"{begin} anew under {row['draws']} forecasts with up to {most:.0%} of noise by locality, shared heads as "
        f"planned, it closes in {row['stays']} (plans proven within {row['widest_gap']:.2%})"
    )
