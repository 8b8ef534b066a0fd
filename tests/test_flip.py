"""Which change of the forecast flips a decision: worked by hand, against every choice, and as a planner reads it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import PRIMARIES, grow, policy, write_small_study
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village
from test_rivalry import best

from geodata.policy import Policy
from models.changed_forecast import around, expected_pupils, with_forecast
from models.estate_build import Estate, Reach, build_estate
from models.estate_read import option_table
from models.options import Facility, Option, stay
from models.rules import Kept, places_asked, retained_surplus
from placeplan.cli import main
from placeplan.estate.flip import FLIPS, STANDS, UNDECIDED, Asked, Tried, Way, _sentence, search
from placeplan.pipeline import run_stages
from placeplan.results import read_stage
from placeplan.study import Study
from solvers import rivals

PLAIN = Policy({"residual_years": 0, "discount_rate": 0.0, "unmet_gbp": 1000, "retained_surplus": 0.0})
BOTH = np.ones(1, dtype=bool)


def extended(school: Facility, places: float, cost_gbp: float) -> Option:
    """So many places more (or fewer) in every primary year group and year, at a cost in the first year."""
    (today,) = stay(school, YEARS[: len(school.places)], PLAIN)
    more = today.admits.copy()
    more[:, :7] = np.maximum(more[:, :7] + places, 0.0)
    capital = np.zeros(len(more))
    capital[0] = cost_gbp
    return replace(today, action="expand", reason="more", academic_year=YEARS[0], admits=more, places=more,
                   capital_gbp=capital)  # fmt: skip


def one_school(cost_gbp: float) -> Estate:
    """33 pupils a year group at a school of 30, seven years; nobody pays for a journey."""
    school = village(pan=30, intake=33)
    pupils = np.zeros((1, 7, 12, 1))
    pupils[:, :, :7] = 33.0
    reach = Reach(np.zeros(1, dtype=int), np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1), dtype=bool))
    options = [*stays([school]), extended(school, 15, cost_gbp)]
    return build_estate([school], options, [], homes(("a", "900001", 231, 0)), pupils, BANDS, YEARS, reach, PLAIN)


def asked(estate: Estate, kept: list[Kept], facility: int, begun: np.ndarray) -> Asked:
    return Asked(estate, kept, facility, begun, option_table(estate))


def way(question: Asked, nodes: np.ndarray, sign: int) -> Way:
    taken = np.unique(question.begun[:, question.facility])
    now = rivals(question.estate.problem, question.facility, taken, question.begun, time_limit_s=10)
    return Way(question, nodes, sign, now.prices)


def test_the_flip_of_one_school_is_where_arithmetic_says() -> None:
    """Short in a year: 231 f − 210, £1000 each. At f = 0.945 that is £58,065 in seven years."""
    estate = one_school(7 * 1000 * (231 * 0.945 - 210))
    question = asked(estate, [], 0, np.array([[1]]))
    fewer = search(way(question, BOTH, -1).at, 30, 1, time.perf_counter() + 60)
    assert [(one.percent, one.outcome) for one in fewer] == [
        (5, STANDS), (10, FLIPS), (7, FLIPS), (6, FLIPS),
    ]  # fmt: skip
    assert fewer[-1].instead == "as it is today"
    said = _sentence(fewer, "fewer", "around here", 231, "2029/30")
    assert said == (
        "If fewer pupils come around here: stands up to 5 % fewer (12 of 231 pupils in 2029/30); at 6 % fewer (14 of "
        "231 pupils in 2029/30) it would instead be as it is today. Tried: 5, 6, 7, 10 %."
    )
    more = search(way(question, BOTH, 1).at, 30, 1, time.perf_counter() + 60)
    assert [one.outcome for one in more] == [STANDS] * 4
    assert "no change up to 30 % more (69 of 231 pupils in 2029/30) flips it" in _sentence(
        more, "more", "around here", 231, "2029/30"
    )


def test_a_school_left_as_it_is_flips_where_enough_come_who_were_not_in_question_before() -> None:
    """28 a year group have room: nobody is in the problem. From 31.5 on, 12.5 % more, an expansion is worth it."""
    school = village(pan=30, intake=28)
    pupils = np.zeros((1, 7, 12, 1))
    pupils[:, :, :7] = 28.0
    reach = Reach(np.zeros(1, dtype=int), np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1), dtype=bool))
    options = [*stays([school]), extended(school, 15, 7 * 1000 * (7 * 31.5 - 210))]
    estate = build_estate([school], options, [], homes(("a", "900001", 196, 0)), pupils, BANDS, YEARS, reach, PLAIN)
    assert estate.problem.n_nodes == 0
    question = asked(estate, [], 0, np.array([[0]]))
    more = search(way(question, BOTH, 1).at, 30, 1, time.perf_counter() + 60)
    assert max(one.percent for one in more if one.outcome == STANDS) == 12
    assert min(one.percent for one in more if one.outcome == FLIPS) == 13
    assert next(one for one in more if one.outcome == FLIPS).instead.startswith(f"expand from {YEARS[0]}")


def two_areas() -> tuple[Estate, list[Kept]]:
    """A and B in North, C in South; nodes of two homes at A, one at B and C; C's children could come to B."""
    schools = [
        village(pan=30, intake=29, key="900001", name="A"),
        village(pan=30, intake=20, key="900002", name="B"),
        village(pan=18, intake=20, key="900003", name="C", planning_area={"primary": "South"}),
    ]
    nodes = homes(("a1", "900001", 140, 500), ("a2", "900001", 63, 900), ("b", "900002", 140, 500),
                  ("c", "900003", 140, 500))  # fmt: skip
    return stated(schools, nodes, [*stays(schools), extended(schools[1], -9, -50_000.0)])


def stated(schools: list[Facility], nodes: pd.DataFrame, options: list[Option]) -> tuple[Estate, list[Kept]]:
    pupils = np.zeros((1, 7, 12, len(nodes)))
    pupils[:, :, :7] = nodes["pupils"].to_numpy() / 7
    policy = Policy({"residual_years": 0, "discount_rate": 0.0, "journey_choices": 2})
    kept = places_asked(schools, YEARS, {}, policy)
    rows = retained_surplus(schools, options, YEARS, kept)
    km = np.array([[0.5, 5.0, 50.0], [0.9, 5.0, 50.0], [5.0, 0.5, 5.0], [50.0, 5.0, 0.5]]) * 1000
    reach = Reach(np.arange(len(nodes)), km, km / 1000, np.ones(km.shape, dtype=bool))
    return build_estate(schools, options, rows, nodes, pupils, BANDS, YEARS, reach, policy), kept


def test_a_changed_forecast_is_the_estate_stated_anew_for_it() -> None:
    """Everything by another way: pupils of schools and nodes 10 % up before the estate is stated, options as they were.

    Rules that kept to today's pupils would call a decision allowed that breaks them, or the reverse.
    """
    estate, kept = two_areas()
    changed = with_forecast(estate, kept, np.full(4, 1.1)).problem
    schools = [replace(school, pupils=school.pupils * 1.1) for school in estate.facilities]
    nodes = estate.all_nodes.assign(pupils=estate.all_nodes["pupils"] * 1.1)
    fresh = stated(schools, nodes, list(estate.options))[0].problem
    for name in ("demand", "option_capacity", "arc_node", "arc_facility", "arc_cost", "row_lower", "unmet_cost"):
        np.testing.assert_allclose(getattr(changed, name), getattr(fresh, name), err_msg=name)
    assert changed.n_nodes > estate.problem.n_nodes


def test_the_rule_of_an_area_follows_the_pupils_at_its_schools() -> None:
    """North has 343 pupils and 420 places; policy asks for 343 ÷ 0.95. Half of a1 stays away: 70 ÷ 0.95 fewer."""
    estate, kept = two_areas()
    lower = dict(zip(estate.problem.row_name, estate.problem.row_lower, strict=True))
    row = f"North, primary, {YEARS[0]}: retained surplus"
    assert lower[row] == pytest.approx(343 / 0.95)
    changed = with_forecast(estate, kept, np.array([0.5, 1, 1, 1])).problem
    moved = dict(zip(changed.row_name, changed.row_lower, strict=True))
    assert moved[row] == pytest.approx((343 - 70) / 0.95)
    south = f"South, primary, {YEARS[0]}: retained surplus"
    assert moved[south] == lower[south] == pytest.approx(126)  # short of policy already: no less than today
    up = with_forecast(estate, kept, np.full(4, 1.3)).problem
    assert dict(zip(up.row_name, up.row_lower, strict=True))[row] == pytest.approx(420)


def test_around_a_school_are_its_area_and_those_who_could_come() -> None:
    estate, _ = two_areas()
    assert around(estate, 0).tolist() == [True, True, True, False]
    assert around(estate, 1).tolist() == [True, True, True, True]  # C has too few places: its pupils may come to B
    assert expected_pupils(estate)[0].sum(axis=0).tolist() == pytest.approx([140, 63, 140, 140])


@pytest.mark.parametrize("seed", range(20))
def test_what_is_proven_at_each_change_agrees_with_every_choice(seed: int) -> None:
    estate, kept = random_estate(seed)
    problem, rng = estate.problem, np.random.default_rng(seed)
    taken = int(rng.integers(2))  # of the first school's three options
    begun = np.array([[taken, 3, 6]])
    question = asked(estate, kept, 0, begun)
    nodes = around(estate, 0) if seed % 2 else np.ones(len(estate.all_nodes), dtype=bool)
    outcomes = set()
    for sign in (-1, 1):
        at = Way(question, nodes, sign, rivals(problem, 0, np.array([taken]), begun, time_limit_s=5).prices).at
        for percent in (4.0, 30.0, 11.0):
            found = at(percent, 10.0)
            changed = with_forecast(estate, kept, np.where(nodes, 1 + sign * percent / 100, 1.0)).problem
            with_it = best(changed, 0, np.array([taken]))
            without = best(changed, 0, np.setdiff1d(np.arange(3), taken))
            outcomes.add(found.outcome)
            if found.outcome == UNDECIDED:
                assert abs(with_it - without) < 2.0 or (with_it == without)
            else:
                assert (found.outcome == STANDS) == (without > with_it)
    assert outcomes <= {STANDS, FLIPS, UNDECIDED}


def random_estate(seed: int) -> tuple[Estate, list[Kept]]:
    """Three schools in two areas over two years, each with three options; eight homes at random."""
    rng = np.random.default_rng(seed)
    years = YEARS[:2]
    schools, options = [], []
    for number in range(3):
        pan, intake = rng.integers(15, 35), rng.integers(15, 40)
        whole = village(pan=pan, intake=intake, key=f"90000{number}", name=str(number),
                        planning_area={"primary": "North" if number < 2 else "South"})  # fmt: skip
        schools.append(replace(whole, places=whole.places[:2], pupils=whole.pupils[:2], holds=whole.holds[:2]))
    policy = Policy({"residual_years": 0, "discount_rate": 0.0, "unmet_gbp": int(rng.integers(300, 2000))})
    for school in schools:
        options += [
            *stay(school, years, PLAIN),
            extended(school, 15, float(rng.integers(10_000, 90_000))),
            extended(school, -10, -float(rng.integers(10_000, 90_000))),
        ]
    kept = places_asked(schools, years, {}, policy)
    rows = retained_surplus(schools, options, years, kept)
    home = np.r_[0, 1, 2, rng.integers(0, 3, 5)]
    share = rng.random(8)
    total = np.array([schools[h].pupils[0, 0] * 7 * share[i] / share[home == h].sum() for i, h in enumerate(home)])
    km = rng.uniform(0.3, 9.0, (8, 3))
    nodes = homes(*((f"n{i}", f"90000{h}", total[i], 1000 * km[i, h]) for i, h in enumerate(home)))
    pupils = np.zeros((1, 2, 12, 8))
    pupils[:, :, :7] = total / 7
    reach = Reach(np.arange(8), km * 1000, km, np.ones((8, 3), dtype=bool))
    return build_estate(schools, options, rows, nodes, pupils, BANDS, years, reach, policy), kept


def answers(flip_at: float, unsure: tuple[float, ...] = ()) -> Callable[[float, float], Tried]:
    def at(percent: float, limit_s: float) -> Tried:
        assert limit_s > 0
        outcome = UNDECIDED if percent in unsure else FLIPS if percent >= flip_at else STANDS
        return Tried(percent, outcome, "closed")

    return at


def test_the_search_narrows_down_to_a_step_and_never_repeats_a_change() -> None:
    for flip_at in (1, 2, 4.5, 5, 9, 17, 29, 30):
        tried = search(answers(flip_at), 30, 1, time.perf_counter() + 60)
        percents = [one.percent for one in tried]
        assert len(percents) == len(set(percents)) <= 8
        assert min(one.percent for one in tried if one.outcome == FLIPS) == np.ceil(flip_at)
        assert max((one.percent for one in tried if one.outcome == STANDS), default=0) == np.ceil(flip_at) - 1
    half = search(answers(4.2), 30, 0.5, time.perf_counter() + 60)
    assert min(one.percent for one in half if one.outcome == FLIPS) == 4.5


def test_what_could_not_be_decided_is_neither_standing_nor_flipped() -> None:
    tried = search(answers(10, unsure=(5, 4)), 30, 1, time.perf_counter() + 60)
    said = _sentence(tried, "more", "in the whole study", 1000, "2029/30")
    assert "stands up to 3 % more (30 of 1,000 pupils" in said
    assert "at 10 % more (100 of 1,000 pupils in 2029/30) it would instead be closed" in said
    assert "at 4, 5 % it could not be decided in the time" in said
    never = _sentence(search(answers(99, unsure=(5, 10, 20, 30)), 30, 1, np.inf), "more", "here", 10, "2029/30")
    assert "flips it" not in never and "could not be decided" in never


def test_without_time_nothing_is_tried_and_that_is_said() -> None:
    assert search(answers(5), 30, 1, time.perf_counter() - 1) == []
    assert _sentence([], "fewer", "around here", 10, "2029/30").endswith("not tried, for want of time.")


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Village A has three times as many children as its school was built for."""
    folder = write_small_study(tmp_path_factory.mktemp("flip") / "study", years=9)
    grow(folder, "A", 95)
    policy(folder, "explain_seconds = 30", "flip_step_percent = 5", "flip_most_percent = 20")
    list(run_stages(Study.open(folder)))
    return Study.open(folder)


def test_explain_says_what_would_flip_a_decision(growing: Study, capsys: pytest.CaptureFixture[str]) -> None:
    key = str(PRIMARIES["A"])
    decided = read_stage(growing.results / "estate", "decisions")
    assert key in set(decided["facility"])
    with pytest.raises(SystemExit) as done:
        main(["explain", str(growing.folder), key, "--json"])
    assert not done.value.code
    told = json.loads(capsys.readouterr().out)["What change of the forecast would flip it"]
    assert [line.split(":")[0] for line in told[:4]] == [
        f"If {word} pupils come {where}"
        for where in ("around here", "in the whole study")
        for word in ("fewer", "more")
    ]
    assert all("Tried: " in line for line in told[:4])
    assert "Proven for the whole estate" in told[4] and "today's forecast" in told[5]


def test_a_plan_of_other_inputs_is_not_asked(growing: Study, tmp_path: Path) -> None:
    """Settings changed since: what is said would be of a problem that nobody has planned."""
    path = growing.folder / "study.toml"
    before = path.read_text()
    try:
        path.write_text(before + "unmet_gbp = 3333\n")
        from placeplan.explain import explanation

        told = explanation(Study.open(growing.folder), str(PRIMARIES["A"]))
        (line,) = told["What change of the forecast would flip it"]
        assert line.startswith("Not known: inputs or settings are no longer those of the plan")
    finally:
        path.write_text(before)
