"""The report as PDF, printed by a browser that is installed; nothing is fetched."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from geodata.problems import BadInput, Problem
from placeplan.results import add_files

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 300  # a county's report prints to some hundred pages


def browser() -> str:
    """The browser that prints; BadInput where none is found."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    what = f"No browser was found that prints to PDF ({', '.join(BROWSERS[:3])})."
    raise BadInput([Problem("--pdf", what, "Install Chromium, or open report.html in any browser and print it.")])


def add_pdf(folder: Path, page: str, by: str) -> Path:
    """Put a PDF beside a page of a stage, printed by the browser `by`, in place of one that may be there; its path."""
    name = f"{Path(page).stem}.pdf"
    add_files(folder, lambda staging: print_pdf(staging / page, staging / name, by))
    return folder / name


def print_pdf(page: Path, to: Path, by: str) -> None:
    """Print a page to a file by the browser `by`; RuntimeError with what the browser says if it prints nothing."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            by,
            "--headless",
            "--no-sandbox",  # it opens one file of our own, under a policy that runs no script
            "--disable-gpu",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={to.resolve()}",
            page.resolve().as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode or not to.exists():
        raise RuntimeError(f"{by} did not print the report: {done.stderr.strip()[-300:] or 'no reason given'}")
