"""The cluster problem: which schools stand together around a lead school.

Schools into clusters around an executive head, and clusters into trusts around a hub, are the same partition:

    min  Σ_l lead_cost[l]·y[l] + Σ_a arc_cost[a]·x[a] + Σ_n alone_cost[n]·w[n]

    s.t. Σ_{a to n} x[a] + w[n] = 1                       every node n (w = 0 without alone_cost)
         x[a] ≤ y[l(a)],  y[l] = x[(l, l)]                a lead is a member of its own cluster
         min_weight·y[l] ≤ Σ_{a of l} weight[n(a)]·x[a] ≤ max_weight·y[l]      every lead l
         min_members·y[l] ≤ Σ_{a of l} x[a] ≤ max_members·y[l]                every lead l
         Σ_l y[l] = n_clusters                            where asked
         x[(l, i)] + x[(l, j)] ≤ y[l]                     every lead l and pair i, j kept apart
         the members of every cluster are connected by neighbours             where asked
         lower[r, l]·y[l] − short[r, l] ≤ Σ_{a of l} value[r, n(a)]·x[a] ≤ upper[r, l]·y[l]    every row r of `rows`
         x, y, w ∈ {0, 1}, short ≥ 0 at the row's price, 0 where it has none

========  ======================  =======================================================
symbol    array                   meaning
========  ======================  =======================================================
n, N      ``weight`` …            nodes: schools, or clusters of schools
a, A      ``arc_*``               arcs: l(a) may lead n(a); (n, n) stands where n may lead
y[l]      ``lead[l] == l``        node l leads a cluster
x[a]      ``lead[n(a)] == l(a)``  node n(a) is in the cluster of l(a)
w[n]      ``lead[n] == -1``       node n stands in no cluster
========  ======================  =======================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estate import FloatArray, IntArray, finite_numbers, refuse, require_shape, whole_numbers


@dataclass(frozen=True, eq=False)
class GroupRow:
    """A further limit on every cluster: what its members add up to, between what its lead asks and allows.

    With a `short_price`, falling short of `lower` is allowed and costs so much a unit; without, it is not.
    """

    name: str  # words a planner recognises
    value: FloatArray  # (N,) what a node adds
    lower: FloatArray  # (N,) by lead; -inf: none
    upper: FloatArray  # (N,) by lead; inf: none
    short_price: float | None = None

    def total(self, lead: IntArray) -> FloatArray:
        """(N,) what each lead's cluster adds up to by the leads (N,) of the nodes."""
        inside = lead >= 0
        return np.bincount(lead[inside], self.value[inside], minlength=len(lead)).astype(np.float64)

    def short(self, lead: IntArray) -> FloatArray:
        """(N,) by how much each cluster falls short of `lower`; 0 for who leads none."""
        leads = lead == np.arange(len(lead))
        return np.where(leads, np.maximum(self.lower - self.total(lead), 0.0), 0.0)

    def over(self, lead: IntArray) -> FloatArray:
        """(N,) by how much each cluster is above `upper`; 0 for who leads none."""
        leads = lead == np.arange(len(lead))
        return np.where(leads, np.maximum(self.total(lead) - self.upper, 0.0), 0.0)


@dataclass(frozen=True, eq=False)
class ClusterProblem:
    """Who may lead whom, at what cost, and what a cluster must keep to; shapes in the comments.

    Arrays are converted to int64 and float64. Raises ValueError, naming the field and the first bad index,
    where a shape, a number or a reference is wrong.
    """

    weight: FloatArray  # (N,) pupils
    arc_lead: IntArray  # (A,) may lead …
    arc_member: IntArray  # (A,) … this member; (n, n) where n may lead
    arc_cost: FloatArray  # (A,) for the whole member, not per pupil
    lead_cost: FloatArray  # (N,)
    alone_cost: FloatArray | None = None  # (N,) price of standing in no cluster; None: everybody is in one
    min_weight: float = 0.0  # of a cluster, lead included
    max_weight: float = math.inf
    min_members: int = 1  # lead included
    max_members: int | None = None
    n_clusters: int | None = None  # exact number, or free
    apart: IntArray | None = None  # (K, 2) pairs never in one cluster
    neighbours: IntArray | None = None  # (E, 2) contiguity graph; None: contiguity not asked
    rows: tuple[GroupRow, ...] = ()  # further limits

    def __post_init__(self) -> None:
        for name in ("arc_lead", "arc_member"):
            self._set(name, whole_numbers(name, getattr(self, name)))
        for name in ("weight", "arc_cost", "lead_cost"):
            self._set(name, finite_numbers(name, getattr(self, name)))
        self._check_nodes()
        self._check_arcs()
        self._check_limits()
        for name in ("apart", "neighbours"):
            self._check_pairs(name)
        for row in self.rows:
            self._check_row(row)

    @property
    def n_nodes(self) -> int:
        """N."""
        return len(self.weight)

    @property
    def n_arcs(self) -> int:
        """A."""
        return len(self.arc_lead)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_nodes(self) -> None:
        if self.weight.ndim != 1:
            raise ValueError(f"weight has shape {self.weight.shape}, expected (nodes,)")
        refuse("weight", self.weight, self.weight < 0, "pupils cannot be negative")
        require_shape("lead_cost", self.lead_cost, (self.n_nodes,))
        if self.alone_cost is not None:
            alone_cost = finite_numbers("alone_cost", self.alone_cost)
            require_shape("alone_cost", alone_cost, (self.n_nodes,))
            self._set("alone_cost", alone_cost)

    def _check_arcs(self) -> None:
        for name in ("arc_lead", "arc_member", "arc_cost"):
            require_shape(name, getattr(self, name), (self.n_arcs,))
        for name in ("arc_lead", "arc_member"):
            node = getattr(self, name)
            refuse(name, node, (node < 0) | (node >= self.n_nodes), f"nodes are 0 … {self.n_nodes - 1}")
        own = self.arc_lead[self.arc_lead == self.arc_member]
        leaderless = ~np.isin(self.arc_lead, own)
        refuse("arc_lead", self.arc_lead, leaderless, "a lead needs the arc (n, n) to itself")
        _, first = np.unique(self.arc_lead * self.n_nodes + self.arc_member, return_index=True)
        repeated = np.ones(self.n_arcs, dtype=bool)
        repeated[first] = False
        refuse("arc_member", self.arc_member, repeated, "the same lead and member as an earlier arc")

    def _check_limits(self) -> None:
        for name in ("min_weight", "max_weight"):
            if math.isnan(getattr(self, name)):
                raise ValueError(f"{name} is not a number")
        for name in ("min_members", "max_members", "n_clusters"):
            limit = getattr(self, name)
            if limit is not None and (limit != int(limit) or limit < 0):
                raise ValueError(f"{name} = {limit}: a count is a whole number, not negative")

    def _check_row(self, row: GroupRow) -> None:
        for name in ("value", "lower", "upper"):
            limit = np.asarray(getattr(row, name), dtype=np.float64)
            require_shape(f"rows: {row.name}: {name}", limit, (self.n_nodes,))
            wrong = ~np.isfinite(limit) if name == "value" else np.isnan(limit)
            refuse(f"rows: {row.name}: {name}", limit, wrong, "is not a number")
        if row.short_price is not None and not 0 <= row.short_price < math.inf:
            raise ValueError(f"rows: {row.name}: short_price = {row.short_price}: a price is not negative")

    def _check_pairs(self, name: str) -> None:
        if getattr(self, name) is None:
            return
        pairs = whole_numbers(name, getattr(self, name))
        if pairs.size == 0:
            pairs = pairs.reshape(0, 2)
        require_shape(name, pairs, (len(pairs), 2))
        refuse(name, pairs, (pairs < 0) | (pairs >= self.n_nodes), f"nodes are 0 … {self.n_nodes - 1}")
        if name == "apart":
            refuse(name, pairs, (pairs[:, :1] == pairs[:, 1:]).repeat(2, axis=1), "a node apart from itself")
        self._set(name, pairs)


def sharing_a_lead(apart: NDArray[np.bool_], lead: IntArray, member: IntArray) -> IntArray:
    """(K, 2) of the pairs (N, N) that must be apart those that some lead could have both: the others need no row."""
    found = np.zeros_like(apart)
    order = np.argsort(lead, kind="stable")
    for arcs in np.split(order, np.flatnonzero(np.diff(lead[order])) + 1):
        here = np.ix_(member[arcs], member[arcs])
        found[here] |= apart[here]
    return np.argwhere(np.triu(found | found.T, 1)).astype(np.int64)
