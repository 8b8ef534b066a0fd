"""Which rules a plan of clusters and trusts breaks, where, and what would mend it.

Read off the plan itself, cluster by cluster and trust by trust, with no word of the problem that a solver was given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geodata.policy import Policy
from models.locks import NO_LOCKS, TODAY, groups_of
from models.side_by_side import FEDERATIONS, RULES, Standing, faiths, refusing, text
from models.villages import may_be_hub, neighbouring
from placeplan.clusters.case import ClusterCase
from placeplan.clusters.hosts import closed_trusts
from placeplan.words import counted

Index = NDArray[np.int64]
COLUMNS = ["level", "name", "rule", "what", "schools"]
SLACK = 1e-6


@dataclass(frozen=True)
class Breach:
    """A rule broken by one cluster, trust or school, in the words of the study."""

    level: str
    name: str
    rule: str  # the policy value or field that settles it
    what: str
    schools: str


def breaches(
    case: ClusterCase,
    policy: Policy,
    rules: Standing,
    school_lead: Index,
    trust: NDArray[np.object_],
    named: Sequence[str] = (),
    closed: Collection[str] | None = None,
) -> pd.DataFrame:
    """Every rule that the plan breaks; `school_lead` and `trust` (N,) as of `placeplan.clusters.two_levels`.

    `named` (N,) is the cluster of each school as the plan calls it; without it a cluster bears its lead's name.
    `closed` are the trusts of today that nobody may join (`hosts.closed_trusts`), worked out where not given.
    """
    calls = named or case.schools["name"].astype(str).tolist()
    found: list[Breach] = []
    today = groups_of(case.schools, NO_LOCKS, policy)[0]  # who is together today and is kept
    for lead in np.unique(school_lead[school_lead >= 0]):
        rows = np.flatnonzero(school_lead == lead)
        as_today = len(set(today[rows])) == 1 and (today == today[rows[0]]).sum() == len(rows) > 1
        several = sorted(set(trust[rows]) - {""})
        if not as_today and len(several) > 1:
            names = case.schools["name"].astype(str).to_numpy()
            what = f"the cluster is in more than one trust: {', '.join(map(str, several))}"
            found.append(Breach("cluster", calls[int(lead)], RULES["trust"][1], what, ", ".join(names[rows])))
        if not as_today:
            found += _of_cluster(case, policy, rules, rows, int(lead), today, calls[int(lead)])
    found += _parted(case, policy, school_lead)
    if policy.text("cluster_outcome") != FEDERATIONS:
        found += _leaving(case, rules, trust)
        failing = closed_trusts(case, policy) if closed is None else closed
        found += _of_trusts(case, policy, rules, school_lead, trust, failing)
    else:
        found += _joining_none(case, rules, trust)
    return pd.DataFrame([vars(one) for one in found], columns=COLUMNS)


def _of_cluster(
    case: ClusterCase, policy: Policy, rules: Standing, rows: Index, lead: int, today: Index, here: str
) -> Iterator[Breach]:
    schools = case.schools
    names, pupils = schools["name"].astype(str).to_numpy(), schools["pupils"].to_numpy(dtype=float)

    def breach(rule: str, what: str, which: Index) -> Breach:
        return Breach("cluster", here, rule, what, ", ".join(names[which]))

    least, most = policy.integer("cluster_min_schools"), policy.integer("cluster_max_schools")
    if not least <= len(rows) <= most:
        rule = "cluster_min_schools" if len(rows) < least else "cluster_max_schools"
        yield breach(rule, f"{counted(len(rows), 'school')}, and {least} to {most} are allowed", rows)
    if pupils[rows].sum() > policy.number("cluster_max_pupils") + SLACK:
        limit = policy.number("cluster_max_pupils")
        yield breach("cluster_max_pupils", f"{pupils[rows].sum():,.0f} pupils, above {limit:,.0f}", rows)
    kept = np.bincount(today)[today] > 1
    drive = case.drive_min[case.row[rows], case.row[lead]]
    limit = policy.number("cluster_drive_max_min")
    held = today[rows] == today[lead]
    for at in np.flatnonzero((drive > limit + SLACK) & ~held):  # who is together with the lead today is let
        what = f"{drive[at]:.0f} minutes' drive to the lead, above {limit:.0f}"
        yield breach("cluster_drive_max_min", what, rows[[at]])
    for rule, pairs in _pairs_apart(rules, rows, today).items():
        longest = max(float(max(case.drive_min[case.row[[a, b]], case.row[[b, a]]])) for a, b in pairs)
        minutes = f", up to {longest:.0f} minutes" if rule == "drive" else ""
        named = "; ".join(f"{names[b]} and {names[a]}" for a, b in pairs)
        yield Breach(
            "cluster", here, RULES[rule][1], f"{RULES[rule][0]}{minutes} ({counted(len(pairs), 'pair')})", named
        )
    small = schools["small"].to_numpy(dtype=bool)
    for row in rows:
        if not small[row] and row != lead and not kept[row]:
            yield breach("village_school_max_pupils", "a larger school leads a cluster or stays out", np.array([row]))
    if pupils[lead] < policy.number("cluster_lead_min_pupils") and not kept[lead]:
        least_lead = policy.number("cluster_lead_min_pupils")
        what = f"the lead has {pupils[lead]:.0f} pupils, below {least_lead:.0f}"
        yield breach("cluster_lead_min_pupils", what, np.array([lead]))
    if not (small[lead] or kept[lead] or may_be_hub(schools, policy)[lead]):
        most_hub, phase = policy.number("cluster_hub_max_pupils"), str(schools["phase"].iloc[lead])
        if pupils[lead] > most_hub:
            what = f"the hub has {pupils[lead]:,.0f} pupils, above {most_hub:,.0f}"
            yield breach("cluster_hub_max_pupils", what, np.array([lead]))
        else:
            yield breach("cluster_cross_phase", f"the hub is of another phase: {phase}", np.array([lead]))
    if policy.text("cluster_contiguous") == "yes" and not _in_one_piece(case, rows, today):
        yield breach("cluster_contiguous", "the cluster is not in one piece", rows)


def _pairs_apart(rules: Standing, rows: Index, today: Index) -> dict[str, list[tuple[int, int]]]:
    """Pairs of a cluster that may not stand together, by rule; who are together today are let."""
    found: dict[str, list[tuple[int, int]]] = {}
    for i, first in enumerate(rows):
        for second in rows[:i]:
            if today[first] != today[second]:
                for rule in rules.between(int(first), int(second)):
                    found.setdefault(rule, []).append((int(first), int(second)))
    return found


def _in_one_piece(case: ClusterCase, rows: Index, today: Index) -> bool:
    """Whether the schools are connected by neighbours on the map, or by being together today."""
    edges = neighbouring(case.schools[["easting", "northing"]].to_numpy(dtype=float))
    same = np.argwhere(np.triu(today[:, None] == today[None, :], 1))
    edges = np.concatenate([edges, same])
    inside = edges[np.isin(edges, rows).all(axis=1)]
    n = len(case.schools)
    graph = coo_array((np.ones(len(inside)), (inside[:, 0], inside[:, 1])), shape=(n, n))
    part = connected_components(graph, directed=False)[1][rows]
    return bool((part == part[0]).all())


def _parted(case: ClusterCase, policy: Policy, school_lead: Index) -> Iterator[Breach]:
    """Federations and clusters of today that the plan parts."""
    if policy.text("cluster_keep") != "yes":
        return
    names = case.schools["name"].astype(str).to_numpy()
    for column in TODAY:
        named = text(case.schools, column)
        for name in sorted(set(named) - {""}):
            rows = np.flatnonzero(named == name)
            if len(rows) > 1 and (len(set(school_lead[rows])) > 1 or (school_lead[rows] < 0).any()):
                what = f"the {column} {name} of today is parted"
                yield Breach("cluster", name, "cluster_keep", what, ", ".join(names[rows]))


def _leaving(case: ClusterCase, rules: Standing, trust: NDArray[np.object_]) -> Iterator[Breach]:
    """Academies that leave a trust which does not let them go."""
    names = case.schools["name"].astype(str).to_numpy()
    for row in np.flatnonzero((rules.trust != "") & (trust == "") & rules.free):
        what = f"{names[row]} is an academy and has to be in a trust"
        yield Breach("trust", "no trust", "Academies Act 2010", what, str(names[row]))
    for row in np.flatnonzero((rules.trust != "") & (trust != rules.trust) & ~rules.free):
        what = f"{names[row]} leaves {rules.trust[row]} without its consent"
        yield Breach("trust", str(trust[row]) or "no trust", RULES["trust"][1], what, str(names[row]))


def _joining_none(case: ClusterCase, rules: Standing, trust: NDArray[np.object_]) -> Iterator[Breach]:
    """Schools drawn into another trust where federations are asked for."""
    names = case.schools["name"].astype(str).to_numpy()
    for row in np.flatnonzero((trust != "") & (trust != rules.trust)):
        yield Breach("trust", str(trust[row]), "cluster_outcome", "federations join no trust", str(names[row]))


def _of_trusts(
    case: ClusterCase,
    policy: Policy,
    rules: Standing,
    school_lead: Index,
    trust: NDArray[np.object_],
    failing: Collection[str],
) -> Iterator[Breach]:
    schools, today = case.schools, case.today
    names = schools["name"].astype(str).to_numpy()
    refused, land = refusing(schools, policy), text(schools, "land_consent") == "refused"
    diocese, faith = text(schools, "diocese"), faiths(schools)
    for name in sorted(set(trust) - {""}):
        rows = np.flatnonzero(trust == name)
        new = rows[rules.trust[rows] != name]
        if not len(new):
            continue
        known = today[today["trust"] == name]
        if name in failing:
            what = "schools would join it, and it is not viable as it is"
            yield Breach("trust", name, "trust_join_not_viable", what, ", ".join(names[new]))
        for row in new[refused[new]]:
            yield Breach("trust", name, RULES["consent"][1], RULES["consent"][0], str(names[row]))
        for row in new[land[new] & (rules.trust[new] == "")]:
            yield Breach("trust", name, RULES["land"][1], RULES["land"][0], str(names[row]))
        yield from _articles(rules, name, new, names, str(known["articles"].iloc[0]) if len(known) else "")
        held = {str(d) for d, f in zip(diocese[new], faith[new], strict=True) if d and f}
        held |= {str(d) for d in known["diocese"] if d}
        if len(held) > 1 and policy.text("cluster_across_dioceses") != "yes":
            what = f"{RULES['diocese'][0]}: {', '.join(sorted(held))}"
            yield Breach("trust", name, RULES["diocese"][1], what, ", ".join(names[new]))
        yield from _sizes(case, policy, name, rows, new, known, school_lead)


def _sizes(
    case: ClusterCase, policy: Policy, name: str, rows: Index, new: Index, known: pd.DataFrame, school_lead: Index
) -> Iterator[Breach]:
    """Pupils, places for schools, number of clusters and drive to the hub of one trust."""
    names = case.schools["name"].astype(str).to_numpy()
    pupils = case.schools["pupils"].to_numpy(dtype=float)
    total = pupils[new].sum() + (float(known["pupils"].iloc[0]) if len(known) else 0.0)
    least, most = policy.number("trust_min_pupils"), policy.number("trust_max_pupils")
    if not len(known) and total < least - SLACK:
        what = f"a new trust of {total:,.0f} pupils, below {least:,.0f}"
        yield Breach("trust", name, "trust_min_pupils", what, ", ".join(names[new]))
    if total > most + SLACK:
        yield Breach(
            "trust", name, "trust_max_pupils", f"{total:,.0f} pupils, above {most:,.0f}", ", ".join(names[new])
        )
    if len(known) and not pd.isna(known["places_for_schools"].iloc[0]):
        places = float(known["places_for_schools"].iloc[0])
        if len(new) > places:
            what = f"{counted(len(new), 'school')} join and it takes {places:.0f}"
            yield Breach("trust", name, "trusts.places_for_schools", what, ", ".join(names[new]))
    leads = {int(school_lead[row]) if school_lead[row] >= 0 else int(row) for row in new}
    if len(leads) > policy.integer("trust_max_clusters"):
        what = f"{len(leads)} clusters and schools join, above {policy.integer('trust_max_clusters')}"
        yield Breach("trust", name, "trust_max_clusters", what, ", ".join(names[new]))
    far = policy.number("trust_drive_max_min")
    at = case.row[sorted(leads)]
    hubs = known["hub"].to_numpy(dtype=np.int64) if len(known) else at
    drive = case.drive_min[np.ix_(at, hubs)]
    if (drive.max(axis=0) > far + SLACK).all():
        best = int(drive.max(axis=0).argmin())
        what = f"{drive[:, best].max():.0f} minutes' drive to the hub, above {far:.0f}"
        yield Breach("trust", name, "trust_drive_max_min", what, ", ".join(names[sorted(leads)]))


def _articles(rules: Standing, trust: str, new: Index, names: NDArray[np.object_], own: str) -> Iterator[Breach]:
    """Schools that could not live under one trust's articles: those that a known one's, or most others', do not suit.

    `own` are the articles of a trust of today, "" of a new one: then those that suit most of its schools.
    """
    suits = rules.suits[new]
    if own:
        suited = suits @ np.array([one == own for one in rules.articles])
        what = f"its articles ({own}) do not suit"
    else:
        if not len(new) or suits.all(axis=0).any():
            return
        most = int(suits.sum(axis=0).argmax())
        suited = suits[:, most]
        what = f"no articles suit all; those that suit most ({rules.articles[most]}) do not suit"
    if not suited.all():
        yield Breach("trust", trust, RULES["articles"][1], what, ", ".join(names[new[~suited]]))
