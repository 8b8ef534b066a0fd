"""Draft papers: what each proposal needs, what it says from the data, and what only an officer can add."""

import re
from collections.abc import Iterator

import pandas as pd
import pytest
from paper_facts import (
    ACADEMY,
    AIDED,
    COMMUNITY,
    CONTROLLED,
    HOSTILE,
    decision,
    effects,
    facts,
    school,
)

from geodata.small_numbers import told_parts
from placeplan.report.draft_parts import (
    CONSULTATION,
    GAP,
    INVITATION,
    NOTICE,
    Draft,
    about,
    between,
    gap,
    marked,
    pupils,
    saves_or_costs,
    texts,
)
from placeplan.report.drafts import LETTING, NOT_DECIDED_YET, TRUST_ALONE, all_drafts
from placeplan.report.facts import Facts
from placeplan.report.modelled import counted_ground
from placeplan.report.threshold import needs_notice

ABBOT = school(
    100001,
    "Abbot",
    CONTROLLED,
    religious_character="Church of England",
    diocese="Diocese of North",
    rural_designated=True,
)
BROOK = school(100002, "Brook", COMMUNITY)
ACORN = school(100003, "Acorn", ACADEMY, trust="Acorn Trust")
CLAIMS = re.compile(
    r"\b(has been consulted|were consulted|we consulted|responses (were|have been)|in response to the)\b"
)
EMPTY = re.compile(r"\b(None|nan|NaN|NaT|inf)\b")


def closing(priced: pd.DataFrame | None = None, **more: object) -> Facts:
    receiving = pd.DataFrame(
        {
            "facility": "100001", "receiving": ["100002"], "name": ["Brook"], "religious_character": ["none"],
            "pupils": [17.0], "share": [1.0],
        }
    )  # fmt: skip
    factors = pd.DataFrame(
        {"urn": [100001], "community": ["The hall is the village's."], "transport": ["A bus."],
         "motor_vehicles": ["More cars."], "alternatives": ["Federation was looked at."]}
    )  # fmt: skip
    options = pd.DataFrame(
        {"facility": "100001", "action": ["stay", "federate", "close"], "academic_year": ["", "2023/24", "2024/25"],
         "reason": ["", "one head with Brook", "surplus"]}
    )  # fmt: skip
    return facts(
        [ABBOT, BROOK], [decision(ABBOT, "close")], inputs={"rural_factors": factors},
        closure_effects=effects(ABBOT), closure_receiving=receiving,
        options=options if priced is None else priced, **more,
    )  # fmt: skip


def only(made: Facts) -> Draft:
    drafts = all_drafts(made).drafts
    assert len(drafts) == 1
    return drafts[0]


def words(draft: Draft) -> str:
    return "\n".join(texts(draft))


def test_a_closing_has_a_consultation_paper_and_a_notice_with_what_the_law_asks() -> None:
    """A notice without a date, without where pupils go, or without how to object would be void."""
    draft = only(closing())
    assert [paper.kind for paper in draft.papers] == [CONSULTATION, NOTICE]
    for paper in draft.papers:
        said = "\n".join(texts(Draft("", (), (paper,))))
        for needed in ("31 August 2024", "Brook", "about 17 pupils", "16 pupils would be newly entitled", "£55,000",
                       "The hall is the village's.", "More cars.", "Federate from 2023/24: one head with Brook",
                       "25 % of its displaced", "Diocese of North", "no places reserved"):  # fmt: skip
            assert needed in said, f"{needed} is missing from the {paper.kind}"
    notice = "\n".join(texts(Draft("", (), (draft.papers[1],))))
    for needed in ("section 15(1)", "Northshire intends to discontinue Abbot", "Within 4 weeks from the date of",
                   "Consultation before this notice", "name and office of who signs"):  # fmt: skip
        assert needed in notice, needed
    paper = "\n".join(texts(Draft("", (), (draft.papers[0],))))
    for needed in (
        "registered parents",
        "parish council",
        "district council",
        "at least 6 weeks",
        "by 6 September 2023",
    ):
        assert needed in paper, needed


def test_a_closing_names_every_way_that_a_table_prices_and_what_the_own_account_leaves_out() -> None:
    """A paper without a cheaper way that the council's own tables hold would be unlawful under section 15(4)."""
    clusters = pd.DataFrame(
        {"urn": [100001], "name": ["Abbot"], "cluster": ["Pender"], "extra_gbp": [-165_720.0],
         "leadership_saved_gbp": [40_000.0], "why": [""]}
    )  # fmt: skip
    keeping = pd.DataFrame(
        {"facility": ["100001"], "keeping_least_gbp": [717e3], "keeping_most_gbp": [732e3], "instead": ["as it is"]}
    )
    priced = pd.DataFrame(
        {"facility": "100001", "action": ["federate"], "academic_year": ["2023/24"], "reason": ["one head with Brook"],
         "cost_gbp": [-47_922.0], "partner": ["100002"]}
    )  # fmt: skip
    draft = only(closing(cluster_closing=clusters, closure_keeping=keeping, priced=priced))
    for paper in draft.papers:
        said = "\n".join(texts(Draft("", (), (paper,))))
        for needed in ("Pender: about £166,000 a year less", "between about £717,000 and about £732,000",
                       "own money alone, closing costs about £606,000", "about £48,000 less",
                       "does not name Brook and Pender"):  # fmt: skip
            assert needed in said, f"{needed} is missing from the {paper.kind}"


def test_a_modelled_deficit_is_in_no_notice_and_is_labelled_elsewhere() -> None:
    """A shadow budget told as fact of one school, where the model finds two of three in deficit, would mislead."""
    ground = (
        "surplus: 25 on roll; at least 81% of places empty; sustainability: scores 31 of 100, in deficit from 2023/24"
    )
    grounds = pd.DataFrame(
        {"urn": [100001, 100002, 100003], "ground": [ground, "", ""], "score": [31.0, 80.0, 90.0],
         "lowest_reserves_gbp": [-140_248.0, -9.0, 5.0], "first_deficit_year": ["2023/24", "2024/25", None]}
    )  # fmt: skip
    paper, notice = only(closing(grounds=grounds)).papers
    told, formal = ("\n".join(texts(Draft("", (), (one,)))) for one in (paper, notice))
    assert "Modelled, not the school's accounts: a score of 31 of 100" in told and "2 of 3 schools" in told
    assert "surplus: 25 on roll; at least 81% of places empty." in formal
    for word in ("140,248", "31 of 100", "in deficit"):
        assert word not in formal, f"{word} is a model's, and stands in the notice"
    assert "no modelled figure stands for them" in formal


@pytest.mark.parametrize(
    ("ground", "left"),
    [("sustainability: scores 31 of 100; quality: special measures", "quality: special measures"),
     ("sustainability: scores 31 of 100", ""), ("one head with Brook", "one head with Brook")],
)  # fmt: skip
def test_only_the_modelled_part_of_a_ground_goes(ground: str, left: str) -> None:
    assert counted_ground(ground) == left


def test_parents_are_told_what_is_proposed_for_the_school_that_would_take_their_children() -> None:
    """Sent to a school that the same plan ends that summer, and not told."""
    receiving = pd.DataFrame(
        {"facility": "100001", "receiving": ["100002"], "name": ["Brook"], "religious_character": "none",
         "pupils": [17.0], "share": [1.0]}
    )  # fmt: skip
    both = [decision(ABBOT, "close"), decision(BROOK, "cut PAN", places_after=105)]
    made = facts([ABBOT, BROOK], both, closure_effects=effects(ABBOT), closure_receiving=receiving)
    paper = next(draft for draft in all_drafts(made).drafts if "Abbot" in draft.title)
    assert "Brook has a proposal of its own in this plan: Lower the admission number" in words(paper)
    assert "has a proposal of its own" not in words(only(closing()))


def test_small_numbers_are_not_told_and_cannot_be_worked_out() -> None:
    """17 displaced, 16 to one school: the one child who goes elsewhere would be known."""
    receiving = pd.DataFrame(
        {"facility": "100001", "receiving": ["100002", "100003"], "name": ["Brook", "Acorn"],
         "religious_character": "none", "pupils": [16.0, 1.2], "share": [0.93, 0.07]}
    )  # fmt: skip
    few = effects(ABBOT, newly_entitled=2.0)
    made = facts([ABBOT, BROOK], [decision(ABBOT, "close")], closure_effects=few, closure_receiving=receiving)
    said = words(only(made))
    assert "about 15" in said and "\n16\n" not in said and "fewer than 5\n" in said
    assert "eligible for free school meals: fewer than 5" in said
    assert "Fewer than 5 pupils would be newly entitled" in said


@pytest.mark.parametrize(
    ("counts", "told"),
    [([16.0, 1.2], ["about 15", "fewer than 5"]), ([16.0, 7.0], ["16", "7"]), ([16.0, 0.2], ["16", "0"]),
     ([5.0, 4.0], ["about 5", "fewer than 5"])],
)  # fmt: skip
def test_parts_of_a_told_total(counts: list[float], told: list[str]) -> None:
    assert told_parts(counts, 5) == told and told_parts(counts, 0) == [f"{count:.0f}" for count in counts]


def test_one_measure_of_places_and_one_sentence_on_the_numbers_of_pupils() -> None:
    """105 and 112 places, 25 and 19 and 17 pupils in one notice: an objector would say that nobody counted."""
    rolls = pd.DataFrame({"urn": [100001], "academic_year": ["2022/23"], "pupils": [25.0]})
    coming = pd.DataFrame({"urn": 100001, "academic_year": ["2024/25", "2029/30"], "pupils": [19.2, 18.0]})
    row = decision(ABBOT, "close", places_before=105)
    of = ABBOT | {"capacity": 112}
    made = facts([of], [row], inputs={"rolls": rolls}, closure_effects=effects(of), roll_forecast=coming)
    said = words(only(made))
    assert said.count("105 places by what it admits, year group by year group; its net capacity is 112") == 2
    assert "25 on roll when last counted, in 2022/23; 19 forecast to be on roll in 2024/25" in said
    assert "of these about 17 pupils, who are there before it closes" in said and "18 forecast for 2029/30" in said


def test_a_rural_factor_that_the_authority_does_not_give_is_a_gap() -> None:
    bare = facts([ABBOT], [decision(ABBOT, "close")], closure_effects=effects(ABBOT))
    assert words(only(bare)).count("the authority’s account of this factor") == 2 * 4


def test_what_is_not_designated_rural_is_told_no_factors() -> None:
    town = ABBOT | {"rural_designated": False}
    said = words(only(facts([town], [decision(town, "close")], closure_effects=effects(town))))
    assert "section 16(2)" in said and "presumption against closing rural schools applies" not in said


def test_an_academy_closes_without_a_statutory_notice() -> None:
    draft = only(facts([ACORN], [decision(ACORN, "close")]))
    assert [paper.kind for paper in draft.papers] == [CONSULTATION]
    assert "No statutory notice" in draft.remarks[0] and "Acorn Trust" in words(draft)


@pytest.mark.parametrize(
    ("capacity", "added", "needed"),
    [(210, 30, False), (210, 52, False), (210, 53, True), (1000, 199, False), (1000, 200, True)],
)
def test_the_threshold_of_an_enlargement(capacity: int, added: int, needed: bool) -> None:
    """More than 30, and 25 % (52.5 of 210) or 200, whichever is the lesser."""
    of = BROOK | {"capacity": capacity}
    row = decision(of, "expand", places_before=capacity, places_after=capacity + added, capital_gbp=1.0)
    made = facts([of], [row])
    assert needs_notice(made, row) == needed
    found = all_drafts(made)
    assert len(found.drafts) == needed and (
        needed or "statutory proposals are for more than 30" in next(iter(found.none.values()))
    )


def test_admission_numbers_of_one_authority_and_year_are_one_consultation() -> None:
    """A community school's number is the authority's to consult on, an aided school's its governing body's."""
    aided = school(100004, "Dale", AIDED)
    rows = [decision(of, "cut PAN", places_after=180) for of in (BROOK, ABBOT, aided, ACORN)]
    drafts = all_drafts(facts([BROOK, ABBOT, aided, ACORN], rows))
    by = {
        draft.title.split(" for 2024/25")[0].removeprefix("Admission arrangements of "): draft
        for draft in drafts.drafts
    }
    assert set(by) == {"Northshire", "the governing body of Dale", "Acorn Trust"}
    assert {key[0] for key in by["Northshire"].covers} == {"100001", "100002"}
    said = words(by["Northshire"])
    for needed in (
        "between 1 October and 31 January",
        "28 February",
        "15 May",
        "between two and eighteen",
        "neighbouring",
    ):
        assert needed in said, needed
    assert set(drafts.by_decision) == {(row["facility"], "cut PAN", "2024/25") for row in rows}


def test_the_number_that_a_letting_comes_to_is_told() -> None:
    """394 places over seven year groups make 56 a year; a consultation on no number would be on nothing."""
    of = BROOK | {"capacity": 420, "pan": 60}
    row = decision(of, "mothball", places_before=420, places_after=394)
    assert "Admission number 56: 394 places over 7 year groups" in words(only(facts([of], [row])))


def test_a_variation_is_asked_for_instead_of_a_consultation() -> None:
    row = decision(BROOK, "cut PAN", places_after=180)
    steps = pd.DataFrame(
        {"facility": "100002", "academic_year": "2024/25", "action": "cut PAN", "basis": "Code",
         "begin_by": "2023-10-01",
         "step": ["ask the schools adjudicator to vary the determined arrangements"], "done_by": "2024-01-15"}
    )  # fmt: skip
    draft = only(facts([BROOK], [row], policy={"pan_cut_route": "variation"}, calendar=steps))
    assert "asks the schools adjudicator to vary" in words(draft) and draft.papers[0].kind == "Request for a variation"


def test_a_federation_is_proposed_once_by_both_governing_bodies() -> None:
    rows = [decision(ABBOT, "federate", partner="100002"), decision(BROOK, "federate", partner="100001")]
    draft = only(facts([ABBOT, BROOK], rows))
    assert len(draft.covers) == 2 and "at least 6 weeks" in words(draft)
    academies = all_drafts(facts([ACORN], [decision(ACORN, "federate", partner="100009")]))
    assert list(academies.none.values()) == [TRUST_ALONE]


@pytest.mark.parametrize(("since", "law"), [(None, "section 6A"), ("2022-09-01", "section 7")])
def test_a_new_school_is_invited_by_the_regime_in_force(since: str | None, law: str) -> None:
    site = {"urn": "S1", "name": "East field", "type": None}
    sites = pd.DataFrame({"site": ["S1"], "owner": ["Council"], "planning_status": ["none"], "land_cost_gbp": [0.0]})
    row = decision(site, "new school", places_before=0, places_after=420, planning_area="North")
    running = pd.DataFrame(
        {"competition": ["C1"], "name": ["East"], "site": ["S1"], "opened": [pd.Timestamp("2022-11-07")]}
    )
    draft = only(
        facts(
            [BROOK], [row], policy={"section_7_amended_from": since}, inputs={"sites": sites, "competitions": running}
        )
    )
    assert draft.papers[0].kind == INVITATION and law in words(draft)
    assert "holds a competition for this site already: C1" in draft.remarks[0]


def test_a_new_school_is_evidenced_by_the_balance() -> None:
    """Two year groups 30 and 27 short and one with 5 spare are 57 short: four pupils without a place are no need."""
    site = {"urn": "S1", "name": "East field", "type": None}
    row = decision(site, "new school", places_before=0, places_after=420, pupils_without_place=4.0)
    cells = pd.DataFrame(
        {"planning_area": "North", "phase": "primary", "academic_year": "2029/30", "year_group": ["R", "Y1", "Y2"],
         "need": [30.0, 27.0, 0.0], "spare": [0.0, 0.0, 5.0]}
    )  # fmt: skip
    deficits = pd.DataFrame(
        {"planning_area": "North", "phase": "primary", "kind": ["intake", "whole phase"], "academic_year": "2029/30",
         "probability": [0.695, 1.0], "first_year": ["2026/27", None]}
    )  # fmt: skip
    said = words(only(facts([BROOK], [row], balance=cells, deficits=deficits)))
    assert "57 primary places short in 2029/30" in said and "5 places would be empty" in said
    assert "in the intake with a probability of 70 %, first in 2026/27 and over the whole phase" in said
    assert "up to 4 pupils would have no place within reach" in said and "no measure of the need" in said


def test_what_is_not_decided_yet_or_only_let_has_a_reason_and_no_draft() -> None:
    rows = [decision(BROOK, "close", probability=0.4), decision(ABBOT, "share space")]
    found = all_drafts(facts([ABBOT, BROOK], rows))
    assert found.drafts == () and set(found.none.values()) == {NOT_DECIDED_YET, LETTING}


def every_kind() -> Iterator[Draft]:
    named = [one | {"name": HOSTILE} for one in (ABBOT, BROOK, ACORN)]
    for action in ("close", "expand", "SEND unit", "cut PAN", "mothball", "federate", "amalgamate: takes in",
                   "amalgamate: closes", "amalgamate: second site", "amalgamate: both sites"):  # fmt: skip
        for of in named:
            row = decision(of, action, partner="100002", places_after=300, reason=f"{HOSTILE} here. More")
            yield from all_drafts(facts(named, [row], closure_effects=effects(of))).drafts


def test_no_draft_claims_a_consultation_or_shows_an_empty_value_or_a_tag() -> None:
    """A paper that says who has been consulted before anybody was is unlawful; one with "None" in it is a disgrace."""
    found = list(every_kind())
    assert len(found) >= 25
    for draft in found:
        for text in texts(draft):
            assert not EMPTY.search(text), text
            assert not CLAIMS.search(GAP.sub("", text)), text
            assert "<" not in str(marked(text)).replace('<mark class="gap">', "").replace("</mark>", ""), text


def test_gaps_are_marked_and_cannot_be_broken_by_what_they_ask_for() -> None:
    assert (
        marked(f"Signed: {gap('a [name]')}.")
        == 'Signed: <mark class="gap">[to be completed by the officer: a name]</mark>.'
    )
    assert marked("<b>[x]</b>") == "&lt;b&gt;[x]&lt;/b&gt;"


def test_figures_in_words() -> None:
    assert [about(605_716.0), about(2_440.0), about(-9_960.0)] == ["about £606,000", "about £2,400", "about −£10,000"]
    assert [pupils(0.2), pupils(1.0), pupils(16.6), pupils(None)] == [
        "no pupils", "1 pupil", "about 17 pupils", "a number of pupils not given",
    ]  # fmt: skip


def test_a_range_or_a_saving_too_small_to_tell_is_not_told_as_one() -> None:
    """ "Between £679,000 and £679,000", or "saves £0", on a paper that is voted on."""
    assert between(679_100.0, 679_400.0) == "about £679,000" and between(0.0, 82_000.0).startswith("between about £0")
    assert [saves_or_costs(gbp) for gbp in (606_000.0, -300.0, 4.0)] == [
        "costs about £606,000", "saves about £300", "changes nothing that can be told"
    ]  # fmt: skip
