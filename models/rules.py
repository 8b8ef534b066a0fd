"""Policy rows: what a plan of the whole estate must keep to, row by row, each in words a planner recognises.

A row is lower ≤ Σ value[o] · z[o] ≤ upper over the options o of all facilities. Each generator is a small function with
its reason in its docstring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES
from models.options import CLOSING, Facility, Option

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One policy row: its name, the options it counts with their values, its limits, and the unit of all three."""

    name: str
    options: NDArray[np.int64]
    values: Array
    lower: float
    upper: float
    unit: str = ""


def row_matrix(rows: Sequence[Row], n_options: int) -> csr_matrix:
    """(R, O) values of the rows over all options."""
    sizes = [len(row.options) for row in rows]
    at = np.repeat(np.arange(len(rows)), sizes)
    options = np.concatenate([row.options for row in rows]) if rows else np.empty(0, dtype=int)
    values = np.concatenate([row.values for row in rows]) if rows else np.empty(0)
    return csr_matrix((values, (at, options)), shape=(len(rows), n_options))


@dataclass(frozen=True)
class Kept:
    """What policy asks of an area in a year: `pupils` by the median forecast, places `asked`, and those of `today`.

    Where today's estate already holds less than is asked, the row asks for no less than today's.
    """

    planning_area: str
    phase: str
    academic_year: str
    pupils: float
    asked: float
    today: float


def retained_row(planning_area: str, phase: str, academic_year: str) -> str:
    """Name of a retained-surplus row."""
    return f"{planning_area}, {phase}, {academic_year}: retained surplus"


def retained_surplus(
    facilities: Sequence[Facility],
    options: Sequence[Option],
    years: Sequence[str],
    high: Mapping[tuple[str, str], Array],
    policy: Policy,
) -> tuple[list[Row], list[Kept]]:
    """Keep spare places: in every planning area, phase and year, places ≥ pupils ÷ (1 − retained surplus).

    Pupils are the forecast of those on roll at the area's schools before any decision. Under the median forecast
    `retained_surplus` stays empty, and under the high one (`high`: p90 by (area, phase), (T,)) `retained_surplus_high`.
    Places are admission places within net capacity, so a school that is over-full lends no spare to its neighbours.
    Where today's estate falls short already, the row asks for no less than today's.
    """
    by_key = {facility.key: facility for facility in facilities}
    rows: list[Row] = []
    kept: list[Kept] = []
    for area, phase in sorted({(a, phase) for f in facilities for phase, a in f.planning_area.items()}):
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        here = [f for f in facilities if f.planning_area.get(phase) == area]
        median = np.sum([f.pupils[:, columns].sum(axis=1) for f in here], axis=0)
        asked = np.maximum(
            median / (1 - policy.number("retained_surplus")),
            high.get((area, phase), median) / (1 - policy.number("retained_surplus_high")),
        )
        today = np.sum([f.places[:, columns].sum(axis=1) for f in here if not f.site] or [0 * median], axis=0)
        at = [i for i, option in enumerate(options) if by_key[option.facility].planning_area.get(phase) == area]
        values = np.array([options[i].admits[:, columns].sum(axis=1) for i in at])
        for t, year in enumerate(years):
            kept.append(Kept(area, phase, year, float(median[t]), float(asked[t]), float(today[t])))
            name = retained_row(area, phase, year)
            rows.append(Row(name, np.array(at), values[:, t], float(min(asked[t], today[t])), np.inf, "places"))
    return rows, kept


def capital_budget(
    options: Sequence[Option],
    years: Sequence[str],
    policy: Policy,
    contributed: Sequence[tuple[NDArray[np.int64], Array]] = (),
) -> list[Row]:
    """Spend no more of the authority's own capital in any year than the policy's budget; no row where it is blank.

    What contributions pay that are due by then is not the authority's money: `contributed` are the sums of each plan
    year, as (options, GBP). Where it builds before they are due it has to find the money itself first, and that is in
    its budget; what comes back later does not raise it.
    """
    budget = policy.optional_number("capital_budget_gbp_per_year")
    if budget is None:
        return []
    at = np.array([i for i, option in enumerate(options) if option.capital_gbp.any()], dtype=np.int64)
    if not len(at):
        return []
    spend = np.array([options[i].capital_gbp for i in at])
    rows = []
    for t, year in enumerate(years):
        paid, paid_gbp = contributed[t] if contributed else (at[:0], np.empty(0))
        less = " less contributions due by then" if len(paid) else ""
        counts, values = np.concatenate([at, paid]), np.concatenate([spend[:, t], -paid_gbp])
        rows.append(Row(f"capital in {year}{less}", counts, values, -np.inf, budget, "GBP"))
    return rows


def closures_max(options: Sequence[Option], policy: Policy) -> list[Row]:
    """Close at most so many schools over the horizon, those among them whose pupils another school takes in."""
    at = np.array([i for i, option in enumerate(options) if option.action in CLOSING], dtype=np.int64)
    if not len(at):
        return []
    return [Row("closures over the horizon", at, np.ones(len(at)), -np.inf, policy.number("closures_max"), "closures")]
