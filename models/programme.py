"""The capital programme by year: what is needed, what each source pays, and the gap that is left.

Developer contributions pay first, as models.funding lays them out. Then a grant pays for its own purpose – basic need
for places of mainstream year groups, high needs for SEND places – then money for any purpose, borrowing last. Works
that make no such places, as those for rooms let to early years, have neither grant. What a
year does not spend is carried to the next; nothing is spent before its year.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from geodata.years import start_year
from models.funding import AUTHORITY, NO_PHASE

BASIC_NEED, HIGH_NEEDS, OTHER, BORROWING = FUNDING = ("basic need", "high needs", "other", "borrowing")
HELD, SECURED = "contributions held", "contributions secured"
AHEAD = "the authority ahead of contributions"
SOURCES = (HELD, SECURED, AHEAD, *FUNDING)
GAP = "gap"
COLUMNS = ["academic_year", "purpose", "source", "gbp"]
MAINSTREAM, SEND, WORKS = PURPOSES = ("mainstream places", "SEND places", "other works")
MAY_PAY = {BASIC_NEED: (MAINSTREAM,), HIGH_NEEDS: (SEND,), OTHER: PURPOSES, BORROWING: PURPOSES}
"""For which purposes a source may be spent."""


def capital_programme(
    capital: pd.DataFrame,
    funding: pd.DataFrame | None,
    base_year: str,
    years: Sequence[str],
    units: Collection[str] = (),
) -> pd.DataFrame:
    """Rows academic_year, purpose, source (of SOURCES, or "gap"), gbp: what pays for the capital of each year.

    `capital`: academic_year, facility, phase, source ("authority" or a contribution's site), due_year, capital_gbp;
    `units` are the facilities with a SEND unit. `funding`:
    academic_year, source (of FUNDING), amount_gbp; None or empty: all that contributions do not pay is gap. A
    contribution due by the base year is held, one due by the year it pays for is secured by its agreement; one due
    later the authority pays ahead of and recoups. `years` may reach beyond those of
    the capital, and money of earlier years than the first is at hand in it.
    """
    known = sorted({*years, *capital["academic_year"]}, key=start_year)
    purse = dict.fromkeys(FUNDING, 0.0)
    grants = {} if funding is None else funding.groupby(["academic_year", "source"])["amount_gbp"].sum().to_dict()
    rows = []
    for number, year in enumerate(known):
        for (granted, source), gbp in grants.items():
            if granted == year or (number == 0 and start_year(granted) < start_year(year)):
                purse[source] += float(gbp)
        own = capital[capital["academic_year"] == year]
        for purpose in PURPOSES:
            mine = own[_purpose(own, units) == purpose]
            needed = float(mine.loc[mine["source"] == AUTHORITY, "capital_gbp"].sum())
            paid = _contributed(mine[mine["source"] != AUTHORITY], base_year, year)
            for source in FUNDING:
                if purpose in MAY_PAY[source]:
                    paid[source] = min(purse[source], needed)
                    purse[source] -= paid[source]
                    needed -= paid[source]
            paid[GAP] = needed
            rows += [(year, purpose, source, gbp) for source, gbp in paid.items() if gbp > 0]
    return pd.DataFrame(rows, columns=COLUMNS)


def _purpose(capital: pd.DataFrame, units: Collection[str]) -> pd.Series:
    """What each row of the capital is for."""
    unit = capital["facility"].astype(str).isin([str(one) for one in units])
    other = pd.Series(WORKS, index=capital.index).mask(unit, SEND)
    return other.where(capital["phase"] == NO_PHASE, MAINSTREAM)


def _contributed(paid: pd.DataFrame, base_year: str, year: str) -> dict[str, float]:
    """What contributions pay: held, secured by that year, and due only later."""
    sums = dict.fromkeys((HELD, SECURED, AHEAD), 0.0)
    for due_year, gbp in zip(paid["due_year"], paid["capital_gbp"], strict=True):
        due = start_year(str(due_year))
        source = HELD if due <= start_year(base_year) else SECURED if due <= start_year(year) else AHEAD
        sums[source] += float(gbp)
    return sums
