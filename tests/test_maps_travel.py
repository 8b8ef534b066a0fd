"""The map of journeys: bands of ground, and pupils beyond the limits by home and by area, as the tables have them."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from browser import DESKTOP, PHONE, OpenedPage, check_map, open_page
from shapely.geometry import Point, box
from test_maps_questions import CRS, HOSTILE, NOTES, points

from maps.travel import travel_map
from maps.travel_tables import _figures
from maps.travel_words import Travel, band_words, fewer, miles
from placeplan.journeys import study_journeys
from placeplan.pages.travel import open_schools, plan_year, summaries, surfaces, times, travellers
from placeplan.results import read_stage
from placeplan.study import Study

TODAY, PLAN = "2022/23 today", "2029/30 under the plan"
PHASES = ("primary", "secondary")
KEYS = ["pupils", "beyond", "newly_beyond", "beyond_longest", "median_m", "worst_m", "worst_min"]


def figures(times: int, key: str, names: list[str]) -> pd.DataFrame:
    """The first of the names has 20 pupils, 4 of them beyond today and 10 under the plan; the others nobody beyond."""
    rows = [
        (name, phase, when, 20.0, (4.0 + 6 * when) * (n == 0), 6.0 * when * (n == 0), 0.0, 1500.0, 5000.0, 12.0)
        for n, name in enumerate(names)
        for phase in PHASES
        for when in range(times)
    ]
    return pd.DataFrame(rows, columns=[key, "phase", "when", *KEYS])


def travel(times: int = 2, approximate: bool = False) -> Travel:
    areas = figures(times, "planning_area", ["A1", "A2"])
    return Travel(
        [TODAY, PLAN][:times],
        figures(times, "demand_point", ["d0", "d1", "d2"]),
        areas,
        areas[areas["planning_area"] == "A1"].drop(columns="planning_area"),
        pd.DataFrame({"phase": ["primary"], "when": [0], "pupils": [7.0]}),
        (3219.0, 4828.0),
        {"primary": 45.0, "secondary": 75.0},
        approximate,
        1.3,
    )


def ground(times: int = 2) -> gpd.GeoDataFrame:
    """Four bands a phase and measure; under the plan the primary schools are others, the secondary ones the same."""
    rows = []
    for phase in PHASES:
        for measure, breaks in (("metres", (1609.5, 3219.0, 4828.0)), ("minutes", (5.0, 10.0, 20.0))):
            for when in range(times):
                same_as = when if phase == "primary" else 0
                for band in range(4):
                    shape = box(480000 + 2000 * band, 300000, 482000 + 2000 * band, 302000) if same_as == when else None
                    rows.append((phase, measure, when, same_as, band, breaks, 4.0, 10.0 * band + when, 250.0, shape))
    columns = ["phase", "measure", "when", "same_as", "band", "breaks", "km2", "pupils", "cell_m", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=CRS)


HOMES = gpd.GeoDataFrame(
    {"demand_point": ["d0", "d1", "d2"], "name": [HOSTILE, "n" * 200, "قرية"]}, geometry=points(3), crs=CRS
)
AREAS = gpd.GeoDataFrame(
    {"planning_area": ["A1", "A2"] * 2, "phase": ["primary"] * 2 + ["secondary"] * 2, "name": [HOSTILE, "Two"] * 2},
    geometry=[box(480000, 300000, 484000, 302000), box(484000, 300000, 488000, 302000)] * 2,
    crs=CRS,
)


def facilities() -> gpd.GeoDataFrame:
    """A primary school that closes, one that stays, a secondary, and a site with a new school."""
    return gpd.GeoDataFrame(
        {
            "urn": ["100", "101", "102", "X"],
            "name": [HOSTILE, "St. Mary’s", "High", "Field"],
            "phase": ["primary", "primary", "secondary", "primary"],
            "religious_character": "none",
            "places": 210.0,
            "pupils": 200.0,
            "open_0": [True, True, True, False],
            "open_1": [False, True, True, True],
        },
        geometry=[Point(481000 + 1500 * n, 301500) for n in range(4)],
        crs=CRS,
    )


def saved(folder: Path, text: str) -> Path:
    file = folder / "travel.html"
    file.write_text(text, encoding="utf-8")
    return file


def page(times: int = 2, approximate: bool = False) -> str:
    return travel_map(travel(times, approximate), ground(times), HOMES, AREAS, facilities(), NOTES)


def signs(opened: OpenedPage, layer: str) -> list[str]:
    found: list[str] = opened.page.eval_on_selector_all(
        f".layer-{layer}", "signs => signs.map((sign) => sign.querySelector('path').getAttribute('d'))"
    )
    return found


@pytest.mark.browser
def test_every_view_draws_what_there_is_of_its_time(tmp_path: Path) -> None:
    views = {f"{measure}-{phase}": 4 for measure in ("metres", "minutes") for phase in PHASES}
    views |= {f"beyond-area-{phase}": 2 for phase in PHASES} | {f"beyond-home-{phase}": 3 for phase in PHASES}
    check_map(saved(tmp_path, page()), views | {"schools": 3})


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_slider_leads_from_today_to_the_plan(tmp_path: Path, size: tuple[int, int]) -> None:
    """Today's figures under the plan's year, or the other way round."""
    with open_page(saved(tmp_path, page()), size) as opened:
        told = opened.page
        opened.show("beyond-area-primary")
        assert [text for text in told.locator(".map-label.strong").all_text_contents() if text] == ["<5"]
        crosses = len(set(signs(opened, "schools")))
        told.locator("#year").focus()
        told.keyboard.press("End")
        assert told.inner_text("#year-text") == PLAN and PLAN in told.inner_text("#legend")
        assert [text for text in told.locator(".map-label.strong").all_text_contents() if text] == ["10"]
        assert opened.counts()["schools"] == 4 and len(set(signs(opened, "schools"))) == crosses + 2
        assert "closes under the plan" in told.inner_text("#legend")
        opened.show("beyond-home-secondary")
        assert len(set(signs(opened, "beyond-home-secondary"))) == 2, "one home has pupils beyond, two have none"
        opened.show("metres-secondary")
        assert opened.counts()["metres-secondary"] == 4, "the same schools: the same ground at both times"
        assert opened.problems() == []


@pytest.mark.browser
def test_popup_and_tables_tell_the_same(tmp_path: Path) -> None:
    with open_page(saved(tmp_path, page())) as opened:
        told = opened.page
        opened.show("beyond-area-primary")
        told.fill("#query", "Two")
        told.press("#query", "Enter")
        told.fill("#query", "img")
        told.press("#query", "Enter")
        assert told.inner_text(".popup h2") == HOSTILE
        read = [row.split("\t") for row in told.locator(".popup tbody tr").all_inner_texts()]
        assert read == [[TODAY, "20", "fewer than 5", "1.5", "5.0"], [PLAN, "20", "10 (50 %)", "1.5", "5.0"]]
        told.locator(".numbers summary").click()
        rows = [row.split("\t") for row in told.locator(".numbers tbody tr").all_inner_texts()]
        assert [HOSTILE, "primary", PLAN, "20", "10", "10", "50 %", "1.5", "5.0", "0", "12", "6"] in rows
        assert ["secondary school", PLAN, "2 to 3 miles (3.2–4.8 km)", "4", "21"] in rows
        assert "7 primary (2022/23 today)" in told.inner_text(".numbers")
        assert opened.problems() == []


@pytest.mark.browser
def test_without_a_plan_there_is_no_slider(tmp_path: Path) -> None:
    """A slider with one end; a legend that says "undefined"."""
    with open_page(saved(tmp_path, page(times=1))) as opened:
        opened.show("beyond-home-primary")
        assert opened.page.locator("#year").count() == 0
        assert "undefined" not in opened.page.inner_text("body") and TODAY in opened.page.inner_text(".controls")
        assert "Newly beyond" not in opened.page.inner_text("body")
        assert opened.problems() == []


def test_approximate_is_said_where_it_is_so() -> None:
    assert "Approximate: straight lines × 1.3" in page(approximate=True)
    assert "Approximate" not in page()


def test_words_of_bands_and_numbers() -> None:
    assert band_words("minutes", (5.0, 10.0, 20.0)) == ["up to 5 min", "5 to 10 min", "10 to 20 min", "over 20 min"]
    assert band_words("metres", (1609.5, 3219.0))[1:] == ["1 to 2 miles (1.6–3.2 km)", "over 2 miles (3.2 km)"]
    assert [fewer(n) for n in (0.0, 0.04, 0.06, 9.94, 9.96, 1234.5)] == ["0", "0", "0.1", "9.9", "10", "1,234"]
    assert miles(1609.344) == "1 mile" and miles(4000) == "2.5 miles"


# -- from a study ---------------------------------------------------------------------------------------------------


def test_villages_by_hand(closing_villages: Study) -> None:
    """A 20 a year group, B 25, C 12, at their schools' gates; the secondary is at B, 5 km from A and C."""
    study = closing_villages
    journeys = study_journeys(study)
    rows = travellers(study, study.results, journeys, planned=True)
    told = summaries(rows, ["phase", "when"]).set_index(["phase", "when"])
    assert told.loc[("primary", 0), ["pupils", "beyond", "worst_m"]].tolist() == pytest.approx([7 * 57, 0, 0])
    assert told.loc[("secondary", 0), ["pupils", "beyond"]].tolist() == pytest.approx([5 * 57, 5 * 32])
    assert told.loc[("secondary", 0), "median_m"] == pytest.approx(5000), "32 of 57 come from A and C"
    assert told.loc[("primary", 1), "beyond"] == pytest.approx(84, abs=1), "C's school is closed: all of them"
    assert told.loc[("primary", 1), "newly_beyond"] == pytest.approx(told.loc[("primary", 1), "beyond"])
    assert told.loc[("secondary", 1), "newly_beyond"] == 0


def test_beyond_agrees_with_nodes_and_allocation_one_by_one(closing_villages: Study) -> None:
    """Ages or limits mixed up in arrays: counted once more, row by row and year group by year group."""
    study, balance = closing_villages, closing_villages.results / "balance"
    rolls = read_stage(balance, "roll_forecast")
    base, last = study.settings.base_year, plan_year(study.results)

    def counted(rows: pd.DataFrame, year: str, phase: str) -> float:
        total = 0.0
        for row in rows.itertuples():
            own = rolls[(rolls["urn"].astype(str) == row.today) & (rolls["academic_year"] == year)]
            own = own[own["year_group"].isin([*"R", *(f"Y{n}" for n in range(1, 7))]) == (phase == "primary")]
            for group in own.itertuples():
                limit = 3219 if group.year_group in ("R", "Y1", "Y2", "Y3") else 4828
                total += row.pupils * group.pupils / own["pupils"].sum() * (row.distance_m > limit)
        return total

    nodes = read_stage(balance, "nodes").assign(today=lambda t: t["urn"].astype(str))
    nodes["phase"] = nodes["band"].map(lambda band: "secondary" if band.startswith("Y7") else "primary")
    placed = read_stage(study.results / "estate", "allocation")
    by_time = [(nodes, base), (placed[placed["academic_year"] == last], last)]
    told = summaries(travellers(study, study.results, study_journeys(study), planned=True), ["phase", "when"])
    for row in told.itertuples():
        table, year = by_time[row.when]
        assert row.beyond == pytest.approx(counted(table[table["phase"] == row.phase], year, row.phase)), row


def test_ground_round_the_schools_that_are_open(closing_villages: Study) -> None:
    """C's ground is a mile from a school today and 5 km under the plan; all of the ground is in some band."""
    study = closing_villages
    journeys = study_journeys(study)
    opened = open_schools(study, study.results, journeys, planned=True)
    assert [len(opened["primary", when]) for when in (0, 1)] == [3, 2]
    rows = travellers(study, study.results, journeys, planned=True)
    told = surfaces(study, journeys, rows, opened, times(study, study.results, planned=True))
    c = Point(410_000, 300_000)
    primary = told[(told["phase"] == "primary") & (told["measure"] == "metres")]
    at = [one.loc[one.geometry.contains(c), "band"].tolist() for _, one in primary.groupby("when")]
    assert at == [[0], [3]]
    km2 = told.groupby(["phase", "measure", "when"])["km2"].sum()
    assert km2.to_numpy() == pytest.approx(15 * 5, rel=0.05)
    assert told.loc[told["phase"] == "secondary", "same_as"].eq(0).all(), "the secondary stays: drawn once"
    pupils = told.groupby(["phase", "measure", "when"])["pupils"].sum()
    assert pupils["primary", "metres", 0] == pytest.approx(7 * 57)


@pytest.mark.browser
def test_the_studys_page(closing_villages: Study) -> None:
    file = closing_villages.results / "maps/travel.html"
    check_map(file, {"metres-primary": 3, "beyond-area-primary": 1, "beyond-home-secondary": 3, "schools": 4})
    assert file.stat().st_size < 2_000_000


def test_few_pupils_of_a_home_are_not_told_nor_what_gives_them_away() -> None:
    """Of 20 pupils of a home 4 are beyond: neither the 4, nor the 16 within, nor the 20 % may stand there."""
    rows = figures(2, "demand_point", ["d0", "d1", "d2"]).assign(name="Home")
    table = _figures(travel(), rows, {"Home": "name"}, 5.0)
    today, plan = table.iloc[0], table.iloc[1]
    assert [today[name] for name in ("Within", "Beyond", "Share beyond")] == ["the others", "fewer than 5", "–"]
    assert [plan[name] for name in ("Within", "Beyond", "Share beyond")] == ["10", "10", "50 %"]
    homes = page().split('"homes of primary pupils":')[1].split('"rows":')[1]
    assert homes.startswith(f'[[["{TODAY}","20","fewer than 5","1.5","5.0"],["{PLAN}","20","10 (50 %)"')
