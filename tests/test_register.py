"""The decision register: who decides what on whose authority, and until when it may be challenged."""

import pandas as pd
import pytest
from paper_facts import ACADEMY, AIDED, COMMUNITY, CONTROLLED, decision, facts, school

from models.options import ENDING
from models.powers import _CURRENT, power
from placeplan.report.law import CHECK, KIND_OF, PLAIN, law_of, status_together
from placeplan.report.papers import Papers
from placeplan.report.register import COLUMNS, WHAT, challenge_until, deciding_days

ABBOT = school(100001, "Abbot", CONTROLLED, religious_character="Church of England")
BROOK = school(100002, "Brook", ACADEMY, trust="Brook Trust")
CLOSE, CUT = decision(ABBOT, "close"), decision(BROOK, "cut PAN", places_after=180)


def register(*rows: dict[str, object], **more: object) -> pd.DataFrame:
    table = Papers.write(facts([ABBOT, BROOK], list(rows), **more)).tables()["decision_register"]  # type: ignore[arg-type]
    assert list(table.columns) == COLUMNS
    return table


def test_a_closing_by_hand() -> None:
    """Decided on 15 January 2024 at the latest: four weeks end on 12 February, three months on 15 April."""
    row = register(CLOSE).iloc[0]
    assert row["what"] == "Begin consultation on a proposal to close the school on 31 August 2024"
    assert row["decides"] == row["holds_power"] == "Northshire (local authority)" and row["own_power"]
    assert row["decide_by"] == "2024-01-15" and row["effective_on"] == "2024-09-01"
    assert row["challenge_until"] == (
        "Schools adjudicator, of the proposals: 12 February 2024; judicial review: at the latest 15 April 2024"
    )
    for words in (
        "diocesan board",
        "Roman Catholic bishop",
        "voluntary or foundation school",
        "two months",
        "promptly",
    ):
        assert words in row["challenge"], words
    assert "scrutiny" in row["accountable_to"] and row["draft"] == "D1"


@pytest.mark.parametrize("action", ENDING)
def test_no_closing_is_recommended_before_it_is_consulted_on(action: str) -> None:
    """A register that recommends the closing itself is evidence that the council had made up its mind."""
    row = register(decision(ABBOT, action, partner="100002")).iloc[0]
    assert row["what"].startswith("Begin consultation on a proposal to ")
    assert PLAIN[action].startswith("Consult on a proposal to ")


def test_an_academy_answers_to_the_secretary_of_state_and_its_number_to_the_adjudicator() -> None:
    """15 May after the arrangements are determined on 28 February 2023; the council only asks."""
    row = register(CUT).iloc[0]
    assert row["decides"] == "Brook Trust (academy trust)" and not row["own_power"]
    assert "Secretary of State" in row["accountable_to"]
    assert "of the admission arrangements: 15 May 2023" in row["challenge_until"]
    assert "judicial review: at the latest 28 May 2023" in row["challenge_until"]
    assert "diocesan board" not in row["challenge"], "a referral right that nobody has would be relied on"


def test_only_voluntary_and_foundation_schools_have_their_own_referral() -> None:
    """The governing body of a community school told that it may refer its closing would lose its three months."""
    said = {
        kind: " ".join(map(str, law_of(decision(school(1, "S", kind), "close"), kind, "authority").challenge))
        for kind in (COMMUNITY, CONTROLLED, AIDED)
    }
    assert {kind: "foundation school" in words for kind, words in said.items()} == {
        COMMUNITY: False, CONTROLLED: True, AIDED: True
    }  # fmt: skip


@pytest.mark.parametrize("action", sorted(_CURRENT))
@pytest.mark.parametrize("kind", [COMMUNITY, AIDED, ACADEMY])
def test_every_action_has_its_law_and_words(action: str, kind: str) -> None:
    """An action without a kind of law would stop the report; one without judicial review would say too little."""
    of = school(100003, "Cedar", kind, trust="Cedar Trust" if kind == ACADEMY else None)
    row = Papers.write(facts([of], [decision(of, action)])).tables()["decision_register"].iloc[0]
    assert row["what"] and action in WHAT and action in PLAIN and action in KIND_OF
    assert "judicial review" in row["challenge"] and row["authority_status"]
    assumed = any("assum" in row[name] for name in ("authority_status", "challenge_status", "accountable_to"))
    assert (row["check"] == CHECK) == assumed, "an assumption of law that is not marked would be taken for law"
    assert (row["draft"] == "") != (row["why_no_draft"] == ""), "a draft, or a reason why there is none"
    if kind == ACADEMY and action in ENDING:
        assert "diocesan board" not in row["challenge"]


def test_the_commissioner_of_the_blueprint_is_told_as_a_proposal() -> None:
    """Proposed law shown as law would mislead a committee."""
    row = decision(ABBOT, "close", decider="Schools commissioner", authority="Proposal of the 2015 Blueprint, not law")
    held = register(row).iloc[0]
    assert held["authority_status"] == "proposal" and "no such commissioner exists" in held["accountable_to"]


def test_a_day_before_the_plans_own_is_marked() -> None:
    rows = register(CLOSE | {"start_by": "2022-08-31"}, CUT)
    assert rows.set_index("name")["begin_is_past"].to_dict() == {"Abbot": True, "Brook": False}
    assert rows["name"].tolist() == ["Abbot", "Brook"], "the earliest to begin first"


def test_a_decision_without_a_calendar_has_no_last_day() -> None:
    assert challenge_until(facts([ABBOT], [CLOSE]), "closing", []) == ""
    assert deciding_days([{"step": "tender and build", "done_by": "2024-09-01"}]) == []


def test_objections_after_a_late_determination_go_to_the_next_may() -> None:
    """Determined on 20 June 2023, the last 15 May is that of 2024."""
    found = challenge_until(facts([ABBOT], []), "smaller intake", [("arrangements", "2023-06-20")])
    assert "15 May 2024" in found


@pytest.mark.parametrize(("amended", "status"), [(False, "statute"), (True, "assumption, statute")])
def test_unsettled_law_of_a_new_school_is_marked(amended: bool, status: str) -> None:
    """By section 7 as amended it is for regulations who may go to the adjudicator: a certainty there would mislead."""
    held = power(None, "new school", section_7_amended=amended)
    row = {"action": "new school", "decider": held.decider, "authority": held.authority, "challenge": held.challenge}
    assert status_together(law_of(row, None, "authority").challenge) == status


def competition(route: str, opened: str) -> dict[str, pd.DataFrame]:
    bids = pd.DataFrame({"competition": "C1", "bid": ["B1"], "proposer_kind": ["academy trust"], "excluded": [False]})
    row = {"competition": "C1", "name": "A school", "site": "S1", "route": route, "kind": "new school"}
    days = {"opened": pd.Timestamp(opened), "closes": pd.Timestamp("2027-01-01")}
    return {"competitions": pd.DataFrame([row | days]), "bids": bids}


@pytest.mark.parametrize(
    ("route", "since", "own", "answers_to"),
    [("presumption", None, False, "Parliament"), ("invitation", "2026-09-01", True, "scrutiny")],
)
def test_awards_by_both_regimes(route: str, since: str | None, own: bool, answers_to: str) -> None:
    """Section 6A: the authority recommends. Section 7 as amended: it awards, unless it bids itself."""
    told = {"tender": {"competitions": {"C1": {"name": "A school", "outcome": "ranked", "first": ["B1"]}}}}
    ranked = pd.DataFrame({"competition": ["C1"], "bid": ["B1"], "proposer": ["Brook Trust"]})
    made = facts(
        [BROOK], [], policy={"section_7_amended_from": since}, inputs=competition(route, "2026-10-01"),
        summaries=told, bids_ranked=ranked,
    )  # fmt: skip
    row = Papers.write(made).tables()["decision_register"].iloc[0]
    assert row["stage"] == "tender" and row["own_power"] == own and answers_to in row["accountable_to"]
    assert row["what"] == "Brook Trust (B1) stands first by the published criteria"
    assert ("section 6A" in row["authority"]) == (route == "presumption")
    assert row["first_step"] == "bids close on 1 January 2027" and row["begin_by"] == ""


def test_a_page_says_shared_law_once_and_who_decides() -> None:
    """Two numbers of one trust stand under one heading; a heading that names the wrong decider misleads."""
    other = school(100005, "Elm", ACADEMY, trust="Elm Trust")
    told = Papers.write(facts([ABBOT, BROOK, other], [CLOSE, CUT, decision(other, "cap forms")])).contents()["papers"]
    assert {route["title"]: len(route["rows"]) for route in told["routes"]} == {
        "Consult on a proposal to close – decided by the council": 1,
        "Cap the intake; Lower the admission number – decided by the academy trust": 2,
    }


def test_clusters_and_moves_to_a_trust() -> None:
    """A school that joins a trust needs the Secretary of State; one that stays in its trust is no row."""
    clusters = pd.DataFrame(
        {
            "urn": [100001, 100002], "name": ["Abbot", "Brook"], "cluster": "Brook", "trust": "Brook Trust",
            "role": ["member", "lead"],
        }
    )  # fmt: skip
    rows = Papers.write(facts([ABBOT, BROOK], [], clusters=clusters)).tables()["decision_register"].set_index("action")
    assert rows["name"].to_dict() == {"share an executive head": "Brook", "join a trust": "Abbot"}
    assert rows.loc["join a trust", "decides"] == "Regional Director for the Secretary of State"
    assert "section 3(4)" in rows.loc["join a trust", "authority"]
    assert not rows["own_power"].any() and (rows["draft"] == "").all() and rows["why_no_draft"].str.len().min() > 0


def test_clusters_are_no_recommendation_and_say_what_they_exclude() -> None:
    """Two heads recommended for one school, or one saving told twice, and no row of the register could be relied on."""
    cedar, dale = school(100006, "Cedar", COMMUNITY), school(100007, "Dale", COMMUNITY)
    pair = [decision(ABBOT, "federate", partner="100006", running_gbp_per_year=-21_000),
            decision(cedar, "federate", partner="100100", running_gbp_per_year=-21_000)]  # fmt: skip
    clusters = pd.DataFrame(
        {"urn": [100007, 100001, 100006], "name": ["Dale", "Abbot", "Cedar"], "cluster": "Dale", "trust": "New trust",
         "role": ["lead", "member", "member"]}
    )  # fmt: skip
    trusts = pd.DataFrame({"trust": ["New trust"], "plan": ["planned"], "viable": [False], "stops_in": ["2024/25"]})
    saved = {"clusters": {"measures": {"leadership_saved_gbp": 550_000.0}}}
    made = Papers.write(facts([ABBOT, cedar, dale], pair, clusters=clusters, trusts=trusts, summaries=saved))
    rows = made.tables()["decision_register"]
    assert rows.groupby("stage")["recommended"].unique().map(list).to_dict() == {"clusters": [False], "estate": [True]}
    head = rows.set_index("action").loc["share an executive head", "caution"]
    assert "In place of row 1 (Abbot" in head, "a federation inside the cluster: one saving"
    assert "Not together with row 2 (Cedar" in head, "its partner is in no cluster"
    assert "Rules out what is possible in rows 3 and 6" in rows.loc[1, "caution"]
    joining = rows[rows["action"] == "join a trust"]
    assert joining["caution"].str.contains("would not last from 2024/25 in one future of ten").all()
    told = made.contents()["papers"]
    assert "about £42,000 a year less" in told["one_saving"] and "about £550,000" in told["one_saving"]


def bids_at(site: str, opens: str) -> dict[str, pd.DataFrame]:
    made = competition("presumption", "2022-11-07")
    made["competitions"] = made["competitions"].assign(site=site, closes=pd.Timestamp("2023-02-24"))
    made["bids"] = made["bids"].assign(opens=opens)
    sites = {
        "site": ["S1", "S2"],
        "name": ["East field", "Old works"],
        "phase": "primary",
        "planning_area": ["East", "North"],
    }
    return made | {"sites": pd.DataFrame(sites)}


def test_an_award_that_does_not_fit_the_plan_says_so_everywhere() -> None:
    """An award for 2026 beside a plan that opens in 2024, and an invitation after the bids closed, misled a cabinet."""
    site = {"urn": "S1", "name": "East field", "type": None}
    new = decision(site, "new school", places_before=0, places_after=420, planning_area="East")
    steps = pd.DataFrame(
        {"facility": ["S1"], "academic_year": ["2024/25"], "action": ["new school"], "step": ["invite proposals"],
         "begin_by": ["2023-04-24"], "done_by": ["2023-07-17"], "basis": ["section 6A"]}
    )  # fmt: skip
    told = {"tender": {"competitions": {"C1": {"name": "A school", "outcome": "ranked", "first": ["B1"]}}}}
    made = Papers.write(facts([BROOK], [new], inputs=bids_at("S1", "2026/27"), summaries=told, calendar=steps))
    rows = made.tables()["decision_register"].set_index("action")
    page = made.contents()["papers"]
    remarks = " ".join(made.drafts.drafts[0].remarks)
    cabinet = " ".join(point for section in page["cabinet"] for point in section.points)
    for said in (*rows["caution"], " ".join(page["calendar"]["warnings"]), cabinet, remarks):
        assert "opens East field in 2024/25; the bids of C1 open it later, in 2026/27" in said
        assert "begin by 24 April 2023; bids for C1 closed on 24 February 2023" in said
    fits = facts([BROOK], [new], inputs=bids_at("S1", "2024/25"), summaries=told)
    assert set(Papers.write(fits).tables()["decision_register"]["caution"]) == {""}


def test_an_award_where_the_plan_takes_places_out_is_no_plain_recommendation() -> None:
    told = {"tender": {"competitions": {"C1": {"name": "A school", "outcome": "ranked", "first": ["B1"]}}}}
    cut = decision(BROOK, "cut PAN", places_after=180)
    retained = pd.DataFrame(
        {"planning_area": ["North"], "phase": ["primary"], "academic_year": ["2029/30"], "pupils": [3371.0],
         "today": [4410.0], "plan": [3736.0], "kind": ["total"]}
    )  # fmt: skip
    made = facts([BROOK], [cut], inputs=bids_at("S2", "2026/27"), summaries=told, retained=retained)
    row = Papers.write(made).tables()["decision_register"].set_index("action").loc["award of a competition"]
    assert row["what"].startswith("Only if a school is to open there at all")
    for said in ("opens none there", "1 school: Brook", "3,371 primary pupils", "4,410 places today and 3,736"):
        assert said in row["caution"], said


def test_linked_competitions_have_one_recommendation() -> None:
    """Two names for one school, one alone and one together, left open whom the council recommends."""
    told = {"tender": {"competitions": {"C1": {"name": "A school", "outcome": "ranked", "first": ["B1"]}},
                       "linked_awards": {"L1": {"awards": {"C1": "B3"}}}}}  # fmt: skip
    ranked = pd.DataFrame({"competition": "C1", "bid": ["B1", "B3"], "proposer": ["Brook Trust", "Diocese"]})
    made = facts([BROOK], [], inputs=competition("presumption", "2022-11-07"), summaries=told, bids_ranked=ranked)
    what = Papers.write(made).tables()["decision_register"].iloc[0]["what"]
    assert what.startswith("Diocese (B3), by the published rules that link this competition with another;")


@pytest.mark.parametrize(("added", "proposals"), [(60, False), (160, True)])
def test_the_threshold_of_an_enlargement_holds_in_register_calendar_and_challenge(added: int, proposals: bool) -> None:
    """60 more on 600 need no proposals (150 would): a day of objection to what is never published misleads."""
    of = school(100008, "Garne", COMMUNITY, capacity=600)
    row = decision(of, "expand", places_before=600, places_after=600 + added, capital_gbp=1.0)
    steps = pd.DataFrame(
        {"facility": "100008", "academic_year": "2024/25", "action": "expand", "basis": "sections 18 to 24",
         "step": ["consult on the change", "publish proposals, representation period", "decide on the proposals"],
         "begin_by": ["2023-01-01", "2023-02-12", "2023-03-12"], "done_by": ["2023-02-12", "2023-03-12", "2023-05-12"]}
    )  # fmt: skip
    made = Papers.write(facts([of], [row], calendar=steps))
    held, page = made.tables()["decision_register"].iloc[0], made.contents()["papers"]
    told = [step["step"] for month in page["calendar"]["months"] for step in month["rows"]]
    assert ("publish proposals, representation period" in told) == proposals
    assert ("publish proposals" in held["steps"]) == proposals
    assert ("Schools adjudicator" in held["challenge_until"]) == proposals
    assert ("diocesan board" in held["challenge"]) == proposals
    assert ("sections 18–24" in held["authority"]) == proposals
    assert ("No statutory proposals" in held["authority"]) != proposals
    assert (
        held["decide_by"] == "2023-05-12" and "judicial review: at the latest 12 August 2023" in held["challenge_until"]
    )
    assert (held["draft"] != "") == proposals


def test_a_federation_is_told_with_its_one_governing_body() -> None:
    """Governors asked to share a head would not know that their own board ends; a trust's academies have no own."""
    maintained = register(decision(ABBOT, "federate", partner="100002")).iloc[0]["what"]
    academy = register(decision(BROOK, "federate", partner="100001")).iloc[0]["what"]
    assert maintained.startswith("Federate with Brook from September 2024: one governing body and one head")
    assert academy == "Share one head with Abbot from September 2024, within their trust; both schools stay"
    rows = [decision(ABBOT, "federate", partner="100002"), decision(BROOK, "federate", partner="100001")]
    told = Papers.write(facts([ABBOT, BROOK], rows)).contents()["papers"]
    assert {route["title"] for route in told["routes"]} == {
        "Federate: one governing body and one head – decided by the governing body",
        "Share one head within an academy trust – decided by the academy trust",
    }
    grids = [cell for part in told["cabinet"] if part.grid for row in part.grid.rows for cell in row]
    assert {"Federate: one governing body and one head", "Share one head within an academy trust"} <= set(grids)
