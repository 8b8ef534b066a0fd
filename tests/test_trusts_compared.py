"""The page of trusts beside other plans, and who pays in a trust: by hand, and on the sample county two routes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placeplan.clusters.case import study_case
from placeplan.clusters.trust_groups import OUTSIDE, groups_of_plan
from placeplan.clusters.trust_tables import group_money
from placeplan.clusters.two_levels import plan_case
from placeplan.report.trusts import trusts_page
from placeplan.report.trusts_compared import compared, with_causes
from placeplan.results import read_stage, read_summary
from placeplan.study import Study

CARD = (("Pupils", (("pupils", "Pupils", "whole"),)),)
CARDS = pd.DataFrame(
    [("planned", "New A", 100.0), ("other", "New B", 70.0), ("other", "New C", 30.0), ("other", "New A", 10.0)],
    columns=["plan", "trust", "pupils"],
)


def test_a_new_trust_is_compared_with_the_one_that_has_most_of_its_schools() -> None:
    """Schools 1–3 are in New A here; elsewhere 1 and 2 are in New B, 3 in New C, and New A has others: by name it would
    be compared with a stranger."""
    plans = pd.DataFrame(
        {"plan": ["planned"] * 3 + ["other"] * 4, "urn": [1, 2, 3, 1, 2, 3, 4],
         "trust": ["New A"] * 3 + ["New B", "New B", "New C", "New A"]}
    )  # fmt: skip
    own = pd.Series({"trust": "New A", "kind": "new trust"})
    told = compared(CARD, CARDS, plans, own, {"other": "Price of driving × 4"})
    assert [column["words"] for column in told["columns"]] == ["Planned", "Price of driving × 4"]
    assert told["card"][1]["values"] == [100.0, 70.0]
    assert told["in_place"] == [{"plan": "Price of driving × 4", "trust": "New B", "shared": 2, "whole": 3}]
    nowhere = compared(CARD, CARDS, plans[plans["plan"] == "planned"], own, {"other": "x"})
    assert nowhere["card"][1]["values"] == [100.0, None] and nowhere["in_place"] == []


def test_a_trust_of_today_is_itself_in_every_plan_and_planned_figures_come_first() -> None:
    cards = pd.DataFrame([("today", "T", 5.0), ("planned", "T", 9.0), ("other", "T", 7.0)], columns=CARDS.columns)
    own = pd.Series({"trust": "T", "kind": "trust of today"})
    told = compared(CARD, cards, pd.DataFrame(columns=["plan", "urn", "trust"]), own, {"other": "x"})
    assert told["card"][1]["values"] == [9.0, 5.0, 7.0] and told["in_place"] == []


def test_what_is_to_be_looked_into_is_said_with_the_school() -> None:
    """Not every joiner alike: the cause and the school, whole names only."""
    joining = pd.DataFrame({"joins": ["Hill, Hillside", "Brook"], "schools": [2, 1]})
    flags = pd.DataFrame(
        [("Hill", "balance"), ("Hillside", "consent"), ("Brook", "PFI"), ("Hill", "balance")], columns=["name", "flag"]
    )
    assert [row["causes"] for row in with_causes(joining, flags)] == ["short of money: Hill", "a PFI contract: Brook"]


def test_what_schools_are_left_adds_up_to_the_balance_of_their_trust(clustered_county: Path) -> None:
    """Two routes: school by school in the table of pooling, and the trust's money with all its schools there."""
    study = Study.open(clustered_county)
    case = study_case(study)
    planned = plan_case(case, study.policy, seconds=20)
    table = read_stage(study.results / "clusters", "trust_pooling")
    parts = table["as_it_is_gbp"] + table["cluster_gbp"] + table["office_gbp"] - table["top_slice_gbp"]
    assert np.allclose(parts + table["pooled_gbp"], table["left_gbp"])
    groups = [one for one in groups_of_plan(case, planned.school_lead, planned.trust) if one.kind != OUTSIDE]
    assert {group.name for group in groups} == set(table["trust"])
    for group in groups:
        money = group_money(case, study.policy, group, np.full(len(group.rows), -1), len(case.years))
        mine = table[table["trust"] == group.name]
        assert mine["left_gbp"].sum() == pytest.approx(money.balance.mean(), abs=1.0)
        assert mine["top_slice_gbp"].sum() == pytest.approx(money.centre.mean(), abs=1.0)
        assert mine["pooled_gbp"].sum() == pytest.approx(0.0, abs=0.01)


def test_the_page_speaks_in_words_and_says_what_is_not_proven(clustered_county: Path) -> None:
    """Policy keys as row labels, a bound per level three words from another, "safeguarding" for articles."""
    study = Study.open(clustered_county)
    summary = read_summary(study.results / "clusters")
    assert summary is not None
    page = trusts_page(study, study.results, summary | {"written": "today"})
    body, rules = page[: page.index("<h2>Rules</h2>")], read_stage(study.results / "clusters", "cluster_switches")
    assert "trust_consent_unknown" not in body and "frontier 1" not in body and "safeguarding" not in page
    assert "0.00 %" not in body and "Proven, each level by itself" in body
    assert all(words.replace("'", "&#39;") in body for words in rules["words"])
    assert "who pays and who receives" in body.lower() and "No row" not in body
    assert body.index("Planned</th>") < body.index("Today</th>")
