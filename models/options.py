"""What may happen to a school or site: options.

Every facility follows exactly one option: a path of places by year and year group, what it costs over today, and who
may propose and decide it. Places are places usable in that year group and academic year. Generators of options stand
in `models.growth` and `models.reductions`, each a small function with its reason in its docstring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from geodata.competitions import amended
from geodata.policy import Policy
from geodata.years import COMPULSORY, start_year
from models.powers import NOBODY, VARIATION, Power, power
from models.schedule import UNSCHEDULED, Schedule

Array = NDArray[np.float64]
SECONDARY_FROM = COMPULSORY.index("Y7")
STAY, LIFT, BULGE, EXPAND = "stay", "lift PAN", "bulge class", "expand"
NEW, CUT, CLOSE = "new school", "cut PAN", "close"
SEND_UNIT = "SEND unit"
CAP, MOTHBALL, SHARE, FEDERATE = "cap forms", "mothball", "share space", "federate"
MERGE_CLOSES, MERGE_ENLARGED = "amalgamate: closes", "amalgamate: takes in"  # its building closes; the other may grow
MERGE_SITE, MERGE_KEEPS = "amalgamate: second site", "amalgamate: both sites"  # its number ends; the other keeps both
CLOSING = (CLOSE, MERGE_CLOSES)  # a building is left
ENDING = (*CLOSING, MERGE_SITE)  # a school's own number ends
HARM = {
    CUT: "harm_gbp_cut_pan",
    CAP: "harm_gbp_cap_forms",
    MOTHBALL: "harm_gbp_mothball",
    SHARE: "harm_gbp_share_space",
    FEDERATE: "harm_gbp_federate",
    MERGE_CLOSES: "harm_gbp_amalgamate",
    MERGE_SITE: "harm_gbp_amalgamate",
    CLOSE: "harm_gbp_close",
}
"""Price of the harm of what takes away, least first; of an amalgamation on the school that ends."""


@dataclass(frozen=True)
class Facility:
    """An existing school or a candidate site.

    Attributes
    ----------
    key : urn or site code as text.
    year_groups : R–Y11 year groups served (or, for a site, to be served).
    places : (T, 12) places today's estate will have by plan year and year group R … Y11.
    pupils : (T, 12) forecast roll, median.
    holds : (T, 12) pupils of cohorts already on roll in the base year: they keep their places while the school stands.
    physical : (T, 12) places that today's buildings hold, whatever the admission number; None: those of `places`.
    planning_area : by phase.
    pan_estimated : the admission number is a fallback, not a published figure.
    partners : schools with which it may federate or amalgamate.

    """

    key: str
    name: str
    phase: str
    year_groups: tuple[str, ...]
    places: Array
    pupils: Array
    holds: Array
    planning_area: dict[str, str]
    type: str | None = None
    site: bool = False
    pan_estimated: bool = False
    min_fe: float = 0.0
    min_stage_fe: float | None = None  # smallest first stage of a new school; None: min_fe
    max_fe: float = 0.0
    available_from: str = ""
    land_cost_gbp: float = 0.0
    physical: Array | None = None
    planning_status: str = "none"  # of a site: none, applied, outline or full
    transfer_date: date | None = None  # on which the site comes to the authority or trust
    standing: str = ""  # of a site: its owner and planning status, in words
    trust: str = ""  # that runs an academy, where it is known
    ground: str = ""  # on which closing it may be considered, in words; "" where it may not
    partners: "tuple[Partner, ...]" = ()

    @property
    def columns(self) -> list[int]:
        """Columns of its year groups among R … Y11."""
        return [COMPULSORY.index(group) for group in self.year_groups]


@dataclass(frozen=True)
class Partner:
    """A school seen from another with which it may do something jointly.

    Attributes
    ----------
    metres : straight line between the two.
    minutes : drive, the longer of the two ways.
    named : the study's own pair: "ends" where this partner's number would end, "stays" where the other's would.

    """

    school: Facility
    metres: float
    minutes: float
    federates: bool = False
    amalgamates: bool = False
    named: str = ""


@dataclass(frozen=True)
class Option:
    """One thing a facility may do: where its places go and what that costs over doing nothing.

    `admits` (T, 12) are places by admission number within net capacity; `places` (T, 12) are those usable, where
    pupils already on roll above the admission number keep theirs. Money is by plan year, (T,). One with a `partner`
    (a facility's key) stands only together with that facility's own part of it. `harm_gbp` is a price of judgement,
    no money.
    """

    facility: str
    action: str
    academic_year: str
    admits: Array
    places: Array
    capital_gbp: Array
    running_gbp: Array  # a year over today; negative is a saving
    one_off_gbp: Array  # once, not capital
    power: Power = NOBODY
    reason: str = ""
    schedule: Schedule = UNSCHEDULED
    unit_phase: str = ""  # of a SEND unit
    unit_places: Array | None = None  # (T,) places of it
    partner: str = ""
    harm_gbp: float = 0.0
    vehicles_gbp: Array | None = None  # (T,) of a closing: whole vehicles a year above the plan's price of their seats
    capital_share: Mapping[str, float] = field(default_factory=dict)  # of capital for mainstream places, by phase

    @property
    def start_now(self) -> bool:
        """Whether another year's wait before its first step would miss its opening."""
        return self.schedule.now


def make_option(
    facility: Facility,
    action: str,
    year: str,
    admits: Array,
    capital_gbp: Array,
    running_gbp: Array,
    reason: str,
    *,
    policy: Policy,
    one_off_gbp: Array | None = None,
    standing: NDArray[np.bool_] | None = None,
    schedule: Schedule = UNSCHEDULED,
    unit: tuple[str, Array | None] = ("", None),
    partner: str = "",
) -> Option:
    """Option of a facility; while it stands (T,), pupils on roll in the base year keep their places.

    `unit` is the phase and the (T,) places of a SEND unit.
    """
    places = np.maximum(admits, facility.holds if standing is None else facility.holds * standing[:, None])
    varied = policy.text("pan_cut_route") == VARIATION
    sought = schedule.steps[0].begin_by if schedule.steps else None
    new_law = action == NEW and amended(sought, policy)
    holds = power(facility.type, action, policy.text("regime"), varied=varied, section_7_amended=new_law)
    once = np.zeros(len(admits)) if one_off_gbp is None else one_off_gbp
    money = (capital_gbp, running_gbp, once)
    harm = policy.number(HARM[action]) if action in HARM else 0.0
    share = _capital_share(facility, action, unit[0], policy)
    return Option(
        facility.key, action, year, admits, places, *money, holds, reason, schedule, *unit, partner, harm, None, share
    )  # fmt: skip


def _capital_share(facility: Facility, action: str, unit_phase: str, policy: Policy) -> dict[str, float]:
    """Share of an option's capital by the phase whose mainstream places it makes; land follows the places' cost.

    None of a SEND unit's or of rooms let to early years: what a development owes for mainstream places does not pay
    for them.
    """
    if unit_phase or action == SHARE:
        return {}
    phases = places_by_phase(facility, 1.0)
    if action == BULGE or len(phases) == 1:
        return {next(iter(phases)): 1.0}
    kind = "new" if facility.site else "expand"
    cost = {phase: places * cost_per_place(policy, kind, phase) for phase, places in phases.items()}
    return {phase: gbp / sum(cost.values()) for phase, gbp in cost.items()}


def stay(facility: Facility, years: Sequence[str], policy: Policy) -> list[Option]:
    """Today's estate with the places already planned; for a site, that nothing is built."""
    nothing = np.zeros(len(years))
    return [make_option(facility, STAY, "", facility.places, nothing, nothing, "", policy=policy)]


def moving_up(facility: Facility, years: int, start: int) -> Array:
    """(T, 12): 1 where a cohort that entered in plan year `start` or later has reached the year group.

    A new all-through school admits to the first year group of both phases.
    """
    columns = np.array(facility.columns, dtype=int)
    climbed = np.arange(len(columns))
    if facility.site:
        climbed = np.where(columns >= SECONDARY_FROM, columns - max(SECONDARY_FROM, columns[0]), columns - columns[0])
    reached = np.zeros((years, len(COMPULSORY)))
    since = np.arange(years)[:, None] - start
    reached[:, columns] = since >= climbed[None, :]
    return reached


def cost_per_place(policy: Policy, kind: str, phase: str) -> float:
    """GBP at the study's price base; `kind` is "new", "expand" or "temporary"."""
    index = policy.number("location_factor") * policy.number("price_index")
    return policy.number(f"cost_per_place_{kind}_{phase}_gbp") * index


def viable_fe(facility: Facility, policy: Policy) -> float:
    """Forms of entry below which a new school is not viable; an all-through one needs the larger of its phases'."""
    return max(policy.number(f"viable_fe_{phase}") for phase in places_by_phase(facility, 1.0))


def places_by_phase(facility: Facility, added: float) -> dict[str, float]:
    """Places that a class of `added` in every year group makes in each phase."""
    secondary = sum(1 for column in facility.columns if column >= SECONDARY_FROM)
    counts = {"primary": len(facility.columns) - secondary, "secondary": secondary}
    return {phase: added * count for phase, count in counts.items() if count}


def index_from(year: str, years: Sequence[str]) -> int:
    """Index of the first plan year that is not before `year`."""
    return max(start_year(year) - start_year(years[0]), 0) if year else 0
