"""Open a finished page in headless Chromium, as a reader would, and report what it did.

For tests of made-up and of real output alike::

    with open_page(path) as opened:
        assert opened.problems() == []
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

DESKTOP = (1366, 768)
PHONE = (390, 844)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@dataclass
class OpenedPage:
    """A loaded page, what it complained about and what it asked for."""

    page: Page
    file: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Console errors and warnings, script errors, dialogs and every request but the file itself."""
        return [*self.errors, *(f"request: {url}" for url in self.requests if url != self.file)]

    def counts(self) -> dict[str, int]:
        """Features of each layer on the map, by the page's own account."""
        counts: dict[str, int] = self.page.evaluate("() => window.placeplan.counts")
        return counts

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical by the rules of WCAG 2.2 A and AA, a line each."""
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": tags}}).response["violations"]
        return [
            f"{rule['id']}: {rule['nodes'][0]['html'][:120]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]

    def drawn(self, layer: str) -> int:
        """Features of a layer found in the document: SVG paths and markers."""
        return self.page.locator(f".layer-{layer}").count()

    def show(self, layer: str) -> None:
        """Tick the layer's checkbox or choose its radio button."""
        self.page.locator(f".controls input[value='{layer}']").check()


@contextmanager
def open_page(path: Path, size: tuple[int, int] = DESKTOP) -> Iterator[OpenedPage]:
    """The file, loaded; skips the test where there is no Chromium."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        opened = OpenedPage(page, path.resolve().as_uri())
        page.on("console", lambda message: _note(opened, message.type, message.text))
        page.on("pageerror", lambda error: opened.errors.append(f"script: {error}"))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("dialog", lambda dialog: (opened.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(opened.file, wait_until="load")
        try:
            yield opened
        finally:
            browser.close()


def _note(opened: OpenedPage, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        opened.errors.append(f"{kind}: {text}")


def check_map(path: Path, expected_counts: Mapping[str, int]) -> None:
    """Fail unless the map is offline and silent and draws the expected number of features in each layer."""
    with open_page(path) as opened:
        opened.page.wait_for_function("() => window.placeplan && Object.keys(window.placeplan.counts).length")
        for layer, expected in expected_counts.items():
            opened.show(layer)
            found = (opened.counts()[layer], opened.drawn(layer))
            assert found == (expected, expected), f"{layer}: {found} features drawn, not {expected}"
        assert opened.problems() == []
