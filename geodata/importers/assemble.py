"""Published files in, a study folder out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.importers.apportion import apportion, cohort_residents, residents_in
from geodata.importers.authority import Authority, find_authority, lsoas_of
from geodata.importers.place_planning import read_planned_places
from geodata.importers.recognise import find_sources
from geodata.importers.report import IMPORT_ACCOUNT, ImportReport, count
from geodata.importers.rolls_and_births import (
    add_census_years,
    read_births,
    read_year_group_rolls,
    residents_note,
)
from geodata.importers.school_files import build_rolls, read_school_files
from geodata.importers.schools import build_schools
from geodata.importers.settlements import read_settlements
from geodata.importers.small_areas import read_facts, read_population, read_shapes
from geodata.importers.sources import ROADS, Source
from geodata.problems import BadInput, Problem
from geodata.settings import FILE, Settings, write_settings
from geodata.tables import write_inputs
from geodata.years import age_of, in_order, phase_of, start_year

CRS = "EPSG:27700"
NOT_PLANNED = ("Y14",)
Frames = dict[str, pd.DataFrame]


def import_folders(folders: Sequence[Path], authority: str, out: Path) -> ImportReport:
    """Write a study of one authority from folders of published files.

    Where two of the `folders` give the same fact, the folder given first wins. `authority` is a name, whatever its
    capitals. `out` must not exist, or be empty; it is written whole or not at all. Raises BadInput where there is no
    such authority, where it has no localities or no pupils, or where `out` is in use.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput([Problem(str(out), "The folder is in use.", "Name a new or empty folder.", field="out")])
    report = ImportReport()
    sources = find_sources(folders, report)
    mine = find_authority(sources, authority)
    lsoas = lsoas_of(mine, sources)
    frames, base_year = _tables(sources, mine, lsoas, report)
    settings = Settings(name=mine.name, authority=mine.name, base_year=base_year)
    _write(out, settings, frames, sources.get("roads", ()), report)
    return report


def _tables(
    sources: Mapping[str, Sequence[Source]], mine: Authority, lsoas: list[str], report: ImportReport
) -> tuple[Frames, str]:
    frames: Frames = {}
    files = read_school_files(sources, mine, report)
    frames["rolls"], censuses = build_rolls(files, report)
    frames["schools"] = build_schools(files, sources, mine, report)
    series = read_year_group_rolls(sources.get("year_group_rolls", ()), mine, report)
    series = _without(add_census_years(series, censuses, report), report)
    if series.empty:
        asked = [Problem("import", line, "") for line in report.left_out if "rename" in line]
        what = "No file has pupils of this authority."
        mend = "Add the school census, or pupils by authority and year group."
        raise BadInput([Problem("import", what, mend), *asked])
    mid_years, residents = read_population(sources.get("population", ()), lsoas, report)
    if mid_years:
        frames["pupils"] = _pupils(series, mid_years, residents, lsoas, report)
        boarders = max((file.boarders for file in files), default=0)
        if boarders:
            report.notes.append(
                f"{count(boarders, 'boarder')} at independent schools are residents where they board: localities with"
                " such a school are given too many pupils of those ages, the others too few."
            )
        births = read_births(sources.get("births", ()), mine, report)
        frames["births"] = _births(births, mid_years, residents, lsoas, report)
    else:
        report.left_out.append("Pupils and births by locality: no file has residents by age to share them out by.")
    facts = read_facts(sources, lsoas, report)
    frames["localities"] = _localities(facts, frames["schools"], mine, sources, report)
    frames["demand_points"] = _demand_points(facts)
    _settle_schools(frames, report)
    areas = [c for c in ("planning_area", "planning_area_secondary") if c in frames["schools"]]
    known = set(frames["schools"][areas].to_numpy(dtype=object).ravel()) - {None}
    planned = read_planned_places(sources.get("place_planning", ()), mine, known, report)
    frames["planned_places"] = planned
    frames["places"] = read_settlements(sources.get("roads", ()), report)
    base_year = str(series.index.get_level_values("academic_year").max())
    return {name: frame for name, frame in frames.items() if len(frame)}, base_year


def _without(series: pd.Series, report: ImportReport) -> pd.Series:
    """The series without year groups nobody plans for."""
    beyond = series.index.get_level_values("year_group").isin(NOT_PLANNED)
    pupils = int(series[beyond].sum())
    if pupils:
        report.left_out.append(f"Y14 is not planned: {count(pupils, 'pupil')} over all years.")
    return series[~beyond]


def _pupils(
    series: pd.Series, mid_years: list[int], residents: NDArray[np.float64], lsoas: list[str], report: ImportReport
) -> pd.DataFrame:
    years = series.index.get_level_values("academic_year")
    groups = series.index.get_level_values("year_group")
    starts, at = np.unique([start_year(year) for year in years], return_inverse=True)
    ages = [age_of(group) for group in in_order(list(groups))]
    cohorts = cohort_residents(residents_in(mid_years, residents, list(starts)), ages)
    column = np.searchsorted(ages, [age_of(group) for group in groups])
    weights = cohorts[at, :, column]
    shares = apportion(series.to_numpy(dtype=float), weights)
    report.estimated.append(
        f"Pupils by locality, {min(years)} to {max(years)}: nobody publishes them, so the authority's totals by year"
        f" group are shared over {count(len(lsoas), 'locality', 'localities')} by residents of the same cohort"
        f" (mid-{', mid-'.join(map(str, mid_years))}; straight lines between, constant outside). Totals are kept."
    )
    report.notes += residents_note(series, pd.Series(weights.sum(axis=1), index=series.index), mid_years)
    return pd.DataFrame(
        {
            "academic_year": np.repeat(years.to_numpy(dtype=object), len(lsoas)),
            "locality": np.tile(np.array(lsoas, dtype=object), len(series)),
            "year_group": np.repeat(groups.to_numpy(dtype=object), len(lsoas)),
            "pupils": shares.ravel(),
            "estimated": "yes",
        }
    )


def _births(
    births: pd.Series, mid_years: list[int], residents: NDArray[np.float64], lsoas: list[str], report: ImportReport
) -> pd.DataFrame:
    if births.empty:
        report.left_out.append("Births by locality: no file has births of this authority.")
        return pd.DataFrame()
    ending = [int(day[:4]) for day in births.index]
    shares = apportion(births.to_numpy(dtype=float), residents_in(mid_years, residents, ending)[:, :, 0])
    report.estimated.append(
        f"Births by locality, years to 30 June {min(ending)} to {max(ending)}: shared by residents aged 0."
    )
    return pd.DataFrame(
        {
            "locality": np.tile(np.array(lsoas, dtype=object), len(births)),
            "year_ending": np.repeat(births.index.to_numpy(dtype=object), len(lsoas)),
            "births": shares.ravel(),
            "estimated": "yes",
        }
    )


def _localities(
    facts: pd.DataFrame,
    schools: pd.DataFrame,
    mine: Authority,
    sources: Mapping[str, Sequence[Source]],
    report: ImportReport,
) -> pd.DataFrame:
    """Localities, in a planning area where the authority has only one for the phase."""
    table: dict[str, Any] = {"locality": facts.index, "name": facts["name"].to_numpy()}
    for phase, low in (("primary", "R"), ("secondary", "Y7")):
        areas = _areas(schools, str(phase_of(low)))
        table[f"planning_area_{phase}"] = areas[0] if len(areas) == 1 else None
        if len(areas) > 1:
            report.left_out.append(
                f"{phase.capitalize()} planning areas of localities: the authority has {len(areas)}, and no file says"
                " which locality is in which; left blank."
            )
    table["authority"] = mine.name
    table["rural_urban"] = facts["rural_urban"].to_numpy()
    shapes = read_shapes(sources.get("boundaries", ()), list(facts.index), CRS, report)
    if shapes is None:
        report.notes.append("No file has boundaries of the localities: maps show points.")
        return pd.DataFrame(table)
    import geopandas as gpd

    return gpd.GeoDataFrame(table, geometry=shapes.to_numpy(), crs=CRS)


def _areas(schools: pd.DataFrame, phase: str) -> list[str]:
    if "planning_area" not in schools:
        return []
    secondary = schools["phase"].isin(["secondary", "16 plus"])
    columns = {
        "primary": schools.loc[~secondary, "planning_area"],
        "secondary": pd.concat([schools.loc[secondary, "planning_area"], schools["planning_area_secondary"]]),
    }
    return sorted(set(columns[phase].dropna()))


def _demand_points(facts: pd.DataFrame) -> pd.DataFrame:
    placed = facts.dropna(subset=["easting", "northing"])
    points = pd.DataFrame({"demand_point": placed.index, "locality": placed.index})
    return points.assign(**{axis: placed[axis].round(1).to_numpy() for axis in ("easting", "northing")})


def _settle_schools(frames: Frames, report: ImportReport) -> None:
    """Rolls of listed schools only; the locality a school stands in only where the study has it."""
    schools, rolls = frames["schools"], frames["rolls"]
    if schools.empty:
        return
    listed = rolls["urn"].isin(schools["urn"])
    if (~listed).any():
        gone = count(rolls.loc[~listed, "urn"].nunique(), "school")
        report.left_out.append(f"Rolls of earlier years of {gone} since closed or renumbered.")
    frames["rolls"] = rolls[listed]
    if "locality" in schools:
        inside = schools["locality"].isin(frames["localities"]["locality"])
        schools["locality"] = schools["locality"].where(inside, None)


def _write(out: Path, settings: Settings, frames: Frames, roads: Sequence[Source], report: ImportReport) -> None:
    """Write the study beside its place and move it there: whole or not at all."""
    staging = out.with_name(f".{out.name}.{os.getpid()}.part")
    inputs = staging / "inputs"
    try:
        inputs.mkdir(parents=True)
        write_settings(settings, staging / FILE)
        write_inputs(inputs, frames)
        for road in roads[:1]:
            suffix = next(suffix for suffix in ROADS if road.path.name.endswith(suffix))
            shutil.copyfile(road.path, inputs / f"roads{suffix}")
        report.left_out += [f"{road.label}: roads come from {roads[0].label}, given first." for road in roads[1:]]
        (staging / IMPORT_ACCOUNT).write_text("\n".join(report.caveats()) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()
        staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
