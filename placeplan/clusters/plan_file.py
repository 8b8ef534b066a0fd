"""A plan of clusters and trusts as a CSV: read, checked, locked from, and written so that it reads back the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.problems import BadInput, Problem
from geodata.tables import read_table
from models.locks import Locks
from models.side_by_side import academy_trusts
from models.trusts import unmistakable_name
from placeplan.clusters.case import ClusterCase

Index = NDArray[np.int64]
TABLE = "cluster_plan"
COLUMNS = ["urn", "name", "cluster", "trust", "role"]
GUARD = r"^'(?=[=+\-@])"  # written before what a spreadsheet would take for a formula
NEARLY = 0.8  # of 1: how alike two names are of which one may be misspelt
LEAD, MEMBER, ALONE = "lead", "member", "alone"
ROLES = {
    LEAD: "the lead of its cluster",
    MEMBER: "led by another school: none that is free may lead its cluster",
    ALONE: "alone",
}


def read_plan(path: Path, schools: pd.DataFrame, closing: Collection[int] = ()) -> pd.DataFrame:
    """The plan in a file, for planned schools of a study, of which some are closing. BadInput with every problem."""
    must_be_there(path)
    plan, problems, _ = read_table(path, TABLE)
    if len(plan):
        problems += list(_plan_problems(plan, schools, closing, path.name))
    if problems:
        raise BadInput(problems)
    for column in ("name", "cluster", "trust"):
        plan[column] = plan[column].str.replace(GUARD, "", regex=True)
    return plan.reset_index(drop=True)


def must_be_there(path: Path) -> None:
    """BadInput where there is no such file."""
    if not path.is_file():
        raise BadInput([Problem(str(path), "There is no such file.", "Name a CSV with urn, cluster, trust, role.")])


def refuse(problems: Iterable[Problem]) -> None:
    """BadInput with the problems, where there are any."""
    if found := list(problems):
        raise BadInput(found)


def nothing_to_cluster(policy: Policy) -> Problem:
    """A study without village schools."""
    limit = policy.integer("village_school_max_pupils")
    what = f"No school has {limit} pupils or fewer in R–Y6: there is nothing to cluster."
    return Problem("study.toml", what, "Raise village_school_max_pupils.", field="village_school_max_pupils")


def _plan_problems(plan: pd.DataFrame, schools: pd.DataFrame, closing: Collection[int], file: str) -> Iterator[Problem]:
    for row in plan.index[plan["urn"].isin(closing)]:
        what = f"{plan.at[row, 'urn']} closes by the plan of the estate."
        yield Problem(file, what, "Take the row out, or plan the estate without closing it.", int(row) + 2, "urn")
    for row in plan.index[~plan["urn"].isin(schools["urn"]) & plan["urn"].notna()]:
        what = f"{plan.at[row, 'urn']} is no mainstream school of the study."
        yield Problem(file, what, "Correct the URN, or take the row out.", int(row) + 2, "urn")
    alone = plan["role"] == ALONE
    for row in plan.index[alone & plan["cluster"].notna()]:
        what = f"{plan.at[row, 'urn']} stands alone and is in {plan.at[row, 'cluster']}."
        yield Problem(file, what, "Blank the cluster or change the role.", int(row) + 2, "role")
    for row in plan.index[plan["role"].isin((LEAD, MEMBER)) & plan["cluster"].isna()]:
        what = f"{plan.at[row, 'urn']} is a {plan.at[row, 'role']} of no cluster."
        yield Problem(file, what, "Name its cluster or blank the role.", int(row) + 2, "cluster")
    for name, rows in plan[plan["cluster"].notna()].groupby("cluster"):
        leads = rows.index[rows["role"] == LEAD]
        for row in leads[1:]:
            what = f"{name} has a lead in row {int(leads[0]) + 2} already."
            yield Problem(file, what, "Leave one lead, make the others members.", int(row) + 2, "role")


def drawn_in(plan: pd.DataFrame, schools: pd.DataFrame) -> list[int]:
    """Those of `schools` that a plan puts into a cluster or another trust: whatever their size they are in the case."""
    own = dict(zip((int(urn) for urn in schools["urn"]), academy_trusts(schools), strict=True))
    moved = [pd.notna(row.trust) and row.trust != own[int(row.urn)] for row in plan.itertuples()]
    return [int(urn) for urn in plan.loc[plan["cluster"].notna() | np.array(moved, dtype=bool), "urn"]]


def locks_of(plan: pd.DataFrame) -> Locks:
    """What the rows that are locked keep."""
    kept = plan[plan["locked"].astype(bool)]
    grouped = kept[kept["cluster"].notna()]
    urns = [int(urn) for urn in grouped["urn"]]
    placed = kept[kept["trust"].notna()]
    return Locks(
        cluster=dict(zip(urns, grouped["cluster"].astype(str), strict=True)),
        leads=frozenset(int(urn) for urn in grouped.loc[grouped["role"] == LEAD, "urn"]),
        members=frozenset(int(urn) for urn in grouped.loc[grouped["role"] == MEMBER, "urn"]),
        alone=frozenset(int(urn) for urn in kept.loc[kept["cluster"].isna() & (kept["role"] == ALONE), "urn"]),
        trust=dict(zip((int(urn) for urn in placed["urn"]), placed["trust"].astype(str), strict=True)),
    )


def not_kept(plan: pd.DataFrame, table: pd.DataFrame, schools: pd.DataFrame, file: str) -> Iterator[Problem]:
    """Locked rows of `plan` that the planned `table` does not keep, because no plan of these schools could."""
    own = dict(zip((int(urn) for urn in schools["urn"]), academy_trusts(schools), strict=True))
    made = {int(row.urn): row for row in table.itertuples()}
    labels: dict[str, str] = {}
    for row in plan[plan["locked"].astype(bool)].itertuples():
        urn, found = int(row.urn), made.get(int(row.urn))
        cluster, trust, role = (found.cluster, found.trust, found.role) if found else (None, own[urn] or None, ALONE)
        if pd.notna(row.cluster):
            label = labels.setdefault(str(row.cluster), str(cluster))
            if cluster is None or label != str(cluster) or [*labels.values()].count(label) > 1:
                what = f"{urn} cannot be in {row.cluster}: no school here may lead it, or none join it."
                yield Problem(file, what, "Name schools that may, or unlock the row.", int(row.Index) + 2, "cluster")
                continue
        if pd.notna(row.role) and row.role != role:
            what = f"{urn} cannot be {ROLES[row.role]}."
            yield Problem(file, what, "Change or blank the role, or unlock the row.", int(row.Index) + 2, "role")
        if pd.notna(row.trust) and row.trust != trust:
            what = f"{urn} cannot be in {row.trust}."
            yield Problem(file, what, "Change or blank the trust, or unlock the row.", int(row.Index) + 2, "trust")


def joins_no_trust(plan: pd.DataFrame, schools: pd.DataFrame, file: str) -> Iterator[Problem]:
    """Locked rows that name another trust than today's where federations are asked for."""
    for row in plan[plan["locked"].astype(bool)].itertuples():
        if int(row.urn) in drawn_in(plan.loc[[row.Index]].assign(cluster=None), schools):
            what = f"{row.urn} cannot join {row.trust}: cluster_outcome asks for federations, which join no trust."
            yield Problem(file, what, "Blank the trust, or ask for trusts.", int(row.Index) + 2, "trust")


def school_leads(plan: pd.DataFrame, case: ClusterCase) -> Index:
    """(N,) lead school of each of the case's schools by the plan, -1 where it stands alone or is not in it."""
    row = {int(urn): k for k, urn in enumerate(case.schools["urn"])}
    drive = case.drive_min[np.ix_(case.row, case.row)]
    lead = np.full(len(row), -1, dtype=np.int64)
    for _, rows in plan[plan["cluster"].notna()].groupby("cluster"):
        members = np.array([row[int(urn)] for urn in rows["urn"]], dtype=np.int64)
        named = members[(rows["role"] == LEAD).to_numpy()]
        within = drive[np.ix_(members, members)]
        lead[members] = named[0] if len(named) else members[np.minimum(within, 1e4).sum(axis=0).argmin()]
    return lead


def cluster_names(plan: pd.DataFrame, case: ClusterCase) -> list[str]:
    """(N,) the cluster of each of the case's schools as the plan calls it, "" where it stands alone."""
    given = plan[plan["cluster"].notna()]
    named = dict(zip((int(urn) for urn in given["urn"]), given["cluster"].astype(str), strict=True))
    return [named.get(int(urn), "") for urn in case.schools["urn"]]


def misspelt_trusts(plan: pd.DataFrame, case: ClusterCase) -> dict[str, str]:
    """Trusts of a plan that nobody knows, by name, and the known one that is written nearly so."""
    table = case.study.tables.get("trusts")
    listed = [] if table is None else table["trust"].dropna().astype(str).tolist()
    known = {name.lower(): name for name in sorted({*case.today["trust"].astype(str), *listed})}
    found: dict[str, str] = {}
    for name in sorted(set(plan["trust"].dropna().astype(str)) - set(known.values())):
        near = get_close_matches(name.lower(), list(known), n=1, cutoff=NEARLY)
        found |= {name: known[near[0]]} if near else {}
    return found


def misspelt_lines(misspelt: Mapping[str, str]) -> list[str]:
    """What is said of each."""
    return [f"{name} is taken as a new trust. Is {known}, a trust of today, meant?" for name, known in misspelt.items()]


def plan_table(case: ClusterCase, school_lead: Index, trust: NDArray[np.object_]) -> pd.DataFrame:
    """Rows urn, name, cluster, trust, role, travel_min, pupils: village schools, larger ones in a cluster or moved.

    A cluster bears its lead's name, and its URN where two schools have the same.
    """
    schools = case.schools
    names = schools["name"].astype(str)
    leads = np.unique(school_lead[school_lead >= 0]).tolist()
    label = {one: unmistakable_name(schools, one) for one in leads}
    nodes, together = np.arange(len(schools)), school_lead >= 0
    drive = case.drive_min[case.row, case.row[np.where(together, school_lead, nodes)]]
    table = pd.DataFrame(
        {
            "urn": schools["urn"],
            "name": names,
            "cluster": [label.get(int(k)) for k in school_lead],
            "trust": [str(name) or None for name in trust],
            "role": np.where(~together, ALONE, np.where(school_lead == nodes, LEAD, MEMBER)),
            "travel_min": np.where(together, drive, np.nan),
            "pupils": schools["pupils"],
            "small": schools["small"].astype(bool),
        }
    )
    moved = trust != academy_trusts(schools)
    return table[table["small"] | together | moved].reset_index(drop=True)
