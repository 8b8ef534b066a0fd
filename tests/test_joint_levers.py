"""What two schools do together: who may, what it saves, and that neither part ever stands alone."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import FREE_VEHICLES, PRIMARIES, policy, write_small_study
from stored_plans import check_stored_plans
from test_estate_build import BANDS, homes, stays
from test_estate_options import YEARS, village

from geodata.policy import Policy
from geodata.problems import BadInput
from geodata.years import PRIMARY
from models.estate_build import Reach, build_estate, option_costs
from models.estate_read import decisions
from models.joint_levers import amalgamate, federate, protected_lump_sums
from models.options import (
    CLOSING,
    FEDERATE,
    MERGE_CLOSES,
    MERGE_ENLARGED,
    MERGE_KEEPS,
    MERGE_SITE,
    Facility,
    Option,
    Partner,
)
from models.pair_rows import pair_rows
from models.partners import nearest_pairs, with_partners
from models.reductions import close
from models.rules import closures_max
from placeplan.cli import main
from placeplan.pipeline import CLOSE, run_stages
from placeplan.report.stage import report_stage
from placeplan.results import read_stage
from placeplan.study import Study
from solvers import solve_estate

# Heads who do not teach and a coordinator each, so that a head is £80,000 whatever the roll.
PLAIN = Policy({"head_teaches_below_pupils": 0, "senco_shared_saved_gbp": 0})


def plain_but(**values: object) -> Policy:
    """PLAIN with other values laid over it."""
    return Policy({**dict(PLAIN.overrides), **values})  # type: ignore[dict-item]


def couple(
    one: Facility | None = None, other: Facility | None = None, metres: float = 800, minutes: float = 5, named: str = ""
) -> tuple[Facility, Facility]:
    """Two schools that are partners; `named`: "ends" where the study says that the first one's number ends.

    The first has a ground for closing unless a pair is named.
    """
    one = village(name="Green") if one is None else one
    one = replace(one, ground="" if named else "surplus")
    other = village(key="900002", name="Hill", intake=25) if other is None else other
    said = {"ends": ("stays", "ends"), "stays": ("ends", "stays")}.get(named, ("", ""))
    first = replace(one, partners=(Partner(other, metres, minutes, True, True, said[0]),))
    return first, replace(other, partners=(Partner(one, metres, minutes, True, True, said[1]),))


def parts(school: Facility, given: Policy = PLAIN, *actions: str) -> list[Option]:
    """Its parts of amalgamations in which a building closes, or of those actions."""
    wanted = actions or (MERGE_CLOSES, MERGE_ENLARGED)
    return [option for option in amalgamate(school, YEARS, given) if option.action in wanted]


def aged(key: str, name: str, columns: slice, intake: float = 20) -> Facility:
    """An infant or junior school of 30 places a year."""
    places, pupils = np.zeros((7, 12)), np.zeros((7, 12))
    places[:, columns], pupils[:, columns] = 30, intake
    return village(key=key, name=name, year_groups=PRIMARY[columns], places=places, pupils=pupils)


def test_a_federation_keeps_both_schools_and_saves_a_part_of_a_head() -> None:
    """Two heads of £80,000 for one of £95,000, two heads of school of £15,000 and five minutes at £600: £32,000."""
    green, hill = couple()
    (one,), (other,) = federate(green, YEARS, PLAIN), federate(hill, YEARS, PLAIN)
    for option, school, partner in ((one, green, "900002"), (other, hill, "900001")):
        assert (option.action, option.academic_year, option.partner) == (FEDERATE, "2023/24", partner)
        assert option.admits.tolist() == school.places.tolist()
        assert option.running_gbp.tolist() == [-16_000] * 7
        assert option.one_off_gbp.tolist() == [10_000, 0, 0, 0, 0, 0, 0] and not option.capital_gbp.any()
        assert option.power.asked_of == "Governing body" and "both schools stay" in option.reason
    assert one.schedule == other.schedule
    assert federate(couple(minutes=60)[0], YEARS, PLAIN) == [], "an hour's drive costs more than the head"


def test_a_head_who_teaches_is_no_whole_head_to_save() -> None:
    """84 pupils each: both heads teach half a week, 95 + 2 × 10 thousand against 50 + 50, so it is not offered; with
    112 each it saves 80 + 80 − 95 − 20 less five minutes, half of it at each."""
    small = couple(village(intake=12), village(key="900002", name="Hill", intake=12))
    assert federate(small[0], YEARS, Policy({})) == []
    large = couple(village(intake=16), village(key="900002", name="Hill", intake=16))
    (option,) = federate(large[0], YEARS, Policy({}))
    assert option.running_gbp.tolist() == [-(45_000 - 3_000) / 2] * 7


def test_one_building_closes_and_the_other_grows_by_what_is_needed_there() -> None:
    """12 and 25 a year in 30 places: seven short, so half a form more, £21,014 a place, and two lump sums at first."""
    green, hill = couple()
    (ends,), (stays_on,) = parts(green), parts(hill)
    assert (ends.action, ends.academic_year, ends.partner) == (MERGE_CLOSES, "2024/25", "900002")
    assert ends.admits.sum(axis=1).tolist() == [210, 0, 0, 0, 0, 0, 0]
    assert ends.running_gbp.tolist() == [0, *[-145_100 - 63_000] * 6]
    assert ends.one_off_gbp == pytest.approx([0, 75_000 + 145_100, 0.7 * 145_100, 0, 0, 0, 0])
    assert (stays_on.action, stays_on.academic_year, stays_on.partner) == (MERGE_ENLARGED, "2024/25", "900001")
    assert stays_on.admits.sum(axis=1).tolist() == [210, *[315] * 6]
    assert stays_on.capital_gbp.tolist() == [105 * 21_014, 0, 0, 0, 0, 0, 0]
    assert stays_on.running_gbp.tolist() == [0, *[31_500] * 6] and not stays_on.one_off_gbp.any()
    assert (ends.harm_gbp, stays_on.harm_gbp) == (10_000, 0) and ends.schedule == stays_on.schedule
    names = {step.name for step in ends.schedule.steps}
    assert {"consult on closing", "tender and build"} <= names


def test_nothing_is_built_where_the_buildings_hold_it_and_no_more_than_the_site_takes() -> None:
    roomy = np.zeros((7, 12))
    roomy[:, :7] = 45
    hill = village(key="900002", name="Hill", intake=25)
    (held,) = parts(couple(other=replace(hill, physical=roomy))[1])
    assert held.admits[1, 0] == 45 and not held.capital_gbp.any()
    (hemmed,) = parts(couple(other=replace(hill, max_fe=1.0))[1])
    assert hemmed.admits[1, 0] == 30 and "within the places" in hemmed.reason


def test_infants_and_juniors_become_one_school_in_both_buildings() -> None:
    """800 m apart: a lump sum less 60 % of one for a split site, both lump sums in the first year, 70 % in the next."""
    infant, junior = couple(aged("900001", "Infants", slice(0, 3)), aged("900002", "Juniors", slice(3, 7)))
    (ends,), (keeps,) = amalgamate(infant, YEARS, PLAIN), amalgamate(junior, YEARS, PLAIN)
    assert (ends.action, keeps.action) == (MERGE_SITE, MERGE_KEEPS)
    assert ends.admits.tolist() == infant.places.tolist() and keeps.admits.tolist() == junior.places.tolist()
    assert ends.running_gbp == pytest.approx([0, *[-0.4 * 145_100] * 6]) and not keeps.running_gbp.any()
    assert ends.one_off_gbp == pytest.approx([0, 75_000 + 145_100, 0.7 * 145_100, 0, 0, 0, 0])
    near, _ = couple(aged("900001", "Infants", slice(0, 3)), aged("900002", "Juniors", slice(3, 7)), metres=50)
    assert amalgamate(near, YEARS, PLAIN)[0].running_gbp[1] == pytest.approx(-0.6 * 145_100)


def test_schools_of_the_same_ages_may_keep_one_building_or_both() -> None:
    assert {option.action for option in amalgamate(couple(metres=300)[0], YEARS, PLAIN)} == {MERGE_CLOSES, MERGE_SITE}


def test_no_school_ends_that_the_study_does_not_name() -> None:
    """The default must never propose that a school end, in whatever words."""
    assert [option for school in couple(named="none") for option in amalgamate(school, YEARS, PLAIN)] == []
    green, hill = couple(named="ends")  # both buildings stay: no village loses its school for being in a list
    assert {option.action for option in amalgamate(green, YEARS, PLAIN)} == {MERGE_SITE}
    assert {option.action for option in amalgamate(hill, YEARS, PLAIN)} == {MERGE_KEEPS}
    green, hill = couple()
    assert {option.action for option in amalgamate(green, YEARS, PLAIN)} == {MERGE_CLOSES, MERGE_SITE}
    assert {option.action for option in amalgamate(hill, YEARS, PLAIN)} == {MERGE_ENLARGED, MERGE_KEEPS}


def test_protected_lump_sums_beyond_the_plan_are_brought_back_to_its_last_year() -> None:
    assert protected_lump_sums(6, 7, PLAIN)[6] == pytest.approx(145_100 * (1 + 0.7 / 1.035))
    assert protected_lump_sums(5, 7, PLAIN)[5:] == pytest.approx([145_100, 0.7 * 145_100])


def listed(*rows: tuple[float, float, str, str, str | None]) -> pd.DataFrame:
    """Schools: easting, northing, religious character, type, trust."""
    table = pd.DataFrame(rows, columns=["easting", "northing", "religious_character", "type", "trust"])
    return table.assign(gender="mixed", admissions_policy=None)


def partners_of(schools: pd.DataFrame, named: pd.DataFrame | None = None, given: Policy = PLAIN) -> list[set[str]]:
    """What each school may do with which other: "federate 900002", …"""
    own = [village(key=str(900_001 + k), name=f"S{k}", intake=12) for k in range(len(schools))]
    east, north = schools["easting"].to_numpy(), schools["northing"].to_numpy()
    minutes = np.hypot(east[:, None] - east[None, :], north[:, None] - north[None, :]) / 500
    found = with_partners(own, schools, minutes, given, named)
    return [
        {
            f"{word} {partner.school.key}"
            for partner in school.partners
            for word, may in (("federate", partner.federates), ("amalgamate", partner.amalgamates))
            if may
        }
        for school in found
    ]


def test_only_schools_that_may_share_a_head_are_partners() -> None:
    """Faith, kind and trust keep schools apart; a Church of England school federates, and never becomes a community
    school by amalgamation."""
    community, church, catholic, academy, other = partners_of(
        listed(
            (0, 0, "none", "Community school", None),
            (900, 0, "Church of England", "Voluntary controlled school", None),
            (0, 900, "Roman Catholic", "Voluntary aided school", None),
            (900, 900, "none", "Academy converter", "One Trust"),
            (950, 950, "does not apply", "Academy converter", "Other Trust"),
        )
    )
    assert community == {"federate 900002"} and church == {"federate 900001"}
    assert catholic == academy == other == set()


def test_partners_are_near_and_few() -> None:
    """Amalgamation within 1,600 m, federation within 15 minutes, three of each: the nearest have them first."""
    line = listed(*((1_500.0 * k, 0.0, "none", "Community school", None) for k in range(9)))
    first, second, *_ = partners_of(line)
    assert first == {"amalgamate 900002", "federate 900002", "federate 900003"}
    assert {"amalgamate 900001", "amalgamate 900003"} <= second and "amalgamate 900004" not in second
    assert (
        partners_of(listed((0, 0, "none", "Community school", None), (7_600, 0, "none", "Community school", None)))[0]
        == set()
    )
    away = np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0)))
    np.fill_diagonal(away, np.inf)
    pairs = nearest_pairs(away, 2)
    assert pairs == {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)}, "the two ends still had one to choose"


def test_a_named_pair_is_a_partner_whatever_its_kind() -> None:
    schools = listed((0, 0, "none", "Community school", None), (900, 0, "none", "Academy converter", "One Trust"))
    assert partners_of(schools) == [set(), set()]
    named = pd.DataFrame({"urn": [900001], "with_urn": [900002]})
    assert partners_of(schools, named) == [{"amalgamate 900002"}, {"amalgamate 900001"}]


def joint_estate(given: Policy, intakes: tuple[float, ...]) -> tuple[list[Facility], list[Option]]:
    """Schools in a row that may federate and amalgamate with their neighbours; the policy's named ones may close."""
    named = given.value("closable_urns") or ()
    own = [village(key=str(900_001 + k), name=f"S{k}", intake=intake) for k, intake in enumerate(intakes)]
    own = [replace(school, ground="surplus" if int(school.key) in named else "") for school in own]
    schools = [
        replace(
            school,
            partners=tuple(Partner(own[b], 900, 5, True, True) for b in (k - 1, k + 1) if 0 <= b < len(own)),
        )
        for k, school in enumerate(own)
    ]
    options = stays(schools)
    for school in schools:
        options += federate(school, YEARS, given) + amalgamate(school, YEARS, given) + close(school, YEARS, given)[:1]
    return schools, options


def choices(schools: list[Facility], options: list[Option], rows: list) -> list[tuple[int, ...]]:
    own = [[o for o, option in enumerate(options) if option.facility == school.key] for school in schools]
    return [
        chosen
        for chosen in product(*own)
        if all(row.lower <= row.values[np.isin(row.options, chosen)].sum() <= row.upper for row in rows)
    ]


def test_no_choice_that_keeps_the_rows_splits_a_pair() -> None:
    """Every combination of three schools: a federation takes both or none, nobody amalgamates with a closing school."""
    given = plain_but(closable_urns=(900001, 900002), federations_max=10)
    schools, options = joint_estate(given, (12, 14, 10))
    rows = pair_rows(schools, options, given)
    kept = choices(schools, options, rows)
    counterpart = {FEDERATE: FEDERATE, MERGE_CLOSES: MERGE_ENLARGED, MERGE_ENLARGED: MERGE_CLOSES,
                   MERGE_SITE: MERGE_KEEPS, MERGE_KEEPS: MERGE_SITE}  # fmt: skip
    seen = set()
    for chosen in kept:
        by_school = {options[o].facility: options[o] for o in chosen}
        for option in by_school.values():
            seen.add(option.action)
            if option.partner:
                other = by_school[option.partner]
                assert other.action == counterpart[option.action] and other.partner == option.facility
                assert other.academic_year == option.academic_year
    assert seen == {"stay", "close", *counterpart}, "a row that forbids all of one kind would pass as well"
    # Each of 5 sensible states of a neighbouring pair is there: none, federated, both closed, one into the other …
    assert len(kept) < len(choices(schools, options, []))


def test_a_part_without_its_counterpart_is_never_taken() -> None:
    """Offered to one school alone, as where the other is not on the map."""
    green, hill = couple()
    options = [*stays([green, hill]), *federate(green, YEARS, PLAIN)]
    kept = choices([green, hill], options, pair_rows([green, hill], options, PLAIN))
    assert [tuple(options[o].action for o in chosen) for chosen in kept] == [("stay", "stay")]


def test_no_more_federations_and_closures_than_policy_says() -> None:
    schools, options = joint_estate(plain_but(closable_urns=(900001,)), (12, 14, 10, 11))
    none = pair_rows(schools, options, Policy({"federations_max": 0}))
    assert not any(options[o].action == FEDERATE for chosen in choices(schools, options, none) for o in chosen)
    one = choices(schools, options, pair_rows(schools, options, Policy({"federations_max": 1})))
    assert max(sum(options[o].action == FEDERATE for o in chosen) for chosen in one) == 2
    (row,) = closures_max(options, PLAIN)
    assert {options[o].action for o in row.options} == set(CLOSING), "one that is taken in closes too"


@settings(max_examples=12, deadline=None)
@given(
    intakes=st.lists(st.sampled_from([8.0, 14.0, 20.0, 26.0]), min_size=2, max_size=4),
    closable=st.sampled_from([(), (900001,), (900002,), (900001, 900002)]),
    most=st.sampled_from([0, 1, 10]),
)
def test_the_plan_of_joint_levers_is_the_cheapest_of_all(
    intakes: list[float], closable: tuple[int, ...], most: int
) -> None:
    """Every combination that keeps the rows is tried and pupils placed; no plan found may cost more."""
    given_policy = plain_but(closable_urns=closable, federations_max=most)
    schools, options = joint_estate(given_policy, tuple(intakes))
    rows = pair_rows(schools, options, given_policy) + closures_max(options, given_policy)
    n = len(schools)
    nodes = homes(*((f"h{k}", school.key, 7 * intakes[k], 500) for k, school in enumerate(schools)))
    pupils = np.zeros((1, 7, 12, n))
    pupils[0, :, :7] = np.array(intakes)
    metres = 500.0 + 900.0 * np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    reach = Reach(np.arange(n), metres, metres / 500, np.ones((n, n), dtype=bool))
    made = build_estate(schools, options, rows, nodes, pupils, BANDS, YEARS, reach, given_policy)
    plan = solve_estate(made.problem, gap=1e-9)
    assert plan.status == "optimal" and plan.option is not None
    best = np.inf
    for chosen in choices(schools, options, rows):
        alone = solve_estate(made.problem.with_options(np.array(sorted(chosen))), gap=1e-9)
        best = min(best, alone.objective)
    assert plan.objective == pytest.approx(best, abs=1.0)
    table = decisions(made, plan.by_scenario)
    joint = table[table["partner"] != ""]
    assert set(zip(joint["facility"], joint["partner"], strict=True)) == set(
        zip(joint["partner"], joint["facility"], strict=True)
    )


def test_costs_of_decisions_are_money_without_the_price_of_harm() -> None:
    schools, options = joint_estate(PLAIN, (12, 14))
    nodes = homes(("a", "900001", 84, 500), ("b", "900002", 98, 500))
    pupils = np.zeros((1, 7, 12, 2))
    pupils[0, :, :7] = (12, 14)
    reach = Reach(np.arange(2), np.full((2, 2), 500.0), np.ones((2, 2)), np.eye(2, dtype=bool))
    rows = pair_rows(schools, options, PLAIN)
    made = build_estate(schools, options, rows, nodes, pupils, BANDS, YEARS, reach, PLAIN)
    plan = solve_estate(made.problem, gap=1e-9)
    table = decisions(made, plan.by_scenario)
    assert table["action"].tolist() == [FEDERATE, FEDERATE] and table["harm_gbp"].tolist() == [2_000, 2_000]
    costs = option_costs(options, YEARS, PLAIN)
    assert table["cost_gbp"].sum() + 4_000 == pytest.approx(costs[plan.option].sum(), abs=2)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "study")


def run(folder: Path, *lines: str) -> pd.DataFrame:
    policy(folder, *lines)
    list(run_stages(Study.open(folder), levers=CLOSE))
    return read_stage(folder / "results/base/estate", "decisions")


def test_villages_federate_in_a_study_and_every_page_can_tell(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five kilometres are 7.5 minutes; with rooms kept in use the three schools can make one pair."""
    table = run(study, "mothball_premises_share = 0", "place_gbp = 0")
    joint = table[table["action"] == FEDERATE]
    assert len(joint) == 2 and (joint["asked_of"].str.startswith("Governing body of")).all()
    assert set(joint["facility"]) == set(joint["partner"])
    check_stored_plans(study)
    opened = Study.open(study)
    assert "federate" in report_stage(opened, opened.results).pages["report.html"]
    assert "shares one head with another" in (opened.results / "maps/estate.html").read_text()
    rows = read_stage(opened.results / "estate", "policy_rows")
    assert not rows[rows["row"].str.contains("together or not at all")]["binding"].any()
    with pytest.raises(SystemExit):
        main(["explain", str(study), joint["facility"].iloc[0]])
    said = capsys.readouterr().out
    assert "one governing body" in said and "Federations" in said


def test_a_phased_closure_in_a_study_moves_who_is_left_when_it_closes(study: Path) -> None:
    cheap = ("journey_cost_gbp_per_km = 50", "disturbance_gbp = 0", "transport_gbp = 0", *FREE_VEHICLES)
    table = run(study, f"closable_urns = [{PRIMARIES['C']}]", 'closing = "phased"', *cheap)
    closing = table[table["facility"] == str(PRIMARIES["C"])].iloc[0]
    assert (closing["action"], closing["academic_year"]) == ("close", "2027/28") and "no intake from" in closing[
        "reason"
    ]
    placed = read_stage(study / "results/base/estate", "allocation").query(f"today == '{PRIMARIES['C']}'")
    stayed = placed[~placed["moved"]].groupby("academic_year")["pupils"].sum()
    assert stayed.to_dict() == pytest.approx({"2023/24": 84, "2024/25": 72, "2025/26": 60, "2026/27": 48}, abs=0.5)
    check_stored_plans(study)


def test_schools_named_for_amalgamation_are_amalgamated(study: Path) -> None:
    """C stands 5 km from B, further than schools amalgamate by default; the study raises the limit and names them."""
    c, b = PRIMARIES["C"], PRIMARIES["B"]
    (study / "inputs/amalgamations.csv").write_text(f"urn,with_urn\n{c},{b}\n")
    cheap = ("journey_cost_gbp_per_km = 50", "disturbance_gbp = 0", "transport_gbp = 0", *FREE_VEHICLES)
    mended = (
        f"closable_urns = [{c}]", "harm_gbp_close = 2000000", "amalgamate_max_m = 6000", "retained_surplus = 0.0",
        "cost_per_place_expand_primary_gbp = 1000",
    )  # fmt: skip
    table = run(study, *mended, *cheap).set_index("facility")
    assert table.loc[str(c), "action"] == MERGE_CLOSES and table.loc[str(b), "action"] == MERGE_ENLARGED
    assert "pupils go to B Primary School" in table.loc[str(c), "reason"]
    check_stored_plans(study)


def test_a_school_of_some_of_its_ages_takes_no_other_in() -> None:
    """Y4–Y6 stand inside R–Y6: the larger may take in the smaller, and never the other way, one site or two."""
    whole, _ = couple(other=village(key="900002", name="Hill", intake=25, year_groups=("Y4", "Y5", "Y6")))
    joint = amalgamate(whole, YEARS, PLAIN)
    assert joint == []  # the one with a ground would end in a school without its R–Y3
    small, _ = couple(one=village(name="Green", year_groups=("Y4", "Y5", "Y6"), intake=10))
    assert {option.action for option in amalgamate(small, YEARS, PLAIN)} == {MERGE_CLOSES}


def test_of_two_of_the_same_ages_the_larger_number_stays() -> None:
    large, _ = couple(one=village(name="Green", intake=28))
    assert not {option.action for option in amalgamate(large, YEARS, PLAIN)} & {MERGE_CLOSES, MERGE_SITE}
    small, _ = couple(one=village(name="Green", intake=10))
    assert {MERGE_CLOSES, MERGE_SITE} <= {option.action for option in amalgamate(small, YEARS, PLAIN)}


@pytest.mark.parametrize(
    ("pair", "change", "what", "mend"),
    [
        ("100003,100002", "", "5,000 m apart", "amalgamate_max_m"),
        ("100003,100003", "", "paired with itself", "takes it in"),
        ("100003,100010", "ages", "serve ages 4–9 and 11–16", "all its ages"),
        ("100003,100009", "", "100009 is not in schools", ""),
        ("100003,100002", "faith", "different religious character: roman catholic and none", "one character"),
    ],
)
def test_a_pair_that_can_never_be_one_school_is_an_error(
    study: Path, pair: str, change: str, what: str, mend: str
) -> None:
    (study / "inputs/amalgamations.csv").write_text(f"urn,with_urn\n{pair}\n")
    schools = study / "inputs/schools.csv"
    text = schools.read_text()
    if change == "ages":
        text = text.replace("410000,300000,210,30,4,11", "410000,300000,210,30,4,9")
    if change == "faith":
        head, *lines = text.splitlines()
        faith = ["Roman Catholic" if line.startswith("100003") else "none" for line in lines]
        text = "\n".join([f"{head},religious_character", *(f"{a},{b}" for a, b in zip(lines, faith, strict=True))])
    schools.write_text(text + "\n" * (not text.endswith("\n")))
    with pytest.raises(BadInput) as error:
        Study.open(study)
    mine = [problem for problem in error.value.problems if what in problem.what]
    assert len(mine) == 1 and mine[0].file == "amalgamations.csv" and mine[0].row == 2
    assert mine[0].field == "with_urn" and mend in mine[0].mend
