"""Where pupils go: the gravity model and the nodes it gives."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.policy import Policy
from geodata.years import COMPULSORY, PRIMARY
from models.bands import Band, age_bands, planned_year_groups
from models.gravity import fit, journeys, prune
from models.journeys import Places, base_nodes, forecast_nodes

SOME = settings(deadline=None, max_examples=40)


def test_proportional_fitting_by_hand() -> None:
    """A 2 × 2 table whose odds ratio is 4 and whose margins are all 10: 20/3 on the diagonal."""
    fitted = fit(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([10.0, 10.0]), np.array([10.0, 10.0]))
    assert fitted == pytest.approx(np.array([[20 / 3, 10 / 3], [10 / 3, 20 / 3]]))


@SOME
@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 10_000))
def test_journeys_reproduce_every_roll_and_every_origin(n: int, m: int, seed: int) -> None:
    """If either margin were missed, a school would have pupils nobody sends or a village would lose children."""
    rng = np.random.default_rng(seed)
    rolls = rng.integers(0, 200, m).astype(float)
    origins = rng.dirichlet(np.ones(n)) * rolls.sum()
    flows = journeys(rng.uniform(0.1, 30, (n, m)), origins, rolls, 0.5)
    assert flows.sum(axis=0) == pytest.approx(rolls, abs=1e-6)
    assert flows.sum(axis=1) == pytest.approx(origins, rel=1e-4, abs=1e-4)
    assert (flows >= 0).all()


def test_near_schools_draw_more() -> None:
    flows = journeys(np.array([[1.0, 5.0], [5.0, 1.0]]), np.array([50.0, 50.0]), np.array([50.0, 50.0]), 0.6)
    assert flows[0, 0] > 45


def test_counted_journeys_replace_distance() -> None:
    """Where it is known who goes where, a model of distance must not overrule it."""
    known = np.array([[0.0, 40.0], [40.0, 0.0]])
    flows = journeys(np.array([[1.0, 9.0], [9.0, 1.0]]), np.full(2, 40.0), np.full(2, 40.0), 0.6, known)
    assert flows == pytest.approx(known, abs=1e-3)


def test_pruning_keeps_every_roll_and_drops_slivers() -> None:
    rng = np.random.default_rng(2)
    rolls = np.array([200.0, 30.0, 90.0])
    origins = rng.dirichlet(np.ones(40)) * rolls.sum()
    flows = journeys(rng.uniform(0.5, 20, (40, 3)), origins, rolls, 0.6)
    pruned = prune(flows, origins, rolls, 0.5)
    assert pruned.sum(axis=0) == pytest.approx(rolls)
    assert (pruned > 0).sum() < (flows > 0).sum()


def test_bands_are_cut_where_a_school_divides() -> None:
    everyday = [planned_year_groups(4, 11), planned_year_groups(11, 18)]
    assert [band.name for band in age_bands(everyday)] == ["R–Y6", "Y7–Y11"]
    divided = [*everyday, planned_year_groups(5, 7), planned_year_groups(7, 11), planned_year_groups(9, 13)]
    names = [band.name for band in age_bands(divided)]
    assert names == ["R–Y2", "Y3–Y4", "Y5–Y6", "Y7–Y8", "Y9–Y11"]


def two_villages(flows: pd.DataFrame | None = None) -> Places:
    """Villages A and B with a primary each; B's school also has a large Y3."""
    points = pd.DataFrame({"demand_point": ["a", "b"], "locality": ["A", "B"], "weight_primary": 1.0,
                           "weight_secondary": 1.0})  # fmt: skip
    groups = planned_year_groups(4, 11)
    pupils = pd.DataFrame(10.0, index=["A", "B"], columns=list(COMPULSORY))
    rolls = pd.DataFrame(10.0, index=[1, 2], columns=list(COMPULSORY))
    rolls[list(COMPULSORY[7:])] = 0.0
    rolls.loc[1, "Y3"], rolls.loc[2, "Y3"] = 5.0, 15.0
    metres = np.array([[500.0, 4000.0], [4000.0, 500.0]])
    return Places(points, [1, 2], {1: groups, 2: groups}, metres, pupils, rolls, flows)


def forecast_table(pupils: float = 10.0) -> pd.DataFrame:
    years = ("2022/23", "2023/24", "2024/25")
    return pd.DataFrame(
        [(place, year, group, pupils) for place in "AB" for year in years for group in COMPULSORY],
        columns=["locality", "academic_year", "year_group", "mean"],
    )


def test_nodes_reproduce_rolls_and_a_large_cohort_moves_up() -> None:
    """A class of 15 is still a class of 15 a year later: it does not melt into the average of its village."""
    places, bands = two_villages(), age_bands([PRIMARY])
    nodes, notes = base_nodes(places, bands, Policy({}))
    assert nodes.groupby("urn")["pupils"].sum().to_dict() == pytest.approx({1: 65.0, 2: 75.0})
    assert notes == ["Y7–Y11: no school of the study teaches it."]
    years = ("2022/23", "2023/24", "2024/25")
    made = forecast_nodes(nodes, bands, places, forecast_table(), years, "2022/23").roll_forecast()
    rolls = made.set_index(["urn", "academic_year", "year_group"])["pupils"]
    assert rolls.loc[(2, "2022/23", "Y3")] == pytest.approx(15.0)
    assert rolls.loc[(2, "2023/24", "Y4")] == pytest.approx(15.0)
    assert rolls.loc[(1, "2023/24", "Y4")] == pytest.approx(5.0)
    assert rolls.loc[(2, "2023/24", "Y3")] < 12
    by_year = made.groupby(["academic_year", "year_group"])["pupils"].sum()
    assert by_year.to_numpy() == pytest.approx(np.full(21, 20.0))


def test_pupils_from_outside_are_explicit() -> None:
    """A child from over the border must not be booked as living in a village of the study."""
    flows = pd.DataFrame(
        [("A", "1", 60.0), ("A", "2", 10.0), ("B", "2", 55.0), ("outside:Next County", "2", 10.0),
         ("outside:Next County", "1", 5.0), ("B", "independent", 12.0)],
        columns=["locality", "urn", "pupils"],
    ).assign(year_group=None, phase="primary")  # fmt: skip
    nodes, notes = base_nodes(two_villages(flows), [Band(PRIMARY)], Policy({}))
    away = nodes[nodes["locality"] == "outside"].set_index("urn")["pupils"]
    assert away.to_dict() == pytest.approx({1: 5.0, 2: 10.0})
    assert nodes.groupby("urn")["pupils"].sum().to_dict() == pytest.approx({1: 65.0, 2: 75.0})
    assert len(notes) == 1 and "scaled by 0.89" in notes[0]


def test_a_falling_village_takes_its_school_down() -> None:
    places, bands = two_villages(), age_bands([PRIMARY])
    nodes, _ = base_nodes(places, bands, Policy({}))
    table = forecast_table()
    table.loc[(table["locality"] == "A") & (table["academic_year"] == "2024/25"), "mean"] = 4.0
    made = forecast_nodes(nodes, bands, places, table, ("2022/23", "2023/24", "2024/25"), "2022/23")
    by_school = made.roll_forecast().groupby(["urn", "academic_year"])["pupils"].sum()
    assert by_school[1, "2024/25"] < 0.5 * by_school[1, "2022/23"]
    assert by_school[1, "2024/25"] + by_school[2, "2024/25"] == pytest.approx(7 * 14)


def test_a_school_counted_by_phase_and_by_year_group_is_counted_once() -> None:
    """Two tables of the same children must not make them twice as many where it matters."""
    by_phase = pd.DataFrame(
        [("A", "1", 60.0), ("A", "2", 10.0), ("B", "1", 5.0), ("B", "2", 65.0)], columns=["locality", "urn", "pupils"]
    ).assign(year_group=None, phase="primary")
    reception = pd.DataFrame([("A", "1", 5.0), ("B", "1", 5.0)], columns=["locality", "urn", "pupils"])
    both = pd.concat([by_phase, reception.assign(year_group="R", phase=None)], ignore_index=True)
    nodes, _ = base_nodes(two_villages(both), [Band(PRIMARY)], Policy({}))
    pairs = nodes.set_index(["locality", "urn"])["pupils"]
    # Fitting keeps odds: school 1 half and half by its year groups, school 2 one to six and a half by its phase.
    odds = pairs["A", 1] * pairs["B", 2] / (pairs["A", 2] * pairs["B", 1])
    assert odds == pytest.approx(6.5, rel=0.01)
