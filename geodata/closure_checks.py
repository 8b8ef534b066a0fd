"""Checks of what a closure rests on: contracts with an end, and pupils who are on the roll they are part of."""

from collections.abc import Iterable, Mapping

import pandas as pd

from geodata.problems import Problem, row_problems
from geodata.settings import Settings

OF_THE_ROLL = ("fsm_pupils", "ehcp_pupils", "sen_support_pupils")


def closure_problems(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterable[Problem]:
    """Charges of a contract without an end, and more pupils of a kind than there are on roll."""
    if "schools" not in tables:
        return
    schools = tables["schools"]
    yield from row_problems(
        "schools",
        schools,
        schools["pfi_gbp_per_year"].gt(0) & schools["pfi_until"].isna(),
        lambda row: f"{row['name']} has charges of £{row['pfi_gbp_per_year']:,.0f} a year and no end of the contract.",
        "Give the last day of the contract in pfi_until.",
        "pfi_until",
    )
    if "rolls" not in tables:
        return
    rolls = tables["rolls"]
    of_base = rolls[rolls["academic_year"] == settings.base_year]
    # A suppressed count may be any number of pupils.
    roll = of_base.groupby("urn")["pupils"].agg(lambda pupils: pupils.sum(skipna=False))
    on_roll = schools["urn"].map(roll)
    for field in OF_THE_ROLL:
        yield from row_problems(
            "schools",
            schools,
            (schools[field].astype("Float64") > on_roll).fillna(False).astype(bool),
            lambda row: f"{row['name']} has {row[field]:g} of them and {roll[row['urn']]:g} pupils on roll.",  # noqa: B023
            f"Give pupils, no share; those of {settings.base_year}.",
            field,
        )
