"""What the map of a bid draws: journeys to its school, other schools by what they lose or gain, and the site."""

import geopandas as gpd
import numpy as np
import pandas as pd

from maps.bid_tables import BASES, BidTables, kilometres
from maps.classes import change_labels, classed, symmetric_breaks
from maps.geometry import separated, straight_lines
from maps.layers import Layer, Shapes, Style
from maps.palette import ADDS, CHANGE, GROUPS, INK, PALE, WHITE
from maps.tables import signed, text, whole
from maps.travel_words import few

SITE = (
    Style("the site, no school yet", WHITE, line=INK, opacity=0.6, shape="star", size_px=24, line_px=2),
    Style("the new school", ADDS, line=WHITE, opacity=1, shape="star", size_px=32, line_px=1.5),
)
JOURNEY_COLOUR = {"chosen": GROUPS[1], "planned": GROUPS[3]}
SIGNS = tuple(zip((*CHANGE[:2], PALE, *CHANGE[3:]), (24, 20, 16, 20, 24), strict=True))
"""Colour and size of the five classes of change; where little changes grey, as white is a school on its own."""
MOST_LINES = 300
"""Journeys drawn of one bid and basis, those with most pupils in any year: a page must stay small enough to mail."""


def site_layer(site: gpd.GeoDataFrame, own: BidTables) -> Layer:
    """The site, with a school on it from the year in which the bid opens."""
    fields, rows, opened = {"Site": text(site["name"].iloc[0])}, [], np.zeros(len(own.years()), int)
    if len(own.bids):
        bid, pupils = own.bids.iloc[0], own.pupils_by_year(["basis"]).reindex(list(BASES), fill_value=0.0)
        fields |= {
            "Bid": f"{bid['bid']} {bid['proposer']}",
            "Opens": text(bid["opens"]),
            "Places": whole(bid["places"]),
        }
        rows = [[year, *(whole(count) for count in pupils[year])] for year in own.years()]
        opened = np.array([int(year >= bid["opens"]) for year in own.years()])
    shapes = Shapes(
        key="sites",
        geometry=site.geometry,
        titles=[str(site["name"].iloc[0])],
        fields=[fields],
        head=["Year", *(f"Pupils {words}" for words in BASES.values())],
        rows=[rows],
    )
    return Layer("site", "The site", shapes, SITE, opened[:, None])


def journey_layer(site: gpd.GeoDataFrame, homes: gpd.GeoDataFrame, own: BidTables, basis: str, most: float) -> Layer:
    """A line from each home, 1 to 8 pixels wide, 8 for ``most`` pupils; none in years in which nobody comes."""
    own = own.based(basis)
    pupils = own.pupils_by_year(["demand_point"])
    every, pupils = pupils, pupils.loc[pupils.max(axis=1).sort_values(ascending=False, kind="stable").index]
    pupils = pupils.head(MOST_LINES)
    cut = ""
    if len(pupils) < len(every):
        cut = f"{own.bids['bid'].iloc[0]}: the largest {len(pupils):,} of {len(every):,}"
    count = pupils.to_numpy(float)
    far_m = own.mean_metres(["demand_point"]).reindex(pupils.index)
    place = homes.set_index("demand_point").reindex(pupils.index)
    shapes = Shapes(
        key=f"journeys {BASES[basis]}",
        geometry=straight_lines(place.geometry, site.geometry.iloc[np.zeros(len(place), int)]),
        titles=[f"{text(name)} to the new school" for name in place["name"]],
        fields=[
            {"Home": str(point), "To the new school": kilometres(new), "To today's schools": kilometres(today)}
            for point, (new, today) in zip(pupils.index, far_m.to_numpy(float), strict=True)
        ],
        head=["Year", "Pupils"],
        rows=[[[year, few(n, own.least)] for year, n in zip(own.years(), row, strict=True)] for row in count],
        searchable=False,
    )
    colour = JOURNEY_COLOUR[basis]
    return Layer(
        f"journeys-{basis}",
        f"Journeys {BASES[basis]}",
        shapes,
        [Style(f"journey to the new school {BASES[basis]}; wider: more pupils", colour, line=colour, opacity=0.7)],
        np.where(count.T > 0, 0, -1),
        legend=cut,
        shown=basis == "chosen",
        line_px=1 + 7 * np.sqrt(count.T / most),
    )


def neighbour_layers(schools: gpd.GeoDataFrame, own: BidTables, every: pd.DataFrame) -> list[Layer]:
    """Schools that any bid changes, by the change of their roll under one: a layer for each basis.

    ``every`` is the neighbours of all bids, so that one colour is one change on every side and in every year.
    """
    known = schools.assign(at=separated(schools.geometry)).set_index(schools["urn"].astype(str))
    names = own.neighbours.drop_duplicates("facility").set_index("facility")["name"]
    known = known.reindex(names.index)
    columns = ["places", "roll_without", *(f"change_{basis}" for basis in BASES)]
    wanted = pd.MultiIndex.from_product([own.years(), names.index])
    by_school = own.neighbours.set_index(["academic_year", "facility"])[columns].reindex(wanted)
    figures = by_school.to_numpy(float).reshape(len(own.years()), len(names), len(columns))
    shapes = Shapes(
        key="schools that change",
        geometry=gpd.GeoSeries(known["at"], crs=schools.crs),
        titles=names.astype(str).tolist(),
        fields=[{"URN": str(key), "Phase": text(phase)} for key, phase in known["phase"].items()],
        head=["Year", "Places", "Roll without", *(f"Change {words}" for words in BASES.values())],
        rows=[
            [[year, *map(whole, row[:2]), *map(signed, row[2:])] for year, row in zip(own.years(), school, strict=True)]
            for school in figures.swapaxes(0, 1)
        ],
    )
    changes = every[columns[2:]].to_numpy(float)
    breaks = symmetric_breaks(changes[np.abs(changes) >= 0.5])
    styles = [
        Style(label, fill, line=INK, opacity=1, size_px=size_px)
        for label, (fill, size_px) in zip(change_labels(breaks), SIGNS, strict=True)
    ]
    return [
        Layer(
            f"neighbours-{basis}",
            f"Other schools {BASES[basis]}",
            shapes,
            styles,
            classed(change, breaks),
            legend="Pupils more or fewer than without a school on the site",
            view=True,
            shown=basis == "chosen",
            labels=np.array([[signed(n) if abs(n) >= breaks[2] else "" for n in row] for row in change]),
        )
        for basis, change in zip(BASES, np.moveaxis(figures[..., 2:], 2, 0), strict=True)
    ]
