"""From where pupils live to where they are taught: planning area by planning area, each difference a named term.

    on roll = living in the area − taught independently − taught in NAME − taught in other areas
              + living in other areas + living in NAME                      (NAME: an authority outside the study)

Flows say which part of each cohort goes where. A cohort at school keeps its parts while it moves up within its band of
year groups; who enters later goes where the transfer matrix says (models.entering), else where the band's recent
entrants went. Pupils from outside the study follow its cohorts. Where flows and rolls differ, the difference is a term
of its own and moves up with its cohort.
Without flows, a cohort on roll keeps its difference from the pupils living in the area: one term, net. Those terms keep
to the study: a cohort of all areas together moves as its homes do, and nobody is booked where no school teaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import COMPULSORY, SCHOOL_YEAR_GROUPS, add_years, start_year
from models.bands import Band
from models.entering import Entrants
from models.planning_areas import INDEPENDENT, OUTSIDE, area_history, area_of_locality, areas_taught
from models.transfers import counted_destinations, flows_of, taught_in

LIVING, ON_ROLL = "living in the area", "on roll"
TO_OTHER, FROM_OTHER = "taught in other areas", "living in other areas"
TO_INDEPENDENT, NET = "taught independently", "net of movements"
NOT_IN_FLOWS = "on roll and not in the flows"
NET_FACTOR = (0.25, 4.0)  # a cohort is never taken to differ more than this from the pupils living in its area
SIXTH_FORM = SCHOOL_YEAR_GROUPS[12:14]
Cells = dict[str, pd.Series]  # by term: pupils of one year group and year, by planning area


def attendance_terms(
    residents: pd.DataFrame,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    bands: Sequence[Band],
    *,
    base_year: str,
    policy: Policy,
    flows: pd.DataFrame | None = None,
    rolls: pd.DataFrame | None = None,
    entering: Mapping[str, Entrants] | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Terms that lead from residents to rolls, and notes.

    `entering` gives, for year groups that are entered by a transfer, where those who enter in each later year go.

    `residents` has planning_area (of the home), academic_year, year_group, pupils and holds the base year; year groups
    below R are left out. Columns: planning_area, academic_year, year_group, term, pupils; what leaves an area is
    negative and term "on roll" is the sum of the others. ValueError without flows and rolls, or without the base year.
    """
    past = None if flows is None else flows[flows["academic_year"] <= base_year]
    chains = [band.year_groups for band in bands] + [SIXTH_FORM]
    if base_year not in set(residents["academic_year"]):
        raise ValueError(f"residents of the base year {base_year} are not given")
    present = set(residents["year_group"])
    rows: list[pd.DataFrame] = []
    notes: list[str] = []
    if past is None or past.empty:
        if rolls is None:
            raise ValueError("neither flows nor rolls say where pupils are taught")
        notes.append("No flows are given: rolls and pupils living in an area are compared net.")
    elif (latest := past["academic_year"].max()) < base_year:
        notes.append(f"Flows of {latest} stand for those of {base_year}.")
    for chain in chains:
        groups = [group for group in chain if group in present]
        if not groups:
            continue
        living = {group: _wide(residents[residents["year_group"] == group]) for group in groups}
        if past is not None and len(past):
            later = (entering or {}).get(groups[0])
            by_flows = _chain_by_flows(groups, living, past, localities, schools, base_year, policy, notes, later)
            rows += by_flows if rolls is None else _up_to_rolls(by_flows, groups, rolls, schools, base_year)
        else:
            assert rolls is not None
            rows += _chain_net(groups, living, rolls, schools, base_year)
    table = pd.concat(rows, ignore_index=True)
    if rolls is not None:
        notes += _against_rolls(table, rolls, schools, base_year)
    return table, notes


def area_rolls(terms: pd.DataFrame) -> pd.DataFrame:
    """Pupils on roll by planning area, from the terms: planning_area, academic_year, year_group, pupils."""
    return terms[terms["term"] == ON_ROLL].drop(columns="term").reset_index(drop=True)


def _wide(residents: pd.DataFrame) -> pd.DataFrame:
    """Residents of one year group: planning areas in rows, academic years in columns."""
    wide = residents.pivot_table(index="planning_area", columns="academic_year", values="pupils", aggfunc="sum")
    return wide.fillna(0.0)


def _chain_by_flows(
    groups: Sequence[str],
    living: Mapping[str, pd.DataFrame],
    flows: pd.DataFrame,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    base_year: str,
    policy: Policy,
    notes: list[str],
    later: Entrants | None,
) -> list[pd.DataFrame]:
    """Terms of the year groups of one band."""
    latest = flows["academic_year"].max()
    weights = policy.numbers("share_weights")
    on_roll, inflow = {}, {}
    for group in groups:
        counted = flows_of(flows, group)
        resident = living[group]
        here = float(resident[base_year].sum())
        on_roll[group] = _shares(counted, group, localities, schools, resident.index, here, latest, (1.0,))
        inflow[group] = _from_outside(counted, group, schools, here, latest, (1.0,))
    entry = groups[0]
    counted, resident = flows_of(flows, entry), living[entry]
    here = float(resident[base_year].sum())
    entering = _shares(counted, entry, localities, schools, resident.index, here, latest, weights)
    coming = _from_outside(counted, entry, schools, here, latest, weights)
    unknown = sum(int((shares.sum(axis=1) <= 0).sum()) for shares in on_roll.values())
    if unknown:
        notes.append(
            f"{groups[0]}–{groups[-1]}: flows are silent on {unknown} planning areas by year group; "
            "their pupils are taken to be taught where they live."
        )
    rows = []
    for at, group in enumerate(groups):
        for year in living[group].columns:
            source = at - max(start_year(year) - start_year(base_year), 0)
            shares, outside = (on_roll[groups[source]], inflow[groups[source]]) if source >= 0 else (entering, coming)
            entered = add_years(year, -at)
            if source < 0 and later is not None and entered in later.shares:
                shares = later.shares[entered].reindex(living[group].index, fill_value=0.0)
                outside = later.inflow[entered]
            rows.append(_terms(living[group][year], shares, outside).assign(academic_year=year, year_group=group))
    order = ["planning_area", "academic_year", "year_group", "term", "pupils"]
    return [row[order] for row in rows]


def _recent(flows: pd.DataFrame, latest: str, weights: Sequence[float]) -> pd.Series:
    """Weight of each row: that of its year among the latest, summing to 1 over those years."""
    years = sorted({year for year in flows["academic_year"] if year <= latest}, reverse=True)[: len(weights)]
    total = sum(weights[: len(years)])
    by_year = {year: weight / total for year, weight in zip(years, weights, strict=False)}
    return flows["academic_year"].map(by_year).fillna(0.0)


def _shares(
    flows: pd.DataFrame,
    group: str,
    localities: pd.DataFrame,
    schools: pd.DataFrame,
    areas: pd.Index,
    resident: float,
    latest: str,
    weights: Sequence[float],
) -> pd.DataFrame:
    """Part of each area's residents (rows) taught in each destination (columns); a row is 0 where flows are silent."""
    home = flows[~flows["locality"].str.startswith(OUTSIDE)]
    now = home[home["academic_year"] == latest]
    independent, outside = counted_destinations(now, resident)
    drop = (home["urn"].eq(INDEPENDENT) & (not independent)) | (home["urn"].str.startswith(OUTSIDE) & (not outside))
    home = home[~drop]
    rows = pd.DataFrame(
        {
            "home": home["locality"].map(area_of_locality(localities, group)),
            "to": taught_in(home, schools, group),
            "pupils": home["pupils"] * _recent(home, latest, weights),
        }
    )
    table = rows.pivot_table(index="home", columns="to", values="pupils", aggfunc="sum", fill_value=0.0)
    table = table.reindex(areas, fill_value=0.0)
    total = table.sum(axis=1)
    if total.sum() > 0:  # an area that flows are silent on and that has no school does as the study does
        taught = set(taught_in(flows[~flows["urn"].eq(INDEPENDENT)], schools, group))
        lost = (total <= 0) & ~table.index.isin(taught)
        table[lost] = np.broadcast_to(table.sum().to_numpy() / total.sum(), (int(lost.sum()), table.shape[1]))
        total = table.sum(axis=1)
    return table.div(total.where(total > 0, 1.0), axis=0).astype(float)


def _from_outside(
    flows: pd.DataFrame, group: str, schools: pd.DataFrame, resident: float, latest: str, weights: Sequence[float]
) -> pd.DataFrame:
    """Pupils from outside by authority (rows) and area (columns), for each resident of the study."""
    away = flows[flows["locality"].str.startswith(OUTSIDE) & ~flows["urn"].str.startswith(OUTSIDE)]
    away = away[away["urn"].ne(INDEPENDENT)]
    rows = away.assign(to=taught_in(away, schools, group), pupils=away["pupils"] * _recent(flows, latest, weights))
    table = rows.pivot_table(index="locality", columns="to", values="pupils", aggfunc="sum", fill_value=0.0)
    return table.astype(float) / resident if resident > 0 else table.astype(float) * 0.0


def _terms(living: pd.Series, shares: pd.DataFrame, inflow: pd.DataFrame) -> pd.DataFrame:
    """Terms of one year group and year: planning_area, term, pupils."""
    silent = shares.sum(axis=1) <= 0
    moved = shares.mul(living.reindex(shares.index).fillna(0.0), axis=0)
    known = {*living.index, *inflow.columns}
    areas = sorted(known | {to for to in shares.columns if not to.startswith(OUTSIDE) and to != INDEPENDENT})
    square = moved.reindex(index=areas, columns=areas, fill_value=0.0).fillna(0.0)
    at_home = pd.Series(np.diag(square), index=areas)
    terms: Cells = {LIVING: living.reindex(areas).fillna(0.0)}
    if INDEPENDENT in moved:
        terms[TO_INDEPENDENT] = -moved[INDEPENDENT].reindex(areas).fillna(0.0)
    for name in [to for to in moved.columns if to.startswith(OUTSIDE)]:
        terms[f"taught in {name.removeprefix(OUTSIDE)}"] = -moved[name].reindex(areas).fillna(0.0)
    terms[TO_OTHER] = -(square.sum(axis=1) - at_home).where(~silent.reindex(areas, fill_value=True), 0.0)
    terms[FROM_OTHER] = square.sum(axis=0) - at_home
    for name in inflow.index:
        coming = inflow.loc[name].reindex(areas).fillna(0.0) * float(living.sum())
        terms[f"living in {name.removeprefix(OUTSIDE)}"] = coming
    return _rows(terms)


def _rows(terms: Cells) -> pd.DataFrame:
    """Long table with the sum as the last term; rounding never leaves less than nobody on roll."""
    terms = {**terms, ON_ROLL: sum(terms.values(), start=pd.Series(0.0, index=terms[LIVING].index)).clip(lower=0.0)}
    frames = [
        pd.DataFrame({"planning_area": pupils.index, "term": term, "pupils": pupils.to_numpy(dtype=float)})
        for term, pupils in terms.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _chain_net(
    groups: Sequence[str],
    living: Mapping[str, pd.DataFrame],
    rolls: pd.DataFrame,
    schools: pd.DataFrame,
    base_year: str,
) -> list[pd.DataFrame]:
    """Terms of one band without flows: what rolls differ from residents in the base year, cohort by cohort."""
    base = rolls[(rolls["academic_year"] == base_year) & rolls["year_group"].isin(groups)]
    history = area_history(base, schools)
    taught = {group: areas_taught(schools, group) for group in groups}
    rows = []
    for at, group in enumerate(groups):
        for year in living[group].columns:
            ahead = max(start_year(year) - start_year(base_year), 0)
            source = groups[max(at - ahead, 0)]
            counted = history[history["year_group"] == source].set_index("planning_area")["pupils"].astype(float)
            areas = sorted({*living[group].index, *counted.index})
            now, then = (table.reindex(areas).fillna(0.0) for table in (living[group][year], living[source][base_year]))
            counted = counted.reindex(areas).fillna(0.0)
            factor = (counted / then.where(then > 0)).fillna(1.0)
            on_roll = counted if ahead == 0 else (now * factor.clip(*NET_FACTOR)).where(then > 0, counted)
            if ahead > 0:
                on_roll = on_roll.where(on_roll.index.isin(taught[group]) | (counted > 0), 0.0)
                if then.sum() > 0 and on_roll.sum() > 0:
                    on_roll *= now.sum() * counted.sum() / then.sum() / on_roll.sum()
            rows.append(_rows({LIVING: now, NET: on_roll - now}).assign(academic_year=year, year_group=group))
    order = ["planning_area", "academic_year", "year_group", "term", "pupils"]
    return [row[order] for row in rows]


def _up_to_rolls(
    rows: Sequence[pd.DataFrame], groups: Sequence[str], rolls: pd.DataFrame, schools: pd.DataFrame, base_year: str
) -> list[pd.DataFrame]:
    """The terms with what rolls of the base year hold beyond the flows; a cohort keeps it while it moves up."""
    history = area_history(rolls[(rolls["academic_year"] == base_year) & rolls["year_group"].isin(groups)], schools)
    counted = history.set_index(["year_group", "planning_area"])["pupils"].astype(float)
    made = pd.concat(rows)
    made = made[(made["academic_year"] == base_year) & (made["term"] == ON_ROLL)]
    by_flows = made.set_index(["year_group", "planning_area"])["pupils"]
    if (by_flows.sub(counted, fill_value=0.0).abs() <= 1e-9).all():
        return list(rows)
    completed = []
    for frame in rows:
        year, group = frame["academic_year"].iloc[0], frame["year_group"].iloc[0]
        ahead = start_year(year) - start_year(base_year)
        source = groups[max(groups.index(group) - max(ahead, 0), 0)]
        terms = {term: part.set_index("planning_area")["pupils"] for term, part in frame.groupby("term", sort=False)}
        now = terms.pop(ON_ROLL)
        then, is_ = (
            cell.loc[source] if source in cell.index else pd.Series(dtype=float) for cell in (by_flows, counted)
        )
        areas = sorted({*now.index, *is_.index})
        now, then, is_ = (cell.reindex(areas).fillna(0.0) for cell in (now, then, is_))
        factor = (is_ / then.where(then > 0)).fillna(1.0)
        factor = factor if ahead == 0 else factor.clip(*NET_FACTOR)
        beyond = (now * (factor - 1)).where(then > 0, is_)
        if (beyond.abs() > 1e-9).any():
            terms = {term: pupils.reindex(areas).fillna(0.0) for term, pupils in terms.items()} | {NOT_IN_FLOWS: beyond}
            frame = _rows(terms).assign(academic_year=year, year_group=group)[frame.columns]
        completed.append(frame)
    return completed


def _against_rolls(terms: pd.DataFrame, rolls: pd.DataFrame, schools: pd.DataFrame, base_year: str) -> list[str]:
    """Say where the terms of the base year miss the rolls of an area by more than one pupil in a hundred."""
    base = rolls[(rolls["academic_year"] == base_year) & rolls["year_group"].isin((*COMPULSORY, *SIXTH_FORM))]
    counted = area_history(base, schools).groupby("planning_area")["pupils"].sum()
    now = terms[(terms["academic_year"] == base_year) & ~terms["term"].isin((ON_ROLL, NOT_IN_FLOWS))]
    made = now.groupby("planning_area")["pupils"].sum()
    counted, made = counted.align(made, fill_value=0.0)
    off = (made - counted).abs() > np.maximum(0.01 * counted, 1.0)
    if not off.any():
        return []
    worst = (made - counted).abs().idxmax()
    return [
        f"Flows and rolls of {base_year} differ by more than 1 % in {int(off.sum())} planning areas; most in {worst}: "
        f"{made[worst]:,.0f} by flows, {counted[worst]:,.0f} on roll."
    ]
