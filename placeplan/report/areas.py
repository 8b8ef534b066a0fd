"""A page for each planning area: the entry years from births to offers, the balance, and what is decided and why."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.years import PHASES, start_year
from models.attendance import LIVING
from models.cohorts import birth_series, cohort_births
from placeplan.report.chart import pupils_and_places
from placeplan.results import read_stage
from placeplan.study import Study

ENTRY_AGE = {"R": 4, "Y7": 11}  # at 31 August before the academic year
OF = ["planning_area", "phase"]


def areas_contents(study: Study, results: Path, ran: Collection[str]) -> list[dict[str, Any]]:
    """For each planning area and phase: anchor, entry rows, phase rows, charts, schools, decisions, retained places.

    Needs the balance; preferences, decisions and retained places as far as there are any.
    """
    balance = read_stage(results / "balance", "balance")
    deficits = read_stage(results / "balance", "deficits")
    asked = _preferences(results)
    entry = _entry(study, results, balance, asked)
    decided = (
        read_stage(results / "estate", "decisions") if "estate" in ran else pd.DataFrame(columns=["planning_area"])
    )
    retained = read_stage(results / "estate", "retained") if "estate" in ran else pd.DataFrame(columns=OF)
    rolls = read_stage(results / "balance", "roll_forecast")
    living = read_stage(results / "forecast", "forecast_area")
    shown = []
    for (area, phase), rows in balance.groupby(OF):
        own = _of(deficits, area, phase)
        whole = _phase(rows, own, _of(living, area, phase))
        shown.append(
            {
                "area": area,
                "phase": phase,
                "anchor": f"area-{phase}-{_anchor(area)}",
                "entry": _of(entry, area, phase).to_dict("records"),
                "has_offers": bool(_of(entry, area, phase)["offers"].notna().any()),
                "has_births": bool(_of(entry, area, phase)["births"].notna().any()),
                "entry_group": PHASES[phase][0],
                "rows": whole.to_dict("records"),
                "chart": pupils_and_places(whole, f"{area}, {phase}"),
                "schools": _schools(study, rolls, asked, decided, area, phase),
                "decisions": _decisions(decided, area, phase),
                "retained": _of(retained, area, phase).to_dict("records"),
            }
        )
    return sorted(shown, key=lambda one: (one["phase"], one["area"]))


def _of(table: pd.DataFrame, area: str, phase: str) -> pd.DataFrame:
    return table[(table["planning_area"] == area) & (table["phase"] == phase)]


def _anchor(name: str) -> str:
    """A part of an address that no two areas share: letters and digits, anything else by its number."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"-{ord(found[0]):x}-" if found[0] != " " else "-", str(name))


def _preferences(results: Path) -> pd.DataFrame:
    path = results / "balance" / "entry_preferences.parquet"
    columns = ["urn", "academic_year", "year_group", "first_preferences", "offers", "pan"]
    return pd.read_parquet(path)[columns] if path.exists() else pd.DataFrame(columns=columns)


def _entry(study: Study, results: Path, balance: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """By area, phase and year of the group that enters: births, living, pupils, places, first preferences, offers."""
    groups = [groups[0] for groups in PHASES.values()]
    entering = balance[balance["year_group"].isin(groups)]
    entering = entering[entering["year_group"] == entering["phase"].map({p: g[0] for p, g in PHASES.items()})]
    table = entering[[*OF, "year_group", "academic_year", "pupils", "places", "need", "spare"]]
    terms = read_stage(results / "balance", "attendance")
    living = terms[(terms["term"] == LIVING) & terms["year_group"].isin(groups)].rename(columns={"pupils": "living"})
    by = ["planning_area", "year_group", "academic_year"]
    table = table.merge(living[[*by, "living"]], on=by, how="left")
    table = table.merge(_births(study, sorted(table["academic_year"].unique())), on=by, how="left")
    schools = study.tables["schools"].set_index("urn")
    wanted = asked[asked["year_group"].isin(groups)]
    where = np.where(wanted["year_group"] == "R", 0, 1)
    both = schools[["planning_area", "planning_area_secondary"]].reindex(wanted["urn"]).to_numpy(dtype=object)
    own = both[np.arange(len(wanted)), where] if len(wanted) else np.array([], dtype=object)
    own = np.where(pd.isna(own), both[:, 0] if len(wanted) else own, own)
    sums = (
        wanted.assign(planning_area=own).groupby(by, as_index=False)[["first_preferences", "offers"]].sum(min_count=1)
    )
    return table.merge(sums, on=by, how="left")


def _births(study: Study, years: list[str]) -> pd.DataFrame:
    """Births of the cohorts that enter in each year, by area of the localities where they were born."""
    localities = study.tables["localities"]
    series = birth_series(study.tables["births"], localities["locality"].tolist())
    starts = np.array([start_year(year) for year in years])
    parts = []
    columns = ("planning_area_primary", "planning_area_secondary")
    for groups, column in zip(PHASES.values(), columns, strict=True):
        born, _ = cohort_births(series, starts, ENTRY_AGE[groups[0]])
        summed = pd.DataFrame(born, columns=years).groupby(localities[column].to_numpy()).sum(min_count=1)
        # An area of which a locality's births are not known has no figure rather than one too small.
        unknown = pd.DataFrame(np.isnan(born), columns=years).groupby(localities[column].to_numpy()).any()
        long = summed.mask(unknown).rename_axis("planning_area").reset_index()
        long = long.melt("planning_area", var_name="academic_year", value_name="births")
        parts.append(long.assign(year_group=groups[0]))
    return pd.concat(parts, ignore_index=True)


def _phase(rows: pd.DataFrame, deficits: pd.DataFrame, living: pd.DataFrame) -> pd.DataFrame:
    """The phase's sums by year with the range of its pupils, what is counted has none, and those living in the area."""
    sums = rows.groupby("academic_year")[["pupils", "places", "physical_places", "need", "spare"]].sum()
    whole = deficits[deficits["kind"] == "whole phase"].set_index("academic_year")
    sums["p10"], sums["p90"] = whole["pupils_p10"].reindex(sums.index), whole["pupils_p90"].reindex(sums.index)
    for name in ("p10", "p90"):
        sums[name] = sums[name].fillna(sums["pupils"])
    sums["living"] = living.groupby("academic_year")["mean"].sum().reindex(sums.index)
    sums["spare_share"] = sums["spare"] / sums["places"].where(sums["places"] > 0)
    return sums.reset_index().rename(columns={"pupils": "mean"})


def _schools(
    study: Study, rolls: pd.DataFrame, asked: pd.DataFrame, decided: pd.DataFrame, area: str, phase: str
) -> list[dict[str, Any]]:
    """Schools of the area: rolls of the phase at both ends, admission number, latest preferences, what is decided."""
    schools = study.tables["schools"]
    column = "planning_area" if phase == "primary" else "planning_area_secondary"
    of = schools[column].where(schools[column].notna(), schools["planning_area"]) if column in schools else None
    own = schools[(schools["planning_area"] if of is None else of) == area].set_index("urn")
    groups = PHASES[phase]
    mine = rolls[rolls["urn"].isin(own.index) & rolls["year_group"].isin(groups)]
    by_year = mine.pivot_table(index="urn", columns="academic_year", values="pupils", aggfunc="sum")
    last = asked[(asked["year_group"] == groups[0]) & asked["urn"].isin(own.index)]
    last = last[last["first_preferences"].notna()].sort_values("academic_year").drop_duplicates("urn", keep="last")
    told = last.set_index("urn")
    actions = {} if "urn" not in decided else _actions(decided)
    shown = []
    for urn, row in own[own.index.isin(by_year.index)].sort_values("name").iterrows():
        shown.append(
            {
                "name": row["name"],
                "urn": urn,
                "pan": row["pan"],
                "pan_estimated": bool(row.get("pan_estimated", False)),
                "first_roll": float(by_year.loc[urn].iloc[0]),
                "last_roll": float(by_year.loc[urn].iloc[-1]),
                "asked_year": told["academic_year"].get(urn),
                "first_preferences": told["first_preferences"].get(urn),
                "offers": told["offers"].get(urn),
                "decided": actions.get(str(urn), ""),
            }
        )
    return shown


def _actions(decided: pd.DataFrame) -> dict[str, str]:
    """What each facility does, in a few words."""
    words = decided["action"] + ", " + decided["academic_year"]
    return words.groupby(decided["facility"].astype(str)).agg("; ".join).to_dict()  # type: ignore[no-any-return]


def _decisions(decided: pd.DataFrame, area: str, phase: str) -> list[dict[str, Any]]:
    """Decisions of the area's schools and sites, those of all-through and middle schools under each of their phases."""
    if "phase" not in decided:
        return []
    other = "secondary" if phase == "primary" else "primary"
    own = decided[(decided["planning_area"] == area) & (decided["phase"] != other)]
    return own.to_dict("records")  # type: ignore[no-any-return]
