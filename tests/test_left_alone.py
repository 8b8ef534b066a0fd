"""Why a village school is left alone: each reason by hand, in the words of the study."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
from test_villages import line, planned, schools, villages

from placeplan.clusters.left_alone import left_alone

CATHOLIC = {"religious_character": "Roman Catholic", "type": "Voluntary aided school"}


def reasons(*rows: Mapping[str, object], at: tuple[float, ...], **policy: object) -> dict[str, str]:
    """Why by name, for schools at their minute marks on a road."""
    from geodata.policy import Policy

    table = schools(*rows)
    made = villages(table, line(*at), **policy)
    told = SimpleNamespace(policy=Policy(policy), villages=made, school_lead=np.array(planned(made)))
    found = left_alone(SimpleNamespace(schools=table), told)  # type: ignore[arg-type]
    assert (found["why"].str.endswith(".")).all()
    return dict(zip(found["name"], found["why"], strict=True))


def test_a_school_that_can_reach_no_other() -> None:
    told = reasons({}, {}, {}, at=(0, 5, 60))
    assert told == {
        "School 3": "It can reach no other school of the plan within 20 minutes: the nearest is 55 minutes away."
    }


def test_a_faith_group_of_one() -> None:
    told = reasons({}, {}, CATHOLIC, at=(0, 5, 8))
    assert told["School 3"].startswith("It is the only Roman Catholic school that could be in a cluster.")
    assert "a faith that runs its own schools, and another (2)" in told["School 3"]


def test_a_refusal_and_nobody_who_could_lead() -> None:
    told = reasons({}, {}, {"consent": "refused"}, at=(0, 5, 8))
    assert told == {"School 3": "Its consent is refused, or not known where it has to be."}
    small = reasons({"pupils": 30.0}, {"pupils": 40.0}, at=(0, 5))
    assert small["School 1"] == "Neither it nor the one it may stand beside has the 50 pupils to lead."


def test_limits_that_leave_a_school_over() -> None:
    """Three schools and clusters of two: the third is told that the other two are full."""
    told = reasons({"pupils": 100.0}, {"pupils": 100.0}, {"pupils": 40.0}, at=(0, 2, 9), cluster_max_schools=2)
    assert list(told) == ["School 3"]
    assert told["School 3"].startswith("Of those it may stand beside: 1 cluster full;")


def test_an_academy_whose_trust_does_not_let_it_go() -> None:
    academy = {"type": "Academy converter", "trust": "T"}
    told = reasons({}, {}, academy, at=(0, 5, 8), cluster_across_kinds="no")
    assert told["School 3"].startswith("It is the only school of T that could be in a cluster.")
    assert "an academy and a maintained school (2)" in told["School 3"]
