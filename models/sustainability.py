"""How well a school can go on as it is: its money, the share of its places that are filled, and its size.

The score runs from 0 to 100 on a scale that policy states and that nothing has been fitted to, least of all which
schools have closed: a score fitted to that could not be checked against it. Money weighs most, since a school that
covers its cost goes on; empty places and few pupils are in it already through premises and the lump sum, and stand
beside it because they say how near the next deficit is. A low score says that a school is exposed, not that it should
close: standards, faith, journeys, other schools' room and what a village would lose are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.funding_values import FundingValues
from geodata.policy import Policy
from models.budgets import BLOCK, steady_balance_share
from models.funded_schools import FundedSchools
from models.school_costs import N_PRIMARY

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sustainability:
    """The score of F schools and what it is made of; nan where places are unknown, 0 without pupils.

    Attributes
    ----------
    balance_share : (F,) best balance, as a share of income, at a steady roll no larger than its own.
    filled_share : (F,) pupils by place.
    year_group : (F,) mean pupils in a year group taught.
    money, filled, size : (F,) each on policy's scale from 0 to 1.
    score : (F,) their mean by policy `sustainability_weights`, from 0 to 100; higher is more sustainable.

    """

    balance_share: Array
    filled_share: Array
    year_group: Array
    money: Array
    filled: Array
    size: Array
    score: Array


def sustainability(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> Sustainability:
    """Score schools on rolls (F, 12) that are taken to be steady, in the building that they have."""
    pupils = rolls.sum(axis=1)
    there = pupils > 0
    balance = reachable_balance_share(schools, rolls, values, policy)
    unknown = np.where(there, np.nan, 0.0)
    share = np.divide(pupils, schools.places, out=unknown, where=schools.places > 0)
    junior = schools.serves[:, :N_PRIMARY].sum(axis=1)
    senior = schools.serves[:, N_PRIMARY:].sum(axis=1)
    enough = junior * policy.number("sustainability_year_group_primary")
    enough = enough + senior * policy.number("sustainability_year_group_secondary")
    parts = {
        "money": _scaled(np.where(there, balance, -np.inf), policy.numbers("sustainability_balance_share")),
        "filled": _scaled(share, policy.numbers("sustainability_filled_share")),
        "size": np.minimum(pupils / np.maximum(enough, 1.0), 1.0),
    }
    weights = policy.numbers("sustainability_weights")
    score = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
    return Sustainability(
        balance_share=balance,
        filled_share=share,
        year_group=pupils / np.maximum(schools.year_groups, 1.0),
        score=np.where(there, 100.0 * score / sum(weights), 0.0),
        **parts,
    )


def reachable_balance_share(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> Array:
    """Best usual balance (F,) as a share of income at a roll no larger than that of `rolls` (F, 12); nan without one.

    Usual is the mean over the whole rolls up to `sustainability_roll_range` either way, for no roll is quite steady. A
    few pupils more may make a class necessary that costs more than they bring. A lower admission number mends that, and
    is a lesser step than closing: so nothing here is worse for pupils that a school need not take.
    """
    own = np.rint(rolls.sum(axis=1)).astype(int)
    shape = rolls / np.maximum(rolls.sum(axis=1, keepdims=True), 1e-9)
    apart = policy.number("sustainability_roll_range")
    sizes = np.arange(1, own.max(initial=0) + 1)
    low, high = (np.ceil((1 - apart) * sizes).astype(int), np.floor((1 + apart) * sizes).astype(int))
    share = np.zeros((len(own), 1 + high.max(initial=0)))
    for start in range(1, share.shape[1], BLOCK):
        here = np.flatnonzero((1 + apart) * own >= start)
        tried = np.arange(start, min(start + BLOCK, share.shape[1]))
        at = shape[here, None, :] * tried[None, :, None]
        share[np.ix_(here, tried)] = steady_balance_share(schools.some(here), at, values, policy)
    summed = np.cumsum(share, axis=1)
    usual = (summed[:, high] - summed[:, low - 1]) / (high - low + 1)
    best = np.where(sizes <= own[:, None], usual, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(own > 0, best, np.nan)


def _scaled(value: Array, ends: tuple[float, ...]) -> Array:
    """0 at or below the first of `ends`, 1 at or above the second, and in proportion between."""
    worst, full = ends
    scaled: Array = np.clip((value - worst) / max(full - worst, 1e-9), 0.0, 1.0)
    return scaled
