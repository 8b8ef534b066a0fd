"""Which schools would belong together: hulls of clusters and trusts, and each member's drive to its lead."""

from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from maps.basemap import Basemap
from maps.geometry import separated
from maps.layers import Layer, Shapes, Style
from maps.page import PageNotes, map_page
from maps.palette import GREY, GROUPS, INK, PALE, WHITE
from maps.tables import html_table, text, whole

ROLES: Final = {
    "lead": Style("lead school", INK, line=WHITE, opacity=1, shape="star", size_px=26),
    "member": Style("member of a cluster", WHITE, line=INK, line_px=2, opacity=1, shape="circle", size_px=14),
    "alone": Style("in no cluster", PALE, line=GREY, line_px=1.5, opacity=1, shape="square", size_px=12),
}
DRIVE: Final = Style("drive from member to lead, minutes", INK, line=INK, line_px=2, opacity=0.8)
MARGIN_M: Final = 700.0
"""Of a hull round its schools, so that two schools make an area and not a line."""
NEAR_M: Final = 5_000.0


def clusters_map(
    schools: gpd.GeoDataFrame,
    clusters: pd.DataFrame,
    links: gpd.GeoDataFrame,
    notes: PageNotes,
    *,
    basemap: Basemap | None = None,
) -> str:
    """HTML of the clusters map. All geometry in EPSG:27700.

    ``schools``: urn, name, phase, pupils, geometry (points). ``clusters``: urn, cluster, trust, role ("lead",
    "member", "alone"), travel_min; a school without a row stands alone. ``links``: urn (of the member),
    travel_min, geometry (lines to the lead). ValueError on a role that is not known.
    """
    unknown = set(clusters["role"]) - set(ROLES)
    if unknown:
        raise ValueError(f"unknown role {', '.join(sorted(map(str, unknown)))}; known are {', '.join(ROLES)}")
    placed = schools.merge(clusters, on="urn", how="left", suffixes=("_school", ""))
    placed["role"] = placed["role"].fillna("alone")
    placed.loc[placed["role"] == "alone", "cluster"] = None
    placed = placed.set_geometry(separated(placed.geometry))
    layers = []
    if placed["cluster"].notna().any():
        layers.append(_hulls(placed, "cluster", "Clusters", shown=True))
    if len(placed["trust"].dropna().unique()) > 1:
        layers.append(_hulls(placed[placed["role"] != "alone"], "trust", "Trusts", shown=False))
    if len(links):
        layers.append(_drives(links, placed))
    layers.append(_schools(placed))
    return map_page(notes, layers, _table(placed), basemap=basemap)


def _hulls(placed: gpd.GeoDataFrame, group: str, name: str, shown: bool) -> Layer:
    """One polygon per cluster or trust; those near each other differ in colour where four colours suffice."""
    own = placed[placed[group].notna() & placed.geometry.notna()]
    groups = [(str(key), schools) for key, schools in own.groupby(group)]
    hulls = gpd.GeoSeries([schools.union_all().convex_hull.buffer(MARGIN_M) for _, schools in groups], crs=placed.crs)
    shapes = Shapes(
        key=f"{group}s",
        geometry=hulls,
        titles=[key for key, _ in groups],
        fields=[
            {
                "Schools": whole(len(schools)),
                "Pupils": whole(schools["pupils"].sum()),
                "Lead": ", ".join(schools.loc[schools["role"] == "lead", "name"].astype(str)) or "–",
                "Longest drive": f"{whole(schools['travel_min'].max())} min",
            }
            for _, schools in groups
        ],
    )
    label = f"one {group}; colours only tell neighbours apart"
    styles = [Style("" if i else label, colour, line=INK, line_px=1.2, opacity=0.35) for i, colour in enumerate(GROUPS)]
    return Layer(
        f"{group}s",
        name,
        shapes,
        styles,
        apart_colours(hulls, len(GROUPS)),
        shown=shown,
        labels=np.array([key for key, _ in groups]),
    )


def apart_colours(hulls: gpd.GeoSeries, colours: int) -> npt.NDArray[np.int_]:
    """A colour for each polygon, in turn the one used least by the polygons near it so far."""
    polygons = hulls.to_numpy()
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=NEAR_M)
    chosen = np.zeros(len(hulls), int)
    for hull in range(len(hulls)):
        met = second[(first == hull) & (second < hull)]
        chosen[hull] = np.bincount(chosen[met], minlength=colours).argmin()
    return chosen


def _drives(links: gpd.GeoDataFrame, placed: gpd.GeoDataFrame) -> Layer:
    names = placed.set_index("urn")["name"]
    shapes = Shapes(
        key="drives",
        geometry=links.geometry,
        titles=[f"{names.get(urn, urn)} to its lead school" for urn in links["urn"]],
        fields=[{"Drive": f"{minutes:.0f} min"} for minutes in links["travel_min"]],
        searchable=False,
    )
    minutes = np.array([f"{minutes:.0f} min" for minutes in links["travel_min"]])
    return Layer("drives", "Drives to the lead school", shapes, [DRIVE], np.zeros(len(links), int), labels=minutes)


def _schools(placed: gpd.GeoDataFrame) -> Layer:
    columns = ["urn", "phase", "pupils", "role", "cluster", "trust", "travel_min"]
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
            }
            for urn, phase, pupils, role, cluster, trust, minutes in placed[columns].itertuples(index=False)
        ],
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
            "Role": order["role"],
            "Pupils": order["pupils"].map(whole),
            "Drive to lead (min)": order["travel_min"].map(whole),
        }
    )
    return html_table(table, "Schools by cluster and trust", numbers=["Pupils", "Drive to lead (min)"])
