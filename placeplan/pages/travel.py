"""The page of journeys: how far the nearest school is, and whose journey to school is beyond a limit.

Today is the base year with the schools that pupils attend then; the plan is its last year with the schools at which
the plan seats them. Distances are those that the stages stored; only drive times and bands of ground are worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata.isochrones import Grid, band_of, bands, grid, nearest, smoothed
from geodata.small_numbers import least_told
from geodata.years import COMPULSORY, PHASES
from models.bands import school_year_groups
from models.entitlement import walking_limit_m
from models.journeys import OUTSIDE
from models.options import CLOSING
from placeplan.closures.effects import weighted_median
from placeplan.geography import planning_areas, points
from placeplan.journeys import StudyJourneys, study_journeys
from placeplan.likely import likely
from placeplan.pages.bids import homes
from placeplan.pages.parts import school_points
from placeplan.results import read_stage
from placeplan.study import Study

if TYPE_CHECKING:
    import geopandas as gpd

    from maps.basemap import Basemap
    from maps.page import PageNotes

DRIVE_BREAKS_MIN = (5.0, 10.0, 20.0)
ENTRY = {phase: groups[0] for phase, groups in PHASES.items() if groups[0] in COMPULSORY}
KEYS = ["demand_point", "phase", "today", "facility"]


def travel_page(study: Study, results: Path, about: PageNotes, background: Basemap, *, planned: bool) -> str:
    """HTML of the page; `planned`: whether the estate stage ran, so that there is a plan to compare with."""
    from maps.travel import travel_map
    from maps.travel_words import Travel

    journeys = study_journeys(study)
    rows = travellers(study, results, journeys, planned=planned)
    whens = times(study, results, planned=planned)
    opened = open_schools(study, results, journeys, planned=planned)
    known = rows[rows["distance_m"].notna()]
    policy = study.policy
    return travel_map(
        Travel(
            whens=whens,
            homes=summaries(known, ["demand_point", "phase", "when"]),
            areas=summaries(known, ["planning_area", "phase", "when"]),
            totals=summaries(known, ["phase", "when"]),
            unknown=rows[rows["distance_m"].isna()].groupby(["phase", "when"], as_index=False)["pupils"].sum(),
            walking_m=(policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m")),
            longest_min={phase: policy.by_phase("journey_max_{phase}_min", phase) for phase in ENTRY},
            approximate=study.roads is None,
            detour_factor=policy.number("detour_factor"),
            least=float(least_told(study.policy)),
        ),
        surfaces(study, journeys, known, opened, whens),
        homes(study),
        planning_areas(study),
        _facilities(study, opened, whens),
        about,
        basemap=background,
    )


def times(study: Study, results: Path, *, planned: bool) -> list[str]:
    """The times that are told, in the words of the page's slider."""
    today = [f"{study.settings.base_year} today"]
    return [*today, f"{plan_year(results)} under the plan"] if planned else today


def plan_year(results: Path) -> str:
    """The last year of the plan."""
    return str(read_stage(results / "estate", "allocation")["academic_year"].max())


# -- who goes how far ----------------------------------------------------------------------------------------------


def travellers(study: Study, results: Path, journeys: StudyJourneys, *, planned: bool) -> pd.DataFrame:
    """Pupils R–Y11 by home, school and age: demand_point, phase, planning_area, when, pupils, distance_m, minutes.

    `when` is 0 today and 1 under the plan. `beyond`, `beyond_longest` and `newly_beyond` are pupils beyond the
    statutory walking distance of their age, beyond the longest journey of policy by car, and moved by the plan from
    within the walking distance to beyond it. distance_m is nan of a home outside the study or without a way.
    """
    nodes = read_stage(results / "balance", "nodes")
    rolls = read_stage(results / "balance", "roll_forecast")
    nodes = nodes.assign(today=nodes["urn"].astype(str))
    today = _by_age(nodes.assign(facility=nodes["today"], when=0), rolls, study.settings.base_year)
    frames = [today]
    if planned:
        year = plan_year(results)
        placed = read_stage(results / "estate", "allocation")
        placed = placed[placed["academic_year"] == year].assign(when=1)
        frames.append(_by_age(placed, rolls, year))
    columns = [*KEYS, "when", "from_8", "pupils", "distance_m"]
    rows = pd.concat([frame[columns] for frame in frames], ignore_index=True)
    unknown = rows["demand_point"].eq(OUTSIDE) | ~np.isfinite(rows["distance_m"])
    rows["distance_m"] = rows["distance_m"].mask(unknown)
    before = nodes.drop_duplicates(["demand_point", "today"]).set_index(["demand_point", "today"])["distance_m"]
    before = before.reindex(pd.MultiIndex.from_frame(rows[["demand_point", "today"]])).to_numpy(dtype=float)
    limit = walking_limit_m(np.where(rows["from_8"], len(COMPULSORY) - 1, 0), study.policy)
    longest = rows["phase"].map({phase: study.policy.by_phase("journey_max_{phase}_min", phase) for phase in ENTRY})
    rows["minutes"] = _minutes(journeys, rows)
    beyond = rows["distance_m"].to_numpy(dtype=float) > limit
    moved = (rows["facility"] != rows["today"]).to_numpy() & (before <= limit)
    return rows.assign(
        planning_area=_area_of(study, rows),
        beyond=rows["pupils"] * beyond,
        newly_beyond=rows["pupils"] * (beyond & moved),
        beyond_longest=rows["pupils"] * (rows["minutes"] > longest),
    )


def _by_age(rows: pd.DataFrame, rolls: pd.DataFrame, year: str) -> pd.DataFrame:
    """Rows divided by whether pupils are under 8 (R–Y3) or older, as the roll of their school of today is in `year`.

    `rows` have `today`, pupils, and either a band of year groups or a phase.
    """
    rolls = rolls[rolls["academic_year"] == year]
    counts = rolls.assign(key=rolls["urn"].astype(str)).pivot_table(
        index="key", columns="year_group", values="pupils", aggfunc="sum", fill_value=0.0
    )
    counts = counts.reindex(columns=list(COMPULSORY), fill_value=0.0).reindex(rows["today"]).fillna(0.0).to_numpy()
    groups = {band: _groups(band) for band in (rows["band"].unique() if "band" in rows else ())}
    groups |= {phase: np.isin(COMPULSORY, PHASES[phase]) for phase in ENTRY}
    taught = np.array([groups[name] for name in rows["band" if "band" in rows else "phase"]])
    limits_differ = np.arange(len(COMPULSORY)) >= COMPULSORY.index("Y4")
    total, older = (counts * taught).sum(axis=1), (counts * (taught & limits_differ)).sum(axis=1)
    evenly = (taught & limits_differ).sum(axis=1) / taught.sum(axis=1)
    share = np.divide(older, total, out=evenly, where=total > 0)
    if "phase" not in rows:
        rows = rows.assign(phase=np.where(taught[:, COMPULSORY.index("Y7") :].any(axis=1), "secondary", "primary"))
    parts = [rows.assign(from_8=False, pupils=rows["pupils"] * (1 - share)), rows.assign(from_8=True)]
    parts[1]["pupils"] = rows["pupils"] * share
    both = pd.concat(parts, ignore_index=True)
    return both[both["pupils"] > 0]


def _groups(band: str) -> np.ndarray:
    """(12,) whether a band such as R–Y6 has each year group."""
    first, last = band.split("–")[0], band.split("–")[-1]
    place = np.arange(len(COMPULSORY))
    within: np.ndarray = (place >= COMPULSORY.index(first)) & (place <= COMPULSORY.index(last))
    return within


def _minutes(journeys: StudyJourneys, rows: pd.DataFrame) -> np.ndarray:
    """(rows,) minutes by car; nan where the home is not known."""
    home = pd.Index(journeys.points["demand_point"]).get_indexer(rows["demand_point"])
    ends = [*journeys.schools["urn"].astype(str), *journeys.sites["site"].astype(str)]
    end = pd.Index(ends).get_indexer(rows["facility"])
    known = (home >= 0) & (end >= 0)
    minutes: np.ndarray = np.where(known, journeys.minutes[home, end], np.nan)
    return minutes


def _area_of(study: Study, rows: pd.DataFrame) -> pd.Series:
    """Planning area of each row's home, by phase; missing where the home is not known."""
    at = study.tables["demand_points"].set_index("demand_point")["locality"].reindex(rows["demand_point"])
    localities = study.tables["localities"].drop_duplicates("locality").set_index("locality")
    areas = pd.Series(pd.NA, index=rows.index, dtype=object)
    for phase in ENTRY:
        mine = (rows["phase"] == phase).to_numpy()
        areas[mine] = localities[f"planning_area_{phase}"].reindex(at[mine]).to_numpy(dtype=object)
    return areas


def summaries(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """By keys: pupils, beyond, newly_beyond, beyond_longest; median_m, worst_m, worst_min of the journey to school."""
    by_key = rows.groupby(keys, sort=False)
    sums = by_key[["pupils", "beyond", "newly_beyond", "beyond_longest"]].sum()
    medians = {
        key: weighted_median(part["distance_m"].to_numpy(dtype=float), part["pupils"].to_numpy(dtype=float))
        for key, part in by_key[["distance_m", "pupils"]]
    }
    worst = by_key[["distance_m", "minutes"]].max().set_axis(["worst_m", "worst_min"], axis=1)
    told = sums.join(pd.Series(medians, name="median_m").rename_axis(keys)).join(worst)
    return told.reset_index()


# -- how far the nearest school is ---------------------------------------------------------------------------------


def open_schools(
    study: Study, results: Path, journeys: StudyJourneys, *, planned: bool
) -> Mapping[tuple[str, int], pd.DataFrame]:
    """By phase and time: key, easting, northing of schools any child may enter.

    That is, they take Reception or Year 7, girls and boys, and do not select. Faith does not count.
    """
    schools = journeys.schools
    anybody = schools["gender"].eq("mixed") & ~schools["admissions_policy"].eq("selective")
    taught = school_year_groups(schools)
    takes = {
        phase: anybody & np.array([group in taught[int(urn)] for urn in schools["urn"]], dtype=bool)
        for phase, group in ENTRY.items()
    }
    keyed = schools.assign(key=schools["urn"].astype(str))
    found = {(phase, 0): keyed[takes[phase]] for phase in ENTRY}
    if planned:
        decided = likely(read_stage(results / "estate", "decisions"))
        gone = decided.loc[decided["action"].isin(CLOSING), "facility"]
        sites = journeys.sites.assign(key=journeys.sites["site"].astype(str))
        new = sites[sites["key"].isin(decided.loc[decided["site"].notna() & (decided["places_after"] > 0), "facility"])]
        for phase in ENTRY:
            stay = found[phase, 0][~found[phase, 0]["key"].isin(gone)]
            opens = new[new["phase"].isin([phase, "all-through"])] if len(new) else new
            found[phase, 1] = pd.concat([stay, opens], ignore_index=True)
    placed = {key: one.dropna(subset=["easting", "northing"]) for key, one in found.items()}
    return {key: one.reindex(columns=["key", "name", "phase", "easting", "northing"]) for key, one in placed.items()}


def surfaces(
    study: Study,
    journeys: StudyJourneys,
    rows: pd.DataFrame,
    opened: Mapping[tuple[str, int], pd.DataFrame],
    whens: list[str],
) -> gpd.GeoDataFrame:
    """Bands by phase, measure ("metres", "minutes") and time: band, breaks, km2, pupils living there, geometry.

    Ground is drawn once for the same schools: geometry stands with the first time that has them, `same_as`.
    """
    import geopandas as gpd
    import shapely

    ground = grid(shapely.union_all(study.tables["localities"].geometry.to_numpy()))
    frames = []
    for phase in ENTRY:
        first: dict[frozenset[str], int] = {}
        for when in range(len(whens)):
            ends = opened[phase, when]
            if len(ends):
                mine = rows[(rows["phase"] == phase) & (rows["when"] == when)].groupby("demand_point")["pupils"].sum()
                pupils = mine.reindex(journeys.points["demand_point"]).fillna(0.0).to_numpy(dtype=float)
                same_as = first.setdefault(frozenset(ends["key"]), when)
                frame = _bands_round(study, ground, journeys.points, pupils, ends)
                frames.append(frame.assign(phase=phase, when=when, same_as=same_as))
    columns = ["phase", "measure", "when", "same_as", "band", "breaks", "km2", "pupils", "geometry"]
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    table = table.assign(cell_m=ground.cell_m)
    table["geometry"] = table["geometry"].where(table["when"] == table["same_as"], None)
    return gpd.GeoDataFrame(table, geometry="geometry", crs="EPSG:27700")


def _bands_round(
    study: Study, ground: Grid, at_home: pd.DataFrame, pupils: np.ndarray, ends: pd.DataFrame
) -> pd.DataFrame:
    """Bands round schools by measure: measure, band, breaks, km2, pupils of the demand points in it, geometry."""
    policy = study.policy
    near, far = policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m")
    places = ["easting", "northing"]
    ways = nearest(
        np.concatenate([ground.xy, at_home[places].to_numpy(dtype=float)]),
        ends[places].to_numpy(dtype=float),
        study.roads,
        detour_factor=policy.number("detour_factor"),
        straight_line_kmh=policy.number("straight_line_kmh"),
    )
    frames = []
    for measure, values, breaks in (
        ("metres", ways.metres, (near / 2, near, far)),
        ("minutes", ways.minutes, DRIVE_BREAKS_MIN),
    ):
        edges, cells = np.array(breaks), len(ground.xy)
        polygons = bands(ground, values[:cells], edges)
        living = np.bincount(band_of(values[cells:], edges), weights=pupils, minlength=len(polygons))
        told = {
            "measure": measure,
            "band": np.arange(len(polygons)),
            "breaks": [breaks] * len(polygons),
            "km2": [0.0 if polygon is None else polygon.area / 1e6 for polygon in polygons],
            "pupils": living,
            "geometry": smoothed(ground, polygons),
        }
        frames.append(pd.DataFrame(told))
    return pd.concat(frames, ignore_index=True)


def _facilities(study: Study, opened: Mapping[tuple[str, int], pd.DataFrame], whens: list[str]) -> gpd.GeoDataFrame:
    """Schools that count as nearest at some time, and sites of new ones: with open_0 and open_1, whether open then."""
    every = pd.concat(opened.values()).drop_duplicates("key")
    schools = school_points(study).astype({"urn": str}).set_index("urn")
    known = schools.reindex(every["key"])[["religious_character", "places", "pupils"]].reset_index(drop=True)
    table = pd.concat([every.reset_index(drop=True), known], axis=1).rename(columns={"key": "urn"})
    for when in range(len(whens)):
        then = pd.concat(one for (_, at), one in opened.items() if at == when)
        table[f"open_{when}"] = table["urn"].isin(then["key"])
    return points(table)
