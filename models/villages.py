"""Village schools: which of them could share one executive head, stated as a ClusterProblem.

A cluster has an executive head at its lead school and a head of school on every site; a school that stands alone has
a head of its own. Schools are brought together where that costs less, every minute of drive priced.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from models.clusters import ClusterProblem
from models.facilities import CLOSED_FAITHS
from models.powers import holder

PRIMARY_PHASES = ("infant", "first", "junior", "primary")


@dataclass(frozen=True)
class Villages:
    """The cluster problem of a study's village schools: `schools` has one row a node, with `pupils`."""

    schools: pd.DataFrame
    problem: ClusterProblem
    drive_min: NDArray[np.float64]  # (N, N) from member to lead


def village_schools(schools: pd.DataFrame, pupils: pd.Series, policy: Policy) -> pd.DataFrame:
    """Primary-phase schools on the map with few enough pupils R–Y6; `pupils` is by urn. Adds column pupils.

    The limit is for seven year groups; an infant or junior school has it in proportion, so that a full infant school of
    one form is not taken for a village school.
    """
    groups = schools["high_age"].clip(upper=11) - schools["low_age"].clip(lower=4)
    limit = policy.number("village_school_max_pupils") * groups.clip(1, 7) / 7
    small = schools.assign(pupils=schools["urn"].map(pupils).fillna(0.0))
    keep = small["phase"].isin(PRIMARY_PHASES) & small["easting"].notna() & (small["pupils"] > 0)
    keep &= small["pupils"] <= limit
    return small[keep].reset_index(drop=True)


def build_villages(schools: pd.DataFrame, drive_min: NDArray[np.float64], policy: Policy) -> Villages:
    """State the problem for `schools` (of `village_schools`) with drive minutes (N, N), members in rows.

    Who may not stand together: schools of a faith that runs its own trusts and any other; and, unless policy says
    yes, academies of different trusts (`cluster_across_trusts`) and academies with maintained schools
    (`cluster_across_kinds`). A school leads only with enough pupils of its own.
    """
    n = len(schools)
    near = drive_min <= policy.number("cluster_drive_max_min")
    np.fill_diagonal(near, True)
    near &= (schools["pupils"] >= policy.number("cluster_lead_min_pupils")).to_numpy()[None, :]
    member, lead = np.nonzero(near)
    drive = np.where(member == lead, 0.0, drive_min[member, lead])
    cost = policy.number("head_of_school_gbp") + drive * policy.number("executive_drive_gbp_per_min")
    problem = ClusterProblem(
        weight=schools["pupils"].to_numpy(dtype=float),
        arc_lead=lead,
        arc_member=member,
        arc_cost=cost,
        lead_cost=np.full(n, policy.number("executive_head_gbp")),
        alone_cost=np.full(n, policy.number("head_gbp")),
        max_weight=policy.number("cluster_max_pupils"),
        min_members=policy.integer("cluster_min_schools"),
        max_members=policy.integer("cluster_max_schools"),
        apart=apart_pairs(schools, policy),
    )
    return Villages(schools, problem, drive_min)


def apart_pairs(schools: pd.DataFrame, policy: Policy) -> NDArray[np.int64]:
    """(K, 2) pairs of schools that may not share an executive head."""
    faith = schools["religious_character"].astype(str).str.lower().to_numpy(dtype=object)
    closed = np.isin(faith, CLOSED_FAITHS)
    apart = (closed[:, None] | closed[None, :]) & (faith[:, None] != faith[None, :])
    if policy.value("cluster_across_trusts") != "yes":
        trust = schools["trust"].astype(object).where(schools["trust"].notna(), "").to_numpy(dtype=object)
        both = (trust[:, None] != "") & (trust[None, :] != "")
        apart |= both & (trust[:, None] != trust[None, :])
    if policy.value("cluster_across_kinds") != "yes":
        academy = np.array([holder(kind) == "academy" for kind in schools["type"]], dtype=bool)
        apart |= academy[:, None] != academy[None, :]
    return np.argwhere(np.triu(apart, 1)).astype(np.int64)


def cluster_table(villages: Villages, lead: Sequence[int]) -> pd.DataFrame:
    """The plan as a table: urn, name, cluster, trust, role, travel_min, pupils; a cluster bears its lead's name."""
    schools = villages.schools
    leads = np.asarray(lead, dtype=np.int64)
    nodes = np.arange(len(schools))
    together = leads >= 0
    role = np.where(~together, "alone", np.where(leads == nodes, "lead", "member"))
    safe = np.where(together, leads, nodes)
    return pd.DataFrame(
        {
            "urn": schools["urn"],
            "name": schools["name"],
            "cluster": np.where(together, schools["name"].to_numpy()[safe], None),
            "trust": schools["trust"],
            "role": role,
            "travel_min": np.where(leads == nodes, 0.0, np.where(together, villages.drive_min[nodes, safe], np.nan)),
            "pupils": schools["pupils"],
        }
    )
