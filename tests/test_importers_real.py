"""Rutland and Devon from the files as published."""

import time
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geodata.importers import ImportReport, import_folders
from geodata.settings import read_settings
from geodata.tables import find_tables, read_table
from geodata.years import COMPULSORY

SECONDS = 15
MAINSTREAM = ["infant", "junior", "first", "primary", "middle", "secondary", "all-through", "16 plus"]


@dataclass
class Imported:
    report: ImportReport
    out: Path
    seconds: float
    tables: dict[str, pd.DataFrame]


def imported(real_data: Path, tmp_path_factory: pytest.TempPathFactory, name: str, *folders: str) -> Imported:
    out = tmp_path_factory.mktemp(name) / "study"
    began = time.perf_counter()
    report = import_folders([real_data / folder for folder in folders], name, out)
    seconds = time.perf_counter() - began
    found = {path.name.partition(".")[0]: path for path in (out / "inputs").iterdir()}
    tables = {
        table: gpd.read_file(path) if path.suffix == ".gpkg" else pd.read_csv(path)
        for table, path in found.items()
        if table != "roads"
    }
    return Imported(report, out, seconds, tables)


@pytest.fixture(scope="module")
def rutland(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return imported(real_data, tmp_path_factory, "rutland", "rutland", "england")


@pytest.fixture(scope="module")
def devon(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return imported(real_data, tmp_path_factory, "DEVON", "devon", "england")


def published(real_data: Path, authority: str) -> pd.Series:
    table = pd.read_csv(real_data / "england" / "pupils_by_la_2011_2021.csv.gz")
    mine = table[(table["la_name"] == authority) & (table["year_group"] != "Y14")]
    return mine.set_index(["academic_year", "year_group"])["pupils"]


@pytest.mark.parametrize("county", ["rutland", "devon"])
def test_every_table_reads_back_without_a_problem(county: str, request: pytest.FixtureRequest) -> None:
    study: Imported = request.getfixturevalue(county)
    found, problems = find_tables(study.out / "inputs")
    assert problems == []
    for name in set(found) - {"roads"}:
        frame, problems, notes = read_table(found[name], name)
        assert ([str(problem) for problem in problems], notes) == ([], []), name
        assert len(frame) == len(study.tables[name])
    settings, problems = read_settings(study.out / "study.toml")
    assert problems == [] and settings is not None
    assert (settings.name, settings.base_year) == (county.capitalize(), "2022/23")
    assert study.seconds < SECONDS


def test_rutland_has_the_schools_people_know(rutland: Imported) -> None:
    schools = rutland.tables["schools"]
    assert schools["phase"].value_counts().to_dict() == {"primary": 17, "secondary": 3, "16 plus": 1, "special": 1}
    mainstream = schools[schools["phase"].isin(MAINSTREAM)]
    assert sorted(mainstream.loc[mainstream["capacity"].isna(), "name"]) == ["Cottesmore Academy", "Harington School"]
    assert set(schools["capacity_year"].dropna()) == {"2014/15"}
    assert set(schools.loc[schools["phase"] == "primary", "planning_area"].dropna()) == {8570001}
    assert schools["religious_character"].value_counts().to_dict() == {
        "Church of England": 11,
        "none": 10,
        "Roman Catholic": 1,
    }
    rolls = rutland.tables["rolls"].set_index(["urn", "year_group"])["pupils"]
    assert rolls[136530, "Y7"] == 239  # Catmose College
    primaries = mainstream.loc[mainstream["phase"] == "primary", "urn"]
    assert sorted(rolls.loc[primaries].groupby("urn").sum())[:4] == [64, 69, 80, 91]


def test_rutland_has_its_localities(rutland: Imported) -> None:
    localities = rutland.tables["localities"]
    assert len(localities) == len(rutland.tables["demand_points"]) == 23
    assert localities.crs.to_epsg() == 27700
    assert localities.geometry.is_valid.all()
    assert localities.geometry.area.sum() / 1e6 == pytest.approx(394, rel=0.02)  # km², the county's area
    points = gpd.points_from_xy(rutland.tables["demand_points"]["easting"], rutland.tables["demand_points"]["northing"])
    assert localities.geometry.contains(gpd.GeoSeries(points, crs=27700)).mean() > 0.8  # the fine boundaries
    assert set(localities["planning_area_primary"]) == {"8570001"}
    assert set(localities["planning_area_secondary"]) == {"8570002"}
    assert localities["rural_urban"].notna().all()
    roads = rutland.out / "inputs" / "roads.osm.pbf"
    assert roads.stat().st_size == 1_179_881


@pytest.mark.parametrize(("county", "name"), [("rutland", "Rutland"), ("devon", "Devon")])
def test_shared_out_pupils_sum_to_the_published_rolls(
    county: str, name: str, real_data: Path, request: pytest.FixtureRequest
) -> None:
    study: Imported = request.getfixturevalue(county)
    totals = study.tables["pupils"].groupby(["academic_year", "year_group"])["pupils"].sum()
    series = published(real_data, name)
    assert (totals.reindex(series.index) - series).abs().max() < 1e-6
    assert len(totals.index.levels[0]) == 12
    latest = totals["2022/23"]
    schools = study.tables["schools"].set_index("urn")["phase"]
    rolls = study.tables["rolls"]
    counted = rolls[rolls["urn"].map(schools) != "special"].groupby("year_group")["pupils"].sum()
    assert (latest[list(COMPULSORY)] - counted[list(COMPULSORY)]).abs().max() < 1e-6
    births = pd.read_csv(real_data / "england" / "births_by_district_1992_2022.csv.gz")
    mine = births[births["la_code"] == {"rutland": "E06000017", "devon": "E10000008"}[county]]
    by_year = mine.groupby("year_to_mid")["births"].sum()
    ours = study.tables["births"].groupby("year_ending")["births"].sum()
    assert ours["2015-06-30"] == pytest.approx(by_year[2015]) and len(ours) == 31
    assert ours.to_numpy() == pytest.approx(by_year.to_numpy())


def test_rutland_is_told_what_was_done(rutland: Imported) -> None:
    told = "\n".join(rutland.report.lines())
    for sentence in (
        "rutland/state_schools.csv names no year; its rolls are those of england/schools_2023.csv.gz: 2022/23.",
        "rutland/state_schools.csv, given before england/schools_2023.csv.gz; 0 figures of theirs differ.",
        "special schools are not counted, as in the authority series.",
        "Y7–Y11 on roll against residents of those ages, 2017/18 to 2020/21: +4 % to +12 %.",
        "pupils cross the authority's boundary",
        "england/la_published_forecast_vs_outturn_2018.csv: published forecasts against outturn → not used",
        "rutland/oa11_boundaries.parquet: boundaries of output areas → not used",
        "6 independent or non-maintained schools left out",
        "12 pupils over all years",
        "1,320 boarders at independent schools",
    ):
        assert sentence in told, sentence


def test_devon_is_read_whole(devon: Imported) -> None:
    schools = devon.tables["schools"]
    primaries = schools[schools["phase"].isin(["infant", "junior", "first", "primary"])]
    assert len(primaries) == 310
    assert primaries["planning_area"].dropna().nunique() == 54
    assert schools[schools["phase"].isin(MAINSTREAM)]["capacity"].isna().sum() == 26
    assert schools["easting"].isna().sum() == 9
    assert len(devon.tables["localities"]) == len(devon.tables["demand_points"]) == 457
    all_through = set(schools.loc[schools["phase"] == "all-through", "name"])
    assert all_through == {"Cranbrook Education Campus", "Avanti Hall School", "Dartmouth Academy"}
    assert (schools["admissions_policy"] == "selective").sum() == 1  # Colyton Grammar School
    dartmouth = schools[schools["name"] == "Dartmouth Academy"].iloc[0]
    assert (dartmouth["planning_area"], dartmouth["planning_area_secondary"]) == (8780035, 8780109)
    meals, rolls = schools["fsm_pupils"].astype(float), devon.tables["rolls"].query("academic_year == '2022/23'")
    roll = rolls.groupby("urn")["pupils"].sum().reindex(schools["urn"]).to_numpy(dtype=float)
    assert meals.notna().sum() > 350 and 0.1 < meals.sum() / np.nansum(roll) < 0.25


def test_coarse_boundaries_given_first_are_pointed_out(real_data: Path, tmp_path: Path) -> None:
    report = import_folders([real_data / "england", real_data / "rutland"], "Rutland", tmp_path / "study")
    assert any("rutland/lsoa11_boundaries.parquet has finer boundaries" in note for note in report.notes)


def test_one_county_folder_alone_asks_for_the_year(real_data: Path, tmp_path: Path) -> None:
    """Without another file with the same rolls nothing tells the year of state_schools.csv: it is not guessed."""
    from geodata.problems import BadInput

    with pytest.raises(BadInput, match=r"state_schools\.csv: nothing tells the year"):
        import_folders([real_data / "rutland"], "Rutland", tmp_path / "study")
    assert list(tmp_path.iterdir()) == []
