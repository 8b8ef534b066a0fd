"""Results on disk: written whole or not at all, listed with their hashes, fit for spreadsheets and for QGIS."""

import json
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from small_study import POINTS, PRIMARIES, grow, write_small_study

from placeplan.pipeline import run_stages
from placeplan.results import (
    StageResult,
    add_csv,
    changed_files,
    file_digest,
    mend_interrupted,
    read_stage,
    read_summary,
    write_stage,
)
from placeplan.study import Study

HOSTILE = ["=1+1", "+44 20", "-x", "@sum", "\tcmd", "Zoë’s School", "a=b"]
ORIGIN = {"inputs": {"rolls": "abc"}}


def written(folder: Path, **summary: object) -> dict[str, object]:
    table = pd.DataFrame({"name": HOSTILE, "pupils": np.arange(-3.0, 4.0)})
    write_stage(folder, StageResult({"schools": table}, {"page.html": "<p>"}, summary=summary), ORIGIN)
    found = read_summary(folder)
    assert found is not None
    return found


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    return tmp_path / "results/base/estate"


def test_every_summary_has_the_same_keys_and_the_hash_of_every_file(stage: Path) -> None:
    """A program that reads summaries must find status, rows, fallbacks and warnings in all of them."""
    summary = written(stage, objective=5.0)
    assert (summary["status"], summary["rows"]) == ("done", {"schools": 7})
    assert summary["fallbacks"] == summary["warnings"] == []
    assert summary["objective"] == 5.0 and summary["made_from"] == ORIGIN
    assert summary["files"] == {name: file_digest(stage / name) for name in ("page.html", "schools.parquet")}
    assert written(stage, status="optimal", warnings=["old"])["warnings"] == ["old"]


def test_missing_extra_and_changed_files_are_named(stage: Path) -> None:
    summary = written(stage)
    assert changed_files(stage, summary) == []
    (stage / "page.html").write_text("<p>!")
    (stage / "schools.parquet").rename(stage / "other.parquet")
    said = changed_files(stage, summary)
    assert said == ["schools.parquet is missing", "other.parquet is not one of its files", "page.html has been changed"]


@pytest.mark.parametrize("text", ["", '{"fingerprint": "a', "[1]", "\udcff"])
def test_a_summary_that_cannot_be_read_is_as_good_as_none(stage: Path, text: str) -> None:
    written(stage)
    (stage / "summary.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_summary(stage) is None


def test_writing_that_was_cut_off_between_the_two_renames_gives_the_old_results_back(stage: Path) -> None:
    """The power fails when the old results are set aside and the new ones not yet in place: nothing may be lost."""
    before = written(stage)
    stage.rename(stage.with_name(".estate-old-4711"))
    half = stage.with_name(".estate-k2j3h4")
    half.mkdir()
    (half / "schools.parquet").write_bytes(b"PAR1")
    other = stage.with_name(".forecast-old-1")
    other.mkdir()
    mend_interrupted(stage)
    assert read_summary(stage) == before and changed_files(stage, before) == []
    assert sorted(path.name for path in stage.parent.iterdir()) == [".forecast-old-1", "estate"]


def test_what_a_cut_off_writing_left_goes_with_the_next_one(stage: Path) -> None:
    """After the second rename the new results stand; the old ones set aside must not come back over them."""
    written(stage)
    old = stage.with_name(".estate-old-4711")
    old.mkdir()
    (old / "summary.json").write_text('{"fingerprint": "old"}')
    stage.with_name(".estate-abc").mkdir()
    assert written(stage)["made_from"] == ORIGIN
    assert [path.name for path in stage.parent.iterdir()] == ["estate"]


def test_csv_is_read_by_excel_and_runs_nothing(stage: Path) -> None:
    """Without the mark Excel garbles ë; a school named =cmd|… must not be run by whoever opens the table."""
    written(stage)
    add_csv(stage)
    raw = (stage / "schools.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    table = pd.read_csv(stage / "schools.csv", encoding="utf-8-sig")
    assert table["name"].tolist() == ["'=1+1", "'+44 20", "'-x", "'@sum", "'\tcmd", "Zoë’s School", "a=b"]
    assert table["pupils"].tolist() == [-3, -2, -1, 0, 1, 2, 3], "negative numbers are numbers"
    assert read_stage(stage, "schools")["name"].tolist() == HOSTILE, "the Parquet stays as it was"
    summary = read_summary(stage)
    assert summary is not None and "schools.csv" in summary["files"] and changed_files(stage, summary) == []


def test_looking_at_a_geopackage_is_no_change_and_editing_it_is(stage: Path) -> None:
    """QGIS opens a GeoPackage with a journal of its own; that alone must not make a result look tampered with."""
    layer = gpd.GeoDataFrame({"pupils": [1]}, geometry=gpd.points_from_xy([400_000], [300_000]), crs="EPSG:27700")
    write_stage(stage, StageResult(files={"estate.gpkg": lambda path: layer.to_file(path, layer="schools")}), ORIGIN)
    path, summary = stage / "estate.gpkg", read_summary(stage)
    assert summary is not None
    before = path.read_bytes()

    def sql(*lines: str) -> None:
        base = sqlite3.connect(path)
        for line in lines:
            base.execute(line).fetchall()
        base.commit()
        base.close()

    sql("PRAGMA journal_mode=WAL", "SELECT count(*) FROM schools", "PRAGMA journal_mode=DELETE")
    assert path.read_bytes() != before, "SQLite leaves marks; without them this test shows nothing"
    (stage / "estate.gpkg-wal").write_bytes(b"")
    assert changed_files(stage, summary) == []
    sql("UPDATE gpkg_contents SET description = 'mine'")
    assert changed_files(stage, summary) == ["estate.gpkg has been changed"]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_study(tmp_path_factory.mktemp("geography") / "study")
    grow(folder, "A", 75)
    list(run_stages(Study.open(folder)))
    return folder


def layer(folder: Path, stage: str, name: str) -> gpd.GeoDataFrame:
    read = gpd.read_file(folder / f"results/base/{stage}/{stage}.gpkg", layer=name)
    assert read.crs.to_epsg() == 27700
    return read


def test_forecast_and_balance_can_be_mapped(grown: Path) -> None:
    """A row a locality and a row a planning area, with the figures of the tables, where they lie."""
    results = grown / "results/base"
    layers = {name for name, _ in pyogrio.list_layers(results / "forecast/forecast.gpkg")}
    assert layers == {"primary", "secondary"}
    drawn = layer(grown, "forecast", "primary").set_index("locality")
    table = read_stage(results / "forecast", "forecast_phase").query("phase == 'primary'")
    means = table.set_index(["locality", "academic_year"])["mean"]
    assert drawn.index.tolist() == list(POINTS)
    assert drawn.loc["A", "mean_2026_27"] == pytest.approx(means["A", "2026/27"])
    centre = drawn.geometry["A"].centroid
    assert (centre.x, centre.y) == pytest.approx(POINTS["A"])
    areas = layer(grown, "balance", "primary").set_index("planning_area")
    balance = read_stage(results / "balance", "balance").query("phase == 'primary'")
    for measure in ("need", "spare", "pupils", "places"):
        by_year = balance.groupby("academic_year")[measure].sum()
        for year, value in by_year.items():
            assert areas.loc["P", f"{measure}_{str(year).replace('/', '_')}"] == pytest.approx(value)
    assert areas.geometry["P"].area == pytest.approx(3 * 5000**2)


def test_decisions_and_clusters_are_points_at_their_schools(grown: Path) -> None:
    decisions = read_stage(grown / "results/base/estate", "decisions")
    drawn = layer(grown, "estate", "decisions")
    assert len(decisions) and drawn["facility"].tolist() == decisions["facility"].tolist()
    village = {str(urn): name for name, urn in PRIMARIES.items()} | {"100010": "B"}
    assert [(at.x, at.y) for at in drawn.geometry] == [POINTS[village[key]] for key in drawn["facility"]]
    clusters = read_stage(grown / "results/base/clusters", "clusters")
    points = layer(grown, "clusters", "clusters")
    assert points["urn"].tolist() == clusters["urn"].tolist()
    assert points["role"].tolist() == clusters["role"].tolist()


def test_a_study_without_boundaries_has_no_polygons_and_still_runs(tmp_path: Path) -> None:
    """Localities without a shape can be forecast; no layer may stop that."""
    folder = write_small_study(tmp_path / "study")
    (folder / "inputs/localities.gpkg").unlink()
    (folder / "inputs/localities.csv").write_text("locality,name\nA,A\nB,B\nC,C\n")
    for name in ("schools.csv", "rolls.csv"):
        (folder / "inputs" / name).unlink()
    steps = {step.stage: step.outcome for step in run_stages(Study.open(folder))}
    assert steps["forecast"] == "done"
    assert not list((folder / "results").rglob("*.gpkg"))


def test_the_manifest_says_of_each_stage_what_it_was_made_from_and_when(grown: Path) -> None:
    manifest = json.loads((grown / "results/base/manifest.json").read_text())
    for name, told in manifest["stages"].items():
        summary = read_summary(grown / "results/base" / name)
        assert summary is not None
        assert (told["fingerprint"], told["written"]) == (summary["fingerprint"], summary["written"])
        assert told["inputs"]["births"] == file_digest(grown / "inputs/births.csv")
    assert "rolls" in manifest["stages"]["estate"]["inputs"] and "rolls" not in manifest["stages"]["forecast"]["inputs"]
