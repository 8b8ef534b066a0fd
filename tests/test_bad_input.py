"""Bad input gets one clear error each, all at once, naming file, row and field; exit 2, nothing written."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from small_study import write_small_study

from geodata.problems import BadInput, Problem
from placeplan.cli import main
from placeplan.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def found(study: Path) -> list[Problem]:
    with pytest.raises(BadInput) as error:
        Study.open(study)
    return list(error.value.problems)


def edit(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_the_small_study_is_sound(study: Path) -> None:
    """Otherwise every test below would pass for the wrong reason."""
    assert Study.open(study).tables["schools"]["urn"].tolist() == [100001, 100002, 100003, 100010]


def shapes(study: Path, second: str | None) -> None:
    """Localities of which B has the boundary given as WKT."""
    import geopandas as gpd
    import shapely

    path = study / "inputs/localities.gpkg"
    localities = gpd.read_file(path)
    drawn = [*localities.geometry]
    drawn[1] = shapely.from_wkt(second)
    localities.set_geometry(drawn, crs=localities.crs).to_file(path)


def scenario(study: Path, name: str) -> None:
    edit(study / "study.toml", "[policy]", f"[scenario.{name}]\nretained_surplus = 0.1\n\n[policy]")


def row(study: Path, file: str, old: str) -> int:
    """Line of a file, as a spreadsheet numbers it."""
    lines = (study / "inputs" / file).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if old in line)


def closing_columns(study: Path, **values: str) -> None:
    """Further columns of schools.csv, with a value for the first school only."""
    path = study / "inputs/schools.csv"
    head, first, *others = path.read_text().splitlines()
    cells = ",".join(values.values())
    rows = [f"{head},{','.join(values)}", f"{first},{cells}", *(other + "," * len(values) for other in others)]
    path.write_text("\n".join(rows) + "\n")


def unsafe(study: Path, row: str) -> None:
    (study / "inputs/unsafe_routes.csv").write_text(f"urn,demand_point,locality,reason\n{row}\n")


BREAKS: dict[str, tuple[Callable[[Path], None], str, int | None, str | None, str]] = {
    "missing file": (lambda s: (s / "inputs/births.csv").unlink(), "births.csv", None, None, "missing"),
    "missing column": (
        lambda s: edit(s / "inputs/births.csv", "locality,year_ending,births", "locality,year_ending,count"),
        "births.csv", None, "births", "missing",
    ),
    "misspelt column": (
        lambda s: edit(s / "inputs/pupils.csv", "year_group,pupils", "year_group,pupls"),
        "pupils.csv", None, "pupils", "pupls",
    ),
    "misspelt optional column": (
        lambda s: edit(s / "inputs/schools.csv", "planning_area", "planing_area"),
        "schools.csv", None, "planing_area", "planning_area",
    ),
    "wrong type": (
        lambda s: edit(s / "inputs/schools.csv", ",210,30,", ",many,30,"), "schools.csv", 2, "capacity", "many",
    ),
    "unknown year group": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,Y3", "2017/18,A,Z3"), "pupils.csv", 5, "year_group", "Z3",
    ),
    "duplicated URN": (
        lambda s: edit(s / "inputs/schools.csv", "100002,B", "100001,B"), "schools.csv", 3, "urn", "row 2",
    ),
    "negative pupils": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R,20", "2017/18,A,R,-20"), "pupils.csv", 2, "pupils", "-20",
    ),
    "fractional pupils": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R,20", "2017/18,A,R,20.5"),
        "pupils.csv", 2, "pupils", "whole",
    ),
    "swapped easting and northing": (
        lambda s: edit(s / "inputs/schools.csv", "400000,300000", "300000,400000"),
        "schools.csv", 2, "easting, northing", "swapped",
    ),
    "degrees": (
        lambda s: edit(s / "inputs/schools.csv", "400000,300000", "-1.9,52.6"),
        "schools.csv", 2, "easting, northing", "degrees",
    ),
    "locality that does not exist": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R", "2017/18,Q,R"), "pupils.csv", 2, "locality", "Q",
    ),
    "school in a locality that does not exist": (
        lambda s: (
            edit(s / "inputs/schools.csv", "type,planning_area", "type,planning_area,locality"),
            edit(s / "inputs/schools.csv", "Community school,P", "Community school,P,Nowhere"),
            edit(s / "inputs/schools.csv", "Community school,P,Urban town\n", "Community school,P,B\n", 9),
            edit(s / "inputs/schools.csv", "Community school,S", "Community school,S,B"),
        )[0],
        "schools.csv", 2, "locality", "Nowhere",
    ),
    "roll of a school that does not exist": (
        lambda s: edit(s / "inputs/rolls.csv", "2022/23,100001,R", "2022/23,100009,R"), "rolls.csv", 2, "urn", "100009",
    ),
    "capacity 0 with pupils": (
        lambda s: edit(s / "inputs/schools.csv", ",210,30,", ",0,30,"), "schools.csv", 2, "capacity", "140 pupils",
    ),
    "unknown policy": (
        lambda s: edit(s / "study.toml", "detour_factor", "detour_faktor"),
        "study.toml", None, "detour_faktor", "detour_factor",
    ),
    "unknown key": (
        lambda s: edit(s / "study.toml", "horizon_years", "horizon"), "study.toml", None, "horizon", "horizon_years",
    ),
    "a school to close that does not exist": (
        lambda s: edit(s / "study.toml", "[policy]", "[policy]\nclosable_urns = [100009]"),
        "study.toml", None, "closable_urns", "100009",
    ),
    "a contribution that lapses before it is due": (
        lambda s: (s / "inputs/contributions.csv").write_text(
            "site,phase,amount_gbp,due_year,spend_by,spend_where\nMill,primary,1,2026/27,2024/25,\n") and None,
        "contributions.csv", 2, "spend_by", "2024/25 and is due only in 2026/27",
    ),
    "a contribution for nowhere": (
        lambda s: (s / "inputs/contributions.csv").write_text(
            "site,phase,amount_gbp,due_year,spend_by,spend_where\nMill,primary,1,2026/27,,Pee\n") and None,
        "contributions.csv", 2, "spend_where", "Pee is no planning area",
    ),
    "policy out of range": (
        lambda s: edit(s / "study.toml", "detour_factor = 1.0", "retained_surplus = 5"),
        "study.toml", None, "retained_surplus", "0 to 0.5",
    ),
    "empty table": (
        lambda s: (s / "inputs/births.csv").write_text("locality,year_ending,births\n") and None,
        "births.csv", None, None, "no rows",
    ),
    "wholly empty file": (lambda s: (s / "inputs/births.csv").write_bytes(b""), "births.csv", None, None, "read"),
    "unreadable roads": (
        lambda s: (s / "inputs/roads.osm.pbf").write_bytes(b"no roads here") and None,
        "roads.osm.pbf", None, None, "roads",
    ),
    "unknown table": (
        lambda s: (s / "inputs/schols.csv").write_text("urn\n") and None, "schols.csv", None, None, "schools",
    ),
    "a cell too many": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,Y1,20", "2017/18,A,Y1,20,7"),
        "pupils.csv", 3, None, "5 cells",
    ),
    "a bad row after a blank line": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R,20\n", "\n,,,\n2017/18,A,R,many\n"),
        "pupils.csv", 4, "pupils", "many",
    ),
    "no text at all": (
        lambda s: (s / "inputs/births.csv").write_bytes(b"PK\x03\x04\x00\x00rows") and None,
        "births.csv", None, None, "cannot be read",
    ),
    "a compressed file cut short": (
        lambda s: (
            (s / "inputs/births.csv.gz").write_bytes(b"\x1f\x8b\x08\x00"), (s / "inputs/births.csv").unlink(),
        )[1],
        "births.csv.gz", None, None, "cannot be read",
    ),
    "a boundary as text": (
        lambda s: (
            (s / "inputs/localities.gpkg").unlink(),
            (s / "inputs/localities.csv").write_text(
                'locality,name,geometry\nA,A,"POINT (1 2)"\nB,B,\nC,C,\n', encoding="utf-8"
            ),
        )[0],
        "localities.csv", None, "geometry", "GeoPackage",
    ),
    "a boundary that crosses itself": (
        lambda s: shapes(s, "POLYGON((400000 300000,402000 302000,402000 300000,400000 302000,400000 300000))"),
        "localities.gpkg", 3, "geometry", "crosses itself",
    ),
    "no boundary": (lambda s: shapes(s, None), "localities.gpkg", 3, "geometry", "no boundary"),
    "an empty boundary": (lambda s: shapes(s, "POLYGON EMPTY"), "localities.gpkg", 3, "geometry", "no boundary"),
    "a line for a boundary": (
        lambda s: shapes(s, "LINESTRING(400000 300000,402000 302000)"),
        "localities.gpkg", 3, "geometry", "LineString",
    ),
    "a site with the URN of a school": (
        lambda s: (s / "inputs/sites.csv").write_text(
            "site,name,phase,easting,northing,available_from\n"
            "N,North,primary,400000,300000,2025/26\n100002,South,primary,400000,300000,2025/26\n"
        ) and None,
        "sites.csv", 3, "site", "URN of a school",
    ),
    "ages the wrong way round": (
        lambda s: edit(s / "inputs/schools.csv", ",11,16,", ",16,11,"), "schools.csv", 5, "low_age, high_age", "16",
    ),
    "ages of no year": (
        lambda s: edit(s / "inputs/schools.csv", ",4,11,", ",11,11,"), "schools.csv", 2, "low_age, high_age", "below",
    ),
    "pupils from outside where only localities count": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R", "2017/18,outside:Leeds,R"),
        "pupils.csv", 2, "locality", "outside:Leeds",
    ),
    "a locality called independent": (
        lambda s: edit(s / "inputs/births.csv", "A,2010", "independent,2010"),
        "births.csv", 2, "locality", "independent",
    ),
    "flows from independent": (
        lambda s: (s / "inputs/flows.csv").write_text(
            "academic_year,locality,urn,phase,pupils\n2022/23,independent,100001,primary,4\n"
        ) and None,
        "flows.csv", 2, "locality", "independent",
    ),
    "nobody in the base year": (
        lambda s: (s / "inputs/pupils.csv").write_text(
            re.sub(r"(2022/23,.*),\d+", r"\1,0", (s / "inputs/pupils.csv").read_text())
        ) and None,
        "pupils.csv", None, "pupils", "no pupils",
    ),
    "pupils without a year": (
        lambda s: edit(s / "inputs/pupils.csv", "2017/18,A,R", ",A,R"), "pupils.csv", 2, "academic_year", "empty",
    ),
    "rolls of no year at all": (
        lambda s: edit(s / "inputs/rolls.csv", "2022/23", "last year", 1000), "rolls.csv", 2, "academic_year", "last",
    ),
    "a scenario outside the study": (
        lambda s: scenario(s, '"../../../evil"'), "study.toml", None, "scenario.../../../evil", "folder",
    ),
    "a scenario named with a space": (
        lambda s: scenario(s, '"a b"'), "study.toml", None, "scenario.a b", "letters",
    ),
    "a scenario without a name": (lambda s: scenario(s, '""'), "study.toml", None, "scenario.", "letters"),
    "a scenario called base": (
        lambda s: scenario(s, "base"), "study.toml", None, "scenario.base", "the scenario without a name",
    ),
    "a number of five thousand digits": (
        lambda s: edit(s / "study.toml", "horizon_years = 5", "horizon_years = " + "9" * 5000),
        "study.toml", None, None, "TOML",
    ),
    "charges of a contract without an end": (
        lambda s: closing_columns(s, pfi_gbp_per_year="10000"), "schools.csv", 2, "pfi_until", "no end of the contract",
    ),
    "negative charges": (
        lambda s: closing_columns(s, pfi_gbp_per_year="-5", pfi_until="2030-08-31"),
        "schools.csv", 2, "pfi_gbp_per_year", "below 0",
    ),
    "a site worth less than nothing": (
        lambda s: closing_columns(s, site_value_gbp="-1"), "schools.csv", 2, "site_value_gbp", "below 0",
    ),
    "a share instead of pupils": (
        lambda s: closing_columns(s, fsm_pupils="0.2"), "schools.csv", 2, "fsm_pupils", "whole number",
    ),
    "more pupils with plans than pupils": (
        lambda s: closing_columns(s, ehcp_pupils="200"), "schools.csv", 2, "ehcp_pupils", "140 pupils on roll",
    ),
    "reserves in words": (
        lambda s: closing_columns(s, reserves_gbp="deficit"), "schools.csv", 2, "reserves_gbp", "not a number",
    ),
    "an unsafe route to no school": (
        lambda s: unsafe(s, "100009,,A,No footway"), "unsafe_routes.csv", 2, "urn", "100009",
    ),
    "an unsafe route from nowhere": (
        lambda s: unsafe(s, "100001,,Q,No footway"), "unsafe_routes.csv", 2, "locality", "Q",
    ),
    "an unsafe route from both": (
        lambda s: unsafe(s, "100001,A,A,No footway"), "unsafe_routes.csv", 2, "demand_point, locality", "Exactly one",
    ),
    "an unsafe route without a reason": (
        lambda s: unsafe(s, "100001,,A,"), "unsafe_routes.csv", 2, "reason", "empty",
    ),
    "a taxi paid to run": (
        lambda s: edit(s / "study.toml", "[policy]", "[policy]\ntaxi_gbp_per_year = -1"),
        "study.toml", None, "taxi_gbp_per_year", "out of range",
    ),
    "the same table twice": (
        lambda s: (s / "inputs/births.parquet").write_bytes(b"") and None, "births.parquet", None, None, "births.csv",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS)
def test_each_break_is_named(study: Path, case: str) -> None:
    """A break that is not reported, or at the wrong place, sends a planner hunting through thousands of rows."""
    break_it, file, number, field, words = BREAKS[case]
    break_it(study)
    problems = found(study)
    hits = [p for p in problems if p.file == file and p.row == number and p.field == field and words in str(p)]
    assert hits, "\n".join(f"{p.file} | {p.row} | {p.field} | {p}" for p in problems)
    assert hits[0].mend or words == "no rows"


def test_all_problems_come_at_once_and_nothing_is_written(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One error a run would cost a planner a run for every error."""
    edit(study / "inputs/pupils.csv", "2017/18,A,R,20", "2017/18,A,R,-20")
    edit(study / "inputs/schools.csv", "100002,B", "100001,B")
    edit(study / "study.toml", "detour_factor", "detour_faktor")
    with pytest.raises(SystemExit) as stop:
        main(["run", str(study)])
    said = capsys.readouterr()
    assert stop.value.code == 2
    for words in (
        "pupils.csv",
        "row 2",
        "schools.csv",
        "study.toml",
        "detour_factor",
        "4 problems",
        "nothing was written",
    ):
        assert words in said.err
    assert "Traceback" not in said.err
    assert not (study / "results").exists()


def test_many_bad_rows_are_counted_not_listed(study: Path) -> None:
    """Thirty thousand lines of the same complaint hide the others."""
    edit(study / "inputs/pupils.csv", ",20\n", ",-20\n", 10_000)
    problems = [p for p in found(study) if p.field == "pupils"]
    assert len(problems) < 10
    assert any("more rows" in p.what for p in problems)


def test_a_file_in_windows_encoding_is_read(study: Path) -> None:
    path = study / "inputs/schools.csv"
    path.write_bytes(path.read_text().replace("A Primary", "Zoë's Primary").encode("cp1252"))
    assert Study.open(study).tables["schools"]["name"].iloc[0] == "Zoë's Primary School"


def test_parquet_and_csv_give_the_same_table(study: Path) -> None:
    """Whoever keeps tables as Parquet must get the same study."""
    import pandas as pd

    first = Study.open(study).tables["pupils"]
    pd.read_csv(study / "inputs/pupils.csv").to_parquet(study / "inputs/pupils.parquet")
    (study / "inputs/pupils.csv").unlink()
    pd.testing.assert_frame_equal(first, Study.open(study).tables["pupils"])


def test_an_unknown_scenario_names_the_known(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "study.toml").write_text(
        (study / "study.toml").read_text() + "\n[scenario.high]\nretained_surplus = 0.1\n"
    )
    assert Study.open(study, "high").policy.number("retained_surplus") == 0.1
    with pytest.raises(SystemExit) as stop:
        main(["check", str(study), "--scenario", "hihg"])
    assert stop.value.code == 2
    assert "Did you mean high?" in capsys.readouterr().err


def test_an_empty_year_group_is_asked_for_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody knows a year group r."""
    folder = write_small_study(tmp_path / "study")
    path = folder / "inputs/pupils.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "2022/23,A,,3"]) + "\n")
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(folder)])
    said = capsys.readouterr()
    assert stopped.value.code == 2 and "Give R, Y1 … Y13" in said.out + said.err
