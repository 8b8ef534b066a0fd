"""What groups of a plan's schools cost a year in clusters, and whether they may stand together under a lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.policy import Policy
from models.villages import Villages, may_be_hub, site_gbp
from placeplan.clusters.case import ClusterCase

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Costs:
    """Of a case at the prices and rules of `policy`; `villages` says who is together today or by a lock."""

    case: ClusterCase
    policy: Policy
    villages: Villages

    def apart(self, rows: Index) -> float:
        """Each with a head of its own."""
        schools = self.case.schools
        small = schools["small"].to_numpy(dtype=bool)[rows]
        price = self.policy.number("village_alone_gbp") * small.sum()
        return float(schools["alone_gbp"].to_numpy(dtype=float)[rows].sum() + price)

    def led(self, rows: Index, lead: int) -> float:
        """Under an executive head at `lead`; inf where a limit or a rule is broken.

        Those who are together today may be so whatever the rules say, and all of them may stay as they are.
        """
        policy, schools, drive = self.policy, self.case.schools, self.villages.drive_min
        pupils, small = schools["pupils"].to_numpy(dtype=float), schools["small"].to_numpy(dtype=bool)
        node, size = self.villages.node, np.bincount(self.villages.node)
        others = rows[rows != lead]
        as_today = len(set(node[rows])) == 1 and size[node[lead]] == len(rows) > 1
        kept = size[node] > 1
        apart = self.villages.standing.apart[np.ix_(rows, rows)] & (node[rows][:, None] != node[rows][None, :])
        near = (drive[others, lead] <= policy.number("cluster_drive_max_min")) | (node[others] == node[lead])
        fits = as_today or (
            policy.integer("cluster_min_schools") <= len(rows) <= policy.integer("cluster_max_schools")
            and pupils[rows].sum() <= policy.number("cluster_max_pupils")
            and (pupils[lead] >= policy.number("cluster_lead_min_pupils") or kept[lead])
            and (small[lead] or kept[lead] or may_be_hub(schools, policy)[lead])
            and (small[others] | kept[others]).all()
            and near.all()
            and not apart.any()
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

    def heads(self, rows: Index, now: int) -> list[int]:
        """Leads under which they may stand: the one they have `now`, where it may stay, and the one that costs least.

        Of those together today any may, of those together by a lock the one it names. [] where nobody may lead them.
        """
        node, leads = self.villages.node, self.villages.lead_school
        offers = {int(lead): self.led(rows, int(lead)) for lead in leads[np.isin(node[leads], node[rows])]}
        fit = {lead: cost for lead, cost in offers.items() if np.isfinite(cost)}
        return sorted({min(fit, key=lambda lead: fit[lead]), *({now} & set(fit))}) if fit else []
