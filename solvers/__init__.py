"""How a problem is solved: exact, with a proven bound, checked independently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solvers.plans import AwardPlan, ClusterPlan, EstatePlan, Progress, ProgressCallback, gap_between, misfit

if TYPE_CHECKING:
    from models.awards import AwardProblem
    from models.clusters import ClusterProblem
    from models.estate import EstateProblem

__all__ = [
    "AwardPlan",
    "ClusterPlan",
    "EstatePlan",
    "Progress",
    "RivalPrices",
    "Rivals",
    "alternatives",
    "cost_of",
    "cost_of_rules",
    "gap_between",
    "next_best",
    "rivals",
    "solve_awards",
    "solve_clusters",
    "solve_estate",
]

ESTATE_ROUTES = ("auto", "exact", "decomposed")
EXACT_FLOWS = 60_000  # up to so many slices × arcs with pupils, one programme is the quicker proof
EXACT_FLOWS_PER_S = 1_000  # of the time limit, up to which auto picks it: building and relaxing take time


def __getattr__(name: str) -> Any:
    """What asks again about a plan, imported where it is asked for: numpy takes a quarter of a second."""
    if name == "alternatives":
        from solvers.near_optimal import alternatives

        return alternatives
    if name == "cost_of":
        from solvers.forced import cost_of

        return cost_of
    if name in ("RivalPrices", "Rivals", "rivals"):
        from solvers import rivalry

        return getattr(rivalry, name)
    if name in ("cost_of_rules", "next_best"):
        from solvers import award_alternatives

        return getattr(award_alternatives, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def solve_estate(
    problem: EstateProblem,
    *,
    time_limit_s: float | None = 60.0,
    gap: float = 1e-4,
    threads: int | None = None,
    seed: int = 0,
    route: str = "auto",
    progress: ProgressCallback | None = None,
    start: EstatePlan | None = None,
) -> EstatePlan:
    """Options, flows and a proven bound within `time_limit_s` seconds; None: until the gap.

    Every outcome is a status, never an exception; the plan never costs more than a baseline that keeps the policy
    rows. `gap` is the relative gap at which to stop, `threads` those that may be used (None: all cores; without a
    limit the same seed and number give the same plan), `progress` is called with a `Progress` whenever the plan or
    the bound improves. `start` is a plan to begin from, of this problem or of one with the same nodes, slices and
    facilities: its options and its prices are used. Raises ValueError for a route that does not exist, for arguments
    out of range and for a start that does not fit.

    Routes: "exact" gives the whole programme to HiGHS; "decomposed" solves it in tiles, for estates too large for
    that; "auto" picks by size and time.
    """
    if route not in ESTATE_ROUTES:
        raise ValueError(f"route {route!r} does not exist; there are {', '.join(ESTATE_ROUTES)}")
    _check_arguments(time_limit_s, gap, threads)
    if start is not None and (wrong := misfit(problem, start)):
        raise ValueError(f"start does not fit the problem: {wrong}")
    # What was proven of its tiles holds for the problem that they were cut from and may not for this one.
    start = None if start is None else start.without_tiles()
    if problem.two_stage and route == "exact":
        raise ValueError("route 'exact' solves problems of one stage; two-stage problems take 'decomposed' or 'auto'")
    if route == "auto":
        n_flows = int((problem.demand > 0).sum(axis=0)[problem.arc_node].sum())
        most = EXACT_FLOWS if time_limit_s is None else min(EXACT_FLOWS, EXACT_FLOWS_PER_S * time_limit_s)
        route = "decomposed" if problem.two_stage or (n_flows > most and not problem.single_site) else "exact"
    # Pyomo, numba and HiGHS take half a second to import.
    if route == "decomposed":
        from solvers.estate_decomposed import solve_decomposed as solve
    else:
        from solvers.estate_exact import solve_exact as solve

    from solvers.answers import settled_plan

    found = solve(
        problem, time_limit_s=time_limit_s, gap=gap, threads=threads, seed=seed, progress=progress, start=start
    )
    return settled_plan(problem, found, gap)


def solve_clusters(
    problem: ClusterProblem,
    *,
    time_limit_s: float | None = 60.0,
    gap: float = 1e-4,
    threads: int | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> ClusterPlan:
    """The lead of every node and a proven bound; arguments and outcomes as of `solve_estate`."""
    _check_arguments(time_limit_s, gap, threads)
    from solvers.clusters_exact import solve_exact

    return solve_exact(problem, time_limit_s=time_limit_s, gap=gap, threads=threads, seed=seed, progress=progress)


def solve_awards(
    problem: AwardProblem, *, time_limit_s: float | None = 60.0, threads: int | None = 2, seed: int = 0
) -> AwardPlan:
    """The winning bids: most points first, least cost among those of most points, each with a proven bound.

    Every outcome is a status, never an exception. Between award sets of equal points and cost the seed draws lots, so
    that without reaching the limit the plan is the same on any number of threads (None: all cores). Raises ValueError
    for arguments out of range.
    """
    _check_arguments(time_limit_s, 0.0, threads)
    from solvers.awards import solve  # OR-Tools takes half a second to import

    return solve(problem, time_limit_s=time_limit_s, threads=threads, seed=seed)


def _check_arguments(time_limit_s: float | None, gap: float, threads: int | None) -> None:
    if time_limit_s is not None and not time_limit_s >= 0:
        raise ValueError(f"time_limit_s = {time_limit_s}: seconds, not negative, or None")
    if not gap >= 0:
        raise ValueError(f"gap = {gap}: a share of the objective, not negative")
    if threads is not None and (threads < 1 or threads != int(threads)):
        raise ValueError(f"threads = {threads}: a whole number, at least one")
