"""What closing does to pupils: where they would go, who is newly entitled to transport, and who does not fit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.years import COMPULSORY
from models.entitlement import GROUNDS, Entitled, Journey, entitlement, nearer_open
from models.estate_build import Estate
from models.infant_classes import over_in_infant_classes
from models.journeys import OUTSIDE
from models.seating import Seats
from models.transport_routes import VEHICLES, Fleet, cheapest_run, whole_by_group
from placeplan.closures.effects import effects_table, receiving_table, together_table
from placeplan.closures.money import pocket_table
from placeplan.closures.planned import AFTER, BEFORE, LATER, NO_FAITH, ON_ROLL, Closures, closures
from placeplan.estate.upstream import Upstream
from placeplan.study import Study
from solvers import EstatePlan

LEAST_PUPILS = 0.01
LEAST_OVER = 0.5  # pupils beyond the places below which a fraction of a forecast is nobody
INFANT_GROUPS = "R–Y2"
OWN_GROUP, LEFT_BEHIND, INFANT_CLASSES = "own year group", "year group closed", "infant classes"
KEYS = ["facility", "receiving", "academic_year", "year_group", "demand_point", "locality", "cohort"]
MEASURES = ["pupils", "entitled_before", "entitled_after", "newly_entitled"]
SAID = ["distance_before_m", "distance_after_m", "ground_before", "ground_after", "low_income_ground_after"]
DISPLACED = [*KEYS, "pupils", *SAID[:2], *MEASURES[1:], *SAID[2:]]
OVER = ["facility", "academic_year", "year_group", "rule", "pupils_over"]
ROUTES = ["facility", "when", "academic_year", "locality", "receiving", "pupils", *VEHICLES, "gbp_per_year"]


def closure_tables(
    study: Study, upstream: Upstream, estate: Estate, plan: EstatePlan, seats: Seats
) -> dict[str, pd.DataFrame]:
    """Tables displaced, closure_effects, closure_together, closure_receiving, transport, does_not_fit and pockets.

    Pupils and money are those to be expected over the scenarios; every table is there, without rows where nothing
    closes.
    """
    found = closures(study, estate, plan, seats)
    table = displaced_table(found)
    routes = route_table(table, study)
    together = together_table(found, table)
    receiving = receiving_table(found, table)
    pockets = pocket_table(found, upstream, table, routes)
    return {
        "displaced": table,
        "closure_effects": effects_table(found, table, routes, together, receiving, pockets),
        "closure_together": together,
        "closure_receiving": receiving,
        "transport": routes,
        "does_not_fit": not_fitting(found),
        "pockets": pockets,
    }


def displaced_table(found: Closures) -> pd.DataFrame:
    """One row a home, year group, year and receiving school of a closing one, with distances and entitlement."""
    estate, moved = found.estate, found.moved
    problem = estate.problem
    if not len(moved.arc):
        return pd.DataFrame(columns=DISPLACED)
    node = problem.arc_node[moved.arc]
    home = found.at_home[node]
    before, after = entitled(found)
    outside = estate.nodes["demand_point"].eq(OUTSIDE).to_numpy()[node]
    from_m = estate.nodes["distance_m"].to_numpy(dtype=float)[node]
    pupils = moved.pupils * found.probability[moved.scenario]
    rows = pd.DataFrame(
        {
            "facility": found.keys(home),
            "receiving": found.keys(problem.arc_facility[moved.arc]),
            "academic_year": np.array(estate.years, dtype=object)[moved.year],
            "year_group": np.array(COMPULSORY, dtype=object)[moved.year_group],
            "demand_point": estate.nodes["demand_point"].to_numpy(dtype=object)[node],
            "locality": estate.nodes["locality"].to_numpy(dtype=object)[node],
            "cohort": np.where(moved.later, LATER, ON_ROLL),
            "pupils": pupils,
            "distance_before_m": np.where(outside, np.nan, from_m),
            "distance_after_m": np.where(outside, np.nan, estate.arc_metres[moved.arc]),
            "entitled_before": pupils * before.share,
            "entitled_after": pupils * after.share,
            "newly_entitled": pupils * np.maximum(after.share - before.share, 0.0),
            "ground_before": np.array(GROUNDS, dtype=object)[before.ground],
            "ground_after": np.array(GROUNDS, dtype=object)[after.ground],
            "low_income_ground_after": np.array(GROUNDS, dtype=object)[after.low_income_ground],
        }
    )
    by_key = rows.groupby(KEYS, as_index=False, sort=False)
    table = by_key[MEASURES].sum().merge(by_key[SAID].first(), on=KEYS)
    table = table[table["pupils"] > LEAST_PUPILS]
    order = table["year_group"].map({group: column for column, group in enumerate(COMPULSORY)})
    table = table.assign(order=order).sort_values(["facility", "academic_year", "order", "demand_point", "receiving"])
    return table[DISPLACED].reset_index(drop=True)


def entitled(found: Closures) -> tuple[Entitled, Entitled]:
    """Entitlement (P,) of every group of displaced pupils: had their school stayed as it is today, and under the plan.

    Suitable schools are those that the plan may send a pupil to, by age, faith, gender and admissions; they have places
    where enough are left in the year group, beside their own forecast roll and beside the plan's.
    """
    estate, moved, policy = found.estate, found.moved, found.study.policy
    problem = estate.problem
    at_home = found.at_home
    gone = np.isin(at_home, found.closes.facilities)
    arcs = np.flatnonzero(gone[problem.arc_node])
    node, facility = problem.arc_node[arcs], problem.arc_facility[arcs]
    metres = np.nan_to_num(estate.arc_metres[arcs], nan=np.inf, posinf=np.inf)
    position = np.full(problem.n_arcs, -1)
    position[arcs] = np.arange(len(arcs))
    at_school = np.full(problem.n_nodes, -1)
    at_school[node[facility == at_home[node]]] = np.flatnonzero(facility == at_home[node])
    same = (found.faith[facility] == found.faith[at_home[node]])[:, None]
    left = policy.number("entitlement_places_left")
    cell = moved.year * len(COMPULSORY) + moved.year_group
    after_at, before_at = position[moved.arc], at_school[problem.arc_node[moved.arc]]
    today = np.array([f.places - f.pupils for f in estate.facilities])

    elsewhere = (facility != at_home[node])[:, None]

    def nearer(spare: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        is_open = (spare >= left).reshape(len(spare), -1)[facility] & elsewhere
        return nearer_open(node, metres, is_open), nearer_open(node, metres, is_open & same)

    near_before = [count[before_at, cell] for count in nearer(today)]
    near_after = np.zeros((2, len(moved.arc)), dtype=np.int64)
    for k in np.unique(moved.scenario):
        mine = moved.scenario == k
        for row, count in enumerate(nearer(found.places[k] - found.rolls[k])):
            near_after[row, mine] = count[after_at[mine], cell[mine]]
    home = at_home[problem.arc_node[moved.arc]]
    low_income = low_income_share(found)[home]
    outside = estate.nodes["demand_point"].eq(OUTSIDE).to_numpy()[problem.arc_node[moved.arc]]

    def of(at: np.ndarray, counts: np.ndarray | list[np.ndarray]) -> Entitled:
        school = facility[at]
        by_faith = (found.faith[school] == found.faith[home]) & (found.faith[school] != NO_FAITH)
        way = np.where(outside | ~np.isfinite(metres[at]), np.nan, metres[at])
        unsafe = unsafe_share(found, node[at], school, metres[at])
        return entitlement(Journey(way, moved.year_group, counts[0], counts[1], by_faith, unsafe), low_income, policy)

    return of(before_at, near_before), of(after_at, near_after)


def low_income_share(found: Closures) -> np.ndarray:
    """(F,) share of a school's pupils from homes with low income: those eligible for free school meals, else policy."""
    given = found.schools["fsm_pupils"].astype(float) / found.base_roll.reindex(found.schools.index)
    given = given.where(np.isfinite(given)).clip(0.0, 1.0)
    share = given.reindex(found.every_key).fillna(found.study.policy.number("low_income_share"))
    return np.asarray(share, dtype=float)


def unsafe_share(found: Closures, node: np.ndarray, facility: np.ndarray, metres: np.ndarray) -> np.ndarray:
    """(P,) share of pupils of nodes who cannot walk to facilities: 1 where the table says so.

    Where there is no table, a share of the rural ways that lead out of the village.
    """
    nodes = found.estate.nodes
    point, locality = (nodes[name].to_numpy(dtype=object)[node] for name in ("demand_point", "locality"))
    listed = found.study.tables.get("unsafe_routes")
    if listed is not None:
        urn = listed["urn"].astype(str)
        school = found.keys(facility)
        named = [
            pd.MultiIndex.from_arrays([school, home]).isin(
                pd.MultiIndex.from_arrays([urn, listed[name]])[listed[name].notna()]
            )
            for name, home in (("demand_point", point), ("locality", locality))
        ]
        return np.asarray(np.any(named, axis=0), dtype=float)
    share, policy = rural(found)[node], found.study.policy
    out_of_the_village = metres >= policy.number("unsafe_route_rural_from_m")
    return np.asarray(policy.number("unsafe_route_share_rural") * (share & out_of_the_village), dtype=float)


def rural(found: Closures) -> np.ndarray:
    """(D,) whether a node's home is rural: by its locality's class, else where its school is a designated rural one."""
    nodes, places = found.estate.nodes, found.study.tables["localities"]
    class_of = places.drop_duplicates("locality").set_index("locality")["rural_urban"].reindex(nodes["locality"])
    by_class = class_of.astype(object).fillna("").astype(str).str.lower().str.startswith("rural").to_numpy()
    designated = found.schools["rural_designated"].fillna(False).astype(bool)
    by_school = designated.reindex(nodes["urn"].astype(str)).fillna(False).astype(bool).to_numpy()
    return np.asarray(np.where(class_of.notna().to_numpy(), by_class, by_school), dtype=bool)


# -- transport -----------------------------------------------------------------------------------------------------


def route_table(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Routes by year: from each locality to the school that was, and to the receiving ones, with whole vehicles."""
    if table.empty:
        return pd.DataFrame(columns=ROUTES)
    by = ["facility", "when", "academic_year", "locality", "receiving"]
    before = table.assign(when=BEFORE, receiving=table["facility"], entitled=table["entitled_before"])
    after = table.assign(when=AFTER, entitled=table["entitled_after"])
    routes = pd.concat([before, after]).groupby(by, as_index=False)["entitled"].sum()
    group = routes.groupby(["facility", "when", "academic_year"], sort=False).ngroup()
    pupils = whole_by_group(routes["entitled"].to_numpy(dtype=float), group.to_numpy(dtype=np.int64))
    run = cheapest_run(pupils, Fleet.of(study.policy))
    routes = routes.assign(pupils=pupils, gbp_per_year=run.gbp_per_year)
    routes[list(VEHICLES)] = run.vehicles
    return routes.loc[routes["pupils"] > 0, ROUTES].reset_index(drop=True)


# -- what does not fit ---------------------------------------------------------------------------------------------


def not_fitting(found: Closures) -> pd.DataFrame:
    """Pupils of closing schools without a place in their own year group, and infants without a teacher where they go.

    Both are rare: a plan is cut where its pupils find no seat. `facility` is the closing school of the first and the
    receiving one of the second. Where a school stops admitting first and a future brings it more pupils than are
    forecast, the plan may leave some in a year group that it no longer has: they are told too.
    """
    received, weigh = found.moved.received, found.probability
    staged = np.minimum(np.arange(len(weigh)), len(found.closes.gone) - 1)
    stranded = np.tensordot(weigh, np.where(found.closes.gone[staged], found.rolls, 0.0), axes=1)
    lacking = np.tensordot(weigh, found.moved.without_place, axes=1)
    over = over_in_infant_classes(found.rolls - received, received, found.admits, found.study.policy)
    infants = np.tensordot(weigh, over, axes=1)
    rows = [
        (*_where(found, f, t), COMPULSORY[g], rule, over[f, t, g])
        for rule, over in ((OWN_GROUP, lacking), (LEFT_BEHIND, stranded))
        for f, t, g in np.argwhere(over >= LEAST_OVER)
    ]
    rows += [
        (*_where(found, f, t), INFANT_GROUPS, INFANT_CLASSES, infants[f, t])
        for f, t in np.argwhere(infants >= LEAST_OVER)
    ]
    return pd.DataFrame(rows, columns=OVER).astype({"pupils_over": float})


def _where(found: Closures, f: int, t: int) -> tuple[str, str]:
    return found.estate.facilities[f].key, found.estate.years[t]
