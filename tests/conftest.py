"""What several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real open data: $PLACEPLAN_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("PLACEPLAN_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PLACEPLAN_DATA")
    return folder
