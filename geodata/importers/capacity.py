"""Capacity and planning areas by school, joined by LAESTAB: a school keeps it when it becomes an academy."""

from __future__ import annotations

import re

import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.recognise import NET_CAPACITY
from geodata.importers.sources import Source, codes, numbers
from geodata.years import academic_year

FACTS = ("capacity", "capacity_year", "area_primary", "area_secondary")


def read_capacity(source: Source, authority: Authority) -> pd.DataFrame | None:
    """Indexed by LAESTAB: net capacity in places, its academic year, planning areas. None where the file has none.

    The survey counts capacity on 1 May: `net_capacity_2015` belongs to the academic year 2014/15.
    """
    column = max(source.matching(NET_CAPACITY), default=None)
    if column is None or "laestab" not in source.columns:
        return None
    areas = ["primaryplanningarea", "secondaryplanningarea"]
    frame = source.read(["laestab", column, *areas], where=("laname", {authority.plain}))
    found = pd.DataFrame({"laestab": codes(frame["laestab"]), "capacity": numbers(frame[column])})
    survey = re.sub(r"\D", "", column)
    found["capacity_year"] = (
        found["capacity"].map(lambda _: academic_year(int(survey) - 1), na_action="ignore").astype(object)
    )
    for name, area in zip(("area_primary", "area_secondary"), areas, strict=True):
        found[name] = codes(frame[area]) if area in frame else None
    return found.dropna(subset=["laestab"]).drop_duplicates("laestab").set_index("laestab")
