"""Two competitions linked by published rules, worked out by hand: the tender study and a second competition.

    lot  bid  proposer  total  capital        lot  bid  proposer  total  capital
    C1   B1   Ash          70   5.2m          C2   B5   Birch        72   5.1m
    C1   B2   Birch        74   5.0m          C2   B6   Ash          70   5.3m
    C1   B3   Cedar        66   4.9m          C2   B7   Elm          60   4.8m, only if B2 wins
    C1   B4   Dell      below the threshold   P1 = B1 + B6, Ash: 4.9m + 5.0m

Birch opens at most one school; capital is at most 10.0m in all; C1 must be awarded, C2 without award costs 10 points.
Alone B2 and B5 come first (146 points, 10.1m): they break both limits. Together, by points:

    B2 + B6  144  10.3m  too dear              P1        140   9.9m  wins
    B1 + B5  142  10.3m  too dear              B3 + B5   138  10.0m
    B3 + B6  136  10.2m  too dear              B2 + B7   134   9.8m
    B1 + B7, B3 + B7     B7 does not stand     B2, B1, B3 and C2 without award: 64, 60, 56

Without the limit on capital B2 + B6 would win: it costs 4 points, and 0.4m less is spent because of it.
"""

from pathlib import Path

from tender_study import write_tender_study
from test_bad_input import edit

TABLES = {
    "linked_awards": "linked_award,name,published\nL1,Two schools for the north,2023-01-09\n",
    "package_bids": "package,bid,capital_gbp,points\nP1,B1,4900000,\nP1,B6,5000000,\n",
    "bid_conditions": "bid,needs\nB7,B2\n",
    "award_limits": "linked_award,kind,subject,academic_year,limit\n"
    "L1,schools of a proposer,birch  trust,,1\n"
    "L1,capital,,,10000000\n",
}
SECOND = {"B5": ("Birch Trust", 72, 5_100_000), "B6": ("Ash Trust", 70, 5_300_000), "B7": ("Elm Trust", 60, 4_800_000)}


def write_linked_study(folder: Path) -> Path:
    """The tender study with the second competition and the rules that link the two."""
    inputs = write_tender_study(folder) / "inputs"
    for name, text in TABLES.items():
        (inputs / f"{name}.csv").write_text(text)
    more(inputs / "sites.csv", "M,South field,primary,402000,299000,2025/26")
    edit(
        inputs / "competitions.csv",
        "weights_published\n",
        "weights_published,linked_award,must_award,loss_without_award\n",
    )
    edit(inputs / "competitions.csv", "31,2023-01-09", "31,2023-01-09,L1,yes,")
    more(
        inputs / "competitions.csv",
        "C2,A school for South field,M,presumption,2023-01-09,2023-03-31,2023-01-09,L1,no,10",
    )
    edit(inputs / "bids.csv", "Cedar Trust,1,2026/27,,", "Cedar Trust,1,2026/27,4900000,")
    more(inputs / "criteria.csv", "C2,overall,Overall,100,,100,paper,")
    for bid, (proposer, score, capital) in SECOND.items():
        more(inputs / "bids.csv", f"{bid},C2,{proposer},1,2026/27,{capital},academy trust,2023-03-29 12:00,no,,passed")
        more(inputs / "scores.csv", f"{bid},overall,moderated,{score},Agreed at the meeting,2023-04-19")
    return folder


def more(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")
