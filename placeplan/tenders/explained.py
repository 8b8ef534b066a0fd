"""What the results hold for one bid: its place and why, what it would do on its site, how firm its rank is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from models.firmness import NOT_USED
from placeplan.results import read_stage
from placeplan.study import Study
from placeplan.words import money

Told = dict[str, list[str]]


def bid_explanation(study: Study, bid: pd.Series) -> Told:
    """Headings and sentences for a row of the table bids."""
    code, competition = str(bid["bid"]), str(bid["competition"])
    row = study.tables["competitions"].set_index("competition").loc[competition]
    told: Told = {f"{code}, {bid['proposer']}, in {competition} {row['name']}": _offer(bid)}
    folder = study.results / "tender"
    if not folder.is_dir():
        return told | {"Result": ["Not ranked yet: `placeplan tender` ranks the bids."]}
    ranked = read_stage(folder, "bids_ranked")
    ranked = ranked[ranked["competition"] == competition].set_index("bid")
    points = read_stage(folder, "scores_of_record")
    points = points[points["competition"] == competition].pivot_table(
        index="criterion", columns="bid", values="points", sort=False
    )
    told["Result, from the scores of record alone"] = _result(code, ranked, points)
    if (folder / "bids_in_place.parquet").exists():
        placed = read_stage(folder, "bids_in_place")
        placed = placed[placed["competition"] == competition].set_index("bid")
        if code in placed.index:
            told["In place: not a criterion, not scored"] = _in_place(placed.loc[code])
    if pd.notna(ranked.loc[code, "rank"]):
        told[f"How firm: {NOT_USED}"] = _firm(code, ranked, folder)
    if isinstance(row["site"], str):
        told["What a change of the forecast would do"] = [
            "Nothing to the rank, which rests on scores. Whether a school is needed here at all: "
            f"`placeplan explain` with the site, {row['site']}."
        ]
    return told


def _offer(bid: pd.Series) -> list[str]:
    size = f"{bid['fe']:g} FE" if pd.notna(bid["fe"]) else "Size not given"
    opens = f" from {bid['opens']}" if isinstance(bid["opens"], str) else ""
    capital = money(bid["capital_gbp"]) if pd.notna(bid["capital_gbp"]) else "no"
    return [f"{size}{opens}, asks for {capital} capital; due diligence {bid['due_diligence']}."]


def _result(code: str, ranked: pd.DataFrame, points: pd.DataFrame) -> list[str]:
    """Rank and total, how far from the bid it is measured against, and on which criteria."""
    mine = ranked.loc[code]
    if pd.isna(mine["rank"]):
        return [f"Not ranked: {mine['why']}."]
    said = [f"Rank {mine['rank']} with {mine['total']:.1f} of 100; {mine['why']}."]
    others = ranked[ranked["rank"].notna() & (ranked.index != code)].sort_values("total", ascending=False)
    if others.empty:
        return [*said, "No other bid is ranked."]
    rival = others.index[0]
    apart = float(mine["total"] - others["total"].iloc[0])
    how = f"{apart:.1f} points ahead of" if apart > 0 else f"{-apart:.1f} points behind" if apart < 0 else "Level with"
    by = (points[code] - points[rival]).sort_values(ascending=False)
    said.append(f"{how} {rival}, {others['proposer'].iloc[0]}.")
    for words, part in (("Better on", by[by > 0.05]), ("Weaker on", by[by < -0.05].iloc[::-1])):
        if len(part):
            said.append(f"{words} {', '.join(f'{name} ({value:+.1f})' for name, value in part.items())}.")
    return said


def _in_place(row: pd.Series) -> list[str]:
    said = [
        f"Places short in its planning area over the plan years: {row['deficit_before']:,.0f} without a school on the "
        f"site, {row['deficit_after']:,.0f} with it.",
        f"Pupils in the last plan year: {row['pupils_planned']:,.0f} planned, {row['pupils_chosen']:,.0f} would choose "
        f"it, {row['pupils_wanting']:,.0f} if places were no limit; {row['newly_within_chosen']:,.0f} of them come "
        f"within walking distance, {row['newly_beyond_chosen']:,.0f} beyond it.",
        _worth(row),
    ]
    for basis, words in (("chosen", "as parents would choose"), ("planned", "as planned")):
        if row[f"not_viable_{basis}"]:
            said.append(f"Schools whose reserves would no longer last, {words}: {row[f'not_viable_{basis}']}.")
    if pd.notna(row["of_benchmark"]):
        asked = money(row["capital_per_place_gbp"])
        said.append(f"Capital a place {asked}, {row['of_benchmark']:.0%} of the benchmark.")
    return said


def _worth(row: pd.Series) -> str:
    """What the whole plan costs with the bid against none on the site."""
    least, most = float(row["more_least_gbp"]), float(row["more_most_gbp"])
    if row["clash"]:
        return f"No plan with it keeps every rule: {row['clash']}."
    if least != least:
        return "What the whole plan costs with it could not be found in the time."
    if most <= 0:
        how = f"between {money(-most)} and {money(-least)} less than"
    elif least >= 0:
        how = f"between {money(least)} and {money(most)} more than"
    else:
        how = f"at most {money(-least)} less and at most {money(most)} more, so it is not settled, than"
    return f"The whole plan, all else planned anew, costs {how} without a school on the site, both proven."


def _firm(code: str, ranked: pd.DataFrame, folder: Path) -> list[str]:
    firm, shares = read_stage(folder, "firmness"), read_stage(folder, "weight_shares")
    firm = firm[firm["bid"].isin(ranked.index)]
    if code in set(firm["bid"]):
        said = [f"To be first: {_needs(firm[firm['bid'] == code].iloc[0])}."]
    else:
        rivals = firm.sort_values("largest_change").head(1)
        said = [f"For {row['bid']} to be first instead: {_needs(row)}." for _, row in rivals.iterrows()]
    return said + [
        f"First in {row.share:.1%} of cases: {row.basis}." for row in shares[shares["bid"] == code].itertuples()
    ]


def _needs(row: pd.Series) -> str:
    if pd.isna(row["largest_change"]):
        return str(row["verdict"])
    return (
        f"some weights must move by {row['largest_change']:.1f} percentage points or more, all of them together by "
        f"{row['total_change']:.1f}"
    )
