"""What a plan keeps as it is: schools that are together today, and what a hand-drawn plan locks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy

Index = NDArray[np.int64]
Trusted = NDArray[np.object_]
TODAY = ("federation", "cluster")  # columns of schools that say who is together today


@dataclass(frozen=True)
class Locks:
    """Locked by urn: the cluster it is in, those that lead, those led by another, those alone, the trust by name."""

    cluster: Mapping[int, str] = field(default_factory=dict)
    leads: frozenset[int] = frozenset()
    members: frozenset[int] = frozenset()
    alone: frozenset[int] = frozenset()
    trust: Mapping[int, str] = field(default_factory=dict)


NO_LOCKS = Locks()


def trusts_kept(schools: pd.DataFrame, locks: Locks, trust: NDArray[np.object_], free: NDArray[np.bool_]) -> Trusted:
    """(N,) the trust that each school has to be in, locked or because it may not leave its `trust`; "" where free."""
    kept: Trusted = np.where(free, "", trust).astype(object)
    for row, urn in enumerate(schools["urn"]):
        kept[row] = locks.trust.get(int(urn), kept[row])
    return kept


def groups_of(schools: pd.DataFrame, locks: Locks, policy: Policy) -> tuple[Index, NDArray[np.bool_], dict[int, int]]:
    """(N,) group of each school, (G,) whether it is locked, and by group the school (row) locked as its lead.

    Schools together today are a group where policy keeps them; a lock outweighs that. Whoever is together today with
    one locked school, and is not locked elsewhere, is locked with it.
    """
    label: list[tuple[str, str] | None] = [None] * len(schools)
    urns = [int(urn) for urn in schools["urn"]]
    for row, urn in enumerate(urns):
        if urn in locks.cluster:
            label[row] = ("locked", locks.cluster[urn])
        elif urn in locks.alone:
            label[row] = ("alone", str(urn))
    if policy.text("cluster_keep") == "yes":
        for column in TODAY:
            if column in schools:
                _keep(schools[column], label, urns)
    node = np.full(len(schools), -1, dtype=np.int64)
    seen: dict[tuple[str, str], int] = {}
    for row, name in enumerate(label):
        node[row] = seen.setdefault(name if name is not None else ("own", str(urns[row])), len(seen))
    locked = np.array([kind == "locked" for kind, _ in seen], dtype=bool).reshape(len(seen))
    leads = {int(node[row]): row for row, urn in enumerate(urns) if urn in locks.leads}
    return node, locked, leads


def _keep(today: pd.Series, label: list[tuple[str, str] | None], urns: list[int]) -> None:
    """Give those together today one label; where some have one already, all with theirs come along.

    A lock outweighs being together: locked groups stay apart, and who is locked alone stays alone.
    """
    for rows in today[today.notna()].groupby(today).groups.values():
        members = [row for row in rows if label[row] is None or label[row][0] != "alone"]
        locked = {label[row] for row in members if label[row] is not None and label[row][0] == "locked"}
        if len(locked) > 1:
            members = [row for row in members if label[row] not in locked]
            locked = set()
        held = {label[row] for row in members} - {None}
        given = next(iter(locked), None) or ("today", str(min((urns[row] for row in members), default=0)))
        for row in range(len(label)):
            if row in members or (label[row] is not None and label[row] in held):
                label[row] = given
