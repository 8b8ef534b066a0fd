"""What the map of closures tells: its tables, and the facts of one closing school or of all of them in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from geodata.small_numbers import rounded
from maps.tables import text, whole
from maps.travel_words import few, kilometres, miles, per_cent

BEFORE, AFTER = "before", "after"
SHOWN: Final = 4
"""Receiving schools named below a map; the table has all of them."""


@dataclass(frozen=True)
class ClosingTables:
    """Figures of the page, of pupils on roll in the year in which their school closes: numbers to be expected.

    ``effects``, a row a closing school: facility, name, academic_year, probability, action, without_place, moved_again,
    together_in_plan, could_stay_together (shares of pupils), religious_character, stays, draws. ``going``: facility,
    receiving, receiving_name, same_religious_character, academic_year, year_group, demand_point, pupils, home_known,
    distance_before_m, distance_after_m, beyond_before, beyond_after, newly_beyond, entitled_before, entitled_after,
    newly_entitled (pupils). ``walking_m``: the statutory distances under 8 and from 8.
    ``futures``: how many futures of the forecast the plan is made for. ``noise``: by which share at most the pupils of
    a locality were changed in the draws. Counts
    below ``least`` pupils are not told.
    """

    effects: pd.DataFrame
    going: pd.DataFrame
    walking_m: tuple[float, float]
    approximate: bool
    detour_factor: float
    futures: int
    noise: float
    least: float = 5.0

    def of(self, facility: str) -> "ClosingTables":
        """The figures of one closing school."""
        own = (table[table["facility"] == facility] for table in (self.effects, self.going))
        effects, going = own
        return replace(self, effects=effects, going=going)

    def measured(self) -> str:
        """How distances are measured."""
        if self.approximate:
            return f"approximate: straight line × {self.detour_factor:g}"
        return "along roads and paths"

    def limits(self) -> str:
        """The statutory walking distances."""
        near, far = (miles(limit) for limit in self.walking_m)
        return f"{near} under 8 (R–Y3), {far} from 8"

    def displaced(self) -> str:
        """All pupils of the closing schools, as far as they may be told."""
        return few(float(self.going["pupils"].sum()), self.least)

    def few(self, pupils: float) -> str:
        """Some of them: rounded to fives where a part is too small to tell, so that it is not what is left of all."""
        if not self.hides or round(pupils) == 0 or pupils < self.least:
            return few(pupils, self.least)
        return rounded(pupils)

    @cached_property
    def hides(self) -> bool:
        """Whether the pupils at one receiving school, or of one home alone, are too few to be told."""
        at, of = (self.going.groupby(by)["pupils"].sum() for by in ("receiving", "demand_point"))
        small = [((count >= 0.05) & (count < self.least)).sum() for count in (at, of)]
        return bool(small[0] or small[1] == 1)

    def years(self) -> str:
        """The year or years in which the schools close."""
        return ", ".join(sorted(set(self.effects["academic_year"].astype(str))))


def median_m(rows: pd.DataFrame, when: str) -> float:
    """The journey that half of the pupils do not exceed, of homes that are known; nan without any."""
    known = rows[rows["home_known"].astype(bool)].sort_values(f"distance_{when}_m", kind="stable")
    if known.empty:
        return float("nan")
    reached = known["pupils"].cumsum().to_numpy(dtype=float)
    at = int(np.searchsorted(reached, reached[-1] / 2 - 1e-9))
    return float(known[f"distance_{when}_m"].iloc[at])


def worst_m(rows: pd.DataFrame, when: str) -> float:
    """The longest journey, of homes that are known."""
    return float(rows.loc[rows["home_known"].astype(bool), f"distance_{when}_m"].max())


def facts(own: ClosingTables, when: str) -> Mapping[str, str]:
    """Label and value of what is said below a map."""
    return _before(own) if when == BEFORE else _after(own)


def _before(own: ClosingTables) -> Mapping[str, str]:
    going = own.going
    outside = going.loc[~going["home_known"].astype(bool), "pupils"].sum()
    told = {
        "Who": f"{own.displaced()} pupils on roll in the closing year ({own.years()})",
        "Median journey": f"{kilometres(median_m(going, BEFORE))}: half travel less",
        "Longest journey": kilometres(worst_m(going, BEFORE)),
        "Too far to walk": f"{own.few(going['beyond_before'].sum())} (over {own.limits()})",
        "Free transport": f"{own.few(going['entitled_before'].sum())} entitled",
        "Religious character": "; ".join(dict.fromkeys(text(one) for one in own.effects["religious_character"])),
        "Distances": own.measured(),
    }
    return told | ({"Home not known": f"{own.few(outside)}, not in the distances"} if outside >= 0.05 else {})


def _after(own: ClosingTables) -> Mapping[str, str]:
    going, effects = own.going, own.effects
    pupils = going["pupils"].sum()
    told = {
        "They go to": receiving_words(own),
        "Median journey": f"{kilometres(median_m(going, AFTER))} ({kilometres(median_m(going, BEFORE))} before)",
        "Longest journey": f"{kilometres(worst_m(going, AFTER))} ({kilometres(worst_m(going, BEFORE))} before)",
        "Too far to walk": f"{own.few(going['beyond_after'].sum())}; newly {own.few(going['newly_beyond'].sum())}",
        "Free transport": f"{own.few(going['entitled_after'].sum())} entitled; newly "
        f"{own.few(going['newly_entitled'].sum())}",
        "Religious character": f"kept for {kept(going)} of pupils",
        "Year groups": f"{share_together(own, 'together_in_plan')} go with most of theirs; "
        f"{share_together(own, 'could_stay_together')} could",
        "How certain": certainty(own),
    }
    for label, column in (("Without a place", "without_place"), ("Move a second time", "moved_again")):
        if effects[column].sum() >= 0.05:
            told[label] = f"{own.few(effects[column].sum())} pupils"
    return told if pupils else {"They go to": "nobody is displaced"}


def receiving_words(own: ClosingTables) -> str:
    """The schools that most pupils go to, with pupils."""
    to = own.going.groupby(["receiving", "receiving_name"], dropna=False)["pupils"].sum().sort_values(ascending=False)
    said = [f"{text(name)} {own.few(pupils)}" for (_, name), pupils in to.head(SHOWN).items()]
    more = f" and {len(to) - SHOWN} more" if len(to) > SHOWN else ""
    return f"{'; '.join(said)}{more}"


def kept(going: pd.DataFrame) -> str:
    """Share of the pupils who go to a school of the religious character of their own, which may be none."""
    same = going["same_religious_character"].fillna(False).astype(bool)
    return per_cent(going.loc[same, "pupils"].sum(), going["pupils"].sum())


def share_together(own: ClosingTables, column: str) -> str:
    """Share of pupils who stay, or could, with most of their year group: over the closing schools by their pupils."""
    weight = own.effects["facility"].map(own.going.groupby("facility")["pupils"].sum()).fillna(0.0)
    return per_cent(float((weight * own.effects[column]).sum()), float(weight.sum()))


def certainty(own: ClosingTables) -> str:
    """In how many futures the schools close, and one alone in how many plans made again for other forecasts."""
    said = f"{'each ' if len(own.effects) > 1 else ''}closes {futures(own)}"
    if trials(own) == "–":
        return said
    return f"{said}. {again(own).capitalize()}: {trials(own)} close it"


def again(own: ClosingTables) -> str:
    """What the trial plans are."""
    return f"plans made again, each with pupils changed at random by up to {100 * own.noise:g} % in each locality"


def futures(own: ClosingTables) -> str:
    """The share of the futures in which the schools close, from the least to the most certain; of one no share."""
    if own.futures == 1:
        return "under the plan, which is made for one forecast"
    chances = own.effects["probability"]
    least, most = (f"{100 * share:.0f} %" for share in (chances.min(), chances.max()))
    return f"in {least if least == most else f'{least} to {most}'} of the {own.futures} futures planned for"


def trials(own: ClosingTables) -> str:
    """Trial plans in which the one school closes too: 3 of 3; a dash where none were made or of several schools."""
    row = own.effects.iloc[0]
    return "–" if len(own.effects) > 1 or pd.isna(row["draws"]) else f"{whole(row['stays'])} of {whole(row['draws'])}"
