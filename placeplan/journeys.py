"""Journeys of a study: from its demand points and schools to its schools and candidate sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.fallbacks import is_mainstream
from geodata.travel import TravelMatrix, travel_table
from models.bands import school_year_groups
from placeplan.study import Study

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StudyJourneys:
    """Road distances and drive times of a study.

    Rows are demand points, then schools, then sites; columns are schools, then sites. A school without coordinates
    is inf away from everywhere. `metres` is the shorter of the ways on foot and by car.
    """

    points: pd.DataFrame
    schools: pd.DataFrame
    sites: pd.DataFrame
    metres: Array
    minutes: Array
    off_road: int

    @property
    def to_schools(self) -> Array:
        """(points, schools) metres."""
        return self.metres[: len(self.points), : len(self.schools)]

    @property
    def between_schools(self) -> Array:
        """(schools, schools) drive minutes."""
        first = len(self.points)
        return self.minutes[first : first + len(self.schools), : len(self.schools)]


def planned_schools(study: Study) -> pd.DataFrame:
    """Schools that are planned: mainstream, with at least one year group R–Y11."""
    schools = study.tables["schools"]
    mainstream = schools[is_mainstream(schools)]
    groups = school_year_groups(mainstream)
    taught = np.array([bool(groups[int(urn)]) for urn in mainstream["urn"]], dtype=bool)
    return mainstream[taught].reset_index(drop=True)


def study_journeys(study: Study) -> StudyJourneys:
    """Journeys along the study's roads; straight line × detour factor where it has none."""
    points, schools = study.tables["demand_points"], planned_schools(study)
    sites = study.tables.get("sites", pd.DataFrame(columns=["site", "easting", "northing"]))
    places = [frame[["easting", "northing"]].to_numpy(dtype=float) for frame in (points, schools, sites)]
    everywhere, ends = np.concatenate(places), np.concatenate(places[1:])
    from_known, to_known = np.isfinite(everywhere).all(axis=1), np.isfinite(ends).all(axis=1)
    policy = study.policy
    travel: TravelMatrix = travel_table(
        everywhere[from_known],
        ends[to_known],
        study.roads,
        walk_kmh=policy.number("walk_kmh"),
        detour_factor=policy.number("detour_factor"),
        straight_line_kmh=policy.number("straight_line_kmh"),
    )
    metres, minutes = (np.full((len(everywhere), len(ends)), np.inf) for _ in range(2))
    known = np.ix_(from_known, to_known)
    metres[known] = np.minimum(travel.walk_m, travel.drive_m)
    minutes[known] = travel.drive_min
    return StudyJourneys(points, schools, sites, metres, minutes, travel.origins_off_road)
