"""Schools and grades of Eau Claire, Wisconsin, against what came, as Markdown: python -m benchmarks.eau_claire

Schools stand in for localities, kindergarten to grade 5 (ages 5 to 10, here Y1 to Y6) for year groups. Origins 2003 to
2018, one to five years ahead; ratios are learnt from the years up to the origin alone.

* Entry: kindergarten = the city's births of the cohort × the school's share of them, weighted 3:2:1 and unshrunk. Both
  methods get the same kindergartens, so only the ratios between grades differ. Births are those of calendar years up to
  the one before the origin; later cohorts take the mean of the last three.
* Schools: forecast are those with pupils in the origin year; scored are those with pupils in the target year too. A
  school that has closed by the origin is not forecast; one that opens is forecast from its first year.
* 2020 (schools closed by the pandemic) is scored by neither method.
"""

import numpy as np
import pandas as pd

from benchmarks.forecast import data_folder, markdown
from geodata.policy import Policy
from models.cohorts import BirthSeries, FloatArray, PupilCube, cohort_births
from models.links import chain_links
from models.progression import roll_forward
from models.ratios import learn_ratios, recipe_errors, recipes
from models.uncertainty import PastForecasts, fit_spread

GRADES = {"K": "Y1", "1": "Y2", "2": "Y3", "3": "Y4", "4": "Y5", "5": "Y6"}
ORIGINS = range(2000, 2019)  # the first three only teach the intervals
JUDGED_FROM, HORIZON, BREAK = 2003, 5, 2020
METHODS = {
    "3:2:1 unshrunk": {"ratio_choice": "3:2:1", "ratio_prior_pupils": 0.0},
    "placeplan": {},
    "3:2:1 shrunk": {"ratio_choice": "3:2:1"},
    "mean of 5 unshrunk": {"ratio_choice": "mean of 5", "ratio_prior_pupils": 0.0},
}


def read() -> tuple[PupilCube, BirthSeries]:
    """Pupils by school; the city's births stand beside every school."""
    folder = data_folder() / "eau_claire"
    table = pd.read_csv(folder / "enrolment.csv").astype({"grade": str})
    counts = table.pivot_table("students", "School", ["year", "grade"], aggfunc="sum")
    years = range(int(table["year"].min()), int(table["year"].max()) + 1)
    pupils = np.stack([counts[year].reindex(columns=list(GRADES)).to_numpy(dtype=float) for year in years], axis=1)
    births = pd.read_csv(folder / "births.csv")
    city = np.broadcast_to(births["births"].to_numpy(dtype=float), (len(counts), len(births)))
    months = 12 * births["year"].to_numpy(dtype=np.int64) + 12
    cube = PupilCube(pupils, tuple(counts.index), years[0], tuple(GRADES.values()))
    return cube, BirthSeries(city, months)


def forecast(cube: PupilCube, births: BirthSeries, policy: Policy) -> FloatArray:
    """Pupils (L, HORIZON, G) after the last year of `cube`; schools without pupils in that year must be left out."""
    plain = Policy(METHODS["3:2:1 unshrunk"])
    links = chain_links(cube, births)
    entry = learn_ratios(links, [recipes(plain)["3:2:1"]] * len(links.blocks), plain, HORIZON)
    future = cube.starts[-1] + 1 + np.arange(HORIZON)
    born, _ = cohort_births(births, future, cube.entry_age)
    born = np.where(np.isnan(born), births.recent_mean(3)[:, None], born)
    chosen = recipe_errors(links, policy).choose(cube.pupils.shape[1], policy)
    ratios = learn_ratios(links, chosen, policy, HORIZON)
    entrants = entry.common[:, 0] * entry.departure[:, [0]] * born
    return roll_forward(
        cube.pupils[:, -1], entrants, ratios.common[:, 1:], ratios.departure[:, 1:], ratios.arrivals[:, 1:]
    )


def past(cube: PupilCube, births: BirthSeries, policy: Policy) -> PastForecasts:
    """Forecasts from every origin and what came."""
    shape = (len(ORIGINS), len(cube.localities), HORIZON, len(cube.year_groups))
    made, came = np.full(shape, np.nan), np.full(shape, np.nan)
    for o, origin in enumerate(ORIGINS):
        then = cube.until(origin)
        there = ~np.isnan(then.pupils[:, -1]).any(axis=1)
        own = PupilCube(then.pupils[there], tuple(np.array(cube.localities)[there]), cube.first_year, cube.year_groups)
        known = births.known_by(12 * (origin - 1) + 12)
        known = BirthSeries(known.births[there], known.last_month)
        made[o, there] = forecast(own, known, policy)
        for h in range(HORIZON):
            if origin + h + 1 != BREAK:
                came[o, there, h] = cube.pupils[there, origin + h + 1 - cube.first_year]
    missing = np.isnan(came)
    return PastForecasts(np.where(missing, np.nan, made), came, np.array(ORIGINS), cube.year_groups)


def main() -> None:
    cube, births = read()
    made = {name: past(cube, births, Policy(dict(values))) for name, values in METHODS.items()}
    judged = np.array(ORIGINS) >= JUDGED_FROM
    rows = {}
    for name, tested in made.items():
        out = np.abs(tested.forecast - tested.actual)[judged]
        totals = np.abs((tested.forecast - tested.actual).sum(axis=-1))[judged]
        for h in range(HORIZON):
            rows[name, "school and grade", h + 1] = np.nanmean(out[:, :, h])
            rows[name, "school total", h + 1] = np.nanmean(totals[:, :, h])
        rows[name, "school and grade", "all"] = np.nanmean(out)
        rows[name, "school total", "all"] = np.nanmean(totals)
    table = pd.Series(rows).rename_axis(["method", "of", "years ahead"]).rename("error").reset_index()
    table = table.pivot_table("error", ["of", "years ahead"], "method", sort=False)
    table["change, %"] = (table["placeplan"] / table["3:2:1 unshrunk"] - 1) * 100
    print("### Eau Claire: mean absolute error (pupils)\n")
    print(markdown(table))
    grades = {
        name: np.nanmean(np.abs(tested.forecast - tested.actual)[judged], axis=(0, 1, 2))
        for name, tested in made.items()
    }
    print("\n### By grade, all horizons\n")
    print(markdown(pd.DataFrame(grades, index=list(GRADES)).rename_axis("grade")))
    print("\n### Share of outturns between p10 and p90 (asked: 80 %)\n")
    print(markdown(coverage(made["placeplan"]), "{:.0f}"))


def coverage(tested: PastForecasts) -> pd.DataFrame:
    """By years ahead and by size of school, intervals from errors known at the origin."""
    frames = []
    size = np.nanmean(tested.actual[:, :, 0].sum(axis=-1), axis=0)
    half = np.where(size < np.nanmedian(size), "smaller half", "larger half")
    third = np.array(["smallest third", "middle third", "largest third"])[
        np.searchsorted(np.nanquantile(size, [1 / 3, 2 / 3]), size)
    ]
    for o, origin in enumerate(tested.origins):
        if origin < JUDGED_FROM:
            continue
        low, high = fit_spread(tested, Policy({}), known_by=int(origin)).interval(tested.forecast[o])
        place, h, g = np.nonzero(~np.isnan(tested.actual[o]))
        inside = 100.0 * ((low <= tested.actual[o]) & (tested.actual[o] <= high))[place, h, g]
        frames += [
            pd.DataFrame({"schools": schools[place], "years ahead": h + 1, "inside": inside})
            for schools in (np.full(len(size), "all"), half, third)
        ]
    return pd.concat(frames, ignore_index=True).pivot_table("inside", "schools", "years ahead")


if __name__ == "__main__":
    main()
