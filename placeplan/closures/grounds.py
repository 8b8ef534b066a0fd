"""Which schools of a study may be considered for closing: the grounds, and what protects a school."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geodata.policy import Policy
from geodata.years import COMPULSORY, PHASES
from models.budgets import shadow_budget, viable
from models.grounds import NO_ROLL, grounds, lacking_factors
from models.options import Facility
from models.rules import Kept
from models.sustainability import sustainability
from placeplan.journeys import StudyJourneys
from placeplan.study import Study, counted_rolls
from placeplan.study_finances import study_finances, within_places
from placeplan.words import counted

EVERY_SCHOOL = "every school with a ground"


def study_grounds(
    study: Study,
    journeys: StudyJourneys,
    facilities: Sequence[Facility],
    asked: Sequence[Kept],
    roll_forecast: pd.DataFrame,
    school_forecast: pd.DataFrame,
    high: Mapping[tuple[str, str], np.ndarray],
) -> pd.DataFrame:
    """As of `models.grounds.grounds`, with `offered`: closing is offered for the school.

    `high` is the high forecast of pupils by planning area and phase, (T,).
    """
    money = study_finances(study, journeys, within_places(roll_forecast, school_forecast))
    budget = shadow_budget(money.schools, money.rolls, money.years, money.values, study.policy)
    scores = sustainability(money.schools, money.rolls[:, -1], money.values, study.policy).score
    of_money = pd.DataFrame({"urn": money.schools.key, "score": scores}).merge(
        viable(budget, study.policy), on="urn", how="left"
    )
    counted = {urn: pupils for urn, pupils in counted_rolls(study).items() if pupils > 0}
    factors = lacking_factors(study.tables.get("rural_factors"))
    raised = _over_median(facilities, high)
    table = grounds(facilities, journeys.schools, asked, of_money, factors, counted, study.policy, raised)
    named = _named(study.policy)
    every = study.policy.text("closable") == EVERY_SCHOOL
    return table.assign(named=table["urn"].isin(named), offered=table["eligible"] & (every | table["urn"].isin(named)))


def closing_notes(table: pd.DataFrame) -> list[str]:
    """What is said of schools without a roll, and of those named for closing that are not offered, and why."""
    held = table[table["named"] & ~table["offered"]]
    silent = table[table["protected"].str.contains(NO_ROLL, regex=False)]
    said = []
    if len(silent):
        names = ", ".join(f"{row.name} ({row.urn})" for row in silent.itertuples(index=False))
        said.append(
            f"{counted(len(silent), 'school')} without pupils in the base year's rolls: closing is not considered, and "
            f"the forecast there is a guess: {names}."
        )
    if len(held):
        whys = [f"{row.name} ({row.urn}): {row.protected or 'no ground'}" for row in held.itertuples(index=False)]
        said.append(
            f"{counted(len(held), 'school')} named for closing (closable_urns) {'is' if len(held) == 1 else 'are'} not "
            f"offered: {'; '.join(whys)}."
        )
    return said


def _named(policy: Policy) -> set[str]:
    value = policy.value("closable_urns")
    named = value if isinstance(value, tuple) else ()
    return {f"{urn:.0f}" if isinstance(urn, float) else str(urn) for urn in named}


def _over_median(
    facilities: Sequence[Facility], high: Mapping[tuple[str, str], np.ndarray]
) -> dict[tuple[str, str], np.ndarray]:
    """The high forecast of each planning area and phase over the median of its schools, (T,)."""
    found = {}
    for (area, phase), pupils in high.items():
        columns = [COMPULSORY.index(group) for group in PHASES[phase]]
        here = [f.pupils[:, columns].sum(axis=1) for f in facilities if f.planning_area.get(phase) == area]
        median = np.sum(here, axis=0)
        found[area, phase] = np.divide(pupils, median, out=np.ones_like(pupils), where=median > 0)
    return found
