"""Developer contributions inside the optimisation: what a plan saves the authority by building where money is due.

Contributions that may pay for the same schools in the same years are one purse, and a purse in one plan year is a pot.
In the estate problem a pot is a facility to which nobody can go; its options are sums of money, each with a negative
cost:

    y[m,t]  GBP of purse m that pay for capital of plan year t: one of the pot's sums, 0 among them

    Σ_t y[m,t] ≤ amount[m]                                                  every purse m
    Σ_{m: E[m] ⊆ N} y[m,t] ≤ Σ_{o of the facilities in N} capital[o,t]·z[o]     every year t and union N

E[m] are the facilities that the purse may pay for; N runs over the unions of sets E that overlap, one chained to the
next. With these rows, and only with them, the sums can be divided among schools so that no pound of capital is paid
twice (Gale's condition for a transport, A theorem on flows in networks, Pacific J. Math. 7, 1957; other unions follow
from these by adding up). A pound is worth its discount in the year it is spent, or in which it is due where the
authority builds before.

The sums are those that plans reach: capital of one school or two, what others leave to pay of it, what one year leaves
to the next, and quarters. They are rounded down, so that a plan never counts more than can be spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import start_year
from models.funding import may_pay_for, window
from models.options import Facility, Option
from models.rules import Row

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = frozenset[str]
Sums = list[tuple[int, Array]]  # (of how many figures, GBP)
MOST_SUMS = 24  # of a pot, beside 0
MOST_UNIONS = 120  # rows of a year; sets that would need more are left out of the plan
MOST_FIGURES = 4  # that a sum is made of, beside the purse itself
QUARTERS = np.array([0.25, 0.5, 0.75])
NAMED = 3  # sites in the name of a row


@dataclass(frozen=True)
class Purse:
    """Contributions that may pay for the same facilities (`keys`) in the same plan years `first` … `last`.

    Plan years are counted from 0; `due` may lie after the last. `sites` are the housing sites, `phase` theirs.
    """

    sites: tuple[str, ...]
    phase: str
    keys: Keys
    first: int
    last: int
    due: int
    amount_gbp: float

    @property
    def name(self) -> str:
        """The purse in words: "contribution of HS-01 (primary)"."""
        more = f" and {len(self.sites) - NAMED} more" if len(self.sites) > NAMED else ""
        one = "contribution" if len(self.sites) == 1 else "contributions"
        return f"{one} of {', '.join(self.sites[:NAMED])}{more} ({self.phase})"


@dataclass(frozen=True, eq=False)
class Pots:
    """Pots of a plan, their sums, and the rows that keep them to what there is and what is built.

    Attributes
    ----------
    purse, year : (P,) of each pot; sets of purses that were left out have none.
    pot, level_gbp, cost : (L,) the pot of each sum, the sum, and its cost (≤ 0, discounted); 0 comes first in a pot.
    rows : policy rows over all options: those of facilities first, then the sums.
    left_out : names of purses that the plan counts nothing of in some year, for want of rows.

    """

    purses: tuple[Purse, ...]
    purse: Ints
    year: Ints
    pot: Ints
    level_gbp: Array
    cost: Array
    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    n_options: int  # of facilities, before the first sum

    def due_by(self, n_years: int) -> list[tuple[Ints, Array]]:
        """By plan year, (options, GBP): sums that pay for its capital out of money that is due by then."""
        due = np.array([purse.due for purse in self.purses], dtype=np.int64)[self.purse]
        found = [np.flatnonzero(((self.year == t) & (due <= t))[self.pot]) for t in range(n_years)]
        return [(self.n_options + at, self.level_gbp[at]) for at in found]


NO_POTS = Pots(
    (), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0),
    (), (), 0,
)  # fmt: skip


def contribution_pots(
    contributions: pd.DataFrame | None,
    facilities: Sequence[Facility],
    options: Sequence[Option],
    years: Sequence[str],
    policy: Policy,
) -> Pots:
    """Pots of the contributions that could pay for some option's capital; none where policy keeps them out."""
    if contributions is None or policy.value("contributions_in_plan") != "yes":
        return NO_POTS
    reach = _reach(facilities, options)
    purses = _purses(contributions, facilities, years, reach, policy.integer("contributions_forward_years"))
    unions, left_out = [], set()
    for t in range(len(years)):
        here = [m for m, purse in enumerate(purses) if purse.first <= t <= purse.last and _most(purse.keys, reach[t])]
        found, without = _unions([purses[m] for m in here])
        unions.append(found)
        left_out |= {here[i] for i in without}
    kept = [(m, t) for t, found in enumerate(unions) for m, p in enumerate(purses) if p.first <= t <= p.last
            and p.keys in found]  # fmt: skip
    sums = [np.concatenate([[0.0], _sums(purses, m, t, reach)]) for m, t in kept]
    pot = np.repeat(np.arange(len(kept)), [len(one) for one in sums])
    level = np.concatenate([np.empty(0), *sums])
    purse, year = (np.array([pair[i] for pair in kept], dtype=np.int64) for i in (0, 1))
    due = np.array([p.due for p in purses], dtype=np.int64)
    paid = 1 + np.maximum(year, due[purse]) if len(kept) else year
    worth = (1 + policy.number("discount_rate")) ** -paid.astype(float)
    rows = _rows(purses, purse, year, pot, level, unions, options, years)
    names = tuple(purses[m].name for m in sorted(left_out))
    return Pots(tuple(purses), purse, year, pot, level, -worth[pot] * level, tuple(rows), names, len(options))


def counted(pots: Pots, chosen: Ints, weight: Array, years: Sequence[str]) -> pd.DataFrame:
    """What a plan counts of contributions, expected: contributions, phase, academic_year, counted_gbp, saved_gbp.

    `chosen` (K, F) are the options by scenario of probability `weight` (K,), pots last; saved_gbp is discounted.
    """
    n_pots = len(pots.purse)
    at = chosen[:, chosen.shape[1] - n_pots :] - pots.n_options
    table = pd.DataFrame(
        {
            "contributions": [", ".join(pots.purses[m].sites) for m in pots.purse],
            "phase": [pots.purses[m].phase for m in pots.purse],
            "academic_year": [years[t] for t in pots.year],
            "counted_gbp": weight @ pots.level_gbp[at],
            "saved_gbp": weight @ -pots.cost[at],
        }
    )
    return table[table["counted_gbp"] > 0].reset_index(drop=True)


def _reach(facilities: Sequence[Facility], options: Sequence[Option]) -> list[dict[str, Array]]:
    """By plan year, the different sums of capital that each facility's options spend; none where they spend none."""
    n_years = len(options[0].capital_gbp) if options else 0
    reach: list[dict[str, Array]] = []
    for t in range(n_years):
        spent: dict[str, set[float]] = {facility.key: set() for facility in facilities}
        for option in options:
            spent[option.facility].add(float(option.capital_gbp[t]))
        positive = {key: np.array(sorted(v for v in values if v > 0)) for key, values in spent.items()}
        reach.append({key: values for key, values in positive.items() if len(values)})
    return reach


def _most(keys: Keys, reach: dict[str, Array]) -> float:
    """The most capital that facilities can spend in a year, GBP."""
    return float(sum(reach[key][-1] for key in keys if key in reach))


def _purses(
    contributions: pd.DataFrame,
    facilities: Sequence[Facility],
    years: Sequence[str],
    reach: list[dict[str, Array]],
    forward_years: int,
) -> list[Purse]:
    """Contributions by what they may pay for and when, in the order of the table."""
    builds = {key for spent in reach for key in spent}
    origin, last_year = start_year(years[0]), len(years) - 1
    together: dict[tuple[Keys, str, int, int, int], list[tuple[str, float]]] = {}
    for row in contributions.to_dict("records"):
        first, last = window(row, forward_years)
        keys = frozenset(f.key for f in facilities if f.key in builds and may_pay_for(row, f))
        begin, end = max(first - origin, 0), int(min(last - origin, last_year))
        if keys and begin <= end and row["amount_gbp"] >= 1:
            at = (keys, row["phase"], begin, end, max(start_year(row["due_year"]) - origin, 0))
            together.setdefault(at, []).append((str(row["site"]), float(row["amount_gbp"])))
    return [
        Purse(tuple(dict.fromkeys(site for site, _ in of)), phase, keys, begin, end, due, sum(gbp for _, gbp in of))
        for (keys, phase, begin, end, due), of in together.items()
    ]


def _unions(purses: Sequence[Purse]) -> tuple[set[Keys], set[int]]:
    """(unions of overlapping sets of facilities, purses whose set would make too many): the largest money first."""
    unions: set[Keys] = set()
    left_out = set()
    for i in sorted(range(len(purses)), key=lambda i: -purses[i].amount_gbp):
        grown, waiting = set(unions), [purses[i].keys]
        while waiting and len(grown) <= MOST_UNIONS:
            new = waiting.pop()
            if new not in grown:
                grown.add(new)
                waiting += [new | old for old in grown if new & old and not (new <= old or old <= new)]
        if len(grown) <= MOST_UNIONS:
            unions = grown
        else:
            left_out.add(i)
    return unions, left_out


def _sums(purses: Sequence[Purse], m: int, t: int, reach: list[dict[str, Array]]) -> Array:
    """Sums of a pot, rising, in whole pounds: those made of few figures first, evenly thinned where there are many."""
    purse = purses[m]
    top = float(np.floor(min(purse.amount_gbp, _most(purse.keys, reach[t])) + 1e-6))
    found = _left_to_pay(purses, m, t, reach)
    for other in range(purse.first, purse.last + 1):
        if other != t:
            found += [(n, purse.amount_gbp - gbp) for n, gbp in _left_to_pay(purses, m, other, reach)]
    kept = np.unique(np.append(np.floor(top * QUARTERS), top))
    for figures in range(1, MOST_FIGURES + 1):
        new = np.concatenate([np.empty(0), *(gbp for n, gbp in found if n == figures)])
        new = np.unique(np.floor(new + 1e-6))
        new = np.setdiff1d(new[(new >= 1) & (new < top)], kept)
        room = MOST_SUMS - len(kept)
        kept = np.union1d(kept, new[np.unique(np.linspace(0, len(new) - 1, min(room, len(new))).astype(int))])
    return kept[kept >= 1]


def _left_to_pay(purses: Sequence[Purse], m: int, t: int, reach: list[dict[str, Array]]) -> Sums:
    """Capital of one or two facilities in a year, less what none, one or two other purses pay of it."""
    keys = purses[m].keys
    one = np.unique(np.concatenate([np.empty(0), *(reach[t][key] for key in sorted(keys) if key in reach[t])]))
    built: Sums = [(1, one), (2, np.unique(np.add.outer(one, one)))]
    amounts = np.array([
        one.amount_gbp for i, one in enumerate(purses) if i != m and one.keys & keys and one.first <= t <= one.last
    ])  # fmt: skip
    pairs = np.array([a + b for a, b in combinations(amounts, 2)])
    paid: Sums = [(0, np.zeros(1)), (1, np.unique(amounts)), (2, np.unique(pairs))]
    return [
        (n + k, np.subtract.outer(capital, gbp).ravel())
        for n, capital in built
        for k, gbp in paid
        if n + k < MOST_FIGURES
    ]


def _rows(
    purses: Sequence[Purse],
    purse: Ints,
    year: Ints,
    pot: Ints,
    level: Array,
    unions: Sequence[set[Keys]],
    options: Sequence[Option],
    years: Sequence[str],
) -> list[Row]:
    """No purse pays more than it holds, and together they pay no more than is built."""
    n_options = len(options)
    rows = []
    for m, one in enumerate(purses):
        at = np.flatnonzero((purse == m)[pot])
        if (purse == m).sum() > 1:
            name = f"{one.name}, due {_due(one, years)}: spent once"
            rows.append(Row(name, n_options + at, level[at], -np.inf, one.amount_gbp, "GBP"))
    for t, found in enumerate(unions):
        for keys in sorted(found, key=lambda keys: (len(keys), sorted(keys))):
            within = [m for m, one in enumerate(purses) if one.keys <= keys]
            at = np.flatnonzero(((year == t) & np.isin(purse, within))[pot])
            built = np.array(
                [o for o, option in enumerate(options) if option.facility in keys and option.capital_gbp[t] > 0]
            )
            values = np.concatenate([[options[o].capital_gbp[t] for o in built], -level[at]])
            names = "; ".join(dict.fromkeys(purses[m].name for m in within if ((purse == m) & (year == t)).any()))
            row = f"{names}, {years[t]}: no more than is built"
            rows.append(Row(row, np.concatenate([built, n_options + at]), values, 0.0, np.inf, "GBP"))
    return rows


def _due(purse: Purse, years: Sequence[str]) -> str:
    return years[purse.due] if purse.due < len(years) else "after the plan"
