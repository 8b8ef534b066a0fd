"""A school's shadow budget: income by the formula, cost by its classes, what is left, and the roll at which nothing is.

A maintained school is funded from April to March and an academy from September to August, both on the count of the
October before. An academic year of a maintained school is so made of seven months on last year's roll and five on this
year's; all of an academy's is on last year's. A school that is still filling is funded on each year's own roll.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.funding_values import FLOOR, FundingValues
from geodata.policy import Policy
from geodata.years import start_year
from models import school_costs as costs
from models.funded_schools import FundedSchools
from models.funding_formula import PARTS, Parts, floor_top_up, formula
from models.school_costs import school_costs

Array = NDArray[np.float64]
SEPTEMBER_TO_MARCH = 7 / 12
INCOME = tuple(f"income_{name}_gbp" for name in PARTS)
COST = tuple(f"cost_{name}_gbp" for name in costs.PARTS)
BLOCK = 50  # rolls tried at a time


def shadow_budget(
    schools: FundedSchools, rolls: Array, years: Sequence[str], values: FundingValues, policy: Policy
) -> pd.DataFrame:
    """Income and cost by school and academic year in GBP of the price year.

    `rolls` (F, 1 + T, 12) are of the year before `years` (T,) and of each of them. Columns: urn (the key),
    academic_year, pupils, funded_pupils, classes, teacher_posts, INCOME, income_gbp, COST, cost_gbp, balance_gbp,
    balance_share (of income; nan without). A school without pupils in a year has neither income nor cost.
    """
    pupils = rolls[:, 1:].sum(axis=2)
    income, funded, spent = yearly_money(schools, rolls, years, values, policy)
    columns = {"pupils": pupils, "funded_pupils": funded}
    columns |= {name: spent[name] for name in ("classes", "teacher_posts")}
    columns |= {f"income_{name}_gbp": income[name] for name in PARTS}
    columns["income_gbp"] = np.sum([income[name] for name in PARTS], axis=0)
    columns |= {f"cost_{name}_gbp": spent[name] for name in costs.PARTS}
    columns["cost_gbp"] = np.sum([spent[name] for name in costs.PARTS], axis=0)
    table = pd.DataFrame(
        {
            "urn": np.repeat(np.asarray(schools.key, dtype=object), len(years)),
            "academic_year": np.tile(np.asarray(years, dtype=object), len(schools.key)),
            **{name: array.ravel() for name, array in columns.items()},
        }
    ).infer_objects()
    table["balance_gbp"] = table["income_gbp"] - table["cost_gbp"]
    table["balance_share"] = (table["balance_gbp"] / table["income_gbp"]).where(table["income_gbp"] > 0)
    return table


def yearly_money(
    schools: FundedSchools, rolls: Array, years: Sequence[str], values: FundingValues, policy: Policy
) -> tuple[Parts, Array, Parts]:
    """Parts of income, pupils funded and parts of cost, each (F, T), as of `shadow_budget`."""
    starts = start_year(years[0]) + np.arange(len(years) + 1)
    income, funded = _academic_years(schools, rolls, starts, values, policy)
    return income, funded, school_costs(rolls[:, 1:], income["additional"], schools, policy)


def _academic_years(
    schools: FundedSchools, rolls: Array, starts: NDArray[np.int64], values: FundingValues, policy: Policy
) -> tuple[Parts, Array]:
    """Parts of the income (F, T) and the pupils they are paid for, from T + 1 funding years."""
    years = len(starts) - 1
    own = rolls[:, np.minimum(np.arange(years + 1) + 1, years)]
    counted = np.where(schools.estimated[:, None, None], own, rolls)
    parts = formula(counted, schools, values, starts, policy)
    pupils = counted.sum(axis=2)
    parts["floor"] = floor_top_up(parts, pupils, values.at(FLOOR, starts))
    by_academic_year = (schools.september | schools.estimated)[:, None]
    standing = rolls[:, 1:].sum(axis=2) > 0

    def of_years(amount: Array) -> Array:
        mixed = SEPTEMBER_TO_MARCH * amount[:, :-1] + (1 - SEPTEMBER_TO_MARCH) * amount[:, 1:]
        told: Array = np.where(by_academic_year, amount[:, :-1], mixed) * standing
        return told

    return {name: of_years(amount) for name, amount in parts.items()}, of_years(pupils)


def steady_balance(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> Array:
    """Income less cost (F, R) of the price year for rolls (F, R, 12) that have long been what they are."""
    income, cost = _steady(schools, rolls, values, policy)
    return income - cost


def steady_balance_share(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> Array:
    """The same as a share of income; nan without income."""
    income, cost = _steady(schools, rolls, values, policy)
    share: Array = np.divide(income - cost, income, out=np.full(income.shape, np.nan), where=income > 0)
    return share


def _steady(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> tuple[Array, Array]:
    starts = np.full(rolls.shape[1], values.price_year)
    income = formula(rolls, schools, values, starts, policy)
    spent = school_costs(rolls, income["additional"], schools, policy)
    return np.sum(list(income.values()), axis=0), np.sum([spent[name] for name in costs.PARTS], axis=0)


def breaks_even_at(
    schools: FundedSchools, shape: Array, values: FundingValues, policy: Policy, most: Array
) -> tuple[Array, Array]:
    """Rolls (F,) at which income first covers cost, and from which it does so up to `most` (F,); nan where it does not.

    Year groups stand in the proportions of `shape` (F, 12); the building stays as it is. The two differ because a class
    more costs more than the pupil who makes it necessary brings, and because a small school loses sparsity as it grows.
    """
    share = shape / np.maximum(shape.sum(axis=1, keepdims=True), 1e-9)
    first, steady = np.full(len(share), np.nan), np.full(len(share), np.nan)
    for start in range(1, int(most.max(initial=0)) + 1, BLOCK):
        here = np.flatnonzero(most >= start)
        sizes = np.arange(start, start + BLOCK, dtype=float)
        rolls = share[here, None, :] * sizes[None, :, None]
        covered = steady_balance(schools.some(here), rolls, values, policy) >= 0
        asked = sizes[None, :] <= most[here, None]
        roll = np.where(covered & asked, sizes, np.inf).min(axis=1)
        first[here] = np.where(np.isnan(first[here]) & np.isfinite(roll), roll, first[here])
        # From the roll after the last shortfall in this block, else from where it was before.
        short = np.where(~covered & asked, sizes, 0.0).max(axis=1)
        after = np.where(short < np.minimum(sizes[-1], most[here]), short + 1, np.nan)
        steady[here] = np.where(short > 0, after, np.where(np.isnan(steady[here]), start, steady[here]))
    return first, steady


def falling_roll(schools: FundedSchools, rolls: Array, values: FundingValues, policy: Policy) -> Array:
    """By how much the yearly balance (F,) changes where the roll (F, 12) is lower by policy `falling_roll_share`."""
    lower = 1.0 - policy.number("falling_roll_share")
    both = steady_balance(schools, np.stack([rolls, lower * rolls], axis=1), values, policy)
    change: Array = both[:, 1] - both[:, 0]
    return change


def viable(budget: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Minimum-sufficiency test by school: urn, viable, lowest_reserves_gbp, first_deficit_year (None without one).

    A school starts with reserves of policy `viable_reserves_share` of its first year's income, as the guide asks. It is
    sufficient where deficits never use them up in the years told; an earlier surplus counts against a later deficit.
    """
    told = budget[budget["income_gbp"] > 0].sort_values(["urn", "academic_year"], kind="stable")
    by_school = told.groupby("urn", sort=False)
    start = policy.number("viable_reserves_share") * by_school["income_gbp"].transform("first")
    reserves = start + by_school["balance_gbp"].cumsum()
    lowest = reserves.groupby(told["urn"], sort=False).min()
    deficits = told[told["balance_gbp"] < 0].groupby("urn")["academic_year"].first()
    return pd.DataFrame(
        {
            "urn": lowest.index,
            "viable": (lowest >= 0).to_numpy(),
            "lowest_reserves_gbp": lowest.to_numpy(),
            "first_deficit_year": deficits.reindex(lowest.index).astype(object).to_numpy(),
        }
    )
