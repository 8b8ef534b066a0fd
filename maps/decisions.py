"""Decisions of a plan as maps show them: a sign for each action, and what is said of each school and site."""

from typing import Final

import geopandas as gpd
import pandas as pd

from maps.layers import Style
from maps.palette import ADDS, ADDS_LIGHT, GREY, INK, JOINS, TAKES, TAKES_LIGHT, WHITE
from maps.tables import pounds, text, whole

ACTIONS: Final = {
    "stay": Style("stays as it is", WHITE, line=GREY, line_px=2, opacity=1, shape="circle", size_px=12),
    "lift PAN": Style("admission number lifted", ADDS_LIGHT, line=INK, opacity=1, shape="diamond", size_px=18),
    "bulge class": Style("bulge class", ADDS_LIGHT, line=INK, opacity=1, shape="square", size_px=18),
    "expand": Style("expands", ADDS_LIGHT, line=INK, opacity=1, shape="triangle", size_px=20),
    "SEND unit": Style("SEND unit", ADDS_LIGHT, line=INK, opacity=1, shape="plus", size_px=20),
    "new school": Style("new school", ADDS, line=INK, opacity=1, shape="star", size_px=24),
    "cut PAN": Style("admission number cut", TAKES_LIGHT, line=INK, opacity=1, shape="triangle-down", size_px=20),
    "cap forms": Style("capped to fewer forms", TAKES_LIGHT, line=INK, opacity=1, shape="bar", size_px=20),
    "mothball": Style("part of the site mothballed", TAKES_LIGHT, line=INK, opacity=1, shape="half-square", size_px=18),
    "share space": Style("space let to early years", TAKES_LIGHT, line=INK, opacity=1, shape="half-circle", size_px=20),
    "federate": Style("shares one head with another", JOINS, line=INK, opacity=1, shape="hexagon", size_px=18),
    "amalgamate: both sites": Style(
        "amalgamated: both sites", JOINS, line=INK, opacity=1, shape="pentagon", size_px=20
    ),
    "amalgamate: second site": Style(
        "amalgamated: second site", JOINS, line=INK, opacity=1, shape="shield", size_px=20
    ),
    "amalgamate: takes in": Style("amalgamated: takes in", JOINS, line=INK, opacity=1, shape="arrow", size_px=20),
    "amalgamate: closes": Style("amalgamated: closes", TAKES, line=INK, opacity=1, shape="hourglass", size_px=20),
    "close": Style("closes", TAKES, line=INK, opacity=1, shape="cross", size_px=20),
}
"""Least drastic first within each colour; of several decisions for one facility the later in this list is
drawn. Each has a shape of its own, for readers in black and white and those who do not tell the colours apart."""
NOT_CHOSEN: Final = Style(
    "candidate site, not chosen", WHITE, line=INK, opacity=0, shape="star", size_px=20, line_px=1.5
)


def facilities_of(
    schools: gpd.GeoDataFrame, decisions: pd.DataFrame, sites: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """Schools, then sites, then whatever decisions name besides: key, name, phase, candidate, action,
    geometry. ValueError on an action that is not known.
    """
    unknown = set(decisions["action"]) - set(ACTIONS)
    if unknown:
        raise ValueError(f"unknown action {', '.join(sorted(map(str, unknown)))}; known are {', '.join(ACTIONS)}")
    frames = [schools.assign(key=keys_of(schools["urn"]), candidate=False)]
    if sites is not None:
        frames.append(sites.assign(key=keys_of(sites["site"]), candidate=True))
    columns = ["key", "name", "phase", "candidate", "geometry"]
    known = pd.concat([frame.reindex(columns=columns) for frame in frames], ignore_index=True)
    decided = with_keys(decisions)
    rest = decided.loc[~decided["key"].isin(known["key"]), ["key"]].drop_duplicates()
    rest = rest.assign(name=rest["key"], candidate=False)
    found = pd.concat([known, rest], ignore_index=True) if len(rest) else known
    found["action"] = found["key"].map(drastic_actions(decided)).astype(object)
    found.loc[found["candidate"] & (found["action"] == "stay"), "action"] = None
    return gpd.GeoDataFrame(found, geometry="geometry", crs=schools.crs)


def drastic_actions(decided: pd.DataFrame) -> pd.Series:
    """The most drastic action of each key of decisions with keys."""
    rank = decided["action"].map(list(ACTIONS).index)
    drastic = decided.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("key", keep="last")
    return drastic.set_index("key")["action"]


def with_keys(decisions: pd.DataFrame) -> pd.DataFrame:
    """Decisions with ``key``: the urn, else the site, else the facility, as text."""
    keys = [keys_of(decisions[column]) for column in ("urn", "site", "facility") if column in decisions]
    return decisions.assign(key=pd.concat(keys, axis=1).bfill(axis=1).iloc[:, 0])


def keys_of(values: pd.Series) -> pd.Series:
    """Identifiers as text, whether they came as 101, 101.0 or "101"; None where there is none."""
    return values.map(lambda value: None if pd.isna(value) else str(value).removesuffix(".0")).astype(object)


def decision_fields(decisions: pd.DataFrame | None) -> dict[str, str]:
    """What is proposed for one facility; several decisions are numbered."""
    if decisions is None:
        return {"Proposal": "none: stays as it is"}
    fields: dict[str, str] = {}
    for number, row in enumerate(decisions.sort_values("academic_year").itertuples(), start=1):
        many = f" {number}" if len(decisions) > 1 else ""
        fields |= {
            f"Proposal{many}": f"{row.action}, {text(row.academic_year)}",
            **({f"Begin by{many}": text(row.start_by)} if getattr(row, "start_by", "") else {}),
            f"Places{many}": f"{whole(row.places_before)} before, {whole(row.places_after)} after",
            f"Cost{many}": pounds(row.cost_gbp),
            f"Proposer{many}": text(row.proposer),
            f"Decider{many}": text(row.decider),
            f"Reason{many}": text(row.reason),
        }
    return fields
