"""Results given back as data: read back they are the results, they run nothing, and they say what they are."""

import io
import json
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
from exported import ABOUT, differences, tables_of, what_could_run
from hypothesis import given
from hypothesis import strategies as st
from small_study import PRIMARIES, SECONDARY, grow, policy, write_small_study
from tender_study import write_tender_study

from geodata.years import COMPULSORY, PHASES, start_year
from maps import palette
from models.housing import TERMS, housing_table, housing_terms
from models.places import planned_changes, school_places
from placeplan.exports import CSV, GEOPACKAGE, WORKBOOK, export_stage, gathered
from placeplan.exports.gathered import Gathered, sheet_names
from placeplan.exports.layers import group_layers
from placeplan.exports.meanings import column_of, tables_listed
from placeplan.exports.scap import FUNDED, NO_CONTRIBUTIONS, NO_HOUSING, scap_capacity
from placeplan.exports.survey_verification import wrong_survey_tables
from placeplan.exports.workbook import Book
from placeplan.pipeline import EXPORTED, run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.verification import verify_results

LINK = '=HYPERLINK("http://x","y")'
IMAGE = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "בית ספר יסודי"
LONG = "Saint " + "Nearly-" * 27 + "Endless"
SCRIPT = "</script>+1"
HOSTILE = [LINK, IMAGE, SCRIPT, "+1", "-2", "@sum(A1)", "\t=1", "http://x.example/", "{=1}", RIGHT_TO_LEFT, LONG]
SITES = {"main": 150, "annexe": 60}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The three villages with a competition, homes, contributions, planned places, split sites and hostile names."""
    folder = write_tender_study(tmp_path_factory.mktemp("exports") / "study")
    grow(folder, "A", 75)
    inputs = folder / "inputs"
    named = {PRIMARIES["A"]: LINK, PRIMARIES["B"]: RIGHT_TO_LEFT, PRIMARIES["C"]: LONG, SECONDARY: IMAGE}
    schools = pd.read_csv(inputs / "schools.csv").assign(name=lambda table: table["urn"].map(named))
    schools.to_csv(inputs / "schools.csv", index=False)
    localities = gpd.read_file(inputs / "localities.gpkg").assign(name=[IMAGE, LINK, SCRIPT])
    localities.to_file(inputs / "localities.gpkg")
    (inputs / "sites.csv").write_text(
        "site,name,phase,easting,northing,available_from\nN,+1 North field,primary,401000,300000,2025/26\n"
    )
    (inputs / "housing.csv").write_text(
        "site,locality,academic_year,dwellings,certainty\n"
        "Mill,A,2023/24,120,0.9\nMill,A,2024/25,80,0.5\nQuay,B,2023/24,60,1\nGreen,A,2023/24,40,1\n"
    )
    (inputs / "contributions.csv").write_text(
        "site,phase,amount_gbp,due_year,spend_by,spend_where\nMill,primary,1500000,2023/24,2028/29,P\n"
        "Quay,secondary,900000,2023/24,,\n"
    )
    (inputs / "planned_places.csv").write_text(
        "urn,planning_area,academic_year,year_group,phase,places,kind\n"
        f"{PRIMARIES['B']},,2024/25,R,,15,permanent\n{PRIMARIES['C']},,2023/24,R,,10,bulge\n"
        f"{PRIMARIES['C']},,2024/25,R,,5,removed\n,P,2025/26,,primary,30,permanent\n"
        f"{SECONDARY},,2022/23,Y7,,-10,permanent\n"
    )
    (inputs / "school_sites.csv").write_text(
        "urn,site,easting,northing,planning_area,places\n"
        + "".join(f"{PRIMARIES['C']},{site},410000,300000,P,{places}\n" for site, places in SITES.items())
    )
    (inputs / "adjustments.csv").write_text(
        "locality,year_group,academic_year,change,reason,author,date\nB,R,2024/25,3,=reason,@author,2023-05-01\n"
    )
    policy(folder, 'estate_frontier = "yes"')
    list(run_stages(Study.open(folder)))
    return Study.open(folder)


@pytest.fixture(scope="module")
def export(made: Study) -> Path:
    return made.results / "export"


def result(made: Study) -> object:
    return export_stage(made, made.results, EXPORTED, EXPORTED)


# -- the workbook --------------------------------------------------------------------------------------------------


def test_every_sheet_is_its_table(made: Study, export: Path) -> None:
    """A figure that changes on its way into the workbook is minuted as a result."""
    tables = tables_of(made.results)
    assert len(tables) > 60 and ("export", "scap_planned_places") in tables and ("estate", "frontier") in tables
    assert differences(export / WORKBOOK, {name: table for (_, name), table in tables.items()}) == []
    sheets = openpyxl.load_workbook(export / WORKBOOK, read_only=True).sheetnames
    assert sheets[:3] == list(ABOUT) and sorted(sheets[3:]) == sorted(name for _, name in tables)


def test_the_comparison_finds_what_is_wrong(made: Study, export: Path) -> None:
    """The test above must be able to fail: a number changed, text for a number, a row too many."""
    balance = read_stage(made.results / "balance", "balance")
    changed = balance.assign(pupils=balance["pupils"] * (1 + 1e-9))
    assert len(differences(export / WORKBOOK, {"balance": changed})) == (balance["pupils"] > 0).sum()
    assert differences(export / WORKBOOK, {"balance": balance.assign(pupils=balance["pupils"].astype(str))})
    assert differences(export / WORKBOOK, {"balance": balance.head(-1)})


def test_a_sheet_has_units_frozen_headings_a_filter_and_formats(made: Study, export: Path) -> None:
    """Without units a committee takes metres for miles."""
    book = openpyxl.load_workbook(export / WORKBOOK)
    sheet, table = book["decisions"], read_stage(made.results / "estate", "decisions")
    unit = {cell.value: above.value for above, cell in zip(sheet[1], sheet[2], strict=True)}
    assert unit["capital_gbp"] == "GBP" and unit["places_after"] == "places" and unit["name"] is None
    assert sheet.freeze_panes == "B3"
    last = openpyxl.utils.get_column_letter(len(table.columns))
    assert sheet.auto_filter.ref == f"A2:{last}{len(table) + 2}"
    shown = {cell.value: sheet.cell(3, cell.column) for cell in sheet[2]}
    assert shown["capital_gbp"].number_format.startswith("£#,##0") and shown["probability"].number_format == "0.0%"
    begins = book["calendar"]["E3"]
    assert isinstance(begins.value, datetime) and begins.number_format == "d mmm yyyy"
    widths = [sheet.column_dimensions[openpyxl.utils.get_column_letter(k + 1)].width for k in range(5)]
    assert all(8 <= width <= 62 for width in widths)


def test_the_workbook_says_what_it_is_and_what_it_holds(made: Study, export: Path) -> None:
    """A workbook is passed on alone: whose figures, of which year, approximate or not, and what a column means."""
    book = openpyxl.load_workbook(export / WORKBOOK, read_only=True)
    told = {row[0]: row[1] for row in book["Read me"].iter_rows(min_row=3, values_only=True)}
    assert told["Study"] == "Three villages" and told["Scenario"] == "base" and told["Base year"].startswith("2022/23")
    assert "Approximate" in told["Distances"] and "Licence" in told["Licence and sources"]
    assert set(made.banners) <= {
        row[1] for row in book["Read me"].iter_rows(min_row=3, values_only=True) if row[0] == "Please note"
    }
    listed = {row[2]: row for row in book["Contents"].iter_rows(min_row=2, values_only=True)}
    tables = tables_of(made.results)
    for (stage, name), table in tables.items():
        assert listed[name][:6] == (name, stage, name, tables_listed()[name][1], len(table), len(table.columns))
    assert "problem.npz" in listed and listed["problem.npz"][0] is None
    columns = [row[:3] for row in book["Columns"].iter_rows(min_row=2, values_only=True)]
    assert sorted(columns) == sorted((stage, name, column) for (stage, name), t in tables.items() for column in t)


def test_nothing_in_the_workbook_runs(made: Study, export: Path) -> None:
    """A school's name is somebody's text; a clerk opens the workbook and clicks."""
    assert what_could_run(export / WORKBOOK) == []
    names = set(read_stage(made.results / "estate", "options")["name"])
    assert {LINK, IMAGE, RIGHT_TO_LEFT, LONG, "+1 North field"} <= names, "the study has lost its hostile names"
    sheet = openpyxl.load_workbook(export / WORKBOOK)["options"]
    cells = [row[2] for row in sheet.iter_rows(min_row=3)]
    assert {cell.value for cell in cells} == names
    assert all(cell.data_type in ("s", "inlineStr") and cell.hyperlink is None for cell in cells)
    quoted = {cell.value for cell in cells if cell.quotePrefix}
    assert quoted == {LINK, "+1 North field"}, "edited and left, these would become formulas"


def crafted(path: Path, values: list[object], name: str = "reason") -> openpyxl.worksheet.worksheet.Worksheet:
    table = Gathered("estate", "decisions", pd.DataFrame({name: values}), "decisions")
    with Book(path, "Title", "Study & county") as book:
        book.table(table)
    return openpyxl.load_workbook(path)["decisions"]


def test_hostile_text_is_inert_and_legible(tmp_path: Path) -> None:
    """Signs that XML cannot hold would make a workbook that Excel cannot open."""
    broken = {"bell\x07 and \x00 nul": "bell� and � nul", "\ufffe": "�", "a\r\nb\rc": "a\nb\nc", "\r=1": "\n=1"}
    sheet = crafted(tmp_path / "a.xlsx", [*HOSTILE, *broken])
    assert [row[0].value for row in sheet.iter_rows(min_row=3)] == [*HOSTILE, *broken.values()]
    assert what_could_run(tmp_path / "a.xlsx") == []
    risky = {row[0].value for row in sheet.iter_rows(min_row=3) if row[0].quotePrefix}
    assert risky == {LINK, "+1", "-2", "@sum(A1)", "\t=1"}


def test_text_that_is_too_long_for_a_cell_is_cut_and_says_so(tmp_path: Path) -> None:
    """Excel takes 32,767 signs; XlsxWriter would leave the cell blank."""
    value = crafted(tmp_path / "a.xlsx", ["x" * 40_000])["A3"].value
    assert len(value) == 32_767 and value.startswith("xxx") and value.endswith("the CSV has it whole)")


def test_blanks_infinities_and_days_are_told_apart(tmp_path: Path) -> None:
    """A missing figure shown as 0, or a limit that does not exist shown as an error, is misread."""
    sheet = crafted(tmp_path / "a.xlsx", [np.nan, 0.0, np.inf, -np.inf, 1 / 3], "value")
    assert [row[0].value for row in sheet.iter_rows(min_row=3, max_row=7)] == [None, 0, "∞", "−∞", pytest.approx(1 / 3)]
    sheet = crafted(tmp_path / "b.xlsx", ["2023-02-03", "", None, "2023-12-31"], "start_by")
    days = [row[0].value for row in sheet.iter_rows(min_row=3, max_row=6)]
    assert days == [datetime(2023, 2, 3), None, None, datetime(2023, 12, 31)]
    sheet = crafted(tmp_path / "c.xlsx", ["2023-02-03", "soon"], "start_by")
    assert [row[0].value for row in sheet.iter_rows(min_row=3)] == ["2023-02-03", "soon"]
    sheet = crafted(tmp_path / "d.xlsx", pd.array([1, None, 3], dtype="Int64"), "option")
    assert [row[0].value for row in sheet.iter_rows(min_row=3, max_row=5)] == [1, None, 3]


names = st.text("abcXYZ_019", min_size=1, max_size=45)


@given(st.lists(st.tuples(st.sampled_from(EXPORTED), names), max_size=12, unique=True))
def test_sheet_names_fit_and_differ(tables: list[tuple[str, str]]) -> None:
    """Excel refuses a workbook with two sheets of one name in any letter case, or with one of more than 31 letters."""
    made = [name.lower() for name in sheet_names([*tables, ("finance", "Contents"), ("estate", "history")])]
    assert len(set(made)) == len(made) and all(0 < len(name) <= 31 for name in made)
    assert not {"history", "read me", "contents", "columns"} & set(made)


def test_tables_that_are_too_long_are_named_and_not_cut(
    made: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a table without a word is worse than none."""
    length = len(read_stage(made.results / "balance", "balance"))
    monkeypatch.setattr(gathered, "MOST_ROWS", length - 1)
    told = result(made)
    assert "balance/balance" in told.summary["without_sheet"] and told.summary["warnings"]
    told.files[WORKBOOK](tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)
    assert "balance" not in book.sheetnames and "balance_summary" in book.sheetnames
    row = next(row for row in book["Contents"].iter_rows(min_row=2, values_only=True) if row[2] == "balance")
    assert row[0] is None and row[4] == length and "CSV and Parquet only" in row[6]
    frame = pd.DataFrame({"pupils": np.zeros(1_048_575)})
    assert "can hold" in Gathered("balance", "balance", frame, "balance").why_no_sheet


# -- what columns mean ---------------------------------------------------------------------------------------------


def test_every_column_has_a_meaning(made: Study) -> None:
    """A column that nobody explains is guessed at; the sample county is asked the same in its own tests."""
    silent = [
        (name, c) for (_, name), t in tables_of(made.results).items() for c in t if not column_of(name, c).meaning
    ]
    assert silent == [] and {name for _, name in tables_of(made.results)} <= set(tables_listed())


def test_the_list_of_columns_says_nothing_twice_and_of_no_unknown_table() -> None:
    """Of two meanings for one column of one table the reader would get either."""
    listed = pd.read_csv(Path(gathered.__file__).parent / "columns.csv", keep_default_na=False)
    pairs = [(row.column, table) for row in listed.itertuples() for table in row.tables.split() or [""]]
    assert len(set(pairs)) == len(pairs)
    assert {table for _, table in pairs} - {""} <= set(tables_listed())
    assert listed["meaning"].str.len().min() > 2
    assert (
        column_of("finance", "cost_gbp").unit == "GBP" and column_of("transport", "gbp_per_year").unit == "GBP a year"
    )


# -- CSV -----------------------------------------------------------------------------------------------------------


def test_every_csv_is_its_table_and_runs_nothing(made: Study, export: Path) -> None:
    """Excel takes text that begins with = in a CSV for a formula, and garbles ë without the mark."""
    with zipfile.ZipFile(export / CSV) as archive:
        tables = tables_of(made.results)
        wanted = {f"{stage}/{name}.csv" for stage, name in tables} | {"contents.csv", "columns.csv"}
        assert set(archive.namelist()) == wanted
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for (stage, name), table in tables.items():
            raw = archive.read(f"{stage}/{name}.csv")
            assert raw.startswith(b"\xef\xbb\xbf")
            back = pd.read_csv(io.BytesIO(raw), encoding="utf-8-sig")
            assert list(back.columns) == list(table.columns) and len(back) == len(table)
            numbers = table.select_dtypes("number").columns
            pd.testing.assert_frame_equal(
                back[numbers].astype(float), table[numbers].astype(float), check_exact=False, rtol=1e-12
            )
        options = pd.read_csv(io.BytesIO(archive.read("estate/options.csv")), encoding="utf-8-sig")
        assert {"'" + LINK, IMAGE, RIGHT_TO_LEFT, LONG, "'+1 North field"} <= set(options["name"])


# -- the GeoPackage ------------------------------------------------------------------------------------------------


def layer(export: Path, name: str) -> gpd.GeoDataFrame:
    return gpd.read_file(export / GEOPACKAGE, layer=name)


def test_demand_layers_are_the_forecast(made: Study, export: Path) -> None:
    forecast = read_stage(made.results / "forecast", "forecast_phase")
    for phase in PHASES:
        shown = layer(export, f"demand_{phase}").set_index("locality")
        rows = forecast[forecast["phase"] == phase].set_index(["academic_year", "locality"])
        for column, year, name in (
            ("pupils_base", "2022/23", "mean"), ("pupils_last", "2027/28", "mean"),
            ("p10_last", "2027/28", "p10"), ("p90_last", "2027/28", "p90"),
        ):  # fmt: skip
            assert shown[column].to_dict() == pytest.approx(rows.loc[year, name].to_dict()), column
        assert (shown["base_year"] == "2022/23").all() and (shown["last_year"] == "2027/28").all()
        change = rows.loc["2027/28", "mean"] - rows.loc["2022/23", "mean"]
        assert shown["change"].to_dict() == pytest.approx(change.to_dict())
        share = change / rows.loc["2022/23", "mean"]
        assert shown["change_share"].to_dict() == pytest.approx(share.to_dict())
        assert shown["name"].tolist() == [IMAGE, LINK, SCRIPT]


def test_balance_layers_are_the_balance_never_netted(made: Study, export: Path) -> None:
    balance = read_stage(made.results / "balance", "balance")
    for phase in PHASES:
        shown = layer(export, f"balance_{phase}").set_index("planning_area")
        sums = balance[balance["phase"] == phase].groupby(["planning_area", "academic_year"])
        for measure in ("pupils", "places", "need", "spare"):
            by_year = sums[measure].sum()
            for (area, year), value in by_year.items():
                assert shown.loc[area, f"{measure}_{year.replace('/', '_')}"] == pytest.approx(value)
            assert shown[f"{measure}_last"].to_dict() == pytest.approx(by_year.xs("2027/28", level=1).to_dict())
        most = sums["need"].sum()
        assert shown["need_most"].to_dict() == pytest.approx(most.groupby("planning_area").max().to_dict())
        for area, row in shown.iterrows():
            first = most[area][most[area] == most[area].max()].index.min()
            assert row["need_most_year"] == first
            assert row["spare_share_last"] == pytest.approx(row["spare_last"] / row["places_last"])


def test_the_layer_of_schools_is_places_rolls_decisions_and_clusters(made: Study, export: Path) -> None:
    shown = layer(export, "schools").set_index("urn")
    places = read_stage(made.results / "balance", "school_places")
    rolls = read_stage(made.results / "balance", "roll_forecast")
    decisions = read_stage(made.results / "estate", "decisions").query("probability >= 0.5")
    clusters = read_stage(made.results / "clusters", "clusters").set_index("urn")
    assert len(shown) == 4
    for urn, row in shown.iterrows():
        for suffix, year in (("base", "2022/23"), ("last", "2027/28")):
            for name, table, column in (("places", places, "places"), ("roll", rolls, "pupils")):
                own = table[(table["urn"] == urn) & (table["academic_year"] == year)]
                assert row[f"{name}_{suffix}"] == pytest.approx(own[column].sum())
        own = decisions[decisions["facility"] == str(urn)]
        if own.empty:
            assert row["action"] is None
        else:
            told = own[own["action"] == row["action"]].iloc[0]
            assert row["action_from"] == told["academic_year"] and row["decider"] == told["decider"]
            assert row["places_after"] == told["places_after"] and row["action_cost_gbp"] == told["cost_gbp"]
        if urn in clusters.index:
            assert row["role"] == clusters.loc[urn, "role"]
    assert shown["action"].notna().any() and LINK in set(shown["name"])


def test_sites_and_moved_pupils_are_the_plan(made: Study, export: Path) -> None:
    decisions = read_stage(made.results / "estate", "decisions").query("probability >= 0.5").set_index("facility")
    sites = layer(export, "sites")
    assert sites["name"].tolist() == ["+1 North field"]
    assert sites["action"].iloc[0] == decisions["action"].get("N")
    moved = read_stage(made.results / "estate", "allocation").query("moved and academic_year == '2027/28'")
    shown = layer(export, "moved_pupils")
    by = ["demand_point", "facility"]
    pupils = shown.set_index(by)["pupils"].sort_index()
    pd.testing.assert_series_equal(pupils, moved.groupby(by)["pupils"].sum().sort_index())
    ends = layer(export, "schools").set_index("urn").geometry
    assert len(shown) > 0 and all(
        line.distance(ends[int(facility)]) < 1
        for facility, line in zip(shown["facility"], shown.geometry, strict=True)
        if facility != "N"
    )


def test_clusters_and_trusts_are_outlines_round_their_schools(made: Study, export: Path) -> None:
    """The village schools stand in one cluster and, as the plan has it, in no trust; two are given one here."""
    schools = layer(export, "schools").set_index("urn").geometry
    clusters = read_stage(made.results / "clusters", "clusters")
    clusters.loc[clusters["urn"] != PRIMARIES["C"], "trust"] = IMAGE
    drawn = {one.name: one.features for one in group_layers(made, clusters)}
    pd.testing.assert_frame_equal(
        pd.DataFrame(drawn["clusters"].drop(columns="geometry")),
        pd.DataFrame(layer(export, "clusters").drop(columns="geometry")),
        check_dtype=False,
    )
    for name, group in (("clusters", "cluster"), ("trusts", "trust")):
        members = clusters[clusters[group].notna()]
        shown, sums = drawn[name].set_index(group), members.groupby(group)
        assert shown["schools"].to_dict() == sums.size().to_dict()
        assert shown["pupils"].to_dict() == pytest.approx(sums["pupils"].sum().to_dict())
        assert shown["longest_drive_min"].to_dict() == pytest.approx(sums["travel_min"].max().to_dict())
        inside = [shown.geometry[getattr(row, group)].contains(schools[row.urn]) for row in members.itertuples()]
        assert all(inside) and len(inside) >= 2
    assert not drawn["trusts"].geometry.contains(schools[PRIMARIES["C"]]).any()


def styles(path: Path) -> pd.DataFrame:
    with closing(sqlite3.connect(path)) as base:
        return pd.read_sql("SELECT * FROM layer_styles", base)


def test_every_layer_has_one_default_style_that_fits_it(export: Path) -> None:
    """QGIS opens a layer whose style names a column it lacks as a blank map."""
    path = export / GEOPACKAGE
    given = styles(path)
    drawn = [name for name, kind in pyogrio.list_layers(path) if kind is not None]
    assert sorted(given["f_table_name"]) == sorted(drawn) and (given["useAsDefault"] == 1).all()
    assert (given[["f_table_catalog", "f_table_schema"]] == "").all(axis=None)
    with closing(sqlite3.connect(path)) as base:
        held = dict(base.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        kinds = dict(base.execute("SELECT table_name, data_type FROM gpkg_contents"))
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert dict(zip(given["f_table_name"], given["f_geometry_column"], strict=True)) == held
    assert kinds["layer_styles"] == "attributes"
    colours = {value for value in vars(palette).values() if isinstance(value, str) and value.startswith("#")}
    colours |= {one for value in vars(palette).values() if isinstance(value, tuple) for one in value}
    known = {tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in colours} | {(82, 82, 82)}  # Style's line
    for style in given.itertuples():
        root = ET.fromstring(style.styleQML.split("\n", 1)[1])
        fields = set(layer(export, style.f_table_name).columns)
        rules, symbols = list(root.iter("rule")), {symbol.get("name") for symbol in root.iter("symbol")}
        assert rules and {rule.get("symbol") for rule in rules} == symbols
        named = {name for rule in rules for name in re.findall(r'"([^"]+)"', rule.get("filter", ""))}
        named |= {text.get("fieldName") for text in root.iter("text-style")}
        assert named <= fields, f"{style.f_table_name}: {named - fields}"
        for option in root.iter("Option"):
            if (option.get("name") or "").endswith("color"):
                assert tuple(map(int, option.get("value", "").split(",")[:3])) in known


def test_every_feature_is_drawn_by_one_rule(export: Path) -> None:
    """A feature that no rule holds is invisible; the filters are read as SQL, which they are here."""
    path = export / GEOPACKAGE
    with closing(sqlite3.connect(path)) as base:
        for style in styles(path).itertuples():
            root = ET.fromstring(style.styleQML.split("\n", 1)[1])
            filters = [rule.get("filter") for rule in root.iter("rule")]
            times = " + ".join(f"COALESCE(({one}), 0)" for one in filters)
            drawn = base.execute(f'SELECT MIN({times}), MAX({times}) FROM "{style.f_table_name}"').fetchone()
            assert drawn == (1, 1), style.f_table_name


def test_the_same_results_make_the_same_files(made: Study, export: Path, tmp_path: Path) -> None:
    """Results are compared by their hashes: a clock in a file would make every run another one."""
    for name, write in result(made).files.items():
        write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == (export / name).read_bytes(), name


def test_verify_finds_a_workbook_that_was_edited(made: Study, tmp_path: Path) -> None:
    copy = tmp_path / "study"
    shutil.copytree(made.folder, copy)
    study = Study.open(copy)
    assert not any(verify_results(study).values())
    book = openpyxl.load_workbook(study.results / "export" / WORKBOOK)
    book["balance"]["E3"] = 1
    book.save(study.results / "export" / WORKBOOK)
    found = {what: wrong for what, wrong in verify_results(study).items() if wrong}
    assert found == {"export: files as they were written": [f"{WORKBOOK} has been changed"]}


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("scap_forecast", "pupils", 0),
        ("scap_forecast", "developer_funded_pupils", 0),
        ("scap_capacity", "number_on_roll", 0),
        ("scap_planned_places", "places", 0),
        ("scap_planned_places", "places", -1),
    ],
)
def test_verify_finds_a_survey_table_that_was_edited(
    made: Study, tmp_path: Path, table: str, column: str, row: int
) -> None:
    """Even where its hash were written anew, a return must not differ from what the plan was made of."""
    study = replace(made, folder=shutil.copytree(made.folder, tmp_path / "study"))
    path = study.results / "export" / f"{table}.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows.index[row], column] += 7
    rows.to_parquet(path, index=False)
    wrong = wrong_survey_tables(study)
    assert len(wrong) == (2 if column == "pupils" else 1) and all(line.startswith(table) for line in wrong)
    assert wrong_survey_tables(made) == []


# -- the capacity survey -------------------------------------------------------------------------------------------


def test_capacity_and_roll_by_site_add_up_to_the_schools(made: Study, export: Path) -> None:
    """An authority returns these: a site counted twice is funding lost."""
    table = pd.read_parquet(export / "scap_capacity.parquet")
    places = read_stage(made.results / "balance", "school_places").query("academic_year == '2022/23'")
    key = ["urn", "year_group"]
    found = table.groupby(key)[["capacity", "capacity_by_pan", "number_on_roll"]].sum()
    expected = places.groupby(key)[["physical_places", "places"]].sum()
    rolls = made.tables["rolls"].groupby(key)["pupils"].sum()
    assert found["capacity"].to_dict() == pytest.approx(expected["physical_places"].to_dict())
    assert found["capacity_by_pan"].to_dict() == pytest.approx(expected["places"].to_dict())
    assert found["number_on_roll"].to_dict() == pytest.approx(rolls.to_dict())
    split = table[table["urn"] == PRIMARIES["C"]]
    of_r = split[split["year_group"] == "R"].set_index("site")
    assert of_r["capacity"]["annexe"] == pytest.approx(of_r["capacity"].sum() * 60 / 210)
    assert split["roll_apportioned"].all() and not table[table["urn"] != PRIMARIES["C"]]["roll_apportioned"].any()
    assert set(table["planning_area"]) == {"P", "S"} and LINK in set(table["school"])


def test_capacity_is_net_capacity_where_cohorts_raised_the_places(made: Study) -> None:
    """Places of a guessed admission number are those of the cohorts; returned as capacity they would be invented."""
    schools = made.tables["schools"].assign(pan_estimated=lambda table: table["urn"] == SECONDARY)
    study = replace(made, tables={**made.tables, "schools": schools})
    places = read_stage(made.results / "balance", "school_places")
    raised = places.assign(physical_places=places["physical_places"] * 1.2)
    capacity = scap_capacity(study, raised).groupby("urn")["capacity"].sum()
    assert capacity[SECONDARY] == pytest.approx(300) and capacity[PRIMARIES["A"]] == pytest.approx(1.2 * 210)


def test_the_forecast_is_the_balance_as_far_as_the_survey_asks(made: Study, export: Path) -> None:
    table = pd.read_parquet(export / "scap_forecast.parquet")
    cell = ["planning_area", "academic_year", "year_group"]
    balance = read_stage(made.results / "balance", "balance").query("academic_year > '2022/23'")
    found, expected = (frame.set_index(cell)["pupils"].sort_index() for frame in (table, balance))
    pd.testing.assert_series_equal(found, expected)  # five years of both phases: the horizon
    assert (table["pupils"] - table["developer_funded_pupils"] - table["other_pupils"]).abs().max() < 1e-9
    assert (table["other_pupils"] >= 0).all()


def test_pupils_of_funded_homes_by_two_routes(made: Study, export: Path) -> None:
    """Mill pays for primary places and Quay for secondary ones; Green pays for none and is nobody's to claim."""
    table = pd.read_parquet(export / "scap_forecast.parquet")
    homes, codes = made.tables["housing"], made.tables["localities"]["locality"].tolist()
    starts = 2023 + np.arange(5)
    for phase, site in (("primary", "Mill"), ("secondary", "Quay")):
        # No home was built in the past years, so what past ratios carry is one share of all: the site stands alone.
        own = homes[homes["site"] == site]
        terms, _ = housing_terms(own, codes, 2022, starts, PHASES[phase], made.policy)
        living = terms[TERMS[0]] + terms[TERMS[1]]
        rows = table[table["phase"] == phase]
        by_year = rows.groupby("academic_year")[FUNDED].sum()
        assert by_year[FUNDED[0]].tolist() == pytest.approx(living.sum(axis=(0, 2)).tolist())
        assert by_year[FUNDED[1]].tolist() == pytest.approx(sum(terms.values()).sum(axis=(0, 2)).tolist())
        assert by_year[FUNDED[0]].max() > 4 and (by_year[FUNDED[1]] < by_year[FUNDED[0]]).any()


def test_of_all_homes_what_they_add_is_what_the_forecast_added(made: Study) -> None:
    """Told home by home, the pupils must be those of the forecast's own table of new homes."""
    homes, codes = made.tables["housing"], made.tables["localities"]["locality"].tolist()
    starts, groups = 2023 + np.arange(5), COMPULSORY
    sites = homes["site"].unique()
    parts = [housing_terms(homes, codes, 2022, starts, groups, made.policy, (homes["site"] == s).to_numpy())[0]
             for s in sites]  # fmt: skip
    summed = {term: sum(part[term] for part in parts) for term in TERMS}
    key = ["locality", "academic_year", "year_group", "term"]
    found = housing_table(summed, codes, starts, groups).set_index(key)["pupils"].sort_index()
    whole = read_stage(made.results / "forecast", "housing_terms").set_index(key)["pupils"].sort_index()
    pd.testing.assert_series_equal(found, whole[whole.index.isin(found.index)])
    assert set(whole.index) >= set(found.index) and len(found) > 100


def test_planned_places_are_those_of_the_table_and_of_the_plan(made: Study, export: Path) -> None:
    table = pd.read_parquet(export / "scap_planned_places.parquet")
    assert set(table["academic_year"]) <= {"2023/24", "2024/25", "2025/26"}
    own = table[table["planned_by"] == "the study's planned places"]
    by = own.set_index(["academic_year", "year_group", "kind"])["places"]
    at_b = own[own["urn"] == PRIMARIES["B"]].set_index(["academic_year", "year_group"])["places"].to_dict()
    assert at_b == {("2024/25", "R"): 15, ("2025/26", "R"): 15, ("2025/26", "Y1"): 15}, "a cohort moves up"
    at_c = own[own["urn"] == PRIMARIES["C"]].set_index(["academic_year", "year_group", "kind"])["places"].to_dict()
    assert at_c == {
        ("2023/24", "R", "bulge"): 10, ("2024/25", "Y1", "bulge"): 10, ("2025/26", "Y2", "bulge"): 10,
        ("2024/25", "R", "removed"): -5, ("2025/26", "R", "removed"): -5, ("2025/26", "Y1", "removed"): -5,
    }  # fmt: skip
    for_area = own[own["urn"].isna()]
    assert for_area[["planning_area", "academic_year", "year_group", "places"]].to_numpy().tolist() == [
        ["P", "2025/26", "R", 30.0]
    ]
    assert by["2023/24", "Y8", "removed"] == -10, "what was decided in the base year is in effect"
    plan = table[table["planned_by"] == "the plan"]
    stored = read_stage(made.results / "estate", "plan_places").query("academic_year <= '2025/26'")
    change = (stored["places_after"] - stored["places_before"]).groupby(stored["facility"]).sum()
    key = plan["site"].fillna(plan["urn"].astype("string"))
    assert plan.groupby(key)["places"].sum().to_dict() == pytest.approx(change[change != 0].to_dict())
    assert len(plan) and plan["certainty"].str.contains("not decided").all() and plan["probability"].notna().all()
    assert (plan.loc[plan["action"] == "bulge class", "kind"] == "bulge").all()


def test_places_of_the_plan_add_up_to_its_decisions(made: Study) -> None:
    decisions = read_stage(made.results / "estate", "decisions").set_index(["facility", "action"])
    places = read_stage(made.results / "estate", "plan_places").query("academic_year == '2027/28'")
    sums = places.groupby(["facility", "action"])[["places_before", "places_after"]].sum().round()
    for column in sums:
        assert sums[column].to_dict() == decisions[column].to_dict()


def test_planned_changes_are_what_they_make_of_places(made: Study) -> None:
    """Where net capacity limits nothing, places with the table less places without it are the changes."""
    schools = made.tables["schools"].assign(capacity=2000)
    planned, years = made.tables["planned_places"], ["2022/23", "2023/24", "2024/25", "2025/26"]
    key = ["urn", "academic_year", "year_group"]
    with_them, without = (school_places(schools, one, years).set_index(key)["places"] for one in (planned, None))
    difference = (with_them - without)[lambda change: change != 0]
    changes = planned_changes(schools, planned, years)
    found = changes[changes["urn"].notna()].astype({"urn": "int64"}).groupby(key)["places"].sum()
    assert found.to_dict() == pytest.approx(difference.to_dict()) and len(found) > 5


@pytest.mark.parametrize(("missing", "why"), [("housing", NO_HOUSING), ("contributions", NO_CONTRIBUTIONS)])
def test_what_cannot_be_told_of_funded_homes_is_blank_and_says_why(made: Study, missing: str, why: str) -> None:
    """A nought would tell the Department that developers fund nothing."""
    study = replace(made, tables={name: table for name, table in made.tables.items() if name != missing})
    table = export_stage(study, made.results, EXPORTED, EXPORTED).tables["scap_forecast"]
    assert table[[*FUNDED, "other_pupils"]].isna().all(axis=None) and set(table["developer_basis"]) == {why}


def test_a_study_without_schools_or_boundaries_gives_back_what_it_has(tmp_path: Path) -> None:
    """Three tables make a forecast; its figures must come out too."""
    folder = write_small_study(tmp_path / "study")
    for name in ("schools.csv", "rolls.csv", "localities.gpkg"):
        (folder / "inputs" / name).unlink()
    (folder / "inputs/localities.csv").write_text(
        "locality,name,planning_area_primary,planning_area_secondary\nA,A,P,S\nB,B,P,S\nC,C,P2,S\n"
    )
    steps = {step.stage: step.outcome for step in run_stages(Study.open(folder))}
    assert steps["export"] == "done" and steps["balance"] == "left out"
    export = folder / "results/base/export"
    assert sorted(path.name for path in export.iterdir()) == [
        CSV, WORKBOOK, "scap_forecast.parquet", "summary.json"
    ]  # fmt: skip
    table = pd.read_parquet(export / "scap_forecast.parquet")
    cell = table.set_index(["planning_area", "academic_year", "year_group"])["pupils"]
    assert cell["P2", "2027/28", "Y6"] == pytest.approx(12) and cell["P", "2023/24", "R"] == pytest.approx(45)
    assert set(table["counted"]) == {"living in the area"}
    tables = {name: frame for (_, name), frame in tables_of(folder / "results/base").items()}
    assert differences(export / WORKBOOK, tables) == []
    assert json.loads((export / "summary.json").read_text())["layers"] == []
    assert start_year(table["academic_year"].max()) == 2027
