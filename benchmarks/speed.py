"""England's size from tables to tables and draws, in one process: python -m benchmarks.speed [--localities 32844]

A made-up study with England's number of localities, ten to a primary and forty to a secondary planning area, eleven
years of pupils and births: forecast with intervals of every level, error components, joint draws summed over planning
areas. A fixed piece of numpy work is timed beside it, since machines differ and are shared.
"""

import argparse
import resource
from time import perf_counter

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


def yardstick() -> float:
    """Seconds that a fixed piece of numpy work takes on one core: 60 million normal numbers, sorted in rows."""
    start = perf_counter()
    np.sort(np.random.default_rng(0).standard_normal((60_000, 1_000), dtype=np.float32), axis=1)
    return perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--localities", type=int, default=32_844)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    fixed = yardstick()
    pupils, births, localities = made_up_study(options.localities)
    policy = Policy({})
    start = perf_counter()
    result = forecast_pupils(
        pupils, births, localities, base_year=academic_year(LAST), horizon_years=YEARS, policy=policy
    )
    forecast = perf_counter()
    areas = planning_areas(localities, result.tested.past.year_groups)
    model = fit_error_model(result.tested.past, policy, areas, result.tested.mean, spreads=result.tested.spreads)
    fitted = perf_counter()
    primary, secondary = Draws(result.tested.mean, model, areas, seed=1, n_draws=options.draws).area_sums()
    summed = perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{options.localities:,} localities × {primary.shape[-1] + secondary.shape[-1]} year groups × {YEARS} years")
    print(f"  tables to forecast tables with intervals {forecast - start:6.1f} s")
    print(f"  components of past errors                {fitted - forecast:6.1f} s")
    areas_drawn = f"{primary.shape[1]:,} + {secondary.shape[1]:,} areas"
    print(f"  {options.draws} draws, sums of {areas_drawn:20} {summed - fitted:6.1f} s")
    print(f"  together                                 {summed - start:6.1f} s; peak memory {peak:.2f} GiB")
    print(f"  a fixed piece of numpy work took {fixed:.1f} s: {(summed - start) / fixed:.1f} times that")


if __name__ == "__main__":
    main()
