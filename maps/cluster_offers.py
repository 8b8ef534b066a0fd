"""What a cluster would have offered each school that closes under the estate plan."""

from collections.abc import Hashable
from typing import Any

import geopandas as gpd
import pandas as pd

from maps.tables import html_table, pounds, text


def offers(instead: pd.DataFrame | None) -> dict[Hashable, dict[str, str]]:
    """Fields of a popup by urn.

    ``instead``: urn, cluster and trust that the school could have joined, extra_gbp (a year, against kept and alone),
    leadership_saved_gbp (a year), why (no cluster could have it, where none could); None where that was not asked.
    """
    return {} if instead is None else {row.urn: _offer(row) for row in instead.itertuples()}


def offers_table(schools: gpd.GeoDataFrame, instead: pd.DataFrame | None) -> str:
    """One row a closing school, named as in ``schools``; nothing where there is none."""
    if instead is None or instead.empty:
        return ""
    names = schools.drop_duplicates("urn").set_index("urn")["name"]
    rows = [{"Closing school": text(names.get(urn)), **told} for urn, told in offers(instead).items()]
    return html_table(pd.DataFrame(rows).fillna("–"), "Closing schools: what a cluster would have offered")


def _offer(row: Any) -> dict[str, str]:
    if text(row.cluster) == "–":
        return {"If kept open": f"no cluster could have it: {text(row.why)}"}
    more = "more" if row.extra_gbp > 0 else "less"
    heads = "less" if row.leadership_saved_gbp > 0 else "more"
    return {
        "If kept open": f"it could stand in the cluster of {row.cluster}",
        "In the trust": text(row.trust),
        "At the study's prices": f"{pounds(abs(row.extra_gbp))} a year {more} than kept and alone",
        "For heads": f"{pounds(abs(row.leadership_saved_gbp))} a year {heads}",
    }
