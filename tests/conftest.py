"""What several test files share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from placeplan.study import Study


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real open data: $PLACEPLAN_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("PLACEPLAN_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PLACEPLAN_DATA")
    return folder


@pytest.fixture(scope="session")
def closing_villages(tmp_path_factory: pytest.TempPathFactory) -> "Study":
    """Three villages, the school of one of which closes, with maps and report: read it, copy it, do not change it."""
    from test_closures_study import study_with

    stages = ("forecast", "balance", "estate", "maps", "report")
    return study_with(tmp_path_factory.mktemp("closures") / "study", stages=stages)


@pytest.fixture(scope="session")
def clustered_county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample county with forecast, balance and clusters, as they are before anything closes: read, not written."""
    from placeplan.clusters.stage import clusters_stage
    from placeplan.county import make_county
    from placeplan.pipeline import run_stages
    from placeplan.results import write_stage
    from placeplan.study import Study

    folder = tmp_path_factory.mktemp("clusters") / "county"
    make_county(folder)
    study = Study.open(folder)
    list(run_stages(study, ("forecast", "balance")))
    write_stage(study.results / "clusters", clusters_stage(study), {}, 0.0)
    return folder
