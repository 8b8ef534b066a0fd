"""The best plan of a running search, and how options and neighbourhoods become one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.estate import EstateProblem, FloatArray, IntArray
from solvers.attention import Attention
from solvers.clash import OptionSpace
from solvers.highs import Clock, Reporter
from solvers.neighbourhoods import Neighbourhood, Standing, tidy, write_into
from solvers.part import PartPlan
from solvers.pots import settled
from solvers.transport import keeps_rows, place_and_tell, place_pupils, plan_cost

GRACE_S = 3.0  # what placing pupils may take beyond the limit
MENDING_SHARE, MENDING_S = 0.2, 60.0  # of the time left, and at most, for options that break policy rows


@dataclass(frozen=True)
class Seen:
    """The state of the plan when a neighbourhood was cut from it."""

    changes: int  # in all
    adopted: int  # those that placed everybody anew


class BestPlan:
    """The best plan so far; `standing` is None while there is none."""

    def __init__(self, problem: EstateProblem, clock: Clock, reporter: Reporter, seed: int) -> None:
        self._problem, self._clock, self._reporter, self._seed = problem, clock, reporter, seed
        self.standing: Standing | None = None
        self.attention: Attention | None = None  # says how far options are apart, once there are prices
        self.seen = Seen(0, 0)
        self.placing_s = 0.0  # spent on placing everybody anew, where there is a limit

    def adopt(self, option: IntArray) -> bool:
        """Try options (K, F), mended where they break policy rows; take them where they make the best plan.

        Tells whether pupils have been placed at least cost.
        """
        problem = self._problem
        mended = self._mended(option)
        if mended is None:
            return False
        began = self._clock.seconds
        flow, unmet, exact = place_and_tell(problem, mended, self._clock, GRACE_S)
        self.placing_s += self._clock.seconds - began if math.isfinite(self._clock.limit_s) else 0.0
        cost = plan_cost(problem, mended, flow, unmet)
        if self.standing is None or cost < self.standing.cost:
            self._take(Standing(mended, flow, cost), anew=True)
        return exact

    def write(self, hood: Neighbourhood, found: PartPlan, seen: Seen, overlaps: bool) -> None:
        """A better neighbourhood into the plan; placed anew where the plan is no longer what it was cut from.

        `overlaps`: another may have changed the same pupils meanwhile.
        """
        assert self.standing is not None and found.option is not None
        if seen.changes == self.seen.changes or not (overlaps or seen.adopted != self.seen.adopted):
            better = write_into(self._problem, self.standing, hood, found)
            if better is not self.standing:
                self._take(better, anew=overlaps)  # what it overlaps no longer fits the plan as it is
        else:
            option = self.standing.option.copy()
            option[:, hood.facilities] = found.option
            if all(keeps_rows(self._problem, one) for one in option):
                self.adopt(option)

    def place_again(self) -> None:
        """Pupils placed at least cost for the options found; the plan only tidied where no time is left."""
        if self.standing is None:
            return
        self.standing = tidy(self._problem, self.standing)
        if self._clock.left_s == 0:
            return
        flow, unmet = place_pupils(self._problem, self.standing.option, self._clock, GRACE_S)
        cost = plan_cost(self._problem, self.standing.option, flow, unmet)
        if cost < self.standing.cost:
            self.standing = Standing(self.standing.option, flow, cost)

    def _take(self, better: Standing, anew: bool) -> None:
        self.standing = better
        self.seen = Seen(self.seen.changes + 1, self.seen.adopted + anew)
        self._reporter.report(incumbent=better.cost)

    def _mended(self, option: IntArray) -> IntArray | None:
        """(K, F) options near these that keep the policy rows; None where a facility has none or none were found."""
        if option.min() < 0:
            return None
        mended = settled(self._problem, option)
        for k, one in enumerate(mended):
            if keeps_rows(self._problem, one):
                continue
            space = OptionSpace(self._problem, self._clock, self._seed)
            seconds = min(MENDING_SHARE * self._clock.left_s, MENDING_S)
            _, near = space.nearest(one, seconds, self._distance(k, one))
            if near is None or not keeps_rows(self._problem, near):
                return None
            mended[k] = near
        return mended

    def _distance(self, scenario: int, option: IntArray) -> FloatArray | None:
        """(O,) how far other options seem to be from these (F,) at the prices; 0 for these alone."""
        if self.attention is None:
            return None
        worse = np.maximum(self.attention.regret(scenario, option), 0.0)
        scale = max(float(worse.mean()), 1e-9)
        return np.where(np.isin(np.arange(len(worse)), option), 0.0, np.maximum(worse / scale, 1e-3))
