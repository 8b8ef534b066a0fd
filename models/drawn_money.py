"""Schools' income and balance in many futures of their rolls: what a trust's p10 is made of.

    roll[f, t, g, n] = mean[f, t, g] × area[a, t, g, n] × own[f, c, n]

`area` are the joint draws of the school's planning area relative to their mean, so schools of an area rise and fall
together. `own` is the chance of the school's intake: a cohort c that enters after the base year is a Poisson count
about its mean, and keeps its luck as it ages; cohorts that are on roll have none. Money is that of `models.budgets`,
future by future.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.funding_values import FundingValues
from geodata.policy import Policy
from models import school_costs as costs
from models.budgets import yearly_money
from models.funded_schools import FundedSchools
from models.funding_formula import PARTS
from models.villages import head_gbp_covered

Array = NDArray[np.float64]
BLOCK = 20  # futures at a time


@dataclass(frozen=True, eq=False)
class DrawnMoney:
    """(F, T, N) in GBP a year and pupils: `balance` with a head in every school, `income`, `pupils`.

    `head_gbp` is the cost of that head, less what he or she teaches, so that it can be taken out again.
    """

    pupils: Array
    income: Array
    balance: Array
    head_gbp: Array


def drawn_rolls(mean: Array, area: Array, serves: NDArray[np.bool_], seed: int) -> Array:
    """(F, 1 + T, 12, N) rolls; the base year is counted and the same in all.

    `mean` (F, 1 + T, 12); `area` (F, T, 12, N) draws of each school's planning area relative to their mean.
    """
    n_schools, n_years, n_groups = mean.shape
    n_draws = area.shape[-1]
    rng = np.random.default_rng(seed)
    first = serves.argmax(axis=1)
    luck = np.ones((n_schools, n_years, n_draws))  # by year of entry after the base year
    entry = mean[np.arange(n_schools), :, first]  # (F, 1 + T) who enters each year
    for t in range(1, n_years):
        drawn = rng.poisson(np.maximum(entry[:, t, None], 0.0), (n_schools, n_draws))
        luck[:, t] = np.where(entry[:, t, None] > 0, drawn / np.maximum(entry[:, t, None], 1e-9), 1.0)
    rolls = np.empty((n_schools, n_years, n_groups, n_draws))
    rolls[:, 0] = mean[:, 0, :, None]
    groups = np.arange(n_groups)
    for t in range(1, n_years):
        entered = t - (groups[None, :] - first[:, None])  # (F, 12) the year in which the cohort entered
        own = np.where((entered >= 1)[..., None], luck[np.arange(n_schools)[:, None], np.clip(entered, 0, t)], 1.0)
        rolls[:, t] = mean[:, t, :, None] * area[:, t - 1] * own
    return rolls


def drawn_money(
    schools: FundedSchools, rolls: Array, years: Sequence[str], values: FundingValues, policy: Policy
) -> DrawnMoney:
    """Money of F schools for rolls (F, 1 + T, 12, N) in the N futures."""
    n_schools, _, _, n_draws = rolls.shape
    shape = (n_schools, len(years), n_draws)
    income, balance = np.empty(shape), np.empty(shape)
    for start in range(0, n_draws, BLOCK):
        here = np.arange(start, min(start + BLOCK, n_draws))
        many = schools.some(np.tile(np.arange(n_schools), len(here)))
        stacked = np.concatenate([rolls[..., n] for n in here])
        paid, _, spent = yearly_money(many, stacked, years, values, policy)
        got = np.sum([paid[name] for name in PARTS], axis=0)
        left = got - np.sum([spent[name] for name in costs.PARTS], axis=0)
        for to, amount in ((income, got), (balance, left)):
            to[..., here] = amount.reshape(len(here), n_schools, len(years)).transpose(1, 2, 0)
    pupils = rolls[:, 1:].sum(axis=2)
    return DrawnMoney(pupils, income, balance, head_gbp_covered(pupils, policy))
