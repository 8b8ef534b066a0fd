"""The tables below the map of closures: closing schools, where their pupils go, homes, and what else is taken away."""

import geopandas as gpd
import pandas as pd

from maps.closure_words import (
    AFTER,
    BEFORE,
    ClosingTables,
    again,
    futures,
    kept,
    median_m,
    share_together,
    trials,
    worst_m,
)
from maps.decisions import ACTIONS
from maps.tables import html_table, text, whole
from maps.travel_words import kilometres

COUNTS = {
    "Pupils": "pupils",
    "Too far before": "beyond_before",
    "Too far after": "beyond_after",
    "Newly too far": "newly_beyond",
    "Entitled before": "entitled_before",
    "Entitled after": "entitled_after",
    "Newly entitled": "newly_entitled",
}
KM = ("Median before (km)", "Median after (km)", "Longest before (km)", "Longest after (km)")
PLACES = ("Places before", "Places after")


def closure_tables(tables: ClosingTables, homes: gpd.GeoDataFrame, others: pd.DataFrame) -> str:
    """HTML of the tables; ``others`` are decisions beside closings that take places away or join schools."""
    said = (
        f"Too far: over {tables.limits()}. Distances {tables.measured()}. Expected numbers, in whole pupils."
        f" Numbers below {tables.least:g} are not told, nor their way; beside them others are rounded."
    )
    names = tables.effects.set_index("facility")["name"]
    place = homes.drop_duplicates("demand_point").set_index("demand_point")["name"]
    numbers = (*COUNTS, *KM)
    tried = f" {again(tables).capitalize()}." if tables.effects["draws"].notna().any() else ""
    head = f"Closing schools: pupils on roll in the closing year. {said}{tried}"
    parts = [
        html_table(_closing(tables), head, numbers=numbers),
        html_table(_receiving(tables, names), f"Where they would go, in the closing year. {said}", numbers=numbers),
        html_table(
            _homes(tables, names, place), f"Homes of displaced pupils, in the closing year. {said}", numbers=numbers
        ),
    ]
    if len(others):
        parts.append(
            html_table(_others(others), "Other places taken away, schools joined, space shared", numbers=PLACES)
        )
    return "\n".join(parts)


def _counts(tables: ClosingTables, rows: pd.DataFrame) -> dict[str, str]:
    return {label: tables.few(rows[column].sum()) for label, column in COUNTS.items()}


def _ways(rows: pd.DataFrame) -> dict[str, str]:
    metres = (median_m(rows, BEFORE), median_m(rows, AFTER), worst_m(rows, BEFORE), worst_m(rows, AFTER))
    return {label: kilometres(value, unit="") for label, value in zip(KM, metres, strict=True)}


def _closing(tables: ClosingTables) -> pd.DataFrame:
    parts = [tables.of(key) for key in tables.effects["facility"]]
    if len(parts) > 1:
        parts.append(tables)
    rows = []
    for own in parts:
        row, one = own.effects.iloc[0], len(own.effects) == 1
        rows.append(
            {
                "School": row["name"] if one else "All together",
                "URN": row["facility"] if one else "–",
                "What happens": ACTIONS[row["action"]].label if one else "–",
                "Year": own.years(),
                **_counts(own, own.going),
                "Pupils": own.displaced(),
                **_ways(own.going),
                "Religious character": text(row["religious_character"]) if one else "–",
                "Character kept": kept(own.going),
                "Stay with their year group": share_together(own, "together_in_plan"),
                "Could stay with it": share_together(own, "could_stay_together"),
                "Closes": futures(own),
                "Plans made again": trials(own),
            }
        )
    return pd.DataFrame(rows)


def _receiving(tables: ClosingTables, names: pd.Series) -> pd.DataFrame:
    by = tables.going.groupby(["facility", "receiving"], sort=False)
    parts = sorted(by, key=lambda part: (part[0][0], -part[1]["pupils"].sum()))
    rows = [
        {
            "Closing school": names[facility],
            "Receiving school": text(rows["receiving_name"].iloc[0]),
            "URN or site": receiving,
            "Year": rows["academic_year"].iloc[0],
            "Year groups": ", ".join(dict.fromkeys(rows["year_group"].astype(str))),
            "Character kept": "yes" if rows["same_religious_character"].iloc[0] else "no",
            **_counts(tables.of(facility), rows),
            **_ways(rows if rows["pupils"].sum() >= tables.least else rows.iloc[:0]),
        }
        for (facility, receiving), rows in parts
    ]
    return pd.DataFrame(rows)


def _homes(tables: ClosingTables, names: pd.Series, place: pd.Series) -> pd.DataFrame:
    rows = [
        {
            "Home": text(place.get(point)) if point in place.index else "outside the study",
            "Demand point": point,
            "Closing school": names[facility],
            **_counts(tables.of(facility), rows),
            **_ways(rows if rows["pupils"].sum() >= tables.least else rows.iloc[:0]),
        }
        for (facility, point), rows in tables.going.groupby(["facility", "demand_point"])
    ]
    return pd.DataFrame(rows)


def _others(others: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "School": others["name"].map(text),
            "URN": others["facility"].map(text),
            "Proposal": others["action"].map(text),
            "Year": others["academic_year"].map(text),
            "Places before": others["places_before"].map(whole),
            "Places after": others["places_after"].map(whole),
            "Reason": others["reason"].map(text),
        }
    )
