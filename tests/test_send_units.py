"""SEND units on mainstream sites: what a school may offer, what is asked of an area, and the cheapest way to it."""

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import PRIMARIES, policy, write_small_study
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from models.estate_build import Reach, build_estate, option_costs
from models.estate_read import calendar_table, decisions
from models.options import Facility, Option
from models.powers import power
from models.rules import Row, capital_budget, places_asked, retained_surplus
from models.send_units import UnitNeed, send_unit, unit_need, unit_rows, unit_table
from placeplan.cli import main
from placeplan.pipeline import COMMISSION, run_stages
from placeplan.report.stage import report_stage
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.verification import verify_results
from solvers import solve_estate

NORTH = ("North", "primary")
PLAIN = Policy({})


def building(places: float) -> np.ndarray:
    held = np.zeros((7, 12))
    held[:, :7] = places
    return held


def need(*places: float) -> dict[tuple[str, str], np.ndarray]:
    return {NORTH: np.array(places, dtype=float)}


def test_a_unit_stands_in_rooms_that_nobody_has_places_in() -> None:
    """210 places of building for 140 of the admission number: 70 to spare hold 10 or 20 SEND places at two each."""
    roomy = village(pan=20, physical=building(30))
    options = send_unit(roomy, YEARS, PLAIN, [NORTH])
    first = options[0]
    assert (first.academic_year, first.reason) == (
        "2023/24",
        "unit of 10 SEND places in rooms the school does not need",
    )
    assert first.admits.tolist() == roomy.places.tolist(), "not one mainstream place goes"
    assert (
        first.capital_gbp.tolist() == [10 * 4 * 21_014, 0, 0, 0, 0, 0, 0] and first.running_gbp.tolist() == [3_000] * 7
    )
    assert first.unit_places.tolist() == [10] * 7 and first.unit_phase == "primary"
    assert len(options) == 14 and first.power == power("Community school", "expand") and first.power.own
    later = options[3]
    assert later.capital_gbp[2] == 840_560 and later.unit_places.tolist() == [0, 0, 0, 10, 10, 10, 10]


def test_where_no_room_stands_empty_the_places_go_that_pupils_do_not_need() -> None:
    """Ten places take twenty of 210: in each year group 30 become 27.1, as many as 24 pupils and a tenth need."""
    options = send_unit(village(pan=30, intake=24), YEARS, PLAIN, [NORTH])
    first = options[0]
    assert first.academic_year == "2024/25", "a smaller intake is consulted on by the January before last"
    assert first.admits[0, 0] == 30 and first.admits[1, :7] == pytest.approx([30 - 20 / 7] * 7)
    assert first.running_gbp.tolist() == [0, *([-3_000] * 6)] and "20 mainstream places fewer" in first.reason
    assert {o.unit_places.max() for o in options} == {10.0}  # 20 would leave 170 for 168 and a tenth
    assert send_unit(village(pan=30, intake=26), YEARS, PLAIN, [NORTH]) == []
    assert send_unit(village(pan=30, intake=24, pan_estimated=True), YEARS, PLAIN, [NORTH]) == []


def test_a_full_year_group_keeps_a_unit_out_of_a_school_with_room() -> None:
    """Fourteen pupils a year would fit, but not a Reception of thirty beside them."""
    school = village(pan=30, intake=14)
    school.pupils[3, 2] = 30
    assert send_unit(school, YEARS, Policy({"send_unit_places": (10,)}), [NORTH])[0].academic_year == "2027/28"


def test_a_unit_is_offered_where_it_is_needed_and_asked_of_a_trust() -> None:
    roomy = village(pan=20, physical=building(30), type="Academy converter")
    assert send_unit(roomy, YEARS, PLAIN, [("South", "primary"), ("North", "secondary")]) == []
    option = send_unit(roomy, YEARS, PLAIN, [NORTH])[0]
    assert option.power.asked_of == "Academy trust" and "trust applies" in option.schedule.steps[1].name


def test_need_stands_until_the_next_figure() -> None:
    table = pd.DataFrame(
        [
            ("North", "primary", "2026/27", 20),
            ("North", "primary", "2024/25", 10),
            ("South", "secondary", "2020/21", 4),
        ],
        columns=["planning_area", "phase", "academic_year", "places"],
    )
    found = unit_need(table, YEARS)
    assert found[NORTH].tolist() == [0, 10, 10, 20, 20, 20, 20] and found["South", "secondary"].tolist() == [4] * 7
    assert unit_need(None, YEARS) == {}


def state(schools: list[Facility], given: Policy, asked: dict[tuple[str, str], np.ndarray]):
    """Options, every row and the needs of some schools that may open units."""
    options = stays(schools)
    for school in schools:
        options += send_unit(school, YEARS, given, asked)
    rows = retained_surplus(schools, options, YEARS, places_asked(schools, YEARS, {}, given))
    rows += capital_budget(options, YEARS, given)
    for_units, needs = unit_rows(schools, options, YEARS, asked, rows)
    return options, rows + for_units, needs


def kept(rows: list[Row], chosen: tuple[int, ...]) -> bool:
    levels = [(row, row.values[np.isin(row.options, chosen)].sum()) for row in rows]
    return all(row.lower - 1e-6 <= level <= row.upper + 1e-6 for row, level in levels)


def cheapest(schools: list[Facility], options: list[Option], rows: list[Row], given: Policy) -> float:
    """Cost of the best of all combinations, pupils aside: they have room under every option."""
    cost = option_costs(options, YEARS, given)
    own = [[o for o, option in enumerate(options) if option.facility == school.key] for school in schools]
    return min((float(cost[list(chosen)].sum()) for chosen in product(*own) if kept(rows, chosen)), default=np.inf)


@settings(max_examples=15, deadline=None)
@given(
    pans=st.lists(st.sampled_from([(20, 30), (30, 30), (15, 20), (45, 45)]), min_size=2, max_size=3),
    early=st.sampled_from([0, 10, 20]),
    late=st.sampled_from([10, 20, 30, 60]),
    budget=st.sampled_from([None, 900_000.0, 1_700_000.0]),
)
def test_the_plan_opens_units_as_cheaply_as_any_combination_of_them(
    pans: list[tuple[int, int]], early: int, late: int, budget: float | None
) -> None:
    """Every combination tried: the solver's is the cheapest that keeps the rows, and some always does."""
    given_policy = Policy({} if budget is None else {"capital_budget_gbp_per_year": budget})
    schools = [
        village(pan=pan, intake=12, physical=building(room), key=str(900_001 + k)) for k, (pan, room) in enumerate(pans)
    ]
    asked = need(0, early, early, late, late, late, late)
    options, rows, needs = state(schools, given_policy, asked)
    nodes = homes(*((f"h{k}", school.key, 84, 500) for k, school in enumerate(schools)))
    pupils = np.zeros((1, 7, 12, len(schools)))
    pupils[:, :, :7] = 12.0
    metres = np.full((len(schools), len(schools)), 9_000.0)
    np.fill_diagonal(metres, 500.0)
    allowed = np.eye(len(schools), dtype=bool)
    reach = Reach(np.arange(len(schools)), metres, metres / 500, allowed)
    estate = build_estate(schools, options, rows, nodes, pupils, BANDS, YEARS, reach, given_policy)
    plan = solve_estate(estate.problem, gap=1e-9)
    assert plan.status == "optimal" and plan.option is not None
    least = cheapest(schools, options, rows, given_policy)
    assert float(estate.problem.option_cost[plan.option].sum()) == pytest.approx(least, abs=1.0)
    table = unit_table(schools, options, plan.by_scenario, needs)
    assert (table["plan"] >= table["asked"] - 1e-6).all() and (table["asked"] <= table["needed"]).all()
    opened = decisions(estate, plan.by_scenario)
    assert (opened["action"] == "SEND unit").all() and (opened["start_by"] >= "2022-09-01").all()
    assert set(calendar_table(estate, plan.by_scenario)["facility"]) == set(opened["facility"])


def test_what_cannot_be_had_is_asked_for_as_far_as_it_can() -> None:
    """One school with room for one unit, and a need for three from the first year on."""
    school = village(pan=30, intake=24)
    _, rows, needs = state([school], PLAIN, need(30, 30, 30, 30, 30, 30, 30))
    assert needs[0] == UnitNeed("North", "primary", "2023/24", 30.0, 0.0)
    assert [one.asked for one in needs] == [0, 10, 10, 10, 10, 10, 10]
    units = [row for row in rows if "SEND units" in row.name]
    assert [row.lower for row in units] == [10] * 6, "nothing is asked of a year in which nothing can be had"


def test_a_unit_is_not_asked_for_at_the_cost_of_another_rule() -> None:
    """A unit leaves 190 places for 168 pupils: 11 % kept empty ask for 188.8 of them, 12 % for 190.9."""
    school = village(pan=30, intake=24)
    for share, places in ((0.11, 10), (0.12, 0)):
        _, _, needs = state([school], Policy({"retained_surplus": share}), need(*[10] * 7))
        assert [one.asked for one in needs] == [0, *[places] * 6]


def test_a_larger_unit_takes_the_place_of_a_smaller_one() -> None:
    """Ten places cost no mainstream place and could be had a year earlier; of the need of twenty, twenty meet more."""
    school = village(pan=27, intake=12, physical=building(30))  # 21 places to spare
    _, _, needs = state([school], PLAIN, need(*[20] * 7))
    assert [one.asked for one in needs] == [0, *[20] * 6]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_study(tmp_path_factory.mktemp("units") / "study")
    area = Study.open(folder).tables["schools"].set_index("urn").loc[PRIMARIES["A"], "planning_area"]
    (folder / "inputs/send_need.csv").write_text(
        f"planning_area,phase,academic_year,places\n{area},primary,2025/26,6\nNowhere,primary,2025/26,5\n"
    )
    policy(folder, "send_unit_places = [6]", "send_room_places = 1")
    list(run_stages(Study.open(folder)))
    return folder


def test_a_unit_stands_in_decisions_rows_report_and_calendar(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a table of two rows to what an officer reads, and what `verify` holds it to."""
    opened = Study.open(study)
    folder = opened.results / "estate"
    units = read_stage(folder, "decisions").query("action == 'SEND unit'")
    assert len(units) == 1 and units["academic_year"].iloc[0] == "2025/26"
    steps = read_stage(folder, "calendar")
    mine = steps[steps["facility"] == units["facility"].iloc[0]]
    assert mine["begin_by"].min() == units["start_by"].iloc[0] and (mine["begin_by"] <= mine["done_by"]).all()
    table = read_stage(folder, "send_units")
    assert table.groupby("planning_area")["asked"].max()["Nowhere"] == 0
    summary = read_summary(folder)
    assert summary is not None and any("Nowhere (primary)" in warning for warning in summary["warnings"])
    assert not any(verify_results(opened).values())
    page = report_stage(opened, opened.results).pages["report.html"]
    assert "Places in new SEND units" in page and "Begin by" in page and "SEND unit" in page
    with pytest.raises(SystemExit):
        main(["explain", str(study), units["facility"].iloc[0]])
    said = capsys.readouterr().out
    assert "Calendar, the latest days for 2025/26" in said and "adapt the rooms" in said


@pytest.mark.parametrize("column", ["asked", "plan"])
def test_places_in_units_that_the_plan_does_not_have_are_noticed(study: Path, tmp_path: Path, column: str) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "study"))
    path = folder / "results/base/estate/send_units.parquet"
    table = pd.read_parquet(path)
    table[column] = table[column] + 4
    table.to_parquet(path, index=False)
    found = verify_results(Study.open(folder))
    assert found["estate tables: SEND units as the plan has them"]


def test_without_the_lever_no_unit_is_planned(study: Path) -> None:
    """What an officer leaves out of the levers must not come in by a table."""
    opened = Study.open(study)
    list(run_stages(opened, levers=[lever for lever in COMMISSION if lever != "send_unit"]))
    folder = opened.results / "estate"
    assert read_stage(folder, "send_units").empty
    assert "SEND unit" not in set(read_stage(folder, "options")["action"])
