"""Capital by year and source: developer contributions first, where and when they may be spent, the authority the rest.

A contribution is due in a year, may be spent until another, on one phase, in one planning area or at one school. Which
contribution pays for what is a small transport programme: as much of the plan's capital is met by contributions as can
be; where that can be done in several ways the one that saves the authority most, discounted, and then those that lapse
first first. `models.pots` counts contributions in the plan by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack

from geodata.years import start_year
from models.options import Facility, Option

Array = NDArray[np.float64]
AUTHORITY = "authority"
SOONER = 0.05  # of a pound: what its discount counts beside the pound itself
LATER = 1e-6  # of a pound in favour of a contribution for each year by which it lapses earlier
PAID = ["academic_year", "facility", "source", "due_year"]
SPENT = [*PAID, "capital_gbp"]
LEFT = ["site", "phase", "amount_gbp", "spent_gbp", "saved_gbp", "unspent_gbp", "spend_by"]


def capital_spent(options: Sequence[Option], years: Sequence[str], probability: Mapping[int, float]) -> pd.DataFrame:
    """Capital of the options taken, in the year it falls: facility, academic_year, capital_gbp.

    `probability` is that with which each option is taken; capital is expected over futures.
    """
    rows = [
        (options[o].facility, year, share * float(options[o].capital_gbp[t]))
        for o, share in probability.items()
        for t, year in enumerate(years)
        if options[o].capital_gbp[t] > 0
    ]
    table = pd.DataFrame(rows, columns=["facility", "academic_year", "capital_gbp"])
    return table.groupby(["facility", "academic_year"], as_index=False)["capital_gbp"].sum()


def fund(
    spent: pd.DataFrame,
    contributions: pd.DataFrame | None,
    facilities: Sequence[Facility],
    forward_years: int = 0,
    discount_rate: float = 0.0,
    base_year: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(capital by year, facility, source and the year it is due; what is spent and left of each contribution).

    `spent` as of `capital_spent`; `contributions` has site, phase, amount_gbp, due_year, spend_by, spend_where, and may
    pay for what was built up to `forward_years` before it is due. A pound saves the authority what it is worth in
    `base_year` (None: the first of `spent`) in the year it is spent or due, whichever is later.
    """
    if contributions is None or contributions.empty:
        return spent.assign(source=AUTHORITY, due_year=None)[SPENT], pd.DataFrame(columns=LEFT)
    may = _eligible(spent, contributions, {facility.key: facility for facility in facilities}, forward_years)
    year = spent["academic_year"].map(start_year).to_numpy(dtype=float)
    due = contributions["due_year"].map(start_year).to_numpy(dtype=float)
    origin = year.min(initial=np.inf) if base_year is None else start_year(base_year)
    saved = (1 + discount_rate) ** -(np.maximum(due[:, None], year) - origin)
    paid = _paid(spent["capital_gbp"].to_numpy(), contributions, may, saved)  # (contributions, spent)
    c, item = np.nonzero(paid > 0.5)
    met = spent.iloc[item][["academic_year", "facility"]].assign(
        source=contributions["site"].astype(str).to_numpy()[c],
        due_year=contributions["due_year"].to_numpy()[c],
        capital_gbp=paid[c, item],
    )
    rest = spent.assign(source=AUTHORITY, due_year=None, capital_gbp=spent["capital_gbp"] - paid.sum(axis=0))
    table = pd.concat([met, rest[rest["capital_gbp"] > 0.5]], ignore_index=True)[SPENT]
    used = paid.sum(axis=1)
    left = contributions.assign(
        spent_gbp=used, saved_gbp=(paid * saved).sum(axis=1), unspent_gbp=contributions["amount_gbp"] - used
    )
    return table.sort_values(PAID).reset_index(drop=True), left.reindex(columns=LEFT)


def _eligible(
    spent: pd.DataFrame, contributions: pd.DataFrame, by_key: Mapping[str, Facility], forward_years: int
) -> NDArray[np.bool_]:
    """(contributions, spent) whether a contribution may pay for it."""
    year = spent["academic_year"].map(start_year).to_numpy()
    may = np.zeros((len(contributions), len(spent)), dtype=bool)
    for c, row in enumerate(contributions.to_dict("records")):
        first, last = window(row, forward_years)
        here = np.array([may_pay_for(row, by_key[key]) for key in spent["facility"]], dtype=bool)
        may[c] = here & (first <= year) & (year <= last)
    return may


def window(contribution: Mapping[str, Any], forward_years: int) -> tuple[int, float]:
    """First and last year (in which it starts) whose capital a contribution may pay for; inf where it never lapses."""
    last = start_year(contribution["spend_by"]) if isinstance(contribution.get("spend_by"), str) else np.inf
    return start_year(contribution["due_year"]) - forward_years, last


def may_pay_for(contribution: Mapping[str, Any], facility: Facility) -> bool:
    """Whether a contribution may be spent on a facility: its phase, in the planning area or at the school it names."""
    area, where = facility.planning_area.get(contribution["phase"]), contribution.get("spend_where")
    return area is not None and (not isinstance(where, str) or where in (area, facility.key))


def _paid(capital: Array, contributions: pd.DataFrame, may: NDArray[np.bool_], saved: Array) -> Array:
    """(contributions, spent) GBP, as much as can be in all and then what saves most; `saved` of each pound."""
    paid = np.zeros(may.shape)
    c, item = np.nonzero(may)
    if not len(c):
        return paid
    lapse = [start_year(year) if isinstance(year, str) else 9999 for year in contributions["spend_by"]]
    worth = 1.0 + SOONER * saved[c, item] - LATER * np.argsort(np.argsort(lapse, kind="stable"))[c]
    one = np.ones(len(c))
    rows = vstack(
        [
            csr_matrix((one, (c, np.arange(len(c)))), shape=(len(may), len(c))),
            csr_matrix((one, (item, np.arange(len(c)))), shape=(may.shape[1], len(c))),
        ]
    )
    limit = np.concatenate([contributions["amount_gbp"].to_numpy(dtype=float), capital])
    found = linprog(-worth, A_ub=rows, b_ub=limit, bounds=(0, None), method="highs")
    if found.status != 0:
        raise RuntimeError(f"contributions could not be laid out: {found.message}")
    paid[c, item] = found.x
    return paid
