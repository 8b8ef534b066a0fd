"""Deficits of places: how far draws of the forecast go beyond them, and how surely.

    deficit[n] = Σ over year groups of max(0, pupils[n] − places)        n a joint draw

by planning area, phase and year: of the year group that enters the phase ("intake"), and of all its year groups
together ("whole phase"), where a spare place in one year group is never set off against need in another. So a phase
can be short although it has more places than pupils, and a full Reception is seen beside an empty Y6.

Draws are of the pupils living in an area; places stand against those on roll at its schools. The roll forecast
carries the one to the other, and a draw moves it as the residents' draw differs from their mean:

    pupils[n] = roll forecast · residents[n] ÷ mean of residents

in each planning area and year group. Where nobody of a year group is forecast to live in an area that teaches it, its
rolls move with the whole study. How sharply parents change their choices is not in the draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import PHASES
from models.cohorts import FloatArray
from models.draws import Draws
from models.groups import grouped, membership
from models.planning_areas import NO_AREA

INTAKE, WHOLE_PHASE = KINDS = ("intake", "whole phase")
KEY = ["planning_area", "phase", "academic_year"]
PERCENTILES = (10, 50, 90)
DECIMALS = 2  # of drawn pupils


def drawn_rolls(cells: pd.DataFrame, draws: Draws, years: Sequence[str], year_groups: Sequence[str]) -> FloatArray:
    """Draws (C, N) of the pupils on roll of each cell: planning_area, phase, academic_year, year_group, pupils.

    `years` and `year_groups` name the axes of the draws; cells are of those years.
    """
    drawn = np.empty((len(cells), draws.n_draws))
    year, group = (
        pd.Index(axis).get_indexer(cells[name])
        for axis, name in ((years, "academic_year"), (year_groups, "year_group"))
    )
    areas = draws.areas
    for number, (phase, sums) in enumerate(zip(PHASES, draws.area_sums(), strict=True)):
        groups = areas.groups[number]
        usual = grouped(areas.members(number), draws.mean[:, :, groups])  # (A, H, year groups)
        usual = np.concatenate([usual, usual.sum(axis=0, keepdims=True)])  # the last row is the whole study
        residents = np.concatenate([sums, sums.sum(axis=1, keepdims=True)], axis=1).astype(float)
        ratio = np.divide(residents, usual, out=np.ones_like(residents), where=usual > 0)
        here = (cells["phase"] == phase).to_numpy()
        names = [name or NO_AREA for name in areas.names[number]]
        area = pd.Index(names).get_indexer(cells.loc[here, "planning_area"])  # −1, the whole study, for any other
        at = year[here], group[here] - groups.start
        area = np.where(usual[area, *at] > 0, area, -1)
        drawn[here] = ratio[:, area, *at].T
    # A forecast that was never out is drawn with a trace of error; in hundredths of a pupil it is drawn as it stands.
    rolls: FloatArray = np.round(drawn * cells["pupils"].to_numpy(dtype=float)[:, None], DECIMALS)
    return rolls


def deficit_table(cells: pd.DataFrame, drawn: FloatArray, policy: Policy) -> pd.DataFrame:
    """Deficits of each planning area × phase × year × kind; `cells` with places, and their draws (C, N) of pupils.

    Columns: planning_area, phase, kind, academic_year, pupils_p10, pupils_p50, pupils_p90, places, deficit_p10,
    deficit_p50, deficit_p90, deficit_expected, probability (that the deficit is at least `deficit_counts_from`) and
    first_year: the first in which that reaches `deficit_act_probability`, missing where it never does.
    """
    enters = cells["year_group"] == cells["phase"].map({phase: groups[0] for phase, groups in PHASES.items()})
    of_kind = {INTAKE: enters.to_numpy(), WHOLE_PHASE: np.ones(len(cells), dtype=bool)}
    frames = [_deficits(cells[kept], drawn[kept], policy).assign(kind=kind) for kind, kept in of_kind.items()]
    table = pd.concat(frames, ignore_index=True)
    acting = table[table["probability"] >= policy.number("deficit_act_probability")]
    series = ["planning_area", "phase", "kind"]
    first = acting.groupby(series)["academic_year"].min()
    table["first_year"] = first.reindex(pd.MultiIndex.from_frame(table[series])).array
    shown = ["planning_area", "phase", "kind", "academic_year"]
    order = table.sort_values(shown)
    return order[[*shown, *(name for name in order if name not in shown)]].reset_index(drop=True)


def _deficits(cells: pd.DataFrame, drawn: FloatArray, policy: Policy) -> pd.DataFrame:
    """Key, pupils, places, deficit and its probability of each planning area, phase and year of the cells."""
    at = cells.groupby(KEY, sort=True).ngroup().to_numpy()
    table = cells[KEY].drop_duplicates().sort_values(KEY).reset_index(drop=True)
    members = membership(at, len(table))
    places = cells["places"].to_numpy(dtype=float)
    pupils, short = members @ drawn, members @ np.maximum(drawn - places[:, None], 0.0)
    for percentile, values in zip(PERCENTILES, _percentiles(pupils), strict=True):
        table[f"pupils_p{percentile}"] = values
    table["places"] = members @ places
    for percentile, values in zip(PERCENTILES, _percentiles(short), strict=True):
        table[f"deficit_p{percentile}"] = values
    table["deficit_expected"] = short.mean(axis=1)
    table["probability"] = (short.round(DECIMALS) >= policy.number("deficit_counts_from")).mean(axis=1)
    return table


def _percentiles(values: FloatArray) -> FloatArray:
    found: FloatArray = np.percentile(values, PERCENTILES, axis=1)
    return found
