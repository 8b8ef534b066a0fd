"""Published files made small, with the faults published files have."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from geodata.importers import ImportReport, import_folders
from geodata.importers.apportion import apportion, cohort_residents, residents_in
from geodata.importers.phases import phase_of_school
from geodata.importers.sources import census_year_in_name, codes, numbers, plain, suppressed, year_in_name
from geodata.problems import BadInput
from geodata.settings import read_settings
from geodata.tables import find_tables, read_table

LSOAS = ["E01000001", "E01000002"]
GROUPS = ["n1", "n2", "r", *(f"y{n}" for n in range(1, 15))]
PRIMARY = {"r": 30, "y1": 29, "y2": 28, "y3": 27, "y4": 26, "y5": 25, "y6": 24}
SECONDARY = {f"y{n}": 100 + n for n in range(7, 12)}


def school(urn: int, name: str, rolls: Mapping[str, object], **facts: object) -> dict[str, object]:
    return {
        "urn": urn,
        "laestab": 9990000 + urn % 10000,
        "new_la_code": "E06000099",
        "la_name": "Barsetshire",
        "school_name": name,
        "phase_type_grouping": "State-funded primary",
        "typeofestablishment_name": "Community school",
        "trust": "",
        "sex_of_school_description": "Mixed",
        "denomination": "No religious character",
        "admissions_policy": "Not applicable",
        "urban_rural": "(England/Wales) Rural village",
        "school_postcode": "BA1 1AA",
        **{group: rolls.get(group, 0) for group in GROUPS},
        "easting": 450000.0,
        "northing": 300000.0,
        "net_capacity_2015": 210.0,
        "primary_planning_area": "9990001.0",
        "secondary_planning_area": "",
        **facts,
    }


def schools_table() -> pd.DataFrame:
    secondary = {"phase_type_grouping": "State-funded secondary", "primary_planning_area": ""}
    return pd.DataFrame(
        [
            school(100001, "Ullathorne Primary School", PRIMARY),
            school(100002, "Plumstead School", SECONDARY, secondary_planning_area="9990002.0", **secondary),
            school(100003, "Silverbridge School", PRIMARY, la_name="East Barset", new_la_code="E06000098"),
        ]
    )


def residents(first: int, second: int) -> pd.DataFrame:
    ages = {str(age): [first, second] for age in range(20)}
    return pd.DataFrame({"lsoa11_code": LSOAS, "lsoa11_name": ["Barsetshire 001A", "Barsetshire 001B"], **ages})


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A county of two LSOAs, one with three times the children of the other."""
    folder = tmp_path / "published"
    folder.mkdir()
    schools_table().to_csv(folder / "schools_2023.csv", index=False)
    residents(30, 10).to_csv(folder / "children_2020.csv", index=False)
    points = pd.DataFrame({"LSOA11CD": LSOAS, "LSOA11NM": ["Barsetshire 001A", "Barsetshire 001B"]})
    points.assign(easting=450000, northing=300000, lad="E06000099").to_csv(folder / "points.csv", index=False)
    births = {"district_code": "E06000099", "la_code": "E06000099", "year_to_mid": [2019, 2020], "births": [80, 60]}
    pd.DataFrame(births).to_csv(folder / "births.csv", index=False)
    return folder


def run(*folders: Path, authority: str = "Barsetshire") -> tuple[ImportReport, dict[str, pd.DataFrame]]:
    out = folders[0].parent / "study"
    report = import_folders(folders, authority, out)
    return report, read_back(out)


def read_back(out: Path) -> dict[str, pd.DataFrame]:
    """Every table of a study, which must read without a problem."""
    frames = {}
    found, problems = find_tables(out / "inputs")
    assert problems == []
    for name, path in found.items():
        if name != "roads":
            frames[name], problems, notes = read_table(path, name)
            assert (problems, notes) == ([], []), (name, [str(problem) for problem in problems])
    return frames


def said(sentences: list[str], *words: str) -> bool:
    return any(all(word in sentence for word in words) for sentence in sentences)


def test_a_small_county_becomes_a_study(county: Path) -> None:
    report, frames = run(county, authority="barsetshire")
    study, problems = read_settings(county.parent / "study" / "study.toml")
    assert problems == [] and study is not None
    assert (study.name, study.base_year, study.pupils) == ("Barsetshire", "2022/23", "on_roll")
    schools = frames["schools"].set_index("urn")
    assert list(schools.index) == [100001, 100002]  # the neighbour's school is not Barsetshire's
    assert list(schools["phase"]) == ["primary", "secondary"]
    assert list(zip(schools["low_age"], schools["high_age"], strict=True)) == [(4, 11), (11, 16)]
    assert list(schools["planning_area"]) == ["9990001", "9990002"]  # not "9990001.0"
    assert list(schools["religious_character"]) == ["none", "none"]
    assert list(schools["urban_rural"]) == ["Rural village"] * 2
    assert set(schools["capacity_year"]) == {"2014/15"}  # counted in May 2015
    localities = frames["localities"].set_index("locality")
    assert list(localities["planning_area_primary"]) == ["9990001"] * 2  # the only one
    pupils = frames["pupils"].set_index(["year_group", "locality"])["pupils"]
    assert pupils["Y7", LSOAS[0]] == 80.25 and pupils["Y7", LSOAS[1]] == 26.75  # 107 shared 3 to 1
    births = frames["births"].groupby("year_ending")["births"].agg(list)
    assert births[pd.Timestamp("2019-06-30")] == [60, 20]
    assert frames["pupils"]["estimated"].all() and frames["births"]["estimated"].all()
    assert "Recognised:" in report.lines() and said(report.estimated, "nobody publishes them")


def test_drifting_names_symbols_and_code_page_do_not_matter(county: Path) -> None:
    """The same study comes out of a file with other spellings, z/c/x for numbers, and cp1252 text."""
    table = schools_table().astype(object)
    table.loc[0, ["y7", "y8"]] = "z"
    table.loc[0, "y3"] = "c"
    table.loc[1, "y11"] = "low"
    table.loc[1, "net_capacity_2015"] = "x"
    table.loc[0, "school_name"] = "Ullathorne Primary – St Zoë"
    table.columns = pd.Index([name.replace("_", " ").title() for name in table.columns])
    (county / "schools_2023.csv").write_bytes(table.to_csv(index=False).encode("cp1252"))
    report, frames = run(county)
    rolls = frames["rolls"].set_index(["urn", "year_group"])["pupils"]
    assert (100001, "Y3") not in rolls.index and rolls[100001, "Y4"] == 26
    assert (100002, "Y11") not in rolls.index and rolls[100002, "Y10"] == 110
    schools = frames["schools"].set_index("urn")
    assert schools.loc[100001, "name"] == "Ullathorne Primary – St Zoë"
    assert schools.loc[100001, "phase"] == "primary"
    assert pd.isna(schools.loc[100002, "capacity"])
    assert said(report.left_out, "2 rolls suppressed")
    assert said(report.notes, "1 mainstream school without a capacity", "Plumstead")


def test_a_year_nothing_tells_is_asked_for(county: Path) -> None:
    (county / "schools_2023.csv").rename(county / "schools.csv")
    with pytest.raises(BadInput) as failed:
        run(county)
    assert said([str(p) for p in failed.value.problems], "schools.csv", "rename it with the year")
    assert not (county.parent / "study").exists()


def test_residents_without_a_year_are_asked_for(county: Path) -> None:
    (county / "children_2020.csv").rename(county / "children.csv")
    report, frames = run(county)
    assert said(report.left_out, "children.csv", "rename it with its mid-year")
    assert "pupils" not in frames


def test_a_file_with_the_same_rolls_lends_its_year(county: Path) -> None:
    other = county.parent / "own"
    other.mkdir()
    table = schools_table().assign(trust="THE BARCHESTER TRUST")
    table.to_csv(other / "state_schools.csv", index=False)
    report, frames = run(other, county)
    assert said(report.joined, "own/state_schools.csv names no year", "2022/23")
    assert set(frames["schools"]["trust"]) == {"THE BARCHESTER TRUST"}
    table.assign(r=table["r"] + 5, y7=table["y7"] + 5, y1=table["y1"] + 3).to_csv(other / "state_schools.csv")
    (county.parent / "study").rename(county.parent / "first")
    report, frames = run(other, county)
    assert said(report.left_out, "own/state_schools.csv", "rename")
    assert set(frames["schools"]["trust"]) == {None}


def test_the_folder_given_first_wins_and_says_so(county: Path) -> None:
    other = county.parent / "own"
    other.mkdir()
    corrected = schools_table()
    corrected.loc[0, ["r", "net_capacity_2015"]] = [33, 240]
    corrected.to_csv(other / "corrected_2023.csv", index=False)
    residents(10, 30).to_csv(other / "residents_2020.csv", index=False)
    report, frames = run(other, county)
    rolls = frames["rolls"].set_index(["urn", "year_group"])["pupils"]
    assert rolls[100001, "R"] == 33
    assert frames["schools"].set_index("urn").loc[100001, "capacity"] == 240
    assert frames["pupils"].set_index(["year_group", "locality"]).loc[("Y7", LSOAS[1]), "pupils"] == 80.25
    assert said(report.joined, "own/corrected_2023.csv, given before published/schools_2023.csv", "1 figure")
    assert said(report.joined, "own/residents_2020.csv, given before published/children_2020.csv")


@pytest.mark.parametrize("spelling", ["BA1 1AA", "BA11AA", "ba1  1aa"])
def test_schools_without_coordinates_are_placed_by_postcode(county: Path, spelling: str) -> None:
    table = schools_table()
    table.loc[0, ["easting", "northing"]] = [np.nan, np.nan]
    table.to_csv(county / "schools_2023.csv", index=False)
    places = pd.DataFrame({"Postcode": ["BA9 9ZZ", spelling], "Eastings": [1, 456789], "Northings": [2, 123456]})
    with gzip.open(county / "codepoint.csv.gz", "wt") as file:
        places.to_csv(file, index=False)
    report, frames = run(county)
    placed = frames["schools"].set_index("urn").loc[100001]
    assert (placed["easting"], placed["northing"]) == (456789, 123456)
    assert said(report.joined, "1 school without coordinates placed by postcode")


def test_a_capacity_of_nought_with_pupils_is_unknown(county: Path) -> None:
    table = schools_table()
    table.loc[0, "net_capacity_2015"] = 0
    table.to_csv(county / "schools_2023.csv", index=False)
    report, frames = run(county)
    assert frames["schools"]["capacity"].isna().tolist() == [True, False]
    assert said(report.notes, "capacity of 0")


def test_the_published_census_layout_adds_up_sexes_and_hours(county: Path) -> None:
    """Girls and boys, full and part time are one roll; independent schools are not planned."""
    (county / "schools_2023.csv").unlink()
    table = schools_table().drop(columns=GROUPS).assign(time_period="202223", time_identifier="Academic year")
    table.loc[2, ["la_name", "phase_type_grouping"]] = ["Barsetshire", "Independent school"]
    counts = {
        "Full time girls Reception": [10, "z", 5],
        "Full-time boys Reception": [12, "z", 5],
        "Part time girls Reception": [1, "z", 0],
        "part-time boys reception": [2, "z", "z"],
        "Full time girls Year group 7": ["z", 50, 0],
        "Full time boys Year group 7": ["z", "c", 0],
        "Full time girls Year group 8": ["z", 50, 0],
        "Full time boys Year group 8": ["z", 51, 0],
    }
    table = table.assign(**counts)
    table.astype(str).to_parquet(county / "school_level.parquet")
    report, frames = run(county)
    rolls = frames["rolls"].set_index(["urn", "year_group"])["pupils"]
    assert rolls.to_dict() == {(100001, "R"): 25, (100002, "Y8"): 101}  # Y7 is suppressed in part
    assert set(frames["rolls"]["academic_year"]) == {"2022/23"}
    assert said(report.left_out, "1 independent")


def test_special_schools_are_not_in_the_authority_series(county: Path) -> None:
    """The older series leaves them out, so a year summed from the census must too; the note says which kinds it has."""
    table = schools_table()
    table.loc[2, ["la_name", "phase_type_grouping"]] = ["Barsetshire", "State-funded special school"]
    table.to_csv(county / "schools_2023.csv", index=False)
    groups = ["R", *(f"Y{n}" for n in range(1, 12))]
    past = pd.DataFrame({"la_code": "E06000099", "la_name": "Barsetshire", "year_group": groups, "pupils": 50})
    both = pd.concat([past.assign(academic_year=year) for year in ("2020/21", "2021/22")])
    both.to_csv(county / "pupils.csv", index=False)
    report, frames = run(county)
    totals = frames["pupils"].groupby(["academic_year", "year_group"])["pupils"].sum()
    assert totals["2021/22", "R"] == 50
    assert totals["2022/23", "R"] == 30
    assert set(frames["schools"]["phase"]) == {"primary", "secondary", "special"}
    assert said(report.joined, "2 schools", "primary, secondary", "special schools are not counted")
    assert said(report.notes, "Y1–Y11 in 2022/23 are", "the same children a year before")


def test_births_of_a_county_are_its_districts_together(county: Path) -> None:
    births = pd.DataFrame(
        {
            "district_code": ["E07000901", "E07000902", "E07000901", "E07000903"],
            "la_code": ["E06000099", "E06000099", "E06000099", "E06000098"],
            "year_ending": ["2020-08-31", "2020-08-31", "2021-08-31", "2020-08-31"],
            "births": ["40", "60", "c", "500"],
        }
    )
    births.to_csv(county / "births.csv", index=False)
    report, frames = run(county)
    assert frames["births"].groupby("year_ending")["births"].sum().to_dict() == {pd.Timestamp("2020-08-31"): 100}
    assert said(report.joined, "summed over 2 districts")


def test_unknown_names_bring_near_ones_and_write_nothing(county: Path) -> None:
    with pytest.raises(BadInput) as failed:
        run(county, authority="Barsetshyre")
    assert said([str(p) for p in failed.value.problems], "Barsetshyre", "Near names: Barsetshire")
    assert sorted(path.name for path in county.parent.iterdir()) == ["published"]


def test_a_folder_in_use_is_refused_and_left_as_it_was(county: Path) -> None:
    out = county.parent / "study"
    out.mkdir()
    (out / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(BadInput, match="in use"):
        run(county)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_failed_write_leaves_nothing_behind(county: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("geodata.importers.assemble.write_inputs", full_disk)
    with pytest.raises(OSError, match="no space"):
        run(county)
    assert sorted(path.name for path in county.parent.iterdir()) == ["published"]


def test_files_nobody_knows_are_named_and_roads_come_unchanged(county: Path) -> None:
    (county / "recipes.csv").write_text("dish,minutes\nsoup,20\n", encoding="utf-8")
    (county / "broken.parquet").write_bytes(b"not parquet")
    (county / "county.osm").write_text("<osm version='0.6'/>", encoding="utf-8")
    outturn = pd.DataFrame({"la_name": ["Barsetshire"], "actual_nor": [1], "forecast_nor": [2]})
    outturn.to_csv(county / "outturn.csv", index=False)
    report, _ = run(county)
    assert said(report.left_out, "published/recipes.csv: not recognised")
    assert said(report.left_out, "published/broken.parquet: the file cannot be read")
    assert ("published/outturn.csv", "published forecasts against outturn", "not used") in report.recognised
    assert (county.parent / "study/inputs/roads.osm").read_text(encoding="utf-8") == "<osm version='0.6'/>"


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
def test_boundaries_come_in_any_format_and_are_put_on_the_national_grid(county: Path, suffix: str) -> None:
    squares = [box(450_000, 300_000, 451_000, 301_000), box(451_000, 300_000, 452_000, 301_000)]
    shapes = gpd.GeoDataFrame({"LSOA11CD": LSOAS}, geometry=squares, crs=27700).to_crs(4326)
    path = county / f"shapes.{suffix}"
    if suffix == "parquet":
        shapes.to_parquet(path)
    else:
        shapes.to_file(path)
    _, frames = run(county)
    areas = frames["localities"].set_index("locality")["geometry"].area
    assert areas.to_dict() == pytest.approx(dict.fromkeys(LSOAS, 1e6), rel=1e-3)


def test_a_file_damaged_past_its_heading_is_named(county: Path) -> None:
    """A download that broke off: the heading reads, the rest does not."""
    noise = np.random.default_rng(0).integers(0, 10**9, 100_000)
    rows = "".join(f"E06000098,E06000098,2020,{number}\n" for number in noise)
    whole = gzip.compress((county / "births.csv").read_bytes() + rows.encode())
    (county / "births.csv").unlink()
    (county / "births.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput) as failed:
        run(county)
    assert [problem.file for problem in failed.value.problems] == ["published/births.csv.gz"]


def test_planned_places_are_the_changes_at_entry(county: Path) -> None:
    """30 places from 2023/24 and a bulge of 15 in 2024/25 move up with their cohorts and are counted once."""
    planned = {("202324", "Reception"): 30, ("202425", "Reception"): 45, ("202526", "Reception"): 30}
    planned |= {("202324", "Year 01"): 0, ("202425", "Year 01"): 30, ("202526", "Primary total"): 999}
    rows = [
        {
            "time_period": year,
            "la_name": "Barsetshire",
            "new_la_code": "E06000099",
            "planning_area_code": area,
            "planning_area_name": "Ullathorne",
            "education_phase": "Primary",
            "nc_year_group": group,
            "pupil_forecast": 100,
            "estimated_capacity": 210,
            "la_planned_places": places,
            "central_programme_places": "z",
        }
        for (year, group), places in planned.items()
        for area in ("9990001", "9990077")
    ]
    pd.DataFrame(rows).to_csv(county / "estimates.csv", index=False)
    report, frames = run(county)
    table = frames["planned_places"]
    assert set(table["planning_area"]) == {"9990001"} and set(table["year_group"]) == {"R"}
    assert dict(zip(table["academic_year"], table["places"], strict=True)) == {
        "2023/24": 30,
        "2024/25": 15,
        "2025/26": -15,
    }
    assert said(report.left_out, "9990077") and said(report.notes, "not yet been checked")


@pytest.mark.parametrize(
    ("name", "kind", "youngest", "oldest", "phase"),
    [
        ("Ashe Infant School", "State-funded primary", 4, 6, "infant"),
        ("Ashe Junior School", "State-funded primary", 7, 10, "junior"),
        ("Ashe First School", "State-funded primary", 4, 8, "first"),
        ("Ashe New Primary School", "State-funded primary", 4, 6, "primary"),
        ("Ashe Primary School", "State-funded primary", 6, 10, "primary"),
        ("Ashe Middle School", "State-funded primary", 8, 11, "middle"),
        ("Ashe Academy", "State-funded secondary", 9, 12, "middle"),
        ("Ashe Academy", "State-funded secondary", 4, 15, "all-through"),
        ("Ashe Grammar School", "State-funded secondary", 11, 17, "secondary"),
        ("Ashe College", "State-funded secondary", 16, 17, "16 plus"),
        ("Ashe Studio", "State-funded secondary", np.nan, np.nan, "secondary"),
        ("Ashe Centre", "State-funded AP school", 11, 15, "alternative provision"),
        ("Ashe Park", "State-funded special school", 4, 17, "special"),
        ("Ashe Nursery", "State-funded nursery", np.nan, np.nan, "nursery"),
    ],
)
def test_phases_are_the_ones_people_plan_by(name: str, kind: str, youngest: float, oldest: float, phase: str) -> None:
    facts = pd.DataFrame({"name": [name], "grouping": [kind], "type": ["Community school"]})
    assert phase_of_school(facts, pd.Series([youngest]), pd.Series([oldest])).tolist() == [phase]


@settings(deadline=None, max_examples=60)
@given(
    totals=st.lists(st.integers(0, 20_000), min_size=1, max_size=4),
    weights=st.lists(st.floats(0, 1e4, allow_nan=False), min_size=1, max_size=30),
)
def test_apportionment_keeps_totals_and_is_never_negative(totals: list[int], weights: list[float]) -> None:
    given_totals = np.array(totals, dtype=float)
    shares = apportion(given_totals, np.tile(weights, (len(totals), 1)))
    assert (shares >= 0).all()
    assert np.array_equal(np.rint(shares * 1000).sum(axis=1), given_totals * 1000)
    fair = given_totals[:, None] * np.array(weights) / sum(weights) if sum(weights) > 0 else None
    if fair is not None:
        assert np.abs(shares - fair).max() <= 0.001 + 1e-9


def test_cohorts_take_two_twelfths_from_the_age_below() -> None:
    """Hand-worked: 120 aged 4 and 60 aged 3 at mid-year are 100 + 10 of reception age at 31 August."""
    residents_by_age = np.array([[0.0, 0.0, 0.0, 60.0, 120.0]])
    assert cohort_residents(residents_by_age, [4]) == pytest.approx(np.array([[110.0]]))
    years = residents_in([2017, 2020], np.array([[[0.0]], [[30.0]]]), [2011, 2018, 2020, 2030])
    assert years.ravel() == pytest.approx([0, 10, 30, 30])


def test_words_of_published_files() -> None:
    assert plain("NumberofPupils") == plain("Number of pupils") == plain("number_of_pupils")
    cells = pd.Series(["1,234", "12.5", "z", "c", "LOW", ":", "x", ""])
    assert numbers(cells).tolist()[:2] == [1234, 12.5] and numbers(cells).isna().sum() == 6
    assert suppressed(cells).sum() == 2
    assert codes(pd.Series(["8570001.0", "8570001", "z"])).tolist() == ["8570001", "8570001", None]
    assert year_in_name(Path("lsoa11_population_2017_age0_19.csv")) == 2017
    assert year_in_name(Path("births_1992_2022.csv")) is None
    assert census_year_in_name(Path("schools_2023.csv.gz")) == "2022/23"
    assert census_year_in_name(Path("spc_2022-23.csv")) == "2022/23"
    assert census_year_in_name(Path("schools_202223.csv")) == "2022/23"


def register(layout: Path, rows: list[dict[str, str]]) -> bytes:
    """Rows in the published layout of GIAS: the real heading, every column, cp1252."""
    heading = pd.read_csv(layout, dtype=str, nrows=0, encoding="cp1252").columns
    assert {name for row in rows for name in row} <= set(heading)
    return pd.DataFrame(rows, columns=heading, dtype=object).fillna("").to_csv(index=False).encode("cp1252")


def test_the_register_fills_what_the_census_lacks(county: Path, real_data: Path) -> None:
    row = {
        "LA (code)": "999",
        "LA (name)": "Barsetshire",
        "GSSLACode (name)": "E06000099",
        "EstablishmentTypeGroup (name)": "Local authority maintained schools",
        "TypeOfEstablishment (name)": "Community school",
        "EstablishmentStatus (name)": "Open",
        "PhaseOfEducation (name)": "Primary",
        "OpenDate": "01-09-1950",
        "Gender (name)": "Mixed",
        "ReligiousCharacter (name)": "Does not apply",
        "Diocese (name)": "Not applicable",
        "SchoolCapacity": "205",
        "Easting": "460000",
        "Northing": "310000",
        "LSOA (code)": LSOAS[0],
    }
    rows = [
        row
        | {"URN": "100001", "EstablishmentNumber": "1", "EstablishmentName": "Ullathorne – Zoë"}
        | {"StatutoryLowAge": "3", "StatutoryHighAge": "11", "Diocese (name)": "Diocese of Barchester"}
        | {"SenUnitCapacity": "8", "ResourcedProvisionCapacity": "4", "Federations (name)": "The Close Federation"},
        row
        | {"URN": "100009", "EstablishmentNumber": "9", "EstablishmentName": "Closed", "CloseDate": "31-08-2010"}
        | {"EstablishmentStatus (name)": "Closed"},
        row
        | {"URN": "100010", "EstablishmentNumber": "10", "EstablishmentName": "Private"}
        | {"EstablishmentTypeGroup (name)": "Independent schools"},
        row
        | {"URN": "100011", "EstablishmentNumber": "11", "EstablishmentName": "Brand New Infant School"}
        | {"StatutoryLowAge": "4", "StatutoryHighAge": "7"},
    ]
    layout = real_data / "gias" / "edubasealldata_layout_2021.csv"
    (county / "edubasealldata20230401.csv").write_bytes(register(layout, rows))
    table = schools_table()
    table.loc[0, "net_capacity_2015"] = np.nan
    table.to_csv(county / "schools_2023.csv", index=False)
    report, frames = run(county)
    schools = frames["schools"].set_index("urn")
    assert list(schools.index) == [100001, 100002]
    filled = schools.loc[100001]
    assert (filled["low_age"], filled["high_age"], filled["capacity"], filled["sen_places"]) == (3, 11, 205, 12)
    assert (filled["diocese"], filled["federation"]) == ("Diocese of Barchester", "The Close Federation")
    assert filled["locality"] == LSOAS[0] and filled["religious_character"] == "none"
    assert said(report.left_out, "1 school closed") and said(report.left_out, "not in the census", "Brand New")


def test_the_register_alone_gives_schools_without_rolls(county: Path, real_data: Path) -> None:
    (county / "schools_2023.csv").unlink()
    row = {
        "URN": "100011",
        "LA (code)": "999",
        "LA (name)": "BARSETSHIRE",
        "GSSLACode (name)": "E06000099",
        "EstablishmentNumber": "11",
        "EstablishmentName": "Framley Infant School",
        "EstablishmentTypeGroup (name)": "Academies",
        "TypeOfEstablishment (name)": "Academy converter",
        "EstablishmentStatus (name)": "Open, but proposed to close",
        "PhaseOfEducation (name)": "Primary",
        "StatutoryLowAge": "3",
        "StatutoryHighAge": "7",
        "Trusts (name)": "THE FRAMLEY TRUST",
        "AdmissionsPolicy (name)": "Not applicable",
    }
    layout = real_data / "gias" / "edubasealldata_layout_2021.csv"
    (county / "register.csv").write_bytes(register(layout, [row]))
    series = pd.DataFrame({"new_la_code": ["E06000099"], "la_name": "Barsetshire", "time_period": "202223"})
    series.assign(nc_year_group="Reception", headcount="40").to_csv(county / "series.csv", index=False)
    _, frames = run(county)
    (only,) = frames["schools"].to_dict("records")
    assert (only["phase"], only["low_age"], only["high_age"], only["trust"]) == ("infant", 3, 7, "THE FRAMLEY TRUST")
    assert "rolls" not in frames
    assert frames["pupils"]["pupils"].tolist() == [30, 10]


def test_no_name_of_a_file_is_needed(county: Path) -> None:
    """Files are known by their columns: any names do, as long as the years stay."""
    for number, path in enumerate(sorted(county.iterdir())):
        year = "".join(re.findall(r"_(20\d\d)", path.name))
        path.rename(county / f"{number}_{year}{path.suffix}")
    _, frames = run(county)
    assert {"localities", "pupils", "births", "schools", "rolls", "demand_points"} <= set(frames)
