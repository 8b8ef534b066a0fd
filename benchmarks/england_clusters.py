"""Every English primary school under 150 on roll into clusters and trusts, by hand:

    python -m benchmarks.england_clusters FOLDER [--time SECONDS] [--workers 2]

FOLDER holds schools_2023.csv.gz. A benchmark and nothing else: no school, trust or place is named in what it prints.
Straight lines × the detour factor; rules of the default policies as far as the census knows them; money by the
national formula on the rolls of January 2023, futures by the chance of each school's intake alone. Regions that do not
touch are solved side by side.
"""

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from geodata.funding_values import funding_values
from geodata.policy import Policy
from geodata.years import years_from
from models.clusters import ClusterProblem
from models.drawn_money import DrawnMoney, drawn_money, drawn_rolls
from models.funded_schools import FundedSchools
from models.side_by_side import academy_trusts, standing, trust_articles
from models.trust_finance import mean_p10
from models.trusts import build_trusts, joiners_of
from models.villages import build_villages
from solvers import ClusterPlan, solve_clusters
from solvers.clusters_regions import joined, part_of, regions
from solvers.verify import verify_clusters

GROUPS = ["r", "y1", "y2", "y3", "y4", "y5", "y6"]
YEARS = years_from("2023/24", 5)
DRAWS = 40
BATCH = 400  # arcs of small regions that are solved in one go


def read_schools(folder: Path) -> pd.DataFrame:
    """Mainstream schools of England with pupils R–Y6 and a place on the map; columns as of the table of schools."""
    raw = pd.read_csv(folder / "schools_2023.csv.gz", low_memory=False)
    raw = raw[raw["phase_type_grouping"].isin(["State-funded primary", "State-funded secondary"])]
    raw = raw[raw["easting"].notna()].reset_index(drop=True)
    rolls = raw[GROUPS].apply(pd.to_numeric, errors="coerce").fillna(0.0)
    primary = raw["phase_type_grouping"] == "State-funded primary"
    return pd.DataFrame(
        {
            "urn": raw["urn"],
            "name": raw["urn"].astype(str),
            "type": raw["typeofestablishment_name"],
            "religious_character": raw["denomination"],
            "trust": raw["trust"],
            "easting": raw["easting"].astype(float),
            "northing": raw["northing"].astype(float),
            "primary": primary,
            "phase": np.where(primary, "primary", "secondary"),
            "roll": rolls.sum(axis=1),
            "headcount": pd.to_numeric(raw["headcount"], errors="coerce").fillna(0.0),
            **{group: rolls[group] for group in GROUPS},
        }
    )


def village_money(schools: pd.DataFrame, every: pd.DataFrame, policy: Policy) -> DrawnMoney:
    """Money of the village schools on steady rolls with the chance of their intake."""
    n = len(schools)
    rolls = np.zeros((n, 1 + len(YEARS), 12))
    rolls[:, :, :7] = schools[GROUPS].to_numpy(dtype=float)[:, None, :]
    serves = np.arange(12)[None, :] < 7
    xy = every.loc[every["primary"], ["easting", "northing"]].to_numpy()
    away = KDTree(xy).query(schools[["easting", "northing"]].to_numpy(), k=2)[0][:, 1]
    funded = FundedSchools(
        key=schools["urn"].tolist(),
        phase=["primary"] * n,
        serves=np.broadcast_to(serves, (n, 12)).copy(),
        places=np.ceil(schools["roll"].to_numpy() * 1.15),
        september=(academy_trusts(schools) != ""),
        estimated=np.zeros(n, dtype=bool),
        additional_gbp=np.full(n, np.nan),
        distance_m=away * policy.number("detour_factor"),
        lump_sums=np.ones(n),
        split_site=np.zeros(n),
    )
    drawn = drawn_rolls(rolls, np.ones((n, len(YEARS), 12, DRAWS)), funded.serves, 0)
    return drawn_money(funded, drawn, YEARS, funding_values(None, policy), policy)


def drive_min(first: np.ndarray, second: np.ndarray, policy: Policy) -> np.ndarray:
    """Minutes by straight line × detour."""
    metres = np.hypot(first[:, None, 0] - second[None, :, 0], first[:, None, 1] - second[None, :, 1])
    return metres * (policy.number("detour_factor") * 60 / 1000 / policy.number("straight_line_kmh"))


def trusts_today(every: pd.DataFrame) -> pd.DataFrame:
    """One row a trust of today; the hub is its largest school."""
    table = every.assign(own=academy_trusts(every))
    table = table[table["own"] != ""].reset_index(names="row")
    articles = trust_articles(None, every, [])
    largest = table.loc[table.groupby("own")["headcount"].idxmax()].set_index("own")["row"]
    summed = table.groupby("own").agg(pupils=("headcount", "sum"), schools=("urn", "count")).reset_index(names="trust")
    return summed.assign(
        articles=summed["trust"].map(articles),
        diocese="",
        places_for_schools=pd.array([pd.NA] * len(summed), dtype="Float64"),
        hub=summed["trust"].map(largest).astype(int),
    )


def solve_some(problems: list[ClusterProblem], seconds: float) -> list[ClusterPlan]:
    """Plans of several regions, one after the other, verified."""
    plans = []
    until = time.perf_counter() + seconds
    for problem in problems:
        plan = solve_clusters(problem, time_limit_s=max(until - time.perf_counter(), 2.0), gap=1e-4, threads=1)
        assert verify_clusters(problem, plan) == []
        plans.append(plan)
    return plans


def by_region(problem: ClusterProblem, seconds: float, workers: int) -> tuple[ClusterPlan, list[int]]:
    """The plan of the whole and the nodes of each region, the largest first."""
    parts = regions(problem)
    batches, batch, size = [], [], 0
    for number, nodes in enumerate(parts):
        batch.append(number)
        size += len(nodes)
        if size > BATCH:
            batches.append(batch)
            batch, size = [], 0
    batches += [batch] if batch else []
    with ProcessPoolExecutor(workers) as pool:
        made = pool.map(
            solve_some, [[part_of(problem, parts[k]) for k in batch] for batch in batches], [seconds] * len(batches)
        )
        plans = [plan for found in made for plan in found]
    return joined(problem, parts, plans, 1e-4), [len(nodes) for nodes in parts]


def told(level: str, problem: ClusterProblem, plan: ClusterPlan, sizes: list[int], seconds: float) -> None:
    """One line of figures."""
    assert verify_clusters(problem, plan) == [] and plan.lead is not None
    groups = len(np.unique(plan.lead[plan.lead >= 0]))
    print(
        f"{level:<9}{problem.n_nodes:>7,} nodes {problem.n_arcs:>8,} arcs {len(sizes):>5,} regions (largest "
        f"{sizes[0]:,}) {groups:>5,} groups, {int((plan.lead < 0).sum()):,} alone; £{plan.objective / 1e6:,.2f}m, "
        f"gap {plan.gap:.3%}, {seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--time", type=float, default=240.0, help="seconds for the regions of each level")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began, policy = time.perf_counter(), Policy({})
    every = read_schools(options.folder)
    small = every["primary"] & (every["roll"] > 0) & (every["roll"] < policy.number("village_school_max_pupils"))
    schools = every[small].reset_index(drop=True).assign(small=True)
    schools["pupils"] = schools["roll"]
    money = village_money(schools, every, policy)
    schools["alone_gbp"] = money.head_gbp.mean(axis=(1, 2))
    xy = schools[["easting", "northing"]].to_numpy()
    drive = drive_min(xy, xy, policy)
    rules = standing(schools, None, every, drive, "2022/23", policy)
    villages = build_villages(schools, rules, drive, policy)
    start = time.perf_counter()
    clusters, sizes = by_region(villages.problem, options.time, options.workers)
    told("clusters", villages.problem, clusters, sizes, time.perf_counter() - start)
    assert clusters.lead is not None
    joiners = joiners_of(schools, rules, villages.school_lead(clusters.lead), policy)
    today = trusts_today(every)
    hubs = np.concatenate([
        every[["easting", "northing"]].to_numpy()[today["hub"].to_numpy()], xy[joiners.lead],
    ])  # fmt: skip
    balance, apart = (
        mean_p10(money, joiners.members, joiners.cluster, policy, pooled=pooled) for pooled in (True, False)
    )
    trusts = build_trusts(schools, rules, joiners, today, drive_min(hubs, hubs, policy), balance, apart, policy)
    start = time.perf_counter()
    homes, sizes = by_region(trusts.problem, options.time, options.workers)
    told("trusts", trusts.problem, homes, sizes, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"in all {time.perf_counter() - began:.0f} s; at most {peak / 1e6:.2f} GB with a worker at its largest")


if __name__ == "__main__":
    main()
