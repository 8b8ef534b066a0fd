"""The templates of the report's pages: they lie beside this file, escape all text and know no missing name."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from placeplan.report.dates import span
from placeplan.report.draft_parts import marked
from placeplan.report.formats import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment


def environment() -> Environment:
    """Where a page's template is got from, with every way in which the report writes a figure or a day."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(lambda name: files("placeplan.report").joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS | {"marked": marked, "span": span})
    return made
