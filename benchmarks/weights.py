"""Shares of all weightings: their time for ten bids and nine criteria, and how near they come to a closed form.

python benchmarks/weights.py [--bids 10] [--criteria 9] [--assessors 4] [--draws 100000]
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from models.firmness import overtaking
from models.weight_space import WinShares, uncertain_shares, weight_shares


def timed(what: str, run: Callable[[], WinShares]) -> None:
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - began)
    print(f"  {what:48}{min(seconds):7.3f} s (best of 5), largest standard error {found.standard_error.max():.5f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("bids", 10), ("criteria", 9), ("assessors", 4), ("draws", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    marks = rng.integers(4, 11, (asked.assessors, asked.bids, asked.criteria)) / 10
    share = np.median(marks, axis=0)
    weight = np.full(asked.criteria, 100 / asked.criteria)
    print(f"{asked.bids} bids × {asked.criteria} criteria × {asked.draws:,} draws")
    timed("weightings drawn", lambda: weight_shares(share, asked.draws, seed=0))
    timed("weightings and assessors drawn", lambda: uncertain_shares(share, marks, asked.draws, seed=0))
    timed("published weights, assessors drawn", lambda: uncertain_shares(share, marks, asked.draws, 0, weight))
    began = time.perf_counter()
    for rival in range(asked.bids):
        overtaking(share, weight, rival)
    print(f"  {'smallest change of weights, every rival':48}{time.perf_counter() - began:7.3f} s")
    third = weight_shares(np.array([[1.0, 0.0, 0.0], [2 / 3, 2 / 3, 2 / 3]]), asked.draws, seed=0)
    print(f"  one bid wins a ninth of all weightings: found {third.share[0]:.5f}, off by {third.share[0] - 1 / 9:+.5f}")


if __name__ == "__main__":
    main()
