"""Bids in place: who would go to a school that is not there yet, what is short with and without it, what it costs.

The small study with villages A and B grown: 112 children a year for 90 places, so that 22 more are short with every
cohort from 2023/24 on. The bids are of a school of 1 FE at 1 km from A, from 2026/27.
"""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from small_study import grow
from tender_study import write_tender_study
from test_bad_input import edit
from test_estate_options import YEARS, site

from geodata.policy import Policy
from models.bids import bid_option
from models.choice import attractions, drawn_shares
from placeplan.estate.problem import what_is_known
from placeplan.estate.reasons import with_competitions
from placeplan.estate.upstream import Upstream
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.study_finances import within_places
from placeplan.tenders.bid_effects import Effects
from placeplan.tenders.bid_finances import Accounts, with_money
from placeplan.tenders.bid_in_place import _worth
from placeplan.verification import verify_results

CHECK = "tender: bids in place from the balance, pupils added up"
GOAL = ("forecast", "balance", "tender")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tender_study(tmp_path_factory.mktemp("bids") / "study")
    grow(folder, "A", 60)
    grow(folder, "B", 40)
    edit(folder / "inputs/bids.csv", "B4,C1,Dell Group,1,2026/27", "B4,C1,Dell Group,0.5,2025/26")
    list(run_stages(Study.open(folder), GOAL))
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return read_stage(folder / "results/base/tender", name)


def test_each_cohort_from_the_opening_on_has_its_places(made: Path) -> None:
    """22 short with every cohort; 30 places from 2026/27, 15 a year earlier leave 7 of each."""
    short = table(made, "bid_deficits")
    whole = short[short["kind"] == "whole phase"].set_index(["bid", "academic_year"])
    assert whole.loc["B1", "deficit_before"].tolist() == pytest.approx([22, 44, 66, 88, 110], abs=0.5)
    assert whole.loc["B1", "deficit_after"].tolist() == pytest.approx([22, 44, 66, 66, 66], abs=0.5)
    assert whole.loc["B4", "deficit_after"].tolist() == pytest.approx([22, 44, 51, 58, 65], abs=0.5)
    entry = short[short["kind"] == "intake"].set_index(["bid", "academic_year"])
    assert entry.loc["B1", "deficit_after"].tolist() == pytest.approx([22, 22, 22, 0, 0], abs=0.5)


def test_planned_pupils_are_those_without_a_place_nearer(made: Path) -> None:
    """Whom A cannot take goes 1 km and not 10 km to C; whom B cannot take, 4 km instead of 5, takes what is left.

    Some children at A live elsewhere, so not everybody turned away there has the new school nearer than C.
    """
    pupils, rolls = table(made, "bid_pupils"), read_stage(made / "results/base/balance", "roll_forecast")
    last = pupils[(pupils["bid"] == "B1") & (pupils["basis"] == "planned") & (pupils["academic_year"] == "2027/28")]
    assert set(last["today"]) == {"100001", "100002"} and 50 < last["pupils"].sum() <= 60 + 1e-6
    at_a = rolls[(rolls["urn"] == 100001) & (rolls["academic_year"] == "2027/28")]
    entering = at_a["year_group"].eq("R")
    turned_away = at_a.loc[entering, "pupils"].sum() - 30 + at_a.loc[~entering, "pupils"].sum() - 180
    assert 20 < turned_away < 60
    assert 0.75 * turned_away < last.loc[last["today"] == "100001", "pupils"].sum() <= turned_away + 0.1
    assert last.loc[last["demand_point"] == "A", "distance_m"].to_numpy() == pytest.approx(1000)


def test_what_others_lose_is_what_the_school_gains_where_nobody_queues(made: Path) -> None:
    """A and B turn children away, so there the queue moves up; what leaves schools with room is not replaced."""
    lost = table(made, "bid_neighbours")
    mine = lost[(lost["bid"] == "B1") & (lost["academic_year"] == "2027/28")].set_index("facility")
    told = table(made, "bids_in_place").set_index("bid").loc["B1"]
    assert mine["change_planned"].sum() + told["pupils_planned"] <= 110 + 1e-6
    assert (mine["change_chosen"] <= 1e-9).all() and -mine["change_chosen"].sum() <= told["pupils_chosen"] + 1e-6
    assert told["pupils_chosen"] <= 60 + 1e-9 <= told["pupils_wanting"] + 60


def test_bids_with_the_same_places_differ_by_their_own_cost_alone(made: Path) -> None:
    """B1 asks for 200,000 more than B2, a year before opening: discounted over three years, the whole plan as well."""
    told = table(made, "bids_in_place").set_index("bid")
    apart = 200_000 / (1 + Study.open(made).policy.number("discount_rate")) ** 3
    for figure in ("more_least_gbp", "more_most_gbp"):
        assert told.loc["B1", figure] - told.loc["B2", figure] == pytest.approx(apart)
    assert (told["more_least_gbp"] <= told["more_most_gbp"]).all()


def test_a_benchmark_stands_beside_capital_only_where_it_is_asked_for(made: Path) -> None:
    told = table(made, "bids_in_place").set_index("bid")
    assert told.loc["B1", "of_benchmark"] == pytest.approx(5_200_000 / 210 / told.loc["B1", "benchmark_per_place_gbp"])
    assert np.isnan(told.loc["B3", "capital_per_place_gbp"]) and np.isnan(told.loc["B3", "of_benchmark"])


def test_the_page_shows_bids_in_place_as_no_criterion(made: Path) -> None:
    page = (made / "results/base/tender/C1.html").read_text()
    placed = page[page.index("Each bid in place") : page.index("Scores of record</h2>")]
    assert "Not a criterion, not scored" in placed and "A Primary School" in placed and "Places short in P" in placed


def test_verification_notices_a_table_that_was_changed(made: Path, tmp_path: Path) -> None:

    study = Path(shutil.copytree(made, tmp_path / "study"))
    assert verify_results(Study.open(study))[CHECK] == []
    path = study / "results/base/tender/bid_deficits.parquet"
    changed = pd.read_parquet(path)
    changed.loc[3, "deficit_after"] += 5
    changed.to_parquet(path)
    path = study / "results/base/tender/bids_in_place.parquet"
    moved = pd.read_parquet(path)
    moved.loc[0, "pupils_chosen"] += 9
    moved.to_parquet(path)
    said = verify_results(Study.open(study))[CHECK]
    assert any("deficit_after" in line for line in said) and any("pupils chosen" in line for line in said)


def test_what_cannot_be_put_in_place_is_said(tmp_path: Path) -> None:
    folder = write_tender_study(tmp_path / "study")
    edit(folder / "inputs/bids.csv", "B2,C1,Birch Trust,1,2026/27", "B2,C1,Birch Trust,,2026/27")
    edit(folder / "inputs/bids.csv", "B3,C1,Cedar Trust,1,2026/27", "B3,C1,Cedar Trust,1,2031/32")
    *_, step = run_stages(Study.open(folder), GOAL)
    (said,) = [line for line in step.summary["warnings"] if "not put in place" in line]
    assert "B2, B3" in said and "2023/24 to 2027/28" in said
    assert table(folder, "bids_in_place")["bid"].tolist() == ["B1", "B4"]


def test_the_new_school_has_a_budget_of_five_years_on_both_answers(made: Path) -> None:
    """Opening in 2026/27 with plan years to 2027/28: the cohorts move up, and as many enter as last."""
    money = table(made, "bid_finances")
    planned = money[(money["bid"] == "B1") & (money["basis"] == "planned")]
    assert planned["academic_year"].tolist() == ["2026/27", "2027/28", "2028/29", "2029/30", "2030/31"]
    told = table(made, "bids_in_place").set_index("bid").loc["B1", "pupils_planned"]
    assert planned["pupils"].iloc[1] == pytest.approx(told)
    assert planned["pupils"].diff().iloc[2:].tolist() == pytest.approx([told / 2] * 3)
    assert (money["balance_gbp"] - (money["income_gbp"] - money["cost_gbp"])).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("kept", "since", "reserves", "named"),
    [
        (5, 0, 0.2, True),
        (0, 0, 0.2, True),
        (0, 2, 0.2, True),
        (0.3, 2, 0.2, True),
        (199, 4, 0.2, False),
        (5, 0, 0.05, False),
    ],
)
def test_a_neighbour_that_loses_nearly_everybody_is_named(
    made: Path, kept: float, since: int, reserves: float, named: bool
) -> None:
    """Its reserves, enough without the bid, are gone, or its pupils are. Not named where they never were enough."""
    study = Study.open(made)
    policy = Policy({"viable_reserves_share": reserves})
    known = what_is_known(study, Upstream.read(study.results))
    balance = study.results / "balance"
    accounts = Accounts.of(
        study, known, within_places(read_stage(balance, "roll_forecast"), read_stage(balance, "school_forecast"))
    )
    rolls = accounts.finances.rolls[:, 1:].sum(axis=2)
    change = np.zeros_like(rolls)
    change[1, since:] = kept - rolls[1, since:]
    effects = Effects(np.zeros((5, 12)), np.zeros(5), change, np.zeros(5), np.zeros(5), pd.DataFrame())
    rows = pd.DataFrame({"facility": "100002", "name": "B Primary School", "academic_year": known.years})
    _, pushed = with_money(rows, {"planned": effects}, accounts, policy)
    assert pushed == {"planned": ["B Primary School"] if named else []}


def test_a_queue_moves_up_where_the_new_school_draws(made: Path) -> None:
    """A school has as many as want to come and no more than its 30 places, with the new school and without it."""
    lost, pupils = table(made, "bid_neighbours"), table(made, "bid_pupils")
    rolls = read_stage(made / "results/base/balance", "roll_forecast")
    year = "2026/27"  # the first cohort
    drawn = pupils[(pupils["bid"] == "B1") & (pupils["basis"] == "chosen") & (pupils["academic_year"] == year)]
    mine = lost[(lost["bid"] == "B1") & (lost["academic_year"] == year)].set_index("facility")["change_chosen"]
    for urn in (100001, 100002):
        wanted = rolls[(rolls["urn"] == urn) & (rolls["academic_year"] == year) & (rolls["year_group"] == "R")]
        want, gone = float(wanted["pupils"].iloc[0]), drawn.loc[drawn["today"] == str(urn), "pupils"].sum()
        assert want > 30 and gone > 0.5
        assert mine.get(str(urn), 0.0) == pytest.approx(min(want - gone, 30) - 30, abs=0.01)


def test_who_comes_within_walking_distance_and_who_beyond_it(made: Path) -> None:
    """Two miles for a primary school, counted again from where each pupil would come from."""
    limit = Study.open(made).policy.number("walking_limit_under_8_m")
    pupils, told = table(made, "bid_pupils"), table(made, "bids_in_place").set_index("bid")
    rows = pupils[(pupils["bid"] == "B1") & (pupils["basis"] == "chosen") & (pupils["academic_year"] == "2027/28")]
    near_now, near_then = rows["distance_today_m"] <= limit, rows["distance_m"] <= limit
    within, beyond = rows.loc[~near_now & near_then, "pupils"].sum(), rows.loc[near_now & ~near_then, "pupils"].sum()
    assert within > 1 and beyond > 1
    assert told.loc["B1", "newly_within_chosen"] == pytest.approx(within, abs=0.05)
    assert told.loc["B1", "newly_beyond_chosen"] == pytest.approx(beyond, abs=0.05)


def worth_of(costs: dict[int, tuple[float, float]], **changes: object) -> dict[str, dict[str, object]]:
    """`_worth` of bids X and Y over an empty site, where planning gives those bounds and costs by option."""
    problem = SimpleNamespace(
        option_cost=np.array([0.0, 5.0, 8.0]), option_capacity=np.array([[0.0], [60.0], [60.0]]),
        row_matrix=csr_matrix(changes.get("rows", np.zeros((1, 3)))), row_name=("capital in 2025/26",),
    )  # fmt: skip
    here = SimpleNamespace(estate=SimpleNamespace(problem=problem), facility=0, empty=0, options={"X": 1, "Y": 2})

    def planned(problem: object, facility: int, option: int, policy: object, before: object) -> SimpleNamespace:
        least, most = costs[option]
        impossible = np.isinf(most)
        return SimpleNamespace(bound=least, objective=most, clash=(0,) if impossible else (),
                               option=None if impossible else np.zeros(1))  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("placeplan.tenders.bid_in_place._planned", planned)
        return _worth(SimpleNamespace(policy=None), here)  # type: ignore[arg-type]


def test_the_worth_of_a_bid_lies_between_worst_against_best() -> None:
    """Without it at least 100 and at most 110, with it 90 to 95: it saves 5 to 20. Y costs 3 more for the same."""
    told = worth_of({0: (100, 110), 1: (90, 95)})
    assert (told["X"]["more_least_gbp"], told["X"]["more_most_gbp"]) == (-20, -5)
    assert (told["Y"]["more_least_gbp"], told["Y"]["more_most_gbp"]) == (-17, -2)


def test_a_bid_over_the_budget_takes_no_other_with_it() -> None:
    """The same places, but only X is over a budget: what it clashes with is named, and Y is planned on its own."""
    told = worth_of({0: (100, 110), 1: (np.inf, np.inf), 2: (92, 97)}, rows=np.array([[0.0, 9.0, 7.0]]))
    assert told["X"]["clash"] == "capital in 2025/26" and np.isnan(told["X"]["more_most_gbp"])
    assert told["Y"]["clash"] == "" and told["Y"]["more_most_gbp"] == -3


def test_capital_of_a_bid_has_the_land_in_it() -> None:
    where = site(land_cost_gbp=300_000.0)
    option = bid_option(where, "B", 2, YEARS[3], 8_000_000.0, YEARS, Policy({}))
    assert option.capital_gbp.tolist() == [0, 0, 8_300_000, 0, 0, 0, 0] and option.start_now
    assert option.places[3:, 0].tolist() == [60] * 4 and option.places[3, 1] == 0


distances = st.lists(st.lists(st.floats(0, 15), min_size=3, max_size=3), min_size=4, max_size=4)
counts = st.lists(st.floats(1, 300), min_size=4, max_size=4)


@given(distances, counts, st.lists(st.floats(1, 400), min_size=3, max_size=3))
def test_attractions_bring_out_todays_rolls(km: list[list[float]], homes: list[float], rolls: list[float]) -> None:
    distance, origins, taught = np.array(km), np.array(homes), np.array(rolls)
    own = attractions(distance, origins, taught, 0.5)
    pull = own * np.exp(-0.5 * distance)
    drawn = (pull / pull.sum(axis=1, keepdims=True) * origins[:, None]).sum(axis=0)
    assert drawn / drawn.sum() == pytest.approx(taught / taught.sum(), rel=1e-3)


def test_a_twin_next_door_takes_half() -> None:
    """One school of 100, another of the same size at the same distance: half of each origin's pupils."""
    km, homes = np.array([[1.0], [3.0]]), np.array([40.0, 60.0])
    assert drawn_shares(km, homes, np.array([100.0]), km[:, 0], 100.0, 0.7) == pytest.approx([0.5, 0.5])
    assert drawn_shares(km, homes, np.array([100.0]), km[:, 0], 50.0, 0.7) == pytest.approx([1 / 3, 1 / 3])


def test_nearer_draws_more_and_out_of_reach_nobody() -> None:
    km, homes = np.array([[1.0, 4.0], [4.0, 1.0]]), np.array([50.0, 50.0])
    near, far = drawn_shares(km, homes, np.array([50.0, 50.0]), np.array([0.5, np.inf]), 50.0, 0.7)
    assert near > 0.3 and far == 0.0


def test_the_plan_says_when_nobody_offers_the_year_it_would_open() -> None:
    """A plan that opens a school a year before any bid does is a plan that nobody has offered to carry out."""
    decided = pd.DataFrame({"site": ["N", None], "academic_year": ["2025/26", "2024/25"], "reason": ["2 FE", "More."]})
    competitions = pd.DataFrame({"competition": ["C1"], "site": ["N"]})
    bids = pd.DataFrame({"competition": ["C1", "C1"], "opens": ["2027/28", "2026/27"]})
    told = with_competitions(decided, competitions, bids)["reason"].tolist()
    assert told == ["2 FE. Bids for it (C1) open in 2026/27 to 2027/28; nobody offers 2025/26", "More."]
    assert with_competitions(decided, None, None) is decided


def test_schools_far_away_say_nothing_of_a_new_schools_pull() -> None:
    """Beside one school of 100 a twin takes half, whatever is so of a school fifty kilometres on."""
    km = np.array([[1.0, 50.0], [50.0, 1.0], [50.0, 40.0]])
    share = drawn_shares(
        km, np.array([100.0, 40.0, 60.0]), np.array([100.0, 100.0]), np.array([1.0, 50.0, 50.0]), 100.0, 0.7
    )
    assert share[0] == pytest.approx(0.5, abs=0.01)
