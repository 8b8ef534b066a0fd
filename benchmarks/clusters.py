"""Capacitated p-median problems as cluster problems beside the whole programme to HiGHS, in the same run, by hand:

    python -m benchmarks.clusters FOLDER [--time SECONDS] [--no-peer] [INSTANCE …]

FOLDER holds cpmp/ and best_known.csv; without instances all of them are solved. The peer is the same programme over
all arcs at once, given the same time. Times of one run may be compared, those of two runs may not.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.published import best_known
from models.clusters import ClusterProblem
from solvers import clusters_exact, solve_clusters
from solvers.plans import ClusterPlan
from solvers.verify import verify_clusters

INSTANCES = [*(f"pmedcap{number}" for number in range(1, 13)), "SJC1", "SJC2", "SJC3a"]


def read_cpmp(folder: Path, instance: str) -> ClusterProblem:
    """pmedcap: floored distances, one capacity Q. SJC: distances as they are, the capacity with every node."""
    if instance.startswith("pmedcap"):
        words = (folder / "cpmp" / f"{instance}.txt").read_text().split()
        n, p, capacity = int(words[2]), int(words[3]), float(words[4])
        rows = np.array(words[5 : 5 + 4 * n], float).reshape(n, 4)
        xy, weight = rows[:, 1:3], rows[:, 3]
    else:
        words = (folder / "cpmp" / f"{instance}.dat").read_text().split()
        n, p = int(words[0]), int(words[1])
        rows = np.array(words[2 : 2 + 4 * n], float).reshape(n, 4)
        xy, weight, capacity = rows[:, :2], rows[:, 3], float(rows[0, 2])
    away = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    lead, member = np.divmod(np.arange(n * n), n)
    cost = np.floor(away) if instance.startswith("pmedcap") else away
    return ClusterProblem(weight, lead, member, cost.ravel(), np.zeros(n), max_weight=capacity, n_clusters=p)


def told(name: str, plan: ClusterPlan, best: float, seconds: float) -> str:
    """One line of the table."""
    over = plan.objective / best - 1
    return f"{name:<18}{plan.status:<10}{plan.objective:>12,.2f}{over:>10.3%}{plan.gap:>10.3%}{seconds:>9.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("instances", nargs="*", default=INSTANCES)
    parser.add_argument("--time", type=float, default=120.0, help="seconds for each solve")
    parser.add_argument("--no-peer", action="store_true", help="leave the whole programme out")
    options = parser.parse_args()
    best = best_known(options.folder)
    print(f"{'problem':<18}{'status':<10}{'objective':>12}{'over best':>10}{'gap':>10}{'seconds':>9}")
    few = clusters_exact.FEW_ARCS
    for instance in options.instances:
        problem = read_cpmp(options.folder, instance)
        for name, arcs in ((instance, few), ("  whole programme", problem.n_arcs)):
            if arcs != few and options.no_peer:
                continue
            clusters_exact.FEW_ARCS, began = arcs, time.perf_counter()
            plan = solve_clusters(problem, time_limit_s=options.time, gap=1e-4)
            seconds = time.perf_counter() - began
            assert plan.lead is None or verify_clusters(problem, plan) == []
            print(told(name, plan, best[instance], seconds), flush=True)
    clusters_exact.FEW_ARCS = few


if __name__ == "__main__":
    main()
