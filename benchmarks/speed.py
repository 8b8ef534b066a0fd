"""England's size from tables to tables and draws, in one process: python -m benchmarks.speed [--localities 32844]

A made-up study with England's number of localities, ten to a primary and forty to a secondary planning area, eleven
years of pupils and births: forecast with intervals of every level, error components, joint draws summed over planning
areas. A fixed piece of numpy work is timed beside it, since machines differ and are shared.
"""

import argparse
import resource
from time import perf_counter, process_time

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import COMPULSORY, academic_year
from models.cohorts import cube_frame
from models.draws import Draws
from models.error_fit import fit_error_model
from models.error_model import planning_areas
from models.forecast import forecast_pupils

YEARS, HISTORY, LAST = 7, 11, 2021


def made_up_study(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pupils, births and localities: a dozen births a year each, cohorts that drift by ratios near 1 and by chance."""
    rng = np.random.default_rng(seed)
    codes = [f"L{place:05d}" for place in range(n)]
    born = rng.poisson(rng.gamma(6, 2, (n, 1)), (n, HISTORY + 6))
    pupils = np.empty((n, HISTORY, len(COMPULSORY)))
    pupils[:, 0] = rng.poisson(born[:, [0]] * np.ones(len(COMPULSORY)))
    for year in range(1, HISTORY):
        pupils[:, year, 0] = rng.poisson(born[:, year] * 0.95)
        pupils[:, year, 1:] = rng.poisson(0.1 * pupils[:, year - 1, :-1]) + np.round(0.9 * pupils[:, year - 1, :-1])
    years = [academic_year(LAST - HISTORY + 1 + year) for year in range(HISTORY)]
    table = cube_frame({"locality": codes, "academic_year": years, "year_group": COMPULSORY}, pupils=pupils)
    ending = [f"{LAST - HISTORY + 1 - 4 + year}-06-30" for year in range(HISTORY + 6)]
    births = cube_frame({"locality": codes, "year_ending": ending}, births=born[:, : len(ending)].astype(float))
    place = np.arange(n)
    areas = {"planning_area_primary": place // 10, "planning_area_secondary": place // 40}
    localities = pd.DataFrame({"locality": codes} | {name: at.astype(str) for name, at in areas.items()})
    return table, births, localities


def yardstick() -> tuple[float, float]:
    """Clock and processor seconds of a fixed piece of numpy work on one core: 60 million normal numbers, sorted."""
    start = _now()
    np.sort(np.random.default_rng(0).standard_normal((60_000, 1_000), dtype=np.float32), axis=1)
    return _since(start)


def _now() -> tuple[float, float]:
    return perf_counter(), process_time()


def _since(start: tuple[float, float]) -> tuple[float, float]:
    return perf_counter() - start[0], process_time() - start[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--localities", type=int, default=32_844)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    fixed = yardstick()
    pupils, births, localities = made_up_study(options.localities)
    policy, spent = Policy({}), {}
    start = begun = _now()
    result = forecast_pupils(
        pupils, births, localities, base_year=academic_year(LAST), horizon_years=YEARS, policy=policy
    )
    spent["tables to forecast tables with intervals"] = _since(begun)
    begun, tested = _now(), result.tested
    areas = planning_areas(localities, tested.past.year_groups)
    model = fit_error_model(tested.past, policy, areas, tested.mean, spreads=tested.spreads)
    spent["components of past errors"] = _since(begun)
    begun = _now()
    primary, secondary = Draws(tested.mean, model, areas, seed=1, n_draws=options.draws).area_sums()
    spent[f"{options.draws} draws, sums of {primary.shape[1]:,} + {secondary.shape[1]:,} areas"] = _since(begun)
    spent["together"] = _since(start)
    spent["a fixed piece of numpy work, before"] = fixed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    groups = primary.shape[-1] + secondary.shape[-1]
    print(f"{options.localities:,} localities × {groups} year groups × {YEARS} years; clock and processor seconds")
    for part, (clock, processor) in spent.items():
        print(f"  {part:45} {clock:6.1f} {processor:6.1f}")
    ratios = [whole / one for whole, one in zip(spent["together"], fixed, strict=True)]
    print(f"  together ÷ the fixed work: {ratios[0]:.1f} by the clock, {ratios[1]:.1f} by the processor")
    print(f"  peak memory of the process {peak:.2f} GiB, the tables given included")


if __name__ == "__main__":
    main()
