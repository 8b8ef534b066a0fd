"""A frontier of plans rather than one answer: what schools cost, how many have no place, how far pupils travel.

One plan is best at one set of prices, and two of the prices are judgements: that of a pupil without a place and that of
a journey. The estate is planned again with either of them lower and higher, each plan proven at its own prices, and all
are measured alike. A plan that another matches or beats in all three respects is pointed out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from geodata.policy import Policy
from models.estate_build import Estate
from models.estate_read import decisions
from placeplan.estate.effects import placed_anew
from solvers import EstatePlan, solve_estate
from solvers.verify import verify_estate

COLUMNS = [
    "plan", "price_without_place", "price_of_journeys", "gap", "schools_gbp", "pupil_years_without_place",
    "journey_km", "changes", "differs", "beaten_by",
]  # fmt: skip


@dataclass(frozen=True)
class Prices:
    """A plan's name, and how many times the study's prices it was made at."""

    name: str
    without_place: float
    journeys: float


def price_sets(policy: Policy) -> list[Prices]:
    """One price at a time lower and higher than the study's."""
    times = sorted({value for value in policy.numbers("frontier_prices") if value != 1.0})
    return [
        *(Prices(f"price of a pupil without a place × {x:g}", x, 1.0) for x in times),
        *(Prices(f"price of journeys × {x:g}", 1.0, x) for x in times),
    ]


def frontier(estate: Estate, plan: EstatePlan, policy: Policy) -> dict[str, pd.DataFrame]:
    """The plan, today's estate and the plans at other prices: tables frontier, a row a plan, and frontier_decisions.

    Columns of frontier: plan, price_without_place and price_of_journeys (times the study's), gap (proven at those
    prices), schools_gbp (discounted, over today), pupil_years_without_place and journey_km (of pupils whose place is
    in question, expected over futures, plan years as they are), changes (facilities that leave today's estate), differs
    (facilities decided otherwise than in the plan), beaten_by (another plan no worse in all three; "" where none is).
    frontier_decisions has the plan and the columns of the table decisions, for every plan that changes anything.
    """
    chosen, baseline = plan.by_scenario, estate.problem.baseline
    assert chosen is not None and baseline is not None and plan.flow is not None and plan.unmet is not None
    rows = [
        _row(estate, Prices("the plan", 1.0, 1.0), plan.gap, chosen, plan.flow, plan.unmet, chosen),
        _today(estate, baseline, chosen),
    ]
    decided = {"the plan": decisions(estate, chosen)}
    for prices in price_sets(policy):
        found = planned_at(estate, plan, prices, policy)
        options = found.by_scenario
        if options is not None and found.flow is not None and found.unmet is not None:
            rows.append(_row(estate, prices, found.gap, options, found.flow, found.unmet, chosen))
            decided[prices.name] = decisions(estate, options)
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    named = [own.assign(plan=name) for name, own in decided.items() if len(own)] or [
        decided["the plan"].assign(plan="")
    ]
    all_decisions = pd.concat(named, ignore_index=True)
    all_decisions.insert(0, "plan", all_decisions.pop("plan"))
    return {"frontier": table.assign(beaten_by=_beaten(table)), "frontier_decisions": all_decisions}


def planned_at(estate: Estate, plan: EstatePlan, prices: Prices, policy: Policy) -> EstatePlan:
    """The estate planned at other prices, from the plan as it is; verified."""
    problem = replace(
        estate.problem,
        unmet_cost=estate.problem.unmet_cost * prices.without_place,
        arc_cost=estate.problem.arc_cost * prices.journeys,
    )
    found = solve_estate(
        problem,
        time_limit_s=policy.number("estate_time_limit_s"),
        gap=policy.number("estate_gap"),
        start=replace(plan, proof=None),
    )
    if wrong := verify_estate(problem, found):
        raise AssertionError(f"The plan at {prices.name} fails its independent verification: " + "; ".join(wrong))
    return found


def _today(estate: Estate, baseline: np.ndarray, chosen: np.ndarray) -> dict[str, object]:
    placed = placed_anew(estate, baseline)
    staged = np.broadcast_to(baseline, chosen.shape)
    return _row(estate, Prices("today's estate", 1.0, 1.0), np.nan, staged, placed.flow, placed.unmet, chosen)


def _row(
    estate: Estate,
    prices: Prices,
    gap: float,
    options: np.ndarray,
    flow: np.ndarray,
    unmet: np.ndarray,
    chosen: np.ndarray,
) -> dict[str, object]:
    problem, baseline = estate.problem, estate.problem.baseline
    schools = slice(problem.n_schools)
    probability = estate.slices["probability"].to_numpy(dtype=float)
    without = (problem.demand * unmet).sum(axis=1) * probability
    metres = np.where(np.isfinite(estate.arc_metres), estate.arc_metres, 0.0)
    km = (problem.demand[:, problem.arc_node] * flow) @ metres / 1000 * probability
    return {
        "plan": prices.name,
        "price_without_place": prices.without_place,
        "price_of_journeys": prices.journeys,
        "gap": gap,
        "schools_gbp": float(problem.stage_weight @ problem.option_cost[options].sum(axis=1)),
        "pupil_years_without_place": float(without.sum()),
        "journey_km": float(km.sum()),
        "changes": int((options != baseline).any(axis=0)[schools].sum()),
        "differs": int((options != chosen).any(axis=0)[schools].sum()),
    }


def _beaten(table: pd.DataFrame) -> list[str]:
    """For each plan another that is no worse in all three respects and better in one; "" where there is none."""
    values = table[["schools_gbp", "pupil_years_without_place", "journey_km"]].to_numpy()
    slack = 1e-6 * np.maximum(np.abs(values), 1.0)
    no_worse = (values[None] <= values[:, None] + slack[:, None]).all(axis=2)
    better = (values[None] < values[:, None] - slack[:, None]).any(axis=2)
    names = table["plan"].tolist()
    return [next((names[j] for j in np.flatnonzero(no_worse[i] & better[i])), "") for i in range(len(names))]
