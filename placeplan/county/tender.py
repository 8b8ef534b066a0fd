"""One competition for a new primary school with five bids: everybody in it is invented."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placeplan.county import names, schools
from placeplan.county.plans import NEEDED_SITE

COMPETITION = "C2023-1"
OPENED, CLOSES, NOON = "2022-11-07", "2023-02-24", "2023-02-24 12:00"
SCALE = 5.0
SCORED = {"paper": "2023-03-14", "interview": "2023-03-21"}
MODERATED_ON = "2023-03-24"
ASSESSORS = ("Assessor 1", "Assessor 2", "Assessor 3")
CRITERIA = (
    ("education", "Quality of education and curriculum", 30, 3.0, "paper"),
    ("leadership", "Leadership, governance and record of the proposer", 20, 3.0, "interview"),
    ("inclusion", "Inclusion, SEND and admissions", 20, 3.0, "paper"),
    ("community", "Fit with the community and neighbouring schools", 10, np.nan, "interview"),
    ("finance", "Value for money and revenue plan", 12, 2.0, "paper"),
    ("delivery", "Readiness to open on time", 8, np.nan, "paper"),
)
TRUST, GROUP = "academy trust", "free school proposer"
# Proposer, forms of entry, opening year, capital in GBP, faith, kind, and how good each criterion looks from 0 to 5.
BIDS = (
    (schools.TRUSTS["trust"][1], 2.0, "2026/27", 10_450_000, "none", TRUST, (4.2, 4.0, 3.9, 4.6, 3.4, 4.2)),
    (schools.TRUSTS["trust"][0], 2.0, "2026/27", 10_200_000, "none", TRUST, (4.3, 4.2, 3.6, 3.1, 3.9, 3.8)),
    (schools.TRUSTS["trust"][4], 2.0, "2026/27", 10_600_000, schools.COFE, TRUST, (3.9, 3.8, 4.2, 3.7, 3.5, 3.6)),
    ("Northmark Academies", 3.0, "2027/28", 14_900_000, "none", TRUST, (4.5, 2.3, 3.4, 2.6, 4.2, 2.8)),
    ("Tarne Parents' School Group", 1.0, "2026/27", 6_300_000, "none", GROUP, (3.2, 3.1, 4.4, 4.7, 2.2, 2.4)),
)
DECLARED = (
    ("Assessor 1", None, "None", "none needed"),
    ("Assessor 2", None, "None", "none needed"),
    ("Assessor 3", "B2", "Taught at a school of the trust until 2016", "noted"),
)
ASKED = (
    ("Q1", "B1", "2023-03-01", "Does the capital include furniture?", "2023-03-03", "Yes, for 420 places.", False),
    ("Q2", None, "2023-01-16", "Is the site decontaminated?", "2023-01-20", "It was never built on.", True),
)


def competition(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Tables competitions, bids, criteria, scores, declarations and clarifications.

    Each of three assessors is a little kinder or stricter; what they agree on is the middle of the three scores.
    """
    marks = pd.DataFrame(_marks(rng), columns=["bid", "criterion", "assessor", "score", "reason", "scored_on"])
    before = np.sort(rng.integers(5, 6_000, len(BIDS)))[::-1]  # minutes before noon of the last day
    received = (pd.Timestamp(NOON) - pd.to_timedelta(before, unit="min")).strftime("%Y-%m-%d %H:%M")
    contest = {
        "competition": COMPETITION,
        "name": f"A new primary school for {names.GROWING_TOWN} East",
        "site": NEEDED_SITE,
        "route": "presumption",
        "opened": OPENED,
        "closes": CLOSES,
        "weights_published": OPENED,
    }
    bids = pd.DataFrame(
        [(f"B{k + 1}", COMPETITION, *bid[:6]) for k, bid in enumerate(BIDS)],
        columns=[
            "bid",
            "competition",
            "proposer",
            "fe",
            "opens",
            "capital_gbp",
            "religious_character",
            "proposer_kind",
        ],
    )
    criteria = pd.DataFrame(CRITERIA, columns=["criterion", "name", "weight", "threshold", "stage"])
    declared = pd.DataFrame(DECLARED, columns=["assessor", "bid", "interest", "action"])
    asked = pd.DataFrame(ASKED, columns=["clarification", "bid", "asked", "question", "answered", "answer", "shared"])
    return {
        "competitions": pd.DataFrame([contest]),
        "bids": bids.assign(competition=COMPETITION, received_at=received, due_diligence="passed"),
        "criteria": criteria.assign(competition=COMPETITION, scale=SCALE),
        "scores": marks,
        "declarations": declared.assign(competition=COMPETITION, declared_on="2023-02-27"),
        "clarifications": asked.assign(competition=COMPETITION),
    }


def _marks(rng: np.random.Generator) -> list[tuple[object, ...]]:
    """Rows of scores: three assessors' and, after them, the one agreed."""
    kindness = dict(zip(ASSESSORS, (0.15, -0.2, 0.0), strict=True))
    rows: list[tuple[object, ...]] = []
    for k, bid in enumerate(BIDS):
        for (criterion, _, _, threshold, stage), level in zip(CRITERIA, bid[6], strict=True):
            given = []
            for assessor in ASSESSORS:
                score = float(np.clip(np.round(2 * (level + kindness[assessor] + rng.normal(0, 0.3))) / 2, 0, SCALE))
                given.append(score)
                rows.append((f"B{k + 1}", criterion, assessor, score, None, SCORED[stage]))
            agreed = float(np.median(given))
            rows.append((f"B{k + 1}", criterion, "moderated", agreed, _reason(agreed, threshold), MODERATED_ON))
    return rows


def _reason(score: float, threshold: float) -> str:
    if score < threshold:
        return "Below the published threshold: the evidence asked for was not given."
    if score >= 4.5:
        return "Strong evidence throughout."
    return "Meets the requirement." if score >= 3 else "Some evidence, with gaps."
