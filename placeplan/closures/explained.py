"""A closure, or a school that might have been closed: its ground, what was open to it, whom it moves, who pays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from geodata.policy import Policy
from models.options import CLOSE, CLOSING, STAY
from placeplan.closures.keeping import kept_told
from placeplan.closures.words import by_faith, by_need, factor_words
from placeplan.estate.shared_heads import ANEW, others_as_planned
from placeplan.estate.stored import plans_beside, stored_estate
from placeplan.estate.what_if import clashing, least_most, otherwise
from placeplan.results import read_stage
from placeplan.words import money
from solvers import RivalPrices, rivals

Told = dict[str, list[str]]
FACTORS_HEAD = "The four factors of section 15(4), in the authority's words"
SHOWN = 6  # receiving schools, and options of the school, that are named


def closure_told(
    folder: Path,
    key: str,
    seconds: float,
    prices: RivalPrices | None,
    policy: Policy,
    factors: pd.DataFrame | None = None,
) -> Told:
    """Headings and sentences; {} for a school without a ground. `folder` is that of the estate stage's results.

    `seconds` may be spent on a school that might have been closed and is not; `prices` are of the same problem;
    `factors` is the table rural_factors.
    """
    if not (folder / "grounds.parquet").exists():
        return {}
    table = read_stage(folder, "grounds")
    mine = table[table["urn"] == key]
    if mine.empty or not (mine["ground"].iloc[0] or mine["named"].iloc[0]):
        return {}
    row = mine.iloc[0]
    told: Told = {"Ground for closing": [_ground(row)]}
    decided = read_stage(folder, "decisions")
    if len(decided[(decided["facility"] == key) & decided["action"].isin(CLOSING)]):
        told["What keeping it open would cost, and what would reverse this"] = [
            *kept_told(folder, key, policy),
            *_limits(folder, row, policy),
        ]
        told["What closing does"] = _effects(folder, key)
        if written := factor_words(factors, key):
            told[FACTORS_HEAD] = [f"{of}: {text}" for of, text in written]
    elif row["offered"]:
        told["If it were closed instead"] = _closed_instead(folder, key, seconds, prices)
    if row["offered"]:
        told["Open to it"] = _options(folder, key)
    return told


def _limits(folder: Path, row: pd.Series, policy: Policy) -> list[str]:
    """From which values of policy on the closure is not offered, or its area keeps too little."""
    said = []
    if row["surplus"] and not (row["sustainability"] or row["quality"]):
        said.append(
            f"Its only ground is surplus: above {row['spare_share']:.1%} of places empty (ground_spare_share, now "
            f"{policy.number('ground_spare_share'):.0%}) it could not be closed."
        )
    if row["sustainability"] and not (row["surplus"] or row["quality"]):
        said.append(
            f"Its only ground is its score of sustainability, {row['score']:.0f} (ground_score, now "
            f"{policy.number('ground_score'):.0f}): at a lower limit it could not be closed."
        )
    kept = read_stage(folder, "retained")
    areas = str(row["planning_area"]).split(", ")  # an all-through school counts in two
    mine = kept[kept["planning_area"].isin(areas) & (kept["kind"] == "total") & (kept["pupils"] > 0)]
    if len(mine):
        spare = mine["plan"] / mine["pupils"] - 1
        tight = mine.loc[spare.idxmin()]
        said.append(
            f"With the plan its area keeps at least {spare.min():.1%} above its pupils ({tight['phase']}, "
            f"{tight['academic_year']}; policy asks {tight['asked'] / tight['pupils'] - 1:.1%} there): if more than "
            "that were asked, fewer places could be taken away in this area."
        )
    return said


def _ground(row: pd.Series) -> str:
    said = row["ground"] or "none: closing is not offered"
    held = f" Protected: {row['protected']}." if row["protected"] else ""
    return f"{said[0].upper()}{said[1:]}.{held}"


def _effects(folder: Path, key: str) -> list[str]:
    """Pupils, journeys, entitlement, receiving schools and the council's own money."""
    effects = read_stage(folder, "closure_effects")
    one = effects[effects["facility"] == key].iloc[0]
    to = read_stage(folder, "closure_receiving")
    to = to[to["facility"] == key].sort_values("pupils", ascending=False)
    named = [f"{r.name} {r.pupils:.0f}" for r in to.head(SHOWN).itertuples(index=False)]
    more = f" and {len(to) - SHOWN} more" if len(to) > SHOWN else ""
    pockets = read_stage(folder, "pockets")
    by_pocket = pockets[pockets["facility"] == key].groupby("pocket", sort=False)["discounted_gbp"].sum()
    council = float(one["council_discounted_gbp"])
    return [
        f"The council itself {'saves' if council < 0 else 'pays'} {money(abs(council))} over the years counted.",
        "By pocket, discounted, a minus is a saving: "
        + "; ".join(f"{name} {money(gbp)}" for name, gbp in by_pocket.items())
        + ".",
        f"{one['pupils_displaced']:.0f} pupils on roll move: {', '.join(named)}{more}.",
        f"Their journey: median {one['median_before_m'] / 1000:.1f} km before, {one['median_after_m'] / 1000:.1f} "
        "after; "
        f"worst {one['worst_before_m'] / 1000:.1f} before, {one['worst_after_m'] / 1000:.1f} after; "
        f"{one['cross_2_miles']:.0f} come to live beyond 2 miles, {one['cross_3_miles']:.0f} beyond 3.",
        f"Would have to change school once more in later years: {one['moved_again']:.0f}.",
        f"Newly entitled to free transport: {one['newly_entitled']:.0f}; it costs "
        f"{money(one['transport_first_year_gbp'])} more in the closing year, in whole vehicles by route.",
        f"Could be offered a place with most of their year group at one school: {one['could_stay_together']:.0%}; the "
        f"plan keeps {one['together_in_plan']:.0%} together.",
        *_by_whom(one, to),
        *_steady(folder, key),
    ]


def _by_whom(one: pd.Series, to: pd.DataFrame) -> list[str]:
    """Faith, disadvantage and special needs, as far as the study gives them."""
    shares = "; ".join(f"{faith} {share:.0%}" for faith, share in by_faith(to))
    poor = [one["fsm_share"], one["receiving_fsm_share"]]
    shown = "" if pd.isna(poor).any() else f" ({poor[0]:.0%} of its pupils, {poor[1]:.0%} where they go)"
    return [
        f"By faith of the receiving school (its own: {one['religious_character']}): {shares}.",
        f"Of its pupils: {'; '.join(by_need(one.to_dict()))}{shown}.",
    ]


def _steady(folder: Path, key: str) -> list[str]:
    steady = read_stage(folder, "closure_stability")
    mine = steady[steady["facility"] == key]
    return [
        f"{'Fragile: under' if row.fragile else 'Under'} {row.draws} forecasts with a little noise it closes in "
        f"{row.stays}."
        for row in mine.itertuples()
    ]


def _closed_instead(folder: Path, key: str, seconds: float, prices: RivalPrices | None) -> list[str]:
    """What the best plan that closes it costs more, between two proven figures, and what others then do.

    Heads and numbers that other schools share stay as they are planned.
    """
    options = read_stage(folder, "options")
    closing = options.loc[(options["facility"] == key) & (options["action"] == CLOSE), "option"].to_numpy(dtype=int)
    if not len(closing):
        return ["No year is left in which it could close."]
    problem, plan = stored_estate(folder)
    chosen = plan.by_scenario
    assert chosen is not None
    facility = int(problem.option_facility[closing[0]])
    within = others_as_planned(problem, options, chosen, facility)
    found = rivals(
        problem, facility, np.unique(chosen[:, facility]), chosen,
        time_limit_s=seconds, instead=closing, prices=prices, within=within, others=plans_beside(folder),
        gap_gbp=plan.objective - plan.bound, sharp=True,
    )  # fmt: skip
    if found.clash:
        others = np.setdiff1d(np.flatnonzero(problem.option_facility == facility), closing)
        clash = clashing(problem, np.setdiff1d(within, others))
        return [f"No plan that closes it, {ANEW}, keeps every rule{clash}."]
    least, most = (max(gbp, 0.0) for gbp in found.more_gbp)
    if not np.isfinite(most):
        return [f"Costs at least {money(least)} more; no plan that closes it was found in the time."]
    then = otherwise(options, chosen, found.kept_without(chosen), facility)
    return [f"Costs {least_most(least, most)}, {ANEW}.", *then]


def _options(folder: Path, key: str) -> list[str]:
    """What else was open to the school, the first of each kind, with its own cost."""
    options = read_stage(folder, "options")
    mine = options[(options["facility"] == key) & (options["action"] != STAY)].drop_duplicates("action")
    return [
        f"{row.action} from {row.academic_year}: {money(row.cost_gbp)} of its own ({row.reason})."
        for row in mine.head(SHOWN).itertuples()
    ]
