"""Coordinates of postcodes (Code-Point Open), for schools published without their own."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from geodata.importers.sources import Source, numbers, plain_texts


def read_postcodes(sources: Sequence[Source], wanted: pd.Series) -> pd.DataFrame:
    """Easting and northing, in metres, by plain postcode ("le156sh"), of the wanted ones only; the first file wins."""
    keys = set(plain_texts(wanted)) - {""}
    found = [pd.DataFrame(columns=["easting", "northing"], index=pd.Index([], name="postcode"), dtype=float)]
    for source in sources if keys else ():
        east, north = source.first("eastings?"), source.first("northings?")
        if east and north:
            frame = source.read(["postcode", east, north], where=("postcode", keys))
            index = pd.Index(plain_texts(frame["postcode"]), name="postcode")
            coordinates = {"easting": numbers(frame[east]).to_numpy(), "northing": numbers(frame[north]).to_numpy()}
            found.append(pd.DataFrame(coordinates, index=index))
    joined = pd.concat([part for part in found if len(part)] or found[:1])
    known = joined[joined["easting"].gt(0)]
    return known[~known.index.duplicated()]
