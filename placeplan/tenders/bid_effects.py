"""What a bid changes: pupils at the new school and at others, deficits, and who comes within walking distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES
from models.bands import Band
from models.choice import drawn_shares
from models.deficits import INTAKE, WHOLE_PHASE
from models.estate_build import ENTRY, KINDS, Estate
from models.estate_read import allocation
from models.options import Facility, Option
from models.placed import beyond_walking, rolls, without_place
from placeplan.estate.effects import Placing
from placeplan.estate.problem import Known

Array = NDArray[np.float64]
PUPILS = ["academic_year", "demand_point", "today", "pupils", "distance_today_m", "distance_m"]
LEAST_PUPILS = 0.001


@dataclass(frozen=True, eq=False)
class Effects:
    """One answer to who goes to the new school.

    Attributes
    ----------
    by_group : (T, 12) pupils at the new school by plan year and year group.
    wanting : (T,) pupils of the cohorts it has admitted who would go there if its places were no limit.
    change : (F, T) pupils at every facility more than without it.
    newly_within, newly_beyond : (T,) pupils whose school comes within the statutory walking distance, or beyond it.
    pupils : columns PUPILS, who goes there: home, today's school, how many, how far before and then.

    """

    by_group: Array
    wanting: Array
    change: Array
    newly_within: Array
    newly_beyond: Array
    pupils: pd.DataFrame

    @property
    def roll(self) -> Array:
        """(T,) pupils at the new school by plan year."""
        roll: Array = self.by_group.sum(axis=1)
        return roll


def planned_effects(
    estate: Estate, site: int, option: Option, before: Placing, after: Placing, policy: Policy
) -> Effects:
    """Pupils placed at least cost without and with the school; all else is the same in both."""
    then = rolls(estate, after.flow)
    far_before, far_after = (beyond_walking(estate, one.flow, policy) for one in (before, after))
    placed = allocation(estate, after.flow)
    mine = placed[placed["facility"] == estate.facilities[site].key]
    nodes = estate.all_nodes.assign(urn=estate.all_nodes["urn"].astype(str))
    today = nodes.groupby(["demand_point", "urn"], as_index=False)["distance_m"].mean()
    today.columns = pd.Index(["demand_point", "today", "distance_today_m"])
    full = option.places.sum(axis=1)
    taken = np.divide(then[site], full, out=np.zeros_like(full), where=full > 0)
    return Effects(
        option.places * taken[:, None],
        then[site],
        then - rolls(estate, before.flow),
        np.maximum(far_before - far_after, 0.0).sum(axis=1),
        np.maximum(far_after - far_before, 0.0).sum(axis=1),
        mine.merge(today, on=["demand_point", "today"], how="left")[PUPILS],
    )


def chosen_effects(
    estate: Estate, site: int, option: Option, known: Known, nodes: pd.DataFrame, policy: Policy
) -> Effects:
    """Pupils who would rather go to the school, cohort by cohort from its opening; schools that are full stay full.

    Whom a school could not take before takes the place of whom the new one draws from it.
    """
    facility, points = estate.facilities[site], known.journeys.points["demand_point"]
    point = nodes["demand_point"].map({name: i for i, name in enumerate(points)}).fillna(-1).to_numpy(dtype=np.int64)
    # Sites follow schools in the columns of journeys as among the facilities.
    new_m = np.append(known.journeys.metres[: len(points), site], np.inf)[point]
    share = np.zeros(len(nodes))
    for band in known.bands:
        if set(band.year_groups) <= set(facility.year_groups):
            size = float(option.places[-1].max()) * len(band.year_groups)
            share += _shares(band, nodes, point, known, site, size, policy)
    drawn = known.pupils * share  # (T, 12, N)
    wanted = drawn.sum(axis=2)
    room = np.divide(option.places, wanted, out=np.zeros_like(wanted), where=wanted > 0)
    drawn *= np.minimum(room, 1.0)[:, :, None]
    phase = {band.name: band.phase for band in known.bands}
    primary = nodes["band"].map(phase).eq("primary").to_numpy()
    limit = np.where(primary, policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m"))
    old_m = nodes["distance_m"].to_numpy(dtype=float)
    by_node = drawn.sum(axis=1)  # (T, N)
    return Effects(
        drawn.sum(axis=2),
        np.where(option.places > 0, wanted, 0.0).sum(axis=1),
        _change(estate, site, known.pupils, drawn, nodes),
        by_node[:, (old_m > limit) & (new_m <= limit)].sum(axis=1),
        by_node[:, (old_m <= limit) & (new_m > limit)].sum(axis=1),
        _who(by_node, nodes, new_m, estate.years),
    )


def _shares(
    band: Band, nodes: pd.DataFrame, point: NDArray[np.int64], known: Known, site: int, size: float, policy: Policy
) -> Array:
    """(N,) share of each node's pupils who would choose the school; 0 outside the band, and from outside the study."""
    mine = nodes["band"].eq(band.name).to_numpy() & (point >= 0)
    here, urns = nodes[mine], known.journeys.schools["urn"].tolist()
    n_points, column = len(known.journeys.points), {urn: j for j, urn in enumerate(urns)}
    pupils = here["pupils"].to_numpy(dtype=float)
    origins = np.bincount(point[mine], pupils, minlength=n_points).astype(np.float64)
    at = here["urn"].map(column).to_numpy(dtype=np.int64)
    taught = np.bincount(at, pupils, minlength=len(urns)).astype(np.float64)
    of_point = drawn_shares(
        known.journeys.to_schools / 1000, origins, taught, known.journeys.metres[:n_points, site] / 1000, size,
        policy.by_phase("gravity_decay_{phase}_per_km", band.phase),
    )  # fmt: skip
    share = np.zeros(len(nodes))
    share[mine] = of_point[point[mine]]
    return share


def _change(estate: Estate, site: int, pupils: Array, drawn: Array, nodes: pd.DataFrame) -> Array:
    """(F, T) change of every roll: a school has as many as want to come, and no more than its places."""
    key = {facility.key: f for f, facility in enumerate(estate.facilities)}
    home = nodes["urn"].astype(str).map(key).to_numpy(dtype=np.int64)
    change = np.zeros((len(estate.facilities), len(estate.years)))
    baseline = estate.problem.baseline
    assert baseline is not None
    for f in np.unique(home).tolist():
        places, mine = estate.options[int(baseline[f])].places, home == f
        wanted, gone = pupils[:, :, mine].sum(axis=2), drawn[:, :, mine].sum(axis=2)
        change[f] = (np.minimum(wanted - gone, places) - np.minimum(wanted, places)).sum(axis=1)
    change[site] = drawn.sum(axis=(1, 2))
    return change


def _who(by_node: Array, nodes: pd.DataFrame, new_m: Array, years: tuple[str, ...]) -> pd.DataFrame:
    t, n = np.nonzero(by_node > LEAST_PUPILS)
    table = pd.DataFrame(
        {
            "academic_year": np.array(years, dtype=object)[t],
            "demand_point": nodes["demand_point"].to_numpy()[n],
            "today": nodes["urn"].astype(str).to_numpy()[n],
            "pupils": by_node[t, n],
            "distance_today_m": nodes["distance_m"].to_numpy(dtype=float)[n],
            "distance_m": new_m[n],
        }
    )
    distances = ["distance_today_m", "distance_m"]
    summed = table.groupby(PUPILS[:3], as_index=False).agg({"pupils": "sum", **dict.fromkeys(distances, "mean")})
    return summed[PUPILS]


def deficits_met(
    estate: Estate, facility: Facility, option: Option, balance: pd.DataFrame, before: Placing, after: Placing
) -> pd.DataFrame:
    """By year, phase and kind (intake, whole phase): what is short in the site's planning area without and with it.

    Columns academic_year, phase, planning_area, kind, deficit_before, deficit_after (year groups never netted off),
    places, and unplaced_before, unplaced_after: pupils of the whole study with no place within reach.
    """
    unplaced = {
        name: without_place(estate, one.unmet) for name, one in (("unplaced_before", before), ("unplaced_after", after))
    }
    frames = []
    for phase, area in facility.planning_area.items():
        mine = balance[(balance["planning_area"] == area) & (balance["phase"] == phase)]
        need = mine.pivot_table(index="academic_year", columns="year_group", values="need", aggfunc="sum")
        need = need.reindex(index=list(estate.years), columns=list(COMPULSORY)).fillna(0.0)
        short = need.to_numpy(dtype=float)
        left = np.maximum(short - option.places, 0.0)
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        for kind, taken, counted in ((INTAKE, columns[:1], (ENTRY,)), (WHOLE_PHASE, columns, KINDS)):
            frames.append(
                pd.DataFrame(
                    {
                        "academic_year": estate.years,
                        "phase": phase,
                        "planning_area": area,
                        "kind": kind,
                        "deficit_before": short[:, taken].sum(axis=1),
                        "deficit_after": left[:, taken].sum(axis=1),
                        "places": option.places[:, taken].sum(axis=1),
                        **{name: _by_year(table, phase, counted, estate) for name, table in unplaced.items()},
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def _by_year(table: pd.DataFrame, phase: str, kinds: tuple[str, ...], estate: Estate) -> Array:
    """(T,) pupils of the phase and kinds."""
    mine = table[(table["phase"] == phase) & table["kind"].isin(kinds)]
    summed = mine.groupby("academic_year")["pupils"].sum().reindex(list(estate.years), fill_value=0.0)
    return np.asarray(summed, dtype=np.float64)
