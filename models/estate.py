"""The estate problem: every site follows exactly one option; pupils go to places; pay for both.

Commissioning, tender choice and closure are this one mixed-integer programme seen from different sides:

    min  Σ_o cost[o]·z[o] + Σ_s,a demand[s,d(a)]·arc_cost[s,a]·x[s,a]
                          + Σ_s,d demand[s,d]·unmet_cost[s,d]·u[s,d]

    s.t. Σ_{o of f} z[o] = 1                                        every facility f
         Σ_{a of d} x[s,a] + u[s,d] = 1                             every slice s and node d
         Σ_{a into f} demand[s,d(a)]·x[s,a] ≤ Σ_{o of f} places[o,s]·z[o]   every slice s and facility f
         x[s,a] ≤ Σ_{o of f(a), places[o,s] > 0} z[o]               strong linking
         lower[r] ≤ Σ_o row[r,o]·z[o] ≤ upper[r]                    every policy row r
         z ∈ {0, 1};  0 ≤ x, u ≤ 1, and x, u ∈ {0, 1} where single_site

========  =======================  ==========================================================
symbol    array                    meaning
========  =======================  ==========================================================
o, O      ``option_*``             options: paths of places over time, each of one facility
f, F      –                        facilities 0 … F-1: existing schools and candidate sites
s, S      –                        slices: year × age band × entry year or upper years × scenario
d, D      –                        nodes: demand point × age band × today's school
a, A      ``arc_*``                arcs: node d(a) may use facility f(a)
r, R      ``row_*``                policy rows over the options
z[o]      ``EstatePlan.option``    facility follows option o
x[s,a]    ``EstatePlan.flow``      share of the node's pupils who take the arc
u[s,d]    ``EstatePlan.unmet``     share of the node's pupils without a place
cost      ``option_cost``          GBP, discounted
places    ``option_capacity``      places usable in the slice
demand    ``demand``               pupils
========  =======================  ==========================================================

Discounting, days travelled, slice length and scenario probability are already in the three costs. The last facilities
may be digits of sums of money, grouped into pots: nobody can go to them, and their options, nothing and the digit, are
tied to those of schools by policy rows. Every digit of a pot is a multiple of its first, 1, in cost and rows. Pupils
can always stay without a place at ``unmet_cost``, so only the policy rows can make the problem infeasible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, csr_matrix

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_DENSE = (
    "option_facility", "option_cost", "option_capacity", "demand",
    "arc_node", "arc_facility", "arc_cost", "unmet_cost",
)  # fmt: skip
_OPTIONAL = ("baseline", "slice_scenario", "scenario_weight", "option_first", "pot")


LARGEST = 1e12  # places, pupils and amounts of rows; beyond it no solver keeps its digits
TOO_LARGE = f"above {LARGEST:g}; for as many places as anybody could need, give the number of pupils"


@dataclass(frozen=True, eq=False)
class EstateProblem:
    """Options, demand, journeys and policy rows, as arrays only; shapes in the comments, symbols above.

    Arrays are converted to int64, float64 and CSR. Raises ValueError, naming the field and the first bad
    index, where a shape, a number or a reference is wrong.
    """

    option_facility: IntArray  # (O,) facilities are 0 … F-1, each with at least one option
    option_cost: FloatArray  # (O,) GBP, discounted
    option_capacity: FloatArray  # (O, S) places usable in each slice
    demand: FloatArray  # (S, D) pupils
    arc_node: IntArray  # (A,)
    arc_facility: IntArray  # (A,)
    arc_cost: FloatArray  # (S, A), or (1, A) where every slice costs the same; GBP per pupil
    unmet_cost: FloatArray  # (S, D) GBP per pupil without a place
    row_matrix: csr_matrix  # (R, O); R may be 0
    row_lower: FloatArray  # (R,) may be -inf
    row_upper: FloatArray  # (R,) may be inf
    row_name: Sequence[str] = ()  # words a planner recognises, one a row; used when rules clash
    single_site: bool = False  # True: x and u are 0 or 1, a node's pupils all go to one facility
    baseline: IntArray | None = None  # (F,) the option each facility follows today; may break policy rows
    slice_scenario: IntArray | None = None  # (S,) the demand scenario 0 … K-1 of a slice
    scenario_weight: FloatArray | None = None  # (K,) probability of a scenario; None: all equal
    option_first: IntArray | None = None  # (O,) first-stage class of an option within its facility
    pot: IntArray | None = None  # (Q,) the pot of each of the last facilities, which are digits of sums of money

    def __post_init__(self) -> None:
        for name in ("option_facility", "arc_node", "arc_facility"):
            self._set(name, whole_numbers(name, getattr(self, name)))
        for name in ("option_cost", "option_capacity", "demand", "arc_cost", "unmet_cost"):
            self._set(name, finite_numbers(name, getattr(self, name)))
        self._check_demand()
        self._check_options()
        self._check_arcs()
        self._check_rows()
        self._check_baseline()
        self._check_scenarios()
        self._check_pots()
        self._set("single_site", bool(self.single_site))

    # -- counts -----------------------------------------------------------------------------------------

    @property
    def n_options(self) -> int:
        """O."""
        return len(self.option_facility)

    @property
    def n_facilities(self) -> int:
        """F."""
        return int(self.option_facility.max()) + 1

    @property
    def n_schools(self) -> int:
        """Facilities that are schools or sites, the first ones: F less the digits."""
        return self.n_facilities - (0 if self.pot is None else len(self.pot))

    @property
    def n_slices(self) -> int:
        """S."""
        return int(self.demand.shape[0])

    @property
    def n_nodes(self) -> int:
        """D."""
        return int(self.demand.shape[1])

    @property
    def n_arcs(self) -> int:
        """A."""
        return len(self.arc_node)

    @property
    def n_rows(self) -> int:
        """R."""
        return len(self.row_lower)

    def journey_costs(self, slices: IntArray | int, arcs: IntArray | slice = slice(None)) -> FloatArray:
        """`arc_cost` of arcs in slices, GBP per pupil, wherever it stands once for all slices."""
        costs: FloatArray = self.arc_cost[slices if len(self.arc_cost) > 1 else 0, arcs]
        return costs

    # -- stages -----------------------------------------------------------------------------------------

    @property
    def two_stage(self) -> bool:
        """Whether a facility may follow another option in another scenario."""
        return self.slice_scenario is not None and self.option_first is not None

    @property
    def stage_scenario(self) -> IntArray:
        """(S,) the scenario of a slice as far as options may differ by it: 0 for all in one-stage problems."""
        if self.two_stage and self.slice_scenario is not None:
            return self.slice_scenario
        return np.zeros(self.n_slices, dtype=np.int64)

    @property
    def stage_weight(self) -> FloatArray:
        """(K,) the weight of an option's cost in each scenario of `stage_scenario`; sums to 1."""
        if not self.two_stage:
            return np.ones(1)
        if self.scenario_weight is not None:
            return self.scenario_weight
        n_scenarios = int(self.stage_scenario.max()) + 1
        return np.full(n_scenarios, 1.0 / n_scenarios)

    # -- parts ------------------------------------------------------------------------------------------

    def with_options(self, kept: IntArray) -> EstateProblem:
        """The problem with these options only, in this order; without a baseline where that is not among them.

        ValueError where a facility is left without an option.
        """
        left = np.full(self.n_options, -1)
        left[kept] = np.arange(len(kept))
        baseline = None if self.baseline is None else left[self.baseline]
        return replace(
            self,
            option_facility=self.option_facility[kept],
            option_cost=self.option_cost[kept],
            option_capacity=self.option_capacity[kept],
            row_matrix=self.row_matrix[:, kept],
            option_first=None if self.option_first is None else self.option_first[kept],
            baseline=None if baseline is None or (baseline < 0).any() else baseline,
        )

    # -- files ------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | Path) -> EstateProblem:
        """Read an .npz of the arrays under their own names, policy rows as row, row_option, row_value triplets.

        Absent policy rows, names, baseline and single_site take their defaults; arrays of other names are
        left. Raises ValueError where a needed array is missing or wrong.
        """
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        if missing := [name for name in _DENSE if name not in stored]:
            raise ValueError(f"{Path(path).name} has no array {', '.join(missing)}")
        n_options = len(stored["option_facility"])
        lower, upper, rows = _stored_rows(stored, n_options)
        optional: dict[str, Any] = {name: stored.get(name) for name in _OPTIONAL}
        return cls(
            **{name: stored[name] for name in _DENSE},
            row_matrix=rows,
            row_lower=lower,
            row_upper=upper,
            row_name=tuple(str(name) for name in stored.get("row_name", ())),
            single_site=bool(stored.get("single_site", False)),
            **optional,
        )

    def save(self, path: str | Path) -> None:
        """Write the arrays as a compressed .npz that `load` reads back."""
        triplets = coo_matrix(self.row_matrix)
        stored: dict[str, Any] = {name: getattr(self, name) for name in _DENSE}
        stored |= {"row": triplets.row, "row_option": triplets.col, "row_value": triplets.data}
        stored |= {"row_lower": self.row_lower, "row_upper": self.row_upper, "single_site": self.single_site}
        if self.row_name:
            stored["row_name"] = np.array(self.row_name, dtype=np.str_)
        stored |= {name: given for name in _OPTIONAL if (given := getattr(self, name)) is not None}
        with Path(path).open("wb") as file:  # an open file, so that numpy leaves the name as it is
            np.savez_compressed(file, **stored)

    # -- checks -----------------------------------------------------------------------------------------

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_options(self) -> None:
        if not self.n_options:
            raise ValueError("option_facility is empty: a problem needs at least one option")
        require_shape("option_facility", self.option_facility, (self.n_options,))
        require_shape("option_cost", self.option_cost, (self.n_options,))
        require_shape("option_capacity", self.option_capacity, (self.n_options, self.demand.shape[0]))
        refuse("option_facility", self.option_facility, self.option_facility < 0, "facilities count from 0")
        bare = np.setdiff1d(np.arange(self.n_facilities), self.option_facility)
        if bare.size:
            raise ValueError(
                f"option_facility: facility {bare[0]} has no option (facilities are 0 … {self.n_facilities - 1})"
            )
        refuse("option_capacity", self.option_capacity, self.option_capacity < 0, "places cannot be negative")
        refuse("option_capacity", self.option_capacity, self.option_capacity > LARGEST, TOO_LARGE)

    def _check_demand(self) -> None:
        if self.demand.ndim != 2:
            raise ValueError(f"demand has shape {self.demand.shape}, expected (slices, nodes)")
        if not len(self.demand):
            raise ValueError(f"demand has shape {self.demand.shape}: a problem needs at least one slice")
        require_shape("unmet_cost", self.unmet_cost, self.demand.shape)
        refuse("demand", self.demand, self.demand < 0, "pupils cannot be negative")
        refuse("demand", self.demand, self.demand > LARGEST, TOO_LARGE)

    def _check_arcs(self) -> None:
        require_shape("arc_node", self.arc_node, (self.n_arcs,))
        require_shape("arc_facility", self.arc_facility, (self.n_arcs,))
        if self.arc_cost.shape != (1, self.n_arcs):
            require_shape("arc_cost", self.arc_cost, (self.n_slices, self.n_arcs))
        out = (self.arc_node < 0) | (self.arc_node >= self.n_nodes)
        refuse("arc_node", self.arc_node, out, f"nodes are 0 … {self.n_nodes - 1}")
        out = (self.arc_facility < 0) | (self.arc_facility >= self.n_facilities)
        refuse(
            "arc_facility",
            self.arc_facility,
            out,
            f"facilities with an option are 0 … {self.n_facilities - 1}",
        )

    def _check_rows(self) -> None:
        matrix = csr_matrix(self.row_matrix, dtype=np.float64)
        matrix.sum_duplicates()
        self._set("row_matrix", matrix)
        for name in ("row_lower", "row_upper"):
            bounds = numbers(name, getattr(self, name))
            self._set(name, bounds)
            require_shape(name, bounds, (matrix.shape[0],))
            refuse(name, bounds, np.isnan(bounds), "not a number")
            refuse(name, bounds, np.isfinite(bounds) & (np.abs(bounds) > LARGEST), TOO_LARGE)
        refuse("row_lower", self.row_lower, self.row_lower == np.inf, "no level reaches it")
        refuse("row_upper", self.row_upper, self.row_upper == -np.inf, "no level is below it")
        if matrix.shape[1] != self.n_options:
            raise ValueError(f"row_matrix has shape {matrix.shape}, expected ({self.n_rows}, {self.n_options})")
        if (bad := ~(np.abs(matrix.data) <= LARGEST)).any():
            row = int(np.searchsorted(matrix.indptr, np.flatnonzero(bad)[0], side="right")) - 1
            raise ValueError(f"row_matrix[{row}] holds a value that is not finite, or above {LARGEST:g}")
        self._set("row_name", tuple(self.row_name))
        if self.row_name and len(self.row_name) != self.n_rows:
            raise ValueError(f"row_name has {len(self.row_name)} names for {self.n_rows} rows")

    def _check_baseline(self) -> None:
        if self.baseline is None:
            return
        baseline = whole_numbers("baseline", self.baseline)
        self._set("baseline", baseline)
        require_shape("baseline", baseline, (self.n_facilities,))
        refuse("baseline", baseline, (baseline < 0) | (baseline >= self.n_options), "not an option")
        strange = self.option_facility[baseline] != np.arange(self.n_facilities)
        refuse("baseline", baseline, strange, "an option of another facility")

    def _check_pots(self) -> None:
        if self.pot is None:
            return
        self._set("pot", whole_numbers("pot", self.pot))
        if not 0 < self.n_schools < self.n_facilities:
            raise ValueError(f"pot has {len(self.pot)} digits, expected fewer than the {self.n_facilities} facilities")
        two = np.bincount(self.option_facility)[self.n_schools :] == 2
        refuse("pot", np.arange(len(self.pot)), ~two, "every digit has two options")
        into = self.option_facility >= self.n_schools
        refuse("option_capacity", self.option_capacity, into[:, None] & (self.option_capacity > 0), "places in a pot")
        refuse("arc_facility", self.arc_facility, self.arc_facility >= self.n_schools, "nobody can go to a pot")

    def _check_scenarios(self) -> None:
        if self.option_first is not None:
            self._set("option_first", whole_numbers("option_first", self.option_first))
            require_shape("option_first", self.option_first, (self.n_options,))
        if self.slice_scenario is None:
            if self.scenario_weight is not None:
                raise ValueError("scenario_weight is given without slice_scenario: no slice has a scenario")
            return
        scenario = whole_numbers("slice_scenario", self.slice_scenario)
        self._set("slice_scenario", scenario)
        require_shape("slice_scenario", scenario, (self.n_slices,))
        refuse("slice_scenario", scenario, scenario < 0, "scenarios count from 0")
        n_scenarios = int(scenario.max(initial=-1)) + 1
        bare = np.setdiff1d(np.arange(n_scenarios), scenario)
        if bare.size:
            raise ValueError(f"slice_scenario: scenario {bare[0]} has no slice (they are 0 … {n_scenarios - 1})")
        if self.scenario_weight is None:
            return
        weight = finite_numbers("scenario_weight", self.scenario_weight)
        self._set("scenario_weight", weight)
        require_shape("scenario_weight", weight, (n_scenarios,))
        refuse("scenario_weight", weight, weight <= 0, "a probability above 0")
        if abs(weight.sum() - 1.0) > 1e-6:
            raise ValueError(f"scenario_weight sums to {weight.sum():.6g}, not 1")


def _stored_rows(stored: dict[str, Any], n_options: int) -> tuple[FloatArray, FloatArray, csr_matrix]:
    """(lower, upper, matrix) of the policy rows in a file; a bound that is absent does not bind."""
    n_rows = max((len(stored[name]) for name in ("row_lower", "row_upper") if name in stored), default=0)
    lower = stored.get("row_lower", np.full(n_rows, -np.inf))
    upper = stored.get("row_upper", np.full(n_rows, np.inf))
    row, option = stored.get("row", np.empty(0, int)), stored.get("row_option", np.empty(0, int))
    refuse("row", row, (row < 0) | (row >= n_rows), f"rows are 0 … {n_rows - 1}")
    refuse("row_option", option, (option < 0) | (option >= n_options), f"options are 0 … {n_options - 1}")
    value = stored.get("row_value", np.empty(0))
    if not len(row) == len(option) == len(value):
        raise ValueError(f"row, row_option, row_value have {len(row)}, {len(option)}, {len(value)} entries")
    return lower, upper, csr_matrix((value, (row, option)), shape=(n_rows, n_options))


# -- checks that other problem types share ---------------------------------------------------------------


def whole_numbers(name: str, values: ArrayLike) -> IntArray:
    """Values as int64; ValueError names the first that is not a whole number."""
    given = np.asarray(values)
    if given.size == 0:
        return given.astype(np.int64)
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {given.dtype}, expected whole numbers")
    if given.dtype.kind == "f":
        refuse(name, given, ~(np.abs(given) < 2**53) | (given != np.floor(given)), "not a whole number")
    return given.astype(np.int64)


def finite_numbers(name: str, values: ArrayLike) -> FloatArray:
    """Values as float64; ValueError names the first that is not finite."""
    given = numbers(name, values)
    refuse(name, given, ~np.isfinite(given), "not a finite number")
    return given


def numbers(name: str, values: ArrayLike) -> FloatArray:
    """Values as float64; ValueError names the field where they are no array of numbers."""
    try:
        given = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths") from None
    if given.size and given.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {given.dtype}, expected numbers")
    return given.astype(np.float64)


def require_shape(name: str, values: NDArray[Any], expected: tuple[int, ...]) -> None:
    """ValueError unless the array has the shape."""
    if values.shape != expected:
        raise ValueError(f"{name} has shape {values.shape}, expected {expected}")


def refuse(name: str, values: NDArray[Any], bad: NDArray[np.bool_], why: str) -> None:
    """ValueError that names the first bad entry, if there is one."""
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}[{', '.join(map(str, index))}] = {values[index]}: {why}")
