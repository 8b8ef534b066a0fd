"""Any two bids for a site next to each other: who would come, from where, and what other schools lose or gain."""

from dataclasses import replace

import geopandas as gpd
import pandas as pd

from maps.areas import area_layers
from maps.basemap import Basemap
from maps.bid_layers import journey_layer, neighbour_layers, site_layer
from maps.bid_tables import BASES, NO_SCHOOL, BidTables, kilometres
from maps.compare import Side, compare_page
from maps.geometry import separated
from maps.layers import Layer
from maps.page import PageNotes
from maps.schools import schools_layer
from maps.tables import html_table, signed, text, whole


def bids_map(
    site: gpd.GeoDataFrame,
    tables: BidTables,
    homes: gpd.GeoDataFrame,
    schools: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of two linked maps of the bids for one site. All geometry in EPSG:27700.

    ``site``: one row: name, geometry (point). ``homes``: demand_point, name, geometry (points). ``schools``: urn, name,
    phase, places, pupils, religious_character, geometry (points). ``areas``: planning_area, phase, name, geometry
    (polygons). The bids stand in the order of ``tables.bids``, after the site without a school; shown first are the
    first two bids, or the only one beside the site without. ValueError if there is no bid.
    """
    if tables.bids.empty:
        raise ValueError("no bid is in place: nothing to compare")
    codes = [NO_SCHOOL, *tables.bids["bid"]]
    names = ["No school on the site", *(tables.bids["bid"] + " " + tables.bids["proposer"])]
    by_point = tables.pupils.groupby(["bid", "basis", "academic_year", "demand_point"])["pupils"].sum()
    most = max([1.0, *by_point])
    sides = []
    for code, name in zip(codes, names, strict=True):
        own = tables.of(code)
        layers = [
            *(journey_layer(site, homes, own, basis, most) for basis in reversed(BASES)),
            *neighbour_layers(schools, own, tables.neighbours),
            site_layer(site, own),
        ]
        sides.append(Side(code, name, layers, _facts(own)))
    left, right = codes[1:3] if len(codes) > 2 else codes
    years = tables.years()
    return compare_page(
        notes,
        sides,
        [*area_layers(areas), _unchanged(schools, tables.neighbours)],
        _fit_table(tables) + _neighbour_table(tables),
        years=years,
        first_year=len(years) - 1,
        left=left,
        right=right,
        focus=[layer for side in sides for layer in side.layers if layer.key.startswith("journeys")],
        basemap=basemap,
    )


def _unchanged(schools: gpd.GeoDataFrame, neighbours: pd.DataFrame) -> Layer:
    """The other schools, which no bid changes."""
    apart = schools.set_geometry(separated(schools.geometry))
    rest = apart[~schools["urn"].astype(str).isin(neighbours["facility"])]
    return replace(schools_layer(rest), name="Schools that no bid changes")


def _facts(own: BidTables) -> list[dict[str, str]]:
    """The list below a map: a mapping of label and value for each plan year."""
    pupils, metres = own.pupils_by_year(["basis"]), own.mean_metres(["basis", "academic_year"])
    facts = []
    for year in own.years():
        told = {}
        if len(own.bids):
            bid = own.bids.iloc[0]
            told["Offers"] = f"{whole(bid['places'])} places from {text(bid['opens'])}"
        told |= _short(own, year)
        if len(own.bids):
            for basis, words in BASES.items():
                count = pupils[year].get(basis, 0.0)
                told[f"Pupils {words}"] = whole(count) + (_travel(metres, basis, year) if count else "")
            told |= {f"Other schools {words}": _effect(own.neighbours, basis, year) for basis, words in BASES.items()}
        facts.append(told)
    return facts


def _short(own: BidTables, year: str) -> dict[str, str]:
    """What is short in the site's planning areas, by phase: without a school there and, of a bid, with it."""
    told = {}
    for (area, phase), rows in own.deficits[own.deficits["academic_year"] == year].groupby(["planning_area", "phase"]):
        told[f"Short in {area}, {phase}"] = "; ".join(
            f"{row.kind} {whole(row.deficit_before)}"
            + (f", with it {whole(row.deficit_after)}" if len(own.bids) else "")
            for row in rows.itertuples()
        )
    return told


def _travel(metres: pd.DataFrame, basis: str, year: str) -> str:
    new, today = metres.reindex([(basis, year)]).iloc[0]
    return f"; on average {kilometres(new)}, to today's schools {kilometres(today)}"


def _effect(neighbours: pd.DataFrame, basis: str, year: str) -> str:
    """What other schools lose and gain in all, and which loses most."""
    rows = neighbours[neighbours["academic_year"] == year].set_index("name")[f"change_{basis}"]
    lost, gained = rows[rows < 0].sum(), rows[rows > 0].sum()
    said = f"{signed(lost)} in all" + (f" and {signed(gained)}" if gained >= 0.5 else "")
    return said + (f"; most at {rows.idxmin()} ({signed(rows.min())})" if rows.min() <= -0.5 else "")


def _fit_table(tables: BidTables) -> str:
    """A row for each side and plan year."""
    rows = []
    for code in [NO_SCHOOL, *tables.bids["bid"]]:
        own = tables.of(code)
        pupils = own.pupils_by_year(["basis"]).reindex(list(BASES), fill_value=0.0)
        for year in own.years():
            row = {"Bid": code or "none", "Year": year}
            for short in own.deficits[own.deficits["academic_year"] == year].itertuples():
                row[f"Short in {short.planning_area}, {short.phase}, {short.kind}"] = whole(short.deficit_after)
            rows.append(row | {f"Pupils {words}": whole(pupils.loc[basis, year]) for basis, words in BASES.items()})
    table = pd.DataFrame(rows)
    caption = "Places short in the planning area of the site, and pupils at the new school"
    return html_table(table, caption, row_heads=2, numbers=table.columns[2:])


def _neighbour_table(tables: BidTables) -> str:
    """A row for each school that any bid changes, and plan year."""
    bids = {bid: tables.of(bid).neighbours for bid in tables.bids["bid"]}
    table = pd.DataFrame(next(iter(bids.values()))[["name", "academic_year", "places", "roll_without"]])
    for column in ("places", "roll_without"):
        table[column] = table[column].map(whole)
    table.columns = pd.Index(["School", "Year", "Places", "Roll without"])
    for bid, rows in bids.items():
        both = zip(rows["change_chosen"], rows["change_planned"], strict=True)
        table[f"Bid {bid}"] = [f"{signed(chosen)} ({signed(planned)})" for chosen, planned in both]
    table = table.sort_values(["School", "Year"], kind="stable")
    caption = "Other schools: pupils more or fewer as parents would choose (as planned)"
    return html_table(table, caption, row_heads=2, numbers=table.columns[2:])
