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


TOTAL, INTAKE = "total", "intake"
SHARES = {  # policy by kind: under the median forecast and under the high one
    TOTAL: ("retained_surplus", "retained_surplus_high"),
    INTAKE: ("retained_surplus_intake", "retained_surplus_intake_high"),
}


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

    `kind` says of which places: all of the phase's year groups, or those of its intake. Where today's estate already
    holds less than is asked, the row asks for no less than today's.
    """

    planning_area: str
    phase: str
    academic_year: str
    pupils: float
    asked: float
    today: float
    kind: str = TOTAL

    @property
    def row(self) -> str:
        """Name of its policy row."""
        return retained_row(self.planning_area, self.phase, self.academic_year, self.kind)


def retained_row(planning_area: str, phase: str, academic_year: str, kind: str = TOTAL) -> str:
    """Name of a retained-surplus row."""
    return f"{planning_area}, {phase}, {academic_year}: retained surplus{'' if kind == TOTAL else f' at {kind}'}"


def places_asked(
    facilities: Sequence[Facility], years: Sequence[str], high: Mapping[tuple[str, str], Array], policy: Policy
) -> list[Kept]:
    """What policy asks of every planning area, phase and year: places ≥ pupils ÷ (1 − retained surplus).

    Twice: of the whole phase, and of its intake, Reception or Y7, by `retained_surplus_intake`. Pupils are the forecast
    of those on roll at the area's schools before any decision: the median, and with the share ending in _high the high
    one (`high`: p90 of the phase by (area, phase), (T,); its intake is raised alike). Places are admission places
    within net capacity, so a school that is over-full lends no spare to its neighbours.
    """
    asked = []
    for area, phase in _areas(facilities):
        here = [f for f in facilities if f.planning_area.get(phase) == area]
        pupils = np.sum([f.pupils for f in here], axis=0)
        places = np.sum([f.places for f in here if not f.site] or [0 * pupils], axis=0)
        of_phase = _columns(phase, TOTAL)
        every = pupils[:, of_phase].sum(axis=1)
        raised = np.divide(high.get((area, phase), every), every, out=np.ones_like(every), where=every > 0)
        for kind, (share, share_high) in SHARES.items():
            columns = _columns(phase, kind)
            median, today = pupils[:, columns].sum(axis=1), places[:, columns].sum(axis=1)
            least = np.maximum(median / (1 - policy.number(share)), median * raised / (1 - policy.number(share_high)))
            if median.any() or today.any():  # nobody enters where there are only juniors or middle schools
                asked += [
                    Kept(area, phase, year, float(median[t]), float(least[t]), float(today[t]), kind)
                    for t, year in enumerate(years)
                ]
    return asked


def retained_surplus(
    facilities: Sequence[Facility], options: Sequence[Option], years: Sequence[str], asked: Sequence[Kept]
) -> list[Row]:
    """Keep spare places: a row for all `places_asked` of an area, no less than today's where that falls short."""
    by_key = {facility.key: facility for facility in facilities}
    year_of = {year: t for t, year in enumerate(years)}
    rows: list[Row] = []
    for area, phase in _areas(facilities):
        at = [i for i, option in enumerate(options) if by_key[option.facility].planning_area.get(phase) == area]
        admits = np.array([options[i].admits for i in at])
        for one in (one for one in asked if (one.planning_area, one.phase) == (area, phase)):
            places = admits[:, year_of[one.academic_year], _columns(phase, one.kind)].sum(axis=1)
            rows.append(Row(one.row, np.array(at), places, min(one.asked, one.today), np.inf, "places"))
    return rows


def _areas(facilities: Sequence[Facility]) -> list[tuple[str, str]]:
    return sorted({(area, phase) for facility in facilities for phase, area in facility.planning_area.items()})


def _columns(phase: str, kind: str) -> list[int]:
    """Columns among R … Y11 of a phase's year groups, or of its intake."""
    columns = [COMPULSORY.index(group) for group in PHASES[phase]]
    return columns if kind == TOTAL else columns[:1]


def capital_budget(
    options: Sequence[Option],
    years: Sequence[str],
    policy: Policy,
    contributed: Sequence[tuple[NDArray[np.int64], Array]] = (),
) -> list[Row]:
    """Spend no more of the authority's own capital in any year than the policy's budget; no row where it is blank.

    What contributions pay that are due by then is not the authority's money: `contributed` are the sums of each plan
    year, as (options, GBP). Where it builds before they are due it has to find the money itself first, and that is in
    its budget; what comes back later does not raise it. Sums of contributions are whole pounds, so that the budget is
    kept to a pound for each.
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
        pounds = np.count_nonzero(paid_gbp == 1.0)  # of each sum its first digit
        rows.append(Row(f"capital in {year}{less}", counts, values, -np.inf, budget + pounds, "GBP"))
    return rows


def closures_max(options: Sequence[Option], policy: Policy) -> list[Row]:
    """Close at most so many schools over the horizon, those among them whose pupils another school takes in."""
    at = np.array([i for i, option in enumerate(options) if option.action in CLOSING], dtype=np.int64)
    if not len(at):
        return []
    return [Row("closures over the horizon", at, np.ones(len(at)), -np.inf, policy.number("closures_max"), "closures")]
