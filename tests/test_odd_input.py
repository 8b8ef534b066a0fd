"""Files as people save them, policies as people write them, and studies that are small or strange: read, or refused."""

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from small_study import PER_YEAR_GROUP, POINTS, SECONDARY, write_small_study

from geodata.columns import coerce
from geodata.fields import tables
from geodata.policy import policy_items
from geodata.problems import BadInput
from geodata.years import COMPULSORY
from placeplan import study as study_module
from placeplan.study import UNUSED_TABLES, Study

ROOT = Path(study_module.__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def edit(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(BadInput) as error:
        Study.open(folder)
    return str(error.value)


# Files


def recode(encoding: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_text().encode(encoding)) and None


WAYS: dict[str, Callable[[Path], None]] = {
    "UTF-8 with a mark": recode("utf-8-sig"),
    "UTF-16 with a mark": recode("utf-16"),
    "UTF-16, tabs": lambda path: path.write_bytes(path.read_text().replace(",", "\t").encode("utf-16")) and None,
    "CRLF": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")) and None,
    "blank lines": lambda path: path.write_text(path.read_text().replace("\n2020", "\n\n,,,\n2020") + "\n\n") and None,
    "a comma at the end of every line": lambda path: path.write_text(path.read_text().replace("\n", ",\n")) and None,
    "quoted": lambda path: pd.read_csv(path, dtype=str).to_csv(path, index=False, quoting=1),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_save_a_csv_gives_the_same_table(folder: Path, way: str) -> None:
    """UTF-16 read as Windows text is nonsense, and a blank line must not become a pupil count."""
    pupils = Study.open(folder).tables["pupils"]
    WAYS[way](folder / "inputs/pupils.csv")
    again = Study.open(folder)
    pd.testing.assert_frame_equal(again.tables["pupils"], pupils)
    assert again.notes == ()


def test_a_comma_after_every_row_alone_is_named_row_by_row(folder: Path) -> None:
    """The first column was taken for row labels: years stood where localities should."""
    path = folder / "inputs/pupils.csv"
    heading, *rows = path.read_text().splitlines()
    path.write_text("\n".join([heading, *(f"{row}," for row in rows)]) + "\n")
    with pytest.raises(BadInput) as error:
        Study.open(folder)
    assert [p.row for p in error.value.problems] == [2, 3, 4, 5, 6, None]
    assert f"{len(rows) - 5} more" in str(error.value)


def test_utf_16_without_a_mark_is_refused(folder: Path) -> None:
    recode("utf-16-le")(folder / "inputs/pupils.csv")
    assert "pupils.csv: The file cannot be read" in refused(folder)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("\u202eABC", "\u202eABC\u202c"),
        ("\u2067A\u202eB\u202c", "\u2067A\u202eB\u202c\u2069"),
        ("A\u202c", "A\u202c"),
        ("مدرسة", "مدرسة"),
    ],
)
def test_a_name_turns_nothing_that_is_written_after_it(name: str, read: str) -> None:
    """A school's name that turns the direction of text would print 3,371 pupils as 173,3."""
    raw = pd.Series([name, "Plain"])
    assert coerce(raw, tables()["schools"].fields["name"])[0].tolist() == [read, "Plain"]


def test_settings_saved_by_notepad_are_read(folder: Path) -> None:
    recode("utf-8-sig")(folder / "study.toml")
    assert Study.open(folder).settings.name == "Three villages"


def test_parquet_rows_are_counted_whatever_their_labels(folder: Path) -> None:
    """A label such as r3 is no row number; a labelled column is a column."""
    source = folder / "inputs/pupils.csv"
    pupils = pd.read_csv(source)
    source.unlink()
    plain = Study.open(write_small_study(folder.parent / "plain")).tables["pupils"]
    pupils.set_index(["academic_year", "locality"]).to_parquet(folder / "inputs/pupils.parquet")
    pd.testing.assert_frame_equal(Study.open(folder).tables["pupils"], plain)
    bad = pupils.assign(pupils=pupils["pupils"].mask(pupils.index == 3, -1))
    bad.index = pd.Index([f"r{n}" for n in range(len(bad))])
    bad.to_parquet(folder / "inputs/pupils.parquet")
    assert "row 5, field pupils" in refused(folder)


def test_typed_parquet_columns_are_read(folder: Path) -> None:
    """Categories, nullable whole numbers, decimals with gaps, true dates and true flags mean what they say."""
    inputs = folder / "inputs"
    births = pd.read_csv(inputs / "births.csv", parse_dates=["year_ending"]).astype({"locality": "category"})
    births.assign(estimated=False, births=births["births"].astype("Int16")).to_parquet(inputs / "births.parquet")
    schools = pd.read_csv(inputs / "schools.csv").astype({"urn": "float32", "capacity": "Int64", "phase": "category"})
    schools["locality"] = pd.Series([None] * len(schools), dtype=object)
    schools["capacity_year"] = [202223, None, None, 202223]
    schools["in_intervention"] = pd.array([True, None, False, None], dtype="boolean")
    schools.to_parquet(inputs / "schools.parquet")
    for name in ("births.csv", "schools.csv"):
        (inputs / name).unlink()
    tables = Study.open(folder).tables
    assert tables["schools"]["in_intervention"].tolist() == [True, False, False, False]
    assert tables["schools"]["capacity_year"].iloc[0] == "2022/23"
    assert tables["births"]["year_ending"].dt.year.min() == 2010


def test_a_point_may_stand_for_a_boundary(folder: Path) -> None:
    path = folder / "inputs/localities.gpkg"
    localities = gpd.read_file(path)
    localities.set_geometry(localities.centroid).to_file(path)
    points = Study.open(folder).tables["demand_points"]
    assert points[["easting", "northing"]].to_numpy().tolist() == [list(map(float, xy)) for xy in POINTS.values()]


# Policies


REFUSED = {
    "ratio_weights = [0, 0, 0]": "latest year",
    "ratio_weights = [0, 1]": "latest year",
    "ratio_weights = []": "latest year",
    "ratio_weights = [3, -1]": "out of range",
    "ratio_weights = [nan]": "finite",
    "ratio_weights = 3": "not a list",
    "share_weights = [true, 1]": "not a number",
    "expand_fe = [-1]": "out of range",
    "expand_fe = [nan]": "finite",
    "expand_fe = [1, inf]": "finite",
    'pan_steps = ["a"]': "not a number",
    "pan_steps = [[30]]": "not a number",
    "closable_urns = [true]": "no code",
    "detour_factor = nan": "finite",
    "retained_surplus = inf": "finite",
    "retained_surplus = -inf": "finite",
    "closures_max = nan": "finite",
    "closures_max = inf": "finite",
    "closures_max = 2.5": "whole",
    "capital_budget_gbp_per_year = inf": "finite",
    "capital_budget_gbp_per_year = 1" + "0" * 400: "out of range",
    'cluster_across_kinds = "maybe"': "neither yes nor no",
    "cluster_across_kinds = 1": "neither yes nor no",
    "ratio_choice = 3": "not text",
}


@pytest.mark.parametrize("line", REFUSED)
def test_policies_that_make_no_sense_are_refused(folder: Path, line: str) -> None:
    """Weights of 0 forecast 0 pupils; NaN passes every comparison."""
    edit(folder / "study.toml", "detour_factor = 1.0", line)
    said = refused(folder)
    assert line.partition(" ")[0] in said and REFUSED[line] in said


@pytest.mark.parametrize(("written", "read"), [('"Yes"', "yes"), ("true", "yes"), ('"NO"', "no"), ("false", "no"),
                                               ('"True"', "yes")])  # fmt: skip
def test_yes_and_no_are_read_as_people_write_them(folder: Path, written: str, read: str) -> None:
    edit(folder / "study.toml", "detour_factor", f"cluster_across_kinds = {written}\ndetour_factor")
    assert Study.open(folder).policy.value("cluster_across_kinds") == read


def test_lists_that_make_sense_are_read(folder: Path) -> None:
    lines = "ratio_weights = [3, 0, 1.5]\nexpand_fe = []\npan_steps = [15, 30]\n"
    edit(folder / "study.toml", "detour_factor", lines + "detour_factor")
    policy = Study.open(folder).policy
    assert policy.numbers("ratio_weights") == (3.0, 0.0, 1.5)
    assert (policy.numbers("expand_fe"), policy.numbers("pan_steps")) == ((), (15.0, 30.0))


def test_every_number_has_both_bounds() -> None:
    """A policy without an upper bound takes a number that no later step can hold."""
    numeric = ("number", "integer", "numbers", "weights")
    open_ended = [i.key for i in policy_items().values() if i.type in numeric and None in (i.minimum, i.maximum)]
    assert open_ended == []
    flags = [item for item in policy_items().values() if item.type == "flag"]
    assert flags and {item.default for item in flags} <= {"yes", "no"}


# Notices


def test_a_sound_study_has_no_notes(folder: Path) -> None:
    assert Study.open(folder).notes == ()


def test_rows_missing_for_some_localities_are_counted(folder: Path) -> None:
    """A file cut short reads as villages without children."""
    for group in ("Y3", "Y10"):
        edit(folder / "inputs/pupils.csv", f"2022/23,B,{group},25\n", "")
    (note,) = Study.open(folder).notes
    assert "2 of 36 rows" in note and "B Y3, B Y10" in note and "0 pupils" in note


def test_a_school_that_sent_no_return_is_named(folder: Path) -> None:
    rolls = folder / "inputs/rolls.csv"
    earlier = "".join(f"2021/22,100003,{group},12\n" for group in COMPULSORY[:7])
    lines = [line for line in rolls.read_text().splitlines() if ",100003," not in line]
    rolls.write_text("\n".join(lines) + "\n" + earlier)
    (note,) = Study.open(folder).notes
    assert "1 school with pupils in earlier years" in note and "C Primary School (100003)" in note


def test_pupils_outside_a_schools_ages_are_counted(folder: Path) -> None:
    rolls = folder / "inputs/rolls.csv"
    rolls.write_text(rolls.read_text() + "2022/23,100001,Y7,9\n2022/23,100002,Y8,4\n2022/23,100002,Y9,0\n")
    (note,) = Study.open(folder).notes
    assert "13 pupils of 2 schools" in note and "A Primary School (100001) Y7: 9" in note


def test_long_notices_name_the_first_few(folder: Path) -> None:
    path = folder / "inputs/pupils.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("2022/23,C,Y")]
    path.write_text("\n".join(lines) + "\n")
    (note,) = Study.open(folder).notes
    assert "11 of 36 rows" in note and "and 6 more" in note


def test_unused_tables_are_those_that_no_stage_reads(folder: Path) -> None:
    """Who fills in a table must hear that nothing comes of it, and no longer once something does."""
    (folder / "inputs/cluster_plan.csv").write_text("urn\n100001\n")
    assert Study.open(folder).unused_tables == ("cluster_plan",)
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "placeplan").glob("*.py"))
    read = [name for name in UNUSED_TABLES if f'tables["{name}"]' in code or f'tables.get("{name}"' in code]
    assert read == []


# Small and strange studies


def only_special(folder: Path) -> None:
    schools = folder / "inputs/schools.csv"
    edit(schools, ",primary,", ",special,", 3)
    edit(schools, ",secondary,", ",special,")


def without_coordinates(folder: Path) -> None:
    schools = pd.read_csv(folder / "inputs/schools.csv", dtype=str)
    schools.assign(easting="", northing="").to_csv(folder / "inputs/schools.csv", index=False)


def one_school(folder: Path) -> None:
    for name in ("schools", "rolls"):
        path = folder / f"inputs/{name}.csv"
        frame = pd.read_csv(path, dtype=str)
        frame[frame["urn"] == "100001"].to_csv(path, index=False)


def long_names(folder: Path) -> None:
    edit(folder / "inputs/schools.csv", "A Primary School", "Ysgol Gynradd Llanfairpwllgwyngyll – Zoë 学校 🏫" * 5)


def blank_columns(folder: Path) -> None:
    """Every optional column is there, and blank."""
    from geodata.fields import tables

    for path in (folder / "inputs").glob("*.csv"):
        frame = pd.read_csv(path, dtype=str)
        optional = [f.name for f in tables()[path.stem].fields.values() if not f.required and f.type != "geometry"]
        frame.assign(**dict.fromkeys(optional, "")).to_csv(path, index=False)


STRANGE: dict[str, Callable[[Path], None]] = {
    "only special schools": only_special,
    "no school with coordinates": without_coordinates,
    "one school": one_school,
    "two schools at one point": lambda folder: edit(folder / "inputs/schools.csv", "405000,300000", "400000,300000"),
    "two schools of one name": lambda folder: edit(folder / "inputs/schools.csv", "B Primary", "A Primary"),
    "long names in many scripts": long_names,
    "blank optional columns": blank_columns,
    "no schools": lambda folder: [(folder / f"inputs/{name}.csv").unlink() for name in ("schools", "rolls")] and None,
    "no rolls": lambda folder: (folder / "inputs/rolls.csv").unlink(),
}


@pytest.mark.parametrize("case", STRANGE)
def test_strange_studies_open_and_are_complete(folder: Path, case: str) -> None:
    """A small authority is no mistake: what cannot be known is filled as stated, never a crash."""
    STRANGE[case](folder)
    study = Study.open(folder)
    localities = study.tables["localities"]
    assert len(study.tables["demand_points"]) == len(PER_YEAR_GROUP)
    if "schools" in study.tables:
        assert localities[["planning_area_primary", "planning_area_secondary"]].notna().all(axis=None)
        planned = study.tables["schools"].query("phase != 'special'")
        assert planned[["capacity", "pan", "low_age", "high_age", "planning_area"]].notna().all(axis=None)
    if case == "blank optional columns":
        assert planned.set_index("urn").loc[SECONDARY, "capacity"] == 300, "60 a year group, 5 year groups"
