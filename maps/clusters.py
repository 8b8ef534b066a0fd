"""Which schools would belong together: hulls of clusters and trusts, each member's drive to its lead, whose money
lasts, and which neighbours the rules keep apart.
"""

from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import shapely.affinity

from maps.basemap import Basemap
from maps.cluster_offers import offers, offers_table
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import GREY, GROUPS, INK, LINES, PALE, TAKES, WHITE
from maps.tables import html_table, pounds, text, whole

ROLES: Final = {
    "lead": Style("lead school", INK, line=WHITE, opacity=1, shape="star", size_px=26),
    "member": Style("member of a cluster", WHITE, line=INK, line_px=2, opacity=1, shape="circle", size_px=14),
    "alone": Style("considered, in no cluster", PALE, line=INK, line_px=1.5, opacity=1, shape="square", size_px=13),
    "closing": Style("closes under the estate plan", TAKES, line=INK, opacity=1, shape="cross", size_px=18),
    "other": Style("not a village school: not considered", PALE, line=GREY, opacity=0.6, shape="square", size_px=8),
}
DRIVE: Final = Style("drive from member to lead, minutes", INK, line=INK, line_px=2, opacity=0.8)
APART: Final = Style("near each other, but may not stand together", TAKES, line=TAKES, line_px=2.5, dash="2 6")
FAILING: Final = "a trust with a modelled deficit; its own accounts may differ"
MODELLED: Final = "Modelled money: no account of any school or trust."
COMMON: Final = (
    " Primary School",
    " Church of England",
    " Catholic",
    " C of E",
    " CofE",
    " Academies Trust",
    " Academy Trust",
    " Academy",
    " Schools Trust",
    " School",
)
MARGIN_M: Final = 700.0
"""Of a hull round its schools, so that two schools make an area and not a line."""
NEAR_M: Final = 5_000.0
MOST_APART: Final = 2
"""Pairs kept apart that are drawn of each school; the table has them all."""


def clusters_map(
    schools: gpd.GeoDataFrame,
    clusters: pd.DataFrame,
    links: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    trusts: pd.DataFrame | None = None,
    savings: pd.Series | None = None,
    apart: gpd.GeoDataFrame | None = None,
    instead: pd.DataFrame | None = None,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the clusters map. All geometry in EPSG:27700.

    ``schools``: urn, name, phase, pupils, trust (today's, where known), geometry (points). ``clusters``: urn,
    cluster, trust, role (a key of ROLES), travel_min; a school without a row was not considered and stays in its
    trust. ``links``: urn (of the member), travel_min, geometry (lines to the lead). ``trusts``: trust, hub (a
    school's name), viable, stops_in, balance_gbp, reserves_p10_gbp. ``savings``: GBP a year in leadership by cluster.
    ``apart``: name, other_name, drive_min, rules, geometry (lines). ``instead`` as for
    maps.cluster_offers. ValueError on a role that is not known.
    """
    unknown = set(clusters["role"]) - set(ROLES)
    if unknown:
        raise ValueError(f"unknown role {', '.join(sorted(map(str, unknown)))}; known are {', '.join(ROLES)}")
    placed = schools.merge(clusters, on="urn", how="left", suffixes=("_today", ""))
    considered = placed["role"].notna()
    placed["role"] = placed["role"].fillna("other")
    placed.loc[~placed["role"].isin(("lead", "member")), "cluster"] = None
    placed = placed.set_geometry(separated(placed.geometry))
    layers = []
    if "trust_today" not in placed:
        placed["trust_today"] = None
    placed["trust"] = placed["trust"].where(considered, placed["trust_today"])
    planned = placed["trust"].isin(placed.loc[considered, "trust"].dropna())
    if planned.any():
        layers.append(_trusts(placed[planned], trusts))
    if placed["cluster"].notna().any():
        layers.append(_clusters(placed, savings))
    if apart is not None and len(apart):
        layers.append(_apart(_nearest(apart)))
    if len(links):
        layers.append(_drives(links, placed))
    layers.append(_schools(placed, instead))
    return map_page(
        notes, layers, _table(placed) + offers_table(placed, instead) + _apart_table(apart), basemap=basemap
    )


def _groups(placed: gpd.GeoDataFrame, group: str) -> tuple[list[tuple[str, gpd.GeoDataFrame]], gpd.GeoSeries]:
    """Schools of each cluster or trust with a place on the map, and the hull round them."""
    own = placed[placed[group].notna() & placed.geometry.notna()]
    groups = [(str(key), schools) for key, schools in own.groupby(group)]
    hulls = [schools.union_all().convex_hull.buffer(MARGIN_M) for _, schools in groups]
    return groups, gpd.GeoSeries(hulls, crs=placed.crs)


def _clusters(placed: gpd.GeoDataFrame, savings: pd.Series | None) -> Layer:
    """One polygon per cluster; those near each other differ in colour where four colours suffice."""
    groups, hulls = _groups(placed, "cluster")
    saved = {key: "–" if savings is None else pounds(savings.get(key, np.nan)) for key, _ in groups}
    shapes = Shapes(
        key="clusters",
        geometry=hulls,
        titles=[key for key, _ in groups],
        fields=[
            {
                "Schools": whole(len(schools)),
                "Pupils": whole(schools["pupils"].sum()),
                "Lead": ", ".join(schools.loc[schools["role"] == "lead", "name"].astype(str)) or "–",
                "Longest drive": f"{whole(schools['travel_min'].max())} min",
                "Saved in leadership": f"{saved[key]} a year",
            }
            for key, schools in groups
        ],
        label_at=_at(hulls, [schools.loc[schools["role"] == "lead"].geometry for _, schools in groups]),
        hints=[
            f"{len(schools)} schools, longest drive {whole(schools['travel_min'].max())} min" for _, schools in groups
        ],
    )
    label = "one cluster; colours only tell neighbours apart"
    styles = [Style("" if i else label, colour, line=INK, line_px=1.2, opacity=0.4) for i, colour in enumerate(GROUPS)]
    names = np.array([_short(key) for key, _ in groups])
    return Layer("clusters", "Clusters", shapes, styles, apart_colours(hulls, len(GROUPS)), labels=names)


def _at(drawn: gpd.GeoSeries, schools: list[gpd.GeoSeries]) -> gpd.GeoSeries:
    """Where the label of each stands: at the school it is named after, without one in the middle."""
    middle = drawn.representative_point()
    points = [own.iloc[0] if len(own) else middle.iloc[row] for row, own in enumerate(schools)]
    return gpd.GeoSeries(points, crs=drawn.crs)


def _short(name: str) -> str:
    """A name without the words that those of most schools and trusts have."""
    for words in COMMON:
        name = name.replace(words, "")
    return name


def _brief(name: str) -> str:
    """A trust's name without common words, new trusts by their hub, for a label of one line."""
    return _short(name).replace("New trust around ", "New trust ").removesuffix(" Trust")


def _trusts(placed: gpd.GeoDataFrame, trusts: pd.DataFrame | None) -> Layer:
    """Lines from the hub of each trust to its schools, broken where its money does not last, with the verdict.

    Hulls of trusts lie over each other wherever two trusts run schools of one town.
    """
    groups, _ = _groups(placed, "trust")
    money = pd.DataFrame(columns=["viable"]) if trusts is None else trusts.set_index("trust")
    verdict = [_verdict(money.loc[key]) if key in money.index else "not known" for key, _ in groups]
    fails = np.array([key in money.index and not money.loc[key, "viable"] for key, _ in groups], dtype=bool)
    lasting = "a trust: its hub and schools; colours only tell trusts apart"
    styles = [
        Style(
            (FAILING if fails[i] else lasting) if i == fails.tolist().index(fails[i]) else "",
            LINES[i % len(LINES)],
            line=LINES[i % len(LINES)],
            line_px=3,
            opacity=1,
            dash="3 6" if fails[i] else "",
        )
        for i in range(len(groups))
    ]
    hubs = [str(money.loc[key, "hub"]) if key in money.index and "hub" in money else "" for key, _ in groups]
    of_hubs = list(zip(groups, hubs, strict=True))
    drawn = gpd.GeoSeries([_spokes(schools, hub) for (_, schools), hub in of_hubs], crs=placed.crs)
    shapes = Shapes(
        key="trusts",
        geometry=drawn,
        titles=[key for key, _ in groups],
        fields=[
            {
                "Schools": whole(len(schools)),
                "Pupils": whole(schools["pupils"].sum()),
                "Hub": hub or "–",
                "Money": said,
                **(_figures(money.loc[key]) if key in money.index else {}),
            }
            for (key, schools), said, hub in zip(groups, verdict, hubs, strict=True)
        ],
        label_at=_at(
            drawn, [schools.loc[schools["name"].astype(str) == hub].geometry for (_, schools), hub in of_hubs]
        ),
        hints=verdict,
    )
    labels = np.array([f"{_brief(key)}: {said}" for (key, _), said in zip(groups, verdict, strict=True)])
    return Layer(
        "trusts",
        "Trusts and their money",
        shapes,
        styles,
        np.arange(len(groups)),
        legend=MODELLED,
        shown=False,
        labels=labels,
    )


def _spokes(schools: gpd.GeoDataFrame, hub: str) -> shapely.Geometry:
    """Lines from the hub, or without one from the middle, to each school; a short one where it stands alone."""
    at = schools.geometry
    middle = at[schools["name"].astype(str) == hub]
    start = middle.iloc[0] if len(middle) else at.union_all().centroid
    ends = [point for point in at if point.distance(start) > 1]
    lines = [shapely.LineString([start, end]) for end in ends or [shapely.affinity.translate(start, MARGIN_M)]]
    return shapely.multilinestrings(lines)


def _verdict(row: pd.Series) -> str:
    """Of modelled budgets, which are no accounts of any school or trust."""
    if row["viable"]:
        return "lasts, as modelled"
    stops = row.get("stops_in")
    return "modelled deficit" + (f" from {stops}" if isinstance(stops, str) and stops else "")


def _figures(row: pd.Series) -> dict[str, str]:
    return {
        "Modelled balance in the last year, mean": f"{pounds(row['balance_gbp'])}",
        "Modelled reserves then, one outcome in ten is lower": pounds(row["reserves_p10_gbp"]),
    }


def apart_colours(hulls: gpd.GeoSeries, colours: int) -> npt.NDArray[np.int_]:
    """A colour for each polygon, in turn the one used least by the polygons near it so far."""
    polygons = hulls.to_numpy()
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=NEAR_M)
    chosen = np.zeros(len(hulls), int)
    for hull in range(len(hulls)):
        met = second[(first == hull) & (second < hull)]
        chosen[hull] = np.bincount(chosen[met], minlength=colours).argmin()
    return chosen


def _nearest(apart: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The pairs that are among the nearest few of either school: all of them would cover the map."""
    nearest = apart.sort_values("drive_min", kind="stable")
    rank = [nearest.groupby(side).cumcount() for side in ("name", "other_name")]
    return nearest[np.minimum(*rank) < MOST_APART]


def _apart(apart: gpd.GeoDataFrame) -> Layer:
    shapes = Shapes(
        key="pairs kept apart",
        geometry=apart.geometry,
        titles=[f"{one} and {other}" for one, other in zip(apart["name"], apart["other_name"], strict=True)],
        fields=[
            {"May not stand together": str(rules), "Drive between them": f"{minutes:.0f} min"}
            for rules, minutes in zip(apart["rules"], apart["drive_min"], strict=True)
        ],
        searchable=False,
        hints=apart["rules"].astype(str).tolist(),
    )
    name = f"Neighbours that may not stand together (the {MOST_APART} nearest of each)"
    return Layer("apart", name, shapes, [APART], np.zeros(len(apart), int), shown=False)


def _drives(links: gpd.GeoDataFrame, placed: gpd.GeoDataFrame) -> Layer:
    names = placed.set_index("urn")["name"]
    minutes = [f"{minutes:.0f} min" for minutes in links["travel_min"]]
    shapes = Shapes(
        key="drives",
        geometry=links.geometry,
        titles=[f"{names.get(urn, urn)} to its lead school" for urn in links["urn"]],
        fields=[{"Drive": drive} for drive in minutes],
        searchable=False,
        hints=minutes,
    )
    name = "Drives to the lead school"
    return Layer("drives", name, shapes, [DRIVE], np.zeros(len(links), int), labels=np.array(minutes))


def _schools(placed: gpd.GeoDataFrame, instead: pd.DataFrame | None) -> Layer:
    others = offers(instead)
    columns = ["urn", "phase", "pupils", "role", "cluster", "trust", "travel_min"]
    drives = placed["travel_min"].map(lambda minutes: "" if pd.isna(minutes) else f"{minutes:.0f} min to the lead")
    shapes = Shapes(
        key="schools",
        geometry=placed.geometry,
        titles=placed["name"].astype(str).tolist(),
        fields=[
            {
                "URN": text(urn),
                "Phase": text(phase),
                "Pupils": whole(pupils),
                "Role": ROLES[role].label,
                "Cluster": text(cluster),
                "Trust": text(trust),
                "Drive to lead": "–" if pd.isna(minutes) else f"{minutes:.0f} min",
                **others.get(urn, {}),
            }
            for urn, phase, pupils, role, cluster, trust, minutes in placed[columns].itertuples(index=False)
        ],
        hints=drives.where(placed["role"] == "member", "").tolist(),
    )
    role = placed["role"].map(list(ROLES).index).to_numpy(int)
    return Layer("schools", "Schools", shapes, list(ROLES.values()), role)


def _table(placed: gpd.GeoDataFrame) -> str:
    """One row per school, clusters together and the lead first."""
    order = placed.assign(rank=placed["role"].map(list(ROLES).index)).sort_values(["cluster", "rank", "name"])
    table = pd.DataFrame(
        {
            "School": order["name"],
            "URN": order["urn"].map(text),
            "Cluster": order["cluster"].map(text),
            "Trust": order["trust"].map(text),
            "Role": order["role"].map(lambda role: ROLES[role].label),
            "Pupils": order["pupils"].map(whole),
            "Drive to lead (min)": order["travel_min"].map(whole),
        }
    )
    return html_table(table, "Schools by cluster and trust", numbers=["Pupils", "Drive to lead (min)"])


def _apart_table(apart: gpd.GeoDataFrame | None) -> str:
    if apart is None or apart.empty:
        return ""
    table = pd.DataFrame(
        {
            "School": apart["name"],
            "and": apart["other_name"],
            "Drive (min)": apart["drive_min"].map(whole),
            "Kept apart by": apart["rules"],
        }
    )
    return html_table(table, "Neighbours that may not stand together", row_heads=2, numbers=["Drive (min)"])
