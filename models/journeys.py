"""Nodes of demand: demand point × age band × today's school, and what becomes of them over the years.

Base-year nodes reproduce the roll of every school. A node then follows the forecast of its locality; a cohort that is
larger or smaller at a school than its localities explain keeps that difference while it moves up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, start_year
from models.bands import Band
from models.gravity import journeys, prune

Array = NDArray[np.float64]
OUTSIDE = "outside"
NODE_COLUMNS = ["demand_point", "locality", "band", "urn", "pupils", "distance_m"]
COHORT_FACTOR = (0.25, 4.0)  # a cohort at a school is never taken to differ more than this from its localities


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

    def roll_forecast(self) -> pd.DataFrame:
        """Pupils by school: columns urn, academic_year, year_group, pupils."""
        urns, at = np.unique(self.nodes["urn"].to_numpy(), return_inverse=True)
        summed = np.zeros((len(urns), len(self.years), len(COMPULSORY)))
        np.add.at(summed, at, self.pupils.transpose(2, 0, 1))
        index = pd.MultiIndex.from_product([urns, self.years, COMPULSORY], names=["urn", "academic_year", "year_group"])
        table = pd.Series(summed.ravel(), index=index, name="pupils").reset_index()
        return table[table["pupils"] > 0].reset_index(drop=True)


def forecast_nodes(
    nodes: pd.DataFrame,
    bands: Sequence[Band],
    places: Places,
    forecast: pd.DataFrame,
    years: Sequence[str],
    base_year: str,
) -> NodeForecast:
    """Follow the forecast of each node's locality over `years` (the base year among them).

    `forecast` has columns locality, academic_year, year_group, mean. A node keeps its share of its locality's pupils;
    nodes from outside follow the whole study. Each cohort on roll in the base year keeps its school's difference from
    that share while it stays in the band. Year-group totals stay those of the shares.
    """
    cube, localities = _forecast_cube(forecast, years, places.pupils)
    row = pd.Series(np.arange(len(localities)), index=localities)
    share = _shares(nodes, bands, places.pupils)
    at = nodes["locality"].map(row).to_numpy(dtype=float)
    whole = cube.sum(axis=0, keepdims=True)
    stacked = np.concatenate([cube, whole])  # the last row is the whole study, for pupils from outside
    at = np.where(np.isnan(at), len(localities), at).astype(int)
    in_band = _band_mask(nodes, bands)
    pupils = stacked[at].transpose(1, 2, 0) * share[None, None, :] * in_band.T[None, :, :]
    factors = _cohort_factors(nodes, bands, places, pupils, years, base_year)
    shaped = pupils * factors
    before, after = pupils.sum(axis=2), shaped.sum(axis=2)
    shaped *= np.divide(before, after, out=np.ones_like(before), where=after > 0)[:, :, None]
    return NodeForecast(nodes, tuple(years), shaped)


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


def _cohort_factors(
    nodes: pd.DataFrame,
    bands: Sequence[Band],
    places: Places,
    pupils: Array,
    years: Sequence[str],
    base_year: str,
) -> Array:
    """(T, 12, N): how much larger a cohort is at a school than its localities explain; 1 for later cohorts."""
    urns, at = np.unique(nodes["urn"].to_numpy(), return_inverse=True)
    base = list(years).index(base_year)
    explained = np.zeros((len(urns), len(COMPULSORY)))
    np.add.at(explained, at, pupils[base].T)
    actual = places.rolls.reindex(index=urns, columns=list(COMPULSORY)).fillna(0.0).to_numpy(dtype=float)
    factor = np.divide(actual, explained, out=np.ones_like(actual), where=explained > 0)
    # In the base year the roll is a fact; later a cohort's difference is taken with care.
    careful = np.clip(factor, *COHORT_FACTOR)
    band_start = np.array([next(COMPULSORY.index(b.entry) for b in bands if g in b.year_groups) for g in COMPULSORY])
    factors = np.ones((len(years), len(COMPULSORY), len(urns)))
    for t, year in enumerate(years):
        ahead = start_year(year) - start_year(base_year)
        if ahead < 0:
            continue
        source = np.arange(len(COMPULSORY)) - ahead
        same = source >= band_start  # the cohort was in this band already
        factors[t, same] = (factor if ahead == 0 else careful)[:, source[same]].T
    return factors[:, :, at]
