"""Two rival decisions at one facility: what the best plan with, and the best without, at least and at most costs.

All is done in the core (`solvers.core`), whose differences hold for the whole estate. First the plans at hand are
placed and prices (`solvers.prices`) bound both sides at once; where that does not tell them apart, options that the
prices rule out are dropped and what is left of each side is one programme (`solvers.part`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.core import Core, core_around
from solvers.highs import Clock
from solvers.layout import Layout, lay_out
from solvers.part import Effort, PartPlan, solve_part
from solvers.pots import settled
from solvers.priced_tiles import lay_mosaic
from solvers.prices import Prices
from solvers.transport import eased_rows, keeps_rows, place_pupils, plan_cost

PRICE_PASSES, ROUND = 1500, 100  # passes at most, and between two looks at what they still gain
PATIENCE = 4  # rounds of passes, at least, that are not asked what they gain
PRICE_SHARE = 0.3  # of the time, at most, for prices
LEAST_GAIN = 0.01  # of the distance to the plans, that a round of passes must gain
APART = 0.4  # of the difference between two plans: the gap at which a side's proof may stop, to tell them apart
SHARP = 0.02  # the same where the difference itself is asked for
LEAST_GAP_GBP = 1.0
ROUNDS = 6  # programmes, at most
GRACE_S = 1.0  # for placing pupils beyond the limit
DIGITS = 1e-7  # share of a cost by which another must lie above it to be called dearer


@dataclass(eq=False)
class Side:
    """Plans of one side, within the core: the least that any costs, the cost of the best found, and its options.

    `allowed` (O,) are its options.
    """

    allowed: NDArray[np.bool_]
    least_gbp: float = -math.inf
    most_gbp: float = math.inf
    option: IntArray | None = None  # (K, F)


@dataclass(frozen=True, eq=False)
class RivalPrices:
    """Prices of the whole problem, nan outside the core: pupil (S, D) GBP a pupil, row (K, R) GBP a unit."""

    pupil: FloatArray
    row: FloatArray


@dataclass(frozen=True, eq=False)
class Rivals:
    """Plans with and without what was decided. Costs are those of one core, so only their differences count."""

    core: Core
    with_it: Side
    without: Side
    prices: RivalPrices  # to begin from at a problem like this one

    @property
    def stands(self) -> bool:
        """Proven: every plan without it costs more than one with it."""
        return _dearer(self.without, self.with_it)

    @property
    def flips(self) -> bool:
        """Proven: every plan with it costs more than one without it."""
        return _dearer(self.with_it, self.without)

    @property
    def clash(self) -> bool:
        """Proven: no plan without it keeps the policy rows."""
        return self.without.least_gbp == math.inf

    @property
    def more_gbp(self) -> tuple[float, float]:
        """What the best plan without it costs more, at least and at most; both inf where none keeps the rules."""
        if self.clash:
            return math.inf, math.inf
        return self.without.least_gbp - self.with_it.most_gbp, self.without.most_gbp - self.with_it.least_gbp

    def kept_to(self, begun: IntArray) -> IntArray:
        """The plan `begun` (K, F) of the whole problem, with the best found with the decision in it."""
        return begun.copy() if self.with_it.option is None else self.core.within(begun, self.with_it.option)

    def kept_without(self, begun: IntArray) -> IntArray:
        """The same with the best plan found without the decision."""
        return begun.copy() if self.without.option is None else self.core.within(begun, self.without.option)

    @property
    def instead(self) -> IntArray | None:
        """(K,) the options, of the whole problem, that the best plan found without it takes for the facility."""
        if self.without.option is None:
            return None
        taken: IntArray = self.core.options[self.without.option[:, self.core.facility]]
        return taken


def rivals(
    problem: EstateProblem,
    facility: int,
    taken: IntArray,
    begun: IntArray,
    *,
    time_limit_s: float,
    instead: IntArray | None = None,
    prices: RivalPrices | None = None,
    gap_gbp: float = math.inf,
    sharp: bool = False,
    within: IntArray | None = None,
    others: Sequence[IntArray] = (),
    seed: int = 0,
) -> Rivals:
    """Plans in which the facility follows options of `taken` beside those in which it follows others.

    With several scenarios a plan belongs to a side where it does so in every scenario. `begun` (K, F) is a plan to
    begin from; where it is one of `taken` and proven, no plan costs more than `gap_gbp` less. `prices` are those of a
    problem like this one. `instead` limits the other side to some options. `sharp` asks for the difference itself, not
    only which side is cheaper. Plans take options of `within` (O',) only, where it is given; those of `begun` must be
    among them. `others` are further plans (K, F) that are tried where they fit. ValueError where a side has no option.
    """
    if within is None:
        core = core_around(problem, facility)
    else:
        core = core_around(problem.with_options(within), facility)
        core = replace(core, options=within[core.options])
    mine = core.problem.option_facility == core.facility
    of_taken = np.isin(core.options, taken)
    of_others = ~of_taken if instead is None else np.isin(core.options, instead)
    if not (mine & of_taken).any() or not (mine & of_others).any():
        raise ValueError(f"facility {facility} has no option on one of the two sides")
    contest = _Contest(core, Side(~mine | of_taken), Side(~mine | of_others), Clock(time_limit_s), sharp, seed)
    fitting = [core.options_of(plan) for plan in others if core.has(plan)]
    found = contest.run(core.options_of(begun), gap_gbp, prices, fitting)
    pupil, row = np.full(problem.demand.shape, np.nan), np.full((len(found.row), problem.n_rows), np.nan)
    pupil[:, core.nodes], row[:, core.rows] = found.pupil, found.row
    return Rivals(core, contest.with_it, contest.without, RivalPrices(pupil, row))


def _dearer(side: Side, other: Side) -> bool:
    """Whether every plan of the side costs more than one of the other."""
    return side.least_gbp > other.most_gbp + DIGITS * max(1.0, abs(other.most_gbp))


class _Contest:
    """The course of one comparison."""

    def __init__(self, core: Core, with_it: Side, without: Side, clock: Clock, sharp: bool, seed: int) -> None:
        self.core, self.with_it, self.without = core, with_it, without
        self.problem, self.clock, self.seed = core.problem, clock, seed
        self.sharp, self._sharply = False, sharp
        self.layout: Layout = lay_out(core.problem)

    def run(
        self, begun: IntArray, gap_gbp: float, known: RivalPrices | None, others: Sequence[IntArray] = ()
    ) -> Prices:
        """Plans at hand, prices, programmes: until the sides are told apart or the time is up. The prices."""
        sides = (self.with_it, self.without)
        for side in sides:
            self._try(side, self._mended(side, self._brought_over(side, begun)))
            for plan in others:
                if side.allowed[plan[:, self.core.facility]].all():
                    self._try(side, plan)
        # Of the whole: the rest of the estate costs no less than in its own best plan.
        is_begun = self.with_it.allowed[begun[:, self.core.facility]].all()
        if is_begun and math.isfinite(gap_gbp) and math.isfinite(self.with_it.most_gbp):
            for side in sides:
                side.least_gbp = self.with_it.most_gbp - gap_gbp
        prices = self._priced(known)
        for side in sides:
            self._try(side, self._by_value(side, prices))
        for sharp in (False, True) if self._sharply else (False,):  # which is cheaper first, then by how much
            self.sharp = sharp
            for _ in range(ROUNDS):
                if self._settled or self.clock.left_s == 0:
                    break
                self._solve(max(sides, key=self._gap), prices)
        return prices

    @property
    def _settled(self) -> bool:
        """Whether what was asked is known."""
        if self.sharp:
            return all(self._gap(side) <= 2 * self._asked_gbp for side in (self.with_it, self.without))
        apart = _dearer(self.without, self.with_it) or _dearer(self.with_it, self.without)
        return apart or all(self._gap(side) <= LEAST_GAP_GBP for side in (self.with_it, self.without))

    @staticmethod
    def _gap(side: Side) -> float:
        return 0.0 if side.least_gbp == math.inf else side.most_gbp - side.least_gbp

    @property
    def _asked_gbp(self) -> float:
        """The gap at which a programme may stop."""
        apart = abs(self.without.most_gbp - self.with_it.most_gbp)
        return max(LEAST_GAP_GBP, (SHARP if self.sharp else APART) * apart) if math.isfinite(apart) else LEAST_GAP_GBP

    def _brought_over(self, side: Side, option: IntArray) -> IntArray:
        """The options (K, F) as the side allows them: the facility as in its best plan, else its first option."""
        own = self.core.facility
        if side.allowed[option[:, own]].all():
            return option
        changed = option.copy()
        first = np.flatnonzero(side.allowed & (self.problem.option_facility == own))[0]
        changed[:, own] = first if side.option is None else side.option[:, own]
        return changed

    def _mended(self, side: Side, option: IntArray) -> IntArray:
        """The options (K, F) where those whose other half the facility has left take their first one instead."""
        problem, own = self.problem, self.core.facility
        lower, upper = eased_rows(problem)
        mended = option.copy()
        for one in mended:
            level = np.asarray(problem.row_matrix[:, one].sum(axis=1)).ravel()
            broken = problem.row_matrix[np.flatnonzero((level < lower) | (level > upper))][:, one]
            others = np.unique(broken.nonzero()[1])
            for facility in others[others != own].tolist():
                allowed = side.allowed & (problem.option_facility == facility)
                one[facility] = np.flatnonzero(allowed)[0]
        return mended

    def _by_value(self, side: Side, prices: Prices) -> IntArray | None:
        """(K, F) the best plan of the side so far, with what the prices think best for the facility."""
        if side.option is None:
            return None
        option = side.option.copy()
        option[:, self.core.facility] = self._best_of(side, prices)[1]
        return option

    def _try(self, side: Side, option: IntArray | None) -> None:
        """Place pupils for the options (K, F) and take them for the side's plan where they are its best."""
        if option is None:
            return
        option = settled(self.problem, option)
        if side.option is not None and (side.option == option).all():
            return
        if not all(keeps_rows(self.problem, one) for one in option):
            return
        flow, unmet = place_pupils(self.problem, option, self.clock, GRACE_S)
        cost = plan_cost(self.problem, option, flow, unmet)
        if cost < side.most_gbp:
            side.most_gbp, side.option = cost, option

    def _priced(self, known: RivalPrices | None) -> Prices:
        """Prices that bound both sides, sought until they tell them apart or gain little."""
        prices = Prices(self.layout)
        if known is not None:
            pupil, row = known.pupil[:, self.core.nodes], known.row[:, self.core.rows]
            warm = Prices(
                self.layout, np.where(np.isnan(pupil), prices.pupil, pupil), np.where(np.isnan(row), prices.row, row)
            )
            prices = warm if warm.bound > prices.bound else prices
        until_s, seen = self.clock.seconds + PRICE_SHARE * self.clock.left_s, [prices.bound]
        target = min(self.with_it.most_gbp, self.without.most_gbp)

        def enough() -> bool:
            self._bound(prices)
            if prices.passes % ROUND == 0:
                seen.append(prices.bound)
                if prices.passes > PATIENCE * ROUND and seen[-1] - seen[-2] < LEAST_GAIN * (target - seen[-1]):
                    return True
            return self._settled or self.clock.seconds > until_s

        prices.ascend(PRICE_PASSES, enough)
        return prices

    def _bound(self, prices: Prices) -> None:
        for side in (self.with_it, self.without):
            side.least_gbp = max(side.least_gbp, prices.bound + self._best_of(side, prices)[0])

    def _best_of(self, side: Side, prices: Prices) -> tuple[float, IntArray]:
        """What it costs more at the prices that the facility keeps to the side, and (K,) the options it then takes."""
        own, layout = self.core.facility, self.layout
        groups = range(layout.facility_group[own], layout.facility_group[own + 1])
        free, best, options = math.inf, math.inf, np.empty(0, dtype=np.int64)
        for group in groups:
            at = np.arange(layout.group_start[group], layout.group_start[group + 1])
            value = prices.value[:, at]
            free = min(free, float(value.min(axis=1).sum()))
            kept = np.where(side.allowed[layout.option_order[at]], value, math.inf)
            if kept.min(axis=1).sum() < best:
                best, options = float(kept.min(axis=1).sum()), layout.option_order[at[kept.argmin(axis=1)]]
        return best - free, options

    def _solve(self, side: Side, prices: Prices) -> None:
        """The side's own programme; what it finds and proves is taken into the side."""
        kept = self._worth_keeping(side, prices)
        part_of = self.problem.with_options(kept)
        everything = np.zeros((len(part_of.stage_weight), part_of.n_rows))
        mosaic = lay_mosaic(part_of, [np.arange(part_of.n_facilities)], part_of.unmet_cost, everything, 0.0)
        part, start = mosaic.part(0), None
        if side.option is not None:
            option = kept.searchsorted(side.option)
            flow, _ = place_pupils(part_of, option, self.clock, GRACE_S)
            start = mosaic.start(part, option, flow)
        found = solve_part(part_of, part, Effort(self.clock.left_s, None, self._asked_gbp, self.seed), start)
        self._take(side, found, kept)

    def _take(self, side: Side, found: PartPlan, kept: IntArray) -> None:
        if found.option is not None:
            # What the neighbours do best on one side is mostly best, or nearly so, on the other.
            other = self.with_it if side is self.without else self.without
            self._try(side, kept[found.option])
            self._try(other, self._brought_over(other, kept[found.option]))
        # Plans with an option that was dropped cost more than the best found.
        least = found.bound if side.option is None else min(found.bound, side.most_gbp)
        side.least_gbp = max(side.least_gbp, least)

    def _worth_keeping(self, side: Side, prices: Prices) -> IntArray:
        """The side's options, without those that make any plan dearer, by the prices, than its best one found."""
        layout = self.layout
        if layout.n_scenarios > 1 or side.option is None:
            return np.flatnonzero(side.allowed)
        value = np.empty(self.problem.n_options)
        value[layout.option_order] = prices.value[0]
        value[~side.allowed] = math.inf
        best = np.full(self.problem.n_facilities, math.inf)
        np.minimum.at(best, self.problem.option_facility, value)
        least: FloatArray = prices.bound + self._best_of(side, prices)[0] + value - best[self.problem.option_facility]
        kept = side.allowed & (least <= side.most_gbp + LEAST_GAP_GBP)
        kept[side.option.ravel()] = True
        kept |= self.problem.option_facility >= self.problem.n_schools
        return np.flatnonzero(kept)
