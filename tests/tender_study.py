"""A competition small enough to work out by hand, laid over the small study.

Three criteria on a scale of 0 to 5: quality 50 (threshold 2), strength 30, finance 20. Scores of record and totals:

    bid  proposer  quality  strength  finance   total
    B1   Ash          4         3        3      40 + 18 + 12 = 70
    B2   Birch        3         4        5      30 + 24 + 20 = 74   wins
    B3   Cedar        4         3        2      40 + 18 +  8 = 66   B1 is as good everywhere and better in finance
    B4   Dell         1         5        5      below the threshold
"""

from pathlib import Path

from small_study import write_small_study

RECORD = {"B1": (4, 3, 3), "B2": (3, 4, 5), "B3": (4, 3, 2), "B4": (1, 5, 5)}
CRITERIA = ("quality", "strength", "finance")
TABLES = {
    "sites": "site,name,phase,easting,northing,available_from\nN,North field,primary,401000,300000,2025/26\n",
    "competitions": "competition,name,site,route,opened,closes,weights_published\n"
    "C1,A school for North field,N,presumption,2023-01-09,2023-03-31,2023-01-09\n",
    "bids": "bid,competition,proposer,fe,opens,capital_gbp,proposer_kind,received_at,excluded,exclusion_reason,"
    "due_diligence\n"
    "B1,C1,Ash Trust,1,2026/27,5200000,academy trust,2023-03-20 10:15,no,,passed\n"
    "B2,C1,Birch Trust,1,2026/27,5000000,academy trust,2023-03-31 11:59,no,,passed\n"
    "B3,C1,Cedar Trust,1,2026/27,,academy trust,2023-03-30 09:00,no,,passed\n"
    "B4,C1,Dell Group,1,2026/27,5300000,free school proposer,2023-03-29 16:30,no,,passed\n",
    "criteria": "competition,criterion,name,weight,threshold,scale,stage,changed\n"
    "C1,quality,Quality of education,50,2,5,paper,\n"
    "C1,strength,Strength of the proposer,30,,5,interview,\n"
    "C1,finance,Finance,20,,5,paper,\n",
    "declarations": "competition,assessor,bid,interest,action,declared_on\n"
    "C1,X,,None,none needed,2023-04-03\nC1,Y,B3,Former colleague of its chair,noted,2023-04-03\n",
    "clarifications": "clarification,competition,bid,asked,question,answered,answer,shared\n"
    "Q1,C1,B2,2023-04-05,Is the 5 million net of fees?,2023-04-06,Yes.,yes\n",
}


def write_tender_study(folder: Path) -> Path:
    """The small study with one competition: assessors X and Y are half a point above and below the score of record."""
    write_small_study(folder)
    for name, text in TABLES.items():
        (folder / f"inputs/{name}.csv").write_text(text)
    rows = ["bid,criterion,assessor,score,reason,scored_on"]
    for bid, record in RECORD.items():
        for criterion, score in zip(CRITERIA, record, strict=True):
            marks = {"X": min(score + 0.5, 5), "Y": score - 0.5}
            rows += [f"{bid},{criterion},{who},{mark},,2023-04-12" for who, mark in marks.items()]
            rows.append(f"{bid},{criterion},moderated,{score},Agreed at the meeting,2023-04-19")
    (folder / "inputs/scores.csv").write_text("\n".join(rows) + "\n")
    return folder
