"""Capital by year and source: developer contributions first, where and when they may be spent, the authority the rest.

A contribution is due in a year, may be spent until another, on one phase, in one planning area or at one school. Which
contribution pays for what is a small transport programme: the one that saves the authority most, discounted; where
several do, the one that spends least before it is due, and then those that lapse first. `models.pots` counts
contributions in the plan by the same rules.
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
SOONER = 1e-4  # of a pound against a contribution for each year by which it is spent before it is due
LATER = 1e-6  # of a pound in favour of a contribution for each other that lapses later
NO_PHASE = "other"  # capital for no phase's mainstream places: SEND units, rooms let to early years
ITEM = ["facility", "phase", "academic_year"]
PAID = ["academic_year", "facility", "phase", "source", "due_year"]
SPENT = [*PAID, "capital_gbp"]
LEFT = ["site", "phase", "due_year", "amount_gbp", "spent_gbp", "saved_gbp", "unspent_gbp", "spend_by", "spend_where"]


def capital_spent(options: Sequence[Option], years: Sequence[str], probability: Mapping[int, float]) -> pd.DataFrame:
    """Capital of the options taken, in the year it falls: facility, phase, academic_year, capital_gbp.

    `probability` is that with which each option is taken; capital is expected over futures.
    """
    rows = [
        (options[o].facility, phase, year, chance * share * float(options[o].capital_gbp[t]))
        for o, chance in probability.items()
        for phase, share in {NO_PHASE: 1 - sum(options[o].capital_share.values()), **options[o].capital_share}.items()
        if share > 1e-9
        for t, year in enumerate(years)
        if options[o].capital_gbp[t] > 0
    ]
    table = pd.DataFrame(rows, columns=[*ITEM, "capital_gbp"])
    return table.groupby(ITEM, as_index=False)["capital_gbp"].sum()


def fund(
    spent: pd.DataFrame,
    contributions: pd.DataFrame | None,
    facilities: Sequence[Facility],
    forward_years: int = 0,
    discount_rate: float = 0.0,
    base_year: str | None = None,
    most: Sequence[tuple[NDArray[np.bool_], int, float]] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(capital by year, facility, source and the year it is due; what is spent and left of each contribution).

    `spent` as of `capital_spent`; `contributions` has site, phase, amount_gbp, due_year, spend_by, spend_where, and may
    pay for capital of its phase that was built up to `forward_years` before it is due. A pound saves the authority what
    it is worth in `base_year` (None: the first of `spent`) in the year it is spent or due, whichever is later. `most`
    are sums that some contributions, (C,) flags, pay together at most in a year, each with the year it starts.
    """
    if contributions is None or contributions.empty:
        return spent.assign(source=AUTHORITY, due_year=None)[SPENT], pd.DataFrame(columns=LEFT)
    may = _eligible(spent, contributions, {facility.key: facility for facility in facilities}, forward_years)
    year = spent["academic_year"].map(start_year).to_numpy(dtype=float)
    due = contributions["due_year"].map(start_year).to_numpy(dtype=float)
    origin = year.min(initial=np.inf) if base_year is None else start_year(base_year)
    saved = (1 + discount_rate) ** -(np.maximum(due[:, None], year) - origin)
    early = np.maximum(due[:, None] - year, 0)
    limits = [(of[:, None] & (year == start), gbp) for of, start, gbp in most]
    worth = saved - SOONER * early
    paid = _paid(spent["capital_gbp"].to_numpy(), contributions, may, worth, limits)  # (contributions, spent)
    c, item = np.nonzero(paid > 0.5)
    met = spent.iloc[item][ITEM].assign(
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
        may[c] = here & (spent["phase"] == row["phase"]).to_numpy() & (first <= year) & (year <= last)
    return may


def window(contribution: Mapping[str, Any], forward_years: int) -> tuple[int, float]:
    """First and last year (in which it starts) whose capital a contribution may pay for; inf where it never lapses."""
    last = start_year(contribution["spend_by"]) if isinstance(contribution.get("spend_by"), str) else np.inf
    return start_year(contribution["due_year"]) - forward_years, last


def may_pay_for(contribution: Mapping[str, Any], facility: Facility) -> bool:
    """Whether a contribution may be spent on a facility: its phase, in the planning area or at the school it names."""
    area, where = facility.planning_area.get(contribution["phase"]), contribution.get("spend_where")
    return area is not None and (not isinstance(where, str) or where in (area, facility.key))


def _paid(
    capital: Array,
    contributions: pd.DataFrame,
    may: NDArray[np.bool_],
    worth: Array,
    limits: Sequence[tuple[NDArray[np.bool_], float]],
) -> Array:
    """(contributions, spent) GBP that are worth most, `worth` each pound, within the limits of some together."""
    paid = np.zeros(may.shape)
    c, item = np.nonzero(may)
    if not len(c):
        return paid
    lapse = [start_year(year) if isinstance(year, str) else 9999 for year in contributions["spend_by"]]
    order = np.unique(lapse, return_inverse=True)[1]
    one = np.ones(len(c))
    rows = vstack(
        [
            csr_matrix((one, (c, np.arange(len(c)))), shape=(len(may), len(c))),
            csr_matrix((one, (item, np.arange(len(c)))), shape=(may.shape[1], len(c))),
            *(csr_matrix(which[c, item].astype(float)) for which, _ in limits),
        ]
    )
    amounts = contributions["amount_gbp"].to_numpy(dtype=float)
    most = np.concatenate([amounts, capital, [gbp for _, gbp in limits]])
    found = linprog(-(worth[c, item] - LATER * order[c]), A_ub=rows, b_ub=most, bounds=(0, None), method="highs")
    if found.status != 0:
        raise RuntimeError(f"contributions could not be laid out: {found.message}")
    paid[c, item] = found.x
    return paid
