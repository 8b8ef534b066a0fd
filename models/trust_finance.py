"""What a trust's schools, clusters and centre come to, year by year and future by future.

    balance = Σ schools' balances with a head each
            + Σ clusters ( heads saved − executive head − heads of school + shared special needs coordinator )
            + offices pooled − centre − one-off cost of joining, year by year as they join

What comes again every year is the running balance; joining costs once, in the year in which a school joins. A centre
has a fixed part, whole from the first school on, however few there are yet.

Lump sums and sparsity stay with every school: a trust or a federation is no merger. Reserves begin with what schools
have saved, or where that is not given with the guide's share of income.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.drawn_money import DrawnMoney
from models.villages import site_gbp

Array = NDArray[np.float64]
Index = NDArray[np.int64]
LOW = 10  # percentile by which a trust is judged


@dataclass(frozen=True, eq=False)
class TrustMoney:
    """One trust, cluster or federation over T years in N futures, GBP a year; `reserves` at each year's end."""

    income: Array  # (T, N)
    balance: Array  # (T, N) with what is paid once
    reserves: Array  # (T, N)
    centre: Array  # (T, N) cost of the centre
    once: Array  # (T,) cost of joining, of those who join in the year

    @property
    def running(self) -> Array:
        """(T, N) the balance without what is paid once."""
        return self.balance + self.once[:, None]

    @property
    def running_p10(self) -> Array:
        """(T,) running balance in one future of ten or worse."""
        low: Array = np.percentile(self.running, LOW, axis=1)
        return low

    @property
    def balance_p10(self) -> Array:
        """(T,) balance of the year in one future of ten or worse."""
        low: Array = np.percentile(self.balance, LOW, axis=1)
        return low

    @property
    def reserves_p10(self) -> Array:
        """(T,) reserves at the year's end in one future of ten or worse."""
        low: Array = np.percentile(self.reserves, LOW, axis=1)
        return low

    @property
    def viable(self) -> bool:
        """Whether the balance carried forward stays above nothing in nine futures of ten, in every year told."""
        return bool((self.reserves_p10 >= 0).all())

    @property
    def reserves_share_p10(self) -> float:
        """Reserves in one future of ten as a share of the year's mean income, in the year in which they are lowest.

        nan without income.
        """
        income = self.income.mean(axis=1)
        there = income > 0
        return float((self.reserves_p10[there] / income[there]).min()) if there.any() else float("nan")

    @property
    def grant_gbp(self) -> float:
        """The smallest sum at the start with which it would be viable; nothing where it is."""
        return float(max(0.0, -self.reserves_p10.min()))

    def stops(self, years: Sequence[str]) -> str | None:
        """The first year in which it is no longer viable; None where it stays so."""
        short = np.flatnonzero(self.reserves_p10 < 0)
        return str(years[int(short[0])]) if len(short) else None

    def top_slice_needed(self) -> float:
        """Share of income that pays for the centre, in its dearest year on average; nan without income."""
        income, centre = self.income.mean(axis=1), self.centre.mean(axis=1)
        there = income > 0
        return float((centre[there] / income[there]).max()) if there.any() else float("nan")


def clusters_gain(money: DrawnMoney, clusters: Sequence[Index], policy: Policy) -> Array:
    """(T, N) what clusters (rows of schools each) save a year in leadership; a loss is a minus."""
    area = policy.number("area_cost_factor")
    gain = np.zeros(money.balance.shape[1:])
    for rows in clusters:
        if len(rows) < 2:
            continue  # a head of its own
        there = (money.pupils[rows] > 0).sum(axis=0)
        gain += money.head_gbp[rows].sum(axis=0) - site_gbp(policy) * there
        gain -= area * policy.number("executive_head_gbp") * (there > 0)
    return gain


def trust_money(
    money: DrawnMoney,
    rows: Index,
    clusters: Sequence[Index],
    reserves_gbp: Array,
    policy: Policy,
    *,
    joins: Index | None = None,
    n_years: int | None = None,
    pooled: bool = True,
    centre: float = 1.0,
) -> TrustMoney:
    """The schools `rows` together, `clusters` among them sharing heads, year by year as they join.

    `clusters` are whole ones; one that reaches beyond `rows` saves them the share of it that is theirs.
    `reserves_gbp` (F,) of each school, nan where it is not known. `joins` (rows,) is the year, from 0, in which each
    comes, with its reserves and at its one-off cost; -1 where it is there from the beginning, as all are without it. A
    cluster begins once all of it is there. After the last year drawn, up to `n_years`, years are like it. `centre` is
    the share of a centre's fixed cost that these schools bear. Without `pooled` there is no centre and no pooled
    office: a federation.
    """
    since = np.full(len(rows), -1) if joins is None else joins
    drawn = money.balance.shape[1]
    told = [
        _year(money, rows, clusters, reserves_gbp, policy, since, t, min(t, drawn - 1), pooled, centre)
        for t in range(drawn if n_years is None else n_years)
    ]
    income, balance, paid, saved = (np.stack(part) for part in zip(*told, strict=True))
    comes = np.array([((since == t) & (since >= 0)).sum() for t in range(len(told))], dtype=float)
    once = comes * policy.number("joining_gbp") * pooled
    balance = balance - once[:, None]
    return TrustMoney(income, balance, np.cumsum(saved + balance, axis=0), paid, once)


def _year(
    money: DrawnMoney,
    rows: Index,
    clusters: Sequence[Index],
    reserves_gbp: Array,
    policy: Policy,
    since: Index,
    t: int,
    at: int,
    pooled: bool,
    centre: float,
) -> tuple[Array, Array, Array, Array]:
    """Income, running balance, cost of the centre and reserves that come in, (N,), of year t at the money of `at`."""
    here, comes = rows[since <= t], rows[since == t] if t else rows[since <= 0]
    zero = np.zeros(money.balance.shape[2])
    income = money.income[here, at].sum(axis=0) if len(here) else zero
    balance = money.balance[here, at].sum(axis=0) if len(here) else zero
    for whole in clusters:
        ours = np.intersect1d(whole, rows)
        if len(ours) and np.isin(ours, here).all():
            balance = balance + clusters_gain(money, [whole], policy)[at] * (len(ours) / len(whole))
    paid = zero
    if pooled and len(here):
        pupils, there = money.pupils[here, at].sum(axis=0), (money.pupils[here, at] > 0).sum(axis=0)
        paid = policy.number("trust_central_gbp_per_pupil") * pupils + policy.number("trust_central_gbp") * centre
        balance = balance + office_pooled_gbp(policy) * there - paid
    saved = brought_gbp(money, comes, reserves_gbp, policy)[:, at].sum(axis=0) if len(comes) else zero
    return income, balance, paid, saved


def brought_gbp(money: DrawnMoney, rows: Index, reserves_gbp: Array, policy: Policy) -> Array:
    """(rows, T, N) what each school has saved when it comes: as given, else the guide's share of its income then."""
    known = reserves_gbp[rows][:, None, None]
    guide = policy.number("viable_reserves_share") * money.income[rows]
    return np.where(np.isnan(known), guide, known)


def joiner_adds(money: DrawnMoney, part: Index, rows: Index, clusters: Sequence[Index], policy: Policy) -> Array:
    """(T, N) what the schools `part` add to the running balance of a trust of `rows` once they are there.

    Their balances, offices pooled, the centre by the pupil, and what the trust's share of a cluster that begins with
    them saves; the fixed part of the centre is not theirs.
    """
    none = np.zeros(len(money.pupils))
    balance = trust_money(money, part, [], none, policy, centre=0.0).running
    for whole in clusters:
        if np.isin(part, whole).any():
            ours = np.isin(whole, rows).sum()
            balance = balance + clusters_gain(money, [whole], policy) * (ours / len(whole))
    return balance


def office_pooled_gbp(policy: Policy) -> float:
    """Saved a year by a school whose back office is pooled."""
    return policy.number("area_cost_factor") * policy.number("pooled_office_share") * policy.number("office_gbp")


def mean_p10(
    money: DrawnMoney, members: Sequence[Index], clusters: Sequence[Index], policy: Policy, *, pooled: bool
) -> Array:
    """(J,) balance in one future of ten, mean of the years, of each joiner's schools with their share of its cluster.

    `pooled`: what they add to a trust, the fixed part of its centre left out; else what they have outside every trust.
    """
    none = np.full(len(money.pupils), 0.0)
    told = [
        trust_money(money, rows, [whole], none, policy, pooled=pooled, centre=0.0).balance_p10.mean()
        for rows, whole in zip(members, clusters, strict=True)
    ]
    return np.array(told, dtype=np.float64)
