"""School by school: the second-best home of each with all else as planned, and what its refusal would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.villages import site_gbp
from placeplan.cluster_case import ClusterCase
from placeplan.trust_groups import Group, groups_of_plan
from placeplan.trust_tables import group_money, joined_since
from placeplan.two_levels import TwoLevels

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Costs:
    """What groups of a plan's schools cost a year at its prices, and whether they may stand together."""

    case: ClusterCase
    planned: TwoLevels

    @property
    def policy(self) -> Policy:
        """Of the plan."""
        return self.planned.policy

    def apart(self, rows: Index) -> float:
        """Each with a head of its own."""
        schools = self.case.schools
        small = schools["small"].to_numpy(dtype=bool)[rows]
        price = self.policy.number("village_alone_gbp") * small.sum()
        return float(schools["alone_gbp"].to_numpy(dtype=float)[rows].sum() + price)

    def led(self, rows: Index, lead: int) -> float:
        """Under an executive head at `lead`; inf where a limit or a rule is broken."""
        policy, schools, drive = self.policy, self.case.schools, self.planned.villages.drive_min
        pupils, small = schools["pupils"].to_numpy(dtype=float), schools["small"].to_numpy(dtype=bool)
        others = rows[rows != lead]
        fits = (
            policy.integer("cluster_min_schools") <= len(rows) <= policy.integer("cluster_max_schools")
            and pupils[rows].sum() <= policy.number("cluster_max_pupils")
            and pupils[lead] >= policy.number("cluster_lead_min_pupils")
            and small[others].all()
            and (drive[others, lead] <= policy.number("cluster_drive_max_min")).all()
            and not self.planned.villages.standing.apart[np.ix_(rows, rows)].any()
        )
        if not fits:
            return np.inf
        minutes = policy.number("executive_drive_gbp_per_min") * drive[others, lead].sum()
        executive = policy.number("area_cost_factor") * policy.number("executive_head_gbp")
        return float(executive + site_gbp(policy) * len(rows) + minutes)

    def best(self, rows: Index) -> tuple[float, int]:
        """Together under the lead that costs least, or apart where they may not be; and that lead, -1 apart."""
        offers = [(self.led(rows, int(lead)), int(lead)) for lead in rows]
        cost, lead = min(offers, default=(np.inf, -1))
        return (cost, lead) if np.isfinite(cost) else (self.apart(rows), -1)


def second_homes(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """For each school in a cluster the next-best place for it with all else as planned, and what that costs more.

    Columns urn, name, cluster, second_home ("alone", "with" a school that stands alone, a cluster's lead, "" where it
    is together with others today), extra_gbp. The others go on under whoever leads them best, or apart. Contiguity is
    not asked.
    """
    costs, lead, schools = Costs(case, planned), planned.school_lead, case.schools
    names = schools["name"].astype(str).to_numpy()
    together = np.bincount(planned.villages.node)[planned.villages.node] > 1
    rows = []
    for row in np.flatnonzero(lead >= 0):
        home, extra = ("", np.nan)
        if not together[row]:
            home, extra = min(_offers(costs, lead, int(row), together), key=lambda offer: offer[1])
        rows.append((int(schools["urn"].iloc[row]), names[row], names[int(lead[row])], home, float(extra)))
    return pd.DataFrame(rows, columns=["urn", "name", "cluster", "second_home", "extra_gbp"])


def _offers(costs: Costs, lead: Index, row: int, together: NDArray[np.bool_]) -> Iterator[tuple[str, float]]:
    """Other homes of a school and what each costs more."""
    names = costs.case.schools["name"].astype(str).to_numpy()
    own = np.flatnonzero(lead == lead[row])
    rest = np.setdiff1d(own, [row])
    today = costs.led(own, int(lead[row]))
    today = today if np.isfinite(today) else costs.best(own)[0]
    left = costs.best(rest)[0] - today
    alone = costs.apart(np.array([row]))
    yield "alone", alone + left
    allowed = ~costs.planned.villages.standing.apart[row]
    for one in np.unique(lead[(lead >= 0) & allowed]):
        members = np.flatnonzero(lead == one)
        if one == lead[row] or not allowed[members].all() or together[members].any():
            continue
        joined, led = costs.best(np.append(members, row))
        if led >= 0:
            yield names[one], joined - costs.led(members, int(one)) + left
    for other in np.flatnonzero((lead < 0) & allowed & (np.arange(len(lead)) != row)):
        joined, led = costs.best(np.array([row, other]))
        if led >= 0:
            yield f"with {names[other]}", joined - costs.apart(np.array([other])) + left


def refusals(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """For each school in a cluster, what its refusal would do to the others and to the trust.

    Columns urn, name, cluster, breaks (the cluster cannot go on without it), what, trust_falls (its new trust would
    have fewer pupils than it needs), trust_fails (its trust would no longer stay viable and does with it).
    """
    costs, lead, schools = Costs(case, planned), planned.school_lead, case.schools
    names = schools["name"].astype(str).to_numpy()
    groups = {group.name: group for group in groups_of_plan(case, lead, planned.trust)}
    viable = {name: _viable(case, planned, group, group.rows) for name, group in groups.items()}
    rows = []
    for row in np.flatnonzero(lead >= 0):
        own = int(lead[row])
        rest = np.setdiff1d(np.flatnonzero(lead == own), [row])
        breaks, what = _without(costs, rest, own, int(row))
        trust, falls, fails = str(planned.trust[row]), False, False
        if trust in groups:
            gone = np.append(rest, row) if breaks else np.array([row])
            joined = groups[trust].joins
            new = {int(one) for part in joined for one in part}
            leaves = np.array([one for one in case.row[gone] if int(one) in new], dtype=np.int64)
            kept = np.setdiff1d(groups[trust].rows, leaves)
            fails = viable[trust] and not _viable(case, planned, groups[trust], kept)
            if groups[trust].kind == "new trust":
                falls = bool(case.everyone["pupils"].to_numpy(dtype=float)[kept].sum()
                             < planned.policy.number("trust_min_pupils"))  # fmt: skip
        rows.append((int(schools["urn"].iloc[row]), names[row], names[own], breaks, what, falls, fails))
    columns = ["urn", "name", "cluster", "breaks", "what", "trust_falls", "trust_fails"]
    return pd.DataFrame(rows, columns=columns)


def _without(costs: Costs, rest: Index, lead: int, leaving: int) -> tuple[bool, str]:
    """Whether the others of a cluster cannot go on, and what they would do."""
    names = costs.case.schools["name"].astype(str).to_numpy()
    if len(rest) < costs.policy.integer("cluster_min_schools"):
        return True, f"only {', '.join(names[rest])} would be left"
    if leaving != lead:
        return False, f"{len(rest)} go on together"
    _, led = costs.best(rest)
    if led < 0:
        return True, "no other of them could lead the rest"
    return False, f"{names[led]} could lead the rest"


def _viable(case: ClusterCase, planned: TwoLevels, group: Group, rows: Index) -> bool:
    """Whether a trust stays viable with these of its schools, joining when they would."""
    since, told = joined_since(case, planned.policy, group, set())
    keep = np.isin(group.rows, rows)
    clusters = [np.setdiff1d(whole, np.setdiff1d(group.rows, rows)) for whole in group.clusters]
    smaller = Group(group.name, group.kind, group.rows[keep], clusters, group.leads, group.joins, group.hub)
    return group_money(case, planned.policy, smaller, since[keep], len(told)).viable
