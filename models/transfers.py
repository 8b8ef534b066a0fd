"""Transfers between planning areas where one school ends and the next begins: Y6→Y7, Y2→Y3, first→middle→upper.

    share(from, to) = Σ w·pupils of `entering` who live in `from` and are taught in `to`
                      ÷ Σ w·pupils of `leaving` who lived in `from` the year before

`from` is the home planning area in the phase that is left, `to` the planning area of the school entered, or
"outside:NAME", or "independent". What is missing to 1 is "leakage": moved away or not found in any school; below 0
where more came than left. State retention is what is left without leakage and independent schools, so all shares of a
row sum to 1 exactly. Pupils who live outside and are taught here are rows of their own, as shares of all leavers.

Without `flows` a stated fallback stands: every area keeps the ratio of entrants on roll to leavers, shared by the areas
of its localities and fitted to today's rolls. Entrants whom no locality's own areas explain are then spread over all
areas by size, near or far.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PHASES, add_years, phase_of
from models.bands import Band
from models.cohorts import FloatArray
from models.planning_areas import INDEPENDENT, OUTSIDE, area_history, area_of_locality, area_of_school, resident_areas

LEAKAGE = "leakage"
COLUMNS = ["from_area", "to_area", "pupils", "share", "basis"]
FITTING_ROUNDS = 200
NEIGHBOURLY = 1e-6  # weight of every pair of areas beside those that localities name, so that a fit exists


def transfer_points(bands: Sequence[Band]) -> list[tuple[str, str]]:
    """Year groups left and entered where bands meet: [("Y2", "Y3"), ("Y6", "Y7")]."""
    return [(before.year_groups[-1], after.entry) for before, after in pairwise(bands)]


def transfer_matrix(
    leaving: str,
    entering: str,
    pupils: pd.DataFrame,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    *,
    base_year: str,
    policy: Policy,
    flows: pd.DataFrame | None = None,
    rolls: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Transfers from `leaving` to `entering` in the years up to `base_year`, and notes on how they were found.

    Where neither flows nor rolls and the leavers of the year before are known, everybody enters.
    Columns: from_area, to_area, pupils (weighted mean a year), share, basis ("flows", "average of the study" for an
    area without leavers, or "rolls"). Inner rows sum to 1. ValueError if nobody was in `leaving` at all.
    """
    lived = resident_areas(pupils[pupils["year_group"] == leaving], localities)
    leavers = lived.pivot_table(index="planning_area", columns="academic_year", values="pupils", aggfunc="sum")
    leavers = leavers.loc[:, leavers.columns <= base_year].fillna(0.0)
    if leavers.to_numpy().sum() <= 0:
        raise ValueError(f"no pupils of {leaving} are given up to {base_year}")
    counted = None if flows is None else flows_of(flows[flows["academic_year"] <= base_year], entering)
    if counted is None or counted.empty:
        return _from_rolls(leaving, entering, leavers, pupils, localities, schools, base_year, policy, rolls)
    return _from_flows(leaving, entering, leavers, pupils, localities, schools, policy, counted)


def flows_of(flows: pd.DataFrame, year_group: str) -> pd.DataFrame:
    """Flows of one year group: academic_year, locality, urn, pupils; where only a phase is given, an even part."""
    named = flows[flows["year_group"] == year_group] if "year_group" in flows else flows.iloc[:0]
    phase = phase_of(year_group)
    if named.empty and phase is not None and "phase" in flows:
        of_phase = flows[flows["phase"] == phase]
        named = of_phase.assign(pupils=of_phase["pupils"] / len(PHASES[phase]))
    return named[["academic_year", "locality", "urn", "pupils"]].astype({"urn": str, "pupils": float})


def taught_in(flows: pd.DataFrame, schools: pd.DataFrame, year_group: str) -> pd.Series:
    """Planning area of the school of each flow, or "outside:NAME", or "independent"."""
    urn = flows["urn"].astype(str)
    elsewhere = urn.str.startswith(OUTSIDE) | urn.eq(INDEPENDENT)
    urns = urn[~elsewhere].astype("int64")
    areas = area_of_school(schools, urns, pd.Series(year_group, index=urns.index))
    return areas.reindex(flows.index).where(~elsewhere, urn)


def counted_destinations(flows: pd.DataFrame, pupils: float) -> tuple[bool, bool]:
    """Whether a count of `pupils` by home holds those taught (independently, outside the study).

    Censuses differ; the reading whose total is nearest to the flows is taken.
    """
    home = flows[~flows["locality"].str.startswith(OUTSIDE)]
    independent = float(home.loc[home["urn"].eq(INDEPENDENT), "pupils"].sum())
    outside = float(home.loc[home["urn"].str.startswith(OUTSIDE), "pupils"].sum())
    everybody = float(home["pupils"].sum())
    readings = {
        (True, True): everybody,
        (False, True): everybody - independent,
        (False, False): everybody - independent - outside,
    }
    return min(readings, key=lambda reading: abs(readings[reading] - pupils))


def _from_flows(
    leaving: str,
    entering: str,
    leavers: pd.DataFrame,
    pupils: pd.DataFrame,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    policy: Policy,
    flows: pd.DataFrame,
) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    weights = policy.numbers("share_weights")
    years = sorted(set(flows["academic_year"]), reverse=True)[: len(weights)]
    weight = pd.Series(weights[: len(years)], index=years) / sum(weights[: len(years)])
    flows = flows[flows["academic_year"].isin(years)]
    resident = pupils[(pupils["year_group"] == entering) & (pupils["academic_year"] == years[0])]["pupils"].sum()
    with_independent, _ = counted_destinations(flows[flows["academic_year"] == years[0]], float(resident))
    if not with_independent and flows["urn"].eq(INDEPENDENT).any():
        flows = flows[flows["urn"].ne(INDEPENDENT)]
        notes.append(f"{leaving}→{entering}: pupils do not hold independent schools, which count in the leakage.")
    left = pd.DataFrame({year: _leavers_before(leavers, year) for year in years})
    if any(add_years(year, -1) not in leavers for year in years):
        notes.append(f"{leaving}→{entering}: leavers of the year before are not given; those of the same year stand.")
    moved = _pairs(flows, localities, schools, leaving, entering)
    moved["pupils"] *= moved["academic_year"].map(weight).to_numpy(dtype=float)
    table = moved.pivot_table(index="from_area", columns="to_area", values="pupils", aggfunc="sum", fill_value=0.0)
    outside = table.index.str.startswith(OUTSIDE)
    areas = sorted({*area_of_locality(localities, leaving), *left.index, *table.index[~outside]})
    before = (left * weight).sum(axis=1).reindex(areas).fillna(0.0)
    if before.sum() <= 0:
        raise ValueError(f"no pupils of {leaving} are given for the year before the flows of {entering}")
    inside = table[~outside].reindex(areas, fill_value=0.0)
    share = inside.div(before.where(before > 0), axis=0)
    silent = before <= 0
    average = inside.sum() / before.sum()
    share[silent] = np.broadcast_to(average.to_numpy(), (int(silent.sum()), len(average)))
    if silent.any():
        notes.append(f"{leaving}→{entering}: {int(silent.sum())} areas have no leavers; the study's average stands.")
    inside[LEAKAGE], share[LEAKAGE] = before - inside.sum(axis=1), 1 - share.sum(axis=1)
    basis = pd.Series(np.where(silent, "average of the study", "flows"), index=areas)
    rows = [_long(inside, share, basis)]
    if outside.any():
        coming = table[outside]
        rows.append(_long(coming, coming / before.sum(), pd.Series("flows", index=coming.index)))
    matrix = pd.concat(rows, ignore_index=True)
    return matrix[(matrix["share"] != 0) | matrix["to_area"].eq(LEAKAGE)].reset_index(drop=True), notes


def _leavers_before(leavers: pd.DataFrame, year: str) -> pd.Series:
    """Leavers of the year before, else of the same year, else of the latest."""
    found = next((y for y in (add_years(year, -1), year) if y in leavers), leavers.columns.max())
    return leavers[found]


def _pairs(
    flows: pd.DataFrame, localities: pd.DataFrame, schools: pd.DataFrame, leaving: str, entering: str
) -> pd.DataFrame:
    """Flows as academic_year, from_area, to_area, pupils; localities that are not in the list raise ValueError."""
    home = flows["locality"].astype(str)
    away = home.str.startswith(OUTSIDE)
    from_area = home.map(area_of_locality(localities, leaving)).where(~away, home)
    if from_area.isna().any():
        raise ValueError(f"flows from localities that are not in the list: {home[from_area.isna()].iloc[0]}")
    to_area = taught_in(flows, schools, entering)
    return flows.assign(from_area=from_area, to_area=to_area)[["academic_year", "from_area", "to_area", "pupils"]]


def _from_rolls(
    leaving: str,
    entering: str,
    leavers: pd.DataFrame,
    pupils: pd.DataFrame,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    base_year: str,
    policy: Policy,
    rolls: pd.DataFrame | None,
) -> tuple[pd.DataFrame, list[str]]:
    latest = leavers.columns.max()
    living = pupils[(pupils["year_group"] == leaving) & (pupils["academic_year"] == latest)]
    pair = pd.DataFrame(
        {
            "from_area": living["locality"].map(area_of_locality(localities, leaving)),
            "to_area": living["locality"].map(area_of_locality(localities, entering)),
            "pupils": living["pupils"].astype(float),
        }
    )
    prior = pair.pivot_table(index="from_area", columns="to_area", values="pupils", aggfunc="sum", fill_value=0.0)
    entrants = pd.DataFrame() if rolls is None else _rolls_by_area(rolls, schools, entering, base_year)
    ratio, how = 1.0, "the areas of their localities"
    wanted = prior.sum()
    if len(entrants):
        ratio, how = _retention(leavers, entrants, policy), f"{how}, fitted to the rolls of {entering}"
        wanted = entrants[entrants.columns.max()]
    before = leavers[latest].reindex(sorted({*leavers.index, *area_of_locality(localities, leaving)})).fillna(0.0)
    fitted = _fit(prior.reindex(index=before.index, columns=wanted.index, fill_value=0.0), before, wanted)
    share = fitted.mul(ratio)
    moved = share.mul(before, axis=0)
    moved[LEAKAGE], share[LEAKAGE] = before - moved.sum(axis=1), 1 - share.sum(axis=1)
    note = f"{leaving}→{entering}: no flows are given; {ratio:.3f} of leavers of every area enter, by {how}."
    matrix = _long(moved, share, pd.Series("rolls", index=before.index))
    return matrix[(matrix["share"] != 0) | matrix["to_area"].eq(LEAKAGE)].reset_index(drop=True), [note]


def _rolls_by_area(rolls: pd.DataFrame, schools: pd.DataFrame, year_group: str, base_year: str) -> pd.DataFrame:
    """Rolls of one year group: planning areas in rows, years in columns; empty where there are none."""
    mine = rolls[(rolls["year_group"] == year_group) & (rolls["academic_year"] <= base_year) & (rolls["pupils"] > 0)]
    if mine.empty:
        return pd.DataFrame()
    history = area_history(mine, schools)
    wide = history.pivot_table(index="planning_area", columns="academic_year", values="pupils", aggfunc="sum")
    return wide.fillna(0.0)


def _retention(leavers: pd.DataFrame, entrants: pd.DataFrame, policy: Policy) -> float:
    """Entrants on roll ÷ leavers of the year before, over the latest years with both; 1 where no year has."""
    years = [year for year in sorted(entrants, reverse=True) if add_years(year, -1) in leavers]
    pairs = list(zip(policy.numbers("share_weights"), years, strict=False))
    left = sum(weight * float(leavers[add_years(year, -1)].sum()) for weight, year in pairs)
    return sum(weight * float(entrants[year].sum()) for weight, year in pairs) / left if left > 0 else 1.0


def _fit(prior: pd.DataFrame, rows: pd.Series, columns: pd.Series) -> pd.DataFrame:
    """Shares of each row over the columns: the prior scaled to the sums of both (Furness); rows sum to 1."""
    weight: FloatArray = np.where(rows > 0, rows, 1.0)
    target = columns.to_numpy(dtype=float) / columns.sum() * weight.sum()
    even = np.outer(weight, target) / weight.sum()
    cells = prior.to_numpy(dtype=float) + NEIGHBOURLY * even
    for _ in range(FITTING_ROUNDS):
        summed = cells.sum(axis=0)
        cells *= np.divide(target, summed, out=np.zeros_like(target), where=summed > 0)
        cells *= (weight / cells.sum(axis=1))[:, None]
    return pd.DataFrame(cells / weight[:, None], index=prior.index, columns=prior.columns)


def _long(pupils: pd.DataFrame, share: pd.DataFrame, basis: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "from_area": np.repeat(pupils.index.to_numpy(), pupils.shape[1]),
            "to_area": np.tile(pupils.columns.to_numpy(), len(pupils)),
            "pupils": pupils.to_numpy(dtype=float).ravel(),
            "share": share[pupils.columns].to_numpy(dtype=float).ravel(),
        }
    )
    return table.assign(basis=table["from_area"].map(basis))[COLUMNS]
