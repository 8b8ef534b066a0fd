"""The page of a frontier: any two plans next to each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from placeplan.geography import planning_areas, points
from placeplan.pages.parts import school_points
from placeplan.results import read_stage
from placeplan.study import Study

if TYPE_CHECKING:
    from maps.basemap import Basemap
    from maps.page import PageNotes


def frontier_page(study: Study, results: Path, about: PageNotes, background: Basemap) -> str:
    """What each plan of the frontier decides for schools and sites."""
    from maps.frontier import frontier_map
    from maps.page import Link

    sites = study.tables.get("sites")
    return frontier_map(
        read_stage(results / "estate", "frontier"),
        read_stage(results / "estate", "frontier_decisions"),
        school_points(study),
        points(sites) if sites is not None else None,
        planning_areas(study),
        replace(about, links=[Link("../report/report.html#frontier", "The frontier in the report")]),
        basemap=background,
    )
