"""Two competitions for new primary schools, linked by published rules: everybody in them is invented."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placeplan.county import names, schools
from placeplan.county.plans import NEEDED_SITE, OTHER_SITE

COMPETITION, SECOND, LINKED = "C2023-1", "C2023-2", "L2023-1"
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
Bid = tuple[str, float, str, int, str, str, tuple[float, ...]]
# Proposer, forms of entry, opening year, capital in GBP, faith, kind, and how good each criterion looks from 0 to 5.
BIDS: tuple[Bid, ...] = (
    (schools.TRUSTS["trust"][1], 2.0, "2026/27", 10_450_000, "none", TRUST, (4.2, 4.0, 3.9, 4.6, 3.4, 4.2)),
    (schools.TRUSTS["trust"][0], 2.0, "2026/27", 10_200_000, "none", TRUST, (4.3, 4.2, 3.6, 3.1, 3.9, 3.8)),
    (schools.TRUSTS["trust"][4], 2.0, "2026/27", 10_600_000, schools.COFE, TRUST, (3.9, 3.8, 4.2, 3.7, 3.5, 3.6)),
    ("Northmark Academies", 3.0, "2027/28", 14_900_000, "none", TRUST, (4.5, 2.3, 3.4, 2.6, 4.2, 2.8)),
    ("Tarne Parents' School Group", 1.0, "2026/27", 6_300_000, "none", GROUP, (3.2, 3.1, 4.4, 4.7, 2.2, 2.4)),
)
# For the second school, after the five of the first: numbered on.
MORE_BIDS: tuple[Bid, ...] = (
    (schools.TRUSTS["trust"][1], 2.0, "2026/27", 10_350_000, "none", TRUST, (4.2, 4.1, 3.9, 3.8, 3.7, 3.9)),
    (schools.TRUSTS["trust"][0], 2.0, "2026/27", 10_700_000, "none", TRUST, (4.0, 4.0, 3.8, 3.6, 3.6, 3.6)),
    (schools.TRUSTS["trust"][4], 2.0, "2027/28", 10_500_000, schools.COFE, TRUST, (3.8, 3.9, 3.8, 3.6, 3.5, 3.6)),
    ("Aldrechester Parents for Learning", 1.0, "2026/27", 5_600_000, "none", GROUP, (3.4, 3.2, 4.1, 4.2, 3.0, 2.8)),
)
PACKAGE = (("P1", "B2", 9_700_000), ("P1", "B7", 9_900_000))  # one builder for both schools
CONDITIONS = (("B8", "B3"),)  # a diocese that would open the second school only beside the first
LIMITS = (("schools of a proposer", schools.TRUSTS["trust"][1], 1.0), ("capital", None, 21_000_000.0))
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
    """Tables of two competitions, and of the rules that link them.

    Each of three assessors is a little kinder or stricter; what they agree on is the middle of the three scores.
    """
    rows = [*_marks(rng, BIDS, 1), *_marks(rng, MORE_BIDS, len(BIDS) + 1)]
    marks = pd.DataFrame(rows, columns=["bid", "criterion", "assessor", "score", "reason", "scored_on"])
    bids = pd.concat([_bids(rng, COMPETITION, BIDS, 1), _bids(rng, SECOND, MORE_BIDS, len(BIDS) + 1)])
    schools_sought = {
        COMPETITION: (f"A new primary school for {names.GROWING_TOWN} East", NEEDED_SITE),
        SECOND: (f"A new primary school for {names.CITY} South", OTHER_SITE),
    }
    contests = pd.DataFrame(
        [(code, *sought) for code, sought in schools_sought.items()], columns=["competition", "name", "site"]
    ).assign(route="presumption", opened=OPENED, closes=CLOSES, weights_published=OPENED, linked_award=LINKED)
    criteria = pd.DataFrame(CRITERIA, columns=["criterion", "name", "weight", "threshold", "stage"])
    declared = pd.DataFrame(DECLARED, columns=["assessor", "bid", "interest", "action"])
    asked = pd.DataFrame(ASKED, columns=["clarification", "bid", "asked", "question", "answered", "answer", "shared"])
    return {
        "competitions": contests,
        "bids": bids.assign(due_diligence="passed"),
        "criteria": pd.concat([criteria.assign(competition=code, scale=SCALE) for code in schools_sought]),
        "scores": marks,
        "declarations": declared.assign(competition=COMPETITION, declared_on="2023-02-27"),
        "clarifications": asked.assign(competition=COMPETITION),
        **_linked(),
    }


def _linked() -> dict[str, pd.DataFrame]:
    """Tables of the rules that link the two competitions, a package and a condition."""
    name = "Two new primary schools, 2026 and 2027"
    limits = pd.DataFrame(LIMITS, columns=["kind", "subject", "limit"])
    return {
        "linked_awards": pd.DataFrame([{"linked_award": LINKED, "name": name, "published": OPENED}]),
        "package_bids": pd.DataFrame(PACKAGE, columns=["package", "bid", "capital_gbp"]),
        "bid_conditions": pd.DataFrame(CONDITIONS, columns=["bid", "needs"]),
        "award_limits": limits.assign(linked_award=LINKED),
    }


def _bids(rng: np.random.Generator, competition: str, bids: tuple[Bid, ...], first: int) -> pd.DataFrame:
    """Table bids of one competition, numbered from `first`, received in the last days before it closes."""
    before = np.sort(rng.integers(5, 6_000, len(bids)))[::-1]  # minutes before noon of the last day
    received = (pd.Timestamp(NOON) - pd.to_timedelta(before, unit="min")).strftime("%Y-%m-%d %H:%M")
    columns = ["proposer", "fe", "opens", "capital_gbp", "religious_character", "proposer_kind"]
    table = pd.DataFrame([bid[:6] for bid in bids], columns=columns)
    return table.assign(bid=[f"B{first + k}" for k in range(len(bids))], competition=competition, received_at=received)


def _marks(rng: np.random.Generator, bids: tuple[Bid, ...], first: int) -> list[tuple[object, ...]]:
    """Rows of scores: three assessors' and, after them, the one agreed."""
    kindness = dict(zip(ASSESSORS, (0.15, -0.2, 0.0), strict=True))
    rows: list[tuple[object, ...]] = []
    for k, bid in enumerate(bids, start=first):
        for (criterion, _, _, threshold, stage), level in zip(CRITERIA, bid[6], strict=True):
            given = []
            for assessor in ASSESSORS:
                score = float(np.clip(np.round(2 * (level + kindness[assessor] + rng.normal(0, 0.3))) / 2, 0, SCALE))
                given.append(score)
                rows.append((f"B{k}", criterion, assessor, score, None, SCORED[stage]))
            agreed = float(np.median(given))
            rows.append((f"B{k}", criterion, "moderated", agreed, _reason(agreed, threshold), MODERATED_ON))
    return rows


def _reason(score: float, threshold: float) -> str:
    if score < threshold:
        return "Below the published threshold: the evidence asked for was not given."
    if score >= 4.5:
        return "Strong evidence throughout."
    return "Meets the requirement." if score >= 3 else "Some evidence, with gaps."
