"""Capital by year and source: developer contributions first, where and when they may be spent, the authority the rest.

A contribution is due in a year, may be spent until another, on one phase, in one planning area or at one school. Which
contribution pays for what is a small transport programme: as much of the plan's capital is met by contributions as can
be, those that lapse first first. The plan itself is chosen as if all capital were the authority's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack

from geodata.years import start_year
from models.options import Facility, Option

Array = NDArray[np.float64]
AUTHORITY = "authority"
LATER = 1e-6  # of a pound in favour of a contribution for each year by which it lapses earlier
SPENT = ["academic_year", "facility", "source", "capital_gbp"]
LEFT = ["site", "phase", "amount_gbp", "spent_gbp", "unspent_gbp", "spend_by"]


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
    spent: pd.DataFrame, contributions: pd.DataFrame | None, facilities: Sequence[Facility], forward_years: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(capital by year, facility and source; what is spent and left of each contribution).

    `spent` as of `capital_spent`; `contributions` has site, phase, amount_gbp, due_year, spend_by, spend_where, and may
    pay for what was built up to `forward_years` before it is due.
    """
    if contributions is None or contributions.empty:
        return spent.assign(source=AUTHORITY)[SPENT], pd.DataFrame(columns=LEFT)
    may = _eligible(spent, contributions, {facility.key: facility for facility in facilities}, forward_years)
    paid = _paid(spent["capital_gbp"].to_numpy(), contributions, may)  # (contributions, spent)
    c, item = np.nonzero(paid > 0.5)
    met = spent.iloc[item][["academic_year", "facility"]].assign(
        source=contributions["site"].astype(str).to_numpy()[c], capital_gbp=paid[c, item]
    )
    rest = spent.assign(source=AUTHORITY, capital_gbp=spent["capital_gbp"] - paid.sum(axis=0))
    table = pd.concat([met, rest[rest["capital_gbp"] > 0.5]], ignore_index=True)[SPENT]
    used = paid.sum(axis=1)
    left = contributions.assign(spent_gbp=used, unspent_gbp=contributions["amount_gbp"] - used)
    return table.sort_values(SPENT[:3]).reset_index(drop=True), left.reindex(columns=LEFT)


def _eligible(
    spent: pd.DataFrame, contributions: pd.DataFrame, by_key: Mapping[str, Facility], forward_years: int
) -> NDArray[np.bool_]:
    """(contributions, spent) whether a contribution may pay for it."""
    year = spent["academic_year"].map(start_year).to_numpy()
    may = np.zeros((len(contributions), len(spent)), dtype=bool)
    for c, row in enumerate(contributions.to_dict("records")):
        first = start_year(row["due_year"]) - forward_years
        last = start_year(row["spend_by"]) if isinstance(row.get("spend_by"), str) else np.inf
        where = row.get("spend_where")
        for i, key in enumerate(spent["facility"]):
            area = by_key[key].planning_area.get(row["phase"])
            here = area is not None and (not isinstance(where, str) or where in (area, key))
            may[c, i] = here and first <= year[i] <= last
    return may


def _paid(capital: Array, contributions: pd.DataFrame, may: NDArray[np.bool_]) -> Array:
    """(contributions, spent) GBP, as much as can be in all."""
    paid = np.zeros(may.shape)
    c, item = np.nonzero(may)
    if not len(c):
        return paid
    lapse = [start_year(year) if isinstance(year, str) else 9999 for year in contributions["spend_by"]]
    worth = 1.0 - LATER * np.argsort(np.argsort(lapse, kind="stable"))[c]
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
