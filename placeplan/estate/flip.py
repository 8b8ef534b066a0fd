"""What change of the forecast would flip a decision: proven at the changes that were tried.

At a changed forecast the estate is stated anew. A decision *stands* there if every plan without it is proven to cost
more than one with it, it is *flipped* if every plan with it is proven to cost more than one without it; else it is
undecided. Changes grow step by step until one does not leave it standing, and the last interval is halved. The changes
at which a decision stands need not be all those between two figures, so what is said is of the changes tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.changed_forecast import around, expected_pupils, with_forecast
from models.estate_build import Estate
from models.rules import Kept
from placeplan.estate.problem import state_problem
from placeplan.estate.shared_heads import others_as_planned
from placeplan.estate.stored import as_stored, stored_estate
from placeplan.estate.upstream import Upstream
from placeplan.estate.what_if import decided, words_of
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.words import money
from solvers import RivalPrices, Rivals, rivals

STANDS, FLIPS, UNDECIDED = "stands", "flips", "undecided"
GROWING = (1 / 6, 1 / 3, 2 / 3, 1.0)  # of the largest change: what is tried before halving
TRY_SHARE = 0.4  # of the time left that one try may take
AROUND_SHARE = 0.6  # of the time for changes around the school; the rest is for the whole study
HOW_PROVEN = (
    "The change is the same in every year. Proven for the whole estate, all else planned anew but schools that share a "
    "head in the plan, at the changes that were tried; between them it may be otherwise."
)
TAKEN_AS_IT_IS = (
    "Options, places and budgets are those of today's forecast; what policy asks to retain follows the pupils."
)
COMPARED = ("option_cost", "option_capacity", "demand", "arc_cost", "unmet_cost", "row_lower", "row_upper")


@dataclass(frozen=True)
class Tried:
    """One change that was tried, in per cent above 0 whichever way, what became of the decision, what came instead."""

    percent: float
    outcome: str
    instead: str = ""


def forecast_flips(study: Study, key: str, now: Rivals, until: float, *, proven: bool) -> list[str]:
    """Sentences on the least changes of the forecast that flip what is planned for a school or site.

    `now` is what `runner_up` gives for it; `until` is the time (`time.perf_counter`) at which to have done;
    `proven` is whether it is known to stand at the forecast as it is.
    """
    folder = study.results / "estate"
    options = read_stage(folder, "options")
    if not proven:
        return [_not_even_now(now, options)]
    stored, plan = stored_estate(folder)
    levers = tuple((read_summary(folder) or {})["levers"])
    estate, kept, *_ = state_problem(study, Upstream.read(study.results), levers)
    estate = as_stored(estate, folder)
    if any(not np.array_equal(getattr(stored, name), getattr(estate.problem, name)) for name in COMPARED):
        return ["Not known: inputs or settings are no longer those of the plan; `placeplan run` plans anew."]
    assert plan.by_scenario is not None
    asked = Asked(estate, kept, now.core.facilities[now.core.facility], plan.by_scenario, options)
    return _told(asked, now.prices, study, until)


@dataclass(frozen=True, eq=False)
class Asked:
    """The facility that is asked about, and the plan of its estate: `begun` (K, F)."""

    estate: Estate
    kept: list[Kept]
    facility: int
    begun: np.ndarray
    options: pd.DataFrame

    @cached_property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Options that make the decision, and those that would be another."""
        return decided(self.options, self.begun[:, self.facility])

    @cached_property
    def within(self) -> np.ndarray:
        """Options that are compared: heads that other schools share stay as planned."""
        return others_as_planned(self.estate.problem, self.options, self.begun, self.facility)


class Way:
    """One way to change the forecast: fewer (`sign` -1) or more (1) pupils at some nodes (N,)."""

    def __init__(self, asked: Asked, nodes: np.ndarray, sign: int, prices: RivalPrices) -> None:
        self._asked, self._nodes, self._sign = asked, nodes, sign
        everywhere = np.full((len(prices.pupil), len(nodes)), np.nan)
        everywhere[:, asked.estate.moving] = prices.pupil
        self._pupil, self._row = everywhere, prices.row  # the latest prices, by node of the whole estate
        self._begun = asked.begun  # the latest plan

    def at(self, percent: float, limit_s: float) -> Tried:
        """What becomes of the decision where so many per cent of the pupils more or fewer come."""
        asked = self._asked
        times = np.where(self._nodes, 1 + self._sign * percent / 100, 1.0)
        changed = with_forecast(asked.estate, asked.kept, times)
        found = rivals(
            changed.problem, asked.facility, asked.sides[0], self._begun, instead=asked.sides[1],
            time_limit_s=limit_s, prices=RivalPrices(self._pupil[:, changed.moving], self._row),
            within=asked.within,
        )  # fmt: skip
        self._begun = found.kept_to(self._begun)
        known = ~np.isnan(found.prices.pupil[0])
        self._pupil[:, changed.moving[known]] = found.prices.pupil[:, known]
        if found.flips and found.instead is not None:
            return Tried(percent, FLIPS, _instead(found, asked.options))
        return Tried(percent, STANDS if found.stands else UNDECIDED)


def _told(asked: Asked, prices: RivalPrices, study: Study, until: float) -> list[str]:
    """The sentences: fewer and more pupils around here, then everywhere."""
    estate, policy, said = asked.estate, study.policy, []
    pupils = expected_pupils(estate)[-1].sum(axis=0)
    near, everywhere = around(estate, asked.facility), np.ones(len(estate.all_nodes), dtype=bool)
    most, step = policy.number("flip_most_percent"), policy.number("flip_step_percent")
    for nodes, where, share in ((near, "around here", AROUND_SHARE), (everywhere, "in the whole study", 1.0)):
        clock = time.perf_counter() + share * (until - time.perf_counter())
        # HiGHS and the prices work outside Python's lock: fewer and more share the cores.
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(search, Way(asked, nodes, sign, prices).at, most, step, clock) for sign in (-1, 1)]
        count = float(pupils[nodes].sum())
        for word, tries in zip(("fewer", "more"), waiting, strict=True):
            said.append(_sentence(tries.result(), word, where, count, estate.years[-1]))
    said += [HOW_PROVEN, TAKEN_AS_IT_IS]
    if estate.problem.two_stage:
        said.append("Compared are plans that keep to it in every future with plans that never do.")
    return said


def search(at: Callable[[float, float], Tried], most: float, step: float, until: float) -> list[Tried]:
    """What was tried, in that order, of changes up to `most` per cent, in whole steps, before the time is up.

    `at` takes a change and the seconds it may take.
    """
    tried: dict[int, Tried] = {}

    def attempt(steps: int) -> Tried | None:
        left_s = until - time.perf_counter()
        if left_s <= 0:
            return None
        tried[steps] = at(steps * step, TRY_SHARE * left_s)
        return tried[steps]

    whole = max(round(most / step), 1)
    low, high, unsure = 0, 0, 0  # it stands at all that was tried up to `low`, and does not or may not at `high`
    for steps in sorted({max(round(share * whole), 1) for share in GROWING}):
        found = attempt(steps)
        if found is None:
            break
        if found.outcome == STANDS and not high:
            low = steps
        high = high or (steps if found.outcome != STANDS else 0)
        unsure += found.outcome == UNDECIDED
        if found.outcome == FLIPS or unsure == 2:
            break
    while high - low > 1 and (found := attempt((low + high) // 2)) is not None:
        low, high = ((low + high) // 2, high) if found.outcome == STANDS else (low, (low + high) // 2)
    return list(tried.values())


def _sentence(tries: list[Tried], word: str, where: str, count: float, year: str) -> str:
    """What the tries in one direction say; `count` pupils are changed, those of `year` told."""
    begin = f"If {word} pupils come {where}: "
    flips = min((one for one in tries if one.outcome == FLIPS), key=lambda one: one.percent, default=None)
    unsure = [one.percent for one in tries if one.outcome == UNDECIDED]
    below = min([*unsure, np.inf if flips is None else flips.percent])
    stands = max((one.percent for one in tries if one.outcome == STANDS and one.percent < below), default=0.0)

    def change(percent: float) -> str:
        return f"{percent:g} % {word} ({percent / 100 * count:,.0f} of {count:,.0f} pupils in {year})"

    if not tries:
        return f"{begin}not tried, for want of time."
    parts = [f"stands up to {change(stands)}"] if stands else []
    if flips is not None:
        parts.append(f"at {change(flips.percent)} it would instead be {flips.instead}")
    elif stands and not unsure:
        parts = [f"no change up to {change(stands)} flips it"]
    if unsure:
        parts.append(f"at {_listed(unsure)} it could not be decided in the time")
    return f"{begin}{'; '.join(parts)}. Tried: {_listed([one.percent for one in tries])}."


def _listed(percents: list[float]) -> str:
    return f"{', '.join(f'{percent:g}' for percent in sorted(percents))} %"


def _not_even_now(now: Rivals, options: pd.DataFrame) -> str:
    """Where the decision is not proven at the forecast as it is."""
    least, most = now.more_gbp
    if now.flips:
        less = f"{money(-most)} to {money(-least)} less"
        return f"At the forecast as it is another plan, within the gap, costs {less}: {_instead(now, options)}."
    return (
        "Not proven in the time to stand even at the forecast as it is: without it the estate costs between "
        f"{money(least)} and {money(most)} more."
    )


def _instead(found: Rivals, options: pd.DataFrame) -> str:
    """What the facility does in the best plan without the decision."""
    assert found.instead is not None
    return " or ".join(sorted({words_of(options.iloc[option]) for option in found.instead.tolist()}))
