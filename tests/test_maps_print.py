"""Map pages on paper and on a phone: what stands where, and that nothing lies over anything else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browser import PHONE, OpenedPage, open_page
from test_maps_closures import page as closures_page
from test_maps_questions import balance_page, saved

MM = 96 / 25.4
LANDSCAPE = (int(277 * MM), int(190 * MM))
PORTRAIT = (int(190 * MM), int(277 * MM))
"""A4 within its margins of 10 mm, in pixels of the page."""


def boxes(opened: OpenedPage, *selectors: str) -> list[dict[str, float]]:
    found = [opened.page.locator(selector).first.bounding_box() for selector in selectors]
    return [dict(box) for box in found if box]


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    across = one["x"] + one["width"] > other["x"] + 1 and other["x"] + other["width"] > one["x"] + 1
    down = one["y"] + one["height"] > other["y"] + 1 and other["y"] + other["height"] > one["y"] + 1
    return across and down


@pytest.mark.browser
@pytest.mark.parametrize("sheet", [LANDSCAPE, PORTRAIT])
@pytest.mark.parametrize("make", [balance_page, closures_page])
def test_map_then_legend_then_whole_table_on_paper(
    tmp_path: Path, make: Callable[[], str], sheet: tuple[int, int]
) -> None:
    """The legend printed over the table's heading, a map cut off, or a table cut where its box ends on screen."""
    with open_page(saved(tmp_path, make())) as opened:
        page = opened.page
        page.evaluate("() => document.querySelector('details.numbers').open = true")
        page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        page.set_viewport_size({"width": sheet[0], "height": sheet[1]})
        page.emulate_media(media="print")
        drawn, legend, numbers, footer = boxes(opened, ".map, .pair", "#legend", ".numbers", "footer")
        parts = [drawn, legend, numbers, footer]
        assert not any(overlap(a, b) for n, a in enumerate(parts) for b in parts[n + 1 :])
        assert drawn["y"] <= legend["y"] < numbers["y"] < footer["y"]
        for one in boxes(opened, ".map >> nth=0", ".map >> nth=-1"):
            assert one["x"] + one["width"] <= sheet[0] and one["y"] + one["height"] < sheet[1]
        assert not page.locator(".controls").is_visible()
        cut = "() => [...document.querySelectorAll('.scroll')].some((box) => box.scrollHeight > box.clientHeight + 1)"
        assert not page.evaluate(cut)
        # Leaflet drew for the size that the map has on paper.
        sizes = "() => placeplan.state.views.map(({ map }) => [map.getSize().x, map.getContainer().clientWidth])"
        assert all(abs(told - real) <= 1 for told, real in page.evaluate(sizes))


@pytest.mark.browser
def test_screen_is_as_it_was_after_printing(tmp_path: Path) -> None:
    """A reader who prints and finds another map than before."""
    told = "() => placeplan.state.views.map(({ map }) => [map.getZoom(), map.getSize().x, map.getCenter().lat])"
    with open_page(saved(tmp_path, balance_page())) as opened:
        before = opened.page.evaluate(told)
        for event in ("beforeprint", "beforeprint", "afterprint"):
            opened.page.evaluate(f"() => window.dispatchEvent(new Event('{event}'))")
        after = opened.page.evaluate(told)
        assert after[0][:2] == before[0][:2] and after[0][2] == pytest.approx(before[0][2], abs=1e-3)
        assert opened.problems() == []


@pytest.mark.browser
def test_on_a_phone_the_map_comes_before_the_list_of_layers(tmp_path: Path) -> None:
    """A reader scrolls past every choice before seeing a map; or the search and the year are below it."""
    with open_page(saved(tmp_path, balance_page()), PHONE) as opened:
        tops = [box["y"] for box in boxes(opened, "#search", "#year", ".map", ".controls fieldset", "#legend")]
        assert tops == sorted(tops) and len(tops) == 5 and tops[2] < PHONE[1] / 2
        assert opened.barriers() == []
