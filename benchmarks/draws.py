"""Joint draws: their speed at England's size, and how often they hold what came in England's authorities.

python benchmarks/draws.py [--data FOLDER] [--localities 32844] [--draws 200]
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import COMPULSORY, academic_year
from models.coherence import past_forecasts
from models.cohorts import birth_series, pupil_cube
from models.draws import Draws
from models.error_fit import fit_error_model
from models.error_model import PlanningAreas, planning_areas
from models.uncertainty import PastForecasts, phase_members

YEARS, ORIGINS = 7, 7


def england_sized(n: int) -> tuple[PastForecasts, np.ndarray, PlanningAreas]:
    """Localities with a dozen pupils a year group, ten to a planning area, and seven past forecasts."""
    rng = np.random.default_rng(0)
    mean = rng.gamma(6, 2, (n, 1, 1)) * np.ones((1, YEARS, len(COMPULSORY)))
    grown = np.sqrt(np.arange(1, YEARS + 1))[:, None]
    shape = (ORIGINS, n, YEARS, len(COMPULSORY))
    common = rng.normal(0, 0.01, (ORIGINS, 1, YEARS, 1)) * grown
    own = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(1 / mean + 0.02**2) * grown
    forecast = np.broadcast_to(mean, shape)
    past = PastForecasts(forecast, np.maximum(forecast * (1 + common + own), 0), np.arange(2011, 2018), COMPULSORY)
    at = (np.arange(n) // 10, np.arange(n) // 40)
    names = tuple(tuple(map(str, range(part.max() + 1))) for part in at)
    return past, mean, PlanningAreas(names, at, (slice(0, 7), slice(7, 12)))


def speed(n_localities: int, n_draws: int) -> None:
    past, mean, areas = england_sized(n_localities)
    start = time.perf_counter()
    model = fit_error_model(past, Policy({}), areas, mean)
    fitted = time.perf_counter()
    draws = Draws(mean, model, areas, seed=1, n_draws=n_draws)
    low, middle, high = draws.quantiles()
    cells = time.perf_counter()
    primary, secondary = draws.area_sums()
    summed = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{n_localities:,} localities × {mean.shape[2]} year groups × {mean.shape[1]} years, {n_draws} draws")
    print(f"  components of past errors      {fitted - start:6.1f} s")
    print(f"  p10, p50, p90 of {low.size:>9,} cells {cells - fitted:5.1f} s")
    print(f"  draws, sums of {primary.shape[1]:,} + {secondary.shape[1]:,} areas {summed - cells:6.1f} s")
    print(f"  together {summed - start:.1f} s; peak memory of the process {peak:.2f} GiB")
    _, drawn = next(draws.blocks())
    seen = np.quantile(drawn, [0.1, 0.5, 0.9], axis=0)
    exact = np.stack([low, middle, high])[:, : drawn.shape[1]]
    print(f"  p10, p50, p90 of draws against the curve's: {(seen - exact).mean(axis=(1, 2, 3)).round(3)} pupils\n")


def coverage(folder: Path) -> None:
    """Draws made at each origin from the errors known then, against the outturn."""
    pupils = pd.read_csv(folder / "pupils_by_la_2011_2021.csv.gz").rename(columns={"la_code": "locality"})
    births = pd.read_csv(folder / "births_by_district_1992_2022.csv.gz")
    births = births.groupby(["la_code", "year_to_mid"], as_index=False)["births"].sum()
    births = births.rename(columns={"la_code": "locality"})
    births["year_ending"] = pd.to_datetime(births["year_to_mid"].astype(str) + "-06-30")
    codes = sorted(pupils["locality"].unique())
    cube = pupil_cube(pupils, codes, "2021/22")
    past = past_forecasts(cube, birth_series(births, codes), Policy({}), 5)
    places = pd.DataFrame({"locality": codes})
    frames = [_judged(past, o, planning_areas(places, past.year_groups)) for o in range(2, len(past.origins))]
    rows = pd.concat(frames, ignore_index=True)
    print("Share of outturns within p10–p90 of 400 draws, by what was known at each origin (asked: 80 %)")
    print(_shares(rows, ["level", "what"]), "\n")
    print("Phase totals by origin")
    print(_shares(rows[rows["what"] != "year group"], ["level", "origin"]))


def _shares(rows: pd.DataFrame, index: list[str]) -> str:
    sums = rows.pivot_table(index=index, columns="horizon", values=["held", "outturns"], aggfunc="sum")
    return (sums["held"] / sums["outturns"]).map("{:.1%}".format, na_action="ignore").fillna("").to_string()


def _judged(past: PastForecasts, o: int, areas: PlanningAreas) -> pd.DataFrame:
    """How many outturns of one origin the draws held, by level, kind of total and horizon."""
    mean, actual = np.nan_to_num(past.forecast[o]), past.actual[o]
    model = fit_error_model(past, Policy({}), areas, mean, known_by=int(past.origins[o]))
    draws = np.concatenate([drawn for _, drawn in Draws(mean, model, areas, seed=o, n_draws=400).blocks()], axis=1)
    known = ~np.isnan(actual)
    draws = np.where(known, draws, 0)
    whole = np.where(known.any(axis=0), np.nansum(actual, axis=0), np.nan)[None]
    rows = []
    for level, cells, came in (
        ("authority", draws, actual),
        ("England", draws.sum(axis=1, keepdims=True), whole),
    ):
        totals = {"year group": (cells, came)}
        for phase, groups in phase_members(past.year_groups).items():
            totals[phase] = (
                cells[..., groups].sum(axis=-1, keepdims=True),
                came[:, :, groups].sum(axis=-1, keepdims=True),
            )
        for what, (cloud, outturn) in totals.items():
            low, high = np.quantile(cloud, [0.1, 0.9], axis=0)
            inside, scored = (low <= outturn) & (outturn <= high), ~np.isnan(outturn)
            rows += [
                (academic_year(int(past.origins[o])), level, what, h + 1, inside[:, h].sum(), scored[:, h].sum())
                for h in range(cloud.shape[2])
                if scored[:, h].any()
            ]
    return pd.DataFrame(rows, columns=["origin", "level", "what", "horizon", "held", "outturns"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--localities", type=int, default=32_844)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    speed(options.localities, options.draws)
    if (options.data / "england").is_dir():
        coverage(options.data / "england")


if __name__ == "__main__":
    main()
