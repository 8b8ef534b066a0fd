"""What is built, where and when: sites considered and chosen, places year by year, and who would come."""

from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geodata.years import age_of, in_order
from maps.basemap import Basemap
from maps.before_after import before_after_table, before_and_after
from maps.decisions import ACTIONS, NOT_CHOSEN, decision_fields, facilities_of, keys_of, with_keys
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import ADDS, WHITE
from maps.tables import html_table, pounds, signed, text, whole
from maps.travel_words import few

ADDING: Final = ("lift PAN", "bulge class", "expand", "SEND unit", "new school")
"""Actions of maps.decisions that add places."""
LATER: Final = "decided, from a later year"
CATCHMENT: Final = Style("homes of most of its pupils", ADDS, line=ADDS, line_px=1.5, opacity=0.15, dash="6 4")
CATCHMENT_SHARE: Final = 0.8
JOURNEY: Final = Style("journey to it; wider: more pupils", ADDS, line=ADDS, opacity=0.5)
FORM: Final = 30
"""Pupils of a form of entry."""
MARGIN_M: Final = 350.0


def commissioning_map(
    schools: gpd.GeoDataFrame,
    decisions: pd.DataFrame,
    places: pd.DataFrame,
    journeys: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    balance: pd.DataFrame,
    notes: PageNotes,
    *,
    sites: gpd.GeoDataFrame | None = None,
    journeys_year: str,
    least: float = 5.0,
    planned: pd.DataFrame | None = None,
    without_place: float = 0.0,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the commissioning map. All geometry in EPSG:27700.

    ``schools``: urn, name, phase, geometry (points). ``sites``: site, name, geometry (points) and, where known, phase,
    min_fe, max_fe, owner, planning_status, available_from. ``decisions`` as for maps.estate, with capital_gbp.
    ``places``: facility, academic_year, year_group, places_today, places_plan. ``journeys``: facility, pupils,
    geometry (lines from home to school) of ``journeys_year``, without their number below ``least`` pupils. ``areas``
    and ``balance`` as for maps.balance: what is short if nothing changes; ``planned``, likewise with placed, under
    the plan, which gives ``without_place`` pupils none in the worst year. ValueError where nothing is
    added and no site was considered.
    """
    years = sorted(balance["academic_year"].unique())
    adding = with_keys(decisions[decisions["action"].isin(ADDING)])
    facilities = facilities_of(schools, decisions[decisions["action"].isin(ADDING)], sites)
    chosen = facilities[facilities["action"].isin(ADDING)].reset_index(drop=True)
    idle = facilities[facilities["candidate"] & ~facilities["action"].isin(ADDING)].reset_index(drop=True)
    if chosen.empty and idle.empty:
        raise ValueError("nothing is added and no site was considered")
    layers = before_and_after(areas, balance, planned, years, without_place)
    own = journeys[keys_of(journeys["facility"]).isin(chosen.loc[chosen["action"] != "SEND unit", "key"])]
    if len(own):
        names = chosen.set_index("key")["name"]
        layers += [_journeys(own, names, journeys_year, least), *_catchments(own, chosen, journeys_year)]
    if len(idle):
        layers.append(_considered(idle, sites))
    table = _site_table(idle)
    if len(chosen):
        paths = _paths(chosen["key"], adding, places, years)
        layers.append(_chosen(chosen, adding, paths, years))
        table = _decision_table(adding, chosen) + _path_table(paths, chosen)
    table = before_after_table(balance, planned, without_place) + table
    return map_page(notes, layers, table, years=years, first_year=len(years) - 1, basemap=basemap)


def _paths(keys: pd.Series, adding: pd.DataFrame, places: pd.DataFrame, years: list[str]) -> pd.DataFrame:
    """key, academic_year, groups (year groups with a place), entry (places of the youngest), today, plan, added."""
    own = places.assign(key=keys_of(places["facility"]))
    own = own[own["key"].isin(keys)]
    age = own["year_group"].map(age_of)
    youngest = age.eq(age.groupby(own["key"]).transform("min"))
    sums = own.groupby(["key", "academic_year"])[["places_today", "places_plan"]].sum()
    wanted = pd.MultiIndex.from_product([keys, years], names=["key", "academic_year"])
    table = sums.reindex(wanted).rename(columns={"places_today": "today", "places_plan": "plan"})
    table["entry"] = own[youngest].groupby(["key", "academic_year"])["places_plan"].sum().reindex(wanted)
    open_groups = own[own["places_plan"] >= 0.5].groupby(["key", "academic_year"])["year_group"]
    ordered = open_groups.agg(lambda groups: _span(in_order(list(groups))))
    table["groups"] = ordered.reindex(wanted)
    # A site's years before it opens, and the base year of a school, have no rows of a plan.
    before = table["plan"].isna()
    site = table["today"].fillna(0).groupby("key").transform("max") == 0
    table.loc[before & site, ["today", "plan", "entry"]] = 0.0
    starts = adding.groupby("key")["academic_year"].min()
    table = table.reset_index()
    table["begun"] = table["academic_year"] >= table["key"].map(starts)
    table["added"] = table["plan"] - table["today"]
    return table


def _span(groups: list[str]) -> str:
    return groups[0] if len(groups) == 1 else f"{groups[0]}–{groups[-1]}"


def _forms(entry: float) -> str:
    return "–" if pd.isna(entry) else f"{entry / FORM:.2g} FE"


def _chosen(chosen: gpd.GeoDataFrame, adding: pd.DataFrame, paths: pd.DataFrame, years: list[str]) -> Layer:
    """Schools and sites that gain places: hollow until their year, with the places added by the shown year."""
    kind = chosen["action"].map(list(ADDING).index).to_numpy(int)
    styles = [ACTIONS[action] for action in ADDING]
    styles += [replace(one, fill=WHITE, label=LATER if n == kind.min() else "") for n, one in enumerate(styles)]
    own = dict(iter(adding.groupby("key")))
    by_key = {key: rows.set_index("academic_year").reindex(years) for key, rows in paths.groupby("key")}
    begun = np.array([by_key[key]["begun"].to_numpy(bool) for key in chosen["key"]]).T
    added = np.array([by_key[key]["added"].to_numpy(float) for key in chosen["key"]]).T
    shapes = Shapes(
        key="schools and sites",
        geometry=separated(chosen.geometry),
        titles=chosen["name"].astype(str).tolist(),
        fields=[
            {
                "Identifier": key,
                "Phase": text(phase),
                **decision_fields(own[key]),
                "Capital": pounds(own[key]["capital_gbp"].sum()),
            }
            for key, phase in zip(chosen["key"], chosen["phase"], strict=True)
        ],
        head=["Year", "Year groups", "Entry", "Places", "More than today"],
        rows=[
            [
                [row.academic_year, text(row.groups), _forms(row.entry), whole(row.plan), signed(row.added)]
                for row in rows.reset_index().itertuples()
            ]
            for rows in (by_key[key] for key in chosen["key"])
        ],
    )
    return Layer(
        "commissioned",
        "Places added",
        shapes,
        styles,
        np.where(begun, kind, kind + len(ADDING)),
        legend="Numbers on the map: places more than today in the shown year; in brackets, in earlier years.",
        labels=np.array([added_words(own) for own in added.T]).T,
    )


def added_words(added: npt.NDArray[np.float64]) -> list[str]:
    """+30 in each year with that many places more than today; in brackets the most there were once they have ended."""
    most = np.fmax.accumulate(added)  # the base year of a school has no figure
    gone = [f"({signed(peak)})" if peak >= 0.5 else "" for peak in most]
    return [signed(more) if more >= 0.5 else said for more, said in zip(added, gone, strict=True)]


def _considered(idle: gpd.GeoDataFrame, sites: gpd.GeoDataFrame | None) -> Layer:
    told = idle[["key"]].merge(_site_facts(sites), on="key", how="left")
    shapes = Shapes(
        key="candidate sites",
        geometry=separated(idle.geometry),
        titles=idle["name"].astype(str).tolist(),
        fields=[
            {"Identifier": row.key, "Proposal": "considered, not chosen", **_facts(row)} for row in told.itertuples()
        ],
    )
    return Layer("candidates", "Sites considered, not chosen", shapes, [NOT_CHOSEN], np.zeros(len(idle), int))


def _site_facts(sites: gpd.GeoDataFrame | None) -> pd.DataFrame:
    columns = ["key", "phase", "min_fe", "max_fe", "owner", "planning_status", "available_from"]
    if sites is None:
        return pd.DataFrame(columns=columns, dtype=object)
    return pd.DataFrame(sites.assign(key=keys_of(sites["site"])).reindex(columns=columns)).astype(object)


def _facts(row: Any) -> dict[str, str]:
    """What is known of a site, as far as it is."""
    low, high = row.min_fe, row.max_fe
    size = "–" if pd.isna(high) else f"{'' if pd.isna(low) else f'{low:g} to '}{high:g} FE"
    facts = {"Size": size}
    facts |= {
        words: text(getattr(row, name))
        for words, name in (("Owner", "owner"), ("Planning", "planning_status"), ("Available from", "available_from"))
    }
    return {words: said for words, said in facts.items() if said != "–"}


def _journeys(journeys: gpd.GeoDataFrame, names: pd.Series, year: str, least: float) -> Layer:
    to = keys_of(journeys["facility"]).map(names)
    drawn = journeys.assign(to=to).sort_values("pupils", ascending=False, kind="stable")
    shapes = Shapes(
        key="journeys",
        geometry=drawn.geometry,
        titles=[f"{start} to {end}" for start, end in zip(drawn["demand_point"], drawn["to"], strict=True)],
        fields=[
            {"Pupils": few(pupils, least), "Distance": f"{distance_m / 1000:.1f} km", "Year": year}
            for pupils, distance_m in zip(drawn["pupils"], drawn["distance_m"], strict=True)
        ],
        searchable=False,
    )
    width = 1 + 7 * np.sqrt(drawn["pupils"].to_numpy(float) / max(journeys["pupils"].max(), 1))
    name = f"Journeys to them, {year}"
    return Layer("journeys", name, shapes, [JOURNEY], np.zeros(len(drawn), int), shown=False, line_px=width)


def _catchments(journeys: gpd.GeoDataFrame, chosen: gpd.GeoDataFrame, year: str) -> list[Layer]:
    """For each new or larger school the area round the homes nearest to it that hold most of its pupils."""
    keys = keys_of(journeys["facility"])
    wanted = chosen[chosen["action"].isin(("new school", "expand"))]
    names, outlines, pupils = [], [], []
    for key, name in zip(wanted["key"], wanted["name"], strict=True):
        own = journeys[keys == key].sort_values("distance_m")
        if own.empty:
            continue
        held = own["pupils"].cumsum() - own["pupils"] < CATCHMENT_SHARE * own["pupils"].sum()
        homes = shapely.get_point(own.geometry[held].to_numpy(), 0)
        hull = shapely.concave_hull(shapely.multipoints(homes), ratio=0.5)
        names.append(str(name))
        outlines.append(shapely.buffer(hull, MARGIN_M))
        pupils.append(float(own["pupils"].sum()))
    if not names:
        return []
    shapes = Shapes(
        key="catchments",
        geometry=gpd.GeoSeries(outlines, crs=journeys.crs),
        titles=[f"Homes of most pupils of {name}" for name in names],
        fields=[
            {
                "Pupils at the school": whole(count),
                "Within": f"{CATCHMENT_SHARE:.0%} of them, the nearest",
                "Year": year,
            }
            for count in pupils
        ],
        searchable=False,
    )
    name = f"Where their pupils would live, {year}"
    return [Layer("catchments", name, shapes, [CATCHMENT], np.zeros(len(names), int))]


def _decision_table(adding: pd.DataFrame, chosen: gpd.GeoDataFrame) -> str:
    names = chosen.drop_duplicates("key").set_index("key")["name"]
    rows = adding.sort_values(["academic_year", "key"])
    table = pd.DataFrame(
        {
            "School or site": rows["key"].map(names),
            "Action": rows["action"],
            "From": rows["academic_year"],
            "Places before": rows["places_before"].map(whole),
            "Places after": rows["places_after"].map(whole),
            "Capital": rows["capital_gbp"].map(pounds),
            "Decider": rows["decider"].map(text),
            "Reason": rows["reason"].map(text),
        }
    )
    return html_table(table, "What adds places", numbers=["Places before", "Places after", "Capital"])


def _path_table(paths: pd.DataFrame, chosen: gpd.GeoDataFrame) -> str:
    names = chosen.drop_duplicates("key").set_index("key")["name"]
    table = pd.DataFrame(
        {
            "School or site": paths["key"].map(names),
            "Year": paths["academic_year"],
            "Year groups": paths["groups"].map(text),
            "Forms of entry": paths["entry"].map(_forms),
            "Places today": paths["today"].map(whole),
            "Places planned": paths["plan"].map(whole),
            "More than today": paths["added"].map(signed),
        }
    )
    numbers = ["Forms of entry", "Places today", "Places planned", "More than today"]
    return html_table(table, "Places year by year", row_heads=2, numbers=numbers)


def _site_table(idle: gpd.GeoDataFrame) -> str:
    table = pd.DataFrame({"Site": idle["name"], "Identifier": idle["key"], "Proposal": "considered, not chosen"})
    return html_table(table, "Sites considered")
