"""The page that leads to all others: a list of links, as offline as they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from maps.page import PageNotes, page
from maps.vendored import asset_text


@dataclass(frozen=True)
class Entry:
    """A file beside the index: ``href`` relative to it, its title, and one line on what it answers."""

    href: str
    title: str
    line: str


def index_page(entries: Iterable[Entry], notes: PageNotes) -> str:
    """HTML that links to maps and reports; ValueError unless every href is a path relative to the page."""
    entries = list(entries)
    for entry in entries:
        if ":" in entry.href or entry.href.startswith(("/", "\\")):
            raise ValueError(f"{entry.href!r} is not a path relative to the index page")
    return page("index.html", notes, styles=[asset_text("page.css")], scripts=[], entries=entries)
