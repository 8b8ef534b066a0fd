"""Why each decision is in the plan, in one or two sentences with figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from models.options import CLOSE, CUT, EXPAND, NEW, Facility


def with_reasons(
    decisions: pd.DataFrame, facilities: Sequence[Facility], balance: pd.DataFrame, allocation: pd.DataFrame
) -> pd.DataFrame:
    """Decisions in the order they take effect, each reason with the figures of its area and its pupils."""
    by_key = {facility.key: facility for facility in facilities}
    table = decisions.sort_values(["academic_year", "action", "name"]).reset_index(drop=True)
    table["planning_area"] = [_areas(by_key[key]) for key in table["facility"]]
    table["reason"] = [
        _reason(row, by_key[str(row["facility"])], by_key, balance, allocation) for row in table.to_dict("records")
    ]
    return table


def _areas(facility: Facility) -> str:
    return ", ".join(dict.fromkeys(facility.planning_area.values()))


def _reason(
    row: Mapping[str, object],
    facility: Facility,
    by_key: Mapping[str, Facility],
    balance: pd.DataFrame,
    allocation: pd.DataFrame,
) -> str:
    said = [str(row["reason"])[:1].upper() + str(row["reason"])[1:]]
    if row["action"] in (EXPAND, NEW):
        said += _short(facility, balance)
        said += _arrivals(facility, allocation)
    elif row["action"] == CUT:
        said += _spare(facility, balance, str(row["academic_year"]))
    elif row["action"] == CLOSE:
        first, last = facility.pupils[0].sum(), facility.pupils[-1].sum()
        said.append(f"Roll forecast {first:.0f}, later {last:.0f}, for {facility.places[-1].sum():.0f} places")
        said += _departures(facility, by_key, allocation, str(row["academic_year"]))
        said += _spare(facility, balance, str(row["academic_year"]))
    return ". ".join(said)


def _short(facility: Facility, balance: pd.DataFrame) -> list[str]:
    """The worst shortfall of the facility's areas if nothing is done."""
    mine = _of_area(facility, balance)
    if mine.empty or mine["need"].max() < 0.5:
        return []
    worst = mine.loc[mine["need"].idxmax()]
    return [
        f"Without it {worst['planning_area']} is short of {worst['need']:.0f} places in {worst['year_group']} "
        f"in {worst['academic_year']}"
    ]


def _arrivals(facility: Facility, allocation: pd.DataFrame) -> list[str]:
    """Pupils who would be at another school were it not for the new places, in the last plan year."""
    last = allocation[allocation["academic_year"] == allocation["academic_year"].max()]
    coming = last[(last["facility"] == facility.key) & last["moved"]]["pupils"].sum()
    if coming < 0.5:
        return []
    year = last["academic_year"].iloc[0]
    return [f"In {year} it takes {coming:.0f} pupils for whom other schools would have to find room"]


def _departures(facility: Facility, by_key: Mapping[str, Facility], allocation: pd.DataFrame, year: str) -> list[str]:
    gone = allocation[
        (allocation["today"] == facility.key) & (allocation["academic_year"] == year) & allocation["moved"]
    ]
    if gone.empty:
        return []
    by_school = gone.groupby("facility")["pupils"].sum().sort_values(ascending=False)
    named = ", ".join(f"{by_key[key].name} {pupils:.0f}" for key, pupils in by_school.items() if pupils >= 0.5)
    mean_km = (gone["pupils"] * gone["distance_m"]).sum() / gone["pupils"].sum() / 1000
    most_km = gone["distance_m"].max() / 1000
    return [f"In {year} its pupils go to {named}, {mean_km:.1f} km on average and {most_km:.1f} at most"]


def _spare(facility: Facility, balance: pd.DataFrame, year: str) -> list[str]:
    """Spare places of its areas before any decision, when the decision takes effect."""
    mine = _of_area(facility, balance)
    mine = mine[mine["academic_year"] == year]
    summed = mine.groupby(["planning_area", "phase"])[["spare", "places"]].sum()
    return [
        f"{area} has {row.spare:.0f} of {row.places:.0f} {phase} places spare in {year} before any change"
        for (area, phase), row in summed.iterrows()
    ]


def _of_area(facility: Facility, balance: pd.DataFrame) -> pd.DataFrame:
    keys = pd.MultiIndex.from_tuples([(area, phase) for phase, area in facility.planning_area.items()])
    return balance[pd.MultiIndex.from_frame(balance[["planning_area", "phase"]]).isin(keys)]
