"""Why each decision is in the plan, in a few sentences with the figures that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from models.options import CLOSING, Facility
from models.powers import holder
from placeplan.words import day, money

CLOSED = (
    "Fewer forms, rooms out of use, a shared head and amalgamation stand beside closing where they may be had; "
    "placeplan explain tells what the next best of them would cost."
)
PRESUMPTION = (
    "Designated rural primary: the presumption against closure applies, and the four factors of section 15(4) of the "
    "Education and Inspections Act 2006 are the authority's to assess (table rural_factors); nothing here does it."
)


def with_reasons(
    decisions: pd.DataFrame,
    effects: pd.DataFrame,
    facilities: Sequence[Facility],
    schools: pd.DataFrame,
    allocation: pd.DataFrame,
) -> pd.DataFrame:
    """Decisions in the order they take effect, with their effects and a reason in words."""
    by_key = {facility.key: facility for facility in facilities}
    known = schools.assign(key=schools["urn"].astype(str)).set_index("key")
    table = decisions.merge(effects.round(0), on="facility", how="left")
    for name in ("options_gbp", "net_gbp"):  # money: the price of harm stands beside it, in a column of its own
        table[name] -= table["harm_gbp"] * table["probability"]
    table = table.sort_values(["academic_year", "action", "name"]).reset_index(drop=True)
    table["planning_area"] = [", ".join(dict.fromkeys(by_key[key].planning_area.values())) for key in table["facility"]]
    table["reason"] = [
        ". ".join(
            [
                str(row["reason"])[:1].upper() + str(row["reason"])[1:],
                *_when(row),
                *_effect(row),
                *(_closing(row, by_key, allocation) if row["action"] in CLOSING else []),
                *(_safeguards(known.loc[row["facility"]]) if row["action"] in CLOSING else []),
            ]
        ).replace("..", ".")
        for row in table.to_dict("records")
    ]
    return table


def with_council_money(decisions: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Decisions with what closings cost the council itself, discounted: `council_gbp`, and first among the reasons.

    `effects` is the table closure_effects.
    """
    own = decisions["facility"].map(effects.set_index("facility")["council_discounted_gbp"].astype(float))
    own = own.where(decisions["action"].isin(CLOSING))
    reasons = [
        reason
        if pd.isna(gbp)
        else f"The council itself {'saves' if gbp < 0 else 'pays'} {money(abs(gbp))} over the years counted. {reason}"
        for reason, gbp in zip(decisions["reason"], own, strict=True)
    ]
    return decisions.assign(council_gbp=own.round(), reason=reasons)


def _when(row: Mapping[str, Any]) -> list[str]:
    """Whether it is decided now, and in how many futures it is taken."""
    if row["probability"] > 1 - 1e-9:
        return [f"It has to be begun now, by {day(row['start_by'])}"] if row["start_now"] else []
    return [f"Not decided yet: taken in {row['probability']:.0%} of the futures, once it is known which one comes"]


def _effect(row: Mapping[str, Any]) -> list[str]:
    """What the decision changes against the same plan without it."""
    said = []
    if row["pupils_without_place"] >= 0.5:
        said.append(f"Without it, all else as planned, up to {row['pupils_without_place']:.0f} pupils have no place")
    elif row["entrants_without_place"] >= 0.5:
        said.append(
            f"Without it, all else as planned, up to {row['entrants_without_place']:.0f} entrants have no place"
        )
    paid = row["cost_gbp"] - row["options_gbp"]
    if paid >= 1000:
        said.append(f"Contributions that without it would lie idle or pay for less bear {money(paid)} of its own cost")
    placed = -row["without_place_gbp"]
    if placed >= 1000:
        said.append(f"It saves {money(placed)}, the price put on pupils without a place")
    dearer = row["journeys_gbp"]
    if abs(dearer) >= 1000:
        change = "saves" if dearer < 0 else "adds"
        said.append(f"It {change} {money(abs(dearer))} of journeys, moves and transport over the years counted")
    if row["net_gbp"] > 0:
        said.append(f"Net of all this, all else as planned, it costs {money(row['net_gbp'])}")
    else:
        said.append(
            f"Net of all this, all else as planned, it saves {money(-row['net_gbp'])}; "
            "less where its neighbours would be planned anew without it"
        )
    return said


def _closing(row: Mapping[str, Any], by_key: Mapping[str, Facility], allocation: pd.DataFrame) -> list[str]:
    """The roll, and where its pupils go in the year of closing."""
    facility, year = by_key[row["facility"]], row["academic_year"]
    first, last = facility.pupils[0].sum(), facility.pupils[-1].sum()
    said = [f"Roll forecast {first:.0f}, later {last:.0f}, for {facility.places[-1].sum():.0f} places"]
    gone = allocation[(allocation["today"] == facility.key) & (allocation["academic_year"] == year)]
    gone = gone[gone["moved"]]
    if gone.empty:
        return said
    by_school = gone.groupby("facility")["pupils"].sum().sort_values(ascending=False)
    named = ", ".join(f"{by_key[key].name} {pupils:.0f}" for key, pupils in by_school.items() if pupils >= 0.5)
    mean_km = (gone["pupils"] * gone["distance_m"]).sum() / gone["pupils"].sum() / 1000
    most_km = gone["distance_m"].max() / 1000
    return [*said, f"In {year} its pupils go to {named}; {mean_km:.1f} km on average, {most_km:.1f} at most"]


def _safeguards(school: pd.Series) -> list[str]:
    """What stands in the way of a closure, and who may take it further."""
    said = [CLOSED.rstrip(".")]
    if bool(school["rural_designated"]):
        said.append(PRESUMPTION.rstrip("."))
    kind, faith = holder(school["type"]), str(school["religious_character"]).lower()
    if kind == "academy":
        said.append("An academy closes by agreement of its trust with the Secretary of State, not by the authority")
    elif "church of england" in faith or "catholic" in faith:
        body = "the Catholic bishop" if "catholic" in faith else "the diocesan board"
        said.append(f"{body[0].upper()}{body[1:]} may take the decision to the schools adjudicator")
    elif kind == "own admissions":
        said.append("The governing body or foundation may take the decision to the schools adjudicator")
    return said


def with_competitions(
    table: pd.DataFrame, competitions: pd.DataFrame | None, bids: pd.DataFrame | None
) -> pd.DataFrame:
    """Reasons of schools on sites that are competed for, with what is offered there: when bids open, and from when on.

    A plan opens a school when that is best; a bid opens it when its proposer can.
    """
    if competitions is None or bids is None:
        return table
    reasons = table["reason"].tolist()
    for at, (site, year) in enumerate(zip(table["site"], table["academic_year"], strict=True)):
        mine = competitions.loc[competitions["site"].eq(site), "competition"] if isinstance(site, str) else []
        opens = sorted(bids.loc[bids["competition"].isin(mine), "opens"].dropna())
        if opens:
            late = f"; nobody offers {year}" if year not in opens else ""
            span = opens[0] if opens[0] == opens[-1] else f"{opens[0]} to {opens[-1]}"
            reasons[at] += f". Bids for it ({', '.join(mine)}) open in {span}{late}"
    return table.assign(reason=reasons)
