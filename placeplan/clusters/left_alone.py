"""Why a village school is left without a cluster, or a cluster without a trust, in the words of the study."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.side_by_side import APART, RULES, Standing, academy_trusts, faiths, refusing
from models.villages import Villages
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.two_levels import TwoLevels
from placeplan.words import counted

Index = NDArray[np.int64]
COLUMNS = ["urn", "name", "pupils", "within_reach", "allowed", "why"]
OUTSIDE_COLUMNS = ["name", "schools", "pupils", "offers", "why"]


def left_alone(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """A row for each village school in no cluster: schools within reach, those allowed beside it, and why none is."""
    schools, small = case.schools, case.schools["small"].to_numpy(dtype=bool)
    names, pupils = schools["name"].astype(str).to_numpy(), schools["pupils"].to_numpy(dtype=float)
    rows = []
    for row in np.flatnonzero(small & (planned.school_lead < 0)):
        told = why_alone(case, planned.policy, planned.villages, planned.school_lead, int(row))
        rows.append((int(schools["urn"].iloc[row]), names[row], float(pupils[row]), *told))
    return pd.DataFrame(rows, columns=COLUMNS)


def why_alone(
    case: ClusterCase, policy: Policy, villages: Villages, school_lead: Index, row: int
) -> tuple[int, int, str]:
    """Schools within reach of one that stands alone in a plan, those allowed beside it, and why none is."""
    schools, rules, drive = case.schools, villages.standing, villages.drive_min
    limit, pupils = policy.number("cluster_drive_max_min"), schools["pupils"].to_numpy(dtype=float)
    can_lead = pupils >= policy.number("cluster_lead_min_pupils")
    others = np.flatnonzero(np.arange(len(schools)) != row)
    reach = others[np.minimum(drive[row, others], drive[others, row]) <= limit]
    allowed = reach[~rules.apart[row, reach]]
    if refusing(schools, policy)[row]:
        why = "Its consent is refused, or not known where it has to be."
    elif not len(reach):
        nearest = float(drive[row, others].min()) if len(others) else np.inf
        far = f"the nearest is {nearest:.0f} minutes away" if np.isfinite(nearest) else "no road leads to one"
        why = f"It can reach no other school of the plan within {limit:.0f} minutes: {far}."
    elif not len(allowed):
        why = _not_allowed(case, rules, row, reach)
    elif not can_lead[row] and not can_lead[allowed].any():
        least = policy.number("cluster_lead_min_pupils")
        beside = "the one" if len(allowed) == 1 else f"any of the {len(allowed)}"
        why = f"Neither it nor {beside} it may stand beside has the {least:.0f} pupils to lead."
    else:
        why = _limits(case, policy, villages, school_lead, row, allowed)
    return len(reach), len(allowed), why


def _not_allowed(case: ClusterCase, rules: Standing, row: int, reach: Index) -> str:
    faith = faiths(case.schools)
    alike = np.flatnonzero(faith == faith[row])
    broken = rules.broken[:, row, reach]
    counts = dict(zip(APART, broken.sum(axis=1).tolist(), strict=True))
    counts = {name: count for name, count in counts.items() if count}
    parts = [f"{RULES[name][0]} ({count})" for name, count in sorted(counts.items(), key=lambda item: -item[1])]
    several = " (some for more than one reason)" if (broken.sum(axis=0) > 1).any() else ""
    said = f"Of {counted(len(reach), 'school')} within reach none may stand beside it{several}: {'; '.join(parts)}."
    if faith[row] and len(alike) == 1:
        return f"It is the only {faith[row].title()} school that could be in a cluster. {said}"
    own = academy_trusts(case.schools)
    if own[row] and (own == own[row]).sum() == 1:
        return f"It is the only school of {own[row]} that could be in a cluster. {said}"
    return said


def _limits(case: ClusterCase, policy: Policy, villages: Villages, lead: Index, row: int, allowed: Index) -> str:
    """Whether those it may stand beside are full, or it costs less alone at the study's prices."""
    pupils = case.schools["pupils"].to_numpy(dtype=float)
    drive = villages.drive_min
    full, apart, far = 0, 0, 0
    for one in np.unique(lead[allowed][lead[allowed] >= 0]):
        members = np.flatnonzero(lead == one)
        if villages.standing.apart[row, members].any():
            apart += 1
        elif drive[row, one] > policy.number("cluster_drive_max_min"):
            far += 1
        elif len(members) >= policy.integer("cluster_max_schools") or pupils[members].sum() + pupils[
            row
        ] > policy.number("cluster_max_pupils"):
            full += 1
    free = int((lead[allowed] < 0).sum())
    parts = [
        f"{counted(count, 'cluster')} {words}"
        for count, words in ((full, "full"), (apart, "with a school that may not stand beside it"), (far, "too far"))
        if count
    ]
    if free:
        parts.append(f"{counted(free, 'school')} alone too")
    return f"Of those it may stand beside: {', '.join(parts)}; at the study's prices no other plan costs less."


def left_outside(case: ClusterCase, planned: TwoLevels) -> pd.DataFrame:
    """A row for each cluster or single village school that joins no trust: name, schools, pupils, offers, why."""
    rows = []
    trusts, homes = planned.trusts, planned.homes.lead
    if trusts is None or homes is None:
        return pd.DataFrame(columns=OUTSIDE_COLUMNS)
    problem, n_today, policy = trusts.problem, len(trusts.today), planned.policy
    for j, name in enumerate(trusts.joiners.name):
        node = n_today + j
        if homes[node] >= 0:
            continue
        offers = problem.arc_lead[problem.arc_member == node]
        known, new = offers[offers < n_today], offers[offers >= n_today]
        pupils, schools = float(problem.weight[node]), len(trusts.joiners.members[j])
        rows.append((name, schools, pupils, len(known), _why_outside(planned, node, known, new, policy)))
    return pd.DataFrame(rows, columns=OUTSIDE_COLUMNS)


def _why_outside(planned: TwoLevels, node: int, known: Index, new: Index, policy: Policy) -> str:
    """No trust that could take it; or those that could are full, or it costs more inside than outside."""
    trusts, homes = planned.trusts, planned.homes.lead
    assert trusts is not None and homes is not None and trusts.problem.alone_cost is not None
    least = policy.number("trust_min_pupils")
    small = f"a new trust here would have fewer than the {least:,.0f} pupils it needs" if len(new) else ""
    if not len(known):
        limit = policy.number("trust_drive_max_min")
        none = f"No trust of today within {limit:.0f} minutes has articles that suit all its schools"
        none += " and is viable as it is" if policy.text("trust_join_not_viable") == "no" else ""
        return f"{none}, and {small or 'no cluster there could be the hub of a new one'}."
    tried = []
    for trust in known:
        lead = homes.copy()
        lead[node] = trust
        over = [row.name for row in trusts.problem.rows if row.over(lead)[trust] > 0]
        tried.append((bool(over), trusts.cost_of(lead) - trusts.cost_of(homes), over, trusts.today[int(trust)]))
    full, more, over, name = min(tried)
    if full:
        return f"{counted(len(known), 'trust')} could take it, and all are full: {', '.join(over)}."
    balance = next(row for row in trusts.problem.rows if row.name == "balance").value[node]
    short = f" In one future of ten it takes £{-balance:,.0f} a year from a trust's balance." if balance < 0 else ""
    return (
        f"At the study's prices standing outside costs less: in {name}, the cheapest for it of "
        f"{counted(len(known), 'trust')} that could take it, it would cost £{more:,.0f} a year more.{short}"
    )
