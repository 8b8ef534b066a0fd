"""Developer contributions inside the optimisation: what a plan saves the authority by building where money is due.

Contributions that may pay for the same schools in the same years are one purse, and a purse in one plan year is a pot:

    y[m,t]  whole GBP of purse m that pay for capital of plan year t, at most top[m,t]

    Σ_t y[m,t] ≤ amount[m]                                                  every purse m
    Σ_{m: E[m] ⊆ N} y[m,t] ≤ Σ_{o of the facilities in N} capital[o,t]·z[o]     every year t and union N

E[m] are the facilities that the purse may pay for; N runs over the unions of sets E that overlap, one chained to the
next. With these rows, and only with them, the sums can be divided among schools so that no pound of capital is paid
twice (Gale's condition for a transport, A theorem on flows in networks, Pacific J. Math. 7, 1957; other unions follow
from these by adding up). A pound is worth its discount in the year it is spent, or in which it is due where the
authority builds before. `capital` is that of the phase the purse is for.

In the estate problem the sum of a pot is written in digits – 1, 2, 4, … GBP and a last one up to top – each of them a
facility to which nobody can go, with two options: 0, and the digit at its negative cost. Every whole number of pounds
can be written so, and solvers may take shares of digits while they search (`solvers.pots`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
Item = tuple[str, str]  # a facility and the phase of its capital
Keys = frozenset[Item]
NOBODY, NOTHING = np.empty(0, dtype=np.int64), np.empty(0)
EARLY = 1e-6  # of a pound for each year in which the authority has to find it first, where it makes no odds
MOST_UNIONS = 120  # rows of a year; sets that would need more are left out of the plan
NAMED = 3  # sites in the name of a row


@dataclass(frozen=True)
class Purse:
    """Contributions that may pay for the same facilities and phase (`keys`) in the same plan years `first` … `last`.

    Plan years are counted from 0; `due` may lie after the last. `sites` are the housing sites, `phase` theirs.
    """

    sites: tuple[str, ...]
    phase: str
    keys: Keys
    first: int
    last: int
    due: int
    amount_gbp: float
    rows: tuple[int, ...]  # of the table of contributions

    @property
    def name(self) -> str:
        """The purse in words: "contribution of HS-01 (primary)"."""
        more = f" and {len(self.sites) - NAMED} more" if len(self.sites) > NAMED else ""
        one = "contribution" if len(self.sites) == 1 else "contributions"
        return f"{one} of {', '.join(self.sites[:NAMED])}{more} ({self.phase})"


@dataclass(frozen=True, eq=False)
class Pots:
    """Pots of a plan, their digits, and the rows that keep them to what there is and what is built.

    Attributes
    ----------
    purse, year : (P,) of each pot; sets of purses that were left out have none.
    pot, digit_gbp : (Q,) the pot of each digit, and the digit.
    cost : (2 Q,) of the options: 0 and, of the digit, −its worth, discounted.
    rows : policy rows over all options: those of facilities first, then of each digit 0 and the digit.
    left_out : names of purses that the plan counts nothing of in some year, for want of rows.

    """

    purses: tuple[Purse, ...]
    purse: Ints
    year: Ints
    pot: Ints
    digit_gbp: Array
    cost: Array
    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    n_options: int  # of facilities, before the first digit

    def options(self, digits: Ints) -> Ints:
        """The options that take these digits."""
        return self.n_options + 2 * digits + 1

    def due_by(self, n_years: int) -> list[tuple[Ints, Array]]:
        """By plan year, (options, GBP): digits that pay for its capital out of money that is due by then."""
        due = np.array([purse.due for purse in self.purses], dtype=np.int64)[self.purse]
        found = [np.flatnonzero(((self.year == t) & (due <= t))[self.pot]) for t in range(n_years)]
        return [(self.options(at), self.digit_gbp[at]) for at in found]


NO_POTS = Pots((), NOBODY, NOBODY, NOBODY, NOTHING, NOTHING, (), (), 0)


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
    capital = _capital(options)
    purses = _purses(contributions, facilities, years, capital, policy.integer("contributions_forward_years"))
    unions = []
    for t in range(len(years)):
        here = [p for p in purses if p.first <= t <= p.last and _most(p.keys, capital, t) >= 1]
        unions.append(_unions(here))
    pots = [
        (m, t) for t, found in enumerate(unions) for m, p in enumerate(purses)
        if p.first <= t <= p.last and p.keys in found
    ]  # fmt: skip
    purse, year = (np.array([pair[i] for pair in pots], dtype=np.int64) for i in (0, 1))
    digits = [_digits(min(purses[m].amount_gbp, _most(purses[m].keys, capital, t))) for m, t in pots]
    pot = np.repeat(np.arange(len(pots)), [len(one) for one in digits])
    gbp = np.concatenate([NOTHING, *digits])
    due = np.array([p.due for p in purses], dtype=np.int64)[purse]
    worth = (1 + policy.number("discount_rate")) ** -(1.0 + np.maximum(year, due))
    worth -= EARLY * np.maximum(due - year, 0)
    made = Pots(
        tuple(purses), purse, year, pot, gbp, np.column_stack([0 * gbp, -worth[pot] * gbp]).ravel(), (),
        _left_out(purses, unions, capital), len(options),
    )  # fmt: skip
    return replace(made, rows=tuple(_rows(made, unions, capital, options, years)))


def paid_by_pots(pots: Pots, digits: Ints) -> Array:
    """(P,) GBP that every pot pays where its digits follow the options `digits` (Q,)."""
    taken = (digits - pots.n_options) % 2 * pots.digit_gbp
    paid: Array = np.bincount(pots.pot, taken, minlength=len(pots.purse)).astype(np.float64)
    return paid


def _digits(top_gbp: float) -> Array:
    """1, 2, 4, … and a last one, whose sums are every whole number of pounds up to `top_gbp`, at least 1."""
    top = int(top_gbp + 1e-6)
    doubled = 2.0 ** np.arange(top.bit_length() - 1)
    return np.append(doubled, top - doubled.sum())


def _capital(options: Sequence[Option]) -> dict[Item, Array]:
    """(O, T) GBP of capital by facility and phase, those that spend any; 0 for options of others."""
    capital: dict[Item, Array] = {}
    for o, option in enumerate(options):
        for phase, share in option.capital_share.items():
            if option.capital_gbp.any() and share > 0:
                nothing = np.zeros((len(options), len(option.capital_gbp)))
                capital.setdefault((option.facility, phase), nothing)[o] = share * option.capital_gbp
    return capital


def _most(keys: Keys, capital: Mapping[Item, Array], t: int) -> float:
    """The most capital that facilities can spend in a year, GBP."""
    return float(sum(capital[key][:, t].max() for key in keys))


def _purses(
    contributions: pd.DataFrame,
    facilities: Sequence[Facility],
    years: Sequence[str],
    capital: Mapping[Item, Array],
    forward_years: int,
) -> list[Purse]:
    """Contributions by what they may pay for and when, in the order of the table."""
    origin, last_year = start_year(years[0]), len(years) - 1
    together: dict[tuple[Keys, str, int, int, int], list[tuple[int, str, float]]] = {}
    for number, row in enumerate(contributions.to_dict("records")):
        first, last = window(row, forward_years)
        keys = frozenset({(f.key, row["phase"]) for f in facilities if may_pay_for(row, f)} & capital.keys())
        begin, end = max(first - origin, 0), int(min(last - origin, last_year))
        if keys and begin <= end and row["amount_gbp"] >= 1:
            at = (keys, row["phase"], begin, end, max(start_year(row["due_year"]) - origin, 0))
            together.setdefault(at, []).append((number, str(row["site"]), float(row["amount_gbp"])))
    return [
        Purse(
            tuple(dict.fromkeys(site for _, site, _ in of)), phase, keys, begin, end, due,
            sum(gbp for *_, gbp in of), tuple(number for number, *_ in of),
        )
        for (keys, phase, begin, end, due), of in together.items()
    ]  # fmt: skip


def _unions(purses: Sequence[Purse]) -> set[Keys]:
    """Unions of overlapping sets of facilities, the largest money first; without the sets that would make too many."""
    unions: set[Keys] = set()
    for one in sorted(purses, key=lambda purse: -purse.amount_gbp):
        grown, waiting = set(unions), [one.keys]
        while waiting and len(grown) <= MOST_UNIONS:
            new = waiting.pop()
            if new not in grown:
                grown.add(new)
                waiting += [new | old for old in grown if new & old and not (new <= old or old <= new)]
        if len(grown) <= MOST_UNIONS:
            unions = grown
    return unions


def _left_out(purses: Sequence[Purse], unions: Sequence[set[Keys]], capital: Mapping[Item, Array]) -> tuple[str, ...]:
    """Names of purses that could pay for something in a year in which they have no pot."""
    return tuple(
        purse.name for purse in purses
        if any(purse.keys not in found and purse.first <= t <= purse.last and _most(purse.keys, capital, t) >= 1
               for t, found in enumerate(unions))
    )  # fmt: skip


def _rows(
    pots: Pots,
    unions: Sequence[set[Keys]],
    capital: Mapping[Item, Array],
    options: Sequence[Option],
    years: Sequence[str],
) -> list[Row]:
    """No purse pays more than it holds, and together they pay no more than is built."""
    rows, purses = [], pots.purses
    for m, one in enumerate(purses):
        at = np.flatnonzero((pots.purse == m)[pots.pot])
        if (pots.purse == m).sum() > 1:
            name = f"{one.name}, due {_due(one, years)}: spent once"
            rows.append(Row(name, pots.options(at), pots.digit_gbp[at], -np.inf, one.amount_gbp, "GBP"))
    for t, found in enumerate(unions):
        for keys in sorted(found, key=lambda keys: (len(keys), sorted(keys))):
            within = [m for m, one in enumerate(purses) if one.keys <= keys]
            at = np.flatnonzero(((pots.year == t) & np.isin(pots.purse, within))[pots.pot])
            spent = np.sum([capital[key][:, t] for key in keys], axis=0)
            built = np.flatnonzero(spent > 0)
            names = dict.fromkeys(purses[m].name for m in within if ((pots.purse == m) & (pots.year == t)).any())
            row = f"{'; '.join(names)}, {years[t]}: no more than is built"
            values = np.concatenate([spent[built], -pots.digit_gbp[at]])
            rows.append(Row(row, np.concatenate([built, pots.options(at)]), values, 0.0, np.inf, "GBP"))
    return rows


def _due(purse: Purse, years: Sequence[str]) -> str:
    return years[purse.due] if purse.due < len(years) else "after the plan"
