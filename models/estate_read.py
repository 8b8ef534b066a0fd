"""From a plan back to tables: what each facility does, where pupils go, and who is left without a place."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.cohorts import cube_frame
from models.estate_build import Estate
from models.options import STAY, Facility, Option
from models.powers import GOVERNORS, TRUST

Array = NDArray[np.float64]
LEAST_PUPILS = 0.01


def decisions(estate: Estate, chosen: NDArray[np.int64] | None) -> pd.DataFrame:
    """One row a facility and option that it changes to: what, when, places, cost, powers, reason, probability.

    `chosen` is (F,), or (K, F) where later options differ by scenario: the probability is then that of the scenarios
    in which the option is taken. No rows where there is no plan. Places are admission places R–Y11 in the last plan
    year under today's estate and under the plan.
    """
    if chosen is None:
        return pd.DataFrame(columns=DECISION_COLUMNS)
    staged = np.atleast_2d(chosen)
    weight = estate.problem.stage_weight if len(staged) > 1 else np.ones(1)
    rows = []
    for f, facility in enumerate(estate.facilities):
        for o in np.unique(staged[:, f]).tolist():
            if estate.options[o].action != STAY:
                price = float(estate.problem.option_cost[o] - estate.vehicles_gbp[o])
                row = _decision(facility, estate.options[o], price - estate.options[o].harm_gbp)
                rows.append(row | {"probability": float(weight[staged[:, f] == o].sum())})
    return pd.DataFrame(rows, columns=DECISION_COLUMNS)


def calendar_table(estate: Estate, chosen: NDArray[np.int64] | None) -> pd.DataFrame:
    """Every step of what is decided: facility, academic_year, action, step, begin_by, done_by and basis, in order.

    `chosen` as for `decisions`; days as 2022-12-20, each the latest.
    """
    taken = [] if chosen is None else np.unique(np.atleast_2d(chosen)[:, : len(estate.facilities)]).tolist()
    decided = sorted(taken, key=lambda o: (estate.options[o].facility, estate.options[o].academic_year))
    rows = [
        (of.facility, of.academic_year, of.action, step.name, str(step.begin_by), str(step.done_by), step.basis)
        for of in (estate.options[o] for o in decided)
        for step in of.schedule.steps
    ]
    # Two sizes of one action have the same steps in the same year.
    return pd.DataFrame(rows, columns=CALENDAR_COLUMNS).drop_duplicates(ignore_index=True)


def option_table(estate: Estate) -> pd.DataFrame:
    """Every option in the problem's numbering: option, facility, name, action, academic_year, places, cost, powers.

    `cost_gbp` is its own cost; the plan was chosen at that, the price of harm, `harm_gbp`, and what vehicles cost above
    the price of seats, `vehicles_gbp`.
    The sums of contributions, which follow in the problem, are not among them.
    """
    by_key = {facility.key: facility for facility in estate.facilities}
    harm = np.array([option.harm_gbp for option in estate.options])
    vehicles = estate.vehicles_gbp[: len(estate.options)]
    return pd.DataFrame(
        {
            "option": np.arange(len(estate.options)),
            "facility": [option.facility for option in estate.options],
            "name": [by_key[option.facility].name for option in estate.options],
            "action": [option.action for option in estate.options],
            "academic_year": [option.academic_year for option in estate.options],
            "places_after": [round(float(option.admits[-1].sum())) for option in estate.options],
            "cost_gbp": (estate.problem.option_cost[: len(estate.options)] - harm - vehicles).round(),
            "harm_gbp": harm,
            "vehicles_gbp": vehicles.round(),
            "partner": [option.partner for option in estate.options],
            "own_power": [option.power.own for option in estate.options],
            "reason": [option.reason for option in estate.options],
        }
    )


def places_by_year_group(estate: Estate, chosen: NDArray[np.int64] | None) -> pd.DataFrame:
    """Admission places of every facility and option that it changes to, by plan year and year group it serves.

    `chosen` as for `decisions`, whose rows these are, year group by year group: `starts` is their academic_year,
    `places_before` those of today's estate, `places_after` those of the option.
    """
    if chosen is None:
        return pd.DataFrame(columns=PLACES_COLUMNS)
    staged = np.atleast_2d(chosen)
    weight = estate.problem.stage_weight if len(staged) > 1 else np.ones(1)
    frames = [pd.DataFrame(columns=PLACES_COLUMNS)]
    for f, facility in enumerate(estate.facilities):
        for o in np.unique(staged[:, f]).tolist():
            option = estate.options[o]
            if option.action == STAY:
                continue
            axes = {"academic_year": estate.years, "year_group": facility.year_groups}
            before, after = (cube[:, facility.columns] for cube in (facility.places, option.admits))
            table = cube_frame(axes, places_before=before, places_after=after)
            probability = float(weight[staged[:, f] == o].sum())
            told = {"facility": facility.key, "action": option.action, "starts": option.academic_year}
            frames.append(table.assign(**told, probability=probability)[PLACES_COLUMNS])
    return pd.concat(frames[1:] or frames, ignore_index=True)


PLACES_COLUMNS = [
    "facility",
    "action",
    "starts",
    "academic_year",
    "year_group",
    "places_before",
    "places_after",
    "probability",
]
CALENDAR_COLUMNS = ["facility", "academic_year", "action", "step", "begin_by", "done_by", "basis"]
DECISION_COLUMNS = [
    "facility",
    "urn",
    "site",
    "name",
    "phase",
    "action",
    "academic_year",
    "partner",
    "places_before",
    "places_after",
    "cost_gbp",
    "harm_gbp",
    "capital_gbp",
    "running_gbp_per_year",
    "proposer",
    "decider",
    "own_power",
    "asked_of",
    "authority",
    "challenge",
    "start_by",
    "first_step",
    "start_now",
    "probability",
    "reason",
]


def _decision(facility: Facility, option: Option, cost_gbp: float) -> dict[str, object]:
    return {
        "facility": facility.key,
        "urn": None if facility.site else facility.key,
        "site": facility.key if facility.site else None,
        "name": facility.name,
        "phase": facility.phase,
        "action": option.action,
        "academic_year": option.academic_year,
        "partner": option.partner,
        "places_before": round(float(facility.places[-1].sum())),
        "places_after": round(float(option.admits[-1].sum())),
        "cost_gbp": round(cost_gbp),
        "harm_gbp": round(option.harm_gbp),
        "capital_gbp": round(float(option.capital_gbp.sum())),
        "running_gbp_per_year": round(float(option.running_gbp[-1])),
        "proposer": option.power.proposer,
        "decider": option.power.decider,
        "own_power": option.power.own,
        "asked_of": _body(option.power.asked_of, facility),
        "authority": option.power.authority,
        "challenge": option.power.challenge,
        "start_by": option.schedule.start_by,
        "first_step": option.schedule.first_step,
        "start_now": option.start_now,
        "reason": option.reason,
    }


def _body(asked_of: str, facility: Facility) -> str:
    """The body that a request goes to: a trust by its name where it is known, a governing body by its school's."""
    if asked_of == GOVERNORS:
        return f"{GOVERNORS} of {facility.name}"
    return facility.trust if asked_of == TRUST and facility.trust else asked_of


def allocation(estate: Estate, flow: Array) -> pd.DataFrame:
    """Placed pupils: demand_point, phase, academic_year, facility, pupils, distance_m, moved.

    `flow` is (S, A); pupils are those to be expected over the scenarios. Pupils whose school was never in question
    stand in it too. `today` is the school attended in the base year.
    """
    problem = estate.problem
    keys = np.array([facility.key for facility in estate.facilities], dtype=object)
    frames = []
    for s in range(len(estate.slices)):
        pupils = problem.demand[s, problem.arc_node] * flow[s]
        used = np.flatnonzero(pupils > LEAST_PUPILS)
        node = problem.arc_node[used]
        frames.append(
            _allocated(
                estate,
                int(s),
                estate.nodes.iloc[node],
                keys[problem.arc_facility[used]],
                pupils[used],
                estate.arc_metres[used],
            )
        )
        stay = np.flatnonzero(estate.staying[s] > LEAST_PUPILS)
        at_home = estate.all_nodes.iloc[stay]
        home = at_home["urn"].astype(str).to_numpy(dtype=object)
        frames.append(
            _allocated(estate, int(s), at_home, home, estate.staying[s, stay], at_home["distance_m"].to_numpy())
        )
    table = pd.concat(frames, ignore_index=True)
    group = ["demand_point", "phase", "academic_year", "facility", "today"]
    table["pupil_metres"] = table["pupils"] * table["distance_m"]
    summed = table.groupby(group, as_index=False)[["pupils", "pupil_metres"]].sum()
    summed["distance_m"] = summed.pop("pupil_metres") / summed["pupils"]
    summed["distance_m"] = summed["distance_m"].where(np.isfinite(summed["distance_m"]))
    summed["moved"] = summed["facility"] != summed["today"]
    return summed


def _allocated(
    estate: Estate, s: int, nodes: pd.DataFrame, facility: NDArray[np.object_], pupils: Array, metres: Array
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "demand_point": nodes["demand_point"].to_numpy(),
            "phase": estate.slices["phase"].iloc[s],
            "academic_year": estate.slices["academic_year"].iloc[s],
            "facility": facility,
            "today": nodes["urn"].astype(str).to_numpy(),
            "pupils": pupils * estate.slices["probability"].iloc[s],
            "distance_m": metres,
        }
    )


def unplaced(estate: Estate, unmet: Array) -> pd.DataFrame:
    """Pupils without a place within reach: demand_point, phase, academic_year, kind, pupils.

    `unmet` is (S, D); pupils are those to be expected over the scenarios.
    """
    pupils = unmet * estate.problem.demand
    s, node = np.nonzero(pupils > LEAST_PUPILS)
    table = estate.slices.iloc[s][["phase", "academic_year", "kind"]].reset_index(drop=True)
    table.insert(0, "demand_point", estate.nodes["demand_point"].to_numpy()[node])
    table["pupils"] = pupils[s, node] * estate.slices["probability"].to_numpy()[s]
    return table.groupby(["demand_point", "phase", "academic_year", "kind"], as_index=False)["pupils"].sum()
