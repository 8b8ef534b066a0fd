"""What changed since last year's study: its forecast against what came, the forecasts, decisions and places.

The folder of last year's study is `previous` under [study] in study.toml. Both studies are read as they lie on disk:
nothing is computed again, and schools, localities and planning areas are matched by URN and code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from geodata.settings import BASE_SCENARIO
from geodata.years import COMPULSORY
from placeplan.comparison.demand import balance_differences, forecast_differences, unmatched
from placeplan.comparison.measures import PHASE_WORDS
from placeplan.comparison.names import study_side
from placeplan.comparison.plans import DECISIONS, ONLY_A, ONLY_B, OTHER, all_decisions
from placeplan.comparison.sides import Side, stored_side
from placeplan.comparison.stage import stages_not_compared, study_names
from placeplan.comparison.words import more_or_fewer, some
from placeplan.study import Study
from placeplan.words import counted

NEW, DROPPED, CHANGED, CARRIED_OUT, DUE = "new", "dropped", "changed", "carried out", "was due"
STATUSES: Final = {
    NEW: "new",
    CHANGED: "changed",
    DROPPED: "dropped",
    CARRIED_OUT: "carried out",
    DUE: "due by now and not to be seen in the data",
}
"""What became of a decision, and in words. Carried out: this year's schools and places show it already."""
OUTTURN: Final = [
    "level",
    "place",
    "phase",
    "academic_year",
    "forecast",
    "p10",
    "p90",
    "actual",
    "difference",
    "within",
]
FORECAST: Final = [
    "phase", "academic_year", "before", "before_p10", "before_p90", "now", "now_p10", "now_p90", "difference", "within",
]  # fmt: skip
BALANCE: Final = [
    "planning_area", "phase", "academic_year", "need_before", "need_now", "need_difference", "spare_before",
    "spare_now", "spare_difference",
]  # fmt: skip
LEAST: Final = 0.5  # pupils and places: less rounds to nothing


@dataclass(frozen=True, eq=False)
class Since:
    """What changed since last year's study. Tables are empty where a study lacks the results; differences are now less
    before.

    Attributes
    ----------
    previous : what last year's study is called, as "the study of 2021/22".
    base_year : latest year with counted pupils; "" where there are no results.
    sentences : the changes in plain words, what could not be compared last.
    outturn : pupils who came in this study's base year against last year's forecast of it, for the authority and its
        planning areas: columns of OUTTURN. `within` says whether they lie from p10 to p90.
    forecast : last year's forecast and this one's by phase and year, for the authority: FORECAST. `within` says whether
        this year's mean lies from p10 to p90 of last year's.
    decisions : new, dropped, changed, carried out or due, a row each: `status`, then DECISIONS with _a last year's and
        _b this year's. What stands unchanged is counted in `unchanged`.
    balance : need and spare places before any decision by planning area, phase and year: BALANCE.
    unmatched : schools, localities, planning areas and years of one study only: what, key, only_in.
    """

    previous: str
    base_year: str
    sentences: Sequence[str]
    outturn: pd.DataFrame
    forecast: pd.DataFrame
    decisions: pd.DataFrame
    unchanged: int
    balance: pd.DataFrame
    unmatched: pd.DataFrame


def since_last_year(study: Study) -> Since | None:
    """What changed since the study that study.toml names as `previous`; None where it names none.

    Last year's study is read in its base scenario, this one in its own.
    """
    if not study.settings.previous:
        return None
    before = study_side(study.folder / study.settings.previous, study.settings.name)
    return changed(before, stored_side(_called(study), study.results), study_names(study))


def previous_origin(study: Study) -> dict[str, Any]:
    """Fingerprint by stage of last year's results, for what a stage that shows them is made from; {} without them."""
    if not study.settings.previous:
        return {}
    return stored_side("", study.folder / study.settings.previous / "results" / BASE_SCENARIO).origin()


def _called(study: Study) -> str:
    return f"the study of {study.settings.base_year}"


def changed(before: Side, now: Side, names: Mapping[str, str]) -> Since:
    """What changed from one side to the other."""
    forecast = forecast_differences(before, now)
    decided = _decided(before, now)
    balance = balance_differences(before, now)
    balance.columns = pd.Index([_before_now(name) for name in balance.columns])
    told = Since(
        previous=before.name,
        base_year=now.base_year,
        sentences=(),
        outturn=_outturn(before, now, forecast),
        forecast=_by_phase(forecast, now.base_year),
        decisions=decided[decided["status"] != ""].reset_index(drop=True),
        unchanged=int((decided["status"] == "").sum()),
        balance=balance[BALANCE],
        unmatched=unmatched(before, now),
    )
    said = [*_words(told, before, now, names), *stages_not_compared(before, now)]
    return Since(**{**vars(told), "sentences": said})


def _before_now(name: str) -> str:
    return {"_a": f"{name[:-2]}_before", "_b": f"{name[:-2]}_now"}.get(name[-2:], name)


def _outturn(before: Side, now: Side, forecast: pd.DataFrame) -> pd.DataFrame:
    """Counts of this study's base year against last year's forecast of it."""
    if not before.base_year < now.base_year:
        return pd.DataFrame(columns=OUTTURN)
    came = forecast[
        (forecast["academic_year"] == now.base_year) & forecast["level"].isin(("authority", "planning area"))
    ]
    names = {"mean_a": "forecast", "p10_a": "p10", "p90_a": "p90", "mean_b": "actual", "b_within_a": "within"}
    return came.rename(columns=names)[OUTTURN].reset_index(drop=True)


def _by_phase(forecast: pd.DataFrame, base_year: str) -> pd.DataFrame:
    """Years that both forecast, for the authority."""
    own = forecast[(forecast["level"] == "authority") & (forecast["academic_year"] > base_year)]
    names = {f"{part}_{side}": when if part == "mean" else f"{when}_{part}"
             for part in ("mean", "p10", "p90") for side, when in (("a", "before"), ("b", "now"))}  # fmt: skip
    own = own.rename(columns={**names, "b_within_a": "within"})[FORECAST]
    return own.sort_values(["phase", "academic_year"], kind="stable").reset_index(drop=True)


def _decided(before: Side, now: Side) -> pd.DataFrame:
    """Every decision of either study with its status, "" where it stands unchanged."""
    table = all_decisions(before, now)
    if table.empty:
        return pd.DataFrame(columns=["status", *DECISIONS])
    differs = table["differs"]
    seen = _to_be_seen(table, before, now)
    due = table["academic_year_a"].fillna("9999") <= now.base_year
    status = np.select(
        [differs == "", differs == ONLY_B, (differs == ONLY_A) & seen, (differs == ONLY_A) & due, differs == ONLY_A],
        ["", NEW, CARRIED_OUT, DUE, DROPPED],
        CHANGED,
    )
    table.insert(0, "status", status)
    return table


def _to_be_seen(table: pd.DataFrame, before: Side, now: Side) -> pd.Series:
    """Whether this study's schools have the places that last year's decision would bring, or the school is gone."""
    if not (before.has("school_places") and now.has("school_places")):
        return pd.Series(False, index=table.index)
    supply = now.tables["school_places"]
    last = min(str(side.tables["school_places"]["academic_year"].max()) for side in (before, now))
    own = supply[(supply["academic_year"] == last) & supply["year_group"].isin(COMPULSORY)]
    places = table["facility"].map(own.groupby(own["urn"].astype(str))["places"].sum())
    known = table["facility"].isin(before.tables["school_places"]["urn"].astype(str))
    gone = known & places.isna() & (table["places_after_a"] == 0)
    moved = (table["places_after_a"] - table["places_before_a"]).abs() > LEAST
    return gone | (moved & ((places - table["places_after_a"]).abs() <= LEAST))


def _words(told: Since, before: Side, now: Side, names: Mapping[str, str]) -> Iterator[str]:
    if not before.summaries:
        yield f"Last year's study has no results to compare with: run `placeplan run` on {before.name}."
        return
    kinds = [side.settings().get("pupils") for side in (before, now)]
    if kinds[0] != kinds[1]:
        yield f"Last year's study counts other pupils ({kinds[0]}, now {kinds[1]}): figures are not of the same."
    yield from _outturn_words(told)
    yield from _forecast_words(told)
    yield from _decision_words(told, before, now)
    yield from _balance_words(told)
    for what, rows in told.unmatched[told.unmatched["what"] != "year"].groupby("what", sort=False):
        called = "; ".join(
            f"{names.get(row.key, row.key)} (only in {row.only_in})" for row in rows.head(4).itertuples()
        )
        more = f" and {len(rows) - 4} more" if len(rows) > 4 else ""
        yield f"Not in both studies, by {what}: {called}{more}."


def _outturn_words(told: Since) -> Iterator[str]:
    whole = told.outturn[told.outturn["level"] == "authority"]
    for row in whole.itertuples():
        words = PHASE_WORDS.get(row.phase, row.phase)
        came = "as forecast" if abs(row.difference) < LEAST else f"{more_or_fewer(row.difference)} than forecast"
        yield (
            f"{words} in {row.academic_year}: {row.actual:,.0f} came, {came}; {told.previous} expected "
            f"{row.forecast:,.0f} ({row.p10:,.0f} to {row.p90:,.0f} in eight outcomes of ten), so they are "
            f"{'within' if row.within else 'outside'} its likely range."
        )
    areas = told.outturn[told.outturn["level"] == "planning area"]
    if len(areas):
        inside = int(areas["within"].astype(bool).sum())
        yield f"Of {len(areas)} forecasts of planning areas by phase, {inside} held within their likely range."


def _forecast_words(told: Since) -> Iterator[str]:
    table = told.forecast
    for row in table[table["academic_year"] == table["academic_year"].max()].itertuples():
        words = PHASE_WORDS.get(row.phase, row.phase)
        change = "as before" if abs(row.difference) < LEAST else f"{more_or_fewer(row.difference)} than before"
        yield f"{words} in {row.academic_year} are now forecast at {row.now:,.0f}, {change} ({row.before:,.0f})."


def _decision_words(told: Since, before: Side, now: Side) -> Iterator[str]:
    if not (before.has("decisions") and now.has("decisions")):
        return
    table = told.decisions
    counts = table["status"].value_counts()
    parts = [f"{counts[status]} {words}" for status, words in STATUSES.items() if status in counts]
    moved = (table["status"] == CHANGED) & (table["differs"] == OTHER["academic_year"])
    if moved.any():
        parts = [
            f"{part} ({int(moved.sum())} in their year alone)" if part.endswith(CHANGED) else part for part in parts
        ]
    if told.unchanged:
        parts.append(f"{told.unchanged} as before")
    yield f"Decisions on schools and sites since {told.previous}: {', '.join(parts) or 'none in either'}."


def _balance_words(told: Since) -> Iterator[str]:
    table = told.balance[told.balance["academic_year"] > told.base_year]
    if table.empty:
        return
    worst = table.groupby(["planning_area", "phase"])[["need_before", "need_now"]].max()
    arose = worst[(worst["need_before"] < LEAST) & (worst["need_now"] >= LEAST)]
    gone = worst[(worst["need_before"] >= LEAST) & (worst["need_now"] < LEAST)]
    for rows, words in ((arose, "Places are now forecast to run short, as they were not before, in"),
                        (gone, "Places are no longer forecast to run short in")):  # fmt: skip
        if len(rows):
            yield f"{words} {some([f'{area} ({phase})' for area, phase in rows.index])}."
    if arose.empty and gone.empty:
        yield f"Places run short in {counted(int((worst['need_now'] >= LEAST).sum()), 'planning area')}, as before."
