"""The page that leads to all others: a list of links, as offline as they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from maps.page import Link, PageNotes, page
from maps.vendored import asset_text


@dataclass(frozen=True)
class Entry:
    """A file beside the index: ``href`` relative to it, its title, and one line on what it answers."""

    href: str
    title: str
    line: str


def index_page(entries: Iterable[Entry], notes: PageNotes) -> str:
    """HTML that links to maps and reports; ValueError unless every href is a path relative to the page."""
    linked = [(Link(entry.href, entry.title), entry.line) for entry in entries]
    return page("index.html", notes, styles=[asset_text("page.css")], scripts=[], entries=linked)
