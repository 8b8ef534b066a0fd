"""The page type: nothing from outside, nothing from a name, the same bytes each time."""

import csv
import hashlib
import html
import json
import re
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from browser import DESKTOP, PHONE, open_page
from shapely.geometry import Point, box

from maps.index import Entry, index_page
from maps.layers import Layer, Shapes, Style
from maps.page import SCRIPTS, PageNotes, embedded_json, map_page
from maps.tables import html_table
from maps.vendored import leaflet_script, leaflet_style

ASSETS = files("maps").joinpath("assets")
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "x" * 200,
    "مدرسة القرية",
    "\"'&amp;\u2028<!--<script>",
    "javascript:alert(3)",
]


def notes(text: str = "Rutland") -> PageNotes:
    return PageNotes(f"Title {text}", text, text, f"Question about {text}?", [f"Warning: {text}"], f"Contains {text}")


def page_of(names: list[str]) -> str:
    """Squares and points of these names, with every text field made of them."""
    squares = gpd.GeoSeries([box(i * 1000, 0, i * 1000 + 900, 900) for i in range(len(names))], crs=27700)
    rows = [[["2023/24", name]] for name in names]
    shapes = [
        Shapes(kind, geometry, names, [{"Name": name} for name in names], ["Year", names[0]], rows)
        for kind, geometry in (("squares", squares), ("points", squares.centroid))
    ]
    styles = [Style(name, "#ffffff") for name in names]
    layers = [Layer(kind.key, names[0], kind, styles, np.arange(len(names)), labels=np.array(names)) for kind in shapes]
    table = html_table(gpd.GeoDataFrame({"Name": names}), names[0])
    return map_page(notes(names[1]), layers, table, years=["2023/24", "2024/25"])


def test_vendored_files_are_what_their_makers_published() -> None:
    """A changed, unlisted or unlicensed file of others would be shipped unnoticed."""
    rows = list(csv.DictReader(ASSETS.joinpath("MANIFEST.csv").read_text().splitlines()))
    for row in rows:
        assert hashlib.sha256(ASSETS.joinpath(row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
        assert "Redistribution" in ASSETS.joinpath(row["licence_file"]).read_text()
        assert row["version"] == "1.9.4" and row["source"].startswith("https://github.com/Leaflet")
    own = {"MANIFEST.csv", "shell.html", "map.html", "compare.html", "index.html", "page.css", *SCRIPTS, "compare.js"}
    own |= {"findings.html", "tables.html"}
    assert {row["file"] for row in rows} | own == {asset.name for asset in ASSETS.iterdir()}


def test_leaflet_is_inlined_with_its_licence_and_without_links() -> None:
    """A licence breach, or a picture or source map that the page would ask the network for."""
    assert "Vladimir Agafonkin" in leaflet_script() and "THIS SOFTWARE IS PROVIDED" in leaflet_script()
    assert "sourceMappingURL" not in leaflet_script()
    assert re.findall(r"url\((?!#)", leaflet_style()) == []


def test_page_names_no_address_that_is_fetched() -> None:
    """A content network crept back in through Folium."""
    text = page_of(["a", "b"])
    assert re.findall(r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//", text.replace(leaflet_script(), "")) == []
    assert "<link" not in text and "cdn" not in text.lower()
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html.unescape(text))
    assert len(policy) == 1 and "base-uri 'none'; form-action 'none'" in policy[0] and "default-src 'none'" in policy[0]


def test_same_tables_same_bytes() -> None:
    """Two runs of one study could not be compared by their files."""
    assert page_of(["a", "b"]) == page_of(["a", "b"])


def test_embedded_json_survives_and_cannot_end_its_script() -> None:
    text = embedded_json({"names": HOSTILE})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"names": HOSTILE}


def test_table_is_escaped_captioned_and_scoped() -> None:
    table = html_table(gpd.GeoDataFrame({"<b>Name": HOSTILE, "n": 1}), "<i>", row_heads=1, numbers=["n"])
    assert table.startswith("<table><caption>&lt;i&gt;</caption>")
    assert table.count("scope=col") == 2 and table.count("scope=row") == len(HOSTILE)
    assert "<img" not in table and "<script" not in table and "<b>" not in table


def test_nothing_to_draw_is_an_error_and_missing_places_are_told() -> None:
    """A blank map, or a school that silently is not on it."""
    here, nowhere = Point(480000, 300000), None
    for points, drawn in (([here, nowhere], True), ([nowhere, nowhere], False)):
        schools = Shapes("schools", gpd.GeoSeries(points, crs=27700), ["A", "B"], [{}, {}])
        layer = Layer("schools", "Schools", schools, [Style("school", "#fff")], np.zeros(2, int))
        if drawn:
            assert "for want of coordinates: 1 schools" in map_page(notes(), [layer], "")
        else:
            with pytest.raises(ValueError, match="nothing to draw"):
                map_page(notes(), [layer], "")


@pytest.mark.parametrize("href", ["https://example.org", "javascript:alert(1)", "/etc/passwd", "//host/x"])
def test_index_links_only_to_its_own_folder(href: str) -> None:
    with pytest.raises(ValueError, match="relative"):
        index_page([Entry(href, "t", "l")], notes())


@pytest.mark.browser
def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A name from a council's table runs as a script or breaks the page."""
    file = tmp_path / "hostile.html"
    file.write_text(page_of(HOSTILE), encoding="utf-8")
    with open_page(file) as opened:
        for name in HOSTILE:
            opened.page.fill("#query", name)
            opened.page.press("#query", "Enter")
            title = opened.page.locator(".popup h2")
            assert title.text_content() == name
            assert opened.page.locator(".popup dd").text_content() == name
        assert opened.page.locator(".map img, .popup img, .legend img, table img").count() == 0
        assert opened.problems() == []


@pytest.mark.browser
def test_policy_stops_what_escaping_might_miss(tmp_path: Path) -> None:
    """The second line of defence is open: a smuggled script would run, a smuggled picture be fetched."""
    file = tmp_path / "smuggled.html"
    smuggled = "<script>window.smuggled = 1</script><img src='https://example.org/x.png'>"
    file.write_text(page_of(["a", "b"]).replace("<footer>", smuggled + "<footer>"), encoding="utf-8")
    with open_page(file) as opened:
        assert opened.page.evaluate("() => window.smuggled") is None
        assert opened.page.evaluate("() => document.querySelector('img').naturalWidth") == 0
        assert any("Content Security Policy" in error for error in opened.errors)


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_page_fits_screen_and_has_headings(tmp_path: Path, size: tuple[int, int]) -> None:
    """Sideways scrolling, a map too small to use, or a page without language, title or headings."""
    file = tmp_path / "page.html"
    file.write_text(page_of(["a", "b" * 120]), encoding="utf-8")
    with open_page(file, size) as opened:
        page = opened.page
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
        shown = page.locator(".folium-map").bounding_box()
        assert shown and shown["width"] >= min(size[0], 700) * 0.9 and shown["height"] >= 300
        assert page.locator("html").get_attribute("lang") == "en-GB"
        assert page.title().startswith("Title") and page.locator("h1").count() == 1
        assert page.locator(".banner").first.is_visible() and "Contains" in page.inner_text("footer")
        page.locator(".numbers summary").click()
        assert page.locator("table caption").is_visible()


@pytest.mark.browser
def test_a_popup_too_long_to_show_can_be_read_by_keyboard(tmp_path: Path) -> None:
    """Figures that scroll out of reach; or outlines by the hundred between a keyboard's reader and the next control."""
    squares = gpd.GeoSeries([box(0, 0, 900, 900), box(1000, 0, 1900, 900)], crs=27700)
    rows = [[[f"20{year}", "1"] for year in range(10, 60)]] * 2
    shapes = Shapes("squares", squares, ["A", "B"], [{"Name": "A"}] * 2, ["Year", "n"], rows)
    layer = Layer("squares", "Squares", shapes, [Style("square", "#ffffff")], np.zeros(2, int))
    file = tmp_path / "page.html"
    file.write_text(map_page(notes(), [layer], html_table(gpd.GeoDataFrame({"Name": ["A"]}), "T")), encoding="utf-8")
    with open_page(file) as opened:
        opened.page.fill("#query", "B")
        opened.page.press("#query", "Enter")
        content = opened.page.locator(".leaflet-popup-content")
        assert content.get_attribute("tabindex") == "0" and content.get_attribute("aria-label") == "B"
        assert opened.barriers() == [] and opened.problems() == []
        assert set(opened.page.locator("path.feature").evaluate_all("all => all.map((p) => p.tabIndex)")) == {-1}


@pytest.mark.browser
def test_index_page_is_offline_too(tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    file.write_text(index_page([Entry("demand.html", HOSTILE[0], HOSTILE[1])], notes()), encoding="utf-8")
    with open_page(file) as opened:
        link = opened.page.locator("a")
        assert link.text_content() == HOSTILE[0] and link.get_attribute("href") == "demand.html"
        assert opened.problems() == []
