"""A closure from the tables of a study to its effects, its report and its checks: small enough to work out by hand.

C's 84 pupils, 12 a year group, live at the school's gate. B is 5 km away and has 35 places left, 5 a year group; A is
10 km away and has 70, 10 a year group.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_study import PER_YEAR_GROUP, PRIMARIES, SECONDARY, policy, write_small_study

from geodata.years import PRIMARY
from placeplan.closures.displaced import route_table
from placeplan.closures.verification import wrong_closures
from placeplan.estate.problem import state_problem
from placeplan.estate.stored import as_stored, stored_estate
from placeplan.estate.upstream import Upstream
from placeplan.pipeline import run_stages
from placeplan.report.stage import report_stage
from placeplan.results import read_stage, read_summary
from placeplan.study import Study
from placeplan.verification import verify_results

A, B, C = (str(PRIMARIES[name]) for name in "ABC")
CLOSING = (f"closable_urns = [{C}]", "journey_cost_gbp_per_km = 50", "disturbance_gbp = 0", "transport_gbp = 0",
           "school_fixed_cost_gbp = 400000", "vehicles_settled_gbp = 100")  # fmt: skip
MORE = {C: {"fsm_pupils": "21", "reserves_gbp": "-40000", "site_owner": "Church <b>trustees</b>",
            "pfi_until": "2029-08-31", "pfi_gbp_per_year": "10000"}}  # fmt: skip


def with_columns(folder: Path, values: dict[str, dict[str, str]]) -> None:
    """Further columns of schools.csv, by urn."""
    path = folder / "inputs/schools.csv"
    table = pd.read_csv(path, dtype=str)
    for column in dict.fromkeys(name for row in values.values() for name in row):
        table[column] = [values.get(urn, {}).get(column) for urn in table["urn"]]
    table.to_csv(path, index=False)


def write_study(folder: Path, more: dict[str, dict[str, str]]) -> None:
    """Three villages whose pupils all attend their own school, as counted."""
    write_small_study(folder)
    with_columns(folder, more)
    rows = [f"2022/23,{name},{urn},primary,{7 * PER_YEAR_GROUP[name]}" for name, urn in PRIMARIES.items()]
    rows += [f"2022/23,{name},{SECONDARY},secondary,{5 * pupils}" for name, pupils in PER_YEAR_GROUP.items()]
    (folder / "inputs/flows.csv").write_text("\n".join(["academic_year,locality,urn,phase,pupils", *rows]) + "\n")


def study_with(folder: Path, *lines: str, stages: tuple[str, ...] = ("forecast", "balance", "estate")) -> Study:
    write_study(folder, MORE)
    policy(folder, *CLOSING, *lines)
    list(run_stages(Study.open(folder), stages))
    return Study.open(folder)


@pytest.fixture
def made(closing_villages: Study) -> Study:
    return closing_villages


def table(study: Study, name: str) -> pd.DataFrame:
    return read_stage(study.results / "estate", name)


def effects(study: Study) -> pd.Series:
    rows = table(study, "closure_effects")
    assert rows["facility"].tolist() == [C]
    return rows.iloc[0]


def test_pupils_by_their_own_year_group(made: Study) -> None:
    """Twelve of every year group; those who were on roll grow older, and one more year group is of later cohorts."""
    moved = table(made, "displaced")
    year = effects(made)["academic_year"]
    closing = moved[moved["academic_year"] == year]
    assert closing.groupby("year_group")["pupils"].sum().to_dict() == pytest.approx(dict.fromkeys(PRIMARY, 12), abs=0.1)
    assert set(closing.loc[closing["cohort"] == "later", "year_group"]) == {"R"}
    next_year = sorted(moved["academic_year"].unique())[1]
    later = moved[(moved["academic_year"] == next_year) & (moved["cohort"] == "later")]
    assert set(later["year_group"]) == {"R", "Y1"}
    assert moved["distance_before_m"].eq(0).all()
    assert set(moved.groupby("receiving")["distance_after_m"].first().round().items()) == {(A, 10_000), (B, 5_000)}


def test_journeys_entitlement_and_transport(made: Study) -> None:
    """B lies 3.1 miles and A 6.2 from everybody: whoever is at B, or at A because B is full, is entitled."""
    told, moved = effects(made), table(made, "displaced")
    assert told["pupils_displaced"] == pytest.approx(72, abs=0.5)  # the twelve of R had not come yet
    assert told["later_entrants_per_year"] == pytest.approx(12, abs=0.1)
    assert told["worst_before_m"] == 0 and told["worst_after_m"] == pytest.approx(10_000)
    assert told["cross_2_miles"] == told["cross_3_miles"] == pytest.approx(72, abs=0.5)
    assert told["entitled_before"] == 0
    cell = ["academic_year", "year_group"]
    at_b = moved[moved["receiving"] == B].groupby(cell)["pupils"].sum()
    at_a = moved[moved["receiving"] == A].set_index(cell)
    full = at_b.reindex(at_a.index, fill_value=0.0) > 4  # less than one of B's five places is left
    assert ((at_a["ground_after"] == "distance") == full).all() and full.any()
    routes = table(made, "transport")
    assert (routes["when"] == "after").all()
    first = routes[routes["academic_year"] == told["academic_year"]].set_index("receiving")["pupils"]
    assert first.sum() == pytest.approx(
        moved.loc[moved["academic_year"] == told["academic_year"], "entitled_after"].sum(), abs=1
    )
    assert (
        told["transport_first_year_gbp"]
        == routes.loc[routes["academic_year"] == told["academic_year"], "gbp_per_year"].sum()
    )


def test_a_closing_bears_the_vehicles_that_it_needs(made: Study, tmp_path: Path) -> None:
    """What the plan counts is what the routes come to; once a taxi costs too much, nothing closes."""
    options = table(made, "options")
    closing = options[(options["facility"] == C) & (options["action"] == "close")].set_index("academic_year")
    one = table(made, "closure_effects").iloc[0]
    counted = closing.loc[one["academic_year"], "vehicles_gbp"]
    assert counted > 10_000 and one["vehicles_not_counted_gbp"] == pytest.approx(0, abs=1)
    assert counted == pytest.approx(one["transport_discounted_gbp"], abs=1)  # a seat is priced at nothing here
    assert (closing["vehicles_gbp"].diff().dropna() < 0).all()  # later, fewer years of them
    dear = study_with(tmp_path / "dear", "taxi_gbp_per_year = 200000", "minibus_gbp_per_year = 200000",
                      "bus_gbp_per_year = 200000")  # fmt: skip
    assert table(dear, "closure_effects").empty


def test_children_entitled_in_parts_make_whole_ones_together(made: Study) -> None:
    """Two thirds of a child to each of three schools are two children and two taxis, not none."""
    table_of = pd.DataFrame(
        [(C, to, "2024/25", "C", 0.0, 2 / 3, 1.0) for to in ("1", "2", "3")],
        columns=["facility", "receiving", "academic_year", "locality", "entitled_before", "entitled_after", "pupils"],
    )
    routes = route_table(table_of, made)
    assert routes["pupils"].tolist() == [1, 1] and routes["taxi"].sum() == 2


@pytest.mark.parametrize(("how", "settled"), [("phased", 100), ("phased", 10**9), ("both", 100)])
def test_questions_are_asked_of_the_estate_that_was_planned(how: str, settled: int, tmp_path: Path) -> None:
    """Vehicles of a school that runs out count from its first year group on, planned again for that or not."""
    write_study(tmp_path / "study", MORE)
    lines = [*(line for line in CLOSING if "settled" not in line), f"vehicles_settled_gbp = {settled}"]
    policy(tmp_path / "study", *lines, f'closing = "{how}"', "closing_phase_years = 2", "federations_max = 0")
    list(run_stages(Study.open(tmp_path / "study"), ("forecast", "balance", "estate")))
    study = Study.open(tmp_path / "study")
    folder = study.results / "estate"
    stored, _ = stored_estate(folder)
    told = read_summary(folder) or {}
    again = as_stored(state_problem(study, Upstream.read(study.results), tuple(told["levers"])).estate, folder)
    assert again.problem.option_cost == pytest.approx(stored.option_cost)
    one = table(study, "closure_effects").iloc[0]
    assert one["transport_discounted_gbp"] > 10_000 and abs(one["vehicles_not_counted_gbp"]) < max(settled, 1)
    assert told["vehicles_left_gbp"] == pytest.approx(abs(one["vehicles_not_counted_gbp"]), abs=1)
    assert (told["vehicles_rounds"] > 0) == (settled == 100 and how == "phased")
    by_year = table(study, "transport").query("when == 'after'").groupby("academic_year")["gbp_per_year"].sum()
    assert (by_year.index < one["academic_year"]).any() == (how == "phased")  # routes run before the school is gone


def test_who_could_stay_together(made: Study) -> None:
    """A has ten places in every year group of twelve beside its own twenty: five sixths of it."""
    groups = table(made, "closure_together")
    assert groups["year_group"].tolist() == list(PRIMARY[1:])
    assert groups["could_stay_together"].to_numpy() == pytest.approx(10 / 12, abs=0.02)
    assert (groups["together_in_plan"] <= groups["could_stay_together"] + 1e-9).all()


def test_what_does_not_fit_is_named(made: Study) -> None:
    """Upper years are shared by the plan as a whole; by single year groups somebody may be over, and is counted."""
    over, moved = table(made, "does_not_fit"), table(made, "displaced")
    own = {A: 20, B: 25}
    expected = moved.groupby(["receiving", "academic_year", "year_group"])["pupils"].sum().reset_index()
    expected["over"] = expected["pupils"] - (30 - expected["receiving"].map(own))
    expected = expected[expected["over"] >= 0.5]
    listed = over[over["rule"] == "own year group"]
    assert len(listed) == len(expected)
    assert listed["pupils_over"].sum() == pytest.approx(expected["over"].sum(), abs=0.2 * max(len(expected), 1))


def test_pockets_add_up_and_the_council_stands_first(made: Study) -> None:
    pockets, decision = table(made, "pockets"), table(made, "decisions").query("action == 'close'").iloc[0]
    own = pockets[pockets["in_own_cost"].astype(bool)]
    assert own["discounted_gbp"].sum() == pytest.approx(decision["cost_gbp"], abs=1)
    assert pockets["pocket"].iloc[0] == "council revenue"
    by_item = pockets.set_index("item")
    assert by_item.loc["balance of the school", "one_off_gbp"] == 40_000  # a deficit, of a community school
    assert by_item.loc["PFI or lease charges that go on", "pocket"] == "council revenue"
    assert by_item.loc["site", "pocket"] == "diocese or trustees" and pd.isna(by_item.loc["site", "one_off_gbp"])
    council = pockets[pockets["council"].astype(bool)]["discounted_gbp"].sum()
    assert effects(made)["council_discounted_gbp"] == pytest.approx(council)
    assert council > 0 > own["discounted_gbp"].sum()  # everybody saves, the council pays


def test_the_report_tells_it_and_the_checks_hold(made: Study) -> None:
    page = (made.results / "report/report.html").read_text()
    for words in (
        "What closing does",
        "The council itself pays £",
        "Church &lt;b&gt;trustees&lt;/b&gt;",
        "eligible for free school meals: 21",
        "with an education, health and care plan: not given",
        "Decided by:</b> Local authority",
        "its consent is needed",
    ):
        assert words in page, words
    assert "<b>trustees" not in page
    assert not any(verify_results(made).values())


def test_modelled_homes_are_said_to_be_so(made: Study, tmp_path: Path) -> None:
    """Distances before closing that nobody counted must not be read as counted ones."""
    said = "where pupils live is modelled"
    assert said not in (made.results / "report/report.html").read_text()
    folder = Path(shutil.copytree(made.folder, tmp_path / "study"))
    (folder / "inputs/flows.csv").unlink()
    study = Study.open(folder)
    assert said in report_stage(study, study.results).pages["report.html"]


def test_an_unsafe_route_and_a_rural_share(tmp_path: Path) -> None:
    """With limits of 9 miles nobody is entitled by distance: only the table, or the rural share, gives a ground."""
    far = ("walking_limit_under_8_m = 10000", "walking_limit_8_up_m = 10000", "low_income_share = 0")
    far = (*far, "low_income_limit_m = 10000", "unsafe_route_share_rural = 0.5")
    folder = tmp_path / "study"
    write_study(folder, {C: {"rural_designated": "yes", "fsm_pupils": "0"}})
    policy(folder, *CLOSING, *far)
    list(run_stages(Study.open(folder), ("forecast", "balance", "estate")))
    moved = table(Study.open(folder), "displaced")
    at_b = moved[moved["receiving"] == B]
    assert (
        at_b["entitled_after"].sum() == pytest.approx(0.5 * at_b["pupils"].sum())
        and (at_b["entitled_before"] == 0).all()
    )
    (folder / "inputs/unsafe_routes.csv").write_text(f"urn,demand_point,locality,reason\n{B},,C,No footway\n")
    list(run_stages(Study.open(folder), ("forecast", "balance", "estate")))
    moved = table(Study.open(folder), "displaced")
    assert (moved.loc[moved["receiving"] == B, "ground_after"] == "unsafe route").all()
    assert (moved.loc[moved["receiving"] == A, "ground_after"] == "").all()


def test_without_a_closure_every_table_is_there_and_empty(tmp_path: Path) -> None:
    study = study_with(tmp_path / "study", "closures_max = 0", stages=("forecast", "balance", "estate", "report"))
    for name in ("displaced", "closure_effects", "closure_together", "closure_receiving", "transport", "pockets"):
        assert table(study, name).empty
    assert table(study, "does_not_fit").empty
    assert "What closing does" not in (study.results / "report/report.html").read_text()
    assert not any(verify_results(study).values())


def with_amount(pockets: pd.DataFrame, item: str, gbp: float) -> pd.DataFrame:
    return pockets.assign(discounted_gbp=pockets["discounted_gbp"].where(pockets["item"] != item, gbp))


WRONGS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a pupil too few": ("displaced", lambda t: t.iloc[1:], "displaced pupils over the allocation"),
    "another school": ("displaced", lambda t: t.replace({"receiving": {B: A}}), "displaced pupils over the allocation"),
    "no school at all": ("displaced", lambda t: t.replace({"receiving": {B: "100999"}}), "is no school or site"),
    "more entitled than go": ("displaced", lambda t: t.assign(entitled_after=t["pupils"] * 2), "more are entitled"),
    "fewer newly entitled": ("closure_effects", lambda t: t.assign(newly_entitled=1.0), "newly_entitled is"),
    "a closure left out": ("closure_effects", lambda t: t.iloc[:0], "its effects are not told"),
    "a pocket emptied": ("pockets", lambda t: with_amount(t, "closing cost", 0.0), "its own cost is"),
    "transport made cheap": ("pockets", lambda t: with_amount(t, "transport", 1.0), "transport is"),
    "families' time left out": ("pockets", lambda t: t[t["pocket"] != "families"], "journeys is"),
    "the schools block taken for the council": ("pockets", lambda t: t.assign(council=True), "another's money"),
    "a saving of the council's": (
        "closure_effects", lambda t: t.assign(council_discounted_gbp=-1e6), "the council's pockets is",
    ),
    "a route left out": ("transport", lambda t: t.iloc[1:], "transport is"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONGS)
def test_tampering_is_found(made: Study, tmp_path: Path, what: str) -> None:
    name, change, said = WRONGS[what]
    folder = Path(shutil.copytree(made.folder, tmp_path / "study"))
    path = folder / f"results/base/estate/{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    assert said in "; ".join(wrong_closures(Study.open(folder)))


def test_a_journey_beyond_the_limit_is_found(made: Study, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made.folder, tmp_path / "study"))
    policy(folder, "journey_max_primary_min = 10")  # 10 km at 40 km/h are 15 minutes
    assert "farther than the longest journey" in "; ".join(wrong_closures(Study.open(folder)))


def test_pupils_and_money_are_those_to_be_expected_over_futures(tmp_path: Path) -> None:
    """Where what can wait follows the future that comes, a closure may be taken in some of them only."""
    futures = ('estate_demand = "scenarios"', "estate_scenarios = 3", "estate_draws = 40", 'estate_two_stages = "yes"')
    study = study_with(tmp_path / "study", *futures, "close_lead_years = 1", stages=("forecast", "balance", "estate"))
    told, closed = table(study, "closure_effects"), table(study, "decisions").query("action == 'close'")
    assert len(told) == 1
    assert told["probability"].to_numpy() == pytest.approx(closed["probability"].sum())
    own = table(study, "pockets").query("in_own_cost")["discounted_gbp"].sum()
    assert own == pytest.approx((closed["cost_gbp"] * closed["probability"]).sum(), abs=len(closed))
    assert not wrong_closures(study)
