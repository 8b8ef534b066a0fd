"""Who may stand beside whom: each rule by its own, the three models of governance, consent, leaving a trust."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from test_villages import schools

from geodata.policy import Policy
from models.side_by_side import Standing, faiths, kinds, no_shared_head, standing, trust_articles

COFE, RC = "Church of England", "Roman Catholic"
COMMUNITY: dict[str, object] = {}
VC = {"type": "Voluntary controlled school", "religious_character": COFE, "diocese": "D"}
VA = {"type": "Voluntary aided school", "religious_character": COFE, "diocese": "D"}
CATHOLIC = {"type": "Voluntary aided school", "religious_character": RC, "diocese": "R"}


def academy(trust: str | None = "T", **more: object) -> dict[str, object]:
    return {"type": "Academy converter", "trust": trust, **more}


def judged(*rows: Mapping[str, object], trusts: pd.DataFrame | None = None, **policy: object) -> Standing:
    table = schools(*rows)
    near = np.zeros((len(table), len(table)))
    return standing(table, trusts, table, near, "2022/23", Policy(policy))


def rule(*rows: Mapping[str, object], trusts: pd.DataFrame | None = None, **policy: object) -> str:
    """Which rule keeps two apart; "" where none does."""
    return " ".join(judged(*rows, trusts=trusts, **policy).between(0, 1))


def test_kinds_and_faiths_by_their_words() -> None:
    table = schools(VA, VC, {"type": "Foundation school"}, {}, academy(), {"type": "Free schools"})
    assert kinds(table).tolist() == ["voluntary aided", "voluntary controlled", "foundation", "community",
                                     "academy", "academy"]  # fmt: skip
    words = (COFE, "Church of England/Methodist", "Anglican", "Catholic", "Does not apply", None, "Quaker")
    named = schools(*({"religious_character": word} for word in words))
    assert faiths(named).tolist() == ["church of england"] * 3 + ["roman catholic", "", "", "quaker"]


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("mixed trust", {"community+VC", "VC+VA"}),
        ("church-majority trust", {"community+VC", "community+VA", "VC+VA"}),
        ("separate trusts", {"VC+VA"}),
    ],
)
def test_the_three_models_of_governance(model: str, allowed: set[str]) -> None:
    """A voluntary aided school is in church-majority trusts only; community schools in those only by their model."""
    pairs = {"community+VC": (COMMUNITY, VC), "community+VA": (COMMUNITY, VA), "VC+VA": (VC, VA)}
    found = {name for name, pair in pairs.items() if not rule(*pair, governance_model=model)}
    assert found == allowed
    assert rule(COMMUNITY, VA, governance_model="mixed trust") == "articles"
    assert {rule(one, CATHOLIC, governance_model=model) for one in (COMMUNITY, VC, VA)} == {"faith"}
    assert rule(CATHOLIC, CATHOLIC, governance_model=model) == ""


def test_articles_that_suit_every_two_suit_all() -> None:
    """Pairs are enough for a solver only because the sets are nested."""
    for model in ("mixed trust", "church-majority trust", "separate trusts"):
        found = judged(COMMUNITY, VC, VA, CATHOLIC, academy(None, academy_origin="voluntary aided",
                       religious_character=COFE), governance_model=model)  # fmt: skip
        n = len(found.suits)
        for subset in range(1, 2**n):
            rows = [k for k in range(n) if subset >> k & 1]
            pairwise = all((found.suits[a] & found.suits[b]).any() for a in rows for b in rows)
            assert pairwise == bool(found.suits[rows].all(axis=0).any())


def test_dioceses_kinds_trusts_consent_and_land() -> None:
    elsewhere = VC | {"diocese": "E"}
    assert rule(VC, elsewhere) == "diocese" and rule(VC, elsewhere, cluster_across_dioceses="yes") == ""
    assert rule(VC, VC | {"diocese": None}) == ""
    other = CATHOLIC | {"diocese": "S"}
    assert rule(CATHOLIC, other, cluster_across_dioceses="yes") == "diocese"  # a bishop's own, whatever policy says
    assert rule(COMMUNITY, academy(None)) == "kind"
    assert rule(COMMUNITY, academy(None), cluster_across_kinds="yes") == ""
    assert rule(academy("T"), academy("U")) == "trust" and rule(academy("T"), academy("T")) == ""
    assert rule(COMMUNITY, {"consent": "refused"}) == "consent"
    assert rule(COMMUNITY, {"consent": "given"}, cluster_consent_unknown="no") == "consent"
    assert rule({"consent": "given"}, {"consent": "given"}, cluster_consent_unknown="no") == ""
    assert rule(COMMUNITY, {"land_consent": "refused"}) == "land"
    assert rule(COMMUNITY, {"land_consent": "refused"}, cluster_outcome="federations") == ""


def test_an_academy_stands_for_what_it_was() -> None:
    was_aided = academy(None, religious_character=COFE, academy_origin="voluntary aided")
    was_controlled = academy(None, religious_character=COFE, academy_origin="voluntary controlled")
    secular = academy(None)
    assert rule(secular, was_aided) == "articles" and rule(secular, was_controlled) == ""
    unknown = judged(secular, academy(None, religious_character=COFE))
    assert not unknown.apart[0, 1] and "1 church academies" in unknown.notes[0]
    assert "schools.trust: 2 academies without it" in unknown.notes[1]
    assert not any("schools.trust" in note for note in judged(COMMUNITY, academy("T")).notes)


@pytest.mark.parametrize(
    ("trusts", "policy", "free"),
    [
        (None, {}, [False, False, False, True]),
        (None, {"trust_consent_unknown": "yes"}, [True, True, True, True]),
        ("given", {}, [True, True, True, True]),
        ("refused", {"trust_consent_unknown": "yes"}, [False, False, False, True]),
        (None, {"trust_leaving": "consent or five years"}, [True, False, False, True]),
        (None, {"trust_directed_moves": "yes"}, [False, False, True, True]),
        (
            "refused",
            {"trust_leaving": "consent or five years", "trust_directed_moves": "yes"},
            [True, False, True, True],
        ),
    ],
)
def test_who_may_leave_its_trust(trusts: str | None, policy: dict[str, object], free: list[bool]) -> None:
    """Six years in; three years in; ten years and in intervention; no trust. The first move is in September 2024."""
    table = None if trusts is None else pd.DataFrame({"trust": ["T"], "consent_to_leave": [trusts]})
    found = judged(
        academy(trust_since=pd.Timestamp("2018-09-01")),
        academy(trust_since=pd.Timestamp("2021-09-01")),
        academy(trust_since=pd.Timestamp("2014-09-01"), in_intervention=True),
        academy(None),
        trusts=table,
        **policy,
    )
    assert found.free.tolist() == free


def test_articles_of_a_trust_are_its_own_or_those_of_its_schools() -> None:
    table = schools(academy("All", religious_character=COFE), academy("Some", religious_character=COFE),
                    academy("Some"), academy("No"), academy("Rome", religious_character=RC))  # fmt: skip
    notes: list[str] = []
    assert trust_articles(None, table, notes) == {"All": "church majority", "Some": "church minority", "No": "none",
                                                  "Rome": "roman catholic"}  # fmt: skip
    assert notes == ["trusts.articles: those of 4 trusts are taken from the faith of their schools here."]
    given = pd.DataFrame({"trust": ["No"], "articles": ["church majority"]})
    assert trust_articles(given, table, [])["No"] == "church majority"


def test_a_foundation_with_a_cooperative_trust_is_in_no_academy_trust() -> None:
    """Two foundation schools of different co-operative trusts may share a head."""
    one = {"type": "Foundation school", "trust": "Co-operative A"}
    assert rule(one, one | {"trust": "Co-operative B"}) == ""


def test_too_long_a_drive_between_any_two() -> None:
    table = schools(COMMUNITY, COMMUNITY)
    far = np.array([[0.0, 31.0], [29.0, 0.0]])
    found = standing(table, None, table, far, "2022/23", Policy({}))
    assert found.between(0, 1) == ["drive"]


def test_federations_need_no_articles_and_no_one_leaves_a_trust_for_them() -> None:
    table = schools(COMMUNITY, VA, academy("T"), academy("U"), academy("T"), CATHOLIC)
    apart = no_shared_head(table, Policy({}))
    assert not apart[0, 1] and not apart[2, 4]
    assert apart[0, 2] and apart[2, 3] and apart[0, 5] and apart[1, 5]
    free = {"cluster_outcome": "federations", "trust_consent_unknown": "yes", "trust_leaving": "consent or five years"}
    found = judged(academy("T"), academy("U"), academy("T"), academy(None), **free)
    assert found.free.all() and not found.apart[0, 2]
    assert found.between(0, 1) == found.between(1, 2) == found.between(0, 3) == ["trust"]
