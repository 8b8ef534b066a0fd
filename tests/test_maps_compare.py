"""Two maps next to each other: they move together, show what was chosen, and say what the tables say."""

import json
import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from browser import DESKTOP, PHONE, OpenedPage, open_page
from shapely.geometry import Point, box
from small_study import POINTS, grow, policy, write_small_study
from tender_study import write_tender_study
from test_maps_questions import CRS, HOSTILE, NOTES, points, schools

from maps.bid_tables import NO_SCHOOL, BidTables
from maps.bids import bids_map
from maps.compare import Side, compare_page
from maps.frontier import frontier_map
from maps.layers import Layer, Shapes, Style
from maps.palette import CHANGE
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study

YEARS = ["2024/25", "2025/26", "2026/27"]
SITE = gpd.GeoDataFrame({"name": [f"Field {HOSTILE}"]}, geometry=[Point(482000, 302500)], crs=CRS)
AREAS = gpd.GeoDataFrame(
    {"planning_area": ["A"], "phase": ["primary"], "name": [HOSTILE]},
    geometry=[box(479000, 299000, 489000, 305000)],
    crs=CRS,
)
HOMES = gpd.GeoDataFrame(
    {"demand_point": ["d0", "d1"], "name": ["North", HOSTILE]}, geometry=[Point(480500, 300500), Point(484500, 302500)]
).set_crs(CRS)


def bid_tables(bids: int = 2) -> BidTables:
    """Bid B1 opens in the second year, B2 in the third; each takes 10 pupils more a year, B2 twice as many.

    School 100 loses 8 under B1 and 20 under B2 in the year of opening as parents choose, and gains 2 as planned; school
    101 is changed by B2 only.
    """
    codes = ["B1", "B2"][:bids]
    opens = dict(zip(codes, YEARS[1:], strict=False))
    deficits, pupils, neighbours = [], [], []
    for n, bid in enumerate(codes, start=1):
        for t, year in enumerate(YEARS):
            open_ = year >= opens[bid]
            deficits.append((bid, year, "primary", "A", "entry", 30.0 + t, 5.0 * n if open_ else 30.0 + t))
            if open_:
                pupils += [(bid, "chosen", year, "d0", 10.0 * n * t, 3000.0, 1000.0)]
                pupils += [(bid, "planned", year, place, 6.0 * t, 4000.0, 2000.0) for place in ("d0", "d1", "beyond")]
            lost = (-8.0 if bid == "B1" else -20.0) if open_ else 0.0
            neighbours.append((bid, "100", HOSTILE, year, 210.0, 200.0 + t, lost, 2.0 if open_ else 0.0))
            if bid == "B2":
                neighbours.append((bid, "101", "St. Mary’s Primary", year, 210.0, 150.0, -1.0 if open_ else 0.0, 0.0))
    head = pd.DataFrame({"bid": codes, "proposer": [HOSTILE, "n" * 120][:bids], "opens": opens.values(), "places": 210})
    named = ["bid", "academic_year", "phase", "planning_area", "kind", "deficit_before", "deficit_after"]
    who = ["bid", "basis", "academic_year", "demand_point", "pupils", "distance_today_m", "distance_m"]
    school = ["bid", "facility", "name", "academic_year", "places", "roll_without", "change_chosen", "change_planned"]
    return BidTables(
        head, pd.DataFrame(deficits, columns=named), pd.DataFrame(pupils, columns=who),
        pd.DataFrame(neighbours, columns=school),
    )  # fmt: skip


def bids_file(folder: Path, bids: int = 2) -> Path:
    text = bids_map(SITE, bid_tables(bids), HOMES, schools(), AREAS, NOTES)
    return saved(folder, text)


def saved(folder: Path, text: str) -> Path:
    file = folder / "compare.html"
    file.write_text(text, encoding="utf-8")
    return file


def facts(opened: OpenedPage, which: int) -> dict[str, str]:
    names, values = (opened.page.locator(f"#facts-{which} {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def on_map(opened: OpenedPage, which: int) -> dict[str, int]:
    counts: dict[str, int] = opened.page.evaluate(f"() => placeplan.state.views[{which - 1}].counts")
    return counts


def centres(opened: OpenedPage) -> list[list[float]]:
    """Latitude, longitude and zoom of both maps, read at one moment: a map may still be gliding."""
    where: list[list[float]] = opened.page.evaluate(
        "() => placeplan.state.views.map(({ map }) => [map.getCenter().lat, map.getCenter().lng, map.getZoom()])"
    )
    return where


def move(opened: OpenedPage, which: int, code: str) -> None:
    opened.page.evaluate(f"() => {{ placeplan.state.views[{which - 1}].map.{code} }}")


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_both_maps_move_together(tmp_path: Path, size: tuple[int, int]) -> None:
    """Two places next to each other would be taken for one."""
    with open_page(bids_file(tmp_path), size) as opened:
        first, second = centres(opened)
        assert first == second, "they open on the same ground"
        for which, code in (
            (1, "setView([52.62, -0.79], 13)"),
            (2, "panBy([60, -35], {animate: false})"),
            (2, "zoomOut(1, {animate: false})"),
        ):
            before = first
            move(opened, which, code)
            opened.page.wait_for_function(  # the other map follows when the page comes to it
                "before => JSON.stringify(placeplan.state.views.map(({ map }) =>"
                " [map.getCenter().lat, map.getCenter().lng, map.getZoom()])[0]) !== JSON.stringify(before)",
                arg=before,
                timeout=10_000,
            )
            first, second = centres(opened)
            assert first == pytest.approx(second, abs=2e-4)
        boxes = [opened.page.locator(".folium-map").nth(n).bounding_box() for n in (0, 1)]
        assert boxes[0] and boxes[1] and boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=3)
        beside = boxes[0]["y"] == boxes[1]["y"] and boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"]
        below = boxes[0]["x"] == boxes[1]["x"] and boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
        assert below if size == PHONE else beside
        assert min(boxes[0]["height"], boxes[0]["width"]) >= 250
        assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
        assert opened.problems() == []


@pytest.mark.browser
def test_dragging_one_map_takes_the_other_along(tmp_path: Path) -> None:
    """As a reader moves it: by mouse on the second, by keys on the first."""
    with open_page(bids_file(tmp_path)) as opened:
        start = centres(opened)[0]
        shown = opened.page.locator(".folium-map").nth(1).bounding_box()
        assert shown
        x, y = shown["x"] + 60, shown["y"] + shown["height"] - 130
        opened.page.mouse.move(x, y)
        opened.page.mouse.down()
        opened.page.mouse.move(x + 90, y - 40, steps=5)
        opened.page.mouse.up()
        dragged, follower = centres(opened)
        assert dragged != start and dragged == pytest.approx(follower, abs=2e-4)
        opened.page.locator(".folium-map").first.focus()
        opened.page.keyboard.press("+")
        opened.page.wait_for_function(f"() => placeplan.state.views[1].map.getZoom() > {dragged[2]}")
        first, second = centres(opened)
        assert first == pytest.approx(second, abs=2e-4)


@pytest.mark.browser
def test_the_chosen_bid_is_what_is_drawn_and_listed(tmp_path: Path) -> None:
    """A map of one bid under the name of another."""
    with open_page(bids_file(tmp_path)) as opened:
        page = opened.page
        assert [page.locator(f"#side-{n}").input_value() for n in (1, 2)] == ["B1", "B2"]
        assert (on_map(opened, 1)["journeys-chosen"], on_map(opened, 2)["journeys-chosen"]) == (1, 1)
        assert facts(opened, 1)["Offers"] == "210 places from 2025/26"
        assert facts(opened, 1)["Short in A, primary"] == "entry 32, with it 5"
        assert facts(opened, 1)["Pupils as parents would choose"].startswith(
            "20; on average 1.0 km, to today's schools 3.0"
        )
        assert facts(opened, 2)["Pupils as parents would choose"].startswith("40;")
        assert facts(opened, 2)["Pupils as planned"].startswith("36;")
        assert facts(opened, 1)["Other schools as parents would choose"] == f"−8 in all; most at {HOSTILE} (−8)"
        assert facts(opened, 2)["Other schools as parents would choose"] == f"−21 in all; most at {HOSTILE} (−20)"
        assert facts(opened, 2)["Other schools as planned"] == "0 in all and +2"
        # By keyboard: the select of the second map is reached by Tab from that of the first and goes up to the top.
        page.locator("#side-1").focus()
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.id") == "side-2":
                break
        page.keyboard.press("Home")
        assert page.locator("#side-2").input_value() == NO_SCHOOL
        assert on_map(opened, 2)["journeys-chosen"] == 0 and on_map(opened, 1)["journeys-chosen"] == 1
        assert facts(opened, 2) == {"Short in A, primary": "entry 32"}
        assert page.locator(".pair .map").nth(1).get_attribute("aria-label") == "Map: No school on the site"
        page.locator("#side-1").select_option("B2")
        assert facts(opened, 1)["Pupils as parents would choose"].startswith("40;")
        assert page.locator(".layer-journeys-chosen").count() == 1, "the journeys of the bid before are gone"
        assert opened.problems() == []


@pytest.mark.browser
def test_year_and_layers_are_those_of_both_maps(tmp_path: Path) -> None:
    """One slider, two years: figures of different years would be compared."""
    with open_page(bids_file(tmp_path)) as opened:
        page = opened.page
        colours = "nodes => nodes.map(node => node.querySelector('path').getAttribute('fill'))"
        last = page.eval_on_selector_all(".layer-neighbours-chosen", colours)
        assert len(last) == 4 and last[2] in CHANGE[:2], "B2 takes 20 of school 100"
        page.locator("#year").focus()
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#year-text") == YEARS[1]
        assert facts(opened, 1)["Pupils as parents would choose"].startswith("10;")
        assert facts(opened, 2)["Pupils as parents would choose"] == "0"
        assert (on_map(opened, 1)["journeys-chosen"], on_map(opened, 2)["journeys-chosen"]) == (1, 0)
        opened.show("journeys-planned")
        # Whoever comes from outside the study has no place on the map, but is counted.
        assert (on_map(opened, 1)["journeys-planned"], on_map(opened, 2)["journeys-planned"]) == (2, 0)
        assert facts(opened, 1)["Pupils as planned"].startswith("18;")
        assert "for want of coordinates: 1 journeys as planned" in page.inner_text("header")
        page.keyboard.press("Escape")
        opened.show("neighbours-planned")
        assert on_map(opened, 1)["neighbours-chosen"] == on_map(opened, 2)["neighbours-chosen"] == 0
        assert "Other schools as planned, 2025/26" in page.inner_text("#legend")
        assert page.locator(".folium-map .leaflet-control-zoom").count() == 2


@pytest.mark.browser
def test_a_school_is_found_on_both_maps_with_its_figures(tmp_path: Path) -> None:
    """The popup of one bid's map tells the change under the other, or runs what stands in a name."""
    with open_page(bids_file(tmp_path)) as opened:
        page = opened.page
        page.fill("#query", "img src")
        page.press("#query", "Enter")
        titles = page.locator(".popup h2").all_text_contents()
        while titles != [HOSTILE, HOSTILE] or page.locator(".popup th", has_text="Roll without").count() != 2:
            page.press("#query", "Enter")
            titles = page.locator(".popup h2").all_text_contents()
        rows = [row.split() for row in page.locator(".popup tbody tr").all_inner_texts()]
        assert rows[2] == [YEARS[2], "210", "202", "−8", "+2"] and rows[5] == [YEARS[2], "210", "202", "−20", "+2"]
        page.fill("#query", "mary")
        page.press("#query", "Enter")
        rows = [row.split() for row in page.locator(".popup tbody tr").all_inner_texts()]
        assert rows[2] == [YEARS[2], "210", "150", "0", "0"] and rows[5] == [YEARS[2], "210", "150", "−1", "0"]
        page.locator(".numbers summary").click()
        cells = [row.split("\t") for row in page.locator(".numbers tbody tr").all_inner_texts()]
        assert ["B1", YEARS[2], "5", "20", "36"] in cells and ["none", YEARS[2], "32", "0", "0"] in cells
        assert [HOSTILE, YEARS[2], "210", "202", "−8 (+2)", "−20 (+2)"] in cells
        assert page.locator("img").count() == 0
        assert opened.problems() == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_one_bid_stands_beside_the_empty_site(tmp_path: Path, size: tuple[int, int]) -> None:
    with open_page(bids_file(tmp_path, bids=1), size) as opened:
        assert [opened.page.locator(f"#side-{n}").input_value() for n in (1, 2)] == [NO_SCHOOL, "B1"]
        stars = opened.page.eval_on_selector_all(".layer-site svg", "nodes => nodes.map(node => node.clientWidth)")
        assert stars[0] < stars[1], "the site without a school looks like the one with it"
        assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= size[0]


@pytest.mark.browser
def test_too_many_journeys_are_cut_and_the_legend_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes that are left off the map would be taken for homes from which nobody comes."""
    monkeypatch.setattr("maps.bid_layers.MOST_LINES", 2)
    with open_page(bids_file(tmp_path)) as opened:
        assert "the largest" not in opened.page.inner_text("#legend")
        opened.show("journeys-planned")
        legend = opened.page.inner_text("#legend")
        assert "B1: the largest 2 of 3" in legend and "B2: the largest 2 of 3" in legend


def test_no_bid_is_an_error() -> None:
    with pytest.raises(ValueError, match="no bid"):
        bids_map(SITE, bid_tables(0), HOMES, schools(), AREAS, NOTES)


def side(key: str, **changes: object) -> Side:
    shapes = Shapes("schools", gpd.GeoSeries(points(2), crs=CRS), ["S", "T"], [{}, {}])
    layer = Layer("schools", "Schools", shapes, [Style("school", "#fff")], np.zeros(2, int))
    return Side(key, key, [replace(layer, **changes)], [{"Pupils": "1"}])  # type: ignore[arg-type]


def test_sides_that_do_not_agree_are_an_error() -> None:
    """One checkbox for two things, or one name in the list for two schools."""
    first, other = side("a"), Shapes("schools", gpd.GeoSeries(points(2), crs=CRS), ["S", "U"], [{}, {}])
    assert "Schools" in compare_page(NOTES, [first, side("b")], [], "", left="a", right="b")
    for wrong in (side("b", name="Sites"), side("b", styles=[Style("site", "#fff")]), side("b", shapes=other)):
        with pytest.raises(ValueError, match="other"):
            compare_page(NOTES, [first, wrong], [], "", left="a", right="b")
    with pytest.raises(ValueError, match="no side is called c"):
        compare_page(NOTES, [first], [], "", left="a", right="c")
    with pytest.raises(ValueError, match="facts of 2 years, not of 3"):
        compare_page(NOTES, [replace(first, facts=[{}, {}])], [], "", years=YEARS, left="a", right="a")


def frontier_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three plans and today's estate: school 101 expands in all, in one a year later; field X only in the main plan."""
    plans = pd.DataFrame(
        {
            "plan": ["the plan", "today's estate", HOSTILE, "n" * 120],
            "schools_gbp": [3e6, 0.0, 2e6, 3e6], "pupil_years_without_place": [10.0, 90.0, 25.0, 10.0],
            "journey_km": [1200.0, 900.0, 1000.0, 1200.0], "changes": [2, 0, 1, 2], "differs": [0, 2, 2, 0],
            "gap": 1e-4, "beaten_by": ["", "", "the plan", ""],
        }
    )  # fmt: skip
    rows = []
    for plan in ("the plan", HOSTILE, "n" * 120):
        rows.append((plan, "101", "101", None, "expand", "2025/26" if plan == HOSTILE else "2024/25", 210, 420))
        rows += [] if plan == HOSTILE else [(plan, "X", None, "X", "new school", "2024/25", 0, 210)]
    columns = ["plan", "facility", "urn", "site", "action", "academic_year", "places_before", "places_after"]
    decisions = pd.DataFrame(rows, columns=columns)
    return plans, decisions.assign(cost_gbp=1e6, proposer="LA", decider="LA", reason=HOSTILE, probability=1.0)


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_frontier_rings_what_two_plans_decide_otherwise(tmp_path: Path, size: tuple[int, int]) -> None:
    """Plans that differ only in a year look the same, or two that are the same seem to differ."""
    sites = gpd.GeoDataFrame({"site": ["X"], "name": ["Field X"], "phase": "primary"}, geometry=[Point(486000, 303000)])
    text = frontier_map(*frontier_tables(), schools(), sites.set_crs(CRS), AREAS, NOTES)
    with open_page(saved(tmp_path, text), size) as opened:
        page = opened.page
        assert [page.locator(f"#side-{n}").input_value() for n in (1, 2)] == ["0", "2"]
        assert [on_map(opened, n)["differing"] for n in (1, 2)] == [2, 2]
        assert facts(opened, 1)["Decided otherwise on the other map"] == "2: St. Mary’s Primary; Field X"
        assert facts(opened, 1)["Decided otherwise than in the plan"] == "nowhere"
        assert facts(opened, 2)["Decided otherwise than in the plan"] == "2: St. Mary’s Primary; Field X"
        assert facts(opened, 2)["Cost of schools, over today"] == "£2.0 million"
        assert facts(opened, 2)["No better in anything than"] == "the plan"
        legend = page.inner_text("#legend")
        assert "candidate site, not chosen" in legend and "expands" in legend and "new school" in legend
        page.locator("#side-2").select_option("3")
        assert [on_map(opened, n)["differing"] for n in (1, 2)] == [0, 0]
        assert facts(opened, 1)["Decided otherwise on the other map"] == "nowhere"
        assert "candidate site" not in page.inner_text("#legend")
        page.locator("#side-2").select_option("1")
        assert [on_map(opened, n)["differing"] for n in (1, 2)] == [2, 2]
        page.locator(".numbers summary").click()
        cells = [row.split("\t") for row in page.locator(".numbers tbody tr").all_inner_texts()]
        new = "new school 2024/25, 210 places"
        assert ["Field X", "X", new, "–", "–", new] in cells and len(cells) == 2
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
        assert opened.problems() == []


def test_a_decision_of_few_futures_is_listed_and_not_drawn() -> None:
    plans, decisions = frontier_tables()
    decisions.loc[0, "probability"] = 0.25
    text = frontier_map(plans, decisions, schools(), None, AREAS, NOTES)
    assert "expand 2024/25, 420 places, in 25 % of futures" in text
    data = json.loads(re.findall(r'id="map-data">(.*?)</script>', text, re.S)[0])
    of_plan = [next(layer for layer in one["layers"] if layer["key"] == "decisions") for one in data["sides"]]
    assert of_plan[0]["style_of"][1] == of_plan[1]["style_of"][1] != of_plan[3]["style_of"][1]


def test_stages_write_the_pages_and_link_them_both_ways(tmp_path: Path) -> None:
    """From tables to pages: a map nobody finds, or one that tells other figures than the tables beside it."""
    folder = write_tender_study(tmp_path / "study")
    grow(folder, "A", 60)
    policy(folder, 'estate_frontier = "yes"', "frontier_prices = [0.1, 20]", "estate_time_limit_s = 10")
    list(run_stages(Study.open(folder)))
    results = Study.open(folder).results
    maps, tender = results / "maps", (results / "tender/C1.html").read_text()
    page, index = (maps / "bids-C1.html").read_text(), (maps / "index.html").read_text()
    assert 'href="../maps/bids-C1.html"' in tender and 'href="../tender/C1.html"' in page
    assert 'href="bids-C1.html"' in index and 'href="frontier.html"' in index
    data = json.loads(re.findall(r'id="map-data">(.*?)</script>', page, re.S)[0])
    # As in the competition's order, with the site as it is first; a bid below a threshold comes last.
    assert [one["key"] for one in data["sides"]] == ["", "B2", "B1", "B3", "B4"]
    pupils = read_stage(results / "tender", "bid_pupils")
    pupils = pupils[(pupils["bid"] == "B2") & (pupils["basis"] == "chosen")]
    drawn = next(one for one in data["sides"][1]["layers"] if one["key"] == "journeys-chosen")
    rows = data["sides"][1]["shapes"][drawn["shapes"]]["rows"]
    of_homes = pupils.groupby(["academic_year", "demand_point"])["pupils"].sum()
    for year, counts in of_homes.groupby("academic_year"):
        told = [n for journey in rows for y, n in journey if y == year]
        exact = [float(n) for n in told if n != "fewer than 5"]
        assert sum(exact) == pytest.approx(counts[counts >= 5].sum(), abs=0.6)
        assert told.count("fewer than 5") == ((counts > 0.05) & (counts < 5)).sum()
    assert 'href="../maps/frontier.html"' in (results / "report/report.html").read_text()
    assert 'href="../report/report.html#frontier"' in (maps / "frontier.html").read_text()
    frontier, decided = (read_stage(results / "estate", name) for name in ("frontier", "frontier_decisions"))
    changing = decided.groupby("plan")["facility"].nunique().reindex(frontier["plan"], fill_value=0)
    assert changing.tolist() == frontier["changes"].tolist() and len(set(changing)) > 1
    own = read_stage(results / "estate", "decisions")
    main = decided[decided["plan"] == "the plan"]
    what = ["facility", "action", "academic_year"]  # in the order of facilities, of the year they take effect
    assert sorted(main[what].to_numpy().tolist()) == sorted(own[what].to_numpy().tolist())


def test_without_outlines_nothing_leads_to_maps(tmp_path: Path) -> None:
    """A link to a page that is never made."""
    folder = write_tender_study(tmp_path / "study")
    (folder / "inputs/localities.gpkg").unlink()
    (folder / "inputs/localities.csv").write_text(
        "locality,name,planning_area_primary,planning_area_secondary\nA,A,P,S\nB,B,P,S\nC,C,P,S\n"
    )
    points = "demand_point,locality,easting,northing\n"
    points += "".join(f"{name}1,{name},{x},{y}\n" for name, (x, y) in POINTS.items())
    (folder / "inputs/demand_points.csv").write_text(points)
    list(run_stages(Study.open(folder), ["forecast", "balance", "tender", "maps"]))
    results = Study.open(folder).results
    text = (results / "tender/C1.html").read_text()
    assert "Each bid in place" in text and "../maps/" not in text
    assert not list((results / "maps").glob("bids-*.html"))


def test_a_study_without_competitions_has_no_such_page(tmp_path: Path) -> None:
    folder = write_small_study(tmp_path / "study")
    list(run_stages(Study.open(folder), ["forecast", "balance", "tender", "maps"]))
    assert not list((Study.open(folder).results / "maps").glob("bids-*.html"))
