"""From schools, sites, nodes and policy to one EstateProblem, and the key to read its plan again.

Slices are scenario × plan year × band × (entry year group | upper year groups); there is one scenario unless demand has
several, and what a slice costs is weighted by its probability. Each pupil-year is in one slice and pays there once,
journey and all, so room higher up in a school never stands in for a place in a full Reception. The upper year groups of
a band share their places.

A school's own pupils come first. In every slice it keeps as many of them as it has room for under every option it
has, the nearest first, as admissions by distance do; only the others are in question, and only places beyond those
are open to them and to pupils of other schools. What is kept is taken out of the problem, so its bound speaks of plans
that keep to this: no plan that moves a pupil to make room for another is looked at, cheaper or not. A school in the
last year before it closes takes none but its own pupils.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import COMPULSORY
from models.bands import Band
from models.estate import EstateProblem
from models.options import STAY, Facility, Option
from models.pots import NO_POTS, Pots
from models.rules import Row, row_matrix

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
ENTRY, UPPER = KINDS = "entry", "upper years"
TINY = 1e-6


@dataclass(frozen=True)
class Reach:
    """Who may go where: road metres and drive minutes, (origins, facilities), origins being rows of `origin`.

    `origin` gives the row of each node; `allowed` (N, F) is whether age, faith, gender and admissions permit it.
    """

    origin: Ints
    metres: Array
    minutes: Array
    allowed: NDArray[np.bool_]


@dataclass(frozen=True)
class Estate:
    """An estate problem with what its indices stand for.

    Attributes
    ----------
    slices : columns scenario, probability, academic_year, band, phase, kind, weight (S rows).
    nodes : the nodes that may move in some slice (D rows); all_nodes : every node (N rows).
    staying : (S, N) pupils whom their school keeps whatever is decided; they are not in the problem.
    arc_metres : (A,) road distance of each arc.
    pupils : (K, T, 12, N) pupils of every node by scenario, plan year and year group R … Y11.
    moving : (D,) the rows of `nodes` in `all_nodes`.
    restated : the same estate with other policy rows and other pupils, and other options where they are given.
    vehicles_gbp : (O,) of the problem's options: what they cost in vehicles, discounted.
    pots : developer contributions; in the problem their digits follow the options and the facilities.

    """

    problem: EstateProblem
    facilities: Sequence[Facility]
    options: Sequence[Option]
    rows: Sequence[Row]
    years: tuple[str, ...]
    slices: pd.DataFrame
    nodes: pd.DataFrame
    all_nodes: pd.DataFrame
    staying: Array
    arc_metres: Array
    pupils: Array
    moving: Ints
    restated: "Callable[..., Estate]"
    vehicles_gbp: Array
    pots: Pots = NO_POTS


def build_estate(
    facilities: Sequence[Facility],
    options: Sequence[Option],
    rows: Sequence[Row],
    nodes: pd.DataFrame,
    node_pupils: Array,
    bands: Sequence[Band],
    years: Sequence[str],
    reach: Reach,
    policy: Policy,
    probability: Array | None = None,
    staged: bool = False,
    pots: Pots = NO_POTS,
) -> Estate:
    """State the problem. `options` are grouped in any order; each facility needs a "stay" option, its baseline.

    `node_pupils` is (K, T, 12, N) over the scenarios, whose probabilities are `probability` (K,), and the plan years.
    `staged`: only what must be begun now is the same in every scenario; what can wait may differ. `rows` are those of
    the `pots` too.
    """
    key = {facility.key: f for f, facility in enumerate(facilities)}
    option_facility = np.array([key[option.facility] for option in options], dtype=np.int64)
    slices = slice_table(bands, years, policy, np.ones(1) if probability is None else probability)
    take = _slice_columns(slices, bands, years)
    capacity = _by_slice(np.array([option.places for option in options]), take)
    scenario = slices["scenario"].to_numpy()
    demand = np.array([node_pupils[k, t][columns].sum(axis=0) for k, (t, columns) in zip(scenario, take, strict=True)])
    home = nodes["urn"].astype(str).map(key).to_numpy(dtype=np.int64)
    own = np.zeros((len(facilities), *node_pupils.shape[:3]))
    np.add.at(own, home, node_pupils.transpose(3, 0, 1, 2))
    capacity = np.minimum(capacity, _most_of_closing(options, own[option_facility], scenario, take))
    staying = _kept(home, demand, capacity, option_facility, nodes["distance_m"].to_numpy(dtype=float))
    taken = np.zeros((len(facilities), len(slices)))
    np.add.at(taken, home, staying.T)
    capacity = np.maximum(capacity - taken[option_facility], 0.0)
    demand = demand - staying
    moving = np.flatnonzero(demand.any(axis=0))
    arc_node, arc_facility = _arcs(moving, home, nodes, reach, capacity, option_facility, slices, facilities, policy)
    metres = _arc_metres(moving[arc_node], arc_facility, home, nodes, reach)
    moved = home[moving[arc_node]] != arc_facility
    in_primary = nodes["band"].isin([band.name for band in bands if band.phase == "primary"]).to_numpy()
    site = np.array([facility.site for facility in facilities], dtype=bool)[arc_facility]
    before = nodes["distance_m"].to_numpy(dtype=float)[moving[arc_node]]
    priced = np.where(moved, counted_m(metres, before, site, policy), metres)
    arc_cost = _arc_costs(metres, priced, moved, in_primary[moving[arc_node]], slices, policy)
    weight = slices["weight"].to_numpy(dtype=float)

    def restated(
        other_rows: Sequence[Row], other_pupils: Array, other_options: Sequence[Option] | None = None
    ) -> Estate:
        return build_estate(
            facilities, options if other_options is None else other_options, other_rows, nodes, other_pupils, bands,
            years, reach, policy, probability, staged, pots,
        )  # fmt: skip

    n_digits = len(pots.pot)
    digit_of = np.repeat(np.arange(n_digits), 2)  # of its two options
    begun = np.concatenate([first_stage(options), np.zeros(2 * n_digits, dtype=np.int64)])
    problem = EstateProblem(
        option_facility=np.concatenate([option_facility, len(facilities) + digit_of]),
        option_cost=np.concatenate([option_costs(options, years, policy), pots.cost]),
        option_capacity=np.concatenate([capacity, np.zeros((2 * n_digits, len(slices)))]),
        demand=demand[:, moving],
        arc_node=arc_node,
        arc_facility=arc_facility,
        arc_cost=arc_cost,
        unmet_cost=np.repeat(weight[:, None] * policy.number("unmet_gbp"), len(moving), axis=1),
        row_matrix=row_matrix(rows, len(options) + 2 * n_digits),
        row_lower=np.array([row.lower for row in rows], dtype=float),
        row_upper=np.array([row.upper for row in rows], dtype=float),
        row_name=tuple(row.name for row in rows),
        baseline=np.concatenate(
            [_baseline(options, option_facility, len(facilities)), len(options) + 2 * np.arange(n_digits)]
        ),
        slice_scenario=scenario if len(node_pupils) > 1 else None,
        scenario_weight=probability if len(node_pupils) > 1 else None,
        option_first=begun if staged and len(node_pupils) > 1 else None,
        pot=pots.pot if n_digits else None,
    )
    return Estate(
        problem,
        facilities,
        options,
        rows,
        tuple(years),
        slices,
        nodes.iloc[moving].reset_index(drop=True),
        nodes,
        staying,
        metres,
        node_pupils,
        moving,
        restated,
        np.concatenate([vehicle_costs(options, years, policy), np.zeros(2 * n_digits)]),
        pots,
    )


def first_stage(options: Sequence[Option]) -> Ints:
    """(O,) what is decided now: 0 to begin nothing yet, else the option that has to be begun at once."""
    return np.array([o + 1 if option.start_now else 0 for o, option in enumerate(options)], dtype=np.int64)


def year_weights(years: Sequence[str], policy: Policy) -> tuple[Array, Array]:
    """Discount factor of each plan year, and its weight with the years after the horizon added to the last one."""
    rate = policy.number("discount_rate")
    discount = (1 + rate) ** -np.arange(1, len(years) + 1, dtype=float)
    weight = discount.copy()
    weight[-1] *= 1 + sum((1 + rate) ** -k for k in range(1, policy.integer("residual_years") + 1))
    return discount, weight


def option_costs(options: Sequence[Option], years: Sequence[str], policy: Policy) -> Array:
    """(O,) discounted cost of each option over today: capital and one-off cost when spent, running cost for good.

    The price of its harm is added whenever it happens: putting harm off is no gain.
    """
    discount, weight = year_weights(years, policy)
    once = np.array([option.capital_gbp + option.one_off_gbp for option in options])
    running = np.array([option.running_gbp for option in options])
    harm = np.array([option.harm_gbp for option in options])
    return np.asarray(once @ discount + running @ weight + harm + vehicle_costs(options, years, policy))


def vehicle_costs(options: Sequence[Option], years: Sequence[str], policy: Policy) -> Array:
    """(O,) discounted cost of the vehicles of each option above the price of their seats."""
    nothing = np.zeros(len(years))
    each = [nothing if option.vehicles_gbp is None else option.vehicles_gbp for option in options]
    return np.asarray(np.array(each).reshape(len(options), len(years)) @ year_weights(years, policy)[1])


def slice_table(bands: Sequence[Band], years: Sequence[str], policy: Policy, probability: Array) -> pd.DataFrame:
    """Slices in order: scenario, probability, academic_year, band, phase, kind and weight.

    The weight has probability, discounting and residual years in it.
    """
    _, weight = year_weights(years, policy)
    return pd.DataFrame(
        [
            (k, probability[k], year, band.name, band.phase, kind, probability[k] * weight[t])
            for k in range(len(probability))
            for t, year in enumerate(years)
            for band in bands
            for kind in (KINDS if len(band.year_groups) > 1 else (ENTRY,))
        ],
        columns=["scenario", "probability", "academic_year", "band", "phase", "kind", "weight"],
    )


def _slice_columns(slices: pd.DataFrame, bands: Sequence[Band], years: Sequence[str]) -> list[tuple[int, list[int]]]:
    """Plan year and year-group columns of each slice."""
    by_name = {band.name: band for band in bands}
    taken = []
    for year, name, kind in zip(slices["academic_year"], slices["band"], slices["kind"], strict=True):
        groups = by_name[name].year_groups[:1] if kind == ENTRY else by_name[name].year_groups[1:]
        taken.append((list(years).index(year), [COMPULSORY.index(group) for group in groups]))
    return taken


def _by_slice(places: Array, take: list[tuple[int, list[int]]]) -> Array:
    """(O, S) of places (O, T, 12)."""
    return np.stack([places[:, t, columns].sum(axis=1) for t, columns in take], axis=1)


def _most_of_closing(options: Sequence[Option], own: Array, scenario: Ints, take: list[tuple[int, list[int]]]) -> Array:
    """(O, S) pupils whom a school that closes takes at most: in its last year, and while it runs out, none but its own.

    `own` (O, K, T, 12) are the pupils of the option's school. Of upper years that share their places only those year
    groups count that it still has. inf elsewhere.
    """
    places = np.array([option.places for option in options])
    stands = places.sum(axis=2) > TINY
    later = np.flip(np.logical_or.accumulate(np.flip(stands, axis=1), axis=1), axis=1)
    ends = later & ~np.pad(later[:, 1:], ((0, 0), (0, 1)), constant_values=True)
    gone = (places <= TINY) & (places[:, :1] > TINY)
    runs_out = gone.any(axis=2) & later & ~later[:, -1:]
    most = np.full((len(options), len(take)), np.inf)
    for s, (k, (t, columns)) in enumerate(zip(scenario.tolist(), take, strict=True)):
        mine = ends[:, t] | runs_out[:, t]
        kept = own[:, k, t][:, columns] * (places[:, t][:, columns] > TINY)
        most[mine, s] = kept[mine].sum(axis=1)
    return most


def _kept(home: Ints, demand: Array, capacity: Array, option_facility: Ints, distance_m: Array) -> Array:
    """(S, N) pupils of each node whom their school keeps under every option it has, the nearest first."""
    facilities = int(option_facility.max()) + 1
    least = np.full((facilities, len(demand)), np.inf)
    np.minimum.at(least, option_facility, capacity)
    order = np.lexsort((distance_m, home))
    ordered = demand[:, order]
    before = np.cumsum(ordered, axis=1) - ordered
    first = np.searchsorted(home[order], home[order], side="left")
    nearer = before - before[:, first]
    kept = np.zeros_like(demand)
    kept[:, order] = np.clip(least[home[order]].T - nearer, 0.0, ordered)
    return np.where(demand - kept < TINY, demand, kept)


def _arcs(
    moving: Ints,
    home: Ints,
    nodes: pd.DataFrame,
    reach: Reach,
    capacity: Array,
    option_facility: Ints,
    slices: pd.DataFrame,
    facilities: Sequence[Facility],
    policy: Policy,
) -> tuple[Ints, Ints]:
    """Arcs of the moving nodes: today's school, every site and the nearest schools with room, as policy allows."""
    most = np.zeros((len(facilities), len(slices)))
    np.maximum.at(most, option_facility, capacity)
    site = np.array([facility.site for facility in facilities])
    choices = policy.integer("journey_choices")
    tails, heads = [], []
    for band, of_band in slices.groupby("band"):
        local = np.flatnonzero((nodes["band"].to_numpy()[moving]) == band)
        if not len(local):
            continue
        room = most[:, of_band.index].max(axis=1) > 0.5
        limit = policy.by_phase("journey_max_{phase}_min", str(of_band["phase"].iloc[0]))
        rows = moving[local]
        minutes = reach.minutes[reach.origin[rows]]
        may = reach.allowed[rows] & room & (minutes <= limit)
        ranked = np.where(may & ~site, minutes, np.inf)
        if ranked.shape[1] > choices:
            nearest = np.partition(ranked, choices - 1, axis=1)[:, [choices - 1]]
            may &= site | (ranked <= nearest)
        may[np.arange(len(rows)), home[rows]] = True
        at, facility = np.nonzero(may)
        tails.append(local[at])
        heads.append(facility)
    if not tails:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(tails), np.concatenate(heads)


def _arc_metres(node: Ints, facility: Ints, home: Ints, nodes: pd.DataFrame, reach: Reach) -> Array:
    """Road metres of each arc; staying is the distance of the node itself."""
    metres = reach.metres[reach.origin[node], facility]
    return np.where(home[node] == facility, nodes["distance_m"].to_numpy(dtype=float)[node], metres)


def counted_m(after: Array, before: Array, site: NDArray[np.bool_], policy: Policy) -> Array:
    """Metres at which the journey of who moves is priced: of a shorter way to a school that stands only a share counts.

    Whoever attends a farther school today has passed the nearer one by; to be sent there is hardly a gain. A new school
    (`site`) counts in full.
    """
    nearer = np.isfinite(before) & np.isfinite(after) & (after < before) & ~site
    share = policy.number("nearer_journey_share")
    return np.asarray(np.where(nearer, before - share * (np.where(nearer, before - after, 0.0)), after))


def _arc_costs(
    metres: Array,
    priced_m: Array,
    moved: NDArray[np.bool_],
    primary: NDArray[np.bool_],
    slices: pd.DataFrame,
    policy: Policy,
) -> Array:
    """(S, A) GBP per pupil: the journey, and where a pupil leaves today's school the disturbance and any transport.

    Transport is owed beyond the statutory walking distance: that under 8 is taken for primary pupils, that from 8 for
    secondary. A school without coordinates has no journey to price.
    """
    known, priced = (np.where(np.isfinite(of), of, 0.0) for of in (metres, priced_m))
    limit = np.where(primary, policy.number("walking_limit_under_8_m"), policy.number("walking_limit_8_up_m"))
    moving = policy.number("disturbance_gbp") + (known > limit) * policy.number("transport_gbp")
    per_pupil = priced / 1000 * policy.number("journey_cost_gbp_per_km") + moved * moving
    return np.outer(slices["weight"].to_numpy(dtype=float), per_pupil)


def _baseline(options: Sequence[Option], option_facility: Ints, n_facilities: int) -> Ints:
    baseline = np.full(n_facilities, -1, dtype=np.int64)
    for o, option in enumerate(options):
        if option.action == STAY:
            baseline[option_facility[o]] = o
    return baseline


def reach_of(
    nodes: pd.DataFrame,
    point_rows: Mapping[str, int],
    facility_rows: Mapping[str, int],
    metres: Array,
    minutes: Array,
    facilities: Sequence[Facility],
    bands: Sequence[Band],
    may_move: NDArray[np.bool_],
) -> Reach:
    """Reach of every node: from its demand point, or from today's school where its home is not known.

    `metres` and `minutes` are (points + facilities, F): demand points first, then facilities in order. `may_move`
    (F, F) says whether a pupil of one facility may go to another by faith, gender and admissions.
    """
    of_point = nodes["demand_point"].map(point_rows)
    of_school = nodes["urn"].astype(str).map(facility_rows)
    origin = of_point.fillna(of_school + len(point_rows)).to_numpy(dtype=np.int64)
    serves = np.array([[set(b.year_groups) <= set(f.year_groups) for f in facilities] for b in bands])
    band_row = nodes["band"].map({band.name: b for b, band in enumerate(bands)}).to_numpy(dtype=np.int64)
    allowed = serves[band_row] & may_move[of_school.to_numpy(dtype=np.int64)]
    return Reach(origin, metres, minutes, allowed)
