"""The tables below the map of journeys: the figures of its bands, planning areas and homes."""

import geopandas as gpd
import pandas as pd

from maps.tables import html_table, text, whole
from maps.travel_words import Travel, band_words, few, kilometres, measured, miles, per_cent

FIGURES = {
    "Pupils": "pupils",
    "Within": "within",
    "Beyond": "beyond",
    "Share beyond": "share",
    "Median (km)": "median",
    "Longest (km)": "worst",
    "Beyond longest": "longest",
    "Longest (min by car)": "minutes",
    "Newly beyond by the plan": "newly",
}


def travel_tables(travel: Travel, surfaces: gpd.GeoDataFrame, homes: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> str:
    """HTML of the tables by planning area and of the county, of bands, and by home."""
    how = measured(travel)
    named = areas.drop_duplicates(["planning_area", "phase"]).set_index(["planning_area", "phase"])["name"]
    by_area = travel.areas.assign(
        name=named.reindex(pd.MultiIndex.from_frame(travel.areas[["planning_area", "phase"]])).to_numpy()
    )
    by_area["name"] = by_area["name"].fillna(by_area["planning_area"]).map(text)
    every = pd.concat([by_area.sort_values(["phase", "name", "when"]), travel.totals.assign(name="All together")])
    place = homes.set_index("demand_point")["name"]
    by_home = travel.homes.assign(name=travel.homes["demand_point"].map(place).map(text))
    by_home = by_home.sort_values(["phase", "name", "demand_point", "when"])
    tables = [
        html_table(
            _figures(travel, every, {"Planning area of the home": "name"}, travel.least),
            f"Journeys to pupils' own schools, R–Y11, by planning area. {_limits(travel)} {how} {_outside(travel)} "
            f"{_withheld(travel)}",
            numbers=list(FIGURES),
        ),
        html_table(
            _bands(travel, surfaces),
            f"Ground and pupils by the way to the nearest school that takes girls and boys into Reception or Year 7 "
            f"and does not select, of any religious character. {how} Homes count where their demand point lies.",
            numbers=["km²", "Pupils living there"],
        ),
        html_table(
            _figures(travel, by_home, {"Home": "name", "Demand point": "demand_point"}, travel.least),
            f"Journeys to pupils' own schools by home. {_limits(travel)} Expected numbers, in whole pupils. "
            f"{_withheld(travel)}",
            numbers=list(FIGURES),
        ),
    ]
    return "\n".join(tables)


def _withheld(travel: Travel) -> str:
    return f"Numbers below {travel.least:g} are not told, nor what would give them away." if travel.least else ""


def _limits(travel: Travel) -> str:
    """What within, beyond and longest mean."""
    near, far = (f"{miles(limit)} ({kilometres(limit)})" for limit in travel.walking_m)
    longest = "; ".join(f"{phase} {minutes:g} min" for phase, minutes in travel.longest_min.items())
    return (
        f"Beyond: over the statutory walking distance, {near} under 8 (R–Y3) and {far} from 8. Beyond longest: by car "
        f"over the longest journey that a plan may give a moved pupil ({longest}); pupils who stay where they are may "
        "travel longer. Ages are shared as on the roll of the pupils' school of today."
    )


def _outside(travel: Travel) -> str:
    """Pupils who are not in the figures."""
    left = travel.unknown[travel.unknown["pupils"] >= 0.5]
    said = [f"{whole(r.pupils)} {r.phase} ({travel.whens[r.when]})" for r in left.itertuples()]
    return f"Not counted, as their homes are outside or without a way: {', '.join(said)}." if said else ""


def _figures(travel: Travel, rows: pd.DataFrame, heads: dict[str, str], least: float) -> pd.DataFrame:
    """Columns of a table, the rows' names first; counts below ``least`` and what would give them away are not told."""
    one_time = len(travel.whens) == 1
    told = {name: rows[column] for name, column in heads.items()}
    told |= {"Phase": rows["phase"], "Year": rows["when"].map(dict(enumerate(travel.whens)))}
    within = (rows["pupils"] - rows["beyond"]).clip(lower=0.0)
    counts = {"pupils": rows["pupils"], "within": within, "beyond": rows["beyond"], "longest": rows["beyond_longest"]}
    figures: dict[str, pd.Series | list[str]] = {
        **{name: count.map(lambda pupils: few(pupils, least)) for name, count in counts.items()},
        "share": [per_cent(*pair) for pair in zip(rows["beyond"], rows["pupils"], strict=True)],
        "median": [kilometres(metres, unit="") for metres in rows["median_m"]],
        "worst": [kilometres(metres, unit="") for metres in rows["worst_m"]],
        "minutes": rows["worst_min"].map(whole),
        "newly": [
            "–" if when == 0 else few(n, least) for when, n in zip(rows["when"], rows["newly_beyond"], strict=True)
        ],
    }
    small = {name: (counts[name] >= 0.05) & (counts[name] < least) for name in ("within", "beyond")}
    for name, other in (("within", "beyond"), ("beyond", "within")):
        figures[name] = pd.Series(figures[name]).mask(small[other] & ~small[name] & (counts[name] > 0), "the others")
    figures["share"] = pd.Series(figures["share"], index=rows.index).mask(small["within"] | small["beyond"], "–")
    told |= {label: figures[name] for label, name in FIGURES.items() if not (one_time and name == "newly")}
    return pd.DataFrame(told)


def _bands(travel: Travel, surfaces: gpd.GeoDataFrame) -> pd.DataFrame:
    order = surfaces.sort_values(["measure", "phase", "when", "band"])
    return pd.DataFrame(
        {
            "To the nearest": [f"{phase} school" for phase in order["phase"]],
            "Year": order["when"].map(dict(enumerate(travel.whens))),
            "Way": [
                f"{band_words(measure, breaks)[band]}{' by car' if measure == 'minutes' else ''}"
                for measure, breaks, band in zip(order["measure"], order["breaks"], order["band"], strict=True)
            ],
            "km²": order["km2"].map(whole),
            "Pupils living there": order["pupils"].map(whole),
        }
    )
