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
from models.journeys import Places, base_nodes, forecast_nodes, with_newcomers

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


def rolls_of(**pupils: dict[str, float]) -> pd.DataFrame:
    """Rolls of schools 1 and 2: one_2023 = {"Y3": 5} is school 1 in 2023/24."""
    numbers = {"one": 1, "two": 2}
    return pd.DataFrame(
        [
            (numbers[name[:3]], f"{name[4:]}/{int(name[-2:]) + 1}", group, count)
            for name, by_group in pupils.items()
            for group, count in by_group.items()
        ],
        columns=["urn", "academic_year", "year_group", "pupils"],
    )


def test_nodes_share_the_roll_forecast_for_their_school_to_the_last_pupil() -> None:
    """Balance, schools and the estate must speak of the same children, or a plan closes on a ghost."""
    places, bands = two_villages(), age_bands([PRIMARY])
    nodes, notes = base_nodes(places, bands, Policy({}))
    assert nodes.groupby("urn")["pupils"].sum().to_dict() == pytest.approx({1: 65.0, 2: 75.0})
    assert notes == ["Y7–Y11: no school of the study teaches it."]
    table = forecast_table()
    table.loc[(table["locality"] == "A") & (table["academic_year"] == "2023/24"), "mean"] = 4.0
    rolls = rolls_of(one_2022={"Y3": 5.0}, two_2022={"Y3": 15.0}, one_2023={"Y4": 5.0}, two_2023={"Y4": 15.0, "R": 7.0})
    made = forecast_nodes(nodes, bands, places, table, rolls, ("2022/23", "2023/24"))
    summed = pd.DataFrame(made.pupils.sum(axis=1).T).groupby(nodes["urn"]).sum()
    assert summed.loc[1].tolist() == pytest.approx([5.0, 5.0])
    assert summed.loc[2].tolist() == pytest.approx([15.0, 22.0])
    # Within a school, homes weigh as their locality's forecast says: A falls to 4 of 10, B does not.
    second = nodes.index[nodes["urn"] == 2]
    now, then = made.pupils[0, 3, second], made.pupils[1, 4, second]
    ratio = (then / then.sum()) / (now / now.sum())
    by_home = pd.Series(ratio, index=nodes.loc[second, "locality"])
    assert by_home["A"] / by_home["B"] == pytest.approx(0.4)


def test_a_school_that_gets_its_first_pupils_of_a_band_has_them_somewhere() -> None:
    """Pupils whose home is not known yet stand outside rather than nowhere."""
    places, bands = two_villages(), age_bands([PRIMARY])
    nodes, _ = base_nodes(places, bands, Policy({}))
    rolls = rolls_of(two_2023={"Y8": 12.0})
    more = with_newcomers(nodes, rolls, bands)
    assert len(more) == len(nodes) + 1 and more["node"].is_unique
    new = more.iloc[-1]
    assert (new["demand_point"], new["band"], new["urn"], new["pupils"]) == ("outside", "Y7–Y11", 2, 0.0)
    made = forecast_nodes(more, bands, places, forecast_table(), rolls, ("2023/24",))
    assert made.pupils[0, COMPULSORY.index("Y8"), -1] == pytest.approx(12.0)
    assert with_newcomers(nodes, rolls_of(two_2023={"Y4": 3.0}), bands) is nodes


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
