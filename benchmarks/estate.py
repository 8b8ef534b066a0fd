"""Solve estate problems from files, by hand: python benchmarks/estate.py [--time SECONDS] FILE.npz …"""

import argparse
from pathlib import Path

from models.estate import EstateProblem
from solvers import solve_estate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--time", type=float, default=60.0, help="seconds for each problem")
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--route", default="auto")
    options = parser.parse_args()
    print(f"{'problem':<32}{'route':<12}{'status':<12}{'objective':>18}{'bound':>18}{'gap':>10}{'seconds':>9}")
    for file in options.files:
        problem = EstateProblem.load(file)
        plan = solve_estate(problem, time_limit_s=options.time, gap=options.gap, route=options.route)
        print(
            f"{file.stem:<32}{plan.route:<12}{plan.status:<12}{plan.objective:>18,.0f}{plan.bound:>18,.0f}"
            f"{plan.gap:>10.3%}{plan.seconds:>9.1f}"
        )


if __name__ == "__main__":
    main()
