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

BASIC_NEED, HIGH_NEEDS, OTHER, BORROWING = "basic need", "high needs", "other", "borrowing"
RECOUPED = "contributions recouped"
FUNDING = (BASIC_NEED, HIGH_NEEDS, RECOUPED, OTHER, BORROWING)
HELD, SECURED = "contributions held", "contributions secured"
SOURCES = (HELD, SECURED, *FUNDING)
GAP = "gap"
COLUMNS = ["academic_year", "purpose", "source", "gbp"]
MAINSTREAM, SEND, WORKS = PURPOSES = ("mainstream places", "SEND places", "other works")
MAY_PAY = dict.fromkeys(FUNDING, PURPOSES) | {BASIC_NEED: (MAINSTREAM,), HIGH_NEEDS: (SEND,)}
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
    `units` are the facilities with a SEND unit. `funding`: academic_year, source (of FUNDING, but for what is
    recouped), amount_gbp; None or empty: all that contributions do not pay is gap. A contribution due by the base
    year is held, one due by the year it pays for is secured by its agreement. What one due later pays for the
    authority has to find first; from the year it is due the money is there to be spent. `years` may reach beyond
    those of the capital, and money of earlier years than the first is at hand in it.
    """
    known = sorted({*years, *capital["academic_year"]}, key=start_year)
    purse = dict.fromkeys(FUNDING, 0.0)
    grants = {} if funding is None else funding.groupby(["academic_year", "source"])["amount_gbp"].sum().to_dict()
    rows = []
    back: dict[int, float] = {}
    for number, year in enumerate(known):
        for (granted, source), gbp in grants.items():
            if granted == year or (number == 0 and start_year(granted) < start_year(year)):
                purse[source] += float(gbp)
        purse[RECOUPED] += sum(back.pop(due) for due in sorted(back) if due <= start_year(year))
        own = capital[capital["academic_year"] == year]
        for purpose in PURPOSES:
            mine = own[_purpose(own, units) == purpose]
            needed = float(mine.loc[mine["source"] == AUTHORITY, "capital_gbp"].sum())
            paid, ahead = _contributed(mine[mine["source"] != AUTHORITY], base_year, year)
            for due, gbp in ahead.items():
                back[due] = back.get(due, 0.0) + gbp
                needed += gbp
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


def _contributed(paid: pd.DataFrame, base_year: str, year: str) -> tuple[dict[str, float], dict[int, float]]:
    """What contributions pay that are held or secured by that year; and what others will pay back, by year due."""
    sums, ahead = dict.fromkeys((HELD, SECURED), 0.0), dict[int, float]()
    for due_year, gbp in zip(paid["due_year"], paid["capital_gbp"], strict=True):
        due = start_year(str(due_year))
        if due > start_year(year):
            ahead[due] = ahead.get(due, 0.0) + float(gbp)
        else:
            sums[HELD if due <= start_year(base_year) else SECURED] += float(gbp)
    return sums, ahead
