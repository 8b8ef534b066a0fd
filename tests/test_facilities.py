"""What a school brings into the plan: who holds a place, who lives beyond walking distance, who may object to more."""

import numpy as np
import pandas as pd
import pytest
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.estate_build import Reach, build_estate
from models.facilities import school_facilities
from models.placed import beyond_walking
from models.powers import power

JUNIORS = ("Y3", "Y4", "Y5", "Y6")


def by_year(name: str, values: dict[tuple[str, str], float]) -> pd.DataFrame:
    """A table of one junior school, 0 where nothing is given."""
    rows = [
        (900001, year, group, values.get((year, group), 0.0)) for year in ["2022/23", *YEARS] for group in COMPULSORY
    ]
    return pd.DataFrame(rows, columns=["urn", "academic_year", "year_group", name])


def test_who_joins_a_cohort_later_holds_no_place() -> None:
    """Counted 20 in Y3; forecast 26 of them in Y4, 15 in Y5. Twenty hold a place, then fifteen; the six come anew.

    Were the six counted as placed, a full school would seem to have taken them, and nobody to be without a place.
    """
    schools = pd.DataFrame(
        {"urn": [900001], "name": ["J"], "phase": ["primary"], "planning_area": ["North"],
         "planning_area_secondary": None, "type": ["Community school"], "pan_estimated": [False], "max_fe": [None]}
    )  # fmt: skip
    rolls = by_year(
        "pupils",
        {("2022/23", "Y3"): 20, ("2023/24", "Y4"): 26, ("2024/25", "Y5"): 15, ("2023/24", "Y3"): 18,
         ("2024/25", "Y4"): 18},
    )  # fmt: skip
    places = by_year("places", {(year, group): 20.0 for year in YEARS for group in JUNIORS})
    (school,) = school_facilities(schools, {900001: JUNIORS}, places, rolls, YEARS, "2022/23", Policy({}))
    holds = pd.DataFrame(school.holds, index=YEARS, columns=COMPULSORY)
    assert holds.loc["2023/24", "Y4"] == 20 and holds.loc["2024/25", "Y5"] == 15
    assert holds.loc["2023/24", "Y3"] == 0 and holds.loc["2024/25", "Y4"] == 0  # nobody of these cohorts is there yet
    assert school.pupils[YEARS.index("2023/24"), COMPULSORY.index("Y4")] == 26


def test_two_equal_futures_send_as_many_beyond_walking_distance_as_one() -> None:
    """Expected over futures: a sum over them would tell a committee of twice the children who walk too far."""
    school = village(pan=20)
    pupils = np.zeros((1, 7, 12, 2))
    pupils[0, :, :7] = [[12.0, 15.0]]
    metres = np.array([[500.0], [4_000.0]])
    reach = Reach(np.arange(2), metres, metres / 1000, np.ones((2, 1), dtype=bool))
    nodes = homes(("a", "900001", 84, 500), ("b", "900001", 105, 4_000))
    policy = Policy({"residual_years": 0})

    def far(futures: int) -> float:
        estate = build_estate(
            [school], stays([school]), [], nodes, np.repeat(pupils, futures, axis=0), BANDS, YEARS, reach, policy,
            np.full(futures, 1 / futures), futures > 1,
        )  # fmt: skip
        everybody = np.ones((estate.problem.n_slices, estate.problem.n_arcs))
        return float(beyond_walking(estate, everybody, policy).sum())

    assert far(1) > 0 and far(2) == pytest.approx(far(1))


@pytest.mark.parametrize("kind", ["Community school", "Voluntary aided school", "Academy converter"])
def test_more_places_are_not_objected_to_and_fewer_are(kind: str) -> None:
    """The Admissions Code lets nobody object to a larger intake; a plan that warns of it would scare off the remedy."""
    for action in ("lift PAN", "bulge class"):
        challenge = power(kind, action).challenge
        assert challenge == power(kind, "lift PAN").challenge and challenge != power(kind, "cut PAN").challenge
    assert "no objection" in power(kind, "lift PAN").challenge.lower()
    assert "adjudicator" in power(kind, "cut PAN").challenge
