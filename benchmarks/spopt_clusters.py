"""Village clusters beside spopt's capacitated p-median and region models on the same schools, in the same run, by hand:

    pip install spopt
    python -m benchmarks.spopt_clusters STUDY [--time SECONDS]

STUDY has its forecast and balance. Every model groups the same village schools: the p-median into as many groups as
this plan has clusters and schools alone, with its limit on pupils; regions (Ward, Skater) into as many connected ones.
All are judged alike: rules broken, drives, schools alone, trusts that stay viable, cost at the study's prices.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.locks import NO_LOCKS
from models.trusts import trust_of
from placeplan.clusters.case import ClusterCase, study_case
from placeplan.clusters.evaluate import plan_cost
from placeplan.clusters.measures import measured
from placeplan.clusters.plan_rules import breaches
from placeplan.clusters.two_levels import case_trusts as trusts_of_clusters
from placeplan.clusters.two_levels import plan_case, school_trusts, solved
from placeplan.study import Study

Index = NDArray[np.int64]


def p_median(drive: NDArray[np.float64], pupils: NDArray[np.float64], p: int, most: float, seconds: float) -> Index:
    """Group of each school by spopt's capacitated p-median with CBC."""
    import pulp
    from spopt.locate import PMedian

    n = len(pupils)
    model = PMedian.from_cost_matrix(
        np.minimum(drive, 300.0), pupils, p_facilities=p, facility_capacities=np.full(n, most)
    )
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds), results=True)
    lead = np.full(n, -1, dtype=np.int64)
    for facility, clients in enumerate(model.fac2cli):
        lead[clients] = facility
    return lead


def regions(xy: NDArray[np.float64], drive: NDArray[np.float64], p: int, kind: str) -> Index:
    """Group of each school by a region model on the neighbours of their areas of nearest ground."""
    import geopandas as gpd
    from libpysal.weights import Voronoi
    from spopt.region import Skater, WardSpatial

    frame = gpd.GeoDataFrame({"x": xy[:, 0], "y": xy[:, 1]}, geometry=gpd.points_from_xy(*xy.T))
    weights = Voronoi(xy)
    model: Any = WardSpatial(frame, weights, ["x", "y"], n_clusters=p) if kind == "ward" else Skater(
        frame, weights, ["x", "y"], n_clusters=p
    )  # fmt: skip
    model.solve()
    return np.asarray(model.labels_, dtype=np.int64)


def leads(group: Index, drive: NDArray[np.float64]) -> Index:
    """The school of each group to which the drives are shortest; alone in a group of one."""
    lead = np.full(len(group), -1, dtype=np.int64)
    for one in np.unique(group[group >= 0]):
        rows = np.flatnonzero(group == one)
        if len(rows) > 1:
            lead[rows] = rows[np.minimum(drive[np.ix_(rows, rows)], 1e4).sum(axis=0).argmin()]
    return lead


def line(case: ClusterCase, name: str, lead: Index, seconds: float) -> str:
    """One row of the table, all plans judged alike; the trusts above are the best of those clusters."""
    policy, rules = case.study.policy, case.standing(case.study.policy)
    villages = case.villages(policy)
    trusts = trusts_of_clusters(case, villages, lead, NO_LOCKS, policy)
    homes = solved(trusts.problem, 20.0)
    assert homes.lead is not None
    trust = school_trusts(case, trusts.joiners, trust_of(trusts, homes.lead))
    found, _, _ = measured(case, policy, rules, lead, trust)
    broken = breaches(case, policy, rules, lead, trust)
    cost = plan_cost(case, policy, rules, lead, trust)
    return (
        f"{name:<28}{len(broken):>8}{found['village_alone']:>7}{found['drives_min']:>9,.0f}"
        f"{found['longest_drive_min']:>9.0f}{found['not_viable']:>9}{found['shortfall_p10_gbp']:>13,.0f}"
        f"{cost:>13,.0f}{seconds:>8.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--time", type=float, default=60.0, help="seconds for each model")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    case = study_case(Study.open(options.study))
    policy = case.study.policy
    began = time.perf_counter()
    ours = plan_case(case, policy, seconds=options.time)
    seconds = time.perf_counter() - began
    small = np.flatnonzero(case.schools["small"].to_numpy(dtype=bool))
    drive = case.drive_min[np.ix_(case.row[small], case.row[small])]
    xy = case.schools[["easting", "northing"]].to_numpy(dtype=float)[small]
    pupils = case.schools["pupils"].to_numpy(dtype=float)[small]
    clusters = len(np.unique(ours.school_lead[small][ours.school_lead[small] >= 0]))
    p = clusters + int((ours.school_lead[small] < 0).sum())
    print(f"{len(small)} village schools, {p} groups; breaches are of the study's rules, trusts the best of each plan")
    print(
        f"{'':<28}{'broken':>8}{'alone':>7}{'min':>9}{'longest':>9}{'unviable':>8}{'short p10':>13}{'cost':>13}{'s':>8}"
    )
    print(line(case, "placeplan", ours.school_lead, seconds), flush=True)
    makers = {
        "spopt p-median, capacitated": lambda: p_median(
            drive, pupils, p, policy.number("cluster_max_pupils"), options.time
        ),
        "spopt Ward regions": lambda: regions(xy, drive, p, "ward"),
        "spopt Skater regions": lambda: regions(xy, drive, p, "skater"),
    }
    for name, make in makers.items():
        began = time.perf_counter()
        try:
            group = make()
        except Exception as error:  # a peer that gives up is a result too
            print(f"{name:<28} gave nothing: {type(error).__name__}: {str(error)[:80]}")
            continue
        lead = np.full(len(case.schools), -1, dtype=np.int64)
        own = leads(group, drive)
        lead[small[own >= 0]] = small[own[own >= 0]]
        print(line(case, name, lead, time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
