"""Nodes of demand: demand point × age band × today's school, and what becomes of them over the years.

Base-year nodes reproduce the roll of every school. Later every school has the roll that is forecast for it
(models.school_forecast), shared over its nodes as the forecasts of their localities say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.bands import Band
from models.gravity import journeys, prune

Array = NDArray[np.float64]
OUTSIDE = "outside"
NODE_COLUMNS = ["demand_point", "locality", "band", "urn", "pupils", "distance_m"]


@dataclass(frozen=True)
class Places:
    """Who lives where and who is taught where in the base year.

    Attributes
    ----------
    points : demand points with columns demand_point, locality, weight_primary, weight_secondary (I rows).
    urns : schools that are planned (J,).
    year_groups : year groups R–Y11 of each school.
    distance_m : road distance (I, J); inf where there is no way.
    pupils : locality × year group pupils of the base year, columns R … Y11.
    rolls : urn × year group pupils on roll in the base year, columns R … Y11.
    flows : counted pupils (locality, urn as text, year_group or phase, pupils), or None.

    """

    points: pd.DataFrame
    urns: Sequence[int]
    year_groups: Mapping[int, tuple[str, ...]]
    distance_m: Array
    pupils: pd.DataFrame
    rolls: pd.DataFrame
    flows: pd.DataFrame | None = None


def base_nodes(places: Places, bands: Sequence[Band], policy: Policy) -> tuple[pd.DataFrame, list[str]]:
    """Nodes of the base year: node, demand_point, locality, band, urn, pupils, distance_m; and notes.

    Pupils taught in the study who live outside it stand at demand point "outside" with distance 0: how far they come
    is not known. The origins of a band are scaled to its rolls, since some pupils are in special schools or educated
    elsewhere; a large difference is noted.
    """
    frames, notes = [], []
    for band in bands:
        nodes, note = _band_nodes(places, band, policy)
        frames.append(nodes)
        notes += note
    nodes = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    nodes.insert(0, "node", np.arange(len(nodes)))
    return nodes, notes


def _band_nodes(places: Places, band: Band, policy: Policy) -> tuple[pd.DataFrame, list[str]]:
    groups = list(band.year_groups)
    serves = np.array([set(groups) <= set(places.year_groups[urn]) for urn in places.urns], dtype=bool)
    if not serves.any():
        return pd.DataFrame(columns=NODE_COLUMNS), [f"{band.name}: no school of the study teaches it."]
    urns = np.array(places.urns)[serves]
    rolls = places.rolls.reindex(index=urns, columns=groups).fillna(0.0).sum(axis=1).to_numpy(dtype=float)
    living = places.points["locality"].map(places.pupils[groups].sum(axis=1)).fillna(0.0).to_numpy(dtype=float)
    weight = places.points[f"weight_{band.phase}"].to_numpy(dtype=float)
    origins = living * weight / places.points.groupby("locality")[f"weight_{band.phase}"].transform("sum").to_numpy()
    known, outside = _counted(places, band, urns)
    inside = rolls - outside
    notes = []
    if origins.sum() > 0:
        share = inside.sum() / origins.sum()
        if abs(share - 1) > 0.05:
            notes.append(
                f"{band.name}: {inside.sum():,.0f} pupils on roll from inside the study against "
                f"{origins.sum():,.0f} in its localities; localities are scaled by {share:.2f}."
            )
        origins = origins * share
    distance_km = places.distance_m[:, serves] / 1000
    decay = policy.by_phase("gravity_decay_{phase}_per_km", band.phase)
    flows = journeys(distance_km, origins, inside, decay, known)
    flows = prune(flows, origins, inside, policy.number("node_min_pupils"))
    at, school = np.nonzero(flows)
    nodes = pd.DataFrame(
        {
            "demand_point": places.points["demand_point"].to_numpy()[at],
            "locality": places.points["locality"].to_numpy()[at],
            "band": band.name,
            "urn": urns[school],
            "pupils": flows[at, school],
            "distance_m": places.distance_m[:, serves][at, school],
        }
    )
    from_outside = np.flatnonzero(outside > 0)
    if len(from_outside):
        nodes = pd.concat(
            [
                nodes,
                pd.DataFrame(
                    {
                        "demand_point": OUTSIDE,
                        "locality": OUTSIDE,
                        "band": band.name,
                        "urn": urns[from_outside],
                        "pupils": outside[from_outside],
                        "distance_m": 0.0,
                    }
                ),
            ],
            ignore_index=True,
        )
    return nodes, notes


def _counted(places: Places, band: Band, urns: NDArray[np.int64]) -> tuple[Array | None, Array]:
    """Counted pupils of the band on each pair (I, J), None where there are none; and pupils from outside (J,)."""
    outside = np.zeros(len(urns))
    if places.flows is None:
        return None, outside
    flows = places.flows
    flows = flows[flows["urn"].isin([str(urn) for urn in urns])]
    by_year_group = flows[flows["year_group"].isin(band.year_groups)]
    by_phase = flows[flows["phase"].eq(band.phase)]
    # A school counted both ways is counted once, by its year groups.
    flows = pd.concat([by_year_group, by_phase[~by_phase["urn"].isin(by_year_group["urn"])]])
    if flows.empty:
        return None, outside
    by_pair = flows.pivot_table(index="locality", columns="urn", values="pupils", aggfunc="sum", fill_value=0.0)
    by_pair = by_pair.reindex(columns=[str(urn) for urn in urns], fill_value=0.0)
    away = by_pair.index.str.startswith(f"{OUTSIDE}:")
    # Counts by phase cover bands that a school divides: shares of the roll stand for them.
    groups = list(band.year_groups)
    rolls = places.rolls.reindex(index=urns, columns=groups).fillna(0.0).sum(axis=1).to_numpy(dtype=float)
    total = by_pair.sum(axis=0).to_numpy(dtype=float)
    scale = np.divide(rolls, total, out=np.zeros_like(rolls), where=total > 0)
    outside = by_pair[away].sum(axis=0).to_numpy(dtype=float) * scale
    weight = places.points[f"weight_{band.phase}"]
    share = (weight / weight.groupby(places.points["locality"]).transform("sum")).to_numpy(dtype=float)
    inside = by_pair[~away].reindex(places.points["locality"]).fillna(0.0).to_numpy(dtype=float) * scale
    return inside * share[:, None], np.minimum(outside, rolls)


@dataclass(frozen=True)
class NodeForecast:
    """Pupils of each node over the years: `pupils` (T, 12, N) by year group R … Y11; zero outside its band."""

    nodes: pd.DataFrame
    years: tuple[str, ...]
    pupils: Array


def with_newcomers(nodes: pd.DataFrame, rolls: pd.DataFrame, bands: Sequence[Band]) -> pd.DataFrame:
    """The nodes with one more where a school is to have pupils in a band and has none: outside, empty in the base year.

    `rolls` has urn, year_group, pupils of any years.
    """
    band_of = {group: band.name for band in bands for group in band.year_groups}
    wanted = rolls.loc[rolls["pupils"] > 0, ["urn", "year_group"]].drop_duplicates()
    wanted = wanted.assign(band=wanted["year_group"].map(band_of))[["urn", "band"]].drop_duplicates()
    found = wanted.merge(nodes[["urn", "band"]].drop_duplicates(), on=["urn", "band"], how="left", indicator=True)
    new = found.loc[found["_merge"] == "left_only", ["urn", "band"]]
    if new.empty:
        return nodes
    new = new.assign(demand_point=OUTSIDE, locality=OUTSIDE, pupils=0.0, distance_m=0.0)
    every = pd.concat([nodes, new[NODE_COLUMNS]], ignore_index=True)
    return every.assign(node=np.arange(len(every)))


def forecast_nodes(
    nodes: pd.DataFrame,
    bands: Sequence[Band],
    places: Places,
    forecast: pd.DataFrame,
    rolls: pd.DataFrame,
    years: Sequence[str],
) -> NodeForecast:
    """Pupils of each node over `years`: its school's roll, shared as the forecasts of its nodes' localities say.

    `forecast` has columns locality, academic_year, year_group, mean; `rolls` urn, academic_year, year_group, pupils
    with the base year as counted. A node weighs what its share of its locality in the base year makes of the
    locality's pupils of the year; nodes from outside follow the whole study. Where no node of a school weighs anything
    its pupils are shared evenly over its nodes of the band. Every pupil of a roll is at a node (see `with_newcomers`).
    """
    cube, localities = _forecast_cube(forecast, years, places.pupils)
    row = pd.Series(np.arange(len(localities)), index=localities)
    share = _shares(nodes, bands, places.pupils)
    at = nodes["locality"].map(row).to_numpy(dtype=float)
    whole = cube.sum(axis=0, keepdims=True)
    stacked = np.concatenate([cube, whole])  # the last row is the whole study, for pupils from outside
    at = np.where(np.isnan(at), len(localities), at).astype(int)
    in_band = _band_mask(nodes, bands)
    weight = stacked[at].transpose(1, 2, 0) * share * in_band.T
    urns, school = np.unique(nodes["urn"].to_numpy(), return_inverse=True)
    members = csr_matrix((np.ones(len(school)), (school, np.arange(len(school)))), shape=(len(urns), len(school)))

    def at_schools(values: Array) -> Array:
        summed = members @ values.reshape(-1, len(school)).T
        return np.asarray(summed).T.reshape(*values.shape[:2], len(urns))

    weighed = at_schools(weight)[:, :, school]
    weight = np.where(weighed > 0, weight, np.broadcast_to(in_band.T, weight.shape))
    total = at_schools(weight)[:, :, school]
    wanted = _roll_cube(rolls, urns, years)[:, :, school]
    pupils = np.divide(weight * wanted, total, out=np.zeros_like(weight), where=total > 0)
    return NodeForecast(nodes, tuple(years), pupils)


def _roll_cube(rolls: pd.DataFrame, urns: NDArray[np.int64], years: Sequence[str]) -> Array:
    """Rolls as (year, year group R … Y11, school)."""
    cell = (
        pd.Index(years).get_indexer(rolls["academic_year"]),
        pd.Index(COMPULSORY).get_indexer(rolls["year_group"]),
        pd.Index(urns).get_indexer(rolls["urn"]),
    )
    kept = np.minimum.reduce(cell) >= 0
    cube = np.zeros((len(years), len(COMPULSORY), len(urns)))
    np.add.at(cube, tuple(axis[kept] for axis in cell), rolls["pupils"].to_numpy(dtype=float)[kept])
    return cube


def _forecast_cube(forecast: pd.DataFrame, years: Sequence[str], pupils: pd.DataFrame) -> tuple[Array, list[str]]:
    """Forecast means as (locality, year, year group R … Y11)."""
    localities = list(pupils.index)
    wide = forecast[forecast["year_group"].isin(COMPULSORY)].pivot_table(
        index=["locality", "academic_year"], columns="year_group", values="mean", aggfunc="sum"
    )
    index = pd.MultiIndex.from_product([localities, years])
    cube = wide.reindex(index=index, columns=list(COMPULSORY)).fillna(0.0).to_numpy(dtype=float)
    return cube.reshape(len(localities), len(years), len(COMPULSORY)), localities


def _shares(nodes: pd.DataFrame, bands: Sequence[Band], pupils: pd.DataFrame) -> Array:
    """Each node's share of its locality's pupils of its band in the base year (of the study's, from outside)."""
    share = np.zeros(len(nodes))
    for band in bands:
        living = pupils[list(band.year_groups)].sum(axis=1)
        mine = (nodes["band"] == band.name).to_numpy()
        base = nodes.loc[mine, "locality"].map(living).fillna(living.sum()).to_numpy(dtype=float)
        share[mine] = np.divide(
            nodes.loc[mine, "pupils"].to_numpy(dtype=float), base, out=np.zeros(int(mine.sum())), where=base > 0
        )
    return share


def _band_mask(nodes: pd.DataFrame, bands: Sequence[Band]) -> Array:
    """(N, 12): 1 where the year group belongs to the node's band."""
    masks = {band.name: np.isin(COMPULSORY, band.year_groups).astype(float) for band in bands}
    return np.array([masks[name] for name in nodes["band"]]).reshape(len(nodes), len(COMPULSORY))
