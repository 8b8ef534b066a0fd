"""Every page of a scenario's results in headless Chromium without network: size, time to interactive, complaints.

    python -m benchmarks.pages STUDY/results/base [...]

Time to interactive is from the start of loading until the page's script answers and the browser is idle, the slower
of a laptop's and a telephone's window. A page that asks for anything, or that says anything on the console, is named.
"""

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

SIZES = {"laptop": (1366, 768), "telephone": (390, 844)}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
MAPPED = "() => !document.getElementById('map-data') || (window.placeplan && Object.keys(placeplan.counts).length > 0)"
IDLE = "() => new Promise((done) => requestIdleCallback(() => done(true)))"


def main(folders: list[str]) -> None:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        for folder in folders:
            print(f"\n{folder}\n{'page':44}{'MB':>7}{'s':>7}  complaints")
            for path in sorted(Path(folder).glob("**/*.html")):
                seconds, said = measured(browser, path)
                size = path.stat().st_size / 1e6
                print(f"{path.relative_to(folder)!s:44}{size:7.2f}{seconds:7.2f}  {'; '.join(said) or 'none'}")
        browser.close()


def measured(browser: Browser, path: Path) -> tuple[float, list[str]]:
    """Slowest time to interactive over the sizes, and what the page asked for or complained of."""
    slowest, complaints = 0.0, []
    for width, height in SIZES.values():
        page = browser.new_page(viewport={"width": width, "height": height})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, said=said: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error, said=said: said.append(f"script: {error}"))
        began = time.perf_counter()
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.wait_for_function(MAPPED)
        page.evaluate(IDLE)
        slowest = max(slowest, time.perf_counter() - began)
        complaints += [*said, *(f"asks for {url}" for url in asked if url != path.resolve().as_uri())]
        page.close()
    return slowest, complaints


if __name__ == "__main__":
    main(sys.argv[1:])
