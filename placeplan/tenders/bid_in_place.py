"""Each bid in place: as an option of its site in the estate, who would go there, and what that does to other schools.

Two questions, apart. What it does: everything else stays as it is today, and the site has no school or the bid's, so
that all that differs is the bid's doing. What it is worth: everything else is planned anew, with levers of growth, once
without a school on the site and once with each bid, between proven figures.

Who goes there is told twice. *Planned*: pupils are sent where it costs least, so only those come who have no place
nearer. *Chosen*: the gravity model says who would rather go there, from the opening on (models.choice). Nothing of this
is a criterion of the competition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from geodata.competitions import INTERVENTION
from geodata.policy import Policy
from models.bids import benchmark_gbp, bid_option
from models.deficits import WHOLE_PHASE
from models.estate import EstateProblem
from models.estate_build import Estate
from models.options import Facility, Option
from models.placed import rolls
from placeplan.estate.effects import Placing, placed_anew
from placeplan.estate.problem import Known, state_problem, what_is_known
from placeplan.estate.upstream import Upstream
from placeplan.pipeline import COMMISSION
from placeplan.study import Study
from placeplan.study_finances import within_places
from placeplan.tenders.bid_effects import Effects, chosen_effects, deficits_met, planned_effects
from placeplan.tenders.bid_finances import Accounts, bid_budget, with_money
from solvers import solve_estate
from solvers.plans import EstatePlan
from solvers.verify import verify_estate

PLANNED, CHOSEN = "planned", "chosen"
TABLES = ("bids_in_place", "bid_deficits", "bid_pupils", "bid_neighbours", "bid_finances")


@dataclass(frozen=True, eq=False)
class InPlace:
    """Tables of all bids that could be put in place, by competition, and why others could not be."""

    tables: dict[str, pd.DataFrame]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Site:
    """One competition's site in the estate: facility, the option of no school there, and that of each bid."""

    estate: Estate
    facility: int
    empty: int
    options: dict[str, int]


def bids_in_place(study: Study, upstream: Upstream | None) -> InPlace:
    """Tables of `TABLES` over all competitions; empty where the study does not know its schools and pupils."""
    competitions = study.tables["competitions"]
    if upstream is None:
        return InPlace({}, ())
    known, parts, notes = what_is_known(study, upstream), [], []
    accounts = Accounts.of(study, known, within_places(upstream.roll_forecast, upstream.school_forecast))
    for row in competitions.itertuples():
        bids, said = _placeable(study, row, known.years)
        notes += said
        if len(bids):
            parts.append(_one_competition(study, upstream, known, accounts, row, bids))
    tables = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in (TABLES if parts else ())}
    return InPlace(tables, (*notes, *_unsettled(tables)))


def _unsettled(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Bids with which no plan keeps the rules, and those of which it is not settled whether they save or cost."""
    if not tables:
        return
    for competition, rows in tables["bids_in_place"].groupby("competition", sort=False):
        for row in rows[rows["clash"].ne("")].itertuples():
            yield f"{competition}: no plan with {row.bid} keeps every rule: {row.clash}."
        least, most = rows["more_least_gbp"], rows["more_most_gbp"]
        open_ = rows.loc[((least < 0) & (most > 0)) | (least.isna() & rows["clash"].eq("")), "bid"]
        if len(open_):
            yield (
                f"{competition}: planning stopped (bid_seconds) before it was settled whether a school here saves or "
                f"costs more than none: {', '.join(open_)}."
            )


def _placeable(study: Study, row: Any, years: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """The bids of a competition that say what they would open and when, and why others cannot be put in place."""
    bids = study.tables["bids"]
    bids = bids[(bids["competition"] == row.competition) & ~bids["excluded"].astype(bool)]
    if row.kind == INTERVENTION or bids.empty:
        return bids.iloc[:0], []
    if not isinstance(row.site, str):
        return bids.iloc[:0], [f"{row.competition}: no site is given, so the bids cannot be put in place."]
    known = bids["fe"].notna() & bids["opens"].isin(list(years))
    lost = bids.loc[~known, "bid"].tolist()
    note = (
        f"{row.competition}: not put in place for want of forms of entry or of an opening year from {years[0]} to "
        f"{years[-1]}: {', '.join(lost)}."
    )
    return bids[known], [note] if lost else []


def _one_competition(
    study: Study, upstream: Upstream, known: Known, accounts: Accounts, row: Any, bids: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    make = partial(site_options, bids=bids, known=known, study=study)
    estate, *_ = state_problem(study, upstream, COMMISSION, known, {row.site: make})
    here = _site(estate, row.site, bids)
    costs = _worth(study, here)
    today = estate.problem.baseline
    assert today is not None
    before = placed_anew(estate, today)
    told: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for bid in bids.itertuples():
        made = _one_bid(study, upstream, known, accounts, here, before, bid)
        made["bids_in_place"] = made["bids_in_place"].assign(**costs[bid.bid])
        for name, table in made.items():
            table.insert(0, "bid", bid.bid)
            table.insert(0, "competition", row.competition)
            told[name].append(table)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in told.items()}


def _one_bid(
    study: Study, upstream: Upstream, known: Known, accounts: Accounts, here: Site, before: Placing, bid: Any
) -> dict[str, pd.DataFrame]:
    """The tables of one bid, all else as it is today; `before` is without a school on the site."""
    estate, policy = here.estate, study.policy
    o, facility = here.options[bid.bid], here.estate.facilities[here.facility]
    option, with_it = estate.options[o], estate.problem.baseline
    assert with_it is not None
    with_it = with_it.copy()
    with_it[here.facility] = o
    after = placed_anew(estate, with_it)
    effects = {
        PLANNED: planned_effects(estate, here.facility, option, before, after, policy),
        CHOSEN: chosen_effects(estate, here.facility, option, known, upstream.nodes, policy),
    }
    deficits = deficits_met(estate, facility, option, upstream.balance, before, after)
    neighbours = _neighbours(estate, here.facility, rolls(estate, before.flow), effects)
    neighbours, pushed = with_money(neighbours, effects, accounts, policy)
    budgets = [bid_budget(bid.bid, facility, option, basis, one, accounts, policy) for basis, one in effects.items()]
    row = _offer(facility, option, bid, study) | _headline(effects, deficits)
    row |= {f"not_viable_{basis}": "; ".join(names) for basis, names in pushed.items()}
    pupils = [one.pupils.assign(basis=basis) for basis, one in effects.items()]
    return {
        "bids_in_place": pd.DataFrame([row]),
        "bid_deficits": deficits,
        "bid_pupils": pd.concat(pupils, ignore_index=True),
        "bid_neighbours": neighbours,
        "bid_finances": pd.concat(budgets, ignore_index=True),
    }


def site_options(facility: Facility, bids: pd.DataFrame, known: Known, study: Study) -> list[Option]:
    """What a site may become besides nothing: the school of one of its bids."""
    return [
        bid_option(
            facility, bid.bid, bid.fe, bid.opens, None if pd.isna(bid.capital_gbp) else bid.capital_gbp,
            known.years, study.policy,
        )
        for bid in bids.itertuples()
    ]  # fmt: skip


def _site(estate: Estate, site: str, bids: pd.DataFrame) -> Site:
    facility = [one.key for one in estate.facilities].index(site)
    own = np.flatnonzero(estate.problem.option_facility == facility).tolist()
    return Site(estate, facility, own[0], dict(zip(bids["bid"], own[1:], strict=True)))


def _worth(study: Study, here: Site) -> dict[str, dict[str, object]]:
    """By bid, what the whole plan costs more with it than without a school on the site, at least and at most.

    `clash` names the rules that no plan with it keeps; both figures are then nan. Bids with the same places in the same
    years and the same part in every rule differ by what they cost themselves and by nothing else.
    """
    problem = here.estate.problem
    solved: dict[bytes, tuple[float, float, str]] = {}
    before: EstatePlan | None = None

    def cost(option: int) -> tuple[float, float, str]:
        """At least and at most, GBP, and the rules that clash."""
        nonlocal before
        own = problem.option_cost[option]
        alike = problem.option_capacity[option].tobytes() + problem.row_matrix[:, option].toarray().tobytes()
        if alike not in solved:
            plan = _planned(problem, here.facility, option, study.policy, before)
            before = plan if plan.option is not None else before
            clash = "; ".join(problem.row_name[row] for row in plan.clash)
            solved[alike] = (plan.bound - own, plan.objective - own, clash)
        least, most, clash = solved[alike]
        return least + own, most + own, clash

    empty = cost(here.empty)
    told: dict[str, dict[str, object]] = {}
    for bid, option in here.options.items():
        least, most, clash = cost(option)
        known = np.isfinite([least, most, *empty[:2]]).all()
        told[bid] = {
            "more_least_gbp": least - empty[1] if known else np.nan,
            "more_most_gbp": most - empty[0] if known else np.nan,
            "clash": clash,
        }
    return told


def _planned(
    problem: EstateProblem, facility: int, option: int, policy: Policy, before: EstatePlan | None
) -> EstatePlan:
    """The best plan in which the facility follows the option; begins from one in which it followed another."""
    kept = np.flatnonzero((problem.option_facility != facility) | (np.arange(problem.n_options) == option))
    start = None
    if before is not None and before.by_scenario is not None:
        begun = before.by_scenario.copy()
        begun[:, facility] = option
        start = replace(before.begun_with(begun, kept), proof=before.proof)
    one = problem.with_options(kept)
    plan = solve_estate(one, time_limit_s=policy.number("bid_seconds"), gap=policy.number("estate_gap"), start=start)
    if plan.option is not None and (wrong := verify_estate(one, plan)):
        raise AssertionError("A plan with a bid fails its independent verification: " + "; ".join(wrong))
    return plan.renumbered(kept)


def _offer(facility: Facility, option: Option, bid: Any, study: Study) -> dict[str, object]:
    """What is offered, and its capital per place beside the benchmark where the bid asks for capital."""
    intake = bid.fe * study.policy.number("form_of_entry")
    places = intake * len(facility.columns)
    benchmark = benchmark_gbp(facility, intake, study.policy) / places
    asked = None if pd.isna(bid.capital_gbp) else float(bid.capital_gbp) / places
    return {
        "proposer": bid.proposer,
        "opens": option.academic_year,
        "places": round(places),
        "capital_per_place_gbp": np.nan if asked is None else asked,
        "benchmark_per_place_gbp": benchmark,
        "of_benchmark": np.nan if asked is None else asked / benchmark,
    }


def _headline(effects: dict[str, Effects], deficits: pd.DataFrame) -> dict[str, object]:
    """The figures of a bid in one row: of the last plan year, and deficits over all of them."""
    row: dict[str, object] = {
        "deficit_before": float(deficits.loc[deficits["kind"] == WHOLE_PHASE, "deficit_before"].sum()),
        "deficit_after": float(deficits.loc[deficits["kind"] == WHOLE_PHASE, "deficit_after"].sum()),
    }
    for basis, one in effects.items():
        row |= {
            f"pupils_{basis}": float(one.roll[-1]),
            f"newly_within_{basis}": float(one.newly_within[-1]),
            f"newly_beyond_{basis}": float(one.newly_beyond[-1]),
        }
    return row | {"pupils_wanting": float(effects[CHOSEN].wanting[-1])}


def _neighbours(estate: Estate, site: int, without: np.ndarray, effects: dict[str, Effects]) -> pd.DataFrame:
    """Rolls of every school that loses or gains half a pupil or more: without the bid, and with it on each basis."""
    frames = []
    for f, facility in enumerate(estate.facilities):
        lost = {basis: one.change[f] for basis, one in effects.items()}
        if f == site or max(np.abs(change).max() for change in lost.values()) < 0.5:
            continue
        frames.append(
            pd.DataFrame(
                {
                    "facility": facility.key,
                    "name": facility.name,
                    "academic_year": estate.years,
                    "places": facility.places.sum(axis=1),
                    "roll_without": without[f],
                    **{f"change_{basis}": change for basis, change in lost.items()},
                }
            )
        )
    columns = ["facility", "name", "academic_year", "places", "roll_without", "change_planned", "change_chosen"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
