"""What a bid means for money: the new school's shadow budget over its first years, and neighbours that it leaves short.

Rolls are those of the two answers to who goes there, planned and chosen. Beyond the last plan year cohorts move up and
as many enter as last. A neighbour keeps the proportions of its forecast by year group and today's sparsity; it is
pushed below viability where reserves would last without the bid and do not with it (`models.budgets.viable`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, years_from
from models.budgets import shadow_budget, viable
from models.funding_formula import rolls_array
from models.options import SECONDARY_FROM, Facility, Option
from models.proposed_school import proposed_school
from placeplan.estate.problem import Known
from placeplan.study import Study
from placeplan.study_finances import Finances, study_finances
from placeplan.tenders.bid_effects import Effects

Array = NDArray[np.float64]
BUDGET = ["academic_year", "basis", "pupils", "classes", "income_gbp", "cost_gbp", "balance_gbp", "balance_share"]
LEAST_CHANGE = 0.5  # pupils, in any year


@dataclass(frozen=True, eq=False)
class Accounts:
    """Money of the schools that stand, over all plan years: rolls (F, 1 + T, 12), base year first."""

    finances: Finances
    years: list[str]
    without: pd.DataFrame

    @classmethod
    def of(cls, study: Study, known: Known, taught: pd.DataFrame) -> Accounts:
        """The schools' shadow budgets if nothing changes; `taught` as of `within_places`."""
        own = study_finances(study, known.journeys, taught)
        years = [study.settings.base_year, *known.years]
        every = replace(own, rolls=rolls_array(taught, own.schools.key, years), years=known.years)
        budget = shadow_budget(every.schools, every.rolls, every.years, every.values, study.policy)
        return cls(every, known.years, budget)

    def changed(self, change: Array, policy: Policy) -> tuple[pd.DataFrame, pd.DataFrame]:
        """(budgets, viability) of the schools whose rolls change by `change` (F, T) pupils, in proportion."""
        before = self.finances.rolls[:, 1:].sum(axis=2)
        factor = np.divide(before + change, before, out=np.ones_like(before), where=before > 0)
        rolls = self.finances.rolls.copy()
        rolls[:, 1:] *= np.maximum(factor, 0.0)[:, :, None]
        rolls[rolls.sum(axis=2) < LEAST_CHANGE] = 0.0  # a school of nobody is closed
        affected = np.flatnonzero(np.abs(change).max(axis=1) >= LEAST_CHANGE)
        schools = self.finances.schools.some(affected)
        budget = shadow_budget(schools, rolls[affected], self.years, self.finances.values, policy)
        return budget, viable(budget, policy)


def bid_budget(
    bid: str, facility: Facility, option: Option, basis: str, one: Effects, accounts: Accounts, policy: Policy
) -> pd.DataFrame:
    """Columns BUDGET: the first years of the bid's school, as many as policy `finance_years`."""
    opens = accounts.years.index(option.academic_year)
    told = years_from(option.academic_year, policy.integer("finance_years"))
    rolls = _first_years(one.by_group[opens:], facility, len(told))
    school = proposed_school(bid, facility.phase, facility.year_groups, places_when_full(facility, option))
    with_year_before = np.concatenate([np.zeros((1, len(COMPULSORY))), rolls])
    budget = shadow_budget(school, with_year_before[None], told, accounts.finances.values, policy)
    return budget.assign(basis=basis)[BUDGET]


def places_when_full(facility: Facility, option: Option) -> float:
    """Places R–Y11 of a school that fills from below, once it is full."""
    return float(option.places.max()) * len(facility.columns)


def _first_years(by_group: Array, facility: Facility, years: int) -> Array:
    """(years, 12) rolls by year group, cohorts moving up beyond the years that are planned."""
    entries = {facility.columns[0]} | ({SECONDARY_FROM} & set(facility.columns) if facility.columns[0] == 0 else set())
    rolls = list(by_group[:years])
    while len(rolls) < years:
        last, following = rolls[-1], np.zeros(len(COMPULSORY))
        for column in facility.columns:
            following[column] = last[column] if column in entries else last[column - 1]
        rolls.append(following)
    return np.array(rolls)


def with_money(
    neighbours: pd.DataFrame, effects: Mapping[str, Effects], accounts: Accounts, policy: Policy
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Neighbours with their balances without the bid and on each basis; and the names it pushes below viability."""
    budgets = {"without": accounts.without}
    sufficient = {"without": viable(accounts.without, policy)}
    for basis, one in effects.items():
        budgets[basis], sufficient[basis] = accounts.changed(one.change[: len(accounts.finances.rolls)], policy)
    told = neighbours
    for basis, budget in budgets.items():
        own = budget.assign(facility=budget["urn"].astype(str))[["facility", "academic_year", "balance_gbp"]]
        own = own.rename(columns={"balance_gbp": f"balance_{basis}_gbp"})
        told = told.merge(own, on=["facility", "academic_year"], how="left")
        if basis != "without":  # a school that this basis leaves alone
            unchanged = told[f"balance_{basis}_gbp"].isna()
            told[f"balance_{basis}_gbp"] = told[f"balance_{basis}_gbp"].where(~unchanged, told["balance_without_gbp"])
    lasts = sufficient["without"].set_index("urn")["viable"]
    names = neighbours.drop_duplicates("facility").set_index("facility")["name"]
    pushed = {}
    for basis in effects:
        then = sufficient[basis].set_index("urn")["viable"]
        rows = budgets[basis].sort_values("academic_year").groupby("urn", sort=False)
        emptied = rows["pupils"].last() < LEAST_CHANGE
        gone = [*then.index[~then.astype(bool)], *emptied.index[emptied]]
        lost = [str(urn) for urn in dict.fromkeys(gone) if bool(lasts.get(urn, False))]
        pushed[basis] = [str(names.get(urn, urn)) for urn in lost]
    return told, pushed
