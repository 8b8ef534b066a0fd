"""What another decision at one facility would cost, and at least how much."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.estate import EstateProblem, IntArray
from solvers.answers import settled_plan
from solvers.plans import EstatePlan, Proof


@dataclass(frozen=True, eq=False)
class Forced:
    """The best plan found in which a facility follows a given option, beside the plan as it stands.

    What the decision costs is the difference between the two best possible plans. It lies between `at_least_gbp` and
    `at_most_gbp`, both proven; `extra_gbp` is the difference between the two plans found, below 0 where forcing the
    decision has led to a cheaper plan. All are inf where no plan with the decision keeps the policy rows; the plan's
    clash then names the rows.
    """

    facility: int
    option: int
    plan: EstatePlan
    extra_gbp: float
    at_least_gbp: float
    at_most_gbp: float


def cost_of(
    problem: EstateProblem,
    plan: EstatePlan,
    facility: int,
    option: int,
    *,
    time_limit_s: float | None = 30.0,
    gap: float = 1e-4,
    threads: int | None = None,
    seed: int = 0,
) -> Forced:
    """What it costs that `facility` follows `option`, in every scenario; begins from `plan` and its proof.

    Raises ValueError where the plan has no options, or the option is not one of the facility.
    """
    options = plan.by_scenario
    if options is None:
        raise ValueError(f"plan.option is None: a plan of status {plan.status!r} is nothing to compare with")
    if not 0 <= facility < problem.n_facilities:
        raise ValueError(f"facility = {facility}: facilities are 0 … {problem.n_facilities - 1}")
    if not 0 <= option < problem.n_options or problem.option_facility[option] != facility:
        raise ValueError(f"option = {option}: facility {facility} has {_listed(problem, facility)}")
    kept = np.flatnonzero((problem.option_facility != facility) | (np.arange(problem.n_options) == option))
    options = options.copy()
    options[:, facility] = option
    begin = replace(plan.begun_with(options, kept), proof=_without_tile(problem, plan.proof, facility))
    if plan.route == "exact":
        from solvers.estate_exact import solve_exact as solve
    else:
        from solvers.estate_decomposed import solve_decomposed as solve
    forced = _forced(problem, kept, facility, option)
    found = solve(
        forced,
        time_limit_s=time_limit_s, gap=gap, threads=threads, seed=seed, progress=None, start=begin,
    )  # fmt: skip
    found = settled_plan(forced, found, gap).renumbered(kept)
    return Forced(
        facility, option, found,
        found.objective - plan.objective, max(found.bound - plan.objective, 0.0), found.objective - plan.bound,
    )  # fmt: skip


def _forced(problem: EstateProblem, kept: IntArray, facility: int, option: int) -> EstateProblem:
    """The problem without the facility's other options."""
    if problem.baseline is not None:
        baseline = problem.baseline.copy()
        baseline[facility] = option
        problem = replace(problem, baseline=baseline)
    return problem.with_options(kept)


def _without_tile(problem: EstateProblem, proof: Proof | None, facility: int) -> Proof | None:
    """The proof, to be made again for the tile of the facility; the other tiles' programmes are the same.

    Of tiles that were cut from another problem nothing is taken but the prices.
    """
    if proof is None or proof.mosaic is None or proof.tile_bound is None:
        return proof
    if proof.mosaic.problem is not problem:
        return Proof(proof.pupil, proof.row)
    bound = proof.tile_bound.copy()
    bound[proof.mosaic.tile[facility]] = np.nan
    return replace(proof, tile_bound=bound)


def _listed(problem: EstateProblem, facility: int) -> str:
    options = np.flatnonzero(problem.option_facility == facility)
    return "option " + ", ".join(str(o) for o in options)
