"""Forecasts of England's authorities against what came, as Markdown: python -m benchmarks.forecast

Reads england/ in the folder named by PLACEPLAN_DATA, else ../shared/data beside the checkout. Authorities stand in for
localities. Every origin knows the pupil counts up to its own January and the births up to its own June (R of the
fourth year ahead; later cohorts are projected); nothing else is given and no setting is fitted outside an origin's
own history. "Plain" is 3:2:1 cohort survival of unshrunk ratios with births to June lagged to Reception.
"""

import os
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import COMPULSORY, academic_year
from models.baselines import past_baselines
from models.coherence import past_forecasts
from models.cohorts import BirthSeries, FloatArray, PupilCube, birth_series, pupil_cube
from models.forecast import forecast_pupils
from models.progression import History
from models.uncertainty import PastForecasts, fit_spread, rolling_origins

HORIZONS = range(1, 6)
JUDGED_FROM = 2014  # the first origin with three ratios behind it
NORTHAMPTONSHIRE = {"E06000061": "E10000021", "E06000062": "E10000021"}  # births are on later boundaries
REDRAWN_IN_2019 = ("E06000058", "E06000059")  # Bournemouth, Christchurch and Poole; Dorset
LONDON = "E09"  # start of the codes of its boroughs
REDRAWN = ("Dorset", "Bournemouth", "Poole", "Christchurch", "Northamptonshire", "Cumbria")


def data_folder() -> Path:
    named = os.environ.get("PLACEPLAN_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


def england(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pupils, births and localities of England's authorities, as a study gives them."""
    pupils = pd.read_csv(folder / "england/pupils_by_la_2011_2021.csv.gz").rename(columns={"la_code": "locality"})
    pupils = pupils[pupils["year_group"].isin(COMPULSORY)]
    births = pd.read_csv(folder / "england/births_by_district_1992_2022.csv.gz")
    births["locality"] = births["la_code"].replace(NORTHAMPTONSHIRE)
    births["year_ending"] = pd.to_datetime(births["year_to_mid"].astype(str) + "-06-30")
    births = births.groupby(["locality", "year_ending"], as_index=False)["births"].sum()
    births = births[births["locality"].isin(pupils["locality"])]
    names = pupils[["locality", "la_name"]].drop_duplicates().sort_values("locality")
    return pupils, births, names.rename(columns={"la_name": "name"}).reset_index(drop=True)


def lagged_chain(then: PupilCube, published: BirthSeries, years: int) -> FloatArray:
    """Plain 3:2:1 cohort survival written out on its own: births to June of t − 4 enter R in September t."""
    month = {int(m): n for n, m in enumerate(published.last_month)}
    recent = published.recent_mean(3)
    starts = then.starts[-1] + 1 + np.arange(-then.pupils.shape[1], years)
    born = np.stack([published.births[:, month[12 * (y - 4) + 6]] if 12 * (y - 4) + 6 in month else recent
                     for y in starts], axis=1)  # fmt: skip
    past = then.pupils.shape[1]
    uptake = _weighted(born[:, :past, None], then.pupils[:, :, :1])[:, 0]
    ratio = _weighted(then.pupils[:, :-1, :-1], then.pupils[:, 1:, 1:])
    made, latest = [], then.pupils[:, -1]
    for ahead in range(years):
        latest = np.concatenate([(uptake * born[:, past + ahead])[:, None], latest[:, :-1] * ratio], axis=1)
        made.append(latest)
    return np.stack(made, axis=1)


def _weighted(from_: FloatArray, to: FloatArray) -> FloatArray:
    weight = np.array([1.0, 2.0, 3.0])[-min(3, to.shape[1]) :, None]
    came, awaited = ((part[:, -len(weight) :] * weight).sum(axis=1) for part in (to, from_))
    return np.divide(came, awaited, out=np.ones_like(came), where=awaited > 0)


def errors(past: PastForecasts) -> pd.Series:
    """Mean absolute error (%) of authorities' phase totals by phase, horizon and origin."""
    totals = past.of_phases()
    size = np.where(totals.actual > 0, totals.actual, np.nan)
    share = np.abs(totals.forecast - totals.actual) / size * 100
    rows = {
        (phase, h, int(origin)): np.nanmean(share[o, :, h - 1, p])
        for o, origin in enumerate(past.origins)
        for h in HORIZONS
        for p, phase in enumerate(totals.year_groups)
        if origin >= JUDGED_FROM and np.isfinite(share[o, :, h - 1, p]).any()
    }
    return pd.Series(rows).rename_axis(["phase", "horizon", "origin"])


def bias(past: PastForecasts) -> pd.Series:
    """Signed error (%) of England's phase totals by phase and horizon, mean over origins; positive: too many."""
    totals = past.of_authority().of_phases()
    share = ((totals.forecast - totals.actual) / totals.actual * 100)[past.origins >= JUDGED_FROM, 0]
    return pd.Series(
        {(phase, h): np.nanmean(share[:, h - 1, p]) for p, phase in enumerate(totals.year_groups) for h in HORIZONS}
    )


def coverage(past: PastForecasts, policy: Policy) -> pd.DataFrame:
    """Share of outturns between p10 and p90 by phase, horizon and quarter by size; only errors known then."""
    size = np.nanmean(past.actual[:, :, 0].sum(axis=-1), axis=0)
    quarter = np.argsort(np.argsort(size)) * 4 // len(size) + 1
    frames = []
    for kind, cells in (("year groups", past), ("phase totals", past.of_phases())):
        for o, origin in enumerate(past.origins):
            if origin < JUDGED_FROM:
                continue
            low, high = fit_spread(cells, policy, known_by=int(origin)).interval(cells.forecast[o])
            place, h, g = np.nonzero(~np.isnan(cells.actual[o]) & (cells.forecast[o] > 0))
            inside = ((low <= cells.actual[o]) & (cells.actual[o] <= high))[place, h, g]
            group = np.array(cells.year_groups)[g]
            phase = np.where(np.isin(group, ["primary", *COMPULSORY[:7]]), "primary", "secondary")
            row = {"kind": kind, "phase": phase, "horizon": h + 1, "quarter": quarter[place], "place": place}
            frames.append(pd.DataFrame(row | {"inside": inside}))
    return pd.concat(frames, ignore_index=True)


def markdown(table: pd.DataFrame, form: str = "{:.2f}") -> str:
    """Table with its index as the first columns."""
    flat = table.reset_index()
    head = [" ".join(str(p) for p in c if str(p)) if isinstance(c, tuple) else str(c) for c in flat.columns]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(_cell(v, form) for v in row) + " |" for row in flat.itertuples(index=False)]
    return "\n".join(lines)


def _cell(value: object, form: str) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else form.format(value)
    return str(value)


def published_forecasts(folder: Path, ours: PastForecasts, plain: PastForecasts, names: pd.DataFrame) -> pd.DataFrame:
    """Authorities' own published forecasts of 2018/19 beside ours, for the same authorities (%)."""
    theirs = pd.read_csv(folder / "england/la_published_forecast_vs_outturn_2018.csv")
    theirs = theirs[theirs["la_code"].isin(names["locality"]) & ~theirs["scorecard"].isna()]
    changed = names["name"].str.contains("|".join(REDRAWN))
    theirs = theirs[~theirs["la_code"].isin(names.loc[changed, "locality"])]
    theirs[["forecast_nor", "actual_nor"]] = theirs[["forecast_nor", "actual_nor"]].apply(
        pd.to_numeric, errors="coerce"
    )
    theirs = theirs.dropna(subset=["forecast_nor", "actual_nor"])
    rows = []
    for (phase, h), group in theirs.groupby(["phase", "horizon_years"]):
        share = group["forecast_nor"] / group["actual_nor"] - 1
        row = {"phase": phase, "years ahead": h, "authorities": len(group), "published": 100 * share.abs().mean(),
               "published, signed": 100 * share.mean()}  # fmt: skip
        at = names["locality"].isin(group["la_code"]).to_numpy()
        for label, past in (("plain 3:2:1", plain), ("placeplan", ours)):
            totals = past.of_phases()
            o, p = list(past.origins).index(2018 - h), totals.year_groups.index(phase)
            size = np.where(totals.actual[o, at, h - 1, p] > 0, totals.actual[o, at, h - 1, p], np.nan)
            own = totals.forecast[o, at, h - 1, p] / size - 1
            row |= {label: 100 * np.nanmean(np.abs(own)), f"{label}, signed": 100 * np.nanmean(own)}
        rows.append(row)
    return pd.DataFrame(rows).set_index(["phase", "years ahead"])


def main() -> None:
    folder = data_folder()
    pupils, births, names = england(folder)
    policy = Policy({})
    codes = names["locality"].tolist()
    cube, series = pupil_cube(pupils, codes, "2021/22"), birth_series(births, codes)
    series = series.known_by(12 * 2021 + 6)  # as old at every origin: births to June before the January count
    ours = past_forecasts(cube, series, policy, max(HORIZONS))
    plain = rolling_origins(cube, series, max(HORIZONS), lagged_chain)
    made = {"plain 3:2:1, births lagged": plain, "placeplan": ours}
    made |= {f"{name}": past for name, past in past_baselines(cube, series, policy, max(HORIZONS)).items()}
    error = pd.DataFrame({name: errors(past) for name, past in made.items()})

    print("### Forecast of 2018/19, mean absolute error of authorities' totals (%)\n")
    chosen = [(phase, h, 2018 - h) for h in (1, 3) for phase in ("primary", "secondary")]
    print(markdown(error.loc[chosen]))
    print("\n### Every origin pooled, mean absolute error (%)\n")
    pooled = error.groupby(level=[0, 1]).mean()
    pooled["change on plain, %"] = (pooled["placeplan"] / pooled["plain 3:2:1, births lagged"] - 1) * 100
    print(markdown(pooled))
    change = pooled["change on plain, %"]
    print(f"\nMean change over the ten cells: {change.mean():+.1f} %; worst cell {change.max():+.1f} %.")
    print("\n### Every origin: placeplan ÷ plain − 1 (%)\n")
    error["change"] = (error["placeplan"] / error["plain 3:2:1, births lagged"] - 1) * 100
    table = error.pivot_table("change", ["phase", "horizon"], "origin")
    print(markdown(table.rename(columns=academic_year), "{:+.1f}"))
    print("\nRecipes chosen at each origin:\n")
    history = History.of(cube, series, policy)
    blocks = ["births to R", "R to Y6", "Y6 to Y7", "Y7 to Y11"]
    chosen_recipes = {
        academic_year(origin): [recipe.name for recipe in history.errors.choose(origin - cube.first_year + 1, policy)]
        for origin in range(JUDGED_FROM, 2021)
    }
    print(markdown(pd.DataFrame(chosen_recipes, index=blocks).T.rename_axis("origin")))
    print("\n### Signed error of England's totals, mean over origins (%; positive: too many)\n")
    print(markdown(pd.DataFrame({name: bias(past) for name, past in made.items()}).rename_axis(["phase", "horizon"])))
    print("\n### Share of outturns between p10 and p90 (asked: 80 %)\n")
    held = coverage(ours, policy)
    held = held[held["horizon"].isin([1, 3, 5])]
    held["inside"] = 100.0 * held["inside"]
    redrawn = names["locality"].isin(REDRAWN_IN_2019).to_numpy()[held["place"]]
    london = names["locality"].str.startswith(LONDON).to_numpy()[held["place"]]
    for title, rows in (
        ("Every authority", held),
        ("Without the two redrawn in 2019, whose outturn is another place's", held[~redrawn]),
        ("Without these and London", held[~redrawn & ~london]),
        ("London", held[london]),
    ):
        print(f"{title}\n")
        shares = [
            rows.pivot_table("inside", ["kind", "phase"], "horizon").add_prefix("years ahead: "),
            rows.pivot_table("inside", ["kind", "phase"], "quarter").add_prefix("size quarter "),
        ]
        print(markdown(pd.concat(shares, axis=1), "{:.0f}"), end="\n\n")
    print("Every authority, by size and years ahead\n")
    both = held.pivot_table("inside", ["kind", "phase", "quarter"], "horizon").add_prefix("years ahead: ")
    print(markdown(both, "{:.0f}"))
    print("\n### Authorities' own published forecasts of 2018/19 (%)\n")
    print(markdown(published_forecasts(folder, ours, plain, names)))
    started = perf_counter()
    forecast_pupils(pupils, births, names, base_year="2021/22", horizon_years=7, policy=policy)
    print(f"\nEngland's forecast to 2028/29 with its intervals: {perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main()
