"""How the gap grows with the size of an estate, beside HiGHS on the whole programme given the same time, by hand:

    python -m benchmarks.sizes FOLDER [--time SECONDS] [--chart docs/images/gap-by-size.svg]

Parts of estate_24000x35000x1, which is of England's size, are cut out along its tiles: schools that share homes, the
homes that are nearest to one of them, and the policy rows that are wholly among them.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.estate import EstateProblem
from solvers.tiles import Tiling

SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 70, 60, 50, 40
COLOURS = {"placeplan, decomposed": "#0b5c8f", "HiGHS, whole programme": "#b3541e"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--time", type=float, default=60.0)
    parser.add_argument("--chart", type=Path)
    options = parser.parse_args()
    whole = EstateProblem.load(options.folder / "estate_24000x35000x1.npz")
    gaps: dict[str, list[float]] = {name: [] for name in COLOURS}
    print(
        f"{'share':>6}{'schools':>9}{'homes':>8}{'route':>26}{'objective':>16}{'bound':>16}{'gap':>9}{'s':>7}{'GB':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for share in SHARES:
            problem = whole if share == 1 else part_of(whole, share)
            file = Path(folder) / f"part_{share}.npz"
            problem.save(file)
            for name, route in zip(COLOURS, ("decomposed", "HiGHS"), strict=True):
                told = solved(file, route, options.time, options.folder)
                gap = (told["objective"] - told["bound"]) / abs(told["objective"])
                gaps[name].append(gap)
                print(
                    f"{share:>6.0%}{problem.n_facilities:>9,}{problem.n_nodes:>8,}{name:>26}"
                    f"{told['objective']:>16,.0f}{told['bound']:>16,.0f}{gap:>9.3%}{told['seconds']:>7.0f}{told['gb']:>6.2f}",
                    flush=True,
                )
    if options.chart:
        options.chart.write_text(chart(gaps, options.time), encoding="utf-8")


def solved(file: Path, route: str, time_s: float, folder: Path) -> dict:
    command = [sys.executable, "-m", "benchmarks.estate", str(folder), str(file), "--here", "--route", route]
    command += ["--time", str(time_s), "--gap", "0"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def part_of(problem: EstateProblem, share: float) -> EstateProblem:
    """About so large a part of the problem, of one piece."""
    load = np.bincount(problem.arc_facility, minlength=problem.n_facilities).astype(float)
    tiles = Tiling(problem, np.ones(problem.n_arcs, dtype=bool), load, 0).cut(share * load.sum())
    kept = np.zeros(problem.n_facilities, dtype=bool)
    kept[tiles[0]] = True
    cheapest = np.lexsort((problem.arc_cost[0], problem.arc_node))
    first = cheapest[np.searchsorted(problem.arc_node[cheapest], np.arange(problem.n_nodes))]
    homes = np.flatnonzero(kept[problem.arc_facility[first]])
    arcs = np.flatnonzero(kept[problem.arc_facility] & np.isin(problem.arc_node, homes))
    options = np.flatnonzero(kept[problem.option_facility])
    others = np.flatnonzero(~kept[problem.option_facility])
    rows = np.flatnonzero(problem.row_matrix[:, others].getnnz(axis=1) == 0)
    facility, node, option = np.full(len(kept), -1), np.full(problem.n_nodes, -1), np.full(problem.n_options, -1)
    facility[kept] = np.arange(kept.sum())
    node[homes] = np.arange(len(homes))
    option[options] = np.arange(len(options))
    return replace(
        problem,
        option_facility=facility[problem.option_facility[options]],
        option_cost=problem.option_cost[options],
        option_capacity=problem.option_capacity[options],
        demand=problem.demand[:, homes],
        unmet_cost=problem.unmet_cost[:, homes],
        arc_node=node[problem.arc_node[arcs]],
        arc_facility=facility[problem.arc_facility[arcs]],
        arc_cost=problem.arc_cost[:, arcs],
        row_matrix=problem.row_matrix[rows][:, options],
        row_lower=problem.row_lower[rows],
        row_upper=problem.row_upper[rows],
        row_name=tuple(problem.row_name[r] for r in rows) if problem.row_name else (),
        baseline=None if problem.baseline is None else option[problem.baseline[kept]],
    )


def chart(gaps: dict[str, list[float]], time_s: float) -> str:
    """An SVG with both axes logarithmic; a solve without a plan or a bound stands at the top."""
    lowest, highest = -5, 1  # powers of ten, in per cent from 0.001 to 1,000

    def x(share: float) -> float:
        return LEFT + (math.log10(share) + 2) / 2 * (WIDTH - LEFT - RIGHT)

    def y(gap: float) -> float:
        power = min(max(math.log10(max(gap, 1e-12)), lowest), highest)
        return TOP + (highest - power) / (highest - lowest) * (HEIGHT - TOP - BOTTOM)

    middle = (LEFT + WIDTH - RIGHT) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(LEFT, 22, f"Proven gap after {time_s:g} s on two cores, by size of estate", size=15, anchor="start"),
        text(middle, HEIGHT - 14, "share of England's 24,000 schools and 35,000 groups of homes"),
    ]
    for power in range(lowest, highest + 1):
        at = y(10.0**power)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dddddd"/>')
        lines.append(text(LEFT - 8, at + 4, f"{10.0 ** (power + 2):g} %", anchor="end"))
    lines += [text(x(share), HEIGHT - BOTTOM + 20, f"{share:.0%}") for share in SHARES]
    for number, (name, values) in enumerate(gaps.items()):
        colour = COLOURS[name]
        lines.append(text(LEFT + 12, TOP + 16 + 18 * number, f"● {name}", colour, anchor="start"))
        points = [(x(share), y(gap)) for share, gap in zip(SHARES, values, strict=True)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for (px, py), gap in zip(points, values, strict=True):
            lines.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{colour}"/>')
            below = number == 0 and py < HEIGHT - BOTTOM - 25
            at = (px, py + 20) if below else (px + 38 * (1 - number), py - 9)  # beside the other at the floor
            lines.append(text(*at, f"{gap:.2%}", colour, size=11))
    return "\n".join([*lines, "</svg>", ""])


def text(x: float, y: float, words: str, colour: str = "#333333", size: int = 13, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}">{words}</text>'


if __name__ == "__main__":
    main()
