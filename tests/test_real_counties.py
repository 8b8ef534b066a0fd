"""Rutland and Devon from the published files to plans on maps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import check_map, open_page
from stored_plans import check_stored_plans

from geodata.fallbacks import OLD_DATA
from geodata.importers import import_folders
from geodata.years import COMPULSORY
from models.planning_areas import area_history
from models.school_forecast import FULL
from placeplan.pages.stage import VILLAGE_PHASES
from placeplan.pipeline import NAMES, Step, run_stages
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.verification import verify_results

MAPS = ("demand", "balance", "estate", "clusters")


def made(real_data: Path, folder: Path, own: str, authority: str) -> tuple[Path, list[Step]]:
    import_folders([real_data / own, real_data / "england"], authority, folder)
    return folder, list(run_stages(Study.open(folder)))


@pytest.fixture(scope="module")
def rutland(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Step]]:
    return made(real_data, tmp_path_factory.mktemp("counties") / "rutland", "rutland", "Rutland")


@pytest.fixture(scope="module")
def devon(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Step]]:
    return made(real_data, tmp_path_factory.mktemp("counties") / "devon", "devon", "Devon")


def tables(county: tuple[Path, list[Step]]) -> Path:
    return county[0] / "results/base"


def nodes_reproduce_rolls(county: tuple[Path, list[Step]]) -> None:
    """Within 5 % where a school has 100 pupils or more, within 10 pupils below."""
    study = Study.open(county[0])
    nodes = read_stage(tables(county) / "balance", "nodes")
    rolls = study.tables["rolls"]
    rolls = rolls[(rolls["academic_year"] == study.settings.base_year) & rolls["urn"].isin(nodes["urn"])]
    compulsory = rolls[~rolls["year_group"].isin(["Y12", "Y13"])]
    pairs = pd.DataFrame(
        {"roll": compulsory.groupby("urn")["pupils"].sum(), "made": nodes.groupby("urn")["pupils"].sum()}
    )
    off = (pairs["roll"] - pairs["made"]).abs()
    large = pairs["roll"] >= 100
    assert (off[large] <= 0.05 * pairs["roll"][large]).all(), pairs[large & (off > 0.05 * pairs["roll"])]
    assert (off[~large] <= 10).all(), pairs[~large & (off > 10)]


def test_rutland_is_whole(rutland: tuple[Path, list[Step]]) -> None:
    """17 primaries, three secondaries, one 16–19 academy that is mapped and not planned, 23 localities, every stage."""
    folder, steps = rutland
    assert {step.stage: step.outcome for step in steps} == dict.fromkeys(NAMES, "done") | {"tender": "left out"}
    study = Study.open(folder)
    phases = study.tables["schools"]["phase"].value_counts().to_dict()
    assert (phases["primary"], phases["secondary"], phases["16 plus"]) == (17, 3, 1)
    assert read_stage(tables(rutland) / "forecast", "forecast")["locality"].nunique() == 23
    planned = read_stage(tables(rutland) / "balance", "school_places")["urn"].nunique()
    assert planned == 20
    assert not study.approximate


def test_rutland_keeps_its_rolls_and_its_surplus(rutland: tuple[Path, list[Step]]) -> None:
    nodes_reproduce_rolls(rutland)
    check_stored_plans(rutland[0])
    rows = read_stage(tables(rutland) / "estate", "policy_rows")
    assert rows["row"].str.contains("retained surplus").sum() == 28 and (rows["value"] >= rows["lower"] - 1e-6).all()
    kept_today = read_stage(tables(rutland) / "estate", "retained")
    kept = rows[rows["row"].str.contains(", primary, ") & rows["row"].str.endswith("retained surplus")]
    rolls = read_stage(tables(rutland) / "balance", "roll_forecast")
    in_primary = rolls[rolls["year_group"].isin(["R", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6"])]
    pupils = in_primary.groupby("academic_year")["pupils"].sum().iloc[1:].to_numpy()
    assert (pupils <= 0.95 * kept["value"].to_numpy() + 1e-6).all(), "primary schools keep less than 5 % empty"
    short = kept_today[kept_today["today"] < kept_today["asked"]]
    assert set(short["phase"]) <= {"secondary"} and (short["plan"] >= short["today"] - 1e-6).all()


@pytest.mark.parametrize("name", ["rutland", "devon"])
def test_homes_areas_schools_and_balance_speak_of_the_same_pupils(name: str, request: pytest.FixtureRequest) -> None:
    """In every area, year group and year: pupils of the balance are those of its schools, and those are the area's."""
    county: tuple[Path, list[Step]] = request.getfixturevalue(name)
    study, folder, cell = (
        Study.open(county[0]),
        tables(county) / "balance",
        ["planning_area", "academic_year", "year_group"],
    )
    names = ("attendance", "balance", "roll_forecast", "school_unplaced")
    terms, balance, rolls, lost = (read_stage(folder, table) for table in names)
    on_roll = terms[(terms["term"] == "on roll") & terms["year_group"].isin(COMPULSORY)]
    on_roll = on_roll.set_index(cell)["pupils"]
    of_balance = balance.set_index(cell)["pupils"].reindex(on_roll.index, fill_value=0.0)
    of_schools = area_history(rolls, study.tables["schools"]).set_index(cell)["pupils"]
    np.testing.assert_allclose(of_balance, on_roll, atol=1e-6)
    np.testing.assert_allclose(of_schools.reindex(on_roll.index, fill_value=0.0), on_roll, atol=1e-6)
    assert rolls["pupils"].sum() == pytest.approx(on_roll.sum())
    assert set(lost["reason"]) <= {FULL}, "pupils are booked in an area where no school teaches them"
    assert not any(verify_results(study).values())


def test_rutland_closes_nothing(rutland: tuple[Path, list[Step]]) -> None:
    """Closing is offered for schools that the study names, and an import names none."""
    assert "close" not in set(read_stage(tables(rutland) / "estate", "decisions")["action"])


def test_rutland_again_does_nothing(rutland: tuple[Path, list[Step]]) -> None:
    steps = list(run_stages(Study.open(rutland[0])))
    assert {step.outcome for step in steps if step.stage != "tender"} == {"unchanged"}


def test_apportioned_counts_are_marked_in_tables(rutland: tuple[Path, list[Step]]) -> None:
    study = Study.open(rutland[0])
    assert study.tables["pupils"]["estimated"].all() and study.tables["births"]["estimated"].all()
    totals = study.tables["pupils"].groupby(["academic_year", "year_group"])["pupils"].sum()
    assert totals["2021/22", "Y7"] == pytest.approx(589, abs=0.01)


@pytest.mark.browser
@pytest.mark.parametrize("name", MAPS)
def test_every_page_of_rutland_says_what_it_is(rutland: tuple[Path, list[Step]], name: str) -> None:
    """Old data and estimated pupils must be said on the page itself, where a councillor will see it."""
    with open_page(tables(rutland) / "maps" / f"{name}.html") as opened:
        said = opened.page.inner_text("body")
        assert OLD_DATA in said and "apportioned" in said
        assert opened.problems() == []
    report = (tables(rutland) / "report/report.html").read_text(encoding="utf-8")
    assert "Demonstration on old data" in report


@pytest.mark.browser
def test_maps_of_rutland_draw_every_feature(rutland: tuple[Path, list[Step]]) -> None:
    maps = tables(rutland) / "maps"
    check_map(maps / "demand.html", {"pupils-primary": 23, "pupils-secondary": 23, "change-primary": 23})
    check_map(maps / "balance.html", {"balance-primary": 1, "balance-secondary": 1, "schools": 22})
    check_map(maps / "estate.html", {"decisions": 22})
    clusters = read_stage(tables(rutland) / "clusters", "clusters")
    check_map(maps / "clusters.html", {"drives": int((clusters["role"] == "member").sum()), "schools": 17})


def test_devon_runs_without_roads(devon: tuple[Path, list[Step]]) -> None:
    """310 primaries in 54 planning areas; straight lines marked approximate; nine schools off the map listed."""
    folder, steps = devon
    assert {step.stage: step.outcome for step in steps} == dict.fromkeys(NAMES, "done") | {"tender": "left out"}
    study = Study.open(folder)
    assert study.approximate and any("Approximate" in banner for banner in study.banners)
    schools = study.tables["schools"]
    junior = schools["phase"].isin(["primary", "infant", "junior", "first"])
    assert junior.sum() == 310
    assert read_stage(tables(devon) / "balance", "balance").query("phase == 'primary'")["planning_area"].nunique() == 54
    warned = read_summary(tables(devon) / "balance")
    assert warned is not None and "9 schools have no coordinates" in " ".join(warned["warnings"])


def test_devon_keeps_its_rolls_and_its_surplus(devon: tuple[Path, list[Step]]) -> None:
    nodes_reproduce_rolls(devon)
    check_stored_plans(devon[0])
    rows = read_stage(tables(devon) / "estate", "policy_rows")
    assert (rows["value"] >= rows["lower"] - 1e-6).all()
    told = read_summary(tables(devon) / "estate")
    assert told is not None and told["gap"] <= 0.05
    allocation = read_stage(tables(devon) / "estate", "allocation")
    assert np.isfinite(allocation["pupils"]).all() and (allocation["pupils"] > 0).all()


@pytest.mark.browser
def test_maps_of_devon_draw_every_feature(devon: tuple[Path, list[Step]]) -> None:
    maps = tables(devon) / "maps"
    check_map(maps / "demand.html", {"pupils-primary": 457})
    check_map(maps / "balance.html", {"balance-primary": 54})
    check_map(maps / "estate.html", {"decisions": len(placed(devon))})
    check_map(
        maps / "clusters.html",
        {"schools": int(_on_the_map_of_clusters(devon).sum())},
    )
    assert max((maps / f"{name}.html").stat().st_size for name in MAPS) < 4_000_000


def placed(county: tuple[Path, list[Step]]) -> pd.DataFrame:
    schools = Study.open(county[0]).tables["schools"]
    return schools[schools["easting"].notna()]


def _on_the_map_of_clusters(county: tuple[Path, list[Step]]) -> "pd.Series[bool]":
    """Village phases, schools of the plan, and schools that are in a trust of the plan today."""
    schools = placed(county)
    plan = read_stage(tables(county) / "clusters", "clusters")
    shown = schools["phase"].isin(VILLAGE_PHASES) | schools["urn"].isin(plan["urn"])
    return shown | schools["trust"].isin(plan["trust"].dropna())
