"""Facts for the report's papers, made by hand: a few schools and what a plan does to them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from geodata.policy import Policy
from models.powers import power
from placeplan.report.facts import Facts

COMMUNITY, CONTROLLED, AIDED, ACADEMY = (
    "Community school",
    "Voluntary controlled school",
    "Voluntary aided school",
    "Academy",
)
HOSTILE = "</script><img src=x onerror=alert(1)> =HYPERLINK()"
SCHOOL = {
    "phase": "primary", "low_age": 4, "high_age": 11, "gender": "mixed", "religious_character": "none", "diocese": None,
    "trust": None, "capacity": 210, "pan": 30, "rural_designated": False, "sen_places": 0,
}  # fmt: skip
CLOSING_STEPS = (
    ("consult on closing", "2023-09-06", "2023-10-18", "Education and Inspections Act 2006, sections 15 and 16"),
    ("publish proposals, representation period", "2023-10-18", "2023-11-15", "Education and Inspections Act 2006"),
    ("decide on the proposals", "2023-11-15", "2024-01-15", "Education and Inspections Act 2006, sections 15 and 16"),
)
CUT_STEPS = (
    ("consult on the admission arrangements between 1 October and 31 January", "2022-12-20", "2023-01-31",
     "School Admissions Code 2021"),
    ("determine the arrangements", "2023-02-28", "2023-02-28", "School Admissions Code 2021"),
)  # fmt: skip
STEPS = {"close": CLOSING_STEPS, "cut PAN": CUT_STEPS, "mothball": CUT_STEPS, "cap forms": CUT_STEPS}


def school(urn: int, name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A row of schools."""
    return {"urn": urn, "name": name, "type": kind, **SCHOOL, **more}


def decision(of: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
    """A row of decisions with the powers that the model gives."""
    held = power(of["type"], action)
    return {
        "facility": str(of["urn"]), "name": of["name"], "phase": "primary", "planning_area": "North", "action": action,
        "academic_year": "2024/25", "partner": "", "places_before": 210, "places_after": 0, "capital_gbp": 0,
        "running_gbp_per_year": 0, "proposer": held.proposer, "decider": held.decider, "own_power": held.own,
        "asked_of": held.asked_of, "authority": held.authority, "challenge": held.challenge, "start_by": "2022-12-20",
        "first_step": "the first step", "start_now": True, "probability": 1.0, "reason": "Why it is so. And more",
        "pupils_without_place": 0.0, "journeys_gbp": 0.0,
    } | more  # fmt: skip


def facts(
    schools: Sequence[dict[str, Any]], decisions: Sequence[dict[str, Any]], *, policy: dict[str, Any] | None = None,
    inputs: dict[str, pd.DataFrame] | None = None, summaries: dict[str, Any] | None = None, **stored: Any
) -> Facts:  # fmt: skip
    """Facts of these schools and decisions, with a calendar for closings and admission numbers."""
    steps = [
        (row["facility"], row["academic_year"], row["action"], *step)
        for row in decisions
        for step in STEPS.get(row["action"], ())
    ]
    columns = ["facility", "academic_year", "action", "step", "begin_by", "done_by", "basis"]
    tables = {"decisions": pd.DataFrame(list(decisions)), "calendar": pd.DataFrame(steps, columns=columns)}
    given = {"schools": pd.DataFrame(list(schools)), **(inputs or {})}
    return Facts(
        "Northshire", "2022/23", 7, "2022-09-01", Policy(policy or {}), tables | stored, given, summaries or {}
    )


def effects(of: dict[str, Any], **more: Any) -> pd.DataFrame:
    """The row of closure_effects of a closing school."""
    row = {
        "facility": str(of["urn"]), "name": of["name"], "academic_year": "2024/25", "pupils_displaced": 17.2,
        "without_place": 0.0, "could_stay_together": 1.0, "median_before_m": 500.0, "median_after_m": 7200.0,
        "worst_before_m": 900.0, "worst_after_m": 7900.0, "newly_entitled": 16.0, "transport_first_year_gbp": 55_000.0,
        "transport_last_year_gbp": 36_000.0, "religious_character": "Church of England",
        "same_religious_character": 0.25,
        "fsm_share": 0.16, "receiving_fsm_share": None, "fsm_pupils": 4.0,
        "ehcp_pupils": None, "sen_support_pupils": 3.0, "council_discounted_gbp": 605_716.0,
    }  # fmt: skip
    return pd.DataFrame([row | more])
