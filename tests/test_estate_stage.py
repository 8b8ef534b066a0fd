"""What the estate stage offers and asks for, before anything is solved."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import PRIMARIES, write_small_study
from test_estate_options import YEARS, village

from placeplan.estate.problem import high_forecast, offered
from placeplan.journeys import study_journeys
from placeplan.pipeline import LEVERS
from placeplan.study import Study


def test_the_high_forecast_is_the_rolls_raised_as_the_areas_p90() -> None:
    """Retained surplus under the high forecast would mean nothing if it were the mean again."""
    table = pd.DataFrame(
        [("North", "primary", year, 100.0, 112.0) for year in YEARS],
        columns=["planning_area", "phase", "academic_year", "mean", "p90"],
    )
    school = village(intake=20)
    high = high_forecast([school], YEARS, table)
    assert high["North", "primary"] == pytest.approx(np.full(7, 140 * 1.12))


def test_growth_is_offered_only_where_places_are_short(tmp_path: Path) -> None:
    """An expansion nobody needs would fill the plan's menu, and perhaps the plan."""
    study = Study.open(write_small_study(tmp_path / "study"))
    journeys = study_journeys(study)
    schools = [village(key=str(PRIMARIES["A"])), village(key=str(PRIMARIES["B"]), planning_area={"primary": "South"})]
    balance = pd.DataFrame(
        [
            ("North", "primary", YEARS[2], 12.0),
            ("South", "primary", YEARS[2], 0.0),
            ("South", "primary", "2022/23", 9.0),
        ],
        columns=["planning_area", "phase", "academic_year", "need"],
    )
    actions = {
        school.key: {
            option.action
            for option in offered(schools, YEARS, balance, journeys, study, LEVERS)
            if option.facility == school.key
        }
        for school in schools
    }
    assert "expand" in actions[str(PRIMARIES["A"])]
    assert "expand" not in actions[str(PRIMARIES["B"])]
    assert all("close" not in of_school for of_school in actions.values())
