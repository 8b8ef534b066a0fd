"""Estate problems beside HiGHS on the strong programme, given the same time in the same run, by hand:

    python -m benchmarks.estate FOLDER [--time SECONDS] [--route ROUTE] [--no-peer] estate_500x3000x1 capa8000 p1 …

FOLDER holds estate_*.npz, orlib/, holmberg/ and best_known.csv; NAME:10 is a problem under ten futures from the draws
of one forecast, and the path of any .npz will do as well. Every solve is a process of its own, so that its peak memory
is its own; "over best" is the distance to the best known value where there is one.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.peer import solve_whole
from benchmarks.published import best_known, read_published
from benchmarks.scenarios import with_scenarios
from models.estate import EstateProblem
from solvers import solve_estate
from solvers.verify import verify_estate

HEAD = (
    f"{'problem':<24}{'route':<12}{'status':<11}{'objective':>18}{'bound':>18}{'gap':>10}"
    f"{'over best':>11}{'seconds':>9}{'GB':>7}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("problems", nargs="+")
    parser.add_argument("--time", type=float, default=60.0, help="seconds for each solve")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--route", default="auto")
    parser.add_argument("--no-peer", action="store_true", help="leave HiGHS on the whole programme out")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(solved(options.folder, options.problems[0], options.route, options.time, options.gap)))
        return
    known = best_known(options.folder)
    print(HEAD)
    for name in options.problems:
        for route in [options.route] if options.no_peer else [options.route, "HiGHS"]:
            show(name, in_own_process(options, name, route), known.get(name))


def in_own_process(options: argparse.Namespace, name: str, route: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.estate", str(options.folder), name, "--here", "--route", route]
    command += ["--time", str(options.time), "--gap", str(options.gap)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def solved(folder: Path, name: str, route: str, time_s: float, gap: float) -> dict:
    """The figures of one solve; a plan that does not verify is an error."""
    problem = read(folder, name)
    began = time.perf_counter()
    if route == "HiGHS":
        told = solve_whole(problem, time_s, gap)
    else:
        plan = solve_estate(problem, time_limit_s=time_s, gap=gap, route=route)
        if wrong := verify_estate(problem, plan):
            raise SystemExit(f"{name}: {wrong[0]}")
        told = {"route": plan.route, "status": plan.status, "objective": plan.objective, "bound": plan.bound}
    told["seconds"] = time.perf_counter() - began
    told["gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return told


def read(folder: Path, name: str) -> EstateProblem:
    """NAME of an .npz, NAME:K of one under K futures, a published instance, or the path of any .npz."""
    if name.endswith(".npz"):
        return EstateProblem.load(name)
    name, _, futures = name.partition(":")
    file = folder / f"{name}.npz"
    problem = EstateProblem.load(file) if file.exists() else read_published(folder, name)
    return with_scenarios(problem, int(futures)) if futures else problem


def show(name: str, told: dict, best: float | None) -> None:
    objective, bound = told["objective"], told["bound"]
    over = "" if best is None else f"{objective / best - 1:.4%}"
    print(
        f"{name:<24}{told['route']:<12}{told['status']:<11}{objective:>18,.0f}{bound:>18,.0f}"
        f"{(objective - bound) / abs(objective):>10.3%}{over:>11}{told['seconds']:>9.1f}{told['gb']:>7.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
