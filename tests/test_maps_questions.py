"""The four maps on small made-up tables, read as a person would in a browser."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from browser import OpenedPage, check_map, open_page
from shapely.geometry import LineString, Point, box

from maps.balance import area_styles, balance_map
from maps.basemap import Basemap, Tiles
from maps.clusters import clusters_map
from maps.commissioning import added_words, commissioning_map
from maps.deficits import percent
from maps.demand import demand_map
from maps.estate import MOST_LINES, estate_map
from maps.page import PageNotes
from maps.palette import CHANCE, CHANGE, PALE, PUPILS

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
NOTES = PageNotes("T", "Study", "base", "Why?", ["Demonstration on old data: nobody's proposal"], "Contains data")
YEARS = ["2022/23", "2023/24", "2024/25"]
CRS = "EPSG:27700"
BULGE = {("2023/24", "R"), ("2024/25", "Y1")}


def squares(count: int) -> list[object]:
    return [box(480000 + 2000 * i, 300000, 482000 + 2000 * i, 302000) for i in range(count)]


def points(count: int) -> list[object]:
    return [Point(481000 + 2000 * i, 301000 + 100 * (i % 3)) for i in range(count)]


def demand_tables(count: int = 6) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Locality i has 10 i pupils in the base year, and i and 2 i more in the next; the last has no secondary
    figure."""
    names = [HOSTILE, "قرية", "n" * 200, *(f"Place {i}" for i in range(3, count))]
    localities = gpd.GeoDataFrame(
        {"locality": range(count), "name": names, "planning_area_primary": HOSTILE, "planning_area_secondary": None},
        geometry=squares(count),
        crs=CRS,
    )
    rows = [
        (i, phase, year, 10 * i + i * t, 10 * i - t, 10 * i, 10 * i + 3 * t)
        for i in range(count)
        for phase in ("primary", "secondary")
        for t, year in enumerate(YEARS)
        if not (i == count - 1 and phase == "secondary")
    ]
    columns = ["locality", "phase", "academic_year", "mean", "p10", "p50", "p90"]
    return localities, pd.DataFrame(rows, columns=columns)


def schools(count: int = 4) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "urn": range(100, 100 + count),
            "name": [HOSTILE, "St. Mary’s Primary", *(f"School {i}" for i in range(2, count))],
            "phase": ["primary", "secondary", "all-through", *["primary"] * (count - 3)],
            "places": 210,
            "pupils": [200.0, *[np.nan] * (count - 1)],
            "religious_character": "Church of England",
        },
        geometry=points(count),
        crs=CRS,
    )


def balance_tables() -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Area A1: 12 pupils without a place in R and 20 spare in Y1 from 2023/24; A2 only spare; S1
    secondary."""
    areas = gpd.GeoDataFrame(
        {
            "planning_area": ["A1", "A2", "S1"],
            "phase": ["primary", "primary", "secondary"],
            "name": ["One", HOSTILE, "Sec"],
        },
        geometry=[*squares(2), squares(1)[0]],
        crs=CRS,
    )
    rows = []
    for year in YEARS:
        late = year != YEARS[0]
        rows += [("A1", "primary", "R", year, 72 if late else 60, 60, 12 if late else 0, 0)]
        rows += [("A1", "primary", "Y1", year, 40, 60, 0, 20), ("A2", "primary", "R", year, 50, 60, 0, 10)]
        rows += [("S1", "secondary", "Y10", year, 90, 100, 0, 10), ("S1", "secondary", "Y9", year, 90, 100, 0, 10)]
    columns = ["planning_area", "phase", "year_group", "academic_year", "pupils", "places", "need", "spare"]
    return areas, pd.DataFrame(rows, columns=columns)


def deficit_rows() -> pd.DataFrame:
    """A1's intake is short by 5 with a probability of 63 % from 2023/24 on, its whole phase for certain; A2 never."""
    rows = []
    for year in YEARS[1:]:
        rows += [("A1", "primary", "intake", year, 60.0, 55.0, 75.0, 5.2, 0.63)]
        rows += [("A1", "primary", "whole phase", year, 420.0, 400.0, 500.0, 40.0, 1.0)]
        rows += [("A2", "primary", "intake", year, 60.0, 40.0, 50.0, 0.0, 0.0)]
    columns = ["planning_area", "phase", "kind", "academic_year", "places", "pupils_p10", "pupils_p90"]
    return pd.DataFrame(rows, columns=[*columns, "deficit_expected", "probability"])


def balance_page() -> str:
    areas, balance = balance_tables()
    return balance_map(areas, balance, schools(), NOTES, deficits=deficit_rows(), least=15.0)


def estate_page(journeys: int = 5) -> str:
    sites = gpd.GeoDataFrame({"site": ["X", "Y"], "name": ["Field X", "Field Y"]}, geometry=points(2), crs=CRS)
    fields = ["facility", "urn", "site", "action", "academic_year", "places_before", "places_after", "cost_gbp"]
    decisions = pd.DataFrame(
        [
            ("f0", 100, None, "close", "2024/25", 210, 0, -300_000.0),
            ("f1", 101.0, None, "cut PAN", "2023/24", 315, 210, 0.0),
            ("f1", 101.0, None, "expand", "2024/25", 210, 315, 2e6),
            ("f9", None, "X", "new school", "2024/25", 0, 420, 9.6e6),
        ],
        columns=fields,
    ).assign(proposer="LA", decider="DfE", reason=HOSTILE)
    lines = gpd.GeoDataFrame(
        {
            "demand_point": [f"d{i}" for i in range(journeys)],
            "facility": "102",
            "pupils": np.arange(1.0, journeys + 1),
            "distance_m": 1500.0,
            "moved": [i == 0 for i in range(journeys)],
        },
        geometry=[LineString([(480000 + i % 50, 300000), (484000, 301000)]) for i in range(journeys)],
        crs=CRS,
    )
    return estate_map(schools(), decisions, lines, balance_tables()[0], NOTES, sites=sites)


def clusters_page(closing: bool = False) -> str:
    table = pd.DataFrame(
        {
            "urn": [100, 101, 102],
            "cluster": [HOSTILE, HOSTILE, "c2"],
            "trust": ["T1", "T1", "T2"],
            "role": ["lead", "member", "lead"],
            "travel_min": [0.0, 8.4, 0.0],
        }
    )
    line = LineString([points(2)[0], points(2)[1]])
    links = gpd.GeoDataFrame({"urn": [101], "travel_min": [8.4]}, geometry=[line], crs=CRS)
    trusts = pd.DataFrame(
        {
            "trust": ["T1", "T2"],
            "hub": [HOSTILE, "School 2"],
            "viable": [False, True],
            "stops_in": ["2024/25", None],
            "balance_gbp": [1.0, 2.0],
            "reserves_p10_gbp": [-5.0, 7.0],
        }
    )
    at = points(4)
    pairs = [(0, 2, 3), (0, 3, 4), (1, 3, 5), (0, 1, 6)]  # the third nearest of each of two is not drawn
    apart = gpd.GeoDataFrame(
        {
            "name": [f"S{a}" for a, _, _ in pairs],
            "other_name": [f"S{b}" for _, b, _ in pairs],
            "drive_min": [minutes for _, _, minutes in pairs],
            "rules": HOSTILE,
        },
        geometry=[LineString([at[a], at[b]]) for a, b, _ in pairs],
        crs=CRS,
    )
    today = schools().assign(trust=[None, None, None, "T2"])
    saved_gbp = pd.Series({HOSTILE: 50_000.0, "c2": -1_000.0})
    instead = None
    if closing:
        left = {"urn": 103, "cluster": None, "trust": None, "role": "closing", "travel_min": np.nan}
        table.loc[len(table)] = left
        offer = {"urn": 103, "cluster": "c2", "trust": "T2", "extra_gbp": -165_720.7, "leadership_saved_gbp": 40_000.0}
        instead = pd.DataFrame([offer | {"why": ""}])
    return clusters_map(today, table, links, NOTES, trusts=trusts, savings=saved_gbp, apart=apart, instead=instead)


def saved(folder: Path, text: str) -> Path:
    file = folder / "map.html"
    file.write_text(text, encoding="utf-8")
    return file


def fills(opened: OpenedPage, layer: str) -> list[str]:
    found: list[str] = opened.page.eval_on_selector_all(
        f".layer-{layer}", "paths => paths.map((path) => path.getAttribute('fill'))"
    )
    return found


@pytest.mark.browser
def test_demand_map_draws_every_locality_in_every_view(tmp_path: Path) -> None:
    localities, forecast = demand_tables()
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0]))
    views = ["pupils-primary", "pupils-secondary", "change-primary", "change-secondary"]
    check_map(file, dict.fromkeys(views, 6))


@pytest.mark.browser
def test_slider_by_keyboard_changes_colours_and_legend(tmp_path: Path) -> None:
    """A map that shows one year's colours under another year's name."""
    localities, forecast = demand_tables()
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0]))
    with open_page(file) as opened:
        page = opened.page
        for _ in range(4):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.id") == "year":
                break
        assert page.evaluate("() => document.activeElement.id") == "year"
        opened.show("change-primary")
        assert YEARS[-1] in page.inner_text("#legend h2")
        last = fills(opened, "change-primary")
        assert last[0] == CHANGE[2] and last[5] == CHANGE[4]
        page.locator("#year").focus()
        page.keyboard.press("Home")
        assert page.inner_text("#year-text") == YEARS[0]
        assert page.locator("#year").get_attribute("aria-valuetext") == YEARS[0]
        assert YEARS[0] in page.inner_text("#legend h2")
        assert set(fills(opened, "change-primary")) == {CHANGE[2]}, "no change since the base year in the base year"
        assert opened.problems() == []


@pytest.mark.browser
def test_popup_has_pupils_and_range_of_each_year(tmp_path: Path) -> None:
    localities, forecast = demand_tables()
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0]))
    with open_page(file) as opened:
        opened.page.fill("#query", "place 4")
        opened.page.press("#query", "Enter")
        assert opened.page.inner_text(".popup h2") == "Place 4"
        rows = opened.page.locator(".popup tbody tr").all_inner_texts()
        assert [row.split() for row in rows] == [
            ["2022/23", "40", "40–40", "40", "40–40"],
            ["2023/24", "44", "39–43", "44", "39–43"],
            ["2024/25", "48", "38–46", "48", "38–46"],
        ]
        assert opened.page.locator(".popup tr.shown").inner_text().startswith("2024/25")
        assert HOSTILE in opened.page.inner_text(".popup dl")
        opened.page.fill("#query", "nowhere")
        opened.page.press("#query", "Enter")
        assert "Nothing of that name" in opened.page.inner_text("#found")


@pytest.mark.browser
def test_low_and_high_figures_colour_the_map_and_a_click_shows_the_cohorts(tmp_path: Path) -> None:
    """The map shows the mean under the name of p90, or a chart other pupils than the table beside it."""
    localities, forecast = demand_tables()
    groups = pd.DataFrame({"year_group": ["Y10", "R"], "mean": [7.0, 3.0]})
    by_year = localities[["locality"]].merge(pd.DataFrame({"academic_year": YEARS}), how="cross")
    cohorts = by_year.merge(groups, how="cross")
    cohorts.loc[(cohorts["locality"] == 5) & (cohorts["academic_year"] == YEARS[0]), "mean"] = 14.0
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0], cohorts=cohorts))
    with open_page(file) as opened:
        page = opened.page
        opened.show("change-primary")
        mean = fills(opened, "change-primary")
        page.get_by_label("High (p90)").check()
        high = fills(opened, "change-primary")
        assert high != mean and "High (p90)" in page.inner_text("#legend h2")
        page.get_by_label("Low (p10)").check()
        assert fills(opened, "change-primary")[5] in CHANGE[:3], "p10 is below the base year everywhere"
        page.fill("#query", "Place 5")
        page.press("#query", "Enter")
        bars = page.locator(".popup .chart").first
        assert bars.locator("text").all_text_contents()[-2:] == ["R", "10"], "cohorts in the order of age"
        tall = [float(bar.get_attribute("height") or 0) for bar in bars.locator(".bar").all()]
        assert tall[1] == pytest.approx(tall[0] * 7 / 3), "Y10 has 7 pupils, R 3"
        base = [float(line.get_attribute("y1") or 0) for line in bars.locator(".base").all()]
        assert base[0] == base[1], "both stood at 14 in the base year"
        assert page.locator(".popup .chart .mean").count() == 1, "no secondary figure, no chart of it"
        assert opened.problems() == []


@pytest.mark.browser
def test_places_behind_the_map_are_found_and_tiles_wait_to_be_asked(tmp_path: Path) -> None:
    """A village that is on the map cannot be found, or opening a page tells a server of tiles who reads it."""
    localities, forecast = demand_tables()
    places = gpd.GeoDataFrame({"name": ["Little Wood"]}, geometry=points(1), crs=CRS)
    behind = Basemap(places=places, tiles=Tiles("https://tiles.example.org/{z}/{x}/{y}.png", "A & B"))
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0], basemap=behind))
    with open_page(file) as opened:
        page = opened.page
        page.fill("#query", "little wood")
        page.press("#query", "Enter")
        middle = page.evaluate(
            "() => { const {lat, lng} = placeplan.state.views[0].map.getCenter(); return [lat, lng]; }"
        )
        ((lon, lat),) = places.to_crs(4326).get_coordinates().to_numpy()
        assert middle == pytest.approx([lat, lon], abs=1e-4)
        assert opened.problems() == []
        page.locator("#tiles").check()
        page.wait_for_timeout(300)
        asked = [url for url in opened.requests if url != opened.file]
        assert asked and all(url.startswith("https://tiles.example.org/") for url in asked)


def test_demand_map_needs_its_base_year() -> None:
    localities, forecast = demand_tables()
    with pytest.raises(ValueError, match="2019/20"):
        demand_map(localities, forecast, NOTES, base_year="2019/20")


@pytest.mark.browser
def test_localities_without_outlines_are_circles(tmp_path: Path) -> None:
    localities, forecast = demand_tables()
    localities = localities.set_geometry(localities.geometry.centroid)
    file = saved(tmp_path, demand_map(localities, forecast, NOTES, base_year=YEARS[0]))
    check_map(file, {"pupils-primary": 6, "change-secondary": 6})
    with open_page(file) as opened:
        colour = "markers => markers.map((marker) => marker.querySelector('path').getAttribute('fill'))"
        found = opened.page.eval_on_selector_all(".layer-pupils-primary", colour)
        assert found[0] == PUPILS[0] and found[5] == PUPILS[4]


def test_need_is_never_netted_off_against_spare() -> None:
    """An area with 12 pupils too many in R and 200 spare places elsewhere would look fine."""
    need, spare, places = (
        np.array([[12.0, 0, 0, 0.4, 30, 0]]),
        np.array([[200.0, 0, 30, 9, 0, 0]]),
        np.array([[400.0, 100, 100, 100, 100, 0]]),
    )
    assert area_styles(need, spare, places).tolist() == [[4, 0, 3, 1, 6, 7]]


@pytest.mark.browser
def test_balance_map_shows_need_by_hatch_and_number(tmp_path: Path) -> None:
    file = saved(tmp_path, balance_page())
    check_map(file, {"balance-primary": 2, "balance-secondary": 1, "schools": 4})
    with open_page(file) as opened:
        page = opened.page
        assert fills(opened, "balance-primary")[0].startswith("url(#hatch-balance-primary-")
        assert "need 12, spare 20" in page.locator(".map-label").all_inner_texts()
        page.fill("#query", "One")
        page.press("#query", "Enter")
        read = [row.split() for row in page.locator(".popup tbody tr").all_inner_texts()]
        assert read == [["R", "72", "60", "12", "0"], ["Y1", "40", "60", "0", "20"]]
        page.locator("#year").focus()
        page.keyboard.press("Home")
        assert not fills(opened, "balance-primary")[0].startswith("url")
        assert not [text for text in page.locator(".map-label").all_inner_texts() if "need" in text]
        assert page.locator(".popup tbody tr").first.inner_text().split() == ["R", "60", "60", "0", "0"]
        page.fill("#query", "st marys")
        page.press("#query", "Enter")
        assert page.inner_text(".popup h2") == "St. Mary’s Primary"
        opened.show("balance-secondary")
        page.locator(".numbers summary").click()
        by_group = page.locator(".numbers table").nth(1).locator("tbody tr").all_inner_texts()
        groups = [row.split("\t")[3] for row in by_group if "Sec" in row]
        assert groups == ["Y9", "Y10"] * 3, "Y10 comes after Y9"
        assert opened.problems() == []


def test_balance_of_other_areas_is_an_error() -> None:
    areas, balance = balance_tables()
    with pytest.raises(ValueError, match="no row"):
        balance_map(areas.assign(planning_area="Z"), balance, schools(), NOTES, deficits=deficit_rows(), least=15.0)


@pytest.mark.browser
def test_probability_of_being_short_is_that_of_the_kind_and_year(tmp_path: Path) -> None:
    """A case for places made by another year's or the whole phase's figure."""
    file = saved(tmp_path, balance_page())
    check_map(file, {"chance-primary-intake": 2, "chance-primary-whole-phase": 2})
    with open_page(file) as opened:
        page = opened.page
        opened.show("chance-primary-intake")
        assert fills(opened, "chance-primary-intake") == ["url(#hatch-chance-primary-intake-3)", CHANCE[0]]
        assert page.locator(".map-label.strong").all_text_contents() == ["63 %", ""]
        assert "short by 15 places or more" in page.inner_text("#legend")
        page.fill("#query", "One")
        page.press("#query", "Enter")
        read = [row.split("\t") for row in page.locator(".popup tbody tr").all_inner_texts()]
        assert read == [["intake", "60", "55–75", "5", "63 %"], ["whole phase", "420", "400–500", "40", "100 %"]]
        opened.show("chance-primary-whole-phase")
        assert page.locator(".map-label.strong").all_text_contents() == ["100 %", ""]
        assert fills(opened, "chance-primary-whole-phase")[1] == PALE, "A2 has no figure of its whole phase"
        page.locator("#year").focus()
        page.keyboard.press("Home")
        assert fills(opened, "chance-primary-whole-phase") == [PALE, PALE], "nothing is drawn of the base year"
        page.locator(".numbers summary").click()
        cells = [row.split("\t") for row in page.locator(".numbers tbody tr").all_inner_texts()]
        assert ["One", "primary", YEARS[1], "intake", "60", "55–75", "5", "63 %"] in cells
        assert opened.problems() == []


def test_a_probability_is_not_rounded_to_certainty() -> None:
    shares = (0.0, 0.004, 0.006, 0.63, 0.994, 0.996, 1.0, float("nan"))
    assert [percent(share) for share in shares] == [
        "0 %", "under 1 %", "1 %", "63 %", "99 %", "over 99 %", "100 %", "–",
    ]  # fmt: skip


@pytest.mark.browser
def test_estate_map_draws_decisions_journeys_and_idle_sites(tmp_path: Path) -> None:
    file = saved(tmp_path, estate_page())
    counts = {"areas-primary": 2, "areas-secondary": 1, "journeys-staying": 4, "journeys-moved": 1}
    check_map(file, {**counts, "decisions": 5, "candidates": 1})
    with open_page(file) as opened:
        page = opened.page
        page.fill("#query", "Mary")
        page.press("#query", "Enter")
        told = page.inner_text(".popup dl")
        assert "cut PAN, 2023/24" in told and "expand, 2024/25" in told and "£2.0 million" in told and HOSTILE in told
        legend = page.inner_text("#legend")
        assert "closes" in legend and "admission number cut" in legend and "expands" not in legend
        page.fill("#query", "School 2")
        page.press("#query", "Enter")
        assert "stays as it is" in page.inner_text(".popup dl")
        page.locator(".numbers summary").click()
        assert page.locator(".numbers tbody tr").count() == 4 + 3, "four decisions, two schools and one site without"
        assert opened.problems() == []


@pytest.mark.browser
def test_too_many_journeys_are_cut_and_the_layer_says_so(tmp_path: Path) -> None:
    file = saved(tmp_path, estate_page(journeys=MOST_LINES + 2))
    with open_page(file) as opened:
        assert opened.drawn("journeys-staying") == 0, "journeys that stay cover the map before they are asked for"
        opened.show("journeys-staying")
        assert opened.counts()["journeys-staying"] == MOST_LINES
        assert "the largest 1,000 of 1,001" in opened.page.inner_text(".controls")


def test_unknown_action_or_role_is_an_error() -> None:
    decisions = pd.DataFrame({"action": ["demolish"]})
    with pytest.raises(ValueError, match="demolish"):
        estate_map(schools(), decisions, gpd.GeoDataFrame(), gpd.GeoDataFrame(), NOTES)
    with pytest.raises(ValueError, match="boss"):
        clusters_map(schools(), pd.DataFrame({"urn": [1], "role": ["boss"]}), gpd.GeoDataFrame(), NOTES)


@pytest.mark.browser
def test_commissioning_map_adds_places_year_by_year(tmp_path: Path) -> None:
    """A site drawn as open before it opens, places of another year, or a site considered that is nowhere to be seen."""
    areas, balance = balance_tables()
    known = balance.merge(areas[["planning_area", "phase", "name"]], on=["planning_area", "phase"])
    sites = gpd.GeoDataFrame(
        {"site": ["X", "Y"], "name": ["Field X", "Field Y"], "min_fe": [1.0, 2.0], "max_fe": 2.0, "owner": "Council"},
        geometry=[Point(480500, 300500), Point(481500, 301500)],
        crs=CRS,
    )
    decisions = pd.DataFrame(
        {
            "facility": ["100", "X", "101"],
            "urn": [100, None, 101],
            "site": [None, "X", None],
            "action": ["bulge class", "new school", "close"],
            "academic_year": ["2023/24", "2024/25", "2024/25"],
            "places_before": [60, 0, 90],
            "places_after": [60, 60, 0],
            "cost_gbp": 1.0,
            "capital_gbp": [300_000, 7_000_000, 0],
            "proposer": "LA",
            "decider": "LA",
            "reason": HOSTILE,
        }
    )
    rows = [
        ("100", year, group, 30.0, 60.0 if (year, group) in BULGE else 30.0) for year in YEARS for group in ("R", "Y1")
    ]
    rows += [("X", "2024/25", "R", 0.0, 60.0)]
    places = pd.DataFrame(rows, columns=["facility", "academic_year", "year_group", "places_today", "places_plan"])
    homes = [Point(480500 + 300 * i, 300500 + 200 * (i % 2)) for i in range(4)]
    journeys = gpd.GeoDataFrame(
        {"demand_point": list("abcd"), "facility": "X", "pupils": [20.0, 20, 10, 1], "distance_m": [1.0, 2, 3, 900]},
        geometry=[LineString([home, Point(480500, 300500)]) for home in homes],
        crs=CRS,
    )
    page = commissioning_map(
        schools(), decisions, places, journeys, areas, known, NOTES, sites=sites, journeys_year="2024/25"
    )
    file = saved(tmp_path, page)
    check_map(file, {"commissioned": 2, "candidates": 1, "catchments": 1, "journeys": 4, "balance-primary": 2})
    with open_page(file) as opened:
        page = opened.page
        shown = lambda: [text for text in page.locator(".map-label").all_text_contents() if text[:1] == "+"]  # noqa: E731
        assert shown() == ["+30", "+60"]
        page.locator("#year").focus()
        page.keyboard.press("Home")
        assert shown() == [], "nothing is added in the base year"
        assert "decided, from a later year" in page.inner_text("#legend")
        page.keyboard.press("ArrowRight")
        assert shown() == ["+30"], "the bulge class has begun, the school has not"
        page.fill("#query", "Field X")
        page.press("#query", "Enter")
        told = [row.split() for row in page.locator(".popup tbody tr").all_inner_texts()]
        assert told == [
            ["2022/23", "–", "0", "FE", "0", "0"],
            ["2023/24", "–", "0", "FE", "0", "0"],
            ["2024/25", "R", "2", "FE", "60", "+60"],
        ]
        page.fill("#query", "Field Y")
        page.press("#query", "Enter")
        assert "2 to 2 FE" in page.inner_text(".popup dl") and "not chosen" in page.inner_text(".popup dl")
        page.locator(".numbers summary").click()
        table = page.locator(".numbers").inner_text()
        assert "£7.0 million" in table and "+60" in table and "close" not in table
        assert opened.problems() == []


def test_a_bulge_class_that_has_ended_keeps_its_number() -> None:
    """A square without a number in the last year, which is shown first: nobody would know what it added."""
    added = np.array([np.nan, 30.0, 30.0, 0.0, 0.0])
    assert added_words(added) == ["", "+30", "+30", "(+30)", "(+30)"]
    assert added_words(np.array([0.0, -20.0])) == ["", ""]


def test_sites_considered_are_drawn_where_nothing_is_added() -> None:
    areas, balance = balance_tables()
    known = balance.merge(areas[["planning_area", "phase", "name"]], on=["planning_area", "phase"])
    sites = gpd.GeoDataFrame({"site": ["X"], "name": ["Field X"]}, geometry=points(1), crs=CRS)
    decided = pd.DataFrame(columns=["facility", "urn", "site", "action", "academic_year"], dtype=object)
    places = pd.DataFrame(columns=["facility", "academic_year", "year_group", "places_today", "places_plan"])
    nobody = gpd.GeoDataFrame({"facility": []}, geometry=[], crs=CRS)
    given = (schools(), decided, places, nobody, areas, known, NOTES)
    page = commissioning_map(*given, sites=sites, journeys_year="2024/25")
    assert "Field X" in page and "considered, not chosen" in page
    with pytest.raises(ValueError, match="nothing is added"):
        commissioning_map(*given, journeys_year="2024/25")


@pytest.mark.browser
def test_clusters_map_draws_hulls_drives_and_roles(tmp_path: Path) -> None:
    file = saved(tmp_path, clusters_page())
    check_map(file, {"clusters": 2, "trusts": 2, "drives": 1, "schools": 4, "apart": 4})
    with open_page(file) as opened:
        page = opened.page
        assert {"8 min", HOSTILE, "c2"} <= set(page.locator(".map-label").all_text_contents())
        opened.show("trusts")
        said = set(page.locator(".map-label").all_text_contents())
        assert {"T1: modelled deficit from 2024/25", "T2: lasts, as modelled"} <= said, (
            "a trust's verdict is not another's"
        )
        dashes = page.locator(".layer-trusts").evaluate_all("all => all.map((p) => p.getAttribute('stroke-dasharray'))")
        assert [bool(dash) for dash in dashes] == [True, False], "broken lines where the money does not last"
        spokes = page.locator(".layer-trusts").nth(1).get_attribute("d") or ""
        assert spokes.count("M") == 1, "T2 keeps the school that was not considered: one line from its hub to it"
        page.fill("#query", "School 3")
        page.press("#query", "Enter")
        assert "not considered" in page.inner_text(".popup dl") and "T2" in page.inner_text(".popup dl")
        assert "lead school" in page.inner_text("#legend")
        assert opened.problems() == []


@pytest.mark.browser
def test_a_closing_school_says_what_a_cluster_would_have_offered(tmp_path: Path) -> None:
    """A closing told without its alternative, though the study priced one."""
    with open_page(saved(tmp_path, clusters_page(closing=True))) as opened:
        opened.page.fill("#query", "School 3")
        opened.page.press("#query", "Enter")
        said = opened.page.inner_text(".popup dl")
        assert "it could stand in the cluster of c2" in said and "£165,721 a year less than kept and alone" in said
        assert "£40,000 a year less" in said and "closes under the estate plan" in said
        opened.page.locator(".numbers summary").click()
        assert "£165,721 a year less" in opened.page.inner_text(".numbers")
        assert opened.problems() == []


@pytest.mark.browser
def test_sums_by_area_stand_in_the_table_as_on_the_map(tmp_path: Path) -> None:
    """The map says need 12, spare 20, and the table has it nowhere."""
    with open_page(saved(tmp_path, balance_page())) as opened:
        opened.page.locator(".numbers summary").click()
        rows = [row.split("\t") for row in opened.page.locator(".numbers table").first.inner_text().split("\n")]
        assert ["One", "primary", "2024/25", "112", "120", "12", "20", "17"] in rows


@pytest.mark.browser
def test_find_prefers_what_is_shown_and_says_what_it_switches(tmp_path: Path) -> None:
    """A reader of primary places is shown secondary ones without a word; or a school without what lies round it."""
    areas, balance = balance_tables()
    areas["name"] = ["East Tarn", "West", "Tarn"]
    text = balance_map(areas, balance, schools(), NOTES, deficits=deficit_rows(), least=15.0)
    with open_page(saved(tmp_path, text)) as opened:
        page = opened.page
        page.fill("#query", "Tarn")
        page.press("#query", "Enter")
        assert page.inner_text(".popup h2") == "East Tarn" and page.is_checked("input[value='balance-primary']")
        assert page.inner_text("#found") == "1 of 2; Find again for the next."
        page.press("#query", "Enter")
        assert page.inner_text(".popup h2") == "Tarn" and page.is_checked("input[value='balance-secondary']")
        assert page.inner_text("#found") == "2 of 2; Find again for the next. Now showing: Secondary places."
        assert page.evaluate("() => placeplan.state.views[0].map.getZoom()") <= 12


@pytest.mark.browser
def test_no_label_is_cut_short(tmp_path: Path) -> None:
    """A verdict that ends in three dots; a cluster's name far from the school it is named after."""
    long = dict(zip(("T1", "T2"), ("Trust of the Valley and the Hills beyond the River", "Dales"), strict=True))
    text = clusters_page()
    for short, name in long.items():
        text = text.replace(f'"{short}: ', f'"{name}: ')
    with open_page(saved(tmp_path, text)) as opened:
        opened.show("trusts")
        widths = "spans => spans.map((s) => [s.scrollWidth - s.clientWidth, getComputedStyle(s).whiteSpace])"
        told = opened.page.locator(".map-label.strong:not(.covered) span").evaluate_all(widths)
        assert told and all(more <= 0 and wraps == "normal" for more, wraps in told)


@pytest.mark.browser
def test_a_county_fits_in_two_megabytes(tmp_path: Path, real_data: Path) -> None:
    """A page too large to mail: Devon's 457 localities over eight years."""
    outlines = gpd.read_parquet(real_data / "devon" / "lsoa11_boundaries.parquet").to_crs(CRS)
    localities = outlines.rename(columns={"LSOA11CD": "locality", "LSOA11NM": "name"})
    localities = localities.assign(planning_area_primary="P", planning_area_secondary="S")
    years = [f"{year}/{year - 1999}" for year in range(2022, 2030)]
    keys = pd.MultiIndex.from_product(
        [localities["locality"], ["primary", "secondary"], years], names=["locality", "phase", "academic_year"]
    )
    forecast = keys.to_frame(index=False)
    mean = np.random.default_rng(0).gamma(9, 15, len(forecast))
    forecast = forecast.assign(mean=mean, p10=0.9 * mean, p50=mean, p90=1.1 * mean)
    text = demand_map(localities, forecast, NOTES, base_year=years[0])
    assert len(text.encode()) < 2_000_000
    check_map(saved(tmp_path, text), {"pupils-primary": 457, "change-secondary": 457})
