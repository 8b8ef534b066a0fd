"""What a trust's schools, clusters and centre come to, year by year and future by future.

    balance = Σ schools' balances with a head each
            + Σ clusters ( heads saved − executive head − heads of school + shared special needs coordinator )
            + offices pooled − centre − one-off cost of joining in the first year

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
    balance: Array  # (T, N)
    reserves: Array  # (T, N)
    centre: Array  # (T, N) cost of the centre

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
    centre_share: float = 1.0,
    joining: int = 0,
    pooled: bool = True,
) -> TrustMoney:
    """The schools `rows` together, `clusters` among them sharing heads.

    `reserves_gbp` (F,) of each school, nan where it is not known. `centre_share` of the centre's fixed cost is theirs;
    `joining` schools join in the first year. Without `pooled` there is no centre and no pooled office: a federation.
    """
    income = money.income[rows].sum(axis=0)
    pupils, there = money.pupils[rows].sum(axis=0), (money.pupils[rows] > 0).sum(axis=0)
    balance = money.balance[rows].sum(axis=0) + clusters_gain(money, clusters, policy)
    centre = np.zeros_like(income)
    if pooled:
        centre = centre + centre_share * policy.number("trust_central_gbp") * (there > 0)
        centre = centre + policy.number("trust_central_gbp_per_pupil") * pupils
        balance = balance + office_pooled_gbp(policy) * there - centre
        balance[0] -= policy.number("joining_gbp") * joining
    guide = policy.number("viable_reserves_share") * money.income[rows, 0]
    saved = np.where(np.isnan(reserves_gbp[rows])[:, None], guide, reserves_gbp[rows][:, None]).sum(axis=0)
    return TrustMoney(income, balance, saved + np.cumsum(balance, axis=0), centre)


def office_pooled_gbp(policy: Policy) -> float:
    """Saved a year by a school whose back office is pooled."""
    return policy.number("area_cost_factor") * policy.number("pooled_office_share") * policy.number("office_gbp")


def joiner_balance_p10(money: DrawnMoney, members: Sequence[Index], policy: Policy) -> Array:
    """(J,) what each joiner adds to a trust's balance in one future of ten, mean of the years; without fixed centre."""
    found = np.zeros(len(members))
    for j, rows in enumerate(members):
        clusters = [rows] if len(rows) > 1 else []
        parted = trust_money(money, rows, clusters, np.zeros(len(money.pupils)), policy, centre_share=0.0)
        found[j] = parted.balance_p10.mean()
    return found


def pooling(balance: Array) -> tuple[int, float]:
    """Schools short on average, and GBP a year that pooling moves to them, of school balances (F, T, N)."""
    mean = balance.mean(axis=(1, 2))
    short = mean < 0
    surplus = mean[~short].sum()
    return int(short.sum()), float(min(-mean[short].sum(), surplus))
