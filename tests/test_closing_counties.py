"""What closing must never do, over random counties, from the stored tables alone.

PLACEPLAN_COUNTIES=50 asks for as many counties; by default one, which takes a quarter of a minute.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from geodata.years import COMPULSORY, PHASES
from placeplan.county import make_county
from placeplan.journeys import study_journeys
from placeplan.pipeline import CLOSE, run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.verification import verify_results

COUNTIES = int(os.environ.get("PLACEPLAN_COUNTIES", "1"))
QUICK = {
    "closable": '"every school with a ground"', "close_rural": '"yes"', "closures_max": "6",
    "estate_time_limit_s": "4", "closure_noise_draws": "0", "closure_keeping_seconds": "2", "closing": '"both"',
}  # fmt: skip


@pytest.fixture(scope="module", params=range(COUNTIES), ids=lambda seed: f"county{seed + 11}")
def closed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A county in which every school with a ground may close, every village school's four factors written up."""
    folder: Path = tmp_path_factory.mktemp("county") / "study"
    make_county(folder, seed=request.param + 11)
    schools = pd.read_csv(folder / "inputs/schools.csv")
    factors = ("community", "transport", "motor_vehicles", "alternatives")
    words = {name: [f"The {name} of {school}." for school in schools["urn"]] for name in factors}
    schools[["urn"]].assign(**words).to_csv(folder / "inputs/rural_factors.csv", index=False)
    text = (folder / "study.toml").read_text().replace('close_rural = "yes"\n', "")
    lines = "\n".join(f"{key} = {value}" for key, value in QUICK.items())
    (folder / "study.toml").write_text(text.replace("[policy]", f"[policy]\n{lines}"))
    list(run_stages(Study.open(folder), ("forecast", "balance", "estate"), levers=CLOSE))
    return Study.open(folder)


def told(study: Study, name: str, stage: str = "estate") -> pd.DataFrame:
    return read_stage(study.results / stage, name)


def test_the_verifier_finds_nothing(closed: Study) -> None:
    assert {name: wrong for name, wrong in verify_results(closed).items() if wrong} == {}


def test_no_area_falls_below_what_it_must_keep(closed: Study) -> None:
    """Places of the last plan year summed school by school, and every year's as the plan tells them."""
    kept = told(closed, "retained")
    assert (kept["plan"] >= np.minimum(kept["asked"], kept["today"]) - 1e-6).all()
    last = kept["academic_year"].max()
    places = told(closed, "school_places", "balance").query("academic_year == @last")
    decided = told(closed, "decisions").set_index("urn")["places_after"]
    schools = closed.tables["schools"].set_index("urn")
    for phase, groups in PHASES.items():
        assert set(groups) <= set(COMPULSORY)
        own = places[places["year_group"].isin(groups)].groupby("urn")["places"].sum()
        every = places.groupby("urn")["places"].sum()
        after = own.copy()
        for urn, total in decided.dropna().items():
            if int(urn) in own.index and every[int(urn)] > 0:
                after[int(urn)] = own[int(urn)] * total / every[int(urn)]
        area = schools["planning_area"].reindex(after.index)
        mine = kept[(kept["academic_year"] == last) & (kept["phase"] == phase) & (kept["kind"] == "total")]
        for row in mine.itertuples():
            assert after[area == row.planning_area].sum() >= min(row.asked, row.today) - 1 - len(decided)


def test_no_displaced_pupil_is_sent_beyond_the_longest_journey(closed: Study) -> None:
    moved = told(closed, "displaced")
    moved = moved[moved["demand_point"].notna() & (moved["pupils"] > 0.01)]
    journeys = study_journeys(closed)
    point = {code: row for row, code in enumerate(journeys.points["demand_point"])}
    school = {str(urn): row for row, urn in enumerate(journeys.schools["urn"])}
    for row in moved.itertuples():
        if row.demand_point in point:
            phase = "secondary" if row.year_group in PHASES["secondary"] else "primary"
            minutes = journeys.minutes[point[row.demand_point], school[str(row.receiving)]]
            assert minutes <= closed.policy.by_phase("journey_max_{phase}_min", phase) + 1e-6


def test_no_school_closes_without_a_ground(closed: Study) -> None:
    """Surplus is counted again from rolls and places; quality from the schools' own columns."""
    grounds = told(closed, "grounds").set_index("urn")
    schools = closed.tables["schools"].assign(key=lambda t: t["urn"].astype(str)).set_index("key")
    gone = told(closed, "decisions").query("action in ('close', 'amalgamate: closes')")["urn"].astype(str)
    rolls, places = told(closed, "roll_forecast", "balance"), told(closed, "school_places", "balance")
    for urn in gone:
        row = grounds.loc[urn]
        assert row["offered"] and row["ground"] and not row["protected"]
        assert schools.at[urn, "sen_places"] == 0
        if row["surplus"]:
            own = rolls[(rolls["urn"] == int(urn)) & rolls["year_group"].isin(COMPULSORY)]
            held = places[(places["urn"] == int(urn)) & places["year_group"].isin(COMPULSORY)]
            pupils = own.groupby("academic_year")["pupils"].sum()
            room = held.groupby("academic_year")["places"].sum().reindex(pupils.index[1:])
            spare = 1 - pupils.iloc[1:] / room
            assert spare.iloc[2:].min() >= 0.25 - 1e-6
        assert row["surplus"] or row["quality"] or row["score"] < 50
    assert told(closed, "displaced").shape[0] > 0 or not len(gone)


def test_every_displaced_pupil_has_a_seat_of_the_own_year_group_and_infants_a_teacher(closed: Study) -> None:
    """Beside the forecast roll of each receiving school that is left as it is, less who leaves it in that year."""
    assert told(closed, "does_not_fit").empty
    by = ["urn", "academic_year", "year_group"]
    moved = told(closed, "displaced").groupby(["receiving", *by[1:]], as_index=False)["pupils"].sum()
    unchanged = ~moved["receiving"].isin(told(closed, "decisions")["facility"])
    moved = moved[unchanged].assign(urn=moved["receiving"].astype(int)).set_index(by)["pupils"]
    leaving = told(closed, "allocation").query("moved").assign(urn=lambda t: t["today"].astype(int))
    gone = leaving.groupby(by[:2])["pupils"].sum().reindex(moved.index.droplevel("year_group")).fillna(0.0).to_numpy()
    own = told(closed, "roll_forecast", "balance").set_index(by)["pupils"].reindex(moved.index).fillna(0.0) - gone
    places = told(closed, "school_places", "balance").set_index(by)["places"].reindex(moved.index).fillna(0.0)
    assert (moved <= np.maximum(places - own, 0.0) + 0.6).all()
    every = told(closed, "roll_forecast", "balance").query("year_group in ('R', 'Y1', 'Y2')")
    held = told(closed, "school_places", "balance").query("year_group in ('R', 'Y1', 'Y2')")
    infants = moved[moved.index.isin(["R", "Y1", "Y2"], level="year_group")].groupby(by[:2]).sum()
    at = every.groupby(by[:2])["pupils"].sum().reindex(infants.index)
    less = leaving.groupby(by[:2])["pupils"].sum().reindex(infants.index).fillna(0.0)
    full = held.groupby(by[:2])["places"].sum().reindex(infants.index)
    teachers = np.maximum(np.ceil(full / 30), np.ceil(at / 30))
    assert (infants <= np.maximum(30 * teachers - at + less, 0.0) + 0.6).all()
