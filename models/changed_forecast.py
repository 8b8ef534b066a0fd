"""The same estate for more or fewer pupils than are forecast: around one school or everywhere, alike in all years.

What follows the pupils is moved with them: whom a school keeps, who has to be placed, and what the retained surplus
asks for. What has been found out about the estate stays: options, places, budgets, and the pupils already on roll for
whom a school holds a place above its admission number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geodata.years import COMPULSORY, PHASES
from models.estate_build import Estate
from models.rules import Kept, Row

Array = NDArray[np.float64]


def with_forecast(estate: Estate, kept: Sequence[Kept], times: Array) -> Estate:
    """The estate in which every node has `times` (N,) the pupils that are forecast, in every year and scenario.

    `kept` are what the retained-surplus rows rest on. The median and the high forecast move alike.
    """
    return estate.restated(_rows(estate, kept, times), estate.pupils * times)


def around(estate: Estate, facility: int) -> NDArray[np.bool_]:
    """(N,) the nodes around a facility: at a school of its planning area, or with the facility among their journeys."""
    phase_of = dict(zip(estate.slices["band"], estate.slices["phase"], strict=True))
    phases = estate.all_nodes["band"].map(phase_of)
    key = {one.key: one.planning_area for one in estate.facilities}
    areas = estate.facilities[facility].planning_area
    home = estate.all_nodes["urn"].astype(str)
    near = np.array(
        [phase in areas and key[urn].get(phase) == areas[phase] for urn, phase in zip(home, phases, strict=True)],
        dtype=bool,
    )
    arcs = estate.problem.arc_facility == facility
    near[estate.moving[estate.problem.arc_node[arcs]]] = True
    return near


def expected_pupils(estate: Estate) -> Array:
    """(T, 12, N) pupils of every node, averaged over the scenarios."""
    weight = estate.slices.drop_duplicates("scenario").sort_values("scenario")["probability"].to_numpy(dtype=float)
    return np.asarray(np.tensordot(weight, estate.pupils, axes=1))


def _rows(estate: Estate, kept: Sequence[Kept], times: Array) -> list[Row]:
    """The policy rows, those of the retained surplus asking for as much more or less as their area's pupils change."""
    pupils = expected_pupils(estate)
    areas = {facility.key: facility.planning_area for facility in estate.facilities}
    home = estate.all_nodes["urn"].astype(str)
    change: dict[tuple[str, str], Array] = {}
    for phase, groups in PHASES.items():
        columns = [COMPULSORY.index(group) for group in groups]
        at = home.map(lambda urn, phase=phase: areas[urn].get(phase))
        roll = pupils[:, columns].sum(axis=1)  # (T, N)
        for area in at.dropna().unique():
            here = (at == area).to_numpy(dtype=bool)
            before, after = roll[:, here].sum(axis=1), (roll * times)[:, here].sum(axis=1)
            change[area, phase] = np.divide(after, before, out=np.ones_like(before), where=before > 0)
    lower = {}
    for one in kept:
        ratio = change.get((one.planning_area, one.phase))
        if ratio is not None:
            asked = one.asked * float(ratio[estate.years.index(one.academic_year)])
            lower[one.row] = min(asked, one.today)
    return [replace(row, lower=lower.get(row.name, row.lower)) for row in estate.rows]
